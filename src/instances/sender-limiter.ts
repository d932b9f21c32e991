/**
 * Limits failed signatures (docs/architecture.md, Failed signatures): above a number per minute, an address is refused
 * before its body is read and hashed. An address that has sent a valid delivery for an instance is counted separately
 * for it, so that an outdated copy of a shop does not lock out other shops on its host. Counted in the isolate's
 * memory.
 */
import { FailureLimiter } from '../accounts/failure-limiter.ts'

/** Maximum number of pairs of address and instance with a valid delivery; the oldest is removed first. */
const MAX_VERIFIED_SENDERS = 10_000

/** Counts failures by sender. */
export class SenderLimiter {
	readonly #failures = new FailureLimiter()
	readonly #verified = new Set<string>()

	/**
	 * Seconds until signatures of this sender are verified again; null: they are now. `named`: the instances that the
	 * request names.
	 */
	blockedSeconds(address: string, instances: readonly string[], nowMs: number): number | null {
		return this.#failures.blockedSeconds(this.#senderKey(address, instances), nowMs)
	}

	/** Counts a failure once for each secret that was tried. */
	recordFailure(address: string, instances: readonly string[], attempts: number, nowMs: number): void {
		this.#failures.count(this.#senderKey(address, instances), nowMs, attempts)
	}

	/** Records that this address has sent a valid delivery for this instance. */
	recordVerified(address: string, instance: string): void {
		const pair = `${address} ${instance}`
		if (this.#verified.has(pair)) return
		if (this.#verified.size >= MAX_VERIFIED_SENDERS) this.#verified.delete(this.#verified.values().next().value!)
		this.#verified.add(pair)
	}

	#senderKey(address: string, instances: readonly string[]): string {
		const pair = `${address} ${instances.join()}`
		return this.#verified.has(pair) ? pair : address
	}
}

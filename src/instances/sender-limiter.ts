/**
 * The limit on failed signatures (docs/architecture.md, Failed signatures): past so many a minute an address is refused
 * before its body is read and hashed. Failures are counted by address; who once sent what an instance's secret has
 * signed is counted by itself, so that a stale copy of a shop does not shut out the other shops of its host. It lives
 * in the isolate's memory.
 */
import { FailureLimiter } from '../accounts/failure-limiter.ts'

/** Proven pairs of address and instance remembered at most; the oldest goes first. */
const MAX_VERIFIED_SENDERS = 10_000

/** Counts failures by whoever sends. */
export class SenderLimiter {
	readonly #failures = new FailureLimiter()
	readonly #verified = new Set<string>()

	/**
	 * Seconds until signatures of this sender are looked at again; null: they are now. `named`: the instances that the
	 * request names.
	 */
	blockedSeconds(address: string, instanceIds: readonly number[], nowMs: number): number | null {
		return this.#failures.blockedSeconds(this.#senderKey(address, instanceIds), nowMs)
	}

	/** Counts a failure once for each secret that was tried. */
	recordFailure(address: string, instanceIds: readonly number[], attempts: number, nowMs: number): void {
		this.#failures.count(this.#senderKey(address, instanceIds), nowMs, attempts)
	}

	/** Remembers that this address sends for this instance. */
	recordVerified(address: string, instanceId: number): void {
		const pair = `${address} ${instanceId}`
		if (this.#verified.has(pair)) return
		if (this.#verified.size >= MAX_VERIFIED_SENDERS) this.#verified.delete(this.#verified.values().next().value!)
		this.#verified.add(pair)
	}

	#senderKey(address: string, instanceIds: readonly number[]): string {
		const pair = `${address} ${instanceIds.join()}`
		return this.#verified.has(pair) ? pair : address
	}
}

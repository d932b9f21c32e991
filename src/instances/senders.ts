/**
 * The limit on failed signatures (design, Safety): past so many a minute an address is refused before its body is read and hashed. Failures are counted
 * by address; who once sent what an instance's secret has signed is counted by itself, so that a stale copy of a shop does not shut out the other
 * shops of its host. It lives in the isolate's memory.
 */
import { FailureLimit } from '../accounts/failures.ts'

/** Proven pairs of address and instance remembered at most; the oldest goes first. */
const MOST_PROVEN = 10_000

/** Counts failures by whoever sends. */
export class Senders {
	readonly #failures = new FailureLimit()
	readonly #proven = new Set<string>()

	/** Seconds until signatures of this sender are looked at again; null: they are now. `named`: the instances that the request names. */
	blockedSeconds(address: string, named: readonly number[], nowMs: number): number | null {
		return this.#failures.blockedSeconds(this.#sender(address, named), nowMs)
	}

	/** Counts a failure once for each secret that was tried. */
	failed(address: string, named: readonly number[], tried: number, nowMs: number): void {
		this.#failures.count(this.#sender(address, named), nowMs, tried)
	}

	/** Remembers that this address sends for this instance. */
	verified(address: string, instanceId: number): void {
		const pair = `${address} ${instanceId}`
		if (this.#proven.has(pair)) return
		if (this.#proven.size >= MOST_PROVEN) this.#proven.delete(this.#proven.values().next().value!)
		this.#proven.add(pair)
	}

	#sender(address: string, named: readonly number[]): string {
		const pair = `${address} ${named.join()}`
		return this.#proven.has(pair) ? pair : address
	}
}

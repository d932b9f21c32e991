/**
 * Limits failed authentication: above a number of wrong secrets per minute, an address gets 429. Counted in the
 * isolate's memory. Valid secrets always pass, because many callers can share an address, and one with an old secret
 * must not lock out the others. A secret has 256 random bits, so it cannot be guessed.
 */

/** Failures allowed per address and minute. */
export const MAX_FAILURES_PER_MINUTE = 100

const WINDOW_MS = 60_000
/** Maximum number of addresses in memory; the oldest entry is removed first. */
const MAX_ADDRESSES = 10_000

/** Counts failures by address. */
export class FailureLimiter {
	readonly #windows = new Map<string, { startMs: number; count: number }>()

	/** Seconds until this address may fail again; null: it may now. */
	blockedSeconds(address: string, nowMs: number): number | null {
		const window = this.#windows.get(address)
		if (window === undefined || nowMs - window.startMs >= WINDOW_MS || window.count < MAX_FAILURES_PER_MINUTE)
			return null
		return Math.max(1, Math.ceil((window.startMs + WINDOW_MS - nowMs) / 1000))
	}

	/** Counts a failure, or several at once. */
	count(address: string, nowMs: number, times = 1): void {
		const window = this.#windows.get(address)
		if (window !== undefined && nowMs - window.startMs < WINDOW_MS) {
			window.count += times
			return
		}
		this.#windows.delete(address)
		if (this.#windows.size >= MAX_ADDRESSES) this.#windows.delete(this.#windows.keys().next().value!)
		this.#windows.set(address, { startMs: nowMs, count: times })
	}
}

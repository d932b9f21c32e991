/**
 * The token buckets of a callback's rates (`event.notification.rate`). Tokens go out in the order of requests. Pure.
 */

/** A consumer sleeps this long at most until its tokens can be used, ms; beyond that the instance is parked. */
export const MAX_TOKEN_WAIT_MS = 2_000

/**
 * The tokens of one rate (per second), shared by all instances with that rate: when the bucket is full again, counted
 * from all that is promised and from all that was taken (epoch ms). A late taker of promised tokens cannot burst: what
 * it takes counts from the moment it is taken.
 */
export interface TokenBucket {
	rate: number
	promisedMs: number
	takenMs: number
}

/** Promised tokens, and when they can be used (epoch ms). */
export interface Reservation {
	fromMs: number
	permits: number
}

/**
 * Takes up to `requested` tokens of a rate, which can be used from `fromMs` on. Without permits the tokens come later:
 * `reservation` promises them, so that no later request overtakes this one. Several tokens are handed out at a time, so
 * that a fast rate does not cost one request per token.
 */
export function acquire(
	buckets: TokenBucket[],
	existing: Reservation | null,
	rate: number,
	requested: number,
	now: number,
): { permits: number; fromMs: number; reservation: Reservation | null } {
	const tokenMs = 1000 / rate
	const burst = Math.max(1, rate)
	let bucket = buckets.find((candidate) => candidate.rate === rate)
	if (bucket === undefined) buckets.push((bucket = { rate, promisedMs: now, takenMs: now }))
	let reservation = existing
	if (reservation === null) {
		const available = Math.floor(burst - Math.max(0, bucket.promisedMs - now) / tokenMs)
		const permits = Math.min(requested, Math.max(1, available > 0 ? available : Math.floor(rate / 2)))
		bucket.promisedMs = Math.max(bucket.promisedMs, now) + permits * tokenMs
		reservation = { fromMs: Math.max(now, bucket.promisedMs - burst * tokenMs), permits }
	}
	const permits = Math.min(requested, reservation.permits)
	const fromMs = Math.max(now, reservation.fromMs, bucket.takenMs + (permits - burst) * tokenMs)
	if (fromMs > now + MAX_TOKEN_WAIT_MS) return { permits: 0, fromMs, reservation: { ...reservation, fromMs } }
	bucket.promisedMs -= (reservation.permits - permits) * tokenMs
	bucket.takenMs = Math.max(bucket.takenMs, fromMs) + permits * tokenMs
	return { permits, fromMs, reservation: null }
}

/** Takes back unused tokens. */
export function release(buckets: readonly TokenBucket[], rate: number | null, permits: number): void {
	const bucket = buckets.find((candidate) => candidate.rate === rate)
	if (bucket === undefined) return
	bucket.promisedMs -= (permits * 1000) / bucket.rate
	bucket.takenMs -= (permits * 1000) / bucket.rate
}

/** The buckets worth keeping: a full bucket equals a new one. */
export function activeBuckets(buckets: readonly TokenBucket[], now: number): TokenBucket[] {
	return buckets.filter((bucket) => Math.max(bucket.promisedMs, bucket.takenMs) > now)
}

/**
 * The meter of a callback's rates: tokens that may be used from some moment on, some at a time, handed out in the order
 * in which they were asked for. Pure.
 */

/** A consumer waits for a token so long itself, ms; beyond that the instance is parked. */
export const MAX_TOKEN_WAIT_MS = 2_000

/**
 * Tokens of a rate (a second), instances with the same rate share them: when the bucket is full again of all that is
 * promised, and of all that was taken (epoch ms). Who comes late for what it was promised takes it then, and no more go
 * at a time for that.
 */
export interface TokenBucket {
	rate: number
	promisedMs: number
	takenMs: number
}

/** Tokens that somebody was promised, and from when on (epoch ms). */
export interface Reservation {
	fromMs: number
	permits: number
}

/**
 * Takes up to `want` tokens of a rate; from when on they may be used, and what is promised after that. No permits: they
 * come later and are promised, so that nobody who asks after it is served before it. Some tokens at a time, so that a
 * fast rate is not an ask a token.
 */
export function acquire(
	buckets: TokenBucket[],
	existing: Reservation | null,
	rate: number,
	requested: number,
	now: number,
): { permits: number; fromMs: number; slot: Reservation | null } {
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
	if (fromMs > now + MAX_TOKEN_WAIT_MS) return { permits: 0, fromMs, slot: { ...reservation, fromMs } }
	bucket.promisedMs -= (reservation.permits - permits) * tokenMs
	bucket.takenMs = Math.max(bucket.takenMs, fromMs) + permits * tokenMs
	return { permits, fromMs, slot: null }
}

/** Takes tokens back that were not used. */
export function release(buckets: readonly TokenBucket[], rate: number | null, permits: number): void {
	const bucket = buckets.find((candidate) => candidate.rate === rate)
	if (bucket === undefined) return
	bucket.promisedMs -= (permits * 1000) / bucket.rate
	bucket.takenMs -= (permits * 1000) / bucket.rate
}

/** The buckets that somebody would miss: a full one is as good as none. */
export function activeBuckets(buckets: readonly TokenBucket[], now: number): TokenBucket[] {
	return buckets.filter((bucket) => Math.max(bucket.promisedMs, bucket.takenMs) > now)
}

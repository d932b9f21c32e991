/** The store's clock, judged by the Date header of its answers. Pure. */
import type { PendingClockSkew } from '../core/state.ts'

/**
 * The store's clock: believed when it agrees with what was believed before, or when it says the same new thing twice,
 * seconds apart: a cached answer keeps its old Date, a clock that was set goes on from there. `skew` = store clock −
 * own clock, ms.
 */
export function evaluateClock(
	skewMs: number | null,
	pendingSkew: PendingClockSkew | null,
	storeNowMs: number,
	nowMs: number,
): { stale: boolean; skewMs: number; pendingSkew: PendingClockSkew | null } {
	const observedSkewMs = storeNowMs - nowMs
	if (skewMs === null) return { stale: false, skewMs: observedSkewMs, pendingSkew: null }
	// Followed forwards only: a cache that is asked every minute would drag the clock back with it for ever.
	if (Math.abs(observedSkewMs - skewMs) <= CLOCK_TOLERANCE_MS)
		return { stale: false, skewMs: Math.max(observedSkewMs, skewMs), pendingSkew: null }
	if (pendingSkew === null) return { stale: true, skewMs, pendingSkew: { skewMs: observedSkewMs, atMs: nowMs } }
	if (nowMs - pendingSkew.atMs < MIN_CLOCK_CONFIRM_MS) return { stale: true, skewMs, pendingSkew }
	if (Math.abs(observedSkewMs - pendingSkew.skewMs) <= CLOCK_MATCH_TOLERANCE_MS)
		return { stale: false, skewMs: observedSkewMs, pendingSkew: null }
	return { stale: true, skewMs, pendingSkew: { skewMs: observedSkewMs, atMs: nowMs } }
}

/** A Date header has whole seconds and answers take time. */
export const CLOCK_MATCH_TOLERANCE_MS = 3_000

export const MIN_CLOCK_CONFIRM_MS = 10_000

export const CLOCK_TOLERANCE_MS = 60_000

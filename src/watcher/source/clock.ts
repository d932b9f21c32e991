/** The store's clock, judged by the Date header of its answers. Pure. */
import type { ClockDoubt } from '../core/state.ts'

/**
 * The store's clock: believed when it agrees with what was believed before, or when it says the same new thing twice, seconds
 * apart: a cached answer keeps its old Date, a clock that was set goes on from there. `skew` = store clock − own clock, ms.
 */
export function judgeClock(
	skewMs: number | null,
	doubt: ClockDoubt | null,
	storeNowMs: number,
	nowMs: number,
): { stale: boolean; skewMs: number; doubt: ClockDoubt | null } {
	const seen = storeNowMs - nowMs
	if (skewMs === null) return { stale: false, skewMs: seen, doubt: null }
	// Followed forwards only: a cache that is asked every minute would drag the clock back with it for ever.
	if (Math.abs(seen - skewMs) <= CLOCK_TOLERANCE_MS) return { stale: false, skewMs: Math.max(seen, skewMs), doubt: null }
	if (doubt === null) return { stale: true, skewMs, doubt: { skewMs: seen, atMs: nowMs } }
	if (nowMs - doubt.atMs < CLOCK_DOUBT_MS) return { stale: true, skewMs, doubt }
	if (Math.abs(seen - doubt.skewMs) <= CLOCK_SAME_MS) return { stale: false, skewMs: seen, doubt: null }
	return { stale: true, skewMs, doubt: { skewMs: seen, atMs: nowMs } }
}

/** A Date header has whole seconds and answers take time. */
export const CLOCK_SAME_MS = 3_000

export const CLOCK_DOUBT_MS = 10_000

export const CLOCK_TOLERANCE_MS = 60_000

/** The store's clock, from the Date header of its answers. Pure. */
import type { PendingClockSkew } from '../core/state.ts'

/** A difference up to this is drift, not a changed clock, ms. */
const CLOCK_TOLERANCE_MS = 60_000
/** A Date header has whole seconds, and answers take time. */
const CLOCK_MATCH_TOLERANCE_MS = 3_000
/** Two responses confirm a new time if they are at least this far apart, ms. */
const MIN_CLOCK_CONFIRM_MS = 10_000

/**
 * Evaluates a Date header. It is accepted if it matches the last accepted one, or if two responses some seconds apart
 * agree on a new time: a cached response keeps its old Date, a changed clock continues. `skewMs`: store clock minus
 * own clock; `stale`: the response may come from a cache.
 */
export function evaluateClock(
	skewMs: number | null,
	pendingSkew: PendingClockSkew | null,
	storeNowMs: number,
	nowMs: number,
): { stale: boolean; skewMs: number; pendingSkew: PendingClockSkew | null } {
	const observedSkewMs = storeNowMs - nowMs
	if (skewMs === null) return { stale: false, skewMs: observedSkewMs, pendingSkew: null }
	// Small steps are followed forwards only: the old Dates of a cache would move the clock back step by step.
	if (Math.abs(observedSkewMs - skewMs) <= CLOCK_TOLERANCE_MS)
		return { stale: false, skewMs: Math.max(observedSkewMs, skewMs), pendingSkew: null }
	if (pendingSkew === null) return { stale: true, skewMs, pendingSkew: { skewMs: observedSkewMs, atMs: nowMs } }
	if (nowMs - pendingSkew.atMs < MIN_CLOCK_CONFIRM_MS) return { stale: true, skewMs, pendingSkew }
	if (Math.abs(observedSkewMs - pendingSkew.skewMs) <= CLOCK_MATCH_TOLERANCE_MS)
		return { stale: false, skewMs: observedSkewMs, pendingSkew: null }
	return { stale: true, skewMs, pendingSkew: { skewMs: observedSkewMs, atMs: nowMs } }
}

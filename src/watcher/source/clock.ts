/** The store's clock, from the Date header of its answers. Pure. */
import type { PendingClockSkew } from '../core/state.ts'

/** A difference up to this is drift, not a changed clock, ms. */
const CLOCK_TOLERANCE_MS = 60_000
/** A Date header has whole seconds, and answers take time. */
const CLOCK_MATCH_TOLERANCE_MS = 3_000
/** Two responses confirm a new time if they are at least this far apart, ms. */
const MIN_CLOCK_CONFIRM_MS = 10_000
/** Another clock is remembered this long beside the one that counts, ms. */
const MAX_OTHER_CLOCK_AGE_MS = 60 * 60_000

/**
 * Evaluates a Date header. It is accepted if it matches the last accepted one, or if two responses some seconds apart
 * agree on a new time: a cached response keeps its old Date, a changed clock continues. Where two clocks go on side by
 * side, as on two servers, the one nearer to the own clock counts, and the answers of both are used. `skewMs`: store
 * clock minus own clock; `stale`: the response may come from a cache; `isOther`: its clock is not the one that counts.
 */
export function evaluateClock(
	skewMs: number | null,
	pendingSkew: PendingClockSkew | null,
	storeNowMs: number,
	nowMs: number,
): { stale: boolean; skewMs: number; pendingSkew: PendingClockSkew | null; isOther?: true } {
	const observedSkewMs = storeNowMs - nowMs
	if (skewMs === null) return { stale: false, skewMs: observedSkewMs, pendingSkew: null }
	// Small steps are followed forwards only: the old Dates of a cache would move the clock back step by step.
	if (Math.abs(observedSkewMs - skewMs) <= CLOCK_TOLERANCE_MS)
		return { stale: false, skewMs: Math.max(observedSkewMs, skewMs), pendingSkew: toClockBeside(pendingSkew, nowMs) }
	if (isOtherClock(pendingSkew, storeNowMs, nowMs)) return { stale: false, skewMs, pendingSkew, isOther: true }
	if (pendingSkew === null) return { stale: true, skewMs, pendingSkew: { skewMs: observedSkewMs, atMs: nowMs } }
	if (nowMs - pendingSkew.atMs < MIN_CLOCK_CONFIRM_MS) return { stale: true, skewMs, pendingSkew }
	if (!isMatch(observedSkewMs, pendingSkew))
		return { stale: true, skewMs, pendingSkew: { skewMs: observedSkewMs, atMs: nowMs } }
	if (pendingSkew.isBeside !== true) return { stale: false, skewMs: observedSkewMs, pendingSkew: null }
	const beside = { atMs: nowMs, isBeside: true as const, isProven: true as const }
	return Math.abs(observedSkewMs) < Math.abs(skewMs)
		? { stale: false, skewMs: observedSkewMs, pendingSkew: { ...beside, skewMs } }
		: { stale: false, skewMs, pendingSkew: { ...beside, skewMs: observedSkewMs }, isOther: true }
}

/** Whether an answer shows the proven clock beside the one that counts. */
export function isOtherClock(pendingSkew: PendingClockSkew | null, storeNowMs: number, nowMs: number): boolean {
	return pendingSkew?.isProven === true && isMatch(storeNowMs - nowMs, pendingSkew)
}

function isMatch(observedSkewMs: number, { skewMs }: PendingClockSkew): boolean {
	return Math.abs(observedSkewMs - skewMs) <= CLOCK_MATCH_TOLERANCE_MS
}

/** Another clock, now that the one that counts was seen again. */
function toClockBeside(pendingSkew: PendingClockSkew | null, nowMs: number): PendingClockSkew | null {
	const isOld =
		pendingSkew === null || (pendingSkew.isProven !== true && nowMs - pendingSkew.atMs > MAX_OTHER_CLOCK_AGE_MS)
	return isOld ? null : { ...pendingSkew, isBeside: true }
}

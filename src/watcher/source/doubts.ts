/** Doubts that answers raise about what a resource's lists can do, and when the store is asked. */
import { isLimited, type Ability } from '../core/abilities.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { isOneAnswer } from '../core/freshness.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'

/** A store is asked what it can do this long after an answer raised a doubt: twice, some time apart, is no accident. */
export const PROBE_DELAY_MS = 30_000
/** What does not work is asked for again this often, and daily where a collection cannot be read at all. */
const PROBE_INTERVAL_MS = 7 * DAY_MS
/** What was doubted longer ago is doubted anew. */
const MAX_DOUBT_AGE_MS = 2 * HOUR_MS

/**
 * An answer is not what was asked for, as if this ability were missing: the store is asked soon. `isStrong`: two
 * answers contradict each other, so that only a proof ends the doubt.
 */
export function noteDoubt(rs: ResourceState, ability: Ability, nowMs: number, isStrong = false): void {
	if (rs.abilities?.[ability]?.works === false || isOneAnswer(rs, nowMs)) return
	const known = rs.doubts?.[ability]
	const isCurrent = known !== undefined && nowMs - known.sinceMs <= MAX_DOUBT_AGE_MS
	const doubt = isCurrent ? known : { sinceMs: nowMs, cleared: 0 }
	if (!isCurrent || (isStrong && known.isStrong !== true))
		rs.doubts = { ...rs.doubts, [ability]: { ...doubt, ...(isStrong && { isStrong: true as const }) } }
	rs.probeMs ??= nowMs + PROBE_DELAY_MS
}

/** The store refuses a list: the store is asked soon, at most hourly, which lists it does not. */
export function noteRefusal(rs: ResourceState, nowMs: number): void {
	if (nowMs - (rs.probedMs ?? 0) >= HOUR_MS) rs.probeMs ??= nowMs + PROBE_DELAY_MS
}

/** When a resource is asked what it can do, epoch ms; null: that is not planned. */
export function getNextProbeMs({ resource, state: rs }: WatchedResource): number | null {
	if (!resource.indexed || resource.placeholders) return null
	const intervalMs = rs.outOfReach === undefined ? PROBE_INTERVAL_MS : DAY_MS
	const regularMs = isLimited(rs.abilities) ? (rs.probedMs ?? 0) + intervalMs : Infinity
	const nextMs = Math.min(rs.probeMs ?? Infinity, regularMs)
	return nextMs === Infinity ? null : nextMs
}

export function isProbeDue(core: Core, watched: WatchedResource): boolean {
	return (getNextProbeMs(watched) ?? Infinity) <= core.ports.now()
}

/** Asks soon what a limited resource can do, since a person may have changed something. */
export function requestProbe(_tx: Tx, { state: rs }: WatchedResource, nowMs: number): void {
	if (isLimited(rs.abilities)) rs.probeMs = nowMs
}

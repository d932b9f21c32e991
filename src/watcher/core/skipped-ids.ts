/**
 * Ids that an object skips, because an earlier object of its row may have given them out: receivers would take what has
 * them for a repetition.
 */
import type { WatcherState } from './state.ts'

const EPOCH_MS = Date.UTC(2020, 0, 1)

/**
 * A number above every one that earlier objects of a row gave out, as long as they gave out less than one a second on
 * average. Far below the 10^9 notifications that an owner can have.
 */
export function toFreshNumber(nowMs: number): number {
	return Math.max(0, Math.floor((nowMs - EPOCH_MS) / 1000))
}

/** Skips ids of events and notifications up to these numbers. */
export function skipIds(state: WatcherState, to: { sequence: number; notification: number }): void {
	state.idsSkipped = (state.idsSkipped ?? 0) + Math.max(0, to.sequence - state.sequence)
	state.sequence = Math.max(state.sequence, to.sequence)
	state.notification = Math.max(state.notification, to.notification)
}

/** Number of events that were recorded. */
export function getRecordedCount(state: WatcherState): number {
	return state.sequence - (state.idsSkipped ?? 0)
}

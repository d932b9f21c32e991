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

/**
 * The `objectSequence` above which the objects of a new index begin, or of one from a backup: higher than that of every
 * event that was sent of them. The log's own number is, since it counts the events of all objects. 0: none was sent.
 */
export function getObjectSequenceFloor(state: WatcherState): number {
	const hadOtherIndex = state.nextResource > state.resources.length + 1
	return hadOtherIndex || (state.idsSkipped ?? 0) > 0 ? state.sequence : 0
}

/** Number of events that were recorded. */
export function getRecordedCount(state: WatcherState): number {
	return state.sequence - (state.idsSkipped ?? 0)
}

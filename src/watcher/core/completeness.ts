/** Whether the index holds everything that the store's total says. */
import { endLimit, noteLimit } from './resource-limits.ts'
import type { ResourceState } from './resource-state.ts'
import { HOUR_MS } from '../../lib/time.ts'

const INCOMPLETE_LIMIT = 'incomplete'
const TOTAL_LIMIT = 'wrong-total'
/** A difference of more than this is said. */
const SMALL_DRIFT = { rows: 5, share: 1 / 10 }
/** So many differences in this time that nothing explains are no accident. */
const MAX_UNEXPLAINED = 4
const UNEXPLAINED_MS = 6 * HOUR_MS
/** A difference that earlier versions took for normal is more than this, if lists were cut short. */
const MAX_NORMAL_DRIFT = { rows: 20, share: 1 / 10 }

/** The baseline has ended with fewer objects than the total says. */
export function noteIncomplete(rs: ResourceState, seen: number, total: number, nowMs: number): void {
	rs.incomplete = true
	const indexed = `${seen.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`
	noteLimit(
		rs,
		INCOMPLETE_LIMIT,
		`The store's lists show ${indexed} objects. The others are unknown: ` +
			'if one changes, it is sent as UPDATED once it is seen.',
		nowMs,
	)
}

/**
 * Says that the total counts more or fewer objects than are listed, if these are more than a few drafts: everything is
 * read again daily then (`NO_TOTAL_REREAD_HOURS`), since a total may be of something else.
 */
export function noteDrift(rs: ResourceState, nowMs: number): void {
	if (!isTotalWrong(rs)) {
		endLimit(rs, TOTAL_LIMIT)
		return
	}
	const count = Math.abs(rs.drift).toLocaleString('en-US')
	noteLimit(
		rs,
		TOTAL_LIMIT,
		`The store's total is wrong: it counts ${count} ${rs.drift > 0 ? 'more' : 'fewer'} objects than its lists show. ` +
			'Permanent deletions are found by the total less this difference, or by reading the whole list daily ' +
			'(or as often as event.poller.reread says).',
		nowMs,
	)
}

/** The totals cannot be used: what is indexed can no longer be held against one. */
export function endIncompleteLimit(rs: ResourceState): void {
	endLimit(rs, INCOMPLETE_LIMIT)
}

/** Whether the total is known to be wrong by more than a few objects. */
export function isTotalWrong({ drift, listed }: Pick<ResourceState, 'drift' | 'listed'>): boolean {
	// An empty list has no drafts to leave out.
	if (listed === 0) return drift > 0
	return Math.abs(drift) > Math.max(SMALL_DRIFT.rows, listed * SMALL_DRIFT.share)
}

/**
 * A difference of the total is looked at. Whether so many of them came to nothing lately, while the resource was as it
 * is, that its totals cannot be used.
 */
export function noteUnexplained(rs: ResourceState, nowMs: number): boolean {
	const known = rs.unexplained
	const isCurrent = known?.listed === rs.listed && nowMs - known.sinceMs <= UNEXPLAINED_MS
	const { count, sinceMs } = isCurrent ? known : { count: 0, sinceMs: nowMs }
	rs.unexplained = { count: count + 1, sinceMs, listed: rs.listed }
	return count + 1 > MAX_UNEXPLAINED
}

/** The index holds as many objects as the total says, or it is proven that the store lists no more. */
export function endIncomplete(rs: ResourceState): void {
	if (rs.incomplete === true) rs.incomplete = false
	endLimit(rs, INCOMPLETE_LIMIT)
}

/**
 * Whether objects of the time before may be missing from the index, so that one that is seen for the first time need
 * not be new. Rows of earlier versions do not say so; a large difference to the total does.
 */
export function mayLackObjects({ incomplete, drift, listed }: ResourceState): boolean {
	const isLargeDrift = drift > MAX_NORMAL_DRIFT.rows && drift > (listed + drift) * MAX_NORMAL_DRIFT.share
	return incomplete ?? isLargeDrift
}

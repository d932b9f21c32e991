/** Whether the index holds everything that the store's total says. */
import { endLimit, noteLimit } from './resource-limits.ts'
import type { ResourceState } from './resource-state.ts'

const INCOMPLETE_LIMIT = 'incomplete'
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

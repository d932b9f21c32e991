/**
 * Polls of a store that sorts by modified date and does not filter by it: back from the newest rows, until they are
 * older than the last poll (docs/polling.md, Stores that answer otherwise than asked). Pure.
 */
import type { BackPosition } from '../core/resource-state.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Rows by which a page repeats the one before, so that it is noticed when rows were deleted in between. */
const OVERLAP_ROWS = 5
const MAX_RESTARTS = 5

/** The position before the first page. */
export const INITIAL_BACK_POSITION: BackPosition = { offset: 0, lastId: null, lastSec: null, total: null, restarts: 0 }

/** A page, newest rows first. */
export interface BackPage {
	rows: readonly { id: ObjectId; modifiedSec: number | null }[]
	total: number | null
	limit: number
}

/** The position after a page; null: everything newer than the horizon was read. */
export function advanceBack(
	position: BackPosition,
	{ rows, total, limit }: BackPage,
	{ horizonSec, paging }: { horizonSec: number; paging: 'offset' | 'page' | null },
): BackPosition | null {
	if (isOverlapLost(position, { rows, total, limit }, paging) && position.restarts < MAX_RESTARTS)
		return { ...INITIAL_BACK_POSITION, restarts: position.restarts + 1 }
	const last = rows.at(-1)
	const lastSec = rows.findLast(({ modifiedSec }) => modifiedSec !== null)?.modifiedSec ?? null
	const isNothingNew = last === undefined || (position.offset > 0 && last.id === position.lastId)
	const end = position.offset + rows.length
	if (isNothingNew || paging === null || (total !== null && end >= total)) return null
	if (lastSec !== null && lastSec < horizonSec) return null
	const overlap = Math.min(OVERLAP_ROWS, rows.length - 1)
	return {
		...position,
		offset: paging === 'page' ? position.offset + limit : end - overlap,
		lastId: last.id,
		lastSec,
		total,
	}
}

/** Whether rows may have moved up past this page: page numbers cannot overlap, so that a lower total says so. */
function isOverlapLost(position: BackPosition, { rows, total }: BackPage, paging: 'offset' | 'page' | null): boolean {
	const { offset, lastId, lastSec } = position
	if (offset === 0 || lastId === null) return false
	if (paging === 'page') return total !== null && position.total !== null && total < position.total
	const firstSec = rows[0]?.modifiedSec ?? null
	return !(rows.some(({ id }) => id === lastId) || (firstSec !== null && lastSec !== null && firstSec > lastSec))
}

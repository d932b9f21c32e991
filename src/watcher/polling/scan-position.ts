/**
 * Scans of a whole collection by id, in anchored pages (docs/architecture.md, Polling): deletions shift offsets, so
 * each page begins at or before the last id seen. Pure: returns the offset to read next and interprets pages.
 */
import type { ScanPosition } from '../core/resource-state.ts'
import { compareIds } from '../../elements/values.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

const STEP_BACK_ROWS = [1, 20, 200, 2_000]

/**
 * The meaning of a page. `again`: rows have moved, read further back. Otherwise `from` is the index of the first row
 * that is new to this scan, and `ended` says whether it was the last page.
 */
type ScanStep =
	| { again: true; position: ScanPosition }
	| { again: false; from: number; position: ScanPosition; ended: boolean }

/** Offset of the next page. */
export function getScanOffset(position: ScanPosition): number {
	return Math.max(0, position.n - (STEP_BACK_ROWS[position.back] ?? position.n))
}

/** Applies a page: its ids in ascending order, the total that came with it, and the limit of the request. */
export function advanceScan(
	position: ScanPosition,
	ids: readonly ObjectId[],
	total: number | null,
	limit: number,
): ScanStep {
	const offset = getScanOffset(position)
	// HPOS answers past the last page with an empty list and total 0 (docs/woocommerce.md 2.5): that says nothing.
	const knownTotal = total !== null && total > 0 ? total : null
	const firstId = ids[0]
	const isAnchored =
		offset === 0 || (position.lastId !== null && firstId !== undefined && compareIds(firstId, position.lastId) <= 0)
	// Stores may drop the row before this page after paging. Then an unchanged total says that no row moved.
	const isTotalUnchanged = total === null ? position.total === 0 : knownTotal === position.total
	const isBridged = offset <= (position.bare ?? -1) && isTotalUnchanged
	if (!isAnchored && !isBridged) {
		return { again: true, position: stepBack(position, knownTotal) }
	}
	const from = findFirstNew(position, ids)
	const next = stepForward(position, ids, from, knownTotal, limit)
	return { again: false, from, position: next, ended: isEnd(position, next, ids.length, { offset, total, limit }) }
}

/**
 * Whether a page was the last one. A short page is not, since a store may give fewer rows than asked for or drop some
 * after paging: everything that the total says was seen, or a further page showed nothing new.
 */
function isEnd(
	before: ScanPosition,
	{ seen }: ScanPosition,
	rows: number,
	{ offset, total, limit }: { offset: number; total: number | null; limit: number },
): boolean {
	const isNew = seen > before.seen
	// A page of one row has no room for a new one beside the last one.
	if (total === null) return limit === 1 ? rows === 0 : !isNew
	return offset + limit >= total && (seen >= total || !isNew)
}

/**
 * The most rows that a store gives where it gives fewer than asked for; null: that is not proven. Two pages of the same
 * half or less prove it, before the list has ended. Remembers the page in `position`.
 */
export function findRowLimit(
	before: ScanPosition,
	position: ScanPosition,
	{ rows, limit, ended }: { rows: number; limit: number; ended: boolean },
): number | null {
	// A page without a new row may be the first one again.
	if (rows === 0 || rows * 2 > limit || ended || position.seen === before.seen) return null
	position.short = rows
	return before.short === rows ? rows : null
}

function stepBack({ bare: _bare, short: _short, ...position }: ScanPosition, knownTotal: number | null): ScanPosition {
	return {
		...position,
		back: Math.min(position.back + 1, STEP_BACK_ROWS.length),
		total: knownTotal ?? position.total,
	}
}

function findFirstNew({ lastId }: ScanPosition, ids: readonly ObjectId[]): number {
	const from = lastId === null ? 0 : ids.findIndex((id) => compareIds(id, lastId) > 0)
	return from < 0 ? ids.length : from
}

function stepForward(
	position: ScanPosition,
	ids: readonly ObjectId[],
	from: number,
	knownTotal: number | null,
	limit: number,
): ScanPosition {
	const offset = getScanOffset(position)
	const newCount = ids.length - from
	const next = { back: 0, total: knownTotal ?? position.total, seen: position.seen + newCount }
	// On a short page this is the earliest place of the last id: the next page begins at or before it.
	if (newCount > 0) return { ...next, lastId: ids.at(-1) ?? null, n: offset + ids.length }
	// The next page begins with this page's last row. A short page may have lost that row, and a page of one row has no
	// room for it.
	const endOffset = offset + limit
	const isBare = ids.length < limit || limit === 1
	return {
		...next,
		lastId: position.lastId,
		n: limit > 1 ? endOffset : endOffset + 1,
		...(isBare && { bare: endOffset }),
	}
}

/** Snapshots in the order of their ids, numbers before texts. */
export function sortById(snapshots: readonly Snapshot[]): Snapshot[] {
	return snapshots.toSorted((a, b) => compareIds(a.id, b.id))
}

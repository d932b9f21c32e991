/**
 * A walk through a store's list, page by page, that holds while records come and go (docs/contract.md §8): where it
 * stands is the last record that was looked at, not a count. Pure: what to ask next, and what of an answer is new. The
 * rules are those of the watcher's scans (`scan.ts`).
 */
import type { RecordSortKey, ListPlan } from '../../elements/records.ts'
import { getScanOffset, advanceScan } from '../../watcher/polling/scan-position.ts'
import type { ScanPosition } from '../../watcher/core/resource-state.ts'
import type { VendorRecord } from '../../elements/store.ts'

/** Where a walk stands; plain JSON, it travels in the page token. */
export interface WalkPosition {
	/** Rows of the store's list up to and including the last record looked at, as it was then. */
	n: number
	/** Where that record stands in the order; null before the first one, and where the order has no such keys. */
	last: RecordSortKey | null
	/** Matching records that are passed over before the page begins: of a page by its number that is filtered here. */
	skip: number
	/** As a scan keeps them: steps back tried, the last total, how far nothing was shown. */
	back: number
	total: number
	bare: number | null
}

/** The beginning of a list, or of the page that begins at this row. */
export function positionAt(offset: number, skip = 0): WalkPosition {
	return { n: offset, last: null, skip, back: 0, total: 0, bare: null }
}

/** Whether the next answer is held against the last record. */
function isAnchored(
	position: WalkPosition,
	order: ListPlan['order'],
): position is WalkPosition & { last: RecordSortKey } {
	return order !== null && position.last !== null
}

/** Row at which the next request begins: at the last record itself, or further back when rows have moved. */
export function nextOffset(position: WalkPosition, order: ListPlan['order']): number {
	return isAnchored(position, order) ? getScanOffset(toScanPosition(position)) : position.n
}

/**
 * What an answer means. `fresh`: its rows from this index on are new; none is where rows have moved, and `place` asks
 * further back. `ended`: there is nothing behind it.
 */
export interface WalkStep {
	fresh: number
	place: WalkPosition
	ended: boolean
}

/**
 * Holds the rows of an answer to `nextOffset` and `limit` against the walk. `total`: what the store says matches, null
 * when it says nothing: then a page that is not full is the last one.
 */
export function advance(
	position: WalkPosition,
	order: ListPlan['order'],
	rows: readonly VendorRecord[],
	total: number | null,
	limit: number,
): WalkStep {
	if (isAnchored(position, order)) {
		// As ids of a scan: before the last record, at it, behind it.
		const comparisons = rows.map((row) => compareToKey(order!, row, position.last))
		const scanned = advanceScan(toScanPosition(position), comparisons, total, limit)
		const { n, back, total: known, bare } = scanned.position
		const next: WalkPosition = { ...position, n, back, total: known, bare: bare ?? null }
		if (scanned.again) return { fresh: rows.length, place: next, ended: false }
		// Rows that the walk has behind it do not move it: on a short page they may be all there is, and end before the last
		// one.
		const last = scanned.from < rows.length ? (lastKey(order, rows) ?? position.last) : position.last
		return { fresh: scanned.from, place: { ...next, last }, ended: scanned.ended }
	}
	const covered = position.n + limit
	const known = total !== null && total > 0 ? total : position.total
	const ended = total === null ? rows.length < limit : covered >= total
	const last = lastKey(order, rows)
	// Rows may be dropped after paging: an anchor stands at its index at the earliest, a bare position is counted in full
	// pages.
	return {
		fresh: 0,
		place: { ...position, n: last === null ? covered : position.n + rows.length, last, total: known },
		ended,
	}
}

/** The place right after a row of an answer, where a page ends within it. */
export function positionAfter(
	position: WalkPosition,
	order: ListPlan['order'],
	rows: readonly VendorRecord[],
	index: number,
	offset: number,
): WalkPosition {
	const row = rows[index]
	const last = row === undefined || order === null ? null : order.key(row)
	return { ...position, n: offset + index + 1, last: last ?? (index < 0 ? position.last : null), back: 0, bare: null }
}

/**
 * A list that came whole, with the newest first where its records have numbers for ids, and where this place stands in
 * it.
 */
export function sortNewestFirst(rows: readonly VendorRecord[], order: ListPlan['order']): VendorRecord[] {
	if (order === null || rows.some((row) => order.key(row) === null)) return [...rows]
	return rows.toSorted((a, b) => compareToKey(order, a, order.key(b)!))
}

/** Index of the first row of a sorted whole list that is behind a place. */
export function indexAfter(rows: readonly VendorRecord[], order: ListPlan['order'], position: WalkPosition): number {
	const { last } = position
	if (order === null || last === null || rows.some((row) => order.key(row) === null)) return position.n
	const found = rows.findIndex((row) => compareToKey(order, row, last) > 0)
	return found < 0 ? rows.length : found
}

function lastKey(order: ListPlan['order'], rows: readonly VendorRecord[]): RecordSortKey | null {
	const row = rows.at(-1)
	return order === null || row === undefined ? null : order.key(row)
}

/** Below 0: before that place in the list's order; 0: at it; above: behind it. What has no key is taken for new. */
function compareToKey(order: NonNullable<ListPlan['order']>, row: VendorRecord, last: RecordSortKey): number {
	const key = order.key(row)
	if (key === null) return 1
	for (const [index, part] of key.entries()) {
		const other = last[index]
		if (other === undefined || part === other) continue
		return part < other === order.descending ? 1 : -1
	}
	return 0
}

/** The walk as a scan whose last id is 0 and whose rows are the signs. */
function toScanPosition(position: WalkPosition): ScanPosition {
	return {
		lastId: 0,
		n: position.n,
		back: position.back,
		total: position.total,
		seen: 0,
		...(position.bare === null ? {} : { bare: position.bare }),
	}
}

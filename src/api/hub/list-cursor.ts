/**
 * Pages through a store's list while records are added and removed (docs/contract.md §8): the position is the last
 * record read, not a count. Decides what to request next and which rows of a response are new, by the rules of the
 * watcher's scans (`scan-position.ts`). Pure.
 */
import type { RecordSortKey, ListPlan } from '../../elements/records.ts'
import { getScanOffset, advanceScan } from '../../watcher/polling/scan-position.ts'
import type { ScanPosition } from '../../watcher/core/resource-state.ts'
import { compareIds } from '../../elements/values.ts'
import type { VendorRecord } from '../../elements/store.ts'

/** A position in a list. Plain JSON, part of the page token. */
export interface WalkPosition {
	/** Rows of the store's list up to and including the last record read. */
	n: number
	/** Sort key of that record; null: before the first one, or the order has no keys. In a token also a mark. */
	last: RecordSortKey | null
	/** Matching records to skip before the page begins, when a numbered page is filtered here. */
	skip: number
	/** As in `ScanPosition`. */
	back: number
	total: number
	bare: number | null
}

/** The position before a row. */
export function positionAt(offset: number, skip = 0): WalkPosition {
	return { n: offset, last: null, skip, back: 0, total: 0, bare: null }
}

/** What a token without a sort key says about its list. */
export interface ListMark {
	/** The id of the list's first row; null: not known. */
	firstId: string | null
	/** Page numbers do not work: pages have another size than asked for. */
	byOffset: boolean
	/** The store gives another order than asked for. */
	isUnordered: boolean
}

/** In a token without a sort key, the list's first id follows `#`, `#o` (`byOffset`), `#u` (`isUnordered`) or `#ou`. */
const MARK_PATTERN = /^#(o?)(u?)$/
/** As in a token. */
const MAX_MARK_LENGTH = 40

/** Adds the mark to a position without a sort key. */
export function addMark(position: WalkPosition, { firstId, byOffset, isUnordered }: ListMark): WalkPosition {
	if (position.last !== null || firstId === null || firstId.length > MAX_MARK_LENGTH) return position
	return { ...position, last: [`#${byOffset ? 'o' : ''}${isUnordered ? 'u' : ''}`, firstId] }
}

/** The position of a token without its mark. */
export function readMark(position: WalkPosition): { position: WalkPosition; mark: ListMark } {
	const [kind, firstId] = position.last ?? []
	const [, o = '', u = ''] = MARK_PATTERN.exec(String(kind)) ?? []
	if (firstId === undefined || !MARK_PATTERN.test(String(kind)))
		return { position, mark: { firstId: null, byOffset: false, isUnordered: false } }
	return {
		position: { ...position, last: null },
		mark: { firstId: String(firstId), byOffset: o !== '', isUnordered: u !== '' },
	}
}

/** Whether the next response is compared with the last record. */
function isAnchored(
	position: WalkPosition,
	order: ListPlan['order'],
): position is WalkPosition & { last: RecordSortKey } {
	return order !== null && position.last !== null
}

/** First row of the next request: the last record itself, or further back when rows have moved. */
export function nextOffset(position: WalkPosition, order: ListPlan['order']): number {
	return isAnchored(position, order) ? getScanOffset(toScanPosition(position)) : position.n
}

/**
 * Rows from index `firstNew` on are new; if none is, `position` requests further back. `ended`: the list has no more.
 */
interface WalkStep {
	firstNew: number
	position: WalkPosition
	ended: boolean
}

/**
 * Advances by the rows of a request at `nextOffset` with `limit`. `total`: matches according to the store; null: it
 * does not say, so a page that is not full is the last one.
 */
export function advance(
	position: WalkPosition,
	order: ListPlan['order'],
	rows: readonly VendorRecord[],
	total: number | null,
	limit: number,
): WalkStep {
	if (isAnchored(position, order)) {
		// As ids of a scan: before the last record, at it, after it.
		const comparisons = rows.map((row) => compareToKey(order!, row, position.last))
		const scanned = advanceScan(toScanPosition(position), comparisons, total, limit)
		const { n, back, total: known, bare } = scanned.position
		const next: WalkPosition = { ...position, n, back, total: known, bare: bare ?? null }
		if (scanned.again) return { firstNew: rows.length, position: next, ended: false }
		// Rows that were read before do not move the position, even if a short page has no others.
		const last = scanned.from < rows.length ? (lastKey(order, rows) ?? position.last) : position.last
		return { firstNew: scanned.from, position: { ...next, last }, ended: scanned.ended }
	}
	const covered = position.n + limit
	const known = total !== null && total > 0 ? total : position.total
	const ended = total === null ? rows.length < limit : covered >= total
	const last = lastKey(order, rows)
	// A store may drop rows after paging: without a key, the position counts full pages.
	return {
		firstNew: 0,
		position: { ...position, n: last === null ? covered : position.n + rows.length, last, total: known },
		ended,
	}
}

/** The position after a row, where a page ends within a response. */
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

/** A list that came whole, newest first where its records have sort keys. */
export function sortNewestFirst(rows: readonly VendorRecord[], order: ListPlan['order']): VendorRecord[] {
	if (order === null || rows.some((row) => order.key(row) === null)) return [...rows]
	return rows.toSorted((a, b) => compareToKey(order, a, order.key(b)!))
}

/** Index of the first row after a position, in a sorted whole list. */
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

/** Below 0: before that key in the list's order; 0: at it; above: after it. Rows without a key count as new. */
export function compareToKey(order: NonNullable<ListPlan['order']>, row: VendorRecord, last: RecordSortKey): number {
	const key = order.key(row)
	if (key === null) return 1
	for (const [index, part] of key.entries()) {
		const other = last[index]
		const difference = other === undefined ? 0 : compareIds(part, other)
		if (difference !== 0) return difference < 0 === order.descending ? 1 : -1
	}
	return 0
}

/** As a scan whose last id is 0 and whose ids are the comparisons. */
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

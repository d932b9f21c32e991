/**
 * A walk through a store's list, page by page, that holds while records come and go (contract, section 8): where it stands is the last record that
 * was looked at, not a count. Pure: what to ask next, and what of an answer is new. The rules are those of the watcher's scans (`scan.ts`).
 */
import type { Key, ListPlan } from '../../elements/records.ts'
import { scanOffset, scanPage } from '../../watcher/polling/scan.ts'
import type { ScanPosition } from '../../watcher/core/state.ts'
import type { VendorRecord } from '../../elements/store.ts'

/** Where a walk stands; plain JSON, it travels in the page token. */
export interface Place {
	/** Rows of the store's list up to and including the last record looked at, as it was then. */
	n: number
	/** Where that record stands in the order; null before the first one, and where the order has no such keys. */
	last: Key | null
	/** Matching records that are passed over before the page begins: of a page by its number that is filtered here. */
	skip: number
	/** As a scan keeps them: steps back tried, the last total, how far nothing was shown. */
	back: number
	total: number
	bare: number | null
}

/** The beginning of a list, or of the page that begins at this row. */
export function placeAt(n: number, skip = 0): Place {
	return { n, last: null, skip, back: 0, total: 0, bare: null }
}

/** Whether the next answer is held against the last record. */
function isAnchored(place: Place, order: ListPlan['order']): place is Place & { last: Key } {
	return order !== null && place.last !== null
}

/** Row at which the next request begins: at the last record itself, or further back when rows have moved. */
export function nextOffset(place: Place, order: ListPlan['order']): number {
	return isAnchored(place, order) ? scanOffset(asScan(place)) : place.n
}

/**
 * What an answer means. `fresh`: its rows from this index on are new; none is where rows have moved, and `place` asks further back. `ended`: there is nothing
 * behind it.
 */
export interface Step {
	fresh: number
	place: Place
	ended: boolean
}

/**
 * Holds the rows of an answer to `nextOffset` and `limit` against the walk. `total`: what the store says matches, null when it says nothing: then a page that
 * is not full is the last one.
 */
export function step(place: Place, order: ListPlan['order'], rows: readonly VendorRecord[], total: number | null, limit: number): Step {
	if (isAnchored(place, order)) {
		// As ids of a scan: before the last record, at it, behind it.
		const signs = rows.map((row) => signOf(order!, row, place.last))
		const seen = scanPage(asScan(place), signs, total, limit)
		const { n, back, total: known, bare } = seen.position
		const next: Place = { ...place, n, back, total: known, bare: bare ?? null }
		if (seen.again) return { fresh: rows.length, place: next, ended: false }
		// Rows that the walk has behind it do not move it: on a short page they may be all there is, and end before the last one.
		const last = seen.from < rows.length ? (lastKey(order, rows) ?? place.last) : place.last
		return { fresh: seen.from, place: { ...next, last }, ended: seen.ended }
	}
	const covered = place.n + limit
	const known = total !== null && total > 0 ? total : place.total
	const ended = total === null ? rows.length < limit : covered >= total
	const last = lastKey(order, rows)
	// Rows may be dropped after paging: an anchor stands at its index at the earliest, a bare position is counted in full pages.
	return { fresh: 0, place: { ...place, n: last === null ? covered : place.n + rows.length, last, total: known }, ended }
}

/** The place right after a row of an answer, where a page ends within it. */
export function placeAfter(place: Place, order: ListPlan['order'], rows: readonly VendorRecord[], index: number, offset: number): Place {
	const row = rows[index]
	const last = row === undefined || order === null ? null : order.key(row)
	return { ...place, n: offset + index + 1, last: last ?? (index < 0 ? place.last : null), back: 0, bare: null }
}

/** A list that came whole, with the newest first where its records have numbers for ids, and where this place stands in it. */
export function sorted(rows: readonly VendorRecord[], order: ListPlan['order']): VendorRecord[] {
	if (order === null || rows.some((row) => order.key(row) === null)) return [...rows]
	return rows.toSorted((a, b) => signOf(order, a, order.key(b)!))
}

/** Index of the first row of a sorted whole list that is behind a place. */
export function indexBehind(rows: readonly VendorRecord[], order: ListPlan['order'], place: Place): number {
	const { last } = place
	if (order === null || last === null || rows.some((row) => order.key(row) === null)) return place.n
	const found = rows.findIndex((row) => signOf(order, row, last) > 0)
	return found < 0 ? rows.length : found
}

function lastKey(order: ListPlan['order'], rows: readonly VendorRecord[]): Key | null {
	const row = rows.at(-1)
	return order === null || row === undefined ? null : order.key(row)
}

/** Below 0: before that place in the list's order; 0: at it; above: behind it. What has no key is taken for new. */
function signOf(order: NonNullable<ListPlan['order']>, row: VendorRecord, last: Key): number {
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
function asScan(place: Place): ScanPosition {
	return { lastId: 0, n: place.n, back: place.back, total: place.total, seen: 0, ...(place.bare === null ? {} : { bare: place.bare }) }
}

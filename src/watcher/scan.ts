/**
 * Scans of a whole collection by id, in anchored pages (design, Seeing: polling): deletions shift offsets, so every page must
 * begin at or before the last id seen. Pure: which offset to read next, and what a page means.
 */

/** Where a scan stands; plain JSON. `n`: store rows up to and including `lastId`. */
export interface ScanPosition {
	lastId: number | string | null
	n: number
	/** Steps back already tried for this page, since rows moved. */
	back: number
	/** The last total above zero. */
	total: number
	/** Rows looked at. */
	seen: number
}

/** A scan's beginning. */
export const SCAN_START: ScanPosition = { lastId: null, n: 0, back: 0, total: 0, seen: 0 }

const STEPS = [1, 20, 200, 2_000]

/** Offset of the next page. */
export function scanOffset(position: ScanPosition): number {
	if (position.lastId === null) return 0
	return Math.max(0, position.n - (STEPS[position.back] ?? position.n))
}

/**
 * What a page means. `again`: rows moved, read further back. Otherwise the indexes of the rows that are new to this scan, and
 * whether the scan has ended. `ids` in ascending order.
 */
export function scanPage(
	position: ScanPosition,
	ids: (number | string)[],
	total: number | null,
	limit: number,
): { again: true; position: ScanPosition } | { again: false; from: number; position: ScanPosition; ended: boolean } {
	const offset = scanOffset(position)
	const first = ids[0]
	const lastId = position.lastId
	// HPOS answers past the last page with an empty list and total 0 (WooCommerce facts, 2.5): then nothing is known of the total.
	const known = total !== null && total > 0 ? total : null
	if (lastId !== null && offset > 0 && (first === undefined || first > lastId)) {
		return { again: true, position: { ...position, back: Math.min(position.back + 1, STEPS.length), total: known ?? position.total } }
	}
	const from = lastId === null ? 0 : ids.findIndex((id) => id > lastId)
	const fresh = from < 0 ? 0 : ids.length - from
	const covered = offset + limit
	// A short page is not the end: rows are dropped after paging. Without a total an incomplete page is all there is to go by.
	const ended = total === null ? ids.length < limit : covered >= (known ?? 0)
	const next: ScanPosition = {
		lastId: ids.at(-1) !== undefined && fresh > 0 ? (ids.at(-1) as number | string) : lastId,
		n: ids.length === limit || ended ? offset + ids.length : covered,
		back: 0,
		total: known ?? position.total,
		seen: position.seen + fresh,
	}
	return { again: false, from: from < 0 ? ids.length : from, position: next, ended }
}

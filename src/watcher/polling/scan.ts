/**
 * Scans of a whole collection by id, in anchored pages (design, Seeing: polling): deletions shift offsets, so every page must
 * begin at or before the last id seen. Pure: which offset to read next, and what a page means.
 */
import type { ScanPosition } from '../core/state.ts'

const STEPS = [1, 20, 200, 2_000]

/** Offset of the next page. */
export function scanOffset(position: ScanPosition): number {
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
	const anchored = offset === 0 || (lastId !== null && first !== undefined && first <= lastId)
	// Where the row before this page is one that stores drop after paging, an unchanged total says that nothing moved.
	const bridged = offset <= (position.bare ?? -1) && known === position.total
	if (!anchored && !bridged) {
		const { bare: _bare, ...rest } = position
		return { again: true, position: { ...rest, back: Math.min(position.back + 1, STEPS.length), total: known ?? position.total } }
	}
	const from = lastId === null ? 0 : ids.findIndex((id) => id > lastId)
	const fresh = from < 0 ? 0 : ids.length - from
	const covered = offset + limit
	// A short page is not the end: rows are dropped after paging. Without a total an incomplete page is all there is to go by.
	const ended = total === null ? ids.length < limit : covered >= (known ?? 0)
	const next = { back: 0, total: known ?? position.total, seen: position.seen + fresh }
	if (fresh > 0) {
		// On a short page the last id stands here at the earliest: the next page begins at or before it.
		return { again: false, from, position: { ...next, lastId: ids.at(-1) ?? null, n: offset + ids.length }, ended }
	}
	// A full page ends with a row that the next one begins with; a short one may have lost it, and one of a single row has no room for it.
	const onward: ScanPosition = { ...next, lastId, n: limit > 1 ? covered : covered + 1 }
	if (ids.length < limit || limit === 1) onward.bare = covered
	return { again: false, from: ids.length, position: onward, ended }
}

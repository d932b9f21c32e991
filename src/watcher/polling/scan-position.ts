/**
 * Scans of a whole collection by id, in anchored pages (docs/architecture.md, Seeing): deletions shift offsets, so
 * every page must begin at or before the last id seen. Pure: which offset to read next, and what a page means.
 */
import type { ScanPosition } from '../core/resource-state.ts'

const STEP_BACK_ROWS = [1, 20, 200, 2_000]

/** Offset of the next page. */
export function getScanOffset(position: ScanPosition): number {
	return Math.max(0, position.n - (STEP_BACK_ROWS[position.back] ?? position.n))
}

/**
 * What a page means. `again`: rows moved, read further back. Otherwise the indexes of the rows that are new to this
 * scan, and whether the scan has ended. `ids` in ascending order.
 */
export function advanceScan(
	position: ScanPosition,
	ids: (number | string)[],
	total: number | null,
	limit: number,
): { again: true; position: ScanPosition } | { again: false; from: number; position: ScanPosition; ended: boolean } {
	const offset = getScanOffset(position)
	const firstId = ids[0]
	const lastId = position.lastId
	// HPOS answers past the last page with an empty list and total 0 (docs/woocommerce.md 2.5): then nothing is known of
	// the total.
	const knownTotal = total !== null && total > 0 ? total : null
	const isAnchored = offset === 0 || (lastId !== null && firstId !== undefined && firstId <= lastId)
	// Where the row before this page is one that stores drop after paging, an unchanged total says that nothing moved.
	const isBridged = offset <= (position.bare ?? -1) && knownTotal === position.total
	if (!isAnchored && !isBridged) {
		const { bare: _bare, ...rest } = position
		return {
			again: true,
			position: {
				...rest,
				back: Math.min(position.back + 1, STEP_BACK_ROWS.length),
				total: knownTotal ?? position.total,
			},
		}
	}
	const from = lastId === null ? 0 : ids.findIndex((id) => id > lastId)
	const newCount = from < 0 ? 0 : ids.length - from
	const endOffset = offset + limit
	// A short page is not the end: rows are dropped after paging. Without a total an incomplete page is all there is to go
	// by.
	const ended = total === null ? ids.length < limit : endOffset >= (knownTotal ?? 0)
	const next = { back: 0, total: knownTotal ?? position.total, seen: position.seen + newCount }
	if (newCount > 0) {
		// On a short page the last id stands here at the earliest: the next page begins at or before it.
		return { again: false, from, position: { ...next, lastId: ids.at(-1) ?? null, n: offset + ids.length }, ended }
	}
	// A full page ends with a row that the next one begins with; a short one may have lost it, and one of a single row has
	// no room for it.
	const nextPosition: ScanPosition = { ...next, lastId, n: limit > 1 ? endOffset : endOffset + 1 }
	if (ids.length < limit || limit === 1) nextPosition.bare = endOffset
	return { again: false, from: ids.length, position: nextPosition, ended }
}

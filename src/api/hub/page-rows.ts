/** The rows of a store's answer against what was asked for: which of them to use, and in which order. Pure. */
import type { ListPlan } from '../../elements/records.ts'
import { isRecord, toObjectId } from '../../elements/values.ts'
import { compareToKey, sortNewestFirst, type WalkPosition } from './list-cursor.ts'
import type { VendorRecord } from '../../elements/store.ts'

/** What tells a row from others: its id as text, or the row itself. */
export function getId(row: unknown): unknown {
	const id = isRecord(row) ? toObjectId(row['id']) : null
	return id === null ? row : String(id)
}

export function withoutCopies<Row>(rows: readonly Row[]): Row[] {
	const seen = new Set<unknown>()
	return rows.filter((row) => {
		const id = getId(row)
		return !seen.has(id) && seen.add(id)
	})
}

/** Whether an answer to a request for a page is the whole list. `start`, `size`: of the request. */
export function isWholeList(rows: readonly unknown[], start: number, size: number, total: number | null): boolean {
	if (total === null || rows.length === 0) return false
	const count = new Set(rows.map(getId)).size
	return count === total && (count > size || count > total - start)
}

/** A total that its own rows contradict says nothing. */
export function toTotal(total: number | null, start: number, count: number): number | null {
	return total !== null && count > 0 && total < start + count ? null : total
}

/** Whether rows begin like the list's first page. `size`: rows that were asked for. */
export function isSameStart(rows: readonly unknown[], head: readonly unknown[], size: number): boolean {
	// One row may stand first in every page.
	const count = Math.min(2, head.length, Math.max(size, rows.length))
	return count > 0 && rows.length >= count && head.slice(0, count).every((id, index) => id === getId(rows[index]))
}

/** Whether a list's order shows in these rows. */
export function hasKeys(rows: readonly VendorRecord[], order: ListPlan['order']): order is NonNullable<typeof order> {
	return order !== null && rows.every((row) => order.key(row) !== null)
}

/** A page: the rows from `start` on, where `size` were asked for. `last`: of the position that they follow. */
interface PageFacts {
	start: number
	size: number
	total: number | null
	last: WalkPosition['last']
}

/** How many rows stand before those that are in order to the end. */
export function countLeading(rows: readonly VendorRecord[], order: NonNullable<ListPlan['order']>): number {
	let from = Math.max(0, rows.length - 1)
	while (from > 0 && compareToKey(order, rows[from - 1]!, order.key(rows[from]!)!) <= 0) from--
	return from
}

/**
 * The rows of a page in the order that was asked for. Rows that a store puts first in every page stand where they
 * belong, or are left out if that is on another page. Null: the page has another order.
 */
export function toOrderedRows(
	rows: readonly VendorRecord[],
	order: NonNullable<ListPlan['order']>,
	{ start, size, total, last }: PageFacts,
): VendorRecord[] | null {
	const isBefore = (a: VendorRecord, b: VendorRecord): boolean => compareToKey(order, a, order.key(b)!) < 0
	const excess = Math.max(0, rows.length - size)
	const from = countLeading(rows, order)
	if (from === 0) {
		// A row of an earlier page may be pinned too.
		const isOld = (row: VendorRecord): boolean => last !== null && compareToKey(order, row, last) < 0
		const firstNew = rows.findIndex((row) => !isOld(row))
		return rows.slice(Math.min(excess, firstNew < 0 ? rows.length : firstNew))
	}
	const [pinned, rest] = [rows.slice(0, from), rows.slice(from)]
	if (from > Math.max(1, excess) || (rest.length < 2 && excess < from)) return null
	// What follows the last row that was read cannot stand before it.
	if (last !== null && pinned.some((row) => compareToKey(order, row, last) === 0)) return null
	const isLast =
		(total !== null && start + rows.length >= total) ||
		(last !== null && !rest.some((row) => compareToKey(order, row, last) > 0))
	const end = rest.at(-1)!
	return sortNewestFirst([...pinned.filter((row) => isLast || isBefore(row, end)), ...rest], order)
}

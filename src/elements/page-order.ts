/** The rows of a list's answer against the order that was asked for: which fit it, and which are to be used. Pure. */
import { compareIds, isNumericId } from './values.ts'
import type { ListQuery, ObjectId } from './store.ts'
import { isLargeNumericId } from './values.ts'

/** A row of an answer. `modifiedSec`: by which the store orders and filters; `localSec`: that in the site's time. */
export interface PageRow {
	id: ObjectId
	modifiedSec: number | null
	localSec: number | null
}

/** What was asked for. */
export interface PageQuery extends ListQuery {
	/** The rows' ids are those by which the store orders. */
	hasStoreIds: boolean
	/** Modified dates are ordered by the site's local time (docs/woocommerce.md 3.6). */
	isLocalOrder: boolean
}

/** Rows by their index in the answer. */
export interface PageArrangement {
	/** The rows to use, each object once, in the order that was asked for and at most as many as asked. */
	kept: number[]
	/** Rows that break the order, other than pinned and repeated ones. */
	misplaced: number[]
	/** Copies of rows that stand in the answer twice. */
	repeated: number[]
	/** Rows that stand in every page, wherever they belong. */
	pinned: number[]
}

/** Few rows out of order say that a list changed while it was read; more than this share, that it has another order. */
const MAX_MISPLACED_SHARE = 1 / 10

/** How many of `count` rows may break what was asked for in a healthy store. */
export function getTolerance(count: number): number {
	return Math.max(1, Math.floor(count * MAX_MISPLACED_SHARE))
}

/** Whether the order of a query is by id. */
export function isIdOrder({ order }: Pick<ListQuery, 'order'>): boolean {
	return order.startsWith('id')
}

/** Keys that ascend in the order that was asked for; null: the row may stand anywhere. */
export function getOrderKeys(query: PageQuery, rows: readonly PageRow[], isLocal = false): (number | null)[] {
	const sign = query.order.endsWith('asc') ? 1 : -1
	if (!isIdOrder(query))
		return rows.map(({ modifiedSec, localSec }) => {
			const sec = isLocal ? localSec : modifiedSec
			return sec === null ? null : sec * sign
		})
	// Stores order other ids than numbers as their database does.
	if (!query.hasStoreIds || !rows.every(({ id }) => isNumericId(id))) return rows.map(() => null)
	const ranks = new Map(
		rows
			.map(({ id }) => id)
			.toSorted(compareIds)
			.map((id, rank) => [id, rank]),
	)
	return rows.map(({ id }) => ranks.get(id)! * sign)
}

/** Indexes of the fewest rows without which the keys ascend. */
export function findMisplaced(keys: readonly (number | null)[]): number[] {
	// The longest ascending subsequence: `ends[n]` is the index of the lowest last key of one with n + 1 keys.
	const ends: number[] = []
	const previous = new Map<number, number | undefined>()
	for (const [index, key] of keys.entries()) {
		if (key === null) continue
		let place = ends.length
		while (place > 0 && keys[ends[place - 1]!]! > key) place--
		previous.set(index, ends[place - 1])
		ends[place] = index
	}
	const inPlace = new Set<number>()
	for (let index = ends.at(-1); index !== undefined; index = previous.get(index)) inPlace.add(index)
	return [...previous.keys()].filter((index) => !inPlace.has(index))
}

/** The rows that break the order, by whichever of the two times breaks it less. */
export function findMisplacedRows(query: PageQuery, rows: readonly PageRow[]): number[] {
	const misplaced = findMisplaced(getOrderKeys(query, rows))
	if (misplaced.length === 0 || isIdOrder(query) || !query.isLocalOrder) return misplaced
	const byLocalTime = findMisplaced(getOrderKeys(query, rows, true))
	return byLocalTime.length < misplaced.length ? byLocalTime : misplaced
}

/** Whether a row lies outside the bounds by at least this many seconds. */
export function isOutOfBound(query: ListQuery, { modifiedSec }: PageRow, bySec = 0): boolean {
	if (modifiedSec === null) return false
	const { modifiedAfterSec, modifiedBeforeSec } = query
	return (
		(modifiedAfterSec !== undefined && modifiedSec <= modifiedAfterSec - bySec) ||
		(modifiedBeforeSec !== undefined && modifiedSec >= modifiedBeforeSec + bySec)
	)
}

/**
 * Arranges an answer's rows: of an object that stands twice, the newer copy at the place that fits the order; rows that
 * a store pins to every page only where they belong; and no more than were asked for. `knownPinned`: ids that were seen
 * beside a full page.
 */
export function arrangePage(
	query: PageQuery,
	rows: readonly PageRow[],
	knownPinned: ReadonlySet<ObjectId>,
): PageArrangement {
	const outOfOrder = new Set(findMisplacedRows(query, rows))
	const copies = new Map<ObjectId, { place: number; newest: number }>()
	const repeated: number[] = []
	for (const [index, { id, modifiedSec }] of rows.entries()) {
		const seen = copies.get(id)
		if (seen === undefined) {
			copies.set(id, { place: index, newest: index })
			continue
		}
		const isNewer = (modifiedSec ?? 0) > (rows[seen.newest]!.modifiedSec ?? 0)
		const newest = isNewer ? index : seen.newest
		repeated.push(isNewer ? seen.newest : index)
		copies.set(id, { place: outOfOrder.has(seen.place) ? index : seen.place, newest })
	}
	const elsewhere = [...copies.values()].filter(
		({ place }) => outOfOrder.has(place) || isOutOfBound(query, rows[place]!),
	)
	let excess = copies.size - query.limit
	const pinned = elsewhere.filter(({ place }) => knownPinned.has(rows[place]!.id) || excess-- > 0)
	const misplaced = elsewhere.filter((copy) => outOfOrder.has(copy.place) && !pinned.includes(copy))
	const areFew = isIdOrder(query) && misplaced.length <= getTolerance(copies.size)
	const left = new Set(areFew ? [...pinned, ...misplaced] : pinned)
	const used = [...copies.values()].filter((copy) => !left.has(copy)).sort((a, b) => a.place - b.place)
	const kept = isIdOrder(query) ? insertInRange(query, rows, used, [...left]) : used
	return {
		kept: kept.slice(0, Math.max(1, query.limit)).map(({ newest }) => newest),
		misplaced: misplaced.map(({ place }) => place),
		repeated,
		pinned: pinned.map(({ place }) => place),
	}
}

type Copy = { place: number; newest: number }

/** Adds the rows that stand elsewhere but belong between others of the page. */
function insertInRange(
	query: PageQuery,
	rows: readonly PageRow[],
	used: readonly Copy[],
	left: readonly Copy[],
): Copy[] {
	const keys = getOrderKeys(query, rows)
	const [first, last] = [used[0], used.at(-1)].map((copy) => (copy === undefined ? null : keys[copy.place]!))
	if (left.length === 0 || typeof first !== 'number' || typeof last !== 'number') return [...used]
	const inside = left.filter(({ place }) => keys[place]! > first && keys[place]! < last)
	return [...used, ...inside].sort((a, b) => keys[a.place]! - keys[b.place]!)
}

/** No id is higher: objects count as new by their dates alone. */
export const UNKNOWN_HIGHEST_ID = Number.MAX_SAFE_INTEGER

/**
 * The highest id of a list, from the rows that came when the highest were asked for; 0: it has no numeric ids. Rows in
 * another order than that show it only if they are all there are.
 */
export function getHighestId(ids: readonly (ObjectId | null)[], total: number | null): number {
	const numbers = ids.filter((id) => typeof id === 'number')
	// Below an id beyond 2^53 nothing is new.
	if (ids.some(isLargeNumericId)) return UNKNOWN_HIGHEST_ID
	if (numbers.length === 0) return 0
	const isDescending = numbers.every((id, index) => index === 0 || id < numbers[index - 1]!)
	const isWhole = total !== null && numbers.length >= total
	return isDescending || isWhole ? Math.max(...numbers) : UNKNOWN_HIGHEST_ID
}

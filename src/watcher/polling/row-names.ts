/**
 * Which object stands where no list can show one: by a list of ids alone, by the index and the rows beside it, or by
 * lists of the ids that can stand there.
 */
import { findListedBetween } from '../changes/object-index.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ListQuery, ObjectId } from '../../elements/store.ts'
import { canBeOfRecord } from '../source/record-failures.ts'
import { requestPage, StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'

/** Requests that finding a name can take. */
export const MAX_NAME_REQUESTS = 24
/** Ids of one list, and how many that can stand between two rows are tried. */
const MAX_LISTED_IDS = 100
const MAX_CANDIDATES = 1_000
/** Ids after the highest one that are tried. */
const NEWER_IDS = 200
/** Rows beside the unreadable one that are skipped because they cannot be read either. */
const MAX_NEIGHBOUR_STEPS = 4

/** A row that cannot be read: its id, or the id of the row before it. */
export interface RowName {
	id: ObjectId | null
	afterId: ObjectId | null
	/** A list of ids alone fails too. */
	hidesIds: boolean
}

/** Names the row at an offset of a list. Throws StoreError for failures of the store. */
export async function nameRow(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	at: number,
	budget: SliceBudget,
): Promise<RowName> {
	let hidesIds = watched.state.unreadable?.hidesIds === true
	if (!hidesIds) {
		const page = await tryPage(core, watched, { ...query, offset: at, limit: 1, idsOnly: true }, budget)
		const id = page?.snapshots[0]?.id
		if (id !== undefined) return { id, afterId: null, hidesIds }
		hidesIds = page === null
	}
	const afterId = at === 0 ? null : await findId(core, watched, query, [at - 1], budget)
	if (isWholeScan(query))
		return { id: await findBetween(core, watched, query, { at, afterId }, budget), afterId, hidesIds }
	// A new object stands last in the order of ids; others are named by the next scan.
	const newest: ListQuery = { order: 'id-desc', limit: 1, exceptIds: query.exceptIds ?? [] }
	if ((await tryPage(core, watched, newest, budget)) !== null) return { id: null, afterId, hidesIds }
	const id = await findBetween(core, watched, newest, { at: 0, afterId: null }, budget)
	return { id, afterId, hidesIds }
}

/** Whether a query lists everything in the order of ids. Pure. */
export function isWholeScan({ order, modifiedAfterSec, trashed }: ListQuery): boolean {
	return order.startsWith('id') && modifiedAfterSec === undefined && trashed !== true
}

/** The id at `at` in a list in the order of ids, from the rows beside it. */
async function findBetween(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	{ at, afterId }: { at: number; afterId: ObjectId | null },
	budget: SliceBudget,
): Promise<ObjectId | null> {
	const steps = Array.from({ length: MAX_NEIGHBOUR_STEPS }, (_, step) => at + 2 ** step)
	const nextId = await findId(core, watched, query, steps, budget)
	const [low, high] = query.order === 'id-asc' ? [afterId, nextId] : [nextId, afterId]
	const excluded = new Set(query.exceptIds ?? [])
	const known = findListedBetween(core.ports.sql, watched.state.number, low, high, core.ports.now() + 1)
		.filter((id) => id !== high && !excluded.has(id))
		.slice(0, MAX_LISTED_IDS)
	if (known.length === 1) return known[0]!
	const candidates = known.length > 1 ? known : getIdsBetween(low, high)
	return candidates.length === 1 ? candidates[0]! : await bisect(core, watched, candidates, budget)
}

/** Whole ids between two, exclusively. Without an upper one, those after the lower one. Pure. */
export function getIdsBetween(low: ObjectId | null, high: ObjectId | null): number[] {
	const from = low === null ? 0 : low
	if (typeof from !== 'number' || (high !== null && typeof high !== 'number')) return []
	const to = high ?? from + NEWER_IDS + 1
	const count = to - from - 1
	return count <= 0 || count > MAX_CANDIDATES ? [] : Array.from({ length: count }, (_, index) => from + 1 + index)
}

/** The candidate that spoils lists of candidates; null: none does. */
async function bisect(
	core: Core,
	watched: WatchedResource,
	candidates: readonly ObjectId[],
	budget: SliceBudget,
): Promise<ObjectId | null> {
	for (let from = 0; from < candidates.length; from += MAX_LISTED_IDS) {
		let ids = candidates.slice(from, from + MAX_LISTED_IDS)
		if (await isListable(core, watched, ids, budget)) continue
		while (ids.length > 1) {
			const half = ids.slice(0, ids.length >> 1)
			ids = (await isListable(core, watched, half, budget)) ? ids.slice(half.length) : half
		}
		return (await isListable(core, watched, ids, budget)) ? null : (ids[0] ?? null)
	}
	return null
}

async function isListable(
	core: Core,
	watched: WatchedResource,
	onlyIds: readonly ObjectId[],
	budget: SliceBudget,
): Promise<boolean> {
	return (await tryPage(core, watched, { order: 'id-asc', onlyIds, limit: MAX_LISTED_IDS }, budget)) !== null
}

/** The id of the first of these rows that can be read; null: none can, or there is none. */
async function findId(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	offsets: readonly number[],
	budget: SliceBudget,
): Promise<ObjectId | null> {
	for (const offset of offsets) {
		const page = await tryPage(core, watched, { ...query, offset, limit: 1 }, budget)
		if (page !== null) return page.snapshots[0]?.id ?? null
	}
	return null
}

/** A page; null: something in it cannot be read. Throws StoreError for all else. */
export async function tryPage(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage | null> {
	try {
		return await requestPage(core, watched, query, budget)
	} catch (error) {
		if (error instanceof StoreError && canBeOfRecord(error.failure)) return null
		throw error
	}
}

/** Lists that show unknown objects in place of the known ones, as where a cache or a plugin mixes up collections. */
import { findNewestIds, readIndexRows } from '../changes/object-index.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { noteFinding } from '../core/findings.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { noteUnfit } from '../source/checked-answers.ts'
import { canBeOfRecord } from '../source/record-failures.ts'
import { readObject, requestPage, StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'
import { DAY_MS } from '../../lib/time.ts'
import type { ListQuery, ObjectId } from '../../elements/store.ts'
import { countInLists } from './unreadable.ts'

const KIND = 'foreign-rows'
/** Fewer unknown rows are not worth the requests. */
const MIN_UNKNOWN_ROWS = 3
/** Known objects that are looked for. */
const WITNESSES = 3
/** A list that has shown others for so long is the list from now on, ms. */
const MAX_REFUSED_MS = DAY_MS

/** Ids of the last beginning of a list that was believed. */
const believed = new WeakMap<ResourceState, ReadonlySet<ObjectId>>()

/**
 * Refuses the beginning of a list of unknown objects that the total does not count, or of records of another kind, if
 * known ones can still be read by their ids, but not through the list. Throws StoreError.
 */
export async function refuseForeignRows(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	page: ListedPage,
	budget: SliceBudget,
): Promise<void> {
	const { resource, state: rs } = watched
	const isBeginning = (query.offset ?? 0) === 0 && query.modifiedAfterSec === undefined && query.trashed !== true
	if (!isBeginning || !resource.indexed || resource.placeholders || rs.baseline !== null) return
	const ids = page.snapshots.map(({ id }) => id)
	const { otherKind } = page
	const mayBeOthers = otherKind !== null || mayBeForeign(core, rs, ids, page.total)
	if (mayBeOthers && (await areKnownElsewhere(core, watched, budget))) {
		const now = core.ports.now()
		const shown = otherKind ?? `${ids.length} unknown objects`
		const detail = `it shows ${shown} in place of known ones, which can still be read`
		noteFinding(rs, { kind: KIND, weight: 'fatal', detail }, now)
		if (now - rs.findings![KIND]!.firstMs < MAX_REFUSED_MS)
			throw new StoreError(noteUnfit(watched, detail, now), watched)
	}
	believed.set(rs, new Set(ids))
}

/** Whether all rows are unknown, and the total has not grown by them. */
function mayBeForeign(core: Core, rs: ResourceState, ids: readonly ObjectId[], total: number | null): boolean {
	if (ids.length < MIN_UNKNOWN_ROWS || (total !== null && total - countInLists(core, rs) - rs.drift >= ids.length))
		return false
	const seen = believed.get(rs)
	const head = new Set(rs.head?.split(',').map((row) => row.split(':')[0]))
	if (ids.some((id) => seen?.has(id) === true || head.has(String(id)))) return false
	// Most often the last row is known, and no other one is read.
	return [ids.slice(-1), ids].every((some) => readIndexRows(core, rs.number, some).size === 0)
}

/** Whether known objects exist that the list does not show, even if it is asked for them. Throws StoreError. */
async function areKnownElsewhere(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<boolean> {
	const ids = findNewestIds(core.ports.sql, watched.state.number, WITNESSES)
	if (ids.length === 0) return false
	const listed = await requestPage(core, watched, { order: 'id-asc', onlyIds: ids, limit: ids.length }, budget)
	if (listed.snapshots.some(({ id }) => ids.includes(id))) return false
	for (const id of ids) {
		try {
			const { snapshot } = await readObject(core, watched, id, budget, true)
			if (snapshot?.id === id && snapshot.state !== 'trashed') return true
		} catch (error) {
			// An object that cannot be read by its id proves nothing.
			if (!(error instanceof StoreError) || (error.scope === 'store' && !canBeOfRecord(error.failure))) throw error
		}
	}
	return false
}

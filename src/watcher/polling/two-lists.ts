/** Pages of stores that answer with two lists in turn: asked for twice, so that a re-read sees both. */
import type { Core, WatchedResource } from '../core/core.ts'
import { TWO_STATES_LIMIT } from '../core/two-states.ts'
import type { ListedPage, SliceBudget } from '../source/requests.ts'
import { compareIds } from '../../elements/values.ts'
import type { ListQuery, ObjectId } from '../../elements/store.ts'
import { listPage } from './pages.ts'

/** A page in the order of ids; of a store with two lists, what either of two answers shows. Throws StoreError. */
export async function listBoth(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage> {
	const page = await listPage(core, watched, query, budget)
	if (watched.state.limits?.[TWO_STATES_LIMIT] === undefined) return page
	return mergeLists(page, await listPage(core, watched, query, budget))
}

/** What either page shows, as far as both reach. Pure. */
export function mergeLists(one: ListedPage, other: ListedPage): ListedPage {
	const ends = [one, other].flatMap((page) => (page.rows >= page.limit ? (getLastId(page) ?? []) : []))
	const end = ends.toSorted(compareIds)[0]
	const rows = new Map(
		[other, one].flatMap(({ snapshots, orderedSecs }) =>
			snapshots.map((snapshot, index) => [snapshot.id, { snapshot, sec: orderedSecs[index] ?? null }] as const),
		),
	)
	const kept = [...rows.values()].filter(({ snapshot }) => end === undefined || compareIds(snapshot.id, end) <= 0)
	return {
		...one,
		snapshots: kept.map(({ snapshot }) => snapshot),
		orderedSecs: kept.map(({ sec }) => sec),
		rows: Math.max(one.rows, other.rows),
		otherKind: one.otherKind === null ? null : other.otherKind,
		isStale: one.isStale || other.isStale,
		total: one.total === null || other.total === null ? null : Math.max(one.total, other.total),
	}
}

function getLastId({ snapshots }: ListedPage): ObjectId | undefined {
	return snapshots
		.map(({ id }) => id)
		.toSorted(compareIds)
		.at(-1)
}

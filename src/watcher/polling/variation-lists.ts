/** Lists of variations: read through the checks of all lists, as resources that are not watched themselves. */
import type { Core, WatchedResource } from '../core/core.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import { newResourceState } from '../core/resource-state.ts'
import { toVariationProfile } from '../changes/variation-index.ts'
import { readObject, requestPage, StoreError, type SliceBudget } from '../source/requests.ts'
import type { ObjectId, Resource, Snapshot, VariationLists } from '../../elements/store.ts'

/** Pages that are read of one list, in one slice. */
const MAX_PAGES = 40
/** Requests by which a list may exceed what its slice has left: a slice has fewer than the platform allows. */
const MAX_OVERDRAFT = 8
const MAX_ROWS = 100
const MIN_ROWS = 10
/** Variations that are read by id at a time. */
const MAX_READS_BY_ID = 10

/** A list as it was read. Times epoch ms. */
export interface VariationList {
	snapshots: Snapshot[]
	/** Whether it shows as many as it says it has. */
	isComplete: boolean
	/** Number of the profile that it was read under. */
	profile: number
	requestedAtMs: number
	storeNowMs: number
}

/** What the addresses of variations say that a list does not show. */
export interface MissingVariations {
	gone: ObjectId[]
	trashed: Snapshot[]
	/** One of them is there all the same: the list is not to be believed. */
	isContradicted: boolean
}

/** A list as a resource; its state is not stored. What the store's lists can do is known of the products. */
export function toListWatched(
	core: Core,
	{ state: rs }: WatchedResource,
	lists: VariationLists,
	resource: Resource,
): WatchedResource {
	const profile = toVariationProfile(lists, getCurrentProfile(rs))
	const state = newResourceState(0, resource, 0, 0, 0, core.ports.now())
	return {
		resource,
		state: {
			...state,
			profiles: [profile],
			...(rs.abilities !== undefined && { abilities: rs.abilities }),
			...(rs.freshness !== undefined && { freshness: rs.freshness }),
		},
	}
}

/** Rows of a page: fewer after reads that failed, and no more than the store gives. */
export function getListRows({ state: { abilities } }: WatchedResource, failedTries = 0): number {
	const rows = Math.max(MIN_ROWS, MAX_ROWS >> Math.min(failedTries, 4))
	return Math.min(rows, abilities?.maxRows?.rows ?? rows)
}

/** Runs requests for a list of a product's variations, and counts them as the products'. Throws StoreError. */
export async function withListOf<T>(
	watched: WatchedResource,
	list: WatchedResource,
	run: () => Promise<T>,
): Promise<T> {
	try {
		return await run()
	} catch (error) {
		throw error instanceof StoreError ? new StoreError(error.failure, watched, error.scope) : error
	} finally {
		watched.state.requests += list.state.requests
		list.state.requests = 0
	}
}

/**
 * All variations of an object; null: they take more requests than the slice has left. Throws StoreError.
 */
export async function readVariationList(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	owner: ObjectId,
	budget: SliceBudget,
	{ fresh, failedTries }: { fresh: boolean; failedTries: number },
): Promise<VariationList | null> {
	const list = toListWatched(core, watched, lists, lists.of(owner))
	const limit = getListRows(watched, failedTries)
	return withListOf(watched, list, async () => {
		const shown = new Map<ObjectId, Snapshot>()
		const requestedAtMs = core.ports.now()
		let isUsable = true
		for (let pages = 0; ; pages++) {
			const offset = pages * limit
			const page = await requestPage(
				core,
				list,
				{ order: 'id-asc', offset, limit, ...(fresh && { fresh: true as const }) },
				budget,
			)
			const own = page.snapshots.filter(({ record }) => (lists.getOwner(record) ?? owner) === owner)
			for (const snapshot of own) shown.set(snapshot.id, snapshot)
			// What an old answer, or one with another object's variations, does not show may be there.
			if (page.isStale || own.length < page.snapshots.length) isUsable = false
			const pagesLeft = Math.min(Math.ceil(((page.total ?? 0) - offset - limit) / limit), MAX_PAGES - pages - 1)
			if (pagesLeft > budget.requests + MAX_OVERDRAFT) return null
			const isLast = page.total === null ? page.rows < page.limit : offset + page.limit >= page.total
			const isOver = page.rows === 0 || pages + 1 >= MAX_PAGES
			if (!isLast && !isOver) continue
			const isWhole = page.total === null ? isLast : shown.size >= page.total
			const { storeNowMs } = page
			const { number: profile } = getCurrentProfile(list.state)
			return { snapshots: [...shown.values()], isComplete: isUsable && isWhole, profile, requestedAtMs, storeNowMs }
		}
	})
}

/** Looks for variations that a list does not show: in the trash, then one by one. Throws StoreError. */
export async function findMissingVariations(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	owner: ObjectId,
	ids: readonly ObjectId[],
	budget: SliceBudget,
): Promise<MissingVariations> {
	const list = toListWatched(core, watched, lists, lists.of(owner))
	return withListOf(watched, list, async () => {
		const found: MissingVariations = { gone: [], trashed: [], isContradicted: false }
		const note = (snapshot: Snapshot): void => {
			if (snapshot.state === 'trashed') found.trashed.push(snapshot)
			else found.isContradicted = true
		}
		if (list.resource.trash) {
			const page = await requestPage(
				core,
				list,
				{ order: 'id-asc', trashed: true, fresh: true, limit: getListRows(watched) },
				budget,
			)
			for (const snapshot of page.snapshots)
				if (ids.includes(snapshot.id) && snapshot.state === 'trashed') note(snapshot)
		}
		const others = ids.filter((id) => !found.trashed.some((snapshot) => snapshot.id === id))
		for (const id of others.slice(0, MAX_READS_BY_ID)) {
			const { snapshot } = await readObject(core, list, id, budget, true)
			if (snapshot === null) found.gone.push(id)
			else note(snapshot)
			if (found.isContradicted) break
		}
		return found
	})
}

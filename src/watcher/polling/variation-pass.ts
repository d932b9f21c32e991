/**
 * The pass through the store's list of all variations, after each whole read of their products: it finds what no date
 * of a product shows. Products whose variations differ are queued; their own reads decide.
 */
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { INITIAL_SCAN_POSITION, type ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { getLastWholeReadMs, knowsAllOwners } from '../core/variation-state.ts'
import type { VariationOwner } from '../core/variation-table.ts'
import { readIndexRows } from '../changes/object-index.ts'
import { diffVariations, type VariationRead } from '../changes/variation-changes.ts'
import { queueVariations, toKnownVariation, toVariationContext, writeVariations } from '../changes/variation-index.ts'
import { answersNow } from '../source/failure-scope.ts'
import { canBeOfRecord } from '../source/record-failures.ts'
import { requestPage, StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'
import type { ObjectId, Snapshot, VariationLists } from '../../elements/store.ts'
import { advanceScan, getScanOffset, sortById } from './scan-position.ts'
import { getListRows, toListWatched, withListOf } from './variation-lists.ts'

/** While so many products wait for a read of their variations, the pass waits too. */
const MAX_QUEUED = 50

/** The list as a resource while a pass runs: what its pages are held against is in its memory. */
const listsByState = new WeakMap<ResourceState, WatchedResource>()

/** When the next page of the pass is read, epoch ms; null: no pass is due. */
export function getNextPassMs(core: Core, watched: WatchedResource): number | null {
	return isPassDue(core, watched) ? core.ports.now() : null
}

/** Whether the pass has a page to read. A store that said that it has no such list is asked after each whole read. */
export function isPassDue(core: Core, { state: rs }: WatchedResource): boolean {
	const { variations } = rs
	if (variations === undefined || !knowsAllOwners(rs)) return false
	const lastReadMs = getLastWholeReadMs(rs)
	if ((variations.noListMs ?? -1) >= lastReadMs) return false
	const isDue = variations.pass !== null || variations.passBeganMs === null || variations.passBeganMs < lastReadMs
	return isDue && core.variations.countQueued(rs.number, MAX_QUEUED) < MAX_QUEUED
}

/** One page of the pass. Throws StoreError. */
export async function variationPassStep(
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	budget: SliceBudget,
): Promise<void> {
	const { state: rs } = watched
	const { variations } = rs
	if (variations === undefined) return
	const pass = variations.pass ?? { position: INITIAL_SCAN_POSITION, startedMs: core.ports.now() }
	const list = getPassList(core, watched, lists, variations.pass === null)
	const page = await readPage(core, watched, list, getScanOffset(pass.position), budget)
	if (page === null) {
		rs.variations = { ...variations, pass: null, noListMs: core.ports.now() }
		return
	}
	const snapshots = sortById(page.snapshots)
	const ids = snapshots.map(({ id }) => id)
	const step = advanceScan(pass.position, ids, page.total, page.limit)
	if (step.again) {
		rs.variations = { ...variations, pass: { ...pass, position: step.position } }
		return
	}
	core.commit((tx) => {
		noteShown(tx, core, watched, lists, page, snapshots)
		const upTo = step.ended ? null : step.position.lastId
		if (!page.isStale) noteMissing(tx, core, rs, page, { after: pass.position.lastId, upTo, shown: ids })
		const { noListMs: _none, ...known } = variations
		if (!step.ended) rs.variations = { ...known, pass: { ...pass, position: step.position } }
		else {
			core.variations.completeFirstReads(tx, rs.number, pass.startedMs)
			rs.variations = { ...known, pass: null, passBeganMs: pass.startedMs }
		}
	})
}

function getPassList(core: Core, watched: WatchedResource, lists: VariationLists, isNew: boolean): WatchedResource {
	const known = isNew ? undefined : listsByState.get(watched.state)
	const isCurrent =
		known !== undefined && getCurrentProfile(known.state).number === getCurrentProfile(watched.state).number
	const list = isCurrent ? known : toListWatched(core, watched, lists, lists.all)
	listsByState.set(watched.state, list)
	return list
}

/** null: the store has no such list, or cannot give this page of it. Throws StoreError. */
async function readPage(
	core: Core,
	watched: WatchedResource,
	list: WatchedResource,
	offset: number,
	budget: SliceBudget,
): Promise<ListedPage | null> {
	try {
		const query = { order: 'id-asc' as const, offset, limit: getListRows(watched) }
		return await withListOf(watched, list, () => requestPage(core, list, query, budget))
	} catch (error) {
		// Then the products are read one after another.
		if (!(error instanceof StoreError)) throw error
		if (error.scope === 'resource' || (canBeOfRecord(error.failure) && (await answersNow(core, watched, budget))))
			return null
		throw error
	}
}

/** Queues the products of variations that differ, and takes over those of products that were never read. */
function noteShown(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	page: ListedPage,
	snapshots: readonly Snapshot[],
): void {
	const { state: rs } = watched
	const byOwner = Map.groupBy(snapshots, ({ record }) => lists.getOwner(record))
	const ownerIds = [...byOwner.keys()].filter((id) => id !== null)
	const owners = core.variations.getOwners(rs.number, ownerIds)
	const objects = readIndexRows(
		core,
		rs.number,
		ownerIds.filter((id) => !owners.has(id)),
	)
	const rows = core.variations.readByIds(
		rs.number,
		snapshots.map(({ id }) => id),
	)
	const profile = getCurrentProfile(rs).number
	for (const ownerId of ownerIds) {
		const owner = owners.get(ownerId)
		const object = objects.get(ownerId)
		// A product that the resource does not have, or that the receiver does not know.
		if (owner === undefined && object?.state !== 'live' && object?.state !== 'unlisted') continue
		const known = new Map(
			rows.filter((row) => row.owner === ownerId).map((row) => [row.id, toKnownVariation(core, row)]),
		)
		const read = toRead(page, profile, byOwner.get(ownerId) ?? [])
		const diff = diffVariations(known, read, toVariationContext(core, watched, lists, toReference(owner), []))
		const isSilent = owner?.readMs === null || diff.told.length + diff.unexplained.length === 0
		const isDoubtful = diff.againMs !== null
		if (isSilent && !isDoubtful) writeVariations(tx, core, rs.number, ownerId, { rows: diff.rows, removed: [] })
		else queueVariations(tx, core, watched, ownerId, toQueued(core))
	}
}

/** What a page shows of one product is a part of its variations. */
function toRead(
	{ requestedAtMs, storeNowMs }: ListedPage,
	profile: number,
	snapshots: readonly Snapshot[],
): VariationRead {
	return {
		snapshots,
		isComplete: false,
		profile,
		requestedAtMs,
		storeNowMs,
		gone: [],
		trashed: [],
		isProven: false,
		source: 'reread',
	}
}

function toReference(owner: VariationOwner | undefined): Pick<VariationOwner, 'readMs' | 'doubt'> {
	return { readMs: owner === undefined ? 0 : owner.readMs, doubt: {} }
}

function toQueued(core: Core): Parameters<typeof queueVariations>[4] {
	const now = core.ports.now()
	return { dueMs: now, sinceMs: now, source: 'reread' }
}

/** Queues the products of known variations between two ids that the list does not show. */
function noteMissing(
	tx: Tx,
	core: Core,
	rs: ResourceState,
	page: ListedPage,
	{ after, upTo, shown }: { after: ObjectId | null; upTo: ObjectId | null; shown: readonly ObjectId[] },
): void {
	const shownIds = new Set(shown)
	const missing = core.variations
		.findBetween(rs.number, after, upTo, page.requestedAtMs)
		.filter(({ id }) => !shownIds.has(id))
	for (const owner of new Set(missing.map((one) => one.owner)))
		core.variations.queue(tx, rs.number, owner, toQueued(core))
}

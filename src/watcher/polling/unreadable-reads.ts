/**
 * Reads by id of objects that spoil lists, now and then: in their list, then at their own address, for as long as it
 * lasts.
 */
import { readIndexRows } from '../changes/object-index.ts'
import { hasNewInformation, recordPage } from '../changes/recorder.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import type { UnreadableObject } from '../core/unreadable-table.ts'
import { answersNow } from '../source/failure-scope.ts'
import { canBeOfRecord, describeFailure } from '../source/record-failures.ts'
import { readObject, requestPage, StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'
import type { Failure, ObjectId, Snapshot } from '../../elements/store.ts'
import { recordUnindexed } from './unindexed.ts'
import { getObjectRetryMs, noteUnreadableLimit, updateUnreadable } from './unreadable.ts'

/** When the next object that could not be read is tried again, epoch ms; null: all can be read. */
export function getNextUnreadableMs(core: Core): number | null {
	return core.state.resources.some(({ unreadable }) => unreadable !== undefined)
		? (core.unreadable.next()?.dueMs ?? null)
		: null
}

/** Tries an object that could not be read: in its list, then at its address. False: none is due. Throws StoreError. */
export async function unreadableStep(
	core: Core,
	findWatched: (number: number) => WatchedResource | null,
	budget: SliceBudget,
): Promise<boolean> {
	if ((getNextUnreadableMs(core) ?? Infinity) > core.ports.now()) return false
	const object = core.unreadable.next()
	if (object === null) return false
	const watched = findWatched(object.resource)
	if (watched === null) {
		core.commit((tx) => core.unreadable.removeResource(tx, object.resource))
		return true
	}
	const listed = await tryInList(core, watched, object.id, budget)
	const row = 'snapshots' in listed ? listed.snapshots.find(({ id }) => id === object.id) : undefined
	if ('snapshots' in listed && row !== undefined) recordReadable(core, watched, object, listed, row)
	else if ('snapshots' in listed && listed.rows === 0) leaveToLookups(core, watched, object)
	else await tryByAddress(core, watched, object, 'snapshots' in listed ? null : listed, budget)
	return true
}

/** The list of this object alone, or the failure that can be the object's own. Throws StoreError. */
async function tryInList(
	core: Core,
	watched: WatchedResource,
	onlyId: ObjectId,
	budget: SliceBudget,
): Promise<ListedPage | Failure> {
	try {
		return await requestPage(core, watched, { order: 'id-asc', onlyId, limit: 1 }, budget)
	} catch (error) {
		return await toOwnFailure(core, watched, error, budget)
	}
}

/** The failure of an object. Throws the error if it concerns more. */
async function toOwnFailure(
	core: Core,
	watched: WatchedResource,
	error: unknown,
	budget: SliceBudget,
): Promise<Failure> {
	if (!(error instanceof StoreError)) throw error
	const isOwn = error.scope !== 'store' || canBeOfRecord(error.failure) || error.failure.kind === 'redirect'
	if (isOwn && (await answersNow(core, watched, budget))) return error.failure
	throw error
}

/** It can be read again. */
function recordReadable(
	core: Core,
	watched: WatchedResource,
	object: UnreadableObject,
	page: ListedPage,
	snapshot: Snapshot,
): void {
	core.commit((tx) => {
		const recorded = record(tx, core, watched, object, page, snapshot)
		core.unreadable.remove(tx, object.resource, object.id)
		updateUnreadable(tx, core, watched.state)
		noteUnreadableLimit(core, watched.state)
		return recorded
	})
}

function record(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	object: UnreadableObject,
	page: Pick<ListedPage, 'requestedAtMs' | 'storeNowMs'>,
	snapshot: Snapshot,
): boolean {
	if (watched.resource.indexed)
		return hasNewInformation(recordPage(tx, core, watched, { ...page, snapshots: [snapshot] }, 'poll'))
	recordUnindexed(tx, core, watched, snapshot, { sinceMs: object.cursorMs, storeNowMs: page.storeNowMs })
	return true
}

/** It has left the list: reads by its own address decide, as for every object that a list does not show. */
function leaveToLookups(core: Core, { state: rs }: WatchedResource, { id }: UnreadableObject): void {
	core.commit((tx) => {
		const known = readIndexRows(core, rs.number, [id]).get(id)
		if (known !== undefined && known.state !== 'gone')
			core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
		core.unreadable.remove(tx, rs.number, id)
		updateUnreadable(tx, core, rs)
		noteUnreadableLimit(core, rs)
	})
}

/** Its own address: the object can be read there while lists fail. */
async function tryByAddress(
	core: Core,
	watched: WatchedResource,
	object: UnreadableObject,
	listFailure: Failure | null,
	budget: SliceBudget,
): Promise<void> {
	const { state: rs } = watched
	const { id } = object
	const read = await tryRead(core, watched, id, budget)
	const now = core.ports.now()
	core.commit((tx) => {
		const known = readIndexRows(core, rs.number, [id]).get(id)
		if ('ok' in read) return postpone(tx, core, rs, object, describeFailure(listFailure ?? read))
		if (read.snapshot !== null && read.snapshot.id === id) {
			record(tx, core, watched, object, read, read.snapshot)
			const reason = listFailure === null ? object.reason : `${describeFailure(listFailure)} to lists with it`
			return postpone(tx, core, rs, object, `${reason}; it is read by its own address`)
		}
		if (known === undefined || known.state === 'gone') {
			core.unreadable.remove(tx, rs.number, id)
			updateUnreadable(tx, core, rs)
			return noteUnreadableLimit(core, rs)
		}
		core.lookups.queue(tx, rs.number, id, now, { missing: true })
		postpone(tx, core, rs, object, object.reason)
	})
}

async function tryRead(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	budget: SliceBudget,
): Promise<Awaited<ReturnType<typeof readObject>> | Failure> {
	try {
		return await readObject(core, watched, id, budget)
	} catch (error) {
		return await toOwnFailure(core, watched, error, budget)
	}
}

function postpone(tx: Tx, core: Core, rs: ResourceState, object: UnreadableObject, reason: string): void {
	const now = core.ports.now()
	const count = core.unreadable.list(rs.number).length
	const delayMs = getObjectRetryMs(object.tries + 1, now - object.sinceMs, count)
	core.unreadable.postpone(tx, rs.number, object.id, now + delayMs, reason)
	noteUnreadableLimit(core, rs)
}

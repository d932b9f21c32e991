/**
 * Reads by id: objects that are missing from a list, objects whose state is uncertain, and objects that others refer
 * to.
 */
import { NEVER_MS } from '../../lib/time.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import type { Tx } from '../core/tx.ts'
import { MIN_GONE_INTERVAL_MS } from '../changes/gate.ts'
import { readIndexRows } from '../changes/object-index.ts'
import { hasNewInformation, recordObservations, type RecordResult } from '../changes/recorder.ts'
import { readObject, readObjectFromList, StoreError, type SliceBudget } from '../source/requests.ts'
import { answersNow, answersWithoutRows, findScope } from '../source/failure-scope.ts'
import { canBeOfRecord, describeFailure } from '../source/record-failures.ts'
import { toResourceError } from '../source/backoff.ts'
import { compareProbe } from '../changes/probe.ts'
import { getAwaitingResources } from './deletion-hold.ts'
import { getObjectRetryMs, noteUnreadableLimit } from './unreadable.ts'
import { getNextUnreadableMs, unreadableStep } from './unreadable-reads.ts'
import { readMovedVariations } from './variation-reads.ts'
import { OTHER_OBJECT_CODE, type ObjectId } from '../../elements/store.ts'

/** Maximum reads by id per minute and instance for webhooks; reads of related objects may use half of them. */
const MAX_READS_PER_MINUTE = 60
const MAX_RELATED_READS_PER_MINUTE = MAX_READS_PER_MINUTE / 2
const MAX_REMEMBERED_READS = 1_000
/** Delay after the store has refused a read for this object only, ms. */
const REFUSED_RETRY_MS = 5 * 60_000

/** When the next object may be read by id; null: none is queued. */
export function getNextLookupMs(core: Core): number | null {
	const times = [core.lookups.nextDueMs(getAwaitingResources(core)), getNextUnreadableMs(core)]
	const present = times.filter((timeMs) => timeMs !== null)
	return present.length === 0 ? null : Math.min(...present)
}

/** When the next related object may be read; null: none is queued. */
export function getNextRelatedReadMs(core: Core): number | null {
	if (core.relatedQueue.size === 0) return null
	const { reads } = core.state
	const now = core.ports.now()
	const minuteExhausted = reads.count >= MAX_RELATED_READS_PER_MINUTE && reads.minute === Math.floor(now / 60_000)
	const dueMs = Math.min(...[...core.relatedQueue.values()].map((related) => related.dueMs ?? now))
	return Math.max(dueMs, minuteExhausted ? (reads.minute + 1) * 60_000 : now)
}

/**
 * Reads the object whose lookup has been due for the longest time, or else one that lists cannot show. False: none is
 * due. Throws StoreError.
 */
export async function lookupStep(
	core: Core,
	findWatched: (number: number) => WatchedResource | null,
	budget: SliceBudget,
): Promise<boolean> {
	const lookup = core.lookups.nextDue(core.ports.now(), getAwaitingResources(core))
	if (lookup === null) return await unreadableStep(core, findWatched, budget)
	const { resource, id, check } = lookup
	const watched = findWatched(resource)
	if (watched === null) {
		write(core, (tx) => core.lookups.remove(tx, resource, id))
		return true
	}
	if (isWebhookOnly(check) && check.goneAtMs === undefined && !tryCountRead(core, MAX_READS_PER_MINUTE)) {
		const nextMinuteMs = (Math.floor(core.ports.now() / 60_000) + 1) * 60_000
		write(core, (tx) => core.lookups.postpone(tx, resource, id, nextMinuteMs))
		return true
	}
	try {
		await readAndRecord(core, watched, id, check, budget)
	} catch (error) {
		if (!(error instanceof StoreError)) throw error
		const { failure } = error
		if (failure.kind === 'no-route' && failure.status === null) {
			deferToLists(core, watched, id, check)
			return true
		}
		if (isOwnFailure(error) || (isRefusal(error) && (await answersWithoutRows(core, watched, budget)) === null)) {
			await handleOwnFailure(core, watched, { id, check }, error, budget)
			return true
		}
		if (error.scope === 'store') throw error
		write(core, (tx) =>
			core.lookups.queue(tx, resource, id, core.ports.now() + REFUSED_RETRY_MS, { ...check, refused: true }),
		)
		watched.state.error = { ...watched.state.error, ...toResourceError(core, error) }
	}
	return true
}

/** Whether one object can be the reason for a failed read. */
function isOwnFailure({ failure, scope }: StoreError): boolean {
	return scope === 'object' || canBeOfRecord(failure) || failure.kind === 'redirect'
}

/** Whether the store refuses a read: of this object alone, if it still answers lists. */
function isRefusal({ failure: { kind } }: StoreError): boolean {
	return kind === 'forbidden' || kind === 'rejected' || kind === 'no-route' || kind === 'auth'
}

/**
 * A read failed, perhaps for a reason of the object's own: then it is tried again, ever more seldom, and other work
 * goes on. Throws StoreError if the store does not answer.
 */
async function handleOwnFailure(
	core: Core,
	watched: WatchedResource,
	{ id, check }: { id: ObjectId; check: PendingCheck },
	error: StoreError,
	budget: SliceBudget,
): Promise<void> {
	const { state: rs } = watched
	if (!(await answersNow(core, watched, budget))) {
		const scope = await findScope(core, watched, budget)
		if (scope === 'store') throw new StoreError(error.failure, watched, 'store')
	}
	const now = core.ports.now()
	const { tries = 0, sinceMs = now } = check.failed ?? {}
	const failed = { tries: tries + 1, sinceMs, reason: describeFailure(error.failure) }
	core.commit((tx) => {
		const count = core.lookups.listFailed(rs.number).length
		const delayMs = getObjectRetryMs(tries, now - sinceMs, count)
		core.lookups.queue(tx, rs.number, id, now + delayMs, { ...check, failed })
		noteUnreadableLimit(core, rs)
	})
}

/** Writes to the lookups alone: the state need not be saved with it. */
function write(core: Core, body: (tx: Tx) => void): void {
	core.commit(body, () => false)
}

/** Whether a webhook is the only reason for a read, so that no list misses the object. */
function isWebhookOnly(check: PendingCheck): boolean {
	return check.hook === true && check.missing !== true
}

/**
 * An object that has no address, because its id is another field than the vendor's: complete lists decide. It is gone
 * when two re-reads, one started after the other ended, do not show it. Any other check ends with the next list that
 * shows it.
 */
function deferToLists(core: Core, watched: WatchedResource, id: ObjectId, check: PendingCheck): void {
	const { state: rs } = watched
	const now = core.ports.now()
	core.commit((tx) => {
		if (isWebhookOnly(check)) {
			// The index does not have the id that the webhook names: a poll will find the object.
			core.lookups.remove(tx, rs.number, id)
			core.state.nextPollMs = now
		} else if (check.missing === true && check.goneAtMs !== undefined) {
			recordObservations(tx, core, watched, [{ id, gone: true }], {
				source: 'reread',
				via: 'read',
				requestedAtMs: now,
				storeNowMs: now,
				listed: false,
				pendingChecks: new Map([[id, check]]),
				backfill: 'none',
			})
		} else if (rs.reread !== null) {
			// The re-read that missed it must end before the one that confirms it begins.
			core.lookups.queue(tx, rs.number, id, now + MIN_GONE_INTERVAL_MS, check)
		} else {
			const nextCheck = check.missing === true ? { ...check, goneAtMs: now } : check
			core.lookups.queue(tx, rs.number, id, now + NEVER_MS, nextCheck)
			rs.rereadAsked = true
		}
	})
}

/**
 * Reads one object that another object's change refers to. False: none, or too many this minute. Throws StoreError.
 */
export async function relatedReadStep(
	core: Core,
	findWatched: (number: number) => WatchedResource | null,
	budget: SliceBudget,
): Promise<boolean> {
	const now = core.ports.now()
	const next = [...core.relatedQueue].find(([, { dueMs = now }]) => dueMs <= now)
	if (next === undefined) return false
	if (!tryCountRead(core, MAX_RELATED_READS_PER_MINUTE)) return false
	const [key, target] = next
	core.relatedQueue.delete(key)
	const watched = findWatched(target.number)
	if (watched === null) return true
	try {
		await readAndRecord(core, watched, target.id, {}, budget)
	} catch (error) {
		if (!(error instanceof StoreError)) throw error
		const isOwn = (isOwnFailure(error) || isRefusal(error)) && (await answersNow(core, watched, budget))
		if (error.scope === 'store' && !isOwn) throw error
	}
	return true
}

/** Counts a read for a webhook or a related object. False: this minute's limit is reached. */
function tryCountRead(core: Core, limit: number): boolean {
	const { state } = core
	const minute = Math.floor(core.ports.now() / 60_000)
	if (state.reads.minute !== minute) state.reads = { minute, count: 0 }
	if (state.reads.count >= limit) return false
	state.reads.count++
	return true
}

/** Stores when an object was read; only the newest thousand are kept. */
function rememberRead(core: Core, key: string, atMs: number): void {
	core.lastReadMs.delete(key)
	core.lastReadMs.set(key, atMs)
	if (core.lastReadMs.size > MAX_REMEMBERED_READS)
		for (const oldest of core.lastReadMs.keys()) {
			core.lastReadMs.delete(oldest)
			break
		}
}

async function readAndRecord(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	check: PendingCheck,
	budget: SliceBudget,
): Promise<void> {
	const { number } = watched.state
	// Only the list knows whether an object that a webhook names matches the resource's `where`.
	const throughList = watched.resource.filtered && isWebhookOnly(check)
	// What decides about a deletion or an older state must not come from a cache.
	const isDecisive = check.missing === true || check.goneAtMs !== undefined || check.staleHash !== undefined
	const { response, isListed } = await readAsked(core, watched, id, { throughList, isDecisive }, budget)
	rememberRead(core, `${number}:${id}`, response.requestedAtMs)
	const source = check.hook === true ? 'webhook' : 'poll'
	if (response.snapshot !== null) await readMovedVariations(core, watched, [response.snapshot], source, budget)
	core.commit((tx) => {
		const recorded =
			throughList && response.snapshot === null
				? recheckUnlisted(tx, core, watched, id, check, response.requestedAtMs)
				: recordRead(tx, core, watched, id, isListed ? { ...check, missing: false } : check, response)
		if (check.failed !== undefined) {
			core.lookups.clearFailed(tx, number, id)
			noteUnreadableLimit(core, watched.state)
		}
		return recorded
	}, hasNewInformation)
}

/**
 * Reads an object. Where its address answers with another one, as plugins for languages do, a list of this id alone can
 * show it; that it does not is no proof of anything. Throws StoreError.
 */
async function readAsked(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	{ throughList, isDecisive }: { throughList: boolean; isDecisive: boolean },
	budget: SliceBudget,
): Promise<{ response: Awaited<ReturnType<typeof readObject>>; isListed: boolean }> {
	if (throughList) return { response: await readObjectFromList(core, watched, id, budget), isListed: false }
	try {
		return { response: await readObject(core, watched, id, budget, isDecisive), isListed: false }
	} catch (error) {
		if (!(error instanceof StoreError) || error.failure.code !== OTHER_OBJECT_CODE) throw error
		const response = await readObjectFromList(core, watched, id, budget)
		if (response.snapshot === null) throw new StoreError(error.failure, watched, 'object')
		return { response, isListed: true }
	}
}

/** The list with its `where` does not show an object. If the index knows it, a read by its own address decides. */
function recheckUnlisted(
	tx: Tx,
	core: Core,
	{ state: rs }: WatchedResource,
	id: ObjectId,
	check: PendingCheck,
	requestedAtMs: number,
): Pick<RecordResult, 'accepted' | 'toRecheck'> {
	const known = readIndexRows(core, rs.number, [id]).get(id)
	core.lookups.resolve(tx, rs.number, id, requestedAtMs)
	if (known !== undefined && known.state !== 'gone')
		core.lookups.queue(tx, rs.number, id, core.ports.now(), { ...check, missing: true })
	return { accepted: 0, toRecheck: [] }
}

function recordRead(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	check: PendingCheck,
	response: Awaited<ReturnType<typeof readObject>>,
): RecordResult {
	const { number } = watched.state
	const { snapshot, requestedAtMs, storeNowMs } = response
	const known = readIndexRows(core, number, [id]).get(id)
	compareProbe(tx, core, watched, check, snapshot)
	const recorded = recordObservations(
		tx,
		core,
		watched,
		[snapshot === null ? { id, gone: true } : { id: snapshot.id, snapshot }],
		{
			source: check.hook === true ? 'webhook' : 'poll',
			via: 'read',
			requestedAtMs,
			storeNowMs,
			listed: check.missing !== true && known?.state !== 'unlisted',
			pendingChecks: new Map([[id, check]]),
			backfill: core.config.backfill,
		},
	)
	// An object that answers with another id would be read forever.
	if (recorded.toRecheck.length === 0) core.lookups.resolve(tx, number, id, requestedAtMs)
	return recorded
}

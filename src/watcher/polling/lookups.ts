/**
 * Reads by id: confirmations of what a list no longer shows, second looks at what is doubtful, objects that others
 * point at.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import { MIN_GONE_INTERVAL_MS, type PendingCheck } from '../changes/gate.ts'
import { readIndexRows } from '../changes/object-index.ts'
import { hasNewInformation, mayHaveLookups, queueLookup, recordObservations } from '../changes/recorder.ts'
import { readObject, readObjectFromList, StoreError, type SliceBudget } from '../source/requests.ts'
import { compareProbe } from '../changes/probe.ts'
import type { ObjectId } from '../../elements/store.ts'

/**
 * Reads an instance makes a minute because something pointed at an object; what another object's change points at may
 * use half of them.
 */
const MAX_READS_PER_MINUTE = 60
const MAX_RELATED_READS_PER_MINUTE = MAX_READS_PER_MINUTE / 2
/** A read that the store refused for this object alone is tried again after this long. */
const MAX_REMEMBERED_READS = 1_000
const REFUSED_RETRY_MS = 5 * 60_000
/** A lookup that only a list can settle. */
const NEVER_MS = 10 * 365 * 86_400_000

interface LookupRow {
	resource: number
	id: ObjectId
	doubt: string
}

/** When the next read by id is due; null: none. */
export function getNextLookupMs(core: Core): number | null {
	if (!mayHaveLookups(core)) return null
	const due = core.ports.sql.all<{ due: number | null }>(`SELECT min(due) AS due FROM lookups`)[0]?.due ?? null
	if (due === null) core.mayHaveLookups = false
	return due
}

/** When the next object that another one's change pointed at may be read; null: none. */
export function getNextRelatedReadMs(core: Core): number | null {
	if (core.relatedQueue.size === 0) return null
	const { reads } = core.state
	const now = core.ports.now()
	const minuteExhausted = reads.count >= MAX_RELATED_READS_PER_MINUTE && reads.minute === Math.floor(now / 60_000)
	return minuteExhausted ? (reads.minute + 1) * 60_000 : now
}

/** Reads the object whose lookup is most overdue. False: none is due. Throws StoreTrouble. */
export async function lookupStep(
	core: Core,
	findWatched: (number: number) => WatchedResource | null,
	budget: SliceBudget,
): Promise<boolean> {
	if (!mayHaveLookups(core)) return false
	const row = core.ports.sql.all<LookupRow>(
		`SELECT resource, id, doubt FROM lookups WHERE due <= ? ORDER BY due LIMIT 1`,
		core.ports.now(),
	)[0]
	if (row === undefined) return false
	const watched = findWatched(row.resource)
	if (watched === null) {
		core.ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ?`, row.resource, row.id)
		return true
	}
	const pendingCheck = JSON.parse(row.doubt) as PendingCheck
	// What a list misses is confirmed at once, whoever else pointed at it.
	if (
		pendingCheck.hook === true &&
		pendingCheck.missing !== true &&
		pendingCheck.goneAtMs === undefined &&
		!tryCountRead(core, MAX_READS_PER_MINUTE)
	) {
		// So many hints a minute and no more; they wait for the next one.
		core.ports.sql.run(
			`UPDATE lookups SET due = ? WHERE resource = ? AND id = ?`,
			(Math.floor(core.ports.now() / 60_000) + 1) * 60_000,
			row.resource,
			row.id,
		)
		return true
	}
	try {
		await readAndRecord(core, watched, row.id, pendingCheck, budget)
	} catch (error) {
		if (!(error instanceof StoreError) || error.scope === 'store') throw error
		if (error.failure.kind === 'no-route' && error.failure.status === null) {
			deferToLists(core, watched, row.id, pendingCheck)
			return true
		}
		queueLookup(core, row.resource, row.id, core.ports.now() + REFUSED_RETRY_MS, pendingCheck)
		watched.state.error = { atMs: core.ports.now(), kind: error.failure.kind, message: error.message }
	}
	return true
}

/**
 * An object that has no address, since its id is another field than the vendor's: whole lists decide. Missing from two
 * complete re-reads, one begun after the other, it is gone; any other doubt is settled by the next list that shows it.
 */
function deferToLists(core: Core, watched: WatchedResource, id: ObjectId, pendingCheck: PendingCheck): void {
	const { state: rs } = watched
	const now = core.ports.now()
	core.commit(() => {
		if (pendingCheck.hook === true && pendingCheck.missing !== true) {
			// A webhook names it by an id that the index does not go by.
			core.ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ?`, rs.number, id)
			core.state.nextPollMs = now
			return
		}
		if (pendingCheck.missing === true && pendingCheck.goneAtMs !== undefined) {
			recordObservations(core, watched, [{ id, gone: true }], {
				source: 'reread',
				via: 'read',
				requestedAtMs: now,
				storeNowMs: now,
				listed: false,
				pendingChecks: new Map([[id, pendingCheck]]),
				backfill: 'none',
			})
			return
		}
		// The re-read that found it missing must end before the one that counts begins.
		if (rs.reread !== null) queueLookup(core, rs.number, id, now + MIN_GONE_INTERVAL_MS, pendingCheck)
		else {
			queueLookup(
				core,
				rs.number,
				id,
				now + NEVER_MS,
				pendingCheck.missing === true ? { ...pendingCheck, goneAtMs: now } : pendingCheck,
			)
			rs.rereadAsked = true
		}
	})
}

/** Reads one object that another one's change pointed at. False: none, or too many this minute. Throws StoreTrouble. */
export async function relatedReadStep(
	core: Core,
	findWatched: (number: number) => WatchedResource | null,
	budget: SliceBudget,
): Promise<boolean> {
	const next = core.relatedQueue.entries().next().value
	if (next === undefined) return false
	if (!tryCountRead(core, MAX_RELATED_READS_PER_MINUTE)) return false
	const [key, target] = next
	core.relatedQueue.delete(key)
	const watched = findWatched(target.number)
	if (watched === null) return true
	try {
		await readAndRecord(core, watched, target.id, {}, budget)
	} catch (error) {
		if (!(error instanceof StoreError) || error.scope === 'store') throw error
	}
	return true
}

/** Whether one more object may be read in this minute because something pointed at it; counts it. */
function tryCountRead(core: Core, limit: number): boolean {
	const { state } = core
	const minute = Math.floor(core.ports.now() / 60_000)
	if (state.reads.minute !== minute) state.reads = { minute, count: 0 }
	if (state.reads.count >= limit) return false
	state.reads.count++
	return true
}

/** When objects were last read: the newest thousand. */
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
	pendingCheck: PendingCheck,
	budget: SliceBudget,
): Promise<void> {
	const { state: rs } = watched
	// Whether an object that a webhook named is inside a `where` only the list knows.
	const throughList = watched.resource.filtered && pendingCheck.hook === true && pendingCheck.missing !== true
	const response = await (throughList ? readObjectFromList : readObject)(core, watched, id, budget)
	rememberRead(core, `${rs.number}:${id}`, response.requestedAtMs)
	core.commit(() => {
		const known = readIndexRows(core, rs.number, [id]).get(id)
		const clearLookup = (): void =>
			core.ports.sql.run(
				`DELETE FROM lookups WHERE resource = ? AND id = ? AND since <= ?`,
				rs.number,
				id,
				response.requestedAtMs,
			)
		if (throughList && response.snapshot === null) {
			clearLookup()
			// One that was inside has left it, or is gone: its own address decides.
			if (known !== undefined && known.state !== 'gone')
				queueLookup(core, rs.number, id, core.ports.now(), { ...pendingCheck, missing: true })
			return { accepted: 0, toRecheck: [] }
		}
		compareProbe(core, watched, pendingCheck, response.snapshot)
		const recorded = recordObservations(
			core,
			watched,
			[response.snapshot === null ? { id, gone: true } : { id: response.snapshot.id, snapshot: response.snapshot }],
			{
				source: pendingCheck.hook === true ? 'webhook' : 'poll',
				via: 'read',
				requestedAtMs: response.requestedAtMs,
				storeNowMs: response.storeNowMs,
				listed: pendingCheck.missing !== true && known?.state !== 'unlisted',
				pendingChecks: new Map([[id, pendingCheck]]),
				backfill: core.config.backfill,
			},
		)
		// An id that answers as another one would be looked at for ever.
		if (recorded.toRecheck.length === 0) clearLookup()
		return recorded
	}, hasNewInformation)
}

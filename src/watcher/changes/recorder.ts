/**
 * Recording: passes observations through the gate and commits what follows from them together: the objects' new rows,
 * the events with their records, the notifications that can be formed, and the cursor (docs/architecture.md, The way of
 * a change).
 */
import { hashContent, HASH_VERSION } from './content.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { gate, type Change, type PendingCheck, type GateContext, type Observation } from './gate.ts'
import { expectWebhook } from './missed-webhooks.ts'
import { isListed, readIndexRows, writeIndexRow, type IndexRow } from './object-index.ts'
import type { NewEvent } from '../log/event-log.ts'
import { appendEvents } from '../outbox/forming.ts'
import type { ListedPage } from '../source/requests.ts'
import type { ObjectId, Resource, Snapshot } from '../../elements/store.ts'

/** What was seen, before the gate: a record, or that there is no such object. */
export type ObservedObject = { id: ObjectId; snapshot: Snapshot } | { id: ObjectId; gone: true }

/** How it was seen. */
export interface ReadContext {
	/** `source` of the events that follow. */
	source: 'poll' | 'webhook' | 'reread'
	/** How it was seen: a read is the truth of its moment, a hook's payload a snapshot of some moment before. */
	via: 'read' | 'hook'
	/** Own clock when the request was started. */
	requestedAtMs: number
	/** Store's clock when it answered. */
	storeNowMs: number
	/** False: read by id since a list no longer shows it. */
	listed: boolean
	/** What earlier looks left, by id. */
	pendingChecks?: Map<ObjectId, PendingCheck>
	/** Backfill of the instance, for the baseline. */
	backfill: 'none' | 'all' | number
}

/** What recording did. `undecided`: ids to be read again. */
export interface RecordResult {
	emitted: number
	accepted: number
	toRecheck: ObjectId[]
	/** Ids that were not known before. */
	unknown: number
}

/** Only what was told lately is looked up, to see whether the other way of seeing confirms it. */
const MAX_CONFIRMATION_AGE_MS = 26 * 3_600_000

/** Whether anything was written, or is to be looked at again. */
export function hasNewInformation(recorded: Pick<RecordResult, 'accepted' | 'toRecheck'>): boolean {
	return recorded.accepted > 0 || recorded.toRecheck.length > 0
}

/** Above so many bytes the record is left out of the event: a row holds 2 MB. */
const MAX_RECORD_BYTES = 1_500_000

/** Gates and records rows of a list: all of the page, unless some are named. Call it inside `core.commit`. */
export function recordPage(
	core: Core,
	watched: WatchedResource,
	page: ListedPage,
	source: 'poll' | 'reread',
	rows: readonly Snapshot[] = page.snapshots,
): RecordResult {
	return recordObservations(
		core,
		watched,
		rows.map((snapshot) => ({ id: snapshot.id, snapshot: snapshot })),
		{
			source,
			via: 'read',
			requestedAtMs: page.requestedAtMs,
			storeNowMs: page.storeNowMs,
			listed: true,
			// It counts during a baseline alone.
			backfill: core.config.backfill,
		},
	)
}

/** Gates and records observations of one resource. Call it inside `core.commit`. */
export function recordObservations(
	core: Core,
	watched: WatchedResource,
	observedObjects: readonly ObservedObject[],
	readContext: ReadContext,
): RecordResult {
	const { resource, state: rs } = watched
	const nowMs = core.ports.now()
	const { sql } = core.ports
	const known = readIndexRows(
		core,
		rs.number,
		observedObjects.map((observed) => observed.id),
	)
	const pendingChecks =
		readContext.pendingChecks ??
		readPendingChecks(
			core,
			rs.number,
			observedObjects.map((observed) => observed.id),
		)
	const result: RecordResult = { emitted: 0, accepted: 0, toRecheck: [], unknown: 0 }
	const events: NewEvent[] = []
	/** Events whose state this observation shows too. */
	const confirmedEvents: number[] = []
	const gateContext: Omit<GateContext, 'pendingCheck'> = {
		nowMs,
		hashVersion: HASH_VERSION,
		filtered: resource.filtered,
		volatile: rs.volatile,
		baseline:
			rs.baseline === null
				? null
				: {
						t0Sec: rs.t0Sec,
						highestId: rs.highestId,
						backfill: readContext.backfill,
						toleranceSec: resource.createdToleranceSec,
						storeNowSec: Math.floor(readContext.storeNowMs / 1000),
					},
	}
	for (const observed of observedObjects) {
		const row = known.get(observed.id) ?? null
		if (row === null) result.unknown++
		const observation = toObservation(observed, readContext)
		if (!('gone' in observed)) {
			if (observed.snapshot.unreadableDate !== null) rs.datesUnreadable = observed.snapshot.unreadableDate
			if (typeof observed.id === 'number' && observed.id > rs.newestId && observed.snapshot.state !== 'trashed')
				rs.newestId = observed.id
		}
		const verdict = gate(row, observation, { ...gateContext, pendingCheck: pendingChecks.get(observed.id) ?? {} })
		if (verdict.do === 'recheck') {
			result.toRecheck.push(observed.id)
			queueLookup(core, rs.number, observed.id, verdict.dueMs, verdict.pendingCheck)
			continue
		}
		// A doubt that arose after the request was started is not answered by it.
		if (pendingChecks.has(observed.id))
			sql.run(
				`DELETE FROM lookups WHERE resource = ? AND id = ? AND since <= ?`,
				rs.number,
				observed.id,
				readContext.requestedAtMs,
			)
		if (
			verdict.do !== 'emit' &&
			row !== null &&
			row.lastEventSequence !== null &&
			core.config.hooks !== null &&
			nowMs - row.asOfMs < MAX_CONFIRMATION_AGE_MS
		)
			confirmedEvents.push(row.lastEventSequence)
		if (verdict.do === 'nothing') continue
		result.accepted++
		const listedDelta = (isListed(verdict.row?.state) ? 1 : 0) - (isListed(row?.state) ? 1 : 0)
		rs.listed += listedDelta
		// What a search found at an earlier count says nothing of this one.
		if (listedDelta !== 0) rs.searched = null
		const next: IndexRow | null =
			verdict.row === null
				? null
				: { ...verdict.row, sequence: row?.sequence ?? 0, lastEventSequence: row?.lastEventSequence ?? null }
		if (verdict.do === 'emit' && next !== null) {
			for (const change of verdict.changes) {
				const event = createEvent(core, watched, observed, change, next, readContext, nowMs)
				events.push(event)
				if (readContext.source !== 'webhook' && rs.baseline === null) expectWebhook(core, watched, event.sequence)
				if (change.type === 'CREATED' || change.type === 'UPDATED') updateChangeLag(watched, observation, readContext)
			}
			result.emitted += verdict.changes.length
			if (!('gone' in observed)) queueRelatedObjects(core, watched, observed.snapshot)
		}
		writeIndexRow(core, rs.number, observed.id, next)
		// The digest of its page no longer speaks for it (see passes).
		if (!resource.modifiedFilter)
			sql.run(`DELETE FROM pages WHERE resource = ? AND first <= ? AND last >= ?`, rs.number, observed.id, observed.id)
	}
	if (result.accepted > 0) {
		// What the head showed last may be overtaken now: it passes the gate again.
		rs.head = null
		core.acceptedCounts.set(rs.number, (core.acceptedCounts.get(rs.number) ?? 0) + result.accepted)
	}
	if (confirmedEvents.length > 0) {
		sql.run(
			`UPDATE events SET confirmed = ? WHERE sequence IN (SELECT value FROM json_each(?)) AND confirmed IS NULL AND (source = 'webhook') <> ?`,
			nowMs,
			JSON.stringify(confirmedEvents),
			readContext.source === 'webhook' ? 1 : 0,
		)
	}
	if (events.length > 0) {
		appendEvents(core, events)
		core.doorbellRequested = true
	}
	return result
}

function toObservation(observed: ObservedObject, readContext: ReadContext): Observation {
	const source = readContext.via
	if ('gone' in observed) {
		return {
			id: observed.id,
			source,
			kind: 'gone',
			modifiedSec: null,
			createdSec: null,
			content: null,
			requestedAtMs: readContext.requestedAtMs,
			listed: false,
		}
	}
	const { snapshot } = observed
	return {
		id: observed.id,
		source,
		kind: snapshot.state,
		modifiedSec: snapshot.modifiedSec,
		createdSec: snapshot.createdSec,
		content: hashContent(snapshot.fields),
		requestedAtMs: readContext.requestedAtMs,
		listed: readContext.listed,
	}
}

function createEvent(
	core: Core,
	watched: WatchedResource,
	observed: ObservedObject,
	change: Change,
	row: IndexRow,
	readContext: ReadContext,
	nowMs: number,
): NewEvent {
	const { resource, state: rs } = watched
	const { state } = core
	const sequence = ++state.sequence
	const previous = row.sequence > 0 ? row.sequence : null
	const previousEvent = row.lastEventSequence
	row.sequence += 1
	row.lastEventSequence = sequence
	const atMs = core.nextLogTimeMs()
	state.lastEventMs = atMs
	if (change.type === 'CREATED') state.counters.created++
	else if (change.type === 'UPDATED') state.counters.updated++
	else state.counters.deleted++
	if (state.run !== null) state.run.events++
	const { large, record } = toStoredRecord(
		resource,
		observed.id,
		change.withRecord && !('gone' in observed) ? observed.snapshot.record : toIdRecord(resource.idField, observed.id),
	)
	return {
		sequence,
		tag: core.ports.eventTag(core.config.instanceId, sequence),
		resourceNumber: rs.number,
		resource: resource.objectType,
		objectId: observed.id,
		objectSequence: row.sequence,
		previousSequence: previous,
		previousEvent,
		eventType: change.type,
		dateMs: change.dateSec === null ? nowMs : change.dateSec * 1000,
		pollDateMs: readContext.source === 'webhook' ? null : atMs,
		source: readContext.source,
		changedFields: change.changedFields,
		flags: {
			...(change.trashed && { trashed: true }),
			...(change.unlisted && { unlisted: true }),
			...(change.restored && { restored: true }),
			...(change.backfill && { backfill: true }),
			...(large !== undefined && { large }),
		},
		record,
	}
}

/**
 * A record as the log keeps it, JSON text; one that is too large for a row is left out, and `large` says where the hub
 * has it.
 */
export function toStoredRecord(
	resource: Resource,
	id: ObjectId,
	record: object,
): { record: string | null; large?: string } {
	const text = JSON.stringify(record)
	return Buffer.byteLength(text) > MAX_RECORD_BYTES
		? { record: null, large: `${resource.path}/${encodeURIComponent(id)}` }
		: { record: text }
}

/** `{<idField>: id}`, nested where the id field is a path. */
function toIdRecord(idField: string, id: ObjectId): object {
	return idField.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), id) as object
}

function updateChangeLag(watched: WatchedResource, observation: Observation, readContext: ReadContext): void {
	if (observation.modifiedSec !== null)
		watched.state.lastChangeLagMs = Math.max(0, readContext.storeNowMs - observation.modifiedSec * 1000)
}

function queueRelatedObjects(core: Core, watched: WatchedResource, snapshot: Snapshot): void {
	for (const target of watched.resource.relatedObjects?.(snapshot.record) ?? []) {
		const targetState = core.state.resources.find((candidate) => candidate.identity === target.path)
		if (targetState !== undefined && targetState.number !== watched.state.number)
			core.relatedQueue.set(`${targetState.number}:${target.id}`, {
				number: targetState.number,
				id: target.id,
				atMs: core.ports.now(),
			})
	}
}

/** Puts an object on the list of those to be read by id; a doubt that is already there is kept. */
export function queueLookup(
	core: Core,
	resource: number,
	id: ObjectId,
	dueMs: number,
	pendingCheck: PendingCheck,
): void {
	core.mayHaveLookups = true
	core.ports.sql.run(
		`INSERT INTO lookups (resource, id, due, since, doubt) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (resource, id) DO UPDATE SET due = excluded.due, since = excluded.since, doubt = json_patch(doubt, excluded.doubt)`,
		resource,
		id,
		dueMs,
		core.ports.now(),
		JSON.stringify(pendingCheck),
	)
}

/** Whether objects may wait to be read by id. */
export function mayHaveLookups(core: Core): boolean {
	core.mayHaveLookups ??= core.ports.sql.all(`SELECT id FROM lookups LIMIT 1`).length > 0
	return core.mayHaveLookups
}

/** What earlier looks left of these objects. */
export function readPendingChecks(core: Core, resource: number, ids: readonly ObjectId[]): Map<ObjectId, PendingCheck> {
	const pendingChecks = new Map<ObjectId, PendingCheck>()
	if (!mayHaveLookups(core)) return pendingChecks
	const rows = core.ports.sql.all<{ id: ObjectId; doubt: string }>(
		`SELECT id, doubt FROM lookups WHERE resource = ?`,
		resource,
	)
	if (rows.length === 0) return pendingChecks
	const requestedIds = new Set(ids)
	for (const row of rows) if (requestedIds.has(row.id)) pendingChecks.set(row.id, JSON.parse(row.doubt) as PendingCheck)
	return pendingChecks
}

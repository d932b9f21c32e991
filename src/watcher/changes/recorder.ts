/**
 * Recording: passes observations through the gate and commits what follows from them together: the objects' new rows, the
 * events with their records, the notifications that can be formed, and the cursor (design, The way of a change, 3).
 */
import { contentOf, HASH_VERSION } from './content.ts'
import type { Core, Watched } from '../core/core.ts'
import { gate, type Change, type Doubt, type GateContext, type Observation } from './gate.ts'
import { awaitWebhook } from './missed-webhooks.ts'
import { isListed, readRows, writeRow, type IndexRow } from './object-index.ts'
import type { NewEvent } from '../log/event-log.ts'
import { putIntoNotifications } from '../outbox/forming.ts'
import type { Listed } from '../source/requests.ts'
import type { ObjectId, Resource, Sighting } from '../../elements/store.ts'

/** What was seen, before the gate: a record, or that there is no such object. */
export type Seen = { id: ObjectId; sighting: Sighting } | { id: ObjectId; gone: true }

/** How it was seen. */
export interface Look {
	/** `source` of the events that follow. */
	source: 'poll' | 'webhook' | 'reread'
	/** How it was seen: a read is the truth of its moment, a hook's payload a snapshot of some moment before. */
	by: 'read' | 'hook'
	/** Own clock when the request was started. */
	askedAtMs: number
	/** Store's clock when it answered. */
	storeNowMs: number
	/** False: read by id since a list no longer shows it. */
	listed: boolean
	/** What earlier looks left, by id. */
	doubts?: Map<ObjectId, Doubt>
	/** Backfill of the instance, for the baseline. */
	backfill: 'none' | 'all' | number
}

/** What recording did. `undecided`: ids to be read again. */
export interface Recorded {
	rung: number
	accepted: number
	undecided: ObjectId[]
	/** Ids that were not known before. */
	unknown: number
}

/** Only what was told lately is looked up, to see whether the other way of seeing confirms it. */
const CONFIRM_MS = 26 * 3_600_000

/** Whether anything was written, or is to be looked at again. */
export function isNews(recorded: Pick<Recorded, 'accepted' | 'undecided'>): boolean {
	return recorded.accepted > 0 || recorded.undecided.length > 0
}

/** Above so many bytes the record is left out of the event: a row holds 2 MB. */
const RECORD_LIMIT = 1_500_000

/** Gates and records rows of a list: all of the page, unless some are named. Call it inside `core.commit`. */
export function recordPage(
	core: Core,
	watched: Watched,
	page: Listed,
	source: 'poll' | 'reread',
	rows: readonly Sighting[] = page.sightings,
): Recorded {
	return record(
		core,
		watched,
		rows.map((sighting) => ({ id: sighting.id, sighting })),
		{
			source,
			by: 'read',
			askedAtMs: page.askedAtMs,
			storeNowMs: page.storeNowMs,
			listed: true,
			// It counts during a baseline alone.
			backfill: core.config.backfill,
		},
	)
}

/** Gates and records observations of one resource. Call it inside `core.commit`. */
export function record(core: Core, watched: Watched, seen: readonly Seen[], look: Look): Recorded {
	const { resource, state: rs } = watched
	const nowMs = core.ports.now()
	const { sql } = core.ports
	const known = readRows(
		core,
		rs.number,
		seen.map((one) => one.id),
	)
	const doubts =
		look.doubts ??
		readDoubts(
			core,
			rs.number,
			seen.map((one) => one.id),
		)
	const result: Recorded = { rung: 0, accepted: 0, undecided: [], unknown: 0 }
	const events: NewEvent[] = []
	/** Events whose state this observation shows too. */
	const same: number[] = []
	const context: Omit<GateContext, 'doubt'> = {
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
						backfill: look.backfill,
						toleranceSec: resource.createdToleranceSec,
						storeNowSec: Math.floor(look.storeNowMs / 1000),
					},
	}
	for (const one of seen) {
		const row = known.get(one.id) ?? null
		if (row === null) result.unknown++
		const observation = observationOf(one, look)
		if (!('gone' in one)) {
			if (one.sighting.unreadableDate !== null) rs.datesUnreadable = one.sighting.unreadableDate
			if (typeof one.id === 'number' && one.id > rs.newestId && one.sighting.state !== 'trashed') rs.newestId = one.id
		}
		const verdict = gate(row, observation, { ...context, doubt: doubts.get(one.id) ?? {} })
		if (verdict.do === 'look') {
			result.undecided.push(one.id)
			putLookup(core, rs.number, one.id, verdict.dueMs, verdict.doubt)
			continue
		}
		// A doubt that arose after the request was started is not answered by it.
		if (doubts.has(one.id)) sql.run(`DELETE FROM lookups WHERE resource = ? AND id = ? AND since <= ?`, rs.number, one.id, look.askedAtMs)
		if (verdict.do !== 'ring' && row !== null && row.lastEvent !== null && core.config.hooks !== null && nowMs - row.asOfMs < CONFIRM_MS)
			same.push(row.lastEvent)
		if (verdict.do === 'nothing') continue
		result.accepted++
		const delta = (isListed(verdict.row?.state) ? 1 : 0) - (isListed(row?.state) ? 1 : 0)
		rs.listed += delta
		// What a search found at an earlier count says nothing of this one.
		if (delta !== 0) rs.searched = null
		const next: IndexRow | null =
			verdict.row === null ? null : { ...verdict.row, sequence: row?.sequence ?? 0, lastEvent: row?.lastEvent ?? null }
		if (verdict.do === 'ring' && next !== null) {
			for (const change of verdict.changes) {
				const event = newEvent(core, watched, one, change, next, look, nowMs)
				events.push(event)
				if (look.source !== 'webhook' && rs.baseline === null) awaitWebhook(core, watched, event.sequence)
				if (change.type === 'CREATED' || change.type === 'UPDATED') noteLag(watched, observation, look)
			}
			result.rung += verdict.changes.length
			if (!('gone' in one)) touch(core, watched, one.sighting)
		}
		writeRow(core, rs.number, one.id, next)
		// The digest of its page no longer speaks for it (see passes).
		if (!resource.modifiedFilter) sql.run(`DELETE FROM pages WHERE resource = ? AND first <= ? AND last >= ?`, rs.number, one.id, one.id)
	}
	if (result.accepted > 0) {
		// What the head showed last may be overtaken now: it passes the gate again.
		rs.head = null
		core.accepted.set(rs.number, (core.accepted.get(rs.number) ?? 0) + result.accepted)
	}
	if (same.length > 0) {
		sql.run(
			`UPDATE events SET confirmed = ? WHERE sequence IN (SELECT value FROM json_each(?)) AND confirmed IS NULL AND (source = 'webhook') <> ?`,
			nowMs,
			JSON.stringify(same),
			look.source === 'webhook' ? 1 : 0,
		)
	}
	if (events.length > 0) {
		putIntoNotifications(core, events)
		core.ringWanted = true
	}
	return result
}

function observationOf(one: Seen, look: Look): Observation {
	const source = look.by
	if ('gone' in one) {
		return { id: one.id, source, what: 'gone', stampSec: null, createdSec: null, content: null, askedAtMs: look.askedAtMs, listed: false }
	}
	const { sighting } = one
	return {
		id: one.id,
		source,
		what: sighting.state,
		stampSec: sighting.stampSec,
		createdSec: sighting.createdSec,
		content: contentOf(sighting.fields),
		askedAtMs: look.askedAtMs,
		listed: look.listed,
	}
}

function newEvent(core: Core, watched: Watched, one: Seen, change: Change, row: IndexRow, look: Look, nowMs: number): NewEvent {
	const { resource, state: rs } = watched
	const { state } = core
	const sequence = ++state.sequence
	const previous = row.sequence > 0 ? row.sequence : null
	const previousEvent = row.lastEvent
	row.sequence += 1
	row.lastEvent = sequence
	const atMs = core.stampMs()
	state.lastEventMs = atMs
	if (change.type === 'CREATED') state.counters.created++
	else if (change.type === 'UPDATED') state.counters.updated++
	else state.counters.deleted++
	if (state.run !== null) state.run.events++
	const { large, record } = storable(
		resource,
		one.id,
		change.withRecord && !('gone' in one) ? one.sighting.record : idRecord(resource.idField, one.id),
	)
	return {
		sequence,
		tag: core.ports.eventTag(core.config.instanceId, sequence),
		resourceNumber: rs.number,
		resource: resource.objectType,
		objectId: one.id,
		objectSequence: row.sequence,
		previousSequence: previous,
		previousEvent,
		eventType: change.type,
		dateMs: change.dateSec === null ? nowMs : change.dateSec * 1000,
		pollDateMs: look.source === 'webhook' ? null : atMs,
		source: look.source,
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

/** A record as the log keeps it, JSON text; one that is too large for a row is left out, and `large` says where the hub has it. */
export function storable(resource: Resource, id: ObjectId, record: object): { record: string | null; large?: string } {
	const text = JSON.stringify(record)
	return Buffer.byteLength(text) > RECORD_LIMIT ? { record: null, large: `${resource.path}/${encodeURIComponent(id)}` } : { record: text }
}

/** `{<idField>: id}`, nested where the id field is a path. */
function idRecord(idField: string, id: ObjectId): object {
	return idField.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), id) as object
}

function noteLag(watched: Watched, observation: Observation, look: Look): void {
	if (observation.stampSec !== null) watched.state.lastChangeLagMs = Math.max(0, look.storeNowMs - observation.stampSec * 1000)
}

function touch(core: Core, watched: Watched, sighting: Sighting): void {
	for (const target of watched.resource.touches?.(sighting.record) ?? []) {
		const other = core.state.resources.find((candidate) => candidate.identity === target.path)
		if (other !== undefined && other.number !== watched.state.number)
			core.touched.set(`${other.number}:${target.id}`, { number: other.number, id: target.id, atMs: core.ports.now() })
	}
}

/** Puts an object on the list of those to be read by id; a doubt that is already there is kept. */
export function putLookup(core: Core, resource: number, id: ObjectId, dueMs: number, doubt: Doubt): void {
	core.lookups = true
	core.ports.sql.run(
		`INSERT INTO lookups (resource, id, due, since, doubt) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (resource, id) DO UPDATE SET due = excluded.due, since = excluded.since, doubt = json_patch(doubt, excluded.doubt)`,
		resource,
		id,
		dueMs,
		core.ports.now(),
		JSON.stringify(doubt),
	)
}

/** Whether objects may wait to be read by id. */
export function mayLookUp(core: Core): boolean {
	core.lookups ??= core.ports.sql.all(`SELECT id FROM lookups LIMIT 1`).length > 0
	return core.lookups
}

/** What earlier looks left of these objects. */
export function readDoubts(core: Core, resource: number, ids: readonly ObjectId[]): Map<ObjectId, Doubt> {
	const doubts = new Map<ObjectId, Doubt>()
	if (!mayLookUp(core)) return doubts
	const rows = core.ports.sql.all<{ id: ObjectId; doubt: string }>(`SELECT id, doubt FROM lookups WHERE resource = ?`, resource)
	if (rows.length === 0) return doubts
	const wanted = new Set(ids)
	for (const row of rows) if (wanted.has(row.id)) doubts.set(row.id, JSON.parse(row.doubt) as Doubt)
	return doubts
}

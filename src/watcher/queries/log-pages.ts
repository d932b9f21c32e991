/** Reading the event log: pages by filter and time, one event, what followed one. Every read is bounded, however long the log is. */
import { entry } from '../../events/event.ts'
import { formatEventId, notificationId, parseEventId } from '../../events/ids.ts'
import type { Core } from '../core/core.ts'
import { carrierIds, EVENT_COLUMNS, storedEvent, storedIds, type EventRecord } from '../log/event-log.ts'
import {
	EVENT_STATUSES,
	type EventFilter,
	type EventPage,
	type EventQuery,
	type EventRow,
	type EventStatus,
	type EventTail,
	type Mark,
} from '../../rpc/log.ts'
import type { Sql } from '../core/ports.ts'
import { firstAt } from '../log/lower-bound.ts'
import { settledCarriers, type Carrier } from '../core/settled.ts'
import { unsettledRows } from '../outbox/unsettled.ts'

/** A page of the log ends early when its records hold so many characters: an RPC answer holds 32 MiB. */
export const PAGE_CHARACTERS = 8_000_000
/** Events that a filtered page looks through; with a search for text, which reads whole records. */
const LOOK = 5_000
const LOOK_IN_TEXT = 1_000

/** An event's row with the notifications that carry it, JSON. */
export type LogRow = EventRecord & { notifications: string | null }

/** The columns of `LogRow`. */
export const LOG_COLUMNS = `${EVENT_COLUMNS}, notifications`

/** A page of the event log, newest first. */
export function eventsOf(core: Core, query: EventQuery): EventPage {
	const { sql } = core.ports
	const { pageSize, statuses, characters = PAGE_CHARACTERS } = query
	const bottom = query.fromMs === undefined ? 0 : firstAt(sql, 'events', query.fromMs)
	let below = query.before ?? Number.MAX_SAFE_INTEGER
	if (query.toMs !== undefined) below = Math.min(below, firstAt(sql, 'events', query.toMs + 1))
	const where = whereOf(core.config.instanceId, query)
	const filtered = where.condition !== '' || statuses !== undefined
	let floor = bottom
	if (filtered) {
		const newest = sql.all<{ sequence: number }>(`SELECT sequence FROM events WHERE sequence < ? ORDER BY sequence DESC LIMIT 1`, below)[0]
		if (newest === undefined) return { events: [], next: null }
		floor = Math.max(bottom, newest.sequence + 1 - (query.text === undefined ? LOOK : LOOK_IN_TEXT))
	}
	const events: EventRow[] = []
	const withheld = new Map<number, number>()
	let left = characters
	for (;;) {
		const rows: LogRow[] = []
		const wanted = pageSize - events.length
		for (const row of sql.each<LogRow>(
			`SELECT ${LOG_COLUMNS} FROM events WHERE sequence < ? AND sequence >= ?${where.condition} ORDER BY sequence DESC LIMIT ?`,
			below,
			floor,
			...where.values,
			wanted,
		)) {
			const size = row.record?.length ?? 0
			const apart = query.characters !== undefined && size > characters
			if (apart) withheld.set(row.sequence, size)
			else left -= size
			rows.push(apart ? { ...row, record: null } : row)
			if (left < 0) break
		}
		const carriers = readCarriers(core, rows.flatMap(carrierIds))
		for (const row of rows) {
			const size = withheld.get(row.sequence)
			const event = { ...eventRow(core, row, carriers), ...(size === undefined ? {} : { withheld: size }) }
			if (statuses === undefined || statuses.includes(event.status)) events.push(event)
		}
		const last = rows.at(-1)
		if (last !== undefined && (left < 0 || events.length === pageSize))
			return { events, next: last.sequence > Math.max(1, bottom) ? { number: last.sequence, atMs: last.recorded } : null }
		if (rows.length < wanted) return { events, next: filtered && floor > bottom ? markBelow(sql, floor, bottom) : null }
		below = last!.sequence
	}
}

/** Where the next page begins when all down to `floor` was looked at; null: nothing is below it. Numbers that are gone are passed over. */
function markBelow(sql: Sql, floor: number, bottom: number): Mark | null {
	const row = sql.all<{ sequence: number; recorded: number }>(
		`SELECT sequence, recorded FROM events WHERE sequence < ? AND sequence >= ? ORDER BY sequence DESC LIMIT 1`,
		floor,
		bottom,
	)[0]
	return row === undefined ? null : { number: row.sequence + 1, atMs: row.recorded }
}

/** SQL of a filter, but for time and status: the one is sought, the other is no column. */
function whereOf(instanceId: number, filter: EventFilter): { condition: string; values: (string | number)[] } {
	const { types, resources, objectId, text } = filter
	const parts: [condition: string, ...values: (string | number)[]][] = []
	if (types !== undefined) parts.push(['type IN (SELECT value FROM json_each(?))', JSON.stringify(types)])
	if (resources !== undefined) parts.push(['object_type IN (SELECT value FROM json_each(?))', JSON.stringify(resources)])
	if (objectId !== undefined) parts.push(['object_id IN (SELECT value FROM json_each(?))', storedIds(objectId)])
	if (text !== undefined) {
		const id = parseEventId(text)
		const own = id !== null && id.instanceId === instanceId ? id.sequence : -1
		// The platform stores every number as a float, which as text ends in .0.
		const asText = "CASE typeof(object_id) WHEN 'real' THEN CAST(object_id AS INTEGER) ELSE object_id END"
		parts.push([`(instr(lower(${asText}), lower(?)) > 0 OR instr(lower(record), lower(?)) > 0 OR sequence = ?)`, text, text, own])
	}
	return {
		condition: parts.map(([condition]) => ` AND ${condition}`).join(''),
		values: parts.flatMap(([, ...values]) => values),
	}
}

/** One event; null when there is none of that number, or no longer. */
export function eventOf(core: Core, sequence: number): EventRow | null {
	const row = core.ports.sql.all<LogRow>(`SELECT ${LOG_COLUMNS} FROM events WHERE sequence = ?`, sequence)[0]
	return row === undefined ? null : eventRow(core, row, readCarriers(core, carrierIds(row)))
}

/** What was recorded after a sequence, oldest first. Where nothing was, nothing is read. */
export function eventsAfter(core: Core, sequence: number | null, limit: number): EventTail {
	const { state, config, ports } = core
	const tail = { last: state.sequence, running: config.enabled && config.eventsEnabled }
	if (sequence === null || sequence >= state.sequence) return { events: [], ...tail }
	const rows: LogRow[] = []
	let left = PAGE_CHARACTERS
	for (const row of ports.sql.each<LogRow>(
		`SELECT ${LOG_COLUMNS} FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
		sequence,
		limit,
	)) {
		rows.push(row)
		left -= row.record?.length ?? 0
		if (left < 0) break
	}
	const carriers = readCarriers(core, rows.flatMap(carrierIds))
	return { events: rows.map((row) => eventRow(core, row, carriers)), ...tail }
}

/** Notifications by id: those on the list of what is unsettled are in memory. One that has left the log may be missing. */
export function readCarriers(core: Core, ids: readonly number[]): Map<number, Carrier> {
	const { sql } = core.ports
	// First: what it finds settled since, it notes.
	const listed = ids.some((id) => core.state.unsettled.includes(id)) ? unsettledRows(core) : []
	const unsettled = new Map(listed.map((row) => [row.id, row]))
	const found: Map<number, Carrier> = settledCarriers(
		sql,
		core.state,
		ids.filter((id) => !unsettled.has(id)),
	)
	for (const id of ids) {
		const row = unsettled.get(id)
		if (row !== undefined) found.set(id, row)
	}
	return found
}

const STATUS_OF: Record<string, EventStatus> = {
	waiting: 'RECEIVED',
	claimed: 'DISPATCHED',
	retry: 'CONSUMED',
	queued: 'CONSUMED',
	dropped: 'RECEIVED',
	delivered: 'NOTIFIED',
}

/** The furthest that any of its notifications has brought an event. */
export function statusOf(carriers: readonly Pick<Carrier, 'status' | 'delivered'>[]): EventStatus {
	let status: EventStatus = 'NEW'
	for (const carrier of carriers) {
		const one = carrier.delivered === null ? (STATUS_OF[carrier.status] ?? 'NEW') : 'NOTIFIED'
		if (EVENT_STATUSES.indexOf(one) > EVENT_STATUSES.indexOf(status)) status = one
	}
	return status
}

/** An event as it is told, with its notifications out of those that were read. */
export function eventRow(core: Core, row: LogRow, read: ReadonlyMap<number, Carrier>): EventRow {
	const { config } = core
	const carriers = carrierIds(row).flatMap((id) => read.get(id) ?? [])
	const event = storedEvent(row)
	return {
		eventId: formatEventId(config.instanceId, event.sequence, event.tag),
		sequence: event.sequence,
		objectType: event.resource,
		objectId: String(event.objectId),
		eventType: event.eventType,
		objectSequence: event.objectSequence,
		dateMs: event.dateMs,
		recordedMs: row.recorded,
		status: statusOf(carriers),
		source: event.source,
		record: event.record,
		entry: JSON.stringify(
			entry(event, {
				instanceId: config.instanceId,
				elementKey: config.elementKey,
				hubKey: config.storeless ? '' : core.element.hub,
				publicUrl: core.ports.publicUrl,
			}),
		),
		notifications: carriers.map((carrier) => ({
			id: notificationId(config.instanceId, carrier.id),
			status: carrier.status,
			createdMs: carrier.created,
			updatedMs: carrier.updated,
		})),
	}
}

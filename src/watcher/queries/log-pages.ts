/**
 * Reading the event log: pages by filter and time, one event, the events after one. Every read is bounded, however long
 * the log is.
 */
import { toEventEntry } from '../../events/event.ts'
import { formatEventId, toNotificationId, parseEventId } from '../../events/ids.ts'
import type { Core } from '../core/core.ts'
import {
	getNotificationIds,
	getRecordsLength,
	EVENT_COLUMNS,
	toStoredEvent,
	toStoredIds,
	type StoredEventRow,
} from '../log/event-log.ts'
import {
	EVENT_STATUSES,
	type LogFilter,
	type EventPage,
	type EventQuery,
	type EventReport,
	type EventStatus,
	type EventTail,
	type PageCursor,
} from '../../rpc/log.ts'
import { DELETED_STATUS, getShownCounter, mergeStatuses, POSTED_RESOURCE } from '../core/posted.ts'
import type { Sql } from '../core/ports.ts'
import { findLowerBound } from '../log/lower-bound.ts'
import type { NotificationStatus } from '../core/rows.ts'
import { getUnsettledRows } from '../outbox/unsettled.ts'

/** A page ends early if its records have this many characters: an RPC answer holds 32 MiB. */
export const MAX_PAGE_CHARACTERS = 8_000_000
/** Maximum events that a filtered page reads; fewer for a text search, which reads whole records. */
const MAX_EVENTS_SCANNED = 5_000
const MAX_EVENTS_SEARCHED = 1_000

/** An event's row with the notifications that carry it, JSON. */
export type EventLogRow = StoredEventRow & { notifications: string | null; lag: number | null }

/** The columns of `EventLogRow`. */
export const EVENT_LOG_COLUMNS = `${EVENT_COLUMNS}, notifications, lag`

/** SQL: what is posted to an instance's topic is no change. */
const IS_CHANGE_SQL = `resource <> ${POSTED_RESOURCE}`

/** A page of the event log, newest first. */
export function getEventPage(core: Core, query: EventQuery): EventPage {
	const { sql } = core.ports
	const { pageSize, statuses, characters = MAX_PAGE_CHARACTERS } = query
	const lowest = query.fromMs === undefined ? 0 : findLowerBound(sql, 'events', query.fromMs)
	let below = query.before ?? Number.MAX_SAFE_INTEGER
	if (query.toMs !== undefined) below = Math.min(below, findLowerBound(sql, 'events', query.toMs + 1))
	const where = toWhere(core.config.instanceId, query)
	const filtered = where.condition !== '' || statuses !== undefined
	let floor = lowest
	if (filtered) {
		const newest = sql.all<{ sequence: number }>(
			`SELECT sequence FROM events WHERE sequence < ? ORDER BY sequence DESC LIMIT 1`,
			below,
		)[0]
		if (newest === undefined) return { events: [], next: null }
		floor = Math.max(
			lowest,
			newest.sequence + 1 - (query.text === undefined ? MAX_EVENTS_SCANNED : MAX_EVENTS_SEARCHED),
		)
	}
	const events: EventReport[] = []
	let remaining = characters
	for (;;) {
		const limit = pageSize - events.length
		const read = readRows(core, { below, floor, where, limit, remaining, maxRecord: query.characters ?? null })
		remaining = read.remaining
		events.push(
			...toEventReports(core, read).filter(({ status }) => statuses === undefined || statuses.includes(status)),
		)
		const last = read.rows.at(-1)
		if (last !== undefined && (remaining < 0 || events.length === pageSize))
			return {
				events,
				next: last.sequence > Math.max(1, lowest) ? { number: last.sequence, atMs: last.recorded } : null,
			}
		if (read.rows.length < limit)
			return { events, next: filtered && floor > lowest ? getCursorBelow(sql, floor, lowest) : null }
		below = last!.sequence
	}
}

interface ReadRows {
	rows: EventLogRow[]
	/** Sequence → size of a record that is left out. */
	withheld: Map<number, number>
	/** Characters that the page may still hold. */
	remaining: number
}

/** Reads rows below a sequence, newest first, until the page is full. `maxRecord`: larger records are left out. */
function readRows(
	core: Core,
	{
		below,
		floor,
		where,
		limit,
		remaining,
		maxRecord,
	}: {
		below: number
		floor: number
		where: Where
		limit: number
		remaining: number
		maxRecord: number | null
	},
): ReadRows {
	const read: ReadRows = { rows: [], withheld: new Map(), remaining }
	for (const row of core.ports.sql.each<EventLogRow>(
		`SELECT ${EVENT_LOG_COLUMNS} FROM events
		WHERE sequence < ? AND sequence >= ? AND ${IS_CHANGE_SQL}${where.condition} ORDER BY sequence DESC LIMIT ?`,
		below,
		floor,
		...where.values,
		limit,
	)) {
		const size = getRecordsLength(row)
		const isWithheld = maxRecord !== null && size > maxRecord
		if (isWithheld) read.withheld.set(row.sequence, size)
		else read.remaining -= size
		read.rows.push(isWithheld ? { ...row, record: null, variations: null } : row)
		if (read.remaining < 0) break
	}
	return read
}

function toEventReports(core: Core, { rows, withheld }: ReadRows): EventReport[] {
	const notificationStatuses = getNotificationStatuses(core, rows.flatMap(getNotificationIds))
	return rows.map((row) => {
		const size = withheld.get(row.sequence)
		return {
			...toEventReport(core, row, notificationStatuses),
			...(size === undefined ? {} : { withheld: size }),
		}
	})
}

/** Where the next page begins if everything down to `floor` was read; null: nothing is below it. */
function getCursorBelow(sql: Sql, floor: number, lowest: number): PageCursor | null {
	const row = sql.all<{ sequence: number; recorded: number }>(
		`SELECT sequence, recorded FROM events WHERE sequence < ? AND sequence >= ? ORDER BY sequence DESC LIMIT 1`,
		floor,
		lowest,
	)[0]
	return row === undefined ? null : { number: row.sequence + 1, atMs: row.recorded }
}

interface Where {
	condition: string
	values: (string | number)[]
}

/** SQL of a filter without time, which is found by bisecting, and status, which is no column. */
function toWhere(instanceId: number, filter: LogFilter): Where {
	const { types, resources, objectId, text } = filter
	const parts: [condition: string, ...values: (string | number)[]][] = []
	if (types !== undefined) parts.push(['type IN (SELECT value FROM json_each(?))', JSON.stringify(types)])
	if (resources !== undefined)
		parts.push(['object_type IN (SELECT value FROM json_each(?))', JSON.stringify(resources)])
	if (objectId !== undefined) parts.push(['object_id IN (SELECT value FROM json_each(?))', toStoredIds(objectId)])
	if (text !== undefined) {
		const id = parseEventId(text)
		const ownSequence = id !== null && id.instanceId === instanceId ? id.sequence : -1
		// The platform stores every number as a float, whose text ends in .0.
		const asText = "CASE typeof(object_id) WHEN 'real' THEN CAST(object_id AS INTEGER) ELSE object_id END"
		parts.push([
			`(instr(lower(${asText}), lower(?)) > 0 OR instr(lower(record), lower(?)) > 0
				OR instr(lower(variations), lower(?)) > 0 OR sequence = ?)`,
			text,
			text,
			text,
			ownSequence,
		])
	}
	return {
		condition: parts.map(([condition]) => ` AND ${condition}`).join(''),
		values: parts.flatMap(([, ...values]) => values),
	}
}

/** One event; null: there is none with this number, or it was pruned. */
export function getEventReport(core: Core, sequence: number): EventReport | null {
	const row = core.ports.sql.all<EventLogRow>(`SELECT ${EVENT_LOG_COLUMNS} FROM events WHERE sequence = ?`, sequence)[0]
	return row === undefined ? null : toEventReport(core, row, getNotificationStatuses(core, getNotificationIds(row)))
}

/** Events recorded after a sequence, oldest first. If there are none, nothing is read. */
export function getEventTail(core: Core, sequence: number | null, limit: number): EventTail {
	const { state, config, ports } = core
	const tail = { last: state.sequence, running: config.enabled && config.eventsEnabled }
	if (sequence === null || sequence >= state.sequence) return { events: [], ...tail }
	const rows: EventLogRow[] = []
	let remaining = MAX_PAGE_CHARACTERS
	for (const row of ports.sql.each<EventLogRow>(
		`SELECT ${EVENT_LOG_COLUMNS} FROM events WHERE sequence > ? AND ${IS_CHANGE_SQL} ORDER BY sequence LIMIT ?`,
		sequence,
		limit,
	)) {
		rows.push(row)
		remaining -= getRecordsLength(row)
		if (remaining < 0) break
	}
	const notificationStatuses = getNotificationStatuses(core, rows.flatMap(getNotificationIds))
	return { events: rows.map((row) => toEventReport(core, row, notificationStatuses)), ...tail }
}

/** Notifications by id: unsettled ones from memory, others from their rows. One that has left the log is missing. */
export function getNotificationStatuses(core: Core, ids: readonly number[]): Map<number, NotificationStatus> {
	const listed = ids.some((id) => core.state.unsettled.includes(id)) ? getUnsettledRows(core) : []
	const unsettled = new Map(listed.map((row) => [row.id, { ...row, postedAs: getShownCounter(row) }]))
	const found = new Map<number, NotificationStatus>()
	for (const id of ids) {
		const row = unsettled.get(id)
		if (row !== undefined) found.set(id, row)
	}
	const others = ids.filter((id) => !found.has(id))
	for (const notification of core.notifications.readStatuses(others)) found.set(notification.id, notification)
	return found
}

const EVENT_STATUS_BY_NOTIFICATION_STATUS: Record<string, EventStatus> = {
	waiting: 'RECEIVED',
	claimed: 'DISPATCHED',
	retry: 'CONSUMED',
	queued: 'CONSUMED',
	dropped: 'RECEIVED',
	[DELETED_STATUS]: 'RECEIVED',
	delivered: 'NOTIFIED',
}

/** An event's status: the furthest of its notifications. */
function getEventStatus(notifications: readonly Pick<NotificationStatus, 'status' | 'delivered'>[]): EventStatus {
	let status: EventStatus = 'NEW'
	for (const notification of notifications) {
		const candidate =
			notification.delivered === null ? (EVENT_STATUS_BY_NOTIFICATION_STATUS[notification.status] ?? 'NEW') : 'NOTIFIED'
		if (EVENT_STATUSES.indexOf(candidate) > EVENT_STATUSES.indexOf(status)) status = candidate
	}
	return status
}

/** An event for the API, with those of its notifications that were read. */
export function toEventReport(
	core: Core,
	row: EventLogRow,
	notificationStatuses: ReadonlyMap<number, NotificationStatus>,
): EventReport {
	const { config } = core
	const notifications = getNotificationIds(row).flatMap((id) => notificationStatuses.get(id) ?? [])
	const event = toStoredEvent(row)
	return {
		eventId: formatEventId(config.instanceId, event.sequence, event.tag),
		sequence: event.sequence,
		objectType: event.resource,
		objectId: String(event.objectId),
		eventType: event.eventType,
		objectSequence: event.objectSequence,
		dateMs: event.dateMs,
		recordedMs: row.recorded,
		...(row.lag === null || row.lag < 0 ? {} : { lagMs: row.lag }),
		status: getEventStatus(notifications),
		source: event.source,
		record: event.record,
		...(event.variationRecords == null ? {} : { variationRecords: event.variationRecords }),
		entry: JSON.stringify(
			toEventEntry(event, {
				instanceId: config.instanceId,
				elementKey: config.elementKey,
				hubKey: core.hubKey,
				publicUrl: core.ports.publicUrl,
			}),
		),
		notifications: mergePosted(notifications).map((notification) => ({
			id: toNotificationId(config.instanceId, notification.id),
			status: notification.status,
			createdMs: notification.created,
			updatedMs: notification.updated,
		})),
	}
}

/** Notifications as they are shown: posted ones once, deleted ones not at all. */
function mergePosted(rows: readonly NotificationStatus[]): NotificationStatus[] {
	const shown = rows.filter(({ status }) => status !== DELETED_STATUS)
	return [...Map.groupBy(shown, ({ id, postedAs }) => postedAs ?? id)].map(([id, group]) => ({
		...group[0]!,
		id,
		status: mergeStatuses(group.map(({ status }) => status)),
		updated: Math.max(...group.map(({ updated }) => updated)),
	}))
}

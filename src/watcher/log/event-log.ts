/** The event log's rows, as events (docs/storage.md, The object of an instance). */
import type { EventSource, EventType, StoredEvent } from '../../events/event.ts'
import type { Sql } from '../core/ports.ts'
import type { ObjectId } from '../../elements/store.ts'

/** An event about to be recorded. */
export interface NewEvent extends StoredEvent {
	resourceNumber: number
	/** Log sequence of the object's event before this one. */
	previousEvent: number | null
}

/** A row of the log, as far as an event is made of it. */
export interface StoredEventRow {
	sequence: number
	tag: number
	object_type: string
	object_id: ObjectId
	object_sequence: number
	previous: number | null
	type: EventType
	date: number
	recorded: number
	source: EventSource
	changed: string | null
	flags: string
	record: string | null
}

/** The columns of `EventRecord`. */
export const EVENT_COLUMNS =
	'sequence, tag, object_type, object_id, object_sequence, previous, type, date, recorded, source, changed, flags, record'

/** A row of the log as an event. */
export function toStoredEvent(row: StoredEventRow): StoredEvent {
	return {
		sequence: row.sequence,
		tag: row.tag,
		resource: row.object_type,
		objectId: row.object_id,
		objectSequence: row.object_sequence,
		previousSequence: row.previous,
		eventType: row.type,
		dateMs: row.date,
		pollDateMs: row.source === 'webhook' ? null : row.recorded,
		source: row.source,
		changedFields: row.changed === null ? null : (JSON.parse(row.changed) as string[]),
		flags: JSON.parse(row.flags) as StoredEvent['flags'],
		record: row.record,
	}
}

/**
 * An object's id as the API has it, text, as the values that its column may hold: ids that are numbers are stored as
 * numbers. For
 * `IN (SELECT value FROM json_each(?))`.
 */
export function toStoredIds(objectId: string): string {
	const number = Number(objectId)
	return JSON.stringify(String(number) === objectId ? [objectId, number] : [objectId])
}

/** Writes an event, recorded at a moment of `Core.stampMs`, with the notifications that carry it. */
export function writeEvent(sql: Sql, event: NewEvent, notifications: readonly number[], recordedMs: number): void {
	sql.run(
		`INSERT INTO events (sequence, tag, resource, object_type, object_id, object_sequence, previous, previous_event, type, date, recorded, source, changed, flags, record, notifications) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		event.sequence,
		event.tag,
		event.resourceNumber,
		event.resource,
		event.objectId,
		event.objectSequence,
		event.previousSequence,
		event.previousEvent,
		event.eventType,
		event.dateMs,
		recordedMs,
		event.source,
		event.changedFields === null ? null : JSON.stringify(event.changedFields),
		JSON.stringify(event.flags),
		event.record,
		notifications.length === 0 ? null : JSON.stringify(notifications),
	)
}

/** The notifications that carry an event, by its row. */
export function getNotificationIds(row: { notifications: string | null }): number[] {
	return row.notifications === null ? [] : (JSON.parse(row.notifications) as number[])
}

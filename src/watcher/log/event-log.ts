/** Rows of the event log (docs/storage.md, The object of an instance). */
import { parseExact } from '../../elements/json.ts'
import type { EventSource, EventType, StoredEvent } from '../../events/event.ts'
import type { Core } from '../core/core.ts'
import type { Lane } from '../core/lanes.ts'
import type { Tx } from '../core/tx.ts'
import type { ObjectId, VendorRecord } from '../../elements/store.ts'

/** An event to be recorded. */
export interface NewEvent extends StoredEvent {
	resourceNumber: number
	/** Log sequence of the object's event before this one. */
	previousEvent: number | null
	/** From the change's date to its recording; null: unknown. */
	lagMs: number | null
	/** Where it waits to be sent; absent: with ordinary events. */
	lane?: Lane
}

/** The columns of the log from which an event is read. */
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
	variations: string | null
}

/** The columns of `StoredEventRow`. */
export const EVENT_COLUMNS =
	'sequence, tag, object_type, object_id, object_sequence, previous, type, date, recorded, source, changed, flags, ' +
	'record, variations'

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
		variationRecords: row.variations,
	}
}

/** The length of what the log keeps of an event's records. */
export function getRecordsLength(row: Pick<StoredEventRow, 'record' | 'variations'>): number {
	return (row.record?.length ?? 0) + (row.variations?.length ?? 0)
}

/**
 * The values that the column of an object's id may hold for an id of the API, which is text: JSON, for
 * `IN (SELECT value FROM json_each(?))`. Ids that are numbers are stored as numbers.
 */
export function toStoredIds(objectId: string): string {
	const number = Number(objectId)
	return JSON.stringify(String(number) === objectId ? [objectId, number] : [objectId])
}

/** The position of an event in the chain of its object's events. */
export type ChainPosition = Pick<NewEvent, 'objectSequence' | 'previousSequence' | 'previousEvent'>

/** An event without the fields that the log assigns. `chain`: null if no index counts the object's events. */
type EventFacts = Pick<
	NewEvent,
	'resourceNumber' | 'resource' | 'objectId' | 'eventType' | 'dateMs' | 'source' | 'changedFields' | 'flags' | 'record'
> &
	Pick<StoredEvent, 'variationRecords'> & { chain: ChainPosition | null; lagMs?: number | null }

/** Assigns number, tag and time to an event. `appendEvents` writes it. */
export function createEvent(tx: Tx, core: Core, { chain, lagMs = null, ...facts }: EventFacts): NewEvent {
	const { state } = core
	const sequence = ++state.sequence
	const atMs = core.nextLogTimeMs(tx)
	// Lists across instances leave out instances whose newest event is too old.
	state.lastEventMs = atMs
	return {
		...facts,
		lagMs,
		// The log's own number ascends for every object too.
		...(chain ?? { objectSequence: sequence, previousSequence: null, previousEvent: null }),
		sequence,
		tag: core.ports.eventTag(core.config.incarnation, sequence),
		pollDateMs: facts.source === 'webhook' ? null : atMs,
	}
}

/** Writes an event at a time of `Core.nextLogTimeMs`, with the notifications that carry it. */
export function writeEvent(
	_tx: Tx,
	core: Core,
	event: NewEvent,
	notifications: readonly number[],
	recordedMs: number,
): void {
	core.ports.sql.run(
		`INSERT INTO events (sequence, tag, resource, object_type, object_id, object_sequence, previous, previous_event, type,
			date, recorded, source, changed, flags, record, notifications, lag, variations)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
		event.lagMs,
		event.variationRecords ?? null,
	)
}

/** The records of events that the log still holds, by sequence. */
export function readEventRecords(core: Core, sequences: readonly number[]): Map<number, VendorRecord> {
	if (sequences.length === 0) return new Map()
	const rows = core.ports.sql.all<{ sequence: number; record: string }>(
		`SELECT sequence, record FROM events WHERE sequence IN (SELECT value FROM json_each(?)) AND record IS NOT NULL`,
		JSON.stringify(sequences),
	)
	return new Map(rows.map((row) => [row.sequence, parseExact(row.record) as VendorRecord]))
}

/** Ids of the notifications that carry an event. */
export function getNotificationIds(row: { notifications: string | null }): number[] {
	return row.notifications === null ? [] : (JSON.parse(row.notifications) as number[])
}

/** Events before they are recorded: code shared by the gate's events and those of polling without an index. */
import type { EventType } from '../../events/event.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { createEvent, type ChainPosition, type NewEvent } from '../log/event-log.ts'
import { countChanges } from '../log/activity.ts'
import { appendEvents } from '../outbox/forming.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Maximum bytes of a record in an event; larger ones are left out, since a row holds 2 MB. */
const MAX_STORED_RECORD_BYTES = 1_500_000
/** Maximum bytes of the records of an event, with those of variations: the rest of a row is small. */
const MAX_STORED_BYTES = 1_800_000

/** The counter of each event type. */
const COUNTER_NAMES = { CREATED: 'created', UPDATED: 'updated', DELETED: 'deleted' } as const satisfies Record<
	EventType,
	string
>

/** An event before it has a number. */
interface EventContent {
	objectId: ObjectId
	eventType: EventType
	/** null: now. */
	dateSec: number | null
	/** From its date to its recording; null: unknown. */
	lagMs: number | null
	source: 'poll' | 'webhook' | 'reread'
	changedFields: string[] | null
	flags: NewEvent['flags']
	record: object
	/** Of the variations that it is about; absent or null: it is about none. */
	variationRecords?: readonly object[] | null
	/** Its position among the events of its object; null: there is no index that counts them. */
	chain: ChainPosition | null
}

/** Bytes that the records of variations may have in an event with this record. Pure. */
export function getVariationRoom(record: object | null): number {
	return toRoomBytes(Buffer.byteLength(JSON.stringify(record)))
}

/** `bytes`: of the record, which is left out if it is too large. */
function toRoomBytes(bytes: number): number {
	return bytes > MAX_STORED_RECORD_BYTES ? MAX_STORED_RECORD_BYTES : MAX_STORED_BYTES - bytes
}

/** Numbers and counts an event. `emitEvents` records it. */
export function createStoreEvent(
	tx: Tx,
	core: Core,
	{ resource, state: rs }: WatchedResource,
	content: EventContent,
): NewEvent {
	const { state } = core
	state.counters[COUNTER_NAMES[content.eventType]]++
	if (state.run !== null) state.run.events++
	// A backfill is about what was there before.
	if (content.flags.backfill !== true) {
		rs.lastChangeLagMs = content.lagMs
		if (content.lagMs === null) rs.unknownLags = (rs.unknownLags ?? 0) + 1
	}
	const text = JSON.stringify(content.record)
	const bytes = Buffer.byteLength(text)
	const isTooLarge = bytes > MAX_STORED_RECORD_BYTES
	const variations = content.variationRecords == null ? null : JSON.stringify(content.variationRecords)
	const roomBytes = toRoomBytes(bytes)
	return createEvent(tx, core, {
		resourceNumber: rs.number,
		resource: resource.objectType,
		objectId: content.objectId,
		chain: content.chain,
		eventType: content.eventType,
		dateMs: content.dateSec === null ? core.ports.now() : content.dateSec * 1000,
		lagMs: content.lagMs,
		source: content.source,
		changedFields: content.changedFields,
		// The path of the record in the hub.
		flags: isTooLarge
			? { ...content.flags, large: `${resource.path}/${encodeURIComponent(content.objectId)}` }
			: content.flags,
		record: isTooLarge ? null : text,
		variationRecords: variations === null || Buffer.byteLength(variations) > roomBytes ? null : variations,
	})
}

/** Records events and asks for a doorbell. */
export function emitEvents(tx: Tx, core: Core, events: readonly NewEvent[]): void {
	if (events.length === 0) return
	appendEvents(tx, core, events)
	countChanges(tx, core, events)
	core.doorbellRequested = true
}

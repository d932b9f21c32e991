/** Events: changes as the log keeps them and as notifications send them (docs/contract.md §4, §11). */
import { BASE_PATH } from '../lib/base-path.ts'
import { formatEventId } from './ids.ts'

/** The object of test events, which no store has. */
export const TEST_OBJECT_ID = 'test-event'

/** The kinds of changes. */
export const EVENT_TYPES = ['CREATED', 'UPDATED', 'DELETED'] as const
/** A value of `EVENT_TYPES`. */
export type EventType = (typeof EVENT_TYPES)[number]

/** How the change was seen: by a poll's window, by a webhook of the store, or by a re-read. */
export type EventSource = 'poll' | 'webhook' | 'reread'

/** Flags of an event; only true ones are sent. */
export interface EventFlags {
	/** A DELETED of an object in the trash: its record still exists. */
	trashed?: boolean
	/** An UPDATED of an object that exists but is no longer listed. */
	unlisted?: boolean
	/** A CREATED of an object that came back from the trash. */
	restored?: boolean
	/** A CREATED or UPDATED by a backfill. */
	backfill?: boolean
	/** The severity of a notice (`toNoticeBody`). */
	severity?: string
	/** The sender of a posted notice. */
	from?: string
	/** A test event: nothing changed. */
	test?: boolean
	/** The record was too large to keep: its path in the hub, such as `orders/12`. */
	large?: string
}

/** An event as it is stored: everything that its entry consists of. Times epoch ms. */
export interface StoredEvent {
	/** Its position in the instance's log, increasing. */
	sequence: number
	/** The tag of its id (`computeEventTag`), stored so that a new master key changes no id. */
	tag: number
	/** The resource's label when the event was recorded: its `objectType`. */
	resource: string
	objectId: number | string
	/** The number of the event among those of its object. */
	objectSequence: number
	/** `objectSequence` of the object's previous event for the same subscription; null: it is the first. */
	previousSequence: number | null
	eventType: EventType
	/** When the object changed. */
	dateMs: number
	/** When a poll saw it; null: a webhook brought it. */
	pollDateMs: number | null
	source: EventSource
	/** Names of the fields that changed; null: unknown, or not an UPDATED. */
	changedFields: string[] | null
	flags: EventFlags
	/** The vendor's record as JSON text; null: erased, pruned, or too large to keep (`flags.large`). */
	record: string | null
	/** Records of the variations that changed, a JSON list; null or absent: it is about none, or they are not kept. */
	variationRecords?: string | null
}

/** An event as a notification sends it (`applyMemberOverrides`): coalescing may have changed it. */
export interface DeliveredEvent extends StoredEvent {
	/** How many events were coalesced into it, itself included; absent: only itself. */
	coalesced?: number
}

/** Data of an entry beside the event. */
export interface EntryContext {
	instanceId: number
	elementKey: string
	/** The element's hub: `ecommerce`. */
	hubKey: string
	/** Entries have a `recordUrl` instead of records. Absent: full mode. */
	mode?: 'thin'
	/** The public URL of this Shopbell, for links; absent or '': links are paths. */
	publicUrl?: string
}

/** `message.events[i]`: the platform's keys in its order, then Shopbell's. Keys that do not apply are absent. */
export interface EventEntry {
	date: string
	elementKey: string
	pollDate?: string
	eventType: EventType
	hubKey: string
	objectId: string
	objectType: string
	eventId: string
	sequence: number
	objectSequence: number
	previousSequence?: number
	changedFields?: string[]
	trashed?: true
	unlisted?: true
	restored?: true
	backfill?: true
	/** A test event: nothing changed. */
	test?: true
	/** How many events of the object were coalesced into this one, itself included. */
	coalesced?: number
	/** The record is no longer kept: `raw` has only the object's id. */
	erased?: true
	/** The record was too large to keep: `raw` has only the object's id. */
	tooLarge?: true
	/** Where to read the record: in the event log, or in the hub when it was too large to keep. */
	recordUrl?: string
	source: EventSource
}

/** The entry of an event. The order of its keys is part of the signed bytes. */
export function toEventEntry(event: DeliveredEvent, context: EntryContext): EventEntry {
	const recordUrl = findRecordUrl(event, context)
	return {
		date: formatIsoSeconds(event.dateMs),
		elementKey: context.elementKey,
		...(event.pollDateMs === null ? {} : { pollDate: formatIsoSeconds(event.pollDateMs) }),
		eventType: event.eventType,
		hubKey: context.hubKey,
		objectId: String(event.objectId),
		objectType: event.resource,
		eventId: formatEventId(context.instanceId, event.sequence, event.tag),
		sequence: event.sequence,
		objectSequence: event.objectSequence,
		...(event.previousSequence === null ? {} : { previousSequence: event.previousSequence }),
		...(event.changedFields === null ? {} : { changedFields: event.changedFields }),
		...(event.flags.trashed ? { trashed: true } : {}),
		...(event.flags.unlisted ? { unlisted: true } : {}),
		...(event.flags.restored ? { restored: true } : {}),
		...(event.flags.backfill ? { backfill: true } : {}),
		...(event.flags.test ? { test: true } : {}),
		...(event.coalesced === undefined ? {} : { coalesced: event.coalesced }),
		...(isErased(event) ? { erased: true } : {}),
		...(isTooLarge(event) ? { tooLarge: true } : {}),
		...(recordUrl === null ? {} : { recordUrl }),
		source: event.source,
	}
}

/** Whether an event's record was erased or pruned. */
export function isErased(event: Pick<StoredEvent, 'record' | 'flags'>): boolean {
	return event.record === null && !isTooLarge(event)
}

/** Whether an event's record was too large to keep. */
export function isTooLarge(event: Pick<StoredEvent, 'flags'>): boolean {
	return event.flags.large !== undefined
}

/** The URL of an event's record; null: the notification has the record, or there is none. */
function findRecordUrl(event: StoredEvent, context: EntryContext): string | null {
	const apiUrl = `${(context.publicUrl ?? '').replace(/\/+$/, '')}${BASE_PATH}`
	if (event.flags.large !== undefined) return `${apiUrl}/hubs/${context.hubKey}/${event.flags.large}`
	if (context.mode !== 'thin') return null
	const eventId = formatEventId(context.instanceId, event.sequence, event.tag)
	return `${apiUrl}/instances/${context.instanceId}/events/${eventId}`
}

/** A time in the contract's format: `yyyy-MM-ddTHH:mm:ssZ`, UTC, whole seconds (rounded down). */
export function formatIsoSeconds(ms: number): string {
	return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, -5)}Z`
}

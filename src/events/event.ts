/** A change as the instance's log keeps it, and as a notification tells it (docs/contract.md §4, §11). */
import { formatEventId } from './ids.ts'

/** What happened to the object. */
export const EVENT_TYPES = ['CREATED', 'UPDATED', 'DELETED'] as const
/** One of them. */
export type EventType = (typeof EVENT_TYPES)[number]

/** How the change was seen: by a poll's window, by the store's webhook, by a re-read. */
export type EventSource = 'poll' | 'webhook' | 'reread'

/** What is particular about a change; only true marks are told. */
export interface EventFlags {
	/** A DELETED of an object that lies in the trash: its record is still there. */
	trashed?: boolean
	/** An UPDATED of an object that exists but is no longer listed. */
	unlisted?: boolean
	/** A CREATED of an object that came back from the trash. */
	restored?: boolean
	/** A CREATED or UPDATED rung by a backfill. */
	backfill?: boolean
	/** Of a notice (`noticeBody`): how much it matters. */
	severity?: string
	/** Of a notice that was posted: who it is from, where that was said. */
	from?: string
	/** Nothing happened: somebody tries the callback. */
	test?: boolean
	/** The record was too large to keep: where the hub has it, such as `orders/12`. */
	large?: string
}

/**
 * An event as it is stored. All that its entry is made of, so that the entry is the same whenever it is made. Times
 * epoch ms.
 */
export interface StoredEvent {
	/** Its place in the instance's log, counting up. */
	sequence: number
	/** The tag of its id (`eventTag`), kept so that a new master key changes no id. */
	tag: number
	/** The resource's label when the event was recorded: becomes `objectType`. */
	resource: string
	objectId: number | string
	/** Counts the events of this object. */
	objectSequence: number
	/**
	 * `objectSequence` of the object's last event before this one meant for the same subscription; null when it is the
	 * first.
	 */
	previousSequence: number | null
	eventType: EventType
	/** When the object changed. */
	dateMs: number
	/** When it was seen; null for what a webhook brought, which has no poll. */
	pollDateMs: number | null
	source: EventSource
	/** Names of the fields that changed; null when it is not known or makes no sense. */
	changedFields: string[] | null
	flags: EventFlags
	/**
	 * The record as JSON text, as the vendor gave it; null once it was erased or pruned, and where it was too large to
	 * keep (`flags.large`).
	 */
	record: string | null
}

/** An event as a notification tells it: after coalescing that may differ from its row (`told`). */
export interface DeliveredEvent extends StoredEvent {
	/** How many events it stands for, itself included; absent: itself alone. */
	coalesced?: number
}

/** What an entry needs beside the event. */
export interface EntryContext {
	instanceId: number
	elementKey: string
	/** The element's hub: `ecommerce`. */
	hubKey: string
	/** Without records: each entry says where its record is. Absent: with them. */
	mode?: 'thin'
	/** The address that people reach, for links; absent or '': links are paths. */
	publicUrl?: string
}

/** `message.events[i]`: the platform's keys in its own order, then ours. Keys that do not apply are absent. */
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
	/** Nothing happened: somebody tries the callback. */
	test?: true
	/** How many events of the object this one stands for, itself included. */
	coalesced?: number
	/** The record is no longer kept: `raw` has only the object's id. */
	erased?: true
	/** The record was too large to keep: `raw` has only the object's id. */
	tooLarge?: true
	/**
	 * Where the record is: in the event log, or in the hub when it was too large to keep. Absent: in `raw`, or nowhere.
	 */
	recordUrl?: string
	source: EventSource
}

/** The entry of an event. Built key by key: its order is part of the bytes that are signed. */
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

/** Whether an event's record was kept and is no longer. */
export function isErased(event: Pick<StoredEvent, 'record' | 'flags'>): boolean {
	return event.record === null && !isTooLarge(event)
}

/** Whether an event's record was never kept, since it was too large. */
export function isTooLarge(event: Pick<StoredEvent, 'flags'>): boolean {
	return event.flags.large !== undefined
}

/** The address of an event's record where the notification does not carry it; null: it does, or there is none. */
function findRecordUrl(event: StoredEvent, context: EntryContext): string | null {
	const apiUrl = `${(context.publicUrl ?? '').replace(/\/+$/, '')}/elements/api-v2`
	if (event.flags.large !== undefined) return `${apiUrl}/hubs/${context.hubKey}/${event.flags.large}`
	if (context.mode !== 'thin') return null
	return `${apiUrl}/instances/${context.instanceId}/events/${formatEventId(context.instanceId, event.sequence, event.tag)}`
}

/** A moment as the contract writes it: `yyyy-MM-ddTHH:mm:ssZ`, UTC, whole seconds (rounded down). */
export function formatIsoSeconds(ms: number): string {
	return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, -5)}Z`
}

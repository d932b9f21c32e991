/** A change as the instance's log keeps it, and as a notification tells it (contract, sections 4 and 11). */
import { formatEventId } from './ids.ts'

/** What happened to the object. */
export type EventType = 'CREATED' | 'UPDATED' | 'DELETED'

/** How the change was seen: by a poll's window, by the store's webhook, by a re-read. */
export type EventSource = 'poll' | 'webhook' | 'reread'

/** What is particular about a change (design, What rings); only true marks are told. */
export interface EventFlags {
	/** A DELETED of an object that lies in the trash: its record is still there. */
	trashed?: boolean
	/** An UPDATED of an object that exists but is no longer listed. */
	unlisted?: boolean
	/** A CREATED of an object that came back from the trash. */
	restored?: boolean
	/** A CREATED or UPDATED rung by a backfill. */
	backfill?: boolean
	/** The record was too large to keep: where the hub has it, such as `orders/12`. */
	large?: string
}

/** An event as it is stored. All that its entry is made of, so that the entry is the same whenever it is made. Times epoch ms. */
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
	/** `objectSequence` of the object's last event before this one meant for the same subscription; null when it is the first. */
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
	/** The record as JSON text, as the vendor gave it; null once it was erased or pruned. */
	record: string | null
}

/** What an entry needs beside the event. */
export interface EntryContext {
	instanceId: number
	elementKey: string
	/** The element's hub: `ecommerce`. */
	hubKey: string
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
	/** The record is no longer kept: `raw` has only the object's id. */
	erased?: true
	source: EventSource
}

/** The entry of an event. Built key by key: its order is part of the bytes that are signed. */
export function entry(event: StoredEvent, context: EntryContext): EventEntry {
	return {
		date: isoSeconds(event.dateMs),
		elementKey: context.elementKey,
		...(event.pollDateMs === null ? {} : { pollDate: isoSeconds(event.pollDateMs) }),
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
		...(event.record === null ? { erased: true } : {}),
		source: event.source,
	}
}

/** A moment as the contract writes it: `yyyy-MM-ddTHH:mm:ssZ`, UTC, whole seconds (rounded down). */
export function isoSeconds(ms: number): string {
	return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, -5)}Z`
}

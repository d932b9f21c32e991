/** What an object is asked of its event log, and what it answers. Times are epoch ms. Records travel as JSON text. */
import type { Known } from './rpc.ts'

/** Where an event stands on its way (contract, section 11): recorded, formed, claimed, answered but not accepted, accepted. */
export type EventStatus = 'NEW' | 'RECEIVED' | 'DISPATCHED' | 'CONSUMED' | 'NOTIFIED'

/** The words of `EventStatus`, from the first to the last. */
export const EVENT_STATUSES: readonly EventStatus[] = ['NEW', 'RECEIVED', 'DISPATCHED', 'CONSUMED', 'NOTIFIED']

/** An event of the log. */
export interface EventRow {
	eventId: string
	sequence: number
	objectType: string
	objectId: string
	eventType: 'CREATED' | 'UPDATED' | 'DELETED'
	objectSequence: number
	dateMs: number
	recordedMs: number
	status: EventStatus
	source: 'poll' | 'webhook' | 'reread'
	record: string | null
	/** The event as an `events[i]` entry, JSON text: as it was recorded, whatever a notification makes of it (thin, coalesced, what it follows there). */
	entry: string
	notifications: { id: number; status: string; createdMs: number; updatedMs: number }[]
}

/** Which events: what is absent does not matter. Of each list any, of all of them all. */
export interface EventFilter {
	/** Recorded from … to, both included. */
	fromMs?: number | undefined
	toMs?: number | undefined
	types?: string[] | undefined
	/** Labels, as `objectType` has them. */
	resources?: string[] | undefined
	objectId?: string | undefined
	statuses?: EventStatus[] | undefined
	/** Somewhere in the record or the object's id, or the event's id; ASCII letters in any case. */
	text?: string | undefined
}

/** A page of them. */
export interface EventQuery extends EventFilter {
	pageSize: number
	/** Sequence to start below. */
	before?: number | undefined
	/** The page ends when its records hold so many characters; absent: what an answer between objects holds. */
	characters?: number | undefined
}

/** Where a page ended: what was not shown or looked at has a smaller number, and is not younger. */
export interface Mark {
	number: number
	atMs: number
}

/** Newest first. A filtered page may be short, even empty, and still have a next one: a call looks at so many events and no more. */
export interface EventPage {
	events: EventRow[]
	next: Mark | null
}

/** What followed an event: for streams. */
export interface EventTail {
	/** Oldest first. */
	events: EventRow[]
	/** Sequence of the last event that was ever recorded. */
	last: number
	/** false: disabled, or its events are switched off: nothing follows. */
	running: boolean
}

/** The calls. All only read. */
export interface LogRpc {
	events(query: EventQuery): Promise<Known<EventPage>>
	/** null: there is none of that number, or no longer. */
	event(sequence: number): Promise<Known<EventRow | null>>
	/** What was recorded after a sequence; null: nothing, only where the log ends. */
	eventsAfter(sequence: number | null, limit: number): Promise<Known<EventTail>>
}

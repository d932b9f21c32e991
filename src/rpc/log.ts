/** What an object is asked of its event log, and what it answers. Times are epoch ms. Records travel as JSON text. */
import type { OrUnknown } from './known.ts'
import type { AttemptReport, NotificationReport } from './notification.ts'

/**
 * Where an event stands on its way (docs/contract.md §11): recorded, formed, claimed, answered but not accepted,
 * accepted.
 */
export type EventStatus = 'NEW' | 'RECEIVED' | 'DISPATCHED' | 'CONSUMED' | 'NOTIFIED'

/** The words of `EventStatus`, from the first to the last. */
export const EVENT_STATUSES: readonly EventStatus[] = ['NEW', 'RECEIVED', 'DISPATCHED', 'CONSUMED', 'NOTIFIED']

/** An event of the log. */
export interface EventReport {
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
	/**
	 * How many characters a record has that is left out, since it alone has more than the page may hold; `event` brings
	 * it.
	 */
	withheld?: number
	/**
	 * The event as an `events[i]` entry, JSON text: as it was recorded, whatever a notification makes of it (thin,
	 * coalesced, what it follows there).
	 */
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
	/**
	 * The page ends when its records hold so many characters, and a record that has more is left out; absent: what an
	 * answer between objects holds, with all.
	 */
	characters?: number | undefined
}

/** Where a page ended: what was not shown or looked at has a smaller number, and is not younger. */
export interface PageCursor {
	number: number
	atMs: number
}

/**
 * Newest first. A filtered page may be short, even empty, and still have a next one: a call looks at so many events and
 * no more.
 */
export interface EventPage {
	events: EventReport[]
	next: PageCursor | null
}

/** What followed an event: for streams. */
export interface EventTail {
	/** Oldest first. */
	events: EventReport[]
	/** Sequence of the last event that was ever recorded. */
	last: number
	/** false: disabled, or its events are switched off: nothing follows. */
	running: boolean
}

/** Which counts: of whole hours, minutes or seconds, from the one of `fromMs` to the one of `toMs`. */
export interface TallyQuery {
	fromMs: number
	toMs: number
	unit: 'hour' | 'minute' | 'second'
}

/** Of the events recorded in a unit that begins then: how many, how many were accepted, how many were given up. */
export interface TallyBucket {
	atMs: number
	count: number
	success: number
	failed: number
}

/** Everything known of one object. */
export interface TimelineReport {
	/** Label of its resource. */
	objectType: string
	objectId: string
	/** live, hidden, unlisted, trashed or gone. */
	state: string
	/** The store's own dates: of the record as it was last accepted. */
	createdMs: number | null
	stampMs: number | null
	/** When it was last looked at and something of it was accepted. */
	acceptedMs: number
	/** Counts its events; 0: none. */
	objectSequence: number
	/** When its CREATED was recorded; null: it was there before, or that event has left the log. */
	firstSeenMs: number | null
	/** Since when the brake holds back that it is gone; null: it does not. */
	heldSinceMs: number | null
	/**
	 * It is to be read by id: when, since when, and why (missing from a list, a first 404, named by a webhook, an older
	 * state seen).
	 */
	lookup: { dueMs: number; sinceMs: number; reasons: string[] } | null
	/** Oldest first. */
	events: (EventReport & {
		/** When the other way of seeing brought the same state. */
		confirmedMs: number | null
		deliveries: (NotificationReport & { tries: AttemptReport[] })[]
	})[]
	/** Where older events go on. */
	next: PageCursor | null
}

/** The calls. All only read. */
export interface LogRpc {
	events(query: EventQuery): Promise<OrUnknown<EventPage>>
	/** null: there is none of that number, or no longer. */
	event(sequence: number): Promise<OrUnknown<EventReport | null>>
	/** What was recorded after a sequence; null: nothing, only where the log ends. */
	eventsAfter(sequence: number | null, limit: number): Promise<OrUnknown<EventTail>>
	/**
	 * Bodies of notifications, by counter: a beginning of the list, as long as holds so many characters, one at least;
	 * null: that one has left the log.
	 */
	bodies(counters: number[], characters: number): Promise<OrUnknown<(string | null)[]>>
	/** Ascending, those without events left out. `too-many`: more than 20 000 events would have to be read. */
	tally(query: TallyQuery): Promise<OrUnknown<TallyBucket[] | 'too-many'>>
	/** Of an object of a watched resource, by its label; null: it is not known. `before`: log sequence to start below. */
	timeline(
		resource: string,
		objectId: string,
		query: { pageSize: number; before?: number | undefined },
	): Promise<OrUnknown<TimelineReport | null>>
}

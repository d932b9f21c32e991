/** The calls about the event log. Times are epoch ms. Records travel as JSON text. */
import type { EventSource, EventType } from '../events/event.ts'
import type { OrUnknown } from './known.ts'
import type { AttemptReport, NotificationReport } from './notification.ts'

/** The status of an event (docs/contract.md §11): recorded, formed, claimed, answered but not accepted, accepted. */
export type EventStatus = 'NEW' | 'RECEIVED' | 'DISPATCHED' | 'CONSUMED' | 'NOTIFIED'

/** The values of `EventStatus`, from the first to the last. */
export const EVENT_STATUSES: readonly EventStatus[] = ['NEW', 'RECEIVED', 'DISPATCHED', 'CONSUMED', 'NOTIFIED']

/** An event of the log. */
export interface EventReport {
	eventId: string
	sequence: number
	objectType: string
	objectId: string
	eventType: EventType
	objectSequence: number
	dateMs: number
	recordedMs: number
	/** From the change's date at the store to its recording; absent: unknown. */
	lagMs?: number
	status: EventStatus
	source: EventSource
	record: string | null
	/** Records of the variations that changed, a JSON list; absent: it is about none, or they are not kept. */
	variationRecords?: string
	/** The length of a record that is left out because it alone exceeds the page; `event` returns it. */
	withheld?: number
	/** The event as an `events[i]` entry, JSON text, as recorded: a notification may differ (thin, coalesced). */
	entry: string
	notifications: { id: number; status: string; createdMs: number; updatedMs: number }[]
}

/** Selects events. An event matches when it matches every given field. */
export interface LogFilter {
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

/** Selects a page of events. */
export interface EventQuery extends LogFilter {
	pageSize: number
	/** Sequence to start below. */
	before?: number | undefined
	/**
	 * The page ends when its records have this many characters, and a longer record is left out; absent: the limit of an
	 * answer between objects.
	 */
	characters?: number | undefined
}

/** Where a page ended: the rest has smaller numbers, and is not newer. */
export interface PageCursor {
	number: number
	atMs: number
}

/**
 * Newest first. A filtered page may be short, even empty, and still have a next page: a call reads a limited number.
 */
export interface EventPage {
	events: EventReport[]
	next: PageCursor | null
}

/** The events after a sequence, for streams. */
export interface EventTail {
	/** Oldest first. */
	events: EventReport[]
	/** Sequence of the last recorded event. */
	last: number
	/** false: disabled, or events are off: no events follow. */
	running: boolean
}

/** Counts of whole hours, minutes or seconds, from that of `fromMs` to that of `toMs`. */
export interface TallyQuery {
	fromMs: number
	toMs: number
	unit: 'hour' | 'minute' | 'second'
}

/** The events recorded in the unit that begins at `atMs`: all, accepted, and failed for good. */
export interface TallyBucket {
	atMs: number
	count: number
	success: number
	failed: number
	/** All by type; of unknown type: counted by an earlier version. Absent: an object of an earlier version. */
	types?: { created: number; updated: number; deleted: number; unknown: number }
}

/** The data about an object. */
export interface TimelineReport {
	/** Label of its resource. */
	objectType: string
	objectId: string
	/** live, hidden, unlisted, trashed or gone. */
	state: string
	/** The store's dates of the record as last accepted. */
	createdMs: number | null
	stampMs: number | null
	/** When its state was last accepted. */
	acceptedMs: number
	/** The number of its events; 0: none. */
	objectSequence: number
	/** When its CREATED was recorded; null: it is older than the instance, or the event was pruned. */
	firstSeenMs: number | null
	/** Since when the mass-deletion guard holds its deletion; null: it does not. */
	heldSinceMs: number | null
	/** A pending read by id: when, since when, and why (missing from a list, a first 404, a webhook, an older state). */
	lookup: { dueMs: number; sinceMs: number; reasons: string[] } | null
	/** Oldest first. */
	events: (EventReport & {
		/** When the other source (webhook or poll) brought the same state. */
		confirmedMs: number | null
		deliveries: (NotificationReport & { tries: AttemptReport[] })[]
	})[]
	/** The start of the next page, with older events. */
	next: PageCursor | null
}

/** The calls. All only read. */
export interface LogRpc {
	events(query: EventQuery): Promise<OrUnknown<EventPage>>
	/** null: not found, or pruned. */
	event(sequence: number): Promise<OrUnknown<EventReport | null>>
	/** The events recorded after a sequence; null: no events, only the last sequence. */
	eventsAfter(sequence: number | null, limit: number): Promise<OrUnknown<EventTail>>
	/**
	 * Bodies of notifications, by counter: the first ones that fit into this many characters, at least one; null: pruned.
	 */
	bodies(counters: number[], characters: number): Promise<OrUnknown<(string | null)[]>>
	/** Ascending, without empty buckets. `too-many`: more than 20 000 events would have to be read. */
	tally(query: TallyQuery): Promise<OrUnknown<TallyBucket[] | 'too-many'>>
	/** The timeline of an object, by the label of its resource; null: unknown. `before`: log sequence to start below. */
	timeline(
		resource: string,
		objectId: string,
		query: { pageSize: number; before?: number | undefined },
	): Promise<OrUnknown<TimelineReport | null>>
}

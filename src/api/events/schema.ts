/** The shapes of the event log: what is asked of it, and its records (docs/contract.md §6, §11). */
import * as z from 'zod'
import { EVENT_TYPES } from '../../events/event.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { EVENT_STATUSES } from '../../rpc/log.ts'
import { OptionalStringList, NextPage, PageSize } from '../http/paging.ts'
import { INTERVALS } from './buckets.ts'
import { EventEntryResponse, InstanceMessage } from './entry.ts'
import { ACCOUNT_EVENT_COUNT, DISPOSITION, EVENT, EVENT_COUNT, INSTANCE_EVENT_COUNT, TIMELINE } from './examples.ts'
import { ACCOUNT, EVENT_ID, INSTANCE_ID, ORDER, INSTANCE_TAGS } from '../http/examples.ts'

const Moment = z
	.string()
	.max(LIMITS.time.value, expectedAtMost('time'))
	.optional()
	.meta({ examples: ['2026-01-31T12:00:00Z'] })
const From = Moment.meta({
	description:
		'Recorded then or later: ISO 8601, UTC unless it says otherwise, or epoch time (13 digits or more are milliseconds, 9 or 10 seconds)',
})
const To = Moment.meta({ description: 'Recorded then or before', examples: ['2026-01-31T13:00:00Z'] })

/** Which instances, where a call is about several. */
const instanceFilter = {
	'instanceIds[]': OptionalStringList.meta({ description: 'Of these instances', examples: [String(INSTANCE_ID)] }),
	'tags[]': OptionalStringList.meta({ description: 'Of instances with all of these tags', examples: INSTANCE_TAGS }),
	searchText: z
		.string()
		.max(LIMITS.searchText.value, expectedAtMost('searchText'))
		.optional()
		.meta({
			description: "Of instances with this in their name or their element's key, in any case",
			examples: ['sample'],
		}),
}

/** Which events. */
const eventFilter = {
	from: From,
	to: To,
	'eventTypes[]': OptionalStringList.meta({ description: 'CREATED, UPDATED or DELETED', examples: ['CREATED'] }),
	'resources[]': OptionalStringList.meta({
		description: 'Names of resources, as `objectType` has them',
		examples: ['orders'],
	}),
	objectId: z
		.string()
		.max(LIMITS.objectId.value, expectedAtMost('objectId'))
		.optional()
		.meta({ description: "The object's id", examples: [String(ORDER.id)] }),
	status: OptionalStringList.meta({ description: EVENT_STATUSES.join(', '), examples: ['NOTIFIED'] }),
	text: z
		.string()
		.max(LIMITS.replayText.value, expectedAtMost('replayText'))
		.optional()
		.meta({
			description: "Somewhere in the record or the object's id, in any case of A to Z; or the event's id",
			examples: ['jane@example.com'],
		}),
}

const pageQuery = { pageSize: PageSize.optional(), nextPage: NextPage }

/** A list of one instance's events. */
export const EventsQuery = z.object({ ...pageQuery, ...eventFilter })
/** A list across instances. */
export const AnyEventsQuery = z.object({ ...pageQuery, ...eventFilter, ...instanceFilter })

const exportFormat = {
	format: z
		.enum(['csv', 'ndjson'], 'expected csv or ndjson')
		.optional()
		.meta({ description: 'ndjson where it is not said' }),
	nextPage: NextPage,
}
/** An export of one instance's events. */
export const ExportQuery = z.object({ ...exportFormat, ...eventFilter })
/** An export across instances. */
export const AnyExportQuery = z.object({ ...exportFormat, ...eventFilter, ...instanceFilter })

/** A stream. */
export const StreamQuery = z.object({
	lastEventId: z
		.string()
		.max(LIMITS.time.value, expectedAtMost('time'))
		.optional()
		.meta({
			description: 'Go on behind this event, as with the header `Last-Event-ID`; without either, from now on',
			examples: [EVENT_ID],
		}),
})

/** Dispositions of one instance's events. */
export const DispositionsQuery = z.object({ from: From, to: To, ...pageQuery })
/** Dispositions across instances. */
export const AnyDispositionsQuery = z.object({ from: From, to: To, ...pageQuery, ...instanceFilter })

const NotificationReference = z.strictObject({
	id: z.number().meta({ description: 'Number of the notification' }),
	status: z.string().meta({ description: 'waiting, claimed, retry, delivered, queued or dropped' }),
	createdDate: z.string(),
	updatedDate: z.string(),
})

/** A record of the log. */
export const EventResponse = z
	.strictObject({
		id: z.string().meta({ description: 'The id of the change: 20 characters', examples: [EVENT_ID] }),
		eventDate: z.string().meta({ description: 'When the object changed', examples: ['2026-01-31T12:00:00Z'] }),
		recordedDate: z.string().meta({ description: 'When it was recorded, by which lists are ordered' }),
		status: z
			.enum(EVENT_STATUSES)
			.meta({ description: 'Recorded; in a notification; under way; answered, but not accepted; accepted' }),
		providerData: z
			.string()
			.meta({ description: 'The record as JSON text; {} once erased, and where it was too large to keep' }),
		erased: z.literal(true).optional().meta({ description: 'The record is no longer kept' }),
		tooLarge: z.literal(true).optional().meta({ description: 'The record was too large to keep' }),
		recordUrl: z.string().optional().meta({ description: 'Where a record is that was too large to keep' }),
		notifiedData: z.array(NotificationReference).meta({ description: 'The notifications that carry it' }),
		eventElementInstances: z.array(
			z.strictObject({
				eventId: z.string(),
				elementInstanceId: z.number(),
				notificationId: z.number(),
				notifiedData: z.array(NotificationReference),
				createdDate: z.string(),
				updatedDate: z.string(),
			}),
		),
		elementInstanceId: z.number(),
		eventType: z.enum(EVENT_TYPES),
		objectType: z.string(),
		objectId: z.string(),
		sequence: z.number().meta({ description: "Its place in the instance's log" }),
		objectSequence: z.number().meta({ description: 'Counts the events of this object' }),
		source: z.enum(['poll', 'webhook', 'reread']),
		event: EventEntryResponse.meta({ description: 'The entry as notifications carry it' }),
	})
	.meta({ id: 'Event', examples: [EVENT] })

/** What became of an event. */
export const DispositionResponse = z
	.strictObject({
		eventId: z.string(),
		elementInstanceId: z.number(),
		notificationData: z
			.array(z.strictObject({ message: InstanceMessage }))
			.meta({ description: 'The messages that told of it; none where it was told to nobody, or not yet' }),
	})
	.meta({ id: 'Disposition', examples: [DISPOSITION] })

const countQuery = {
	from: z
		.string()
		.max(LIMITS.time.value, expectedAtMost('time'))
		.optional()
		.meta({
			description:
				'Counted from the interval that this lies in: ISO 8601, UTC unless it says otherwise, or epoch time (13 digits or more are milliseconds, 9 or 10 seconds); a day before `to` where it is not said',
			examples: ['2026-01-31T12:00:00Z'],
		}),
	to: z
		.string()
		.max(LIMITS.time.value, expectedAtMost('time'))
		.optional()
		.meta({
			description: '… to the one that this lies in; now where it is not said',
			examples: ['2026-01-31T13:00:00Z'],
		}),
	interval: z
		.enum(INTERVALS, `expected one of ${INTERVALS.join(', ')}`)
		.optional()
		.meta({ description: 'hour where it is not said' }),
}
/** Counts of one instance. */
export const CountsQuery = z.object(countQuery)
/** Counts across instances. */
export const AnyCountsQuery = z.object({ ...countQuery, ...instanceFilter })
/** Counts of accounts. */
export const AccountCountsQuery = z.object({
	...countQuery,
	...instanceFilter,
	'accountIds[]': OptionalStringList.meta({
		description: 'Of these accounts: the caller’s own',
		examples: [String(ACCOUNT.id)],
	}),
})

const timestamp = z.string().meta({ description: 'When the interval begins, UTC', examples: ['2026-01-31T12:00:00Z'] })
const countFields = {
	count: z.number().meta({ description: 'Events recorded' }),
	success: z.number().meta({ description: 'Of these, accepted by a callback since' }),
	failed: z.number().meta({ description: 'Of these, given up: they wait to be released' }),
}

/** Counts in all. */
export const CountsResponse = z.array(
	z.strictObject({ timestamp, count: z.number() }).meta({ id: 'EventCount', examples: [EVENT_COUNT] }),
)
/** Counts by instance; those without events are left out. */
export const InstanceCountsResponse = z.array(
	z
		.strictObject({
			timestamp,
			total: z.number(),
			records: z.array(z.strictObject({ instanceId: z.number(), ...countFields })),
		})
		.meta({ id: 'InstanceEventCount', examples: [INSTANCE_EVENT_COUNT] }),
)
/** Counts by account. */
export const AccountCountsResponse = z.array(
	z
		.strictObject({
			timestamp,
			total: z.number(),
			records: z.array(z.strictObject({ accountId: z.number(), ...countFields })),
		})
		.meta({ id: 'AccountEventCount', examples: [ACCOUNT_EVENT_COUNT] }),
)

/** A timeline's page. */
export const TimelineQuery = z.object(pageQuery)

/** Everything known of one object. */
export const TimelineResponse = z
	.strictObject({
		objectType: z.string(),
		objectId: z.string(),
		elementInstanceId: z.number(),
		state: z.enum(['live', 'hidden', 'unlisted', 'trashed', 'gone']),
		createdDate: z.string().nullable().meta({ description: 'Of the record, as it was last accepted' }),
		modifiedDate: z.string().nullable().meta({ description: 'Of the record, as it was last accepted' }),
		acceptedDate: z.string().meta({ description: 'When it was last looked at and something of it was taken' }),
		firstSeenDate: z.string().nullable().meta({
			description: 'When its CREATED was recorded; null: it was there before, or that event is not on this page',
		}),
		objectSequence: z.number().meta({ description: 'Counts its events; 0: none' }),
		heldSince: z.string().nullable().meta({ description: 'Since when its deletion is held back' }),
		lookup: z
			.strictObject({ dueDate: z.string(), since: z.string(), reasons: z.array(z.string()) })
			.nullable()
			.meta({ description: 'It is to be read by id: when, since when, and why' }),
		events: z
			.array(
				z.strictObject({
					event: EventResponse,
					confirmedDate: z
						.string()
						.nullable()
						.meta({ description: 'When the other way of seeing brought the same state' }),
					deliveries: z.array(
						z.strictObject({
							notificationId: z.number(),
							subscriptionId: z.number().nullable(),
							status: z.string(),
							createdDate: z.string(),
							deliveredDate: z.string().nullable(),
							nextTryDate: z.string().nullable(),
							attempts: z.array(
								z.strictObject({
									number: z.number(),
									startedDate: z.string(),
									durationMs: z.number(),
									delivered: z.boolean(),
									status: z.number().nullable(),
									error: z.string().nullable(),
								}),
							),
						}),
					),
				}),
			)
			.meta({ description: 'Oldest first; the page holds the newest, and names the next one for those before' }),
	})
	.meta({ id: 'Timeline', examples: [TIMELINE] })

/** The path of an object. */
export const ObjectParams = z.object({
	resource: z
		.string()
		.max(LIMITS.objectId.value, expectedAtMost('objectId'))
		.meta({ description: 'Label of the resource', examples: ['orders'] }),
	objectId: z
		.string()
		.max(LIMITS.objectId.value, expectedAtMost('objectId'))
		.meta({ description: "The object's id", examples: [String(ORDER.id)] }),
})

/** Schemas of the event log (docs/contract.md §6, §11). */
import * as z from 'zod'
import { EVENT_TYPES } from '../../events/event.ts'
import { expectedAtMost, LIMITS } from '../../lib/limits.ts'
import { EVENT_STATUSES } from '../../rpc/log.ts'
import { OptionalStringList, NextPage, PageSize } from '../http/paging.ts'
import { TIME_FORMATS } from '../http/times.ts'
import { INTERVALS } from './buckets.ts'
import { EventEntryResponse, InstanceMessage } from './entry.ts'
import {
	ACCOUNT_EVENT_COUNT,
	DISPOSITION,
	EVENT,
	EVENT_COUNT,
	INSTANCE_EVENT_COUNT,
	TIMELINE,
	TYPE_EVENT_COUNT,
} from './examples.ts'
import { ACCOUNT, EVENT_ID, INSTANCE_ID, ORDER, INSTANCE_TAGS } from '../http/examples.ts'

const Moment = z
	.string()
	.max(LIMITS.time.value, expectedAtMost('time'))
	.optional()
	.meta({ examples: ['2026-01-31T12:00:00Z'] })
const From = Moment.meta({
	description: `Start of the recording time, inclusive. ${TIME_FORMATS}`,
})
const To = Moment.meta({ description: 'End of the recording time, inclusive', examples: ['2026-01-31T13:00:00Z'] })

/** Filters of instances. */
const instanceFilter = {
	'instanceIds[]': OptionalStringList.meta({ description: 'Ids of instances', examples: [String(INSTANCE_ID)] }),
	'tags[]': OptionalStringList.meta({ description: 'Instances that have all of these tags', examples: INSTANCE_TAGS }),
	searchText: z
		.string()
		.max(LIMITS.searchText.value, expectedAtMost('searchText'))
		.optional()
		.meta({
			description: "Part of the instance's name or element key, case-insensitive",
			examples: ['sample'],
		}),
}

/** Filters of events. */
const eventFilter = {
	from: From,
	to: To,
	'eventTypes[]': OptionalStringList.meta({ description: 'CREATED, UPDATED or DELETED', examples: ['CREATED'] }),
	'resources[]': OptionalStringList.meta({
		description: 'Resources, as in `objectType`',
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
			description: "Part of the record or of the object's id, case-insensitive for A to Z; or the event's id",
			examples: ['jane@example.com'],
		}),
}

const pageQuery = { pageSize: PageSize.optional(), nextPage: NextPage }

/** A list of one instance's events. */
export const EventsQuery = z.object({ ...pageQuery, ...eventFilter })
/** A list across instances. */
export const AnyEventsQuery = z.object({ ...pageQuery, ...eventFilter, ...instanceFilter })

const exportFormat = {
	format: z.enum(['csv', 'ndjson'], 'expected csv or ndjson').optional().meta({ description: 'ndjson by default' }),
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
			description: 'Continue after this event, like the header `Last-Event-ID`; from now on by default',
			examples: [EVENT_ID],
		}),
})

const accountFilter = {
	'accountIds[]': OptionalStringList.meta({
		description: 'Only the caller’s own account; 403 for another',
		examples: [String(ACCOUNT.id)],
	}),
}

/** Dispositions of one instance's events. */
export const DispositionsQuery = z.object({ from: From, to: To, ...pageQuery, ...accountFilter })
/** Dispositions across instances. */
export const AnyDispositionsQuery = z.object({
	from: From,
	to: To,
	...pageQuery,
	...instanceFilter,
	...accountFilter,
})

const NotificationReference = z.strictObject({
	id: z.number().meta({ description: 'Id of the notification' }),
	status: z.string().meta({ description: 'waiting, claimed, retry, delivered, queued or dropped' }),
	createdDate: z.string(),
	updatedDate: z.string(),
})

/** An event. */
export const EventResponse = z
	.strictObject({
		id: z.string().meta({ description: 'The event id, 20 characters', examples: [EVENT_ID] }),
		eventDate: z.string().meta({ description: 'When the object changed', examples: ['2026-01-31T12:00:00Z'] }),
		recordedDate: z.string().meta({ description: 'When the event was recorded; lists are ordered by it' }),
		lagMs: z
			.number()
			.optional()
			.meta({ description: "From the change's date at the store to its recording; absent: unknown" }),
		status: z
			.enum(EVENT_STATUSES)
			.meta({ description: 'In order: recorded, in a notification, being sent, sent but not accepted, accepted' }),
		providerData: z.string().meta({ description: 'The record as JSON text; {} if it was erased or too large to keep' }),
		variationData: z.string().optional().meta({
			description: 'The records of the variations that changed, a list as JSON text; absent if it is about none',
		}),
		erased: z.literal(true).optional().meta({ description: 'The record was erased' }),
		tooLarge: z.literal(true).optional().meta({ description: 'The record was too large to keep' }),
		recordUrl: z.string().optional().meta({ description: 'URL of a record that was too large to keep' }),
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
		sequence: z.number().meta({ description: "Position in the instance's log" }),
		objectSequence: z.number().meta({ description: 'Counts the events of this object; never goes back' }),
		source: z.enum(['poll', 'webhook', 'reread']),
		event: EventEntryResponse.meta({ description: 'The entry that notifications carry' }),
	})
	.meta({ id: 'Event', examples: [EVENT] })

/** A disposition. */
export const DispositionResponse = z
	.strictObject({
		eventId: z.string(),
		elementInstanceId: z.number(),
		notificationData: z
			.array(
				z.strictObject({
					notificationId: z.number(),
					message: z.string().meta({ description: 'What became of it', examples: ['Delivered, 200'] }),
					payload: InstanceMessage.meta({ description: 'The message as it is sent' }),
				}),
			)
			.meta({ description: 'The notifications that carried it; empty if it was not sent, or not yet' }),
	})
	.meta({ id: 'Disposition', examples: [DISPOSITION] })

const countQuery = {
	from: z
		.string()
		.max(LIMITS.time.value, expectedAtMost('time'))
		.optional()
		.meta({
			description: `Start: the interval that it lies in is counted. ${TIME_FORMATS}. A day before \`to\` by default`,
			examples: ['2026-01-31T12:00:00Z'],
		}),
	to: z
		.string()
		.max(LIMITS.time.value, expectedAtMost('time'))
		.optional()
		.meta({
			description: 'End: the interval that it lies in is counted. Now by default',
			examples: ['2026-01-31T13:00:00Z'],
		}),
	interval: z
		.enum(INTERVALS, `expected one of ${INTERVALS.join(', ')}`)
		.optional()
		.meta({ description: 'hour by default' }),
	...accountFilter,
}
/** Counts of one instance. */
export const CountsQuery = z.object(countQuery)
/** Counts across instances. */
export const AnyCountsQuery = z.object({ ...countQuery, ...instanceFilter })
/** Counts of accounts. */
export const AccountCountsQuery = AnyCountsQuery

const timestamp = z.string().meta({ description: 'Start of the interval, UTC', examples: ['2026-01-31T12:00:00Z'] })
const countFields = {
	count: z.number().meta({ description: 'Events recorded' }),
	success: z.number().meta({ description: 'Of these, accepted by a callback' }),
	failed: z.number().meta({ description: 'Of these, failed for good and waiting to be released' }),
}

/** Total counts. */
export const CountsResponse = z.array(
	z.strictObject({ timestamp, count: z.number() }).meta({ id: 'EventCount', examples: [EVENT_COUNT] }),
)
/** Counts by type. */
export const TypeCountsResponse = z.array(
	z
		.strictObject({
			timestamp,
			total: countFields.count,
			created: z.number(),
			updated: z.number(),
			deleted: z.number(),
			unknown: z.number().meta({ description: 'Counted by an earlier version of Shopbell, which did not keep types' }),
			success: countFields.success,
			failed: countFields.failed,
		})
		.meta({ id: 'TypeEventCount', examples: [TYPE_EVENT_COUNT] }),
)
/** Counts by instance; instances without events are left out. */
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

/** The query of a timeline. */
export const TimelineQuery = z.object(pageQuery)

/** A timeline. */
export const TimelineResponse = z
	.strictObject({
		objectType: z.string(),
		objectId: z.string(),
		elementInstanceId: z.number(),
		state: z.enum(['live', 'hidden', 'unlisted', 'trashed', 'gone']),
		createdDate: z.string().nullable().meta({ description: 'When the store created the record' }),
		modifiedDate: z.string().nullable().meta({ description: 'When the store last modified the record' }),
		acceptedDate: z.string().meta({ description: 'When a change of the record was last accepted' }),
		firstSeenDate: z.string().nullable().meta({
			description: 'When CREATED was recorded; null: it existed before, or that event is not on this page',
		}),
		objectSequence: z.number().meta({ description: 'objectSequence of its last event; 0: none' }),
		heldSince: z.string().nullable().meta({ description: 'Since when its deletion is held' }),
		lookup: z
			.strictObject({ dueDate: z.string(), since: z.string(), reasons: z.array(z.string()) })
			.nullable()
			.meta({ description: 'A pending read by id: when it is due, since when it is pending, and why' }),
		events: z
			.array(
				z.strictObject({
					event: EventResponse,
					confirmedDate: z
						.string()
						.nullable()
						.meta({ description: 'When the other source (poll or webhook) delivered the same state' }),
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
			.meta({ description: 'Oldest first. The first page holds the newest events, the next page those before' }),
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

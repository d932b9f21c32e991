/** The shapes of the event log: what is asked of it, and its records (contract, sections 6 and 11). */
import * as z from 'zod'
import { EVENT_STATUSES } from '../../watcher/log-rpc.ts'
import { Names, NextPage, PageSize } from '../paging.ts'
import { EventEntryAnswer, InstanceMessage } from './entry.ts'

const Moment = z
	.string()
	.max(64, 'expected at most 64 characters')
	.optional()
	.meta({ examples: ['2026-01-31T12:00:00Z'] })
const From = Moment.meta({ description: 'Recorded then or later: ISO 8601, UTC unless it says otherwise, or epoch milliseconds' })
const To = Moment.meta({ description: 'Recorded then or before' })

/** Which instances, where a call is about several. */
const reach = {
	'instanceIds[]': Names.meta({ description: 'Of these instances', examples: ['12'] }),
	'tags[]': Names.meta({ description: 'Of instances with all of these tags' }),
	searchText: z
		.string()
		.max(255, 'expected at most 255 characters')
		.optional()
		.meta({ description: "Of instances with this in their name or their element's key, in any case" }),
}

/** Which events. */
const filter = {
	from: From,
	to: To,
	'eventTypes[]': Names.meta({ description: 'CREATED, UPDATED or DELETED', examples: ['CREATED'] }),
	'resources[]': Names.meta({ description: 'Names of resources, as `objectType` has them', examples: ['orders'] }),
	objectId: z
		.string()
		.max(255, 'expected at most 255 characters')
		.optional()
		.meta({ description: "The object's id", examples: ['17'] }),
	status: Names.meta({ description: EVENT_STATUSES.join(', '), examples: ['NOTIFIED'] }),
	text: z
		.string()
		.max(200, 'expected at most 200 characters')
		.optional()
		.meta({ description: "Somewhere in the record or the object's id, in any case of A to Z; or the event's id" }),
}

const page = { pageSize: PageSize.optional(), nextPage: NextPage }

/** A list of one instance's events. */
export const EventsQuery = z.object({ ...page, ...filter })
/** A list across instances. */
export const AnyEventsQuery = z.object({ ...page, ...filter, ...reach })

const format = {
	format: z.enum(['csv', 'ndjson'], 'expected csv or ndjson').optional().meta({ description: 'ndjson where it is not said' }),
	nextPage: NextPage,
}
/** An export of one instance's events. */
export const ExportQuery = z.object({ ...format, ...filter })
/** An export across instances. */
export const AnyExportQuery = z.object({ ...format, ...filter, ...reach })

/** A stream. */
export const StreamQuery = z.object({
	lastEventId: z
		.string()
		.max(64, 'expected at most 64 characters')
		.optional()
		.meta({ description: 'Go on behind this event, as with the header `Last-Event-ID`; without either, from now on' }),
})

/** Dispositions of one instance's events. */
export const DispositionsQuery = z.object({ from: From, to: To, ...page })
/** Dispositions across instances. */
export const AnyDispositionsQuery = z.object({ from: From, to: To, ...page, ...reach })

const CarriedBy = z.strictObject({
	id: z.number().meta({ description: 'Number of the notification' }),
	status: z.string().meta({ description: 'waiting, claimed, retry, delivered, queued or dropped' }),
	createdDate: z.string(),
	updatedDate: z.string(),
})

/** A record of the log. */
export const EventAnswer = z
	.strictObject({
		id: z.string().meta({ description: 'The id of the change: 20 characters', examples: ['AAAAAAAMAAAAAAAQf3kC'] }),
		eventDate: z.string().meta({ description: 'When the object changed', examples: ['2026-01-31T12:00:00Z'] }),
		recordedDate: z.string().meta({ description: 'When it was recorded, by which lists are ordered' }),
		status: z.enum(EVENT_STATUSES).meta({ description: 'Recorded; in a notification; under way; answered, but not accepted; accepted' }),
		providerData: z.string().meta({ description: 'The record as JSON text; {} once erased, and where it was too large to keep' }),
		erased: z.literal(true).optional().meta({ description: 'The record is no longer kept' }),
		tooLarge: z.literal(true).optional().meta({ description: 'The record was too large to keep' }),
		recordUrl: z.string().optional().meta({ description: 'Where a record is that was too large to keep' }),
		notifiedData: z.array(CarriedBy).meta({ description: 'The notifications that carry it' }),
		eventElementInstances: z.array(
			z.strictObject({
				eventId: z.string(),
				elementInstanceId: z.number(),
				notificationId: z.number(),
				notifiedData: z.array(CarriedBy),
				createdDate: z.string(),
				updatedDate: z.string(),
			}),
		),
		elementInstanceId: z.number(),
		eventType: z.enum(['CREATED', 'UPDATED', 'DELETED']),
		objectType: z.string(),
		objectId: z.string(),
		sequence: z.number().meta({ description: "Its place in the instance's log" }),
		objectSequence: z.number().meta({ description: 'Counts the events of this object' }),
		source: z.enum(['poll', 'webhook', 'reread']),
		event: EventEntryAnswer.meta({ description: 'The entry as notifications carry it' }),
	})
	.meta({ id: 'Event' })

/** What became of an event. */
export const DispositionAnswer = z
	.strictObject({
		eventId: z.string(),
		elementInstanceId: z.number(),
		notificationData: z
			.array(z.strictObject({ message: InstanceMessage }))
			.meta({ description: 'The messages that told of it; none where it was told to nobody, or not yet' }),
	})
	.meta({ id: 'Disposition' })

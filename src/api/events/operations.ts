/** The calls about the event log (docs/contract.md §6, §11). */
import * as z from 'zod'
import { LIMITS } from '../../lib/limits.ts'
import { byIdAndToken, defineOperation, textResponse } from '../http/contract.ts'
import { EVENT_ID } from '../http/examples.ts'
import { EXPORT_CSV, EXPORT_NDJSON, STREAM } from './examples.ts'
import {
	AccountCountsResponse,
	AccountCountsQuery,
	AnyCountsQuery,
	AnyDispositionsQuery,
	AnyEventsQuery,
	AnyExportQuery,
	CountsResponse,
	CountsQuery,
	DispositionResponse,
	DispositionsQuery,
	EventResponse,
	EventsQuery,
	ExportQuery,
	InstanceCountsResponse,
	ObjectParams,
	StreamQuery,
	TimelineResponse,
	TimelineQuery,
} from './schema.ts'

const EventParams = z.object({
	eventId: z.string().meta({ description: 'The id of a change: 20 characters', examples: [EVENT_ID] }),
})

const FILTER_DESCRIPTION = `Of a filter's parts all must hold, of a list's values any. A call looks through 5000 events, with \`text\` through 1000: a page of a
filter that finds little is short, even empty, and still has a next one. Read on until \`Elements-Next-Page-Token\` is absent.`
const ACROSS_INSTANCES_DESCRIPTION = `With an Element token of that instance; otherwise of the organization's instances whose newest event is not older than \`from\`, 200 at most: the order is that of recording.`
const EXPORT_DESCRIPTION = `Up to 100 000 events, newest first, times in UTC. A stream that fails breaks off. NDJSON has a record of the log a line and ends with \`{"complete":true,"events":n}\`,
or, where there are more, or so much was looked through without an end, with \`{"truncated":true,"events":n,"nextPage":"…"}\`; a CSV (without records) that was cut has a last line \`truncated: nextPage=…\`. A text that a spreadsheet
would run as a formula has an apostrophe before it.`
const COUNT_DESCRIPTION = `Each interval is whole, also where \`from\` or \`to\` lies in it: one hour by minute has 61. At most ${LIMITS.intervals.value} of them. By hour and longer what was counted in 400 days is there,
by minute and second what is still in the log, up to 20 000 events of an instance. \`failed\` knows of the first 10 000 notifications that were given up since the range began.`
const EXPORT_RESPONSES = [
	textResponse(
		'application/x-ndjson',
		'A record of the log a line, as JSON, and a last line that says whether that is all',
		EXPORT_NDJSON,
	),
	textResponse('text/csv', 'A line an event, without its record', EXPORT_CSV),
] as const

/** Paths with fixed words before those with `{…}` in the same place. */
export const eventOperations = {
	listAnyEvents: defineOperation({
		method: 'get',
		path: '/instances/events',
		tag: 'Events',
		summary: 'List events',
		description: `Newest first. ${ACROSS_INSTANCES_DESCRIPTION}\n\n${FILTER_DESCRIPTION}`,
		access: 'caller',
		query: AnyEventsQuery,
		answer: z.array(EventResponse),
		errors: [404],
	}),
	exportAnyEvents: defineOperation({
		method: 'get',
		path: '/instances/events/export',
		tag: 'Events',
		summary: 'Export events',
		description: `${ACROSS_INSTANCES_DESCRIPTION}\n\n${EXPORT_DESCRIPTION}`,
		access: 'caller',
		query: AnyExportQuery,
		answer: EXPORT_RESPONSES,
		errors: [404],
	}),
	listAnyDispositions: defineOperation({
		method: 'get',
		path: '/instances/events/dispositions',
		tag: 'Events',
		summary: 'List dispositions',
		description: `What became of each event: the messages that told of it. ${ACROSS_INSTANCES_DESCRIPTION}`,
		access: 'caller',
		query: AnyDispositionsQuery,
		answer: z.array(DispositionResponse),
		errors: [404],
	}),
	countAnyEvents: defineOperation({
		method: 'get',
		path: '/instances/events/analytics',
		tag: 'Events',
		summary: 'Count events',
		description: `${ACROSS_INSTANCES_DESCRIPTION}\n\n${COUNT_DESCRIPTION}`,
		access: 'caller',
		query: AnyCountsQuery,
		answer: CountsResponse,
		errors: [404],
	}),
	countEventsByInstance: defineOperation({
		method: 'get',
		path: '/instances/events/analytics/instances',
		tag: 'Events',
		summary: 'Count events by instance',
		description: `${ACROSS_INSTANCES_DESCRIPTION}\n\n${COUNT_DESCRIPTION}`,
		access: 'caller',
		query: AnyCountsQuery,
		answer: InstanceCountsResponse,
		errors: [404],
	}),
	countEventsByAccount: defineOperation({
		method: 'get',
		path: '/instances/events/analytics/accounts',
		tag: 'Events',
		summary: 'Count events by account',
		description: COUNT_DESCRIPTION,
		access: 'account',
		query: AccountCountsQuery,
		answer: AccountCountsResponse,
		errors: [404],
	}),
	...byIdAndToken('streamEvents', {
		method: 'get',
		path: '/events/stream',
		tag: 'Events',
		summary: 'Stream events of an instance',
		description: `Server-sent events, as changes are recorded. Each event once, in the order of the log: \`id\` its id, \`event: event\`, \`data\` its record in the log. Within a second or, after a quiet time, five.
\`event: gap\` says how many events have left the log before they could be told, \`event: end\` that the instance was disabled or deleted. A comment every 15 s; after 10 minutes
the stream ends, and the client comes again with \`Last-Event-ID\`, as \`EventSource\` does by itself. It begins with an \`id\` of its own, so that nothing is lost where no event
came before.`,
		query: StreamQuery,
		answer: textResponse('text/event-stream', 'Server-sent events', STREAM),
		errors: [409],
	}),
	getAnyEvent: defineOperation({
		method: 'get',
		path: '/instances/events/{eventId}',
		tag: 'Events',
		summary: 'Get an event',
		description: 'By its id, from whichever instance of the caller it is: an event’s id finds its instance.',
		access: 'caller',
		params: EventParams,
		answer: EventResponse,
	}),
	listEvents: defineOperation({
		method: 'get',
		path: '/instances/{id}/events',
		tag: 'Events',
		summary: 'List events of an instance',
		description: `Newest first. ${FILTER_DESCRIPTION}`,
		access: 'instance',
		query: EventsQuery,
		answer: z.array(EventResponse),
	}),
	exportEvents: defineOperation({
		method: 'get',
		path: '/instances/{id}/events/export',
		tag: 'Events',
		summary: 'Export events of an instance',
		description: EXPORT_DESCRIPTION,
		access: 'instance',
		query: ExportQuery,
		answer: EXPORT_RESPONSES,
	}),
	countEvents: defineOperation({
		method: 'get',
		path: '/instances/{id}/events/analytics',
		tag: 'Events',
		summary: 'Count events of an instance',
		description: COUNT_DESCRIPTION,
		access: 'instance',
		query: CountsQuery,
		answer: CountsResponse,
	}),
	listDispositions: defineOperation({
		method: 'get',
		path: '/instances/{id}/events/dispositions',
		tag: 'Events',
		summary: 'List dispositions of an instance',
		description: 'What became of each event: the messages that told of it.',
		access: 'instance',
		query: DispositionsQuery,
		answer: z.array(DispositionResponse),
	}),
	getEvent: defineOperation({
		method: 'get',
		path: '/instances/{id}/events/{eventId}',
		tag: 'Events',
		summary: 'Get an event of an instance',
		access: 'instance',
		params: EventParams,
		answer: EventResponse,
	}),
	...byIdAndToken('getTimeline', {
		method: 'get',
		path: '/objects/{resource}/{objectId}/timeline',
		tag: 'Events',
		summary: 'Get the timeline of an object',
		description:
			'Everything known of it: its state, its events and what became of them. Of an object of a watched resource, by its label. Its events are found without looking through the log.',
		params: ObjectParams,
		query: TimelineQuery,
		answer: TimelineResponse,
		errors: [404],
	}),
}

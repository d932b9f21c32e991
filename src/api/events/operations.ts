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
	TypeCountsResponse,
} from './schema.ts'

const EventParams = z.object({
	eventId: z.string().meta({ description: 'The event id, 20 characters', examples: [EVENT_ID] }),
})

const FILTER_DESCRIPTION = `Events must match every filter and, within a list, any of its values. A call searches 5,000
events, or 1,000 with \`text\`, so a page can be short or empty and still have a next page. Continue until
\`Elements-Next-Page-Token\` is absent.`
const ACROSS_INSTANCES_DESCRIPTION = `With an Element token, events of that instance. Otherwise events of the
organization's instances whose newest event is not older than \`from\`, at most 200 instances. Events are ordered by the
time they were recorded.`
const EXPORT_DESCRIPTION = `Exports up to 100,000 events, newest first, with times in UTC. NDJSON has one event per line
and ends with \`{"complete":true,"events":n}\` or, if there are more events or the search was too long, with
\`{"truncated":true,"events":n,"nextPage":"…"}\`. CSV has no records; a truncated file ends with the line
\`truncated: nextPage=…\`. Text that a spreadsheet would run as a formula starts with an apostrophe. If an export fails,
the response is cut off.`
const COUNT_DESCRIPTION = `Counts whole intervals, including those that \`from\` and \`to\` lie in: one hour by minute
has 61. At most ${LIMITS.intervals.value} intervals. Counts by hour or longer are kept for 400 days. Counts by minute or
second cover the events that are still in the log, up to 20,000 per instance. \`failed\` covers the first 10,000
notifications that failed for good since the start of the range.`
const EXPORT_RESPONSES = [
	textResponse(
		'application/x-ndjson',
		'One event per line as JSON, and a last line that says whether the export is complete',
		EXPORT_NDJSON,
	),
	textResponse('text/csv', 'One event per line, without its record', EXPORT_CSV),
] as const

/** Fixed path segments before `{…}` in the same place. */
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
		description: `Returns the messages that carried each event. ${ACROSS_INSTANCES_DESCRIPTION}`,
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
		description: `Streams changes as server-sent events. Each event is sent once, in the order of the log, within a second
or, after a quiet period, within five: \`id\` is its id, \`event\` is \`event\` and \`data\` is its log entry.
\`event: gap\` says how many events left the log before they were sent. \`event: end\` says that the instance was
disabled or deleted. A comment is sent every 15 s. The stream ends after 10 minutes; reconnect with \`Last-Event-ID\`,
as \`EventSource\` does. It starts with an \`id\`, so that no event is lost if none was sent before.`,
		query: StreamQuery,
		answer: textResponse('text/event-stream', 'Server-sent events', STREAM),
		errors: [409],
	}),
	getAnyEvent: defineOperation({
		method: 'get',
		path: '/instances/events/{eventId}',
		tag: 'Events',
		summary: 'Get an event',
		description: 'Finds an event of any of your instances by its id.',
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
	countEventsByType: defineOperation({
		method: 'get',
		path: '/instances/{id}/events/analytics/types',
		tag: 'Events',
		summary: 'Count events of an instance by type',
		description: COUNT_DESCRIPTION,
		access: 'instance',
		query: CountsQuery,
		answer: TypeCountsResponse,
	}),
	listDispositions: defineOperation({
		method: 'get',
		path: '/instances/{id}/events/dispositions',
		tag: 'Events',
		summary: 'List dispositions of an instance',
		description: 'Returns the messages that carried each event.',
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
			'Returns the state of an object of a watched resource, its events and their deliveries. Its events are found ' +
			'without searching the log.',
		params: ObjectParams,
		query: TimelineQuery,
		answer: TimelineResponse,
		errors: [404],
	}),
}

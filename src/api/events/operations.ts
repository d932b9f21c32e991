/** The calls about the event log (contract, sections 6 and 11). */
import * as z from 'zod'
import { LIMITS } from '../../lib/limits.ts'
import { both, operation, text } from '../http/contract.ts'
import { EVENT_ID } from '../http/examples.ts'
import { EXPORT_CSV, EXPORT_NDJSON, STREAM } from './examples.ts'
import {
	AccountCountsAnswer,
	AccountCountsQuery,
	AnyCountsQuery,
	AnyDispositionsQuery,
	AnyEventsQuery,
	AnyExportQuery,
	CountsAnswer,
	CountsQuery,
	DispositionAnswer,
	DispositionsQuery,
	EventAnswer,
	EventsQuery,
	ExportQuery,
	InstanceCountsAnswer,
	ObjectOfResource,
	StreamQuery,
	TimelineAnswer,
	TimelineQuery,
} from './schema.ts'

const EventId = z.object({
	eventId: z.string().meta({ description: 'The id of a change: 20 characters', examples: [EVENT_ID] }),
})

const FILTERED = `Of a filter's parts all must hold, of a list's values any. A call looks through 5000 events, with \`text\` through 1000: a page of a
filter that finds little is short, even empty, and still has a next one. Read on until \`Elements-Next-Page-Token\` is absent.`
const ACROSS = `With an Element token of that instance; otherwise of the organization's instances whose newest event is not older than \`from\`, 200 at most: the order is that of recording.`
const EXPORTED = `Up to 100 000 events, newest first, times in UTC. A stream that fails breaks off. NDJSON has a record of the log a line and ends with \`{"complete":true,"events":n}\`,
or, where there are more, or so much was looked through without an end, with \`{"truncated":true,"events":n,"nextPage":"…"}\`; a CSV (without records) that was cut has a last line \`truncated: nextPage=…\`. A text that a spreadsheet
would run as a formula has an apostrophe before it.`
const COUNTED = `Each interval is whole, also where \`from\` or \`to\` lies in it: one hour by minute has 61. At most ${LIMITS.intervals.value} of them. By hour and longer what was counted in 400 days is there,
by minute and second what is still in the log, up to 20 000 events of an instance. \`failed\` knows of the first 10 000 notifications that were given up since the range began.`
const EXPORT = [
	text('application/x-ndjson', 'A record of the log a line, as JSON, and a last line that says whether that is all', EXPORT_NDJSON),
	text('text/csv', 'A line an event, without its record', EXPORT_CSV),
] as const

/** Paths with fixed words before those with `{…}` in the same place. */
export const eventOperations = {
	listAnyEvents: operation({
		method: 'get',
		path: '/instances/events',
		tag: 'Events',
		summary: 'List events',
		description: `Newest first. ${ACROSS}\n\n${FILTERED}`,
		access: 'caller',
		query: AnyEventsQuery,
		answer: z.array(EventAnswer),
		errors: [404],
	}),
	exportAnyEvents: operation({
		method: 'get',
		path: '/instances/events/export',
		tag: 'Events',
		summary: 'Export events',
		description: `${ACROSS}\n\n${EXPORTED}`,
		access: 'caller',
		query: AnyExportQuery,
		answer: EXPORT,
		errors: [404],
	}),
	listAnyDispositions: operation({
		method: 'get',
		path: '/instances/events/dispositions',
		tag: 'Events',
		summary: 'List dispositions',
		description: `What became of each event: the messages that told of it. ${ACROSS}`,
		access: 'caller',
		query: AnyDispositionsQuery,
		answer: z.array(DispositionAnswer),
		errors: [404],
	}),
	countAnyEvents: operation({
		method: 'get',
		path: '/instances/events/analytics',
		tag: 'Events',
		summary: 'Count events',
		description: `${ACROSS}\n\n${COUNTED}`,
		access: 'caller',
		query: AnyCountsQuery,
		answer: CountsAnswer,
		errors: [404],
	}),
	countEventsByInstance: operation({
		method: 'get',
		path: '/instances/events/analytics/instances',
		tag: 'Events',
		summary: 'Count events by instance',
		description: `${ACROSS}\n\n${COUNTED}`,
		access: 'caller',
		query: AnyCountsQuery,
		answer: InstanceCountsAnswer,
		errors: [404],
	}),
	countEventsByAccount: operation({
		method: 'get',
		path: '/instances/events/analytics/accounts',
		tag: 'Events',
		summary: 'Count events by account',
		description: COUNTED,
		access: 'account',
		query: AccountCountsQuery,
		answer: AccountCountsAnswer,
		errors: [404],
	}),
	...both('streamEvents', {
		method: 'get',
		path: '/events/stream',
		tag: 'Events',
		summary: 'Stream events of an instance',
		description: `Server-sent events, as changes are recorded. Each event once, in the order of the log: \`id\` its id, \`event: event\`, \`data\` its record in the log. Within a second or, after a quiet time, five.
\`event: gap\` says how many events have left the log before they could be told, \`event: end\` that the instance was disabled or deleted. A comment every 15 s; after 10 minutes
the stream ends, and the client comes again with \`Last-Event-ID\`, as \`EventSource\` does by itself. It begins with an \`id\` of its own, so that nothing is lost where no event
came before.`,
		query: StreamQuery,
		answer: text('text/event-stream', 'Server-sent events', STREAM),
		errors: [409],
	}),
	getAnyEvent: operation({
		method: 'get',
		path: '/instances/events/{eventId}',
		tag: 'Events',
		summary: 'Get an event',
		description: 'By its id, from whichever instance of the caller it is: an event’s id finds its instance.',
		access: 'caller',
		params: EventId,
		answer: EventAnswer,
	}),
	listEvents: operation({
		method: 'get',
		path: '/instances/{id}/events',
		tag: 'Events',
		summary: 'List events of an instance',
		description: `Newest first. ${FILTERED}`,
		access: 'instance',
		query: EventsQuery,
		answer: z.array(EventAnswer),
	}),
	exportEvents: operation({
		method: 'get',
		path: '/instances/{id}/events/export',
		tag: 'Events',
		summary: 'Export events of an instance',
		description: EXPORTED,
		access: 'instance',
		query: ExportQuery,
		answer: EXPORT,
	}),
	countEvents: operation({
		method: 'get',
		path: '/instances/{id}/events/analytics',
		tag: 'Events',
		summary: 'Count events of an instance',
		description: COUNTED,
		access: 'instance',
		query: CountsQuery,
		answer: CountsAnswer,
	}),
	listDispositions: operation({
		method: 'get',
		path: '/instances/{id}/events/dispositions',
		tag: 'Events',
		summary: 'List dispositions of an instance',
		description: 'What became of each event: the messages that told of it.',
		access: 'instance',
		query: DispositionsQuery,
		answer: z.array(DispositionAnswer),
	}),
	getEvent: operation({
		method: 'get',
		path: '/instances/{id}/events/{eventId}',
		tag: 'Events',
		summary: 'Get an event of an instance',
		access: 'instance',
		params: EventId,
		answer: EventAnswer,
	}),
	...both('getTimeline', {
		method: 'get',
		path: '/objects/{resource}/{objectId}/timeline',
		tag: 'Events',
		summary: 'Get the timeline of an object',
		description:
			'Everything known of it: its state, its events and what became of them. Of an object of a watched resource, by its label. Its events are found without looking through the log.',
		params: ObjectOfResource,
		query: TimelineQuery,
		answer: TimelineAnswer,
		errors: [404],
	}),
}

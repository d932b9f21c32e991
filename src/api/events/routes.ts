/** Mounts the calls about the event log. */
import { mountOperations, type Api } from '../http/serve.ts'
import {
	countEventsByAccount,
	countEventsByInstance,
	countEventsByType,
	countInstanceEvents,
	countEvents,
} from './analytics.ts'
import { listInstanceDispositions, listDispositionsAcrossInstances } from './dispositions.ts'
import { exportEvents, exportInstanceEvents } from './export.ts'
import { listEventsAcrossInstances, listInstanceEvents, getEventById } from './log.ts'
import { eventOperations } from './operations.ts'
import { streamEvents } from './stream.ts'
import { getTimeline } from './timeline.ts'

/** Mounts the calls. */
export function mountEventRoutes(api: Api): void {
	mountOperations(api, eventOperations, {
		listAnyEvents: (c, { query }) => listEventsAcrossInstances(c, query),
		exportAnyEvents: (c, { query }) => exportEvents(c, query),
		listAnyDispositions: (c, { query }) => listDispositionsAcrossInstances(c, query),
		countAnyEvents: (c, { query }) => countEvents(c, query),
		countEventsByInstance: (c, { query }) => countEventsByInstance(c, query),
		countEventsByAccount: (c, { query }) => countEventsByAccount(c as never, query),
		countEvents: (c, { query }) => countInstanceEvents(c, query),
		countEventsByType: (c, { query }) => countEventsByType(c, query),
		getTimeline: (c, { params, query }) => getTimeline(c, params.resource, params.objectId, query),
		streamEvents: (c, { query }) => streamEvents(c, query.lastEventId),
		getAnyEvent: (c, { params }) => getEventById(c, params.eventId, null),
		listEvents: (c, { query }) => listInstanceEvents(c, query),
		exportEvents: (c, { query }) => exportInstanceEvents(c, query),
		listDispositions: (c, { query }) => listInstanceDispositions(c, query),
		getEvent: (c, { params }) => getEventById(c, params.eventId, c.var.instance.id),
	})
}

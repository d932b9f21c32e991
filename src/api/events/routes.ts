/** Puts what the calls about the event log do behind them. */
import { serve, type Api } from '../http/serve.ts'
import { countsByAccount, countsByInstance, countsOf, countsOfAny } from './analytics.ts'
import { dispositionsOf, dispositionsOfAny } from './dispositions.ts'
import { exportAny, exportOf } from './export.ts'
import { listAny, listOf, showOne } from './log.ts'
import { eventOperations } from './operations.ts'
import { stream } from './stream.ts'
import { timeline } from './timeline.ts'

/** Mounts the calls. */
export function declareEvents(api: Api): void {
	serve(api, eventOperations, {
		listAnyEvents: (c, { query }) => listAny(c, query),
		exportAnyEvents: (c, { query }) => exportAny(c, query),
		listAnyDispositions: (c, { query }) => dispositionsOfAny(c, query),
		countAnyEvents: (c, { query }) => countsOfAny(c, query),
		countEventsByInstance: (c, { query }) => countsByInstance(c, query),
		countEventsByAccount: (c, { query }) => countsByAccount(c as never, query),
		countEvents: (c, { query }) => countsOf(c, query),
		getTimeline: (c, { params, query }) => timeline(c, params.resource, params.objectId, query),
		streamEvents: (c, { query }) => stream(c, query.lastEventId),
		getAnyEvent: (c, { params }) => showOne(c, params.eventId, null),
		listEvents: (c, { query }) => listOf(c, query),
		exportEvents: (c, { query }) => exportOf(c, query),
		listDispositions: (c, { query }) => dispositionsOf(c, query),
		getEvent: (c, { params }) => showOne(c, params.eventId, c.var.instance.id),
	})
}

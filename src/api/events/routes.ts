/** Puts what the calls about the event log do behind them. */
import { serve, type Api } from '../serve.ts'
import { dispositionsOf, dispositionsOfAny } from './dispositions.ts'
import { exportAny, exportOf } from './export.ts'
import { listAny, listOf, showOne } from './log.ts'
import { eventOperations } from './operations.ts'
import { stream } from './stream.ts'

/** Mounts the calls. */
export function declareEvents(api: Api): void {
	serve(api, eventOperations, {
		listAnyEvents: (c, { query }) => listAny(c, query),
		exportAnyEvents: (c, { query }) => exportAny(c, query),
		listAnyDispositions: (c, { query }) => dispositionsOfAny(c, query),
		streamEvents: (c, { query }) => stream(c, query.lastEventId),
		getAnyEvent: (c, { params }) => showOne(c, params.eventId, null),
		listEvents: (c, { query }) => listOf(c, query),
		exportEvents: (c, { query }) => exportOf(c, query),
		listDispositions: (c, { query }) => dispositionsOf(c, query),
		getEvent: (c, { params }) => showOne(c, params.eventId, c.var.instance.id),
	})
}

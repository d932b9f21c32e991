/** The live rows of the log, and the page of one event. */
import { NotFound } from '../../../lib/errors.ts'
import { callOperation } from '../../http/call.ts'
import { can, type SignedInContext } from '../../http/environment.ts'
import { requireOk } from '../../http/errors.tsx'
import { redirectTo } from '../../http/messages.ts'
import type { PageSet } from '../../http/pages.ts'
import { renderPage, renderPart } from '../../http/render.ts'
import { CopyButton } from '../../parts/code.tsx'
import { getApiBase, getInstanceId, toEventPath, type EventRecord } from './data.ts'
import { EventHeading, EventMeta, EventPage, toEventTitle, type Delivery } from './event-page.tsx'
import { EventRow, NEWEST_EVENTS } from './events.tsx'
import { InstanceSubPage } from './frame.tsx'
import { toRowMessages, toRowStream } from './live.ts'
import { toSnippet } from './snippets.ts'

/** Mounts the pages. */
export function mountEvents({ signedIn }: PageSet): void {
	signedIn.page('/instances/:id/events/live', streamRows)
	signedIn.page('/instances/:id/events/:eventId', showEvent)
	signedIn.page('/instances/:id/events/:eventId/row', showEventRow)
	signedIn.form('/instances/:id/events/:eventId/again', deliverAgain)
}

/** New events as rows (the pattern *tail*). Closes when the page is hidden, and goes on after the last row. */
async function streamRows(c: SignedInContext): Promise<Response> {
	const lastEventId = c.req.header('Last-Event-ID')
	const params = { id: getInstanceId(c) }
	const result = await callOperation(
		c,
		'streamEvents',
		{ params },
		{
			accept: 'text/event-stream',
			signal: c.req.raw.signal,
			...(lastEventId === undefined ? {} : { lastEventId }),
		},
	)
	const stream = requireOk(result)
	const render = (json: string): string =>
		String(<EventRow event={JSON.parse(json) as EventRecord} now={c.var.services.now()} />)
	// A page without rows names no event to go on after. What the stream sends again replaces its row.
	const query = { pageSize: NEWEST_EVENTS }
	const present = lastEventId === undefined ? requireOk(await callOperation(c, 'listEvents', { params, query })) : []
	const body = stream
		.body!.pipeThrough(new TextDecoderStream())
		.pipeThrough(toRowStream(render, toRowMessages(present, render)))
		.pipeThrough(new TextEncoderStream())
	return new Response(body, { headers: stream.headers })
}

async function readEvent(c: SignedInContext): Promise<EventRecord> {
	const params = { id: getInstanceId(c), eventId: c.req.param('eventId') ?? '' }
	return requireOk(await callOperation(c, 'getEvent', { params }))
}

/** How many notifications of an event are shown with their attempts. */
const MAX_DELIVERIES = 10

async function showEvent(c: SignedInContext): Promise<Response> {
	const [found, event] = await Promise.all([
		callOperation(c, 'getInstance', { params: { id: getInstanceId(c) } }),
		readEvent(c),
	])
	const instance = requireOk(found)
	const { objectType: resource, objectId } = event
	const [timeline, ...deliveries] = await Promise.all([
		event.event.test === true
			? null
			: callOperation(c, 'getTimeline', {
					params: { id: getInstanceId(c), resource, objectId },
					query: { pageSize: 50 },
				}),
		...event.notifiedData.slice(0, MAX_DELIVERIES).map(async ({ id, status }): Promise<Delivery> => {
			const attempts = await callOperation(c, 'listAttempts', { params: { id: String(id) } })
			return { notificationId: id, status, attempts: attempts.ok ? attempts.body : [] }
		}),
	])
	const { viewer, message } = c.var
	const now = c.var.services.now()
	return await renderPage(
		c,
		<InstanceSubPage
			instance={instance}
			viewer={viewer}
			now={now}
			title={toEventTitle(event)}
			heading={<EventHeading event={event} />}
			meta={<EventMeta event={event} now={now} />}
			actions={<CopyButton value={toEventCall(c, event)}>Copy as curl</CopyButton>}
			message={message}
		>
			<EventPage
				event={event}
				deliveries={deliveries}
				timeline={timeline?.ok === true ? timeline.body : null}
				csrf={can(viewer, 'developer') ? viewer.csrf : null}
				now={now}
			/>
		</InstanceSubPage>,
	)
}

function toEventCall(c: SignedInContext, { elementInstanceId, id }: EventRecord): string {
	return toSnippet('curl', getApiBase(c), { method: 'GET', path: `/instances/${elementInstanceId}/events/${id}` })
}

/** Sends a notification of the event again. */
async function deliverAgain(c: SignedInContext, form: URLSearchParams): Promise<Response> {
	const event = await readEvent(c)
	const notification = event.notifiedData.find(({ id }) => String(id) === form.get('notification'))
	if (notification === undefined) throw new NotFound('No notification of this event has this id')
	const result = await callOperation(c, 'replayNotification', { params: { id: String(notification.id) } })
	if (!result.ok && ![409, 429, 502, 503].includes(result.status)) return requireOk<Response>(result)
	return redirectTo(
		c,
		toEventPath(event),
		result.ok
			? { kind: 'ok', text: `Notification ${notification.id} is delivered again, with the same id.` }
			: { kind: 'bad', text: result.message },
	)
}

async function showEventRow(c: SignedInContext): Promise<Response> {
	return await renderPart(c, <EventRow event={await readEvent(c)} now={c.var.services.now()} />)
}

/** `GET …/events/stream`: the edge polls the instance's object (docs/architecture.md, Event log). */
import { BadRequest, Conflict } from '../../lib/errors.ts'
import { computeEventTag, formatEventId, parseEventId } from '../../events/ids.ts'
import { parseMasterKeys } from '../../lib/sealing.ts'
import type { InstanceContext } from '../http/environment.ts'
import { isOwnEvent } from './log.ts'
import { streamText } from './sse.ts'
import { toEventResponse } from './view.ts'
import { callWatcher } from '../http/ask.ts'

/**
 * Streams events after that of `Last-Event-ID`, or from now. 400 for an id of another instance, 409 if the instance
 * has no events.
 */
export async function streamEvents(c: InstanceContext, lastEventId: string | undefined): Promise<Response> {
	const { instance, services } = c.var
	if (!instance.enabled) throw new Conflict('This instance is disabled; enable it first')
	if (!instance.eventsEnabled) throw new Conflict('This instance has no events; set event.notification.enabled to true')
	const last = await callWatcher(c, (watcher) => watcher.eventsAfter(null, 1)).then((tail) => tail.last)
	const after = parseLastEventId(c, lastEventId ?? c.req.header('Last-Event-ID') ?? '', last)
	const closed = new AbortController()
	c.req.raw.signal.addEventListener('abort', () => closed.abort())
	const watcher = services.watcher(instance)
	const key = parseMasterKeys(c.env.MASTER_KEYS)[0]!.bytes
	const chunks = streamText(after ?? last, {
		read: (position, limit) => watcher.eventsAfter(position, limit),
		// Computed, since the event may have left the log, and an empty log has none.
		formatEventId: (sequence) =>
			formatEventId(instance.id, sequence, computeEventTag(key, instance.incarnation, sequence)),
		show: (row) => JSON.stringify(toEventResponse(instance.id, row)),
		now: () => services.now(),
		wait: (ms) => services.wait(ms, closed.signal),
		isClosed: () => closed.signal.aborted,
	})
	const encoder = new TextEncoder()
	const body = new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				const chunk = await chunks.next()
				if (chunk.done === true) controller.close()
				else controller.enqueue(encoder.encode(chunk.value))
			},
			cancel() {
				closed.abort()
			},
		},
		{ highWaterMark: 0 },
	)
	return new Response(body, {
		headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' },
	})
}

/** The sequence of an event id; null: none was given. */
function parseLastEventId(c: InstanceContext, eventId: string, last: number): number | null {
	if (eventId === '') return null
	const position = parseEventId(eventId)
	if (position === null || !isOwnEvent(c, c.var.instance, position) || position.sequence > last)
		throw new BadRequest("Last-Event-ID: expected the id of one of this instance's events")
	return position.sequence
}

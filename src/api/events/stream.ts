/** `GET …/events/stream`: held by the edge, which asks the instance's object (design, Faces). */
import { BadRequest, Conflict } from '../../lib/errors.ts'
import { eventTag, formatEventId } from '../../events/ids.ts'
import { masterKeys } from '../../lib/sealing.ts'
import type { InstanceContext } from '../http/environment.ts'
import { provenPosition } from './log.ts'
import { streamText } from './sse.ts'
import { showEvent } from './view.ts'
import { ask } from '../http/ask.ts'

/** Answers with a stream that begins behind the event of `Last-Event-ID`, or now. 400 for an id that is none of this instance's, 409 while nothing could follow. */
export async function stream(c: InstanceContext, lastEventId: string | undefined): Promise<Response> {
	const { instance, services } = c.var
	if (!instance.enabled) throw new Conflict('This instance is disabled; enable it first')
	if (!instance.eventsEnabled) throw new Conflict('This instance has no events; set event.notification.enabled to true')
	const last = await ask(c, (watcher) => watcher.eventsAfter(null, 1)).then((tail) => tail.last)
	const after = afterOf(c, lastEventId ?? c.req.header('Last-Event-ID') ?? '', last)
	// Whoever connects anew knows from the first answer on what was recorded, not from the first question of the stream.
	const gone = new AbortController()
	c.req.raw.signal.addEventListener('abort', () => gone.abort())
	const watcher = services.watcher(instance.id)
	const key = masterKeys(c.env.MASTER_KEYS)[0]!.bytes
	const pieces = streamText(after ?? last, {
		read: (position, limit) => watcher.eventsAfter(position, limit),
		// Not read from the log: its last event may have left it, and an empty one has none.
		idOf: (sequence) => formatEventId(instance.id, sequence, eventTag(key, instance.id, sequence)),
		show: (row) => JSON.stringify(showEvent(instance.id, row)),
		now: () => services.now(),
		wait: (ms) => services.wait(ms, gone.signal),
		gone: () => gone.signal.aborted,
	})
	const encoder = new TextEncoder()
	const body = new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				const piece = await pieces.next()
				if (piece.done === true) controller.close()
				else controller.enqueue(encoder.encode(piece.value))
			},
			cancel() {
				gone.abort()
			},
		},
		{ highWaterMark: 0 },
	)
	return new Response(body, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' } })
}

/** The place of an event's id in the log; null: none was given. */
function afterOf(c: InstanceContext, eventId: string, last: number): number | null {
	if (eventId === '') return null
	const position = provenPosition(c, eventId)
	if (position === null || position.instanceId !== c.var.instance.id || position.sequence > last)
		throw new BadRequest("Last-Event-ID: expected the id of one of this instance's events")
	return position.sequence
}

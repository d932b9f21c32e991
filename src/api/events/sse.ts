/**
 * A stream of server-sent events over a log that is asked again and again: a pure loop, given how to ask, the clock and how to wait (HTML
 * standard, Server-sent events; design, Faces).
 */
import type { EventRow, EventTail } from '../../rpc/log.ts'

/** Between two questions: at least, more after each that found nothing, at most. */
const LEAST_WAIT_MS = 1_000
const WAIT_STEP_MS = 500
const MOST_WAIT_MS = 5_000
/** So long nothing is said at most: proxies close what is silent. */
const HEARTBEAT_MS = 15_000
/** So long a stream lasts; then the client comes again, after `RETRY_MS`. */
const LIFE_MS = 10 * 60_000
const RETRY_MS = 1_000
/** Events of a question. */
const AT_A_TIME = 100

/** What a stream is made of. */
export interface StreamPorts {
	/** What was recorded after a sequence. `unknown`: the instance is gone. */
	read(after: number, limit: number): Promise<EventTail | 'unknown'>
	/** The record of an event, JSON text without line breaks. */
	show(row: EventRow): string
	/** What a client names that has seen everything up to a sequence: an event's id, of one that may be gone too; 0: the empty log's. */
	idOf(sequence: number): string
	/** Epoch ms. */
	now(): number
	/** Resolves after so many ms, or as soon as the client is gone. */
	wait(ms: number): Promise<void>
	/** The client is gone. */
	gone(): boolean
}

/**
 * The text of a stream, piece by piece: every event after a sequence once, in the order of the log. Beside events it says
 * `gap` where events have left the log before they could be told, and `end` when the instance was disabled or deleted.
 *
 * It begins with the id of where it stands, so that who comes again after a quiet time goes on there: an `id` without `data` is no
 * event, yet it sets the last event id (HTML standard, 9.2.6: dispatching sets that before it looks at the data).
 */
export async function* streamText(after: number, ports: StreamPorts): AsyncGenerator<string, undefined> {
	const endMs = ports.now() + LIFE_MS
	let saidMs = ports.now()
	let position = after
	let quiet = 0
	yield `retry: ${RETRY_MS}\nid: ${ports.idOf(after)}\n\n`
	while (!ports.gone()) {
		const tail = await ports.read(position, AT_A_TIME)
		if (ports.gone()) return
		if (tail === 'unknown') {
			yield message('end', { reason: 'deleted' })
			return
		}
		let text = ''
		for (const row of tail.events) {
			text += gapText(position, row.sequence - 1, ports)
			text += message('event', ports.show(row), row.eventId)
			position = row.sequence
		}
		// What the log no longer has, and nothing after it that it has.
		if (tail.events.length === 0) {
			text += gapText(position, tail.last, ports)
			position = tail.last
		}
		const caughtUp = position >= tail.last
		if (!tail.running && caughtUp) {
			yield text + message('end', { reason: 'disabled' })
			return
		}
		if (ports.now() >= endMs) {
			yield `${text}retry: ${RETRY_MS}\n\n`
			return
		}
		if (text === '' && ports.now() - saidMs >= HEARTBEAT_MS) text = ': heartbeat\n\n'
		if (text !== '') {
			yield text
			saidMs = ports.now()
		}
		quiet = tail.events.length > 0 ? 0 : quiet + 1
		if (caughtUp)
			await ports.wait(Math.min(waitMs(quiet), Math.max(1, saidMs + HEARTBEAT_MS - ports.now()), Math.max(1, endMs - ports.now())))
	}
}

/** How long to wait before the next question, after so many that found nothing. */
export function waitMs(quiet: number): number {
	return Math.min(MOST_WAIT_MS, LEAST_WAIT_MS + WAIT_STEP_MS * Math.max(0, quiet - 1))
}

/** What is missing between what was told and what is there. */
function gapText(position: number, upTo: number, ports: StreamPorts): string {
	if (upTo <= position) return ''
	const said = {
		message: 'Events have left the log before they could be told',
		from: position + 1,
		to: upTo,
		events: upTo - position,
	}
	return message('gap', said, ports.idOf(upTo))
}

function message(type: string, data: object | string, id?: string): string {
	return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

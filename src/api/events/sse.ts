/**
 * A stream of server-sent events over a log that is asked again and again: a pure loop, given how to ask, the clock and
 * how to wait (HTML standard, Server-sent events; docs/architecture.md, Reading the log).
 */
import type { EventReport, EventTail } from '../../rpc/log.ts'

/** Between two questions: at least, more after each that found nothing, at most. */
const MIN_WAIT_MS = 1_000
const WAIT_STEP_MS = 500
const MAX_WAIT_MS = 5_000
/** So long nothing is said at most: proxies close what is silent. */
const HEARTBEAT_MS = 15_000
/** So long a stream lasts; then the client comes again, after `RETRY_MS`. */
const MAX_STREAM_MS = 10 * 60_000
const RETRY_MS = 1_000
/** Events of a question. */
const EVENTS_PER_READ = 100

/** What a stream is made of. */
export interface StreamPorts {
	/** What was recorded after a sequence. `unknown`: the instance is gone. */
	read(after: number, limit: number): Promise<EventTail | 'unknown'>
	/** The record of an event, JSON text without line breaks. */
	show(row: EventReport): string
	/**
	 * What a client names that has seen everything up to a sequence: an event's id, of one that may be gone too; 0: the
	 * empty log's.
	 */
	formatEventId(sequence: number): string
	/** Epoch ms. */
	now(): number
	/** Resolves after so many ms, or as soon as the client is gone. */
	wait(ms: number): Promise<void>
	/** The client is gone. */
	isClosed(): boolean
}

/**
 * The text of a stream, piece by piece: every event after a sequence once, in the order of the log. Beside events it
 * says
 * `gap` where events have left the log before they could be told, and `end` when the instance was disabled or deleted.
 *
 * It begins with the id of where it stands, so that who comes again after a quiet time goes on there: an `id` without
 * `data` is no event, yet it sets the last event id (HTML standard, 9.2.6: dispatching sets that before it looks at the
 * data).
 */
export async function* streamText(after: number, ports: StreamPorts): AsyncGenerator<string, undefined> {
	const endMs = ports.now() + MAX_STREAM_MS
	let lastSentMs = ports.now()
	let position = after
	let emptyReads = 0
	yield `retry: ${RETRY_MS}\nid: ${ports.formatEventId(after)}\n\n`
	while (!ports.isClosed()) {
		const tail = await ports.read(position, EVENTS_PER_READ)
		if (ports.isClosed()) return
		if (tail === 'unknown') {
			yield formatMessage('end', { reason: 'deleted' })
			return
		}
		let text = ''
		for (const row of tail.events) {
			text += formatGap(position, row.sequence - 1, ports)
			text += formatMessage('event', ports.show(row), row.eventId)
			position = row.sequence
		}
		// What the log no longer has, and nothing after it that it has.
		if (tail.events.length === 0) {
			text += formatGap(position, tail.last, ports)
			position = tail.last
		}
		const caughtUp = position >= tail.last
		if (!tail.running && caughtUp) {
			yield text + formatMessage('end', { reason: 'disabled' })
			return
		}
		if (ports.now() >= endMs) {
			yield `${text}retry: ${RETRY_MS}\n\n`
			return
		}
		if (text === '' && ports.now() - lastSentMs >= HEARTBEAT_MS) text = ': heartbeat\n\n'
		if (text !== '') {
			yield text
			lastSentMs = ports.now()
		}
		emptyReads = tail.events.length > 0 ? 0 : emptyReads + 1
		if (caughtUp)
			await ports.wait(
				Math.min(
					getWaitMs(emptyReads),
					Math.max(1, lastSentMs + HEARTBEAT_MS - ports.now()),
					Math.max(1, endMs - ports.now()),
				),
			)
	}
}

/** How long to wait before the next question, after so many that found nothing. */
export function getWaitMs(emptyReads: number): number {
	return Math.min(MAX_WAIT_MS, MIN_WAIT_MS + WAIT_STEP_MS * Math.max(0, emptyReads - 1))
}

/** What is missing between what was told and what is there. */
function formatGap(position: number, upTo: number, ports: StreamPorts): string {
	if (upTo <= position) return ''
	const data = {
		message: 'Events have left the log before they could be told',
		from: position + 1,
		to: upTo,
		events: upTo - position,
	}
	return formatMessage('gap', data, ports.formatEventId(upTo))
}

function formatMessage(type: string, data: object | string, id?: string): string {
	return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

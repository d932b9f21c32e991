/** Server-sent events over a log that is polled (docs/architecture.md, Event log). Pure but for its ports. */
import type { EventReport, EventTail } from '../../rpc/log.ts'

/** The wait between two reads grows by `WAIT_STEP_MS` with each empty one. */
const MIN_WAIT_MS = 1_000
const WAIT_STEP_MS = 500
const MAX_WAIT_MS = 5_000
/** Proxies close connections that stay silent. */
const HEARTBEAT_MS = 15_000
/** Then the client reconnects, after `RETRY_MS`. */
const MAX_STREAM_MS = 10 * 60_000
const RETRY_MS = 1_000
const EVENTS_PER_READ = 100

/** Dependencies of a stream. */
export interface StreamPorts {
	/** Events after a sequence. `unknown`: the instance was deleted. */
	read(after: number, limit: number): Promise<EventTail | 'unknown'>
	/** The record of an event, JSON text without line breaks. */
	show(row: EventReport): string
	/** The event id of a sequence, whether or not the log still has the event; 0: the empty log. */
	formatEventId(sequence: number): string
	/** Epoch ms. */
	now(): number
	/** Resolves after this many ms, or when the client disconnects. */
	wait(ms: number): Promise<void>
	/** Whether the client has disconnected. */
	isClosed(): boolean
}

/**
 * The text of a stream in chunks: every event after a sequence, once, in order; `gap` where events left the log before
 * they were sent; `end` when the instance was disabled or deleted.
 *
 * It begins with the id of its position, so that a client that reconnects before any event continues there: an `id`
 * without `data` is no event but sets the last event id (HTML standard, 9.2.6).
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
		// The remaining events have left the log.
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

/** The wait after this many empty reads. */
export function getWaitMs(emptyReads: number): number {
	return Math.min(MAX_WAIT_MS, MIN_WAIT_MS + WAIT_STEP_MS * Math.max(0, emptyReads - 1))
}

/** A `gap` for events that left the log; '' if none did. */
function formatGap(position: number, upTo: number, ports: StreamPorts): string {
	if (upTo <= position) return ''
	const data = {
		message: 'Events left the log before they were sent',
		from: position + 1,
		to: upTo,
		events: upTo - position,
	}
	return formatMessage('gap', data, ports.formatEventId(upTo))
}

function formatMessage(type: string, data: object | string, id?: string): string {
	const text = typeof data === 'string' ? data : JSON.stringify(data)
	return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${text}\n\n`
}

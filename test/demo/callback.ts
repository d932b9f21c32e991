/**
 * A customer's callback: verifies both signatures on the raw bytes, keeps what arrives, and can be made to fail or to stall. For the
 * demo, whole stories and benches over loopback; for other tests in process.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ReceivedEvent } from '../support/oracle.ts'

/** How a callback is made. */
export interface CallbackOptions {
	/** The signature key that Shopbell was given; absent: nothing is verified. */
	key?: string | undefined
	/** Port on loopback; 0, the default, takes a free one. */
	port?: number
	/** Epoch ms; the store's clock where that is another one. */
	now?: () => number
}

/** One POST that arrived. */
export interface Arrival {
	/** Counts from 1. */
	number: number
	timeMs: number
	/** From `Elements-Webhook-Id`: `ntf_<id>`. */
	notificationId: string
	/** From `Shopbell-Attempt`; 1 where it is absent. */
	attempt: number
	/** A replay, by `Shopbell-Replay`. */
	replay: boolean
	/** Both signatures are right; null where there is no key. */
	signed: boolean | null
	/** The same notification came before with other bytes. */
	bytesChanged: boolean
	/** What was answered; null: the sender had gone before. */
	status: number | null
	body: string
	events: ReceivedEvent[]
}

/** A running callback. */
export interface CallbackServer {
	/** Where to POST, once listening. */
	readonly url: string
	readonly arrivals: readonly Arrival[]
	/** The events of all arrivals that were answered 2xx, in order: what an oracle judges. */
	readonly acceptedEvents: ReceivedEvent[]
	/** Answers a request without a network. */
	receive(request: Request): Promise<Response>
	/** Called for each arrival once it is answered; gives the way to stop. */
	onArrival(listener: (arrival: Arrival) => void): () => void
	/** Answers `status` for so many seconds; 0 ends it. */
	failFor(seconds: number, status?: number): void
	/** Answers nothing for so many seconds; 0 ends it. */
	stallFor(seconds: number): void
	/** Another signature key from now on. */
	setKey(key: string): void
	listen(): Promise<void>
	close(): Promise<void>
}

/** Standard Webhooks' tolerance for `webhook-timestamp`. */
const TOLERANCE_MS = 5 * 60_000

/** Makes a callback. Nothing listens before `listen()`. */
export function createCallbackServer(options: CallbackOptions = {}): CallbackServer {
	const now = options.now ?? Date.now
	let key = options.key
	let failing = { untilMs: 0, status: 500 }
	let stalledUntilMs = 0
	let base = 'http://127.0.0.1'
	const arrivals: Arrival[] = []
	const bodies = new Map<string, string>()
	const listeners = new Set<(arrival: Arrival) => void>()
	const stalledRequests = new Set<() => void>()

	/** Waits until the stall ends or the sender goes. */
	async function waitWhileStalled(signal: AbortSignal): Promise<void> {
		while (stalledUntilMs > now() && !signal.aborted) {
			await new Promise<void>((resolve) => {
				const timer = setTimeout(wake, Math.max(1, stalledUntilMs - now()))
				function wake(): void {
					clearTimeout(timer)
					stalledRequests.delete(wake)
					signal.removeEventListener('abort', wake)
					resolve()
				}
				stalledRequests.add(wake)
				signal.addEventListener('abort', wake, { once: true })
			})
		}
	}

	async function handleNotification(request: Request): Promise<Response> {
		const bytes = new Uint8Array(await request.arrayBuffer())
		await waitWhileStalled(request.signal)
		const body = new TextDecoder().decode(bytes)
		const notificationId = request.headers.get('Elements-Webhook-Id') ?? ''
		const signed = key === undefined ? null : verifySignatures(request.headers, bytes, key, now())
		const timeMs = now()
		let events: ReceivedEvent[] = []
		let status = 200
		try {
			events = parseEvents(body, timeMs)
		} catch {
			status = 400
		}
		if (signed === false) status = 401
		else if (failing.untilMs > timeMs) status = failing.status
		const before = bodies.get(notificationId)
		bodies.set(notificationId, before ?? body)
		const arrival: Arrival = {
			number: arrivals.length + 1,
			timeMs,
			notificationId,
			attempt: Number(request.headers.get('Shopbell-Attempt') ?? 1),
			replay: request.headers.has('Shopbell-Replay'),
			signed,
			bytesChanged: before !== undefined && before !== body,
			status: request.signal.aborted ? null : status,
			body,
			events,
		}
		arrivals.push(arrival)
		for (const listener of listeners) listener(arrival)
		return new Response(status === 200 ? 'thank you' : 'no', { status })
	}

	/** Commands for a running callback, from people and scripts; not part of a customer's callback. */
	async function handleControl(request: Request, url: URL): Promise<Response> {
		const seconds = Number(url.searchParams.get('seconds') ?? 20)
		const status = Number(url.searchParams.get('status') ?? 500)
		switch (`${request.method} ${url.pathname}`) {
			case 'GET /_callback/arrivals':
				return Response.json(arrivals.filter((arrival) => arrival.number > Number(url.searchParams.get('after') ?? 0)))
			case 'PUT /_callback/fail':
				if (!(seconds >= 0) || !(status >= 200 && status < 600))
					return new Response('seconds and status expected', { status: 400 })
				callback.failFor(seconds, status)
				return new Response(null, { status: 204 })
			case 'PUT /_callback/stall':
				if (!(seconds >= 0)) return new Response('seconds expected', { status: 400 })
				callback.stallFor(seconds)
				return new Response(null, { status: 204 })
			case 'PUT /_callback/secret':
				callback.setKey(await request.text())
				return new Response(null, { status: 204 })
			default:
				return new Response('not found', { status: 404 })
		}
	}

	async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		const abort = new AbortController()
		outgoing.on('close', () => abort.abort())
		const body = Buffer.concat(await incoming.toArray())
		const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values]) =>
			(values ?? []).map((value): [string, string] => [name, value]),
		)
		const init = {
			method: incoming.method ?? 'GET',
			headers,
			signal: abort.signal,
			...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
		}
		const response = await callback.receive(new Request(new URL(incoming.url ?? '/', base), init))
		outgoing.writeHead(response.status, Object.fromEntries(response.headers))
		outgoing.end(Buffer.from(await response.arrayBuffer()))
	}

	const server = createServer((incoming, outgoing) => {
		// A sender that breaks off in the middle of its body has not arrived.
		serve(incoming, outgoing).catch(() => outgoing.destroy())
	})

	const callback: CallbackServer = {
		get url() {
			return `${base}/callback`
		},
		arrivals,
		get acceptedEvents() {
			return arrivals
				.filter((arrival) => arrival.status !== null && arrival.status < 300)
				.flatMap((arrival) => arrival.events)
		},
		receive: async (request) => {
			const url = new URL(request.url)
			if (url.pathname.startsWith('/_callback/')) return await handleControl(request, url)
			return request.method === 'POST'
				? await handleNotification(request)
				: new Response('POST expected', { status: 405, headers: { Allow: 'POST' } })
		},
		onArrival: (listener) => {
			listeners.add(listener)
			return () => void listeners.delete(listener)
		},
		failFor: (seconds, status = 500) => {
			failing = { untilMs: now() + seconds * 1000, status }
		},
		stallFor: (seconds) => {
			stalledUntilMs = now() + seconds * 1000
			for (const wake of stalledRequests) wake()
		},
		setKey: (next) => {
			key = next
		},
		listen: async () => {
			await new Promise<void>((resolve, reject) => {
				server.once('error', reject)
				server.listen(options.port ?? 0, '127.0.0.1', resolve)
			})
			base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
		},
		close: async () => {
			callback.stallFor(0)
			server.closeAllConnections()
			await new Promise<void>((resolve) => void server.close(() => resolve()))
		},
	}
	return callback
}

/** Both signatures, recomputed here from the published descriptions rather than with Shopbell's own code. */
function verifySignatures(headers: Headers, bytes: Uint8Array, key: string, nowMs: number): boolean {
	const id = headers.get('webhook-id') ?? ''
	const timestamp = headers.get('webhook-timestamp') ?? ''
	if (id === '' || id !== headers.get('Elements-Webhook-Id')) return false
	if (!/^\d+$/.test(timestamp) || Math.abs(nowMs - Number(timestamp) * 1000) > TOLERANCE_MS) return false
	const elements = `sha256=${createHmac('sha256', key).update(bytes).digest('base64')}`
	const standard = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(bytes).digest('base64')}`
	const signatures = (headers.get('webhook-signature') ?? '').split(' ')
	return (
		equalSignatures(headers.get('Elements-Webhook-Signature') ?? '', elements) &&
		signatures.some((signature) => equalSignatures(signature, standard))
	)
}

function equalSignatures(actual: string, expected: string): boolean {
	const [a, b] = [Buffer.from(actual), Buffer.from(expected)]
	return a.length === b.length && timingSafeEqual(a, b)
}

/** The shape of a body as far as it is read here (docs/contract.md §4). */
interface NotificationBody {
	message: {
		raw: Record<string, unknown>
		events: {
			eventId: string
			objectType: string
			objectId: string
			eventType: ReceivedEvent['eventType']
			objectSequence: number
			changedFields?: string[]
			trashed?: boolean
			backfill?: boolean
			erased?: boolean
		}[]
	}
}

/** The events of a body with the records beside them in `raw`. Throws when it is no notification. */
function parseEvents(body: string, timeMs: number): ReceivedEvent[] {
	const { message } = JSON.parse(body) as NotificationBody
	return message.events.map((event, index) => {
		const records = message.raw[event.objectType]
		return {
			eventId: event.eventId,
			objectType: event.objectType,
			objectId: event.objectId,
			eventType: event.eventType,
			objectSequence: event.objectSequence,
			...(event.changedFields === undefined ? {} : { changedFields: event.changedFields }),
			...(event.trashed ? { trashed: true } : {}),
			...(event.backfill ? { backfill: true } : {}),
			record: event.erased || !Array.isArray(records) ? null : ((records[index] as unknown) ?? null),
			timeMs,
		}
	})
}

/** What the webhook benches run against: a shop whose deliveries are caught, a callback that only notes when it was called, and the Worker. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { deriveSecret } from '../../src/elements/woocommerce/webhook-payloads.ts'
import type { SimulatedStore } from '../store/store.ts'
import { connectionConfigFor, createAccount, serveStore } from './setup.ts'
import { postJson, runWorker, type CleanupStack } from './runtime.ts'
import type { WebhookCommand, WebhookReply, InstanceTables } from './webhooks-commands.ts'

/** The key ring of every Worker that a bench runs (see runtime.ts). */
const MASTER_KEY = new Uint8Array(32).fill(7)
const ORDER_COUNT = 600
const BASELINE_TIMEOUT_MS = 60_000
/** Deliveries of a topic that are also read; after them payloads are believed. */
const PROBED_DELIVERIES = 5

/** A delivery as its store sent it. */
export interface CapturedDelivery {
	/** Of the receiver. */
	path: string
	topic: string
	/** The object's id. */
	id: number
	headers: Record<string, string>
	body: string
}

/** When addresses below it were called. */
export interface CallbackListener {
	readonly url: string
	/** Called with every body, and the moment at which it began to arrive. */
	onBody: (body: string, atMs: number) => void
	/** The moment at which a body with this text in it arrives; from now on. */
	waitForBody(text: string): Promise<number>
}

/** Everything, running. */
export interface WebhookStack {
	readonly store: SimulatedStore
	readonly base: string
	readonly callbackListener: CallbackListener
	/** The instance that was connected. */
	readonly instance: number
	/** Does something with orders and catches what the store sends of it by this topic. */
	captureDeliveries(topic: string, action: () => void): Promise<CapturedDelivery[]>
	/** Ids of orders of guests: the change of another's would have its customer read, in the middle of what is measured. */
	readonly guestOrderIds: number[]
	/** Ids of all orders that can be edited. */
	readonly orderIds: readonly number[]
	/** Asks an instance's object. */
	sendCommand(instance: number, command: WebhookCommand): Promise<WebhookReply>
	/** Instances of these ids that know what the connected one knows, without a store; their callbacks, if any. */
	copyInstance(ids: readonly number[], callback?: (id: number) => string): Promise<void>
	/** Nothing is left to deliver or to read. */
	waitUntilQuiet(): Promise<WebhookReply>
	/** Sends a delivery as it was caught. */
	deliver(delivery: CapturedDelivery): Promise<void>
}

/** The receiver's path of a copy, which has no row and so no incarnation of its own. */
export function receiverPath(instance: number): string {
	return `/elements/api-v2/events/woocommercerest/${btoa(String(instance))}?v=1`
}

/** A signature as WooCommerce makes it. */
export function signBody(body: string, secret: string): string {
	return createHmac('sha256', secret).update(body).digest('base64')
}

/** The secret of a copy's webhook. */
export function secretFor(instance: number, topic: string): string {
	return deriveSecret(MASTER_KEY, String(instance), topic, 1)
}

/** Listens on loopback. */
export async function listenForCallbacks(cleanup: CleanupStack): Promise<CallbackListener> {
	const waiting = new Map<string, (at: number) => void>()
	const server = createServer((request, response) => {
		const at = performance.now()
		const parts: Buffer[] = []
		request.on('data', (part: Buffer) => parts.push(part))
		request.on('end', () => {
			const body = Buffer.concat(parts).toString()
			response.end('{}')
			listener.onBody(body, at)
			for (const [text, resolve] of waiting) {
				if (!body.includes(text)) continue
				waiting.delete(text)
				resolve(at)
			}
		})
	})
	await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
	cleanup.push(() => {
		server.closeAllConnections()
		server.close()
	})
	const listener: CallbackListener = {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		onBody: () => undefined,
		waitForBody: (text) =>
			new Promise((resolve, reject) => {
				const timer = setTimeout(() => reject(new Error(`no call with ${text}`)), 15_000)
				waiting.set(text, (at) => {
					clearTimeout(timer)
					resolve(at)
				})
			}),
	}
	return listener
}

/** Starts it all and lets the instance learn, past the deliveries that are probed. */
export async function startWebhookStack(cleanup: CleanupStack, orders = ORDER_COUNT): Promise<WebhookStack> {
	let captured: CapturedDelivery[] = []
	const served = await serveStore(cleanup, {
		objects: { orders, products: 20, coupons: 5, customers: 20 },
		deliver: async (request) => {
			const body = await request.text()
			const topic = request.headers.get('x-wc-webhook-topic')
			if (topic !== null)
				captured.push({
					topic,
					path: new URL(request.url).pathname + new URL(request.url).search,
					id: Number(JSON.parse(body).id),
					headers: Object.fromEntries(request.headers),
					body,
				})
			return Response.json({})
		},
	})
	const { store } = served
	store.setCron(false)
	const callbackListener = await listenForCallbacks(cleanup)
	const worker = await runWorker('webhooks-worker.ts', cleanup, true)
	const { base } = worker
	const { client } = await createAccount(worker)
	const { id: instance } = await client.connect(store.name, {
		...connectionConfigFor(served),
		'event.vendor.type': 'webhook',
		// Nothing but webhooks: a poll in the middle would be measured too.
		'event.reconcile.interval': 0,
		'event.notification.enabled': true,
		'event.notification.callback.url': callbackListener.url,
		'event.notification.signature.key': 'key of the bench',
	})
	const sendCommand = async (id: number, command: WebhookCommand): Promise<WebhookReply> =>
		JSON.parse(await postJson(`${base}/_bench/${id}`, command)) as WebhookReply
	const until = async (isDone: (reply: WebhookReply) => boolean): Promise<WebhookReply> => {
		for (const endMs = Date.now() + BASELINE_TIMEOUT_MS; ;) {
			const reply = await sendCommand(instance, { do: 'look' })
			if (isDone(reply)) return reply
			if (Date.now() > endMs) throw new Error(`the instance did not settle: ${JSON.stringify(reply)}`)
			await new Promise((resolve) => setTimeout(resolve, 20))
		}
	}
	const editable = [...store.state('orders')].filter(([, record]) =>
		['processing', 'completed', 'on-hold'].includes(String(record['status'])),
	)
	const stack: WebhookStack = {
		store,
		base,
		callbackListener,
		instance,
		sendCommand,
		guestOrderIds: editable.filter(([, record]) => record['customer_id'] === 0).map(([id]) => id),
		orderIds: editable.map(([id]) => id),
		captureDeliveries: async (topic, action) => {
			captured = []
			action()
			await store.runQueue()
			return captured.filter((delivery) => delivery.topic === topic)
		},
		copyInstance: async (ids, callback) => {
			const tables = JSON.parse(
				await postJson(`${base}/_bench/${instance}`, { do: 'copy' } satisfies WebhookCommand),
			) as InstanceTables
			for (const id of ids)
				await sendCommand(id, { do: 'become', instanceId: id, tables, callbackUrl: callback?.(id) ?? null })
		},
		waitUntilQuiet: () => until((reply) => reply.learned && reply.unsettled === 0 && reply.lookups === 0),
		deliver: async ({ path, headers, body }) => {
			const response = await fetch(base + path, { method: 'POST', headers, body })
			if (response.status !== 200)
				throw new Error(`a delivery was answered ${response.status}: ${await response.text()}`)
			await response.arrayBuffer()
		},
	}
	await until(({ learned }) => learned)
	for (const [topic, action] of [
		[
			'order.updated',
			() =>
				stack.guestOrderIds
					.splice(0, PROBED_DELIVERIES)
					.forEach((id) => store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })),
		],
		[
			'order.created',
			() => Array.from({ length: PROBED_DELIVERIES }, () => store.act({ do: 'place-order', customer: 0, via: 'rest' })),
		],
	] as const) {
		for (const delivery of (await stack.captureDeliveries(topic, action)).slice(0, PROBED_DELIVERIES))
			await stack.deliver(delivery)
		await stack.waitUntilQuiet()
	}
	return stack
}

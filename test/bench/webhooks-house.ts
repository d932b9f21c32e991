/** What the webhook benches run against: a shop whose deliveries are caught, a callback that only notes when it was called, and the Worker. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { secretOf } from '../../src/elements/woocommerce/webhook-payloads.ts'
import type { SimulatedStore } from '../store/store.ts'
import { connectionOf, openAccount, openStore } from './opening.ts'
import { post, run, type Undo } from './runtime.ts'
import type { HookOrder, HookReply, Tables } from './webhooks-orders.ts'

/** The ring of every Worker that a bench runs (see runtime.ts). */
const MASTER_KEY = new Uint8Array(32).fill(7)
const ORDERS = 600
const LEARN_MS = 60_000
/** Deliveries of a topic that are also read; after them payloads are believed. */
const PROBED = 5

/** A delivery as its store sent it. */
export interface Caught {
	topic: string
	/** The object's id. */
	id: number
	headers: Record<string, string>
	body: string
}

/** When addresses below it were called. */
export interface Ear {
	readonly url: string
	/** The moment at which a body with this text in it arrives; from now on. */
	hears(text: string): Promise<number>
}

/** Everything, running. */
export interface House {
	readonly store: SimulatedStore
	readonly base: string
	readonly ear: Ear
	/** The instance that was connected. */
	readonly instance: number
	/** Does something with orders and catches what the store sends of it by this topic. */
	caught(topic: string, what: () => void): Promise<Caught[]>
	/** Ids of orders of guests: the change of another's would have its customer read, in the middle of what is measured. */
	readonly orders: number[]
	/** Asks an instance's object. */
	ask(instance: number, order: HookOrder): Promise<HookReply>
	/** Instances of these ids that know what the connected one knows, without a store; their callbacks, if any. */
	copies(ids: readonly number[], callback?: (id: number) => string): Promise<void>
	/** Nothing is left to deliver or to read. */
	quiet(): Promise<HookReply>
	/** Sends a delivery as it was caught. */
	deliver(delivery: Caught): Promise<void>
}

/** The receiver's path of an instance. */
export function receiverPath(instance: number): string {
	return `/elements/api-v2/events/woocommercerest/${btoa(String(instance))}?v=1`
}

/** A signature as WooCommerce makes it. */
export function signed(body: string, secret: string): string {
	return createHmac('sha256', secret).update(body).digest('base64')
}

/** The secret of an instance's webhook. */
export function secretFor(instance: number, topic: string): string {
	return secretOf(MASTER_KEY, instance, topic, 1)
}

/** Listens on loopback. */
export async function listen(undo: Undo): Promise<Ear> {
	const waiting = new Map<string, (at: number) => void>()
	const server = createServer((request, response) => {
		const at = performance.now()
		const parts: Buffer[] = []
		request.on('data', (part: Buffer) => parts.push(part))
		request.on('end', () => {
			const body = Buffer.concat(parts).toString()
			response.end('{}')
			for (const [text, resolve] of waiting) {
				if (!body.includes(text)) continue
				waiting.delete(text)
				resolve(at)
			}
		})
	})
	await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
	undo.push(() => {
		server.closeAllConnections()
		server.close()
	})
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		hears: (text) =>
			new Promise((resolve, reject) => {
				const timer = setTimeout(() => reject(new Error(`nobody called with ${text}`)), 15_000)
				waiting.set(text, (at) => {
					clearTimeout(timer)
					resolve(at)
				})
			}),
	}
}

/** Starts it all and lets the instance learn, past the deliveries that are probed. */
export async function openHouse(undo: Undo): Promise<House> {
	let catching: Caught[] = []
	const served = await openStore(undo, {
		objects: { orders: ORDERS, products: 20, coupons: 5, customers: 20 },
		deliver: async (request) => {
			const body = await request.text()
			const topic = request.headers.get('x-wc-webhook-topic')
			if (topic !== null) catching.push({ topic, id: Number(JSON.parse(body).id), headers: Object.fromEntries(request.headers), body })
			return Response.json({})
		},
	})
	const { store } = served
	store.setCron(false)
	const ear = await listen(undo)
	const { base } = await run('webhooks-worker.ts', undo, true)
	const { client } = await openAccount(base)
	const { id: instance } = await client.connect(store.name, {
		...connectionOf(served),
		'event.vendor.type': 'webhook',
		// Nothing but webhooks: a poll in the middle would be measured too.
		'event.reconcile.interval': 0,
		'event.notification.enabled': true,
		'event.notification.callback.url': ear.url,
		'event.notification.signature.key': 'key of the bench',
	})
	const ask = async (id: number, order: HookOrder): Promise<HookReply> => JSON.parse(await post(`${base}/_bench/${id}`, order)) as HookReply
	const until = async (done: (reply: HookReply) => boolean): Promise<HookReply> => {
		for (const endMs = Date.now() + LEARN_MS; ;) {
			const reply = await ask(instance, { do: 'look' })
			if (done(reply)) return reply
			if (Date.now() > endMs) throw new Error(`the instance does not come to rest: ${JSON.stringify(reply)}`)
			await new Promise((resolve) => setTimeout(resolve, 20))
		}
	}
	const house: House = {
		store,
		base,
		ear,
		instance,
		ask,
		orders: [...store.state('orders')]
			.filter(([, record]) => ['processing', 'completed', 'on-hold'].includes(String(record['status'])) && record['customer_id'] === 0)
			.map(([id]) => id),
		caught: async (topic, what) => {
			catching = []
			what()
			await store.runQueue()
			return catching.filter((one) => one.topic === topic)
		},
		copies: async (ids, callback) => {
			const tables = JSON.parse(await post(`${base}/_bench/${instance}`, { do: 'copy' } satisfies HookOrder)) as Tables
			for (const id of ids) await ask(id, { do: 'become', instanceId: id, tables, callbackUrl: callback?.(id) ?? null })
		},
		quiet: () => until((reply) => reply.learned && reply.unsettled === 0 && reply.lookups === 0),
		deliver: async ({ headers, body }) => {
			const response = await fetch(base + receiverPath(instance), { method: 'POST', headers, body })
			if (response.status !== 200) throw new Error(`a delivery was answered ${response.status}: ${await response.text()}`)
			await response.arrayBuffer()
		},
	}
	await until(({ learned }) => learned)
	for (const [topic, happens] of [
		['order.updated', () => house.orders.splice(0, PROBED).forEach((id) => store.act({ do: 'edit', resource: 'orders', id, via: 'rest' }))],
		['order.created', () => Array.from({ length: PROBED }, () => store.act({ do: 'place-order', customer: 0, via: 'rest' }))],
	] as const) {
		for (const delivery of (await house.caught(topic, happens)).slice(0, PROBED)) await house.deliver(delivery)
		await house.quiet()
	}
	return house
}

/** From a webhook to the callback: in a burst, at rest, and against a bare Worker that verifies, keeps, queues and POSTs it. */
import { performance } from 'node:perf_hooks'
import { atLeast, atMost, exactly, reported, type Bench, type BenchContext, type BenchRow } from './bench.ts'
import { runWorker, withCleanup, SETUP_TOKEN } from './runtime.ts'
import { LoadTarget, quantile, runInTurns, toSpread, type PreparedRequest } from './webhooks-load.ts'
import {
	listenForCallbacks,
	signBody,
	startWebhookStack,
	type CallbackListener,
	type CapturedDelivery,
	type WebhookStack,
} from './webhooks-stack.ts'

const TOPIC = 'order.updated'
/** Webhooks of a burst, each of another order. */
const BURST = 2_000
/** Orders of the store: about half of them can be edited. */
const ORDERS = 5_000
const DELIVERY_TIMEOUT_MS = 120_000
/** Between two webhooks to one Worker at rest, ms. */
const INTERVAL_MS = 200
const MEASURED = 300
const QUICK_MEASURED = 100
const WARM_UP = 15
const ROUNDS = 3

/** An event as the callback got it. */
interface ArrivedEvent {
	objectType: string
	objectId: string
	objectSequence: number
	eventId: string
}

/** What a callback of Shopbell's has got. */
class Arrivals {
	requests = 0
	readonly events: ArrivedEvent[] = []
	readonly #waiting = new Map<number, () => void>()

	constructor(listener: CallbackListener) {
		listener.onBody = (body) => {
			const { message } = JSON.parse(body) as { message: { events: ArrivedEvent[] } }
			this.requests++
			// Customers are read when orders of theirs change, and may have changed too.
			this.events.push(...message.events.filter(({ objectType }) => objectType === 'orders'))
			for (const [count, resolve] of this.#waiting) if (this.events.length >= count) resolve()
		}
	}

	/** Until so many events have come. */
	async waitFor(count: number): Promise<void> {
		if (this.events.length >= count) return
		await withTimeout(new Promise<void>((resolve) => void this.#waiting.set(count, resolve)), `${count} events`)
	}
}

async function withTimeout<T>(wanted: Promise<T>, what: string): Promise<T> {
	let timer: NodeJS.Timeout | undefined
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what} did not come in time`)), DELIVERY_TIMEOUT_MS)
	})
	return await Promise.race([wanted, late]).finally(() => clearTimeout(timer))
}

/** New deliveries, each of another order. */
async function captureUpdates(stack: WebhookStack, count: number): Promise<CapturedDelivery[]> {
	// The stamps of a store have seconds.
	await new Promise((resolve) => setTimeout(resolve, 1_100))
	const ids = stack.orderIds.slice(0, count)
	const caught = await stack.captureDeliveries(TOPIC, () => {
		for (const id of ids) stack.store.act({ do: 'edit', resource: 'orders', id, via: 'rest' })
	})
	if (caught.length !== count) throw new Error(`the store sent ${caught.length} of ${count} updates`)
	return caught
}

function prepare({ path, headers, body }: CapturedDelivery): PreparedRequest {
	return { path, headers, body: Buffer.from(body) }
}

function prepareForFloor({ headers, body }: CapturedDelivery, callbackUrl: string): PreparedRequest {
	return {
		path: `/1?to=${encodeURIComponent(callbackUrl)}`,
		headers: { ...headers, 'x-wc-webhook-signature': signBody(body, SETUP_TOKEN) },
		body: Buffer.from(body),
	}
}

/** 2,000 webhooks as fast as they are taken. */
export const burstBench: Bench = {
	name: 'burst',
	about: 'callback requests and rows written an event when 2 000 webhooks come at once',
	sizes: 'once',
	run: withCleanup(async (cleanup, context) => {
		const stack = await startWebhookStack(cleanup, ORDERS)
		const target = new LoadTarget(stack.base)
		cleanup.push(() => target.close())
		const updates = await captureUpdates(stack, BURST)
		await stack.waitUntilQuiet()
		const arrivals = new Arrivals(stack.callbackListener)
		const before = await stack.sendCommand(stack.instance, { do: 'look' })
		const perSecond = await target.measureRate(updates.map(prepare), 200)
		const { events } = await stack.sendCommand(stack.instance, { do: 'look' })
		await arrivals.waitFor(BURST)
		const after = await stack.waitUntilQuiet()
		const objectsInOrder = [...Map.groupBy(arrivals.events, ({ objectId }) => objectId).values()].every((all) =>
			all.every(({ objectSequence }, index) => objectSequence > (all[index - 1]?.objectSequence ?? 0)),
		)
		if (!objectsInOrder) throw new Error('the events of an object are not in order')
		context.log(
			`${Math.round(perSecond)} taken a second; ${events - before.events} recorded when the last was answered`,
		)
		const repeated = arrivals.events.length - new Set(arrivals.events.map(({ eventId }) => eventId)).size
		const written = (after.written - before.written) / (after.events - before.events)
		return [
			atMost('burst/requests to the callback for 2 000 events', null, arrivals.requests, 'requests', 400),
			atMost('burst/rows written an event, until all are settled', null, written, 'rows', 6),
			exactly('burst/orders whose change arrived', null, countObjects(arrivals), 'orders', BURST),
			exactly('burst/events that arrived twice', null, repeated, 'events', 0),
		]
	}),
}

function countObjects({ events }: Arrivals): number {
	return new Set(events.map(({ objectId }) => objectId)).size
}

/** At rest and under load, both Workers in turns. */
export const relayBench: Bench = {
	name: 'relay',
	about: 'from a webhook to the callback, 5 a second and 2 000 at once, against a bare Worker',
	sizes: 'once',
	run: withCleanup(async (cleanup, context) => {
		const stack = await startWebhookStack(cleanup, ORDERS)
		const floor = await runWorker('floor/relay.ts', cleanup, true)
		const floorCallback = await listenForCallbacks(cleanup)
		const sides: [Side, Side] = [
			new Side(floor.base, floorCallback, (update) => prepareForFloor(update, floorCallback.url)),
			new Side(stack.base, stack.callbackListener, prepare),
		]
		return [...(await latencyRows(context, stack, sides)), ...(await throughputRows(context, stack, sides))]
	}),
}

/** A Worker and its callback. */
class Side {
	readonly #base: string
	readonly #prepare: (update: CapturedDelivery) => PreparedRequest
	/** When the change of an order arrived, ms; the last one counts. */
	readonly #arrivedMs = new Map<number, number>()
	#arrived = 0
	#onArrival: () => void = () => undefined

	constructor(base: string, callback: CallbackListener, prepareRequest: (update: CapturedDelivery) => PreparedRequest) {
		this.#base = base
		this.#prepare = prepareRequest
		callback.onBody = (body, atMs) => {
			const parsed = JSON.parse(body) as { id?: number; message?: { events: ArrivedEvent[] } }
			const events = parsed.message?.events.filter(({ objectType }) => objectType === 'orders')
			const ids = events?.map(({ objectId }) => Number(objectId)) ?? [Number(parsed.id)]
			for (const id of ids) this.#arrivedMs.set(id, atMs)
			this.#arrived += ids.length
			this.#onArrival()
		}
	}

	/** Sends one; ms until the callback was called. */
	async measureLatency(update: CapturedDelivery): Promise<number> {
		this.#arrivedMs.delete(update.id)
		const { path, headers, body } = this.#prepare(update)
		const startedMs = performance.now()
		const response = await fetch(this.#base + path, { method: 'POST', headers, body })
		if (response.status !== 200) throw new Error(`a webhook was answered ${response.status}`)
		await response.arrayBuffer()
		const isThere = (): boolean => this.#arrivedMs.has(update.id)
		for (const endMs = Date.now() + DELIVERY_TIMEOUT_MS; !isThere() && Date.now() < endMs;)
			await new Promise((resolve) => setTimeout(resolve, 2))
		return (this.#arrivedMs.get(update.id) ?? Infinity) - startedMs
	}

	/** Sends all of them; how many a second, from the first request to the last arrival. */
	async measureThroughput(updates: readonly CapturedDelivery[]): Promise<number> {
		this.#arrived = 0
		const all = new Promise<void>((resolve) => {
			this.#onArrival = () => {
				if (this.#arrived >= updates.length) resolve()
			}
		})
		const requests = updates.map(this.#prepare)
		const target = new LoadTarget(this.#base)
		try {
			const startedMs = performance.now()
			await target.measureRate(requests, 200)
			this.#onArrival()
			await withTimeout(all, `${updates.length} events`)
			return (updates.length * 1000) / (performance.now() - startedMs)
		} finally {
			target.close()
		}
	}
}

/** Both get five a second, one between those of the other: what disturbs one disturbs the other. */
async function latencyRows(
	context: BenchContext,
	stack: WebhookStack,
	[floor, shopbell]: [Side, Side],
): Promise<BenchRow[]> {
	const updates = await captureUpdates(stack, WARM_UP + (context.quick ? QUICK_MEASURED : MEASURED))
	const latencies: Record<'floor' | 'shopbell', Promise<number>[]> = { floor: [], shopbell: [] }
	for (const update of updates) {
		latencies.floor.push(floor.measureLatency(update))
		await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS / 2))
		latencies.shopbell.push(shopbell.measureLatency(update))
		await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS / 2))
	}
	const [a, b] = await Promise.all(
		[latencies.floor, latencies.shopbell].map(async (all) => (await Promise.all(all)).slice(WARM_UP)),
	)
	context.log(
		`slowest of Shopbell: ${[...b!.entries()]
			.sort(([, one], [, other]) => other - one)
			.slice(0, 8)
			.map(([at, ms]) => `${at}: ${ms.toFixed(1)}`)
			.join(', ')}`,
	)
	const rows: BenchRow[] = []
	for (const [name, share, limit] of [
		['p50', 0.5, null],
		['p99', 0.99, 2],
	] as const) {
		const [floorMs, shopbellMs] = [quantile(a!, share), quantile(b!, share)]
		const title = `relay/5 a second, ${name}`
		rows.push(
			limit === null
				? reported(title, null, shopbellMs / floorMs, 'of the bare Worker')
				: { ...atMost(title, null, shopbellMs / floorMs, '', limit), unit: 'of the bare Worker' },
			reported(`${title}: Shopbell`, null, shopbellMs, 'ms'),
			reported(`${title}: the bare Worker`, null, floorMs, 'ms'),
		)
	}
	return rows
}

async function throughputRows(
	context: BenchContext,
	stack: WebhookStack,
	[floor, shopbell]: [Side, Side],
): Promise<BenchRow[]> {
	let updates: CapturedDelivery[] = []
	const { a, b } = await runInTurns(
		async () => {
			updates = await captureUpdates(stack, BURST)
			return await floor.measureThroughput(updates)
		},
		async () => {
			await stack.waitUntilQuiet()
			return await shopbell.measureThroughput(updates)
		},
		undefined,
		context.quick ? 1 : ROUNDS,
	)
	context.log(`Shopbell ${b.map(Math.round).join(', ')}; the bare Worker ${a.map(Math.round).join(', ')}`)
	const ratio = toSpread(b.map((perSecond, round) => perSecond / (a[round] ?? perSecond)))
	return [
		{
			...atLeast('relay/2 000 at once', null, ratio.median, '', 0.75),
			unit: `of the bare Worker, ${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}`,
		},
		reported('relay/2 000 at once: Shopbell', null, toSpread(b).median, 'events a second'),
		reported('relay/2 000 at once: the bare Worker', null, toSpread(a).median, 'events a second'),
	]
}

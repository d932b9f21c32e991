/** What delivering costs: events a second against a bare consumer that does the same POSTs, and the work per notification, however much waits. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { atLeast, reported, type Bench, type BenchContext, type BenchRow } from './bench.ts'
import type { DeliveryCommand, DeliveryReply } from './delivery-commands.ts'
import { connectionConfigFor, createAccount, serveStore } from './setup.ts'
import { postJson, runWorker, runCleanup, type CleanupStack } from './runtime.ts'
import { runInTurns, toSpread } from './webhooks-load.ts'

const INSTANCES = 20
const EVENTS = 2_000
/** Notifications of a backlog that are counted. */
const COUNTED_NOTIFICATIONS = 2_000
/** By how many rows a notification's work may depend on what waits. */
const ROW_TOLERANCE = 1
const SETTLE_TIMEOUT_MS = 120_000
/** Turns of each side in a quick run. */
const QUICK_ROUNDS = 3
/** Headers that a connection makes for itself. */
const CONNECTION_HEADERS = new Set(['host', 'connection', 'content-length', 'accept-encoding', 'transfer-encoding'])

/** A POST as the callback got it. */
interface ReceivedPost {
	url: string
	headers: [string, string][]
	body: string
}

/** A callback that takes everything and notes when. */
class BenchCallback {
	readonly url: string
	#times: number[] = []
	#recorded: ReceivedPost[] | null = null
	#expected = 0
	#onDone: () => void = () => undefined

	private constructor(url: string) {
		this.url = url
	}

	static async listen(undo: CleanupStack): Promise<BenchCallback> {
		const server = createServer((request, response) => {
			const parts: Buffer[] = []
			request.on('data', (part: Buffer) => parts.push(part))
			request.on('end', () => {
				response.end()
				callback.#take(Object.entries(request.headers), parts)
			})
		})
		server.keepAliveTimeout = 60_000
		await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
		undo.push(() => {
			server.closeAllConnections()
			server.close()
		})
		const callback = new BenchCallback(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
		return callback
	}

	/** Begins something that ends with so many POSTs; how many came a second, from the first to the last. `kept`: takes them down. */
	async measureRate(
		count: number,
		begin: () => Promise<unknown>,
		recordInto: ReceivedPost[] | null = null,
	): Promise<number> {
		this.#times = []
		this.#recorded = recordInto
		this.#expected = count
		let timer: NodeJS.Timeout | undefined
		const all = new Promise<void>((resolve, reject) => {
			this.#onDone = resolve
			timer = setTimeout(
				() => reject(new Error(`${this.#times.length} of ${count} POSTs came within ${SETTLE_TIMEOUT_MS / 1000} s`)),
				SETTLE_TIMEOUT_MS,
			)
		})
		try {
			await begin()
			await all
		} finally {
			clearTimeout(timer)
		}
		return ((count - 1) * 1000) / ((this.#times.at(-1) ?? 0) - (this.#times[0] ?? 0))
	}

	#take(headers: [string, string | string[] | undefined][], parts: Buffer[]): void {
		this.#times.push(performance.now())
		this.#recorded?.push({
			url: this.url,
			headers: headers.flatMap(([name, value]) =>
				CONNECTION_HEADERS.has(name) ? [] : [[name, String(value)] as [string, string]],
			),
			body: Buffer.concat(parts).toString(),
		})
		if (this.#times.length === this.#expected) this.#onDone()
	}
}

/** A Shopbell with instances of a small store, learned and at rest. */
interface DeliveryShopbell {
	callback: BenchCallback
	/** A record of an order, as the log keeps it. */
	record: string
	/** Connects an instance whose notifications hold so many events. */
	connect(batch: number): Promise<number>
	sendCommand(instances: readonly number[], command: DeliveryCommand): Promise<DeliveryReply[]>
	/** Waits until nothing is left to be sent. */
	waitUntilSettled(instances: readonly number[]): Promise<DeliveryReply[]>
}

async function startDeliveryShopbell(undo: CleanupStack): Promise<DeliveryShopbell> {
	const served = await serveStore(undo, { objects: { orders: 3, products: 3, coupons: 1, customers: 1 } })
	const { store } = served
	const callback = await BenchCallback.listen(undo)
	const worker = await runWorker('delivery-worker.ts', undo, true)
	const { base } = worker
	const { client } = await createAccount(worker)
	const sendCommand: DeliveryShopbell['sendCommand'] = async (instances, command) =>
		JSON.parse(await postJson(`${base}/_bench/${instances.join(',')}`, command)) as DeliveryReply[]
	const until = async (
		instances: readonly number[],
		isDone: (reply: DeliveryReply) => boolean,
	): Promise<DeliveryReply[]> => {
		for (const endMs = Date.now() + SETTLE_TIMEOUT_MS; ;) {
			const replies = await sendCommand(instances, { do: 'look' })
			if (replies.every(isDone)) return replies
			if (Date.now() > endMs)
				throw new Error(`an instance did not settle: ${JSON.stringify(replies.find((reply) => !isDone(reply)))}`)
			await new Promise((resolve) => setTimeout(resolve, 20))
		}
	}
	return {
		callback,
		record: JSON.stringify([...store.state('orders').values()][0]),
		sendCommand,
		connect: async (batch) => {
			const { id } = await client.connect(store.name, {
				...connectionConfigFor(served),
				'event.poller.refresh_interval': 1440,
				'event.notification.enabled': true,
				'event.notification.callback.url': callback.url,
				'event.notification.signature.key': 'key of the bench',
				'event.notification.batch': batch,
			})
			await until([id], ({ learned }) => learned)
			return id
		},
		waitUntilSettled: (instances) => until(instances, ({ unsettled, waiting }) => unsettled + waiting === 0),
	}
}

/** Both, on one Shopbell: throughput at the smallest size, a backlog at each. */
export const deliveryBench: Bench = {
	name: 'delivery',
	about:
		'events delivered a second against a bare queue consumer; rows, object calls and queue operations of a delivery',
	sizes: 'each',
	run: async (context) => {
		const undo: CleanupStack = []
		try {
			const shopbell = await startDeliveryShopbell(undo)
			const rows =
				context.n === context.smallest
					? [...(await throughputRows(context, shopbell, undo)), ...(await workRows(shopbell))]
					: []
			return [...rows, ...(await backlogRows(context, shopbell))]
		} finally {
			await runCleanup(undo)
		}
	},
}

async function throughputRows(
	context: BenchContext,
	shopbell: DeliveryShopbell,
	undo: CleanupStack,
): Promise<BenchRow[]> {
	const { callback } = shopbell
	const floor = await runWorker('floor/post.ts', undo, true)
	const instances: number[] = []
	for (let i = 0; i < INSTANCES; i++) instances.push(await shopbell.connect(1))
	const each = EVENTS / INSTANCES
	const deliverAll = async (recordInto: ReceivedPost[] | null = null): Promise<number> => {
		await shopbell.sendCommand(instances, { do: 'record', events: each, record: shopbell.record })
		const perSecond = await callback.measureRate(
			EVENTS,
			() => shopbell.sendCommand(instances, { do: 'send', until: null }),
			recordInto,
		)
		await shopbell.waitUntilSettled(instances)
		return perSecond
	}
	// The first turn, which does not count, takes down what the floor is to send.
	const posts: ReceivedPost[] = []
	const { a: shopbellRates, b: floorRates } = await runInTurns(
		() => deliverAll(posts.length === 0 ? posts : null),
		() => callback.measureRate(EVENTS, () => postJson(floor.base, posts)),
		undefined,
		context.quick ? QUICK_ROUNDS : undefined,
	)
	context.log(`Shopbell ${shopbellRates.map(Math.round).join(', ')}; floor ${floorRates.map(Math.round).join(', ')}`)
	const ratio = toSpread(shopbellRates.map((perSecond, round) => perSecond / (floorRates[round] ?? perSecond)))
	const unit = `of the floor, ${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}`
	return [
		{ ...atLeast('delivery/one event a notification, 2 000 over 20 instances', null, ratio.median, '', 0.5), unit },
		reported('delivery/Shopbell', null, toSpread(shopbellRates).median, 'events a second'),
		reported('delivery/floor: a queue of POSTs and its consumer', null, toSpread(floorRates).median, 'events a second'),
	]
}

/** Calls and messages of an event that is alone, of ten in a notification, and of a backlog. */
async function workRows(shopbell: DeliveryShopbell): Promise<BenchRow[]> {
	const rows: BenchRow[] = []
	for (const [name, batch, events] of [
		['alone', 1, 1],
		['ten in a notification', 10, 10],
		['a hundred notifications', 1, 100],
		['a hundred notifications of ten', 10, 1_000],
	] as const) {
		const instance = await shopbell.connect(batch)
		await shopbell.sendCommand([instance], { do: 'record', events, record: shopbell.record })
		await shopbell.callback.measureRate(events / batch, () =>
			shopbell.sendCommand([instance], { do: 'send', until: null }),
		)
		await shopbell.waitUntilSettled([instance])
		const { calls, alarms, doorbells } = (await shopbell.sendCommand([instance], { do: 'look' }))[0]!.counts
		rows.push(
			reported(`delivery/${name}: object calls an event`, null, (calls + alarms) / events, 'calls'),
			reported(`delivery/${name}: queue operations an event`, null, (doorbells * 3) / events, 'operations'),
		)
	}
	return rows
}

/** The first 2 000 of what waits in one instance. */
async function backlogRows(context: BenchContext, shopbell: DeliveryShopbell): Promise<BenchRow[]> {
	const waiting = Math.max(COUNTED_NOTIFICATIONS, context.n)
	const smallest = Math.max(COUNTED_NOTIFICATIONS, context.smallest)
	const instance = await shopbell.connect(1)
	await shopbell.sendCommand([instance], { do: 'record', events: waiting, record: shopbell.record })
	const startedMs = performance.now()
	await shopbell.callback.measureRate(COUNTED_NOTIFICATIONS, () =>
		shopbell.sendCommand([instance], { do: 'send', until: COUNTED_NOTIFICATIONS }),
	)
	const seconds = (performance.now() - startedMs) / 1000
	const until = Date.now() + SETTLE_TIMEOUT_MS
	let counts = (await shopbell.sendCommand([instance], { do: 'look' }))[0]!.counts
	while (counts.settled < COUNTED_NOTIFICATIONS && Date.now() < until)
		counts = (await shopbell.sendCommand([instance], { do: 'look' }))[0]!.counts
	context.log(JSON.stringify(counts))
	const rows: BenchRow[] = []
	for (const what of ['read', 'written'] as const) {
		const name = `delivery/rows ${what} a notification, the first 2 000 of those that wait`
		const row = reported(name, waiting, counts[what] / COUNTED_NOTIFICATIONS, 'rows')
		const smallestRow = context.rows.find(({ bench, n }) => bench === name && n === smallest)
		if (smallestRow === undefined) rows.push(row)
		else
			rows.push({
				...row,
				target: `${smallestRow.value} ± ${ROW_TOLERANCE}`,
				ok: Math.abs(row.value - smallestRow.value) <= ROW_TOLERANCE,
			})
	}
	return [...rows, reported('delivery/the first 2 000 of those that wait', waiting, seconds, 's')]
}

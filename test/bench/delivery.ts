/** What delivering costs: events a second against a bare consumer that does the same POSTs, and the work per notification, however much waits. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { atLeast, told, type Bench, type Context, type Row } from './bench.ts'
import type { DeliveryOrder, DeliveryReply } from './delivery-orders.ts'
import { connectionOf, openAccount, openStore } from './opening.ts'
import { post, run, undoAll, type Undo } from './runtime.ts'
import { inTurns, spreadOf } from './webhooks-load.ts'

const INSTANCES = 20
const EVENTS = 2_000
/** Notifications of a backlog that are counted. */
const COUNTED = 2_000
/** By how many rows a notification's work may depend on what waits. */
const SLACK = 1
const REST_MS = 120_000
/** Turns of each side in a quick run. */
const QUICK_ROUNDS = 3
/** Headers that a connection makes for itself. */
const OWN = new Set(['host', 'connection', 'content-length', 'accept-encoding', 'transfer-encoding'])

/** A POST as the callback got it. */
interface Posted {
	url: string
	headers: [string, string][]
	body: string
}

/** A callback that takes everything and notes when. */
class Callback {
	readonly url: string
	#times: number[] = []
	#kept: Posted[] | null = null
	#wanted = 0
	#done: () => void = () => undefined

	private constructor(url: string) {
		this.url = url
	}

	static async listen(undo: Undo): Promise<Callback> {
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
		const callback = new Callback(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
		return callback
	}

	/** Begins something that ends with so many POSTs; how many came a second, from the first to the last. `kept`: takes them down. */
	async hears(count: number, begin: () => Promise<unknown>, kept: Posted[] | null = null): Promise<number> {
		this.#times = []
		this.#kept = kept
		this.#wanted = count
		let timer: NodeJS.Timeout | undefined
		const all = new Promise<void>((resolve, reject) => {
			this.#done = resolve
			timer = setTimeout(() => reject(new Error(`${this.#times.length} of ${count} POSTs came within ${REST_MS / 1000} s`)), REST_MS)
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
		this.#kept?.push({
			url: this.url,
			headers: headers.flatMap(([name, value]) => (OWN.has(name) ? [] : [[name, String(value)] as [string, string]])),
			body: Buffer.concat(parts).toString(),
		})
		if (this.#times.length === this.#wanted) this.#done()
	}
}

/** A Shopbell with instances of a small store, learned and at rest. */
interface Bell {
	callback: Callback
	/** A record of an order, as the log keeps it. */
	record: string
	/** Connects an instance whose notifications hold so many events. */
	connect(batch: number): Promise<number>
	ask(instances: readonly number[], order: DeliveryOrder): Promise<DeliveryReply[]>
	/** Waits until nothing is left to be sent. */
	rest(instances: readonly number[]): Promise<DeliveryReply[]>
}

async function openBell(undo: Undo): Promise<Bell> {
	const served = await openStore(undo, { objects: { orders: 3, products: 3, coupons: 1, customers: 1 } })
	const { store } = served
	const callback = await Callback.listen(undo)
	const { base } = await run('delivery-worker.ts', undo, true)
	const { client } = await openAccount(base)
	const ask: Bell['ask'] = async (instances, order) =>
		JSON.parse(await post(`${base}/_bench/${instances.join(',')}`, order)) as DeliveryReply[]
	const until = async (instances: readonly number[], done: (reply: DeliveryReply) => boolean): Promise<DeliveryReply[]> => {
		for (const endMs = Date.now() + REST_MS; ;) {
			const replies = await ask(instances, { do: 'look' })
			if (replies.every(done)) return replies
			if (Date.now() > endMs) throw new Error(`an instance does not come to rest: ${JSON.stringify(replies.find((one) => !done(one)))}`)
			await new Promise((resolve) => setTimeout(resolve, 20))
		}
	}
	return {
		callback,
		record: JSON.stringify([...store.state('orders').values()][0]),
		ask,
		connect: async (batch) => {
			const { id } = await client.connect(store.name, {
				...connectionOf(served),
				'event.poller.refresh_interval': 1440,
				'event.notification.enabled': true,
				'event.notification.callback.url': callback.url,
				'event.notification.signature.key': 'key of the bench',
				'event.notification.batch': batch,
			})
			await until([id], ({ learned }) => learned)
			return id
		},
		rest: (instances) => until(instances, ({ unsettled, waiting }) => unsettled + waiting === 0),
	}
}

/** Both, on one Shopbell: throughput at the smallest size, a backlog at each. */
export const delivery: Bench = {
	name: 'delivery',
	about: 'events delivered a second against a bare queue consumer; rows, object calls and queue operations of a delivery',
	sizes: 'each',
	run: async (context) => {
		const undo: Undo = []
		try {
			const bell = await openBell(undo)
			const rows = context.n === context.smallest ? [...(await throughput(context, bell, undo)), ...(await work(bell))] : []
			return [...rows, ...(await backlog(context, bell))]
		} finally {
			await undoAll(undo)
		}
	},
}

async function throughput(context: Context, bell: Bell, undo: Undo): Promise<Row[]> {
	const { callback } = bell
	const floor = await run('floor/post.ts', undo, true)
	const instances: number[] = []
	for (let i = 0; i < INSTANCES; i++) instances.push(await bell.connect(1))
	const each = EVENTS / INSTANCES
	const ring = async (kept: Posted[] | null = null): Promise<number> => {
		await bell.ask(instances, { do: 'record', events: each, record: bell.record })
		const perSecond = await callback.hears(EVENTS, () => bell.ask(instances, { do: 'ring', until: null }), kept)
		await bell.rest(instances)
		return perSecond
	}
	// The first turn, which does not count, takes down what the floor is to send.
	const posts: Posted[] = []
	const { a: bells, b: floors } = await inTurns(
		() => ring(posts.length === 0 ? posts : null),
		() => callback.hears(EVENTS, () => post(floor.base, posts)),
		undefined,
		context.quick ? QUICK_ROUNDS : undefined,
	)
	context.say(`Shopbell ${bells.map(Math.round).join(', ')}; floor ${floors.map(Math.round).join(', ')}`)
	const ratio = spreadOf(bells.map((perSecond, round) => perSecond / (floors[round] ?? perSecond)))
	const unit = `of the floor, ${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)}`
	return [
		{ ...atLeast('delivery/one event a notification, 2 000 over 20 instances', null, ratio.median, '', 0.5), unit },
		told('delivery/Shopbell', null, spreadOf(bells).median, 'events a second'),
		told('delivery/floor: a queue of POSTs and its consumer', null, spreadOf(floors).median, 'events a second'),
	]
}

/** Calls and messages of an event that is alone, of ten in a notification, and of a backlog. */
async function work(bell: Bell): Promise<Row[]> {
	const rows: Row[] = []
	for (const [name, batch, events] of [
		['alone', 1, 1],
		['ten in a notification', 10, 10],
		['a hundred notifications', 1, 100],
		['a hundred notifications of ten', 10, 1_000],
	] as const) {
		const instance = await bell.connect(batch)
		await bell.ask([instance], { do: 'record', events, record: bell.record })
		await bell.callback.hears(events / batch, () => bell.ask([instance], { do: 'ring', until: null }))
		await bell.rest([instance])
		const { calls, alarms, doorbells } = (await bell.ask([instance], { do: 'look' }))[0]!.counts
		rows.push(
			told(`delivery/${name}: object calls an event`, null, (calls + alarms) / events, 'calls'),
			told(`delivery/${name}: queue operations an event`, null, (doorbells * 3) / events, 'operations'),
		)
	}
	return rows
}

/** The first 2 000 of what waits in one instance. */
async function backlog(context: Context, bell: Bell): Promise<Row[]> {
	const waiting = Math.max(COUNTED, context.n)
	const smallest = Math.max(COUNTED, context.smallest)
	const instance = await bell.connect(1)
	await bell.ask([instance], { do: 'record', events: waiting, record: bell.record })
	const began = performance.now()
	await bell.callback.hears(COUNTED, () => bell.ask([instance], { do: 'ring', until: COUNTED }))
	const seconds = (performance.now() - began) / 1000
	const until = Date.now() + REST_MS
	let counts = (await bell.ask([instance], { do: 'look' }))[0]!.counts
	while (counts.settled < COUNTED && Date.now() < until) counts = (await bell.ask([instance], { do: 'look' }))[0]!.counts
	context.say(JSON.stringify(counts))
	const rows: Row[] = []
	for (const what of ['read', 'written'] as const) {
		const name = `delivery/rows ${what} a notification, the first 2 000 of those that wait`
		const row = told(name, waiting, counts[what] / COUNTED, 'rows')
		const small = context.rows.find(({ bench, n }) => bench === name && n === smallest)
		if (small === undefined) rows.push(row)
		else rows.push({ ...row, target: `${small.value} ± ${SLACK}`, ok: Math.abs(row.value - small.value) <= SLACK })
	}
	return [...rows, told('delivery/the first 2 000 of those that wait', waiting, seconds, 's')]
}

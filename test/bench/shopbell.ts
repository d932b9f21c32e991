/** A whole Shopbell in the real runtime: the Worker with a bench in it, a simulated store and a callback on loopback, on a clock that the bench moves. */
import { request } from 'node:http'
import { createCallback, type Callback } from '../demo/callback.ts'
import type { SimulatedStore } from '../store/store.ts'
import { Inspector } from './inspector.ts'
import type { Counts, Fill, Order, Reply } from './orders.ts'
import { connectionOf, openAccount, openStore } from './opening.ts'
import { run, undoAll, type Undo } from './runtime.ts'

const DELIVERY_MS = 30_000
const ANSWER_MS = 120_000

/** A Shopbell whose clock the bench moves. */
export interface Shopbell {
	readonly store: SimulatedStore
	readonly callback: Callback
	/** The bench's clock, epoch ms. */
	now(): number
	/** Lets time pass; nothing happens by it alone. */
	pass(ms: number): void
	/** Does something; how it stands then. */
	order(what: Order['do'], aheadMs?: number): Promise<Reply>
	/** Puts events into the log. */
	putEvents(what: Fill): Promise<void>
	/** A page of a list of the instance over the API; `next` names the one after it. */
	page<T>(path: string): Promise<{ body: T; next: string | null }>
	/** What the store has at a path of the hub. */
	hub<T>(path: string): Promise<T>
	/** The alarm rings, at its time. */
	alarm(): Promise<Reply>
	/** Rings the alarm until the baseline is complete; `each` after every slice. */
	learn(each?: (reply: Reply) => Promise<void>): Promise<Reply>
	/** Everything until just before the next poll happens, then that poll with all that follows, deliveries included. */
	poll(options?: { before?: () => Promise<void> }): Promise<Reply>
	/** Waits until every notification is settled. */
	delivered(): Promise<Reply>
	/** Rows since the last time this was asked. */
	counts(): Promise<Counts>
	/** The object is thrown out of memory, as it is between two polls. */
	evict(): Promise<void>
	/** Bytes on the isolate's heap without garbage. */
	heap(): Promise<number>
	close(): Promise<void>
}

/** What is to be started. */
export interface ShopbellOptions {
	n: number
	/** Only these collections have n objects, the others few. */
	only?: readonly ('orders' | 'products' | 'coupons' | 'customers')[]
	/** Configuration beside what every bench has. */
	configuration?: Record<string, string | number | boolean>
}

/** Starts one. Its baseline is not begun. */
export async function startShopbell(options: ShopbellOptions): Promise<Shopbell> {
	const undo: Undo = []
	const close = (): Promise<void> => undoAll(undo)
	try {
		return await start(options, undo, close)
	} catch (error) {
		await close()
		throw error
	}
}

async function start(options: ShopbellOptions, undo: Undo, close: () => Promise<void>): Promise<Shopbell> {
	let offsetMs = 0
	const now = (): number => Date.now() + offsetMs
	const few = options.only === undefined ? options.n : 20
	const objects = { orders: few, products: few, coupons: few, customers: few }
	for (const name of options.only ?? []) objects[name] = options.n
	const served = await openStore(undo, { objects, now })
	const { store } = served
	const callback = createCallback({ now })
	await callback.listen()
	undo.push(() => callback.close())

	const { base, inspectorUrl } = await run('worker.ts', undo)
	if (inspectorUrl === undefined) throw new Error('the runtime has no inspector')
	const inspector = await Inspector.open(inspectorUrl, () => post(`${base}/_bench/migrate`, []))
	undo.push(() => inspector.close())
	const { client, account } = await openAccount(base)
	const instance = await client.connect(store.name, {
		...connectionOf(served),
		'event.notification.enabled': true,
		'event.notification.callback.url': callback.url,
		...options.configuration,
	})

	const order = async (what: Order['do'], aheadMs = 0): Promise<Reply> =>
		JSON.parse(await post(`${base}/_bench/${instance.id}`, { do: what, offsetMs, aheadMs } satisfies Order)) as Reply
	let last = await order('look')
	const pass = (ms: number): void => {
		offsetMs += Math.max(0, ms)
	}
	const alarm = async (): Promise<Reply> => {
		if (last.armedMs === null) throw new Error('no alarm is set')
		pass(last.armedMs - now())
		last = await order('alarm')
		if (last.trouble !== null) throw new Error(`the store is in trouble: ${last.trouble}`)
		return last
	}
	const delivered = async (): Promise<Reply> => {
		const endMs = Date.now() + DELIVERY_MS
		for (last = await order('look'); last.unsettled > 0; last = await order('look')) {
			if (Date.now() > endMs) throw new Error(`${last.unsettled} notifications were not delivered within ${DELIVERY_MS / 1000} s`)
			await new Promise((resolve) => setTimeout(resolve, 20))
			// A doorbell that nobody answered is rung again by the alarm.
			if (last.armedMs !== null && last.armedMs <= now()) await alarm()
		}
		return last
	}
	const untilPoll = async (): Promise<void> => {
		for (let steps = 0; last.running || last.armedMs === null || last.nextPollMs === null || last.armedMs < last.nextPollMs; steps++) {
			if (steps > 100_000) throw new Error('the next poll never comes')
			await alarm()
		}
	}
	return {
		store,
		callback,
		now,
		pass,
		order,
		alarm,
		delivered,
		close,
		putEvents: async (fill) => {
			await post(`${base}/_bench/${instance.id}`, { do: 'fill', offsetMs, fill } satisfies Order)
		},
		page: async <T>(path: string) => {
			const response = await fetch(`${client.base}/instances/${instance.id}${path}`, { headers: { Authorization: client.authorization } })
			if (!response.ok) throw new Error(`${path} answered ${response.status}`)
			return { body: await response.json<T>(), next: response.headers.get('Elements-Next-Page-Token') }
		},
		hub: async <T>(path: string) => {
			const response = await fetch(`${client.base}/hubs/ecommerce/${path}`, {
				headers: { Authorization: `User ${account.userSecret}, Element ${instance.token}` },
			})
			if (!response.ok) throw new Error(`${path} answered ${response.status}`)
			return await response.json<T>()
		},
		learn: async (each) => {
			while (!last.resources.every(({ learned }) => learned)) {
				await alarm()
				await each?.(last)
			}
			return last
		},
		poll: async ({ before } = {}) => {
			last = await order('look')
			await untilPoll()
			pass((last.nextPollMs ?? 0) - now())
			await before?.()
			// The alarm is set for the poll; what follows at once (windows, confirmations) is its own.
			const at = now()
			do await alarm()
			while (last.running || (last.armedMs !== null && last.armedMs - at < 8_000))
			return await delivered()
		},
		counts: async () => (await order('reset')).counts,
		evict: async () => {
			await order('evict').catch(() => undefined)
		},
		heap: () => inspector.heapBytes(),
	}
}

/** A POST on a connection of its own: a kept one may have been closed while this process was busy. */
async function post(url: string, body: unknown): Promise<string> {
	const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
		const call = request(url, { method: 'POST', agent: false, timeout: ANSWER_MS }, (response) => {
			const chunks: Buffer[] = []
			response.on('data', (chunk: Buffer) => chunks.push(chunk))
			response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
			response.on('error', reject)
		})
		call.on('timeout', () => call.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)))
		call.on('error', reject)
		call.end(JSON.stringify(body))
	})
	if (status !== 200) throw new Error(`${new URL(url).pathname} answered ${status}: ${text.slice(0, 500)}`)
	return text
}

/** A Shopbell that knows everything, and what the learning took. */
export interface LearnedShopbell extends Shopbell {
	readonly learned: { heapBefore: number; heapMost: number; heapAfter: number; rowsWritten: number }
}

/** Slices between two looks at the heap while the baseline runs. */
const SLICES_A_LOOK = 8

/** Starts one with n objects of every resource and lets it learn them, looking at its heap on the way. */
export async function startLearned(n: number, say: (text: string) => void): Promise<LearnedShopbell> {
	say('a store and the built Worker')
	// What is hourly falls on every third poll, the end of the smallest pass of customers on every second: some polls are neither.
	const bell = await startShopbell({ n, configuration: { 'event.poller.refresh_interval': 20 } })
	try {
		const heapBefore = await bell.heap()
		let heapMost = 0
		let slices = 0
		let told = Date.now()
		await bell.learn(async ({ resources }) => {
			if (slices++ % SLICES_A_LOOK === 0) heapMost = Math.max(heapMost, await bell.heap())
			if (Date.now() - told < 10_000) return
			told = Date.now()
			say(`${resources.reduce((sum, { done }) => sum + done, 0)} objects learned`)
		})
		const heapAfter = await bell.heap()
		const counts = await bell.counts()
		const rowsWritten = Object.values(counts.object).reduce((sum, { written }) => sum + written, counts.alarms)
		return { ...bell, learned: { heapBefore, heapMost: Math.max(heapMost, heapAfter), heapAfter, rowsWritten } }
	} catch (error) {
		await bell.close()
		throw error
	}
}

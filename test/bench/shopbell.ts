/** A whole Shopbell in the real runtime: the Worker with a bench in it, a simulated store and a callback on loopback, on a clock that the bench moves. */
import { request } from 'node:http'
import { createCallbackServer, type CallbackServer } from '../demo/callback.ts'
import type { SimulatedStore } from '../store/store.ts'
import { Inspector } from './inspector.ts'
import type { BenchCounts, LogFill, BenchCommand, BenchReply } from './commands.ts'
import { connectionConfigFor, createAccount, serveStore } from './setup.ts'
import { runWorker, runCleanup, type CleanupStack } from './runtime.ts'

const DELIVERY_TIMEOUT_MS = 30_000
const ANSWER_TIMEOUT_MS = 120_000

/** A Shopbell whose clock the bench moves. */
export interface Shopbell {
	readonly store: SimulatedStore
	readonly callback: CallbackServer
	/** The bench's clock, epoch ms. */
	now(): number
	/** Lets time pass; nothing happens by it alone. */
	advanceClock(ms: number): void
	/** Does something; how it stands then. */
	sendCommand(what: BenchCommand['do'], aheadMs?: number): Promise<BenchReply>
	/** Puts events into the log. */
	fillLog(what: LogFill): Promise<void>
	/** A page of a list of the instance over the API; `next` names the one after it. */
	getPage<T>(path: string): Promise<{ body: T; next: string | null }>
	/** What the store has at a path of the hub. */
	getFromHub<T>(path: string): Promise<T>
	/** Moves the clock to the alarm and runs it. */
	runAlarm(): Promise<BenchReply>
	/** Runs the alarm until the baseline is complete; `each` after every slice. */
	completeBaseline(each?: (reply: BenchReply) => Promise<void>): Promise<BenchReply>
	/** Everything until just before the next poll happens, then that poll with all that follows, deliveries included. */
	poll(options?: { before?: () => Promise<void> }): Promise<BenchReply>
	/** Waits until every notification is settled. */
	waitUntilSettled(): Promise<BenchReply>
	/** Rows since the last time this was asked. */
	takeCounts(): Promise<BenchCounts>
	/** Polls come so many minutes apart from now on. */
	setInterval(minutes: number): Promise<void>
	/** The object is thrown out of memory, as it is between two polls. */
	evict(): Promise<void>
	/** Bytes on the isolate's heap without garbage. */
	heapBytes(): Promise<number>
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
	const cleanup: CleanupStack = []
	const close = (): Promise<void> => runCleanup(cleanup)
	try {
		return await start(options, cleanup, close)
	} catch (error) {
		await close()
		throw error
	}
}

async function start(options: ShopbellOptions, cleanup: CleanupStack, close: () => Promise<void>): Promise<Shopbell> {
	let offsetMs = 0
	const now = (): number => Date.now() + offsetMs
	const otherObjects = options.only === undefined ? options.n : 20
	const objects = { orders: otherObjects, products: otherObjects, coupons: otherObjects, customers: otherObjects }
	for (const name of options.only ?? []) objects[name] = options.n
	const served = await serveStore(cleanup, { objects, now })
	const { store } = served
	const callback = createCallbackServer({ now })
	await callback.listen()
	cleanup.push(() => callback.close())

	const worker = await runWorker('worker.ts', cleanup)
	const { base, runtime } = worker
	const { client, account } = await createAccount(worker)
	const inspector = await Inspector.open(await runtime.getInspectorURL(), async () => {
		const response = await runtime.dispatchFetch(`${base}/healthz`)
		await response.arrayBuffer()
	})
	cleanup.push(() => inspector.close())
	const instance = await client.connect(store.name, {
		...connectionConfigFor(served),
		'event.notification.enabled': true,
		'event.notification.callback.url': callback.url,
		...options.configuration,
	})

	const sendCommand = async (what: BenchCommand['do'], aheadMs = 0): Promise<BenchReply> =>
		JSON.parse(
			await postOnNewConnection(`${base}/_bench/${instance.id}`, {
				do: what,
				offsetMs,
				aheadMs,
			} satisfies BenchCommand),
		) as BenchReply
	let last = await sendCommand('look')
	const advanceClock = (ms: number): void => {
		offsetMs += Math.max(0, ms)
	}
	const runAlarm = async (): Promise<BenchReply> => {
		if (last.armedMs === null) throw new Error('no alarm is set')
		advanceClock(last.armedMs - now())
		last = await sendCommand('alarm')
		if (last.trouble !== null) throw new Error(`the store returns errors: ${last.trouble}`)
		return last
	}
	const waitUntilSettled = async (): Promise<BenchReply> => {
		const endMs = Date.now() + DELIVERY_TIMEOUT_MS
		for (last = await sendCommand('look'); last.unsettled > 0; last = await sendCommand('look')) {
			if (Date.now() > endMs)
				throw new Error(`${last.unsettled} notifications were not delivered within ${DELIVERY_TIMEOUT_MS / 1000} s`)
			await new Promise((resolve) => setTimeout(resolve, 20))
			// The alarm repeats an unanswered doorbell.
			if (last.armedMs !== null && last.armedMs <= now()) await runAlarm()
		}
		return last
	}
	const runUntilPollIsDue = async (): Promise<void> => {
		for (
			let steps = 0;
			last.running || last.armedMs === null || last.nextPollMs === null || last.armedMs < last.nextPollMs;
			steps++
		) {
			if (steps > 100_000) throw new Error('the next poll never became due')
			await runAlarm()
		}
	}
	return {
		store,
		callback,
		now,
		advanceClock,
		sendCommand,
		runAlarm,
		waitUntilSettled,
		close,
		fillLog: async (fill) => {
			await postOnNewConnection(`${base}/_bench/${instance.id}`, { do: 'fill', offsetMs, fill } satisfies BenchCommand)
		},
		getPage: async <T>(path: string) => {
			const response = await fetch(`${client.base}/instances/${instance.id}${path}`, {
				headers: { Authorization: client.authorization },
			})
			if (!response.ok) throw new Error(`${path} answered ${response.status}`)
			return { body: await response.json<T>(), next: response.headers.get('Elements-Next-Page-Token') }
		},
		getFromHub: async <T>(path: string) => {
			const response = await fetch(`${client.base}/hubs/ecommerce/${path}`, {
				headers: { Authorization: `User ${account.userSecret}, Element ${instance.token}` },
			})
			if (!response.ok) throw new Error(`${path} answered ${response.status}`)
			return await response.json<T>()
		},
		completeBaseline: async (each) => {
			while (!last.resources.every(({ learned }) => learned)) {
				await runAlarm()
				await each?.(last)
			}
			return last
		},
		poll: async ({ before } = {}) => {
			last = await sendCommand('look')
			await runUntilPollIsDue()
			advanceClock((last.nextPollMs ?? 0) - now())
			await before?.()
			// The alarm is set for the poll; what follows at once (windows, confirmations) is its own.
			const at = now()
			do await runAlarm()
			while (last.running || (last.armedMs !== null && last.armedMs - at < 8_000))
			return await waitUntilSettled()
		},
		takeCounts: async () => (await sendCommand('reset')).counts,
		setInterval: async (minutes) => {
			const response = await fetch(`${client.base}/instances/${instance.id}`, {
				method: 'PATCH',
				headers: { Authorization: client.authorization, 'Content-Type': 'application/json' },
				body: JSON.stringify({ configuration: { 'event.poller.refresh_interval': minutes } }),
			})
			if (!response.ok) throw new Error(`PATCH answered ${response.status}: ${await response.text()}`)
		},
		evict: async () => {
			await sendCommand('evict').catch(() => undefined)
		},
		heapBytes: () => inspector.heapBytes(),
	}
}

/** A POST on a connection of its own: a kept one may have been closed while this process was busy. */
async function postOnNewConnection(url: string, body: unknown): Promise<string> {
	const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
		const call = request(url, { method: 'POST', agent: false, timeout: ANSWER_TIMEOUT_MS }, (response) => {
			const chunks: Buffer[] = []
			response.on('data', (chunk: Buffer) => chunks.push(chunk))
			response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
			response.on('error', reject)
		})
		call.on('timeout', () => call.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)))
		call.on('error', reject)
		call.end(JSON.stringify(body))
	})
	if (status !== 200) throw new Error(`${new URL(url).pathname} answered ${status}: ${text.slice(0, 500)}`)
	return text
}

/** A Shopbell that knows everything, and what the learning took. */
export interface IndexedShopbell extends Shopbell {
	readonly baselineStats: { heapBefore: number; peakHeap: number; heapAfter: number; rowsWritten: number }
}

/** Minutes between polls. */
export const USUAL_INTERVAL = 20

/** Slices between two looks at the heap while the baseline runs. */
const SLICES_PER_HEAP_SAMPLE = 8

/** Starts one with n objects of every resource and lets it learn them, looking at its heap on the way. */
export async function startIndexed(n: number, log: (text: string) => void): Promise<IndexedShopbell> {
	log('starting a store and the built Worker')
	const shopbell = await startShopbell({ n, configuration: { 'event.poller.refresh_interval': USUAL_INTERVAL } })
	try {
		const heapBefore = await shopbell.heapBytes()
		let peakHeap = 0
		let slices = 0
		let lastLogMs = Date.now()
		await shopbell.completeBaseline(async ({ resources }) => {
			if (slices++ % SLICES_PER_HEAP_SAMPLE === 0) peakHeap = Math.max(peakHeap, await shopbell.heapBytes())
			if (Date.now() - lastLogMs < 10_000) return
			lastLogMs = Date.now()
			log(`${resources.reduce((sum, { done }) => sum + done, 0)} objects indexed`)
		})
		const heapAfter = await shopbell.heapBytes()
		const counts = await shopbell.takeCounts()
		const rowsWritten = Object.values(counts.object).reduce((sum, { written }) => sum + written, counts.alarms)
		return {
			...shopbell,
			baselineStats: { heapBefore, peakHeap: Math.max(peakHeap, heapAfter), heapAfter, rowsWritten },
		}
	} catch (error) {
		await shopbell.close()
		throw error
	}
}

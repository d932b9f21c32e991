/**
 * A list that takes twenty seconds a page, against the timer of a real runtime: it is read in smaller pages, and a
 * change arrives meanwhile.
 */
import { join } from 'node:path'
import { Client, setUp } from '../../scripts/local/client.ts'
import { pause } from '../../scripts/local/local-worker.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { serve } from '../store/serve.ts'
import { createStore } from '../store/store.ts'
import { HaltControl } from './halt-control.ts'
import { UnreliableCallback } from './unreliable-callback.ts'
import { WorkerProcess } from './worker-process.ts'

const SIGNATURE_KEY = 'slow-list'
const OBJECTS = 120
/** A hundred rows take longer than the fifteen seconds that a request has. */
const SECONDS_PER_ROW = 0.2
const END_MS = 300_000

/** What a run of the slow list showed. */
interface SlowListOutcome {
	/** What it lacked; empty: nothing. */
	shortfalls: string[]
	seconds: number
	/** Rows of the largest page that was asked for and of the largest that was answered. */
	largestAsked: number
	largestRead: number
}

/** Runs it. Throws when the harness itself fails. */
export async function runSlowList(dir: string, log: (message: string) => void): Promise<SlowListOutcome> {
	const undo: (() => Promise<void>)[] = []
	try {
		const control = new HaltControl()
		await control.listen()
		undo.push(async () => await control.close())
		const callback = new UnreliableCallback(SIGNATURE_KEY, 1, () => Date.now())
		callback.stopFaults()
		await callback.listen()
		undo.push(async () => await callback.close())
		const store = createStore({
			url: `http://127.0.0.1:${await anyFreePort()}`,
			objects: { orders: 0, products: OBJECTS, coupons: 0, customers: 0 },
		})
		const served = await serve(store, { port: Number(new URL(store.url).port) })
		undo.push(async () => await served.close())
		log('slow list: builds the Worker')
		const worker = await WorkerProcess.start(join(dir, 'slow-list'), await anyFreePort(), {
			FAULTS_BEGAN: String(Date.now()),
			FAULTS_SPEED: '1',
			FAULTS_CONTROL: control.url,
			FAULTS_CALLBACK: callback.origin,
		})
		undo.push(async () => await worker.close())
		const account = await setUp(worker.url, worker.setupToken, {
			organizationName: 'Faults',
			email: 'faults@example.com',
			firstName: 'Fa',
			lastName: 'Ults',
		})
		if (account === null) throw new Error('the database was not empty')
		return await watchSlowList(new Client(worker.url, account), store, callback, log)
	} finally {
		for (const step of undo.toReversed()) await step()
	}
}

async function watchSlowList(
	client: Client,
	store: ReturnType<typeof createStore>,
	callback: UnreliableCallback,
	log: (message: string) => void,
): Promise<SlowListOutcome> {
	const asked: number[] = []
	const read: number[] = []
	const fetch = store.fetch.bind(store)
	store.fetch = async (request) => {
		const rows = /\/products\?.*\bper_page=(\d+)/.exec(request.url)?.[1]
		if (rows !== undefined) asked.push(Number(rows))
		const response = await fetch(request)
		if (rows !== undefined && !request.signal.aborted) read.push((await response.clone().json<unknown[]>()).length)
		return response
	}
	store.setFaults({ secondsPerRow: SECONDS_PER_ROW })
	const startedMs = Date.now()
	const { id } = await client.connect('Slow list', {
		'store.url': store.url,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
		'event.notification.enabled': true,
		'event.vendor.type': 'polling',
		'event.notification.callback.url': `${callback.origin}/callback`,
		'event.notification.signature.key': SIGNATURE_KEY,
		'event.poller.refresh_interval': 0.1,
		'event.poller.configuration': JSON.stringify({
			products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {} },
		}),
	})
	await pause(1_500)
	const [edited] = store.act({ do: 'edit', resource: 'products' })
	let complete = false
	const hasArrived = (): boolean =>
		callback.arrivals.some(({ events }) => events.some(({ objectId }) => objectId === String(edited?.id)))
	while (Date.now() - startedMs < END_MS && !(complete && hasArrived())) {
		await pause(500)
		const { resources } = await client.poller(id)
		complete = resources.length > 0 && resources.every(({ baseline }) => baseline.complete)
	}
	const seconds = Math.round((Date.now() - startedMs) / 1000)
	log(
		`slow list: ${complete ? 'read' : 'not read'} after ${seconds} s, in pages of at most ${Math.max(0, ...read)} rows`,
	)
	return {
		shortfalls: [
			...(complete ? [] : [`the slow list was not read within ${END_MS / 1000} s`]),
			...(hasArrived() ? [] : ['an edit during the slow list did not arrive']),
			...(Math.max(...asked) > Math.max(0, ...read) ? [] : ['no page of the slow list was given up']),
		],
		seconds,
		largestAsked: Math.max(...asked),
		largestRead: Math.max(0, ...read),
	}
}

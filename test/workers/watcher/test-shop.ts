/** What the Durable Object's tests share: an instance as the API makes it, over a simulated store and a callback behind `fetch`. */
import { readRef } from '../api/harness.ts'
import { getWatcher } from '../../../src/context.ts'
import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test'
import { vi } from 'vitest'
import worker from '../../../src/index.ts'
import type { Watcher } from '../../../src/watcher/watcher.ts'
import { createStore, type SimulatedStore, type StoreOptions } from '../../store/store.ts'
import { API_BASE, env, resetDatabase, instanceBodyForStore } from '../api/harness.ts'

/** An instance and what surrounds it. */
export interface TestShop {
	id: number
	store: SimulatedStore
	/** Bodies that the callback got. */
	callbackBodies: string[]
	/** The same with their addresses and headers. */
	callbackRequests: { url: string; headers: Headers; body: string }[]
	/** A call of the API with the account's secrets. */
	api: (method: string, path: string, body?: unknown) => Promise<{ status: number; body: any }>
	stub: DurableObjectStub<Watcher>
	/** What the callback answers; 204 by default. */
	callbackStatus: () => number
	/** Called before every request to the store is answered. */
	beforeStoreRequest: (request: Request) => Promise<void> | void
}

const CALLBACK = 'https://callback.example.com/hook'

/** Makes an instance of the four default resources that polls only when asked to. */
export async function openShop(
	options: StoreOptions = {},
	configuration: Record<string, unknown> = {},
	before: TestShop['beforeStoreRequest'] = () => undefined,
	prepare: () => Promise<void> = resetDatabase,
): Promise<TestShop> {
	await prepare()
	const store = createStore({ objects: 5, url: 'https://shop.example.com', ...options })
	const shop: Omit<TestShop, 'id' | 'stub' | 'api'> = {
		store,
		callbackBodies: [],
		callbackRequests: [],
		callbackStatus: () => 204,
		beforeStoreRequest: before,
	}
	vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
		const request = new Request(input, init)
		if (request.url.startsWith(CALLBACK)) {
			const body = await request.text()
			shop.callbackBodies.push(body)
			shop.callbackRequests.push({ url: request.url, headers: request.headers, body })
			return new Response(null, { status: shop.callbackStatus() })
		}
		await shop.beforeStoreRequest(request)
		return store.fetch(request)
	})
	const { body: account } = await callWorker(
		'POST',
		'https://bell.example.com/setup',
		'Bearer setup-token-of-the-tests',
		{},
	)
	const authorization = `User ${account.userSecret}, Organization ${account.organizationSecret}`
	const api: TestShop['api'] = (method, path, body) => callWorker(method, `${API_BASE}${path}`, authorization, body)
	const { body: created } = await api(
		'POST',
		'/instances',
		instanceBodyForStore(store, {
			'event.notification.callback.url': CALLBACK,
			'event.poller.refresh_interval': '999999999',
			'event.poller.configuration': null,
			...configuration,
		}),
	)
	const id = Number(created.id)
	if (!Number.isSafeInteger(id)) throw new Error(JSON.stringify(created))
	return Object.assign(shop, { id, api, stub: getWatcher(env, await readRef(id)) as unknown as TestShop['stub'] })
}

/** The headers of the last answer. */
export const lastAnswer = { headers: new Headers() }

/** A request to the whole Worker. */
export async function callWorker(
	method: string,
	url: string,
	authorization: string,
	body: unknown,
): Promise<{ status: number; body: any }> {
	const context = createExecutionContext()
	const response = await worker.fetch(
		new Request(url, {
			method,
			headers: { Authorization: authorization, 'Content-Type': 'application/json' },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		}) as never,
		env,
		context,
	)
	await waitOnExecutionContext(context)
	lastAnswer.headers = new Headers([...response.headers])
	const text = await response.text()
	return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

/** Waits until something is so, ten seconds at most. */
export async function waitUntil(condition: () => Promise<boolean> | boolean): Promise<void> {
	for (const end = Date.now() + 10_000; Date.now() < end;) {
		if (await condition()) return
		await new Promise((resolve) => setTimeout(resolve, 20))
	}
	throw new Error('it never came to that')
}

/** Waits until every baseline is complete and no poll runs. */
export async function waitForBaseline(shop: TestShop): Promise<void> {
	await waitUntil(async () => {
		const report = await shop.stub.poller()
		return (
			report !== 'unknown' &&
			!report.running &&
			report.resources.length > 0 &&
			report.resources.every((resource) => resource.baseline.complete)
		)
	})
}

/** A poll now, to its end. */
export async function pollNow(shop: TestShop): Promise<void> {
	const queued = await shop.stub.poll('window')
	if (queued === 'unknown') throw new Error('there is no such instance')
	await waitUntil(async () =>
		inWatcher(
			shop,
			(watcher) =>
				watcher.engine.getCore()!.state.lastRunId >= Number(queued.run) && watcher.engine.getCore()!.state.run === null,
		),
	)
}

/** Runs inside the object. */
export function inWatcher<T>(
	shop: Pick<TestShop, 'stub'>,
	body: (watcher: Watcher, state: DurableObjectState) => T | Promise<T>,
): Promise<T> {
	return runInDurableObject<Watcher, T>(shop.stub, body)
}

/** Rows of a query in the object's storage. */
export function queryRows(shop: Pick<TestShop, 'stub'>, query: string): Promise<Record<string, unknown>[]> {
	return inWatcher(shop, (_watcher, state) => [...state.storage.sql.exec(query)] as Record<string, unknown>[])
}

/** The Worker as it is deployed, with its own objects: an instance from set-up to deletion, against a simulated store behind `fetch`. */
import { readRef } from './harness.ts'
import { getWatcher } from '../../../src/context.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
	createScheduledController,
	createExecutionContext,
	runInDurableObject,
	waitOnExecutionContext,
} from 'cloudflare:test'
import worker from '../../../src/index.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { API_BASE, env, resetDatabase, instanceBody } from './harness.ts'

let store: SimulatedStore

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 3, url: 'https://shop.example.com' })
	vi.stubGlobal('fetch', (input: RequestInfo, init?: RequestInit) => store.fetch(new Request(input, init)))
})
afterEach(() => {
	vi.unstubAllGlobals()
})

async function call(
	method: string,
	path: string,
	authorization: string,
	body?: unknown,
): Promise<{ status: number; body: any }> {
	const context = createExecutionContext()
	const request = new Request(
		path.startsWith('//') ? `https://bell.example.com${path.slice(1)}` : `${API_BASE}${path}`,
		{
			method,
			headers: { Authorization: authorization, 'Content-Type': 'application/json' },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		},
	)
	const response = await worker.fetch(request as never, env, context)
	await waitOnExecutionContext(context)
	const text = await response.text()
	return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

test('an instance lives from set-up to deletion §11.8', async () => {
	const { body: account } = await call('POST', '//setup', 'Bearer setup-token-of-the-tests', {})
	const authorization = `User ${account.userSecret}, Organization ${account.organizationSecret}`
	const configuration = {
		'store.url': store.url,
		'oauth.api.key': store.credentials.key,
		'oauth.api.secret': store.credentials.secret,
	}
	const { status, body: made } = await call('POST', '/instances', authorization, instanceBody({ configuration }))
	expect(made.message).toBeUndefined()
	expect(status).toBe(200)
	expect((await call('GET', `/instances/${made.id}/health`, authorization)).body).toMatchObject({
		state: expect.any(String),
		reason: expect.any(String),
		action: expect.any(String),
	})
	expect((await call('GET', `/instances/${made.id}/poller`, authorization)).body.resources).toBeInstanceOf(Array)
	expect((await call('PUT', `/instances/${made.id}/poll`, authorization, { depth: 'window' })).status).toBe(202)
	expect((await call('GET', '/instances/events', `User ${account.userSecret}, Element ${made.token}`)).status).toBe(200)
	expect((await call('PATCH', `/instances/${made.id}`, authorization, { name: 'Renamed' })).body.name).toBe('Renamed')

	await worker.scheduled(createScheduledController(), env)

	const stub = getWatcher(env, await readRef(made.id))
	expect((await call('DELETE', `/instances/${made.id}`, authorization)).status).toBe(200)
	expect(
		await runInDurableObject(stub as never, async (_object: never, state: DurableObjectState) => [
			...state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'"),
		]),
	).toEqual([])
	expect((await env.DB.prepare('SELECT id FROM instances').all()).results).toEqual([])
})

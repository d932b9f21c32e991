/** `Idempotency-Key`: once and no more, whoever comes when. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { Hono } from 'hono'
import { beforeEach, describe, expect, test } from 'vitest'
import {
	claimRequest,
	storeResponse,
	IDEMPOTENCY_TTL_MS,
	MAX_STORED_RESPONSE_BYTES,
	REQUEST_LEASE_MS,
	releaseClaim,
} from '../../../src/accounts/idempotency.ts'
import { pruneAccounts } from '../../../src/accounts/prune.ts'
import { idempotencyMiddleware } from '../../../src/api/http/idempotency.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { addOrganization, env, resetDatabase, instanceBodyForStore, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'

const KEY = { 'Idempotency-Key': 'order-4711' }
const BODY = { name: 'Export', scopes: ['hub:read'] }

let client: ApiClient
let store: SimulatedStore

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 2, url: 'https://shop.example.com', now: () => Date.parse('2026-06-01T12:00:00Z') })
	client = await startApiWorld((request) => store.fetch(request))
})

const post = (
	path: string,
	body?: unknown,
	options: { headers?: Record<string, string>; authorization?: string } = {},
) => client.call('POST', path, body, { ...options, headers: { ...KEY, ...options.headers } })
const rows = async (sql: string) => (await env.DB.prepare(sql).all<Record<string, any>>()).results
const keys = async () => (await rows('SELECT count(*) AS n FROM api_keys'))[0]!['n']

const instanceBody = () => instanceBodyForStore(store)

describe('the same request', () => {
	test('has the same answer for a day and is made once', async () => {
		const first = await post('/accounts/api-keys', BODY)
		const again = await post('/accounts/api-keys', BODY)
		expect([first.status, first.headers.get('Idempotent-Replayed')]).toEqual([200, null])
		expect([again.status, again.headers.get('Idempotent-Replayed'), again.headers.get('Content-Type')]).toEqual([
			200,
			'true',
			first.headers.get('Content-Type'),
		])
		expect(again.body).toEqual(first.body)
		expect(again.headers.get('Elements-Request-Id')).not.toBe(first.headers.get('Elements-Request-Id'))
		expect(await keys()).toBe(1)
		client.world.nowMs += IDEMPOTENCY_TTL_MS - 1
		expect((await post('/accounts/api-keys', BODY)).body).toEqual(first.body)
		client.world.nowMs += 1
		expect((await post('/accounts/api-keys', BODY)).body.id).not.toBe(first.body.id)
		expect(await keys()).toBe(2)
		client.world.nowMs += IDEMPOTENCY_TTL_MS
		await pruneAccounts(env.DB, client.world.nowMs)
		expect(await rows('SELECT * FROM idempotency')).toEqual([])
	})

	test('notes each time that it shows a secret again', async () => {
		const shown = () =>
			rows("SELECT user_id, object_type, object_id, detail FROM audit_log WHERE action = 'secret.show-again'")
		for (let time = 0; time < 3; time++) await post('/accounts/api-keys', BODY)
		const made = { user_id: 1, object_type: 'organization', object_id: 1, detail: '{"call":"createApiKey"}' }
		expect(await shown()).toEqual([made, made])
		await insertInstance(client, 7)
		const other = { headers: { 'Idempotency-Key': 'two' } }
		for (let time = 0; time < 2; time++) await post('/instances/7/signature-key/rotate', { grace: 0 }, other)
		expect((await shown()).slice(2)).toEqual([
			{ user_id: 1, object_type: 'instance', object_id: 7, detail: '{"call":"rotateSignatureKey"}' },
		])
		// What shows none is not noted.
		for (let time = 0; time < 2; time++)
			await post('/notifications', { topic: 'stock.low', message: {} }, { headers: { 'Idempotency-Key': 'three' } })
		expect(await shown()).toHaveLength(3)
	})

	test('connects a store once, and says which instance it was', async () => {
		const first = await post('/instances', instanceBody())
		const asked = client.world.requests.length
		const again = await post('/instances', instanceBody())
		expect([first.status, again.body]).toEqual([200, first.body])
		expect(again.headers.get('Elements-Element-Instance-Id')).toBe(String(first.body.id))
		expect(client.world.requests.length).toBe(asked)
		expect((await client.call('GET', '/instances')).body).toHaveLength(1)
		// It holds a token: nothing of it can be read where it is kept.
		const kept = JSON.stringify(await rows('SELECT * FROM idempotency'))
		for (const secret of [first.body.token, 'order-4711', 'shop.example.com']) expect(kept).not.toContain(secret)
	})

	test('that comes while the first one runs is asked to wait, and then has its answer', async () => {
		let open: () => void = () => {}
		const opened = new Promise<void>((resolve) => (open = resolve))
		client.world.store = async (request) => (await opened, await store.fetch(request))
		const first = post('/instances', instanceBody())
		while ((await rows('SELECT claim FROM idempotency')).length === 0)
			await new Promise((resolve) => setTimeout(resolve, 5))
		const second = await post('/instances', instanceBody())
		expect([second.status, second.headers.get('Retry-After')]).toEqual([409, '5'])
		expect(second.body.message).toMatch(/^Idempotency-Key: the first request with this key is still running/)
		open()
		const { body } = await first
		expect((await post('/instances', instanceBody())).body).toEqual(body)
	})

	test('many times at once is made once', async () => {
		const many = await Promise.all(Array.from({ length: 8 }, () => post('/accounts/api-keys', BODY)))
		expect(await keys()).toBe(1)
		for (const { status } of many) expect([200, 409]).toContain(status)
		expect(new Set(many.filter(({ status }) => status === 200).map(({ body }) => body.id)).size).toBe(1)
	})

	test('of somebody else is another request', async () => {
		const other = await addOrganization(2)
		const { body: key } = await client.call('POST', '/accounts/api-keys', {
			name: 'x',
			scopes: ['notifications:write'],
		})
		const topic = { topic: 'stock.low', message: { left: 2 } }
		const ids = [
			await post('/notifications', topic),
			await post('/notifications', topic, { authorization: other }),
			await post('/notifications', topic, { authorization: `Bearer ${key.key}` }),
		].map(
			({ status, body, headers }) => (
				expect(status).toBe(200),
				expect(headers.get('Idempotent-Replayed')).toBeNull(),
				body.id
			),
		)
		expect(new Set(ids).size).toBe(3)
	})
})

describe('another request with the key', () => {
	test('is a 422 that changes nothing, whatever differs', async () => {
		await insertInstance(client, 7, { token_hash: await hashed('token-7') })
		await insertInstance(client, 8, { token_hash: await hashed('token-8') })
		const as = (id: number) => ({
			authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}, Element token-${id}`,
		})
		expect((await post('/accounts/api-keys', BODY, as(7))).status).toBe(200)
		for (const [path, body, options] of [
			['/accounts/api-keys', { ...BODY, name: 'Other' }, as(7)],
			['/accounts/api-keys?x=1', BODY, as(7)],
			['/accounts/api-keys', BODY, as(8)],
			['/notifications', { topic: 'stock.low', message: {} }, as(7)],
		] as const) {
			const { status, body: answer } = await post(path, body, options)
			expect([status, answer.message], path).toEqual([
				422,
				expect.stringMatching(/^Idempotency-Key: already used for another request/),
			])
		}
		expect(await keys()).toBe(1)
	})

	test.each([
		['none', ''],
		['a blank', 'a b'],
		['too long', 'x'.repeat(256)],
		['not visible', 'caf\u00e9'],
	])('a key that is %s is a 400 that names the header', async (_what, key) => {
		const { status, body } = await post('/accounts/api-keys', BODY, { headers: { 'Idempotency-Key': key } })
		expect([status, body.message]).toEqual([
			400,
			'Idempotency-Key: expected 1 to 255 visible characters, no whitespace',
		])
		expect(await keys()).toBe(0)
	})

	test('means nothing where it is not for: signing in, and what is no POST', async () => {
		for (const password of ['one', 'two'])
			expect((await post('/authentication', { username: 'a', password }, { authorization: 'User x' })).status).toBe(401)
		for (const name of ['One', 'Two'])
			expect((await client.call('PATCH', '/accounts/1', { name }, { headers: KEY })).body.name).toBe(name)
		expect(await rows('SELECT * FROM idempotency')).toEqual([])
	})
})

describe('what is kept', () => {
	test('a refusal of the request itself, even when it would be accepted now', async () => {
		const { body: admin } = await client.call('GET', '/users/me')
		const person = { email: admin.email, firstName: 'Ann', lastName: 'Lee' }
		expect((await post('/users', person)).status).toBe(409)
		await env.DB.prepare("UPDATE users SET email = 'other@example.com', login = 'other@example.com'").run()
		const again = await post('/users', person)
		expect([again.status, again.headers.get('Idempotent-Replayed')]).toEqual([409, 'true'])
		expect((await post('/users', { ...person, email: 'x' }, { headers: { 'Idempotency-Key': 'two' } })).status).toBe(
			400,
		)
		expect(
			(await post('/users', { ...person, email: 'x' }, { headers: { 'Idempotency-Key': 'two' } })).headers.get(
				'Idempotent-Replayed',
			),
		).toBe('true')
	})

	test('no failure of ours or of the store, and no refusal of who asks', async () => {
		client.world.store = async () => new Response('down', { status: 503 })
		expect((await post('/instances', instanceBody())).status).toBe(502)
		client.world.store = (request) => store.fetch(request)
		expect((await post('/instances', instanceBody())).status).toBe(200)
		const topic = { topic: 'stock.low', message: {} }
		const two = { headers: { 'Idempotency-Key': 'two' } }
		client.world.watchers.failingCall = 'publish'
		expect((await post('/notifications', topic, two)).status).toBe(500)
		client.world.watchers.failingCall = null
		expect((await post('/notifications', topic, two)).status).toBe(200)
		const three = { headers: { 'Idempotency-Key': 'three' } }
		await env.DB.prepare("UPDATE users SET role = 'viewer'").run()
		expect((await post('/accounts/api-keys', BODY, three)).status).toBe(403)
		await env.DB.prepare("UPDATE users SET role = 'admin'").run()
		expect((await post('/accounts/api-keys', BODY, three)).status).toBe(200)
	})
})

describe('a run that was cut off', () => {
	const request = { organizationId: 1, caller: 'user/1', key: 'k', hash: 'h' }
	const claim = (hash = 'h', nowMs = 0) => claimRequest(env.DB, env.MASTER_KEYS, { ...request, hash }, nowMs)
	const answer = { status: 200, headers: [], body: '{"made":1}', instanceId: 7 }
	const claimOf = async (found: ReturnType<typeof claim>) => {
		const one = await found
		if (one.kind !== 'run') throw new Error(one.kind)
		return one.claim
	}

	test('is waited for until its lease is over, then made again by the same request only', async () => {
		const first = await claimOf(claim())
		expect((await claim('h', REQUEST_LEASE_MS - 1)).kind).toBe('running')
		expect((await claim('other', REQUEST_LEASE_MS)).kind).toBe('other')
		const second = await claimOf(claim('h', REQUEST_LEASE_MS))
		expect((await claim('h', REQUEST_LEASE_MS)).kind).toBe('running')
		// The first one was not dead after all: what it says is no longer asked for.
		await storeResponse(env.DB, env.MASTER_KEYS, request, first, answer)
		await releaseClaim(env.DB, request, first)
		expect((await claim('h', REQUEST_LEASE_MS)).kind).toBe('running')
		await storeResponse(env.DB, env.MASTER_KEYS, request, second, answer)
		expect(await claim('h', REQUEST_LEASE_MS)).toEqual({ kind: 'answer', answer })
		await releaseClaim(env.DB, request, second)
		expect((await claim('h', REQUEST_LEASE_MS)).kind).toBe('answer')
	})

	test('an answer whose key has left the key ring is lost, and the request is not made again', async () => {
		await storeResponse(env.DB, env.MASTER_KEYS, request, await claimOf(claim()), answer)
		const ring = `other:${Buffer.alloc(32, 9).toString('base64')}`
		expect((await claimRequest(env.DB, ring, request, 1)).kind).toBe('lost')
	})
})

test('an answer that is too large to keep goes out once; then a 409 says that it was made', async () => {
	let made = 0
	const app = new Hono<any>()
	app.onError((error, c) => c.text(error.message, (error as any).status ?? 500))
	app.post(
		'/large',
		async (c, next) => {
			c.set('services', { now: () => 0 })
			c.set('user', { id: 1, organizationId: 1 })
			c.set('credential', { kind: 'secrets' })
			c.set('tokenInstance', null)
			await next()
		},
		idempotencyMiddleware(null) as never,
		(c) => c.text('x'.repeat(MAX_STORED_RESPONSE_BYTES + (made++ === 0 ? 1 : 0))),
	)
	const ask = async () => {
		const context = createExecutionContext()
		const response = await app.request('/large', { method: 'POST', headers: KEY }, env, context)
		await waitOnExecutionContext(context)
		return { status: response.status, text: await response.text() }
	}
	expect((await ask()).text).toHaveLength(MAX_STORED_RESPONSE_BYTES + 1)
	const again = await ask()
	expect([again.status, again.text]).toEqual([
		409,
		expect.stringMatching(/this request was made, but its response was not stored/),
	])
	expect(made).toBe(1)
	// What just fits, sealed, fits a value of D1.
	await env.DB.prepare('DELETE FROM idempotency').run()
	expect((await ask()).text).toHaveLength(MAX_STORED_RESPONSE_BYTES)
	expect((await ask()).text).toHaveLength(MAX_STORED_RESPONSE_BYTES)
	expect(made).toBe(2)
})

async function hashed(token: string): Promise<string> {
	const { hashSecret } = await import('../../../src/accounts/secrets.ts')
	return hashSecret(token)
}

/** Connect without keys: the merchant approves at the store, the store hands the keys over, the instance is made from the draft, once. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { runCron } from '../../../src/instances/cron.ts'
import { addOrganization, env, resetDatabase, createServices, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient

const MINUTE = 60_000

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld((request) => store.fetch(request))
	store = createStore({
		objects: 4,
		url: 'https://shop.example.com',
		now: () => client.world.nowMs,
		deliver: (request) => client.send(request),
	})
})

const draft = (configuration: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) => ({
	configuration: {
		'store.url': store.url,
		'event.notification.enabled': true,
		'event.vendor.type': 'webhook',
		'event.notification.callback.url': 'https://app.example.com/hook',
		...configuration,
	},
	name: 'Connected',
	tags: ['c'],
	callbackUrl: 'https://app.example.com/connected?keep=1',
	...rest,
})

async function start(body: unknown = draft()): Promise<{ state: string; oauthUrl: string }> {
	const answer = await client.call('POST', '/elements/woocommercerest/oauth/url', body)
	expect([answer.status, answer.body.message]).toEqual([200, undefined])
	expect(answer.body.element).toBe('woocommercerest')
	return answer.body
}

const outcome = async (state: string) => (await client.call('GET', `/elements/woocommercerest/oauth/${state}`)).body

/** What the merchant does on the store's page; where the browser lands. */
async function answerAtStore(oauthUrl: string, answer: 'approve' | 'deny'): Promise<Response> {
	const response = await store.fetch(
		new Request(oauthUrl, { method: 'POST', body: new URLSearchParams({ answer }), redirect: 'manual' }),
	)
	return response
}

const visit = (url: string) => client.send(new Request(url, { headers: { Accept: 'text/html' }, redirect: 'manual' }))

async function rows(table: string): Promise<Record<string, any>[]> {
	return (await env.DB.prepare(`SELECT * FROM ${table}`).all<Record<string, any>>()).results
}

async function expectPage(response: Response, status: number, words: string): Promise<void> {
	const text = await response.text()
	expect(text).toContain(words)
	expect(response.status).toBe(status)
	expect(response.headers.get('Content-Type')).toBe('text/html; charset=utf-8')
	expect(response.headers.get('Content-Security-Policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
	expect(response.headers.get('Referrer-Policy')).toBe('no-referrer')
	expect(text).not.toMatch(/<script|onload|javascript:/i)
}

test.each(['_method=POST', 'rest_route=/wp/v2/users', 'colour=red'])(
	'a draft whose poller url has %s is a 400 that names the field',
	async (query) => {
		const poller = { orders: { url: `/hubs/ecommerce/orders?${query}` } }
		const answer = await client.call(
			'POST',
			'/elements/woocommercerest/oauth/url',
			draft({ 'event.poller.configuration': poller }),
		)
		expect([answer.status, answer.body.message]).toEqual([
			400,
			expect.stringMatching(/^event\.poller\.configuration\.orders\.url: /),
		])
		expect(await rows('drafts')).toEqual([])
	},
)

describe('approved', () => {
	test('the instance is made from the draft, with webhooks, and the browser lands at the application', async () => {
		const { state, oauthUrl } = await start()
		expect(oauthUrl).toMatch(/^https:\/\/shop\.example\.com\/wc-auth\/v1\/authorize\?/)
		expect(await outcome(state)).toEqual({ status: 'waiting' })
		const page = await store.fetch(new Request(oauthUrl))
		expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Approve')])
		const approved = await answerAtStore(oauthUrl, 'approve')
		expect(approved.status).toBe(302)
		expect(store.deliveries().filter(({ topic }) => topic === 'wc-auth')).toMatchObject([{ status: 200 }])
		const { id, ...rest } = await outcome(state)
		expect(rest).toEqual({ status: 'created' })
		const back = await visit(approved.headers.get('location')!)
		expect([back.status, back.headers.get('location')]).toEqual([
			302,
			`https://app.example.com/connected?keep=1&state=${state}&instanceId=${id}`,
		])
		const { body: made } = await client.call('GET', `/instances/${id}`)
		expect(made).toMatchObject({
			name: 'Connected',
			tags: ['c'],
			eventsEnabled: true,
			eventsNotificationCallbackUrl: 'https://app.example.com/hook',
		})
		expect(store.webhooks().filter(({ name }) => name === `Shopbell ${id}`)).toHaveLength(16)
		expect(
			(
				await client.call('GET', '/hubs/ecommerce/orders', undefined, {
					authorization: `User ${client.userSecret}, Element ${made.token}`,
				})
			).status,
		).toBe(200)
	})

	test("Cloud Elements' form is the same with an empty draft", async () => {
		const answer = await client.call(
			'GET',
			`/elements/2881/oauth/url?siteAddress=${encodeURIComponent(store.url)}&callbackUrl=${encodeURIComponent('https://app.example.com/x')}`,
		)
		expect(answer.status).toBe(200)
		await answerAtStore(answer.body.oauthUrl, 'approve')
		const { status, id } = await outcome(answer.body.state)
		expect(status).toBe('created')
		expect((await client.call('GET', `/instances/${id}`)).body).toMatchObject({
			name: 'shop.example.com',
			eventsEnabled: false,
		})
		expect((await client.call('GET', '/elements/2881/oauth/url')).body.message).toContain('siteAddress')
	})

	test('without a callbackUrl the browser stays with us', async () => {
		const { oauthUrl } = await start(draft({}, { callbackUrl: undefined }))
		const approved = await answerAtStore(oauthUrl, 'approve')
		await expectPage(await visit(approved.headers.get('location')!), 200, 'The shop is connected')
	})

	test('nothing of it is kept in the clear, nor in the log of requests', async () => {
		const { state, oauthUrl } = await start()
		expect(await rows('drafts')).toHaveLength(1)
		expect(JSON.stringify(await rows('drafts'))).not.toContain(state)
		expect(JSON.stringify(await rows('drafts'))).not.toContain('app.example.com')
		const lines: string[] = []
		const { log } = console
		console.log = (line: string) => void lines.push(line)
		await answerAtStore(oauthUrl, 'approve')
		await outcome(state)
		console.log = log
		expect(lines.length).toBeGreaterThan(0)
		expect(lines.join()).not.toContain(state)
		expect(lines.join()).not.toMatch(/c[ks]_[0-9a-f]{40}/)
	})
})

describe('not approved', () => {
	test('denied: a page, and a draft that is over', async () => {
		const { state, oauthUrl } = await start()
		const denied = await answerAtStore(oauthUrl, 'deny')
		await expectPage(await visit(denied.headers.get('location')!), 200, 'was not connected')
		expect(await outcome(state)).toMatchObject({ status: 'denied' })
		const late = await answerAtStore(oauthUrl, 'approve')
		expect(late.status).toBe(401)
		expect(await rows('instances')).toEqual([])
	})

	test('expired: the keys are refused, so that the store takes them back', async () => {
		const { state, oauthUrl } = await start()
		client.world.nowMs += 30 * MINUTE
		expect((await answerAtStore(oauthUrl, 'approve')).status).toBe(401)
		expect(Object.keys(store.keys).filter((name) => name.startsWith('wc-auth'))).toEqual([])
		expect(await outcome(state)).toMatchObject({ status: 'failed', reason: expect.stringContaining('30 minutes') })
		await expectPage(
			await visit(`https://bell.example.com/connect/woocommerce/${state}/return?success=1&user_id=${state}`),
			410,
			'has expired',
		)
	})

	const post = (state: string, body: unknown) =>
		client.send(
			new Request(`https://bell.example.com/connect/woocommerce/${state}`, {
				method: 'POST',
				headers: { 'Content-Type': 'application/json;charset=UTF-8' },
				body: typeof body === 'string' ? body : JSON.stringify(body),
			}),
		)
	const keys = (state: string) => ({
		key_id: 1,
		user_id: state,
		consumer_key: store.credentials.key,
		consumer_secret: store.credentials.secret,
		key_permissions: 'read_write',
	})

	test('replayed: a second hand-over of the same draft finds nothing', async () => {
		const { state } = await start()
		expect((await post(state, keys(state))).status).toBe(200)
		await expectPage(await post(state, keys(state)), 404, 'not valid')
		expect(await rows('instances')).toHaveLength(1)
	})

	test.each([
		['before the store sends its keys', false],
		['before the browser returns', true],
	])('a master key that is gone %s is said on the page, without an error in the log', async (_when, isConnected) => {
		const { state } = await start()
		const failed = vi.spyOn(console, 'error')
		if (isConnected) expect((await post(state, keys(state))).status).toBe(200)
		client.world.settings = { MASTER_KEYS: `other:${Buffer.alloc(32, 9).toString('base64')}` }
		const back = `https://bell.example.com/connect/woocommerce/${state}/return?success=1&user_id=${state}`
		if (!isConnected) await expectPage(await post(state, keys(state)), 409, 'can no longer read this request')
		await expectPage(await visit(back), 200, isConnected ? 'The shop is connected' : 'can no longer read this request')
		expect(await rows('instances')).toHaveLength(isConnected ? 1 : 0)
		expect(failed).not.toHaveBeenCalled()
	})

	test.each<[string, (userId: number, keyId: number) => Promise<unknown>]>([
		['demoted', (userId) => client.call('PATCH', `/users/${userId}`, { role: 'viewer' })],
		['gone', (userId) => env.DB.prepare('UPDATE users SET deleted_ms = 1 WHERE id = ?').bind(userId).run()],
		['whose API key was deleted', (_userId, keyId) => client.call('DELETE', `/accounts/api-keys/${keyId}`)],
		['whose API key expired', () => env.DB.prepare('UPDATE api_keys SET expires_ms = 1').run()],
	])('begun by somebody who is %s meanwhile: nothing is made, no key is stored', async (_how, lose) => {
		const { hashSecret, newToken } = await import('../../../src/accounts/secrets.ts')
		const { id } = (
			await client.call('POST', '/users', {
				email: 'dev@acme.example',
				firstName: 'D',
				lastName: 'V',
				role: 'developer',
			})
		).body.user
		const token = newToken('session')
		await env.DB.prepare(
			"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, ?, '', 0, 9e15)",
		)
			.bind(hashSecret(token), id)
			.run()
		const key = await client.call(
			'POST',
			'/accounts/api-keys',
			{ name: 'k', scopes: ['instances:write'] },
			{ authorization: `Bearer ${token}` },
		)
		const { body } = await client.call('POST', '/elements/woocommercerest/oauth/url', draft(), {
			authorization: `Bearer ${key.body.key}`,
		})
		await lose(id, key.body.id)
		const approved = await answerAtStore(body.oauthUrl, 'approve')
		expect(store.deliveries().filter(({ topic }) => topic === 'wc-auth')).toMatchObject([{ status: 403 }])
		const reason = 'Whoever asked for this connection may not connect stores any more; ask for a new one'
		expect(await outcome(body.state)).toEqual({ status: 'failed', reason })
		expect(await rows('instances')).toEqual([])
		expect(await rows('drafts')).toMatchObject([{ status: 'failed', sealed: '' }])
		expect(store.webhooks()).toEqual([])
		const location = approved.headers.get('location')
		if (location !== null) expect(await (await visit(location)).text()).not.toContain('is connected')
	})

	test('two at once: one instance', async () => {
		const { state } = await start()
		const answers = await Promise.all([post(state, keys(state)), post(state, keys(state)), post(state, keys(state))])
		expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 404, 404])
		expect(await rows('instances')).toHaveLength(1)
	})

	test('forged: keys of another store, states of nobody, bodies of no store', async () => {
		const { state } = await start()
		const other = createStore({ objects: 2, seed: 9, url: 'https://other.example.com' })
		const mine = 'A'.repeat(43)
		await expectPage(await post(mine, keys(mine)), 404, 'not valid')
		await expectPage(await post(state, keys(mine)), 404, 'not valid')
		for (const body of ['', 'x', '{}', '[]', 'user_id=1', '{"user_id":1}', 'x'.repeat(20_000)])
			await expectPage(await post(state, body), 400, 'Invalid keys')
		expect(await outcome(state)).toEqual({ status: 'waiting' })
		const foreign = {
			...keys(state),
			consumer_key: 'ck_0000000000000000000000000000000000000000',
			consumer_secret: other.credentials.secret,
		}
		await expectPage(await post(state, foreign), 409, 'could not be connected')
		expect(await outcome(state)).toMatchObject({ status: 'failed', reason: expect.stringContaining('key') })
		await expectPage(
			await visit(`https://bell.example.com/connect/woocommerce/${state}/return?success=1`),
			200,
			'does not know this API key',
		)
		expect(await rows('instances')).toEqual([])
	})

	test('a browser that comes with a made-up or foreign state, or before the keys', async () => {
		const { state } = await start()
		await expectPage(
			await visit(`https://bell.example.com/connect/woocommerce/${'B'.repeat(43)}/return?success=1`),
			404,
			'not valid',
		)
		await expectPage(await visit('https://bell.example.com/connect/woocommerce/x/return?success=1'), 404, 'not valid')
		await expectPage(await visit(`https://bell.example.com/connect/woocommerce/${state}`), 404, 'not valid')
		await expectPage(
			await visit(`https://bell.example.com/connect/woocommerce/${state}/return?success=0&user_id=other`),
			404,
			'not valid',
		)
		await expectPage(
			await visit(`https://bell.example.com/connect/woocommerce/${state}/return?success=1&user_id=${state}`),
			200,
			'on their way',
		)
		expect(await outcome(state)).toEqual({ status: 'waiting' })
	})

	test('a reason that the store wrote is shown as text', async () => {
		const { state } = await start()
		client.world.store = async () =>
			new Response('<html><title><script>alert(1)</script></title></html>', { status: 503 })
		await expectPage(await post(state, keys(state)), 409, 'could not be connected')
	})
})

describe('asking for it', () => {
	test('without an https address: 409 that says so; a local setting lifts it', async () => {
		for (const url of ['http://bell.example.com', '', 'https://127.0.0.1']) {
			client.world.settings = { PUBLIC_URL: url, ALLOW_PRIVATE_NETWORK: 'false' }
			const { status, body } = await client.call('POST', '/elements/woocommercerest/oauth/url', draft())
			expect([status, body.message], url).toEqual([409, expect.stringContaining('https')])
		}
		client.world.settings = { PUBLIC_URL: 'http://127.0.0.1:8787', ALLOW_PRIVATE_NETWORK: 'true' }
		expect((await client.call('POST', '/elements/woocommercerest/oauth/url', draft())).status).toBe(200)
	})

	test('what the draft lacks is said at once', async () => {
		for (const [body, words] of [
			[draft({ 'store.url': undefined }), 'store.url'],
			[draft({ 'event.vendor.type': 'carrier pigeon' }), 'event.vendor.type'],
			[draft({ 'event.poller.configuration': { x: {} } }), 'event.poller.configuration.x.url'],
			[draft({}, { callbackUrl: 'javascript:alert(1)' }), 'callbackUrl'],
			[draft({}, { tags: Array.from({ length: 21 }, (_, n) => String(n)) }), 'tags'],
		] as const) {
			const { status, body: error } = await client.call('POST', '/elements/woocommercerest/oauth/url', body)
			expect([status, error.message]).toEqual([400, expect.stringContaining(words)])
		}
		expect((await client.call('POST', '/elements/shopify/oauth/url', draft())).status).toBe(404)
		expect(await rows('drafts')).toEqual([])
	})

	test("another organization's drafts do not exist", async () => {
		const { state } = await start()
		const authorization = await addOrganization(2)
		expect(
			(await client.call('GET', `/elements/woocommercerest/oauth/${state}`, undefined, { authorization })).status,
		).toBe(404)
		expect((await client.call('GET', `/elements/woocommercerest/oauth/${'C'.repeat(43)}`)).status).toBe(404)
		expect(
			(await client.call('GET', `/elements/woocommercerest/oauth/${state}`, undefined, { authorization: null })).status,
		).toBe(401)
	})

	test('what is over is forgotten: its content at once, its outcome after a day', async () => {
		await start()
		client.world.nowMs += 31 * MINUTE
		const round = () => runCron({ ...createServices(client.world), env })
		await round()
		expect(await rows('drafts')).toMatchObject([{ sealed: '', status: 'waiting' }])
		client.world.nowMs += 24 * 60 * MINUTE
		await round()
		expect(await rows('drafts')).toEqual([])
	})
})

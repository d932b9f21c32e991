/** Webhooks over an instance's life: made with it, moved, rotated, paused and removed, at a store that answers, refuses and fails. */
import { toRefText } from '../../../src/lib/incarnation.ts'
import { refOf } from './harness.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import { runCron } from '../../../src/instances/cron.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { env, resetDatabase, instanceBody, createServices, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient

const MINUTE = 60_000
const DAY = 86_400_000
const FIRST = () => parseMasterKeys(env.MASTER_KEYS)[0]!.bytes

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld((request) => store.fetch(request))
	store = createStore({
		objects: 4,
		url: 'https://shop.example.com',
		now: () => client.world.nowMs,
		deliver: (request) => client.send(request),
		webhooks: { allowLocalDelivery: true },
	})
})

function body(
	configuration: Record<string, unknown> = {},
	key: { key: string; secret: string } = store.credentials,
): Record<string, unknown> {
	return instanceBody({
		configuration: {
			'store.url': store.url,
			'oauth.api.key': key.key,
			'oauth.api.secret': key.secret,
			'event.vendor.type': 'webhook',
			'event.poller.configuration': undefined,
			...configuration,
		},
	})
}

async function rows(table: string): Promise<Record<string, any>[]> {
	return (await env.DB.prepare(`SELECT * FROM ${table}`).all<Record<string, any>>()).results
}

async function make(configuration: Record<string, unknown> = {}): Promise<number> {
	const { status, body: made } = await client.call('POST', '/instances', body(configuration))
	expect([status, made.message]).toEqual([200, undefined])
	return made.id
}

const row = async (id: number) => (await rows('instances')).find((one) => one['id'] === id)!
const ours = (id: number) => store.webhooks().filter((hook) => hook.name === `Shopbell ${id}`)
const round = () => runCron({ ...createServices(client.world), env: { ...env, ...client.world.settings } })
const secret = (id: number, topic: string, version = 1) =>
	webhooks.deriveSecret(FIRST(), refOf(id).incarnation, topic, version)

describe('creation', () => {
	test('row, object, webhooks: one batch of sixteen, with derived secrets and the receiver of this instance', async () => {
		const id = await make()
		const url = `https://bell.example.com/elements/api-v2/events/woocommercerest/${btoa(toRefText(refOf(id)))}?v=1`
		expect(
			ours(id)
				.map((hook) => hook.topic)
				.sort(),
		).toEqual([...webhooks.topics].sort())
		for (const hook of ours(id))
			expect(hook).toMatchObject({ status: 'active', url, secret: secret(id, hook.topic), unproven: false })
		expect(client.world.requests.filter((request) => request.includes('webhooks'))).toHaveLength(2)
		// The pings came while the instance was made, and asked its object nothing.
		expect(client.world.watchers.calls).toEqual([`${id} create`, `${id} configure 1{}`])
		expect(await row(id)).toMatchObject({ state: 'ready', hook_version: 1, hook_key: 'test', hook_work: null })
	})

	test('a change at the store arrives, verified', async () => {
		const id = await make()
		store.act({ do: 'place-order' })
		client.world.nowMs += MINUTE
		await store.runQueue()
		expect(client.world.watchers.deliveries.length).toBeGreaterThan(0)
		for (const delivery of client.world.watchers.deliveries)
			expect(delivery).toMatchObject({ instanceId: id, version: 1, source: 'https://shop.example.com/' })
		expect(store.deliveries().filter(({ result }) => result === 'failed')).toEqual([])
	})

	test('hybrid has them too; polling and an instance without events have none; only what is watched has topics', async () => {
		expect(ours(await make({ 'event.vendor.type': 'hybrid' }))).toHaveLength(16)
		expect(ours(await make({ 'event.vendor.type': 'polling' }))).toEqual([])
		expect(ours(await make({ 'event.notification.enabled': false }))).toEqual([])
		const orders = await make({
			'event.poller.configuration': { o: { url: '/hubs/ecommerce/orders' }, t: { url: '/hubs/ecommerce/taxes' } },
		})
		expect(
			ours(orders)
				.map(({ topic }) => topic)
				.sort(),
		).toEqual(['order.created', 'order.deleted', 'order.restored', 'order.updated'])
		expect(store.webhooks()).toHaveLength(20)
	})

	test.each<[string, string, string, string]>([['read only', 'ro', 'Read/Write', 'write permissions']])(
		'a key that is %s: 400 that names the right, and nothing stays behind',
		async (_name, key, right, said) => {
			const { status, body: error } = await client.call('POST', '/instances', body({}, store.keys[key]))
			expect(status).toBe(400)
			expect(error.message).toContain(right)
			expect(error.providerMessage).toContain(said)
			expect(await rows('instances')).toEqual([])
			expect(store.webhooks()).toEqual([])
			expect(client.world.watchers.calls.at(-1)).toMatch(/destroy$/)
		},
	)

	test('a user who may see orders but not webhooks: 400 that says who may', async () => {
		store.setFaults({ match: 'webhooks', status: 403, form: 'json' })
		client.world.store = async (request) =>
			request.url.includes('/webhooks')
				? Response.json(
						{
							code: 'woocommerce_rest_cannot_view',
							message: 'Sorry, you cannot list resources.',
							data: { status: 403 },
						},
						{ status: 403 },
					)
				: store.fetch(request)
		const { status, body: error } = await client.call('POST', '/instances', body())
		expect([status, error.message]).toEqual([400, expect.stringContaining('Shop manager')])
		expect(await rows('instances')).toEqual([])
	})

	test('an item that is refused: the others are removed again, and the instance with them', async () => {
		client.world.store = async (request) => {
			const answer = await store.fetch(request.clone())
			if (!request.url.includes('webhooks/batch')) return answer
			const items = await answer.json<Record<string, unknown[]>>()
			if (items['create']?.[3] !== undefined)
				items['create'][3] = { id: 0, error: { code: 'internal', message: 'Out of luck.', data: { status: 500 } } }
			return Response.json(items)
		}
		const { status, body: error } = await client.call('POST', '/instances', body())
		expect(status).toBe(502)
		expect(error.message).toContain('Out of luck.')
		expect(store.webhooks()).toEqual([])
		expect(await rows('instances')).toEqual([])
	})

	test('a batch whose answer is lost: what the store made is removed, and looked for again later', async () => {
		let lost = false
		client.world.store = async (request) => {
			const answer = await store.fetch(request.clone())
			if (lost || !request.url.includes('webhooks/batch')) return answer
			lost = true
			throw new TypeError('fetch failed')
		}
		const { status } = await client.call('POST', '/instances', body())
		expect(status).toBe(502)
		expect(store.webhooks()).toEqual([])
		const [left] = await rows('instances')
		expect(left).toMatchObject({ state: 'deleted', hook_work: 'remove' })
		// The store was still at it.
		store.makeWebhook({
			name: `Shopbell ${left!['id']}`,
			topic: 'order.updated',
			delivery_url: `https://bell.example.com/elements/api-v2/events/woocommercerest/${btoa(toRefText(refOf(Number(left!['id']))))}?v=1`,
		})
		client.world.nowMs += 5 * MINUTE
		await round()
		expect(store.webhooks()).toEqual([])
		expect(await rows('instances')).toEqual([])
	})

	test.each([
		['a loopback address', 'http://127.0.0.1:8787'],
		['a port that WooCommerce does not deliver to', 'https://bell.example.com:8443'],
		['no address', ''],
	])('%s: 409 that says what to set, and the store is not even asked', async (_name, url) => {
		client.world.settings = { PUBLIC_URL: url, ALLOW_PRIVATE_NETWORK: 'false' }
		const { status, body: error } = await client.call('POST', '/instances', body())
		expect([status, error.message]).toEqual([409, expect.stringMatching(/^the store cannot reach .*set PUBLIC_URL/)])
		expect(client.world.requests).toEqual([])
		expect((await client.call('POST', '/instances', body({ 'event.vendor.type': 'polling' }))).status).toBe(200)
	})

	test('webhooks in every status that are ours already are adopted, not doubled', async () => {
		const id = await make()
		await client.call('PATCH', `/instances/${id}`, { configuration: { 'event.vendor.type': 'polling' } })
		store.makeWebhook({
			name: `Shopbell ${id}`,
			topic: 'order.updated',
			status: 'disabled',
			secret: 'old',
			delivery_url: `http://old.example/elements/api-v2/events/woocommercerest/${btoa(toRefText(refOf(id)))}`,
		})
		await client.call('PATCH', `/instances/${id}`, { configuration: { 'event.vendor.type': 'webhook' } })
		expect(ours(id)).toHaveLength(16)
		for (const hook of ours(id)) expect(hook).toMatchObject({ status: 'active', secret: secret(id, hook.topic) })
	})
})

describe('changes', () => {
	test('switched to polling they are removed, switched back they are made', async () => {
		const id = await make()
		await client.call('PATCH', `/instances/${id}`, { configuration: { 'event.vendor.type': 'polling' } })
		expect(ours(id)).toEqual([])
		expect(await row(id)).toMatchObject({ hook_key: null, hook_work: null })
		await client.call('PATCH', `/instances/${id}`, { configuration: { 'event.vendor.type': 'hybrid' } })
		expect(ours(id)).toHaveLength(16)
		await client.call('PATCH', `/instances/${id}`, { configuration: { 'event.notification.enabled': false } })
		expect(ours(id)).toEqual([])
	})

	test('a switch to webhooks that the store refuses changes nothing', async () => {
		const { body: made } = await client.call(
			'POST',
			'/instances',
			body({ 'event.vendor.type': 'polling' }, store.keys['ro']),
		)
		const before = await rows('instances')
		const { status, body: error } = await client.call('PATCH', `/instances/${made.id}`, {
			configuration: { 'event.vendor.type': 'webhook' },
		})
		expect([status, error.message]).toEqual([400, expect.stringContaining('Read/Write')])
		expect(await rows('instances')).toEqual(before)
	})

	test('other changes do not ask the store; other resources do', async () => {
		const id = await make()
		client.world.requests.length = 0
		await client.call('PATCH', `/instances/${id}`, { name: 'New' })
		expect(client.world.requests).toEqual([])
		await client.call('PATCH', `/instances/${id}`, {
			configuration: { 'event.poller.configuration': { o: { url: '/hubs/ecommerce/orders' } } },
		})
		expect(ours(id)).toHaveLength(4)
	})

	test('another store: its webhooks are made, and those at the store that was left are removed', async () => {
		const id = await make()
		const other = createStore({
			objects: 2,
			url: 'https://other.example.com',
			now: () => client.world.nowMs,
			deliver: (request) => client.send(request),
		})
		client.world.store = (request) => (request.url.startsWith(other.url) ? other : store).fetch(request)
		const configuration = {
			'store.url': other.url,
			'oauth.api.key': other.credentials.key,
			'oauth.api.secret': other.credentials.secret,
		}
		expect((await client.call('PATCH', `/instances/${id}?rebaseline=true`, { configuration })).status).toBe(200)
		expect(other.webhooks()).toHaveLength(16)
		expect(store.webhooks()).toEqual([])
	})

	test('disabled they are paused, enabled they wake; a store that is away is updated later', async () => {
		const id = await make()
		await client.call('DELETE', `/instances/${id}/enabled`)
		expect(ours(id).every(({ status }) => status === 'paused')).toBe(true)
		await client.call('PUT', `/instances/${id}/enabled`)
		expect(ours(id).every(({ status }) => status === 'active')).toBe(true)
		store.setFaults({ status: 503 })
		expect((await client.call('DELETE', `/instances/${id}/enabled`)).status).toBe(200)
		expect(await row(id)).toMatchObject({ enabled: 0, hook_work: 'pause' })
		client.world.nowMs += 5 * MINUTE
		await round()
		expect(await row(id)).toMatchObject({ hook_work: 'pause' })
		store.setFaults({})
		client.world.nowMs += 10 * MINUTE
		await round()
		expect(await row(id)).toMatchObject({ hook_work: null, hook_key: 'test' })
		expect(ours(id).every(({ status }) => status === 'paused')).toBe(true)
	})
})

describe('deletion', () => {
	test('takes the webhooks along', async () => {
		const id = await make()
		expect((await client.call('DELETE', `/instances/${id}`)).status).toBe(200)
		expect(store.webhooks()).toEqual([])
		expect(await rows('instances')).toEqual([])
	})

	test('a store that is away is asked again, less and less often, until it answers', async () => {
		const id = await make()
		store.setFaults({ status: 500 })
		expect((await client.call('DELETE', `/instances/${id}`)).status).toBe(200)
		expect((await client.call('GET', `/instances/${id}`)).status).toBe(404)
		expect(await row(id)).toMatchObject({ state: 'deleted', hook_work: 'remove' })
		client.world.requests.length = 0
		for (let n = 0; n < 96; n++) {
			client.world.nowMs += 15 * MINUTE
			await round()
		}
		expect(client.world.requests.length).toBeGreaterThan(5)
		expect(client.world.requests.length).toBeLessThan(60)
		store.setFaults({})
		client.world.nowMs += 6 * 60 * MINUTE
		await round()
		expect(store.webhooks()).toEqual([])
		expect(await rows('instances')).toEqual([])
	}, 60_000)

	test('after seven days it is given up', async () => {
		const id = await make()
		store.setFaults({ status: 500 })
		await client.call('DELETE', `/instances/${id}`)
		client.world.nowMs += 7 * DAY - MINUTE
		await round()
		expect(await row(id)).toBeDefined()
		client.world.nowMs += 2 * MINUTE
		await round()
		expect(await rows('instances')).toEqual([])
	})
})

describe('rotation and keys', () => {
	const deliver = async () => {
		store.act({ do: 'place-order' })
		client.world.nowMs += MINUTE
		await store.runQueue()
		return client.world.watchers.deliveries.splice(0).map(({ version }) => version)
	}

	test('the store gets the next version, the one before is good for a day', async () => {
		const id = await make()
		client.world.watchers.calls.length = 0
		const { status, body: answer } = await client.call('POST', `/instances/${id}/webhooks/rotate`)
		expect(status).toBe(200)
		expect(answer).toMatchObject({
			version: 2,
			previousUntil: '2026-06-02T12:00:00Z',
			pending: null,
			deliveryUrl: expect.stringMatching(/\?v=2$/),
		})
		expect(client.world.watchers.calls).toEqual([`${id} configure 2{}`])
		for (const hook of ours(id))
			expect(hook).toMatchObject({ secret: secret(id, hook.topic, 2), url: answer.deliveryUrl })
		expect(new Set(await deliver())).toEqual(new Set([2]))
		expect((await rows('audit_log')).at(-1)).toMatchObject({ action: 'instance.webhooks.rotate' })
	})

	test('a store that is away keeps the version before, however long it takes; a second rotation waits', async () => {
		const id = await make()
		store.setFaults({ match: 'rest', status: 500 })
		client.world.store = async () => new Response('', { status: 500 })
		expect((await client.call('POST', `/instances/${id}/webhooks/rotate`)).status).toBe(202)
		expect((await client.call('POST', `/instances/${id}/webhooks/rotate`)).status).toBe(409)
		for (let n = 0; n < 20; n++) {
			client.world.nowMs += 3 * 60 * MINUTE
			await round()
			expect((await row(id))['hook_previous_until_ms']).toBeGreaterThan(client.world.nowMs)
		}
		store.setFaults({})
		client.world.store = (request) => store.fetch(request)
		expect(new Set(await deliver())).toEqual(new Set([1]))
		client.world.nowMs += 6 * 60 * MINUTE
		await round()
		expect(await row(id)).toMatchObject({ hook_work: null })
		expect(new Set(await deliver())).toEqual(new Set([2]))
	})

	test('an instance without webhooks has nothing to rotate', async () => {
		expect(
			(await client.call('POST', `/instances/${await make({ 'event.vendor.type': 'polling' })}/webhooks/rotate`))
				.status,
		).toBe(409)
		const id = await make()
		await client.call('DELETE', `/instances/${id}/enabled`)
		expect((await client.call('POST', `/instances/${id}/webhooks/rotate`)).status).toBe(409)
	})

	test('a new master key: deliveries in flight are taken, the stores are given new secrets, and the old key may leave', async () => {
		const id = await make({ 'event.notification.signature.key': 'sign-me' })
		const added = `new:${Buffer.alloc(32, 9).toString('base64')}`
		client.world.settings = { MASTER_KEYS: `${added},${env.MASTER_KEYS}` }
		expect((await client.call('GET', '//healthz')).body).toMatchObject({
			keys: ['new', 'test'],
			keysInUse: ['new', 'test'],
		})
		expect((await deliver()).length).toBeGreaterThan(0)
		await round()
		for (const hook of ours(id))
			expect(hook.secret).toBe(webhooks.deriveSecret(Buffer.alloc(32, 9), refOf(id).incarnation, hook.topic, 1))
		expect((await deliver()).length).toBeGreaterThan(0)
		client.world.nowMs += 2 * MINUTE
		expect((await client.call('GET', '//healthz')).body.keysInUse).toEqual(['new'])
		client.world.settings = { MASTER_KEYS: added }
		expect((await client.call('GET', `/instances/${id}`)).body.configuration['event.notification.signature.key']).toBe(
			'********',
		)
		expect(
			(
				await client.call('PATCH', `/instances/${id}`, {
					configuration: { 'oauth.api.secret': store.credentials.secret },
				})
			).status,
		).toBe(200)
		expect((await deliver()).length).toBeGreaterThan(0)
		expect(store.deliveries().filter(({ result }) => result === 'failed')).toEqual([])
	})
})

describe('what is shown', () => {
	test('the address and a secret for each topic, what the object knows, and an audit row for the look §11.8', async () => {
		const id = await make()
		const { body: shown } = await client.call('GET', `/instances/${id}/webhooks`)
		expect(shown).toMatchObject({
			version: 1,
			previousUntil: null,
			pending: null,
			deliveryUrl: `https://bell.example.com/elements/api-v2/events/woocommercerest/${btoa(toRefText(refOf(id)))}?v=1`,
			hintsOnly: [],
			degraded: null,
			deliveries: { taken: 0 },
		})
		expect(shown.topics).toHaveLength(16)
		for (const { topic, secret: own, resources } of shown.topics) {
			expect(own).toBe(secret(id, topic))
			expect(resources).toEqual([`${topic.split('.')[0]}s`])
		}
		const log = (await rows('audit_log')).at(-1)!
		expect(log).toMatchObject({ action: 'instance.webhooks.show', user_id: 1 })
		expect(JSON.stringify(log)).not.toContain(shown.topics[0].secret)
		// A webhook that the merchant makes with it is verified as any other.
		store.makeWebhook({
			name: 'By hand',
			topic: 'order.created',
			delivery_url: shown.deliveryUrl,
			secret: shown.topics.find((one: any) => one.topic === 'order.created').secret,
		})
		store.act({ do: 'place-order' })
		client.world.nowMs += MINUTE
		await store.runQueue()
		expect(store.deliveries().filter(({ result }) => result === 'failed')).toEqual([])
	})

	test('a polled instance shows no secrets', async () => {
		const id = await make({ 'event.vendor.type': 'polling' })
		expect((await client.call('GET', `/instances/${id}/webhooks`)).body).toMatchObject({
			deliveryUrl: null,
			topics: [],
		})
	})

	test('coverage looks back a day, or as it is asked §11.8', async () => {
		const id = await make()
		client.world.watchers.calls.length = 0
		expect((await client.call('GET', `/instances/${id}/coverage`)).body).toMatchObject({
			from: '2026-05-31T12:00:00Z',
			to: '2026-06-01T12:00:00Z',
			recovered: 0,
		})
		expect((await client.call('GET', `/instances/${id}/coverage?from=2026-01-01&to=2026-02-01T00:00:00Z`)).status).toBe(
			200,
		)
		expect(client.world.watchers.calls[1]).toBe(
			`${id} coverage ${Date.parse('2026-01-01')} ${Date.parse('2026-02-01')}`,
		)
		for (const query of ['from=2026-02-01&to=2026-01-01', 'from=soon'])
			expect((await client.call('GET', `/instances/${id}/coverage?${query}`)).status).toBe(400)
		client.world.watchers.coverageTooLarge = true
		const refused = await client.call('GET', `/instances/${id}/coverage?from=1970-01-01`)
		expect([refused.status, refused.body.message]).toEqual([
			400,
			expect.stringContaining('from, to: expected a shorter range'),
		])
	})
})

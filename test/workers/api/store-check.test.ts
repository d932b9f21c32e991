/** The checks of a configuration (docs/contract.md §11.20): what they say of each part, and that they leave nothing behind. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient
let callback: (request: Request) => Promise<Response>
let authorized: boolean[]
let received: { headers: Headers; body: any }[]

beforeEach(async () => {
	await resetDatabase()
	received = []
	authorized = []
	callback = async (request) => {
		received.push({ headers: request.headers, body: await request.json() })
		return new Response('', { status: 200 })
	}
	client = await startApiWorld((request) => {
		if (new URL(request.url).host === 'app.example.com') return callback(request)
		authorized.push(request.headers.has('Authorization'))
		return store.fetch(request)
	})
	store = createStore({ objects: 4, url: 'https://shop.example.com', now: () => client.world.nowMs })
})

const whole = (more: Record<string, unknown> = {}) => ({
	'store.url': store.url,
	'oauth.api.key': store.credentials.key,
	'oauth.api.secret': store.credentials.secret,
	'event.notification.enabled': true,
	'event.vendor.type': 'hybrid',
	'event.notification.callback.url': 'https://app.example.com/hook',
	'event.notification.signature.key': 'secret-of-the-callback',
	'event.poller.refresh_interval': '5',
	...more,
})

const check = async (configuration: Record<string, unknown>, more: Record<string, unknown> = {}) => {
	const before = client.world.requests.length
	const answer = await client.call('POST', '/elements/woocommercerest/check', { configuration, ...more })
	expect([answer.status, answer.body.message]).toEqual([200, undefined])
	expect(client.world.requests.length - before).toBeLessThanOrEqual(60)
	expect(JSON.stringify(answer.body)).not.toContain(store.credentials.secret)
	expect(JSON.stringify(answer.body)).not.toContain('secret-of-the-callback')
	expect(await countRows()).toEqual([0, 0])
	expect(store.webhooks()).toEqual([])
	return answer.body
}

async function countRows(): Promise<number[]> {
	return await Promise.all(
		['instances', 'drafts'].map(async (table) => (await env.DB.prepare(`SELECT * FROM ${table}`).all()).results.length),
	)
}

const fieldsOf = (part: { problems: { field: string }[] }): string[] => part.problems.map(({ field }) => field)

describe('§11.20 a whole configuration', () => {
	test('is answered part by part, and nothing is created', async () => {
		const found = await check(whole(), { callback: true, collections: true })
		expect(found.problems).toEqual([])
		expect(found.store).toMatchObject({ ok: true, url: 'https://shop.example.com', name: 'Riverside Outfitters' })
		expect(found.store.version).toMatch(/^11\./)
		expect(found.key).toMatchObject({ ok: true, rights: 'read/write', problems: [], missing: null })
		expect(found.resources.map(({ label, ok, dated }: any) => [label, ok, dated])).toEqual([
			['customers', true, false],
			['discounts', true, true],
			['orders', true, true],
			['products', true, true],
		])
		const orders = found.resources.find(({ label }: any) => label === 'orders')
		expect(orders.total).toBe([...store.state('orders').values()].filter(({ status }) => status !== 'trash').length)
		const newest = [...store.state('orders').values()]
			.map((order) => order.date_modified_gmt as string)
			.sort()
			.at(-1)!
		expect(orders.dates[0]).toEqual({ kind: 'updated', field: 'date_modified_gmt', value: newest, utc: `${newest}Z` })
		expect(found.requestsPerDay).toBe(
			found.resources.reduce((sum: number, { requestsPerDay }: any) => sum + requestsPerDay, 24),
		)
		expect(found.collections).toContainEqual(
			expect.objectContaining({ label: 'orders', url: '/hubs/ecommerce/orders', total: orders.total }),
		)
		expect(found.collections.map(({ label }: any) => label)).toContain('products-categories')
		expect(found.callback).toMatchObject({ ok: true, status: 200 })
		expect(received).toHaveLength(1)
		expect(received[0]!.headers.get('Elements-Webhook-Signature')).toMatch(/^sha256=/)
		expect(received[0]!.body.message.events).toEqual([expect.objectContaining({ test: true, objectId: 'test-event' })])
	})

	test('says what a date in another zone and format parses to', async () => {
		const dates = {
			updatedDateField: 'date_modified',
			updatedDateFormat: "yyyy-MM-dd'T'HH:mm:ss'",
			updatedDateTimezone: 'America/Denver',
			createdDateField: 'status',
		}
		const found = await check(
			whole({ 'event.poller.configuration': { sales: { url: '/hubs/ecommerce/orders', datesConfiguration: dates } } }),
		)
		const [updated, created] = found.resources[0].dates
		expect(updated.field).toBe('date_modified')
		const [newest] = [...store.state('orders').values()].filter((order) => order.date_modified === updated.value)
		expect(updated.utc).toBe(`${newest!.date_modified_gmt}Z`)
		expect(created).toMatchObject({ field: 'status', utc: null })
	})
})

describe('§11.20 a part of it', () => {
	test('the address alone is looked for, and nothing else is sent', async () => {
		const found = await check({ 'store.url': 'shop.example.com/wp-admin' })
		expect(found).toMatchObject({ store: { ok: true, url: 'https://shop.example.com', version: null }, key: null })
		expect(authorized).toEqual([false])
	})

	test.each(['********', ' ', undefined])('a key that is not there (%j) is not tried', async (secret) => {
		const found = await check({ 'store.url': store.url, 'oauth.api.key': 'ck_1', 'oauth.api.secret': secret })
		expect([found.key, found.requests]).toEqual([null, 1])
	})

	test('without an address no request is made', async () => {
		const found = await check({ 'event.poller.refresh_interval': 'often', 'event.vendor.type': 'polling' })
		expect(found).toMatchObject({ requests: 0, store: null, key: null, callback: null })
		expect(fieldsOf(found)).toEqual(['event.poller.refresh_interval'])
	})

	test('a value that is wrong does not hide the rest', async () => {
		const found = await check(whole({ 'event.notification.rate': 'fast', 'event.poller.configuration': { a: {} } }))
		expect(fieldsOf(found)).toEqual(['event.poller.configuration.a.url', 'event.notification.rate'])
		expect([found.store.ok, found.key.ok, found.resources]).toEqual([true, true, []])
	})
})

describe('§11.20 what is wrong is said of its field', () => {
	test.each([
		['an unknown key', () => ({ 'oauth.api.key': 'ck_unknown' }), 'oauth.api.key'],
		['a wrong secret', () => ({ 'oauth.api.secret': 'cs_wrong' }), 'oauth.api.secret'],
		['a key that may only write', () => toConfiguration('wo'), 'oauth.api.key'],
	] as const)('%s', async (_name, change, field) => {
		const found = await check(whole(change()))
		expect([found.store.ok, found.key.ok, fieldsOf(found.key)]).toEqual([true, false, [field]])
	})

	test('a key that only reads is enough for polling, and too little for webhooks', async () => {
		const hybrid = await check(whole(toConfiguration('ro')))
		expect(hybrid.key).toMatchObject({ ok: false, rights: 'read' })
		expect(fieldsOf(hybrid.key)).toEqual(['oauth.api.key'])
		const polling = await check(whole({ ...toConfiguration('ro'), 'event.vendor.type': 'polling' }))
		expect(polling.key).toMatchObject({ ok: true, rights: 'read', missing: expect.stringContaining('Read/Write') })
	})

	test('a resource that the key may not list, while the others are read', async () => {
		const found = await check(whole(toConfiguration('nocustomers')))
		expect(found.key.ok).toBe(true)
		expect(found.resources.map(({ ok }: any) => ok)).toEqual([false, true, true, true])
		expect(fieldsOf(found.resources[0])).toEqual(['event.poller.configuration.customers.url'])
		expect(found.requestsPerDay).toBe(null)
	})

	test('a collection that the store does not have, an argument, and the same twice', async () => {
		const found = await check(
			whole({
				'event.poller.configuration': {
					orders: { url: '/hubs/ecommerce/orders' },
					again: { url: '/orders' },
					nothing: { url: '/hubs/ecommerce/subscriptions' },
					'orders.url': { url: '/hubs/ecommerce/orders?colour=red' },
				},
			}),
		)
		expect(found.resources.map(({ label, ok }: any) => [label, ok])).toEqual([
			['orders', true],
			['again', false],
			['nothing', false],
			['orders.url', false],
		])
		expect(fieldsOf(found.resources[3])).toEqual(['event.poller.configuration.orders.url.url'])
	})

	test('an address that may not be reached is not requested', async () => {
		const before = client.world.requests.length
		const found = await check(
			whole({
				'store.url': 'http://169.254.169.254/latest',
				'event.notification.callback.url': 'http://[::ffff:10.0.0.1]/',
			}),
			{ callback: true },
		)
		expect(fieldsOf(found)).toEqual(['store.url', 'event.notification.callback.url', 'event.notification.callback.url'])
		expect([found.store, found.callback, client.world.requests.length - before]).toEqual([null, null, 0])
	})

	test('a callback that answers 500, redirects, or refuses', async () => {
		const answerOf = async (answer: typeof callback) => {
			callback = answer
			return (await check(whole(), { callback: true })).callback
		}
		expect(await answerOf(async () => new Response('', { status: 500 }))).toMatchObject({ ok: false, status: 500 })
		const moved = await answerOf(
			async () => new Response('', { status: 302, headers: { Location: 'http://10.0.0.1' } }),
		)
		expect(moved).toMatchObject({ ok: false, status: 302, message: expect.stringContaining('not followed') })
		const refused = await answerOf(async () => Promise.reject(new TypeError('Network connection lost.')))
		expect(refused).toMatchObject({ ok: false, status: null })
	})
})

describe('§11.20 an instance', () => {
	test('its stored values count, masked ones too, and a check changes nothing', async () => {
		const made = await client.call('POST', '/instances', {
			element: { key: 'woocommercerest' },
			configuration: whole({ 'event.vendor.type': 'polling' }),
		})
		const { id } = made.body
		const asked = {
			configuration: { ...made.body.configuration, 'event.poller.refresh_interval': '1' },
			callback: true,
		}
		const { status, body: found } = await client.call('POST', `/instances/${id}/check`, asked)
		expect([status, found.problems, found.key.ok, found.callback.ok]).toEqual([200, [], true, true])
		expect(received[0]!.body.message).toMatchObject({ instanceId: id, instanceName: made.body.name })
		const wrong = await client.call('POST', `/instances/${id}/check`, {
			configuration: { 'oauth.api.secret': 'cs_no' },
		})
		expect(fieldsOf(wrong.body.key)).toEqual(['oauth.api.secret'])
		expect((await client.call('GET', `/instances/${id}`)).body).toEqual(made.body)
	})

	test('a creation that fails names the same fields', async () => {
		const answer = await client.call('POST', '/instances', {
			element: { key: 'woocommercerest' },
			configuration: whole({ 'oauth.api.secret': 'cs_wrong' }),
		})
		expect(answer.status).toBe(400)
		const found = await check(whole({ 'oauth.api.secret': 'cs_wrong' }))
		expect(found.key.problems[0].message).toBe(answer.body.message)
	})
})

function toConfiguration(name: string): Record<string, string> {
	const { key, secret } = store.keys[name]!
	return { 'oauth.api.key': key, 'oauth.api.secret': secret }
}

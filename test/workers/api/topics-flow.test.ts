/** Topics of an organization from end to end through real objects: what waits has its id, fails, is queued, released and arrives in order, signed. */
import { afterEach, expect, test, vi } from 'vitest'
import { signElements } from '../../../src/delivery/sign.ts'
import { openShop, waitUntil, type TestShop } from '../watcher/test-shop.ts'

const ADDRESS = 'https://callback.example.com/hook/topics'
const DELIVERIES = '/notifications/subscriptions/deliveries?where='
const QUEUED = `${DELIVERIES}${encodeURIComponent(`channel='webhook' and status='queued' and config.url='${ADDRESS}'`)}`

afterEach(() => {
	vi.unstubAllGlobals()
})

const call = async (shop: TestShop, method: string, path: string, sent?: unknown): Promise<any> => {
	const { status, body } = await shop.api(method, path, sent)
	expect(status, JSON.stringify(body)).toBeLessThan(300)
	return body
}
const get = (shop: TestShop, path: string): Promise<any> => call(shop, 'GET', path)
const post = (shop: TestShop, topic: string, message: unknown): Promise<any> =>
	call(shop, 'POST', '/notifications', { topic, message })
const subscribe = (shop: TestShop, topics: string[], url = ADDRESS): Promise<any> =>
	call(shop, 'POST', '/notifications/subscriptions', { channel: 'webhook', topics, config: { url } })
/** What arrived: topics and messages. */
const arrived = (shop: TestShop, from = 0): [string, unknown][] =>
	shop.callbackRequests.slice(from).map(({ body }) => {
		const { topic, message } = JSON.parse(body) as { topic: string; message: unknown }
		return [topic, message]
	})

const open = (): Promise<TestShop> => openShop({ objects: { products: 1, orders: 0, customers: 0, coupons: 0 } })

test('an address that fails: tried again, queued, released, delivered in order and signed with the account’s key', async () => {
	const shop = await open()
	await call(shop, 'PATCH', '/accounts/settings', {
		'notification.webhook.retry.schedule': [5],
		'operator.webhook.key': 'the key',
	})
	const unheard = await post(shop, 'stock.low', 0)
	expect(unheard).toMatchObject({ active: false, status: 'dropped', subscriptionId: null, message: 0 })
	const subscription = await subscribe(shop, ['stock.*'])
	expect(await post(shop, 'weather', 'rain')).toMatchObject({ status: 'dropped' })

	shop.callbackStatus = () => 500
	const first = await post(shop, 'stock.low', 1)
	expect(first).toMatchObject({ active: true, topic: 'stock.low', severity: 'medium', subscriptionId: subscription.id })
	await waitUntil(async () => (await get(shop, `/notifications/${first.id}`)).status === 'retry')
	// Behind the first one of its topic, yet it has its id already.
	const second = await post(shop, 'stock.low', 2)
	const third = await post(shop, 'stock.low', 3)
	expect([second, third]).toMatchObject([
		{ status: 'created', attempts: 0 },
		{ status: 'created', attempts: 0 },
	])
	expect(
		(await get(shop, `${DELIVERIES}${encodeURIComponent("status='created'")}`)).map((one: any) => one.notificationId),
	).toEqual([third.id, second.id])

	await waitUntil(async () => (await get(shop, QUEUED)).length === 3)
	expect((await get(shop, `${QUEUED}&hydrate=true`)).map((one: any) => one.notification.message)).toEqual([3, 2, 1])
	expect(await get(shop, `/notifications/subscriptions/${subscription.id}`)).toMatchObject({
		active: false,
		lastStatus: '500',
	})
	expect(await get(shop, `/notifications/${first.id}/attempts`)).toMatchObject([{ status: 500 }, { status: 500 }])
	const fourth = await post(shop, 'stock.gone', 4)
	const fifth = await post(shop, 'stock.low', 5)
	expect([fourth.status, fifth.status]).toEqual(['queued', 'queued'])

	const before = shop.callbackRequests.length
	shop.callbackStatus = () => 204
	expect(await call(shop, 'PUT', QUEUED)).toEqual([
		{ subscriptionId: subscription.id, instanceId: null, config: { url: ADDRESS }, released: 5 },
	])
	const list = '/notifications?topics[]=stock.low&topics[]=stock.gone'
	await waitUntil(async () => (await get(shop, list)).filter((one: any) => one.status === 'delivered').length === 5)
	const came = arrived(shop, before)
	expect(came.filter(([topic]) => topic === 'stock.low').map(([, message]) => message)).toEqual([1, 2, 3, 5])
	expect(came).toContainEqual(['stock.gone', 4])
	expect(came).toHaveLength(5)
	const { eventId } = JSON.parse(shop.callbackRequests[before]!.body) as { eventId: string }
	expect(await get(shop, `/instances/events/${eventId}`)).toMatchObject({ id: eventId, status: 'NOTIFIED' })
	for (const { url, body, headers } of shop.callbackRequests) {
		expect(url).toBe(ADDRESS)
		expect(headers.get('Elements-Webhook-Signature')).toBe(signElements('the key', new TextEncoder().encode(body)))
	}
	expect(shop.callbackRequests.slice(before).map(({ headers }) => headers.get('webhook-id'))).toContain(
		`ntf_${third.id}`,
	)
	expect((await get(shop, list)).map((one: any) => one.id)).toEqual([
		fifth.id,
		fourth.id,
		third.id,
		second.id,
		first.id,
		unheard.id,
	])

	// The same bytes again.
	await call(shop, 'POST', `/notifications/${second.id}/replay`)
	await waitUntil(() => shop.callbackRequests.length === before + 6)
	expect(shop.callbackRequests.at(-1)!.headers.get('Shopbell-Replay')).toBe('true')
	expect(shop.callbackRequests.filter(({ body }) => body === shop.callbackRequests.at(-1)!.body)).toHaveLength(2)
	expect((await shop.api('POST', `/notifications/${unheard.id}/replay`)).status).toBe(409)
	await waitUntil(async () => (await get(shop, `/notifications/${second.id}`)).active === false)
})

test('what waits for a subscription that is removed is dropped; a new address and key serve the next one', async () => {
	const shop = await open()
	await call(shop, 'PATCH', '/accounts/settings', { 'notification.webhook.retry.schedule': [3600] })
	const { id } = await subscribe(shop, ['a'])
	shop.callbackStatus = () => 500
	const first = await post(shop, 'a', 1)
	await waitUntil(async () => (await get(shop, `/notifications/${first.id}`)).status === 'retry')
	const second = await post(shop, 'a', 2)
	await call(shop, 'DELETE', `/notifications/subscriptions/${id}`)
	for (const one of [first, second])
		expect(await get(shop, `/notifications/${one.id}`)).toMatchObject({
			status: 'dropped',
			active: false,
			subscriptionId: null,
		})

	shop.callbackStatus = () => 204
	await subscribe(shop, ['b'])
	const before = shop.callbackRequests.length
	await post(shop, 'b', 1)
	await waitUntil(() => shop.callbackRequests.length === before + 1)
	expect(shop.callbackRequests.at(-1)!.headers.get('Elements-Webhook-Signature')).toBeNull()
	await call(shop, 'PATCH', '/accounts/settings', { 'operator.webhook.key': 'fresh' })
	await post(shop, 'b', 2)
	await waitUntil(() => shop.callbackRequests.length === before + 2)
	const { body, headers } = shop.callbackRequests.at(-1)!
	expect(headers.get('Elements-Webhook-Signature')).toBe(signElements('fresh', new TextEncoder().encode(body)))
})

test('a subscription gets what operators get, without an operator’s webhook', async () => {
	const shop = await open()
	await call(shop, 'PATCH', '/accounts/settings', { 'notification.webhook.retry.schedule': [] })
	await subscribe(shop, ['subscription.*'])
	// The instance reads its row again, and with it that somebody hears.
	await call(shop, 'PATCH', `/instances/${shop.id}`, { name: 'Flow' })
	shop.callbackStatus = () => (shop.callbackRequests.at(-1)!.url === ADDRESS ? 204 : 500)
	await call(shop, 'POST', `/instances/${shop.id}/test-event`)
	const told = () => shop.callbackRequests.filter(({ url }) => url === ADDRESS).map(({ body }) => JSON.parse(body))
	await waitUntil(() => told().length > 0)
	expect(told()).toMatchObject([
		{ topic: 'subscription.deactivated', message: { instanceId: shop.id, instanceName: 'Flow' } },
	])
	expect(await get(shop, '/notifications?topics[]=subscription.*')).toMatchObject([
		{ topic: 'subscription.deactivated', instanceId: null },
	])
})

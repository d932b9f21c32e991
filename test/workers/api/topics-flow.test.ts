/** Topics of an organization from end to end through real objects: what waits has its id, fails, is queued, released and arrives in order, signed. */
import { afterEach, expect, test, vi } from 'vitest'
import { signElements } from '../../../src/delivery/sign.ts'
import { lastAnswer, openShop, waitUntil, type TestShop } from '../watcher/test-shop.ts'

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

test('§5.9 §5.12 a topic with several subscriptions has one notification, with a delivery to each of them', async () => {
	const shop = await open()
	await call(shop, 'PATCH', '/accounts/settings', { 'notification.webhook.retry.schedule': [] })
	const other = `${ADDRESS}/other`
	const first = await subscribe(shop, ['stock.*'])
	const second = await subscribe(shop, ['stock.low', 'weather'])
	const third = await subscribe(shop, ['stock.low'], other)
	shop.callbackStatus = () => (shop.callbackRequests.at(-1)!.url === other ? 500 : 204)
	const posted = await post(shop, 'stock.low', { left: 2 })
	await post(shop, 'weather', 'rain')
	await waitUntil(async () => (await get(shop, `/notifications/${posted.id}`)).active === false)

	const received = shop.callbackRequests.filter(({ body }) => JSON.parse(body).topic === 'stock.low')
	expect(received.map(({ url }) => url).sort()).toEqual([ADDRESS, ADDRESS, other])
	for (const { body, headers } of received) {
		expect(JSON.parse(body)).toMatchObject({ id: String(posted.id), message: { left: 2 } })
		expect(headers.get('webhook-id')).toBe(`ntf_${posted.id}`)
		expect(headers.get('Elements-Webhook-Id')).toBe(`ntf_${posted.id}`)
	}
	expect(new Set(received.map(({ body }) => body)).size).toBe(1)

	const list = await get(shop, '/notifications?topics[]=stock.low')
	expect(list).toMatchObject([
		{ id: posted.id, status: 'queued', subscriptionId: null, attempts: 3, message: { left: 2 } },
	])
	expect(await get(shop, `/notifications/${posted.id}`)).toEqual(list[0])
	const deliveries = `/notifications/${posted.id}/subscriptions`
	expect(await get(shop, `${deliveries}/deliveries`)).toMatchObject([
		{ notificationId: posted.id, subscriptionId: first.id, status: 'delivered', attempts: 1 },
		{ notificationId: posted.id, subscriptionId: second.id, status: 'delivered', attempts: 1 },
		{ notificationId: posted.id, subscriptionId: third.id, status: 'queued', attempts: 1 },
	])
	for (const subscription of [first, second, third])
		expect(await get(shop, `${deliveries}/${subscription.id}/deliveries?hydrate=true`)).toMatchObject({
			notificationId: posted.id,
			subscriptionId: subscription.id,
			notification: { id: posted.id, message: { left: 2 } },
			subscription: { id: subscription.id, channel: 'webhook', topics: subscription.topics },
		})
	const all = await get(shop, `${DELIVERIES}${encodeURIComponent("topics='stock.low'")}&hydrate=true`)
	expect(all.map((one: any) => [one.notificationId, one.subscriptionId, one.notification.id])).toEqual(
		[third, second, first].map(({ id }) => [posted.id, id, posted.id]),
	)
	// Page by page, each once.
	for (const [path, expected] of [
		[`${DELIVERIES}${encodeURIComponent("topics='stock.low'")}`, [third.id, second.id, first.id]],
		['/notifications?topics[]=stock.low&topics[]=weather', [second.id, null]],
	] as const) {
		const seen: unknown[] = []
		let next: string | null = ''
		while (next !== null && seen.length < 9) {
			seen.push(...(await get(shop, `${path}&pageSize=1&nextPage=${next}`)).map((one: any) => one.subscriptionId))
			next = lastAnswer.headers.get('Elements-Next-Page-Token')
		}
		expect(seen).toEqual(expected)
	}
	expect(await get(shop, `/notifications/${posted.id}/attempts`)).toHaveLength(3)
	// The ids of the other deliveries are no notifications.
	for (const id of [posted.id + 1, posted.id + 2])
		expect((await shop.api('GET', `/notifications/${id}`)).status).toBe(404)
	const { eventId } = JSON.parse(received[0]!.body) as { eventId: string }
	expect((await get(shop, `/instances/events/${eventId}`)).notifiedData).toMatchObject([
		{ id: posted.id, status: 'queued' },
	])

	// Again, to all of them that are active.
	const before = shop.callbackRequests.length
	await call(shop, 'POST', `/notifications/${posted.id}/replay`)
	await waitUntil(() => shop.callbackRequests.length === before + 2)
	await waitUntil(async () => (await get(shop, `/notifications/${posted.id}`)).active === false)
	expect(await call(shop, 'PUT', `/notifications/${posted.id}/acknowledge`)).toMatchObject({ acknowledged: true })

	// §5.10
	expect((await shop.api('DELETE', `/notifications/${posted.id}`)).status).toBe(200)
	expect((await shop.api('GET', `/notifications/${posted.id}`)).status).toBe(404)
	expect(await get(shop, '/notifications?topics[]=stock.low')).toEqual([])
	expect(await get(shop, `${DELIVERIES}${encodeURIComponent("topics='stock.low'")}`)).toEqual([])
	shop.callbackStatus = () => 204
	expect(await call(shop, 'PUT', `${DELIVERIES}${encodeURIComponent(`config.url='${other}'`)}`)).toMatchObject([
		{ released: 0 },
	])
})

test('§5.12 a notification posted to an instance’s topic goes to its callback and subscriptions, and is no change', async () => {
	const shop = await open()
	const topic = `instance-${shop.id}-woocommercerest-events`
	const further = await subscribe(shop, [topic])
	await call(shop, 'PATCH', `/instances/${shop.id}`, {
		configuration: {
			'event.notification.signature.key': 'of the instance',
			'event.notification.filter.types': 'DELETED',
		},
	})
	const posted = await post(shop, topic, { hello: 'world' })
	expect(posted).toMatchObject({ topic, instanceId: shop.id, active: true, message: { hello: 'world' } })
	await waitUntil(async () => (await get(shop, `/notifications/${posted.id}`)).active === false)
	expect(shop.callbackRequests).toHaveLength(2)
	expect(new Set(shop.callbackRequests.map(({ url }) => url)).size).toBe(2)
	for (const { body, headers } of shop.callbackRequests) {
		expect(JSON.parse(body)).toMatchObject({ topic, id: String(posted.id), message: { hello: 'world' } })
		expect(headers.get('webhook-id')).toBe(`ntf_${posted.id}`)
		expect(headers.get('Elements-Webhook-Signature')).toBe(
			signElements('of the instance', new TextEncoder().encode(body)),
		)
	}
	expect(await get(shop, `/notifications?topics[]=${topic}`)).toMatchObject([{ id: posted.id, status: 'delivered' }])
	expect(
		(await get(shop, `/notifications/${posted.id}/subscriptions/deliveries`)).map((one: any) => one.subscriptionId),
	).toEqual([expect.any(Number), further.id])
	// The log, its counts and its export have changes only.
	expect(await get(shop, `/instances/${shop.id}/events`)).toEqual([])
	expect(await get(shop, `/instances/${shop.id}/events/dispositions`)).toEqual([])
	for (const interval of ['minute', 'hour']) {
		const from = new Date(Date.now() - 600_000).toISOString()
		const counts = await get(shop, `/instances/events/analytics/instances?interval=${interval}&from=${from}`)
		expect(counts.every(({ total }: any) => total === 0)).toBe(true)
	}
	expect((await shop.api('DELETE', `/notifications/${posted.id}`)).status).toBe(200)
	expect(await get(shop, `/notifications?topics[]=${topic}`)).toEqual([])
})

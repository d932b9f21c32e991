/** Delivery from end to end through real objects: a callback that fails, what is queued for it, its release; replays, further subscriptions, erasing. */
import { afterEach, expect, test, vi } from 'vitest'
import { waitForBaseline, openShop, pollNow, waitUntil, type TestShop } from '../watcher/test-shop.ts'

const CALLBACK = 'https://callback.example.com/hook'
const QUEUED = `/notifications/subscriptions/deliveries?where=${encodeURIComponent(`channel='webhook' and status='queued' and config.url='${CALLBACK}'`)}`

afterEach(() => {
	vi.unstubAllGlobals()
})

/** A shop whose notifications are tried once, and whose store was learned. */
async function open(): Promise<TestShop> {
	const shop = await openShop({ objects: { products: 5, orders: 0, customers: 0, coupons: 0 } })
	await shop.api('PATCH', '/accounts/settings', { 'notification.webhook.retry.schedule': [] })
	// The object reads its row again, and the account's settings with it.
	await shop.api('PATCH', `/instances/${shop.id}`, { name: 'Flow' })
	await waitForBaseline(shop)
	return shop
}

/** Makes a product and lets it be seen; its id. */
async function product(shop: TestShop, name: string): Promise<number> {
	const made = shop.store
		.act({ do: 'create', resource: 'products', set: { name } })
		.find((entry) => entry.resource === 'products')!
	await pollNow(shop)
	return made.id
}

const get = async (shop: TestShop, path: string): Promise<any> => {
	const { status, body } = await shop.api('GET', path)
	expect(status, JSON.stringify(body)).toBe(200)
	return body
}
/** Waits for something that the API says. */
async function eventually(shop: TestShop, path: string, holds: (body: any) => boolean): Promise<any> {
	let last: any
	await waitUntil(async () => holds((last = await get(shop, path))))
	return last
}

test('a dead callback: queued, listed, released, delivered; with its attempts, and as a replay again', async () => {
	const shop = await open()
	shop.callbackStatus = () => 500
	await product(shop, 'First')
	const [dead] = await eventually(shop, '/notifications/subscriptions', ([one]) => one.active === false)
	expect(dead).toMatchObject({
		channel: 'webhook',
		topics: [`instance-${shop.id}-woocommercerest-events`],
		config: { url: CALLBACK },
		lastStatus: '500',
		reason: expect.stringContaining('500'),
		instanceId: shop.id,
	})
	await product(shop, 'Second')
	const queued = await eventually(shop, `${QUEUED}&hydrate=true`, (list) => list.length === 2)
	expect(queued.map((one: any) => one.notification.payload.raw.products[0].name)).toEqual(['Second', 'First'])
	expect(queued.map((one: any) => one.notification.message)).toEqual([
		'Not sent: its subscription is deactivated',
		expect.stringMatching(/^Error delivering notification \d+: 500$/),
	])
	expect(queued[1]).toMatchObject({
		subscriptionId: dead.id,
		status: 'queued',
		attempts: 1,
		notification: { active: false, acknowledged: false },
	})
	const first: number = queued[1].notificationId
	expect(await get(shop, `/notifications/${first}/attempts`)).toMatchObject([
		{ number: 1, delivered: false, status: 500, url: CALLBACK },
	])
	for (const [method, path, body] of [
		['POST', `/instances/${shop.id}/test-event`, undefined],
		['POST', `/notifications/${first}/replay`, undefined],
		['POST', `/instances/${shop.id}/replays`, { failedSince: '2020-01-01' }],
	] as const) {
		const refused = await shop.api(method, path, body)
		expect([refused.status, refused.body.message]).toEqual([
			409,
			expect.stringContaining('PUT /notifications/subscriptions/deliveries'),
		])
	}

	shop.callbackStatus = () => 204
	expect(await shop.api('PUT', QUEUED)).toEqual({
		status: 200,
		body: [{ subscriptionId: dead.id, instanceId: shop.id, config: { url: CALLBACK }, released: 2 }],
	})
	await eventually(
		shop,
		'/notifications',
		(list) => list.length === 2 && list.every((one: any) => one.status === 'delivered'),
	)
	expect(await get(shop, QUEUED)).toEqual([])
	expect(await get(shop, `/notifications/subscriptions/${dead.id}`)).toMatchObject({
		active: true,
		reason: null,
		lastStatus: null,
	})
	expect(await get(shop, `/notifications/${first}/attempts`)).toMatchObject([
		{ number: 1, status: 500 },
		{ number: 2, status: 204, delivered: true },
	])
	expect(await get(shop, `/instances/${shop.id}/replays`)).toMatchObject([
		{ kind: 'release', status: 'done', total: 2, left: 0, failed: 0 },
	])

	// The same bytes under the same id, said to be a replay.
	const before = shop.callbackRequests.length
	expect(await shop.api('POST', `/notifications/${first}/replay?dryRun=true`)).toMatchObject({
		status: 200,
		body: { id: null, total: 1 },
	})
	const begun = await shop.api('POST', `/notifications/${first}/replay`)
	expect(begun).toMatchObject({ status: 202, body: { kind: 'replay', total: 1 } })
	await eventually(shop, `/instances/${shop.id}/replays/${begun.body.id}`, (one) => one.status === 'done')
	const again = shop.callbackRequests.slice(before)
	expect(again).toHaveLength(1)
	expect(again[0]!.headers.get('Shopbell-Replay')).toBe('true')
	expect(again[0]!.headers.get('webhook-id')).toBe(`ntf_${first}`)
	expect(shop.callbackBodies.filter((body) => body === again[0]!.body)).toHaveLength(3)
	expect((await shop.api('PUT', `/notifications/${first}/acknowledge`)).body).toMatchObject({ acknowledged: true })

	// Each event of it says what became of it, also when the notification is deleted.
	const said = await get(shop, `/instances/${shop.id}/events/dispositions`)
	expect(said.flatMap((one: any) => one.notificationData.map(({ message }: any) => message))).toEqual(
		Array.from({ length: 2 }, () => 'Delivered, 204'),
	)
	const events = await get(shop, `/instances/${shop.id}/events`)
	const of = (id: number) => events.find((one: any) => one.notifiedData.some((sent: any) => sent.id === id)).id
	const event = of(first)
	expect((await shop.api('DELETE', `/notifications/${first}`)).status).toBe(200)
	expect(await get(shop, `/instances/${shop.id}/events/${event}`)).toMatchObject({
		status: 'NOTIFIED',
		notifiedData: [],
	})
	expect((await shop.api('POST', `/notifications/${first}/replay`)).status).toBe(404)

	// By a filter of the event log: one of the two.
	const dry = await shop.api('POST', `/instances/${shop.id}/replays`, {
		filter: { text: 'second', eventTypes: ['CREATED'] },
		dryRun: true,
	})
	expect(dry).toMatchObject({ status: 200, body: { status: 'dry-run', total: 1 } })
	expect(
		(await shop.api('POST', `/instances/${shop.id}/replays`, { failedSince: '2020-01-01', dryRun: true })).body,
	).toMatchObject({
		total: 0,
	})
})

test('a further subscription gets what comes after it; a test event goes to the callback alone', async () => {
	const shop = await open()
	await product(shop, 'Before')
	await waitUntil(() => shop.callbackRequests.length === 1)
	const second = `${CALLBACK}/second`
	const made = await shop.api('POST', '/notifications/subscriptions', {
		topics: [`instance-${shop.id}-woocommercerest-events`],
		config: { url: second },
	})
	expect(made.status).toBe(200)
	// As the callback too it would be told everything twice.
	const twice = await shop.api('PATCH', `/instances/${shop.id}`, {
		configuration: { 'event.notification.callback.url': second },
	})
	expect([twice.status, twice.body.message]).toEqual([409, expect.stringContaining(`subscription ${made.body.id}`)])
	expect((await get(shop, `/instances/${shop.id}`)).configuration['event.notification.callback.url']).toBe(CALLBACK)
	await product(shop, 'After')
	await waitUntil(() => shop.callbackRequests.length === 3)
	expect(
		shop.callbackRequests
			.filter(({ url }) => url === second)
			.map(({ body }) => JSON.parse(body).message.raw.products[0].name),
	).toEqual(['After'])
	const both = await eventually(
		shop,
		'/notifications/subscriptions/deliveries?where=status=%27delivered%27',
		(list) => list.length === 3,
	)
	expect(new Set(both.map((one: any) => one.subscriptionId)).size).toBe(2)

	const { status, body: sent } = await shop.api('POST', `/instances/${shop.id}/test-event`)
	expect(status).toBe(202)
	await waitUntil(() => shop.callbackRequests.length === 4)
	expect(shop.callbackRequests[3]).toMatchObject({ url: CALLBACK, body: expect.stringContaining(sent.eventId) })
	expect(await get(shop, `/instances/${shop.id}/events/${sent.eventId}`)).toMatchObject({ event: { test: true } })
	await eventually(shop, `/notifications/${sent.notificationId}`, (one) => one.status === 'delivered')

	expect((await shop.api('DELETE', `/notifications/subscriptions/${made.body.id}`)).status).toBe(200)
	await product(shop, 'Last')
	await waitUntil(() => shop.callbackRequests.length === 5)
	expect(shop.callbackRequests[4]!.url).toBe(CALLBACK)
	// What it was sent stays in the list, as that of a subscription that is no more, and is nobody's to send again.
	const gone = (await get(shop, '/notifications')).find((one: any) => one.subscriptionId === null)
	expect(gone).toMatchObject({ status: 'delivered', message: expect.anything() })
	expect((await shop.api('POST', `/notifications/${gone.id}/replay`)).status).toBe(409)
	const all = await shop.api('POST', `/instances/${shop.id}/replays`, { filter: { resources: ['products'] } })
	await eventually(shop, `/instances/${shop.id}/replays/${all.body.id}`, (one) => one.status === 'done')
	expect(shop.callbackRequests.slice(5).map(({ url }) => url)).toEqual([CALLBACK, CALLBACK, CALLBACK])
})

test('an erased object is sent again without its record', async () => {
	const shop = await open()
	const id = await product(shop, 'Ann from Springfield')
	await waitUntil(() => shop.callbackRequests.length === 1)
	const [sent] = await eventually(shop, '/notifications', ([one]) => one.status === 'delivered')
	expect(await shop.api('DELETE', `/instances/${shop.id}/events/objects/products/${id}`)).toEqual({
		status: 200,
		body: { erased: 1 },
	})
	expect((await shop.api('DELETE', `/instances/${shop.id}/events/objects/orders/${id}`)).body).toEqual({ erased: 0 })
	expect(JSON.stringify(await get(shop, `/notifications/${sent.id}`))).not.toContain('Springfield')
	expect(JSON.stringify(await get(shop, `/instances/${shop.id}/events`))).not.toContain('Springfield')
	await shop.api('POST', `/notifications/${sent.id}/replay`)
	await waitUntil(() => shop.callbackRequests.length === 2)
	expect(shop.callbackRequests[1]!.body).not.toContain('Springfield')
	expect(JSON.parse(shop.callbackRequests[1]!.body).message.events).toMatchObject([
		{ objectId: String(id), erased: true },
	])
})

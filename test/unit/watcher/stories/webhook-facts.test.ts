/** Deliveries as real stores send them (docs/woocommerce.md §6, §7): each trap has a story that bears its number. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import {
	worldWithWebhooks,
	getWebhookState,
	withLaterModified,
	recordedEvents,
	ownWebhookId,
	countReads,
	getStoreRecord,
	sendDelivery,
	getWebhooksReport,
	holdDeliveries,
} from '../../../support/webhook-stories.ts'
import {
	callStoreApi,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	arrivalsSince,
} from '../../../support/stories.ts'

const PARENT_AND_CHILD = {
	orders: { url: '/hubs/ecommerce/orders', idField: 'id', datesConfiguration: {} },
	products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {} },
	variations: { url: '/hubs/ecommerce/variations', idField: 'id', datesConfiguration: {} },
}

describe('6.5 webhooks that the store switches off', () => {
	test('6.5 after seven failures are switched on again, and what they missed is found', async () => {
		const world = await worldWithWebhooks()
		const { receiveWebhook: receive } = world
		world.receiveWebhook = async () => new Response(null, { status: 503 })
		for (let i = 0; i < 7; i++) {
			world.store.act({ do: 'edit', resource: 'orders', id: liveIds(world, 'orders')[i % 5]! })
			await world.advance(5_000)
		}
		expect(world.store.webhooks().find((one) => one.topic === 'order.updated')!.status).toBe('disabled')
		world.receiveWebhook = receive
		await world.advance(HOUR_MS + MINUTE_MS)
		expect(world.store.webhooks().every((one) => one.status === 'active')).toBe(true)
		expect(getWebhooksReport(world).repairs.map(({ what }) => what)).toContain(
			'order.updated re-enabled (it was disabled)',
		)
		expect(new Set(arrivalsSince(world).filter((one) => one.startsWith('UPDATED orders'))).size).toBe(5)
		await expectCleanJudgement(world)
	})

	test('6.5 rows without a name are left alone', async () => {
		const world = await worldWithWebhooks()
		const ghost = world.store.makeWebhook({
			name: '',
			topic: 'order.updated',
			delivery_url: world.config.hooks!.deliveryUrl,
			status: 'disabled',
		})
		await world.advance(2 * HOUR_MS)
		expect(world.store.webhooks().find((one) => one.id === ghost.id)).toMatchObject({ name: '', status: 'disabled' })
	})
})

test('6.6 an owner who lost the rights sends errors: they emit nothing, the next poll does', async () => {
	const world = await worldWithWebhooks()
	world.store.setWebhooks({ owner: 'demoted' })
	const id = liveIds(world, 'orders')[0]!
	world.store.act({ do: 'edit', resource: 'orders', id })
	await world.advance(5_000)
	expect(world.receivedWebhooks).toEqual([{ topic: 'order.updated', answer: 'taken', status: 200 }])
	// The error does not name its object: nothing is told by it, the next poll sees the change.
	expect(arrivalsSince(world)).toEqual([])
	await world.advance(7 * HOUR_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
	await expectCleanJudgement(world)
})

test('7.1 deliveries that share an id are different deliveries', async () => {
	const world = await worldWithWebhooks()
	const [first, second] = liveIds(world, 'orders')
	world.store.act({ do: 'edit', resource: 'orders', id: first! })
	world.store.act({ do: 'edit', resource: 'orders', id: second! })
	await world.advance(5_000)
	expect(
		new Set(
			world.store
				.deliveries()
				.filter((one) => one.topic === 'order.updated')
				.map((one) => one.deliveryId),
		).size,
	).toBe(1)
	expect(arrivalsSince(world)).toEqual([`UPDATED orders ${first}`, `UPDATED orders ${second}`])
	await expectCleanJudgement(world)
})

test('7.2 a queue that stood still for hours emits each change once when it runs', async () => {
	const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
	holdDeliveries(world)
	const placed = world.store.act({ do: 'place-order', customer: 0 }).find((one) => one.resource === 'orders')!.id
	await world.advance(3 * HOUR_MS)
	expect(arrivalsSince(world)).toContain(`CREATED orders ${placed}`)
	const before = arrivalsSince(world).length
	world.store.setWebhooks({})
	await world.advance(MINUTE_MS)
	expect(world.receivedWebhooks.some(({ answer }) => answer === 'taken')).toBe(true)
	expect(arrivalsSince(world).length).toBe(before)
	await expectCleanJudgement(world)
})

test('7.3 several updates in one delivery are one event, in the last state', async () => {
	const world = await worldWithWebhooks()
	const id = liveIds(world, 'orders')[0]!
	for (const note of ['one', 'two', 'three'])
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: note } })
	await world.advance(5_000)
	expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
	expect(world.arrivals[0]!.record).toMatchObject({ customer_note: 'three' })
	await expectCleanJudgement(world)
})

test('7.3 an old state that comes late emits nothing: a read decides', async () => {
	const world = await worldWithWebhooks()
	const id = liveIds(world, 'orders')[0]!
	const old = getStoreRecord(world, 'orders', id)
	world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: 'new' } })
	await world.advance(5_000)
	const from = world.store.log.length
	expect(await sendDelivery(world, 'order.updated', { ...old, customer_note: 'older still' })).toBe(200)
	await world.advance(30_000)
	expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
	expect(countReads(world, `orders/${id}`, from)).toBe(1)
	await expectCleanJudgement(world)
})

test('7.4 an error object names nothing and emits nothing; what is gone is found by the total', async () => {
	const world = await worldWithWebhooks()
	world.store.setWebhooks({ delaySeconds: 20 })
	const id = liveIds(world, 'products')[0]!
	world.store.act({ do: 'edit', resource: 'products', id })
	world.store.act({ do: 'delete', resource: 'products', id })
	await world.advance(MINUTE_MS)
	expect(world.receivedWebhooks.map(({ topic, answer }) => [topic, answer])).toContainEqual([
		'product.updated',
		'taken',
	])
	expect(arrivalsSince(world)).toEqual([])
	await world.advance(7 * HOUR_MS)
	expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
	await expectCleanJudgement(world)
})

describe('7.5 deletions', () => {
	test.each([false, true])('7.5 the trash is emitted after one read that shows it; id as text: %s', async (textIds) => {
		const world = await worldWithWebhooks()
		world.store.setWebhooks({ textIds })
		const id = liveIds(world, 'orders')[0]!
		const from = world.store.log.length
		world.store.act({ do: 'trash', resource: 'orders', id, via: 'admin' })
		await world.advance(3_000)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`])
		expect(world.arrivals[0]).toMatchObject({ trashed: true, record: { id, status: 'trash' } })
		expect(countReads(world, `orders/${id}`, from)).toBe(1)
		await expectCleanJudgement(world)
	})

	test('7.5 a deleted customer is gone after two answers that lie five seconds apart', async () => {
		const world = await worldWithWebhooks()
		// Users with another role are deleted in silence.
		const id = liveIds(world, 'customers').find(
			(one) => getStoreRecord(world, 'customers', one)['role'] === 'customer',
		)!
		const from = world.store.log.length
		world.store.act({ do: 'delete', resource: 'customers', id })
		await world.advance(4_000)
		expect(arrivalsSince(world)).toEqual([])
		await world.advance(4_000)
		expect(arrivalsSince(world)).toEqual([`DELETED customers ${id}`])
		const reads = world.store.log.slice(from).filter((line) => line.path.includes(`/customers/${id}`))
		expect(reads.map(({ status }) => status)).toEqual([404, 404])
		expect(reads[1]!.time - reads[0]!.time).toBeGreaterThanOrEqual(5_000)
		expect(recordedEvents(world)).toEqual([`DELETED customers ${id} webhook`])
		await expectCleanJudgement(world)
	})

	test('7.5 a deletion that a webhook reports of an object that is there emits nothing', async () => {
		const world = await worldWithWebhooks()
		expect(await sendDelivery(world, 'order.deleted', { id: liveIds(world, 'orders')[0] })).toBe(200)
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		await expectCleanJudgement(world)
	})
})

describe('7.6 foreign ids', () => {
	test.each(['hpos', 'posts'] as const)(
		'7.6 one trashed product, coupon and order (%s) is one deletion each',
		async (orders) => {
			const world = await worldWithWebhooks({ store: { orders } })
			const [order, product, coupon] = [
				liveIds(world, 'orders')[0]!,
				liveIds(world, 'products')[0]!,
				liveIds(world, 'discounts')[0]!,
			]
			world.store.act({ do: 'trash', resource: 'products', id: product, via: 'code' })
			world.store.act({ do: 'trash', resource: 'coupons', id: coupon, via: 'code' })
			world.store.act({ do: 'trash', resource: 'orders', id: order, via: 'code' })
			await world.advance(30_000)
			expect(world.receivedWebhooks.length).toBeGreaterThan(3)
			expect(arrivalsSince(world).sort()).toEqual([
				`DELETED discounts ${coupon}`,
				`DELETED orders ${order}`,
				`DELETED products ${product}`,
			])
			await expectCleanJudgement(world)
		},
	)

	test('7.6 restored by code, error objects among them: each is there again once', async () => {
		const world = await worldWithWebhooks()
		const id = liveIds(world, 'products')[0]!
		world.store.act({ do: 'trash', resource: 'products', id, via: 'code' })
		await world.advance(30_000)
		world.store.act({ do: 'restore', resource: 'products', id, via: 'code' })
		await world.advance(30_000)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`, `CREATED products ${id}`])
		expect(world.arrivals[1]).toMatchObject({ restored: true })
		await expectCleanJudgement(world)
	})

	test('7.6 the variations of a trashed product are no products', async () => {
		const world = await worldWithWebhooks({ resources: PARENT_AND_CHILD })
		const parent = Number([...world.store.state('products').values()].find((one) => one['type'] === 'variable')!['id'])
		world.store.act({ do: 'trash', resource: 'products', id: parent, via: 'code' })
		await world.advance(30_000)
		expect(arrivalsSince(world).filter((one) => one.includes(' products '))).toEqual([`DELETED products ${parent}`])
		await world.runUntilQuiet()
	})
})

test('7.7 an order restored by REST sends nothing: the reconciling poll finds it', async () => {
	const world = await worldWithWebhooks()
	const id = liveIds(world, 'orders')[0]!
	world.store.act({ do: 'trash', resource: 'orders', id })
	await world.advance(30_000)
	const from = world.receivedWebhooks.length
	world.store.act({ do: 'restore', resource: 'orders', id, via: 'rest' })
	await world.advance(7 * HOUR_MS)
	expect(world.receivedWebhooks.length).toBe(from)
	expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`, `CREATED orders ${id}`])
	await expectCleanJudgement(world)
})

test('7.7 an order restored in wp-admin is read at once', async () => {
	const world = await worldWithWebhooks()
	const id = liveIds(world, 'orders')[0]!
	world.store.act({ do: 'trash', resource: 'orders', id, via: 'admin' })
	await world.advance(30_000)
	world.store.act({ do: 'restore', resource: 'orders', id, via: 'admin' })
	await world.advance(5_000)
	expect(recordedEvents(world)).toEqual([`DELETED orders ${id} webhook`, `CREATED orders ${id} webhook`])
	await expectCleanJudgement(world)
})

describe('7.8 the order of created and updated', () => {
	test('7.8 order.updated before order.created is one CREATED', async () => {
		const world = await worldWithWebhooks()
		const [{ id } = { id: 0 }] = world.store.act({ do: 'checkout-draft' })
		await world.advance(5_000)
		world.store.act({ do: 'checkout', id })
		await world.advance(5_000)
		expect(world.receivedWebhooks.map(({ topic }) => topic).filter((topic) => topic.startsWith('order'))).toEqual([
			'order.updated',
			'order.created',
		])
		expect(arrivalsSince(world).filter((one) => one.includes('orders'))).toEqual([`CREATED orders ${id}`])
		await expectCleanJudgement(world)
	})

	test('7.8 created and then updated by REST is one CREATED too §10.4', async () => {
		const world = await worldWithWebhooks()
		const { id } = await callStoreApi(world, 'POST', 'orders', {
			status: 'processing',
			line_items: [{ product_id: liveIds(world, 'products')[0], quantity: 1 }],
		})
		await world.advance(10_000)
		expect(world.receivedWebhooks.map(({ topic }) => topic)).toEqual(
			expect.arrayContaining(['order.created', 'order.updated']),
		)
		expect(arrivalsSince(world).filter((one) => one.includes('orders'))).toEqual([`CREATED orders ${Number(id)}`])
		await expectCleanJudgement(world)
	})

	test('7.8 a checkout-draft of version 7.0 is no order until it is placed', async () => {
		const world = await worldWithWebhooks({ store: { version: '7.0' } })
		const [{ id } = { id: 0 }] = world.store.act({ do: 'checkout-draft' })
		await world.advance(30_000)
		expect(world.receivedWebhooks.map(({ topic }) => topic)).toContain('order.created')
		expect(arrivalsSince(world)).toEqual([])
		world.store.act({ do: 'checkout', id })
		await world.advance(30_000)
		expect(arrivalsSince(world).filter((one) => one.includes('orders'))).toEqual([`CREATED orders ${id}`])
		await expectCleanJudgement(world)
	})
})

describe('7.9 variations travel as products', () => {
	test('7.9 watched: emitted as a variation, not as a product', async () => {
		const world = await worldWithWebhooks({ resources: PARENT_AND_CHILD })
		const id = [...world.store.state('variations').keys()][0]!
		world.store.act({ do: 'edit', resource: 'variations', id })
		await world.advance(10_000)
		expect(arrivalsSince(world)).toContain(`UPDATED variations ${id}`)
		expect(arrivalsSince(world)).not.toContain(`CREATED products ${id}`)
		await world.runUntilQuiet()
		expect(arrivalsSince(world).filter((one) => one.endsWith(`products ${id}`))).toEqual([])
	})

	test('7.9 not watched: nothing is emitted', async () => {
		const world = await worldWithWebhooks({ resources: pollerResources('products') })
		const id = [...world.store.state('variations').keys()][0]!
		const record = { ...world.store.state('variations').get(id), type: 'variation', parent_id: 1 }
		for (const topic of ['product.updated', 'product.created'])
			expect(await sendDelivery(world, topic, record)).toBe(200)
		expect(await sendDelivery(world, 'product.deleted', { id })).toBe(200)
		await world.advance(30_000)
		expect(arrivalsSince(world)).toEqual([])
	})
})

describe('7.10 deliveries after the end, and of a clone', () => {
	test('7.10 a delivery that a paused webhook still had queued is taken', async () => {
		const world = await worldWithWebhooks()
		world.store.setWebhooks({ delaySeconds: 20 })
		const id = liveIds(world, 'orders')[0]!
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.setWebhookStatus('paused')
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		await expectCleanJudgement(world)
	})

	test('7.10 nothing that a staging clone says is believed; the health names it for a day', async () => {
		const world = await worldWithWebhooks()
		const id = liveIds(world, 'orders')[0]!
		const from = world.store.log.length
		const status = await sendDelivery(
			world,
			'order.updated',
			withLaterModified(getStoreRecord(world, 'orders', id), 60, { customer_note: 'on the clone' }),
			{
				source: 'https://staging.example.com/',
			},
		)
		await world.advance(5_000)
		expect(status).toBe(200)
		expect(arrivalsSince(world)).toEqual([])
		expect(countReads(world, `orders/${id}`, from)).toBe(1)
		expect(buildHealth(world.engine.getCore()!)).toMatchObject({
			state: 'foreign-source',
			reason: expect.stringContaining('staging.example.com'),
		})
		expect(getWebhooksReport(world).foreignSource).toBe('https://staging.example.com/')
		await world.advance(26 * HOUR_MS)
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
		await expectCleanJudgement(world)
	})

	test.each([
		'https://shop.example.com',
		'http://www.shop.example.com/',
		'https://SHOP.example.com/',
		'https://shop.example.com:443/',
		'https://shop.example.com/de/',
		'https://shop.example.com/en-us/',
		'https://shop.example.com/zh_hant/',
		'https://shop.example.com/?lang=de',
		'https://shop.example.com/fr/?lang=fr#top',
		'',
	])('7.10 scheme, www., port, slash, a language, or no address make no other site: %s', async (source) => {
		const world = await worldWithWebhooks()
		const id = liveIds(world, 'orders')[0]!
		world.store.act({ do: 'edit', resource: 'orders', id })
		holdDeliveries(world)
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id), { source })
		await world.advance(100)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(getWebhookState(world).foreign).toBeNull()
	})
	test('§7.4 7.10 an address that differs in a webhook of ours: health says what differs, and does not say that it be deleted', async () => {
		const world = await worldWithWebhooks()
		const id = liveIds(world, 'orders')[0]!
		const { topic, id: webhookId } = getWebhookState(world).webhooks.find(
			({ topic: found }) => found === 'order.updated',
		)!
		world.store.act({ do: 'edit', resource: 'orders', id })
		holdDeliveries(world)
		await sendDelivery(world, topic, getStoreRecord(world, 'orders', id), {
			source: 'https://new.example.com/',
			webhookId: webhookId!,
		})
		await world.advance(5_000)
		// It is read at the shop.
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		const { state, reason, action } = buildHealth(world.engine.getCore()!)
		expect(state).toBe('foreign-source')
		expect(reason).toContain(`Webhook ${webhookId} of this instance names https://new.example.com/ as its shop`)
		expect(action).toContain('PATCH store.url to https://new.example.com/')
		expect(action).not.toMatch(/delete/i)
	})
})

describe('7.11 payloads need not equal reads', () => {
	test.each([1, 2] as const)('7.11 a webhook made by hand with version %i is a hint', async (version) => {
		const world = await worldWithWebhooks()
		const secret = world.store.webhooks().find((one) => one.topic === 'product.updated')!.secret
		const made = world.store.makeWebhook({
			name: 'By hand',
			topic: 'product.updated',
			delivery_url: world.config.hooks!.deliveryUrl,
			secret,
			api_version: version,
		})
		await world.store.runQueue()
		world.store.makeWebhook({ id: ownWebhookId(world, 'product.updated'), status: 'paused' })
		const id = liveIds(world, 'products')[0]!
		const from = world.store.log.length
		world.store.act({ do: 'edit', resource: 'products', id })
		await world.advance(5_000)
		expect(
			world.store.deliveries().filter((one) => one.webhook === made.id && one.result === 'sent').length,
		).toBeGreaterThan(0)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
		expect(countReads(world, `products/${id}`, from)).toBe(1)
		await expectCleanJudgement(world)
	})

	test('7.11 ours, set to another version by the merchant, is a hint too', async () => {
		const world = await worldWithWebhooks()
		world.store.makeWebhook({ id: ownWebhookId(world, 'product.updated'), api_version: 2 })
		const id = liveIds(world, 'products')[0]!
		const from = world.store.log.length
		world.store.act({ do: 'edit', resource: 'products', id })
		await world.advance(5_000)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
		expect(countReads(world, `products/${id}`, from)).toBe(1)
		await expectCleanJudgement(world)
	})

	test('7.11 a plugin that changes values is found by the probes; /webhooks says so', async () => {
		const world = await worldWithWebhooks({ probing: true })
		world.store.setWebhooks({ plugin: { resources: ['coupon'], set: { amount: '99.00' } } })
		expect(getWebhooksReport(world).hintsOnly).toEqual([])
		const [id] = liveIds(world, 'discounts')
		for (let i = 0; i < 8; i++) {
			world.store.act({ do: 'edit', resource: 'coupons', id: id!, set: { description: `d${i}`, amount: '10.00' } })
			await world.advance(20_000)
		}
		expect(getWebhooksReport(world).hintsOnly).toEqual(['discounts'])
		expect(getWebhooksReport(world).repairs.map(({ what }) => what)).toContainEqual(
			expect.stringContaining('are now read from the API'),
		)
		expect(world.arrivals.every((one) => (one.record as { amount: string }).amount === '10.00')).toBe(true)
		expect(arrivalsSince(world).length).toBe(8)
		await expectCleanJudgement(world)
	})

	test('7.11 a plugin that adds fields makes hints without any probe', async () => {
		const world = await worldWithWebhooks()
		world.store.setWebhooks({ plugin: { resources: ['order'], set: { loyalty: 'gold' } } })
		const id = liveIds(world, 'orders')[0]!
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.advance(5_000)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(world.arrivals[0]!.record).not.toHaveProperty('loyalty')
		await expectCleanJudgement(world)
	})
})

/** Deliveries as real stores send them (WooCommerce facts, sections 6 and 7): each trap has a story that bears its number. */
import { describe, expect, test } from 'vitest'
import { healthOf } from '../../../../src/watcher/queries/reports.ts'
import { hooked, hooksState, later, logged, ourHook, readsOf, recordOf, send, shown, silent } from './hooked.ts'
import { call, endsWell, four, HOUR, ids, MINUTE, told } from './tell.ts'

const PARENT_AND_CHILD = {
	orders: { url: '/hubs/ecommerce/orders', idField: 'id', datesConfiguration: {} },
	products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {} },
	variations: { url: '/hubs/ecommerce/variations', idField: 'id', datesConfiguration: {} },
}

describe('6.5 webhooks that the store switches off', () => {
	test('6.5 after seven failures are switched on again, and what they missed is found', async () => {
		const world = await hooked()
		const { receive } = world
		world.receive = async () => new Response(null, { status: 503 })
		for (let i = 0; i < 7; i++) {
			world.store.act({ do: 'edit', resource: 'orders', id: ids(world, 'orders')[i % 5]! })
			await world.advance(5_000)
		}
		expect(world.store.webhooks().find((one) => one.topic === 'order.updated')!.status).toBe('disabled')
		world.receive = receive
		await world.advance(HOUR + MINUTE)
		expect(world.store.webhooks().every((one) => one.status === 'active')).toBe(true)
		expect(shown(world).repairs.map(({ what }) => what)).toContain('order.updated re-enabled (it was disabled)')
		expect(new Set(told(world).filter((one) => one.startsWith('UPDATED orders'))).size).toBe(5)
		await endsWell(world)
	})

	test('6.5 rows without a name are left alone', async () => {
		const world = await hooked()
		const ghost = world.store.makeWebhook({
			name: '',
			topic: 'order.updated',
			delivery_url: world.config.hooks!.deliveryUrl,
			status: 'disabled',
		})
		await world.advance(2 * HOUR)
		expect(world.store.webhooks().find((one) => one.id === ghost.id)).toMatchObject({ name: '', status: 'disabled' })
	})
})

test('6.6 an owner who lost the rights sends errors: they tell nothing, the next poll does', async () => {
	const world = await hooked()
	world.store.setWebhooks({ owner: 'demoted' })
	const id = ids(world, 'orders')[0]!
	world.store.act({ do: 'edit', resource: 'orders', id })
	await world.advance(5_000)
	expect(world.received).toEqual([{ topic: 'order.updated', answer: 'taken', status: 200 }])
	// The error does not name its object: nothing is told by it, the next poll sees the change.
	expect(told(world)).toEqual([])
	await world.advance(7 * HOUR)
	expect(told(world)).toEqual([`UPDATED orders ${id}`])
	await endsWell(world)
})

test('7.1 deliveries that share an id are different deliveries', async () => {
	const world = await hooked()
	const [first, second] = ids(world, 'orders')
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
	expect(told(world)).toEqual([`UPDATED orders ${first}`, `UPDATED orders ${second}`])
	await endsWell(world)
})

test('7.2 a queue that stood still for hours rings each change once when it runs', async () => {
	const world = await hooked({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE })
	silent(world)
	const placed = world.store.act({ do: 'place-order', customer: 0 }).find((one) => one.resource === 'orders')!.id
	await world.advance(3 * HOUR)
	expect(told(world)).toContain(`CREATED orders ${placed}`)
	const before = told(world).length
	world.store.setWebhooks({})
	await world.advance(MINUTE)
	expect(world.received.some(({ answer }) => answer === 'taken')).toBe(true)
	expect(told(world).length).toBe(before)
	await endsWell(world)
})

test('7.3 several updates in one delivery are one event, in the last state', async () => {
	const world = await hooked()
	const id = ids(world, 'orders')[0]!
	for (const note of ['one', 'two', 'three']) world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: note } })
	await world.advance(5_000)
	expect(told(world)).toEqual([`UPDATED orders ${id}`])
	expect(world.arrivals[0]!.record).toMatchObject({ customer_note: 'three' })
	await endsWell(world)
})

test('7.3 an old state that comes late rings nothing: a read decides', async () => {
	const world = await hooked()
	const id = ids(world, 'orders')[0]!
	const old = recordOf(world, 'orders', id)
	world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: 'new' } })
	await world.advance(5_000)
	const from = world.store.log.length
	expect(await send(world, 'order.updated', { ...old, customer_note: 'older still' })).toBe(200)
	await world.advance(30_000)
	expect(told(world)).toEqual([`UPDATED orders ${id}`])
	expect(readsOf(world, `orders/${id}`, from)).toBe(1)
	await endsWell(world)
})

test('7.4 an error object names nothing and rings nothing; what is gone is found by the total', async () => {
	const world = await hooked()
	world.store.setWebhooks({ delaySeconds: 20 })
	const id = ids(world, 'products')[0]!
	world.store.act({ do: 'edit', resource: 'products', id })
	world.store.act({ do: 'delete', resource: 'products', id })
	await world.advance(MINUTE)
	expect(world.received.map(({ topic, answer }) => [topic, answer])).toContainEqual(['product.updated', 'taken'])
	expect(told(world)).toEqual([])
	await world.advance(7 * HOUR)
	expect(told(world)).toEqual([`DELETED products ${id}`])
	await endsWell(world)
})

describe('7.5 deletions', () => {
	test.each([false, true])('7.5 the trash is told by one read that shows it; id as text: %s', async (textIds) => {
		const world = await hooked()
		world.store.setWebhooks({ textIds })
		const id = ids(world, 'orders')[0]!
		const from = world.store.log.length
		world.store.act({ do: 'trash', resource: 'orders', id, via: 'admin' })
		await world.advance(3_000)
		expect(told(world)).toEqual([`DELETED orders ${id}`])
		expect(world.arrivals[0]).toMatchObject({ trashed: true, record: { id, status: 'trash' } })
		expect(readsOf(world, `orders/${id}`, from)).toBe(1)
		await endsWell(world)
	})

	test('7.5 a deleted customer is gone after two answers that lie five seconds apart', async () => {
		const world = await hooked()
		// Users with another role are deleted in silence.
		const id = ids(world, 'customers').find((one) => recordOf(world, 'customers', one)['role'] === 'customer')!
		const from = world.store.log.length
		world.store.act({ do: 'delete', resource: 'customers', id })
		await world.advance(4_000)
		expect(told(world)).toEqual([])
		await world.advance(4_000)
		expect(told(world)).toEqual([`DELETED customers ${id}`])
		const reads = world.store.log.slice(from).filter((line) => line.path.includes(`/customers/${id}`))
		expect(reads.map(({ status }) => status)).toEqual([404, 404])
		expect(reads[1]!.time - reads[0]!.time).toBeGreaterThanOrEqual(5_000)
		expect(logged(world)).toEqual([`DELETED customers ${id} webhook`])
		await endsWell(world)
	})

	test('7.5 a deletion that is told of an object that is there rings nothing', async () => {
		const world = await hooked()
		expect(await send(world, 'order.deleted', { id: ids(world, 'orders')[0] })).toBe(200)
		await world.advance(MINUTE)
		expect(told(world)).toEqual([])
		await endsWell(world)
	})
})

describe('7.6 foreign ids', () => {
	test.each(['hpos', 'posts'] as const)('7.6 one trashed product, coupon and order (%s) is one deletion each', async (orders) => {
		const world = await hooked({ store: { orders } })
		const [order, product, coupon] = [ids(world, 'orders')[0]!, ids(world, 'products')[0]!, ids(world, 'discounts')[0]!]
		world.store.act({ do: 'trash', resource: 'products', id: product, via: 'code' })
		world.store.act({ do: 'trash', resource: 'coupons', id: coupon, via: 'code' })
		world.store.act({ do: 'trash', resource: 'orders', id: order, via: 'code' })
		await world.advance(30_000)
		expect(world.received.length).toBeGreaterThan(3)
		expect(told(world).sort()).toEqual([`DELETED discounts ${coupon}`, `DELETED orders ${order}`, `DELETED products ${product}`])
		await endsWell(world)
	})

	test('7.6 restored by code, error objects among them: each is there again once', async () => {
		const world = await hooked()
		const id = ids(world, 'products')[0]!
		world.store.act({ do: 'trash', resource: 'products', id, via: 'code' })
		await world.advance(30_000)
		world.store.act({ do: 'restore', resource: 'products', id, via: 'code' })
		await world.advance(30_000)
		expect(told(world)).toEqual([`DELETED products ${id}`, `CREATED products ${id}`])
		expect(world.arrivals[1]).toMatchObject({ restored: true })
		await endsWell(world)
	})

	test('7.6 the variations of a trashed product are no products', async () => {
		const world = await hooked({ resources: PARENT_AND_CHILD })
		const parent = Number([...world.store.state('products').values()].find((one) => one['type'] === 'variable')!['id'])
		world.store.act({ do: 'trash', resource: 'products', id: parent, via: 'code' })
		await world.advance(30_000)
		expect(told(world).filter((one) => one.includes(' products '))).toEqual([`DELETED products ${parent}`])
		await world.quiet()
	})
})

test('7.7 an order restored by REST sends nothing: the reconciling poll tells it', async () => {
	const world = await hooked()
	const id = ids(world, 'orders')[0]!
	world.store.act({ do: 'trash', resource: 'orders', id })
	await world.advance(30_000)
	const from = world.received.length
	world.store.act({ do: 'restore', resource: 'orders', id, via: 'rest' })
	await world.advance(7 * HOUR)
	expect(world.received.length).toBe(from)
	expect(told(world)).toEqual([`DELETED orders ${id}`, `CREATED orders ${id}`])
	await endsWell(world)
})

test('7.7 an order restored in wp-admin is read at once', async () => {
	const world = await hooked()
	const id = ids(world, 'orders')[0]!
	world.store.act({ do: 'trash', resource: 'orders', id, via: 'admin' })
	await world.advance(30_000)
	world.store.act({ do: 'restore', resource: 'orders', id, via: 'admin' })
	await world.advance(5_000)
	expect(logged(world)).toEqual([`DELETED orders ${id} webhook`, `CREATED orders ${id} webhook`])
	await endsWell(world)
})

describe('7.8 the order of created and updated', () => {
	test('7.8 order.updated before order.created is one CREATED', async () => {
		const world = await hooked()
		const [{ id } = { id: 0 }] = world.store.act({ do: 'checkout-draft' })
		await world.advance(5_000)
		world.store.act({ do: 'checkout', id })
		await world.advance(5_000)
		expect(world.received.map(({ topic }) => topic).filter((topic) => topic.startsWith('order'))).toEqual([
			'order.updated',
			'order.created',
		])
		expect(told(world).filter((one) => one.includes('orders'))).toEqual([`CREATED orders ${id}`])
		await endsWell(world)
	})

	test('7.8 created and then updated by REST is one CREATED too §10.4', async () => {
		const world = await hooked()
		const { id } = await call(world, 'POST', 'orders', {
			status: 'processing',
			line_items: [{ product_id: ids(world, 'products')[0], quantity: 1 }],
		})
		await world.advance(10_000)
		expect(world.received.map(({ topic }) => topic)).toEqual(expect.arrayContaining(['order.created', 'order.updated']))
		expect(told(world).filter((one) => one.includes('orders'))).toEqual([`CREATED orders ${Number(id)}`])
		await endsWell(world)
	})

	test('7.8 a checkout-draft of version 7.0 is no order until it is placed', async () => {
		const world = await hooked({ store: { version: '7.0' } })
		const [{ id } = { id: 0 }] = world.store.act({ do: 'checkout-draft' })
		await world.advance(30_000)
		expect(world.received.map(({ topic }) => topic)).toContain('order.created')
		expect(told(world)).toEqual([])
		world.store.act({ do: 'checkout', id })
		await world.advance(30_000)
		expect(told(world).filter((one) => one.includes('orders'))).toEqual([`CREATED orders ${id}`])
		await endsWell(world)
	})
})

describe('7.9 variations travel as products', () => {
	test('7.9 watched: told as a variation, not as a product', async () => {
		const world = await hooked({ resources: PARENT_AND_CHILD })
		const id = [...world.store.state('variations').keys()][0]!
		world.store.act({ do: 'edit', resource: 'variations', id })
		await world.advance(10_000)
		expect(told(world)).toContain(`UPDATED variations ${id}`)
		expect(told(world)).not.toContain(`CREATED products ${id}`)
		await world.quiet()
		expect(told(world).filter((one) => one.endsWith(`products ${id}`))).toEqual([])
	})

	test('7.9 not watched: nothing is told of it', async () => {
		const world = await hooked({ resources: four('products') })
		const id = [...world.store.state('variations').keys()][0]!
		const record = { ...world.store.state('variations').get(id), type: 'variation', parent_id: 1 }
		for (const topic of ['product.updated', 'product.created']) expect(await send(world, topic, record)).toBe(200)
		expect(await send(world, 'product.deleted', { id })).toBe(200)
		await world.advance(30_000)
		expect(told(world)).toEqual([])
	})
})

describe('7.10 deliveries after the end, and of a clone', () => {
	test('7.10 a delivery that a paused webhook still had queued is taken', async () => {
		const world = await hooked()
		world.store.setWebhooks({ delaySeconds: 20 })
		const id = ids(world, 'orders')[0]!
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.setHooks('paused')
		await world.advance(MINUTE)
		expect(told(world)).toEqual([`UPDATED orders ${id}`])
		await endsWell(world)
	})

	test('7.10 nothing that a staging clone says is believed; the health names it for a day', async () => {
		const world = await hooked()
		const id = ids(world, 'orders')[0]!
		const from = world.store.log.length
		const status = await send(world, 'order.updated', later(recordOf(world, 'orders', id), 60, { customer_note: 'on the clone' }), {
			source: 'https://staging.example.com/',
		})
		await world.advance(5_000)
		expect(status).toBe(200)
		expect(told(world)).toEqual([])
		expect(readsOf(world, `orders/${id}`, from)).toBe(1)
		expect(healthOf(world.engine.core()!)).toMatchObject({
			state: 'foreign-source',
			reason: expect.stringContaining('staging.example.com'),
		})
		expect(shown(world).foreignSource).toBe('https://staging.example.com/')
		await world.advance(26 * HOUR)
		expect(healthOf(world.engine.core()!).state).toBe('healthy')
		await endsWell(world)
	})

	test.each(['https://shop.example.com', 'http://www.shop.example.com/', 'https://SHOP.example.com/'])(
		'7.10 scheme, www. and slash make no other site: %s',
		async (source) => {
			const world = await hooked()
			const id = ids(world, 'orders')[0]!
			world.store.act({ do: 'edit', resource: 'orders', id })
			silent(world)
			await send(world, 'order.updated', recordOf(world, 'orders', id), { source })
			await world.advance(100)
			expect(told(world)).toEqual([`UPDATED orders ${id}`])
			expect(hooksState(world).foreign).toBeNull()
		},
	)
})

describe('7.11 payloads need not equal reads', () => {
	test.each([1, 2] as const)('7.11 a webhook made by hand with version %i is a hint', async (version) => {
		const world = await hooked()
		const secret = world.store.webhooks().find((one) => one.topic === 'product.updated')!.secret
		const made = world.store.makeWebhook({
			name: 'By hand',
			topic: 'product.updated',
			delivery_url: world.config.hooks!.deliveryUrl,
			secret,
			api_version: version,
		})
		await world.store.runQueue()
		world.store.makeWebhook({ id: ourHook(world, 'product.updated'), status: 'paused' })
		const id = ids(world, 'products')[0]!
		const from = world.store.log.length
		world.store.act({ do: 'edit', resource: 'products', id })
		await world.advance(5_000)
		expect(world.store.deliveries().filter((one) => one.webhook === made.id && one.result === 'sent').length).toBeGreaterThan(0)
		expect(told(world)).toEqual([`UPDATED products ${id}`])
		expect(readsOf(world, `products/${id}`, from)).toBe(1)
		await endsWell(world)
	})

	test('7.11 ours, set to another version by the merchant, is a hint too', async () => {
		const world = await hooked()
		world.store.makeWebhook({ id: ourHook(world, 'product.updated'), api_version: 2 })
		const id = ids(world, 'products')[0]!
		const from = world.store.log.length
		world.store.act({ do: 'edit', resource: 'products', id })
		await world.advance(5_000)
		expect(told(world)).toEqual([`UPDATED products ${id}`])
		expect(readsOf(world, `products/${id}`, from)).toBe(1)
		await endsWell(world)
	})

	test('7.11 a plugin that changes values is found by the probes; /webhooks says so', async () => {
		const world = await hooked({ probing: true })
		world.store.setWebhooks({ plugin: { resources: ['coupon'], set: { amount: '99.00' } } })
		expect(shown(world).hintsOnly).toEqual([])
		const [id] = ids(world, 'discounts')
		for (let i = 0; i < 8; i++) {
			world.store.act({ do: 'edit', resource: 'coupons', id: id!, set: { description: `d${i}`, amount: '10.00' } })
			await world.advance(20_000)
		}
		expect(shown(world).hintsOnly).toEqual(['discounts'])
		expect(shown(world).repairs.map(({ what }) => what)).toContainEqual(expect.stringContaining('hints from now on'))
		expect(world.arrivals.every((one) => (one.record as { amount: string }).amount === '10.00')).toBe(true)
		expect(told(world).length).toBe(8)
		await endsWell(world)
	})

	test('7.11 a plugin that adds fields makes hints without any probe', async () => {
		const world = await hooked()
		world.store.setWebhooks({ plugin: { resources: ['order'], set: { loyalty: 'gold' } } })
		const id = ids(world, 'orders')[0]!
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.advance(5_000)
		expect(told(world)).toEqual([`UPDATED orders ${id}`])
		expect(world.arrivals[0]!.record).not.toHaveProperty('loyalty')
		await endsWell(world)
	})
})

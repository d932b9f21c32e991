/** Objects that another one's change points at: how many are read a minute, and that waiting for the next minute costs nothing. */
import { describe, expect, test } from 'vitest'
import { worldAfterBaseline } from '../../support/stories.ts'
import {
	disablePolling,
	getStoreRecord,
	getWebhookState,
	holdDeliveries,
	sendDelivery,
	worldWithWebhooks,
} from '../../support/webhook-stories.ts'
import { World } from '../../support/world.ts'

test('once a minute is spent the alarm waits for the next one, and half of its reads are left to webhooks', async () => {
	const world = await World.create({ store: { objects: 20 } })
	await world.advance(120_000)
	const core = world.engine.getCore()!
	const customers = core.state.resources.find(({ objectType }) => objectType === 'customers')!
	const ids = [...world.store.state('customers').keys()]
	for (let i = 0; i < 40; i++)
		core.relatedQueue.set(`${customers.number}:${i}`, {
			number: customers.number,
			id: ids[i % ids.length]!,
			atMs: Number.MAX_SAFE_INTEGER,
		})
	// From the start of a minute, so that all of it fits in.
	world.nowMs = (Math.floor(world.nowMs / 60_000) + 1) * 60_000
	world.engine.updateAlarm(core)
	for (let alarms = 0; alarms < 20 && (world.alarmMs ?? Infinity) < world.nowMs + 5_000; alarms++) {
		world.nowMs = Math.max(world.nowMs, world.alarmMs!)
		await world.alarm()
	}
	expect(core.state.reads.count).toBe(30)
	expect(core.relatedQueue.size).toBe(10)
	expect(world.alarmMs! % 60_000).toBeLessThan(1_000)
	expect(world.alarmMs).toBeGreaterThan(world.nowMs + 50_000)
	await world.advance(61_000)
	expect(core.relatedQueue.size).toBe(0)
})

test('a whole pass that began since has read them all: they are asked for no more', async () => {
	const world = await World.create({ store: { objects: 20 }, pollIntervalMs: 10_000 })
	await world.advance(120_000)
	const core = world.engine.getCore()!
	const customers = core.state.resources.find(({ objectType }) => objectType === 'customers')!
	core.state.reads = { minute: Math.floor(world.nowMs / 60_000), count: 60 }
	for (const id of world.store.state('customers').keys())
		core.relatedQueue.set(`${customers.number}:${id}`, { number: customers.number, id, atMs: world.nowMs })
	const asked = world.store.log.length
	await world.advance(25_000)
	expect(core.relatedQueue.size).toBe(0)
	expect(world.store.log.slice(asked).filter(({ path }) => /customers\/\d+/.test(path))).toEqual([])
})

describe('reads that no event waits for', () => {
	const readsOf = (world: World, from: number): string[] =>
		world.store.log
			.slice(from)
			.map(({ path }) => path.split('?')[0]!)
			.filter((path) => /\/(customers|orders)\/\d+$/.test(path))

	/** A world that learns of changes by webhooks, and an order of a customer that it has learned of so. */
	async function worldWithOrder(): Promise<{ world: World; order: number; customer: number; from: number }> {
		const world = await worldWithWebhooks()
		holdDeliveries(world)
		disablePolling(world)
		const [order, record] = [...world.store.state('orders')].find(
			([, { status, customer_id }]) => status === 'processing' && Number(customer_id) > 0,
		)!
		world.store.act({ do: 'edit', resource: 'orders', id: order })
		return { world, order, customer: Number(record['customer_id']), from: world.store.log.length }
	}

	test('of a webhook’s related objects come a second later, when its event is delivered', async () => {
		const { world, order, customer, from } = await worldWithOrder()
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', order))
		await world.advance(900)
		expect(world.arrivals).toHaveLength(1)
		expect(readsOf(world, from)).toEqual([])
		await world.advance(1_000)
		expect(readsOf(world, from)).toEqual([`/wp-json/wc/v3/customers/${customer}`])
	})

	test('of a webhook’s own object, too, when it is only compared', async () => {
		const { world, order, from } = await worldWithOrder()
		getWebhookState(world).seen['order.updated'] = 99
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', order))
		await world.advance(900)
		expect(world.arrivals).toHaveLength(1)
		expect(readsOf(world, from)).toEqual([])
		await world.advance(1_500)
		expect(readsOf(world, from)).toContain(`/wp-json/wc/v3/orders/${order}`)
	})

	test('of what a poll finds are made in the same alarm', async () => {
		const world = await worldAfterBaseline()
		const [order, record] = [...world.store.state('orders')].find(
			([, { status, customer_id }]) => status === 'processing' && Number(customer_id) > 0,
		)!
		world.store.act({ do: 'edit', resource: 'orders', id: order })
		const from = world.store.log.length
		world.nowMs = world.alarmMs!
		await world.alarm()
		expect(readsOf(world, from)).toEqual([`/wp-json/wc/v3/customers/${String(record['customer_id'])}`])
	})
})

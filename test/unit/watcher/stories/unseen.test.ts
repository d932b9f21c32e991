/** Changes that stamps hide, and stamps that lie: what the re-read, the overlap and the totals are for. */
import { describe, expect, test } from 'vitest'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	oldestId,
	getResourceState,
	rewriteRecords,
	arrivalsSince,
} from '../../../support/stories.ts'

const only = (
	orders: number,
	products: number,
): { orders: number; products: number; coupons: number; customers: number } => ({
	orders,
	products,
	coupons: 0,
	customers: 0,
})

/** A re-read of everything, and what follows from it. */
async function reread(world: World): Promise<void> {
	const core = world.engine.getCore()!
	core.commit(() => {
		for (const rs of core.state.resources) rs.rereadAsked = true
	})
	world.engine.updateAlarm(core)
	await world.advance(3 * MINUTE_MS)
}

describe('fields that change by themselves', () => {
	test('4.5 in fewer are emitted', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products'), store: { objects: only(0, 220) } })
		let turn = 0
		rewriteRecords(world, (record) => ({ ...record, shelf: Number(record['id']) % 10 === 0 ? `${turn}` : 'still' }))
		await reread(world)
		turn++
		await reread(world)
		expect(arrivalsSince(world).sort()).toEqual(
			liveIds(world, 'products')
				.filter((id) => id % 10 === 0)
				.map((id) => `UPDATED products ${id}`)
				.sort(),
		)
		expect(world.arrivals.at(-1)).toMatchObject({ changedFields: ['shelf'], source: 'reread' })
	})

	test('a store upgrade that adds a field emits nothing', async () => {
		const world = await worldAfterBaseline()
		rewriteRecords(world, (record) => ({ ...record, brands: [], global_unique_id: '' }))
		await world.advance(5 * MINUTE_MS)
		await reread(world)
		expect(arrivalsSince(world)).toEqual([])
		const [entry] = world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${entry!.id}`])
		expect(world.arrivals[0]).not.toMatchObject({ changedFields: expect.arrayContaining(['brands']) })
	})

	test('4.5 related_ids, price_html, total_sales and ratings are no change', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products') })
		let turn = 0
		rewriteRecords(world, (record) => ({
			...record,
			related_ids: [++turn],
			price_html: `<b>${turn}</b>`,
			total_sales: turn,
			average_rating: `${turn}`,
			rating_count: turn,
			_links: { turn },
		}))
		await reread(world)
		expect(arrivalsSince(world)).toEqual([])
	})
})

describe('edits without a stamp', () => {
	test('4.1 a silent billing edit of a posts-stored order is emitted within the hour, found by the re-read of the newest', async () => {
		const world = await worldAfterBaseline({
			pollIntervalMs: 5 * MINUTE_MS,
			resources: pollerResources('orders'),
			store: { orders: 'posts', objects: only(20, 5) },
		})
		const id = oldestId(world, 'orders')
		world.store.act({ do: 'edit-silently', resource: 'orders', id, set: { billing: { phone: '+1 720-555-0000' } } })
		await world.advance(70 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(world.arrivals[0]).toMatchObject({ changedFields: ['billing.phone'], source: 'reread' })
	})

	test('4.3 a coupon’s amount is emitted within a day, though nothing of it moved', async () => {
		const world = await worldAfterBaseline({
			pollIntervalMs: HOUR_MS,
			resources: pollerResources('discounts'),
			store: { objects: { orders: 0, products: 0, coupons: 14, customers: 0 } },
		})
		const id = oldestId(world, 'discounts')
		world.store.act({ do: 'edit', resource: 'coupons', id, set: { amount: '33.00' } })
		expect(world.store.journal().at(-1)).toMatchObject({ stampMoved: false })
		await world.advance(25 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED discounts ${id}`])
		expect(world.arrivals[0]).toMatchObject({ changedFields: ['amount'] })
	})

	test('4.4 4.6 a renamed category and a scheduled sale change products without a stamp, and are emitted at the next re-read', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products'), store: { objects: only(0, 30) } })
		const product = [...world.store.state('products').values()].find((one) => one['type'] === 'simple')!
		world.store.act({ do: 'schedule-sale', id: Number(product['id']), inSeconds: 240, forSeconds: 86_400 })
		for (const id of liveIds(world, 'products')
			.filter((one) => one !== product['id'])
			.slice(0, 12))
			world.store.act({ do: 'save-unchanged', resource: 'products', id })
		await world.advance(2 * MINUTE_MS)
		const from = world.arrivals.length
		await world.advance(4 * MINUTE_MS)
		expect(arrivalsSince(world, from)).toEqual([])
		await reread(world)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${product['id']}`])
		expect(world.arrivals[from]).toMatchObject({ changedFields: expect.arrayContaining(['on_sale', 'price']) })
		world.store.act({ do: 'rename-category', id: (product['categories'] as { id: number }[])[0]!.id, name: 'Renamed' })
		await reread(world)
		expect(arrivalsSince(world).filter((one) => one === `UPDATED products ${product['id']}`).length).toBeGreaterThan(1)
	})

	test('4.8 an order names the customer whose record it changed: read at once, long before the pass comes round', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources('orders', 'customers'),
			config: { scanBudget: 0 },
			store: { objects: { orders: 2, products: 3, coupons: 0, customers: 20 } },
		})
		const id = liveIds(world, 'customers')[4]!
		world.store.act({ do: 'edit-silently', resource: 'customers', id, set: { billing: { phone: '+1 0' } } })
		world.store.act({ do: 'place-order', customer: id })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toContain(`UPDATED customers ${id}`)
	})

	test('and are taken back, both without a stamp, the first seen by the re-read alone: the second is not taken for the head as it was', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('orders'), pollIntervalMs: HOUR_MS })
		await world.advance(2 * HOUR_MS)
		const id = liveIds(world, 'orders').at(-1)!
		world.store.act({ do: 'edit-silently', resource: 'orders', id, set: { transaction_id: 'first' } })
		await world.advance(2 * HOUR_MS)
		world.store.act({ do: 'edit-silently', resource: 'orders', id, set: { transaction_id: 'between' } })
		await reread(world)
		world.store.act({ do: 'edit-silently', resource: 'orders', id, set: { transaction_id: 'first' } })
		await world.advance(2 * HOUR_MS)
		expect(world.arrivals.map((one) => (one.record as { transaction_id: string }).transaction_id)).toEqual([
			'first',
			'between',
			'first',
		])
	})

	test('4.9 with the re-read off they are never seen, with it on after its hours', async () => {
		const seen = async (rereadHours: number): Promise<string[]> => {
			const world = await worldAfterBaseline({
				pollIntervalMs: HOUR_MS,
				resources: pollerResources('discounts'),
				config: { rereadHours },
				store: { objects: { orders: 0, products: 0, coupons: 14, customers: 0 } },
			})
			world.store.act({ do: 'edit-silently', resource: 'coupons', id: oldestId(world, 'discounts') })
			await world.advance(2 * DAY_MS)
			return arrivalsSince(world)
		}
		expect(await seen(0)).toEqual([])
		expect(await seen(36)).toHaveLength(1)
	})
})

describe('stamps', () => {
	test.each(['11.0', '7.0'] as const)(
		'3.6 3.7 150 products in one second on %s: each is emitted once',
		async (version) => {
			const world = await worldAfterBaseline({
				resources: pollerResources('products'),
				config: { rereadHours: 0 },
				store: { version, objects: only(0, 160) },
			})
			world.store.act({ do: 'burst', resource: 'products', count: 150 })
			await world.advance(5 * MINUTE_MS)
			const lines = arrivalsSince(world)
			expect(new Set(lines).size).toBe(150)
			expect(lines).toHaveLength(150)
		},
	)

	test.each(['first', 'second'] as const)(
		'3.5 HPOS stamps in the repeated hour (%s of the two): every edit rings, once',
		async (repeatedHour) => {
			const startMs = Date.UTC(2026, 10, 1, 6, 30)
			const world = await worldAfterBaseline({
				startMs,
				resources: pollerResources('orders'),
				config: { rereadHours: 0 },
				pollIntervalMs: 2 * MINUTE_MS,
				store: { zone: 'America/Denver', repeatedHour, objects: only(40, 3) },
			})
			const edited: number[] = []
			for (let round = 0; round < 30; round++) {
				const id = liveIds(world, 'orders')[round]!
				edited.push(id)
				world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: `Round ${round}` } })
				await world.advance(6 * MINUTE_MS)
			}
			expect(arrivalsSince(world).sort()).toEqual(edited.map((id) => `UPDATED orders ${id}`).sort())
		},
	)

	test('3.5 3.8 stamps in the future stay on top and hide nothing', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources('products'),
			config: { rereadHours: 0 },
			store: { objects: only(0, 40) },
		})
		for (const id of liveIds(world, 'products').slice(0, 12))
			world.store.act({
				do: 'edit',
				resource: 'products',
				id,
				set: { name: `Later ${id}`, date_modified_gmt: '2031-01-01T00:00:00' },
			})
		await world.advance(2 * MINUTE_MS)
		const from = world.arrivals.length
		expect(from).toBe(12)
		const changed = [liveIds(world, 'products')[20]!, liveIds(world, 'products')[3]!]
		for (const id of changed) {
			world.store.act({
				do: 'edit',
				resource: 'products',
				id,
				set: { name: `Now ${id}`, date_modified_gmt: id === changed[1] ? '2031-01-01T00:00:00' : undefined },
			})
			await world.advance(2 * MINUTE_MS)
		}
		expect(arrivalsSince(world, from)).toEqual(changed.map((id) => `UPDATED products ${id}`))
	})

	test('3.5 commits that come up to two minutes late are seen though the head is full of newer rows', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources('products'),
			config: { rereadHours: 0 },
			store: { objects: only(0, 40) },
		})
		const late = liveIds(world, 'products').slice(0, 6)
		for (const [index, id] of late.entries()) {
			world.store.act({ do: 'edit', resource: 'products', id, set: { name: `Late ${index}` }, lagSeconds: 100 })
			for (const other of liveIds(world, 'products').slice(20, 32))
				world.store.act({ do: 'edit', resource: 'products', id: other, set: { name: `On time ${index}` } })
			await world.advance(MINUTE_MS)
		}
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual(expect.arrayContaining(late.map((id) => `UPDATED products ${id}`)))
	})

	test('3.4 the site’s zone may change at any time', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 2 * MINUTE_MS })
		for (const zone of ['Asia/Kolkata', 'America/New_York', 'Australia/Lord_Howe']) {
			world.store.act({ do: 'zone', zone })
			world.store.act({ do: 'edit', resource: 'products' })
			world.store.act({ do: 'place-order' })
			await world.advance(6 * MINUTE_MS)
		}
		expect(world.arrivals.filter((one) => one.eventType === 'UPDATED').length).toBeLessThan(12)
		await expectCleanJudgement(world)
	})

	test('3.3 polls across a spring-forward gap lose nothing', async () => {
		const world = await worldAfterBaseline({
			startMs: Date.UTC(2026, 2, 8, 8, 30),
			pollIntervalMs: 5 * MINUTE_MS,
			resources: pollerResources('products'),
			config: { rereadHours: 0 },
			store: { zone: 'America/Denver', objects: only(0, 40) },
		})
		const edited: number[] = []
		for (const id of liveIds(world, 'products').slice(0, 24)) {
			world.store.act({ do: 'edit', resource: 'products', id, set: { name: `Spring ${id}` } })
			edited.push(id)
			await world.advance(5 * MINUTE_MS)
		}
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(edited.map((id) => `UPDATED products ${id}`).sort())
	})
})

describe('orders that are not orders yet', () => {
	test.each(['11.0', '7.0'] as const)('4.10 a checkout-draft is hidden until it is placed, on %s', async (version) => {
		const world = await worldAfterBaseline({ resources: pollerResources('orders'), store: { version } })
		const draft = world.store.act({ do: 'checkout-draft' })[0]!.id
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		world.store.act({ do: 'checkout', id: draft })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED orders ${draft}`])
	})

	test('5.7 an abandoned checkout that leaves after a day emits nothing', async () => {
		const world = await worldAfterBaseline({
			pollIntervalMs: 2 * HOUR_MS,
			resources: pollerResources('orders'),
			store: { version: '7.0' },
		})
		const draft = world.store.act({ do: 'checkout-draft' })[0]!.id
		await world.advance(2 * DAY_MS)
		expect(world.store.state('orders').has(draft)).toBe(false)
		expect(arrivalsSince(world)).toEqual([])
		expect(getResourceState(world, 'orders').listed).toBe(liveIds(world, 'orders').length)
	})
})

test('4.7 a save that changed nothing emits nothing', async () => {
	const world = await worldAfterBaseline()
	for (const resource of ['orders', 'products', 'customers'] as const)
		world.store.act({ do: 'save-unchanged', resource })
	await world.advance(5 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([])
})

test('4.2 a deleted refund changes an HPOS order without a stamp; a note changes nothing of it', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('orders') })
	const id = world.store
		.act({ do: 'place-order', status: 'processing' })
		.find((entry) => entry.resource === 'orders')!.id
	world.store.act({ do: 'refund', id })
	await world.advance(2 * MINUTE_MS)
	const from = world.arrivals.length
	world.store.act({ do: 'note', id })
	await reread(world)
	expect(arrivalsSince(world, from)).toEqual([])
	world.store.act({ do: 'delete-refund' })
	await reread(world)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED orders ${id}`])
	expect(world.arrivals[from]).toMatchObject({ changedFields: expect.arrayContaining(['refunds']) })
})

test('4.12 what is restored from the trash emits CREATED, restored, with the sequence it had', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products') })
	const [id] = liveIds(world, 'products')
	world.store.act({ do: 'trash', resource: 'products', id: id! })
	await world.advance(3 * MINUTE_MS)
	world.store.act({ do: 'restore', resource: 'products', id: id! })
	await world.advance(3 * MINUTE_MS)
	expect(world.arrivals).toMatchObject([
		{ eventType: 'DELETED', trashed: true, objectSequence: 1 },
		{ eventType: 'CREATED', restored: true, objectSequence: 2 },
	])
})

test('4.14 a product’s stamp moves with its stock, and with a review whose marks are no change', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products') })
	const managed = [...world.store.state('products').values()].find((one) => one['manage_stock'] === true)!
	world.store.act({ do: 'place-order', items: [{ id: Number(managed['id']), quantity: 1 }] })
	await world.advance(2 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED products ${managed['id']}`])
	expect(world.arrivals[0]).toMatchObject({ changedFields: ['stock_quantity'] })
	world.store.act({ do: 'review', id: Number(managed['id']) })
	await world.advance(2 * MINUTE_MS)
	expect(arrivalsSince(world)).toHaveLength(1)
})

/** The baseline: silent about what was there, loud about what changes while it runs; backfill; pauses. */
import { describe, expect, test } from 'vitest'
import type { Action } from '../../../store/store.ts'
import { World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	judgeWorld,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	arrivalsSince,
} from '../../../support/stories.ts'

const many = { orders: 0, products: 240, coupons: 0, customers: 0 }

describe('the baseline', () => {
	test('says nothing of what was there', async () => {
		const world = await worldAfterBaseline()
		expect(arrivalsSince(world)).toEqual([])
		expect(
			['orders', 'products', 'discounts', 'customers'].map((label) => getResourceState(world, label).listed),
		).toEqual(['orders', 'products', 'discounts', 'customers'].map((label) => liveIds(world, label).length))
	})

	test('2.5 reads all pages where a host takes the totals out of the answers, and later emits what came, nothing else', async () => {
		const world = await World.create({
			resources: pollerResources('products', 'customers'),
			store: { objects: { orders: 0, products: 240, coupons: 0, customers: 130 } },
		})
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			const answer = await fetch(request)
			answer.headers.delete('x-wp-total')
			return answer
		}
		await world.advance(5 * MINUTE_MS)
		for (const label of ['products', 'customers']) {
			expect(getResourceState(world, label).baseline).toBeNull()
			expect(getResourceState(world, label).listed, label).toBe(liveIds(world, label).length)
		}
		expect(arrivalsSince(world)).toEqual([])
		const made = (['products', 'customers'] as const).flatMap((resource) =>
			Array.from({ length: 40 }, () => world.store.act({ do: 'create', resource })[0]!).map(
				({ id }) => `CREATED ${resource} ${id}`,
			),
		)
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(made.sort())
		expect(world.engine.getCore()!.state.resources.every((rs) => rs.heldSinceMs === null)).toBe(true)
	})

	test('emits what happens between its pages, each once', async () => {
		const world = await World.create({ resources: pollerResources('products'), store: { objects: many } })
		const acts: Action[] = [
			{ do: 'create', resource: 'products' },
			{ do: 'edit', resource: 'products' },
			{ do: 'trash', resource: 'products' },
			{ do: 'delete', resource: 'products' },
			{ do: 'edit-silently', resource: 'products' },
			{ do: 'back-date', resource: 'products' },
			{ do: 'draft', resource: 'products' },
			{ do: 'burst', resource: 'products', count: 15 },
		]
		world.store.setFaults({ match: 'orderby=id', act: acts, times: 3 })
		await world.advance(5 * MINUTE_MS)
		world.store.setFaults({})
		await expectCleanJudgement(world, { products: 'products' })
		const { created, updated, deleted } = judgeWorld(world, { products: 'products' })
		expect(created).toBeGreaterThanOrEqual(3)
		expect(updated).toBeGreaterThan(10)
		expect(deleted).toBeGreaterThan(0)
	})

	test('emits changes of its first minutes at once: the window runs between its slices', async () => {
		const world = await World.create({
			resources: Object.fromEntries(
				Object.entries(pollerResources('products')).map(([label, one]) => [label, { ...one, pageSize: 2 }]),
			),
			store: { objects: many },
		})
		await world.advance(8_000)
		expect(getResourceState(world, 'products').baseline).not.toBeNull()
		const id = liveIds(world, 'products').at(-3)!
		world.store.act({ do: 'edit', resource: 'products', id })
		world.nowMs += 1_000
		world.engine.getCore()!.state.nextPollMs = world.nowMs
		await world.advance(3_000)
		expect(arrivalsSince(world)).toContain(`UPDATED products ${id}`)
		expect(getResourceState(world, 'products').baseline).not.toBeNull()
	})

	test('is not misled by a deletion between its pages', async () => {
		const world = await World.create({ resources: pollerResources('products'), store: { objects: many } })
		const [first] = liveIds(world, 'products')
		world.store.setFaults({
			match: 'orderby=id&order=asc',
			skip: 1,
			times: 1,
			act: [{ do: 'delete', resource: 'products', id: first! }],
		})
		await world.advance(5 * MINUTE_MS)
		expect(getResourceState(world, 'products').listed).toBe(liveIds(world, 'products').length)
	})
})

describe('backfill', () => {
	test('all emits CREATED for everything that is there, marked, and what is new unmarked', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products'), config: { backfill: 'all' } })
		const there = liveIds(world, 'products')
		expect(arrivalsSince(world).sort()).toEqual(there.map((id) => `CREATED products ${id}`).sort())
		expect(world.arrivals.every((one) => one.backfill === true)).toBe(true)
		const from = world.arrivals.length
		world.store.act({ do: 'create', resource: 'products' })
		await world.advance(2 * MINUTE_MS)
		expect(world.arrivals.slice(from)).toMatchObject([{ eventType: 'CREATED' }])
		expect(world.arrivals[from]!.backfill).toBeUndefined()
	})

	test('from a date emits what was created since as CREATED, what was only changed since as UPDATED, the rest not', async () => {
		const startMs = Date.UTC(2026, 5, 15, 12)
		const day = (days: number): string => new Date(startMs - days * DAY_MS).toISOString().slice(0, 19)
		const coupon = (id: number, created: number, modified: number): Record<string, unknown> => ({
			id,
			code: `c${id}`,
			amount: '1.00',
			status: 'publish',
			date_created_gmt: day(created),
			date_modified_gmt: day(modified),
		})
		const world = await worldAfterBaseline({
			startMs,
			resources: pollerResources('discounts'),
			config: { backfill: startMs - 10 * DAY_MS },
			store: {
				world: { records: { coupons: [coupon(1, 30, 20), coupon(2, 30, 5), coupon(3, 8, 8), coupon(4, 9, 2)] } },
			},
		})
		expect(arrivalsSince(world).sort()).toEqual(['CREATED discounts 3', 'CREATED discounts 4', 'UPDATED discounts 2'])
		expect(world.arrivals.every((one) => one.backfill === true)).toBe(true)
	})
})

describe('a pause', () => {
	const day = { pollIntervalMs: HOUR_MS }

	test('of a day: what changed meanwhile is emitted once, in its last state', async () => {
		const world = await worldAfterBaseline(day)
		await world.configure({ enabled: false })
		const { requests } = world.store
		const [edited, trashed, gone] = liveIds(world, 'products')
		for (let hour = 0; hour < 6; hour++) {
			world.store.act({ do: 'edit', resource: 'products', id: edited!, set: { short_description: `<p>${hour}</p>` } })
			await world.advance(4 * HOUR_MS)
		}
		world.store.act({ do: 'edit-silently', resource: 'coupons', id: liveIds(world, 'discounts')[0]! })
		world.store.act({ do: 'trash', resource: 'products', id: trashed! })
		world.store.act({ do: 'delete', resource: 'products', id: gone! })
		const made = world.store.act({ do: 'create', resource: 'customers' })[0]!.id
		expect(world.store.requests).toBe(requests)
		expect(arrivalsSince(world)).toEqual([])
		await world.configure({ enabled: true })
		await world.advance(2 * HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual(
			[
				`CREATED customers ${made}`,
				`DELETED products ${gone}`,
				`DELETED products ${trashed}`,
				`UPDATED discounts ${liveIds(world, 'discounts')[0]}`,
				`UPDATED products ${edited}`,
			].sort(),
		)
		expect(
			JSON.stringify(
				world.arrivals.find((one) => one.objectType === 'products' && one.objectId === String(edited))!.record,
			),
		).toContain('<p>5</p>')
		await expectCleanJudgement(world)
	})

	test('delivers nothing, and what was waiting goes out afterwards', async () => {
		const world = await worldAfterBaseline(day)
		world.answer = () => 503
		const made = world.store.act({ do: 'create', resource: 'customers' })[0]!.id
		await world.advance(HOUR_MS)
		world.answer = () => 204
		await world.configure({ enabled: false })
		await world.advance(12 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		await world.configure({ enabled: true })
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED customers ${made}`])
	})

	test.each(['told', 'lost'])(
		'with skip takes a new silent baseline instead, once, though the call that says so be %s',
		async (call) => {
			const world = await worldAfterBaseline(day)
			await world.configure({ enabled: false })
			world.store.act({ do: 'edit', resource: 'products' })
			world.store.act({ do: 'create', resource: 'customers' })
			world.store.act({ do: 'delete', resource: 'coupons' })
			await world.advance(DAY_MS)
			const version = world.config.version + 1
			if (call === 'told') await world.configure({ enabled: true, baselineVersion: version })
			else {
				world.config = { ...world.config, version, enabled: true, baselineVersion: version }
				// The cron pokes it some time.
				await world.engine.refreshConfig(world.engine.getCore()!)
				world.engine.updateAlarm(world.engine.getCore()!)
			}
			await world.advance(2 * HOUR_MS)
			expect(arrivalsSince(world)).toEqual([])
			const edited = world.store.act({ do: 'edit', resource: 'products' })[0]!.id
			world.nowMs += 5_000
			await world.configure({ name: 'Renamed' })
			world.evict()
			await world.advance(2 * HOUR_MS)
			expect(arrivalsSince(world)).toEqual([`UPDATED products ${edited}`])
		},
	)

	test('asks the store nothing for as long as it lasts', async () => {
		const world = await worldAfterBaseline(day)
		await world.configure({ enabled: false })
		const { requests } = world.store
		await world.advance(3 * DAY_MS)
		expect(world.store.requests).toBe(requests)
	})
})

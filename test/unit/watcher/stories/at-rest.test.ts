/** What polls cost while nothing happens: the pass of customers, and the state row; the memory is lost between polls. */
import { describe, expect, test } from 'vitest'
import { buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	getResourceState,
	HOUR_MS,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const FEW = { orders: 8, products: 8, coupons: 4 }

/** A world with so many customers, polled every 15 minutes, which has ended its first pass. */
async function worldWithCustomers(customers: number, intervalMs = 15 * MINUTE_MS): Promise<World> {
	const world = await worldAfterBaseline({
		store: { objects: { ...FEW, customers } },
		pollIntervalMs: intervalMs,
	})
	await world.advance(3 * HOUR_MS)
	return world
}

/** Requests for customers in each of the next polls: pages of the pass, and all. */
async function countRequests(
	world: World,
	polls: number,
	{ evicts = false, intervalMs = 15 * MINUTE_MS } = {},
): Promise<{ pages: number[]; all: number }> {
	const pages: number[] = []
	const from = world.store.log.length
	for (let poll = 0; poll < polls; poll++) {
		const before = world.store.log.length
		await world.advance(intervalMs)
		if (evicts) world.evict()
		pages.push(
			world.store.log.slice(before).filter(({ path }) => /\/customers\?.*orderby=id&order=asc/.test(path)).length,
		)
	}
	return { pages, all: world.store.log.length - from }
}

const readStateRow = (world: World): string =>
	world.sql.all<{ body: string }>('SELECT body FROM state WHERE id = 1')[0]!.body

describe('the pass of customers', () => {
	test.each([false, true])(
		'is read once an hour, at most ten pages a poll (the memory is lost after each: %s)',
		async (evicts) => {
			const world = await worldWithCustomers(1_000)
			const began = getResourceState(world, 'customers').rereadBeganMs!
			const { pages } = await countRequests(world, 12, { evicts })
			// 1,000 customers are eleven pages: each but the first repeats a row.
			expect(pages.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2 * 11 + 9)
			expect(pages.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(3 * 11 + 3)
			expect(Math.max(...pages)).toBeLessThanOrEqual(10)
			const passesMs = getResourceState(world, 'customers').rereadBeganMs! - began
			expect(Math.round(passesMs / MINUTE_MS)).toBe(180)
		},
	)

	test('the same requests are made with and without the memory', async () => {
		const [kept, lost] = [await worldWithCustomers(1_000), await worldWithCustomers(1_000)]
		const [one, other] = [await countRequests(kept, 16), await countRequests(lost, 16, { evicts: true })]
		expect(other).toEqual(one)
	})

	test('is read with every poll where one request does it', async () => {
		const world = await worldWithCustomers(80)
		expect((await countRequests(world, 6, { evicts: true })).pages).toEqual([1, 1, 1, 1, 1, 1])
	})

	test.each([false, true])(
		'takes at most as many requests a poll as the budget says, and longer then (the memory is lost: %s)',
		async (evicts) => {
			const world = await worldWithCustomers(1_500)
			await world.configure({ scanBudget: 2 })
			const began = getResourceState(world, 'customers').rereadBeganMs!
			const { pages } = await countRequests(world, 18, { evicts })
			expect(Math.max(...pages)).toBe(2)
			expect(getResourceState(world, 'customers').rereadBeganMs).toBeGreaterThan(began)
		},
	)

	test('polls further apart than an hour read all of it', async () => {
		const world = await worldWithCustomers(500, 3 * HOUR_MS)
		expect((await countRequests(world, 3, { intervalMs: 3 * HOUR_MS })).pages).toEqual([6, 6, 6])
	})

	test('an edit is found within about an hour, one that comes with an order at once', async () => {
		const world = await worldWithCustomers(1_000)
		const from = world.arrivals.length
		const [first, other] = [...world.store.state('customers').keys()]
		world.store.act({ do: 'edit', resource: 'customers', id: first!, set: { first_name: 'Ada' } })
		await world.advance(2 * HOUR_MS)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED customers ${first}`])
		world.store.act({ do: 'edit', resource: 'customers', id: other!, set: { first_name: 'Grace' } })
		const [order] = [...world.store.state('orders').keys()]
		world.store.act({ do: 'edit', resource: 'orders', id: order!, set: { customer_id: other! } })
		const between = world.arrivals.length
		await world.advance(16 * MINUTE_MS)
		expect(arrivalsSince(world, between).sort()).toEqual([`UPDATED customers ${other}`, `UPDATED orders ${order}`])
	})

	test('new and deleted customers are found with the next poll', async () => {
		const world = await worldWithCustomers(1_000)
		const from = world.arrivals.length
		const [first] = [...world.store.state('customers').keys()]
		world.store.act({ do: 'create', resource: 'customers' })
		await world.advance(16 * MINUTE_MS)
		world.store.act({ do: 'delete', resource: 'customers', id: first! })
		await world.advance(16 * MINUTE_MS)
		expect(arrivalsSince(world, from)).toEqual([
			expect.stringMatching(/^CREATED customers/),
			`DELETED customers ${first}`,
		])
	})

	test('the poller says how old the oldest look at an object is', async () => {
		const world = await worldWithCustomers(1_000)
		const { reread } = buildPollerReport(world.engine.getCore()!).resources.find(
			({ resource }) => resource === 'customers',
		)!
		expect(reread.worstAgeSeconds).toBeGreaterThan(HOUR_MS / 2_000)
		expect(reread.worstAgeSeconds).toBeLessThanOrEqual((2 * HOUR_MS) / 1_000)
	})
})

describe('the state row', () => {
	test('stays as it is while polls find nothing, for at most an hour', async () => {
		const world = await worldWithCustomers(50, 5 * MINUTE_MS)
		const rows: string[] = []
		for (let poll = 0; poll < 36; poll++) {
			await world.advance(5 * MINUTE_MS)
			world.evict()
			rows.push(readStateRow(world))
		}
		const written = rows.filter((row, index) => index > 0 && row !== rows[index - 1]).length
		expect(written).toBeGreaterThanOrEqual(2)
		// Windows of posts, newest coupons and pruning are hourly.
		expect(written).toBeLessThanOrEqual(12)
	})

	test('after a loss of the memory the alarm says when the next poll is due, and when the last one was', async () => {
		const world = await worldWithCustomers(50, 15 * MINUTE_MS)
		// Some polls write the row.
		for (let polls = 0; polls < 6 && world.engine.getCore()!.isPollTimeSaved(); polls++)
			await world.advance(15 * MINUTE_MS)
		expect(world.engine.getCore()!.isPollTimeSaved()).toBe(false)
		const before = buildPollerReport(world.engine.getCore()!)
		const row = readStateRow(world)
		world.evict()
		const after = buildPollerReport(world.engine.getCore()!)
		expect(readStateRow(world)).toBe(row)
		expect([after.nextRun, after.lastRun]).toEqual([before.nextRun, before.lastRun])
		const requests = world.store.log.length
		world.engine.updateAlarm(world.engine.getCore()!)
		await world.advance(MINUTE_MS)
		expect(world.store.log.length).toBe(requests)
	})

	test('alarms for other work do not bring polls forward', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources('products'),
			store: { objects: { orders: 0, products: 6, coupons: 0, customers: 0 } },
			pollIntervalMs: 15 * MINUTE_MS,
		})
		// Retries have alarms between the polls.
		await world.configure({ delivery: { ...world.config.delivery, schedule: [20 * 60, 55 * 60, 110 * 60] } })
		await world.advance(31 * MINUTE_MS)
		world.answer = () => 500
		const [id] = [...world.store.state('products').keys()]
		world.store.act({ do: 'edit', resource: 'products', id: id!, set: { name: 'Retried' } })
		await world.advance(15 * MINUTE_MS)
		const begun = new Set<number>()
		for (let minute = 0; minute < 120; minute++) {
			await world.advance(MINUTE_MS)
			begun.add(world.engine.getCore()!.state.lastRunMs!)
			world.evict()
		}
		const times = [...begun].sort((a, b) => a - b)
		const gaps = times.slice(1).map((time, index) => Math.round((time - times[index]!) / MINUTE_MS))
		expect(gaps).toEqual(gaps.map(() => 15))
		expect(gaps.length).toBeGreaterThanOrEqual(7)
	})
})

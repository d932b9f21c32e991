/** An object may be lost at any moment: what is stored decides, and nothing is lost, doubled or invented. */
import { describe, expect, test } from 'vitest'
import { getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import { World, type CrashPoint } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	arrivalsSince,
} from '../../../support/stories.ts'

const many = {
	resources: pollerResources('products'),
	store: { objects: { orders: 0, products: 90, coupons: 0, customers: 0 } },
}

/** Cuts the engine off at this point, the n-th time it comes by. */
function cut(world: World, point: CrashPoint, after = 0): void {
	let left = after
	world.crashAt = (at) => at === point && left-- === 0
}

describe('the object is lost', () => {
	test('between the pages of the baseline: it goes on where it was', async () => {
		const resources = { products: { ...pollerResources('products')['products']!, pageSize: 10 } }
		const world = await World.create({ ...many, resources })
		cut(world, 'after-request', 9)
		await world.advance(5 * MINUTE_MS)
		expect(world.crashes).toEqual(['after-request'])
		expect(getResourceState(world, 'products')).toMatchObject({ baseline: null, listed: 90 })
		expect(arrivalsSince(world)).toEqual([])
		const pages = world.store.log.filter(({ path }) => path.includes('orderby=id&order=asc')).length
		expect(pages).toBeLessThanOrEqual(13)
		await expectCleanJudgement(world, { products: 'products' })
	})

	test('in the middle of a re-read: what it had not written it reads again', async () => {
		const world = await worldAfterBaseline(many)
		for (const id of liveIds(world, 'products').slice(30, 40))
			world.store.act({ do: 'edit-silently', resource: 'products', id })
		const core = world.engine.getCore()!
		core.commit(() => {
			core.state.resources[0]!.rereadAsked = true
		})
		world.engine.updateAlarm(core)
		cut(world, 'before-commit', 1)
		await world.advance(5 * MINUTE_MS)
		expect(world.crashes).toHaveLength(1)
		await expectCleanJudgement(world, { products: 'products' })
		expect(arrivalsSince(world).filter((one) => one.startsWith('UPDATED'))).toHaveLength(10)
	})

	test('in the middle of a search: the bisection goes on', async () => {
		const world = await worldAfterBaseline({
			...many,
			resources: { products: { ...pollerResources('products')['products']!, pageSize: 10 } },
		})
		const [id] = liveIds(world, 'products').slice(41)
		world.store.act({ do: 'delete', resource: 'products', id: id! })
		world.crashAt = (point) =>
			point === 'after-request' && world.crashes.length === 0 && world.store.log.at(-1)!.path.includes('orderby=id')
		await world.advance(5 * MINUTE_MS)
		expect(world.crashes).toHaveLength(1)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
	})

	test.each<CrashPoint>(['before-commit', 'after-commit', 'before-ring', 'after-ring', 'before-post'])(
		'%s of a change: it rings once',
		async (point) => {
			const world = await worldAfterBaseline(many)
			const [id] = liveIds(world, 'products')
			world.store.act({ do: 'edit', resource: 'products', id: id! })
			cut(world, point)
			await world.advance(3 * MINUTE_MS)
			expect(world.crashes).toEqual([point])
			expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
			expect(getEventPage(world.engine.getCore()!, { pageSize: 10 }).events).toHaveLength(1)
		},
	)

	test('between delivery and settle: the same bytes arrive again, under the same ids', async () => {
		const world = await worldAfterBaseline(many)
		world.store.act({ do: 'edit', resource: 'products' })
		cut(world, 'after-post')
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(2)
		expect(new Set(world.arrivals.map(({ eventId }) => eventId)).size).toBe(1)
		expect(new Set(world.arrivals.map(({ body }) => body)).size).toBe(1)
	})

	test('every few steps, for an hour: all is well in the end', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: MINUTE_MS })
		let step = 0
		world.crashAt = () => ++step % 17 === 0
		for (let round = 0; round < 20; round++) {
			world.store.act({ do: 'place-order' })
			world.store.act({ do: 'burst', resource: 'products', count: 2 })
			if (round % 5 === 0) world.store.act({ do: 'delete', resource: 'coupons' })
			await world.advance(3 * MINUTE_MS)
		}
		world.crashAt = () => false
		expect(world.crashes.length).toBeGreaterThan(20)
		await expectCleanJudgement(world)
	})

	test('and made anew answers as before', async () => {
		const world = await worldAfterBaseline()
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(2 * MINUTE_MS)
		const report = (): object => ({
			...buildPollerReport(world.engine.getCore()!),
			events: getEventPage(world.engine.getCore()!, { pageSize: 5 }),
		})
		const before = report()
		world.evict()
		expect(report()).toEqual(before)
	})
})

test('create repeated changes nothing', async () => {
	const world = await worldAfterBaseline()
	const before = JSON.stringify(world.engine.getCore()!.state)
	expect(await world.engine.create(7)).toBe('exists')
	expect(JSON.stringify(world.engine.getCore()!.state)).toBe(before)
})

describe('what is kept', () => {
	test('leaves a week after it was settled, its notifications and attempts with it §6.9', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: 6 * HOUR_MS })
		let tries = 0
		world.answer = () => (++tries < 3 ? 500 : 204)
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(7 * HOUR_MS)
		expect(arrivalsSince(world)).toHaveLength(1)
		const count = (table: string): number => world.sql.all<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]!.n
		await world.advance(6 * DAY_MS)
		expect([count('events'), count('notifications'), count('attempts')]).toEqual([1, 1, 2])
		await world.advance(2 * DAY_MS)
		expect([count('events'), count('notifications'), count('attempts')]).toEqual([0, 0, 0])
		expect(getEventPage(world.engine.getCore()!, { pageSize: 5 }).events).toEqual([])
	})

	test('and undelivered stays thirty days, then goes and is counted', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: 12 * HOUR_MS })
		world.answer = () => 410
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(29 * DAY_MS)
		const count = (): number => world.sql.all<{ n: number }>(`SELECT count(*) AS n FROM events`)[0]!.n
		expect(count()).toBe(1)
		await world.advance(3 * DAY_MS)
		expect(count()).toBe(0)
		expect(world.engine.getCore()!.state.counters.expired).toBe(1)
	})
})

describe('the status row', () => {
	test('is written hourly by a quiet instance, not at every poll', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 2 * MINUTE_MS })
		const before = world.statuses.length
		await world.advance(3 * HOUR_MS)
		expect(world.statuses.length - before).toBe(3)
		expect(world.statuses.at(-1)).toMatchObject({ state: 'healthy', aliveAtMs: expect.any(Number) })
		expect(world.nowMs - world.statuses.at(-1)!.aliveAtMs).toBeLessThan(HOUR_MS)
	})

	test('is written at an hour’s first event, and for the others every five minutes', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		await world.advance(8 * MINUTE_MS)
		const before = world.statuses.length
		for (let edit = 0; edit < 10; edit++) {
			world.store.act({ do: 'edit', resource: 'products' })
			await world.advance(MINUTE_MS)
		}
		expect(world.statuses.length - before).toBe(2)
		expect(world.statuses.at(-1)!.lastEventAtMs).not.toBeNull()
		expect(world.statuses.at(-1)!.hours).toHaveLength(24)
	})

	test('counts the events of 24 hours, also of those that belong to the day before', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: 5 * MINUTE_MS })
		const hour = 60 * MINUTE_MS
		// Half an hour before midnight (UTC), so that the counts of a day that is over move to its row.
		await world.advance(24 * hour - (world.nowMs % (24 * hour)) - hour / 2)
		for (let edit = 0; edit < 3; edit++) {
			world.store.act({ do: 'edit', resource: 'products' })
			await world.advance(6 * MINUTE_MS)
		}
		await world.advance(3 * hour)
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(10 * MINUTE_MS)
		const { hours } = world.statuses.at(-1)!
		expect(hours.slice(-4)).toEqual([3, 0, 0, 1])
		expect(hours.reduce((sum, one) => sum + one)).toBe(4)
	})

	test('is written when the state changes, and says since when', async () => {
		const world = await worldAfterBaseline(many)
		const before = world.statuses.length
		world.store.setFaults({ outage: 'database' })
		await world.advance(5 * MINUTE_MS)
		world.store.setFaults({})
		await world.advance(10 * MINUTE_MS)
		expect(world.statuses.slice(before).map(({ state }) => state)).toEqual(
			expect.arrayContaining(['store-unreachable', 'healthy']),
		)
		expect(world.statuses.length - before).toBeLessThanOrEqual(3)
	})
})

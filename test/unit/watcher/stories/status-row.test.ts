/** The status row in D1: what it tells of the last 24 hours, and when it is written (docs/storage.md, D1). */
import { describe, expect, test } from 'vitest'
import { estimatePercentile, sumActivity, type ActivityTotals } from '../../../../src/events/activity.ts'
import { getActivityReportMs } from '../../../../src/watcher/queries/status-report.ts'
import type { ActivityReport } from '../../../../src/rpc/watcher.ts'
import { World } from '../../../support/world.ts'
import { worldWithWebhooks } from '../../../support/webhook-stories.ts'
import { DAY_MS, HOUR_MS, liveIds, MINUTE_MS, pollerResources, worldAfterBaseline } from '../../../support/stories.ts'

const SECOND_MS = 1_000
const many = {
	resources: pollerResources('products'),
	store: { objects: { orders: 0, products: 90, coupons: 0, customers: 0 } },
}

/** What the last row told. */
function activity(world: World): ActivityReport {
	const found = world.statuses.at(-1)?.activity
	if (found === undefined) throw new Error('no row')
	return found
}
const totals = (world: World): ActivityTotals => sumActivity(activity(world).hours, world.nowMs)

/** Waits until everything that happened is told. */
const untilTold = (world: World): Promise<void> => world.advance(6 * MINUTE_MS)

describe('what it tells', () => {
	test('changes by kind, deliveries, and the time from the change to its acceptance §12.2', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		const [first, second] = liveIds(world, 'products')
		world.store.act({ do: 'create', resource: 'products' })
		world.store.act({ do: 'edit', resource: 'products', id: first! })
		world.store.act({ do: 'trash', resource: 'products', id: second! })
		await world.advance(3 * MINUTE_MS)
		await untilTold(world)
		expect(world.arrivals).toHaveLength(3)
		expect(totals(world)).toMatchObject({ created: 1, updated: 1, deleted: 1, delivered: 3, recovered: 0 })
		expect(totals(world).notifications).toBeGreaterThan(0)
		const { lags } = totals(world)
		expect(lags.reduce((sum, count) => sum + count)).toBe(3)
		expect(estimatePercentile(lags, 0.99)).toBeLessThanOrEqual(5 * MINUTE_MS)
		await world.advance(DAY_MS)
		expect(totals(world)).toMatchObject({ created: 0, updated: 0, delivered: 0 })
	})

	test('a change that is delivered late has a long time, and counts once however often it is tried', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		world.answer = () => 500
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(20 * MINUTE_MS)
		expect(totals(world)).toMatchObject({ updated: 1, delivered: 0 })
		world.answer = () => 204
		await world.advance(HOUR_MS)
		await untilTold(world)
		expect(totals(world)).toMatchObject({ updated: 1, delivered: 1 })
		expect(estimatePercentile(totals(world).lags, 0.5)).toBeGreaterThan(15 * MINUTE_MS)
	})

	test('test events are no changes', async () => {
		const world = await worldAfterBaseline(many)
		const { enqueueTestEvent } = await import('../../../../src/watcher/outbox/test-event.ts')
		enqueueTestEvent(world.engine.getCore()!)
		world.engine.updateAlarm(world.engine.getCore()!)
		await world.advance(20 * MINUTE_MS)
		expect(totals(world)).toMatchObject({ created: 0, updated: 0, delivered: 0, notifications: 1 })
	})

	test('changes that were found by polling and whose webhook never came, once each', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		world.store.setWebhooks({ dropEvery: 1 })
		for (const id of liveIds(world, 'products').slice(0, 3)) {
			world.store.act({ do: 'edit', resource: 'products', id })
			await world.advance(7 * MINUTE_MS)
		}
		await world.advance(40 * MINUTE_MS)
		await untilTold(world)
		expect(totals(world).recovered).toBe(3)
		await world.advance(2 * HOUR_MS)
		expect(totals(world).recovered).toBe(3)
	})

	test('none whose webhook came late, but in time', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		world.store.setWebhooks({ delaySeconds: 600 })
		world.store.act({ do: 'edit', resource: 'orders', id: liveIds(world, 'orders')[0]! })
		await world.advance(HOUR_MS)
		expect(totals(world)).toMatchObject({ updated: 1, recovered: 0 })
	})

	test('how far an instance that connects has read', async () => {
		// More pages than a slice reads.
		const resources = { products: { ...pollerResources('products')['products']!, pageSize: 2 } }
		const world = await World.create({ ...many, resources })
		await world.advance(5 * MINUTE_MS)
		expect(world.statuses[0]).toMatchObject({ state: 'connecting', activity: { progress: { total: 90 } } })
		expect(world.statuses[0]!.activity!.progress!.done).toBeGreaterThan(0)
		expect(activity(world).progress).toBeNull()
	})

	test('how many deletions are held, by resource', async () => {
		const world = await worldAfterBaseline(many)
		for (const id of liveIds(world, 'products').slice(0, 30))
			world.store.act({ do: 'delete', resource: 'products', id })
		await world.advance(10 * MINUTE_MS)
		expect(world.statuses.at(-1)!.state).toBe('deletions-held')
		expect(activity(world).held).toEqual([{ resource: 'products', deletions: 30, changes: 0 }])
	})
})

describe('when it is written §12.4', () => {
	test('every five minutes while changes come, and once more when the last one is delivered', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		await world.advance(8 * MINUTE_MS)
		const before = world.statuses.length
		for (let change = 0; change < 30; change++) {
			world.store.act({ do: 'edit', resource: 'products' })
			await world.advance(MINUTE_MS)
		}
		const written = world.statuses.length - before
		expect(written).toBeGreaterThanOrEqual(5)
		expect(written).toBeLessThanOrEqual(8)
		await untilTold(world)
		expect(totals(world).delivered).toBe(world.arrivals.length)
	})

	test('soon after a single change, though the next poll is hours away', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: 6 * HOUR_MS })
		world.store.act({ do: 'edit', resource: 'products' })
		const core = world.engine.getCore()!
		core.state.nextPollMs = world.nowMs
		world.engine.updateAlarm(core)
		await world.advance(6 * MINUTE_MS)
		expect(totals(world)).toMatchObject({ updated: 1, delivered: 1 })
		expect(activity(world).waiting).toBe(0)
	})

	test('when waiting begins, and at once when it ends', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		await world.advance(8 * MINUTE_MS)
		world.answer = () => 500
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(2 * MINUTE_MS)
		expect(activity(world)).toMatchObject({ waiting: 1, callbackWaiting: 1 })
		expect(world.nowMs - activity(world).waitingSinceMs!).toBeGreaterThanOrEqual(30 * SECOND_MS)
		const began = world.statuses.length
		world.answer = () => 204
		for (let step = 0; step < 60 && world.arrivals.length === 0; step++) await world.advance(10 * SECOND_MS)
		await world.advance(5 * SECOND_MS)
		expect(activity(world)).toMatchObject({ waiting: 0, waitingSinceMs: null })
		expect(world.statuses.length - began).toBeLessThanOrEqual(3)
	})

	test('an instance whose callback is deactivated is told of as often as others', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		world.answer = () => 410
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(8 * MINUTE_MS)
		// Already the row that tells the state: nothing is on its way.
		const first = world.statuses.find(({ state }) => state === 'deactivated')!
		expect(first.activity).toMatchObject({ waiting: 1, callbackWaiting: 1 })
		expect(world.statuses.at(-1)!.state).toBe('deactivated')
		expect(activity(world)).toMatchObject({ waiting: 1, callbackWaiting: 1 })
		const before = world.statuses.length
		await world.advance(3 * HOUR_MS)
		expect(world.statuses.length - before).toBeLessThanOrEqual(3)
	})

	test('after a row that an earlier version wrote, first at the hourly minute', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: 2 * MINUTE_MS })
		const core = world.engine.getCore()!
		core.commit(() => {
			const { activity: _activity, waiting: _waiting, ...earlier } = core.state.reported!
			core.state.reported = earlier
		})
		const before = world.statuses.length
		await world.advance(3 * HOUR_MS)
		expect(world.statuses.length - before).toBe(3)
	})

	test('not again and again while D1 does not answer', async () => {
		const world = await worldAfterBaseline({ ...many, pollIntervalMs: MINUTE_MS })
		await world.advance(8 * MINUTE_MS)
		let tries = 0
		world.engine.ports.writeStatus = async () => {
			tries++
			throw new Error('D1 does not answer')
		}
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(10 * MINUTE_MS)
		expect(tries).toBeGreaterThan(1)
		expect(tries).toBeLessThanOrEqual(25)
	})
})

describe('the decision', () => {
	const idle = {
		nowMs: 1_000_000,
		reported: { atMs: 900_000, isCurrent: true, waiting: 0 },
		unsettledSinceMs: null,
		hasBacklog: false,
		recoveredMs: null,
	}

	test('nothing happened: never', () => {
		expect(getActivityReportMs(idle)).toBeNull()
		expect(getActivityReportMs({ ...idle, reported: null, unsettledSinceMs: 950_000 })).toBeNull()
	})

	test('something happened: five minutes after the last row', () => {
		expect(getActivityReportMs({ ...idle, reported: { ...idle.reported, isCurrent: false } })).toBe(1_200_000)
	})

	test('waiting begins: half a minute after the oldest, unless a row since then tells none', () => {
		expect(getActivityReportMs({ ...idle, unsettledSinceMs: 990_000 })).toBe(1_020_000)
		expect(getActivityReportMs({ ...idle, unsettledSinceMs: 860_000 })).toBeNull()
	})

	test('waiting ends: now', () => {
		const reported = { atMs: 900_000, isCurrent: false, waiting: 4 }
		expect(getActivityReportMs({ ...idle, reported })).toBe(1_000_000)
		expect(getActivityReportMs({ ...idle, reported, hasBacklog: true })).toBe(1_200_000)
		expect(getActivityReportMs({ ...idle, reported: { ...reported, isCurrent: true } })).toBeNull()
	})
})

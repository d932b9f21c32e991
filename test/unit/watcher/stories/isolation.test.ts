/** The breaker and the rate, as an instance lives through them: its own engine, real consumers, and a callback that comes and goes. */
import { describe, expect, test } from 'vitest'
import { getSubscriptionReports } from '../../../../src/watcher/queries/deliveries.ts'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	poll,
} from '../../../support/stories.ts'
import { DEFAULT_DELIVERY, type DeliveryConfig } from '../../../../src/rpc/config.ts'

const quietly = { resources: pollerResources('products'), pollIntervalMs: 365 * DAY_MS }
const delivery = (change: Partial<DeliveryConfig>): { delivery: DeliveryConfig } => ({
	delivery: { ...DEFAULT_DELIVERY, batch: 1, ...change },
})

/** Every product is edited, and a poll sees it. */
async function editAll(world: World): Promise<number> {
	const products = liveIds(world, 'products')
	for (const id of products) world.store.act({ do: 'edit', resource: 'products', id })
	await poll(world)
	return products.length
}

/** Tries of each notification, in the order of their forming, and when. */
function tried(world: World, fails: () => boolean): Map<number, number[]> {
	const tries = new Map<number, number[]>()
	world.answer = (claim) => {
		tries.set(claim.notificationId, [...(tries.get(claim.notificationId) ?? []), world.nowMs])
		return fails() ? 503 : 204
	}
	return tries
}

describe('a callback that is down', () => {
	test('for two hours: one notification is tried, the others wait and lose nothing, and what waited arrives within the hour', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({}) })
		const healsMs = world.nowMs + 2 * HOUR_MS
		const tries = tried(world, () => world.nowMs < healsMs)
		const count = await editAll(world)
		expect(count).toBeGreaterThanOrEqual(10)
		await world.advance(healsMs - world.nowMs - MINUTE_MS)
		// The first doorbell brought some; then the oldest, and the next two when its next try, and theirs, was hours away.
		expect(tries.size).toBeLessThanOrEqual(6)
		expect([...tries.values()].filter((times) => times.length > 1)).toHaveLength(3)
		expect(getSubscriptionReports(world.engine.getCore()!)).toMatchObject([{ active: true, lastStatus: '503' }])
		await world.advance(HOUR_MS + 2 * MINUTE_MS)
		// Those that only waited; those whose own next try is far away come then.
		const arrived = (): number => new Set(world.arrivals.map(({ notificationId }) => notificationId)).size
		expect(arrived()).toBeGreaterThanOrEqual(count - 3)
		expect(world.arrivals.filter(({ attempt }) => attempt === 1).length).toBeGreaterThanOrEqual(count - 6)
		// Nobody asks for it any more.
		expect([...world.breakers.values()].map((state) => state.core.phase)).toEqual(['closed'])
		expect(getSubscriptionReports(world.engine.getCore()!)).toMatchObject([
			{ parkedUntilMs: null, failingSinceMs: null },
		])
		await world.advance(2 * HOUR_MS)
		expect(arrived()).toBe(count)
		await expectCleanJudgement(world)
	})

	test.each([1, 2, 3])(
		'while doorbells get lost and objects are evicted, round %i: everything arrives',
		async (round) => {
			const world = await worldAfterBaseline({ ...quietly, config: delivery({}) })
			const healsMs = world.nowMs + HOUR_MS
			tried(world, () => world.nowMs < healsMs)
			let bells = round
			world.losesDoorbell = () => bells++ % 3 === 0
			const count = await editAll(world)
			for (let step = 0; step < 30; step++) {
				await world.advance(4 * MINUTE_MS)
				world.evict()
				world.alarmMs ??= world.nowMs
			}
			await world.advance(HOUR_MS)
			expect(new Set(world.arrivals.map(({ notificationId }) => notificationId)).size).toBe(count)
			world.losesDoorbell = () => false
			await expectCleanJudgement(world)
		},
	)

	test('is released: what was parked is sent at once', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({}) })
		let dead = true
		tried(world, () => dead)
		const count = await editAll(world)
		await world.advance(20 * MINUTE_MS)
		dead = false
		await world.configure({}, { release: true })
		await world.advance(MINUTE_MS)
		expect(new Set(world.arrivals.map(({ notificationId }) => notificationId)).size).toBe(count)
	})
})

describe('a rate', () => {
	test.each([4, 0.5, 0.02])('of %d a second is kept, and everything arrives', async (rate) => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ rate }) })
		const tries = tried(world, () => false)
		const begunMs = world.nowMs
		const count = await editAll(world)
		await world.advance((count / rate) * 1000 + MINUTE_MS)
		const times = [...tries.values()].flat().sort((a, b) => a - b)
		expect(times).toHaveLength(count)
		for (const [index, atMs] of times.entries())
			expect(index + 1).toBeLessThanOrEqual(((atMs - begunMs) / 1000) * rate + Math.max(1, rate))
		await expectCleanJudgement(world)
	})

	test('that is taken away lets all that waits go', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ rate: 0.01 }) })
		const tries = tried(world, () => false)
		const count = await editAll(world)
		await world.advance(MINUTE_MS)
		expect(tries.size).toBe(1)
		await world.configure(delivery({ rate: null }))
		await world.advance(15_000)
		expect(tries.size).toBe(count)
	})
})

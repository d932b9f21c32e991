/** What stands in the way of a poll: keys, limits, timeouts, caches, clocks, outages; it is said, waited out, and nothing is lost. */
import { describe, expect, test } from 'vitest'
import type { Faults } from '../../../store/store.ts'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	arrivalsSince,
} from '../../../support/stories.ts'

const health = (world: World): ReturnType<typeof buildHealth> => buildHealth(world.engine.getCore()!)

/** Faults for a while, changes meanwhile, and all is told afterwards. */
async function through(
	faults: Faults,
	ms: number,
	change: Parameters<typeof worldAfterBaseline>[0] = {},
): Promise<World> {
	const world = await worldAfterBaseline({ pollIntervalMs: 5 * MINUTE_MS, ...change })
	world.store.setFaults(faults)
	world.store.act({ do: 'place-order' })
	world.store.act({ do: 'edit', resource: 'coupons' })
	world.store.act({ do: 'delete', resource: 'products' })
	await world.advance(ms)
	return world
}

async function recovers(world: World): Promise<void> {
	world.store.setFaults({})
	await world.advance(HOUR_MS)
	expect(health(world).state).toBe('healthy')
	await expectCleanJudgement(world)
}

describe('a key that is refused', () => {
	test('1.5 becomes needs-reauth, is tried seldom, and recovers by itself', async () => {
		const world = await through({ key: 'revoked' }, 3 * MINUTE_MS)
		expect(health(world)).toMatchObject({ state: 'needs-reauth', action: expect.stringContaining('oauth.api.key') })
		const { requests } = world.store
		await world.advance(HOUR_MS)
		expect(world.store.requests - requests).toBeLessThan(35)
		expect(arrivalsSince(world)).toEqual([])
		await recovers(world)
	})

	test('and replaced is polled at once', async () => {
		const world = await through({ key: 'revoked' }, 30 * MINUTE_MS)
		world.store.setFaults({})
		await world.configure({ configuration: { 'oauth.api.key': 'ck_new', 'oauth.api.secret': 'cs_new' } })
		await world.advance(5_000)
		expect(arrivalsSince(world).length).toBeGreaterThan(0)
		expect(health(world).state).not.toBe('needs-reauth')
	})

	test('1.6 for one resource alone leaves the others as they are', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 5 * MINUTE_MS })
		world.store.setFaults({ match: '/coupons', status: 403, form: 'json' })
		world.store.act({ do: 'edit', resource: 'coupons', id: liveIds(world, 'discounts')[0]! })
		const placed = world.store.act({ do: 'place-order', customer: 0 }).find((entry) => entry.resource === 'orders')!.id
		await world.advance(15 * MINUTE_MS)
		expect(arrivalsSince(world)).toContain(`CREATED orders ${placed}`)
		expect(arrivalsSince(world).some((one) => one.includes('discounts'))).toBe(false)
		expect(
			buildPollerReport(world.engine.getCore()!).resources.map(({ resource, error }) => [resource, error !== null]),
		).toEqual(
			expect.arrayContaining([
				['discounts', true],
				['orders', false],
			]),
		)
		await recovers(world)
	})
})

describe('a store that does not answer', () => {
	test.each<[string, Faults]>([
		['2.1 maintenance', { outage: 'maintenance' }],
		['2.1 a fatal error', { outage: 'fatal' }],
		['2.1 no database', { outage: 'database' }],
		['2.1 WooCommerce off', { outage: 'woocommerce-off' }],
		['2.1 output with JSON of its own before the JSON', { notice: '[{"id":1}]\n' }],
		['2.1 a body cut short', { truncate: 0.5 }],
		['2.2 a login page', { html: true }],
		['2.2 a challenge', { status: 403, form: 'html' }],
		['1.8 a redirect', { redirect: 'https' }],
	])('%s: nothing is emitted, health says so, and everything is emitted afterwards', async (_name, faults) => {
		const world = await through(faults, 20 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(health(world).state).toBe('store-unreachable')
		await recovers(world)
	})

	test('2.2 is left alone as long as Retry-After says', async () => {
		const world = await through({ status: 429, retryAfter: '1800' }, 6 * MINUTE_MS)
		const { requests } = world.store
		await world.advance(23 * MINUTE_MS)
		expect(world.store.requests).toBe(requests)
		world.store.setFaults({})
		await world.advance(10 * MINUTE_MS)
		expect(world.store.requests).toBeGreaterThan(requests)
		await recovers(world)
	})

	test('is asked ever more seldom', async () => {
		const world = await through({ status: 500 }, 1)
		const gaps: number[] = []
		for (let hour = 0; hour < 8; hour++) {
			const { requests } = world.store
			await world.advance(HOUR_MS)
			gaps.push(world.store.requests - requests)
		}
		expect(gaps[0]).toBeLessThan(15)
		expect(gaps.at(-1)).toBeLessThanOrEqual(2)
		await recovers(world)
	})

	test('2.2 in time for large pages is asked for half as much, until it answers', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources('products'),
			store: { objects: { orders: 0, products: 120, coupons: 0, customers: 0 } },
		})
		world.engine.getCore()!.state.resources[0]!.rereadAsked = true
		const from = world.store.log.length
		world.store.setFaults([
			{ match: 'per_page=100', stall: true },
			{ match: 'per_page=50', status: 504 },
		])
		world.store.act({ do: 'edit-silently', resource: 'products', id: liveIds(world, 'products')[60]! })
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${liveIds(world, 'products')[60]}`])
		const sizes = world.store.log
			.slice(from)
			.map(({ path }) => /orderby=id&order=asc&per_page=(\d+)(?!.*offset=1000000000)/.exec(path)?.[1])
			.filter((size) => size !== undefined)
		// The row before is asked for too, so that a deletion is noticed.
		expect([...new Set(sizes)]).toEqual(['100', '50', '25', '26'])
	})

	test('2.1 in the middle of a window: the run that goes on with it asks for the total anew', async () => {
		// Posts storage next to a clock change reads the window at every poll.
		const world = await worldAfterBaseline({
			resources: pollerResources('orders'),
			startMs: Date.UTC(2026, 10, 1, 7, 20),
			store: { orders: 'posts', zone: 'America/Denver' },
		})
		// The run ends without the orders.
		world.store.setFaults({ match: 'orderby=modified&order=asc', status: 403, form: 'json', times: 1 })
		for (let second = 0; second < 300 && getResourceState(world, 'orders').error === null; second++)
			await world.advance(1_000)
		expect(getResourceState(world, 'orders').window).not.toBeNull()
		const [id] = liveIds(world, 'orders')
		world.store.act({ do: 'trash', resource: 'orders', id: id! })
		const polls = world.polls.length
		for (let second = 0; second < 120 && world.polls.length === polls; second++) await world.advance(1_000)
		// Back before the next poll comes.
		world.store.act({ do: 'restore', resource: 'orders', id: id! })
		await expectCleanJudgement(world)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`, `CREATED orders ${id}`])
	})

	test('never takes more requests at a time than one', async () => {
		const world = await worldAfterBaseline()
		let open = 0
		let most = 0
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			most = Math.max(most, ++open)
			await new Promise((resolve) => setTimeout(resolve, 0))
			const response = await fetch(request)
			open--
			return response
		}
		world.store.act({ do: 'burst', resource: 'products', count: 5 })
		await world.advance(3 * MINUTE_MS)
		expect(most).toBe(1)
	})
})

describe('the store’s clock', () => {
	test('2.2 a cached list with an old Date is not believed', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products') })
		world.store.setFaults({ match: '/products?', cached: true })
		await world.advance(MINUTE_MS)
		const before = getResourceState(world, 'products').cursorMs!
		const [entry] = world.store.act({ do: 'create', resource: 'products' })
		await world.advance(15 * MINUTE_MS)
		expect(getResourceState(world, 'products').cursorMs! - before).toBeLessThanOrEqual(3 * MINUTE_MS)
		expect(health(world)).toMatchObject({ state: 'store-unreachable', reason: expect.stringContaining('cache') })
		world.store.setFaults({})
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${entry!.id}`])
	})

	test.each([900, -900, 7_200])(
		'that is %i seconds off from ours loses nothing: the horizon goes by the store’s',
		async (seconds) => {
			const world = await worldAfterBaseline()
			world.store.setFaults({ skewSeconds: seconds })
			for (let round = 0; round < 5; round++) {
				world.store.act({ do: 'place-order' })
				world.store.act({ do: 'burst', resource: 'products', count: 3 })
				await world.advance(3 * MINUTE_MS)
			}
			expect(Math.abs(world.engine.getCore()!.state.skewMs! - seconds * 1000)).toBeLessThan(2_000)
			expect(Math.abs(getResourceState(world, 'products').cursorMs! - (world.nowMs + seconds * 1000))).toBeLessThan(
				3 * MINUTE_MS,
			)
			await expectCleanJudgement(world)
		},
	)

	test('that was set back and forth is followed', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products') })
		for (const skewSeconds of [600, -600, 0]) {
			world.store.setFaults({ skewSeconds })
			await world.advance(10 * MINUTE_MS)
			const from = world.arrivals.length
			const [entry] = world.store.act({ do: 'edit', resource: 'products' })
			await world.advance(3 * MINUTE_MS)
			expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${entry!.id}`])
		}
	})
})

describe('D1 that cannot be reached', () => {
	test('stops neither polling nor delivery', async () => {
		const world = await worldAfterBaseline()
		world.d1Fails = true
		const placed = world.store.act({ do: 'place-order', customer: 0 }).find((entry) => entry.resource === 'orders')!.id
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toContain(`CREATED orders ${placed}`)
		world.d1Fails = false
		await expectCleanJudgement(world)
	})

	test('while a change of configuration is passed on: the next poll reads it', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products') })
		world.d1Fails = true
		await world.configure({ callbackUrl: null })
		world.d1Fails = false
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
	})
})

test('an instance whose row is gone falls silent', async () => {
	const world = await worldAfterBaseline()
	const ports = world.ports()
	ports.loadConfig = async () => ({ ok: false, reason: 'missing' })
	const { Engine } = await import('../../../../src/watcher/engine.ts')
	world.engine = new Engine(ports)
	await world.advance(2 * MINUTE_MS)
	const { requests } = world.store
	world.store.act({ do: 'edit', resource: 'products' })
	await world.advance(HOUR_MS)
	expect(world.store.requests).toBe(requests)
	expect(arrivalsSince(world)).toEqual([])
})

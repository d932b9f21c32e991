/** Lists that are not what was asked for: what is found in them, and what is made of them. */
import { describe, expect, test } from 'vitest'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World, WorldOptions } from '../../../support/world.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	getResourceState,
	liveIds,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'
import type { Fault } from '../../../store/types.ts'

const products = (count: number): WorldOptions => ({
	resources: pollerResources('products'),
	// Over https no nonce makes each address another one.
	store: { objects: { orders: 0, products: count, coupons: 0, customers: 0 }, url: 'https://shop.example.com' },
})
const findings = (world: World): string[] =>
	(buildPollerReport(world.engine.getCore()!).resources[0]?.findings ?? []).map(({ kind }) => kind)
const state = (world: World): string => buildHealth(world.engine.getCore()!).state

/** A world whose store deviates in its lists of products. */
async function deviating(count: number, ...faults: Fault[]): Promise<World> {
	return worldAfterBaseline(
		products(count),
		faults.map((fault) => ({ match: '/products', ...fault })),
	)
}

describe('more rows than asked for', () => {
	test.each([
		['a row pinned to every page', { pin: {} }],
		['a row pinned to the first page', { pin: { firstPageOnly: true } }],
		['a row pinned in place of the last one', { pin: { inPlace: true } }],
		['a row twice in every page', { repeat: {} }],
		['every list whole, in the order asked for', { ignores: ['paging'] }],
		['every list whole, without bounds', { wholeList: true }],
		['every list whole, in an order of its own', { wholeList: true, sorts: 'shuffled' as const }],
		['every list whole, without a total', { wholeList: true, total: 'absent' as const }],
		['a healthy store', {}],
	])('%s: a deletion is DELETED, edits are UPDATED, and nothing is held', async (name, fault) => {
		const world = await deviating(120, fault)
		expect(getResourceState(world, 'products').listed).toBe(120)
		const ids = liveIds(world, 'products')
		for (const id of ids.slice(20, 45)) world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lamp' } })
		world.store.act({ do: 'delete', resource: 'products', id: ids[60]! })
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(
			[`DELETED products ${ids[60]}`, ...ids.slice(20, 45).map((id) => `UPDATED products ${id}`)].toSorted(),
		)
		expect(state(world)).toBe('healthy')
		expect(getResourceState(world, 'products').heldSinceMs).toBeNull()
		if (name === 'a healthy store') expect(findings(world)).toEqual([])
		await expectCleanJudgement(world)
	})
})

const limits = (world: World): string[] =>
	(buildPollerReport(world.engine.getCore()!).resources[0]?.limits ?? []).map(({ message }) => message)

/** Requests for lists of products in this time. */
async function requestsDuring(world: World, ms: number): Promise<string[]> {
	world.store.log.length = 0
	await world.advance(ms)
	return world.store.log.filter(({ path }) => path.includes('/products')).map(({ path }) => path)
}

/** Edits products one after another. */
async function editOver(world: World, count: number, everyMs: number): Promise<void> {
	for (const id of liveIds(world, 'products').slice(5, 5 + count)) {
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: `Lamp ${id}` } })
		await world.advance(everyMs)
	}
}

describe('freshness', () => {
	test.each([
		['keeps answers for an hour, with a new date and no sign', { cache: { seconds: 3600 } }, true],
		['keeps answers for an hour by whole addresses', { cache: { seconds: 3600, keys: 'address' as const } }, true],
		['says Age', { cache: { seconds: 3600, keys: 'address' as const, sign: 'age' as const } }, true],
		['says X-Cache: HIT whatever is asked', { cache: { seconds: 3600, sign: 'x-cache' as const } }, true],
		[
			'says Age with an old date',
			{ cache: { seconds: 3600, keys: 'address' as const, sign: 'age' as const, oldDate: true } },
			true,
		],
		['heeds no-cache', { cache: { seconds: 3600, honours: ['no-cache' as const] } }, false],
		['is not there', {}, false],
	])('a cache that %s: every edit is one UPDATED', async (_name, fault, isSaid) => {
		const world = await worldAfterBaseline(products(60))
		world.store.setFaults({ pattern: '/products\\?', ...fault })
		await editOver(world, 30, 4 * MINUTE_MS)
		world.store.act({ do: 'delete', resource: 'products', id: liveIds(world, 'products')[50]! })
		await world.advance(150 * MINUTE_MS)
		expect(arrivalsSince(world).filter((arrival) => arrival.startsWith('UPDATED'))).toHaveLength(30)
		expect(arrivalsSince(world).filter((arrival) => arrival.startsWith('DELETED'))).toHaveLength(1)
		expect(arrivalsSince(world)).toHaveLength(31)
		expect(limits(world).length > 0, limits(world).join()).toBe(isSaid)
		expect(state(world)).toBe('healthy')
	})

	test('where a parameter passes the cache, edits are found with the next poll', async () => {
		const world = await worldAfterBaseline(products(60))
		world.store.setFaults({ pattern: '/products\\?', cache: { seconds: 3600, keys: 'address', sign: 'x-cache' } })
		await world.advance(5 * MINUTE_MS)
		await editOver(world, 3, 2 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(3)
		expect(limits(world)).toEqual([
			expect.stringMatching(/^A cache answers the store's lists of products \(x-cache: HIT\)/),
		])
	})

	test('WooCommerce’s own cache is asked to be skipped', async () => {
		const world = await worldAfterBaseline(products(60))
		world.store.setFaults({
			pattern: '/products\\?',
			cache: { seconds: 3600, sign: 'x-wc-cache', honours: ['_skip_cache'] },
		})
		await world.advance(3 * MINUTE_MS)
		expect((await requestsDuring(world, 3 * MINUTE_MS)).every((path) => path.includes('_skip_cache=true'))).toBe(true)
		await editOver(world, 3, 2 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(3)
	})

	test('a store that refuses unknown parameters is asked without, and not again with one', async () => {
		const world = await worldAfterBaseline(products(60))
		world.store.setFaults({ match: '/products', refusesUnknown: 400 })
		getResourceState(world, 'products').freshness = { signMs: world.nowMs }
		await world.advance(3 * MINUTE_MS)
		expect((await requestsDuring(world, 5 * MINUTE_MS)).filter((path) => path.includes('nocache'))).toEqual([])
		const [id] = liveIds(world, 'products')
		world.store.act({ do: 'delete', resource: 'products', id: id! })
		await editOver(world, 1, 5 * MINUTE_MS)
		expect(arrivalsSince(world).toSorted()).toEqual([`DELETED products ${id}`, expect.stringContaining('UPDATED')])
		expect(getResourceState(world, 'products').error).toBeNull()
	})

	test.each([25, 5])(
		'a database clock five minutes behind Date: all %i edits at once are detected, and it is said',
		async (count) => {
			const world = await worldAfterBaseline(products(60))
			world.store.setFaults({ match: 'products', stampsBehindSeconds: 300 })
			await world.advance(10 * MINUTE_MS)
			for (const id of liveIds(world, 'products').slice(5, 5 + count))
				world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lamp' } })
			await world.advance(10 * MINUTE_MS)
			expect(arrivalsSince(world)).toHaveLength(count)
			expect(limits(world)).toHaveLength(1)
			await editOver(world, 20, MINUTE_MS)
			expect(arrivalsSince(world)).toHaveLength(count + 20)
			expect(limits(world)).toEqual([expect.stringContaining("the database's clock is slow")])
		},
	)

	test('a second Date, of a cache, is not the clock', async () => {
		const world = await worldAfterBaseline(products(60))
		world.store.setFaults({ match: '/products', secondDateSeconds: -7_200 })
		await editOver(world, 5, 2 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(5)
		expect(findings(world)).toContain('several-dates')
	})

	test('an idle poll is one request, also after many edits in one second, and on the day of the control', async () => {
		const world = await worldAfterBaseline({ ...products(60), pollIntervalMs: 5 * MINUTE_MS })
		for (const id of liveIds(world, 'products').slice(5, 30))
			world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lamp' } })
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(25)
		// Products are stored as posts: their window is read every hour.
		getResourceState(world, 'products').windowDoneMs = world.nowMs
		expect(await requestsDuring(world, 20 * MINUTE_MS)).toHaveLength(4)
		const cursor = buildPollerReport(world.engine.getCore()!).resources[0]?.cursor
		const controls: string[] = []
		let requests = 0
		for (let hour = 0; hour < 25; hour++) {
			getResourceState(world, 'products').windowDoneMs = world.nowMs
			const asked = await requestsDuring(world, 55 * MINUTE_MS)
			requests += asked.length
			controls.push(...asked.filter((path) => path.includes('nocache')))
		}
		expect(requests).toBe(25 * 11)
		expect(controls).toHaveLength(1)
		expect(buildPollerReport(world.engine.getCore()!).resources[0]?.cursor).toBe(cursor)
		expect(findings(world)).toEqual([])
	})

	test('a cache whose answers show no sign is found by the daily control', async () => {
		const world = await worldAfterBaseline({ ...products(60), pollIntervalMs: 5 * MINUTE_MS })
		world.store.setFaults({ pattern: '/products\\?', cache: { seconds: 48 * 3600, keys: 'address' } })
		await world.advance(10 * MINUTE_MS)
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[7]!, set: { name: 'Lamp' } })
		await world.advance(25 * 60 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(1)
		expect(limits(world)).toEqual([expect.stringMatching(/a cache answers/i)])
	})
})

describe('an answer that is not what was asked for', () => {
	test('once is not used, and the poll is repeated soon', async () => {
		const world = await worldAfterBaseline({ ...products(60), pollIntervalMs: 30 * MINUTE_MS })
		await world.advance(31 * MINUTE_MS)
		const ids = liveIds(world, 'products')
		for (const id of ids.slice(5, 30)) world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lamp' } })
		world.store.setFaults({ match: 'orderby=modified', sorts: 'shuffled', times: 1 })
		for (let second = 0; second < 2_000 && limits(world).length === 0; second++) await world.advance(1_000)
		expect(limits(world)[0]).toMatch(/^The store's list of products is not what was asked for: \d+ of 10 rows/)
		expect(arrivalsSince(world)).toEqual([])
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(25)
		expect(findings(world)).toEqual(['out-of-order'])
		await expectCleanJudgement(world)
	})
})

describe('two versions of one object that alternate without another date', () => {
	test.each([1, 2, 30])(
		'prices of %i products times 0.9 in every second answer, for two days: ten events of each at most, and few of all',
		async (count) => {
			const world = await worldAfterBaseline({ ...products(count), pollIntervalMs: 5 * MINUTE_MS })
			world.store.setFaults({ match: '/products', priceFactor: 0.9, every: 2 })
			await world.advance(48 * 60 * MINUTE_MS)
			expect(arrivalsSince(world).length).toBeLessThanOrEqual(10)
		},
	)

	test('one edit, and its undoing, are two events also without another date', async () => {
		const world = await worldAfterBaseline(products(20))
		const [id] = liveIds(world, 'products').slice(-1)
		for (const name of ['Lamp', 'Cup', 'Lamp', 'Cup', 'Lamp']) {
			world.store.act({ do: 'edit-silently', resource: 'products', id: id!, set: { name } })
			world.engine.getCore()!.state.resources[0]!.rereadAsked = true
			await world.advance(20 * MINUTE_MS)
		}
		expect(arrivalsSince(world).length).toBe(5)
	})
})

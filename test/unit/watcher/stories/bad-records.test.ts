/** One record or one resource that cannot be read: nothing else waits for it, it is named, and sent when it can be read. */
import { describe, expect, test } from 'vitest'
import type { Fault } from '../../../store/store.ts'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	DAY_MS,
	expectCleanJudgement,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	oldestId,
	pollerResources,
	reread,
	worldAfterBaseline,
} from '../../../support/stories.ts'

type Poison = NonNullable<Fault['poison']>

const health = (world: World): ReturnType<typeof buildHealth> => buildHealth(world.engine.getCore()!)

/** What health says cannot be read of a resource. */
const limitsOf = (world: World, label = 'products'): string[] =>
	health(world)
		.resources.find(({ resource }) => resource === label)!
		.limits!.map(({ message }) => message)

const productsAlone = (count: number, pollIntervalMs = MINUTE_MS): Parameters<typeof worldAfterBaseline>[0] => ({
	resources: pollerResources('products'),
	pollIntervalMs,
	store: { objects: { orders: 0, products: count, coupons: 0, customers: 0 } },
})

function poison(world: World, id: number, how: Partial<Poison> = {}): void {
	world.store.setFaults({ poison: { id, as: 'error', ...how } })
}

const editProduct = (world: World, id: number): void => {
	world.store.act({ do: 'edit', resource: 'products', id })
}

describe('a record that spoils each answer with it', () => {
	test.each<[string, Partial<Poison>]>([
		['500', { as: 'error' }],
		['500, but not to a list of ids', { as: 'error', fieldsSpare: true }],
		['500 in lists alone', { as: 'error', in: 'list' }],
		['no answer', { as: 'hang' }],
		['broken JSON', { as: 'broken' }],
		['a firewall’s page', { as: 'firewall' }],
		['404', { as: 'missing', in: 'list' }],
	])('%s: an edit of it is sent when it can be read, all others at once §3.17', async (_name, how) => {
		const world = await worldAfterBaseline(productsAlone(40))
		const ids = liveIds(world, 'products')
		const bad = ids[20]!
		editProduct(world, bad)
		poison(world, bad, how)
		for (const id of ids.slice(0, 30)) if (id !== bad) editProduct(world, id)
		await world.advance(10 * MINUTE_MS)
		const sent = arrivalsSince(world)
		for (const id of ids.slice(0, 30)) if (id !== bad) expect(sent).toContain(`UPDATED products ${id}`)
		expect(limitsOf(world)).toEqual([expect.stringContaining(`1 product cannot be read: ${bad}, `) as string])
		expect(health(world).state).toBe('healthy')
		world.store.setFaults({})
		await world.advance(2 * HOUR_MS)
		expect(arrivalsSince(world)).toContain(`UPDATED products ${bad}`)
		expect(limitsOf(world)).toEqual([])
		await expectCleanJudgement(world)
	})

	test.each([true, false])(
		'and that is new is CREATED when it can be read (a list of ids answers: %s)',
		async (fieldsSpare) => {
			const world = await worldAfterBaseline(productsAlone(40))
			const bad = world.store.act({ do: 'create', resource: 'products' })[0]!.id
			poison(world, bad, { fieldsSpare })
			const good = world.store.act({ do: 'create', resource: 'products' })[0]!.id
			await world.advance(10 * MINUTE_MS)
			expect(arrivalsSince(world)).toEqual([`CREATED products ${good}`])
			expect(limitsOf(world)).toEqual([expect.stringContaining(`: ${bad}, the store answers 500`)])
			world.store.setFaults({})
			await world.advance(2 * HOUR_MS)
			expect(arrivalsSince(world)).toEqual([`CREATED products ${good}`, `CREATED products ${bad}`])
			await expectCleanJudgement(world)
		},
	)

	test('and that is deleted meanwhile is DELETED', async () => {
		const world = await worldAfterBaseline(productsAlone(40))
		const bad = liveIds(world, 'products')[20]!
		poison(world, bad)
		editProduct(world, bad)
		await world.advance(10 * MINUTE_MS)
		world.store.act({ do: 'delete', resource: 'products', id: bad })
		world.store.setFaults({})
		await world.advance(2 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${bad}`])
		expect(limitsOf(world)).toEqual([])
	})

	test('is not taken for deleted, and others that are deleted are sent', async () => {
		const world = await worldAfterBaseline(productsAlone(40))
		const [bad, gone] = liveIds(world, 'products').slice(20)
		poison(world, bad!)
		await reread(world, 10 * MINUTE_MS)
		world.store.act({ do: 'delete', resource: 'products', id: gone! })
		await world.advance(10 * MINUTE_MS)
		await reread(world, 10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${gone}`])
		expect(health(world).state).toBe('healthy')
	})

	test('costs an idle poll no more than one request, and a retry an hour at most', async () => {
		const world = await worldAfterBaseline(productsAlone(40, 5 * MINUTE_MS))
		const bad = liveIds(world, 'products').at(-1)!
		poison(world, bad)
		editProduct(world, bad)
		await world.advance(3 * HOUR_MS)
		const { requests } = world.store
		await world.advance(10 * HOUR_MS)
		// 120 polls, and each retry asks the list, its address, and whether the store answers.
		expect(world.store.requests - requests).toBeLessThan(120 + 10 * 4 + 10)
		expect(arrivalsSince(world)).toEqual([])
	})

	test('among the newest ten without an edit: the head goes around it', async () => {
		const world = await worldAfterBaseline(productsAlone(40))
		const ids = liveIds(world, 'products')
		for (const id of ids.slice(0, 8)) editProduct(world, id)
		await world.advance(10 * MINUTE_MS)
		poison(world, ids[3]!)
		await world.advance(5 * MINUTE_MS)
		const from = world.arrivals.length
		editProduct(world, ids[30]!)
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${ids[30]}`])
		await world.advance(10 * MINUTE_MS)
		expect(limitsOf(world)).toEqual([expect.stringContaining(`: ${ids[3]}, the store answers 500`)])
	})

	test('in the baseline: the others are indexed; its dates decide what it is when it can be read', async () => {
		const world = await worldAfterBaseline(productsAlone(130))
		const ids = [...world.store.state('products')]
			.filter(([, record]) => record['status'] === 'publish')
			.map(([id]) => id)
		const bad = [ids[0]!, ids[70]!, ids.at(-1)!]
		world.store.setFaults(bad.map((id) => ({ poison: { id, as: 'error' as const } })))
		// Another list is indexed anew.
		await world.configure({
			configuration: {
				'event.poller.configuration': JSON.stringify({
					products: { ...pollerResources('products')['products'], url: '/hubs/ecommerce/products?status=publish' },
				}),
			},
		})
		await world.advance(30 * MINUTE_MS)
		const rs = getResourceState(world, 'products')
		expect([rs.baseline, rs.listed]).toEqual([null, ids.length - 3])
		expect(limitsOf(world)).toEqual([expect.stringMatching(/^3 products cannot be read: /)])
		editProduct(world, bad[1]!)
		const created = world.store.act({ do: 'create', resource: 'products', set: { status: 'publish' } })[0]!.id
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${created}`])
		world.store.setFaults({})
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${created}`, `UPDATED products ${bad[1]}`])
		expect(limitsOf(world)).toEqual([])
		expect(getResourceState(world, 'products').listed).toBe(ids.length + 1)
	})

	test('at a store that ignores `exclude` is passed over in each page', async () => {
		const world = await worldAfterBaseline(productsAlone(40))
		const ids = liveIds(world, 'products')
		world.store.setFaults([{ ignores: ['exclude'] }, { poison: { id: ids[20]!, as: 'error' } }])
		editProduct(world, ids[20]!)
		editProduct(world, ids[21]!)
		await world.advance(15 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${ids[21]}`])
		expect(limitsOf(world)).toEqual([expect.stringContaining(`: ${ids[20]}, the store answers 500`)])
		await reread(world, 10 * MINUTE_MS)
		world.store.setFaults({})
		await world.advance(3 * HOUR_MS)
		await expectCleanJudgement(world)
	})
})

describe('many records', () => {
	test('that cannot be read stay bounded in requests and words', async () => {
		const world = await worldAfterBaseline(productsAlone(120, 5 * MINUTE_MS))
		const ids = liveIds(world, 'products')
		const bad = ids.filter((_id, index) => index % 4 === 1)
		world.store.setFaults(bad.map((id) => ({ poison: { id, as: 'error' as const } })))
		await reread(world, 30 * MINUTE_MS)
		expect(limitsOf(world)).toEqual([
			expect.stringMatching(/^30 products cannot be read: \d+, \d+, \d+, \d+, \d+ and 25 more, the store answers 500/),
		])
		const from = world.store.requests
		await world.advance(DAY_MS)
		// 288 polls, and each of them is tried once an hour and a half.
		expect(world.store.requests - from).toBeLessThan(288 + 30 * 20 * 3)
		editProduct(world, ids[0]!)
		await world.advance(6 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${ids[0]}`])
		world.store.setFaults({})
		await world.configure({ pollIntervalMs: 30 * MINUTE_MS })
		await world.advance(DAY_MS)
		await expectCleanJudgement(world)
	})

	test('of 300 kB each are read without a page above 24 MB', async () => {
		const world = await worldAfterBaseline({ ...productsAlone(60), timeoutMs: 10_000 })
		world.store.setFaults({ padBytes: 300_000 })
		const lengths: number[] = []
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			const response = await fetch(request)
			lengths.push((await response.clone().arrayBuffer()).byteLength)
			return response
		}
		editProduct(world, liveIds(world, 'products')[0]!)
		await world.advance(2 * MINUTE_MS)
		await reread(world, 5 * MINUTE_MS)
		expect(Math.max(...lengths)).toBeLessThan(9_000_000)
		expect(getResourceState(world, 'products').rereadDoneMs).not.toBeNull()
		expect(arrivalsSince(world)).toHaveLength(60)
	})
})

describe('an id that left the list', () => {
	test.each<[string, Fault, boolean]>([
		['answers 500', { status: 500 }, false],
		['answers with a firewall’s page', { status: 403, form: 'html' }, false],
		['answers with another object', {}, true],
		['redirects', { redirect: 'https://shop.example.com/elsewhere' }, false],
		['does not answer', { stall: true }, false],
	])('and whose address %s: polling goes on', async (_name, fault, isAnother) => {
		const world = await worldAfterBaseline(productsAlone(40))
		const [gone, other] = liveIds(world, 'products')
		const faults: Fault = isAnother
			? { poison: { id: gone!, as: 'another', in: 'item' } }
			: { ...fault, pattern: `/products/${gone}(\\?|$)` }
		world.store.setFaults(faults)
		world.store.act({ do: 'delete', resource: 'products', id: gone! })
		await world.advance(10 * MINUTE_MS)
		for (let round = 0; round < 3; round++) {
			const from = world.arrivals.length
			editProduct(world, other!)
			await world.advance(2 * MINUTE_MS)
			expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${other}`])
			await world.advance(HOUR_MS)
		}
		expect(limitsOf(world)).toEqual([expect.stringContaining(`1 product cannot be read: ${gone}, `)])
		expect(arrivalsSince(world)).not.toContain(`DELETED products ${gone}`)
		expect(health(world).state).toBe('healthy')
		world.store.setFaults({})
		await world.advance(2 * HOUR_MS)
		await expectCleanJudgement(world)
	})
})

describe('one resource', () => {
	test.each<[string, Fault]>([
		['answers 500', { status: 500 }],
		['is behind a firewall’s page', { status: 403, form: 'html' }],
		['does not answer', { stall: true }],
		['answers 403', { status: 403, form: 'json' }],
	])('that %s concerns no other §3.17', async (_name, fault) => {
		const world = await worldAfterBaseline({ pollIntervalMs: 5 * MINUTE_MS })
		world.store.setFaults({ ...fault, match: '/wc/v3/products' })
		world.store.act({ do: 'edit', resource: 'products' })
		await world.advance(12 * MINUTE_MS)
		for (let round = 0; round < 3; round++) {
			const from = world.arrivals.length
			const placed = world.store
				.act({ do: 'place-order', customer: 0 })
				.find(({ resource }) => resource === 'orders')!.id
			await world.advance(6 * MINUTE_MS)
			expect(arrivalsSince(world, from)).toContain(`CREATED orders ${placed}`)
		}
		const errors = buildPollerReport(world.engine.getCore()!).resources.map(({ resource, error }) => [
			resource,
			error !== null,
		])
		expect(errors).toEqual(
			expect.arrayContaining([
				['products', true],
				['orders', false],
			]),
		)
		expect(world.engine.getCore()!.state.trouble).toBeNull()
		expect(health(world)).toMatchObject({ state: 'unreadable', store: null })
		world.store.setFaults({})
		await world.advance(HOUR_MS)
		await expectCleanJudgement(world)
	})
})

describe('a store that is down', () => {
	test('is not asked for smaller and smaller pages', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 5 * MINUTE_MS })
		world.store.setFaults({ status: 500 })
		const from = world.store.log.length
		await world.advance(HOUR_MS)
		expect(world.store.log.length - from).toBeLessThan(15)
		expect(health(world).state).toBe('store-unreachable')
		expect(getResourceState(world, 'products').unreadable).toBeUndefined()
		world.store.setFaults({})
		await world.advance(HOUR_MS)
		expect(health(world).state).toBe('healthy')
	})
})

describe('a crash or an eviction', () => {
	test('while a record is looked for loses nothing', async () => {
		const world = await worldAfterBaseline(productsAlone(40))
		const ids = liveIds(world, 'products')
		editProduct(world, ids[20]!)
		poison(world, ids[20]!)
		editProduct(world, ids[10]!)
		let commits = 0
		world.crashAt = () => ++commits % 5 === 0 && commits < 60
		for (let minute = 0; minute < 20; minute++) {
			await world.advance(MINUTE_MS)
			world.evict()
		}
		world.crashAt = () => false
		await world.advance(10 * MINUTE_MS)
		expect(new Set(arrivalsSince(world))).toEqual(new Set([`UPDATED products ${ids[10]}`]))
		expect(limitsOf(world)).toEqual([expect.stringContaining(`: ${ids[20]}, `)])
		world.store.setFaults({})
		await world.advance(2 * HOUR_MS)
		await expectCleanJudgement(world)
	})
})

test('a list that takes twenty seconds a page is read in smaller ones', async () => {
	const world = await worldAfterBaseline(productsAlone(150))
	const id = oldestId(world, 'products')
	world.store.setFaults({ secondsPerRow: 0.2 })
	world.store.act({ do: 'edit-silently', resource: 'products', id })
	await reread(world, 20 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
	expect(getResourceState(world, 'products').pageSize).toBe(51)
	expect(health(world).state).toBe('healthy')
})

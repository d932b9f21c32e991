/** Under load every kind of work has its turn: deletions are found while runs never pause, and nothing that runs begins again. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { listHeldDeletions } from '../../../../src/watcher/polling/commands.ts'
import type { World } from '../../../support/world.ts'
import { startLoad } from '../../../support/load.ts'
import {
	arrivalsSince,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const OBJECTS = { orders: 250, products: 250, coupons: 30, customers: 60 }
const onlyProducts = (count: number) => ({
	resources: pollerResources('products'),
	store: { objects: { orders: 0, products: count, coupons: 0, customers: 0 } },
})

/** Requests for the first page of the list by id: each begins a search or a re-read. */
function countFirstPages(world: World): number {
	return world.store.log.filter(({ path }) => /orderby=id&order=asc/.test(path) && !/offset=[1-9]/.test(path)).length
}

describe('a hard deletion under load', () => {
	test.each([
		[700, 12_000],
		[2_500, 24_000],
	])('is sent while answers take %i ms longer and polls come every %i ms §3.11', async (delayMs, intervalMs) => {
		const world = await worldAfterBaseline({ store: { objects: OBJECTS }, pollIntervalMs: intervalMs })
		world.storeDelayMs = delayMs
		const load = startLoad(world, 2)
		await load.advance(2 * MINUTE_MS)
		const limitMs = 5 * Math.max(intervalMs, load.getRunAloneMs())
		for (const label of ['products', 'customers']) expect(await load.deleteAndWait(label)).toBeLessThan(limitMs)
	})

	test('with webhooks, which report edits all the time and the deletion never', async () => {
		const intervalMs = MINUTE_MS
		const world = await worldAfterBaseline({
			store: { objects: OBJECTS },
			webhooks: { reconcileMs: intervalMs },
			config: { vendorType: 'hybrid' },
		})
		const receive = world.receiveWebhook.bind(world)
		world.receiveWebhook = async (request) =>
			request.headers.get('x-wc-webhook-topic')?.endsWith('.deleted') === true ? new Response() : receive(request)
		world.storeDelayMs = 700
		const load = startLoad(world, 2)
		await load.advance(3 * MINUTE_MS)
		expect(world.receivedWebhooks.filter(({ status }) => status === 200).length).toBeGreaterThan(100)
		const limitMs = 5 * Math.max(intervalMs, load.getRunAloneMs())
		for (const label of ['products', 'orders']) expect(await load.deleteAndWait(label)).toBeLessThan(limitMs)
	})

	test('one in 15 s for ten minutes is no mass deletion: each is sent, none is ever held', async () => {
		const world = await worldAfterBaseline({
			store: { objects: { ...OBJECTS, products: 120 } },
			pollIntervalMs: 12_000,
		})
		world.storeDelayMs = 700
		const load = startLoad(world, 2)
		const gone: number[] = []
		for (let count = 0; count < 40; count++) {
			const id = liveIds(world, 'products')[3]!
			world.store.act({ do: 'delete', resource: 'products', id })
			gone.push(id)
			await load.advance(15_000)
			expect(getResourceState(world, 'products').heldSinceMs).toBeNull()
		}
		await load.advance(3 * MINUTE_MS)
		const deleted = arrivalsSince(world).filter((arrival) => arrival.startsWith('DELETED'))
		expect(deleted.toSorted()).toEqual(gone.map((id) => `DELETED products ${id}`).toSorted())
	})

	test('runs stay anchored to the start of the one before', async () => {
		const world = await worldAfterBaseline({ store: { objects: OBJECTS }, pollIntervalMs: 24_000 })
		world.storeDelayMs = 700
		const load = startLoad(world, 2)
		const starts = new Set<number>()
		for (let step = 0; step < 600; step++) {
			await load.advance(500)
			starts.add(world.engine.getCore()!.state.lastRunMs ?? 0)
		}
		const sorted = [...starts].toSorted((a, b) => a - b).slice(1)
		expect(sorted.length).toBeGreaterThan(9)
		for (const [index, startMs] of sorted.entries())
			if (index > 0) expect(startMs - sorted[index - 1]!).toBeLessThan(24_000 + 3_000)
	})

	test('a re-read goes on while runs follow one another', async () => {
		const world = await worldAfterBaseline({ store: { objects: OBJECTS }, pollIntervalMs: 12_000 })
		world.storeDelayMs = 2_500
		const load = startLoad(world, 2)
		await load.advance(MINUTE_MS)
		const before = getResourceState(world, 'orders').rereadDoneMs
		getResourceState(world, 'orders').rereadAsked = true
		await load.advance(2 * MINUTE_MS)
		expect(getResourceState(world, 'orders').rereadDoneMs).not.toBe(before)
	})
})

describe('what runs is not begun again', () => {
	test('a re-read: by totals that change with every poll', async () => {
		const world = await worldAfterBaseline({
			...onlyProducts(400),
			resources: { products: { ...pollerResources('products')['products']!, pageSize: 10 } },
			pollIntervalMs: 12_000,
		})
		world.storeDelayMs = 700
		getResourceState(world, 'products').rereadAsked = true
		await world.advance(6_000)
		const { startedMs } = getResourceState(world, 'products').reread!
		world.store.log.length = 0
		// So many at once that a search would take longer than reading everything.
		for (let round = 0; round < 6 && getResourceState(world, 'products').reread?.startedMs === startedMs; round++) {
			for (const id of liveIds(world, 'products').slice(0, 12))
				world.store.act({ do: 'delete', resource: 'products', id })
			await world.advance(12_000)
			expect(getResourceState(world, 'products').reread?.startedMs ?? startedMs).toBe(startedMs)
		}
		expect(countFirstPages(world)).toBe(0)
		expect(getResourceState(world, 'products').reread?.position.seen ?? 400).toBeGreaterThan(100)
	})

	test('a re-read that is asked for twice: the second one follows the first', async () => {
		const world = await worldAfterBaseline({
			...onlyProducts(400),
			resources: { products: { ...pollerResources('products')['products']!, pageSize: 10 } },
		})
		world.storeDelayMs = 700
		const state = getResourceState(world, 'products')
		state.rereadAsked = true
		await world.advance(6_000)
		const { startedMs } = state.reread!
		world.store.log.length = 0
		state.rereadAsked = true
		await world.advance(6_000)
		expect(state.reread?.startedMs).toBe(startedMs)
		await world.advance(5 * MINUTE_MS)
		expect(countFirstPages(world)).toBe(1)
		expect([state.reread, state.rereadAsked]).toEqual([null, false])
	})
})

describe('a difference becomes normal', () => {
	/** The store counts more than it lists. */
	function raiseTotals(world: World, by: number): void {
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			const response = await fetch(request)
			const headers = new Headers(response.headers)
			if (headers.has('x-wp-total') && !request.url.includes('status=trash'))
				headers.set('x-wp-total', String(Math.max(0, Number(headers.get('x-wp-total')) + by)))
			return new Response(await response.text(), { status: response.status, headers })
		}
	}

	test.each([
		['a re-read', 5],
		['a search', 1],
	])('only if nothing was accepted during %s', async (_look, by) => {
		const world = await worldAfterBaseline({
			...onlyProducts(120),
			resources: { products: { ...pollerResources('products')['products']!, pageSize: 10 } },
			pollIntervalMs: 30_000,
		})
		world.storeDelayMs = 700
		raiseTotals(world, by)
		const state = getResourceState(world, 'products')
		let edited = 0
		// Edits that leave no stamp, one on each page: the look accepts them.
		world.meanwhile = () => {
			if (edited > 0 || (state.search === null && state.reread === null)) return
			for (const [index, id] of liveIds(world, 'products').entries())
				if (index % 10 === 5) edited += world.store.act({ do: 'edit-silently', resource: 'products', id }).length
		}
		await world.advance(50_000)
		expect(edited).toBeGreaterThan(0)
		expect(state.drift).toBe(0)
		// Once nothing changes any more, the next look, after a change of what is listed, decides.
		state.rereadAsked = true
		await world.advance(MINUTE_MS)
		world.store.act({ do: 'create', resource: 'products' })
		await world.advance(5 * MINUTE_MS)
		expect(state.drift).toBe(by)
	})

	test('not while a deletion is being confirmed', async () => {
		const world = await worldAfterBaseline({ ...onlyProducts(120), pollIntervalMs: 12_000 })
		const [id] = liveIds(world, 'products')
		world.store.act({ do: 'delete', resource: 'products', id: id! })
		// The store does not say whether the object is there.
		world.store.setFaults({ match: `/products/${id}`, outage: 'woocommerce-off' })
		await world.advance(5 * MINUTE_MS)
		expect(getResourceState(world, 'products').drift).toBe(0)
		world.store.setFaults({})
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
		expect(getResourceState(world, 'products').drift).toBe(0)
	})
})

describe('the guard judges a whole look', () => {
	/** Everything that a person sees of a hold, at every request: a list is never empty. */
	function watchHolds(world: World): { sizes: number[] } {
		const seen: { sizes: number[] } = { sizes: [] }
		world.meanwhile = () => {
			const core = world.engine.getCore()!
			const { held } = listHeldDeletions(core)
			const said = buildHealth(core).state === 'deletions-held'
			expect(said).toBe(held.length > 0)
			for (const { count, objects } of held) {
				expect(count).toBeGreaterThan(0)
				expect(objects.length).toBe(count)
				seen.sizes.push(count)
			}
		}
		return seen
	}

	test('a low total alone holds nothing: confirmations wait for the end of the look, then all of them are held', async () => {
		const world = await worldAfterBaseline({
			...onlyProducts(120),
			resources: { products: { ...pollerResources('products')['products']!, pageSize: 10 } },
		})
		const seen = watchHolds(world)
		const gone = liveIds(world, 'products').slice(20, 60)
		for (const id of gone) world.store.act({ do: 'delete', resource: 'products', id })
		world.store.log.length = 0
		await world.advance(5 * MINUTE_MS)
		expect(new Set(seen.sizes)).toEqual(new Set([40]))
		expect(world.store.log.filter(({ path }) => /\/products\/\d/.test(path))).toEqual([])
		expect(arrivalsSince(world)).toEqual([])
	})

	test('a total below its own rows is not used: neither drift nor a hold', async () => {
		const world = await worldAfterBaseline(onlyProducts(120))
		const seen = watchHolds(world)
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			const response = await fetch(request)
			const headers = new Headers(response.headers)
			if (headers.has('x-wp-total') && !request.url.includes('status=trash'))
				headers.set('x-wp-total', String(Math.max(0, Number(headers.get('x-wp-total')) - 15)))
			return new Response(await response.text(), { status: response.status, headers })
		}
		await world.advance(3 * MINUTE_MS)
		expect(getResourceState(world, 'products').drift).toBe(0)
		expect(seen.sizes).toEqual([])
	})

	test('a pass that was under way saw only some of them gone: the next one decides', async () => {
		const world = await worldAfterBaseline({
			resources: { customers: { ...pollerResources('customers')['customers']!, pageSize: 5 } },
			store: { objects: { orders: 0, products: 0, coupons: 0, customers: 100 } },
			config: { scanBudget: 10 },
		})
		const state = getResourceState(world, 'customers')
		while (state.reread === null || state.reread.position.seen < 40) await world.advance(1_000)
		const seen = watchHolds(world)
		const all = liveIds(world, 'customers')
		// Twelve of them lie behind the pass, twelve before it.
		const gone = [...all.slice(10, 22), ...all.slice(70, 82)]
		for (const id of gone) world.store.act({ do: 'delete', resource: 'customers', id })
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(seen.sizes.at(-1)).toBe(24)
	})

	test('objects that the webhooks or the trash report one by one are not held', async () => {
		const world = await worldAfterBaseline({ ...onlyProducts(120), pollIntervalMs: 10 * MINUTE_MS })
		const seen = watchHolds(world)
		const gone = liveIds(world, 'products').slice(0, 40)
		for (const id of gone) world.store.act({ do: 'trash', resource: 'products', id })
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).filter((arrival) => arrival.startsWith('DELETED'))).toHaveLength(40)
		expect(seen.sizes).toEqual([])
	})

	test('an instance of an earlier version that holds an empty list goes on: a look decides', async () => {
		const world = await worldAfterBaseline(onlyProducts(60))
		const core = world.engine.getCore()!
		core.commit(() => {
			const state = getResourceState(world, 'products')
			state.heldSinceMs = world.nowMs
			state.rereadAsked = true
		})
		world.evict()
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
		expect(listHeldDeletions(world.engine.getCore()!).held).toEqual([])
		const [id] = liveIds(world, 'products')
		world.store.act({ do: 'delete', resource: 'products', id: id! })
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
	})
})

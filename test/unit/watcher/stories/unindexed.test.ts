/** filterByUpdatedDate: false: all that changed is read, whatever comes between, and each change is sent once. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { World, type WorldOptions } from '../../../support/world.ts'
import type { Fault } from '../../../store/store.ts'
import {
	arrivalsSince,
	DAY_MS,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	poll,
	rewriteRecords,
	worldAfterBaseline,
} from '../../../support/stories.ts'
import type { PollerResource } from '../../../../src/elements/form.ts'

const COUNT = 150

function unindexed(settings: Partial<PollerResource> = {}, store: WorldOptions['store'] = {}): WorldOptions {
	return {
		resources: { orders: { url: '/orders', filterByUpdatedDate: false, createdCheckTolerance: 60, ...settings } },
		store: { objects: { orders: 60, products: 3, coupons: 0, customers: 0 }, ...store },
		pollIntervalMs: 5 * MINUTE_MS,
	}
}

/** New orders, and the events that they are. */
function place(world: World, count: number, secondsApart = 0): string[] {
	return Array.from({ length: count }, () => {
		world.nowMs += secondsApart * 1_000
		const { id } = world.store.act({ do: 'place-order', customer: 0 }).find(({ resource }) => resource === 'orders')!
		return `CREATED orders ${id}`
	})
}

function editAll(world: World, ids: readonly number[], note: string, secondsApart = 1): string[] {
	return ids.map((id) => {
		world.nowMs += secondsApart * 1_000
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: note } })
		return `UPDATED orders ${id}`
	})
}

const countRequests = (world: World, from: number): number =>
	world.store.log.slice(from).filter(({ path }) => path.includes('/wc/v3/orders')).length

describe('more changes than one poll reads', () => {
	test.each([
		[0, {}],
		[1, {}],
		[1, { pollDelay: 600 }],
	])(
		'all %s s apart with %j: each is sent once, and the store’s requests are few when it is quiet §3.5',
		async (apart, settings) => {
			const world = await worldAfterBaseline(unindexed({ pageSize: 5, ...settings }))
			const expected = place(world, COUNT, apart)
			await world.advance(HOUR_MS)
			expect(arrivalsSince(world).sort()).toEqual(expected.sort())
			const from = world.store.log.length
			await world.advance(HOUR_MS)
			expect(arrivalsSince(world)).toHaveLength(COUNT)
			expect(countRequests(world, from)).toBe(12)
			// Those of the last minutes.
			expect(getResourceState(world, 'orders').recent.length).toBeLessThanOrEqual(COUNT + 5)
		},
	)

	test('a memory that is lost after every page: the sweep goes on where it was', async () => {
		const world = await worldAfterBaseline(unindexed({ pageSize: 5 }))
		const expected = place(world, COUNT, 1)
		const fetch = world.store.fetch.bind(world.store)
		let pages = 0
		world.store.fetch = async (request) => {
			if (request.url.includes('/orders') && ++pages % 7 === 0) world.evict()
			return await fetch(request)
		}
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual(expected.sort())
		expect(pages).toBeLessThan(250)
	})

	test('a store that fails in between, and changes while it is read', async () => {
		const world = await worldAfterBaseline(unindexed({ pageSize: 5 }))
		const expected = place(world, COUNT, 5)
		const fetch = world.store.fetch.bind(world.store)
		let pages = 0
		world.store.fetch = async (request) => {
			if (!request.url.includes('/orders')) return await fetch(request)
			pages++
			if (pages === 12) return new Response('', { status: 500 })
			if (pages % 5 === 0 && pages < 40) expected.push(...place(world, 1))
			// What is deleted moves the rows behind it up.
			if (pages === 13) world.store.act({ do: 'delete', resource: 'orders', id: Number(expected[140]!.split(' ')[2]) })
			return await fetch(request)
		}
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual(expected.sort())
	})
})

const LIES: [string, Fault][] = [
	['orders by nothing in particular', { match: '/orders', sorts: 'shuffled' }],
	['gives no total', { match: '/orders', total: 'absent' }],
	['gives a total of its own', { match: '/orders', total: 'below-rows' }],
	['gives a total with a thousands separator', { match: '/orders', total: 'thousands' }],
	['gives ten rows whatever is asked', { match: '/orders', rowsAlways: 10 }],
	['gives ten rows whatever is asked, and no total', { match: '/orders', rowsAlways: 10, total: 'absent' }],
	['ignores the offset', { match: '/orders', ignores: ['offset'] }],
	['stamps five minutes behind', { stampsBehindSeconds: 300 }],
]

test.each([['is well-behaved', {}] as [string, Fault], ...LIES])(
	'a store that %s: everything is sent once, and requests are bounded §3.5',
	async (_what, fault) => {
		const world = await World.create(unindexed({ pageSize: 20 }))
		world.store.setFaults(fault)
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		const expected = place(world, 45, 1)
		await world.advance(HOUR_MS)
		const edited = editAll(world, liveIds(world, 'orders').slice(3, 28), 'Later')
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual([...expected, ...edited].sort())
		const from = world.store.log.length
		await world.advance(HOUR_MS)
		expect(countRequests(world, from)).toBeLessThanOrEqual(12 * 20)
		expect(arrivalsSince(world)).toHaveLength(70)
	},
)

test('a store that shows one page whatever is asked: requests are few, and health says what is lost', async () => {
	const world = await worldAfterBaseline(unindexed({ pageSize: 5 }))
	world.store.setFaults({ match: '/orders', ignores: ['offset', 'page', 'modified_before'] })
	place(world, 30, 1)
	const from = world.store.log.length
	await world.advance(HOUR_MS)
	expect(countRequests(world, from)).toBeLessThan(80)
	expect(buildHealth(world.engine.getCore()!).resources[0]!.limits!.map(({ code }) => code)).toContain('unread-changes')
})

test('an answer that a cache kept moves nothing: what it hid is sent once it is fresh', async () => {
	const world = await worldAfterBaseline(unindexed())
	await world.advance(20 * MINUTE_MS)
	world.store.setFaults({ match: '/orders', cache: { seconds: 1_800, keys: 'path' } })
	await world.advance(6 * MINUTE_MS)
	const expected = place(world, 30, 20)
	await world.advance(10 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([])
	world.store.setFaults({})
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world).sort()).toEqual(expected.sort())
})

describe('rows without a date', () => {
	test('what was there is not CREATED, what is new is, once §3.6', async () => {
		const world = await World.create({
			...unindexed(),
			resources: { customers: { url: '/customers', filterByUpdatedDate: false } },
			store: { objects: { orders: 0, products: 0, coupons: 0, customers: 40 } },
		})
		rewriteRecords(world, (record) => ({ ...record, date_modified: null, date_modified_gmt: null }))
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		const made = world.store.act({ do: 'create', resource: 'customers' })[0]!.id
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED customers ${made}`])
	})

	test('rows whose date lies in the future are no change, and hide none', async () => {
		const world = await World.create(unindexed({ pageSize: 5 }))
		const future = new Set(liveIds(world, 'orders').slice(0, 8))
		rewriteRecords(world, (record) => {
			const date = '2031-01-01T00:00:00'
			return future.has(Number(record['id'])) ? { ...record, date_modified: date, date_modified_gmt: date } : record
		})
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		const expected = place(world, 12, 1)
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual(expected.sort())
	})
})

test('a poll of an earlier version’s state goes on where it ended, and sends nothing again', async () => {
	const world = await worldAfterBaseline(unindexed())
	const first = place(world, 3)
	await world.advance(6 * MINUTE_MS)
	const rs = getResourceState(world, 'orders')
	const core = world.engine.getCore()!
	core.commit(() => {
		delete rs.sweep
		rs.cursorMs = world.nowMs + (core.state.skewMs ?? 0)
		rs.recent = rs.recent.slice(0, 1)
	})
	world.evict()
	await poll(world)
	const second = place(world, 3)
	await world.configure({ pollIntervalMs: 30 * MINUTE_MS })
	await world.advance(DAY_MS)
	expect(arrivalsSince(world).sort()).toEqual([...first, ...second].sort())
})

/** What a resource's settings change: where, id fields, pages, delays, placeholders; labels and resources that come, go and are renamed. */
import { describe, expect, test } from 'vitest'
import { buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	arrivalsSince,
} from '../../../support/stories.ts'
import type { PollerResource } from '../../../../src/elements/form.ts'

/** Changes what is polled, as a PATCH of the instance does. */
async function setResources(world: World, resources: Record<string, PollerResource>): Promise<void> {
	await world.configure({ configuration: { 'event.poller.configuration': JSON.stringify(resources) } })
	await world.advance(3 * MINUTE_MS)
}

describe('where in a url', () => {
	test('watches what matches; leaving it emits nothing, entering it CREATED §3.4', async () => {
		const world = await worldAfterBaseline({
			resources: { paid: { url: "/hubs/ecommerce/orders?where=status='processing'" } },
		})
		const placed = world.store
			.act({ do: 'place-order', status: 'processing' })
			.find((entry) => entry.resource === 'orders')!.id
		const other = world.store
			.act({ do: 'place-order', status: 'pending' })
			.find((entry) => entry.resource === 'orders')!.id
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED paid ${placed}`])
		world.store.act({ do: 'edit', resource: 'orders', id: placed, set: { status: 'completed' } })
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(1)
		world.store.act({ do: 'edit', resource: 'orders', id: other, set: { status: 'processing' } })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED paid ${placed}`, `CREATED paid ${other}`])
	})

	test('that the store cannot filter is judged by record: what does not match is hidden until it does', async () => {
		const world = await worldAfterBaseline({
			resources: { big: { url: '/hubs/ecommerce/discounts?where=amount >= 50' } },
		})
		const small = world.store.act({ do: 'create', resource: 'coupons', set: { amount: '10.00' } })[0]!.id
		const big = world.store.act({ do: 'create', resource: 'coupons', set: { amount: '60.00' } })[0]!.id
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED big ${big}`])
		world.store.act({ do: 'edit', resource: 'coupons', id: small, set: { amount: '70.00', description: 'More' } })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED big ${big}`, `CREATED big ${small}`])
	})

	test.each([
		['judged by record', 'amount >= 50', { amount: '10.00' }],
		['asked of the store and judged by record', "code = 'summer' AND amount >= 50", { code: 'winter' }],
	])('%s: leaving it emits nothing, entering it again does', async (_how, where, leaving) => {
		const world = await worldAfterBaseline({
			resources: { big: { url: `/hubs/ecommerce/discounts?where=${where}` } },
			pollIntervalMs: 30 * MINUTE_MS,
		})
		const { id } = world.store.act({ do: 'create', resource: 'coupons', set: { amount: '60.00', code: 'summer' } })[0]!
		await world.advance(31 * MINUTE_MS)
		world.store.act({ do: 'edit', resource: 'coupons', id, set: { ...leaving, description: 'Left' } })
		await world.advance(2 * DAY_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED big ${id}`])
		world.store.act({ do: 'edit', resource: 'coupons', id, set: { amount: '70.00', code: 'summer' } })
		await world.advance(2 * DAY_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED big ${id}`, `UPDATED big ${id}`])
		expect(getResourceState(world, 'big').drift).toBe(0)
	})

	test.each([
		'_method=POST&status=completed',
		'.method=POST&status=completed',
		'%5Fmethod=PUT&rest_route=/wc/v3/orders/batch',
		'rest_route=/wc/v3/products&_envelope=1&colour=red',
	])(
		'of an earlier version with %s: nothing is written to the store, and changes are still detected §3.12',
		async (query) => {
			const world = await worldAfterBaseline({ resources: { orders: { url: `/hubs/ecommerce/orders?${query}` } } })
			expect(world.store.journal()).toEqual([])
			const placed = world.store
				.act({ do: 'place-order', status: 'completed' })
				.find((entry) => entry.resource === 'orders')!.id
			const { length } = world.store.journal()
			await world.advance(3 * MINUTE_MS)
			expect(world.store.journal()).toHaveLength(length)
			expect(arrivalsSince(world)).toEqual([`CREATED orders ${placed}`])
			for (const { path } of world.store.log)
				expect(decodeURIComponent(path)).not.toMatch(/[?&][ +]*[._]method|rest.route|_envelope/)
		},
	)

	test('the same collection with another where is another resource, with an index of its own', async () => {
		const world = await worldAfterBaseline({
			resources: { all: { url: '/orders' }, paid: { url: "/orders?where=status='processing'" } },
		})
		const placed = world.store
			.act({ do: 'place-order', status: 'processing' })
			.find((entry) => entry.resource === 'orders')!.id
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual([`CREATED all ${placed}`, `CREATED paid ${placed}`])
	})
})

test('idField may be a path, with or without $ §3.4', async () => {
	const world = await worldAfterBaseline({
		resources: {
			orders: { url: '/orders', idField: '$.billing.phone' },
			products: { url: '/products', idField: 'sku' },
		},
		store: { objects: { orders: 0, products: 3, coupons: 0, customers: 0 } },
	})
	world.store.act({ do: 'create', resource: 'orders', set: { billing: { phone: '+1 303' }, line_items: [] } })
	world.store.act({ do: 'create', resource: 'products', set: { sku: 'MUG-7' } })
	await world.advance(2 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual(['CREATED orders +1 303', 'CREATED products MUG-7'])
})

test.each([1, 7, 100])(
	'pageSize %i: the baseline learns everything, and nothing is lost later §3.5',
	async (pageSize) => {
		const resources = Object.fromEntries(
			Object.entries(pollerResources('orders', 'customers')).map(([label, one]) => [label, { ...one, pageSize }]),
		)
		const world = await worldAfterBaseline({ resources })
		expect(getResourceState(world, 'orders').listed).toBe(liveIds(world, 'orders').length)
		for (let round = 0; round < 4; round++) {
			for (let order = 0; order < 4; order++) world.store.act({ do: 'place-order' })
			world.store.act({ do: 'delete', resource: 'orders' })
			world.store.act({ do: 'create', resource: 'customers' })
			await world.advance(2 * MINUTE_MS)
		}
		await expectCleanJudgement(world, { orders: 'orders', customers: 'customers' })
		const sizes = world.store.log
			.map(({ path }) => /orderby=id&order=asc&per_page=(\d+)/.exec(path)?.[1])
			.filter((size) => size !== undefined)
		expect(Math.max(...sizes.map(Number))).toBe(pageSize)
	},
)

test('3.5 pollDelay reaches further back than commits are late §3.5', async () => {
	const arrived = async (pollDelay: number): Promise<string[]> => {
		const world = await worldAfterBaseline({
			resources: { products: { url: '/products', pollDelay } },
			config: { rereadHours: 0 },
			store: { objects: { orders: 0, products: 30, coupons: 0, customers: 0 } },
		})
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[3]!, lagSeconds: 500 })
		// Others are edited meanwhile, so that the late one is not among the newest ten.
		for (let minute = 0; minute < 12; minute++) {
			for (const id of liveIds(world, 'products').slice(10, 20))
				world.store.act({ do: 'save-unchanged', resource: 'products', id })
			await world.advance(MINUTE_MS)
		}
		return arrivalsSince(world)
	}
	expect(await arrived(0)).toEqual([])
	expect(await arrived(600)).toHaveLength(1)
})

/** Each poll reads so much again, s. */
const OVERLAP_SEC = 120

describe('filterByUpdatedDate false', () => {
	const url = "/hubs/ecommerce/orders?where=after='${gmtDate:yyyy-MM-dd'T'HH:mm:ss}'"

	test.each([undefined, 600])(
		'pollDelay %s: asks with the last poll’s time less it in the placeholder, and rings by the dates alone §3.9',
		async (pollDelay) => {
			const world = await worldAfterBaseline({
				resources: { orders: { url, filterByUpdatedDate: false, ...(pollDelay === undefined ? {} : { pollDelay }) } },
			})
			world.store.log.length = 0
			const since = getResourceState(world, 'orders').sweep!.polledMs!
			const placed = world.store.act({ do: 'place-order' }).find((entry) => entry.resource === 'orders')!.id
			await world.advance(3 * MINUTE_MS)
			expect(arrivalsSince(world)).toEqual([`CREATED orders ${placed}`])
			const asked = world.store.log.map(({ path }) => decodeURIComponent(path)).find((path) => path.includes('after='))
			const delayMs = Math.max(pollDelay ?? 0, OVERLAP_SEC) * 1000
			expect(asked).toContain(`after=${new Date(since - delayMs).toISOString().slice(0, 19)}`)
			expect(buildPollerReport(world.engine.getCore()!).resources[0]!.known).toBe(0)
		},
	)

	test('the placeholder moves with each poll of an idle store, but not with one that fails §3.9', async () => {
		const world = await worldAfterBaseline({ resources: { orders: { url, filterByUpdatedDate: false } } })
		const getAsked = async (): Promise<number> => {
			world.store.log.length = 0
			await world.advance(5 * MINUTE_MS)
			const paths = world.store.log.map(({ path }) => decodeURIComponent(path))
			const last = paths.findLast((path) => path.includes('after='))!
			return Date.parse(`${/after=([\dT:-]{19})/.exec(last)![1]}Z`)
		}
		const first = await getAsked()
		const second = await getAsked()
		expect(second - first).toBeGreaterThan(4 * MINUTE_MS)
		world.store.setFaults([{ match: '/orders', status: 500 }])
		await world.advance(20 * MINUTE_MS)
		const placed = world.store.act({ do: 'place-order' }).find((entry) => entry.resource === 'orders')!.id
		await world.advance(20 * MINUTE_MS)
		world.store.setFaults([])
		world.store.log.length = 0
		await world.advance(60 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED orders ${placed}`])
	})

	test('createdCheckTolerance decides between CREATED and UPDATED §3.5 §3.10', async () => {
		const types = async (createdCheckTolerance: number): Promise<string[]> => {
			const world = await worldAfterBaseline({
				resources: { orders: { url: '/orders', filterByUpdatedDate: false, createdCheckTolerance } },
			})
			const placed = world.store.act({ do: 'place-order' }).find((entry) => entry.resource === 'orders')!.id
			world.nowMs += 20_000
			world.store.act({ do: 'edit', resource: 'orders', id: placed, set: { customer_note: 'Ring' } })
			await world.advance(3 * MINUTE_MS)
			return world.arrivals.map((one) => one.eventType)
		}
		expect(await types(0)).toEqual(['UPDATED'])
		expect(await types(30)).toEqual(['CREATED'])
	})

	test('emits a change once, though the overlap of whole seconds shows it twice', async () => {
		const world = await worldAfterBaseline({ resources: { orders: { url: '/orders', filterByUpdatedDate: false } } })
		for (let minute = 0; minute < 5; minute++) {
			world.store.act({ do: 'place-order' })
			await world.advance(MINUTE_MS)
		}
		await world.advance(5 * MINUTE_MS)
		const ring = world.arrivals.map((one) => one.objectId)
		expect(new Set(ring).size).toBe(5)
		expect(ring).toHaveLength(5)
	})
})

describe('the configuration changes', () => {
	test('a renamed label keeps index and cursor, and is objectType from then on §2.6 §10.8', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('customers') })
		const { number, cursorMs } = getResourceState(world, 'customers')
		const before = world.store.requests
		await setResources(world, { contacts: { url: '/hubs/ecommerce/customers', idField: 'id' } })
		const renamed = getResourceState(world, 'contacts')
		expect([renamed.number, renamed.cursorMs! >= cursorMs!, renamed.baseline]).toEqual([number, true, null])
		expect(world.store.requests - before).toBeLessThan(12)
		const made = world.store.act({ do: 'create', resource: 'customers' })[0]!.id
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED contacts ${made}`])
	})

	test('a resource that is added later begins in silence then, and emits what comes §10.8', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('customers') })
		await world.advance(10 * MINUTE_MS)
		world.store.act({ do: 'place-order', customer: 0 })
		await world.advance(5_000)
		await setResources(world, pollerResources('customers', 'orders'))
		expect(arrivalsSince(world)).toEqual([])
		const placed = world.store.act({ do: 'place-order', customer: 0 }).find((entry) => entry.resource === 'orders')!.id
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED orders ${placed}`])
	})

	test('a resource that is removed is polled no more and its index leaves; back again it begins anew', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('customers', 'orders') })
		const { number } = getResourceState(world, 'orders')
		await setResources(world, pollerResources('customers'))
		world.store.log.length = 0
		world.store.act({ do: 'place-order', customer: 0 })
		await world.advance(5 * MINUTE_MS)
		expect(world.store.log.filter(({ path }) => path.includes('/orders'))).toEqual([])
		expect(world.sql.all(`SELECT id FROM objects WHERE resource = ?`, number)).toEqual([])
		await setResources(world, pollerResources('customers', 'orders'))
		expect(arrivalsSince(world)).toEqual([])
		expect(getResourceState(world, 'orders').number).not.toBe(number)
	})

	test('a poll is asked for at once when the interval shrinks', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: DAY_MS })
		await world.configure({ pollIntervalMs: MINUTE_MS })
		world.store.act({ do: 'place-order', customer: 0 })
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world).filter((one) => one.startsWith('CREATED orders'))).toHaveLength(1)
	})
})

test.each([
	['another field', { updatedDateField: 'date_created' }],
	[
		'a zone that is not the store’s, behind it',
		{ updatedDateField: 'date_modified', updatedDateTimezone: 'Asia/Kolkata' },
	],
	[
		'a zone that is not the store’s, ahead of it',
		{ updatedDateField: 'date_modified', updatedDateTimezone: 'Pacific/Honolulu' },
	],
])(
	'datesConfiguration with %s: what is read and how far is decided by the store’s own stamps',
	async (_name, datesConfiguration) => {
		const world = await worldAfterBaseline({
			resources: { orders: { url: '/orders', datesConfiguration } },
			store: {
				zone: 'America/Denver',
				orders: 'hpos',
				objects: { orders: 260, products: 0, coupons: 0, customers: 0 },
			},
			pollIntervalMs: 15 * MINUTE_MS,
		})
		const edited = liveIds(world, 'orders').slice(0, 250)
		for (const id of edited) {
			world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: `Edited ${id}` } })
			world.nowMs += 1_000
		}
		const asked = world.store.log.length
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(edited.map((id) => `UPDATED orders ${id}`).sort())
		expect(world.store.log.length - asked).toBeLessThan(15)
	},
)

/** Deletions: trash, absence, the brake that holds too many at once, backups that bring objects back. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { decideDeletions, listHeldDeletions } from '../../../../src/watcher/polling/commands.ts'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	rewriteRecords,
	arrivalsSince,
} from '../../../support/stories.ts'

const products = {
	resources: pollerResources('products'),
	store: { objects: { orders: 0, products: 60, coupons: 0, customers: 0 } },
}
const health = (world: World): string => buildHealth(world.engine.getCore()!).state

/** Makes this many products vanish; gives their ids. */
function vanish(world: World, count: number): number[] {
	const gone = liveIds(world, 'products').slice(5, 5 + count)
	for (const id of gone) world.store.act({ do: 'delete', resource: 'products', id })
	return gone
}

/** The store counts some that it does not list. */
function raiseTotals(world: World, by: number): void {
	const fetch = world.store.fetch.bind(world.store)
	world.store.fetch = async (request) => {
		const response = await fetch(request)
		const headers = new Headers(response.headers)
		if (headers.has('x-wp-total') && !request.url.includes('status=trash'))
			headers.set('x-wp-total', String(Number(headers.get('x-wp-total')) + by))
		return new Response(await response.text(), { status: response.status, headers })
	}
}

describe('deletions', () => {
	test('a hold ends by itself when its objects are listed again, whatever the total says §10.1', async () => {
		const world = await worldAfterBaseline(products)
		const hidden = new Set(liveIds(world, 'products').slice(5, 40))
		rewriteRecords(world, (record) => (hidden.has(Number(record['id'])) ? null : record))
		raiseTotals(world, -35)
		await world.advance(10 * MINUTE_MS)
		expect(health(world)).toBe('deletions-held')
		hidden.clear()
		world.engine.getCore()!.state.resources[0]!.rereadAsked = true
		await world.advance(10 * MINUTE_MS)
		expect(listHeldDeletions(world.engine.getCore()!)).toEqual({ held: [] })
		expect(health(world)).toBe('healthy')
		expect(arrivalsSince(world)).toEqual([])
	})

	test('5.1 5.4 trash emits DELETED with the record, emptying it nothing, thirty days later §10.1', async () => {
		const world = await worldAfterBaseline({ ...products, pollIntervalMs: 6 * HOUR_MS })
		const [id] = liveIds(world, 'products')
		world.store.act({ do: 'trash', resource: 'products', id: id! })
		await world.advance(7 * HOUR_MS)
		expect(world.arrivals).toMatchObject([
			{ eventType: 'DELETED', trashed: true, objectId: String(id), record: { id, status: 'trash' } },
		])
		await world.advance(31 * DAY_MS)
		expect(world.store.state('products').has(id!)).toBe(false)
		expect(arrivalsSince(world)).toHaveLength(1)
	})

	test('5.2 a hard deletion is confirmed twice, five seconds apart, before it is emitted §10.1 §3.11', async () => {
		const world = await worldAfterBaseline(products)
		const [id] = vanish(world, 1)
		world.store.log.length = 0
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
		const asked = world.store.log.filter(({ path }) => path.includes(`/products/${id}`))
		expect(asked.map(({ status }) => status)).toEqual([404, 404])
		expect(asked[1]!.time - asked[0]!.time).toBeGreaterThanOrEqual(5_000)
	})

	test('what a search found at one count does not hide what changes after it at the same difference', async () => {
		const world = await worldAfterBaseline(products)
		vanish(world, 1)
		// Found and confirmed, and no poll in between that would say so.
		for (let second = 0; second < 120 && arrivalsSince(world).length === 0; second++) await world.advance(1_000)
		expect(arrivalsSince(world)).toHaveLength(1)
		world.store.act({ do: 'create', resource: 'products' })
		const [id] = liveIds(world, 'products')
		world.store.act({ do: 'trash', resource: 'products', id: id! })
		await world.advance(70_000)
		expect(arrivalsSince(world).toSorted()).toContain(`DELETED products ${id}`)
	})

	test('2.6 5.3 a 404 that is not the store’s word about the object deletes nothing', async () => {
		const world = await worldAfterBaseline(products)
		const [id] = vanish(world, 1)
		world.store.setFaults({ match: `/products/${id}`, outage: 'woocommerce-off' })
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		world.store.setFaults({})
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
	})

	test('an id that is no address of the store is gone when two whole re-reads did not show it', async () => {
		const world = await worldAfterBaseline({
			...products,
			resources: { products: { url: '/products', idField: 'sku' } },
		})
		const record = [...world.store.state('products').values()].find((one) => one['sku'] !== '')!
		world.store.act({ do: 'delete', resource: 'products', id: Number(record['id']) })
		world.store.log.length = 0
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${String(record['sku'])}`])
		expect(world.arrivals[0]!.record).toEqual({ sku: record['sku'] })
		expect(world.store.log.filter(({ path }) => path.includes('orderby=id&order=asc')).length).toBe(2)
		expect(health(world)).toBe('healthy')
	})

	test('5.8 an object that comes back between the two looks was never gone', async () => {
		const world = await worldAfterBaseline(products)
		const [id] = liveIds(world, 'products').slice(3)
		let hidden = true
		rewriteRecords(world, (record) => (hidden && record['id'] === id ? null : record))
		const asked = world.store.log.length
		world.engine.getCore()!.state.resources[0]!.rereadAsked = true
		await world.advance(3 * MINUTE_MS)
		hidden = false
		await world.advance(10 * MINUTE_MS)
		expect(world.store.log.slice(asked).some(({ path }) => path.includes(`/products/${id}`))).toBe(true)
		expect(arrivalsSince(world)).toEqual([])
	})

	test('2.4 an old store that ignores status=trash answers with everything: none of it counts as trashed', async () => {
		const world = await worldAfterBaseline({
			...products,
			store: { ...products.store, url: 'https://shop.example.com' },
		})
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = (request) => {
			const url = new URL(request.url)
			if (url.searchParams.has('status'))
				for (const unknown of ['status', 'modified_after', 'dates_are_gmt']) url.searchParams.delete(unknown)
			return fetch(new Request(url, request))
		}
		const [id] = vanish(world, 1)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
		expect(world.arrivals[0]!.trashed).toBeUndefined()
	})

	test('3.8 a total that counts what is not listed becomes drift, is said, and is not searched for again', async () => {
		const world = await worldAfterBaseline(products)
		raiseTotals(world, 3)
		await world.advance(5 * MINUTE_MS)
		expect(getResourceState(world, 'products').drift).toBe(3)
		let { requests } = world.store
		await world.advance(10 * MINUTE_MS)
		expect(world.store.requests - requests).toBeLessThanOrEqual(10)
		;({ requests } = world.store)
		const made = world.store.act({ do: 'create', resource: 'products' })[0]!.id
		await world.advance(3 * MINUTE_MS)
		expect(world.store.requests - requests).toBeLessThanOrEqual(3)
		const [id] = vanish(world, 1)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${made}`, `DELETED products ${id}`])
		expect(getResourceState(world, 'products').drift).toBe(3)
	})

	test('3.8 a total that is one too high in a long list is searched for once, and becomes drift', async () => {
		const world = await worldAfterBaseline({
			...products,
			resources: { products: { ...pollerResources('products')['products']!, pageSize: 4 } },
		})
		raiseTotals(world, 1)
		await world.advance(5 * MINUTE_MS)
		expect(getResourceState(world, 'products').drift).toBe(1)
		const { requests } = world.store
		await world.advance(10 * MINUTE_MS)
		expect(world.store.requests - requests).toBeLessThanOrEqual(10)
		expect(arrivalsSince(world)).toEqual([])
	})

	test('3.8 4.11 a back-dated creation is found by the total', async () => {
		const world = await worldAfterBaseline(products)
		const id = world.store.act({ do: 'back-date', resource: 'products', days: 400 })[0]!.id
		await world.advance(4 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`])
	})
})

describe('the brake', () => {
	test('5.5 holds twenty-one of sixty at one look, and says so', async () => {
		const world = await worldAfterBaseline(products)
		const gone = vanish(world, 21)
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(health(world)).toBe('deletions-held')
		const { held } = listHeldDeletions(world.engine.getCore()!)
		expect(held).toMatchObject([{ resource: 'products', count: 21 }])
		expect(held[0]!.objects.map(({ objectId }) => Number(objectId))).toEqual(gone)
	})

	test('lets twenty pass', async () => {
		const world = await worldAfterBaseline(products)
		const gone = vanish(world, 20)
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(gone.map((id) => `DELETED products ${id}`).sort())
	})

	test('emit sends each, after it was confirmed', async () => {
		const world = await worldAfterBaseline(products)
		const gone = vanish(world, 30)
		await world.advance(10 * MINUTE_MS)
		expect(decideDeletions(world.engine.getCore()!, 'emit')).toBe(30)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(gone.map((id) => `DELETED products ${id}`).sort())
		expect(health(world)).not.toBe('deletions-held')
	})

	test('forget drops them in silence; should one come back, it is new', async () => {
		const world = await worldAfterBaseline(products)
		const gone = vanish(world, 30)
		await world.advance(10 * MINUTE_MS)
		expect(decideDeletions(world.engine.getCore()!, 'forget')).toBe(30)
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(getResourceState(world, 'products').listed).toBe(30)
		world.store.act({ do: 'create', resource: 'products', id: gone[0]! })
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${gone[0]}`])
		expect(health(world)).toBe('healthy')
	})

	test('ends by itself when the objects come back, and nothing is emitted', async () => {
		const world = await worldAfterBaseline(products)
		const gone = new Set(liveIds(world, 'products').slice(0, 40))
		let lost = true
		const fetch = world.store.fetch.bind(world.store)
		rewriteRecords(world, (record) => (lost && gone.has(Number(record['id'])) ? null : record))
		const shown = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			const response = await (lost ? shown(request) : fetch(request))
			const headers = new Headers(response.headers)
			if (lost && headers.has('x-wp-total'))
				headers.set('x-wp-total', String(Math.max(0, Number(headers.get('x-wp-total')) - 40)))
			return new Response(await response.text(), { status: response.status, headers })
		}
		await world.advance(10 * MINUTE_MS)
		expect(health(world)).toBe('deletions-held')
		lost = false
		await world.advance(10 * MINUTE_MS)
		expect(health(world)).toBe('healthy')
		expect(arrivalsSince(world)).toEqual([])
		expect(listHeldDeletions(world.engine.getCore()!).held).toEqual([])
	})

	test('holds what a re-read finds missing, too', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources('customers'),
			store: { objects: { orders: 0, products: 0, coupons: 0, customers: 60 } },
		})
		const gone = liveIds(world, 'customers').slice(5, 35)
		for (const id of gone) world.store.act({ do: 'delete', resource: 'customers', id })
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(health(world)).toBe('deletions-held')
		decideDeletions(world.engine.getCore()!, 'emit')
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toHaveLength(30)
	})
})

describe('a restored backup', () => {
	test('that sets an object back emits UPDATED, after looks for a quarter of an hour', async () => {
		const world = await worldAfterBaseline(products)
		const [id] = liveIds(world, 'products')
		const name = String(world.store.state('products').get(id!)!['name'])
		world.store.act({ do: 'edit', resource: 'products', id: id!, set: { name: 'Newer' } })
		await world.advance(2 * MINUTE_MS)
		world.store.act({
			do: 'edit',
			resource: 'products',
			id: id!,
			set: { name, date_modified_gmt: '2026-01-01T00:00:00' },
		})
		world.engine.getCore()!.state.resources[0]!.rereadAsked = true
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`, `UPDATED products ${id}`])
		expect(world.arrivals[1]!.record).toMatchObject({ name })
	})

	test('4.13 that gives a known id to another order emits DELETED, then CREATED', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('orders') })
		const id = liveIds(world, 'orders').at(-1)!
		world.store.act({ do: 'delete', resource: 'orders', id })
		world.store.act({ do: 'create', resource: 'orders', id, set: { date_created_gmt: '2026-05-01T00:00:00' } })
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`, `CREATED orders ${id}`])
		expect(world.arrivals.map((one) => one.objectSequence)).toEqual([1, 2])
		expect(world.arrivals[1]!.record).not.toHaveProperty('restored')
	})

	test('4.13 that gives the id of a deleted order to another one emits a plain CREATED', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('orders') })
		const id = liveIds(world, 'orders').at(-1)!
		world.store.act({ do: 'delete', resource: 'orders', id })
		await world.advance(4 * MINUTE_MS)
		world.store.act({ do: 'create', resource: 'orders', id, set: { date_created_gmt: '2026-05-01T00:00:00' } })
		await world.advance(4 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`, `CREATED orders ${id}`])
		expect(world.arrivals[1]).not.toHaveProperty('restored')
	})

	test('4.13 that gives the id of a product to another one emits UPDATED: a product is its id', async () => {
		const world = await worldAfterBaseline(products)
		const id = liveIds(world, 'products').at(-1)!
		world.store.act({ do: 'delete', resource: 'products', id })
		const set = { name: 'Other', date_created_gmt: '2026-05-01T00:00:00' }
		world.store.act({ do: 'create', resource: 'products', id, set })
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
	})

	test('that brings back what was gone emits CREATED, restored', async () => {
		const world = await worldAfterBaseline(products)
		const id = liveIds(world, 'products').at(-1)!
		const { date_created_gmt } = world.store.state('products').get(id)!
		world.store.act({ do: 'delete', resource: 'products', id })
		await world.advance(4 * MINUTE_MS)
		world.store.act({ do: 'create', resource: 'products', id, set: { date_created_gmt } })
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`, `CREATED products ${id}`])
		expect(world.arrivals[1]).toMatchObject({ restored: true })
	})
})

test('a coupon that is drafted leaves the list: UPDATED, unlisted; published again UPDATED', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('discounts') })
	const id = liveIds(world, 'discounts')[1]!
	world.store.act({ do: 'draft', resource: 'coupons', id })
	await world.advance(4 * MINUTE_MS)
	expect(world.arrivals).toMatchObject([{ eventType: 'UPDATED', objectId: String(id), unlisted: true }])
	world.store.act({ do: 'publish', resource: 'coupons', id })
	await world.advance(4 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED discounts ${id}`, `UPDATED discounts ${id}`])
	await expectCleanJudgement(world, { discounts: 'coupons' })
})

describe('an edited creation date', () => {
	test.each(['orders', 'products', 'coupons', 'customers'] as const)(
		'of %s is UPDATED with date_created_gmt, with and without a stamp §10.1',
		async (resource) => {
			const world = await worldAfterBaseline()
			const label = resource === 'coupons' ? 'discounts' : resource
			const id = liveIds(world, label)[1]!
			for (const silently of [false, true]) {
				world.store.act({ do: 'edit-created', resource, id, days: 40, silently })
				getResourceState(world, label).rereadAsked = true
				await world.advance(5 * MINUTE_MS)
			}
			expect(arrivalsSince(world)).toEqual([`UPDATED ${label} ${id}`, `UPDATED ${label} ${id}`])
			for (const arrival of world.arrivals) expect(arrival).toMatchObject({ changedFields: ['date_created_gmt'] })
			await expectCleanJudgement(world)
		},
	)

	test('of an order in the trash comes with its restoration: CREATED, restored', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('orders') })
		const id = liveIds(world, 'orders')[0]!
		world.store.act({ do: 'trash', resource: 'orders', id })
		await world.advance(3 * MINUTE_MS)
		world.store.act({ do: 'edit-created', resource: 'orders', id })
		world.store.act({ do: 'restore', resource: 'orders', id })
		await world.advance(3 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`, `CREATED orders ${id}`])
		expect(world.arrivals[1]).toMatchObject({ restored: true })
	})
})

/** Any resource that the store's API has is polled by copying the configuration of a default one. */
import { describe, expect, test } from 'vitest'
import type { World } from '../../../support/world.ts'
import {
	callStoreApi,
	pollerResources,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	arrivalsSince,
} from '../../../support/stories.ts'

/** How an object of a resource is made, changed and removed, by the store's API or behind it. */
interface Ways {
	make: (world: World) => Promise<number>
	change: (world: World, id: number) => Promise<unknown>
	remove: (world: World, id: number) => Promise<unknown>
}

const byApi = (path: string, first: object, second: object): Ways => ({
	make: async (world) => Number((await callStoreApi(world, 'POST', path, first))['id']),
	change: (world, id) => callStoreApi(world, 'PUT', `${path}/${id}`, second),
	remove: (world, id) => callStoreApi(world, 'DELETE', `${path}/${id}`),
})

/** The whole life of one object, seen from the callback. */
async function life(world: World, label: string, { make, change, remove }: Ways): Promise<void> {
	expect(arrivalsSince(world)).toEqual([])
	const id = await make(world)
	await world.advance(3 * MINUTE_MS)
	expect(arrivalsSince(world).filter((one) => one.includes(label))).toEqual([`CREATED ${label} ${id}`])
	await change(world, id)
	await world.advance(3 * MINUTE_MS)
	expect(arrivalsSince(world).filter((one) => one.includes(label))).toEqual([
		`CREATED ${label} ${id}`,
		`UPDATED ${label} ${id}`,
	])
	await remove(world, id)
	await world.advance(4 * MINUTE_MS)
	expect(arrivalsSince(world).filter((one) => one.includes(label))).toEqual([
		`CREATED ${label} ${id}`,
		`UPDATED ${label} ${id}`,
		`DELETED ${label} ${id}`,
	])
	// In all other respects the store stood still.
	expect(world.arrivals.filter((one) => one.objectType !== label)).toEqual([])
	expect(world.arrivals.at(-1)!.record).toEqual({ id })
}

describe('a copied configuration', () => {
	test('3.9 products-categories emit CREATED, UPDATED and DELETED', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products-categories') })
		await life(world, 'products-categories', byApi('products/categories', { name: 'Tents' }, { name: 'Tents & Tarps' }))
	})

	test('3.9 products/reviews emit CREATED, UPDATED and DELETED', async () => {
		const world = await worldAfterBaseline({
			resources: { 'products/reviews': { url: '/hubs/ecommerce/products/reviews', idField: 'id' } },
		})
		const [product] = liveIds(world, 'products')
		await life(
			world,
			'products/reviews',
			byApi(
				'products/reviews',
				{ product_id: product, review: 'Good', reviewer: 'Rita', reviewer_email: 'rita@example.test', rating: 5 },
				{ review: 'Less good' },
			),
		)
	})

	test('3.9 5.6 taxes, which have no trash, emit CREATED, UPDATED and DELETED', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('taxes') })
		await life(
			world,
			'taxes',
			byApi('taxes', { country: 'US', state: 'CO', rate: '2.9000', name: 'State tax' }, { rate: '3.1000' }),
		)
	})

	test('2.6 3.10 orders/{id}/refunds emit CREATED, UPDATED and DELETED, though a missing order’s are an empty list', async () => {
		const world = await worldAfterBaseline()
		world.store.act({ do: 'place-order', status: 'processing' })
		const order = world.store.journal().findLast((entry) => entry.resource === 'orders')!.id
		const label = 'refunds-of-one-order'
		await world.configure({
			configuration: {
				'event.poller.configuration': JSON.stringify({
					[label]: { url: `/hubs/ecommerce/orders/${order}/refunds`, idField: 'id' },
				}),
			},
		})
		await world.advance(3 * MINUTE_MS)
		world.arrivals.length = 0
		await life(world, label, {
			make: async (at) =>
				at.store.act({ do: 'refund', id: order, amount: '1.00' }).find((entry) => entry.resource === 'refunds')!.id,
			change: async (at, id) => at.store.act({ do: 'edit-silently', resource: 'refunds', id, set: { reason: 'Torn' } }),
			remove: async (at, id) => at.store.act({ do: 'delete-refund', id }),
		})
	})

	test('3.9 attributes, which come without pages, are emitted too', async () => {
		const world = await worldAfterBaseline({ resources: pollerResources('products-attributes') })
		await life(world, 'products-attributes', byApi('products/attributes', { name: 'Season' }, { name: 'Seasons' }))
	})

	test('3.10 variations are polled on their own', async () => {
		const world = await worldAfterBaseline({
			resources: { variations: { url: '/variations' } },
			store: { objects: { orders: 0, products: 30, coupons: 0, customers: 0 } },
		})
		await life(world, 'variations', {
			make: async (at) => at.store.act({ do: 'create', resource: 'variations' })[0]!.id,
			change: async (at, id) => at.store.act({ do: 'edit', resource: 'variations', id }),
			remove: async (at, id) => at.store.act({ do: 'delete', resource: 'variations', id }),
		})
	})
})

test('a label may be anything, and is objectType', async () => {
	const world = await worldAfterBaseline({ resources: { 'my shop’s deals': { url: '/hubs/ecommerce/discounts' } } })
	const [entry] = world.store.act({ do: 'create', resource: 'coupons' })
	await world.advance(2 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`CREATED my shop’s deals ${entry!.id}`])
	expect(JSON.parse(world.arrivals[0]!.body).message.raw).toMatchObject({
		objectType: 'my shop’s deals',
		'my shop’s deals': [{ id: entry!.id }],
	})
})

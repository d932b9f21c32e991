/** Pages of the hub from stores whose lists are not what was asked for (docs/contract.md §8). */
import { describe, expect, test } from 'vitest'
import { readPage } from '../../../src/api/hub/read.ts'
import { positionAt } from '../../../src/api/hub/list-cursor.ts'
import { openClient } from '../../../src/elements/woocommerce/client.ts'
import { planList } from '../../../src/elements/woocommerce/lists.ts'
import { createStore } from '../../store/store.ts'
import type { Connection, StoreClient } from '../../../src/elements/store.ts'
import type { Fault } from '../../store/types.ts'
import { DENVER, ioOf } from '../elements/support.ts'

/** A shop of 35 products, and all of its pages of `size`; at most 40. */
async function readAll(fault: Fault, size: number): Promise<{ ids: number[]; requests: number }> {
	const shop = createStore({
		objects: { orders: 0, products: 35, coupons: 0, customers: 0 },
		url: 'https://shop.example.com',
	})
	const connection: Connection = { ...DENVER, home: shop.url, root: `${shop.url}/wp-json/` }
	const client: StoreClient = openClient(
		connection,
		{ storeUrl: shop.url, ...shop.credentials },
		{ ...ioOf((request) => shop.fetch(request)), now: () => Date.now() },
	)
	shop.setFaults({ match: '/products', ...fault })
	const planned = planList('products', { where: null, orderBy: null }, connection)
	if (!planned.ok) throw new Error(planned.message)
	const ids: number[] = []
	let place = positionAt(0)
	for (let page = 0; page < 40; page++) {
		const read = await readPage(client, planned.plan, place, size, page === 0)
		if ('item' in read) throw new Error('no list')
		ids.push(...read.list.map((row) => (row as { id: number }).id))
		if (read.next === null) return { ids, requests: client.requests }
		place = read.next
	}
	throw new Error('pages without an end')
}

describe('pages of a store that', () => {
	test.each<[string, Fault]>([
		['does as asked', {}],
		['gives the whole list', { wholeList: true }],
		['shows a row twice', { repeat: {} }],
		['writes totals with a decimal', { total: 'decimal' }],
		['writes totals twice', { total: 'doubled' }],
	])('%s have every product once', async (_name, fault) => {
		for (const size of [12, 35, 100]) {
			const { ids, requests } = await readAll(fault, size)
			expect(new Set(ids).size).toBe(35)
			expect(ids).toHaveLength(35)
			expect(requests).toBeLessThan(20)
		}
	})
})

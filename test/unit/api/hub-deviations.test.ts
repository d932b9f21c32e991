/** The hub over stores that answer otherwise than asked (docs/contract.md §8). */
import { describe, expect, test } from 'vitest'
import { readItem, readPage } from '../../../src/api/hub/read.ts'
import { formatHubToken, parseHubToken } from '../../../src/api/hub/page-token.ts'
import { positionAt } from '../../../src/api/hub/list-cursor.ts'
import { openClient } from '../../../src/elements/woocommerce/client.ts'
import { planList } from '../../../src/elements/woocommerce/lists.ts'
import { createStore } from '../../store/store.ts'
import type { Connection, StoreClient } from '../../../src/elements/store.ts'
import type { Fault } from '../../store/types.ts'
import { DENVER, ioOf } from '../elements/support.ts'

interface Shop {
	connection: Connection
	client: StoreClient
}

/** A shop of so many products whose store answers otherwise. */
function openShop(faults: readonly Fault[], count = 35): Shop {
	const shop = createStore({
		objects: { orders: 0, products: count, coupons: 0, customers: 0 },
		url: 'https://shop.example.com',
	})
	const connection: Connection = { ...DENVER, home: shop.url, root: `${shop.url}/wp-json/` }
	const client: StoreClient = openClient(
		connection,
		{ storeUrl: shop.url, ...shop.credentials },
		{ ...ioOf((request) => shop.fetch(request)), now: () => Date.now() },
	)
	shop.setFaults(faults.map((fault) => ({ match: '/products', ...fault })))
	return { connection, client }
}

interface Reading {
	ids: number[]
	totals: (number | null)[]
	requests: number
	pages: number
}

/** All pages of `size` by their tokens. */
async function readAll(
	{ connection, client }: Shop,
	size: number,
	{ orderBy = null, where = null }: { orderBy?: string | null; where?: string | null } = {},
): Promise<Reading> {
	const planned = planList('products', { where, orderBy }, connection)
	if (!planned.ok) throw new Error(planned.message)
	const identity = { instanceId: 1, path: planned.plan.path, where, orderBy }
	const ids: number[] = []
	const totals: (number | null)[] = []
	let place = positionAt(0)
	for (let page = 0; page < 60; page++) {
		const read = await readPage(client, planned.plan, place, size, page === 0)
		if ('item' in read) throw new Error('no list')
		expect(read.list.length).toBeLessThanOrEqual(size)
		ids.push(...read.list.map((row) => (row as { id: number }).id))
		totals.push(read.total)
		if (read.next === null) return { ids, totals, requests: client.requests, pages: page + 1 }
		place = parseHubToken(identity, formatHubToken(identity, size, read.next)).position
	}
	throw new Error('pages without an end')
}

/** Page `number` of `size` by its number. */
async function readNumbered({ connection, client }: Shop, number: number, size: number): Promise<number[]> {
	const planned = planList('products', { where: null, orderBy: null }, connection)
	if (!planned.ok) throw new Error(planned.message)
	const read = await readPage(client, planned.plan, positionAt((number - 1) * size), size, true)
	if ('item' in read) throw new Error('no list')
	return read.list.map((row) => (row as { id: number }).id)
}

const DEVIATIONS: [string, Fault[]][] = [
	['does as asked', []],
	['gives ten rows whatever is asked', [{ rowsAlways: 10 }]],
	['gives at most ten rows', [{ rowsAtMost: 10 }]],
	['gives at most seven rows', [{ rowsAtMost: 7 }]],
	['gives the whole list', [{ wholeList: true }]],
	['ignores offset', [{ ignores: ['offset'] }]],
	['ignores page', [{ ignores: ['page'] }]],
	['ignores offset and gives ten rows', [{ ignores: ['offset'] }, { rowsAlways: 10 }]],
	['ignores offset and gives at most ten rows', [{ ignores: ['offset'] }, { rowsAtMost: 10 }]],
	['ignores page and gives ten rows', [{ ignores: ['page'] }, { rowsAlways: 10 }]],
	['shows a row twice', [{ repeat: {} }]],
	['pins a row to each page', [{ pin: {} }]],
	['pins a row to the first page', [{ pin: { firstPageOnly: true } }]],
	['pins a row and gives at most ten', [{ pin: {} }, { rowsAtMost: 10 }]],
	['pins a row and ignores offset', [{ pin: {} }, { ignores: ['offset'] }]],
	['names no total', [{ total: 'absent' }]],
	['names a total with a decimal', [{ total: 'decimal' }]],
	['names its total twice', [{ total: 'doubled' }]],
	['names two totals', [{ total: 'contradictory' }]],
	['names a total below its rows', [{ total: 'below-rows' }]],
	['names a total in words', [{ total: 'many' }]],
	['names a total that is too large', [{ total: 7 }]],
	['names no total and gives ten rows', [{ total: 'absent' }, { rowsAlways: 10 }]],
	['names no total and gives at most ten rows', [{ total: 'absent' }, { rowsAtMost: 10 }]],
	['names no total and gives the whole list', [{ total: 'absent' }, { wholeList: true }]],
	['names no total and ignores offset', [{ total: 'absent' }, { ignores: ['offset'] }]],
	['names a total below its rows and gives ten', [{ total: 'below-rows' }, { rowsAlways: 10 }]],
]

const OTHER_ORDERS: [string, Fault[]][] = [
	['has the oldest first', [{ sorts: 'id-asc' }]],
	['has an order of its own', [{ sorts: 'shuffled' }]],
	['has an order of its own and gives ten rows', [{ sorts: 'shuffled' }, { rowsAlways: 10 }]],
	['orders by creation instead of id', [{ sorts: 'created' }]],
]

describe('§8.22 pages of a store that', () => {
	test.each([...DEVIATIONS, ...OTHER_ORDERS])('%s have every record once', async (_name, faults) => {
		for (const size of [2, 5, 12, 35, 100]) {
			if (size === 2 && _name === 'pins a row and ignores offset') continue
			const { ids, requests, pages } = await readAll(openShop(faults), size)
			expect(new Set(ids).size, `all in pages of ${size}`).toBe(35)
			expect(ids, `once in pages of ${size}`).toHaveLength(35)
			expect(requests).toBeLessThan(12 + pages * 12)
		}
	})

	test.each(DEVIATIONS.filter(([name]) => !/pins a row and|ignores offset and gives ten/.test(name)))(
		'%s have every record once in an order without keys',
		async (_name, faults) => {
			for (const size of [5, 12, 100]) {
				const { ids } = await readAll(openShop(faults), size, { orderBy: 'name' })
				expect(new Set(ids).size, `all in pages of ${size}`).toBe(35)
				expect(ids, `once in pages of ${size}`).toHaveLength(35)
			}
		},
	)

	test.each(DEVIATIONS)('%s have every match once where the hub filters', async (_name, faults) => {
		for (const size of [5, 12]) {
			const { ids } = await readAll(openShop(faults), size, { where: "name != 'x'" })
			expect(new Set(ids).size, `all in pages of ${size}`).toBe(35)
			expect(ids, `once in pages of ${size}`).toHaveLength(35)
		}
	})

	test.each(DEVIATIONS.filter(([name]) => !/ignores page|gives ten|pins a row and/.test(name)))(
		'%s are the same by their numbers',
		async (_name, faults) => {
			const all = await readAll(openShop([]), 35)
			for (const size of [5, 12]) {
				const found: number[] = []
				for (let number = 1; number <= Math.ceil(35 / size); number++)
					found.push(...(await readNumbered(openShop(faults), number, size)))
				expect(found, `pages of ${size}`).toEqual(all.ids)
			}
		},
	)

	const UNCERTAIN: [string, Fault[]][] = [
		[
			'ignores page and offset, names no total, gives ten rows',
			[{ ignores: ['page', 'offset'] }, { total: 'absent' }, { rowsAlways: 10 }],
		],
	]
	test.each(UNCERTAIN)('%s: all records, or 502', async (_name, faults) => {
		for (const size of [2, 5])
			for (const orderBy of [null, 'name']) {
				const read = await readAll(openShop(faults), size, { orderBy }).catch((error: unknown) => error)
				if (read instanceof Error) expect(read).toMatchObject({ status: 502 })
				else expect(new Set((read as Reading).ids).size, `pages of ${size} by ${orderBy}`).toBe(35)
			}
	})

	test('ignores page, or gives ten rows whatever is asked: numbered pages are right', async () => {
		const all = await readAll(openShop([]), 35)
		for (const faults of [
			[{ ignores: ['page'] }],
			[{ rowsAlways: 10 }],
			[{ ignores: ['page'] }, { total: 'absent' }],
		] as Fault[][])
			for (const number of [2, 4])
				expect(await readNumbered(openShop(faults), number, 5)).toEqual(all.ids.slice((number - 1) * 5, number * 5))
	})

	test('ignores offset and page: 502 that says so', async () => {
		for (const faults of [[], [{ total: 'absent' }], [{ rowsAlways: 10 }]] as Fault[][]) {
			for (const orderBy of [null, 'name'])
				await expect(
					readAll(openShop([{ ignores: ['offset', 'page'] }, ...faults]), 12, { orderBy }),
				).rejects.toMatchObject({
					status: 502,
					message: expect.stringMatching(/ignores the parameters offset and page in its list products/),
				})
		}
		await expect(readAll(openShop([{ ignores: ['offset', 'page'] }], 250), 200)).rejects.toMatchObject({ status: 502 })
	})

	test('ignores an order that the caller chose: 502 that names it', async () => {
		await expect(readAll(openShop([{ sorts: 'shuffled' }]), 12, { orderBy: 'id' })).rejects.toMatchObject({
			status: 502,
			message: expect.stringMatching(/ignores the order .*orderby=id, order=asc/),
		})
	})

	test('names a total below its rows: the hub names none', async () => {
		const { totals } = await readAll(openShop([{ total: 'below-rows' }]), 12)
		expect(new Set(totals)).toEqual(new Set([null]))
		expect((await readAll(openShop([]), 12)).totals).toEqual([35, 35, 35])
	})

	test('names a total of millions end', async () => {
		for (const orderBy of [null, 'name']) {
			const { ids, pages } = await readAll(openShop([{ total: '9000000' }]), 12, { orderBy })
			expect(ids).toHaveLength(35)
			expect(pages).toBeLessThan(6)
		}
	})

	test('does as asked cost what they did', async () => {
		const shop = openShop([], 250)
		expect(await readAll(shop, 200)).toMatchObject({ requests: 5, pages: 2 })
	})
})

test("§8.23 an object's address that gives another object is 502 that names both", async () => {
	const { client } = openShop([])
	const [id, other] = (await readAll(openShop([]), 35)).ids as [number, number]
	expect(await readItem(client, `products/${id}`)).toMatchObject({ id })
	expect(await readItem(client, `products/0${id}`)).toMatchObject({ id })
	const wrong = openShop([{ poison: { id, as: 'another' } }])
	await expect(readItem(wrong.client, `products/${id}`)).rejects.toMatchObject({
		status: 502,
		message: expect.stringMatching(new RegExp(`product.*${id}.* object \\d+`)),
	})
	expect(await readItem(wrong.client, `products/${other}`)).toMatchObject({ id: other })
})

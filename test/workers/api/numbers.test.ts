/** Numbers pass through the calls as stores and callers write them, and odd shapes of lists come out clean (docs/contract.md §8.20, §8.21). */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { API_BASE, instanceBodyForStore, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { sampleEventRow } from './support.ts'

const BIG = '7615917337495251231'
const BASE = '9223372036854000000'

let store: SimulatedStore
let client: ApiClient
let authorization: string
/** Answers instead of the store; null: the store does. */
let answerInstead: (request: Request) => Promise<Response | null>

beforeEach(async () => {
	await resetDatabase()
	answerInstead = async () => null
	store = createStore({
		objects: { orders: 3, products: 130, coupons: 3, customers: 3 },
		url: 'https://shop.example.com',
		now: () => Date.parse('2026-06-01T12:00:00Z'),
	})
	client = await startApiWorld(
		async (request) => (await answerInstead(request.clone())) ?? (await store.fetch(request)),
	)
	const { body } = await client.call('POST', '/instances', instanceBodyForStore(store))
	authorization = `User ${client.userSecret}, Element ${body.token}`
})

/** A call's answer as text. */
async function getText(path: string, method = 'GET', body?: string): Promise<{ text: string; headers: Headers }> {
	const headers = { Authorization: authorization, ...(body !== undefined && { 'Content-Type': 'application/json' }) }
	const response = await client.send(
		new Request(`${API_BASE}${path}`, { method, headers, ...(body !== undefined && { body }) }),
	)
	expect(response.status).toBe(200)
	return { text: await response.text(), headers: response.headers }
}

/** Without what differs from one read to the next. */
const withFields = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}fields=id,name,price,meta_data`

const firstProduct = (): number => [...store.state('products').keys()][0]!

describe('numbers at the hub', () => {
	test('§8.20 are those of the store in one record, in lists, with fields and without nulls', async () => {
		const id = firstProduct()
		const meta_data = [
			{ key: 'feed_id', value: `@number:${BIG}` },
			{ key: 'ratio', value: '@number:1.10' },
			{ key: 'far', value: '@number:1e400' },
			{ key: 'none', value: null },
		]
		store.act({ do: 'edit', resource: 'products', id, set: { meta_data } })
		for (const path of [`/products/${id}`, '/products?pageSize=200', `/products/${id}?fields=id,meta_data`]) {
			const { text } = await getText(path)
			expect(text).toContain(`"value":${BIG}}`)
			expect(text).toContain('"value":1.10}')
			expect(text).toContain('"value":1e400}')
		}
	})

	test('§8.20 are compared digit by digit', async () => {
		const [first, second] = [...store.state('products').keys()]
		answerInstead = async (request) => {
			if (!new URL(request.url).pathname.endsWith('/wc/v3/feeds')) return null
			const rows = [
				[first, BIG],
				[second, '7615917337495251232'],
			].map(([id, feed]) => `{"id":${id},"feed":${feed}}`)
			return new Response(`[${rows.join(',')}]`, { headers: { 'x-wp-total': '2' } })
		}
		const idsWhere = async (where: string): Promise<number[]> =>
			(JSON.parse((await getText(`/feeds?where=${encodeURIComponent(where)}`)).text) as { id: number }[]).map(
				({ id }) => id,
			)
		expect(await idsWhere(`feed = '${BIG}'`)).toEqual([first])
		expect(await idsWhere(`feed > '${BIG}'`)).toEqual([second])
		expect(await idsWhere(`feed != '${BIG}'`)).toEqual([second])
		expect(await idsWhere(`feed IN ('7615917337495251232','1')`)).toEqual([second])
	})

	test('§8.20 of a body reach the store as they were written, and those of its answer the caller', async () => {
		const received: string[] = []
		answerInstead = async (request) => {
			if (request.method === 'GET') return null
			received.push(await request.text())
			return new Response(`{"id":${BIG},"price":1.10}`, { status: request.method === 'POST' ? 201 : 200 })
		}
		const body = `{"meta_data":[{"key":"feed_id","value":${BIG}},{"key":"r","value":1.10}]}`
		expect((await getText('/products', 'POST', body)).text).toBe(`{"id":${BIG},"price":1.10}`)
		expect((await getText(`/products/${BIG}`, 'PATCH', body)).text).toBe(`{"id":${BIG},"price":1.10}`)
		expect(received).toEqual([body, body])
	})

	test('§8.20 ids beyond 2^53 name objects, and order pages', async () => {
		store.setFaults({ idBase: BASE, match: '/products' })
		const id = String(BigInt(BASE) + BigInt(firstProduct()))
		expect((await getText(`/products/${id}`)).text).toMatch(new RegExp(`^\\{"id":${id},`))
		const seen: string[] = []
		for (let next = ''; ;) {
			const { text, headers } = await getText(`/products?pageSize=40&fields=id&nextPage=${next}`)
			seen.push(...text.matchAll(/"id":(\d+)/g).map(([, found]) => found!))
			next = headers.get('Elements-Next-Page-Token') ?? ''
			if (next === '') break
		}
		expect(seen).toEqual(
			[...store.state('products').keys()]
				.filter((one) => store.state('products').get(one)!['status'] !== 'trash')
				.sort((a, b) => b - a)
				.map((one) => String(BigInt(BASE) + BigInt(one))),
		)
	})
})

describe('numbers elsewhere', () => {
	test('§4.6 of a posted message are kept', async () => {
		const message = `{"id":${BIG},"ratio":1.10}`
		const response = await client.send(
			new Request(`${API_BASE}/notifications`, {
				method: 'POST',
				headers: {
					Authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}`,
					'Content-Type': 'application/json',
				},
				body: `{"topic": "stock.low", "message": ${message}}`,
			}),
		)
		expect(await response.text()).toContain(`"message":${message}`)
	})

	test('§4.6 of a record are kept in the log and in what was sent', async () => {
		const record = `{"id":${BIG},"ratio":1.10}`
		const instanceId = 1
		const row = { ...sampleEventRow(instanceId, 1, 0), record, objectId: BIG }
		const id = instanceId * 1e9 + 1
		row.notifications = [{ id, status: 'delivered', createdMs: 0, updatedMs: 0 }]
		client.world.watchers.events.set(instanceId, [row])
		client.world.watchers.notifications.set(instanceId, [
			{
				id,
				subscription: instanceId,
				url: 'https://hook.example.com/',
				objectType: 'products',
				events: 1,
				status: 'delivered',
				createdMs: 0,
				updatedMs: 0,
				deliveredMs: 0,
				nextTryMs: null,
				attempts: 1,
				acknowledged: false,
				body: `{"message":{"raw":{"products":[${record}]}}}`,
			},
		])
		const { text } = await getText('/instances/events/dispositions')
		expect(text).toContain(`"raw":{"products":[${record}]}`)
		const log = JSON.parse((await getText('/instances/events')).text) as { providerData: string; objectId: string }[]
		expect(log).toMatchObject([{ providerData: record, objectId: BIG }])
		expect((await getText(`/instances/events?objectId=${BIG}`)).text).toContain(BIG)
	})
})

describe('answers of the store with more around them, or in another shape', () => {
	test.each([
		{ notice: true },
		{ bom: 3 },
		{ comment: true },
		{ listAsObject: true },
		{ listAsObject: true, bom: 2, notice: true, comment: true },
	])('§8.21 %j: lists and records come out clean', async (fault) => {
		const [list, one] = ['/products?pageSize=3', `/products/${firstProduct()}`].map((path) => withFields(path))
		const expected = [(await getText(list!)).text, (await getText(one!)).text]
		store.setFaults(fault)
		expect([(await getText(list!)).text, (await getText(one!)).text]).toEqual(expected)
	})

	test('§8.21 an error behind a notice is the store’s own, and what is not certain is a 502', async () => {
		store.setFaults({ notice: true })
		const missing = await client.call('GET', '/products/99999999', undefined, { authorization })
		expect([missing.status, missing.body.providerMessage]).toEqual([404, 'Invalid ID.'])
		store.setFaults({ notice: '[{"id":1}]\n' })
		const unsure = await client.call('GET', '/products', undefined, { authorization })
		expect(unsure.status).toBe(502)
	})
})

/** Stores that show different sets of objects in turn, or another collection: nothing is invented without end, and health says so. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { changeProducts, deviantWorld, getLimits } from '../../../support/deviant-stories.ts'
import { arrivalsSince, DAY_MS, HOUR_MS, liveIds, MINUTE_MS } from '../../../support/stories.ts'
import type { World } from '../../../support/world.ts'

/** Without signatures, so that queries can be rewritten. */
const url = 'https://shop.example.com'

type Record = { id: number; [name: string]: unknown }
interface Call {
	request: Request
	/** Of a read by id; null: a list. */
	id: number | null
	number: number
	ask: (request: Request) => Promise<Response>
}

/** What stands between the store and Shopbell, for reads of products. */
function intercept(store: World['store'], answer: (call: Call) => Promise<Response>): () => void {
	const ask = store.fetch.bind(store)
	let number = 0
	store.fetch = (request: Request) => {
		const match = /\/wc\/v3\/products(?:\/(\d+))?$/.exec(new URL(request.url).pathname)
		if (request.method !== 'GET' || match === null) return ask(request)
		const id = match[1] === undefined ? null : Number(match[1])
		return answer({ request, id, number: ++number, ask })
	}
	return () => {
		store.fetch = ask
	}
}

/** All rows of a list, filtered, and then paged as it was asked for. */
async function listOf({ request, ask }: Call, change: (rows: Record[]) => Record[]): Promise<Response> {
	const asked = new URL(request.url).searchParams
	const rows: Record[] = []
	let response: Response
	do {
		const whole = new URL(request.url)
		whole.searchParams.set('per_page', '100')
		whole.searchParams.set('offset', String(rows.length))
		response = await ask(new Request(whole, request))
		if (response.status !== 200) return response
		const shown: Record[] = await response.clone().json()
		rows.push(...shown)
	} while (rows.length > 0 && rows.length % 100 === 0 && rows.length < Number(response.headers.get('x-wp-total')))
	const changed = change(rows)
	const offset = Number(asked.get('offset') ?? 0)
	const headers = new Headers(response.headers)
	headers.delete('content-length')
	headers.set('x-wp-total', String(changed.length))
	const page = changed.slice(offset, offset + Number(asked.get('per_page') ?? 10))
	return new Response(JSON.stringify(page), { status: 200, headers })
}

const notFound = (): Promise<Response> =>
	Promise.resolve(
		Response.json({ code: 'woocommerce_rest_product_invalid_id', message: 'Invalid ID.' }, { status: 404 }),
	)

const limitText = (world: World): string =>
	getLimits(world)
		.map(({ message }) => message)
		.join(' ')

describe('two sets of products in turn', () => {
	const isOften = ({ id }: { id: number }): boolean => id % 4 !== 0

	test('with each request: nothing is invented, and deletions are found within a day', async () => {
		const world = await deviantWorld(
			{
				faults: () => [],
				products: 60,
				options: {
					store: { url },
					prepare: (store) =>
						void intercept(store, (call) =>
							call.id === null
								? listOf(call, (rows) => (call.number % 2 === 0 ? rows.filter(isOften) : rows))
								: call.ask(call.request),
						),
				},
			},
			false,
		)
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		const expected = changeProducts(world, 8)
		await world.advance(26 * HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
		expect(limitText(world)).toMatch(/two different lists of products in turn|no total that can be used/)
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
	})

	test('with each request, of which the baseline saw one: deletions of the other are sent too', async () => {
		const world = await deviantWorld({ faults: () => [{ hides: 4, every: 2 }], products: 60 })
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		const ids = liveIds(world, 'products').filter((id) => id % 4 === 0)
		for (const id of ids.slice(0, 3)) world.store.act({ do: 'delete', resource: 'products', id })
		await world.advance(26 * HOUR_MS)
		const expected = ids.slice(0, 3).map((id) => `DELETED products ${id}`)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	})

	test.each([7, 90])(
		'for %i minutes each, by their ids too: what comes and goes is sent a few times',
		async (minutes) => {
			const world = await deviantWorld({ faults: () => [], products: 60, options: { store: { url } } })
			const isRare = (id: number): boolean => id % 13 === 0
			intercept(world.store, (call) => {
				if (Math.floor(world.nowMs / (minutes * MINUTE_MS)) % 2 === 0) return call.ask(call.request)
				if (call.id !== null && isRare(call.id)) return notFound()
				return call.id === null ? listOf(call, (rows) => rows.filter(({ id }) => !isRare(id))) : call.ask(call.request)
			})
			await world.advance(DAY_MS)
			const { length } = world.arrivals
			expect(length).toBeLessThanOrEqual(4 * liveIds(world, 'products').filter(isRare).length)
			expect(limitText(world)).toContain('two different lists of products in turn')
			await world.advance(DAY_MS)
			expect(arrivalsSince(world, length)).toEqual([])
		},
	)

	test('rows that have no address of their own, in every third answer: each is sent once at most', async () => {
		const world = await deviantWorld({ faults: () => [], products: 60, options: { store: { url } } })
		intercept(world.store, (call) => {
			if (call.id !== null && call.id > 90_000) return notFound()
			if (call.id !== null || call.number % 3 !== 0) return call.ask(call.request)
			return listOf(call, (rows) =>
				rows.flatMap((row) => (row.id % 9 === 0 ? [row, { ...row, id: row.id + 90_000, type: 'variation' }] : [row])),
			)
		})
		await world.advance(DAY_MS)
		const arrived = arrivalsSince(world)
		expect(arrived.length).toBe(new Set(arrived).size)
	})
})

test.each(['orders', 'terms'])('%s in place of products for twenty minutes: nothing is sent of it', async (kind) => {
	const world = await deviantWorld({
		faults: () => [],
		products: 60,
		options: { store: { url, objects: { orders: 30, products: 60, coupons: 0, customers: 0 } } },
	})
	const end = intercept(world.store, (call) =>
		call.id !== null
			? call.ask(call.request)
			: kind === 'orders'
				? call.ask(new Request(call.request.url.replace('/products', '/orders'), call.request))
				: listOf(call, (rows) => rows.map((_, index) => ({ id: 5_000 + index, name: 'Term', count: 3 }))),
	)
	await world.advance(10 * MINUTE_MS)
	const expected = changeProducts(world, 8)
	await world.advance(10 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([])
	expect(limitText(world)).toMatch(/(orders|unknown objects) in place of known ones/)
	end()
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
})

test('lists of the newest hundred ids alone, whose total says so: what they lacked is not new', async () => {
	const newest = (call: Call): Promise<Response> =>
		listOf(call, (rows) => {
			const shown = new Set(
				rows
					.map(({ id }) => id)
					.toSorted((a, b) => b - a)
					.slice(0, 100),
			)
			return rows.filter(({ id }) => shown.has(id))
		})
	const world = await deviantWorld(
		{
			faults: () => [],
			products: 150,
			options: {
				store: { url },
				pollIntervalMs: 20 * MINUTE_MS,
				prepare: (store) => void intercept(store, (call) => (call.id === null ? newest(call) : call.ask(call.request))),
			},
		},
		false,
	)
	const ids = liveIds(world, 'products').slice(0, 8)
	for (const id of ids) world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lamp' } })
	await world.advance(DAY_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(ids.map((id) => `UPDATED products ${id}`).toSorted())
})

test('a catalogue that is replaced at once is sent: deletions and creations', async () => {
	const world = await deviantWorld({ faults: () => [], products: 12 })
	for (const id of world.store.state('products').keys()) world.store.act({ do: 'delete', resource: 'products', id })
	for (let index = 0; index < 12; index++) world.store.act({ do: 'create', resource: 'products' })
	await world.advance(15 * MINUTE_MS)
	expect(arrivalsSince(world)).toHaveLength(24)
})

test.each([
	['an hour ahead in every other answer', (number: number) => (number % 2) * HOUR_MS],
	['a day back in every third answer', (number: number) => (number % 3 === 0 ? -DAY_MS : 0)],
])('a Date that is %s', async (_, getSkewMs) => {
	const world = await deviantWorld({ faults: () => [], products: 60, options: { store: { url } } })
	intercept(world.store, async (call) => {
		const response = await call.ask(call.request)
		const headers = new Headers(response.headers)
		headers.set('date', new Date(world.nowMs + getSkewMs(call.number)).toUTCString())
		return new Response(response.body, { status: response.status, headers })
	})
	await world.advance(HOUR_MS)
	const expected = changeProducts(world, 8)
	await world.advance(30 * MINUTE_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
})

/** Stores whose lists answer otherwise than asked: all changes are found nevertheless, within the time of the strategy, and health says which. */
import { describe, expect, test } from 'vitest'
import {
	changeProducts,
	deviantWorld,
	expectDeviantStory,
	getLimits,
	type DeviantStory,
} from '../../../support/deviant-stories.ts'
import type { SimulatedStore } from '../../../store/store.ts'
import type { World } from '../../../support/world.ts'
import { arrivalsSince, DAY_MS, getResourceState, HOUR_MS, MINUTE_MS } from '../../../support/stories.ts'

/** By then a whole pass has read everything. */
const PASS_MS = 2 * HOUR_MS

const STORIES: Record<string, DeviantStory> = {
	'orderby=modified is ignored, the newest ids come first': {
		faults: () => [{ ignores: ['orderby=modified'] }],
		withinMs: PASS_MS,
		limit: /sort/,
	},
	'one order of its own for every list': { faults: () => [{ sorts: 'shuffled' }], withinMs: PASS_MS, limit: /sort/ },
	'every list in the order of creation': { faults: () => [{ sorts: 'created' }], withinMs: PASS_MS, limit: /sort/ },
	'another order each time': {
		faults: () => [{ sorts: 'random' }],
		withinMs: PASS_MS,
		limit: /sort/,
		moreRequests: 120,
	},
	'ascending is ignored': { faults: () => [{ ignores: ['order'] }], withinMs: PASS_MS, limit: /./ },
	'every list is the whole collection': {
		faults: () => [{ wholeList: true }],
		withinMs: PASS_MS,
		limit: /./,
	},
	'every list is the whole collection in an order of its own': {
		faults: () => [{ wholeList: true, sorts: 'shuffled' }],
		withinMs: PASS_MS,
		limit: /./,
	},
	'bounds are ignored': { faults: () => [{ ignores: ['bounds'] }], withinMs: PASS_MS, limit: /modified_after/ },
	'dates_are_gmt has no effect, west of Greenwich': {
		faults: () => [{ ignores: ['dates_are_gmt'] }],
		withinMs: PASS_MS,
		limit: /./,
	},
	'dates_are_gmt has no effect, east of Greenwich': {
		faults: () => [{ ignores: ['dates_are_gmt'] }],
		options: { store: { zone: 'Asia/Kolkata' } },
		withinMs: PASS_MS,
		limit: /^$|modified_after/,
	},
	'offset is ignored, 250 products': {
		faults: () => [{ ignores: ['offset'] }],
		products: 250,
		withinMs: PASS_MS,
		limit: /offset/,
	},
	'page is ignored, 250 products': {
		faults: () => [{ ignores: ['page'] }],
		products: 250,
		withinMs: 15 * MINUTE_MS,
		limit: null,
	},
	'ten rows whatever is asked': {
		faults: () => [{ rowsAlways: 10 }],
		products: 35,
		edits: 5,
		withinMs: PASS_MS,
		limit: /10/,
	},
	'ten rows whatever is asked, 120 products': { faults: () => [{ rowsAlways: 10 }], withinMs: PASS_MS, limit: /10/ },
	'at most 20 rows': { faults: () => [{ rowsAtMost: 20 }], withinMs: PASS_MS, limit: /20/ },
	'more than 50 rows are refused': { faults: () => [{ rowsRefusedAbove: 50 }], withinMs: PASS_MS, limit: /^$|50/ },
	'one pinned row more than asked': { faults: () => [{ pin: {} }], withinMs: PASS_MS, limit: /./ },
	'one pinned row more than asked, on the first page': {
		faults: () => [{ pin: { firstPageOnly: true } }],
		withinMs: PASS_MS,
		limit: /./,
	},
	'a pinned row in place of another': { faults: () => [{ pin: { inPlace: true } }], withinMs: PASS_MS, limit: /./ },
	'status=trash is ignored': { faults: () => [{ ignores: ['status'] }], withinMs: PASS_MS, limit: /^$|trash/ },
	'a row twice on each page': { faults: () => [{ repeat: {} }], withinMs: PASS_MS, limit: null },
	'a row twice, counted twice': {
		faults: (ids) => [{ repeat: { id: ids[7]!, beforePaging: true } }],
		withinMs: PASS_MS,
		limit: null,
	},
	'unknown parameters are refused': {
		faults: () => [{ refusesUnknown: 400 }],
		withinMs: 15 * MINUTE_MS,
		limit: null,
	},
	'the total 120.0': { faults: () => [{ total: 'decimal' }], withinMs: 15 * MINUTE_MS, limit: null },
	'the total twice': { faults: () => [{ total: 'doubled' }], withinMs: 15 * MINUTE_MS, limit: null },
	'two totals': { faults: () => [{ total: 'contradictory' }], withinMs: DAY_MS, limit: /total/ },
	'no total': { faults: () => [{ total: 'absent' }], withinMs: DAY_MS, limit: /total/ },
	'a total below the rows': { faults: () => [{ total: 'below-rows' }], withinMs: DAY_MS, limit: /total/ },
	'a total that is too high': { faults: () => [{ total: 7 }], withinMs: DAY_MS, limit: null },
	'a total that is no number': { faults: () => [{ total: 'about 120' }], withinMs: DAY_MS, limit: /total/ },
}

describe('a store answers lists otherwise than asked, and each change arrives once', () => {
	test.each(Object.keys(STORIES))('%s', async (name) => {
		await expectDeviantStory(STORIES[name]!)
	})
})

test('1,120 products, a total with a comma: a deletion is found as at other stores', async () => {
	await expectDeviantStory({
		faults: () => [{ total: 'thousands' }],
		products: 1120,
		withinMs: 30 * MINUTE_MS,
		limit: null,
	})
})

test('page and offset ignored: the requests are bounded, the newest are read, and health says what is out of reach', async () => {
	const world = await deviantWorld({ faults: () => [{ ignores: ['page', 'offset'] }], products: 250 })
	const before = world.store.requests
	await world.advance(2 * HOUR_MS)
	expect(world.store.requests - before).toBeLessThan(150)
	expect(getLimits(world)).not.toEqual([])
	expect(arrivalsSince(world)).toEqual([])
	const expected = changeProducts(world)
	await world.advance(2 * HOUR_MS)
	const arrived = arrivalsSince(world)
	expect(arrived.length).toBe(new Set(arrived).size)
	expect(expected).toEqual(expect.arrayContaining(arrived))
	expect(arrived).toContain(expected.find((event) => event.startsWith('CREATED')))
})

test('hardly anything works: health says so of that resource, and the others go on', async () => {
	const world = await deviantWorld({
		faults: () => [{ ignores: ['page', 'offset', 'bounds'], sorts: 'random', rowsAlways: 7, total: 'absent' }],
		options: {
			resources: undefined as never,
			store: { objects: { orders: 20, products: 250, coupons: 5, customers: 5 } },
		},
	})
	expect(getLimits(world).length + Number(getResourceState(world, 'products').error !== null)).toBeGreaterThan(0)
	const [order] = world.store.act({ do: 'place-order' })
	await world.advance(10 * MINUTE_MS)
	expect(arrivalsSince(world)).toContain(`CREATED orders ${order!.id}`)
})

/** Products, and a store that answers their lists through `answer`. */
async function worldWithLists(
	answer: (request: Request, fetch: SimulatedStore['fetch']) => Promise<Response>,
): Promise<World> {
	const prepare = (store: SimulatedStore): void => {
		const fetch = store.fetch.bind(store)
		store.fetch = (request) =>
			new URL(request.url).pathname.endsWith('/products') ? answer(request, fetch) : fetch(request)
	}
	const options = { prepare, store: { url: 'https://shop.example.com' } }
	return await deviantWorld({ faults: () => [], products: 60, options }, false)
}

test('a list with modified_after is refused with 400: no product is said to be unreadable, and trashed ones are sent', async () => {
	const world = await worldWithLists(async (request, fetch) =>
		request.url.includes('modified_after=')
			? Response.json({ code: 'rest_invalid_param', message: 'Invalid parameter(s): modified_after' }, { status: 400 })
			: fetch(request),
	)
	const expected = changeProducts(world)
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	expect(getLimits(world).map(({ code }) => code)).toEqual(['modified-after'])
})

test('featured products stand first in every list: the newest of the others is not CREATED', async () => {
	const world = await worldWithLists(async (request, fetch) => {
		const url = new URL(request.url)
		const { searchParams } = url
		const [limit, offset] = [Number(searchParams.get('per_page') ?? 10), Number(searchParams.get('offset') ?? 0)]
		searchParams.set('per_page', '100')
		searchParams.delete('offset')
		const whole = await fetch(new Request(url, request))
		const rows = (await whole.json()) as { id: number }[]
		const featured = new Set(
			rows
				.map(({ id }) => id)
				.toSorted((a, b) => a - b)
				.slice(0, 12),
		)
		const sorted = [...rows.filter(({ id }) => featured.has(id)), ...rows.filter(({ id }) => !featured.has(id))]
		const headers = new Headers(whole.headers)
		headers.delete('content-length')
		return new Response(JSON.stringify(sorted.slice(offset, offset + limit)), { headers })
	})
	expect(arrivalsSince(world)).toEqual([])
})

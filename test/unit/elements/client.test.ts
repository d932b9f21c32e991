import { describe, expect, it } from 'vitest'
import { openClient, parseCount } from '../../../src/elements/woocommerce/client.ts'
import { DENVER, ioOf, json, NOW, recorded, resource, responseOf } from './support.ts'
import type { Connection, ListQuery, Resource } from '../../../src/elements/store.ts'

const CREDENTIALS = { storeUrl: DENVER.home, key: 'ck_public', secret: 'cs_hidden' }
const answers = recorded('answers')

function answer(name: string): Response {
	const one = answers[name]
	if (one === undefined) throw new Error(`no recording ${name}`)
	return responseOf(one)
}

/** The address that a list asks. */
async function asked(target: Resource, query: Partial<ListQuery>, connection: Connection = DENVER): Promise<string> {
	const io = ioOf(() => json([], 200, { 'x-wp-total': '0' }))
	await openClient(connection, CREDENTIALS, io).list(target, { order: 'id-asc', limit: 100, ...query })
	return decodeURIComponent((io.asked[0]?.url ?? '').replace('https://shop.example/wp-json/wc/v3/', ''))
}

describe('requests', () => {
	it('1.4 carry Basic over https, ask for JSON and fresh answers, and say who asks §11.5', async () => {
		const io = ioOf(() => json([], 200, { 'x-wp-total': '0' }))
		const client = openClient(DENVER, CREDENTIALS, io)
		await client.list(resource('/orders'), { order: 'id-asc', limit: 1 })
		const headers = io.asked[0]?.headers
		expect(headers?.get('authorization')).toBe(`Basic ${btoa('ck_public:cs_hidden')}`)
		expect(headers?.get('accept')).toBe('application/json')
		expect(headers?.get('cache-control')).toBe('no-cache')
		expect(headers?.get('user-agent')).toBe('Shopbell/0 (+https://bell.example)')
		expect(client.requests).toBe(1)
	})

	it('1.4 carry key and secret in the query only where that is the way in', async () => {
		const io = ioOf(() => json([], 200, { 'x-wp-total': '0' }))
		await openClient({ ...DENVER, auth: 'query' }, CREDENTIALS, io).list(resource('/orders'), {
			order: 'id-asc',
			limit: 1,
		})
		const url = new URL(io.asked[0]?.url ?? '')
		expect(url.searchParams.get('consumer_secret')).toBe('cs_hidden')
		expect(io.asked[0]?.headers.get('authorization')).toBeNull()
	})

	it('1.7 go by the store’s clock when a signature’s time was refused', async () => {
		const ahead = NOW + 3_600_000
		const io = ioOf((_request, url) => {
			const fits = Math.abs(Number(url.searchParams.get('oauth_timestamp')) * 1000 - ahead) < 900_000
			return fits
				? json([], 200, { 'x-wp-total': '0', date: new Date(ahead).toUTCString() })
				: json({ code: 'woocommerce_rest_authentication_error', message: 'Invalid timestamp.' }, 401, {
						date: new Date(ahead).toUTCString(),
					})
		})
		const client = openClient(
			{ ...DENVER, auth: 'oauth1', home: 'http://shop.example', root: 'http://shop.example/wp-json/' },
			CREDENTIALS,
			io,
		)
		expect(await client.list(resource('/orders'), { order: 'id-asc', limit: 1 })).toMatchObject({
			ok: true,
			storeNowMs: ahead,
		})
		expect(client.requests).toBe(2)
		await client.list(resource('/orders'), { order: 'id-asc', limit: 1 })
		expect(client.requests).toBe(3)
	})
})

describe('lists', () => {
	it('3 orders, products and coupons are ordered by the modified date', async () => {
		for (const path of ['orders', 'products'])
			expect(await asked(resource(`/hubs/ecommerce/${path}`), { order: 'modified-desc', limit: 10 })).toBe(
				`${path}?orderby=modified&order=desc&per_page=10`,
			)
		expect(await asked(resource('/hubs/ecommerce/discounts'), { order: 'modified-asc' })).toBe(
			'coupons?orderby=modified&order=asc&per_page=100',
		)
	})

	it('3.2 modified bounds go without zone suffix, beside dates_are_gmt=true', async () => {
		const from = Date.parse('2026-06-15T11:59:59Z') / 1000
		expect(
			await asked(resource('/orders'), { order: 'modified-asc', modifiedAfterSec: from, modifiedBeforeSec: from + 2 }),
		).toBe(
			'orders?orderby=modified&order=asc&per_page=100&modified_after=2026-06-15T11:59:59&modified_before=2026-06-15T12:00:01&dates_are_gmt=true',
		)
	})

	it('3 the trash is listed by status, with the modified filter', async () => {
		expect(await asked(resource('/orders'), { order: 'modified-desc', trashed: true, modifiedAfterSec: 0 })).toBe(
			'orders?orderby=modified&order=desc&per_page=100&status=trash&modified_after=1970-01-01T00:00:00&dates_are_gmt=true',
		)
	})

	it('3 customers are of every role, by id, without date filters', async () => {
		expect(await asked(resource('/customers'), { order: 'modified-desc', modifiedAfterSec: 5, trashed: true })).toBe(
			'customers?role=all&orderby=id&order=desc&per_page=100',
		)
	})

	it('3.9 terms, taxes and reviews go by id with an offset', async () => {
		expect(await asked(resource('/hubs/ecommerce/products-categories'), { offset: 99 })).toBe(
			'products/categories?orderby=id&order=asc&per_page=100&offset=99',
		)
		expect(await asked(resource('/taxes'), { order: 'id-desc', limit: 5 })).toBe(
			'taxes?orderby=id&order=desc&per_page=5',
		)
		expect(await asked(resource('/products/reviews'), {})).toBe(
			'products/reviews?status=all&orderby=id&order=asc&per_page=100',
		)
	})

	it('one object is asked for only where the where of the url lists it', async () => {
		const listed = async (where: string) => await asked(resource(`/orders?where=${where}`), { onlyId: 5, limit: 1 })
		expect(await listed('id IN (5, 6)')).toContain('include=5')
		expect(await listed('id IN (6, 7)')).toContain('include=6,7')
		expect(await listed("id != '6'")).toContain('include=5')
		expect(await listed("id != '5'")).not.toContain('include')
	})

	it('2.4 a limit stays within 1 and 100', async () => {
		expect(await asked(resource('/orders'), { limit: 250 })).toContain('per_page=100')
		expect(await asked(resource('/orders'), { limit: 0 })).toContain('per_page=1')
	})

	it('2.4 before 5.8 the modified filters are not used, since they are ignored in silence', async () => {
		const old = { ...DENVER, version: '5.5.1' }
		const orders = resource('/orders', {}, old)
		expect(orders.modifiedFilter).toBe(false)
		expect(await asked(orders, { order: 'modified-asc', modifiedAfterSec: 5 }, old)).toBe(
			'orders?orderby=id&order=asc&per_page=100',
		)
		const unsure = {
			...DENVER,
			version: '',
			collections: { orders: { readable: true, highestId: 1, total: 1, args: ['page', 'per_page', 'after'] } },
		}
		expect(resource('/orders', {}, unsure).modifiedFilter).toBe(false)
	})

	it('2.5 totals and the store’s clock come from the headers', async () => {
		const io = ioOf(() =>
			json([{ id: 1 }, { id: 2 }], 200, { 'x-wp-total': '300', date: 'Mon, 23 Nov 2026 16:39:51 GMT' }),
		)
		expect(await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), { order: 'id-asc', limit: 2 })).toEqual({
			ok: true,
			records: [{ id: 1 }, { id: 2 }],
			total: 300,
			storeNowMs: Date.parse('2026-11-23T16:39:51Z'),
			answer: { length: 19, ageSec: null, cachedBy: null, dates: 1, totalText: '300' },
		})
	})

	it('2.2 what caches say is read from the headers', async () => {
		const answerOf = async (headers: Record<string, string>) => {
			const io = ioOf(() => json([], 200, headers))
			const page = await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), { order: 'id-asc', limit: 2 })
			return page.ok ? page.answer : null
		}
		expect(await answerOf({ age: '200', 'x-cache': 'MISS' })).toMatchObject({ ageSec: 200, cachedBy: null })
		expect(await answerOf({ 'cf-cache-status': 'HIT' })).toMatchObject({ cachedBy: 'cf-cache-status: HIT' })
		expect(await answerOf({ 'x-cache': 'Hit from cloudfront' })).toMatchObject({
			cachedBy: 'x-cache: Hit from cloudfront',
		})
		expect(await answerOf({ date: 'Mon, 23 Nov 2026 16:39:51 GMT, Mon, 23 Nov 2026 16:39:52 GMT' })).toMatchObject({
			dates: 2,
		})
	})

	it('a page can be asked by its number and with a parameter that changes', async () => {
		const asked: URL[] = []
		const io = ioOf((request) => {
			asked.push(new URL(request.url))
			return json([], 200, { 'x-wp-total': '0' })
		})
		const client = openClient(DENVER, CREDENTIALS, io)
		for (const fresh of [true, true] as const)
			await client.list(resource('/orders'), { order: 'id-asc', offset: 20, limit: 10, paging: 'page', fresh })
		expect(asked.map(({ searchParams }) => [searchParams.get('page'), searchParams.get('offset')])).toEqual([
			['3', null],
			['3', null],
		])
		expect(new Set(asked.map(({ searchParams }) => searchParams.get('nocache'))).size).toBe(2)
	})

	it('2.5 a list that names no total is a page where the collection has pages, and everything only where it has none', async () => {
		const client = (connection: Connection) =>
			openClient(
				connection,
				CREDENTIALS,
				ioOf(() => json([{ id: 1 }, { id: 2 }])),
			)
		const unpaged = {
			...DENVER,
			collections: { gadgets: { readable: true, highestId: 1, total: 1, args: ['context'] } },
		}
		const paged = {
			...DENVER,
			collections: { gadgets: { readable: true, highestId: 1, total: 1, args: ['per_page', 'offset'] } },
		}
		for (const limit of [2, 10]) {
			for (const path of ['/orders', '/customers', '/products/categories'])
				expect(await client(DENVER).list(resource(path), { order: 'id-desc', limit }), path).toMatchObject({
					total: null,
				})
			expect(await client(paged).list(resource('/gadgets', {}, paged), { order: 'id-desc', limit })).toMatchObject({
				total: null,
			})
			expect(await client(unpaged).list(resource('/gadgets', {}, unpaged), { order: 'id-desc', limit })).toMatchObject({
				records: [{ id: 2 }, { id: 1 }],
				total: 2,
			})
		}
	})

	it('2.5 past the last page HPOS orders are an empty page with total 0', async () => {
		const io = ioOf(() => answer('orders/list_beyond_last_page'))
		expect(
			await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), {
				order: 'id-asc',
				limit: 100,
				offset: 9_800,
			}),
		).toMatchObject({ ok: true, records: [], total: 0 })
	})

	it('a route without pages is cut into pages here, in id order', async () => {
		const rows = [5, 3, 9, 1].map((id) => ({ id }))
		const io = ioOf(() => json(rows))
		const client = openClient(DENVER, CREDENTIALS, io)
		const notes = resource('/hubs/ecommerce/orders/12/comments')
		expect(await client.list(notes, { order: 'id-asc', limit: 2, offset: 1 })).toMatchObject({
			records: [{ id: 3 }, { id: 5 }],
			total: 4,
		})
		expect(await client.list(notes, { order: 'id-desc', limit: 1 })).toMatchObject({ records: [{ id: 9 }] })
		expect(io.asked[0]?.url).toBe('https://shop.example/wp-json/wc/v3/orders/12/notes')
		// A plugin's route that ignores paging is met the same way.
		expect(await client.list(resource('/subscriptions'), { order: 'id-asc', limit: 100, offset: 4 })).toMatchObject({
			records: [],
			total: 4,
		})
	})

	it('3.10 a route of a plugin is what it says of its arguments', () => {
		const at = (args: string[]): Resource =>
			resource(
				'/subscriptions',
				{},
				{ ...DENVER, collections: { subscriptions: { readable: true, highestId: 1, total: 1, args } } },
			)
		expect(at(['page', 'per_page', 'offset', 'orderby', 'modified_after', 'status'])).toMatchObject({
			modifiedFilter: true,
			trash: true,
		})
		expect(() => at(['page', 'per_page'])).toThrow('supports offset')
		expect(at([])).toMatchObject({ modifiedFilter: false, trash: false })
	})
})

describe('reading one object', () => {
	it('2.6 gives the object when it is there, and null for a JSON 404 that names it', async () => {
		const order = ioOf(() => answer('orders/single'))
		expect(await openClient(DENVER, CREDENTIALS, order).read(resource('/orders'), 286)).toMatchObject({
			ok: true,
			found: { id: 286, status: 'processing' },
		})
		expect(order.asked[0]?.url).toBe('https://shop.example/wp-json/wc/v3/orders/286')
		for (const [path, name] of [
			['orders', 'orders/get_404'],
			['products', 'products/get_404'],
			['discounts', 'coupons/get_404'],
			['customers', 'customers/get_404'],
		] as const) {
			expect(
				await openClient(
					DENVER,
					CREDENTIALS,
					ioOf(() => answer(name)),
				).read(resource(`/${path}`), 99999999),
			).toMatchObject({ ok: true, found: null })
		}
	})

	it('2.6 rest_no_route and pages are failures, never absence', async () => {
		expect(
			await openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => answer('orders/get_id_text')),
			).read(resource('/orders'), 'abc'),
		).toMatchObject({ ok: false, kind: 'no-route' })
		expect(
			await openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => new Response('<html>Not found</html>', { status: 404 })),
			).read(resource('/orders'), 5),
		).toMatchObject({ ok: false, kind: 'not-json' })
	})

	it('does not take another object, or a list, for the one that was asked', async () => {
		for (const body of [{ id: 287 }, [{ id: 286 }], { code: 'x' }]) {
			expect(
				await openClient(
					DENVER,
					CREDENTIALS,
					ioOf(() => json(body)),
				).read(resource('/orders'), 286),
			).toMatchObject({ ok: false, kind: 'not-json' })
		}
	})

	it('does not read by another field than the one in the address', async () => {
		const io = ioOf(() => json({ id: 5 }))
		expect(await openClient(DENVER, CREDENTIALS, io).read(resource('/orders', { idField: 'number' }), 5)).toMatchObject(
			{
				ok: false,
				kind: 'no-route',
			},
		)
		expect(io.asked).toHaveLength(0)
	})

	it('3.10 a variation is read as the list shows it', async () => {
		const single = JSON.parse(answers['variations/single']?.text ?? '') as Record<string, unknown>
		const listed = ioOf(() => json([single], 200, { 'x-wp-total': '1' }))
		expect(await openClient(DENVER, CREDENTIALS, listed).read(resource('/variations'), 131)).toMatchObject({
			ok: true,
			found: { id: 131, name: 'Red, S', parent_id: 20 },
		})
		expect(listed.asked[0]?.url).toContain('/variations?include=131&per_page=1')
	})

	it('3.10 an unlisted variation is read under its parent, and gone only by a JSON 404', async () => {
		const paths: string[] = []
		const unlisted = ioOf((_request, url) => {
			paths.push(url.pathname.replace('/wp-json/wc/v3/', ''))
			if (url.pathname.endsWith('/wc/v3/variations')) return json([], 200, { 'x-wp-total': '0' })
			return answer(
				url.pathname.endsWith('/products/131') ? 'variations/single_via_products_endpoint' : 'variations/single',
			)
		})
		expect(await openClient(DENVER, CREDENTIALS, unlisted).read(resource('/variations'), 131)).toMatchObject({
			ok: true,
			found: { id: 131, name: 'Red, S' },
		})
		expect(paths).toEqual(['variations', 'products/131', 'products/20/variations/131'])
		const gone = ioOf((_request, url) =>
			url.pathname.endsWith('/variations') ? json([], 200, { 'x-wp-total': '0' }) : answer('products/get_404'),
		)
		expect(await openClient(DENVER, CREDENTIALS, gone).read(resource('/variations'), 131)).toMatchObject({
			ok: true,
			found: null,
		})
	})

	it('3.10 refunds have no address of their own: a list of none is the store’s word', async () => {
		const client = (headers: Record<string, string>) =>
			openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => json([], 200, headers)),
			)
		expect(await client({ 'x-wp-total': '0' }).read(resource('/refunds'), 556)).toMatchObject({ ok: true, found: null })
		expect(await client({}).read(resource('/refunds'), 556)).toMatchObject({ ok: false, kind: 'not-json' })
	})
})

describe('hub calls', () => {
	it('pass through with status, total and body', async () => {
		const io = ioOf(() => json({ id: 7 }, 201, { 'x-wp-total': '3' }))
		expect(
			await openClient(DENVER, CREDENTIALS, io).call('POST', 'products/tags', { a: 'b c' }, '{"name":"x"}'),
		).toMatchObject({
			ok: true,
			status: 201,
			body: { id: 7 },
			total: 3,
		})
		expect(io.asked[0]).toMatchObject({
			method: 'POST',
			url: 'https://shop.example/wp-json/wc/v3/products/tags?a=b%20c',
		})
		expect(io.asked[0]?.headers.get('content-type')).toBe('application/json')
		expect(await io.asked[0]?.text()).toBe('{"name":"x"}')
	})

	it('give the store’s refusal with its code', async () => {
		const io = ioOf(() =>
			json({ code: 'woocommerce_rest_already_trashed', message: 'The shop_order has already been deleted.' }, 410),
		)
		expect(await openClient(DENVER, CREDENTIALS, io).call('DELETE', 'orders/5', {})).toMatchObject({
			ok: false,
			kind: 'rejected',
			status: 410,
			code: 'woocommerce_rest_already_trashed',
			providerMessage: 'The shop_order has already been deleted.',
		})
	})

	it('5 an answer without a body is null', async () => {
		expect(
			await openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => new Response(null, { status: 204 })),
			).call('DELETE', 'orders/5', {}),
		).toMatchObject({ ok: true, body: null })
	})
})

describe('totals', () => {
	it.each([
		['1040', 1040],
		[' 1040 ', 1040],
		['0', 0],
		['1,040', 1040],
		['1,234,567', 1_234_567],
		['1 040', 1040],
		["1'040", 1040],
		['1040.0', 1040],
		['1040.00', 1040],
		['1040, 1040', 1040],
		['1040,1040', 1040],
		['1,040, 1,040', 1040],
		['100, 100', 100],
		['7, 7, 7', 7],
		['1.040', null],
		['100,100', null],
		['10, 250', null],
		['10,40', null],
		['1040.5', null],
		['1e3', null],
		['-1', null],
		['many', null],
		['', null],
		[', ', null],
		['99999999999999999999', null],
	])('2.5 "%s" is %s', (text, count) => {
		expect(parseCount(text)).toBe(count)
	})

	it('2.5 a total that is no number is none, and says how it was written', async () => {
		const list = async (total: string): Promise<unknown> =>
			openClient(
				DENVER,
				CREDENTIALS,
				ioOf(() => json([{ id: 1 }], 200, { 'x-wp-total': total })),
			).list(resource('/orders'), { order: 'id-asc', limit: 10 })
		expect(await list('1,040')).toMatchObject({ total: 1040, answer: { totalText: '1,040' } })
		expect(await list('1.040')).toMatchObject({ total: null, answer: { totalText: '1.040' } })
	})
})

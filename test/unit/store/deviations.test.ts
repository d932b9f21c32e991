/** Stores that answer otherwise than asked: the simulated store's faults of lists, caches, records and pages. */
import { describe, expect, it } from 'vitest'
import type { Fault, Rec } from '../../store/store.ts'
import { basic, hooked, ids, receiver, rig } from './helpers.ts'
import type { Answer, Rig } from './helpers.ts'

/** A shop with 30 products, of which the first is newest by its stamp. */
function shop(...faults: Fault[]): Rig & { all: number[]; list: (query: string) => Promise<Answer> } {
	const made = rig()
	const all = [...made.store.state('products').keys()]
	made.clock.now += 1000
	made.store.act({ do: 'edit', resource: 'products', id: all[0]!, set: { name: 'Edited' } })
	made.store.setFaults(faults.map((fault) => ({ match: '/products', ...fault })))
	return { ...made, all, list: (query) => made.get(`products?${query}`) }
}

describe('lists', () => {
	it('orderby=modified shows the newest ids; another order is heeded', async () => {
		const { list, all } = shop({ ignores: ['orderby=modified'] })
		expect(ids(await list('orderby=modified&per_page=2'))).toEqual(all.slice(-2).reverse())
		expect(ids(await list('orderby=id&order=asc&per_page=2'))).toEqual(all.slice(0, 2))
	})

	it('one order for all that is asked, fixed or not, and the direction alone', async () => {
		const shuffled = shop({ sorts: 'shuffled' })
		const page = ids(await shuffled.list('orderby=id&per_page=9'))
		expect(page).not.toEqual(page.toSorted((a, b) => a - b))
		expect(ids(await shuffled.list('orderby=modified&order=asc&per_page=9'))).toEqual(page)
		const random = shop({ sorts: 'random' })
		expect(ids(await random.list('per_page=9'))).not.toEqual(ids(await random.list('per_page=9')))
		const descending = shop({ ignores: ['order'] })
		expect(ids(await descending.list('orderby=id&order=asc&per_page=1'))).toEqual(descending.all.slice(-1))
	})

	it('the whole collection, whatever is asked; or all that is within the bound', async () => {
		const bound = 'modified_after=2026-11-23T12:00:00&dates_are_gmt=true&per_page=2&offset=5'
		expect(ids(await shop({ wholeList: true }).list(bound)).length).toBe(30)
		expect(ids(await shop({ ignores: ['paging'] }).list(bound)).length).toBe(1)
	})

	it('bounds, dates_are_gmt, offset, page and status without effect', async () => {
		const bound = 'modified_after=2026-11-23T12:00:00&dates_are_gmt=true&per_page=3'
		expect(ids(await shop().list(bound)).length).toBe(1)
		expect(ids(await shop({ ignores: ['bounds'] }).list(bound)).length).toBe(3)
		expect(ids(await shop({ ignores: ['modified_after'] }).list(bound)).length).toBe(3)
		// As local time of Denver the bound is seven hours later.
		expect(ids(await shop({ ignores: ['dates_are_gmt'] }).list(bound)).length).toBe(0)
		const { list, all, store } = shop({ ignores: ['offset', 'status'] })
		expect(ids(await list('orderby=id&order=asc&per_page=2&offset=6'))).toEqual(all.slice(0, 2))
		expect(ids(await list('orderby=id&order=asc&per_page=2&page=4'))).toEqual(all.slice(6, 8))
		store.act({ do: 'trash', resource: 'products', id: all[0]! })
		expect(ids(await list('status=trash&orderby=id&order=asc&per_page=1'))).toEqual([all[1]])
		const unpaged = shop({ ignores: ['page'] })
		expect(ids(await unpaged.list('orderby=id&order=asc&per_page=2&page=4'))).toEqual(all.slice(0, 2))
	})

	it('ten rows whatever is asked, at most so many, or refused', async () => {
		const ten = shop({ rowsAlways: 10 })
		expect([ids(await ten.list('per_page=100')).length, ids(await ten.list('per_page=1')).length]).toEqual([10, 10])
		expect(ids(await ten.list('per_page=100&orderby=id&order=asc&page=3'))).toEqual(ten.all.slice(20))
		const most = shop({ rowsAtMost: 20 })
		const page = await most.list('per_page=100')
		expect([page.json.length, page.headers.get('x-wp-total'), page.headers.get('x-wp-totalpages')]).toEqual([
			20,
			'30',
			'2',
		])
		expect(ids(await most.list('per_page=5')).length).toBe(5)
		const refused = await shop({ rowsRefusedAbove: 50 }).list('per_page=51')
		expect([refused.status, refused.json.code]).toEqual([400, 'rest_invalid_param'])
		expect((await shop({ rowsRefusedAbove: 50 }).list('per_page=50')).status).toBe(200)
	})

	it('a pinned row more than asked, on each page or the first, or in place of one', async () => {
		const pages = async (pin: NonNullable<Fault['pin']>) => {
			const { list, all } = shop({ pin })
			const page = async (offset: number) =>
				ids(await list(`orderby=id&order=desc&per_page=3&offset=${offset}`)).map((id) => all.indexOf(id))
			return [await page(0), await page(3)]
		}
		expect(await pages({})).toEqual([
			[0, 29, 28, 27],
			[0, 26, 25, 24],
		])
		expect(await pages({ firstPageOnly: true })).toEqual([
			[0, 29, 28, 27],
			[26, 25, 24],
		])
		expect(await pages({ inPlace: true })).toEqual([
			[0, 29, 28],
			[0, 26, 25],
		])
		const bounded = await shop({ pin: {} }).list('modified_after=2030-01-01T00:00:00')
		expect([bounded.json.length, bounded.headers.get('x-wp-total')]).toEqual([1, '0'])
	})

	it('a row twice: on its page, or before pages are made', async () => {
		const { list, all } = shop({ repeat: {} })
		expect(ids(await list('orderby=id&order=asc&per_page=2'))).toEqual([all[0], all[0], all[1]])
		const joined = shop({ repeat: { id: all[1]!, beforePaging: true } })
		const page = await joined.list('orderby=id&order=asc&per_page=3')
		expect([ids(page), page.headers.get('x-wp-total')]).toEqual([[all[0], all[1], all[1]], '31'])
	})

	it.each([
		['absent', null],
		['thousands', '30'],
		['decimal', '30.0'],
		['doubled', '30, 30'],
		['contradictory', '30, 31'],
		['below-rows', '1'],
		[-7, '23'],
		['about 30', 'about 30'],
	])('the total %s', async (total, expected) => {
		expect((await shop({ total }).list('per_page=2')).headers.get('x-wp-total')).toBe(expected)
	})

	it('the total of a large list has a comma', async () => {
		const made = rig({ objects: { orders: 1040, products: 1, coupons: 1, customers: 1 } })
		made.store.setFaults({ total: 'thousands' })
		expect((await made.get('orders?per_page=1')).headers.get('x-wp-total')).toBe('1,040')
	})

	it('unknown parameters are refused; what WordPress itself knows is not', async () => {
		const { list } = shop({ refusesUnknown: 403 })
		expect((await list('per_page=1&_fields=id')).status).toBe(200)
		expect((await list('per_page=1&_=17')).status).toBe(403)
	})

	it('a list and namespaces as objects, comments after the JSON, byte order marks before it', async () => {
		const { store, list, all } = shop({ listAsObject: true, comment: true, bom: 3 })
		const { text } = await list('orderby=id&order=asc&per_page=2&_fields=id')
		expect(text.replaceAll('\uFEFF', '')).toBe(
			`{"1":{"id":${all[0]}},"2":{"id":${all[1]}}}\n<!-- Page cached by LiteSpeed Cache 7.6 -->`,
		)
		const response = await store.fetch(
			new Request(`${store.url}/wp-json/wc/v3/products`, { headers: { authorization: basic(store.credentials) } }),
		)
		const bytes = Buffer.from(await response.arrayBuffer())
		expect(bytes.subarray(0, 10).toString('hex')).toBe('efbbbfefbbbfefbbbf7b')
		const made = rig()
		made.store.setFaults({ namespacesAsObject: true })
		expect(Object.values((await made.raw('https://shop.example/wp-json/')).json.namespaces)).toContain('wc/v3')
	})

	it('webhooks of ten a page, with foreign ones', async () => {
		const made = await hooked('order.updated')
		for (let i = 0; i < 12; i++) made.store.makeWebhook({ name: `Foreign ${i}`, delivery_url: 'https://erp.example/' })
		made.store.setFaults({ match: '/webhooks', rowsAlways: 10 })
		const [first, second] = [await made.get('webhooks?per_page=100'), await made.get('webhooks?per_page=100&page=2')]
		expect([ids(first).length, ids(second).length, first.headers.get('x-wp-total')]).toEqual([10, 3, '13'])
	})
})

describe('time', () => {
	it('a cache serves its answer for so long, with the date of now or its own, by what it keeps and shows', async () => {
		const after = async (cache: Fault['cache'], path = 'products?per_page=1', headers: Record<string, string> = {}) => {
			const made = shop({ cache: { seconds: 3600, ...cache } })
			await made.get('products?per_page=1')
			made.clock.now += 200_000
			const [change] = made.store.act({ do: 'edit', resource: 'products', set: { name: 'New' } })
			const answer = await made.get(path.replace('ID', String(change!.id)), { headers })
			return { ...answer, age: (made.store.now() - Date.parse(answer.headers.get('date') as string)) / 1000 }
		}
		const kept = await after({ seconds: 3600 })
		expect([kept.age, kept.headers.get('age'), kept.headers.get('x-cache')]).toEqual([0, null, null])
		expect((await after({ seconds: 3600, oldDate: true, sign: 'age' })).age).toBe(200)
		expect((await after({ seconds: 3600, sign: 'age' })).headers.get('age')).toBe('200')
		for (const sign of ['x-cache', 'x-wc-cache', 'cf-cache-status'] as const) {
			expect((await after({ seconds: 3600, sign })).headers.get(sign)).toBe('HIT')
			expect((await after({ seconds: 100, sign })).headers.get(sign)).toBeNull()
		}
		const isHit = async (
			cache: Omit<NonNullable<Fault['cache']>, 'seconds'>,
			path?: string,
			headers?: Record<string, string>,
		) => (await after({ seconds: 3600, sign: 'x-cache', ...cache }, path, headers)).headers.has('x-cache')
		expect(await isHit({}, 'products?_=1&per_page=1&oauth_nonce=2')).toBe(true)
		expect(await isHit({}, 'products?per_page=2')).toBe(false)
		expect(await isHit({ keys: 'path' }, 'products?per_page=2')).toBe(true)
		expect(await isHit({ keys: 'address' }, 'products?per_page=1&_=2')).toBe(false)
		expect(await isHit({ honours: ['unknown-parameters'] }, 'products?per_page=1&_=2')).toBe(false)
		expect(await isHit({}, undefined, { 'cache-control': 'no-cache' })).toBe(true)
		expect(await isHit({ honours: ['no-cache'] }, undefined, { 'cache-control': 'no-cache' })).toBe(false)
		expect(await isHit({ honours: ['_skip_cache'] }, 'products?per_page=1&_skip_cache=true')).toBe(false)
	})

	it('stamps run behind the date, of one resource', async () => {
		const made = shop({ stampsBehindSeconds: 300 })
		const [product] = made.store.act({ do: 'edit', resource: 'products', set: { name: 'New' } })
		const [order] = made.store.act({ do: 'place-order' })
		expect(made.store.now() - Date.parse(`${product!.date_modified_gmt}Z`)).toBe(300_000)
		expect(made.store.now() - Date.parse(`${order!.date_modified_gmt}Z`)).toBe(0)
		expect((await made.get('products')).headers.get('date')).toBe(new Date(made.store.now()).toUTCString())
	})

	it('of two replicas one is behind', async () => {
		const { store, clock, list, all, get } = shop({ lagSeconds: 60, every: 2 })
		clock.now += 30_000
		store.act({ do: 'edit', resource: 'products', id: all[1]!, set: { name: 'New' } })
		store.act({ do: 'delete', resource: 'products', id: all[2]! })
		const name = async () => (await get(`products/${all[1]}`)).json.name as string
		const [first, second] = [await name(), await name()]
		expect([first, second === 'New']).toEqual(['New', false])
		expect([
			(await list('per_page=1')).headers.get('x-wp-total'),
			(await list('per_page=1')).headers.get('x-wp-total'),
		]).toEqual(['29', '30'])
		clock.now += 60_000
		expect([await name(), await name()]).toEqual(['New', 'New'])
	})

	it('headers of a healthy store behind a proxy, and a second date', async () => {
		const { list } = shop({ headers: { age: '0', 'x-cache': 'MISS' }, secondDateSeconds: -90 })
		const { headers } = await list('per_page=1')
		expect([headers.get('age'), headers.get('x-cache')]).toEqual(['0', 'MISS'])
		expect(headers.get('date')?.match(/GMT/g)?.length).toBe(2)
	})

	it('each row takes its time', async () => {
		const slept: number[] = []
		const made = rig({ sleep: async (ms) => void slept.push(ms) })
		made.store.setFaults({ secondsPerRow: 2 })
		await made.get('products?per_page=10')
		await made.get(`products/${[...made.store.state('products').keys()][0]}`)
		expect(slept).toEqual([20_000])
	})
})

describe('records', () => {
	it('every second answer has other prices', async () => {
		const { list } = shop({ priceFactor: 0.9, every: 2 })
		const price = async () => Number((await list('orderby=id&order=asc&per_page=1')).json[0].regular_price)
		const [whole, reduced, again] = [await price(), await price(), await price()]
		expect([again, reduced]).toEqual([whole, Number((whole * 0.9).toFixed(2))])
	})

	it('addresses of pictures are signed anew', async () => {
		const { list } = shop({ signsImages: true })
		const image = async () => (await list('per_page=1')).json[0].images[0] as Rec
		const [one, other] = [await image(), await image()]
		expect(one).not.toEqual(other)
		expect(one).toEqual({ ...other, src: one.src })
	})

	it('records of 300 kB', async () => {
		const { list } = shop({ padBytes: 300_000 })
		expect((await list('per_page=2')).text.length).toBeGreaterThan(600_000)
		expect((await list('per_page=2&_fields=id')).text.length).toBeLessThan(100)
	})

	it('one object spoils each answer that holds it, by list and by id', async () => {
		const { all, ...plain } = shop()
		const [id, next] = [all[5]!, all[6]!]
		const holds = `orderby=id&order=asc&per_page=6`
		const [without, other] = [`orderby=id&order=asc&per_page=5`, `products/${next}`]
		const spoiled = async (poison: Omit<NonNullable<Fault['poison']>, 'id'>, path: string) => {
			plain.store.setFaults({ match: '/products', poison: { id, ...poison } })
			return plain.get(path.includes('/') ? path : `products?${path}`)
		}
		for (const path of [holds, `products/${id}`]) {
			expect((await spoiled({ as: 'error' }, path)).status).toBe(500)
			expect((await spoiled({ as: 'broken' }, path)).json).toBeNull()
			expect((await spoiled({ as: 'huge', bytes: 1e6 }, path)).text.length).toBeGreaterThan(1e6)
			expect((await spoiled({ as: 'firewall' }, path)).headers.get('content-type')).toContain('html')
		}
		for (const path of [without, other]) expect((await spoiled({ as: 'error' }, path)).status).toBe(200)
		expect((await spoiled({ as: 'error', in: 'item' }, holds)).status).toBe(200)
		expect((await spoiled({ as: 'error', in: 'list' }, `products/${id}`)).status).toBe(200)
		expect((await spoiled({ as: 'error', fieldsSpare: true }, `${holds}&_fields=id`)).status).toBe(200)
		expect((await spoiled({ as: 'another' }, `products/${id}`)).json.id).not.toBe(id)
		expect((await spoiled({ as: 'missing' }, `products/${id}`)).status).toBe(404)
		plain.store.act({ do: 'delete', resource: 'products', id })
		expect((await spoiled({ as: 'error' }, `products/${id}`)).status).toBe(500)
		plain.store.setFaults({ poison: { id: next, as: 'hang' } })
		await expect(plain.get(other, { signal: AbortSignal.timeout(20) })).rejects.toThrow()
	})

	it('numbers beyond what a double holds', async () => {
		const { store, list, get, all } = shop({ idBase: '9223372036854000000' })
		store.act({
			do: 'edit',
			resource: 'products',
			id: all[0]!,
			set: { meta_data: [{ id: 1, key: 'big', value: '@number:7615917337495251231' }] },
		})
		const id = String(9_223_372_036_854_000_000n + BigInt(all[0]!))
		expect((await list('orderby=id&order=asc&per_page=1')).text).toContain(`{"id":${id},`)
		expect((await get(`products/${id}`)).text).toContain('"value":7615917337495251231}')
		expect((await list(`include=${id}&_fields=id`)).text).toBe(`[{"id":${id}}]`)
	})
})

describe('pages', () => {
	it('a bot protection answers instead of the shop, or only to one call', async () => {
		const made = rig()
		made.store.setFaults({ challenge: 'siteground' })
		const siteground = await made.get('products')
		expect([siteground.status, siteground.headers.get('sg-captcha')]).toEqual([202, 'challenge'])
		expect(siteground.text).toContain('http-equiv="refresh"')
		made.store.setFaults({ challenge: 'cloudflare', method: 'POST', match: 'webhooks/batch' })
		expect((await made.get('webhooks')).status).toBe(200)
		const cloudflare = await made.call('POST', 'webhooks/batch', { create: [] })
		expect([cloudflare.status, cloudflare.headers.get('cf-mitigated')]).toEqual([403, 'challenge'])
	})

	it('the source of deliveries is whatever the site makes of its address, or lacking', async () => {
		const inbox = receiver()
		const made = await hooked('order.updated', { deliver: inbox.deliver })
		for (const source of ['https://shop.example/de/', 'https://shop.example/?lang=de', null]) {
			made.store.setWebhooks({ source })
			made.store.act({ do: 'edit', resource: 'orders', set: { customer_note: String(source) } })
			await made.store.runQueue()
			expect(inbox.take().at(-1)?.headers.get('x-wc-webhook-source')).toBe(source)
		}
	})
})

describe('what a fault is set to', () => {
	it('lasts while it is set again with others', async () => {
		const made = shop()
		const cache: Fault = { match: '/products', cache: { seconds: 600, sign: 'x-cache' } }
		made.store.setFaults(cache)
		await made.list('per_page=1')
		made.store.setFaults([cache, { match: '/orders', status: 500 }])
		expect((await made.list('per_page=1')).headers.get('x-cache')).toBe('HIT')
	})
})

/** The hub against the simulated store, over HTTP: every resource, every verb, refusals, and what a store's failures become (docs/contract.md §8). */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { resetDatabase, instanceBodyForStore, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient
let id: number
let authorization: string

beforeEach(async () => {
	await resetDatabase()
	store = createStore({
		objects: { orders: 12, products: 5, coupons: 3, customers: 7 },
		url: 'https://shop.example.com',
		now: () => Date.parse('2026-06-01T12:00:00Z'),
	})
	client = await startApiWorld((request) => store.fetch(request))
	const { body } = await client.call('POST', '/instances', instanceBodyForStore(store))
	id = body.id
	authorization = `User ${client.userSecret}, Element ${body.token}`
})

function hub(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
	return client.call(method, path, body, { authorization, headers })
}

const where = (text: string): string => `where=${encodeURIComponent(text)}`
const idsOf = ({ body }: { body: any }): number[] => body.map((one: any) => one.id)

/** Requests that reached the store since this was last asked. */
function asked(): string[] {
	return client.world.requests.splice(0)
}

const NAMED: [resource: string, created: object, change: object, trash: boolean][] = [
	['customers', { email: 'new@example.com' }, { first_name: 'Ann' }, false],
	['discounts', { code: 'new', amount: '5.00' }, { description: 'five' }, true],
	['orders', { status: 'pending' }, { status: 'processing' }, true],
	['products', { name: 'Mug', regular_price: '9.50' }, { name: 'Cup' }, true],
	['products-attributes', { name: 'Size' }, { name: 'Sizes' }, false],
	['products-categories', { name: 'Mugs' }, { name: 'Cups' }, false],
	['products-tags', { name: 'blue' }, { name: 'red' }, false],
]

describe('what can be done', () => {
	test.each(NAMED)('§8.2 §8.12 %s: list, get, create, PATCH, delete', async (resource, created, change, trash) => {
		const path = `/hubs/ecommerce/${resource}`
		const made = await hub('POST', path, created)
		expect([made.status, made.body]).toEqual([200, expect.objectContaining(created)])
		const at = `${path}/${made.body.id}`
		expect((await hub('GET', at)).body).toMatchObject(created)
		expect(idsOf(await hub('GET', path))).toContain(made.body.id)
		asked()
		expect((await hub('PATCH', at, change)).body).toMatchObject(change)
		expect(asked()).toEqual([expect.stringMatching(/^PUT /)])
		expect((await hub('PUT', at, created)).body).toMatchObject(created)
		expect(await hub('DELETE', at)).toMatchObject({ status: 200, body: null })
		expect(idsOf(await hub('GET', path))).not.toContain(made.body.id)
		const after = await hub('GET', at)
		if (trash) {
			expect(after.status).toBe(200)
			expect((await hub('DELETE', `${at}?force=true`)).status).toBe(200)
		}
		expect((await hub('GET', at)).status).toBe(404)
		for (const method of ['DELETE', 'PATCH', 'PUT'])
			expect(await hub(method, at, method === 'DELETE' ? undefined : change), method).toMatchObject({
				status: 404,
				body: { message: expect.any(String), providerMessage: expect.any(String) },
			})
	})

	test('§8.17 a coupon that an old store answers 500 about is looked at: in the trash it is deleted', async () => {
		const old = createStore({
			objects: { orders: 0, products: 1, coupons: 2, customers: 0 },
			version: '7.0',
			url: 'https://shop.example.com',
			now: () => Date.parse('2026-06-01T12:00:00Z'),
		})
		client.world.store = (request) => old.fetch(request)
		const { body } = await client.call('POST', '/instances', instanceBodyForStore(old))
		authorization = `User ${client.userSecret}, Element ${body.token}`
		const [first, second] = idsOf(await hub('GET', '/discounts'))
		asked()
		expect(await hub('DELETE', `/hubs/ecommerce/discounts/${first}`)).toMatchObject({ status: 200, body: null })
		expect(asked().map((request) => request.split(' ')[0])).toEqual(['DELETE', 'GET'])
		expect((await hub('DELETE', `/discounts/${second}?force=false`)).status).toBe(200)
		// The oldest ones show no status.
		const refusals = [
			Response.json({ code: 'woocommerce_rest_cannot_delete', message: 'No.' }, { status: 500 }),
			Response.json({ code: 'woocommerce_rest_already_trashed', message: 'Gone.' }, { status: 410 }),
		]
		client.world.store = async (request) =>
			request.method === 'DELETE' ? refusals.shift()! : Response.json({ id: 5, code: 'x' })
		expect((await hub('DELETE', '/discounts/5')).status).toBe(200)
		// A failure that left the coupon as it was stays one.
		client.world.store = (request) =>
			request.method === 'DELETE'
				? Promise.resolve(Response.json({ code: 'woocommerce_rest_cannot_delete', message: 'No.' }, { status: 500 }))
				: old.fetch(request)
		const made = await hub('POST', '/discounts', { code: 'stays', amount: '1.00' })
		const failed = await hub('DELETE', `/discounts/${made.body.id}`)
		expect([failed.status, failed.body.providerMessage]).toEqual([502, 'No.'])
	})

	test('§8.18 providerMessage says what is wrong with each parameter', async () => {
		const refused = await hub('POST', '/orders', { shipping_lines: [{ method_id: 'flat_rate', total: 5 }] })
		expect([refused.status, refused.body.providerMessage]).toEqual([
			400,
			'Invalid parameter(s): shipping_lines shipping_lines[0][total] is not of type string.',
		])
		const missing = await hub('POST', '/customers', { first_name: 'Ann' })
		expect(missing.body.providerMessage).toBe('Missing parameter(s): email')
	})

	test('§8.19 objects have the store’s own names for the platform’s newer clients, also of a disabled instance', async () => {
		const plain = await hub('GET', '/hubs/ecommerce/objects')
		expect(plain.body[0]).not.toHaveProperty('vendorName')
		await client.call('DELETE', `/instances/${id}/enabled`)
		const { status, body } = await hub('GET', '/objects', undefined, { 'Elements-Version': 'Helium' })
		expect([status, body.length]).toEqual([200, plain.body.length])
		for (const [name, vendorName] of [
			['discounts', 'coupons'],
			['orders', 'orders'],
			['products-categories', 'products/categories'],
			['orders/{id}/comments', 'orders/{id}/notes'],
		])
			expect(body).toContainEqual({ name, vendorName, type: 'standard', methods: expect.any(Array) })
		expect((await hub('GET', '/orders')).status).toBe(403)
	})

	test('§8.3 comments and refunds of an order: list, get, create, delete', async () => {
		const [order] = idsOf(await hub('GET', '/orders?pageSize=1'))
		for (const [name, body] of [
			['comments', { note: 'Call first' }],
			['refunds', { amount: '1.00', api_refund: false }],
		] as const) {
			const path = `/hubs/ecommerce/orders/${order}/${name}`
			const made = await hub('POST', path, body)
			expect([made.status, made.body]).toEqual([
				200,
				expect.objectContaining(name === 'comments' ? body : { amount: '1.00' }),
			])
			expect(idsOf(await hub('GET', path))).toContain(made.body.id)
			expect((await hub('GET', `${path}/${made.body.id}`)).body.id).toBe(made.body.id)
			expect(await hub('DELETE', `${path}/${made.body.id}`)).toMatchObject({ status: 200, body: null })
			expect((await hub('GET', `${path}/${made.body.id}`)).status).toBe(404)
		}
	})

	test('§8.4 reports', async () => {
		expect((await hub('GET', '/hubs/ecommerce/reports')).body).toEqual(
			expect.arrayContaining([expect.objectContaining({ slug: 'sales' })]),
		)
		const [week] = (await hub('GET', `/reports-sales?${where("period = 'week'")}`)).body
		const [year] = (await hub('GET', `/reports-sales?${where("period = 'year'")}`)).body
		expect(Number(year.total_sales)).toBeGreaterThan(0)
		expect(Number(year.total_orders)).toBeGreaterThanOrEqual(week.total_orders)
		asked()
		expect(
			(await hub('GET', `/reports-top-sellers?${where("date_min = '2020-01-01' AND date_max = '2026-06-01'")}`)).status,
		).toBe(200)
		expect(asked()[0]).toContain('date_min=2020-01-01')
		expect((await hub('GET', '/reports-sales?orderBy=id')).body.message).toContain('no order')
	})

	test('§8.5 any other collection goes by its own name, as deep as it lies', async () => {
		expect(idsOf(await hub('GET', '/taxes'))).toEqual(expect.arrayContaining([1]))
		expect((await hub('GET', '/hubs/ecommerce/taxes/1')).body.id).toBe(1)
		expect((await hub('PATCH', '/taxes/1', { name: 'VAT' })).body.name).toBe('VAT')
		const made = await hub('POST', '/products/attributes/1/terms', { name: 'Green' })
		expect(made.status).toBe(200)
		const at = `/products/attributes/1/terms/${made.body.id}`
		expect((await hub('PUT', at, { name: 'Lime' })).body.name).toBe('Lime')
		expect(idsOf(await hub('GET', '/products-attributes/1/terms'))).toEqual([made.body.id])
		expect((await hub('DELETE', at)).status).toBe(200)
		expect((await hub('GET', at)).status).toBe(404)
		for (const path of ['/nonsense', '/Nonsense', '/hubs/ecommerce/nonsense', '/hubs/ecommerce/orders/999999'])
			expect((await hub('GET', path)).status, path).toBe(404)
	})

	test('§8.1 three spellings are one call, for every method and all that belongs to it', async () => {
		const bodies: unknown[] = []
		for (const start of ['/hubs/ecommerce', '/hubs/anything', ''])
			bodies.push((await hub('GET', `${start}/orders?pageSize=3`)).body)
		for (const start of ['/hubs/ecommerce', '/hubs/anything', '']) {
			const made = await hub('POST', `${start}/products-tags`, { name: `of ${start}` })
			expect(made.status).toBe(200)
			expect((await hub('PATCH', `${start}/products-tags/${made.body.id}`, { name: 'same' })).body.name).toBe('same')
			expect((await hub('DELETE', `${start}/products-tags/${made.body.id}`)).status).toBe(200)
			// Guards, shapes and methods are those of the one call.
			expect(await client.call('DELETE', `${start}/orders`, undefined, { authorization })).toMatchObject({
				status: 405,
			})
			expect((await client.call('POST', `${start}/orders`, {}, { authorization: null })).status).toBe(401)
			expect((await hub('POST', `${start}/orders`, 'a=b', { 'Content-Type': 'text/plain' })).status).toBe(415)
			expect((await hub('GET', `${start}/orders`, undefined, { Accept: 'text/html' })).status).toBe(406)
			const key = { 'Idempotency-Key': `key of ${start}`.replaceAll(/[^a-z]/g, '-') }
			const [first, again] = [
				await hub('POST', `${start}/orders`, {}, key),
				await hub('POST', `${start}/orders`, {}, key),
			]
			expect([again.status, again.body.id, again.headers.get('Idempotent-Replayed')]).toEqual([
				200,
				first.body.id,
				'true',
			])
		}
		expect(bodies[1]).toEqual(bodies[0])
		expect(bodies[2]).toEqual(bodies[0])
		for (const [method, path, allow] of [
			['POST', '/orders/5', 'GET, PUT, PATCH, DELETE'],
			['PATCH', '/orders', 'GET'],
			['PUT', '/taxes', 'GET'],
		] as const) {
			const answer = await hub(method, path, {})
			expect([answer.status, answer.headers.get('Allow')], `${method} ${path}`).toEqual([
				405,
				expect.stringContaining(allow),
			])
		}
	})
})

describe('lists', () => {
	test('§8.6 §8.10 records are the store’s own, a list is an array, and the headers count it', async () => {
		const all = await hub('GET', '/hubs/ecommerce/orders')
		expect(Array.isArray(all.body)).toBe(true)
		const [total, size] = [all.body.length as number, 5]
		const first = await hub('GET', `/orders?pageSize=${size}`)
		expect([first.headers.get('Elements-Total-Count'), first.headers.get('Elements-Returned-Count')]).toEqual([
			String(total),
			String(size),
		])
		expect(first.headers.get('Elements-Element-Instance-Id')).toBe(String(id))
		const token = first.headers.get('Elements-Next-Page-Token')!
		// What comes in between moves no page.
		store.act({ do: 'create', resource: 'orders' })
		store.act({ do: 'delete', resource: 'orders', id: first.body[1].id })
		expect(idsOf(await hub('GET', `/orders?nextPage=${token}`))).toEqual(idsOf(all).slice(size, 2 * size))
		expect(idsOf(await hub('GET', `/orders?nextPage=${token}&pageSize=2`))).toEqual(idsOf(all).slice(size, size + 2))
		for (const query of [where("status = 'pending'"), 'orderBy=id'])
			expect((await hub('GET', `/orders?nextPage=${token}&${query}`)).body.message).toContain(
				'nextPage: expected a token of this list',
			)
		expect((await hub('GET', `/products?nextPage=${token}`)).status).toBe(400)
		for (const query of ['page=0', 'page=x', 'pageSize=0', 'pageSize=201', 'nextPage=x'])
			expect((await hub('GET', `/orders?${query}`)).status, query).toBe(400)
		const [record] = (await hub('GET', '/orders?pageSize=1&fields=id,billing.email,line_items.name')).body
		expect(Object.keys(record).sort()).toEqual(['billing', 'id', 'line_items'])
		expect(Object.keys(record.billing)).toEqual(['email'])
		expect(idsOf(await hub('GET', '/orders?orderBy=id%20asc'))).toEqual(
			idsOf(await hub('GET', '/orders')).sort((a, b) => a - b),
		)
	})

	test('§8.6 a record is the store’s own JSON, in a list and by itself', async () => {
		await client.call('PATCH', `/instances/${id}`, { configuration: { 'filter.response.nulls': 'false' } })
		for (const [path, vendor] of [
			['orders', 'orders'],
			['discounts', 'coupons'],
		]) {
			const [first] = (await hub('GET', `/${path}?pageSize=1`)).body
			const { key, secret } = store.credentials
			const request = new Request(`${store.url}/wp-json/wc/v3/${vendor}/${first.id}`, {
				headers: { Authorization: `Basic ${btoa(`${key}:${secret}`)}` },
			})
			const own = await (await store.fetch(request)).json<Record<string, unknown>>()
			expect(Object.keys(own).length).toBeGreaterThan(10)
			expect((await hub('GET', `/${path}/${first.id}`)).body).toEqual(own)
			expect(first).toEqual(own)
		}
	})

	test('§8.11 pages 1 and 2 of size n are page 1 of size 2n, at the store and filtered here', async () => {
		for (const filter of ['', `&${where("total >= '0' AND number != 'x'")}`])
			for (const size of [1, 3, 5]) {
				const page = async (number: number, of: number) =>
					idsOf(await hub('GET', `/orders?page=${number}&pageSize=${of}${filter}`))
				const [one, two] = [await page(1, size), await page(2, size)]
				expect(one).toHaveLength(size)
				expect([...one, ...two]).toEqual(await page(1, 2 * size))
			}
	})

	test('§8.7 every operator of where, joined with AND', async () => {
		const all = (await hub('GET', '/orders')).body as any[]
		const [a, b] = [all[2], all[7]]
		const cases: [string, (order: any) => boolean][] = [
			[`status = '${a.status}'`, (one) => one.status === a.status],
			[`status != '${a.status}'`, (one) => one.status !== a.status],
			[`total < '${a.total}'`, (one) => Number(one.total) < Number(a.total)],
			[`total > ${a.total}`, (one) => Number(one.total) > Number(a.total)],
			[`total <= '${a.total}'`, (one) => Number(one.total) <= Number(a.total)],
			[`total >= '${a.total}'`, (one) => Number(one.total) >= Number(a.total)],
			[
				`billing.email LIKE '${a.billing.email.slice(0, 4)}%'`,
				(one) => one.billing.email.startsWith(a.billing.email.slice(0, 4)),
			],
			[`number LIKE '%${a.number.slice(-1)}'`, (one) => one.number.endsWith(a.number.slice(-1))],
			[`id IN ('${a.id}', '${b.id}')`, (one) => [a.id, b.id].includes(one.id)],
			[
				`id IN ('${a.id}','${b.id}') AND status = '${b.status}'`,
				(one) => [a.id, b.id].includes(one.id) && one.status === b.status,
			],
		]
		for (const [text, test] of cases) {
			const wanted = idsOf({ body: all.filter(test) })
			// A filter that is ignored, or lets nothing through, would not be seen.
			expect(wanted.length > 0 && wanted.length < all.length, text).toBe(true)
			expect(idsOf(await hub('GET', `/orders?${where(text)}`)), text).toEqual(wanted)
		}
		expect((await hub('GET', `/orders?${where("billing.country = 'nowhere'")}`)).body).toEqual([])
		for (const text of ["status ~ 'x'", 'status', "status = 'x' OR id = 1", "after = 'soon'"])
			expect((await hub('GET', `/orders?${where(text)}`)).body.message, text).toMatch(/^where: /)
	})

	test('§8.8 after on any resource; created_date > has the same result on orders and products', async () => {
		for (const resource of ['orders', 'products', 'customers', 'discounts']) {
			const all = (await hub('GET', `/${resource}`)).body as any[]
			const dates = all.map((one) => one.date_created as string).sort()
			const at = dates[Math.floor(dates.length / 2)]!
			const wanted = idsOf({ body: all.filter((one) => one.date_created > at) })
			expect(wanted.length > 0 && wanted.length < all.length, resource).toBe(true)
			asked()
			const after = await hub('GET', `/${resource}?${where(`after = '${at}'`)}`)
			if (resource === 'orders' || resource === 'products') expect(asked()[0]).toMatch(/[?&]after=.*dates_are_gmt=true/)
			expect([after.status, idsOf(after)], resource).toEqual([200, wanted])
			expect(idsOf(await hub('GET', `/${resource}?${where(`created_date > '${at}'`)}`)), resource).toEqual(wanted)
		}
		// What has no dates is after every date; the condition is read all the same.
		for (const resource of ['products-categories', 'taxes']) {
			const all = await hub('GET', `/${resource}`)
			expect(idsOf(all).length).toBeGreaterThan(0)
			expect(idsOf(await hub('GET', `/${resource}?${where("after = '2026-01-01T00:00:00'")}`)), resource).toEqual(
				idsOf(all),
			)
			expect((await hub('GET', `/${resource}?${where("after = 'soon'")}`)).status, resource).toBe(400)
		}
	})

	test('§8.9 slug on categories and tags, amount on refunds: at the store, or here', async () => {
		await hub('POST', '/products-tags', { name: 'Deep blue' })
		const [category] = (await hub('GET', '/products-categories')).body
		for (const [path, slug] of [
			['/products-categories', category.slug],
			['/products-tags', 'deep-blue'],
		]) {
			asked()
			expect((await hub('GET', `${path}?${where(`slug = '${slug}'`)}`)).body.map((one: any) => one.slug)).toEqual([
				slug,
			])
			expect(asked()[0]).toContain(`slug=${slug}`)
		}
		const [order] = (await hub('GET', '/orders?orderBy=id')).body
		for (const amount of ['1.00', '2.00', '3.00'])
			await hub('POST', `/orders/${order.id}/refunds`, { amount, api_refund: false })
		const large = (await hub('GET', `/orders/${order.id}/refunds?${where('amount >= 2')}`)).body
		expect(large.map((one: any) => one.amount).sort()).toEqual(['2.00', '3.00'])
	})

	test('§11.7 filter.response.nulls touches the hub’s answers', async () => {
		const nulls = (value: unknown): boolean =>
			value === null || (typeof value === 'object' && Object.values(value).some(nulls))
		expect(nulls((await hub('GET', '/orders')).body)).toBe(false)
		expect(
			(await client.call('PATCH', `/instances/${id}`, { configuration: { 'filter.response.nulls': 'false' } })).status,
		).toBe(200)
		expect(nulls((await hub('GET', '/orders')).body)).toBe(true)
	})

	test('the store’s collections, and their fields as its own schema has them', async () => {
		const objects = (await hub('GET', '/objects')).body as { name: string; methods: string[] }[]
		expect((await hub('GET', '/hubs/ecommerce/objects')).body).toEqual(objects)
		const named = Object.fromEntries(objects.map(({ name, methods }) => [name, methods]))
		expect(named['orders']).toEqual(['get', 'create', 'update', 'delete'])
		expect(named['orders/{id}/comments']).toEqual(['get', 'create', 'delete'])
		expect(named['reports-sales']).toEqual(['get'])
		for (const name of ['discounts', 'products-categories', 'products-attributes/{id}/terms', 'taxes'])
			expect(named, name).toHaveProperty([name])
		const metadata = await hub('GET', '/hubs/ecommerce/objects/orders/metadata')
		expect(metadata.body).toMatchObject({
			name: 'orders',
			fields: expect.arrayContaining([expect.objectContaining({ name: 'status', type: 'string' })]),
		})
		expect(
			(await hub('GET', `/objects/${encodeURIComponent('orders/{id}/refunds')}/metadata`)).body.fields.length,
		).toBeGreaterThan(2)
		expect((await hub('GET', '/objects/nonsense/metadata')).status).toBe(404)
	})
})

describe('§8.5 the collections that answer', () => {
	const names = async (): Promise<string[]> => (await hub('GET', '/objects')).body.map((one: any) => one.name)

	test('are listed; those that the key may not read, that the store lacks or that fail are not', async () => {
		const whole = await names()
		expect(whole).toEqual(expect.arrayContaining(['orders/{id}/refunds', 'products-attributes/{id}/terms', 'webhooks']))
		for (const [match, fault, gone] of [
			['/taxes', { key: 'demoted' }, ['taxes']],
			['/webhooks', { status: 401, form: 'json' }, ['webhooks']],
			['/reports', { status: 404, form: 'html' }, ['reports', 'reports-sales', 'reports-top-sellers']],
			['/system_status', { status: 500 }, ['system-status']],
			['/products/reviews', { html: true }, ['products-reviews']],
			['/notes', { key: 'demoted' }, ['orders/{id}/comments']],
		] as const) {
			// Another version of the configuration: what is remembered does not count.
			await client.call('PATCH', `/instances/${id}`, { tags: [match] })
			store.setFaults({ match, ...fault })
			expect(await names(), match).toEqual(whole.filter((name) => !(gone as readonly string[]).includes(name)))
			store.setFaults({})
		}
	})

	test('are read once in ten minutes', async () => {
		const first = await names()
		expect(asked().length).toBeGreaterThanOrEqual(first.length)
		expect(await names()).toEqual(first)
		expect(asked()).toEqual([])
		client.world.nowMs += 10 * 60_000
		await names()
		expect(asked().length).toBeGreaterThanOrEqual(first.length)
	})

	test('of a store that is overloaded meanwhile all count, and nothing is remembered', async () => {
		const whole = await names()
		await client.call('PATCH', `/instances/${id}`, { tags: ['again'] })
		store.setFaults({ status: 429, retryAfter: '30', skip: 5 })
		asked()
		expect(await names()).toEqual(whole)
		// Not more than were under way.
		expect(asked().length).toBeLessThan(12)
		store.setFaults({})
		await names()
		expect(asked().length).toBeGreaterThan(12)
	})

	test('of a store that refuses everything are none: the refusal is shown', async () => {
		store.setFaults({ key: 'demoted', skip: 1 })
		expect((await hub('GET', '/objects')).status).toBe(403)
	})

	test.each([
		['/products/categories', '/products-categories'],
		['/products/reviews', '/products-reviews'],
		['/hubs/anything/products/tags', '/products-tags'],
		['/products/shipping_classes', '/products-shipping-classes'],
		['/products/shipping-classes', '/products-shipping-classes'],
		['/reports/top_sellers', '/reports-top-sellers'],
		['/reports/top-sellers', '/reports-top-sellers'],
		['/products/attributes/1/terms', '/products-attributes/1/terms'],
		['/objects/products/categories/metadata', '/objects/products-categories/metadata'],
		[
			`/objects/${encodeURIComponent('products/attributes/{id}/terms')}/metadata`,
			`/objects/${encodeURIComponent('products-attributes/{id}/terms')}/metadata`,
		],
	])('%s is %s', async (slashes, hyphens) => {
		const [first, second] = [await hub('GET', slashes), await hub('GET', hyphens)]
		// The simulated store has no shipping classes: both are its 404.
		const withoutId = ({ body }: typeof first) => ({ ...body, requestId: '' })
		expect([first.status, withoutId(first)]).toEqual([second.status, withoutId(second)])
		expect(second.status).toBe(hyphens.includes('shipping') ? 404 : 200)
	})

	test('spelled with slashes are written, changed and deleted too', async () => {
		const made = await hub('POST', '/products/categories', { name: 'Plates' })
		expect([made.status, made.body]).toEqual([200, expect.objectContaining({ name: 'Plates' })])
		const at = `/hubs/ecommerce/products/categories/${made.body.id}`
		expect((await hub('PATCH', at, { name: 'Dishes' })).body).toMatchObject({ name: 'Dishes' })
		expect((await hub('GET', `/products-categories/${made.body.id}`)).body).toMatchObject({ name: 'Dishes' })
		expect((await hub('DELETE', at)).status).toBe(200)
		expect((await hub('GET', at)).status).toBe(404)
	})
})

test.each(['11.0', '7.0', '5.5'] as const)(
	'§8.12 what does not exist is 404 for every method, on %s',
	async (version) => {
		store = createStore({ objects: 3, url: 'https://shop.example.com', version, now: () => client.world.nowMs })
		const { body } = await client.call('POST', '/instances', instanceBodyForStore(store))
		authorization = `User ${client.userSecret}, Element ${body.token}`
		for (const path of ['customers', 'orders', 'products', 'discounts', 'webhooks'])
			for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
				const answer = await hub(method, `/${path}/99999999`, method.startsWith('P') ? {} : undefined)
				expect([path, method, answer.status]).toEqual([path, method, 404])
			}
	},
)

describe('refusals and failures', () => {
	const answer = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
		client.world.store = async () => Response.json(body, { status, headers })
	}
	const error = { code: 'woocommerce_rest_x', message: 'The store says <b>why</b>', data: {} }

	test.each([
		[500, { ...error, code: 'internal_server_error' }, 502],
		[400, error, 400],
		[401, error, 401],
		[403, { ...error, code: 'woocommerce_rest_cannot_view' }, 403],
		[404, error, 404],
		[410, error, 404],
	])(
		'§8.13 §1.9 §1.11 the store’s %i is told as it is, or as its failure, with what it said',
		async (given, body, status) => {
			answer(given, body)
			expect(await hub('GET', '/orders/5')).toMatchObject({
				status,
				body: { message: expect.any(String), providerMessage: 'The store says why' },
			})
		},
	)

	test('429 passes with when to come back', async () => {
		answer(429, error, { 'Retry-After': '7' })
		const { status, headers } = await hub('GET', '/orders')
		expect([status, headers.get('Retry-After')]).toEqual([429, '7'])
	})

	test('a write that may have been done is made once, and the error says that nobody knows', async () => {
		for (const failure of [
			async () => new Response('<html>', { status: 502 }),
			async () => Promise.reject(new Error('reset')),
			async () => new Response('not JSON'),
		]) {
			client.world.store = failure
			for (const method of ['POST', 'PATCH', 'PUT', 'DELETE'] as const) {
				asked()
				const { status, body } = await hub(
					method,
					method === 'POST' ? '/orders' : '/orders/5',
					method === 'DELETE' ? undefined : {},
				)
				expect([status, body.message], method).toEqual([502, expect.stringContaining('may have taken effect')])
				expect(asked()).toHaveLength(1)
			}
			expect((await hub('GET', '/orders')).body.message).not.toContain('unknown whether')
		}
	})

	test('a write that may have been done is not made again under its Idempotency-Key; one that was not done is', async () => {
		const post = (key: string) => hub('POST', '/orders', { status: 'pending' }, { 'Idempotency-Key': key })
		const failures: [made: number, () => Promise<Response>][] = [
			[1, async () => new Response('<html>', { status: 500 })],
			[1, async () => Promise.reject(new Error('reset'))],
			[1, async () => new Response('not JSON')],
			[2, async () => Promise.reject(new Error('connection refused'))],
			[2, async () => new Response('', { status: 503, headers: { 'Retry-After': '5' } })],
			[2, async () => Response.json(error, { status: 429 })],
		]
		for (const [index, [made, failure]] of failures.entries()) {
			client.world.store = failure
			const first = await post(`key-${index}`)
			expect([429, 502]).toContain(first.status)
			client.world.store = (request) => store.fetch(request)
			asked()
			const again = await post(`key-${index}`)
			expect(asked(), String(index)).toHaveLength(made - 1)
			if (made === 2) expect([again.status, again.body.status], String(index)).toEqual([200, 'pending'])
			else
				expect([again.status, again.body, again.headers.get('Idempotent-Replayed')], String(index)).toEqual([
					502,
					first.body,
					'true',
				])
		}
	})

	test.each([
		['nothing', '', {}, {}],
		['null', 'null', {}, {}],
		['true', 'true', {}, true],
		['a word', '"ok"', {}, 'ok'],
		['a list', '[{"id":1}]', {}, [{ id: 1 }]],
		['a record', '{"id":1}', { id: 1 }, { id: 1 }],
	])('a write that was done is answered with what came: %s', async (_what, text, ofOrders, ofOthers) => {
		client.world.store = async () =>
			new Response(text, { status: 201, headers: { 'Content-Type': 'application/json' } })
		const key = { 'Idempotency-Key': 'once' }
		// Where a record is promised, anything else is an empty one.
		expect(await hub('POST', '/orders', {}, key)).toMatchObject({ status: 200, body: ofOrders })
		expect(await hub('PATCH', '/orders/5', {})).toMatchObject({ status: 200, body: ofOrders })
		const other = await hub('POST', '/hubs/ecommerce/bookings/12/confirm', {}, { 'Idempotency-Key': 'two' })
		expect([other.status, other.body]).toEqual([200, ofOthers])
		asked()
		expect((await hub('POST', '/orders', {}, key)).headers.get('Idempotent-Replayed')).toBe('true')
		expect(asked()).toEqual([])
	})

	test('a store that answers something else is a 502, never a page of it', async () => {
		client.world.store = async () =>
			new Response('<html>Fatal error in /var/www</html>', { status: 500, headers: { 'Content-Type': 'text/html' } })
		const page = await hub('GET', '/orders')
		expect([page.status, JSON.stringify(page.body)]).toEqual([502, expect.not.stringContaining('/var/www')])
		for (const body of [{}, 'text', 7, [1]]) {
			answer(200, body)
			expect((await hub('GET', '/hubs/ecommerce/orders')).status, JSON.stringify(body)).toBe(502)
		}
	})

	test('a body of 8 MB passes, a larger one is a 413 that names the limit', async () => {
		const of = (bytes: number) => JSON.stringify({ note: 'x'.repeat(bytes - 11) })
		answer(201, { id: 1 })
		expect((await hub('POST', '/orders', of(8 * 1024 * 1024))).status).toBe(200)
		asked()
		for (const path of ['/orders', '/hubs/ecommerce/taxes'])
			expect(await hub('POST', path, of(8 * 1024 * 1024 + 1))).toMatchObject({
				status: 413,
				body: { message: 'body: expected at most 8 MB' },
			})
		expect(asked()).toEqual([])
	})

	test('§1.6 a disabled instance is 403, whatever is asked of it, and its store is left alone', async () => {
		await client.call('DELETE', `/instances/${id}/enabled`)
		asked()
		for (const [method, path] of [
			['GET', '/orders'],
			['GET', '/hubs/ecommerce/taxes/1'],
			['POST', '/orders'],
			['PATCH', '/orders/5'],
			['DELETE', '/orders/5'],
			['GET', '/objects/orders/metadata'],
		] as const)
			expect(
				(await hub(method, path, ['POST', 'PATCH'].includes(method) ? {} : undefined)).status,
				`${method} ${path}`,
			).toBe(403)
		expect(asked()).toEqual([])
	})
})

describe('parameters that the store would interpret', () => {
	test.each([
		...['_method=DELETE', '%5Fmethod=DELETE', '.method=DELETE', '_METHOD=DELETE', '_method[]=DELETE', '_envelope=1'],
		...['rest_route=/wp/v2/users', 'rest.route=/', 'oauth_token=x', 'consumer_key=ck', 'consumer_secret=cs'],
		'pageSize=5&_method=POST',
	])('%s is a 400 on every call, and the store is not asked §8.14', async (query) => {
		const { length } = store.journal()
		asked()
		for (const [method, path, body] of [
			...[
				['GET', '/orders'],
				['GET', '/orders/5'],
				['GET', '/hubs/ecommerce/objects'],
			],
			...[
				['GET', '/hubs/ecommerce/objects/orders/metadata'],
				['GET', '/hubs/ecommerce/data/countries/US'],
			],
			...[
				['POST', '/orders', {}],
				['PATCH', '/orders/5', {}],
				['PUT', '/orders/5', {}],
				['DELETE', '/orders/5'],
			],
		] as [string, string, object?][]) {
			const answer = await hub(method, `${path}?${query}`, body)
			expect([answer.status, answer.body.message], `${method} ${path}`).toEqual([
				400,
				expect.stringContaining('expected a parameter of this call'),
			])
		}
		expect(asked()).toEqual([])
		expect(store.journal()).toHaveLength(length)
	})

	test('`_fields` stays, and neither unknown parameters nor headers that change the method reach the store', async () => {
		const { length } = store.journal()
		asked()
		const headers = { 'X-HTTP-Method-Override': 'DELETE', 'X-HTTP-Method': 'DELETE', 'X-WP-Nonce': '1' }
		const listed = await client.call('GET', '/orders?_fields=id&pageSize=2&a[_method]=DELETE&colour=red', undefined, {
			authorization,
			headers,
		})
		expect([listed.status, listed.body.length]).toEqual([200, 2])
		const [id] = idsOf(listed)
		expect((await hub('GET', `/orders/${id}?_fields=id`, undefined, headers)).body.id).toBe(id)
		expect(asked().join('\n')).not.toMatch(/_fields|_method|colour/)
		expect(store.journal()).toHaveLength(length)
	})

	test.each([
		'orders%3F_method=DELETE',
		'orders/%2e%2e%2f5',
		'orders/5%2F..%2F6',
		'orders%2F..%2Fcoupons',
		'orders/5%26a=b',
	])('the path %s does not reach the store', async (path) => {
		asked()
		const { status } = await hub('GET', `/hubs/ecommerce/${path}`)
		expect([400, 404]).toContain(status)
		expect(asked().filter((one) => /\?_method|coupons|\.\./.test(one))).toEqual([])
	})
})

/** POST, PUT, PATCH and DELETE of the simulated store with the error bodies that real stores sent. */
import { describe, expect, it } from 'vitest'
import type { Rec } from '../../store/store.ts'
import { basic, rig } from './helpers.ts'
import type { Rig } from './helpers.ts'

function some(
	{ store }: Rig,
	resource: 'orders' | 'products' | 'coupons' | 'customers',
	fits: (record: Rec) => boolean = () => true,
): Rec {
	return [...store.state(resource).values()].find(
		(record) => fits(record) && record.role !== 'administrator' && record.role !== 'shop_manager',
	) as Rec
}

describe('creating', () => {
	it('answers 201 with the record and its address, and journals it', async () => {
		const made = rig()
		const product = some(made, 'products', ({ type, status }) => type === 'simple' && status === 'publish')
		const answer = await made.call('POST', 'orders', {
			status: 'processing',
			billing: { email: 'a@example.test', city: 'Denver' },
			line_items: [{ product_id: product.id, quantity: 2 }],
		})
		expect(answer.status).toBe(201)
		expect(answer.headers.get('location')).toBe(`https://shop.example/wp-json/wc/v3/orders/${answer.json.id}`)
		expect(answer.json).toMatchObject({
			status: 'processing',
			total: (Number(product.price) * 2).toFixed(2),
			billing: { email: 'a@example.test', state: '' },
			number: String(answer.json.id),
		})
		expect(answer.json.date_paid_gmt).toBe('2026-11-23T12:00:00')
		expect(made.store.journal()[0]).toMatchObject({ resource: 'orders', id: answer.json.id, change: 'created' })
	})

	it.each([
		[
			'orders',
			{ status: 'nope' },
			'rest_invalid_param',
			'status is not one of auto-draft, pending, processing, on-hold, completed, cancelled, refunded, failed, and checkout-draft.',
		],
		['orders', { billing: { email: 'nope' } }, 'rest_invalid_param', 'Invalid email address.'],
		[
			'orders',
			{ coupon_lines: [{ code: 'doesnotexist' }] },
			'woocommerce_rest_invalid_coupon',
			'Coupon &quot;doesnotexist&quot; cannot be applied because it does not exist.',
		],
		['products', { name: 'dup', sku: 'RO-0001' }, 'product_invalid_sku', 'Invalid or duplicated SKU.'],
		['coupons', { code: 'RIVER1' }, 'woocommerce_rest_coupon_code_already_exists', 'The coupon code already exists'],
		['customers', { email: 'x' }, 'customer_invalid_email', 'Invalid email address'],
		[
			'customers',
			{ email: 'cust1@example.test' },
			'registration-error-email-exists',
			'An account is already registered with cust1@example.test. Please log in or use a different email address.',
		],
		['products/tags', { name: 'new' }, 'term_exists', 'A term with the name provided already exists in this taxonomy.'],
		['products/tags', {}, 'rest_missing_callback_param', 'Missing parameter(s): name'],
	])('refuses %s %j', async (path, body, code, message) => {
		const { call, store } = rig()
		const answer = await call('POST', path, body)
		expect([answer.status, answer.json.code]).toEqual([400, code])
		expect(answer.text).toContain(message.slice(0, 40))
		expect(store.journal()).toEqual([])
	})

	it('takes forms, refuses broken JSON, and does not read text/plain', async () => {
		const { raw, store } = rig()
		const post = (type: string, body: string) =>
			raw('https://shop.example/wp-json/wc/v3/products/tags', {
				method: 'POST',
				headers: { authorization: basic(store.credentials), 'content-type': type },
				body,
			})
		expect((await post('application/x-www-form-urlencoded', 'name=formtag')).json.slug).toBe('formtag')
		expect((await post('application/json', '{"name": ')).json).toEqual({
			code: 'rest_invalid_json',
			message: 'Invalid JSON body passed.',
			data: { status: 400, json_error_code: 4, json_error_message: 'Syntax error' },
		})
		expect((await post('text/plain', '{"name":"plain"}')).json.code).toBe('rest_missing_callback_param')
	})

	it('makes every kind of object', async () => {
		const made = rig()
		const order = some(made, 'orders', ({ status }) => status === 'processing')
		const product = some(made, 'products', ({ type }) => type === 'variable')
		for (const [path, body] of [
			['products', { name: 'B1', regular_price: '6.00' }],
			['coupons', { code: 'HookCode', amount: '10' }],
			['customers', { email: 'new@example.test' }],
			[`orders/${order.id}/refunds`, { amount: '0.10', reason: 'x', api_refund: false }],
			[`orders/${order.id}/notes`, { note: 'hello' }],
			[`products/${product.id}/variations`, { regular_price: '9' }],
			['products/categories', { name: 'C' }],
			['products/attributes', { name: 'Fit' }],
			[
				'products/reviews',
				{ product_id: product.id, review: 'r', reviewer: 'R', reviewer_email: 'r@example.test', rating: 5 },
			],
			['taxes', { country: 'DE', rate: '19' }],
		] as [string, Rec][]) {
			const answer = await made.call('POST', path, body)
			expect([path, answer.status]).toEqual([path, 201])
			expect((await made.get(`${path}/${answer.json.id}`)).json.id).toBe(answer.json.id)
		}
		expect((await made.get(`orders/${order.id}`)).json.refunds).toMatchObject([{ reason: 'x', total: '-0.10' }])
		expect((await made.get('coupons?code=hookcode')).json[0].amount).toBe('10.00')
	})
})

describe('changing', () => {
	it('PUT and PATCH take fields, keep the others, answer the record', async () => {
		const made = rig()
		const order = some(made, 'orders', ({ line_items }) => line_items.length > 0)
		const answer = await made.call('PATCH', `orders/${order.id}`, {
			billing: { phone: '1' },
			meta_data: [{ key: 'b', value: '1' }],
		})
		expect(answer.json.billing).toEqual({ ...order.billing, phone: '1' })
		expect(answer.json.meta_data.length).toBe(1)
		const line = order.line_items[0] as Rec
		const more = await made.call('PUT', `orders/${order.id}`, { line_items: [{ id: line.id, quantity: 9 }] })
		expect(more.json.line_items[0]).toMatchObject({ quantity: 9, total: (line.price * 9).toFixed(2) })
	})

	it('2.6 a missing order, product or coupon: PUT 400, GET and DELETE 404; a missing customer 404', async () => {
		const { call } = rig()
		const codes = {
			orders: 'woocommerce_rest_shop_order_invalid_id',
			products: 'woocommerce_rest_product_invalid_id',
			coupons: 'woocommerce_rest_shop_coupon_invalid_id',
			customers: 'wc_user_invalid_id',
		}
		for (const [resource, code] of Object.entries(codes)) {
			for (const [method, status] of [
				['PUT', resource === 'customers' ? 404 : 400],
				['GET', 404],
				['DELETE', 404],
			] as const) {
				const answer = await call(method, `${resource}/99999999`, method === 'PUT' ? {} : undefined)
				expect([resource, method, answer.status, answer.json.code]).toEqual([resource, method, status, code])
			}
		}
		expect((await rig({ version: '5.5' }).get('customers/99999999')).json.code).toBe('woocommerce_rest_invalid_id')
		expect((await call('DELETE', 'orders')).json.code).toBe('rest_no_route')
	})

	it('a GET with _method writes, and takes its fields from the query', async () => {
		const { raw, store } = rig()
		const headers = { authorization: basic(store.credentials) }
		for (const name of ['_method', '.method', '+.method', '%5Fmethod']) {
			const before = store.state('orders').size
			const made = await raw(`https://shop.example/wp-json/wc/v3/orders?${name}=POST&status=completed`, { headers })
			expect([made.status, made.json.status]).toEqual([201, 'completed'])
			expect(store.state('orders').size).toBe(before + 1)
		}
	})

	it('the method may be overridden', async () => {
		const { raw, store } = rig()
		const headers = { authorization: basic(store.credentials), 'x-http-method-override': 'GET' }
		expect(
			(await raw('https://shop.example/wp-json/wc/v3/products/tags?per_page=1', { method: 'POST', headers })).json
				.length,
		).toBe(1)
		expect(
			(
				await raw('https://shop.example/wp-json/wc/v3/products/tags?_method=GET&per_page=1', {
					method: 'POST',
					headers: { authorization: headers.authorization },
				})
			).json.length,
		).toBe(1)
	})
})

describe('section 5: deleting', () => {
	it.each(['orders', 'products', 'coupons'] as const)(
		'%s go to the trash, once, and for good with force',
		async (resource) => {
			const made = rig()
			const { id, status } = some(made, resource, (record) => record.type !== 'variable')
			const trashed = await made.call('DELETE', `${resource}/${id}`)
			expect([trashed.status, trashed.json.status]).toEqual([200, status])
			expect((await made.get(`${resource}/${id}`)).json.status).toBe('trash')
			const again = await made.call('DELETE', `${resource}/${id}`)
			expect([again.status, again.json.code]).toEqual([410, 'woocommerce_rest_already_trashed'])
			expect(
				(await made.call('PUT', `${resource}/${id}`, { meta_data: [{ key: 'onTrash', value: '1' }] })).json.status,
			).toBe('trash')
			expect((await made.call('PUT', `${resource}/${id}`, { status })).json.status).toBe(status)
			expect((await made.call('DELETE', `${resource}/${id}?force=true`)).status).toBe(200)
			expect((await made.get(`${resource}/${id}`)).status).toBe(404)
			expect(made.store.journal().map(({ change }) => change)).toEqual([
				'trashed',
				expect.stringMatching(/silently|updated/),
				'restored',
				'deleted',
			])
		},
	)

	it('what has no trash needs force', async () => {
		const made = rig()
		const { id } = some(made, 'customers')
		const refused = await made.call('DELETE', `customers/${id}`)
		expect([refused.status, refused.json]).toEqual([
			501,
			{
				code: 'woocommerce_rest_trash_not_supported',
				message: 'Customers do not support trashing.',
				data: { status: 501 },
			},
		])
		expect((await made.call('DELETE', `customers/${id}?force=true`)).status).toBe(200)
		expect((await made.call('DELETE', 'products/tags/22')).status).toBe(501)
		expect((await made.call('DELETE', 'products/tags/22?force=true')).status).toBe(200)
	})

	it.each(['line_items', 'shipping_lines', 'fee_lines'])('refuses numbers as amounts of %s', async (field) => {
		const made = rig()
		const { id } = some(made, 'orders')
		const line = field === 'line_items' ? { product_id: some(made, 'products').id } : { name: 'x', method_id: 'flat' }
		for (const [method, path] of [
			['POST', 'orders'],
			['PUT', `orders/${id}`],
		] as const) {
			const refused = await made.call(method, path, {
				[field]: [
					{ ...line, total: '1.00' },
					{ ...line, total: 5 },
				],
			})
			expect([refused.status, refused.json]).toMatchObject([
				400,
				{
					code: 'rest_invalid_param',
					message: `Invalid parameter(s): ${field}`,
					data: { params: { [field]: `${field}[1][total] is not of type string.` } },
				},
			])
			expect((await made.call(method, path, { [field]: [{ ...line, total: '5.00' }] })).status).toBeLessThan(300)
		}
	})

	it('refuses a refund that the gateway would have to pay, unless api_refund is false', async () => {
		const made = rig()
		for (const [method, works] of [
			['bacs', false],
			['cod', false],
			['', false],
			['stripe', true],
		] as const) {
			const order = (
				await made.call('POST', 'orders', { payment_method: method, fee_lines: [{ name: 'fee', total: '9.00' }] })
			).json
			const path = `orders/${order.id}/refunds`
			const asked = await made.call('POST', path, { amount: '1.00' })
			expect([method, asked.status]).toEqual([method, works ? 201 : 500])
			if (!works) expect(asked.json.code).toBe('woocommerce_rest_cannot_create_order_refund')
			expect((await made.call('POST', path, { amount: '1.00', api_refund: false })).status).toBe(201)
		}
	})

	it('takes a second attribute or term of the same name with another slug', async () => {
		const made = rig()
		for (const path of ['products/attributes', 'products/categories', 'products/tags']) {
			const first = await made.call('POST', path, { name: 'Twin' })
			expect(first.status).toBe(201)
			expect((await made.call('POST', path, { name: 'Twin', slug: 'twin-two' })).status).toBe(201)
			const refused = await made.call('POST', path, { name: 'Twin' })
			expect([refused.status, refused.json.code]).toEqual([
				400,
				path.endsWith('attributes') ? 'woocommerce_rest_cannot_create' : 'term_exists',
			])
		}
	})

	it('7.0 answers 500 to the trashing of a coupon, and has trashed it', async () => {
		const made = rig({ version: '7.0' })
		const { id } = some(made, 'coupons')
		const answer = await made.call('DELETE', `coupons/${id}`)
		expect([answer.status, answer.json.code]).toEqual([500, 'woocommerce_rest_cannot_delete'])
		expect(made.store.journal()).toMatchObject([{ id, change: 'trashed' }])
	})

	it('a variable product takes its variations along', async () => {
		const made = rig()
		const { id, variations } = some(made, 'products', ({ type }) => type === 'variable')
		made.store.act({ do: 'trash', resource: 'products', id })
		expect(made.store.journal().length).toBe(variations.length + 1)
		made.store.act({ do: 'restore', resource: 'products', id })
		made.store.act({ do: 'delete', resource: 'products', id })
		expect((await made.get(`products/${id}/variations`)).json).toEqual([])
	})
})

describe('batches', () => {
	it('create, update and delete, each with its own outcome', async () => {
		const made = rig()
		const [first, second] = [...made.store.state('products').keys()] as [number, number]
		const answer = await made.call('POST', 'products/batch', {
			create: [{ name: 'B1' }],
			update: [
				{ id: first, menu_order: 3 },
				{ id: 99999999, name: 'x' },
			],
			delete: [second],
		})
		expect(answer.json.create[0].name).toBe('B1')
		expect(answer.json.update[0].menu_order).toBe(3)
		expect(answer.json.update[1]).toMatchObject({
			id: 99999999,
			error: { code: 'woocommerce_rest_product_invalid_id', data: { status: 400 } },
		})
		expect((await made.get(`products/${second}`)).status).toBe(404)
		expect((await made.call('POST', 'products/batch', {})).json).toEqual([])
	})

	it('2.4 takes 100 items, not 101', async () => {
		const answer = await rig().call('POST', 'orders/batch', {
			update: Array.from({ length: 101 }, (_, id) => ({ id })),
		})
		expect([answer.status, answer.json.message]).toEqual([
			413,
			'Unable to accept more than 100 items for this request.',
		])
	})
})

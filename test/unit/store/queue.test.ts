/** The queue of deliveries: when cron runs it, what bodies say by then, and everything that the knobs let go wrong. */
import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { signatureOf } from '../../store/payload.ts'
import { freePort, serve } from '../../store/serve.ts'
import { createStore } from '../../store/store.ts'
import type { Rec, WebhookKnobs } from '../../store/store.ts'
import { hooked, NOON, rig, topics, URL_OF_OURS } from './helpers.ts'
import type { Received } from './helpers.ts'

const body = (received: Received | undefined): Rec => JSON.parse(received?.body ?? 'null') as Rec
const edit = (id: number, note = 'x') =>
	({ do: 'edit', resource: 'products', id, set: { short_description: note } }) as const

/** Three products that exist. */
function three(store: { state(resource: 'products'): Map<number, Rec> }): [number, number, number] {
	return [...store.state('products').values()]
		.filter(({ type }) => type === 'simple')
		.map(({ id }) => id)
		.slice(0, 3) as [number, number, number]
}

describe('the queue', () => {
	it('7.1 sends the recorded headers, signed bytes, and one delivery id within one second', async () => {
		const { store, clock, take } = await hooked('product.updated')
		const [a, b] = three(store)
		store.act(edit(a, 'Größe 5/6'))
		store.act(edit(b))
		await store.runQueue()
		const [first, second] = take()
		expect(Object.fromEntries(first?.headers ?? [])).toMatchObject({
			'content-type': 'application/json',
			'user-agent': 'WooCommerce/11.0.1 Hookshot (WordPress/7.1)',
			'x-wc-webhook-source': 'https://shop.example/',
			'x-wc-webhook-topic': 'product.updated',
			'x-wc-webhook-resource': 'product',
			'x-wc-webhook-event': 'updated',
			'x-wc-webhook-id': '1',
			'x-wc-webhook-signature': signatureOf(first?.body ?? '', 'ab12'),
		})
		expect(first?.body).toContain('Gr\\u00f6\\u00dfe 5\\/6')
		const deliveryId = (received: Received | undefined): string | null | undefined =>
			received?.headers.get('x-wc-webhook-delivery-id')
		expect(deliveryId(first)).toMatch(/^[\da-f]{32}$/)
		expect(deliveryId(second)).toBe(deliveryId(first))
		clock.now += 1000
		store.act(edit(a, 'later'))
		await store.runQueue()
		expect(deliveryId(take()[0])).not.toBe(deliveryId(first))
	})

	it('7.2 waits for cron: a second by default, a number, or some moment of a range', async () => {
		const { store, clock } = await hooked('product.updated')
		const [a, b] = three(store)
		expect(store.nextQueueAt()).toBe(null)
		store.act(edit(a))
		expect(store.nextQueueAt()).toBe(NOON + 1000)
		clock.now += 500
		store.act(edit(b))
		expect(store.nextQueueAt()).toBe(NOON + 1000)
		expect(await store.runQueue()).toBe(2)
		store.setWebhooks({ delaySeconds: [10, 60] })
		store.act(edit(a, 'y'))
		const at = store.nextQueueAt() ?? 0
		expect(at).toBeGreaterThanOrEqual(clock.now + 10_000)
		expect(at).toBeLessThanOrEqual(clock.now + 60_000)
	})

	it('7.2 sends one after another, gives up after the timeout, and never repeats', async () => {
		let running = 0
		let most = 0
		const { store } = await hooked('product.updated', { webhooks: { timeoutMs: 200 } }, async ({ body: text }) => {
			most = Math.max(most, ++running)
			const slow = text.includes('slow')
			await new Promise((resolve) => {
				setTimeout(resolve, slow ? 2000 : 5)
			})
			running--
			return 200
		})
		const [a, b, c] = three(store)
		for (const [id, note] of [
			[a, 'x'],
			[b, 'x'],
			[c, 'slow'],
		] as const)
			store.act(edit(id, note))
		expect(await store.runQueue()).toBe(3)
		expect(most).toBe(1)
		expect(store.deliveries(1)).toMatchObject([
			{ id: a, result: 'sent', status: 200 },
			{ id: b, result: 'sent', status: 200 },
			{ id: c, result: 'failed', status: null, error: 'Operation timed out after 200 milliseconds' },
		])
		expect(await store.runQueue()).toBe(0)
	})

	it.each([
		[200, 'sent'],
		[204, 'sent'],
		[301, 'sent'],
		[302, 'sent'],
		[303, 'failed'],
		[307, 'failed'],
		[308, 'failed'],
		[410, 'failed'],
		[500, 'failed'],
	])('7.2 an answer of %i is %s, and no redirect is followed', async (status, result) => {
		const { store, take } = await hooked('product.updated', {}, ({ headers }) =>
			headers.has('x-wc-webhook-topic')
				? new Response(null, { status, headers: { location: 'https://bell.example/moved' } })
				: 200,
		)
		store.act(edit(three(store)[0]))
		expect(await store.runQueue()).toBe(1)
		expect(take()).toHaveLength(1)
		expect(store.deliveries().at(-1)).toMatchObject({ topic: 'product.updated', result, status })
	})

	it('7.3 sends the state at delivery, once for several changes', async () => {
		const { store, take } = await hooked('product.updated')
		const [a] = three(store)
		for (const note of ['1', '2', '3']) store.act(edit(a, note))
		await store.runQueue()
		const received = take()
		expect(received.map((one) => body(one).short_description)).toEqual(['3'])
	})

	it('7.4 sends a signed error when the object is gone, or the rights of the owner', async () => {
		const { store, take } = await hooked('product.updated')
		const [a, b] = three(store)
		store.act(edit(a))
		store.act({ do: 'delete', resource: 'products', id: a })
		await store.runQueue()
		const [gone] = take()
		expect(body(gone)).toEqual({
			code: 'woocommerce_rest_product_invalid_id',
			message: 'Invalid ID.',
			data: { status: 404 },
		})
		expect(gone?.headers.get('x-wc-webhook-signature')).toBe(signatureOf(gone?.body ?? '', 'ab12'))
		store.setFaults({ webhooks: { owner: 'demoted' } })
		store.act(edit(b))
		await store.runQueue()
		expect(body(take()[0])).toEqual({
			code: 'woocommerce_rest_cannot_view',
			message: 'Sorry, you cannot view this resource.',
			data: { status: 403 },
		})
		store.setFaults({ key: 'revoked', match: '/nothing' })
		store.act(edit(b, 'z'))
		await store.runQueue()
		expect(body(take()[0]).id).toBe(b)
	})

	it('7.5 sends the trash and of deleted customers with ids, which may be text', async () => {
		const { store, take } = await hooked('product.deleted')
		const [a, b] = three(store)
		store.makeWebhook({ topic: 'customer.deleted', delivery_url: URL_OF_OURS })
		store.act({ do: 'trash', resource: 'products', id: a })
		const customer = [...store.state('customers').keys()].at(-1) ?? 0
		store.act({ do: 'delete', resource: 'customers', id: customer })
		await store.runQueue()
		expect(take().map(body)).toEqual([{ id: a }, { id: customer }])
		store.setWebhooks({ textIds: true })
		store.act({ do: 'trash', resource: 'products', id: b })
		await store.runQueue()
		expect(take().map(body)).toEqual([{ id: String(b) }])
	})

	it('7.8 version 7.0 reports a checkout that has begun, 11.0 when the order is placed', async () => {
		for (const version of ['7.0', '11.0'] as const) {
			const { store, take } = await hooked('order.created', { version })
			store.makeWebhook({ topic: 'order.updated', delivery_url: URL_OF_OURS })
			store.act({ do: 'checkout-draft' })
			await store.runQueue()
			expect(topics(take())).toEqual(version === '7.0' ? ['order.created'] : [])
			store.act({ do: 'checkout' })
			await store.runQueue()
			expect(topics(take())).toEqual(version === '7.0' ? ['order.updated'] : ['order.updated', 'order.created'])
		}
	})

	it('7.9 variations travel as products', async () => {
		const { store, take } = await hooked('product.updated')
		const variation = store.state('variations').keys().next().value ?? 0
		store.act({ do: 'edit', resource: 'variations', id: variation })
		await store.runQueue()
		expect(take().map(body)).toMatchObject([{ id: variation, type: 'variation' }])
	})

	it('7.10 a paused webhook still delivers what was queued, and nothing of what comes then', async () => {
		const { store, call, take, id } = await hooked('product.updated')
		const [a, b] = three(store)
		store.act(edit(a))
		await call('PUT', `webhooks/${id}`, { status: 'paused' })
		store.act(edit(b))
		await store.runQueue()
		await call('PUT', `webhooks/${id}`, { status: 'active' })
		await store.runQueue()
		expect(take().map((one) => body(one).id)).toEqual([a])
	})

	it('4 fires for saves that move no stamp, and not for what is written past WooCommerce', async () => {
		for (const orders of ['hpos', 'posts'] as const) {
			const { store, take } = await hooked('order.updated', { orders })
			for (const topic of ['coupon.updated', 'product.updated', 'customer.updated'])
				store.makeWebhook({ topic, delivery_url: URL_OF_OURS })
			for (const resource of ['orders', 'coupons', 'products', 'customers'] as const)
				store.act({ do: 'edit-silently', resource })
			await store.runQueue()
			expect(topics(take())).toEqual(orders === 'posts' ? ['order.updated', 'coupon.updated'] : ['coupon.updated'])
		}
	})
})

describe('knobs', () => {
	/** What arrives of three edits with these knobs: ids in order. */
	async function arriving(webhooks: WebhookKnobs) {
		const h = await hooked('product.updated')
		h.store.setWebhooks(webhooks)
		const products = three(h.store)
		for (const id of products) h.store.act(edit(id))
		await h.store.runQueue()
		return { ...h, products, ids: h.take().map((one) => products.indexOf(body(one).id as number)) }
	}

	it('drops every nth, which WooCommerce takes for delivered', async () => {
		const { store, ids } = await arriving({ dropEvery: 2 })
		expect(ids).toEqual([0, 2])
		expect(store.deliveries(1).map(({ number, result }) => [number, result])).toEqual([
			[2, 'sent'],
			[3, 'dropped'],
			[4, 'sent'],
		])
		expect(store.webhooks()[0]?.failures).toBe(0)
	})

	it('doubles every nth, byte for byte', async () => {
		const { store, ids } = await arriving({ doubleEvery: 3 })
		expect(ids).toEqual([0, 1, 2, 2])
		expect(store.deliveries().at(-1)).toMatchObject({ repeat: 'double' })
	})

	it('delivers every nth late, with the state of then', async () => {
		const { store, clock, ids, products, take } = await arriving({ lateEvery: 2, lateSeconds: 90 })
		expect(ids).toEqual([0, 2])
		expect(store.nextQueueAt()).toBe(NOON + 90_000)
		store.act(edit(products[1], 'newer'))
		expect(await store.runQueue()).toBe(0)
		clock.now += 90_000
		expect(await store.runQueue()).toBe(1)
		expect(body(take()[0]).short_description).toBe('newer')
	})

	it('replays every nth with the bytes of before', async () => {
		const { store, clock, ids, products, take } = await arriving({ replayEvery: 2, replaySeconds: 5 })
		expect(ids).toEqual([0, 1, 2])
		store.setWebhooks({})
		clock.now += 5000
		store.act(edit(products[1], 'newer'))
		await store.runQueue()
		expect(take().map((one) => body(one).short_description)).toEqual(['x', 'newer'])
		expect(store.deliveries().at(-2)).toMatchObject({ repeat: 'replay' })
	})

	it('reorders', async () => {
		const orders = await Promise.all(
			[1, 2, 3, 4, 5, 6].map(async (seed) => {
				const { store, take } = await hooked('product.updated', { seed, webhooks: { reorder: true } })
				const products = three(store)
				for (const id of products) store.act(edit(id))
				await store.runQueue()
				return take()
					.map((one) => products.indexOf(body(one).id as number))
					.join('')
			}),
		)
		expect(new Set(orders).size).toBeGreaterThan(1)
		for (const order of orders) expect([...order].toSorted()).toEqual(['0', '1', '2'])
	})

	it('holds the queue until cron is repaired', async () => {
		const { store, ids } = await arriving({ hold: true })
		expect([ids, store.nextQueueAt()]).toEqual([[], null])
		store.setWebhooks({})
		expect(await store.runQueue()).toBe(3)
	})

	it('names another source, filters payloads, and makes payloads of older versions', async () => {
		const { store, take } = await hooked('product.updated', {
			webhooks: { source: 'https://staging.example/', sourceEvery: 2, plugin: { remove: ['sku'], set: { erp: 7 } } },
		})
		const [a, b] = three(store)
		for (const id of [a, b]) store.act(edit(id))
		await store.runQueue()
		const received = take()
		expect(received.map(({ headers }) => headers.get('x-wc-webhook-source'))).toEqual([
			'https://shop.example/',
			'https://staging.example/',
		])
		expect(body(received[0])).toMatchObject({ id: a, erp: 7 })
		expect(Object.keys(body(received[0]))).not.toContain('sku')
		store.setWebhooks({})
		store.makeWebhook({ id: 1, api_version: 1 })
		store.act(edit(a, 'v1'))
		await store.runQueue()
		const keys = Object.keys(body(take()[0]))
		expect(keys).toContain('in_stock')
		for (const lacking of ['stock_status', 'date_modified_gmt', 'meta_data']) expect(keys).not.toContain(lacking)
	})

	it('are set over HTTP too, and the deliveries are shown there', async () => {
		const { store, raw, take } = await hooked('product.updated')
		const control = async (method: string, path: string, value?: unknown) =>
			(
				await raw(`${store.url}/_store/${path}`, {
					method,
					...(value !== undefined && { body: JSON.stringify(value) }),
				})
			).json
		await control('PUT', 'webhooks', { dropEvery: 2 })
		await control('POST', 'webhooks', { topic: 'coupon.updated', delivery_url: URL_OF_OURS, api_version: 2 })
		for (const id of three(store)) store.act(edit(id))
		expect(await control('GET', 'webhooks')).toMatchObject({
			knobs: { dropEvery: 2 },
			webhooks: [{ topic: 'product.updated' }, { apiVersion: 2 }],
			queued: 3,
			nextQueueAt: NOON + 1000,
		})
		expect(await control('POST', 'queue')).toEqual({ requests: 2 })
		expect(await control('GET', 'deliveries?after=1')).toMatchObject([
			{ number: 2, webhook: 1, topic: 'product.updated', result: 'sent', status: 200 },
			{ result: 'dropped' },
			{ result: 'sent' },
		])
		expect(take()).toHaveLength(2)
	})

	it('leave the journal as it is without webhooks', async () => {
		const acts = (store: ReturnType<typeof rig>['store']): unknown => {
			for (let i = 0; i < 10; i++)
				for (const what of ['place-order', 'checkout-draft', 'checkout'] as const) store.act({ do: what })
			return store.journal()
		}
		const { store } = await hooked('order.updated', { webhooks: { reorder: true, delaySeconds: [1, 9], dropEvery: 2 } })
		const with_ = acts(store)
		expect(with_).toEqual(acts(rig().store))
	})
})

it('7.2 a served store runs its queue by itself, and reaches real receivers', async () => {
	const got: { headers: IncomingHttpHeaders; body: string }[] = []
	const server = createServer((request, response) => {
		void text(request).then((received) => {
			got.push({ headers: request.headers, body: received })
			return response.end()
		})
	})
	const [port, own] = [await freePort(), await freePort()]
	await new Promise<void>((resolve) => server.listen(own, '127.0.0.1', resolve))
	const store = createStore({
		url: `http://127.0.0.1:${port}`,
		objects: 4,
		webhooks: { delaySeconds: 0.05, allowLocalDelivery: true },
	})
	const served = await serve(store, { port })
	try {
		store.makeWebhook({ topic: 'product.updated', delivery_url: `http://127.0.0.1:${own}/hook`, secret: 'ab12' })
		store.act({ do: 'edit', resource: 'products' })
		await expect.poll(() => got.length, { timeout: 5000 }).toBe(1)
		expect(got[0]?.headers['user-agent']).toBe('WooCommerce/11.0.1 Hookshot (WordPress/7.1)')
		expect(got[0]?.headers['x-wc-webhook-signature']).toBe(signatureOf(got[0]?.body ?? '', 'ab12'))
	} finally {
		await served.close()
		server.close()
	}
})

/** Webhooks of the simulated store: the recorded management calls and pings are replayed; queue, failures and what goes wrong on purpose. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { reachable, signatureOf } from '../../store/payload.ts'
import type { Rec } from '../../store/store.ts'
import { createStore } from '../../store/store.ts'
import { worldOf } from '../../store/world.ts'
import type { Exchange } from '../../store/world.ts'
import { hooked, receiver, recorded, rig, topics, URL_OF_OURS } from './helpers.ts'
import type { Received } from './helpers.ts'

interface Ping {
	name: string
	received: { method: string; headers: Record<string, string>; body: string }[]
}

/** Which call made the recorded pings. */
const PINGS: Record<string, string> = {
	batch_create: 'ping_batch',
	create_action_topic: 'ping_c_action_topic',
	create_duplicate: 'ping_c_duplicate',
	create_long_query_url: 'ping_c_long_query_url',
	create_product_published: 'ping_c_product_published',
	create_uppercase_topic: 'ping_c_uppercase_topic',
	create_no_name_no_secret: 'ping_create_no_secret',
	create_listener_drops: 'ping_drop',
	create_listener_slow_7s: 'ping_slow',
	create_listener_redirects: 'ping_redirect',
	manager_create: 'ping_mgr',
	...Object.fromEntries(
		['create_single', 'create_paused', 'create_disabled', 'update_url'].map((name) => [name, `ping_${name}`]),
	),
	...Object.fromEntries(
		[201, 204, 302, 401, 404, 410, 500].map((status) => [
			`create_listener_says_${status}`,
			`ping_listener_says_${status}`,
		]),
	),
}

/** What the simulation does not reproduce, and why; at most 5 %. */
const EXCEPTIONS: Record<string, string> = {
	'webhooks/readonly_list':
		'a page cut through rows made in one second, which the database gives in an order of its own',
}

/** Answers as the recording's listener did, by the path. */
function listener({ url }: Received): Response | number | Promise<Response> {
	const { pathname, port } = new URL(url)
	if (pathname === '/drop' || port === '9198') throw new TypeError('fetch failed')
	if (pathname.startsWith('/slow/')) return new Promise(() => {})
	const status = Number(/\/(?:status|redirect)\/(\d+)/.exec(pathname)?.[1] ?? 200)
	return pathname.startsWith('/redirect/')
		? new Response(null, { status, headers: { location: '/redirected' } })
		: status
}

describe('recorded management of webhooks', async () => {
	const all = recorded<(Exchange & { request: { body?: unknown } })[]>('hpos-11.0', 'webhooks')
	const exchanges = all.filter(({ name }) => !/failing_|reactivate/.test(name))
	const pings = new Map(recorded<Ping[]>('hpos-11.0', 'deliveries').map(({ name, received }) => [name, received]))
	const clock = { now: 0 }
	const { deliver, take } = receiver(listener)
	const store = createStore({
		url: 'https://127.0.0.1:8443',
		now: () => clock.now,
		world: worldOf(all),
		deliver,
		webhooks: { allowLocalDelivery: true, pingTimeoutMs: 20 },
	})
	const sorted = (body: unknown): unknown =>
		Array.isArray(body) ? (body as Rec[]).toSorted((a, b) => a.id - b.id) : body

	const results = new Map<string, { found: string[]; pings: Received[] }>()
	for (const { name, at, request, response } of exchanges) {
		const body = response.body as Rec
		const made =
			body?.create?.[0]?.date_created_gmt ??
			(response.status === 201 ? body.date_created_gmt : request.method === 'PUT' ? body.date_modified_gmt : null)
		clock.now = made ? Date.parse(`${made}Z`) : Date.parse(at)
		const answer = await store.fetch(
			new Request(request.url, {
				method: request.method,
				headers: request.headers,
				body: request.body === undefined ? null : JSON.stringify(request.body),
			}),
		)
		const found: string[] = []
		if (answer.status !== response.status) found.push(`status ${response.status} became ${answer.status}`)
		for (const header of [
			'content-type',
			'link',
			'x-wp-total',
			'x-wp-totalpages',
			'allow',
			'location',
			'cache-control',
		]) {
			const [real, simulated] = [response.headers[header] ?? null, answer.headers.get(header)]
			if (real !== simulated) found.push(`${header}: ${real} became ${simulated}`)
		}
		const json: unknown = await answer.json()
		// Rows of one second come in an order of the database's own.
		if (JSON.stringify(sorted(json)) !== JSON.stringify(sorted(body)))
			found.push(`${JSON.stringify(body)} became ${JSON.stringify(json)}`)
		results.set(name, { found, pings: take() })
	}

	it('excepts at most 5 % of them', () => {
		expect(Object.keys(EXCEPTIONS).length).toBeLessThanOrEqual(exchanges.length * 0.05)
	})

	it.each(exchanges.map(({ name }) => name))('6.1 %s', (name) => {
		const { found } = results.get(name) ?? { found: ['was never done'] }
		if (name in EXCEPTIONS) expect(found, 'the exception is not needed any more').not.toEqual([])
		else expect(found.length, found.join('\n')).toBe(0)
	})

	it.each(exchanges.map(({ name }) => name))('6.4 pings of %s', (name) => {
		const wanted = pings.get(PINGS[name.replace('webhooks/', '')] ?? '') ?? []
		const got = results.get(name)?.pings ?? []
		// The refused address and the topic-less webhook's failures reached nobody when they were recorded.
		const reached = got.filter(({ url }) => !url.includes(':9198'))
		expect(reached.map(({ method }) => method)).toEqual(wanted.map(({ method }) => method))
		for (const [i, { headers, body, method }] of wanted.entries()) {
			if (method !== 'POST') continue
			expect(reached[i]?.body).toBe(body)
			for (const header of ['user-agent', 'content-type']) expect(reached[i]?.headers.get(header)).toBe(headers[header])
			expect(reached[i]?.headers.has('x-wc-webhook-signature')).toBe(false)
		}
	})

	it('6.5 the recorded failures switch off, and switching on again answers as recorded', async () => {
		const failing = all.filter((one) => one.name.includes('failing_'))
		expect(failing.length).toBeGreaterThan(0)
		for (const { name, response } of failing) {
			const real = response.body as Rec
			const { deliver: refuse } = receiver(listener)
			const r = rig({ deliver: refuse, webhooks: { allowLocalDelivery: true } })
			const { json } = await r.call('POST', 'webhooks', {
				name: real.name,
				topic: real.topic,
				delivery_url: real.delivery_url,
			})
			for (let i = 0; i < 9; i++) {
				r.store.act({
					do: 'save-unchanged',
					resource: 'customers',
					id: r.store.state('customers').keys().next().value ?? 0,
				})
				await r.store.runQueue()
			}
			const shown = await r.get(`webhooks/${json.id}`)
			expect({ ...shown.json, id: 0, _links: 0 }, name).toMatchObject({
				name: real.name,
				status: real.status,
				topic: real.topic,
				hooks: real.hooks,
			})
			expect(r.store.deliveries().filter(({ topic }) => topic !== 'ping')).toHaveLength(7)
		}
	})
})

const edit = { do: 'edit', resource: 'products', id: 11 } as const

describe('webhooks', () => {
	it('6.2 shows neither secret nor failures, and decodes entities in the secret before it signs', async () => {
		const { get, id } = await hooked('order.created')
		const shown = await get(`webhooks/${id}`)
		expect(shown.text).not.toContain('ab12')
		expect(Object.keys(shown.json)).not.toContain('secret')
		const hmac = (secret: string): string => createHmac('sha256', secret).update('{}').digest('base64')
		expect(signatureOf('{}', 'x&amp;y&lt;z&quot;&#039;')).toBe(hmac('x&y<z"\''))
		expect(signatureOf('{}', '0123abcdef')).toBe(hmac('0123abcdef'))
	})

	it.each([
		['https://bell.example/a', true],
		['http://bell.example:8080/a', true],
		['https://bell.example:8443/a', false],
		['https://user:pw@bell.example/a', false],
		['http://127.0.0.1/a', false],
		['http://localhost/a', false],
		['http://10.1.2.3/a', false],
		['http://172.20.0.1/a', false],
		['http://172.32.0.1/a', true],
		['http://192.168.0.9/a', false],
		['http://[::1]/a', false],
		['ftp://bell.example/a', false],
		['https://shop.example:4010/a', true],
	])('6.3 WordPress asks %s: %s', (url, asked) => {
		expect(reachable(url, 'https://shop.example:4010')).toBe(asked)
	})

	it('6.3 refuses private addresses without a request, unless the knob lifts that', async () => {
		const inbox = receiver()
		const { call, store, get } = rig({ deliver: inbox.deliver })
		const { json, status } = await call('POST', 'webhooks', {
			topic: 'order.created',
			delivery_url: 'http://127.0.0.1:9199/a',
		})
		expect([status, json.status, inbox.got.length]).toEqual([201, 'active', 0])
		expect(store.deliveries()).toMatchObject([
			{ topic: 'ping', webhook: json.id, result: 'failed', status: null, error: 'A valid URL was not provided.' },
		])
		store.setWebhooks({ allowLocalDelivery: true })
		await call('PUT', `webhooks/${json.id}`, { name: 'again' })
		expect(inbox.got).toHaveLength(1)
		expect((await get('webhooks')).json).toHaveLength(1)
	})

	it('6.4 pings before the call returns, and again at every save until the answer is exactly 200', async () => {
		let status = 204
		const { call, act, take, store, id } = await hooked('product.updated', {}, () => status).then((h) => ({
			...h,
			act: h.store.act.bind(h.store),
		}))
		await call('PUT', `webhooks/${id}`, { name: 'renamed' })
		expect(topics(take())).toEqual(['ping'])
		act(edit)
		await store.runQueue()
		expect(topics(take())).toEqual(['product.updated', 'ping'])
		status = 200
		act(edit)
		await store.runQueue()
		expect(topics(take())).toEqual(['product.updated', 'ping'])
		act(edit)
		await store.runQueue()
		await call('PUT', `webhooks/${id}`, { status: 'paused' })
		expect(topics(take())).toEqual(['product.updated'])
		await call('PUT', `webhooks/${id}`, { delivery_url: `${URL_OF_OURS}2` })
		expect(topics(take())).toEqual(['ping'])
	})

	it('6.5 the seventh failure in a row switches off; switching on keeps the count, one success forgets it', async () => {
		let status = 200
		const { store, call, get, id } = await hooked('product.updated', {}, () => status)
		const fail = async (times: number): Promise<string> => {
			for (let i = 0; i < times; i++) {
				store.act(edit)
				await store.runQueue()
			}
			return (await get(`webhooks/${id}`)).json.status as string
		}
		status = 500
		expect(await fail(6)).toBe('active')
		expect(await fail(1)).toBe('disabled')
		expect(await fail(2)).toBe('disabled')
		expect(store.deliveries().filter(({ result }) => result === 'failed')).toHaveLength(7)
		await call('PUT', `webhooks/${id}`, { status: 'active' })
		expect(await fail(1)).toBe('disabled')
		await call('PUT', `webhooks/${id}`, { status: 'active' })
		status = 302
		expect(await fail(1)).toBe('active')
		expect(store.webhooks()[0]?.failures).toBe(0)
		status = 500
		expect(await fail(6)).toBe('active')
	})

	it('6.6 is managed by keys that may write and manage WooCommerce', async () => {
		const { store, raw } = rig({ deliver: receiver().deliver })
		const by = async (name: string, method: string): Promise<number> => {
			const { key, secret } = store.keys[name] as { key: string; secret: string }
			const headers = { authorization: `Basic ${btoa(`${key}:${secret}`)}`, 'content-type': 'application/json' }
			const body = method === 'POST' ? JSON.stringify({ topic: 'order.created', delivery_url: URL_OF_OURS }) : null
			return (await raw(`${store.url}/wp-json/wc/v3/webhooks`, { method, headers, body })).status
		}
		expect([
			await by('manager', 'POST'),
			await by('ro', 'POST'),
			await by('customer', 'POST'),
			await by('ro', 'GET'),
			await by('customer', 'GET'),
		]).toEqual([201, 401, 403, 200, 403])
	})

	it('6.5 forgets a deleted webhook with what it had queued', async () => {
		const { store, call, got, id } = await hooked('product.updated')
		store.act(edit)
		expect((await call('DELETE', `webhooks/${id}?force=true`)).status).toBe(200)
		expect([await store.runQueue(), got.length, store.nextQueueAt()]).toEqual([0, 0, null])
	})
})

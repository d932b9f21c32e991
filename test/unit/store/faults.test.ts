/** Faults, sites and the served program (docs/woocommerce.md §1, §2). */
import { get as overHttp } from 'node:http'
import { get as overHttps } from 'node:https'
import { describe, expect, it } from 'vitest'
import { freePort, serve } from '../../store/serve.ts'
import { createStore } from '../../store/store.ts'
import type { Site } from '../../store/store.ts'
import { basic, NOON, rig } from './helpers.ts'

describe('faults', () => {
	it('2.2 429 with seconds or a date, for so many times', async () => {
		const made = rig()
		for (const retryAfter of ['10', 'Mon, 23 Nov 2026 12:00:10 GMT']) {
			made.store.setFaults({ match: '/orders', status: 429, retryAfter, times: 2 })
			expect((await made.get('products')).status).toBe(200)
			for (const status of [429, 429, 200]) {
				const answer = await made.get('orders')
				expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, status === 429 ? retryAfter : null])
			}
		}
	})

	it('end by the store clock, skip, and take every nth', async () => {
		const made = rig()
		made.store.setFaults({ status: 503, forSeconds: 10 })
		expect((await made.get('orders')).status).toBe(503)
		made.clock.now += 10_000
		expect((await made.get('orders')).status).toBe(200)
		made.store.setFaults([{ pattern: '^.*/orders', status: 502, skip: 1, every: 2 }])
		const seen: number[] = []
		for (let i = 0; i < 5; i++) seen.push((await made.get('orders')).status)
		expect(seen).toEqual([200, 200, 502, 200, 502])
		made.store.setFaults({})
		expect((await made.get('orders')).status).toBe(200)
	})

	it('2.2 a 403 challenge is HTML, a refusal is JSON', async () => {
		const made = rig()
		made.store.setFaults({ status: 403 })
		expect((await made.get('orders')).headers.get('content-type')).toContain('html')
		made.store.setFaults({ status: 401 })
		expect((await made.get('orders')).json.code).toBe('woocommerce_rest_cannot_view')
	})

	it('2.1 bodies spoiled: a notice, a BOM, cut short, HTML', async () => {
		const made = rig()
		const whole = (await made.get('coupons')).text
		made.store.setFaults({ notice: true })
		const notice = await made.get('coupons')
		expect([notice.json, notice.status, notice.headers.get('content-type')]).toEqual([
			null,
			200,
			'application/json; charset=UTF-8',
		])
		made.store.setFaults({ bom: true })
		const bytes = new Uint8Array(
			await (
				await made.store.fetch(
					new Request('https://shop.example/wp-json/wc/v3/coupons', {
						headers: { authorization: basic(made.store.credentials) },
					}),
				)
			).arrayBuffer(),
		)
		expect(Array.from(bytes.subarray(0, 3))).toEqual([0xef, 0xbb, 0xbf])
		made.store.setFaults({ truncate: 0.5 })
		expect((await made.get('coupons')).text).toBe(whole.slice(0, Math.floor(whole.length / 2)))
		made.store.setFaults({ html: true })
		const html = await made.get('coupons')
		expect([html.status, html.headers.get('content-type'), html.json]).toEqual([200, 'text/html; charset=UTF-8', null])
	})

	it('2.5 a page may be short and not the last', async () => {
		const made = rig()
		made.store.setFaults({ match: '/orders', dropRows: 2 })
		const answer = await made.get('orders?per_page=10')
		expect([answer.json.length, answer.headers.get('x-wp-total')]).toEqual([8, '40'])
	})

	it('latency and stalls wait by the given sleep and end with the client', async () => {
		const slept: number[] = []
		const made = rig({ sleep: async (ms) => void slept.push(ms) })
		made.store.setFaults([{ latencyMs: 250 }, { stall: 5000 }])
		expect((await made.get('orders')).status).toBe(200)
		expect(slept).toEqual([250, 5000])
		const real = rig()
		real.store.setFaults({ stall: true })
		await expect(real.get('orders', { signal: AbortSignal.timeout(20) })).rejects.toThrow()
	})

	it('the clock runs ahead, cached answers keep their date, redirects name another place', async () => {
		const made = rig()
		made.store.setFaults({ skewSeconds: 3600 })
		expect((await made.get('orders')).headers.get('date')).toBe(new Date(NOON + 3_600_000).toUTCString())
		made.store.setFaults({ cached: true })
		const first = await made.get('orders')
		made.clock.now += 60_000
		made.store.act({ do: 'place-order' })
		const second = await made.get('orders')
		expect([second.text, second.headers.get('date')]).toEqual([first.text, first.headers.get('date')])
		made.store.setFaults({ redirect: 'https://elsewhere.example/' })
		const moved = await made.get('orders')
		expect([moved.status, moved.headers.get('location')]).toEqual([301, 'https://elsewhere.example/'])
	})

	it('keys revoked, changed, demoted, lessened', async () => {
		const made = rig()
		const ask = async (key: 'revoked' | 'wrong-secret' | 'demoted' | 'read-only', method = 'GET') => {
			made.store.setFaults({ key })
			return (await made.call(method, 'orders', method === 'POST' ? {} : undefined)).status
		}
		expect([
			await ask('revoked'),
			await ask('wrong-secret'),
			await ask('demoted'),
			await ask('read-only'),
			await ask('read-only', 'POST'),
		]).toEqual([401, 401, 403, 200, 401])
	})

	it('2.1 WordPress breaks as JSON or HTML by what the client accepts', async () => {
		const made = rig()
		made.store.setFaults({ outage: 'maintenance' })
		const json = await made.get('orders', { headers: { accept: 'application/json' } })
		expect([json.status, json.json.code, json.headers.get('retry-after')]).toEqual([503, 'wp_die', '600'])
		expect((await made.get('orders', { headers: { accept: '*/*' } })).headers.get('content-type')).toContain('html')
		made.store.setFaults({ outage: 'woocommerce-off' })
		expect((await made.get('orders/1')).json.code).toBe('rest_no_route')
	})
})

describe('sites', () => {
	const INDEX = 'https://shop.example/wp-json/?_fields=name,namespaces'
	const at = async (site: Site, url = INDEX) => rig({ site }).raw(url)

	it('not WordPress', async () => {
		expect((await at('not-wordpress')).status).toBe(404)
		expect((await at('not-wordpress', 'https://shop.example/')).headers.has('link')).toBe(false)
	})

	it('1.1 WordPress without WooCommerce', async () => {
		expect((await at('no-woocommerce')).json.namespaces).not.toContain('wc/v3')
		expect((await at('no-woocommerce', 'https://shop.example/wp-json/wc/v3/orders')).json.code).toBe('rest_no_route')
	})

	it('1.2 plain permalinks', async () => {
		const index = await at('plain-permalinks')
		expect([index.status, index.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8'])
		expect((await at('plain-permalinks', 'https://shop.example/wp-json/wc/v3/orders')).status).toBe(301)
		const { store, raw } = rig({ site: 'plain-permalinks' })
		expect(
			(
				await raw('https://shop.example/?rest_route=/wc/v3/orders', {
					headers: { authorization: basic(store.credentials) },
				})
			).status,
		).toBe(401)
	})

	it('REST closed by a plugin, maintenance', async () => {
		expect([(await at('rest-closed-401')).status, (await at('rest-closed-403')).json.code]).toEqual([
			401,
			'rest_forbidden',
		])
		const down = await at('maintenance')
		expect([down.status, down.headers.get('content-type')]).toEqual([503, 'text/html; charset=UTF-8'])
	})

	it('http where the site wants https, and another host', async () => {
		expect((await at('https-only', 'http://shop.example/wp-json/')).headers.get('location')).toBe(
			'https://shop.example/wp-json/',
		)
		expect((await at('https-only')).status).toBe(200)
		expect((await at('other-host')).headers.get('location')).toBe(
			'https://www.shop.example/wp-json/?_fields=name,namespaces',
		)
		const { store, raw } = rig({ site: 'other-host' })
		const answer = await raw('https://www.shop.example/wp-json/wc/v3/orders?per_page=1', {
			headers: { authorization: basic(store.credentials) },
		})
		expect(answer.headers.get('link')).toContain('<https://www.shop.example/wp-json/wc/v3/orders?')
	})

	it('1.1 a subdirectory, and REST under another prefix that the Link header names', async () => {
		const sub = rig({ url: 'https://shop.example/shop' })
		expect((await sub.get('orders?per_page=1')).headers.get('link')).toContain(
			'<https://shop.example/shop/wp-json/wc/v3/orders?',
		)
		expect((await sub.raw('https://shop.example/wp-json/')).status).toBe(404)
		const other = rig({ site: 'other-prefix', prefix: 'api' })
		expect((await other.raw('https://shop.example/')).headers.get('link')).toBe(
			'<https://shop.example/api/>; rel="https://api.w.org/"',
		)
		expect((await other.get('orders')).status).toBe(200)
		expect((await other.raw('https://shop.example/wp-json/')).status).toBe(404)
	})
})

describe('served', () => {
	const ask = (
		url: string,
		options: { ca?: string; authorization: string },
	): Promise<{ status: number; text: string }> =>
		new Promise((resolve, reject) => {
			const send = url.startsWith('https') ? overHttps : overHttp
			send(
				url,
				{ headers: { authorization: options.authorization }, ...(options.ca !== undefined && { ca: options.ca }) },
				(response) => {
					const chunks: Buffer[] = []
					response.on('data', (chunk: Buffer) => chunks.push(chunk))
					response.on('end', () =>
						resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
					)
				},
			).on('error', reject)
		})

	it.each([true, false])('listens on loopback, https %s', async (https) => {
		const port = await freePort()
		const store = createStore({ url: `${https ? 'https' : 'http'}://127.0.0.1:${port}`, objects: 5 })
		const served = await serve(store, { port, https })
		try {
			const answer = await ask(`${served.url}/wp-json/wc/v3/orders?_fields=id`, {
				authorization: basic(store.credentials),
				...(served.ca !== undefined && { ca: served.ca }),
			})
			expect(answer.status).toBe(https ? 200 : 401)
			if (https) expect(JSON.parse(answer.text).length).toBe(5)
		} finally {
			await served.close()
		}
	})
})

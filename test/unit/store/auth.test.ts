/** Keys and signatures of the simulated store (docs/woocommerce.md §1). */
import { describe, expect, it } from 'vitest'
import { sign } from '../../store/auth.ts'
import { parseQuery } from '../../store/query.ts'
import { basic, NOON, rig, signed } from './helpers.ts'

const SECOND = NOON / 1000

describe('OAuth 1.0a', () => {
	const fixed =
		'oauth_consumer_key=ck_test&oauth_timestamp=1717236000&oauth_nonce=0123456789abcdef0123456789abcdef&oauth_signature_method=HMAC-SHA256'
	it.each([
		['http://shop.example.com/wp-json/wc/v3/orders', 'per_page=100', 'A/AF1zwL9Qxse8nNkwOYpaYobWnvG05/aR/y1E+m6gU='],
		[
			'http://shop.example.com/wp-json/wc/v3/orders',
			'modified_after=2024-06-01T10:00:00&dates_are_gmt=true&orderby=modified&order=asc',
			'VSaYKAQEv6QXmiCTsyPlKtTuse2z9ZrunCkuaXV5IeA=',
		],
		[
			'http://shop.example.com/wp-json/wc/v3/orders',
			'status[0]=pending&status[1]=trash',
			'hLGjhLGjaEaf3ZmY+ZGOM4kDNdI0FEZHnkIYoWtqWko=',
		],
		[
			'http://shop.example.com/wp-json/wc/v3/products',
			'search=a+b~c%2Bd',
			'VdQ9PWY6oFJ+uMowcAu3++0yMgmYxd/jiV2tc7TnQaQ=',
		],
		['http://example.com/shop/wp-json/wc/v3/customers', 'role=all', 'VY/x0RhN24PE+ela20tVFSnXawXFJbl+73/s8XxOJy0='],
	])('1.7 signs %s?%s', (url, query, signature) => {
		expect(sign('GET', url, parseQuery(`${query}&${fixed}`), 'cs_test', 'HMAC-SHA256')).toBe(signature)
	})

	it('1.4 works over http and https, with either hash', async () => {
		for (const url of ['http://shop.example', 'https://shop.example/sub']) {
			for (const algorithm of ['HMAC-SHA1', 'HMAC-SHA256'] as const) {
				const { store, raw } = rig({ url })
				const answer = await raw(
					signed(`${url}/wp-json/wc/v3/orders?per_page=1&status[]=completed&status[]=trash`, store.credentials, {
						nonce: 'n1',
						timestamp: SECOND,
						algorithm,
					}),
				)
				expect(answer.status).toBe(200)
			}
		}
	})

	it('1.7 takes 900 seconds of difference, not 901, and each nonce once', async () => {
		const { store, raw } = rig({ url: 'http://shop.example' })
		const at = (timestamp: number, nonce: string) =>
			raw(signed('http://shop.example/wp-json/wc/v3/orders', store.credentials, { nonce, timestamp }))
		expect((await at(SECOND - 900, 'a')).status).toBe(200)
		expect((await at(SECOND + 901, 'b')).json.message).toBe('Invalid timestamp.')
		expect((await at(SECOND - 901, 'c')).json.message).toBe('Invalid timestamp.')
		expect((await at(SECOND, 'a')).json.message).toBe('Invalid nonce - nonce has already been used.')
	})

	it('1.5 distinguishes a wrong secret from an unknown key', async () => {
		const { store, raw } = rig({ url: 'http://shop.example' })
		const ask = (key: string, secret: string) =>
			raw(
				signed(
					'http://shop.example/wp-json/wc/v3/orders',
					{ key, secret },
					{ nonce: `${key}${secret}`, timestamp: SECOND },
				),
			)
		expect((await ask(store.credentials.key, 'cs_x')).json.message).toContain('Invalid signature')
		expect((await ask('ck_x', 'cs_x')).json.message).toBe('Consumer key is invalid.')
	})
})

describe('Basic and query-string keys', () => {
	it('1.4 are ignored over http and behind a proxy that does not announce https', async () => {
		for (const options of [{ url: 'http://shop.example' }, { url: 'https://shop.example', announcesHttps: false }]) {
			const { store, get, raw } = rig(options)
			const nobody = await raw(`${store.url}/wp-json/wc/v3/orders`)
			expect(nobody.status).toBe(401)
			expect((await get('orders')).text).toBe(nobody.text)
			const { key, secret } = store.credentials
			expect((await raw(`${store.url}/wp-json/wc/v3/orders?consumer_key=${key}&consumer_secret=${secret}`)).text).toBe(
				nobody.text,
			)
		}
	})

	it('1.5 an unknown key is nobody, a wrong secret is named, no 401 names a scheme', async () => {
		const { store, raw } = rig()
		const ask = (key: string, secret: string) =>
			raw('https://shop.example/wp-json/wc/v3/orders', { headers: { authorization: basic({ key, secret }) } })
		const unknown = await ask('ck_x', 'cs_x')
		expect(unknown.json).toEqual({
			code: 'woocommerce_rest_cannot_view',
			message: 'Sorry, you cannot list resources.',
			data: { status: 401 },
		})
		const wrong = await ask(store.credentials.key, 'cs_x')
		expect([wrong.status, wrong.json.message]).toEqual([401, 'Consumer secret is invalid.'])
		expect(unknown.headers.has('www-authenticate') || wrong.headers.has('www-authenticate')).toBe(false)
	})

	it('1.6 rights of keys and of their users', async () => {
		const { store, raw } = rig()
		const ask = (name: string, method: string, path: string) =>
			raw(`https://shop.example/wp-json/wc/v3/${path}`, {
				method,
				headers: {
					authorization: basic(store.keys[name] as { key: string; secret: string }),
					'content-type': 'application/json',
				},
				...(method === 'POST' && { body: '{}' }),
			})
		expect((await ask('ro', 'GET', 'orders')).status).toBe(200)
		expect((await ask('ro', 'POST', 'orders')).json.message).toBe(
			'The API key provided does not have write permissions.',
		)
		expect((await ask('wo', 'GET', 'orders')).json.message).toBe('The API key provided does not have read permissions.')
		expect((await ask('wo', 'POST', 'orders')).status).toBe(201)
		expect((await ask('manager', 'GET', 'system_status')).status).toBe(200)
		for (const path of ['orders', 'products', 'coupons', 'customers'])
			expect((await ask('customer', 'GET', path)).status).toBe(403)
		expect((await ask('nocustomers', 'GET', 'customers')).status).toBe(403)
		expect((await ask('nocustomers', 'GET', 'orders')).status).toBe(200)
		expect((await ask('wo', 'OPTIONS', 'orders')).json.endpoints[0].args.modified_after.format).toBe('date-time')
	})

	it('1.3 count only under wc', async () => {
		const { raw } = rig()
		const index = await raw('https://shop.example/wp-json/?_fields=name,namespaces,timezone_string', {
			headers: { authorization: basic({ key: 'ck_x', secret: 'y' }) },
		})
		expect([index.status, index.json.timezone_string]).toEqual([200, 'America/Denver'])
		expect(index.json.namespaces).toContain('wc/v3')
	})
})

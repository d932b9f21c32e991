import { describe, expect, it } from 'vitest'
import { authorize } from '../../../src/elements/woocommerce/request-auth.ts'
import { signQuery, percentEncode } from '../../../src/elements/woocommerce/oauth1.ts'
import { ioOf } from './support.ts'

const NONCE = '0123456789abcdef0123456789abcdef'
const ORDERS = 'http://shop.example.com/wp-json/wc/v3/orders'

describe('1.7 OAuth 1.0a signatures', () => {
	it.each([
		[ORDERS, { per_page: '100' }, 'A/AF1zwL9Qxse8nNkwOYpaYobWnvG05/aR/y1E+m6gU='],
		[
			ORDERS,
			{ modified_after: '2024-06-01T10:00:00', dates_are_gmt: 'true', orderby: 'modified', order: 'asc' },
			'VSaYKAQEv6QXmiCTsyPlKtTuse2z9ZrunCkuaXV5IeA=',
		],
		[ORDERS, { 'status[0]': 'pending', 'status[1]': 'trash' }, 'hLGjhLGjaEaf3ZmY+ZGOM4kDNdI0FEZHnkIYoWtqWko='],
		[
			'http://shop.example.com/wp-json/wc/v3/products',
			{ search: 'a b~c+d' },
			'VdQ9PWY6oFJ+uMowcAu3++0yMgmYxd/jiV2tc7TnQaQ=',
		],
		[
			'http://example.com/shop/wp-json/wc/v3/customers',
			{ role: 'all' },
			'VY/x0RhN24PE+ela20tVFSnXawXFJbl+73/s8XxOJy0=',
		],
	])('1.7 signs %s %j as WooCommerce does', (baseUrl, query, expected) => {
		const signed = signQuery({
			method: 'GET',
			baseUrl,
			query: query,
			key: 'ck_test',
			secret: 'cs_test',
			timestamp: 1717236000,
			nonce: NONCE,
		})
		expect(signed['oauth_signature']).toBe(expected)
		expect(signed).toMatchObject({
			oauth_consumer_key: 'ck_test',
			oauth_timestamp: '1717236000',
			oauth_nonce: NONCE,
			oauth_signature_method: 'HMAC-SHA256',
		})
	})

	it('1.7 encodes what JavaScript leaves bare and PHP does not', () => {
		expect(percentEncode("a!'()*~-._ +&é")).toBe('a%21%27%28%29%2A~-._%20%2B%26%C3%A9')
	})

	it('1.7 numbers a nameless array element, signs with the configured host, and keeps the secret out of the address', () => {
		const access = {
			auth: 'oauth1',
			key: 'ck_test',
			secret: 'cs_test',
			oauthOrigin: 'http://shop.example.com',
			skewSec: 0,
		} as const
		const io = ioOf(() => new Response(), { now: () => 1717236000_000 })
		const target = authorize(access, io, 'GET', 'http://10.0.0.5/wp-json/wc/v3/orders', { 'status[]': 'pending' })
		if (!target.ok) throw new Error(target.message)
		const { url, headers } = target
		const expected = signQuery({
			method: 'GET',
			baseUrl: ORDERS,
			query: { 'status[0]': 'pending' },
			key: 'ck_test',
			secret: 'cs_test',
			timestamp: 1717236000,
			nonce: NONCE,
		})
		expect(new URL(url).searchParams.get('oauth_signature')).toBe(expected['oauth_signature'])
		expect(url).not.toContain('cs_test')
		expect(headers).toEqual({})
	})

	it('1.7 uses a new nonce on every try', () => {
		const access = { auth: 'oauth1', key: 'k', secret: 's', oauthOrigin: 'http://shop.example', skewSec: 0 } as const
		const { nonce: _nonce, ...io } = ioOf(() => new Response())
		const nonces = [1, 2, 3].map(() => {
			const target = authorize(access, io, 'GET', 'http://shop.example/x', {})
			return target.ok ? new URL(target.url).searchParams.get('oauth_nonce') : null
		})
		expect(new Set(nonces).size).toBe(3)
	})
})

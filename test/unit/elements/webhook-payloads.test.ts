/** Webhooks as WooCommerce has them: topics, derived secrets, what headers and bodies say (docs/woocommerce.md §6, §7). */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { keyAuthorization } from '../../../src/elements/woocommerce/key-authorization.ts'

const KEY = Buffer.from('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', 'base64')

describe('topics', () => {
	test('every topic of the four resources, none that the store would refuse', () => {
		expect(webhooks.topics).toEqual([
			'order.created',
			'order.updated',
			'order.deleted',
			'order.restored',
			'product.created',
			'product.updated',
			'product.deleted',
			'product.restored',
			'product.published',
			'customer.created',
			'customer.updated',
			'customer.deleted',
			'coupon.created',
			'coupon.updated',
			'coupon.deleted',
			'coupon.restored',
		])
	})

	test('7.9: variations travel as products; what has no webhook has no topic', () => {
		expect(webhooks.topicsFor('coupons')).toEqual([
			'coupon.created',
			'coupon.updated',
			'coupon.deleted',
			'coupon.restored',
		])
		expect(webhooks.topicsFor('variations')).toEqual(webhooks.topicsFor('products'))
		expect(webhooks.topicsFor('products/20/variations')).toEqual(webhooks.topicsFor('products'))
		for (const path of ['refunds', 'orders/7/notes', 'products/reviews', 'products/categories', 'taxes'])
			expect(webhooks.topicsFor(path)).toEqual([])
	})
})

describe('secrets', () => {
	test('hex HMAC-SHA256 over instance, topic and version', () => {
		const expected = createHmac('sha256', KEY).update('shopbell-hook\n42\norder.updated\n3').digest('hex')
		expect(webhooks.deriveSecret(KEY, '42', 'order.updated', 3)).toBe(expected)
		expect(expected).toMatch(/^[0-9a-f]{64}$/)
	})

	test('another instance, topic, version or key has another secret', () => {
		const all = [
			webhooks.deriveSecret(KEY, '42', 'order.updated', 1),
			webhooks.deriveSecret(KEY, '43', 'order.updated', 1),
			webhooks.deriveSecret(KEY, '42', 'order.created', 1),
			webhooks.deriveSecret(KEY, '42', 'order.updated', 2),
			webhooks.deriveSecret(Buffer.alloc(32), '42', 'order.updated', 1),
			webhooks.deriveSecret(KEY, '4', '2\norder.updated', 1),
		]
		expect(new Set(all).size).toBe(all.length)
	})
})

describe('headers', () => {
	const signature = createHmac('sha256', 'x').update('y').digest('base64')

	test('6.4: a ping is form-encoded and has no header of a delivery', () => {
		const form = new Headers({ 'content-type': 'application/x-www-form-urlencoded' })
		expect(webhooks.isPing(form, 'webhook_id=21')).toBe(true)
		expect(webhooks.isPing(new Headers(), 'webhook_id=21')).toBe(true)
		for (const body of ['', 'webhook_id=', 'webhook_id=x', 'webhook_id=1&a=b', ' webhook_id=1', '{"webhook_id":1}'])
			expect(webhooks.isPing(form, body), body).toBe(false)
		expect(webhooks.isPing(new Headers({ 'X-WC-Webhook-ID': '21' }), 'webhook_id=21')).toBe(false)
	})

	test('a delivery is described by its headers; none: it is none', () => {
		expect(webhooks.parseHeaders(new Headers({ 'content-type': 'application/json' }))).toBeNull()
		const headers = {
			'X-WC-Webhook-Topic': 'order.updated',
			'X-WC-Webhook-Signature': signature,
			'X-WC-Webhook-ID': '2',
			'X-WC-Webhook-Delivery-ID': 'ab',
			'X-WC-Webhook-Source': 'http://shop.example/',
		}
		expect(webhooks.parseHeaders(new Headers(headers))).toEqual({
			topic: 'order.updated',
			signature: new Uint8Array(Buffer.from(signature, 'base64')),
			webhookId: '2',
			deliveryId: 'ab',
			source: 'http://shop.example/',
		})
	})

	test('doubled, odd and foreign headers never become a topic or a signature', () => {
		const doubled = new Headers({ 'X-WC-Webhook-Topic': 'order.updated', 'X-WC-Webhook-Signature': signature })
		doubled.append('X-WC-Webhook-Topic', 'order.updated')
		doubled.append('X-WC-Webhook-Signature', signature)
		expect(webhooks.parseHeaders(doubled)).toMatchObject({ topic: '', signature: null })
		for (const topic of ['ORDER.UPDATED', 'order', 'order updated', '.', 'order.', 'órder.updated', 'a'.repeat(300)]) {
			expect(
				webhooks.parseHeaders(new Headers([['x-wc-webhook-topic', Buffer.from(topic).toString('latin1')]]))!.topic,
				topic,
			).toBe('')
		}
		for (const odd of [
			'',
			'x',
			signature.slice(1),
			`${signature}=`,
			signature.replace('=', ''),
			signature.replaceAll(/[+/]/g, '-'),
			`sha256=${signature}`,
		]) {
			const found = webhooks.parseHeaders(new Headers({ 'x-wc-webhook-signature': odd }))!.signature
			if (odd !== signature) expect(found, odd).toBeNull()
		}
	})
})

describe('bodies', () => {
	const ERROR = { code: 'woocommerce_rest_shop_order_invalid_id', message: 'Invalid ID.', data: { status: 404 } }
	test.each<[string, string, unknown, unknown]>([
		['a record', 'order.updated', { id: 7, status: 'processing' }, { kind: 'record', path: 'orders', id: 7 }],
		[
			'7.8: a checkout draft is a record that the gate judges',
			'order.created',
			{ id: 7, status: 'checkout-draft' },
			{ kind: 'record', path: 'orders', id: 7 },
		],
		['7.4: an error object', 'order.updated', ERROR, { kind: 'error-object', path: 'orders', id: null }],
		[
			'7.4: rights lost',
			'coupon.updated',
			{ code: 'woocommerce_rest_cannot_view', message: 'Sorry', data: { status: 403 } },
			{ kind: 'error-object', path: 'coupons', id: null },
		],
		[
			'a coupon has a code too, and is none',
			'coupon.updated',
			{ id: 3, code: 'save', message: 'x' },
			{ kind: 'record', path: 'coupons', id: 3 },
		],
		['7.5: trashed', 'order.deleted', { id: 7 }, { kind: 'hint', path: 'orders', id: 7 }],
		['7.5: an id that is text', 'product.deleted', { id: '7' }, { kind: 'hint', path: 'products', id: 7 }],
		[
			'restored, even with a record',
			'order.restored',
			{ id: 7, status: 'pending' },
			{ kind: 'hint', path: 'orders', id: 7 },
		],
		['customers are deleted for good', 'customer.deleted', { id: 9 }, { kind: 'hint', path: 'customers', id: 9 }],
		['7.7: published', 'product.published', { id: 7, type: 'simple' }, { kind: 'record', path: 'products', id: 7 }],
		[
			'7.9: a variation',
			'product.updated',
			{ id: 8, type: 'variation', parent_id: 7 },
			{ kind: 'hint', path: 'variations', id: 8, parent: 7 },
		],
		[
			'7.9: a variation without parent',
			'product.created',
			{ id: 8, type: 'variation', parent_id: 0 },
			{ kind: 'hint', path: 'variations', id: 8 },
		],
		['7.11: the legacy API wraps', 'order.updated', { order: { id: 7 } }, { kind: 'hint', path: 'orders', id: 7 }],
		['an id alone', 'order.updated', { id: 7 }, { kind: 'hint', path: 'orders', id: 7 }],
		['nothing', 'order.updated', {}, { kind: 'unknown' }],
		['no id', 'order.updated', { status: 'x' }, { kind: 'unknown' }],
		['a list', 'order.updated', [{ id: 7 }], { kind: 'unknown' }],
		['an id that is none', 'order.updated', { id: { a: 1 } }, { kind: 'unknown' }],
		['another topic', 'action.woocommerce_order_status_completed', { action: 'x', arg: 7 }, { kind: 'unknown' }],
		['customers are not restored', 'customer.restored', { id: 7 }, { kind: 'unknown' }],
		['a property of every object', 'constructor.created', { id: 7 }, { kind: 'unknown' }],
	])('%s', (_name, topic, body, expected) => {
		const read = webhooks.parseBody(topic, JSON.stringify(body)) as Record<string, unknown>
		if (read['kind'] === 'record') {
			expect(read['record']).toEqual(body)
			delete read['record']
		}
		expect(read).toEqual(expected)
	})

	test('what is no JSON is unknown', () => {
		for (const body of ['', 'x', '{"id":7', 'webhook_id=7'])
			expect(webhooks.parseBody('order.updated', body)).toEqual({ kind: 'unknown' })
	})
})

describe('keys handed over', () => {
	test('1.10: the page, and what the store posts', () => {
		const url = new URL(
			keyAuthorization.authorizeUrl({
				storeUrl: 'https://shop.example/sub/',
				appName: 'Shopbell',
				state: 'st',
				returnUrl: 'https://b.example/r',
				callbackUrl: 'https://b.example/c',
			}),
		)
		expect(url.origin + url.pathname).toBe('https://shop.example/sub/wc-auth/v1/authorize')
		expect(Object.fromEntries(url.searchParams)).toEqual({
			app_name: 'Shopbell',
			scope: 'read_write',
			user_id: 'st',
			return_url: 'https://b.example/r',
			callback_url: 'https://b.example/c',
		})
		expect(
			keyAuthorization.authorizeUrl({
				storeUrl: 'shop.example',
				appName: 'a',
				state: 's',
				returnUrl: 'r',
				callbackUrl: 'c',
			}),
		).toMatch(/^https:\/\/shop\.example\/wc-auth\//)
		const [recorded] = JSON.parse(
			readFileSync(`${import.meta.dirname}/../../fixtures/recordings/hpos-11.0/wc-auth.json`, 'utf8'),
		) as unknown[]
		expect(recorded).toBeDefined()
		const keys =
			'{"key_id":6,"user_id":"tenant-42","consumer_key":"ck_5090ec88","consumer_secret":"cs_b99c64b1","key_permissions":"read_write"}'
		expect(keyAuthorization.parseKeys(keys)).toEqual({ state: 'tenant-42', key: 'ck_5090ec88', secret: 'cs_b99c64b1' })
		for (const odd of [
			'',
			'[]',
			'null',
			'{}',
			'{"user_id":7,"consumer_key":"ck_1","consumer_secret":"cs_1"}',
			keys.replace('ck_', 'xx_'),
			keys.replace('cs_b', 'cs_ b'),
		])
			expect(keyAuthorization.parseKeys(odd), odd).toBeNull()
		expect(keyAuthorization.isApproved(new URLSearchParams('success=1&user_id=x'))).toBe(true)
		expect(keyAuthorization.isApproved(new URLSearchParams('success=0&user_id=x'))).toBe(false)
	})
})

test.each([
	['https://münchen.example/', 'https://xn--mnchen-3ya.example/'],
	[Buffer.from('https://münchen.example/de/').toString('latin1'), 'https://xn--mnchen-3ya.example/de/'],
	['https://M%C3%BCNCHEN.example', 'https://xn--mnchen-3ya.example/'],
	['https://shop.example/?lang=de', 'https://shop.example/?lang=de'],
	[null, ''],
	['caf\u00e9', 'caf'],
])('7.1 the site that a delivery names, %s, is %s', (source, expected) => {
	const headers = new Headers({ 'x-wc-webhook-topic': 'order.updated' })
	// A runtime that decodes headers shows characters that Headers of others refuse.
	headers.get = (name) =>
		name === 'x-wc-webhook-source' ? source : name === 'x-wc-webhook-topic' ? 'order.updated' : null
	expect(webhooks.parseHeaders(headers)?.source).toBe(expected)
})

/** A customer's own headers: what is read, and what is never theirs to set. */
import { describe, expect, test } from 'vitest'
import { toBasicAuthorization, parseCustomHeaders } from '../../../src/delivery/headers.ts'

describe('static headers', () => {
	test('are read from a JSON object §3.3', () => {
		expect(parseCustomHeaders('{"X-Tenant": "7", "X-Count": 3, "X-On": true}')).toEqual([
			['X-Tenant', '7'],
			['X-Count', '3'],
			['X-On', 'true'],
		])
	})

	test('are read from lines §3.3', () => {
		expect(parseCustomHeaders('X-Tenant: 7\r\n Authorization:Bearer a:b \n\nno header')).toEqual([
			['X-Tenant', '7'],
			['Authorization', 'Bearer a:b'],
		])
	})

	test.each([null, undefined, '', '  ', '{', '{"a"', 'null', '[]'])('%j is none', (text) => {
		expect(parseCustomHeaders(text)).toEqual([])
	})

	test.each([
		'Host',
		'content-length',
		'Content-Type',
		'Connection',
		'Transfer-Encoding',
		'User-Agent',
		'Elements-Webhook-Signature',
		'webhook-id',
		'Shopbell-Attempt',
		'CF-Connecting-IP',
		'Upgrade',
		'TE',
	])('%s stays ours', (name) => {
		expect(parseCustomHeaders(`${name}: x`)).toEqual([])
	})

	test('what cannot be a header is left out and the rest stays', () => {
		expect(
			parseCustomHeaders(
				JSON.stringify({
					'X Y': 'a',
					'X-Ctl': 'a\r\nHost: evil',
					'X-Snow': '☃',
					'X-Obj': {},
					'X-Null': null,
					'X-Good': 'ü',
				}),
			),
		).toEqual([['X-Good', 'ü']])
	})
})

test('Basic authorization is UTF-8, and absent without both parts §3.2', () => {
	expect(toBasicAuthorization('Aladdin', 'open sesame')).toBe('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==')
	expect(toBasicAuthorization('test', '123£')).toBe('Basic dGVzdDoxMjPCow==')
	expect(toBasicAuthorization('user', null)).toBe('Basic dXNlcjo=')
	expect(toBasicAuthorization(null, undefined)).toBeNull()
	expect(toBasicAuthorization('', '')).toBeNull()
})

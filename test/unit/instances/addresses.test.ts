/** Our own addresses: which of them a store can reach, and how it is told them. */
import { describe, expect, test } from 'vitest'
import {
	findHttpsProblem,
	findOwnAddress,
	receiverUrlFor,
	findReachabilityProblem,
} from '../../../src/instances/addresses.ts'

const at = (PUBLIC_URL: string, ALLOW_PRIVATE_NETWORK = 'false') => ({ PUBLIC_URL, ALLOW_PRIVATE_NETWORK })

describe('the receiver', () => {
	test('names the instance in base64 and the version; trailing slashes do not count', () => {
		expect(receiverUrlFor(at('https://bell.example.com/'), 'woocommercerest', { id: 42, incarnation: '42' }, 3)).toBe(
			'https://bell.example.com/elements/api-v2/events/woocommercerest/NDI=?v=3',
		)
		expect(receiverUrlFor(at('https://example.com/bell'), 'woocommercerest', { id: 42, incarnation: '42' }, 1)).toBe(
			'https://example.com/bell/elements/api-v2/events/woocommercerest/NDI=?v=1',
		)
		expect(receiverUrlFor(at(''), 'woocommercerest', { id: 42, incarnation: '42' }, 1)).toBe('')
	})
})

test('our own address is PUBLIC_URL; without it only this machine names itself', () => {
	expect(findOwnAddress(at('https://bell.example.com/'), 'https://evil.example/x')).toBe('https://bell.example.com')
	for (const host of ['https://evil.example', 'http://10.0.0.1', 'http://localhost.evil.example', 'http://bell'])
		expect(findOwnAddress(at(''), `${host}/x`)).toBeNull()
	for (const host of [
		'http://127.0.0.1:8787',
		'http://127.1.2.3',
		'http://localhost:1',
		'http://[::1]',
		'http://a.localhost',
	])
		expect(findOwnAddress(at(''), `${host}/x`)).toBe(host)
})

describe('6.3: what WooCommerce can reach', () => {
	test.each([
		'https://bell.example.com',
		'http://bell.example.com',
		'https://bell.example.com:443',
		'http://bell.example.com:8080/x',
		'http://bell.example.com:80',
	])('%s', (url) => {
		expect(findReachabilityProblem(at(url))).toBeNull()
	})

	test.each([
		'',
		'nonsense',
		'http://127.0.0.1:8787',
		'http://localhost',
		'https://10.0.0.7',
		'https://[::1]',
		'https://bell.example.com:8443',
		'http://bell.example.com:8787',
		'https://user:pass@bell.example.com',
		'ftp://bell.example.com',
	])('not %s', (url) => {
		expect(findReachabilityProblem(at(url))).toMatch(/^the store cannot reach .*set PUBLIC_URL/)
	})

	test('a local setting lifts the rule, but an address there must be', () => {
		expect(findReachabilityProblem(at('http://127.0.0.1:8787', 'true'))).toBeNull()
		expect(findReachabilityProblem(at('', 'true'))).toContain('set PUBLIC_URL')
	})
})

describe('1.10: where keys may be sent', () => {
	test('https and public, unless the local setting lifts it', () => {
		expect(findHttpsProblem(at('https://bell.example.com:8443'))).toBeNull()
		for (const url of ['', 'http://bell.example.com', 'https://127.0.0.1'])
			expect(findHttpsProblem(at(url)), url).toMatch(/https address|can reach/)
		expect(findHttpsProblem(at('http://127.0.0.1:8787', 'true'))).toBeNull()
	})
})

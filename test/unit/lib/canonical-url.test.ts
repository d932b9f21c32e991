/** Which addresses are the same: the canonical form of a callback. */
import { describe, expect, test } from 'vitest'
import { findSameAddress, toCanonicalUrl } from '../../../src/lib/canonical-url.ts'

const ADDRESS = 'https://hook.example.com/a/b-c?x=1&y=%2F'

describe('the same address', () => {
	test.each([
		['as it is', ADDRESS],
		['a fragment', `${ADDRESS}#part`],
		['an empty fragment', `${ADDRESS}#`],
		['case of host and scheme', 'HTTPS://Hook.Example.COM/a/b-c?x=1&y=%2F'],
		['the default port', 'https://hook.example.com:443/a/b-c?x=1&y=%2F'],
		['an empty port', 'https://hook.example.com:/a/b-c?x=1&y=%2F'],
		['a dot at the end of the host', 'https://hook.example.com./a/b-c?x=1&y=%2F'],
		['./', 'https://hook.example.com/./a/b-c?x=1&y=%2F'],
		['../', 'https://hook.example.com/z/../a/b-c?x=1&y=%2F'],
		['encoded dots', 'https://hook.example.com/z/%2E%2e/a/%2e/b-c?x=1&y=%2F'],
		['encoded letters', 'https://hook.example.com/%61/b%2Dc?%78=1&y=%2F'],
		['hex digits in lower case', 'https://hook.example.com/a/b-c?x=1&y=%2f'],
		['backslashes', 'https:\\\\hook.example.com\\a\\b-c?x=1&y=%2F'],
		['an encoded host', 'https://hook.ex%61mple.com/a/b-c?x=1&y=%2F'],
		['white space that the parser removes', ' https://hook.example.com/a/b\t-c?x=1&y=%2F\n'],
	])('%s', (_name, url) => {
		expect(toCanonicalUrl(url)).toBe(ADDRESS)
	})

	test.each([
		['https://a.example', 'https://a.example/?#'],
		['https://a.example/', 'https://a.example/?'],
		['https://münchen.example/', 'https://xn--mnchen-3ya.example'],
		['https://a.example/ü', 'https://a.example/%c3%bc'],
		['https://a.example/a b', 'https://a.example/a%20b'],
		['https://a.example/a|b?[c]', 'https://a.example/a%7cb?%5Bc%5D'],
		['https://a.example/100%', 'https://a.example/100%25'],
		['http://127.0.0.1/', 'http://0x7f.1:80/'],
		['http://[::1]/', 'http://[0:0:0:0:0:0:0:1]:80'],
	])('%s is %s', (one, other) => {
		expect(toCanonicalUrl(one)).toBe(toCanonicalUrl(other))
	})
})

describe('another address', () => {
	test.each([
		['scheme', 'http://hook.example.com/a/b-c?x=1&y=%2F'],
		['port', 'https://hook.example.com:8443/a/b-c?x=1&y=%2F'],
		['host', 'https://www.hook.example.com/a/b-c?x=1&y=%2F'],
		['case of the path', 'https://hook.example.com/A/b-c?x=1&y=%2F'],
		['a slash at the end', 'https://hook.example.com/a/b-c/?x=1&y=%2F'],
		['two slashes', 'https://hook.example.com//a/b-c?x=1&y=%2F'],
		['order of the query', 'https://hook.example.com/a/b-c?y=%2F&x=1'],
		['a reserved character that is encoded', 'https://hook.example.com/a/b-c?x=1&y=/'],
		['a percent sign that is encoded', 'https://hook.example.com/%2561/b-c?x=1&y=%2F'],
	])('%s', (_name, url) => {
		expect(toCanonicalUrl(url)).not.toBe(ADDRESS)
	})
})

test('a canonical form is its own, and a text that is no URL too', () => {
	for (const url of [ADDRESS, 'https://a.example/100%25', 'no address'])
		expect(toCanonicalUrl(toCanonicalUrl(url))).toBe(url)
})

test('the one with the same address is found', () => {
	const candidates = [{ url: 'https://a.example/1' }, { url: 'https://A.example:443/2' }]
	expect(findSameAddress(candidates, 'https://a.example/./2#x')).toBe(candidates[1])
	expect(findSameAddress(candidates, 'https://a.example/3')).toBeNull()
})

/** The canonical form: URLs without query and fragment; what has none has no canonical form. */
import { describe, expect, test } from 'vitest'
import { toCanonicalForm } from '../../../src/elements/canonical-urls.ts'

describe('a URL', () => {
	test.each([
		['https://cdn.example/a.jpg?sig=1', 'https://cdn.example/a.jpg'],
		['https://cdn.example/a.jpg#t=1', 'https://cdn.example/a.jpg'],
		['https://cdn.example/a.jpg', 'https://cdn.example/a.jpg'],
		['//cdn.example/a.jpg?sig=1', '//cdn.example/a.jpg'],
		['/wp-content/a.jpg?sig=1', '/wp-content/a.jpg'],
		['a.jpg?sig=1', 'a.jpg'],
		['a.jpg', 'a.jpg'],
		['s3://bucket/a?X-Amz-Date=1', 's3://bucket/a'],
		['https:\\/\\/cdn.example\\/a.jpg?sig=1', 'https:\\/\\/cdn.example\\/a.jpg'],
	])('%s', (text, canonical) => {
		expect(toCanonicalForm(text)).toBe(canonical)
	})
})

describe('URLs in other values', () => {
	test('texts keep everything but queries and fragments', () => {
		expect(toCanonicalForm('<a href="https://x.example/1?sig=2">now</a> <img src=\'/b.png?v=3#4\'>')).toBe(
			'<a href="https://x.example/1">now</a> <img src=\'/b.png\'>',
		)
		expect(toCanonicalForm('https://x.example/1?a=2 300w, https://x.example/3?a=4 600w')).toBe(
			'https://x.example/1 300w, https://x.example/3 600w',
		)
		expect(toCanonicalForm('https://x.example/1?a=2,https://x.example/3?a=4')).toBe(
			'https://x.example/1,https://x.example/3',
		)
		expect(toCanonicalForm('{&quot;src&quot;:&quot;https://x.example/1?a=2&quot;,&quot;alt&quot;:5}')).toBe(
			'{&quot;src&quot;:&quot;https://x.example/1&quot;,&quot;alt&quot;:5}',
		)
	})
	test('lists and objects keep the parts with URLs, in their order; so does JSON as text', () => {
		const value = { made: 5, nonce: 'abc', all: ['https://x.example/1?a=2', 7, { src: 'b.jpg?a' }, ''], none: { a: 1 } }
		const canonical = { all: ['https://x.example/1', { src: 'b.jpg' }] }
		expect(toCanonicalForm(value)).toEqual(canonical)
		expect(toCanonicalForm(JSON.stringify(value))).toEqual(canonical)
		expect(toCanonicalForm(['b.jpg?1', 'a.jpg?1'])).toEqual(['b.jpg', 'a.jpg'])
	})
	test('a value without a URL has none', () => {
		for (const value of [
			'',
			'9.00',
			'why? because',
			'and/or',
			'a5f0c3',
			'Ärger',
			5,
			true,
			null,
			undefined,
			[],
			{},
			[{}],
			'{}',
		])
			expect(toCanonicalForm(value), String(value)).toBeNull()
	})
})

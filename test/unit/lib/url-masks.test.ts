/** URLs for callers who see no secrets. */
import { describe, expect, test } from 'vitest'
import { hasMaskedParts, maskQuotedValues, maskUrl, maskUrls, restoreMaskedUrl } from '../../../src/lib/url-masks.ts'
import { checkUrl } from '../../../src/lib/urls.ts'

const URLS: [string, string][] = [
	['https://example.com/hook', 'https://example.com/hook'],
	['https://example.com/hook?token=s3cret', 'https://example.com/hook?token=********'],
	['https://example.com/?a=1&b=&c=x=y#tail', 'https://example.com/?a=********&********&c=********#********'],
	['https://example.com/hook?c2VjcmV0', 'https://example.com/hook?********'],
	['https://example.com/hook?c2VjcmV0==', 'https://example.com/hook?********'],
	['https://example.com/hook?a=x?b=y', 'https://example.com/hook?a=********'],
	['https://example.com/hook?a=x;b=y', 'https://example.com/hook?a=********'],
	['https://example.com/hook?', 'https://example.com/hook?'],
	['https://example.com/hook#a?b=s3cret', 'https://example.com/hook#********'],
	['https://example.com/hook?a=x\ny', 'https://example.com/hook?a=********'],
	['https://ann:pass@example.com/@path?a=b', 'https://********@example.com/@path?a=********'],
]

describe('a URL', () => {
	test.each(URLS)('%s is shown as %s', (url, masked) => {
		expect(maskUrl(url)).toBe(masked)
		expect(maskUrl(masked)).toBe(masked)
	})

	test.each(URLS)('%s sent back masked is the stored one', (url, masked) => {
		expect(restoreMaskedUrl(masked, url)).toBe(url)
		expect(restoreMaskedUrl(masked.replaceAll('*', '%2A'), url)).toBe(url)
		expect(restoreMaskedUrl('https://example.com/new', url)).toBe('https://example.com/new')
	})

	test('with a mask that hides something else is refused everywhere', () => {
		const masked = 'https://example.com/other?token=********'
		expect(restoreMaskedUrl(masked, 'https://example.com/hook?token=s3cret')).toBe(masked)
		for (const url of [masked, masked.replaceAll('*', '%2a'), 'https://example.com/#********']) {
			expect(hasMaskedParts(url)).toBe(true)
			expect(checkUrl(url, false)).toEqual({
				ok: false,
				message: 'expected the whole URL; ******** hides a part of it',
			})
		}
		expect(checkUrl('https://example.com/********', false).ok).toBe(true)
	})
})

test('URLs inside a text are masked, also escaped as in JSON', () => {
	expect(maskUrls('see https://example.com/a?t=s3cret, or {"u":"https:\\/\\/example.com\\/b?t=s3cret"}')).toBe(
		'see https://example.com/a?t=******** or {"u":"https:\\/\\/example.com\\/b?t=********"}',
	)
})

describe('a text that quotes a URL does not show what is masked in it', () => {
	const LIMIT = 4_096
	const url = 'https://example.com/hook?v=1&token=s3cret%20word+x/é&next=Q0hJTEQtVE9LRU4='

	test.each([
		['as written', 'Cannot POST /hook?v=1&token=s3cret%20word+x/é!', 'Cannot POST /hook?v=1&token=********!'],
		['decoded', '(s3cret word x/é)', '(********)'],
		['percent-encoded', 'token=s3cret%20word%20x%2F%c3%a9;', 'token=********;'],
		['percent-encoded whole', '[%73%33%63%72%65%74%20%77%6f%72%64%20%78%2f%C3%A9]', '[********]'],
		['percent-encoded twice', 'token=s3cret%2520word%252Bx%252F%25C3%25A9.', 'token=********.'],
		['in upper case', '<TOKEN=S3CRET%20WORD+X/É>', '<TOKEN=********>'],
		['in lower case', 'next=q0hjteqtve9lru4=', 'next=********'],
		['escaped as in HTML', '<p>s3cret word x&#x2F;&#233;</p>', '<p>********</p>'],
		['escaped as in JSON', '{"t":"s3cret word x\\/\\u00e9"}', '{"t":"********"}'],
		[
			'in part',
			'token=s3cret%20wo…, next=…RC1UT0tFTg, next=…hJTEQtVE…',
			'token=********…, next=…RC1UT0tFTg, next=…********…',
		],
		['twice', 's3cret word x/é s3cret word x/é', '******** ********'],
	])('%s', (_how, text, expected) => {
		expect(maskQuotedValues(text, url, LIMIT)).toBe(expected)
	})

	test('where the text was cut, at whatever character of it', () => {
		const token = 'Tk-%2F9+é-abcdef'
		for (const quoted of [token, token.toUpperCase(), encodeURIComponent(decodeURIComponent(token))]) {
			const before = 'x'.repeat(LIMIT)
			for (let length = 1; length <= quoted.length; length++) {
				const text = `${before}${quoted.slice(0, length)}`
				expect(maskQuotedValues(text, `https://example.com/?t=${token}`, LIMIT), quoted.slice(0, length)).toBe(
					`${before}********`,
				)
			}
		}
		// Cut within a character of several bytes.
		expect(maskQuotedValues(`${'x'.repeat(LIMIT)}Tk-/9 \uFFFD`, `https://example.com/?t=${token}`, LIMIT)).toMatch(
			/x\*{8}$/,
		)
	})

	test('and leaves everything else as it is', () => {
		for (const text of ['fine', 'v=1', '', '50% &amp; more \\ %zz &#xfffffff;', 'a text that ends with s3'])
			expect(maskQuotedValues(text, url, LIMIT)).toBe(text)
		expect(maskQuotedValues('s3cret word x', null, LIMIT)).toBe('s3cret word x')
	})
})

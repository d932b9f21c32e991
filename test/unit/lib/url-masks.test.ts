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

test('a text that quotes a URL does not show what is masked in it', () => {
	const url = 'https://example.com/hook?v=1&token=s3cret%20word+x'
	expect(maskQuotedValues('Cannot POST /hook?v=1&token=s3cret%20word+x (s3cret word x)', url)).toBe(
		'Cannot POST /hook?v=1&token=******** (********)',
	)
	expect(maskQuotedValues('fine', null)).toBe('fine')
})

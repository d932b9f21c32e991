/**
 * URLs for callers who see no secrets (docs/architecture.md, Authorization): the query, the fragment and credentials
 * can hold tokens, so they are masked. Scheme, host and path are shown. Pure.
 */
import { maskValues } from './quoted-values.ts'
import { SECRET_MASK } from './values.ts'

/** The refusal of a URL with `********` that matches no stored one. */
export const MASKED_URL_MESSAGE = `expected the whole URL; ${SECRET_MASK} hides a part of it`

/** A URL with `********` in place of every value of its query, of its fragment and of its credentials. Names stay. */
export function maskUrl(url: string): string {
	const { base, query, fragment } = splitUrl(url)
	return (
		base.replace(/^([^:/\\]*:[/\\]*)[^/\\]*@/, `$1${SECRET_MASK}@`) +
		(query === undefined ? '' : `?${query.split('&').map(maskParameter).join('&')}`) +
		(fragment === undefined || fragment === '' ? '' : `#${SECRET_MASK}`)
	)
}

/** A text with all of its URLs masked. A text that begins like a URL is one. */
export function maskUrls(text: string): string {
	if (isUrlLike(text)) return maskUrl(text)
	return text.replace(/[a-z][a-z0-9+.-]*:(?:\\?\/){2}(?:[^\s"<>\\]|\\\/)+/gi, maskUrl)
}

/** Whether a text begins like a URL. */
export function isUrlLike(text: string): boolean {
	return /^\s*[a-z][a-z0-9+.-]*:[/\\]{2}/i.test(text)
}

/** A callback's response, cut at `cutAtBytes`, without the values that `maskUrl` hides of a URL. */
export function maskQuotedValues(text: string, url: string | null, cutAtBytes: number): string {
	return url === null ? text : maskValues(text, getHiddenValues(url), cutAtBytes)
}

/** Whether a URL, as a client sent it, holds `********` where `maskUrl` writes it. */
export function hasMaskedParts(url: string): boolean {
	const { base, query, fragment } = splitUrl(toPlainMask(url))
	return base.includes(`${SECRET_MASK}@`) || [query, fragment].some((part) => part?.includes(SECRET_MASK))
}

/** The stored text if a client sent it back with its URLs masked; otherwise the text as it was sent. */
export function restoreMaskedUrl(sent: string, stored: string | null): string {
	if (stored === null || !toPlainMask(sent).includes(SECRET_MASK)) return sent
	const plain = toPlainMask(sent.trim())
	return plain === maskUrl(stored) || plain === maskUrls(stored) ? stored : sent
}

function splitUrl(url: string): { base: string; query: string | undefined; fragment: string | undefined } {
	const [, base, query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url)!
	return { base: base!, query, fragment }
}

/** A parameter without a value may be a token itself, also one that ends with `=` as Base64 does. */
function maskParameter(parameter: string): string {
	if (parameter === '') return ''
	const name = /^([^=]+)=.*[^=]/s.exec(parameter)?.[1]
	return name === undefined ? SECRET_MASK : `${name}=${SECRET_MASK}`
}

/** The hidden values of a URL, as written. */
function getHiddenValues(url: string): string[] {
	const { base, query = '', fragment = '' } = splitUrl(url)
	const credentials = /^[^:/\\]*:[/\\]*([^/\\]*)@/.exec(base)?.[1] ?? ''
	const values = query.split('&').map((parameter) => /^[^=]+=(.*[^=].*)$/s.exec(parameter)?.[1] ?? parameter)
	return [...values, fragment, ...credentials.split(':')]
}

/** Some clients percent-encode `*`. */
function toPlainMask(url: string): string {
	return url.replace(/%2a/gi, '*')
}

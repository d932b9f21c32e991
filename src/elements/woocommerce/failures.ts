/**
 * What went wrong, from every answer that a store, its host or the shield before it can give, and from every way in
 * which a request can end without one (docs/woocommerce.md §2). One place, so that polling, the hub and connecting
 * agree.
 */
import { findEdgeErrorKind, type NetworkErrorKind } from '../../lib/network-errors.ts'
import type { Failure } from '../store.ts'

const NETWORK_ERROR_MESSAGES: Record<NetworkErrorKind, string> = {
	'no-such-host': 'no host of that name was found',
	refused: 'the connection was refused',
	reset: 'the connection broke before an answer came',
	timeout: 'no answer came in time',
	tls: 'no secure connection could be made (certificate or TLS)',
	opaque: 'no connection could be made (unknown host, or no secure connection)',
}

/** A Failure for a request that brought no answer. `url` is shown without its query. */
export function toNetworkFailure(errorKind: NetworkErrorKind, url: string): Failure {
	const kind = errorKind === 'timeout' || errorKind === 'tls' ? errorKind : 'unreachable'
	return {
		ok: false,
		kind,
		status: null,
		code: kind === 'unreachable' ? errorKind : null,
		providerMessage: null,
		retryAfterMs: null,
		message: `${withoutQuery(url)}: ${NETWORK_ERROR_MESSAGES[errorKind]}.`,
	}
}

/** An answer as far as it matters here. */
export interface ResponseText {
	status: number
	headers: Headers
	/** The body as text, without a byte order mark. */
	text: string
	/** Where it came from. */
	url: string
}

/**
 * The Failure that an answer with a status of 300 and above stands for. `nowMs`: epoch ms, for a `Retry-After` with a
 * date.
 */
export function toResponseFailure(answer: ResponseText, nowMs: number): Failure {
	const { status, headers, url } = answer
	const error = parseVendorError(answer.text)
	const retryAfterMs = parseRetryAfter(headers.get('retry-after'), nowMs)
	const address = withoutQuery(url)
	const fail = (kind: Failure['kind'], message: string): Failure => ({
		ok: false,
		kind,
		status,
		code: error?.code ?? null,
		providerMessage: error?.message ?? parsePageMessage(answer.text),
		retryAfterMs,
		message: `${address} answered ${status}: ${message}`,
	})
	if (status < 400)
		return fail(
			'redirect',
			`it moved to ${getRedirectTarget(answer) ?? 'another address'}; redirects are not followed with credentials.`,
		)
	if (status === 429) return fail('throttled', 'the store or its host asks for fewer requests.')
	if (status >= 500) {
		if (status === 503 && headers.has('retry-after'))
			return fail('throttled', 'the store is not available for a while (maintenance or load).')
		if (isChallenge(answer)) return fail('not-json', 'a shield before the store asks for a browser.')
		const edge = findEdgeErrorKind(status, answer.text)
		return fail(
			'server',
			edge === null ? 'the store failed.' : `the network before the store says: ${NETWORK_ERROR_MESSAGES[edge]}.`,
		)
	}
	if (status === 408) return fail('timeout', 'the store gave the request up.')
	if (error === null) {
		if (status === 401) return fail('auth', 'a password is asked for that is not the API key.')
		return fail(
			'not-json',
			status === 403
				? 'a page in place of JSON: a firewall or bot shield stands before the API.'
				: 'a page in place of JSON: this is not the WooCommerce API.',
		)
	}
	if (status === 401 && error.code.startsWith('woocommerce_rest_')) return fail('auth', authErrorMessage(error))
	if (status === 403 && /_cannot_[a-z_]+$/.test(error.code)) return fail('forbidden', 'this key may not do that.')
	if (status === 404 && error.code === 'rest_no_route')
		return fail('no-route', 'WooCommerce is switched off or does not have this route.')
	if (status === 401 || status === 403) return fail('rejected', 'something before WooCommerce closes the REST API.')
	return fail('rejected', 'WooCommerce refused the request.')
}

/** An answer that is JSON, of another shape than it should be; `message` says which was expected. */
export function toUnexpectedFailure(message: string): Failure {
	return { ok: false, kind: 'not-json', status: 200, code: null, providerMessage: null, retryAfterMs: null, message }
}

/** A Failure for a 2xx whose body is not what was asked for. */
export function toShapeFailure(answer: ResponseText, expected: string): Failure {
	const start = answer.text.slice(0, 4096)
	const found =
		answer.text.trim() === ''
			? 'nothing'
			: /<(br \/>|b>)\s*<?b?>?\s*(warning|notice|deprecated|fatal error|parse error)/i.test(start)
				? 'a PHP notice before the JSON'
				: /^\s*</.test(start)
					? 'a page'
					: 'something else'
	return {
		ok: false,
		kind: 'not-json',
		status: answer.status,
		code: null,
		providerMessage: /^\s*[[{]/.test(start) ? null : parsePageMessage(answer.text),
		retryAfterMs: null,
		message: `${withoutQuery(answer.url)} answered ${answer.status} with ${found} where ${expected} was expected.`,
	}
}

/** The JSON error body that WordPress gives: `{code, message, data}`; null when the body is anything else. */
export function parseVendorError(text: string): { code: string; message: string | null } | null {
	const body = parseJson(text)
	if (typeof body !== 'object' || body === null || Array.isArray(body)) return null
	const { code, message } = body as { code?: unknown; message?: unknown }
	// `wp_die` before WordPress is up (maintenance, database) is an error of the site, with the same shape.
	if (typeof code !== 'string') return null
	return { code, message: typeof message === 'string' ? toPlainText(message) : null }
}

/**
 * Whether a 404 says in JSON that the object itself does not exist. Only these codes do: `…_invalid_id` of orders,
 * products, coupons, customers, variations, reviews, notes, taxes and webhooks, and those of refunds, terms,
 * attributes, zones and tax classes, which never took that form (docs/woocommerce.md 2.6). A missing parent counts:
 * what hangs on an order or a product goes with it. `rest_no_route` and pages never do.
 *
 * @param path the collection's vendor path
 */
export function isGoneFailure(path: string, failure: Failure): boolean {
	if (failure.status !== 404 || failure.code === null) return false
	if (
		/^(wc_user_invalid_id|woocommerce_rest_([a-z0-9_]+_)?invalid_id|woocommerce_rest_invalid_order(_refund)?_id)$/.test(
			failure.code,
		)
	)
		return true
	// For an attribute this code names the attribute; elsewhere it would mean that a whole taxonomy is not registered.
	if (failure.code === 'woocommerce_rest_taxonomy_invalid') return path.startsWith('products/attributes')
	return GONE_CODES.has(failure.code)
}

const GONE_CODES = new Set([
	'woocommerce_rest_term_invalid',
	'woocommerce_rest_attribute_invalid',
	'woocommerce_rest_shipping_zone_invalid',
	'woocommerce_rest_shipping_zone_method_invalid',
	'woocommerce_rest_tax_class_invalid_slug',
])

/** `Retry-After` in ms from now: seconds or an HTTP date; null when absent or unreadable. */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
	if (value === null) return null
	if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Math.round(Number(value) * 1000)
	const atMs = Date.parse(value)
	return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}

/** The target of a redirect as an address without query, null when there is none or it is unreadable. */
export function getRedirectTarget(answer: ResponseText): string | null {
	const location = answer.headers.get('location')
	if (location === null || !URL.canParse(location, answer.url)) return null
	return withoutQuery(new URL(location, answer.url).href)
}

/** An address without query, fragment and user info: what may stand in a message. */
export function withoutQuery(url: string): string {
	if (!URL.canParse(url)) return 'the address'
	const { origin, pathname } = new URL(url)
	return `${origin}${pathname}`
}

/** JSON, or undefined. */
export function parseJson(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return undefined
	}
}

function authErrorMessage(error: { code: string; message: string | null }): string {
	if (/does not have (read|write) permission/i.test(error.message ?? ''))
		return 'the API key has not the permission for this.'
	if (error.code === 'woocommerce_rest_authentication_error') return 'the API key or secret is wrong.'
	return 'the API key is unknown, revoked, or did not reach WooCommerce.'
}

/** A page that wants a browser: it is neither the store's failure nor the key's (docs/woocommerce.md 2.2). */
function isChallenge(answer: ResponseText): boolean {
	if (answer.headers.get('cf-mitigated') === 'challenge') return true
	return (
		/<html/i.test(answer.text.slice(0, 4096)) &&
		/just a moment|checking your browser|captcha|challenge-platform|enable javascript and cookies/i.test(
			answer.text.slice(0, 65_536),
		)
	)
}

/**
 * How much of what a store says is read: more than is ever told, and little enough for patterns that try every `<`
 * against every `>`.
 */
const MAX_VENDOR_TEXT = 4_096

/** What a page says to people: WordPress's own error box, else its title. */
function parsePageMessage(text: string): string | null {
	// The box stands behind the page's own styles, which are longer than what is read of it.
	const head = text.slice(0, 65_536)
	const excerptFrom = (beginning: RegExp): string => {
		const at = head.search(beginning)
		return at < 0 ? '' : head.slice(at, at + MAX_VENDOR_TEXT)
	}
	const found =
		/^[^>]*>([\s\S]*?)<\/div>/i.exec(excerptFrom(/class="wp-die-message"/i))?.[1] ??
		/^[^>]*>([\s\S]*?)<\/title>/i.exec(excerptFrom(/<title[\s>]/i))?.[1]
	return found === undefined ? null : toPlainText(found)
}

const ENTITIES: Record<string, string> = {
	amp: '&',
	lt: '<',
	gt: '>',
	quot: '"',
	apos: "'",
	nbsp: ' ',
	'#039': "'",
	'#8217': '’',
	'#8211': '–',
	hellip: '…',
}

/** Markup off, common entities decoded, white space folded, at most 500 characters; null when nothing is left. */
function toPlainText(html: string): string | null {
	const text = html
		.slice(0, MAX_VENDOR_TEXT)
		.replace(/<[^>]*>/g, ' ')
		.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole)
		.replace(/\s+/g, ' ')
		.trim()
		.slice(0, 500)
	return text === '' ? null : text
}

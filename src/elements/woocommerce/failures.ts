/**
 * Classifies every response of a store, its host or a firewall in front of it, and every failure without a response
 * (docs/woocommerce.md §2). Polling, the hub and connecting use it.
 */
import type { AddressRefusedError } from '../../lib/guarded-fetch.ts'
import { findEdgeErrorKind, type NetworkErrorKind } from '../../lib/network-errors.ts'
import type { Cure, Failure } from '../store.ts'
import { parseJson } from './answer-json.ts'
import { toCure, toRedirectCure } from './cures.ts'
import { findProtection, findShopPage } from './page-signatures.ts'
import { MAX_VENDOR_TEXT, parsePageMessage, toPlainText } from './page-text.ts'

/** Places at which JSON may begin that are tried: a notice can contain brackets. */
const MAX_JSON_STARTS = 5

/** Each kind of network error as a clause for messages. */
export const NETWORK_ERROR_MESSAGES: Record<NetworkErrorKind, string> = {
	'no-such-host': 'there is no host of this name',
	resolver: 'the name could not be resolved, because the resolver of this service did not answer',
	refused: 'the connection was refused',
	reset: 'the connection broke before an answer came',
	timeout: 'no answer came in time',
	tls: 'the secure connection failed (TLS or certificate)',
	opaque: 'the connection failed (unknown host or TLS)',
}

/** A Failure for a request without a response. `url` is shown without its query. */
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
		cure: toCure(errorKind === 'tls' ? 'certificate' : errorKind === 'no-such-host' ? 'address' : 'network'),
	}
}

/** A Failure for a request that was not sent, because its address may not be reached. */
export function toRefusedFailure(refusal: AddressRefusedError, url: string): Failure {
	return {
		ok: false,
		kind: 'not-public',
		status: null,
		code: null,
		providerMessage: null,
		retryAfterMs: null,
		message: `${withoutQuery(url)} was not requested: ${refusal.message}.`,
	}
}

/** The parts of an answer that are read here. */
export interface ResponseText {
	status: number
	headers: Headers
	/** The body as text, without a byte order mark. */
	text: string
	/** The address that was asked. */
	url: string
}

/**
 * The Failure for an answer with a status of 300 and above. `nowMs`: epoch ms, for a `Retry-After` with a date.
 */
export function toResponseFailure(answer: ResponseText, nowMs: number): Failure {
	const { status, headers, url } = answer
	const error = parseVendorError(answer.text)
	const { kind, problem, cure } =
		(error === null ? diagnoseProtection(answer) : null) ??
		diagnoseOutage(answer) ??
		(error === null ? diagnosePage(status) : diagnoseVendorError(status, error))
	return {
		ok: false,
		kind,
		status,
		code: error?.code ?? null,
		providerMessage: error?.message ?? parsePageMessage(answer.text),
		retryAfterMs: parseRetryAfter(headers.get('retry-after'), nowMs),
		message: `${withoutQuery(url)} answered ${status}: ${problem}`,
		cure,
	}
}

/** `problem`: a sentence without its beginning. */
interface Diagnosis {
	kind: Failure['kind']
	problem: string
	cure: Cure
}

/** null: nothing that is known keeps requests from the shop. A redirect is one, wherever it leads. */
function diagnoseProtection(answer: ResponseText): Diagnosis | null {
	const protection = answer.status < 400 ? null : findProtection(answer)
	if (protection === null) return null
	return {
		kind: 'not-json',
		problem: `${protection.name} answers instead of the shop.`,
		cure: { cause: 'bot-protection', action: protection.action },
	}
}

/** The Failure for a 2xx that does not come from the shop; null: it may. */
export function toProtectionFailure(answer: ResponseText): Failure | null {
	const protection = findProtection(answer)
	if (protection === null) return null
	return {
		ok: false,
		kind: 'not-json',
		status: answer.status,
		code: null,
		providerMessage: parsePageMessage(answer.text),
		retryAfterMs: null,
		message: `${withoutQuery(answer.url)} answered ${answer.status}: ${protection.name} answers instead of the shop.`,
		cure: { cause: 'bot-protection', action: protection.action },
	}
}

/** The meaning of a status alone; null if the body decides. */
function diagnoseOutage(answer: ResponseText): Diagnosis | null {
	const { status, headers } = answer
	if (status < 400) {
		const target = getRedirectTarget(answer)
		const problem = `it redirects to ${target ?? 'another address'}; redirects are not followed with credentials.`
		// With plain permalinks the address below /wp-json/ is a page that WordPress looks for (docs/woocommerce.md 1.2).
		return target === `${withoutQuery(answer.url)}/`
			? { kind: 'redirect', problem: `${problem} The permalinks are set to Plain.`, cure: toCure('plain-permalinks') }
			: { kind: 'redirect', problem, cure: toRedirectCure(target) }
	}
	if (status === 408) return { kind: 'timeout', problem: 'the store timed out.', cure: toCure('network') }
	if (status === 429)
		return {
			kind: 'throttled',
			problem: 'the store or its host limits the rate of requests.',
			cure: toCure('throttled'),
		}
	if (status < 500) return null
	if (status === 503 && headers.has('retry-after'))
		return {
			kind: 'throttled',
			problem: 'the store is temporarily unavailable (maintenance or overload).',
			cure: toCure('maintenance'),
		}
	const edge = findEdgeErrorKind(status, answer.text)
	if (edge !== null)
		return {
			kind: 'server',
			problem: `the network in front of the store reports: ${NETWORK_ERROR_MESSAGES[edge]}.`,
			cure: toCure('network'),
		}
	return isDatabaseError(answer)
		? { kind: 'server', problem: 'the store failed: it does not reach its database.', cure: toCure('database') }
		: { kind: 'server', problem: 'the store failed.', cure: toCure('failing') }
}

/** WordPress's own page or JSON without a database; some hosts translate it (docs/woocommerce.md 2.1). */
function isDatabaseError({ status, text }: ResponseText): boolean {
	return (
		status === 500 &&
		/establishing a database connection|<title>\s*Database Error/i.test(text.slice(0, 65_536)) &&
		(parseVendorError(text)?.code ?? 'wp_die') === 'wp_die'
	)
}

/** A 4xx whose body is not WordPress's JSON. */
function diagnosePage(status: number): Diagnosis {
	if (status === 401)
		return {
			kind: 'auth',
			problem: 'the site asks for a password that is not the API key.',
			cure: toCure('site-password'),
		}
	return {
		kind: 'not-json',
		problem:
			status === 403
				? 'a page instead of JSON. A firewall or bot protection blocks the API: allow /wp-json/ there.'
				: 'a page instead of JSON. This is not the WooCommerce API.',
		cure: toCure(status === 403 ? 'bot-protection' : 'not-the-api'),
	}
}

function diagnoseVendorError(status: number, error: { code: string; message: string | null }): Diagnosis {
	if (status === 401 && error.code.startsWith('woocommerce_rest_'))
		return {
			kind: 'auth',
			problem: authErrorMessage(error),
			cure: toCure(lacksPermission(error) ? 'key-permission' : 'key'),
		}
	if (status === 403 && /_cannot_[a-z_]+$/.test(error.code))
		return { kind: 'forbidden', problem: 'the API key may not do this.', cure: toCure('role') }
	if (status === 404 && error.code === 'rest_no_route')
		return {
			kind: 'no-route',
			problem: 'WooCommerce is not active, or it does not have this route.',
			cure: toCure('no-collection'),
		}
	if (status === 401 || status === 403)
		return {
			kind: 'rejected',
			problem: 'something in front of WooCommerce blocks the REST API.',
			cure: toCure('rest-closed'),
		}
	return { kind: 'rejected', problem: 'WooCommerce refused the request.', cure: toCure('refused-request') }
}

/** A Failure for JSON of an unexpected shape; `message` says which was expected. */
export function toUnexpectedFailure(message: string): Failure {
	return { ok: false, kind: 'not-json', status: 200, code: null, providerMessage: null, retryAfterMs: null, message }
}

/** A Failure for a 2xx with an unexpected body; `expected` names what was expected. */
export function toShapeFailure(answer: ResponseText, expected: string): Failure {
	const start = answer.text.slice(0, 4096)
	const { found, cure } = describeBody(answer, start)
	return {
		ok: false,
		kind: 'not-json',
		status: answer.status,
		code: null,
		providerMessage: /^\s*[[{]/.test(start) ? null : parsePageMessage(answer.text),
		retryAfterMs: null,
		message: `${withoutQuery(answer.url)} answered ${answer.status} with ${found} instead of ${expected}.`,
		cure,
	}
}

/** What a 2xx contains instead of JSON of the expected shape. `start`: the beginning of its text. */
function describeBody(answer: ResponseText, start: string): { found: string; cure: Cure } {
	if (answer.text.trim() === '') return { found: 'nothing', cure: toCure('failing') }
	const output = findOutputBeforeJson(answer.text)
	if (output !== null) return { found: `"${output}" before the JSON`, cure: toCure('output-before-json') }
	if (/<(br \/>|b>)\s*<?b?>?\s*(warning|notice|deprecated|fatal error|parse error)/i.test(start))
		return { found: 'a PHP notice before the JSON', cure: toCure('output-before-json') }
	if (!/^\s*</.test(start)) return { found: 'something else', cure: toCure('failing') }
	// The home page, whose header names the address of the API with plain permalinks (docs/woocommerce.md 1.2).
	if (/[?&]rest_route=/.test(answer.headers.get('link') ?? ''))
		return { found: 'the home page, since the permalinks are set to Plain,', cure: toCure('plain-permalinks') }
	const shopPage = findShopPage(answer)
	return shopPage === null
		? { found: 'a page', cure: toCure('page') }
		: { found: shopPage.name, cure: { cause: 'page', action: shopPage.action } }
}

/** The text that stands before valid JSON, at most 200 characters; null: there is none. */
function findOutputBeforeJson(text: string): string | null {
	const starts = [...text.slice(0, MAX_VENDOR_TEXT).matchAll(/[[{]/g)].slice(0, MAX_JSON_STARTS)
	const start = starts.find(({ index }) => index > 0 && isJson(text.slice(index)))
	return start === undefined ? null : (toPlainText(text.slice(0, start.index))?.slice(0, 200) ?? null)
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text)
		return true
	} catch {
		return false
	}
}

/** The JSON error body that WordPress gives: `{code, message, data}`; null when the body is anything else. */
export function parseVendorError(text: string): { code: string; message: string | null } | null {
	const body = parseJson(text)
	if (typeof body !== 'object' || body === null || Array.isArray(body)) return null
	const { code, message } = body as { code?: unknown; message?: unknown }
	// `wp_die` before WordPress is up (maintenance, database) has the same shape.
	if (typeof code !== 'string') return null
	return { code, message: typeof message === 'string' ? withParameterDetails(message, body) : null }
}

/** A message with what is wrong about each parameter: WordPress's own message only names them. */
function withParameterDetails(message: string, body: object): string | null {
	const { data } = body as { data?: unknown }
	const params = typeof data === 'object' && data !== null ? (data as { params?: unknown }).params : null
	const details =
		typeof params !== 'object' || params === null
			? []
			: Object.values(params).filter(
					(detail): detail is string => typeof detail === 'string' && !message.includes(detail),
				)
	return toPlainText([message, ...details].join(' '))
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
	// 7.0 gives 400 for a webhook that does not exist.
	if (failure.status === 400 && path === 'webhooks') return isMissingObject(`${path}/0`, failure.code)
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

/** Collection → the object's name in the code for an id that does not exist, of versions that have one. */
const OBJECT_NAMES: readonly [collection: RegExp, name: string][] = [
	[/^orders$/, 'shop_order'],
	[/^products$/, 'product'],
	[/^products\/\d+\/variations$/, 'product_variation'],
	[/^coupons$/, 'shop_coupon'],
	[/^webhooks$/, 'shop_webhook'],
]

/**
 * Whether an error's code says that the object at a path itself does not exist. With 400, it can also be about an
 * object that a body names: so only the path's own kind counts, and the code without a kind (docs/woocommerce.md 2.6).
 */
export function isMissingObject(path: string, code: string | null): boolean {
	const [, collection = '', id = ''] = /^(.+)\/([^/]+)$/.exec(path) ?? []
	if (!/^\d+$/.test(id)) return false
	if (code === 'woocommerce_rest_invalid_id' || code === 'wc_user_invalid_id') return true
	const name = OBJECT_NAMES.find(([pattern]) => pattern.test(collection))?.[1]
	return name !== undefined && code === `woocommerce_rest_${name}_invalid_id`
}

/** `Retry-After` in ms from now: seconds or an HTTP date; null if absent or unreadable. */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
	if (value === null) return null
	if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Math.round(Number(value) * 1000)
	const atMs = Date.parse(value)
	return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}

/** The target of a redirect as a URL without query; null if there is none or it is unreadable. */
function getRedirectTarget(answer: ResponseText): string | null {
	const location = answer.headers.get('location')
	if (location === null || !URL.canParse(location, answer.url)) return null
	return withoutQuery(new URL(location, answer.url).href)
}

/** A URL without query, fragment and user info, which may contain secrets: safe in messages. */
export function withoutQuery(url: string): string {
	if (!URL.canParse(url)) return 'the address'
	const { origin, pathname } = new URL(url)
	return `${origin}${pathname}`
}

/** A key without the right to read or to write has the code of a wrong one (docs/woocommerce.md 1.6). */
function lacksPermission(error: { message: string | null }): boolean {
	return /does not have (read|write) permission/i.test(error.message ?? '')
}

function authErrorMessage(error: { code: string; message: string | null }): string {
	if (lacksPermission(error)) return 'the API key lacks the permission for this.'
	if (error.code === 'woocommerce_rest_authentication_error') return 'the API key or secret is wrong.'
	return 'the API key is unknown, revoked, or did not reach WooCommerce.'
}

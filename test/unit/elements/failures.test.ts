import { describe, expect, it } from 'vitest'
import { parseRetryAfter, isGoneFailure, isMissingObject } from '../../../src/elements/woocommerce/failures.ts'
import { openClient } from '../../../src/elements/woocommerce/client.ts'
import { DENVER, ioOf, NOW, recorded, resource, responseOf } from './support.ts'
import type { Failure } from '../../../src/elements/store.ts'

const CREDENTIALS = { storeUrl: DENVER.home, key: 'ck_public', secret: 'cs_hidden' }

/** What a list of orders becomes when the store gives this answer: `ok`, or the kind of failure and its code. */
async function verdict(response: Response | Error): Promise<string> {
	const io = ioOf(() => {
		if (response instanceof Error) throw response
		return response
	})
	const page = await openClient(DENVER, CREDENTIALS, io).list(resource('/hubs/ecommerce/orders'), {
		order: 'id-asc',
		limit: 10,
	})
	if (!page.ok) {
		expect(page.message).toMatch(/^[^?]+$/)
		expect(JSON.stringify(page)).not.toContain('cs_hidden')
		expect((page.providerMessage ?? '').length).toBeLessThanOrEqual(500)
		expect(page.providerMessage ?? '').not.toMatch(/<[a-z/]/i)
	}
	return page.ok ? 'ok' : `${page.kind} ${page.code ?? '-'}`
}

describe('recorded answers of real stores', () => {
	const auth = recorded('auth')
	const outage = recorded('outage')
	const missing = 'auth woocommerce_rest_cannot_view'
	const wrong = 'auth woocommerce_rest_authentication_error'

	it.each([
		['none', missing],
		['basic_bad_key', missing],
		['basic_over_http', missing],
		['query_bad_key', missing],
		['query_over_http', missing],
		['basic_garbage_header', missing],
		['bearer_header', missing],
		['basic_wp_user_password', missing],
		['rest_route_query', missing],
		['plain_permalink_rest_route', missing],
		['none_customers', missing],
		['basic_bad_secret', wrong],
		['query_bad_secret', wrong],
		['oauth_bad_key', wrong],
		['oauth_bad_secret', wrong],
		['oauth_bad_method', wrong],
		['oauth_old_timestamp', wrong],
		['oauth_future_timestamp', wrong],
		['oauth_nonce_replayed', wrong],
		['oauth_missing_params', 'auth woocommerce_rest_authentication_missing_parameter'],
		['writeonly_key_get', wrong],
		['readonly_key_post', wrong],
		['readonly_key_delete', wrong],
		['readonly_key_webhook_create', wrong],
		['customer_role_key_orders', 'forbidden woocommerce_rest_cannot_view'],
		['customer_role_key_customers', 'forbidden woocommerce_rest_cannot_view'],
		['customer_role_key_system_status', 'forbidden woocommerce_rest_cannot_view'],
		['unknown_route', 'no-route rest_no_route'],
		['unknown_namespace', 'no-route rest_no_route'],
		['method_not_allowed', 'no-route rest_no_route'],
		['bad_json', 'rejected rest_invalid_json'],
		['basic_on_wp_v2_users', 'rejected rest_not_logged_in'],
		['oauth_ok_sha256', 'ok'],
		['oauth_over_https', 'ok'],
		['oauth_array_param', 'ok'],
		['readonly_key_get', 'ok'],
		['shop_manager_key_orders', 'ok'],
		['shop_manager_key_customers', 'ok'],
		['basic_lowercase_scheme', 'ok'],
		['basic_index', 'not-json -'],
	])('1.4 1.5 1.6 auth/%s is %s', async (name, expected) => {
		const one = auth[name]
		expect(one).toBeDefined()
		if (one !== undefined) expect(await verdict(responseOf(one))).toBe(expected)
	})

	it.each([
		['normal', 'ok'],
		['pretty_again', 'ok'],
		['key_owner_demoted_before', 'ok'],
		['bom_before_json', 'ok'],
		['php_warning_before_json', 'ok'],
		['plain_permalinks_index', 'not-json -'],
		['plain_permalinks_wp-json', 'redirect -'],
		['plain_permalinks_rest_route', missing],
		['maintenance_mode', 'throttled wp_die'],
		['maintenance_mode_accept_any', 'throttled -'],
		['maintenance_mode_index', 'throttled wp_die'],
		['database_down', 'server wp_die'],
		['database_down_accept_any', 'server -'],
		['php_fatal_in_plugin', 'server internal_server_error'],
		['woocommerce_deactivated', 'no-route rest_no_route'],
		['key_owner_demoted_to_subscriber', 'forbidden woocommerce_rest_cannot_view'],
		['key_downgraded_to_read_then_write', wrong],
	])('2.1 outage/%s is %s', async (name, expected) => {
		const one = outage[name]
		expect(one).toBeDefined()
		if (one !== undefined) expect(await verdict(responseOf(one))).toBe(expected)
	})

	it('every recorded failure is classified, and none of them is thrown', async () => {
		for (const one of [...Object.values(auth), ...Object.values(outage)]) {
			const said = await verdict(responseOf(one))
			if (one.status >= 300) expect(said).not.toBe('ok')
		}
	})
})

describe('2.2 hosts and shields', () => {
	const page = (
		status: number,
		text = '<html><head><title>Just a moment...</title></head></html>',
		headers: Record<string, string> = {},
	): Response => new Response(text, { status, headers: { 'content-type': 'text/html', ...headers } })

	it.each([
		['429 without Retry-After', page(429, ''), 'throttled -'],
		['503 of a host', page(503, '<html>Service Unavailable</html>'), 'server -'],
		['508', page(508, 'loop'), 'server -'],
		['502 on a big page', page(502, 'Bad Gateway'), 'server -'],
		['504', page(504, ''), 'server -'],
		['520', page(520, ''), 'server -'],
		['530', page(530, 'error code: 1016'), 'server -'],
		['a 403 challenge', page(403), 'not-json -'],
		['a 503 challenge', page(503), 'not-json -'],
		['a 200 page', page(200), 'not-json -'],
		[
			'a password for the whole site',
			page(401, 'Unauthorized', { 'www-authenticate': 'Basic realm="staging"' }),
			'auth -',
		],
		['a 404 page', page(404, '<html>Not found</html>'), 'not-json -'],
		['an empty 200', new Response('', { status: 200 }), 'not-json -'],
		['a truncated list', new Response('[{"id":1},{"id":', { status: 200 }), 'not-json -'],
		['an object for a list', new Response('{"id":1}', { status: 200 }), 'not-json -'],
		['a list of numbers', new Response('[1,2]', { status: 200 }), 'not-json -'],
		[
			'a redirect',
			new Response(null, { status: 308, headers: { location: 'https://new.example/wp-json/wc/v3/orders?x=1' } }),
			'redirect -',
		],
		[
			'a plugin that closes the API',
			new Response('{"code":"rest_forbidden","message":"Closed","data":{"status":403}}', { status: 403 }),
			'rejected rest_forbidden',
		],
	])('%s', async (_name, response, expected) => {
		expect(await verdict(response)).toBe(expected)
	})

	it('Retry-After may be seconds or a date', async () => {
		expect(parseRetryAfter('600', NOW)).toBe(600_000)
		expect(parseRetryAfter(new Date(NOW + 90_000).toUTCString(), NOW)).toBe(90_000)
		expect(parseRetryAfter(new Date(NOW - 90_000).toUTCString(), NOW)).toBe(0)
		expect(parseRetryAfter('soon', NOW)).toBeNull()
		const io = ioOf(() => page(429, '', { 'retry-after': '120' }))
		const failure = (await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), {
			order: 'id-asc',
			limit: 1,
		})) as Failure
		expect(failure.retryAfterMs).toBe(120_000)
	})

	it('1.8 names the target of a redirect without its query, and does not follow it', async () => {
		const io = ioOf(
			() =>
				new Response(null, {
					status: 301,
					headers: { location: 'https://www.shop.example/wp-json/wc/v3/orders?consumer_secret=x' },
				}),
		)
		const failure = (await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), {
			order: 'id-asc',
			limit: 1,
		})) as Failure
		expect(failure.message).toContain('https://www.shop.example/wp-json/wc/v3/orders;')
		expect(failure.message).not.toContain('consumer')
		expect(io.asked).toHaveLength(1)
		expect(io.asked[0]?.redirect).toBe('manual')
	})

	it('shows what WordPress said to people, without markup', async () => {
		const fatal = recorded('outage')['php_fatal_in_plugin']
		if (fatal === undefined) throw new Error('no recording')
		const io = ioOf(() => responseOf(fatal))
		const failure = (await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), {
			order: 'id-asc',
			limit: 1,
		})) as Failure
		expect(failure.providerMessage).toBe(
			'There has been a critical error on this website. Learn more about troubleshooting WordPress.',
		)
	})
})

describe('no answer at all', () => {
	const coded = (code: string): Error =>
		Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code }) })

	it.each([
		[coded('ENOTFOUND'), 'unreachable no-such-host'],
		[coded('EAI_AGAIN'), 'unreachable no-such-host'],
		[coded('ECONNREFUSED'), 'unreachable refused'],
		[coded('ECONNRESET'), 'unreachable reset'],
		[coded('UND_ERR_CONNECT_TIMEOUT'), 'timeout -'],
		[coded('CERT_HAS_EXPIRED'), 'tls -'],
		[coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls -'],
		[coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls -'],
		[new Error('Network connection lost.'), 'unreachable reset'],
		[new Error('internal error; reference = abc'), 'unreachable opaque'],
		[new Error('DNS lookup failed.'), 'unreachable no-such-host'],
		[new Error("TLS peer's certificate is not trusted"), 'tls -'],
		[new Error('connect(): Connection refused'), 'unreachable refused'],
		[new DOMException('The operation timed out', 'TimeoutError'), 'timeout -'],
	])('%s', async (error, expected) => {
		expect(await verdict(error)).toBe(expected)
	})

	it('a request is given up after its time, also when the body stalls', async () => {
		const stalled = new Response(
			new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('[')) }),
		)
		for (const answer of [new Promise<Response>(() => undefined), stalled]) {
			const io = ioOf(() => answer, { timeoutMs: 20 })
			const page = await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), { order: 'id-asc', limit: 1 })
			expect(page).toMatchObject({ ok: false, kind: 'timeout' })
		}
	})

	it('a body without end is cut', async () => {
		const chunk = new Uint8Array(4 * 1024 * 1024).fill(32)
		const io = ioOf(() => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) })))
		const page = await openClient(DENVER, CREDENTIALS, io).list(resource('/orders'), { order: 'id-asc', limit: 1 })
		expect(page).toMatchObject({ ok: false, kind: 'not-json', code: 'body_too_large' })
	})
})

describe('2.6 what counts as gone', () => {
	const failure = (code: string | null, status = 404): Failure => ({
		ok: false,
		kind: 'rejected',
		status,
		code,
		providerMessage: null,
		retryAfterMs: null,
		message: '',
	})

	it.each([
		['orders', 'woocommerce_rest_shop_order_invalid_id'],
		['products', 'woocommerce_rest_product_invalid_id'],
		['coupons', 'woocommerce_rest_shop_coupon_invalid_id'],
		['customers', 'wc_user_invalid_id'],
		['customers', 'woocommerce_rest_invalid_id'],
		['products/1/variations', 'woocommerce_rest_product_variation_invalid_id'],
		['products/reviews', 'woocommerce_rest_review_invalid_id'],
		['products/categories', 'woocommerce_rest_term_invalid'],
		['products/attributes', 'woocommerce_rest_taxonomy_invalid'],
		['orders/1/refunds', 'woocommerce_rest_shop_order_refund_invalid_id'],
		['taxes', 'woocommerce_rest_invalid_id'],
	])('%s: %s', (path, code) => {
		expect(isGoneFailure(path, failure(code))).toBe(true)
		expect(isGoneFailure(path, failure(code, 400))).toBe(false)
	})

	it('a webhook of 7.0, by a 400', () => {
		expect(isGoneFailure('webhooks', failure('woocommerce_rest_shop_webhook_invalid_id', 400))).toBe(true)
		expect(isGoneFailure('webhooks', failure('woocommerce_rest_shop_webhook_invalid_id'))).toBe(true)
		expect(isGoneFailure('webhooks', failure('rest_invalid_param', 400))).toBe(false)
	})

	it.each([
		['customers/5', 'woocommerce_rest_invalid_id', true],
		['customers/5', 'wc_user_invalid_id', true],
		['orders/5', 'woocommerce_rest_shop_order_invalid_id', true],
		['products/5/variations/6', 'woocommerce_rest_product_variation_invalid_id', true],
		['webhooks/5', 'woocommerce_rest_shop_webhook_invalid_id', true],
		// About an object that the body names, or about none.
		['orders/5', 'woocommerce_rest_product_invalid_id', false],
		['products/5', 'woocommerce_rest_shop_coupon_invalid_id', false],
		['customers', 'woocommerce_rest_invalid_id', false],
		['customers/5', null, false],
	])('a 400 for %s with %s: %s', (path, code, expected) => {
		expect(isMissingObject(path, code)).toBe(expected)
	})

	it.each([
		'rest_no_route',
		'woocommerce_rest_cannot_view',
		'woocommerce_rest_taxonomy_invalid',
		'rest_invalid_param',
		null,
	])('%s never does', (code) => {
		expect(isGoneFailure('products/categories', failure(code))).toBe(false)
	})
})

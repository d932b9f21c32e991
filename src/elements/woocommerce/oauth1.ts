/**
 * One-legged OAuth 1.0a as WooCommerce checks it: the way in where PHP does not see https, and the only one over plain
 * http (docs/woocommerce.md 1.4 and 1.7). The secret never travels.
 */
import { createHmac } from 'node:crypto'

/** The credentials and data of a signature. */
interface OAuthInput {
	method: string
	/** Scheme and host as PHP sees them, with the path, without query: `http://shop.example/wp-json/wc/v3/orders`. */
	baseUrl: string
	/** Query parameters, decoded. Array parameters have their index: `status[0]`. */
	query: Record<string, string>
	key: string
	secret: string
	/** Seconds since the epoch on the store's clock: more than 15 minutes off is refused. */
	timestamp: number
	/** A new one for every try: a used one is refused. */
	nonce: string
}

/** The query with the five `oauth_…` parameters and the signature added. */
export function signQuery(input: OAuthInput): Record<string, string> {
	const query: Record<string, string> = {
		...input.query,
		oauth_consumer_key: input.key,
		oauth_nonce: input.nonce,
		oauth_signature_method: 'HMAC-SHA256',
		oauth_timestamp: String(input.timestamp),
	}
	return { ...query, oauth_signature: computeSignature(input.method, input.baseUrl, query, input.secret) }
}

/**
 * Base64 HMAC-SHA256 over method, address and all parameters sorted by encoded name; the key is the consumer secret and
 * `&`.
 */
function computeSignature(method: string, baseUrl: string, query: Record<string, string>, secret: string): string {
	const pairs = Object.entries(query)
		.map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
		.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : 1))
		.map(([name, value]) => `${name}=${value}`)
	const base = [method.toUpperCase(), percentEncode(baseUrl), percentEncode(pairs.join('&'))].join('&')
	return createHmac('sha256', `${secret}&`).update(base).digest('base64')
}

/** RFC 3986 percent-encoding, PHP's `rawurlencode`: everything but letters, digits and `-._~`. */
export function percentEncode(text: string): string {
	return encodeURIComponent(text).replace(
		/[!'()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	)
}

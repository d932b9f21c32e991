/**
 * Authentication of requests: Basic or the query over https, a signature if PHP does not see https
 * (docs/woocommerce.md 1.4, 1.7).
 */
import { Buffer } from 'node:buffer'
import { withQuery } from './http.ts'
import { isReservedName } from './list-arguments.ts'
import { signQuery } from './oauth1.ts'
import type { Connection, Credentials, Failure, Io } from '../store.ts'

/** Credentials and context of a request's authentication. Contains secrets; created when needed. */
export interface RequestAuth {
	auth: Connection['auth']
	key: string
	secret: string
	/** Scheme and host that signatures are made for. */
	oauthOrigin: string
	/** Seconds by which the store's clock is ahead of ours, for signatures. */
	skewSec: number
}

/** Access to a connected store. */
export function toRequestAuth(connection: Connection, credentials: Credentials): RequestAuth {
	const origin = URL.canParse(connection.home) ? new URL(connection.home).origin : new URL(connection.root).origin
	return {
		auth: connection.auth,
		key: credentials.key,
		secret: credentials.secret,
		oauthOrigin: connection.oauthOrigin ?? origin,
		skewSec: 0,
	}
}

/** An authorized request, or why it must not be sent. */
type AuthorizedTarget = { ok: true; url: string; headers: Record<string, string> } | Failure

/**
 * The address and headers of an authorized request. `url` has no query yet. The last guard of a key: a request that
 * WordPress would take for another one is refused.
 */
export function authorize(
	access: RequestAuth,
	io: Io,
	method: string,
	url: string,
	query: Record<string, string>,
): AuthorizedTarget {
	const reserved = Object.keys(query).find((name) => !OWN_RESERVED.includes(name) && isReservedName(name))
	if (reserved !== undefined) return refuse(`the argument "${reserved.slice(0, 100)}" is WordPress's own`)
	if (!isPlainAddress(url)) return refuse('its path leads out of the API')
	return { ok: true, ...toTarget(access, io, method, url, query) }
}

/** Reserved names that the client itself sends; they change the answer alone. */
const OWN_RESERVED = ['_fields', '_skip_cache']

/** Whether an address has no query and no segment that changes it (`..`). */
function isPlainAddress(url: string): boolean {
	return !/[?#]/.test(url) && URL.canParse(url) && new URL(url).href === url
}

function refuse(reason: string): Failure {
	return {
		ok: false,
		kind: 'rejected',
		status: null,
		code: 'not_sent',
		providerMessage: null,
		retryAfterMs: null,
		message: `The request was not sent to the store: ${reason}.`,
	}
}

function toTarget(
	access: RequestAuth,
	io: Io,
	method: string,
	url: string,
	query: Record<string, string>,
): { url: string; headers: Record<string, string> } {
	if (access.auth === 'basic') {
		return {
			url: withQuery(url, query),
			headers: { Authorization: `Basic ${Buffer.from(`${access.key}:${access.secret}`, 'utf8').toString('base64')}` },
		}
	}
	if (access.auth === 'query')
		return { url: withQuery(url, { ...query, consumer_key: access.key, consumer_secret: access.secret }), headers: {} }
	const signedQuery = signQuery({
		method,
		baseUrl: access.oauthOrigin + new URL(url).pathname,
		query: withArrayIndexes(query),
		key: access.key,
		secret: access.secret,
		timestamp: Math.floor(io.now() / 1000) + access.skewSec,
		nonce: io.nonce?.() ?? crypto.randomUUID().replaceAll('-', ''),
	})
	return { url: withQuery(url, signedQuery), headers: {} }
}

/**
 * PHP numbers a nameless array element before WooCommerce checks the signature: `status[]` is signed as `status[0]`.
 */
function withArrayIndexes(query: Record<string, string>): Record<string, string> {
	return Object.fromEntries(
		Object.entries(query).map(([name, value]) => [name.endsWith('[]') ? `${name.slice(0, -2)}[0]` : name, value]),
	)
}

/**
 * Checks a store before an instance is made: finds it, finds out how a key gets in, what that key may read, and what
 * there is to know of the store. Every failure has its own message: what was found at which address, and what to do
 * next.
 */
import type { RequestAuth } from './request-auth.ts'
import { API_PREFIX, parseRecords, parseTotal } from './client.ts'
import { getCollection, isKnownCollection } from './collections.ts'
import { discover, type Site } from './discover.ts'
import { toResponseFailure, withoutQuery, parseJson, parseVendorError } from './failures.ts'
import type { StoreResponse } from './http.ts'
import { toHubName } from './hub-paths.ts'
import { restClosedError, toConnectError, noResponseError, CheckSession, findSiteError } from './check-session.ts'
import { toObjectId } from './parse-record.ts'
import type { ConnectError, Connection, Credentials, Io } from '../store.ts'

type Collections = Connection['collections']

/** What one collection said to this key. */
type ProbeResult =
	| { readable: true; highestId: number; total: number; storeNowMs: number }
	| { readable: false; storeNowMs: number }

/** Discovers and checks a store. `paths` beyond the budget of requests are not in the answer's `collections`. */
export async function connectStore(
	credentials: Credentials,
	io: Io,
	options: { paths: string[] },
): Promise<({ ok: true } & { connection: Connection }) | ConnectError> {
	const session = new CheckSession(io)
	const found = await discover(session, credentials.storeUrl)
	if (!found.ok) return found
	const { site } = found
	// Without anything to poll the key is still tried; then it may lack the right to orders.
	const paths = options.paths.length > 0 ? [...new Set(options.paths)] : ['orders']
	const authenticated = await authenticate(session, site, credentials, paths[0] ?? 'orders')
	if (!authenticated.ok) return authenticated
	const { access } = authenticated
	const collections: Collections = {}
	const unreadable: string[] = []
	let storeNowMs = authenticated.answer.storeNowMs
	for (const [index, path] of paths.entries()) {
		if (index > 0 && session.isExhausted) break
		const answer = index === 0 ? authenticated.answer : await probe(session, site, access, path)
		const probed = await evaluateProbe(session, site, access, path, answer)
		if ('ok' in probed) return probed
		storeNowMs = probed.storeNowMs
		if (probed.readable)
			collections[path] = { readable: true, highestId: probed.highestId, total: probed.total, args: null }
		else {
			unreadable.push(path)
			collections[path] = { readable: false, highestId: 0, total: 0, args: null }
		}
	}
	if (unreadable.length > 0 && options.paths.length > 0) return unreadableError(site, unreadable)
	const status = await fetchSystemStatus(session, site, access)
	// The arguments decide most for collections of plugins, and for the modified filters of stores that hide their
	// version.
	const pathsToDescribe = Object.keys(collections).filter(
		(path) => !isKnownCollection(path) || (status.version === '' && getCollection(path, null).filtersByModified),
	)
	for (const path of pathsToDescribe) {
		if (!session.isOpen) break
		const entry = collections[path]
		if (entry !== undefined) entry.args = await fetchRouteArguments(session, site, access, path)
	}
	const plainOrigin = new URL(site.home).origin
	return {
		ok: true,
		connection: {
			home: site.home,
			root: site.root,
			auth: access.auth,
			...(access.auth === 'oauth1' && access.oauthOrigin !== plainOrigin ? { oauthOrigin: access.oauthOrigin } : {}),
			name: site.name,
			timeZone: site.timeZone,
			gmtOffset: site.gmtOffset,
			version: status.version,
			hpos: status.hpos,
			storeNowMs,
			collections,
		},
	}
}

/**
 * Finds an authentication that works, by the first collection. Over https: Basic, a signature, the query as the last
 * resort; over http only a signature, since WooCommerce ignores the others there (docs/woocommerce.md 1.4).
 */
async function authenticate(
	session: CheckSession,
	site: Site,
	credentials: Credentials,
	path: string,
): Promise<{ ok: true; access: RequestAuth; answer: StoreResponse } | ConnectError> {
	const https = site.root.startsWith('https:')
	const host = URL.canParse(site.home) ? new URL(site.home).host : new URL(site.root).host
	const common = { key: credentials.key, secret: credentials.secret, skewSec: 0 }
	// PHP signs for the scheme that it sees: http also behind a proxy that does not announce https.
	const signedAuth = (scheme: string): RequestAuth => ({
		...common,
		auth: 'oauth1',
		oauthOrigin: `${scheme}://${host}`,
	})
	const plainAuth = (auth: 'basic' | 'query'): RequestAuth => ({ ...common, auth, oauthOrigin: `https://${host}` })
	const candidates = https
		? [plainAuth('basic'), signedAuth('https'), signedAuth('http'), plainAuth('query')]
		: [signedAuth('http'), signedAuth('https')]
	let signatureRejected = false
	let lastAnswer: StoreResponse | null = null
	for (const access of candidates) {
		// A second signature is worth a request only when the first one was read and did not fit.
		if (
			access.auth === 'oauth1' &&
			lastAnswer !== null &&
			access.oauthOrigin !== (https ? `https://${host}` : `http://${host}`) &&
			!signatureRejected
		)
			continue
		let answer = await probe(session, site, access, path)
		if (answer.ok && answer.status === 401 && access.auth === 'oauth1') {
			// A signature of another time is refused after 15 minutes: go by the store's clock.
			const skewSec = Math.round((answer.storeNowMs - session.io.now()) / 1000)
			if (Math.abs(skewSec) > 60) {
				access.skewSec = skewSec
				answer = await probe(session, site, access, path)
			}
		}
		if (!answer.ok) return answer
		if (answer.status !== 401) return { ok: true, access, answer }
		const verdict = await classify401(session, site, access, path, answer)
		if (verdict !== 'not-seen' && verdict !== 'signature') return verdict
		if (verdict === 'signature') signatureRejected = true
		lastAnswer = answer
	}
	if (signatureRejected) return wrongSecretError(site, lastAnswer)
	return unknownKeyError(site, lastAnswer)
}

/** What a 401 means: an error, or that this way of authentication was not seen, or that the signature did not fit. */
async function classify401(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
	answer: StoreResponse,
): Promise<ConnectError | 'not-seen' | 'signature'> {
	const error = parseVendorError(answer.text)
	const vendorMessage = error?.message ?? ''
	if (error === null || !error.code.startsWith('woocommerce_rest_'))
		return restClosedError(answer, toResponseFailure(answer, session.io.now()).providerMessage)
	if (error.code !== 'woocommerce_rest_authentication_error') return 'not-seen'
	if (/signature/i.test(vendorMessage)) return 'signature'
	if (/key is invalid/i.test(vendorMessage)) return unknownKeyError(site, answer)
	if (/secret is invalid/i.test(vendorMessage)) return wrongSecretError(site, answer)
	if (/read permission/i.test(vendorMessage)) return writeOnlyError(site, answer)
	// A store in another language: OPTIONS needs a valid key but no permission (docs/woocommerce.md 1.9).
	const options = await session.request(`${site.root}${API_PREFIX}${path}`, {}, { access, method: 'OPTIONS' })
	if (options.ok && options.status < 300) return writeOnlyError(site, answer)
	return access.auth === 'oauth1' ? 'signature' : wrongSecretError(site, answer)
}

function unknownKeyError(site: Site, answer: StoreResponse | null): ConnectError {
	return toConnectError(
		400,
		'unknown-key',
		`${site.home} does not know this API key: it is misspelt, revoked, or of another store. Copy the consumer key and secret again from WooCommerce → Settings → Advanced → REST API, or create a new key.`,
		answer === null ? null : (parseVendorError(answer.text)?.message ?? null),
	)
}

function wrongSecretError(site: Site, answer: StoreResponse | null): ConnectError {
	return toConnectError(
		400,
		'wrong-secret',
		`${site.home} knows this API key, but the secret is wrong. WooCommerce shows a secret only once: create a new key under WooCommerce → Settings → Advanced → REST API and copy both parts.`,
		answer === null ? null : (parseVendorError(answer.text)?.message ?? null),
	)
}

function writeOnlyError(site: Site, answer: StoreResponse): ConnectError {
	return toConnectError(
		400,
		'write-only',
		`${site.home} accepts this API key for writing only. Set its permissions to "Read/Write" (or "Read" for polling alone) under WooCommerce → Settings → Advanced → REST API.`,
		parseVendorError(answer.text)?.message ?? null,
	)
}

function unreadableError(site: Site, paths: string[]): ConnectError {
	const names = paths.map(toHubName).join(', ')
	return toConnectError(
		400,
		'forbidden',
		`${site.home} accepts this API key, but its user may not list ${names}. Give the key to a user with the role Shop manager or Administrator, or leave ${names} out of the poller configuration.`,
	)
}

/** The newest object of a collection, its total and the store's clock, in one request. */
async function probe(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
	ordered = true,
): Promise<StoreResponse | ConnectError> {
	const collection = getCollection(path, null)
	const url = `${site.root}${API_PREFIX}${path}`
	const order: Record<string, string> = ordered ? { per_page: '1', orderby: 'id', order: 'desc' } : { per_page: '100' }
	const answer = await session.request(
		url,
		{ ...collection.baseQuery, ...(collection.paged ? order : {}), _fields: collection.idField },
		{ access },
	)
	if (!answer.ok) return noResponseError(answer, url)
	return findSiteError(answer, session.io.now()) ?? answer
}

async function evaluateProbe(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
	first: StoreResponse | ConnectError,
): Promise<ProbeResult | ConnectError> {
	let answer = first
	if (answer.ok && answer.status === 400) answer = await probe(session, site, access, path, false)
	if (!answer.ok) return answer
	const failure = answer.status >= 300 ? toResponseFailure(answer, session.io.now()) : null
	if (failure?.kind === 'forbidden' || failure?.code === 'woocommerce_rest_cannot_view')
		return { readable: false, storeNowMs: answer.storeNowMs }
	if (failure?.kind === 'auth')
		return toConnectError(
			502,
			'server',
			`${withoutQuery(answer.url)} answered 401 to a key that was accepted a moment before. Try again; if it stays, look for a cache or a security plugin before the API.`,
			failure.providerMessage,
		)
	if (failure?.kind === 'redirect') return redirectError(answer)
	if (failure?.kind === 'no-route')
		return toConnectError(
			400,
			'no-resource',
			`${site.home} has no resource "${toHubName(path)}" (${withoutQuery(answer.url)} answered 404). Correct the url in the poller configuration, or activate the plugin that brings it.`,
			failure.providerMessage,
		)
	if (failure?.kind === 'not-json' || failure?.code?.startsWith('rest_') === true)
		return restClosedError(answer, failure.providerMessage)
	if (failure !== null)
		return toConnectError(
			400,
			'no-resource',
			`${failure.message} Correct the url of "${toHubName(path)}" in the poller configuration.`,
			failure.providerMessage,
		)
	const rows = parseRecords(answer)
	if (rows === null) {
		const page = /^\s*<(!doctype|html)/i.test(answer.text)
		if (page) return restClosedError(answer, null)
		return toConnectError(
			502,
			'server',
			`${withoutQuery(answer.url)} answered 200, but not with a JSON list: most often a PHP notice stands before it. Switch WP_DEBUG_DISPLAY off and look into the store's error log, then try again.`,
		)
	}
	const { idField } = getCollection(path, null)
	const highestId = rows.reduce((highest, row) => {
		const id = toObjectId(row[idField])
		return typeof id === 'number' && id > highest ? id : highest
	}, 0)
	return { readable: true, highestId, total: parseTotal(answer) ?? rows.length, storeNowMs: answer.storeNowMs }
}

/** A redirect of the API behind an index that answers: plain permalinks add a slash, anything else leads away. */
function redirectError(answer: StoreResponse): ConnectError {
	const location = answer.headers.get('location') ?? ''
	const target = URL.canParse(location, answer.url) ? new URL(location, answer.url) : null
	const from = new URL(answer.url)
	if (target !== null && target.origin === from.origin && target.pathname === `${from.pathname}/`) {
		return toConnectError(
			400,
			'plain-permalinks',
			`${withoutQuery(answer.url)} redirects to itself with a slash: WordPress has plain permalinks, under which API keys do not work. Switch on pretty permalinks under Settings → Permalinks, then try again.`,
		)
	}
	const destination = target === null ? 'another address' : withoutQuery(target.href)
	return toConnectError(
		400,
		'other-host',
		`${withoutQuery(answer.url)} redirects to ${destination}; a key is not sent along. Use the address under which the shop answers without a redirect.`,
	)
}

/** Version and order storage; a key without the right to them brings '' and null (docs/woocommerce.md 1.9). */
async function fetchSystemStatus(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
): Promise<{ version: string; hpos: boolean | null }> {
	const unknown = { version: '', hpos: null }
	if (!session.isOpen) return unknown
	const answer = await session.request(
		`${site.root}${API_PREFIX}system_status`,
		{ _fields: 'environment.version,settings.HPOS_enabled' },
		{ access },
	)
	if (!answer.ok || answer.status !== 200) return unknown
	const body = parseJson(answer.text) as
		| { environment?: { version?: unknown }; settings?: { HPOS_enabled?: unknown } }
		| null
		| undefined
	const version = body?.environment?.version
	const hpos = body?.settings?.HPOS_enabled
	const known = typeof version === 'string' ? version : ''
	// Before 7.1 there were no tables to keep orders in, and no such setting.
	return {
		version: known,
		hpos: typeof hpos === 'boolean' ? hpos : hpos === 'yes' ? true : hpos === 'no' || known !== '' ? false : null,
	}
}

/** The names of a list's arguments; null when the route does not say. */
async function fetchRouteArguments(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
): Promise<string[] | null> {
	const answer = await session.request(`${site.root}${API_PREFIX}${path}`, {}, { access, method: 'OPTIONS' })
	if (!answer.ok || answer.status !== 200) return null
	const body = parseJson(answer.text) as { endpoints?: unknown } | null | undefined
	if (!Array.isArray(body?.endpoints)) return null
	for (const endpoint of body.endpoints as { methods?: unknown; args?: unknown }[]) {
		if (
			Array.isArray(endpoint?.methods) &&
			endpoint.methods.includes('GET') &&
			typeof endpoint.args === 'object' &&
			endpoint.args !== null
		)
			return Object.keys(endpoint.args)
	}
	return null
}

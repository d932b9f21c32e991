/**
 * Checks a store before an instance is made: finds it, finds out how a key gets in, what that key may read, and what there is to
 * know of the store. Every failure has its own message: what was found at which address, and what to do next.
 */
import type { Access } from './access.ts'
import { API, recordsOf, totalOf } from './client.ts'
import { collectionAt, isKnownCollection } from './collections.ts'
import { discover, type Site } from './discover.ts'
import { answerFailure, bare, parseJson, vendorError } from './failures.ts'
import type { Answer } from './http.ts'
import { hubName } from './hub.ts'
import { closed, connectError, noAnswer, Session, siteDown } from './session.ts'
import { objectId } from './sight.ts'
import type { ConnectError, Connection, Credentials, Io } from '../store.ts'

type Collections = Connection['collections']

/** What one collection said to this key. */
type Probe = { readable: true; highestId: number; total: number; storeNowMs: number } | { readable: false; storeNowMs: number }

/** Discovers and checks a store. `paths` beyond the budget of requests are not in the answer's `collections`. */
export async function connectStore(
	credentials: Credentials,
	io: Io,
	options: { paths: string[] },
): Promise<({ ok: true } & { connection: Connection }) | ConnectError> {
	const session = new Session(io)
	const found = await discover(session, credentials.storeUrl)
	if (!found.ok) return found
	const { site } = found
	// Without anything to poll the key is still tried; then it may lack the right to orders.
	const paths = options.paths.length > 0 ? [...new Set(options.paths)] : ['orders']
	const entered = await enter(session, site, credentials, paths[0] ?? 'orders')
	if (!entered.ok) return entered
	const { access } = entered
	const collections: Collections = {}
	const unreadable: string[] = []
	let storeNowMs = entered.answer.storeNowMs
	for (const [index, path] of paths.entries()) {
		if (index > 0 && session.spent) break
		const answer = index === 0 ? entered.answer : await probe(session, site, access, path)
		const seen = await readProbe(session, site, access, path, answer)
		if ('ok' in seen) return seen
		storeNowMs = seen.storeNowMs
		if (seen.readable) collections[path] = { readable: true, highestId: seen.highestId, total: seen.total, args: null }
		else {
			unreadable.push(path)
			collections[path] = { readable: false, highestId: 0, total: 0, args: null }
		}
	}
	if (unreadable.length > 0 && options.paths.length > 0) return mayNotRead(site, unreadable)
	const status = await systemStatus(session, site, access)
	// The arguments decide most for collections of plugins, and for the modified filters of stores that hide their version.
	const asked = Object.keys(collections).filter(
		(path) => !isKnownCollection(path) || (status.version === '' && collectionAt(path, null).modified),
	)
	for (const path of asked) {
		if (!session.open) break
		const entry = collections[path]
		if (entry !== undefined) entry.args = await routeArguments(session, site, access, path)
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
 * Finds an authentication that works, by the first collection. Over https: Basic, a signature, the query as the last resort; over
 * http only a signature, since WooCommerce ignores the others there (WooCommerce facts, 1.4).
 */
async function enter(
	session: Session,
	site: Site,
	credentials: Credentials,
	path: string,
): Promise<{ ok: true; access: Access; answer: Answer } | ConnectError> {
	const https = site.root.startsWith('https:')
	const host = URL.canParse(site.home) ? new URL(site.home).host : new URL(site.root).host
	const common = { key: credentials.key, secret: credentials.secret, skewSec: 0 }
	// PHP signs for the scheme that it sees: http also behind a proxy that does not announce https.
	const signed = (scheme: string): Access => ({ ...common, auth: 'oauth1', oauthOrigin: `${scheme}://${host}` })
	const plain = (auth: 'basic' | 'query'): Access => ({ ...common, auth, oauthOrigin: `https://${host}` })
	const tries = https ? [plain('basic'), signed('https'), signed('http'), plain('query')] : [signed('http'), signed('https')]
	let unsigned = false
	let last: Answer | null = null
	for (const access of tries) {
		// A second signature is worth a request only when the first one was read and did not fit.
		if (access.auth === 'oauth1' && last !== null && access.oauthOrigin !== (https ? `https://${host}` : `http://${host}`) && !unsigned)
			continue
		let answer = await probe(session, site, access, path)
		if (answer.ok && answer.status === 401 && access.auth === 'oauth1') {
			// A signature of another time is refused after 15 minutes: go by the store's clock.
			const ahead = Math.round((answer.storeNowMs - session.io.now()) / 1000)
			if (Math.abs(ahead) > 60) {
				access.skewSec = ahead
				answer = await probe(session, site, access, path)
			}
		}
		if (!answer.ok) return answer
		if (answer.status !== 401) return { ok: true, access, answer }
		const verdict = await judge401(session, site, access, path, answer)
		if (verdict !== 'not-seen' && verdict !== 'signature') return verdict
		if (verdict === 'signature') unsigned = true
		last = answer
	}
	if (unsigned) return wrongSecret(site, last)
	return unknownKey(site, last)
}

/** What a 401 means: an error, or that this way of authentication was not seen, or that the signature did not fit. */
async function judge401(
	session: Session,
	site: Site,
	access: Access,
	path: string,
	answer: Answer,
): Promise<ConnectError | 'not-seen' | 'signature'> {
	const error = vendorError(answer.text)
	const said = error?.message ?? ''
	if (error === null || !error.code.startsWith('woocommerce_rest_'))
		return closed(answer, answerFailure(answer, session.io.now()).providerMessage)
	if (error.code !== 'woocommerce_rest_authentication_error') return 'not-seen'
	if (/signature/i.test(said)) return 'signature'
	if (/key is invalid/i.test(said)) return unknownKey(site, answer)
	if (/secret is invalid/i.test(said)) return wrongSecret(site, answer)
	if (/read permission/i.test(said)) return writeOnly(site, answer)
	// A store in another language: OPTIONS needs a valid key but no permission (WooCommerce facts, 1.9).
	const options = await session.ask(`${site.root}${API}${path}`, {}, { access, method: 'OPTIONS' })
	if (options.ok && options.status < 300) return writeOnly(site, answer)
	return access.auth === 'oauth1' ? 'signature' : wrongSecret(site, answer)
}

function unknownKey(site: Site, answer: Answer | null): ConnectError {
	return connectError(
		400,
		'unknown-key',
		`${site.home} does not know this API key: it is misspelt, revoked, or of another store. Copy the consumer key and secret again from WooCommerce → Settings → Advanced → REST API, or create a new key.`,
		answer === null ? null : (vendorError(answer.text)?.message ?? null),
	)
}

function wrongSecret(site: Site, answer: Answer | null): ConnectError {
	return connectError(
		400,
		'wrong-secret',
		`${site.home} knows this API key, but the secret is wrong. WooCommerce shows a secret only once: create a new key under WooCommerce → Settings → Advanced → REST API and copy both parts.`,
		answer === null ? null : (vendorError(answer.text)?.message ?? null),
	)
}

function writeOnly(site: Site, answer: Answer): ConnectError {
	return connectError(
		400,
		'write-only',
		`${site.home} accepts this API key for writing only. Set its permissions to "Read/Write" (or "Read" for polling alone) under WooCommerce → Settings → Advanced → REST API.`,
		vendorError(answer.text)?.message ?? null,
	)
}

function mayNotRead(site: Site, paths: string[]): ConnectError {
	const names = paths.map(hubName).join(', ')
	return connectError(
		400,
		'forbidden',
		`${site.home} accepts this API key, but its user may not list ${names}. Give the key to a user with the role Shop manager or Administrator, or leave ${names} out of the poller configuration.`,
	)
}

/** The newest object of a collection, its total and the store's clock, in one request. */
async function probe(session: Session, site: Site, access: Access, path: string, ordered = true): Promise<Answer | ConnectError> {
	const collection = collectionAt(path, null)
	const url = `${site.root}${API}${path}`
	const order: Record<string, string> = ordered ? { per_page: '1', orderby: 'id', order: 'desc' } : { per_page: '100' }
	const answer = await session.ask(
		url,
		{ ...collection.always, ...(collection.paged ? order : {}), _fields: collection.idField },
		{ access },
	)
	if (!answer.ok) return noAnswer(answer, url)
	return siteDown(answer, session.io.now()) ?? answer
}

async function readProbe(
	session: Session,
	site: Site,
	access: Access,
	path: string,
	first: Answer | ConnectError,
): Promise<Probe | ConnectError> {
	let answer = first
	if (answer.ok && answer.status === 400) answer = await probe(session, site, access, path, false)
	if (!answer.ok) return answer
	const failure = answer.status >= 300 ? answerFailure(answer, session.io.now()) : null
	if (failure?.kind === 'forbidden' || failure?.code === 'woocommerce_rest_cannot_view')
		return { readable: false, storeNowMs: answer.storeNowMs }
	if (failure?.kind === 'auth')
		return connectError(
			502,
			'server',
			`${bare(answer.url)} answered 401 to a key that was accepted a moment before. Try again; if it stays, look for a cache or a security plugin before the API.`,
			failure.providerMessage,
		)
	if (failure?.kind === 'redirect') return moved(answer)
	if (failure?.kind === 'no-route')
		return connectError(
			400,
			'no-resource',
			`${site.home} has no resource "${hubName(path)}" (${bare(answer.url)} answered 404). Correct the url in the poller configuration, or activate the plugin that brings it.`,
			failure.providerMessage,
		)
	if (failure?.kind === 'not-json' || failure?.code?.startsWith('rest_') === true) return closed(answer, failure.providerMessage)
	if (failure !== null)
		return connectError(
			400,
			'no-resource',
			`${failure.message} Correct the url of "${hubName(path)}" in the poller configuration.`,
			failure.providerMessage,
		)
	const rows = recordsOf(answer)
	if (rows === null) {
		const page = /^\s*<(!doctype|html)/i.test(answer.text)
		if (page) return closed(answer, null)
		return connectError(
			502,
			'server',
			`${bare(answer.url)} answered 200, but not with a JSON list: most often a PHP notice stands before it. Switch WP_DEBUG_DISPLAY off and look into the store's error log, then try again.`,
		)
	}
	const { idField } = collectionAt(path, null)
	const highestId = rows.reduce((highest, row) => {
		const id = objectId(row[idField])
		return typeof id === 'number' && id > highest ? id : highest
	}, 0)
	return { readable: true, highestId, total: totalOf(answer) ?? rows.length, storeNowMs: answer.storeNowMs }
}

/** A redirect of the API behind an index that answers: plain permalinks add a slash, anything else leads away. */
function moved(answer: Answer): ConnectError {
	const location = answer.headers.get('location') ?? ''
	const target = URL.canParse(location, answer.url) ? new URL(location, answer.url) : null
	const from = new URL(answer.url)
	if (target !== null && target.origin === from.origin && target.pathname === `${from.pathname}/`) {
		return connectError(
			400,
			'plain-permalinks',
			`${bare(answer.url)} redirects to itself with a slash: WordPress has plain permalinks, under which API keys do not work. Switch on pretty permalinks under Settings → Permalinks, then try again.`,
		)
	}
	const place = target === null ? 'another address' : bare(target.href)
	return connectError(
		400,
		'other-host',
		`${bare(answer.url)} redirects to ${place}; a key is not sent along. Use the address under which the shop answers without a redirect.`,
	)
}

/** Version and order storage; a key without the right to them brings '' and null (WooCommerce facts, 1.9). */
async function systemStatus(session: Session, site: Site, access: Access): Promise<{ version: string; hpos: boolean | null }> {
	const unknown = { version: '', hpos: null }
	if (!session.open) return unknown
	const answer = await session.ask(`${site.root}${API}system_status`, { _fields: 'environment.version,settings.HPOS_enabled' }, { access })
	if (!answer.ok || answer.status !== 200) return unknown
	const body = parseJson(answer.text) as { environment?: { version?: unknown }; settings?: { HPOS_enabled?: unknown } } | null | undefined
	const version = body?.environment?.version
	const hpos = body?.settings?.HPOS_enabled
	const known = typeof version === 'string' ? version : ''
	// Before 7.1 there were no tables to keep orders in, and no such setting.
	return { version: known, hpos: typeof hpos === 'boolean' ? hpos : hpos === 'yes' ? true : hpos === 'no' || known !== '' ? false : null }
}

/** The names of a list's arguments; null when the route does not say. */
async function routeArguments(session: Session, site: Site, access: Access, path: string): Promise<string[] | null> {
	const answer = await session.ask(`${site.root}${API}${path}`, {}, { access, method: 'OPTIONS' })
	if (!answer.ok || answer.status !== 200) return null
	const body = parseJson(answer.text) as { endpoints?: unknown } | null | undefined
	if (!Array.isArray(body?.endpoints)) return null
	for (const endpoint of body.endpoints as { methods?: unknown; args?: unknown }[]) {
		if (Array.isArray(endpoint?.methods) && endpoint.methods.includes('GET') && typeof endpoint.args === 'object' && endpoint.args !== null)
			return Object.keys(endpoint.args)
	}
	return null
}

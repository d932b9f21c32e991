/**
 * Checks a store before an instance is created: finds the site, its authentication, what the key may read, and other
 * facts about the store. Every failure has its own message: what was found at which URL, and the next step.
 */
import type { ConnectError, Connection, Credentials, Io } from '../store.ts'
import { authenticate } from './authenticate.ts'
import { CheckSession, toConnectError } from './check-session.ts'
import { getCollection, isKnownCollection } from './collections.ts'
import { discover } from './discover.ts'
import type { StoreResponse } from './http.ts'
import { toHubName } from './hub-paths.ts'
import { evaluateProbe, fetchRouteArguments, fetchSystemStatus, probe } from './connection-checks.ts'
import type { RequestAuth } from './request-auth.ts'
import type { Site } from './site-index.ts'

type Collections = Connection['collections']

/** Discovers and checks a store. `paths` beyond the budget of requests are not in the result's `collections`. */
export async function connectStore(
	credentials: Credentials,
	io: Io,
	options: { paths: string[] },
): Promise<{ ok: true; connection: Connection } | ConnectError> {
	const session = new CheckSession(io)
	const found = await discover(session, credentials.storeUrl)
	if (!found.ok) return found
	const { site } = found
	// Without anything to poll, the key is still tried; it may lack the right to orders then.
	const paths = options.paths.length > 0 ? [...new Set(options.paths)] : ['orders']
	const authenticated = await authenticate(session, site, credentials, paths[0] ?? 'orders')
	if (!authenticated.ok) return authenticated
	const { access } = authenticated
	const probed = await probeCollections(session, site, access, paths, authenticated.answer)
	if (!probed.ok) return probed
	const { collections, storeNowMs } = probed
	const unreadable = Object.keys(collections).filter((path) => collections[path]?.readable === false)
	if (unreadable.length > 0 && options.paths.length > 0) return unreadableError(site, unreadable)
	const status = await fetchSystemStatus(session, site, access)
	await addArguments(session, site, access, collections, status.version)
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

/** Probes collections one by one while requests are left. `first`: the response for the first path. */
async function probeCollections(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	paths: string[],
	first: StoreResponse,
): Promise<{ ok: true; collections: Collections; storeNowMs: number } | ConnectError> {
	const collections: Collections = {}
	let storeNowMs = first.storeNowMs
	for (const [index, path] of paths.entries()) {
		if (index > 0 && session.isExhausted) break
		const answer = index === 0 ? first : await probe(session, site, access, path)
		const probed = await evaluateProbe(session, site, access, path, answer)
		if (!probed.ok) return probed
		storeNowMs = probed.storeNowMs
		collections[path] = probed.readable
			? { readable: true, highestId: probed.highestId, total: probed.total, args: null }
			: { readable: false, highestId: 0, total: 0, args: null }
	}
	return { ok: true, collections, storeNowMs }
}

/**
 * Adds the arguments of routes while the check has time. They matter most for collections of plugins, and for the
 * modified filters of stores that hide their version.
 */
async function addArguments(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	collections: Collections,
	version: string,
): Promise<void> {
	for (const [path, collection] of Object.entries(collections)) {
		const isWanted = !isKnownCollection(path) || (version === '' && getCollection(path, null).filtersByModified)
		if (!isWanted) continue
		if (!session.isOpen) return
		collection.args = await fetchRouteArguments(session, site, access, path)
	}
}

function unreadableError(site: Site, paths: string[]): ConnectError {
	const names = paths.map(toHubName).join(', ')
	return toConnectError(
		400,
		'forbidden',
		`${site.home} accepts this API key, but its user may not list ${names}. Give the key to a user with the role ` +
			`Shop manager or Administrator, or leave ${names} out of the poller configuration.`,
		null,
		paths,
	)
}

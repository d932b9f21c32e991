/**
 * Checks a store before an instance is created: finds the site, its authentication, what the key may read, and other
 * facts about the store. Every failure has its own message: what was found at which URL, and the next step.
 */
import type { ConnectError, Connection, Credentials, Io, StoreInspection } from '../store.ts'
import { authenticate } from './authenticate.ts'
import { CheckSession, toConnectError } from './check-session.ts'
import { getCollection, isKnownCollection } from './collections.ts'
import { discover } from './discover.ts'
import { toHubName } from './hub-paths.ts'
import { evaluateProbe, fetchRouteArguments, fetchSystemStatus, probe, type ProbeAnswer } from './connection-checks.ts'
import type { RequestAuth } from './request-auth.ts'
import type { Site } from './site-index.ts'

type Collections = Connection['collections']

/** Requests of an inspection at most: those of a connection, and 19 further collections. */
const MAX_INSPECTION_REQUESTS = 31

/** Discovers and checks a store. `paths` beyond the budget of requests are not in the result's `collections`. */
export async function connectStore(
	credentials: Credentials,
	io: Io,
	options: { paths: string[] },
): Promise<{ ok: true; connection: Connection } | ConnectError> {
	const { site, key, connection, collectionErrors } = await inspect(new CheckSession(io), credentials, {
		...options,
		stopsAtError: true,
	})
	if (!site.ok) return site
	if (key?.ok === false) return key
	const [error] = Object.values(collectionErrors)
	if (error !== undefined) return error
	if (connection === null) throw new Error('a store without errors has a connection')
	return { ok: true, connection }
}

/** As `connectStore`, with each part answered by itself. */
export async function inspectStore(
	credentials: Credentials,
	io: Io,
	options: { paths: string[] },
): Promise<StoreInspection> {
	return await inspect(new CheckSession(io, MAX_INSPECTION_REQUESTS), credentials, { ...options, stopsAtError: false })
}

async function inspect(
	session: CheckSession,
	credentials: Credentials,
	options: { paths: string[]; stopsAtError: boolean },
): Promise<StoreInspection> {
	const found = await discover(session, credentials.storeUrl)
	const result = (parts: Partial<StoreInspection>): StoreInspection => ({
		requests: session.requests,
		site: found.ok ? { ok: true, ...found.site } : found,
		key: null,
		connection: null,
		collectionErrors: {},
		...parts,
	})
	if (!found.ok || credentials.key === '') return result({})
	const { site } = found
	// Without anything to poll, the key is still tried; it may lack the right to orders then.
	const paths = options.paths.length > 0 ? [...new Set(options.paths)] : ['orders']
	const authenticated = await authenticate(session, site, credentials, paths[0] ?? 'orders')
	if (!authenticated.ok) return result({ key: authenticated })
	const { access } = authenticated
	const probed = await probeCollections(session, site, access, paths, authenticated.answer, options.stopsAtError)
	const { collections, storeNowMs } = probed
	const unreadable = Object.keys(collections).filter((path) => collections[path]?.readable === false)
	const unreadableErrors = options.paths.length > 0 ? toUnreadableErrors(site, unreadable, options.stopsAtError) : {}
	const collectionErrors = { ...unreadableErrors, ...probed.errors }
	if (options.stopsAtError && Object.keys(collectionErrors).length > 0)
		return result({ key: { ok: true }, collectionErrors })
	const status = await fetchSystemStatus(session, site, access)
	await addArguments(session, site, access, collections, status.version)
	const connection = toConnection(site, access, { ...status, storeNowMs, collections })
	return result({ key: { ok: true }, connection, collectionErrors })
}

function toConnection(
	site: Site,
	access: RequestAuth,
	facts: Pick<Connection, 'version' | 'hpos' | 'storeNowMs' | 'collections'>,
): Connection {
	const plainOrigin = new URL(site.home).origin
	return {
		home: site.home,
		root: site.root,
		auth: access.auth,
		...(access.auth === 'oauth1' && access.oauthOrigin !== plainOrigin ? { oauthOrigin: access.oauthOrigin } : {}),
		name: site.name,
		timeZone: site.timeZone,
		gmtOffset: site.gmtOffset,
		version: facts.version,
		hpos: facts.hpos,
		storeNowMs: facts.storeNowMs,
		collections: facts.collections,
	}
}

/** Probes collections one by one while requests are left. `first`: the response for the first path. */
async function probeCollections(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	paths: string[],
	first: ProbeAnswer,
	stopsAtError: boolean,
): Promise<{ collections: Collections; errors: Record<string, ConnectError>; storeNowMs: number }> {
	const collections: Collections = {}
	const errors: Record<string, ConnectError> = {}
	let storeNowMs = first.storeNowMs
	for (const [index, path] of paths.entries()) {
		if (index > 0 && session.isExhausted) break
		const answer = index === 0 ? first : await probe(session, site, access, path)
		const probed = await evaluateProbe(session, site, access, path, answer)
		if (!probed.ok) {
			errors[path] = probed
			if (stopsAtError) break
			continue
		}
		storeNowMs = probed.storeNowMs
		collections[path] = probed.readable
			? { readable: true, highestId: probed.highestId, total: probed.total, args: null }
			: { readable: false, highestId: 0, total: 0, args: null }
	}
	return { collections, errors, storeNowMs }
}

/** The errors by collection: one for all of them, or one for each. */
function toUnreadableErrors(site: Site, paths: string[], joined: boolean): Record<string, ConnectError> {
	return Object.fromEntries(paths.map((path) => [path, unreadableError(site, joined ? paths : [path])]))
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

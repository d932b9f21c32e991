/** The requests of a check that need a key: one collection, the system status, the arguments of a route. */
import { getHighestId, UNKNOWN_HIGHEST_ID } from '../page-order.ts'
import { toObjectId } from '../values.ts'
import { STORE_FACT_LIMITS } from '../../lib/limits.ts'
import { hasHiddenCharacters, toPlainLine } from '../../lib/values.ts'
import type { ConnectError, Failure } from '../store.ts'
import {
	findSiteError,
	noResponseError,
	restClosedError,
	toConnectError,
	toPageError,
	type CheckSession,
} from './check-session.ts'
import { API_PREFIX, parseRecords, parseTotal } from './client.ts'
import { getCollection } from './collections.ts'
import { parseJson, toList } from './answer-json.ts'
import { toResponseFailure, withoutQuery } from './failures.ts'
import type { StoreResponse } from './http.ts'
import { toHubName } from './hub-paths.ts'
import { findShopPage } from './page-signatures.ts'
import type { RequestAuth } from './request-auth.ts'
import type { Site } from './site-index.ts'

/** The key's access to one collection. */
type ProbeResult =
	| { ok: true; readable: true; highestId: number; total: number; storeNowMs: number }
	| { ok: true; readable: false; storeNowMs: number }

/**
 * What is asked for, until the store answers: a record may spoil each list that it is in, and many may take too long.
 * The rest of the time is left for the other collections.
 */
const PROBES: readonly { query: Record<string, string>; timeoutMs: number }[] = [
	{ query: { per_page: '10', orderby: 'id', order: 'desc' }, timeoutMs: 8_000 },
	{ query: { per_page: '1', orderby: 'id', order: 'desc' }, timeoutMs: 4_000 },
	{ query: { per_page: '1', orderby: 'id', order: 'asc' }, timeoutMs: 4_000 },
]

/** The answer to a probe. `isPart`: of fewer rows than show the highest id. */
export type ProbeAnswer = StoreResponse & { isPart: boolean }

/**
 * Asks for the newest objects of a collection, its total and the store's clock: in one request, unless a record or the
 * time that records take spoils the list.
 */
export async function probe(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
	ordered = true,
): Promise<ProbeAnswer | ConnectError> {
	const collection = getCollection(path, null)
	const url = `${site.root}${API_PREFIX}${path}`
	const probes = !collection.paged
		? [{ query: {}, timeoutMs: Infinity }]
		: ordered
			? PROBES.slice(session.isSlow ? 1 : 0)
			: [{ query: { per_page: '100' }, timeoutMs: Infinity }]
	let firstError: StoreResponse | Failure | null = null
	for (const { query, timeoutMs } of probes) {
		if (firstError !== null && !session.isOpen) break
		const answer = await session.request(
			url,
			{ ...collection.baseQuery, ...query, _fields: collection.idField },
			{ access, timeoutMs },
		)
		if (!isSpoiled(answer)) {
			if (!answer.ok) return noResponseError(answer, url)
			return findSiteError(answer, session.io.now()) ?? { ...answer, isPart: query['per_page'] === '1' }
		}
		if (!answer.ok && answer.kind === 'timeout') session.isSlow = true
		firstError ??= answer
	}
	if (firstError === null) throw new Error('a probe asks at least once')
	if (!firstError.ok) return noResponseError(firstError, url)
	return findSiteError(firstError, session.io.now()) ?? { ...firstError, isPart: false }
}

/** Whether one record of a list may be the reason for an answer, so that a list without it may be well. */
function isSpoiled(answer: StoreResponse | Failure): boolean {
	if (!answer.ok) return answer.kind === 'timeout' || answer.code === 'body_too_large'
	if (answer.status === 200) return parseRecords(answer) === null && findShopPage(answer) === null
	// A firewall may take one record for an attack.
	if (answer.status === 403) return parseJson(answer.text) === undefined
	return answer.status === 500 || answer.status === 502 || answer.status === 504
}

/** Parses the response of a probe. A collection that refuses the order (400) is requested again without it. */
export async function evaluateProbe(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
	first: ProbeAnswer | ConnectError,
): Promise<ProbeResult | ConnectError> {
	const answer = first.ok && first.status === 400 ? await probe(session, site, access, path, false) : first
	if (!answer.ok) return answer
	if (answer.status < 300) return parseProbe(path, answer)
	const failure = toResponseFailure(answer, session.io.now())
	if (failure.kind === 'forbidden' || failure.code === 'woocommerce_rest_cannot_view')
		return { ok: true, readable: false, storeNowMs: answer.storeNowMs }
	return toProbeError(site, path, answer, failure)
}

function toProbeError(site: Site, path: string, answer: StoreResponse, failure: Failure): ConnectError {
	const name = toHubName(path)
	const { providerMessage } = failure
	if (failure.kind === 'auth')
		return toConnectError(
			502,
			'server',
			`${withoutQuery(answer.url)} answered 401 to a key that worked a moment ago. ` +
				'Try again. If the error stays, check for a cache or a security plugin in front of the API.',
			providerMessage,
		)
	if (failure.kind === 'redirect') return redirectError(answer)
	if (failure.kind === 'no-route')
		return toConnectError(
			400,
			'no-resource',
			`${site.home} has no resource "${name}" (${withoutQuery(answer.url)} answered 404). ` +
				'Correct the url in the poller configuration, or activate the plugin that provides it.',
			providerMessage,
			[path],
		)
	if (failure.kind === 'not-json' || failure.code?.startsWith('rest_') === true)
		return restClosedError(answer, providerMessage)
	return toConnectError(
		400,
		'no-resource',
		`${failure.message} Correct the url of "${name}" in the poller configuration.`,
		providerMessage,
		[path],
	)
}

function parseProbe(path: string, answer: ProbeAnswer): ProbeResult | ConnectError {
	const rows = parseRecords(answer)?.records
	if (rows === undefined) {
		if (/^\s*<(!doctype|html)/i.test(answer.text)) return toPageError(answer)
		return toConnectError(
			502,
			'server',
			`${withoutQuery(answer.url)} answered 200, but not with a JSON list. Most often a PHP notice precedes the JSON: ` +
				"set WP_DEBUG_DISPLAY to false, check the store's error log, then try again.",
		)
	}
	const { idField } = getCollection(path, null)
	const ids = rows.map((row) => toObjectId(row[idField])).filter((id) => typeof id !== 'number' || id > 0)
	const total = parseTotal(answer)
	return {
		ok: true,
		readable: true,
		highestId: answer.isPart && (total ?? 2) > 1 ? UNKNOWN_HIGHEST_ID : getHighestId(ids, total),
		total: Math.max(total ?? 0, rows.length),
		storeNowMs: answer.storeNowMs,
	}
}

/** A redirect of the API although the index responds: plain permalinks add a slash, anything else points elsewhere. */
function redirectError(answer: StoreResponse): ConnectError {
	const location = answer.headers.get('location') ?? ''
	const target = URL.canParse(location, answer.url) ? new URL(location, answer.url) : null
	const from = new URL(answer.url)
	if (target !== null && target.origin === from.origin && target.pathname === `${from.pathname}/`) {
		return toConnectError(
			400,
			'plain-permalinks',
			`${withoutQuery(answer.url)} redirects to itself with a slash: WordPress has plain permalinks, ` +
				'and API keys do not work with them. Choose pretty permalinks under Settings → Permalinks, then try again.',
		)
	}
	const destination = target === null ? 'another address' : withoutQuery(target.href)
	return toConnectError(
		400,
		'other-host',
		`${withoutQuery(answer.url)} redirects to ${destination}. API keys are not sent to the target of a redirect: ` +
			'use the address at which the shop answers without one.',
	)
}

/** Version and order storage; '' and null when the key may not read them (docs/woocommerce.md 1.9). */
export async function fetchSystemStatus(
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
	const known = typeof version === 'string' ? toPlainLine(version, STORE_FACT_LIMITS.version) : ''
	// Versions before 7.1 have no order tables and no such setting.
	return {
		version: known,
		hpos: typeof hpos === 'boolean' ? hpos : hpos === 'yes' ? true : hpos === 'no' || known !== '' ? false : null,
	}
}

/** The names of a list's arguments; null if the route does not list them. */
export async function fetchRouteArguments(
	session: CheckSession,
	site: Site,
	access: RequestAuth,
	path: string,
): Promise<string[] | null> {
	const answer = await session.request(`${site.root}${API_PREFIX}${path}`, {}, { access, method: 'OPTIONS' })
	if (!answer.ok || answer.status !== 200) return null
	const body = parseJson(answer.text) as { endpoints?: unknown } | null | undefined
	for (const endpoint of (toList(body?.endpoints) ?? []) as ({ methods?: unknown; args?: unknown } | null)[]) {
		if (
			toList(endpoint?.methods)?.includes('GET') === true &&
			endpoint !== null &&
			typeof endpoint.args === 'object' &&
			endpoint.args !== null
		)
			return Object.keys(endpoint.args)
				.filter((name) => name.length <= STORE_FACT_LIMITS.argument && !hasHiddenCharacters(name))
				.slice(0, STORE_FACT_LIMITS.arguments)
	}
	return null
}

/** Lists past caches: how a list is asked for, and what its answer shows of a cache. */
import type { Core, WatchedResource } from '../core/core.ts'
import { endOldSign, noteCacheSign, noteParameterRefused, withFreshness } from '../core/freshness.ts'
import type { AnswerFacts, Failure, ListQuery, Page } from '../../elements/store.ts'

/** An answer whose date is this much older than the store's clock comes from a cache, ms. */
const MAX_DATE_AGE_MS = 60_000

/** An answer; `isStale`: a cache has given it, whatever was asked. */
export interface FreshList {
	response: Page | Failure
	isStale: boolean
}

/**
 * Asks for a list, past caches where they were seen. One that a cache answers is asked for again; so is one whose
 * parameter the store refuses, without it. `ask` makes one request.
 */
export async function askForList(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	query: ListQuery,
	ask: (query: ListQuery) => Promise<Page | Failure>,
): Promise<FreshList> {
	const now = core.ports.now()
	endOldSign(rs, now)
	const asked = withFreshness(rs, query, now)
	const first = await ask(asked)
	const isFresh = asked.fresh === true
	if (isFresh && isRefusal(first)) {
		const plain = await ask(withoutParameter(asked))
		if (plain.ok) noteParameterRefused(rs, now)
		return { response: plain, isStale: plain.ok && isCached(plain.answer) }
	}
	if (!first.ok) return { response: first, isStale: false }
	const sign = getCacheSign(core, first)
	if (sign === null) return { response: first, isStale: false }
	const name = resource.objectType
	const ownCache = first.answer.cachedBy?.startsWith('x-wc-cache') === true
	const past = isFresh ? null : withFreshness(rs, { ...query, fresh: true }, now)
	const second = past?.fresh === true ? await ask({ ...past, ...(ownCache && { skipCache: true }) }) : null
	if (second?.ok === true && getCacheSign(core, second) === null) {
		noteCacheSign(
			rs,
			`A cache answers the store's lists of ${name} (${sign}): they are asked for with a parameter that changes.`,
			now,
			ownCache,
		)
		return { response: second, isStale: false }
	}
	if (second !== null && isRefusal(second)) noteParameterRefused(rs, now)
	// An old date alone may be a clock that was set back: the check of the clock decides.
	if (!isCached(first.answer)) return { response: second?.ok === true ? second : first, isStale: false }
	noteCacheSign(
		rs,
		`A cache answers the store's lists of ${name} whatever is asked (${sign}): changes are found when it expires. ` +
			'Exclude /wp-json/ from the cache.',
		now,
		ownCache,
	)
	return { response: second?.ok === true ? second : first, isStale: true }
}

function withoutParameter({ fresh: _fresh, skipCache: _skip, ...query }: ListQuery): ListQuery {
	return query
}

/** A 4xx to the parameter; the key, a limit of requests and a page in front of the API are other matters. */
function isRefusal(response: Page | Failure): boolean {
	const { status, kind } = response.ok ? { status: null, kind: null } : response
	return status !== null && status >= 400 && status < 500 && ![401, 408, 429].includes(status) && kind !== 'auth'
}

function isCached({ ageSec, cachedBy }: AnswerFacts): boolean {
	return cachedBy !== null || (ageSec ?? 0) > 0
}

/** What shows that a cache has answered, for people; null: nothing does. */
function getCacheSign({ state: { skewMs }, ports }: Core, { answer, storeNowMs }: Page): string | null {
	if (answer.cachedBy !== null) return answer.cachedBy
	if ((answer.ageSec ?? 0) > 0) return `Age: ${answer.ageSec}`
	const isOld = skewMs !== null && storeNowMs < ports.now() + skewMs - MAX_DATE_AGE_MS
	return isOld ? `Date: ${new Date(storeNowMs).toUTCString()}` : null
}

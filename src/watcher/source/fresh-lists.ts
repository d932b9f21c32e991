/** Lists past caches: how a list is asked for, and what its answer shows of a cache. */
import type { Core, WatchedResource } from '../core/core.ts'
import { endOldSign, noteCacheSign, noteParameterRefused, withFreshness } from '../core/freshness.ts'
import { isOtherClock } from './clock.ts'
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
	const past = isFresh ? null : withFreshness(rs, { ...query, fresh: true }, now)
	const ownCache = first.answer.cachedBy?.startsWith('x-wc-cache') === true
	const second = past?.fresh === true ? await ask({ ...past, ...(ownCache && { skipCache: true }) }) : null
	if (second !== null && isRefusal(second)) noteParameterRefused(rs, now)
	const usable = second?.ok === true ? second : first
	const isPassed = usable === second && getCacheSign(core, usable) === null
	// An old date alone may be a clock that was set back: the check of the clock decides.
	if (!isPassed && !isCached(first.answer)) return { response: usable, isStale: false }
	const lists = `the store's lists of ${resource.objectType}`
	const message = isPassed
		? `A cache answers ${lists} (${sign}): they are asked for with a parameter that changes.`
		: `A cache answers ${lists} whatever is asked (${sign}): changes are found when it expires. ` +
			'Exclude /wp-json/ from the cache.'
	noteCacheSign(rs, message, now, ownCache)
	return { response: usable, isStale: !isPassed }
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
function getCacheSign({ state: { skewMs, clockDoubt }, ports }: Core, { answer, storeNowMs }: Page): string | null {
	if (answer.cachedBy !== null) return answer.cachedBy
	if ((answer.ageSec ?? 0) > 0) return `Age: ${answer.ageSec}`
	const isOld =
		skewMs !== null &&
		storeNowMs < ports.now() + skewMs - MAX_DATE_AGE_MS &&
		!isOtherClock(clockDoubt, storeNowMs, ports.now())
	return isOld ? `Date: ${new Date(storeNowMs).toUTCString()}` : null
}

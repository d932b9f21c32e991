/**
 * The search: finds which ids are missing from a list, or are in it without being known, by bisection over id-ordered
 * pages (docs/architecture.md, Polling). Pure: it says which offset to read next and narrows its intervals by the page.
 * It finds candidates; reads by id decide.
 */
import type { Interval, SearchState } from '../core/resource-state.ts'
import type { IdRanks } from '../changes/object-index.ts'

/** Begins a search in a list of `total` rows with pages of `limit`. */
export function startSearch(ranks: IdRanks, total: number, limit: number): SearchState {
	const fullInterval: Interval = {
		from: 0,
		to: total,
		before: 0,
		after: ranks.size - total,
		above: 0,
		upTo: Number.MAX_SAFE_INTEGER,
	}
	const intervals = ranks.size - total === 0 ? [] : [fullInterval]
	return { limit, intervals, missing: [], unknown: [], requests: 0 }
}

/** The page to read next, or null when the search has ended. */
export function getNextProbe(search: SearchState): { offset: number } | null {
	const interval = search.intervals.at(-1)
	if (interval === undefined) return null
	const pages = Math.ceil((interval.to - interval.from) / search.limit)
	return { offset: interval.from + Math.floor(Math.max(0, pages - 1) / 2) * search.limit }
}

/** The search after the page at the probed offset; `ids` in ascending order. */
export function applyProbe(search: SearchState, ranks: IdRanks, offset: number, ids: number[]): SearchState {
	const intervals = [...search.intervals]
	const interval = intervals.pop()
	if (interval === undefined) return search
	const next: SearchState = {
		...search,
		intervals,
		requests: search.requests + 1,
		missing: [...search.missing],
		unknown: [...search.unknown],
	}
	const end = Math.min(offset + search.limit, interval.to)
	const firstId = ids[0]
	const lastId = ids.at(-1)
	if (firstId === undefined || lastId === undefined) {
		// The list is shorter than its total says: only the part before can hold the known ids.
		if (offset > interval.from)
			intervals.push({ ...interval, to: offset, after: ranks.countUpTo(interval.upTo) - offset })
		else next.missing.push(...ranks.slice(ranks.countUpTo(interval.above), ranks.countUpTo(interval.upTo)))
		return next
	}
	// The page covers known ids from its first to its last id, and at the interval's edges those beyond too.
	const low = offset === interval.from ? ranks.countUpTo(interval.above) : ranks.countUpTo(firstId - 1)
	const high = end >= interval.to ? ranks.countUpTo(interval.upTo) : ranks.countUpTo(lastId)
	const known = ranks.slice(low, high)
	const listed = new Set(ids)
	const isKnown = new Set(known)
	next.missing.push(...known.filter((id) => !listed.has(id)))
	next.unknown.push(...ids.filter((id) => !isKnown.has(id)))
	const shiftAtStart = ranks.countUpTo(firstId - 1) - offset
	const shiftAtEnd = ranks.countUpTo(lastId) - end
	if (offset > interval.from && shiftAtStart !== interval.before) {
		intervals.push({
			from: interval.from,
			to: offset,
			before: interval.before,
			after: shiftAtStart,
			above: interval.above,
			upTo: firstId - 1,
		})
	}
	if (end < interval.to && shiftAtEnd !== interval.after) {
		intervals.push({
			from: end,
			to: interval.to,
			before: shiftAtEnd,
			after: interval.after,
			above: lastId,
			upTo: interval.upTo,
		})
	}
	return next
}

/**
 * The meaning of a list's total: nothing, or that objects are trashed, gone, or listed without being in the index. A
 * search then finds which.
 */
import { isListed, loadIdRanks, readIndexRows, type IdRanks } from '../changes/object-index.ts'
import { setAbilities } from '../changes/known-abilities.ts'
import { recordPage } from '../changes/recorder.ts'
import { applyEvidence } from '../core/abilities.ts'
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { lacks } from '../core/abilities.ts'
import { noteDoubt } from '../source/doubts.ts'
import { isBudgetSpent, type SliceBudget } from '../source/requests.ts'
import { endIncomplete, isTotalWrong, noteDrift, noteUnexplained } from '../core/completeness.ts'
import {
	awaitLook,
	endAwaitingLook,
	endEmptyHold,
	isAwaitingLook,
	judgeLook,
	releaseHeldDeletions,
} from './deletion-hold.ts'
import { getDisturbance } from './disturbance.ts'
import { compareTotal, exceedsDeletionThreshold, getHorizonSec, toSearchKey, type TotalComparison } from './poll.ts'
import { applyProbe, getNextProbe, startSearch } from './search.ts'
import { listPage } from './pages.ts'
import { countInLists, getExcludedIds, withoutUnreadable } from './unreadable.ts'

const TRASH_PAGE_ROWS = 100

/** The running search's id ranks, valid while the same objects are listed. */
const ranksCache = new WeakMap<Core, { number: number; listing: number; ranks: IdRanks }>()

/** Compares the total of a poll's answer with the index, and begins what follows. Throws StoreError. */
export async function reconcileTotal(
	core: Core,
	watched: WatchedResource,
	page: { total: number | null; storeNowMs: number },
	budget: SliceBudget,
): Promise<void> {
	const { resource, state: rs } = watched
	const { total } = page
	endEmptyHold(core, watched)
	// A list with placeholders moves with the clock and has no fixed total. A baseline explains differences.
	if (resource.placeholders || !resource.indexed || rs.baseline !== null || total === null) return
	const compare = (): TotalComparison => compareTotal(total, getExpectedTotal(core, rs), rs.searched)
	let comparison = compare()
	if (comparison.verdict === 'fewer' && resource.trash) {
		await readTrash(core, watched, page.storeNowMs, budget)
		comparison = compare()
	}
	if (comparison.verdict === 'agrees') {
		rs.agreedMs = page.storeNowMs
		rs.searched = null
		endIncomplete(rs)
		if (!isTotalWrong(rs)) noteDrift(rs, core.ports.now())
	}
	// Those that wait for a look count too.
	if (!exceedsDeletionThreshold(countInLists(core, rs) + rs.drift - total, rs.listed)) {
		// The hold ends by itself when the objects come back.
		if (rs.heldSinceMs !== null) releaseHeldDeletions(core, watched, false)
		if (isAwaitingLook(rs)) endAwaitingLook(core, watched)
	}
	if (rs.heldSinceMs === null && (comparison.verdict === 'fewer' || comparison.verdict === 'more'))
		explainDifference(core, watched, total, comparison.difference)
}

/** The total if every answer is as the index says: objects that are being confirmed as missing are not listed. */
function getExpectedTotal(core: Core, rs: ResourceState): number {
	return countInLists(core, rs) + rs.drift - core.lookups.countMissing(rs.number)
}

/**
 * Begins a search, or a re-read where that takes fewer requests or ids are texts, which a search cannot bisect. One
 * that runs goes on: it ends, and the next total says what it left.
 */
function explainDifference(core: Core, watched: WatchedResource, total: number, difference: number): void {
	const { state: rs } = watched
	// A search needs any offset of the order of ids.
	const isAnchored = getStrategy(watched).scan === 'anchored'
	const isIdle = rs.search === null && rs.reread === null
	if (isIdle && noteUnexplained(rs, core.ports.now())) {
		const example = `${rs.unexplained?.count} totals that differ from what is listed`
		setAbilities(
			core,
			watched,
			applyEvidence(rs.abilities, { ability: 'total', works: false, example }, core.ports.now()),
		)
		return
	}
	const pages = Math.ceil(total / rs.pageSize)
	const searchRequests = Math.abs(difference) * Math.log2(pages + 1)
	core.commit((tx) => {
		if (exceedsDeletionThreshold(-difference, rs.listed)) awaitLook(tx, rs, core.ports.now())
		if (rs.search !== null) return
		// Where the total happens to be what is listed, though it is not as a rule, a search would find no place to begin.
		const canSearch = isAnchored && getIdRanks(core, rs).size !== total
		if (canSearch && searchRequests <= pages + 1 && getIdRanks(core, rs).size === countInLists(core, rs)) {
			rs.search = {
				state: startSearch(getIdRanks(core, rs), total, rs.pageSize),
				total,
				startedMs: core.ports.now(),
				changes: rs.changes,
			}
		} else if (rs.reread === null) {
			rs.rereadAsked = true
			rs.searched = toSearchKey(total, difference)
		}
	})
}

/** Reads what was trashed since the total last agreed. Old stores ignore the parameter: each row's status decides. */
async function readTrash(core: Core, watched: WatchedResource, storeNowMs: number, budget: SliceBudget): Promise<void> {
	const { resource, state: rs } = watched
	const sinceSec = getHorizonSec(
		rs.agreedMs ?? rs.t0Sec * 1000,
		resource.pollDelaySec,
		core.config.connection.timeZone,
		storeNowMs,
	)
	const limit = Math.min(TRASH_PAGE_ROWS, rs.abilities?.maxRows?.rows ?? TRASH_PAGE_ROWS)
	// Where the bound does not work, the order shows where to stop.
	const bound = lacks(rs.abilities, 'bound') ? {} : { modifiedAfterSec: sinceSec }
	for (let offset = 0; ;) {
		const page = await listPage(
			core,
			watched,
			{ order: 'modified-desc', trashed: true, ...bound, offset, limit },
			budget,
		)
		const trashedSnapshots = page.snapshots.filter((snapshot) => snapshot.state === 'trashed')
		core.commit((tx) => recordPage(tx, core, watched, page, 'poll', trashedSnapshots))
		// Where the store lists others, it ignores the status.
		if (trashedSnapshots.length < page.snapshots.length) noteDoubt(rs, 'trash', core.ports.now())
		offset += page.limit
		// A search finds the rest.
		if (isBudgetSpent(core, budget)) return
		const isBehind = (page.snapshots.at(-1)?.listModifiedSec ?? Infinity) <= sinceSec
		if (
			trashedSnapshots.length === 0 ||
			isBehind ||
			(page.total === null ? page.rows < page.limit : offset >= page.total)
		)
			return
	}
}

/** One probe of the search. Throws StoreError. */
export async function searchStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const search = rs.search
	if (search === null) return
	// A list of as many rows as are known has nothing to search: the answer says whether its total is still that one.
	const probe = getNextProbe(search.state) ?? { offset: 0 }
	const page = await listPage(
		core,
		watched,
		{ order: 'id-asc', offset: probe.offset, limit: search.state.limit },
		budget,
	)
	if (page.isStale) {
		// What an old list lacks may be there.
		core.commit(() => {
			rs.search = null
		})
		return
	}
	if (search.state.requests === 0 && page.total !== null && page.total === getExpectedTotal(core, rs)) {
		// A difference counts only when the next answer shows it too.
		core.commit(() => {
			rs.search = null
		})
		return
	}
	const ids = page.snapshots
		.map((snapshot) => snapshot.id)
		.filter((id) => typeof id === 'number')
		.sort((a, b) => a - b)
	const nextSearch = applyProbe({ ...search.state, limit: page.limit }, getIdRanks(core, rs), probe.offset, ids)
	core.commit((tx) => {
		// This emits the events of the page's unknown objects.
		recordPage(tx, core, watched, page, 'poll')
		rs.search = { ...search, state: { ...nextSearch, limit: search.state.limit } }
	})
	if (getNextProbe(nextSearch) === null) completeSearch(core, watched, page.total)
}

/** `lastTotal`: from the last page; null: the store gave none. */
function completeSearch(core: Core, { state: rs }: WatchedResource, lastTotal: number | null): void {
	const { search } = rs
	if (search === null) return
	core.commit((tx) => {
		const { unknown } = search.state
		const missing = withoutFailed(core, rs, withoutUnreadable(core, rs, search.state.missing))
		const { startedMs = 0 } = search
		const disturbance = getDisturbance(rs, search)
		if (missing.length === 0 && unknown.length === 0 && !disturbance.accepted && lastTotal === search.total)
			setDrift(tx, core, rs, search.total)
		for (const id of missing) core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
		// What changed which objects are listed may have moved the pages of the search.
		rs.searched = disturbance.listing ? null : toSearchKey(search.total, search.total - getExpectedTotal(core, rs))
		rs.search = null
		judgeLook(tx, core, rs, { named: countNamed(core, rs, missing, startedMs), startedMs })
	})
	ranksCache.delete(core)
}

/** How many of these ids count for the guard: listed, not accepted since the search began, and not decided. */
function countNamed(core: Core, rs: ResourceState, ids: readonly number[], startedMs: number): number {
	const checks = core.lookups.getChecks(rs.number, ids)
	return [...readIndexRows(core, rs.number, ids)].filter(
		([id, row]) =>
			isListed(row.state) && (startedMs === 0 || row.asOfMs < startedMs) && checks.get(id)?.decided !== true,
	).length
}

/**
 * Everything was looked at, nothing changed meanwhile, and the difference remains: the store counts objects that it
 * does not list. From now on this difference is normal.
 */
export function setDrift(_tx: Tx, core: Core, rs: ResourceState, total: number): void {
	const listed = countInLists(core, rs)
	if (rs.heldSinceMs !== null || core.lookups.countMissing(rs.number) > 0 || total === listed + rs.drift) return
	rs.drift = total - listed
	rs.searched = null
	endIncomplete(rs)
	noteDrift(rs, core.ports.now())
	core.state.run?.notes.push(`${rs.objectType}: the store's total differs by ${rs.drift} from what it lists`)
}

/** Of ids that a list does not show, those whose reads have not failed before. */
function withoutFailed(core: Core, rs: ResourceState, ids: readonly number[]): number[] {
	const checks = core.lookups.getChecks(rs.number, ids)
	return ids.filter((id) => checks.get(id)?.failed === undefined || checks.get(id)?.missing !== true)
}

/** Ranks of the ids that lists can show. */
function getIdRanks(core: Core, rs: ResourceState): IdRanks {
	const { number } = rs
	const { listing } = rs.changes
	const cached = ranksCache.get(core)
	if (cached !== undefined && cached.number === number && cached.listing === listing) return cached.ranks
	const loaded = loadIdRanks(core.ports.sql, number, getExcludedIds(rs))
	ranksCache.set(core, { number, listing, ranks: loaded })
	return loaded
}

/**
 * The meaning of a list's total: nothing, or that objects are trashed, gone, or listed without being in the index. A
 * search then finds which.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import { loadIdRanks, type IdRanks } from '../changes/object-index.ts'
import { holdDeletions, releaseHeldDeletions } from './deletion-hold.ts'
import { compareTotal, exceedsDeletionThreshold, getHorizonSec, toSearchKey, type TotalComparison } from './poll.ts'
import { recordPage } from '../changes/recorder.ts'
import { listPage, type SliceBudget } from '../source/requests.ts'
import { applyProbe, getNextProbe, startSearch } from './search.ts'

const TRASH_PAGE_ROWS = 100

/** The running search's id ranks, valid while nothing else of the resource is accepted. */
const ranksCache = new WeakMap<Core, { number: number; accepted: number; ranks: IdRanks }>()

/** Compares the total of a poll's first answer with the index, and begins what follows. Throws StoreError. */
export async function reconcileTotal(
	core: Core,
	watched: WatchedResource,
	page: { total: number | null; storeNowMs: number },
	budget: SliceBudget,
): Promise<void> {
	const { resource, state: rs } = watched
	// A list with placeholders moves with the clock and has no fixed total. A baseline or search explains differences.
	if (resource.placeholders || !resource.indexed || rs.baseline !== null || rs.search !== null) return
	// Objects that are being confirmed as missing are expected to be missing.
	const { queued, missing } = core.lookups.countMissing(rs.number)
	const compare = (): TotalComparison => compareTotal(page.total, rs.listed - missing, rs.drift, rs.searched)
	let comparison = compare()
	if (comparison.verdict === 'fewer' && resource.trash) {
		await readTrash(core, watched, page.storeNowMs, budget)
		comparison = compare()
	}
	if (queued > 0) return
	if (comparison.verdict === 'agrees') {
		rs.agreedMs = page.storeNowMs
		rs.searched = null
	}
	const tooManyGone = exceedsDeletionThreshold(-comparison.difference, rs.listed)
	if (rs.heldSinceMs !== null) {
		// The hold ends by itself when the objects come back.
		if (comparison.verdict === 'agrees' || !tooManyGone) releaseHeldDeletions(core, watched)
	} else if (comparison.verdict === 'fewer' && tooManyGone) holdDeletions(core, watched)
	else if (comparison.verdict === 'fewer' || comparison.verdict === 'more')
		explainDifference(core, watched, page.total ?? 0, comparison.difference)
}

/** Begins a search, or a re-read where that takes fewer requests or ids are texts, which a search cannot bisect. */
function explainDifference(core: Core, { state: rs }: WatchedResource, total: number, difference: number): void {
	const pages = Math.ceil(total / rs.pageSize)
	const searchRequests = Math.abs(difference) * Math.log2(pages + 1)
	const isSearchable = searchRequests <= pages + 1 && getIdRanks(core, rs.number).size === rs.listed
	core.commit(() => {
		if (isSearchable) {
			rs.search = { state: startSearch(getIdRanks(core, rs.number), total, rs.pageSize), total }
		} else {
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
	for (let offset = 0; ; offset += TRASH_PAGE_ROWS) {
		const page = await listPage(
			core,
			watched,
			{ order: 'modified-desc', trashed: true, modifiedAfterSec: sinceSec, offset, limit: TRASH_PAGE_ROWS },
			budget,
		)
		const trashedSnapshots = page.snapshots.filter((snapshot) => snapshot.state === 'trashed')
		core.commit((tx) => recordPage(tx, core, watched, page, 'poll', trashedSnapshots))
		if (
			page.rows < TRASH_PAGE_ROWS ||
			trashedSnapshots.length === 0 ||
			(page.total !== null && offset + TRASH_PAGE_ROWS >= page.total)
		)
			return
	}
}

/** One probe of the search. Throws StoreError. */
export async function searchStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const search = rs.search
	if (search === null) return
	const probe = getNextProbe(search.state)
	if (probe === null) {
		completeSearch(core, watched)
		return
	}
	const page = await listPage(
		core,
		watched,
		{ order: 'id-asc', offset: probe.offset, limit: search.state.limit },
		budget,
	)
	const expected = rs.listed + rs.drift
	if (search.state.requests === 0 && page.total !== null && page.total === expected) {
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
	const nextSearch = applyProbe(search.state, getIdRanks(core, rs.number), probe.offset, ids)
	core.commit((tx) => {
		// This emits the events of the page's unknown objects.
		recordPage(tx, core, watched, page, 'poll')
		rs.search = { ...search, state: nextSearch }
	})
	if (getNextProbe(nextSearch) === null) completeSearch(core, watched)
}

function completeSearch(core: Core, { state: rs }: WatchedResource): void {
	const { search } = rs
	if (search === null) return
	core.commit((tx) => {
		const { missing, unknown } = search.state
		for (const id of missing) core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
		if (missing.length === 0 && unknown.length === 0) {
			// The store counts objects that it does not list. From now on this difference is normal.
			rs.drift = search.total - rs.listed
			core.state.run?.notes.push(`${rs.objectType}: the store's total differs by ${rs.drift} from what it lists`)
		}
		rs.searched = toSearchKey(search.total, search.total - rs.listed - rs.drift)
		rs.search = null
	})
	ranksCache.delete(core)
}

function getIdRanks(core: Core, number: number): IdRanks {
	const accepted = core.acceptedCounts.get(number) ?? 0
	const cached = ranksCache.get(core)
	if (cached !== undefined && cached.number === number && cached.accepted === accepted) return cached.ranks
	const loaded = loadIdRanks(core.ports.sql, number)
	ranksCache.set(core, { number, accepted, ranks: loaded })
	return loaded
}

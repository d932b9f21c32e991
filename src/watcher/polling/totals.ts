/**
 * What a list's total says: nothing, or that objects are in the trash, gone, or there without being known; then the
 * search finds which.
 */
import type { Core, WatchedResource } from '../core/core.ts'
import { loadIdRanks, type IdRanks } from '../changes/object-index.ts'
import { exceedsDeletionThreshold, getHorizonSec, compareTotal, toSearchKey } from './poll.ts'
import { queueLookup, recordPage } from '../changes/recorder.ts'
import { listPage, type SliceBudget } from '../source/requests.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { applyProbe, getNextProbe, startSearch } from './search.ts'

const TRASH_PAGE_ROWS = 100

/** Ranks of the search under way, kept while nothing else of the resource is accepted. */
const ranksCache = new WeakMap<Core, { number: number; accepted: number; ranks: IdRanks }>()

/**
 * Holds the total of a poll's first answer against what is known, and begins what follows from it. Throws StoreTrouble.
 */
export async function reconcileTotal(
	core: Core,
	watched: WatchedResource,
	page: { total: number | null; storeNowMs: number },
	budget: SliceBudget,
): Promise<void> {
	const { resource, state: rs } = watched
	// While a scan or confirmations are under way, differences are what they are about. A list that moves with the clock
	// has no total to hold to.
	if (resource.placeholders) return
	if (rs.baseline !== null || rs.search !== null || !resource.indexed) return
	// What is being confirmed as missing is expected to be missing: the trash is looked at beyond that.
	const pending = getPendingMissing(core, rs.number)
	let { verdict, difference } = compareTotal(page.total, rs.listed - pending.listed, rs.drift, rs.searched)
	if (verdict === 'fewer' && resource.trash) {
		await readTrash(core, watched, page.storeNowMs, budget)
		;({ verdict, difference } = compareTotal(page.total, rs.listed - pending.listed, rs.drift, rs.searched))
	}
	if (pending.any) return
	if (verdict === 'agrees') {
		rs.agreedMs = page.storeNowMs
		rs.searched = null
	}
	if (rs.heldSinceMs !== null) {
		// Objects that came back end the brake by themselves.
		if (verdict === 'agrees' || !exceedsDeletionThreshold(-difference, rs.listed)) releaseHeldDeletions(core, watched)
		return
	}
	if (verdict !== 'fewer' && verdict !== 'more') return
	if (verdict === 'fewer' && exceedsDeletionThreshold(-difference, rs.listed)) {
		holdDeletions(core, watched)
		return
	}
	const total = page.total ?? 0
	const pages = Math.ceil(total / rs.pageSize)
	// A search goes by numbers: where ids are text, everything is read.
	if (Math.abs(difference) * Math.log2(pages + 1) > pages + 1 || getIdRanks(core, rs.number).size !== rs.listed) {
		// Or so many that reading everything costs less than searching for each.
		core.commit(() => {
			rs.rereadAsked = true
			rs.searched = toSearchKey(total, difference)
		})
		return
	}
	core.commit(() => {
		rs.search = { state: startSearch(getIdRanks(core, rs.number), total, rs.pageSize), total }
	})
}

/**
 * What was trashed since the total last agreed. A row counts only if it says `trash` itself: old stores ignore unknown
 * parameters.
 */
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
		core.commit(() => recordPage(core, watched, page, 'poll', trashedSnapshots))
		if (
			page.rows < TRASH_PAGE_ROWS ||
			trashedSnapshots.length === 0 ||
			(page.total !== null && offset + TRASH_PAGE_ROWS >= page.total)
		)
			return
	}
}

/** One probe of the search. Throws StoreTrouble. */
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
		// The difference counts only when the next answer shows it too.
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
	core.commit(() => {
		// The page's rows are looked at like any others: what is unknown among them rings here.
		recordPage(core, watched, page, 'poll')
		rs.search = { ...search, state: nextSearch }
	})
	if (getNextProbe(nextSearch) === null) completeSearch(core, watched)
}

function completeSearch(core: Core, watched: WatchedResource): void {
	const { state: rs } = watched
	const search = rs.search
	if (search === null) return
	core.commit(() => {
		const { missing, unknown } = search.state
		for (const id of missing) queueLookup(core, rs.number, id, core.ports.now(), { missing: true })
		if (missing.length === 0 && unknown.length === 0) {
			// The store counts what it does not list: that is normal here from now on.
			rs.drift = search.total - rs.listed
			core.state.run?.notes.push(`${rs.objectType}: the store's total differs by ${rs.drift} from what it lists`)
		}
		rs.searched = toSearchKey(search.total, search.total - rs.listed - rs.drift)
		rs.search = null
	})
	ranksCache.delete(core)
}

/** The brake: nothing rings until someone decides or the objects come back; a re-read finds out which they are. */
export function holdDeletions(core: Core, watched: WatchedResource): void {
	const { state: rs } = watched
	core.commit(() => {
		const now = core.ports.now()
		rs.heldSinceMs = now
		rs.reread = null
		rs.rereadAsked = true
		core.ports.sql.run(
			`INSERT OR IGNORE INTO held (resource, id, since) SELECT resource, id, ? FROM lookups WHERE resource = ? AND json_extract(doubt, '$.missing')`,
			now,
			rs.number,
		)
		core.ports.sql.run(`DELETE FROM lookups WHERE resource = ? AND json_extract(doubt, '$.missing')`, rs.number)
	})
}

/** What was held is decided by reads, one by one. */
export function releaseHeldDeletions(core: Core, watched: WatchedResource): void {
	const { state: rs } = watched
	core.commit(() => {
		for (const row of core.ports.sql.all<{ id: number | string }>(`SELECT id FROM held WHERE resource = ?`, rs.number))
			queueLookup(core, rs.number, row.id, core.ports.now(), { missing: true })
		core.ports.sql.run(`DELETE FROM held WHERE resource = ?`, rs.number)
		clearHold(rs)
	})
}

/** The brake has ended: what the running re-read has missed so far does not pull it again. */
function clearHold(rs: ResourceState): void {
	rs.heldSinceMs = null
	if (rs.reread !== null) rs.reread = { ...rs.reread, decided: rs.reread.missing }
}

/** Held objects are forgotten: nothing rings; should they come back, they are told as restored. */
export function forgetHeldDeletions(core: Core, watched: WatchedResource): number {
	const { state: rs } = watched
	return core.commit(() => {
		const { sql } = core.ports
		const count = sql.all<{ n: number }>(`SELECT count(*) AS n FROM held WHERE resource = ?`, rs.number)[0]?.n ?? 0
		const listed =
			sql.all<{ n: number }>(
				`SELECT count(*) AS n FROM objects WHERE resource = ? AND state IN ('live', 'hidden') AND id IN (SELECT id FROM held WHERE resource = ?)`,
				rs.number,
				rs.number,
			)[0]?.n ?? 0
		// Tombstones stay: an object that comes back goes on with its own sequence.
		sql.run(
			`UPDATE objects SET state = 'gone' WHERE resource = ? AND id IN (SELECT id FROM held WHERE resource = ?)`,
			rs.number,
			rs.number,
		)
		sql.run(`DELETE FROM pages WHERE resource = ?`, rs.number)
		sql.run(`DELETE FROM held WHERE resource = ?`, rs.number)
		rs.listed -= listed
		clearHold(rs)
		rs.head = null
		core.acceptedCounts.set(rs.number, (core.acceptedCounts.get(rs.number) ?? 0) + 1)
		return count
	})
}

function getPendingMissing(core: Core, number: number): { any: boolean; listed: number } {
	const rows = core.ports.sql.all<{ state: string | null; missing: number | null }>(
		`SELECT o.state, json_extract(l.doubt, '$.missing') AS missing FROM lookups l LEFT JOIN objects o ON o.resource = l.resource AND o.id = l.id WHERE l.resource = ?`,
		number,
	)
	return {
		any: rows.length > 0,
		listed: rows.filter((row) => row.missing === 1 && (row.state === 'live' || row.state === 'hidden')).length,
	}
}

function getIdRanks(core: Core, number: number): IdRanks {
	const accepted = core.acceptedCounts.get(number) ?? 0
	const cached = ranksCache.get(core)
	if (cached !== undefined && cached.number === number && cached.accepted === accepted) return cached.ranks
	const loaded = loadIdRanks(core.ports.sql, number)
	ranksCache.set(core, { number, accepted, ranks: loaded })
	return loaded
}

/**
 * Baselines and re-reads of stores that cannot list by id from any offset: page after page, whatever their order
 * (plain-scan.ts). The ids that were seen are in the table `scanned`, so that they survive the memory.
 */
import { lacks } from '../core/abilities.ts'
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import { isTotalWrong, noteIncomplete } from '../core/completeness.ts'
import type { ResourceState, ScanPosition } from '../core/resource-state.ts'
import { addScannedPage, clearScanned, loadScannedIds } from '../core/scanned-table.ts'
import type { Tx } from '../core/tx.ts'
import { findListedBetween } from '../changes/object-index.ts'
import { noteAbilityLimits } from '../changes/known-abilities.ts'
import { hasNewInformation, recordPage } from '../changes/recorder.ts'
import type { ListedPage, SliceBudget } from '../source/requests.ts'
import { listPage } from './pages.ts'
import { awaitLook, judgeLook } from './deletion-hold.ts'
import { endLook } from './mass-changes.ts'
import { completeReread, queueMissing } from './missing.ts'
import { advancePlainScan, INITIAL_PLAIN_POSITION, isWholeList, type PlainStep } from './plain-scan.ts'
import { exceedsDeletionThreshold } from './poll.ts'
import { setDrift } from './totals.ts'
import { withoutUnreadable } from './unreadable.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** Rows of a collection that is one answer. */
const MAX_WHOLE_ROWS = 100_000

/** The next page, and the objects on it that the scan has not seen yet. */
interface PlainScanPage {
	page: ListedPage
	/** Number of the page, from 0. */
	number: number
	fresh: Snapshot[]
	step: PlainStep
	/** The store's lists show nothing but its rows, whatever the total says. */
	isWhole: boolean
}

/** One page of a baseline. Throws StoreError. */
export async function plainBaselineStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const { baseline } = rs
	if (baseline === null) return
	const { page, number, fresh, step, isWhole } = await readPlainPage(core, watched, baseline.position, budget)
	core.commit((tx) => {
		checkHighestId(rs, fresh, page.total)
		recordPage(tx, core, watched, page, 'poll', fresh)
		addFresh(tx, core, rs, number, fresh)
		rs.baseline = { ...baseline, position: step.position, total: Math.max(page.total ?? 0, step.position.seen) }
		if (!step.ended) return
		clearScanned(tx, core, rs.number)
		if (isOutOfReach(core, watched, step)) rs.baseline = { ...baseline, position: INITIAL_PLAIN_POSITION }
		else completeBaseline(tx, core, rs, baseline.startedMs, page.total)
		if (isWhole && page.total !== null) setDrift(tx, core, rs, page.total)
	})
}

/**
 * The highest id before the baseline says which objects are new, if the store sorts by id: then no more objects of
 * earlier dates have higher ids than there are new ones. Otherwise the dates decide alone. Before the first page of the
 * baseline. `total`: of the whole list, with `snapshots`.
 */
export function checkHighestId(rs: ResourceState, snapshots: readonly Snapshot[], total: number | null): void {
	if (rs.baseline === null || rs.baseline.position.seen > 0) return
	const higher = snapshots.filter(({ id }) => typeof id === 'number' && id > rs.highestId)
	const isNewByDate = higher.every(({ createdSec }) => createdSec !== null && createdSec >= rs.t0Sec)
	if (!isNewByDate && higher.length > Math.max(0, (total ?? 0) - rs.baseline.total))
		rs.highestId = Number.MAX_SAFE_INTEGER
}

/** Ends the baseline. `total`: with the last page. */
export function completeBaseline(
	_tx: Tx,
	core: Core,
	rs: ResourceState,
	startedMs: number,
	total: number | null,
): void {
	const seen = rs.baseline?.position.seen ?? 0
	rs.baseline = null
	rs.baselineDoneMs = core.ports.now()
	rs.agreedMs = startedMs + (core.state.skewMs ?? 0)
	if (total !== null && total > seen) noteIncomplete(rs, seen, total, core.ports.now())
	// Without a total, nothing shows that the list was not cut short.
	else rs.incomplete = total === null
}

/** One page of a re-read or a pass that has begun. Throws StoreError. */
export async function plainRereadStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const { reread } = rs
	if (reread === null) return
	const scanPage = await readPlainPage(core, watched, reread.position, budget)
	const { page, number, fresh, step } = scanPage
	const total = reread.total === undefined ? page.total : reread.total
	core.commit((tx) => {
		const recorded = recordPage(tx, core, watched, page, 'reread', fresh, true)
		// The page is read again once the round of reads has ended.
		if (recorded.waits === true) return true
		addFresh(tx, core, rs, number, fresh)
		rs.reread = { ...reread, position: step.position, total }
		if (step.ended) endPlainReread(tx, core, watched, { ...scanPage, total })
		return step.ended || hasNewInformation(recorded)
	}, Boolean)
}

/** `total`: with the first page. */
function endPlainReread(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	{ page, step, total, isWhole }: PlainScanPage & { total: number | null },
): void {
	const { state: rs } = watched
	const { reread } = rs
	if (reread === null) return
	const seen = loadScannedIds(core, rs.number, step.position.plain?.pages ?? 0)
	const listed = findListedBetween(core.ports.sql, rs.number, null, null, reread.startedMs)
	const unseen = withoutUnreadable(
		core,
		rs,
		listed.filter((id) => !seen.has(id)),
	)
	isOutOfReach(core, watched, step)
	// Where the list grew or shrank meanwhile, or holds more than was seen, an unseen object may stand in it.
	const isProven = isWhole || (step.complete && total === page.total)
	// A list in another order each time proves nothing: if few are unseen, they are read by id.
	const isReadable = step.position.plain?.mixed === true && !exceedsDeletionThreshold(unseen.length, rs.listed)
	const missing = isProven || isReadable ? unseen : []
	const queued = queueMissing(tx, core, rs, missing)
	const named = queued.missing - queued.decided
	if (exceedsDeletionThreshold(named, rs.listed)) awaitLook(tx, rs, reread.startedMs)
	clearScanned(tx, core, rs.number)
	completeReread(tx, core, watched, reread.startedMs, unseen.length === 0 && total === page.total ? total : null)
	judgeLook(tx, core, rs, { named, startedMs: reread.startedMs })
	endLook(tx, core, rs)
}

async function readPlainPage(
	core: Core,
	watched: WatchedResource,
	scanned: ScanPosition,
	budget: SliceBudget,
): Promise<PlainScanPage> {
	const { state: rs } = watched
	const position = scanned.plain === undefined ? INITIAL_PLAIN_POSITION : scanned
	const { offset = 0, pages: number = 0 } = position.plain ?? {}
	// All rows of an answer that is the whole collection.
	const wanted = lacks(rs.abilities, 'parts') ? MAX_WHOLE_ROWS : rs.pageSize
	const page = await listPage(core, watched, { order: 'id-asc', offset, limit: wanted }, budget)
	const { limit } = page
	const seen = loadScannedIds(core, rs.number, number)
	const fresh = page.snapshots.filter(({ id }) => !seen.has(id))
	const step = advancePlainScan(
		position,
		{ rows: Math.min(page.rows, limit), fresh: fresh.length, total: page.total, limit },
		{ paging: getStrategy(watched).paging, drift: rs.drift, isTotalWrong: isTotalWrong(rs) },
	)
	const isWhole = step.ended && !step.complete && (await isWholeAnswer(core, watched, page, budget))
	return { page, number, fresh, step: { ...step, complete: step.complete || isWhole }, isWhole }
}

/** Whether the only page that can be read is the whole list: the opposite order shows the same rows. */
async function isWholeAnswer(
	core: Core,
	watched: WatchedResource,
	{ snapshots, rows, limit }: ListedPage,
	budget: SliceBudget,
): Promise<boolean> {
	if (getStrategy(watched).paging !== null || rows >= limit) return false
	const opposite = await listPage(core, watched, { order: 'id-desc', offset: 0, limit }, budget)
	const [up, down] = [snapshots, opposite.snapshots].map((page) => page.map(({ id }) => id))
	return isWholeList(up!, down!, !lacks(watched.state.abilities, 'idOrder'))
}

function addFresh(tx: Tx, core: Core, rs: ResourceState, number: number, fresh: readonly Snapshot[]): void {
	const ids: ObjectId[] = fresh.map(({ id }) => id)
	addScannedPage(tx, core, rs.number, number, ids)
}

/** Whether the store has more than its only page shows. Says so, or ends it. */
function isOutOfReach(core: Core, watched: WatchedResource, { complete, position }: PlainStep): boolean {
	const { state: rs } = watched
	const { seen, total, plain } = position
	const isPaged = getStrategy(watched).paging !== null
	// With a total, rounds show whether a mixed list was seen to its end.
	const isMixed = plain?.mixed === true && total === 0
	if (complete || (isPaged && !isMixed)) {
		if (rs.outOfReach !== undefined) {
			delete rs.outOfReach
			noteAbilityLimits(core, watched)
		}
		return false
	}
	const count = seen.toLocaleString('en-US')
	const reason = isPaged ? 'gives each page in another order' : 'answers every page with the first one'
	rs.outOfReach = {
		message:
			total > seen
				? `the store ${reason}, so that ${count} of ${total.toLocaleString('en-US')} objects can be read.`
				: `the store ${reason}, so that nothing shows whether it has more than the ${count} objects that were read.`,
		sinceMs: rs.outOfReach?.sinceMs ?? core.ports.now(),
	}
	noteAbilityLimits(core, watched)
	return true
}

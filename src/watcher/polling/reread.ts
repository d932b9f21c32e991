/**
 * The re-read of a whole collection in anchored id pages. Resources without a modified filter have a pass instead: the
 * same, some pages a poll.
 */
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import { findListedBetween } from '../changes/object-index.ts'
import { isPageUnchanged, writePageDigest } from '../changes/page-digests.ts'
import { hasNewInformation, recordPage } from '../changes/recorder.ts'
import type { ListedPage, SliceBudget } from '../source/requests.ts'
import { INITIAL_SCAN_POSITION, type ResourceState, type ScanPosition } from '../core/resource-state.ts'
import { hasLastingChange } from '../core/saving.ts'
import type { Tx } from '../core/tx.ts'
import { awaitLook, isAwaitingLook, judgeLook } from './deletion-hold.ts'
import { endLook } from './mass-changes.ts'
import { completeReread, queueMissing } from './missing.ts'
import { plainRereadStep } from './plain-scans.ts'
import { exceedsDeletionThreshold } from './poll.ts'
import { learnRowLimit } from './learn.ts'
import { advanceScan, getScanOffset, sortById } from './scan-position.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'
import { listBoth } from './two-lists.ts'
import { readMovedVariations } from './variation-reads.ts'

/** A page of a re-read to be gated. */
interface RereadPage {
	page: ListedPage
	/** The page's objects that no earlier page showed. */
	newSnapshots: Snapshot[]
	/** Last id before this page. */
	afterId: ObjectId | null
	position: ScanPosition
	ended: boolean
}

/** One page of the re-read or the pass. Throws StoreError. */
export async function rereadStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { resource, state: rs } = watched
	// One that runs goes on to its end, however often another is asked for.
	if (rs.reread === null) {
		rs.reread = {
			position: INITIAL_SCAN_POSITION,
			startedMs: core.ports.now(),
			sampled: true,
			missing: 0,
			changes: rs.changes,
		}
		rs.rereadAsked = false
	}
	const { reread } = rs
	const { position } = reread
	if (!resource.modifiedFilter) rs.passLeft = Math.max(0, rs.passLeft - 1)
	if (getStrategy(watched).scan === 'plain') return plainRereadStep(core, watched, budget)
	const limit = rs.pageSize
	const page = await listBoth(core, watched, { order: 'id-asc', offset: getScanOffset(position), limit }, budget)
	const sortedSnapshots = sortById(page.snapshots)
	const step = advanceScan(
		position,
		sortedSnapshots.map((snapshot) => snapshot.id),
		page.total,
		page.limit,
	)
	if (step.again) {
		rs.reread = { ...reread, position: step.position }
		return
	}
	learnRowLimit(core, watched, { before: position, ...step, rows: page.rows, limit: page.limit })
	const rereadPage: RereadPage = {
		page,
		newSnapshots: sortedSnapshots.slice(step.from),
		afterId: position.lastId,
		position: step.position,
		ended: step.ended,
	}
	await readMovedVariations(core, watched, rereadPage.newSnapshots, 'reread', budget)
	commitRereadPage(core, watched, rereadPage)
}

/** A resource as it was before, in what the end of a pass alone changes. */
function withoutEnd(
	{ reread, rereadDoneMs, rereadBeganMs, recentDoneMs }: ResourceState,
	rs: ResourceState,
): ResourceState {
	return { ...rs, reread, rereadDoneMs, rereadBeganMs, recentDoneMs }
}

/** Gates a page of a re-read and queues the listed objects that it does not show. */
function commitRereadPage(core: Core, watched: WatchedResource, rereadPage: RereadPage): void {
	const { state: rs } = watched
	const { reread } = rs
	if (reread === null) return
	const { page, position, ended } = rereadPage
	const total = reread.total === undefined ? page.total : reread.total
	const next = { ...reread, position, total }
	if (!ended && !isAwaitingLook(rs) && isUnchanged(core, watched, rereadPage)) {
		// Only the position changed: the end of the slice saves it.
		rs.reread = next
		return
	}
	const before = structuredClone(rs)
	core.commit((tx) => {
		const recorded = recordRereadPage(tx, core, watched, rereadPage)
		// The page is read again once the round of reads has ended.
		if (recorded === null) return true
		const missing = reread.missing + recorded.missing
		const decided = (reread.decided ?? 0) + recorded.decided
		rs.reread = { ...next, missing, decided }
		const named = missing - decided
		if (exceedsDeletionThreshold(named, rs.listed)) awaitLook(tx, rs, reread.startedMs)
		if (ended) {
			completeReread(tx, core, watched, reread.startedMs, missing === 0 && page.total === total ? total : null)
			judgeLook(tx, core, rs, { named, startedMs: reread.startedMs })
			endLook(tx, core, rs)
		}
		// That a pass has ended, and nothing else, is saved with the next change.
		const isSaved = ended && (watched.resource.modifiedFilter || hasLastingChange(before, withoutEnd(before, rs)))
		return isSaved || recorded.missing > 0 || recorded.hasNewInformation
	}, Boolean)
}

/**
 * Gates a page's objects, unless the page is unchanged, and queues or holds the objects that are missing from it.
 * null: nothing was recorded, because the page must be read again.
 */
function recordRereadPage(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	rereadPage: RereadPage,
): { missing: number; decided: number; hasNewInformation: boolean } | null {
	const { resource, state: rs } = watched
	const { page, newSnapshots, position, ended } = rereadPage
	const unchanged = isUnchanged(core, watched, rereadPage)
	const shownIds = new Set(page.snapshots.map((snapshot) => snapshot.id))
	const missingIds = findListedBetween(
		core.ports.sql,
		rs.number,
		// The pass before has named those that are missing from the page; the guard counts them again.
		unchanged && !isAwaitingLook(rs) ? position.lastId : rereadPage.afterId,
		ended ? null : position.lastId,
		page.requestedAtMs,
	).filter((id) => !shownIds.has(id))
	const recorded =
		unchanged || newSnapshots.length === 0 ? null : recordPage(tx, core, watched, page, 'reread', newSnapshots, true)
	if (recorded?.waits === true) return null
	if (recorded !== null && !resource.modifiedFilter) writePageDigest(tx, core, rs.number, newSnapshots)
	const { missing, decided } = queueMissing(tx, core, rs, missingIds)
	return { missing, decided, hasNewInformation: recorded !== null && hasNewInformation(recorded) }
}

/** Whether a page of the pass has the same digest as before. */
function isUnchanged(core: Core, { resource, state: rs }: WatchedResource, { newSnapshots }: RereadPage): boolean {
	return !resource.modifiedFilter && isPageUnchanged(core, rs.number, newSnapshots)
}

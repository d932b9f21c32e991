/**
 * The re-read of a whole collection in anchored id pages. Resources without a modified filter have a pass instead: the
 * same, some pages a poll.
 */
import { getCurrentProfile, withPaths } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { findListedBetween, findProfilesInUse, findUnlisted } from '../changes/object-index.ts'
import { isPageUnchanged, writePageDigest } from '../changes/page-digests.ts'
import { hasNewInformation, recordPage } from '../changes/recorder.ts'
import { listPage, type SliceBudget, type ListedPage } from '../source/requests.ts'
import { type ResourceState, INITIAL_SCAN_POSITION, type ScanPosition } from '../core/resource-state.ts'
import type { Tx } from '../core/tx.ts'
import { holdDeletion } from '../core/held-table.ts'
import { awaitLook, isAwaitingLook, judgeLook } from './deletion-hold.ts'
import { getDisturbance, noteBegin } from './disturbance.ts'
import { exceedsDeletionThreshold } from './poll.ts'
import { advanceScan, getScanOffset, sortById } from './scan-position.ts'
import { setDrift } from './totals.ts'
import { findVolatileFields, VOLATILE_SAMPLE_SIZE } from './volatile-fields.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

const MAX_UNLISTED_READS = 1_000

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

/** A re-read's first pages, held back until the volatile fields are known. */
interface Sample {
	position: ScanPosition
	pages: RereadPage[]
}

/** Only in memory: if it is lost, the re-read starts again. */
const samples = new WeakMap<ResourceState, Sample>()

/** One page of the re-read or the pass. Throws StoreError. */
export async function rereadStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { resource, state: rs } = watched
	// One that runs goes on to its end, however often another is asked for.
	if (rs.reread === null) {
		rs.reread = { position: INITIAL_SCAN_POSITION, startedMs: core.ports.now(), sampled: false, missing: 0 }
		rs.rereadAsked = false
		samples.delete(rs)
		noteBegin(core, rs, 'reread')
	}
	const { reread } = rs
	const sample = reread.sampled ? null : (samples.get(rs) ?? { position: INITIAL_SCAN_POSITION, pages: [] })
	const { position } = sample ?? reread
	if (!resource.modifiedFilter) rs.passLeft = Math.max(0, rs.passLeft - 1)
	const limit = rs.pageSize
	const page = await listPage(core, watched, { order: 'id-asc', offset: getScanOffset(position), limit }, budget)
	const sortedSnapshots = sortById(page.snapshots)
	const step = advanceScan(
		position,
		sortedSnapshots.map((snapshot) => snapshot.id),
		page.total,
		limit,
	)
	if (step.again) {
		if (sample === null) rs.reread = { ...reread, position: step.position }
		else samples.set(rs, { ...sample, position: step.position })
		return
	}
	const rereadPage: RereadPage = {
		page,
		newSnapshots: sortedSnapshots.slice(step.from),
		afterId: position.lastId,
		position: step.position,
		ended: step.ended,
	}
	if (sample === null) commitRereadPages(core, watched, [rereadPage])
	else extendSample(core, watched, { position: step.position, pages: [...sample.pages, rereadPage] })
}

/** Keeps the sample, or ends it when it is complete. */
function extendSample(core: Core, watched: WatchedResource, sample: Sample): void {
	const { resource, state: rs } = watched
	const passExhausted = !resource.modifiedFilter && rs.passLeft === 0
	if (sample.position.seen < VOLATILE_SAMPLE_SIZE && sample.pages.at(-1)?.ended === false && !passExhausted) {
		samples.set(rs, sample)
		return
	}
	samples.delete(rs)
	// Nothing has changed on a page with the same digest: its rows need not be read.
	const unchangedPages = new Set(sample.pages.filter((rereadPage) => isUnchanged(core, watched, rereadPage)))
	const names = findVolatileFields(
		core,
		watched,
		sample.pages
			.flatMap((rereadPage) => rereadPage.newSnapshots.map((snapshot) => ({ rereadPage, snapshot })))
			.slice(0, VOLATILE_SAMPLE_SIZE)
			.filter(({ rereadPage }) => !unchangedPages.has(rereadPage))
			.map(({ snapshot }) => snapshot),
	)
	if (names.length === 0) commitRereadPages(core, watched, sample.pages)
	else ignoreVolatileFields(core, watched, names)
}

/** Restarts the re-read without these fields: an upgrade of the store must not emit an event for every object. */
function ignoreVolatileFields(core: Core, watched: WatchedResource, names: readonly string[]): void {
	const { state: rs } = watched
	const { reread } = rs
	if (reread === null) return
	core.commit(() => {
		rs.noise = [...new Set([...rs.noise, ...names])].sort()
		rs.profiles = withPaths(rs.profiles, [...watched.resource.ignore, ...rs.noise], core.ports.now()) ?? rs.profiles
		rs.reread = { position: INITIAL_SCAN_POSITION, startedMs: reread.startedMs, sampled: true, missing: 0 }
		rs.head = null
		core.state.run?.notes.push(
			`${rs.objectType}: ignoring ${names.join(', ')} from now on: changed in most objects without a new modified date`,
		)
	})
}

/** Gates pages of a re-read and queues the listed objects that they do not show. */
function commitRereadPages(core: Core, watched: WatchedResource, pages: RereadPage[]): void {
	const { state: rs } = watched
	const { reread } = rs
	const last = pages.at(-1)
	if (reread === null || last === undefined) return
	const total = reread.total === undefined ? (pages[0]?.page.total ?? null) : reread.total
	const next = { ...reread, sampled: true, position: last.position, total }
	const pending = pages.filter(
		(rereadPage) => rereadPage.ended || isAwaitingLook(rs) || !isUnchanged(core, watched, rereadPage),
	)
	if (pending.length === 0) {
		// Only the position changed: the end of the slice saves it.
		rs.reread = next
		return
	}
	core.commit((tx) => {
		let shouldSave = last.ended
		let { missing, decided = 0 } = reread
		for (const rereadPage of pending) {
			const recorded = recordRereadPage(tx, core, watched, rereadPage)
			missing += recorded.missing
			decided += recorded.decided
			if (recorded.missing > 0 || recorded.hasNewInformation) shouldSave = true
		}
		rs.reread = { ...next, missing, decided }
		const named = missing - decided
		if (exceedsDeletionThreshold(named, rs.listed)) awaitLook(tx, rs, reread.startedMs)
		if (last.ended) {
			completeReread(tx, core, watched, reread.startedMs, missing === 0 && last.page.total === total ? total : null)
			judgeLook(tx, core, rs, { named, startedMs: reread.startedMs })
		}
		return shouldSave
	}, Boolean)
}

/** Gates a page's objects, unless the page is unchanged, and queues or holds the objects that are missing from it. */
function recordRereadPage(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	rereadPage: RereadPage,
): { missing: number; decided: number; hasNewInformation: boolean } {
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
		unchanged || newSnapshots.length === 0 ? null : recordPage(tx, core, watched, page, 'reread', newSnapshots)
	if (recorded !== null && !resource.modifiedFilter) writePageDigest(tx, core, rs.number, newSnapshots)
	const checks: ReturnType<typeof core.lookups.getChecks> =
		missingIds.length === 0 ? new Map() : core.lookups.getChecks(rs.number, missingIds)
	let decided = 0
	for (const id of missingIds) {
		const isDecided = checks.get(id)?.decided === true
		if (isDecided) decided++
		if (rs.heldSinceMs === null || isDecided) core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
		else holdDeletion(tx, core, rs.number, id)
	}
	return { missing: missingIds.length, decided, hasNewInformation: recorded !== null && hasNewInformation(recorded) }
}

/** Whether a page of the pass has the same digest as before. */
function isUnchanged(core: Core, { resource, state: rs }: WatchedResource, { newSnapshots }: RereadPage): boolean {
	return !resource.modifiedFilter && isPageUnchanged(core, rs.number, newSnapshots)
}

/** `total`: from the first page and the last; null if they differ, or a listed object was not shown. */
function completeReread(tx: Tx, core: Core, watched: WatchedResource, startedMs: number, total: number | null): void {
	const { state: rs } = watched
	if (total !== null && !getDisturbance(core, rs, 'reread').accepted) setDrift(tx, core, rs, total)
	rs.reread = null
	rs.rereadDoneMs = core.ports.now()
	// The re-read has read the related objects that were queued before it began.
	for (const [key, related] of core.relatedQueue)
		if (related.number === rs.number && related.atMs < startedMs) core.relatedQueue.delete(key)
	rs.rereadBeganMs = startedMs
	rs.recentDoneMs = core.ports.now()
	if (!watched.resource.modifiedFilter) rs.passLeft = 0
	dropUnusedProfiles(core, rs, startedMs)
	// No scan shows objects that exist without being listed: each is read by id.
	for (const id of findUnlisted(core.ports.sql, rs.number, MAX_UNLISTED_READS))
		core.lookups.queue(tx, rs.number, id, core.ports.now(), { missing: true })
}

/** After everything was read under the current profile, rows of other profiles are rare, and their profiles can go. */
function dropUnusedProfiles(core: Core, rs: ResourceState, startedMs: number): void {
	const { profiles } = rs
	const current = getCurrentProfile(rs)
	if (profiles.length === 1 || startedMs < current.sinceMs) return
	const inUse = findProfilesInUse(core.ports.sql, rs.number)
	rs.profiles = profiles.filter((profile) => profile === current || inUse.includes(profile.number))
}

/**
 * Scans of whole collections in anchored id pages: the baseline, the re-read, the pass of resources without a modified
 * filter.
 */
import { createHash } from 'node:crypto'
import { hashContent, diffContent } from '../changes/content.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import { findListedBetween, readIndexRows, findUnlisted } from '../changes/object-index.ts'
import { exceedsDeletionThreshold, toSearchKey } from './poll.ts'
import { hasNewInformation, queueLookup, recordPage } from '../changes/recorder.ts'
import { listPage, type SliceBudget, type ListedPage } from '../source/requests.ts'
import { getWatchedResources } from '../source/resources.ts'
import { getScanOffset, advanceScan } from './scan-position.ts'
import { type ResourceState, INITIAL_SCAN_POSITION, type ScanPosition } from '../core/resource-state.ts'
import { holdDeletions } from './totals.ts'
import type { Snapshot } from '../../elements/store.ts'

const HOUR_MS = 3_600_000
/**
 * Objects of a re-read that are looked at for fields that change without a stamp, and how many of them make a field
 * volatile.
 */
const VOLATILE_SAMPLE_SIZE = 200
const MAX_UNSTAMPED_CHANGES = VOLATILE_SAMPLE_SIZE / 5
const MAX_RECENT_ROWS = 200
const MAX_UNLISTED_READS = 1_000

/** One page of the baseline. Throws StoreTrouble. */
export async function baselineStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const baseline = rs.baseline
	if (baseline === null) return
	const limit = rs.pageSize
	const page = await listPage(
		core,
		watched,
		{ order: 'id-asc', offset: getScanOffset(baseline.position), limit },
		budget,
	)
	const sortedSnapshots = sortById(page.snapshots)
	const step = advanceScan(
		baseline.position,
		sortedSnapshots.map((snapshot) => snapshot.id),
		page.total,
		limit,
	)
	core.commit(() => {
		if (step.again) {
			rs.baseline = { ...baseline, position: step.position }
			return
		}
		const newSnapshots = sortedSnapshots.slice(step.from)
		recordPage(core, watched, page, 'poll', newSnapshots)
		rs.baseline = { ...baseline, position: step.position, total: Math.max(page.total ?? 0, step.position.seen) }
		if (!step.ended) return
		rs.baseline = null
		rs.baselineDoneMs = core.ports.now()
		rs.agreedMs = baseline.startedMs + (core.state.skewMs ?? 0)
	})
}

/** Asks for a re-read of everything that has an index to hold it against. Call it inside a commit. */
export function requestReread(core: Core): void {
	for (const { resource, state: rs } of getWatchedResources(core))
		if (resource.indexed && !resource.placeholders) rs.rereadAsked = true
}

/** Whether a re-read is due, running or asked for. */
export function isRereadDue(core: Core, watched: WatchedResource): boolean {
	const { resource, state: rs } = watched
	if (rs.baseline !== null || !resource.indexed || resource.placeholders) return false
	if (rs.rereadAsked) return true
	if (!resource.modifiedFilter) return rs.passLeft > 0
	if (rs.reread !== null) return true
	const hours = core.config.rereadHours ?? resource.rereadHours
	return hours > 0 && core.ports.now() - (rs.rereadDoneMs ?? rs.baselineDoneMs ?? 0) >= hours * HOUR_MS
}

/** When the next re-read of a resource begins; null: never by itself. */
export function getNextRereadMs(core: Core, watched: WatchedResource): number | null {
	const { resource, state: rs } = watched
	if (rs.baseline !== null || !resource.indexed || !resource.modifiedFilter || resource.placeholders) return null
	const times: number[] = []
	const hours = core.config.rereadHours ?? resource.rereadHours
	if (hours > 0) times.push((rs.rereadDoneMs ?? rs.baselineDoneMs ?? 0) + hours * HOUR_MS)
	if (getRecentRereadHours(core, watched) > 0)
		times.push(getLastRecentRereadMs(watched) + getRecentRereadHours(core, watched) * HOUR_MS)
	return times.length === 0 ? null : Math.min(...times)
}

/** A page of a re-read that is to be gated. */
interface RereadPage {
	page: ListedPage
	newSnapshots: Snapshot[]
	/** Last id before this page. */
	afterId: number | string | null
	position: ScanPosition
	ended: boolean
}

/**
 * First pages of a re-read, held back until it is known which fields change by themselves. In memory: lost, the re-read
 * begins again.
 */
const pendingSamples = new WeakMap<ResourceState, { position: ScanPosition; pages: RereadPage[] }>()

/** One page of the re-read or the pass. Throws StoreTrouble. */
export async function rereadStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { resource, state: rs } = watched
	if (rs.reread === null || rs.rereadAsked) {
		rs.reread = { position: INITIAL_SCAN_POSITION, startedMs: core.ports.now(), sampled: false, missing: 0 }
		rs.rereadAsked = false
		pendingSamples.delete(rs)
	}
	const reread = rs.reread
	const sample = reread.sampled ? null : (pendingSamples.get(rs) ?? { position: INITIAL_SCAN_POSITION, pages: [] })
	const position = sample === null ? reread.position : sample.position
	if (!resource.modifiedFilter) rs.passLeft = Math.max(0, rs.passLeft - 1)
	const page = await listPage(
		core,
		watched,
		{ order: 'id-asc', offset: getScanOffset(position), limit: rs.pageSize },
		budget,
	)
	const sortedSnapshots = sortById(page.snapshots)
	const step = advanceScan(
		position,
		sortedSnapshots.map((snapshot) => snapshot.id),
		page.total,
		rs.pageSize,
	)
	if (step.again) {
		if (sample === null) rs.reread = { ...reread, position: step.position }
		else pendingSamples.set(rs, { ...sample, position: step.position })
		return
	}
	const rereadPage: RereadPage = {
		page,
		newSnapshots: sortedSnapshots.slice(step.from),
		afterId: position.lastId,
		position: step.position,
		ended: step.ended,
	}
	if (sample === null) {
		commitRereadPages(core, watched, [rereadPage])
		return
	}
	const pages = [...sample.pages, rereadPage]
	const passExhausted = !resource.modifiedFilter && rs.passLeft === 0
	if (step.position.seen < VOLATILE_SAMPLE_SIZE && !step.ended && !passExhausted) {
		pendingSamples.set(rs, { position: step.position, pages })
		return
	}
	pendingSamples.delete(rs)
	const volatileNames = findVolatileFields(core, watched, pages)
	if (volatileNames.length === 0) {
		commitRereadPages(core, watched, pages)
		return
	}
	// A store upgrade must not ring a hundred thousand times: the re-read begins again without these fields.
	core.commit(() => {
		rs.volatile = [...new Set([...rs.volatile, ...volatileNames])].sort()
		rs.reread = { position: INITIAL_SCAN_POSITION, startedMs: reread.startedMs, sampled: true, missing: 0 }
		rs.head = null
		core.state.run?.notes.push(
			`${rs.objectType}: ${volatileNames.join(', ')} changes without a stamp in most objects and is left out from now on`,
		)
	})
}

/** Names of the fields that changed without a stamp in more than a fifth of the sample. */
function findVolatileFields(core: Core, watched: WatchedResource, pages: readonly RereadPage[]): string[] {
	const { state: rs } = watched
	const counts = new Map<string, number>()
	const sample = pages
		.flatMap((rereadPage) => rereadPage.newSnapshots.map((snapshot) => ({ turn: rereadPage, sighting: snapshot })))
		.slice(0, VOLATILE_SAMPLE_SIZE)
	// Nothing has changed on a page that is as it was: its rows need not be read.
	const unchangedPages = new Set(pages.filter((rereadPage) => isPageUnchanged(core, watched, rereadPage)))
	const comparedSnapshots = sample
		.filter(({ turn: rereadPage }) => !unchangedPages.has(rereadPage))
		.map(({ sighting: snapshot }) => snapshot)
	const known = readIndexRows(
		core,
		rs.number,
		comparedSnapshots.map((snapshot) => snapshot.id),
	)
	for (const snapshot of comparedSnapshots) {
		const row = known.get(snapshot.id)
		if (row === undefined || row.state !== 'live' || row.modifiedSec !== snapshot.modifiedSec) continue
		const content = hashContent(snapshot.fields)
		if (content.hash === row.content.hash) continue
		for (const name of diffContent(row.content, content, rs.volatile).changed)
			counts.set(name, (counts.get(name) ?? 0) + 1)
	}
	return [...counts].filter(([, count]) => count > MAX_UNSTAMPED_CHANGES).map(([name]) => name)
}

/** Gates pages of a re-read and notes which listed ids they did not show. */
function commitRereadPages(core: Core, watched: WatchedResource, pages: RereadPage[]): void {
	const { state: rs } = watched
	const reread = rs.reread
	const last = pages.at(-1)
	if (reread === null || last === undefined) return
	let missingCount = reread.missing
	const pending = pages.filter((rereadPage) => rereadPage.ended || !isPageUnchanged(core, watched, rereadPage))
	const next = { ...reread, sampled: true, position: last.position }
	if (pending.length === 0) {
		// Nothing to write but the position, which the end of the slice saves.
		rs.reread = next
		return
	}
	core.commit(() => {
		let hasNews = last.ended
		for (const rereadPage of pending) {
			const isUnchanged = isPageUnchanged(core, watched, rereadPage)
			const missingIds = findListedBetween(
				core.ports.sql,
				rs.number,
				isUnchanged ? rereadPage.position.lastId : rereadPage.afterId,
				rereadPage.ended ? null : rereadPage.position.lastId,
				rereadPage.page.requestedAtMs,
			)
			const shownIds = new Set(rereadPage.page.snapshots.map((snapshot) => snapshot.id))
			if (!isUnchanged && recordRereadPage(core, watched, rereadPage.page, rereadPage.newSnapshots)) hasNews = true
			for (const id of missingIds) {
				if (shownIds.has(id)) continue
				missingCount++
				hasNews = true
				if (rs.heldSinceMs === null) queueLookup(core, rs.number, id, core.ports.now(), { missing: true })
				else
					core.ports.sql.run(
						`INSERT OR IGNORE INTO held (resource, id, since) VALUES (?, ?, ?)`,
						rs.number,
						id,
						core.ports.now(),
					)
			}
		}
		rs.reread = { ...next, missing: missingCount }
		if (last.ended) completeReread(core, watched, reread.startedMs, missingCount === 0 ? last.page.total : null)
		return hasNews
	}, Boolean)
	if (rs.heldSinceMs === null && exceedsDeletionThreshold(missingCount - (reread.decided ?? 0), rs.listed))
		holdDeletions(core, watched)
}

/** Whether a page of a pass is as it was: told by its digest, one row read instead of a hundred. */
function isPageUnchanged(core: Core, watched: WatchedResource, rereadPage: RereadPage): boolean {
	const first = rereadPage.newSnapshots[0]
	const last = rereadPage.newSnapshots.at(-1)
	if (watched.resource.modifiedFilter || first === undefined || last === undefined) return false
	const known = core.ports.sql.all<{ last: number | string; digest: string }>(
		`SELECT last, digest FROM pages WHERE resource = ? AND first = ?`,
		watched.state.number,
		first.id,
	)[0]
	return known !== undefined && known.last === last.id && known.digest === digestPage(rereadPage.newSnapshots)
}

/** `total`: what the last page said, null when something that is known was not shown. */
function completeReread(core: Core, watched: WatchedResource, startedMs: number, total: number | null): void {
	const { state: rs } = watched
	if (total !== null && rs.searched === toSearchKey(total, total - rs.listed - rs.drift)) {
		// The difference that this re-read was to explain stands, and everything was read: the store counts what it does not
		// list.
		rs.drift = total - rs.listed
		rs.searched = null
		core.state.run?.notes.push(`${rs.objectType}: the store's total differs by ${rs.drift} from what it lists`)
	}
	rs.reread = null
	rs.rereadDoneMs = core.ports.now()
	// All that is listed was read since: what pointed at an object before says no more.
	for (const [key, related] of core.relatedQueue)
		if (related.number === rs.number && related.atMs < startedMs) core.relatedQueue.delete(key)
	rs.rereadBeganMs = startedMs
	rs.recentDoneMs = core.ports.now()
	if (!watched.resource.modifiedFilter) rs.passLeft = 0
	// What exists without being listed shows in no scan: each is read by itself.
	for (const id of findUnlisted(core.ports.sql, rs.number, MAX_UNLISTED_READS))
		queueLookup(core, rs.number, id, core.ports.now(), { missing: true })
}

/**
 * Gates the rows of a page; for resources without a modified filter an unchanged page is told by its digest. True when
 * they brought news.
 */
function recordRereadPage(core: Core, watched: WatchedResource, page: ListedPage, newSnapshots: Snapshot[]): boolean {
	const { resource, state: rs } = watched
	const first = newSnapshots[0]
	const last = newSnapshots.at(-1)
	if (first === undefined || last === undefined) return false
	const recorded = recordPage(core, watched, page, 'reread', newSnapshots)
	if (resource.modifiedFilter) return hasNewInformation(recorded)
	core.ports.sql.run(
		`INSERT OR REPLACE INTO pages (resource, first, last, digest) VALUES (?, ?, ?, ?)`,
		rs.number,
		first.id,
		last.id,
		digestPage(newSnapshots),
	)
	return hasNewInformation(recorded)
}

/** The newest objects again, where stamps miss many edits. True when one is due. */
export function isRecentRereadDue(core: Core, watched: WatchedResource): boolean {
	const hours = getRecentRereadHours(core, watched)
	return (
		hours > 0 &&
		watched.state.baseline === null &&
		!watched.resource.placeholders &&
		core.ports.now() - getLastRecentRereadMs(watched) >= hours * HOUR_MS
	)
}

/** Reads the newest objects of a resource once more. Throws StoreTrouble. */
export async function recentRereadStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	for (let offset = 0; offset < MAX_RECENT_ROWS; offset += rs.pageSize) {
		const page = await listPage(core, watched, { order: 'id-desc', offset, limit: rs.pageSize }, budget)
		core.commit(() => recordPage(core, watched, page, 'reread'), hasNewInformation)
		if (page.rows < rs.pageSize) break
	}
	rs.recentDoneMs = core.ports.now()
}

function getRecentRereadHours(core: Core, watched: WatchedResource): number {
	return core.config.rereadHours === 0 || !watched.resource.indexed ? 0 : watched.resource.recentHours
}

function getLastRecentRereadMs(watched: WatchedResource): number {
	return watched.state.recentDoneMs ?? watched.state.baselineDoneMs ?? 0
}

function sortById(snapshots: Snapshot[]): Snapshot[] {
	return snapshots.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

function digestPage(snapshots: Snapshot[]): string {
	const hash = createHash('sha256')
	for (const snapshot of snapshots)
		hash.update(`${snapshot.id}:${snapshot.state}:${snapshot.modifiedSec}:${hashContent(snapshot.fields).hash}\n`)
	return hash.digest('base64url').slice(0, 22)
}

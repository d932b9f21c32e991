/**
 * Scans in id pages: when they are due, the baseline, and the re-read of the newest objects. reread.ts has the others.
 */
import { HOUR_MS } from '../../lib/time.ts'
import { NO_TOTAL_REREAD_HOURS } from '../core/abilities.ts'
import { isTotalWrong } from '../core/completeness.ts'
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { TWO_STATES_LIMIT } from '../core/two-states.ts'
import { isWaitingForRound } from '../core/noise.ts'
import { hasNewInformation, recordPage } from '../changes/recorder.ts'
import { isBudgetSpent, type SliceBudget } from '../source/requests.ts'
import { getWatchedResources } from '../source/resources.ts'
import { isAwaitingLook } from './deletion-hold.ts'
import { learnRowLimit } from './learn.ts'
import { endLook } from './mass-changes.ts'
import { checkHighestId, completeBaseline, plainBaselineStep } from './plain-scans.ts'
import { advanceScan, getScanOffset, sortById } from './scan-position.ts'
import { listPage } from './pages.ts'

/** Newest objects of a resource that are read again between re-reads. */
export const MAX_RECENT_ROWS = 200
/** How much earlier than due a re-read may begin. */
const MAX_EARLY_MS = 60_000

/** One page of the baseline. Throws StoreError. */
export async function baselineStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	const baseline = rs.baseline
	if (baseline === null) return
	if (getStrategy(watched).scan === 'plain') return plainBaselineStep(core, watched, budget)
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
		page.limit,
	)
	if (!step.again)
		learnRowLimit(core, watched, { before: baseline.position, ...step, rows: page.rows, limit: page.limit })
	core.commit((tx) => {
		if (step.again) {
			rs.baseline = { ...baseline, position: step.position }
			return
		}
		const newSnapshots = sortedSnapshots.slice(step.from)
		checkHighestId(rs, newSnapshots, page.total)
		recordPage(tx, core, watched, page, 'poll', newSnapshots)
		rs.baseline = { ...baseline, position: step.position, total: Math.max(page.total ?? 0, step.position.seen) }
		if (step.ended) completeBaseline(tx, core, rs, baseline.startedMs, page.total)
	})
}

/** Whether the baseline has a page to read: not while the collection is out of reach. */
export function isBaselineDue(_core: Core, { state }: WatchedResource): boolean {
	return state.baseline !== null && state.outOfReach === undefined
}

/** Requests a re-read of every resource that has an index. */
export function requestReread(_tx: Tx, core: Core): void {
	for (const { resource, state: rs } of getWatchedResources(core))
		if (resource.indexed && !resource.placeholders) rs.rereadAsked = true
}

/** Whether a re-read is due, running or requested. */
export function isRereadDue(core: Core, watched: WatchedResource): boolean {
	const { resource, state: rs } = watched
	if (rs.baseline !== null || !resource.indexed || resource.placeholders) return false
	if (isWaitingForRound(rs.noiseState, core.ports.now())) return false
	if (rs.rereadAsked) return true
	// Deletions wait for its end: the pass goes on between polls too.
	if (!resource.modifiedFilter) return rs.passLeft > 0 || (rs.reread !== null && isAwaitingLook(rs))
	if (rs.reread !== null) return true
	return isElapsed(core, rs.rereadDoneMs ?? rs.baselineDoneMs ?? 0, getRereadHours(core, watched))
}

/**
 * Whether hours have passed, less at most a minute: work that falls due just after a poll shares its alarm, since an
 * alarm of its own costs rows. Never for 0 hours.
 */
function isElapsed(core: Core, sinceMs: number, hours: number): boolean {
	const periodMs = hours * HOUR_MS
	return hours > 0 && core.ports.now() - sinceMs >= periodMs - Math.min(MAX_EARLY_MS, periodMs / 10)
}

/** When the next scheduled re-read of a resource is due, epoch ms; null: none is scheduled. */
export function getNextRereadMs(core: Core, watched: WatchedResource): number | null {
	return getEarliest(getSchedules(core, watched).map(({ dueMs }) => dueMs))
}

/**
 * When an alarm must fire for it at the latest, epoch ms: with the next poll if that comes soon, since an alarm of its
 * own costs rows.
 */
export function getRereadAlarmMs(core: Core, watched: WatchedResource): number | null {
	const nextPollMs = core.state.nextPollMs ?? 0
	return getEarliest(
		getSchedules(core, watched).map(({ dueMs, periodMs }) =>
			nextPollMs - dueMs <= Math.min(HOUR_MS, periodMs / 2) ? Math.max(dueMs, nextPollMs) : dueMs,
		),
	)
}

function getSchedules(core: Core, watched: WatchedResource): { dueMs: number; periodMs: number }[] {
	const { resource, state: rs } = watched
	if (rs.baseline !== null || !resource.indexed || !resource.modifiedFilter || resource.placeholders) return []
	return [
		{ sinceMs: rs.rereadDoneMs ?? rs.baselineDoneMs ?? 0, hours: getRereadHours(core, watched) },
		{ sinceMs: getLastRecentRereadMs(watched), hours: getRecentRereadHours(core, watched) },
	]
		.filter(({ hours }) => hours > 0)
		.map(({ sinceMs, hours }) => ({ dueMs: sinceMs + hours * HOUR_MS, periodMs: hours * HOUR_MS }))
}

function getEarliest(times: readonly number[]): number | null {
	return times.length === 0 ? null : Math.min(...times)
}

/** Whether the newest objects of a resource must be read again, because modified dates miss many edits. */
export function isRecentRereadDue(core: Core, watched: WatchedResource): boolean {
	return (
		watched.state.baseline === null &&
		!isWaitingForRound(watched.state.noiseState, core.ports.now()) &&
		!watched.resource.placeholders &&
		isElapsed(core, getLastRecentRereadMs(watched), getRecentRereadHours(core, watched))
	)
}

/** Reads the newest objects of a resource again. Throws StoreError. */
export async function recentRereadStep(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { state: rs } = watched
	let offset = rs.recentOffset ?? 0
	while (offset < MAX_RECENT_ROWS) {
		// The next step goes on here.
		rs.recentOffset = offset
		if (offset > 0 && isBudgetSpent(core, budget)) return
		const page = await listPage(core, watched, { order: 'id-desc', offset, limit: rs.pageSize }, budget)
		const recorded = core.commit(
			(tx) => recordPage(tx, core, watched, page, 'reread', page.snapshots, true),
			hasNewInformation,
		)
		if (recorded.waits) return
		offset += page.limit
		// A short page is not the end where rows were dropped.
		if (page.rows < page.limit && offset >= (page.total ?? 0)) break
	}
	delete rs.recentOffset
	rs.recentDoneMs = core.ports.now()
	// What both find counts at the end of the whole re-read.
	if (rs.reread === null && rs.look != null) core.commit((tx) => endLook(tx, core, rs))
}

function getRereadHours(core: Core, { resource, state }: WatchedResource): number {
	// Totals that are those of two lists in turn show no deletion.
	const isTotalUnusable = isTotalWrong(state) || state.limits?.[TWO_STATES_LIMIT] !== undefined
	const hours = isTotalUnusable ? Math.min(resource.rereadHours, NO_TOTAL_REREAD_HOURS) : resource.rereadHours
	return core.config.rereadHours ?? hours
}

function getRecentRereadHours(core: Core, watched: WatchedResource): number {
	return core.config.rereadHours === 0 || !watched.resource.indexed ? 0 : watched.resource.recentHours
}

function getLastRecentRereadMs(watched: WatchedResource): number {
	return watched.state.recentDoneMs ?? watched.state.baselineDoneMs ?? 0
}

/**
 * Estimates the requests to a store in a day while nothing changes: polls, windows, re-reads and the pass, as poll.ts,
 * windows.ts, scans.ts and reread.ts make them. The same counts are behind docs/cost.md. Pure.
 */
import type { Resource } from '../../elements/store.ts'
import { DAY_MS, HOUR_MS, NEVER_MS } from '../../lib/time.ts'
import { MAX_RECENT_ROWS } from './scans.ts'

const HOURS_A_DAY = DAY_MS / HOUR_MS

/** How often a resource is polled and re-read. */
export interface EstimatedSchedule {
	/** Ms between polls; 0 or `NEVER_MS`: never. */
	pollMs: number
	/** Hours between re-reads (0: none); null: the resource's own. */
	rereadHours: number | null
	/** Pages that a poll may read of a collection without a modified filter. */
	scanBudget: number
}

/** Requests a day for one resource of `total` objects, rounded. */
export function estimateDailyRequests(resource: Resource, total: number, schedule: EstimatedSchedule): number {
	const polls = schedule.pollMs === 0 || schedule.pollMs >= NEVER_MS ? 0 : DAY_MS / schedule.pollMs
	const pages = countPages(total, resource.pageSize)
	if (!resource.indexed || resource.placeholders) return Math.round(polls)
	// The pass begins again with a poll, and ends before it if its pages are few.
	if (!resource.modifiedFilter) return Math.round(polls * (1 + pages / Math.ceil(pages / schedule.scanBudget)))
	const windows = resource.postsStored ? Math.min(polls, HOURS_A_DAY) : 0
	const rereadHours = schedule.rereadHours ?? resource.rereadHours
	const rereads = rereadHours === 0 ? 0 : (pages * HOURS_A_DAY) / rereadHours
	const recentHours = rereadHours === 0 ? 0 : resource.recentHours
	const recentPages = Math.max(1, Math.ceil(Math.min(total, MAX_RECENT_ROWS) / resource.pageSize))
	const recent = recentHours === 0 ? 0 : (recentPages * HOURS_A_DAY) / recentHours
	return Math.round(polls + windows + rereads + recent)
}

/** Pages of a scan: each but the first repeats a row of the page before, so that a deletion is noticed. */
function countPages(total: number, pageSize: number): number {
	return pageSize === 1 ? Math.max(1, total) : 1 + Math.max(0, Math.ceil((total - pageSize) / (pageSize - 1)))
}

/**
 * Estimates the requests to a store in a day while nothing changes: polls, windows, re-reads and the pass, as poll.ts,
 * windows.ts, scans.ts and reread.ts make them. The same counts are behind docs/cost.md. Pure.
 */
import type { Resource } from '../../elements/store.ts'
import { DAY_MS, HOUR_MS, NEVER_MS } from '../../lib/time.ts'
import { countPages, getPassPolls } from './pass.ts'
import { MAX_RECENT_ROWS } from './scans.ts'

const HOURS_A_DAY = DAY_MS / HOUR_MS
/** Rows of a page of variations. */
const MAX_VARIATION_ROWS = 100

/** How often a resource is polled and re-read. */
export interface EstimatedSchedule {
	/** Ms between polls; 0 or `NEVER_MS`: never. */
	pollMs: number
	/** Hours between re-reads (0: none); null: the resource's own. */
	rereadHours: number | null
	/** Pages that a poll may read of a collection without a modified filter. */
	scanBudget: number
}

/**
 * Requests a day for one resource of `total` objects, rounded. `variationReads`: that read its variations with a
 * re-read of everything; 0: they are not read.
 */
export function estimateDailyRequests(
	resource: Resource,
	total: number,
	schedule: EstimatedSchedule,
	variationReads = 0,
): number {
	const polls = schedule.pollMs === 0 || schedule.pollMs >= NEVER_MS ? 0 : DAY_MS / schedule.pollMs
	const pages = countPages(total, resource.pageSize)
	if (!resource.indexed || resource.placeholders) return Math.round(polls)
	if (!resource.modifiedFilter) {
		const passes = polls === 0 ? 0 : polls / getPassPolls(pages, schedule.scanBudget, schedule.pollMs)
		return Math.round(polls + passes * pages)
	}
	const windows = resource.postsStored ? Math.min(polls, HOURS_A_DAY) : 0
	const rereadHours = schedule.rereadHours ?? resource.rereadHours
	const rereads = rereadHours === 0 ? 0 : ((pages + variationReads) * HOURS_A_DAY) / rereadHours
	const recentHours = rereadHours === 0 ? 0 : resource.recentHours
	const recentPages = Math.max(1, Math.ceil(Math.min(total, MAX_RECENT_ROWS) / resource.pageSize))
	const recent = recentHours === 0 ? 0 : (recentPages * HOURS_A_DAY) / recentHours
	return Math.round(polls + windows + rereads + recent)
}

/** Requests that read all variations again: pages of the list of all, or one for each object that has some. */
export function countVariationReads({ listed, owners }: { listed: number | null; owners: number }): number {
	return owners === 0 && (listed ?? 0) === 0 ? 0 : listed === null ? owners : countPages(listed, MAX_VARIATION_ROWS)
}

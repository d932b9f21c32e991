/** How fast the pass reads a collection that cannot be filtered by modified date (docs/polling.md). Pure. */
import { HOUR_MS } from '../../lib/time.ts'

/** A pass begins again an hour after the last one began, less this: polls are never early, but may be a little late. */
const MAX_EARLY_MS = 60_000

/** What decides how many pages a poll reads. Times epoch ms. */
export interface PassFacts {
	/** Pages of the whole collection. */
	pages: number
	isRunning: boolean
	/** When the last complete pass began; null: none has ended yet. */
	beganMs: number | null
	/** Pages that a poll may read (`event.poller.scanBudget`). */
	scanBudget: number
	nowMs: number
}

/**
 * The pages of the pass that a poll reads: all of it where one request does that, otherwise as many as the budget
 * allows, beginning once an hour. They are not spread over the hour: each poll that moves the position writes a row.
 */
export function getPassPages({ pages, isRunning, beganMs, scanBudget, nowMs }: PassFacts): number {
	if (pages > 1 && !isRunning && beganMs !== null && nowMs - beganMs < HOUR_MS - MAX_EARLY_MS) return 0
	return Math.min(scanBudget, pages)
}

/** Polls from the begin of one pass to the begin of the next. */
export function getPassPolls(pages: number, scanBudget: number, intervalMs: number): number {
	return pages <= 1 ? 1 : Math.max(Math.ceil(pages / scanBudget), Math.ceil((HOUR_MS - MAX_EARLY_MS) / intervalMs))
}

/** Pages of a scan: each but the first repeats a row of the page before, so that a deletion is noticed. */
export function countPages(total: number, pageSize: number): number {
	return pageSize === 1 ? Math.max(1, total) : 1 + Math.max(0, Math.ceil((total - pageSize) / (pageSize - 1)))
}

/**
 * Decisions of a sweep: the newest rows of a list are read back to those that are known to be read, a page at a time.
 * It goes on after any interruption, and what it counts as read never passes what it has not read. Pure.
 */
import type { Sweep } from '../core/resource-state.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Pages that one poll reads of a sweep, and of a list that is not in order; the next poll goes on. */
const MAX_ORDERED_PAGES = 100
const MAX_UNORDERED_PAGES = 20
/** A sweep of several pages is read again while it finds something, since rows move while it is read. */
const MAX_PASSES = 4
/** Keys that are remembered, and those of the last rows among them while a sweep runs. */
const MAX_KEYS = 10_000
const LAST_KEYS = 500

/** A page, as far as the sweep looks at it. */
export interface SweepPage {
	/** Asked for. */
	limit: number
	/** In the answer. */
	rows: number
	total: number | null
	ids: readonly ObjectId[]
	/** Dates in the order of the list; null: a row has none, or does not stand in its place. */
	orderedSecs: readonly (number | null)[]
	/** Rows that have a date but do not stand in its place. */
	misplaced: number
	/** Rows that no page showed before, and those of them that were there when the sweep began. */
	unseen: number
	unseenBefore: number
}

/** A sweep that begins. `horizonSec`: rows up to this date are known. */
export function beginSweep(order: Sweep['order'], horizonSec: number, runId: number): Sweep {
	return {
		order,
		horizonSec,
		beganMs: 0,
		startedMs: 0,
		newestSec: null,
		offset: 0,
		beforeSec: null,
		lastSec: null,
		lastIds: '',
		isOrdered: order === 'modified-desc',
		isCut: false,
		pages: 0,
		passes: 1,
		unseen: 0,
		highestId: 0,
		runId,
		runPages: 0,
	}
}

/** The sweep after a page; `ended`: everything was read that can be. */
export function advanceSweep(sweep: Sweep, page: SweepPage): { sweep: Sweep; ended: boolean } {
	const ids = page.ids.join(',')
	const next: Sweep = {
		...sweep,
		pages: sweep.pages + 1,
		runPages: sweep.runPages + 1,
		unseen: sweep.unseen + page.unseenBefore,
		isOrdered: sweep.isOrdered && isInOrder(sweep, page),
		lastSec: page.orderedSecs.findLast((sec) => sec !== null) ?? sweep.lastSec,
		lastIds: ids,
	}
	if (sweep.pages > 0 && page.rows > 0 && ids === sweep.lastIds) return toOtherPaging(sweep, next)
	if (reachesEnd(next, page)) return endPass(next)
	if (sweep.beforeSec === null) return { sweep: { ...next, offset: sweep.offset + page.rows }, ended: false }
	// A second that fills a page is left with what it has shown.
	const beforeSec = next.lastSec === null ? null : Math.min(next.lastSec + 1, sweep.beforeSec - 1)
	return beforeSec === null ? endPass({ ...next, isCut: true }) : { sweep: { ...next, beforeSec }, ended: false }
}

/** The store shows the same page for another offset: older rows are asked for by their date instead. */
function toOtherPaging(sweep: Sweep, next: Sweep): { sweep: Sweep; ended: boolean } {
	return sweep.beforeSec === null && next.isOrdered && next.lastSec !== null
		? { sweep: { ...next, beforeSec: next.lastSec + 1, lastIds: '' }, ended: false }
		: endPass({ ...next, isCut: true })
}

function isInOrder({ lastSec }: Sweep, { orderedSecs, misplaced }: SweepPage): boolean {
	const firstSec = orderedSecs.find((sec) => sec !== null)
	const tolerated = Math.max(1, Math.floor(orderedSecs.length / 5))
	// Around a change of the clocks, dates can be wrong by an hour (docs/woocommerce.md 3.5).
	return misplaced <= tolerated && (lastSec === null || firstSec === undefined || firstSec <= lastSec + 3_600)
}

function reachesEnd({ isOrdered, lastSec, horizonSec, offset, beforeSec }: Sweep, page: SweepPage): boolean {
	if (page.rows === 0) return true
	if (isOrdered && lastSec !== null && lastSec <= horizonSec) return true
	const isShort = page.rows < page.limit
	// With a date as bound, the total counts the rows from there on.
	const behind = (beforeSec === null ? offset : 0) + page.rows
	const isLast = page.total === null ? isShort : behind >= page.total
	// A total, or a short page, may be wrong; both are right, or nothing new came.
	return isLast && ((isShort && page.total !== null) || page.unseen === 0)
}

function endPass(sweep: Sweep): { sweep: Sweep; ended: boolean } {
	const isRepeated = sweep.pages > 1 && sweep.unseen > 0 && sweep.passes < MAX_PASSES && !sweep.isCut
	if (!isRepeated) return { sweep, ended: true }
	const again = { offset: 0, beforeSec: null, lastSec: null, lastIds: '', pages: 0, unseen: 0 }
	return { sweep: { ...sweep, ...again, passes: sweep.passes + 1 }, ended: false }
}

/**
 * Up to which store clock changes are read once a sweep has ended, epoch ms: the newest date that it showed, since the
 * dates may come from a clock that is behind, and at most the store's clock. null: it did not show any.
 */
export function getReadUpToMs({ startedMs, newestSec, isCut }: Sweep): number | null {
	return isCut || newestSec === null ? null : Math.min(startedMs, newestSec * 1000)
}

/** The date that a key ends with, s; null: it has none. */
function getKeySec(key: string): number | null {
	const text = /:(-?\d+)(?::[^:]*)?$/.exec(key)?.[1]
	return text === undefined ? null : Number(text)
}

/** Whether a poll has read enough of a sweep. */
export function isSweepPaused({ isOrdered, runPages }: Sweep): boolean {
	return runPages >= (isOrdered ? MAX_ORDERED_PAGES : MAX_UNORDERED_PAGES)
}

/** The keys to remember while a sweep runs: those that come first have the newest dates. */
export function limitKeys(keys: readonly string[]): string[] {
	return keys.length <= MAX_KEYS ? [...keys] : [...keys.slice(0, MAX_KEYS - LAST_KEYS), ...keys.slice(-LAST_KEYS)]
}

/**
 * The keys that the next sweep can show again, and the date up to which rows do not count any more, because their keys
 * are too many. `horizonSec`: of the next sweep.
 */
export function settleKeys(
	keys: readonly string[],
	horizonSec: number,
	floorSec: number,
): { keys: string[]; floorSec: number } {
	const kept = keys.filter((key) => (getKeySec(key) ?? Infinity) > horizonSec)
	if (kept.length <= MAX_KEYS) return { keys: kept, floorSec }
	const sorted = kept.toSorted((a, b) => (getKeySec(b) ?? -Infinity) - (getKeySec(a) ?? -Infinity))
	const firstDroppedSec = getKeySec(sorted[MAX_KEYS]!)
	return { keys: sorted.slice(0, MAX_KEYS), floorSec: Math.max(floorSec, firstDroppedSec ?? floorSec) }
}

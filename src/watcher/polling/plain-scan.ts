/**
 * Scans of a whole collection that need no order of ids: page after page, and again from the beginning until as many
 * objects were seen as the total says (docs/polling.md, Stores that answer otherwise than asked). Pure.
 */
import { INITIAL_SCAN_POSITION, type PlainPosition, type ScanPosition } from '../core/resource-state.ts'
import type { ObjectId } from '../../elements/store.ts'

/** Times that a list is read at most, until everything in it was seen. */
const MAX_ROUNDS = 12
/** Rounds in a row without anything new after which no more is expected, where the total says that there is more. */
const MAX_QUIET_ROUNDS = 3

const FIRST_PLAIN_POSITION: PlainPosition = { offset: 0, pages: 0, round: 1, fresh: 0, quiet: 0 }

/** The position at the beginning of a plain scan. */
export const INITIAL_PLAIN_POSITION: ScanPosition = { ...INITIAL_SCAN_POSITION, plain: FIRST_PLAIN_POSITION }

/** More repeated rows than this share of a page come from another order than before. */
const MAX_REPEATED_SHARE = 1 / 5

/** So many times as many rows as objects were seen are read in a round of a mixed list, if its total says more. */
const MIXED_ROUND_FACTOR = 2

/** A page of a plain scan. */
export interface PlainPage {
	/** Rows in the answer, and objects that no earlier page has shown. */
	rows: number
	fresh: number
	total: number | null
	limit: number
}

/** How the store skips rows, and how many more than it lists its total counts as a rule. */
export interface PlainPaging {
	paging: 'offset' | 'page' | null
	drift: number
	/** That is so many that the total may be of something else. */
	isTotalWrong?: boolean
}

/** `complete`: every listed object was seen, so that the others are missing. `mixed`: pages came in several orders. */
export interface PlainStep {
	position: ScanPosition
	ended: boolean
	complete: boolean
}

/** Applies a page. */
export function advancePlainScan(
	position: ScanPosition,
	page: PlainPage,
	{ paging, drift, isTotalWrong = false }: PlainPaging,
): PlainStep {
	const { offset, pages, round, fresh, quiet, mixed = false } = position.plain ?? FIRST_PLAIN_POSITION
	const { total } = page
	const seen = position.seen + page.fresh
	const freshInRound = fresh + page.fresh
	const hasSeenAll = total !== null && seen >= total - Math.max(0, drift)
	const step = (plain: PlainPosition, ended: boolean, complete: boolean): PlainStep => ({
		position: { ...position, seen, total: total ?? position.total, plain },
		ended,
		complete,
	})
	const next: PlainPosition = {
		offset: offset + (paging === 'page' ? page.limit : page.rows),
		pages: pages + 1,
		round,
		fresh: freshInRound,
		quiet,
		...((mixed || isMixed(round, page)) && { mixed: true as const }),
	}
	if (hasSeenAll) return step(next, true, true)
	if (paging === null) return step(next, true, false)
	if (!isRoundOver(next, page, seen)) return step(next, false, false)
	const nextQuiet = freshInRound === 0 ? quiet + 1 : 0
	// Without a total, a whole round without anything new is all that can be known; of a mixed list, it shows nothing.
	if (total === null && nextQuiet > 0) return step(next, true, next.mixed !== true)
	if (isTotalWrong && nextQuiet > 0 && next.mixed !== true) return step(next, true, true)
	if (nextQuiet >= MAX_QUIET_ROUNDS || round >= MAX_ROUNDS) return step(next, true, false)
	return step({ ...next, offset: 0, round: round + 1, fresh: 0, quiet: nextQuiet }, false, false)
}

/** Whether rows of a page stood on an earlier one too, beside others that did not. */
function isMixed(round: number, { rows, fresh }: PlainPage): boolean {
	return round === 1 && fresh > 0 && rows - fresh > Math.max(1, rows * MAX_REPEATED_SHARE)
}

/**
 * Whether the rows of the first page in the order of ids, and in the opposite one, are a whole list: the same rows, and
 * not in the same order. `isSorted`: whether the store is thought to sort by id, for lists of one row.
 */
export function isWholeList(up: readonly ObjectId[], down: readonly ObjectId[], isSorted: boolean): boolean {
	if (up.length !== down.length || !down.every((id) => up.includes(id))) return false
	return up.length <= 1 ? isSorted || up.length === 0 : up.some((id, index) => id !== down[index])
}

/**
 * The first round may be of fewer rows a page than were asked for: it goes on as long as pages show something new. A
 * round of a mixed list is never exactly its rows: twice as many as were seen show most others.
 */
function isRoundOver(
	{ offset, round, mixed }: PlainPosition,
	{ rows, fresh, total }: PlainPage,
	seen: number,
): boolean {
	if (rows === 0) return true
	if (round === 1 || total === null) return fresh === 0
	return offset >= (mixed === true ? Math.min(total, MIXED_ROUND_FACTOR * seen) : total)
}

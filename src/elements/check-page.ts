/**
 * Holds a list's answer against the question. A finding is *fatal* if the answer cannot be used, and *benign* if
 * healthy stores show it too, or if it can be repaired (docs/polling.md, How answers are checked). Pure.
 */
import {
	arrangePage,
	findMisplacedRows,
	getOrderKeys,
	getTolerance,
	isIdOrder,
	isOutOfBound,
	type PageQuery,
	type PageRow,
} from './page-order.ts'
import type { AnswerFacts, ObjectId } from './store.ts'

export type FindingKind =
	| 'too-many-rows'
	| 'short-page'
	| 'out-of-order'
	| 'out-of-bound'
	| 'other-objects'
	| 'window-lacks-rows'
	| 'head-lacks-rows'
	| 'repeated-id'
	| 'same-page'
	| 'same-answer'
	| 'no-total'
	| 'unreadable-total'
	| 'total-below-rows'
	| 'future-rows'
	| 'cached'
	| 'several-dates'

/** What an answer shows beside, or instead of, what was asked for. `detail`: the end of a sentence for people. */
export interface Finding {
	kind: FindingKind
	weight: 'benign' | 'fatal'
	detail: string
}

/** An answer, as far as it is checked. */
export interface CheckedPage {
	/** In the order of the answer. */
	rows: readonly PageRow[]
	total: number | null
	storeNowMs: number
	answer: AnswerFacts
}

/** What earlier answers showed. */
export interface KnownAnswers {
	/** The page before of the same list; null: none, or not lately. */
	previous: { offset: number; ids: readonly ObjectId[]; total: number | null } | null
	/** What other lists of the resource answered lately. */
	others: readonly OtherAnswer[]
	/** How many objects are known. */
	listed: number
	/** The newest rows, if they were read just before; null: not lately. */
	head: readonly PageRow[] | null
	/** The newest modified date that a list of the resource has shown, not in its future. */
	newestSec: number | null
	/** Ids of rows that stand in every page. */
	pinned: ReadonlySet<ObjectId>
}

/** The answer to another question. */
export interface OtherAnswer {
	query: Pick<PageQuery, 'order' | 'limit'>
	ids: readonly ObjectId[]
	total: number | null
	/** Characters. */
	length: number
}

export const NOTHING_KNOWN: KnownAnswers = {
	previous: null,
	others: [],
	listed: 0,
	head: null,
	newestSec: null,
	pinned: new Set(),
}

/** Stamps this close to the store's clock may have changed while the list was read, s. */
export const RECENT_SEC = 120
/** Around a change of the clocks, stamps of orders can be wrong by an hour (docs/woocommerce.md 3.5). */
const STAMP_TOLERANCE_SEC = 3_600
/** Posts are ordered by local time, which moves by this when the site's zone changes (docs/woocommerce.md 3.4). */
const LOCAL_TOLERANCE_SEC = 26 * 3_600
/** Equal pages of fewer rows than this prove nothing without a total. */
const MIN_EQUAL_ROWS = 10

/** The findings of an answer; none: it answers its question. */
export function checkPage(query: PageQuery, page: CheckedPage, known: KnownAnswers): Finding[] {
	return [
		...checkCount(query, page, known),
		...checkOrder(query, page, known),
		...checkBound(query, page, known),
		...checkWindow(query, page, known),
		...checkHead(query, page, known),
		...checkPosition(query, page, known),
		...checkOthers(query, page, known),
		...checkTotal(query, page, known),
		...checkFreshness(page),
	]
}

/**
 * The rows to use, by their index in the answer: each object once, without those that stand in every page, at most as
 * many as asked for; and the total, null if the rows contradict it.
 */
export function normalizePage(
	query: PageQuery,
	page: CheckedPage,
	known: KnownAnswers,
): { kept: number[]; pinned: ObjectId[]; total: number | null } {
	const { kept, pinned } = arrangePage(query, page.rows, known.pinned)
	return {
		kept,
		pinned: pinned.map((index) => page.rows[index]!.id),
		total: isTotalTooLow(query, page, kept.length) ? null : page.total,
	}
}

function benign(kind: FindingKind, detail: string): Finding {
	return { kind, weight: 'benign', detail }
}

function checkCount(query: PageQuery, page: CheckedPage, known: KnownAnswers): Finding[] {
	const findings: Finding[] = []
	const { kept, repeated, pinned } = arrangePage(query, page.rows, known.pinned)
	// A row that stands twice is one object.
	const count = (page.answer.rows ?? page.rows.length) - repeated.length
	const what = page.answer.isWholeList === true ? 'the whole list' : `${count} rows`
	if (count > query.limit) findings.push(benign('too-many-rows', `${what} came where ${query.limit} were asked for`))
	else if (pinned.length > 0)
		findings.push(benign('too-many-rows', `${pinned.length} rows came that stand in every page`))
	if (repeated.length > 0)
		findings.push(benign('repeated-id', `object ${page.rows[repeated[0]!]!.id} came twice in one page`))
	const expected = Math.min(query.limit, (page.total ?? 0) - (query.offset ?? 0))
	if (kept.length < expected)
		findings.push(benign('short-page', `${kept.length} rows came, and by the total there are ${expected}`))
	return findings
}

function describeOrder({ order }: PageQuery): string {
	const [field, direction] = order.split('-')
	return `${field === 'id' ? 'id' : 'modified date'}, ${direction === 'asc' ? 'ascending' : 'descending'}`
}

function checkOrder(query: PageQuery, page: CheckedPage, known: KnownAnswers): Finding[] {
	const { misplaced } = arrangePage(query, page.rows, known.pinned)
	if (misplaced.length === 0) return []
	const count = page.rows.length
	const wrong = isIdOrder(query) ? misplaced : findFarOff(query, page, known)
	const tolerated = isIdOrder(query) ? getTolerance(count) : Math.max(1, Math.floor(count / 5))
	const isFatal = wrong.length > tolerated || (isIdOrder(query) && wrong.length * 2 >= count)
	return [
		{
			kind: 'out-of-order',
			weight: isFatal ? 'fatal' : 'benign',
			detail: `${misplaced.length} of ${count} rows are not in the order that was asked for (${describeOrder(query)})`,
		},
	]
}

/**
 * Rows that stand further from their place than a change of the list, the clocks or the site's zone explains. A row
 * that changed while the list was read stands where it was before.
 */
function findFarOff(query: PageQuery, page: CheckedPage, known: KnownAnswers): number[] {
	const toleranceSec = query.isLocalOrder ? LOCAL_TOLERANCE_SEC : STAMP_TOLERANCE_SEC
	const misplaced = new Set(findMisplacedRows(query, page.rows))
	const keys = getOrderKeys(query, page.rows)
	const isInPlace = (index: number): boolean => !misplaced.has(index) && keys[index] !== null
	return [...misplaced].filter((index) => {
		const key = keys[index]
		const row = page.rows[index]!
		if (key === null || key === undefined || known.pinned.has(row.id) || isRecent(row, page)) return false
		const before = keys.findLast((_, other) => other < index && isInPlace(other)) ?? key
		const after = keys.find((_, other) => other > index && isInPlace(other)) ?? key
		return before - key > toleranceSec || key - after > toleranceSec
	})
}

function isRecent({ modifiedSec }: PageRow, { storeNowMs }: CheckedPage): boolean {
	return modifiedSec !== null && modifiedSec > storeNowMs / 1000 - RECENT_SEC
}

function checkBound(query: PageQuery, page: CheckedPage, known: KnownAnswers): Finding[] {
	const named = query.onlyIds ?? (query.onlyId === undefined ? null : [query.onlyId])
	const isOther = (id: ObjectId): boolean => named?.includes(id) === false || query.exceptIds?.includes(id) === true
	const others = page.rows.filter(({ id }) => isOther(id))
	const outside = page.rows.filter(
		(row) => isOutOfBound(query, row) && !known.pinned.has(row.id) && page.rows.length <= query.limit,
	)
	if (outside.length === 0)
		return others.length === 0
			? []
			: [
					benign(
						'other-objects',
						`${others.length} of ${page.rows.length} rows are not the objects that were asked for`,
					),
				]
	const far = outside.filter((row) => isOutOfBound(query, row, STAMP_TOLERANCE_SEC) && !isRecent(row, page))
	return [
		{
			kind: 'out-of-bound',
			weight: far.length > Math.max(1, page.rows.length / 5) ? 'fatal' : 'benign',
			detail: `${outside.length} of ${page.rows.length} rows were modified outside the time that was asked for`,
		},
	]
}

/** A window that is read to its end shows every row of the head that is newer than its bound. */
function checkWindow(query: PageQuery, page: CheckedPage, known: KnownAnswers): Finding[] {
	const { modifiedAfterSec, modifiedBeforeSec, trashed } = query
	if (known.head === null || query.order !== 'modified-asc' || trashed === true || (query.offset ?? 0) > 0) return []
	if (modifiedAfterSec === undefined || modifiedBeforeSec !== undefined) return []
	const isComplete = page.total === null ? page.rows.length < query.limit : page.total <= page.rows.length
	if (!isComplete) return []
	const shown = new Set(page.rows.map(({ id }) => id))
	const expected = known.head.filter(({ modifiedSec }) => modifiedSec !== null && modifiedSec > modifiedAfterSec)
	const lacking = expected.filter(({ id }) => !shown.has(id))
	if (lacking.length === 0) return []
	return [
		{
			kind: 'window-lacks-rows',
			// One or two may have been deleted in between.
			weight: lacking.length >= 2 && lacking.length * 2 > expected.length ? 'fatal' : 'benign',
			detail: `${lacking.length} of ${expected.length} objects are missing that were modified since the time asked for`,
		},
	]
}

function checkHead(query: PageQuery, page: CheckedPage, { newestSec }: KnownAnswers): Finding[] {
	if (newestSec === null || query.order !== 'modified-desc' || (query.offset ?? 0) > 0 || query.trashed === true)
		return []
	if (query.modifiedAfterSec !== undefined || query.modifiedBeforeSec !== undefined) return []
	const topSec = Math.max(...page.rows.map(({ modifiedSec }) => modifiedSec ?? -Infinity))
	// The newest object may have been deleted since.
	return topSec < newestSec
		? [benign('head-lacks-rows', 'the newest rows are older than one that an earlier answer showed')]
		: []
}

/** Whether the newest rows lack more of those before than the total says were deleted since. */
export function isOlderHead(
	page: Pick<CheckedPage, 'rows' | 'total'>,
	before: Pick<CheckedPage, 'rows' | 'total'>,
): boolean {
	if (page.total === null || before.total === null) return false
	const topSec = Math.max(...page.rows.map(({ modifiedSec }) => modifiedSec ?? -Infinity))
	const lacking = before.rows.filter(({ modifiedSec }) => modifiedSec !== null && modifiedSec > topSec)
	return lacking.length > 0 && lacking.length > before.total - page.total
}

/** The same rows at another place. Where rows were deleted in between, the total has changed too. */
function checkPosition(query: PageQuery, page: CheckedPage, { previous }: KnownAnswers): Finding[] {
	const offset = query.offset ?? 0
	const { rows, total } = page
	if (previous === null || previous.offset === offset || rows.length < 2) return []
	if (!isSameRows(rows, previous.ids)) return []
	if (Math.abs(previous.offset - offset) < rows.length - 1) return []
	const isSameList = total === null ? rows.length >= MIN_EQUAL_ROWS : total === previous.total
	if (!isSameList) return []
	return [
		{
			kind: 'same-page',
			weight: 'fatal',
			detail: `the rows from ${offset} on are the same as those from ${previous.offset} on`,
		},
	]
}

/** The answer to another question, where both cannot have the same: a cache that heeds the path alone gives it. */
function checkOthers(query: PageQuery, page: CheckedPage, { others, listed }: KnownAnswers): Finding[] {
	const { rows, total, answer } = page
	if (rows.length === 0 || (answer.isWholeList === true && rows.length >= listed)) return []
	const isSame = ({ ids, ...other }: OtherAnswer): boolean =>
		other.total === total && other.length === answer.length && isSameRows(rows, ids)
	const isContradicted = others.filter(isSame).some((other) => {
		const isOpposite = getOppositeOrder(query.order) === other.query.order
		const isCut = total !== null && rows.length < Math.min(query.limit, total - (query.offset ?? 0))
		return (
			(isOpposite && new Set(getOrderKeys(query, rows)).size > 1) ||
			(other.query.limit !== query.limit && (new Set(rows.map(({ id }) => id)).size > query.limit || isCut))
		)
	})
	return isContradicted
		? [{ kind: 'same-answer', weight: 'fatal', detail: 'it is the answer to another question, as a cache gives it' }]
		: []
}

function isSameRows(rows: readonly PageRow[], ids: readonly ObjectId[]): boolean {
	return rows.length === ids.length && rows.every(({ id }, index) => id === ids[index])
}

function getOppositeOrder(order: PageQuery['order']): string {
	return order.endsWith('asc') ? order.replace('asc', 'desc') : order.replace('desc', 'asc')
}

function isTotalTooLow({ offset = 0 }: PageQuery, { total }: CheckedPage, kept: number): boolean {
	return total !== null && kept > 0 && total < offset + kept
}

function checkTotal(query: PageQuery, page: CheckedPage, known: KnownAnswers): Finding[] {
	const { total, answer } = page
	if (total === null)
		return answer.totalText === null
			? [benign('no-total', 'the answer has no total (X-WP-Total)')]
			: [benign('unreadable-total', `the total (X-WP-Total) is not a whole number: ${answer.totalText.slice(0, 40)}`)]
	const { kept } = arrangePage(query, page.rows, known.pinned)
	return isTotalTooLow(query, page, kept.length)
		? [benign('total-below-rows', `the total is ${total}, and there are ${(query.offset ?? 0) + kept.length} rows`)]
		: []
}

function checkFreshness({ rows, storeNowMs, answer }: CheckedPage): Finding[] {
	const findings: Finding[] = []
	const future = rows.filter(({ modifiedSec }) => modifiedSec !== null && modifiedSec > storeNowMs / 1000 + RECENT_SEC)
	if (future.length > 0)
		findings.push(benign('future-rows', `${future.length} rows have a modified date in the store's future`))
	const { ageSec, cachedBy, dates } = answer
	if (cachedBy !== null || (ageSec ?? 0) > 0)
		findings.push(benign('cached', `a cache answered (${cachedBy ?? `Age: ${ageSec}`})`))
	if (dates > 1) findings.push(benign('several-dates', `the answer has ${dates} Date headers`))
	return findings
}

/**
 * Pages of lists as jobs read them: no larger than the store can give, without the objects that spoil them, and in
 * smaller pages where one fails (docs/polling.md, When one record or one resource fails).
 */
import type { Core, WatchedResource } from '../core/core.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Gap } from '../core/unreadable.ts'
import { recordSuccess } from '../source/backoff.ts'
import {
	answersWithoutRows,
	doOthersAnswer,
	EMPTY_OFFSET,
	findScope,
	sawOthersAnswer,
} from '../source/failure-scope.ts'
import { canBeOfRecord, isBySize, isRecordKind } from '../source/record-failures.ts'
import { PageDelayed, requestPage, StoreError, type ListedPage, type SliceBudget } from '../source/requests.ts'
import type { ListQuery, Snapshot } from '../../elements/store.ts'
import { refuseForeignRows } from './foreign-rows.ts'
import { getPageRows, isSingleRow, noteFailedPage, noteReadPage } from './failing-span.ts'
import { growPageSize, limitRows, noteRowLength, noteTooLarge } from './page-size.ts'
import { isWholeScan, MAX_NAME_REQUESTS, nameRow, tryPage } from './row-names.ts'
import { getExcludedIds, hurryShown, noteUnreadableRow } from './unreadable.ts'

/** Failed requests that a run makes in another way for one resource. */
const MAX_DELAYS = 60
/** Lists whose failing pages are remembered. */
const MAX_SPANS = 6
const MAX_SPAN_AGE_MS = 6 * 3_600_000

/**
 * A page of at most `query.limit` rows: `limit` of the answer says how many. Throws PageDelayed where the page failed
 * and must be asked for again, and StoreError.
 */
export async function listPage(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage> {
	await checkAnswering(core, watched, budget)
	const { state: rs, resource } = watched
	const asked: ListQuery = { ...query, ...withExclusion(rs, query) }
	const startedMs = core.ports.now()
	// A list of certain ids is not a part of a longer one.
	if (query.onlyId !== undefined || query.onlyIds !== undefined) return await listNamed(core, watched, asked, budget)
	const key = toListKey(query)
	const offset = query.offset ?? 0
	const learned = rs.pageSize < resource.pageSize ? Math.min(query.limit, rs.pageSize) : query.limit
	const limit = getPageRows(rs.spans?.[key], offset, limitRows(learned, rs.rowLength, rs.stride))
	const pieces = getPieces(getGaps(core, rs, key, query), offset, limit)
	const pages: ListedPage[] = []
	for (const piece of pieces) {
		try {
			pages.push(await requestPage(core, watched, { ...asked, ...piece }, budget))
		} catch (error) {
			if (!(error instanceof StoreError) || !canBeOfRecord(error.failure)) throw error
			return await handleFailedPage(core, watched, { asked, key, ...piece }, error, budget)
		}
	}
	const page = mergePages(pages, pieces.at(-1)!.offset + pieces.at(-1)!.limit - offset)
	noteRead(core, watched, { query, key, offset, page, elapsedMs: core.ports.now() - startedMs })
	await refuseForeignRows(core, watched, query, page, budget)
	return page
}

/** The store or resource failed before: before a page, it is asked for an answer without rows. Throws StoreError. */
async function checkAnswering(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void> {
	const { trouble } = core.state
	const { error } = watched.state
	if (trouble !== null && isRecordKind(trouble.kind)) {
		const failed = await answersWithoutRows(core, watched, budget)
		if (failed === null) recordSuccess(core)
		else throw failed
	} else if (error?.listedSinceMs !== undefined && isRecordKind(error.kind)) {
		const failed = await answersWithoutRows(core, watched, budget)
		if (failed === null) return
		if (!canBeOfRecord(failed.failure)) throw failed
		const isOwn = sawOthersAnswer(core, watched) || (await doOthersAnswer(core, watched, budget))
		throw new StoreError(failed.failure, watched, isOwn ? 'resource' : 'store')
	}
}

async function listNamed(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage> {
	try {
		return await requestPage(core, watched, query, budget)
	} catch (error) {
		if (!(error instanceof StoreError) || !canBeOfRecord(error.failure)) throw error
		throw new StoreError(error.failure, watched, await findScope(core, watched, budget))
	}
}

function withExclusion(rs: ResourceState, query: ListQuery): Pick<ListQuery, 'exceptIds'> {
	const ids = getExcludedIds(rs)
	return ids.length === 0 || query.onlyId !== undefined ? {} : { exceptIds: ids }
}

/** Which list a page is a part of. A window's bound moves with its pages. */
function toListKey({ order, trashed, modifiedAfterSec, modifiedBeforeSec }: ListQuery): string {
	const bound = order === 'modified-asc' ? (modifiedAfterSec === undefined ? '' : 'window') : (modifiedAfterSec ?? '')
	return [order, trashed === true ? 'trash' : '', bound, modifiedBeforeSec ?? ''].join('|')
}

/** Gaps are places, so that they hold for one bound alone. */
function toGapKey(key: string, { order, modifiedAfterSec }: ListQuery): string {
	return order === 'modified-asc' ? `${key}|${modifiedAfterSec ?? ''}` : key
}

function getGaps(core: Core, rs: ResourceState, key: string, query: ListQuery): readonly Gap[] {
	const gaps = rs.gaps?.[toGapKey(key, query)] ?? []
	return gaps.filter(({ untilMs }) => untilMs > core.ports.now())
}

/** The parts of a page between gaps. One that consists of gaps alone reaches to the next row. Pure. */
export function getPieces(
	gaps: readonly Pick<Gap, 'at'>[],
	offset: number,
	limit: number,
): { offset: number; limit: number }[] {
	const places = new Set(gaps.map(({ at }) => at))
	const pieces: { offset: number; limit: number }[] = []
	for (let at = offset; at < offset + limit || pieces.length === 0; at++) {
		if (places.has(at)) continue
		const last = pieces.at(-1)
		if (last !== undefined && last.offset + last.limit === at) last.limit++
		else pieces.push({ offset: at, limit: 1 })
	}
	return pieces
}

/** One page of parts: like a page of which the store has dropped rows. */
function mergePages(pages: readonly ListedPage[], limit: number): ListedPage {
	const [first] = pages
	if (first === undefined) throw new Error('a page has at least one part')
	if (pages.length === 1) return { ...first, limit }
	const sum = (get: (page: ListedPage) => number): number => pages.reduce((total, page) => total + get(page), 0)
	return {
		...first,
		limit,
		snapshots: pages.flatMap(({ snapshots }) => snapshots),
		orderedSecs: pages.flatMap(({ orderedSecs }) => orderedSecs),
		rows: sum(({ rows }) => rows),
		otherKind: pages.every(({ otherKind }) => otherKind !== null) ? first.otherKind : null,
		isStale: pages.some(({ isStale }) => isStale),
		length: sum(({ length }) => length),
		total: pages.at(-1)!.total,
	}
}

/** Learns from a page that was read. */
function noteRead(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	read: { query: ListQuery; key: string; offset: number; page: ListedPage; elapsedMs: number },
): void {
	const { query, key, offset, page, elapsedMs } = read
	const rowLength = noteRowLength(rs.rowLength, page)
	if (rowLength === undefined) delete rs.rowLength
	else rs.rowLength = rowLength
	if (page.rows >= page.limit && page.limit === rs.pageSize && rs.pageSize < resource.pageSize) {
		const { pageSize, growth } = growPageSize(rs.pageSize, resource.pageSize, rs.pageGrowth, elapsedMs)
		rs.pageSize = pageSize
		if (growth !== undefined) rs.pageGrowth = growth
	}
	if (rs.stride !== undefined && query.limit > rs.stride) {
		rs.stride *= 2
		if (rs.stride >= rs.pageSize) delete rs.stride
	}
	const span = rs.spans?.[key]
	if (span !== undefined) {
		const movesBound = query.order === 'modified-asc'
		const passed = page.limit - countNewestSecond(page.snapshots)
		const noted = noteReadPage(span, { offset, limit: page.limit, passed, movesBound })
		setSpan(rs, key, noted.span)
		if (noted.span === null && noted.learnedRows !== null) learnPageSize(rs, noted.learnedRows)
	}
	hurryShown(core, rs, page.snapshots)
}

function learnPageSize(rs: ResourceState, rows: number): void {
	if (rows >= rs.pageSize) return
	rs.pageSize = rows
	rs.pageGrowth = noteTooLarge(rs.pageGrowth)
}

/** Rows of the newest second: a window's next page begins with them. */
function countNewestSecond(snapshots: readonly Snapshot[]): number {
	const newestSec = snapshots.reduce((newest, { listModifiedSec }) => Math.max(newest, listModifiedSec ?? 0), 0)
	return snapshots.filter(({ listModifiedSec }) => listModifiedSec === newestSec).length
}

function setSpan(rs: ResourceState, key: string, span: NonNullable<ResourceState['spans']>[string] | null): void {
	const { [key]: _before, ...others } = rs.spans ?? {}
	const kept = Object.entries(others).slice(-MAX_SPANS + 1)
	const spans = Object.fromEntries(span === null ? kept : [...kept, [key, span]])
	if (Object.keys(spans).length === 0) delete rs.spans
	else rs.spans = spans
}

interface FailedPage {
	asked: ListQuery
	key: string
	offset: number
	limit: number
}

/** Finds what a failed page means. Throws PageDelayed, or StoreError if more than the page fails. */
async function handleFailedPage(
	core: Core,
	watched: WatchedResource,
	failed: FailedPage,
	error: StoreError,
	budget: SliceBudget,
): Promise<never> {
	const { state: rs } = watched
	const { key, offset, limit } = failed
	const now = core.ports.now()
	const known = rs.spans?.[key]
	const before = known !== undefined && now - known.sinceMs > MAX_SPAN_AGE_MS ? undefined : known
	if (before === undefined) {
		const scope = await findScope(core, watched, budget)
		if (scope !== 'object') throw new StoreError(error.failure, watched, scope)
	}
	const span = noteFailedPage(before, { offset, limit, bySize: isBySize(error.failure) }, now)
	setSpan(rs, key, span)
	if (isSingleRow(span)) {
		if (budget.requests >= MAX_NAME_REQUESTS)
			await concludeRow(core, watched, { ...failed, offset: span.from }, error, budget)
		// The next slice has the requests that it takes.
		else budget.requests = 0
	}
	return delayPage(core, watched, error)
}

/** A row fails alone: names it, and lists are read without it. Throws StoreError if no other row can be read. */
async function concludeRow(
	core: Core,
	watched: WatchedResource,
	{ asked, key, offset }: FailedPage,
	error: StoreError,
	budget: SliceBudget,
): Promise<void> {
	const { state: rs } = watched
	const hadRows = (rs.spans?.[key]?.okRows ?? 0) > 0
	if ((await tryPage(core, watched, { ...asked, offset, limit: 1 }, budget)) !== null) {
		setSpan(rs, key, null)
		learnPageSize(rs, 1)
		return
	}
	if (!hadRows && !(await answersList(core, watched, asked, budget))) {
		setSpan(rs, key, null)
		throw new StoreError(error.failure, watched, 'resource')
	}
	if (!hadRows && !(await answersRows(core, watched, asked, offset, budget))) {
		setSpan(rs, key, null)
		const scope = await findScope(core, watched, budget)
		throw new StoreError(error.failure, watched, scope === 'store' ? 'store' : 'resource')
	}
	const name = await nameRow(core, watched, asked, offset, budget)
	setSpan(rs, key, null)
	noteUnreadableRow(core, watched, {
		...name,
		at: offset,
		gapKey: toGapKey(key, asked),
		isExcluded: name.id !== null && asked.exceptIds?.includes(name.id) === true,
		isScan: isWholeScan(asked),
		failure: error.failure,
	})
}

/** Whether a part of a collection is answered without its rows: a store may refuse what it does not know. */
async function answersList(
	core: Core,
	watched: WatchedResource,
	asked: ListQuery,
	budget: SliceBudget,
): Promise<boolean> {
	return (
		isWholeScan(asked) || (await tryPage(core, watched, { ...asked, offset: EMPTY_OFFSET, limit: 1 }, budget)) !== null
	)
}

/** Whether any row of a resource can be read: the next one, the newest, the oldest, or any. */
async function answersRows(
	core: Core,
	watched: WatchedResource,
	asked: ListQuery,
	offset: number,
	budget: SliceBudget,
): Promise<boolean> {
	const { listed } = watched.state
	const exceptIds = asked.exceptIds ?? []
	const queries: ListQuery[] = [
		{ ...asked, offset: offset + 1, limit: 1 },
		{ order: 'id-desc', exceptIds, limit: 1 },
		{ order: 'id-asc', exceptIds, limit: 1 },
		{ order: 'id-asc', exceptIds, offset: Math.floor(core.ports.random() * listed), limit: 1 },
	]
	for (const query of queries) if ((await tryPage(core, watched, query, budget)) !== null) return true
	return false
}

/** The step ends, and its page is asked for again. In a run, other resources come first. */
function delayPage(core: Core, watched: WatchedResource, error: StoreError): never {
	const { run } = core.state
	const { number } = watched.state
	if (run !== null && run.left[0] === number) {
		run.left = [...run.left.slice(1), number]
		const delays = (run.delays?.[number] ?? 0) + 1
		run.delays = { ...run.delays, [number]: delays }
		if (delays > MAX_DELAYS) throw new StoreError(error.failure, watched, 'resource')
	}
	throw new PageDelayed()
}

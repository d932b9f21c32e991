/** Holds each list's answer against its question (check-page.ts), and keeps what the next answer is compared with. */
import {
	checkPage,
	isOlderHead,
	normalizePage,
	NOTHING_KNOWN,
	type CheckedPage,
	type Finding,
	type KnownAnswers,
} from '../../elements/check-page.ts'
import { findMisplacedRows, type PageQuery, type PageRow } from '../../elements/page-order.ts'
import { DAY_MS, HOUR_MS } from '../../lib/time.ts'
import type { WatchedResource } from '../core/core.ts'
import { lacks, type Ability } from '../core/abilities.ts'
import { isConfirmed, noteFinding } from '../core/findings.ts'
import { isOneAnswer, noteCacheSign, noteOneAnswer } from '../core/freshness.ts'
import { endLimit, noteLimit, UNFIT_LIMIT } from '../core/resource-limits.ts'
import { endOldTwoStates, noteTwoStates } from '../core/two-states.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { noteDoubt, noteRefusal } from './doubts.ts'
import type { AnswerFacts, Failure, ListQuery, ObjectId, Snapshot } from '../../elements/store.ts'

/** A head is compared with a window that is read this soon after it, and a page with the next one, ms. */
const MAX_HEAD_AGE_MS = 60_000
const MAX_PAGE_AGE_MS = 10 * 60_000
/** Lists and pinned rows that are remembered. */
const MAX_LISTS = 8
const MAX_PINNED = 20

/** How long an answer is compared with those to other questions, ms. A cache that shows it again prolongs this. */
const MAX_OTHER_AGE_MS = HOUR_MS

/** A record of an id alone may have links too. */
const MAX_ID_FIELDS = 2
const WHOLE_RECORDS = {
	kind: 'whole-records',
	weight: 'benign',
	detail: 'whole records came where ids alone were asked for',
} as const

type ListedRows = {
	query: Pick<PageQuery, 'order' | 'limit'>
	offset: number
	ids: readonly ObjectId[]
	total: number | null
	length: number
	atMs: number
}

/** In memory only: after its loss the next answers are compared with nothing. */
interface AnswerMemory {
	pages: Map<string, ListedRows>
	head: { rows: readonly PageRow[]; atMs: number } | null
	newestSec: number | null
}

const memories = new WeakMap<ResourceState, AnswerMemory>()

function getMemory(rs: ResourceState): AnswerMemory {
	let memory = memories.get(rs)
	if (memory === undefined) memories.set(rs, (memory = { pages: new Map(), head: null, newestSec: null }))
	return memory
}

/** What a page shows once it was held against its query. */
interface UsablePage {
	snapshots: Snapshot[]
	orderedSecs: (number | null)[]
	total: number | null
}

/** Checks an answer and notes its findings. A refused one must not be used. */
export function checkAnswer(
	watched: WatchedResource,
	query: ListQuery,
	page: { snapshots: readonly Snapshot[]; total: number | null; storeNowMs: number; answer: AnswerFacts },
	nowMs: number,
): { ok: true; page: UsablePage } | { ok: false; failure: Failure } {
	const { resource, state: rs } = watched
	const asked = toPageQuery(watched, query)
	const checked: CheckedPage = { ...page, rows: page.snapshots.map(toPageRow) }
	const known = getKnown(rs, asked, nowMs)
	// Totals that are known to be wrong do not tell lists apart.
	if (lacks(rs.abilities, 'total') && known.previous !== null) known.previous = { ...known.previous, total: page.total }
	const { kept, pinned, total } = normalizePage(asked, checked, known)
	const findings = checkPage(asked, checked, known)
	for (const finding of findings) {
		noteFinding(rs, finding, nowMs)
		const ability = toDoubtedAbility(query, finding)
		if (ability !== null && !resource.placeholders) noteDoubt(rs, ability, nowMs)
		if (finding.kind === 'same-answer') noteSameAnswer(watched, nowMs)
	}
	if (query.idsOnly === true && page.snapshots.some(({ record }) => Object.keys(record).length > MAX_ID_FIELDS))
		noteFinding(rs, WHOLE_RECORDS, nowMs)
	if (page.answer.isWholeList === true) noteDoubt(rs, 'parts', nowMs)
	if (pinned.length > 0) rs.pinned = [...new Set([...pinned, ...(rs.pinned ?? [])])].slice(0, MAX_PINNED)
	const refused = findings.find(({ weight }) => weight === 'fatal')
	endOldLimit(rs, nowMs)
	endOldTwoStates(rs, nowMs)
	if (refused !== undefined) {
		const failure = noteUnfit(watched, refused.detail, nowMs)
		if (!isUsedAnyway(watched, query, refused, nowMs)) return { ok: false, failure }
	}
	remember(rs, asked, checked, nowMs)
	const snapshots = kept.map((index) => page.snapshots[index]!)
	const misplaced = new Set(findMisplacedRows(asked, snapshots.map(toPageRow)))
	const orderedSecs = snapshots.map(({ listModifiedSec }, index) => (misplaced.has(index) ? null : listModifiedSec))
	// One that is known to be wrong says nothing when it happens to fit.
	const usable = lacks(rs.abilities, 'total') ? null : total
	return { ok: true, page: { snapshots, orderedSecs, total: usable } }
}

/**
 * A store that always answers so would never be read. Where another strategy does without what is doubted, the probe
 * decides first.
 */
function isUsedAnyway(
	{ resource, state: rs }: WatchedResource,
	query: ListQuery,
	finding: Finding,
	nowMs: number,
): boolean {
	const ability = toDoubtedAbility(query, finding)
	// No probe asks about these (doubts.ts).
	const isProbed = resource.indexed && !resource.placeholders
	return (
		!isOneAnswer(rs, nowMs) &&
		isConfirmed(rs, finding.kind, nowMs) &&
		(ability === null || !isProbed || lacks(rs.abilities, ability))
	)
}

/** Lists are asked for past the cache from then on; the probe says whether it answers everything alike. */
function noteSameAnswer({ resource, state: rs }: WatchedResource, nowMs: number): void {
	if (isOneAnswer(rs, nowMs)) return noteOneAnswer(rs, resource.objectType, nowMs)
	const message =
		`A cache answers lists of ${resource.objectType} with the answers to other questions: they are asked for with a ` +
		'parameter that changes. Exclude /wp-json/ from the cache.'
	noteCacheSign(rs, message, nowMs)
	noteRefusal(rs, nowMs)
}

/** The ability that a list seems to lack; null: the finding is not about one. */
function toDoubtedAbility(query: ListQuery, { kind, weight }: Finding): Ability | null {
	if (kind === 'no-total' || kind === 'unreadable-total') return 'total'
	// Of a part of the list, a row that stands in every page contradicts it.
	const isPart = query.modifiedAfterSec !== undefined || query.trashed === true || query.onlyId !== undefined
	if (kind === 'total-below-rows' && !isPart && query.onlyIds === undefined) return 'total'
	// Hours off are no accident, and the probe tells.
	if (kind === 'out-of-bound' && query.onlyId === undefined && query.onlyIds === undefined) return 'bound'
	if (weight !== 'fatal') return null
	if (kind === 'out-of-order') return query.order.startsWith('id') ? 'idOrder' : 'modifiedOrder'
	if (kind === 'window-lacks-rows') return 'bound'
	return kind === 'same-page' ? (query.paging === 'page' ? 'page' : 'offset') : null
}

function endOldLimit(rs: ResourceState, nowMs: number): void {
	if (rs.limits?.[UNFIT_LIMIT] === undefined) return
	const isCurrent = Object.values(rs.findings ?? {}).some(
		({ isFatal, lastMs }) => isFatal === true && nowMs - lastMs <= DAY_MS,
	)
	if (!isCurrent) endLimit(rs, UNFIT_LIMIT)
}

/** What is known not to work is not asked for in earnest. */
function toPageQuery({ resource, configured, state: { abilities } }: WatchedResource, query: ListQuery): PageQuery {
	const { modifiedFilter, idField, postsStored } = resource
	const { modifiedAfterSec: _after, modifiedBeforeSec: _before, ...unbounded } = query
	const byId = query.order.endsWith('asc') ? 'id-asc' : 'id-desc'
	const isUnsorted = query.order.startsWith('id')
		? lacks(abilities, 'idOrder')
		: configured?.modifiedFilter === true && !modifiedFilter
	const bounded = lacks(abilities, 'bound') ? unbounded : query
	return {
		...(modifiedFilter ? bounded : { ...unbounded, order: byId }),
		hasStoreIds: idField === 'id' && !isUnsorted,
		isLocalOrder: postsStored,
	}
}

function toPageRow({ id, listModifiedSec, localOffsetSec }: Snapshot): PageRow {
	const isKnown = listModifiedSec !== null && localOffsetSec !== null
	return { id, modifiedSec: listModifiedSec, localSec: isKnown ? listModifiedSec + localOffsetSec : listModifiedSec }
}

/** Two queries with the same key ask for pages of one list. */
function getListKey({ order, modifiedAfterSec, modifiedBeforeSec, trashed, exceptIds = [] }: ListQuery): string {
	return [order, modifiedAfterSec, modifiedBeforeSec, trashed, exceptIds.join()].join(' ')
}

function isPartOfList({ onlyId, onlyIds, idsOnly }: ListQuery): boolean {
	return onlyId === undefined && onlyIds === undefined && idsOnly !== true
}

function getKnown(rs: ResourceState, query: PageQuery, nowMs: number): KnownAnswers {
	const pinned = new Set(rs.pinned)
	if (!isPartOfList(query)) return { ...NOTHING_KNOWN, pinned }
	const { pages, head, newestSec } = getMemory(rs)
	const key = getListKey(query)
	const previous = pages.get(key)
	const others = [...pages].filter(([other, { atMs }]) => other !== key && nowMs - atMs <= MAX_OTHER_AGE_MS)
	return {
		listed: rs.listed,
		others: others.map(([, other]) => other),
		previous: previous !== undefined && nowMs - previous.atMs <= MAX_PAGE_AGE_MS ? previous : null,
		head:
			head !== null && nowMs - head.atMs <= MAX_HEAD_AGE_MS
				? head.rows.filter(({ id }) => query.exceptIds?.includes(id) !== true)
				: null,
		newestSec,
		pinned,
	}
}

function remember(
	rs: ResourceState,
	query: PageQuery,
	{ rows, total, storeNowMs, answer }: CheckedPage,
	nowMs: number,
): void {
	if (!isPartOfList(query)) return
	const memory = getMemory(rs)
	const key = getListKey(query)
	const before = memory.pages.get(key)
	memory.pages.delete(key)
	memory.pages.set(key, {
		query: { order: query.order, limit: query.limit },
		offset: query.offset ?? 0,
		ids: rows.map(({ id }) => id),
		total,
		length: answer.length,
		atMs: nowMs,
	})
	if (memory.pages.size > MAX_LISTS) memory.pages.delete(memory.pages.keys().next().value!)
	const { exceptIds = [] } = query
	const isHead = key === getListKey({ order: 'modified-desc', limit: 1, exceptIds }) && (query.offset ?? 0) === 0
	if (!isHead) return
	const isRecent = before !== undefined && nowMs - before.atMs <= MAX_OTHER_AGE_MS
	if (isRecent && isOlderHead({ rows, total }, { rows: memory.head?.rows ?? [], total: before.total }))
		noteTwoStates(rs, 'the newest rows are older than those of the answer before', nowMs)
	memory.head = { rows, atMs: nowMs }
	for (const { modifiedSec } of rows)
		if (modifiedSec !== null && modifiedSec <= storeNowMs / 1000)
			memory.newestSec = Math.max(memory.newestSec ?? 0, modifiedSec)
}

/** A list is not what was asked for: health says so. `detail`: the end of the sentence. */
export function noteUnfit({ resource, state: rs }: WatchedResource, detail: string, nowMs: number): Failure {
	const message = `The store's list of ${resource.objectType} is not what was asked for: ${detail}.`
	noteLimit(rs, UNFIT_LIMIT, message, nowMs)
	return {
		ok: false,
		kind: 'unfit',
		status: 200,
		code: null,
		providerMessage: null,
		retryAfterMs: null,
		message,
	}
}

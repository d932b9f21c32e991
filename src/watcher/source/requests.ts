/** Requests to the store for a watcher: counted, limited per slice, and refused if a cache answers. */
import { getStrategy, type Core, type WatchedResource } from '../core/core.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import { noteDates } from '../core/unreadable-dates.ts'
import { checkAnswer } from './checked-answers.ts'
import { endLimit, noteLimit } from '../core/resource-limits.ts'
import { noteRefusal } from './doubts.ts'
import { askForList } from './fresh-lists.ts'
import { evaluateClock } from './clock.ts'
import { noteFinding } from '../core/findings.ts'
import { DAY_MS } from '../../lib/time.ts'
import { OTHER_OBJECT_CODE } from '../../elements/store.ts'
import type { ResourceState } from '../core/resource-state.ts'
import type { Failure, ListQuery, ObjectId, Page, Snapshot, VendorRecord } from '../../elements/store.ts'

/** A slice of work ends after this many requests (the smallest plan allows 50 an invocation) or this long. */
export const MAX_SLICE_REQUESTS = 40
export const MAX_SLICE_MS = 5_000

/** The code of the failure for an answer with an old Date. */
export const OLD_DATE_CODE = 'old_date'

/** The remaining budget of a slice. */
export interface SliceBudget {
	requests: number
	untilMs: number
}

/** The limit of a store that prints text around its JSON. */
const OUTPUT_LIMIT = 'output-around-json'

/** The finding and the limit of rows that have no id, and of those that are records of another kind. */
const NO_ID = 'rows-without-id'
const OTHER_KIND = 'other-kind'
/** What a new poll reads again behind the last one, as others do, unless `pollDelay` is more, ms. */
const PLACEHOLDER_OVERLAP_MS = 120_000

/** What a failure concerns: the store, a resource, or only what one request asked for. */
export type FailureScope = 'store' | 'resource' | 'object'

/** A request that failed. `scope` is by the kind of failure, unless it is known better. */
export class StoreError extends Error {
	readonly failure: Failure
	readonly watched: WatchedResource
	readonly scope: FailureScope
	constructor(failure: Failure, watched: WatchedResource, scope?: FailureScope) {
		super(failure.message)
		this.failure = failure
		this.watched = watched
		const isRefusal = ['forbidden', 'no-route', 'rejected', 'unfit'].includes(failure.kind)
		this.scope = scope ?? (isRefusal && failure.cure?.cause !== 'no-woocommerce' ? 'resource' : 'store')
	}
}

/** Nothing was read, since a page failed: the step is done again, with what was learned from it. */
export class PageDelayed extends Error {
	constructor() {
		super('The page is read again in smaller ones')
		this.name = 'PageDelayed'
	}
}

/** A page of a list. Snapshots are in the order that was asked for; times epoch ms. */
export interface ListedPage {
	snapshots: Snapshot[]
	/** Modified dates of the snapshots; null: none, or one that does not fit the order. */
	orderedSecs: (number | null)[]
	/** Rows in the response, including those without an id. */
	rows: number
	/** What all rows are, if none is an object of the resource: `orders`. */
	otherKind: string | null
	/** A cache gave it, whatever was asked: what it lacks may have happened. */
	isStale: boolean
	total: number | null
	/** The rows that were asked for: fewer than the caller wanted where more cannot be read at once. */
	limit: number
	/** Characters of the answer. */
	length: number
	requestedAtMs: number
	storeNowMs: number
}

/** Whether the slice is used up. */
export function isBudgetSpent(core: Core, budget: SliceBudget): boolean {
	return budget.requests <= 0 || core.ports.now() >= budget.untilMs
}

/**
 * One request for a page, which is held against the query. Jobs read pages with `listPage` (pages.ts). Throws
 * StoreError, of the kind `unfit` if it is not what was asked.
 */
export async function requestPage(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage> {
	const asked: ListQuery = getStrategy(watched).paging === 'page' ? { ...query, paging: 'page' } : query
	const { response, snapshots, otherKind, isStale, requestedAtMs } = await requestList(core, watched, asked, budget)
	const checked = checkAnswer(watched, asked, { ...response, snapshots }, core.ports.now())
	if (!checked.ok) throw new StoreError(checked.failure, watched)
	noteDates(watched.state, watched.resource, checked.page.snapshots, core.ports.now())
	return {
		...checked.page,
		rows: response.records.length,
		otherKind: snapshots.length === 0 ? otherKind : null,
		limit: query.limit,
		length: response.answer.length,
		isStale,
		requestedAtMs,
		storeNowMs: response.storeNowMs,
	}
}

/** Reads a page as the store gives it, which need not be what was asked for. Throws StoreError. */
export async function getSample(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<{ snapshots: Snapshot[]; total: number | null; isWholeList: boolean }> {
	const { response, snapshots } = await requestList(core, watched, query, budget)
	return { snapshots, total: response.total, isWholeList: response.answer.isWholeList === true }
}

/**
 * The time that placeholders stand for, epoch ms: that of the last poll that read everything. The element subtracts
 * `pollDelay`. The cursor of a resource without an index stands still while nothing changes.
 */
function getPlaceholderMs({ resource, state: rs }: WatchedResource): number {
	const lastPollMs = rs.sweep?.polledMs ?? rs.cursorMs ?? rs.t0Sec * 1000
	return lastPollMs - Math.max(0, PLACEHOLDER_OVERLAP_MS - resource.pollDelaySec * 1000)
}

async function requestList(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<{
	response: Page
	snapshots: Snapshot[]
	otherKind: string | null
	isStale: boolean
	requestedAtMs: number
}> {
	const client = await core.client()
	const { resource, state: rs } = watched
	const filledResource = resource.placeholders
		? core.element.resolvePlaceholders(resource, getPlaceholderMs(watched), core.config.connection)
		: resource
	let requestedAtMs = core.ports.now()
	const { response, isStale } = await askForList(core, watched, query, (asked) => {
		countRequest(core, watched, budget)
		requestedAtMs = core.ports.now()
		return client.list(filledResource, asked)
	})
	if (!response.ok) {
		// The store may refuse what it cannot do, such as large pages.
		if (response.kind === 'rejected' && query.limit > 1) noteRefusal(rs, core.ports.now())
		throw new StoreError(response, watched)
	}
	const page = { ...response, storeNowMs: checkStoreClock(core, watched, response.storeNowMs) }
	const { around } = response.answer
	if (around === undefined) endLimit(rs, OUTPUT_LIMIT)
	else noteLimit(rs, OUTPUT_LIMIT, around, core.ports.now())
	core.answeredMs.set(watched.state.number, core.ports.now())
	const snapshots: Snapshot[] = []
	const others: VendorRecord[] = []
	for (const record of response.records) {
		const snapshot = core.element.parseRecord(watched.resource, record, getCurrentProfile(watched.state))
		if (snapshot === null) others.push(record)
		else snapshots.push(snapshot)
	}
	const otherKind = noteOtherRows(core, watched, others)
	return { response: page, snapshots, otherKind, isStale, requestedAtMs }
}

/** Says which rows are left out since they are no objects of the resource. Returns what they are; null: not known. */
function noteOtherRows(core: Core, watched: WatchedResource, rows: readonly VendorRecord[]): string | null {
	const kinds = rows.map((record) => core.element.findOtherKind(watched.resource, record))
	const now = core.ports.now()
	noteRowsWithoutId(
		watched,
		rows.filter((_, index) => kinds[index] === null),
		now,
	)
	const kind = kinds.find((name) => name !== null) ?? null
	const { resource, state: rs } = watched
	if (kind === null) endOldLimit(rs, OTHER_KIND, now)
	else {
		const count = kinds.filter((name) => name === kind).length
		noteFinding(rs, { kind: OTHER_KIND, weight: 'benign', detail: `${count} of the rows are ${kind}` }, now)
		const message = `Lists of ${resource.objectType} have rows that are ${kind}: they are left out.`
		noteLimit(rs, OTHER_KIND, message, now)
	}
	return kind
}

/** Ends the limit of a finding that was not seen for a day. */
function endOldLimit(rs: ResourceState, kind: string, nowMs: number): void {
	if (nowMs - (rs.findings?.[kind]?.lastMs ?? 0) > DAY_MS) endLimit(rs, kind)
}

/** Says which rows are left out since they have no id that an object can have. */
function noteRowsWithoutId(
	{ resource, state: rs }: WatchedResource,
	rows: readonly VendorRecord[],
	nowMs: number,
): void {
	const [first] = rows
	if (first === undefined) {
		endOldLimit(rs, NO_ID, nowMs)
		return
	}
	const id = first[resource.idField]
	const isEmpty = Object.keys(first).length === 0
	const found = isEmpty ? 'an empty row' : `${resource.idField} is ${JSON.stringify(id ?? null)?.slice(0, 40)}`
	const count = rows.length === 1 ? '1 row' : `${rows.length} rows`
	noteFinding(rs, { kind: NO_ID, weight: 'benign', detail: `${count}: ${found}` }, nowMs)
	const message =
		`Lists of ${resource.objectType} have rows that are no objects, since they have no id (${found}): ` +
		'they are left out.'
	noteLimit(rs, NO_ID, message, nowMs)
}

/** Reads one object, past caches if `fresh`. Throws StoreError. */
export async function readObject(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	budget: SliceBudget,
	fresh = false,
): Promise<{ snapshot: Snapshot | null; requestedAtMs: number; storeNowMs: number }> {
	const client = await core.client()
	countRequest(core, watched, budget)
	const requestedAtMs = core.ports.now()
	const { resource, state: rs } = watched
	const response = await client.read(resource, id, fresh)
	if (!response.ok) throw new StoreError(response, watched)
	const storeNowMs = checkStoreClock(core, watched, response.storeNowMs)
	const snapshot =
		response.found === null ? null : core.element.parseRecord(resource, response.found, getCurrentProfile(rs))
	// A record of another kind is no proof that this object is gone.
	if (response.found !== null && snapshot === null) throw new StoreError(toOtherObjectFailure(resource, id), watched)
	if (snapshot !== null) noteDates(rs, resource, [snapshot], core.ports.now())
	return { snapshot, requestedAtMs, storeNowMs }
}

function toOtherObjectFailure({ objectType }: WatchedResource['resource'], id: ObjectId): Failure {
	return {
		ok: false,
		kind: 'not-json',
		status: 200,
		code: OTHER_OBJECT_CODE,
		providerMessage: null,
		retryAfterMs: null,
		message: `The address of ${id} in ${objectType} answered with a record of another kind.`,
	}
}

/** Reads one object through the resource's list with its `where`; null: not in the list. Throws StoreError. */
export async function readObjectFromList(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	budget: SliceBudget,
): ReturnType<typeof readObject> {
	const page = await requestPage(core, watched, { order: 'id-asc', onlyId: id, limit: 1 }, budget)
	return {
		snapshot: page.snapshots.find((snapshot) => snapshot.id === id) ?? null,
		requestedAtMs: page.requestedAtMs,
		storeNowMs: page.storeNowMs,
	}
}

function countRequest(core: Core, watched: WatchedResource, budget: SliceBudget): void {
	budget.requests--
	watched.state.requests++
	core.state.counters.requests++
	if (core.state.run !== null) core.state.run.requests++
}

/** The time of an answer by the store's clock. Throws StoreError if a cache seems to give it. */
function checkStoreClock(core: Core, watched: WatchedResource, storeNowMs: number): number {
	const clock = evaluateClock(core.state.skewMs, core.state.clockDoubt, storeNowMs, core.ports.now())
	if (core.state.skewMs !== null && clock.skewMs < core.state.skewMs)
		moveCursorsBack(core, core.state.skewMs - clock.skewMs)
	core.state.skewMs = clock.skewMs
	core.state.clockDoubt = clock.pendingSkew
	if (!clock.stale) return clock.isOther ? core.ports.now() + clock.skewMs : storeNowMs
	const date = new Date(storeNowMs).toISOString()
	throw new StoreError(
		{
			ok: false,
			kind: 'not-json',
			status: 200,
			code: OLD_DATE_CODE,
			providerMessage: null,
			retryAfterMs: null,
			message: `The store's answer seems to come from a cache: its Date header says ${date}.`,
		},
		watched,
	)
}

/**
 * The store's clock was set back: cursors move with it, because one in the store's future would hide changes until
 * then.
 */
function moveCursorsBack(core: Core, byMs: number): void {
	for (const rs of core.state.resources) {
		if (rs.cursorMs !== null) rs.cursorMs -= byMs
		if (rs.agreedMs !== null) rs.agreedMs -= byMs
		if (rs.seenMs != null) rs.seenMs -= byMs
		if (rs.sweep?.polledMs !== undefined) rs.sweep = { ...rs.sweep, polledMs: rs.sweep.polledMs - byMs }
		if (rs.window !== null)
			rs.window = {
				...rs.window,
				startedMs: rs.window.startedMs - byMs,
				afterSec: rs.window.afterSec - Math.ceil(byMs / 1000),
				second: null,
			}
	}
}

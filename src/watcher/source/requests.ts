/** Requests to the store for a watcher: counted, limited per slice, and refused if a cache answers. */
import type { Core, WatchedResource } from '../core/core.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import { noteDates } from '../core/unreadable-dates.ts'
import { checkAnswer } from './checked-answers.ts'
import { endLimit, noteLimit } from '../core/resource-limits.ts'
import { evaluateClock } from './clock.ts'
import type { Failure, ListQuery, ObjectId, Snapshot } from '../../elements/store.ts'

/** A slice of work ends after this many requests (the smallest plan allows 50 an invocation) or this long. */
export const MAX_SLICE_REQUESTS = 40
export const MAX_SLICE_MS = 5_000

/** The remaining budget of a slice. */
export interface SliceBudget {
	requests: number
	untilMs: number
}

/** The limit of a store that prints text around its JSON. */
const OUTPUT_LIMIT = 'output-around-json'

/** A request that failed. `scope` says whether the store or only this resource is affected. */
export class StoreError extends Error {
	readonly failure: Failure
	readonly watched: WatchedResource
	readonly scope: 'store' | 'resource'
	constructor(failure: Failure, watched: WatchedResource) {
		super(failure.message)
		this.failure = failure
		this.watched = watched
		const isRefusal = ['forbidden', 'no-route', 'rejected', 'unfit'].includes(failure.kind)
		this.scope = isRefusal && failure.cure?.cause !== 'no-woocommerce' ? 'resource' : 'store'
	}
}

/** A page of a list. Snapshots are in the order that was asked for; times epoch ms. */
export interface ListedPage {
	snapshots: Snapshot[]
	/** Modified dates of the snapshots; null: none, or one that does not fit the order. */
	orderedSecs: (number | null)[]
	/** Rows in the response, including those without an id. */
	rows: number
	total: number | null
	requestedAtMs: number
	storeNowMs: number
}

/** Whether the slice is used up. */
export function isBudgetSpent(core: Core, budget: SliceBudget): boolean {
	return budget.requests <= 0 || core.ports.now() >= budget.untilMs
}

/** Reads a page and holds it against the query. Throws StoreError, of the kind `unfit` if it is not what was asked. */
export async function listPage(
	core: Core,
	watched: WatchedResource,
	query: ListQuery,
	budget: SliceBudget,
): Promise<ListedPage> {
	const client = await core.client()
	countRequest(core, watched, budget)
	const requestedAtMs = core.ports.now()
	const { resource, state: rs } = watched
	const filledResource = resource.placeholders
		? core.element.resolvePlaceholders(resource, rs.cursorMs ?? rs.t0Sec * 1000, core.config.connection)
		: resource
	const response = await client.list(filledResource, query)
	if (!response.ok) throw new StoreError(response, watched)
	checkStoreClock(core, watched, response.storeNowMs)
	const { around } = response.answer
	if (around === undefined) endLimit(rs, OUTPUT_LIMIT)
	else noteLimit(rs, OUTPUT_LIMIT, around, core.ports.now())
	const snapshots: Snapshot[] = []
	for (const record of response.records) {
		const snapshot = core.element.parseRecord(watched.resource, record, getCurrentProfile(watched.state))
		if (snapshot !== null) snapshots.push(snapshot)
	}
	const checked = checkAnswer(watched, query, { ...response, snapshots }, core.ports.now())
	if (!checked.ok) throw new StoreError(checked.failure, watched)
	noteDates(rs, resource, checked.page.snapshots, core.ports.now())
	return {
		...checked.page,
		rows: response.records.length,
		requestedAtMs,
		storeNowMs: response.storeNowMs,
	}
}

/** Reads one object. Throws StoreError. */
export async function readObject(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	budget: SliceBudget,
): Promise<{ snapshot: Snapshot | null; requestedAtMs: number; storeNowMs: number }> {
	const client = await core.client()
	countRequest(core, watched, budget)
	const requestedAtMs = core.ports.now()
	const { resource, state: rs } = watched
	const response = await client.read(resource, id)
	if (!response.ok) throw new StoreError(response, watched)
	checkStoreClock(core, watched, response.storeNowMs)
	const snapshot =
		response.found === null ? null : core.element.parseRecord(resource, response.found, getCurrentProfile(rs))
	if (snapshot !== null) noteDates(rs, resource, [snapshot], core.ports.now())
	return { snapshot, requestedAtMs, storeNowMs: response.storeNowMs }
}

/** Reads one object through the resource's list with its `where`; null: not in the list. Throws StoreError. */
export async function readObjectFromList(
	core: Core,
	watched: WatchedResource,
	id: ObjectId,
	budget: SliceBudget,
): ReturnType<typeof readObject> {
	const page = await listPage(core, watched, { order: 'id-asc', onlyId: id, limit: 1 }, budget)
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

function checkStoreClock(core: Core, watched: WatchedResource, storeNowMs: number): void {
	const clock = evaluateClock(core.state.skewMs, core.state.clockDoubt, storeNowMs, core.ports.now())
	if (core.state.skewMs !== null && clock.skewMs < core.state.skewMs)
		moveCursorsBack(core, core.state.skewMs - clock.skewMs)
	core.state.skewMs = clock.skewMs
	core.state.clockDoubt = clock.pendingSkew
	if (!clock.stale) return
	const date = new Date(storeNowMs).toISOString()
	throw new StoreError(
		{
			ok: false,
			kind: 'not-json',
			status: 200,
			code: null,
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
		if (rs.window !== null)
			rs.window = {
				...rs.window,
				startedMs: rs.window.startedMs - byMs,
				afterSec: rs.window.afterSec - Math.ceil(byMs / 1000),
				second: null,
			}
	}
}

/** Requests to the store on behalf of a watcher: counted, bounded by the slice, and refused when the answer cannot be believed. */
import type { Core, Watched } from '../core/core.ts'
import { judgeClock } from './clock.ts'
import type { Failure, ListQuery, ObjectId, Sighting } from '../../elements/store.ts'

/** A slice of work ends after so many requests (the platform's smallest plan allows 50 an invocation) or so long. */
export const SLICE_REQUESTS = 40
export const SLICE_MS = 5_000

/** What is left of a slice. */
export interface Budget {
	requests: number
	untilMs: number
}

/** An answer that brings nothing: `scope` says whether the store or only this resource is in trouble. */
export class StoreTrouble extends Error {
	readonly failure: Failure
	readonly watched: Watched
	readonly scope: 'store' | 'resource'
	constructor(failure: Failure, watched: Watched) {
		super(failure.message)
		this.failure = failure
		this.watched = watched
		this.scope = failure.kind === 'forbidden' || failure.kind === 'no-route' || failure.kind === 'rejected' ? 'resource' : 'store'
	}
}

/** A list as the jobs use it. Sightings in the order of the answer. */
export interface Listed {
	sightings: Sighting[]
	/** Rows in the answer, those without an id included. */
	rows: number
	total: number | null
	askedAtMs: number
	storeNowMs: number
}

/** Whether the slice is used up. */
export function spent(core: Core, budget: Budget): boolean {
	return budget.requests <= 0 || core.ports.now() >= budget.untilMs
}

/** Reads a page. Throws StoreTrouble. */
export async function list(core: Core, watched: Watched, query: ListQuery, budget: Budget): Promise<Listed> {
	const client = await core.client()
	count(core, watched, budget)
	const askedAtMs = core.ports.now()
	const { resource, state: rs } = watched
	const filled = resource.placeholders ? core.element.fill(resource, rs.cursorMs ?? rs.t0Sec * 1000, core.config.connection) : resource
	const answer = await client.list(filled, query)
	if (!answer.ok) throw new StoreTrouble(answer, watched)
	believeClock(core, watched, answer.storeNowMs)
	const sightings: Sighting[] = []
	for (const record of answer.records) {
		const sighting = core.element.sight(watched.resource, record, watched.state.volatile)
		if (sighting !== null) sightings.push(sighting)
	}
	return { sightings, rows: answer.records.length, total: answer.total, askedAtMs, storeNowMs: answer.storeNowMs }
}

/** Reads one object. Throws StoreTrouble. */
export async function read(
	core: Core,
	watched: Watched,
	id: ObjectId,
	budget: Budget,
): Promise<{ sighting: Sighting | null; askedAtMs: number; storeNowMs: number }> {
	const client = await core.client()
	count(core, watched, budget)
	const askedAtMs = core.ports.now()
	const answer = await client.read(watched.resource, id)
	if (!answer.ok) throw new StoreTrouble(answer, watched)
	believeClock(core, watched, answer.storeNowMs)
	const sighting = answer.found === null ? null : core.element.sight(watched.resource, answer.found, watched.state.volatile)
	return { sighting, askedAtMs, storeNowMs: answer.storeNowMs }
}

/** Reads one object through the resource's own list, as its `where` restricts it; null: the list does not show it. Throws StoreTrouble. */
export async function readInList(core: Core, watched: Watched, id: ObjectId, budget: Budget): ReturnType<typeof read> {
	const page = await list(core, watched, { order: 'id-asc', only: id, limit: 1 }, budget)
	return { sighting: page.sightings.find((one) => one.id === id) ?? null, askedAtMs: page.askedAtMs, storeNowMs: page.storeNowMs }
}

function count(core: Core, watched: Watched, budget: Budget): void {
	budget.requests--
	watched.state.requests++
	core.state.counters.requests++
	if (core.state.run !== null) core.state.run.requests++
}

function believeClock(core: Core, watched: Watched, storeNowMs: number): void {
	const verdict = judgeClock(core.state.skewMs, core.state.clockDoubt, storeNowMs, core.ports.now())
	if (core.state.skewMs !== null && verdict.skewMs < core.state.skewMs) setBack(core, core.state.skewMs - verdict.skewMs)
	core.state.skewMs = verdict.skewMs
	core.state.clockDoubt = verdict.doubt
	if (!verdict.stale) return
	throw new StoreTrouble(
		{
			ok: false,
			kind: 'not-json',
			status: 200,
			code: null,
			providerMessage: null,
			retryAfterMs: null,
			message: `The store answered with an old date, as a cache does: ${new Date(storeNowMs).toISOString()}.`,
		},
		watched,
	)
}

/** The store's clock was set back: what was noted by it is set back too, since a cursor in its future would hide all changes until then. */
function setBack(core: Core, byMs: number): void {
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

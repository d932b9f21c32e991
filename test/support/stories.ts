/** What the stories share: a world that has learned its store, what it told since, and what must be true in the end. */
import { expect } from 'vitest'
import type { ResourceState } from '../../src/watcher/core/resource-state.ts'
import { judge, COLLECTION_BY_LABEL, type Judgement } from './oracle.ts'
import { COLLECTIONS, World, type WorldOptions } from './world.ts'
import type { PollerResource } from '../../src/elements/form.ts'
import type { Faults } from '../store/types.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/**
 * A world whose baseline is complete and whose polls have come to rest. `faults`: what the store does from the connection on.
 */
export async function worldAfterBaseline(options: WorldOptions = {}, faults?: Faults): Promise<World> {
	const world = await World.create(options)
	if (faults !== undefined) world.store.setFaults(faults)
	await world.advance(3 * MINUTE_MS)
	for (
		let guard = 0;
		guard < 60 && !world.engine.getCore()!.state.resources.every((rs) => rs.baseline === null);
		guard++
	)
		await world.advance(MINUTE_MS)
	return world
}

/** Polls now, and waits until what was found is delivered. */
export async function poll(world: World): Promise<void> {
	const core = world.engine.getCore()!
	core.state.nextPollMs = world.nowMs
	world.engine.updateAlarm(core)
	await world.advance(3_000)
}

/** Renames a product, polls, and waits until the change is delivered. */
export async function edit(world: World, id: number, name: string): Promise<void> {
	world.store.act({ do: 'edit', resource: 'products', id, set: { name } })
	await poll(world)
}

/** What arrived, from the n-th arrival on: `CREATED orders 12`. */
export function arrivalsSince(world: World, from = 0): string[] {
	return world.arrivals.slice(from).map((arrival) => `${arrival.eventType} ${arrival.objectType} ${arrival.objectId}`)
}

/** State of a resource by its label. */
export function getResourceState(world: World, label: string): ResourceState {
	const found = world.engine.getCore()!.state.resources.find((rs) => rs.objectType === label)
	if (found === undefined) throw new Error(`${label} is not watched`)
	return found
}

/** The judgement, whatever labels the instance has for the four resources. */
export function judgeWorld(world: World, labels: Readonly<Record<string, string>> = COLLECTION_BY_LABEL): Judgement {
	const start = world.initialObjects.filter((object) => object.resource !== 'variations')
	return judge({
		journal: world.store.journal(),
		start,
		startNumber: world.initialJournalNumber,
		final: world.objects().filter((object) => object.resource !== 'variations'),
		t0Ms: world.t0Ms,
		baselineEndMs: world.baselineEndMs,
		arrivals: world.arrivals,
		polls: world.polls,
		resources: labels,
	})
}

/** Waits until it is quiet; then nothing may be missed, doubled, invented, renamed or out of order. */
export async function expectCleanJudgement(
	world: World,
	labels: Readonly<Record<string, string>> = COLLECTION_BY_LABEL,
): Promise<void> {
	await world.runUntilQuiet()
	const { missed, duplicates, invented, renamed, disordered, details } = judgeWorld(world, labels)
	expect({ missed, duplicates, invented, renamed, disordered }, JSON.stringify(details.slice(0, 5))).toEqual({
		missed: 0,
		duplicates: 0,
		invented: 0,
		renamed: 0,
		disordered: 0,
	})
}

/** Poller configuration of some of the default resources. */
export function pollerResources(...labels: string[]): Record<string, PollerResource> {
	return Object.fromEntries(
		labels.map((label) => [label, { url: `/hubs/ecommerce/${label}`, idField: 'id', datesConfiguration: {} }]),
	)
}

/** A call to the store's API as its owner makes it. */
export async function callStoreApi(
	world: World,
	method: string,
	path: string,
	body?: unknown,
): Promise<Record<string, unknown>> {
	const client = await world.ports().client(world.config)
	const answer = await client.call(
		method,
		path,
		method === 'DELETE' ? { force: 'true' } : {},
		body === undefined ? undefined : JSON.stringify(body),
	)
	if (!answer.ok) throw new Error(answer.message)
	return answer.body as Record<string, unknown>
}

/** From now on every record that the store shows passes through this. Null leaves it out of lists. */
export function rewriteRecords(
	world: World,
	change: (record: Record<string, unknown>, path: string) => Record<string, unknown> | null,
): void {
	const fetch = world.store.fetch.bind(world.store)
	world.store.fetch = async (request) => {
		const response = await fetch(request)
		const path = new URL(request.url).pathname
		if (
			!path.includes('/wc/v3/') ||
			request.method !== 'GET' ||
			!response.headers.get('content-type')?.includes('json')
		)
			return response
		const body = await response.json<unknown>()
		const isRecord = (value: unknown): value is Record<string, unknown> =>
			typeof value === 'object' && value !== null && 'id' in value
		const changed = Array.isArray(body)
			? body.map((record) => (isRecord(record) ? change(record, path) : record)).filter((record) => record !== null)
			: isRecord(body)
				? (change(body, path) ?? body)
				: body
		return Response.json(changed, { status: response.status, headers: response.headers })
	}
}

/** Ids of live objects of a collection, ascending. */
export function liveIds(world: World, label: string): number[] {
	return [...world.store.statuses(COLLECTIONS[label]!)].filter(([, status]) => status !== 'trash').map(([id]) => id)
}

/** The live object of a collection whose stamp is oldest: the newest ten of a poll do not show it. */
export function oldestId(world: World, label: string): number {
	const live = [...world.store.state(COLLECTIONS[label]!).values()].filter((record) => record['status'] !== 'trash')
	if (live.length <= 10) throw new Error(`all ${label} are among the newest ten`)
	return Number(
		live.sort((a, b) => String(a['date_modified_gmt']).localeCompare(String(b['date_modified_gmt'])))[0]!['id'],
	)
}

/** Reads everything again, within so many ms. */
export async function reread(world: World, withinMs = 4 * MINUTE_MS): Promise<void> {
	const core = world.engine.getCore()!
	core.commit(() => {
		for (const rs of core.state.resources) rs.rereadAsked = true
	})
	world.engine.updateAlarm(core)
	await world.advance(withinMs)
}

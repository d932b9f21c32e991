/**
 * A shop whose products change while its store answers otherwise than asked. Each story is told twice, with the deviation and without, and
 * both times all changes must arrive, once; what differs is how long that may take, and what health says.
 */
import { expect } from 'vitest'
import { buildHealth } from '../../src/watcher/queries/reports.ts'
import type { InstanceState, ResourceLimit } from '../../src/rpc/watcher.ts'
import type { Fault, SimulatedStore } from '../store/store.ts'
import { arrivalsSince, HOUR_MS, liveIds, MINUTE_MS, pollerResources } from './stories.ts'
import { World, type WorldOptions } from './world.ts'

/** What a story may ask of its store in all. */
const MAX_REQUESTS = 5_000

/** What a store does, and what must come of it. */
export interface DeviantStory {
	/** From before the connection on; `ids`: the products, ascending. */
	faults: (ids: number[], store: SimulatedStore) => Fault[]
	/** 120 unless told otherwise. */
	products?: number
	/** So many products, spread over all, are edited at once; 25 unless told otherwise. */
	edits?: number
	options?: WorldOptions
	/** By then everything has arrived. */
	withinMs: number
	/** What the limits of the products say; null: there is none. */
	limit: RegExp | null
	/** Requests of an hour in which nothing happens, at most so many more than a healthy store gets. */
	moreRequests?: number
}

/** What a story came to. */
export interface DeviantOutcome {
	world: World
	arrived: string[]
	expected: string[]
	limits: ResourceLimit[]
	state: InstanceState
	idleRequests: number
}

/** Limits of a resource as health has them. */
export function getLimits(world: World, resource = 'products'): ResourceLimit[] {
	return buildHealth(world.engine.getCore()!).resources.find((reported) => reported.resource === resource)?.limits ?? []
}

/** A world of products alone whose store deviates; its baseline is complete, and what was found in it is confirmed. */
export async function deviantWorld(
	{ faults, products = 120, options = {} }: Pick<DeviantStory, 'faults' | 'products' | 'options'>,
	deviates = true,
): Promise<World> {
	const world = await World.create({
		resources: pollerResources('products'),
		watchesDefaults: true,
		pollIntervalMs: 5 * MINUTE_MS,
		...options,
		store: { objects: { orders: 0, products, coupons: 0, customers: 0 }, ...options.store },
		...(deviates && {
			prepare: (store) =>
				store.setFaults(
					faults([...store.state('products').keys()], store).map((fault) => ({ match: '/products', ...fault })),
				),
		}),
	})
	// A story whose requests have no bound would never end.
	world.meanwhile = () => {
		if (world.store.requests > MAX_REQUESTS) throw new Error(`more than ${MAX_REQUESTS} requests`)
	}
	const isLearning = (): boolean => world.engine.getCore()!.state.resources.some((rs) => rs.baseline !== null)
	await world.advance(3 * MINUTE_MS)
	for (let guard = 0; guard < 180 && isLearning(); guard++) await world.advance(MINUTE_MS)
	await world.advance(HOUR_MS)
	return world
}

/** Edits, creates, trashes and deletes products. Returns the events that must come of it. */
export function changeProducts(world: World, edits = 25): string[] {
	const ids = liveIds(world, 'products')
	const edited = Array.from({ length: edits }, (_, index) => ids[Math.floor((index * (ids.length - 1)) / (edits - 1))]!)
	for (const id of edited)
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: `Edited ${world.nowMs}` } })
	const [trashed, deleted] = ids.filter((id) => !edited.includes(id)).slice(Math.floor(edits / 4))
	const [created] = world.store.act({ do: 'create', resource: 'products' })
	world.store.act({ do: 'trash', resource: 'products', id: trashed! })
	world.store.act({ do: 'delete', resource: 'products', id: deleted! })
	return [
		...edited.map((id) => `UPDATED products ${id}`),
		`CREATED products ${created!.id}`,
		`DELETED products ${trashed!}`,
		`DELETED products ${deleted!}`,
	]
}

/** Tells a story, with its deviation or without. */
export async function tellDeviantStory(story: DeviantStory, deviates: boolean): Promise<DeviantOutcome> {
	const world = await deviantWorld(story, deviates)
	const expected = changeProducts(world, story.edits)
	await world.advance(story.withinMs)
	const arrived = arrivalsSince(world)
	const { requests } = world.store
	await world.advance(HOUR_MS)
	return {
		world,
		expected: expected.toSorted(),
		arrived: arrived.toSorted(),
		limits: getLimits(world),
		state: buildHealth(world.engine.getCore()!).state,
		idleRequests: world.store.requests - requests,
	}
}

/** Requests of the idle hour at a healthy store, by the story without its deviation; told once, since many share it. */
const controls = new Map<string, Promise<{ idleRequests: number }>>()

function expectControl(story: DeviantStory): Promise<{ idleRequests: number }> {
	const key = JSON.stringify([story.products, story.edits, story.options])
	const told = controls.get(key) ?? tellControl(story)
	controls.set(key, told)
	return told
}

async function tellControl(story: DeviantStory): Promise<{ idleRequests: number }> {
	const { arrived, expected, limits, state, idleRequests } = await tellDeviantStory(
		{ ...story, withinMs: 15 * MINUTE_MS },
		false,
	)
	expect(arrived, 'without the deviation').toEqual(expected)
	expect([limits, state], 'without the deviation').toEqual([[], 'healthy'])
	return { idleRequests }
}

/** Tells a story both ways; each change arrives once, and nothing else. */
export async function expectDeviantStory(story: DeviantStory): Promise<DeviantOutcome> {
	const { idleRequests } = await expectControl(story)
	const told = await tellDeviantStory(story, true)
	expect(told.arrived).toEqual(told.expected)
	expect(arrivalsSince(told.world).length).toBe(told.arrived.length)
	const said = told.limits.map(({ message }) => message).join(' ')
	if (story.limit === null) expect(told.limits).toEqual([])
	else expect(said).toMatch(story.limit)
	expect(told.state).toBe('healthy')
	expect(told.idleRequests - idleRequests).toBeLessThanOrEqual(story.moreRequests ?? 60)
	return told
}

/** A whole Shopbell in plain Node at a size, its baseline complete: what it asks of the store is counted by resource and kind of request. */
import { COLLECTIONS, World, type WorldOptions } from '../support/world.ts'
import type { SimulatedStore } from '../store/store.ts'

/** The four resources that are watched unless told otherwise, by label. */
export const LABELS = ['orders', 'products', 'discounts', 'customers'] as const
/** One of them. */
export type Label = (typeof LABELS)[number]

/** The collection of the store behind a label. */
export function collectionOf(label: Label): 'orders' | 'products' | 'coupons' | 'customers' {
	return COLLECTIONS[label] as 'orders' | 'products' | 'coupons' | 'customers'
}

/**
 * What a request to the store is for: the idle request, a page of a window of changes, of the trash, of the whole collection by id, of its
 * newest objects, or one object.
 */
export type Kind = 'head' | 'window' | 'trash' | 'scan' | 'recent' | 'object' | 'other'

/** A request as it was counted. */
export interface Asked {
	label: Label | null
	kind: Kind
}

/** What a path and query asks for. */
export function whatIsAsked(path: string): Asked {
	const url = new URL(path, 'http://shop.example')
	const found = /\/wc\/v\d\/(\w+)(\/\d+)?$/.exec(url.pathname)
	const label = LABELS.find((one) => collectionOf(one) === found?.[1]) ?? null
	if (label === null || found === null) return { label: null, kind: 'other' }
	if (found[2] !== undefined) return { label, kind: 'object' }
	const query = url.searchParams
	if (query.get('status') === 'trash') return { label, kind: 'trash' }
	if (query.has('modified_after')) return { label, kind: 'window' }
	const order = `${query.get('orderby')} ${query.get('order')}`
	if (order === 'modified desc') return { label, kind: 'head' }
	if (order === 'id desc') return { label, kind: Number(query.get('per_page')) <= 10 ? 'head' : 'recent' }
	return { label, kind: order === 'id asc' ? 'scan' : 'other' }
}

/** Counts of requests, by label and kind. */
export class Tally {
	readonly asked: Asked[] = []

	/** How many were asked of a resource; of some kinds only when named. */
	count(label: Label, ...kinds: Kind[]): number {
		return this.asked.filter((one) => one.label === label && (kinds.length === 0 || kinds.includes(one.kind))).length
	}

	/** Begins anew. */
	clear(): void {
		this.asked.length = 0
	}
}

/** Counts what a store is asked from now on. */
export function tallyOf(store: SimulatedStore): Tally {
	const tally = new Tally()
	const answer = store.fetch.bind(store)
	store.fetch = async (request) => {
		const url = new URL(request.url)
		tally.asked.push(whatIsAsked(url.pathname + url.search))
		return await answer(request)
	}
	return tally
}

/** A Shopbell of a size, with what it asked. */
export interface Store {
	world: World
	tally: Tally
	/** What the baseline asked. */
	baseline: Asked[]
}

/** Pages of the running pass that a poll may read, where nothing else is configured. */
export const SCAN_BUDGET = 10

/** Minutes between polls where nothing else is configured. */
export const INTERVAL_MS = 15 * 60_000

/** Makes a Shopbell, its baseline not begun. */
export async function openStore(n: number, options: WorldOptions = {}): Promise<Store> {
	const world = await World.create({ pollIntervalMs: INTERVAL_MS, ...options, store: { objects: n, ...options.store } })
	return { world, tally: tallyOf(world.store), baseline: [] }
}

/** Lets the baseline end. `each` is called at every step and may end it by answering false. */
export async function learn(store: Store, each: () => boolean = () => true): Promise<void> {
	const { world } = store
	// A slice of work sets the alarm at once; a longer pause means that nothing is left to do.
	for (let steps = 0; steps < 1_000_000 && !learned(store); steps++) {
		if (!each()) return
		world.nowMs = Math.max(world.nowMs, world.alarmMs ?? world.nowMs)
		await world.alarm()
	}
}

/** Whether every resource's baseline is complete. */
export function learned({ world }: Store): boolean {
	const { resources } = world.engine.core()!.state
	return resources.length > 0 && resources.every((one) => one.baseline === null)
}

/** Lets one poll happen and everything that follows from it within a minute. The store's requests of it are in the tally. */
export async function pollOnce({ world, tally }: Store): Promise<void> {
	const at = world.engine.core()!.state.nextPollMs ?? world.nowMs
	// What is due before the poll (re-reads of the newest, say) is not its own.
	await world.advance(Math.max(0, at - 1 - world.nowMs))
	tally.clear()
	await world.advance(60_000)
}

/** Polls until one has just read the hourly window of a resource, so that the next one need not. */
export async function afterWindow(store: Store, label: Label): Promise<void> {
	const postsStored = label === 'products' || label === 'discounts'
	for (let polls = 0; polls < 10; polls++) {
		await pollOnce(store)
		if (!postsStored || store.tally.count(label, 'window') > 0) return
	}
	throw new Error(`no window of ${label} was read within ten polls`)
}

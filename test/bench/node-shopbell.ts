/** A whole Shopbell in plain Node at a size, its baseline complete: what it asks of the store is counted by resource and kind of request. */
import { COLLECTIONS, World, type WorldOptions } from '../support/world.ts'
import type { SimulatedStore } from '../store/store.ts'

/** The four resources that are watched by default, by label. */
export const LABELS = ['orders', 'products', 'discounts', 'customers'] as const
/** One of them. */
export type ResourceLabel = (typeof LABELS)[number]

/** The collection of the store behind a label. */
export function collectionFor(label: ResourceLabel): 'orders' | 'products' | 'coupons' | 'customers' {
	return COLLECTIONS[label] as 'orders' | 'products' | 'coupons' | 'customers'
}

/**
 * What a request to the store is for: the idle request, a page of a window of changes, of the trash, of the whole collection by id, of its
 * newest objects, or one object.
 */
export type RequestKind = 'head' | 'window' | 'trash' | 'scan' | 'recent' | 'object' | 'other'

/** A request as it was counted. */
export interface CountedRequest {
	label: ResourceLabel | null
	kind: RequestKind
}

/** What a path and query asks for. */
export function classifyRequest(path: string): CountedRequest {
	const url = new URL(path, 'http://shop.example')
	const match = /\/wc\/v\d\/(\w+)(\/\d+)?$/.exec(url.pathname)
	const label = LABELS.find((candidate) => collectionFor(candidate) === match?.[1]) ?? null
	if (label === null || match === null) return { label: null, kind: 'other' }
	if (match[2] !== undefined) return { label, kind: 'object' }
	const query = url.searchParams
	if (query.get('status') === 'trash') return { label, kind: 'trash' }
	if (query.has('modified_after')) return { label, kind: 'window' }
	const order = `${query.get('orderby')} ${query.get('order')}`
	if (order === 'modified desc') return { label, kind: 'head' }
	if (order === 'id desc') return { label, kind: Number(query.get('per_page')) <= 10 ? 'head' : 'recent' }
	return { label, kind: order === 'id asc' ? 'scan' : 'other' }
}

/** Counts of requests, by label and kind. */
export class RequestTally {
	readonly requests: CountedRequest[] = []

	/** How many were asked of a resource; of some kinds only when named. */
	count(label: ResourceLabel, ...kinds: RequestKind[]): number {
		return this.requests.filter(
			(request) => request.label === label && (kinds.length === 0 || kinds.includes(request.kind)),
		).length
	}

	/** Begins anew. */
	clear(): void {
		this.requests.length = 0
	}
}

/** Counts what a store is asked from now on. */
export function tallyRequests(store: SimulatedStore): RequestTally {
	const tally = new RequestTally()
	const answer = store.fetch.bind(store)
	store.fetch = async (request) => {
		const url = new URL(request.url)
		tally.requests.push(classifyRequest(url.pathname + url.search))
		return await answer(request)
	}
	return tally
}

/** A Shopbell of a size, with what it asked. */
export interface NodeShopbell {
	world: World
	tally: RequestTally
	/** What the baseline asked. */
	baseline: CountedRequest[]
}

/** Pages of the running pass that a poll may read, where nothing else is configured. */
export const SCAN_BUDGET = 10

/** Minutes between polls where nothing else is configured. */
export const POLL_INTERVAL_MS = 15 * 60_000

/** Makes a Shopbell, its baseline not begun. */
export async function createNodeShopbell(n: number, options: WorldOptions = {}): Promise<NodeShopbell> {
	const world = await World.create({
		pollIntervalMs: POLL_INTERVAL_MS,
		...options,
		store: { objects: n, ...options.store },
	})
	return { world, tally: tallyRequests(world.store), baseline: [] }
}

/** Lets the baseline end. `each` is called at every step and may end it by answering false. */
export async function completeBaseline(
	shopbell: NodeShopbell,
	shouldContinue: () => boolean = () => true,
): Promise<void> {
	const { world } = shopbell
	// A slice of work sets the alarm at once; a longer pause means that nothing is left to do.
	for (let steps = 0; steps < 1_000_000 && !isBaselineComplete(shopbell); steps++) {
		if (!shouldContinue()) return
		world.nowMs = Math.max(world.nowMs, world.alarmMs ?? world.nowMs)
		await world.alarm()
	}
}

/** Whether every resource's baseline is complete. */
export function isBaselineComplete({ world }: NodeShopbell): boolean {
	const { resources } = world.engine.getCore()!.state
	return resources.length > 0 && resources.every((resource) => resource.baseline === null)
}

/** Lets one poll happen and everything that follows from it within a minute. The store's requests of it are in the tally. */
export async function pollOnce({ world, tally }: NodeShopbell): Promise<void> {
	const at = world.engine.getCore()!.state.nextPollMs ?? world.nowMs
	// What is due before the poll (re-reads of the newest, say) is not its own.
	await world.advance(Math.max(0, at - 1 - world.nowMs))
	tally.clear()
	await world.advance(60_000)
}

/** Polls until one has just read the hourly window of a resource, so that the next one need not. */
export async function pollPastWindow(shopbell: NodeShopbell, label: ResourceLabel): Promise<void> {
	const postsStored = label === 'products' || label === 'discounts'
	for (let polls = 0; polls < 10; polls++) {
		await pollOnce(shopbell)
		if (!postsStored || shopbell.tally.count(label, 'window') > 0) return
	}
	throw new Error(`no window of ${label} was read within ten polls`)
}

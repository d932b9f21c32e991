/** The store of a run: it changes at the pace of the kills, and can hold the answer to a page of a scan. */
import { ifItFits } from '../store/engine.ts'
import { Random } from '../store/random.ts'
import { serve, type Served } from '../store/serve.ts'
import {
	createStore,
	type Action,
	type JournalEntry,
	type Resource,
	type SimulatedStore,
	type StoreOptions,
} from '../store/store.ts'
import { WATCHED_COLLECTIONS } from '../demo/stage.ts'
import type { Halted } from './halt-control.ts'
import { INSTANCE_HEADER } from './kill-points.ts'

/** What happens in the shop, and how often. Few edits go without a stamp and few objects for good: more would trigger the mass-deletion guard. */
const WEIGHTED_ACTIONS: readonly (readonly [number, Action])[] = [
	[8, { do: 'place-order' }],
	[4, { do: 'pay' }],
	[4, { do: 'complete' }],
	[14, { do: 'edit', resource: 'orders' }],
	[16, { do: 'edit', resource: 'products' }],
	[6, { do: 'edit', resource: 'coupons' }],
	[10, { do: 'edit', resource: 'customers' }],
	[3, { do: 'create', resource: 'orders' }],
	[3, { do: 'create', resource: 'products' }],
	[4, { do: 'create', resource: 'coupons' }],
	[4, { do: 'create', resource: 'customers' }],
	[1, { do: 'back-date', resource: 'orders' }],
	[2, { do: 'trash', resource: 'orders' }],
	[2, { do: 'trash', resource: 'products' }],
	[2, { do: 'trash', resource: 'coupons' }],
	[1, { do: 'restore', resource: 'orders' }],
	[1, { do: 'restore', resource: 'products' }],
	[1, { do: 'delete', resource: 'orders' }],
	[1, { do: 'delete', resource: 'customers' }],
	[1, { do: 'edit-silently', resource: 'products' }],
	[1, { do: 'edit-silently', resource: 'coupons' }],
	[1, { do: 'edit-silently', resource: 'customers' }],
	[2, { do: 'save-unchanged', resource: 'products' }],
	[1, { do: 'burst', resource: 'products', count: 15 }],
	[1, { do: 'burst', resource: 'orders', count: 15 }],
]

/** How much of what happens happens to the same few objects: their next change comes while the one before is still tried. */
const HOT_OBJECT_SHARE = 0.15

/** Ms between actions, and between those that go on when enough has changed for now. */
const ACTION_INTERVAL_MS = 50
const IDLE_INTERVAL_MS = 400

/** A page of a whole collection, in ascending order: of a baseline or of a re-read. */
const SCAN_PAGE_URL =
	/\/(?<resource>orders|products|coupons|customers)\?(?=.*\borderby=id\b)(?=.*\border=asc\b)(?!.*\binclude=)/

/** A request to the store whose answer is held back. */
export interface HeldPage {
	/** The instance whose alarm asked. */
	instance: number
	resource: string
}

/** A store that listens, lives and can hold a page. */
export class LiveShop {
	readonly store: SimulatedStore
	/** Requests that wait for an answer. */
	openRequests = 0
	/** How many changes there should be by now. */
	targetChanges = 0
	readonly #random: Random
	readonly #actions = WEIGHTED_ACTIONS.flatMap(([times, action]) => Array.from({ length: times }, () => action))
	readonly #hotObjects: readonly { resource: Resource; id: number }[]
	#timer: NodeJS.Timeout | null = null
	#idleSince = 0
	#counted = { entries: 0, changes: 0 }
	#pageHold: { matches: (page: HeldPage) => boolean; onPage: (page: HeldPage, halted: Halted) => void } | null = null

	constructor(options: StoreOptions & { seed: number }) {
		this.store = createStore(options)
		this.#random = new Random(options.seed, 302)
		this.#hotObjects = (['orders', 'products'] as const).flatMap((resource) =>
			[...this.store.state(resource).keys()].slice(-3).map((id) => ({ resource, id })),
		)
	}

	/** Listens at the port that its address names. */
	async listen(): Promise<Served> {
		const { store } = this
		const fetch = async (request: Request): Promise<Response> => await this.#fetch(request)
		const proxy = new Proxy(store, {
			get: (target, name) => {
				const value: unknown = name === 'fetch' ? fetch : Reflect.get(target, name, target)
				return typeof value === 'function' && name !== 'fetch' ? (value.bind(target) as unknown) : value
			},
		})
		return await serve(proxy, { port: Number(new URL(store.url).port) })
	}

	/** Changes of watched resources so far. */
	countChanges(): number {
		const newEntries = this.store.journal(this.#counted.entries)
		this.#counted.entries += newEntries.length
		this.#counted.changes += newEntries.filter(isWatchedChange).length
		return this.#counted.changes
	}

	/** Goes on changing, up to what is wanted, and slowly beyond it. */
	startChanging(): void {
		this.#timer ??= setInterval(() => this.#step(), ACTION_INTERVAL_MS)
	}

	/** Stands still. */
	stopChanging(): void {
		if (this.#timer !== null) clearInterval(this.#timer)
		this.#timer = null
	}

	/** Holds the next page of a scan that fits; null when none comes within this time. */
	async holdNextPage(
		matches: (page: HeldPage) => boolean,
		withinMs: number,
	): Promise<{ page: HeldPage; halted: Halted } | null> {
		return await new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#pageHold = null
				resolve(null)
			}, withinMs)
			const onPage = (page: HeldPage, halted: Halted): void => {
				clearTimeout(timer)
				this.#pageHold = null
				resolve({ page, halted })
			}
			this.#pageHold = { matches, onPage }
		})
	}

	#step(): void {
		if (this.countChanges() >= this.targetChanges) {
			if (Date.now() - this.#idleSince < IDLE_INTERVAL_MS) return
			this.#idleSince = Date.now()
		}
		// What fits nothing at the moment, such as a restore without anything in the trash, is left out.
		const action: Action = this.#random.chance(HOT_OBJECT_SHARE)
			? { do: 'edit', ...this.#random.pick(this.#hotObjects) }
			: this.#random.pick(this.#actions)
		ifItFits(() => void this.store.act(action))
	}

	async #fetch(request: Request): Promise<Response> {
		this.openRequests++
		try {
			const resource = SCAN_PAGE_URL.exec(request.url)?.groups?.['resource']
			const page = { instance: Number(request.headers.get(INSTANCE_HEADER) ?? 0), resource: resource ?? '' }
			const pageHold = this.#pageHold
			if (resource !== undefined && pageHold !== null && page.instance > 0 && pageHold.matches(page)) {
				await new Promise<void>((release) => {
					request.signal.addEventListener('abort', () => release(), { once: true })
					pageHold.onPage(page, { isBroken: () => request.signal.aborted, release })
				})
			}
			return await this.store.fetch(request)
		} finally {
			this.openRequests--
		}
	}
}

/** Whether a journal entry must produce an event: a watched object that changed. */
function isWatchedChange(entry: JournalEntry): boolean {
	return entry.change !== 'saved-unchanged' && (WATCHED_COLLECTIONS as readonly string[]).includes(entry.resource)
}

/** The store of a run: it changes at the pace of the kills, and can hold the answer to a page of a scan. */
import { ifItFits } from '../store/engine.ts'
import { Random } from '../store/random.ts'
import { serve, type Served } from '../store/serve.ts'
import { createStore, type Action, type JournalEntry, type Resource, type SimulatedStore, type StoreOptions } from '../store/store.ts'
import { WATCHED } from '../demo/stage.ts'
import type { Halted } from './control.ts'
import { INSTANCE_HEADER } from './points.ts'

/** What happens in the shop, and how often. Few edits go without a stamp and few objects for good: more would hold the bell back, as it should. */
const DAILY: readonly (readonly [number, Action])[] = [
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
const HOT_SHARE = 0.15

/** Ms between actions, and between those that go on when enough has changed for now. */
const PACE_MS = 50
const IDLE_MS = 400

/** A page of a whole collection, in ascending order: of a baseline or of a re-read. */
const SCAN = /\/(?<resource>orders|products|coupons|customers)\?(?=.*\borderby=id\b)(?=.*\border=asc\b)(?!.*\binclude=)/

/** A request to the store whose answer is held back. */
export interface HeldPage {
	/** The instance whose alarm asked. */
	instance: number
	resource: string
}

/** A store that listens, lives and can be told to hold a page. */
export class Shop {
	readonly store: SimulatedStore
	/** Requests that wait for an answer. */
	open = 0
	/** How many changes there should be by now. */
	wanted = 0
	readonly #random: Random
	readonly #deck = DAILY.flatMap(([times, action]) => Array.from({ length: times }, () => action))
	readonly #hot: readonly { resource: Resource; id: number }[]
	#timer: NodeJS.Timeout | null = null
	#idleSince = 0
	#counted = { entries: 0, changes: 0 }
	#hold: { fits: (page: HeldPage) => boolean; take: (page: HeldPage, halted: Halted) => void } | null = null

	constructor(options: StoreOptions & { seed: number }) {
		this.store = createStore(options)
		this.#random = new Random(options.seed, 302)
		this.#hot = (['orders', 'products'] as const).flatMap((resource) =>
			[...this.store.state(resource).keys()].slice(-3).map((id) => ({ resource, id })),
		)
	}

	/** Listens at the port that its address names. */
	async listen(): Promise<Served> {
		const { store } = this
		const fetch = async (request: Request): Promise<Response> => await this.#fetch(request)
		const seen = new Proxy(store, {
			get: (target, name) => {
				const value: unknown = name === 'fetch' ? fetch : Reflect.get(target, name, target)
				return typeof value === 'function' && name !== 'fetch' ? (value.bind(target) as unknown) : value
			},
		})
		return await serve(seen, { port: Number(new URL(store.url).port) })
	}

	/** Changes of watched resources so far. */
	changes(): number {
		const fresh = this.store.journal(this.#counted.entries)
		this.#counted.entries += fresh.length
		this.#counted.changes += fresh.filter(isChange).length
		return this.#counted.changes
	}

	/** Goes on changing, up to what is wanted, and slowly beyond it. */
	live(): void {
		this.#timer ??= setInterval(() => this.#step(), PACE_MS)
	}

	/** Stands still. */
	rest(): void {
		if (this.#timer !== null) clearInterval(this.#timer)
		this.#timer = null
	}

	/** Holds the next page of a scan that fits; null when none comes within this time. */
	async next(fits: (page: HeldPage) => boolean, withinMs: number): Promise<{ page: HeldPage; halted: Halted } | null> {
		return await new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#hold = null
				resolve(null)
			}, withinMs)
			const take = (page: HeldPage, halted: Halted): void => {
				clearTimeout(timer)
				this.#hold = null
				resolve({ page, halted })
			}
			this.#hold = { fits, take }
		})
	}

	#step(): void {
		if (this.changes() >= this.wanted) {
			if (Date.now() - this.#idleSince < IDLE_MS) return
			this.#idleSince = Date.now()
		}
		// What fits nothing at the moment, such as a restore without anything in the trash, is left out.
		const action: Action = this.#random.chance(HOT_SHARE) ? { do: 'edit', ...this.#random.pick(this.#hot) } : this.#random.pick(this.#deck)
		ifItFits(() => void this.store.act(action))
	}

	async #fetch(request: Request): Promise<Response> {
		this.open++
		try {
			const resource = SCAN.exec(request.url)?.groups?.['resource']
			const page = { instance: Number(request.headers.get(INSTANCE_HEADER) ?? 0), resource: resource ?? '' }
			const hold = this.#hold
			if (resource !== undefined && hold !== null && page.instance > 0 && hold.fits(page)) {
				await new Promise<void>((release) => {
					request.signal.addEventListener('abort', () => release(), { once: true })
					hold.take(page, { broken: () => request.signal.aborted, release })
				})
			}
			return await this.store.fetch(request)
		} finally {
			this.open--
		}
	}
}

/** Whether a journal entry must ring: something watched that is not as it was. */
function isChange(entry: JournalEntry): boolean {
	return entry.change !== 'saved-unchanged' && (WATCHED as readonly string[]).includes(entry.resource)
}

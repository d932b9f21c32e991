/** A shop under load: edits in even steps of the virtual clock, also while the store is being asked, and how long a deletion takes. */
import { COLLECTIONS, type World } from './world.ts'

const EDITED_LABELS = ['orders', 'products', 'discounts', 'customers'] as const
const STEP_MS = 500
const MAX_WAIT_MS = 60 * 60_000

/** Edits going on in a shop. */
export interface Load {
	/** Lets time pass, with edits. */
	advance(ms: number): Promise<void>
	/** Deletes the oldest object of a collection for good; ms until its event arrived, null: not within an hour. */
	deleteAndWait(label: string): Promise<number | null>
	/** How long a run takes when nothing else asks the store: the mean of the runs so far, ms. */
	getRunAloneMs(): number
	stop(): void
}

/** Begins to edit objects of all watched collections in turns, `perSecond` of them. */
export function startLoad(world: World, perSecond: number, labels: readonly string[] = EDITED_LABELS): Load {
	const periodMs = 1_000 / perSecond
	let nextMs = world.nowMs
	let edits = 0
	const firstRunId = world.engine.getCore()!.state.lastRunId
	const firstRequest = world.store.log.length
	const edit = (): void => {
		for (; nextMs <= world.nowMs; nextMs += periodMs) {
			const label = labels[edits++ % labels.length]!
			const collection = COLLECTIONS[label]!
			const ids = [...world.store.statuses(collection).keys()]
			// Neighbors are far apart, and the oldest ones are left to be deleted.
			const id = ids[10 + ((edits * 7919) % (ids.length - 10))]!
			world.store.act({ do: 'edit', resource: collection, id })
		}
	}
	world.meanwhile = async () => {
		edit()
		while ((world.store.nextQueueAt() ?? Infinity) <= world.nowMs) await world.store.runQueue()
	}
	const advance = async (ms: number): Promise<void> => {
		for (const untilMs = world.nowMs + ms; world.nowMs < untilMs;) {
			edit()
			await world.advance(Math.min(STEP_MS, untilMs - world.nowMs))
		}
	}
	return {
		advance,
		deleteAndWait: async (label) => {
			const id = [...world.store.statuses(COLLECTIONS[label]!).keys()][2]!
			const startMs = world.nowMs
			world.store.act({ do: 'delete', resource: COLLECTIONS[label]!, id })
			while (world.nowMs - startMs < MAX_WAIT_MS) {
				await advance(STEP_MS)
				const arrival = world.arrivals.find(
					(one) => one.eventType === 'DELETED' && one.objectType === label && one.objectId === String(id),
				)
				if (arrival !== undefined) return arrival.timeMs - startMs
			}
			return null
		},
		getRunAloneMs: () => {
			const runs = world.engine.getCore()!.state.lastRunId - firstRunId
			const requests = world.store.log.slice(firstRequest).filter(({ path }) => isOfRun(path)).length
			return runs === 0 ? 0 : (requests / runs) * (120 + world.storeDelayMs)
		},
		stop: () => {
			world.meanwhile = () => undefined
		},
	}
}

/** Whether a run asks this: newest rows, windows, trash; not searches, scans and reads by id. */
function isOfRun(path: string): boolean {
	const { pathname, searchParams } = new URL(path, 'http://shop.example')
	if (/\/\d+$/.test(pathname)) return false
	if (searchParams.get('status') === 'trash' || searchParams.has('modified_after')) return true
	const order = `${searchParams.get('orderby')} ${searchParams.get('order')}`
	return order === 'modified desc' || (order === 'id desc' && Number(searchParams.get('per_page')) <= 10)
}

/**
 * What happens in the shop of `npm run demo -- --once`: for any seed the same kinds of changes and the same troubles, in another order
 * and on other objects. Kinds that must happen are dealt out here; a living shop goes on beside them.
 */
import { pause } from '../../scripts/local/bell.ts'
import type { Callback } from './callback.ts'
import type { Action, Fault, JournalEntry, Resource, SimulatedStore } from '../store/store.ts'
import { Random } from '../store/random.ts'
import { WATCHED } from './stage.ts'

/** What the journal must hold of each watched resource, at least. */
const PROMISED = { created: 5, updated: 5, deleted: 5 } as const
/** What it must hold in all. */
const PROMISED_IN_ALL = { 'edited-silently': 20, 'saved-unchanged': 20 } as const
const PROMISED_ENTRIES = 200

/** Collections with a trash. */
const TRASHING: readonly Resource[] = ['orders', 'products', 'coupons']

/** How long the dealt actions take, ms. */
const LENGTH_MS = 66_000
/** What follows an object's way into the trash comes this much later, ms: two polls and a confirmation lie between. */
const LATER_MS = 14_000

/** One thing at its time, ms from the beginning. */
interface Cue {
	atMs: number
	act: () => void
}

/** The baseline's pages ascend. The checks before it, which look at the newest, come before the bell is on: what happens then need not ring. */
const BASELINE = String.raw`^(?!.*webhooks)(?=.*orderby=id\b)(?=.*order=asc\b)`

/** Changes that begin with the baseline: each page that the poller reads is followed by some. */
export function baselineFaults(seed: number): Fault[] {
	const random = new Random(seed, 101)
	const during: Action[] = [
		{ do: 'place-order' },
		{ do: 'edit', resource: 'products' },
		{ do: 'edit', resource: 'orders' },
		{ do: 'edit', resource: 'coupons' },
		{ do: 'create', resource: 'customers' },
		{ do: 'trash', resource: 'products' },
		{ do: 'delete', resource: 'orders' },
		{ do: 'edit-silently', resource: 'customers' },
	]
	return [
		{ pattern: BASELINE, latencyMs: 40 },
		...during.map((action): Fault => ({ pattern: BASELINE, skip: random.int(1, 8), times: 1, act: [action] })),
	]
}

/** Plays it. `say` hears of the troubles. Ends early with the signal. `webhook`: with a second burst, lest a poll that comes right after the first leaves nothing to tell. */
export async function play(
	store: SimulatedStore,
	callback: Callback,
	seed: number,
	signal: AbortSignal,
	say: (what: string) => void,
	webhook = false,
): Promise<void> {
	const second = webhook ? [{ atMs: 30_000, act: () => burst(store, 'orders', 100, say) }] : []
	const cues = [...changes(store, seed), ...troubles(store, callback, say), ...second].sort((a, b) => a.atMs - b.atMs)
	const beganMs = Date.now()
	store.setLiving(true)
	for (const cue of cues) {
		while (Date.now() - beganMs < cue.atMs) {
			signal.throwIfAborted()
			await pause(Math.min(250, cue.atMs - (Date.now() - beganMs)))
		}
		cue.act()
	}
	store.setLiving(false)
	store.setFaults({})
}

/** What the journal lacks of what was promised; empty when nothing. */
export function shortfall(journal: readonly JournalEntry[]): string[] {
	const count = (test: (entry: JournalEntry) => boolean): number => journal.filter(test).length
	const lacks: string[] = []
	const demand = (what: string, found: number, wanted: number): void => {
		if (found < wanted) lacks.push(`${what}: ${found} of ${wanted}`)
	}
	demand('entries', journal.length, PROMISED_ENTRIES)
	for (const resource of WATCHED) {
		for (const [change, wanted] of Object.entries(PROMISED))
			demand(
				`${resource} ${change}`,
				count((one) => one.resource === resource && one.change === change),
				wanted,
			)
	}
	for (const resource of TRASHING) {
		demand(
			`${resource} trashed`,
			count((one) => one.resource === resource && one.change === 'trashed'),
			PROMISED.deleted,
		)
		demand(
			`${resource} restored`,
			count((one) => one.resource === resource && one.change === 'restored'),
			1,
		)
	}
	for (const [change, wanted] of Object.entries(PROMISED_IN_ALL))
		demand(
			change,
			count((one) => one.change === change),
			wanted,
		)
	return lacks
}

/** The dealt changes: every object that is trashed, restored or deleted is one of its own, so that none undoes another. */
function changes(store: SimulatedStore, seed: number): Cue[] {
	const random = new Random(seed, 102)
	const cues: Cue[] = []
	const at = (fromMs: number, toMs: number, action: Action): number => {
		const atMs = random.int(fromMs, toMs)
		cues.push({ atMs, act: () => perform(store, action) })
		return atMs
	}
	const anywhere = (action: Action): number => at(0, LENGTH_MS, action)
	for (const resource of WATCHED) {
		const ids = shuffled(candidates(store, resource), random)
		const take = (): number => ids.pop() as number
		for (let i = 0; i < 6; i++) anywhere({ do: 'create', resource })
		for (let i = 0; i < 6; i++) anywhere({ do: 'edit', resource, id: take() })
		for (let i = 0; i < 6; i++) anywhere({ do: 'edit-silently', resource, id: take() })
		for (let i = 0; i < 6; i++) anywhere({ do: 'save-unchanged', resource, id: take() })
		for (let i = 0; i < 5; i++) anywhere({ do: 'delete', resource, id: take() })
		if (!TRASHING.includes(resource)) continue
		for (let i = 0; i < 6; i++) {
			const id = take()
			const trashedMs = at(0, LENGTH_MS - LATER_MS - 1_000, { do: 'trash', resource, id })
			if (i < 2) at(trashedMs + LATER_MS, LENGTH_MS, { do: 'restore', resource, id })
			else if (i < 4) at(trashedMs + LATER_MS, LENGTH_MS, { do: 'delete', resource, id })
		}
	}
	anywhere({ do: 'back-date', resource: 'orders', days: 40 })
	anywhere({ do: 'back-date', resource: 'products', days: 200 })
	for (let i = 0; i < 3; i++) anywhere({ do: 'checkout-draft' })
	return cues
}

/** What goes wrong, each when the back-off of the one before has ended, so that it is met alone; and 150 edits in one second. */
function troubles(store: SimulatedStore, callback: Callback, say: (what: string) => void): Cue[] {
	return [
		{ atMs: 4_000, act: () => burst(store, 'products', 150, say) },
		{ atMs: 10_000, act: () => (say('the shop answers 503 for 10 s'), store.setFaults({ status: 503, forSeconds: 10 })) },
		{ atMs: 40_000, act: () => (say('a connection to the shop stalls'), store.setFaults({ stall: true, times: 1 })) },
		{ atMs: 60_000, act: () => (say('the callback answers 500 for 10 s'), callback.fail(10)) },
	]
}

/** So many objects edited within one second of the store's clock. */
function burst(store: SimulatedStore, resource: Resource, count: number, say: (what: string) => void): void {
	say(`${count} ${resource} are edited in one second`)
	// Near the end of a second they would fall into two.
	setTimeout(() => perform(store, { do: 'burst', resource, count }), (1_000 - (store.now() % 1_000)) % 1_000)
}

/** Objects that nothing else touches by its id: published, no staff, and no variable product, whose deletion would take others with it. */
function candidates(store: SimulatedStore, resource: (typeof WATCHED)[number]): number[] {
	return [...store.state(resource)]
		.filter(([, record]) =>
			resource === 'customers'
				? record['role'] === 'customer'
				: resource === 'products'
					? record['type'] === 'simple' && record['status'] === 'publish'
					: !['trash', 'draft', 'auto-draft', 'checkout-draft'].includes(record['status'] as string),
		)
		.map(([id]) => id)
}

/** Performs an action; one that no longer fits, because the living shop was there first, is left out. */
function perform(store: SimulatedStore, action: Action): void {
	try {
		store.act(action)
	} catch {
		// What the journal lacks in the end is said by `shortfall`.
	}
}

function shuffled<T>(list: T[], random: Random): T[] {
	for (let i = list.length - 1; i > 0; i--) {
		const j = random.int(0, i)
		;[list[i], list[j]] = [list[j] as T, list[i] as T]
	}
	return list
}

/**
 * What happens in the shop of `npm run demo -- --once`: for any seed the same kinds of changes and the same troubles, in another order
 * and on other objects. Kinds that must happen are dealt out here; a living shop goes on beside them.
 */
import { pause } from '../../scripts/local/local-worker.ts'
import type { CallbackServer } from './callback.ts'
import type { Action, Fault, JournalEntry, Resource, SimulatedStore } from '../store/store.ts'
import { Random } from '../store/random.ts'
import { WATCHED_COLLECTIONS } from './stage.ts'

/** What the journal must hold of each watched resource, at least. */
const MIN_CHANGES = { created: 5, updated: 5, deleted: 5 } as const
/** What it must hold in all. */
const MIN_TOTAL_CHANGES = { 'edited-silently': 20, 'saved-unchanged': 20 } as const
const MIN_ENTRIES = 200

/** Collections with a trash. */
const TRASHABLE: readonly Resource[] = ['orders', 'products', 'coupons']

/** How long the dealt actions take, ms. */
const DURATION_MS = 66_000
/** What follows an object's way into the trash comes this much later, ms: two polls and a confirmation lie between. */
const FOLLOW_UP_DELAY_MS = 14_000

/** One thing at its time, ms from the beginning. */
interface ScheduledAction {
	atMs: number
	act: () => void
}

/** The baseline's pages ascend. The checks before it, which look at the newest, come before the instance exists: changes then need no event. */
const BASELINE_PAGE_PATTERN = String.raw`^(?!.*webhooks)(?=.*orderby=id\b)(?=.*order=asc\b)`

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
		{ pattern: BASELINE_PAGE_PATTERN, latencyMs: 40 },
		...during.map((action): Fault => ({
			pattern: BASELINE_PAGE_PATTERN,
			skip: random.int(1, 8),
			times: 1,
			act: [action],
		})),
	]
}

/** Plays it. `say` gets the simulated failures. Ends early with the signal. `webhook`: with a second burst, lest a poll that comes right after the first leaves nothing to tell. */
export async function playScenario(
	store: SimulatedStore,
	callback: CallbackServer,
	seed: number,
	signal: AbortSignal,
	log: (what: string) => void,
	webhook = false,
): Promise<void> {
	const second = webhook ? [{ atMs: 30_000, act: () => burst(store, 'orders', 100, log) }] : []
	const scheduled = [...scheduledChanges(store, seed), ...scheduledFaults(store, callback, log), ...second].sort(
		(a, b) => a.atMs - b.atMs,
	)
	const beganMs = Date.now()
	store.setLiving(true)
	for (const scheduledAction of scheduled) {
		while (Date.now() - beganMs < scheduledAction.atMs) {
			signal.throwIfAborted()
			await pause(Math.min(250, scheduledAction.atMs - (Date.now() - beganMs)))
		}
		scheduledAction.act()
	}
	store.setLiving(false)
	store.setFaults({})
}

/** What the journal lacks of what was promised; empty when nothing. */
export function findShortfalls(journal: readonly JournalEntry[]): string[] {
	const count = (test: (entry: JournalEntry) => boolean): number => journal.filter(test).length
	const shortfalls: string[] = []
	const requireAtLeast = (what: string, actual: number, expected: number): void => {
		if (actual < expected) shortfalls.push(`${what}: ${actual} of ${expected}`)
	}
	requireAtLeast('entries', journal.length, MIN_ENTRIES)
	for (const resource of WATCHED_COLLECTIONS) {
		for (const [change, expected] of Object.entries(MIN_CHANGES))
			requireAtLeast(
				`${resource} ${change}`,
				count((entry) => entry.resource === resource && entry.change === change),
				expected,
			)
	}
	for (const resource of TRASHABLE) {
		requireAtLeast(
			`${resource} trashed`,
			count((entry) => entry.resource === resource && entry.change === 'trashed'),
			MIN_CHANGES.deleted,
		)
		requireAtLeast(
			`${resource} restored`,
			count((entry) => entry.resource === resource && entry.change === 'restored'),
			1,
		)
	}
	for (const [change, expected] of Object.entries(MIN_TOTAL_CHANGES))
		requireAtLeast(
			change,
			count((entry) => entry.change === change),
			expected,
		)
	return shortfalls
}

/** The dealt changes: every object that is trashed, restored or deleted is one of its own, so that none undoes another. */
function scheduledChanges(store: SimulatedStore, seed: number): ScheduledAction[] {
	const random = new Random(seed, 102)
	const scheduled: ScheduledAction[] = []
	const schedule = (fromMs: number, toMs: number, action: Action): number => {
		const atMs = random.int(fromMs, toMs)
		scheduled.push({ atMs, act: () => tryAction(store, action) })
		return atMs
	}
	const scheduleAnytime = (action: Action): number => schedule(0, DURATION_MS, action)
	for (const resource of WATCHED_COLLECTIONS) {
		const ids = shuffled(editableIds(store, resource), random)
		const takeId = (): number => ids.pop() as number
		for (let i = 0; i < 6; i++) scheduleAnytime({ do: 'create', resource })
		for (let i = 0; i < 6; i++) scheduleAnytime({ do: 'edit', resource, id: takeId() })
		for (let i = 0; i < 6; i++) scheduleAnytime({ do: 'edit-silently', resource, id: takeId() })
		for (let i = 0; i < 6; i++) scheduleAnytime({ do: 'save-unchanged', resource, id: takeId() })
		for (let i = 0; i < 5; i++) scheduleAnytime({ do: 'delete', resource, id: takeId() })
		if (!TRASHABLE.includes(resource)) continue
		for (let i = 0; i < 6; i++) {
			const id = takeId()
			const trashedMs = schedule(0, DURATION_MS - FOLLOW_UP_DELAY_MS - 1_000, { do: 'trash', resource, id })
			if (i < 2) schedule(trashedMs + FOLLOW_UP_DELAY_MS, DURATION_MS, { do: 'restore', resource, id })
			else if (i < 4) schedule(trashedMs + FOLLOW_UP_DELAY_MS, DURATION_MS, { do: 'delete', resource, id })
		}
	}
	scheduleAnytime({ do: 'back-date', resource: 'orders', days: 40 })
	scheduleAnytime({ do: 'back-date', resource: 'products', days: 200 })
	for (let i = 0; i < 3; i++) scheduleAnytime({ do: 'checkout-draft' })
	return scheduled
}

/** What goes wrong, each when the back-off of the one before has ended, so that it is met alone; and 150 edits in one second. */
function scheduledFaults(
	store: SimulatedStore,
	callback: CallbackServer,
	log: (what: string) => void,
): ScheduledAction[] {
	return [
		{ atMs: 4_000, act: () => burst(store, 'products', 150, log) },
		{
			atMs: 10_000,
			act: () => (log('the shop answers 503 for 10 s'), store.setFaults({ status: 503, forSeconds: 10 })),
		},
		{ atMs: 40_000, act: () => (log('a connection to the shop stalls'), store.setFaults({ stall: true, times: 1 })) },
		{ atMs: 60_000, act: () => (log('the callback answers 500 for 10 s'), callback.failFor(10)) },
	]
}

/** So many objects edited within one second of the store's clock. */
function burst(store: SimulatedStore, resource: Resource, count: number, log: (what: string) => void): void {
	log(`${count} ${resource} are edited in one second`)
	// Near the end of a second they would fall into two.
	setTimeout(() => tryAction(store, { do: 'burst', resource, count }), (1_000 - (store.now() % 1_000)) % 1_000)
}

/** Objects that nothing else touches by its id: published, no staff, and no variable product, whose deletion would take others with it. */
function editableIds(store: SimulatedStore, resource: (typeof WATCHED_COLLECTIONS)[number]): number[] {
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
function tryAction(store: SimulatedStore, action: Action): void {
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

/** Requests to the store when something happens: a hundred changes, one object deleted for good. */
import { atMost, seededRandom, reported, type Bench, type BenchRow } from './bench.ts'
import {
	pollPastWindow,
	collectionFor,
	LABELS,
	pollOnce,
	SCAN_BUDGET,
	type ResourceLabel,
	type NodeShopbell,
} from './node-shopbell.ts'

const CHANGED_OBJECTS = 100
const TRIALS = 20

/** A hundred objects change, one a second, among N. */
export const changedBench: Bench = {
	name: 'changed',
	about: 'store requests of a poll that finds 100 changes',
	sizes: 'each',
	run: async (context) => {
		const store = await context.nodeShopbell()
		const rows: BenchRow[] = []
		// What an hourly re-read of the newest asks is its own.
		await store.world.configure({ rereadHours: 0 })
		for (const label of ['orders', 'products', 'discounts'] as const) {
			await pollPastWindow(store, label)
			const ids = await sampleIds(store, label, CHANGED_OBJECTS, seededRandom(11))
			const before = getCounters(store)
			for (const id of ids) {
				store.world.nowMs += 1_000
				store.world.store.act({ do: 'edit', resource: collectionFor(label), id, via: 'rest' })
			}
			await pollOnce(store)
			const emitted = getCounters(store).updated - before.updated
			if (emitted < CHANGED_OBJECTS) throw new Error(`${emitted} of ${CHANGED_OBJECTS} changed ${label} rang`)
			rows.push(atMost(`changed/${label}, 100 of N`, context.n, store.tally.count(label), 'requests', 3))
			context.log(`${label}: ${describeRequests(store, label)}`)
		}
		await store.world.configure({ rereadHours: null })
		return rows
	},
}

/** One object is deleted for good: requests until DELETED is emitted, the confirmations included, the worst of twenty random ids. */
export const deletedBench: Bench = {
	name: 'deleted',
	about: 'store requests until the deletion of an object is emitted, worst of 20',
	sizes: 'each',
	run: async (context) => {
		const store = await context.nodeShopbell()
		const { world } = store
		const limit = 4 + Math.ceil(Math.log2(context.n / 100))
		const rows: BenchRow[] = []
		// The running pass and the re-reads would find it too: they are not what is measured.
		await world.configure({ scanBudget: 0, rereadHours: 0 })
		for (const label of LABELS) {
			const random = seededRandom(context.n + label.length)
			let worst = 0
			let sum = 0
			for (const id of await sampleIds(store, label, TRIALS, random)) {
				await pollPastWindow(store, label)
				const before = getCounters(store).deleted
				world.store.act({ do: 'delete', resource: collectionFor(label), id })
				await pollOnce(store)
				if (getCounters(store).deleted !== before + 1)
					throw new Error(`the deletion of ${label} ${id} was not emitted: ${describeRequests(store, label)}`)
				const requests = store.tally.count(label)
				if (requests > worst) context.log(`${label} ${id}: ${describeRequests(store, label)}`)
				worst = Math.max(worst, requests)
				sum += requests
			}
			rows.push(
				atMost(`deleted/${label}, worst of ${TRIALS}`, context.n, worst, 'requests', limit),
				reported(`deleted/${label}, mean of ${TRIALS}`, context.n, sum / TRIALS, 'requests'),
			)
		}
		await world.configure({ scanBudget: SCAN_BUDGET, rereadHours: null })
		return rows
	},
}

/** Ids of live objects of the index, drawn without repetition. */
async function sampleIds(
	{ world }: NodeShopbell,
	label: ResourceLabel,
	count: number,
	random: () => number,
): Promise<number[]> {
	const core = world.engine.getCore()!
	const number = core.state.resources.find((resource) => resource.objectType === label)!.number
	const ids = world.sql
		.all<{ id: number }>(`SELECT id FROM objects WHERE resource = ? AND state = 'live' ORDER BY id`, number)
		.map((row) => row.id)
	// The shop's own people are no customers that a shop deletes.
	if (label === 'customers') ids.splice(0, 5)
	return Array.from({ length: Math.min(count, ids.length) }, () => ids.splice(Math.floor(random() * ids.length), 1)[0]!)
}

function getCounters({ world }: NodeShopbell): { updated: number; deleted: number } {
	const { updated, deleted: deletedCount } = world.engine.getCore()!.state.counters
	return { updated, deleted: deletedCount }
}

function describeRequests({ tally }: NodeShopbell, label: ResourceLabel): string {
	return tally.requests
		.filter((request) => request.label === label)
		.map((request) => request.kind)
		.join(' ')
}

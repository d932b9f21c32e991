/** Requests to the store when something happens: a hundred changes, one object deleted for good. */
import { atMost, seeded, told, type Bench, type Row } from './bench.ts'
import { afterWindow, collectionOf, LABELS, pollOnce, SCAN_BUDGET, type Label, type Store } from './shop.ts'

const CHANGED = 100
const TRIALS = 20

/** A hundred objects change, one a second, among N. */
export const changed: Bench = {
	name: 'changed',
	about: 'store requests of a poll that finds 100 changes',
	sizes: 'each',
	run: async (context) => {
		const store = await context.store()
		const rows: Row[] = []
		// What an hourly re-read of the newest asks is its own.
		await store.world.configure({ rereadHours: 0 })
		for (const label of ['orders', 'products', 'discounts'] as const) {
			await afterWindow(store, label)
			const ids = await someIds(store, label, CHANGED, seeded(11))
			const before = countersOf(store)
			for (const id of ids) {
				store.world.nowMs += 1_000
				store.world.store.act({ do: 'edit', resource: collectionOf(label), id, via: 'rest' })
			}
			await pollOnce(store)
			const rung = countersOf(store).updated - before.updated
			if (rung < CHANGED) throw new Error(`${rung} of ${CHANGED} changed ${label} rang`)
			rows.push(atMost(`changed/${label}, 100 of N`, context.n, store.tally.count(label), 'requests', 3))
			context.say(`${label}: ${describe(store, label)}`)
		}
		await store.world.configure({ rereadHours: null })
		return rows
	},
}

/** One object is deleted for good: requests until DELETED rings, the confirmations included, the worst of twenty random ids. */
export const deleted: Bench = {
	name: 'deleted',
	about: 'store requests until an object deleted for good has rung, worst of 20',
	sizes: 'each',
	run: async (context) => {
		const store = await context.store()
		const { world } = store
		const limit = 4 + Math.ceil(Math.log2(context.n / 100))
		const rows: Row[] = []
		// The running pass and the re-reads would find it too: they are not what is measured.
		await world.configure({ scanBudget: 0, rereadHours: 0 })
		for (const label of LABELS) {
			const random = seeded(context.n + label.length)
			let worst = 0
			let sum = 0
			for (const id of await someIds(store, label, TRIALS, random)) {
				await afterWindow(store, label)
				const before = countersOf(store).deleted
				world.store.act({ do: 'delete', resource: collectionOf(label), id })
				await pollOnce(store)
				if (countersOf(store).deleted !== before + 1)
					throw new Error(`the deletion of ${label} ${id} did not ring: ${describe(store, label)}`)
				const requests = store.tally.count(label)
				if (requests > worst) context.say(`${label} ${id}: ${describe(store, label)}`)
				worst = Math.max(worst, requests)
				sum += requests
			}
			rows.push(
				atMost(`deleted/${label}, worst of ${TRIALS}`, context.n, worst, 'requests', limit),
				told(`deleted/${label}, mean of ${TRIALS}`, context.n, sum / TRIALS, 'requests'),
			)
		}
		await world.configure({ scanBudget: SCAN_BUDGET, rereadHours: null })
		return rows
	},
}

/** Ids of live objects of the index, drawn without repetition. */
async function someIds({ world }: Store, label: Label, count: number, random: () => number): Promise<number[]> {
	const core = world.engine.core()!
	const number = core.state.resources.find((one) => one.objectType === label)!.number
	const ids = world.sql
		.all<{ id: number }>(`SELECT id FROM objects WHERE resource = ? AND state = 'live' ORDER BY id`, number)
		.map((row) => row.id)
	// The shop's own people are no customers that a shop deletes.
	if (label === 'customers') ids.splice(0, 5)
	return Array.from({ length: Math.min(count, ids.length) }, () => ids.splice(Math.floor(random() * ids.length), 1)[0]!)
}

function countersOf({ world }: Store): { updated: number; deleted: number } {
	const { updated, deleted: gone } = world.engine.core()!.state.counters
	return { updated, deleted: gone }
}

function describe({ tally }: Store, label: Label): string {
	return tally.asked
		.filter((one) => one.label === label)
		.map((one) => one.kind)
		.join(' ')
}

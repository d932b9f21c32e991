/** Requests to the store when nothing happens: an idle poll, the re-read per period, the running pass of customers. */
import { pollerOf } from '../../src/watcher/queries/reports.ts'
import type { ResourceState } from '../../src/watcher/core/state.ts'
import { atMost, exactly, told, type Bench, type Context, type Row } from './bench.ts'
import { pollOnce, type Label, type Store } from './shop.ts'

const POLLS = 12
const HOUR_MS = 3_600_000
const MODIFIED: readonly Label[] = ['orders', 'products', 'discounts']

/** Idle polls of orders, products and discounts, and what their re-reads ask per period. */
export const polls: Bench = {
	name: 'polls',
	about: 'store requests of an idle poll; the re-reads beside it',
	sizes: 'each',
	run: async (context) => {
		const { n } = context
		const store = await context.store()
		const rows: Row[] = []
		const idle = new Map<Label, number[]>(MODIFIED.map((label) => [label, []]))
		const asked = new Map<Label, number>(MODIFIED.map((label) => [label, 0]))
		const recent = new Map<Label, number>(MODIFIED.map((label) => [label, 0]))
		// The first poll reads everything that was modified in the very second in which the store was made.
		await pollOnce(store)
		for (let poll = 0; poll < POLLS; poll++) {
			await pollOnce(store)
			for (const label of MODIFIED) {
				// The re-read and that of the newest objects are counted by themselves.
				const all = store.tally.count(label, 'head', 'window', 'trash', 'object', 'other')
				asked.set(label, (asked.get(label) ?? 0) + all)
				recent.set(label, (recent.get(label) ?? 0) + store.tally.count(label, 'recent'))
				if (store.tally.count(label, 'window') === 0) idle.get(label)?.push(all)
			}
		}
		for (const label of MODIFIED) {
			const counts = idle.get(label) ?? []
			if (counts.length < POLLS / 2) throw new Error(`only ${counts.length} of ${POLLS} polls of ${label} were idle`)
			rows.push(
				exactly(`polls/${label}`, n, Math.max(...counts), 'requests a poll', 1),
				told(`polls/${label}, mean with hourly windows`, n, (asked.get(label) ?? 0) / POLLS, 'requests a poll'),
			)
		}
		const hoursPolled = (POLLS * store.world.config.pollIntervalMs) / HOUR_MS
		for (const label of MODIFIED) rows.push(await reread(context, store, label, (recent.get(label) ?? 0) / hoursPolled))
		return rows
	},
}

/** What a whole re-read asks, with those of the newest objects that come between two. */
async function reread({ n }: Context, store: Store, label: Label, recentAnHour: number): Promise<Row> {
	const { world, tally } = store
	const core = world.engine.core()!
	tally.clear()
	stateOf(store, label).rereadAsked = true
	for (let steps = 0; steps < 100_000 && (stateOf(store, label).rereadAsked || stateOf(store, label).reread !== null); steps++) {
		world.nowMs = Math.max(world.nowMs, world.alarmMs ?? world.nowMs)
		await world.alarm()
	}
	const hours = pollerOf(core).resources.find((one) => one.resource === label)?.reread.everyHours ?? 0
	return told(
		`polls/${label}, re-read every ${hours} h`,
		n,
		tally.count(label, 'scan') + Math.round(recentAnHour * hours),
		'requests a period',
	)
}

function stateOf({ world }: Store, label: Label): ResourceState {
	return world.engine.core()!.state.resources.find((one) => one.objectType === label)!
}

/** Customers have no modified filter: a page of the newest, and a slice of the running pass. */
export const customers: Bench = {
	name: 'customers',
	about: 'store requests of an idle poll of customers, and of a full pass',
	sizes: 'each',
	run: async (context) => {
		const store = await context.store()
		const { world, tally } = store
		const budget = world.config.scanBudget
		let heads = 0
		let slice = 0
		let pass = 0
		let polled = 0
		// From the end of one pass to the end of the next.
		const done = (): number | null => stateOf(store, 'customers').rereadDoneMs
		for (const first = done(); done() === first;) await pollOnce(store)
		const began = done()
		do {
			await pollOnce(store)
			heads = Math.max(heads, tally.count('customers', 'head'))
			slice = Math.max(slice, tally.count('customers', 'scan'))
			pass += tally.count('customers', 'scan')
			if (++polled % 20 === 0) context.say(`${pass} pages of the pass`)
		} while (done() === began)
		if (tally.count('customers', 'object') > 0) throw new Error('customers were read one by one though nothing happened')
		const hours = (world.config.pollIntervalMs * polled) / HOUR_MS
		return [
			exactly('customers/newest', context.n, heads, 'requests a poll', 1),
			atMost('customers/pass', context.n, slice, 'requests a poll', budget),
			atMost('customers/full pass', context.n, pass, 'requests', Math.ceil((context.n / 100) * 1.02)),
			told('customers/full pass at a poll every 15 min', context.n, hours, 'hours'),
		]
	},
}

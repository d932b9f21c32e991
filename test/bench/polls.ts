/** Requests to the store when nothing happens: an idle poll, the re-read per period, the running pass of customers. */
import { buildPollerReport } from '../../src/watcher/queries/reports.ts'
import type { ResourceState } from '../../src/watcher/core/resource-state.ts'
import { atMost, exactly, reported, type Bench, type BenchContext, type BenchRow } from './bench.ts'
import { pollOnce, type ResourceLabel, type NodeShopbell } from './node-shopbell.ts'

const POLL_COUNT = 12
const HOUR_MS = 3_600_000
const LABELS_WITH_MODIFIED: readonly ResourceLabel[] = ['orders', 'products', 'discounts']

/** Idle polls of orders, products and discounts, and what their re-reads ask per period. */
export const pollsBench: Bench = {
	name: 'polls',
	about: 'store requests of an idle poll; the re-reads beside it',
	sizes: 'each',
	run: async (context) => {
		const { n } = context
		const store = await context.nodeShopbell()
		const rows: BenchRow[] = []
		const idle = new Map<ResourceLabel, number[]>(LABELS_WITH_MODIFIED.map((label) => [label, []]))
		const requests = new Map<ResourceLabel, number>(LABELS_WITH_MODIFIED.map((label) => [label, 0]))
		const recent = new Map<ResourceLabel, number>(LABELS_WITH_MODIFIED.map((label) => [label, 0]))
		// The first poll reads everything that was modified in the very second in which the store was made.
		await pollOnce(store)
		for (let poll = 0; poll < POLL_COUNT; poll++) {
			await pollOnce(store)
			for (const label of LABELS_WITH_MODIFIED) {
				// The re-read and that of the newest objects are counted by themselves.
				const all = store.tally.count(label, 'head', 'window', 'trash', 'object', 'other')
				requests.set(label, (requests.get(label) ?? 0) + all)
				recent.set(label, (recent.get(label) ?? 0) + store.tally.count(label, 'recent'))
				if (store.tally.count(label, 'window') === 0) idle.get(label)?.push(all)
			}
		}
		for (const label of LABELS_WITH_MODIFIED) {
			const counts = idle.get(label) ?? []
			if (counts.length < POLL_COUNT / 2)
				throw new Error(`only ${counts.length} of ${POLL_COUNT} polls of ${label} were idle`)
			rows.push(
				exactly(`polls/${label}`, n, Math.max(...counts), 'requests a poll', 1),
				reported(
					`polls/${label}, mean with hourly windows`,
					n,
					(requests.get(label) ?? 0) / POLL_COUNT,
					'requests a poll',
				),
			)
		}
		const hoursPolled = (POLL_COUNT * store.world.config.pollIntervalMs) / HOUR_MS
		for (const label of LABELS_WITH_MODIFIED)
			rows.push(await rereadRow(context, store, label, (recent.get(label) ?? 0) / hoursPolled))
		return rows
	},
}

/** What a whole re-read asks, with those of the newest objects that come between two. */
async function rereadRow(
	{ n }: BenchContext,
	store: NodeShopbell,
	label: ResourceLabel,
	recentAnHour: number,
): Promise<BenchRow> {
	const { world, tally } = store
	const core = world.engine.getCore()!
	tally.clear()
	getResourceState(store, label).rereadAsked = true
	for (
		let steps = 0;
		steps < 100_000 && (getResourceState(store, label).rereadAsked || getResourceState(store, label).reread !== null);
		steps++
	) {
		world.nowMs = Math.max(world.nowMs, world.alarmMs ?? world.nowMs)
		await world.alarm()
	}
	const hours =
		buildPollerReport(core).resources.find((resource) => resource.resource === label)?.reread.everyHours ?? 0
	return reported(
		`polls/${label}, re-read every ${hours} h`,
		n,
		tally.count(label, 'scan') + Math.round(recentAnHour * hours),
		'requests a period',
	)
}

function getResourceState({ world }: NodeShopbell, label: ResourceLabel): ResourceState {
	return world.engine.getCore()!.state.resources.find((resource) => resource.objectType === label)!
}

/** Customers have no modified filter: a page of the newest, and a slice of the running pass. */
export const customersBench: Bench = {
	name: 'customers',
	about: 'store requests of an idle poll of customers, and of a full pass',
	sizes: 'each',
	run: async (context) => {
		const store = await context.nodeShopbell()
		const { world, tally } = store
		const budget = world.config.scanBudget
		let heads = 0
		let slice = 0
		let pass = 0
		let polled = 0
		// From the end of one pass to the end of the next.
		const done = (): number | null => getResourceState(store, 'customers').rereadDoneMs
		for (const first = done(); done() === first;) await pollOnce(store)
		const began = done()
		do {
			await pollOnce(store)
			heads = Math.max(heads, tally.count('customers', 'head'))
			slice = Math.max(slice, tally.count('customers', 'scan'))
			pass += tally.count('customers', 'scan')
			if (++polled % 20 === 0) context.log(`${pass} pages of the pass`)
		} while (done() === began)
		if (tally.count('customers', 'object') > 0)
			throw new Error('customers were read one by one though nothing happened')
		const hours = (world.config.pollIntervalMs * polled) / HOUR_MS
		return [
			exactly('customers/newest', context.n, heads, 'requests a poll', 1),
			atMost('customers/pass', context.n, slice, 'requests a poll', budget),
			atMost('customers/full pass', context.n, pass, 'requests', Math.ceil((context.n / 100) * 1.02)),
			reported('customers/full pass at a poll every 15 min', context.n, hours, 'hours'),
		]
	},
}

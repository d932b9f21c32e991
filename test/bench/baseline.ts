/** The first reading of everything: requests, whether it goes on after being cut off, and what it leaves on the isolate's heap. */
import { atMost, atSmallest, reported, type Bench, type BenchRow } from './bench.ts'
import { collectionFor, LABELS, completeBaseline, createNodeShopbell, type ResourceLabel } from './node-shopbell.ts'

const BYTES_PER_MB = 1_000_000
const MAX_HEAP_GROWTH_MB = 16

/** Requests of a baseline, whole and cut off half-way. */
export const baselineBench: Bench = {
	name: 'baseline',
	about: 'store requests of a baseline, also when it is cut off; heap of the isolate',
	sizes: 'each',
	run: async (context) => {
		const { n } = context
		const limit = Math.ceil((n / 100) * 1.02)
		const rows: BenchRow[] = []
		const { baseline: requests } = await context.nodeShopbell()
		const countPages = (label: ResourceLabel): number =>
			requests.filter((request) => request.label === label && request.kind === 'scan').length
		for (const label of LABELS) rows.push(atMost(`baseline/${label}`, n, countPages(label), 'requests', limit))
		rows.push(
			reported(
				'baseline/polls of four resources meanwhile',
				n,
				requests.filter(({ kind }) => kind !== 'scan').length,
				'requests',
			),
		)

		// Killed in the middle of a request and of a commit, evicted between two: only what was under way is read again.
		const objects = { orders: 20, products: 20, coupons: 20, customers: 20, [collectionFor('orders')]: n }
		const interrupted = await createNodeShopbell(n, { config: { scanBudget: 0 }, store: { objects } })
		let interruptions = 0
		const pages = n / 100
		interrupted.world.crashAt = (point) => {
			const read = interrupted.tally.count('orders', 'scan')
			const shouldCrash =
				(interruptions === 0 && read >= pages / 2 && point === 'after-request') ||
				(interruptions === 1 && read >= (pages * 3) / 4 && point === 'before-commit')
			if (shouldCrash) interruptions++
			return shouldCrash
		}
		let evicted = false
		await completeBaseline(interrupted, () => {
			if (evicted || interrupted.tally.count('orders', 'scan') < pages / 4) return true
			evicted = true
			interrupted.world.evict()
			return true
		})
		const state = interrupted.world.engine.getCore()!.state
		if (interruptions !== 2) throw new Error(`the baseline was cut off ${interruptions} times instead of twice`)
		if (state.sequence > 0) throw new Error(`the baseline rang ${state.sequence} times`)
		rows.push(
			atMost(
				'baseline/orders, evicted once and killed twice half-way',
				n,
				interrupted.tally.count('orders', 'scan'),
				'requests',
				limit + interruptions,
			),
		)
		rows.push(...(await heapRows(context)))
		return rows
	},
}

async function heapRows(context: Parameters<Bench['run']>[0]): Promise<BenchRow[]> {
	const shopbell = await context.shopbell()
	const { heapAfter, peakHeap: heapMost, rowsWritten } = shopbell.baselineStats
	const peakRow = reported(
		'baseline/heap of the isolate while it runs, at most',
		context.n,
		heapMost / BYTES_PER_MB,
		'MB',
	)
	const result: BenchRow[] = [
		reported('baseline/heap of the isolate afterwards', context.n, heapAfter / BYTES_PER_MB, 'MB'),
		peakRow,
		reported('baseline/rows written an object', context.n, rowsWritten / (4 * context.n), 'rows'),
	]
	const smallestRow = atSmallest(context, peakRow.bench)
	if (smallestRow !== undefined)
		result.push(
			atMost(
				`baseline/heap of the isolate, more than at ${context.smallest}`,
				context.n,
				peakRow.value - smallestRow.value,
				'MB',
				MAX_HEAP_GROWTH_MB,
			),
		)
	return result
}

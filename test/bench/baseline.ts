/** The first reading of everything: requests, whether it goes on after being cut off, and what it leaves on the isolate's heap. */
import { atMost, atSmallest, told, type Bench, type Row } from './bench.ts'
import { collectionOf, LABELS, learn, openStore, type Label } from './shop.ts'

const MEGABYTE = 1_000_000
const HEAP_LIMIT = 16

/** Requests of a baseline, whole and cut off half-way. */
export const baseline: Bench = {
	name: 'baseline',
	about: 'store requests of a baseline, also when it is cut off; heap of the isolate',
	sizes: 'each',
	run: async (context) => {
		const { n } = context
		const limit = Math.ceil((n / 100) * 1.02)
		const rows: Row[] = []
		const { baseline: asked } = await context.store()
		const pagesOf = (label: Label): number => asked.filter((one) => one.label === label && one.kind === 'scan').length
		for (const label of LABELS) rows.push(atMost(`baseline/${label}`, n, pagesOf(label), 'requests', limit))
		rows.push(told('baseline/polls of four resources meanwhile', n, asked.filter(({ kind }) => kind !== 'scan').length, 'requests'))

		// Killed in the middle of a request and of a commit, evicted between two: only what was under way is read again.
		const objects = { orders: 20, products: 20, coupons: 20, customers: 20, [collectionOf('orders')]: n }
		const cut = await openStore(n, { config: { scanBudget: 0 }, store: { objects } })
		let cuts = 0
		const pages = n / 100
		cut.world.crashAt = (point) => {
			const read = cut.tally.count('orders', 'scan')
			const wanted =
				(cuts === 0 && read >= pages / 2 && point === 'after-request') ||
				(cuts === 1 && read >= (pages * 3) / 4 && point === 'before-commit')
			if (wanted) cuts++
			return wanted
		}
		let evicted = false
		await learn(cut, () => {
			if (evicted || cut.tally.count('orders', 'scan') < pages / 4) return true
			evicted = true
			cut.world.evict()
			return true
		})
		const state = cut.world.engine.core()!.state
		if (cuts !== 2) throw new Error(`the baseline was cut off ${cuts} times instead of twice`)
		if (state.sequence > 0) throw new Error(`the baseline rang ${state.sequence} times`)
		rows.push(
			atMost('baseline/orders, evicted once and killed twice half-way', n, cut.tally.count('orders', 'scan'), 'requests', limit + cuts),
		)
		rows.push(...(await heap(context)))
		return rows
	},
}

async function heap(context: Parameters<Bench['run']>[0]): Promise<Row[]> {
	const bell = await context.shopbell()
	const { heapAfter, heapMost, rowsWritten } = bell.learned
	const most = told('baseline/heap of the isolate while it runs, at most', context.n, heapMost / MEGABYTE, 'MB')
	const result: Row[] = [
		told('baseline/heap of the isolate afterwards', context.n, heapAfter / MEGABYTE, 'MB'),
		most,
		told('baseline/rows written an object', context.n, rowsWritten / (4 * context.n), 'rows'),
	]
	const small = atSmallest(context, most.bench)
	if (small !== undefined)
		result.push(
			atMost(`baseline/heap of the isolate, more than at ${context.smallest}`, context.n, most.value - small.value, 'MB', HEAP_LIMIT),
		)
	return result
}

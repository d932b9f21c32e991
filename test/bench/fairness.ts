/** How long a hard deletion takes to be sent while the shop is busy and slow: virtual seconds of a whole Shopbell in plain Node. */
import { startLoad } from '../support/load.ts'
import { atMost, reported, type Bench, type BenchRow } from './bench.ts'
import { completeBaseline, createNodeShopbell, LABELS } from './node-shopbell.ts'

const EDITS_PER_SECOND = 2
const SETTLING_MS = 3 * 60_000
/** Within so many intervals, or times of a run alone, whichever is longer, a deletion is sent. */
const MAX_RUNS = 5

/** Two edits a second, every answer of the store late, one deletion of each resource after the other. */
export const fairnessBench: Bench = {
	name: 'fairness',
	about: 'seconds until a hard deletion is sent while two objects a second are edited and the store is slow',
	sizes: 'once',
	run: async (context) => {
		const { n } = context
		const rows: BenchRow[] = []
		for (const delayMs of [700, 2_500])
			for (const intervalMs of [12_000, 24_000]) {
				const shopbell = await createNodeShopbell(n, { pollIntervalMs: intervalMs })
				await completeBaseline(shopbell)
				const { world } = shopbell
				world.storeDelayMs = delayMs
				const load = startLoad(world, EDITS_PER_SECOND)
				await load.advance(SETTLING_MS)
				const waits: number[] = []
				for (const label of LABELS) {
					const waitedMs = await load.deleteAndWait(label)
					context.log(`${label}: ${waitedMs === null ? 'not sent' : `${waitedMs / 1000} s`}`)
					waits.push(waitedMs ?? Infinity)
				}
				const aloneMs = load.getRunAloneMs()
				const name = `fairness/answers ${delayMs / 1000} s later, polls every ${intervalMs / 1000} s`
				const limitMs = MAX_RUNS * Math.max(intervalMs, aloneMs)
				rows.push(
					atMost(`${name}: slowest deletion`, n, Math.max(...waits) / 1000, 's', limitMs / 1000),
					reported(`${name}: a run alone`, n, aloneMs / 1000, 's'),
				)
				load.stop()
				world.store.close()
			}
		return rows
	},
}

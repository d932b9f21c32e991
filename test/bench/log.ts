/** Rows that reading the event log costs, whatever its length: counted by the real runtime, behind the API itself. */
import { atMost, type Bench, type BenchRow } from './bench.ts'
import type { RowCount } from './commands.ts'
import { startShopbell } from './shopbell.ts'

const PAGE_SIZE = 100
/** Rows beside the page's own: notifications of ten events each, and a few to find them. */
const EXTRA_ROWS = 20
/** Of a page whose events have a notification each, or two: one for each callback. */
const MAX_PAGE_ROWS = 310
/** A second between events. */
const STEP_MS = 1_000

/** Pages of a log of n events. */
export const logBench: Bench = {
	name: 'log',
	about: 'rows that a page of the event log reads, of as many events as the size says',
	sizes: 'each',
	run: async (context) => {
		const { n } = context
		const shopbell = await startShopbell({ n: 20, configuration: { 'event.poller.refresh_interval': 60 * 24 } })
		try {
			await shopbell.completeBaseline()
			context.log(`${n} events`)
			const firstEventMs = shopbell.now() - n * STEP_MS
			await shopbell.fillLog({ events: n, batch: 10, stepMs: STEP_MS })
			const rows: BenchRow[] = []
			const measurePage = async (
				query: string,
			): Promise<{ read: RowCount; d1: number; body: unknown[]; next: string | null }> => {
				await shopbell.takeCounts()
				const { body, next } = await shopbell.getPage<unknown[]>(`/events?${query}`)
				const { object, d1 } = await shopbell.takeCounts()
				const sum = (rowCounts: Record<string, RowCount>): RowCount =>
					Object.values(rowCounts).reduce(
						(all, table) => ({ read: all.read + table.read, written: all.written + table.written }),
						{
							read: 0,
							written: 0,
						},
					)
				return { read: sum(object), d1: sum(d1).read, body, next }
			}
			const newest = await measurePage(`pageSize=${PAGE_SIZE}`)
			if (newest.body.length !== PAGE_SIZE) throw new Error(`the page has ${newest.body.length} events`)
			rows.push(
				atMost(
					`log/rows read of a page of ${PAGE_SIZE}, ten events a notification`,
					n,
					newest.read.read,
					'rows',
					PAGE_SIZE + EXTRA_ROWS,
				),
				atMost('log/rows written of it', n, newest.read.written, 'rows', 0),
			)
			const second = await measurePage(`pageSize=${PAGE_SIZE}&nextPage=${newest.next}`)
			rows.push(atMost('log/rows read of the page after it', n, second.read.read, 'rows', PAGE_SIZE + EXTRA_ROWS))
			// In the middle of the log: two moments are sought.
			const middle = new Date(firstEventMs + (n / 2) * STEP_MS)
			const ranged = await measurePage(
				`pageSize=${PAGE_SIZE}&from=${new Date(middle.getTime() - 3_600_000).toISOString()}&to=${middle.toISOString()}`,
			)
			rows.push(
				atMost(
					'log/rows read of a page in the middle, by time',
					n,
					ranged.read.read,
					'rows',
					PAGE_SIZE + EXTRA_ROWS + 2 * (Math.ceil(Math.log2(n)) + 3),
				),
			)
			const filtered = await measurePage(`pageSize=${PAGE_SIZE}&objectId=none`)
			rows.push(
				atMost('log/rows read by a filter that finds nothing', n, filtered.read.read, 'rows', 5_000 + EXTRA_ROWS),
			)
			await shopbell.fillLog({ events: 3 * PAGE_SIZE, batch: 1, stepMs: 1 })
			rows.push(
				atMost(
					`log/rows read of a page of ${PAGE_SIZE}, an event a notification`,
					n,
					(await measurePage(`pageSize=${PAGE_SIZE}`)).read.read,
					'rows',
					MAX_PAGE_ROWS,
				),
			)
			return rows
		} finally {
			await shopbell.close()
		}
	},
}

/** Rows that reading the event log costs, whatever its length: counted by the real runtime, behind the API itself. */
import { atMost, type Bench, type Row } from './bench.ts'
import type { RowCount } from './orders.ts'
import { startShopbell } from './shopbell.ts'

const PAGE = 100
/** Rows beside the page's own: what the notifications that carry it came to. */
const BESIDE = 10
/** A second between events. */
const STEP_MS = 1_000

/** Pages of a log of n events. */
export const log: Bench = {
	name: 'log',
	about: 'rows that a page of the event log reads, of as many events as the size says',
	sizes: 'each',
	run: async (context) => {
		const { n } = context
		const bell = await startShopbell({ n: 20, configuration: { 'event.poller.refresh_interval': 60 * 24 } })
		try {
			await bell.learn()
			context.say(`${n} events`)
			const first = bell.now() - n * STEP_MS
			await bell.putEvents({ events: n, batch: 10, stepMs: STEP_MS })
			const rows: Row[] = []
			const asked = async (query: string): Promise<{ read: RowCount; d1: number; body: unknown[]; next: string | null }> => {
				await bell.counts()
				const { body, next } = await bell.page<unknown[]>(`/events?${query}`)
				const { object, d1 } = await bell.counts()
				const sum = (of: Record<string, RowCount>): RowCount =>
					Object.values(of).reduce((all, one) => ({ read: all.read + one.read, written: all.written + one.written }), {
						read: 0,
						written: 0,
					})
				return { read: sum(object), d1: sum(d1).read, body, next }
			}
			const newest = await asked(`pageSize=${PAGE}`)
			if (newest.body.length !== PAGE) throw new Error(`the page has ${newest.body.length} events`)
			rows.push(
				atMost(`log/rows read of a page of ${PAGE}, ten events a notification`, n, newest.read.read, 'rows', PAGE + BESIDE),
				atMost('log/rows written of it', n, newest.read.written, 'rows', 0),
			)
			const second = await asked(`pageSize=${PAGE}&nextPage=${newest.next}`)
			rows.push(atMost('log/rows read of the page after it', n, second.read.read, 'rows', PAGE + BESIDE))
			// In the middle of the log: two moments are sought.
			const middle = new Date(first + (n / 2) * STEP_MS)
			const ranged = await asked(`pageSize=${PAGE}&from=${new Date(middle.getTime() - 3_600_000).toISOString()}&to=${middle.toISOString()}`)
			rows.push(
				atMost(
					'log/rows read of a page in the middle, by time',
					n,
					ranged.read.read,
					'rows',
					PAGE + BESIDE + 2 * (Math.ceil(Math.log2(n)) + 3),
				),
			)
			const filtered = await asked(`pageSize=${PAGE}&objectId=none`)
			rows.push(atMost('log/rows read by a filter that finds nothing', n, filtered.read.read, 'rows', 5_000 + BESIDE))
			await bell.putEvents({ events: 3 * PAGE, batch: 1, stepMs: 1 })
			rows.push(
				atMost(
					`log/rows read of a page of ${PAGE}, an event a notification`,
					n,
					(await asked(`pageSize=${PAGE}`)).read.read,
					'rows',
					PAGE + BESIDE,
				),
			)
			return rows
		} finally {
			await bell.close()
		}
	},
}

/** Counting what the log had in a range: whole hours out of what was counted on the way (tally.ts), minutes and seconds out of the log itself. */
import type { Core } from './core.ts'
import { carrierIds } from './event-log.ts'
import type { TallyBucket, TallyQuery } from './log-rpc.ts'
import { firstAt } from './seek.ts'
import { readCarriers } from './log-pages.ts'
import { DAY_HOURS, HOUR_MS, hoursOf, isAccepted } from './tally.ts'
import { unsettledRows } from './unsettled.ts'

/** Events that a count finer than an hour reads, and given-up notifications that any count looks at. */
const MOST_READ = 20_000
const MOST_GIVEN_UP = 10_000

/** Counts of a range, by units from the one that `fromMs` lies in to the one that `toMs` lies in, both whole; those without events left out. */
export function tallyOf(core: Core, query: TallyQuery): TallyBucket[] | 'too-many' {
	// What the memory lost is counted first.
	unsettledRows(core)
	const { sql } = core.ports
	const unitMs = { hour: HOUR_MS, minute: 60_000, second: 1_000 }[query.unit]
	const fromMs = Math.floor(query.fromMs / unitMs) * unitMs
	const endMs = (Math.floor(query.toMs / unitMs) + 1) * unitMs
	const buckets = new Map<number, TallyBucket>()
	const bucketOf = (ms: number): TallyBucket => {
		const atMs = Math.floor(ms / unitMs) * unitMs
		const bucket = buckets.get(atMs) ?? { atMs, count: 0, success: 0, failed: 0 }
		buckets.set(atMs, bucket)
		return bucket
	}
	if (query.unit === 'hour') {
		const [first, end] = [fromMs / HOUR_MS, endMs / HOUR_MS]
		const days = sql.all<{ day: number; hours: string }>(
			`SELECT day, hours FROM days WHERE day >= ? AND day <= ?`,
			Math.floor(first / DAY_HOURS),
			Math.floor((end - 1) / DAY_HOURS),
		)
		for (const [hour, recorded, accepted] of [...days.flatMap(hoursOf), ...core.state.tally]) {
			if (hour < first || hour >= end) continue
			const bucket = bucketOf(hour * HOUR_MS)
			bucket.count += recorded
			bucket.success += accepted
		}
	} else {
		const rows = sql.all<{ recorded: number; notifications: string | null }>(
			`SELECT recorded, notifications FROM events WHERE sequence >= ? AND sequence < ? ORDER BY sequence LIMIT ?`,
			firstAt(sql, 'events', fromMs),
			firstAt(sql, 'events', endMs),
			MOST_READ + 1,
		)
		if (rows.length > MOST_READ) return 'too-many'
		const carriers = readCarriers(core, rows.flatMap(carrierIds))
		for (const row of rows) {
			const bucket = bucketOf(row.recorded)
			bucket.count++
			if (carrierIds(row).some((id) => isAccepted(carriers.get(id) ?? { status: '', delivered: null }))) bucket.success++
		}
	}
	for (const recorded of givenUp(core, fromMs, endMs)) bucketOf(recorded).failed++
	return [...buckets.values()].sort((a, b) => a.atMs - b.atMs)
}

/** When the events of a range were recorded that were given up and wait to be released: of the newest 10 000 such notifications. */
function givenUp(core: Core, fromMs: number, endMs: number): number[] {
	const { sql } = core.ports
	const first = firstAt(sql, 'notifications', fromMs)
	const found = new Map<number, number>()
	for (const { id } of sql.all<{ id: number }>(`SELECT id FROM subscriptions`)) {
		for (const row of sql.all<{ sequence: number; recorded: number; notifications: string }>(
			`SELECT e.sequence, e.recorded, e.notifications FROM (SELECT id, members FROM notifications WHERE subscription = ? AND status = 'queued' AND id >= ? ORDER BY id DESC LIMIT ?) AS n, json_each(n.members) AS m
			JOIN events AS e ON e.sequence = json_extract(m.value, '$[0]') WHERE e.recorded >= ? AND e.recorded < ?`,
			id,
			first,
			MOST_GIVEN_UP,
			fromMs,
			endMs,
		)) {
			const carriers = carrierIds(row)
			if (carriers.length < 2 || ![...readCarriers(core, carriers).values()].some(isAccepted)) found.set(row.sequence, row.recorded)
		}
	}
	return [...found.values()]
}

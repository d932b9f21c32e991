/** Counting what the log had in a range: whole hours out of what was counted on the way (tally.ts), minutes and seconds out of the log itself. */
import { parseMembers } from '../../events/member.ts'
import type { Core } from '../core/core.ts'
import { carrierIds } from '../log/event-log.ts'
import type { TallyBucket, TallyQuery } from '../../rpc/log.ts'
import { firstAt } from '../log/lower-bound.ts'
import { readCarriers } from './log-pages.ts'
import { HOUR_MS, hoursBetween, isAccepted } from '../log/tally.ts'
import { unsettledRows } from '../outbox/unsettled.ts'

/** Events that a count finer than an hour reads, and of those that were given up any count. */
const MOST_READ = 20_000
/** Given-up notifications that any count looks at. */
const MOST_GIVEN_UP = 10_000
/** A notification that has left the log, or was not read: not accepted, as far as is known. */
const NOBODY = { status: '', delivered: null }

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
		for (const [hour, recorded, accepted] of hoursBetween(core, first, end)) {
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
			if (carrierIds(row).some((id) => isAccepted(carriers.get(id) ?? NOBODY))) bucket.success++
		}
	}
	for (const recorded of givenUp(core, fromMs, endMs)) bucketOf(recorded).failed++
	return [...buckets.values()].sort((a, b) => a.atMs - b.atMs)
}

/**
 * When the events of a range were recorded that were given up and wait to be released, by the first 10 000 such notifications since its
 * beginning. They are looked at from there on and not up to its end: an event may have waited long before it was formed and queued.
 */
function givenUp(core: Core, fromMs: number, endMs: number): number[] {
	const { sql } = core.ports
	const [first, end] = [firstAt(sql, 'events', fromMs), firstAt(sql, 'events', endMs)]
	const since = firstAt(sql, 'notifications', fromMs)
	const wanted = new Set<number>()
	let left = MOST_GIVEN_UP
	for (const { id } of sql.all<{ id: number }>(`SELECT id FROM subscriptions`)) {
		for (const { members } of sql.each<{ members: string }>(
			`SELECT members FROM notifications WHERE subscription = ? AND status = 'queued' AND id >= ? ORDER BY id LIMIT ?`,
			id,
			since,
			left,
		)) {
			left--
			for (const [sequence] of parseMembers(members)) if (sequence >= first && sequence < end) wanted.add(sequence)
			if (wanted.size >= MOST_READ) break
		}
		if (left === 0 || wanted.size >= MOST_READ) break
	}
	const events = sql.all<{ recorded: number; notifications: string | null }>(
		`SELECT recorded, notifications FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
		JSON.stringify([...wanted]),
	)
	// Of several subscriptions another one may have accepted it.
	const carriers = readCarriers(core, [
		...new Set(
			events
				.map(carrierIds)
				.filter((ids) => ids.length > 1)
				.flat(),
		),
	])
	return events.filter((event) => !carrierIds(event).some((id) => isAccepted(carriers.get(id) ?? NOBODY))).map((event) => event.recorded)
}

/**
 * How many events each hour had, and how many of them were accepted (contract, section 6: analytics). Counted in the state row, which is
 * written anyway; days that are over move to a table, a row a day, so that counting costs an instance one row a day and not one an event.
 * What was given up is not counted on the way: it may still be released, and an index lists it.
 */
import { parseMembers } from '../events/member.ts'
import type { Core } from './core.ts'
import { carrierIds, readCarriers } from './log-pages.ts'
import type { TallyBucket, TallyQuery } from './log-rpc.ts'
import { firstAt } from './seek.ts'
import { unsettledRows } from './unsettled.ts'

const HOUR_MS = 3_600_000
const DAY_HOURS = 24
/** Days that counts are kept. */
const KEPT_DAYS = 400
/** Events that a count finer than an hour reads, and given-up notifications that any count looks at. */
const MOST_READ = 20_000
const MOST_GIVEN_UP = 10_000

/** Hours since 1970, events recorded in it, and how many of all that were recorded then were accepted since. */
export type HourTally = [hour: number, recorded: number, accepted: number]

/** Events were recorded. Call it inside `core.commit`. */
export function noteRecorded(core: Core, events: number): void {
	if (events > 0) add(core, Math.floor(core.ports.now() / HOUR_MS), events, 0)
}

/**
 * A notification was accepted for the first time: counts it, and those of its events that no other one has brought before. What the memory
 * loses of this is counted when the list of what is unsettled is read again (`readUnsettled`), which is stored with it. `uncounted`: other
 * notifications that were accepted and are still to be counted.
 */
export function noteAccepted(core: Core, notification: { id: number; members: string }, uncounted: ReadonlySet<number> = NONE): void {
	core.state.counters.delivered++
	for (const [sequence, , , extra] of parseMembers(notification.members)) {
		// Those that a coalesced one stands for are behind it in its object's chain.
		let left = extra?.c ?? 1
		for (let at: number | null = sequence, looked = 0; at !== null && left > 0 && looked < 4 * (extra?.c ?? 1); looked++) {
			const event: { recorded: number; previous_event: number | null; notifications: string | null } | undefined = core.ports.sql.all<{
				recorded: number
				previous_event: number | null
				notifications: string | null
			}>(`SELECT recorded, previous_event, notifications FROM events WHERE sequence = ?`, at)[0]
			if (event === undefined) break
			const carriers = carrierIds(event)
			if (carriers.includes(notification.id)) {
				left--
				if (
					!acceptedBefore(
						core,
						carriers.filter((id) => id !== notification.id && !uncounted.has(id)),
					)
				)
					add(core, Math.floor(event.recorded / HOUR_MS), 0, 1)
			}
			at = event.previous_event
		}
	}
}

const NONE: ReadonlySet<number> = new Set()

function acceptedBefore(core: Core, others: readonly number[]): boolean {
	return others.length > 0 && [...readCarriers(core.ports.sql, [{ notifications: JSON.stringify(others) }]).values()].some(isAccepted)
}

function isAccepted(carrier: { status: string; delivered: number | null }): boolean {
	return carrier.delivered !== null || carrier.status === 'delivered'
}

function add(core: Core, hour: number, recorded: number, accepted: number): void {
	const { state } = core
	const at = state.tally.findIndex(([one]) => one === hour)
	const [, before, had] = state.tally[at] ?? [hour, 0, 0]
	const entry: HourTally = [hour, before + recorded, had + accepted]
	state.tally = at === -1 ? [...state.tally, entry] : state.tally.with(at, entry)
}

/** Moves the counts of days that are over to their rows, and forgets those that are too old. Call it inside `core.commit`. */
export function keepTally(core: Core): void {
	const { state, ports } = core
	const today = Math.floor(ports.now() / HOUR_MS / DAY_HOURS)
	const over = state.tally.filter(([hour]) => Math.floor(hour / DAY_HOURS) < today)
	if (over.length === 0) return
	for (const day of new Set(over.map(([hour]) => Math.floor(hour / DAY_HOURS)))) {
		const hours = sumHours([...readDay(core, day), ...over.filter(([hour]) => Math.floor(hour / DAY_HOURS) === day)])
		ports.sql.run(
			`INSERT OR REPLACE INTO days (day, hours) VALUES (?, ?)`,
			day,
			JSON.stringify(hours.map(([hour, ...counts]) => [hour % DAY_HOURS, ...counts])),
		)
	}
	ports.sql.run(`DELETE FROM days WHERE day < ?`, today - KEPT_DAYS)
	state.tally = state.tally.filter((one) => !over.includes(one))
}

function readDay(core: Core, day: number): HourTally[] {
	return core.ports.sql.all<{ day: number; hours: string }>(`SELECT day, hours FROM days WHERE day = ?`, day).flatMap(hoursOf)
}

function hoursOf({ day, hours }: { day: number; hours: string }): HourTally[] {
	return (JSON.parse(hours) as HourTally[]).map(([hour, ...counts]) => [day * DAY_HOURS + hour, ...counts])
}

function sumHours(entries: readonly HourTally[]): HourTally[] {
	const sums = new Map<number, HourTally>()
	for (const [hour, recorded, accepted] of entries) {
		const [, before, had] = sums.get(hour) ?? [hour, 0, 0]
		sums.set(hour, [hour, before + recorded, had + accepted])
	}
	return [...sums.values()].sort(([a], [b]) => a - b)
}

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
		const carriers = readCarriers(sql, rows)
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
			if (carriers.length < 2 || ![...readCarriers(sql, [row]).values()].some(isAccepted)) found.set(row.sequence, row.recorded)
		}
	}
	return [...found.values()]
}

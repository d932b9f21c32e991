/**
 * How many events each hour had, and how many of them were accepted (contract, section 6: analytics). Counted in the state row, which is
 * written anyway; days that are over move to a table, a row a day, so that counting costs an instance one row a day and not one an event.
 * What was given up is not counted on the way: it may still be released, and an index lists it.
 */
import { parseMembers } from '../../events/member.ts'
import type { Core } from '../core/core.ts'
import { carrierIds } from './event-log.ts'
import { storedCarriers } from '../core/settled.ts'
import type { HourTally } from '../core/state.ts'

/** An hour, ms. */
export const HOUR_MS = 3_600_000
const DAY_HOURS = 24
/** Days that counts are kept. */
const KEPT_DAYS = 400

/** Events were recorded, stamped with `atMs`. Call it inside `core.commit`. */
export function noteRecorded(core: Core, events: number, atMs: number): void {
	if (events > 0) add(core, Math.floor(atMs / HOUR_MS), events, 0)
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
	return storedCarriers(core.ports.sql, others).some(isAccepted)
}

/** Whether a notification was accepted at any time. */
export function isAccepted(carrier: { status: string; delivered: number | null }): boolean {
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

/** What the hours from `first` up to `end` had; what an hour had may stand in two entries, which are to be added. */
export function hoursBetween(core: Core, first: number, end: number): HourTally[] {
	const days = core.ports.sql.all<{ day: number; hours: string }>(
		`SELECT day, hours FROM days WHERE day >= ? AND day <= ?`,
		Math.floor(first / DAY_HOURS),
		Math.floor((end - 1) / DAY_HOURS),
	)
	return [...days.flatMap(hoursOf), ...core.state.tally].filter(([hour]) => hour >= first && hour < end)
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

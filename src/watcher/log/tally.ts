/**
 * How many events each hour had, and how many of them were accepted (docs/contract.md §6: analytics). Counted in the
 * state row, which is written anyway; days that are over move to a table, a row a day, so that counting costs an
 * instance one row a day and not one an event. What was given up is not counted on the way: it may still be released,
 * and an index lists it.
 */
import { HOUR_MS } from '../../lib/time.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { getNotificationIds } from './event-log.ts'
import { readStoredStatuses } from '../core/settled.ts'
import type { HourTally } from '../core/state.ts'

const DAY_HOURS = 24
/** Days that counts are kept. */
const RETENTION_DAYS = 400

/** Events were recorded, stamped with `atMs`. Call it inside `core.commit`. */
export function countRecorded(core: Core, events: number, atMs: number): void {
	if (events > 0) addToHour(core, Math.floor(atMs / HOUR_MS), events, 0)
}

/**
 * A notification was accepted for the first time: counts it, and those of its events that no other one has brought
 * before. What the memory loses of this is counted when the list of what is unsettled is read again (`readUnsettled`),
 * which is stored with it. `uncounted`: other notifications that were accepted and are still to be counted.
 */
export function countAccepted(
	core: Core,
	notification: { id: number; members: string },
	uncounted: ReadonlySet<number> = NO_IDS,
): void {
	core.state.counters.delivered++
	for (const [sequence, , , extra] of parseMembers(notification.members)) {
		// Those that a coalesced one stands for are behind it in its object's chain.
		let remaining = extra?.c ?? 1
		for (
			let currentSequence: number | null = sequence, visited = 0;
			currentSequence !== null && remaining > 0 && visited < 4 * (extra?.c ?? 1);
			visited++
		) {
			const event: { recorded: number; previous_event: number | null; notifications: string | null } | undefined =
				core.ports.sql.all<{
					recorded: number
					previous_event: number | null
					notifications: string | null
				}>(`SELECT recorded, previous_event, notifications FROM events WHERE sequence = ?`, currentSequence)[0]
			if (event === undefined) break
			const notificationIds = getNotificationIds(event)
			if (notificationIds.includes(notification.id)) {
				remaining--
				if (
					!isAcceptedByAny(
						core,
						notificationIds.filter((id) => id !== notification.id && !uncounted.has(id)),
					)
				)
					addToHour(core, Math.floor(event.recorded / HOUR_MS), 0, 1)
			}
			currentSequence = event.previous_event
		}
	}
}

const NO_IDS: ReadonlySet<number> = new Set()

function isAcceptedByAny(core: Core, others: readonly number[]): boolean {
	return readStoredStatuses(core.ports.sql, others).some(isAccepted)
}

/** Whether a notification was accepted at any time. */
export function isAccepted(notification: { status: string; delivered: number | null }): boolean {
	return notification.delivered !== null || notification.status === 'delivered'
}

function addToHour(core: Core, hour: number, recorded: number, accepted: number): void {
	const { state } = core
	const index = state.tally.findIndex(([entryHour]) => entryHour === hour)
	const [, priorRecorded, priorAccepted] = state.tally[index] ?? [hour, 0, 0]
	const entry: HourTally = [hour, priorRecorded + recorded, priorAccepted + accepted]
	state.tally = index === -1 ? [...state.tally, entry] : state.tally.with(index, entry)
}

/**
 * Moves the counts of days that are over to their rows, and forgets those that are too old. Call it inside
 * `core.commit`.
 */
export function archiveTally(core: Core): void {
	const { state, ports } = core
	const today = Math.floor(ports.now() / HOUR_MS / DAY_HOURS)
	const completed = state.tally.filter(([hour]) => Math.floor(hour / DAY_HOURS) < today)
	if (completed.length === 0) return
	for (const day of new Set(completed.map(([hour]) => Math.floor(hour / DAY_HOURS)))) {
		const hours = sumHours([
			...readDay(core, day),
			...completed.filter(([hour]) => Math.floor(hour / DAY_HOURS) === day),
		])
		ports.sql.run(
			`INSERT OR REPLACE INTO days (day, hours) VALUES (?, ?)`,
			day,
			JSON.stringify(hours.map(([hour, ...counts]) => [hour % DAY_HOURS, ...counts])),
		)
	}
	ports.sql.run(`DELETE FROM days WHERE day < ?`, today - RETENTION_DAYS)
	state.tally = state.tally.filter((entry) => !completed.includes(entry))
}

function readDay(core: Core, day: number): HourTally[] {
	return core.ports.sql
		.all<{ day: number; hours: string }>(`SELECT day, hours FROM days WHERE day = ?`, day)
		.flatMap(parseHours)
}

/** What the hours from `first` up to `end` had; what an hour had may stand in two entries, which are to be added. */
export function getHoursBetween(core: Core, first: number, end: number): HourTally[] {
	const days = core.ports.sql.all<{ day: number; hours: string }>(
		`SELECT day, hours FROM days WHERE day >= ? AND day <= ?`,
		Math.floor(first / DAY_HOURS),
		Math.floor((end - 1) / DAY_HOURS),
	)
	return [...days.flatMap(parseHours), ...core.state.tally].filter(([hour]) => hour >= first && hour < end)
}

function parseHours({ day, hours }: { day: number; hours: string }): HourTally[] {
	return (JSON.parse(hours) as HourTally[]).map(([hour, ...counts]) => [day * DAY_HOURS + hour, ...counts])
}

function sumHours(entries: readonly HourTally[]): HourTally[] {
	const sums = new Map<number, HourTally>()
	for (const [hour, recorded, accepted] of entries) {
		const [, priorRecorded, priorAccepted] = sums.get(hour) ?? [hour, 0, 0]
		sums.set(hour, [hour, priorRecorded + recorded, priorAccepted + accepted])
	}
	return [...sums.values()].sort(([a], [b]) => a - b)
}

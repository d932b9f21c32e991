/**
 * Counts by hour: recorded events by type, and how many of them were accepted (docs/contract.md §6). They are kept in
 * the state row, which is written anyway; past days move to a table with a row per day, so that counting costs one row
 * per day and not one per event. Events of failed notifications are not counted here: they may still be released, and
 * an index lists them.
 */
import { HOUR_MS } from '../../lib/time.ts'
import type { EventType } from '../../events/event.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import { countDelivered, countNotification, type DeliveredEvent } from './activity.ts'
import { getNotificationIds } from './event-log.ts'
import { POSTED_RESOURCE } from '../core/posted.ts'
import type { HourTally } from '../core/state.ts'
import type { Tx } from '../core/tx.ts'

const DAY_HOURS = 24
/** How many days counts are kept. */
const RETENTION_DAYS = 400

/** Counts events recorded at `atMs`. */
export function countRecorded(_tx: Tx, core: Core, events: readonly { eventType: EventType }[], atMs: number): void {
	if (events.length === 0) return
	const count = (type: EventType): number => events.filter(({ eventType }) => eventType === type).length
	addToHour(core, [Math.floor(atMs / HOUR_MS), events.length, 0, count('CREATED'), count('DELETED'), 0])
}

/**
 * Counts a notification that was accepted for the first time, and those of its events that no other notification has
 * delivered before. If the memory is lost before the next commit, `getUnsettledRows` counts it again. `atMs`: when it
 * was accepted. `uncounted`: other accepted notifications that are still to be counted.
 */
export function countAccepted(
	tx: Tx,
	core: Core,
	notification: { id: number; members: string },
	atMs: number,
	uncounted: ReadonlySet<number> = NO_IDS,
): void {
	core.state.counters.delivered++
	countNotification(tx, core, atMs)
	const members = parseMembers(notification.members)
	const known = readAcceptedEvents(
		core,
		members.map(([sequence]) => sequence),
	)
	for (const [sequence, resource, , extra] of members) {
		if (resource === POSTED_RESOURCE) continue
		// A coalesced event stands for events before it in its object's chain.
		let remaining = extra?.c ?? 1
		for (
			let currentSequence: number | null = sequence, visited = 0;
			currentSequence !== null && remaining > 0 && visited < 4 * (extra?.c ?? 1);
			visited++
		) {
			const event: AcceptedEvent | undefined =
				known.get(currentSequence) ?? readAcceptedEvents(core, [currentSequence]).get(currentSequence)
			if (event === undefined) break
			const notificationIds = getNotificationIds(event)
			if (notificationIds.includes(notification.id)) {
				remaining--
				if (
					!isAcceptedByAny(
						core,
						notificationIds.filter((id) => id !== notification.id && !uncounted.has(id)),
					)
				) {
					addToHour(core, [Math.floor(event.recorded / HOUR_MS), 0, 1, 0, 0, 0])
					countDelivered(tx, core, event, atMs)
				}
			}
			currentSequence = event.previous_event
		}
	}
}

function readAcceptedEvents(core: Core, sequences: readonly number[]): Map<number, AcceptedEvent> {
	const rows = core.ports.sql.all<AcceptedEvent>(
		`SELECT sequence, resource, date, recorded, lag, previous_event, notifications FROM events
		WHERE sequence IN (SELECT value FROM json_each(?))`,
		JSON.stringify(sequences),
	)
	return new Map(rows.map((row) => [row.sequence, row]))
}

/** What is read of an accepted event. */
interface AcceptedEvent extends DeliveredEvent {
	sequence: number
	previous_event: number | null
	notifications: string | null
}

const NO_IDS: ReadonlySet<number> = new Set()

function isAcceptedByAny(core: Core, others: readonly number[]): boolean {
	return core.notifications.readStatuses(others).some(wasAccepted)
}

/** Whether a notification was ever accepted. */
export function wasAccepted(notification: { status: string; delivered: number | null }): boolean {
	return notification.delivered !== null || notification.status === 'delivered'
}

function addToHour(core: Core, added: HourTally): void {
	const { state } = core
	const index = state.tally.findIndex(([hour]) => hour === added[0])
	const prior = state.tally[index]
	state.tally = prior === undefined ? [...state.tally, added] : state.tally.with(index, addTallies(prior, added))
}

function addTallies(one: HourTally, other: HourTally): HourTally {
	return [
		one[0],
		one[1] + other[1],
		one[2] + other[2],
		(one[3] ?? 0) + (other[3] ?? 0),
		(one[4] ?? 0) + (other[4] ?? 0),
		getUntyped(one) + getUntyped(other),
	]
}

/** How many of an hour's events are of unknown type, because an earlier version counted them. */
export function getUntyped([, recorded, , created, , untyped]: HourTally): number {
	return untyped ?? (created === undefined ? recorded : 0)
}

/** Moves the counts of past days to their rows, and deletes those that are too old. */
export function archiveTally(_tx: Tx, core: Core): void {
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

/** Counts of the hours from `first` up to `end`. An hour may have two entries, to be added. */
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
	for (const entry of entries) {
		const prior = sums.get(entry[0])
		sums.set(entry[0], prior === undefined ? entry : addTallies(prior, entry))
	}
	return [...sums.values()].sort(([a], [b]) => a - b)
}

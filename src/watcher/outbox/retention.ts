/**
 * Retention: settled events leave after their days, undelivered ones after thirty; from 6 GB on records of settled events go first; index
 * rows of dropped resources in slices (design, State).
 */
import { announce } from './operator-events.ts'
import { parseMembers } from '../../events/member.ts'
import type { Core } from '../core/core.ts'
import { flow } from './forming.ts'
import { forgetItem, isWanted } from './resend.ts'
import { pruneSettled } from '../core/settled.ts'
import { keepTally } from '../log/tally.ts'
import { leave } from './unsettled.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** What is undelivered is kept this long. */
const UNDELIVERED_MS = 30 * DAY_MS
const SLICE = 500
/** From so many bytes on, records of settled events go before their time. */
const SPARE_BYTES = 6e9

interface Row {
	sequence: number
	recorded: number
	notifications: string | null
}

/** An event and the notifications that tell of it. */
interface Told extends Row {
	carriers: Carrier[]
}

/** A notification, as far as it says whether its events may go. */
interface Carrier {
	id: number
	status: string
	settled: number | null
	delivered: number | null
	members: string
}

/** One slice of pruning. Afterwards `state.pruneMs` says when the next one is due. */
export function prune(core: Core): void {
	const { sql } = core.ports
	const { state } = core
	const now = core.ports.now()
	core.commit(() => {
		const dropped = state.dropped[0]
		if (dropped !== undefined) {
			sql.run(
				`DELETE FROM objects WHERE resource = ? AND id IN (SELECT id FROM objects WHERE resource = ? LIMIT ?)`,
				dropped,
				dropped,
				SLICE,
			)
			if (sql.all(`SELECT id FROM objects WHERE resource = ? LIMIT 1`, dropped).length === 0) {
				for (const table of ['pages', 'lookups', 'held', 'skipped']) sql.run(`DELETE FROM ${table} WHERE resource = ?`, dropped)
				state.dropped = state.dropped.slice(1)
			}
			state.pruneMs = now
			return
		}
		keepTally(core)
		if (core.ports.storedBytes() > SPARE_BYTES && spare(core)) return
		const kept = now - core.config.retentionDays * DAY_MS
		// The log is in the order of time: the first event that is too young ends it, without reading all that follow.
		const oldest = sql.all<{ recorded: number }>(
			`SELECT recorded FROM events WHERE sequence > ? ORDER BY sequence LIMIT 1`,
			state.prunedTo,
		)[0]
		const rows =
			oldest === undefined || oldest.recorded >= kept
				? []
				: sql
						.all<Row>(
							`SELECT sequence, recorded, notifications FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
							state.prunedTo,
							SLICE,
						)
						.filter((row) => row.recorded < kept)
		// Decided for all before any goes: they share notifications, and how many were never delivered is told.
		const doomed = rows.map((row): Told => ({ ...row, carriers: carriersOf(core, row) })).filter((row) => mayGo(core, row, kept, now))
		const lost = new Set(doomed.flatMap((row) => lostWith(core, row)))
		for (const row of doomed) drop(core, row)
		if (lost.size > 0) {
			state.counters.expired += lost.size
			announce(core, 'backlog.expired', `${lost.size} events were never delivered in 30 days and are dropped.`, { events: lost.size })
			// What waited for them waits no longer.
			flow(core)
		}
		const last = rows.at(-1)
		if (last !== undefined && rows.length === SLICE) {
			state.prunedTo = last.sequence
			state.pruneMs = now
			return
		}
		pruneSettled(sql, state)
		state.prunedTo = 0
		state.pruneMs = now + HOUR_MS
	})
}

/** Whether an event has had its time, and all that goes with it. */
function mayGo(core: Core, row: Told, kept: number, now: number): boolean {
	const bound = row.carriers.filter((one) => isBound(core, one))
	if (bound.length === 0 && row.carriers.some((one) => (one.settled ?? 0) >= kept)) return false
	if (bound.length === 0 && !isWaiting(core, row.sequence)) return true
	// A notification goes as a whole: its youngest event says when.
	return [row.recorded, ...bound.map((one) => youngestMs(core, one))].every((recorded) => now - recorded >= UNDELIVERED_MS)
}

/** What was queued after its last try is undelivered too, though nothing is due for it; what is to be sent again is kept for that. */
function isBound(core: Core, carrier: Carrier): boolean {
	return carrier.settled === null || carrier.status === 'queued' || isWanted(core, carrier.id)
}

function youngestMs(core: Core, carrier: Carrier): number {
	const [sequence] = parseMembers(carrier.members).at(-1)!
	return core.ports.sql.all<{ recorded: number }>(`SELECT recorded FROM events WHERE sequence = ?`, sequence)[0]?.recorded ?? 0
}

/** Events that nobody accepted and that go with this one. */
function lostWith(core: Core, row: Told): number[] {
	const carriers = row.carriers.filter((one) => isBound(core, one) && one.delivered === null && one.status !== 'delivered')
	if (carriers.length === 0 && !isWaiting(core, row.sequence)) return []
	return [row.sequence, ...carriers.flatMap((one) => parseMembers(one.members).map(([sequence]) => sequence))]
}

function drop(core: Core, row: Told): void {
	const { sql } = core.ports
	for (const { subscription } of waitersFor(core, row.sequence)) {
		sql.run(`DELETE FROM waiting WHERE subscription = ? AND sequence = ?`, subscription, row.sequence)
		// The object's next event follows this one, whatever was left out before it: that something is missing must show.
		sql.run(
			`DELETE FROM skipped WHERE subscription = ? AND (resource, object_id) IN (SELECT resource, object_id FROM events WHERE sequence = ?)`,
			subscription,
			row.sequence,
		)
	}
	for (const { id } of row.carriers) {
		sql.run(`DELETE FROM attempts WHERE notification = ?`, id)
		sql.run(`DELETE FROM notifications WHERE id = ?`, id)
		if (core.state.resending > 0) forgetItem(core, id)
		if (core.state.unsettled.includes(id)) leave(core, id)
	}
	sql.run(`DELETE FROM events WHERE sequence = ?`, row.sequence)
}

function carriersOf(core: Core, row: Row): Carrier[] {
	if (row.notifications === null) return []
	return (JSON.parse(row.notifications) as number[]).flatMap((id) =>
		core.ports.sql.all<Carrier>(`SELECT id, status, settled, delivered, members FROM notifications WHERE id = ?`, id),
	)
}

/** Takes the records off a slice of settled events, the oldest first. False: there are none left. */
function spare(core: Core): boolean {
	const { sql } = core.ports
	const { state } = core
	const rows = sql.all<Row>(
		`SELECT sequence, recorded, notifications FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?`,
		state.sparedTo,
		SLICE,
	)
	const last = rows.at(-1)
	if (last === undefined) {
		state.sparedTo = 0
		return false
	}
	for (const row of rows) {
		const ids = row.notifications ?? '[]'
		const bound = sql.all(
			`SELECT id FROM notifications WHERE id IN (SELECT value FROM json_each(?)) AND (settled IS NULL OR status = 'queued') LIMIT 1`,
			ids,
		)
		if (bound.length === 0 && !isWaiting(core, row.sequence))
			sql.run(`UPDATE events SET record = NULL WHERE sequence = ? AND record IS NOT NULL`, row.sequence)
	}
	state.sparedTo = last.sequence
	state.pruneMs = core.ports.now()
	return true
}

function isWaiting(core: Core, sequence: number): boolean {
	return waitersFor(core, sequence).length > 0
}

/** Subscriptions for which an event waits. */
function waitersFor(core: Core, sequence: number): { subscription: number }[] {
	return core.ports.sql.all<{ subscription: number }>(
		`SELECT subscription FROM waiting WHERE subscription IN (SELECT id FROM subscriptions) AND sequence = ?`,
		sequence,
	)
}

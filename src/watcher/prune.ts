/**
 * Retention: settled events leave after their days, undelivered ones after thirty; from 6 GB on records of settled events go first; index
 * rows of dropped resources in slices (design, State).
 */
import { announce } from './announcements.ts'
import type { Core } from './core.ts'
import { forgetItem, isWanted } from './resend.ts'
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
		const { expired } = state.counters
		for (const row of rows) pruneEvent(core, row, kept, now)
		const lost = state.counters.expired - expired
		if (lost > 0) announce(core, 'backlog.expired', `${lost} events were never delivered in 30 days and are dropped.`, { events: lost })
		const last = rows.at(-1)
		if (last !== undefined && rows.length === SLICE) {
			state.prunedTo = last.sequence
			state.pruneMs = now
			return
		}
		state.prunedTo = 0
		state.pruneMs = now + HOUR_MS
	})
}

function pruneEvent(core: Core, row: Row, kept: number, now: number): void {
	const { sql } = core.ports
	const ids = row.notifications === null ? [] : (JSON.parse(row.notifications) as number[])
	const carriers = ids.map(
		(id) => sql.all<{ status: string; settled: number | null }>(`SELECT status, settled FROM notifications WHERE id = ?`, id)[0],
	)
	// What was queued after its last try is undelivered too, though nothing is due for it; what is to be sent again is kept for that.
	const undelivered =
		carriers.some((one) => one !== undefined && (one.settled === null || one.status === 'queued')) || ids.some((id) => isWanted(core, id))
	if (!undelivered && carriers.some((one) => one !== undefined && (one.settled ?? 0) >= kept)) return
	const waits = isWaiting(core, row.sequence)
	if (undelivered || waits) {
		if (now - row.recorded < UNDELIVERED_MS) return
		core.state.counters.expired++
		sql.run(`DELETE FROM waiting WHERE subscription IN (SELECT id FROM subscriptions) AND sequence = ?`, row.sequence)
	}
	for (const id of ids) {
		sql.run(`DELETE FROM attempts WHERE notification = ?`, id)
		sql.run(`DELETE FROM notifications WHERE id = ?`, id)
		if (core.state.resending > 0) forgetItem(core, id)
		if (core.state.unsettled.includes(id)) leave(core, id)
	}
	sql.run(`DELETE FROM events WHERE sequence = ?`, row.sequence)
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
	return (
		core.ports.sql.all(
			`SELECT sequence FROM waiting WHERE subscription IN (SELECT id FROM subscriptions) AND sequence = ? LIMIT 1`,
			sequence,
		).length > 0
	)
}

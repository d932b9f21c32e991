/** Retention: settled events leave after their days, undelivered ones after thirty, index rows of dropped resources in slices (design, State). */
import type { Core } from './core.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** What is undelivered is kept this long. */
const UNDELIVERED_MS = 30 * DAY_MS
const SLICE = 500

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
				for (const table of ['pages', 'lookups', 'held']) sql.run(`DELETE FROM ${table} WHERE resource = ?`, dropped)
				state.dropped = state.dropped.slice(1)
			}
			state.pruneMs = now
			return
		}
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
		for (const row of rows) pruneEvent(core, row, kept, now)
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
	// What was queued after its last try is undelivered too, though nothing is due for it.
	const undelivered = carriers.some((one) => one !== undefined && (one.settled === null || one.status === 'queued'))
	if (!undelivered && carriers.some((one) => one !== undefined && (one.settled ?? 0) >= kept)) return
	const waits = ids.length === 0 && sql.all(`SELECT sequence FROM waiting WHERE sequence = ? LIMIT 1`, row.sequence).length > 0
	if (undelivered || waits) {
		if (now - row.recorded < UNDELIVERED_MS) return
		core.state.counters.expired++
		sql.run(`DELETE FROM waiting WHERE sequence = ?`, row.sequence)
	}
	for (const id of ids) {
		sql.run(`DELETE FROM attempts WHERE notification = ?`, id)
		sql.run(`DELETE FROM notifications WHERE id = ?`, id)
		if (core.state.unsettled.includes(id)) core.state.unsettled = core.state.unsettled.filter((one) => one !== id)
	}
	sql.run(`DELETE FROM events WHERE sequence = ?`, row.sequence)
}

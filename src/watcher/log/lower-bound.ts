/** Finds a time by bisection in a table whose numbers ascend with time. */
import type { Sql } from '../core/ports.ts'

/** The tables, with their columns of number and time. */
const TIME_COLUMNS = {
	events: { number: 'sequence', at: 'recorded' },
	notifications: { number: 'id', at: 'created' },
} as const

/**
 * The lowest number of rows made at or after a time (epoch ms): all rows below it are older. Reads about log₂(rows)
 * rows.
 */
export function findLowerBound(sql: Sql, table: keyof typeof TIME_COLUMNS, ms: number): number {
	const { number, at } = TIME_COLUMNS[table]
	const range = sql.all<{ low: number | null; high: number | null }>(`SELECT
		(SELECT ${number} FROM ${table} ORDER BY ${number} LIMIT 1) AS low,
		(SELECT ${number} FROM ${table} ORDER BY ${number} DESC LIMIT 1) AS high`)[0]
	let low = range?.low ?? 1
	let high = (range?.high ?? 0) + 1
	while (low < high) {
		const middle = Math.floor((low + high) / 2)
		const row = sql.all<{ number: number; at: number }>(
			`SELECT ${number} AS number, ${at} AS at FROM ${table} WHERE ${number} >= ? ORDER BY ${number} LIMIT 1`,
			middle,
		)[0]
		if (row === undefined || row.at >= ms) high = middle
		else low = row.number + 1
	}
	return low
}

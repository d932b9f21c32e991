/** Finding a moment in a table whose numbers ascend with time: a few rows are read, however long it is. */
import type { Sql } from '../core/ports.ts'

/** The tables, and which column says when a row was made. */
const TIME_COLUMNS = {
	events: { number: 'sequence', at: 'recorded' },
	notifications: { number: 'id', at: 'created' },
} as const

/**
 * The least number that a row made at or after a moment (epoch ms) may have: all rows below it are older. It bisects,
 * and so reads about as many rows as the number of rows has binary digits.
 */
export function findLowerBound(sql: Sql, table: keyof typeof TIME_COLUMNS, ms: number): number {
	const { number, at } = TIME_COLUMNS[table]
	const range = sql.all<{ low: number | null; high: number | null }>(`SELECT
		(SELECT ${number} FROM ${table} ORDER BY ${number} LIMIT 1) AS low, (SELECT ${number} FROM ${table} ORDER BY ${number} DESC LIMIT 1) AS high`)[0]
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

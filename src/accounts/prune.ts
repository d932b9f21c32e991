/** The cron's pruning of accounts: deletes expired rows, a limited number per run. */
import { ATTEMPTS_WINDOW_MS } from './sign-in-attempts.ts'
import { pruneAuditStatement } from './audit.ts'

/** Rows per table and run. The cron runs every five minutes, so this deletes half a million per day. */
const MAX_ROWS_PER_RUN = 2000

/** Deletes at most `limit` rows per table. The next run continues, also after an interruption. */
export async function pruneAccounts(db: D1Database, nowMs: number, limit = MAX_ROWS_PER_RUN): Promise<void> {
	const deleteExpired = (
		table: 'sessions' | 'links' | 'sign_in_attempts' | 'idempotency',
		key: string,
		column: string,
		beforeMs: number,
	) =>
		db
			.prepare(
				`DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE
					${column} <= ? ORDER BY ${column} LIMIT ?)`,
			)
			.bind(beforeMs, limit)
	await db.batch([
		deleteExpired('sessions', 'id', 'expires_ms', nowMs),
		deleteExpired('links', 'user_id', 'expires_ms', nowMs),
		deleteExpired('sign_in_attempts', 'subject', 'since_ms', nowMs - ATTEMPTS_WINDOW_MS),
		deleteExpired('idempotency', 'rowid', 'expires_ms', nowMs),
		pruneAuditStatement(db, nowMs, limit),
	])
}

/** What the cron takes away of accounts: what is over, some rows a round. */
import { ATTEMPTS_WINDOW_MS } from './sign-in-attempts.ts'
import { pruneAuditStatement } from './audit.ts'

/** Rows of a table a round, every five minutes: half a million a day. */
const MAX_ROWS_PER_RUN = 2000

/** One round of at most `limit` rows a table. What it leaves, or is cut off from, is the next round's. */
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

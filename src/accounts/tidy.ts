/** What the cron takes away of accounts: what is over, some rows a round. */
import { ATTEMPTS_WINDOW_MS } from './attempts.ts'
import { pruneAudit } from './audit.ts'

/** Rows of a table a round, every five minutes: half a million a day. */
const LIMIT = 2000

/** One round of at most `limit` rows a table. What it leaves, or is cut off from, is the next round's. */
export async function tidyAccounts(db: D1Database, nowMs: number, limit = LIMIT): Promise<void> {
	const over = (table: 'sessions' | 'links' | 'sign_in_attempts' | 'idempotency', key: string, column: string, beforeMs: number) =>
		db
			.prepare(`DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE ${column} <= ? ORDER BY ${column} LIMIT ?)`)
			.bind(beforeMs, limit)
	await db.batch([
		over('sessions', 'id', 'expires_ms', nowMs),
		over('links', 'user_id', 'expires_ms', nowMs),
		over('sign_in_attempts', 'subject', 'since_ms', nowMs - ATTEMPTS_WINDOW_MS),
		over('idempotency', 'rowid', 'expires_ms', nowMs),
		pruneAudit(db, nowMs, limit),
	])
}

/** Backup and restore of D1, and the end of a restore by D1's time travel (docs/operations.md, Backups). */
import {
	columnsSql,
	getKeyColumns,
	insertStatement,
	LIST_TABLES_SQL,
	pageStatement,
	type ColumnInfo,
	type Statement,
} from '../lib/table-backup.ts'
import type { BackupCursor, BackupPage, StoredRow } from '../rpc/backup.ts'

const MAX_PAGE_ROWS = 200

/** What a row of `instances` or `users` refers to comes before it. */
const FIRST_TABLES = ['organizations', 'users', 'instances']

/** A restore skips ids that may have been given out after the backup, or after the time to which D1 was restored. */
const RESTORE_ID_GAP = 10_000

/** The refs of the objects that a backup holds: instances and organizations' own objects. */
export async function listBackupObjects(db: D1Database): Promise<{ id: number; incarnation: string | null }[]> {
	const { results } = await db
		.prepare(
			`SELECT id, incarnation FROM instances WHERE state = 'ready'
			UNION ALL SELECT owner_id, owner_incarnation FROM organizations WHERE owner_id IS NOT NULL ORDER BY id`,
		)
		.all<{ id: number; incarnation: string | null }>()
	return results
}

/** The page at a position; the first one without. Null: there is no such table. */
export async function readDatabasePage(db: D1Database, cursor: BackupCursor | null): Promise<BackupPage | null> {
	const tables = await listTables(db)
	const table = cursor?.table ?? tables[0]!
	if (!tables.includes(table)) return null
	const { results: columns } = await db.prepare(columnsSql(table)).all<ColumnInfo>()
	const key = getKeyColumns(columns)
	const { results: rows } = await prepare(
		db,
		pageStatement(table, key, cursor?.after ?? null, MAX_PAGE_ROWS),
	).all<StoredRow>()
	if (rows.length === MAX_PAGE_ROWS)
		return { table, rows, next: { table, after: key.map((name) => rows.at(-1)![name] ?? null) } }
	const nextTable = tables[tables.indexOf(table) + 1]
	return { table, rows, next: nextTable === undefined ? null : { table: nextTable, after: null } }
}

/** Writes rows. `in-use`: this deployment has an organization that no restore wrote. Null: there is no such table. */
export async function writeDatabaseRows(
	db: D1Database,
	table: string,
	rows: readonly StoredRow[],
): Promise<'written' | 'in-use' | null> {
	if (!(await listTables(db)).includes(table)) return null
	// The mark stays until the restore is completed.
	const marked = await db
		.prepare(
			`INSERT INTO sequences (name, value) SELECT 'restore', 1 WHERE NOT EXISTS (SELECT 1 FROM organizations)
			OR EXISTS (SELECT 1 FROM sequences WHERE name = 'restore') ON CONFLICT (name) DO UPDATE SET value = 1`,
		)
		.run()
	if (marked.meta.changes === 0) return 'in-use'
	if (rows.length > 0) await insertRows(db, table, rows)
	return 'written'
}

/** Inserts rows, except those that refer to what is not there: tables are read one after another, so it came later. */
async function insertRows(db: D1Database, table: string, rows: readonly StoredRow[]): Promise<void> {
	const statements = rows.map((row) => prepare(db, insertStatement(table, row)))
	try {
		await db.batch(statements)
	} catch (error) {
		if (!isForeignKeyViolation(error)) throw error
		for (const statement of statements)
			await statement.run().catch((cause: unknown) => {
				if (!isForeignKeyViolation(cause)) throw cause
			})
	}
}

function isForeignKeyViolation(error: unknown): boolean {
	return error instanceof Error && /FOREIGN KEY/i.test(error.message)
}

/**
 * Ends a restore of D1, from a backup or by time travel: ids that may have been given out since are skipped, people
 * sign in again, stores get their webhooks' addresses and secrets again, and objects read their rows again.
 */
export async function completeDatabaseRestore(db: D1Database, nowMs: number): Promise<void> {
	await db.batch([
		db
			.prepare(
				`UPDATE sequences SET value = ? + max(value,
					(SELECT coalesce(max(id), 0) FROM instances), (SELECT coalesce(max(owner_id), 0) FROM organizations),
					(SELECT coalesce(max(id), 0) FROM subscriptions), (SELECT coalesce(max(subscription_id), 0) FROM instances))
				WHERE name IN ('instance', 'subscription', 'replay')`,
			)
			.bind(RESTORE_ID_GAP),
		db.prepare("DELETE FROM sequences WHERE name = 'restore'"),
		// What was revoked since must not come back to life.
		db.prepare('DELETE FROM sessions'),
		db.prepare('DELETE FROM links'),
		db.prepare('DELETE FROM drafts'),
		db.prepare('DELETE FROM idempotency'),
		db.prepare('UPDATE instances SET version = version + ?').bind(RESTORE_ID_GAP),
		db
			.prepare(
				`UPDATE instances SET hook_work = 'ensure', hook_work_ms = ?
				WHERE hook_key IS NOT NULL AND hook_work IS NULL AND state = 'ready' AND enabled = 1`,
			)
			.bind(nowMs),
	])
}

async function listTables(db: D1Database): Promise<string[]> {
	const { results } = await db.prepare(LIST_TABLES_SQL).all<{ name: string }>()
	const names = results.map(({ name }) => name)
	return [...FIRST_TABLES, ...names.filter((name) => !FIRST_TABLES.includes(name))]
}

function prepare(db: D1Database, { sql, values }: Statement): D1PreparedStatement {
	return db.prepare(sql).bind(...values)
}

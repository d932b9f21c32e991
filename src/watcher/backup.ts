/**
 * Backup and restore of one object's tables (docs/operations.md, Backups). A backup is read in pages while the object
 * works. So the state with its cursors comes first and the log last: what changes in between is detected again after a
 * restore, and nothing is lost.
 */
import type { BackupCursor, BackupPage, StoredRow } from '../rpc/backup.ts'
import {
	columnsSql,
	getKeyColumns,
	insertStatement,
	LIST_TABLES_SQL,
	pageStatement,
	type ColumnInfo,
} from '../lib/table-backup.ts'
import type { Core } from './core/core.ts'
import type { Sql } from './core/ports.ts'
import { getObjectSequenceFloor, skipIds } from './core/skipped-ids.ts'
import { hasInstance, migrate } from './core/tables.ts'
import type { Tx } from './core/tx.ts'
import { countHeldChanges } from './outbox/waiting-rows.ts'
import { requestReread } from './polling/scans.ts'

/** Rows of a page, and characters after which it ends early: an answer of an object may hold 32 MB. */
const MAX_PAGE_ROWS = 500
const MAX_PAGE_CHARACTERS = 4_000_000

/** These come first, in this order; the others follow by name, and these last. */
const FIRST_TABLES = ['instance', 'state', 'shapes', 'objects', 'pages', 'lookups', 'held', 'waiting']
const LAST_TABLES = ['events', 'notifications', 'attempts']

/** Ids that were given out after the backup was made are not given out again. */
const RESTORE_ID_GAP = 10_000

/** The page at a position; the first one without. `unknown`: this object has no instance. */
export function readBackupPage(sql: Sql, cursor: BackupCursor | null): BackupPage | 'unknown' {
	if (!hasInstance(sql)) return 'unknown'
	const tables = listTables(sql)
	const table = cursor?.table ?? tables[0]!
	const key = getKeyColumns(sql.all<ColumnInfo>(columnsSql(table)))
	const { sql: query, values } = pageStatement(table, key, cursor?.after ?? null, MAX_PAGE_ROWS)
	const rows: StoredRow[] = []
	let characters = 0
	for (const row of sql.each<StoredRow>(query, ...values)) {
		rows.push(row)
		characters += JSON.stringify(row).length
		if (characters > MAX_PAGE_CHARACTERS) break
	}
	const isComplete = rows.length < MAX_PAGE_ROWS && characters <= MAX_PAGE_CHARACTERS
	const nextTable = tables[tables.indexOf(table) + 1]
	if (!isComplete) return { table, rows, next: { table, after: key.map((name) => rows.at(-1)![name] ?? null) } }
	return { table, rows, next: nextTable === undefined ? null : { table: nextTable, after: null } }
}

/** Writes rows of a backup. The object's row of `instance` comes last (`completeRestore`): until then it is unknown. */
export function writeBackupRows(
	sql: Sql,
	table: string,
	rows: readonly StoredRow[],
): 'written' | 'exists' | 'unknown-table' {
	if (hasInstance(sql)) return 'exists'
	migrate(sql)
	if (table === 'instance' || !listTables(sql).includes(table)) return 'unknown-table'
	sql.transaction(() => {
		for (const row of rows) runInsert(sql, table, row)
	})
	return 'written'
}

/** Writes the object's row of `instance`, which ends the restore. */
export function writeInstanceRows(sql: Sql, rows: readonly StoredRow[]): 'restored' | 'exists' {
	if (hasInstance(sql)) return 'exists'
	migrate(sql)
	sql.transaction(() => {
		for (const row of rows) runInsert(sql, 'instance', row)
	})
	return 'restored'
}

/** Prepares the state of a restored object: nothing that happened since the backup is taken for known. */
export function resumeAfterRestore(tx: Tx, core: Core): void {
	const { state, ports } = core
	const getHighest = (table: string, column: string): number =>
		ports.sql.all<{ highest: number | null }>(`SELECT max(${column}) AS highest FROM ${table}`)[0]?.highest ?? 0
	skipIds(state, {
		sequence: Math.max(state.sequence, getHighest('events', 'sequence')) + RESTORE_ID_GAP,
		notification: Math.max(state.notification, getHighest('notifications', 'id')) + RESTORE_ID_GAP,
	})
	state.announcement = Math.max(state.announcement, getHighest('announcements', 'id')) + RESTORE_ID_GAP
	// Their changes are detected again.
	core.notifications.deleteWithoutEvents(tx)
	// Attempts that were under way are due again; receivers may get a notification twice, under the same ids.
	state.unsettled = ports.sql
		.all<{ id: number }>(`SELECT id FROM notifications WHERE settled IS NULL ORDER BY id`)
		.map(({ id }) => id)
	state.run = null
	for (const rs of state.resources) {
		rs.search = null
		rs.head = null
		rs.reread = null
		// Events of its objects may have been sent after the backup was made.
		rs.objectSequenceFloor = getObjectSequenceFloor(state)
		// The state may be older than what waits: the re-read that follows decides about it.
		rs.look ??= {}
		if (countHeldChanges(core, rs.number) > 0) rs.changesHeldSinceMs ??= ports.now()
	}
	requestReread(tx, core)
	state.hooks.dueMs = ports.now()
	state.hooks.keyedAs = null
	state.backoffUntilMs = null
	if (core.kind.watchesStore) state.nextPollMs = ports.now()
	state.pruneMs = ports.now()
}

/** The tables of this version in the order of a backup. */
function listTables(sql: Sql): string[] {
	const names = sql.all<{ name: string }>(LIST_TABLES_SQL).map(({ name }) => name)
	const others = names.filter((name) => !FIRST_TABLES.includes(name) && !LAST_TABLES.includes(name))
	return [...FIRST_TABLES, ...others, ...LAST_TABLES]
}

function runInsert(sql: Sql, table: string, row: StoredRow): void {
	const { sql: query, values } = insertStatement(table, row)
	sql.run(query, ...values)
}

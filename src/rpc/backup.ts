/** Copies of the tables of D1 or of one object, for backups: pages of rows, table by table. */

/** A value of a column. Backups know no blobs, because no table has any. */
export type StoredValue = string | number | null

/** A row by its columns. */
export type StoredRow = Record<string, StoredValue>

/** The position of a backup: after the row with this key; null: at the table's beginning. */
export interface BackupCursor {
	table: string
	after: StoredValue[] | null
}

/** Some rows of one table. `next` null: this was the last page. */
export interface BackupPage {
	table: string
	rows: StoredRow[]
	next: BackupCursor | null
}

/** The part of an object that backups call. Earlier versions do not have it. */
export interface BackupRpc {
	/** A page of this object's tables; `unknown`: it has no instance. */
	backup(cursor: BackupCursor | null): Promise<BackupPage | 'unknown'>
	/** Writes rows into an object that has no instance yet; `exists`: it has one. */
	restore(table: string, rows: StoredRow[]): Promise<'written' | 'exists' | 'unknown-table'>
	/** Ends a restore with the object's rows of `instance`. From then on the object works again. */
	completeRestore(rows: StoredRow[]): Promise<'restored' | 'exists'>
}

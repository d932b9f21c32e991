/** SQL that reads tables page by page in order of their keys, and writes their rows. Pure; D1 and objects run it. */

/** A statement and its values. */
export interface Statement {
	sql: string
	values: (string | number | null)[]
}

/** What `PRAGMA table_info` says about a column. `pk`: its position in the primary key, 0 if it is no part of it. */
export interface ColumnInfo {
	name: string
	pk: number
}

/** The names of all tables but those of the platform and of migrations, which every database makes itself. */
export const LIST_TABLES_SQL = `SELECT name FROM sqlite_master WHERE type = 'table'
	AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*' AND name NOT IN ('d1_migrations', 'steps') ORDER BY name`

/** Describes the columns of a table. */
export function columnsSql(table: string): string {
	return `PRAGMA table_info(${quote(table)})`
}

/** The columns of the primary key, in its order. Throws if there is none. */
export function getKeyColumns(columns: readonly ColumnInfo[]): string[] {
	const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
	if (key.length === 0) throw new Error('a table without a primary key cannot be backed up')
	return key.map(({ name }) => name)
}

/** Reads the rows after a key, in order of the key. */
export function pageStatement(
	table: string,
	key: readonly string[],
	after: (string | number | null)[] | null,
	limit: number,
): Statement {
	const columns = key.map(quote).join(', ')
	const condition = after === null ? '' : `WHERE (${columns}) > (${key.map(() => '?').join(', ')})`
	return {
		sql: `SELECT * FROM ${quote(table)} ${condition} ORDER BY ${columns} LIMIT ?`,
		values: [...(after ?? []), limit],
	}
}

/** Writes one row. A row of the same key is replaced, so that a page can be sent again. */
export function insertStatement(table: string, row: Readonly<Record<string, string | number | null>>): Statement {
	const names = Object.keys(row)
	return {
		sql: `INSERT OR REPLACE INTO ${quote(table)} (${names.map(quote).join(', ')})
			VALUES (${names.map(() => '?').join(', ')})`,
		values: Object.values(row),
	}
}

function quote(name: string): string {
	return `"${name.replaceAll('"', '""')}"`
}

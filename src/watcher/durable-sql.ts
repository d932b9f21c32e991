/** The SQLite of a Durable Object as the watcher's `Sql` port. */
import type { Sql, SqlValue } from './core/ports.ts'

/** Wraps the storage, and counts the rows that statements read and write. */
export function createDurableSql(storage: DurableObjectStorage, rows: { read: number; written: number }): Sql {
	const execute = <Row extends object>(
		query: string,
		values: SqlValue[],
	): SqlStorageCursor<Record<string, SqlStorageValue>> & Iterable<Row> =>
		storage.sql.exec(query, ...values) as unknown as SqlStorageCursor<Record<string, SqlStorageValue>> & Iterable<Row>
	const countRows = (cursor: { rowsRead: number; rowsWritten: number }): void => {
		rows.read += cursor.rowsRead
		rows.written += cursor.rowsWritten
	}
	return {
		all: <Row extends object>(query: string, ...values: SqlValue[]): Row[] => {
			const cursor = execute<Row>(query, values)
			const found = cursor.toArray() as unknown as Row[]
			countRows(cursor)
			return found
		},
		*each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row> {
			const cursor = execute<Row>(query, values)
			for (const row of cursor) yield row
			countRows(cursor)
		},
		run: (query, ...values) => {
			const cursor = execute(query, values)
			cursor.toArray()
			countRows(cursor)
		},
		transaction: (body) => storage.transactionSync(body),
	}
}

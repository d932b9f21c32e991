/** A D1 database that tells what it is asked: every statement that is run, and every round trip, of which a batch is one. */

/** What was asked so far. */
export interface QueryCounts {
	trips: number
	statements: number
}

/** The same database, which counts into `asked`. */
export function countingDatabase(db: D1Database, counts: QueryCounts): D1Database {
	// A batch wants the statements themselves.
	const originals = new WeakMap<D1PreparedStatement, D1PreparedStatement>()
	const countStatement = (statement: D1PreparedStatement): D1PreparedStatement => {
		const proxy = new Proxy(statement, {
			get(target, name) {
				if (name === 'bind') return (...values: unknown[]) => countStatement(target.bind(...values))
				if (['first', 'all', 'run', 'raw'].includes(name as string)) {
					counts.trips++
					counts.statements++
				}
				const value = Reflect.get(target, name) as unknown
				return typeof value === 'function' ? (value.bind(target) as unknown) : value
			},
		})
		originals.set(proxy, statement)
		return proxy
	}
	return {
		prepare: (sql: string) => countStatement(db.prepare(sql)),
		batch(statements: D1PreparedStatement[]) {
			counts.trips++
			counts.statements += statements.length
			return db.batch(statements.map((statement) => originals.get(statement)!))
		},
	} as unknown as D1Database
}

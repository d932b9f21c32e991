/** A D1 database that tells what it is asked: every statement that is run, and every round trip, of which a batch is one. */

/** What was asked so far. */
export interface Asked {
	trips: number
	statements: number
}

/** The same database, which counts into `asked`. */
export function countingDatabase(db: D1Database, asked: Asked): D1Database {
	// A batch wants the statements themselves.
	const inner = new WeakMap<D1PreparedStatement, D1PreparedStatement>()
	const counted = (statement: D1PreparedStatement): D1PreparedStatement => {
		const shown = new Proxy(statement, {
			get(target, name) {
				if (name === 'bind') return (...values: unknown[]) => counted(target.bind(...values))
				if (['first', 'all', 'run', 'raw'].includes(name as string)) {
					asked.trips++
					asked.statements++
				}
				const value = Reflect.get(target, name) as unknown
				return typeof value === 'function' ? (value.bind(target) as unknown) : value
			},
		})
		inner.set(shown, statement)
		return shown
	}
	return {
		prepare: (sql: string) => counted(db.prepare(sql)),
		batch(statements: D1PreparedStatement[]) {
			asked.trips++
			asked.statements += statements.length
			return db.batch(statements.map((statement) => inner.get(statement)!))
		},
	} as unknown as D1Database
}

/** What some tests of the API share: an instance put straight into the tables, and a count of what D1 is asked. */
import { env, type Client } from './harness.ts'

/** A ready instance of the first organization, without a store that answers. */
export async function fakeInstance(client: Client, id: number, columns: Record<string, string | number | null> = {}): Promise<void> {
	const row: Record<string, string | number | null> = {
		id,
		organization_id: 1,
		user_id: 1,
		state: 'ready',
		version: 1,
		enabled: 1,
		events_enabled: 1,
		element_key: 'woocommercerest',
		name: 'Shop',
		tags: '["Shop"]',
		configuration: JSON.stringify({ 'store.url': 'https://shop.example.com', 'event.vendor.type': 'webhook' }),
		connection: JSON.stringify({
			home: 'https://shop.example.com',
			root: 'https://shop.example.com/wp-json/',
			auth: 'basic',
			name: 'Shop',
			timeZone: 'UTC',
			gmtOffset: 0,
			version: '11.0.1',
			hpos: true,
			storeNowMs: 0,
			collections: {},
		}),
		token_hash: `token of ${id}`,
		token_sealed: '',
		subscription_id: id,
		created_ms: client.world.nowMs,
		updated_ms: client.world.nowMs,
		...columns,
	}
	const names = Object.keys(row)
	await env.DB.prepare(`INSERT INTO instances (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
		.bind(...Object.values(row))
		.run()
}

/** Counts what a client's calls ask of D1 from here on: statements, and round trips, of which a batch is one. */
export function countQueries(client: Client): { trips: number; statements: number } {
	const counts = { trips: 0, statements: 0 }
	const inner = new WeakMap<D1PreparedStatement, D1PreparedStatement>()
	const counted = (statement: D1PreparedStatement): D1PreparedStatement => {
		const shown = new Proxy(statement, {
			get(target, name) {
				if (name === 'bind') return (...values: unknown[]) => counted(target.bind(...values))
				if (['first', 'all', 'run', 'raw'].includes(name as string)) {
					counts.trips++
					counts.statements++
				}
				const value = Reflect.get(target, name) as unknown
				return typeof value === 'function' ? value.bind(target) : value
			},
		})
		inner.set(shown, statement)
		return shown
	}
	client.world.settings.DB = {
		prepare: (sql: string) => counted(env.DB.prepare(sql)),
		batch(statements: D1PreparedStatement[]) {
			counts.trips++
			counts.statements += statements.length
			return env.DB.batch(statements.map((statement) => inner.get(statement)!))
		},
	} as unknown as D1Database
	return counts
}

/** The production Worker, which also copies an instance and counts the queries of a call that asks for it. */
import type { Doorbell, Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import { instanceSecret, sealSecret } from '../../src/lib/sealing.ts'
import { countingDatabase } from '../support/counting-database.ts'

export { Callback } from '../../src/delivery/callback.ts'
export { Watcher } from '../../src/watcher/watcher.ts'

/** Put this into a request, and the answer has the number of D1 round trips that it took. */
const COUNT_HEADER = 'x-bench-count'

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		const { pathname, searchParams } = new URL(request.url)
		if (pathname === '/_bench/copies') {
			await copyInstance(env, Number(searchParams.get('count')))
			return Response.json({})
		}
		if (pathname === '/_bench/rows') return Response.json(await insertStatements(env.DB))
		if (request.headers.get(COUNT_HEADER) === null) return await worker.fetch(request, env, ctx)
		const counts = { trips: 0, statements: 0 }
		const DB = countingDatabase(env.DB, counts)
		const answer = await worker.fetch(request, { ...env, DB }, ctx)
		const headers = new Headers(answer.headers)
		headers.set(COUNT_HEADER, String(counts.trips))
		return new Response(answer.body, { status: answer.status, headers })
	},
} satisfies ExportedHandler<Env, Doorbell>

/** What makes the first instance, and the rows that it refers to, anew. */
async function insertStatements(db: D1Database): Promise<string[]> {
	const inserts: string[] = []
	for (const table of ['organizations', 'users', 'instances']) {
		const { results } = await db.prepare(`SELECT * FROM ${table} LIMIT 1`).all<Record<string, string | number | null>>()
		for (const row of results) {
			const values = Object.values(row).map((value) =>
				value === null ? 'NULL' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : value,
			)
			inserts.push(`INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`)
		}
	}
	return inserts
}

/** Copies of the first instance under ids of their own, each with a token of its own. */
async function copyInstance(env: Env, count: number): Promise<void> {
	const { results } = await env.DB.prepare('SELECT * FROM instances LIMIT 1').all<
		Record<string, string | number | null>
	>()
	const first = results[0]!
	const names = Object.keys(first)
	const insert = env.DB.prepare(
		`INSERT INTO instances (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
	)
	const statements: D1PreparedStatement[] = []
	for (let n = 1; n <= count; n++) {
		const id = Number(first['id']) + n
		const sealed = await sealSecret(
			env.MASTER_KEYS,
			`token of ${id}`,
			instanceSecret({ id, incarnation: String(id) }, 'token'),
		)
		const row = { ...first, id, incarnation: '', token_hash: `hash of ${id}`, token_sealed: sealed }
		statements.push(insert.bind(...Object.values(row)))
	}
	for (let start = 0; start < statements.length; start += 100) await env.DB.batch(statements.slice(start, start + 100))
}

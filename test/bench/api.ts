/** What calls of the API cost: one instance against a bare Worker with one read of D1, and the round trips of a list of a thousand. */
import { atLeast, atMost, told, type Bench } from './bench.ts'
import { connectionOf, openAccount, openStore } from './opening.ts'
import { migrationStatements, post, run, undoAll, type Undo } from './runtime.ts'
import { inTurns, type Prepared, ROUNDS, spreadOf, Target } from './webhooks-load.ts'

/** Requests of one Worker in one round. */
const REQUESTS = 400
/** Instances that are listed, the one that is real among them. */
const INSTANCES = 1_000
const PAGE = 200

/** `GET /instances/{id}` and `GET /instances`. */
export const api: Bench = {
	name: 'api',
	about: 'GET /instances/{id} a second, against a bare Worker with a read of D1; round trips to D1 of GET /instances with 1 000',
	sizes: 'once',
	async run(context) {
		const undo: Undo = []
		try {
			const served = await openStore(undo, { objects: 5 })
			const { base } = await run('api-worker.ts', undo, true)
			const floor = await run('floor/read.ts', undo, true)
			await post(`${floor.base}/_bench/migrate`, migrationStatements())
			const { client, account } = await openAccount(base)
			const { id } = await client.connect(served.store.name, connectionOf(served))
			const headers = { authorization: `User ${account.userSecret}, Organization ${account.organizationSecret}` }
			// The floor has the same table and the same row.
			await post(`${floor.base}/_bench/migrate`, await rowsOf(base))
			await post(`${base}/_bench/copies?count=${INSTANCES - 1}`, {})

			const targets = { floor: new Target(floor.base), shopbell: new Target(base) }
			undo.push(() => Object.values(targets).forEach((one) => one.close()))
			const asked = (path: string): Prepared[] =>
				Array.from({ length: REQUESTS }, () => ({ method: 'GET', path, headers, body: Buffer.alloc(0) }))
			const { a, b } = await inTurns(
				() => targets.floor.load(asked(`/${id}`), 200),
				() => targets.shopbell.load(asked(`/elements/api-v2/instances/${id}`), 200),
				undefined,
				context.quick ? 3 : ROUNDS,
			)
			const ratio = spreadOf(b.map((perSecond, round) => perSecond / (a[round] ?? perSecond)))
			const pages: number[] = []
			let listed = 0
			for (let next: string | null = ''; next !== null;) {
				const page = await list(base, headers, next)
				pages.push(page.queries)
				listed += page.count
				next = page.next
			}
			if (listed !== INSTANCES) throw new Error(`${listed} of ${INSTANCES} instances are listed`)
			return [
				{
					...atLeast('api/GET /instances/{id}', null, ratio.median, '', 0.5),
					unit: `of the floor, ${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)}`,
				},
				told('api/GET /instances/{id}: Shopbell', null, spreadOf(b).median, 'a second'),
				told('api/GET /instances/{id}: floor', null, spreadOf(a).median, 'a second'),
				atMost(`api/GET /instances, ${PAGE} of 1000: round trips to D1`, null, Math.max(...pages), 'queries', 2),
			]
		} finally {
			await undoAll(undo)
		}
	},
}

/** The statements that put the first instance, and what it refers to, into another database. */
async function rowsOf(base: string): Promise<string[]> {
	return JSON.parse(await post(`${base}/_bench/rows`, {})) as string[]
}

async function list(
	base: string,
	headers: Record<string, string>,
	next: string,
): Promise<{ queries: number; count: number; next: string | null }> {
	const response = await fetch(`${base}/elements/api-v2/instances?pageSize=${PAGE}${next === '' ? '' : `&nextPage=${next}`}`, {
		headers: { ...headers, 'x-bench-count': '1' },
	})
	if (!response.ok) throw new Error(`the list answered ${response.status}: ${(await response.text()).slice(0, 300)}`)
	const instances = (await response.json()) as unknown[]
	return {
		queries: Number(response.headers.get('x-bench-count')),
		count: instances.length,
		next: response.headers.get('Elements-Next-Page-Token'),
	}
}

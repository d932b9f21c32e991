/** What calls of the API cost: one instance against a bare Worker with one read of D1, and the round trips of a list of a thousand. */
import { atLeast, atMost, reported, type Bench } from './bench.ts'
import { connectionConfigFor, createAccount, serveStore } from './setup.ts'
import { executeSql, migrateDatabase } from '../support/miniflare.ts'
import { postJson, runWorker, runCleanup, type CleanupStack } from './runtime.ts'
import { runInTurns, type PreparedRequest, DEFAULT_ROUNDS, toSpread, LoadTarget } from './webhooks-load.ts'

/** Requests of one Worker in one round. */
const REQUESTS_PER_ROUND = 400
/** Instances that are listed, the one that is real among them. */
const INSTANCES = 1_000
const PAGE_SIZE = 200

/** `GET /instances/{id}` and `GET /instances`. */
export const apiBench: Bench = {
	name: 'api',
	about:
		'GET /instances/{id} a second, against a bare Worker with a read of D1; round trips to D1 of GET /instances with 1 000',
	sizes: 'once',
	async run(context) {
		const undo: CleanupStack = []
		try {
			const served = await serveStore(undo, { objects: 5 })
			const worker = await runWorker('api-worker.ts', undo, true)
			const { base } = worker
			const floor = await runWorker('floor/read.ts', undo, true)
			await migrateDatabase(floor.runtime)
			const { client, account } = await createAccount(worker)
			const { id } = await client.connect(served.store.name, connectionConfigFor(served))
			const headers = { authorization: `User ${account.userSecret}, Organization ${account.organizationSecret}` }
			// The floor has the same table and the same row.
			await executeSql(floor.runtime, await fetchInserts(base))
			await postJson(`${base}/_bench/copies?count=${INSTANCES - 1}`, {})

			const targets = { floor: new LoadTarget(floor.base), shopbell: new LoadTarget(base) }
			undo.push(() => Object.values(targets).forEach((target) => target.close()))
			const prepareRequests = (path: string): PreparedRequest[] =>
				Array.from({ length: REQUESTS_PER_ROUND }, () => ({ method: 'GET', path, headers, body: Buffer.alloc(0) }))
			const { a, b } = await runInTurns(
				() => targets.floor.measureRate(prepareRequests(`/${id}`), 200),
				() => targets.shopbell.measureRate(prepareRequests(`/elements/api-v2/instances/${id}`), 200),
				undefined,
				context.quick ? 3 : DEFAULT_ROUNDS,
			)
			const ratio = toSpread(b.map((perSecond, round) => perSecond / (a[round] ?? perSecond)))
			const pages: number[] = []
			let listed = 0
			for (let next: string | null = ''; next !== null;) {
				const page = await listPage(base, headers, next)
				pages.push(page.queries)
				listed += page.count
				next = page.next
			}
			if (listed !== INSTANCES) throw new Error(`${listed} of ${INSTANCES} instances are listed`)
			return [
				{
					...atLeast('api/GET /instances/{id}', null, ratio.median, '', 0.5),
					unit: `of the floor, ${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}`,
				},
				reported('api/GET /instances/{id}: Shopbell', null, toSpread(b).median, 'a second'),
				reported('api/GET /instances/{id}: floor', null, toSpread(a).median, 'a second'),
				atMost(`api/GET /instances, ${PAGE_SIZE} of 1000: round trips to D1`, null, Math.max(...pages), 'queries', 2),
			]
		} finally {
			await runCleanup(undo)
		}
	},
}

/** The statements that put the first instance, and what it refers to, into another database. */
async function fetchInserts(base: string): Promise<string[]> {
	return JSON.parse(await postJson(`${base}/_bench/rows`, {})) as string[]
}

async function listPage(
	base: string,
	headers: Record<string, string>,
	next: string,
): Promise<{ queries: number; count: number; next: string | null }> {
	const response = await fetch(
		`${base}/elements/api-v2/instances?pageSize=${PAGE_SIZE}${next === '' ? '' : `&nextPage=${next}`}`,
		{
			headers: { ...headers, 'x-bench-count': '1' },
		},
	)
	if (!response.ok) throw new Error(`the list answered ${response.status}: ${(await response.text()).slice(0, 300)}`)
	const instances = (await response.json()) as unknown[]
	return {
		queries: Number(response.headers.get('x-bench-count')),
		count: instances.length,
		next: response.headers.get('Elements-Next-Page-Token'),
	}
}

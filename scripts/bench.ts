/**
 * `npm run bench [-- name…] [--quick] [--json]`: the cost of a poll, a change, a baseline, an event and a webhook, counted on the simulated store and in
 * the real runtime, each against its target. Progress goes to stderr, the table (or with `--json` one array) to stdout. Exit 1
 * when something misses its target.
 */
import { parseArgs } from 'node:util'
import { BENCHES } from '../test/bench/all.ts'
import type { Bench, BenchContext, BenchRow } from '../test/bench/bench.ts'
import { completeBaseline, createNodeShopbell, SCAN_BUDGET, type NodeShopbell } from '../test/bench/node-shopbell.ts'
import { startIndexed, type IndexedShopbell } from '../test/bench/shopbell.ts'

const QUICK = [1_000, 10_000]
const FULL = [1_000, 10_000, 100_000]

const HELP = `npm run bench [-- name…] [options]

  --quick          1 000 and 10 000 objects a resource instead of 100 000 as well
  --sizes 1000,…   other sizes
  --json           one array of {bench, n, value, unit, target, ok} on stdout

${BENCHES.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join('\n')}
`

/** What the benches of one size share: created on first use, closed when the size is done. */
class SizeContext implements BenchContext {
	readonly n: number
	readonly smallest: number
	readonly quick: boolean
	readonly rows: BenchRow[]
	bench = ''
	#store: Promise<NodeShopbell> | null = null
	#shopbell: Promise<IndexedShopbell> | null = null

	constructor(n: number, smallest: number, quick: boolean, rows: BenchRow[]) {
		this.n = n
		this.smallest = smallest
		this.quick = quick
		this.rows = rows
	}

	nodeShopbell(): Promise<NodeShopbell> {
		this.#store ??= this.#buildBaseline()
		return this.#store
	}

	shopbell(): Promise<IndexedShopbell> {
		this.#shopbell ??= startIndexed(this.n, (text) => this.log(text))
		return this.#shopbell
	}

	log(text: string): void {
		console.error(`${formatElapsed()}  ${this.bench}, ${formatNumber(this.n)}: ${text}`)
	}

	async close(): Promise<void> {
		await (await this.#shopbell?.catch(() => null))?.close()
		;(await this.#store?.catch(() => null))?.world.store.close()
	}

	async #buildBaseline(): Promise<NodeShopbell> {
		this.log('building a store and its baseline in plain Node')
		// The running pass of customers would read the same pages as the baseline: it waits.
		const store = await createNodeShopbell(this.n, { config: { scanBudget: 0 } })
		let lastReportMs = Date.now()
		await completeBaseline(store, () => {
			if (Date.now() - lastReportMs < 10_000) return true
			lastReportMs = Date.now()
			this.log(`${formatNumber(store.tally.requests.length)} requests of the baseline`)
			return true
		})
		store.baseline.push(...store.tally.requests)
		await store.world.configure({ scanBudget: SCAN_BUDGET })
		return store
	}
}

const startedMs = Date.now()

function formatElapsed(): string {
	return `${((Date.now() - startedMs) / 1000).toFixed(1).padStart(7)} s`
}

function formatNumber(number: number): string {
	return Math.abs(number) < 10_000 ? String(number) : String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ' ')
}

async function runAll(benches: readonly Bench[], sizes: readonly number[], quick: boolean): Promise<BenchRow[]> {
	const rows: BenchRow[] = []
	const smallest = Math.min(...sizes)
	for (const n of sizes) {
		const size = new SizeContext(n, smallest, quick, rows)
		try {
			for (const bench of benches) {
				if (bench.sizes === 'once' && n !== smallest) continue
				size.bench = bench.name
				size.log('started')
				try {
					rows.push(...(await bench.run(size)))
				} catch (error) {
					console.error(error)
					const message = error instanceof Error ? error.message : String(error)
					rows.push({ bench: `${bench.name}: ${message}`, n, value: 0, unit: 'failed', target: 'completes', ok: false })
				}
			}
		} finally {
			await size.close()
		}
	}
	return rows
}

/** The rows as a table, the sizes of one count beneath each other. */
function formatTable(rows: readonly BenchRow[], benches: readonly Bench[]): string {
	const order = new Map(benches.map(({ name }, index) => [name, index]))
	const names = [...new Set(rows.map((row) => row.bench))]
	const sorted = rows.toSorted(
		(a, b) =>
			(order.get(getBenchName(a)) ?? 0) - (order.get(getBenchName(b)) ?? 0) ||
			names.indexOf(a.bench) - names.indexOf(b.bench) ||
			(a.n ?? 0) - (b.n ?? 0),
	)
	const cells = [
		['bench', 'n', 'value', 'unit', 'target', ''],
		...sorted.map((row) => [
			row.bench,
			row.n === null ? '' : formatNumber(row.n),
			String(row.value),
			row.unit,
			row.target ?? '',
			row.target === null ? '' : row.ok ? 'ok' : 'MISSED',
		]),
	]
	const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)))
	return cells
		.map((line) =>
			line
				.map((cell, column) =>
					column === 1 || column === 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
				)
				.join('  ')
				.trimEnd(),
		)
		.join('\n')
}

function getBenchName(row: BenchRow): string {
	return /^[\w-]+/.exec(row.bench)?.[0] ?? ''
}

async function main(): Promise<number> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			quick: { type: 'boolean', default: false },
			json: { type: 'boolean', default: false },
			help: { type: 'boolean', default: false },
			sizes: { type: 'string' },
		},
	})
	if (values.help) {
		process.stdout.write(HELP)
		return 0
	}
	const unknown = positionals.find((name) => !BENCHES.some((bench) => bench.name === name))
	const sizes = values.sizes === undefined ? (values.quick ? QUICK : FULL) : values.sizes.split(',').map(Number)
	if (unknown !== undefined || sizes.some((size) => !Number.isInteger(size) || size < 500)) {
		console.error(
			unknown === undefined ? 'bench: --sizes takes whole numbers of at least 500' : `bench: unknown bench ${unknown}`,
		)
		console.error(HELP)
		return 1
	}
	const benches = positionals.length === 0 ? BENCHES : BENCHES.filter(({ name }) => positionals.includes(name))
	const rows = await runAll(
		benches,
		sizes.toSorted((a, b) => a - b),
		values.quick,
	)
	process.stdout.write(`${values.json ? JSON.stringify(rows) : formatTable(rows, benches)}\n`)
	const missed = rows.filter((row) => !row.ok).length
	console.error(`${formatElapsed()}  ${missed === 0 ? 'every target is met' : `${missed} missed`}`)
	return missed === 0 ? 0 : 1
}

// The local runtime's messages must not mix with the result.
console.log = console.error
console.info = console.error
process.exit(await main())

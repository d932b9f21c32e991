/**
 * `npm run faults [-- --seed n] [--quick] [--slow-list] [--json]`: the built Worker is killed and started again while a shop changes and a callback fails at
 * random; in the end what arrived is held against what happened. Progress goes to stderr, the result to stdout. Exit 0 only if nothing was
 * lost, invented, renamed or disordered and every kill hit its point.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FULL_RUN, QUICK_RUN, runFaults, type RunResult } from '../test/faults/run.ts'
import { runSlowList } from '../test/faults/slow-list.ts'
import { ActionableError } from './local/local-worker.ts'

const USAGE = `Usage: npm run faults [-- --seed n] [--quick] [--slow-list] [--json]

  --seed n   another random run; 1 by default
  --quick    fewer changes and kills, within two minutes, without the slow list
  --slow-list  only a list that takes twenty seconds a page
  --json     the result as one object on stdout
`

async function main(): Promise<number> {
	const startedMs = Date.now()
	const report = (what: string): void =>
		void process.stderr.write(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${what}\n`)
	let values: { seed?: string; quick?: boolean; 'slow-list'?: boolean; json?: boolean; help?: boolean }
	try {
		const flag = { type: 'boolean' } as const
		values = parseArgs({
			options: { seed: { type: 'string' }, quick: flag, 'slow-list': flag, json: flag, help: flag },
		}).values
	} catch (error) {
		process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
		return 1
	}
	if (values.help) {
		process.stdout.write(USAGE)
		return 0
	}
	const seed = Number(values.seed ?? 1)
	if (!Number.isSafeInteger(seed) || seed < 0) {
		process.stderr.write(`--seed ${values.seed}: expected a whole number\n`)
		return 1
	}
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-faults-'))
	// The runtimes end by themselves when their parent is gone.
	for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		process.once(name, () => {
			rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
			process.exit(130)
		})
	}
	try {
		const lacks: string[] = []
		if (values['slow-list'] !== true) {
			const { result, shortfalls } = await runFaults(dir, seed, values.quick ? QUICK_RUN : FULL_RUN, report)
			process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : formatResult(result))
			lacks.push(...shortfalls)
		}
		if (values.quick !== true) lacks.push(...(await runSlowList(dir, report)).shortfalls)
		for (const lack of lacks) report(`✗ ${lack}`)
		if (lacks.length === 0) rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
		else report(`logs are kept in ${dir}`)
		return lacks.length === 0 ? 0 : 1
	} catch (error) {
		report(
			`✗ ${error instanceof ActionableError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
		)
		report(`logs are kept in ${dir}`)
		return 1
	}
}

/** The result for people: a line for each number. */
function formatResult({ byPoint, ...numbers }: RunResult): string {
	return [...Object.entries(numbers), ...Object.entries(byPoint)]
		.map(([name, value]) => `${name.padEnd(18)}${value}\n`)
		.join('')
}

process.exitCode = await main()
// A connection that is still open must not keep the process alive.
process.exit()

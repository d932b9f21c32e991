/**
 * A process that runs the built Worker, for the harness to kill: `node test/faults/runtime.ts`. It loads the runtime, waits to be told what
 * to run, and says when that answers, so that one can stand by while another runs.
 */
import { unstable_startWorker as startWorker } from 'wrangler'
import { join } from 'node:path'
import { PROJECT_DIR } from '../../scripts/local/files.ts'
import { migrationStatements, postJson } from '../bench/runtime.ts'
import { MIGRATE_PATH } from './kill-points.ts'

/** What is to be run. */
export interface StartOptions {
	/** The built file. */
	file: string
	port: number
	/** Where its storage lies. */
	state: string
	/** Its database is new. */
	migrate: boolean
	vars: Readonly<Record<string, string>>
}

async function runWorker({ file, port, state, migrate, vars }: StartOptions): Promise<void> {
	const worker = await startWorker({
		config: join(PROJECT_DIR, 'wrangler.toml'),
		entrypoint: file,
		// It is built already, by the same command as for Cloudflare.
		build: { bundle: false },
		bindings: Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: 'plain_text', value }])),
		dev: {
			server: { hostname: '127.0.0.1', port },
			inspector: false,
			persist: state,
			watch: false,
			logLevel: 'warn',
		},
	})
	await worker.ready
	if (migrate) await postJson(`http://127.0.0.1:${port}${MIGRATE_PATH}`, migrationStatements())
	process.send?.('runs')
}

process.once('message', (start: StartOptions) => {
	runWorker(start).catch((error: unknown) => {
		process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
		process.exit(1)
	})
})
// Nobody is left who would stop it.
process.once('disconnect', () => process.exit())
process.send?.('stands by')

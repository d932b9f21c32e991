/**
 * A process that runs the built Worker, for the harness to kill: `node test/faults/runtime.ts`. It loads the runtime, waits
 * for the message that says what to run, and reports when that answers, so that one can stand by while another runs.
 */
import { migrateDatabase, startRuntime, type RuntimeOptions } from '../support/miniflare.ts'

/** What is to be run. */
export interface StartOptions extends RuntimeOptions {
	/** Its database is new. */
	migrate: boolean
}

async function runWorker({ migrate, ...options }: StartOptions): Promise<void> {
	const runtime = await startRuntime(options)
	if (migrate) await migrateDatabase(runtime)
	process.once('SIGTERM', () => void runtime.dispose().finally(() => process.exit()))
	process.send?.('runs')
}

process.once('message', (start: StartOptions) => {
	runWorker(start).catch((error: unknown) => {
		process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
		process.exit(1)
	})
})
// Its parent is gone.
process.once('disconnect', () => process.exit())
process.send?.('stands by')

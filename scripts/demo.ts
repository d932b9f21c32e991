/** `npm run demo`: a shop, Shopbell and a callback on this machine; with `--once` it runs unattended and prints its result as one line of JSON. */
import { parseArgs } from 'node:util'
import { playLive } from '../test/demo/play-live.ts'
import { playOnce } from '../test/demo/play-once.ts'
import { ActionableError } from './local/local-worker.ts'

const USAGE = 'Usage: npm run demo [-- --once] [--webhook] [--seed n]'

async function main(): Promise<number> {
	let values: { once?: boolean; webhook?: boolean; seed?: string; help?: boolean }
	try {
		const flag = { type: 'boolean' } as const
		values = parseArgs({ options: { once: flag, webhook: flag, seed: { type: 'string' }, help: flag } }).values
	} catch (error) {
		process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`)
		return 1
	}
	if (values.help) {
		process.stdout.write(`${USAGE}\n`)
		return 0
	}
	const seed = Number(values.seed ?? 1)
	if (!Number.isSafeInteger(seed) || seed < 0) {
		process.stderr.write(`--seed ${values.seed}: expected a whole number\n`)
		return 1
	}
	const abort = new AbortController()
	// A second signal changes nothing: everything is stopped within three seconds of the first.
	for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => abort.abort(new StoppedError()))
	process.stderr.on('error', () => undefined)
	try {
		return await (values.once ? playOnce : playLive)(seed, values.webhook === true, abort.signal)
	} catch (error) {
		if (abort.signal.aborted) return values.once ? 130 : 0
		process.stderr.write(
			`\n  ✗ ${error instanceof ActionableError || !(error instanceof Error) ? String(error instanceof Error ? error.message : error) : `The demo failed: ${error.message}`}\n`,
		)
		return 1
	}
}

/** The user stopped the demo. */
class StoppedError extends Error {}

process.exitCode = await main()
// A connection that is still open must not keep the process alive.
process.exit()

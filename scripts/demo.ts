/** `npm run demo`: a shop, the bell and a callback on this machine, to look at; with `--once` unattended, judged, as one line of JSON. */
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
		process.stderr.write(`--seed ${values.seed}: a whole number is expected\n`)
		return 1
	}
	const abort = new AbortController()
	// Whoever asks again is answered by the first time: everything is stopped within three seconds.
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

/** The person wants it to end. */
class StoppedError extends Error {}

process.exitCode = await main()
// A connection that someone keeps open must not hold the end up.
process.exit()

/**
 * `npm run fuzz -- [--calls n] [--seed n] [--only pattern]`: calls of the API's own document, broken at random, against the built Worker with
 * simulated stores. Nothing leaves this process. A call that is answered wrongly is printed with a curl command, and the run ends with exit 1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { answerWorld, createStores, setUpWorld, type ContractWorld } from '../test/support/contract-world.ts'
import type { OpenApiDocument } from '../test/support/document.ts'
import { describeFailure } from '../test/support/fuzz/curl.ts'
import { Fuzzer } from '../test/support/fuzz/fuzzer.ts'
import { sendOverHttp } from '../test/support/fuzz/http.ts'
import { buildWorker, migrateDatabase, startRuntime } from '../test/support/miniflare.ts'
import { PROJECT_DIR } from './local/files.ts'
import { ActionableError } from './local/local-worker.ts'

const REPORT_INTERVAL_MS = 5_000
/** Enough to see what is wrong. */
const MAX_FAILURES = 20
const SETUP_TOKEN = 'the-fuzz-sets-itself-up'
const MASTER_KEY = Buffer.alloc(32, 9).toString('base64')

interface Options {
	calls: number
	seed: number
	only: RegExp
}

/** Throws ActionableError. */
function readOptions(): Options {
	try {
		const { values } = parseArgs({
			options: {
				calls: { type: 'string', default: '20000' },
				seed: { type: 'string' },
				only: { type: 'string', default: '' },
			},
		})
		const calls = Number(values.calls)
		const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed)
		if (!/^\d+$/.test(values.calls) || !Number.isSafeInteger(calls) || calls < 1)
			throw new ActionableError(`--calls: expected a whole number from 1, got ${values.calls}`)
		if (values.seed !== undefined && !/^\d{1,15}$/.test(values.seed))
			throw new ActionableError(`--seed: expected a whole number from 0 of at most 15 digits, got ${values.seed}`)
		return { calls, seed, only: new RegExp(values.only, 'i') }
	} catch (error) {
		const { message } = error as Error
		throw error instanceof SyntaxError ? new ActionableError(`--only: ${message}`) : new ActionableError(message)
	}
}

/** Runs the built Worker and hands it over with the world around it. */
async function withWorker<T>(
	use: (base: string, world: ContractWorld, db: D1Database, errors: string[]) => Promise<T>,
): Promise<T> {
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-fuzz-'))
	try {
		console.error('fuzz: builds the Worker')
		await buildWorker(join(PROJECT_DIR, 'src/index.ts'), join(dir, 'build'))
		const stores = createStores()
		const reached = new Set<string>()
		const errors: string[] = []
		const runtime = await startRuntime({
			build: join(dir, 'build'),
			vars: {
				MASTER_KEYS: `fuzz:${MASTER_KEY}`,
				SETUP_TOKEN,
				PUBLIC_URL: 'https://bell.example.com',
				ALLOW_PRIVATE_NETWORK: 'true',
				POLL_FLOOR_SECONDS: '1',
			},
			port: 0,
			state: null,
			temporary: dir,
			outbound: (request) => answerWorld(stores, request, reached),
			onLog: (line) => {
				if (line.includes('request.failed')) errors.push(line.slice(0, 1_000))
			},
		})
		try {
			await migrateDatabase(runtime)
			const base = String(await runtime.ready).replace(/\/$/, '')
			const db = await runtime.getD1Database('DB')
			console.error('fuzz: makes two organizations with a store each')
			return await use(
				base,
				await setUpWorld({ db, setupToken: SETUP_TOKEN, send: createSend(base), reached }, stores),
				db,
				errors,
			)
		} finally {
			await runtime.dispose()
		}
	} finally {
		rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
	}
}

/** Calls that are not broken. */
function createSend(base: string): ContractWorld['send'] {
	return async ({ method, path, query = [], headers = {}, body }) => {
		const url = new URL(base + path)
		for (const [name, value] of query) url.searchParams.append(name, value)
		const response = await fetch(url, {
			method,
			headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
			...(body === undefined ? {} : { body }),
		})
		const text = await response.text()
		const isJson = response.headers.get('Content-Type') === 'application/json' && text !== ''
		const parsed: unknown = isJson ? JSON.parse(text) : text
		return { status: response.status, body: parsed, text, headers: response.headers, violation: null }
	}
}

async function fuzz({ calls, seed, only }: Options): Promise<number> {
	return await withWorker(async (base, world, db, errors) => {
		const document = (await (await fetch(`${base}/openapi.json`)).json()) as OpenApiDocument
		const fuzzer = new Fuzzer(
			{ world, db, document, serverSecrets: [SETUP_TOKEN, MASTER_KEY], send: (call) => sendOverHttp(base, call) },
			seed,
			only,
		)
		if (fuzzer.operationCount === 0) throw new ActionableError('--only: no operation has such a name')
		console.error(`fuzz: ${calls} calls of ${fuzzer.operationCount} operations, seed ${seed}`)
		const startedMs = Date.now()
		let [done, failed, reportedMs] = [0, 0, startedMs]
		while (done < calls && failed < MAX_FAILURES) {
			const next = Math.min(calls, done + 25)
			for (const failure of await fuzzer.run(done, next)) {
				failed++
				console.log(
					`${describeFailure(base, failure)}\n  again: npm run fuzz -- --seed ${seed} --calls ${failure.index + 1}${only.source === '(?:)' ? '' : ` --only '${only.source}'`}`,
				)
				for (const error of errors.splice(0)) console.log(`  ${error}`)
			}
			done = next
			if (Date.now() - reportedMs < REPORT_INTERVAL_MS && done < calls) continue
			reportedMs = Date.now()
			const secondsLeft = Math.round((((reportedMs - startedMs) / done) * (calls - done)) / 1000)
			console.error(`fuzz: ${done} of ${calls}, ${failed} failed, about ${secondsLeft} s to go`)
		}
		const seconds = Math.round((Date.now() - startedMs) / 1000)
		console.log(JSON.stringify({ calls: done, seed, failed, statuses: fuzzer.statuses, seconds }))
		return failed
	})
}

try {
	process.exitCode = (await fuzz(readOptions())) === 0 ? 0 : 1
} catch (error) {
	console.error(error instanceof ActionableError ? `fuzz: ${error.message}` : error)
	process.exitCode = 1
}

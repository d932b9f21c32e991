/** A Worker in the real runtime for as long as a bench runs: on loopback, on storage that goes with it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unstable_splitSqlQuery as splitSql, unstable_startWorker as startWorker } from 'wrangler'
import { quietEnvironment } from '../../scripts/local/local-worker.ts'
import { PROJECT_DIR } from '../../scripts/local/files.ts'

/** What opens `POST /setup` of a Worker that a bench runs. */
export const SETUP_TOKEN = 'the-bench-sets-itself-up'

/** What is to be undone at the end, last first. */
export type CleanupStack = (() => unknown)[]

/** A running Worker. */
export interface RunningWorker {
	/** Its address, without trailing slash. */
	base: string
	inspectorUrl: string | undefined
}

/** Before any run moved it. */
const TEMP_DIRECTORY = tmpdir()

/** Memory that looks like a folder, where there is enough: what is timed is the Worker and not a disk. */
function fastDirectory(): string {
	try {
		const { bavail, bsize } = statfsSync('/dev/shm')
		return bavail * bsize > 1e9 ? '/dev/shm' : TEMP_DIRECTORY
	} catch {
		return TEMP_DIRECTORY
	}
}

/** Starts the Worker of a file in the bench's folder with the flags and bindings of production; `timed` keeps its storage off the disk. */
export async function runWorker(file: string, cleanup: CleanupStack, timed = false): Promise<RunningWorker> {
	const dir = mkdtempSync(join(timed ? fastDirectory() : TEMP_DIRECTORY, 'shopbell-bench-'))
	cleanup.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
	const quiet = quietEnvironment(dir)
	for (const name of [
		'TMPDIR',
		'XDG_CONFIG_HOME',
		'WRANGLER_LOG_PATH',
		'WRANGLER_REGISTRY_PATH',
		'WRANGLER_SEND_METRICS',
		'CLOUDFLARE_CF_FETCH_ENABLED',
	])
		process.env[name] = quiet[name]
	// Traces kept by the local runtime are for a person who looks; here they would only cost time.
	Object.assign(process.env, { X_LOCAL_EXPLORER: 'false', X_LOCAL_OBSERVABILITY: 'false' })
	const text = (value: string): { type: 'plain_text'; value: string } => ({ type: 'plain_text', value })
	const worker = await startWorker({
		config: join(PROJECT_DIR, 'wrangler.toml'),
		entrypoint: join(PROJECT_DIR, 'test/bench', file),
		bindings: {
			MASTER_KEYS: text(`bench:${Buffer.alloc(32, 7).toString('base64')}`),
			SETUP_TOKEN: text(SETUP_TOKEN),
			PUBLIC_URL: text('https://bell.example.com'),
			ALLOW_PRIVATE_NETWORK: text('true'),
			POLL_FLOOR_SECONDS: text('1'),
		},
		dev: {
			server: { hostname: '127.0.0.1', port: 0 },
			inspector: { hostname: '127.0.0.1', port: 0 },
			persist: false,
			watch: false,
			logLevel: 'none',
		},
	})
	cleanup.push(() => worker.dispose())
	await worker.ready
	return { base: String(await worker.url).replace(/\/$/, ''), inspectorUrl: (await worker.inspectorUrl)?.toString() }
}

/** Every statement of the migrations, in order. */
export function migrationStatements(): string[] {
	return readdirSync(join(PROJECT_DIR, 'migrations'))
		.toSorted()
		.flatMap((name) => splitSql(readFileSync(join(PROJECT_DIR, 'migrations', name), 'utf8')))
}

/** Asks a bench's own path of a Worker; the answer's text. Throws unless it is 2xx. */
export async function postJson(url: string, body: unknown): Promise<string> {
	const response = await fetch(url, {
		method: 'POST',
		body: JSON.stringify(body),
		signal: AbortSignal.timeout(120_000),
	})
	const text = await response.text()
	if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}: ${text.slice(0, 500)}`)
	return text
}

/** Undoes everything, last first. */
export async function runCleanup(cleanup: CleanupStack): Promise<void> {
	for (const step of cleanup.splice(0).toReversed()) await step()
}

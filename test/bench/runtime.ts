/** A Worker in the real runtime for as long as a bench runs: on loopback, on storage that goes with it. */
import type { Bench, BenchContext, BenchRow } from './bench.ts'
import type { Miniflare } from 'miniflare'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT_DIR } from '../../scripts/local/files.ts'
import { buildWorker, startRuntime } from '../support/miniflare.ts'

/** What opens `POST /setup` of a Worker that a bench runs. */
export const SETUP_TOKEN = 'the-bench-sets-itself-up'

/** What is to be undone at the end, last first. */
export type CleanupStack = (() => unknown)[]

/** A running Worker. */
export interface RunningWorker {
	/** Its address, without trailing slash. */
	base: string
	runtime: Miniflare
}

/** Memory that looks like a folder, where there is enough: what is timed is the Worker and not a disk. */
function fastDirectory(): string {
	try {
		const { bavail, bsize } = statfsSync('/dev/shm')
		return bavail * bsize > 1e9 ? '/dev/shm' : tmpdir()
	} catch {
		return tmpdir()
	}
}

/**
 * Builds and starts the Worker of a file in the bench's folder with the flags and bindings of production; `timed` keeps its
 * storage off the disk.
 */
export async function runWorker(file: string, cleanup: CleanupStack, timed = false): Promise<RunningWorker> {
	const dir = mkdtempSync(join(timed ? fastDirectory() : tmpdir(), 'shopbell-bench-'))
	cleanup.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
	const build = join(dir, 'build')
	await buildWorker(join(PROJECT_DIR, 'test/bench', file), build)
	const runtime = await startRuntime({
		build,
		vars: {
			MASTER_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
			SETUP_TOKEN,
			PUBLIC_URL: 'https://bell.example.com',
			ALLOW_PRIVATE_NETWORK: 'true',
			POLL_FLOOR_SECONDS: '1',
		},
		port: 0,
		state: null,
		temporary: dir,
		inspector: true,
	})
	cleanup.push(() => runtime.dispose())
	return { base: String(await runtime.ready).replace(/\/$/, ''), runtime }
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

/** Runs a bench and undoes what it began. */
export function withCleanup(
	bench: (cleanup: CleanupStack, context: BenchContext) => Promise<BenchRow[]>,
): Bench['run'] {
	return async (context) => {
		const cleanup: CleanupStack = []
		try {
			return await bench(cleanup, context)
		} finally {
			await runCleanup(cleanup)
		}
	}
}

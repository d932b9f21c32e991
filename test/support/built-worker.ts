/**
 * The built Worker in a process of its own, for tests that are of the Worker rather than of wrangler: what `startLocalWorker` starts, in a
 * fraction of the time. One build serves all files of a run.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOrCreateSecrets, PROJECT_DIR } from '../../scripts/local/files.ts'
import { ActionableError, pause, type LocalWorker, type LocalWorkerOptions } from '../../scripts/local/local-worker.ts'
import type { StartOptions } from '../faults/runtime.ts'
import { isListening, signalGroup } from '../faults/worker-process.ts'
import { buildWorker } from './miniflare.ts'

const ENTRY = join(PROJECT_DIR, 'src/index.ts')
const RUNTIME = join(PROJECT_DIR, 'test/faults/runtime.ts')
/** Names the folder that the processes of a run share. */
const FOLDER_VARIABLE = 'SHOPBELL_TEST_BUILD'
const MAX_WAIT_MS = 120_000
const STOP_TIMEOUT_MS = 2_000

/** Makes the folder for a run, once for all projects; Vitest calls what is returned at its end. */
export function setup(): () => void {
	if (process.env[FOLDER_VARIABLE] !== undefined) return () => undefined
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-build-'))
	process.env[FOLDER_VARIABLE] = dir
	return () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
}

/** The folder with the built Worker. The first of a run that asks builds it. Throws ActionableError. */
export async function getBuild(): Promise<string> {
	const dir = process.env[FOLDER_VARIABLE]
	if (dir === undefined) throw new Error(`${FOLDER_VARIABLE} is not set: is this file of a project with globalSetup?`)
	const [build, done, failed] = ['build', 'done', 'failed'].map((name) => join(dir, name)) as [string, string, string]
	if (isFirst(join(dir, 'begun')))
		try {
			await buildWorker(ENTRY, build)
			writeFileSync(done, '')
		} catch (error) {
			writeFileSync(failed, '')
			throw error
		}
	for (const untilMs = Date.now() + MAX_WAIT_MS; !existsSync(done); await pause(50))
		if (existsSync(failed) || Date.now() > untilMs)
			throw new ActionableError(`The Worker was not built: see ${build}.log.`)
	return build
}

function isFirst(path: string): boolean {
	try {
		mkdirSync(path)
		return true
	} catch {
		return false
	}
}

/** Starts the Worker, on the storage that is there, and waits until it runs. Throws ActionableError. */
export async function startBuiltWorker({ dir, port, vars, env }: LocalWorkerOptions): Promise<LocalWorker> {
	mkdirSync(dir, { recursive: true })
	const { masterKeys, setupToken } = loadOrCreateSecrets(join(dir, 'secrets.env'))
	const url = `http://127.0.0.1:${port}`
	const state = join(dir, 'state')
	const start: StartOptions = {
		build: await getBuild(),
		port,
		state,
		migrate: !existsSync(state),
		temporary: dir,
		logs: true,
		vars: {
			MASTER_KEYS: masterKeys,
			SETUP_TOKEN: setupToken,
			PUBLIC_URL: url,
			ALLOW_PRIVATE_NETWORK: 'true',
			POLL_FLOOR_SECONDS: '1',
			...vars,
		},
	}
	const log = openSync(join(dir, 'worker.log'), 'a')
	// In a group of its own: a kill reaches the runtime itself.
	const child = spawn(process.execPath, ['--no-warnings', RUNTIME], {
		cwd: PROJECT_DIR,
		detached: true,
		stdio: ['ignore', log, log, 'ipc'],
		env: { ...process.env, NO_COLOR: '1', ...env },
	})
	closeSync(log)
	const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
	const kill = async (): Promise<void> => {
		signalGroup(child, 'SIGKILL')
		await exited
		while (await isListening(port)) await pause(5)
	}
	const runs = new Promise<boolean>((resolve) => {
		child.on('message', (message) => {
			if (message === 'stands by') child.send(start)
			if (message === 'runs') resolve(true)
		})
		void exited.then(() => resolve(false))
		setTimeout(() => resolve(false), MAX_WAIT_MS).unref()
	})
	if (!(await runs)) {
		await kill()
		throw new ActionableError(`The Worker did not start: see ${join(dir, 'worker.log')}.`)
	}
	return {
		url,
		port,
		setupToken,
		exited,
		stop: async () => {
			child.kill('SIGTERM')
			await Promise.race([exited, pause(STOP_TIMEOUT_MS)])
			// Also what outlived its parent; nothing is there to be killed when all went well.
			await kill()
		},
		kill,
	}
}

/** The Worker under test as the harness sees it: built once, run in processes that are killed, on storage that stays. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pause, ActionableError } from '../../scripts/local/local-worker.ts'
import { loadOrCreateSecrets, PROJECT_DIR } from '../../scripts/local/files.ts'
import { buildWorker } from '../support/miniflare.ts'
import { TRAP_PATH, type Trap } from './kill-points.ts'
import type { StartOptions } from './runtime.ts'

/** How long a process may take to load, or a Worker to answer, ms. */
const START_TIMEOUT_MS = 60_000

/** A Worker that can be killed. */
export class WorkerProcess {
	readonly port: number
	readonly url: string
	readonly setupToken: string
	readonly #dir: string
	readonly #startOptions: Omit<StartOptions, 'migrate'>
	#migrated = false
	#running: ChildProcess | null = null
	/** Loaded, and ready to run the next one. */
	#standby: ChildProcess
	#processes = 0
	#closed = false

	private constructor(dir: string, port: number, vars: Readonly<Record<string, string>>) {
		this.#dir = dir
		this.port = port
		this.url = `http://127.0.0.1:${port}`
		const { masterKeys, setupToken } = loadOrCreateSecrets(join(dir, 'secrets.env'))
		this.setupToken = setupToken
		this.#startOptions = {
			build: join(dir, 'build'),
			port,
			state: join(dir, 'state'),
			temporary: dir,
			logs: true,
			vars: {
				MASTER_KEYS: masterKeys,
				SETUP_TOKEN: setupToken,
				PUBLIC_URL: this.url,
				ALLOW_PRIVATE_NETWORK: 'true',
				POLL_FLOOR_SECONDS: '1',
				...vars,
			},
		}
		this.#standby = this.#spawn()
	}

	/** Builds the Worker, makes its database and runs it. Throws ActionableError. */
	static async start(dir: string, port: number, vars: Readonly<Record<string, string>>): Promise<WorkerProcess> {
		mkdirSync(dir, { recursive: true })
		const worker = new WorkerProcess(dir, port, vars)
		await buildWorker(join(import.meta.dirname, 'worker.ts'), join(dir, 'build'))
		await worker.run()
		return worker
	}

	/** Runs it, on the storage that is there. Throws ActionableError. */
	async run(): Promise<void> {
		if (this.#closed) throw new Error('the run has ended')
		const child = this.#standby
		this.#running = child
		await waitForMessage(child, 'stands by', this.#dir)
		child.send({ ...this.#startOptions, migrate: !this.#migrated } satisfies StartOptions)
		await waitForMessage(child, 'runs', this.#dir)
		this.#migrated = true
		if (!this.#closed) this.#standby = this.#spawn()
	}

	/** Sets where it is to halt. */
	async setTrap(trap: Trap): Promise<void> {
		const response = await fetch(`${this.url}${TRAP_PATH}`, {
			method: 'POST',
			body: JSON.stringify(trap),
			signal: AbortSignal.timeout(10_000),
		})
		if (!response.ok) throw new Error(`the Worker did not accept the trap: ${response.status}`)
	}

	/** SIGKILL to the process and to the runtime that it started, now; ends when nothing answers any more. */
	async kill(): Promise<void> {
		const child = this.#running
		this.#running = null
		if (child === null) return
		signalGroup(child, 'SIGKILL')
		while (child.exitCode === null && child.signalCode === null) await pause(5)
		while (await isListening(this.port)) await pause(5)
	}

	/** Leaves no process behind. */
	async close(): Promise<void> {
		this.#closed = true
		await this.kill()
		signalGroup(this.#standby, 'SIGKILL')
	}

	#spawn(): ChildProcess {
		const log = openSync(join(this.#dir, `runtime-${++this.#processes}.log`), 'w')
		try {
			// In a group of its own: the kill reaches the runtime itself.
			const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'runtime.ts')], {
				cwd: PROJECT_DIR,
				detached: true,
				stdio: ['ignore', log, log, 'ipc'],
				env: { ...process.env, NO_COLOR: '1' },
			})
			child.on('message', (message) => receivedMessages.get(child)?.add(String(message)))
			receivedMessages.set(child, new Set())
			return child
		} finally {
			closeSync(log)
		}
	}
}

/** What each process has said so far. */
const receivedMessages = new WeakMap<ChildProcess, Set<string>>()

async function waitForMessage(child: ChildProcess, message: string, dir: string): Promise<void> {
	const untilMs = Date.now() + START_TIMEOUT_MS
	while (receivedMessages.get(child)?.has(message) !== true) {
		if (child.exitCode !== null || child.signalCode !== null || Date.now() > untilMs)
			throw new ActionableError(`The Worker did not start: see the logs in ${dir}.`)
		await pause(5)
	}
}

/** A signal to a process and all that it started. */
export function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
	if (child.pid === undefined) return
	try {
		process.kill(-child.pid, name)
	} catch {
		// Nothing of the group is left.
	}
}

/** Whether something accepts connections at a port of this machine. */
export async function isListening(port: number): Promise<boolean> {
	return await new Promise((resolve) => {
		const socket = connect({ port, host: '127.0.0.1' })
		socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
		socket.once('connect', () => socket.destroy())
	})
}

/** The Worker under test as the harness sees it: built once, run in processes that are killed, on storage that stays. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pause, quietEnvironment, Trouble, WRANGLER } from '../../scripts/local/bell.ts'
import { keepSecrets, PROJECT } from '../../scripts/local/files.ts'
import { TRAP_PATH, type Trap } from './points.ts'
import type { Start } from './runtime.ts'

/** How long a process may take to load, or a Worker to answer, ms. */
const PATIENCE_MS = 60_000

/** A Worker that can be killed. */
export class Bell {
	readonly port: number
	readonly url: string
	readonly setupToken: string
	readonly #dir: string
	readonly #start: Omit<Start, 'migrate'>
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
		const { masterKeys, setupToken } = keepSecrets(join(dir, 'secrets.env'))
		this.setupToken = setupToken
		this.#start = {
			file: join(dir, 'build', 'worker.js'),
			port,
			state: join(dir, 'state'),
			vars: {
				MASTER_KEYS: masterKeys,
				SETUP_TOKEN: setupToken,
				PUBLIC_URL: this.url,
				ALLOW_PRIVATE_NETWORK: 'true',
				POLL_FLOOR_SECONDS: '1',
				...vars,
			},
		}
		this.#standby = this.#load()
	}

	/** Builds the Worker, makes its database and runs it. Throws Trouble. */
	static async start(dir: string, port: number, vars: Readonly<Record<string, string>>): Promise<Bell> {
		mkdirSync(dir, { recursive: true })
		const bell = new Bell(dir, port, vars)
		await build(dir)
		await bell.run()
		return bell
	}

	/** Runs it, on the storage that is there. Throws Trouble. */
	async run(): Promise<void> {
		if (this.#closed) throw new Error('the run has ended')
		const child = this.#standby
		this.#running = child
		await said(child, 'stands by', this.#dir)
		child.send({ ...this.#start, migrate: !this.#migrated } satisfies Start)
		await said(child, 'runs', this.#dir)
		this.#migrated = true
		if (!this.#closed) this.#standby = this.#load()
	}

	/** Tells it where to stand still. */
	async set(trap: Trap): Promise<void> {
		const response = await fetch(`${this.url}${TRAP_PATH}`, {
			method: 'POST',
			body: JSON.stringify(trap),
			signal: AbortSignal.timeout(10_000),
		})
		if (!response.ok) throw new Error(`the Worker took no trap: ${response.status}`)
	}

	/** SIGKILL to the process and to the runtime that it started, now; ends when nothing answers any more. */
	async kill(): Promise<void> {
		const child = this.#running
		this.#running = null
		if (child === null) return
		signalGroup(child, 'SIGKILL')
		while (child.exitCode === null && child.signalCode === null) await pause(5)
		while (await listens(this.port)) await pause(5)
	}

	/** Leaves no process behind. */
	async close(): Promise<void> {
		this.#closed = true
		await this.kill()
		signalGroup(this.#standby, 'SIGKILL')
	}

	#load(): ChildProcess {
		const log = openSync(join(this.#dir, `runtime-${++this.#processes}.log`), 'w')
		try {
			// In a group of its own: the kill reaches the runtime itself.
			const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'runtime.ts')], {
				cwd: PROJECT,
				detached: true,
				stdio: ['ignore', log, log, 'ipc'],
				env: { ...quietEnvironment(this.#dir), NO_COLOR: '1', X_LOCAL_EXPLORER: 'false', X_LOCAL_OBSERVABILITY: 'false' },
			})
			child.on('message', (word) => words.get(child)?.add(String(word)))
			words.set(child, new Set())
			return child
		} finally {
			closeSync(log)
		}
	}
}

/** What each process has said so far. */
const words = new WeakMap<ChildProcess, Set<string>>()

async function said(child: ChildProcess, word: string, dir: string): Promise<void> {
	const untilMs = Date.now() + PATIENCE_MS
	while (words.get(child)?.has(word) !== true) {
		if (child.exitCode !== null || child.signalCode !== null || Date.now() > untilMs)
			throw new Trouble(`The Worker did not start: see the logs in ${dir}.`)
		await pause(5)
	}
}

/** Builds the test entry by the command that builds for Cloudflare. Throws Trouble. */
async function build(dir: string): Promise<void> {
	const log = join(dir, 'build.log')
	const output = openSync(log, 'w')
	try {
		const args = ['deploy', '--dry-run', '--outdir', join(dir, 'build'), join(import.meta.dirname, 'worker.ts')]
		const child = spawn(process.execPath, ['--no-warnings', WRANGLER, ...args], {
			cwd: PROJECT,
			stdio: ['ignore', output, output],
			env: { ...quietEnvironment(dir), NO_COLOR: '1' },
		})
		const code = await new Promise<number | null>((resolve) => void child.once('exit', resolve).once('error', () => resolve(null)))
		if (code !== 0) throw new Trouble(`The Worker could not be built: see ${log}.`)
	} finally {
		closeSync(output)
	}
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
	if (child.pid === undefined) return
	try {
		process.kill(-child.pid, name)
	} catch {
		// Nothing of the group is left.
	}
}

async function listens(port: number): Promise<boolean> {
	return await new Promise((resolve) => {
		const socket = connect({ port, host: '127.0.0.1' })
		socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
		socket.once('connect', () => socket.destroy())
	})
}

/**
 * Runs the Worker on this machine, as `wrangler dev` in a process group of its own: migrations first, then the server, with every file
 * it writes in one folder. `npm run dev`, the demo and the end-to-end tests all start it here.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadOrCreateSecrets, PROJECT_DIR } from './files.ts'

/** A problem that the user can fix; the message says how in one sentence. */
export class ActionableError extends Error {}

/** How a Worker is run. */
export interface LocalWorkerOptions {
	/** Holds its state, its secrets and its logs. */
	dir: string
	port: number
	/** Settings beside those that every local run has. */
	vars?: Readonly<Record<string, string>>
	/** Environment of the process, such as NODE_EXTRA_CA_CERTS. */
	env?: Readonly<Record<string, string>>
	/** Gives the start up: whatever was begun is stopped. */
	signal?: AbortSignal
}

/** A running Worker. */
export interface LocalWorker {
	readonly url: string
	readonly port: number
	readonly setupToken: string
	/** Ends with the process, however it ends. */
	readonly exited: Promise<void>
	/** Stops it within two seconds; nothing of it is left. */
	stop(): Promise<void>
	/** SIGKILL, as a crash. */
	kill(): Promise<void>
}

/** Wrangler itself rather than its launcher: one process less, and signals reach it. */
export const WRANGLER = join(PROJECT_DIR, 'node_modules', 'wrangler', 'wrangler-dist', 'cli.js')

/** Ends wrangler with whoever started it. */
const EXIT_WITH_PARENT = join(import.meta.dirname, 'exit-with-parent.ts')

/** Longest wait for a stopping process, ms. */
const STOP_TIMEOUT_MS = 2_000

/** Environment in which wrangler keeps its files in one folder, asks no questions and makes no requests of its own. */
export function quietEnvironment(dir: string): Record<string, string> {
	const temporary = join(dir, 'tmp')
	mkdirSync(temporary, { recursive: true })
	return {
		...(process.env as Record<string, string>),
		XDG_CONFIG_HOME: join(dir, 'config'),
		TMPDIR: temporary,
		WRANGLER_LOG_PATH: join(dir, 'logs'),
		// Runs beside each other must not find each other by name.
		WRANGLER_REGISTRY_PATH: join(dir, 'registry'),
		WRANGLER_SEND_METRICS: 'false',
		WRANGLER_HIDE_BANNER: 'true',
		CLOUDFLARE_CF_FETCH_ENABLED: 'false',
		CI: 'true',
	}
}

/** The arguments of `wrangler dev` for a local run, in addition to wrangler.toml. */
export function devArguments(options: LocalWorkerOptions): string[] {
	const vars = {
		PUBLIC_URL: `http://127.0.0.1:${options.port}`,
		ALLOW_PRIVATE_NETWORK: 'true',
		POLL_FLOOR_SECONDS: '1',
		...options.vars,
	}
	return [
		'dev',
		...['--ip', '127.0.0.1', '--port', String(options.port), '--inspector-port', '0'],
		...['--persist-to', join(options.dir, 'state'), '--env-file', join(options.dir, 'secrets.env')],
		...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
	]
}

/**
 * Creates a new database by one file that holds all migrations and notes them as applied, because wrangler starts the
 * runtime once for each migration. False: it failed, and `migrate` finds out which one.
 */
async function createDatabase(dir: string, signal?: AbortSignal): Promise<boolean> {
	const folder = join(PROJECT_DIR, 'migrations')
	const names = readdirSync(folder).toSorted()
	const file = join(dir, 'database.sql')
	const statements = [
		`CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,
			applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);`,
		...names.map((name) => readText(join(folder, name))),
		...names.map((name) => `INSERT INTO d1_migrations (name) VALUES ('${name}');`),
	]
	writeFileSync(file, statements.join('\n'))
	const child = runWrangler(
		['d1', 'execute', 'DB', '--local', '--persist-to', join(dir, 'state'), '--file', file, '--yes'],
		dir,
		join(dir, 'database.log'),
		{},
	)
	const killChild = (): void => signalGroup(child, 'SIGKILL')
	signal?.addEventListener('abort', killChild)
	const code = await waitForExit(child)
	signal?.removeEventListener('abort', killChild)
	signal?.throwIfAborted()
	// Half a database would let the first migration fail instead of the broken one.
	if (code !== 0) rmSync(join(dir, 'state'), { recursive: true, force: true, maxRetries: 5 })
	return code === 0
}

/** Applies the migrations to the local database. Throws ActionableError. */
export async function migrate(dir: string, signal?: AbortSignal): Promise<void> {
	if (!existsSync(join(dir, 'state')) && (await createDatabase(dir, signal))) return
	const log = join(dir, 'migrations.log')
	const child = runWrangler(
		['d1', 'migrations', 'apply', 'DB', '--local', '--persist-to', join(dir, 'state')],
		dir,
		log,
		{},
	)
	const killChild = (): void => signalGroup(child, 'SIGKILL')
	signal?.addEventListener('abort', killChild)
	const code = await waitForExit(child)
	signal?.removeEventListener('abort', killChild)
	signal?.throwIfAborted()
	if (code === 0) return
	const text = stripAnsi(readText(log))
	// Tables list the migrations, ticked when they are done: the first without a tick is the one that failed.
	const done = new Set([...text.matchAll(/│\s*(\S+\.sql)\s*│\s*✅/gu)].map(([, file]) => file))
	const name = [...text.matchAll(/│\s*(\S+\.sql)\s*│/gu)].map(([, file]) => file).find((file) => !done.has(file))
	const reason = /ERROR\]\s*([^\n]{1,200})/.exec(text)?.[1]?.trim()
	const which = name === undefined ? 'The migration of the local database' : `Migration ${name}`
	throw new ActionableError(
		`${which} failed${reason === undefined ? '' : ` (${reason})`}: fix it and start again, or delete ${toShortPath(join(dir, 'state'))} to begin with an empty database.`,
	)
}

/** Starts the Worker and waits until it answers. Throws ActionableError. */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
	const { dir, port } = options
	const { setupToken } = loadOrCreateSecrets(join(dir, 'secrets.env'))
	await migrate(dir, options.signal)
	const log = join(dir, 'worker.log')
	// Traces kept by the local runtime are for a person who looks; here they would only cost time.
	const extra = { X_LOCAL_EXPLORER: 'false', X_LOCAL_OBSERVABILITY: 'false', ...options.env }
	const child = runWrangler(
		[...devArguments(options), '--show-interactive-dev-session', 'false', '--log-level', 'info'],
		dir,
		log,
		extra,
	)
	const exited = waitForExit(child).then(() => undefined)
	let hasExited = false
	void exited.then(() => (hasExited = true))
	const url = `http://127.0.0.1:${port}`
	const worker: LocalWorker = {
		url,
		port,
		setupToken,
		exited,
		stop: async () => {
			if (!hasExited) child.kill('SIGTERM')
			await Promise.race([exited, pause(STOP_TIMEOUT_MS)])
			// Also what outlived its parent; nothing is there to be killed when all went well.
			signalGroup(child, 'SIGKILL')
			await exited
		},
		kill: async () => {
			signalGroup(child, 'SIGKILL')
			await exited
		},
	}
	try {
		await waitUntilHealthy(`${url}/healthz`, () => hasExited, log, options.signal)
	} catch (error) {
		await worker.stop()
		throw error
	}
	return worker
}

/** Waits until the Worker answers well. Throws ActionableError when its process ends, its build fails or a minute passes. */
async function waitUntilHealthy(
	url: string,
	hasExited: () => boolean,
	log: string,
	signal: AbortSignal | undefined,
): Promise<void> {
	const until = Date.now() + 60_000
	for (;;) {
		signal?.throwIfAborted()
		if (await isHealthy(url)) return
		const text = stripAnsi(readText(log))
		const reason =
			/Build failed[^\n]*\n+\s*([^\n]+)/.exec(text)?.[1] ??
			(hasExited() ? (/ERROR\]?\s*([^\n]+)/.exec(text)?.[1] ?? 'its process ended') : undefined)
		if (reason !== undefined || Date.now() > until) {
			throw new ActionableError(
				`The Worker did not start (${stripAnsi(reason ?? 'no answer within a minute')}): see ${toShortPath(log)}.`,
			)
		}
		await pause(100)
	}
}

async function isHealthy(url: string): Promise<boolean> {
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
		await response.arrayBuffer()
		return response.ok
	} catch {
		return false
	}
}

/** Starts wrangler detached: a Ctrl-C at the terminal goes to whoever started it, who stops it in order. */
function runWrangler(
	args: readonly string[],
	dir: string,
	log: string,
	env: Readonly<Record<string, string>>,
): ChildProcess {
	mkdirSync(dir, { recursive: true })
	const output = openSync(log, 'w')
	try {
		return spawn(process.execPath, ['--no-warnings', '--import', EXIT_WITH_PARENT, WRANGLER, ...args], {
			cwd: PROJECT_DIR,
			detached: true,
			stdio: ['ignore', output, output],
			env: { ...quietEnvironment(dir), NO_COLOR: '1', ...env },
		})
	} finally {
		closeSync(output)
	}
}

function waitForExit(child: ChildProcess): Promise<number | null> {
	return new Promise((resolve) => {
		child.once('error', () => resolve(null))
		child.once('exit', (code) => resolve(code))
	})
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
	if (child.pid === undefined) return
	try {
		process.kill(-child.pid, name)
	} catch {
		// Nothing of the group is left.
	}
}

/** Waits so many ms. */
export function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A path as a person at the project's folder would type it. */
export function toShortPath(path: string): string {
	return path.startsWith(`${PROJECT_DIR}/`) ? path.slice(PROJECT_DIR.length + 1) : path
}

function readText(path: string): string {
	try {
		return readFileSync(path, 'utf8')
	} catch {
		return ''
	}
}

/** Without colours, boxes and line ends. */
function stripAnsi(text: string): string {
	return text.replace(/\u001B\[[0-9;]*m/g, '').trim()
}

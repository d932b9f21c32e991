/**
 * `npm run dev [-- --port n …]`: `wrangler dev` with migrations applied, loopback allowed and a first organization and user made, whose
 * secrets it writes to `.shopbell/dev.json`. Every other flag goes to wrangler.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import {
	devArguments,
	migrate,
	pause,
	quietEnvironment,
	toShortPath,
	ActionableError,
	WRANGLER,
} from './local/local-worker.ts'
import { ApiError } from '../src/client/client.ts'
import { createSignInUrl, setUp } from './local/client.ts'
import { claimOwnership } from './local/claim.ts'
import { loadOrCreateSecrets, LOCAL_DIR, PROJECT_DIR, readJson, writePrivateJson } from './local/files.ts'
import { tryPort } from './local/ports.ts'

const DEV_DIR = join(LOCAL_DIR, 'dev')
const SECRETS_FILE = join(LOCAL_DIR, 'dev.json')
const DEFAULT_PORT = 8787

/** Takes `--port n` or `--port=n` out of the arguments; the rest is wrangler's. */
function readPort(args: readonly string[]): { port: number; rest: string[] } {
	const index = args.findIndex((argument) => argument === '--port' || argument.startsWith('--port='))
	if (index < 0) return { port: DEFAULT_PORT, rest: [...args] }
	const inline = args[index]?.split('=')[1]
	const portText = inline ?? args[index + 1] ?? ''
	const port = Number(portText)
	if (portText === '' || !Number.isInteger(port) || port < 1 || port > 65_535)
		throw new ActionableError(`--port ${portText}: expected a number from 1 to 65535.`)
	return {
		port,
		rest: args.filter((_, position) => position !== index && (inline !== undefined || position !== index + 1)),
	}
}

/** Runs until wrangler ends; its exit code is ours. */
async function main(): Promise<number> {
	const { port, rest } = readPort(process.argv.slice(2))
	const state = await tryPort(port)
	if (state !== 'free') {
		throw new ActionableError(
			state === 'taken'
				? `Port ${port} is in use: stop what listens there, or run npm run dev -- --port ${port + 1}.`
				: `Port ${port} cannot be opened here: run npm run dev -- --port ${DEFAULT_PORT}.`,
		)
	}
	const { setupToken } = loadOrCreateSecrets(join(DEV_DIR, 'secrets.env'))
	await claimDatabase()
	await migrate(DEV_DIR)

	// The same terminal, so that wrangler's own keys work; Ctrl-C reaches both, and this waits for wrangler to end.
	const child = spawn(process.execPath, ['--no-warnings', WRANGLER, ...devArguments({ dir: DEV_DIR, port }), ...rest], {
		cwd: PROJECT_DIR,
		stdio: 'inherit',
		env: { ...quietEnvironment(DEV_DIR), CI: process.env['CI'] ?? '' },
	})
	for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
		process.on(name, () => child.kill(name === 'SIGINT' ? 'SIGINT' : 'SIGTERM'))
	let running = true
	const ended = new Promise<number>((resolve) => {
		child.once('exit', (code) => {
			running = false
			resolve(code ?? 0)
		})
	})
	try {
		await setUpAccount(`http://127.0.0.1:${port}`, setupToken, () => running)
	} catch (error) {
		child.kill('SIGTERM')
		await ended
		throw error
	}
	return await ended
}

/** The local database belongs to one run at a time. */
async function claimDatabase(): Promise<void> {
	const claim = await claimOwnership(join(DEV_DIR, 'owner.json'))
	if (!claim.ok)
		throw new ActionableError(
			`npm run dev runs already (process ${claim.pid}) and has the local database: stop it first.`,
		)
}

/** Once the Worker answers: makes the first organization and user, and writes down how to call it. */
async function setUpAccount(url: string, setupToken: string, running: () => boolean): Promise<void> {
	while (
		!(await fetch(`${url}/healthz`).then(
			(answer) => answer.ok,
			() => false,
		))
	) {
		if (!running()) return
		await pause(200)
	}
	const account = await setUp(url, setupToken, {
		organizationName: 'Local',
		email: 'dev@example.com',
		firstName: 'Local',
		lastName: 'Developer',
	})
	const savedAccount = readJson(SECRETS_FILE)
	const { userSecret, organizationSecret } = account ?? savedAccount ?? {}
	if (typeof userSecret !== 'string' || typeof organizationSecret !== 'string') {
		throw new ActionableError(
			`The local database has its first user, but ${toShortPath(SECRETS_FILE)} with its secrets is gone: delete ${toShortPath(DEV_DIR)} to begin anew.`,
		)
	}
	const signInUrl = await createSignInUrl(url, { userSecret, organizationSecret }).catch((error: unknown) => {
		// The secrets were replaced or revoked since: everything but the link works.
		if (error instanceof ApiError && error.status === 401) return null
		throw error
	})
	writePrivateJson(SECRETS_FILE, { url, signInUrl, userSecret, organizationSecret, setupToken })
	const way = signInUrl === null ? `${url}/sign-in, with your password` : signInUrl
	process.stdout.write(`Shopbell runs at ${url}; secrets in ${toShortPath(SECRETS_FILE)}\nSign in: ${way}\n`)
}

try {
	process.exitCode = await main()
} catch (error) {
	process.stderr.write(
		`${error instanceof ActionableError ? error.message : `The Worker could not be started: ${error instanceof Error ? error.message : String(error)}`}\n`,
	)
	process.exitCode = 1
}

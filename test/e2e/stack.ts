/** What every end-to-end story needs: a store on loopback, a callback, and the built Worker in processes of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, type LocalWorker, type LocalWorkerOptions } from '../../scripts/local/local-worker.ts'
import { Client, setUp, type Account } from '../../scripts/local/client.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { createCallbackServer, type CallbackServer } from '../demo/callback.ts'
import { requestsOf } from '../guide/curls.ts'
import { serve } from '../store/serve.ts'
import { createStore, type SimulatedStore, type WebhookKnobs } from '../store/store.ts'
import { startBuiltWorker } from '../support/built-worker.ts'

/** The signature key of these stories. */
export const E2E_SIGNATURE_KEY = 'key of the end-to-end stories'

/** All of it, running. */
export interface E2eStack {
	readonly store: SimulatedStore
	readonly storeUrl: string
	/** Every path that anybody asked the store for, `/_store` included. */
	readonly paths: readonly string[]
	readonly callback: CallbackServer
	/** The Worker that runs now. */
	worker(): LocalWorker
	readonly account: Account
	readonly client: Client
	/** SIGKILL, as a crash. */
	crash(): Promise<void>
	/** The same Worker on the same storage, again. */
	restart(): Promise<void>
	close(): Promise<void>
}

/** Builds a house. `https`: the store has a certificate of its own, which the Worker is told to trust. `webhooks`: how they behave there. */
export async function startStack(options: {
	https: boolean
	objects: number
	webhooks?: WebhookKnobs
}): Promise<E2eStack> {
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-e2e-'))
	const undo: (() => Promise<void>)[] = [async () => rmSync(dir, { recursive: true, force: true })]
	const close = async (): Promise<void> => {
		for (const undoStep of undo.toReversed()) await undoStep()
	}
	try {
		const port = await anyFreePort()
		const { objects, webhooks = {} } = options
		const store = createStore({ objects, webhooks, url: `${options.https ? 'https' : 'http'}://127.0.0.1:${port}` })
		const paths: string[] = []
		const served = await serve(recordPaths(store, paths), { port, https: options.https })
		undo.push(async () => await served.close())
		const callback = createCallbackServer({ key: E2E_SIGNATURE_KEY })
		await callback.listen()
		undo.push(async () => await callback.close())

		const caPath = join(dir, 'store.pem')
		if (served.ca !== undefined) writeFileSync(caPath, served.ca)
		const start: LocalWorkerOptions = {
			dir: join(dir, 'worker'),
			port: await anyFreePort(),
			env: served.ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: caPath },
		}
		let worker = await startBuiltWorker(start)
		undo.push(async () => await worker.stop())
		const account = await setUp(worker.url, worker.setupToken, {
			organizationName: 'End to end',
			email: 'e2e@example.com',
			firstName: 'End',
			lastName: 'Toend',
		})
		if (account === null) throw new Error('the database was not empty')
		return {
			store,
			storeUrl: served.url,
			paths,
			callback,
			worker: () => worker,
			account,
			client: new Client(worker.url, account),
			crash: async () => await worker.kill(),
			restart: async () => {
				worker = await startBuiltWorker(start)
			},
			close,
		}
	} catch (error) {
		await close()
		throw error
	}
}

/** The store, noting every path that is asked for. */
function recordPaths(store: SimulatedStore, paths: string[]): SimulatedStore {
	return new Proxy(store, {
		get(target, name) {
			const value: unknown = Reflect.get(target, name, target)
			if (name === 'fetch') {
				return async (request: Request): Promise<Response> => {
					paths.push(new URL(request.url).pathname)
					return await target.fetch(request)
				}
			}
			return typeof value === 'function' ? (value.bind(target) as unknown) : value
		},
	})
}

/** Runs a documented cURL command as a shell reads it, with some of its texts replaced, and sends what curl would send. */
export async function runCurl(
	file: string,
	replace: Readonly<Record<string, string>>,
): Promise<{ status: number; body: unknown }> {
	let script = readFileSync(join(import.meta.dirname, file), 'utf8')
	for (const [from, to] of Object.entries(replace)) {
		if (!script.includes(from)) throw new Error(`${file} has no ${from}`)
		script = script.replaceAll(from, to)
	}
	const [curlRequest] = await requestsOf(script)
	if (curlRequest === undefined) throw new Error(`${file} has no curl`)
	const { url, body, ...rest } = curlRequest
	const response = await fetch(url, { ...rest, ...(body === undefined ? {} : { body }) })
	return { status: response.status, body: await response.json() }
}

/** Waits until something holds, and gives it; fails after so many ms. */
export async function eventually<T>(
	what: string,
	getValue: () => T | Promise<T>,
	holds: (value: T) => boolean,
	withinMs = 110_000,
): Promise<T> {
	const untilMs = Date.now() + withinMs
	for (;;) {
		const value = await getValue()
		if (holds(value)) return value
		if (Date.now() > untilMs)
			throw new Error(`${what}: not within ${withinMs / 1000} s; last: ${JSON.stringify(value)?.slice(0, 500)}`)
		await pause(150)
	}
}

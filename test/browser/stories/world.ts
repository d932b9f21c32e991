/** What the stories of people need: the built Worker, the simulated store, a callback, and a browser. One of each for a file. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { expect } from 'vitest'
import type { LocalWorker, LocalWorkerOptions } from '../../../scripts/local/local-worker.ts'
import { anyFreePort } from '../../../scripts/local/ports.ts'
import { createClient, type Client } from '../../../src/client/client.ts'
import { createCallbackServer, type CallbackServer } from '../../demo/callback.ts'
import { serve } from '../../store/serve.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { startBuiltWorker } from '../../support/built-worker.ts'
import { openBrowser } from '../browser.ts'
import { PATIENCE_MS } from './visitor.ts'

/** All of it, running. */
export interface World {
	readonly store: SimulatedStore
	readonly storeUrl: string
	readonly callback: CallbackServer
	readonly browser: Browser
	/** Of the Worker, the same after a restart. */
	readonly url: string
	readonly setupToken: string
	/** SIGTERM to the Worker. */
	stop(): Promise<void>
	/** The same Worker on the same storage, again. */
	restart(): Promise<void>
	close(): Promise<void>
}

/** Starts it. Names of hosts are resolved by a stand-in, which knows none. */
export async function startWorld(): Promise<World> {
	const dir = mkdtempSync(join(tmpdir(), 'shopbell-stories-'))
	const undo: (() => Promise<void>)[] = [async () => rmSync(dir, { recursive: true, force: true })]
	const close = async (): Promise<void> => {
		for (const undoStep of undo.toReversed()) await undoStep()
	}
	try {
		const storePort = await anyFreePort()
		const store = createStore({
			objects: 12,
			url: `http://127.0.0.1:${storePort}`,
			webhooks: { allowLocalDelivery: true, allowHttpCallback: true },
		})
		const served = await serve(store, { port: storePort })
		undo.push(served.close)
		const callback = createCallbackServer({})
		await callback.listen()
		undo.push(async () => await callback.close())
		const resolver = await startResolver()
		undo.push(resolver.close)
		const start: LocalWorkerOptions = {
			dir: join(dir, 'worker'),
			port: await anyFreePort(),
			vars: { DNS_RESOLVER_URL: resolver.url },
		}
		const starting = startBuiltWorker(start)
		const [browser] = await Promise.all([openBrowser(), starting])
		undo.push(async () => await browser.close())
		let worker: LocalWorker = await starting
		undo.push(async () => await worker.stop())
		return {
			store,
			storeUrl: served.url,
			callback,
			browser,
			url: worker.url,
			setupToken: worker.setupToken,
			stop: async () => await worker.stop(),
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

/** DNS over HTTPS that knows no name. */
async function startResolver(): Promise<{ url: string; close(): Promise<void> }> {
	const server = createServer((_request, response) => {
		response.setHeader('Content-Type', 'application/dns-json')
		response.end(JSON.stringify({ Status: 3 }))
	})
	await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
	const { port } = server.address() as AddressInfo
	return {
		url: `http://127.0.0.1:${port}/dns-query`,
		close: async () => {
			server.closeAllConnections()
			await new Promise((resolve) => server.close(resolve))
		},
	}
}

/** Who signs in in these stories. */
export const ANN = {
	organization: 'Acme',
	firstName: 'Ann',
	lastName: 'Adams',
	email: 'ann@acme.example',
	password: 'correct horse battery',
} as const

/** Ann's `Authorization` of the API. */
export async function signInToApi(url: string): Promise<string> {
	const body = { username: ANN.email, password: ANN.password }
	const { token } = await createClient({ baseUrl: url }).signIn({ body })
	return `Bearer ${token}`
}

/** A new session as an address that signs a browser in. */
export async function createSignInUrl(url: string, client: Client): Promise<string> {
	return `${url}/sign-in/local?session=${(await client.createSession()).token}`
}

/** Waits until the store is read once: what exists then makes no events. */
export async function waitForBaseline(api: Client, id: number): Promise<void> {
	await expect
		.poll(
			async () => {
				const { resources } = await api.getPoller({ params: { id } })
				return resources.length > 0 && resources.every(({ baseline }) => baseline.complete)
			},
			{ timeout: PATIENCE_MS },
		)
		.toBe(true)
}

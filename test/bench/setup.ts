/** What most benches begin with: a store that is served, and the account of a Worker that was started. */
import { type Account, Client, setUp } from '../../scripts/local/client.ts'
import { freePort, serve } from '../store/serve.ts'
import { createStore, type SimulatedStore } from '../store/store.ts'
import { migrateDatabase } from '../support/miniflare.ts'
import { SETUP_TOKEN, type CleanupStack, type RunningWorker } from './runtime.ts'

/** Serves a simulated store on a free port, without TLS. */
export async function serveStore(
	undo: CleanupStack,
	options: Parameters<typeof createStore>[0],
): Promise<{ store: SimulatedStore; url: string }> {
	const port = await freePort()
	const store = createStore({ ...options, url: `http://127.0.0.1:${port}` })
	const served = await serve(store, { port })
	undo.push(() => served.close())
	return { store, url: served.url }
}

/** Makes the tables of D1 and the first organization. Throws when there is one. */
export async function createAccount({ base, runtime }: RunningWorker): Promise<{ client: Client; account: Account }> {
	await migrateDatabase(runtime)
	const names = { organizationName: 'The bench', email: 'bench@example.com', firstName: 'Bench', lastName: 'User' }
	const account = await setUp(base, SETUP_TOKEN, names)
	if (account === null) throw new Error('the Worker was set up before')
	return { client: new Client(base, account), account }
}

/** The configuration of an instance that watches such a store. */
export function connectionConfigFor({ store, url }: { store: SimulatedStore; url: string }): Record<string, string> {
	return { 'store.url': url, 'oauth.api.key': store.credentials.key, 'oauth.api.secret': store.credentials.secret }
}

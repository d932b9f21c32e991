/**
 * A Shopbell for pages to be looked at: the built Worker, simulated stores, and instances in every state that needs somebody. It grows in
 * steps: `fresh` (nobody has an account), `empty` (an account, no instance), `normal`, `many` (1,000 instances).
 */
import type { Miniflare } from 'miniflare'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, createSignInUrl, setUp, type Account } from '../../scripts/local/client.ts'
import { pause } from '../../scripts/local/local-worker.ts'
import { anyFreePort } from '../../scripts/local/ports.ts'
import { hashSecret, newToken } from '../../src/accounts/secrets.ts'
import type { ActivityHour } from '../../src/events/activity.ts'
import type { ActivityReport, InstanceState } from '../../src/rpc/watcher.ts'
import { seededRandom } from '../bench/bench.ts'
import { createCallbackServer, type CallbackServer } from '../demo/callback.ts'
import { serve } from '../store/serve.ts'
import { createStore, type Action, type SimulatedStore, type StoreOptions } from '../store/store.ts'
import { buildWorker, executeSql, migrateDatabase, startRuntime } from '../support/miniflare.ts'

/** How far a scene has grown. */
export type ScenePhase = 'fresh' | 'empty' | 'normal' | 'many'

/** Who looks at a page. */
export type SceneViewer = 'nobody' | 'owner' | 'viewer'

const SETUP_TOKEN = 'setup-token-of-the-scene'
const SIGNATURE_KEY = 'signature key of the scene'
/** An instance reaches its state within seconds; on a busy machine within this, ms. */
const MAX_WAIT_MS = 120_000
const MANY = 1_000

/** An instance of the scene: its store, how it watches it, and what happens once its baseline is complete. */
interface Part {
	name: string
	state: InstanceState
	type: 'polling' | 'webhook' | 'hybrid'
	tags?: string[]
	store?: StoreOptions
	config?: Record<string, unknown>
	/** Its callback answers this. */
	callbackStatus?: number
	/** Leads to the state. */
	act?: (part: { store: SimulatedStore; client: Client; id: number; close(): Promise<void> }) => Promise<void> | void
}

const times = (count: number, action: Action): Action[] => Array.from({ length: count }, () => action)

function actAll(store: SimulatedStore, actions: readonly Action[]): void {
	for (const action of actions) store.act(action)
}

/** What happens in a shop on an ordinary day. */
const DAY: readonly Action[] = [
	...times(6, { do: 'place-order' }),
	...times(3, { do: 'complete' }),
	...times(4, { do: 'edit', resource: 'products' }),
	{ do: 'edit', resource: 'customers' },
	{ do: 'create', resource: 'coupons' },
	{ do: 'trash', resource: 'products' },
]

const PARTS: readonly Part[] = [
	{
		name: 'Riverside Outfitters',
		state: 'healthy',
		type: 'hybrid',
		tags: ['us', 'flagship'],
		store: { objects: 80 },
		act: ({ store }) => actAll(store, DAY),
	},
	{
		name: 'Alpenglow Sports',
		state: 'healthy',
		type: 'polling',
		tags: ['us'],
		act: ({ store }) => actAll(store, DAY.slice(0, 4)),
	},
	{
		name: 'Harbor Books',
		state: 'needs-reauth',
		type: 'polling',
		tags: ['uk'],
		act: async ({ store, client, id }) => {
			store.setFaults([{ status: 401, form: 'json' }])
			await client.poll(id, 'window')
		},
	},
	{
		name: 'Kiln & Clay',
		state: 'deletions-held',
		type: 'polling',
		store: { objects: 120 },
		act: async ({ store, client, id }) => {
			for (const customer of [...store.state('customers')].filter(([, { role }]) => role === 'customer').slice(0, 40))
				store.act({ do: 'delete', resource: 'customers', id: customer[0] })
			await client.poll(id, 'reread')
		},
	},
	{
		name: 'North Pier Coffee',
		state: 'changes-held',
		type: 'polling',
		store: { objects: 120 },
		config: { 'event.poller.massChanges': 'hold' },
		act: async ({ store, client, id }) => {
			store.act({ do: 'mass-edit', resource: 'products' })
			await client.poll(id, 'reread')
		},
	},
	{
		name: 'Juniper Home',
		state: 'callback-failing',
		type: 'polling',
		callbackStatus: 500,
		act: ({ store }) =>
			actAll(store, [...times(24, { do: 'place-order' }), { do: 'burst', resource: 'products', count: 30 }]),
	},
	{
		name: 'Tidewater Bikes',
		state: 'deactivated',
		type: 'polling',
		callbackStatus: 410,
		act: ({ store }) => actAll(store, DAY),
	},
	{
		name: 'Old Mill Toys',
		state: 'store-unreachable',
		type: 'polling',
		act: async ({ close, client, id }) => {
			await close()
			await client.poll(id, 'window')
		},
	},
	{
		name: 'Marlow Candles',
		state: 'foreign-source',
		type: 'webhook',
		act: ({ store }) => {
			store.setWebhooks({ allowLocalDelivery: true, source: 'https://staging.marlow-candles.example/' })
			actAll(store, DAY)
		},
	},
	{
		name: 'Lakeside Garden',
		state: 'webhooks-degraded',
		type: 'webhook',
		act: async ({ store, client, id }) => {
			store.setFaults([{ pattern: '/webhooks', status: 403, form: 'json' }])
			await client.poll(id, 'window')
		},
	},
	{
		name: 'Bramble Vintage',
		state: 'full',
		type: 'polling',
		// By this name scene-worker.ts takes its storage for full.
		act: async ({ client, id }) => {
			await client.api.updateInstance({ params: { id }, body: { name: 'Bramble Vintage & Antiques' } })
		},
	},
	{
		name: 'Fern & Field',
		state: 'disabled',
		type: 'polling',
		act: async ({ client, id }) => void (await client.api.disableInstance({ params: { id } })),
	},
	{
		name: 'Saffron Kitchen, the whole catalogue',
		state: 'connecting',
		type: 'polling',
		store: { objects: { orders: 6_000 } },
	},
]

/** A running scene. */
export class Scene {
	readonly url: string
	readonly runtime: Miniflare
	/** The main callback, which accepts everything. */
	readonly callback: CallbackServer
	/** Ids of instances by name. */
	readonly ids = new Map<string, number>()
	readonly stores = new Map<string, SimulatedStore>()
	/** URL of the page of an invitation. */
	invitationUrl = ''
	#phase: ScenePhase = 'fresh'
	#account: Account | null = null
	readonly #callbacks: CallbackServer[] = []
	readonly #undo: (() => unknown)[]

	constructor(url: string, runtime: Miniflare, callback: CallbackServer, undo: (() => unknown)[]) {
		this.url = url
		this.runtime = runtime
		this.callback = callback
		this.#undo = undo
	}

	/** The API as the owner calls it. */
	get client(): Client {
		return new Client(this.url, this.#account!)
	}

	/** The path of an instance. Throws when there is none of this name. */
	instancePath(name: string): string {
		const id = this.ids.get(name)
		if (id === undefined) throw new Error(`no instance ${name}`)
		return `/instances/${id}`
	}

	/** The id of an instance's newest event. */
	async newestEvent(name: string): Promise<string> {
		const id = this.ids.get(name)!
		const events = await this.client.api.listEvents({ params: { id }, query: { pageSize: 1 } })
		return events[0]!.id
	}

	/** Grows to a phase. `names`: of the instances only these, for tests of a page. */
	async growTo(phase: ScenePhase, names: readonly string[] = PARTS.map(({ name }) => name)): Promise<void> {
		const order: ScenePhase[] = ['fresh', 'empty', 'normal', 'many']
		const isBelow = (one: ScenePhase): boolean =>
			order.indexOf(this.#phase) < order.indexOf(one) && order.indexOf(one) <= order.indexOf(phase)
		if (isBelow('empty')) await this.#setUp()
		if (isBelow('normal'))
			await Promise.all(PARTS.filter(({ name }) => names.includes(name)).map((part) => this.#connect(part)))
		if (isBelow('many')) await this.#multiply()
		if (order.indexOf(phase) > order.indexOf(this.#phase)) this.#phase = phase
	}

	/** Serves a copy of an instance's store, with its keys, at another address, as of a shop that moved; the address. */
	async serveCopy(name: string): Promise<string> {
		const port = await anyFreePort()
		const seed = 1 + PARTS.findIndex((part) => part.name === name)
		const store = createStore({ seed, objects: 30, name, url: `http://127.0.0.1:${port}` })
		const served = await serve(store, { port })
		this.#undo.push(
			() => store.close(),
			() => served.close(),
		)
		return served.url
	}

	/** A URL that signs somebody in and leads to Home. */
	async signInUrl(viewer: Exclude<SceneViewer, 'nobody'>): Promise<string> {
		if (viewer === 'owner') return await createSignInUrl(this.url, this.#account!)
		const token = newToken('session')
		await executeSql(this.runtime, [
			`INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms)
			SELECT '${hashSecret(token)}', organization_id, id, 'Firefox', ${Date.now()}, ${Date.now() + 3_600_000}
			FROM users WHERE email = 'viewer@example.com'`,
		])
		return `${this.url}/sign-in/local?session=${token}`
	}

	/** Takes everything down. */
	async close(): Promise<void> {
		for (const step of this.#undo.splice(0).toReversed()) await Promise.resolve(step()).catch(() => undefined)
	}

	async #setUp(): Promise<void> {
		this.#account = await setUp(this.url, SETUP_TOKEN, {
			organizationName: 'Northwind Trading',
			email: 'ann@northwind.example',
			firstName: 'Ann',
			lastName: 'Larsen',
		})
		const invite = async (email: string, role: 'viewer' | 'developer') =>
			await this.client.api.inviteUser({ body: { email, firstName: 'Jo', lastName: 'Berg', role } })
		await invite('viewer@example.com', 'viewer')
		this.invitationUrl = (await invite('jo.berg@northwind.example', 'developer')).invitation.url
	}

	/** Makes an instance and waits until it is in its state. */
	async #connect(part: Part): Promise<void> {
		const port = await anyFreePort()
		const store = createStore({
			seed: 1 + PARTS.indexOf(part),
			objects: 30,
			name: part.name,
			url: `http://127.0.0.1:${port}`,
			webhooks: { allowLocalDelivery: true },
			...part.store,
		})
		const served = await serve(store, { port })
		this.stores.set(part.name, store)
		this.#undo.push(
			() => store.close(),
			() => served.close(),
		)
		if (part.state === 'connecting') store.setFaults([{ pattern: 'orders.*order=asc', latencyMs: 1_500 }])
		const { client } = this
		const configuration: Record<string, unknown> = {
			'store.url': served.url,
			'oauth.api.key': store.credentials.key,
			'oauth.api.secret': store.credentials.secret,
			'event.notification.enabled': true,
			'event.vendor.type': part.type,
			'event.notification.callback.url': await this.#callbackUrl(part),
			'event.notification.signature.key': SIGNATURE_KEY,
			'event.poller.refresh_interval': 5,
			...part.config,
		}
		const { id } = await client.api.createInstance({
			body: { element: { key: 'woocommercerest' }, name: part.name, tags: part.tags ?? [], configuration },
		})
		this.ids.set(part.name, id)
		if (part.state === 'connecting') return
		await this.#waitFor(part, async () => {
			const { resources } = await client.poller(id)
			return resources.length > 0 && resources.every(({ baseline }) => baseline.complete)
		})
		await part.act?.({ store, client, id, close: async () => await served.close() })
		await this.#waitFor(part, async () => {
			if ((await client.health(id)).state === part.state) return true
			// Polls are far apart, so that a scene that stands still takes no time.
			if (part.state !== 'disabled') await client.poll(id, 'window')
			return false
		})
		if (part.state !== 'healthy') return
		await client.poll(id, 'window')
		await this.#waitFor(part, async () => {
			const events = await client.api.listEvents({ params: { id }, query: { pageSize: 4 } })
			if (events.length < 4) await client.poll(id, 'window')
			return events.length >= 4 && (await client.health(id)).callback.waiting === 0
		})
	}

	async #waitFor({ name, state }: Part, isReached: () => Promise<boolean>): Promise<void> {
		const untilMs = Date.now() + MAX_WAIT_MS
		while (!(await isReached())) {
			if (Date.now() > untilMs) {
				const health = await this.client.health(this.ids.get(name)!)
				throw new Error(`${name} is ${health.state} instead of ${state}: ${health.reason}`)
			}
			await pause(500)
		}
	}

	async #callbackUrl({ callbackStatus }: Part): Promise<string> {
		if (callbackStatus === undefined) return this.callback.url
		const callback = createCallbackServer({ key: SIGNATURE_KEY })
		await callback.listen()
		callback.failFor(86_400, callbackStatus)
		this.#callbacks.push(callback)
		this.#undo.push(() => callback.close())
		return callback.url
	}

	/** Copies of the first instance with names and numbers of their own, as rows alone: lists read nothing else. */
	async #multiply(): Promise<void> {
		const database = await this.runtime.getD1Database('DB')
		// The connection to the runtime may have been closed while it was idle: the first use finds out.
		await database
			.prepare('SELECT 1')
			.all()
			.catch(() => undefined)
		const [first] = this.ids.values()
		const readRow = async (table: string, idColumn: string): Promise<Row> =>
			(await database.prepare(`SELECT * FROM ${table} WHERE ${idColumn} = ?`).bind(first).first<Row>())!
		const [instance, status] = [await readRow('instances', 'id'), await readRow('instance_status', 'instance_id')]
		const random = seededRandom(7)
		const statements = Array.from({ length: MANY }, (_, n) => {
			const copy = { ...instance, id: 1_000_000 + n, subscription_id: 2_000_000 + n, ...toCopy(instance, n, random) }
			return [
				toInsert('instances', copy),
				toInsert('instance_status', { ...status, instance_id: copy.id, ...varyStatus(status, random) }),
			]
		}).flat()
		for (let start = 0; start < statements.length; start += 50)
			await executeSql(this.runtime, statements.slice(start, start + 50))
	}
}

type Row = Record<string, string | number | null>

function toInsert(table: string, row: Row): string {
	const values = Object.values(row).map((value) =>
		typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value),
	)
	return `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`
}

const PLACES = [
	'Aspen',
	'Birch',
	'Cedar',
	'Delta',
	'Ember',
	'Fjord',
	'Grove',
	'Heath',
	'Indigo',
	'Juniper',
	'Kestrel',
	'Larch',
]
const TRADES = [
	'Books',
	'Bikes',
	'Candles',
	'Ceramics',
	'Coffee',
	'Garden',
	'Kitchen',
	'Outfitters',
	'Sports',
	'Toys',
	'Wines',
]

/** What a copy of an instance has of its own. */
function toCopy(instance: Row, n: number, random: () => number): Row {
	const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)]!
	const name = `${pick(PLACES)} ${pick(TRADES)} ${n}`
	const host = `${name.toLowerCase().replaceAll(' ', '-')}.example`
	const configuration = JSON.parse(String(instance['configuration'])) as Record<string, string>
	return {
		name,
		incarnation: `copy-${n}`,
		token_hash: `copy-${n}`,
		configuration: JSON.stringify({ ...configuration, 'store.url': `https://${host}` }),
	}
}

/** Other times, and in every hour other counts. */
function varyStatus(status: Row, random: () => number): Row {
	const activity = JSON.parse(String(status['activity'])) as ActivityReport
	const currentHour = Math.floor(Date.now() / 3_600_000)
	const hours = Array.from({ length: 24 }, (_, index): ActivityHour => {
		const [created, updated] = [Math.floor(random() * 40), Math.floor(random() * 200)]
		const count = created + updated
		return [currentHour - 23 + index, created, updated, 0, count, Math.ceil(count / 10), 0, [0, count]]
	})
	const nowMs = Date.now()
	return {
		last_event_at_ms: nowMs - Math.floor(random() * 86_400_000),
		since_ms: nowMs - Math.floor(random() * 864_000_000),
		hours: JSON.stringify(hours.map(([, created, updated]) => created + updated)),
		activity: JSON.stringify({ ...activity, hours }),
	}
}

/** Builds the Worker, or another entry with it inside, and starts it with an empty database. */
export async function startScene(entry = 'test/browser/scene-worker.ts'): Promise<Scene> {
	const undo: (() => unknown)[] = []
	try {
		const dir = mkdtempSync(join(tmpdir(), 'shopbell-scene-'))
		undo.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
		const build = join(dir, 'build')
		await buildWorker(entry, build)
		const port = await anyFreePort()
		const url = `http://127.0.0.1:${port}`
		const runtime = await startRuntime({
			build,
			vars: {
				MASTER_KEYS: `scene:${Buffer.alloc(32, 7).toString('base64')}`,
				SETUP_TOKEN,
				PUBLIC_URL: url,
				ALLOW_PRIVATE_NETWORK: 'true',
				POLL_FLOOR_SECONDS: '1',
			},
			port,
			state: null,
			temporary: dir,
		})
		undo.push(async () => await runtime.dispose())
		await migrateDatabase(runtime)
		const callback = createCallbackServer({ key: SIGNATURE_KEY })
		await callback.listen()
		undo.push(async () => await callback.close())
		return new Scene(url, runtime, callback, undo)
	} catch (error) {
		for (const step of undo.toReversed()) await Promise.resolve(step()).catch(() => undefined)
		throw error
	}
}

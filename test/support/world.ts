/**
 * A whole Shopbell in plain Node: the engine over an in-memory SQLite, a simulated store, a queue, a consumer and a callback, all on one
 * virtual clock. What happens in seconds of it takes milliseconds; a crash is the loss of everything but storage, at any step.
 */
import { refused } from '../../src/lib/result.ts'
import { createHmac } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { admit, releasePermits, getNextWakeMs, report, selectToNotify } from '../../src/delivery/circuit-breaker.ts'
import { initialState, type BreakerState as Breaker } from '../../src/delivery/circuit-breaker-state.ts'
import { BreakerCache } from '../../src/delivery/breaker-cache.ts'
import { handleDoorbells, type DeliveryPorts } from '../../src/delivery/doorbell-handler.ts'
import { DEFAULT_TIMEOUT_MS } from '../../src/elements/woocommerce/http.ts'
import { woocommerce } from '../../src/elements/woocommerce/woocommerce.ts'
import { parseNotificationId } from '../../src/events/ids.ts'
import { Engine } from '../../src/watcher/engine.ts'
import { receiveWebhook } from '../../src/watcher/webhooks/receive.ts'
import type { Ports, Sql, SqlValue } from '../../src/watcher/core/ports.ts'
import type { Core } from '../../src/watcher/core/core.ts'
import { retryStore } from '../../src/watcher/polling/commands.ts'
import { decideHeldChanges, listHeldChanges } from '../../src/watcher/polling/mass-changes.ts'
import { requestReread } from '../../src/watcher/polling/scans.ts'
import { buildHealth, buildPollerReport } from '../../src/watcher/queries/reports.ts'
import type { Claim, Notice, AttemptOutcome, NotSentReason } from '../../src/rpc/delivery.ts'
import type { StatusReport } from '../../src/rpc/watcher.ts'
import { readSubscriptions } from '../../src/watcher/core/subscription-table.ts'
import { NOTIFICATION_COLUMNS } from '../../src/watcher/core/notification-table.ts'
import { judge, type Judgement, type ReceivedEvent, type StoreObject } from './oracle.ts'
import { contentHash } from '../store/content.ts'
import { createStore, type Faults, type SimulatedStore, type StoreOptions } from '../store/store.ts'
import { getDefaultDelivery, type WatcherConfig } from '../../src/rpc/config.ts'
import type { Connection, StoreClient } from '../../src/elements/store.ts'
import type { PollerResource } from '../../src/elements/form.ts'

/** Where an engine may be cut off: around every request to the store, every commit, every doorbell, every delivery. */
export type CrashPoint =
	| 'before-request'
	| 'after-request'
	| 'before-commit'
	| 'after-commit'
	| 'before-ring'
	| 'after-ring'
	| 'before-post'
	| 'after-post'

/** The engine stopped in the middle of something; storage stays. */
export class Crash extends Error {
	readonly point: CrashPoint
	constructor(point: CrashPoint) {
		super(`crash ${point}`)
		this.point = point
	}
}

/** How the callback answers: a status, or an error without one. */
export type CallbackAnswer = number | 'timeout' | 'reset' | NotSentReason

/** What a world begins with. */
export interface WorldOptions {
	store?: StoreOptions
	/** What the store does otherwise from the connection on. */
	faults?: Faults
	/** Resources by label; default: customers, discounts, orders, products. */
	resources?: Record<string, PollerResource>
	/** `resources` are the default ones with other settings: watched from the connection's check on. */
	watchesDefaults?: boolean
	config?: Partial<WatcherConfig>
	pollIntervalMs?: number
	/** Keeps webhooks: minutes between reconciling polls. */
	webhooks?: { reconcileMs: number }
	/** Called before the connection. */
	prepare?: (store: SimulatedStore) => void
	/** Begins at this moment, epoch ms. */
	startMs?: number
	/** 0 ≤ x < 1, for jitter. */
	random?: () => number
	/** How long an answer may take on the machine's clock, ms: large ones take longer than the default. */
	timeoutMs?: number
}

/** Labels of the contract → collections of the store. */
export const COLLECTIONS: Record<string, 'orders' | 'products' | 'coupons' | 'customers' | 'variations'> = {
	orders: 'orders',
	products: 'products',
	discounts: 'coupons',
	customers: 'customers',
	variations: 'variations',
}

/** Above this the edge passes on the id alone. */
const MAX_SNAPSHOT_BYTES = 1.5 * 1024 * 1024

const { variations: _variations, ...DEFAULT_COLLECTIONS } = COLLECTIONS

/** The master keys that worlds begin with. */
const MASTER_KEYS = [{ id: 'test', bytes: new Uint8Array(32).fill(7) }]

/** The in-memory database of an object, with rollback. */
export class MemorySql implements Sql {
	readonly db = new DatabaseSync(':memory:')
	readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
	#depth = 0
	onCommit: (when: 'before-commit' | 'after-commit') => void = () => undefined

	all<Row extends object>(query: string, ...values: SqlValue[]): Row[] {
		return this.#prepare(query).all(...(values as never[])) as unknown as Row[]
	}

	each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row> {
		return this.#prepare(query).iterate(...(values as never[])) as unknown as Iterable<Row>
	}

	run(query: string, ...values: SqlValue[]): void {
		this.#prepare(query).run(...(values as never[]))
	}

	transaction<T>(body: () => T): T {
		if (this.#depth > 0) return body()
		this.#depth++
		this.db.exec('BEGIN')
		try {
			const result = body()
			this.onCommit('before-commit')
			this.db.exec('COMMIT')
			this.#depth--
			this.onCommit('after-commit')
			return result
		} catch (error) {
			if (this.#depth > 0) {
				this.#depth--
				this.db.exec('ROLLBACK')
			}
			throw error
		}
	}

	/** Drops all tables, as `deleteAll()` does. */
	clear(): void {
		this.#statements.clear()
		const tables = this.db
			.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
			.all()
		for (const { name } of tables) this.db.exec(`DROP TABLE ${String(name)}`)
	}

	#prepare(query: string): ReturnType<DatabaseSync['prepare']> {
		let statement = this.#statements.get(query)
		if (statement === undefined) {
			statement = this.db.prepare(query)
			this.#statements.set(query, statement)
		}
		return statement
	}
}

/** A world with one instance. Times epoch ms on the virtual clock. */
export class World {
	nowMs: number
	readonly store: SimulatedStore
	readonly sql = new MemorySql()
	engine: Engine
	alarmMs: number | null = null
	config: WatcherConfig
	readonly doorbells: number[] = []
	readonly arrivals: (ReceivedEvent & {
		notificationId: number
		attempt: number
		body: string
		url: string
		replay: boolean
	})[] = []
	readonly statuses: StatusReport[] = []
	readonly logs: { event: string; fields: Record<string, unknown> }[] = []
	/** What the callback answers next; 204 by default. */
	answer: (claim: Claim) => CallbackAnswer | Promise<CallbackAnswer> = () => 204
	/** The breakers of the callbacks, by organization and origin. */
	readonly breakers = new Map<string, Breaker>()
	readonly #breakerCache = new BreakerCache()
	/** Called at every point where a crash may come; throws Crash to cut off there. */
	crashAt: (point: CrashPoint) => boolean = () => false
	/** Deliveries that the edge took, and what became of each. */
	readonly receivedWebhooks: { topic: string; answer: string; status: number }[] = []
	/** Whether the queue loses a doorbell. */
	losesDoorbell: () => boolean = () => false
	crashes: CrashPoint[] = []
	initialObjects: StoreObject[] = []
	initialJournalNumber = 0
	t0Ms = 0
	baselineEndMs = Number.POSITIVE_INFINITY
	polls: { startMs: number; endMs: number }[] = []
	/** The row in D1: there, gone, or another one's. */
	ownRow: 'present' | 'missing' | 'replaced' = 'present'
	d1Fails = false
	/** What was told to the organization's object. */
	readonly notices: Notice[] = []
	publishFails = false
	/** Bytes that the object's storage says it holds. */
	storedBytes = 0
	/** By how much every answer of the store is later, ms. */
	storeDelayMs = 0
	/** Called when an answer of the store has arrived: what happens in the shop meanwhile. */
	meanwhile: () => void | Promise<void> = () => undefined
	/** The first derives, all verify. */
	masterKeys: { id: string; bytes: Uint8Array }[] = MASTER_KEYS
	#lastWebhook: { url: string; headers: [string, string][]; body: Uint8Array } | null = null
	readonly #options: WorldOptions
	readonly #client: StoreClient

	private constructor(options: WorldOptions, store: SimulatedStore, config: WatcherConfig, nowMs: number) {
		this.#options = options
		this.store = store
		this.config = config
		this.nowMs = nowMs
		this.#client = woocommerce.openClient(
			config.connection,
			{ storeUrl: store.url, ...store.credentials },
			{
				fetch: (request) => this.#request(request),
				now: () => this.nowMs,
				userAgent: 'Shopbell/test',
				timeoutMs: options.timeoutMs ?? 30,
				nonce: createNonceSource(),
			},
		)
		this.sql.onCommit = (when) => this.#maybeCrash(when)
		this.engine = new Engine(this.ports())
	}

	/** Connects a store, as `POST /instances` does. The instance watches the store when this returns. */
	static async create(options: WorldOptions = {}): Promise<World> {
		const clock = { now: options.startMs ?? Date.UTC(2026, 5, 15, 12, 0, 0) }
		// Before the instance is there, nobody answers.
		const courier: { receive: (request: Request) => Promise<Response> } = {
			receive: async () => new Response(null, { status: 404 }),
		}
		const store = createStore({
			objects: { orders: 12, products: 10, coupons: 6, customers: 8 },
			now: () => clock.now,
			url: 'http://shop.example.com',
			sleep: createSleep(),
			deliver: (request) => courier.receive(request),
			...options.store,
		})
		if (options.faults !== undefined) store.setFaults(options.faults)
		options.prepare?.(store)
		const isDefault = options.resources === undefined || options.watchesDefaults === true
		const paths = isDefault ? ['orders', 'products', 'coupons', 'customers'] : []
		const connected = await woocommerce.connect(
			{ storeUrl: store.url, ...store.credentials },
			{
				fetch: (request) => store.fetch(request),
				now: () => clock.now,
				userAgent: 'Shopbell/test',
				nonce: createNonceSource(),
			},
			{ paths },
		)
		if (!connected.ok) throw new Error(connected.message)
		const config = watcherConfigFor(connected.connection, options)
		const world = new World(options, store, config, clock.now)
		Object.defineProperty(clock, 'now', { get: () => world.nowMs })
		courier.receive = (request) => world.receiveWebhook(request)
		world.t0Ms = connected.connection.storeNowMs
		world.initialObjects = world.objects()
		world.initialJournalNumber = world.store.journal().at(-1)?.number ?? 0
		await world.engine.create(config.instanceId)
		return world
	}

	/** What exists in the store now. */
	objects(): StoreObject[] {
		return Object.values(COLLECTIONS)
			.filter((name) => name !== 'variations' || this.#options.resources?.['variations'] !== undefined)
			.flatMap((name) =>
				[...this.store.state(name)].map(([id, record]) => ({
					resource: name,
					id,
					hash: contentHash(record),
					status: typeof record['status'] === 'string' ? record['status'] : null,
				})),
			)
	}

	/** Lets time pass: alarms ring, doorbells are answered, until then. */
	async advance(ms: number): Promise<void> {
		const until = this.nowMs + ms
		for (let guard = 0; guard < 100_000; guard++) {
			await this.deliver()
			const alarm = this.alarmMs === null ? Number.POSITIVE_INFINITY : Math.max(this.alarmMs, this.nowMs)
			const queue = Math.max(this.store.nextQueueAt() ?? Number.POSITIVE_INFINITY, this.nowMs)
			const wakes = [...this.breakers.values()].flatMap((breaker) => getNextWakeMs(breaker, this.nowMs) ?? [])
			const breakerWakeMs = Math.max(Math.min(...wakes), this.nowMs)
			if (Math.min(alarm, queue, breakerWakeMs) > until) break
			this.nowMs = Math.max(this.nowMs, Math.min(alarm, queue, breakerWakeMs))
			if (breakerWakeMs <= Math.min(alarm, queue))
				for (const breaker of this.breakers.values())
					this.doorbells.push(...selectToNotify(breaker, this.nowMs).map(({ instance }) => instance))
			else if (queue <= alarm) await this.store.runQueue()
			else await this.alarm()
		}
		this.nowMs = Math.max(this.nowMs, until)
		await this.deliver()
	}

	/** The alarm rings now. A crash in it loses memory; the platform rings again. */
	async alarm(): Promise<void> {
		this.alarmMs = null
		try {
			await this.engine.runSlice()
			this.#assertCachesMatchStorage()
		} catch (error) {
			if (!(error instanceof Crash)) throw error
		}
		if (this.#crashed) {
			this.#crashed = false
			this.evict()
			this.alarmMs = this.nowMs + 2_000
		}
		this.#recordPolls()
	}

	/** The edge's way of a delivery: the ping, the signature, then the object; committed before it is answered 200. */
	async receiveWebhook(request: Request, replayed?: true): Promise<Response> {
		const { webhooks: hooks } = woocommerce
		const body = Buffer.from(await request.arrayBuffer())
		const text = body.toString('utf8')
		if (hooks === null) return new Response(null, { status: 404 })
		if (hooks.isPing(request.headers, text)) return new Response(null, { status: 200 })
		if (replayed === undefined) this.#lastWebhook = { url: request.url, headers: [...request.headers], body }
		const envelope = hooks.parseHeaders(request.headers)
		const version = Number(new URL(request.url).searchParams.get('v') ?? 1)
		const id = /\/(\w+=*)\?/.exec(request.url)?.[1] ?? ''
		const owner = Number(Buffer.from(id, 'base64').toString())
		const expected = this.masterKeys.map((key) =>
			createHmac('sha256', hooks.deriveSecret(key.bytes, this.config.incarnation, envelope?.topic ?? '', version))
				.update(body)
				.digest(),
		)
		const respond = (status: number, outcome: string): Response => {
			this.receivedWebhooks.push({ topic: envelope?.topic ?? '', answer: outcome, status })
			return new Response(null, { status })
		}
		const signature = envelope?.signature == null ? null : Buffer.from(envelope.signature)
		if (
			envelope === null ||
			signature === null ||
			owner !== this.config.instanceId ||
			!expected.some((hmac) => hmac.equals(signature))
		)
			return respond(401, 'refused')
		const large = body.length > MAX_SNAPSHOT_BYTES
		const payload = hooks.parseBody(envelope.topic, text)
		try {
			const core = this.engine.getCore()
			if (core === null) return respond(410, 'unknown')
			const outcome = receiveWebhook(core, {
				topic: envelope.topic,
				version,
				webhookId: envelope.webhookId,
				deliveryId: envelope.deliveryId,
				source: envelope.source,
				receivedMs: this.nowMs,
				body: large ? null : text,
				objectId: large && payload.kind !== 'unknown' && payload.id !== null ? String(payload.id) : null,
			})
			this.engine.updateAlarm(core)
			await this.engine.sendDueDoorbell(core)
			return respond(outcome === 'retired' ? 401 : 200, outcome)
		} catch (error) {
			if (!(error instanceof Crash)) throw error
			this.#crashed = false
			this.evict()
			this.alarmMs ??= this.nowMs + 2_000
			return respond(500, 'crashed')
		}
	}

	/** The merchant, or WooCommerce itself, switches our webhooks off or deletes them. */
	async setWebhookStatus(status: 'disabled' | 'paused' | 'deleted'): Promise<void> {
		const core = this.engine.getCore()
		for (const webhook of core?.state.hooks.webhooks ?? []) {
			if (webhook.id === null) continue
			if (status === 'deleted') await this.#client.call('DELETE', `webhooks/${webhook.id}`, { force: 'true' })
			else await this.#client.call('PUT', `webhooks/${webhook.id}`, {}, JSON.stringify({ status }))
		}
	}

	/** The last delivery again: byte for byte, or under another topic or instance. Returns the status that the edge gave. */
	async replayWebhook(variant: 'same' | 'topic' | 'instance'): Promise<number | null> {
		const last = this.#lastWebhook
		if (last === null) return null
		const headers = new Headers(last.headers)
		if (variant === 'topic')
			headers.set(
				'x-wc-webhook-topic',
				headers.get('x-wc-webhook-topic') === 'order.deleted' ? 'order.updated' : 'order.deleted',
			)
		const url =
			variant === 'instance' ? last.url.replace(/\/(\w+=*)\?/, `/${Buffer.from('8').toString('base64')}?`) : last.url
		return (
			await this.receiveWebhook(
				new Request(url, { method: 'POST', headers, body: last.body as Uint8Array<ArrayBuffer> }),
				true,
			)
		).status
	}

	/** Everything but storage is lost. */
	evict(): void {
		this.#timers = []
		this.engine = new Engine(this.ports())
	}

	/** Answers all doorbells that are in the queue. */
	async deliver(): Promise<void> {
		for (let guard = 0; guard < 50 && this.doorbells.length > 0; guard++) {
			const batch = this.doorbells.splice(0, 6)
			try {
				await handleDoorbells(batch, this.#deliveryPorts())
			} catch (error) {
				if (!(error instanceof Crash)) throw error
			}
			if (this.#crashed) {
				this.#crashed = false
				this.evict()
				if (this.alarmMs === null) this.alarmMs = this.nowMs + 2_000
			}
		}
	}

	/** The row in D1 changes, and the object is told. */
	async configure(change: Partial<WatcherConfig>, options: { release?: boolean; retry?: boolean } = {}): Promise<void> {
		this.config = { ...this.config, ...change, version: this.config.version + 1 }
		await this.#callAgainIfCutOff(async (core) => {
			await this.engine.refreshConfig(core, options)
			if (options.retry === true) retryStore(core)
			await this.engine.sendDueDoorbell(core)
		})
	}

	/** Decides about held mass changes. Returns the objects, as `listHeldChanges` has them. */
	async decideMassChanges(decision: 'emit' | 'forget'): Promise<{ resource: string; id: number }[]> {
		const core = this.engine.getCore()
		const held = core === null ? [] : listHeldChanges(core).held
		if (held.length > 0) await this.#callAgainIfCutOff((current) => void decideHeldChanges(current, decision))
		return held.flatMap(({ resource, objects }) => objects.map(({ objectId }) => ({ resource, id: Number(objectId) })))
	}

	/** A call that is cut off is made again, as its caller would. */
	async #callAgainIfCutOff(call: (core: Core) => void | Promise<void>): Promise<void> {
		for (let tries = 0; tries < 2; tries++) {
			try {
				const core = this.engine.getCore()
				if (core === null) return
				await call(core)
				this.engine.updateAlarm(core)
			} catch (error) {
				if (!(error instanceof Crash)) throw error
			}
			if (!this.#crashed) return
			this.#crashed = false
			this.evict()
		}
	}

	/** Until it is quiet: a full poll, its confirmations, a re-read, everything settled. */
	async runUntilQuiet(limitMs = 8 * 86_400_000): Promise<void> {
		const end = this.nowMs + limitMs
		// Nothing that is waited for takes longer than a day, however far polls are apart.
		const stepMs = Math.min(Math.max(this.config.pollIntervalMs, 5_000), 86_400_000)
		for (let round = 0; round < 2; round++) {
			const core = this.engine.getCore()!
			if (!core.state.paused) {
				core.commit((tx) => {
					requestReread(tx, core)
					core.state.nextPollMs = this.nowMs
				})
				this.engine.updateAlarm(core)
			}
			do await this.advance(stepMs)
			while (!this.isQuiet() && this.nowMs < end)
		}
		if (!this.isQuiet())
			throw new Error(
				`not quiet after ${limitMs} ms: ${JSON.stringify(buildPollerReport(this.engine.getCore()!), null, 1)} ${JSON.stringify(buildHealth(this.engine.getCore()!))}`,
			)
	}

	/** Nothing runs, nothing is pending, nothing waits. */
	isQuiet(): boolean {
		const core = this.engine.getCore()
		if (core === null) return true
		const report = buildPollerReport(core)
		const busy =
			report.running ||
			report.pending > 0 ||
			core.state.trouble !== null ||
			core.state.resources.length === 0 ||
			core.state.resources.some(
				(rs) =>
					rs.baseline !== null ||
					rs.search !== null ||
					rs.rereadAsked ||
					(rs.reread !== null &&
						report.resources.some((resource) => resource.reread.running && resource.resource === rs.objectType)),
			)
		return !busy && buildHealth(core).callback.waiting === 0
	}

	/** The judgement of everything so far. `polls`: spans that a change must outlast to be sent; whole polls unless told otherwise. */
	judge(polls: readonly { startMs: number; endMs: number }[] = this.polls): Judgement {
		return judge({
			journal: this.store.journal(),
			start: this.initialObjects,
			startNumber: this.initialJournalNumber,
			final: this.objects(),
			t0Ms: this.t0Ms,
			baselineEndMs: this.baselineEndMs,
			arrivals: this.arrivals,
			polls,
			resources: this.#options.resources?.['variations'] === undefined ? DEFAULT_COLLECTIONS : COLLECTIONS,
		})
	}

	/** The engine's surroundings in this world. */
	ports(): Ports {
		return {
			sql: this.sql,
			now: () => this.nowMs,
			sleep: (ms) => new Promise((resolve) => void this.#timers.push({ atMs: this.nowMs + ms, resolve })),
			random: this.#options.random ?? (() => 0.5),
			setAlarm: (atMs) => {
				this.alarmMs = atMs
			},
			getAlarmMs: () => this.alarmMs,
			sendDoorbell: async (instance) => {
				this.#maybeCrash('before-ring')
				if (!this.losesDoorbell()) this.doorbells.push(instance)
				this.#maybeCrash('after-ring')
			},
			loadConfig: async () => {
				if (this.d1Fails) throw new Error('D1 cannot be reached')
				return this.ownRow === 'present' ? { ok: true, config: this.config } : refused(this.ownRow)
			},
			deleteStorage: async () => {
				this.sql.clear()
				this.alarmMs = null
			},
			element: () => woocommerce,
			client: async () => this.#client,
			writeStatus: async (report) => {
				this.statuses.push(report)
			},
			eventTag: (_instance, sequence) => (sequence * 7919) & 0xff_ffff,
			masterKey: this.masterKeys[0]!,
			publicUrl: 'https://bell.example.com',
			publish: async (_organization, notices) => {
				if (this.publishFails) throw new Error('the object cannot be reached')
				this.notices.push(...notices)
			},
			storedBytes: () => this.storedBytes,
			log: (event, fields) => {
				this.logs.push({ event, fields })
			},
		}
	}

	/** What waits in the object's memory. */
	#timers: { atMs: number; resolve: () => void }[] = []

	async #runTimers(): Promise<void> {
		const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs)
		this.#timers = this.#timers.filter((timer) => !due.includes(timer))
		for (const { resolve } of due) resolve()
		// What follows from them.
		if (due.length > 0) await new Promise((resolve) => void setImmediate(resolve))
	}

	#crashed = false

	#maybeCrash(point: CrashPoint): void {
		// After a crash nothing of the dead object does anything any more.
		if (this.#crashed) throw new Crash(point)
		if (!this.crashAt(point)) return
		this.#crashed = true
		this.crashes.push(point)
		throw new Crash(point)
	}

	async #request(request: Request): Promise<Response> {
		this.#maybeCrash('before-request')
		const response = await this.store.fetch(request)
		this.nowMs += 120 + this.storeDelayMs
		await this.meanwhile()
		await this.#runTimers()
		this.#maybeCrash('after-request')
		return response
	}

	#recordPolls(): void {
		const core = this.engine.getCore()
		if (core === null) return
		const { state } = core
		if (
			this.baselineEndMs === Number.POSITIVE_INFINITY &&
			state.resources.length > 0 &&
			state.resources.every((rs) => rs.baselineDoneMs !== null || rs.baseline === null)
		)
			this.baselineEndMs = this.nowMs
		const last = this.polls.at(-1)
		// A run that had to leave a resource out was no whole poll.
		const isWholePoll = state.resources.every((rs) => (rs.lastPollMs ?? 0) >= (state.lastRunMs ?? 0))
		if (state.run === null && state.lastRunMs !== null && isWholePoll && last?.startMs !== state.lastRunMs)
			this.polls.push({ startMs: state.lastRunMs, endMs: this.nowMs })
	}

	/** What the object keeps in memory of its deliveries is what its storage says. */
	#assertCachesMatchStorage(): void {
		const core = this.engine.getCore()
		if (core === null) return
		const unsettled = core.notifications.cached
		const subscriptions = core.subscriptions.cached
		const stored = this.sql.all(
			`SELECT ${NOTIFICATION_COLUMNS} FROM notifications WHERE settled IS NULL AND id IN (SELECT value FROM json_each(?)) ORDER BY id`,
			JSON.stringify(core.state.unsettled),
		)
		// Equal texts are equal rows, and most are; of the others, the order of columns may differ.
		if (
			unsettled !== null &&
			JSON.stringify(unsettled) !== JSON.stringify(stored) &&
			!isDeepStrictEqual(JSON.parse(JSON.stringify(unsettled)), JSON.parse(JSON.stringify(stored)))
		)
			throw new Error(`kept ${JSON.stringify(unsettled)}, stored ${JSON.stringify(stored)}`)
		if (subscriptions !== null && !isDeepStrictEqual(subscriptions, readSubscriptions(this.sql)))
			throw new Error(`kept ${JSON.stringify(subscriptions)} of the subscriptions`)
	}

	#deliveryPorts(): DeliveryPorts {
		const unlessCrashed = async <T>(body: () => Promise<T>): Promise<T> => {
			if (this.#crashed) throw new Crash('after-post')
			const result = await body()
			this.#assertCachesMatchStorage()
			return result
		}
		return {
			claim: (_instance, limit, admission) => unlessCrashed(() => this.engine.claim(limit, admission)),
			park: (_instance, subscription, untilMs) => unlessCrashed(() => this.engine.park(subscription, untilMs)),
			settle: (_instance, id, attempt, outcome, more) =>
				unlessCrashed(() => this.engine.settle(parseNotificationId(id)!.counter, attempt, outcome, more)),
			callback: ({ organization, origin }) => {
				const state = this.#breakerFor(`${organization} ${origin}`)
				return {
					admit: async (instance, request, limit) => admit(state, instance, request, limit, this.nowMs, 0.5),
					report: async (instance, delivery) => report(state, instance, delivery, this.nowMs),
					giveBack: async (instance, subscription, rate, permits) =>
						releasePermits(state, instance, subscription, rate, permits, this.nowMs),
				}
			},
			breakerCache: this.#breakerCache,
			post: (_instance, claim) => this.#post(claim),
			now: () => this.nowMs,
			sleep: async (ms) => {
				this.nowMs += ms
			},
			log: () => undefined,
		}
	}

	#breakerFor(name: string): Breaker {
		const state = this.breakers.get(name) ?? initialState()
		this.breakers.set(name, state)
		return state
	}

	async #post(claim: Claim): Promise<AttemptOutcome> {
		this.#maybeCrash('before-post')
		const answered = this.answer(claim)
		const answer = answered instanceof Promise ? await answered : answered
		const startedMs = this.nowMs
		this.nowMs += 20
		if (typeof answer === 'number' && answer < 300) this.#recordArrival(claim)
		// An answer that is lost on the way back was received all the same.
		if (answer === 'reset') this.#recordArrival(claim)
		this.#maybeCrash('after-post')
		return {
			delivered: typeof answer === 'number' && answer < 300,
			status: typeof answer === 'number' ? answer : null,
			error: typeof answer === 'number' ? null : typeof answer === 'object' ? 'refused' : answer,
			...(typeof answer === 'object' && { notSent: true, notSentReason: answer }),
			retryAfterMs: null,
			durationMs: 20,
			startedMs,
			body: '',
			directive: null,
			url: claim.url,
		}
	}

	#recordArrival(claim: Claim): void {
		const envelope = JSON.parse(claim.body)
		const { raw, events } = envelope.message
		events.forEach((event: ReceivedEvent, index: number) => {
			this.arrivals.push({
				...event,
				record: raw[event.objectType]?.[index] ?? null,
				timeMs: this.nowMs,
				notificationId: claim.notificationId,
				attempt: claim.attempt,
				body: claim.body,
				url: claim.url,
				replay: claim.replay,
			})
		})
	}
}

function watcherConfigFor(connection: Connection, options: WorldOptions): WatcherConfig {
	const resources = options.resources
	return {
		instanceId: 7,
		incarnation: '7',
		organizationId: 1,
		organizationIncarnation: '1',
		userId: 1,
		name: 'Riverside',
		tags: ['Riverside'],
		elementKey: 'woocommercerest',
		version: 1,
		enabled: true,
		eventsEnabled: true,
		vendorType: 'polling',
		connection,
		configuration: resources === undefined ? {} : { 'event.poller.configuration': JSON.stringify(resources) },
		signature: { next: null, fromMs: null },
		callbackUrl: 'https://callback.example.com/hook',
		pollIntervalMs: options.pollIntervalMs ?? 60_000,
		rereadHours: null,
		backfill: 'none',
		scanBudget: 10,
		massChanges: 'emit',
		retentionDays: 7,
		hooks:
			options.webhooks === undefined
				? null
				: {
						version: 1,
						previousUntilMs: null,
						reconcileMs: options.webhooks.reconcileMs,
						deliveryUrl: `https://bell.example.com/elements/api-v2/events/woocommercerest/${Buffer.from('7').toString('base64')}?v=1`,
					},
		delivery: getDefaultDelivery(options.config?.vendorType ?? 'polling'),
		subscriptionId: 1,
		others: [],
		announces: false,
		storeless: false,
		...options.config,
	}
}

let nonceCount = 0

/** Nonces that no two clients share: the store refuses one that was used. */
function createNonceSource(): () => string {
	return () => `nonce${++nonceCount}`
}

/** Waits end at once on the virtual clock; one that outlasts the client's patience is given up with its request. */
function createSleep(): (ms: number, signal: AbortSignal | null) => Promise<void> {
	return async (ms, signal) => {
		if (ms < DEFAULT_TIMEOUT_MS) return
		await new Promise<void>((resolve) => {
			if (signal === null || signal.aborted) resolve()
			else signal.addEventListener('abort', () => resolve(), { once: true })
		})
	}
}

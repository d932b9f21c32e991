/** The Durable Object of one instance: a thin shell that gives the engine Cloudflare's storage, alarm, queue and store client. */
import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../context.ts'
import { eventTag, parseNotificationId } from '../events/ids.ts'
import { loadWatcherConfig } from '../instances/config.ts'
import { publishTo } from '../instances/organizations.ts'
import { masterKeys } from '../lib/sealing.ts'
import { writeStatus } from '../instances/status.ts'
import { elementOf, openStore } from '../instances/stores.ts'
import { log } from '../lib/log.ts'
import { attemptsOf } from './log/attempts.ts'
import type { Core } from './core/core.ts'
import { coverageOf } from './queries/coverage.ts'
import { publish } from './outbox/notices.ts'
import { acknowledge, bodiesOf, notificationOf, notificationsOf, releaseOf, subscriptionsOf } from './queries/deliveries.ts'
import { Engine } from './engine.ts'
import { erase } from './log/erasure.ts'
import { takeDelivery } from './webhooks/receive.ts'
import { eventOf, eventsAfter, eventsOf } from './queries/log-pages.ts'
import type { EventQuery, TallyQuery } from '../rpc/log.ts'
import type { Ports, Sql, SqlValue } from './core/ports.ts'
import { webhooksOf } from './queries/webhook-reports.ts'
import { cancelResend, replay, resendsOf } from './outbox/replays.ts'
import { healthOf, metricsOf, pollerOf } from './queries/reports.ts'
import type { Admission, Notice, NotificationQuery, Outcome, ReplayQuery } from '../rpc/delivery.ts'
import type {
	Health,
	HookAnswer,
	HookDelivery,
	HookRejections,
	MetricsReport,
	PollerReport,
	WatcherRpc,
	WebhooksReport,
} from '../rpc/watcher.ts'
import { tallyOf } from './queries/counts.ts'
import { testEvent } from './outbox/test-event.ts'
import { timelineOf } from './queries/timeline.ts'
import { decideDeletions, heldDeletions, wantPoll } from './polling/commands.ts'
import { addRejections, rejectionsOf } from './log/rejections.ts'
import type { Known } from '../rpc/known.ts'

/** One instance's object. Its constructor writes nothing and arms nothing (design, State). */
export class Watcher extends DurableObject<Env> implements WatcherRpc {
	readonly engine: Engine
	/** Rows read and written since the object came to life, alarms included: what benchmarks count. */
	readonly rows = { read: 0, written: 0 }
	#armedMs: number | null | undefined

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		this.engine = new Engine(this.#ports())
		void ctx.blockConcurrencyWhile(async () => {
			this.#armedMs = await ctx.storage.getAlarm()
		})
	}

	override async alarm(): Promise<void> {
		this.#armedMs = null
		await this.engine.run()
	}

	async create(instanceId: number): Promise<'created' | 'exists'> {
		return this.engine.create(instanceId)
	}

	async configure(_version: number, options: { release?: boolean } = {}): Promise<Known<'ok'>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		await this.engine.refresh(core, options)
		await this.engine.ringDue(core)
		await this.engine.tellState(core)
		this.engine.arm(core)
		return 'ok'
	}

	async destroy(): Promise<void> {
		await this.ctx.storage.deleteAlarm()
		await this.ctx.storage.deleteAll()
		this.#armedMs = null
		this.engine.forget()
	}

	async wake(): Promise<Known<'ok'>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		// A past-due alarm cannot be trusted to ring by itself: it is set anew.
		this.#armedMs = await this.ctx.storage.getAlarm()
		await this.engine.refresh(core)
		this.engine.arm(core)
		return 'ok'
	}

	async poll(depth: 'window' | 'reread'): Promise<Known<{ run: string; depth: string; state: string }>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		const run = wantPoll(core, depth)
		this.engine.arm(core)
		return run
	}

	async health(): Promise<Known<Health>> {
		const core = this.engine.core()
		return core === null ? 'unknown' : healthOf(core)
	}

	async poller(): Promise<Known<PollerReport>> {
		const core = this.engine.core()
		return core === null ? 'unknown' : pollerOf(core)
	}

	async metrics(): Promise<Known<MetricsReport>> {
		const core = this.engine.core()
		return core === null ? 'unknown' : metricsOf(core)
	}

	async events(query: EventQuery): ReturnType<WatcherRpc['events']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : eventsOf(core, query)
	}

	async event(sequence: number): ReturnType<WatcherRpc['event']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : eventOf(core, sequence)
	}

	async eventsAfter(sequence: number | null, limit: number): ReturnType<WatcherRpc['eventsAfter']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : eventsAfter(core, sequence, limit)
	}

	async tally(query: TallyQuery): ReturnType<WatcherRpc['tally']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : tallyOf(core, query)
	}

	async timeline(
		resource: string,
		objectId: string,
		query: { pageSize: number; before?: number | undefined },
	): ReturnType<WatcherRpc['timeline']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : timelineOf(core, resource, objectId, query)
	}

	async deletions(): ReturnType<WatcherRpc['deletions']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : heldDeletions(core)
	}

	async decide(decision: 'emit' | 'forget'): Promise<Known<{ decided: number }>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		const decided = decideDeletions(core, decision)
		this.engine.arm(core)
		return { decided }
	}

	async hook(delivery: HookDelivery): Promise<Known<HookAnswer>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		// A version newer than our copy means that the copy is old.
		if (core.config.hooks === null || delivery.version > core.config.hooks.version) await this.engine.refresh(core)
		const answer = takeDelivery(core, delivery)
		// Rung first: the alarm is then set for a doorbell that nobody answers, and not for this very moment.
		this.ctx.waitUntil(this.engine.ringDue(core))
		this.engine.arm(core)
		return answer
	}

	async rejected(rejections: HookRejections): Promise<Known<'ok'>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		addRejections(core, rejections)
		return 'ok'
	}

	async rejections(): Promise<Known<HookRejections>> {
		const core = this.engine.core()
		return core === null ? 'unknown' : rejectionsOf(core)
	}

	async webhooks(): Promise<Known<WebhooksReport>> {
		const core = this.engine.core()
		return core === null ? 'unknown' : webhooksOf(core)
	}

	async coverage(fromMs: number, toMs: number): ReturnType<WatcherRpc['coverage']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : coverageOf(core, fromMs, toMs)
	}

	async notifications(query: NotificationQuery): ReturnType<WatcherRpc['notifications']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : notificationsOf(core, query)
	}

	async notification(counter: number): ReturnType<WatcherRpc['notification']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : notificationOf(core, counter)
	}

	async bodies(counters: number[], characters: number): ReturnType<WatcherRpc['bodies']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : bodiesOf(core, counters, characters)
	}

	async attempts(counter: number): ReturnType<WatcherRpc['attempts']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : attemptsOf(core.ports.sql, counter)
	}

	async acknowledge(counter: number): ReturnType<WatcherRpc['acknowledge']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : acknowledge(core, counter)
	}

	async subscriptions(): ReturnType<WatcherRpc['subscriptions']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : subscriptionsOf(core)
	}

	async release(which: { subscription?: number | undefined; url?: string | undefined }): ReturnType<WatcherRpc['release']> {
		return this.#sending((core) => releaseOf(core, which))
	}

	async replay(query: ReplayQuery, dryRun: boolean, job?: number): ReturnType<WatcherRpc['replay']> {
		return this.#sending((core) => replay(core, query, dryRun, job))
	}

	async resends(): ReturnType<WatcherRpc['resends']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : resendsOf(core)
	}

	async cancelResend(id: number): ReturnType<WatcherRpc['cancelResend']> {
		return this.#sending((core) => cancelResend(core, id))
	}

	async testEvent(): ReturnType<WatcherRpc['testEvent']> {
		return this.#sending(testEvent)
	}

	async publish(notices: Notice[]): ReturnType<WatcherRpc['publish']> {
		const core = this.engine.core()
		if (core === null || !core.config.storeless) return 'unknown'
		// It polls nothing: nothing else makes it see that its account's settings have changed.
		await this.engine.renew(core)
		return this.#sending((one) => publish(one, notices))
	}

	async erase(resource: string, objectId: string): ReturnType<WatcherRpc['erase']> {
		const core = this.engine.core()
		return core === null ? 'unknown' : erase(core, resource, objectId)
	}

	async claim(limit: number, admission?: Admission): ReturnType<WatcherRpc['claim']> {
		return this.engine.claim(limit, admission)
	}

	async park(subscription: number, untilMs: number): ReturnType<WatcherRpc['park']> {
		return this.engine.park(subscription, untilMs)
	}

	async settle(notificationId: number, attempt: number, outcome: Outcome, more: boolean): ReturnType<WatcherRpc['settle']> {
		const position = parseNotificationId(notificationId)
		return position === null ? { next: [], retryAtMs: null } : this.engine.settle(position.counter, attempt, outcome, more)
	}

	/** Does what may put something on the wire; then what can go goes. */
	async #sending<T>(body: (core: Core) => T): Promise<Known<T>> {
		const core = this.engine.core()
		if (core === null) return 'unknown'
		const answer = body(core)
		await this.engine.ringDue(core)
		this.engine.arm(core)
		return answer
	}

	#ports(): Ports {
		const { ctx, env } = this
		const key = masterKeys(env.MASTER_KEYS)[0]!
		return {
			sql: sqlOf(ctx.storage, this.rows),
			now: () => Date.now(),
			random: () => Math.random(),
			arm: (atMs) => {
				this.#armedMs = atMs
				this.rows.written++
				void (atMs === null ? ctx.storage.deleteAlarm() : ctx.storage.setAlarm(atMs))
			},
			armed: () => this.#armedMs ?? null,
			ring: async (instance) => {
				await env.DOORBELLS.send({ version: 1, instance })
			},
			loadConfig: (instanceId) => loadWatcherConfig(env, instanceId),
			element: (config) => elementOf(config.elementKey),
			client: (config) =>
				openStore(env, {
					id: config.instanceId,
					elementKey: config.elementKey,
					configuration: config.configuration,
					connection: config.connection,
				}),
			report: (report) => writeStatus(env, report),
			publish: (organizationId, notices) => publishTo(env, organizationId, notices),
			eventTag: (instanceId, sequence) => eventTag(key.bytes, instanceId, sequence),
			masterKey: { id: key.id, bytes: key.bytes },
			publicUrl: env.PUBLIC_URL,
			storedBytes: () => ctx.storage.sql.databaseSize,
			log,
		}
	}
}

/** A Durable Object's SQLite behind the watcher's port; counts rows. */
function sqlOf(storage: DurableObjectStorage, rows: { read: number; written: number }): Sql {
	const exec = <Row extends object>(query: string, values: SqlValue[]): SqlStorageCursor<Record<string, SqlStorageValue>> & Iterable<Row> =>
		storage.sql.exec(query, ...values) as unknown as SqlStorageCursor<Record<string, SqlStorageValue>> & Iterable<Row>
	const count = (cursor: { rowsRead: number; rowsWritten: number }): void => {
		rows.read += cursor.rowsRead
		rows.written += cursor.rowsWritten
	}
	return {
		all: <Row extends object>(query: string, ...values: SqlValue[]): Row[] => {
			const cursor = exec<Row>(query, values)
			const found = cursor.toArray() as unknown as Row[]
			count(cursor)
			return found
		},
		*each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row> {
			const cursor = exec<Row>(query, values)
			for (const row of cursor) yield row
			count(cursor)
		},
		run: (query, ...values) => {
			const cursor = exec(query, values)
			cursor.toArray()
			count(cursor)
		},
		transaction: (body) => storage.transactionSync(body),
	}
}

/**
 * The Durable Object of one instance: a thin shell that gives the engine Cloudflare's storage, alarm, queue and store
 * client.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../context.ts'
import { computeEventTag, parseNotificationId } from '../events/ids.ts'
import { loadWatcherConfig } from '../instances/config.ts'
import { publishToOrganization } from '../instances/organizations.ts'
import { parseMasterKeys } from '../lib/sealing.ts'
import { writeStatus } from '../instances/status.ts'
import { getElement, openStoreClient } from '../instances/stores.ts'
import { log } from '../lib/log.ts'
import { getAttempts } from './log/attempts.ts'
import type { Core } from './core/core.ts'
import { getCoverageReport } from './queries/coverage.ts'
import { publishNotices } from './outbox/notices.ts'
import {
	acknowledge,
	getNotificationBodies,
	getNotificationReport,
	getNotificationPage,
	releaseSubscriptions,
	getSubscriptionReports,
} from './queries/deliveries.ts'
import { Engine } from './engine.ts'
import { eraseObjectContent } from './log/erasure.ts'
import { receiveWebhook } from './webhooks/receive.ts'
import { getEventReport, getEventTail, getEventPage } from './queries/log-pages.ts'
import type { EventQuery, TallyQuery } from '../rpc/log.ts'
import type { Ports, Sql, SqlValue } from './core/ports.ts'
import { toWebhooksReport } from './queries/webhook-reports.ts'
import { cancelResend, runReplay, getResends } from './outbox/replays.ts'
import { buildHealth, buildMetrics, buildPollerReport } from './queries/reports.ts'
import type { Admission, Notice, NotificationQuery, AttemptOutcome, ReplayQuery } from '../rpc/delivery.ts'
import type {
	HealthReport,
	WebhookResult,
	WebhookDelivery,
	WebhookRejections,
	MetricsReport,
	PollerReport,
	WatcherRpc,
	WebhooksReport,
} from '../rpc/watcher.ts'
import { getTally } from './queries/counts.ts'
import { enqueueTestEvent } from './outbox/test-event.ts'
import { getTimelineReport } from './queries/timeline.ts'
import { decideDeletions, listHeldDeletions, requestPoll } from './polling/commands.ts'
import { addRejections, getRejections } from './log/rejections.ts'
import type { OrUnknown } from '../rpc/known.ts'

/**
 * One instance's object. Its constructor writes nothing and arms nothing (docs/storage.md, The object of an instance).
 */
export class Watcher extends DurableObject<Env> implements WatcherRpc {
	readonly engine: Engine
	/** Rows read and written since the object came to life, alarms included: what benchmarks count. */
	readonly rows = { read: 0, written: 0 }
	#alarmMs: number | null | undefined

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		this.engine = new Engine(this.#createPorts())
		void ctx.blockConcurrencyWhile(async () => {
			this.#alarmMs = await ctx.storage.getAlarm()
		})
	}

	override async alarm(): Promise<void> {
		this.#alarmMs = null
		await this.engine.runSlice()
	}

	async create(instanceId: number): Promise<'created' | 'exists'> {
		return this.engine.create(instanceId)
	}

	async configure(_version: number, options: { release?: boolean } = {}): Promise<OrUnknown<'ok'>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		await this.engine.refreshConfig(core, options)
		await this.engine.sendDueDoorbell(core)
		await this.engine.reportState(core)
		this.engine.updateAlarm(core)
		return 'ok'
	}

	async destroy(): Promise<void> {
		await this.ctx.storage.deleteAlarm()
		await this.ctx.storage.deleteAll()
		this.#alarmMs = null
		this.engine.dropCore()
	}

	async wake(): Promise<OrUnknown<'ok'>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		// A past-due alarm cannot be trusted to ring by itself: it is set anew.
		this.#alarmMs = await this.ctx.storage.getAlarm()
		await this.engine.refreshConfig(core)
		this.engine.updateAlarm(core)
		return 'ok'
	}

	async poll(depth: 'window' | 'reread'): Promise<OrUnknown<{ run: string; depth: string; state: string }>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		const run = requestPoll(core, depth)
		this.engine.updateAlarm(core)
		return run
	}

	async health(): Promise<OrUnknown<HealthReport>> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : buildHealth(core)
	}

	async poller(): Promise<OrUnknown<PollerReport>> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : buildPollerReport(core)
	}

	async metrics(): Promise<OrUnknown<MetricsReport>> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : buildMetrics(core)
	}

	async events(query: EventQuery): ReturnType<WatcherRpc['events']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getEventPage(core, query)
	}

	async event(sequence: number): ReturnType<WatcherRpc['event']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getEventReport(core, sequence)
	}

	async eventsAfter(sequence: number | null, limit: number): ReturnType<WatcherRpc['eventsAfter']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getEventTail(core, sequence, limit)
	}

	async tally(query: TallyQuery): ReturnType<WatcherRpc['tally']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getTally(core, query)
	}

	async timeline(
		resource: string,
		objectId: string,
		query: { pageSize: number; before?: number | undefined },
	): ReturnType<WatcherRpc['timeline']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getTimelineReport(core, resource, objectId, query)
	}

	async deletions(): ReturnType<WatcherRpc['deletions']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : listHeldDeletions(core)
	}

	async decide(decision: 'emit' | 'forget'): Promise<OrUnknown<{ decided: number }>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		const decided = decideDeletions(core, decision)
		this.engine.updateAlarm(core)
		return { decided }
	}

	async hook(delivery: WebhookDelivery): Promise<OrUnknown<WebhookResult>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		// A version newer than our copy means that the copy is old.
		if (core.config.hooks === null || delivery.version > core.config.hooks.version)
			await this.engine.refreshConfig(core)
		const answer = receiveWebhook(core, delivery)
		// Rung first: the alarm is then set for a doorbell that nobody answers, and not for this very moment.
		this.ctx.waitUntil(this.engine.sendDueDoorbell(core))
		this.engine.updateAlarm(core)
		return answer
	}

	async rejected(rejections: WebhookRejections): Promise<OrUnknown<'ok'>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		addRejections(core, rejections)
		return 'ok'
	}

	async rejections(): Promise<OrUnknown<WebhookRejections>> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getRejections(core)
	}

	async webhooks(): Promise<OrUnknown<WebhooksReport>> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : toWebhooksReport(core)
	}

	async coverage(fromMs: number, toMs: number): ReturnType<WatcherRpc['coverage']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getCoverageReport(core, fromMs, toMs)
	}

	async notifications(query: NotificationQuery): ReturnType<WatcherRpc['notifications']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getNotificationPage(core, query)
	}

	async notification(counter: number): ReturnType<WatcherRpc['notification']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getNotificationReport(core, counter)
	}

	async bodies(counters: number[], characters: number): ReturnType<WatcherRpc['bodies']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getNotificationBodies(core, counters, characters)
	}

	async attempts(counter: number): ReturnType<WatcherRpc['attempts']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getAttempts(core.ports.sql, counter)
	}

	async acknowledge(counter: number): ReturnType<WatcherRpc['acknowledge']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : acknowledge(core, counter)
	}

	async subscriptions(): ReturnType<WatcherRpc['subscriptions']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getSubscriptionReports(core)
	}

	async release(selector: {
		subscription?: number | undefined
		url?: string | undefined
	}): ReturnType<WatcherRpc['release']> {
		return this.#runAndNotify((core) => releaseSubscriptions(core, selector))
	}

	async replay(query: ReplayQuery, dryRun: boolean, job?: number): ReturnType<WatcherRpc['replay']> {
		return this.#runAndNotify((core) => runReplay(core, query, dryRun, job))
	}

	async resends(): ReturnType<WatcherRpc['resends']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : getResends(core)
	}

	async cancelResend(id: number): ReturnType<WatcherRpc['cancelResend']> {
		return this.#runAndNotify((core) => cancelResend(core, id))
	}

	async testEvent(): ReturnType<WatcherRpc['testEvent']> {
		return this.#runAndNotify(enqueueTestEvent)
	}

	async publish(notices: Notice[]): ReturnType<WatcherRpc['publish']> {
		const core = this.engine.getCore()
		if (core === null || !core.config.storeless) return 'unknown'
		// It polls nothing: nothing else makes it see that its account's settings have changed.
		await this.engine.refreshStaleConfig(core)
		return this.#runAndNotify((current) => publishNotices(current, notices))
	}

	async erase(resource: string, objectId: string): ReturnType<WatcherRpc['erase']> {
		const core = this.engine.getCore()
		return core === null ? 'unknown' : eraseObjectContent(core, resource, objectId)
	}

	async claim(limit: number, admission?: Admission): ReturnType<WatcherRpc['claim']> {
		return this.engine.claim(limit, admission)
	}

	async park(subscription: number, untilMs: number): ReturnType<WatcherRpc['park']> {
		return this.engine.park(subscription, untilMs)
	}

	async settle(
		notificationId: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): ReturnType<WatcherRpc['settle']> {
		const position = parseNotificationId(notificationId)
		return position === null
			? { next: [], retryAtMs: null }
			: this.engine.settle(position.counter, attempt, outcome, more)
	}

	/** Does what may put something on the wire; then what can go goes. */
	async #runAndNotify<T>(body: (core: Core) => T): Promise<OrUnknown<T>> {
		const core = this.engine.getCore()
		if (core === null) return 'unknown'
		const answer = body(core)
		await this.engine.sendDueDoorbell(core)
		this.engine.updateAlarm(core)
		return answer
	}

	#createPorts(): Ports {
		const { ctx, env } = this
		const key = parseMasterKeys(env.MASTER_KEYS)[0]!
		return {
			sql: createSql(ctx.storage, this.rows),
			now: () => Date.now(),
			random: () => Math.random(),
			setAlarm: (atMs) => {
				this.#alarmMs = atMs
				this.rows.written++
				void (atMs === null ? ctx.storage.deleteAlarm() : ctx.storage.setAlarm(atMs))
			},
			getAlarmMs: () => this.#alarmMs ?? null,
			sendDoorbell: async (instance) => {
				await env.DOORBELLS.send({ version: 1, instance })
			},
			loadConfig: (instanceId) => loadWatcherConfig(env, instanceId),
			element: (config) => getElement(config.elementKey),
			client: (config) =>
				openStoreClient(env, {
					id: config.instanceId,
					elementKey: config.elementKey,
					configuration: config.configuration,
					connection: config.connection,
				}),
			writeStatus: (report) => writeStatus(env, report),
			publish: (organizationId, notices) => publishToOrganization(env, organizationId, notices),
			eventTag: (instanceId, sequence) => computeEventTag(key.bytes, instanceId, sequence),
			masterKey: { id: key.id, bytes: key.bytes },
			publicUrl: env.PUBLIC_URL,
			storedBytes: () => ctx.storage.sql.databaseSize,
			log,
		}
	}
}

/** A Durable Object's SQLite behind the watcher's port; counts rows. */
function createSql(storage: DurableObjectStorage, rows: { read: number; written: number }): Sql {
	const execute = <Row extends object>(
		query: string,
		values: SqlValue[],
	): SqlStorageCursor<Record<string, SqlStorageValue>> & Iterable<Row> =>
		storage.sql.exec(query, ...values) as unknown as SqlStorageCursor<Record<string, SqlStorageValue>> & Iterable<Row>
	const countRows = (cursor: { rowsRead: number; rowsWritten: number }): void => {
		rows.read += cursor.rowsRead
		rows.written += cursor.rowsWritten
	}
	return {
		all: <Row extends object>(query: string, ...values: SqlValue[]): Row[] => {
			const cursor = execute<Row>(query, values)
			const found = cursor.toArray() as unknown as Row[]
			countRows(cursor)
			return found
		},
		*each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row> {
			const cursor = execute<Row>(query, values)
			for (const row of cursor) yield row
			countRows(cursor)
		},
		run: (query, ...values) => {
			const cursor = execute(query, values)
			cursor.toArray()
			countRows(cursor)
		},
		transaction: (body) => storage.transactionSync(body),
	}
}

/**
 * The Durable Object of one instance: a thin shell that gives the engine Cloudflare's storage, alarm, queue and store
 * client.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../context.ts'
import { computeEventTag, parseNotificationId } from '../events/ids.ts'
import { loadOwnConfig } from '../instances/config.ts'
import { publishToOrganization } from '../instances/organizations.ts'
import { parseMasterKeys } from '../lib/sealing.ts'
import { writeStatus } from '../instances/status.ts'
import { getElement, openStoreClient } from '../instances/stores.ts'
import { log } from '../lib/log.ts'
import type { Core } from './core/core.ts'
import { getCoverageReport } from './queries/coverage.ts'
import { postToInstance, publishNotices } from './outbox/notices.ts'
import {
	getNotificationBodies,
	getNotificationReport,
	getNotificationPage,
	getSubscriptionReports,
} from './queries/deliveries.ts'
import { getNotificationAttempts, getOutcomes } from './queries/notification-reports.ts'
import { readBackupPage, resumeAfterRestore, writeBackupRows, writeInstanceRows } from './backup.ts'
import { acknowledge, deleteNotification, releaseSubscriptions } from './outbox/commands.ts'
import { Engine } from './engine.ts'
import { eraseObjectContent } from './log/erasure.ts'
import { receiveWebhook } from './webhooks/receive.ts'
import { getEventReport, getEventTail, getEventPage } from './queries/log-pages.ts'
import type { EventQuery, TallyQuery } from '../rpc/log.ts'
import type { Ports } from './core/ports.ts'
import { createDurableSql } from './durable-sql.ts'
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
import { decideHeldChanges, listHeldChanges } from './polling/mass-changes.ts'
import { decideDeletions, listHeldDeletions, requestPoll, retryStore } from './polling/commands.ts'
import { decideUnchecked, listUnchecked } from './polling/unchecked.ts'
import { addRejections, getRejections } from './log/rejections.ts'
import type { BackupCursor, StoredRow } from '../rpc/backup.ts'
import type { OrUnknown } from '../rpc/known.ts'

/**
 * One instance's object. Its constructor writes nothing and sets no alarm (docs/storage.md, The object of an instance).
 */
export class Watcher extends DurableObject<Env> implements WatcherRpc {
	readonly engine: Engine
	/** Rows read and written since the object started, alarms included: benchmarks count them. */
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

	async create(
		instanceId: number,
		incarnation?: string,
		options: { again?: boolean } = {},
	): Promise<'created' | 'exists'> {
		return this.engine.create(instanceId, incarnation, options.again)
	}

	async configure(_version: number, options: { release?: boolean; retry?: boolean } = {}): Promise<OrUnknown<'ok'>> {
		return this.engine.withCore(async (core) => {
			if (!(await this.engine.refreshConfig(core, options))) return 'unknown'
			if (options.retry === true) retryStore(core)
			await this.engine.sendDueDoorbell(core)
			await this.engine.reportState(core)
			this.engine.updateAlarm(core)
			return 'ok' as const
		})
	}

	async destroy(): Promise<void> {
		await this.engine.destroy()
	}

	async wake(): Promise<OrUnknown<'ok'>> {
		return this.engine.withCore(async (core) => {
			// An alarm in the past may never fire: `updateAlarm` sets it again.
			this.#alarmMs = await this.ctx.storage.getAlarm()
			if (!(await this.engine.refreshConfig(core))) return 'unknown'
			this.engine.updateAlarm(core)
			return 'ok' as const
		})
	}

	async poll(depth: 'window' | 'reread'): ReturnType<WatcherRpc['poll']> {
		return this.engine.withCore((core) => {
			const run = requestPoll(core, depth)
			this.engine.updateAlarm(core)
			return run
		})
	}

	async health(): Promise<OrUnknown<HealthReport>> {
		return this.engine.withCore(buildHealth)
	}

	async poller(): Promise<OrUnknown<PollerReport>> {
		return this.engine.withCore(buildPollerReport)
	}

	async unchecked(): ReturnType<WatcherRpc['unchecked']> {
		return this.engine.withCore(listUnchecked)
	}

	async decideUnchecked(decision: 'emit' | 'forget'): ReturnType<WatcherRpc['decideUnchecked']> {
		return this.engine.withCore((core) => {
			const decided = decideUnchecked(core, decision)
			this.engine.updateAlarm(core)
			return { decided }
		})
	}

	async metrics(): Promise<OrUnknown<MetricsReport>> {
		return this.engine.withCore(buildMetrics)
	}

	async events(query: EventQuery): ReturnType<WatcherRpc['events']> {
		return this.engine.withCore((core) => getEventPage(core, query))
	}

	async event(sequence: number): ReturnType<WatcherRpc['event']> {
		return this.engine.withCore((core) => getEventReport(core, sequence))
	}

	async eventsAfter(sequence: number | null, limit: number): ReturnType<WatcherRpc['eventsAfter']> {
		return this.engine.withCore((core) => getEventTail(core, sequence, limit))
	}

	async tally(query: TallyQuery): ReturnType<WatcherRpc['tally']> {
		return this.engine.withCore((core) => {
			const tally = getTally(core, query)
			return tally.ok ? tally.buckets : tally.reason
		})
	}

	async timeline(
		resource: string,
		objectId: string,
		query: { pageSize: number; before?: number | undefined },
	): ReturnType<WatcherRpc['timeline']> {
		return this.engine.withCore((core) => getTimelineReport(core, resource, objectId, query))
	}

	async deletions(): ReturnType<WatcherRpc['deletions']> {
		return this.engine.withCore(listHeldDeletions)
	}

	async decide(decision: 'emit' | 'forget'): Promise<OrUnknown<{ decided: number }>> {
		return this.engine.withCore((core) => {
			const decided = decideDeletions(core, decision)
			this.engine.updateAlarm(core)
			return { decided }
		})
	}

	async massChanges(): ReturnType<WatcherRpc['massChanges']> {
		return this.engine.withCore(listHeldChanges)
	}

	async decideMassChanges(decision: 'emit' | 'forget'): Promise<OrUnknown<{ decided: number }>> {
		return this.engine.withCore((core) => {
			const decided = decideHeldChanges(core, decision)
			this.engine.updateAlarm(core)
			return { decided }
		})
	}

	async hook(delivery: WebhookDelivery): Promise<OrUnknown<WebhookResult>> {
		return this.engine.withCore(async (core) => {
			// A version newer than the copy's means that the copy is old.
			const isOutdated = core.config.hooks === null || delivery.version > core.config.hooks.version
			const exists = isOutdated ? await this.engine.refreshConfig(core) : await this.engine.refreshStaleConfig(core)
			if (!exists || core.state.missingSinceMs !== undefined) return 'unknown'
			const result = receiveWebhook(core, delivery)
			// The doorbell comes first, so that the alarm is set for its retry and not for now.
			this.ctx.waitUntil(this.engine.sendDueDoorbell(core))
			this.engine.updateAlarm(core)
			return result
		})
	}

	async rejected(rejections: WebhookRejections): Promise<OrUnknown<'ok'>> {
		return this.engine.withCore((core) => {
			core.commit(
				(tx) => addRejections(tx, core, rejections),
				// Nothing in the state.
				() => false,
			)
			return 'ok'
		})
	}

	async rejections(): Promise<OrUnknown<WebhookRejections>> {
		return this.engine.withCore(getRejections)
	}

	async webhooks(): Promise<OrUnknown<WebhooksReport>> {
		return this.engine.withCore(toWebhooksReport)
	}

	async coverage(fromMs: number, toMs: number): ReturnType<WatcherRpc['coverage']> {
		return this.engine.withCore((core) => {
			const coverage = getCoverageReport(core, fromMs, toMs)
			return coverage.ok ? coverage.report : coverage.reason
		})
	}

	async notifications(query: NotificationQuery): ReturnType<WatcherRpc['notifications']> {
		return this.engine.withCore((core) => getNotificationPage(core, query))
	}

	async notification(counter: number): ReturnType<WatcherRpc['notification']> {
		return this.engine.withCore((core) => getNotificationReport(core, counter))
	}

	async bodies(counters: number[], characters: number): ReturnType<WatcherRpc['bodies']> {
		return this.engine.withCore((core) => getNotificationBodies(core, counters, characters))
	}

	async attempts(counter: number): ReturnType<WatcherRpc['attempts']> {
		return this.engine.withCore((core) => getNotificationAttempts(core, counter))
	}

	async outcomes(counters: number[]): ReturnType<WatcherRpc['outcomes']> {
		return this.engine.withCore((core) => getOutcomes(core, counters))
	}

	async deleteNotification(counter: number): ReturnType<WatcherRpc['deleteNotification']> {
		return this.engine.withCore((core) => deleteNotification(core, counter))
	}

	async acknowledge(counter: number): ReturnType<WatcherRpc['acknowledge']> {
		return this.engine.withCore((core) => acknowledge(core, counter))
	}

	async subscriptions(): ReturnType<WatcherRpc['subscriptions']> {
		return this.engine.withCore(getSubscriptionReports)
	}

	async release(selector: {
		subscription?: number | undefined
		url?: string | undefined
	}): ReturnType<WatcherRpc['release']> {
		return this.#runAndNotify((core) => releaseSubscriptions(core, selector))
	}

	async replay(query: ReplayQuery, dryRun: boolean, job?: number): ReturnType<WatcherRpc['replay']> {
		return this.#runAndNotify((core) => {
			const replay = runReplay(core, query, dryRun, job)
			return replay.ok ? replay.report : replay.reason
		})
	}

	async resends(): ReturnType<WatcherRpc['resends']> {
		return this.engine.withCore(getResends)
	}

	async cancelResend(id: number): ReturnType<WatcherRpc['cancelResend']> {
		return this.#runAndNotify((core) => cancelResend(core, id))
	}

	async testEvent(): ReturnType<WatcherRpc['testEvent']> {
		return this.#runAndNotify(enqueueTestEvent)
	}

	async publish(notices: Notice[]): ReturnType<WatcherRpc['publish']> {
		return this.engine.withCore(async (core) => {
			// Without polls nothing else reads changed account settings.
			if (!(await this.engine.refreshStaleConfig(core))) return 'unknown'
			if (core.kind.takesNotices) return this.#runAndNotify((current) => publishNotices(current, notices))
			const [posted] = notices.filter((notice) => notice.number === null)
			return posted === undefined ? 'unknown' : this.#runAndNotify((current) => postToInstance(current, posted))
		})
	}

	async erase(resource: string, objectId: string): ReturnType<WatcherRpc['erase']> {
		return this.engine.withCore((core) => eraseObjectContent(core, resource, objectId))
	}

	async backup(cursor: BackupCursor | null): ReturnType<WatcherRpc['backup']> {
		// Opens older storage, so that a backup has the tables of this version.
		this.engine.getCore()
		return readBackupPage(this.engine.ports.sql, cursor)
	}

	async restore(table: string, rows: StoredRow[]): ReturnType<WatcherRpc['restore']> {
		return writeBackupRows(this.engine.ports.sql, table, rows)
	}

	async completeRestore(rows: StoredRow[]): ReturnType<WatcherRpc['completeRestore']> {
		const result = writeInstanceRows(this.engine.ports.sql, rows)
		const core = this.engine.getCore()
		if (result === 'exists' || core === null) return 'exists'
		core.commit((tx) => resumeAfterRestore(tx, core))
		await this.engine.refreshConfig(core)
		this.engine.updateAlarm(core)
		return result
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

	/** Runs a call that may make notifications due, and sends the doorbell for them. */
	async #runAndNotify<T>(body: (core: Core) => T): Promise<OrUnknown<T>> {
		return this.engine.withCore(async (core) => {
			const result = body(core)
			await this.engine.sendDueDoorbell(core)
			this.engine.updateAlarm(core)
			return result
		})
	}

	#createPorts(): Ports {
		const { ctx, env } = this
		const key = parseMasterKeys(env.MASTER_KEYS)[0]!
		return {
			sql: createDurableSql(ctx.storage, this.rows),
			now: () => Date.now(),
			sleep: async (ms) => await new Promise((resolve) => setTimeout(resolve, ms)),
			random: () => Math.random(),
			setAlarm: (atMs) => {
				this.#alarmMs = atMs
				this.rows.written++
				void (atMs === null ? ctx.storage.deleteAlarm() : ctx.storage.setAlarm(atMs))
			},
			getAlarmMs: () => this.#alarmMs ?? null,
			sendDoorbell: async (instance, incarnation) => {
				await env.DOORBELLS.send({ version: 1, instance, incarnation })
			},
			loadConfig: (id, incarnation) => loadOwnConfig(env, { id, incarnation }),
			deleteStorage: async () => {
				await ctx.storage.deleteAlarm()
				await ctx.storage.deleteAll()
				this.#alarmMs = null
			},
			element: (config) => getElement(config.elementKey),
			client: (config) =>
				openStoreClient(env, {
					id: config.instanceId,
					incarnation: config.incarnation,
					name: config.name,
					elementKey: config.elementKey,
					configuration: config.configuration,
					connection: config.connection,
				}),
			writeStatus: (report) => writeStatus(env, report),
			publish: (organization, notices) => publishToOrganization(env, organization, notices),
			eventTag: (incarnation, sequence) => computeEventTag(key.bytes, incarnation, sequence),
			masterKey: { id: key.id, bytes: key.bytes },
			publicUrl: env.PUBLIC_URL,
			storedBytes: () => ctx.storage.sql.databaseSize,
			log,
		}
	}
}

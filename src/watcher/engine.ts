/**
 * The engine of one instance: what is done when its alarm rings, in which order, and what the rest of Shopbell may ask
 * of it. Only the alarm talks to the store; calls put down what is wanted and arm it (docs/architecture.md, One
 * instance, one object, one alarm).
 */
import { NO_KEY_ROTATION } from '../delivery/sign.ts'
import { toSiteKey } from '../lib/urls.ts'
import { nextAlarmMs } from './alarm.ts'
import { publishOperatorEvents } from './outbox/operator-events.ts'
import { Core, type WatchedResource } from './core/core.ts'
import { lookupStep, getNextRelatedReadMs, relatedReadStep } from './polling/lookups.ts'
import { drainWaiting, hasWaiting } from './outbox/forming.ts'
import { claimDue, nextDeliveryMs, park } from './outbox/claim.ts'
import type { Ports } from './core/ports.ts'
import { prune } from './outbox/retention.ts'
import { reportStatus } from './queries/reports.ts'
import { runStep, startRun } from './polling/runs.ts'
import { isBudgetSpent, MAX_SLICE_MS, MAX_SLICE_REQUESTS, type SliceBudget } from './source/requests.ts'
import { addConnectedResources, syncResources, getWatchedResources } from './source/resources.ts'
import type { Admission, AdmissionRequest, Claim, AttemptOutcome } from '../rpc/delivery.ts'
import {
	requestReread,
	baselineStep,
	getNextRereadMs,
	isRecentRereadDue,
	recentRereadStep,
	isRereadDue,
} from './polling/scans.ts'
import { rereadStep } from './polling/reread.ts'
import { settle } from './outbox/settle.ts'
import { syncSubscriptions } from './outbox/subscriptions.ts'
import { hasInstance, migrate, needsMigration } from './core/tables.ts'
import { searchStep } from './polling/totals.ts'
import { recordFailure, isUsable, describeError, recordSuccess, withResourceErrors } from './source/backoff.ts'
import { getDefaultDelivery, type WatcherConfig } from '../rpc/config.ts'
import { nextWatchdogMs, isWatchdogDue, runWatchdogStep } from './webhooks/repair.ts'
import type { OrUnknown } from '../rpc/known.ts'

/** The object's copy of its row is read again before ringing when older than this. */
const MAX_CONFIG_AGE_MS = 60_000
const MAX_STORED_BYTES = 8e9
/** Pruning waits so long for a poll to go with. */
const MAX_PRUNE_DELAY_MS = 3_600_000

/** One instance's engine. Made anew from storage whenever the object comes to life. */
export class Engine {
	readonly ports: Ports
	#core: Core | null = null
	#isLookupTurn = false
	/** Reads of the row so far, and the newest one that was answered: an answer that comes after a later one's is old. */
	#configReads = 0
	#latestConfigRead = 0

	constructor(ports: Ports) {
		this.ports = ports
	}

	/** The core, or null when this object has no instance row: then every call answers `unknown`. Reads only. */
	getCore(): Core | null {
		if (this.#core !== null) return this.#core
		const { sql } = this.ports
		if (!hasInstance(sql)) return null
		if (needsMigration(sql)) migrate(sql)
		const row = sql.all<{ config: string; read_at: number }>(`SELECT config, read_at FROM instance`)[0]
		if (row === undefined) return null
		// A copy that an earlier version wrote says nothing of what came later.
		const config = JSON.parse(row.config) as WatcherConfig
		this.#core = new Core(
			this.ports,
			{
				...config,
				hooks: config.hooks ?? null,
				signature: config.signature ?? NO_KEY_ROTATION,
				delivery: config.delivery ?? getDefaultDelivery(config.vendorType),
				subscriptionId: config.subscriptionId ?? 0,
				others: config.others ?? [],
				announces: config.announces ?? false,
				storeless: config.storeless ?? false,
			},
			row.read_at,
		)
		return this.#core
	}

	/** Brings the instance to life. Repeating it changes nothing. */
	async create(instanceId: number): Promise<'created' | 'exists'> {
		const existing = this.getCore()
		if (existing !== null) {
			this.updateAlarm(existing)
			return 'exists'
		}
		const config = await this.ports.loadConfig(instanceId)
		if (config === null) throw new Error(`no row for instance ${instanceId}`)
		// Two calls at once: the other one was faster.
		if (this.getCore() !== null) return 'exists'
		const { sql } = this.ports
		migrate(sql)
		const now = this.ports.now()
		sql.run(
			`INSERT OR IGNORE INTO instance (id, version, config, read_at) VALUES (?, ?, ?, ?)`,
			instanceId,
			config.version,
			JSON.stringify(config),
			now,
		)
		const core = this.getCore()
		if (core === null) throw new Error('the instance row was not written')
		core.commit(() => {
			core.state.paused = !config.enabled || !config.eventsEnabled
			core.state.nextPollMs = core.state.paused || config.storeless ? null : now
			core.state.pruneMs = now + 3_600_000
			syncSubscriptions(core, false)
			core.state.bornVersion = config.version
			// Without events the bell is off: resources begin when it is switched on.
			if (!core.state.paused) addConnectedResources(core)
		})
		this.updateAlarm(core)
		return 'created'
	}

	/** The storage is gone: so is what was remembered of it. */
	dropCore(): void {
		this.#core = null
	}

	/** Reads the row again and follows what changed. A D1 that cannot be reached leaves the copy as it is. */
	async refreshConfig(core: Core, options: { release?: boolean } = {}): Promise<void> {
		const releaseRequested = options.release === true
		const readNumber = ++this.#configReads
		let config
		try {
			config = await this.ports.loadConfig(core.config.instanceId)
		} catch (error) {
			this.ports.log('config.unreadable', { instance: core.config.instanceId, ...describeError(error) })
			return
		}
		if (readNumber < this.#latestConfigRead) return releaseRequested ? this.refreshConfig(core, options) : undefined
		this.#latestConfigRead = readNumber
		const now = this.ports.now()
		core.configReadMs = now
		if (config === null) {
			if (!core.state.paused)
				core.commit(() => {
					core.state.paused = true
				})
			return
		}
		const paused = !config.enabled || !config.eventsEnabled
		if (paused === core.state.paused && !releaseRequested && JSON.stringify(config) === JSON.stringify(core.config))
			return
		const before = core.config
		// Instead of going on at the old cursors.
		const newBaselineRequested = (config.baselineVersion ?? 0) > (before.baselineVersion ?? 0)
		core.config = config
		core.commit(() => {
			const { state } = core
			this.ports.sql.run(
				`UPDATE instance SET version = ?, config = ?, read_at = ?`,
				config.version,
				JSON.stringify(config),
				now,
			)
			if (state.paused && !paused) {
				// After a pause the old cursors go on, and everything is read once: what changed meanwhile rings once.
				state.nextPollMs = now
				if (!newBaselineRequested) requestReread(core)
			}
			// Webhooks that slept or that lead to another address tell nothing until they are mended.
			if ((state.paused && !paused) || JSON.stringify(before.hooks) !== JSON.stringify(config.hooks))
				state.hooks.dueMs = now
			state.paused = paused
			// What is known of another site says nothing of this one. Told by the rows themselves: a lost call must not ring a
			// whole shop.
			if (newBaselineRequested || toSiteKey(before.connection.home) !== toSiteKey(config.connection.home)) {
				state.dropped.push(...state.resources.map((rs) => rs.number))
				state.resources = []
				state.run = null
				state.nextPollMs = paused ? null : now
				state.pruneMs = now
			}
			if (
				JSON.stringify(before.connection) !== JSON.stringify(config.connection) ||
				before.configuration['oauth.api.key'] !== config.configuration['oauth.api.key'] ||
				before.configuration['oauth.api.secret'] !== config.configuration['oauth.api.secret']
			) {
				state.failures = 0
				state.backoffUntilMs = null
				state.trouble = null
				if (!paused) state.nextPollMs = now
			}
			if (!paused && state.nextPollMs !== null) state.nextPollMs = Math.min(state.nextPollMs, now + core.intervalMs)
			if (!paused && !config.storeless && state.nextPollMs === null && state.run === null) state.nextPollMs = now
			syncSubscriptions(core, options.release === true)
			drainWaiting(core)
		})
	}

	/**
	 * Tells of a change of state that a call has made, which no alarm would tell of soon. Never throws: the next alarm
	 * does it otherwise.
	 */
	async reportState(core: Core): Promise<void> {
		try {
			await reportStatus(core)
		} catch (error) {
			this.ports.log('report.failed', { instance: core.config.instanceId, ...describeError(error) })
		}
	}

	/** Reads the row again when the copy is older than a minute. */
	async refreshStaleConfig(core: Core): Promise<void> {
		if (this.ports.now() - core.configReadMs > MAX_CONFIG_AGE_MS) await this.refreshConfig(core)
	}

	/**
	 * What happens when the alarm rings: one slice of work, then everything due is rung, then the alarm is set again.
	 * Never throws.
	 */
	async runSlice(): Promise<void> {
		const core = this.getCore()
		if (core === null) return
		const budget: SliceBudget = { requests: MAX_SLICE_REQUESTS, untilMs: this.ports.now() + MAX_SLICE_MS }
		try {
			if (core.state.run === null && (core.state.nextPollMs ?? Infinity) <= this.ports.now())
				await this.refreshConfig(core)
			if (core.state.full !== this.ports.storedBytes() > MAX_STORED_BYTES) core.state.full = !core.state.full
			// What waits for a subscription that takes none is queued in slices, and what a lost memory left is formed.
			if (hasWaiting(core)) core.commit(() => drainWaiting(core))
			while (!isBudgetSpent(core, budget)) {
				await this.sendDueDoorbell(core)
				if (!(await this.runNextStep(core, budget))) break
			}
		} catch (error) {
			recordFailure(core, error)
		}
		try {
			await this.sendDueDoorbell(core)
			await reportStatus(core)
		} catch (error) {
			this.ports.log('run.unfinished', { instance: core.config.instanceId, ...describeError(error) })
		}
		try {
			await publishOperatorEvents(core)
			// What was only noted on the way, in one row.
			core.commit(() => undefined)
		} catch (error) {
			this.ports.log('run.unsaved', { instance: core.config.instanceId, ...describeError(error) })
		} finally {
			this.updateAlarm(core)
		}
	}

	/** Does the next thing. False: nothing is due. */
	private async runNextStep(core: Core, budget: SliceBudget): Promise<boolean> {
		const { state } = core
		const now = this.ports.now()
		if (state.pruneMs !== null && state.pruneMs <= now) {
			prune(core)
			return true
		}
		if (state.paused || state.full || (state.backoffUntilMs ?? 0) > now) return false
		if (state.run === null && (state.nextPollMs ?? Infinity) <= now) {
			await syncResources(core, budget)
			startRun(core)
			return true
		}
		const watched = getWatchedResources(core)
		const findWatched = (number: number): WatchedResource | null =>
			watched.find((watchedResource) => watchedResource.state.number === number) ?? null
		// A hint of a webhook does not wait for a long run, nor a run for many hints: they take turns.
		this.#isLookupTurn = !this.#isLookupTurn
		if (state.run !== null && !(this.#isLookupTurn && (await lookupStep(core, findWatched, budget))))
			return runStep(core, findWatched, budget)
		if (state.run !== null) return recordSuccess(core)
		if (await lookupStep(core, findWatched, budget)) return recordSuccess(core)
		if (isWatchdogDue(core)) {
			return (await runWatchdogStep(core, budget)) ? recordSuccess(core) : true
		}
		if (await relatedReadStep(core, findWatched, budget)) return recordSuccess(core)
		const usable = watched.filter((watchedResource) => isUsable(core, watchedResource))
		const search = usable.find((watchedResource) => watchedResource.state.search !== null)
		if (search !== undefined) return withResourceErrors(core, search, () => searchStep(core, search, budget))
		const baseline = usable.find((watchedResource) => watchedResource.state.baseline !== null)
		if (baseline !== undefined) return withResourceErrors(core, baseline, () => baselineStep(core, baseline, budget))
		const reread = usable.find((watchedResource) => isRereadDue(core, watchedResource))
		if (reread !== undefined) return withResourceErrors(core, reread, () => rereadStep(core, reread, budget))
		const recent = usable.find((watchedResource) => isRecentRereadDue(core, watchedResource))
		if (recent !== undefined) return withResourceErrors(core, recent, () => recentRereadStep(core, recent, budget))
		return false
	}

	/**
	 * Rings when something is due and no doorbell is under way. A doorbell that cannot be sent is rung at the next alarm.
	 */
	async sendDueDoorbell(core: Core): Promise<void> {
		const now = this.ports.now()
		const dueMs = nextDeliveryMs(core)
		if (dueMs === null || dueMs > now || core.state.paused) {
			core.doorbellRequested = false
			return
		}
		const sentRecently = core.lastDoorbellMs !== null && now - core.lastDoorbellMs < 10_000
		if (sentRecently && !core.doorbellRequested) return
		if (core.doorbellRequested && core.lastDoorbellMs !== null && now - core.lastDoorbellMs < 1_000) return
		core.doorbellRequested = false
		core.lastDoorbellMs = now
		await this.refreshStaleConfig(core)
		try {
			await this.ports.sendDoorbell(core.config.instanceId)
		} catch (error) {
			this.ports.log('doorbell.failed', { instance: core.config.instanceId, ...describeError(error) })
		}
	}

	/** Sets the alarm to the earliest of all that is due. */
	updateAlarm(core: Core): void {
		const { state } = core
		const now = this.ports.now()
		const watched = state.paused ? [] : getWatchedResources(core)
		const usable = watched.filter((watchedResource) => isUsable(core, watchedResource))
		const rereads = usable
			.map((watchedResource) => getNextRereadMs(core, watchedResource))
			.filter((timeMs) => timeMs !== null)
		const polls = [state.nextPollMs, nextWatchdogMs(core), ...rereads].filter((timeMs) => timeMs !== null)
		const lookups = [core.lookups.nextDueMs(), getNextRelatedReadMs(core)].filter((timeMs) => timeMs !== null)
		const alarmMs = nextAlarmMs(
			{
				paused: state.paused,
				backoffUntilMs: state.backoffUntilMs,
				nextPollMs:
					state.run === null && polls.length > 0 && !state.full
						? Math.min(...polls)
						: state.full
							? now + core.intervalMs
							: null,
				hasPendingWork:
					!state.full &&
					(state.run !== null ||
						usable.some(
							(watchedResource) =>
								watchedResource.state.search !== null ||
								watchedResource.state.baseline !== null ||
								isRereadDue(core, watchedResource) ||
								isRecentRereadDue(core, watchedResource),
						)),
				nextLookupMs: state.full || lookups.length === 0 ? null : Math.min(...lookups),
				nextDeliveryMs: nextDeliveryMs(core),
				lastDoorbellMs: core.lastDoorbellMs,
				pruneMs: this.pruneTimeMs(core),
				announceMs: state.announceMs,
			},
			now,
		)
		const currentAlarmMs = this.ports.getAlarmMs()
		// Setting it costs a row; a past one cannot be trusted to ring.
		if (alarmMs === null) {
			if (currentAlarmMs !== null) this.ports.setAlarm(null)
		} else if (
			currentAlarmMs === null ||
			currentAlarmMs <= now ||
			currentAlarmMs > alarmMs ||
			alarmMs - currentAlarmMs > 60_000
		)
			this.ports.setAlarm(alarmMs)
	}

	/**
	 * When to prune: with the next poll, if one comes within an hour of its time, since an alarm of its own costs rows
	 * too.
	 */
	private pruneTimeMs(core: Core): number | null {
		const { pruneMs, prunedTo, dropped, nextPollMs, paused } = core.state
		if (pruneMs === null || paused || nextPollMs === null || prunedTo > 0 || dropped.length > 0) return pruneMs
		return Math.max(pruneMs, Math.min(nextPollMs, pruneMs + MAX_PRUNE_DELAY_MS))
	}

	/** Claims due notifications for a consumer. */
	async claim(
		limit: number,
		admission?: Admission,
	): Promise<OrUnknown<{ claims: Claim[]; more: boolean; asks: AdmissionRequest[] }>> {
		const core = this.getCore()
		if (core === null) return 'unknown'
		await this.refreshStaleConfig(core)
		const result = claimDue(core, limit, admission)
		// What was let through is parked no longer: its lease, and all else that is due, must wake this object.
		if (admission !== undefined) this.updateAlarm(core)
		// The doorbell is answered, and its consumer left nothing that is due: the next one need not wait until this one
		// would be called lost.
		if (!result.more) core.lastDoorbellMs = null
		return result
	}

	/** A subscription is not rung before then. */
	async park(subscription: number, untilMs: number): Promise<OrUnknown<'ok'>> {
		const core = this.getCore()
		if (core === null) return 'unknown'
		park(core, subscription, untilMs)
		core.doorbellRequested = false
		core.lastDoorbellMs = null
		this.updateAlarm(core)
		return 'ok'
	}

	/** Settles an attempt; hands back what may be sent next. */
	async settle(
		counter: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): Promise<OrUnknown<{ next: Claim[]; retryAtMs: number | null }>> {
		const core = this.getCore()
		if (core === null) return 'unknown'
		const { retryAtMs } = settle(core, counter, attempt, outcome)
		core.doorbellRequested = false
		const next = more ? claimDue(core, 1).claims : []
		this.updateAlarm(core)
		return { next, retryAtMs }
	}
}

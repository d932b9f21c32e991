/**
 * The engine of one instance: the order of work in an alarm, and the calls. Only the alarm calls the store; calls
 * record what is needed and set the alarm (docs/architecture.md, One Durable Object per instance).
 */
import { toIncarnation } from '../lib/incarnation.ts'
import { HOUR_MS } from '../lib/time.ts'
import { DOORBELL_RETRY_MS, nextAlarmMs, shouldSetAlarm, type DueTimes } from './alarm.ts'
import { applyConfigTransition, decideWithoutRow, getConfigTransition, isPaused } from './config-transition.ts'
import { publishOperatorEvents } from './outbox/operator-events.ts'
import { updateProfiles } from './changes/profile-updates.ts'
import { Core, type WatchedResource } from './core/core.ts'
import { lookupStep, getNextLookupMs, getNextRelatedReadMs, relatedReadStep } from './polling/lookups.ts'
import { drainWaiting, hasWaiting } from './outbox/forming.ts'
import { claimDue, nextDeliveryMs, park } from './outbox/claim.ts'
import { MAX_HELD_BACK_MS } from './outbox/open-notifications.ts'
import type { Ports } from './core/ports.ts'
import { skipIds, toFreshNumber } from './core/skipped-ids.ts'
import { insertConfig, loadConfig, updateConfig } from './core/stored-config.ts'
import { prune } from './outbox/retention.ts'
import { getStatusAlarmMs, reportStatus } from './queries/status-report.ts'
import { runStep, startRun } from './polling/runs.ts'
import { chargeStep, chooseResource, chooseStep, INITIAL_SCHEDULE, type WorkKind } from './scheduler.ts'
import { isBudgetSpent, MAX_SLICE_MS, MAX_SLICE_REQUESTS, type SliceBudget } from './source/requests.ts'
import { addConnectedResources, syncResources, getWatchedResources } from './source/resources.ts'
import type { Admission, AdmissionRequest, Claim, AttemptOutcome } from '../rpc/delivery.ts'
import {
	baselineStep,
	getRereadAlarmMs,
	isBaselineDue,
	isRecentRereadDue,
	recentRereadStep,
	isRereadDue,
} from './polling/scans.ts'
import { probeStep } from './polling/probe-step.ts'
import { getNextProbeMs, isProbeDue } from './source/doubts.ts'
import { getNextNoiseReadMs, isRoundDue, noiseRoundStep } from './polling/noise-rounds.ts'
import { rereadStep } from './polling/reread.ts'
import { settle } from './outbox/settle.ts'
import { syncSubscriptions } from './outbox/subscriptions.ts'
import { hasInstance, migrate, needsMigration } from './core/tables.ts'
import { searchStep } from './polling/totals.ts'
import { recordFailure, isUsable, describeError, recordSuccess, withResourceErrors } from './source/backoff.ts'
import { getNextVariationMs, isVariationReadDue, syncVariations, variationStep } from './polling/variation-reads.ts'
import { nextWatchdogMs, isWatchdogDue, runWatchdogStep } from './webhooks/repair.ts'
import type { OrUnknown } from '../rpc/known.ts'

/** The copy of the row is read again before a doorbell, a webhook delivery or an alarm when it is older than this. */
const MAX_CONFIG_AGE_MS = 60_000
const MAX_STORED_BYTES = 8e9
/** How long pruning waits for a poll to share its alarm. */
const MAX_PRUNE_DELAY_MS = HOUR_MS
/** The shortest time between two doorbells. */
const MIN_DOORBELL_INTERVAL_MS = 1_000

/** The work on a resource beside polls. */
const SCAN_STEPS: Partial<
	Record<
		WorkKind,
		{
			isDue(core: Core, watched: WatchedResource): boolean
			/** Its next step comes before those of other resources. */
			isUnderWay?(watched: WatchedResource): boolean
			run(core: Core, watched: WatchedResource, budget: SliceBudget): Promise<void>
		}
	>
> = {
	search: {
		isDue: (_core, { state }) => state.search !== null,
		// The ids of one resource are in memory.
		isUnderWay: ({ state }) => (state.search?.state.requests ?? 0) > 0,
		run: searchStep,
	},
	baseline: { isDue: isBaselineDue, run: baselineStep },
	probe: { isDue: isProbeDue, run: probeStep },
	noise: { isDue: isRoundDue, run: noiseRoundStep },
	variations: { isDue: isVariationReadDue, run: variationStep },
	reread: { isDue: isRereadDue, run: rereadStep },
	'recent-reread': { isDue: isRecentRereadDue, run: recentRereadStep },
}

/** One instance's engine. Created from storage each time the object starts. */
export class Engine {
	readonly ports: Ports
	#core: Core | null = null
	#schedule = INITIAL_SCHEDULE
	/**
	 * Number of reads of the row, and the newest read that got an answer: an answer that arrives after a later one is
	 * outdated.
	 */
	#configReads = 0
	#latestConfigRead = 0
	#isInSlice = false
	#isTimerSet = false

	constructor(ports: Ports) {
		this.ports = ports
	}

	/** The core; null when this object has no instance row. Reads only. */
	getCore(): Core | null {
		if (this.#core !== null) return this.#core
		const { sql } = this.ports
		if (!hasInstance(sql)) return null
		if (needsMigration(sql)) migrate(sql)
		const stored = loadConfig(sql)
		if (stored === null) return null
		this.#core = new Core(this.ports, stored.config, stored.readMs)
		return this.#core
	}

	/** Runs a call; `unknown` when this object has no instance row. */
	async withCore<T>(body: (core: Core) => OrUnknown<T> | Promise<OrUnknown<T>>): Promise<OrUnknown<T>> {
		const core = this.getCore()
		if (core === null) return 'unknown'
		try {
			return await body(core)
		} catch (error) {
			// It was deleted during the call.
			if (core.isClosed) return 'unknown'
			throw error
		}
	}

	/**
	 * Creates the instance from its row. Safe to repeat. `again`: its row had an object before, whose ids are not given
	 * out again.
	 */
	async create(instanceId: number, incarnation?: string, again = false): Promise<'created' | 'exists'> {
		const existing = this.getCore()
		if (existing !== null) {
			this.updateAlarm(existing)
			return 'exists'
		}
		const loaded = await this.ports.loadConfig(instanceId, toIncarnation(incarnation, instanceId))
		if (!loaded.ok) throw new Error(`no row for instance ${instanceId}`)
		const { config } = loaded
		// A concurrent call was faster.
		if (this.getCore() !== null) return 'exists'
		const { sql } = this.ports
		migrate(sql)
		const now = this.ports.now()
		insertConfig(sql, config, now)
		const core = this.getCore()
		if (core === null) throw new Error('the instance row was not written')
		core.commit((tx) => {
			core.state.paused = isPaused(config)
			core.state.nextPollMs = core.state.paused || !core.kind.watchesStore ? null : now
			core.state.pruneMs = now + HOUR_MS
			const fresh = toFreshNumber(now)
			if (again) skipIds(core.state, { sequence: fresh, notification: fresh })
			// The organization's object knows the numbers by the id of the instance, whichever incarnation it is.
			core.state.announcement = fresh
			syncSubscriptions(tx, core, false)
			core.state.bornVersion = config.version
			// While events are off, no resource begins.
			if (!core.state.paused) addConnectedResources(tx, core)
		})
		this.updateAlarm(core)
		return 'created'
	}

	/** Deletes everything: this object answers `unknown` from then on, and work that is under way ends. */
	async destroy(): Promise<void> {
		// Before the storage goes, so that a running slice commits nothing more; again for a call that came meanwhile.
		this.#dropCore()
		await this.ports.deleteStorage()
		this.#dropCore()
	}

	#dropCore(): void {
		this.#core?.close()
		this.#core = null
	}

	/**
	 * Reads the row again and applies what changed. Keeps the copy when D1 cannot be reached. False: the object has
	 * destroyed itself, and the core must not be used any longer.
	 */
	async refreshConfig(core: Core, options: { release?: boolean } = {}): Promise<boolean> {
		const release = options.release === true
		const readNumber = ++this.#configReads
		let loaded
		try {
			loaded = await this.ports.loadConfig(core.config.instanceId, core.config.incarnation)
		} catch (error) {
			this.#logError(core, 'config.unreadable', error)
			return this.#isCurrent(core)
		}
		if (!this.#isCurrent(core)) return false
		if (readNumber < this.#latestConfigRead) return release ? this.refreshConfig(core, options) : true
		this.#latestConfigRead = readNumber
		const now = this.ports.now()
		core.configReadMs = now
		const { state, config: before } = core
		if (!loaded.ok) return this.#workWithoutRow(core, loaded.reason)
		const { config } = loaded
		const isUnchanged = isPaused(config) === state.paused && JSON.stringify(config) === JSON.stringify(before)
		if (isUnchanged && !release && state.missingSinceMs === undefined) return true
		const transition = getConfigTransition(before, config, state, now)
		core.config = config
		core.commit((tx) => {
			updateConfig(this.ports.sql, config, now)
			delete state.missingSinceMs
			applyConfigTransition(tx, core, transition, release)
		})
		return true
	}

	/** Pauses or destroys an object whose row is not in D1. False: it was destroyed. */
	async #workWithoutRow(core: Core, reason: 'missing' | 'replaced'): Promise<boolean> {
		const { state } = core
		const now = this.ports.now()
		if (decideWithoutRow(reason, state.missingSinceMs, now) === 'destroy') {
			this.ports.log('object.destroyed', { instance: core.config.instanceId, row: reason })
			await this.destroy()
			return false
		}
		if (!state.paused || state.missingSinceMs === undefined)
			core.commit(() => {
				state.paused = true
				state.missingSinceMs ??= now
			})
		return true
	}

	/** False: the object was destroyed while a call or a slice waited. */
	#isCurrent(core: Core): boolean {
		return this.#core === core
	}

	/** Reports a state that a call has changed, without waiting for the next alarm. Never throws. */
	async reportState(core: Core): Promise<void> {
		try {
			await reportStatus(core)
		} catch (error) {
			this.#logError(core, 'report.failed', error)
		}
	}

	/** Reads the row again when the copy is older than a minute. False: the object has destroyed itself. */
	async refreshStaleConfig(core: Core): Promise<boolean> {
		const isStale = this.ports.now() - core.configReadMs > MAX_CONFIG_AGE_MS
		return isStale ? await this.refreshConfig(core) : this.#isCurrent(core)
	}

	/** Runs an alarm: one slice of work, a doorbell for due deliveries, and the next alarm. Never throws. */
	async runSlice(): Promise<void> {
		this.#isInSlice = true
		try {
			await this.#runSlice()
		} finally {
			this.#isInSlice = false
		}
	}

	async #runSlice(): Promise<void> {
		const core = this.getCore()
		if (core === null) return
		const budget: SliceBudget = { requests: MAX_SLICE_REQUESTS, untilMs: this.ports.now() + MAX_SLICE_MS }
		try {
			const isPollDue = core.state.run === null && (core.state.nextPollMs ?? Infinity) <= this.ports.now()
			if (!(isPollDue ? await this.refreshConfig(core) : await this.refreshStaleConfig(core))) return
			if (core.state.full !== this.ports.storedBytes() > MAX_STORED_BYTES) core.state.full = !core.state.full
			// Events of inactive subscriptions are queued in slices; events that a lost memory left waiting are formed.
			if (hasWaiting(core)) core.commit((tx) => drainWaiting(tx, core))
			while (!core.isClosed && !isBudgetSpent(core, budget)) {
				await this.sendDueDoorbell(core)
				if (!this.#isCurrent(core) || !(await this.#runNextStep(core, budget))) break
			}
		} catch (error) {
			if (!core.isClosed) recordFailure(core, error)
		}
		// The instance was deleted while the slice waited for the store: nothing is left to write.
		if (core.isClosed) return
		try {
			await this.sendDueDoorbell(core)
			if (!this.#isCurrent(core)) return
			await reportStatus(core)
		} catch (error) {
			this.#logError(core, 'run.unfinished', error)
		}
		try {
			await publishOperatorEvents(core)
			// Saves changes of the state that the steps did not commit.
			core.commit(
				() => undefined,
				() => core.isWorthSaving(),
			)
		} catch (error) {
			this.#logError(core, 'run.unsaved', error)
		} finally {
			this.updateAlarm(core)
		}
	}

	/** Does the next step. False: nothing is due. */
	async #runNextStep(core: Core, budget: SliceBudget): Promise<boolean> {
		const { state } = core
		const now = this.ports.now()
		if (state.pruneMs !== null && state.pruneMs <= now) {
			prune(core)
			return true
		}
		if (state.paused || state.full || (state.backoffUntilMs ?? 0) > now) return false
		const watched = getWatchedResources(core)
		const choice = chooseStep(this.#schedule, (kind) => this.#isDue(core, watched, kind))
		if (choice === null) return false
		this.#schedule = choice.state
		const requestsBefore = budget.requests
		try {
			await this.#runStepOf(core, watched, choice.kind, budget)
		} finally {
			this.#schedule = chargeStep(this.#schedule, choice.kind, requestsBefore - budget.requests)
		}
		return true
	}

	/** Whether a kind of work has a step to do now. */
	#isDue(core: Core, watched: readonly WatchedResource[], kind: WorkKind): boolean {
		const { state } = core
		const now = this.ports.now()
		const scan = SCAN_STEPS[kind]
		if (scan !== undefined) return watched.some((one) => isUsable(core, one) && scan.isDue(core, one))
		if (kind === 'run') return state.run !== null || (state.nextPollMs ?? Infinity) <= now
		if (kind === 'lookups') return (getNextLookupMs(core) ?? Infinity) <= now
		if (kind === 'watchdog') return isWatchdogDue(core)
		return (getNextRelatedReadMs(core) ?? Infinity) <= now
	}

	async #runStepOf(
		core: Core,
		watched: readonly WatchedResource[],
		kind: WorkKind,
		budget: SliceBudget,
	): Promise<void> {
		const findWatched = (number: number): WatchedResource | null =>
			watched.find((watchedResource) => watchedResource.state.number === number) ?? null
		if (kind === 'run') {
			if (core.state.run !== null) return void (await runStep(core, findWatched, budget))
			await syncResources(core, budget)
			syncVariations(core)
			updateProfiles(core, getWatchedResources(core))
			startRun(core)
		} else if (kind === 'lookups') {
			if (await lookupStep(core, findWatched, budget)) recordSuccess(core)
		} else if (kind === 'watchdog') {
			if (await runWatchdogStep(core, budget)) recordSuccess(core)
		} else if (kind === 'related') {
			if (await relatedReadStep(core, findWatched, budget)) recordSuccess(core)
		} else await this.#runScanStep(core, watched, kind, budget)
	}

	/** Does a scan step of the resource whose turn it is. */
	async #runScanStep(
		core: Core,
		watched: readonly WatchedResource[],
		kind: WorkKind,
		budget: SliceBudget,
	): Promise<void> {
		const step = SCAN_STEPS[kind]
		if (step === undefined) return
		const due = watched.filter((one) => isUsable(core, one) && step.isDue(core, one))
		const underWay = due.filter((one) => step.isUnderWay?.(one) === true)
		const choice = chooseResource(
			this.#schedule,
			kind,
			(underWay.length > 0 ? underWay : due).map((one) => ({ ...one, number: one.state.number })),
		)
		if (choice === null) return
		this.#schedule = choice.state
		const { resource } = choice
		await withResourceErrors(core, resource, () => step.run(core, resource, budget))
	}

	/** Sends a doorbell when a delivery is due and no doorbell is under way. A failed one is sent at the next alarm. */
	async sendDueDoorbell(core: Core): Promise<void> {
		if (!this.#isCurrent(core)) return
		const now = this.ports.now()
		const dueMs = nextDeliveryMs(core)
		if (dueMs === null || dueMs > now || core.state.paused) {
			core.doorbellRequested = false
			if (dueMs !== null && !core.state.paused) this.#sendDoorbellLater(core, dueMs - now)
			return
		}
		const sinceLastMs = core.lastDoorbellMs === null ? Infinity : now - core.lastDoorbellMs
		if (sinceLastMs < (core.doorbellRequested ? MIN_DOORBELL_INTERVAL_MS : DOORBELL_RETRY_MS)) return
		core.doorbellRequested = false
		core.lastDoorbellMs = now
		if (!(await this.refreshStaleConfig(core)) || core.state.paused) return
		try {
			await this.ports.sendDoorbell(core.config.instanceId, core.config.incarnation)
		} catch (error) {
			this.#logError(core, 'doorbell.failed', error)
		}
	}

	/** While the alarm is handled it cannot fire: a timer sends the doorbell for what is held back. */
	#sendDoorbellLater(core: Core, ms: number): void {
		if (!this.#isInSlice || this.#isTimerSet || ms > MAX_HELD_BACK_MS) return
		this.#isTimerSet = true
		void this.ports.sleep(ms).then(() => {
			this.#isTimerSet = false
			return this.sendDueDoorbell(core)
		})
	}

	/** Sets the alarm to the earliest of the due times. */
	updateAlarm(core: Core): void {
		if (!this.#isCurrent(core)) return
		const now = this.ports.now()
		const alarmMs = nextAlarmMs(this.#getDueTimes(core, now), now)
		const currentAlarmMs = this.ports.getAlarmMs()
		if (alarmMs === null ? currentAlarmMs !== null : shouldSetAlarm(currentAlarmMs, alarmMs, now))
			this.ports.setAlarm(alarmMs)
		// An alarm that is for something else does not tell when the next poll is due.
		const { nextPollMs } = core.state
		if (alarmMs !== null && nextPollMs !== null && alarmMs < nextPollMs && !core.isPollTimeSaved())
			core.commit(() => undefined)
	}

	#getDueTimes(core: Core, now: number): DueTimes {
		const { state } = core
		const usable = state.paused
			? []
			: getWatchedResources(core).filter((watchedResource) => isUsable(core, watchedResource))
		const rereads = usable.flatMap((watchedResource) => [
			getRereadAlarmMs(core, watchedResource),
			getNextNoiseReadMs(watchedResource),
			getNextProbeMs(watchedResource),
			getNextVariationMs(core, watchedResource),
		])
		const hasScan = (watchedResource: WatchedResource): boolean =>
			Object.values(SCAN_STEPS).some((step) => step.isDue(core, watchedResource))
		const work = state.full
			? { nextPollMs: now + core.intervalMs, hasPendingWork: false, nextLookupMs: null }
			: {
					nextPollMs: state.run === null ? getEarliest([state.nextPollMs, nextWatchdogMs(core), ...rereads]) : null,
					hasPendingWork: state.run !== null || usable.some(hasScan),
					nextLookupMs: getEarliest([getNextLookupMs(core), getNextRelatedReadMs(core)]),
				}
		return {
			...work,
			paused: state.paused,
			backoffUntilMs: state.backoffUntilMs,
			nextDeliveryMs: nextDeliveryMs(core),
			lastDoorbellMs: core.lastDoorbellMs,
			pruneMs: this.#getPruneMs(core),
			announceMs: state.announceMs,
			statusMs: getStatusAlarmMs(core),
		}
	}

	/** When to prune: with the next poll if one comes within an hour, since an alarm of its own costs rows. */
	#getPruneMs(core: Core): number | null {
		const { pruneMs, prunedTo, dropped, nextPollMs, paused } = core.state
		if (pruneMs === null || paused || nextPollMs === null || prunedTo > 0 || dropped.length > 0) return pruneMs
		return Math.max(pruneMs, Math.min(nextPollMs, pruneMs + MAX_PRUNE_DELAY_MS))
	}

	/** Claims due notifications for a consumer. */
	async claim(
		limit: number,
		admission?: Admission,
	): Promise<OrUnknown<{ claims: Claim[]; more: boolean; asks: AdmissionRequest[] }>> {
		return this.withCore(async (core) => {
			if (!(await this.refreshStaleConfig(core))) return 'unknown'
			const result = claimDue(core, limit, admission)
			// The consumer took everything that is due: the next doorbell need not wait until this one counts as lost.
			if (!result.more) core.lastDoorbellMs = null
			// An admitted subscription is parked no longer: its leases and due times need an alarm. So does what is held back,
			// when the alarm is that of a lost doorbell.
			const alarmMs = this.ports.getAlarmMs()
			if (admission !== undefined || (alarmMs !== null && (nextDeliveryMs(core) ?? alarmMs) < alarmMs))
				this.updateAlarm(core)
			return result
		})
	}

	/** No doorbell for this subscription before then (epoch ms). */
	async park(subscription: number, untilMs: number): Promise<OrUnknown<'ok'>> {
		return this.withCore((core) => {
			park(core, subscription, untilMs)
			core.doorbellRequested = false
			core.lastDoorbellMs = null
			this.updateAlarm(core)
			return 'ok'
		})
	}

	/** Settles an attempt; returns what may be sent next. */
	async settle(
		counter: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): Promise<OrUnknown<{ next: Claim[]; retryAtMs: number | null }>> {
		return this.withCore((core) => {
			const { retryAtMs } = settle(core, counter, attempt, outcome)
			core.doorbellRequested = false
			const next = more ? claimDue(core, 1).claims : []
			this.updateAlarm(core)
			return { next, retryAtMs }
		})
	}

	#logError(core: Core, event: string, error: unknown): void {
		if (core.isClosed) return
		this.ports.log(event, { instance: core.config.instanceId, ...describeError(error) })
	}
}

function getEarliest(times: readonly (number | null)[]): number | null {
	const present = times.filter((timeMs) => timeMs !== null)
	return present.length === 0 ? null : Math.min(...present)
}

/**
 * The engine of one instance: what is done when its alarm rings, in which order, and what the rest of Shopbell may ask of it.
 * Only the alarm talks to the store; calls put down what is wanted and arm it (design, Seeing: polling, One alarm).
 */
import { NO_SUCCESSION } from '../delivery/sign.ts'
import { siteKey } from '../lib/urls.ts'
import { nextAlarm } from './alarm.ts'
import { handOver } from './outbox/operator-events.ts'
import { Core, type Watched } from './core/core.ts'
import { lookupStep, nextLookupMs, nextTouchMs, touchedStep } from './polling/lookups.ts'
import { flow, waits } from './outbox/forming.ts'
import { claim, nextDeliveryMs, park } from './outbox/claim.ts'
import type { Ports } from './core/ports.ts'
import { prune } from './outbox/retention.ts'
import { report } from './queries/reports.ts'
import { runStep, startRun } from './polling/runs.ts'
import { spent, SLICE_MS, SLICE_REQUESTS, type Budget } from './source/requests.ts'
import { beginConnected, syncResources, watchedResources } from './source/resources.ts'
import type { Admission, Ask, Claim, Outcome } from '../rpc/delivery.ts'
import { askReread, baselineStep, nextReread, recentDue, recentStep, rereadDue, rereadStep } from './polling/scans.ts'
import { settle } from './outbox/settle.ts'
import { followSubscriptions } from './outbox/subscriptions.ts'
import { exists, migrate, outdated } from './core/tables.ts'
import { searchStep } from './polling/totals.ts'
import { failed, isUsable, placeOf, succeeded, working } from './source/backoff.ts'
import { defaultDelivery, type WatcherConfig } from '../rpc/config.ts'
import { watchdogAt, watchdogDue, watchdogStep } from './webhooks/repair.ts'
import type { Known } from '../rpc/known.ts'

/** The object's copy of its row is read again before ringing when older than this. */
const COPY_MS = 60_000
const FULL_BYTES = 8e9
/** Pruning waits so long for a poll to go with. */
const PRUNE_WITH_MS = 3_600_000

/** One instance's engine. Made anew from storage whenever the object comes to life. */
export class Engine {
	readonly ports: Ports
	#core: Core | null = null
	#lookupsTurn = false
	/** Reads of the row so far, and the newest one that was answered: an answer that comes after a later one's is old. */
	#reads = 0
	#answered = 0

	constructor(ports: Ports) {
		this.ports = ports
	}

	/** The core, or null when this object has no instance row: then every call answers `unknown`. Reads only. */
	core(): Core | null {
		if (this.#core !== null) return this.#core
		const { sql } = this.ports
		if (!exists(sql)) return null
		if (outdated(sql)) migrate(sql)
		const row = sql.all<{ config: string; read_at: number }>(`SELECT config, read_at FROM instance`)[0]
		if (row === undefined) return null
		// A copy that an earlier version wrote says nothing of what came later.
		const config = JSON.parse(row.config) as WatcherConfig
		this.#core = new Core(
			this.ports,
			{
				...config,
				hooks: config.hooks ?? null,
				signature: config.signature ?? NO_SUCCESSION,
				delivery: config.delivery ?? defaultDelivery(config.vendorType),
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
		const present = this.core()
		if (present !== null) {
			this.arm(present)
			return 'exists'
		}
		const config = await this.ports.loadConfig(instanceId)
		if (config === null) throw new Error(`no row for instance ${instanceId}`)
		// Two calls at once: the other one was faster.
		if (this.core() !== null) return 'exists'
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
		const core = this.core()
		if (core === null) throw new Error('the instance row was not written')
		core.commit(() => {
			core.state.paused = !config.enabled || !config.eventsEnabled
			core.state.nextPollMs = core.state.paused || config.storeless ? null : now
			core.state.pruneMs = now + 3_600_000
			followSubscriptions(core, false)
			core.state.bornVersion = config.version
			// Without events the bell is off: resources begin when it is switched on.
			if (!core.state.paused) beginConnected(core)
		})
		this.arm(core)
		return 'created'
	}

	/** The storage is gone: so is what was remembered of it. */
	forget(): void {
		this.#core = null
	}

	/** Reads the row again and follows what changed. A D1 that cannot be reached leaves the copy as it is. */
	async refresh(core: Core, options: { release?: boolean } = {}): Promise<void> {
		const asked = options.release === true
		const read = ++this.#reads
		let config
		try {
			config = await this.ports.loadConfig(core.config.instanceId)
		} catch (error) {
			this.ports.log('config.unreadable', { instance: core.config.instanceId, ...placeOf(error) })
			return
		}
		if (read < this.#answered) return asked ? this.refresh(core, options) : undefined
		this.#answered = read
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
		if (paused === core.state.paused && !asked && JSON.stringify(config) === JSON.stringify(core.config)) return
		const before = core.config
		// Instead of going on at the old cursors.
		const anew = (config.baselineVersion ?? 0) > (before.baselineVersion ?? 0)
		core.config = config
		core.commit(() => {
			const { state } = core
			this.ports.sql.run(`UPDATE instance SET version = ?, config = ?, read_at = ?`, config.version, JSON.stringify(config), now)
			if (state.paused && !paused) {
				// After a pause the old cursors go on, and everything is read once: what changed meanwhile rings once.
				state.nextPollMs = now
				if (!anew) askReread(core)
			}
			// Webhooks that slept or that lead to another address tell nothing until they are mended.
			if ((state.paused && !paused) || JSON.stringify(before.hooks) !== JSON.stringify(config.hooks)) state.hooks.dueMs = now
			state.paused = paused
			// What is known of another site says nothing of this one. Told by the rows themselves: a lost call must not ring a whole shop.
			if (anew || siteKey(before.connection.home) !== siteKey(config.connection.home)) {
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
			followSubscriptions(core, options.release === true)
			flow(core)
		})
	}

	/** Tells of a change of state that a call has made, which no alarm would tell of soon. Never throws: the next alarm does it otherwise. */
	async tellState(core: Core): Promise<void> {
		try {
			await report(core)
		} catch (error) {
			this.ports.log('report.failed', { instance: core.config.instanceId, ...placeOf(error) })
		}
	}

	/** Reads the row again when the copy is older than a minute. */
	async renew(core: Core): Promise<void> {
		if (this.ports.now() - core.configReadMs > COPY_MS) await this.refresh(core)
	}

	/** What happens when the alarm rings: one slice of work, then everything due is rung, then the alarm is set again. Never throws. */
	async run(): Promise<void> {
		const core = this.core()
		if (core === null) return
		const budget: Budget = { requests: SLICE_REQUESTS, untilMs: this.ports.now() + SLICE_MS }
		try {
			if (core.state.run === null && (core.state.nextPollMs ?? Infinity) <= this.ports.now()) await this.refresh(core)
			if (core.state.full !== this.ports.storedBytes() > FULL_BYTES) core.state.full = !core.state.full
			// What waits for a subscription that takes none is queued in slices, and what a lost memory left is formed.
			if (waits(core)) core.commit(() => flow(core))
			while (!spent(core, budget)) {
				await this.ringDue(core)
				if (!(await this.step(core, budget))) break
			}
		} catch (error) {
			failed(core, error)
		}
		try {
			await this.ringDue(core)
			await report(core)
		} catch (error) {
			this.ports.log('run.unfinished', { instance: core.config.instanceId, ...placeOf(error) })
		}
		try {
			await handOver(core)
			// What was only noted on the way, in one row.
			core.commit(() => undefined)
		} catch (error) {
			this.ports.log('run.unsaved', { instance: core.config.instanceId, ...placeOf(error) })
		} finally {
			this.arm(core)
		}
	}

	/** Does the next thing. False: nothing is due. */
	private async step(core: Core, budget: Budget): Promise<boolean> {
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
		const watched = watchedResources(core)
		const watchedOf = (number: number): Watched | null => watched.find((one) => one.state.number === number) ?? null
		// A hint of a webhook does not wait for a long run, nor a run for many hints: they take turns.
		this.#lookupsTurn = !this.#lookupsTurn
		if (state.run !== null && !(this.#lookupsTurn && (await lookupStep(core, watchedOf, budget)))) return runStep(core, watchedOf, budget)
		if (state.run !== null) return succeeded(core)
		if (await lookupStep(core, watchedOf, budget)) return succeeded(core)
		if (watchdogDue(core)) {
			return (await watchdogStep(core, budget)) ? succeeded(core) : true
		}
		if (await touchedStep(core, watchedOf, budget)) return succeeded(core)
		const usable = watched.filter((one) => isUsable(core, one))
		const search = usable.find((one) => one.state.search !== null)
		if (search !== undefined) return working(core, search, () => searchStep(core, search, budget))
		const baseline = usable.find((one) => one.state.baseline !== null)
		if (baseline !== undefined) return working(core, baseline, () => baselineStep(core, baseline, budget))
		const reread = usable.find((one) => rereadDue(core, one))
		if (reread !== undefined) return working(core, reread, () => rereadStep(core, reread, budget))
		const recent = usable.find((one) => recentDue(core, one))
		if (recent !== undefined) return working(core, recent, () => recentStep(core, recent, budget))
		return false
	}

	/** Rings when something is due and no doorbell is under way. A doorbell that cannot be sent is rung at the next alarm. */
	async ringDue(core: Core): Promise<void> {
		const now = this.ports.now()
		const due = nextDeliveryMs(core)
		if (due === null || due > now || core.state.paused) {
			core.ringWanted = false
			return
		}
		const recently = core.lastRungMs !== null && now - core.lastRungMs < 10_000
		if (recently && !core.ringWanted) return
		if (core.ringWanted && core.lastRungMs !== null && now - core.lastRungMs < 1_000) return
		core.ringWanted = false
		core.lastRungMs = now
		await this.renew(core)
		try {
			await this.ports.ring(core.config.instanceId)
		} catch (error) {
			this.ports.log('doorbell.failed', { instance: core.config.instanceId, ...placeOf(error) })
		}
	}

	/** Sets the alarm to the earliest of all that is due. */
	arm(core: Core): void {
		const { state } = core
		const now = this.ports.now()
		const watched = state.paused ? [] : watchedResources(core)
		const healthy = watched.filter((one) => isUsable(core, one))
		const rereads = healthy.map((one) => nextReread(core, one)).filter((at) => at !== null)
		const polls = [state.nextPollMs, watchdogAt(core), ...rereads].filter((at) => at !== null)
		const lookups = [nextLookupMs(core), nextTouchMs(core)].filter((at) => at !== null)
		const at = nextAlarm(
			{
				paused: state.paused,
				backoffUntilMs: state.backoffUntilMs,
				nextPollMs: state.run === null && polls.length > 0 && !state.full ? Math.min(...polls) : state.full ? now + core.intervalMs : null,
				workWaits:
					!state.full &&
					(state.run !== null ||
						healthy.some(
							(one) => one.state.search !== null || one.state.baseline !== null || rereadDue(core, one) || recentDue(core, one),
						)),
				nextLookupMs: state.full || lookups.length === 0 ? null : Math.min(...lookups),
				nextDeliveryMs: nextDeliveryMs(core),
				lastRungMs: core.lastRungMs,
				pruneMs: this.pruneAt(core),
				announceMs: state.announceMs,
			},
			now,
		)
		const armed = this.ports.armed()
		// Setting it costs a row; a past one cannot be trusted to ring.
		if (at === null) {
			if (armed !== null) this.ports.arm(null)
		} else if (armed === null || armed <= now || armed > at || at - armed > 60_000) this.ports.arm(at)
	}

	/** When to prune: with the next poll, if one comes within an hour of its time, since an alarm of its own costs rows too. */
	private pruneAt(core: Core): number | null {
		const { pruneMs, prunedTo, dropped, nextPollMs, paused } = core.state
		if (pruneMs === null || paused || nextPollMs === null || prunedTo > 0 || dropped.length > 0) return pruneMs
		return Math.max(pruneMs, Math.min(nextPollMs, pruneMs + PRUNE_WITH_MS))
	}

	/** Claims due notifications for a consumer. */
	async claim(limit: number, admission?: Admission): Promise<Known<{ claims: Claim[]; more: boolean; asks: Ask[] }>> {
		const core = this.core()
		if (core === null) return 'unknown'
		await this.renew(core)
		const answer = claim(core, limit, admission)
		// What was let through is parked no longer: its lease, and all else that is due, must wake this object.
		if (admission !== undefined) this.arm(core)
		// The doorbell is answered, and its consumer left nothing that is due: the next one need not wait until this one would be called lost.
		if (!answer.more) core.lastRungMs = null
		return answer
	}

	/** A subscription is not rung before then. */
	async park(subscription: number, untilMs: number): Promise<Known<'ok'>> {
		const core = this.core()
		if (core === null) return 'unknown'
		park(core, subscription, untilMs)
		core.ringWanted = false
		core.lastRungMs = null
		this.arm(core)
		return 'ok'
	}

	/** Settles an attempt; hands back what may be sent next. */
	async settle(
		counter: number,
		attempt: number,
		outcome: Outcome,
		more: boolean,
	): Promise<Known<{ next: Claim[]; retryAtMs: number | null }>> {
		const core = this.core()
		if (core === null) return 'unknown'
		const { retryAtMs } = settle(core, counter, attempt, outcome)
		core.ringWanted = false
		const next = more ? claim(core, 1).claims : []
		this.arm(core)
		return { next, retryAtMs }
	}
}

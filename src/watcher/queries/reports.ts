/** Reports of a watcher: health, metrics, the poller. */
import type { Core, WatchedResource } from '../core/core.ts'
import { getRecordedCount } from '../core/skipped-ids.ts'
import { countHeldDeletions } from '../core/held-table.ts'
import type { ResourceState } from '../core/resource-state.ts'
import { estimateRemainingSeconds, evaluateHealth, type HealthFacts } from './health.ts'
import { getBacklog } from './deliveries.ts'
import { countHeldChanges } from '../outbox/waiting-rows.ts'
import { CALLBACK_ID, getCallbackSubscription } from '../outbox/subscriptions.ts'
import { getWatchedResources } from '../source/resources.ts'
import type { HealthReport, MetricsReport, PollerReport, PollerResourceReport } from '../../rpc/watcher.ts'
import { getNextLookupMs } from '../polling/lookups.ts'
import { getNextRereadMs, isRereadDue } from '../polling/scans.ts'
import { toNoiseReports } from './noise-reports.ts'
import { getCursorMs } from '../polling/windows.ts'
import { toFindingReports } from '../core/findings.ts'
import { toLimitReports } from '../core/resource-limits.ts'
import { getVariationReport } from './variation-reports.ts'
import { findForeignSource } from './webhook-reports.ts'

/** Answers that are refused for longer than this make a resource unreadable, ms. */
const MAX_UNFIT_MS = 5 * 60_000

/** Evaluates health now. */
export function buildHealth(core: Core): HealthReport {
	const { state, config } = core
	const subscription = getCallbackSubscription(core)
	return evaluateHealth({
		enabled: config.enabled,
		eventsEnabled: config.eventsEnabled,
		vendorType: config.vendorType,
		storageFull: state.full,
		nowMs: core.ports.now(),
		storeError: state.trouble,
		retry: getRetry(core),
		resources: state.resources.map((rs) => ({
			objectType: rs.objectType,
			heldSinceMs: rs.heldSinceMs,
			window:
				rs.window !== null &&
				rs.baseline === null &&
				core.ports.now() - (rs.lastPollMs ?? 0) > 2 * core.intervalMs + 60_000,
			held: rs.heldSinceMs === null ? 0 : countHeldDeletions(core, rs.number),
			heldChanges: rs.changesHeldSinceMs == null ? 0 : countHeldChanges(core, rs.number),
			baseline:
				rs.baseline === null
					? null
					: { done: rs.baseline.position.seen, total: rs.baseline.total, startedMs: rs.baseline.startedMs },
			error: isAskedAgain(rs.error, core.ports.now()) ? null : rs.error,
			noise: toNoiseReports(core, rs),
			limits: toLimitReports(rs),
			...(rs.outOfReach !== undefined && { outOfReach: rs.outOfReach.message }),
		})),
		webhooks:
			config.hooks === null || core.element.webhooks === null
				? null
				: {
						degraded: state.hooks.degraded?.reason ?? null,
						action: state.hooks.degraded?.action ?? null,
						checkedMs: state.hooks.checkedMs,
						foreign: findForeignSource(core)?.source ?? null,
						foreignWebhook: findForeignSource(core)?.webhookId ?? null,
						home: config.connection.home,
					},
		callback:
			subscription === null
				? null
				: {
						url: subscription.url,
						active: subscription.active,
						reason: subscription.reason,
						failingSinceMs: subscription.failingSinceMs,
						lastStatus: subscription.lastStatus,
						notSent: subscription.notSent,
					},
		waitingEvents: subscription === null ? 0 : getBacklog(core, CALLBACK_ID).events,
		lastReported: state.reported,
	})
}

/** Whether an answer was refused, and the store is about to be asked what its lists can do: the state stays. */
function isAskedAgain(error: ResourceState['error'], nowMs: number): boolean {
	return error?.kind === 'unfit' && nowMs - (error.listedSinceMs ?? error.atMs) < MAX_UNFIT_MS
}

/** The tries of a store that fails; null: nothing failed since its last answer. */
function getRetry({ state, ports }: Core): HealthFacts['retry'] {
	if (state.failures === 0) return null
	const waitsMs = state.trouble === null ? state.nextPollMs : state.backoffUntilMs
	return {
		tries: state.failures,
		lastTryMs: state.trouble?.lastTryMs ?? null,
		nextTryMs: state.paused || waitsMs === null ? null : Math.max(waitsMs, ports.now()),
	}
}

/** An instance's part of `GET /metrics`. */
export function buildMetrics(core: Core): MetricsReport {
	const { state } = core
	const now = core.ports.now()
	const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000))
	const known = (times: (number | null)[]): number[] => times.filter((time) => time !== null)
	const lags = known(state.resources.map((rs) => rs.lastChangeLagMs))
	const polls = state.paused ? [] : known(state.resources.map((rs) => rs.lastPollMs))
	const { events, sinceMs } = getBacklog(core, null)
	return {
		state: buildHealth(core).state,
		lagSeconds: lags.length === 0 ? null : seconds(Math.max(...lags)),
		unknownLags: state.resources.reduce((sum, rs) => sum + (rs.unknownLags ?? 0), 0),
		pollAgeSeconds: polls.length === 0 ? null : seconds(now - Math.min(...polls)),
		seen: getRecordedCount(state),
		delivered: state.counters.delivered,
		failed: state.counters.dead,
		expired: state.counters.expired,
		backlog: events,
		backlogAgeSeconds: sinceMs === null ? null : seconds(now - sinceMs),
		storeRequests: state.counters.requests,
	}
}

/** The last mass changes of a resource, and how many objects have held ones. */
function getMassChanges(
	core: Core,
	rs: ResourceState,
): Required<Pick<PollerResourceReport, 'massChanges' | 'heldChanges'>> {
	const massChanges = (rs.massChanges ?? []).map(({ fields, objects, atMs }) => ({
		at: new Date(atMs).toISOString(),
		fields,
		objects,
	}))
	return { massChanges, heldChanges: countHeldChanges(core, rs.number) }
}

/** The re-read of a resource: what it has read, and when the next one is due. */
function getRereadReport(core: Core, watched: WatchedResource): PollerResourceReport['reread'] {
	const { resource, state: rs } = watched
	const now = core.ports.now()
	const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
	const running = rs.reread !== null || rs.search !== null || rs.rereadAsked
	return {
		everyHours: resource.modifiedFilter ? (core.config.rereadHours ?? resource.rereadHours) : 0,
		done: rs.reread?.position.seen ?? 0,
		total: rs.listed,
		running: resource.modifiedFilter ? running || isRereadDue(core, watched) : running && rs.rereadAsked,
		last: iso(rs.rereadDoneMs),
		next: iso(getNextRereadMs(core, watched)),
		worstAgeSeconds:
			rs.baselineDoneMs === null ? null : Math.round((now - (rs.rereadBeganMs ?? rs.baselineDoneMs)) / 1000),
	}
}

/** `GET /instances/{id}/poller`. */
export function buildPollerReport(core: Core): PollerReport {
	const { state } = core
	const now = core.ports.now()
	const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
	const watched = getWatchedResources(core)
	return {
		running: state.run !== null,
		pending: core.lookups.count() + core.relatedQueue.size,
		nextLookup: iso(getNextLookupMs(core)),
		lastRun: iso(state.lastRunMs),
		nextRun: state.paused ? null : iso(state.run !== null ? now : state.nextPollMs),
		storeRequests: state.counters.requests,
		backoffUntil: state.backoffUntilMs !== null && state.backoffUntilMs > now ? iso(state.backoffUntilMs) : null,
		resources: watched.map((watchedResource) => {
			const { state: rs } = watchedResource
			const done = rs.baseline === null ? rs.listed : rs.baseline.position.seen
			const variations = getVariationReport(core, rs)
			const total = rs.baseline === null ? rs.listed : Math.max(rs.baseline.total, done)
			return {
				resource: rs.objectType,
				identity: rs.identity,
				cursor: iso(rs.cursorMs === null ? null : getCursorMs(rs)),
				lastPoll: iso(rs.lastPollMs),
				nextPoll: state.paused ? null : iso(state.nextPollMs),
				requests: rs.requests,
				known: rs.listed,
				lagSeconds: rs.lastChangeLagMs === null ? null : Math.round(rs.lastChangeLagMs / 1000),
				unknownLags: rs.unknownLags ?? 0,
				baseline: {
					done,
					total,
					complete: rs.baseline === null,
					estimateSeconds:
						rs.baseline === null ? null : estimateRemainingSeconds(done, total, now - rs.baseline.startedMs),
				},
				reread: getRereadReport(core, watchedResource),
				drift: rs.drift,
				volatile: [...rs.noise],
				...getMassChanges(core, rs),
				...(variations !== null && { variations }),
				datesUnreadable: rs.datesUnreadable,
				error: rs.error === null ? null : { at: new Date(rs.error.atMs).toISOString(), message: rs.error.message },
				noise: toNoiseReports(core, rs),
				limits: toLimitReports(rs),
				findings: toFindingReports(rs),
			}
		}),
		runs: state.runs.map((run) => ({
			at: new Date(run.at).toISOString(),
			requests: run.requests,
			events: run.events,
			note: run.note,
		})),
	}
}

/** What a watcher says of itself: health, the poller's report, the status row. */
import { HOUR_MS } from '../../lib/time.ts'
import { enqueueOperatorEvent } from '../outbox/operator-events.ts'
import type { Core } from '../core/core.ts'
import { estimateRemainingSeconds, evaluateHealth } from './health.ts'
import { getBacklog } from './deliveries.ts'
import { CALLBACK_ID, readCallback } from '../outbox/subscriptions.ts'
import { getWatchedResources } from '../source/resources.ts'
import type { HealthReport, MetricsReport, PollerReport, StatusReport } from '../../rpc/watcher.ts'
import { getNextRereadMs, isRereadDue } from '../polling/scans.ts'
import { getHoursBetween } from '../log/tally.ts'

/** Judges health now. */
export function buildHealth(core: Core): HealthReport {
	const { state, config } = core
	const subscription = readCallback(core.ports.sql)
	return evaluateHealth({
		enabled: config.enabled,
		eventsEnabled: config.eventsEnabled,
		vendorType: config.vendorType,
		storageFull: state.full,
		nowMs: core.ports.now(),
		storeError: state.trouble,
		resources: state.resources.map((rs) => ({
			objectType: rs.objectType,
			heldSinceMs: rs.heldSinceMs,
			window:
				rs.window !== null &&
				rs.baseline === null &&
				core.ports.now() - (rs.lastPollMs ?? 0) > 2 * core.intervalMs + 60_000,
			held:
				rs.heldSinceMs === null
					? 0
					: (core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM held WHERE resource = ?`, rs.number)[0]?.n ??
						0),
			baseline:
				rs.baseline === null
					? null
					: { done: rs.baseline.position.seen, total: rs.baseline.total, startedMs: rs.baseline.startedMs },
			error: rs.error,
		})),
		webhooks:
			config.hooks === null || core.element.webhooks === null
				? null
				: {
						degraded: state.hooks.degraded?.reason ?? null,
						foreign: state.hooks.foreign?.source ?? null,
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
					},
		waitingEvents: subscription === null ? 0 : getBacklog(core, CALLBACK_ID).events,
		lastReported: state.reported,
	})
}

/**
 * Writes the status row when the state changed, at the first event of an hour, and otherwise at most hourly at a minute
 * of the id.
 */
export async function reportStatus(core: Core): Promise<void> {
	const { state, config } = core
	if (!core.kind.watchesStore) return
	const now = core.ports.now()
	const lastReported = state.reported
	const hour = Math.floor(now / HOUR_MS)
	const minute = (config.instanceId % 60) * 60_000
	const hourly =
		lastReported === null || Math.floor((now - minute) / HOUR_MS) > Math.floor((lastReported.atMs - minute) / HOUR_MS)
	const firstOfHour =
		state.lastEventMs !== null && Math.floor(state.lastEventMs / HOUR_MS) === hour && lastReported?.hour !== hour
	if (!hourly && !firstOfHour && !mayBeUnhealthy(core)) return
	const health = buildHealth(core)
	if (!hourly && !firstOfHour && lastReported?.state === health.state) return
	const sinceMs = Date.parse(health.since)
	const counts = new Map<number, number>()
	for (const [at, recorded] of getHoursBetween(core, hour - 23, hour + 1))
		counts.set(at, (counts.get(at) ?? 0) + recorded)
	const row: StatusReport = {
		instanceId: config.instanceId,
		state: health.state,
		reason: health.reason,
		sinceMs,
		aliveAtMs: now,
		lastEventAtMs: state.lastEventMs,
		intervalMs: core.intervalMs,
		events: state.sequence,
		delivered: state.counters.delivered,
		storeRequests: state.counters.requests,
		hours: Array.from({ length: 24 }, (_, index) => counts.get(hour - 23 + index) ?? 0),
	}
	await core.ports.writeStatus(row)
	const reported = {
		atMs: now,
		state: health.state,
		reason: health.reason,
		sinceMs,
		hour: firstOfHour ? hour : (lastReported?.hour ?? -1),
	}
	if (lastReported?.state === health.state || !config.announces) {
		// The commit that ends the slice keeps it; lost, the row is written once more.
		state.reported = reported
		return
	}
	core.commit(() => {
		state.reported = reported
		enqueueOperatorEvent(core, `instance.${health.state}`, health.reason, {
			state: health.state,
			action: health.action,
			since: health.since,
		})
	})
}

/** Whether anything that health is judged from looks other than healthy, or did. */
function mayBeUnhealthy(core: Core): boolean {
	const { state } = core
	return (
		state.reported?.state !== 'healthy' ||
		state.trouble !== null ||
		state.full ||
		state.paused ||
		state.resources.some(
			(rs) => rs.error !== null || rs.heldSinceMs !== null || rs.baseline !== null || rs.window !== null,
		) ||
		readCallback(core.ports.sql)?.failingSinceMs != null
	)
}

/** What `GET /metrics` says of an instance, as it is now. */
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
		pollAgeSeconds: polls.length === 0 ? null : seconds(now - Math.min(...polls)),
		seen: state.sequence,
		delivered: state.counters.delivered,
		failed: state.counters.dead,
		expired: state.counters.expired,
		backlog: events,
		backlogAgeSeconds: sinceMs === null ? null : seconds(now - sinceMs),
		storeRequests: state.counters.requests,
	}
}

/** `GET /instances/{id}/poller`. */
export function buildPollerReport(core: Core): PollerReport {
	const { state, config } = core
	const now = core.ports.now()
	const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
	const watched = getWatchedResources(core)
	return {
		running: state.run !== null,
		pending: core.lookups.count() + core.relatedQueue.size,
		nextLookup: iso(core.lookups.nextDueMs()),
		lastRun: iso(state.lastRunMs),
		nextRun: state.paused ? null : iso(state.run !== null ? now : state.nextPollMs),
		storeRequests: state.counters.requests,
		backoffUntil: state.backoffUntilMs !== null && state.backoffUntilMs > now ? iso(state.backoffUntilMs) : null,
		resources: watched.map((watchedResource) => {
			const { state: rs, resource } = watchedResource
			const done = rs.baseline === null ? rs.listed : rs.baseline.position.seen
			const total = rs.baseline === null ? rs.listed : Math.max(rs.baseline.total, done)
			const running = rs.reread !== null || rs.search !== null || rs.rereadAsked
			return {
				resource: rs.objectType,
				identity: rs.identity,
				cursor: iso(rs.cursorMs),
				lastPoll: iso(rs.lastPollMs),
				nextPoll: state.paused ? null : iso(state.nextPollMs),
				requests: rs.requests,
				known: rs.listed,
				lagSeconds: rs.lastChangeLagMs === null ? null : Math.round(rs.lastChangeLagMs / 1000),
				baseline: {
					done,
					total,
					complete: rs.baseline === null,
					estimateSeconds:
						rs.baseline === null ? null : estimateRemainingSeconds(done, total, now - rs.baseline.startedMs),
				},
				reread: {
					everyHours: resource.modifiedFilter ? (config.rereadHours ?? resource.rereadHours) : 0,
					done: rs.reread?.position.seen ?? 0,
					total: rs.listed,
					running: resource.modifiedFilter ? running || isRereadDue(core, watchedResource) : running && rs.rereadAsked,
					last: iso(rs.rereadDoneMs),
					next: iso(getNextRereadMs(core, watchedResource)),
					worstAgeSeconds:
						rs.baselineDoneMs === null ? null : Math.round((now - (rs.rereadBeganMs ?? rs.baselineDoneMs)) / 1000),
				},
				drift: rs.drift,
				volatile: rs.volatile,
				datesUnreadable: rs.datesUnreadable,
				error: rs.error === null ? null : { at: new Date(rs.error.atMs).toISOString(), message: rs.error.message },
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

/** The status row of an instance in D1: when it is written, and what it tells (docs/storage.md, D1). */
import { HOUR_MS, MINUTE_MS } from '../../lib/time.ts'
import { countRecoveredChanges } from '../changes/missed-webhooks.ts'
import type { Core } from '../core/core.ts'
import { countHeldDeletions } from '../core/held-table.ts'
import { getRecordedCount } from '../core/skipped-ids.ts'
import { getHoursBetween } from '../log/tally.ts'
import { enqueueOperatorEvent } from '../outbox/operator-events.ts'
import { CALLBACK_ID, getCallbackSubscription } from '../outbox/subscriptions.ts'
import { getUnsettledRows } from '../outbox/unsettled.ts'
import { countHeldChanges } from '../outbox/waiting-rows.ts'
import type { ActivityReport, HealthReport, InstanceState, StatusReport } from '../../rpc/watcher.ts'
import { getBacklog, hasBacklog } from './deliveries.ts'
import { buildHealth } from './reports.ts'

/** While something happens, the row is written this often at most, ms. */
const ACTIVITY_INTERVAL_MS = 5 * MINUTE_MS
/** Events that wait for less than this are on their way, ms. */
export const WAITING_AFTER_MS = 30_000
/** Pause after a row that could not be written, ms. */
const RETRY_DELAY_MS = MINUTE_MS

/** What decides when activity is reported. Times epoch ms. */
export interface ActivityFacts {
	nowMs: number
	/** The last row; null: none was written yet, or by an earlier version, so that the hourly one comes first. */
	reported: { atMs: number; isCurrent: boolean; waiting: number } | null
	/** Since when the oldest notification on its way has waited; null: none is. */
	unsettledSinceMs: number | null
	/** Whether any event waits, on its way or not. */
	hasBacklog: boolean
	/** When changes whose webhook is overdue are counted; null: there are none. */
	recoveredMs: number | null
}

/**
 * When the row must be written because of what happened since the last one, epoch ms; null: nothing did. When waiting
 * begins or ends, at once; otherwise five minutes after the last row.
 */
export function getActivityReportMs(facts: ActivityFacts): number | null {
	const { nowMs, reported, unsettledSinceMs } = facts
	if (reported === null) return null
	const waitsFromMs = unsettledSinceMs === null ? null : unsettledSinceMs + WAITING_AFTER_MS
	const times: number[] = []
	if (reported.waiting === 0 && waitsFromMs !== null && waitsFromMs > reported.atMs) times.push(waitsFromMs)
	if (reported.waiting > 0 && !reported.isCurrent && !facts.hasBacklog) times.push(nowMs)
	if (!reported.isCurrent) times.push(reported.atMs + ACTIVITY_INTERVAL_MS)
	if (facts.recoveredMs !== null) times.push(facts.recoveredMs)
	return times.length === 0 ? null : Math.min(...times)
}

/** When the alarm must write the status row, epoch ms; null: nothing is to be told. */
export function getStatusAlarmMs(core: Core): number | null {
	if (!core.kind.watchesStore) return null
	const dueMs = getActivityReportMs(getActivityFacts(core))
	return dueMs === null ? null : Math.max(dueMs, (core.statusFailedMs ?? -Infinity) + RETRY_DELAY_MS)
}

function getActivityFacts(core: Core): ActivityFacts {
	const { state, ports } = core
	const { reported } = state
	const isKnown = reported?.activity !== undefined
	const isCurrent = isKnown && reported.activity === getActivityKey(core)
	const waiting = reported?.waiting ?? 0
	return {
		nowMs: ports.now(),
		reported: isKnown ? { atMs: reported.atMs, isCurrent, waiting } : null,
		unsettledSinceMs: state.unsettled.length === 0 ? null : (getUnsettledRows(core)[0]?.created ?? null),
		// Looked up only where it decides.
		hasBacklog: waiting > 0 && !isCurrent && hasBacklog(core),
		recoveredMs: state.hooks.uncounted?.dueMs ?? null,
	}
}

/** What changes when something happens that the row tells: from memory, since every alarm asks. */
function getActivityKey({ state }: Core): string {
	const { counters } = state
	return [
		state.sequence,
		counters.delivered,
		counters.dead,
		counters.expired,
		state.resend,
		state.resending,
		state.activity.reduce((sum, [, , , , , , recovered]) => sum + recovered, 0),
		...state.resources.flatMap((rs) => (rs.baseline === null ? [] : [rs.baseline.position.seen])),
	].join()
}

/**
 * Writes the status row if the state changed, at the first event of an hour, for what happened (`getActivityReportMs`),
 * and otherwise at most once an hour, at a minute that depends on the id.
 */
export async function reportStatus(core: Core): Promise<void> {
	const { state, config } = core
	if (!core.kind.watchesStore) return
	countRecoveredChanges(core)
	const now = core.ports.now()
	const lastReported = state.reported
	const isFirstOfHour = isFirstEventOfHour(core, now)
	const isDue = isFirstOfHour || isHourlyReportDue(core, now) || (getStatusAlarmMs(core) ?? Infinity) <= now
	if (!isDue && !mayBeUnhealthy(core)) return
	const health = buildHealth(core)
	if (!isDue && lastReported?.state === health.state) return
	const report = toStatusReport(core, health, now)
	const activity = getActivityKey(core)
	core.statusFailedMs = now
	await core.ports.writeStatus(report)
	core.statusFailedMs = null
	const reported = {
		atMs: now,
		state: health.state,
		reason: health.reason,
		sinceMs: Date.parse(health.since),
		hour: isFirstOfHour ? Math.floor(now / HOUR_MS) : (lastReported?.hour ?? -1),
		activity,
		waiting: report.activity.waiting,
	}
	if (lastReported?.state === health.state || !config.announces) {
		// The slice's last commit saves it. If it is lost, the row is written again.
		state.reported = reported
		return
	}
	core.commit((tx) => {
		state.reported = reported
		enqueueOperatorEvent(tx, core, `instance.${health.state}`, health.reason, {
			state: health.state,
			action: health.action,
			since: health.since,
		})
	})
}

/** Whether the instance's minute of an hour has passed since the last report. */
function isHourlyReportDue({ state, config }: Core, now: number): boolean {
	const minute = (config.instanceId % 60) * 60_000
	const toHour = (ms: number): number => Math.floor((ms - minute) / HOUR_MS)
	return state.reported === null || toHour(now) > toHour(state.reported.atMs)
}

/** Whether this hour had events and none of them is reported. */
function isFirstEventOfHour({ state }: Core, now: number): boolean {
	const hour = Math.floor(now / HOUR_MS)
	return state.lastEventMs !== null && Math.floor(state.lastEventMs / HOUR_MS) === hour && state.reported?.hour !== hour
}

function toStatusReport(core: Core, health: HealthReport, now: number): StatusReport & { activity: ActivityReport } {
	const { state, config } = core
	const hour = Math.floor(now / HOUR_MS)
	const counts = new Map<number, number>()
	for (const [at, recorded] of getHoursBetween(core, hour - 23, hour + 1))
		counts.set(at, (counts.get(at) ?? 0) + recorded)
	return {
		instanceId: config.instanceId,
		incarnation: config.incarnation,
		state: health.state,
		reason: health.reason,
		sinceMs: Date.parse(health.since),
		aliveAtMs: now,
		lastEventAtMs: state.lastEventMs,
		intervalMs: core.intervalMs,
		events: getRecordedCount(state),
		delivered: state.counters.delivered,
		storeRequests: state.counters.requests,
		hours: Array.from({ length: 24 }, (_, index) => counts.get(hour - 23 + index) ?? 0),
		activity: buildActivity(core, health.state, now),
	}
}

/** What people look at across instances. */
function buildActivity(core: Core, healthState: InstanceState, now: number): ActivityReport {
	const { state } = core
	const { events, sinceMs } = getBacklog(core, null)
	// Nothing is on its way to a deactivated callback.
	const isStopped = healthState === 'deactivated'
	const isWaiting = sinceMs !== null && (isStopped || sinceMs + WAITING_AFTER_MS <= now)
	const callback = getCallbackSubscription(core)
	return {
		hours: state.activity,
		waiting: isWaiting ? events : 0,
		waitingSinceMs: isWaiting ? sinceMs : null,
		callbackWaiting: callback === null || !isWaiting ? 0 : getBacklog(core, CALLBACK_ID).events,
		failingSinceMs: callback?.failingSinceMs ?? null,
		held: state.resources
			.filter((rs) => rs.heldSinceMs !== null || rs.changesHeldSinceMs != null)
			.map((rs) => ({
				resource: rs.objectType,
				deletions: rs.heldSinceMs === null ? 0 : countHeldDeletions(core, rs.number),
				changes: rs.changesHeldSinceMs == null ? 0 : countHeldChanges(core, rs.number),
			})),
		progress: getProgress(core, healthState),
	}
}

/** What was read of the resources that connect or, after a pause, are read again. */
function getProgress({ state }: Core, healthState: InstanceState): ActivityReport['progress'] {
	const scans = state.resources.flatMap((rs) => {
		if (healthState === 'connecting' && rs.baseline !== null)
			return [{ done: rs.baseline.position.seen, total: rs.baseline.total }]
		if (healthState === 'catching-up' && rs.reread !== null)
			return [{ done: rs.reread.position.seen, total: rs.listed }]
		return []
	})
	if (scans.length === 0) return null
	const done = scans.reduce((sum, scan) => sum + scan.done, 0)
	return {
		done,
		total: Math.max(
			done,
			scans.reduce((sum, scan) => sum + scan.total, 0),
		),
	}
}

/** Whether the state may be other than healthy now, or was so in the last report. */
function mayBeUnhealthy(core: Core): boolean {
	const { state } = core
	return (
		state.reported?.state !== 'healthy' ||
		state.trouble !== null ||
		state.full ||
		state.paused ||
		state.resources.some(
			(rs) =>
				rs.error !== null ||
				rs.heldSinceMs !== null ||
				rs.changesHeldSinceMs != null ||
				rs.baseline !== null ||
				rs.window !== null,
		) ||
		getCallbackSubscription(core)?.failingSinceMs != null
	)
}

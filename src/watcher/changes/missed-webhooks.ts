/**
 * Missed webhooks: a poll was the first to see a change of a resource that has webhooks, and no webhook reports it
 * (docs/architecture.md, Webhooks).
 */
import { addActivity } from '../../events/activity.ts'
import { HOUR_MS } from '../../lib/time.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { findLowerBound } from '../log/lower-bound.ts'
import { getWatchedResources } from '../source/resources.ts'

/** A change that a poll saw first counts as *recovered* when no webhook has arrived for it after this long. */
export const WEBHOOK_OVERDUE_MS = 15 * 60_000

/** Expects the webhook of a change that a poll saw first. */
export function expectWebhook(_tx: Tx, core: Core, watched: WatchedResource, sequence: number): void {
	const { hooks } = core.state
	if (core.config.hooks === null || !hasWebhookTopics(core, watched)) return
	const expected = { sequence, dueMs: core.ports.now() + WEBHOOK_OVERDUE_MS }
	hooks.suspect ??= expected
	hooks.uncounted ??= expected
}

/**
 * Counts the changes whose webhook has been overdue since the last time, by the hour in which a poll found them. The
 * slice's last commit saves it; what is lost until then is counted again.
 */
export function countRecoveredChanges(core: Core): void {
	const { state, ports } = core
	const { hooks } = state
	const now = ports.now()
	if (hooks.uncounted === null || hooks.uncounted.dueMs > now) return
	const end = findLowerBound(ports.sql, 'events', now - WEBHOOK_OVERDUE_MS)
	for (const { hour, n } of readMissed(core, hooks.uncounted.sequence, end))
		state.activity = addActivity(state.activity, { recovered: n }, hour * HOUR_MS, now)
	// Later changes are counted together.
	hooks.uncounted = end <= state.sequence ? { sequence: end, dueMs: now + WEBHOOK_OVERDUE_MS } : null
}

/** How many changes no webhook reported, of events from a sequence up to another one, by hour. */
function readMissed(core: Core, first: number, end: number): { hour: number; n: number }[] {
	return core.ports.sql.all<{ hour: number; n: number }>(
		`SELECT recorded / ${HOUR_MS} AS hour, count(*) AS n FROM events
		WHERE sequence >= ? AND sequence < ? AND source <> 'webhook' AND resource IN (SELECT value FROM json_each(?))
			AND confirmed IS NULL GROUP BY 1`,
		first,
		end,
		JSON.stringify(getCoveredResources(core)),
	)
}

/** The numbers of the watched resources that have webhooks. */
export function getCoveredResources(core: Core): number[] {
	return getWatchedResources(core)
		.filter((watched) => hasWebhookTopics(core, watched))
		.map((watched) => watched.state.number)
}

/** Whether the instance has webhooks for a resource. */
export function hasWebhookTopics(core: Core, watched: WatchedResource): boolean {
	return core.config.hooks !== null && (core.element.webhooks?.topicsFor(watched.resource.path).length ?? 0) > 0
}

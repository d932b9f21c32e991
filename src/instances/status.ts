/**
 * The status row of an instance in D1, written by its Durable Object (docs/storage.md, D1) and queried across
 * instances.
 */
import { HOUR_MS } from '../lib/time.ts'
import type { Env } from '../context.ts'
import { withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import type { StatusReport } from '../rpc/watcher.ts'

/**
 * Writes a status. An instance that has no row, or whose id is another one's, gets no status row, because nothing would
 * remove it.
 */
export async function writeStatus(env: Pick<Env, 'DB'>, report: StatusReport): Promise<void> {
	await env.DB.prepare(
		`INSERT INTO instance_status (instance_id, organization_id, state, reason, since_ms, alive_at_ms,
			last_event_at_ms, interval_ms, events, delivered, store_requests, hours, activity)
		SELECT id, organization_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM instances WHERE id = ?1
		AND state <> 'deleted' AND incarnation IN (?13, ?14)
		ON CONFLICT (instance_id) DO UPDATE SET
			state = excluded.state, reason = excluded.reason, since_ms = excluded.since_ms,
			alive_at_ms = excluded.alive_at_ms, last_event_at_ms = excluded.last_event_at_ms,
			interval_ms = excluded.interval_ms, events = excluded.events, delivered = excluded.delivered,
			store_requests = excluded.store_requests, hours = excluded.hours,
			activity = excluded.activity`,
	)
		.bind(
			report.instanceId,
			report.state,
			report.reason,
			report.sinceMs,
			report.aliveAtMs,
			report.lastEventAtMs,
			report.intervalMs,
			report.events,
			report.delivered,
			report.storeRequests,
			JSON.stringify(report.hours),
			report.activity === undefined ? null : JSON.stringify(report.activity),
			report.incarnation,
			// As an earlier version wrote the row of such an instance.
			report.incarnation === String(report.instanceId) ? '' : report.incarnation,
		)
		.run()
}

/**
 * A status row may be this much older than the newest event: it is written at the first event of an hour, then at most
 * once an hour.
 */
const STATUS_LAG_MS = 2 * HOUR_MS

/** Filters of a call across instances. */
interface EventScope {
	/** The newest event is not older than this; epoch ms. */
	fromMs: number
	/** null: any. */
	instanceIds: readonly number[] | null
	/** Instances with all of these tags; empty: any. */
	tags: readonly string[]
	/** Part of the name or of the element's key, in any case; empty: any. */
	searchText: string
}

/** Instances of an organization whose newest event may be at or after `fromMs`, at most `limit`, newest first. */
export async function listInstancesWithEvents(
	db: D1Database,
	organizationId: number,
	scope: EventScope,
	limit: number,
): Promise<ObjectRef[]> {
	const { results } = await db
		.prepare(
			`SELECT i.id, i.incarnation FROM instance_status AS s JOIN instances AS i ON i.id = s.instance_id
				AND i.state = 'ready' AND i.organization_id = ?1
			WHERE s.organization_id = ?1 AND s.last_event_at_ms >= ?2
			AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS wanted WHERE wanted.value NOT IN (SELECT value
			FROM json_each(i.tags)))
			AND (?4 IS NULL OR i.id IN (SELECT value FROM json_each(?4)))
			AND (?5 = '' OR instr(lower(i.name), lower(?5)) > 0 OR instr(i.element_key, lower(?5)) > 0)
			ORDER BY s.last_event_at_ms DESC LIMIT ?6`,
		)
		.bind(
			organizationId,
			scope.fromMs - STATUS_LAG_MS,
			JSON.stringify(scope.tags),
			scope.instanceIds === null ? null : JSON.stringify(scope.instanceIds),
			scope.searchText,
			limit,
		)
		.all<ObjectRef>()
	return results.map(withIncarnation)
}

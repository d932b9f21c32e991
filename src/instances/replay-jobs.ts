/**
 * Replays across instances: jobs in D1, each of which starts a replay in every instance of its scope
 * (docs/architecture.md, Event log). `replay-runner.ts` runs them.
 */
import { auditStatement, type Actor } from '../accounts/audit.ts'
import { withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { LIMITS } from '../lib/limits.ts'
import { refused, type Result } from '../lib/result.ts'
import type { ReplayQuery } from '../rpc/delivery.ts'
import { nextSequenceNumber } from './rows.ts'

/** The instances of a job. */
export interface ReplayScope {
	/** null: any. */
	instanceIds: number[] | null
	/** Instances with all of these tags; empty: any. */
	tags: string[]
	/** Part of the name or of the element's key, in any case; empty: any. */
	searchText: string
}

/** A job as the API shows it. Times epoch ms. */
export interface ReplayJobReport {
	id: number
	state: 'running' | 'cancelling' | 'done' | 'cancelled'
	/** Whether every instance was asked. */
	walked: boolean
	/** Numbers of instances: asked, with something to send, and failed. */
	asked: number
	sending: number
	skipped: number
	/**
	 * Numbers of notifications: all, those not sent yet according to the last check, and those that ended without being
	 * accepted.
	 */
	total: number
	left: number
	failed: number
	createdMs: number
	endedMs: number | null
}

/** Maximum running jobs of an organization, and maximum jobs in a list. */
export const MAX_REPLAY_JOBS = LIMITS.replayJobs.value
const MAX_LISTED_JOBS = 50
/** SQL: ready instances of an organization (`?1`) within a scope (`?2` ids or null, `?3` tags, `?4` text). */
const SCOPE_SQL = `organization_id = ?1 AND state = 'ready' AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))
	AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS wanted WHERE wanted.value NOT IN (SELECT value FROM json_each(tags)))
	AND (?4 = '' OR instr(lower(name), lower(?4)) > 0 OR instr(element_key, lower(?4)) > 0)`

function toScopeValues(
	organizationId: number,
	{ instanceIds, tags, searchText }: ReplayScope,
): [number, string | null, string, string] {
	return [organizationId, instanceIds === null ? null : JSON.stringify(instanceIds), JSON.stringify(tags), searchText]
}

/** Instances of a scope with their switches, above an id, at most `limit`. */
export async function listInstancesInScope(
	db: D1Database,
	organizationId: number,
	scope: ReplayScope,
	afterId: number,
	limit: number,
): Promise<(ObjectRef & { enabled: number; events: number })[]> {
	const { results } = await db
		.prepare(
			`SELECT id, incarnation, enabled, events_enabled AS events FROM instances
			WHERE ${SCOPE_SQL} AND id > ?5 ORDER BY id LIMIT ?6`,
		)
		.bind(...toScopeValues(organizationId, scope), afterId, limit)
		.all<ObjectRef & { enabled: number; events: number }>()
	return results.map(withIncarnation)
}

/** Creates a job. `too-many`: `MAX_REPLAY_JOBS` of the organization are running. */
export async function createReplayJob(
	db: D1Database,
	actor: Actor & { userId: number },
	input: { query: ReplayQuery; by: string; reach: ReplayScope },
	nowMs: number,
): Promise<Result<{ id: number }, 'too-many'>> {
	const id = await nextSequenceNumber(db, 'replay')
	const { organizationId, userId } = actor
	const [inserted] = await db.batch([
		// Counted in the INSERT, because another request may insert at the same time.
		db
			.prepare(
				`INSERT INTO replay_jobs (id, organization_id, user_id, state, query, reach, after_id, walked, asked, lease_ms,
					created_ms)
				SELECT ?1, ?2, ?3, 'running', ?4, ?5, 0, 0, 0, 0, ?6 WHERE (SELECT count(*) FROM replay_jobs
				WHERE organization_id = ?2 AND ended_ms IS NULL) < ?7`,
			)
			.bind(
				id,
				organizationId,
				userId,
				JSON.stringify(input.query),
				JSON.stringify(input.reach),
				nowMs,
				MAX_REPLAY_JOBS,
			),
		auditStatement(
			db,
			actor,
			{
				action: 'organization.replay',
				objectType: 'organization',
				objectId: organizationId,
				detail: { job: id, by: input.by },
			},
			nowMs,
			'changes() > 0',
		),
	])
	return inserted!.meta.changes > 0 ? { ok: true, id } : refused('too-many')
}

/** Jobs of an organization, newest first, or one of them. */
export async function listReplayJobs(
	db: D1Database,
	organizationId: number,
	id: number | null = null,
): Promise<ReplayJobReport[]> {
	const { results } = await db
		.prepare(
			`SELECT j.id, j.state, j.walked, j.asked, j.created_ms AS createdMs, j.ended_ms AS endedMs,
				coalesce(sum(p.state <> 'skipped' AND p.total > 0), 0) AS sending, coalesce(sum(p.state = 'skipped'), 0) AS skipped,
			coalesce(sum(p.total), 0) AS total, coalesce(sum(p.left_over), 0) AS left, coalesce(sum(p.failed), 0) AS failed
			FROM replay_jobs AS j LEFT JOIN replay_parts AS p ON p.job_id = j.id
			WHERE j.organization_id = ?1 AND (?2 IS NULL OR j.id = ?2) GROUP BY j.id ORDER BY j.id DESC LIMIT ?3`,
		)
		.bind(organizationId, id, MAX_LISTED_JOBS)
		.all<Omit<ReplayJobReport, 'walked'> & { walked: number }>()
	return results.map((row) => ({ ...row, walked: row.walked === 1 }))
}

/**
 * Requests that a job ends; its runner cancels the replays that it has started. A job that has ended does not change.
 */
export async function cancelReplayJob(db: D1Database, actor: Actor, id: number, nowMs: number): Promise<void> {
	await db.batch([
		db
			.prepare("UPDATE replay_jobs SET state = 'cancelling' WHERE id = ? AND organization_id = ? AND state = 'running'")
			.bind(id, actor.organizationId),
		auditStatement(
			db,
			actor,
			{
				action: 'organization.replay.cancel',
				objectType: 'organization',
				objectId: actor.organizationId,
				detail: { job: id },
			},
			nowMs,
			'changes() > 0',
		),
	])
}

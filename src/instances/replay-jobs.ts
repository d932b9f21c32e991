/**
 * Replays across instances: a job in D1 that walks an organization's instances one by one and begins a replay in each
 * (docs/architecture.md, Reading the log). Requests and the cron drive it, in bounded steps, one driver at a time. Each
 * step may be cut off: the walk is noted after the instances were asked, and an object that is asked again by the same
 * job answers with the replay that it has begun.
 */
import { DAY_MS } from '../lib/time.ts'
import { auditStatement, type Actor } from '../accounts/audit.ts'
import { LIMITS } from '../lib/limits.ts'
import { logError } from '../lib/log.ts'
import type { ReplayQuery } from '../rpc/delivery.ts'
import { nextSequenceNumber } from './records.ts'
import type { Services } from './services.ts'

/** Which instances a job is about. */
export interface ReplayScope {
	/** null: any. */
	instanceIds: number[] | null
	/** All of these; empty: any. */
	tags: string[]
	/** Part of the name or the element's key, in any case; empty: any. */
	searchText: string
}

/** A job as it is shown. Times epoch ms. */
export interface ReplayJobReport {
	id: number
	state: 'running' | 'cancelling' | 'done' | 'cancelled'
	/** Every instance was asked. */
	walked: boolean
	/** Instances asked, those with something to send, and those that could not be. */
	asked: number
	sending: number
	skipped: number
	/** Notifications: all, not sent yet as last seen, ended without having been accepted. */
	total: number
	left: number
	failed: number
	createdMs: number
	endedMs: number | null
}

/** A job's row, as far as driving it needs. */
interface ReplayJob {
	id: number
	organization_id: number
	state: 'running' | 'cancelling'
	query: string
	reach: string
	after_id: number
	walked: number
}

interface ReplayPart {
	instance_id: number
	state: 'waiting' | 'running' | 'done' | 'cancelled' | 'skipped'
	replay_id: number | null
	total: number
	left_over: number
	failed: number
	reason: string | null
}

/** Jobs of an organization that run at a time, and those that a list shows. */
export const MAX_REPLAY_JOBS = LIMITS.replayJobs.value
const MAX_LISTED_JOBS = 50
/** Instances of a step: as many as an invocation has connections. */
const STEP_SIZE = 6
/** A driver that does not come back in this time is taken for lost. */
const LEASE_MS = 60_000
/** Jobs that the cron drives a round: each step asks its instances and D1. */
const MAX_JOBS_PER_ROUND = 5
/** Jobs that ended are kept so long. */
const JOB_RETENTION_MS = 30 * DAY_MS

/** SQL: ready instances of an organization (`?1`) within a reach (`?2` ids or null, `?3` tags, `?4` text). */
const SCOPE_SQL = `organization_id = ?1 AND state = 'ready' AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))
	AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS wanted WHERE wanted.value NOT IN (SELECT value FROM json_each(tags)))
	AND (?4 = '' OR instr(lower(name), lower(?4)) > 0 OR instr(element_key, lower(?4)) > 0)`

function toScopeValues(
	organizationId: number,
	{ instanceIds, tags, searchText }: ReplayScope,
): [number, string | null, string, string] {
	return [organizationId, instanceIds === null ? null : JSON.stringify(instanceIds), JSON.stringify(tags), searchText]
}

/** Instances of a reach with their switches, above an id, at most `limit`. */
export async function listInstancesInScope(
	db: D1Database,
	organizationId: number,
	scope: ReplayScope,
	afterId: number,
	limit: number,
): Promise<{ id: number; enabled: number; events: number }[]> {
	const { results } = await db
		.prepare(
			`SELECT id, enabled, events_enabled AS events FROM instances WHERE ${SCOPE_SQL} AND id > ?5 ORDER BY id LIMIT ?6`,
		)
		.bind(...toScopeValues(organizationId, scope), afterId, limit)
		.all<{ id: number; enabled: number; events: number }>()
	return results
}

/** Makes a job. `too-many`: `MOST_JOBS` of the organization's run. */
export async function createReplayJob(
	db: D1Database,
	actor: Actor & { userId: number },
	input: { query: ReplayQuery; by: string; reach: ReplayScope },
	nowMs: number,
): Promise<number | 'too-many'> {
	const id = await nextSequenceNumber(db, 'replay')
	const { organizationId, userId } = actor
	const [inserted] = await db.batch([
		// Counted in the statement that inserts: another request may be as fast.
		db
			.prepare(
				`INSERT INTO replay_jobs (id, organization_id, user_id, state, query, reach, after_id, walked, asked, lease_ms, created_ms)
				SELECT ?1, ?2, ?3, 'running', ?4, ?5, 0, 0, 0, 0, ?6 WHERE (SELECT count(*) FROM replay_jobs WHERE organization_id = ?2 AND ended_ms IS NULL) < ?7`,
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
	return inserted!.meta.changes > 0 ? id : 'too-many'
}

/** Jobs of an organization, newest first; or one of them. */
export async function listReplayJobs(
	db: D1Database,
	organizationId: number,
	id: number | null = null,
): Promise<ReplayJobReport[]> {
	const { results } = await db
		.prepare(
			`SELECT j.id, j.state, j.walked, j.asked, j.created_ms AS createdMs, j.ended_ms AS endedMs, coalesce(sum(p.state <> 'skipped' AND p.total > 0), 0) AS sending, coalesce(sum(p.state = 'skipped'), 0) AS skipped,
			coalesce(sum(p.total), 0) AS total, coalesce(sum(p.left_over), 0) AS left, coalesce(sum(p.failed), 0) AS failed
			FROM replay_jobs AS j LEFT JOIN replay_parts AS p ON p.job_id = j.id
			WHERE j.organization_id = ?1 AND (?2 IS NULL OR j.id = ?2) GROUP BY j.id ORDER BY j.id DESC LIMIT ?3`,
		)
		.bind(organizationId, id, MAX_LISTED_JOBS)
		.all<Omit<ReplayJobReport, 'walked'> & { walked: number }>()
	return results.map((row) => ({ ...row, walked: row.walked === 1 }))
}

/** Wants a job to end; what it has begun is cancelled by who drives it. One that has ended stays as it is. */
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

/** Drives jobs that nobody drives, some steps each, and forgets those that ended long ago. For the cron. */
export async function runReplayJobs(services: Services, steps: number): Promise<void> {
	const { DB } = services.env
	const nowMs = services.now()
	const old = `SELECT id FROM replay_jobs WHERE ended_ms < ? ORDER BY id LIMIT 20`
	await DB.batch([
		DB.prepare(`DELETE FROM replay_parts WHERE job_id IN (${old})`).bind(nowMs - JOB_RETENTION_MS),
		DB.prepare(`DELETE FROM replay_jobs WHERE id IN (${old})`).bind(nowMs - JOB_RETENTION_MS),
	])
	const { results } = await DB.prepare(
		'SELECT id FROM replay_jobs WHERE ended_ms IS NULL AND lease_ms < ? ORDER BY lease_ms LIMIT ?',
	)
		.bind(nowMs, MAX_JOBS_PER_ROUND)
		.all<{ id: number }>()
	for (const { id } of results) {
		try {
			await runReplayJob(services, id, steps)
		} catch (error) {
			logError('replay-job.failed', error, { job: id })
		}
	}
}

/** Drives one job for some steps, unless somebody else does. */
export async function runReplayJob(services: Services, id: number, steps: number): Promise<void> {
	const { DB } = services.env
	let lease = services.now() + LEASE_MS
	const taken = await DB.prepare(
		'UPDATE replay_jobs SET lease_ms = ?1 WHERE id = ?2 AND ended_ms IS NULL AND lease_ms < ?3',
	)
		.bind(lease, id, services.now())
		.run()
	if (taken.meta.changes === 0) return
	// Parts that are under way are looked at once a drive: their end is waited for by nobody.
	let lastCheckedId = 0
	for (let step = 0; step < steps; step++) {
		// Read anew: it may have been cancelled, or taken over from a driver that was too slow.
		const job = await DB.prepare(
			'SELECT id, organization_id, state, query, reach, after_id, walked FROM replay_jobs WHERE id = ? AND lease_ms = ? AND ended_ms IS NULL',
		)
			.bind(id, lease)
			.first<ReplayJob>()
		if (job === null) return
		const next =
			job.state === 'cancelling'
				? await runCancelStep(services, job)
				: job.walked === 0
					? await runWalkStep(services, job)
					: await runCheckStep(services, job, lastCheckedId)
		if (next === 'ended') return
		if (next !== 'more') lastCheckedId = next
		if (lastCheckedId === Number.POSITIVE_INFINITY) break
		const renewed = Math.max(lease + 1, services.now() + LEASE_MS)
		await DB.prepare('UPDATE replay_jobs SET lease_ms = ? WHERE id = ? AND lease_ms = ?').bind(renewed, id, lease).run()
		lease = renewed
	}
	// Whoever comes next need not wait; the round begins with those that were left alone longest.
	await DB.prepare('UPDATE replay_jobs SET lease_ms = ? WHERE id = ? AND lease_ms = ?')
		.bind(services.now() - 1, id, lease)
		.run()
}

/** Asks the next instances. */
async function runWalkStep(services: Services, job: ReplayJob): Promise<'more'> {
	const { DB } = services.env
	const next = await listInstancesInScope(
		DB,
		job.organization_id,
		JSON.parse(job.reach) as ReplayScope,
		job.after_id,
		STEP_SIZE,
	)
	const parts = await Promise.all(
		next.map(async ({ id, enabled, events }): Promise<ReplayPart | null> => {
			if (enabled === 0) return toSkippedPart(id, 'It is disabled and delivers nothing')
			if (events === 0) return toSkippedPart(id, 'It has no events')
			return await startPart(services, job, id)
		}),
	)
	await DB.batch([
		...parts.flatMap((part) => (part === null ? [] : [savePartStatement(DB, job, part)])),
		DB.prepare(
			'UPDATE replay_jobs SET after_id = ?1, asked = asked + ?2, walked = ?3 WHERE id = ?4 AND after_id = ?5 AND walked = 0',
		).bind(next.at(-1)?.id ?? job.after_id, next.length, next.length < STEP_SIZE ? 1 : 0, job.id, job.after_id),
	])
	return 'more'
}

/** Looks at the next parts that have not ended; where that was all, the job has ended if they have. */
async function runCheckStep(services: Services, job: ReplayJob, after: number): Promise<'ended' | number> {
	const { DB } = services.env
	const { results } = await DB.prepare(
		`SELECT instance_id, state, replay_id, total, left_over, failed, reason FROM replay_parts WHERE job_id = ? AND state IN ('waiting', 'running') AND instance_id > ? ORDER BY instance_id LIMIT ?`,
	)
		.bind(job.id, after, STEP_SIZE)
		.all<ReplayPart>()
	const last = results.at(-1)
	if (last === undefined) {
		const open = await DB.prepare(
			`SELECT 1 FROM replay_parts WHERE job_id = ? AND state IN ('waiting', 'running') LIMIT 1`,
		)
			.bind(job.id)
			.first()
		return open === null ? await endJob(DB, job, 'done', services.now()) : Number.POSITIVE_INFINITY
	}
	const parts = await Promise.all(
		results.map(async (part) =>
			part.state === 'waiting' ? await startPart(services, job, part.instance_id) : await checkPart(services, part),
		),
	)
	await DB.batch(
		results.map((part, index) =>
			savePartStatement(DB, job, parts[index] ?? { ...part, state: 'done', left_over: 0, reason: null }),
		),
	)
	return last.instance_id
}

/** Cancels what was begun: first what the walk may have begun and not noted, then the parts. */
async function runCancelStep(services: Services, job: ReplayJob): Promise<'ended' | 'more'> {
	const { DB } = services.env
	if (job.walked === 0) {
		const next = await listInstancesInScope(
			DB,
			job.organization_id,
			JSON.parse(job.reach) as ReplayScope,
			job.after_id,
			STEP_SIZE,
		)
		for (const { id } of next) {
			const resends = await services.watcher(id).resends()
			const started =
				resends === 'unknown'
					? undefined
					: resends.find((resend) => resend.job === job.id && resend.status === 'running')
			if (started?.id != null) await services.watcher(id).cancelResend(started.id)
		}
		await DB.prepare('UPDATE replay_jobs SET walked = 1 WHERE id = ?').bind(job.id).run()
		return 'more'
	}
	const { results } = await DB.prepare(
		`SELECT instance_id, state, replay_id, total, left_over, failed, reason FROM replay_parts WHERE job_id = ? AND state IN ('waiting', 'running') ORDER BY instance_id LIMIT ?`,
	)
		.bind(job.id, STEP_SIZE)
		.all<ReplayPart>()
	if (results.length === 0) return await endJob(DB, job, 'cancelled', services.now())
	await Promise.all(
		results.map(async ({ instance_id, replay_id }) =>
			replay_id === null ? null : await services.watcher(instance_id).cancelResend(replay_id),
		),
	)
	await DB.batch(results.map((part) => savePartStatement(DB, job, { ...part, state: 'cancelled' })))
	return 'more'
}

/** Begins the replay of an instance, or finds that it was begun; null: it has nothing to send. */
async function startPart(services: Services, job: ReplayJob, instanceId: number): Promise<ReplayPart | null> {
	try {
		const report = await services.watcher(instanceId).replay(JSON.parse(job.query) as ReplayQuery, false, job.id)
		if (report === 'unknown') return toSkippedPart(instanceId, 'It knows nothing yet')
		if (report === 'too-many') return toWaitingPart(instanceId, 'It has 10 replays that run')
		if (report.total === 0) return null
		return {
			instance_id: instanceId,
			state: report.status === 'running' ? 'running' : report.status === 'cancelled' ? 'cancelled' : 'done',
			replay_id: report.id,
			total: report.total,
			left_over: report.left,
			failed: report.failed,
			reason: null,
		}
	} catch (error) {
		logError('replay-job.instance-failed', error, { job: job.id, instance: instanceId })
		return toWaitingPart(instanceId, 'It could not be reached')
	}
}

/** How far a part is; null: nobody knows of its replay any more, so it has ended. */
async function checkPart(services: Services, part: ReplayPart): Promise<ReplayPart | null> {
	try {
		const resends = await services.watcher(part.instance_id).resends()
		const found = resends === 'unknown' ? undefined : resends.find((resend) => resend.id === part.replay_id)
		if (found === undefined) return null
		const state = found.status === 'running' ? 'running' : found.status === 'cancelled' ? 'cancelled' : 'done'
		return { ...part, state, left_over: found.left, failed: found.failed, reason: null }
	} catch (error) {
		logError('replay-job.instance-failed', error, { instance: part.instance_id })
		return part
	}
}

function toSkippedPart(instanceId: number, reason: string): ReplayPart {
	return { instance_id: instanceId, state: 'skipped', replay_id: null, total: 0, left_over: 0, failed: 0, reason }
}

function toWaitingPart(instanceId: number, reason: string): ReplayPart {
	return { ...toSkippedPart(instanceId, reason), state: 'waiting' }
}

function savePartStatement(db: D1Database, job: ReplayJob, part: ReplayPart): D1PreparedStatement {
	return db
		.prepare(
			'INSERT OR REPLACE INTO replay_parts (job_id, instance_id, state, replay_id, total, left_over, failed, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
		)
		.bind(job.id, part.instance_id, part.state, part.replay_id, part.total, part.left_over, part.failed, part.reason)
}

async function endJob(db: D1Database, job: ReplayJob, state: 'done' | 'cancelled', nowMs: number): Promise<'ended'> {
	await db
		.prepare('UPDATE replay_jobs SET state = ?, ended_ms = ? WHERE id = ? AND state = ?')
		.bind(state, nowMs, job.id, job.state)
		.run()
	return 'ended'
}

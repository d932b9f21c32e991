/**
 * Runs replay jobs: goes through an organization's instances and starts a replay in each. Requests and the cron run a
 * job in bounded steps, one runner at a time. Each step can be interrupted: progress is recorded after the instances
 * were asked, and an object that the same job asks again returns the replay that it has started.
 */
import { withIncarnation, type ObjectRef } from '../lib/incarnation.ts'
import { logError } from '../lib/log.ts'
import { DAY_MS } from '../lib/time.ts'
import type { ReplayQuery } from '../rpc/delivery.ts'
import { listInstancesInScope, type ReplayScope } from './replay-jobs.ts'
import type { Services } from './services.ts'

/** The columns of a job that its runner needs. */
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
	/** Of the instance as it is now; null: it no longer exists. */
	incarnation: string | null
	state: 'waiting' | 'running' | 'done' | 'cancelled' | 'skipped'
	replay_id: number | null
	total: number
	left_over: number
	failed: number
	reason: string | null
}

/**
 * The result of a step: another step follows (`checkedId`: parts up to this instance were checked), a pause, or the
 * end.
 */
type StepResult = { next: 'step'; checkedId?: number } | { next: 'pause' } | { next: 'nothing' }

/** The incarnation of a part's instance. */
const INCARNATION_SQL = '(SELECT incarnation FROM instances WHERE id = instance_id) AS incarnation'
/** Instances per step: as many as an invocation has connections. */
const STEP_SIZE = 6
/** A runner that has not reported for this long counts as lost, ms. */
const JOB_LEASE_MS = 60_000
/** Jobs per run of the cron: each step calls its instances and D1. */
const MAX_JOBS_PER_ROUND = 5
/** How long ended jobs are kept, ms. */
const JOB_RETENTION_MS = 30 * DAY_MS

/** Runs jobs that have no runner, a few steps each, and deletes those that ended long ago. For the cron. */
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

/** Runs one job for a few steps if it has no runner. */
export async function runReplayJob(services: Services, id: number, steps: number): Promise<void> {
	const { DB } = services.env
	let lease = services.now() + JOB_LEASE_MS
	const taken = await DB.prepare(
		'UPDATE replay_jobs SET lease_ms = ?1 WHERE id = ?2 AND ended_ms IS NULL AND lease_ms < ?3',
	)
		.bind(lease, id, services.now())
		.run()
	if (taken.meta.changes === 0) return
	// Running parts are checked once per run.
	let lastCheckedId = 0
	for (let step = 0; step < steps; step++) {
		// Read again: the job may have been cancelled, or another runner may have taken over from a slow one.
		const job = await DB.prepare(
			`SELECT id, organization_id, state, query, reach, after_id, walked FROM replay_jobs WHERE id = ?
				AND lease_ms = ? AND ended_ms IS NULL`,
		)
			.bind(id, lease)
			.first<ReplayJob>()
		if (job === null) return
		const result =
			job.state === 'cancelling'
				? await runCancelStep(services, job)
				: job.walked === 0
					? await runWalkStep(services, job)
					: await runCheckStep(services, job, lastCheckedId)
		if (result.next === 'nothing') return
		if (result.next === 'pause') break
		lastCheckedId = result.checkedId ?? lastCheckedId
		const renewed = Math.max(lease + 1, services.now() + JOB_LEASE_MS)
		await DB.prepare('UPDATE replay_jobs SET lease_ms = ? WHERE id = ? AND lease_ms = ?').bind(renewed, id, lease).run()
		lease = renewed
	}
	// The next runner does not have to wait. A run of the cron begins with the jobs that have waited longest.
	await DB.prepare('UPDATE replay_jobs SET lease_ms = ? WHERE id = ? AND lease_ms = ?')
		.bind(services.now() - 1, id, lease)
		.run()
}

/** Asks the next instances. */
async function runWalkStep(services: Services, job: ReplayJob): Promise<StepResult> {
	const { DB } = services.env
	const next = await listInstancesInScope(
		DB,
		job.organization_id,
		JSON.parse(job.reach) as ReplayScope,
		job.after_id,
		STEP_SIZE,
	)
	const parts = await Promise.all(
		next.map(async (instance): Promise<ReplayPart | null> => {
			if (instance.enabled === 0) return toSkippedPart(instance, 'It is disabled')
			if (instance.events === 0) return toSkippedPart(instance, 'Its events are off')
			return await startPart(services, job, instance)
		}),
	)
	await DB.batch([
		...parts.flatMap((part) => (part === null ? [] : [savePartStatement(DB, job, part)])),
		DB.prepare(
			`UPDATE replay_jobs SET after_id = ?1, asked = asked + ?2, walked = ?3 WHERE id = ?4 AND after_id = ?5
				AND walked = 0`,
		).bind(next.at(-1)?.id ?? job.after_id, next.length, next.length < STEP_SIZE ? 1 : 0, job.id, job.after_id),
	])
	return { next: 'step' }
}

/** Checks the next parts that have not ended. After the last one, the job has ended if all parts have. */
async function runCheckStep(services: Services, job: ReplayJob, after: number): Promise<StepResult> {
	const { DB } = services.env
	const { results } = await DB.prepare(
		`SELECT instance_id, ${INCARNATION_SQL}, state, replay_id, total, left_over, failed, reason FROM replay_parts
			WHERE job_id = ?
			AND state IN ('waiting', 'running') AND instance_id > ? ORDER BY instance_id LIMIT ?`,
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
		return open === null ? await endJob(DB, job, 'done', services.now()) : { next: 'pause' }
	}
	const parts = await Promise.all(
		results.map(async (part) =>
			part.state === 'waiting' ? await startPart(services, job, toRef(part)) : await checkPart(services, part),
		),
	)
	await DB.batch(
		results.map((part, index) =>
			savePartStatement(DB, job, parts[index] ?? { ...part, state: 'done', left_over: 0, reason: null }),
		),
	)
	return { next: 'step', checkedId: last.instance_id }
}

/** Cancels the started replays: first those that may have been started and not recorded, then the recorded parts. */
async function runCancelStep(services: Services, job: ReplayJob): Promise<StepResult> {
	const { DB } = services.env
	if (job.walked === 0) {
		const next = await listInstancesInScope(
			DB,
			job.organization_id,
			JSON.parse(job.reach) as ReplayScope,
			job.after_id,
			STEP_SIZE,
		)
		for (const instance of next) {
			const watcher = services.watcher(instance)
			const resends = await watcher.resends()
			const started =
				resends === 'unknown'
					? undefined
					: resends.find((resend) => resend.job === job.id && resend.status === 'running')
			if (started?.id != null) await watcher.cancelResend(started.id)
		}
		await DB.prepare('UPDATE replay_jobs SET walked = 1 WHERE id = ?').bind(job.id).run()
		return { next: 'step' }
	}
	const { results } = await DB.prepare(
		`SELECT instance_id, ${INCARNATION_SQL}, state, replay_id, total, left_over, failed, reason FROM replay_parts
			WHERE job_id = ?
			AND state IN ('waiting', 'running') ORDER BY instance_id LIMIT ?`,
	)
		.bind(job.id, STEP_SIZE)
		.all<ReplayPart>()
	if (results.length === 0) return await endJob(DB, job, 'cancelled', services.now())
	await Promise.all(
		results.map(async (part) =>
			part.replay_id === null ? null : await services.watcher(toRef(part)).cancelResend(part.replay_id),
		),
	)
	await DB.batch(results.map((part) => savePartStatement(DB, job, { ...part, state: 'cancelled' })))
	return { next: 'step' }
}

/** Starts the replay of an instance, or finds the one that the job started before; null: there is nothing to send. */
async function startPart(services: Services, job: ReplayJob, instance: ObjectRef): Promise<ReplayPart | null> {
	try {
		const report = await services.watcher(instance).replay(JSON.parse(job.query) as ReplayQuery, false, job.id)
		if (report === 'unknown') return toSkippedPart(instance, 'It is not set up yet')
		if (report === 'too-many') return toWaitingPart(instance, '10 of its replays are running')
		if (report.total === 0) return null
		return {
			instance_id: instance.id,
			incarnation: instance.incarnation,
			state: report.status === 'running' ? 'running' : report.status === 'cancelled' ? 'cancelled' : 'done',
			replay_id: report.id,
			total: report.total,
			left_over: report.left,
			failed: report.failed,
			reason: null,
		}
	} catch (error) {
		logError('replay-job.instance-failed', error, { job: job.id, instance: instance.id })
		return toWaitingPart(instance, 'It could not be reached')
	}
}

/** The progress of a part; null: its replay no longer exists, so it has ended. */
async function checkPart(services: Services, part: ReplayPart): Promise<ReplayPart | null> {
	try {
		const resends = await services.watcher(toRef(part)).resends()
		const found = resends === 'unknown' ? undefined : resends.find((resend) => resend.id === part.replay_id)
		if (found === undefined) return null
		const state = found.status === 'running' ? 'running' : found.status === 'cancelled' ? 'cancelled' : 'done'
		return { ...part, state, left_over: found.left, failed: found.failed, reason: null }
	} catch (error) {
		logError('replay-job.instance-failed', error, { instance: part.instance_id })
		return part
	}
}

function toSkippedPart({ id, incarnation }: ObjectRef, reason: string): ReplayPart {
	const counts = { total: 0, left_over: 0, failed: 0 }
	return { instance_id: id, incarnation, state: 'skipped', replay_id: null, ...counts, reason }
}

function toWaitingPart(instance: ObjectRef, reason: string): ReplayPart {
	return { ...toSkippedPart(instance, reason), state: 'waiting' }
}

function toRef({ instance_id: id, incarnation }: ReplayPart): ObjectRef {
	return withIncarnation({ id, incarnation })
}

function savePartStatement(db: D1Database, job: ReplayJob, part: ReplayPart): D1PreparedStatement {
	return db
		.prepare(
			`INSERT OR REPLACE INTO replay_parts (job_id, instance_id, state, replay_id, total, left_over, failed,
				reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		)
		.bind(job.id, part.instance_id, part.state, part.replay_id, part.total, part.left_over, part.failed, part.reason)
}

async function endJob(db: D1Database, job: ReplayJob, state: 'done' | 'cancelled', nowMs: number): Promise<StepResult> {
	await db
		.prepare('UPDATE replay_jobs SET state = ?, ended_ms = ? WHERE id = ? AND state = ?')
		.bind(state, nowMs, job.id, job.state)
		.run()
	return { next: 'nothing' }
}

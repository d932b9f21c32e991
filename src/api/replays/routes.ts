/** Mounts the calls about replays, and handles those across instances, which are jobs (instances/replay-jobs.ts). */
import { mapConcurrent } from '../../lib/concurrency.ts'
import type * as z from 'zod'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { filterOwnInstances } from '../../instances/rows.ts'
import {
	createReplayJob,
	cancelReplayJob,
	listInstancesInScope,
	type ReplayScope,
	type ReplayJobReport,
	listReplayJobs,
	MAX_REPLAY_JOBS,
} from '../../instances/replay-jobs.ts'
import { runReplayJob } from '../../instances/replay-runner.ts'
import { LIMITS } from '../../lib/limits.ts'
import { logError } from '../../lib/log.ts'
import { parseId } from '../http/access.ts'
import { getActor } from '../http/audit.ts'
import type { CallerContext } from '../http/environment.ts'
import { instanceReplayOperations, notificationReplayOperations } from './instance-operations.ts'
import * as replays from './instance-replays.ts'
import { parseReplayQuery } from './instance-replays.ts'
import { MAX_CONCURRENT_INSTANCES } from '../http/merge.ts'
import { mountOperations, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { replayOperations } from './operations.ts'
import type { ReplayJobResponse, ReplayJobBody } from './schema.ts'

/** Steps of a job that run after a response; the cron continues. */
const MAX_STEPS_PER_REQUEST = 20

type ReplayJob = z.input<typeof ReplayJobResponse>

/** Mounts the calls about replays of one instance and of one notification. */
export function mountInstanceReplays(api: Api): void {
	mountOperations(api, instanceReplayOperations, {
		startReplay: (c, { query, body }) => replays.startReplay(c, body, query.dryRun === 'true'),
		listReplays: replays.listReplays,
		getReplay: (c, { params }) => replays.getReplay(c, params.replayId),
		cancelReplay: (c, { params }) => replays.cancelReplay(c, params.replayId),
		sendTestEvent: replays.sendTestEvent,
		eraseObject: (c, { params }) => replays.eraseObject(c, params.resource, params.objectId),
	})
	mountOperations(api, notificationReplayOperations, {
		replayNotification: (c, { params, query }) => replays.replayNotification(c, params.id, query.dryRun === 'true'),
	})
}

/** Mounts the calls about replays across instances. */
export function mountReplayRoutes(api: Api): void {
	mountOperations(api, replayOperations, {
		replayAcrossInstances: (c, { body }) => startReplayJob(c, body),
		listReplaysAcrossInstances: async (c) =>
			(await listReplayJobs(c.env.DB, c.var.user.organizationId)).map(toReplayJobResponse),
		getReplayAcrossInstances: async (c, { params }) => {
			const job = await requireJob(c, params.jobId)
			continueJob(c, job.id)
			return toReplayJobResponse(job)
		},
		cancelReplayAcrossInstances: async (c, { params }) => {
			const { id } = await requireJob(c, params.jobId)
			await cancelReplayJob(c.env.DB, getActor(c), id, c.var.services.now())
			const job = await requireJob(c, params.jobId)
			continueJob(c, id)
			return toReplayJobResponse(job)
		},
	})
}

async function startReplayJob(c: CallerContext, body: z.output<typeof ReplayJobBody>): Promise<ReplayJob> {
	const { services, user } = c.var
	const { DB } = c.env
	const { query, by } = parseReplayQuery(body)
	const scope: ReplayScope = {
		instanceIds: body.instanceIds ?? null,
		tags: body.tags ?? [],
		searchText: body.searchText ?? '',
	}
	if (scope.instanceIds !== null) {
		const ownIds = await filterOwnInstances(DB, user.organizationId, scope.instanceIds)
		const foreignId = scope.instanceIds.find((id) => !ownIds.includes(id))
		if (foreignId !== undefined) throw new NotFound(`No instance ${foreignId}`)
	}
	if (body.dryRun === true || body.dryRun === 'true') {
		c.status(200)
		return await countReplay(c, scope, query)
	}
	const created = await createReplayJob(DB, getActor(c), { query, by, reach: scope }, services.now())
	if (!created.ok)
		throw new Conflict(
			`${MAX_REPLAY_JOBS} replays across instances are already running; wait until one has ended, or cancel one`,
		)
	const job = await requireJob(c, String(created.id))
	continueJob(c, created.id)
	return toReplayJobResponse(job)
}

/** A dry run. */
async function countReplay(
	c: CallerContext,
	reach: ReplayScope,
	query: Parameters<typeof createReplayJob>[2]['query'],
): Promise<ReplayJob> {
	const { services, user } = c.var
	const maxInstances = LIMITS.mergedInstances.value
	const instances = await listInstancesInScope(c.env.DB, user.organizationId, reach, 0, maxInstances + 1)
	if (instances.length > maxInstances)
		throw new BadRequest(
			`A dry run counts over at most ${maxInstances} instances; filter by tags, searchText or instanceIds`,
		)
	const deliveringInstances = instances.filter(({ enabled, events }) => enabled === 1 && events === 1)
	const totals = await mapConcurrent(deliveringInstances, MAX_CONCURRENT_INSTANCES, async (instance) => {
		const report = await services.watcher(instance).replay(query, true)
		return report === 'unknown' || report === 'too-many' ? 0 : report.total
	})
	const total = totals.reduce((sum, count) => sum + count, 0)
	return {
		id: null,
		status: 'dry-run',
		instances: {
			asked: instances.length,
			complete: true,
			sending: totals.filter((count) => count > 0).length,
			skipped: instances.length - deliveringInstances.length,
		},
		total,
		left: total,
		failed: 0,
		createdDate: toIsoSeconds(services.now()),
		endedDate: null,
	}
}

async function requireJob(c: CallerContext, jobId: string): Promise<ReplayJobReport> {
	const id = parseId(jobId)
	const [job] = await listReplayJobs(c.env.DB, c.var.user.organizationId, id)
	if (job === undefined) throw new NotFound(`No replay ${id}`)
	return job
}

/** Continues the job after the response. */
function continueJob(c: CallerContext, id: number): void {
	c.executionCtx.waitUntil(
		runReplayJob(c.var.services, id, MAX_STEPS_PER_REQUEST).catch((error: unknown) =>
			logError('replay-job.failed', error, { job: id }),
		),
	)
}

function toReplayJobResponse({
	walked,
	asked,
	sending,
	skipped,
	createdMs,
	endedMs,
	state,
	...job
}: ReplayJobReport): ReplayJob {
	return {
		id: job.id,
		status: state,
		instances: { asked, complete: walked, sending, skipped },
		total: job.total,
		left: job.left,
		failed: job.failed,
		createdDate: toIsoSeconds(createdMs),
		endedDate: endedMs === null ? null : toIsoSeconds(endedMs),
	}
}

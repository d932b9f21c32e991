/** Replays across instances: what the calls do. The work itself is a job's (instances/replay-jobs.ts). */
import type * as z from 'zod'
import { BadRequest, Conflict, NotFound } from '../../lib/errors.ts'
import { ownInstances } from '../../instances/records.ts'
import {
	addJob,
	cancelJob,
	driveJob,
	instancesInReach,
	type JobReach,
	type JobReport,
	listJobs,
	MOST_JOBS,
} from '../../instances/replay-jobs.ts'
import { LIMITS } from '../../lib/limits.ts'
import { logError } from '../../lib/log.ts'
import { readId } from '../http/access.ts'
import type { CallerContext } from '../http/environment.ts'
import { instanceReplayOperations, notificationReplayOperations } from './instance-operations.ts'
import * as replays from './instance-replays.ts'
import { readReplayQuery } from './instance-replays.ts'
import { AT_A_TIME } from '../http/merge.ts'
import { serve, type Api } from '../http/serve.ts'
import { toIsoSeconds } from '../http/times.ts'
import { replayOperations } from './operations.ts'
import type { ReplayJobAnswer, ReplayJobBody } from './schema.ts'

/** Steps that a request drives a job after it has answered; the cron goes on. */
const STEPS = 20

type Answer = z.input<typeof ReplayJobAnswer>

/** Mounts the calls about replays of one instance and of one notification. */
export function declareReplays(api: Api): void {
	serve(api, instanceReplayOperations, {
		startReplay: (c, { query, body }) => replays.replay(c, body, query.dryRun === 'true'),
		listReplays: replays.list,
		getReplay: (c, { params }) => replays.show(c, params.replayId),
		cancelReplay: (c, { params }) => replays.cancel(c, params.replayId),
		sendTestEvent: replays.testEvent,
		eraseObject: (c, { params }) => replays.erase(c, params.resource, params.objectId),
	})
	serve(api, notificationReplayOperations, {
		replayNotification: (c, { params, query }) => replays.replayOne(c, params.id, query.dryRun === 'true'),
	})
}

/** Mounts the calls about replays across instances. */
export function declareReplayJobs(api: Api): void {
	serve(api, replayOperations, {
		replayAcrossInstances: (c, { body }) => begin(c, body),
		listReplaysAcrossInstances: async (c) => (await listJobs(c.env.DB, c.var.user.organizationId)).map(show),
		getReplayAcrossInstances: async (c, { params }) => {
			const job = await find(c, params.jobId)
			goOn(c, job.id)
			return show(job)
		},
		cancelReplayAcrossInstances: async (c, { params }) => {
			const { id } = await find(c, params.jobId)
			const { services, user, requestId } = c.var
			await cancelJob(c.env.DB, { organizationId: user.organizationId, userId: user.id, requestId }, id, services.now())
			const job = await find(c, params.jobId)
			goOn(c, id)
			return show(job)
		},
	})
}

async function begin(c: CallerContext, body: z.output<typeof ReplayJobBody>): Promise<Answer> {
	const { services, user, requestId } = c.var
	const { DB } = c.env
	const { query, by } = readReplayQuery(body)
	const reach: JobReach = { instanceIds: body.instanceIds ?? null, tags: body.tags ?? [], searchText: body.searchText ?? '' }
	if (reach.instanceIds !== null) {
		const own = await ownInstances(DB, user.organizationId, reach.instanceIds)
		const other = reach.instanceIds.find((id) => !own.includes(id))
		if (other !== undefined) throw new NotFound(`No instance ${other}`)
	}
	if (body.dryRun === true || body.dryRun === 'true') {
		c.status(200)
		return await count(c, reach, query)
	}
	const actor = { organizationId: user.organizationId, userId: user.id, requestId }
	const id = await addJob(DB, actor, { query, by, reach }, services.now())
	if (id === 'too-many') throw new Conflict(`${MOST_JOBS} replays across instances are running; wait until one has ended, or cancel one`)
	const job = await find(c, String(id))
	goOn(c, id)
	return show(job)
}

/** What it would be. */
async function count(c: CallerContext, reach: JobReach, query: Parameters<typeof addJob>[2]['query']): Promise<Answer> {
	const { services, user } = c.var
	const most = LIMITS.mergedInstances.value
	const instances = await instancesInReach(c.env.DB, user.organizationId, reach, 0, most + 1)
	if (instances.length > most)
		throw new BadRequest(`A dry run asks at most ${most} instances; narrow it by tags, searchText or instanceIds`)
	const able = instances.filter(({ enabled, events }) => enabled === 1 && events === 1)
	const totals: number[] = []
	for (let start = 0; start < able.length; start += AT_A_TIME)
		totals.push(
			...(await Promise.all(
				able.slice(start, start + AT_A_TIME).map(async ({ id }) => {
					const report = await services.watcher(id).replay(query, true)
					return report === 'unknown' || report === 'too-many' ? 0 : report.total
				}),
			)),
		)
	const total = totals.reduce((sum, one) => sum + one, 0)
	return {
		id: null,
		status: 'dry-run',
		instances: {
			asked: instances.length,
			complete: true,
			sending: totals.filter((one) => one > 0).length,
			skipped: instances.length - able.length,
		},
		total,
		left: total,
		failed: 0,
		createdDate: toIsoSeconds(services.now()),
		endedDate: null,
	}
}

async function find(c: CallerContext, jobId: string): Promise<JobReport> {
	const id = readId(jobId)
	const [job] = await listJobs(c.env.DB, c.var.user.organizationId, id)
	if (job === undefined) throw new NotFound(`No replay ${id}`)
	return job
}

/** The job goes on when the caller has been answered. */
function goOn(c: CallerContext, id: number): void {
	c.executionCtx.waitUntil(driveJob(c.var.services, id, STEPS).catch((error: unknown) => logError('replay-job.failed', error, { job: id })))
}

function show({ walked, asked, sending, skipped, createdMs, endedMs, state, ...job }: JobReport): Answer {
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

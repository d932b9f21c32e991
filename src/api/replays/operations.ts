/** The calls about replays across instances. */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { ReplayJobResponse, ReplayJobBody } from './schema.ts'

const JobParams = z.object({ jobId: z.string().meta({ description: 'Id of the replay', examples: ['3'] }) })

export const replayOperations = {
	replayAcrossInstances: defineOperation({
		method: 'post',
		path: '/replays',
		tag: 'Notifications',
		summary: 'Start a replay across instances',
		description:
			'Sends notifications of several instances again. In the background, each instance in turn starts its own replay; ' +
			'disabled instances are skipped. A dry run (200) counts over at most 200 instances and sends nothing.',
		access: 'account',
		body: ReplayJobBody,
		example: { filter: { from: '2026-01-31T12:00:00Z', resources: ['orders'] }, tags: ['north'] },
		answer: ReplayJobResponse,
		status: [202, 200],
		errors: [404],
	}),
	listReplaysAcrossInstances: defineOperation({
		method: 'get',
		path: '/replays',
		tag: 'Notifications',
		summary: 'List replays across instances',
		description: 'Newest first.',
		access: 'account',
		answer: z.array(ReplayJobResponse),
	}),
	getReplayAcrossInstances: defineOperation({
		method: 'get',
		path: '/replays/{jobId}',
		tag: 'Notifications',
		summary: 'Get a replay across instances',
		description: 'Returns the progress.',
		access: 'account',
		params: JobParams,
		answer: ReplayJobResponse,
	}),
	cancelReplayAcrossInstances: defineOperation({
		method: 'delete',
		path: '/replays/{jobId}',
		tag: 'Notifications',
		summary: 'Cancel a replay across instances',
		description: 'Notifications that are not sent yet are not sent. A replay that has ended does not change.',
		access: 'account',
		params: JobParams,
		answer: ReplayJobResponse,
	}),
}

/** The calls about replays across instances. Those of one instance are beneath it. */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { ReplayJobResponse, ReplayJobBody } from './schema.ts'

const JobParams = z.object({ jobId: z.string().meta({ description: 'Number of the replay', examples: ['3'] }) })

/** Everything here is about all instances of the organization, or those that the body names. */
export const replayOperations = {
	replayAcrossInstances: defineOperation({
		method: 'post',
		path: '/replays',
		tag: 'Notifications',
		summary: 'Start a replay across instances',
		description: `Sends again what instances have sent. Instances are asked one after another, in the background; each begins a replay of its own. What an instance that is disabled has to send is passed over.
A dry run (200) counts over 200 instances at most and begins nothing.`,
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
		description: 'How far it is.',
		access: 'account',
		params: JobParams,
		answer: ReplayJobResponse,
	}),
	cancelReplayAcrossInstances: defineOperation({
		method: 'delete',
		path: '/replays/{jobId}',
		tag: 'Notifications',
		summary: 'Cancel a replay across instances',
		description: 'What is not on its way is not sent. One that has ended stays as it is.',
		access: 'account',
		params: JobParams,
		answer: ReplayJobResponse,
	}),
}

/** The calls that send again what an instance has sent, send a test event, and erase what is kept of an object. */
import * as z from 'zod'
import { byIdAndToken, defineOperation } from '../http/contract.ts'
import { ObjectParams } from '../events/schema.ts'
import { EraseResponse, ReplayBody, ReplayParams, TestEventResponse } from './instance-schema.ts'
import { DryRunQuery, ResendResponse, NotificationId } from '../notifications/schema.ts'

/** All of them. */
export const instanceReplayOperations = {
	...byIdAndToken('startReplay', {
		method: 'post',
		path: '/replays',
		tag: 'Instances',
		summary: 'Start a replay',
		description:
			'Sends again one notification, what failed since a time, or what a filter of the event log names, with the bytes and ids of the first time. 200 for a dry run.',
		query: DryRunQuery,
		body: ReplayBody,
		example: { failedSince: '2026-06-01T00:00:00Z' },
		answer: ResendResponse,
		status: [202, 200],
	}),
	...byIdAndToken('listReplays', {
		method: 'get',
		path: '/replays',
		tag: 'Instances',
		summary: 'List replays',
		description: 'Releases too; newest first.',
		answer: z.array(ResendResponse),
	}),
	...byIdAndToken('getReplay', {
		method: 'get',
		path: '/replays/{replayId}',
		tag: 'Instances',
		summary: 'Get a replay',
		description: 'How far it is.',
		params: ReplayParams,
		answer: ResendResponse,
	}),
	...byIdAndToken('cancelReplay', {
		method: 'delete',
		path: '/replays/{replayId}',
		tag: 'Instances',
		summary: 'Cancel a replay',
		description: 'What is not on its way is not sent. One that has ended stays as it is.',
		params: ReplayParams,
		answer: ResendResponse,
	}),
	...byIdAndToken('sendTestEvent', {
		method: 'post',
		path: '/test-event',
		tag: 'Instances',
		summary: 'Send a test event',
		description: 'To the callback, signed as any other: the quickest way to try a receiver.',
		answer: TestEventResponse,
		status: 202,
	}),
	...byIdAndToken('eraseObject', {
		method: 'delete',
		path: '/events/objects/{resource}/{objectId}',
		tag: 'Instances',
		summary: 'Erase an object',
		description:
			'What is kept of its content goes: records, answers of callbacks and samples that hold it. Its id, type and times stay.',
		params: ObjectParams,
		answer: EraseResponse,
	}),
}

/** A replay of one notification, under the notification's own path. */
export const notificationReplayOperations = {
	replayNotification: defineOperation({
		method: 'post',
		path: '/notifications/{id}/replay',
		tag: 'Notifications',
		summary: 'Replay a notification',
		description: 'Sends the same bytes under the same id again.',
		access: 'caller',
		params: NotificationId,
		query: DryRunQuery,
		answer: ResendResponse,
		status: [202, 200],
		errors: [409],
	}),
}

/** The calls that replay notifications, send a test event, and erase an object. */
import * as z from 'zod'
import { byIdAndToken, defineOperation } from '../http/contract.ts'
import { ObjectParams } from '../events/schema.ts'
import { EraseResponse, ReplayBody, ReplayParams, TestEventResponse } from './instance-schema.ts'
import { DryRunQuery, ResendResponse, NotificationId } from '../notifications/schema.ts'

export const instanceReplayOperations = {
	...byIdAndToken('startReplay', {
		method: 'post',
		path: '/replays',
		tag: 'Instances',
		summary: 'Start a replay',
		description:
			'Sends again one notification, those that failed since a time, or those whose events match a filter, with the ' +
			'same bytes and ids. 200 for a dry run.',
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
		description: 'Returns replays and releases, newest first.',
		answer: z.array(ResendResponse),
	}),
	...byIdAndToken('getReplay', {
		method: 'get',
		path: '/replays/{replayId}',
		tag: 'Instances',
		summary: 'Get a replay',
		description: 'Returns the progress.',
		params: ReplayParams,
		answer: ResendResponse,
	}),
	...byIdAndToken('cancelReplay', {
		method: 'delete',
		path: '/replays/{replayId}',
		tag: 'Instances',
		summary: 'Cancel a replay',
		description: 'Notifications that are not sent yet are not sent. A replay that has ended does not change.',
		params: ReplayParams,
		answer: ResendResponse,
	}),
	...byIdAndToken('sendTestEvent', {
		method: 'post',
		path: '/test-event',
		tag: 'Instances',
		summary: 'Send a test event',
		description: 'Sends a signed test event to the callback, to try out a receiver.',
		answer: TestEventResponse,
		status: 202,
	}),
	...byIdAndToken('eraseObject', {
		method: 'delete',
		path: '/events/objects/{resource}/{objectId}',
		tag: 'Instances',
		summary: 'Erase an object',
		description:
			'Erases the stored content of an object: records, callback responses and samples that hold it. Its id, type and ' +
			'times stay.',
		params: ObjectParams,
		answer: EraseResponse,
	}),
}

/** A replay of one notification, below the notification's path. */
export const notificationReplayOperations = {
	replayNotification: defineOperation({
		method: 'post',
		path: '/notifications/{id}/replay',
		tag: 'Notifications',
		summary: 'Replay a notification',
		description: 'Sends the same bytes with the same id again.',
		access: 'caller',
		params: NotificationId,
		query: DryRunQuery,
		answer: ResendResponse,
		status: [202, 200],
		errors: [409],
	}),
}

/** The calls that send again what an instance has sent, send a test event, and erase what is kept of an object. */
import * as z from 'zod'
import { both } from '../contract.ts'
import { DryRunQuery, EraseAnswer, ObjectOfResource, ReplayBody, ReplayId, ResendAnswer, TestEventAnswer } from './replay-schema.ts'

/** All of them. */
export const instanceReplayOperations = {
	...both('startReplay', {
		method: 'post',
		path: '/replays',
		tag: 'Instances',
		summary: 'Send again: one notification, what failed since a time, or what a filter of the event log names',
		description: 'With the bytes and ids of the first time. 200 for a dry run.',
		query: DryRunQuery,
		body: ReplayBody,
		example: { failedSince: '2026-06-01T00:00:00Z' },
		answer: ResendAnswer,
		status: [202, 200],
	}),
	...both('listReplays', {
		method: 'get',
		path: '/replays',
		tag: 'Instances',
		summary: 'Replays and releases, newest first',
		answer: z.array(ResendAnswer),
	}),
	...both('getReplay', {
		method: 'get',
		path: '/replays/{replayId}',
		tag: 'Instances',
		summary: 'How far a replay is',
		params: ReplayId,
		answer: ResendAnswer,
	}),
	...both('cancelReplay', {
		method: 'delete',
		path: '/replays/{replayId}',
		tag: 'Instances',
		summary: 'Cancel a replay; one that has ended stays as it is',
		params: ReplayId,
		answer: ResendAnswer,
	}),
	...both('sendTestEvent', {
		method: 'post',
		path: '/test-event',
		tag: 'Instances',
		summary: 'Send a test event to the callback',
		answer: TestEventAnswer,
		status: 202,
	}),
	...both('eraseObject', {
		method: 'delete',
		path: '/events/objects/{resource}/{objectId}',
		tag: 'Instances',
		summary: "Erase what is kept of an object's content",
		description: 'Records, answers of callbacks and samples that hold it. Its id, type and times stay.',
		params: ObjectOfResource,
		answer: EraseAnswer,
	}),
}

/** What an instance has sent, sent again; a test event; an object erased. Like all calls about one instance, each exists by id and with its token. */
import * as z from 'zod'
import { atMost, LIMITS } from '../../limits.ts'
import type { Api } from '../serve.ts'
import { DryRunQuery, EraseAnswer, ReplayBody, ResendAnswer, TestEventAnswer } from './replay-schema.ts'
import * as replays from './replays.ts'
import { both } from './routes.ts'

const ReplayId = z.looseObject({ replayId: z.string() })
const ObjectOfResource = z.looseObject({
	resource: z.string().max(LIMITS.objectId.value, atMost('objectId')),
	objectId: z.string().max(LIMITS.objectId.value, atMost('objectId')),
})

/** Declares the calls. */
export function declareReplays(api: Api): void {
	both(api, {
		method: 'post',
		path: '/replays',
		summary: 'Send again: one notification, what failed since a time, or what a filter of the event log names',
		query: DryRunQuery,
		body: ReplayBody,
		answer: ResendAnswer,
		status: 202,
		handle: (c, { query, body }) => replays.replay(c, body, query.dryRun === 'true'),
	})
	both(api, { method: 'get', path: '/replays', summary: 'Replays and releases', answer: z.array(ResendAnswer), handle: replays.list })
	both(api, {
		method: 'get',
		path: '/replays/{replayId}',
		summary: 'How far a replay is',
		params: ReplayId,
		answer: ResendAnswer,
		handle: (c, { params }) => replays.show(c, params.replayId),
	})
	both(api, {
		method: 'delete',
		path: '/replays/{replayId}',
		summary: 'Cancel a replay',
		params: ReplayId,
		answer: ResendAnswer,
		handle: (c, { params }) => replays.cancel(c, params.replayId),
	})
	both(api, {
		method: 'post',
		path: '/test-event',
		summary: 'Send a test event to the callback',
		answer: TestEventAnswer,
		status: 202,
		handle: replays.testEvent,
	})
	both(api, {
		method: 'delete',
		path: '/events/objects/{resource}/{objectId}',
		summary: "Erase what is kept of an object's content",
		params: ObjectOfResource,
		answer: EraseAnswer,
		handle: (c, { params }) => replays.erase(c, params.resource, params.objectId),
	})
}

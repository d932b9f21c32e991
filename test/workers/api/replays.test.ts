/** Replays, test events and erasing over HTTP: what is asked of the object, what is refused, what the audit log says. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import type { ResendReport, SubscriptionReport } from '../../../src/rpc/delivery.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'
import type { NotificationReport } from '../../../src/rpc/notification.ts'

let client: ApiClient

const SUBSCRIPTION: SubscriptionReport = {
	number: 7,
	url: 'https://hook.example.com/',
	topics: null,
	active: true,
	reason: null,
	failingSinceMs: null,
	lastStatus: null,
	parkedUntilMs: null,
	createdMs: 0,
}
const DEAD = { ...SUBSCRIPTION, active: false, reason: 'The callback answered 410 Gone.' }
const NOTIFICATION: NotificationReport = {
	id: 7_000_000_003,
	subscription: 7,
	url: 'https://hook.example.com/',
	objectType: 'orders',
	events: 1,
	status: 'delivered',
	createdMs: 0,
	updatedMs: 0,
	deliveredMs: 0,
	nextTryMs: null,
	attempts: 1,
	acknowledged: false,
	body: '{"message":{}}',
}
const RESEND: ResendReport = {
	id: 4,
	kind: 'replay',
	status: 'running',
	total: 12,
	left: 9,
	failed: 1,
	estimateSeconds: 3,
	createdMs: Date.parse('2026-06-01T12:00:00Z'),
	endedMs: null,
}
const SHOWN = {
	id: 4,
	kind: 'replay',
	status: 'running',
	total: 12,
	left: 9,
	failed: 1,
	estimateSeconds: 3,
	createdDate: '2026-06-01T12:00:00Z',
	endedDate: null,
}

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	await insertInstance(client, 7)
	const { watchers } = client.world
	watchers.subscriptions.set(7, [SUBSCRIPTION])
	watchers.notifications.set(7, [NOTIFICATION])
	watchers.replay = RESEND
	watchers.resends = [
		RESEND,
		{ ...RESEND, id: 3, kind: 'release', status: 'done', left: 0, endedMs: RESEND.createdMs + 5000 },
	]
	watchers.testEvent = { notificationId: 7_000_000_009, eventId: 'abcdefghijklmnopqrst' }
})

const calls = (): string[] => client.world.watchers.calls.splice(0)
const asked = (): string[] => calls().filter((call) => call.startsWith('7 replay'))
const audit = async (): Promise<[string, unknown][]> =>
	(
		await env.DB.prepare('SELECT action, object_id, detail FROM audit_log WHERE id > 1').all<Record<string, any>>()
	).results.map((row) => [row['action'], JSON.parse(row['detail'])])
const replay = (body: unknown, query = '') => client.call('POST', `/instances/7/replays${query}`, body)

describe('a replay', () => {
	test.each([
		[{ notificationId: 7_000_000_003 }, { notification: 3 }, 'notificationId'],
		[{ notificationId: '7000000003' }, { notification: 3 }, 'notificationId'],
		[{ failedSince: '2026-06-01T10:00:00Z' }, { failedSinceMs: Date.parse('2026-06-01T10:00:00Z') }, 'failedSince'],
		[{ failedSince: 1_780_000_000_000 }, { failedSinceMs: 1_780_000_000_000 }, 'failedSince'],
		[
			{ filter: { from: '2026-06-01', to: '2026-06-02' } },
			{ events: { fromMs: Date.parse('2026-06-01'), toMs: Date.parse('2026-06-02') } },
			'filter',
		],
		[
			{
				filter: {
					eventTypes: ['created', 'DELETED'],
					resources: 'orders|products',
					objectId: 12,
					status: 'CONSUMED',
					text: 'Ann',
				},
			},
			{
				events: {
					types: ['CREATED', 'DELETED'],
					resources: ['orders', 'products'],
					objectId: '12',
					status: 'CONSUMED',
					text: 'Ann',
				},
			},
			'filter',
		],
	])('of %j', async (body, query, by) => {
		const { status, body: answer } = await replay(body)
		expect([status, answer]).toEqual([202, SHOWN])
		const [call, ...more] = asked()
		expect(JSON.parse(call!.slice('7 replay '.length, -' false'.length))).toEqual(query)
		expect(more).toEqual([])
		expect(await audit()).toEqual([['instance.replay', { replay: 4, by, total: 12 }]])
	})

	test('dry: in the body or in the query, 200, and nothing is noted', async () => {
		client.world.watchers.replay = { ...RESEND, id: null, status: 'dry-run', left: 12 }
		for (const [body, query] of [
			[{ failedSince: '2026-06-01', dryRun: true }, ''],
			[{ failedSince: '2026-06-01', dryRun: 'true' }, ''],
			[{ failedSince: '2026-06-01' }, '?dryRun=true'],
		] as const) {
			const { status, body: answer } = await replay(body, query)

			expect([status, answer]).toEqual([200, { ...SHOWN, id: null, status: 'dry-run', left: 12 }])
		}
		expect(asked().every((call) => call.endsWith(' true'))).toBe(true)
		expect(await audit()).toEqual([])
	})

	test.each([
		[{}, 'body: expected one of notificationId, failedSince and filter'],
		[{ notificationId: 7_000_000_003, failedSince: '2026-06-01' }, 'body: expected one of'],
		[{ filters: { objectId: 1 } }, 'body: expected one of'],
		[{ notificationId: 7_000_000_004 }, 'notificationId: '],
		[{ notificationId: 8_000_000_003 }, 'notificationId: '],
		[{ notificationId: 'x' }, 'notificationId: '],
		[{ notificationId: {} }, 'notificationId: '],
		[{ notificationId: -1 }, 'notificationId: '],
		[{ notificationId: 1.5 }, 'notificationId: '],
		[{ failedSince: 'soon' }, 'failedSince: '],
		[{ failedSince: '' }, 'failedSince: '],
		[{ failedSince: -5 }, 'failedSince: '],
		[{ failedSince: '2026-13-45' }, 'failedSince: '],
		[{ filter: {} }, 'filter: expected at least one of'],
		[{ filter: 'orders' }, 'filter: '],
		[{ filter: { type: 'CREATED' } }, 'filter: unknown type'],
		[{ filter: { eventTypes: ['MOVED'] } }, 'filter.eventTypes: '],
		[{ filter: { eventTypes: [] } }, 'filter.eventTypes: '],
		[{ filter: { eventTypes: 7 } }, 'filter.eventTypes: '],
		[{ filter: { resources: [] } }, 'filter.resources: '],
		[{ filter: { status: 'NEW' } }, 'filter.status: '],
		[{ filter: { text: '' } }, 'filter.text: '],
		[{ filter: { objectId: {} } }, 'filter.objectId: '],
		[{ filter: { from: '2026-06-02', to: '2026-06-01' } }, 'filter.to: '],
		[{ filter: { from: 'soon' } }, 'filter.from: '],
		[{ failedSince: '2026-06-01', dryRun: 'perhaps' }, 'dryRun: '],
	])('%j is a 400 that names it, and nothing is sent', async (body, message) => {
		const answer = await replay(body)
		expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(message)])
		expect(asked()).toEqual([])
		expect(await audit()).toEqual([])
	})

	test('looks for a text of at most 200 characters', async () => {
		expect((await replay({ filter: { text: 'x'.repeat(200) } })).status).toBe(202)
		const { status, body } = await replay({ filter: { text: 'x'.repeat(201) } })
		expect([status, body.message]).toEqual([400, 'filter.text: expected at most 200 characters'])
	})

	test('is refused while ten run, while nobody takes it, and while the instance is off', async () => {
		const refused = async (body: unknown = { failedSince: '2026-06-01' }): Promise<string> => {
			const { status, body: answer } = await replay(body)
			expect(status).toBe(409)
			return answer.message
		}
		const { watchers } = client.world
		watchers.replay = 'too-many'
		expect(await replay({ failedSince: '2026-06-01' })).toMatchObject({
			status: 400,
			body: { message: expect.stringContaining('10 replays') },
		})
		watchers.replay = RESEND
		watchers.subscriptions.set(7, [DEAD])
		expect(await refused()).toMatch(
			/Subscription 7 is deactivated: The callback answered 410.*PUT \/notifications\/subscriptions\/deliveries/,
		)
		expect(await refused({ notificationId: 7_000_000_003 })).toContain('deactivated')
		watchers.subscriptions.set(7, [DEAD, { ...SUBSCRIPTION, number: 8 }])
		expect(await refused({ notificationId: 7_000_000_003 })).toContain('deactivated')
		expect((await replay({ failedSince: '2026-06-01' })).status).toBe(202)
		watchers.subscriptions.set(7, [])
		expect(await refused()).toContain('no callback or subscription')
		expect(await refused({ notificationId: 7_000_000_003 })).toContain('cannot be sent')
		watchers.subscriptions.set(7, [SUBSCRIPTION])
		watchers.notifications.set(7, [{ ...NOTIFICATION, status: 'retry', nextTryMs: 5 }])
		expect(await refused({ notificationId: 7_000_000_003 })).toContain('already being sent')
		watchers.notifications.set(7, [{ ...NOTIFICATION, status: 'dropped' }])
		expect(await refused({ notificationId: 7_000_000_003 })).toContain('dropped')
		await env.DB.prepare('UPDATE instances SET enabled = 0').run()
		expect(await refused()).toContain('disabled')
		expect((await replay({ failedSince: '2026-06-01', dryRun: true })).status).toBe(200)
		await env.DB.prepare('UPDATE instances SET enabled = 1, events_enabled = 0').run()
		expect(await refused()).toContain('event.notification.enabled')
	})

	test('is listed, looked at and cancelled', async () => {
		const done = { ...SHOWN, id: 3, kind: 'release', status: 'done', left: 0, endedDate: '2026-06-01T12:00:05Z' }
		expect((await client.call('GET', '/instances/7/replays')).body).toEqual([SHOWN, done])
		expect((await client.call('GET', '/instances/7/replays/3')).body).toEqual(done)
		const { status, body } = await client.call('DELETE', '/instances/7/replays/4')
		expect([status, body]).toEqual([200, SHOWN])
		expect(calls()).toContain('7 cancelResend 4')
		expect(await audit()).toEqual([['instance.replay.cancel', { replay: 4, left: 9 }]])
		for (const id of ['5', '0', 'x'])
			for (const method of ['GET', 'DELETE'])
				expect((await client.call(method, `/instances/7/replays/${id}`)).status).toBe(404)
	})

	test('of one notification by its own path', async () => {
		const { status, body } = await client.call('POST', '/notifications/7000000003/replay')
		expect([status, body]).toEqual([202, SHOWN])
		expect(asked()).toEqual(['7 replay {"notification":3} false'])
		expect((await client.call('POST', '/notifications/7000000003/replay?dryRun=true')).status).toBe(200)
		expect((await client.call('POST', '/notifications/7000000003/replay?dryRun=1')).status).toBe(400)
		expect((await client.call('POST', '/notifications/7000000004/replay')).status).toBe(404)
	})
})

describe('a test event', () => {
	test('is put on its way', async () => {
		const { status, body } = await client.call('POST', '/instances/7/test-event')
		expect([status, body]).toEqual([202, { notificationId: 7_000_000_009, eventId: 'abcdefghijklmnopqrst' }])
		expect(await audit()).toEqual([['instance.test-event', { notification: 7_000_000_009 }]])
	})

	test('is a 409 that says what to do', async () => {
		const { watchers } = client.world
		watchers.testEvent = null
		watchers.subscriptions.set(7, [DEAD])
		const said = async (): Promise<string> => {
			const { status, body } = await client.call('POST', '/instances/7/test-event')
			expect(status).toBe(409)
			return body.message
		}
		expect(await said()).toContain('deactivated')
		watchers.subscriptions.set(7, [{ ...SUBSCRIPTION, number: 8 }])
		expect(await said()).toContain('set event.notification.callback.url')
		await env.DB.prepare('UPDATE instances SET enabled = 0').run()
		expect(await said()).toContain('enable')
		expect(await audit()).toEqual([])
	})
})

describe('erasing', () => {
	test('is asked of the object, and noted without saying whom it was about', async () => {
		const { status, body } = await client.call(
			'DELETE',
			`/instances/7/events/objects/${encodeURIComponent('my orders')}/ann%40example.com`,
		)
		expect([status, body]).toEqual([200, { erased: 2 }])
		expect(calls()).toContain('7 erase my orders ann@example.com')
		expect(await audit()).toEqual([['instance.erase', { resource: 'my orders', erased: 2 }]])
	})
})

test('another organization finds none of it; the instance’s token all of its own', async () => {
	const each: [string, string, unknown?][] = [
		['POST', '/replays', { failedSince: '2026-06-01' }],
		['GET', '/replays'],
		['GET', '/replays/4'],
		['DELETE', '/replays/4'],
		['POST', '/test-event'],
		['DELETE', '/events/objects/orders/5'],
	]
	const authorization = await addOrganization(2)
	for (const [method, path, body] of each)
		expect((await client.call(method, `/instances/7${path}`, body, { authorization })).status, path).toBe(404)
	expect(calls()).toEqual([])
	await env.DB.prepare('UPDATE instances SET token_hash = ?').bind(hashSecret('of7')).run()
	const token = { authorization: `User ${client.userSecret}, Element of7` }
	for (const [method, path, body] of each)
		for (const at of ['/instances', '/instances/7'])
			expect([200, 202], `${method} ${at}${path}`).toContain(
				(await client.call(method, `${at}${path}`, body, token)).status,
			)
})

test('an object that lost its storage is made again when it is asked', async () => {
	client.world.watchers.unknownIds.add(7)
	expect((await client.call('GET', '/instances/7/replays')).status).toBe(200)
	expect(calls()).toEqual(['7 resends', '7 create', '7 resends'])
})

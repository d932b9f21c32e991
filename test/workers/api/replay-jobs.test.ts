/** Replays across instances: who is asked, how far it is, what is refused, and that nothing is begun twice however it is cut off. */
import { beforeEach, describe, expect, test } from 'vitest'
import { runCron } from '../../../src/instances/cron.ts'
import type { ResendReport } from '../../../src/rpc/delivery.ts'
import { addOrganization, env, resetDatabase, createServices, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'

let client: ApiClient
const FIRST = 11
const ALL = Array.from({ length: 8 }, (_, n) => FIRST + n)
const FILTER = { filter: { resources: ['orders'] } }

const resend = (more: Partial<ResendReport> = {}): ResendReport => ({
	id: 4,
	kind: 'replay',
	status: 'running',
	total: 3,
	left: 2,
	failed: 0,
	estimateSeconds: 1,
	createdMs: 0,
	endedMs: null,
	job: 1,
	...more,
})

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	for (const id of ALL) {
		await insertInstance(client, id)
		client.world.watchers.replays.set(id, resend())
	}
	await env.DB.prepare('UPDATE instances SET tags = \'["north"]\' WHERE id IN (12, 13)').run()
	await env.DB.prepare('UPDATE instances SET enabled = 0 WHERE id = 14').run()
	await env.DB.prepare('UPDATE instances SET events_enabled = 0 WHERE id = 15').run()
	client.world.watchers.replays.set(16, resend({ total: 0, left: 0, status: 'done' }))
})

const post = (body: unknown) => client.call('POST', '/replays', body)
const asked = (what = 'replay '): string[] =>
	client.world.watchers.calls.filter((call) => call.split(' ').slice(1).join(' ').startsWith(what))
const job = async (id = 1) => (await client.call('GET', `/replays/${id}`)).body
const round = () => runCron({ ...createServices(client.world), env })

describe('a replay across instances', () => {
	test('asks each that can send, one after another, and ends when all have', async () => {
		const begun = await post(FILTER)
		expect([begun.status, begun.body]).toEqual([
			202,
			{
				id: 1,
				status: 'running',
				instances: { asked: 0, complete: false, sending: 0, skipped: 0 },
				total: 0,
				left: 0,
				failed: 0,
				createdDate: '2026-06-01T12:00:00Z',
				endedDate: null,
			},
		])
		// The request goes on behind its answer.
		expect(asked()).toEqual(
			[11, 12, 13, 16, 17, 18].map((id) => `${id} replay {"events":{"resources":["orders"]}} false 1`),
		)
		expect(await job()).toMatchObject({
			status: 'running',
			instances: { asked: 8, complete: true, sending: 5, skipped: 2 },
			total: 15,
			left: 10,
		})
		for (const id of ALL)
			client.world.watchers.replays.set(id, resend({ status: 'done', left: 0, failed: id === 11 ? 2 : 0 }))
		await round()
		await round()
		expect(await job()).toMatchObject({
			status: 'done',
			left: 0,
			failed: 2,
			total: 15,
			endedDate: '2026-06-01T12:00:00Z',
		})
		expect((await client.call('GET', '/replays')).body).toHaveLength(1)
		const calls = client.world.watchers.calls.length
		await round()
		expect(client.world.watchers.calls.slice(calls).filter((call) => /re(play|send)/.test(call))).toEqual([])
	})

	test('of some: by id, tag or name; dry, it only counts', async () => {
		await post({ ...FILTER, tags: ['north'] })
		expect(asked().map((call) => call.split(' ')[0])).toEqual(['12', '13'])
		client.world.watchers.calls.length = 0
		await post({ failedSince: '2026-06-01', instanceIds: [18, 11] })
		expect(asked()).toEqual([11, 18].map((id) => `${id} replay {"failedSinceMs":${Date.parse('2026-06-01')}} false 2`))
		client.world.watchers.calls.length = 0
		const dry = await post({ ...FILTER, dryRun: true })
		expect([dry.status, dry.body]).toMatchObject([
			200,
			{ id: null, status: 'dry-run', instances: { asked: 8, sending: 5, skipped: 2 }, total: 15 },
		])
		expect(asked().every((call) => call.endsWith(' true'))).toBe(true)
		expect((await client.call('GET', '/replays')).body).toHaveLength(2)
	})

	test('that was cut off between the instances and its own note asks again as the same one', async () => {
		await post({ ...FILTER, instanceIds: [11] })
		// What the walk had noted is lost, and its driver with it.
		await env.DB.batch([
			env.DB.prepare('DELETE FROM replay_parts'),
			env.DB.prepare('UPDATE replay_jobs SET after_id = 0, walked = 0, asked = 0, lease_ms = ?').bind(
				client.world.nowMs + 60_000,
			),
		])
		client.world.watchers.calls.length = 0
		await round()
		expect(asked()).toEqual([])
		client.world.nowMs += 61_000
		await round()
		expect(asked()).toEqual(['11 replay {"events":{"resources":["orders"]}} false 1'])
		expect(await job()).toMatchObject({ instances: { asked: 1, sending: 1 }, total: 3 })
	})

	test('comes back to an instance that could not be asked', async () => {
		client.world.watchers.replays.set(11, 'too-many')
		client.world.watchers.failingCall = 'replay {"failed'
		await post({ failedSince: '2026-06-01', instanceIds: [11, 12] })
		expect(await job()).toMatchObject({ status: 'running', instances: { asked: 2, complete: true, sending: 0 } })
		client.world.watchers.failingCall = null
		client.world.watchers.replays.set(11, resend({ status: 'done', left: 0 }))
		client.world.watchers.replays.set(12, resend({ status: 'done', left: 0 }))
		await round()
		await round()
		expect(await job()).toMatchObject({ status: 'done', instances: { sending: 2 }, total: 6 })
	})

	test('is cancelled with all that it began, also what it had no time to note', async () => {
		await post({ ...FILTER, instanceIds: [11, 12] })
		await env.DB.batch([
			env.DB.prepare('DELETE FROM replay_parts WHERE instance_id = 12'),
			env.DB.prepare('UPDATE replay_jobs SET after_id = 11, walked = 0'),
		])
		expect((await client.call('DELETE', '/replays/1')).body.status).toBe('cancelling')
		expect(asked('cancelResend').map((call) => call.split(' ')[0])).toEqual(['12', '11'])
		expect(await job()).toMatchObject({ status: 'cancelled', endedDate: '2026-06-01T12:00:00Z' })
		expect((await client.call('DELETE', '/replays/1')).body.status).toBe('cancelled')
		const { results } = await env.DB.prepare(
			"SELECT action FROM audit_log WHERE action LIKE 'organization.replay%' ORDER BY id",
		).all()
		expect(results).toEqual([{ action: 'organization.replay' }, { action: 'organization.replay.cancel' }])
	})

	test.each([
		[{}, 400, 'expected one of failedSince and filter'],
		[{ ...FILTER, failedSince: '2026-06-01' }, 400, 'expected one of failedSince and filter'],
		[{ filter: {} }, 400, 'filter: expected at least one of'],
		[{ filter: { colour: 'red' } }, 400, 'unknown colour'],
		[{ ...FILTER, tag: 'north' }, 400, 'tag'],
		[{ ...FILTER, instanceIds: [] }, 400, 'instanceIds: expected at least one'],
		[{ ...FILTER, instanceIds: [99] }, 404, 'No instance 99'],
		[{ failedSince: 'soon' }, 400, 'failedSince: expected a time'],
	])('of %j is refused', async (body, status, message) => {
		const answer = await post(body)
		expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(message)])
		expect(asked()).toEqual([])
		expect((await client.call('GET', '/replays')).body).toEqual([])
	})

	test('is one of five at most, is nobody else’s, and is forgotten after a month', async () => {
		for (let n = 0; n < 5; n++) expect((await post({ ...FILTER, instanceIds: [11] })).status).toBe(202)
		expect((await post(FILTER)).status).toBe(409)
		const authorization = await addOrganization(2)
		for (const [method, path] of [
			['GET', '/replays/1'],
			['DELETE', '/replays/1'],
		] as const)
			expect((await client.call(method, path, undefined, { authorization })).status).toBe(404)
		expect((await client.call('GET', '/replays', undefined, { authorization })).body).toEqual([])
		expect((await client.call('POST', '/replays', { ...FILTER, instanceIds: [11] }, { authorization })).status).toBe(
			404,
		)
		for (const id of ALL) client.world.watchers.replays.set(id, resend({ status: 'done', left: 0 }))
		await round()
		expect((await client.call('GET', '/replays')).body.every((one: any) => one.status === 'done')).toBe(true)
		client.world.nowMs += 31 * 86_400_000
		await round()
		expect((await client.call('GET', '/replays')).body).toEqual([])
		expect((await env.DB.prepare('SELECT count(*) AS n FROM replay_parts').first<{ n: number }>())!.n).toBe(0)
	})
})

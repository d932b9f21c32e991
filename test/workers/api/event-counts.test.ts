/** What is made of the event log over HTTP: counts over time, and the timeline of one object. */
import { beforeEach, describe, expect, test } from 'vitest'
import { addOrganization, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { sampleEventRow, LOGS_START_MS, insertTwoLogs } from './support.ts'

let client: ApiClient
let token: string

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	token = await insertTwoLogs(client)
})

const get = (path: string, authorization?: string) =>
	client.call('GET', path, undefined, authorization === undefined ? {} : { authorization })

describe('counts', () => {
	const HOUR = 3_600_000
	beforeEach(() => {
		const { watchers } = client.world
		const at = (hours: number, count: number, success: number, failed = 0) => ({
			atMs: LOGS_START_MS + hours * HOUR,
			count,
			success,
			failed,
		})
		watchers.tallies = new Map([
			[7, [at(-30, 9, 9), at(-2, 5, 4, 1), at(0, 2, 1)]],
			[8, [at(-2, 1, 1)]],
		])
	})

	test('§6.5 §6.6 in all, by instance and by account, for every interval of the range', async () => {
		const range = 'from=2026-06-01T10:00:00Z&to=2026-06-01T12:00:00Z&interval=hour'
		const hours = ['2026-06-01T10:00:00Z', '2026-06-01T11:00:00Z', '2026-06-01T12:00:00Z']
		const counts = (path: string, authorization?: string) =>
			get(`/instances/events/analytics${path}?${range}`, authorization)
		client.world.watchers.tallies = new Map([
			[
				7,
				[
					{ atMs: Date.parse(hours[0]!), count: 5, success: 4, failed: 1 },
					{ atMs: LOGS_START_MS, count: 2, success: 1, failed: 0 },
				],
			],
			[8, [{ atMs: Date.parse(hours[0]!), count: 1, success: 1, failed: 0 }]],
		])
		expect((await counts('')).body).toEqual([6, 0, 2].map((count, index) => ({ timestamp: hours[index], count })))
		expect((await counts('', token)).body.map((one: any) => one.count)).toEqual([5, 0, 2])
		expect((await get(`/instances/8/events/analytics?${range}`)).body.map((one: any) => one.count)).toEqual([1, 0, 0])
		expect((await counts('/instances')).body).toEqual([
			{
				timestamp: hours[0],
				total: 6,
				records: [
					{ instanceId: 7, count: 5, success: 4, failed: 1 },
					{ instanceId: 8, count: 1, success: 1, failed: 0 },
				],
			},
			{ timestamp: hours[1], total: 0, records: [] },
			{ timestamp: hours[2], total: 2, records: [{ instanceId: 7, count: 2, success: 1, failed: 0 }] },
		])
		expect(
			(await get(`/instances/events/analytics/instances?${range}&tags[]=north`)).body[0].records.map(
				(one: any) => one.instanceId,
			),
		).toEqual([8])
		expect((await counts('/accounts')).body.map((one: any) => one.records)).toEqual([
			[{ accountId: 1, count: 6, success: 5, failed: 1 }],
			[],
			[{ accountId: 1, count: 2, success: 1, failed: 0 }],
		])
		expect((await get(`/instances/events/analytics/accounts?${range}&accountIds[]=1`)).status).toBe(200)
		expect((await counts('/accounts', token)).status).toBe(401)
	})

	test('§6.5 one hour by minute has 61 intervals; longer ones are made of hours, each whole', async () => {
		const by = async (query: string) => (await get(`/instances/7/events/analytics?${query}`)).body
		expect(await by('from=2026-06-01T11:00:00Z&to=2026-06-01T12:00:00Z&interval=minute')).toHaveLength(61)
		client.world.watchers.calls.length = 0
		expect(await by('from=2026-01-15&to=2026-06-01T12:00:00Z&interval=month')).toHaveLength(6)
		const [call] = client.world.watchers.calls.filter((one) => one.includes('tally'))
		expect(call).toBe(`7 tally hour ${Date.parse('2026-01-01')} ${Date.parse('2026-07-01') - 1}`)
		expect(
			(await by('from=2026-06-01T11:30:00Z&to=2026-06-01T12:30:00Z&interval=hour')).map((one: any) => one.timestamp),
		).toEqual(['2026-06-01T11:00:00Z', '2026-06-01T12:00:00Z'])
		// Without a range, the last day by hours.
		expect(await by('')).toHaveLength(25)
	})

	test('§11.21 of an instance by type; what an earlier version counted is of unknown type', async () => {
		const types = { created: 1, updated: 3, deleted: 1, unknown: 0 }
		client.world.watchers.tallies = new Map([
			[
				7,
				[
					{ atMs: LOGS_START_MS - 2 * HOUR, count: 4, success: 4, failed: 0 },
					{ atMs: LOGS_START_MS, count: 5, success: 3, failed: 1, types },
				],
			],
		])
		const by = async (query: string) => (await get(`/instances/7/events/analytics/types?${query}`)).body
		const nothing = { total: 0, created: 0, updated: 0, deleted: 0, unknown: 0, success: 0, failed: 0 }
		expect(await by('from=2026-06-01T10:00:00Z&to=2026-06-01T12:00:00Z')).toEqual([
			{ ...nothing, timestamp: '2026-06-01T10:00:00Z', total: 4, unknown: 4, success: 4 },
			{ ...nothing, timestamp: '2026-06-01T11:00:00Z' },
			{ timestamp: '2026-06-01T12:00:00Z', total: 5, ...types, success: 3, failed: 1 },
		])
		expect(await by('from=2026-06-01&to=2026-06-01T12:00:00Z&interval=day')).toEqual([
			{ timestamp: '2026-06-01T00:00:00Z', total: 9, ...types, unknown: 4, success: 7, failed: 1 },
		])
	})

	test.each([
		['from=2026-06-02&to=2026-06-01', 400, 'to: expected a time that is not before from'],
		['from=2026-05-01&to=2026-06-01&interval=minute', 400, 'expected hour or longer'],
		['from=2026-06-01&to=2026-06-02&interval=second', 400, 'expected minute or longer'],
		['interval=fortnight', 400, 'interval: expected one of year'],
		['from=0050-01-01&to=0051-01-01&interval=year', 400, 'from: expected a time such as'],
		['from=1970-01-01&to=9999-01-01&interval=year', 400, 'a shorter range'],
		['accountIds[]=2', 403, 'accountIds[]'],
		['accountIds[]=1&accountIds[]=x', 403, 'accountIds[]'],
		['instanceIds[]=9', 404, 'No instance 9'],
	])('§6.7 §1.8 of %s is refused', async (query, status, message) => {
		const answer = await get(`/instances/events/analytics/accounts?${query}`)
		expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(message)])
	})

	test('finer than an hour that would read too much says so', async () => {
		client.world.watchers.tallies = 'too-many'
		for (const path of ['/instances/7/events/analytics', '/instances/events/analytics'])
			expect((await get(`${path}?interval=minute`)).body.message).toContain('expected hour or longer')
	})
})

describe('a timeline', () => {
	test('is what the object knows, by id and by token', async () => {
		const { watchers } = client.world
		watchers.timeline = {
			objectType: 'orders',
			objectId: '17',
			state: 'live',
			createdMs: LOGS_START_MS,
			stampMs: LOGS_START_MS,
			acceptedMs: LOGS_START_MS,
			objectSequence: 2,
			firstSeenMs: LOGS_START_MS,
			heldSinceMs: null,
			lookup: { dueMs: LOGS_START_MS, sinceMs: LOGS_START_MS, reasons: ['missing'] },
			events: [
				{
					...sampleEventRow(7, 1, LOGS_START_MS),
					confirmedMs: LOGS_START_MS,
					deliveries: [
						{
							id: 7e9 + 1,
							subscription: 7,
							url: 'https://hook.example.com/',
							objectType: 'orders',
							events: 1,
							status: 'delivered',
							createdMs: LOGS_START_MS,
							updatedMs: LOGS_START_MS,
							deliveredMs: LOGS_START_MS,
							nextTryMs: null,
							attempts: 1,
							acknowledged: false,
							body: null,
							tries: [
								{
									number: 1,
									startedMs: LOGS_START_MS,
									durationMs: 5,
									delivered: true,
									status: 204,
									error: null,
									url: null,
									body: '',
								},
							],
						},
					],
				},
			],
			next: { number: 1, atMs: LOGS_START_MS },
		}
		const answer = await get('/instances/7/objects/orders/17/timeline?pageSize=1')
		expect(answer.status).toBe(200)
		expect(answer.body).toMatchObject({
			state: 'live',
			firstSeenDate: '2026-06-01T12:00:00Z',
			lookup: { reasons: ['missing'] },
			events: [
				{
					event: { sequence: 1, status: 'NOTIFIED' },
					deliveries: [{ notificationId: 7e9 + 1, attempts: [{ status: 204 }] }],
				},
			],
		})
		expect(answer.headers.get('Elements-Next-Page-Token')).not.toBeNull()
		expect((await get('/instances/objects/orders/17/timeline', token)).body).toEqual(answer.body)
		watchers.timeline = null
		expect((await get('/instances/7/objects/orders/18/timeline')).status).toBe(404)
		expect((await get('/instances/7/objects/orders/17/timeline', await addOrganization(2))).status).toBe(404)
	})
})

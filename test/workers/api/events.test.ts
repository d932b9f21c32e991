/** The event log over HTTP: filters, exports, dispositions, streams; what is refused, and that nobody reaches another organization's. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import { writeStatus } from '../../../src/instances/status.ts'
import { addOrganization, BASE, env, freshDatabase, startWorld, type Client } from './harness.ts'
import { fakeInstance, loggedEvent } from './support.ts'

let client: Client
let token: string
const START = Date.parse('2026-06-01T12:00:00Z')

beforeEach(async () => {
	await freshDatabase()
	client = await startWorld()
	for (const id of [7, 8]) {
		await fakeInstance(client, id)
		client.world.watchers.events.set(
			id,
			Array.from({ length: 5 }, (_, n) =>
				loggedEvent(id, n + 1, START + n * 1_000 + id, {
					objectId: String(n),
					notifications: [{ id: id * 1e9 + 1, status: 'delivered', createdMs: START, updatedMs: START + 1_000 }],
					...(n === 4 ? { status: 'CONSUMED' } : {}),
				}),
			),
		)
		await writeStatus(env, {
			instanceId: id,
			state: 'healthy',
			reason: '',
			sinceMs: 0,
			aliveAtMs: START,
			lastEventAtMs: START + 5_000,
			intervalMs: 60_000,
			events: 5,
			delivered: 5,
			storeRequests: 1,
			hours: [5],
		})
	}
	await env.DB.prepare('UPDATE instances SET name = \'Second\', tags = \'["north","test"]\' WHERE id = 8').run()
	await env.DB.prepare('UPDATE instances SET token_hash = ? WHERE id = 7').bind(hashSecret('of7')).run()
	token = `User ${client.userSecret}, Element of7`
})

const get = (path: string, authorization?: string) =>
	client.call('GET', path, undefined, authorization === undefined ? {} : { authorization })
const places = (answer: { body: any }): string[] => answer.body.map((one: any) => `${one.elementInstanceId}:${one.sequence}`)

describe('a list', () => {
	test('is narrowed by every part of the filter, of one instance, by token and across', async () => {
		expect(places(await get('/instances/7/events?objectId=3'))).toEqual(['7:4'])
		expect(places(await get('/instances/7/events?status=consumed'))).toEqual(['7:5'])
		expect(places(await get('/instances/7/events?status=CONSUMED&status=NOTIFIED&pageSize=2'))).toEqual(['7:5', '7:4'])
		expect(places(await get('/instances/7/events?eventTypes[]=created'))).toEqual([])
		expect(places(await get('/instances/7/events?resources[]=orders&resources[]=x&from=2026-06-01T12:00:03Z'))).toEqual(['7:5', '7:4'])
		expect(places(await get('/instances/events?objectId=3', token))).toEqual(['7:4'])
		expect(places(await get('/instances/events?objectId=3&instanceIds[]=7', token))).toEqual(['7:4'])
		expect(places(await get('/instances/events?objectId=3'))).toEqual(['8:4', '7:4'])
		expect(places(await get('/instances/events?objectId=3&instanceIds[]=8'))).toEqual(['8:4'])
		expect(places(await get('/instances/events?objectId=3&tags[]=north&tags[]=test'))).toEqual(['8:4'])
		expect(places(await get('/instances/events?objectId=3&tags[]=north&tags[]=south'))).toEqual([])
		expect(places(await get('/instances/events?objectId=3&searchText=seCOnd'))).toEqual(['8:4'])
		expect(places(await get('/instances/events?to=2026-06-01T12:00:00.007Z'))).toEqual(['7:1'])
	})

	test('§6.1 stays where it is while new events come', async () => {
		for (const path of ['/instances/7/events', '/instances/events']) {
			const first = await get(`${path}?pageSize=3`)
			client.world.watchers.events.get(7)!.push(loggedEvent(7, 6 + client.world.watchers.events.get(7)!.length, START + 60_000))
			const next = await get(`${path}?pageSize=3&nextPage=${first.headers.get('Elements-Next-Page-Token')}`)
			expect(new Set([...places(first), ...places(next)]).size).toBe(places(first).length + places(next).length)
			expect(places(next)).not.toContain('7:6')
		}
	})

	test.each([
		['eventTypes[]=NEW', 'eventTypes: expected CREATED, UPDATED or DELETED'],
		['status=sent', 'status: expected NEW, RECEIVED, DISPATCHED, CONSUMED or NOTIFIED'],
		['from=soon', 'from: expected a time'],
		['from=2026-06-02&to=2026-06-01', 'to: expected a time not before from'],
		[`text=${'x'.repeat(201)}`, 'text: expected at most 200 characters'],
		['pageSize=0', 'pageSize: expected a whole number from 1 to 200'],
		['nextPage=x', 'nextPage: expected'],
	])('of %s is refused', async (query, message) => {
		for (const path of ['/instances/events', '/instances/7/events', '/instances/7/events/export']) {
			if (path.endsWith('export') && query.startsWith('pageSize')) continue
			const answer = await get(`${path}?${query}`)
			expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(message)])
		}
		expect(client.world.watchers.calls.filter((call) => call.endsWith(' events'))).toEqual([])
	})

	test("of instances that are not the caller's is a 404", async () => {
		for (const query of ['instanceIds[]=9', 'instanceIds[]=7&instanceIds[]=x'])
			expect((await get(`/instances/events?${query}`)).status).toBe(404)
		expect((await get('/instances/events?instanceIds[]=8', token)).status).toBe(404)
		expect((await get('/instances/events?instanceIds[]=7', await addOrganization(2))).status).toBe(404)
	})
})

describe('an export', () => {
	test('has a name, a form and an end, of one instance and across', async () => {
		const one = await get('/instances/7/events/export?format=csv&status=CONSUMED')
		expect(one.headers.get('Content-Disposition')).toBe('attachment; filename="events-7-2026-06-01.csv"')
		expect(one.headers.get('Content-Type')).toContain('text/csv')
		expect(one.body.split('\r\n')).toHaveLength(3)
		const lines = async (path: string, authorization?: string) => {
			const answer = await get(path, authorization)
			return (answer.body as string)
				.trimEnd()
				.split('\n')
				.map((line) => JSON.parse(line))
		}
		const all = await lines('/instances/events/export')
		expect(all.slice(0, -1).map((line: any) => `${line.elementInstanceId}:${line.sequence}`)).toEqual(
			[5, 4, 3, 2, 1].flatMap((n) => [`8:${n}`, `7:${n}`]),
		)
		expect(all.at(-1)).toEqual({ complete: true, events: 10 })
		expect(await lines('/instances/events/export?format=ndjson', token)).toHaveLength(6)
		const page = await get('/instances/events?pageSize=7')
		expect(await lines(`/instances/events/export?nextPage=${page.headers.get('Elements-Next-Page-Token')}`)).toHaveLength(4)
		expect((await get('/instances/7/events/export?format=xls')).body.message).toBe('format: expected csv or ndjson')
	})

	test('that fails before it began is an error; later it breaks off', async () => {
		client.world.watchers.fail = 'events'
		expect((await get('/instances/7/events/export')).status).toBe(500)
	})
})

describe('dispositions', () => {
	test('§6.8 say by which messages events were told', async () => {
		const message = {
			elementKey: 'woocommercerest',
			accountId: 1,
			companyId: 1,
			userId: 1,
			eventId: 'x',
			instanceId: 7,
			instance_id: 7,
			instanceName: 'n',
			instanceTags: [],
			raw: { orders: [], objectType: 'orders' },
			events: [],
		}
		client.world.watchers.notifications.set(7, [
			{
				id: 7e9 + 1,
				subscription: 7,
				url: 'https://hook.example.com/',
				objectType: 'orders',
				events: 5,
				status: 'delivered',
				createdMs: 0,
				updatedMs: 0,
				deliveredMs: 0,
				nextTryMs: null,
				attempts: 1,
				acknowledged: false,
				body: JSON.stringify({ message }),
			},
		])
		const one = await get('/instances/7/events/dispositions?pageSize=2')
		expect(one.body).toEqual(
			[5, 4].map((n) => ({ eventId: loggedEvent(7, n, 0).eventId, elementInstanceId: 7, notificationData: [{ message }] })),
		)
		// One notification tells of several events: it is read once.
		expect(client.world.watchers.calls.filter((call) => call.includes('notification '))).toEqual(['7 notification 1'])
		const rest = await get(`/instances/7/events/dispositions?nextPage=${one.headers.get('Elements-Next-Page-Token')}`)
		expect(rest.body).toHaveLength(3)
		const any = await get('/instances/events/dispositions?from=2026-06-01T12:00:04Z')
		expect(any.body.map((entry: any) => [entry.elementInstanceId, entry.notificationData.length])).toEqual([
			[8, 0],
			[7, 1],
		])
		expect((await get('/instances/events/dispositions', token)).body).toHaveLength(5)
		expect((await get('/instances/events/dispositions?from=2026-06-02&to=2026-06-01')).status).toBe(400)
	})
})

describe('a stream', () => {
	const open = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
		await client.send(
			new Request(`${BASE}${path}`, {
				headers: { Authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}`, ...headers },
			}),
		)

	test('goes on behind the event that was seen last, tells what is recorded, and ends with the instance', async () => {
		const { watchers } = client.world
		let asked = 0
		watchers.onAsk = () => {
			asked++
			if (asked === 4) watchers.events.get(7)!.push(loggedEvent(7, 6, START + 9_000), loggedEvent(7, 7, START + 9_000))
			if (asked === 6) watchers.unknown.add(7)
		}
		const answer = await open('/instances/7/events/stream', { 'Last-Event-ID': loggedEvent(7, 3, 0).eventId, Accept: 'text/event-stream' })
		expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
		const text = await answer.text()
		const ids = [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1])
		expect(ids).toEqual([4, 5, 6, 7].map((n) => loggedEvent(7, n, 0).eventId))
		expect(text.endsWith('event: end\ndata: {"reason":"deleted"}\n\n')).toBe(true)
		const [first] = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!))
		expect(first).toMatchObject({ sequence: 4, elementInstanceId: 7, status: 'NOTIFIED', event: { eventType: 'UPDATED' } })
	})

	test('without a last event begins now; by token too; what could not go on is refused', async () => {
		const { watchers } = client.world
		watchers.running = false
		const answer = await open('/instances/events/stream', { Authorization: token })
		expect(await answer.text()).toBe('retry: 1000\n\nevent: end\ndata: {"reason":"disabled"}\n\n')
		const refused = async (query: string, authorization?: string) => (await get(`/instances/7/events/stream${query}`, authorization)).status
		expect(await refused('?lastEventId=nonsense')).toBe(400)
		expect(await refused(`?lastEventId=${loggedEvent(8, 1, 0).eventId}`)).toBe(400)
		expect(await refused(`?lastEventId=${loggedEvent(7, 9, 0).eventId}`)).toBe(400)
		expect(await refused('', await addOrganization(2))).toBe(404)
		expect((await get('/instances/events/stream')).status).toBe(401)
		await env.DB.prepare('UPDATE instances SET enabled = 0 WHERE id = 7').run()
		expect(await refused('')).toBe(409)
	})
})

describe('counts', () => {
	const HOUR = 3_600_000
	beforeEach(() => {
		const { watchers } = client.world
		const at = (hours: number, count: number, success: number, failed = 0) => ({ atMs: START + hours * HOUR, count, success, failed })
		watchers.tallies = new Map([
			[7, [at(-30, 9, 9), at(-2, 5, 4, 1), at(0, 2, 1)]],
			[8, [at(-2, 1, 1)]],
		])
	})

	test('§6.5 §6.6 in all, by instance and by account, for every interval of the range', async () => {
		const range = 'from=2026-06-01T10:00:00Z&to=2026-06-01T12:00:00Z&interval=hour'
		const hours = ['2026-06-01T10:00:00Z', '2026-06-01T11:00:00Z', '2026-06-01T12:00:00Z']
		const counts = (path: string, authorization?: string) => get(`/instances/events/analytics${path}?${range}`, authorization)
		client.world.watchers.tallies = new Map([
			[
				7,
				[
					{ atMs: Date.parse(hours[0]!), count: 5, success: 4, failed: 1 },
					{ atMs: START, count: 2, success: 1, failed: 0 },
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
			(await get(`/instances/events/analytics/instances?${range}&tags[]=north`)).body[0].records.map((one: any) => one.instanceId),
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
		expect((await by('from=2026-06-01T11:30:00Z&to=2026-06-01T12:30:00Z&interval=hour')).map((one: any) => one.timestamp)).toEqual([
			'2026-06-01T11:00:00Z',
			'2026-06-01T12:00:00Z',
		])
		// Without a range, the last day by hours.
		expect(await by('')).toHaveLength(25)
	})

	test.each([
		['from=2026-06-02&to=2026-06-01', 400, 'to: expected a time not before from'],
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
			expect((await get(`${path}?interval=minute`)).body.message).toContain('an hour or more')
	})
})

describe('a timeline', () => {
	test('is what the object knows, by id and by token', async () => {
		const { watchers } = client.world
		watchers.timeline = {
			objectType: 'orders',
			objectId: '17',
			state: 'live',
			createdMs: START,
			stampMs: START,
			acceptedMs: START,
			objectSequence: 2,
			firstSeenMs: START,
			heldSinceMs: null,
			lookup: { dueMs: START, sinceMs: START, reasons: ['missing'] },
			events: [
				{
					...loggedEvent(7, 1, START),
					confirmedMs: START,
					deliveries: [
						{
							id: 7e9 + 1,
							subscription: 7,
							url: 'https://hook.example.com/',
							objectType: 'orders',
							events: 1,
							status: 'delivered',
							createdMs: START,
							updatedMs: START,
							deliveredMs: START,
							nextTryMs: null,
							attempts: 1,
							acknowledged: false,
							body: null,
							tries: [{ number: 1, startedMs: START, durationMs: 5, delivered: true, status: 204, error: null, url: null, body: '' }],
						},
					],
				},
			],
			next: { number: 1, atMs: START },
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

/** The event log over HTTP: filters, exports, dispositions, streams; what is refused, and that nobody reaches another organization's. */
import { beforeEach, describe, expect, test } from 'vitest'
import { addOrganization, API_BASE, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { sampleEventRow, LOGS_START_MS, insertTwoLogs } from './support.ts'
import type { NotificationReport } from '../../../src/rpc/notification.ts'

let client: ApiClient
let token: string

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	token = await insertTwoLogs(client)
})

const get = (path: string, authorization?: string) =>
	client.call('GET', path, undefined, authorization === undefined ? {} : { authorization })
const places = (answer: { body: any }): string[] =>
	answer.body.map((one: any) => `${one.elementInstanceId}:${one.sequence}`)

describe('a list', () => {
	test('is narrowed by every part of the filter, of one instance, by token and across', async () => {
		expect(places(await get('/instances/7/events?objectId=3'))).toEqual(['7:4'])
		expect(places(await get('/instances/7/events?status=consumed'))).toEqual(['7:5'])
		expect(places(await get('/instances/7/events?status=CONSUMED&status=NOTIFIED&pageSize=2'))).toEqual(['7:5', '7:4'])
		expect(places(await get('/instances/7/events?eventTypes[]=created'))).toEqual([])
		expect(places(await get('/instances/7/events?resources[]=orders&resources[]=x&from=2026-06-01T12:00:03Z'))).toEqual(
			['7:5', '7:4'],
		)
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
		for (const [path, before, behind, number] of [
			['/instances/7/events', ['7:5', '7:4', '7:3'], ['7:2', '7:1'], 6],
			['/instances/events', ['7:6', '8:5', '7:5'], ['8:4', '7:4', '8:3'], 7],
		] as const) {
			const first = await get(`${path}?pageSize=3`)
			expect(places(first)).toEqual(before)
			client.world.watchers.events.get(7)!.push(sampleEventRow(7, number, LOGS_START_MS + 60_000))
			const next = await get(`${path}?pageSize=3&nextPage=${first.headers.get('Elements-Next-Page-Token')}`)
			expect(places(next)).toEqual(behind)
			expect(places(await get(`${path}?pageSize=1`))).toEqual([`7:${number}`])
		}
	})

	test('has the records of the variations that changed beside the record, as text §3.18', async () => {
		const rows = client.world.watchers.events.get(7)!
		rows[4]!.variationRecords = '[{"id":98,"price":1.10}]'
		const { body } = await get('/instances/7/events?pageSize=2')
		expect(body.map((one: any) => one.variationData)).toEqual(['[{"id":98,"price":1.10}]', undefined])
	})

	test('of many instances holds no more of them together than a page; what is too large beside the others is read alone', async () => {
		const { watchers } = client.world
		const record = JSON.stringify({ id: 17, note: 'x'.repeat(5_000_000) })
		watchers.events.get(7)![4]!.record = record
		const { body } = await get('/instances/events?pageSize=3')
		expect(places({ body })).toEqual(['8:5', '7:5', '8:4'])
		expect(body.map((one: any) => one.providerData)).toEqual(['{"id":17}', record, '{"id":17}'])
		expect(watchers.requestedCharacters).toEqual([4_000_000, 4_000_000])
		expect(watchers.calls.filter((call) => / event \d/.test(call))).toEqual(['7 event 5'])
		const lines = ((await get('/instances/events/export')).body as string).trimEnd().split('\n')
		expect(JSON.parse(lines[1]!)).toMatchObject({ sequence: 5, providerData: record })
		expect(lines).toHaveLength(11)
		// Of one instance alone the page says where it ends.
		watchers.calls.length = 0
		expect((await get('/instances/7/events?pageSize=1')).body[0].providerData).toBe(record)
		expect(watchers.calls).toEqual(['7 events'])
	})

	test.each([
		['eventTypes[]=NEW', 'eventTypes: expected CREATED, UPDATED or DELETED'],
		['status=sent', 'status: expected NEW, RECEIVED, DISPATCHED, CONSUMED or NOTIFIED'],
		['from=soon', 'from: expected a time'],
		['from=2026-06-02&to=2026-06-01', 'to: expected a time that is not before from'],
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
		expect(
			await lines(`/instances/events/export?nextPage=${page.headers.get('Elements-Next-Page-Token')}`),
		).toHaveLength(4)
		expect((await get('/instances/7/events/export?format=xls')).body.message).toBe('format: expected csv or ndjson')
	})

	test('that finds nothing reads so much and no more, and says where the next one goes on', async () => {
		const { watchers } = client.world
		watchers.eventsNeverEnd = true
		for (const [path, reads] of [
			['/instances/7/events/export', 800],
			['/instances/events/export', 600],
		] as const) {
			watchers.calls.length = 0
			const { body: said } = await get(`${path}?text=nowhere`)
			expect(said).toEqual({ truncated: true, events: 0, nextPage: expect.any(String) })
			expect(watchers.calls).toHaveLength(reads)
			expect((await get(`${path}?text=nowhere&format=csv`)).body).toMatch(/\r\ntruncated: nextPage=/)
			// It goes on there: the next one finds what lies behind.
			expect((await get(`${path}?nextPage=${said.nextPage}`)).status).toBe(200)
		}
	})

	test('that fails before it began is an error; later it breaks off', async () => {
		client.world.watchers.failingCall = 'events'
		expect((await get('/instances/7/events/export')).status).toBe(500)
	})
})

describe('dispositions', () => {
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
	const told = (instanceId: number, counter: number, name = 'n'): NotificationReport => ({
		id: instanceId * 1e9 + counter,
		subscription: instanceId,
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
		body: JSON.stringify({ message: { ...message, instanceName: name } }),
	})
	/** Five events of each instance, each told by eleven notifications. */
	const tellOften = (name: string): void => {
		for (const id of [7, 8]) {
			client.world.watchers.notifications.set(
				id,
				Array.from({ length: 55 }, (_, n) => told(id, n + 1, name)),
			)
			for (const row of client.world.watchers.events.get(id)!)
				row.notifications = Array.from({ length: 11 }, (_, n) => ({
					id: id * 1e9 + (row.sequence - 1) * 11 + n + 1,
					status: 'delivered',
					createdMs: LOGS_START_MS,
					updatedMs: LOGS_START_MS,
				}))
		}
	}

	test('ask each instance once, however many messages carried its events', async () => {
		tellOften('n')
		const { body } = await get('/instances/events/dispositions')
		expect(body.map((entry: any) => entry.notificationData.length)).toEqual(Array.from({ length: 10 }, () => 11))
		expect(
			client.world.watchers.calls.filter((call) => call.includes('bodies')).map((call) => call.split(' ').length - 2),
		).toEqual([55, 55])
	})

	test('end a page where the messages are enough, and go on from there', async () => {
		// Two events and a half are more than a page holds.
		tellOften('x'.repeat(300_000))
		const seen: string[] = []
		for (let next = ''; ;) {
			const { body, headers } = await get(`/instances/events/dispositions?nextPage=${next}`)
			expect(body.length).toBeLessThanOrEqual(2)
			for (const entry of body) expect(entry.notificationData).toHaveLength(11)
			seen.push(...body.map((entry: any) => entry.eventId))
			next = headers.get('Elements-Next-Page-Token') ?? ''
			if (next === '') break
		}
		expect(seen).toEqual([5, 4, 3, 2, 1].flatMap((n) => [8, 7].map((id) => sampleEventRow(id, n, 0).eventId)))
	})

	test('§6.8 say as a text what became of an event, for each notification that carried it', async () => {
		const reports = [
			{ ...told(7, 1), last: { status: 200, error: null } },
			{ ...told(7, 2), status: 'queued', last: { status: 502, error: null } },
		]
		client.world.watchers.notifications.set(7, reports)
		for (const row of client.world.watchers.events.get(7)!)
			row.notifications = reports.map(({ id, status }) => ({ id, status, createdMs: 0, updatedMs: 0 }))
		const { body } = await get('/instances/7/events/dispositions?pageSize=1')
		expect(body[0].notificationData).toEqual([
			{ notificationId: 7e9 + 1, message: 'Delivered, 200', payload: expect.objectContaining({ instanceName: 'n' }) },
			{
				notificationId: 7e9 + 2,
				message: `Error delivering event ${body[0].eventId}: 502`,
				payload: expect.objectContaining({ instanceName: 'n' }),
			},
		])
		// An object of an earlier version does not know.
		client.world.watchers.failingCall = 'outcomes'
		const unknown = await get('/instances/events/dispositions?instanceIds[]=7&pageSize=1')
		expect(unknown.body[0].notificationData.map((one: any) => one.message)).toEqual([
			'Delivered',
			`Error delivering event ${body[0].eventId}: no response`,
		])
	})

	test('§6.8 have what was sent', async () => {
		client.world.watchers.notifications.set(7, [told(7, 1)])
		const one = await get('/instances/7/events/dispositions?pageSize=2')
		expect(one.body).toEqual(
			[5, 4].map((n) => ({
				eventId: sampleEventRow(7, n, 0).eventId,
				elementInstanceId: 7,
				notificationData: [{ notificationId: 7e9 + 1, message: 'Delivered', payload: message }],
			})),
		)
		// One notification tells of several events: it is read once.
		expect(client.world.watchers.calls.filter((call) => call.includes('bodies'))).toEqual(['7 bodies 1'])
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
			new Request(`${API_BASE}${path}`, {
				headers: { Authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}`, ...headers },
			}),
		)

	test('goes on behind the event that was seen last, sends what is recorded, and ends with the instance', async () => {
		const { watchers } = client.world
		let asked = 0
		watchers.onEventsAfter = () => {
			asked++
			if (asked === 4)
				watchers.events
					.get(7)!
					.push(sampleEventRow(7, 6, LOGS_START_MS + 9_000), sampleEventRow(7, 7, LOGS_START_MS + 9_000))
			if (asked === 6) watchers.unknownIds.add(7)
		}
		const answer = await open('/instances/7/events/stream', {
			'Last-Event-ID': sampleEventRow(7, 3, 0).eventId,
			Accept: 'text/event-stream',
		})
		expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
		const text = await answer.text()
		const ids = [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1])
		expect(ids).toEqual([3, 4, 5, 6, 7].map((n) => sampleEventRow(7, n, 0).eventId))
		expect(text.endsWith('event: end\ndata: {"reason":"deleted"}\n\n')).toBe(true)
		const [first] = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!))
		expect(first).toMatchObject({
			sequence: 4,
			elementInstanceId: 7,
			status: 'NOTIFIED',
			event: { eventType: 'UPDATED' },
		})
	})

	test('that was quiet until it broke off is taken up where it stood, also on an empty log', async () => {
		const { watchers } = client.world
		for (const recorded of [5, 0]) {
			watchers.events.set(
				7,
				Array.from({ length: recorded }, (_, n) => sampleEventRow(7, n + 1, LOGS_START_MS)),
			)
			watchers.running = false
			const id = /^id: (.*)$/m.exec(await (await open('/instances/7/events/stream')).text())![1]!
			watchers.events
				.get(7)!
				.push(sampleEventRow(7, recorded + 1, LOGS_START_MS), sampleEventRow(7, recorded + 2, LOGS_START_MS))
			const text = await (await open('/instances/7/events/stream', { 'Last-Event-ID': id })).text()
			expect([...text.matchAll(/^id: (.*)\nevent: event$/gm)].map((match) => match[1])).toEqual(
				[recorded + 1, recorded + 2].map((n) => sampleEventRow(7, n, 0).eventId),
			)
		}
	})

	test('without a last event begins now; by token too; what could not go on is refused', async () => {
		const { watchers } = client.world
		watchers.running = false
		const answer = await open('/instances/events/stream', { Authorization: token })
		expect(await answer.text()).toBe(
			`retry: 1000\nid: ${sampleEventRow(7, 5, 0).eventId}\n\nevent: end\ndata: {"reason":"disabled"}\n\n`,
		)
		const refused = async (query: string, authorization?: string) =>
			(await get(`/instances/7/events/stream${query}`, authorization)).status
		expect(await refused('?lastEventId=nonsense')).toBe(400)
		expect(await refused(`?lastEventId=${sampleEventRow(8, 1, 0).eventId}`)).toBe(400)
		expect(await refused(`?lastEventId=${sampleEventRow(7, 9, 0).eventId}`)).toBe(400)
		expect(await refused('', await addOrganization(2))).toBe(404)
		expect((await get('/instances/events/stream')).status).toBe(401)
		await env.DB.prepare('UPDATE instances SET enabled = 0 WHERE id = 7').run()
		expect(await refused('')).toBe(409)
	})
})

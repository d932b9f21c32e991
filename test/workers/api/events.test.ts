/** The event log over HTTP: filters, exports, dispositions, streams; what is refused, and that nobody reaches another organization's. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import { eventTag, formatEventId } from '../../../src/events/ids.ts'
import { masterKeys } from '../../../src/instances/sealing.ts'
import { writeStatus } from '../../../src/instances/status.ts'
import type { EventRow } from '../../../src/watcher/log-rpc.ts'
import { addOrganization, BASE, env, freshDatabase, startWorld, type Client } from './harness.ts'
import { fakeInstance } from './support.ts'

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
				event(id, n + 1, START + n * 1_000 + id, { objectId: String(n), ...(n === 4 ? { status: 'CONSUMED' } : {}) }),
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

function event(instanceId: number, sequence: number, recordedMs: number, more: Partial<EventRow> = {}): EventRow {
	const eventId = formatEventId(instanceId, sequence, eventTag(masterKeys(env.MASTER_KEYS)[0]!.bytes, instanceId, sequence))
	return {
		eventId,
		sequence,
		objectType: 'orders',
		objectId: '17',
		eventType: 'UPDATED',
		objectSequence: sequence,
		dateMs: recordedMs - 5_000,
		recordedMs,
		status: 'NOTIFIED',
		source: 'poll',
		record: '{"id":17}',
		entry: JSON.stringify({
			date: '2026-06-01T12:00:00Z',
			elementKey: 'woocommercerest',
			eventType: 'UPDATED',
			hubKey: 'ecommerce',
			objectId: '17',
			objectType: 'orders',
			eventId,
			sequence,
			objectSequence: sequence,
			source: 'poll',
		}),
		notifications: [{ id: instanceId * 1e9 + 1, status: 'delivered', createdMs: recordedMs, updatedMs: recordedMs }],
		...more,
	}
}

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

	test('stays where it is while new events come', async () => {
		for (const path of ['/instances/7/events', '/instances/events']) {
			const first = await get(`${path}?pageSize=3`)
			client.world.watchers.events.get(7)!.push(event(7, 6 + client.world.watchers.events.get(7)!.length, START + 60_000))
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
	test('say by which messages events were told', async () => {
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
			[5, 4].map((n) => ({ eventId: event(7, n, 0).eventId, elementInstanceId: 7, notificationData: [{ message }] })),
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
			if (asked === 4) watchers.events.get(7)!.push(event(7, 6, START + 9_000), event(7, 7, START + 9_000))
			if (asked === 6) watchers.unknown.add(7)
		}
		const answer = await open('/instances/7/events/stream', { 'Last-Event-ID': event(7, 3, 0).eventId, Accept: 'text/event-stream' })
		expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
		const text = await answer.text()
		const ids = [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1])
		expect(ids).toEqual([4, 5, 6, 7].map((n) => event(7, n, 0).eventId))
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
		expect(await refused(`?lastEventId=${event(8, 1, 0).eventId}`)).toBe(400)
		expect(await refused(`?lastEventId=${event(7, 9, 0).eventId}`)).toBe(400)
		expect(await refused('', await addOrganization(2))).toBe(404)
		expect((await get('/instances/events/stream')).status).toBe(401)
		await env.DB.prepare('UPDATE instances SET enabled = 0 WHERE id = 7').run()
		expect(await refused('')).toBe(409)
	})
})

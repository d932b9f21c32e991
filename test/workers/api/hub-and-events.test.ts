/** Reading through an instance: the store's records at the hub, and the event log, of one instance and across all. */
import { refOf } from './harness.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { computeEventTag, formatEventId } from '../../../src/events/ids.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import { runCron } from '../../../src/instances/cron.ts'
import { writeStatus } from '../../../src/instances/status.ts'
import type { StatusReport } from '../../../src/rpc/watcher.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import {
	addOrganization,
	env,
	resetDatabase,
	createServices,
	startApiWorld,
	instanceBodyForStore,
	type ApiClient,
} from './harness.ts'
import { sampleEventRow } from './support.ts'

let store: SimulatedStore
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	store = createStore({
		objects: { orders: 230, products: 5, coupons: 3, customers: 7 },
		url: 'https://shop.example.com',
		now: () => Date.parse('2026-06-01T12:00:00Z'),
	})
	client = await startApiWorld((request) => store.fetch(request))
})

async function make(
	configuration: Record<string, unknown> = {},
	rest: Record<string, unknown> = {},
): Promise<{ id: number; token: string; authorization: string }> {
	const { body } = await client.call('POST', '/instances', instanceBodyForStore(store, configuration, rest))
	return { id: body.id, token: body.token, authorization: `User ${client.userSecret}, Element ${body.token}` }
}

describe('the hub', () => {
	test('§8.10 §8.11 pages of any size hold the same records in the same order, and the headers count them', async () => {
		const { authorization } = await make()
		const get = (query: string) => client.call('GET', `/hubs/ecommerce/orders?${query}`, undefined, { authorization })
		const ids = (answer: { body: any }) => answer.body.map((order: any) => order.id)
		const all = await get('')
		expect(all.body).toHaveLength(200)
		expect(all.headers.get('Elements-Returned-Count')).toBe('200')
		const total = Number(all.headers.get('Elements-Total-Count'))
		expect(total).toBeGreaterThan(200)
		const rest = await get(`nextPage=${all.headers.get('Elements-Next-Page-Token')}`)
		expect(rest.body).toHaveLength(total - 200)
		expect(rest.headers.get('Elements-Next-Page-Token')).toBeNull()
		const whole = [...ids(all), ...ids(rest)]
		expect(new Set(whole).size).toBe(total)
		for (const size of [7, 75, 100]) {
			const joined = [...ids(await get(`page=1&pageSize=${size}`)), ...ids(await get(`page=2&pageSize=${size}`))]
			expect(joined).toEqual(ids(await get(`pageSize=${size * 2}`)))
			expect(joined).toEqual(whole.slice(0, size * 2))
		}
		expect(ids(await get('page=2&pageSize=151'))).toEqual(whole.slice(151, 302))
		expect((await get('page=99')).body).toEqual([])
	})

	test('orderBy orders by what the store can order by, page after page; anything else is a 400 that names what is possible', async () => {
		const { authorization } = await make()
		const get = (path: string) => client.call('GET', path, undefined, { authorization })
		const orders = (await get('/orders?orderBy=id')).body.map((order: any) => order.id)
		expect(orders).toHaveLength(200)
		expect(orders).toEqual(orders.toSorted((a: number, b: number) => a - b))
		const [newest, oldest] = [
			await get('/orders?orderBy=date_modified desc&pageSize=50'),
			await get('/orders?orderBy=modified_date&pageSize=50'),
		]
		const stamps = newest.body.map((order: any) => order.date_modified_gmt)
		expect(stamps).toEqual(stamps.toSorted().toReversed())
		expect(stamps[0] > oldest.body[0].date_modified_gmt).toBe(true)
		const two = [1, 2].map((page) => get(`/orders?orderBy=created_date%20DESC&pageSize=30&page=${page}`))
		const joined = (await Promise.all(two)).flatMap((page) =>
			page.body.map((order: any) => order.date_created_gmt as string),
		)
		expect(joined).toEqual(joined.toSorted((a: string, b: string) => b.localeCompare(a)))
		const filtered = (await get(`/orders?orderBy=id desc&where=${encodeURIComponent("total > '0'")}&pageSize=20`)).body
		expect(filtered.map((order: any) => order.id)).toEqual(
			filtered.map((order: any) => order.id).toSorted((a: number, b: number) => b - a),
		)
		const dates = (await get('/customers?orderBy=date_created')).body.map((one: any) => one.date_created_gmt)
		expect(dates).toEqual(dates.toSorted())
		for (const orderBy of ['total desc', 'id down', 'id,date_created', 'after', '1', "id' --", 'x'.repeat(300)]) {
			const { status, body } = await get(`/orders?orderBy=${encodeURIComponent(orderBy)}`)
			expect([status, body.message], orderBy).toEqual([400, expect.stringContaining('orderBy: expected')])
		}
		expect((await get('/orders?orderBy=total')).body.message).toContain('id, date_created, date_modified')
		expect((await get('/customers?orderBy=date_modified')).body.message).not.toContain('date_modified,')
		expect((await get('/payment-gateways?orderBy=id')).body.message).toContain('no order')
	})
})

function report(instanceId: number, lastEventAtMs: number | null, aliveAtMs: number): StatusReport {
	return {
		instanceId,
		incarnation: refOf(instanceId).incarnation,
		state: 'healthy',
		reason: '',
		sinceMs: 0,
		aliveAtMs,
		lastEventAtMs,
		intervalMs: 60_000,
		events: 1,
		delivered: 1,
		storeRequests: 1,
		hours: [1],
	}
}

describe('the event log', () => {
	test('of one instance: newest first, in pages, by id or token; each id resolves §6.1 §6.2 §6.3', async () => {
		const { id, authorization } = await make()
		const base = client.world.nowMs
		client.world.watchers.events.set(
			id,
			[1, 2, 3].map((n) => sampleEventRow(id, n, base + n * 60_000)),
		)
		const first = await client.call('GET', `/instances/${id}/events?pageSize=2`)
		expect(first.body.map((event: any) => event.sequence)).toEqual([3, 2])
		const second = await client.call(
			'GET',
			`/instances/events?pageSize=2&nextPage=${first.headers.get('Elements-Next-Page-Token')}`,
			undefined,
			{ authorization },
		)
		expect(second.body.map((event: any) => event.sequence)).toEqual([1])
		expect(second.headers.get('Elements-Next-Page-Token')).toBeNull()
		const [event] = first.body
		expect(event).toMatchObject({
			status: 'NOTIFIED',
			providerData: '{"id":17}',
			eventDate: '2026-06-01T12:02:55Z',
			eventType: 'UPDATED',
			notifiedData: [{ id: id * 1e9 + 3, status: 'delivered' }],
			eventElementInstances: [{ eventId: event.id, elementInstanceId: id, notificationId: id * 1e9 + 3 }],
		})
		for (const path of [`/instances/events/${event.id}`, `/instances/${id}/events/${event.id}`])
			expect((await client.call('GET', path)).body).toEqual(event)
		expect((await client.call('GET', `/instances/events/${event.id}`, undefined, { authorization })).body).toEqual(
			event,
		)
		const ranged = await client.call('GET', `/instances/${id}/events?from=2026-06-01T12:02:00Z&to=2026-06-01T12:02:30`)
		expect(ranged.body.map((item: any) => item.sequence)).toEqual([2])
	})

	test("guessed ids, other instances' and other organizations' events do not exist, and no object is asked", async () => {
		const [one, other] = [await make(), await make()]
		client.world.watchers.events.set(one.id, [sampleEventRow(one.id, 1, client.world.nowMs)])
		const { eventId } = sampleEventRow(one.id, 1, 0)
		const guessed = formatEventId(
			one.id,
			1,
			(computeEventTag(parseMasterKeys(env.MASTER_KEYS)[0]!.bytes, refOf(one.id).incarnation, 1) + 1) % 2 ** 24,
		)
		client.world.watchers.calls.length = 0
		const stranger = await addOrganization(2)
		for (const [path, authorization] of [
			[`/instances/events/${guessed}`, undefined],
			['/instances/events/nonsense', undefined],
			[`/instances/${other.id}/events/${eventId}`, undefined],
			[`/instances/events/${eventId}`, other.authorization],
			[`/instances/events/${eventId}`, stranger],
		] as const)
			expect(
				(await client.call('GET', path, undefined, authorization === undefined ? {} : { authorization })).status,
				path,
			).toBe(404)
		expect(client.world.watchers.calls).toEqual([])
	})

	test('across instances: a merge by recorded time, instance and sequence, in pages without gap or repeat', async () => {
		const made = [await make(), await make({}, { tags: ['special'] }), await make()]
		const base = client.world.nowMs
		const all: string[] = []
		for (const [index, { id }] of made.entries()) {
			const rows = Array.from({ length: 9 }, (_, n) => sampleEventRow(id, n + 1, base + n * 1000 + (n % 2) * index))
			client.world.watchers.events.set(id, rows)
			all.push(...rows.map((row) => row.eventId))
			await writeStatus(env, report(id, base + 8000, base))
		}
		const seen: any[] = []
		let next: string | null = ''
		while (next !== null) {
			const page: Awaited<ReturnType<ApiClient['call']>> = await client.call(
				'GET',
				`/instances/events?pageSize=4${next === '' ? '' : `&nextPage=${next}`}`,
			)
			seen.push(...page.body)
			next = page.headers.get('Elements-Next-Page-Token')
		}
		expect(new Set(seen.map((event) => event.id))).toEqual(new Set(all))
		expect(seen).toHaveLength(all.length)
		const keys = seen.map((event) => [event.recordedDate, event.elementInstanceId, event.sequence])
		expect(keys).toEqual([...keys].sort((a, b) => (a[0] < b[0] ? 1 : a[0] > b[0] ? -1 : b[1] - a[1] || b[2] - a[2])))
		const special = (await client.call('GET', '/instances/events?tags[]=special')).body
		expect(special).toHaveLength(9)
		expect(special.every((event: any) => event.elementInstanceId === made[1]!.id)).toBe(true)
		expect(
			(await client.call('GET', `/instances/events?from=${new Date(base + 8000).toISOString()}`)).body,
		).toHaveLength(3)
		expect((await client.call('GET', '/instances/events?from=2026-06-02&to=2026-06-01')).status).toBe(400)
		expect((await client.call('GET', '/instances/events?from=soon')).status).toBe(400)
		expect(
			(await client.call('GET', '/instances/events', undefined, { authorization: await addOrganization(2) })).body,
		).toEqual([])
	})

	test('more than 200 instances in the range is a 400 that says how to narrow', async () => {
		const { id } = await make()
		await env.DB.prepare(
			`WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
			INSERT INTO instances (id, organization_id, user_id, state, version, enabled, events_enabled, element_key, name, tags, configuration, connection, token_hash, token_sealed, subscription_id, created_ms, updated_ms) SELECT i, organization_id, user_id, state, version, enabled, events_enabled, element_key, name, tags, configuration, connection, 'h' || i, token_sealed, i, created_ms, updated_ms FROM instances, n WHERE id = ?`,
		)
			.bind(id)
			.run()
		await env.DB.prepare(
			"INSERT INTO instance_status SELECT id, 1, 'healthy', '', 0, 0, 5, 60000, 0, 0, 0, '[]', NULL, NULL FROM instances WHERE id >= 1000",
		).run()
		const { status, body } = await client.call('GET', '/instances/events')
		expect([status, body.message]).toEqual([400, expect.stringContaining('filter by')])
	})

	test('an object that lost its storage is made again when it is asked', async () => {
		const { id } = await make()
		client.world.watchers.unknownIds.add(id)
		expect((await client.call('GET', `/instances/${id}/events`)).status).toBe(200)
		expect(client.world.watchers.calls.slice(1)).toEqual([`${id} events`, `${id} create`, `${id} events`])
	})
})

describe('the cron', () => {
	const hour = 3_600_000
	const services = () => ({ ...createServices(client.world), env })

	test('wakes what is overdue and nothing else, and leaves the woken alone for a while', async () => {
		const [fresh, late, slow, disabled, hub, lost] = [
			await make(),
			await make(),
			await make(),
			await make(),
			await make({ 'event.notification.enabled': false }),
			await make(),
		]
		await client.call('DELETE', `/instances/${disabled.id}/enabled`)
		const now = (client.world.nowMs += 5 * hour)
		await writeStatus(env, report(fresh.id, null, now - hour))
		await writeStatus(env, report(late.id, null, now - 3 * hour))
		await writeStatus(env, { ...report(slow.id, null, now - 3 * hour), intervalMs: 2 * hour })
		await writeStatus(env, report(disabled.id, null, now - 9 * hour))
		await writeStatus(env, report(hub.id, null, now - 9 * hour))
		await writeStatus(env, report(lost.id, null, now - 9 * hour))
		client.world.watchers.unknownIds.add(lost.id)
		client.world.watchers.calls.length = 0
		expect(await runCron(services())).toEqual({ woken: 2, cleared: 0 })
		expect(client.world.watchers.calls.sort()).toEqual([`${late.id} wake`, `${lost.id} create`, `${lost.id} wake`])
		expect(await runCron(services())).toEqual({ woken: 0, cleared: 0 })
		client.world.nowMs += hour
		client.world.watchers.failingCall = 'wake'
		expect(await runCron(services())).toEqual({ woken: 0, cleared: 0 })
	})

	test('clears away what stayed half-made, and goes on with deletions until they succeed', async () => {
		const [halfMade, ready] = [await make(), await make()]
		await env.DB.prepare("UPDATE instances SET state = 'creating' WHERE id = ?").bind(halfMade.id).run()
		expect((await runCron(services())).cleared).toBe(0)
		client.world.nowMs += hour / 2
		client.world.watchers.failingCall = 'destroy'
		expect((await client.call('DELETE', `/instances/${ready.id}`)).status).toBe(200)
		expect((await client.call('GET', '/orders', undefined, ready)).status).toBe(401)
		expect((await runCron(services())).cleared).toBe(0)
		expect((await env.DB.prepare('SELECT state FROM instances').all()).results).toEqual([
			{ state: 'deleted' },
			{ state: 'deleted' },
		])
		await writeStatus(env, report(ready.id, null, 0))
		client.world.watchers.failingCall = null
		expect((await runCron(services())).cleared).toBe(2)
		expect((await env.DB.prepare('SELECT id FROM instances').all()).results).toEqual([])
		expect((await env.DB.prepare('SELECT instance_id FROM instance_status').all()).results).toEqual([])
	})

	test('ids are never handed out twice', async () => {
		const { id } = await make()
		await client.call('DELETE', `/instances/${id}`)
		expect((await make()).id).toBeGreaterThan(id)
	})
})

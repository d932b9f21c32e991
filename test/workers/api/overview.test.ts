/** All instances together: what needs attention, the figures of 24 hours, the list of states; each in one query. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashSecret, newToken } from '../../../src/accounts/secrets.ts'
import { toHour, type ActivityHour } from '../../../src/events/activity.ts'
import { writeStatus } from '../../../src/instances/status.ts'
import type { ActivityReport, StatusReport } from '../../../src/rpc/watcher.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertThousand } from '../ui/browser.ts'
import { countQueries, insertInstance, insertReportingInstance, statusReport } from './support.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
})

const report = (id: number, overrides: Partial<StatusReport> = {}): StatusReport => statusReport(client, id, overrides)
const insertReporting = (
	id: number,
	columns: Record<string, string | number | null>,
	overrides: Partial<StatusReport> = {},
	activity: Partial<ActivityReport> = {},
): Promise<void> => insertReportingInstance(client, id, columns, overrides, activity)

const hourAgo = (
	hours: number,
	[created, updated, deleted]: [number, number, number],
	lags: number[],
): ActivityHour => [
	toHour(client.world.nowMs) - hours,
	created,
	updated,
	deleted,
	created + updated + deleted,
	1,
	hours === 1 ? 2 : 0,
	lags,
]

/** A session of the organization, with that role. */
async function session(role: 'viewer' | 'developer'): Promise<string> {
	const id = role === 'viewer' ? 8 : 9
	const token = newToken('session')
	await env.DB.batch([
		env.DB.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, role, secret_hash, secret_sealed, created_ms) VALUES (?1, 1, ?2, 'V', 'I', ?2, ?2, '', 0)",
		).bind(id, role),
		env.DB.prepare(
			"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, ?, '', 0, ?)",
		).bind(hashSecret(token), id, client.world.nowMs + 24 * HOUR_MS),
	])
	return `Bearer ${token}`
}

const overview = async (authorization?: string): Promise<any> =>
	(await client.call('GET', '/instances/overview', undefined, authorization === undefined ? {} : { authorization }))
		.body
const states = async (query = ''): Promise<any[]> => (await client.call('GET', `/instances/states${query}`)).body

describe('the overview', () => {
	test('of no instances is calm', async () => {
		expect(await overview()).toEqual({
			asOf: null,
			attention: { total: 0, items: [] },
			changes: { total: 0, created: 0, updated: 0, deleted: 0 },
			delivered: { changes: 0, notifications: 0, p50Ms: null, p99Ms: null },
			waiting: { events: 0, since: null, instances: 0 },
			recovered: 0,
			instances: { total: 0, states: [], worst: [] },
		})
	})

	test('names what needs attention, worst first, with number, sentence and fix §12.1', async () => {
		await insertReporting(
			7,
			{ name: 'Kiosk Nord' },
			{ state: 'deletions-held', reason: 'products: …' },
			{ held: [{ resource: 'products', deletions: 214, changes: 0 }] },
		)
		await insertReporting(8, { name: 'Alder & Oak' }, { state: 'needs-reauth', reason: '401' })
		await insertReporting(9, { name: 'Fine' })
		await insertReporting(10, {}, { state: 'store-unreachable', sinceMs: client.world.nowMs - 14 * MINUTE_MS })
		await insertReporting(11, { enabled: 0 }, { state: 'needs-reauth' })
		const { attention, instances } = await overview()
		expect(attention).toMatchObject({
			total: 2,
			items: [
				{ instanceId: 8, name: 'Alder & Oak', state: 'needs-reauth', count: null, fix: 're-authentication' },
				{
					instanceId: 7,
					name: 'Kiosk Nord',
					state: 'deletions-held',
					since: '2026-06-01T11:00:00Z',
					count: 214,
					text: '214 products disappeared at once. No DELETED events were sent; confirm or dismiss them.',
					fix: 'deletions',
				},
			],
		})
		expect(instances).toEqual({
			total: 5,
			states: [
				{ state: 'needs-reauth', instances: 1 },
				{ state: 'store-unreachable', instances: 1 },
				{ state: 'deletions-held', instances: 1 },
				{ state: 'healthy', instances: 1 },
				{ state: 'disabled', instances: 1 },
			],
			worst: [8, 10, 7, 9, 11].map((id) => expect.objectContaining({ id })),
		})
		client.world.nowMs += 2 * MINUTE_MS
		expect((await overview()).attention.items.map((item: any) => item.state)).toEqual([
			'needs-reauth',
			'store-unreachable',
			'deletions-held',
		])
	})

	test('names what failed before what waits for a decision, and lists 50 instances in that order §12.1', async () => {
		for (let id = 1000; id < 1060; id++) await insertReporting(id, {})
		await insertReporting(2001, { name: 'Held' }, { state: 'changes-held' })
		await insertReporting(2002, { name: 'Failing' }, { state: 'callback-failing' })
		await insertReporting(999, { name: 'Off', enabled: 0 })
		const { attention, instances } = await overview()
		expect(attention.items.map((item: any) => item.name)).toEqual(['Failing', 'Held'])
		expect(instances.worst).toHaveLength(50)
		expect(instances.worst.slice(0, 3).map(({ id }: any) => id)).toEqual([2002, 2001, 1000])
		expect(instances.worst[0]).toEqual((await states('?instanceId=2002'))[0])
	})

	test('names at most 100, and says how many there are §12.1', async () => {
		for (let id = 1000; id < 1103; id++) await insertReporting(id, {}, { state: 'needs-reauth' })
		const { attention } = await overview()
		expect(attention.total).toBe(103)
		expect(attention.items).toHaveLength(100)
	})

	test('adds the figures of 24 hours, as of now however old a report is §12.2', async () => {
		await insertReporting(7, {}, {}, { hours: [hourAgo(1, [1, 2, 3], [0, 0, 6]), hourAgo(23, [9, 0, 0], [0, 0, 9])] })
		await insertReporting(
			8,
			{},
			{},
			{ hours: [hourAgo(0, [0, 1, 0], [0, 0, 0, 0, 0, 1])], waiting: 3, waitingSinceMs: client.world.nowMs - 40_000 },
		)
		await insertInstance(client, 9)
		const body = await overview()
		expect(body).toMatchObject({
			asOf: '2026-06-01T11:59:00Z',
			changes: { total: 16, created: 10, updated: 3, deleted: 3 },
			delivered: { changes: 16, notifications: 3 },
			waiting: { events: 3, since: '2026-06-01T11:59:20Z', instances: 1 },
			recovered: 2,
			instances: { total: 3 },
		})
		expect(body.delivered.p50Ms).toBeGreaterThan(1_000)
		expect(body.delivered.p50Ms).toBeLessThanOrEqual(2_000)
		expect(body.delivered.p99Ms).toBeGreaterThan(10_000)
		expect(body.delivered.p99Ms).toBeLessThanOrEqual(30_000)
		client.world.nowMs += HOUR_MS
		expect(await overview()).toMatchObject({ changes: { total: 7 }, delivered: { changes: 7 }, recovered: 2 })
		client.world.nowMs += 24 * HOUR_MS
		expect(await overview()).toMatchObject({ changes: { total: 0 }, delivered: { p50Ms: null }, recovered: 0 })
	})

	test('knows rows that objects of earlier versions wrote', async () => {
		await insertInstance(client, 7)
		const { activity: _activity, ...earlier } = report(7, { state: 'deletions-held' })
		await writeStatus(env, earlier)
		expect(await overview()).toMatchObject({
			attention: { items: [{ count: null, text: expect.stringMatching(/^Too many objects disappeared at once\./) }] },
			changes: { total: 0 },
		})
		expect((await states())[0]).toMatchObject({ changes: [...Array.from({ length: 22 }, () => 0), 5, 0], lagMs: null })
		client.world.nowMs += 2 * HOUR_MS
		expect((await states())[0].changes.slice(-4)).toEqual([5, 0, 0, 0])
	})

	test('is of the caller’s organization alone, and may be seen by viewers', async () => {
		const other = await addOrganization(2)
		await insertReporting(7, {}, { state: 'full' }, { hours: [hourAgo(0, [1, 0, 0], [])] })
		expect(await overview(other)).toMatchObject({
			attention: { total: 0 },
			instances: { total: 0 },
			changes: { total: 0 },
		})
		expect(await overview(await session('viewer'))).toMatchObject({ attention: { total: 1 }, changes: { total: 1 } })
	})
})

describe('states of instances', () => {
	beforeEach(async () => {
		const configuration = (url: string, type?: string): string =>
			JSON.stringify({ 'store.url': url, ...(type === undefined ? {} : { 'event.vendor.type': type }) })
		await insertReporting(
			7,
			{
				name: 'Riverside',
				tags: '["shop","north"]',
				configuration: configuration('https://riverside.example', 'hybrid'),
			},
			{},
			{ hours: [hourAgo(1, [1, 1, 0], [0, 2])], waiting: 1 },
		)
		await insertReporting(
			8,
			{ name: 'Alder', tags: '["shop"]', configuration: configuration('https://Oak.example', 'webhook') },
			{ state: 'connecting', lastEventAtMs: null },
			{ progress: { done: 62, total: 100 } },
		)
		await insertInstance(client, 9, { name: 'New', tags: '[]', configuration: configuration('https://new.example') })
		await insertReporting(10, {
			name: 'Off',
			tags: '[]',
			events_enabled: 0,
			configuration: configuration('https://off.example', 'hybrid'),
		})
	})

	test('have all that a row shows §12.3', async () => {
		const [riverside, alder, fresh, off] = await states()
		expect(riverside).toEqual({
			id: 7,
			name: 'Riverside',
			storeUrl: 'https://riverside.example',
			state: 'healthy',
			reason: 'The last poll of every resource succeeded.',
			since: '2026-06-01T11:00:00Z',
			mode: 'hybrid',
			tags: ['shop', 'north'],
			changes: [...Array.from({ length: 22 }, () => 0), 2, 0],
			lagMs: 625,
			waiting: 1,
			lastChange: '2026-06-01T11:58:00Z',
			progress: null,
			reportedAt: '2026-06-01T11:59:00Z',
		})
		expect(alder).toMatchObject({ state: 'connecting', mode: 'webhook', progress: { done: 62, total: 100 } })
		expect(fresh).toMatchObject({
			state: 'connecting',
			mode: 'polling',
			reason: '',
			reportedAt: null,
			lastChange: null,
		})
		expect(off).toMatchObject({ mode: 'off' })
	})

	test.each([
		['?searchText=RIVER', [7]],
		['?searchText=oak.EXAMPLE', [8]],
		['?searchText=9', [9]],
		['?instanceId=9', [9]],
		['?instanceId=9&searchText=RIVER', []],
		['?instanceId=99', []],
		['?searchText=nothing', []],
		['?state=connecting', [8, 9]],
		['?mode=polling', [9]],
		['?mode=off', [10]],
		['?tags[]=shop', [7, 8]],
		['?tags[]=shop&tags[]=north', [7]],
		['?state=healthy&mode=hybrid&tags[]=shop', [7]],
	])('%s: %j §12.3', async (query, ids) => {
		const { body, headers } = await client.call('GET', `/instances/states${query}`)
		expect(body.map(({ id }: any) => id)).toEqual(ids)
		expect(headers.get('Elements-Total-Count')).toBe(String(ids.length))
	})

	test.each([['state=broken'], ['mode=push'], ['pageSize=0'], ['nextPage=x']])('%s: 400', async (query) => {
		const { status, body } = await client.call('GET', `/instances/states?${query}`)
		expect(status).toBe(400)
		expect(body.message).toContain(query.split('=')[0])
	})

	test('of another organization are not listed', async () => {
		const { body } = await client.call('GET', '/instances/states', undefined, {
			authorization: await addOrganization(2),
		})
		expect(body).toEqual([])
	})
})

test('a thousand instances: each call reads D1 once besides the caller, calls no object, and pages have 50 §12.4', async () => {
	await insertThousand(client)
	const counts = countQueries(client)
	const begunMs = performance.now()
	const { attention, changes } = await overview()
	expect(performance.now() - begunMs).toBeLessThan(5_000)
	expect([attention.total, changes.total]).toEqual([200, 1000 * 24 * 27])
	// One for the caller.
	expect(counts).toEqual({ trips: 2, statements: 2 })
	const { body, headers } = await client.call('GET', '/instances/states')
	expect(body).toHaveLength(50)
	expect(headers.get('Elements-Total-Count')).toBe('1000')
	expect(counts).toEqual({ trips: 4, statements: 4 })
	const next = await states(`?nextPage=${headers.get('Elements-Next-Page-Token')}`)
	expect(next[0].id).toBe(body.at(-1).id + 1)
	expect(client.world.watchers.calls).toEqual([])
})

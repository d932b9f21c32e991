/** Storage as an earlier version left it (`test/fixtures/storage`) is opened by this one and goes on: ids stay, cursors go on, nothing rings twice. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { getCoverageReport } from '../../../src/watcher/queries/coverage.ts'
import { toWebhooksReport } from '../../../src/watcher/queries/webhook-reports.ts'
import { getNotificationPage, getSubscriptionReports } from '../../../src/watcher/queries/deliveries.ts'
import { releaseSubscriptions } from '../../../src/watcher/outbox/commands.ts'
import { getEventPage } from '../../../src/watcher/queries/log-pages.ts'
import { runReplay, getResends } from '../../../src/watcher/outbox/replays.ts'
import { buildHealth, buildPollerReport } from '../../../src/watcher/queries/reports.ts'
import { needsMigration } from '../../../src/watcher/core/tables.ts'
import { World } from '../../support/world.ts'
import { HOUR_MS, MINUTE_MS, arrivalsSince } from '../../support/stories.ts'
import { getRejections } from '../../../src/watcher/log/rejections.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/storage')

interface Left {
	nowMs: number
	alarmMs: number | null
	arrivals: { eventId: string; eventType: string; objectType: string; objectId: string; objectSequence: number }[]
	records: Record<string, Record<string, unknown>[]>
}

/** The world as it was left, with this version's code over the old storage. The row in D1 is already this version's. */
async function reopened(name: string): Promise<{ world: World; left: Left }> {
	const left = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Left
	const world = await World.create({
		startMs: left.nowMs,
		pollIntervalMs: 5 * MINUTE_MS,
		store: { world: { records: left.records, nextId: { posts: 9_000, users: 900 } } },
	})
	const { db } = world.sql
	for (const { name: table } of db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all())
		db.exec(`DROP TABLE ${String(table)}`)
	db.exec(readFileSync(join(FIXTURES, `${name}.sql`), 'utf8'))
	world.evict()
	world.alarmMs = left.alarmMs
	world.baselineEndMs = world.t0Ms - 1
	return { world, left }
}

describe.each(['polling'])('storage as it was left: %s', (name) => {
	test('is read as it is, before anything was written', async () => {
		const { world } = await reopened(name)
		expect(needsMigration(world.sql)).toBe(true)
		const core = world.engine.getCore()!
		expect(needsMigration(world.sql)).toBe(false)
		expect(core.config.hooks).toBeNull()
		expect(buildHealth(core).state).toBe('callback-failing')
		expect(buildPollerReport(core).resources.map((one) => one.baseline.complete)).toEqual([true, true, true, true])
		expect(toWebhooksReport(core)).toMatchObject({ webhooks: [], degraded: null, deliveries: { taken: 0 } })
		expect(getRejections(core).counts).toEqual({})
		expect(getCoverageReport(core, 0, world.nowMs)).toMatchObject({ report: { firstByWebhook: 0, confirmed: 0 } })
	})

	test('goes on: what waited is sent, what was doubtful is decided, nothing is sent again', async () => {
		const { world, left } = await reopened(name)
		const before = left.arrivals.map(({ eventId }) => eventId)
		const recorded = world.sql.all<{ n: number }>(`SELECT max(sequence) AS n FROM events`)[0]!.n
		const cursors = world.engine.getCore()!.state.resources.map((rs) => rs.cursorMs!)
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world).filter((one) => one.startsWith('UPDATED orders')).length).toBe(2)
		expect(arrivalsSince(world).filter((one) => one.startsWith('DELETED products')).length).toBe(1)
		expect(world.arrivals.length).toBe(3)
		expect(world.arrivals.map(({ eventId }) => eventId).filter((id) => before.includes(id))).toEqual([])
		const sequences = (label: string): number[] =>
			world.arrivals.filter(({ objectType }) => objectType === label).map(({ objectSequence }) => objectSequence)
		expect([sequences('orders'), sequences('products')]).toEqual([[1, 2], [1]])
		expect(world.sql.all<{ n: number }>(`SELECT max(sequence) AS n FROM events`)[0]!.n).toBe(recorded + 1)
		world.engine
			.getCore()!
			.state.resources.forEach((rs, index) => expect(rs.cursorMs!).toBeGreaterThan(cursors[index]!))
		expect(world.logs.filter(({ event }) => event.includes('failed'))).toEqual([])
	})

	test('what happens next is sent under the next numbers', async () => {
		const { world, left } = await reopened(name)
		await world.advance(3 * HOUR_MS)
		const from = world.arrivals.length
		const first = left.arrivals.find((one) => one.objectType === 'orders')!
		world.store.act({
			do: 'edit',
			resource: 'orders',
			id: Number(first.objectId),
			set: { customer_note: 'told after' },
		})
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED orders ${first.objectId}`])
		expect(world.arrivals[from]).toMatchObject({
			objectSequence: first.objectSequence + 1,
			previousSequence: first.objectSequence,
		})
		await world.runUntilQuiet()
		expect(arrivalsSince(world).length).toBe(from + 1)
	})

	test('webhooks can be switched on over it', async () => {
		const { world } = await reopened(name)
		await world.advance(HOUR_MS)
		const from = world.arrivals.length
		await world.configure({
			vendorType: 'webhook',
			hooks: {
				version: 1,
				previousUntilMs: null,
				reconcileMs: HOUR_MS,
				deliveryUrl: 'https://bell.example.com/elements/api-v2/events/woocommercerest/Nw==?v=1',
			},
		})
		await world.advance(MINUTE_MS)
		expect(world.store.webhooks().length).toBe(16)
		const id = Number([...world.store.state('orders').keys()][0])
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world, from)).toEqual([`UPDATED orders ${id}`])
		expect(getCoverageReport(world.engine.getCore()!, 0, world.nowMs + 1)).toMatchObject({
			report: { firstByWebhook: 1 },
		})
	})
})

describe('storage as it was left: webhooks', () => {
	const hooks = {
		version: 1,
		previousUntilMs: null,
		reconcileMs: 5 * MINUTE_MS,
		deliveryUrl: 'https://bell.example.com/elements/api-v2/events/woocommercerest/Nw==?v=1',
	}

	/** Opened, with the row in D1 as it was then but for what came later. */
	async function hooked(): Promise<{ world: World; left: Left }> {
		const opened = await reopened('webhooks')
		opened.world.config = { ...opened.world.config, vendorType: 'webhook', hooks }
		return opened
	}

	test('a deactivated callback stays so; what waited for it is queued, seen in lists, and sent in order once it is released', async () => {
		const { world, left } = await hooked()
		expect(needsMigration(world.sql)).toBe(true)
		const core = world.engine.getCore()!
		expect(buildHealth(core)).toMatchObject({ state: 'deactivated', callback: { lastStatus: '410' } })
		expect(getSubscriptionReports(core)).toMatchObject([{ active: false, url: 'https://callback.example.com/hook' }])
		await world.advance(HOUR_MS)
		expect(world.arrivals).toEqual([])
		const queued = getNotificationPage(world.engine.getCore()!, { pageSize: 50, statuses: ['queued'] }).notifications
		// The one that met the 410, the event that waited behind it, and the deletion that was found since.
		expect(queued).toHaveLength(3)
		expect(releaseSubscriptions(world.engine.getCore()!, {})).toBe(3)
		await world.engine.sendDueDoorbell(world.engine.getCore()!)
		world.engine.updateAlarm(world.engine.getCore()!)
		await world.advance(MINUTE_MS)
		const before = left.arrivals.map(({ eventId }) => eventId)
		expect(world.arrivals.map(({ eventId }) => eventId).filter((id) => before.includes(id))).toEqual([])
		const orders = world.arrivals.filter((one) => one.objectType === 'orders')
		expect(orders.map(({ objectSequence }) => objectSequence)).toEqual([1, 2])
		expect(arrivalsSince(world).filter((one) => one.startsWith('DELETED products'))).toHaveLength(1)
		expect(world.logs.filter(({ event }) => event.includes('failed'))).toEqual([])
	})

	test('what was delivered before can be replayed, and says so', async () => {
		const { world, left } = await hooked()
		const core = world.engine.getCore()!
		releaseSubscriptions(core, {})
		expect(runReplay(core, { events: { status: 'NOTIFIED' } }, false)).toMatchObject({
			report: { status: 'running', total: 4 },
		})
		await world.engine.sendDueDoorbell(core)
		world.engine.updateAlarm(core)
		await world.advance(MINUTE_MS)
		const again = world.arrivals.filter((one) => one.replay).map(({ eventId }) => eventId)
		expect(again.toSorted()).toEqual(left.arrivals.map(({ eventId }) => eventId).toSorted())
		expect(getEventPage(core, { pageSize: 50 }).events.every((one) => one.status === 'NOTIFIED')).toBe(true)
	})
})

describe('storage as it was left: delivery', () => {
	test('a replay under way ends; each subscription is sent what waited for it, once and in order', async () => {
		const { world, left } = await reopened('delivery')
		world.config = { ...world.config, others: [{ number: 9, url: 'https://second.example.com/in', topics: null }] }
		const core = world.engine.getCore()!
		expect(getSubscriptionReports(core).map(({ number, active }) => [number, active])).toEqual([
			[1, true],
			[9, true],
		])
		expect(getResends(core)).toMatchObject([{ id: 1, status: 'running', left: 4 }])
		await world.advance(3 * HOUR_MS)
		expect(getResends(world.engine.getCore()!)).toMatchObject([{ id: 1, status: 'done', left: 0 }])
		const before = left.arrivals.map(({ eventId }) => eventId)
		const to = (url: string, replay: boolean) =>
			world.arrivals.filter((one) => one.url === url && one.replay === replay)
		const changes = (url: string) =>
			to(url, false).map(({ eventType, objectType, objectSequence }) => `${eventType} ${objectType} ${objectSequence}`)
		const callback = changes('https://callback.example.com/hook')
		expect(callback.toSorted()).toEqual(['DELETED products 1', 'UPDATED orders 1', 'UPDATED orders 2'])
		// The further one had taken nothing: it is sent that too, each object in its order.
		const second = changes('https://second.example.com/in')
		expect(second).toHaveLength(before.length + 3)
		expect(new Set(to('https://second.example.com/in', false).map(({ eventId }) => eventId)).size).toBe(second.length)
		for (const url of ['https://callback.example.com/hook', 'https://second.example.com/in']) {
			const byObject = Map.groupBy(to(url, false), ({ objectType, objectId }) => `${objectType} ${objectId}`)
			for (const [object, arrivals] of byObject)
				expect(
					arrivals.map((one) => one.objectSequence),
					object,
				).toEqual(arrivals.map((one) => one.objectSequence).toSorted((x, y) => x - y))
		}
		const again = world.arrivals.filter((one) => one.replay).map(({ eventId }) => eventId)
		expect(again.toSorted()).toEqual(before.toSorted())
		expect(world.logs.filter(({ event }) => event.includes('failed'))).toEqual([])
	})
})

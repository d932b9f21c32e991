/** The Durable Object in workerd: it comes to life only when it is made, polls by its alarm, hands out and settles, and survives eviction. */
import { createScheduledController, evictDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, test, vi } from 'vitest'
import worker from '../../../src/index.ts'
import type { AttemptOutcome } from '../../../src/rpc/delivery.ts'
import type { WatcherRpc } from '../../../src/rpc/watcher.ts'
import { env, resetDatabase } from '../api/harness.ts'
import { inWatcher, waitForBaseline, openShop, pollNow, queryRows, waitUntil, type TestShop } from './test-shop.ts'

afterEach(() => {
	vi.unstubAllGlobals()
})

const delivered = (): AttemptOutcome => ({
	delivered: true,
	status: 204,
	error: null,
	retryAfterMs: null,
	durationMs: 1,
	startedMs: Date.now(),
	body: '',
	directive: null,
})

/** Keeps doorbells from the queue, so that a test answers them itself. */
async function withoutQueue(shop: TestShop): Promise<{ rung: number }> {
	const bell = { rung: 0 }
	await inWatcher(shop, (watcher) => {
		watcher.engine.ports.sendDoorbell = async () => {
			bell.rung++
		}
	})
	return bell
}

describe('an instance', () => {
	test('is made, learns its store by its alarm, and emits what changes', async () => {
		const shop = await openShop()
		await waitForBaseline(shop)
		expect(shop.callbackBodies).toEqual([])
		const order = shop.store.act({ do: 'place-order' }).find((entry) => entry.resource === 'orders')!.id
		await pollNow(shop)
		await waitUntil(() => shop.callbackBodies.some((body) => body.includes('"objectType":"orders"')))
		const sent = shop.callbackBodies
			.map((body) => JSON.parse(body))
			.find((body) => body.message.raw.objectType === 'orders')
		expect(sent.message.events).toMatchObject([{ eventType: 'CREATED', objectId: String(order) }])
		expect(sent.message.raw.orders[0].id).toBe(order)
		await waitUntil(
			async () => (await queryRows(shop, `SELECT status FROM notifications WHERE status <> 'delivered'`)).length === 0,
		)
		const logged = await shop.stub.events({ pageSize: 10 })
		expect(logged).toMatchObject({
			events: expect.arrayContaining([expect.objectContaining({ objectType: 'orders', status: 'NOTIFIED' })]),
		})
	})

	test('keeps what is settled for as long as its account says §6.9', async () => {
		const shop = await openShop()
		await waitForBaseline(shop)
		shop.store.act({ do: 'create', resource: 'customers' })
		await pollNow(shop)
		await waitUntil(
			async () => (await queryRows(shop, `SELECT 1 FROM notifications WHERE status = 'delivered'`)).length === 1,
		)
		/** What is left after it was pruned, with the settings that hold now. */
		const left = async (): Promise<unknown> => {
			await inWatcher(shop, (watcher) => void (watcher.engine.getCore()!.state.pruneMs = 1))
			await pollNow(shop)
			return queryRows(
				shop,
				`SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM notifications) AS notifications`,
			)
		}
		const DAY = 86_400_000
		await inWatcher(shop, (_watcher, { storage }) => {
			storage.sql.exec(`UPDATE events SET recorded = recorded - ?`, 3 * DAY)
			storage.sql.exec(`UPDATE notifications SET settled = settled - ?`, 3 * DAY)
		})
		expect(await left()).toEqual([{ events: 1, notifications: 1 }])
		expect((await shop.api('PATCH', '/accounts/settings', { 'events.retention.days': 2 })).status).toBe(200)
		expect(await left()).toEqual([{ events: 0, notifications: 0 }])
	})

	test('hands out what is due once, with a lease, and settles it', async () => {
		const shop = await openShop()
		await waitForBaseline(shop)
		const bell = await withoutQueue(shop)
		shop.store.act({ do: 'create', resource: 'customers' })
		await pollNow(shop)
		expect(bell.rung).toBe(1)
		const first = await shop.stub.claim(6)
		if (first === 'unknown') throw new Error('unknown')
		expect(first).toMatchObject({ claims: [{ attempt: 1, url: 'https://callback.example.com/hook' }], more: false })
		expect(first.claims[0]!.leaseUntilMs).toBeGreaterThan(Date.now() + 40_000)
		expect(await shop.stub.claim(6)).toEqual({ claims: [], more: false, asks: [] })
		expect(await shop.stub.settle(first.claims[0]!.notificationId, 1, delivered(), true)).toEqual({
			next: [],
			retryAtMs: null,
		})
		expect(await queryRows(shop, 'SELECT status FROM notifications')).toEqual([{ status: 'delivered' }])
		expect(await shop.stub.settle(4, 1, delivered(), true)).toEqual({ next: [], retryAtMs: null })
	})
})

test('an object without instance row answers unknown to every call and writes nothing', async () => {
	await resetDatabase()
	const stub = env.WATCHER.getByName('987654') as unknown as WatcherRpc & DurableObjectStub
	const calls: Record<
		Exclude<keyof WatcherRpc, 'create' | 'destroy' | 'restore' | 'completeRestore'>,
		() => Promise<unknown>
	> = {
		configure: () => stub.configure(1, { release: true }),
		wake: () => stub.wake(),
		backup: () => stub.backup(null),
		poll: () => stub.poll('reread'),
		health: () => stub.health(),
		poller: () => stub.poller(),
		unchecked: () => stub.unchecked(),
		decideUnchecked: () => stub.decideUnchecked('emit'),
		metrics: () => stub.metrics(),
		events: () => stub.events({ pageSize: 5 }),
		event: () => stub.event(1),
		tally: () => stub.tally({ fromMs: 0, toMs: 1, unit: 'hour' }),
		timeline: () => stub.timeline('orders', '1', { pageSize: 5 }),
		eventsAfter: () => stub.eventsAfter(null, 1),
		deletions: () => stub.deletions(),
		outcomes: () => stub.outcomes([1]),
		deleteNotification: () => stub.deleteNotification(1),
		decide: () => stub.decide('emit'),
		massChanges: () => stub.massChanges(),
		decideMassChanges: () => stub.decideMassChanges('emit'),
		hook: () =>
			stub.hook({
				topic: 'order.updated',
				version: 1,
				webhookId: '1',
				deliveryId: 'd',
				source: 'https://shop.example/',
				receivedMs: 1,
				body: '{"id":1}',
				objectId: '1',
			}),
		rejected: () => stub.rejected({ sinceMs: 1, counts: { signature: 1 }, samples: [] }),
		rejections: () => stub.rejections(),
		webhooks: () => stub.webhooks(),
		coverage: () => stub.coverage(0, 1),
		notifications: () => stub.notifications({ pageSize: 5 }),
		notification: () => stub.notification(1),
		bodies: () => stub.bodies([1], 1),
		attempts: () => stub.attempts(1),
		acknowledge: () => stub.acknowledge(1),
		subscriptions: () => stub.subscriptions(),
		release: () => stub.release({}),
		replay: () => stub.replay({ notification: 1 }, false),
		resends: () => stub.resends(),
		cancelResend: () => stub.cancelResend(1),
		testEvent: () => stub.testEvent(),
		publish: () => stub.publish([]),
		erase: () => stub.erase('orders', '1'),
		claim: () => stub.claim(6),
		park: () => stub.park(1, 1),
		settle: () => stub.settle(987_654_000_000_001, 1, delivered(), true),
	}
	for (const [name, call] of Object.entries(calls)) expect([name, await call()]).toEqual([name, 'unknown'])
	const shop = { stub } as unknown as Pick<TestShop, 'stub'>
	await inWatcher(shop, (watcher) => watcher.alarm())
	expect(await queryRows(shop, `SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`)).toEqual([])
	expect(await inWatcher(shop, (_watcher, state) => state.storage.getAlarm())).toBeNull()
	expect(await inWatcher(shop, (watcher) => watcher.rows.written)).toBe(0)
})

describe('evicted', () => {
	test('in the middle of the baseline it goes on where it was', async () => {
		let pages = 0
		const shop = await openShop(
			{ objects: { orders: 0, products: 60, coupons: 0, customers: 0 } },
			{ 'event.poller.configuration': { products: { url: '/products', pageSize: 5 } } },
		)
		shop.beforeStoreRequest = (request) => {
			if (request.url.includes('orderby=id&order=asc')) pages++
		}
		await waitUntil(() => pages >= 4)
		await evictDurableObject(shop.stub)
		await waitForBaseline(shop)
		expect(await queryRows(shop, 'SELECT count(*) AS n FROM objects')).toEqual([{ n: 60 }])
		// Each page begins with the last row of the one before; a slice that was cut off is read again from its last commit.
		expect(pages).toBeLessThanOrEqual(20)
		expect(shop.callbackBodies).toEqual([])
	})

	test('between commit and doorbell: it sends the doorbell as soon as it wakes', async () => {
		const shop = await openShop()
		await waitForBaseline(shop)
		await inWatcher(shop, (watcher) => {
			watcher.engine.ports.sendDoorbell = async () => {
				throw new Error('the queue cannot be reached')
			}
		})
		shop.store.act({ do: 'create', resource: 'customers' })
		await shop.stub.poll('window')
		await waitUntil(async () => (await queryRows(shop, 'SELECT sequence FROM events')).length === 1)
		expect(shop.callbackBodies).toEqual([])
		await evictDurableObject(shop.stub)
		await shop.stub.wake()
		await waitUntil(() => shop.callbackBodies.length === 1)
		expect(JSON.parse(shop.callbackBodies[0]!).message.events).toHaveLength(1)
	})

	test('between delivery and settle the lease stands, and a late settle is final', async () => {
		const shop = await openShop()
		await waitForBaseline(shop)
		await withoutQueue(shop)
		shop.store.act({ do: 'create', resource: 'customers' })
		await pollNow(shop)
		const answer = await shop.stub.claim(6)
		if (answer === 'unknown') throw new Error('unknown')
		await evictDurableObject(shop.stub)
		expect(await shop.stub.claim(6)).toEqual({ claims: [], more: false, asks: [] })
		await shop.stub.settle(answer.claims[0]!.notificationId, 1, delivered(), false)
		expect(await queryRows(shop, 'SELECT status FROM notifications')).toEqual([{ status: 'delivered' }])
		expect(await shop.stub.health()).toMatchObject({ callback: { waiting: 0 } })
	})
})

test('the cron sets an alarm again that was lost', async () => {
	const shop = await openShop()
	await waitForBaseline(shop)
	await inWatcher(shop, (_watcher, state) => state.storage.deleteAlarm())
	await evictDurableObject(shop.stub)
	expect(await inWatcher(shop, (_watcher, state) => state.storage.getAlarm())).toBeNull()
	await env.DB.prepare('UPDATE instance_status SET alive_at_ms = 0, interval_ms = 60000').run()
	await worker.scheduled(createScheduledController(), env)
	expect(await inWatcher(shop, (_watcher, state) => state.storage.getAlarm())).not.toBeNull()
})

test('storage is opened again by a new object, and a released step that was changed is refused', async () => {
	const shop = await openShop()
	await waitForBaseline(shop)
	const before = await shop.stub.poller()
	await evictDurableObject(shop.stub)
	expect(await shop.stub.poller()).toMatchObject({
		resources: (before as { resources: { known: number }[] }).resources.map(({ known }) => ({ known })),
	})
	const { migrate } = await import('../../../src/watcher/core/tables.ts')
	await inWatcher(shop, (watcher) => {
		const { sql } = watcher.engine.ports
		migrate(sql)
		sql.run('UPDATE steps SET fingerprint = fingerprint + 1 WHERE number = 0')
		expect(() => migrate(sql)).toThrow('changed after its release')
	})
})

describe('an idle poll of four resources', () => {
	test('writes at most two rows and reads at most fifty', async () => {
		const shop = await openShop({ objects: 30 })
		await waitForBaseline(shop)
		// The first polls after the baseline still read windows and note totals.
		await pollNow(shop)
		await pollNow(shop)
		await inWatcher(shop, (watcher) => Object.assign(watcher.rows, { read: 0, written: 0 }))
		const { requests } = shop.store
		await inWatcher(shop, async (watcher) => {
			watcher.engine.getCore()!.state.nextPollMs = Date.now()
			await watcher.engine.runSlice()
		})
		const counted = await inWatcher(shop, (watcher) => ({ ...watcher.rows }))
		expect(shop.store.requests - requests).toBeGreaterThanOrEqual(4)
		expect(counted.written).toBeLessThanOrEqual(2)
		expect(counted.read).toBeLessThanOrEqual(50)
	})
})

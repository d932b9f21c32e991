/** Webhooks at the real object: what a delivery writes until it is answered, what survives an eviction, what an old copy of the row does. */
import { evictDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { WebhookDelivery } from '../../../src/rpc/watcher.ts'
import { env } from '../api/harness.ts'
import { inWatcher, waitForBaseline, openShop, queryRows, waitUntil, type TestShop } from './test-shop.ts'

afterEach(() => vi.unstubAllGlobals())

/** An instance with webhooks that is past its probes; the store sends nothing by itself. */
async function openHooked(configuration: Record<string, unknown> = {}): Promise<TestShop> {
	const shop = await openShop(
		{ deliver: async () => new Response(), webhooks: { hold: true } },
		{ 'event.vendor.type': 'webhook', ...configuration },
	)
	await waitForBaseline(shop)
	await waitUntil(() => inWatcher(shop, (watcher) => watcher.engine.getCore()!.state.hooks.webhooks.length > 0))
	await inWatcher(shop, (watcher) => {
		const core = watcher.engine.getCore()!
		core.commit(() => {
			for (const topic of core.element.webhooks!.topics) core.state.hooks.seen[topic] = 5
		})
	})
	return shop
}

async function delivery(
	shop: TestShop,
	topic: string,
	payload: object,
	change: Partial<WebhookDelivery> = {},
): Promise<WebhookDelivery> {
	const webhookId = await inWatcher(
		shop,
		(watcher) => watcher.engine.getCore()!.state.hooks.webhooks.find((one) => one.topic === topic)!.id,
	)
	return {
		topic,
		version: 1,
		webhookId: String(webhookId),
		deliveryId: 'd',
		source: 'https://shop.example.com/',
		receivedMs: Date.now(),
		body: JSON.stringify(payload),
		objectId: null,
		...change,
	}
}

/** Rows that a delivery wrote until it was answered. */
async function written(shop: TestShop, sent: WebhookDelivery): Promise<number> {
	await inWatcher(shop, (watcher) => Object.assign(watcher.rows, { read: 0, written: 0 }))
	expect(await shop.stub.hook(sent)).toBe('taken')
	return inWatcher(shop, (watcher) => watcher.rows.written)
}

const firstOrder = (shop: TestShop): number => [...shop.store.state('orders').keys()][0]!

describe('a delivery', () => {
	test('that changes something writes five rows at most, one that changes nothing one', async () => {
		const shop = await openHooked({ 'event.notification.callback.url': null })
		const id = firstOrder(shop)
		await inWatcher(shop, (watcher) => watcher.engine.runSlice())
		shop.store.act({ do: 'edit', resource: 'orders', id })
		const record = shop.store.state('orders').get(id)!
		expect(await written(shop, await delivery(shop, 'order.updated', record))).toBeLessThanOrEqual(5)
		expect(await queryRows(shop, `SELECT type, source FROM events`)).toEqual([{ type: 'UPDATED', source: 'webhook' }])
		await inWatcher(shop, (watcher) => watcher.engine.runSlice())
		expect(await written(shop, await delivery(shop, 'order.updated', record))).toBeLessThanOrEqual(1)
		expect((await queryRows(shop, `SELECT type FROM events`)).length).toBe(1)
	})

	test('is kept when the object is evicted right after the answer, and is emitted', async () => {
		const shop = await openHooked()
		const id = firstOrder(shop)
		shop.store.act({ do: 'edit', resource: 'orders', id })
		expect(await shop.stub.hook(await delivery(shop, 'order.updated', shop.store.state('orders').get(id)!))).toBe(
			'taken',
		)
		await evictDurableObject(shop.stub)
		expect(await queryRows(shop, `SELECT object_id FROM events`)).toEqual([{ object_id: id }])
		const claimed = await shop.stub.claim(6)
		expect(claimed).toMatchObject({ claims: [{ attempt: 1 }] })
	})

	test('that is a hint is due within two seconds, and read by the alarm, also after an eviction', async () => {
		const shop = await openHooked()
		const id = firstOrder(shop)
		shop.store.act({ do: 'trash', resource: 'orders', id })
		const sent = await delivery(shop, 'order.deleted', { id })
		const at = Date.now()
		const { answer, due, alarm } = await inWatcher(shop, async (watcher, state) => ({
			answer: await watcher.hook(sent),
			due: [...state.storage.sql.exec<{ due: number }>(`SELECT due FROM lookups`)].map((row) => row.due),
			alarm: await state.storage.getAlarm(),
		}))
		expect([answer, due]).toEqual(['taken', [expect.any(Number)]])
		expect(Math.max(due[0]!, alarm!)).toBeLessThan(at + 2_000)
		await evictDurableObject(shop.stub)
		await waitUntil(async () => (await queryRows(shop, `SELECT 1 FROM events`)).length > 0)
		expect(await queryRows(shop, `SELECT type, source FROM events`)).toEqual([{ type: 'DELETED', source: 'webhook' }])
		expect(await queryRows(shop, `SELECT id FROM lookups`)).toEqual([])
	})

	test('of a version newer than the copy of the row makes it read the row', async () => {
		const shop = await openHooked()
		await env.DB.prepare('UPDATE instances SET hook_version = 2, version = version + 1 WHERE id = ?')
			.bind(shop.id)
			.run()
		const sent = await delivery(shop, 'order.updated', { id: firstOrder(shop) }, { version: 2 })
		expect(await shop.stub.hook(sent)).toBe('taken')
		expect(await shop.stub.hook({ ...sent, version: 3 })).toBe('retired')
	})
})

test('the webhooks of a new instance are made once, however long the store takes: the object looks at them and writes nothing', async () => {
	const batches = (shop: Pick<TestShop, 'store'>): number =>
		shop.store.log.filter(({ path }) => path.includes('webhooks/batch')).length
	const shop = await openShop(
		{ deliver: async () => new Response() },
		{ 'event.vendor.type': 'webhook' },
		async (request) => {
			// Its object has begun to poll meanwhile.
			if (request.url.includes('webhooks/batch')) await new Promise((resolve) => setTimeout(resolve, 500))
		},
	)
	await waitUntil(() => inWatcher(shop, (watcher) => watcher.engine.getCore()!.state.hooks.checkedMs !== null))
	await waitForBaseline(shop)
	await inWatcher(shop, (watcher) => watcher.engine.runSlice())
	expect(batches(shop)).toBe(1)
	const { webhooks, repairs, dueMs } = await inWatcher(shop, (watcher) => watcher.engine.getCore()!.state.hooks)
	expect(repairs).toEqual([])
	expect(webhooks.filter((one) => one.ours && one.status === 'active')).toHaveLength(16)
	expect(dueMs).toBeGreaterThan(Date.now())
	expect(shop.store.webhooks()).toHaveLength(16)
})

test('what was refused adds up across isolates and evictions', async () => {
	const shop = await openHooked()
	const sample = { atMs: 1, reason: 'bad-signature', headers: 'h', body: 'b' }
	await shop.stub.rejected({ sinceMs: 5, counts: { 'bad-signature': 2 }, samples: [sample] })
	await evictDurableObject(shop.stub)
	await shop.stub.rejected({ sinceMs: 9, counts: { 'bad-signature': 1, retired: 1 }, samples: [] })
	expect(await shop.stub.rejections()).toEqual({
		sinceMs: 5,
		counts: { 'bad-signature': 3, retired: 1 },
		samples: [sample],
	})
})

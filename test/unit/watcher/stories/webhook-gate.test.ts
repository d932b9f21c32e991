/** Webhooks and polls pass one gate (docs/architecture.md, Webhooks): what is told at once, what is read first, what is merged. */
import { describe, expect, test } from 'vitest'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import type { World } from '../../../support/world.ts'
import {
	worldWithHeldDeliveries,
	worldWithWebhooks,
	getWebhookState,
	withLaterModified,
	recordedEvents,
	disablePolling,
	countReads,
	getStoreRecord,
	sendDelivery,
	getWebhooksReport,
	holdDeliveries,
} from '../../../support/webhook-stories.ts'
import {
	callStoreApi,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	arrivalsSince,
} from '../../../support/stories.ts'
import { INITIAL_SCAN_POSITION } from '../../../../src/watcher/core/resource-state.ts'

/** What the store was asked since; an order's customer is read too, whose totals it may have changed. */
function asked(world: World, from: number): string[] {
	return world.store.log
		.slice(from)
		.map(({ path }) => path)
		.filter((path) => !path.includes('/customers/'))
}

describe('what a payload says at once', () => {
	test('a newer stamp is emitted without any request to the store', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		world.store.act({ do: 'edit', resource: 'orders', id })
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
		await world.advance(100)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(asked(world, from)).toEqual([])
		await expectCleanJudgement(world)
	})

	test('a newer stamp with an edited creation date is UPDATED, at once', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		world.store.act({ do: 'edit-created', resource: 'orders', id })
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
		await world.advance(100)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(world.arrivals[0]).toMatchObject({ changedFields: ['date_created_gmt'] })
		expect(asked(world, from)).toEqual([])
		await expectCleanJudgement(world)
	})

	test('so is an object that was never seen', async () => {
		const { world, from } = await worldWithHeldDeliveries()
		const [{ id } = { id: 0 }] = world.store.act({ do: 'create', resource: 'coupons' })
		await sendDelivery(world, 'coupon.created', getStoreRecord(world, 'coupons', id))
		await world.advance(100)
		expect(arrivalsSince(world)).toEqual([`CREATED discounts ${id}`])
		expect(asked(world, from)).toEqual([])
		await expectCleanJudgement(world)
	})

	test('the same state again emits nothing and asks nothing', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		world.store.act({ do: 'edit', resource: 'orders', id })
		const record = getStoreRecord(world, 'orders', id)
		for (const topic of ['order.updated', 'order.created', 'order.updated']) await sendDelivery(world, topic, record)
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(asked(world, from)).toEqual([])
		await expectCleanJudgement(world)
	})

	test('an object that the baseline has not met yet counts as backfill where that was asked for', async () => {
		const world = await worldWithWebhooks({ config: { backfill: 'all' }, resources: pollerResources('discounts') })
		holdDeliveries(world)
		const rs = world.engine.getCore()!.state.resources[0]!
		const [id] = liveIds(world, 'discounts')
		// As it is while the scan has not come to this object.
		world.sql.run(`DELETE FROM objects WHERE resource = ? AND id = ?`, rs.number, id!)
		world.engine.getCore()!.commit(() => {
			rs.baseline = { position: INITIAL_SCAN_POSITION, total: 1, startedMs: world.nowMs }
		})
		const before = world.arrivals.length
		await sendDelivery(world, 'coupon.updated', getStoreRecord(world, 'coupons', id!))
		await world.deliver()
		expect(world.arrivals.slice(before).map((one) => [one.eventType, one.objectId, one.backfill])).toEqual([
			['CREATED', String(id), true],
		])
	})
})

describe('what a payload leaves to a read', () => {
	test.each([
		['an older stamp', -60, {}],
		['an equal stamp', 0, {}],
		['no stamp', 0, { date_modified: null, date_modified_gmt: null }],
		['the trash', 60, { status: 'trash' }],
	])('%s and other content', async (_name, seconds, extra) => {
		const { world, id, from } = await worldWithHeldDeliveries()
		await sendDelivery(
			world,
			'order.updated',
			withLaterModified(getStoreRecord(world, 'orders', id), seconds, { customer_note: 'never was', ...extra }),
		)
		await world.advance(2_000)
		expect(arrivalsSince(world)).toEqual([])
		expect(countReads(world, `orders/${id}`, from)).toBe(1)
		expect(world.sql.all(`SELECT * FROM lookups`)).toEqual([])
		await expectCleanJudgement(world)
	})

	test('an edit without a stamp is emitted by that read, as seen by a webhook', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		world.store.act({ do: 'edit-silently', resource: 'orders', id, set: { customer_note: 'silent' } })
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
		await world.advance(2_000)
		expect(recordedEvents(world)).toEqual([`UPDATED orders ${id} webhook`])
		await expectCleanJudgement(world)
	})

	test('an order with another key and another created date', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		const record = withLaterModified(getStoreRecord(world, 'orders', id), 60, {
			date_created: '2020-01-01T00:00:00',
			date_created_gmt: '2020-01-01T00:00:00',
			order_key: 'wc_order_another',
		})
		await sendDelivery(world, 'order.updated', record)
		await world.advance(2_000)
		expect(arrivalsSince(world)).toEqual([])
		expect(countReads(world, `orders/${id}`, from)).toBe(1)
		await expectCleanJudgement(world)
	})

	test('one that is known to be in the trash, with a record as if it were not', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		const before = getStoreRecord(world, 'orders', id)
		world.store.act({ do: 'trash', resource: 'orders', id })
		await sendDelivery(world, 'order.deleted', { id })
		await world.advance(2_000)
		await sendDelivery(world, 'order.updated', withLaterModified(before, 3_600, { customer_note: 'late' }))
		await world.advance(15_000)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`])
		await expectCleanJudgement(world)
	})

	test('a body above 1.5 MB', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		world.store.act({ do: 'edit', resource: 'orders', id })
		const status = await sendDelivery(world, 'order.updated', {
			...getStoreRecord(world, 'orders', id),
			customer_note: 'x'.repeat(1_600_000),
		})
		await world.advance(2_000)
		expect(status).toBe(200)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		expect(countReads(world, `orders/${id}`, from)).toBe(1)
		expect((world.arrivals[0]!.record as { customer_note: string }).customer_note.length).toBeLessThan(1_000)
		await expectCleanJudgement(world)
	})

	test('a webhook that is not ours, be the record as it should', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		await sendDelivery(
			world,
			'order.updated',
			withLaterModified(getStoreRecord(world, 'orders', id), 60, { customer_note: 'invented' }),
			{
				webhookId: 4_711,
			},
		)
		await world.advance(2_000)
		expect(arrivalsSince(world)).toEqual([])
		expect(countReads(world, `orders/${id}`, from)).toBe(1)
	})

	test('the first five deliveries of a topic, and one in a hundred', async () => {
		const world = await worldWithWebhooks({ probing: true })
		holdDeliveries(world)
		const all = liveIds(world, 'orders')
		const reads: number[] = []
		for (let i = 1; i <= 101; i++) {
			const id = all[i % all.length]!
			const from = world.store.log.length
			world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: `n${i}` } })
			await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
			await world.advance(12_000)
			if (countReads(world, `orders/${id}`, from) > 0) reads.push(i)
		}
		expect(reads).toEqual([1, 2, 3, 4, 5, 100])
		expect(arrivalsSince(world).length).toBe(101)
		expect(getWebhooksReport(world).hintsOnly).toEqual([])
		await expectCleanJudgement(world)
	})

	test.each([
		['one of the first five', 1],
		['one in a hundred', 99],
	])('an edit between a compared delivery (%s) and its read hides no state', async (_which, seen) => {
		const world = await worldWithWebhooks({ probing: true })
		holdDeliveries(world)
		const [id] = liveIds(world, 'orders')
		const edit = (customer_note: string) =>
			world.store.act({ do: 'edit', resource: 'orders', id: id!, set: { customer_note } })
		edit('read')
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id!))
		await world.advance(2_000)
		getWebhookState(world).seen['order.updated'] = seen
		edit('delivered')
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id!))
		// The next read of this object waits for ten seconds.
		await world.advance(3_000)
		edit('meanwhile')
		await world.advance(20_000)
		expect(world.arrivals.map(({ record }) => (record as { customer_note: string }).customer_note)).toEqual([
			'read',
			'delivered',
			'meanwhile',
		])
		expect(getWebhooksReport(world).hintsOnly).toEqual([])
		await expectCleanJudgement(world)
	})

	/** The first deliveries of a topic, which wait for a read of their object; it was read less than ten seconds ago. */
	async function worldWithWaitingPayloads(): Promise<{
		world: World
		id: number
		editAndSend: (note: string) => Promise<void>
		notes: () => unknown[]
	}> {
		const world = await worldWithWebhooks({ probing: true })
		holdDeliveries(world)
		const id = liveIds(world, 'orders')[0]!
		const editAndSend = async (customer_note: string): Promise<void> => {
			world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note } })
			await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
			await world.advance(1_100)
		}
		await editAndSend('first')
		const notes = (): unknown[] =>
			world.arrivals.map(({ record }) => (record as Record<string, unknown>)['customer_note'])
		return { world, id, editAndSend, notes }
	}

	test('payloads that wait are recorded before a later delivery that does not', async () => {
		const { world, editAndSend, notes } = await worldWithWaitingPayloads()
		const sent = ['second', 'third', 'fourth', 'fifth', 'sixth', 'seventh']
		for (const note of sent) await editAndSend(note)
		await world.advance(20_000)
		expect(notes()).toEqual(['first', ...sent])
		await expectCleanJudgement(world)
	})

	test('payloads that wait are recorded before a poll that shows a later state', async () => {
		const { world, id, editAndSend, notes } = await worldWithWaitingPayloads()
		await editAndSend('delivered')
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: 'meanwhile' } })
		world.engine.getCore()!.state.nextPollMs = world.nowMs
		await world.alarm()
		await world.advance(20_000)
		expect(notes()).toEqual(['first', 'delivered', 'meanwhile'])
		await expectCleanJudgement(world)
	})

	test('an old payload among the first is read about once or twice, not for ever', async () => {
		const { world, id, editAndSend, notes } = await worldWithWaitingPayloads()
		const old = getStoreRecord(world, 'orders', id)
		for (const note of ['second', 'third', 'fourth', 'fifth', 'sixth']) await editAndSend(note)
		await world.advance(20_000)
		getWebhookState(world).seen['order.updated'] = 0
		const from = world.store.log.length
		await sendDelivery(world, 'order.updated', old)
		await world.advance(5 * MINUTE_MS)
		expect(countReads(world, `orders/${id}`, from)).toBeLessThanOrEqual(2)
		expect(notes()).toHaveLength(6)
		await expectCleanJudgement(world)
	})

	test('payloads that wait are erased with their object', async () => {
		const { world, id, editAndSend, notes } = await worldWithWaitingPayloads()
		await editAndSend('private')
		eraseObjectContent(world.engine.getCore()!, 'orders', String(id))
		expect(JSON.stringify(world.sql.all(`SELECT doubt FROM lookups`))).not.toContain('private')
		world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: 'public' } })
		await world.advance(20_000)
		expect(notes()).toEqual(['first', 'public'])
	})

	test('payloads that wait for one read take no more than a row can hold: the newest stay', async () => {
		const { world, id } = await worldWithWaitingPayloads()
		for (let i = 0; i < 3; i++) {
			world.store.act({ do: 'edit', resource: 'orders', id, set: { customer_note: String(i).repeat(900_000) } })
			await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
			await world.advance(1_100)
		}
		const [{ doubt }] = world.sql.all<{ doubt: string }>(`SELECT doubt FROM lookups`) as [{ doubt: string }]
		expect(doubt.length).toBeLessThan(1_900_000)
		expect((JSON.parse(doubt) as { payloads: unknown[] }).payloads).toHaveLength(1)
	})

	test('everything, while the storage is full', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		world.engine.ports.storedBytes = () => 9e9
		await world.alarm()
		world.store.act({ do: 'edit', resource: 'orders', id })
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
		await world.advance(5_000)
		expect(arrivalsSince(world)).toEqual([])
		world.engine.ports.storedBytes = () => 0
		await world.advance(7 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		await expectCleanJudgement(world)
	})
})

describe('a resource with a where', () => {
	const processing = {
		orders: { url: "/hubs/ecommerce/orders?where=status='processing'", idField: 'id', datesConfiguration: {} },
	}

	test('an object that is not inside it is not emitted', async () => {
		const world = await worldWithWebhooks({ resources: processing })
		disablePolling(world)
		world.store.act({ do: 'place-order', status: 'pending' })
		await world.advance(30_000)
		expect(world.receivedWebhooks.length).toBeGreaterThan(0)
		expect(arrivalsSince(world)).toEqual([])
		const inside = world.store
			.act({ do: 'place-order', status: 'processing' })
			.find((one) => one.resource === 'orders')!.id
		await world.advance(30_000)
		expect(recordedEvents(world)).toEqual([`CREATED orders ${inside} webhook`])
	})

	test('one that leaves it emits nothing, one that is trashed inside it does', async () => {
		const world = await worldWithWebhooks({ resources: processing })
		disablePolling(world)
		const inside: number[] = []
		for (let i = 0; i < 2; i++)
			inside.push(
				world.store.act({ do: 'place-order', status: 'processing' }).find((one) => one.resource === 'orders')!.id,
			)
		await world.advance(30_000)
		const before = arrivalsSince(world).length
		await callStoreApi(world, 'PUT', `orders/${inside[0]}`, { status: 'on-hold' })
		await world.advance(30_000)
		expect(arrivalsSince(world, before)).toEqual([])
		world.store.act({ do: 'trash', resource: 'orders', id: inside[1]! })
		await world.advance(30_000)
		expect(arrivalsSince(world, before)).toEqual([`DELETED orders ${inside[1]}`])
	})
})

describe('seen by both', () => {
	test('a change seen by webhook and then by poll is emitted once', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: MINUTE_MS })
		for (let i = 0; i < 5; i++) {
			world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[i]! })
			await world.advance(2 * MINUTE_MS)
		}
		expect(arrivalsSince(world).length).toBe(5)
		expect(world.receivedWebhooks.filter(({ answer }) => answer === 'taken').length).toBe(5)
		await expectCleanJudgement(world)
		expect(arrivalsSince(world).length).toBe(5)
	})

	test('seen by poll and then by webhook, it is emitted once too', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: MINUTE_MS })
		world.store.setWebhooks({ delaySeconds: 100 })
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		world.store.act({ do: 'create', resource: 'coupons' })
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world).length).toBe(2)
		expect(recordedEvents(world).every((one) => one.endsWith('poll'))).toBe(true)
		await expectCleanJudgement(world)
		expect(arrivalsSince(world).length).toBe(2)
	})

	test('a delivery that comes while a window is being read does not take it back', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		const fetch = world.store.fetch.bind(world.store)
		let sent = false
		world.store.fetch = async (request) => {
			const response = await fetch(request)
			if (!sent && request.url.includes('/orders?')) {
				sent = true
				// The answer is on its way; the object changes and its webhook is faster.
				world.store.act({ do: 'edit', resource: 'orders', id })
				world.nowMs += 50
				await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
			}
			return response
		}
		world.engine.getCore()!.state.nextPollMs = world.nowMs
		await world.alarm()
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		await expectCleanJudgement(world)
	})
})

describe('payloads that were found to differ from reads', () => {
	const believed = (world: World): boolean => !getWebhooksReport(world).hintsOnly.includes('orders')

	/** A probed delivery, and an edit without a stamp before the read that it is held against. */
	async function overtaken(world: World, id: number): Promise<void> {
		world.store.act({ do: 'edit', resource: 'orders', id })
		getWebhookState(world).seen['order.updated'] = 0
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
		world.store.act({ do: 'edit-silently', resource: 'orders', id })
		await world.advance(MINUTE_MS)
	}

	/** Deliveries as the store's API says it; `from`: reads are counted from there. */
	async function equal(world: World, id: number, times: number): Promise<void> {
		for (let n = 0; n < times; n++) {
			world.store.act({ do: 'edit', resource: 'orders', id })
			await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
			await world.advance(MINUTE_MS)
		}
	}

	test('are believed again after five equal ones in a row: an edit between delivery and read is no plugin', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		await overtaken(world, id)
		expect(believed(world)).toBe(false)
		await equal(world, id, 4)
		expect(believed(world)).toBe(false)
		await equal(world, id, 1)
		expect(believed(world)).toBe(true)
		expect(getWebhooksReport(world).repairs[0]!.what).toContain('orders')
		const from = world.store.log.length
		await equal(world, id, 2)
		expect(countReads(world, `orders/${id}`, from)).toBe(0)
		await expectCleanJudgement(world)
	})

	test('take four times as many each time that they differ again, in a row', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		await overtaken(world, id)
		await equal(world, id, 4)
		await overtaken(world, id)
		await equal(world, id, 4)
		expect(believed(world)).toBe(false)
		await equal(world, id, 1)
		expect(believed(world)).toBe(true)
		await overtaken(world, id)
		await equal(world, id, 19)
		expect(believed(world)).toBe(false)
		world.evict()
		await equal(world, id, 1)
		expect(believed(world)).toBe(true)
	})

	test('stay hints while one in three differs', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		for (let n = 0; n < 10; n++) {
			world.store.act({ do: 'edit', resource: 'orders', id })
			getWebhookState(world).seen['order.updated'] = 0
			const payload = getStoreRecord(world, 'orders', id)
			await sendDelivery(world, 'order.updated', n % 3 === 0 ? { ...payload, total: '1,00' } : payload)
			await world.advance(MINUTE_MS)
			expect(believed(world)).toBe(false)
		}
		await expectCleanJudgement(world)
	})
})

describe('hints', () => {
	test('for one object are one read in ten seconds', async () => {
		const { world, id, from } = await worldWithHeldDeliveries()
		for (let second = 0; second < 30; second++) {
			await sendDelivery(world, 'order.deleted', { id })
			await world.advance(1_000)
		}
		await world.advance(15_000)
		const times = world.store.log
			.slice(from)
			.filter((line) => line.path.includes(`/orders/${id}`))
			.map((line) => line.time)
		expect(times.length).toBeGreaterThanOrEqual(3)
		expect(times.length).toBeLessThanOrEqual(5)
		for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(9_800)
		expect(arrivalsSince(world)).toEqual([])
	})

	test('are sixty reads a minute, and none is forgotten', async () => {
		const world = await worldWithWebhooks({ store: { objects: { orders: 90, products: 5, coupons: 3, customers: 3 } } })
		holdDeliveries(world)
		const all = liveIds(world, 'orders')
		for (const id of all) await sendDelivery(world, 'order.deleted', { id })
		const from = world.store.log.length
		await world.advance(6 * MINUTE_MS)
		const reads = world.store.log.slice(from).filter((line) => /\/orders\/\d+/.test(line.path))
		const minutes = new Map<number, number>()
		for (const { time } of reads)
			minutes.set(Math.floor(time / MINUTE_MS), (minutes.get(Math.floor(time / MINUTE_MS)) ?? 0) + 1)
		expect(Math.max(...minutes.values())).toBeLessThanOrEqual(60)
		expect(new Set(reads.map(({ path }) => /\/orders\/(\d+)/.exec(path)![1])).size).toBe(all.length)
	})

	test('are emitted within two seconds, also while a long run is under way', async () => {
		const world = await worldWithWebhooks({
			store: { objects: { orders: 700, products: 5, coupons: 3, customers: 3 } },
		})
		world.engine.getCore()!.state.resources.forEach((rs) => (rs.rereadAsked = true))
		world.engine.updateAlarm(world.engine.getCore()!)
		const id = liveIds(world, 'orders').at(-1)!
		world.store.setWebhooks({ delaySeconds: 0 })
		const at = world.nowMs
		world.store.act({ do: 'trash', resource: 'orders', id, via: 'admin' })
		await world.advance(3_000)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`])
		expect(world.arrivals[0]!.timeMs - at).toBeLessThanOrEqual(2_000)
	})

	test('wait while the store asks to be left alone', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		world.store.setFaults({ status: 429, retryAfter: '600' })
		world.store.act({ do: 'trash', resource: 'orders', id })
		await sendDelivery(world, 'order.deleted', { id })
		await world.advance(5_000)
		const from = world.store.requests
		world.store.setFaults({})
		await world.advance(8 * MINUTE_MS)
		expect(world.store.requests).toBe(from)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`])
	})

	test('of an instance that lost its memory are read all the same', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		world.store.act({ do: 'trash', resource: 'orders', id })
		await sendDelivery(world, 'order.deleted', { id })
		world.evict()
		await world.advance(5_000)
		expect(arrivalsSince(world)).toEqual([`DELETED orders ${id}`])
	})
})

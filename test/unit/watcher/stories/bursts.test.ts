/** Bursts: while a notification is in flight, events go together into the next one; a lone event goes at once. */
import { describe, expect, test } from 'vitest'
import type { AttemptOutcome, Claim } from '../../../../src/rpc/delivery.ts'
import { getDefaultDelivery, type DeliveryConfig } from '../../../../src/rpc/config.ts'
import { resumeAfterRestore } from '../../../../src/watcher/backup.ts'
import { postToInstance } from '../../../../src/watcher/outbox/notices.ts'
import { enqueueTestEvent } from '../../../../src/watcher/outbox/test-event.ts'
import type { CrashPoint, World } from '../../../support/world.ts'
import { expectCleanJudgement, judgeWorld, liveIds, MINUTE_MS } from '../../../support/stories.ts'
import {
	disablePolling,
	getStoreRecord,
	holdDeliveries,
	sendDelivery,
	worldWithWebhooks,
} from '../../../support/webhook-stories.ts'

/** A world that learns of changes by webhooks that are sent by hand. */
async function shop(delivery: Partial<DeliveryConfig> = {}): Promise<{ world: World; ids: number[] }> {
	const world = await worldWithWebhooks({
		store: { objects: { orders: 4, products: 12, coupons: 0, customers: 0 } },
		config: { delivery: { ...getDefaultDelivery('webhook'), ...delivery } },
	})
	holdDeliveries(world)
	disablePolling(world)
	world.engine.updateAlarm(world.engine.getCore()!)
	return { world, ids: liveIds(world, 'products') }
}

async function update(world: World, ...ids: number[]): Promise<void> {
	for (const id of ids) {
		world.store.act({ do: 'edit', resource: 'products', id })
		await sendDelivery(world, 'product.updated', getStoreRecord(world, 'products', id))
	}
}

async function updateOrder(world: World): Promise<number> {
	const id = liveIds(world, 'orders')[0]!
	world.store.act({ do: 'edit', resource: 'orders', id })
	await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
	return id
}

/** What a consumer gets that a doorbell wakes. */
async function claim(world: World, limit = 6): Promise<Claim[]> {
	world.doorbells.length = 0
	const claimed = await world.engine.claim(limit)
	if (claimed === 'unknown') throw new Error('there is no instance')
	return claimed.claims
}

/** The callback accepts a notification; what the consumer gets next. */
async function accept(world: World, { notificationId, attempt }: Claim): Promise<Claim[]> {
	const outcome: AttemptOutcome = {
		...{ delivered: true, status: 204, error: null, retryAfterMs: null, durationMs: 1, startedMs: world.nowMs },
		...{ body: '', directive: null },
	}
	const settled = await world.engine.settle(notificationId % 1_000_000_000, attempt, outcome, true)
	if (settled === 'unknown') throw new Error('there is no instance')
	return settled.next
}

interface Body {
	message: { events: { objectId: string; objectType: string; coalesced?: number }[]; instance?: unknown }
}

const bodyOf = ({ body }: Claim): Body => JSON.parse(body) as Body
const objects = (claimed: Claim): number[] => bodyOf(claimed).message.events.map(({ objectId }) => Number(objectId))

/** A notification in flight, of the first product. */
async function shopInFlight(
	delivery: Partial<DeliveryConfig> = {},
): Promise<{ world: World; ids: number[]; first: Claim }> {
	const { world, ids } = await shop(delivery)
	await update(world, ids[0]!)
	const [first] = await claim(world)
	return { world, ids: ids.slice(1), first: first! }
}

/** Lets alarms fire until one of them sends a doorbell. */
async function waitForDoorbell(world: World): Promise<void> {
	while (world.doorbells.length === 0) {
		world.nowMs = Math.max(world.nowMs, world.alarmMs!)
		await world.alarm()
	}
}

test('§4.7 a lone event goes at once', async () => {
	const { world, ids } = await shop()
	await update(world, ids[0]!)
	expect(world.doorbells).toHaveLength(1)
	expect((await claim(world)).map(objects)).toEqual([[ids[0]]])
})

test('what comes before a doorbell is answered goes with it', async () => {
	const { world, ids } = await shop()
	await update(world, ...ids.slice(0, 3))
	expect(world.doorbells).toHaveLength(1)
	expect((await claim(world)).map(objects)).toEqual([ids.slice(0, 3)])
})

test('§4.7 what comes while one is in flight goes together when that one is settled', async () => {
	const { world, ids, first } = await shopInFlight()
	await update(world, ...ids.slice(0, 7))
	expect(world.doorbells).toEqual([])
	expect(await claim(world)).toEqual([])
	expect((await accept(world, first)).map(objects)).toEqual([ids.slice(0, 7)])
})

test('§4.7 a full one goes at once, and the rest with it in the next', async () => {
	const { world, ids, first } = await shopInFlight({ batch: 3 })
	await update(world, ids[0]!, ids[1]!)
	expect(world.doorbells).toEqual([])
	await update(world, ids[2]!, ids[3]!)
	expect(world.doorbells).toHaveLength(1)
	const [full, ...others] = await claim(world)
	expect([objects(full!), others]).toEqual([ids.slice(0, 3), []])
	expect(await accept(world, first)).toEqual([])
	expect((await accept(world, full!)).map(objects)).toEqual([[ids[3]]])
})

describe('while the callback takes its time, nothing is held back for more than a second', () => {
	test('§4.7 the alarm sends the doorbell', async () => {
		const { world, ids } = await shopInFlight()
		await update(world, ids[0]!)
		const atMs = world.nowMs + 1_000
		world.nowMs += 900
		await update(world, ids[1]!)
		await waitForDoorbell(world)
		expect(world.nowMs).toBeLessThanOrEqual(atMs)
		expect((await claim(world)).map(objects)).toEqual([ids.slice(0, 2)])
	})

	test('an eviction changes nothing of that', async () => {
		const { world, ids } = await shopInFlight()
		await update(world, ids[0]!)
		world.evict()
		await update(world, ids[1]!)
		const atMs = world.nowMs + 1_000
		expect(await claim(world)).toEqual([])
		await waitForDoorbell(world)
		expect(world.nowMs).toBeLessThanOrEqual(atMs)
		expect((await claim(world)).map(objects)).toEqual([ids.slice(0, 2)])
	})

	test('also what came while a doorbell was under way, whose loss the alarm was set for', async () => {
		const { world, ids } = await shopInFlight()
		const core = world.engine.getCore()!
		// The alarm that the first event set.
		world.nowMs = world.alarmMs!
		await world.alarm()
		enqueueTestEvent(core)
		await world.engine.sendDueDoorbell(core)
		expect(world.doorbells).toHaveLength(1)
		const atMs = world.nowMs + 1_000
		await update(world, ids[0]!)
		expect(await claim(world)).toHaveLength(1)
		await waitForDoorbell(world)
		expect(world.nowMs).toBeLessThanOrEqual(atMs)
		expect((await claim(world)).map(objects)).toEqual([[ids[0]]])
	})

	test('nor while the alarm waits for the store', async () => {
		const { world, ids } = await shopInFlight()
		const core = world.engine.getCore()!
		core.state.nextPollMs = world.nowMs
		let came = false
		world.meanwhile = async () => {
			if (came) return
			came = true
			await update(world, ids[0]!)
			expect(world.doorbells).toEqual([])
			world.nowMs += 1_000
		}
		let rung: number | null = null
		world.crashAt = (point) => {
			if (point === 'after-request') rung ??= world.doorbells.length
			return false
		}
		await world.alarm()
		expect(rung).toBe(1)
	})
})

test('an object’s events stay in order: what waits for one in flight joins the next', async () => {
	const { world, ids, first } = await shopInFlight()
	const [object] = objects(first)
	world.nowMs += 2_000
	await update(world, object!, ids[0]!)
	const [next] = await accept(world, first)
	expect(objects(next!)).toEqual([object, ids[0]])
	world.nowMs += 2_000
	await update(world, ids[1]!, object!)
	expect((await accept(world, next!)).map(objects)).toEqual([[ids[1], object]])
})

test('two resources at once have a notification each', async () => {
	const { world, ids, first } = await shopInFlight()
	await update(world, ids[0]!)
	const order = await updateOrder(world)
	await update(world, ids[1]!)
	const [products] = await accept(world, first)
	expect(objects(products!)).toEqual(ids.slice(0, 2))
	expect((await accept(world, products!)).map(objects)).toEqual([[order]])
})

test('test events and posted messages go at once, alone', async () => {
	const { world, ids } = await shopInFlight()
	await update(world, ids[0]!)
	const core = world.engine.getCore()!
	enqueueTestEvent(core)
	postToInstance(core, {
		...{ topic: 'a.topic', atMs: world.nowMs, severity: 'info', body: '{}', origin: 'o', number: null },
	} as never)
	await world.engine.sendDueDoorbell(core)
	expect(world.doorbells).toHaveLength(1)
	const claimed = await claim(world)
	expect(claimed).toHaveLength(2)
	await update(world, ids[1]!)
	expect(claimed.map(({ notificationId }) => notificationId % 1_000_000_000)).toEqual([3, 4])
	world.nowMs += 1_000
	expect((await claim(world)).map(objects)).toEqual([ids.slice(0, 2)])
})

test('what a change of the configuration follows has what it says now', async () => {
	const { world, ids, first } = await shopInFlight()
	await update(world, ids[0]!)
	await world.configure({ delivery: { ...world.config.delivery, mode: 'thin' } })
	await update(world, ids[1]!)
	const [full] = await accept(world, first)
	const [thin] = await accept(world, full!)
	expect([full!, thin!].map(objects)).toEqual([[ids[0]], [ids[1]]])
	expect([full!, thin!].map(({ body }) => body.includes('"regular_price"'))).toEqual([true, false])
})

describe('a backup that is read while a notification grows', () => {
	test('lacks its newest events: the others are sent as they were', async () => {
		const { world, ids, first } = await shopInFlight({ coalesce: true })
		const [object] = objects(first)
		await update(world, ids[0]!)
		for (let i = 0; i < 2; i++) {
			world.nowMs += 2_000
			await update(world, object!)
		}
		world.sql.run('DELETE FROM events WHERE object_id = ?', ids[0]!)
		world.evict()
		const [next] = await accept(world, first)
		expect(bodyOf(next!).message.events).toMatchObject([{ objectId: String(object), coalesced: 2 }])
	})

	test('lacks all of its events: what was restored is sent without it', async () => {
		const { world, ids } = await shop({ batch: 1 })
		await update(world, ids[0]!, ids[1]!)
		world.sql.run('DELETE FROM events WHERE object_id = ?', ids[0]!)
		world.evict()
		const core = world.engine.getCore()!
		core.commit((tx) => resumeAfterRestore(tx, core))
		expect((await claim(world)).map(objects)).toEqual([[ids[1]]])
	})
})

test('an instance whose callback fails sends what came meanwhile in few notifications', async () => {
	const { world, ids } = await shop({ schedule: [10, 10, 10] })
	world.answer = () => 500
	for (const id of ids) {
		await update(world, id)
		await world.advance(500)
	}
	world.answer = () => 204
	await world.advance(5 * MINUTE_MS)
	expect(new Set(world.arrivals.map(({ objectId }) => objectId)).size).toBe(ids.length)
	await expectCleanJudgement(world)
})

describe('cut off at every commit, with webhooks in the middle of a delivery', () => {
	test.each<[CrashPoint, number]>(
		(['before-commit', 'after-commit'] as const).flatMap((point) =>
			Array.from({ length: 12 }, (_, index): [CrashPoint, number] => [point, index]),
		),
	)('%s %i: everything arrives, in order, and what was sent once never changes', async (point, at) => {
		const { world, ids } = await shop({ batch: 3 })
		const bodies = new Map<number, Set<string>>()
		const coming = ids.slice(1, 8)
		world.answer = async ({ notificationId, body }) => {
			bodies.set(notificationId, (bodies.get(notificationId) ?? new Set()).add(body))
			await update(world, ...coming.splice(0, 4))
			return 204
		}
		let left = at
		world.crashAt = (reached) => reached === point && left-- === 0
		await update(world, ids[0]!)
		await world.advance(3 * MINUTE_MS)
		world.crashAt = () => false
		await world.runUntilQuiet()
		expect(world.crashes).toEqual([point])
		const { missed, invented, disordered } = judgeWorld(world)
		expect({ missed, invented, disordered }).toEqual({ missed: 0, invented: 0, disordered: 0 })
		expect([...bodies.values()].map(({ size }) => size)).toEqual([...bodies].map(() => 1))
	})
})

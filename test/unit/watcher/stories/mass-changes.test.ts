/** Mass changes: sent behind other events, or held until a person decides; nothing lost, doubled or overtaken. */
import { describe, expect, test } from 'vitest'
import { LANES } from '../../../../src/watcher/core/lanes.ts'
import { drainWaiting } from '../../../../src/watcher/outbox/forming.ts'
import { decideHeldChanges, listHeldChanges } from '../../../../src/watcher/polling/mass-changes.ts'
import { buildHealth, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	callStoreApi,
	expectCleanJudgement,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	poll,
	pollerResources,
	reread,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const shop = (config: object = {}) => ({
	resources: pollerResources('products'),
	pollIntervalMs: 6 * HOUR_MS,
	store: { objects: { orders: 0, products: 209, coupons: 0, customers: 0 } },
	config: { announces: true, ...config },
})
const HOLD = { massChanges: 'hold' as const }

/** Prices set by post meta, as bulk editors do. Returns the ids. */
function editPrices(world: World, count: number, price = '7.77', from = 0): number[] {
	const ids = [...world.store.state('products')]
		.filter(([, { type, status }]) => type === 'simple' && status === 'publish')
		.map(([id]) => id)
		.slice(from, from + count)
	world.store.act({ do: 'mass-edit', resource: 'products', ids, set: { regular_price: price, sale_price: '' } })
	return ids
}

const updated = (ids: readonly number[]): string[] => ids.map((id) => `UPDATED products ${id}`).sort()
/** The fields that an arrived event names. */
function changedFields(arrival: World['arrivals'][number]): string[] {
	const { events } = (
		JSON.parse(arrival.body) as { message: { events: { eventId: string; changedFields: string[] }[] } }
	).message
	return events.find(({ eventId }) => eventId === arrival.eventId)!.changedFields
}
const operatorEvents = (world: World): Record<string, unknown>[] =>
	world.notices.filter(({ topic }) => topic === 'mass-change.detected').map(({ body }) => JSON.parse(body) as never)
const lanes = (world: World): { lane: number; mass: number; n: number }[] =>
	world.sql.all(`SELECT lane, mass, count(*) AS n FROM waiting GROUP BY lane, mass ORDER BY lane, mass`)

describe('emit', () => {
	test('60 of 209 prices are 60 events and one operator event; an ordinary PUT of a price afterwards is sent §3.15', async () => {
		const world = await worldAfterBaseline(shop())
		const ids = editPrices(world, 60)
		await reread(world)
		expect(arrivalsSince(world).sort()).toEqual(updated(ids))
		expect(changedFields(world.arrivals[0]!)).toEqual(expect.arrayContaining(['price', 'regular_price']))
		expect(operatorEvents(world)).toEqual([
			expect.objectContaining({ resource: 'products', objects: 60, held: 0, fields: expect.stringContaining('price') }),
		])
		expect(buildPollerReport(world.engine.getCore()!).resources[0]).toMatchObject({
			massChanges: [{ objects: 60, fields: expect.arrayContaining(['regular_price']) }],
			heldChanges: 0,
			volatile: [],
		})
		const from = world.arrivals.length
		await callStoreApi(world, 'PUT', `products/${ids[0]}`, { regular_price: '8.88' })
		await poll(world)
		expect(arrivalsSince(world, from)).toEqual(updated([ids[0]!]))
		await expectCleanJudgement(world)
	})

	/** The callback fails until `back`; nothing of what waits is sent before. */
	async function worldWithBacklog(): Promise<{
		world: World
		ids: number[]
		waited: number[]
		back: () => Promise<void>
	}> {
		const world = await worldAfterBaseline(shop())
		let isDown = true
		world.answer = () => (isDown ? 503 : 204)
		const ids = editPrices(world, 120)
		await reread(world)
		const waited = world.sql
			.all<{ id: number }>(`SELECT object_id AS id FROM waiting WHERE lane = 1 AND mass = 2`)
			.map(({ id }) => id)
		// The first ones were on their way before the callback was known to fail.
		expect(waited.length).toBeGreaterThan(40)
		expect(lanes(world)).toHaveLength(1)
		const back = async (): Promise<void> => {
			isDown = false
			await world.advance(HOUR_MS)
			await expectCleanJudgement(world)
		}
		return { world, ids, waited, back }
	}

	test('they wait behind ordinary events', async () => {
		const { world, ids, waited, back } = await worldWithBacklog()
		const others = liveIds(world, 'products').slice(150, 170)
		for (const id of others) world.store.act({ do: 'edit', resource: 'products', id, set: { name: `New ${id}` } })
		await poll(world)
		await back()
		const arrived = arrivalsSince(world)
		const position = (id: number): number => arrived.indexOf(`UPDATED products ${id}`)
		expect(Math.max(...others.map(position))).toBeLessThan(Math.min(...waited.map(position)))
		expect(arrived.slice().sort()).toEqual(updated([...ids, ...others]))
	})

	test('two that wait are one event with the fields of both and the newest record', async () => {
		const { world, ids, waited, back } = await worldWithBacklog()
		world.store.act({
			do: 'mass-edit',
			resource: 'products',
			ids,
			set: { meta_data: [{ key: '_erp_bin', value: 'B7' }] },
		})
		await reread(world)
		await back()
		const arrived = world.arrivals.filter(({ objectId }) => waited.includes(Number(objectId)))
		expect(arrived).toHaveLength(waited.length)
		for (const arrival of arrived) {
			expect(changedFields(arrival)).toEqual(expect.arrayContaining(['regular_price', 'meta_data']))
			expect(arrival.record).toMatchObject({
				regular_price: '7.77',
				meta_data: expect.arrayContaining([expect.objectContaining({ key: '_erp_bin', value: 'B7' })]),
			})
		}
	})

	test('a later ordinary event of an object takes it along: one event with the fields of both', async () => {
		const { world, waited, back } = await worldWithBacklog()
		const id = waited.at(-1)!
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Renamed' } })
		await poll(world)
		expect(lanes(world).find(({ lane }) => lane === LANES.behind)).toMatchObject({ n: waited.length - 1 })
		await back()
		const own = world.arrivals.filter(({ objectId }) => Number(objectId) === id)
		expect(own).toHaveLength(1)
		expect(changedFields(own[0]!)).toEqual(expect.arrayContaining(['name', 'regular_price']))
		expect(own[0]!.record).toMatchObject({ name: 'Renamed', regular_price: '7.77' })
	})

	test('an object deleted meanwhile is DELETED only', async () => {
		const { world, waited, back } = await worldWithBacklog()
		const id = waited.at(-1)!
		world.store.act({ do: 'delete', resource: 'products', id })
		await poll(world)
		await world.advance(5 * MINUTE_MS)
		await back()
		expect(arrivalsSince(world).filter((line) => line.endsWith(` ${id}`))).toEqual([`DELETED products ${id}`])
	})

	test('none is overtaken by a later event of its object, though the resource got another index meanwhile', async () => {
		const { world, waited, back } = await worldWithBacklog()
		const id = waited.at(-1)!
		await world.configure({ baselineVersion: 9, version: 9 })
		await world.advance(10 * MINUTE_MS)
		expect(lanes(world).filter(({ lane }) => lane > 0)).toEqual([])
		await callStoreApi(world, 'PUT', `products/${id}`, { name: 'Renamed' })
		await poll(world)
		await back()
		const own = world.arrivals.filter(({ objectId }) => Number(objectId) === id)
		expect(own.map(({ record }) => (record as { name: string }).name === 'Renamed')).toEqual([false, true])
	})

	test('while the callback fails they leave room for other events', async () => {
		const world = await worldAfterBaseline(
			shop({ delivery: { ...(await worldAfterBaseline(shop())).config.delivery, batch: 1 } }),
		)
		world.answer = () => 503
		editPrices(world, 120)
		await reread(world)
		const core = world.engine.getCore()!
		// As after many failures: nothing can be sent now.
		for (let round = 0; round < 100; round++) {
			core.commit((tx) => drainWaiting(tx, core))
			world.sql.run(`UPDATE notifications SET due = ?, lease = NULL WHERE settled IS NULL`, world.nowMs + HOUR_MS)
			core.notifications.invalidate()
		}
		expect(core.state.unsettled.length).toBeGreaterThan(20)
		expect(core.state.unsettled.length).toBeLessThanOrEqual(50)
	})

	test('50 of 209 are ordinary events', async () => {
		const world = await worldAfterBaseline(shop())
		const ids = editPrices(world, 50)
		await reread(world)
		await world.advance(10 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(updated(ids))
		expect(operatorEvents(world)).toEqual([])
		expect(buildPollerReport(world.engine.getCore()!).resources[0]!.massChanges).toEqual([])
	})

	test('edits that turn out to be none do not wait behind, and do not merge', async () => {
		const world = await worldAfterBaseline(shop())
		world.answer = () => 503
		const ids = liveIds(world, 'products').slice(0, 90)
		// Two sets of fields, neither of more than 50 objects.
		world.store.act({ do: 'mass-edit', resource: 'products', ids: ids.slice(0, 45), set: { regular_price: '7.77' } })
		world.store.act({ do: 'mass-edit', resource: 'products', ids: ids.slice(45) })
		await reread(world)
		expect(lanes(world).filter(({ lane }) => lane > 0)).toEqual([])
		expect(operatorEvents(world)).toEqual([])
		const id = ids.at(-1)!
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Renamed' } })
		await poll(world)
		world.answer = () => 204
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).filter((line) => line.endsWith(` ${id}`))).toHaveLength(2)
		await expectCleanJudgement(world)
	})
})

describe('hold', () => {
	async function worldWithHeld(config: object = {}): Promise<{ world: World; ids: number[] }> {
		const world = await worldAfterBaseline(shop({ ...HOLD, ...config }))
		const ids = editPrices(world, 60)
		await reread(world)
		return { world, ids }
	}
	const core = (world: World) => world.engine.getCore()!

	test('60 of 209 are held, shown, and reported; none is sent §3.16', async () => {
		const { world, ids } = await worldWithHeld()
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(buildHealth(core(world))).toMatchObject({
			state: 'changes-held',
			reason: 'products: a mass change of 60 objects is held.',
			callback: { waiting: 0 },
		})
		expect(buildPollerReport(core(world)).resources[0]).toMatchObject({
			heldChanges: 60,
			massChanges: [{ objects: 60 }],
		})
		const { held } = listHeldChanges(core(world))
		expect(held).toMatchObject([{ resource: 'products', count: 60, fields: expect.arrayContaining(['regular_price']) }])
		expect(held[0]!.objects.map(({ objectId }) => Number(objectId))).toEqual(ids)
		expect(operatorEvents(world)).toEqual([expect.objectContaining({ objects: 60, held: 60 })])
		await reread(world)
		expect(listHeldChanges(core(world)).held[0]!.count).toBe(60)
	})

	test('emit sends each', async () => {
		const { world, ids } = await worldWithHeld()
		expect(decideHeldChanges(core(world), 'emit')).toBe(60)
		world.engine.updateAlarm(core(world))
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(updated(ids))
		expect(buildHealth(core(world)).state).toBe('healthy')
		await expectCleanJudgement(world)
	})

	test('forget sends none; a later edit is sent once, with the record as it is', async () => {
		const { world, ids } = await worldWithHeld()
		expect(decideHeldChanges(core(world), 'forget')).toBe(60)
		world.engine.updateAlarm(core(world))
		await reread(world)
		expect(arrivalsSince(world)).toEqual([])
		expect(lanes(world)).toEqual([])
		expect(buildHealth(core(world)).state).toBe('healthy')
		const [id] = ids
		await callStoreApi(world, 'PUT', `products/${id}`, { name: 'Renamed' })
		await poll(world)
		expect(arrivalsSince(world)).toEqual(updated([id!]))
		expect(world.arrivals[0]!.record).toMatchObject({ name: 'Renamed', regular_price: '7.77' })
		expect(JSON.parse(world.arrivals[0]!.body).message.events[0].previousSequence ?? null).toBeNull()
	})

	test('an ordinary edit of a held object is one event with the fields of both; the others stay', async () => {
		const { world, ids } = await worldWithHeld()
		const [id] = ids
		await callStoreApi(world, 'PUT', `products/${id}`, { name: 'Renamed' })
		await poll(world)
		expect(arrivalsSince(world)).toEqual(updated([id!]))
		expect(changedFields(world.arrivals[0]!)).toEqual(expect.arrayContaining(['name', 'regular_price']))
		expect(world.arrivals[0]!.record).toMatchObject({ name: 'Renamed', regular_price: '7.77' })
		expect(listHeldChanges(core(world)).held[0]!.count).toBe(59)
		decideHeldChanges(core(world), 'emit')
		world.engine.updateAlarm(core(world))
		await expectCleanJudgement(world)
		expect(world.arrivals).toHaveLength(60)
	})

	test.each([
		['a poll sees the newest of them first', () => undefined],
		[
			'a search for a deleted object sees many of them first',
			(world: World) => world.store.act({ do: 'delete', resource: 'products', id: liveIds(world, 'products')[100]! }),
		],
	])('all prices are held, also where %s', async (_which, meanwhile) => {
		const world = await worldAfterBaseline(shop(HOLD))
		const ids = editPrices(world, 209)
		meanwhile(world)
		await poll(world)
		await world.advance(10 * MINUTE_MS)
		const deleted = ids.filter((id) => !liveIds(world, 'products').includes(id))
		expect(arrivalsSince(world).filter((line) => line.startsWith('UPDATED'))).toEqual([])
		expect(listHeldChanges(core(world)).held[0]!.count).toBe(ids.length - deleted.length)
		decideHeldChanges(core(world), 'emit')
		world.engine.updateAlarm(core(world))
		await expectCleanJudgement(world)
	})

	test('a held object that is deleted is DELETED, and no longer held', async () => {
		const { world, ids } = await worldWithHeld()
		world.store.act({ do: 'delete', resource: 'products', id: ids[0]! })
		await poll(world)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${ids[0]}`])
		expect(listHeldChanges(core(world)).held[0]!.count).toBe(59)
	})

	test('an event that a filter leaves out does not send what is held', async () => {
		const { world, ids } = await worldWithHeld({
			delivery: {
				...(await worldAfterBaseline(shop())).config.delivery,
				filter: { types: ['UPDATED'], resources: null, where: null },
			},
		})
		world.store.act({ do: 'delete', resource: 'products', id: ids[0]! })
		await poll(world)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		decideHeldChanges(core(world), 'forget')
		world.engine.updateAlarm(core(world))
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(lanes(world)).toEqual([])
	})

	test('a second mass change of held objects is one event each', async () => {
		const { world, ids } = await worldWithHeld()
		world.store.act({ do: 'mass-edit', resource: 'products', ids })
		await reread(world)
		expect(listHeldChanges(core(world)).held).toMatchObject([
			{ count: 60, fields: expect.arrayContaining(['regular_price', 'meta_data']) },
		])
		decideHeldChanges(core(world), 'emit')
		world.engine.updateAlarm(core(world))
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual(updated(ids))
		expect(changedFields(world.arrivals[0]!)).toEqual(expect.arrayContaining(['regular_price', 'meta_data']))
	})

	test('fewer than a mass are sent when the look has ended', async () => {
		const world = await worldAfterBaseline(shop(HOLD))
		const ids = editPrices(world, 40)
		await reread(world)
		expect(arrivalsSince(world).sort()).toEqual(updated(ids))
		expect(buildHealth(core(world)).state).toBe('healthy')
		expect(operatorEvents(world)).toEqual([])
	})

	test('nothing of it is lost with the memory, in the middle of the look or later', async () => {
		const world = await worldAfterBaseline(shop(HOLD))
		const ids = editPrices(world, 120)
		let pages = 0
		world.meanwhile = () => {
			if (++pages === 2) world.evict()
		}
		await reread(world)
		world.evict()
		world.alarmMs = world.nowMs
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(listHeldChanges(core(world)).held[0]!.count).toBe(120)
		decideHeldChanges(core(world), 'emit')
		world.engine.updateAlarm(core(world))
		await expectCleanJudgement(world)
		expect(world.arrivals).toHaveLength(ids.length)
	})

	test('what a look has found is held, and reported so, though the setting changes meanwhile', async () => {
		const world = await worldAfterBaseline(shop(HOLD))
		editPrices(world, 120)
		let pages = 0
		world.meanwhile = async () => {
			if (++pages === 8) await world.configure({ massChanges: 'emit', version: 9 })
		}
		await reread(world)
		const held = listHeldChanges(core(world)).held[0]?.count ?? 0
		expect(held).toBeGreaterThan(0)
		expect(buildHealth(core(world)).state).toBe('changes-held')
		expect(operatorEvents(world)).toEqual([
			expect.objectContaining({ objects: 120, message: expect.stringContaining('They are held') }),
		])
	})

	test('what waits for the end of a look counts as waiting; what is held does not', async () => {
		const world = await worldAfterBaseline(shop(HOLD))
		editPrices(world, 120)
		const waiting: number[] = []
		world.meanwhile = () => void waiting.push(buildHealth(core(world)).callback.waiting)
		await reread(world)
		expect(Math.max(...waiting)).toBeGreaterThan(0)
		expect(buildHealth(core(world))).toMatchObject({ state: 'changes-held', callback: { waiting: 0 } })
	})

	test('when all that was held was sent with later events, nothing is held since', async () => {
		const { world, ids } = await worldWithHeld()
		for (const id of ids) world.store.act({ do: 'edit', resource: 'products', id, set: { name: `New ${id}` } })
		await poll(world)
		await world.advance(5 * MINUTE_MS)
		expect(listHeldChanges(core(world)).held).toEqual([])
		await reread(world)
		expect(getResourceState(world, 'products').changesHeldSinceMs).toBeNull()
		await expectCleanJudgement(world)
	})

	test('a resource that leaves the configuration leaves nothing held', async () => {
		const { world } = await worldWithHeld()
		expect(getResourceState(world, 'products').changesHeldSinceMs).toBeTypeOf('number')
		await world.configure({ baselineVersion: 9, version: 9 })
		await world.advance(HOUR_MS)
		expect(lanes(world)).toEqual([])
		expect(arrivalsSince(world)).toEqual([])
		expect(buildHealth(core(world)).state).toBe('healthy')
	})
})

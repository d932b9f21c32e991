/** Instances that an earlier version left with a list of volatile fields: what cannot be compared is indexed in silence, announced once, and sent by choice. */
import { expect, test } from 'vitest'
import { decideUnchecked, listUnchecked } from '../../../../src/watcher/polling/unchecked.ts'
import { asEarlierVersion } from '../../../support/earlier-versions.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	expectCleanJudgement,
	getResourceState,
	liveIds,
	MINUTE_MS,
	poll,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const options = (label = 'products') => ({
	resources: pollerResources(label),
	store: { objects: { orders: 0, products: 0, coupons: 0, customers: 0, [label]: 30 } },
	config: { announces: true },
})

async function reread(world: World, label = 'products'): Promise<void> {
	await poll(world)
	const core = world.engine.getCore()!
	core.commit(() => {
		getResourceState(world, label).rereadAsked = true
	})
	world.engine.updateAlarm(core)
	await world.advance(3 * MINUTE_MS)
}

function decide(world: World, decision: 'emit' | 'forget'): number {
	const core = world.engine.getCore()!
	const decided = decideUnchecked(core, decision)
	world.engine.updateAlarm(core)
	return decided
}

const unchecked = (world: World) => listUnchecked(world.engine.getCore()!).unchecked
const said = (world: World) => world.notices.filter(({ topic }) => topic === 'objects.unchecked')

/** Products whose prices an earlier version took for noise. The log holds the record of the first alone. */
async function upgradedShop(): Promise<{ world: World; ids: number[]; from: number }> {
	const world = await worldAfterBaseline(options())
	const ids = liveIds(world, 'products')
	world.store.act({ do: 'edit', resource: 'products', id: ids[0]!, set: { name: 'Logged' } })
	await world.advance(2 * MINUTE_MS)
	asEarlierVersion(world, ['price', 'regular_price', 'no_such_field'])
	const from = world.arrivals.length
	for (const id of ids.slice(0, 2))
		world.store.act({ do: 'edit-silently', resource: 'products', id, set: { regular_price: '1.11' } })
	await reread(world)
	await reread(world)
	return { world, ids, from }
}

test('a difference from the last record is sent; the rest is announced once, with fields and number §11.17', async () => {
	const { world, ids, from } = await upgradedShop()
	expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${ids[0]}`])
	expect(unchecked(world)).toMatchObject([
		{ resource: 'products', fields: ['price', 'regular_price'], count: 29, sending: false },
	])
	expect(said(world)).toHaveLength(1)
	expect(JSON.parse(said(world)[0]!.body)).toMatchObject({
		resource: 'products',
		fields: 'price, regular_price',
		objects: 29,
		message: expect.stringMatching(/29 objects .* price, regular_price.*PUT \/instances\/\d+\/unchecked/s),
	})
	world.evict()
	await reread(world)
	expect(said(world)).toHaveLength(1)
	expect(unchecked(world)).toMatchObject([{ count: 29 }])
})

test('emit sends an UPDATED of each, once, however often it is decided §11.17', async () => {
	const { world, ids, from } = await upgradedShop()
	const [, changed, deleted] = ids
	world.store.act({ do: 'edit', resource: 'products', id: changed!, set: { name: 'Changed' } })
	world.store.act({ do: 'delete', resource: 'products', id: deleted! })
	await poll(world)
	await world.advance(MINUTE_MS)
	expect(arrivalsSince(world, from)).toEqual([
		`UPDATED products ${ids[0]}`,
		`UPDATED products ${changed}`,
		`DELETED products ${deleted}`,
	])
	expect(unchecked(world)).toMatchObject([{ count: 27 }])
	expect(decide(world, 'emit')).toBe(27)
	expect(decide(world, 'emit')).toBe(0)
	expect(decide(world, 'forget')).toBe(0)
	expect(unchecked(world)).toMatchObject([{ count: 27, sending: true }])
	world.evict()
	world.alarmMs ??= world.nowMs
	await world.advance(3 * MINUTE_MS)
	const sent = world.arrivals.slice(from + 3)
	expect(sent.map(({ objectId }) => objectId).sort()).toEqual(ids.slice(3).map(String).sort())
	for (const event of sent)
		expect(event).toMatchObject({ eventType: 'UPDATED', changedFields: ['price', 'regular_price'] })
	expect(unchecked(world)).toEqual([])
	await reread(world)
	expect(world.arrivals).toHaveLength(from + 30)
	expect(world.sql.all(`SELECT * FROM unchecked`)).toEqual([])
})

test('forget sends none, and changes after it are sent §11.17', async () => {
	const { world, ids, from } = await upgradedShop()
	expect(decide(world, 'forget')).toBe(29)
	expect(decide(world, 'emit')).toBe(0)
	await reread(world)
	expect(arrivalsSince(world, from)).toHaveLength(1)
	expect(unchecked(world)).toEqual([])
	world.store.act({ do: 'edit-silently', resource: 'products', id: ids[5]!, set: { regular_price: '2.22' } })
	await reread(world)
	expect(arrivalsSince(world, from).at(-1)).toBe(`UPDATED products ${ids[5]}`)
})

test('collections without a modified date are sent too, although their pages are as before', async () => {
	const world = await worldAfterBaseline(options('customers'))
	asEarlierVersion(world, ['is_paying_customer'])
	await reread(world, 'customers')
	await world.advance(30 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([])
	expect(said(world)).toHaveLength(1)
	const ids = liveIds(world, 'customers')
	expect(decide(world, 'emit')).toBe(ids.length)
	await world.advance(30 * MINUTE_MS)
	expect(arrivalsSince(world).sort()).toEqual(ids.map((id) => `UPDATED customers ${id}`).sort())
	expect(unchecked(world)).toEqual([])
})

test('rows of an earlier version without volatile fields, and new instances, have none', async () => {
	const world = await worldAfterBaseline(options())
	asEarlierVersion(world)
	await reread(world)
	await reread(world)
	expect(unchecked(world)).toEqual([])
	expect(said(world)).toEqual([])
	expect(decide(world, 'emit')).toBe(0)
	expect(arrivalsSince(world)).toEqual([])
	await expectCleanJudgement(world)
})

/** Noise is proven by reads; what is not proven is a change. */
import { expect, test } from 'vitest'
import { buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import type { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	DAY_MS,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	pollerResources,
	rewriteRecords,
	worldAfterBaseline,
} from '../../../support/stories.ts'

const shop = (products: number) => ({
	resources: pollerResources('products'),
	pollIntervalMs: 5 * MINUTE_MS,
	store: { objects: { orders: 0, products, coupons: 0, customers: 0 } },
})
const noise = (world: World): string[] => buildPollerReport(world.engine.getCore()!).resources[0]!.volatile

async function reread(world: World): Promise<void> {
	const core = world.engine.getCore()!
	core.commit(() => {
		for (const rs of core.state.resources) rs.rereadAsked = true
	})
	world.engine.updateAlarm(core)
	await world.advance(4 * MINUTE_MS)
}

/** Every answer signs the addresses of images anew. */
function signImages(world: World, isSigned: () => boolean = () => true): void {
	let turn = 0
	rewriteRecords(world, (record) => ({
		...record,
		images: [{ id: 1, src: isSigned() ? `https://cdn.example/a.png?sig=${++turn}` : 'https://cdn.example/a.png' }],
	}))
}

test('signed image addresses emit nothing after the proof, in a shop of 30 too, and prices still do', async () => {
	const world = await worldAfterBaseline(shop(30))
	signImages(world)
	await world.advance(10 * MINUTE_MS)
	await reread(world)
	expect(noise(world)).toEqual(['images.*.src'])
	const from = world.arrivals.length
	await world.advance(DAY_MS)
	await reread(world)
	expect(arrivalsSince(world, from)).toEqual([])
	const [id] = liveIds(world, 'products')
	world.store.act({ do: 'edit-silently', resource: 'products', id: id!, set: { regular_price: '1.11' } })
	await reread(world)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${id}`])
	expect(world.arrivals[from]).toMatchObject({ changedFields: expect.not.arrayContaining(['images']) })
})

test('a proof ends when reads agree: after an hour if it was not confirmed', async () => {
	const world = await worldAfterBaseline(shop(30))
	let isSigned = true
	signImages(world, () => isSigned)
	await world.advance(10 * MINUTE_MS)
	expect(noise(world)).toEqual(['images.*.src'])
	isSigned = false
	await world.advance(2 * HOUR_MS)
	expect(noise(world)).toEqual([])
})

test('60 of 209 prices without a stamp are 60 changes, and an ordinary edit afterwards is sent', async () => {
	const world = await worldAfterBaseline(shop(209))
	const ids = liveIds(world, 'products').slice(0, 60)
	for (const id of ids)
		world.store.act({ do: 'edit-silently', resource: 'products', id, set: { regular_price: '7.77', sale_price: '' } })
	await reread(world)
	expect(new Set(arrivalsSince(world)).size).toBe(60)
	expect(noise(world)).toEqual([])
	const from = world.arrivals.length
	world.store.act({ do: 'edit', resource: 'products', id: ids[0]!, set: { regular_price: '8.88' } })
	await world.advance(6 * MINUTE_MS)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${ids[0]}`])
})

test('images that are signed anew at a re-read wait for the round: not one of 30 is sent', async () => {
	const world = await worldAfterBaseline({ ...shop(30), pollIntervalMs: 6 * HOUR_MS })
	signImages(world)
	await reread(world)
	expect(noise(world)).toEqual(['images.*.src'])
	const images = arrivalsSince(world)
	await reread(world)
	expect(arrivalsSince(world)).toEqual(images)
})

test('prices that every answer shows otherwise emit at most ten events in two days', async () => {
	const world = await worldAfterBaseline({ ...shop(120), pollIntervalMs: MINUTE_MS })
	// Answers alternate by time, so that the three reads of a round, 20 s apart, do too.
	rewriteRecords(world, (record) => ({
		...record,
		price: Math.floor(world.nowMs / 20_000) % 2 === 0 ? '9.00' : '8.10',
	}))
	await world.advance(2 * DAY_MS)
	await reread(world)
	expect(noise(world)).toContain('price')
	expect(arrivalsSince(world).length).toBeLessThanOrEqual(10)
})

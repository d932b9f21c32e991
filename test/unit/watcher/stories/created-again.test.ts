/** An object that is created again from its row gives out no id that the one before it has given out. */
import { describe, expect, test } from 'vitest'
import { skipIds, toFreshNumber } from '../../../../src/watcher/core/skipped-ids.ts'
import { buildMetrics } from '../../../../src/watcher/queries/reports.ts'
import {
	callStoreApi,
	DAY_MS,
	edit,
	liveIds,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'
import type { World } from '../../../support/world.ts'

const options = { resources: pollerResources('products'), config: { announces: true } }

/** The object is lost and created again; its first poll indexes the store. */
async function createAgain(world: World): Promise<void> {
	await world.engine.destroy()
	world.nowMs += MINUTE_MS
	await world.engine.create(world.config.instanceId, undefined, true)
	await world.advance(10 * MINUTE_MS)
}

test('events, notifications and operator events go on above the ids of before §11.3', async () => {
	const world = await worldAfterBaseline(options)
	const [id] = liveIds(world, 'products')
	await edit(world, id!, 'One')
	const before = { arrivals: world.arrivals.length, notices: world.notices.length }
	expect(before.arrivals).toBe(1)
	await createAgain(world)
	await edit(world, id!, 'Two')
	const third = world.arrivals.length
	await createAgain(world)
	await edit(world, id!, 'Three')

	const ids = world.arrivals.map(({ eventId }) => eventId)
	expect(world.arrivals.at(-1)!.record).toMatchObject({ name: 'Three' })
	expect(new Set(ids).size).toBe(ids.length)
	const notifications = world.arrivals.map(({ notificationId }) => notificationId)
	expect(notifications).toEqual([...new Set(notifications)].sort((a, b) => a - b))
	expect(notifications.every((notification) => Number.isSafeInteger(notification))).toBe(true)
	const numbers = world.notices.map(({ number }) => number!)
	expect(numbers.length).toBeGreaterThan(before.notices)
	expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
	// What was skipped is not counted.
	expect(buildMetrics(world.engine.getCore()!).seen).toBe(world.arrivals.length - third)
})

describe('objectSequence never goes back §11.3', () => {
	const numbers = (world: World, id: number | undefined): number[] =>
		world.arrivals.filter(({ objectId }) => objectId === String(id)).map(({ objectSequence }) => objectSequence)
	const expectAscending = (found: readonly number[], count: number): void => {
		expect(found.length).toBeGreaterThanOrEqual(count)
		expect(found).toEqual([...new Set(found)].sort((a, b) => a - b))
	}

	test('when the object of the instance is created again', async () => {
		const world = await worldAfterBaseline(options)
		const [id] = liveIds(world, 'products')
		for (const name of ['One', 'Two', 'Three']) await edit(world, id!, name)
		await createAgain(world)
		await edit(world, id!, 'Four')
		await createAgain(world)
		await edit(world, id!, 'Five')
		await edit(world, id!, 'Six')
		const found = numbers(world, id)
		expectAscending(found, 6)
		expect(found.slice(0, 3)).toEqual([1, 2, 3])
		expect(found.at(-1)).toBe(found.at(-2)! + 1)
	})

	test('when a resource is removed and added again, or watched without an index first', async () => {
		const world = await worldAfterBaseline(options)
		const [id] = liveIds(world, 'products')
		for (const name of ['One', 'Two']) await edit(world, id!, name)
		const unindexed = { products: { ...pollerResources('products')['products']!, filterByUpdatedDate: false } }
		for (const resources of [pollerResources('coupons'), options.resources, unindexed, options.resources]) {
			const configuration = { 'event.poller.configuration': JSON.stringify(resources) }
			await world.configure({ configuration })
			await world.advance(10 * MINUTE_MS)
			if ('products' in resources) await edit(world, id!, `Name ${numbers(world, id).length}`)
		}
		expectAscending(numbers(world, id), 5)
	})

	test('when an object comes back from the trash as a draft, and is published after another stay there', async () => {
		const world = await worldAfterBaseline(options)
		const [id] = liveIds(world, 'products')
		const put = async (status: string): Promise<void> => {
			await callStoreApi(world, 'PUT', `products/${id}`, { status })
			await world.advance(10 * MINUTE_MS)
		}
		for (let round = 0; round < 2; round++) {
			world.store.act({ do: 'trash', resource: 'products', id: id! })
			await world.advance(10 * MINUTE_MS)
			await put('draft')
		}
		await put('publish')
		const found = numbers(world, id)
		expectAscending(found, 4)
	})
})

test('ids never go back, and fresh numbers leave room for 10^9 notifications', () => {
	const state = { sequence: 5_000, notification: 10 } as never as Parameters<typeof skipIds>[0]
	skipIds(state, { sequence: 100, notification: 100 })
	expect(state).toMatchObject({ sequence: 5_000, notification: 100, idsSkipped: 0 })
	expect(toFreshNumber(0)).toBe(0)
	expect(toFreshNumber(Date.UTC(2040, 0, 1))).toBeLessThan(7e8)
	expect(toFreshNumber(Date.UTC(2026, 0, 1) + DAY_MS) - toFreshNumber(Date.UTC(2026, 0, 1))).toBe(86_400)
})

/** What an instance's keys make of its events: filters, coalescing, thin notifications, their size, records too large. */
import { describe, expect, test } from 'vitest'
import { getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	pollerResources,
	worldAfterBaseline,
	MINUTE_MS,
	arrivalsSince,
	poll,
} from '../../../support/stories.ts'
import { getDefaultDelivery, type DeliveryConfig } from '../../../../src/rpc/config.ts'

/** A world that polls when it is told to, with these keys. */
function shop(delivery: Partial<DeliveryConfig>, ...labels: string[]): Promise<World> {
	return worldAfterBaseline({
		resources: pollerResources(...(labels.length === 0 ? ['products'] : labels)),
		pollIntervalMs: 365 * DAY_MS,
		config: { delivery: { ...getDefaultDelivery('polling'), ...delivery } },
	})
}

/** Does something to a product, and polls. */
async function act(world: World, action: Parameters<World['store']['act']>[0]): Promise<number> {
	const [entry] = world.store.act(action)
	await poll(world)
	return entry!.id
}

/** `previousSequence` and `objectSequence` of what arrived. */
const places = (world: World): (number | undefined)[][] =>
	world.arrivals.map((one) => {
		const { previousSequence, objectSequence } = one as { previousSequence?: number; objectSequence: number }
		return [previousSequence, objectSequence]
	})

const message = (world: World, index: number) => JSON.parse(world.arrivals.at(index)!.body).message

test('§11.7 raw is the record as the store gave it, with its nulls', async () => {
	const world = await shop({}, 'orders')
	await act(world, { do: 'create', resource: 'orders', set: { status: 'pending' } })
	const [record] = message(world, -1).raw.orders
	const [, own] = [...world.store.state('orders')].find(([id]) => id === record.id)!
	const nulls = (one: object): string[] =>
		Object.entries(one).flatMap(([name, value]) => (value === null ? [name] : []))
	expect(nulls(record)).toEqual(expect.arrayContaining(['date_paid', 'date_completed']))
	expect(nulls(record)).toEqual(nulls(own))
})

describe('filters', () => {
	test('by type and by resource: the log has what the callback does not get', async () => {
		const world = await shop(
			{ filter: { types: ['CREATED', 'DELETED'], resources: ['products'], where: null } },
			'products',
			'orders',
		)
		const id = await act(world, { do: 'create', resource: 'products' })
		await act(world, { do: 'edit', resource: 'products', id })
		await act(world, { do: 'place-order' })
		await act(world, { do: 'delete', resource: 'products', id })
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`, `DELETED products ${id}`])
		expect(getEventPage(world.engine.getCore()!, { pageSize: 50 }).events.map((event) => event.eventType)).toContain(
			'UPDATED',
		)
		// What was left out leaves no gap.
		expect(places(world)).toEqual([
			[undefined, 1],
			[1, 3],
		])
	})

	test('by a condition on the record, which no deletion has to meet', async () => {
		const where = [{ field: 'status', operator: '=' as const, values: ['publish'] }]
		const world = await shop({ filter: { types: null, resources: null, where } })
		const id = await act(world, { do: 'create', resource: 'products', set: { status: 'draft' } })
		expect(arrivalsSince(world)).toEqual([])
		await act(world, { do: 'edit', resource: 'products', id, set: { status: 'publish' } })
		await act(world, { do: 'edit', resource: 'products', id, set: { status: 'draft' } })
		await act(world, { do: 'delete', resource: 'products', id })
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`, `DELETED products ${id}`])
		expect(places(world)).toEqual([
			[undefined, 2],
			[2, 4],
		])
	})
})

describe('coalescing', () => {
	test('what waited for its object goes as its newest, and says for how many', async () => {
		const world = await shop({ coalesce: true })
		const id = await act(world, { do: 'create', resource: 'products', set: { name: 'One' } })
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`])
		world.answer = () => 404
		await act(world, { do: 'edit', resource: 'products', id, set: { name: 'Two' } })
		await act(world, { do: 'edit', resource: 'products', id, set: { name: 'Three' } })
		await act(world, { do: 'edit', resource: 'products', id, set: { name: 'Four', description: 'Better' } })
		world.answer = () => 204
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`, `UPDATED products ${id}`, `UPDATED products ${id}`])
		expect(world.arrivals.map((one) => (one as { coalesced?: number }).coalesced)).toEqual([undefined, undefined, 2])
		expect(world.arrivals.at(-1)!.record).toMatchObject({ name: 'Four' })
		expect(message(world, -1).events[0].changedFields).toEqual(expect.arrayContaining(['name', 'description']))
		expect(places(world)).toEqual([
			[undefined, 1],
			[1, 2],
			[2, 4],
		])
	})

	test('what came to nothing while its object waited does not go, and what follows shows no gap', async () => {
		const world = await shop({ coalesce: true })
		const id = await act(world, { do: 'create', resource: 'products', set: { name: 'Mug' } })
		world.answer = () => 404
		await act(world, { do: 'trash', resource: 'products', id })
		await act(world, { do: 'restore', resource: 'products', id })
		await act(world, { do: 'trash', resource: 'products', id })
		world.answer = () => 204
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`, `DELETED products ${id}`])
		await act(world, { do: 'restore', resource: 'products', id })
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world).at(-1)).toBe(`CREATED products ${id}`)
		expect(places(world)).toEqual([
			[undefined, 1],
			[1, 2],
			[2, 5],
		])
	})

	test('without it every change goes, in order', async () => {
		const world = await shop({})
		world.answer = () => 404
		const id = await act(world, { do: 'create', resource: 'products', set: { name: 'One' } })
		await act(world, { do: 'edit', resource: 'products', id, set: { name: 'Two' } })
		await act(world, { do: 'edit', resource: 'products', id, set: { name: 'Three' } })
		world.answer = () => 204
		await world.advance(2 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`, `UPDATED products ${id}`, `UPDATED products ${id}`])
	})
})

describe('a notification', () => {
	test('that is thin has ids and links, and the log has the record', async () => {
		const world = await shop({ mode: 'thin' })
		const id = await act(world, { do: 'create', resource: 'products', set: { name: 'Mug' } })
		const { raw, events } = message(world, -1)
		expect(raw.products).toEqual([{ id }])
		const [row] = getEventPage(world.engine.getCore()!, { pageSize: 1 }).events
		expect(events[0].recordUrl).toBe(`${world.ports().publicUrl}/elements/api-v2/instances/7/events/${row!.eventId}`)
		expect(JSON.parse(row!.record!)).toMatchObject({ id, name: 'Mug' })
	})

	test('holds as many events as it may', async () => {
		const world = await shop({ batch: 3 })
		world.store.act({ do: 'burst', resource: 'products', count: 7 })
		await poll(world)
		const sizes = new Map<number, number>()
		for (const { notificationId } of world.arrivals) sizes.set(notificationId, (sizes.get(notificationId) ?? 0) + 1)
		expect([...sizes.values()]).toEqual([3, 3, 1])
	})

	test('of a record too large to keep says where it is, and does not call it erased', async () => {
		const world = await shop({})
		const id = await act(world, { do: 'create', resource: 'products', set: { description: 'x'.repeat(1_600_000) } })
		const { raw, events } = message(world, -1)
		expect(raw.products).toEqual([{ id, tooLarge: true }])
		expect(events[0]).toMatchObject({
			tooLarge: true,
			recordUrl: `${world.ports().publicUrl}/elements/api-v2/hubs/ecommerce/products/${id}`,
		})
		expect(events[0]).not.toHaveProperty('erased')
	})
})

test('a setting of the account reaches an instance without a call: with what it does next, when its copy is a minute old', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products'), pollIntervalMs: 2 * MINUTE_MS })
	world.config = {
		...world.config,
		retentionDays: 2,
		delivery: { ...world.config.delivery, schedule: [5], failurePolicy: 'queue' },
	}
	await world.advance(3 * MINUTE_MS)
	expect(world.engine.getCore()!.config).toMatchObject({
		retentionDays: 2,
		delivery: { schedule: [5], failurePolicy: 'queue' },
	})
})

/** Single records that spoil what holds them, large ones, slow ones: all others go on, and health names those that cannot be read. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { Fault } from '../../../store/store.ts'
import { changeProducts, deviantWorld, getLimits } from '../../../support/deviant-stories.ts'
import { arrivalsSince, HOUR_MS, MINUTE_MS } from '../../../support/stories.ts'
import type { World } from '../../../support/world.ts'

/** A quarter of an hour between polls: less to tell. */
const options = { pollIntervalMs: 15 * MINUTE_MS }
const getState = (world: World) => buildHealth(world.engine.getCore()!).state
const isOf =
	(id: number) =>
	(event: string): boolean =>
		event.endsWith(` ${id}`)

type Poison = Omit<NonNullable<Fault['poison']>, 'id'>
/** Of 120 products, the places of those that spoil a list. */
const POISONS: [string, Poison, number[]][] = [
	['answers 500', { as: 'error' }, [0, 50, 119]],
	['answers 500, unless fields are named', { as: 'error', fieldsSpare: true }, [119]],
	['is never answered', { as: 'hang' }, [0]],
	['has more than 24 MB', { as: 'huge', fieldsSpare: true }, [119]],
	['has broken JSON', { as: 'broken' }, [0]],
	['answers 500 in lists alone', { as: 'error', in: 'list' }, [119]],
]

describe.each(POISONS)('one product %s', (_, poison, places) => {
	test.each(places)(
		'number %i of 120: all others arrive, that one is named, and is sent when it can be read',
		async (place) => {
			const world = await deviantWorld({ faults: () => [], options })
			const ids = [...world.store.state('products').keys()]
			const id = ids[place]!
			world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Spoils' } })
			world.store.setFaults({ match: '/products', poison: { id, ...poison } })
			const expected = changeProducts(world)
			await world.advance(2 * HOUR_MS)
			const isPoison = isOf(id)
			const others = (events: string[]) => events.filter((event) => !isPoison(event)).toSorted()
			expect(others(arrivalsSince(world))).toEqual(others(expected))
			if (poison.in === undefined) {
				const said = getLimits(world).map(({ message }) => message)
				expect(said.join(' ')).toContain(String(id))
				expect(arrivalsSince(world).filter(isPoison)).toEqual([])
			}
			expect(getState(world)).toBe('healthy')
			world.store.setFaults({})
			await world.advance(25 * HOUR_MS)
			expect(arrivalsSince(world).filter(isPoison)).toEqual([`UPDATED products ${id}`])
			expect(getLimits(world)).toEqual([])
		},
	)

	test('from the connection on: the others are learned, and nothing is invented when it can be read', async () => {
		const world = await deviantWorld({ faults: (ids) => [{ poison: { id: ids[60]!, ...poison } }], options })
		const poisoned = [...world.store.state('products').keys()][60]!
		const expected = changeProducts(world)
		await world.advance(2 * HOUR_MS)
		const others = (events: string[]) => events.filter((event) => !isOf(poisoned)(event)).toSorted()
		expect(others(arrivalsSince(world))).toEqual(others(expected))
		world.store.setFaults({})
		await world.advance(25 * HOUR_MS)
		expect(others(arrivalsSince(world))).toEqual(others(expected))
		expect(
			arrivalsSince(world)
				.filter(isOf(poisoned))
				.every((event) => event.startsWith('UPDATED')),
		).toBe(true)
	})
})

test('120 products of 300 kB are learned, in pages that are small enough', async () => {
	const world = await deviantWorld({ faults: () => [{ padBytes: 300_000 }] })
	const expected = changeProducts(world)
	await world.advance(30 * MINUTE_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	expect(getState(world)).toBe('healthy')
})

test('a list that takes 20 seconds a page is read, with smaller pages', async () => {
	const world = await deviantWorld({ faults: () => [{ secondsPerRow: 0.2 }] })
	const expected = changeProducts(world)
	await world.advance(2 * HOUR_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	expect(getState(world)).toBe('healthy')
})

test.each(['error', 'firewall', 'another', 'hang', 'broken'] as const)(
	'one id left the list, and its own address answers otherwise (%s): polling goes on',
	async (as) => {
		const world = await deviantWorld({ faults: () => [], options })
		const id = [...world.store.state('products').keys()][40]!
		world.store.act({ do: 'delete', resource: 'products', id })
		world.store.setFaults({ match: '/products', poison: { id, as, in: 'item' } })
		await world.advance(HOUR_MS)
		const expected = changeProducts(world)
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
		expect(getState(world)).toBe('healthy')
		const said = getLimits(world).map(({ message }) => message)
		expect(said.join(' ')).toContain(String(id))
		world.store.setFaults({})
		await world.advance(25 * HOUR_MS)
		expect(arrivalsSince(world).filter(isOf(id))).toEqual([`DELETED products ${id}`])
	},
)

const FENCES: Record<string, Fault> = {
	'behind a firewall page': { html: true },
	'answered 403 by a firewall': { status: 403, form: 'html' },
	'answered 500': { status: 500 },
	'without rights': { status: 403, form: 'json' },
	'never answered': { stall: true },
}
test.each(Object.keys(FENCES))('one resource %s: the others go on', async (name) => {
	const world = await deviantWorld({
		faults: () => [],
		options: {
			resources: undefined as never,
			store: { objects: { orders: 20, products: 30, coupons: 5, customers: 5 } },
		},
	})
	world.store.setFaults({ match: '/products', ...FENCES[name] })
	await world.advance(HOUR_MS)
	const [order] = world.store.act({ do: 'place-order' })
	await world.advance(15 * MINUTE_MS)
	expect(arrivalsSince(world)).toContain(`CREATED orders ${order!.id}`)
	expect(getState(world)).not.toBe('store-unreachable')
	const [product] = world.store.act({ do: 'create', resource: 'products' })
	world.store.setFaults({})
	await world.advance(2 * HOUR_MS)
	expect(arrivalsSince(world).filter((event) => event.includes('products'))).toContain(
		`CREATED products ${product!.id}`,
	)
})

test('a row that stands twice in an answer is one object', async () => {
	const world = await deviantWorld({ faults: () => [{ repeat: {} }] })
	const id = [...world.store.state('products').keys()][5]!
	world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Edited' } })
	await world.advance(15 * MINUTE_MS)
	expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
})

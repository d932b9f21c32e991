/** Rows that are not what they seem: empty lists with a total, copies, records of another kind, refused reads by id, dates that come and go. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { Fault } from '../../../store/store.ts'
import {
	changeProducts,
	deviantWorld,
	expectDeviantStory,
	getLimits,
	type DeviantStory,
} from '../../../support/deviant-stories.ts'
import { arrivalsSince, DAY_MS, getResourceState, HOUR_MS, MINUTE_MS } from '../../../support/stories.ts'
import type { World } from '../../../support/world.ts'

const PASS_MS = 2 * HOUR_MS
const getState = (world: World) => buildHealth(world.engine.getCore()!).state
const getFindings = (world: World) => Object.keys(getResourceState(world, 'products').findings ?? {})
const limitText = (world: World): string =>
	getLimits(world)
		.map(({ message }) => message)
		.join(' ')
const every = <Event extends string>(events: readonly Event[], divisor: number, isDivisible: boolean): Event[] =>
	events.filter((event) => (Number(event.split(' ').at(-1)) % divisor === 0) === isDivisible).toSorted()

describe('an empty list', () => {
	test('whose total says 2: health says that it is wrong, and a product that comes is sent', async () => {
		const world = await deviantWorld({ faults: () => [{ total: 2 }], products: 0 })
		expect(getLimits(world).map(({ code }) => code)).toEqual(['wrong-total'])
		expect(limitText(world)).toContain('2 more objects than its lists show')
		const [created] = world.store.act({ do: 'create', resource: 'products' })
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${created!.id}`])
		expect(getState(world)).toBe('healthy')
	})

	test('control: whose total says 0', async () => {
		const world = await deviantWorld({ faults: () => [], products: 0 })
		expect(getLimits(world)).toEqual([])
	})
})

const COPIES: Record<string, DeviantStory> = {
	'ten products, one of them twice': {
		faults: () => [{ repeat: {} }],
		products: 10,
		edits: 4,
		withinMs: PASS_MS,
		limit: null,
	},
	'a hundred products, one of each page twice': {
		faults: () => [{ repeat: {} }],
		products: 100,
		withinMs: PASS_MS,
		limit: null,
	},
	'ten products, one twice before pages are made': {
		faults: () => [{ repeat: { beforePaging: true } }],
		products: 10,
		edits: 4,
		withinMs: PASS_MS,
		limit: null,
	},
	'control: each answer is the whole collection': {
		faults: () => [{ wholeList: true }],
		products: 11,
		edits: 4,
		withinMs: PASS_MS,
		limit: /whole collection/,
	},
}

test.each(Object.keys(COPIES))('%s', async (name) => {
	const { world } = await expectDeviantStory(COPIES[name]!)
	if (!name.startsWith('control')) expect(getFindings(world)).not.toContain('too-many-rows')
})

test('dates_are_gmt has no effect, east of Greenwich: named as soon as an answer shows it, and nothing is lost', async () => {
	const world = await deviantWorld({
		faults: () => [{ ignores: ['dates_are_gmt'] }],
		options: { store: { zone: 'Asia/Kolkata' } },
	})
	const expected = changeProducts(world)
	await world.advance(HOUR_MS)
	// Now a window has rows of the hours before its bound.
	expected.push(...changeProducts(world))
	await world.advance(HOUR_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	expect(limitText(world)).toContain('dates_are_gmt')
})

describe('records of another kind in the list of products', () => {
	test.each(['order', 'coupon', 'term', 'post'] as const)(
		'%s rows from the connection on: no products',
		async (kind) => {
			const world = await deviantWorld({ faults: () => [{ otherKind: { kind, every: 7 } }], products: 60 })
			const expected = changeProducts(world, 8)
			await world.advance(PASS_MS)
			expect(arrivalsSince(world).toSorted()).toEqual(every(expected, 7, false))
			expect(limitText(world)).toMatch(/have rows that are (orders|coupons|terms|pages or posts): they are left out/)
			expect(getState(world)).toBe('healthy')
		},
	)

	test('beside products, for three hours: what they hide is neither deleted nor lost', async () => {
		const world = await deviantWorld({ faults: () => [], products: 60 })
		world.store.setFaults({ match: '/products', otherKind: { kind: 'order', every: 7 } })
		const expected = changeProducts(world, 8)
		await world.advance(3 * HOUR_MS)
		expect(every(arrivalsSince(world), 7, false)).toEqual(every(expected, 7, false))
		world.store.setFaults({})
		await world.advance(25 * HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	})

	test('in place of all products, from the connection on: health says what is there, and they are not new later', async () => {
		const world = await deviantWorld({ faults: () => [{ otherKind: { kind: 'order', every: 1 } }], products: 60 })
		expect(limitText(world)).toContain('rows that are orders')
		world.store.setFaults({})
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		const expected = changeProducts(world, 8)
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	})
})

const REFUSALS: Record<string, Fault> = {
	'403': { status: 403, form: 'json' },
	'410': { status: 410, form: 'json' },
	'401': { status: 401, form: 'json' },
}

describe('reads by id are refused', () => {
	test.each(Object.keys(REFUSALS))('with %s: that product is named, and the others go on', async (name) => {
		const world = await deviantWorld({ faults: () => [], products: 60 })
		const expected = changeProducts(world, 8)
		world.store.setFaults({ pattern: '/products/\\d+', ...REFUSALS[name] })
		await world.advance(PASS_MS)
		const [deleted] = expected.filter((event) => event.startsWith('DELETED')).slice(1)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.filter((event) => event !== deleted).toSorted())
		expect(limitText(world)).toContain(`1 product cannot be read: ${deleted!.split(' ').at(-1)}, the store answers`)
		expect(getState(world)).toBe('healthy')
		world.store.setFaults({})
		await world.advance(25 * HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
		expect(getLimits(world)).toEqual([])
	})
})

const IGNORED: [string, Fault[], string | null][] = [
	['include', [{ ignores: ['include'] }], null],
	[
		'_fields, beside a product that spoils its lists',
		[{ ignores: ['_fields'] }, { poison: { id: 0, as: 'error' } }],
		null,
	],
	[
		'exclude, beside a product that spoils its lists',
		[{ ignores: ['exclude'] }, { poison: { id: 0, as: 'error' } }],
		null,
	],
	[
		'include, beside an address with another product',
		[{ ignores: ['include'] }, { poison: { id: 0, as: 'another', in: 'item' } }],
		'other-objects',
	],
]

describe('a parameter is ignored', () => {
	test.each(IGNORED)('%s', async (_, faults, finding) => {
		const world = await deviantWorld({ faults: () => [], products: 60 })
		const expected = changeProducts(world, 8)
		// One that was edited, or the one that was deleted.
		const id = Number(
			expected
				.at(finding === null ? 3 : -1)!
				.split(' ')
				.at(-1),
		)
		world.store.setFaults(
			faults.map((fault) => ({
				match: '/products',
				...fault,
				...(fault.poison && { poison: { ...fault.poison, id } }),
			})),
		)
		await world.advance(PASS_MS)
		const isOther = (event: string): boolean => !event.endsWith(` ${id}`)
		expect(arrivalsSince(world).filter(isOther).toSorted()).toEqual(expected.filter(isOther).toSorted())
		if (finding !== null) expect(getFindings(world)).toContain(finding)
		if (faults.length > 1) expect(limitText(world)).toContain(String(id))
		world.store.setFaults({})
		await world.advance(25 * HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
	})
})

describe('dates of creation that are null now and then', () => {
	const nulls = { fields: ['date_created', 'date_created_gmt'], every: 5 }

	test('are no edits, and nothing is new because of them', async () => {
		const world = await deviantWorld({ faults: () => [{ nulls }], products: 60 })
		const expected = changeProducts(world, 8)
		await world.advance(DAY_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
		expect(getLimits(world)).toEqual([])
	})

	test('control: another date is an edit', async () => {
		const world = await deviantWorld({ faults: () => [], products: 60 })
		const [id] = [...world.store.state('products').keys()].slice(-1)
		world.store.act({
			do: 'edit-created',
			resource: 'products',
			id: id!,
			silently: true,
		})
		await world.advance(15 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED products ${id}`])
	})
})

/** Stores that answer otherwise than asked: each strategy finds edits, creations and deletions in its time, and says what it does instead. */
import { describe, expect, test } from 'vitest'
import type { Deviation } from '../../../store/deviations.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { requestProbe } from '../../../../src/watcher/source/doubts.ts'
import { getWatchedResources } from '../../../../src/watcher/source/resources.ts'
import { World } from '../../../support/world.ts'
import {
	arrivalsSince,
	DAY_MS,
	expectCleanJudgement,
	getResourceState,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	pollerResources,
	worldAfterBaseline,
} from '../../../support/stories.ts'

type Label = 'orders' | 'products'

interface Story {
	name: string
	faults: Deviation
	count: number
	label?: Label
	/** Codes of the limits. */
	limits: string[]
	/** How long anything takes. */
	withinMs?: number
	store?: object
}

const LABEL: Label = 'products'

async function deviantWorld({ faults, count, label = LABEL, store }: Story, match?: string): Promise<World> {
	const world = await World.create({
		resources: pollerResources(label),
		watchesDefaults: true,
		pollIntervalMs: 5 * MINUTE_MS,
		store: { objects: { orders: 0, products: 0, coupons: 0, customers: 0, [label]: count }, ...store },
	})
	world.store.setFaults([{ method: 'GET', pattern: `/wc/v3/${label}(\\?|$)`, match: match ?? '/wc/v3/', ...faults }])
	await world.advance(5 * MINUTE_MS)
	return world
}

function limitsOf(world: World, label: Label = LABEL): string[] {
	const health = buildHealth(world.engine.getCore()!)
	return health.resources.find(({ resource }) => resource === label)!.limits!.map(({ code }) => code)
}

const STORIES: Story[] = [
	{ name: 'as asked', faults: {}, count: 205, limits: [], withinMs: 6 * MINUTE_MS },
	{
		name: 'orderby=modified ignored',
		faults: { ignores: ['orderby=modified'] },
		count: 205,
		limits: ['modified-order'],
	},
	{ name: 'every list is the whole collection', faults: { wholeList: true }, count: 205, limits: ['whole-list'] },
	{
		name: 'the whole collection in no order',
		faults: { wholeList: true, sorts: 'shuffled' },
		count: 120,
		limits: ['whole-list'],
	},
	{ name: 'modified_after ignored', faults: { ignores: ['modified_after'] }, count: 205, limits: ['modified-after'] },
	{ name: 'offset ignored', faults: { ignores: ['offset'] }, count: 205, limits: ['offset'] },
	{ name: 'ten rows whatever is asked', faults: { rowsAlways: 10 }, count: 35, limits: ['page-size'] },
	{ name: 'at most twenty rows', faults: { rowsAtMost: 20 }, count: 95, limits: ['page-size'] },
	{ name: 'more than 50 rows refused', faults: { rowsRefusedAbove: 50 }, count: 120, limits: ['page-size'] },
	{
		name: 'newest ids first whatever is asked',
		faults: { sorts: 'id-desc' },
		count: 205,
		limits: ['id-order', 'modified-order'],
	},
	{
		name: 'oldest ids first whatever is asked',
		faults: { sorts: 'id-asc' },
		count: 205,
		limits: ['id-order', 'modified-order'],
	},
	{
		name: 'a fixed order of its own',
		faults: { sorts: 'shuffled' },
		count: 205,
		limits: ['id-order', 'modified-order'],
	},
	{ name: 'another order each time', faults: { sorts: 'random' }, count: 150, limits: ['id-order', 'modified-order'] },
	// The order of creation is that of the ids.
	{ name: 'orderby=id ignored', faults: { ignores: ['orderby=id'] }, count: 205, limits: [] },
	{ name: 'no total', faults: { total: 'absent' }, count: 205, limits: ['total'], withinMs: 26 * HOUR_MS },
	{
		name: 'offset ignored, in no order',
		faults: { ignores: ['offset'], sorts: 'shuffled' },
		count: 205,
		limits: ['id-order', 'modified-order', 'offset'],
	},
	{
		name: 'no total, in no order',
		faults: { total: 'absent', sorts: 'shuffled' },
		count: 205,
		limits: ['id-order', 'modified-order', 'total'],
	},
	{
		name: 'ten rows, offset ignored',
		faults: { rowsAlways: 10, ignores: ['offset'] },
		count: 35,
		limits: ['offset', 'page-size'],
	},
]

describe.each(STORIES)('$name', (story) => {
	test('everything is indexed, and edits, creations and deletions are found', async () => {
		const world = await deviantWorld(story)
		for (let guard = 0; guard < 20 && getResourceState(world, LABEL).baseline !== null; guard++)
			await world.advance(MINUTE_MS)
		const rs = getResourceState(world, LABEL)
		expect(rs.baseline).toBeNull()
		expect(rs.listed).toBe(story.count)
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		const ids = [...world.store.state('products').keys()].map(Number).sort((a, b) => a - b)
		const from = world.arrivals.length
		const edited = ids.slice(5, 30)
		for (const id of edited) world.store.act({ do: 'edit', resource: 'products', id, set: { name: `Name ${id}` } })
		const deleted = [ids[31]!, ids.at(-2)!]
		await world.advance(20_000)
		for (const id of deleted) world.store.act({ do: 'delete', resource: 'products', id })
		const made = world.store.act({ do: 'create', resource: 'products' })[0]!
		world.evict()
		await world.advance(story.withinMs ?? HOUR_MS + 10 * MINUTE_MS)
		expect(arrivalsSince(world, from).sort()).toEqual(
			[
				...edited.map((id) => `UPDATED products ${id}`),
				...deleted.map((id) => `DELETED products ${id}`),
				`CREATED products ${made.id}`,
			].sort(),
		)
		expect(limitsOf(world)).toEqual(story.limits)
		await expectCleanJudgement(world)
	})
})

describe('beside the table', () => {
	test.each([
		['America/Denver', ['modified-after']],
		['Asia/Tokyo', ['modified-after']],
		['Europe/London', ['modified-after']],
	])('dates_are_gmt without effect in %s: 25 edits at once are 25', async (timeZone, limits) => {
		const faults = { ignores: ['dates_are_gmt'] }
		const world = await deviantWorld({ name: '', faults, count: 205, limits, store: { zone: timeZone } })
		const ids = liveIds(world, LABEL)
		// The order is proven by an edit.
		world.store.act({ do: 'edit', resource: LABEL, id: ids[3]!, set: { name: 'One' } })
		await world.advance(3 * HOUR_MS)
		const from = world.arrivals.length
		for (const id of ids.slice(20, 45))
			world.store.act({ do: 'edit', resource: LABEL, id, set: { name: `Name ${id}` } })
		await world.advance(12 * MINUTE_MS)
		expect(arrivalsSince(world, from).sort()).toEqual(
			ids
				.slice(20, 45)
				.map((id) => `UPDATED products ${id}`)
				.sort(),
		)
		await expectCleanJudgement(world)
	})

	test('neither page nor offset, and a long list: the resource is unreadable, what shows is sent, few requests', async () => {
		const world = await World.create({
			pollIntervalMs: 5 * MINUTE_MS,
			store: { objects: { orders: 5, products: 205, coupons: 5, customers: 5 } },
		})
		world.store.setFaults({ method: 'GET', pattern: '/wc/v3/products(\\?|$)', ignores: ['page', 'offset'] })
		await world.advance(30 * MINUTE_MS)
		const health = buildHealth(world.engine.getCore()!)
		expect(health).toMatchObject({ state: 'unreadable', reason: expect.stringContaining('100 of 205') })
		expect(health.resources.filter(({ state }) => state === 'healthy')).toHaveLength(3)
		const { requests } = world.store
		const ids = liveIds(world, LABEL)
		world.store.act({ do: 'edit', resource: LABEL, id: ids.at(-1)!, set: { name: 'Newest' } })
		world.store.act({ do: 'edit', resource: 'orders', set: { customer_note: 'Ring twice' } })
		await world.advance(2 * HOUR_MS)
		expect(arrivalsSince(world).sort()).toEqual([
			expect.stringMatching(/^UPDATED orders/),
			`UPDATED products ${ids.at(-1)}`,
		])
		expect(world.store.requests - requests).toBeLessThan(200)
		// The plugin goes, and a person asks for a poll.
		world.store.setFaults({})
		world.engine.getCore()!.commit((tx) =>
			requestProbe(
				tx,
				getWatchedResources(world.engine.getCore()!).find(({ state }) => state.objectType === LABEL)!,
				world.nowMs,
			),
		)
		world.engine.updateAlarm(world.engine.getCore()!)
		await world.advance(30 * MINUTE_MS)
		expect(buildHealth(world.engine.getCore()!)).toMatchObject({ state: 'healthy' })
		expect([getResourceState(world, LABEL).listed, limitsOf(world)]).toEqual([205, []])
	})

	test('neither page nor offset, and a short list: all of it is read each time', async () => {
		const world = await deviantWorld({ name: '', faults: { ignores: ['page', 'offset'] }, count: 60, limits: [] })
		await world.advance(30 * MINUTE_MS)
		expect([getResourceState(world, LABEL).listed, limitsOf(world)]).toEqual([60, []])
		await expectCleanJudgement(world)
	})

	test('what an earlier version indexed of a list that was cut short is completed without CREATED', async () => {
		const world = await worldAfterBaseline({
			resources: pollerResources(LABEL),
			watchesDefaults: true,
			pollIntervalMs: 5 * MINUTE_MS,
			store: { objects: { orders: 0, products: 205, coupons: 0, customers: 0 } },
		})
		const core = world.engine.getCore()!
		const rs = getResourceState(world, LABEL)
		const ids = liveIds(world, LABEL)
		core.commit(() => {
			world.sql.run('DELETE FROM objects WHERE id > ?', ids[99]!)
			Object.assign(rs, { listed: 100, drift: 105, head: null, abilities: undefined, incomplete: undefined })
			rs.rereadAsked = true
		})
		await world.advance(1_000)
		world.store.act({ do: 'edit', resource: LABEL, id: ids[150]!, set: { name: 'Edited' } })
		const made = world.store.act({ do: 'create', resource: LABEL })[0]!
		await world.advance(20 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual([`CREATED products ${made.id}`, `UPDATED products ${ids[150]}`])
		expect([rs.listed, rs.drift]).toEqual([206, 0])
	})

	test('a row that the total counts twice: a deletion that makes the total what is listed is found', async () => {
		const world = await deviantWorld({ name: '', faults: { repeat: { beforePaging: true } }, count: 120, limits: [] })
		await world.advance(10 * MINUTE_MS)
		expect(getResourceState(world, LABEL).drift).toBe(1)
		const [id] = liveIds(world, LABEL).slice(10)
		world.store.act({ do: 'delete', resource: LABEL, id: id! })
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`DELETED products ${id}`])
	})

	test('an ability that works again ends its limit within a week', async () => {
		const world = await deviantWorld({ name: '', faults: { ignores: ['offset'] }, count: 205, limits: [] })
		await world.advance(30 * MINUTE_MS)
		expect(limitsOf(world)).toEqual(['offset'])
		world.store.setFaults({})
		await world.configure({ pollIntervalMs: HOUR_MS })
		await world.advance(7 * DAY_MS)
		expect(limitsOf(world)).toEqual([])
		await expectCleanJudgement(world)
	})
})

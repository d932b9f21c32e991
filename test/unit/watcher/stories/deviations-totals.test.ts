/** Totals that are wrong, with lists that are paged or not: baselines end, deletions are found, and health says that the total is wrong. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { Fault } from '../../../store/store.ts'
import { changeProducts, deviantWorld, getLimits } from '../../../support/deviant-stories.ts'
import { arrivalsSince, getResourceState, HOUR_MS } from '../../../support/stories.ts'

/** By then everything was read again. */
const REREAD_HOURS = 26

const STORIES: Record<string, { fault: Fault; products: number; limit: RegExp | null }> = {
	'the right total': { fault: {}, products: 10, limit: null },
	'1,010 for ten': { fault: { total: 1000 }, products: 10, limit: /total is wrong: it counts 1,000 more/ },
	'another one each time': { fault: { total: 'changing' }, products: 120, limit: /no total that can be used/ },
	'that of another resource, offset ignored': {
		fault: { total: '37', ignores: ['offset'] },
		products: 10,
		limit: /total is wrong/,
	},
	'another one each time, offset ignored': {
		fault: { total: 'changing', ignores: ['offset'] },
		products: 120,
		limit: /no total that can be used/,
	},
	'1,010 for ten, page and offset ignored': {
		fault: { total: 1000, ignores: ['page', 'offset'] },
		products: 10,
		limit: /total is wrong: it counts 1,000 more/,
	},
}

describe('a total that is wrong', () => {
	test.each(Object.keys(STORIES))('%s', async (name) => {
		const { fault, products, limit } = STORIES[name]!
		const world = await deviantWorld({ faults: () => [fault], products })
		expect(getResourceState(world, 'products').baseline).toBeNull()
		expect(world.store.requests).toBeLessThan(200)
		expect(arrivalsSince(world)).toEqual([])
		const expected = changeProducts(world, 3).toSorted()
		for (let hour = 0; hour < REREAD_HOURS && arrivalsSince(world).length < expected.length; hour++)
			await world.advance(HOUR_MS)
		expect(arrivalsSince(world).toSorted()).toEqual(expected)
		const { requests } = world.store
		await world.advance(HOUR_MS)
		expect(world.store.requests - requests).toBeLessThan(30)
		const said = getLimits(world).map(({ message }) => message)
		if (limit === null) expect(said).toEqual([])
		else expect(said.join(' ')).toMatch(limit)
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
		expect(said.join(' ')).not.toMatch(/at most|incomplete|The others are unknown/)
	})
})

describe('seven rows, in another order each time, whatever page is asked for', () => {
	const fault: Fault = { ignores: ['page', 'offset'], sorts: 'random', rowsAlways: 7 }

	test('of seven: the list is whole, and nothing is out of reach', async () => {
		const world = await deviantWorld({ faults: () => [fault], products: 7 })
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
		expect(getLimits(world).map(({ message }) => message)).toEqual(
			expect.arrayContaining([expect.stringMatching(/the whole collection/)]),
		)
	})

	test('of 120, without a total: unreadable, and nothing is invented', async () => {
		const world = await deviantWorld({ faults: () => [{ ...fault, total: 'absent' }], products: 120 })
		expect(buildHealth(world.engine.getCore()!).state).toBe('unreadable')
		expect(
			getLimits(world)
				.map(({ message }) => message)
				.join(' '),
		).not.toMatch(/reading the whole list/)
		await world.advance(3 * HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
	})

	test('of 120, with a total far too high: all is found in bounded requests, and the total is called wrong', async () => {
		const world = await deviantWorld({ faults: () => [{ ...fault, total: 1000 }], products: 120 })
		const expected = changeProducts(world, 3).toSorted()
		for (let hour = 0; hour < 12 && arrivalsSince(world).length < expected.length; hour++) await world.advance(HOUR_MS)
		const { requests } = world.store
		await world.advance(3 * HOUR_MS)
		// As many pages a poll as any pass reads.
		expect(world.store.requests - requests).toBeLessThan(3 * 130)
		expect(arrivalsSince(world).toSorted()).toEqual(expected)
		expect(getLimits(world).map(({ code }) => code)).toEqual(
			expect.arrayContaining([expect.stringMatching(/^(incomplete|wrong-total)$/)]),
		)
	})
})

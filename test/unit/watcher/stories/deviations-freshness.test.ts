/** Stores whose answers are old, by a cache, a replica or a slow clock: each change arrives once, and health says why it is late. */
import { describe, expect, test } from 'vitest'
import {
	changeProducts,
	deviantWorld,
	expectDeviantStory,
	getLimits,
	type DeviantStory,
} from '../../../support/deviant-stories.ts'
import { arrivalsSince, DAY_MS, HOUR_MS, liveIds, MINUTE_MS } from '../../../support/stories.ts'

const STORIES: Record<string, DeviantStory> = {
	'stamps five minutes behind Date': {
		faults: () => [{ stampsBehindSeconds: 300 }],
		withinMs: 30 * MINUTE_MS,
		limit: /^$|clock/,
	},
	'stamps two hours behind Date': {
		faults: () => [{ stampsBehindSeconds: 7200 }],
		withinMs: 30 * MINUTE_MS,
		limit: /^$|clock/,
	},
	'stamps five minutes ahead of Date': {
		faults: () => [{ stampsBehindSeconds: -300 }],
		withinMs: 30 * MINUTE_MS,
		limit: /^$|clock/,
	},
	'the same list for an hour, by its parameters, with a fresh date and nothing else': {
		faults: () => [{ cache: { seconds: 3600 } }],
		edits: 30,
		withinMs: 6 * HOUR_MS,
		limit: /cache/i,
	},
	'the same list for an hour, with a fresh date and X-Cache: HIT': {
		faults: () => [{ cache: { seconds: 3600, sign: 'x-cache' } }],
		edits: 30,
		withinMs: 6 * HOUR_MS,
		limit: /cache/i,
	},
	'the same list for an hour, Age: 200 and more': {
		faults: () => [{ cache: { seconds: 3600, sign: 'age' } }],
		edits: 30,
		withinMs: 6 * HOUR_MS,
		limit: /cache/i,
	},
	'the same list for an hour, unless a parameter differs': {
		faults: () => [{ cache: { seconds: 3600, honours: ['unknown-parameters'], sign: 'age' } }],
		edits: 30,
		withinMs: 30 * MINUTE_MS,
		limit: /./,
	},
	'the same list for an hour, with a fresh date, unless a parameter differs': {
		faults: () => [{ cache: { seconds: 3600, honours: ['unknown-parameters'] } }],
		edits: 30,
		withinMs: 6 * HOUR_MS,
		limit: /./,
	},
	'the same list for an hour, unless no-cache is asked for': {
		faults: () => [{ cache: { seconds: 3600, honours: ['no-cache'] } }],
		edits: 30,
		withinMs: 15 * MINUTE_MS,
		limit: null,
	},
	"WooCommerce's own cache of REST answers": {
		faults: () => [{ cache: { seconds: 3600, sign: 'x-wc-cache', honours: ['_skip_cache'] } }],
		edits: 30,
		withinMs: HOUR_MS,
		limit: /./,
	},
	'Age: 0 and X-Cache: MISS': {
		faults: () => [{ headers: { age: '0', 'x-cache': 'MISS', 'cf-cache-status': 'DYNAMIC' } }],
		withinMs: 15 * MINUTE_MS,
		limit: null,
	},
	'two Date headers': { faults: () => [{ secondDateSeconds: -1 }], withinMs: 30 * MINUTE_MS, limit: null },
	'two replicas, one of them 40 s behind': {
		faults: () => [{ lagSeconds: 40, every: 2 }],
		withinMs: 30 * MINUTE_MS,
		limit: null,
	},
	'two replicas, one of them 10 min behind': {
		faults: () => [{ lagSeconds: 600, every: 2 }],
		withinMs: 2 * HOUR_MS,
		// The replicas contradict each other as a store does that ignores bounds.
		limit: /^$|cache|modified_after/i,
	},
	'a store that is 40 s behind itself': { faults: () => [{ lagSeconds: 40 }], withinMs: 30 * MINUTE_MS, limit: null },
}

describe('a store answers late, and each change arrives once', () => {
	test.each(Object.keys(STORIES))('%s', async (name) => {
		await expectDeviantStory(STORIES[name]!)
	})
})

test('one list for all of a path: nothing is invented, and health says that a cache answers', async () => {
	const world = await deviantWorld({ faults: () => [] })
	world.store.setFaults({ pattern: '/products\\?', cache: { seconds: 1800, keys: 'path' } })
	await world.advance(HOUR_MS)
	const expected = changeProducts(world)
	await world.advance(2 * HOUR_MS)
	expect(getLimits(world)).not.toEqual([])
	world.store.setFaults({})
	await world.advance(3 * HOUR_MS)
	expect(arrivalsSince(world).toSorted()).toEqual(expected.toSorted())
})

test('every second answer has other prices: at most ten events in two days', async () => {
	const world = await deviantWorld({ faults: () => [], options: { pollIntervalMs: 15 * MINUTE_MS } })
	world.store.setFaults({ match: '/products', priceFactor: 0.9, every: 2 })
	await world.advance(2 * DAY_MS)
	expect(arrivalsSince(world).length).toBeLessThanOrEqual(10)
})

test.each([30, 250])('pictures signed anew in each answer, %i products: nothing after the proof', async (products) => {
	const world = await deviantWorld({ faults: () => [{ signsImages: true }], products })
	await world.advance(3 * HOUR_MS)
	const from = world.arrivals.length
	// A day of fewer polls proves the same.
	await world.configure({ pollIntervalMs: 30 * MINUTE_MS })
	await world.advance(DAY_MS)
	expect(arrivalsSince(world, from)).toEqual([])
	await world.configure({ pollIntervalMs: 5 * MINUTE_MS })
	const id = liveIds(world, 'products')[3]!
	world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Edited' } })
	await world.advance(10 * MINUTE_MS)
	expect(arrivalsSince(world, from)).toEqual([`UPDATED products ${id}`])
})

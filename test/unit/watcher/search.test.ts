/** The search by bisection: finds what is missing from a list, or in it without being known, in few requests. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyProbe, getNextProbe, startSearch } from '../../../src/watcher/polling/search.ts'
import type { SearchState } from '../../../src/watcher/core/resource-state.ts'
import type { IdRanks } from '../../../src/watcher/changes/object-index.ts'

/** Ranks of ids that are known. */
function ranksOf(ids: readonly number[]): IdRanks {
	const sorted = ids.toSorted((a, b) => a - b)
	return {
		size: sorted.length,
		countUpTo: (id) => sorted.filter((one) => one <= id).length,
		slice: (from, to) => sorted.slice(Math.max(0, from), Math.max(0, to)),
	}
}

/** Runs a search against a store that stands still. `total`: what the store says when the search begins. */
function run(
	knownIds: readonly number[],
	listedIds: readonly number[],
	limit: number,
	total = listedIds.length,
): SearchState {
	const ranks = ranksOf(knownIds)
	const listed = listedIds.toSorted((a, b) => a - b)
	let search = startSearch(ranks, total, limit)
	for (let guard = 0; ; guard++) {
		if (guard > 10_000) throw new Error('the search never ends')
		const probe = getNextProbe(search)
		if (probe === null) return search
		// Between two pages a slice may end: what stands is plain JSON.
		search = applyProbe(
			JSON.parse(JSON.stringify(search)) as SearchState,
			ranks,
			probe.offset,
			listed.slice(probe.offset, probe.offset + limit),
		)
	}
}

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b)

describe('a search', () => {
	test('asks nothing when the total agrees', () => {
		expect(run([1, 2, 3], [1, 2, 3], 10).requests).toBe(0)
	})

	test.each([1_000, 10_000, 100_000])(
		'for one deletion among %i asks at most ⌈log2(N/100)⌉ + 1 pages, wherever it is',
		(count) => {
			const ids = Array.from({ length: count }, (_, index) => 3 * index + 7)
			const ranks: IdRanks = {
				size: count,
				countUpTo: (id) => Math.min(count, Math.max(0, Math.floor((id - 7) / 3) + 1)),
				slice: (from, to) => ids.slice(Math.max(0, from), Math.max(0, to)),
			}
			for (const at of [
				0,
				1,
				99,
				100,
				Math.floor(count / 3),
				Math.floor(count / 2),
				count - 101,
				count - 100,
				count - 2,
				count - 1,
			]) {
				const listed = ids.toSpliced(at, 1)
				let search = startSearch(ranks, listed.length, 100)
				for (let probe = getNextProbe(search); probe !== null; probe = getNextProbe(search))
					search = applyProbe(search, ranks, probe.offset, listed.slice(probe.offset, probe.offset + 100))
				expect({ at, missing: search.missing, unknown: search.unknown }).toEqual({
					at,
					missing: [ids[at]],
					unknown: [],
				})
				expect(search.requests, `at ${at}`).toBeLessThanOrEqual(Math.ceil(Math.log2(count / 100)) + 1)
			}
		},
	)

	test('finds everything when the list is empty', () => {
		expect(sorted(run([4, 9, 12], [], 10, 1).missing)).toEqual([4, 9, 12])
	})

	test('ends when the list is shorter than its total says', () => {
		expect(sorted(run([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3], 2, 6).missing)).toEqual([4, 5, 6, 7, 8])
		expect(sorted(run([1, 2, 3, 4, 5, 6, 7, 8], [7, 8], 2, 6).missing)).toEqual([1, 2, 3, 4, 5, 6])
	})

	const ids = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 400 })

	test('finds everything that is missing, whatever the ids, the losses and the page', () => {
		fc.assert(
			fc.property(
				ids,
				fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
				fc.integer({ min: 1, max: 99 }),
				fc.integer({ min: 1, max: 100 }),
				(all, dice, share, limit) => {
					const gone = all.filter(() => dice.next().value < share)
					const listed = all.filter((id) => !gone.includes(id))
					if (listed.length === 0 || gone.length === 0) return
					const search = run(all, listed, limit)
					expect(sorted(search.missing)).toEqual(sorted(gone))
					expect(search.unknown).toEqual([])
				},
			),
			{ numRuns: 150 },
		)
	})

	test('finds everything that is there without being known', () => {
		fc.assert(
			fc.property(
				ids,
				fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
				fc.integer({ min: 1, max: 60 }),
				fc.integer({ min: 1, max: 100 }),
				(all, dice, share, limit) => {
					const unknown = all.filter(() => dice.next().value < share)
					const known = all.filter((id) => !unknown.includes(id))
					const search = run(known, all, limit)
					expect(search.missing).toEqual([])
					if (unknown.length > 0) expect(sorted(search.unknown)).toEqual(sorted(unknown))
				},
			),
			{ numRuns: 150 },
		)
	})

	test('what it names is right, where some are missing and others unknown', () => {
		fc.assert(
			fc.property(
				ids,
				fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
				fc.integer({ min: 1, max: 100 }),
				(all, dice, limit) => {
					const fates = all.map(() => dice.next().value)
					const known = all.filter((_, index) => fates[index]! >= 8)
					const listed = all.filter((_, index) => fates[index]! < 8 || fates[index]! >= 20)
					if (listed.length === 0) return
					const search = run(known, listed, limit)
					const [knows, lists] = [new Set(known), new Set(listed)]
					expect(search.missing.filter((id) => lists.has(id) || !knows.has(id))).toEqual([])
					expect(search.unknown.filter((id) => knows.has(id) || !lists.has(id))).toEqual([])
					// The balance of what it found explains the total.
					expect(search.missing.length - search.unknown.length).toBe(known.length - listed.length)
				},
			),
			{ numRuns: 150 },
		)
	})

	test('asks at most d · (⌈log2(N/limit)⌉ + 2) pages for d that are missing', () => {
		fc.assert(
			fc.property(
				ids,
				fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
				fc.integer({ min: 1, max: 20 }),
				fc.integer({ min: 1, max: 40 }),
				(all, dice, share, limit) => {
					const gone = all.filter(() => dice.next().value < share)
					const listed = all.filter((id) => !gone.includes(id))
					if (gone.length === 0 || listed.length === 0) return
					const search = run(all, listed, limit)
					expect(search.requests).toBeLessThanOrEqual(
						gone.length * (Math.ceil(Math.log2(Math.max(1, all.length / limit))) + 2),
					)
				},
			),
			{ numRuns: 150 },
		)
	})
})

/** Scans that need no order of ids, and paging back from the newest rows: whatever moves meanwhile, no surviving row is skipped. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advanceBack, INITIAL_BACK_POSITION } from '../../../src/watcher/polling/head-paging.ts'
import { advancePlainScan, INITIAL_PLAIN_POSITION } from '../../../src/watcher/polling/plain-scan.ts'
import { advanceScan, findRowLimit, getScanOffset } from '../../../src/watcher/polling/scan-position.ts'
import {
	INITIAL_SCAN_POSITION,
	type BackPosition,
	type ScanPosition,
} from '../../../src/watcher/core/resource-state.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

interface ListOptions {
	limit: number
	paging?: 'offset' | 'page' | null
	total?: (list: readonly number[]) => number | null
	drift?: number
	/** The list before each page. */
	list: (page: number) => number[]
	/** Rows that the store gives at most. */
	most?: number
}

function scanPlain({
	limit,
	paging = 'offset',
	total = (all) => all.length,
	drift = 0,
	list,
	most = Infinity,
}: ListOptions): {
	seen: Set<number>
	complete: boolean
	pages: number
} {
	const seen = new Set<number>()
	let position: ScanPosition = INITIAL_PLAIN_POSITION
	for (let pages = 1; ; pages++) {
		if (pages > 1_000) throw new Error('the scan never ends')
		const all = list(pages)
		const size = Math.min(limit, most)
		const offset = paging === null ? 0 : position.plain!.offset
		const from = paging === 'page' ? Math.floor(offset / limit) * size : offset
		const rows = all.slice(from, from + size)
		const fresh = rows.filter((id) => !seen.has(id)).length
		for (const id of rows) seen.add(id)
		const step = advancePlainScan(
			JSON.parse(JSON.stringify(position)) as ScanPosition,
			{ rows: rows.length, fresh, total: total(all), limit },
			{ paging, drift },
		)
		position = step.position
		if (step.ended) return { seen, complete: step.complete, pages }
	}
}

describe('a plain scan', () => {
	test.each([
		['offset', 250, 3],
		['page', 250, 3],
		['page', 100, 1],
		['offset', 0, 1],
	] as const)('by %s reads each of %i rows once', (paging, count, pages) => {
		expect(scanPlain({ limit: 100, paging, list: () => numbers(count) })).toEqual({
			seen: new Set(numbers(count)),
			complete: true,
			pages,
		})
	})

	test('of a store that gives ten rows whatever is asked reads all, by offset or page', () => {
		for (const paging of ['offset', 'page'] as const) {
			const { seen, complete } = scanPlain({ limit: 100, paging, list: () => numbers(35), most: 10 })
			expect([seen.size, complete]).toEqual([35, true])
		}
	})

	test('without pages is complete only if one page holds the list', () => {
		expect(scanPlain({ limit: 100, paging: null, list: () => numbers(90) }).complete).toBe(true)
		const long = scanPlain({ limit: 100, paging: null, list: () => numbers(101) })
		expect([long.seen.size, long.complete, long.pages]).toEqual([100, false, 1])
	})

	test('names nothing missing while the total says that there is more, and ends', () => {
		const { complete, pages } = scanPlain({ limit: 100, list: () => numbers(250), total: () => 260 })
		expect(complete).toBe(false)
		expect(pages).toBeLessThan(20)
		expect(scanPlain({ limit: 100, list: () => numbers(250), total: () => 260, drift: 10 }).complete).toBe(true)
	})

	test('without a total reads until a whole round shows nothing new', () => {
		const { seen, complete } = scanPlain({ limit: 100, list: () => numbers(250), total: () => null })
		expect([seen.size, complete]).toEqual([250, true])
	})

	test('skips no surviving row, whatever is deleted or moves between pages', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 120 }),
				fc.integer({ min: 1, max: 40 }),
				fc.constantFrom('offset' as const, 'page' as const),
				fc.array(fc.tuple(fc.integer({ min: 2, max: 6 }), fc.nat(), fc.boolean()), { maxLength: 6 }),
				(count, limit, paging, changes) => {
					let list = numbers(count)
					const result = scanPlain({
						limit,
						paging,
						list: (page) => {
							for (const [, index, moves] of changes.filter(([when]) => when === page)) {
								const [id] = list.splice(index % Math.max(1, list.length), 1)
								if (moves && id !== undefined) list = [id, ...list]
							}
							return list
						},
					})
					const unseen = list.filter((id) => !result.seen.has(id))
					if (result.complete && changes.every(([, , moves]) => moves)) expect(unseen).toEqual([])
				},
			),
			{ numRuns: 200 },
		)
	})
})

describe('an anchored scan of a store that cuts pages short', () => {
	function scan(
		count: number,
		most: number,
		total: number | null,
	): { seen: number[]; pages: number; rows: number | null } {
		const seen: number[] = []
		let position = INITIAL_SCAN_POSITION
		let rows: number | null = null
		for (let pages = 1; pages < 200; pages++) {
			const offset = getScanOffset(position)
			const limit = rows ?? 100
			const page = numbers(count).slice(offset, offset + Math.min(limit, most))
			const step = advanceScan(position, page, total, limit)
			if (!step.again) {
				rows ??= findRowLimit(position, step.position, { rows: page.length, limit, ended: step.ended })
				seen.push(...page.slice(step.from))
				if (step.ended) return { seen, pages, rows }
			}
			position = step.position
		}
		throw new Error('the scan never ends')
	}

	test('reads everything that the total says, and learns how many rows there are in a page', () => {
		expect(scan(35, 10, 35)).toMatchObject({ seen: numbers(35), rows: 10 })
		expect(scan(60, 2, 60)).toMatchObject({ seen: numbers(60), rows: 2 })
	})
	test('reads on without a total until a page shows nothing new', () => {
		expect(scan(35, 10, null).seen).toEqual(numbers(35))
	})
	test('takes no page more of a healthy store, and one where rows are dropped', () => {
		expect(scan(100, 100, 100).pages).toBe(1)
		expect(scan(98, 100, 100).pages).toBe(2)
	})
})

describe('paging back from the newest rows', () => {
	interface Row {
		id: number
		modifiedSec: number
	}
	function pageBack(
		list: Row[],
		horizonSec: number,
		limit: number,
		between: (page: number, list: Row[]) => Row[],
	): Set<number> {
		const seen = new Set<number>()
		let position: BackPosition | null = INITIAL_BACK_POSITION
		for (let pages = 1; position !== null; pages++) {
			if (pages > 500) throw new Error('it never ends')
			const rows = list.slice(position.offset, position.offset + limit)
			for (const { id } of rows) seen.add(id)
			position = advanceBack(position, { rows, total: list.length, limit }, { horizonSec, paging: 'offset' })
			list = between(pages, list)
		}
		return seen
	}
	const newest = (count: number): Row[] => numbers(count).map((id) => ({ id, modifiedSec: 10_000 - id }))

	test('reads what is newer than the horizon, and little more', () => {
		const seen = pageBack(newest(1_000), 10_000 - 250, 100, (_page, list) => list)
		expect(numbers(250).every((id) => seen.has(id))).toBe(true)
		expect(seen.size).toBeLessThan(360)
	})

	test('begins again when more rows were deleted than pages overlap', () => {
		const seen = pageBack(newest(300), 10_000 - 250, 50, (page, list) => (page === 1 ? list.slice(40) : list))
		expect(numbers(250).filter((id) => id > 40 && !seen.has(id))).toEqual([])
	})

	test('skips no row, whatever is edited or deleted meanwhile', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 200 }),
				fc.integer({ min: 8, max: 40 }),
				fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(), fc.integer({ min: 0, max: 12 })), { maxLength: 4 }),
				(count, limit, changes) => {
					let stamp = 20_000
					let last = newest(count)
					const touched = new Set<number>()
					const seen = pageBack(last, 10_000 - 150, limit, (page, list) => {
						for (const [when, index, deleted] of changes.filter(([at]) => at === page)) {
							void when
							if (deleted > 0)
								for (const { id } of list.splice(index % Math.max(1, list.length), deleted)) touched.add(id)
							else {
								const [edited] = list.splice(index % Math.max(1, list.length), 1)
								// The next poll reads it again.
								if (edited !== undefined) list = [{ id: edited.id, modifiedSec: stamp++ }, ...list]
								if (edited !== undefined) touched.add(edited.id)
							}
						}
						last = list
						return list
					})
					const expected = last.filter(({ id, modifiedSec }) => modifiedSec >= 10_000 - 150 && !touched.has(id))
					expect(expected.filter(({ id }) => !seen.has(id))).toEqual([])
				},
			),
			{ numRuns: 200 },
		)
	})
})

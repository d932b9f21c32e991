/** Scans in anchored id pages: whatever moves meanwhile, no surviving row is skipped. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { getScanOffset, advanceScan } from '../../../src/watcher/polling/scan-position.ts'
import { INITIAL_SCAN_POSITION, type ScanPosition } from '../../../src/watcher/core/resource-state.ts'

type Ids = (number | string)[]

/** Scans a list that `between` may change after each page; gives what was shown, and how many pages it took. */
function scan(
	list: Ids,
	limit: number,
	between: (page: number, list: Ids) => Ids,
	total: (list: Ids, offset: number) => number | null = (all) => all.length,
): { shown: Set<number | string>; pages: number; last: ScanPosition } {
	const shown = new Set<number | string>()
	let position = INITIAL_SCAN_POSITION
	for (let pages = 1; ; pages++) {
		if (pages > 10_000) throw new Error('the scan never ends')
		const offset = getScanOffset(position)
		const page = list.slice(offset, offset + limit)
		const step = advanceScan(position, page, total(list, offset), limit)
		position = JSON.parse(JSON.stringify(step.position)) as ScanPosition
		if (!step.again) {
			for (const id of page.slice(step.from)) shown.add(id)
			if (step.ended) return { shown, pages, last: position }
		}
		list = between(pages, list)
	}
}

const still = (_page: number, list: Ids): Ids => list
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

describe('a scan', () => {
	test.each([
		[0, 1],
		[1, 1],
		[99, 1],
		[100, 1],
		[101, 2],
		[1_000, 11],
	])(
		'of %i rows that stand still takes %i pages of 100: each begins with the last row of the one before',
		(count, pages) => {
			const result = scan(numbers(count), 100, still)
			expect(result.shown.size).toBe(count)
			expect(result.pages).toBeLessThanOrEqual(pages)
		},
	)

	test('3.9 a deletion before the page does not hide the row that moved up', () => {
		const result = scan(numbers(30), 10, (page, list) => (page === 1 ? list.slice(1) : list))
		expect([...result.shown]).toEqual(numbers(30))
	})

	test('steps back further when many rows are gone', () => {
		const result = scan(numbers(6_000), 100, (page, list) => (page === 40 ? list.slice(2_500) : list))
		expect([...result.shown].filter((id) => Number(id) > 3_900)).toHaveLength(2_100)
	})

	test('2.5 a short page is not the end while the total says there is more', () => {
		const page = advanceScan(INITIAL_SCAN_POSITION, [1, 2, 3, 4, 5, 6, 7], 20, 10)
		expect(page).toMatchObject({ again: false, ended: false })
		// The last of the seven may stand anywhere from the seventh place on.
		expect(getScanOffset(page.position)).toBe(6)
	})

	test('2.5 an empty page with total 0 ends a scan only from the beginning, otherwise it is read further back', () => {
		expect(advanceScan(INITIAL_SCAN_POSITION, [], 0, 10)).toMatchObject({ again: false, ended: true })
		const middle: ScanPosition = { lastId: 10, n: 10, back: 0, total: 20, seen: 10 }
		expect(advanceScan(middle, [], 0, 10)).toMatchObject({ again: true, position: { back: 1, total: 20 } })
	})

	test('without totals an incomplete page is the end', () => {
		expect(scan(numbers(25), 10, still, () => null).shown.size).toBe(25)
	})

	test('text ids are scanned like numbers', () => {
		const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
		expect([...scan(ids, 3, still).shown]).toEqual(ids)
	})

	test('2.5 3.9 no surviving row is skipped, whatever is deleted or added between the pages', () => {
		const change = fc.record({
			page: fc.integer({ min: 1, max: 20 }),
			at: fc.double({ min: 0, max: 1, noNaN: true }),
			count: fc.integer({ min: 1, max: 30 }),
			add: fc.boolean(),
		})
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: 300 }),
				fc.integer({ min: 2, max: 50 }),
				fc.array(change, { maxLength: 12 }),
				fc.boolean(),
				(count, limit, changes, hpos) => {
					let next = count
					const first = numbers(count)
					let now: Ids = first
					const result = scan(
						first,
						limit,
						(page, list) => {
							for (const one of changes.filter((each) => each.page === page)) {
								// New ids are the highest: that is what stores give.
								if (one.add) list = [...list, ...Array.from({ length: one.count }, () => ++next)]
								else list = list.toSpliced(Math.floor(one.at * list.length), one.count)
							}
							now = list
							return list
						},
						(list, offset) => (hpos && offset >= list.length ? 0 : list.length),
					)
					const survivors = first.filter((id) => now.includes(id))
					expect(survivors.filter((id) => !result.shown.has(id))).toEqual([])
				},
			),
			{ numRuns: 300 },
		)
	})

	test.each([1, 2, 3, 10])(
		'2.5 %i rows a page: dropped ones at the start and at the edges of pages end nothing',
		(limit) => {
			const listed = numbers(60).filter((id) => id > 12 && (id < 30 || id > 55))
			let position = INITIAL_SCAN_POSITION
			const shown: (number | string)[] = []
			for (let pages = 0, ended = false; !ended; pages++) {
				expect(pages).toBeLessThan(200)
				const offset = getScanOffset(position)
				const page = listed.filter((id) => id > offset && id <= offset + limit)
				const step = advanceScan(position, page, 60, limit)
				position = step.position
				if (step.again) continue
				shown.push(...page.slice(step.from))
				ended = step.ended
			}
			expect(shown).toEqual(listed)
		},
	)

	test('2.5 rows that are dropped after paging skip no others', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 200 }),
				fc.integer({ min: 1, max: 40 }),
				fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 40 }),
				(count, limit, dropped) => {
					const shown = new Set<number>()
					let position = INITIAL_SCAN_POSITION
					for (let guard = 0; guard < 5_000; guard++) {
						const offset = getScanOffset(position)
						const page = numbers(count)
							.slice(offset, offset + limit)
							.filter((id) => !dropped.includes(id))
						const step = advanceScan(position, page, count, limit)
						position = step.position
						if (step.again) continue
						for (const id of page.slice(step.from)) shown.add(id)
						if (step.ended) break
					}
					expect(numbers(count).filter((id) => !dropped.includes(id) && !shown.has(id))).toEqual([])
				},
			),
			{ numRuns: 200 },
		)
	})
})

/** A list that answers its question passes; one that does not is found. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
	checkPage,
	isOlderHead,
	normalizePage,
	NOTHING_KNOWN,
	type CheckedPage,
	type FindingKind,
	type KnownAnswers,
} from '../../../src/elements/check-page.ts'
import { isIdOrder, type PageQuery, type PageRow } from '../../../src/elements/page-order.ts'
import type { AnswerFacts } from '../../../src/elements/store.ts'

const NOW_SEC = 1_780_000_000
const FACTS: AnswerFacts = { length: 100, ageSec: null, cachedBy: null, dates: 1, totalText: '1' }
const DAY = 86_400

const row = (id: number, modifiedSec: number | null, offsetSec = 0): PageRow => ({
	id,
	modifiedSec,
	localSec: modifiedSec === null ? null : modifiedSec + offsetSec,
})
const query = (asked: Partial<PageQuery> & Pick<PageQuery, 'order'>): PageQuery => ({
	limit: 10,
	hasStoreIds: true,
	isLocalOrder: false,
	...asked,
})
const page = (rows: readonly PageRow[], total: number | null, answer: Partial<AnswerFacts> = {}): CheckedPage => ({
	rows,
	total,
	storeNowMs: NOW_SEC * 1000,
	answer: { ...FACTS, ...answer },
})
const kinds = (asked: PageQuery, answered: CheckedPage, known: Partial<KnownAnswers> = {}): FindingKind[] =>
	checkPage(asked, answered, { ...NOTHING_KNOWN, ...known }).map(({ kind }) => kind)
const fatal = (asked: PageQuery, answered: CheckedPage, known: Partial<KnownAnswers> = {}): FindingKind[] =>
	checkPage(asked, answered, { ...NOTHING_KNOWN, ...known })
		.filter(({ weight }) => weight === 'fatal')
		.map(({ kind }) => kind)

/** All rows of a list, as a healthy store holds them. */
const shopArbitrary = fc
	.uniqueArray(
		fc.record({ id: fc.integer({ min: 1, max: 100_000 }), ageSec: fc.integer({ min: 200, max: 90 * DAY }) }),
		{
			selector: ({ id }) => id,
			maxLength: 300,
			size: 'max',
		},
	)
	.map((rows) => rows.map(({ id, ageSec }) => row(id, NOW_SEC - ageSec)))

const queryArbitrary = fc
	.record({
		order: fc.constantFrom<PageQuery['order']>('modified-desc', 'modified-asc', 'id-asc', 'id-desc'),
		offset: fc.oneof(fc.constant(0), fc.nat({ max: 320 })),
		limit: fc.oneof(fc.constantFrom(1, 2, 10), fc.integer({ min: 1, max: 100 })),
		isLocalOrder: fc.boolean(),
		afterSec: fc.option(fc.integer({ min: 0, max: 90 * DAY }), { nil: undefined }),
	})
	.map(({ afterSec, ...asked }): PageQuery => ({
		...asked,
		hasStoreIds: true,
		...(afterSec !== undefined && { modifiedAfterSec: NOW_SEC - afterSec }),
	}))

/** What a healthy store answers; `seed` decides the order of equal dates. */
function answer(asked: PageQuery, shop: readonly PageRow[], seed: number): CheckedPage {
	const { modifiedAfterSec = 0, offset = 0, limit } = asked
	const sign = asked.order.endsWith('asc') ? 1 : -1
	const matching = shop
		.filter(({ modifiedSec }) => modifiedSec! > modifiedAfterSec)
		.toSorted((a, b) =>
			isIdOrder(asked)
				? (Number(a.id) - Number(b.id)) * sign
				: (a.modifiedSec! - b.modifiedSec!) * sign || ((Number(a.id) * seed) % 7) - ((Number(b.id) * seed) % 7),
		)
	const rows = matching.slice(offset, offset + limit)
	return page(rows, rows.length === 0 && offset > 0 ? 0 : matching.length)
}

/** Lies: an answer that is not what was asked for, and what is found in it; null: it cannot be told in this one. */
const LIES: {
	name: string
	tell: (asked: PageQuery, shop: readonly PageRow[]) => [CheckedPage, FindingKind] | null
}[] = [
	{
		name: 'the opposite order',
		tell: (asked, shop) => {
			const opposite = asked.order.endsWith('asc')
				? asked.order.replace('asc', 'desc')
				: asked.order.replace('desc', 'asc')
			const told = answer({ ...asked, order: opposite as PageQuery['order'] }, shop, 3)
			const stamps = told.rows.map(({ modifiedSec }) => modifiedSec!)
			const isClear =
				told.rows.length >= 4 && (isIdOrder(asked) || Math.max(...stamps) - Math.min(...stamps) > 30 * DAY)
			return isClear ? [told, 'out-of-order'] : null
		},
	},
	{
		name: 'the bound is ignored',
		tell: (asked, shop) => {
			if (asked.modifiedAfterSec === undefined) return null
			const { modifiedAfterSec, ...unbounded } = asked
			const told = answer(unbounded, shop, 3)
			return told.rows.some(({ modifiedSec }) => modifiedSec! <= modifiedAfterSec) ? [told, 'out-of-bound'] : null
		},
	},
	{
		name: 'more rows than asked for',
		tell: (asked, shop) => {
			const told = answer({ ...asked, limit: asked.limit + 50 }, shop, 3)
			return told.rows.length > asked.limit ? [told, 'too-many-rows'] : null
		},
	},
	{
		name: 'fewer rows than asked for',
		tell: (asked, shop) => {
			const told = answer(asked, shop, 3)
			return told.rows.length > 0 ? [page(told.rows.slice(1), told.total), 'short-page'] : null
		},
	},
	{
		name: 'nothing beside a total',
		tell: (asked, shop) => {
			const told = answer(asked, shop, 3)
			return told.rows.length > 0 ? [page([], told.total), 'short-page'] : null
		},
	},
	{
		name: 'a row twice',
		tell: (asked, shop) => {
			const { rows, total } = answer(asked, shop, 3)
			return rows.length > 1 ? [page([rows[0]!, ...rows.slice(0, -1)], total), 'repeated-id'] : null
		},
	},
	{
		name: 'a total below the rows',
		tell: (asked, shop) => {
			const { rows } = answer(asked, shop, 3)
			return rows.length > 0 ? [page(rows, (asked.offset ?? 0) + rows.length - 1), 'total-below-rows'] : null
		},
	},
	{
		name: 'no total',
		tell: (asked, shop) => [page(answer(asked, shop, 3).rows, null, { totalText: null }), 'no-total'],
	},
	{
		name: 'a total that is no number',
		tell: (asked, shop) => [page(answer(asked, shop, 3).rows, null, { totalText: 'many' }), 'unreadable-total'],
	},
	{
		name: 'rows of the future',
		tell: (asked, shop) => {
			const { rows, total } = answer(asked, shop, 3)
			const told = rows.map(({ id, modifiedSec }) => row(Number(id), modifiedSec! + 100 * DAY))
			return rows.length > 0 ? [page(told, total), 'future-rows'] : null
		},
	},
	{
		name: 'a cache',
		tell: (asked, shop) => [page(answer(asked, shop, 3).rows, 1, { ageSec: 200 }), 'cached'],
	},
	{
		name: 'two clocks',
		tell: (asked, shop) => [page(answer(asked, shop, 3).rows, 1, { dates: 2 }), 'several-dates'],
	},
]

describe('checkPage', () => {
	it('passes any list that answers its question', () => {
		fc.assert(
			fc.property(shopArbitrary, queryArbitrary, fc.nat({ max: 6 }), (shop, asked, seed) => {
				const told = answer(asked, shop, seed)
				const newestSec = Math.max(0, ...shop.map(({ modifiedSec }) => modifiedSec!))
				const before = { ...asked, offset: Math.max(0, (asked.offset ?? 0) - asked.limit) }
				const head = answer(query({ order: 'modified-desc' }), shop, seed).rows
				const previous = answer(before, shop, seed)
				const known = {
					...NOTHING_KNOWN,
					newestSec,
					head,
					previous: { offset: before.offset, ids: previous.rows.map(({ id }) => id), total: previous.total },
				}
				expect(checkPage(asked, told, known)).toEqual([])
				const normal = normalizePage(asked, told, known)
				expect(normal).toEqual({ kept: [...told.rows.keys()], pinned: [], total: told.total })
			}),
		)
	})

	it.each(LIES)('finds $name', ({ tell }) => {
		let told = 0
		fc.assert(
			fc.property(shopArbitrary, queryArbitrary, (shop, asked) => {
				const lie = tell(asked, shop)
				if (lie === null) return
				told++
				expect(kinds(asked, lie[0])).toContain(lie[1])
			}),
		)
		expect(told).toBeGreaterThan(3)
	})

	it('finds the same page at another place, whatever the store ignores', () => {
		fc.assert(
			fc.property(shopArbitrary, queryArbitrary, (shop, asked) => {
				const { modifiedAfterSec: _, ...unbounded } = { ...asked, offset: asked.limit }
				const first = answer({ ...unbounded, offset: 0 }, shop, 3)
				fc.pre(first.rows.length > 1)
				const previous = { offset: 0, ids: first.rows.map(({ id }) => id), total: first.total }
				expect(fatal(unbounded, first, { previous })).toEqual(['same-page'])
			}),
		)
	})

	it('finds a window that lacks what the head shows, as where bounds are taken as local time', () => {
		const head = Array.from({ length: 10 }, (_, index) => row(index + 1, NOW_SEC - 300 - index))
		const asked = query({ order: 'modified-asc', modifiedAfterSec: NOW_SEC - 3_600, limit: 100 })
		expect(fatal(asked, page([], 0), { head })).toEqual(['window-lacks-rows'])
		expect(fatal(asked, page(head.slice(0, 3).toReversed(), 3), { head })).toEqual(['window-lacks-rows'])
		expect(kinds(asked, page(head.slice(1).toReversed(), 9), { head })).toEqual(['window-lacks-rows'])
		expect(fatal(asked, page(head.slice(1).toReversed(), 9), { head })).toEqual([])
		expect(kinds(asked, page(head.toReversed(), 10), { head })).toEqual([])
	})

	it('finds a head that is older than what was seen', () => {
		const asked = query({ order: 'modified-desc' })
		expect(kinds(asked, page([row(1, NOW_SEC - 500)], 1), { newestSec: NOW_SEC - 400 })).toEqual(['head-lacks-rows'])
	})
})

describe('what healthy stores show is never fatal', () => {
	const shop = Array.from({ length: 120 }, (_, index) => row(index + 1, NOW_SEC - 1_000 * (index + 1)))
	const desc = query({ order: 'modified-desc' })

	it('posts in the order of local time, around a change of the clocks and of the zone', () => {
		const rows = [row(1, NOW_SEC - 4_000, 0), row(2, NOW_SEC - 2_000, -3_600), row(3, NOW_SEC - 9_000, 0)]
		expect(kinds({ ...desc, isLocalOrder: true }, page(rows, 3))).toEqual([])
		// The record shows today's zone, the order that of then.
		const moved = [1, 2, 3, 4, 5, 6].map((id) => row(id, NOW_SEC - 50_000 + id * 5_000))
		expect(fatal({ ...desc, isLocalOrder: true }, page(moved, 6))).toEqual([])
	})

	it('dates that are absent, and text as ids', () => {
		expect(kinds(desc, page([row(1, NOW_SEC - 500), row(2, null), row(3, NOW_SEC - 600)], 3))).toEqual([])
		const texts = ['b', 'a', 'B'].map((id) => ({ id, modifiedSec: null, localSec: null }))
		expect(kinds(query({ order: 'id-asc' }), page(texts, 3))).toEqual([])
		const byNumber = query({ order: 'id-asc', hasStoreIds: false })
		expect(kinds(byNumber, page([row(9, null), row(3, null), row(5, null)], 3))).toEqual([])
	})

	it('ids beyond 2^53 in the order of their values, which is no other order', () => {
		const asked = query({ order: 'id-asc' })
		const rows = [5, '9999999999999998', '9999999999999999', '10000000000000000', '7615917337495251231'].map((id) => ({
			id,
			modifiedSec: null,
			localSec: null,
		}))
		expect(kinds(asked, page(rows, 5))).toEqual([])
		expect(fatal(asked, page(rows.toReversed(), 5))).toEqual(['out-of-order'])
	})

	it('rows that are dropped after paging, and a total of 0 past the end', () => {
		const asked = query({ order: 'id-asc', limit: 100 })
		expect(fatal(asked, page(shop.slice(0, 60), 120))).toEqual([])
		expect(fatal(asked, page([], 120))).toEqual([])
		expect(kinds({ ...asked, offset: 200 }, page([], 0))).toEqual([])
	})

	it('rows of the future stay first', () => {
		const rows = [row(500, NOW_SEC + 30 * DAY), ...shop.slice(0, 9)]
		expect(kinds(desc, page(rows, 120))).toEqual(['future-rows'])
		expect(fatal(desc, page(rows, 120))).toEqual([])
	})

	it('a row that changed while the list was read stands where it was', () => {
		const rows = shop.slice(0, 10)
		rows[9] = row(10, NOW_SEC - 1)
		expect(fatal(desc, page(rows, 120))).toEqual([])
		const asked = query({ order: 'modified-asc', modifiedAfterSec: NOW_SEC - 200_000, limit: 100 })
		const window = shop.slice(0, 100).toReversed()
		window[3] = row(97, NOW_SEC - 1)
		window[4] = row(96, NOW_SEC)
		expect(fatal(asked, page(window, 120))).toEqual([])
	})

	it('a stale object cache shows a row or two with an old date', () => {
		const rows = shop.slice(0, 10)
		rows[2] = row(3, NOW_SEC - 400 * DAY)
		rows[5] = row(6, NOW_SEC - 300 * DAY)
		expect(fatal(desc, page(rows, 120))).toEqual([])
		const asked = query({ order: 'modified-asc', modifiedAfterSec: NOW_SEC - 200_000 })
		expect(fatal(asked, page([row(3, NOW_SEC - 400 * DAY), row(1, NOW_SEC - 1_000)], 2))).toEqual([])
	})

	it('a deletion between two pages shifts the rows', () => {
		const asked = query({ order: 'id-asc', limit: 2, offset: 1 })
		const previous = { offset: 2, ids: [3, 4], total: 9 }
		expect(fatal(asked, page([row(3, null), row(4, null)], 8), { previous })).toEqual([])
		const single = query({ order: 'id-asc', limit: 1, offset: 1 })
		expect(fatal(single, page([row(3, null)], 8), { previous: { offset: 2, ids: [3], total: 9 } })).toEqual([])
	})

	it('headers of a cache that has not answered', () => {
		expect(kinds(desc, page(shop.slice(0, 10), 120, { ageSec: 0 }))).toEqual([])
	})
})

describe('normalizePage', () => {
	const rows = Array.from({ length: 10 }, (_, index) => row(index + 11, NOW_SEC - 1_000 * (index + 1)))
	const ids = (asked: PageQuery, answered: readonly PageRow[], known: Partial<KnownAnswers> = {}): number[] =>
		normalizePage(asked, page(answered, 100), { ...NOTHING_KNOWN, ...known }).kept.map((index) =>
			Number(answered[index]!.id),
		)

	it('leaves out a row that stands before every page, and knows it again on a page that is not full', () => {
		const pinned = row(900, NOW_SEC - 100 * DAY)
		const desc = query({ order: 'modified-desc' })
		expect(normalizePage(desc, page([pinned, ...rows], 100), NOTHING_KNOWN).pinned).toEqual([900])
		expect(ids(desc, [pinned, ...rows])).toEqual(rows.map(({ id }) => id))
		const window = query({ order: 'modified-asc', modifiedAfterSec: NOW_SEC - 20_000, limit: 100 })
		const answered = [pinned, ...rows.toReversed()]
		expect(ids(window, answered, { pinned: new Set([900]) })).not.toContain(900)
		expect(fatal(window, page(answered, 11), { pinned: new Set([900]) })).toEqual([])
	})

	it('puts a row that stands first where it belongs, and leaves it out where it does not', () => {
		const asc = query({ order: 'id-asc' })
		expect(ids(asc, [row(15, null), ...rows.filter(({ id }) => id !== 15)])).toEqual(rows.map(({ id }) => id))
		expect(ids(asc, [row(900, null), ...rows])).toEqual(rows.map(({ id }) => id))
		expect(ids({ ...asc, limit: 50 }, [row(900, null), ...rows])).toEqual(rows.map(({ id }) => id))
	})

	it('takes of an object that stands twice the newer copy, where it fits the order', () => {
		const copy = row(12, NOW_SEC)
		const answered = [...rows.slice(0, 9), copy]
		const { kept } = normalizePage(query({ order: 'id-asc' }), page(answered, 9), NOTHING_KNOWN)
		expect(kept).toEqual([0, 9, 2, 3, 4, 5, 6, 7, 8])
	})

	it('takes no more rows than were asked for, and no total that the rows contradict', () => {
		const desc = query({ order: 'modified-desc', limit: 5 })
		expect(ids(desc, rows)).toEqual([11, 12, 13, 14, 15])
		expect(normalizePage(desc, page(rows.slice(0, 5), 3), NOTHING_KNOWN).total).toBeNull()
	})
})

describe('the newest rows are older than those before', () => {
	const rows = [1, 2, 3, 4].map((id) => row(id, NOW_SEC - id * 100))
	const isOlder = (now: readonly PageRow[], total: number | null, before = rows): boolean =>
		isOlderHead({ rows: now, total }, { rows: before, total: 40 })

	it('where they lack more than were deleted', () => {
		expect(isOlder(rows.slice(1), 40)).toBe(true)
		expect(isOlder(rows.slice(2), 39)).toBe(true)
		expect(isOlder(rows.slice(1), 41)).toBe(true)
	})
	it('but not where as many were deleted, where newer ones came, or without totals', () => {
		expect(isOlder(rows, 40)).toBe(false)
		expect(isOlder(rows.slice(1), 39)).toBe(false)
		expect(isOlder(rows.slice(2), 37)).toBe(false)
		expect(isOlder([row(5, NOW_SEC), ...rows.slice(1)], 40)).toBe(false)
		expect(isOlder(rows.slice(1), null)).toBe(false)
		expect(isOlder([], 40, [])).toBe(false)
	})
})

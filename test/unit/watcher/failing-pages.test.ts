/** Decisions about pages that fail: how many rows to ask for, where the row that spoils them stands, and what is said. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Failure } from '../../../src/elements/store.ts'
import type { FailingSpan } from '../../../src/watcher/core/unreadable.ts'
import { getPageRows, isSingleRow, noteFailedPage, noteReadPage } from '../../../src/watcher/polling/failing-span.ts'
import { growPageSize, limitRows, noteRowLength, noteTooLarge } from '../../../src/watcher/polling/page-size.ts'
import { getPieces } from '../../../src/watcher/polling/pages.ts'
import { getIdsBetween } from '../../../src/watcher/polling/row-names.ts'
import { chooseExcluded, getObjectRetryMs, toUnreadableMessage } from '../../../src/watcher/polling/unreadable.ts'
import { canBeOfRecord, describeFailure, isBySize } from '../../../src/watcher/source/record-failures.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const failure = (change: Partial<Failure>): Failure => ({
	ok: false,
	kind: 'server',
	status: 500,
	code: null,
	providerMessage: null,
	retryAfterMs: null,
	message: 'No.',
	...change,
})

/** Reads a list with pages that fail as `fails` says, as a scan does whose pages begin with the row before. */
function readList(
	total: number,
	wanted: number,
	fails: (offset: number, limit: number) => boolean,
	bySize = false,
): { requests: number; read: Set<number>; bad: number[]; learned: number | null } {
	let span: FailingSpan | undefined
	let offset = 0
	let requests = 0
	let learned: number | null = null
	const read = new Set<number>()
	const bad: number[] = []
	while (offset < total && requests < 10_000) {
		const limit = getPageRows(span, offset, Math.min(learned ?? wanted, wanted))
		requests++
		const rows = Array.from({ length: limit }, (_, index) => offset + index).filter(
			(row) => row < total && !bad.includes(row),
		)
		if (fails(offset, limit) && rows.some((row) => fails(row, 1) || bySize)) {
			span = noteFailedPage(span, { offset, limit, bySize }, 0)
			if (!isSingleRow(span)) continue
			bad.push(span.from)
			fails = ((before) => (from: number, count: number) => {
				const left = Array.from({ length: count }, (_, index) => from + index).filter((row) => !bad.includes(row))
				return left.some((row) => before(row, 1))
			})(fails)
			span = undefined
			continue
		}
		for (const row of rows) read.add(row)
		if (span !== undefined) {
			const noted = noteReadPage(span, { offset, limit, passed: limit, movesBound: false })
			span = noted.span ?? undefined
			if (noted.span === null && noted.learnedRows !== null) learned = noted.learnedRows
		}
		offset += Math.max(1, limit - (limit > 1 && offset + limit < total ? 1 : 0))
	}
	return { requests, read, bad, learned }
}

describe('a page that fails', () => {
	test('is halved down to the row that spoils it, and every other row is read', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 130 }),
				fc.uniqueArray(fc.nat({ max: 129 }), { maxLength: 5 }),
				(total, rows) => {
					const spoils = new Set(rows.filter((row) => row < total))
					const { requests, read, bad } = readList(total, 50, (offset, limit) =>
						[...spoils].some((row) => row >= offset && row < offset + limit),
					)
					expect(new Set(bad)).toEqual(spoils)
					expect(read.size).toBe(total - spoils.size)
					expect(requests).toBeLessThan(5 + (spoils.size + 1) * 16)
				},
			),
			{ numRuns: 300 },
		)
	})

	test('that fails once by chance is asked for again as it is', () => {
		const span = noteFailedPage(undefined, { offset: 20, limit: 50, bySize: false }, 7)
		expect(getPageRows(span, 20, 50)).toBe(50)
		expect(noteReadPage(span, { offset: 20, limit: 50, passed: 50, movesBound: false })).toEqual({
			span: null,
			learnedRows: null,
		})
	})

	test('for its size is asked for in the largest ones that work', () => {
		const { read, bad, learned, requests } = readList(300, 100, (_offset, limit) => limit > 30, true)
		expect(bad).toEqual([])
		expect(read.size).toBe(300)
		expect(learned).toBeGreaterThanOrEqual(25)
		expect(learned).toBeLessThanOrEqual(30)
		expect(requests).toBeLessThan(20)
	})

	test('halves what is left after each failure, whatever was read before', () => {
		let span = noteFailedPage(undefined, { offset: 0, limit: 64, bySize: true }, 0)
		const sizes: number[] = []
		for (let guard = 0; guard < 20 && !isSingleRow(span); guard++) {
			const limit = getPageRows(span, span.from, 64)
			sizes.push(limit)
			// Row 40 spoils them.
			if (span.from + limit > 40) span = noteFailedPage(span, { offset: span.from, limit, bySize: true }, 0)
			else span = noteReadPage(span, { offset: span.from, limit, passed: limit, movesBound: false }).span ?? span
		}
		expect(span.from).toBe(40)
		expect(sizes.length).toBeLessThan(14)
	})

	test('that began with the row before is not asked for again as it is', () => {
		const page = { movesBound: false, passed: 8 }
		const read = noteReadPage(noteFailedPage(undefined, { offset: 7, limit: 16, bySize: true }, 0), {
			...page,
			offset: 7,
			limit: 8,
		}).span!
		expect(getPageRows(read, 14, 100)).toBe(9)
		expect(getPageRows(noteFailedPage(read, { offset: 14, limit: 9, bySize: true }, 0), 14, 100)).toBe(5)
	})

	test('of a window leaves the rows that its next page begins with in the span', () => {
		const span = noteFailedPage(
			noteFailedPage(undefined, { offset: 0, limit: 100, bySize: false }, 0),
			{ offset: 0, limit: 100, bySize: false },
			0,
		)
		expect(noteReadPage(span, { offset: 0, limit: 50, passed: 47, movesBound: true })).toMatchObject({
			span: { from: 0, to: 53 },
		})
	})
})

describe('the size of a page', () => {
	test('follows the length of rows, and short ones are not limited', () => {
		expect(noteRowLength(undefined, { length: 300_000, rows: 100 })).toBeUndefined()
		const long = noteRowLength(undefined, { length: 3_000_000, rows: 10 })!
		expect(long).toBe(300_000)
		expect(limitRows(100, long, undefined)).toBe(26)
		expect(limitRows(100, 30_000_000, undefined)).toBe(1)
		expect(limitRows(100, undefined, undefined)).toBe(100)
		expect(limitRows(100, undefined, 8)).toBe(8)
		// What was long may come again: it fades.
		expect(noteRowLength(long, { length: 10_000, rows: 100 })).toBe(240_000)
		expect(noteRowLength(long, { length: 0, rows: 0 })).toBe(long)
	})

	test('grows again after twenty quick full pages, later after each failure, and never beyond what is configured', () => {
		let state = growPageSize(50, 100, undefined, 100)
		for (let page = 1; page < 20; page++) state = growPageSize(state.pageSize, 100, state.growth, 100)
		expect(state.pageSize).toBe(63)
		expect(growPageSize(50, 100, { quick: 40, needed: 20 }, 7_000)).toMatchObject({
			pageSize: 50,
			growth: { quick: 0 },
		})
		expect(growPageSize(100, 100, undefined, 1)).toMatchObject({ pageSize: 100 })
		expect(noteTooLarge(undefined)).toEqual({ quick: 0, needed: 20 })
		expect(noteTooLarge(noteTooLarge(undefined))).toEqual({ quick: 0, needed: 80 })
	})
})

test('a page is read in the parts between rows that are passed over', () => {
	expect(getPieces([], 10, 5)).toEqual([{ offset: 10, limit: 5 }])
	expect(getPieces([{ at: 11 }, { at: 13 }], 10, 5)).toEqual([
		{ offset: 10, limit: 1 },
		{ offset: 12, limit: 1 },
		{ offset: 14, limit: 1 },
	])
	expect(getPieces([{ at: 10 }, { at: 11 }], 10, 2)).toEqual([{ offset: 12, limit: 1 }])
})

test('ids that can stand between two rows', () => {
	expect(getIdsBetween(3, 6)).toEqual([4, 5])
	expect(getIdsBetween(3, 4)).toEqual([])
	expect(getIdsBetween(3, 50_000)).toEqual([])
	expect(getIdsBetween(3, null)).toHaveLength(200)
	expect(getIdsBetween('a', 'b')).toEqual([])
})

describe('what a failure is of', () => {
	test.each<[string, Partial<Failure>, boolean]>([
		['500', {}, true],
		['502', { status: 502 }, true],
		['no answer in time', { kind: 'timeout', status: null }, true],
		['broken JSON', { kind: 'not-json', status: 200 }, true],
		['too large', { kind: 'not-json', status: 200, code: 'body_too_large' }, true],
		['a firewall’s page', { kind: 'not-json', status: 403 }, true],
		['a broken connection', { kind: 'unreachable', status: null, code: 'reset' }, true],
		['no such host', { kind: 'unreachable', status: null, code: 'no-such-host' }, false],
		['503', { status: 503 }, false],
		['429', { kind: 'throttled', status: 429 }, false],
		['401', { kind: 'auth', status: 401 }, false],
		['a certificate', { kind: 'tls', status: null }, false],
		['a redirect', { kind: 'redirect', status: 301 }, false],
		['no rights', { kind: 'forbidden', status: 403 }, false],
		['the database', { cure: { cause: 'database', action: '' } }, false],
		['an old date', { kind: 'not-json', status: 200, code: 'old_date' }, false],
		['an answer to another question', { kind: 'unfit', status: 200 }, false],
	])('%s', (_name, change, expected) => {
		expect(canBeOfRecord(failure(change))).toBe(expected)
	})

	test('by size or time', () => {
		expect(isBySize(failure({ kind: 'timeout', status: null }))).toBe(true)
		expect(isBySize(failure({ status: 504 }))).toBe(true)
		expect(isBySize(failure({ code: 'body_too_large' }))).toBe(true)
		expect(isBySize(failure({}))).toBe(false)
	})
})

describe('what is said', () => {
	test('names one, five at most, and the reason', () => {
		const reason = describeFailure(failure({}))
		expect(toUnreadableMessage('products', [])).toBeNull()
		expect(toUnreadableMessage('products', [{ name: '1234', reason }])).toMatch(
			/^1 product cannot be read: 1234, the store answers 500\. /,
		)
		expect(toUnreadableMessage('categories', [{ name: 'one after 1233', reason }])).toMatch(
			/^1 category cannot be read: one after 1233, /,
		)
		const many = Array.from({ length: 500 }, (_, index) => ({ name: String(index), reason }))
		expect(toUnreadableMessage('products', many)).toMatch(/^500 products cannot be read: 0, 1, 2, 3, 4 and 495 more, /)
	})

	test('retries are at most hourly, daily after a day, and further apart if there are many', () => {
		expect([0, 1, 2, 3, 20].map((tries) => getObjectRetryMs(tries, 0, 1))).toEqual([
			30_000,
			MINUTE_MS,
			2 * MINUTE_MS,
			4 * MINUTE_MS,
			HOUR_MS,
		])
		expect(getObjectRetryMs(40, DAY_MS, 1)).toBe(DAY_MS)
		expect(getObjectRetryMs(20, 0, 100)).toBe(5 * HOUR_MS)
		expect(getObjectRetryMs(20, 0, 5_000)).toBe(DAY_MS)
	})

	test('the newest are left out of lists, as many as an address can name', () => {
		expect(chooseExcluded([1, 2, 3])).toEqual([1, 2, 3])
		const ids = Array.from({ length: 2_000 }, (_, index) => 10_000 + index)
		const chosen = chooseExcluded(ids)
		expect(chosen.at(-1)).toBe(11_999)
		expect(chosen.length).toBeLessThanOrEqual(400)
		expect(encodeURIComponent(chosen.join(',')).length).toBeLessThan(3_600)
	})
})

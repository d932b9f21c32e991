/** How many rows a page may have: by the length of rows, and by the time that pages take. Pure. */
import type { PageGrowth } from '../core/unreadable.ts'

/** Characters that a page should not exceed. The largest answer that is read has 24 MB. */
export const MAX_PAGE_LENGTH = 8_000_000
/** Shorter rows need no limit: a hundred of them are a quarter of a page. */
const MIN_NOTED_ROW_LENGTH = 20_000
/** A larger page is tried if it can be expected in this time, ms; a request has 15 s. */
const MAX_EXPECTED_MS = 8_000
const GROWTH_FACTOR = 1.25
/** Quick pages before a larger one is tried: four times as many after each one that failed. */
const MIN_QUICK_PAGES = 20
const MAX_QUICK_PAGES = 1_280

/** The length of a row, from what was known and a page; undefined: rows are short. */
export function noteRowLength(known: number | undefined, page: { length: number; rows: number }): number | undefined {
	if (page.rows === 0) return known
	const measured = page.length / page.rows
	// Large rows may come again: what was learned fades.
	const length = Math.max(measured, (known ?? 0) * 0.8 + measured * 0.2)
	return length < MIN_NOTED_ROW_LENGTH ? undefined : Number(length.toPrecision(2))
}

/** Rows that a page may have where `wanted` are wanted. */
export function limitRows(wanted: number, rowLength: number | undefined, stride: number | undefined): number {
	const byLength = rowLength === undefined ? wanted : Math.floor(MAX_PAGE_LENGTH / rowLength)
	return Math.max(1, Math.min(wanted, byLength, stride ?? wanted))
}

/** The page size after a full page that took `elapsedMs`; growth null: it is as large as configured. */
export function growPageSize(
	pageSize: number,
	maxPageSize: number,
	growth: PageGrowth | undefined,
	elapsedMs: number,
): { pageSize: number; growth: PageGrowth | undefined } {
	if (pageSize >= maxPageSize) return { pageSize: maxPageSize, growth }
	const { quick, needed } = growth ?? newGrowth()
	const larger = Math.min(maxPageSize, Math.ceil(pageSize * GROWTH_FACTOR))
	if ((elapsedMs / pageSize) * larger > MAX_EXPECTED_MS) return { pageSize, growth: { quick: 0, needed } }
	if (quick + 1 < needed) return { pageSize, growth: { quick: quick + 1, needed } }
	return { pageSize: larger, growth: { quick: 0, needed } }
}

/** The growth after a page was too large. */
export function noteTooLarge(growth: PageGrowth | undefined): PageGrowth {
	const needed = growth === undefined ? MIN_QUICK_PAGES : Math.min(growth.needed * 4, MAX_QUICK_PAGES)
	return { quick: 0, needed }
}

function newGrowth(): PageGrowth {
	return { quick: 0, needed: MIN_QUICK_PAGES }
}

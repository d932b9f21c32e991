/**
 * A page that fails is read in smaller ones, until the row that spoils it stands alone (docs/polling.md, When one
 * record or one resource fails). A step is one request, so that a slice can end anywhere. Pure.
 */
import type { FailingSpan } from '../core/unreadable.ts'

/** Rows to ask for at an offset where `wanted` are wanted. A scan's page may begin before the span, at its anchor. */
export function getPageRows(span: FailingSpan | undefined, offset: number, wanted: number): number {
	if (span === undefined || offset >= span.to || offset + wanted <= span.from) return wanted
	const start = Math.max(offset, span.from)
	return Math.min(wanted, start - offset + getPartRows(span, span.to - start))
}

function getPartRows({ failures, bySize, okRows, wasRead }: FailingSpan, left: number): number {
	// Once, a failure may have been a chance.
	if (failures === 1 && !bySize) return left
	// If all rows are large, as many as before can be read; if one is, half of what is left finds it soonest.
	if (bySize && wasRead && okRows > 0) return Math.min(okRows, left)
	return Math.max(1, Math.floor(left / 2))
}

/** The span after a page of `limit` rows at `offset` failed. */
export function noteFailedPage(
	span: FailingSpan | undefined,
	page: { offset: number; limit: number; bySize: boolean },
	nowMs: number,
): FailingSpan {
	const { offset, limit, bySize } = page
	const end = offset + limit
	if (span === undefined || offset >= span.to || end <= span.from)
		return { from: offset, to: end, failures: 1, minFailed: limit, okRows: 0, wasRead: false, bySize, sinceMs: nowMs }
	const minFailed = Math.min(span.minFailed, limit)
	return {
		from: Math.max(span.from, offset),
		to: Math.min(span.to, end),
		failures: span.failures + 1,
		minFailed,
		okRows: span.okRows < minFailed ? span.okRows : 0,
		wasRead: false,
		bySize,
		sinceMs: span.sinceMs,
	}
}

/**
 * The span after a page of `limit` rows at `offset` was read. `passed` rows of it lie behind the reader: all of them in
 * a list whose bound stays, fewer where the next page begins again with some of these. null: all of it was read, so no
 * row spoils it; `learnedRows`: as many can be read at once, null: it was a chance.
 */
export function noteReadPage(
	span: FailingSpan,
	page: { offset: number; limit: number; passed: number; movesBound: boolean },
): { span: FailingSpan } | { span: null; learnedRows: number | null } {
	const { offset, limit, passed, movesBound } = page
	const end = offset + limit
	if (offset >= span.to || end <= span.from) return { span }
	const okRows = limit < span.minFailed ? Math.max(span.okRows, limit) : span.okRows
	if (end >= span.to) {
		const wasChance = span.failures === 1 && limit >= span.minFailed
		return { span: null, learnedRows: wasChance ? null : Math.max(1, okRows) }
	}
	const read = { ...span, okRows, wasRead: true }
	return { span: movesBound ? { ...read, from: 0, to: Math.max(1, span.to - passed) } : { ...read, from: end } }
}

/** Whether one row is left, which has failed twice. */
export function isSingleRow(span: FailingSpan): boolean {
	return span.to - span.from <= 1 && span.failures > 1
}

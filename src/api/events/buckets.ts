/** Intervals of counts: their beginnings in UTC, and what lies in each. Pure. */
import { DAY_MS } from '../../lib/time.ts'
import { LIMITS } from '../../lib/limits.ts'

/** From the longest to the shortest. A week begins on Monday. */
export const INTERVALS = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'] as const
/** One of them. */
export type Interval = (typeof INTERVALS)[number]

/** Buckets of an answer at most: a day by minute fits. */
export const MAX_BUCKETS = LIMITS.intervals.value

const FIXED_LENGTH_MS: Partial<Record<Interval, number>> = {
	day: DAY_MS,
	hour: 3_600_000,
	minute: 60_000,
	second: 1_000,
}

/** When the interval that a moment lies in begins, epoch ms. */
export function getIntervalStart(ms: number, interval: Interval): number {
	const lengthMs = FIXED_LENGTH_MS[interval]
	if (lengthMs !== undefined) return Math.floor(ms / lengthMs) * lengthMs
	const date = new Date(ms)
	const year = date.getUTCFullYear()
	if (interval === 'year') return Date.UTC(year, 0)
	if (interval === 'quarter') return Date.UTC(year, Math.floor(date.getUTCMonth() / 3) * 3)
	if (interval === 'month') return Date.UTC(year, date.getUTCMonth())
	// 1970 began on a Thursday.
	return (Math.floor((Math.floor(ms / DAY_MS) + 3) / 7) * 7 - 3) * DAY_MS
}

/** When the interval after the one that begins then begins. */
export function getNextStart(startMs: number, interval: Interval): number {
	const lengthMs = FIXED_LENGTH_MS[interval] ?? (interval === 'week' ? 7 * DAY_MS : null)
	if (lengthMs !== null) return startMs + lengthMs
	const date = new Date(startMs)
	const months = { year: 12, quarter: 3, month: 1 }[interval as 'year' | 'quarter' | 'month']
	return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months)
}

/**
 * The beginnings of all intervals from the one of `fromMs` to the one of `toMs`, both included; null: more than
 * `MOST_BUCKETS`.
 */
export function getBucketStarts(fromMs: number, toMs: number, interval: Interval): number[] | null {
	const starts: number[] = []
	for (let startMs = getIntervalStart(fromMs, interval); startMs <= toMs; startMs = getNextStart(startMs, interval)) {
		if (starts.length === MAX_BUCKETS) return null
		starts.push(startMs)
	}
	return starts
}

/** The shortest interval that a range can be counted by. */
export function findShortestInterval(fromMs: number, toMs: number): Interval | null {
	return INTERVALS.findLast((interval) => getBucketStarts(fromMs, toMs, interval) !== null) ?? null
}

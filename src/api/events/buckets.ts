/** Intervals of counts, in UTC. Pure. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../lib/time.ts'
import { LIMITS } from '../../lib/limits.ts'

/** From the longest to the shortest. A week begins on Monday. */
export const INTERVALS = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'] as const
/** A length of intervals. */
export type Interval = (typeof INTERVALS)[number]

/** Enough for a day by minute. */
export const MAX_BUCKETS = LIMITS.intervals.value

const FIXED_LENGTH_MS: Partial<Record<Interval, number>> = {
	day: DAY_MS,
	hour: HOUR_MS,
	minute: MINUTE_MS,
	second: 1_000,
}

/** Start of the interval that a time lies in, epoch ms. */
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

/** Start of the next interval. */
export function getNextStart(startMs: number, interval: Interval): number {
	const lengthMs = FIXED_LENGTH_MS[interval] ?? (interval === 'week' ? 7 * DAY_MS : null)
	if (lengthMs !== null) return startMs + lengthMs
	const date = new Date(startMs)
	const months = { year: 12, quarter: 3, month: 1 }[interval as 'year' | 'quarter' | 'month']
	return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months)
}

/** Starts of all intervals from that of `fromMs` to that of `toMs`, inclusive; null: more than `MAX_BUCKETS`. */
export function getBucketStarts(fromMs: number, toMs: number, interval: Interval): number[] | null {
	const starts: number[] = []
	for (let startMs = getIntervalStart(fromMs, interval); startMs <= toMs; startMs = getNextStart(startMs, interval)) {
		if (starts.length === MAX_BUCKETS) return null
		starts.push(startMs)
	}
	return starts
}

/** The shortest interval by which a range can be counted; null: none. */
export function findShortestInterval(fromMs: number, toMs: number): Interval | null {
	return INTERVALS.findLast((interval) => getBucketStarts(fromMs, toMs, interval) !== null) ?? null
}

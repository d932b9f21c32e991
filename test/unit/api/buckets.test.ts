/** Intervals of counts: where they begin, how many a range has. */
import { expect, test } from 'vitest'
import {
	getBucketStarts,
	findShortestInterval,
	INTERVALS,
	MAX_BUCKETS,
	getNextStart,
	getIntervalStart,
} from '../../../src/api/events/buckets.ts'

const at = (text: string): number => Date.parse(text)

test.each([
	['year', '2024-01-01', '2025-01-01'],
	['quarter', '2024-01-01', '2024-04-01'],
	['month', '2024-02-01', '2024-03-01'],
	['week', '2024-02-26', '2024-03-04'],
	['day', '2024-02-29', '2024-03-01'],
	['hour', '2024-02-29T13:00:00Z', '2024-02-29T14:00:00Z'],
	['minute', '2024-02-29T13:14:00Z', '2024-02-29T13:15:00Z'],
	['second', '2024-02-29T13:14:15Z', '2024-02-29T13:14:16Z'],
] as const)('a %s begins and ends where the calendar says', (interval, start, next) => {
	expect(getIntervalStart(at('2024-02-29T13:14:15.678Z'), interval)).toBe(at(start))
	expect(getNextStart(at(start), interval)).toBe(at(next))
	expect(getIntervalStart(at(next) - 1, interval)).toBe(at(start))
	expect(getIntervalStart(at(next), interval)).toBe(at(next))
})

test('a range has every interval that it touches, and not too many', () => {
	expect(getBucketStarts(at('2024-01-01T10:00:00Z'), at('2024-01-01T11:00:00Z'), 'minute')).toHaveLength(61)
	expect(getBucketStarts(at('2024-01-01T10:59:59Z'), at('2024-01-01T11:00:00Z'), 'hour')).toHaveLength(2)
	expect(getBucketStarts(5, 5, 'second')).toEqual([0])
	expect(getBucketStarts(0, MAX_BUCKETS * 1000 - 1, 'second')).toHaveLength(MAX_BUCKETS)
	expect(getBucketStarts(0, MAX_BUCKETS * 1000, 'second')).toBeNull()
	expect(findShortestInterval(0, MAX_BUCKETS * 1000)).toBe('minute')
	expect(findShortestInterval(at('2024-01-01'), at('2026-01-01'))).toBe('day')
	expect(findShortestInterval(at('0001-01-01'), at('9999-01-01'))).toBeNull()
	expect(
		INTERVALS.every((interval) => getBucketStarts(at('2024-02-29'), at('2024-02-29'), interval)!.length === 1),
	).toBe(true)
})

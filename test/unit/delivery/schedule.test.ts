/** Schedules: what a lone notification lives through. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	getNextRetryMs,
	parseRetrySchedule,
	STANDARD_RETRY_SECONDS,
	getMaxAttempts,
} from '../../../src/delivery/schedule.ts'
import type { RetrySchedule } from '../../../src/rpc/config.ts'

const START = 1_800_000_000_000

/** Seconds between the tries of a notification that fails at once every time. */
function getRetryGaps(schedule: RetrySchedule, random = 0.5): number[] {
	const gaps: number[] = []
	let nowMs = START
	for (let attempt = 1; ; attempt++) {
		const next = getNextRetryMs({ schedule, attempt, firstFailureMs: START, nowMs, retryAfterMs: null, random })
		if (next === null) return gaps
		gaps.push((next - nowMs) / 1000)
		nowMs = next
	}
}

function retryAfter(attempt: number, seconds: number, schedule: RetrySchedule = 'standard'): number {
	return (
		(getNextRetryMs({
			schedule,
			attempt,
			firstFailureMs: START,
			nowMs: START,
			retryAfterMs: seconds * 1000,
			random: 0.5,
		})! -
			START) /
		1000
	)
}

describe('standard', () => {
	test('is 5 s, 15 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h between tries', () => {
		expect(getRetryGaps('standard')).toEqual([5, 15, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400])
		expect(getMaxAttempts('standard')).toBe(12)
	})

	test('strays by at most a fifth', () => {
		fc.assert(
			fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
				getRetryGaps('standard', random).forEach((gap, index) => {
					const step = STANDARD_RETRY_SECONDS[index]!
					expect(gap).toBeGreaterThanOrEqual(step * 0.8)
					expect(gap).toBeLessThanOrEqual(step * 1.2)
				})
			}),
		)
		expect(getRetryGaps('standard', 0)[0]).toBe(4)
		expect(getRetryGaps('standard', 0.999_999)[0]).toBeCloseTo(6)
	})
})

describe("the platform's schedules", () => {
	test('§5.2 8^n tries 8 … 32768 s after the first failure', () => {
		const at = getRetryGaps('8^n', 0.9).map((_, index, gaps) => gaps.slice(0, index + 1).reduce((a, b) => a + b))
		expect(at).toEqual([8, 64, 512, 4096, 32_768])
	})

	test('§5.2 4^n tries 4 … 262144 s after the first failure', () => {
		const at = getRetryGaps('4^n', 0.1).map((_, index, gaps) => gaps.slice(0, index + 1).reduce((a, b) => a + b))
		expect(at).toEqual([4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144])
	})

	test('a try that took longer than its step is followed at once, never in the past', () => {
		expect(
			getNextRetryMs({
				schedule: '8^n',
				attempt: 2,
				firstFailureMs: START,
				nowMs: START + 90_000,
				retryAfterMs: null,
				random: 0.5,
			}),
		).toBe(START + 90_000)
	})
})

test('a list is the seconds between tries, exactly', () => {
	expect(getRetryGaps([1, 2.5, 60], 0.9)).toEqual([1, 2.5, 60])
	expect(getRetryGaps([])).toEqual([])
})

describe('Retry-After', () => {
	test('makes the next try later', () => {
		expect(retryAfter(1, 120)).toBe(120)
		expect(retryAfter(6, 10_000)).toBe(10_000)
	})

	test('never earlier', () => {
		expect(retryAfter(4, 1)).toBe(300)
		expect(retryAfter(4, 0)).toBe(300)
	})

	test('at most an hour while steps are short, and at most to the following step where they are long', () => {
		expect(retryAfter(1, 86_400)).toBe(3600)
		expect(retryAfter(7, 864_000)).toBe(18_000 + 36_000)
		expect(retryAfter(11, 864_000)).toBe(86_400)
		expect(retryAfter(5, 864_000, '8^n')).toBe(32_768)
	})

	test('gives no try beyond the last', () => {
		expect(
			getNextRetryMs({
				schedule: 'standard',
				attempt: 12,
				firstFailureMs: START,
				nowMs: START,
				retryAfterMs: 1000,
				random: 0.5,
			}),
		).toBeNull()
	})

	test("lies between the schedule's own time and the bound, always", () => {
		fc.assert(
			fc.property(
				fc.constantFrom<RetrySchedule>('standard', '8^n', '4^n', [3, 7, 20_000]),
				fc.integer({ min: 1, max: 13 }),
				fc.nat(10 ** 10),
				fc.nat(10 ** 6),
				(schedule, attempt, retryAfterMs, agoMs) => {
					const failed = {
						schedule,
						attempt,
						firstFailureMs: START - agoMs,
						nowMs: START,
						retryAfterMs: null,
						random: 0.3,
					}
					const withoutRetryAfter = getNextRetryMs(failed)
					const withRetryAfter = getNextRetryMs({ ...failed, retryAfterMs: retryAfterMs })
					if (withoutRetryAfter === null) {
						expect(withRetryAfter).toBeNull()
						return
					}
					expect(withRetryAfter).toBeGreaterThanOrEqual(withoutRetryAfter)
					expect(withRetryAfter).toBeLessThanOrEqual(Math.max(withoutRetryAfter, START + retryAfterMs))
				},
			),
		)
	})
})

describe('the setting', () => {
	test.each<[string, RetrySchedule]>([
		['standard', 'standard'],
		[' 8^n ', '8^n'],
		['4^n', '4^n'],
		['5,60, 300', [5, 60, 300]],
		['[5, 0.5]', [5, 0.5]],
		['[]', []],
	])('%j is read', (text, schedule) => {
		expect(parseRetrySchedule(text)).toEqual(schedule)
	})

	test.each(['', 'often', '2^n', '0', '-5', '5;6', '[5', '5,,6', 'NaN', '9999999', Array(51).fill('1').join(',')])(
		'%j is not',
		(text) => {
			expect(parseRetrySchedule(text)).toBeNull()
		},
	)
})

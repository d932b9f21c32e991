/** Gaps between deliveries: what is usual, and when a check follows an unusual one. */
import { describe, expect, test } from 'vitest'
import type { DayOfGaps } from '../../../src/watcher/core/state.ts'
import { addGap, getGapCheckMs, getMedianGapMs } from '../../../src/watcher/webhooks/gaps.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS
/** A full ten minutes. */
const NOW = Date.UTC(2026, 5, 15, 12)

const gapsOf = (gaps: readonly number[], atMs = NOW): DayOfGaps[] =>
	gaps.reduce<DayOfGaps[]>((all, gapMs) => addGap(all, gapMs, atMs), [])

describe('the usual gap', () => {
	test('is the median to a fifth, from five gaps on', () => {
		expect(getMedianGapMs(gapsOf([1, 1, 1, 1].map((minutes) => minutes * MINUTE_MS)), NOW)).toBeNull()
		for (const medianMs of [0, 500, 3_000, MINUTE_MS, 90 * MINUTE_MS]) {
			const found = getMedianGapMs(gapsOf([0, 0, medianMs, 1e9, 1e9]), NOW)!
			const expected = Math.max(1_000, medianMs)
			expect(Math.abs(found / expected - 1), String(medianMs)).toBeLessThan(0.21)
		}
	})

	test('is that of the last week', () => {
		const old = gapsOf(Array.from({ length: 50 }, () => MINUTE_MS))
		expect(getMedianGapMs(old, NOW + 6 * DAY_MS)).not.toBeNull()
		expect(getMedianGapMs(old, NOW + 7 * DAY_MS)).toBeNull()
		expect(addGap(old, MINUTE_MS, NOW + 7 * DAY_MS)).toHaveLength(1)
	})
})

describe('a check', () => {
	const often = gapsOf(Array.from({ length: 9 }, () => 5_000))
	const seldom = gapsOf(Array.from({ length: 9 }, () => 30 * MINUTE_MS))
	const minutesUntil = (gaps: DayOfGaps[], triedMs: number | null): number | null => {
		const dueMs = getGapCheckMs({ lastDeliveryMs: NOW, gaps, triedMs }, NOW)
		return dueMs === null ? null : (dueMs - NOW) / MINUTE_MS
	}

	test('follows ten minutes without a delivery, or ten times the usual gap', () => {
		expect(minutesUntil(often, null)).toBe(10)
		expect(minutesUntil(seldom, null)).toBeGreaterThan(240)
		expect(minutesUntil([], null)).toBeNull()
		expect(getGapCheckMs({ lastDeliveryMs: null, gaps: often, triedMs: null }, NOW)).toBeNull()
	})

	test('comes once for a gap, a quarter of an hour after the last one', () => {
		expect(minutesUntil(often, NOW + 10 * MINUTE_MS)).toBeNull()
		expect(minutesUntil(often, NOW + 9 * MINUTE_MS)).toBe(30)
		expect(minutesUntil(often, NOW - 60 * MINUTE_MS)).toBe(10)
	})
})

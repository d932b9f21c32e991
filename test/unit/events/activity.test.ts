/** Hours of activity: they end after a day wherever they are read, and buckets of many instances add up. */
import { describe, expect, test } from 'vitest'
import {
	addActivity,
	estimatePercentile,
	getChangesByHour,
	LAG_BOUNDS_MS,
	sumActivity,
	toHour,
	type ActivityHour,
} from '../../../src/events/activity.ts'

const HOUR_MS = 3_600_000
const NOW_MS = Date.UTC(2026, 5, 1, 12, 30)

describe('a step', () => {
	test('adds to its own hour', () => {
		let hours = addActivity([], { kind: 'CREATED' }, NOW_MS, NOW_MS)
		hours = addActivity(hours, { kind: 'UPDATED' }, NOW_MS, NOW_MS)
		hours = addActivity(hours, { kind: 'DELETED' }, NOW_MS - HOUR_MS, NOW_MS)
		hours = addActivity(hours, { delivered: 1, lagMs: 1_500 }, NOW_MS, NOW_MS)
		hours = addActivity(hours, { delivered: 1, lagMs: null }, NOW_MS, NOW_MS)
		hours = addActivity(hours, { notifications: 1 }, NOW_MS, NOW_MS)
		hours = addActivity(hours, { recovered: 3 }, NOW_MS - HOUR_MS, NOW_MS)
		expect(hours).toEqual([
			[toHour(NOW_MS) - 1, 0, 0, 1, 0, 0, 3, []],
			[toHour(NOW_MS), 1, 1, 0, 2, 1, 0, [0, 0, 1]],
		])
	})

	test('drops hours that are a day old, and does not begin one', () => {
		const old = addActivity([], { kind: 'CREATED' }, NOW_MS - 23 * HOUR_MS, NOW_MS)
		expect(old).toHaveLength(1)
		expect(addActivity(old, { kind: 'CREATED' }, NOW_MS + HOUR_MS, NOW_MS + HOUR_MS)).toHaveLength(1)
		expect(addActivity([], { kind: 'CREATED' }, NOW_MS - 24 * HOUR_MS, NOW_MS)).toEqual([])
	})
})

describe('24 hours', () => {
	const hours: ActivityHour[] = [
		[toHour(NOW_MS) - 24, 100, 100, 100, 100, 100, 100, [100]],
		[toHour(NOW_MS) - 23, 1, 2, 3, 4, 5, 6, [0, 7]],
		[toHour(NOW_MS), 1, 0, 0, 1, 1, 0, [1]],
	]

	test('are summed without what is older by now', () => {
		expect(sumActivity(hours, NOW_MS)).toMatchObject({
			created: 2,
			updated: 2,
			deleted: 3,
			delivered: 5,
			notifications: 6,
			recovered: 6,
		})
		expect(sumActivity(hours, NOW_MS).lags.slice(0, 3)).toEqual([1, 7, 0])
		expect(sumActivity(hours, NOW_MS + HOUR_MS)).toMatchObject({ created: 1, deleted: 0, recovered: 0 })
		expect(sumActivity(hours, NOW_MS + 24 * HOUR_MS)).toMatchObject({ created: 0, delivered: 0 })
	})

	test('are shown by hour, the oldest first', () => {
		expect(getChangesByHour(hours, NOW_MS)).toEqual([6, ...Array.from({ length: 22 }, () => 0), 1])
		expect(getChangesByHour(hours, NOW_MS + HOUR_MS).slice(-2)).toEqual([1, 0])
		expect(getChangesByHour([], NOW_MS)).toHaveLength(24)
	})
})

describe('percentiles', () => {
	test('lie in the bucket of the change that they name', () => {
		const lags = LAG_BOUNDS_MS.map(() => 0)
		lags[1] = 98
		lags[5] = 2
		expect(estimatePercentile(lags, 0.5)).toBeGreaterThan(500)
		expect(estimatePercentile(lags, 0.5)).toBeLessThanOrEqual(1_000)
		expect(estimatePercentile(lags, 0.99)).toBeGreaterThan(10_000)
		expect(estimatePercentile(lags, 0.99)).toBeLessThanOrEqual(30_000)
	})

	test('of nothing are unknown, and of the last bucket are at most a day', () => {
		expect(estimatePercentile([], 0.5)).toBeNull()
		expect(estimatePercentile([0, 0], 0.99)).toBeNull()
		const last = [...LAG_BOUNDS_MS.map(() => 0), 3]
		expect(estimatePercentile(last, 0.99)).toBeLessThanOrEqual(24 * HOUR_MS)
		expect(estimatePercentile(last, 0.5)).toBeGreaterThan(21_600_000)
	})
})

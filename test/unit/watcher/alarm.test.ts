/** The alarm's arithmetic: the earliest of all that is due, and what holds it back. */
import { describe, expect, test } from 'vitest'
import { nextAlarmMs, type DueTimes } from '../../../src/watcher/alarm.ts'

const NOW = 1_000_000
const nothing: DueTimes = {
	paused: false,
	backoffUntilMs: null,
	nextPollMs: null,
	hasPendingWork: false,
	nextLookupMs: null,
	nextDeliveryMs: null,
	lastDoorbellMs: null,
	pruneMs: null,
	announceMs: null,
	statusMs: null,
}
const at = (due: Partial<DueTimes>): number | null => nextAlarmMs({ ...nothing, ...due }, NOW)

describe('the alarm', () => {
	test('is not set when nothing is due', () => {
		expect(at({})).toBeNull()
	})
	test('is set for the earliest of polls, reads, deliveries and pruning', () => {
		const due = { nextPollMs: NOW + 400, nextLookupMs: NOW + 300, nextDeliveryMs: NOW + 200, pruneMs: NOW + 100 }
		expect(at(due)).toBe(NOW + 100)
		expect(at({ ...due, pruneMs: null })).toBe(NOW + 200)
		expect(at({ ...due, pruneMs: null, nextDeliveryMs: null })).toBe(NOW + 300)
		expect(at({ nextPollMs: NOW + 400 })).toBe(NOW + 400)
	})
	test('is never set for the past or this very moment: it might not run', () => {
		for (const due of [{ nextPollMs: NOW - 9_000 }, { nextDeliveryMs: 0 }, { pruneMs: NOW }, { hasPendingWork: true }])
			expect(at(due)).toBe(NOW + 1)
	})
	test('waits for the store while it is left alone, but delivers and prunes', () => {
		const backoffUntilMs = NOW + 60_000
		expect(at({ backoffUntilMs, nextPollMs: NOW, hasPendingWork: true, nextLookupMs: NOW })).toBe(backoffUntilMs)
		expect(at({ backoffUntilMs, nextPollMs: NOW, nextDeliveryMs: NOW + 50 })).toBe(NOW + 50)
		expect(at({ backoffUntilMs, nextPollMs: NOW, pruneMs: NOW + 70 })).toBe(NOW + 70)
	})
	test('repeats an unanswered doorbell after ten seconds, not before', () => {
		expect(at({ nextDeliveryMs: NOW, lastDoorbellMs: NOW - 1_000 })).toBe(NOW + 9_000)
		expect(at({ nextDeliveryMs: NOW, lastDoorbellMs: NOW - 20_000 })).toBe(NOW + 1)
		expect(at({ nextDeliveryMs: NOW + 60_000, lastDoorbellMs: NOW })).toBe(NOW + 60_000)
	})
	test('while paused runs for pruning alone', () => {
		expect(
			at({ paused: true, nextPollMs: NOW, hasPendingWork: true, nextLookupMs: NOW, nextDeliveryMs: NOW }),
		).toBeNull()
		expect(at({ paused: true, nextPollMs: NOW, pruneMs: NOW + 5 })).toBe(NOW + 5)
	})
})

/** Decisions of a poll: what the newest rows prove, how a window is read to its end, what totals and clocks say. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	advanceWindow,
	exceedsDeletionThreshold,
	headReachesHorizon,
	getHorizonSec,
	compareTotal,
	isNearClockChange,
	getNextPollMs,
	toComparableTotal,
	toSearchKey,
	isWindowRequired,
	getZoneOffsetMinutes,
} from '../../../src/watcher/polling/poll.ts'
import type { PollWindow } from '../../../src/watcher/core/resource-state.ts'
import { evaluateClock } from '../../../src/watcher/source/clock.ts'
import { getBackoffMs } from '../../../src/watcher/source/backoff.ts'

const NOW = Date.UTC(2026, 5, 15, 12)
const HOUR = 3_600_000

describe('the newest ten', () => {
	test('close the poll when the oldest of them lies before the horizon §10.7', () => {
		expect(headReachesHorizon([200, 150, 99], 3, 50, 100)).toBe(true)
		expect(headReachesHorizon([200, 150, 100], 3, 50, 100)).toBe(false)
	})
	test('3.8 are not blinded by stamps in the future', () => {
		expect(headReachesHorizon([9_000, 9_000, 9_000], 3, 50, 100)).toBe(false)
	})
	test('close the poll when they are all there is', () => {
		expect(headReachesHorizon([200, 150], 3, 2, 100)).toBe(true)
		expect(headReachesHorizon([], 3, 0, 100)).toBe(true)
	})
	test('2.5 do not close it when the page is short and the total says there is more', () => {
		expect(headReachesHorizon([200, 150], 3, 50, 100)).toBe(false)
		expect(headReachesHorizon([], 3, 50, 100)).toBe(false)
	})
	test('do not close it when the oldest has no stamp', () => {
		expect(headReachesHorizon([200, 150, null], 3, 50, 100)).toBe(false)
	})
})

describe('the horizon', () => {
	const zone = 'America/Denver'
	test('3.1 3.5 lies two minutes and a second behind the last poll', () => {
		expect(getHorizonSec(NOW, 0, zone, NOW)).toBe(NOW / 1000 - 121)
	})
	test('lies pollDelay further back', () => {
		expect(getHorizonSec(NOW, 600, zone, NOW)).toBe(NOW / 1000 - 721)
	})
	test('3.3 lies two hours further back around a clock change of the store’s zone', () => {
		const spring = Date.UTC(2026, 2, 8, 9)
		expect(getHorizonSec(spring, 0, zone, spring)).toBe(spring / 1000 - 7_321)
		expect(getHorizonSec(spring, 0, 'Asia/Kolkata', spring)).toBe(spring / 1000 - 121)
	})
	test('is reckoned from the cursor, not from the clock', () => {
		expect(getHorizonSec(NOW - 9 * HOUR, 0, zone, NOW)).toBe((NOW - 9 * HOUR) / 1000 - 121)
	})
})

describe('a clock change', () => {
	test.each([
		['America/Denver, spring', 'America/Denver', Date.UTC(2026, 2, 8, 9)],
		['America/Denver, autumn', 'America/Denver', Date.UTC(2026, 10, 1, 8)],
		['Australia/Lord_Howe, half an hour, autumn', 'Australia/Lord_Howe', Date.UTC(2026, 3, 4, 15)],
		['Australia/Lord_Howe, half an hour, spring', 'Australia/Lord_Howe', Date.UTC(2026, 9, 3, 15, 30)],
	])('3.3 is near within three hours before and after: %s', (_name, zone, changeMs) => {
		for (const hours of [-2.99, -1, 0, 1, 2.99])
			expect(isNearClockChange(zone, changeMs + hours * HOUR), `${hours} h`).toBe(true)
		for (const hours of [-24, -3.01, 3.01, 24])
			expect(isNearClockChange(zone, changeMs + hours * HOUR), `${hours} h`).toBe(false)
	})
	test('is never near where the clock never changes, or the zone is unknown', () => {
		for (const zone of ['Asia/Kolkata', 'UTC', '', 'Nowhere/Land'])
			for (let hour = 0; hour < 8_760; hour += 12)
				expect(isNearClockChange(zone, Date.UTC(2026, 0, 1) + hour * HOUR)).toBe(false)
	})
	test('zones are given in minutes', () => {
		expect([
			getZoneOffsetMinutes('Asia/Kolkata', NOW),
			getZoneOffsetMinutes('America/Denver', NOW),
			getZoneOffsetMinutes('Australia/Lord_Howe', NOW),
			getZoneOffsetMinutes('', NOW),
		]).toEqual([330, -360, 630, 0])
	})
})

describe('the window is read though the newest ten close the poll', () => {
	const calm = {
		postsStored: true,
		isOrderProven: true,
		windowDoneMs: NOW - HOUR + 1,
		offsetChangedMs: null,
		zone: 'America/Denver',
		nowMs: NOW,
	}
	test('3.6 hourly where objects are posts', () => {
		expect(isWindowRequired(calm)).toBe(false)
		expect(isWindowRequired({ ...calm, windowDoneMs: NOW - HOUR })).toBe(true)
		expect(isWindowRequired({ ...calm, windowDoneMs: null })).toBe(true)
	})
	test('3.6 for three hours after a clock change', () => {
		const nowMs = Date.UTC(2026, 10, 1, 10, 59)
		expect(isWindowRequired({ ...calm, nowMs, windowDoneMs: nowMs })).toBe(true)
		expect(isWindowRequired({ ...calm, nowMs: nowMs + 2 * 60_000, windowDoneMs: nowMs })).toBe(false)
	})
	test('3.4 for a day after the site’s zone was changed', () => {
		expect(isWindowRequired({ ...calm, offsetChangedMs: NOW - 24 * HOUR + 1 })).toBe(true)
		expect(isWindowRequired({ ...calm, offsetChangedMs: NOW - 24 * HOUR })).toBe(false)
	})
	test('never where they are not', () => {
		expect(isWindowRequired({ ...calm, postsStored: false, windowDoneMs: null })).toBe(false)
	})
	test('hourly where no row shows that the store sorts by modified date', () => {
		const unproven = { ...calm, postsStored: false, isOrderProven: false }
		expect(isWindowRequired(unproven)).toBe(false)
		expect(isWindowRequired({ ...unproven, windowDoneMs: NOW - HOUR })).toBe(true)
	})
})

/** Reads a window of rows that stand still; gives the ids shown. `ties`: how rows of one second are ordered on each call. */
function readWindow(
	rows: readonly { id: number; sec: number }[],
	afterSec: number,
	limit: number,
	ties: () => number,
	totals = true,
): { shown: Set<number>; pages: number } {
	const shown = new Set<number>()
	let window: PollWindow | null = { afterSec, startedMs: NOW, total: null, listed: 0, second: null }
	let pages = 0
	while (window !== null) {
		if (++pages > 5_000) throw new Error('the window never ends')
		const { second } = window
		const low = second === null ? window.afterSec : second.sec - 1
		const high = second === null ? Infinity : second.sec + 1
		const matching = rows.filter(({ sec }) => sec > low && sec < high)
		const ordered =
			second === null
				? matching
						.map((row) => ({ row, tie: ties() }))
						.sort((a, b) => a.row.sec - b.row.sec || a.tie - b.tie)
						.map(({ row }) => row)
				: matching.toSorted((a, b) => a.id - b.id)
		const page = ordered.slice(second?.offset ?? 0, (second?.offset ?? 0) + limit)
		for (const { id } of page) shown.add(id)
		window = advanceWindow(
			window,
			page.map(({ sec }) => sec),
			totals ? matching.length : null,
			limit,
		)
	}
	return { shown, pages }
}

describe('a window', () => {
	test('3.6 3.7 shows every row at least once and ends, whatever the stamps, the page, and the order of ties §10.2', () => {
		const rows = fc.array(fc.integer({ min: 1_000, max: 1_040 }), { maxLength: 120 })
		fc.assert(
			fc.property(
				rows,
				fc.integer({ min: 1, max: 30 }),
				fc.boolean(),
				fc.infiniteStream(fc.integer({ min: 0, max: 1_000 })),
				(stamps, limit, totals, dice) => {
					const all = stamps.map((sec, id) => ({ id, sec }))
					const { shown } = readWindow(all, 1_010, limit, () => dice.next().value, totals)
					expect(all.filter(({ id, sec }) => sec > 1_010 && !shown.has(id))).toEqual([])
				},
			),
			{ numRuns: 300 },
		)
	})
	test('3.7 of 250 rows in one second is paged inside it by id until two passes agree', () => {
		const rows = Array.from({ length: 250 }, (_, id) => ({ id, sec: 2_000 }))
		const { shown, pages } = readWindow(rows, 1_000, 100, () => 0)
		expect([shown.size, pages]).toEqual([250, 9])
	})
	test('3.7 pages a second again when it grew meanwhile', () => {
		const start: PollWindow = {
			afterSec: 1_999,
			startedMs: NOW,
			total: null,
			listed: 0,
			second: { sec: 2_000, offset: 0, found: 0, before: 3 },
		}
		expect(advanceWindow(start, [2_000, 2_000, 2_000, 2_000], 4, 10)).toMatchObject({
			second: { offset: 0, found: 0, before: 4 },
		})
		expect(advanceWindow(start, [2_000, 2_000, 2_000], 3, 10)).toMatchObject({ afterSec: 2_000, second: null })
	})
	test('one page that holds everything ends it', () => {
		expect(readWindow([{ id: 1, sec: 2_000 }], 1_000, 100, () => 0).pages).toBe(1)
		expect(readWindow([], 1_000, 100, () => 0).pages).toBe(1)
	})
})

describe('a total', () => {
	test.each([
		[10, 10, 0, null, 'agrees', 0],
		[12, 10, 2, null, 'agrees', 0],
		[9, 10, 0, null, 'fewer', -1],
		[11, 10, 0, null, 'more', 1],
		[10, 10, 2, null, 'fewer', -2],
		[9, 10, 0, toSearchKey(9, -1), 'searched', -1],
		[8, 10, 0, toSearchKey(9, -1), 'fewer', -2],
	] as const)(
		'of %s where %i are listed, drift %i, searched %s: %s',
		(total, listed, drift, searched, verdict, difference) => {
			expect(compareTotal(total, listed + drift, searched)).toEqual({ verdict, difference })
		},
	)
})

describe('a total that came while objects were accepted', () => {
	test.each([
		[10, 10, 10, 0, 10],
		[9, 10, 10, 0, 9],
		[null, 10, 10, 0, null],
		// It may count the object that was accepted meanwhile or not.
		[10, 10, 11, 0, null],
		[11, 10, 11, 0, null],
		[13, 10, 11, 2, null],
		// Whatever it counts, some are missing, or not known.
		[9, 10, 11, 0, 9],
		[12, 10, 11, 0, 12],
		[9, 11, 10, 0, 9],
	])('%s, from %i to %i listed, drift %i: %s', (total, before, after, drift, comparable) => {
		expect(toComparableTotal(total, { before, after }, drift)).toBe(comparable)
	})
})

test('the brake holds more than twenty objects and more than a tenth', () => {
	expect([
		exceedsDeletionThreshold(20, 100),
		exceedsDeletionThreshold(21, 209),
		exceedsDeletionThreshold(21, 210),
		exceedsDeletionThreshold(101, 1_000),
		exceedsDeletionThreshold(100, 1_000),
		exceedsDeletionThreshold(0, 0),
	]).toEqual([false, true, false, true, false, false])
})

describe('the store’s clock', () => {
	test('is believed at first sight', () => {
		expect(evaluateClock(null, null, NOW + 900_000, NOW)).toEqual({ stale: false, skewMs: 900_000, pendingSkew: null })
	})
	test('is believed within a minute of before, followed forwards, and doubted beyond', () => {
		expect(evaluateClock(0, null, NOW + 60_000, NOW)).toEqual({ stale: false, skewMs: 60_000, pendingSkew: null })
		expect(evaluateClock(0, null, NOW - 60_000, NOW)).toEqual({ stale: false, skewMs: 0, pendingSkew: null })
		expect(evaluateClock(0, null, NOW - 60_001, NOW)).toMatchObject({
			stale: true,
			skewMs: 0,
			pendingSkew: { skewMs: -60_001 },
		})
		expect(evaluateClock(0, null, NOW + 60_001, NOW)).toMatchObject({
			stale: true,
			skewMs: 0,
			pendingSkew: { skewMs: 60_001 },
		})
	})
	test.each([1, 5, 20, 59, 61, 900])(
		'2.2 with an old date is a cache: asked every %i s it is not believed beyond a minute',
		(every) => {
			let [skewMs, pendingSkew]: [number | null, ReturnType<typeof evaluateClock>['pendingSkew']] = [0, null]
			for (let seconds = 0; seconds < 120 + 20 * every; seconds += every) {
				const verdict = evaluateClock(skewMs, pendingSkew, NOW, NOW + seconds * 1_000)
				;({ skewMs, pendingSkew } = verdict)
				if (seconds > 60) expect(verdict.stale, `${seconds} s`).toBe(true)
			}
		},
	)
	test('that was set anew goes on from there, and is believed ten seconds later', () => {
		const { pendingSkew } = evaluateClock(0, null, NOW + 900_000, NOW)
		expect(evaluateClock(0, pendingSkew, NOW + 909_000, NOW + 9_000)).toMatchObject({ stale: true })
		expect(evaluateClock(0, pendingSkew, NOW + 910_000, NOW + 10_000)).toEqual({
			stale: false,
			skewMs: 900_000,
			pendingSkew: null,
		})
	})
})

describe('two clocks that go on side by side', () => {
	const follow = (skews: number[], everySec = 20): ReturnType<typeof evaluateClock>[] => {
		const verdicts: ReturnType<typeof evaluateClock>[] = []
		for (const [index, skewMs] of skews.entries()) {
			const nowMs = NOW + index * everySec * 1000
			const { skewMs: known = null, pendingSkew = null } = verdicts.at(-1) ?? {}
			verdicts.push(evaluateClock(known, pendingSkew, nowMs + skewMs, nowMs))
		}
		return verdicts
	}
	const HOUR = 3_600_000

	test.each([
		['an hour ahead', [0, HOUR]],
		['an hour ahead, seen first', [HOUR, 0]],
		['a day back', [0, -24 * HOUR]],
		['a day back, seen first', [-24 * HOUR, 0]],
	])('%s: the nearer one counts, and both are used', (_, pair) => {
		const verdicts = follow([...pair, ...pair, ...pair, ...pair])
		expect(verdicts.slice(4).map(({ stale, skewMs }) => [stale, skewMs])).toEqual(
			Array.from({ length: 4 }, () => [false, 0]),
		)
		expect(verdicts.slice(-2).map(({ isOther }) => isOther === true)).toEqual(pair.map((skewMs) => skewMs !== 0))
	})
	test('a single other date is a cache, also after the clock was seen again', () => {
		expect(follow([0, -HOUR, 0, -HOUR - 20_000, 0, -2 * HOUR]).map(({ stale }) => stale)).toEqual([
			false,
			true,
			false,
			true,
			false,
			true,
		])
	})
	test('one that was seen an hour ago is another one', () => {
		expect(follow([0, HOUR, 0, HOUR], 3_700).map(({ stale }) => stale)).toEqual([false, true, false, true])
	})
})

describe('back-off', () => {
	test('doubles from the first, an hour at most, a tenth of chance either way', () => {
		expect([1, 2, 3, 4, 20].map((failures) => getBackoffMs(failures, 900_000, null, 0.5))).toEqual([
			30_000, 60_000, 120_000, 240_000, 3_600_000,
		])
		expect([getBackoffMs(1, 900_000, null, 0), getBackoffMs(1, 900_000, null, 1)]).toEqual([27_000, 33_000])
	})
	test('begins with the interval where that is short, a second at least', () => {
		expect([getBackoffMs(1, 5_000, null, 0.5), getBackoffMs(1, 10, null, 0.5)]).toEqual([5_000, 1_000])
	})
	test('2.2 follows the store’s own wish when that is longer, six hours at most', () => {
		expect([
			getBackoffMs(1, 900_000, 600_000, 0.5),
			getBackoffMs(1, 900_000, 1_000, 0.5),
			getBackoffMs(1, 900_000, 9e9, 0.5),
		]).toEqual([600_000, 30_000, 6 * HOUR])
	})
})

test('the next poll is due an interval after the last began, never in the past', () => {
	expect([
		getNextPollMs(NOW, 60_000, NOW + 5_000),
		getNextPollMs(NOW, 60_000, NOW + 70_000),
		getNextPollMs(NOW, 200, NOW + 5_000),
	]).toEqual([NOW + 60_000, NOW + 71_000, NOW + 5_200])
})

/** Which dates say when an object changed, and how late the change was recorded. */
import { describe, expect, test } from 'vitest'
import { getLagMs, type LagContext } from '../../../src/watcher/changes/lag.ts'

const NOW = 2_000_000
const sec = (secondsAgo: number): number => NOW / 1000 - secondsAgo

const context = (change: Partial<LagContext>): LagContext => ({
	known: { modifiedSec: sec(9_000), asOfMs: NOW - 900_000 },
	observation: { createdSec: sec(99_000), modifiedSec: sec(60), kind: 'live', listed: true },
	skewMs: 0,
	seenUpToMs: NOW - 900_000,
	modifiedFilter: true,
	storeNowMs: NOW,
	...change,
})
const observed = (created: number | null, modified: number | null, rest: Partial<LagContext['observation']> = {}) => ({
	observation: {
		createdSec: created === null ? null : sec(created),
		modifiedSec: modified === null ? null : sec(modified),
		kind: 'live' as const,
		listed: true,
		...rest,
	},
})

describe('the lag of a change', () => {
	test.each<[string, Parameters<typeof getLagMs>[0], Partial<LagContext>, number | null]>([
		['an edit', { type: 'UPDATED' }, {}, 60_000],
		['an edit that moved no date', { type: 'UPDATED' }, observed(99_000, 9_000), null],
		['an edit without a date', { type: 'UPDATED' }, observed(null, null), null],
		[
			'an edit whose date was set back before the last read of the object',
			{ type: 'UPDATED' },
			observed(1, 5_000),
			null,
		],
		[
			'an edit whose date was set back before the last poll',
			{ type: 'UPDATED' },
			{ ...observed(1, 1_500), known: { modifiedSec: sec(9_000), asOfMs: NOW - 9_000_000 } },
			null,
		],
		[
			'an edit in a list that shows no modified date, found by a later pass',
			{ type: 'UPDATED' },
			{ ...observed(1, 1_500), known: { modifiedSec: sec(9_000), asOfMs: NOW - 9_000_000 }, modifiedFilter: false },
			1_500_000,
		],
		['an edit that appeared a minute after its date', { type: 'UPDATED' }, observed(1, 960), 960_000],
		['an edit of a minute ago by a clock that is ahead', { type: 'UPDATED' }, observed(1, -30), 0],
		['an edit in the future', { type: 'UPDATED' }, observed(1, -86_400), null],
		[
			'an edit after an outage',
			{ type: 'UPDATED' },
			{
				...observed(1, 3_000),
				seenUpToMs: NOW - 3_600_000,
				known: { modifiedSec: sec(9_000), asOfMs: NOW - 3_600_000 },
			},
			3_000_000,
		],
		[
			'an edit after the last read by the clock of a store that is ten minutes behind',
			{ type: 'UPDATED' },
			{ ...observed(1, 1_400), skewMs: -600_000, seenUpToMs: NOW - 1_500_000 },
			1_400_000,
		],
		['a new object', { type: 'CREATED' }, { ...observed(30, 10), known: null }, 30_000],
		['a new object with an old date', { type: 'CREATED' }, { ...observed(17_280_000, 17_280_000), known: null }, null],
		[
			'a new object with an old date of creation',
			{ type: 'CREATED' },
			{ ...observed(17_280_000, 20), known: null },
			20_000,
		],
		['a new object without a date', { type: 'CREATED' }, { ...observed(null, null), known: null }, null],
		['an object that was restored', { type: 'CREATED' }, observed(99_000, 40), 40_000],
		['an object that was restored without a new date', { type: 'CREATED' }, observed(40, 9_000), null],
		['a deletion', { type: 'DELETED' }, observed(null, null, { listed: false }), null],
		[
			'an object in the trash since before the end of this poll',
			{ type: 'DELETED', trashed: true },
			{ ...observed(99_000, 800, { kind: 'trashed' }), seenUpToMs: NOW },
			800_000,
		],
		['a backfill', { type: 'CREATED', backfill: true }, { ...observed(30, 10), known: null }, null],
	])('%s', (_what, change, circumstances, expected) => {
		expect(getLagMs(change, context(circumstances))).toBe(expected)
	})
})

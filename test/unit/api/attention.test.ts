/** What needs attention: the worst first, with the number that matters, in sentences. */
import { describe, expect, test } from 'vitest'
import { countStates, findAttention, sumFigures } from '../../../src/api/instances/attention.ts'
import { toHour, type ActivityHour } from '../../../src/events/activity.ts'
import type { InstanceStatus } from '../../../src/instances/overview.ts'
import type { ActivityReport } from '../../../src/rpc/watcher.ts'

const NOW_MS = Date.UTC(2026, 5, 1, 12, 30)
const MINUTE_MS = 60_000

function status(overrides: Partial<InstanceStatus>, activity: Partial<ActivityReport> = {}): InstanceStatus {
	return {
		id: 7,
		name: 'Kiosk Nord',
		state: 'healthy',
		reason: 'The last poll of every resource succeeded.',
		sinceMs: NOW_MS - 60 * MINUTE_MS,
		reportedMs: NOW_MS - MINUTE_MS,
		activity: {
			hours: [],
			waiting: 0,
			waitingSinceMs: null,
			callbackWaiting: 0,
			failingSinceMs: null,
			held: [],
			progress: null,
			...activity,
		},
		...overrides,
	}
}

const only = (one: InstanceStatus) => findAttention([one], NOW_MS)[0]

describe('attention', () => {
	test('nothing for instances that work, connect, catch up or are disabled', () => {
		for (const state of ['healthy', 'connecting', 'catching-up', 'disabled'] as const)
			expect(findAttention([status({ state })], NOW_MS)).toEqual([])
	})

	test('held deletions name their number by resource', () => {
		const held = [
			{ resource: 'products', deletions: 1_214, changes: 0 },
			{ resource: 'contacts', deletions: 30, changes: 0 },
			{ resource: 'orders', deletions: 0, changes: 5 },
		]
		expect(only(status({ state: 'deletions-held' }, { held }))).toMatchObject({
			count: 1_244,
			text: '1,214 products and 30 contacts disappeared at once. No DELETED events were sent; confirm or dismiss them.',
			fix: 'deletions',
		})
		expect(only(status({ state: 'changes-held' }, { held }))).toMatchObject({
			count: 5,
			text: '5 orders changed at once. No UPDATED events were sent; confirm or dismiss them.',
			fix: 'mass-changes',
		})
	})

	test('of an object of an earlier version the number is not known', () => {
		expect(only({ ...status({ state: 'deletions-held' }), activity: null })).toMatchObject({
			count: null,
			text: 'Too many objects disappeared at once. No DELETED events were sent; confirm or dismiss them.',
		})
		expect(only({ ...status({ state: 'callback-failing' }), activity: null })).toMatchObject({ count: null })
	})

	test('a callback that fails names what waits', () => {
		expect(only(status({ state: 'callback-failing' }, { callbackWaiting: 1 }))).toMatchObject({
			count: 1,
			text: 'The callback fails. 1 event is waiting; deliveries are retried on their schedule.',
			fix: 'subscription',
		})
	})

	test('a store that does not answer waits a quarter of an hour', () => {
		const unreachable = (minutes: number) =>
			only(
				status({
					state: 'store-unreachable',
					reason: 'The store does not answer.',
					sinceMs: NOW_MS - minutes * MINUTE_MS,
				}),
			)
		expect(unreachable(15)).toBeUndefined()
		expect(unreachable(16)).toMatchObject({
			text: 'The store does not answer. Nothing is lost: changes are picked up once the store answers.',
		})
	})

	test('the worst comes first, then what has lasted longest', () => {
		const found = findAttention(
			[
				status({ id: 1, state: 'webhooks-degraded' }),
				status({ id: 2, state: 'needs-reauth', sinceMs: NOW_MS - MINUTE_MS }),
				status({ id: 3, state: 'needs-reauth', sinceMs: NOW_MS - 2 * MINUTE_MS }),
				status({ id: 4, state: 'deactivated' }),
			],
			NOW_MS,
		)
		expect(found.map(({ instanceId }) => instanceId)).toEqual([4, 3, 2, 1])
	})
})

test('figures add the buckets of all instances, and leave out what is a day old', () => {
	const hour = (at: number, lags: number[]): ActivityHour => [at, 1, 2, 3, 6, 2, 1, lags]
	const figures = sumFigures(
		[
			status({}, { hours: [hour(toHour(NOW_MS) - 24, [9]), hour(toHour(NOW_MS), [0, 0, 99])] }),
			status({}, { hours: [hour(toHour(NOW_MS) - 3, [0, 0, 0, 0, 0, 0, 0, 1])], waiting: 3, waitingSinceMs: 5 }),
			status({}, { waiting: 2, waitingSinceMs: 4 }),
			{ ...status({}), activity: null },
		],
		NOW_MS,
	)
	expect(figures).toMatchObject({
		changes: { total: 12, created: 2, updated: 4, deleted: 6 },
		waiting: { events: 5, sinceMs: 4, instances: 2 },
		recovered: 2,
	})
	expect(figures.delivered).toMatchObject({ changes: 12, notifications: 4 })
	expect(figures.delivered.p50Ms).toBeGreaterThan(1_000)
	expect(figures.delivered.p50Ms).toBeLessThanOrEqual(2_000)
	expect(sumFigures([status({}, { hours: [hour(toHour(NOW_MS), [0, 1])] })], NOW_MS).delivered.p99Ms).toBe(750)
})

test('states are counted, the worst first', () => {
	expect(countStates([status({}), status({ state: 'full' }), status({})])).toEqual([
		{ state: 'full', instances: 1 },
		{ state: 'healthy', instances: 2 },
	])
})

/** Which notifications still take events, and until when they are held back. */
import { expect, test } from 'vitest'
import type { NotificationRow } from '../../../src/watcher/core/rows.ts'
import { MAX_HELD_BACK_MS, selectOpen, toDueTimes } from '../../../src/watcher/outbox/open-notifications.ts'

const NOW_MS = 1_000_000
const openness = { batch: 3, takesNotices: false }

/** A notification of two changed orders that waits to be claimed. */
function createRow(change: Partial<NotificationRow> = {}): NotificationRow {
	return {
		id: 1,
		subscription: 1,
		object_type: 'orders',
		members: '[[11,1,5],[12,1,6]]',
		created: NOW_MS,
		updated: NOW_MS,
		context: '{}',
		status: 'waiting',
		attempt: 0,
		base: 0,
		due: NOW_MS,
		lease: null,
		first_try: null,
		first_failure: null,
		settled: null,
		delivered: null,
		resend: null,
		...change,
	}
}

const inFlight = createRow({ id: 9, object_type: 'products', status: 'claimed', attempt: 1, lease: NOW_MS + 45_000 })

test('one that was never claimed takes events', () => {
	const row = createRow()
	expect(selectOpen([row], openness)).toEqual([row])
})

test.each<[string, Partial<NotificationRow>]>([
	['in flight', { status: 'claimed', attempt: 1, lease: NOW_MS + 1 }],
	['to be tried again', { status: 'retry', attempt: 1 }],
	['released before its first attempt', { resend: 4 }],
	['sent again', { status: 'waiting', attempt: 2, base: 2, resend: 4 }],
	['full', { members: '[[11,1,5],[12,1,6],[13,1,7]]' }],
	['fuller than the batch is now', { members: '[[11,1,5],[12,1,6],[13,1,7],[14,1,8]]' }],
	['of a test event', { members: '[[11,0,0]]' }],
	['posted', { members: '[[11,-1,"topic"]]' }],
])('one that is %s takes none, and is not held back', (_name, change) => {
	const row = createRow(change)
	expect(selectOpen([row], openness)).toEqual([])
	expect(toDueTimes([row, inFlight], openness, NOW_MS)(row)).toBe(row.lease ?? NOW_MS)
})

test('the newest of each resource and subscription takes them', () => {
	const rows = [
		createRow({ id: 1 }),
		createRow({ id: 2, object_type: 'products' }),
		createRow({ id: 3, subscription: 2 }),
		createRow({ id: 4 }),
		// No change of an order, though its label says so.
		createRow({ id: 5, members: '[[11,0,0]]' }),
	]
	expect(
		selectOpen(rows, openness)
			.map(({ id }) => id)
			.sort((a, b) => a - b),
	).toEqual([2, 3, 4])
	expect(selectOpen(rows, { ...openness, takesNotices: true })).toEqual([])
})

test('an older one that cannot grow is not held back', () => {
	const [older, newer] = [createRow({ id: 1 }), createRow({ id: 2 })]
	const getDueMs = toDueTimes([older, newer, inFlight], openness, NOW_MS)
	expect([older, newer].map(getDueMs)).toEqual([NOW_MS, NOW_MS + MAX_HELD_BACK_MS])
})

test('held back only while one of its subscription is in flight', () => {
	const row = createRow()
	const getDueMs = (...others: NotificationRow[]): number => toDueTimes([row, ...others], openness, NOW_MS)(row)
	expect(getDueMs()).toBe(NOW_MS)
	expect(getDueMs(inFlight)).toBe(NOW_MS + MAX_HELD_BACK_MS)
	expect(getDueMs({ ...inFlight, subscription: 2 })).toBe(NOW_MS)
	expect(getDueMs({ ...inFlight, lease: NOW_MS })).toBe(NOW_MS)
	expect(getDueMs({ ...inFlight, status: 'retry', lease: null, due: NOW_MS + 60_000 })).toBe(NOW_MS)
})

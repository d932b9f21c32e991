/** Which events count as recovered: what a poll found, and the store's journal of deliveries says was lost. */
import { expect, test } from 'vitest'
import { findMissingSources, countRecovered } from '../../demo/event-sources.ts'
import type { Delivery } from '../../store/store.ts'

const at = (seconds: number): number => Date.UTC(2026, 0, 1) + seconds * 1000
const event = (id: number, seconds: number, source: 'poll' | 'webhook' | 'reread', objectType = 'orders') => ({
	objectType,
	objectId: String(id),
	recordedDate: new Date(at(seconds)).toISOString(),
	source,
})
const delivery = (id: number, seconds: number, result: Delivery['result'], topic = 'order.updated'): Delivery => ({
	number: 1,
	time: at(seconds + 1),
	queuedAt: at(seconds),
	webhook: 1,
	topic,
	id,
	deliveryId: 'x',
	result,
	status: result === 'dropped' ? null : 200,
})

test('seen by a poll or a re-read after its only webhook was dropped', () => {
	expect(countRecovered([event(7, 9, 'poll')], [delivery(7, 2, 'dropped')])).toBe(1)
	expect(countRecovered([event(7, 9, 'reread', 'discounts')], [delivery(7, 2, 'dropped', 'coupon.updated')])).toBe(1)
})

test.each<[string, ReturnType<typeof event>[], Delivery[]]>([
	['a webhook reported it', [event(7, 9, 'webhook')], [delivery(7, 2, 'dropped')]],
	[
		'another webhook of the change arrived, if late',
		[event(7, 9, 'poll')],
		[delivery(7, 2, 'dropped'), delivery(7, 2, 'sent')],
	],
	['no webhook was fired', [event(7, 9, 'poll')], []],
	['the object is another one', [event(7, 9, 'poll')], [delivery(8, 2, 'dropped')]],
	['the collection is another one', [event(7, 9, 'poll')], [delivery(7, 2, 'dropped', 'product.updated')]],
	['it was lost after the poll had seen the change', [event(7, 9, 'poll')], [delivery(7, 10, 'dropped')]],
	['it belongs to the event before', [event(7, 3, 'webhook'), event(7, 9, 'poll')], [delivery(7, 2, 'dropped')]],
])('not recovered: %s', (_name, log, deliveries) => {
	expect(countRecovered(log, deliveries)).toBe(0)
})

test('the log comes newest first; each event is held against its own webhooks', () => {
	const log = [event(7, 20, 'poll'), event(7, 10, 'poll')]
	expect(countRecovered(log, [delivery(7, 2, 'dropped'), delivery(7, 12, 'dropped')])).toBe(2)
	expect(countRecovered(log, [delivery(7, 2, 'sent'), delivery(7, 12, 'dropped')])).toBe(1)
})

test('what a play must show', () => {
	expect(findMissingSources({ byWebhook: 100, byPoll: 0, recovered: 1, droppedByStore: 10 })).toEqual([])
	expect(findMissingSources({ byWebhook: 99, byPoll: 9, recovered: 0, droppedByStore: 10 })).toEqual([
		'byWebhook: 99 of 100',
		'recovered: 0 of 1',
	])
})

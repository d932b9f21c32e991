/** The records of variations in notifications: as the store wrote them, merged where events are coalesced (docs/polling.md, Variations). */
import { describe, expect, test } from 'vitest'
import { coalesce, toMemberOverrides, type WaitingChange } from '../../../src/events/batching.ts'
import { toNotificationBody, type NotificationInstance } from '../../../src/events/notification.ts'
import { applyMemberOverrides } from '../../../src/events/notification-members.ts'
import { mergeVariationRecords } from '../../../src/events/variation-records.ts'
import { createStoredEvent } from './stored-events.ts'

const instance: NotificationInstance = {
	instanceId: 12,
	elementKey: 'woocommercerest',
	hubKey: 'ecommerce',
	organizationId: 3,
	userId: 5,
	name: 'Shop',
	tags: [],
	sender: 'notifications@bell.example.com',
}
const notification = { id: 12_000_000_001, createdMs: 0, resource: 'products' }

describe('merging', () => {
	test('each variation has what the last event that names it has, digit by digit', () => {
		expect(
			mergeVariationRecords([
				{
					changedFields: ['variations.1.price', 'variations.2.price'],
					variationRecords: '[{"id":1,"price":1.10},{"id":2,"price":5}]',
				},
				{ changedFields: ['name'], variationRecords: null },
				{ changedFields: ['variations.1.sku'], variationRecords: '[{"id":1,"price":1.10,"sku":"a"}]' },
			]),
		).toBe('[{"id":2,"price":5},{"id":1,"price":1.10,"sku":"a"}]')
	})

	test('one that a later event names without a record is deleted, also if it was created before', () => {
		expect(
			mergeVariationRecords([
				{ changedFields: ['variations.1'], variationRecords: '[{"id":1}]' },
				{ changedFields: ['variations.1'], variationRecords: '[]' },
			]),
		).toBe('[]')
	})

	test('nothing is merged of events without records', () => {
		expect(mergeVariationRecords([{ changedFields: ['name'], variationRecords: null }])).toBeNull()
	})
})

describe('coalescing', () => {
	const change = (sequence: number, type: WaitingChange['type'], hasVariations: boolean): WaitingChange => ({
		sequence,
		resource: 'products',
		object: 'o',
		type,
		changedFields: type === 'UPDATED' ? ['name'] : null,
		previousSequence: null,
		hasVariations,
	})

	test('names the events whose records come with the newest one', () => {
		const run = [
			change(1, 'CREATED', true),
			change(2, 'UPDATED', false),
			change(3, 'UPDATED', true),
			change(4, 'UPDATED', true),
		]
		const [event] = coalesce(run).kept
		expect(event).toMatchObject({ type: 'CREATED', variationSequences: [1, 3] })
		expect(toMemberOverrides(event!, run.at(-1)!)).toMatchObject({ v: [1, 3] })
	})

	test('what was before a deletion does not count', () => {
		const run = [
			change(1, 'UPDATED', true),
			change(2, 'DELETED', false),
			change(3, 'CREATED', true),
			change(4, 'UPDATED', true),
		]
		expect(coalesce(run).kept[0]).toMatchObject({ variationSequences: [3] })
	})

	test('a lone event needs nothing', () => {
		expect(coalesce([change(1, 'UPDATED', true)]).kept[0]).not.toHaveProperty('variationSequences')
	})
})

describe('the body §3.18', () => {
	const event = createStoredEvent({
		changedFields: ['variations.98.price'],
		variationRecords: '[{"id":98,"price":7615917337495251231}]',
	})

	test('has the records in the entry, as they are stored', () => {
		expect(toNotificationBody(notification, [event], instance)).toContain(
			'"variationRecords":[{"id":98,"price":7615917337495251231}]}',
		)
	})

	test('of a thin notification has none, nor has that of an event without', () => {
		expect(toNotificationBody(notification, [event], { ...instance, mode: 'thin' })).not.toContain('variationRecords')
		expect(toNotificationBody(notification, [createStoredEvent()], instance)).not.toContain('variationRecords')
	})

	test('of a coalesced event has those of the earlier ones', () => {
		const earlier = createStoredEvent({
			changedFields: ['variations.97.sku'],
			variationRecords: '[{"id":97,"sku":"b"}]',
		})
		const delivered = applyMemberOverrides(event, { v: [1], c: 2 }, [earlier])
		expect(toNotificationBody(notification, [delivered], instance)).toContain(
			'"variationRecords":[{"id":97,"sku":"b"},{"id":98,"price":7615917337495251231}]}',
		)
	})
})

/** The notification's body: the contract's shape, byte for byte. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	toNotificationBody,
	toJavaDate,
	type NotificationInstance,
	getSenderAddress,
} from '../../../src/events/notification.ts'
import { createStoredEvent } from './stored-events.ts'

const instance: NotificationInstance = {
	instanceId: 3,
	elementKey: 'woocommercerest',
	hubKey: 'ecommerce',
	organizationId: 291,
	userId: 2749,
	name: 'My "shop"',
	tags: ['shop', 'Docs'],
	sender: 'notifications@bell.example.com',
}
const notification = { id: 3_000_000_001, createdMs: Date.UTC(2018, 7, 20, 15, 30, 7, 999), resource: 'orders' }

describe('a body', () => {
	test("has the shape that the platform's clients know, in its order §4.1 §11.4", () => {
		const text = toNotificationBody(notification, [createStoredEvent()], instance)
		expect(text).toBe(
			'{"severity":"medium","createdDate":"Mon Aug 20 15:30:07 UTC 2018","topic":"instance-3-woocommercerest-events","action":"create","id":"3000000001",' +
				'"message":{"elementKey":"woocommercerest","accountId":291,"companyId":291,"userId":2749,"eventId":"AAAAAAADAAAAAAAFCgsM","instanceId":3,"instance_id":3,' +
				'"instanceName":"My \\"shop\\"","instanceTags":["shop","Docs"],' +
				'"raw":{"orders":[{"id":12,"total":"10.00"}],"pollDate":1534778974827,"objectType":"orders"},' +
				'"events":[{"date":"2018-08-20T15:29:06Z","elementKey":"woocommercerest","pollDate":"2018-08-20T15:29:34Z","eventType":"UPDATED","hubKey":"ecommerce",' +
				'"objectId":"12","objectType":"orders","eventId":"AAAAAAADAAAAAAAFCgsM","sequence":5,"objectSequence":2,"previousSequence":1,' +
				'"changedFields":["status","billing.email"],"source":"poll"}]},"user":"notifications@bell.example.com"}',
		)
	})

	test('carries each record as the text that was stored §4.2', () => {
		const record = '{"2":"b", "1":"a","total":10.00,"name":"\\u00fc","a":1,"a":2}'
		expect(toNotificationBody(notification, [createStoredEvent({ record })], instance)).toContain(
			`"raw":{"orders":[${record}],`,
		)
	})

	test('names the first event, keeps records and entries side by side, and takes the latest poll §4.2 §10.5', () => {
		const events = [
			createStoredEvent({ sequence: 8, pollDateMs: 5_000 }),
			createStoredEvent({ sequence: 9, objectId: 13, record: '{"id":13}', pollDateMs: 9_000 }),
		]
		const { message } = JSON.parse(toNotificationBody(notification, events, instance))
		expect(message.eventId).toBe(message.events[0].eventId)
		expect(message.raw.orders.map((record: { id: number }) => String(record.id))).toEqual(
			message.events.map((event: { objectId: string }) => event.objectId),
		)
		expect(message.raw.pollDate).toBe(9_000)
	})

	test('sends an erased record thin, in its place, and says so', () => {
		const { message } = JSON.parse(
			toNotificationBody(
				notification,
				[createStoredEvent({ record: null }), createStoredEvent({ sequence: 6, objectId: 'x', record: null })],
				instance,
			),
		)
		expect(message.raw.orders).toEqual([
			{ id: 12, erased: true },
			{ id: 'x', erased: true },
		])
		expect(message.events.map((event: { erased?: boolean }) => event.erased)).toEqual([true, true])
	})

	test('sends ids in place of records when it is thin, and in place of one that was too large to keep', () => {
		const events = [
			createStoredEvent(),
			createStoredEvent({ sequence: 6, objectId: 'x', record: null, flags: { large: 'orders/x' } }),
			createStoredEvent({ sequence: 7, record: null }),
		]
		const publicUrl = 'https://bell.example.com'
		const thin = JSON.parse(toNotificationBody(notification, events, { ...instance, mode: 'thin', publicUrl })).message
		expect(thin.raw.orders).toEqual([{ id: 12 }, { id: 'x', tooLarge: true }, { id: 12, erased: true }])
		expect(thin.raw).toMatchObject({ pollDate: 1534778974827, objectType: 'orders' })
		expect(thin.events.map((event: { recordUrl: string }) => event.recordUrl.slice(publicUrl.length))).toEqual([
			'/elements/api-v2/instances/3/events/AAAAAAADAAAAAAAFCgsM',
			'/elements/api-v2/hubs/ecommerce/orders/x',
			'/elements/api-v2/instances/3/events/AAAAAAADAAAAAAAHCgsM',
		])
		const full = JSON.parse(toNotificationBody(notification, events, { ...instance, publicUrl })).message
		expect(full.raw.orders).toEqual([
			{ id: 12, total: '10.00' },
			{ id: 'x', tooLarge: true },
			{ id: 12, erased: true },
		])
		expect(
			full.events.map((event: object) => Object.keys(event).filter((key) => /recordUrl|tooLarge|erased/.test(key))),
		).toEqual([[], ['tooLarge', 'recordUrl'], ['erased']])
	})

	test('a public address among what is kept with it changes nothing in a full one', () => {
		expect(
			toNotificationBody(notification, [createStoredEvent()], { ...instance, publicUrl: 'https://bell.example.com' }),
		).toBe(toNotificationBody(notification, [createStoredEvent()], instance))
	})

	test('has no pollDate where no poll brought the events §4.3', () => {
		const { message } = JSON.parse(
			toNotificationBody(notification, [createStoredEvent({ pollDateMs: null, source: 'webhook' })], instance),
		)
		expect(message.raw).not.toHaveProperty('pollDate')
		expect(message.events[0]).not.toHaveProperty('pollDate')
	})

	test('is the same every time, and is JSON, whatever names and labels hold', () => {
		fc.assert(
			fc.property(
				fc.string({ unit: 'binary' }),
				fc.array(fc.string({ unit: 'binary' })),
				fc.constantFrom('orders', '7', '__proto__', 'a"b'),
				(name, tags, resource) => {
					const make = (): string =>
						toNotificationBody({ ...notification, resource }, [createStoredEvent({ resource })], {
							...instance,
							name,
							tags,
						})
					const text = make()
					expect(make()).toBe(text)
					const { message } = JSON.parse(text)
					expect(message.instanceName).toBe(name)
					expect(message.instanceTags).toEqual(tags)
					expect(message.raw.objectType).toBe(resource)
				},
			),
		)
	})

	test('of nothing is not made', () => {
		expect(() => toNotificationBody(notification, [], instance)).toThrow(RangeError)
	})
})

test('dates are written as Java does, in UTC §4.1', () => {
	expect(toJavaDate(Date.UTC(2018, 7, 20, 15, 30, 7))).toBe('Mon Aug 20 15:30:07 UTC 2018')
	expect(toJavaDate(Date.UTC(2026, 0, 3, 4, 5, 6))).toBe('Sat Jan 03 04:05:06 UTC 2026')
})

test("the sender is at the operator's own host", () => {
	expect(getSenderAddress('https://bell.example.com:8443')).toBe('notifications@bell.example.com')
	expect(getSenderAddress('')).toBe('notifications@shopbell')
})

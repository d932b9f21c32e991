/** The entry of an event, as the callback sees it. */
import { describe, expect, test } from 'vitest'
import { toEventEntry, formatIsoSeconds } from '../../../src/events/event.ts'
import { createStoredEvent } from './stored-events.ts'

const context = { instanceId: 3, elementKey: 'woocommercerest', hubKey: 'ecommerce' }

describe('an entry', () => {
	test("has the platform's keys first, in its order, then ours §11.2", () => {
		expect(JSON.stringify(toEventEntry(createStoredEvent(), context))).toBe(
			'{"date":"2018-08-20T15:29:06Z","elementKey":"woocommercerest","pollDate":"2018-08-20T15:29:34Z","eventType":"UPDATED","hubKey":"ecommerce",' +
				'"objectId":"12","objectType":"orders","eventId":"AAAAAAADAAAAAAAFCgsM","sequence":5,"objectSequence":2,"previousSequence":1,' +
				'"changedFields":["status","billing.email"],"source":"poll"}',
		)
	})

	test('leaves out what does not apply §11.2', () => {
		const first = toEventEntry(
			createStoredEvent({
				eventType: 'CREATED',
				previousSequence: null,
				changedFields: null,
				pollDateMs: null,
				source: 'webhook',
			}),
			context,
		)
		expect(Object.keys(first)).toEqual([
			'date',
			'elementKey',
			'eventType',
			'hubKey',
			'objectId',
			'objectType',
			'eventId',
			'sequence',
			'objectSequence',
			'source',
		])
	})

	test('carries the marks that are true §11.2', () => {
		const getMarks = (flags: Parameters<typeof createStoredEvent>[0]) =>
			Object.keys(toEventEntry(createStoredEvent(flags), context)).filter((key) =>
				/trashed|unlisted|restored|backfill|erased/.test(key),
			)
		expect(getMarks({ flags: { trashed: true } })).toEqual(['trashed'])
		expect(getMarks({ flags: { trashed: false, restored: true } })).toEqual(['restored'])
		expect(getMarks({ flags: { unlisted: true, backfill: true } })).toEqual(['unlisted', 'backfill'])
		expect(getMarks({ record: null })).toEqual(['erased'])
	})

	test('says how many events it stands for', () => {
		expect(JSON.stringify(toEventEntry({ ...createStoredEvent(), coalesced: 3 }, context))).toContain(
			'"changedFields":["status","billing.email"],"coalesced":3,"source":"poll"}',
		)
	})

	test('links the record in the log from a thin notification, erased or not', () => {
		const thin = { ...context, mode: 'thin' as const, publicUrl: 'https://bell.example.com' }
		const recordUrl = 'https://bell.example.com/elements/api-v2/instances/3/events/AAAAAAADAAAAAAAFCgsM'
		expect(JSON.stringify(toEventEntry(createStoredEvent(), thin))).toContain(
			`"changedFields":["status","billing.email"],"recordUrl":"${recordUrl}","source":"poll"}`,
		)
		expect(toEventEntry(createStoredEvent({ record: null }), thin)).toMatchObject({ erased: true, recordUrl })
		expect(toEventEntry(createStoredEvent(), { ...thin, publicUrl: 'https://bell.example.com/' }).recordUrl).toBe(
			recordUrl,
		)
		expect(toEventEntry(createStoredEvent(), { ...context, mode: 'thin' }).recordUrl).toBe(
			'/elements/api-v2/instances/3/events/AAAAAAADAAAAAAAFCgsM',
		)
		expect(toEventEntry(createStoredEvent(), { ...context, publicUrl: 'https://bell.example.com' })).not.toHaveProperty(
			'recordUrl',
		)
	})

	test('links a record that was too large to keep in the hub, and does not call it erased §10.9', () => {
		const large = createStoredEvent({ record: null, flags: { large: 'orders/12' } })
		for (const mode of [{}, { mode: 'thin' as const }]) {
			const eventEntry = toEventEntry(large, { ...context, ...mode, publicUrl: 'https://bell.example.com' })
			expect(eventEntry).toMatchObject({
				tooLarge: true,
				recordUrl: 'https://bell.example.com/elements/api-v2/hubs/ecommerce/orders/12',
			})
			expect(eventEntry).not.toHaveProperty('erased')
		}
	})

	test('keeps an id that is text', () => {
		expect(toEventEntry(createStoredEvent({ objectId: 'sku-7' }), context).objectId).toBe('sku-7')
	})
})

test('moments are whole seconds in UTC, rounded down', () => {
	expect(formatIsoSeconds(0)).toBe('1970-01-01T00:00:00Z')
	expect(formatIsoSeconds(1534778974827)).toBe('2018-08-20T15:29:34Z')
	expect(formatIsoSeconds(-1)).toBe('1969-12-31T23:59:59Z')
})

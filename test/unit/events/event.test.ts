/** The entry of an event, as the callback sees it. */
import { describe, expect, test } from 'vitest'
import { entry, isoSeconds } from '../../../src/events/event.ts'
import { stored } from './samples.ts'

const context = { instanceId: 3, elementKey: 'woocommercerest', hubKey: 'ecommerce' }

describe('an entry', () => {
	test("has the platform's keys first, in its order, then ours §11.2", () => {
		expect(JSON.stringify(entry(stored(), context))).toBe(
			'{"date":"2018-08-20T15:29:06Z","elementKey":"woocommercerest","pollDate":"2018-08-20T15:29:34Z","eventType":"UPDATED","hubKey":"ecommerce",' +
				'"objectId":"12","objectType":"orders","eventId":"AAAAAAADAAAAAAAFCgsM","sequence":5,"objectSequence":2,"previousSequence":1,' +
				'"changedFields":["status","billing.email"],"source":"poll"}',
		)
	})

	test('leaves out what does not apply §11.2', () => {
		const first = entry(
			stored({ eventType: 'CREATED', previousSequence: null, changedFields: null, pollDateMs: null, source: 'webhook' }),
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

	test('tells the marks that are true §11.2', () => {
		const marks = (flags: Parameters<typeof stored>[0]) =>
			Object.keys(entry(stored(flags), context)).filter((key) => /trashed|unlisted|restored|backfill|erased/.test(key))
		expect(marks({ flags: { trashed: true } })).toEqual(['trashed'])
		expect(marks({ flags: { trashed: false, restored: true } })).toEqual(['restored'])
		expect(marks({ flags: { unlisted: true, backfill: true } })).toEqual(['unlisted', 'backfill'])
		expect(marks({ record: null })).toEqual(['erased'])
	})

	test('says how many events it stands for', () => {
		expect(JSON.stringify(entry({ ...stored(), coalesced: 3 }, context))).toContain(
			'"changedFields":["status","billing.email"],"coalesced":3,"source":"poll"}',
		)
	})

	test('links the record in the log from a thin notification, erased or not', () => {
		const thin = { ...context, mode: 'thin' as const, publicUrl: 'https://bell.example.com' }
		const recordUrl = 'https://bell.example.com/elements/api-v2/instances/3/events/AAAAAAADAAAAAAAFCgsM'
		expect(JSON.stringify(entry(stored(), thin))).toContain(
			`"changedFields":["status","billing.email"],"recordUrl":"${recordUrl}","source":"poll"}`,
		)
		expect(entry(stored({ record: null }), thin)).toMatchObject({ erased: true, recordUrl })
		expect(entry(stored(), { ...thin, publicUrl: 'https://bell.example.com/' }).recordUrl).toBe(recordUrl)
		expect(entry(stored(), { ...context, mode: 'thin' }).recordUrl).toBe('/elements/api-v2/instances/3/events/AAAAAAADAAAAAAAFCgsM')
		expect(entry(stored(), { ...context, publicUrl: 'https://bell.example.com' })).not.toHaveProperty('recordUrl')
	})

	test('links a record that was too large to keep in the hub, and does not call it erased §10.9', () => {
		const large = stored({ record: null, flags: { large: 'orders/12' } })
		for (const mode of [{}, { mode: 'thin' as const }]) {
			const made = entry(large, { ...context, ...mode, publicUrl: 'https://bell.example.com' })
			expect(made).toMatchObject({ tooLarge: true, recordUrl: 'https://bell.example.com/elements/api-v2/hubs/ecommerce/orders/12' })
			expect(made).not.toHaveProperty('erased')
		}
	})

	test('keeps an id that is text', () => {
		expect(entry(stored({ objectId: 'sku-7' }), context).objectId).toBe('sku-7')
	})
})

test('moments are whole seconds in UTC, rounded down', () => {
	expect(isoSeconds(0)).toBe('1970-01-01T00:00:00Z')
	expect(isoSeconds(1534778974827)).toBe('2018-08-20T15:29:34Z')
	expect(isoSeconds(-1)).toBe('1969-12-31T23:59:59Z')
})

/** Ids: their form, their way back, and what cannot be forged. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	computeEventTag,
	formatEventId,
	toNotificationId,
	parseEventId,
	parseNotificationId,
	verifyEventTag,
} from '../../../src/events/ids.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, index) => index)
const OTHER = Uint8Array.from({ length: 32 }, (_, index) => 255 - index)
const uint48 = fc.integer({ min: 0, max: 2 ** 48 - 1 })

describe('event ids', () => {
	test('are 20 characters that go in URLs, and give back what they were made of §11.1', () => {
		fc.assert(
			fc.property(uint48, uint48, fc.integer({ min: 0, max: 0xffffff }), (instanceId, sequence, tag) => {
				const id = formatEventId(instanceId, sequence, tag)
				expect(id).toMatch(/^[A-Za-z0-9_-]{20}$/)
				expect(parseEventId(id)).toEqual({ instanceId, sequence, tag })
			}),
		)
	})

	test('have this form for ever', () => {
		// Computed with Python's hmac: ids that receivers hold must go on to resolve.
		expect(formatEventId(1, 2, computeEventTag(KEY, '1', 2))).toBe('AAAAAAABAAAAAAAC1lgG')
	})

	test('have one spelling each', () => {
		fc.assert(
			fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{20}$/), (text) => {
				const { instanceId, sequence, tag } = parseEventId(text)!
				expect(formatEventId(instanceId, sequence, tag)).toBe(text)
			}),
		)
	})

	test.each([
		'',
		'AAAA',
		'AAAAAAABAAAAAAACAAA=',
		'AAAAAAABAAAAAAAC+/AA',
		' AAAAAABAAAAAAACAAAA',
		'AAAAAAABAAAAAAACAAAAA',
		'AAAAAAABAAAAAAACAAA\n',
	])('%j is none', (text) => {
		expect(parseEventId(text)).toBeNull()
	})

	test('refuse parts that do not fit', () => {
		expect(() => formatEventId(2 ** 48, 1, 1)).toThrow(RangeError)
		expect(() => formatEventId(1, -1, 1)).toThrow(RangeError)
		expect(() => formatEventId(1, 1, 2 ** 24)).toThrow(RangeError)
		expect(() => formatEventId(1, 1.5, 1)).toThrow(RangeError)
	})

	test('are vouched for by any key of the key ring and by nothing else', () => {
		const position = { instanceId: 7, sequence: 12, tag: computeEventTag(KEY, '7', 12) }
		expect(verifyEventTag([KEY], '7', position)).toBe(true)
		expect(verifyEventTag([OTHER, KEY], '7', position)).toBe(true)
		expect(verifyEventTag([OTHER], '7', position)).toBe(false)
		expect(verifyEventTag([], '7', position)).toBe(false)
		expect(verifyEventTag([KEY], '7', { ...position, sequence: 13 })).toBe(false)
		expect(verifyEventTag([KEY], '8', position)).toBe(false)
		expect(verifyEventTag([KEY], '7', { ...position, tag: position.tag ^ 1 })).toBe(false)
	})
})

describe('notification ids', () => {
	test('are safe integers that name their owner, as number and as digits §11.3', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 9_007_198 }),
				fc.integer({ min: 0, max: 999_999_999 }),
				(ownerId, counter) => {
					const id = toNotificationId(ownerId, counter)
					expect(Number.isSafeInteger(id)).toBe(true)
					expect(parseNotificationId(id)).toEqual({ ownerId, counter })
					expect(parseNotificationId(String(id))).toEqual({ ownerId, counter })
				},
			),
		)
	})

	test('refuse owners and counters that would run into others', () => {
		expect(() => toNotificationId(0, 1)).toThrow(RangeError)
		expect(() => toNotificationId(1, 1_000_000_000)).toThrow(RangeError)
		expect(() => toNotificationId(9_007_200, 0)).toThrow(RangeError)
	})

	test.each([
		'',
		'0',
		'-1',
		'1e12',
		'01000000001',
		'1000000001 ',
		'99999999999999999',
		'NaN',
		999_999_999,
		1.5,
		Number.NaN,
	])('%j is none', (id) => {
		expect(parseNotificationId(id)).toBeNull()
	})
})

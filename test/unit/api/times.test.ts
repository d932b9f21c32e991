/** Moments as callers write them: what is none is refused, never taken for another one. */
import { expect, test } from 'vitest'
import { parseTimeParameter, toIsoSeconds } from '../../../src/api/http/times.ts'

test.each([
	['2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z'],
	['2026-01-31T12:00:00', '2026-01-31T12:00:00Z'],
	['2026-01-31 12:00', '2026-01-31T12:00:00Z'],
	['2026-01-31T12:00:00.250+05:30', '2026-01-31T06:30:00Z'],
	['2024-02-29', '2024-02-29T00:00:00Z'],
	['1767225600', '2026-01-01T00:00:00Z'],
	['999999999', '2001-09-09T01:46:39Z'],
	['1767225600000', '2026-01-01T00:00:00Z'],
	['1970-01-01', '1970-01-01T00:00:00Z'],
	['9999-12-31T23:59:59Z', '9999-12-31T23:59:59Z'],
])('%s is %s', (text, expected) => {
	expect(toIsoSeconds(parseTimeParameter('from', text)!)).toBe(expected)
})

test('nothing is nothing', () => {
	expect([parseTimeParameter('from', undefined), parseTimeParameter('from', '')]).toEqual([null, null])
})

test.each([
	'soon',
	'2026-02-30T00:00:00',
	'2026-04-31',
	'2025-02-29',
	'2100-02-29',
	'2026-13-01',
	'2026-01-31 12:00 PST',
	'2026-01-31T12:00:00Z and more',
	'2026-01-31T25:00:00',
	'17672256',
	'17672256000',
	'176722560000',
	'1767225600000000',
	'999999999999999',
	'0050-01-01',
	'1969-12-31T23:59:59Z',
	'9999-12-31T23:59:59-01:00',
])('%s is refused', (text) => {
	expect(() => parseTimeParameter('from', text)).toThrow(
		'from: expected a time such as 2026-01-31T12:00:00Z, between 1970 and 9999',
	)
})

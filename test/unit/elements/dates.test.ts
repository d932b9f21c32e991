import { describe, expect, it } from 'vitest'
import {
	parseDateField,
	isKnownFormat,
	parseDateValue,
	getSiteZone,
	toDateFnsPattern,
	WOO_DATE_FORMAT,
	formatDateValue,
	normalizeZone,
} from '../../../src/elements/woocommerce/dates.ts'
import { parseIso } from '../../../src/elements/values.ts'
import { fillPlaceholders } from '../../../src/elements/woocommerce/placeholders.ts'
import type { DateRule } from '../../../src/elements/store.ts'

const at = (iso: string): number => Date.parse(iso)
const rule = (more: Partial<DateRule> = {}): DateRule => ({
	field: 'date_modified',
	format: WOO_DATE_FORMAT,
	zone: 'UTC',
	gmtSibling: true,
	...more,
})

describe('date patterns', () => {
	it('reads a pattern with a dangling quote as if the quote were not there', () => {
		expect(parseDateValue('2026-06-15T12:00:00', "yyyy-MM-dd'T'HH:mm:ss'", 'UTC')).toBe(at('2026-06-15T12:00:00Z'))
		expect(toDateFnsPattern("yyyy-MM-dd'T'HH:mm:ss'")).toBe(toDateFnsPattern(WOO_DATE_FORMAT))
	})

	it.each([
		['2026-06-15T12:00:00', 'America/Denver', '2026-06-15T18:00:00Z'],
		['2026-01-15T12:00:00', 'America/Denver', '2026-01-15T19:00:00Z'],
		['2026-06-15T12:00:00', 'Asia/Kolkata', '2026-06-15T06:30:00Z'],
		['2026-06-15T12:00:00', 'Australia/Lord_Howe', '2026-06-15T01:30:00Z'],
		['2026-01-15T12:00:00', 'Australia/Lord_Howe', '2026-01-15T01:00:00Z'],
		['2026-06-15T12:00:00', '+05:30', '2026-06-15T06:30:00Z'],
	])('reads %s in %s', (text, zone, expected) => {
		expect(parseDateValue(text, WOO_DATE_FORMAT, zone)).toBe(at(expected))
		expect(parseIso(text, zone)).toBe(at(expected))
	})

	it('moves a local time inside the spring gap an hour on', () => {
		expect(parseDateValue('2026-03-08T02:30:00', WOO_DATE_FORMAT, 'America/Denver')).toBe(at('2026-03-08T09:30:00Z'))
	})

	it.each([
		["yyyy-MM-dd'T'HH:mm:ssXXX", '2026-06-15T12:00:00-06:00', '2026-06-15T18:00:00Z'],
		["yyyy-MM-dd'T'HH:mm:ssZ", '2026-06-15T12:00:00+0530', '2026-06-15T06:30:00Z'],
		["yyyy-MM-dd'T'HH:mm:ss.SSS", '2026-06-15T12:00:00.250', '2026-06-15T12:00:00.250Z'],
		['dd/MM/yyyy hh:mm a', '15/06/2026 03:05 PM', '2026-06-15T15:05:00Z'],
		["MMM d, yyyy 'at' HH:mm", 'Jun 5, 2026 at 09:10', '2026-06-05T09:10:00Z'],
		['yyyyMMddHHmmss', '20260615120000', '2026-06-15T12:00:00Z'],
		['EEE, dd MMM yyyy HH:mm:ss', 'Mon, 15 Jun 2026 12:00:00', '2026-06-15T12:00:00Z'],
		["yyyy''MM''dd", "2026'06'15", '2026-06-15T00:00:00Z'],
	])('reads Java pattern %s §3.6', (format, text, expected) => {
		expect(parseDateValue(text, format, 'UTC')).toBe(at(expected))
	})

	it('reads the word milliseconds as a number or digits, and nothing else §3.6', () => {
		expect(parseDateValue(1781524799000, 'milliseconds', 'UTC')).toBe(1781524799000)
		expect(parseDateValue('1781524799000', 'milliseconds', 'UTC')).toBe(1781524799000)
		expect(parseDateValue('2026-06-15', 'milliseconds', 'UTC')).toBeNull()
	})

	it('reads an ISO date that says more than its pattern, and refuses what is no date', () => {
		expect(parseDateValue('2026-06-15T12:00:00Z', WOO_DATE_FORMAT, 'America/Denver')).toBe(at('2026-06-15T12:00:00Z'))
		for (const wrong of ['yesterday-ish', '', '2026-13-01T00:00:00', {}, null, true])
			expect(parseDateValue(wrong, WOO_DATE_FORMAT, 'UTC')).toBeNull()
	})

	it('knows which formats and zones exist', () => {
		expect(isKnownFormat('milliseconds')).toBe(true)
		expect(isKnownFormat('yyyy-MM-dd z')).toBe(false)
		expect(isKnownFormat('!!')).toBe(false)
		expect([normalizeZone('GMT-7'), normalizeZone('Etc/UTC'), normalizeZone('Mars/Olympus')]).toEqual([
			'-07:00',
			'UTC',
			null,
		])
	})

	it('3.4 knows a site that has an offset and no zone', () => {
		expect(getSiteZone({ timeZone: '', gmtOffset: 5.75 })).toBe('+05:45')
		expect(getSiteZone({ timeZone: 'America/Denver', gmtOffset: -7 })).toBe('America/Denver')
	})
})

describe('a record’s date', () => {
	const record = { date_modified: '2026-06-15T06:00:00', date_modified_gmt: '2026-06-15T12:00:00' }

	it('3.4 is read from the GMT sibling when the zone is UTC', () => {
		expect(parseDateField(record, rule())).toEqual({ seconds: at('2026-06-15T12:00:00Z') / 1000, unreadable: null })
	})

	it('is read from the named field in a configured zone', () => {
		expect(parseDateField(record, rule({ zone: 'America/Denver', gmtSibling: false })).seconds).toBe(
			at('2026-06-15T12:00:00Z') / 1000,
		)
		expect(parseDateField(record, rule({ zone: 'Asia/Kolkata', gmtSibling: false })).seconds).toBe(
			at('2026-06-15T00:30:00Z') / 1000,
		)
	})

	it('3.4 is unknown, not unreadable, when it is null or missing', () => {
		expect(parseDateField({ date_modified: null, date_modified_gmt: null }, rule())).toEqual({
			seconds: null,
			unreadable: null,
		})
		expect(parseDateField({}, rule())).toEqual({ seconds: null, unreadable: null })
	})

	it('is named when it cannot be read', () => {
		expect(parseDateField({ date_modified: 'soon' }, rule())).toEqual({ seconds: null, unreadable: 'date_modified' })
	})

	it('may lie deeper', () => {
		expect(parseDateField({ meta: { seen: '2026-06-15T12:00:00' } }, rule({ field: 'meta.seen' })).seconds).toBe(
			at('2026-06-15T12:00:00Z') / 1000,
		)
	})
})

describe('placeholders', () => {
	const ms = at('2026-06-15T12:00:00.250Z')
	const filled = (text: string): string => {
		const result = fillPlaceholders(text, ms)
		return result.ok ? result.text : result.message
	}

	it.each([
		['${epoch}', String(ms)],
		['${epoch:ms}', String(ms)],
		['${epoch:s}', String(Math.floor(ms / 1000))],
		['${epoch:us}', `${ms}000`],
		["a ${gmtDate:yyyy-MM-dd'T'HH:mm:ss} b", 'a 2026-06-15T12:00:00Z b'],
		["${date:yyyy-MM-dd'T'HH:mm:ss'}", '2026-06-15T12:00:00Z'],
		["${dateTimeZone:America/Denver:yyyy-MM-dd'T'HH:mm:ss}", '2026-06-15T06:00:00-06:00'],
		['${dateTimeZone:GMT+05:30:HH:mm}', '17:30'],
		['${gmtDate:yyyy-MM-dd}', '2026-06-15'],
		["${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}", '2026-06-15T12:00:00Z'],
		['${gmtDate:milliseconds}', String(ms)],
	])('fills %s §3.9', (text, expected) => {
		expect(filled(text)).toBe(expected)
	})

	it.each(['${epoch:d}', '${now}', '${dateTimeZone:Mars/X:yyyy}', '${gmtDate:}'])(
		'names %s, which it does not understand',
		(text) => {
			expect(filled(text)).toContain(text)
			expect(fillPlaceholders(text, ms).ok).toBe(false)
		},
	)

	it('writes what it reads', () => {
		expect(formatDateValue(ms, "yyyy-MM-dd'T'HH:mm:ss.SSS", 'Asia/Kolkata')).toBe('2026-06-15T17:30:00.250')
	})
})

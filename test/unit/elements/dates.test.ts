import { describe, expect, it } from 'vitest'
import {
	parseDateField,
	isKnownFormat,
	parseDateValue as parseDateValueAt,
	WOO_DATE_FORMAT,
	formatDateValue,
	getStepSec,
} from '../../../src/elements/woocommerce/dates.ts'
import { getSiteZone, normalizeZone } from '../../../src/elements/woocommerce/zones.ts'
import { findPatternProblem } from '../../../src/elements/woocommerce/date-patterns.ts'
import { parseIso } from '../../../src/elements/values.ts'
import { fillPlaceholders, findPlaceholderProblem } from '../../../src/elements/woocommerce/placeholders.ts'
import type { DateRule } from '../../../src/elements/store.ts'

const at = (iso: string): number => Date.parse(iso)
const NOW = at('2026-12-01T10:00:00Z')
const parseDateValue = (value: unknown, format: string, zone: string): number | null =>
	parseDateValueAt(value, format, zone, NOW)
const rule = (more: Partial<DateRule> = {}): DateRule => ({
	field: 'date_modified',
	format: WOO_DATE_FORMAT,
	zone: 'UTC',
	gmtSibling: true,
	stepSec: 1,
	nowMs: NOW,
	...more,
})

describe('date patterns', () => {
	it('reads a pattern with a dangling quote as if the quote were not there', () => {
		expect(parseDateValue('2026-06-15T12:00:00', "yyyy-MM-dd'T'HH:mm:ss'", 'UTC')).toBe(at('2026-06-15T12:00:00Z'))
		expect(findPatternProblem("yyyy-MM-dd'T'HH:mm:ss'", 'read')).toBeNull()
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

	// As Java 17 reads them, with the present at NOW.
	it.each([
		['dd/MM/yy', '15/06/26', '2026-06-15T00:00:00Z'],
		['dd/MM/yy', '15/06/2026', '2026-06-15T00:00:00Z'],
		['dd/MM/yy', '15/06/126', '0126-06-15T00:00:00Z'],
		['dd/MM/yy', '15/06/45', '2045-06-15T00:00:00Z'],
		['dd/MM/yy', '15/06/46', '2046-06-15T00:00:00Z'],
		['dd/MM/yy', '15/12/46', '1946-12-15T00:00:00Z'],
		['dd/MM/yy', '15/06/47', '1947-06-15T00:00:00Z'],
		['dd/MM/yy', '29/02/00', '2000-02-29T00:00:00Z'],
		['d/M/y', '15/6/26', '2026-06-15T00:00:00Z'],
		['d/M/y', '15/6/2026', '2026-06-15T00:00:00Z'],
		['yyMMdd', '260615', '2026-06-15T00:00:00Z'],
		['yyMMddHHmmss', '260615120000', '2026-06-15T12:00:00Z'],
		['yyyy-DDD', '2026-166', '2026-06-15T00:00:00Z'],
		['hh:mm a, dd MMMM yyyy', '12:05 am, 5 june 2026', '2026-06-05T00:05:00Z'],
	])('%s reads %s as %s §3.6', (format, text, expected) => {
		expect(parseDateValue(text, format, 'UTC')).toBe(at(expected))
	})

	it.each([
		['dd/MM/yy', '15/06/5'],
		['dd/MM/yyyy', '15/06/26'],
		['dd/MM/yyyy', '31/02/2026'],
		['dd/MM/yyyy HH:mm', '15/06/2026 24:00'],
		['dd MMM yyyy', '15 Foo 2026'],
		['dd MMM yyyy HH:mm z', '15 Jun 2026 12:00 IST'],
		['dd MMM yyyy HH:mm z', '15 Jun 2026 12:00 QQT'],
	])('%s does not read %s §3.6', (format, text) => {
		expect(parseDateValue(text, format, 'UTC')).toBeNull()
	})

	it.each([
		['GMT', '12:00:00'],
		['UTC', '12:00:00'],
		['UT', '12:00:00'],
		['Z', '12:00:00'],
		['EST', '17:00:00'],
		['pdt', '19:00:00'],
		['CET', '11:00:00'],
		['BST', '11:00:00'],
		['GMT-08:00', '20:00:00'],
		['UTC+5', '07:00:00'],
		['+0530', '06:30:00'],
		['-07', '19:00:00'],
		['Pacific Standard Time', '20:00:00'],
		['Central European Summer Time', '10:00:00'],
		['Coordinated Universal Time', '12:00:00'],
		['America/Denver', '18:00:00'],
	])('reads the zone %s for z, zzz, Z and X, whatever the configured zone is §3.6', (name, expected) => {
		for (const letters of ['z', 'zzz', 'zzzz', 'Z', 'X', 'XXX']) {
			const format = `EEE, dd MMM yyyy HH:mm:ss ${letters}`
			expect(parseDateValue(`Mon, 15 Jun 2026 12:00:00 ${name}`, format, 'Asia/Tokyo')).toBe(
				at(`2026-06-15T${expected}Z`),
			)
		}
	})

	it('asks the configured zone which of several zones a short name means', () => {
		const read = (zone: string): number | null => parseDateValue('15 Jun 2026 12:00 IST', 'dd MMM yyyy HH:mm z', zone)
		expect([read('Asia/Kolkata'), read('Europe/Dublin'), read('UTC')]).toEqual([
			at('2026-06-15T06:30:00Z'),
			at('2026-06-15T11:00:00Z'),
			null,
		])
	})

	it.each([
		['dd/MM/YYYY', 'YYYY is the week year', 'dd/MM/yyyy'],
		['YYYY-MM-DD', 'YYYY is the week year, DD is the day of the year', 'yyyy-MM-dd'],
		['yyyy-mm-dd', 'mm is the minute', 'yyyy-MM-dd'],
		['dd/mm/yyyy hh:mm', 'mm is the minute, hh is an hour of half a day and needs a', 'dd/MM/yyyy HH:mm'],
		['yyyy-MM-dd HH:MM:ss', 'MM is the month', 'yyyy-MM-dd HH:mm:ss'],
		['yyyy-MM-dd HH:mm a', 'HH is an hour of a whole day and takes no a', 'yyyy-MM-dd hh:mm a'],
		['yyyy-MM-dd HH:mm:SS', 'SS is the millisecond', 'yyyy-MM-dd HH:mm:ss'],
		['yyyy-MM-dd HH:mm:ss.sss', 'sss is the second', 'yyyy-MM-dd HH:mm:ss.SSS'],
		['yyyy-MM-ddTHH:mm:ss', 'T is text and stands in quotes', "yyyy-MM-dd'T'HH:mm:ss"],
		['uuuu-MM-dd', 'uuuu is the number of the weekday', 'yyyy-MM-dd'],
		['ddd, DD MMM YYYY', 'ddd is the day of the month', 'EEE, dd MMM yyyy'],
		['dd.MM.yyyy hh:mm A', 'A is none of the letters', 'dd.MM.yyyy hh:mm a'],
		['Y-m-d H:i:s', 'these are letters of PHP', 'yyyy-MM-dd HH:mm:ss'],
		['d/m/Y', 'these are letters of PHP', 'dd/MM/yyyy'],
		['F j, Y g:i a', 'these are letters of PHP', 'MMMM d, yyyy h:mm a'],
	])('%s is refused with what was meant §3.6', (format, reason, expected) => {
		const problem = findPatternProblem(format, 'read')
		expect(problem).toMatch(new RegExp(`^${format.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}: `))
		expect(problem).toContain(reason)
		expect(problem).toMatch(new RegExp(`; expected ${expected}$`))
		expect(findPatternProblem(expected, 'read')).toBeNull()
	})

	it.each([
		'MM/yyyy',
		'dd/MM',
		'HH:mm:ss',
		'yyyy-MM-dd mm:ss',
		'yyyy',
		"YYYY-'W'ww-u",
		'yyyy-MM-dd W',
		'yyyy-MM-dd FF',
		'%Y-%m-%d',
		'yyyy-MM-dd[ HH:mm]',
		'qqq',
		'!!',
		'dd/dd/yyyy',
		'yyyy-MM-dd at HH:mm',
	])('%s is refused with an example §3.6', (format) => {
		expect(findPatternProblem(format, 'read')).toMatch(/; expected a pattern such as yyyy-MM-dd'T'HH:mm:ss/)
	})

	it.each([
		WOO_DATE_FORMAT,
		'dd/MM/yy',
		'yyyyMMddHHmmss',
		"yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
		'EEE, dd MMM yyyy HH:mm:ss z',
		'hh:mm a dd-MM-yyyy',
		'yyyy-DDD',
		"MMM d, yyyy 'at' HH:mm",
		'HH:mm dd/MM/yyyy',
		'EEE MMM dd HH:mm:ss zzz yyyy',
	])('%s is taken, and reads what it writes §3.6', (format) => {
		expect(findPatternProblem(format, 'read')).toBeNull()
		const ms = at('2026-06-15T00:00:00Z')
		expect(parseDateValue(formatDateValue(ms, format, 'UTC'), format, 'UTC')).toBe(ms)
	})

	it('knows what a format tells apart', () => {
		expect(['milliseconds', WOO_DATE_FORMAT, 'dd/MM/yy HH:mm', 'dd/MM/yy HH', 'dd/MM/yy'].map(getStepSec)).toEqual([
			1, 1, 60, 3_600, 86_400,
		])
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
		expect(isKnownFormat('yyyy-MM-dd z')).toBe(true)
		expect(isKnownFormat('yyyy-MM-dd F')).toBe(false)
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

	it('is read from the GMT sibling in the configured form too, and an unreadable sibling is no reason for local time', () => {
		const dated = { date_modified: '15/06/26 06:00', date_modified_gmt: '15/06/26 12:00' }
		expect(parseDateField(dated, rule({ format: 'dd/MM/yy HH:mm' })).seconds).toBe(at('2026-06-15T12:00:00Z') / 1000)
		expect(parseDateField({ ...record, date_modified_gmt: 'soon' }, rule())).toEqual({
			seconds: null,
			unreadable: 'date_modified_gmt "soon"',
		})
	})

	it('is unknown where WordPress has a zero date', () => {
		expect(parseDateField({ date_modified: '0000-00-00T00:00:00' }, rule())).toEqual({
			seconds: null,
			unreadable: null,
		})
	})

	it('is named when it cannot be read', () => {
		expect(parseDateField({ date_modified: 'soon' }, rule())).toEqual({
			seconds: null,
			unreadable: 'date_modified "soon"',
		})
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

	it.each([
		['${gmtDate:YYYY-MM-dd}', 'expected yyyy-MM-dd'],
		["${dateTimeZone:America/Denver:yyyy-mm-dd'T'HH:mm:ss}", "expected yyyy-MM-dd'T'HH:mm:ss"],
		['x ${date:Y-m-d} y', 'expected yyyy-MM-dd'],
	])('%s is refused with what was meant §3.9', (text, expected) => {
		expect(findPlaceholderProblem(text)).toContain(expected)
	})

	it('any part of a date can be written', () => {
		for (const text of ['${gmtDate:HH:mm}', '${date:yyyy}', '${epoch:s}', '${gmtDate:milliseconds}', 'plain'])
			expect(findPlaceholderProblem(text)).toBeNull()
		expect(filled('${gmtDate:EEE, dd MMM yyyy HH:mm:ss z}')).toBe('Mon, 15 Jun 2026 12:00:00 UTC')
		expect(filled('${dateTimeZone:America/Denver:HH:mm z}')).toBe('06:00 MDT')
	})

	it('writes what it reads', () => {
		expect(formatDateValue(ms, "yyyy-MM-dd'T'HH:mm:ss.SSS", 'Asia/Kolkata')).toBe('2026-06-15T17:30:00.250')
	})
})

/**
 * Dates in a record and in a `where`: Java `SimpleDateFormat` patterns as the contract has them (cloud-elements contract,
 * section 3), read and written with date-fns, always in a named zone.
 */
import { TZDate } from '@date-fns/tz'
// By path: the package's index is hundreds of modules, which every test file would load.
import { format as formatDate } from 'date-fns/format'
import { isValid } from 'date-fns/isValid'
import { parse as parseDate } from 'date-fns/parse'
import { EARLIEST_MS, LATEST_MS, readIso, valueAt } from '../values.ts'
import type { Connection, DateRule, VendorRecord } from '../store.ts'

/** The pattern of WooCommerce's own dates: no zone, whole seconds. */
export const WOO_DATE_FORMAT = "yyyy-MM-dd'T'HH:mm:ss"

/** A Java letter's date-fns counterpart by how often it stands there; letters that are not listed mean the same in both. */
const LETTERS: Record<string, (count: number) => string | null> = {
	G: (count) => 'G'.repeat(count),
	y: (count) => 'y'.repeat(count),
	Y: (count) => 'Y'.repeat(count),
	M: (count) => 'M'.repeat(count),
	L: (count) => 'L'.repeat(count),
	w: (count) => 'w'.repeat(Math.min(count, 2)),
	D: (count) => 'D'.repeat(count),
	d: (count) => 'd'.repeat(Math.min(count, 2)),
	E: (count) => 'E'.repeat(Math.max(count, 1)),
	u: () => 'i',
	a: () => 'a',
	H: (count) => 'H'.repeat(Math.min(count, 2)),
	k: (count) => 'k'.repeat(Math.min(count, 2)),
	K: (count) => 'K'.repeat(Math.min(count, 2)),
	h: (count) => 'h'.repeat(Math.min(count, 2)),
	m: (count) => 'm'.repeat(Math.min(count, 2)),
	s: (count) => 's'.repeat(Math.min(count, 2)),
	// Milliseconds in Java, a fraction in date-fns: the same for three digits, which is what is in use.
	S: (count) => 'S'.repeat(Math.max(count, 3)),
	z: () => null,
	Z: () => 'xx',
	X: (count) => (count === 1 ? 'X' : count === 2 ? 'XX' : 'XXX'),
}

/** Patterns already translated; a configuration has a handful. */
const translated = new Map<string, string | null>()

/**
 * A Java pattern in date-fns' letters, null when it has a letter without a counterpart (`z`, `F`, `W`). A quote that is never
 * closed is left out: the seed's `yyyy-MM-dd'T'HH:mm:ss'` is read as if the last quote were not there (contract, section 2).
 */
export function translatePattern(java: string): string | null {
	const known = translated.get(java)
	if (known !== undefined) return known
	const result = translate(java)
	if (translated.size < 200) translated.set(java, result)
	return result
}

function translate(java: string): string | null {
	let out = ''
	for (let at = 0; at < java.length;) {
		const character = java.charAt(at)
		if (character === "'") {
			const end = java.indexOf("'", at + 1)
			if (end < 0) {
				at++
				continue
			}
			out += end === at + 1 ? "''" : `'${java.slice(at + 1, end)}'`
			at = end + 1
		} else if (/[A-Za-z]/.test(character)) {
			let end = at + 1
			while (java.charAt(end) === character) end++
			const letters = LETTERS[character]?.(end - at) ?? null
			if (letters === null) return null
			out += letters
			at = end
		} else {
			out += character
			at++
		}
	}
	return out
}

/** Whether a format can be read: the word `milliseconds`, or a pattern that has a year, a month or a day in known letters. */
export function knownFormat(format: string): boolean {
	if (format === 'milliseconds') return true
	const pattern = translatePattern(format)
	return pattern !== null && /[yMdHDYL]/.test(pattern.replace(/'[^']*'/g, ''))
}

/** A zone's name as the runtime wants it, null when it is unknown: IANA names, `UTC`, `GMT`, `Z`, and offsets such as `GMT-7` or `+05:30`. */
export function zoneName(zone: string): string | null {
	const text = zone.trim()
	if (/^(utc|gmt|z|etc\/utc|etc\/gmt)$/i.test(text)) return 'UTC'
	const offset = /^(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(text)
	if (offset !== null) {
		const hours = Number(offset[2])
		const minutes = Number(offset[3] ?? 0)
		return hours > 14 || minutes > 59 ? null : `${offset[1]}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
	}
	const known = namedZones.get(text)
	if (known !== undefined) return known
	const name = runtimeZone(text)
	if (namedZones.size < MOST_ZONES) namedZones.set(text, name)
	return name
}

/** Asking the runtime for a zone is dear and every record asks: answers are kept, for a bounded number of names. */
const namedZones = new Map<string, string | null>()
const MOST_ZONES = 1_000

function runtimeZone(text: string): string | null {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
	} catch {
		return null
	}
}

/** The zone of a site: its IANA name, or its offset where it has only that (WooCommerce facts, 1.1). */
export function siteZone(connection: Pick<Connection, 'timeZone' | 'gmtOffset'>): string {
	const named = connection.timeZone === '' ? null : zoneName(connection.timeZone)
	if (named !== null) return named
	const minutes = Math.round(Math.abs(connection.gmtOffset) * 60)
	return `${connection.gmtOffset < 0 ? '-' : '+'}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

/**
 * A date's moment in epoch ms; null when it cannot be read. The value's own offset wins over `zone` where the pattern has one. What
 * the pattern does not fit is still read when it is ISO 8601, which says by itself what it means.
 */
export function readDate(value: unknown, format: string, zone: string): number | null {
	if (format === 'milliseconds') {
		const ms = typeof value === 'number' ? value : typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : Number.NaN
		return Number.isSafeInteger(ms) ? ms : null
	}
	if (typeof value !== 'string' && typeof value !== 'number') return null
	const text = String(value).trim()
	const pattern = translatePattern(format)
	if (pattern !== null) {
		try {
			const date = parseDate(text, pattern, new TZDate(0, zone), { useAdditionalDayOfYearTokens: true, useAdditionalWeekYearTokens: true })
			if (isValid(date)) return date.getTime()
		} catch {
			// date-fns throws for patterns that contradict themselves; the ISO reading below remains.
		}
	}
	return readIso(text, zone)
}

/** A moment (epoch ms) in a Java pattern and a zone; `milliseconds` gives the number. Null when the pattern cannot be written. */
export function writeDate(ms: number, format: string, zone: string): string | null {
	if (format === 'milliseconds') return String(ms)
	const pattern = translatePattern(format)
	if (pattern === null) return null
	try {
		return formatDate(new TZDate(ms, zone), pattern, { useAdditionalDayOfYearTokens: true, useAdditionalWeekYearTokens: true })
	} catch {
		return null
	}
}

/**
 * A moment as WooCommerce's filters want it beside `dates_are_gmt=true`: UTC, whole seconds, no suffix (WooCommerce facts, 3.2). A bound that was loosened out of
 * the years 100 to 9999 is their end: a year has four digits there.
 */
export function gmtText(seconds: number): string {
	const ms = Math.min(LATEST_MS, Math.max(EARLIEST_MS, seconds * 1000))
	return new Date(ms).toISOString().slice(0, 19)
}

/** What a record says at a date rule: the moment in whole seconds, null when it says nothing, and the field when what it says is unreadable. */
export function dateOf(record: VendorRecord, rule: DateRule | null): { seconds: number | null; unreadable: string | null } {
	if (rule === null) return { seconds: null, unreadable: null }
	if (rule.gmtSibling) {
		const sibling = valueAt(record, `${rule.field}_gmt`)
		if (typeof sibling === 'string' && sibling !== '') {
			const ms = readIso(sibling, 'UTC')
			if (ms !== null) return { seconds: Math.floor(ms / 1000), unreadable: null }
		}
		// WordPress writes a null or zero date where nothing was ever saved; the local field is no better then.
		if (sibling === null) return { seconds: null, unreadable: null }
	}
	const value = valueAt(record, rule.field)
	if (value === undefined || value === null || value === '') return { seconds: null, unreadable: null }
	const ms = readDate(value, rule.format, rule.zone)
	return ms === null ? { seconds: null, unreadable: rule.field } : { seconds: Math.floor(ms / 1000), unreadable: null }
}

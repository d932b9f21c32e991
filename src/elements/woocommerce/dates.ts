/**
 * Dates in a record and in a `where`: Java `SimpleDateFormat` patterns as the contract has them (docs/contract.md §3),
 * read and written with date-fns, always in a named zone.
 */
import { TZDate } from '@date-fns/tz'
// By path: the package's index is hundreds of modules, which every test file would load.
import { format as formatDate } from 'date-fns/format'
import { isValid } from 'date-fns/isValid'
import { parse as parseDate } from 'date-fns/parse'
import { MIN_TIMESTAMP_MS, MAX_TIMESTAMP_MS, parseIso, getValueAt } from '../values.ts'
import type { Connection, DateRule, VendorRecord } from '../store.ts'

/** The pattern of WooCommerce's own dates: no zone, whole seconds. */
export const WOO_DATE_FORMAT = "yyyy-MM-dd'T'HH:mm:ss"

/**
 * A Java letter's date-fns counterpart by its number of repetitions; letters that are not listed mean the same in both.
 */
const DATE_FNS_LETTERS: Record<string, (count: number) => string | null> = {
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
const patternCache = new Map<string, string | null>()

/**
 * A Java pattern in date-fns' letters, null when it has a letter without a counterpart (`z`, `F`, `W`). A quote that is
 * never closed is left out: the seed's `yyyy-MM-dd'T'HH:mm:ss'` is read as if the last quote were not there
 * (docs/contract.md §2).
 */
export function toDateFnsPattern(java: string): string | null {
	const known = patternCache.get(java)
	if (known !== undefined) return known
	const result = translateJavaPattern(java)
	if (patternCache.size < 200) patternCache.set(java, result)
	return result
}

function translateJavaPattern(java: string): string | null {
	let output = ''
	for (let index = 0; index < java.length;) {
		const character = java.charAt(index)
		if (character === "'") {
			const end = java.indexOf("'", index + 1)
			if (end < 0) {
				index++
				continue
			}
			output += end === index + 1 ? "''" : `'${java.slice(index + 1, end)}'`
			index = end + 1
		} else if (/[A-Za-z]/.test(character)) {
			let end = index + 1
			while (java.charAt(end) === character) end++
			const letters = DATE_FNS_LETTERS[character]?.(end - index) ?? null
			if (letters === null) return null
			output += letters
			index = end
		} else {
			output += character
			index++
		}
	}
	return output
}

/**
 * Whether a format can be read: the word `milliseconds`, or a pattern that has a year, a month or a day in known
 * letters.
 */
export function isKnownFormat(format: string): boolean {
	if (format === 'milliseconds') return true
	const pattern = toDateFnsPattern(format)
	return pattern !== null && /[yMdHDYL]/.test(pattern.replace(/'[^']*'/g, ''))
}

/**
 * A zone's name as the runtime wants it, null when it is unknown: IANA names, `UTC`, `GMT`, `Z`, and offsets such as
 * `GMT-7` or `+05:30`.
 */
export function normalizeZone(zone: string): string | null {
	const text = zone.trim()
	if (/^(utc|gmt|z|etc\/utc|etc\/gmt)$/i.test(text)) return 'UTC'
	const offset = /^(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(text)
	if (offset !== null) {
		const hours = Number(offset[2])
		const minutes = Number(offset[3] ?? 0)
		return hours > 14 || minutes > 59
			? null
			: `${offset[1]}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
	}
	const known = zoneCache.get(text)
	if (known !== undefined) return known
	const name = resolveZone(text)
	if (zoneCache.size < MAX_CACHED_ZONES) zoneCache.set(text, name)
	return name
}

/** Looking up a zone is slow and every record needs one, so results are cached for a bounded number of names. */
const zoneCache = new Map<string, string | null>()
const MAX_CACHED_ZONES = 1_000

function resolveZone(text: string): string | null {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
	} catch {
		return null
	}
}

/** The zone of a site: its IANA name, or its offset where it has only that (docs/woocommerce.md 1.1). */
export function getSiteZone(connection: Pick<Connection, 'timeZone' | 'gmtOffset'>): string {
	const named = connection.timeZone === '' ? null : normalizeZone(connection.timeZone)
	if (named !== null) return named
	const minutes = Math.round(Math.abs(connection.gmtOffset) * 60)
	const toTwoDigits = (value: number): string => String(value).padStart(2, '0')
	return `${connection.gmtOffset < 0 ? '-' : '+'}${toTwoDigits(Math.floor(minutes / 60))}:${toTwoDigits(minutes % 60)}`
}

/**
 * A date's moment in epoch ms; null when it cannot be read. The value's own offset wins over `zone` where the pattern
 * has one. A text that does not fit the pattern is still read when it is ISO 8601, which is unambiguous.
 */
export function parseDateValue(value: unknown, format: string, zone: string): number | null {
	if (format === 'milliseconds') {
		const ms =
			typeof value === 'number'
				? value
				: typeof value === 'string' && /^\s*-?\d+\s*$/.test(value)
					? Number(value)
					: Number.NaN
		return Number.isSafeInteger(ms) ? ms : null
	}
	if (typeof value !== 'string' && typeof value !== 'number') return null
	const text = String(value).trim()
	const pattern = toDateFnsPattern(format)
	if (pattern !== null) {
		try {
			const date = parseDate(text, pattern, new TZDate(0, zone), {
				useAdditionalDayOfYearTokens: true,
				useAdditionalWeekYearTokens: true,
			})
			if (isValid(date)) return date.getTime()
		} catch {
			// date-fns throws for patterns that contradict themselves; the ISO reading below remains.
		}
	}
	return parseIso(text, zone)
}

/**
 * A moment (epoch ms) in a Java pattern and a zone; `milliseconds` gives the number. Null when the pattern cannot be
 * written.
 */
export function formatDateValue(ms: number, format: string, zone: string): string | null {
	if (format === 'milliseconds') return String(ms)
	const pattern = toDateFnsPattern(format)
	if (pattern === null) return null
	try {
		return formatDate(new TZDate(ms, zone), pattern, {
			useAdditionalDayOfYearTokens: true,
			useAdditionalWeekYearTokens: true,
		})
	} catch {
		return null
	}
}

/**
 * A moment as WooCommerce's filters want it beside `dates_are_gmt=true`: UTC, whole seconds, no suffix
 * (docs/woocommerce.md 3.2). A bound that was loosened out of the years 100 to 9999 is their end: a year has four
 * digits there.
 */
export function formatGmt(seconds: number): string {
	const ms = Math.min(MAX_TIMESTAMP_MS, Math.max(MIN_TIMESTAMP_MS, seconds * 1000))
	return new Date(ms).toISOString().slice(0, 19)
}

/**
 * Reads a record's date by a rule: the moment in whole seconds, null when the field is absent, and the field's name
 * when its value is unreadable.
 */
export function parseDateField(
	record: VendorRecord,
	rule: DateRule | null,
): { seconds: number | null; unreadable: string | null } {
	if (rule === null) return { seconds: null, unreadable: null }
	if (rule.gmtSibling) {
		const sibling = getValueAt(record, `${rule.field}_gmt`)
		if (typeof sibling === 'string' && sibling !== '') {
			const ms = parseIso(sibling, 'UTC')
			if (ms !== null) return { seconds: Math.floor(ms / 1000), unreadable: null }
		}
		// WordPress writes a null or zero date where nothing was ever saved; the local field is no better then.
		if (sibling === null) return { seconds: null, unreadable: null }
	}
	const value = getValueAt(record, rule.field)
	if (value === undefined || value === null || value === '') return { seconds: null, unreadable: null }
	const ms = parseDateValue(value, rule.format, rule.zone)
	return ms === null ? { seconds: null, unreadable: rule.field } : { seconds: Math.floor(ms / 1000), unreadable: null }
}

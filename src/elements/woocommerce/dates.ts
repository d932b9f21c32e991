/**
 * Dates in a record and in a `where`: Java `SimpleDateFormat` patterns as the contract has them (docs/contract.md §3),
 * always in a named zone. date-fns writes them; its letters do not read what Java's do.
 */
import { ExactNumber } from '../json.ts'
import { TZDate } from '@date-fns/tz'
// By path: the package's index is hundreds of modules, which every test file would load.
import { format as formatDate } from 'date-fns/format'
import { MIN_TIMESTAMP_MS, MAX_TIMESTAMP_MS, parseIso, getValueAt } from '../values.ts'
import type { DateRule, VendorRecord } from '../store.ts'
import { parsePattern } from './date-patterns.ts'
import { readDate } from './pattern-reading.ts'

/** The pattern of WooCommerce's own dates: no zone, whole seconds. */
export const WOO_DATE_FORMAT = "yyyy-MM-dd'T'HH:mm:ss"

/**
 * A Java letter's date-fns counterpart by its number of repetitions; letters that are not listed mean the same in both.
 */
const DATE_FNS_LETTERS: Record<string, (count: number) => string | null> = {
	G: (count) => 'G'.repeat(count),
	y: (count) => 'y'.repeat(count),
	Y: (count) => 'Y'.repeat(count),
	M: (count) => 'M'.repeat(Math.min(count, 4)),
	L: (count) => 'L'.repeat(Math.min(count, 4)),
	w: (count) => 'w'.repeat(Math.min(count, 2)),
	D: (count) => 'D'.repeat(count),
	d: (count) => 'd'.repeat(Math.min(count, 2)),
	E: (count) => 'E'.repeat(Math.min(count, 4)),
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
	Z: () => 'xx',
	X: (count) => (count === 1 ? 'X' : count === 2 ? 'XX' : 'XXX'),
}

/** A Java pattern in date-fns' letters, null when it has a letter without a counterpart (`F`, `W`). */
function toDateFnsPattern(java: string, zoneName: string): string | null {
	const quote = (text: string): string => (text === "'" ? "''" : `'${text}'`)
	const letters = parsePattern(java).map((part) => {
		if ('text' in part) return part.source.startsWith("'") ? quote(part.text) : part.text
		return part.letter === 'z' ? quote(zoneName) : (DATE_FNS_LETTERS[part.letter]?.(part.count) ?? null)
	})
	return letters.includes(null) ? null : letters.join('')
}

/**
 * Whether a format can be read: the word `milliseconds`, or a pattern that has a year, a month or a day in known
 * letters.
 */
export function isKnownFormat(format: string): boolean {
	if (format === 'milliseconds') return true
	const isKnown = toDateFnsPattern(format, 'UTC') !== null
	return isKnown && parsePattern(format).some((part) => 'letter' in part && /[yMdHDYL]/.test(part.letter))
}

/**
 * A date's moment in epoch ms; null when it cannot be read. The value's own offset wins over `zone` where the pattern
 * has one. A text that does not fit the pattern is still read when it is ISO 8601, which is unambiguous. `nowMs`:
 * years of two digits lie within 80 years before it and 20 after it.
 */
export function parseDateValue(value: unknown, format: string, zone: string, nowMs: number): number | null {
	if (value instanceof ExactNumber) return parseDateValue(Number(value), format, zone, nowMs)
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
	const text = String(value)
	return readDate(text, format, zone, nowMs) ?? parseIso(text, zone)
}

/**
 * A moment (epoch ms) in a Java pattern and a zone; `milliseconds` gives the number. Null when the pattern cannot be
 * written.
 */
export function formatDateValue(ms: number, format: string, zone: string): string | null {
	if (format === 'milliseconds') return String(ms)
	const pattern = toDateFnsPattern(format, getZoneName(ms, zone))
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

/** The short name of a zone at a moment, as `z` writes it. */
function getZoneName(ms: number, zone: string): string {
	if (zone === 'UTC') return zone
	const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'short' }).formatToParts(ms)
	return parts.find(({ type }) => type === 'timeZoneName')?.value ?? zone
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

/** Characters of an unreadable date that are kept. */
const MAX_DATE_EXAMPLE = 60

/** A date of a record. */
export interface ParsedDate {
	/** The moment in whole seconds; null: the field is absent or empty, or unreadable. */
	seconds: number | null
	/** The field and its value if it is unreadable, as in `date_modified "soon"`. */
	unreadable: string | null
}

/** Reads a record's date by a rule. */
export function parseDateField(record: VendorRecord, rule: DateRule | null): ParsedDate {
	if (rule === null) return NO_DATE
	if (rule.gmtSibling) {
		const field = `${rule.field}_gmt`
		const sibling = getValueAt(record, field)
		if (sibling === null) return NO_DATE
		if ((typeof sibling === 'string' && sibling !== '') || typeof sibling === 'number')
			return parseDate(field, sibling, { ...rule, zone: 'UTC' })
	}
	return parseDate(rule.field, getValueAt(record, rule.field), rule)
}

const NO_DATE: ParsedDate = { seconds: null, unreadable: null }

function parseDate(field: string, value: unknown, { format, zone, nowMs }: DateRule): ParsedDate {
	// WordPress writes a null or zero date where nothing was ever saved; the local field is no better then.
	if (value === undefined || value === null || value === '') return NO_DATE
	if (typeof value === 'string' && value.startsWith('0000-00-00')) return NO_DATE
	const ms = parseDateValue(value, format, zone, nowMs)
	if (ms !== null) return { seconds: Math.floor(ms / 1000), unreadable: null }
	const example = (JSON.stringify(value) ?? '').slice(0, MAX_DATE_EXAMPLE)
	return { seconds: null, unreadable: `${field} ${example}` }
}

/** Seconds between two dates that a format tells apart. */
export function getStepSec(format: string): number {
	const has = (letters: string): boolean =>
		parsePattern(format).some((part) => 'letter' in part && letters.includes(part.letter))
	if (format === 'milliseconds' || has('s')) return 1
	return has('m') ? 60 : has('HkKh') ? 3_600 : 86_400
}

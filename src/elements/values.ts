/** Values at paths in vendor records, and times in ISO 8601. */
import { TZDate } from '@date-fns/tz'
import { compareNumbers, ExactNumber, toIntegerDigits } from './json.ts'
import type { ObjectId, VendorRecord } from './store.ts'

/** Whether something is a JSON object. */
export function isRecord(value: unknown): value is VendorRecord {
	return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
}

/**
 * The value at a dotted path (`a.b`, `$.a.b`); undefined if there is none. A field whose own name contains dots takes
 * precedence.
 */
export function getValueAt(record: VendorRecord, path: string): unknown {
	const name = path.replace(/^\$\.?/, '')
	if (Object.hasOwn(record, name)) return record[name]
	let value: unknown = record
	for (const part of name.split('.')) {
		if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
		value = (value as Record<string, unknown>)[part]
	}
	return value
}

/** The start of the year 100, epoch ms: JavaScript reads an earlier year as one of the twentieth century. */
export const MIN_TIMESTAMP_MS = -59_011_459_200_000
/** The end of the year 9999, epoch ms: later years do not have four digits. */
export const MAX_TIMESTAMP_MS = 253_402_300_799_999

/**
 * A time as callers write it, in epoch ms: ISO 8601 as `parseIso` reads it, or an epoch time in digits: seconds with 9
 * or 10 digits, milliseconds with 13 to 15. Null for anything else, and outside of the years 100 to 9999.
 */
export function parseTime(text: string, zone: string): number | null {
	const ms = /^\d{13,15}$/.test(text)
		? Number(text)
		: /^\d{9,10}$/.test(text)
			? Number(text) * 1000
			: parseIso(text, zone)
	return ms === null || ms < MIN_TIMESTAMP_MS || ms > MAX_TIMESTAMP_MS ? null : ms
}

/**
 * Parses ISO 8601 with date, time, optional fraction and optional offset; a space can replace the `T`. A date alone is
 * midnight. Null for anything else, including days that do not exist and years before 100.
 */
export function parseIso(text: string, zone: string): number | null {
	const parts =
		/^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(
			text.trim(),
		)
	if (parts === null) return null
	const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((index) => Number(parts[index] ?? 0)) as [
		number,
		number,
		number,
		number,
		number,
		number,
	]
	if (
		year < 100 ||
		month < 1 ||
		month > 12 ||
		day < 1 ||
		day > daysInMonth(year, month) ||
		hour > 23 ||
		minute > 59 ||
		second > 59
	)
		return null
	const ms = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3))
	const ownOffset = parts[8]
	const timeZone =
		ownOffset === undefined
			? zone
			: ownOffset.toUpperCase() === 'Z'
				? 'UTC'
				: `${ownOffset.slice(0, 3)}:${ownOffset.slice(-2)}`
	// Zoned dates are slow, and the store's own dates are UTC.
	const time =
		timeZone === 'UTC'
			? Date.UTC(year, month - 1, day, hour, minute, second, ms)
			: new TZDate(year, month - 1, day, hour, minute, second, ms, timeZone).getTime()
	return Number.isNaN(time) ? null : time
}

/** Days of a month, 1 to 12. */
export function daysInMonth(year: number, month: number): number {
	if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
	return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Longer ones are no ids. */
const MAX_ID_LENGTH = 500

/**
 * Normalizes an id: a number if it is numeric and JavaScript has it exactly, otherwise text; null for anything that
 * cannot be an id. An integer beyond 2^53 is its digits.
 */
export function toObjectId(value: unknown): ObjectId | null {
	if (value instanceof ExactNumber) {
		const digits = toIntegerDigits(value)
		if (digits === null || digits.length > MAX_ID_LENGTH) return null
		return Number.isSafeInteger(Number(digits)) ? Number(digits) : digits
	}
	if (typeof value === 'number') {
		if (Number.isSafeInteger(value)) return value
		return /^-?\d+$/.test(String(value)) ? String(value) : null
	}
	if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) return null
	return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value
}

/** Whether an id is an integer that JavaScript cannot hold as a number: its digits are its text. */
export function isLargeNumericId(id: ObjectId | null | undefined): id is string {
	return typeof id === 'string' && /^-?[1-9]\d{15,}$/.test(id)
}

/** Whether an id is an integer, of any size. */
export function isNumericId(id: ObjectId): boolean {
	return typeof id === 'number' || isLargeNumericId(id)
}

/** Orders ids: numbers by their value, large ones too, before other texts. */
export function compareIds(a: ObjectId, b: ObjectId): number {
	if (typeof a === 'number' && typeof b === 'number') return a - b
	const [isNumericA, isNumericB] = [isNumericId(a), isNumericId(b)]
	if (isNumericA && isNumericB) return compareNumbers(String(a), String(b))!
	if (isNumericA !== isNumericB) return isNumericA ? -1 : 1
	return a < b ? -1 : a > b ? 1 : 0
}

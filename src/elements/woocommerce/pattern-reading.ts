/** Reads a date by a pattern of Java's `SimpleDateFormat`, in English (docs/contract.md §3). Pure. */
import { TZDate } from '@date-fns/tz'
import { daysInMonth } from '../values.ts'
import { parsePattern, type PatternPart } from './date-patterns.ts'
import { findNamedZone } from './zone-names.ts'

/** Years of two digits lie within this many years before the present and twenty after it, as Java reads them. */
const YEARS_BEFORE = 80

/** Digits of a number at most, by its letter. */
const NUMBERS: Readonly<Record<string, number>> = {
	y: 4,
	M: 2,
	L: 2,
	d: 2,
	D: 3,
	H: 2,
	k: 2,
	K: 2,
	h: 2,
	m: 2,
	s: 2,
	S: 9,
}

const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAY = '(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\\.?'

/** How a pattern is matched: each group of the expression has a letter and its count. */
interface Reader {
	expression: RegExp
	fields: { letter: string; count: number }[]
}

/** Readers of the patterns that were used; a configuration has a handful. */
const readers = new Map<string, Reader | null>()
const MAX_READERS = 200

/** A date as its numbers: what the text does not have is the beginning of the day or the year. */
interface DateNumbers {
	year: number
	/** The year had two digits, so that its century is still to be found. */
	isShortYear: boolean
	/** 1 to 12; without one, `day` is one of the year. */
	month: number | null
	day: number
	hour: number
	minute: number
	second: number
	ms: number
	/** The zone that the text names, otherwise the given one. */
	zone: string
}

/**
 * The moment of a text, epoch ms; null: it does not fit the pattern, or there is no such day or time. `zone`: of a text
 * that names none.
 */
export function readDate(text: string, pattern: string, zone: string, nowMs: number): number | null {
	const reader = getReader(pattern)
	const match = reader?.expression.exec(text.trim())
	if (reader == null || match == null) return null
	const numbers = toNumbers(
		reader.fields.map((field, index) => ({ ...field, text: match[index + 1] ?? '' })),
		zone,
	)
	return numbers === null ? null : toMoment(numbers, nowMs)
}

function getReader(pattern: string): Reader | null {
	const known = readers.get(pattern)
	if (known !== undefined) return known
	const reader = toReader(parsePattern(pattern))
	if (readers.size < MAX_READERS) readers.set(pattern, reader)
	return reader
}

function toReader(parts: readonly PatternPart[]): Reader | null {
	const sources: string[] = []
	const fields: Reader['fields'] = []
	for (const [index, part] of parts.entries()) {
		if ('text' in part) {
			sources.push(part.text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replace(/\s+/g, String.raw`\s+`))
			continue
		}
		const next = parts[index + 1]
		const source = toFieldSource(part, next !== undefined && isNumber(next))
		if (source === null) return null
		sources.push(source)
		fields.push({ letter: part.letter, count: part.count })
	}
	return { expression: new RegExp(`^${sources.join('')}$`, 'i'), fields }
}

function isNumber(part: PatternPart): boolean {
	return 'letter' in part && Object.hasOwn(NUMBERS, part.letter) && !isMonthName(part)
}

function isMonthName({ letter, count }: { letter: string; count: number }): boolean {
	return 'ML'.includes(letter) && count > 2
}

/** The expression of a field, with one group. `abuts`: another number follows at once, so that the digits count. */
function toFieldSource(part: Extract<PatternPart, { letter: string }>, abuts: boolean): string | null {
	const { letter, count } = part
	if (isMonthName(part)) return String.raw`([a-z]{3,9})\.?`
	const maxDigits = NUMBERS[letter]
	if (maxDigits !== undefined) return abuts ? String.raw`(\d{${count}})` : String.raw`(\d{1,${maxDigits}})`
	switch (letter) {
		case 'a':
			return String.raw`([ap])\.?m\.?`
		case 'E':
			return `(${WEEKDAY})`
		case 'G':
			return '(AD|CE)'
		case 'z':
		case 'Z':
		case 'X':
			return String.raw`([a-z][a-z_/ ]*(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{1,2}(?::?\d{2})?)`
		default:
			return null
	}
}

/** A part of a text by its letter. */
type Part = Reader['fields'][number] & { text: string }

/** null: there is no such hour or zone, or the pattern has no year. */
function toNumbers(parts: readonly Part[], zone: string): DateNumbers | null {
	const find = (letters: string): Part | undefined => parts.find(({ letter }) => letters.includes(letter))
	const getNumber = (letters: string, otherwise: number): number => Number(find(letters)?.text ?? otherwise)
	const year = find('y')
	const month = find('ML')
	const zoneOfText = toZone(find('zZX'), zone)
	const hour = toHour(find('HkKh'), find('a'))
	if (year === undefined || zoneOfText === null || hour === null) return null
	return {
		year: Number(year.text),
		isShortYear: year.count <= 2 && year.text.length === 2,
		month: month === undefined ? null : toMonth(month),
		day: getNumber(month === undefined ? 'D' : 'd', 1),
		hour,
		minute: getNumber('m', 0),
		second: getNumber('s', 0),
		// A fraction: Java takes the digits for milliseconds, which is the same for three of them.
		ms: Number((find('S')?.text ?? '').padEnd(3, '0').slice(0, 3)),
		zone: zoneOfText,
	}
}

function toZone(part: Part | undefined, zone: string): string | null {
	return part === undefined ? zone : findNamedZone(part.text, zone)
}

/** 1 to 12; anything else: there is no such month. */
function toMonth(part: Part): number {
	if (!isMonthName(part)) return Number(part.text)
	const name = part.text.toLowerCase()
	return name === 'sept' ? 9 : MONTHS.findIndex((month) => month === name || month.slice(0, 3) === name) + 1
}

/** 0 to 23; null: there is no such hour. `half`: `a` or `p`. */
function toHour(field: Part | undefined, half: Part | undefined): number | null {
	if (field === undefined) return 0
	const number = Number(field.text)
	const [lowest, highest] = { H: [0, 23], k: [1, 24], K: [0, 11], h: [1, 12] }[field.letter] ?? [0, 0]
	if (number < lowest! || number > highest!) return null
	if (field.letter === 'H') return number
	if (field.letter === 'k') return number % 24
	return (number % 12) + (half?.text.toLowerCase() === 'p' ? 12 : 0)
}

function toMoment(numbers: DateNumbers, nowMs: number): number | null {
	if (!numbers.isShortYear) return toMomentInYear(numbers, numbers.year)
	const start = new Date(nowMs)
	start.setUTCFullYear(start.getUTCFullYear() - YEARS_BEFORE)
	const startYear = start.getUTCFullYear()
	const sameCentury = startYear - (startYear % 100) + numbers.year
	const year = sameCentury < startYear ? sameCentury + 100 : sameCentury
	const moment = toMomentInYear(numbers, year)
	return moment !== null && moment < start.getTime() ? toMomentInYear(numbers, year + 100) : moment
}

function toMomentInYear({ month, day, hour, minute, second, ms, zone }: DateNumbers, year: number): number | null {
	const lastDay = month === null ? (daysInMonth(year, 2) === 29 ? 366 : 365) : daysInMonth(year, month)
	// JavaScript reads an earlier year as one of the twentieth century.
	if (year < 100 || (month !== null && (month < 1 || month > 12))) return null
	if (day < 1 || day > lastDay || minute > 59 || second > 59) return null
	const monthIndex = month === null ? 0 : month - 1
	const time =
		zone === 'UTC'
			? Date.UTC(year, monthIndex, day, hour, minute, second, ms)
			: new TZDate(year, monthIndex, day, hour, minute, second, ms, zone).getTime()
	return Number.isNaN(time) ? null : time
}

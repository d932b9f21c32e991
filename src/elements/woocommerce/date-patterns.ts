/**
 * The meaning of a date pattern's letters, as Java's `SimpleDateFormat` has them (docs/contract.md §3), and what is
 * wrong with a pattern that reads nothing or something else than was meant. Pure.
 */

/** A run of one letter, or the text between; `source`: as the pattern spells it. */
export type PatternPart = { letter: string; count: number; source: string } | { text: string; source: string }

type Field = Extract<PatternPart, { letter: string }>

/** What a pattern is for: to read a date, which must be whole, or to write any part of one. */
type Purpose = 'read' | 'write'

/** Letters with a meaning that is read and written here. The others have one in Java that no date of a store needs. */
const LETTERS = new Set('GyMLdDEaHkKhmsSzZX')

/** What other letters mean in Java. */
const MEANINGS: Readonly<Record<string, string>> = {
	Y: 'the week year',
	w: 'the week of the year',
	W: 'the week of the month',
	F: 'the number of the weekday in the month',
	u: 'the number of the weekday',
}

/** Letters of other pattern languages by the letter that they stand for. */
const FOREIGN_LETTERS: Readonly<Record<string, string>> = { A: 'a', x: 'X', O: 'z', V: 'z', v: 'z' }

/** PHP's letters, which WordPress's own settings have. */
const PHP_LETTERS: Readonly<Record<string, string>> = {
	Y: 'yyyy',
	y: 'yy',
	m: 'MM',
	n: 'M',
	M: 'MMM',
	F: 'MMMM',
	d: 'dd',
	j: 'd',
	D: 'EEE',
	l: 'EEEE',
	H: 'HH',
	G: 'H',
	h: 'hh',
	g: 'h',
	i: 'mm',
	s: 'ss',
	v: 'SSS',
	a: 'a',
	A: 'a',
	T: "'T'",
	e: 'z',
	P: 'XXX',
	p: 'XXX',
	O: 'Z',
}

const EXAMPLE = "a pattern such as yyyy-MM-dd'T'HH:mm:ss, or the word milliseconds"

/** Characters of a pattern that a message quotes. */
const MAX_QUOTED = 100

/**
 * The parts of a pattern. A quote that is never closed is left out: the seed's `yyyy-MM-dd'T'HH:mm:ss'` is read as if
 * the last quote were not there (docs/contract.md §2).
 */
export function parsePattern(pattern: string): PatternPart[] {
	const parts: PatternPart[] = []
	for (const [source] of pattern.matchAll(/'[^']*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
		if (/^[A-Za-z]/.test(source)) parts.push({ letter: source.charAt(0), count: source.length, source })
		else if (source === "''") parts.push({ text: "'", source })
		else if (source !== "'") parts.push({ text: source.startsWith("'") ? source.slice(1, -1) : source, source })
	}
	return parts
}

/**
 * What is wrong with a pattern, with the pattern that was meant; null: nothing. Patterns of earlier versions are
 * read as well as they can be, so only the API refuses by this.
 */
export function findPatternProblem(pattern: string, purpose: Purpose): string | null {
	const parts = parsePattern(pattern)
	const reasons = findReasons(parts, purpose)
	if (reasons.length === 0) return null
	const corrected = toCorrected(pattern, parts)
	const isMeant = corrected !== null && findReasons(parsePattern(corrected), purpose).length === 0
	return `${pattern.slice(0, MAX_QUOTED)}: ${reasons.join(', ')}; expected ${isMeant ? corrected : EXAMPLE}`
}

/** A pattern without the letters that mean something else; null: it cannot be told which were meant. */
function toCorrected(pattern: string, parts: readonly PatternPart[]): string | null {
	if (isPhp(parts)) return toSource(parts, (field) => PHP_LETTERS[field.letter] ?? null)
	const fields = parts.filter(isField)
	if (pattern.length > MAX_QUOTED) return null
	return toSource(parts, (field) => {
		const mistake = findMistake(field, fields)
		return mistake === null ? field.source : mistake.meant
	})
}

function toSource(parts: readonly PatternPart[], spell: (field: Field) => string | null): string | null {
	const spelled = parts.map((part) => (isField(part) ? spell(part) : part.source))
	return spelled.includes(null) ? null : spelled.join('')
}

function isField(part: PatternPart): part is Field {
	return 'letter' in part
}

/** Letters one by one, with one that only PHP has, or months and minutes as PHP has them. */
function isPhp(parts: readonly PatternPart[]): boolean {
	const fields = parts.filter(isField)
	const letters = fields.map(({ letter }) => letter)
	if (fields.some(({ count }) => count > 1)) return false
	return letters.includes('i') || (letters.includes('Y') && letters.includes('m') && !letters.includes('M'))
}

/** Why a pattern is refused, each as a clause. */
function findReasons(parts: readonly PatternPart[], purpose: Purpose): string[] {
	const fields = parts.filter(isField)
	if (isPhp(parts)) return ['these are letters of PHP']
	const reasons = fields.flatMap((field) => findMistake(field, fields)?.reason ?? [])
	const signs = parts.flatMap((part) => (isField(part) || part.source.startsWith("'") ? [] : [part.text])).join('')
	const sign = /[[\]{}#%]/.exec(signs)?.[0]
	if (sign !== undefined) reasons.push(`${sign} is no sign of these patterns`)
	if (reasons.length > 0 || purpose === 'write') return fields.length === 0 ? ['there is no letter'] : reasons
	return findGaps(fields)
}

/** What a pattern lacks to read a date, and what it has twice. */
function findGaps(fields: readonly Field[]): string[] {
	const has = (letters: string): boolean => fields.some(({ letter }) => letters.includes(letter))
	const repeated = ['y', 'ML', 'd', 'HkKh', 'm', 's'].flatMap(
		(letters) => fields.filter(({ letter }) => letters.includes(letter))[1]?.source ?? [],
	)
	if (repeated.length > 0) return repeated.map((source) => `${source} is there twice`)
	const lacks = [
		has('y') ? null : 'year',
		has('ML') || has('D') ? null : 'month',
		has('d') || has('D') ? null : 'day',
		has('HkKh') || !has('ms') ? null : 'hour',
		has('m') || !has('s') ? null : 'minute',
	]
	return lacks.flatMap((name) => (name === null ? [] : `there is no ${name}`))
}

/** Why a letter does not mean what it was written for; `meant`: what it was written for, null: not known. */
interface Mistake {
	reason: string
	meant: string | null
}

function findMistake(field: Field, fields: readonly Field[]): Mistake | null {
	const check = CHECKS[field.letter]
	if (check === undefined) return LETTERS.has(field.letter) ? null : findForeignLetter(field)
	const has = (letters: string): boolean => fields.some((other) => letters.includes(other.letter))
	return check(field, { fields, has })
}

/** What a check looks at beside its letter. */
interface Surroundings {
	fields: readonly Field[]
	/** Whether the pattern has one of these letters. */
	has: (letters: string) => boolean
}

function toMistake({ source }: Field, meaning: string, meant: string | null): Mistake {
	return { reason: `${source} is ${meaning}`, meant }
}

function checkHalfDayHour(field: Field, { has }: Surroundings): Mistake | null {
	return has('aA') ? null : toMistake(field, 'an hour of half a day and needs a', 'H'.repeat(field.count))
}

function checkWholeDayHour(field: Field, { has }: Surroundings): Mistake | null {
	return has('aA') ? toMistake(field, 'an hour of a whole day and takes no a', 'h'.repeat(field.count)) : null
}

/** By letter: whether it was written for another one. */
const CHECKS: Readonly<Record<string, (field: Field, surroundings: Surroundings) => Mistake | null>> = {
	Y: (field) => toMistake(field, MEANINGS['Y']!, 'y'.repeat(field.count)),
	u: (field, { has }) => toMistake(field, MEANINGS['u']!, has('yY') ? null : 'y'.repeat(field.count)),
	D: (field, { has }) =>
		field.count >= 3 && !has('MLd')
			? null
			: toMistake(field, 'the day of the year', 'd'.repeat(Math.min(field.count, 2))),
	d: (field) =>
		field.count < 3 ? null : toMistake(field, 'the day of the month', 'E'.repeat(Math.min(field.count, 4))),
	h: checkHalfDayHour,
	K: checkHalfDayHour,
	H: checkWholeDayHour,
	k: checkWholeDayHour,
	m: (field, { fields }) =>
		isMonthPlace(field, fields) ? toMistake(field, 'the minute', 'M'.repeat(field.count)) : null,
	M: (field, { fields }) =>
		isMinutePlace(field, fields) ? toMistake(field, 'the month', 'm'.repeat(field.count)) : null,
	S: (field, { fields, has }) =>
		!has('s') && getNeighbour(field, fields, -1) === 'm'
			? toMistake(field, 'the millisecond', 's'.repeat(field.count))
			: null,
	s: (field, { fields }) =>
		getNeighbour(field, fields, -1) === 's' ? toMistake(field, 'the second', 'S'.repeat(field.count)) : null,
	T: () => ({ reason: 'T is text and stands in quotes', meant: "'T'" }),
}

function findForeignLetter({ letter, count, source }: Field): Mistake {
	const meaning = MEANINGS[letter]
	if (meaning !== undefined) return { reason: `${source} is ${meaning}`, meant: null }
	return {
		reason: `${source} is none of the letters, and text stands in quotes`,
		meant: FOREIGN_LETTERS[letter]?.repeat(count) ?? null,
	}
}

/** The letter before (-1) or after (1) a field, across the text between; '' at the ends. */
function getNeighbour(field: Field, fields: readonly Field[], step: -1 | 1): string {
	return fields[fields.indexOf(field) + step]?.letter ?? ''
}

function isHour(letter: string): boolean {
	return letter !== '' && 'HkKh'.includes(letter)
}

/** Minutes stand behind hours or before seconds. */
function isMinutePlace(field: Field, fields: readonly Field[]): boolean {
	if (field.count > 2) return false
	return isHour(getNeighbour(field, fields, -1)) || getNeighbour(field, fields, 1) === 's'
}

/** Months stand beside years or days, if nothing else names the month. */
function isMonthPlace(field: Field, fields: readonly Field[]): boolean {
	const isDatePart = (letter: string): boolean => letter !== '' && 'yYudD'.includes(letter)
	if (isMinutePlace(field, fields)) return false
	if (fields.some((other) => 'ML'.includes(other.letter) && !isMinutePlace(other, fields))) return false
	return isDatePart(getNeighbour(field, fields, -1)) || isDatePart(getNeighbour(field, fields, 1))
}

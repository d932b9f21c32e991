/**
 * The contract's `where` (docs/contract.md §8): conditions on a record's fields, joined by `AND`. This file has its
 * grammar and evaluates it for a single record; each vendor decides what its lists can filter.
 */
import { compareNumbers, ExactNumber } from './json.ts'
import { parseIso, getValueAt } from './values.ts'
import type { VendorRecord } from './store.ts'

/** `=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE`, `IN`. */
export type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=' | 'LIKE' | 'IN'

/** One parsed condition. Only `IN` has other than one value. */
export interface Condition {
	field: string
	operator: Operator
	values: string[]
}

/**
 * Parses a `where`. A placeholder `${…}` inside quotes is one piece, with its own quotes. `message` says what was
 * expected and where, without the parameter's name.
 */
export function parseWhere(text: string): { ok: true; conditions: Condition[] } | { ok: false; message: string } {
	const conditions: Condition[] = []
	let position = 0
	const fail = (expected: string): { ok: false; message: string } => ({
		ok: false,
		message: `expected ${expected} at "${text.slice(position, position + 40)}"`,
	})
	const consume = (pattern: RegExp): RegExpExecArray | null => {
		const sticky = new RegExp(pattern.source, `${pattern.flags}y`)
		sticky.lastIndex = position
		const found = sticky.exec(text)
		if (found !== null) position = sticky.lastIndex
		return found
	}
	const parseValue = (): string | null => {
		consume(/\s+/)
		// The alternatives have no common beginning, so that a quote that is never closed is scanned only once.
		const quoted =
			consume(/'((?:\$\{[^{}]*\}|''|\$(?!\{[^{}]*\})|[^'$])*)'/) ??
			consume(/"((?:\$\{[^{}]*\}|\$(?!\{[^{}]*\})|[^"$])*)"/)
		if (quoted !== null) return (quoted[1] ?? '').replace(/\$\{[^{}]*\}|''/g, (part) => (part === "''" ? "'" : part))
		return consume(/(?:\$\{[^{}]*\}|[^\s'"(),])+/)?.[0] ?? null
	}
	if (text.trim() === '') return { ok: true, conditions }
	for (;;) {
		consume(/\s+/)
		const field = consume(/[A-Za-z_][\w.-]*/)?.[0]
		if (field === undefined) return fail('a field name')
		consume(/\s+/)
		const operator = (consume(/!=|<>|<=|>=|=|<|>/) ?? consume(/LIKE(?![\w])|IN(?![\w])/i))?.[0].toUpperCase()
		if (operator === undefined) return fail('one of =, !=, <, >, <=, >=, LIKE, IN')
		const values: string[] = []
		if (operator === 'IN') {
			if (consume(/\s*\(/) === null) return fail('a list in parentheses after IN')
			do {
				const operand = parseValue()
				if (operand === null) return fail('a value in single quotes')
				values.push(operand)
			} while (consume(/\s*,/) !== null)
			if (consume(/\s*\)/) === null) return fail('a closing parenthesis')
		} else {
			const operand = parseValue()
			if (operand === null) return fail('a value in single quotes')
			values.push(operand)
		}
		conditions.push({ field, operator: (operator === '<>' ? '!=' : operator) as Operator, values })
		if (consume(/\s*$/) !== null) return { ok: true, conditions }
		if (consume(/\s+AND(?![\w])/i) === null) return fail('AND, the only connective')
	}
}

/** Conditions in one form for all spellings and orders: part of a resource's identity. */
export function toCanonicalWhere(conditions: readonly Condition[]): string {
	return conditions
		.map(({ field, operator, values }) => {
			const quoted = values.map((value) => `'${value.replaceAll("'", "''")}'`)
			return operator === 'IN' ? `${field} IN (${quoted.sort().join(',')})` : `${field} ${operator} ${quoted.join('')}`
		})
		.sort()
		.join(' AND ')
}

/**
 * Whether a record meets a condition. `<`, `>`, `<=` and `>=` compare numbers as numbers, also those that are written
 * as text (`"total": "9.50"`); `=`, `!=` and `IN` do so for JSON numbers only, since a store takes text for text: the
 * sku `010` is not `10`. Dates are compared as moments (UTC without a zone of their own), anything else as text.
 * A list meets `=` and `IN` by one of its elements, an object by its `id`, `slug` or `name`; `null` matches what is
 * absent or null.
 */
export function matchesCondition(record: VendorRecord, condition: Condition): boolean {
	const found = getValueAt(record, condition.field)
	const { operator, values } = condition
	if (operator === '!=') return !valueEquals(found, values[0] ?? '')
	if (operator === '=' || operator === 'IN') return values.some((value) => valueEquals(found, value))
	if (found === undefined || found === null || isContainer(found)) return false
	const value = values[0] ?? ''
	const text = String(found)
	const difference = isJsonNumber(found) && isNumber(value) ? compareNumbers(text, value) : null
	if (operator !== 'LIKE' && difference !== null) return satisfiesOperator(difference, operator)
	if (operator === 'LIKE') return matchesLike(text.toLowerCase(), value.toLowerCase())
	return satisfiesOperator(compareValues(text, value), operator)
}

/** Whether a difference satisfies an operator. */
export function satisfiesOperator(difference: number, operator: Operator): boolean {
	switch (operator) {
		case '<':
			return difference < 0
		case '>':
			return difference > 0
		case '<=':
			return difference <= 0
		case '>=':
			return difference >= 0
		case '!=':
			return difference !== 0
		default:
			return difference === 0
	}
}

function valueEquals(found: unknown, value: string): boolean {
	if (found === undefined || found === null) return value === 'null'
	if (Array.isArray(found)) return found.some((item) => valueEquals(item, value))
	if (isContainer(found))
		return ['id', 'slug', 'name'].some(
			(key) => Object.hasOwn(found, key) && valueEquals((found as Record<string, unknown>)[key], value),
		)
	const text = String(found)
	if (isJsonNumber(found) && isNumber(value)) return compareNumbers(text, value) === 0
	const textMs = text === value ? null : parseMoment(text)
	return text === value || (textMs !== null && textMs === parseMoment(value))
}

/** Below 0 when `a` comes before `b`. */
function compareValues(a: string, b: string): number {
	if (a === b) return 0
	if (isNumber(a) && isNumber(b)) return compareNumbers(a, b)!
	const [msA, msB] = [parseMoment(a), parseMoment(b)]
	if (msA !== null && msB !== null) return msA - msB
	return a < b ? -1 : a > b ? 1 : 0
}

function isContainer(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !(value instanceof ExactNumber)
}

function isJsonNumber(value: unknown): boolean {
	return typeof value === 'number' || value instanceof ExactNumber
}

function isNumber(text: string): boolean {
	return /^-?\d+(\.\d+)?$/.test(text)
}

function parseMoment(text: string): number | null {
	return /^\d{4}-\d\d-\d\d/.test(text) ? parseIso(text, 'UTC') : null
}

/**
 * SQL's LIKE: `%` any text, `_` any character. Not a regular expression, because a pattern with many `%` could exceed
 * the CPU limit.
 */
function matchesLike(text: string, pattern: string): boolean {
	let textIndex = 0
	let patternIndex = 0
	/** The position after the last `%`, and how much of the text it has matched. */
	let resumeAt = -1
	let consumedTo = 0
	while (textIndex < text.length) {
		const patternCharacter = pattern[patternIndex]
		if (patternCharacter === '%') {
			resumeAt = ++patternIndex
			consumedTo = textIndex
		} else if (patternCharacter === '_' || (patternCharacter !== undefined && patternCharacter === text[textIndex])) {
			textIndex++
			patternIndex++
		} else if (resumeAt >= 0) {
			patternIndex = resumeAt
			textIndex = ++consumedTo
		} else return false
	}
	while (pattern[patternIndex] === '%') patternIndex++
	return patternIndex === pattern.length
}

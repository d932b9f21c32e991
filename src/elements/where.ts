/**
 * The contract's `where` (cloud-elements contract, section 8): `AND` of conditions on a record's fields. Here are its grammar and what it
 * means for a record by itself; what a vendor's lists can filter, and the names that only they know, are the vendor's to say.
 */
import { readIso, valueAt } from './values.ts'
import type { VendorRecord } from './store.ts'

/** `=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE`, `IN`. */
export type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=' | 'LIKE' | 'IN'

/** One condition as written. Only `IN` has other than one value. */
export interface Condition {
	field: string
	operator: Operator
	values: string[]
}

/** Reads a `where`. Placeholders `${…}` inside quotes are one piece, quotes and all. */
export function parseWhere(text: string): { ok: true; conditions: Condition[] } | { ok: false; message: string } {
	const conditions: Condition[] = []
	let at = 0
	const refuse = (expected: string): { ok: false; message: string } => ({
		ok: false,
		message: `where: expected ${expected} at "${text.slice(at, at + 40)}"`,
	})
	const take = (pattern: RegExp): RegExpExecArray | null => {
		const sticky = new RegExp(pattern.source, `${pattern.flags}y`)
		sticky.lastIndex = at
		const found = sticky.exec(text)
		if (found !== null) at = sticky.lastIndex
		return found
	}
	const value = (): string | null => {
		take(/\s+/)
		// The alternatives have no beginning in common: a quote that is never closed must cost one look, not one for every way to read what is inside.
		const quoted = take(/'((?:\$\{[^{}]*\}|''|\$(?!\{[^{}]*\})|[^'$])*)'/) ?? take(/"((?:\$\{[^{}]*\}|\$(?!\{[^{}]*\})|[^"$])*)"/)
		if (quoted !== null) return (quoted[1] ?? '').replace(/\$\{[^{}]*\}|''/g, (part) => (part === "''" ? "'" : part))
		return take(/(?:\$\{[^{}]*\}|[^\s'"(),])+/)?.[0] ?? null
	}
	if (text.trim() === '') return { ok: true, conditions }
	for (;;) {
		take(/\s+/)
		const field = take(/[A-Za-z_][\w.-]*/)?.[0]
		if (field === undefined) return refuse('a field name')
		take(/\s+/)
		const operator = (take(/!=|<>|<=|>=|=|<|>/) ?? take(/LIKE(?![\w])|IN(?![\w])/i))?.[0].toUpperCase()
		if (operator === undefined) return refuse('one of =, !=, <, >, <=, >=, LIKE, IN')
		const values: string[] = []
		if (operator === 'IN') {
			if (take(/\s*\(/) === null) return refuse('a list in parentheses after IN')
			do {
				const one = value()
				if (one === null) return refuse('a value in single quotes')
				values.push(one)
			} while (take(/\s*,/) !== null)
			if (take(/\s*\)/) === null) return refuse('a closing parenthesis')
		} else {
			const one = value()
			if (one === null) return refuse('a value in single quotes')
			values.push(one)
		}
		conditions.push({ field, operator: (operator === '<>' ? '!=' : operator) as Operator, values })
		if (take(/\s*$/) !== null) return { ok: true, conditions }
		if (take(/\s+AND(?![\w])/i) === null) return refuse('AND, the only connective')
	}
}

/** Conditions in one form whatever their spelling and order: part of a resource's identity. */
export function canonicalWhere(conditions: readonly Condition[]): string {
	return conditions
		.map(({ field, operator, values }) => {
			const quoted = values.map((value) => `'${value.replaceAll("'", "''")}'`)
			return operator === 'IN' ? `${field} IN (${quoted.sort().join(',')})` : `${field} ${operator} ${quoted.join('')}`
		})
		.sort()
		.join(' AND ')
}

/**
 * A record's own answer to a condition. `<` and its like compare numbers as numbers, also those that are written as text (`"total": "9.50"`); `=`, `!=` and
 * `IN` do so for JSON numbers only, since a store takes text for text: the sku `010` is not `10`. Dates are compared as moments (without a zone of their own
 * both sides are read as UTC), anything else as text. A list meets `=` and `IN` by one of its elements, an object by its `id`, `slug` or `name`; `null` is
 * what is absent or null.
 */
export function meets(record: VendorRecord, condition: Condition): boolean {
	const found = valueAt(record, condition.field)
	const { operator, values } = condition
	if (operator === '!=') return !same(found, values[0] ?? '')
	if (operator === '=' || operator === 'IN') return values.some((value) => same(found, value))
	if (found === undefined || found === null || typeof found === 'object') return false
	const value = values[0] ?? ''
	const text = String(found)
	if (operator === 'LIKE') return like(text.toLowerCase(), value.toLowerCase())
	return compare(differenceOf(text, value), operator)
}

/** Whether a difference is what an operator asks for. */
export function compare(difference: number, operator: Operator): boolean {
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

function same(found: unknown, value: string): boolean {
	if (found === undefined || found === null) return value === 'null'
	if (Array.isArray(found)) return found.some((one) => same(one, value))
	if (typeof found === 'object')
		return ['id', 'slug', 'name'].some((key) => Object.hasOwn(found, key) && same((found as Record<string, unknown>)[key], value))
	if (typeof found === 'number' && isNumber(value)) return found === Number(value)
	const text = String(found)
	const at = text === value ? null : momentOf(text)
	return text === value || (at !== null && at === momentOf(value))
}

/** Below 0 when `a` comes before `b`. */
function differenceOf(a: string, b: string): number {
	if (a === b) return 0
	if (isNumber(a) && isNumber(b)) return Number(a) - Number(b)
	const [atA, atB] = [momentOf(a), momentOf(b)]
	if (atA !== null && atB !== null) return atA - atB
	return a < b ? -1 : a > b ? 1 : 0
}

function isNumber(text: string): boolean {
	return /^-?\d+(\.\d+)?$/.test(text)
}

function momentOf(text: string): number | null {
	return /^\d{4}-\d\d-\d\d/.test(text) ? readIso(text, 'UTC') : null
}

/**
 * SQL's LIKE: `%` any text, `_` any character. By hand and not as a regular expression: a pattern with many `%` would take one longer than
 * an object may compute.
 */
function like(text: string, pattern: string): boolean {
	let at = 0
	let inPattern = 0
	/** Behind the last `%`, and how much of the text it has taken. */
	let resume = -1
	let taken = 0
	while (at < text.length) {
		const wanted = pattern[inPattern]
		if (wanted === '%') {
			resume = ++inPattern
			taken = at
		} else if (wanted === '_' || (wanted !== undefined && wanted === text[at])) {
			at++
			inPattern++
		} else if (resume >= 0) {
			inPattern = resume
			at = ++taken
		} else return false
	}
	while (pattern[inPattern] === '%') inPattern++
	return inPattern === pattern.length
}

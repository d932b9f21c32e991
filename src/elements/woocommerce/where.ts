/**
 * The contract's `where`: `AND` of conditions (cloud-elements contract, section 8). What a WooCommerce list can filter becomes its
 * parameters, the rest is tested here, record by record; nothing is ignored.
 *
 * A date without zone is the site's own wall clock, as WooCommerce reads it (WooCommerce facts, 3.2); fields that end in `_gmt` are
 * UTC. What goes to the store is always UTC with `dates_are_gmt=true`.
 */
import type { VendorRecord } from '../element.ts'
import type { Collection } from './collections.ts'
import { gmtText, readIso, valueAt } from './dates.ts'

/** `=`, `!=`, `<`, `>`, `<=`, `>=`, `LIKE`, `IN`. */
export type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=' | 'LIKE' | 'IN'

/** One condition as written. Only `IN` has other than one value. */
export interface Condition {
	field: string
	operator: Operator
	values: string[]
}

/** A `where` in terms of a store's list. */
export interface Filter {
	/** List parameters. */
	query: Record<string, string>
	/** What the store does not filter; empty when the parameters say it all. */
	rest: Condition[]
	/** Whether a record meets every condition that a record can show. */
	matches: (record: VendorRecord) => boolean
}

/** The names that stand for created and modified dates; `after` and its like are WooCommerce's own parameter names. */
const DATE_FIELDS: Record<string, { kind: 'created' | 'modified'; gmt?: true; operator?: Operator }> = {
	after: { kind: 'created', operator: '>' },
	before: { kind: 'created', operator: '<' },
	created_date: { kind: 'created' },
	createdDate: { kind: 'created' },
	created_at: { kind: 'created' },
	date_created: { kind: 'created' },
	date_created_gmt: { kind: 'created', gmt: true },
	modified_after: { kind: 'modified', operator: '>' },
	modified_before: { kind: 'modified', operator: '<' },
	modified_date: { kind: 'modified' },
	updated_date: { kind: 'modified' },
	updatedDate: { kind: 'modified' },
	updated_at: { kind: 'modified' },
	date_modified: { kind: 'modified' },
	date_modified_gmt: { kind: 'modified', gmt: true },
}

/** Whether a name may stand in a `where` as a date. */
export function isDateField(field: string): boolean {
	return Object.hasOwn(DATE_FIELDS, field)
}

/** Which date a field's name means; null when it names none, or a bound (`after`). */
export function dateKind(field: string): 'created' | 'modified' | null {
	const found = isDateField(field) ? DATE_FIELDS[field] : undefined
	return found === undefined || found.operator !== undefined ? null : found.kind
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
		const quoted = take(/'((?:\$\{[^{}]*\}|''|[^'])*)'/) ?? take(/"((?:\$\{[^{}]*\}|[^"])*)"/)
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

/** Divides conditions between a store's list and us. An error names the condition whose value cannot be what its field needs. */
export function filterOf(
	conditions: readonly Condition[],
	collection: Collection,
	zone: string,
): { ok: true; filter: Filter } | { ok: false; message: string } {
	const query: Record<string, string> = {}
	const rest: Condition[] = []
	const tests: ((record: VendorRecord) => boolean)[] = []
	for (const condition of conditions) {
		const date = dateCondition(condition, zone)
		if (date !== null && !date.ok) return date
		tests.push(date === null ? (record) => testPlain(record, condition) : date.test)
		const pushed = date === null ? pushPlain(condition, collection, query) : pushDate(date, collection, query)
		if (!pushed) rest.push(condition)
	}
	return { ok: true, filter: { query, rest, matches: (record) => tests.every((test) => test(record)) } }
}

interface DateCondition {
	ok: true
	kind: 'created' | 'modified'
	operator: Operator
	seconds: number
	test: (record: VendorRecord) => boolean
}

/** A condition on a date, null when it is none. */
function dateCondition(condition: Condition, zone: string): DateCondition | { ok: false; message: string } | null {
	const field = Object.hasOwn(DATE_FIELDS, condition.field) ? DATE_FIELDS[condition.field] : undefined
	if (field === undefined) return null
	const text = condition.values[0] ?? ''
	const ms = /^\d{13}$/.test(text)
		? Number(text)
		: /^\d{9,10}$/.test(text)
			? Number(text) * 1000
			: readIso(text, field.gmt === true ? 'UTC' : zone)
	const comparable =
		condition.operator !== 'IN' && condition.operator !== 'LIKE' && (field.operator === undefined || condition.operator === '=')
	if (ms === null || !comparable)
		return {
			ok: false,
			message: `where: expected a date such as ${condition.field} ${field.operator === undefined ? '>' : '='} '2026-01-31T12:00:00', found "${canonicalWhere([condition])}"`,
		}
	const operator = field.operator ?? condition.operator
	// Stamps are whole seconds: the fraction of the bound decides only which side its own second falls on.
	const seconds = operator === '<' || operator === '>=' ? Math.ceil(ms / 1000) : Math.floor(ms / 1000)
	const test = (record: VendorRecord): boolean => {
		const name = `date_${field.kind}`
		const own = record[`${name}_gmt`] ?? record[name]
		// Terms and taxes have no dates; WooCommerce lets them all through too.
		if (own === undefined) return true
		const at = typeof own === 'string' ? readIso(own, record[`${name}_gmt`] === undefined ? zone : 'UTC') : null
		return at !== null && compare(Math.floor(at / 1000) - seconds, operator)
	}
	return { ok: true, kind: field.kind, operator, seconds, test }
}

/** WooCommerce's bounds are strict and in whole seconds (WooCommerce facts, 3.1): `>=` is `>` of the second before. */
function pushDate(date: DateCondition, collection: Collection, query: Record<string, string>): boolean {
	if (date.operator === '=' || date.operator === '!=') return false
	if (date.kind === 'created' ? !collection.created : !collection.modified) return false
	const lower = date.operator === '>' || date.operator === '>='
	const seconds = date.operator === '>=' ? date.seconds - 1 : date.operator === '<=' ? date.seconds + 1 : date.seconds
	const side = lower ? 'after' : 'before'
	narrow(query, date.kind === 'created' ? side : `modified_${side}`, gmtText(seconds), lower)
	query['dates_are_gmt'] = 'true'
	return true
}

/** Sets a bound, or draws the one that is there tighter. */
export function narrow(query: Record<string, string>, param: string, value: string, lower: boolean): void {
	const there = query[param]
	if (there === undefined || (lower ? value > there : value < there)) query[param] = value
}

function pushPlain(condition: Condition, collection: Collection, query: Record<string, string>): boolean {
	const { field, operator, values } = condition
	const filter = Object.hasOwn(collection.filters, field) ? collection.filters[field] : undefined
	if (filter === undefined) return false
	const several = operator === 'IN' && (filter.in === true || values.length === 1)
	if (operator === '!=' && filter.param === 'include' && query['exclude'] === undefined) {
		query['exclude'] = values.join(',')
		return true
	}
	// A comma inside a value would be taken for two values.
	if (
		(operator !== '=' && !several) ||
		query[filter.param] !== undefined ||
		(filter.in === true && values.some((value) => value.includes(',')))
	)
		return false
	query[filter.param] = values.join(',')
	return true
}

/** A record's own answer to a condition. A field that no record has is the store's to judge when it has a parameter for it. */
function testPlain(record: VendorRecord, condition: Condition): boolean {
	const found = valueAt(record, condition.field)
	if (found === undefined && PARAMETERS_ONLY.has(condition.field)) return true
	const { operator, values } = condition
	if (operator === '!=') return !same(found, values[0] ?? '')
	if (operator === '=' || operator === 'IN') return values.some((value) => same(found, value))
	if (found === undefined || found === null || typeof found === 'object') return false
	const value = values[0] ?? ''
	const text = String(found)
	if (operator === 'LIKE') return like(value).test(text)
	if (isNumber(text) && isNumber(value)) return compare(Number(text) - Number(value), operator)
	return compare(text < value ? -1 : text > value ? 1 : 0, operator)
}

/** Names in a `where` that are parameters of a list and no fields of its records. */
const PARAMETERS_ONLY = new Set(['search', 'category', 'tag', 'product', 'customer', 'hide_empty'])

function same(found: unknown, value: string): boolean {
	if (found === undefined || found === null) return value === 'null'
	if (Array.isArray(found)) return found.some((one) => same(one, value))
	if (typeof found === 'object')
		return ['id', 'slug', 'name'].some((key) => Object.hasOwn(found, key) && same((found as Record<string, unknown>)[key], value))
	const text = String(found)
	return text === value || (isNumber(text) && isNumber(value) && Number(text) === Number(value))
}

function isNumber(text: string): boolean {
	return /^-?\d+(\.\d+)?$/.test(text)
}

function compare(difference: number, operator: Operator): boolean {
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

/** SQL's LIKE without regard to case: `%` any text, `_` any character. */
function like(pattern: string): RegExp {
	const source = pattern
		.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
		.replaceAll('%', '[\\s\\S]*')
		.replaceAll('_', '[\\s\\S]')
	return new RegExp(`^${source}$`, 'i')
}

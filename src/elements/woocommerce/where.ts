/**
 * The contract's `where` in terms of WooCommerce. What its lists can filter becomes their parameters, the rest is
 * tested here, record by record; nothing is ignored.
 *
 * A date without zone is the site's own wall clock, as WooCommerce reads it (docs/woocommerce.md 3.2); fields that end
 * in `_gmt` are UTC. What goes to the store is always UTC with `dates_are_gmt=true`.
 */
import { parseIso, parseTime, getValueAt } from '../values.ts'
import { toCanonicalWhere, satisfiesOperator, type Condition, matchesCondition, type Operator } from '../where.ts'
import type { Collection } from './collections.ts'
import { formatGmt, WOO_DATE_FORMAT, formatDateValue } from './dates.ts'
import type { VendorRecord } from '../store.ts'

/** A `where` in terms of a store's list. */
interface ListFilter {
	/** List parameters. */
	query: Record<string, string>
	/** What the store does not filter, or not exactly; empty when the parameters say it all. */
	rest: Condition[]
	/** Whether a record meets every condition that a record can show. */
	matches: (record: VendorRecord) => boolean
	/** Whether a record of a list with these parameters meets what the store did not filter. */
	matchesRest: (record: VendorRecord) => boolean
}

/** The names for created and modified dates; `after` and its like are WooCommerce's own parameter names. */
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

/** Whether a name is a date in a `where`. */
export function isDateField(field: string): boolean {
	return Object.hasOwn(DATE_FIELDS, field)
}

/** Which date a field's name means; null when it names none, or a bound (`after`). */
export function getDateKind(field: string): 'created' | 'modified' | null {
	const found = isDateField(field) ? DATE_FIELDS[field] : undefined
	return found === undefined || found.operator !== undefined ? null : found.kind
}

/**
 * Divides conditions between a store's list and us. An error names the condition whose value cannot be what its field
 * needs.
 */
export function splitConditions(
	conditions: readonly Condition[],
	collection: Collection,
	zone: string,
): { ok: true; filter: ListFilter } | { ok: false; message: string } {
	const query: Record<string, string> = {}
	const rest: Condition[] = []
	const tests: ((record: VendorRecord) => boolean)[] = []
	const restTests: ((record: VendorRecord) => boolean)[] = []
	for (const condition of conditions) {
		const date = toDateCondition(condition, zone)
		if (date !== null && !date.ok) return date
		const test = date === null ? (record: VendorRecord) => testCondition(record, condition, collection) : date.test
		tests.push(test)
		const isPushedDown =
			date === null ? pushDownCondition(condition, collection, query) : pushDownDate(date, collection, zone, query)
		if (isPushedDown) continue
		if (date === null && isListParameterOnly(condition.field, collection))
			return {
				ok: false,
				message: Object.hasOwn(collection.filters, condition.field)
					? `expected a single ${condition.field} = '…': it is a filter of this list, not a field of its records`
					: `expected a filter of this list or a field of its records, found ${condition.field}`,
			}
		rest.push(condition)
		restTests.push(test)
	}
	return {
		ok: true,
		filter: {
			query,
			rest,
			matches: (record) => tests.every((test) => test(record)),
			matchesRest: (record) => restTests.every((test) => test(record)),
		},
	}
}

interface DateCondition {
	ok: true
	kind: 'created' | 'modified'
	operator: Operator
	seconds: number
	test: (record: VendorRecord) => boolean
}

/** A condition on a date, null when it is none. */
function toDateCondition(condition: Condition, zone: string): DateCondition | { ok: false; message: string } | null {
	const field = Object.hasOwn(DATE_FIELDS, condition.field) ? DATE_FIELDS[condition.field] : undefined
	if (field === undefined) return null
	const text = condition.values[0] ?? ''
	const ms = parseTime(text, field.gmt === true ? 'UTC' : zone)
	const comparable =
		condition.operator !== 'IN' &&
		condition.operator !== 'LIKE' &&
		(field.operator === undefined || condition.operator === '=')
	if (ms === null || !comparable)
		return {
			ok: false,
			message:
				`expected a date such as ${condition.field} ${field.operator === undefined ? '>' : '='} '2026-01-31T12:00:00', ` +
				`found "${toCanonicalWhere([condition])}"`,
		}
	const operator = field.operator ?? condition.operator
	// Stamps are whole seconds: the fraction of the bound decides only which side its own second falls on.
	const seconds = operator === '<' || operator === '>=' ? Math.ceil(ms / 1000) : Math.floor(ms / 1000)
	const test = (record: VendorRecord): boolean => {
		const name = `date_${field.kind}`
		const value = record[`${name}_gmt`] ?? record[name]
		// Terms and taxes have no dates; WooCommerce lets them all through too.
		if (value === undefined) return true
		const atMs = typeof value === 'string' ? parseIso(value, record[`${name}_gmt`] === undefined ? zone : 'UTC') : null
		return atMs !== null && satisfiesOperator(Math.floor(atMs / 1000) - seconds, operator)
	}
	return { ok: true, kind: field.kind, operator, seconds, test }
}

/**
 * Seconds by which a bound is loosened where it is unknown in which zone the store reads it: no zone is further from
 * UTC.
 */
const MAX_ZONE_OFFSET_SECONDS = 15 * 3600

/** Seconds by which a bound is loosened that the store moves out of a gap of its clock: more than any clock change. */
const MAX_CLOCK_GAP_SECONDS = 2 * 3600

/**
 * WooCommerce's bounds are strict and in whole seconds (docs/woocommerce.md 3.1): `>=` is `>` of the second before.
 * Whether the store filters exactly: a list without `dates_are_gmt` reads a bound in a zone of its own choice, and one
 * inside the site's spring-forward gap is moved (3.2, 3.3); such bounds are pushed looser, and tested here as well.
 */
function pushDownDate(
	date: DateCondition,
	collection: Collection,
	zone: string,
	query: Record<string, string>,
): boolean {
	if (date.operator === '=' || date.operator === '!=') return false
	if (date.kind === 'created' ? !collection.filtersByCreated : !collection.filtersByModified) return false
	const lower = date.operator === '>' || date.operator === '>='
	const seconds = date.operator === '>=' ? date.seconds - 1 : date.operator === '<=' ? date.seconds + 1 : date.seconds
	const side = lower ? 'after' : 'before'
	const toleranceSeconds = !collection.acceptsGmt
		? MAX_ZONE_OFFSET_SECONDS
		: isInGap(seconds, zone)
			? MAX_CLOCK_GAP_SECONDS
			: 0
	tightenBound(
		query,
		date.kind === 'created' ? side : `modified_${side}`,
		formatGmt(seconds + (lower ? -toleranceSeconds : toleranceSeconds)),
		lower,
	)
	if (collection.acceptsGmt) query['dates_are_gmt'] = 'true'
	return toleranceSeconds === 0
}

/** Whether a moment's UTC clock face does not exist on the site's own clock. */
function isInGap(seconds: number, zone: string): boolean {
	const text = formatGmt(seconds)
	const local = parseIso(text, zone)
	return local !== null && formatDateValue(local, WOO_DATE_FORMAT, zone) !== text
}

/** Sets a bound, or draws the one that is there tighter. */
export function tightenBound(query: Record<string, string>, param: string, value: string, lower: boolean): void {
	const existing = query[param]
	if (existing === undefined || (lower ? value > existing : value < existing)) query[param] = value
}

function pushDownCondition(condition: Condition, collection: Collection, query: Record<string, string>): boolean {
	const { field, operator, values } = condition
	const filter = Object.hasOwn(collection.filters, field) ? collection.filters[field] : undefined
	// An empty parameter is none to WordPress: everything would come back.
	if (filter === undefined || values.some((value) => value.trim() === '')) return false
	// A comma or a space inside a value would be taken for two values.
	if (filter.in === true && values.some((value) => /[\s,]/.test(value))) return false
	if (filter.param === 'include' && values.some((value) => !/^\d{1,15}$/.test(value))) return false
	// A list heeds one list of ids: WordPress ignores `exclude` beside `include`, and WooCommerce writes a coupon's code
	// and what is on sale into the same two (read in the sources of both).
	if (filter.ids === true && hasIds(collection, query)) return false
	if (operator === '!=' && filter.param === 'include') {
		query['exclude'] = values.join(',')
		return true
	}
	const several = operator === 'IN' && (filter.in === true || values.length === 1)
	if ((operator !== '=' && !several) || query[filter.param] !== undefined) return false
	query[filter.param] = values.join(',')
	// What only newer stores know is ignored in silence by the others: tested here as well.
	return filter.versionDependent !== true
}

/** Whether a query names objects by their ids already, or by what the store turns into ids. */
function hasIds(collection: Collection, query: Record<string, string>): boolean {
	return (
		query['exclude'] !== undefined ||
		Object.values(collection.filters).some(({ ids, param }) => ids === true && query[param] !== undefined)
	)
}

/**
 * A record's own answer to a condition. A field that no record has is the store's to judge when it has a parameter for
 * it.
 */
function testCondition(record: VendorRecord, condition: Condition, collection: Collection): boolean {
	const { field, operator, values } = condition
	if (isListParameterOnly(field, collection) && getValueAt(record, field) === undefined) return true
	const isLowercase = Object.hasOwn(collection.filters, field) && collection.filters[field]?.lowercase === true
	return matchesCondition(
		record,
		isLowercase ? { field, operator, values: values.map((value) => value.toLowerCase()) } : condition,
	)
}

/** Whether a name in a `where` is a parameter of lists and no field of this collection's records. */
function isListParameterOnly(field: string, collection: Collection): boolean {
	const filter = Object.hasOwn(collection.filters, field) ? collection.filters[field] : undefined
	return filter?.only === true || (collection.known && LIST_ONLY_PARAMETERS.has(field))
}

/** Names that WooCommerce's lists accept and that are in none of its records. */
const LIST_ONLY_PARAMETERS = new Set(['search', 'category', 'tag', 'product', 'customer', 'hide_empty'])

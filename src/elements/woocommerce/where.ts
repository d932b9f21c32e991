/**
 * Translates the contract's `where` to WooCommerce. Conditions that its lists can filter become parameters; the others
 * are tested here, record by record; none is ignored.
 *
 * A date without zone is in the site's local time, as WooCommerce reads it (docs/woocommerce.md 3.2); fields that end
 * in `_gmt` are UTC. The store always gets UTC with `dates_are_gmt=true`.
 */
import { parseIso, parseTime, getValueAt } from '../values.ts'
import { toCanonicalWhere, satisfiesOperator, type Condition, matchesCondition, type Operator } from '../where.ts'
import type { Collection } from './collections.ts'
import { formatGmt, WOO_DATE_FORMAT, formatDateValue } from './dates.ts'
import type { VendorRecord } from '../store.ts'

/** A `where` as parameters of a store's list. */
interface ListFilter {
	/** List parameters. */
	query: Record<string, string>
	/** Conditions that the store does not filter, or not exactly; empty if the parameters cover everything. */
	rest: Condition[]
	/** Whether a record meets every condition that can be tested on a record. */
	matches: (record: VendorRecord) => boolean
	/** Whether a record of a list with these parameters meets the conditions that the store did not filter. */
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
 * Divides conditions between a store's list and Shopbell. An error names the condition whose value is invalid for its
 * field.
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

/** A condition on a date; null: it is not one. */
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
 * Seconds by which a bound is loosened if the zone in which the store reads it is unknown: no zone is further from
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

/** Sets a bound, or tightens the existing one. */
export function tightenBound(query: Record<string, string>, param: string, value: string, lower: boolean): void {
	const existing = query[param]
	if (existing === undefined || (lower ? value > existing : value < existing)) query[param] = value
}

function pushDownCondition(condition: Condition, collection: Collection, query: Record<string, string>): boolean {
	const { field, operator, values } = condition
	const filter = Object.hasOwn(collection.filters, field) ? collection.filters[field] : undefined
	// WordPress ignores an empty parameter: every object would be returned.
	if (filter === undefined || values.some((value) => value.trim() === '')) return false
	// A value with a comma or a space would be read as two values.
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
	// Older stores silently ignore parameters of newer versions, so these are also tested here.
	return filter.versionDependent !== true
}

/** Whether a query already names objects by their ids, or by parameters that the store converts to ids. */
function hasIds(collection: Collection, query: Record<string, string>): boolean {
	return (
		query['exclude'] !== undefined ||
		Object.values(collection.filters).some(({ ids, param }) => ids === true && query[param] !== undefined)
	)
}

/** Tests a condition on a record. A field that no record has is left to the store if it has a parameter for it. */
function testCondition(record: VendorRecord, condition: Condition, collection: Collection): boolean {
	const { field, operator, values } = condition
	if (isListParameterOnly(field, collection) && getValueAt(record, field) === undefined) return true
	const isLowercase = Object.hasOwn(collection.filters, field) && collection.filters[field]?.lowercase === true
	return matchesCondition(
		record,
		isLowercase ? { field, operator, values: values.map((value) => value.toLowerCase()) } : condition,
	)
}

/** Whether a name in a `where` is a parameter of lists and not a field of this collection's records. */
function isListParameterOnly(field: string, collection: Collection): boolean {
	const filter = Object.hasOwn(collection.filters, field) ? collection.filters[field] : undefined
	return filter?.only === true || (collection.known && LIST_ONLY_PARAMETERS.has(field))
}

/** Names that WooCommerce's lists accept and none of its records have. */
const LIST_ONLY_PARAMETERS = new Set(['search', 'category', 'tag', 'product', 'customer', 'hide_empty'])

/** Parses a record into a snapshot for the gate: its identity, dates, state and content. */
import { ExactNumber, toCanonicalNumber } from '../json.ts'
import { isRecord, parseIso, getValueAt, toObjectId } from '../values.ts'
import { parseDateField, WOO_DATE_FORMAT } from './dates.ts'
import { toCanonicalForm } from '../canonical-urls.ts'
import { mapPaths, omitPaths } from '../paths.ts'
import { findOtherKind } from './record-kinds.ts'
import type { ContentProfile, DateRule, ObjectId, Resource, Snapshot, VendorRecord } from '../store.ts'

/** Fields that change without an edit (docs/woocommerce.md 4.5). */
const VOLATILE_FIELDS = new Set([
	'related_ids',
	'_links',
	'price_html',
	'total_sales',
	'average_rating',
	'rating_count',
	'date_modified',
	'date_modified_gmt',
])

/** The date that `orderby=modified` and `modified_after` use. */
const LIST_MODIFIED_RULE = toOwnRule('date_modified')
const OWN_CREATED_RULE = toOwnRule('date_created')

/** WooCommerce's own form of a date, whose years have four digits. */
function toOwnRule(field: string): DateRule {
	return { field, format: WOO_DATE_FORMAT, zone: 'UTC', gmtSibling: true, stepSec: 1, nowMs: 0 }
}

/** Objects whose own fields are named one level deeper. */
const NESTED_OBJECTS = new Set(['billing', 'shipping'])

/** From this version of the form on, numbers count with every digit. */
const EXACT_NUMBERS_VERSION = 3

/** Orders in these states are listed by some versions but are not orders yet (docs/woocommerce.md 4.10). */
const DRAFT_ORDER_STATUSES = new Set(['checkout-draft', 'auto-draft', 'draft', 'new'])

/**
 * Parses a record as a snapshot; null if it has no id that an object can have, or is of another kind. `profile`: which
 * paths do not count, and the form of the rest.
 *
 * A local date with a `_gmt` twin is left out at every depth: it adds nothing, and all of them change at once if the
 * site's zone changes (docs/woocommerce.md 3.4), which would emit an event for every object of the store.
 */
export function parseRecord(resource: Resource, record: VendorRecord, profile: ContentProfile): Snapshot | null {
	const id = toObjectId(getValueAt(record, resource.idField))
	if (id === null || !isIdentity(id, resource.idField) || findOtherKind(resource.path, record) !== null) return null
	const updated = parseDateField(record, resource.dates.updated)
	const created = parseDateField(record, resource.dates.created)
	const listModifiedSec = getListModifiedSec(record, resource.dates.updated)
	const identity = resource.identityField === null ? null : record[resource.identityField]
	return {
		id,
		...(typeof identity === 'string' && identity !== '' && { identity }),
		// What is unreadable is not absent: an object that was there would count as new.
		modifiedSec: updated.unreadable === null ? updated.seconds : listModifiedSec,
		createdSec: created.unreadable === null ? created.seconds : parseDateField(record, OWN_CREATED_RULE).seconds,
		listModifiedSec,
		state: getObjectState(resource, record),
		localOffsetSec: getLocalOffsetSec(record),
		fields: toContentFields(record, profile),
		unreadableDates: { updated: updated.unreadable, created: created.unreadable },
		record,
	}
}

/** Whether a value can be an object's id: WooCommerce's numbers begin at 1. Other fields may hold any text. */
function isIdentity(id: ObjectId, idField: string): boolean {
	if (typeof id === 'number') return id > 0
	return idField !== 'id' || !/^[+-]?\d+(\.\d*)?$/.test(id) || /^[1-9]\d*$/.test(id)
}

/** The date by which lists are ordered and filtered, in the configured form where a plugin has given it that one. */
export function getListModifiedSec(record: VendorRecord, updated: DateRule | null): number | null {
	const own = parseDateField(record, LIST_MODIFIED_RULE)
	if (own.unreadable === null) return own.seconds
	const isSameField = updated?.field === 'date_modified' || updated?.field === 'date_modified_gmt'
	return isSameField && updated.stepSec === 1 ? parseDateField(record, updated).seconds : null
}

function getObjectState(resource: Resource, record: VendorRecord): Snapshot['state'] {
	const status = record['status']
	if (status === 'trash') return 'trashed'
	if (
		status === 'auto-draft' ||
		(resource.path === 'orders' && typeof status === 'string' && DRAFT_ORDER_STATUSES.has(status))
	)
		return 'hidden'
	return resource.matches === undefined || resource.matches(record) ? 'live' : 'hidden'
}

/**
 * Seconds by which the local date is east of the GMT date: WooCommerce writes both, with the zone of that time
 * (docs/woocommerce.md 3.4).
 */
function getLocalOffsetSec(record: VendorRecord): number | null {
	const [local, gmt] = [record['date_modified'], record['date_modified_gmt']].map((value) =>
		typeof value === 'string' ? parseIso(value, 'UTC') : null,
	)
	return typeof local === 'number' && typeof gmt === 'number' ? (local - gmt) / 1000 : null
}

function toContentFields(record: VendorRecord, profile: ContentProfile): Snapshot['fields'] {
	const { version, paths, urlPaths = [] } = profile
	const exact = version >= EXACT_NUMBERS_VERSION
	const fields: Snapshot['fields'] = []
	for (const [name, value] of Object.entries(mapPaths(omitPaths(record, paths), urlPaths, toCanonicalForm))) {
		if (VOLATILE_FIELDS.has(name) || hasGmtTwin(name, record)) continue
		if (NESTED_OBJECTS.has(name) && isRecord(value)) {
			for (const [inner, part] of Object.entries(value))
				fields.push({ name: `${name}.${inner}`, value: toCanonicalJson(part, exact) })
		} else if (name === 'id' && exact && typeof value === 'string' && /^[1-9]\d*$/.test(value)) {
			// Caches and plugins write the id as text now and then.
			fields.push({ name, value })
		} else if (name === 'meta_data' && version >= 2 && Array.isArray(value))
			fields.push({ name, value: toCanonicalMeta(value, exact) })
		else fields.push({ name, value: toCanonicalJson(value, exact) })
	}
	return sortByName(fields)
}

/** How the fields of a resource's records stand in order: records of a resource have the same names again and again. */
interface FieldOrder {
	names: readonly string[]
	/** Places of the names, sorted by name. */
	places: readonly number[]
}

/** Orders by the number of fields and the first one. */
const fieldOrders = new Map<string, FieldOrder>()
const MAX_CACHED_ORDERS = 200

function sortByName(fields: Snapshot['fields']): Snapshot['fields'] {
	const key = `${fields.length} ${fields[0]?.name}`
	let order = fieldOrders.get(key)
	if (order === undefined || fields.some(({ name }, index) => name !== order!.names[index])) {
		if (fieldOrders.size >= MAX_CACHED_ORDERS) fieldOrders.clear()
		order = {
			names: fields.map(({ name }) => name),
			places: [...fields.keys()].sort((a, b) => (fields[a]!.name < fields[b]!.name ? -1 : 1)),
		}
		fieldOrders.set(key, order)
	}
	return order.places.map((place) => fields[place]!)
}

/** Meta by key and value: a plugin that deletes an entry and writes it again changes its id and its place. */
function toCanonicalMeta(entries: readonly unknown[], exact: boolean): string {
	const texts = entries.map((entry) => {
		if (!isRecord(entry)) return toCanonicalJson(entry, exact)
		const { id: _, ...rest } = entry
		return toCanonicalJson(rest, exact)
	})
	return `[${texts.sort().join(',')}]`
}

/**
 * JSON with sorted keys and without local dates that have a `_gmt` twin, so that equal content has equal text. `exact`:
 * with every digit of numbers; before version 3 they were as JavaScript rounds them.
 */
export function toCanonicalJson(value: unknown, exact = true): string {
	if (typeof value === 'string') return quote(value)
	if (value === null || typeof value === 'boolean') return String(value)
	if (Array.isArray(value))
		return value.length === 0 ? '[]' : `[${value.map((entry) => toCanonicalJson(entry, exact)).join(',')}]`
	if (value instanceof ExactNumber) return exact ? toCanonicalNumber(value) : JSON.stringify(Number(value))
	if (!isRecord(value)) return JSON.stringify(value) ?? 'null'
	let parts = ''
	for (const name of Object.keys(value).sort()) {
		if (hasGmtTwin(name, value)) continue
		parts += `${parts === '' ? '' : ','}${quote(name)}:${toCanonicalJson(value[name], exact)}`
	}
	return `{${parts}}`
}

/** What JSON writes with an escape: quotes, backslashes, control characters and halves of surrogate pairs. */
// oxlint-disable-next-line no-control-regex
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/

/** A text as JSON, faster than JSON.stringify where nothing is escaped: most are short words. */
function quote(text: string): string {
	return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
}

function hasGmtTwin(name: string, record: Record<string, unknown>): boolean {
	return name.startsWith('date_') && Object.hasOwn(record, `${name}_gmt`)
}

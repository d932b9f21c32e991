/** A record as the gate wants it: what identifies it, when it changed, whether it counts, and what it consists of. */
import { isRecord, readIso, valueAt } from '../values.ts'
import { dateOf, WOO_DATE_FORMAT } from './dates.ts'
import type { ObjectId, Resource, Sighting, VendorRecord } from '../store.ts'

/** Names that change without anybody having changed anything (WooCommerce facts, section 4). */
const VOLATILE = new Set([
	'related_ids',
	'_links',
	'price_html',
	'total_sales',
	'average_rating',
	'rating_count',
	'date_modified',
	'date_modified_gmt',
])

/** What `orderby=modified` and `modified_after` go by. */
const LISTED_BY = { field: 'date_modified', format: WOO_DATE_FORMAT, zone: 'UTC', gmtSibling: true }

/** Objects whose own fields are named one level deeper. */
const DEEPER = new Set(['billing', 'shipping'])

/** Orders in these states are listed by some versions but are not orders yet (WooCommerce facts, section 4). */
const NOT_YET = new Set(['checkout-draft', 'auto-draft', 'draft', 'new'])

/**
 * Looks at a record; null when it has no id. `volatile`: further names to leave out (`price`, `billing.phone`), which the instance
 * has learned.
 *
 * A local date beside its `_gmt` twin is left out, at every depth: it says nothing more, and all of them change at once when the
 * site's zone is changed (WooCommerce facts, 3.4), which would ring every object of the store.
 */
export function sight(resource: Resource, record: VendorRecord, volatile: readonly string[]): Sighting | null {
	const id = objectId(valueAt(record, resource.idField))
	if (id === null) return null
	const updated = dateOf(record, resource.dates.updated)
	const created = dateOf(record, resource.dates.created)
	return {
		id,
		stampSec: updated.seconds,
		createdSec: created.seconds,
		listedSec: dateOf(record, LISTED_BY).seconds,
		state: stateOf(resource, record),
		localOffsetSec: localOffset(record),
		fields: fieldsOf(record, new Set(volatile)),
		unreadableDate: updated.unreadable ?? created.unreadable,
		record,
	}
}

/** An id as the rest of the system holds it: a number where it is numeric, otherwise text; null for what cannot be one. */
export function objectId(value: unknown): ObjectId | null {
	if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null
	if (typeof value !== 'string' || value === '' || value.length > 500) return null
	return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value
}

function stateOf(resource: Resource, record: VendorRecord): Sighting['state'] {
	const status = record['status']
	if (status === 'trash') return 'trashed'
	if (status === 'auto-draft' || (resource.path === 'orders' && typeof status === 'string' && NOT_YET.has(status))) return 'hidden'
	return resource.matches === undefined || resource.matches(record) ? 'live' : 'hidden'
}

/** Seconds by which the local stamp lies east of the GMT one: WooCommerce writes both, as the zone then was (WooCommerce facts, 3.4). */
function localOffset(record: VendorRecord): number | null {
	const [local, gmt] = [record['date_modified'], record['date_modified_gmt']].map((value) =>
		typeof value === 'string' ? readIso(value, 'UTC') : null,
	)
	return typeof local === 'number' && typeof gmt === 'number' ? (local - gmt) / 1000 : null
}

function fieldsOf(record: VendorRecord, volatile: ReadonlySet<string>): Sighting['fields'] {
	const fields: Sighting['fields'] = []
	for (const [name, value] of Object.entries(record)) {
		if (VOLATILE.has(name) || volatile.has(name) || isLocalTwin(name, record)) continue
		if (DEEPER.has(name) && isRecord(value)) {
			for (const [inner, part] of Object.entries(value)) {
				const path = `${name}.${inner}`
				if (!volatile.has(path)) fields.push({ name: path, value: canonicalJson(part) })
			}
		} else fields.push({ name, value: canonicalJson(value) })
	}
	return fields.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** JSON with sorted keys and without local dates that have a `_gmt` twin: one text for one content. */
export function canonicalJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
	if (!isRecord(value)) return JSON.stringify(value) ?? 'null'
	const parts = Object.keys(value)
		.filter((name) => !isLocalTwin(name, value))
		.sort()
		.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`)
	return `{${parts.join(',')}}`
}

function isLocalTwin(name: string, among: Record<string, unknown>): boolean {
	return name.startsWith('date_') && Object.hasOwn(among, `${name}_gmt`)
}

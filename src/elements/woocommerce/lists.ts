/** A hub's list in terms of WooCommerce: filter, order and paging of one collection (cloud-elements contract, section 8). */
import type { Key, ListPlan, Planned } from '../records.ts'
import { valueAt } from '../values.ts'
import { type Condition, parseWhere } from '../where.ts'
import { type Collection, collectionAt, olderThan } from './collections.ts'
import { siteZone } from './dates.ts'
import { vendorPath } from './hub.ts'
import { objectId } from './sight.ts'
import { dateKind, filterOf } from './where.ts'
import type { Connection, VendorRecord } from '../store.ts'

/** Rows that WooCommerce gives at once (WooCommerce facts, 2.4). */
const PAGE_LIMIT = 100

/** `field`, `field asc` or `field desc`; ascending unless it says otherwise. */
const FORM = /^\s*([A-Za-z_][\w.-]*)(?:\s+(asc|desc))?\s*$/i

/** How a hub's list is asked for. A `where` is pushed down as far as the store filters; an `orderBy` that the store lacks is refused, never ignored. */
export function planList(path: string, ask: { where: string | null; orderBy: string | null }, connection: Connection): Planned {
	const vendor = vendorPath(path)
	if (vendor === null) return { ok: false, message: `${path} is no collection` }
	const collection = collectionAt(vendor, connection)
	let conditions: Condition[] = []
	if (ask.where !== null) {
		const parsed = parseWhere(ask.where)
		if (!parsed.ok) return parsed
		conditions = parsed.conditions
	}
	const divided = filterOf(conditions, collection, siteZone(connection))
	if (!divided.ok) return divided
	const ordered = orderOf(vendor, collection, ask.orderBy, connection)
	if (!ordered.ok) return ordered
	const { query, rest, remains } = divided.filter
	const plan: ListPlan = {
		path: vendor,
		query: { ...collection.always, ...query, ...ordered.query },
		matches: rest.length === 0 ? null : remains,
		order: ordered.order,
		pageLimit: collection.paged ? PAGE_LIMIT : null,
		position: collection.paged ? positionOf : () => ({}),
	}
	return { ok: true, plan }
}

/** A page where one fits, since every list knows it; an offset, which some plugins' lists do not know, where none does. */
function positionOf(offset: number, limit: number): Record<string, string> {
	const page: Record<string, string> = offset % limit === 0 ? { page: String(offset / limit + 1) } : { offset: String(offset) }
	return { ...page, per_page: String(limit) }
}

type Ordered = { ok: true; query: Record<string, string>; order: ListPlan['order'] } | { ok: false; message: string }

function orderOf(vendor: string, collection: Collection, orderBy: string | null, connection: Connection): Ordered {
	const args = connection.collections[vendor]?.args ?? null
	const dateKey = createdKey(vendor, connection)
	if (orderBy === null || orderBy.trim() === '') return newestFirst(collection, args, dateKey)
	const orders = ordersOf(vendor, collection, args)
	const [, field = '', direction = 'asc'] = FORM.exec(orderBy) ?? []
	const kind = dateKind(field)
	const name = kind === null ? field : `date_${kind}`
	const possible = Object.keys(orders)
	if (Object.hasOwn(orders, name)) {
		const descending = direction.toLowerCase() === 'desc'
		const key = name === 'id' ? idKey : name === 'date_created' ? dateKey : null
		return {
			ok: true,
			query: { orderby: orders[name]!, order: descending ? 'desc' : 'asc' },
			order: key === null ? null : { key, descending },
		}
	}
	if (possible.length === 0) return { ok: false, message: 'orderBy: this collection has no order that could be chosen' }
	return { ok: false, message: `orderBy: expected ${possible.join(', ')}, with asc or desc after it; found "${orderBy.slice(0, 100)}"` }
}

/**
 * The order when none is asked for: newest first, in one that page tokens can be anchored in. Orders go by their created date where the store breaks
 * its ties (11.0 and later, WooCommerce facts, 3.6); everything else by id, since drafts have no created date, customers are listed by a name that
 * their records do not show, and terms by a collation of the database.
 */
function newestFirst(collection: Collection, args: string[] | null, dateKey: ((record: VendorRecord) => Key | null) | null): Ordered {
	if (!collection.paged) return { ok: true, query: {}, order: { key: idKey, descending: true } }
	// A plugin's list that nobody asked about may refuse an order: it is left in its own, and its pages go by position.
	const orderable = collection.known || (args !== null && args.includes('orderby') && args.includes('offset'))
	if (!orderable) return { ok: true, query: {}, order: null }
	return dateKey === null
		? { ok: true, query: { orderby: 'id', order: 'desc' }, order: { key: idKey, descending: true } }
		: { ok: true, query: { orderby: 'date', order: 'desc' }, order: { key: dateKey, descending: true } }
}

function idKey(record: VendorRecord): Key | null {
	const id = objectId(record['id'])
	return typeof id === 'number' ? [id] : null
}

/**
 * Where a record stands in a list by created date: as the storage sorts, orders in their own tables by UTC, posts by the site's wall clock (WooCommerce
 * facts, 3.6). Null where that is not known, or where ties come in any order.
 */
function createdKey(vendor: string, connection: Connection): ((record: VendorRecord) => Key | null) | null {
	if (vendor !== 'orders' || connection.hpos === null || connection.version === '' || olderThan(connection.version, 11, 0)) return null
	const field = connection.hpos ? 'date_created_gmt' : 'date_created'
	return (record) => {
		const id = objectId(record['id'])
		const date = valueAt(record, field)
		return typeof id === 'number' && typeof date === 'string' ? [date, id] : null
	}
}

/** Field → the store's word for it (WooCommerce facts, section 3). */
function ordersOf(path: string, collection: Collection, args: string[] | null): Record<string, string> {
	if (!collection.paged || (args !== null && !args.includes('orderby'))) return {}
	const created = path === 'customers' ? 'registered_date' : collection.created ? 'date' : null
	return {
		id: 'id',
		...(created === null ? {} : { date_created: created }),
		...(collection.modified ? { date_modified: 'modified' } : {}),
		...(path === 'products' ? { name: 'title', slug: 'slug' } : {}),
		...(/^products\/(categories|tags|brands)$/.test(path) ? { name: 'name', slug: 'slug', count: 'count' } : {}),
	}
}

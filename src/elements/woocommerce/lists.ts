/** A hub's list in terms of WooCommerce: filter, order and paging of one collection (docs/contract.md §8). */
import type { RecordSortKey, ListPlan, ListPlanResult } from '../records.ts'
import { getValueAt, isNumericId, toObjectId } from '../values.ts'
import { type Condition, parseWhere } from '../where.ts'
import { type Collection, getCollection, isOlderThan } from './collections.ts'
import { getSiteZone } from './zones.ts'
import { toVendorPath } from './hub-paths.ts'
import { getDateKind, splitConditions } from './where.ts'
import type { Connection, VendorRecord } from '../store.ts'

/** Rows that WooCommerce gives at once (docs/woocommerce.md 2.4). */
const PAGE_LIMIT = 100

/** `field`, `field asc` or `field desc`; ascending by default. */
const ORDER_BY_PATTERN = /^\s*([A-Za-z_][\w.-]*)(?:\s+(asc|desc))?\s*$/i

/**
 * Plans the requests of a hub's list. A `where` is pushed down as far as the store filters; an `orderBy` that the
 * store lacks is refused, never ignored.
 */
export function planList(
	path: string,
	request: { where: string | null; orderBy: string | null },
	connection: Connection,
): ListPlanResult {
	const vendor = toVendorPath(path)
	if (vendor === null)
		return { ok: false, parameter: 'path', message: `expected a collection, found "${path.slice(0, 100)}"` }
	const collection = getCollection(vendor, connection)
	let conditions: Condition[] = []
	if (request.where !== null) {
		const parsed = parseWhere(request.where)
		if (!parsed.ok) return { ...parsed, parameter: 'where' }
		conditions = parsed.conditions
	}
	const split = splitConditions(conditions, collection, getSiteZone(connection))
	if (!split.ok) return { ...split, parameter: 'where' }
	const order = parseOrderBy(vendor, collection, request.orderBy, connection)
	if (!order.ok) return { ...order, parameter: 'orderBy' }
	const { query, rest, matchesRest } = split.filter
	const plan: ListPlan = {
		path: vendor,
		query: { ...collection.baseQuery, ...query, ...order.query },
		matches: rest.length === 0 ? null : matchesRest,
		order: order.order,
		pageLimit: collection.paged ? PAGE_LIMIT : null,
		pageQuery: collection.paged ? toPageQuery : () => ({}),
	}
	return { ok: true, plan }
}

/**
 * A page number if one fits, since every list supports it; otherwise an offset, which some plugins' lists do not
 * support.
 */
function toPageQuery(offset: number, limit: number, paging?: 'offset' | 'page'): Record<string, string> {
	const page: Record<string, string> =
		paging !== 'offset' && offset % limit === 0 ? { page: String(offset / limit + 1) } : { offset: String(offset) }
	return { ...page, per_page: String(limit) }
}

type ListOrderResult =
	| { ok: true; query: Record<string, string>; order: ListPlan['order'] }
	| { ok: false; message: string }

function parseOrderBy(
	vendor: string,
	collection: Collection,
	orderBy: string | null,
	connection: Connection,
): ListOrderResult {
	const args = connection.collections[vendor]?.args ?? null
	const dateKey = createdKeyFor(vendor, connection)
	if (orderBy === null || orderBy.trim() === '') return getDefaultOrder(collection, args, dateKey)
	const orders = getOrderFields(vendor, collection, args)
	const [, field = '', direction = 'asc'] = ORDER_BY_PATTERN.exec(orderBy) ?? []
	const kind = getDateKind(field)
	const name = kind === null ? field : `date_${kind}`
	const possible = Object.keys(orders)
	if (Object.hasOwn(orders, name)) {
		const descending = direction.toLowerCase() === 'desc'
		const key = name === 'id' ? getIdKey : name === 'date_created' ? dateKey : null
		return {
			ok: true,
			query: { orderby: orders[name]!, order: descending ? 'desc' : 'asc' },
			order: key === null ? null : { key, descending, isChosen: true },
		}
	}
	if (possible.length === 0)
		return { ok: false, message: 'expected none, since this collection has no order to choose' }
	return {
		ok: false,
		message: `expected ${possible.join(', ')}, with asc or desc after it; found "${orderBy.slice(0, 100)}"`,
	}
}

/**
 * The default order: newest first, in an order that page tokens can be anchored in. Orders go by their
 * created date where the store breaks its ties (11.0 and later, docs/woocommerce.md 3.6); everything else by id, since
 * drafts have no created date, customers are listed by a name that their records do not show, and terms by a collation
 * of the database.
 */
function getDefaultOrder(
	collection: Collection,
	args: string[] | null,
	dateKey: ((record: VendorRecord) => RecordSortKey | null) | null,
): ListOrderResult {
	if (!collection.paged) return { ok: true, query: {}, order: { key: getIdKey, descending: true } }
	// A plugin's list whose arguments are unknown may refuse an order: it keeps its own, and pages go by position.
	const orderable = collection.known || (args !== null && args.includes('orderby') && args.includes('offset'))
	if (!orderable) return { ok: true, query: {}, order: null }
	return dateKey === null
		? { ok: true, query: { orderby: 'id', order: 'desc' }, order: { key: getIdKey, descending: true } }
		: { ok: true, query: { orderby: 'date', order: 'desc' }, order: { key: dateKey, descending: true } }
}

function getIdKey(record: VendorRecord): RecordSortKey | null {
	const id = toObjectId(record['id'])
	return id !== null && isNumericId(id) ? [id] : null
}

/**
 * A record's position in a list by created date, as the storage sorts: orders in their own tables by UTC, posts by
 * the site's wall clock (docs/woocommerce.md 3.6). Null where that is not known, or where ties come in any order.
 */
function createdKeyFor(
	vendor: string,
	connection: Connection,
): ((record: VendorRecord) => RecordSortKey | null) | null {
	if (
		vendor !== 'orders' ||
		connection.hpos === null ||
		connection.version === '' ||
		isOlderThan(connection.version, 11, 0)
	)
		return null
	const field = connection.hpos ? 'date_created_gmt' : 'date_created'
	return (record) => {
		const id = toObjectId(record['id'])
		const date = getValueAt(record, field)
		return id !== null && isNumericId(id) && typeof date === 'string' ? [date, id] : null
	}
}

/** Field → the store's name for it (docs/woocommerce.md §3). */
function getOrderFields(path: string, collection: Collection, args: string[] | null): Record<string, string> {
	if (!collection.paged || (args !== null && !args.includes('orderby'))) return {}
	const created = path === 'customers' ? 'registered_date' : collection.filtersByCreated ? 'date' : null
	return {
		id: 'id',
		...(created === null ? {} : { date_created: created }),
		...(collection.filtersByModified ? { date_modified: 'modified' } : {}),
		...(path === 'products' ? { name: 'title', slug: 'slug' } : {}),
		...(/^products\/(categories|tags|brands)$/.test(path) ? { name: 'name', slug: 'slug', count: 'count' } : {}),
	}
}

/** What a record is, by the fields that one kind alone has: caches and plugins mix collections up. Pure. */
import { isRecord } from '../values.ts'
import type { VendorRecord } from '../store.ts'

/** By collection: fields of which each of its records has at least one. */
const OWN_FIELDS: Readonly<Record<string, readonly string[]>> = {
	orders: ['order_key', 'line_items', 'customer_id', 'payment_method'],
	products: ['catalog_visibility', 'regular_price', 'stock_status', 'permalink'],
	coupons: ['discount_type', 'usage_count', 'amount'],
	customers: ['is_paying_customer', 'username', 'avatar_url', 'email'],
}

/** Fields that together tell a kind. */
const MARKS: readonly { name: string; fields: readonly string[] }[] = [
	{ name: 'orders', fields: ['order_key', 'line_items'] },
	{ name: 'products', fields: ['catalog_visibility', 'regular_price'] },
	{ name: 'coupons', fields: ['discount_type', 'code'] },
	{ name: 'customers', fields: ['is_paying_customer', 'username'] },
	{ name: 'terms', fields: ['slug', 'parent', 'count'] },
	{ name: 'pages or posts', fields: ['title', 'content', 'type'] },
]

/**
 * What a record is that is none of the collection's, as people call such records: it has no field of its own kind, and
 * all marks of another one, or its link names another collection. null: it may be one of the collection's.
 */
export function findOtherKind(path: string, record: VendorRecord): string | null {
	const own = OWN_FIELDS[path]
	if (own === undefined || own.some((field) => Object.hasOwn(record, field))) return null
	const other = MARKS.find(({ fields }) => fields.every((field) => Object.hasOwn(record, field)))
	return other?.name ?? getLinkedCollection(path, record)
}

/** The collection that `_links.self` names, if it is another one: `/wc/v3/orders/5`. */
function getLinkedCollection(path: string, { _links: links }: VendorRecord): string | null {
	const self: unknown = isRecord(links) && Array.isArray(links['self']) ? links['self'][0] : null
	const href = isRecord(self) ? self['href'] : null
	const [, name] = typeof href === 'string' ? (/\/(?:wc|wp)\/v\d+\/(.+)\/\d+\/?$/.exec(href) ?? []) : []
	return name === undefined || name === path ? null : name
}

/**
 * The platform's names for WooCommerce's collections (cloud-elements contract, section 8): `discounts` are coupons, order
 * `comments` are notes, hyphens stand for levels. Every other collection goes by its own name.
 */
import type { Connection, VendorRecord } from '../element.ts'
import { type Condition, parseWhere } from '../where.ts'
import { collectionAt } from './collections.ts'
import { siteZone } from './dates.ts'
import { filterOf } from './where.ts'

const FIRST_SEGMENT: Record<string, string> = {
	discounts: 'coupons',
	'products-attributes': 'products/attributes',
	'products-categories': 'products/categories',
	'products-tags': 'products/tags',
	'products-brands': 'products/brands',
	'products-reviews': 'products/reviews',
	'products-shipping-classes': 'products/shipping_classes',
	'reports-sales': 'reports/sales',
	'reports-top-sellers': 'reports/top_sellers',
	'shipping-methods': 'shipping_methods',
	'payment-gateways': 'payment_gateways',
	'system-status': 'system_status',
	'tax-classes': 'taxes/classes',
}

/** A hub path (`discounts/5`, `orders/12/comments`) as WooCommerce's; null when it cannot be a collection or an object of one. */
export function vendorPath(path: string): string | null {
	const segments = path
		.replace(/^\/+|\/+$/g, '')
		.split('/')
		.map((segment) => decoded(segment))
	const [first, ...others] = segments
	if (first === undefined || first === null || !/^[a-z][a-z0-9_-]*$/.test(first)) return null
	// An id may be text (`payment_gateways/bacs`), never a way out of the collection.
	if (others.some((segment) => segment === null || !/^[\w.~ -]+$/.test(segment) || /^\.+$/.test(segment))) return null
	const head = FIRST_SEGMENT[first] ?? first
	const tail = others.map((segment, index) =>
		head === 'orders' && index === 1 && segment === 'comments' ? 'notes' : encodeURIComponent(segment ?? ''),
	)
	return [head, ...tail].join('/')
}

/** What a hub calls a vendor path, for messages to people: `coupons` → `discounts`. */
export function hubName(path: string): string {
	const found = Object.entries(FIRST_SEGMENT).find(([, vendor]) => path === vendor)
	return found?.[0] ?? path
}

function decoded(segment: string): string | null {
	try {
		return decodeURIComponent(segment)
	} catch {
		return null
	}
}

/**
 * A hub list's `where` as the vendor's query, and what the store cannot filter: `matches` is null when the query says it all,
 * otherwise each record of the answer must pass it.
 */
export function vendorQuery(
	path: string,
	where: string | null,
	connection: Connection,
): { ok: true; query: Record<string, string>; matches: ((record: VendorRecord) => boolean) | null } | { ok: false; message: string } {
	const vendor = vendorPath(path)
	if (vendor === null) return { ok: false, message: `${path} is no collection` }
	const collection = collectionAt(vendor, connection)
	let conditions: Condition[] = []
	if (where !== null) {
		const parsed = parseWhere(where)
		if (!parsed.ok) return parsed
		conditions = parsed.conditions
	}
	const divided = filterOf(conditions, collection, siteZone(connection))
	if (!divided.ok) return divided
	const { query, rest, matches } = divided.filter
	return { ok: true, query: { ...collection.always, ...query }, matches: rest.length === 0 ? null : matches }
}

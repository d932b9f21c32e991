/**
 * The contract's `orderBy` (cloud-elements contract, section 8) in terms of a store's list. Only the store can order a list that comes in
 * pages, so that what it cannot order by is refused and never ignored.
 */
import type { Connection } from '../element.ts'
import { collectionAt, type Collection } from './collections.ts'
import { vendorPath } from './hub.ts'
import { dateKind } from './where.ts'

/** `field`, `field asc` or `field desc`; ascending unless it says otherwise. */
const FORM = /^\s*([A-Za-z_][\w.-]*)(?:\s+(asc|desc))?\s*$/i

/** A hub list's `orderBy` as the vendor's query; a message names what this collection can be ordered by. */
export function vendorOrder(
	path: string,
	orderBy: string | null,
	connection: Connection,
): { ok: true; query: Record<string, string> } | { ok: false; message: string } {
	if (orderBy === null || orderBy.trim() === '') return { ok: true, query: {} }
	const vendor = vendorPath(path) ?? ''
	const orders = ordersOf(vendor, collectionAt(vendor, connection), connection.collections[vendor]?.args ?? null)
	const [, field = '', direction = 'asc'] = FORM.exec(orderBy) ?? []
	const kind = dateKind(field)
	const name = kind === null ? field : `date_${kind}`
	if (Object.hasOwn(orders, name)) return { ok: true, query: { orderby: orders[name]!, order: direction.toLowerCase() } }
	const possible = Object.keys(orders)
	if (possible.length === 0) return { ok: false, message: 'orderBy: this collection has no order that could be chosen' }
	return { ok: false, message: `orderBy: expected ${possible.join(', ')}, with asc or desc after it; found "${orderBy.slice(0, 100)}"` }
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

/**
 * The platform's names for WooCommerce's collections (docs/contract.md §8): `discounts` are coupons, order `comments`
 * are notes, hyphens separate levels. Every other collection keeps its own name.
 */

const VENDOR_SEGMENTS: Record<string, string> = {
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

/** Collections by the other spelling of their hub names: `products/shipping-classes`, `reports/top-sellers`. */
const SLASH_SPELLINGS = new Map(
	Object.entries(VENDOR_SEGMENTS)
		.filter(([name]) => name.includes('-'))
		.map(([name, vendor]) => [name.replace('-', '/'), vendor]),
)

/**
 * Converts a hub path (`discounts/5`, `orders/12/comments`) to WooCommerce's; null: it cannot be a collection or one
 * of its objects.
 */
export function toVendorPath(path: string): string | null {
	const segments = path
		.replace(/^\/+|(?<!\/)\/+$/g, '')
		.split('/')
		.map((segment) => decodeSegment(segment))
	const [first, ...others] = segments
	if (first === undefined || first === null || !/^[a-z][a-z0-9_-]*$/.test(first)) return null
	// An id may be text (`payment_gateways/bacs`), never a way out of the collection.
	if (others.some((segment) => segment === null || !/^[\w.~ -]+$/.test(segment) || /^\.+$/.test(segment))) return null
	const spelled = SLASH_SPELLINGS.get(`${first}/${others[0] ?? ''}`)
	const head = spelled ?? VENDOR_SEGMENTS[first] ?? first
	const tail = (spelled === undefined ? others : others.slice(1)).map((segment, index) =>
		head === 'orders' && index === 1 && segment === 'comments' ? 'notes' : encodeURIComponent(segment ?? ''),
	)
	return [head, ...tail].join('/')
}

/** The path by the hub's own names: `products/reviews/5` → `products-reviews/5`; others stay as they are. */
export function toHubPath(path: string): string {
	const vendor = toVendorPath(path.replaceAll('{id}', PARENT_MARK))
	return vendor === null ? path : toHubName(vendor).replaceAll(PARENT_MARK, '{id}')
}

/** Stands for `{id}` where a path is parsed. */
const PARENT_MARK = '~id~'

/**
 * The hub's name of a vendor path: `coupons` → `discounts`, `products/categories` → `products-categories`,
 * `orders/{id}/notes` → `orders/{id}/comments`.
 */
export function toHubName(path: string): string {
	const found = Object.entries(VENDOR_SEGMENTS).find(([, vendor]) => path === vendor || path.startsWith(`${vendor}/`))
	const renamedPath = found === undefined ? path : found[0] + path.slice(found[1].length)
	return renamedPath.replace(/^(orders\/[^/]+)\/notes(?=\/|$)/, '$1/comments')
}

function decodeSegment(segment: string): string | null {
	try {
		return decodeURIComponent(segment)
	} catch {
		return null
	}
}

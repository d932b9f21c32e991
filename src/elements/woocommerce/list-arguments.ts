/**
 * Which query arguments a caller's text may become. Names that WordPress interprets itself never do: `_method` turns a
 * read into a write, and `rest_route` names another route (docs/woocommerce.md 1.11).
 */

const SELECTION = ['search', 'exclude', 'include']
const DATES = ['after', 'before', 'modified_after', 'modified_before']
const POSTS = [...SELECTION, ...DATES, 'parent', 'parent_exclude']
const META = ['include_meta', 'exclude_meta']

/** Arguments of a plugin's list that did not name its own. */
export const DEFAULT_ARGUMENTS: readonly string[] = [...POSTS, 'status', 'slug', 'type', 'customer', 'product']

export const ORDER_ARGUMENTS: readonly string[] = [
	...[...POSTS, ...META, 'status', 'customer', 'product', 'dp', 'order_item_display_meta', 'created_via'],
]

export const REFUND_ARGUMENTS: readonly string[] = [...POSTS, ...META, 'dp', 'order_item_display_meta']

export const VARIATION_ARGUMENTS: readonly string[] = [
	...[...POSTS, ...META, 'slug', 'status', 'include_status', 'exclude_status', 'sku', 'tax_class', 'on_sale'],
	...['min_price', 'max_price', 'stock_status', 'has_price', 'image_size', 'downloadable', 'virtual'],
	'pos_products_only',
]

export const PRODUCT_ARGUMENTS: readonly string[] = [
	...[...VARIATION_ARGUMENTS, 'brand', 'type', 'include_types', 'exclude_types', 'featured', 'category', 'tag'],
	...['shipping_class', 'attribute', 'attribute_term', 'search_sku', 'search_name_or_sku', 'search_fields'],
]

export const COUPON_ARGUMENTS: readonly string[] = [...POSTS, 'code', 'status']

export const CUSTOMER_ARGUMENTS: readonly string[] = [...SELECTION, 'email', 'role']

export const TERM_ARGUMENTS: readonly string[] = [...SELECTION, 'hide_empty', 'parent', 'product', 'slug']

export const REVIEW_ARGUMENTS: readonly string[] = [
	...[...SELECTION, 'after', 'before', 'reviewer', 'reviewer_exclude', 'reviewer_email', 'product', 'status'],
]

export const WEBHOOK_ARGUMENTS: readonly string[] = [...SELECTION, 'after', 'before', 'status']

/** Arguments that Shopbell sets itself: a url's are ignored. */
export const OWN_ARGUMENTS: readonly string[] = [
	...['page', 'per_page', 'offset', 'order', 'orderby', 'context', 'dates_are_gmt', '_fields'],
]

/** Names by which a request becomes another one, whoever sends it. */
const COMMANDS = new Set(['_method', '_envelope', '_jsonp', '_wpnonce', 'rest_route'])

/** Whether a name, however it is spelled, reaches WordPress as one of its own or as a credential. */
export function isReservedName(name: string): boolean {
	return isCommandName(name) || toPhpNames(name).some((phpName) => phpName.startsWith('_'))
}

/** Whether a name changes what the request is or who makes it; `_fields` and its like only change the response. */
export function isCommandName(name: string): boolean {
	return toPhpNames(name).some((phpName) => COMMANDS.has(phpName) || /^(oauth|consumer)_/.test(phpName))
}

/** Whether a list takes this argument from a url: its name, or an element of it (`status[]`, `status[0]`). */
export function isListArgument(name: string, args: readonly string[]): boolean {
	const base = name.replace(/\[\d{0,3}\]$/, '')
	return args.includes(base) && !OWN_ARGUMENTS.includes(base) && !isReservedName(name)
}

/**
 * The variables that PHP can make of a name: it skips spaces in front, ends at a NUL, and has `_` in place of dots and
 * spaces. A bracket ends the name if it is closed, and otherwise becomes `_` too; both are returned, in lower case.
 */
function toPhpNames(name: string): string[] {
	const [text = ''] = name.replaceAll('+', ' ').trimStart().split('\0')
	const variable = text.replace(/[\s.]/g, '_').toLowerCase()
	return [variable.replace(/(?<=.)\[.*$/s, ''), variable.replaceAll('[', '_')]
}

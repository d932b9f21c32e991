/**
 * The properties of WooCommerce's collections: filters and orders of their lists, how to read one object, and the
 * dates of their records (docs/woocommerce.md §3). A collection that is not in the table, such as a plugin's, counts
 * as an ordinary paged one; the arguments of its route (OPTIONS) correct that.
 */
import {
	COUPON_ARGUMENTS,
	CUSTOMER_ARGUMENTS,
	DEFAULT_ARGUMENTS,
	ORDER_ARGUMENTS,
	PRODUCT_ARGUMENTS,
	REFUND_ARGUMENTS,
	REVIEW_ARGUMENTS,
	TERM_ARGUMENTS,
	VARIATION_ARGUMENTS,
	WEBHOOK_ARGUMENTS,
} from './list-arguments.ts'
import type { Connection } from '../store.ts'

/** The properties of a collection. */
export interface Collection {
	/** `modified_after`, `modified_before` and `orderby=modified`. */
	filtersByModified: boolean
	/** `after` and `before`, by the created date. */
	filtersByCreated: boolean
	/** Its dates can be given as UTC, with `dates_are_gmt`, and this store is known to support that. */
	acceptsGmt: boolean
	/** `status=trash` lists trashed objects. */
	hasTrash: boolean
	/** false: the route has no pages and returns everything at once. */
	paged: boolean
	/** Lists in id order from any offset. False only for routes of plugins that have pages but no `offset`. */
	supportsOffset: boolean
	/** Stored as posts: lists sort by local time (docs/woocommerce.md 3.6). Orders depend on the store. */
	postsStored: boolean
	/** Which dates its records have. */
	dates: 'both' | 'created' | 'none'
	/** The field whose value is in the URL of an object. */
	idField: string
	/** The field that tells an object from another one with its id; null: an id always names one object. */
	identityField: string | null
	/** How to read one object: at its own URL, from the list by `include`, or as a variation. */
	read: 'address' | 'include' | 'variation'
	/** Hours between re-reads of everything and of the newest (docs/polling.md, Changes that only the re-read finds). */
	rereadHours: number
	recentHours: number
	/** Query of every list. */
	baseQuery: Record<string, string>
	/**
	 * Field of a `where` → list parameter for equality. `in`: the parameter takes several values joined with commas.
	 * `only`: it is no field of the records. `versionDependent`: not every version knows it. `ids`: it becomes
	 * WordPress's own list of ids, of which a list heeds one. `lowercase`: the store compares it in lower case.
	 */
	filters: Record<
		string,
		{ param: string; in?: true; only?: true; versionDependent?: true; ids?: true; lowercase?: true }
	>
	/** Arguments that a url may pass to the list. */
	args: readonly string[]
	/** Every store with WooCommerce has it. */
	isBuiltIn: boolean
	/** Part of WooCommerce itself, so its lists and records are known. */
	known: boolean
}

const ID_FILTERS = { id: { param: 'include', in: true, ids: true }, search: { param: 'search', only: true } } as const

const DEFAULT_COLLECTION: Collection = {
	filtersByModified: false,
	filtersByCreated: false,
	acceptsGmt: false,
	hasTrash: false,
	paged: true,
	supportsOffset: true,
	postsStored: false,
	dates: 'both',
	idField: 'id',
	identityField: null,
	read: 'address',
	rereadHours: 24,
	recentHours: 0,
	baseQuery: {},
	filters: {},
	args: DEFAULT_ARGUMENTS,
	isBuiltIn: false,
	known: false,
}

const WEEK_HOURS = 168

const PRODUCT_FILTERS: Collection['filters'] = {
	...ID_FILTERS,
	status: { param: 'status' },
	sku: { param: 'sku', in: true },
	slug: { param: 'slug' },
	stock_status: { param: 'stock_status' },
	on_sale: { param: 'on_sale', ids: true },
	tax_class: { param: 'tax_class' },
	parent_id: { param: 'parent', in: true },
}

const TERM_COLLECTION: Collection = {
	...DEFAULT_COLLECTION,
	dates: 'none',
	args: TERM_ARGUMENTS,
	filters: {
		...ID_FILTERS,
		slug: { param: 'slug' },
		parent: { param: 'parent' },
		product: { param: 'product', only: true },
		hide_empty: { param: 'hide_empty', only: true },
	},
}

const VARIATION_COLLECTION: Collection = {
	...DEFAULT_COLLECTION,
	filtersByModified: true,
	filtersByCreated: true,
	acceptsGmt: true,
	hasTrash: true,
	postsStored: true,
	rereadHours: WEEK_HOURS,
	filters: PRODUCT_FILTERS,
	args: VARIATION_ARGUMENTS,
}

const REFUND_COLLECTION: Collection = {
	...DEFAULT_COLLECTION,
	filtersByCreated: true,
	acceptsGmt: true,
	dates: 'created',
	filters: ID_FILTERS,
	args: REFUND_ARGUMENTS,
}

const UNPAGED_COLLECTION: Collection = { ...DEFAULT_COLLECTION, paged: false, dates: 'none', args: [] }

/** First match wins. */
const KNOWN_COLLECTIONS: readonly [pattern: RegExp, collection: Collection][] = [
	[
		/^orders$/,
		{
			...DEFAULT_COLLECTION,
			args: ORDER_ARGUMENTS,
			identityField: 'order_key',
			filtersByModified: true,
			filtersByCreated: true,
			acceptsGmt: true,
			isBuiltIn: true,
			hasTrash: true,
			rereadHours: WEEK_HOURS,
			filters: {
				...ID_FILTERS,
				status: { param: 'status', in: true },
				customer: { param: 'customer', only: true },
				customer_id: { param: 'customer' },
				product: { param: 'product', only: true },
				parent_id: { param: 'parent', in: true },
			},
		},
	],
	[
		/^products$/,
		{
			...DEFAULT_COLLECTION,
			args: PRODUCT_ARGUMENTS,
			filtersByModified: true,
			filtersByCreated: true,
			acceptsGmt: true,
			isBuiltIn: true,
			hasTrash: true,
			postsStored: true,
			rereadHours: WEEK_HOURS,
			filters: {
				...PRODUCT_FILTERS,
				type: { param: 'type' },
				featured: { param: 'featured' },
				category: { param: 'category', in: true, only: true },
				tag: { param: 'tag', in: true, only: true },
				shipping_class_id: { param: 'shipping_class' },
			},
		},
	],
	[
		/^coupons$/,
		{
			...DEFAULT_COLLECTION,
			args: COUPON_ARGUMENTS,
			filtersByModified: true,
			filtersByCreated: true,
			acceptsGmt: true,
			isBuiltIn: true,
			hasTrash: true,
			postsStored: true,
			rereadHours: 24,
			recentHours: 1,
			filters: {
				...ID_FILTERS,
				code: { param: 'code', ids: true, lowercase: true },
				status: { param: 'status', versionDependent: true },
			},
		},
	],
	[
		/^customers$/,
		{
			...DEFAULT_COLLECTION,
			args: CUSTOMER_ARGUMENTS,
			identityField: 'username',
			isBuiltIn: true,
			rereadHours: WEEK_HOURS,
			baseQuery: { role: 'all' },
			filters: { ...ID_FILTERS, email: { param: 'email' }, role: { param: 'role' } },
		},
	],
	[/^variations$/, { ...VARIATION_COLLECTION, read: 'variation' }],
	[/^products\/\d+\/variations$/, VARIATION_COLLECTION],
	[/^refunds$/, { ...REFUND_COLLECTION, read: 'include' }],
	[/^orders\/\d+\/refunds$/, REFUND_COLLECTION],
	[
		/^orders\/\d+\/notes$/,
		{ ...UNPAGED_COLLECTION, dates: 'created', filters: { type: { param: 'type', only: true } } },
	],
	[/^products\/(categories|tags|brands|shipping_classes)$/, TERM_COLLECTION],
	[/^products\/attributes\/\d+\/terms$/, TERM_COLLECTION],
	[
		/^products\/reviews$/,
		{
			...DEFAULT_COLLECTION,
			args: REVIEW_ARGUMENTS,
			filtersByCreated: true,
			hasTrash: true,
			dates: 'created',
			baseQuery: { status: 'all' },
			filters: {
				...ID_FILTERS,
				status: { param: 'status' },
				product_id: { param: 'product', in: true },
				product: { param: 'product', in: true, only: true },
				reviewer_email: { param: 'reviewer_email' },
			},
		},
	],
	[/^taxes$/, { ...DEFAULT_COLLECTION, dates: 'none', args: ['class'], filters: { class: { param: 'class' } } }],
	[/^taxes\/classes$/, { ...UNPAGED_COLLECTION, idField: 'slug' }],
	[
		/^webhooks$/,
		{
			...DEFAULT_COLLECTION,
			args: WEBHOOK_ARGUMENTS,
			filtersByCreated: true,
			baseQuery: { status: 'all' },
			filters: { ...ID_FILTERS, status: { param: 'status' } },
		},
	],
	[
		/^reports\/(sales|top_sellers)$/,
		{
			...UNPAGED_COLLECTION,
			filters: {
				period: { param: 'period', only: true },
				date_min: { param: 'date_min', only: true },
				date_max: { param: 'date_max', only: true },
			},
		},
	],
	[/^(products\/attributes|shipping\/zones|shipping_methods|payment_gateways|orders\/statuses)$/, UNPAGED_COLLECTION],
	[/^customers\/\d+\/downloads$/, UNPAGED_COLLECTION],
	[/^(reports|reports\/[a-z_/]+|settings|settings\/[\w-]+)$/, UNPAGED_COLLECTION],
	[/^shipping\/zones\/\d+\/methods$/, { ...UNPAGED_COLLECTION, idField: 'instance_id' }],
	[/^data\/(continents|countries|currencies)$/, { ...UNPAGED_COLLECTION, idField: 'code' }],
]

/**
 * The properties of a collection at a store: the table, corrected by the route's own list of arguments and by the
 * version.
 */
export function getCollection(
	path: string,
	connection: Pick<Connection, 'collections' | 'version'> | null,
): Collection {
	const known = KNOWN_COLLECTIONS.find(([pattern]) => pattern.test(path))?.[1]
	const args = connection?.collections[path]?.args ?? null
	const version = connection?.version ?? ''
	if (known === undefined) {
		if (args === null) return DEFAULT_COLLECTION
		const modified = args.includes('modified_after') && args.includes('orderby')
		return {
			...DEFAULT_COLLECTION,
			args,
			filtersByModified: modified,
			filtersByCreated: args.includes('after'),
			acceptsGmt: args.includes('dates_are_gmt'),
			hasTrash: args.includes('status') && modified,
			paged: args.includes('per_page'),
			supportsOffset: !args.includes('per_page') || args.includes('offset'),
		}
	}
	// Before 5.8 the modified filters are silently ignored: every object would be returned (docs/woocommerce.md 2.4).
	const modified =
		known.filtersByModified && (args === null ? !isOlderThan(version, 5, 8) : args.includes('modified_after'))
	const gmt =
		known.acceptsGmt && (args === null ? version !== '' && !isOlderThan(version, 5, 8) : args.includes('dates_are_gmt'))
	return {
		...known,
		args: args === null ? known.args : [...known.args, ...args],
		filtersByModified: modified,
		acceptsGmt: gmt,
		known: true,
	}
}

/** Whether a collection is in the table. */
export function isKnownCollection(path: string): boolean {
	return KNOWN_COLLECTIONS.some(([pattern]) => pattern.test(path))
}

/** Whether a version is known and lower. */
export function isOlderThan(version: string, major: number, minor: number): boolean {
	const parts = /^(\d+)\.(\d+)/.exec(version)
	if (parts === null) return false
	return Number(parts[1]) < major || (Number(parts[1]) === major && Number(parts[2]) < minor)
}

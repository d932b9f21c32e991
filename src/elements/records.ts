/**
 * The hub's interface to a vendor: its collections, and how to list, write and describe their records. Records keep
 * the vendor's shape.
 */
import type { Connection, Failure, StoreClient, VendorRecord } from './store.ts'

/** A record's position in the order of its list: parts are compared one after another, the last one is unique. */
export type RecordSortKey = readonly (number | string)[]

/** How to request a list. */
export interface ListPlan {
	/** Vendor path. */
	path: string
	/** Vendor query of filter and order, without a position. */
	query: Record<string, string>
	/** Conditions that the store cannot filter: each record must pass. Null: the query filters everything. */
	matches: ((record: VendorRecord) => boolean) | null
	/**
	 * A record's position in this order, for tokens that stay valid while the list changes; null: records do not show the
	 * store's order.
	 */
	order: {
		key: (record: VendorRecord) => RecordSortKey | null
		descending: boolean
		/** The caller asked for this order. */
		isChosen?: true
	} | null
	/** Maximum records per response; null: the store returns all at once. */
	pageLimit: number | null
	/**
	 * Vendor query for `limit` records after the first `offset`, by a page's number if one fits, unless `paging` is
	 * `offset`.
	 */
	pageQuery(offset: number, limit: number, paging?: 'offset' | 'page'): Record<string, string>
}

/** A plan, or the refused parameter; `message` says what was expected, without the parameter's name. */
export type ListPlanResult =
	| { ok: true; plan: ListPlan }
	| { ok: false; parameter: 'path' | 'where' | 'orderBy'; message: string }

/** A write with the hub's parameters. */
export type RecordWrite =
	| { verb: 'create' | 'update'; path: string; body: string }
	/** `permanent`: not into the trash; null: the default of this kind of object. */
	| { verb: 'delete'; path: string; permanent: boolean | null }

/** The result of a call. */
export type RecordCallResult = { ok: true; status: number; body: unknown } | Failure

/** A collection of a store. */
export interface RecordCollection {
	/** The hub's name, `products-categories`; `{id}` stands for a parent object. */
	name: string
	/** Supported methods, including those of a collection's objects: `get`, `create`, `update`, `delete`. */
	methods: ('get' | 'create' | 'update' | 'delete')[]
}

/** The collections of a store that answer. `complete`: false if the store did not say about all of them. */
export type CollectionListResult = { ok: true; collections: RecordCollection[]; complete: boolean } | Failure

/** A field of a collection's records, from the store's own schema. */
export interface RecordField {
	/** `status`, `billing.city`, `line_items[].quantity`. */
	name: string
	type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'any'
	/** Such as `date-time`, `email`, `uri`. */
	format?: string
	/** Read-only. */
	readonly: boolean
	/** Required for a creation. */
	required: boolean
	enum?: (string | number | boolean)[]
	description?: string
}

/** A vendor's records. Failures of a store are returned, not thrown. */
export interface Records {
	/**
	 * Hub path (`discounts/5`, `orders/12/comments`) → vendor path (`coupons/5`, `orders/12/notes`); null: it cannot be a
	 * collection.
	 */
	toVendorPath(path: string): string | null
	/** The kind of a hub path by its form; for `unknown` the store's response decides. */
	classifyPath(path: string): 'collection' | 'object' | 'unknown'
	/** Whether the vendor would take a query parameter of this name, however spelled, as an order of its own. */
	isReservedParameter(name: string): boolean
	/** A list with the hub's `where` and `orderBy` (null: none). */
	planList(
		path: string,
		request: { where: string | null; orderBy: string | null },
		connection: Connection,
	): ListPlanResult
	/** Creates, updates or deletes. Retried only if the vendor answered that nothing was done. */
	write(client: StoreClient, write: RecordWrite): Promise<RecordCallResult>
	/**
	 * The path by the hub's own names: `products/reviews/5` → `products-reviews/5`, `coupons` → `discounts`. A path that
	 * cannot be a collection stays as it is.
	 */
	toHubPath(path: string): string
	/** The collections of this store that a read reaches. It reads each of them once. */
	listCollections(client: StoreClient): Promise<CollectionListResult>
	/** The fields of a collection's records. */
	listFields(client: StoreClient, name: string): Promise<{ ok: true; fields: RecordField[] } | Failure>
}

/**
 * What the hub needs from a vendor: where its collections are, how they are listed, written and described. Vendor
 * records stay as they are.
 */
import type { Connection, Failure, StoreClient, VendorRecord } from './store.ts'

/** A record's position in the order of its list: parts compared one after another, the last one unique. */
export type RecordSortKey = readonly (number | string)[]

/** How a list is requested. */
export interface ListPlan {
	/** Vendor path. */
	path: string
	/** Vendor query of filter and order, without a position. */
	query: Record<string, string>
	/** What the store cannot filter: each record must pass it. Null when the query filters everything. */
	matches: ((record: VendorRecord) => boolean) | null
	/**
	 * A record's place in this order, for tokens that hold while the list changes; null where the store's order cannot be
	 * derived from its records.
	 */
	order: { key: (record: VendorRecord) => RecordSortKey | null; descending: boolean } | null
	/** Most records of one answer; null: the store gives everything at once. */
	pageLimit: number | null
	/** Vendor query for `limit` records after the first `offset`. */
	pageQuery(offset: number, limit: number): Record<string, string>
}

/** A plan, or the parameter that was refused; `message` says what was expected, without the parameter's name. */
export type ListPlanResult =
	| { ok: true; plan: ListPlan }
	| { ok: false; parameter: 'path' | 'where' | 'orderBy'; message: string }

/** A write, in the hub's words. */
export type RecordWrite =
	| { verb: 'create' | 'update'; path: string; body: string }
	/** `permanent`: not into the trash; null: as this kind of object is usually deleted. */
	| { verb: 'delete'; path: string; permanent: boolean | null }

/** What a call brought. */
export type RecordCallResult = { ok: true; status: number; body: unknown } | Failure

/** A collection of a store. */
export interface RecordCollection {
	/** The hub's name, `products-categories`; `{id}` stands for an object that it belongs to. */
	name: string
	/** What may be done: `get`, `create`, `update`, `delete`. Of a collection's objects, too. */
	methods: ('get' | 'create' | 'update' | 'delete')[]
}

/** A field of a collection's records, as the store's own schema has it. */
export interface RecordField {
	/** `status`, `billing.city`, `line_items[].quantity`. */
	name: string
	type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'any'
	/** Such as `date-time`, `email`, `uri`. */
	format?: string
	/** Cannot be written. */
	readonly: boolean
	/** Must be there when one is created. */
	required: boolean
	enum?: (string | number | boolean)[]
	description?: string
}

/** A vendor's records. Nothing here throws for what a store can do. */
export interface Records {
	/**
	 * Hub path (`discounts/5`, `orders/12/comments`) → vendor path (`coupons/5`, `orders/12/notes`); null when it can be
	 * no collection.
	 */
	toVendorPath(path: string): string | null
	/** What a hub path names by its form; for `unknown` the store's answer decides. */
	classifyPath(path: string): 'collection' | 'object' | 'unknown'
	/** A list with the hub's `where` and `orderBy` (null: none). */
	planList(
		path: string,
		request: { where: string | null; orderBy: string | null },
		connection: Connection,
	): ListPlanResult
	/** Creates, changes or deletes. Repeated only where the vendor answered that nothing was done. */
	write(client: StoreClient, write: RecordWrite): Promise<RecordCallResult>
	/** The collections that this store has. */
	listCollections(client: StoreClient): Promise<{ ok: true; collections: RecordCollection[] } | Failure>
	/** The fields of a collection's records. */
	listFields(client: StoreClient, name: string): Promise<{ ok: true; fields: RecordField[] } | Failure>
}

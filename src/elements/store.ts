/** A store of any vendor: its connection, its records, its responses and failures. */

/** A JSON object as the vendor returns it. */
export type VendorRecord = Record<string, unknown>

/** An object's id at the vendor: a number if it is numeric, otherwise text. Numbers sort before text. */
export type ObjectId = number | string

/**
 * Access to a store: the canonical site address and its consumer key and secret, in the clear, in memory only while in
 * use.
 */
export interface Credentials {
	/** Base address of the site without trailing slash: `https://shop.example/sub`. */
	storeUrl: string
	key: string
	secret: string
}

/** Facts about a store from when it was connected. Without secrets; stored with the instance. */
export interface Connection {
	/** The site's canonical address, the `home` of its index, without trailing slash. */
	home: string
	/** REST root with trailing slash: `https://shop.example/wp-json/`. */
	root: string
	/** How requests are authenticated (docs/woocommerce.md 1.4, 1.7). */
	auth: 'basic' | 'oauth1' | 'query'
	/**
	 * Scheme and host that signatures are made for, if PHP sees others than the site's address (docs/woocommerce.md 1.4).
	 */
	oauthOrigin?: string
	/** Name of the store. */
	name: string
	/** IANA zone, or '' when the site has only an offset. */
	timeZone: string
	/** Hours east of UTC if `timeZone` is ''. */
	gmtOffset: number
	/** WooCommerce's version such as `11.0.1`, or '' if the key may not read it. */
	version: string
	/** Orders in their own tables; null when unknown. */
	hpos: boolean | null
	/** Store clock at the time of the check, epoch ms. This is T0. */
	storeNowMs: number
	/**
	 * Per collection path (`orders`, `products`, `coupons`, `customers`): whether the key may read it, its highest id and
	 * total at that time, and which query arguments the route supports (from OPTIONS, null: not requested).
	 */
	collections: Record<string, { readable: boolean; highestId: number; total: number; args: string[] | null }>
}

/** What is wrong with a store, as far as its answer shows. */
export type FailureCause =
	| 'maintenance'
	| 'throttled'
	| 'database'
	| 'failing'
	| 'rest-closed'
	| 'no-woocommerce'
	| 'no-collection'
	| 'plain-permalinks'
	| 'moved'
	| 'redirect'
	| 'key'
	| 'key-permission'
	| 'role'
	| 'site-password'
	| 'output-before-json'
	| 'bot-protection'
	| 'page'
	| 'not-the-api'
	| 'address'
	| 'certificate'
	| 'network'
	| 'refused-request'

/** What ends a failure. `action`: sentences for people, what to do where. */
export interface Cure {
	cause: FailureCause
	action: string
}

/** Why a call to a store failed. `message` is a sentence for people without secrets or query strings. */
export interface Failure {
	ok: false
	kind:
		/** no such host, refused, reset */
		| 'unreachable'
		/** not requested: the store's address is none that may be reached */
		| 'not-public'
		| 'timeout'
		| 'tls'
		/** 429, or 503 with Retry-After */
		| 'throttled'
		/** any other 5xx, 52x */
		| 'server'
		/** 401: key unknown, revoked, wrong secret, or write-only */
		| 'auth'
		/** 403 JSON …_cannot_view: this key may not read this resource */
		| 'forbidden'
		/** a 3xx: the canonical address changed */
		| 'redirect'
		/** 403/503 HTML challenge, 200 HTML, notices before JSON, truncated, wrong shape */
		| 'not-json'
		/** a list that is not what was asked for (check-page.ts) */
		| 'unfit'
		/** JSON 404 rest_no_route: WooCommerce is off or has no such route */
		| 'no-route'
		/** any other 4xx that the vendor means */
		| 'rejected'
	status: number | null
	/** The vendor's error code, such as `woocommerce_rest_cannot_view`. */
	code: string | null
	/** The vendor's own message, plain text, at most 500 characters; null: there is no readable one. */
	providerMessage: string | null
	/** From Retry-After (seconds or date), ms from now; null when absent. */
	retryAfterMs: number | null
	message: string
	/** What ends it; absent where the kind says all. */
	cure?: Cure
}

/** The code of the failure for an address that answers with another object's record. */
export const OTHER_OBJECT_CODE = 'other_object'

/** A page of a list. `total`: matches that the store reports (X-WP-Total); null: it reports none. */
export interface Page {
	ok: true
	records: VendorRecord[]
	total: number | null
	/** The store's clock when it answered (its Date header), epoch ms. */
	storeNowMs: number
	answer: AnswerFacts
}

/** What an answer says beside its records. */
export interface AnswerFacts {
	/** Length of the body in characters. */
	length: number
	/** Seconds that the answer has been in a cache (Age); null: it does not say. */
	ageSec: number | null
	/** The header that says that a cache answered, such as `X-Cache: HIT`; null: none does. */
	cachedBy: string | null
	/** Number of Date headers. */
	dates: number
	/** The total as the store wrote it; null: it wrote none. */
	totalText: string | null
	/** Rows of the answer, where the client has taken a page out of more than were asked for. */
	rows?: number
	/** They were the whole list. */
	isWholeList?: true
	/** The text that stands around the JSON, such as a notice of PHP, and what ends it; absent: none that counts. */
	around?: string
}

/**
 * An object that was read by id. `found: null`: the vendor answers in JSON that it does not exist (docs/woocommerce.md
 * 2.6).
 */
export type ObjectReadResult =
	| { ok: true; found: VendorRecord; storeNowMs: number }
	| { ok: true; found: null; storeNowMs: number }

/** A request for a list in terms that every resource supports; the element maps them onto its API. */
export interface ListQuery {
	order: 'modified-desc' | 'modified-asc' | 'id-asc' | 'id-desc'
	/**
	 * Only objects modified after / before this time: whole seconds since the epoch, exclusive. Only if
	 * `resource.modifiedFilter`.
	 */
	modifiedAfterSec?: number
	modifiedBeforeSec?: number
	/** Only objects in the trash. Only if `resource.trash`. The caller still checks each row. */
	trashed?: boolean
	/** Only this object, if the list contains it. The caller still checks each row. */
	onlyId?: ObjectId
	/** Only these objects, if the store can restrict the list to them. The caller still checks each row. */
	onlyIds?: readonly ObjectId[]
	/** Not these objects, if the store can leave some out: they do not count in the total. */
	exceptIds?: readonly ObjectId[]
	/** Only the id of each object, which takes the store less than whole records. */
	idsOnly?: true
	/** Rows to skip. */
	offset?: number
	/** How to skip them: `page` asks for a numbered page, so that `offset` must be a multiple of `limit`. */
	paging?: 'offset' | 'page'
	/** Adds a parameter that changes with each request, so that no cache has the answer. */
	fresh?: true
	/** With `fresh`: asks past the vendor's own cache of answers too. */
	skipCache?: true
	/** Maximum rows, 1 to 100. */
	limit: number
}

/**
 * How to read a record's dates (docs/contract.md §3): field path, pattern, zone. `gmtSibling` reads `<field>_gmt`
 * first if it is present.
 */
export interface DateRule {
	field: string
	format: string
	zone: string
	gmtSibling: boolean
	/** Seconds between two dates that the format tells apart: 1, or 60, 3600 or 86400 for one that leaves out parts. */
	stepSec: number
	/** When the configuration was checked, epoch ms: a year of two digits lies within 80 years before it and 20 after. */
	nowMs: number
}

interface ResolvedDates {
	updated: DateRule | null
	created: DateRule | null
}

/** A watched collection and its properties, created by `Element.parseResource` from an instance's configuration. */
export interface Resource {
	/** The label in the configuration: becomes `objectType`. */
	objectType: string
	/** Vendor path under the API root: `orders`, `products/categories`, `orders/12/refunds`. */
	path: string
	/** Additional query that restricts the list (a pushed-down `where`), by vendor parameter name. */
	query: Record<string, string>
	/** Identity: path and where in canonical form. */
	identity: string
	/** Dotted path of the id in a record. */
	idField: string
	/** The field of `Snapshot.identity`; null: an id always names one object. */
	identityField: string | null
	/** Paths that do not count as a change, sorted: the element's own and the configured ones. */
	ignore: readonly string[]
	/** Has modified filters and order: windows are possible. */
	modifiedFilter: boolean
	/** Has a trash that can be listed. */
	trash: boolean
	/** Stored as posts: modified dates miss many edits and sort by local time (docs/woocommerce.md 3.6, §4). */
	postsStored: boolean
	/** Ordinary edits change the modified date, so that one without a new date is rare (docs/woocommerce.md §4). */
	reliableDates: boolean
	/**
	 * Default hours between re-reads of everything, and between re-reads of the newest 200 (0 = none) (docs/polling.md,
	 * Changes that only the re-read finds).
	 */
	rereadHours: number
	recentHours: number
	/** False: polled without an index, by dates alone (docs/contract.md §3, `filterByUpdatedDate`). */
	indexed: boolean
	/** Rows per page of scans and windows, at most 100. */
	pageSize: number
	/** Seconds subtracted from the last poll's time. */
	pollDelaySec: number
	/** Maximum seconds between created and updated for CREATED, if dates decide. */
	createdToleranceSec: number
	dates: ResolvedDates
	/** The url contains `${…}` placeholders, which are filled with the last poll's time before each list. */
	placeholders: boolean
	/** Resource path and id to read immediately if an object of this resource changed (orders name customers). */
	relatedObjects?: (record: VendorRecord) => { path: string; id: ObjectId }[]
	/** It has a `where`: an object that leaves it emits no event. */
	filtered: boolean
	/** The url as configured, for `Element.resolvePlaceholders`. */
	url?: string
	/** Present if the store cannot filter all of the `where`: a record that fails it is listed but counts as `hidden`. */
	matches?: (record: VendorRecord) => boolean
}

/** Objects inside of a resource's objects, such as the variations of products, that its own lists do not show. */
export interface VariationLists {
	/** The list of one object's. */
	of(id: ObjectId): Resource
	/** The list of all; stores that do not have it answer `no-route`. */
	all: Resource
	/** The list of the objects that have some. */
	owners: Resource
	/** The object that a variation belongs to; null: its record does not say. */
	getOwner(record: VendorRecord): ObjectId | null
	/** Whether a record of the resource says that it has some. */
	has(record: VendorRecord): boolean
	/** Of the paths that do not count in the resource's objects, those that do not count in these. Sorted. */
	toPaths(paths: readonly string[]): string[]
}

/** How a record's content is read. */
export interface ContentProfile {
	/** Version of the form; earlier ones are still read, to compare rows of then. */
	version: number
	/** Paths that do not count (elements/paths.ts). */
	paths: readonly string[]
	/** Paths of which only the URLs count, without query and fragment (elements/canonical-urls.ts); absent: none. */
	urlPaths?: readonly string[]
}

/** A record as the gate needs it: its identity, dates, state and content. */
export interface Snapshot {
	id: ObjectId
	/**
	 * Text that stays with an object for its life, such as an order's key: two that differ under one id may be two
	 * objects. Absent: not known.
	 */
	identity?: string
	/** Seconds since the epoch; null when missing. In place of an unreadable date, the store's own one. */
	modifiedSec: number | null
	createdSec: number | null
	/**
	 * The vendor's own modified date, by which its lists are ordered and filtered, whichever field the configuration
	 * names.
	 */
	listModifiedSec: number | null
	state: 'live' | 'hidden' | 'trashed'
	/**
	 * Seconds by which the record's local date is east of its GMT date; null: it does not have both. Shows changes of the
	 * site's zone.
	 */
	localOffsetSec: number | null
	/**
	 * Names of the fields that count under the given profile (top-level; one level deeper for billing and shipping),
	 * sorted, and their canonical JSON values in the same order.
	 */
	fields: { name: string; value: string }[]
	/** Dates that could not be read: the field and its value, as in `date_modified "soon"`; null: it is absent or read. */
	unreadableDates: { updated: string | null; created: string | null }
	record: VendorRecord
}

/** Dependencies of an element's I/O; tests replace them. */
export interface Io {
	/** Throws AddressRefusedError for an address that may not be reached. */
	fetch: (request: Request) => Promise<Response>
	/** Epoch ms. */
	now: () => number
	/** `Shopbell/<version> (+<PUBLIC_URL>)`. */
	userAgent: string
	/** Timeout of a request, ms. */
	timeoutMs?: number
	/** Random text for OAuth nonces. */
	nonce?: () => string
}

/** Calls to one connected store. Failures of the store or the network are returned as a Failure, not thrown. */
export interface StoreClient {
	list(resource: Resource, query: ListQuery): Promise<Page | Failure>
	/** `fresh`: with a parameter that changes with each request, so that no cache has the answer. */
	read(resource: Resource, id: ObjectId, fresh?: boolean): Promise<ObjectReadResult | Failure>
	/** A hub call, unchanged: path under the vendor's API (`orders/12`), query, method. */
	call(method: string, path: string, query: Record<string, string>, body?: string): Promise<CallAnswer | Failure>
	/** Requests made so far by this client. */
	readonly requests: number
}

/**
 * The answer to a hub call. `isFirstPage`: its links name no page before it, though it has a total. `pages`: as the
 * store counts them.
 */
export interface CallAnswer {
	ok: true
	status: number
	body: unknown
	total: number | null
	storeNowMs: number
	isFirstPage?: boolean
	pages?: number | null
}

/**
 * Why a store could not be connected: the status of the response (400 or 502), and a sentence with what was found at
 * which URL and the next step.
 */
export interface ConnectError {
	ok: false
	status: 400 | 502
	reason:
		| 'no-such-host'
		| 'refused'
		| 'timeout'
		| 'tls'
		| 'not-wordpress'
		| 'no-woocommerce'
		| 'plain-permalinks'
		| 'rest-closed'
		| 'maintenance'
		| 'unknown-key'
		| 'wrong-secret'
		| 'write-only'
		| 'forbidden'
		| 'no-resource'
		| 'https-wanted'
		| 'other-host'
		| 'other-site'
		| 'server'
		| 'bad-url'
		| 'not-public'
	message: string
	providerMessage: string | null
	/** The vendor's collections that it is about; absent: the site or the key. */
	paths?: readonly string[]
}

/** What a check finds of a store, part by part: a part that fails does not end it. */
export interface StoreInspection {
	/** Requests that it made. */
	requests: number
	site: { ok: true; home: string; name: string; timeZone: string; gmtOffset: number } | ConnectError
	/** null: no site, or no key was given. */
	key: { ok: true } | ConnectError | null
	/** null: there is no key that works. */
	connection: Connection | null
	/** By collection: why it cannot be polled. */
	collectionErrors: Record<string, ConnectError>
}

/** Whether a key may write, which webhooks need. `message`: what it lacks and what to do; null: nothing, or unknown. */
export interface WriteAccess {
	allowed: boolean | null
	message: string | null
}

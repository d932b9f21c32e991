/** The words that the simulated store's modules share: records, actions, journal entries, faults, options. */
import type { CacheFault, PoisonFault } from './bad-answers.ts'
import type { Deviation } from './deviations.ts'

/** A REST record as WooCommerce shows it; deep and loosely typed on purpose, as the wire is. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Rec = Record<string, any>

/** The collections whose objects live in tables with dates of their own. */
export type Resource = 'orders' | 'products' | 'variations' | 'coupons' | 'customers' | 'refunds'

/** Everything that a journal entry may be about. */
export type JournalResource = Resource | 'notes' | 'reviews' | 'categories' | 'tags' | 'attributes' | 'taxes'

/** How orders are stored, which decides what moves their stamp (docs/woocommerce.md §4). */
export type OrderStorage = 'hpos' | 'posts'

/** The WooCommerce versions whose differences are simulated. */
export type Version = '11.0' | '7.0' | '5.5'

/** What kind of change a journal entry tells of. */
export type Change = 'created' | 'updated' | 'edited-silently' | 'saved-unchanged' | 'trashed' | 'restored' | 'deleted'

/** One change of one object; every change of every object has exactly one. */
export interface JournalEntry {
	/** Counts up from 1 without gaps. */
	number: number
	/** Epoch milliseconds on the store's clock. */
	time: number
	resource: JournalResource
	id: number
	change: Change
	/** Whether `date_modified_gmt` is another one than before. */
	stampMoved: boolean
	/** `contentHash` of the REST record after the change; null when it is gone. */
	hash: string | null
	/** The record's GMT stamps after the change, as REST shows them. */
	date_created_gmt: string | null
	date_modified_gmt: string | null
	/** The record's status after the change, where it has one. */
	status: string | null
}

/** The settings that an action of any kind may carry. */
interface ActionBase {
	/** The row becomes visible this many seconds later, with the stamps of now (docs/woocommerce.md 3.5, commit lag). */
	lagSeconds?: number
	/** Who does it, which decides the webhooks that fire; by default `checkout` for what shoppers do, otherwise `rest`. */
	via?: Origin
}

/** Who writes: the REST API, somebody in wp-admin, code (WP-CLI, imports, plugins), the checkout (docs/woocommerce.md 7.6 to 7.8). */
export type Origin = 'rest' | 'admin' | 'code' | 'checkout'

/** Something that happens in the shop, as `act` and `POST /_store/act` take it. */
export type Action = ActionBase &
	(
		| {
				do: 'place-order'
				set?: Rec
				status?: string
				customer?: number
				items?: { id: number; variation?: number; quantity?: number }[]
				coupon?: string
		  }
		| { do: 'create'; resource: Resource; id?: number; set?: Rec }
		| { do: 'back-date'; resource: Resource; days?: number; set?: Rec }
		/** The order screen's date, a product's "Published on", `date_created` by REST; silently: by code that moves no stamp. */
		| { do: 'edit-created'; resource: Resource; id?: number; days?: number; silently?: boolean }
		| { do: 'edit'; resource: Resource; id?: number; set?: Rec }
		| { do: 'edit-silently'; resource: Resource; id?: number; set?: Rec }
		/** Bulk editors and ERP syncs: the same fields of many objects (all, unless `ids` names them) by post meta; no stamp moves. */
		| { do: 'mass-edit'; resource: Resource; ids?: number[]; set?: Rec }
		/** WordPress writes meta for itself: a visit, an editor's lock. */
		| { do: 'housekeep'; resource: Resource; id?: number }
		| { do: 'save-unchanged'; resource: Resource; id?: number }
		| { do: 'trash' | 'restore' | 'delete' | 'draft' | 'publish'; resource: Resource; id?: number }
		| { do: 'burst'; resource: Resource; count: number; silently?: boolean }
		| { do: 'checkout-draft'; set?: Rec }
		| { do: 'checkout'; id?: number; status?: string; account?: boolean }
		| { do: 'pay' | 'complete'; id?: number }
		| { do: 'refund'; id?: number; amount?: string }
		| { do: 'delete-refund'; id?: number }
		| { do: 'note'; id?: number; text?: string }
		| { do: 'review'; id?: number; rating?: number }
		| { do: 'rename-category'; id?: number; name?: string }
		| { do: 'schedule-sale'; id?: number; price?: string; inSeconds?: number; forSeconds?: number }
		| { do: 'zone'; zone: string }
		| { do: 'register-status'; status: string; on?: boolean }
	)

/** The failure sites of instance creation; `shop` is a site where everything works. */
export type Site =
	| 'shop'
	| 'not-wordpress'
	| 'no-woocommerce'
	| 'plain-permalinks'
	| 'rest-closed-401'
	| 'rest-closed-403'
	| 'maintenance'
	| 'https-only'
	| 'other-host'
	| 'other-prefix'

/** One thing that goes wrong for the requests that match; the fields combine. */
export interface Fault extends Deviation {
	/** A part of path and query; absent: every request. */
	match?: string
	/** A regular expression over path and query. */
	pattern?: string
	/** Only requests of this method. */
	method?: string
	/** Let so many matching requests pass first. */
	skip?: number
	/** Only each nth matching request. */
	every?: number
	/** Ends after so many hits. */
	times?: number
	/** Ends so many seconds (store clock) after it was set. */
	forSeconds?: number
	/** Wait so many milliseconds before answering. */
	latencyMs?: number
	/** Answer with this status: 401, 403, 429, 500, 502, 503, 504, 508, 520… with a body as its origin would send. */
	status?: number
	/** `Retry-After`, as seconds or as an HTTP date, sent as it stands. */
	retryAfter?: string
	/** `json` or `html` forces the error's form; by default hosts' and shields' errors are HTML. */
	form?: 'json' | 'html'
	/** An HTML page with 200: coming soon, login, cached home page. */
	html?: boolean | string
	/** A PHP notice before the JSON. */
	notice?: boolean | string
	/** A byte order mark before the JSON, or so many. */
	bom?: boolean | number
	/** An HTML comment after the JSON, as page caches and profilers leave one. */
	comment?: boolean | string
	/** More headers of healthy answers: `Age: 0`, `X-Cache: MISS`. */
	headers?: Record<string, string>
	/** A second `Date` header, so many seconds away from the first. */
	secondDateSeconds?: number
	/** A cache in front of the store. */
	cache?: CacheFault
	/** An object that spoils each answer that holds it. */
	poison?: PoisonFault
	/** A bot protection's page instead of the answer. */
	challenge?: 'siteground' | 'cloudflare'
	/** Lists take so long for each row. */
	secondsPerRow?: number
	/** Stamps are so many seconds behind `Date`: the database has a clock of its own. `match` names a resource here. */
	stampsBehindSeconds?: number
	/** Cut the body: a share below 1, or a number of bytes. */
	truncate?: number
	/** 301 to this address; `https` is the same address over https. */
	redirect?: string
	/** Never answer (true), or only after so many milliseconds; ends when the client gives up. */
	stall?: boolean | number
	/** The `Date` header runs so many seconds ahead (behind, if negative). */
	skewSeconds?: number
	/** The first matching answer is kept and served again, with its old `Date`. */
	cached?: boolean
	/** So many rows are dropped after paging: a short page that is not the last (docs/woocommerce.md 2.5). */
	dropRows?: number
	/** The key: gone, its secret changed, its user demoted, its right lessened. */
	key?: 'revoked' | 'wrong-secret' | 'demoted' | 'read-only'
	/** Home and siteurl are this address now: the index names it, and signatures are checked against it. */
	movedTo?: string
	/** WordPress's own outages (docs/woocommerce.md 2.1). */
	outage?: 'maintenance' | 'fatal' | 'database' | 'woocommerce-off'
	/** The site behaves as this one. */
	site?: Site
	/** Writes during a scan: the actions follow each matching request that was answered. */
	act?: Action[]
	/** Webhooks and the connect flow behave like this while the fault is set, whatever the requests. */
	webhooks?: WebhookKnobs
}

/** How the queue of deliveries runs, and what goes wrong with webhooks and the connect flow. */
export interface WebhookKnobs {
	/** From an event to the cron run that delivers it: seconds, or a range to choose from; 1 by default (docs/woocommerce.md 7.2). */
	delaySeconds?: number | [number, number]
	/** WP-Cron is broken: deliveries queue up and none is sent. */
	hold?: boolean
	/** Each nth delivery gets lost on its way; WooCommerce takes it for delivered. */
	dropEvery?: number
	/** Each nth delivery is sent twice. */
	doubleEvery?: number
	/** Each nth delivery waits `lateSeconds` (600 by default) before it is sent, with the state of then. */
	lateEvery?: number
	lateSeconds?: number
	/** Each nth delivery is sent again byte for byte `replaySeconds` (600 by default) later. */
	replayEvery?: number
	replaySeconds?: number
	/** A run takes the queue in an order of its own. */
	reorder?: boolean
	/** Deliveries name this source: a staging clone with the shop's rows and secrets (7.10), a language's address; null: none. */
	source?: string | null
	/** Only each nth delivery comes from `source`. */
	sourceEvery?: number
	/** A plugin's payload filter: fields that it removes and sets; never in `{id}` bodies (7.11). */
	plugin?: { resources?: string[]; remove?: string[]; set?: Rec }
	/** The user who owns the webhooks has lost the rights, or is gone (6.6). */
	owner?: 'demoted' | 'deleted'
	/** `{"id": "12"}` in the bodies of `.deleted` (7.5). */
	textIds?: boolean
	/** Lifts WordPress's rule against private addresses, user names and ports other than 80, 443, 8080 (6.3). */
	allowLocalDelivery?: boolean
	/** Lifts the connect flow's demand for an https callback. */
	allowHttpCallback?: boolean
	/** Nobody is logged in to wp-admin, so that the connect flow asks for that first. */
	loggedOut?: boolean
	/** Milliseconds until a delivery (60,000) and a ping (5,000) are given up. */
	timeoutMs?: number
	pingTimeoutMs?: number
}

/** A webhook made or edited by hand in wp-admin; with `id` that one is edited. Nothing is pinged. */
export interface HandMade {
	id?: number
	name?: string
	status?: 'active' | 'paused' | 'disabled'
	topic?: string
	delivery_url?: string
	secret?: string
	api_version?: 1 | 2 | 3
}

/** One try to reach a receiver. */
export interface Delivery {
	/** Counts up from 1 without gaps. */
	number: number
	/** Epoch milliseconds on the store's clock when it was sent, and when its event happened. */
	time: number
	queuedAt: number
	/** 0 for the connect flow's hand-over of keys. */
	webhook: number
	/** A webhook topic, `ping` or `wc-auth`. */
	topic: string
	/** The object's id; null for pings and keys. */
	id: number | null
	deliveryId: string | null
	/** `sent`: the answer counts as success; `dropped`: lost by the knob; `failed`: another answer, or none. */
	result: 'sent' | 'dropped' | 'failed'
	/** The answer's status; null without one. */
	status: number | null
	error?: string
	/** A second time by `doubleEvery` or `replayEvery`. */
	repeat?: 'double' | 'replay'
}

/** One fault, several, or `{}` for none. */
export type Faults = Fault | Fault[]

/** A key of the store with what its user may do. */
export interface Key {
	key: string
	secret: string
	permissions: 'read' | 'write' | 'read_write'
	/** The user's role; a `customer` may list nothing. */
	role: 'administrator' | 'shop_manager' | 'customer'
	/** Collections that this user may not see, though the role may. */
	denied?: string[]
}

/** Objects to begin with instead of generated ones: full records or as much as is known of them. */
export interface World {
	name?: string
	records: Partial<Record<Resource, Rec[]>>
	reviews?: Rec[]
	notes?: Record<string, Rec[]>
	categories?: Rec[]
	tags?: Rec[]
	attributes?: Rec[]
	taxes?: Rec[]
	/** Keys known to the store, by name. */
	keys?: Record<string, Key>
	/** The next id of posts-like objects, users, comments. */
	nextId?: { posts?: number; users?: number; comments?: number; terms?: number }
}

/** What the generator makes if not told otherwise: Riverside Outfitters, Denver. */
export interface Counts {
	orders: number
	products: number
	coupons: number
	customers: number
}

/** The settings of a store. */
export interface StoreOptions {
	/** Everything random derives from it. */
	seed?: number
	/** Objects per resource; a number applies to all four. */
	objects?: number | Partial<Counts>
	orders?: OrderStorage
	version?: Version
	/** IANA name of the site's time zone. */
	zone?: string
	/** The site's address as configured, without a final slash; may have a path. */
	url?: string
	name?: string
	/** The store's clock, epoch milliseconds. */
	now?: () => number
	/** Waits for latency and stalls; tests with a virtual clock pass their own. */
	sleep?: (ms: number, signal: AbortSignal | null) => Promise<void>
	world?: World
	site?: Site
	/** Where the REST API lives if `site` is `other-prefix`. */
	prefix?: string
	/** Into which of two equal local hours HPOS writes its stamps (docs/woocommerce.md 3.5): the first puts them up to an hour behind, the second ahead. */
	repeatedHour?: 'first' | 'second'
	/** False: the proxy in front speaks https and PHP does not know, so that Basic keys are ignored (docs/woocommerce.md 1.4). */
	announcesHttps?: boolean
	/** Changes by themselves, at a human pace. */
	living?: boolean
	/** Carries deliveries, pings and handed-over keys to their receivers; `fetch` by default. */
	deliver?: (request: Request) => Promise<Response>
	/** How webhooks behave from the start. */
	webhooks?: WebhookKnobs
}

/** What a request carried and what it got, for the log. */
export interface LogLine {
	number: number
	/** Epoch milliseconds on the store's clock. */
	time: number
	method: string
	/** Path and query without keys and signatures. */
	path: string
	status: number
}

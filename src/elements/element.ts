/**
 * The interface of a vendor, which every element implements. `elements/` knows nothing of instances, events or
 * delivery; nothing outside `elements/woocommerce` knows WooCommerce.
 */
import type { ConfigurationForm, PollableCollection, PollerResource } from './form.ts'
import type { VendorWebhooks } from './webhooks.ts'
import type { Records } from './records.ts'
import type {
	ConnectError,
	Connection,
	ContentProfile,
	Credentials,
	Failure,
	Io,
	Resource,
	Snapshot,
	StoreClient,
	StoreInspection,
	VariationLists,
	VendorRecord,
	WriteAccess,
} from './store.ts'

/** How a merchant approves access without copying keys (docs/woocommerce.md 1.10). */
export interface KeyAuthorization {
	/** The store's page on which the merchant approves. The store returns `state` with the keys. */
	authorizeUrl(request: {
		storeUrl: string
		appName: string
		state: string
		returnUrl: string
		callbackUrl: string
	}): string
	/** Parses the keys that the store posts; null if there are none. */
	parseKeys(body: string): { state: string; key: string; secret: string } | null
	/** Whether the merchant approved, from the query of the browser's return. */
	isApproved(query: URLSearchParams): boolean
}

/** A vendor. */
export interface Element {
	id: number
	key: string
	name: string
	hub: string
	description: string
	/** The configuration keys that the element describes: the store's address and keys. */
	configuration: ConfigurationForm[]
	/** Webhooks; null: this vendor has none. */
	webhooks: VendorWebhooks | null
	/** Approval without copying keys; null: not supported. */
	keyAuthorization: KeyAuthorization | null
	/** The default poller configuration: label → settings, in the form of `event.poller.configuration`. */
	defaultPoller: Record<string, PollerResource>
	/** Collections to offer, those of the default poller first; any other can be watched by its own name too. */
	pollable: PollableCollection[]
	/**
	 * Discovers and checks a store in at most 12 requests and 20 s.
	 * `paths`: collections that must be readable.
	 */
	connect(
		credentials: Credentials,
		io: Io,
		options: { paths: string[] },
	): Promise<({ ok: true } & { connection: Connection }) | ConnectError>
	/**
	 * As `connect`, but each part is answered by itself, in at most 31 requests and 20 s. `credentials.key` '': the site
	 * alone. Collections that the requests do not suffice for are neither in the connection nor among the errors.
	 */
	inspect(credentials: Credentials, io: Io, options: { paths: string[] }): Promise<StoreInspection>
	/** Whether the key may create webhooks. Asks to change what no store has, so nothing changes. One request. */
	findWriteAccess(client: StoreClient): Promise<WriteAccess>
	/** The collections that this store has and that can be polled, those of `pollable` first. One request. */
	listPollable(client: StoreClient): Promise<({ ok: true } & { collections: PollableCollection[] }) | Failure>
	openClient(connection: Connection, credentials: Credentials, io: Io): StoreClient
	/** Parses one resource of a poller configuration for this store; an error names the field and what was expected. */
	parseResource(
		objectType: string,
		settings: PollerResource,
		connection: Connection,
	): { ok: true; resource: Resource } | { ok: false; field: string; message: string }
	/**
	 * The message about an argument of a resource's url that its list does not take; null: all are taken.
	 * `connection` null: the store is not known yet.
	 */
	findUrlProblem(url: string, connection: Connection | null): string | null
	/** Formats of a resource's `datesConfiguration` that read nothing or something else than was meant, with the field. */
	findDateProblems(settings: PollerResource): { field: string; message: string }[]
	/** The first problem of a resource's `ignore`: the field's name after `ignore`, and the message; null: none. */
	findIgnoreProblem(ignore: unknown): { field: string; message: string } | null
	/** Variations as a resource of their own: its label and settings; null: this vendor has none. */
	variationsPoller: { label: string; settings: PollerResource } | null
	/** The lists of the variations of a resource's objects; null: these have none. */
	getVariationLists(resource: Resource, connection: Connection): VariationLists | null
	/** Fills the url's placeholders with the last poll's time (ms) less `pollDelay`. */
	resolvePlaceholders(resource: Resource, lastPollMs: number, connection: Connection): Resource
	/** Reads a record as a snapshot for the gate; null when it has no id, or is of another kind. */
	parseRecord(resource: Resource, record: VendorRecord, profile: ContentProfile): Snapshot | null
	/** What a record is that is none of the resource's, such as `orders`; null: it may be one. */
	findOtherKind(resource: Resource, record: VendorRecord): string | null
	/**
	 * What to do at the store about a path that differs between reads of one object: in a URL's query, in another part of
	 * a URL, or in any other value. Sentences for people. `kind` null: not known.
	 */
	getNoiseCure(path: string, kind: 'query' | 'address' | 'value' | null): string
	/** The hub's access to its records. */
	records: Records
}

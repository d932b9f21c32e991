/**
 * The calls of an instance's object about deliveries, notifications and replays (docs/architecture.md, From change to
 * notification).
 */
import type { PageCursor } from './log.ts'
import type { OrUnknown } from './known.ts'
import type { AttemptReport, AttemptSummary, NotificationReport } from './notification.ts'

/** A claimed notification: everything that an attempt needs. Times epoch ms. */
export interface Claim {
	notificationId: number
	/** The id that the receiver sees; absent: `notificationId`. */
	shownId?: number
	subscription: number
	organizationId: number
	/** Absent: the id as text, from an object that runs an earlier version. */
	organizationIncarnation?: string
	/** When the notification was formed. */
	createdMs: number
	attempt: number
	leaseUntilMs: number
	url: string
	/** The exact bytes, as text. */
	body: string
	/** Whose secrets `configuration` holds: they are bound to the instance's incarnation, or to the account. */
	sealedFor: 'instance' | 'account'
	/** Absent in claims of objects of earlier versions. */
	incarnation?: string
	/** The signature key and the Basic password are sealed; the consumer opens them. */
	configuration: Record<string, string | null>
	/** The next signature key, sealed, and from when it signs alone (epoch ms); null: no rotation. */
	signature: { next: string | null; fromMs: number | null }
	/** Admitted by the `Callback` object, which gets every outcome; false: it gets failures only. */
	guarded: boolean
	/** Sent again by a replay. */
	replay: boolean
}

/**
 * A guarded subscription has deliveries due, which need an admission by the `Callback` object (docs/architecture.md,
 * Isolation; `event.notification.rate`).
 */
export interface AdmissionRequest {
	subscription: number
	organizationId: number
	/** Absent: the id as text, from an object that runs an earlier version. */
	organizationIncarnation?: string
	/** Of the instance, which the consumer adds; absent: its id as text. */
	incarnation?: string
	url: string
	/** Notifications per second; null: no limit. */
	rate: number | null
	/**
	 * The oldest notification that is due or waits for its next try: its id, when it was formed, when it is due (epoch
	 * ms). One whose next try is more than an hour away only when there is no other: its probe would come late.
	 */
	oldest: { notificationId: number; createdMs: number; dueMs: number }
	/** How many notifications are due. */
	wanted: number
}

/** The permission of the `Callback` object for a guarded subscription. */
export interface Admission {
	subscription: number
	/** How many notifications may be claimed. */
	permits: number
	/** The breaker is closed: without a rate the subscription is no longer guarded. */
	closed: boolean
	/** A probe: only this notification may be claimed; null: any. */
	only: number | null
}

/** How an attempt ended. `body` is the first 4 KB of the response. */
export interface AttemptOutcome {
	delivered: boolean
	status: number | null
	/** dns, tls, refused, timeout, reset; null when there was a response. */
	error: string | null
	retryAfterMs: number | null
	durationMs: number
	startedMs: number
	body: string
	/** The response header `webhook-delivery`; null: absent or unknown. */
	directive: 'disable' | 'abort' | 'retry' | null
	/** The URL that was called; absent: that of the subscription. */
	url?: string
	/**
	 * Nothing was sent: the URL may not be called, or the configuration cannot be opened. Absent: the callback was
	 * called, or a consumer of an earlier version sends the outcome.
	 */
	notSent?: true
	/** Why nothing was sent. Absent as `notSent`, and in outcomes of earlier versions. */
	notSentReason?: NotSentReason
}

/** Why nothing was sent. `message`: a clause without secrets, such as what was expected; '' if there is none. */
export interface NotSentReason {
	cause: 'address' | 'configuration' | 'resolver'
	message: string
}

/**
 * Selects notifications. `before`: counter to start below; `toMs`: formed then or before; `subscriptions`: numbers in
 * D1; `topics`: of notices, `prefix.*` too. A notification matches when it matches every list. `grouped`: a posted
 * notification is listed once, otherwise once for each delivery.
 */
export interface NotificationQuery {
	pageSize: number
	before?: number | undefined
	toMs?: number | undefined
	statuses?: string[] | undefined
	subscriptions?: number[] | undefined
	urls?: string[] | undefined
	topics?: string[] | undefined
	grouped?: boolean | undefined
}

/** How the last attempt of a notification ended. `last` null: none has ended. */
export interface NotificationOutcome {
	status: string
	last: AttemptSummary | null
}

/** Newest first. A page may be short, even empty, and still have a next page. */
export interface NotificationPage {
	notifications: NotificationReport[]
	next: PageCursor | null
}

/** A subscription as its object has it. Times epoch ms. */
export interface SubscriptionReport {
	/** Number in D1. */
	number: number
	url: string
	topics: string[] | null
	active: boolean
	/** Why it is not active, a sentence; null: it is active. */
	reason: string | null
	failingSinceMs: number | null
	lastStatus: string | null
	/** Why its last attempt sent nothing; null: it sent. Absent: from an object of an earlier version. */
	notSent?: NotSentReason | null
	/** Nothing is sent until then: the breaker is open, or the rate is used up. */
	parkedUntilMs: number | null
	createdMs: number
}

/** A message for subscriptions to an organization's own topics. */
export interface Notice {
	/** The id of the instance it is from; 0: it was posted. */
	origin: number
	/** Increases per origin, so that a repeated notice is ignored. null: never ignored. */
	number: number | null
	topic: string
	/** Epoch ms. */
	atMs: number
	severity: string
	/** The sender; absent: Shopbell. */
	from?: string
	/** The message, JSON text. */
	body: string
}

/** A published notice. */
export interface PublishedNotice {
	eventId: string
	sequence: number
	/** Its notification; null: none yet, which happens to operator events only. */
	notificationId: number | null
}

/**
 * The notifications to replay: one (its counter), everything queued since a time, or those of the events that match.
 * Epoch ms.
 */
export interface ReplayQuery {
	notification?: number | undefined
	failedSinceMs?: number | undefined
	events?:
		| {
				fromMs?: number | undefined
				toMs?: number | undefined
				types?: string[] | undefined
				resources?: string[] | undefined
				objectId?: string | undefined
				/** NOTIFIED: accepted; CONSUMED: not accepted. */
				status?: 'NOTIFIED' | 'CONSUMED' | undefined
				/** Text in the record. */
				text?: string | undefined
		  }
		| undefined
}

/** A replay or release. Times epoch ms. */
export interface ResendReport {
	/** Unique per instance; null: a dry run. */
	id: number | null
	kind: 'release' | 'replay'
	/** The replay across instances that began it; absent: none. */
	job?: number
	status: 'running' | 'done' | 'cancelled' | 'dry-run'
	total: number
	/** Notifications still to send, or in flight. */
	left: number
	/** Notifications that ended without being accepted. */
	failed: number
	/** How long the rest takes at the rate of the last deliveries. */
	estimateSeconds: number
	createdMs: number
	endedMs: number | null
}

/** The calls about deliveries. All are safe to repeat. */
export interface DeliveryRpc {
	/**
	 * Claims due notifications. Without an admission: of unguarded subscriptions, with a request for each guarded
	 * subscription that has deliveries due. With one: as many of that subscription as it permits. A limit of 0 claims
	 * nothing and only returns the requests.
	 */
	claim(
		limit: number,
		admission?: Admission,
	): Promise<OrUnknown<{ claims: Claim[]; more: boolean; asks: AdmissionRequest[] }>>
	/** Sends no doorbell for this guarded subscription until then (epoch ms). */
	park(subscription: number, untilMs: number): Promise<OrUnknown<'ok'>>
	/** A page of notifications, newest first. */
	notifications(query: NotificationQuery): Promise<OrUnknown<NotificationPage>>
	/** A notification by counter, with its deliveries; null: not found, deleted, or pruned. */
	notification(counter: number): Promise<OrUnknown<NotificationReport | null>>
	/** The outcomes of notifications by counter; null: pruned. */
	outcomes(counters: number[]): Promise<OrUnknown<(NotificationOutcome | null)[]>>
	/** Deletes a notification from lists. `unsettled`: it is still to be sent. */
	deleteNotification(counter: number): Promise<OrUnknown<'deleted' | 'missing' | 'unsettled'>>
	attempts(counter: number): Promise<OrUnknown<AttemptReport[] | null>>
	/** False: not found. */
	acknowledge(counter: number): Promise<OrUnknown<boolean>>
	subscriptions(): Promise<OrUnknown<SubscriptionReport[]>>
	/**
	 * Sends the queued notifications of these subscriptions (by number in D1 or URL; all where neither is given) and
	 * activates them. Returns how many notifications.
	 */
	release(selector: { subscription?: number | undefined; url?: string | undefined }): Promise<OrUnknown<number>>
	/**
	 * Begins a replay; `dryRun` only counts. `too-many`: ten replays are running. `job`: a replay across instances, which
	 * begins once however often it is called, and only if there is anything to send.
	 */
	replay(query: ReplayQuery, dryRun: boolean, job?: number): Promise<OrUnknown<ResendReport | 'too-many'>>
	/** Replays and releases, newest first. */
	resends(): Promise<OrUnknown<ResendReport[]>>
	/** null: not found. A replay that has ended stays as it is. */
	cancelResend(id: number): Promise<OrUnknown<ResendReport | null>>
	/** Sends a sample event to the callback; null: there is no callback. */
	testEvent(): Promise<OrUnknown<{ notificationId: number; eventId: string } | null>>
	/**
	 * Publishes notices in an organization's object, each once. Returns the new ones. In an instance's object, one posted
	 * notice is sent to its subscriptions; nothing is returned while too many notifications are unsettled.
	 */
	publish(notices: Notice[]): Promise<OrUnknown<PublishedNotice[]>>
	/**
	 * Settles an attempt. `next`: claims of unguarded subscriptions, when `more`. `retryAtMs`: when this notification is
	 * tried again (epoch ms); null: never.
	 */
	settle(
		notificationId: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): Promise<OrUnknown<{ next: Claim[]; retryAtMs: number | null }>>
}

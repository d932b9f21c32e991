/**
 * What an object is asked by whoever delivers, about notifications and replays, and what it answers
 * (docs/architecture.md, The way of a change).
 */
import type { PageCursor } from './log.ts'
import type { OrUnknown } from './known.ts'
import type { AttemptReport, NotificationReport } from './notification.ts'

/** A claimed notification: all that an attempt needs. Times epoch ms. */
export interface Claim {
	notificationId: number
	subscription: number
	organizationId: number
	/** When the notification was formed. */
	createdMs: number
	attempt: number
	leaseUntilMs: number
	url: string
	/** The exact bytes, as text. */
	body: string
	/** Whose secrets `configuration` holds: the instance's, or its account's. */
	sealedFor: 'instance' | 'account'
	/** Sealed signature key and Basic password, the rest in the clear; opened by the consumer. */
	configuration: Record<string, string | null>
	/**
	 * The signature key that takes over from the configured one, sealed, and from when it signs alone (epoch ms); null:
	 * none does.
	 */
	signature: { next: string | null; fromMs: number | null }
	/** The callback was admitted by its `Callback` object, which hears of every outcome; false: only of failures. */
	guarded: boolean
	/** Sent before, and sent again because somebody asked for it. */
	replay: boolean
}

/**
 * A guarded subscription has something due: whoever rings its callback asks the `Callback` object first
 * (docs/architecture.md, Isolation; `event.notification.rate`).
 */
export interface AdmissionRequest {
	subscription: number
	organizationId: number
	url: string
	/** Notifications per second; null: no limit. */
	rate: number | null
	/**
	 * The oldest notification that is due or waits for its next try: its id, when it was formed, when it is due (epoch
	 * ms). One whose next try is more than an hour away only when there is no other: a probe so far off would find out
	 * late that the callback answers again.
	 */
	oldest: { notificationId: number; createdMs: number; dueMs: number }
	/** How many are due. */
	wanted: number
}

/** What the `Callback` object lets through of a guarded subscription. */
export interface Admission {
	subscription: number
	/** Most notifications to claim. */
	permits: number
	/** The callback answers again: without a rate its subscription is guarded no longer. */
	closed: boolean
	/** A probe: this notification alone may be claimed. */
	only: number | null
}

/** How an attempt ended. `body` is the first 4 KB of the answer. */
export interface AttemptOutcome {
	delivered: boolean
	status: number | null
	/** dns, tls, refused, timeout, reset; null when there was an answer. */
	error: string | null
	retryAfterMs: number | null
	durationMs: number
	startedMs: number
	body: string
	/** What the answer's header `webhook-delivery` asked for beyond its status; null: nothing. */
	directive: 'disable' | 'abort' | 'retry' | null
	/** The URL that was called; absent: that of the subscription. */
	url?: string
	/**
	 * Nothing was sent: the URL may not be called, or the configuration cannot be opened. Absent: the callback was called,
	 * or a consumer of an earlier version sends the outcome.
	 */
	notSent?: true
}

/**
 * Which notifications; `before`: counter to start below; `toMs`: formed then or before; `subscriptions`: numbers in D1;
 * `topics`: of notices, `prefix.*` too. Of each list any, of all lists all.
 */
export interface NotificationQuery {
	pageSize: number
	before?: number | undefined
	toMs?: number | undefined
	statuses?: string[] | undefined
	subscriptions?: number[] | undefined
	urls?: string[] | undefined
	topics?: string[] | undefined
}

/** Newest first. A page may be short, even empty, and still have a next one. */
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
	/** Why it is not active, a sentence. */
	reason: string | null
	failingSinceMs: number | null
	lastStatus: string | null
	/** Nothing is sent until then: its breaker is open, or its rate used up. */
	parkedUntilMs: number | null
	createdMs: number
}

/** Something to be told to subscriptions of an organization's own topics. */
export interface Notice {
	/** Whose it is: an instance's id; 0: it was posted. */
	origin: number
	/** Counts up per origin: what was taken is not taken again. null: always taken. */
	number: number | null
	topic: string
	/** Epoch ms. */
	atMs: number
	severity: string
	/** Who it is from; absent: from Shopbell. */
	from?: string
	/** The message, JSON text. */
	body: string
}

/** A notice that was taken. */
export interface PublishedNotice {
	eventId: string
	sequence: number
	/**
	 * The notification that tells of it, the first of several; null: there is none yet, which is so of announcements only.
	 */
	notificationId: number | null
}

/**
 * What is to be replayed: one notification (its counter), everything queued since a moment, or what carried the events
 * that are named. Epoch ms.
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
				/** NOTIFIED: was accepted; CONSUMED: was not. */
				status?: 'NOTIFIED' | 'CONSUMED' | undefined
				/** Somewhere in the record. */
				text?: string | undefined
		  }
		| undefined
}

/** A replay or release. Times epoch ms. */
export interface ResendReport {
	/** Counts per instance; null: a dry run. */
	id: number | null
	kind: 'release' | 'replay'
	/** The replay across instances that began it; absent: none did. */
	job?: number
	status: 'running' | 'done' | 'cancelled' | 'dry-run'
	total: number
	/** Notifications that are still to be sent, or under way. */
	left: number
	/** Ended without having been accepted. */
	failed: number
	/** How long the rest takes at the pace of the last deliveries. */
	estimateSeconds: number
	createdMs: number
	endedMs: number | null
}

/** The calls about deliveries. All are safe to repeat. */
export interface DeliveryRpc {
	/**
	 * Without an admission: due notifications of unguarded subscriptions, and an ask for each guarded one that has
	 * something due. With one: as many of that subscription as it permits. A limit of 0 claims nothing and tells what is
	 * asked for.
	 */
	claim(
		limit: number,
		admission?: Admission,
	): Promise<OrUnknown<{ claims: Claim[]; more: boolean; asks: AdmissionRequest[] }>>
	/** Nothing of this guarded subscription is rung for until then (epoch ms), unless its `Callback` object rings. */
	park(subscription: number, untilMs: number): Promise<OrUnknown<'ok'>>
	/** A page of notifications, newest first. */
	notifications(query: NotificationQuery): Promise<OrUnknown<NotificationPage>>
	/** One, by counter; null: there is none, or no longer. */
	notification(counter: number): Promise<OrUnknown<NotificationReport | null>>
	attempts(counter: number): Promise<OrUnknown<AttemptReport[] | null>>
	/** False: there is no such notification. */
	acknowledge(counter: number): Promise<OrUnknown<boolean>>
	subscriptions(): Promise<OrUnknown<SubscriptionReport[]>>
	/**
	 * Sends again what is queued for these subscriptions (by number in D1 or URL; all where neither is given) and wakes
	 * them. Returns how many notifications.
	 */
	release(selector: { subscription?: number | undefined; url?: string | undefined }): Promise<OrUnknown<number>>
	/**
	 * Begins a replay; `dryRun` only counts. `too-many`: ten of them run. `job`: of a replay across instances: begun once,
	 * however often it is asked for, and only if there is anything to send.
	 */
	replay(query: ReplayQuery, dryRun: boolean, job?: number): Promise<OrUnknown<ResendReport | 'too-many'>>
	/** Replays and releases, newest first. */
	resends(): Promise<OrUnknown<ResendReport[]>>
	/** null: there is none. One that has ended stays as it is. */
	cancelResend(id: number): Promise<OrUnknown<ResendReport | null>>
	/** Sends a sample through the whole way to the callback; null: there is nowhere to send it. */
	testEvent(): Promise<OrUnknown<{ notificationId: number; eventId: string } | null>>
	/** Takes notices, in an organization's object: each once. Returns those that were new. */
	publish(notices: Notice[]): Promise<OrUnknown<PublishedNotice[]>>
	/**
	 * `next`: of unguarded subscriptions only. `retryAtMs`: when this notification is tried again (epoch ms); null: never.
	 */
	settle(
		notificationId: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): Promise<OrUnknown<{ next: Claim[]; retryAtMs: number | null }>>
}

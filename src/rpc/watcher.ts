/**
 * The calls of the instance's Durable Object: plain shapes that survive RPC. Free-form JSON travels as text, since RPC
 * types with `unknown` collapse to `never`. Every call to an object without its instance row answers `unknown`.
 */

import type { ActivityHour } from '../events/activity.ts'
import type { BackupRpc } from './backup.ts'
import type { DeliveryRpc } from './delivery.ts'
import type { LogRpc } from './log.ts'
import type { OrUnknown } from './known.ts'

/** States of an instance. Of several, the first one is the instance's. */
export const INSTANCE_STATES = [
	'disabled',
	'deactivated',
	'full',
	'needs-reauth',
	'store-unreachable',
	'unreadable',
	'deletions-held',
	'changes-held',
	'foreign-source',
	'callback-failing',
	'webhooks-degraded',
	'connecting',
	'catching-up',
	'healthy',
] as const
export type InstanceState = (typeof INSTANCE_STATES)[number]

/** How bad a state is: something failed, something waits for a person, nothing is wrong, nothing happens. */
export const SEVERITIES = ['bad', 'warn', 'ok', 'idle'] as const
export type Severity = (typeof SEVERITIES)[number]

/** The severity of each state. */
export const STATE_SEVERITIES: Readonly<Record<InstanceState, Severity>> = {
	disabled: 'idle',
	deactivated: 'bad',
	full: 'bad',
	'needs-reauth': 'bad',
	'store-unreachable': 'bad',
	unreadable: 'bad',
	'deletions-held': 'warn',
	'changes-held': 'warn',
	'foreign-source': 'warn',
	'callback-failing': 'bad',
	'webhooks-degraded': 'warn',
	connecting: 'ok',
	'catching-up': 'ok',
	healthy: 'ok',
}

/** States, worst first. */
export const STATES_BY_SEVERITY: readonly InstanceState[] = SEVERITIES.flatMap((severity) =>
	INSTANCE_STATES.filter((state) => STATE_SEVERITIES[state] === severity),
)

/** `GET /instances/{id}/health`. `since` ISO 8601 UTC. */
export interface HealthReport {
	state: InstanceState
	since: string
	reason: string
	action: string
	/**
	 * The store's failure: its cause, tries so far, and when the next one is; null: the store answers. Objects of earlier
	 * versions leave it out.
	 */
	store?: {
		cause: string | null
		reason: string
		since: string | null
		tries: number
		lastTry: string | null
		nextTry: string | null
	} | null
	/** `noise` and `limits`: as in the poller; objects of earlier versions leave them out. */
	resources: {
		resource: string
		state: InstanceState
		reason: string
		noise?: NoiseReport[]
		limits?: ResourceLimit[]
	}[]
	/** `checkedAt`: when the store's webhooks were last read; objects of earlier versions leave it out. */
	webhooks: { state: string; reason: string; checkedAt?: string | null } | null
	callback: {
		url: string | null
		state: 'none' | 'healthy' | 'failing' | 'deactivated'
		lastStatus: string | null
		waiting: number
	}
}

/** What people look at across instances, part of the status row. Counts are of 24 hours where `hours` has them. */
export interface ActivityReport {
	hours: ActivityHour[]
	/** Events that wait to be sent, to any subscription; 0 until the oldest of them has waited for half a minute. */
	waiting: number
	/** Since when the oldest of them waits, epoch ms; null: none waits. */
	waitingSinceMs: number | null
	/** Events that wait to be sent to the callback. */
	callbackWaiting: number
	/** Since when the callback fails, epoch ms; null: it does not. */
	failingSinceMs: number | null
	/** By resource, the number of objects whose deletion, or mass change, a person has to decide about. */
	held: { resource: string; deletions: number; changes: number }[]
	/** Objects read so far while the instance connects or catches up; null: it does neither, or the total is unknown. */
	progress: { done: number; total: number } | null
}

/**
 * The one status row of an instance in D1 (docs/storage.md, D1). Counters are absolute; `hours` holds events of the
 * last 24 hours, oldest first. Times epoch ms. Objects of earlier versions leave `activity` out.
 */
export interface StatusReport {
	instanceId: number
	incarnation: string
	state: InstanceState
	reason: string
	sinceMs: number
	aliveAtMs: number
	lastEventAtMs: number | null
	intervalMs: number
	events: number
	delivered: number
	storeRequests: number
	hours: number[]
	activity?: ActivityReport
}

/** An instance in `GET /metrics`. Counters are absolute, since the instance was created. */
export interface MetricsReport {
	state: InstanceState
	/** From the newest change's date to its recording, of the slowest resource; null: unknown, or no change yet. */
	lagSeconds: number | null
	/** How many changes had an unknown lag. Absent: from an object of an earlier version. */
	unknownLags?: number
	/** Since the last poll of the resource that was polled longest ago; null: it does not poll, or has not yet. */
	pollAgeSeconds: number | null
	/** Events recorded. */
	seen: number
	/** Notifications accepted. */
	delivered: number
	/** Notifications that failed for good. */
	failed: number
	/** Events that were pruned undelivered. */
	expired: number
	/** Events that wait to be sent, to any subscription. */
	backlog: number
	/** Since the oldest of them was recorded or formed; null: none. */
	backlogAgeSeconds: number | null
	/** Requests made to the store. */
	storeRequests: number
}

/**
 * What cannot be read of a resource as usual, because of how its store answers, and what happens instead. `message`: a
 * sentence for people; `since`: ISO 8601 UTC.
 */
export interface ResourceLimit {
	code: string
	message: string
	since: string
}

/**
 * What answers of the store showed beside, or instead of, what was asked for: how often, since when without a pause of
 * a day, and the last time. `example`: the end of a sentence for people; times ISO 8601.
 */
export interface AnswerFinding {
	kind: string
	count: number
	since: string
	last: string
	example: string
}

/** A path that differs between reads of one object and does not count as a change. Times ISO 8601 or null. */
export interface NoiseReport {
	path: string
	/** `provisional`: one round of reads showed it; `proven`: a second one at least an hour later did too. */
	proof: 'provisional' | 'proven'
	/** When the first round showed it. */
	since: string
	/** When it was proven, or last renewed; null: it is provisional. */
	provenAt: string | null
	/** When the next round of reads confirms or renews it. */
	nextProof: string
	/** `url`: a change of a URL counts, apart from its query. `nothing`: no change of the path counts. */
	counts: 'url' | 'nothing'
	/** What two reads of one object showed, without secrets; null: not known, since an earlier version proved it. */
	example: { objectId: string; values: string[] } | null
	/** What to do at the store. */
	cure: string
}

/** Objects that were indexed in silence, by resource: changes of these fields before `since` cannot be known. */
export interface UncheckedReport {
	unchecked: {
		resource: string
		/** ISO 8601. */
		since: string
		fields: string[]
		count: number
		/** An UPDATED is being sent of each. */
		sending: boolean
	}[]
}

/**
 * Variations whose changes are sent as those of their product. `products`: that have some; `indexed`: of which these
 * are known; `pending`: whose variations are to be read. `requestsAnHour`: that reads one product after another make at
 * most, where the store has no list of all variations; null: it has one. `oldestReadAt`: since when everything that
 * moves no date of a product has been found, ISO 8601; null: not everything has been read yet. `noise`: paths that
 * differ between reads and do not count.
 */
export interface VariationReport {
	products: number
	indexed: number
	variations: number
	pending: number
	requestsAnHour: number | null
	oldestReadAt: string | null
	noise: string[]
}

/** A resource in `GET /instances/{id}/poller`. Times ISO 8601 or null. */
export interface PollerResourceReport {
	resource: string
	identity: string
	cursor: string | null
	lastPoll: string | null
	nextPoll: string | null
	requests: number
	known: number
	lagSeconds: number | null
	/** How many changes had an unknown lag. Absent: from an object of an earlier version. */
	unknownLags?: number
	baseline: { done: number; total: number; complete: boolean; estimateSeconds: number | null }
	reread: {
		everyHours: number
		done: number
		total: number
		running: boolean
		last: string | null
		next: string | null
		worstAgeSeconds: number | null
	}
	drift: number
	volatile: string[]
	/** The mass changes of the last look that found any. Objects of earlier versions leave out this and the next. */
	massChanges?: { at: string; fields: string[]; objects: number }[]
	/** Objects whose changes are held. */
	heldChanges?: number
	/** Its variations, if their changes are sent with it. Objects of earlier versions leave it out. */
	variations?: VariationReport
	datesUnreadable: string | null
	error: { at: string; message: string } | null
	/** The same paths with their proofs. Objects of earlier versions leave it out. */
	noise?: NoiseReport[]
	/** What cannot be read as usual. Objects of earlier versions leave it out. */
	limits?: ResourceLimit[]
	/** What answers showed that was not asked for. Objects of earlier versions leave it out. */
	findings?: AnswerFinding[]
}
export interface PollerReport {
	/** A poll run is under way. */
	running: boolean
	/** Objects still to read by id. */
	pending: number
	nextLookup: string | null
	lastRun: string | null
	nextRun: string | null
	storeRequests: number
	backoffUntil: string | null
	resources: PollerResourceReport[]
	runs: { at: string; requests: number; events: number; note: string }[]
}

/**
 * A requested poll. `state`: `started`, `queued` behind a run, `waiting` for the end of a back-off, `paused`.
 * `notBefore`: ISO 8601, when a back-off ends; null: none is under way. Objects of earlier versions leave it out.
 */
export interface PollRequest {
	run: string
	depth: string
	state: string
	notBefore?: string | null
}

/** Held mass changes of a resource. `objects`: at most a thousand; `fields`: those that changed in any of them. */
export interface HeldChanges {
	resource: string
	since: string
	fields: string[]
	objects: { objectId: string; changedFields: string[] }[]
	count: number
}

/** A webhook delivery whose signature the edge has verified for this instance, topic and version. */
export interface WebhookDelivery {
	/** `order.updated`, as in the header; the element knows it. */
	topic: string
	/** Version of the secret that verified it. */
	version: number
	/** X-WC-Webhook-ID: the id of the webhook at the store. */
	webhookId: string
	/** X-WC-Webhook-Delivery-ID: not an idempotency key (docs/woocommerce.md 7.1). */
	deliveryId: string
	/** X-WC-Webhook-Source. */
	source: string
	receivedMs: number
	/** The body as text; null above 1.5 MiB: a hint without snapshot. */
	body: string | null
	/** The object's id, for bodies that are not passed on; null when the edge could not read it. */
	objectId: string | null
}

/**
 * The result of a delivery: `taken` (committed), `disabled` (counted), `retired` (its version is no longer accepted:
 * 401), `unknown-topic` (counted).
 */
export type WebhookResult = 'taken' | 'disabled' | 'retired' | 'unknown-topic'

/** How many samples of rejected deliveries are kept. */
export const MAX_REJECTION_SAMPLES = 5

/** Rejected deliveries of an isolate since its last report: counts per reason, and the newest samples of 1 kB. */
export interface WebhookRejections {
	sinceMs: number
	counts: Record<string, number>
	samples: { atMs: number; reason: string; headers: string; body: string }[]
}

/** The object's part of `GET /instances/{id}/webhooks`. Times ISO 8601 or null. */
export interface WebhooksReport {
	/** Webhooks at the store as last read. */
	webhooks: { topic: string; id: number | null; status: string; ours: boolean; url: string }[]
	checkedAt: string | null
	lastDeliveryAt: string | null
	foreignSource: string | null
	/** Resources whose deliveries are hints, since their payloads differ from REST reads. */
	hintsOnly: string[]
	deliveries: { taken: number; disabled: number; unknownTopic: number }
	/** Repairs by the watchdog, newest first. */
	repairs: { at: string; what: string }[]
	degraded: string | null
}

/** `GET /instances/{id}/coverage`. Lags in ms from the change's modified time to its recording. */
export interface CoverageReport {
	firstByWebhook: number
	firstByPoll: number
	confirmed: number
	recovered: number
	lag: { webhook: LagReport; poll: LagReport; recovered: LagReport }
}

/** Percentiles of the known lags. `unknown`: how many changes have none; absent: from an earlier version. */
export interface LagReport {
	p50: number | null
	p99: number | null
	unknown?: number
}

/** The calls. All are safe to repeat. */
export interface WatcherRpc extends LogRpc, DeliveryRpc, BackupRpc {
	/**
	 * Creates the instance: reads its row from D1, creates the tables, sets the alarm. `incarnation` absent: the id as
	 * text, from an isolate of an earlier version. `again`: the row had an object, which has lost its storage or was
	 * deleted before a restore of D1; its ids are skipped.
	 */
	create(instanceId: number, incarnation?: string, options?: { again?: boolean }): Promise<'created' | 'exists'>
	/**
	 * Reads the changed row, which may request a new silent baseline. `version` is no longer used; isolates of earlier
	 * versions pass it. `release`: sends queued notifications. `retry`: credentials were sent, so a back-off ends.
	 */
	configure(version: number, options?: { release?: boolean; retry?: boolean }): Promise<OrUnknown<'ok'>>
	/** Removes everything. */
	destroy(): Promise<void>
	/** Reads the row and sets the alarm if it is due. Called by the cron. */
	wake(): Promise<OrUnknown<'ok'>>
	poll(depth: 'window' | 'reread'): Promise<OrUnknown<PollRequest>>
	health(): Promise<OrUnknown<HealthReport>>
	poller(): Promise<OrUnknown<PollerReport>>
	/** Objects of earlier versions do not know these two calls. */
	unchecked(): Promise<OrUnknown<UncheckedReport>>
	decideUnchecked(decision: 'emit' | 'forget'): Promise<OrUnknown<{ decided: number }>>
	metrics(): Promise<OrUnknown<MetricsReport>>
	deletions(): Promise<
		OrUnknown<{
			held: {
				resource: string
				since: string
				objects: { objectId: string; lastSeen: string | null }[]
				count: number
			}[]
		}>
	>
	decide(decision: 'emit' | 'forget'): Promise<OrUnknown<{ decided: number }>>
	/** Held mass changes, and what a person decides about them. Objects of earlier versions do not have these calls. */
	massChanges(): Promise<OrUnknown<{ held: HeldChanges[] }>>
	decideMassChanges(decision: 'emit' | 'forget'): Promise<OrUnknown<{ decided: number }>>
	/** Takes a verified delivery. It is committed when this answers `taken`. */
	hook(delivery: WebhookDelivery): Promise<OrUnknown<WebhookResult>>
	/** Reports what an isolate rejected, at most once a minute. */
	rejected(rejections: WebhookRejections): Promise<OrUnknown<'ok'>>
	rejections(): Promise<OrUnknown<WebhookRejections>>
	webhooks(): Promise<OrUnknown<WebhooksReport>>
	/** `too-many`: more than 20 000 events would have to be read. */
	coverage(fromMs: number, toMs: number): Promise<OrUnknown<CoverageReport | 'too-many'>>
	/**
	 * Erases an object's content: records, responses of callbacks, samples of rejected deliveries. Returns how many
	 * events.
	 */
	erase(resource: string, objectId: string): Promise<OrUnknown<number>>
}

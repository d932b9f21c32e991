/** An instance's row in D1 as its Durable Object keeps it. Fields are stored: never rename one. */
import { type SendFilter, NO_FILTER } from '../events/filter.ts'
import { DEFAULT_BATCH, type VendorType } from '../events/batching.ts'
import type { Result } from '../lib/result.ts'
import type { Connection } from '../elements/store.ts'

/** `standard`; one of the platform's two, counted from the first failure; or the seconds between attempts. */
export type RetrySchedule = 'standard' | '8^n' | '4^n' | readonly number[]

/** The values of `event.poller.variations`. */
export type VariationMode = 'parent' | 'own' | 'off'

/** How notifications are made and sent. */
export interface DeliveryConfig {
	/** When a failed notification is tried again. */
	schedule: RetrySchedule
	/** `queue`: one attempt, then queued until a release. */
	failurePolicy: 'retry' | 'queue'
	/** `thin`: without records, with their URLs. */
	mode: 'full' | 'thin'
	/** Several waiting events of an object are sent as one. */
	coalesce: boolean
	/** How many events a notification has at most. */
	batch: number
	/** Notifications per second; null: no limit. */
	rate: number | null
	filter: SendFilter
}

/** An instance as the watcher knows it: its row in D1 joined with its account. */
export interface WatcherConfig {
	instanceId: number
	/** Random, never reused; the id as text for objects of earlier versions (lib/incarnation.ts). */
	incarnation: string
	organizationId: number
	/** As `incarnation`, of the organization. */
	organizationIncarnation: string
	userId: number
	name: string
	tags: string[]
	elementKey: string
	/** Increases with every change of the row. */
	version: number
	/** false: neither polls nor delivers. */
	enabled: boolean
	/** false: hub only. */
	eventsEnabled: boolean
	vendorType: VendorType
	connection: Connection
	/** The configuration as stored: flat map, secrets sealed. */
	configuration: Record<string, string | null>
	/** The next signature key, sealed, and from when it signs alone (epoch ms); null: no rotation. */
	signature: { next: string | null; fromMs: number | null }
	/** The callback URL; null: events are only logged. */
	callbackUrl: string | null
	/** Ms between polls, at least the operator's minimum. */
	pollIntervalMs: number
	/** Hours between re-reads; null: the resource's own; 0: off. */
	rereadHours: number | null
	/** `none`, `all`, or epoch ms of the day from which the baseline sends events. */
	backfill: 'none' | 'all' | number
	/** Requests per poll that scans may make. */
	scanBudget: number
	/** What happens to mass changes: sent after other events, or held until a person decides. */
	massChanges: 'emit' | 'hold'
	/**
	 * How changes of variations are sent: as changes of their product, as those of a resource of their own, which
	 * `configuration` then has, or not at all. Absent: `off`, as in copies of earlier versions.
	 */
	variations?: VariationMode
	/** Days that settled events are kept. */
	retentionDays: number
	/**
	 * Webhooks; null where there are none. The version of their secrets (the previous one is accepted until
	 * `previousUntilMs`), ms between reconciling polls (0: off), and the receiver's URL ('' while the API creates the
	 * instance and its webhooks). `writtenWith`: id of the master key of the secrets that the API wrote; absent before
	 * that.
	 */
	hooks: {
		version: number
		previousUntilMs: number | null
		reconcileMs: number
		deliveryUrl: string
		writtenWith?: string
	} | null
	/** Version at which a new silent baseline was last requested. Earlier versions did not store it. */
	baselineVersion?: number
	delivery: DeliveryConfig
	/** Number of the callback's subscription in D1. */
	subscriptionId: number
	/** Further subscriptions (docs/contract.md §5) and their topics; null: all of this object. */
	others: { number: number; url: string; topics: string[] | null }[]
	/** The account has an operator webhook, which gets the instance's operator events. */
	announces: boolean
	/** An organization's own object: without a store, it delivers notices. `getObjectKind` has what follows from it. */
	storeless: boolean
}

/**
 * An object's row in D1. `missing`: there is none, or it is deleted; `replaced`: the row of its id is another object's.
 */
export type LoadedConfig = Result<{ config: WatcherConfig }, 'missing' | 'replaced'>

/** The default, also for stored copies of earlier versions. */
export const DEFAULT_DELIVERY: Readonly<DeliveryConfig> = {
	schedule: 'standard',
	failurePolicy: 'retry',
	mode: 'full',
	coalesce: false,
	batch: DEFAULT_BATCH.polling,
	rate: null,
	filter: NO_FILTER,
}

/** The default, with the batch size of the vendor type. */
export function getDefaultDelivery(vendorType: VendorType): DeliveryConfig {
	return { ...DEFAULT_DELIVERY, batch: DEFAULT_BATCH[vendorType] }
}

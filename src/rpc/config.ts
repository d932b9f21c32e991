/** An instance's row of D1 as its Durable Object keeps it. Fields are stored: never rename one. */
import { type EventFilter, NO_FILTER } from '../events/filter.ts'
import { DEFAULT_BATCH } from '../events/batching.ts'
import type { Connection } from '../elements/store.ts'

/** `standard`; the platform's two, counted from the first failure; or the seconds between tries. */
export type RetrySchedule = 'standard' | '8^n' | '4^n' | readonly number[]

/** How notifications are made and sent. */
export interface DeliveryConfig {
	/** When a failed notification is tried again. */
	schedule: RetrySchedule
	/** `queue`: one try, then queued until it is released. */
	failurePolicy: 'retry' | 'queue'
	/** `thin`: no records, addresses where they can be read. */
	mode: 'full' | 'thin'
	/** Of an object's events that go together only the newest is told. */
	coalesce: boolean
	/** Events that a notification holds at most. */
	batch: number
	/** Notifications a second; null: no limit. */
	rate: number | null
	filter: EventFilter
}

/** An instance as the watcher knows it: the joined row of D1 (instance and account), version by version. */
export interface WatcherConfig {
	instanceId: number
	organizationId: number
	userId: number
	name: string
	tags: string[]
	elementKey: string
	/** Counts up with every change of the row. */
	version: number
	/** false: neither polls nor delivers. */
	enabled: boolean
	/** false: hub only. */
	eventsEnabled: boolean
	/** How changes are seen: by polls, by webhooks with polls that reconcile them, or by both at the same pace. */
	vendorType: 'polling' | 'webhook' | 'hybrid'
	connection: Connection
	/** The configuration as stored: flat map, secrets sealed. */
	configuration: Record<string, string | null>
	/**
	 * The signature key that takes over from the configured one, sealed, and from when it signs alone (epoch ms); null:
	 * none does.
	 */
	signature: { next: string | null; fromMs: number | null }
	/** Where notifications go; null: kept in the log only. */
	callbackUrl: string | null
	/** Ms between polls; the operator's floor is applied already. */
	pollIntervalMs: number
	/** Hours between re-reads; null: the resource's own; 0: off. */
	rereadHours: number | null
	/** `none`, `all`, or epoch ms of the day from which the baseline rings. */
	backfill: 'none' | 'all' | number
	/** Requests of a scan slice a poll. */
	scanBudget: number
	/** Days that settled events are kept. */
	retentionDays: number
	/**
	 * Webhooks: the version of their secrets (the one before it is accepted until `previousUntilMs`), minutes between
	 * reconciling polls (0: off), and the receiver's address ('' while the instance is being made: its webhooks are the
	 * API's to make); null where no webhooks are kept. `writtenWith`: id of the master key that the API wrote this
	 * version's secrets with; absent where it is still to do that.
	 */
	hooks: {
		version: number
		previousUntilMs: number | null
		reconcileMs: number
		deliveryUrl: string
		writtenWith?: string
	} | null
	/** Version at which a new silent baseline was last asked for; absent in copies of an earlier version. */
	baselineVersion?: number
	delivery: DeliveryConfig
	/** Number in D1 of the callback's subscription. */
	subscriptionId: number
	/** Further subscriptions (docs/contract.md §5), and the topics that they hear; null: all of this object. */
	others: { number: number; url: string; topics: string[] | null }[]
	/** The account has an operator's webhook: what happens to the instance is told to it. */
	announces: boolean
	/**
	 * The object of an organization: it has no store, delivers what is published to it, and its secrets are the account's.
	 */
	storeless: boolean
}

/** What holds where nothing is configured, and for copies of the row that were stored before it could be. */
export const DEFAULT_DELIVERY: Readonly<DeliveryConfig> = {
	schedule: 'standard',
	failurePolicy: 'retry',
	mode: 'full',
	coalesce: false,
	batch: DEFAULT_BATCH.polling,
	rate: null,
	filter: NO_FILTER,
}

/** The same with the size of notifications that goes with the way of seeing. */
export function getDefaultDelivery(vendorType: WatcherConfig['vendorType']): DeliveryConfig {
	return { ...DEFAULT_DELIVERY, batch: DEFAULT_BATCH[vendorType] }
}

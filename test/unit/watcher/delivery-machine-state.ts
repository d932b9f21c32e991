/** What a delivery machine consists of: its steps, its model of what must be true, and the surroundings of the engine. */
import assert from 'node:assert/strict'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import type { EventType } from '../../../src/events/event.ts'
import { type SendFilter, NO_FILTER } from '../../../src/events/filter.ts'
import { Engine } from '../../../src/watcher/engine.ts'
import type { Ports } from '../../../src/watcher/core/ports.ts'
import type { AdmissionRequest, Claim, AttemptOutcome } from '../../../src/rpc/delivery.ts'
import { MemorySql } from '../../support/world.ts'
import { DEFAULT_DELIVERY, type DeliveryConfig, type WatcherConfig } from '../../../src/rpc/config.ts'

export const SECOND_MS = 1000
export const HOUR_MS = 3_600 * SECOND_MS
export const DAY_MS = 24 * HOUR_MS
export const UNDELIVERED_MS = 30 * DAY_MS
export const INSTANCE = 7
export const NEVER_MS = 3_650 * DAY_MS

/** How a callback answers. `lost`: it accepted, and the answer never came back. */
export type MachineAnswer = 'ok' | 'lost' | 404 | 500 | 410 | 'timeout' | 'abort' | 'disable' | 'retry'

/** What a filter of the machine lets through. */
export type FilterName = 'none' | 'types' | 'where' | 'resource'

/** What may be changed of the configuration. */
export interface ConfigChange {
	delivery?: Partial<Omit<DeliveryConfig, 'filter'>>
	filter?: FilterName
	enabled?: boolean
	/** Whether the instance has a callback, and where. */
	callback?: 'none' | 'first' | 'second'
	/** Further subscriptions: all of the object, or products alone. */
	others?: ('all' | 'products')[]
}

/** One step. Positions are taken modulo what there is. */
export type MachineStep = { crash?: 'before' | 'after' } & (
	| { kind: 'record'; changes: { object: number; op: 'edit' | 'delete' | 'replace' }[]; fails?: boolean }
	| { kind: 'burst' }
	| { kind: 'doorbell'; limit: number; as: 'answered' | 'lost' | 'double' }
	| { kind: 'admit'; permits: number; closed: boolean; probe: boolean }
	| { kind: 'park'; subscription: number; ms: number }
	| { kind: 'post'; flight: number; answer: MachineAnswer; settle: 'now' | 'later'; more: boolean }
	| { kind: 'settle'; flight: number; more: boolean; again: boolean }
	| { kind: 'consumer-dies'; flight: number }
	| { kind: 'deliver'; answer: MachineAnswer; most: number }
	| { kind: 'time'; ms: number }
	| { kind: 'age'; ms: number }
	| { kind: 'evict' }
	| { kind: 'keep' }
	| { kind: 'erase'; object: number }
	| { kind: 'configure'; change: ConfigChange; refresh: boolean; release: boolean }
	| { kind: 'release'; subscription: number | null }
	| { kind: 'replay'; which: 'one' | 'failed' | 'filter' | 'dry-run'; position: number }
	| { kind: 'cancel'; position: number }
)

/** A change as it was recorded. */
export interface RecordedEvent {
	sequence: number
	object: string
	objectId: number | string
	resource: string
	type: EventType
	objectSequence: number
	previousSequence: number | null
	record: string
	recordedMs: number
	erased: boolean
}

/** A subscription from when it was made until it is removed. */
export interface SubscriptionModel {
	id: number
	topics: string[] | null
	removed: boolean
	/** Recorded for it, in no notification yet and not left out. */
	pending: Set<number>
	/** Per object, what the next event may say that it follows. */
	follows: Map<string, (number | null)[]>
	received: Set<number>
	/** Objects of which a filter left something out, or time took something away. */
	gaps: Set<string>
	/** Per object, the last event that was meant for it. */
	last: Map<string, RecordedEvent>
	/** The state of each object according to what it received. */
	folded: Map<string, { objectSequence: number; type: EventType }>
}

/** What a notification says of an event. */
export interface NotifiedEvent {
	event: RecordedEvent
	type: EventType
	previousSequence: number | null
	coalesced: number
	/** When it was added to a notification that was there before: number of the call. */
	addedAt?: number
}

export interface NotificationModel {
	id: number
	subscription: SubscriptionModel
	events: NotifiedEvent[]
	objects: string[]
	unsettled: boolean
	settled: number | null
	status: string
	attempt: number
	attemptsBefore: number
	delivered: boolean
	inResend: boolean
	/** Its tries ended without success, or what sent it again was cancelled. */
	abandoned: boolean
	/** When it was first settled without having been delivered, and when it was first on the wire: numbers of calls. */
	skippedAt: number | null
	firstSentAt: number | null
	leaseUntilMs: number
	body: string | null
	erasures: number
	pruned: boolean
}

/** What a consumer holds. */
export interface HeldClaim {
	notification: NotificationModel
	claim: Claim
	outcome: AttemptOutcome | null
}

export interface NotificationRow {
	id: number
	subscription: number
	members: string
	status: string
	attempt: number
	lease: number | null
	settled: number | null
	delivered: number | null
	resend: number | null
	due: number
}

/** With so many to send, what waits is not looked at. */
export const MAX_CHECKED_UNSETTLED = 25

/** So many at a time are looked at together. */
export const MAX_POSTS_WHEN_QUIETING = 500

export class Crash extends Error {}

export const WAITING_OF_ACTIVE = `SELECT * FROM waiting WHERE subscription IN (SELECT id FROM subscriptions WHERE active = 1)`

export const OBJECTS: { id: number | string; resource: string; number: number }[] = [
	{ id: 1, resource: 'products', number: 1 },
	{ id: 2, resource: 'products', number: 1 },
	{ id: 3, resource: 'products', number: 1 },
	{ id: 1, resource: 'orders', number: 2 },
	{ id: 'a/1', resource: 'orders', number: 2 },
]
export const URLS = { first: 'https://callback.example.com/hook', second: 'https://elsewhere.example.com/hook' }
export const FILTERS: Record<FilterName, SendFilter> = {
	none: NO_FILTER,
	types: { ...NO_FILTER, types: ['CREATED', 'UPDATED'] },
	where: { ...NO_FILTER, where: [{ field: 'parity', operator: '=', values: ['even'] }] },
	resource: { ...NO_FILTER, resources: ['products'] },
}

/** The state of a machine: the engine with its storage, clock and alarm, and the model. */
export class MachineState {
	nowMs = Date.UTC(2026, 5, 15, 12)
	readonly sql = new MemorySql()
	engine: Engine
	alarmMs: number | null = null
	doorbells = 0
	/** What happened, for the statistics. */
	readonly happened = new Set<string>()
	config: WatcherConfig
	filter: FilterName = 'none'
	/** Filters that the object may have had since the last look. */
	filters: FilterName[] = ['none']
	coalesced = false
	/** How many events a notification might have when the object was last called. */
	batch = Number.POSITIVE_INFINITY
	callCount = 0
	crashAt: 'before' | 'after' | null = null
	crashed = false
	readonly events = new Map<number, RecordedEvent>()
	readonly objects = new Map<string, { sequence: number; lastEvent: number | null; live: boolean }>()
	subscriptions = new Map<number, SubscriptionModel>()
	readonly allSubscriptions: SubscriptionModel[] = []
	readonly notifications = new Map<number, NotificationModel>()
	heldClaims: HeldClaim[] = []
	/** The last settle, made again by whoever thinks that it was lost. */
	lastSettled: HeldClaim[] = []
	admissionRequests: AdmissionRequest[] = []
	/** Handed out since the last look. */
	claimsToCheck: { claim: Claim; admitted: boolean }[] = []

	constructor() {
		this.config = {
			instanceId: INSTANCE,
			incarnation: String(INSTANCE),
			organizationId: 1,
			organizationIncarnation: '1',
			userId: 1,
			name: 'Riverside',
			tags: [],
			elementKey: 'woocommercerest',
			version: 1,
			enabled: true,
			eventsEnabled: true,
			vendorType: 'polling',
			connection: {
				home: 'http://shop.example.com',
				root: 'http://shop.example.com/wp-json/',
				auth: 'basic',
				name: 'Riverside',
				timeZone: '',
				gmtOffset: 0,
				version: '11.0',
				hpos: null,
				storeNowMs: this.nowMs,
				collections: {},
			},
			configuration: {},
			signature: { next: null, fromMs: null },
			callbackUrl: URLS.first,
			pollIntervalMs: NEVER_MS,
			rereadHours: 0,
			backfill: 'none',
			scanBudget: 10,
			massChanges: 'emit',
			retentionDays: 7,
			hooks: null,
			delivery: { ...DEFAULT_DELIVERY, schedule: [10, 100], batch: 3 },
			subscriptionId: 1,
			others: [],
			announces: false,
			storeless: false,
		}
		this.sql.onCommit = (when) => {
			if (this.crashed) throw new Crash()
			if (this.crashAt !== (when === 'before-commit' ? 'before' : 'after')) return
			this.crashed = true
			throw new Crash()
		}
		this.engine = new Engine(this.ports())
	}

	ports(): Ports {
		const alive = (): boolean => !this.crashed
		return {
			sql: this.sql,
			now: () => this.nowMs,
			// No alarm takes long.
			sleep: async () => new Promise(() => undefined),
			random: () => 0.5,
			setAlarm: (atMs) => {
				if (alive()) this.alarmMs = atMs
			},
			getAlarmMs: () => this.alarmMs,
			sendDoorbell: async () => {
				if (alive()) this.doorbells++
			},
			loadConfig: async () => ({ ok: true, config: this.config }),
			deleteStorage: async () => Promise.reject(new Error('the row is there')),
			element: () => woocommerce,
			client: async () => Promise.reject(new Error('there is no store')),
			writeStatus: async () => undefined,
			eventTag: (_instance, sequence) => toTag(sequence),
			masterKey: { id: 'test', bytes: new Uint8Array(32) },
			publicUrl: 'https://bell.example.com',
			publish: async () => undefined,
			storedBytes: () => 0,
			log: (event, fields) => assert(event === 'run.unsaved' || this.crashed, `${event} ${JSON.stringify(fields)}`),
		}
	}

	core(): NonNullable<ReturnType<Engine['getCore']>> {
		return this.engine.getCore()!
	}

	/** There is no store to poll. */
	postponePolls(): void {
		const core = this.core()
		if ((core.state.nextPollMs ?? 0) > this.nowMs + NEVER_MS / 2) return
		core.commit(() => {
			core.state.nextPollMs = this.nowMs + NEVER_MS
		})
		this.alarmMs = null
		this.engine.updateAlarm(core)
	}

	notificationRow(id: number): NotificationRow | undefined {
		return this.sql.all<NotificationRow>(
			`SELECT id, subscription, members, status, attempt, lease, settled, delivered, resend, due FROM notifications WHERE id = ?`,
			id,
		)[0]
	}

	active(): ReadonlySet<number> {
		return new Set(this.sql.all<{ id: number }>(`SELECT id FROM subscriptions WHERE active = 1`).map((row) => row.id))
	}

	/** What the notifications have come to, oldest first. */
	statuses(): string[] {
		return this.sql
			.all<NotificationRow>(`SELECT status, delivered FROM notifications ORDER BY id`)
			.map(({ status, delivered }) => (delivered === null ? status : `${status}, accepted`))
	}
}

export function toTag(sequence: number): number {
	return (sequence * 7919) & 0xff_ffff
}

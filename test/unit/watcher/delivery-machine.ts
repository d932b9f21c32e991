/**
 * Forming, claiming and settling as a state machine: an engine over an in-memory database and a virtual clock, consumers and callbacks that
 * do what they like, and a model of what each subscription was meant to hear. After every call the rules of delivery are held against the
 * storage; a broken one throws.
 */
import assert from 'node:assert/strict'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import type { EventType } from '../../../src/events/event.ts'
import { type EventFilter, NO_FILTER } from '../../../src/events/filter.ts'
import { objectKey } from '../../../src/events/batching.ts'
import { formatEventId, parseNotificationId } from '../../../src/events/ids.ts'
import { parseMembers } from '../../../src/events/notification-members.ts'
import { getBacklog, releaseSubscriptions } from '../../../src/watcher/queries/deliveries.ts'
import { Engine } from '../../../src/watcher/engine.ts'
import { eraseObjectContent } from '../../../src/watcher/log/erasure.ts'
import type { NewEvent } from '../../../src/watcher/log/event-log.ts'
import { appendEvents } from '../../../src/watcher/outbox/forming.ts'
import { getNotificationStatuses } from '../../../src/watcher/queries/log-pages.ts'
import type { Ports } from '../../../src/watcher/core/ports.ts'
import { cancelResend, runReplay, getResends } from '../../../src/watcher/outbox/replays.ts'
import type { Admission, AdmissionRequest, Claim, AttemptOutcome, ReplayQuery } from '../../../src/rpc/delivery.ts'
import type { NotificationStatus } from '../../../src/watcher/core/rows.ts'
import type { Tx } from '../../../src/watcher/core/tx.ts'
import { CALLBACK_ID } from '../../../src/watcher/outbox/subscriptions.ts'
import { MemorySql } from '../../support/world.ts'
import { DEFAULT_DELIVERY, type DeliveryConfig, type WatcherConfig } from '../../../src/rpc/config.ts'
import type { OrUnknown } from '../../../src/rpc/known.ts'

const SECOND_MS = 1000
const HOUR_MS = 3_600 * SECOND_MS
const DAY_MS = 24 * HOUR_MS
const UNDELIVERED_MS = 30 * DAY_MS
const INSTANCE = 7
const NEVER_MS = 3_650 * DAY_MS

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
	| { kind: 'configure'; change: ConfigChange; told: boolean; release: boolean }
	| { kind: 'release'; subscription: number | null }
	| { kind: 'replay'; which: 'one' | 'failed' | 'filter' | 'dry-run'; position: number }
	| { kind: 'cancel'; position: number }
)

/** A change as it was recorded. */
interface RecordedEvent {
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
interface SubscriptionModel {
	id: number
	topics: string[] | null
	removed: boolean
	/** Heard, and neither told nor left out yet. */
	pending: Set<number>
	/** Per object, what the next event may say that it follows. */
	follows: Map<string, (number | null)[]>
	received: Set<number>
	/** Objects of which a filter left something out, or time took something away. */
	gaps: Set<string>
	/** Per object, the last event that was meant for it. */
	last: Map<string, RecordedEvent>
	/** What it has been told of each object, by its receiving. */
	folded: Map<string, { objectSequence: number; type: EventType }>
}

/** What a notification says of an event. */
interface NotifiedEvent {
	event: RecordedEvent
	type: EventType
	previousSequence: number | null
	coalesced: number
}

interface NotificationModel {
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
interface HeldClaim {
	notification: NotificationModel
	claim: Claim
	outcome: AttemptOutcome | null
}

interface NotificationRow {
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
const MAX_CHECKED_UNSETTLED = 25

/** So many at a time are looked at together. */
const MAX_POSTS_WHEN_QUIETING = 500

class Crash extends Error {}

const WAITING_OF_ACTIVE = `SELECT * FROM waiting WHERE subscription IN (SELECT id FROM subscriptions WHERE active = 1)`

const OBJECTS: { id: number | string; resource: string; number: number }[] = [
	{ id: 1, resource: 'products', number: 1 },
	{ id: 2, resource: 'products', number: 1 },
	{ id: 3, resource: 'products', number: 1 },
	{ id: 1, resource: 'orders', number: 2 },
	{ id: 'a/1', resource: 'orders', number: 2 },
]
const URLS = { first: 'https://callback.example.com/hook', second: 'https://elsewhere.example.com/hook' }
const FILTERS: Record<FilterName, EventFilter> = {
	none: NO_FILTER,
	types: { ...NO_FILTER, types: ['CREATED', 'UPDATED'] },
	where: { ...NO_FILTER, where: [{ field: 'parity', operator: '=', values: ['even'] }] },
	resource: { ...NO_FILTER, resources: ['products'] },
}

/** The machine. Make one with `Machine.create`, play steps, then `quiet`. */
export class DeliveryMachine {
	nowMs = Date.UTC(2026, 5, 15, 12)
	readonly sql = new MemorySql()
	engine: Engine
	alarmMs: number | null = null
	doorbells = 0
	/** What happened, for the statistics. */
	readonly happened = new Set<string>()
	config: WatcherConfig
	#filter: FilterName = 'none'
	/** Filters that the object may have had since the last look. */
	#filters: FilterName[] = ['none']
	#coalesced = false
	#callCount = 0
	#crashAt: 'before' | 'after' | null = null
	#crashed = false
	readonly #events = new Map<number, RecordedEvent>()
	readonly #objects = new Map<string, { sequence: number; lastEvent: number | null; live: boolean }>()
	#subscriptions = new Map<number, SubscriptionModel>()
	readonly #allSubscriptions: SubscriptionModel[] = []
	readonly #notifications = new Map<number, NotificationModel>()
	#heldClaims: HeldClaim[] = []
	/** The last settle, made again by whoever thinks that it was lost. */
	#lastSettled: HeldClaim[] = []
	#admissionRequests: AdmissionRequest[] = []
	/** Handed out since the last look. */
	#claimsToCheck: { claim: Claim; admitted: boolean }[] = []

	private constructor() {
		this.config = {
			instanceId: INSTANCE,
			organizationId: 1,
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
			retentionDays: 7,
			hooks: null,
			delivery: { ...DEFAULT_DELIVERY, schedule: [10, 100], batch: 3 },
			subscriptionId: 1,
			others: [],
			announces: false,
			storeless: false,
		}
		this.sql.onCommit = (when) => {
			if (this.#crashed) throw new Crash()
			if (this.#crashAt !== (when === 'before-commit' ? 'before' : 'after')) return
			this.#crashed = true
			throw new Crash()
		}
		this.engine = new Engine(this.#ports())
	}

	static async create(): Promise<DeliveryMachine> {
		const machine = new DeliveryMachine()
		await machine.engine.create(INSTANCE)
		machine.#postponePolls()
		machine.#checkInvariants()
		return machine
	}

	/** Takes one step and looks at what it did. */
	async play(step: MachineStep): Promise<void> {
		this.happened.add(step.kind)
		await this.#runWithCrash(step.crash ?? null, () => this.#runStep(step))
	}

	/** Everything is answered 204, every doorbell comes through, everything is released; then everything must have been told. */
	async runUntilQuiet(): Promise<void> {
		await this.play({
			kind: 'configure',
			change: { enabled: true, delivery: { rate: null } },
			told: true,
			release: true,
		})
		this.#heldClaims = []
		await this.#settleAll()
		// An attempt that was under way when its resend was cancelled is queued when it ends.
		await this.play({ kind: 'release', subscription: null })
		await this.#settleAll()
		this.#checkFinalState()
	}

	async #settleAll(): Promise<void> {
		const end = this.nowMs + 12 * HOUR_MS
		for (let round = 0; !this.#isQuiet(); round++) {
			assert(this.nowMs < end && round < 400, `not quiet: ${this.#describeStranded()}`)
			await this.play({ kind: 'deliver', answer: 'ok', most: MAX_POSTS_WHEN_QUIETING })
			if (this.#admissionRequests.length > 0) await this.play({ kind: 'admit', permits: 6, closed: true, probe: false })
			if (this.doorbells > 0) continue
			this.nowMs = Math.max(this.nowMs + SECOND_MS, Math.min(this.alarmMs ?? end, this.nowMs + HOUR_MS))
			await this.play({ kind: 'time', ms: 0 })
		}
	}

	// Steps

	async #runStep(step: MachineStep): Promise<void> {
		switch (step.kind) {
			case 'record':
				return this.#record(
					step.changes.map(({ object, op }) => ({ object: OBJECTS[object % OBJECTS.length]!, op })),
					step.fails ?? false,
				)
			case 'burst':
				return this.#record(
					Array.from({ length: 110 }, (_, index) => ({
						object: { id: 1000 + index, resource: 'products', number: 1 },
						op: 'edit' as const,
					})),
					false,
				)
			case 'doorbell':
				if (this.doorbells === 0) return
				this.doorbells--
				this.happened.add(`doorbell ${step.as}`)
				if (step.as !== 'lost') await this.#claim(step.limit)
				if (step.as === 'double') await this.#checkThen(() => this.#claim(step.limit))
				return
			case 'admit':
				return this.#admit(step)
			case 'park': {
				const id = [...this.#subscriptions.keys()][step.subscription % Math.max(1, this.#subscriptions.size)]
				if (id !== undefined) assertKnown(await this.engine.park(id, this.nowMs + step.ms))
				return
			}
			case 'post': {
				if (!this.#heldClaims.some((held) => held.outcome === null)) await this.#checkThen(() => this.#claim(2))
				this.#checkInvariants()
				const flights = this.#heldClaims.filter((held) => held.outcome === null)
				const flight = flights[step.flight % Math.max(1, flights.length)]
				if (flight === undefined) return
				this.#post(flight, step.answer)
				if (step.settle === 'now' && flight.outcome !== null) await this.#settle(flight, step.more)
				return
			}
			case 'settle': {
				const flights = step.again ? this.#lastSettled : this.#heldClaims.filter((held) => held.outcome !== null)
				const flight = flights[step.flight % Math.max(1, flights.length)]
				if (flight === undefined) return
				this.happened.add(step.again ? 'settled again' : 'settled late')
				return this.#settle(flight, step.more)
			}
			case 'consumer-dies':
				this.#heldClaims.splice(step.flight % Math.max(1, this.#heldClaims.length), 1)
				return
			case 'deliver':
				return this.#deliver(step.answer, step.most)
			case 'time':
			case 'age':
				this.nowMs += step.ms
				for (let alarms = 0; alarms < 3 && this.alarmMs !== null && this.alarmMs <= this.nowMs; alarms++) {
					this.alarmMs = null
					await this.engine.runSlice()
					if (this.#crashed) {
						// The platform rings again.
						this.alarmMs = this.nowMs + 2 * SECOND_MS
						return
					}
				}
				return
			case 'keep':
				this.#core().commit(() => undefined)
				return
			case 'evict':
				this.engine = new Engine(this.#ports())
				return
			case 'erase': {
				const { id, resource } = OBJECTS[step.object % OBJECTS.length]!
				try {
					eraseObjectContent(this.#core(), resource, String(id))
				} finally {
					for (const { sequence } of this.sql.all<{ sequence: number }>(
						`SELECT sequence FROM events WHERE record IS NULL`,
					)) {
						const event = this.#events.get(sequence)!
						assert(
							event.erased || (event.resource === resource && event.objectId === id),
							'what was not to be erased is',
						)
						event.erased = true
					}
				}
				return
			}
			case 'configure':
				return this.#configure(step.change, step.told, step.release)
			case 'release':
				return this.#runAndRingIfDue(() => {
					const { callbackUrl, others } = this.#core().config
					const urls = [callbackUrl, ...others.map((subscription) => subscription.url)].filter((url) => url !== null)
					const url = step.subscription === null ? undefined : urls[step.subscription % Math.max(1, urls.length)]
					releaseSubscriptions(this.#core(), url === undefined ? {} : { url })
				})
			case 'replay':
				return this.#runAndRingIfDue(() => this.#replay(step.which, step.position))
			case 'cancel':
				return this.#runAndRingIfDue(() => {
					const running = getResends(this.#core()).filter((resend) => resend.status === 'running')
					const id = running[step.position % Math.max(1, running.length)]?.id
					if (id === undefined || id === null) return
					this.happened.add('cancelled')
					for (const { notification } of this.sql.all<{ notification: number }>(
						`SELECT notification FROM resend_items WHERE resend = ?`,
						id,
					))
						this.#notifications.get(notification)!.abandoned = true
					const cancelled = cancelResend(this.#core(), id)
					assert.deepEqual([cancelled?.status, cancelled?.left], ['cancelled', 0])
				})
		}
	}

	async #record(
		changes: { object: (typeof OBJECTS)[number]; op: 'edit' | 'delete' | 'replace' }[],
		fails: boolean,
	): Promise<void> {
		const core = this.#core()
		const facts: RecordedEvent[] = []
		const subscriptions = [...this.#subscriptions.values()]
		const living = structuredClone(this.#objects)
		const body = (tx: Tx): void => {
			const events: NewEvent[] = []
			for (const { object, op } of changes) {
				const key = objectKey(String(object.number), object.id)
				const row = living.get(key) ?? { sequence: 0, lastEvent: null, live: false }
				living.set(key, row)
				const types: EventType[] = !row.live
					? ['CREATED']
					: op === 'edit'
						? ['UPDATED']
						: op === 'delete'
							? ['DELETED']
							: ['DELETED', 'CREATED']
				for (const type of types) events.push(this.#newEvent(object, key, row, type, facts))
			}
			appendEvents(tx, core, events)
			core.doorbellRequested = true
			if (fails) throw new Crash()
		}
		try {
			core.commit(body)
		} catch (error) {
			if (!(error instanceof Crash)) throw error
		}
		const last = facts.at(-1)!.sequence
		if (this.sql.all(`SELECT sequence FROM events WHERE sequence = ?`, last).length > 0 && !this.#events.has(last)) {
			for (const [key, row] of living) this.#objects.set(key, row)
			for (const event of facts) {
				this.#events.set(event.sequence, event)
				for (const subscription of subscriptions)
					if (subscription.topics === null || subscription.topics.includes(event.resource))
						subscription.pending.add(event.sequence)
			}
		}
		if (this.#crashed || fails) return
		await this.engine.sendDueDoorbell(core)
		this.engine.updateAlarm(core)
	}

	#newEvent(
		object: (typeof OBJECTS)[number],
		key: string,
		row: { sequence: number; lastEvent: number | null; live: boolean },
		type: EventType,
		facts: RecordedEvent[],
	): NewEvent {
		const { state } = this.#core()
		const sequence = ++state.sequence
		const { id, resource, number } = object
		const previousSequence = row.sequence === 0 ? null : row.sequence
		const previousEvent = row.lastEvent
		row.sequence++
		row.lastEvent = sequence
		row.live = type !== 'DELETED'
		const record =
			type === 'DELETED'
				? JSON.stringify({ id })
				: JSON.stringify({ id, version: row.sequence, parity: row.sequence % 2 === 0 ? 'even' : 'odd' })
		const objectSequence = row.sequence
		const fact = { sequence, object: key, objectId: id, resource, type, objectSequence, previousSequence, record }
		facts.push({ ...fact, recordedMs: this.nowMs, erased: false })
		return {
			...{
				sequence,
				tag: toTag(sequence),
				resourceNumber: number,
				resource,
				objectId: id,
				objectSequence,
				previousSequence,
				previousEvent,
			},
			...{ eventType: type, dateMs: this.nowMs, pollDateMs: this.nowMs, source: 'poll', flags: {}, record },
			changedFields: type === 'UPDATED' ? ['version'] : null,
		}
	}

	async #claim(limit: number, admission?: Admission): Promise<boolean> {
		const { claims, asks, more } = assertKnown(await this.engine.claim(limit, admission))
		if (admission === undefined) this.#admissionRequests = asks
		this.#queueClaimChecks(claims, admission !== undefined)
		assert(claims.length <= Math.min(limit, admission?.permits ?? limit))
		return more && claims.length > 0
	}

	#queueClaimChecks(claims: readonly Claim[], admitted: boolean): void {
		this.#claimsToCheck.push(...claims.map((claim) => ({ claim, admitted })))
	}

	async #admit(step: { permits: number; closed: boolean; probe: boolean }): Promise<void> {
		if (this.#admissionRequests.length === 0) await this.#checkThen(() => this.#claim(0))
		const request = this.#admissionRequests.shift()
		if (request === undefined) return
		const only = step.probe ? request.oldest.notificationId : null
		await this.#claim(6, {
			subscription: request.subscription,
			permits: step.probe ? 1 : step.permits,
			closed: step.closed && !step.probe,
			only,
		})
		this.happened.add(step.probe ? 'probed' : 'admitted')
	}

	/** A POST: before its lease ends, or not at all. */
	#post(flight: HeldClaim, answer: MachineAnswer): void {
		const { claim, notification } = flight
		if (this.nowMs >= claim.leaseUntilMs) {
			this.#heldClaims = this.#heldClaims.filter((held) => held !== flight)
			return
		}
		if (answer === 'ok' || answer === 'lost') this.#receive(claim, notification)
		this.happened.add(`answer ${answer}`)
		const status =
			{ ok: 204, abort: 404, disable: 500, retry: 410 }[answer as string] ??
			(typeof answer === 'number' ? answer : null)
		flight.outcome = {
			delivered: answer === 'ok',
			status,
			error: status === null ? 'timeout' : null,
			retryAfterMs: null,
			durationMs: 20,
			startedMs: this.nowMs,
			body: '',
			directive: answer === 'abort' || answer === 'disable' || answer === 'retry' ? answer : null,
		}
	}

	async #settle(flight: HeldClaim, more: boolean): Promise<void> {
		const { claim, notification } = flight
		const outcome = flight.outcome!
		const before = this.#notificationRow(notification.id)
		const counts = before !== undefined && before.status === 'claimed' && before.attempt === claim.attempt
		const waitingBefore = this.sql.all(WAITING_OF_ACTIVE)
		const { next, retryAtMs } = assertKnown(
			// What is claimed next would hide what an old attempt changes.
			await this.engine.settle(notification.id, claim.attempt, outcome, more && (outcome.delivered || counts)),
		)
		if (counts) notification.leaseUntilMs = 0
		this.#heldClaims = this.#heldClaims.filter((one) => one !== flight)
		if (!this.#lastSettled.includes(flight)) this.#lastSettled = [...this.#lastSettled.slice(-5), flight]
		const after = this.#notificationRow(notification.id)
		if (!outcome.delivered && !counts) {
			// Of an old attempt only the answer's own wish is heard.
			assert.equal(retryAtMs, before?.status === 'retry' && before.attempt === claim.attempt ? before.due : null)
			if (outcome.directive !== 'disable') {
				assert.deepEqual(after, before, 'a failure of an old attempt changed something')
				assert.deepEqual(this.sql.all(WAITING_OF_ACTIVE), waitingBefore)
			}
		}
		if (counts && !outcome.delivered && !notification.abandoned)
			assert.equal(
				retryAtMs === null,
				this.#isLastAttempt(notification, claim.attempt, outcome),
				`tried again: ${retryAtMs}, ${JSON.stringify(outcome)}`,
			)
		if (before !== undefined && outcome.delivered)
			assert(
				after!.status === 'delivered' || after!.delivered !== null,
				'delivered is a fact, from any attempt, at any time',
			)
		this.#queueClaimChecks(next, false)
	}

	/** A consumer that claims, posts and settles until there is no more. */
	async #deliver(answer: MachineAnswer, most: number): Promise<void> {
		let posts = 0
		for (let rounds = 0; rounds < 100 && posts < most; rounds++) {
			if (this.doorbells > 0) this.doorbells--
			const more = await this.#claim(6)
			await this.#checkThen(async () => undefined)
			for (;;) {
				const flight = this.#heldClaims.find((held) => held.outcome === null)
				if (flight === undefined) break
				posts++
				this.#post(flight, answer)
				if (flight.outcome === null) continue
				await this.#settle(flight, false)
				if (most < MAX_POSTS_WHEN_QUIETING) this.#checkInvariants()
			}
			if (!more) return
		}
	}

	async #configure(change: ConfigChange, told: boolean, release: boolean): Promise<void> {
		const { config } = this
		if (change.filter !== undefined) this.#filter = change.filter
		this.config = {
			...config,
			version: config.version + 1,
			delivery: { ...config.delivery, ...change.delivery, filter: FILTERS[this.#filter] },
			enabled: change.enabled ?? config.enabled,
			callbackUrl:
				change.callback === undefined ? config.callbackUrl : change.callback === 'none' ? null : URLS[change.callback],
			others:
				change.others === undefined
					? config.others
					: change.others.map((topics) => ({
							number: topics === 'all' ? 10 : 20,
							url: `https://${topics}.example.com/`,
							topics: topics === 'all' ? null : ['products'],
						})),
		}
		if (!told) return
		const core = this.#core()
		await this.engine.refreshConfig(core, { release })
		if (this.#crashed) return
		await this.engine.sendDueDoorbell(core)
		this.engine.updateAlarm(core)
	}

	async #runAndRingIfDue(body: () => void): Promise<void> {
		const core = this.#core()
		body()
		await this.engine.sendDueDoorbell(core)
		this.engine.updateAlarm(core)
	}

	#replay(which: 'one' | 'failed' | 'filter' | 'dry-run', position: number): void {
		const core = this.#core()
		const ids = [...this.#notifications.values()]
			.filter((notification) => !notification.unsettled && !notification.pruned)
			.map((notification) => notification.id)
		const query: ReplayQuery =
			which === 'failed'
				? { failedSinceMs: this.nowMs - UNDELIVERED_MS }
				: which === 'one'
					? { notification: ids[position % Math.max(1, ids.length)] ?? 1 }
					: { events: position % 2 === 0 ? { objectId: String(OBJECTS[position % OBJECTS.length]!.id) } : {} }
		const expected = runReplay(core, query, true)
		assert(expected === 'too-many' || (expected.id === null && expected.left === expected.total))
		if (which === 'dry-run') return
		const started = runReplay(core, query, false)
		if (started === 'too-many') assert(core.state.resending >= 10)
		else if (started.total > 0) this.happened.add(`replayed ${which}`)
	}

	// The surroundings

	#ports(): Ports {
		const alive = (): boolean => !this.#crashed
		return {
			sql: this.sql,
			now: () => this.nowMs,
			random: () => 0.5,
			setAlarm: (atMs) => {
				if (alive()) this.alarmMs = atMs
			},
			getAlarmMs: () => this.alarmMs,
			sendDoorbell: async () => {
				if (alive()) this.doorbells++
			},
			loadConfig: async () => this.config,
			element: () => woocommerce,
			client: async () => Promise.reject(new Error('there is no store')),
			writeStatus: async () => undefined,
			eventTag: (_instance, sequence) => toTag(sequence),
			masterKey: { id: 'test', bytes: new Uint8Array(32) },
			publicUrl: 'https://bell.example.com',
			publish: async () => undefined,
			storedBytes: () => 0,
			log: (event, fields) => assert(event === 'run.unsaved' || this.#crashed, `${event} ${JSON.stringify(fields)}`),
		}
	}

	#core(): NonNullable<ReturnType<Engine['getCore']>> {
		return this.engine.getCore()!
	}

	/** There is no store to poll. */
	#postponePolls(): void {
		const core = this.#core()
		if ((core.state.nextPollMs ?? 0) > this.nowMs + NEVER_MS / 2) return
		core.commit(() => {
			core.state.nextPollMs = this.nowMs + NEVER_MS
		})
		this.alarmMs = null
		this.engine.updateAlarm(core)
	}

	/** A further call within a step. */
	async #checkThen(body: () => Promise<unknown>): Promise<void> {
		this.#checkInvariants()
		await body()
	}

	async #runWithCrash(crash: 'before' | 'after' | null, body: () => Promise<void>): Promise<void> {
		this.#crashAt = crash
		try {
			await body()
		} catch (error) {
			if (!(error instanceof Crash)) throw error
		}
		if (this.#crashed) {
			this.happened.add(`crash ${crash}`)
			this.#crashed = false
			this.engine = new Engine(this.#ports())
		}
		this.#crashAt = null
		this.#postponePolls()
		this.#checkInvariants()
	}

	// The model

	#notificationRow(id: number): NotificationRow | undefined {
		return this.sql.all<NotificationRow>(
			`SELECT id, subscription, members, status, attempt, lease, settled, delivered, resend, due FROM notifications WHERE id = ?`,
			id,
		)[0]
	}

	/** Holds the rules against the storage. */
	#checkInvariants(): void {
		this.#callCount++
		const { delivery } = this.config
		this.#filters = [...new Set([...this.#filters, this.#filter])]
		this.#coalesced ||= delivery.coalesce
		const before = this.#subscriptions
		this.#checkSubscriptions()
		const rows = this.sql.all<NotificationRow>(
			`SELECT id, subscription, members, status, attempt, lease, settled, delivered, resend, due FROM notifications ORDER BY id`,
		)
		const items = new Map(
			this.sql
				.all<{ notification: number; resend: number }>(`SELECT notification, resend FROM resend_items`)
				.map((item) => [item.notification, item.resend]),
		)
		for (const row of rows)
			if (!this.#notifications.has(row.id))
				this.#addNotification(row, before.get(row.subscription) ?? this.#subscriptions.get(row.subscription)!)
		const waiting = this.#checkEvents()
		this.#checkNotifications(new Map(rows.map((row) => [row.id, row])), items)
		this.#checkUnsettled(waiting, items)
		this.#checkResends(items)
		this.#checkStatuses()
		for (const { claim, admitted } of this.#claimsToCheck.splice(0)) this.#checkClaim(claim, admitted)
		const current = this.#core().config.delivery
		this.#filters = [
			...new Set([
				this.#filter,
				(Object.keys(FILTERS) as FilterName[]).find((name) => sameJson(FILTERS[name], current.filter))!,
			]),
		]
		this.#coalesced = delivery.coalesce || current.coalesce
	}

	#checkSubscriptions(): void {
		const rows = this.sql.all<{ id: number; topics: string | null }>(`SELECT id, topics FROM subscriptions ORDER BY id`)
		const now = new Map<number, SubscriptionModel>()
		for (const { id, topics } of rows) {
			let subscription = this.#subscriptions.get(id)
			if (subscription === undefined) {
				subscription = {
					...{ id, topics: null, removed: false, pending: new Set(), follows: new Map(), received: new Set() },
					...{ gaps: new Set(), last: new Map(), folded: new Map() },
				}
				this.#allSubscriptions.push(subscription)
			}
			subscription.topics = topics === null ? null : (JSON.parse(topics) as string[])
			now.set(id, subscription)
		}
		for (const [id, subscription] of this.#subscriptions) if (now.get(id) !== subscription) subscription.removed = true
		this.#subscriptions = now
	}

	#addNotification(row: NotificationRow, subscription: SubscriptionModel): void {
		const members = parseMembers(row.members)
		const said = members.map(([sequence, , , extra]): NotifiedEvent => {
			const fact = this.#events.get(sequence)
			assert(fact, 'a notification tells of something that was not recorded')
			const previousSequence = extra !== undefined && 'p' in extra ? extra.p! : fact.previousSequence
			return { event: fact, type: extra?.t ?? fact.type, previousSequence, coalesced: extra?.c ?? 1 }
		})
		assert.equal(
			new Set(said.map(({ event: fact }) => fact.resource)).size,
			1,
			'a notification has events of one resource',
		)
		assert.deepEqual(
			said.map(({ event: fact }) => fact.sequence),
			said.map(({ event: fact }) => fact.sequence).toSorted((a, b) => a - b),
		)
		this.#notifications.set(row.id, {
			...{ id: row.id, subscription, events: said, objects: [...new Set(said.map(({ event: fact }) => fact.object))] },
			...{
				unsettled: false,
				settled: null,
				status: 'new',
				attempt: 0,
				attemptsBefore: 0,
				delivered: false,
				inResend: false,
				abandoned: false,
			},
			...{ skippedAt: null, firstSentAt: null, leaseUntilMs: 0, body: null, erasures: 0, pruned: false },
		})
	}

	/** What became of what was heard: it waits, it is told, or there is a reason why it is not. */
	#checkEvents(): Map<number, Set<number>> {
		const waiting = new Map<number, Set<number>>()
		for (const { subscription, sequence } of this.sql.all<{ subscription: number; sequence: number }>(
			`SELECT subscription, sequence FROM waiting`,
		)) {
			const model = this.#subscriptions.get(subscription)
			assert(model?.pending.has(sequence), 'what waits was heard, and has not been told')
			waiting.set(subscription, (waiting.get(subscription) ?? new Set()).add(sequence))
		}
		for (const subscription of this.#subscriptions.values()) {
			const decided = [...subscription.pending]
				.filter((sequence) => waiting.get(subscription.id)?.has(sequence) !== true)
				.sort((a, b) => a - b)
			if (decided.length > 0) this.#checkDecided(subscription, decided)
		}
		return waiting
	}

	#checkDecided(subscription: SubscriptionModel, decided: readonly number[]): void {
		const log = new Map(
			this.sql
				.all<{ sequence: number; notifications: string | null }>(
					`SELECT sequence, notifications FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
					JSON.stringify(decided),
				)
				.map((row) => [row.sequence, JSON.parse(row.notifications ?? '[]') as number[]]),
		)
		const leftOut = new Map<string, RecordedEvent[]>()
		const merged = new Map<number, number>()
		for (const sequence of decided) {
			subscription.pending.delete(sequence)
			const fact = this.#events.get(sequence)!
			const { object, objectSequence } = fact
			subscription.last.set(object, fact)
			const follows = subscription.follows.get(object) ?? [null]
			const carriers = log.get(sequence)
			const wanted = this.#filters.filter((name) => filterAccepts(name, fact))
			if (carriers === undefined) {
				assert(
					this.nowMs - fact.recordedMs >= UNDELIVERED_MS || wanted.length < this.#filters.length || this.#coalesced,
					'dropped before its time',
				)
				subscription.gaps.add(object)
				subscription.follows.set(
					object,
					wanted.length === this.#filters.length && !this.#coalesced ? [objectSequence] : [...follows, objectSequence],
				)
				continue
			}
			const notifications = carriers
				.map((id) => this.#notifications.get(id))
				.filter((notification) => notification?.subscription === subscription)
			assert(notifications.length <= 1, 'an event is told to a subscription in one notification')
			const said = notifications[0]?.events.find((notified) => notified.event === fact)
			if (said !== undefined) {
				assert(wanted.length > 0, 'what the filter does not want is not told')
				assert(
					follows.includes(said.previousSequence),
					`previousSequence ${said.previousSequence}, expected ${JSON.stringify(follows)}`,
				)
				assert.equal(said.coalesced, 1 + (merged.get(notifications[0]!.id * 1e6 + hashText(object)) ?? 0))
				subscription.follows.set(object, [objectSequence])
			} else if (notifications[0] !== undefined) {
				assert(this.#coalesced, 'only coalescing merges')
				const key = notifications[0].id * 1e6 + hashText(object)
				merged.set(key, (merged.get(key) ?? 0) + 1)
				this.happened.add('coalesced')
			} else if (wanted.length < this.#filters.length) {
				this.happened.add('filtered')
				subscription.gaps.add(object)
			} else leftOut.set(object, [...(leftOut.get(object) ?? []), fact])
		}
		for (const [object, run] of leftOut) {
			this.happened.add('cancelled out')
			assert(
				this.#coalesced,
				`nothing but a filter and coalescing leaves out events: ${run.map((event) => event.sequence).join()} of ${object}`,
			)
			if (this.#filters.length === 1) assert.deepEqual([run[0]!.type, run.at(-1)!.type], ['CREATED', 'DELETED'])
		}
	}

	#checkNotifications(rows: ReadonlyMap<number, NotificationRow>, items: ReadonlyMap<number, number>): void {
		const active = this.#active()
		const started: NotificationModel[] = []
		for (const notification of this.#notifications.values()) {
			if (notification.pruned) continue
			const row = rows.get(notification.id)
			if (row === undefined) {
				notification.pruned = true
				const youngest = notification.events.at(-1)!.event.recordedMs
				// What was meant for a subscription that is no more was dropped in the same call, and is settled.
				const undelivered =
					!notification.subscription.removed &&
					(notification.unsettled || notification.inResend || notification.status === 'queued')
				assert(
					this.nowMs - youngest >= (undelivered ? UNDELIVERED_MS : 7 * DAY_MS),
					`pruned before its time: ${notification.id} ${notification.status}`,
				)
				if (undelivered) {
					this.happened.add('expired')
					for (const object of notification.objects) notification.subscription.gaps.add(object)
				} else this.happened.add('pruned')
				continue
			}
			const unsettled = row.settled === null
			const delivered = row.delivered !== null || row.status === 'delivered'
			assert(!notification.delivered || delivered, 'delivered is final')
			assert.equal(
				unsettled,
				['waiting', 'claimed', 'retry'].includes(row.status),
				'its status says whether it is settled',
			)
			if (unsettled && !notification.unsettled) {
				started.push(notification)
				if (notification.subscription.removed) {
					// A replay of what an earlier callback was told goes to the one of today.
					notification.subscription = this.#subscriptions.get(row.subscription)!
					notification.skippedAt = 0
				}
				notification.firstSentAt ??= this.#callCount
				notification.attemptsBefore = notification.attempt
				notification.leaseUntilMs = 0
				notification.abandoned = false
			}
			if (!unsettled && row.status === 'queued' && !delivered && notification.status !== 'queued') {
				notification.skippedAt ??= this.#callCount
				if (notification.unsettled && active.has(row.subscription) && !notification.abandoned)
					this.#checkGivenUp(notification, row)
			}
			if (!unsettled && row.status === 'dropped') assert(notification.subscription.removed)
			if (row.lease === null) notification.leaseUntilMs = 0
			notification.unsettled = unsettled
			notification.settled = row.settled
			notification.status = row.status
			notification.attempt = row.attempt
			notification.delivered = delivered
			notification.inResend = items.has(notification.id)
			if (row.status === 'queued' && active.has(row.subscription) && !notification.inResend)
				assert(notification.abandoned, 'what is queued for an active subscription has had its tries, or was cancelled')
		}
		for (const notification of started) this.#checkNothingEarlierPending(notification, items)
	}

	/** It ended by its last try: the schedule is used up, or the policy or the answer ended it. */
	#checkGivenUp(notification: NotificationModel, row: NotificationRow): void {
		const attempts = this.sql.all<{ outcome: string }>(
			`SELECT outcome FROM attempts WHERE notification = ? AND number = ? UNION ALL SELECT outcome FROM notifications WHERE id = ? AND attempt = 1`,
			notification.id,
			row.attempt,
			notification.id,
		)
		const outcome = JSON.parse(attempts[0]!.outcome) as AttemptOutcome
		assert(
			this.#isLastAttempt(notification, row.attempt, outcome),
			`given up after ${row.attempt - notification.attemptsBefore} tries: ${JSON.stringify(outcome)}`,
		)
		notification.abandoned = true
		this.happened.add('dead')
	}

	/** Whether a failure was the last try. */
	#isLastAttempt(notification: NotificationModel, attempt: number, outcome: AttemptOutcome): boolean {
		const { failurePolicy, schedule } = this.#core().config.delivery
		return (
			outcome.directive === 'abort' ||
			outcome.directive === 'disable' ||
			(outcome.status === 410 && outcome.directive !== 'retry') ||
			(failurePolicy === 'queue' && outcome.directive !== 'retry') ||
			attempt - notification.attemptsBefore > schedule.length
		)
	}

	/** Nothing of its objects that comes before it is still to be sent. */
	#checkNothingEarlierPending(notification: NotificationModel, items: ReadonlyMap<number, number>): void {
		const { subscription } = notification
		for (const { event: fact } of notification.events)
			for (const sequence of subscription.pending)
				assert(
					this.#events.get(sequence)!.object !== fact.object || sequence > fact.sequence,
					'an event that waits is overtaken by a later one of its object',
				)
		for (const id of items.keys()) {
			const other = this.#notifications.get(id)!
			if (other === notification || other.subscription !== subscription || other.pruned) continue
			const shared = other.objects.some((object) => notification.objects.includes(object))
			assert(!shared || (items.has(notification.id) && other.id > notification.id), 'what is sent again is overtaken')
		}
	}

	#checkUnsettled(waiting: ReadonlyMap<number, Set<number>>, items: ReadonlyMap<number, number>): void {
		const stored = (
			JSON.parse(this.sql.all<{ body: string }>(`SELECT body FROM state`)[0]!.body) as { unsettled: number[] }
		).unsettled
		const core = this.#core()
		const active = this.#active()
		for (const subscription of this.#subscriptions.values()) {
			const own = [...this.#notifications.values()].filter(
				(notification) => notification.subscription === subscription && notification.unsettled && !notification.pruned,
			)
			assert(own.length <= 100, 'at most 100 are unsettled')
			if (own.length === 100) this.happened.add('full')
			const busy = new Set<string>()
			for (const notification of own) {
				assert(active.has(subscription.id), 'a subscription that takes nothing has nothing unsettled')
				assert(
					stored.includes(notification.id) && core.state.unsettled.includes(notification.id),
					`${notification.id} is unsettled and on no list`,
				)
				for (const object of notification.objects) {
					assert(!busy.has(object), 'two unsettled notifications of a subscription hold one object')
					busy.add(object)
				}
			}
			if (subscription.id === 1) this.#checkBacklog(subscription, own, waiting.get(1)?.size ?? 0, active.has(1))
			if (!active.has(subscription.id)) continue
			// Nothing waits without a reason.
			for (const [id] of [...items].toSorted(([a], [b]) => a - b)) {
				const notification = this.#notifications.get(id)!
				if (notification.subscription !== subscription || notification.unsettled) continue
				assert(
					own.length >= MAX_CHECKED_UNSETTLED || notification.objects.some((object) => busy.has(object)),
					`${id} is to be sent again, and nothing holds it back`,
				)
				for (const object of notification.objects) busy.add(object)
			}
			for (const sequence of waiting.get(subscription.id) ?? [])
				assert(
					own.length >= MAX_CHECKED_UNSETTLED || busy.has(this.#events.get(sequence)!.object),
					`event ${sequence} waits for nothing`,
				)
		}
	}

	/** What the notifications have come to, oldest first. */
	statuses(): string[] {
		return this.sql
			.all<NotificationRow>(`SELECT status, delivered FROM notifications ORDER BY id`)
			.map(({ status, delivered }) => (delivered === null ? status : `${status}, accepted`))
	}

	/** What is told of notifications is what their rows say, wherever it is read from. */
	#checkStatuses(): void {
		const rows = this.sql.all<NotificationStatus>(
			`SELECT id, status, created, updated, delivered FROM notifications ORDER BY id`,
		)
		const read = getNotificationStatuses(
			this.#core(),
			rows.map(({ id }) => id),
		)
		for (const row of rows) {
			const { id, status, created, updated, delivered } = read.get(row.id)!
			assert.deepEqual({ id, status, created, updated, delivered }, { ...row })
		}
	}

	#checkBacklog(
		subscription: SubscriptionModel,
		unsettled: readonly NotificationModel[],
		waiting: number,
		active: boolean,
	): void {
		const queued = active
			? []
			: [...this.#notifications.values()].filter(
					(notification) =>
						notification.subscription === subscription && notification.status === 'queued' && !notification.pruned,
				)
		const expected = [...unsettled, ...queued].reduce((sum, notification) => sum + notification.events.length, waiting)
		assert.equal(subscription.pending.size, waiting)
		assert.equal(getBacklog(this.#core(), CALLBACK_ID).events, expected)
	}

	#checkResends(items: ReadonlyMap<number, number>): void {
		const core = this.#core()
		const leftByResend = Map.groupBy(items, ([, resend]) => resend)
		const reports = getResends(core)
		for (const report of reports) {
			const own = leftByResend.get(report.id!)?.length ?? 0
			assert.equal(report.left, own)
			assert.equal(report.status === 'running', own > 0, `resend ${report.id} is ${report.status} with ${own} left`)
		}
		assert.equal(core.state.resending, reports.filter((report) => report.status === 'running').length)
		for (const [id, resend] of items) {
			const notification = this.#notifications.get(id)
			assert(notification !== undefined && !notification.pruned, 'what is to be sent again is kept')
			const row = this.#notificationRow(id)!
			assert(row.settled !== null || row.resend === resend, 'on the wire for another resend than its list says')
		}
	}

	#checkClaim(claim: Claim, admitted: boolean): void {
		const notification = this.#notifications.get(parseNotificationId(claim.notificationId)!.counter)!
		assert(
			this.#active().has(claim.subscription) &&
				notification.subscription === this.#subscriptions.get(claim.subscription),
			'claimed for nobody',
		)
		assert(!this.#core().state.paused)
		assert(claim.attempt > (this.#heldClaims.find((held) => held.notification === notification)?.claim.attempt ?? 0))
		assert(notification.leaseUntilMs <= this.nowMs, 'claimed twice at a time')
		if (!admitted) assert(!claim.guarded && this.#core().config.delivery.rate === null, 'claimed without asking')
		notification.leaseUntilMs = claim.leaseUntilMs
		const erasures = notification.events.filter(({ event: fact }) => fact.erased).length
		assert(
			notification.body === null || notification.body === claim.body || notification.erasures < erasures,
			`other bytes than before: ${notification.body} ${claim.body}`,
		)
		notification.body = claim.body
		notification.erasures = erasures
		this.#heldClaims.push({ notification, claim, outcome: null })
	}

	#receive(claim: Claim, notification: NotificationModel): void {
		const { message } = JSON.parse(claim.body) as {
			message: {
				raw: Record<string, { erased?: true }[]>
				events: {
					eventId: string
					eventType: string
					objectType: string
					objectId: string
					objectSequence: number
					previousSequence?: number
					coalesced?: number
					recordUrl?: string
				}[]
			}
		}
		const { subscription } = notification
		assert.equal(message.events.length, notification.events.length)
		message.events.forEach((event, index) => {
			const { event: fact, type, previousSequence, coalesced } = notification.events[index]!
			const { objectId, objectType, objectSequence, eventId, eventType } = event
			assert.deepEqual(
				{
					objectId,
					objectType,
					objectSequence,
					eventId,
					eventType,
					previousSequence: event.previousSequence ?? null,
					coalesced: event.coalesced ?? 1,
				},
				{
					...{ objectId: String(fact.objectId), objectType: fact.resource, objectSequence: fact.objectSequence },
					...{
						eventId: formatEventId(INSTANCE, fact.sequence, toTag(fact.sequence)),
						eventType: type,
						previousSequence,
						coalesced,
					},
				},
			)
			const record = message.raw[objectType]![index]!
			if (event.recordUrl === undefined && record.erased !== true)
				assert.deepEqual(record, JSON.parse(fact.record), 'a record that nobody had')
			if (subscription.received.has(fact.sequence)) {
				this.happened.add('repeat')
				return
			}
			// A first arrival. What came before it and has not arrived gave way before this was sent.
			for (const other of this.#notifications.values()) {
				if (other === notification || other.subscription !== subscription || !other.objects.includes(fact.object))
					continue
				for (const earlier of other.events) {
					if (earlier.event.object !== fact.object) continue
					const arrived = subscription.received.has(earlier.event.sequence)
					if (earlier.event.objectSequence > fact.objectSequence && arrived) {
						this.happened.add('released late')
						assert(
							notification.skippedAt !== null && notification.skippedAt <= other.firstSentAt!,
							'out of order, and not since its tries had ended',
						)
					} else if (earlier.event.objectSequence < fact.objectSequence && !arrived && !other.pruned)
						assert(
							other.skippedAt !== null && other.skippedAt <= notification.firstSentAt!,
							'out of order: an earlier event has not arrived',
						)
				}
			}
			subscription.received.add(fact.sequence)
			const folded = subscription.folded.get(fact.object)
			if (folded === undefined || folded.objectSequence < objectSequence)
				subscription.folded.set(fact.object, { objectSequence, type })
		})
	}

	#active(): ReadonlySet<number> {
		return new Set(this.sql.all<{ id: number }>(`SELECT id FROM subscriptions WHERE active = 1`).map((row) => row.id))
	}

	#isQuiet(): boolean {
		const { state } = this.#core()
		const waiting = [...this.#subscriptions.values()].some((subscription) => subscription.pending.size > 0)
		return (
			!waiting &&
			state.resending === 0 &&
			![...this.#notifications.values()].some((notification) => notification.unsettled && !notification.pruned)
		)
	}

	#describeStranded(): string {
		const listeners = [...this.#subscriptions.values()].map(({ id, pending }) => ({ id, pending: [...pending] }))
		return JSON.stringify({
			listeners,
			subscriptions: this.sql.all(`SELECT * FROM subscriptions`),
			rows: this.sql.all(`SELECT * FROM notifications WHERE settled IS NULL`),
		})
	}

	/** When it is quiet: everything that was told has arrived, and what arrived folds to what is. */
	#checkFinalState(): void {
		for (const notification of this.#notifications.values()) {
			if (notification.pruned || notification.subscription.removed) continue
			assert.equal(notification.status, 'delivered', `notification ${notification.id} is ${notification.status}`)
			for (const { event: fact } of notification.events)
				assert(notification.subscription.received.has(fact.sequence), `event ${fact.sequence} never arrived`)
		}
		for (const { folded, last, gaps } of this.#subscriptions.values())
			for (const [object, fact] of last) {
				if (gaps.has(object)) continue
				const lastDelivered = folded.get(object)
				const alive = lastDelivered !== undefined && lastDelivered.type !== 'DELETED'
				assert.equal(alive, fact.type !== 'DELETED', `folded, ${object} is ${alive ? 'there' : 'gone'}`)
				if (alive) assert.equal(lastDelivered.objectSequence, fact.objectSequence)
			}
	}
}

function assertKnown<T>(answer: OrUnknown<T>): T {
	assert(answer !== 'unknown')
	return answer
}

function toTag(sequence: number): number {
	return (sequence * 7919) & 0xff_ffff
}

function hashText(text: string): number {
	let sum = 0
	for (const char of text) sum = (sum * 31 + char.codePointAt(0)!) % 999_983
	return sum
}

function sameJson(one: unknown, other: unknown): boolean {
	return JSON.stringify(one) === JSON.stringify(other)
}

/** Said once more, in other words than the source's. */
function filterAccepts(filter: FilterName, fact: RecordedEvent): boolean {
	if (filter === 'types') return fact.type !== 'DELETED'
	if (filter === 'resource') return fact.resource === 'products'
	if (filter === 'where') return fact.type === 'DELETED' || fact.erased || fact.objectSequence % 2 === 0
	return true
}

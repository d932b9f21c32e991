/**
 * Forming, claiming and settling as a state machine: an engine over an in-memory database and a virtual clock, consumers and callbacks that
 * do what they like, and a model of what each subscription was meant to hear. After every call the rules of delivery are held against the
 * storage; a broken one throws.
 */
import assert from 'node:assert/strict'
import { woocommerce } from '../../../src/elements/woocommerce/woocommerce.ts'
import type { EventType } from '../../../src/events/event.ts'
import { type EventFilter, NO_FILTER } from '../../../src/events/filter.ts'
import { objectKey } from '../../../src/events/form.ts'
import { formatEventId, parseNotificationId } from '../../../src/events/ids.ts'
import { parseMembers } from '../../../src/events/member.ts'
import { backlog, releaseOf } from '../../../src/watcher/queries/deliveries.ts'
import { Engine } from '../../../src/watcher/engine.ts'
import { erase } from '../../../src/watcher/log/erasure.ts'
import type { NewEvent } from '../../../src/watcher/log/event-log.ts'
import { putIntoNotifications } from '../../../src/watcher/outbox/forming.ts'
import { readCarriers } from '../../../src/watcher/queries/log-pages.ts'
import type { Ports } from '../../../src/watcher/core/ports.ts'
import { cancelResend, replay, resendsOf } from '../../../src/watcher/outbox/replays.ts'
import type { Admission, Ask, Claim, Outcome, ReplayQuery } from '../../../src/rpc/delivery.ts'
import { keepSettled, type Carrier } from '../../../src/watcher/core/settled.ts'
import { CALLBACK } from '../../../src/watcher/outbox/subscriptions.ts'
import { MemorySql } from '../../support/world.ts'
import { DEFAULT_DELIVERY, type DeliveryConfig, type WatcherConfig } from '../../../src/rpc/config.ts'
import type { Known } from '../../../src/rpc/known.ts'

const SECOND = 1000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR
const UNDELIVERED_MS = 30 * DAY
const INSTANCE = 7
const NEVER_MS = 3_650 * DAY

/** How a callback answers. `lost`: it accepted, and the answer never came back. */
export type Answer = 'ok' | 'lost' | 404 | 500 | 410 | 'timeout' | 'abort' | 'disable' | 'retry'

/** What a filter of the machine lets through. */
export type FilterName = 'none' | 'types' | 'where' | 'resource'

/** What may be changed of the configuration. */
export interface Change {
	delivery?: Partial<Omit<DeliveryConfig, 'filter'>>
	filter?: FilterName
	enabled?: boolean
	/** Whether the instance has a callback, and where. */
	callback?: 'none' | 'first' | 'second'
	/** Further subscriptions: all of the object, or products alone. */
	others?: ('all' | 'products')[]
}

/** One step. Positions are taken modulo what there is. */
export type Step = { crash?: 'before' | 'after' } & (
	| { kind: 'record'; changes: { object: number; op: 'edit' | 'delete' | 'replace' }[]; fails?: boolean }
	| { kind: 'burst' }
	| { kind: 'doorbell'; limit: number; as: 'answered' | 'lost' | 'double' }
	| { kind: 'admit'; permits: number; closed: boolean; probe: boolean }
	| { kind: 'park'; subscription: number; ms: number }
	| { kind: 'post'; flight: number; answer: Answer; settle: 'now' | 'later'; more: boolean }
	| { kind: 'settle'; flight: number; more: boolean; again: boolean }
	| { kind: 'consumer-dies'; flight: number }
	| { kind: 'deliver'; answer: Answer; most: number }
	| { kind: 'time'; ms: number }
	| { kind: 'age'; ms: number }
	| { kind: 'evict' }
	| { kind: 'keep' }
	| { kind: 'erase'; object: number }
	| { kind: 'configure'; change: Change; told: boolean; release: boolean }
	| { kind: 'release'; subscription: number | null }
	| { kind: 'replay'; which: 'one' | 'failed' | 'filter' | 'dry-run'; position: number }
	| { kind: 'cancel'; position: number }
)

/** A change as it was recorded. */
interface Fact {
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
interface Listener {
	id: number
	topics: string[] | null
	gone: boolean
	/** Heard, and neither told nor left out yet. */
	pending: Set<number>
	/** Per object, what the next event may say that it follows. */
	follows: Map<string, (number | null)[]>
	received: Set<number>
	/** Objects of which a filter left something out, or time took something away. */
	gaps: Set<string>
	/** Per object, the last event that was meant for it. */
	last: Map<string, Fact>
	/** What it has been told of each object, by its receiving. */
	folded: Map<string, { objectSequence: number; type: EventType }>
}

/** What a notification says of an event. */
interface Said {
	fact: Fact
	type: EventType
	previousSequence: number | null
	coalesced: number
}

interface Note {
	id: number
	listener: Listener
	said: Said[]
	objects: string[]
	unsettled: boolean
	settled: number | null
	status: string
	attempt: number
	base: number
	delivered: boolean
	listed: boolean
	/** Its tries ended without success, or what sent it again was cancelled. */
	excused: boolean
	/** When it was first settled without having been delivered, and when it was first on the wire: numbers of calls. */
	gaveWay: number | null
	begun: number | null
	leaseUntilMs: number
	body: string | null
	erasures: number
	pruned: boolean
}

/** What a consumer holds. */
interface Flight {
	note: Note
	claim: Claim
	outcome: Outcome | null
}

interface NoteRow {
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
const PLENTY = 25

/** So many at a time are looked at together. */
const QUIETLY = 500

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
export class Machine {
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
	#clock = 0
	#crash: 'before' | 'after' | null = null
	#dead = false
	readonly #facts = new Map<number, Fact>()
	readonly #living = new Map<string, { sequence: number; lastEvent: number | null; live: boolean }>()
	#listeners = new Map<number, Listener>()
	readonly #everyListener: Listener[] = []
	readonly #notes = new Map<number, Note>()
	#flights: Flight[] = []
	/** The last settle, made again by whoever thinks that it was lost. */
	#settled: Flight[] = []
	#asks: Ask[] = []
	/** Handed out since the last look. */
	#claimsToLookAt: { claim: Claim; admitted: boolean }[] = []

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
			if (this.#dead) throw new Crash()
			if (this.#crash !== (when === 'before-commit' ? 'before' : 'after')) return
			this.#dead = true
			throw new Crash()
		}
		this.engine = new Engine(this.#ports())
	}

	static async create(): Promise<Machine> {
		const machine = new Machine()
		await machine.engine.create(INSTANCE)
		machine.#noPolls()
		machine.#look()
		return machine
	}

	/** Takes one step and looks at what it did. */
	async play(step: Step): Promise<void> {
		this.happened.add(step.kind)
		await this.#call(step.crash ?? null, () => this.#take(step))
	}

	/** Everything is answered 204, every doorbell comes through, everything is released; then everything must have been told. */
	async quiet(): Promise<void> {
		await this.play({ kind: 'configure', change: { enabled: true, delivery: { rate: null } }, told: true, release: true })
		this.#flights = []
		await this.#settleAll()
		// An attempt that was under way when its resend was cancelled is queued when it ends.
		await this.play({ kind: 'release', subscription: null })
		await this.#settleAll()
		this.#judge()
	}

	async #settleAll(): Promise<void> {
		const end = this.nowMs + 12 * HOUR
		for (let round = 0; !this.#still(); round++) {
			assert(this.nowMs < end && round < 400, `not quiet: ${this.#strandedText()}`)
			await this.play({ kind: 'deliver', answer: 'ok', most: QUIETLY })
			if (this.#asks.length > 0) await this.play({ kind: 'admit', permits: 6, closed: true, probe: false })
			if (this.doorbells > 0) continue
			this.nowMs = Math.max(this.nowMs + SECOND, Math.min(this.alarmMs ?? end, this.nowMs + HOUR))
			await this.play({ kind: 'time', ms: 0 })
		}
	}

	// Steps

	async #take(step: Step): Promise<void> {
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
				if (step.as === 'double') await this.#next(() => this.#claim(step.limit))
				return
			case 'admit':
				return this.#admit(step)
			case 'park': {
				const id = [...this.#listeners.keys()][step.subscription % Math.max(1, this.#listeners.size)]
				if (id !== undefined) known(await this.engine.park(id, this.nowMs + step.ms))
				return
			}
			case 'post': {
				if (!this.#flights.some((one) => one.outcome === null)) await this.#next(() => this.#claim(2))
				this.#look()
				const flights = this.#flights.filter((one) => one.outcome === null)
				const flight = flights[step.flight % Math.max(1, flights.length)]
				if (flight === undefined) return
				this.#post(flight, step.answer)
				if (step.settle === 'now' && flight.outcome !== null) await this.#settle(flight, step.more)
				return
			}
			case 'settle': {
				const flights = step.again ? this.#settled : this.#flights.filter((one) => one.outcome !== null)
				const flight = flights[step.flight % Math.max(1, flights.length)]
				if (flight === undefined) return
				this.happened.add(step.again ? 'settled again' : 'settled late')
				return this.#settle(flight, step.more)
			}
			case 'consumer-dies':
				this.#flights.splice(step.flight % Math.max(1, this.#flights.length), 1)
				return
			case 'deliver':
				return this.#deliver(step.answer, step.most)
			case 'time':
			case 'age':
				this.nowMs += step.ms
				for (let rings = 0; rings < 3 && this.alarmMs !== null && this.alarmMs <= this.nowMs; rings++) {
					this.alarmMs = null
					await this.engine.run()
					if (this.#dead) {
						// The platform rings again.
						this.alarmMs = this.nowMs + 2 * SECOND
						return
					}
				}
				return
			case 'keep': {
				// As if a row had room for a few only.
				const { state } = this.#core()
				this.#core().commit(() => keepSettled(this.sql, state, 1))
				return
			}
			case 'evict':
				this.engine = new Engine(this.#ports())
				return
			case 'erase': {
				const { id, resource } = OBJECTS[step.object % OBJECTS.length]!
				try {
					erase(this.#core(), resource, String(id))
				} finally {
					for (const { sequence } of this.sql.all<{ sequence: number }>(`SELECT sequence FROM events WHERE record IS NULL`)) {
						const fact = this.#facts.get(sequence)!
						assert(fact.erased || (fact.resource === resource && fact.objectId === id), 'what was not to be erased is')
						fact.erased = true
					}
				}
				return
			}
			case 'configure':
				return this.#configure(step.change, step.told, step.release)
			case 'release':
				return this.#sending(() => {
					const { callbackUrl, others } = this.#core().config
					const urls = [callbackUrl, ...others.map((one) => one.url)].filter((url) => url !== null)
					const url = step.subscription === null ? undefined : urls[step.subscription % Math.max(1, urls.length)]
					releaseOf(this.#core(), url === undefined ? {} : { url })
				})
			case 'replay':
				return this.#sending(() => this.#replay(step.which, step.position))
			case 'cancel':
				return this.#sending(() => {
					const running = resendsOf(this.#core()).filter((one) => one.status === 'running')
					const id = running[step.position % Math.max(1, running.length)]?.id
					if (id === undefined || id === null) return
					this.happened.add('cancelled')
					for (const { notification } of this.sql.all<{ notification: number }>(
						`SELECT notification FROM resend_items WHERE resend = ?`,
						id,
					))
						this.#notes.get(notification)!.excused = true
					const left = cancelResend(this.#core(), id)
					assert.deepEqual([left?.status, left?.left], ['cancelled', 0])
				})
		}
	}

	async #record(changes: { object: (typeof OBJECTS)[number]; op: 'edit' | 'delete' | 'replace' }[], fails: boolean): Promise<void> {
		const core = this.#core()
		const facts: Fact[] = []
		const listeners = [...this.#listeners.values()]
		const living = structuredClone(this.#living)
		const body = (): void => {
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
			putIntoNotifications(core, events)
			core.ringWanted = true
			if (fails) throw new Crash()
		}
		try {
			core.commit(body)
		} catch (error) {
			if (!(error instanceof Crash)) throw error
		}
		const last = facts.at(-1)!.sequence
		if (this.sql.all(`SELECT sequence FROM events WHERE sequence = ?`, last).length > 0 && !this.#facts.has(last)) {
			for (const [key, row] of living) this.#living.set(key, row)
			for (const fact of facts) {
				this.#facts.set(fact.sequence, fact)
				for (const one of listeners) if (one.topics === null || one.topics.includes(fact.resource)) one.pending.add(fact.sequence)
			}
		}
		if (this.#dead || fails) return
		await this.engine.ringDue(core)
		this.engine.arm(core)
	}

	#newEvent(
		object: (typeof OBJECTS)[number],
		key: string,
		row: { sequence: number; lastEvent: number | null; live: boolean },
		type: EventType,
		facts: Fact[],
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
				tag: tagOf(sequence),
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
		const { claims, asks, more } = known(await this.engine.claim(limit, admission))
		if (admission === undefined) this.#asks = asks
		this.#took(claims, admission !== undefined)
		assert(claims.length <= Math.min(limit, admission?.permits ?? limit))
		return more && claims.length > 0
	}

	#took(claims: readonly Claim[], admitted: boolean): void {
		this.#claimsToLookAt.push(...claims.map((claim) => ({ claim, admitted })))
	}

	async #admit(step: { permits: number; closed: boolean; probe: boolean }): Promise<void> {
		if (this.#asks.length === 0) await this.#next(() => this.#claim(0))
		const ask = this.#asks.shift()
		if (ask === undefined) return
		const only = step.probe ? ask.oldest.notificationId : null
		await this.#claim(6, {
			subscription: ask.subscription,
			permits: step.probe ? 1 : step.permits,
			closed: step.closed && !step.probe,
			only,
		})
		this.happened.add(step.probe ? 'probed' : 'admitted')
	}

	/** A POST: before its lease ends, or not at all. */
	#post(flight: Flight, answer: Answer): void {
		const { claim, note } = flight
		if (this.nowMs >= claim.leaseUntilMs) {
			this.#flights = this.#flights.filter((one) => one !== flight)
			return
		}
		if (answer === 'ok' || answer === 'lost') this.#receive(claim, note)
		this.happened.add(`answer ${answer}`)
		const status = { ok: 204, abort: 404, disable: 500, retry: 410 }[answer as string] ?? (typeof answer === 'number' ? answer : null)
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

	async #settle(flight: Flight, more: boolean): Promise<void> {
		const { claim, note } = flight
		const outcome = flight.outcome!
		const before = this.#noteRow(note.id)
		const counts = before !== undefined && before.status === 'claimed' && before.attempt === claim.attempt
		const waits = this.sql.all(WAITING_OF_ACTIVE)
		const { next, retryAtMs } = known(
			// What is claimed next would hide what an old attempt changes.
			await this.engine.settle(note.id, claim.attempt, outcome, more && (outcome.delivered || counts)),
		)
		if (counts) note.leaseUntilMs = 0
		this.#flights = this.#flights.filter((one) => one !== flight)
		if (!this.#settled.includes(flight)) this.#settled = [...this.#settled.slice(-5), flight]
		const after = this.#noteRow(note.id)
		if (!outcome.delivered && !counts) {
			// Of an old attempt only the answer's own wish is heard.
			assert.equal(retryAtMs, before?.status === 'retry' && before.attempt === claim.attempt ? before.due : null)
			if (outcome.directive !== 'disable') {
				assert.deepEqual(after, before, 'a failure of an old attempt changed something')
				assert.deepEqual(this.sql.all(WAITING_OF_ACTIVE), waits)
			}
		}
		if (counts && !outcome.delivered && !note.excused)
			assert.equal(retryAtMs === null, this.#ends(note, claim.attempt, outcome), `tried again: ${retryAtMs}, ${JSON.stringify(outcome)}`)
		if (before !== undefined && outcome.delivered)
			assert(after!.status === 'delivered' || after!.delivered !== null, 'delivered is a fact, from any attempt, at any time')
		this.#took(next, false)
	}

	/** A consumer that claims, posts and settles until there is no more. */
	async #deliver(answer: Answer, most: number): Promise<void> {
		let posts = 0
		for (let rounds = 0; rounds < 100 && posts < most; rounds++) {
			if (this.doorbells > 0) this.doorbells--
			const more = await this.#claim(6)
			await this.#next(async () => undefined)
			for (;;) {
				const flight = this.#flights.find((one) => one.outcome === null)
				if (flight === undefined) break
				posts++
				this.#post(flight, answer)
				if (flight.outcome === null) continue
				await this.#settle(flight, false)
				if (most < QUIETLY) this.#look()
			}
			if (!more) return
		}
	}

	async #configure(change: Change, told: boolean, release: boolean): Promise<void> {
		const { config } = this
		if (change.filter !== undefined) this.#filter = change.filter
		this.config = {
			...config,
			version: config.version + 1,
			delivery: { ...config.delivery, ...change.delivery, filter: FILTERS[this.#filter] },
			enabled: change.enabled ?? config.enabled,
			callbackUrl: change.callback === undefined ? config.callbackUrl : change.callback === 'none' ? null : URLS[change.callback],
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
		await this.engine.refresh(core, { release })
		if (this.#dead) return
		await this.engine.ringDue(core)
		this.engine.arm(core)
	}

	async #sending(body: () => void): Promise<void> {
		const core = this.#core()
		body()
		await this.engine.ringDue(core)
		this.engine.arm(core)
	}

	#replay(which: 'one' | 'failed' | 'filter' | 'dry-run', position: number): void {
		const core = this.#core()
		const ids = [...this.#notes.values()].filter((note) => !note.unsettled && !note.pruned).map((note) => note.id)
		const query: ReplayQuery =
			which === 'failed'
				? { failedSinceMs: this.nowMs - UNDELIVERED_MS }
				: which === 'one'
					? { notification: ids[position % Math.max(1, ids.length)] ?? 1 }
					: { events: position % 2 === 0 ? { objectId: String(OBJECTS[position % OBJECTS.length]!.id) } : {} }
		const expected = replay(core, query, true)
		assert(expected === 'too-many' || (expected.id === null && expected.left === expected.total))
		if (which === 'dry-run') return
		const begun = replay(core, query, false)
		if (begun === 'too-many') assert(core.state.resending >= 10)
		else if (begun.total > 0) this.happened.add(`replayed ${which}`)
	}

	// The surroundings

	#ports(): Ports {
		const alive = (): boolean => !this.#dead
		return {
			sql: this.sql,
			now: () => this.nowMs,
			random: () => 0.5,
			arm: (atMs) => {
				if (alive()) this.alarmMs = atMs
			},
			armed: () => this.alarmMs,
			ring: async () => {
				if (alive()) this.doorbells++
			},
			loadConfig: async () => this.config,
			element: () => woocommerce,
			client: async () => Promise.reject(new Error('there is no store')),
			report: async () => undefined,
			eventTag: (_instance, sequence) => tagOf(sequence),
			masterKey: { id: 'test', bytes: new Uint8Array(32) },
			publicUrl: 'https://bell.example.com',
			publish: async () => undefined,
			storedBytes: () => 0,
			log: (event, fields) => assert(event === 'run.unsaved' || this.#dead, `${event} ${JSON.stringify(fields)}`),
		}
	}

	#core(): NonNullable<ReturnType<Engine['core']>> {
		return this.engine.core()!
	}

	/** There is no store to poll. */
	#noPolls(): void {
		const core = this.#core()
		if ((core.state.nextPollMs ?? 0) > this.nowMs + NEVER_MS / 2) return
		core.commit(() => {
			core.state.nextPollMs = this.nowMs + NEVER_MS
		})
		this.alarmMs = null
		this.engine.arm(core)
	}

	/** A further call within a step. */
	async #next(body: () => Promise<unknown>): Promise<void> {
		this.#look()
		await body()
	}

	async #call(crash: 'before' | 'after' | null, body: () => Promise<void>): Promise<void> {
		this.#crash = crash
		try {
			await body()
		} catch (error) {
			if (!(error instanceof Crash)) throw error
		}
		if (this.#dead) {
			this.happened.add(`crash ${crash}`)
			this.#dead = false
			this.engine = new Engine(this.#ports())
		}
		this.#crash = null
		this.#noPolls()
		this.#look()
	}

	// The model

	#noteRow(id: number): NoteRow | undefined {
		return this.sql.all<NoteRow>(
			`SELECT id, subscription, members, status, attempt, lease, settled, delivered, resend, due FROM notifications WHERE id = ?`,
			id,
		)[0]
	}

	/** Holds the rules against the storage. */
	#look(): void {
		this.#clock++
		const { delivery } = this.config
		this.#filters = [...new Set([...this.#filters, this.#filter])]
		this.#coalesced ||= delivery.coalesce
		const before = this.#listeners
		this.#lookAtSubscriptions()
		const rows = this.sql.all<NoteRow>(
			`SELECT id, subscription, members, status, attempt, lease, settled, delivered, resend, due FROM notifications ORDER BY id`,
		)
		const items = new Map(
			this.sql
				.all<{ notification: number; resend: number }>(`SELECT notification, resend FROM resend_items`)
				.map((one) => [one.notification, one.resend]),
		)
		for (const row of rows)
			if (!this.#notes.has(row.id)) this.#meet(row, before.get(row.subscription) ?? this.#listeners.get(row.subscription)!)
		const waiting = this.#lookAtEvents()
		this.#lookAtNotes(new Map(rows.map((row) => [row.id, row])), items)
		this.#lookAtUnsettled(waiting, items)
		this.#lookAtResends(items)
		this.#lookAtCarriers()
		for (const { claim, admitted } of this.#claimsToLookAt.splice(0)) this.#lookAtClaim(claim, admitted)
		const current = this.#core().config.delivery
		this.#filters = [
			...new Set([this.#filter, (Object.keys(FILTERS) as FilterName[]).find((name) => same(FILTERS[name], current.filter))!]),
		]
		this.#coalesced = delivery.coalesce || current.coalesce
	}

	#lookAtSubscriptions(): void {
		const rows = this.sql.all<{ id: number; topics: string | null }>(`SELECT id, topics FROM subscriptions ORDER BY id`)
		const now = new Map<number, Listener>()
		for (const { id, topics } of rows) {
			let one = this.#listeners.get(id)
			if (one === undefined) {
				one = {
					...{ id, topics: null, gone: false, pending: new Set(), follows: new Map(), received: new Set() },
					...{ gaps: new Set(), last: new Map(), folded: new Map() },
				}
				this.#everyListener.push(one)
			}
			one.topics = topics === null ? null : (JSON.parse(topics) as string[])
			now.set(id, one)
		}
		for (const [id, one] of this.#listeners) if (now.get(id) !== one) one.gone = true
		this.#listeners = now
	}

	#meet(row: NoteRow, listener: Listener): void {
		const members = parseMembers(row.members)
		const said = members.map(([sequence, , , extra]): Said => {
			const fact = this.#facts.get(sequence)
			assert(fact, 'a notification tells of something that was not recorded')
			const previousSequence = extra !== undefined && 'p' in extra ? extra.p! : fact.previousSequence
			return { fact, type: extra?.t ?? fact.type, previousSequence, coalesced: extra?.c ?? 1 }
		})
		assert.equal(new Set(said.map(({ fact }) => fact.resource)).size, 1, 'a notification has events of one resource')
		assert.deepEqual(
			said.map(({ fact }) => fact.sequence),
			said.map(({ fact }) => fact.sequence).toSorted((a, b) => a - b),
		)
		this.#notes.set(row.id, {
			...{ id: row.id, listener, said, objects: [...new Set(said.map(({ fact }) => fact.object))] },
			...{ unsettled: false, settled: null, status: 'new', attempt: 0, base: 0, delivered: false, listed: false, excused: false },
			...{ gaveWay: null, begun: null, leaseUntilMs: 0, body: null, erasures: 0, pruned: false },
		})
	}

	/** What became of what was heard: it waits, it is told, or there is a reason why it is not. */
	#lookAtEvents(): Map<number, Set<number>> {
		const waiting = new Map<number, Set<number>>()
		for (const { subscription, sequence } of this.sql.all<{ subscription: number; sequence: number }>(
			`SELECT subscription, sequence FROM waiting`,
		)) {
			const listener = this.#listeners.get(subscription)
			assert(listener?.pending.has(sequence), 'what waits was heard, and has not been told')
			waiting.set(subscription, (waiting.get(subscription) ?? new Set()).add(sequence))
		}
		for (const listener of this.#listeners.values()) {
			const decided = [...listener.pending].filter((sequence) => waiting.get(listener.id)?.has(sequence) !== true).sort((a, b) => a - b)
			if (decided.length > 0) this.#decide(listener, decided)
		}
		return waiting
	}

	#decide(listener: Listener, decided: readonly number[]): void {
		const log = new Map(
			this.sql
				.all<{ sequence: number; notifications: string | null }>(
					`SELECT sequence, notifications FROM events WHERE sequence IN (SELECT value FROM json_each(?))`,
					JSON.stringify(decided),
				)
				.map((row) => [row.sequence, JSON.parse(row.notifications ?? '[]') as number[]]),
		)
		const leftOut = new Map<string, Fact[]>()
		const merged = new Map<number, number>()
		for (const sequence of decided) {
			listener.pending.delete(sequence)
			const fact = this.#facts.get(sequence)!
			const { object, objectSequence } = fact
			listener.last.set(object, fact)
			const follows = listener.follows.get(object) ?? [null]
			const carriers = log.get(sequence)
			const wanted = this.#filters.filter((name) => wants(name, fact))
			if (carriers === undefined) {
				assert(
					this.nowMs - fact.recordedMs >= UNDELIVERED_MS || wanted.length < this.#filters.length || this.#coalesced,
					'dropped before its time',
				)
				listener.gaps.add(object)
				listener.follows.set(
					object,
					wanted.length === this.#filters.length && !this.#coalesced ? [objectSequence] : [...follows, objectSequence],
				)
				continue
			}
			const notes = carriers.map((id) => this.#notes.get(id)).filter((note) => note?.listener === listener)
			assert(notes.length <= 1, 'an event is told to a subscription in one notification')
			const said = notes[0]?.said.find((one) => one.fact === fact)
			if (said !== undefined) {
				assert(wanted.length > 0, 'what the filter does not want is not told')
				assert(follows.includes(said.previousSequence), `previousSequence ${said.previousSequence}, expected ${JSON.stringify(follows)}`)
				assert.equal(said.coalesced, 1 + (merged.get(notes[0]!.id * 1e6 + hash(object)) ?? 0))
				listener.follows.set(object, [objectSequence])
			} else if (notes[0] !== undefined) {
				assert(this.#coalesced, 'only coalescing merges')
				const key = notes[0].id * 1e6 + hash(object)
				merged.set(key, (merged.get(key) ?? 0) + 1)
				this.happened.add('coalesced')
			} else if (wanted.length < this.#filters.length) {
				this.happened.add('filtered')
				listener.gaps.add(object)
			} else leftOut.set(object, [...(leftOut.get(object) ?? []), fact])
		}
		for (const [object, run] of leftOut) {
			this.happened.add('cancelled out')
			assert(
				this.#coalesced,
				`nothing but a filter and coalescing leaves out events: ${run.map((one) => one.sequence).join()} of ${object}`,
			)
			if (this.#filters.length === 1) assert.deepEqual([run[0]!.type, run.at(-1)!.type], ['CREATED', 'DELETED'])
		}
	}

	#lookAtNotes(rows: ReadonlyMap<number, NoteRow>, items: ReadonlyMap<number, number>): void {
		const active = this.#active()
		const begun: Note[] = []
		for (const note of this.#notes.values()) {
			if (note.pruned) continue
			const row = rows.get(note.id)
			if (row === undefined) {
				note.pruned = true
				const youngest = note.said.at(-1)!.fact.recordedMs
				// What was meant for a subscription that is no more was dropped in the same call, and is settled.
				const undelivered = !note.listener.gone && (note.unsettled || note.listed || note.status === 'queued')
				assert(this.nowMs - youngest >= (undelivered ? UNDELIVERED_MS : 7 * DAY), `pruned before its time: ${note.id} ${note.status}`)
				if (undelivered) {
					this.happened.add('expired')
					for (const object of note.objects) note.listener.gaps.add(object)
				} else this.happened.add('pruned')
				continue
			}
			const unsettled = row.settled === null
			const delivered = row.delivered !== null || row.status === 'delivered'
			assert(!note.delivered || delivered, 'delivered is final')
			assert.equal(unsettled, ['waiting', 'claimed', 'retry'].includes(row.status), 'its status says whether it is settled')
			if (unsettled && !note.unsettled) {
				begun.push(note)
				if (note.listener.gone) {
					// A replay of what an earlier callback was told goes to the one of today.
					note.listener = this.#listeners.get(row.subscription)!
					note.gaveWay = 0
				}
				note.begun ??= this.#clock
				note.base = note.attempt
				note.leaseUntilMs = 0
				note.excused = false
			}
			if (!unsettled && row.status === 'queued' && !delivered && note.status !== 'queued') {
				note.gaveWay ??= this.#clock
				if (note.unsettled && active.has(row.subscription) && !note.excused) this.#mayBeGivenUp(note, row)
			}
			if (!unsettled && row.status === 'dropped') assert(note.listener.gone)
			if (row.lease === null) note.leaseUntilMs = 0
			note.unsettled = unsettled
			note.settled = row.settled
			note.status = row.status
			note.attempt = row.attempt
			note.delivered = delivered
			note.listed = items.has(note.id)
			if (row.status === 'queued' && active.has(row.subscription) && !note.listed)
				assert(note.excused, 'what is queued for an active subscription has had its tries, or was cancelled')
		}
		for (const note of begun) this.#mayBegin(note, items)
	}

	/** It ended by its last try: the schedule is used up, or the policy or the answer ended it. */
	#mayBeGivenUp(note: Note, row: NoteRow): void {
		const attempts = this.sql.all<{ outcome: string }>(
			`SELECT outcome FROM attempts WHERE notification = ? AND number = ? UNION ALL SELECT outcome FROM notifications WHERE id = ? AND attempt = 1`,
			note.id,
			row.attempt,
			note.id,
		)
		const outcome = JSON.parse(attempts[0]!.outcome) as Outcome
		assert(this.#ends(note, row.attempt, outcome), `given up after ${row.attempt - note.base} tries: ${JSON.stringify(outcome)}`)
		note.excused = true
		this.happened.add('dead')
	}

	/** Whether a failure was the last try. */
	#ends(note: Note, attempt: number, outcome: Outcome): boolean {
		const { failurePolicy, schedule } = this.#core().config.delivery
		return (
			outcome.directive === 'abort' ||
			outcome.directive === 'disable' ||
			(outcome.status === 410 && outcome.directive !== 'retry') ||
			(failurePolicy === 'queue' && outcome.directive !== 'retry') ||
			attempt - note.base > schedule.length
		)
	}

	/** Nothing of its objects that comes before it is still to be sent. */
	#mayBegin(note: Note, items: ReadonlyMap<number, number>): void {
		const { listener } = note
		for (const { fact } of note.said)
			for (const sequence of listener.pending)
				assert(
					this.#facts.get(sequence)!.object !== fact.object || sequence > fact.sequence,
					'an event that waits is overtaken by a later one of its object',
				)
		for (const id of items.keys()) {
			const other = this.#notes.get(id)!
			if (other === note || other.listener !== listener || other.pruned) continue
			const shared = other.objects.some((object) => note.objects.includes(object))
			assert(!shared || (items.has(note.id) && other.id > note.id), 'what is sent again is overtaken')
		}
	}

	#lookAtUnsettled(waiting: ReadonlyMap<number, Set<number>>, items: ReadonlyMap<number, number>): void {
		const stored = (JSON.parse(this.sql.all<{ body: string }>(`SELECT body FROM state`)[0]!.body) as { unsettled: number[] }).unsettled
		const core = this.#core()
		const active = this.#active()
		for (const listener of this.#listeners.values()) {
			const own = [...this.#notes.values()].filter((note) => note.listener === listener && note.unsettled && !note.pruned)
			assert(own.length <= 100, 'at most 100 are unsettled')
			if (own.length === 100) this.happened.add('full')
			const busy = new Set<string>()
			for (const note of own) {
				assert(active.has(listener.id), 'a subscription that takes nothing has nothing unsettled')
				assert(stored.includes(note.id) && core.state.unsettled.includes(note.id), `${note.id} is unsettled and on no list`)
				for (const object of note.objects) {
					assert(!busy.has(object), 'two unsettled notifications of a subscription hold one object')
					busy.add(object)
				}
			}
			if (listener.id === 1) this.#lookAtBacklog(listener, own, waiting.get(1)?.size ?? 0, active.has(1))
			if (!active.has(listener.id)) continue
			// Nothing waits without a reason.
			for (const [id] of [...items].toSorted(([a], [b]) => a - b)) {
				const note = this.#notes.get(id)!
				if (note.listener !== listener || note.unsettled) continue
				assert(
					own.length >= PLENTY || note.objects.some((object) => busy.has(object)),
					`${id} is to be sent again, and nothing holds it back`,
				)
				for (const object of note.objects) busy.add(object)
			}
			for (const sequence of waiting.get(listener.id) ?? [])
				assert(own.length >= PLENTY || busy.has(this.#facts.get(sequence)!.object), `event ${sequence} waits for nothing`)
		}
	}

	/** What the notifications have come to, oldest first. */
	statuses(): string[] {
		return this.sql
			.all<NoteRow>(`SELECT status, delivered FROM notifications ORDER BY id`)
			.map(({ status, delivered }) => (delivered === null ? status : `${status}, accepted`))
	}

	/** What is told of notifications is what their rows say, wherever it is read from. */
	#lookAtCarriers(): void {
		const rows = this.sql.all<Carrier>(`SELECT id, status, created, updated, delivered FROM notifications ORDER BY id`)
		const read = readCarriers(
			this.#core(),
			rows.map(({ id }) => id),
		)
		for (const row of rows) {
			const { id, status, created, updated, delivered } = read.get(row.id)!
			assert.deepEqual({ id, status, created, updated, delivered }, { ...row })
		}
	}

	#lookAtBacklog(listener: Listener, unsettled: readonly Note[], waiting: number, active: boolean): void {
		const queued = active
			? []
			: [...this.#notes.values()].filter((one) => one.listener === listener && one.status === 'queued' && !one.pruned)
		const expected = [...unsettled, ...queued].reduce((sum, one) => sum + one.said.length, waiting)
		assert.equal(listener.pending.size, waiting)
		assert.equal(backlog(this.#core(), CALLBACK).events, expected)
	}

	#lookAtResends(items: ReadonlyMap<number, number>): void {
		const core = this.#core()
		const left = Map.groupBy(items, ([, resend]) => resend)
		const reports = resendsOf(core)
		for (const report of reports) {
			const own = left.get(report.id!)?.length ?? 0
			assert.equal(report.left, own)
			assert.equal(report.status === 'running', own > 0, `resend ${report.id} is ${report.status} with ${own} left`)
		}
		assert.equal(core.state.resending, reports.filter((one) => one.status === 'running').length)
		for (const [id, resend] of items) {
			const note = this.#notes.get(id)
			assert(note !== undefined && !note.pruned, 'what is to be sent again is kept')
			const row = this.#noteRow(id)!
			assert(row.settled !== null || row.resend === resend, 'on the wire for another resend than its list says')
		}
	}

	#lookAtClaim(claim: Claim, admitted: boolean): void {
		const note = this.#notes.get(parseNotificationId(claim.notificationId)!.counter)!
		assert(this.#active().has(claim.subscription) && note.listener === this.#listeners.get(claim.subscription), 'claimed for nobody')
		assert(!this.#core().state.paused)
		assert(claim.attempt > (this.#flights.find((one) => one.note === note)?.claim.attempt ?? 0))
		assert(note.leaseUntilMs <= this.nowMs, 'claimed twice at a time')
		if (!admitted) assert(!claim.guarded && this.#core().config.delivery.rate === null, 'claimed without asking')
		note.leaseUntilMs = claim.leaseUntilMs
		const erasures = note.said.filter(({ fact }) => fact.erased).length
		assert(
			note.body === null || note.body === claim.body || note.erasures < erasures,
			`other bytes than before: ${note.body} ${claim.body}`,
		)
		note.body = claim.body
		note.erasures = erasures
		this.#flights.push({ note, claim, outcome: null })
	}

	#receive(claim: Claim, note: Note): void {
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
		const { listener } = note
		assert.equal(message.events.length, note.said.length)
		message.events.forEach((event, index) => {
			const { fact, type, previousSequence, coalesced } = note.said[index]!
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
					...{ eventId: formatEventId(INSTANCE, fact.sequence, tagOf(fact.sequence)), eventType: type, previousSequence, coalesced },
				},
			)
			const record = message.raw[objectType]![index]!
			if (event.recordUrl === undefined && record.erased !== true)
				assert.deepEqual(record, JSON.parse(fact.record), 'a record that nobody had')
			if (listener.received.has(fact.sequence)) {
				this.happened.add('repeat')
				return
			}
			// A first arrival. What came before it and has not arrived gave way before this was sent.
			for (const other of this.#notes.values()) {
				if (other === note || other.listener !== listener || !other.objects.includes(fact.object)) continue
				for (const one of other.said) {
					if (one.fact.object !== fact.object) continue
					const arrived = listener.received.has(one.fact.sequence)
					if (one.fact.objectSequence > fact.objectSequence && arrived) {
						this.happened.add('released late')
						assert(note.gaveWay !== null && note.gaveWay <= other.begun!, 'out of order, and not since its tries had ended')
					} else if (one.fact.objectSequence < fact.objectSequence && !arrived && !other.pruned)
						assert(other.gaveWay !== null && other.gaveWay <= note.begun!, 'out of order: an earlier event has not arrived')
				}
			}
			listener.received.add(fact.sequence)
			const folded = listener.folded.get(fact.object)
			if (folded === undefined || folded.objectSequence < objectSequence) listener.folded.set(fact.object, { objectSequence, type })
		})
	}

	#active(): ReadonlySet<number> {
		return new Set(this.sql.all<{ id: number }>(`SELECT id FROM subscriptions WHERE active = 1`).map((one) => one.id))
	}

	#still(): boolean {
		const { state } = this.#core()
		const waiting = [...this.#listeners.values()].some((one) => one.pending.size > 0)
		return !waiting && state.resending === 0 && ![...this.#notes.values()].some((one) => one.unsettled && !one.pruned)
	}

	#strandedText(): string {
		const listeners = [...this.#listeners.values()].map(({ id, pending }) => ({ id, pending: [...pending] }))
		return JSON.stringify({
			listeners,
			subscriptions: this.sql.all(`SELECT * FROM subscriptions`),
			rows: this.sql.all(`SELECT * FROM notifications WHERE settled IS NULL`),
		})
	}

	/** When it is quiet: everything that was told has arrived, and what arrived folds to what is. */
	#judge(): void {
		for (const note of this.#notes.values()) {
			if (note.pruned || note.listener.gone) continue
			assert.equal(note.status, 'delivered', `notification ${note.id} is ${note.status}`)
			for (const { fact } of note.said) assert(note.listener.received.has(fact.sequence), `event ${fact.sequence} never arrived`)
		}
		for (const { folded, last, gaps } of this.#listeners.values())
			for (const [object, fact] of last) {
				if (gaps.has(object)) continue
				const known = folded.get(object)
				const alive = known !== undefined && known.type !== 'DELETED'
				assert.equal(alive, fact.type !== 'DELETED', `folded, ${object} is ${alive ? 'there' : 'gone'}`)
				if (alive) assert.equal(known.objectSequence, fact.objectSequence)
			}
	}
}

function known<T>(answer: Known<T>): T {
	assert(answer !== 'unknown')
	return answer
}

function tagOf(sequence: number): number {
	return (sequence * 7919) & 0xff_ffff
}

function hash(text: string): number {
	let sum = 0
	for (const char of text) sum = (sum * 31 + char.codePointAt(0)!) % 999_983
	return sum
}

function same(one: unknown, other: unknown): boolean {
	return JSON.stringify(one) === JSON.stringify(other)
}

/** Said once more, in other words than the source's. */
function wants(filter: FilterName, fact: Fact): boolean {
	if (filter === 'types') return fact.type !== 'DELETED'
	if (filter === 'resource') return fact.resource === 'products'
	if (filter === 'where') return fact.type === 'DELETED' || fact.erased || fact.objectSequence % 2 === 0
	return true
}

/**
 * The Durable Object of one callback: an origin of an organization, for all its instances (docs/architecture.md,
 * Isolation). A thin shell that gives the circuit breaker Cloudflare's storage, alarm and queue. Healthy deliveries
 * never call it.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Doorbell, Env } from '../context.ts'
import { log } from '../lib/log.ts'
import { DAY_MS } from '../lib/time.ts'
import type { AdmissionRequest } from '../rpc/delivery.ts'
import { admit, releasePermits, isDisposable, getNextWakeMs, report, selectToNotify } from './circuit-breaker.ts'
import {
	fromStoredCore,
	fromStoredWaiting,
	initialState,
	toStoredCore,
	toStoredWaiting,
	type BreakerState,
	type StoredBreakerSummary,
	type StoredWaitingSubscription,
	type WaitingSubscription,
} from './circuit-breaker-state.ts'
import type { CallbackRpc, BreakerStatus, DeliveryReport, AdmissionDecision } from '../rpc/callback.ts'

const CORE_KEY = 'core'
const WAITING_PREFIX = 'waiter '
/** The platform's limit of messages per `sendBatch`. */
const MAX_QUEUE_BATCH = 100
/** An alarm set to the present moment may not fire. */
const MIN_ALARM_DELAY_MS = 1
/** How often an idle object checks whether its state can be deleted. */
const IDLE_CHECK_MS = DAY_MS

/** The object of one callback. Its constructor writes nothing and sets no alarm. */
export class Callback extends DurableObject<Env> implements CallbackRpc {
	#state: BreakerState | null = null
	/** The core as it is stored, JSON text; null: not stored. */
	#storedCore: string | null = null
	readonly #storedWaiting = new Map<string, WaitingSubscription>()
	/** When the alarm fires; null: not set, or not known since the object started. */
	#alarmMs: number | null = null

	async admit(instanceId: number, request: AdmissionRequest, limit: number): Promise<AdmissionDecision> {
		return this.#update((state, now) => admit(state, instanceId, request, limit, now, Math.random()))
	}

	async report(instanceId: number, delivery: DeliveryReport): Promise<BreakerStatus> {
		return this.#update((state, now) => report(state, instanceId, delivery, now))
	}

	async giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void> {
		this.#update((state, now) => releasePermits(state, instanceId, subscription, rate, permits, now))
	}

	override async alarm(): Promise<void> {
		this.#alarmMs = null
		try {
			await this.#sendDoorbells(this.#update((state, now) => selectToNotify(state, now)))
		} catch (error) {
			// The doorbells are repeated, and parked instances come back by themselves.
			log('callback.ring-failed', { error: error instanceof Error ? error.name : 'unknown' })
		}
	}

	/** Changes the state, stores what changed and sets the alarm, in one turn of the event loop. */
	#update<T>(body: (state: BreakerState, now: number) => T): T {
		const state = (this.#state ??= this.#load())
		const now = Date.now()
		const result = body(state, now)
		if (isDisposable(state, now)) {
			this.#clear()
			return result
		}
		const wakeMs = getNextWakeMs(state, now)
		this.#save(state)
		if (wakeMs !== null) this.#setAlarm(Math.max(wakeMs, now + MIN_ALARM_DELAY_MS), now)
		else if (this.#alarmMs === null || this.#alarmMs <= now) this.#setAlarm(now + IDLE_CHECK_MS, now)
		return result
	}

	#load(): BreakerState {
		const { kv } = this.ctx.storage
		const state = initialState()
		this.#storedCore = kv.get<string>(CORE_KEY) ?? null
		if (this.#storedCore !== null) state.core = fromStoredCore(JSON.parse(this.#storedCore) as StoredBreakerSummary)
		this.#storedWaiting.clear()
		for (const [key, stored] of kv.list<StoredWaitingSubscription>({ prefix: WAITING_PREFIX })) {
			const name = key.slice(WAITING_PREFIX.length)
			const waiting = fromStoredWaiting(stored)
			state.waiting[name] = waiting
			this.#storedWaiting.set(name, waiting)
		}
		return state
	}

	#save(state: BreakerState): void {
		const { kv } = this.ctx.storage
		const core = JSON.stringify(toStoredCore(state.core))
		if (core !== this.#storedCore) kv.put(CORE_KEY, (this.#storedCore = core))
		for (const [name, waiting] of Object.entries(state.waiting)) {
			if (this.#storedWaiting.get(name) === waiting) continue
			kv.put(WAITING_PREFIX + name, toStoredWaiting(waiting))
			this.#storedWaiting.set(name, waiting)
		}
		for (const name of this.#storedWaiting.keys()) {
			if (state.waiting[name] !== undefined) continue
			kv.delete(WAITING_PREFIX + name)
			this.#storedWaiting.delete(name)
		}
	}

	/** Deletes everything. An alarm that is still set finds nothing to do. */
	#clear(): void {
		const { kv } = this.ctx.storage
		this.#state = null
		for (const name of this.#storedWaiting.keys()) kv.delete(WAITING_PREFIX + name)
		this.#storedWaiting.clear()
		if (this.#storedCore !== null) kv.delete(CORE_KEY)
		this.#storedCore = null
	}

	#setAlarm(atMs: number, now: number): void {
		// An alarm that fires too early costs less than setting it again at each call.
		if (this.#alarmMs !== null && this.#alarmMs > now && this.#alarmMs <= atMs) return
		this.#alarmMs = atMs
		void this.ctx.storage.setAlarm(atMs)
	}

	async #sendDoorbells(instances: ReturnType<typeof selectToNotify>): Promise<void> {
		for (let from = 0; from < instances.length; from += MAX_QUEUE_BATCH) {
			const messages = instances
				.slice(from, from + MAX_QUEUE_BATCH)
				.map((instance) => ({ body: { version: 1, ...instance } satisfies Doorbell }))
			await this.env.DOORBELLS.sendBatch(messages)
		}
	}
}

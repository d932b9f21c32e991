/**
 * The Durable Object of one callback: an organization's origin, for all of its instances (docs/architecture.md,
 * Isolation). A thin shell that gives the breaker Cloudflare's storage, alarm and queue. Healthy deliveries never call
 * it.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Doorbell, Env } from '../context.ts'
import { log } from '../lib/log.ts'
import type { AdmissionRequest } from '../rpc/delivery.ts'
import { admit, releasePermits, isDisposable, getNextWakeMs, report, selectToNotify } from './circuit-breaker.ts'
import { type BreakerCore, initialState, type BreakerState, type WaitingSubscription } from './circuit-breaker-state.ts'
import type { CallbackRpc, BreakerStatus, DeliveryReport, AdmissionDecision } from '../rpc/callback.ts'

const CORE_KEY = 'core'
const WAITING_PREFIX = 'waiter '
/** Messages that a queue takes at once. */
const MAX_QUEUE_BATCH = 100
/** An alarm at this very moment may not fire. */
const MIN_ALARM_DELAY_MS = 1
/** What nobody has needed for so long is removed. */
const IDLE_CHECK_MS = 86_400_000

/**
 * One callback's object. Its constructor writes nothing and arms nothing; what stands in its storage is written when it
 * changes.
 */
export class Callback extends DurableObject<Env> implements CallbackRpc {
	#state: BreakerState | null = null
	/** What storage holds; null: nothing. */
	#storedCore: string | null = null
	readonly #storedWaiting = new Map<string, WaitingSubscription>()
	/** When the alarm is set for, as far as this life of the object knows. */
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
			// Whoever was not rung is rung again, and at the latest asks by itself.
			log('callback.ring-failed', { error: error instanceof Error ? error.name : 'unknown' })
		}
	}

	/** Changes the state, writes what is new of it and sets the alarm. All in one turn: no other call sees half of it. */
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
		// Without anybody to ring for, one look a day at whether anything is needed still.
		if (wakeMs !== null) this.#setAlarm(Math.max(wakeMs, now + MIN_ALARM_DELAY_MS), now)
		else if (this.#alarmMs === null || this.#alarmMs <= now) this.#setAlarm(now + IDLE_CHECK_MS, now)
		return result
	}

	#load(): BreakerState {
		const { kv } = this.ctx.storage
		const state = initialState()
		this.#storedCore = kv.get<string>(CORE_KEY) ?? null
		if (this.#storedCore !== null) state.core = JSON.parse(this.#storedCore) as BreakerCore
		this.#storedWaiting.clear()
		for (const [key, waiter] of kv.list<WaitingSubscription>({ prefix: WAITING_PREFIX })) {
			const name = key.slice(WAITING_PREFIX.length)
			state.waiting[name] = waiter
			this.#storedWaiting.set(name, waiter)
		}
		return state
	}

	#save(state: BreakerState): void {
		const { kv } = this.ctx.storage
		const core = JSON.stringify(state.core)
		if (core !== this.#storedCore) kv.put(CORE_KEY, (this.#storedCore = core))
		for (const [name, waiter] of Object.entries(state.waiting)) {
			if (this.#storedWaiting.get(name) === waiter) continue
			kv.put(WAITING_PREFIX + name, waiter)
			this.#storedWaiting.set(name, waiter)
		}
		for (const name of this.#storedWaiting.keys()) {
			if (state.waiting[name] !== undefined) continue
			kv.delete(WAITING_PREFIX + name)
			this.#storedWaiting.delete(name)
		}
	}

	/** As if nobody had ever called: no waiters are left by then. The alarm, if one is set, finds nothing to do. */
	#clear(): void {
		const { kv } = this.ctx.storage
		this.#state = null
		for (const name of this.#storedWaiting.keys()) kv.delete(WAITING_PREFIX + name)
		this.#storedWaiting.clear()
		if (this.#storedCore !== null) kv.delete(CORE_KEY)
		this.#storedCore = null
	}

	#setAlarm(atMs: number, now: number): void {
		// One that rings too early is cheaper than setting it anew each time.
		if (this.#alarmMs !== null && this.#alarmMs > now && this.#alarmMs <= atMs) return
		this.#alarmMs = atMs
		void this.ctx.storage.setAlarm(atMs)
	}

	async #sendDoorbells(instances: number[]): Promise<void> {
		for (let from = 0; from < instances.length; from += MAX_QUEUE_BATCH) {
			const messages = instances
				.slice(from, from + MAX_QUEUE_BATCH)
				.map((instance) => ({ body: { version: 1, instance } satisfies Doorbell }))
			await this.env.DOORBELLS.sendBatch(messages)
		}
	}
}

/**
 * The Durable Object of one callback: an organization's origin, for all of its instances (design, Ringing: the breaker). A thin shell that
 * gives the breaker Cloudflare's storage, alarm and queue. Healthy deliveries never call it.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Doorbell, Env } from '../context.ts'
import { log } from '../lib/log.ts'
import type { Ask } from '../rpc/delivery.ts'
import { admit, giveBack, needless, nextWake, report, wake } from './breaker.ts'
import { type Core, fresh, type State, type Waiter } from './breaker-state.ts'
import type { CallbackRpc, Heard, Told, Verdict } from '../rpc/callback.ts'

const CORE = 'core'
const WAITER = 'waiter '
/** Messages that a queue takes at once. */
const BATCH = 100
/** An alarm at this very moment may not fire. */
const SOON_MS = 1
/** What nobody has needed for so long is removed. */
const TIDY_MS = 86_400_000

/** One callback's object. Its constructor writes nothing and arms nothing; what stands in its storage is written when it changes. */
export class Callback extends DurableObject<Env> implements CallbackRpc {
	#state: State | null = null
	/** What storage holds; null: nothing. */
	#core: string | null = null
	readonly #waiters = new Map<string, Waiter>()
	/** When the alarm is set for, as far as this life of the object knows. */
	#armedMs: number | null = null

	async admit(instanceId: number, ask: Ask, limit: number): Promise<Verdict> {
		return this.#change((state, now) => admit(state, instanceId, ask, limit, now, Math.random()))
	}

	async report(instanceId: number, told: Told): Promise<Heard> {
		return this.#change((state, now) => report(state, instanceId, told, now))
	}

	async giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void> {
		this.#change((state, now) => giveBack(state, instanceId, subscription, rate, permits, now))
	}

	override async alarm(): Promise<void> {
		this.#armedMs = null
		try {
			await this.#ring(this.#change((state, now) => wake(state, now)))
		} catch (error) {
			// Whoever was not rung is rung again, and at the latest asks by itself.
			log('callback.ring-failed', { error: error instanceof Error ? error.name : 'unknown' })
		}
	}

	/** Changes the state, writes what is new of it and sets the alarm. All in one turn: no other call sees half of it. */
	#change<T>(body: (state: State, now: number) => T): T {
		const state = (this.#state ??= this.#read())
		const now = Date.now()
		const answer = body(state, now)
		if (needless(state, now)) {
			this.#forget()
			return answer
		}
		const at = nextWake(state, now)
		this.#write(state)
		// Without anybody to ring for, one look a day at whether anything is needed still.
		if (at !== null) this.#arm(Math.max(at, now + SOON_MS), now)
		else if (this.#armedMs === null || this.#armedMs <= now) this.#arm(now + TIDY_MS, now)
		return answer
	}

	#read(): State {
		const { kv } = this.ctx.storage
		const state = fresh()
		this.#core = kv.get<string>(CORE) ?? null
		if (this.#core !== null) state.core = JSON.parse(this.#core) as Core
		this.#waiters.clear()
		for (const [key, waiter] of kv.list<Waiter>({ prefix: WAITER })) {
			const name = key.slice(WAITER.length)
			state.waiters[name] = waiter
			this.#waiters.set(name, waiter)
		}
		return state
	}

	#write(state: State): void {
		const { kv } = this.ctx.storage
		const core = JSON.stringify(state.core)
		if (core !== this.#core) kv.put(CORE, (this.#core = core))
		for (const [name, waiter] of Object.entries(state.waiters)) {
			if (this.#waiters.get(name) === waiter) continue
			kv.put(WAITER + name, waiter)
			this.#waiters.set(name, waiter)
		}
		for (const name of this.#waiters.keys()) {
			if (state.waiters[name] !== undefined) continue
			kv.delete(WAITER + name)
			this.#waiters.delete(name)
		}
	}

	/** As if nobody had ever called: no waiters are left by then. The alarm, if one is set, finds nothing to do. */
	#forget(): void {
		const { kv } = this.ctx.storage
		this.#state = null
		for (const name of this.#waiters.keys()) kv.delete(WAITER + name)
		this.#waiters.clear()
		if (this.#core !== null) kv.delete(CORE)
		this.#core = null
	}

	#arm(atMs: number, now: number): void {
		// One that rings too early is cheaper than setting it anew each time.
		if (this.#armedMs !== null && this.#armedMs > now && this.#armedMs <= atMs) return
		this.#armedMs = atMs
		void this.ctx.storage.setAlarm(atMs)
	}

	async #ring(instances: number[]): Promise<void> {
		for (let from = 0; from < instances.length; from += BATCH) {
			const messages = instances.slice(from, from + BATCH).map((instance) => ({ body: { version: 1, instance } satisfies Doorbell }))
			await this.env.DOORBELLS.sendBatch(messages)
		}
	}
}

/** Carries deliveries, pings and keys to their receivers: the queue that cron runs, its failures, and what goes wrong on purpose (docs/woocommerce.md 6.4, 6.5, §7). */
import type { Engine } from './engine.ts'
import { agentOf, bytesOf, deliveryIdOf, headersOf, payloadOf, reachable } from './payload.ts'
import { phpJson } from './reply.ts'
import type { Delivery, Rec, WebhookKnobs } from './types.ts'
import type { Queued, Webhook, Webhooks } from './webhooks.ts'

/** How a request reaches its receiver. */
export type Deliver = (request: Request) => Promise<Response>

/** What came back: a status, or why there is none. */
export interface Outcome {
	status: number | null
	error?: string
	/** Where a redirect leads. */
	location?: string | null
}

/** A webhook is switched off by the failure after so many in a row, which makes it the seventh (6.5). */
const FAILURES = 5

/** How often cron looks while the store runs as a program, in milliseconds. */
const CRON = 50

function nth(every: number | undefined, number: number): boolean {
	return every !== undefined && every > 0 && number % every === 0
}

/** Sends what the store's webhooks have queued. */
export class Courier {
	readonly log: Delivery[] = []
	readonly #engine: Engine
	readonly #deliver: Deliver
	readonly #hooks: Webhooks
	/** Deliveries taken from the queue so far; the knobs count by it. */
	#taken = 0
	#running: Promise<unknown> = Promise.resolve()
	#busy = 0
	#cron: ReturnType<typeof setInterval> | null = null

	constructor(engine: Engine, deliver: Deliver | undefined) {
		this.#engine = engine
		this.#hooks = engine.webhooks
		this.#deliver = deliver ?? ((request) => fetch(request))
	}

	/** When the next cron run has something to send, epoch milliseconds on the store's clock. */
	nextAt(): number | null {
		if (this.#hooks.knobs.hold || this.#hooks.queue.size === 0) return null
		let next = Infinity
		for (const { due } of this.#hooks.queue) next = Math.min(next, due)
		return next
	}

	/** A cron run now; runs never overlap. Returns how many requests were made for deliveries. */
	run(): Promise<number> {
		this.#busy++
		const run = this.#running
			.then(() => this.#run())
			.finally(() => {
				this.#busy--
			})
		this.#running = run.catch(() => undefined)
		return run
	}

	/** Cron by itself, or only when called. */
	setCron(on: boolean): void {
		if (on === (this.#cron !== null)) return
		if (this.#cron !== null) {
			clearInterval(this.#cron)
			this.#cron = null
			return
		}
		this.#cron = setInterval(() => {
			this.#engine.tick()
			const at = this.nextAt()
			if (this.#busy === 0 && at !== null && at <= this.#engine.now()) void this.run().catch(() => undefined)
		}, CRON)
	}

	async #run(): Promise<number> {
		const { knobs } = this.#hooks
		if (knobs.hold) return 0
		const now = this.#engine.now()
		this.#hooks.ran()
		const taken = [...this.#hooks.queue].filter((queued) => (!queued.late && !queued.replay) || queued.due <= now)
		let requests = 0
		for (const queued of knobs.reorder ? this.#hooks.shuffled(taken) : taken) {
			// A webhook deleted meanwhile took its deliveries along; one that was paused did not (7.10).
			if (!this.#hooks.queue.has(queued)) continue
			this.#hooks.take(queued)
			this.#engine.tick()
			requests += await this.#carry(queued, this.#hooks.knobs)
		}
		return requests
	}

	async #carry(queued: Queued, knobs: WebhookKnobs): Promise<number> {
		const { webhook, id } = queued
		if (queued.replay) {
			await this.#send(queued, queued.replay, knobs, 'replay')
			return 1
		}
		const number = queued.late ? this.#taken : ++this.#taken
		if (!queued.late && nth(knobs.lateEvery, number)) {
			this.#hooks.hold({ ...queued, late: true, due: this.#engine.now() + (knobs.lateSeconds ?? 600) * 1000 })
			return 0
		}
		const body = bytesOf(payloadOf(this.#engine, webhook, id, knobs))
		const deliveryId = deliveryIdOf(this.#engine, webhook)
		const source = knobs.sourceEvery === undefined || nth(knobs.sourceEvery, number) ? knobs.source : undefined
		const parcel = { headers: headersOf(this.#engine, webhook, body, deliveryId, source), body, deliveryId }
		if (nth(knobs.dropEvery, number)) {
			this.#note({
				queuedAt: queued.queuedAt,
				webhook: webhook.id,
				topic: webhook.topic,
				id,
				deliveryId,
				result: 'dropped',
				status: null,
			})
			return 0
		}
		this.#count(webhook, await this.#send(queued, parcel, knobs))
		await this.settlePings()
		let requests = 1
		if (nth(knobs.doubleEvery, number)) {
			await this.#send(queued, parcel, knobs, 'double')
			requests++
		}
		if (nth(knobs.replayEvery, number))
			this.#hooks.hold({ ...queued, replay: parcel, due: this.#engine.now() + (knobs.replaySeconds ?? 600) * 1000 })
		return requests
	}

	async #send(
		queued: Queued,
		{ headers, body, deliveryId }: NonNullable<Queued['replay']>,
		knobs: WebhookKnobs,
		repeat?: Delivery['repeat'],
	): Promise<boolean> {
		const { webhook, id, queuedAt } = queued
		const { status, error } = await this.post(webhook.url, headers, body, knobs.timeoutMs ?? 60_000)
		const good = status !== null && status >= 200 && status < 303
		this.#note({
			queuedAt,
			webhook: webhook.id,
			topic: webhook.topic,
			id,
			deliveryId,
			result: good ? 'sent' : 'failed',
			status,
			...(error !== undefined && { error }),
			...(repeat && { repeat }),
		})
		return good
	}

	/** Counts failures in a row; a success forgets them, switching the webhook on again does not. */
	#count(webhook: Webhook, good: boolean): void {
		if (good) webhook.failures = 0
		else if (webhook.failures > FAILURES) webhook.status = 'disabled'
		else webhook.failures++
		if (this.#hooks.rows.get(webhook.id) === webhook) this.#hooks.saved(webhook)
	}

	/** Pings every address that a save has left unproven; redirects are followed, unlike those of deliveries. */
	async settlePings(): Promise<void> {
		const waiting = [...this.#hooks.pings]
		this.#hooks.pings.clear()
		for (const webhook of waiting) {
			const { pingTimeoutMs = 5_000 } = this.#hooks.knobs
			const headers = { 'user-agent': agentOf(this.#engine), 'content-type': 'application/x-www-form-urlencoded' }
			const queuedAt = this.#engine.now()
			let outcome = await this.post(webhook.url, headers, `webhook_id=${webhook.id}`, pingTimeoutMs)
			for (let hops = 0; outcome.location && hops < 5; hops++) {
				const next = URL.canParse(outcome.location, webhook.url)
					? new URL(outcome.location, webhook.url).href
					: outcome.location
				outcome = await this.post(next, { 'user-agent': headers['user-agent'] }, null, pingTimeoutMs)
			}
			const { status, error } = outcome
			if (status === 200) {
				webhook.unproven = false
				webhook.modified = this.#engine.second()
			}
			this.#note({
				queuedAt,
				webhook: webhook.id,
				topic: 'ping',
				id: null,
				deliveryId: null,
				result: status === 200 ? 'sent' : 'failed',
				status,
				...(error !== undefined && { error }),
			})
		}
	}

	/** Hands over a new key as the connect flow does. */
	async handOver(callback: string, keys: Rec): Promise<Outcome> {
		const { url, version } = this.#engine.settings
		const headers = {
			'user-agent': `WordPress/${version === '11.0' ? '7.1' : '6.1'}; ${url}`,
			'content-type': 'application/json;charset=UTF-8',
		}
		const queuedAt = this.#engine.now()
		const outcome = await this.post(callback, headers, phpJson(keys), 60_000)
		const { status, error } = outcome
		const result = status === 200 ? 'sent' : 'failed'
		this.#note({
			queuedAt,
			webhook: 0,
			topic: 'wc-auth',
			id: null,
			deliveryId: null,
			result,
			status,
			...(error !== undefined && { error }),
		})
		return outcome
	}

	/** One request, given up after so long; without a body it is a GET. */
	async post(
		address: string,
		headers: Record<string, string>,
		body: string | null,
		timeoutMs: number,
	): Promise<Outcome> {
		if (!this.#hooks.knobs.allowLocalDelivery && !reachable(address, this.#engine.settings.url))
			return { status: null, error: 'A valid URL was not provided.' }
		const abort = new AbortController()
		const timer = setTimeout(
			() => abort.abort(new Error(`Operation timed out after ${timeoutMs} milliseconds`)),
			timeoutMs,
		)
		const given = new Promise<never>((_, reject) => {
			abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true })
		})
		given.catch(() => undefined)
		try {
			const request = new Request(address, {
				method: body === null ? 'GET' : 'POST',
				headers: { accept: '*/*', ...headers },
				body,
				redirect: 'manual',
				signal: abort.signal,
			})
			const response = await Promise.race([this.#deliver(request), given])
			await Promise.race([response.arrayBuffer(), given])
			const moved = response.status >= 301 && response.status <= 308 && response.status !== 304
			return { status: response.status, location: moved ? response.headers.get('location') : null }
		} catch (error) {
			return { status: null, error: error instanceof Error ? error.message : String(error) }
		} finally {
			clearTimeout(timer)
		}
	}

	#note(entry: Omit<Delivery, 'number' | 'time'>): void {
		this.log.push({ number: this.log.length + 1, time: this.#engine.now(), ...entry })
	}
}

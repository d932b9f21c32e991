/**
 * What a consumer does with a doorbell: claim, POST, settle, go on (design, The way of a change, 5 and 6; Ringing). Written against an
 * interface, so that crashes, slow callbacks and lost answers are tested in plain Node.
 *
 * A callback that fails, or that has a rate, is asked for first: its `Callback` object says how many may go, or when to ask again. What is
 * claimed without asking is sent, even to a callback that this isolate knows to fail: a claim cannot be taken back, and the failure costs
 * one try of a notification whose turn it was, after which its instance asks too.
 */
import type { Admission, Ask, Claim, Outcome } from '../rpc/delivery.ts'
import { breaks, wasSent } from './classify.ts'
import { SHORT_WAIT_MS } from './token-bucket.ts'
import type { Heard, Told, Verdict } from '../rpc/callback.ts'
import type { Known } from '../rpc/known.ts'

/** The platform's limit of simultaneous connections of an invocation. */
export const CONNECTIONS = 6

/** How long a doorbell is followed, ms. After that the instance rings again for what is still due. */
export const DOORBELL_LIFE_MS = 10_000

/** Pauses between the tries of a settle, ms. Short of the lease: a delivery that cannot be told is repeated when that ends. */
export const SETTLE_PAUSES_MS: readonly number[] = [100, 400, 1_600, 5_000]

/** How long an isolate takes a callback for closed that it has heard so of, ms. */
export const HEARSAY_MS = 5_000

/** The shortest wait before asking again, ms. */
const PAUSE_MS = 50

/** What delivering needs of the world. */
export interface DeliveryPorts {
	claim(instanceId: number, limit: number, admission?: Admission): Promise<Known<{ claims: Claim[]; more: boolean; asks: Ask[] }>>
	/** Nothing of this subscription is rung for until then. */
	park(instanceId: number, subscription: number, untilMs: number): Promise<Known<'ok'>>
	/** `more`: whether further claims are wanted in `next`. */
	settle(
		instanceId: number,
		notificationId: number,
		attempt: number,
		outcome: Outcome,
		more: boolean,
	): Promise<Known<{ next: Claim[]; retryAtMs: number | null }>>
	/** The object of a callback. All three may fail: then what is due is sent as if nobody had to be asked. */
	callback(of: Destination): {
		admit(instanceId: number, ask: Ask, limit: number): Promise<Verdict>
		report(instanceId: number, told: Told): Promise<Heard>
		giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void>
	}
	/** What this isolate has heard of callbacks. */
	hearsay: Hearsay
	/** One attempt; its end is always an outcome. */
	post(instanceId: number, claim: Claim): Promise<Outcome>
	/** Epoch ms. */
	now(): number
	sleep(ms: number): Promise<void>
	/** Structured log; never given secrets, bodies or URLs. */
	log(event: string, fields: Record<string, string | number | boolean | null>): void
}

/** Whose callback it is, and where: all of an organization's instances that call one origin share its breaker. */
export interface Destination {
	organizationId: number
	origin: string
}

/** The destination of a claim or an ask. An address that is none is one of its own: nothing can be sent there. */
export function destinationOf(one: { organizationId: number; url: string }): Destination {
	return { organizationId: one.organizationId, origin: URL.canParse(one.url) ? new URL(one.url).origin : 'null' }
}

/** What an isolate has heard of callbacks, so that it neither asks nor reports what is known. Forgetting it costs a call. */
export class Hearsay {
	static readonly #MOST = 1_000
	readonly #heard = new Map<string, { closedUntilMs: number; news: boolean }>()

	/** It is known to answer, and nobody needs to be asked. */
	closed(of: Destination, now: number): boolean {
		return now < (this.#heard.get(keyOf(of))?.closedUntilMs ?? 0)
	}

	/** A success is to be reported: there was a failure before it. */
	news(of: Destination): boolean {
		return this.#heard.get(keyOf(of))?.news ?? false
	}

	/** Its object has answered. */
	hear(of: Destination, heard: Heard, now: number): void {
		this.#keep(of, { closedUntilMs: heard.closed && !heard.news ? now + HEARSAY_MS : 0, news: heard.news })
	}

	/** It has failed here. */
	failed(of: Destination): void {
		this.#keep(of, { closedUntilMs: 0, news: true })
	}

	#keep(of: Destination, heard: { closedUntilMs: number; news: boolean }): void {
		const key = keyOf(of)
		this.#heard.delete(key)
		this.#heard.set(key, heard)
		if (this.#heard.size > Hearsay.#MOST) this.#heard.delete(this.#heard.keys().next().value!)
	}
}

/** Lets so many through at a time, first come, first served. */
export class Semaphore {
	#free: number
	readonly #waiting: (() => void)[] = []

	constructor(permits: number) {
		this.#free = permits
	}

	/** Runs the work when it is its turn. */
	async run<T>(work: () => Promise<T>): Promise<T> {
		if (this.#free > 0) this.#free--
		else await new Promise<void>((resolve) => this.#waiting.push(resolve))
		try {
			return await work()
		} finally {
			const next = this.#waiting.shift()
			// The permit goes straight to the next in line, so that no newcomer overtakes it.
			if (next === undefined) this.#free++
			else next()
		}
	}
}

/** The instance of a doorbell; null when the message is none. */
export function doorbellInstance(message: unknown): number | null {
	if (typeof message !== 'object' || message === null) return null
	const { version, instance } = message as { version?: unknown; instance?: unknown }
	return version === 1 && typeof instance === 'number' && Number.isSafeInteger(instance) && instance > 0 ? instance : null
}

/**
 * Answers the doorbells of one invocation. Each instance has its own share of the connections, so that one with a slow callback holds
 * up no other; several doorbells of one instance are one. Never throws.
 */
export async function deliverAll(instanceIds: readonly number[], ports: DeliveryPorts): Promise<void> {
	const instances = [...new Set(instanceIds)]
	const connections = new Semaphore(CONNECTIONS)
	const share = Math.floor(CONNECTIONS / instances.length)
	const spare = CONNECTIONS % Math.max(1, instances.length)
	await Promise.all(instances.map((id, index) => deliver(id, Math.max(1, share + (index < spare ? 1 : 0)), connections, ports)))
}

/**
 * Answers one doorbell with at most `lanes` POSTs at a time. Never throws: what fails here is due again when its lease ends.
 *
 * Only as much is claimed as can be sent at once, since a claim's lease runs from the claim.
 */
export async function deliver(instanceId: number, lanes: number, connections: Semaphore, ports: DeliveryPorts): Promise<void> {
	const endMs = ports.now() + DOORBELL_LIFE_MS
	await new Answering(instanceId, lanes, endMs, connections, ports).answer()
}

/** One doorbell that is being answered. */
class Answering {
	readonly #instanceId: number
	readonly #lanes: number
	readonly #lane: Semaphore
	readonly #endMs: number
	readonly #connections: Semaphore
	readonly #ports: DeliveryPorts

	constructor(instanceId: number, lanes: number, endMs: number, connections: Semaphore, ports: DeliveryPorts) {
		this.#instanceId = instanceId
		this.#lanes = lanes
		this.#lane = new Semaphore(lanes)
		this.#endMs = endMs
		this.#connections = connections
		this.#ports = ports
	}

	async answer(): Promise<void> {
		try {
			for (;;) {
				const answer = await this.#claim(this.#lanes)
				if (answer === 'unknown' || (answer.claims.length === 0 && answer.asks.length === 0)) return
				const [asked] = await Promise.all([
					Promise.all(answer.asks.map((ask) => this.#followAsk(ask))),
					Promise.all(answer.claims.map((claim) => this.#follow(claim, false))),
				])
				const more = (answer.more && answer.claims.length > 0) || asked.includes(true)
				if (!more || !this.#young()) return
			}
		} catch (error) {
			this.#ports.log('delivery.failed', { instance: this.#instanceId, error: errorName(error) })
		}
	}

	#young(): boolean {
		return this.#ports.now() < this.#endMs
	}

	/** Claiming waits for a connection too: where there are more doorbells than connections, nothing is claimed before its turn. */
	async #claim(limit: number, admission?: Admission): ReturnType<DeliveryPorts['claim']> {
		return await this.#connections.run(() => this.#ports.claim(this.#instanceId, limit, admission))
	}

	/** Sends a claim, and what its settle hands back. */
	async #follow(claim: Claim, counted: boolean): Promise<void> {
		let next: Claim[] = []
		try {
			next = await this.#lane.run(() => this.#sendOne(claim, counted))
		} catch (error) {
			// Its lease ends by itself; the others are none the worse.
			this.#ports.log('delivery.attempt-failed', {
				instance: this.#instanceId,
				notification: claim.notificationId,
				attempt: claim.attempt,
				error: errorName(error),
			})
		}
		await Promise.all(next.map((one) => this.#follow(one, false)))
	}

	/** Asks for a subscription as long as it is let through. True: it need not ask any longer, and has more. */
	async #followAsk(first: Ask): Promise<boolean> {
		let ask: Ask | undefined = first
		try {
			while (ask !== undefined) {
				const answer = await this.#askOnce(ask)
				if (typeof answer === 'boolean') return answer
				ask = answer
			}
		} catch (error) {
			this.#ports.log('delivery.ask-failed', { instance: this.#instanceId, subscription: first.subscription, error: errorName(error) })
		}
		return false
	}

	/** One ask and what it lets through. Gives the next ask, or whether the subscription has more without one. */
	async #askOnce(ask: Ask): Promise<Ask | boolean> {
		const ports = this.#ports
		const { subscription } = ask
		const verdict = await this.#admitted(ask)
		if (verdict.permits === 0) {
			if (verdict.untilMs === null) return false
			const waitMs = verdict.untilMs - ports.now()
			if (waitMs > SHORT_WAIT_MS || !this.#young()) {
				await ports.park(this.#instanceId, subscription, verdict.untilMs)
				return false
			}
			await ports.sleep(Math.max(PAUSE_MS, waitMs))
			return ask
		}
		if (verdict.fromMs > ports.now()) await ports.sleep(verdict.fromMs - ports.now())
		const { permits, closed, only } = verdict
		const answer = await this.#claim(permits, { subscription, permits, closed, only })
		const claims = answer === 'unknown' ? [] : answer.claims
		// Of a callback that is closed nothing is counted but its rate.
		if (claims.length < permits && (!closed || ask.rate !== null)) await this.#giveBack(ask, permits - claims.length)
		await Promise.all(claims.map((claim) => this.#follow(claim, !closed)))
		if (answer === 'unknown' || claims.length === 0 || !this.#young()) return false
		if (!answer.more || (closed && ask.rate === null)) return answer.more
		// What has happened to the first ones changes what is asked for the others.
		const next = await this.#claim(0)
		return next !== 'unknown' && (next.asks.find((one) => one.subscription === subscription) ?? next.more)
	}

	/** What the callback's object says of an ask; what it would say, where that is known or it cannot be reached. */
	async #admitted(ask: Ask): Promise<Verdict> {
		const ports = this.#ports
		const of = destinationOf(ask)
		const all = { permits: Math.min(ask.wanted, this.#lanes), fromMs: ports.now(), only: null, untilMs: null }
		// A rate is counted in one place alone.
		if (ask.rate === null && ports.hearsay.closed(of, ports.now())) return { ...all, closed: true, news: false }
		try {
			const verdict = await ports.callback(of).admit(this.#instanceId, ask, this.#lanes)
			ports.hearsay.hear(of, verdict, ports.now())
			return verdict
		} catch (error) {
			ports.log('callback.unreachable', { instance: this.#instanceId, error: errorName(error) })
			return { ...all, closed: false, news: false }
		}
	}

	/** POSTs and settles one claim; gives what the settle hands back. `counted`: its end is waited for by the callback's object. */
	async #sendOne(claim: Claim, counted: boolean): Promise<Claim[]> {
		const ports = this.#ports
		const outcome = await this.#connections.run(async () => {
			// A lease that ran out while this waited is another consumer's by now: a second POST would only be a repeat.
			return ports.now() >= claim.leaseUntilMs ? null : await ports.post(this.#instanceId, claim)
		})
		if (outcome === null) {
			ports.log('delivery.lease-lost', { instance: this.#instanceId, notification: claim.notificationId, attempt: claim.attempt })
			if (counted) await this.#giveBack({ ...claim, rate: null }, 1)
			return []
		}
		const settled = await this.#settle(claim, outcome)
		await this.#tell(claim, outcome, counted, settled === null ? claim.leaseUntilMs : settled.retryAtMs)
		return settled?.next ?? []
	}

	/**
	 * Settles, again and again when the instance cannot be reached: that it was delivered is a fact, and only this consumer knows it. Null:
	 * it could not be told, and is due again when its lease ends.
	 */
	async #settle(claim: Claim, outcome: Outcome): Promise<{ next: Claim[]; retryAtMs: number | null } | null> {
		const ports = this.#ports
		for (const pauseMs of [...SETTLE_PAUSES_MS, null]) {
			try {
				const answer = await ports.settle(this.#instanceId, claim.notificationId, claim.attempt, outcome, this.#young())
				return answer === 'unknown' ? { next: [], retryAtMs: null } : answer
			} catch (error) {
				const told = { instance: this.#instanceId, notification: claim.notificationId, attempt: claim.attempt, last: pauseMs === null }
				ports.log('delivery.settle-failed', { ...told, error: errorName(error) })
				if (pauseMs !== null) await ports.sleep(pauseMs)
			}
		}
		return null
	}

	/** Reports an end that the callback's object does not expect, or waits for. */
	async #tell(claim: Claim, outcome: Outcome, counted: boolean, nextMs: number | null): Promise<void> {
		const ports = this.#ports
		const of = destinationOf(claim)
		const failed = breaks(outcome)
		if (failed) ports.hearsay.failed(of)
		else if (!wasSent(outcome)) {
			if (counted) await this.#giveBack({ ...claim, rate: null }, 1)
			return
		} else if (!counted && !ports.hearsay.news(of)) return
		const { subscription, notificationId, createdMs } = claim
		try {
			const heard = await ports
				.callback(of)
				.report(this.#instanceId, { subscription, notificationId, createdMs, guarded: counted, failed, nextMs })
			ports.hearsay.hear(of, heard, ports.now())
		} catch (error) {
			ports.log('callback.unreachable', { instance: this.#instanceId, error: errorName(error) })
		}
	}

	/** Takes permits back to the callback's object; one that is lost ends by its lease. */
	async #giveBack(one: { organizationId: number; url: string; subscription: number; rate: number | null }, permits: number): Promise<void> {
		try {
			await this.#ports.callback(destinationOf(one)).giveBack(this.#instanceId, one.subscription, one.rate, permits)
		} catch (error) {
			this.#ports.log('callback.unreachable', { instance: this.#instanceId, error: errorName(error) })
		}
	}
}

function keyOf(of: Destination): string {
	return `${of.organizationId} ${of.origin}`
}

/** What a log may say of an exception: its kind. Its text may quote what must not be logged. */
function errorName(error: unknown): string {
	return error instanceof Error ? error.name : 'unknown'
}

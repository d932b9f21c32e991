/**
 * What a consumer does with a doorbell: claim, POST, settle, go on (docs/architecture.md, The way of a change). Written
 * against an interface, so that crashes, slow callbacks and lost answers are tested in plain Node.
 *
 * A callback that fails, or that has a rate, is asked for first: its `Callback` object says how many may go, or when to
 * ask again. What is claimed without asking is sent, even to a callback that this isolate knows to fail: a claim cannot
 * be taken back, and the failure costs one try of a notification whose turn it was, after which its instance asks too.
 */
import type { Admission, AdmissionRequest, Claim, AttemptOutcome } from '../rpc/delivery.ts'
import { isCallbackFailure, wasSent } from './failure-kinds.ts'
import { MAX_TOKEN_WAIT_MS } from './token-bucket.ts'
import type { BreakerStatus, DeliveryReport, AdmissionDecision } from '../rpc/callback.ts'
import type { OrUnknown } from '../rpc/known.ts'

/** The platform's limit of simultaneous connections of an invocation. */
export const MAX_CONNECTIONS = 6

/** How long a doorbell is followed, ms. After that the instance rings again for what is still due. */
export const MAX_DOORBELL_MS = 10_000

/**
 * Pauses between the tries of a settle, ms. Short of the lease: a delivery that cannot be told is repeated when that
 * ends.
 */
export const SETTLE_BACKOFF_MS: readonly number[] = [100, 400, 1_600, 5_000]

/** How long an isolate takes a callback for closed that it has heard so of, ms. */
export const BREAKER_CACHE_TTL_MS = 5_000

/** The shortest wait before asking again, ms. */
const MIN_WAIT_MS = 50

/** What delivering needs of the world. */
export interface DeliveryPorts {
	claim(
		instanceId: number,
		limit: number,
		admission?: Admission,
	): Promise<OrUnknown<{ claims: Claim[]; more: boolean; asks: AdmissionRequest[] }>>
	/** Nothing of this subscription is rung for until then. */
	park(instanceId: number, subscription: number, untilMs: number): Promise<OrUnknown<'ok'>>
	/** `more`: whether further claims are wanted in `next`. */
	settle(
		instanceId: number,
		notificationId: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): Promise<OrUnknown<{ next: Claim[]; retryAtMs: number | null }>>
	/** The object of a callback. All three may fail: then what is due is sent as if nobody had to be asked. */
	callback(destination: Destination): {
		admit(instanceId: number, request: AdmissionRequest, limit: number): Promise<AdmissionDecision>
		report(instanceId: number, delivery: DeliveryReport): Promise<BreakerStatus>
		giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void>
	}
	/** What this isolate has heard of callbacks. */
	breakerCache: BreakerCache
	/** One attempt; its end is always an outcome. */
	post(instanceId: number, claim: Claim): Promise<AttemptOutcome>
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
export function toDestination(target: { organizationId: number; url: string }): Destination {
	return {
		organizationId: target.organizationId,
		origin: URL.canParse(target.url) ? new URL(target.url).origin : 'null',
	}
}

/**
 * What an isolate has heard of callbacks, so that it neither asks nor reports what is known. Forgetting it costs a
 * call.
 */
export class BreakerCache {
	static readonly #MAX_ENTRIES = 1_000
	readonly #entries = new Map<string, { closedUntilMs: number; reportNextSuccess: boolean }>()

	/** It is known to answer, and nobody needs to be asked. */
	isClosed(destination: Destination, now: number): boolean {
		return now < (this.#entries.get(toDestinationKey(destination))?.closedUntilMs ?? 0)
	}

	/** A success is to be reported: there was a failure before it. */
	shouldReportNextSuccess(destination: Destination): boolean {
		return this.#entries.get(toDestinationKey(destination))?.reportNextSuccess ?? false
	}

	/** Its object has answered. */
	update(destination: Destination, status: BreakerStatus, now: number): void {
		this.#set(destination, {
			closedUntilMs: status.closed && !status.news ? now + BREAKER_CACHE_TTL_MS : 0,
			reportNextSuccess: status.news,
		})
	}

	/** It has failed here. */
	markFailed(destination: Destination): void {
		this.#set(destination, { closedUntilMs: 0, reportNextSuccess: true })
	}

	#set(destination: Destination, entry: { closedUntilMs: number; reportNextSuccess: boolean }): void {
		const key = toDestinationKey(destination)
		this.#entries.delete(key)
		this.#entries.set(key, entry)
		if (this.#entries.size > BreakerCache.#MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
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
export function parseDoorbellInstance(message: unknown): number | null {
	if (typeof message !== 'object' || message === null) return null
	const { version, instance } = message as { version?: unknown; instance?: unknown }
	return version === 1 && typeof instance === 'number' && Number.isSafeInteger(instance) && instance > 0
		? instance
		: null
}

/**
 * Answers the doorbells of one invocation. Each instance has its own share of the connections, so that one with a slow
 * callback holds up no other; several doorbells of one instance are one. Never throws.
 */
export async function handleDoorbells(instanceIds: readonly number[], ports: DeliveryPorts): Promise<void> {
	const instances = [...new Set(instanceIds)]
	const connections = new Semaphore(MAX_CONNECTIONS)
	const share = Math.floor(MAX_CONNECTIONS / instances.length)
	const remainder = MAX_CONNECTIONS % Math.max(1, instances.length)
	await Promise.all(
		instances.map((id, index) =>
			handleDoorbell(id, Math.max(1, share + (index < remainder ? 1 : 0)), connections, ports),
		),
	)
}

/**
 * Answers one doorbell with at most `lanes` POSTs at a time. Never throws: what fails here is due again when its lease
 * ends.
 *
 * Only as much is claimed as can be sent at once, since a claim's lease runs from the claim.
 */
export async function handleDoorbell(
	instanceId: number,
	concurrency: number,
	connections: Semaphore,
	ports: DeliveryPorts,
): Promise<void> {
	const endMs = ports.now() + MAX_DOORBELL_MS
	await new DoorbellHandler(instanceId, concurrency, endMs, connections, ports).handle()
}

/** One doorbell that is being answered. */
class DoorbellHandler {
	readonly #instanceId: number
	readonly #concurrency: number
	readonly #semaphore: Semaphore
	readonly #endMs: number
	readonly #connections: Semaphore
	readonly #ports: DeliveryPorts

	constructor(instanceId: number, concurrency: number, endMs: number, connections: Semaphore, ports: DeliveryPorts) {
		this.#instanceId = instanceId
		this.#concurrency = concurrency
		this.#semaphore = new Semaphore(concurrency)
		this.#endMs = endMs
		this.#connections = connections
		this.#ports = ports
	}

	async handle(): Promise<void> {
		try {
			for (;;) {
				const claimed = await this.#claim(this.#concurrency)
				if (claimed === 'unknown' || (claimed.claims.length === 0 && claimed.asks.length === 0)) return
				const [moreFlags] = await Promise.all([
					Promise.all(claimed.asks.map((request) => this.#handleAdmissionRequest(request))),
					Promise.all(claimed.claims.map((claim) => this.#deliverClaim(claim, false))),
				])
				const more = (claimed.more && claimed.claims.length > 0) || moreFlags.includes(true)
				if (!more || !this.#hasTimeLeft()) return
			}
		} catch (error) {
			this.#ports.log('delivery.failed', { instance: this.#instanceId, error: toErrorName(error) })
		}
	}

	#hasTimeLeft(): boolean {
		return this.#ports.now() < this.#endMs
	}

	/**
	 * Claiming waits for a connection too: where there are more doorbells than connections, nothing is claimed before its
	 * turn.
	 */
	async #claim(limit: number, admission?: Admission): ReturnType<DeliveryPorts['claim']> {
		return await this.#connections.run(() => this.#ports.claim(this.#instanceId, limit, admission))
	}

	/** Sends a claim, and what its settle hands back. */
	async #deliverClaim(claim: Claim, admitted: boolean): Promise<void> {
		let next: Claim[] = []
		try {
			next = await this.#semaphore.run(() => this.#sendAndSettle(claim, admitted))
		} catch (error) {
			// Its lease ends by itself; the others are none the worse.
			this.#ports.log('delivery.attempt-failed', {
				instance: this.#instanceId,
				notification: claim.notificationId,
				attempt: claim.attempt,
				error: toErrorName(error),
			})
		}
		await Promise.all(next.map((nextClaim) => this.#deliverClaim(nextClaim, false)))
	}

	/** Asks for a subscription as long as it is let through. True: it need not ask any longer, and has more. */
	async #handleAdmissionRequest(first: AdmissionRequest): Promise<boolean> {
		let request: AdmissionRequest | undefined = first
		try {
			while (request !== undefined) {
				const result = await this.#admitAndDeliver(request)
				if (typeof result === 'boolean') return result
				request = result
			}
		} catch (error) {
			this.#ports.log('delivery.ask-failed', {
				instance: this.#instanceId,
				subscription: first.subscription,
				error: toErrorName(error),
			})
		}
		return false
	}

	/** One ask and what it lets through. Gives the next ask, or whether the subscription has more without one. */
	async #admitAndDeliver(request: AdmissionRequest): Promise<AdmissionRequest | boolean> {
		const ports = this.#ports
		const { subscription } = request
		const decision = await this.#requestAdmission(request)
		if (decision.permits === 0) {
			if (decision.untilMs === null) return false
			const waitMs = decision.untilMs - ports.now()
			if (waitMs > MAX_TOKEN_WAIT_MS || !this.#hasTimeLeft()) {
				await ports.park(this.#instanceId, subscription, decision.untilMs)
				return false
			}
			await ports.sleep(Math.max(MIN_WAIT_MS, waitMs))
			return request
		}
		if (decision.fromMs > ports.now()) await ports.sleep(decision.fromMs - ports.now())
		const { permits, closed, only } = decision
		const claimed = await this.#claim(permits, { subscription, permits, closed, only })
		const claims = claimed === 'unknown' ? [] : claimed.claims
		// Of a callback that is closed nothing is counted but its rate.
		if (claims.length < permits && (!closed || request.rate !== null))
			await this.#releasePermits(request, permits - claims.length)
		await Promise.all(claims.map((claim) => this.#deliverClaim(claim, !closed)))
		if (claimed === 'unknown' || claims.length === 0 || !this.#hasTimeLeft()) return false
		if (!claimed.more || (closed && request.rate === null)) return claimed.more
		// What has happened to the first ones changes what is asked for the others.
		const next = await this.#claim(0)
		return (
			next !== 'unknown' && (next.asks.find((nextRequest) => nextRequest.subscription === subscription) ?? next.more)
		)
	}

	/** What the callback's object says of an ask; what it would say, where that is known or it cannot be reached. */
	async #requestAdmission(request: AdmissionRequest): Promise<AdmissionDecision> {
		const ports = this.#ports
		const destination = toDestination(request)
		const unrestricted = {
			permits: Math.min(request.wanted, this.#concurrency),
			fromMs: ports.now(),
			only: null,
			untilMs: null,
		}
		// A rate is counted in one place alone.
		if (request.rate === null && ports.breakerCache.isClosed(destination, ports.now()))
			return { ...unrestricted, closed: true, news: false }
		try {
			const decision = await ports.callback(destination).admit(this.#instanceId, request, this.#concurrency)
			ports.breakerCache.update(destination, decision, ports.now())
			return decision
		} catch (error) {
			ports.log('callback.unreachable', { instance: this.#instanceId, error: toErrorName(error) })
			return { ...unrestricted, closed: false, news: false }
		}
	}

	/**
	 * POSTs and settles one claim; gives what the settle hands back. `counted`: its end is waited for by the callback's
	 * object.
	 */
	async #sendAndSettle(claim: Claim, admitted: boolean): Promise<Claim[]> {
		const ports = this.#ports
		const outcome = await this.#connections.run(async () => {
			// A lease that ran out while this waited is another consumer's by now: a second POST would only be a repeat.
			return ports.now() >= claim.leaseUntilMs ? null : await ports.post(this.#instanceId, claim)
		})
		if (outcome === null) {
			ports.log('delivery.lease-lost', {
				instance: this.#instanceId,
				notification: claim.notificationId,
				attempt: claim.attempt,
			})
			if (admitted) await this.#releasePermits({ ...claim, rate: null }, 1)
			return []
		}
		const settled = await this.#settle(claim, outcome)
		await this.#report(claim, outcome, admitted, settled === null ? claim.leaseUntilMs : settled.retryAtMs)
		return settled?.next ?? []
	}

	/**
	 * Settles, again and again when the instance cannot be reached: that it was delivered is a fact, and only this
	 * consumer knows it. Null: it could not be told, and is due again when its lease ends.
	 */
	async #settle(claim: Claim, outcome: AttemptOutcome): Promise<{ next: Claim[]; retryAtMs: number | null } | null> {
		const ports = this.#ports
		for (const pauseMs of [...SETTLE_BACKOFF_MS, null]) {
			try {
				const result = await ports.settle(
					this.#instanceId,
					claim.notificationId,
					claim.attempt,
					outcome,
					this.#hasTimeLeft(),
				)
				return result === 'unknown' ? { next: [], retryAtMs: null } : result
			} catch (error) {
				const fields = {
					instance: this.#instanceId,
					notification: claim.notificationId,
					attempt: claim.attempt,
					last: pauseMs === null,
				}
				ports.log('delivery.settle-failed', { ...fields, error: toErrorName(error) })
				if (pauseMs !== null) await ports.sleep(pauseMs)
			}
		}
		return null
	}

	/** Reports an end that the callback's object does not expect, or waits for. */
	async #report(claim: Claim, outcome: AttemptOutcome, admitted: boolean, nextMs: number | null): Promise<void> {
		const ports = this.#ports
		const destination = toDestination(claim)
		const failed = isCallbackFailure(outcome)
		if (failed) ports.breakerCache.markFailed(destination)
		else if (!wasSent(outcome)) {
			if (admitted) await this.#releasePermits({ ...claim, rate: null }, 1)
			return
		} else if (!admitted && !ports.breakerCache.shouldReportNextSuccess(destination)) return
		const { subscription, notificationId, createdMs } = claim
		try {
			const status = await ports
				.callback(destination)
				.report(this.#instanceId, { subscription, notificationId, createdMs, guarded: admitted, failed, nextMs })
			ports.breakerCache.update(destination, status, ports.now())
		} catch (error) {
			ports.log('callback.unreachable', { instance: this.#instanceId, error: toErrorName(error) })
		}
	}

	/** Takes permits back to the callback's object; one that is lost ends by its lease. */
	async #releasePermits(
		target: { organizationId: number; url: string; subscription: number; rate: number | null },
		permits: number,
	): Promise<void> {
		try {
			await this.#ports
				.callback(toDestination(target))
				.giveBack(this.#instanceId, target.subscription, target.rate, permits)
		} catch (error) {
			this.#ports.log('callback.unreachable', { instance: this.#instanceId, error: toErrorName(error) })
		}
	}
}

function toDestinationKey(destination: Destination): string {
	return `${destination.organizationId} ${destination.origin}`
}

/** What a log may say of an exception: its kind. Its text may quote what must not be logged. */
function toErrorName(error: unknown): string {
	return error instanceof Error ? error.name : 'unknown'
}

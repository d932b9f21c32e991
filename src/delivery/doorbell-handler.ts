/**
 * Handles a doorbell: claim, POST, settle, repeat (docs/architecture.md, From change to notification). All I/O goes
 * through an interface, so that tests run crashes, slow callbacks and lost answers in plain Node.
 *
 * A callback that fails, or that has a rate, needs an admission first: its `Callback` object decides how many
 * notifications may be sent, or when to ask again. Notifications claimed without admission are sent even if this
 * isolate knows that the callback fails: a claim cannot be undone, and costs one try.
 */
import type { Admission, AdmissionRequest, Claim, AttemptOutcome } from '../rpc/delivery.ts'
import { type BreakerCache, type Destination, toDestination } from './breaker-cache.ts'
import { isCallbackFailure } from './failure-kinds.ts'
import { parseRefText, type ObjectRef } from '../lib/incarnation.ts'
import { Semaphore } from './semaphore.ts'
import { MAX_TOKEN_WAIT_MS } from './token-bucket.ts'
import type { BreakerStatus, DeliveryReport, AdmissionDecision } from '../rpc/callback.ts'
import type { OrUnknown } from '../rpc/known.ts'

/** The platform's limit of simultaneous connections per invocation. */
export const MAX_CONNECTIONS = 6

/** How long a doorbell is worked on, ms. After that the instance sends another one for what is still due. */
export const MAX_DOORBELL_MS = 10_000

/** Pauses between the attempts of a settle, ms. Together shorter than a lease: after that the delivery is repeated. */
const SETTLE_BACKOFF_MS: readonly number[] = [100, 400, 1_600, 5_000]

/** The shortest wait before the next request for admission, ms. */
const MIN_WAIT_MS = 50

/** Dependencies of deliveries. */
export interface DeliveryPorts {
	claim(
		instanceId: number,
		limit: number,
		admission?: Admission,
	): Promise<OrUnknown<{ claims: Claim[]; more: boolean; asks: AdmissionRequest[] }>>
	/** The instance sends no doorbell for this subscription until then. */
	park(instanceId: number, subscription: number, untilMs: number): Promise<OrUnknown<'ok'>>
	/** `more`: claim further notifications, returned in `next`. */
	settle(
		instanceId: number,
		notificationId: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): Promise<OrUnknown<{ next: Claim[]; retryAtMs: number | null }>>
	/** The object of a callback. Any call may fail: then notifications are sent without admission. */
	callback(destination: Destination): {
		admit(instanceId: number, request: AdmissionRequest, limit: number): Promise<AdmissionDecision>
		report(instanceId: number, delivery: DeliveryReport): Promise<BreakerStatus>
		giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void>
	}
	/** This isolate's cache of circuit breakers. */
	breakerCache: BreakerCache
	/** One attempt. Never throws. */
	post(instanceId: number, claim: Claim): Promise<AttemptOutcome>
	/** Epoch ms. */
	now(): number
	sleep(ms: number): Promise<void>
	/** Structured log; never given secrets, bodies or URLs. */
	log(event: string, fields: Record<string, string | number | boolean | null>): void
}

/** The instance of a doorbell; null when the message is not a doorbell. */
export function parseDoorbellInstance(message: unknown): ObjectRef | null {
	if (typeof message !== 'object' || message === null) return null
	const { version, instance, incarnation } = message as Record<string, unknown>
	if (version !== 1 || typeof instance !== 'number' || !Number.isSafeInteger(instance) || instance <= 0) return null
	return incarnation === undefined || incarnation === String(instance)
		? { id: instance, incarnation: String(instance) }
		: parseRefText(`${instance}.${typeof incarnation === 'string' ? incarnation : ''}`)
}

/**
 * Handles the doorbells of one invocation. Each instance has its own share of the connections, so that a slow callback
 * delays no other instance; several doorbells of an instance count as one. Never throws.
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
 * Handles one doorbell with at most `concurrency` POSTs at a time. Never throws: what fails is due again when its lease
 * ends. Claims only what it can send at once, since a lease begins with the claim.
 */
async function handleDoorbell(
	instanceId: number,
	concurrency: number,
	connections: Semaphore,
	ports: DeliveryPorts,
): Promise<void> {
	const endMs = ports.now() + MAX_DOORBELL_MS
	await new DoorbellHandler(instanceId, concurrency, endMs, connections, ports).handle()
}

/** The work on one doorbell. */
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

	/** Claims wait for a connection too: with more doorbells than connections a claim's lease would run out unused. */
	async #claim(limit: number, admission?: Admission): ReturnType<DeliveryPorts['claim']> {
		return await this.#connections.run(() => this.#ports.claim(this.#instanceId, limit, admission))
	}

	/** Delivers a claim, and the claims that its settle returns. */
	async #deliverClaim(claim: Claim, admitted: boolean): Promise<void> {
		let next: Claim[] = []
		try {
			next = await this.#semaphore.run(() => this.#sendAndSettle(claim, admitted))
		} catch (error) {
			// It is due again when its lease ends.
			this.#ports.log('delivery.attempt-failed', {
				instance: this.#instanceId,
				notification: claim.notificationId,
				attempt: claim.attempt,
				error: toErrorName(error),
			})
		}
		await Promise.all(next.map((nextClaim) => this.#deliverClaim(nextClaim, false)))
	}

	/**
	 * Requests admission for a subscription, and delivers, while there is more. True: the subscription has more and needs
	 * no admission any longer.
	 */
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

	/** One request and its deliveries. Returns the next request, or whether there is more that needs no admission. */
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
		// A closed breaker counts nothing but the tokens of a rate.
		if (claims.length < permits && (!closed || request.rate !== null))
			await this.#releasePermits(request, permits - claims.length)
		await Promise.all(claims.map((claim) => this.#deliverClaim(claim, !closed)))
		if (claimed === 'unknown' || claims.length === 0 || !this.#hasTimeLeft()) return false
		if (!claimed.more || (closed && request.rate === null)) return claimed.more
		// The outcomes may have changed the next request.
		const next = await this.#claim(0)
		return (
			next !== 'unknown' && (next.asks.find((nextRequest) => nextRequest.subscription === subscription) ?? next.more)
		)
	}

	/** Decides by the cache where it can; admits the request when the callback's object cannot be reached. */
	async #requestAdmission(request: AdmissionRequest): Promise<AdmissionDecision> {
		const ports = this.#ports
		const destination = toDestination(request)
		const unrestricted = {
			permits: Math.min(request.wanted, this.#concurrency),
			fromMs: ports.now(),
			only: null,
			untilMs: null,
		}
		// The tokens of a rate are counted in the object only.
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

	/** POSTs and settles one claim; returns the next claims. `admitted`: the callback's object expects a report. */
	async #sendAndSettle(claim: Claim, admitted: boolean): Promise<Claim[]> {
		const ports = this.#ports
		const outcome = await this.#connections.run(async () => {
			// The lease ended while this waited: another consumer has the notification, and a second POST would repeat it.
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
	 * Settles an attempt, with retries: only this consumer knows that the notification was delivered. Null: the instance
	 * could not be reached, and the notification is due again when its lease ends.
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

	/** Reports an outcome to the callback's object: one that it expects, a failure, or the first success after it. */
	async #report(claim: Claim, outcome: AttemptOutcome, admitted: boolean, nextMs: number | null): Promise<void> {
		const ports = this.#ports
		const destination = toDestination(claim)
		const failed = isCallbackFailure(outcome)
		if (failed) ports.breakerCache.markFailed(destination)
		else if (outcome.notSent === true) {
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

	/** Returns permits to the callback's object. Permits that do not arrive expire with their lease. */
	async #releasePermits(
		target: Pick<AdmissionRequest, 'organizationId' | 'organizationIncarnation' | 'url' | 'subscription' | 'rate'>,
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

/** The name of an exception for logs: its message may quote what must not be logged. */
function toErrorName(error: unknown): string {
	return error instanceof Error ? error.name : 'unknown'
}

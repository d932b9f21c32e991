/**
 * What a consumer does with a doorbell: claim, POST, settle, go on (design, The way of a change, 5 and 6; Ringing). Written against an
 * interface, so that crashes, slow callbacks and lost answers are tested in plain Node.
 */
import type { Claim, Known, Outcome } from '../watcher/rpc.ts'

/** The platform's limit of simultaneous connections of an invocation. */
export const CONNECTIONS = 6

/** How long a doorbell is followed, ms. After that the instance rings again for what is still due. */
export const DOORBELL_LIFE_MS = 10_000

/** Pauses between the tries of a settle, ms. Short of the lease: a delivery that cannot be told is repeated when that ends. */
export const SETTLE_PAUSES_MS: readonly number[] = [100, 400, 1_600, 5_000]

/** What delivering needs of the world. */
export interface DeliveryPorts {
	claim(instanceId: number, limit: number): Promise<Known<{ claims: Claim[]; more: boolean }>>
	/** `more`: whether further claims are wanted in `next`. */
	settle(instanceId: number, notificationId: number, attempt: number, outcome: Outcome, more: boolean): Promise<Known<{ next: Claim[] }>>
	/** One attempt; its end is always an outcome. */
	post(instanceId: number, claim: Claim): Promise<Outcome>
	/** Epoch ms. */
	now(): number
	sleep(ms: number): Promise<void>
	/** Structured log; never given secrets, bodies or URLs. */
	log(event: string, fields: Record<string, string | number | boolean | null>): void
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
	const young = (): boolean => ports.now() < endMs
	const lane = new Semaphore(lanes)
	const follow = async (claim: Claim): Promise<void> => {
		let next: Claim[] = []
		try {
			next = await lane.run(() => sendOne(instanceId, claim, young, connections, ports))
		} catch (error) {
			// Its lease ends by itself; the others are none the worse.
			ports.log('delivery.attempt-failed', {
				instance: instanceId,
				notification: claim.notificationId,
				attempt: claim.attempt,
				error: errorName(error),
			})
		}
		await Promise.all(next.map(follow))
	}
	try {
		for (;;) {
			// Claiming waits for a connection too: where there are more doorbells than connections, nothing is claimed before its turn.
			const answer = await connections.run(() => ports.claim(instanceId, lanes))
			if (answer === 'unknown' || answer.claims.length === 0) return
			await Promise.all(answer.claims.map(follow))
			if (!answer.more || !young()) return
		}
	} catch (error) {
		ports.log('delivery.failed', { instance: instanceId, error: errorName(error) })
	}
}

/** POSTs and settles one claim; gives what the settle hands back. */
async function sendOne(
	instanceId: number,
	claim: Claim,
	young: () => boolean,
	connections: Semaphore,
	ports: DeliveryPorts,
): Promise<Claim[]> {
	const outcome = await connections.run(async () => {
		// A lease that ran out while this waited is another consumer's by now: a second POST would only be a repeat.
		return ports.now() >= claim.leaseUntilMs ? null : await ports.post(instanceId, claim)
	})
	if (outcome === null) {
		ports.log('delivery.lease-lost', { instance: instanceId, notification: claim.notificationId, attempt: claim.attempt })
		return []
	}
	return await settle(instanceId, claim, outcome, young, ports)
}

/** Settles, again and again when the instance cannot be reached: that it was delivered is a fact, and only this consumer knows it. */
async function settle(instanceId: number, claim: Claim, outcome: Outcome, young: () => boolean, ports: DeliveryPorts): Promise<Claim[]> {
	for (const pauseMs of [...SETTLE_PAUSES_MS, null]) {
		try {
			const answer = await ports.settle(instanceId, claim.notificationId, claim.attempt, outcome, young())
			return answer === 'unknown' ? [] : answer.next
		} catch (error) {
			const told = { instance: instanceId, notification: claim.notificationId, attempt: claim.attempt, last: pauseMs === null }
			ports.log('delivery.settle-failed', { ...told, error: errorName(error) })
			if (pauseMs !== null) await ports.sleep(pauseMs)
		}
	}
	return []
}

/** What a log may say of an exception: its kind. Its text may quote what must not be logged. */
function errorName(error: unknown): string {
	return error instanceof Error ? error.name : 'unknown'
}

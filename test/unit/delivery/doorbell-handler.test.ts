/** Answering doorbells, against an instance that is a few lines of memory and a clock that the test moves. */
import { describe, expect, test } from 'vitest'
import {
	MAX_CONNECTIONS,
	handleDoorbells,
	type DeliveryPorts,
	MAX_DOORBELL_MS,
	parseDoorbellInstance,
} from '../../../src/delivery/doorbell-handler.ts'
import { BreakerCache } from '../../../src/delivery/breaker-cache.ts'
import { Semaphore } from '../../../src/delivery/semaphore.ts'
import { NO_KEY_ROTATION } from '../../../src/delivery/sign.ts'
import type { Claim, AttemptOutcome } from '../../../src/rpc/delivery.ts'

const CLAIM_LEASE_MS = 45_000

/** Lets every promise that can go on go on. */
async function drain(): Promise<void> {
	for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** A world of instances with notifications, callbacks of a given speed, and a clock that jumps to the next timer. */
class World implements DeliveryPorts {
	clockMs = 1_000_000
	/** Due notifications by instance. */
	readonly due = new Map<number, number[]>()
	readonly attempts = new Map<number, { number: number; leaseUntilMs: number }>()
	readonly delivered = new Set<number>()
	readonly posts: { instance: number; notification: number; startMs: number; endMs: number }[] = []
	readonly logs: string[] = []
	readonly moreFlags: boolean[] = []
	/** Ms that a callback takes, by instance. */
	callbackMs = new Map<number, number>()
	/** Settles that fail before they arrive, and whose answers are lost. */
	settleFailures = 0
	lostAnswers = 0
	claimFails = false
	inFlight = 0
	maxInFlight = 0
	#timers: { atMs: number; fire: () => void }[] = []

	now(): number {
		return this.clockMs
	}

	async sleep(ms: number): Promise<void> {
		await new Promise<void>((resolve) => this.#timers.push({ atMs: this.clockMs + ms, fire: resolve }))
	}

	add(instance: number, count: number): void {
		const list = this.due.get(instance) ?? []
		for (let i = 0; i < count; i++) list.push(instance * 1000 + list.length)
		this.due.set(instance, list)
	}

	#take(instance: number, limit: number): Claim[] {
		return (this.due.get(instance) ?? []).splice(0, limit).map((notificationId) => {
			const number = (this.attempts.get(notificationId)?.number ?? 0) + 1
			const leaseUntilMs = this.clockMs + CLAIM_LEASE_MS
			this.attempts.set(notificationId, { number, leaseUntilMs })
			return {
				notificationId,
				subscription: 1,
				organizationId: 1,
				createdMs: 0,
				attempt: number,
				leaseUntilMs,
				url: `https://callback.example/${instance}`,
				body: '{}',
				sealedFor: 'instance',
				configuration: {},
				signature: NO_KEY_ROTATION,
				guarded: false,
				replay: false,
			}
		})
	}

	/** Leases that ran out are due again, as the instance does it. */
	expire(instance: number): void {
		const list = this.due.get(instance) ?? []
		for (const [id, { leaseUntilMs }] of this.attempts) {
			if (
				Math.floor(id / 1000) === instance &&
				leaseUntilMs <= this.clockMs &&
				!this.delivered.has(id) &&
				!list.includes(id)
			)
				list.push(id)
		}
		this.due.set(instance, list)
	}

	async claim(instance: number, limit: number): ReturnType<DeliveryPorts['claim']> {
		if (this.claimFails) throw new Error('unreachable')
		if (!this.due.has(instance)) return 'unknown'
		const claims = this.#take(instance, limit)
		return { claims, more: this.due.get(instance)!.length > 0, asks: [] }
	}

	async settle(
		instance: number,
		notification: number,
		_attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): ReturnType<DeliveryPorts['settle']> {
		if (this.settleFailures > 0) {
			this.settleFailures--
			throw new Error('unreachable')
		}
		this.moreFlags.push(more)
		if (outcome.delivered) this.delivered.add(notification)
		if (this.lostAnswers > 0) {
			this.lostAnswers--
			throw new Error('answer lost')
		}
		return { next: more ? this.#take(instance, 1) : [], retryAtMs: null }
	}

	async park(): ReturnType<DeliveryPorts['park']> {
		throw new Error('nothing was asked for')
	}

	callback(): ReturnType<DeliveryPorts['callback']> {
		throw new Error('a healthy delivery asks nobody')
	}

	readonly breakerCache = new BreakerCache()

	async post(instance: number, claim: Claim): Promise<AttemptOutcome> {
		const startedMs = this.clockMs
		this.inFlight++
		this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
		await this.sleep(this.callbackMs.get(instance) ?? 100)
		this.inFlight--
		this.posts.push({ instance, notification: claim.notificationId, startMs: startedMs, endMs: this.clockMs })
		return {
			delivered: true,
			status: 200,
			error: null,
			retryAfterMs: null,
			durationMs: this.clockMs - startedMs,
			startedMs,
			body: '',
			directive: null,
		}
	}

	log(event: string): void {
		this.logs.push(event)
	}

	/** Runs until the work ends, or dies when `killAtMs` is reached: then nothing of it happens any more. */
	async run(work: Promise<void>, killAtMs = Number.POSITIVE_INFINITY): Promise<'ended' | 'killed'> {
		let ended = false
		void work.then(() => (ended = true))
		for (;;) {
			await drain()
			if (ended) return 'ended'
			this.#timers.sort((a, b) => a.atMs - b.atMs)
			const next = this.#timers.shift()
			if (next === undefined) throw new Error('nothing will ever happen')
			if (next.atMs > killAtMs) {
				this.#timers = []
				this.clockMs = killAtMs
				return 'killed'
			}
			this.clockMs = next.atMs
			next.fire()
		}
	}
}

describe('a doorbell', () => {
	const incarnation = 'a'.repeat(22)
	test.each([
		[{ version: 1, instance: 5 }, '5'],
		[{ version: 1, instance: 5, more: true }, '5'],
		[{ version: 1, instance: 5, incarnation: '5' }, '5'],
		[{ version: 1, instance: 5, incarnation }, incarnation],
	])('%j is understood', (message, expected) => {
		expect(parseDoorbellInstance(message)).toEqual({ id: 5, incarnation: expected })
	})
	test.each([
		null,
		'ring',
		{},
		{ version: 2, instance: 5 },
		{ version: 1 },
		{ version: 1, instance: '5' },
		{ version: 1, instance: 0 },
		{ version: 1, instance: 1.5 },
		{ version: 1, instance: 5, incarnation: '6' },
		{ version: 1, instance: 5, incarnation: 5 },
		{ version: 1, instance: 5, incarnation: '' },
	])('%j is not', (message) => {
		expect(parseDoorbellInstance(message)).toBeNull()
	})

	test('brings everything that is due to the callback, each once', async () => {
		const world = new World()
		world.add(1, 40)
		expect(await world.run(handleDoorbells([1], world))).toBe('ended')
		expect(world.posts.map((post) => post.notification).toSorted((a, b) => a - b)).toEqual(
			Array.from({ length: 40 }, (_, index) => 1000 + index),
		)
		expect(world.delivered.size).toBe(40)
		expect(world.maxInFlight).toBe(MAX_CONNECTIONS)
	})

	test('of an instance that is not there, or has nothing due, ends at once', async () => {
		const world = new World()
		world.add(2, 0)
		await world.run(handleDoorbells([1, 2], world))
		expect(world.posts).toEqual([])
		expect(world.logs).toEqual([])
	})

	test('is followed for 10 s, no longer, and what was claimed by then is finished', async () => {
		const world = new World()
		world.add(1, 500)
		world.callbackMs.set(1, 3_000)
		const startMs = world.clockMs
		await world.run(handleDoorbells([1], world))
		expect(world.clockMs - startMs).toBeLessThanOrEqual(MAX_DOORBELL_MS + 3_000)
		expect(world.posts).toHaveLength(24)
		// Nothing is left claimed: the next doorbell finds all the rest due.
		expect(world.due.get(1)).toHaveLength(500 - 24)
		expect(world.moreFlags.slice(-6)).toEqual([false, false, false, false, false, false])
	})

	test('sent twice is one, in a batch and after another', async () => {
		const world = new World()
		world.add(1, 10)
		await world.run(handleDoorbells([1, 1, 1], world))
		await world.run(handleDoorbells([1], world))
		expect(world.posts).toHaveLength(10)
	})

	test('lost is made up for by the next', async () => {
		const world = new World()
		world.add(1, 3)
		world.add(1, 4)
		await world.run(handleDoorbells([1], world))
		expect(world.delivered.size).toBe(7)
	})
})

describe('several instances at once', () => {
	test('a slow callback delays no other', async () => {
		const world = new World()
		world.add(1, 50)
		world.callbackMs.set(1, 15_000)
		world.add(2, 20)
		world.callbackMs.set(2, 50)
		const startMs = world.clockMs
		await world.run(handleDoorbells([1, 2], world))
		const others = world.posts.filter((post) => post.instance === 2)
		expect(others).toHaveLength(20)
		expect(Math.max(...others.map((post) => post.endMs)) - startMs).toBeLessThan(1_000)
	})

	test.each([1, 2, 3, 4, 5, 6, 9])('%i of them never open more than six connections', async (count) => {
		const world = new World()
		const ids = Array.from({ length: count }, (_, index) => index + 1)
		for (const id of ids) world.add(id, 12)
		await world.run(handleDoorbells(ids, world))
		expect(world.maxInFlight).toBe(MAX_CONNECTIONS)
		expect(world.delivered.size).toBe(12 * count)
	})

	test('no claim outlives its lease while it waits for a connection', async () => {
		const world = new World()
		const ids = Array.from({ length: 6 }, (_, index) => index + 1)
		for (const id of ids) {
			world.add(id, 30)
			world.callbackMs.set(id, 15_000)
		}
		await world.run(handleDoorbells(ids, world))
		expect(world.logs).toEqual([])
		for (const post of world.posts)
			expect(post.endMs).toBeLessThanOrEqual(world.attempts.get(post.notification)!.leaseUntilMs)
	})

	test('one that cannot be reached does not stop the others', async () => {
		const world = new World()
		world.add(2, 3)
		const broken: DeliveryPorts = {
			claim: async (id, limit) =>
				id === 1 ? await Promise.reject(new Error('unreachable')) : await world.claim(id, limit),
			settle: world.settle.bind(world),
			park: world.park.bind(world),
			callback: world.callback.bind(world),
			breakerCache: world.breakerCache,
			post: world.post.bind(world),
			now: world.now.bind(world),
			sleep: world.sleep.bind(world),
			log: world.log.bind(world),
		}
		await world.run(handleDoorbells([1, 2], broken))
		expect(world.delivered.size).toBe(3)
		expect(world.logs).toEqual(['delivery.failed'])
	})
})

describe('settling', () => {
	test('is tried again when it fails: that it was delivered is a fact', async () => {
		const world = new World()
		world.add(1, 1)
		world.settleFailures = 3
		await world.run(handleDoorbells([1], world))
		expect(world.delivered.size).toBe(1)
		expect(world.posts).toHaveLength(1)
		expect(world.logs).toEqual(['delivery.settle-failed', 'delivery.settle-failed', 'delivery.settle-failed'])
	})

	test('may be repeated when its answer was lost', async () => {
		const world = new World()
		world.add(1, 1)
		world.lostAnswers = 1
		await world.run(handleDoorbells([1], world))
		expect(world.delivered.size).toBe(1)
		expect(world.posts).toHaveLength(1)
	})

	test('that fails for good leaves it to the end of the lease: a repeat, no loss', async () => {
		const world = new World()
		world.add(1, 1)
		world.settleFailures = 5
		await world.run(handleDoorbells([1], world))
		expect(world.delivered.size).toBe(0)
		world.clockMs += CLAIM_LEASE_MS
		world.expire(1)
		await world.run(handleDoorbells([1], world))
		expect(world.delivered.size).toBe(1)
		expect(world.posts.map((post) => post.notification)).toEqual([1000, 1000])
	})

	test('of one does not wait for another', async () => {
		const world = new World()
		world.add(1, 2)
		let posts = 0
		const post = world.post.bind(world)
		world.post = async (instance, claim) => {
			world.callbackMs.set(1, posts++ === 0 ? 15_000 : 10)
			return await post(instance, claim)
		}
		const startMs = world.clockMs
		const work = handleDoorbells([1], world)
		expect(await world.run(work, startMs + 1_000)).toBe('killed')
		expect([...world.delivered]).toEqual([1001])
	})
})

test('a consumer that dies between delivery and settle loses nothing', async () => {
	const world = new World()
	world.add(1, 8)
	world.callbackMs.set(1, 1_000)
	// Never settled: every answer of the callback is followed by the end.
	world.settleFailures = Number.POSITIVE_INFINITY
	expect(await world.run(handleDoorbells([1], world), world.clockMs + 1_050)).toBe('killed')
	expect(world.posts).toHaveLength(6)
	world.settleFailures = 0
	world.clockMs += CLAIM_LEASE_MS
	world.expire(1)
	await world.run(handleDoorbells([1], world))
	expect(world.delivered.size).toBe(8)
	expect(world.posts).toHaveLength(6 + 8)
})

test('a post that throws harms only itself', async () => {
	const world = new World()
	world.add(1, 4)
	const post = world.post.bind(world)
	world.post = async (instance, claim) => {
		if (claim.notificationId === 1001) throw new Error('bug')
		return await post(instance, claim)
	}
	await world.run(handleDoorbells([1], world))
	expect([...world.delivered].toSorted((a, b) => a - b)).toEqual([1000, 1002, 1003])
	expect(world.logs).toEqual(['delivery.attempt-failed'])
})

test('a semaphore is first come, first served, and gives its permit back after a throw', async () => {
	const semaphore = new Semaphore(1)
	const order: number[] = []
	const runs = [1, 2, 3].map(
		async (n) =>
			await semaphore.run(async () => {
				order.push(n)
				await drain()
				if (n === 2) throw new Error('two')
			}),
	)
	const results = await Promise.allSettled(runs)
	expect(order).toEqual([1, 2, 3])
	expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

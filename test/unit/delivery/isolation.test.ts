/**
 * Dead, slow and healthy callbacks side by side: consumers and breakers as they are, instances of a few lines, and a clock that jumps to the
 * next timer.
 */
import { describe, expect, test } from 'vitest'
import {
	admit,
	releasePermits,
	getNextWakeMs,
	report,
	selectToNotify as selectDoorbells,
} from '../../../src/delivery/circuit-breaker.ts'
import { initialState, type BreakerState } from '../../../src/delivery/circuit-breaker-state.ts'
import { isCallbackFailure } from '../../../src/delivery/failure-kinds.ts'
import { handleDoorbells, type DeliveryPorts } from '../../../src/delivery/doorbell-handler.ts'
import { BreakerCache, BREAKER_CACHE_TTL_MS } from '../../../src/delivery/breaker-cache.ts'
import { getNextRetryMs } from '../../../src/delivery/schedule.ts'
import type { Admission, AdmissionRequest, Claim, AttemptOutcome } from '../../../src/rpc/delivery.ts'

const selectToNotify = (...of: Parameters<typeof selectDoorbells>) =>
	selectDoorbells(...of).map(({ instance }) => instance)

const SUBSCRIPTION = 1

interface SimulatedNotification {
	id: number
	createdMs: number
	dueMs: number
	leased: boolean
	attempts: number
	firstFailureMs: number
	delivered: boolean
	startedMs: number[]
}

interface SimulatedInstance {
	url: string
	rate: number | null
	guarded: boolean
	parkedMs: number
	lastDoorbellMs: number | null
	notes: SimulatedNotification[]
}

type CallbackAnswer = { status: number; ms: number } | { error: string; ms: number }

const OK: CallbackAnswer = { status: 204, ms: 50 }
const DEAD: CallbackAnswer = { error: 'reset', ms: 10 }
const SLOW: CallbackAnswer = { error: 'timeout', ms: 15_000 }

async function drain(): Promise<void> {
	for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

class Simulation {
	nowMs = 1_800_000_000_000
	readonly instances = new Map<number, SimulatedInstance>()
	readonly breakers = new Map<string, BreakerState>()
	readonly logs: string[] = []
	readonly calls = { admit: 0, report: 0, giveBack: 0, park: 0 }
	breakerCache = new BreakerCache()
	/** Whether the callbacks' objects can be reached. */
	reachable = true
	/** What a callback answers, by its origin. */
	answer: (origin: string) => CallbackAnswer = () => OK
	#timers: { atMs: number; fire: () => void }[] = []

	add(id: number, url: string, rate: number | null = null): SimulatedInstance {
		const instance: SimulatedInstance = { url, rate, guarded: false, parkedMs: 0, lastDoorbellMs: null, notes: [] }
		this.instances.set(id, instance)
		return instance
	}

	/** New notifications, due now. */
	due(id: number, count = 1): void {
		const { notes } = this.instances.get(id)!
		for (let n = 0; n < count; n++) {
			const note = { id: id * 1_000 + notes.length, createdMs: this.nowMs, dueMs: this.nowMs }
			notes.push({ ...note, leased: false, attempts: 0, firstFailureMs: 0, delivered: false, startedMs: [] })
		}
		this.alarm(id)
	}

	after(ms: number, fire: () => void): void {
		this.#timers.push({ atMs: this.nowMs + ms, fire })
	}

	/** Sets the instance's alarm: at its earliest due time, not before its park ends, a doorbell at most every 10 s unless it was answered. */
	alarm(id: number): void {
		const instance = this.instances.get(id)!
		const due = instance.notes.filter((note) => !note.delivered).map((note) => Math.max(note.dueMs, instance.parkedMs))
		if (due.length === 0) return
		const atMs = Math.max(
			Math.min(...due),
			this.nowMs,
			instance.lastDoorbellMs === null ? 0 : instance.lastDoorbellMs + 10_000,
		)
		this.after(atMs - this.nowMs, () => {
			const ready = instance.notes.some(
				(note) => !note.delivered && Math.max(note.dueMs, instance.parkedMs) <= this.nowMs,
			)
			if (!ready || (instance.lastDoorbellMs !== null && this.nowMs < instance.lastDoorbellMs + 10_000)) return
			instance.lastDoorbellMs = this.nowMs
			this.sendDoorbell(id)
			this.alarm(id)
		})
	}

	sendDoorbell(id: number): void {
		void handleDoorbells([id], this.ports())
	}

	async advance(ms: number): Promise<void> {
		const endMs = this.nowMs + ms
		for (;;) {
			await drain()
			this.#timers.sort((a, b) => a.atMs - b.atMs)
			const [timer] = this.#timers
			const wakes = [...this.breakers.values()].flatMap((state) => getNextWakeMs(state, this.nowMs) ?? [])
			const wakeMs = Math.max(this.nowMs + 1, Math.min(...wakes))
			if (Math.min(timer?.atMs ?? Number.POSITIVE_INFINITY, wakeMs) > endMs) break
			if (timer !== undefined && timer.atMs <= wakeMs) {
				this.#timers.shift()
				this.nowMs = Math.max(this.nowMs, timer.atMs)
				timer.fire()
			} else {
				this.nowMs = wakeMs
				for (const state of this.breakers.values())
					for (const id of selectToNotify(state, this.nowMs)) this.sendDoorbell(id)
			}
		}
		this.nowMs = endMs
	}

	ports(): DeliveryPorts {
		const sleep = (ms: number): Promise<void> => new Promise((resolve) => this.after(ms, resolve))
		const callObject = <T>(call: keyof Simulation['calls'], body: () => T): T => {
			this.calls[call]++
			if (!this.reachable) throw new Error('unreachable')
			return body()
		}
		return {
			claim: async (id, limit, admission) => this.#claim(id, limit, admission),
			park: async (id, _subscription, untilMs) => {
				this.calls.park++
				this.instances.get(id)!.parkedMs = untilMs
				this.instances.get(id)!.lastDoorbellMs = null
				this.alarm(id)
				return 'ok'
			},
			settle: async (id, notificationId, _attempt, outcome, more) => {
				const instance = this.instances.get(id)!
				const note = instance.notes.find((candidate) => candidate.id === notificationId)!
				note.leased = false
				if (outcome.delivered) note.delivered = true
				else {
					instance.guarded ||= isCallbackFailure(outcome)
					note.firstFailureMs ||= this.nowMs
					const failed = {
						attempt: note.attempts,
						firstFailureMs: note.firstFailureMs,
						nowMs: this.nowMs,
						retryAfterMs: null,
						random: 0.5,
					}
					note.dueMs = getNextRetryMs({ schedule: 'standard', ...failed }) ?? Number.POSITIVE_INFINITY
				}
				const next = more ? this.#claim(id, 1).claims : []
				this.alarm(id)
				return { next, retryAtMs: outcome.delivered ? null : note.dueMs }
			},
			callback: ({ organization, origin }) => {
				const name = `${organization} ${origin}`
				const state = this.breakers.get(name) ?? initialState()
				this.breakers.set(name, state)
				return {
					admit: async (id, request, limit) =>
						callObject('admit', () => admit(state, id, request, limit, this.nowMs, 0.5)),
					report: async (id, delivery) => callObject('report', () => report(state, id, delivery, this.nowMs)),
					giveBack: async (id, subscription, rate, permits) =>
						callObject('giveBack', () => releasePermits(state, id, subscription, rate, permits, this.nowMs)),
				}
			},
			breakerCache: this.breakerCache,
			post: async (id, claim) => {
				const startedMs = this.nowMs
				this.instances
					.get(id)!
					.notes.find((note) => note.id === claim.notificationId)!
					.startedMs.push(startedMs)
				const answer = this.answer(new URL(claim.url).origin)
				await sleep(answer.ms)
				const rest = { retryAfterMs: null, durationMs: answer.ms, startedMs, body: '', directive: null }
				return 'status' in answer
					? { delivered: answer.status < 300, status: answer.status, error: null, ...rest }
					: { delivered: false, status: null, error: answer.error, ...rest }
			},
			now: () => this.nowMs,
			sleep,
			log: (event) => {
				this.logs.push(event)
			},
		}
	}

	#claim(
		id: number,
		limit: number,
		admission?: Admission,
	): { claims: Claim[]; more: boolean; asks: AdmissionRequest[] } {
		const instance = this.instances.get(id)!
		const due = instance.notes.filter((note) => !note.delivered && note.dueMs <= this.nowMs)
		const isGuarded = instance.guarded || instance.rate !== null
		const common = { subscription: SUBSCRIPTION, organizationId: 1, url: instance.url }
		if (admission === undefined && isGuarded) {
			const oldest = instance.notes.find((note) => !note.delivered && note.dueMs <= this.nowMs + 3_600_000)
			if (due.length === 0 || oldest === undefined) return { claims: [], more: false, asks: [] }
			const { id: notificationId, createdMs, dueMs } = oldest
			return {
				claims: [],
				more: false,
				asks: [{ ...common, rate: instance.rate, oldest: { notificationId, createdMs, dueMs }, wanted: due.length }],
			}
		}
		if (admission !== undefined) {
			if (admission.closed) instance.guarded = false
			instance.parkedMs = 0
		}
		const mine = due.filter((note) => admission === undefined || admission.only === null || admission.only === note.id)
		const claims = mine.slice(0, Math.min(limit, admission?.permits ?? limit)).map((note): Claim => {
			const leaseUntilMs = this.nowMs + 45_000
			note.dueMs = leaseUntilMs
			note.leased = true
			const rest = {
				body: '{}',
				configuration: {},
				signature: { next: null, fromMs: null },
				sealedFor: 'instance' as const,
				replay: false,
			}
			return {
				...common,
				...rest,
				notificationId: note.id,
				createdMs: note.createdMs,
				attempt: ++note.attempts,
				leaseUntilMs,
				guarded: admission !== undefined,
			}
		})
		const more = due.length > claims.length
		if (!more) instance.lastDoorbellMs = null
		this.alarm(id)
		return { claims, more, asks: [] }
	}

	notes(id: number): SimulatedNotification[] {
		return this.instances.get(id)!.notes
	}

	delivered(id: number): number {
		return this.notes(id).filter((note) => note.delivered).length
	}
}

describe('healthy callbacks', () => {
	test('are never asked for', async () => {
		const town = new Simulation()
		for (let id = 1; id <= 10; id++) town.add(id, `https://${id}.example/hook`)
		for (let round = 0; round < 20; round++) {
			for (let id = 1; id <= 10; id++) town.due(id, 3)
			await town.advance(1_000)
		}
		expect([...town.instances.keys()].map((id) => town.delivered(id))).toEqual(Array(10).fill(60))
		expect(town.calls).toEqual({ admit: 0, report: 0, giveBack: 0, park: 0 })
	})

	test('that answer with a refusal neither', async () => {
		const town = new Simulation()
		town.add(1, 'https://a.example/')
		town.answer = () => ({ status: 404, ms: 10 })
		town.due(1, 20)
		await town.advance(60_000)
		expect(town.calls).toEqual({ admit: 0, report: 0, giveBack: 0, park: 0 })
		expect(town.instances.get(1)!.guarded).toBe(false)
	})

	test('that failed once cost a report, an ask and the report of the success after it', async () => {
		const town = new Simulation()
		town.add(1, 'https://a.example/')
		let posts = 0
		town.answer = () => (posts++ === 0 ? { status: 500, ms: 10 } : OK)
		town.due(1)
		await town.advance(60_000)
		expect(town.delivered(1)).toBe(1)
		expect(town.calls).toEqual({ admit: 1, report: 2, giveBack: 0, park: 0 })
		town.due(1, 30)
		await town.advance(10_000)
		expect(town.delivered(1)).toBe(31)
		expect(town.calls).toEqual({ admit: 1, report: 2, giveBack: 0, park: 0 })
	})

	test('that fail now and then, between successes of anybody, stay closed', async () => {
		const town = new Simulation()
		for (let id = 1; id <= 4; id++) town.add(id, 'https://one.example/hook')
		let posts = 0
		town.answer = () => (posts++ % 10 === 0 ? { status: 503, ms: 10 } : OK)
		for (let round = 0; round < 60; round++) {
			for (let id = 1; id <= 4; id++) town.due(id, 2)
			await town.advance(1_000)
			expect([...town.breakers.values()].map((state) => state.core.phase)).not.toContain('open')
		}
		await town.advance(600_000)
		expect([1, 2, 3, 4].map((id) => town.delivered(id))).toEqual(Array(4).fill(120))
	})
})

describe('a dead callback', () => {
	test('and a slow one delay no other', async () => {
		const town = new Simulation()
		town.answer = (origin) => (origin === 'https://dead.example' ? DEAD : origin === 'https://slow.example' ? SLOW : OK)
		town.add(1, 'https://dead.example/')
		town.add(2, 'https://slow.example/')
		for (let id = 3; id <= 30; id++) town.add(id, `https://healthy-${id}.example/`)
		for (let round = 0; round < 60; round++) {
			for (const id of town.instances.keys()) town.due(id)
			await town.advance(1_000)
		}
		for (let id = 3; id <= 30; id++) {
			expect(town.delivered(id)).toBe(60)
			for (const note of town.notes(id)) expect(note.startedMs[0]! - note.createdMs).toBeLessThanOrEqual(200)
		}
		// Dead: what was on its way when it opened, and then the oldest alone: after 5, 15 and 60 s.
		expect(town.notes(1).reduce((sum, note) => sum + note.attempts, 0)).toBeLessThanOrEqual(11)
		expect(town.notes(1)[0]!.attempts).toBe(3)
		// What waits loses no try.
		expect(
			town
				.notes(1)
				.slice(10)
				.map((note) => note.attempts),
		).toEqual(Array(50).fill(0))
		expect(
			town
				.notes(2)
				.slice(25)
				.map((note) => note.attempts),
		).toEqual(Array(35).fill(0))
	})

	test('is tried one notification at a time, its schedule kept to the moment', async () => {
		const town = new Simulation()
		town.answer = () => DEAD
		town.add(1, 'https://dead.example/')
		town.due(1, 40)
		await town.advance(3_000_000)
		const [oldest, ...others] = town.notes(1)
		// 5 s, 15 s, 1 min, 5 min, 30 min: the next would be two hours away, and another one may find out whether it answers.
		const gaps = oldest!.startedMs.slice(1).map((at, index) => Math.round((at - oldest!.startedMs[index]!) / 1_000))
		expect(gaps).toEqual([5, 15, 60, 300, 1_800])
		expect(others.filter((note) => note.attempts > 1).length).toBeLessThanOrEqual(1)
		expect(others.slice(6).filter((note) => note.attempts > 0).length).toBe(0)
	})

	test('that answers again gets what waits for it, slowly and within seconds', async () => {
		const town = new Simulation()
		let dead = true
		town.answer = () => (dead ? DEAD : OK)
		for (let id = 1; id <= 100; id++) town.add(id, 'https://shared.example/')
		for (let id = 1; id <= 100; id++) town.due(id, 12)
		// The first tries of all, then the oldest alone.
		await town.advance(120_000)
		const before = town.notes(50).map((note) => note.attempts)
		dead = false
		const [oldest] = town.notes(1)
		await town.advance(oldest!.dueMs - town.nowMs + 100)
		expect(oldest!.delivered).toBe(true)
		await town.advance(60_000)
		expect([...town.instances.keys()].map((id) => town.delivered(id))).toEqual(Array(100).fill(12))
		// Nothing was lost while they waited.
		expect(before.reduce((a, b) => a + b)).toBeLessThanOrEqual(12)
		expect([...town.instances.values()].filter((instance) => instance.guarded)).toEqual([])
		expect([...town.breakers.values()].map((state) => [state.core.phase, Object.keys(state.waiting).length])).toEqual([
			['closed', 0],
		])
	})

	test('whose probe is lost with its consumer is tried by another a minute later', async () => {
		const town = new Simulation()
		let dead = true
		town.answer = () => (dead ? DEAD : OK)
		for (let id = 1; id <= 3; id++) town.add(id, 'https://shared.example/')
		for (let id = 1; id <= 3; id++) town.due(id, 4)
		await town.advance(4_900)
		// The oldest instance never comes back.
		town.instances.get(1)!.notes.length = 0
		dead = false
		await town.advance(120_000)
		expect([2, 3].map((id) => town.delivered(id))).toEqual([4, 4])
	})
})

describe('a callback whose object cannot be reached', () => {
	test('is called as if no admission were needed', async () => {
		const town = new Simulation()
		town.reachable = false
		town.add(1, 'https://a.example/')
		town.add(2, 'https://b.example/', 5)
		let posts = 0
		town.answer = () => (posts++ < 6 ? DEAD : OK)
		town.due(1, 20)
		town.due(2, 20)
		await town.advance(60_000)
		expect([town.delivered(1), town.delivered(2)]).toEqual([20, 20])
		expect(town.logs).toContain('callback.unreachable')
		expect(town.calls.park).toBe(0)
	})
})

describe('a rate', () => {
	test('of ten a second is kept by one consumer, that asks twice a second', async () => {
		const town = new Simulation()
		town.add(1, 'https://a.example/', 10)
		town.due(1, 100)
		const beginMs = town.nowMs
		await town.advance(12_000)
		expect(town.delivered(1)).toBe(100)
		const starts = town.notes(1).map((note) => note.startedMs[0]! - beginMs)
		for (const [index, at] of starts.sort((a, b) => a - b).entries())
			expect(index + 1).toBeLessThanOrEqual(10 + at / 100 + 1e-6)
		expect(Math.max(...starts)).toBeLessThanOrEqual(10_500)
		expect(town.calls.admit).toBeLessThanOrEqual(26)
		expect(town.calls.park).toBeLessThanOrEqual(2)
		expect(town.calls.report).toBe(0)
	})

	test('of one in five seconds parks the instance in between', async () => {
		const town = new Simulation()
		town.add(1, 'https://a.example/', 0.2)
		town.due(1, 10)
		const beginMs = town.nowMs
		await town.advance(60_000)
		expect(town.delivered(1)).toBe(10)
		expect(town.notes(1).map((note) => Math.floor((note.startedMs[0]! - beginMs) / 1_000))).toEqual([
			0, 5, 10, 15, 20, 25, 30, 35, 40, 45,
		])
		expect(town.calls.admit).toBeLessThanOrEqual(30)
	})
})

describe('what an isolate has learned', () => {
	test('spares the ask for a callback that has just been found closed, and is old after five seconds', async () => {
		const town = new Simulation()
		for (let id = 1; id <= 3; id++) town.add(id, 'https://shared.example/').guarded = true
		town.due(1)
		await town.advance(100)
		town.due(2)
		await town.advance(100)
		expect(town.calls.admit).toBe(1)
		await town.advance(BREAKER_CACHE_TTL_MS)
		town.due(3)
		await town.advance(100)
		expect(town.calls.admit).toBe(2)
		expect([1, 2, 3].map((id) => [town.delivered(id), town.instances.get(id)!.guarded])).toEqual(
			Array.from({ length: 3 }, () => [1, false]),
		)
	})

	test('is about one organization and one origin', () => {
		const breakerCache = new BreakerCache()
		breakerCache.update({ organization: '1', origin: 'https://a.example' }, { closed: true, news: false }, 0)
		expect(breakerCache.isClosed({ organization: '1', origin: 'https://a.example' }, 1)).toBe(true)
		expect(breakerCache.isClosed({ organization: '2', origin: 'https://a.example' }, 1)).toBe(false)
		expect(breakerCache.isClosed({ organization: '1', origin: 'https://b.example' }, 1)).toBe(false)
		breakerCache.markFailed({ organization: '1', origin: 'https://a.example' })
		expect(breakerCache.isClosed({ organization: '1', origin: 'https://a.example' }, 1)).toBe(false)
		expect(breakerCache.shouldReportNextSuccess({ organization: '1', origin: 'https://a.example' })).toBe(true)
	})
})

test('what could not be sent speaks against no callback, and gives back what it was let through for', async () => {
	const town = new Simulation()
	const instance = town.add(1, 'https://a.example/')
	town.add(2, 'https://a.example/')
	const ports = town.ports()
	const post = ports.post
	const asUnsent = (outcome: AttemptOutcome): AttemptOutcome => ({
		...outcome,
		delivered: false,
		status: null,
		error: 'refused',
		body: 'Not sent: the key does not open',
		notSent: true,
	})
	town.ports = () => ({
		...ports,
		post: async (id, claim) => (id === 1 ? asUnsent(await post(id, claim)) : await post(id, claim)),
	})
	town.due(1, 20)
	await town.advance(1_000)
	expect(instance.guarded).toBe(false)
	expect(town.calls).toEqual({ admit: 0, report: 0, giveBack: 0, park: 0 })
	// In the place of a probe it lets the next one try.
	for (let n = 1; n <= 5; n++)
		report(
			town.breakers.get('1 https://a.example') ?? initialState(),
			9,
			{ subscription: 1, notificationId: n, createdMs: 0, guarded: false, failed: true, nextMs: null },
			town.nowMs,
		)
	town.due(2)
	await town.advance(1_000)
	expect(town.delivered(2)).toBe(1)
})

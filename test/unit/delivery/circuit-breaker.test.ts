/** The breaker of a callback: rule by rule, and then whatever happens to it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	admit,
	IN_FLIGHT_LEASE_MS,
	MAX_CONCURRENCY,
	releasePermits,
	isDisposable,
	getNextWakeMs,
	FAILURE_THRESHOLD,
	MAX_PARK_MS,
	report,
	selectToNotify as selectDoorbells,
} from '../../../src/delivery/circuit-breaker.ts'
import {
	fromStoredCore,
	fromStoredWaiting,
	initialState,
	toStoredCore,
	toStoredWaiting,
	type BreakerState,
} from '../../../src/delivery/circuit-breaker-state.ts'
import { MAX_TOKEN_WAIT_MS } from '../../../src/delivery/token-bucket.ts'
import { isCallbackFailure } from '../../../src/delivery/failure-kinds.ts'
import type { AdmissionRequest } from '../../../src/rpc/delivery.ts'
import { Random } from '../../store/random.ts'
import type { DeliveryReport, AdmissionDecision } from '../../../src/rpc/callback.ts'

const selectToNotify = (...of: Parameters<typeof selectDoorbells>) =>
	selectDoorbells(...of).map(({ instance }) => instance)

const T0 = 1_800_000_000_000
const HOUR_MS = 3_600_000

function createRequest(
	notificationId: number,
	changes: { dueMs?: number; wanted?: number; rate?: number | null; subscription?: number } = {},
): AdmissionRequest {
	return {
		subscription: changes.subscription ?? 1,
		organizationId: 1,
		url: 'https://callback.example/',
		rate: changes.rate ?? null,
		// Ids and times of forming go together: what is older has the smaller id.
		oldest: { notificationId, createdMs: T0 - HOUR_MS + notificationId, dueMs: changes.dueMs ?? T0 },
		wanted: changes.wanted ?? 1,
	}
}

function createReport(
	notificationId: number,
	failed: boolean,
	nextMs: number | null = null,
	guarded = true,
): DeliveryReport {
	return { subscription: 1, notificationId, createdMs: T0 - HOUR_MS + notificationId, guarded, failed, nextMs }
}

/** A breaker that has seen as many failures as open it, of notifications 1 to 5 of instances 1 to 5, tried again in 5 s. */
function createOpenBreaker(now = T0): BreakerState {
	const state = initialState()
	for (let n = 1; n <= FAILURE_THRESHOLD; n++) report(state, n, createReport(n, true, now + 5_000, false), now)
	expect(state.core.phase).toBe('open')
	return state
}

describe('storage', () => {
	test('keeps the keys and phases of earlier versions', () => {
		const core = {
			phase: 'half-open' as const,
			failures: 0,
			concurrency: 4,
			inFlight: [{ instance: 1, subscription: 1, permits: 2, only: null, untilMs: T0 }],
			probe: { key: '1 1', notificationId: 1, sinceMs: T0 },
			buckets: [{ rate: 2, promisedMs: T0, takenMs: T0 }],
			hour: 3,
		}
		const stored = toStoredCore(core)
		expect(stored).toMatchObject({ phase: 'slow', width: 4, flights: core.inFlight, turn: core.probe })
		expect(fromStoredCore(stored)).toEqual(core)
		const open = { ...core, phase: 'open' as const }
		expect(fromStoredCore(toStoredCore(open))).toEqual(open)
	})

	test('keeps the promised tokens of a waiting subscription', () => {
		const state = initialState()
		admit(state, 1, createRequest(1, { rate: 0.01 }), 6, T0, 0)
		admit(state, 2, createRequest(2, { rate: 0.01 }), 6, T0, 0)
		const waiting = state.waiting['2 1']!
		expect(toStoredWaiting(waiting)).toMatchObject({ slot: waiting.reservation, parked: true })
		expect(fromStoredWaiting(toStoredWaiting(waiting))).toEqual(waiting)
	})
})

describe('what speaks against a callback', () => {
	test.each([
		[{ status: null, error: 'timeout' }, true],
		[{ status: null, error: 'refused' }, true],
		[{ status: 500 }, true],
		[{ status: 503 }, true],
		[{ status: 522, error: 'timeout' }, true],
		[{ status: 429 }, true],
		[{ status: 400 }, false],
		[{ status: 404 }, false],
		[{ status: 410 }, false],
		[{ status: 301 }, false],
		[{ status: 200, directive: 'retry' as const }, false],
		[{ status: 200, delivered: true }, false],
		[{ status: null, error: 'refused', notSent: true as const }, false],
		[{ status: 500, body: 'Not sent: says the callback itself' }, true],
	])('%j: %s', (changes, expected) => {
		expect(isCallbackFailure({ delivered: false, ...changes })).toBe(expected)
	})
})

describe('closed', () => {
	test('lets through as much as a consumer can send, and no admission is needed any longer', () => {
		expect(admit(initialState(), 1, createRequest(1, { wanted: 50 }), 6, T0, 0)).toEqual({
			permits: 6,
			fromMs: T0,
			closed: true,
			only: null,
			untilMs: null,
			news: false,
		})
	})

	test('opens after five failures in a row', () => {
		const state = initialState()
		for (let n = 1; n < FAILURE_THRESHOLD; n++)
			expect(report(state, n, createReport(n, true, T0 + 5_000, false), T0)).toEqual({ closed: true, news: true })
		expect(report(state, 9, createReport(9, false, null, false), T0)).toEqual({ closed: true, news: false })
		expect(isDisposable(state, T0)).toBe(true)
		for (let n = 1; n < FAILURE_THRESHOLD; n++) report(state, n, createReport(n, true, T0 + 5_000, false), T0)
		expect(report(state, 5, createReport(5, true, T0 + 5_000, false), T0)).toEqual({ closed: false, news: true })
	})
})

describe('open', () => {
	test('tries the oldest alone, when its own schedule says so; everybody else is sent away for at most an hour', () => {
		const state = createOpenBreaker()
		expect(admit(state, 3, createRequest(3, { dueMs: T0 + 5_000 }), 6, T0 + 1_000, 0.5)).toMatchObject({
			permits: 0,
			closed: false,
		})
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 5_000 }), 6, T0 + 1_000, 0.5)).toMatchObject({
			permits: 0,
			untilMs: T0 + 5_000,
		})
		const away = admit(state, 2, createRequest(2, { dueMs: T0 + 1_000 }), 6, T0 + 5_000, 0.5)
		expect(away).toMatchObject({ permits: 0, untilMs: T0 + 5_000 + MAX_PARK_MS * 0.875 })
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 5_000, wanted: 20 }), 6, T0 + 5_000, 0.5)).toMatchObject({
			permits: 1,
			only: 1,
			closed: false,
		})
		// It is under way: not even its own instance sends another.
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 5_000, wanted: 20 }), 6, T0 + 6_000, 0.5)).toMatchObject({
			permits: 0,
		})
		report(state, 1, createReport(1, true, T0 + 20_000), T0 + 6_000)
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 20_000, wanted: 20 }), 6, T0 + 7_000, 0.5)).toMatchObject({
			permits: 0,
			untilMs: T0 + 20_000,
		})
	})

	test('sends a doorbell to the instance whose turn it is when it does not come by itself, and passes the turn on when it never comes', () => {
		const state = createOpenBreaker()
		// All five come by themselves in 5 s: nobody is rung before.
		expect(selectToNotify(state, T0 + 5_000)).toEqual([])
		for (let n = 2; n <= 5; n++) admit(state, n, createRequest(n, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		expect(getNextWakeMs(state, T0 + 5_000)).toBe(T0 + 7_000)
		expect(selectToNotify(state, T0 + 7_000)).toEqual([1])
		expect(selectToNotify(state, T0 + 8_000)).toEqual([])
		expect(selectToNotify(state, T0 + 17_000)).toEqual([1])
		expect(selectToNotify(state, T0 + 65_000)).toEqual([2])
		expect(admit(state, 2, createRequest(2), 6, T0 + 66_000, 0)).toMatchObject({ permits: 1, only: 2 })
		// A probe that never reports loses its place.
		expect(selectToNotify(state, T0 + 66_000 + IN_FLIGHT_LEASE_MS)).toEqual([3])
	})

	test('an older one takes the turn, and one that is tried no more leaves it', () => {
		const state = createOpenBreaker()
		expect(admit(state, 8, createRequest(0), 6, T0 + 100, 0)).toMatchObject({ permits: 1, only: 0 })
		report(state, 8, createReport(0, true, null), T0 + 200)
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({
			permits: 1,
			only: 1,
		})
	})

	test('one whose next try is more than an hour away does not keep the others waiting', () => {
		const state = createOpenBreaker()
		report(state, 1, createReport(1, true, T0 + 2 * HOUR_MS, false), T0)
		expect(admit(state, 2, createRequest(2, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({
			permits: 1,
			only: 2,
		})
	})

	test('a probe that could not be sent gives its place to the next', () => {
		const state = createOpenBreaker()
		admit(state, 2, createRequest(2, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 1 })
		releasePermits(state, 1, 1, null, 1, T0 + 5_100)
		expect(selectToNotify(state, T0 + 5_100)).toEqual([2])
	})

	test('two subscriptions of one instance are two that wait', () => {
		const state = createOpenBreaker()
		expect(admit(state, 1, createRequest(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({
			permits: 1,
			only: 1,
		})
		expect(admit(state, 1, createRequest(7, { subscription: 2 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 0 })
	})

	test('is forgotten after a day without requests', () => {
		const state = createOpenBreaker()
		expect(isDisposable(state, T0 + 5_000)).toBe(false)
		expect(isDisposable(state, T0 + 2 * HOUR_MS)).toBe(false)
		expect(isDisposable(state, T0 + 26 * HOUR_MS)).toBe(true)
	})
})

describe('after a success', () => {
	/** Open, with so many instances sent away; then the oldest is delivered. */
	function createRecoveringBreaker(instances: number): BreakerState {
		const state = createOpenBreaker()
		for (let n = 1; n <= instances; n++) admit(state, n, createRequest(n, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		report(state, 1, createReport(1, false), T0 + 5_100)
		return state
	}

	test('one, two, four at a time, those who were sent away first; then all, in waves', () => {
		const state = createRecoveringBreaker(500)
		let now = T0 + 5_100
		let widest = 0
		const notified = new Set<number>()
		for (let concurrency = 1; concurrency < MAX_CONCURRENCY; concurrency *= 2) {
			expect(state.core).toMatchObject({ phase: 'half-open', concurrency })
			const instances = selectToNotify(state, now)
			expect(instances).toHaveLength(concurrency)
			for (const instance of instances) {
				notified.add(instance)
				expect(admit(state, instance, createRequest(instance), 6, now, 0)).toMatchObject({
					permits: 1,
					closed: false,
					only: null,
				})
			}
			expect(admit(state, 600, createRequest(600), 6, now, 0)).toMatchObject({ permits: 0 })
			widest = state.core.inFlight.length
			// Each success doubles: one is enough to go on, the others land without a word.
			report(state, instances[0]!, createReport(instances[0]!, false), (now += 50))
			for (const instance of instances.slice(1)) releasePermits(state, instance, 1, null, 1, now)
		}
		expect(widest).toBe(MAX_CONCURRENCY / 2)
		expect(state.core.phase).toBe('closed')
		for (let waves = 0; getNextWakeMs(state, now) !== null && waves < 10; waves++) {
			now = Math.max(now, getNextWakeMs(state, now)!)
			for (const instance of selectToNotify(state, now)) {
				notified.add(instance)
				expect(admit(state, instance, createRequest(instance), 6, now, 0)).toMatchObject({ permits: 1, closed: true })
			}
		}
		expect(notified.size).toBe(500)
		expect(now - T0).toBeLessThan(15_000)
		expect(isDisposable(state, now)).toBe(true)
	})

	test('a lone instance with a backlog starts slowly too, and is done when nothing of it waits', () => {
		const state = createOpenBreaker()
		for (let n = 2; n <= FAILURE_THRESHOLD; n++) report(state, n, createReport(n, true, null, false), T0)
		admit(state, 1, createRequest(1, { wanted: 5, dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		report(state, 1, createReport(1, false), T0 + 5_100)
		const granted: number[] = []
		let [remaining, now] = [4, T0 + 5_200]
		while (remaining > 0) {
			const decision = admit(state, 1, createRequest(10 - remaining, { wanted: remaining }), 6, now, 0)
			granted.push(decision.permits)
			remaining -= decision.permits
			for (let n = 0; n < decision.permits; n++) report(state, 1, createReport(100 + n, false), (now += 100))
		}
		expect(granted).toEqual([1, 2, 1])
		expect(isDisposable(state, now)).toBe(true)
	})

	test('with nothing waiting it is closed at once', () => {
		const state = createOpenBreaker()
		admit(state, 1, createRequest(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		// The retries of the others are not due yet.
		for (let n = 2; n <= 5; n++) report(state, n, createReport(n, true, T0 + 60_000, false), T0 + 5_000)
		expect(report(state, 1, createReport(1, false), T0 + 5_100)).toEqual({ closed: true, news: false })
		expect(isDisposable(state, T0 + 5_100)).toBe(true)
	})

	test('a failure opens it again', () => {
		const state = createRecoveringBreaker(50)
		const [instance] = selectToNotify(state, T0 + 5_100)
		admit(state, instance!, createRequest(instance!), 6, T0 + 5_200, 0)
		expect(report(state, instance!, createReport(instance!, true, T0 + 10_200), T0 + 5_300)).toEqual({
			closed: false,
			news: true,
		})
		expect(state.core.phase).toBe('open')
		expect(admit(state, 30, createRequest(30), 6, T0 + 5_400, 0)).toMatchObject({ permits: 0 })
	})

	test('an instance that does not answer its doorbell does not hold up the others, and gets two', () => {
		const state = createRecoveringBreaker(3)
		expect(selectToNotify(state, T0 + 5_100)).toEqual([2])
		expect(selectToNotify(state, T0 + 6_000)).toEqual([])
		expect(selectToNotify(state, T0 + 15_100)).toEqual([3])
		expect(selectToNotify(state, T0 + 25_100)).toEqual([3])
		expect(selectToNotify(state, T0 + 36_000)).toEqual([])
		selectToNotify(state, T0 + 80_000)
		expect(state.core.phase).toBe('closed')
		expect(Object.keys(state.waiting)).toEqual([])
	})
})

describe('a rate', () => {
	test('lets its burst go at once, then some tokens at a time', () => {
		const state = initialState()
		expect(admit(state, 1, createRequest(1, { rate: 10, wanted: 50 }), 6, T0, 0)).toMatchObject({
			permits: 6,
			fromMs: T0,
			closed: true,
			news: false,
		})
		expect(admit(state, 1, createRequest(1, { rate: 10, wanted: 44 }), 6, T0, 0)).toMatchObject({
			permits: 4,
			fromMs: T0,
		})
		expect(admit(state, 1, createRequest(1, { rate: 10, wanted: 40 }), 6, T0, 0)).toMatchObject({
			permits: 5,
			fromMs: T0 + 500,
		})
		expect(admit(state, 1, createRequest(1, { rate: 10, wanted: 35 }), 6, T0 + 500, 0)).toMatchObject({
			permits: 5,
			fromMs: T0 + 1_000,
		})
		expect(isDisposable(state, T0 + 1_000)).toBe(false)
		expect(isDisposable(state, T0 + 2_000)).toBe(true)
	})

	test('slower than a consumer waits is promised, in the order of asking', () => {
		const state = initialState()
		const admitAt = (instance: number, now: number): AdmissionDecision =>
			admit(state, instance, createRequest(instance, { rate: 0.1 }), 6, now, 0)
		expect(admitAt(1, T0)).toMatchObject({ permits: 1, fromMs: T0 })
		expect(admitAt(2, T0)).toMatchObject({ permits: 0, untilMs: T0 + 10_000 })
		expect(admitAt(3, T0)).toMatchObject({ permits: 0, untilMs: T0 + 20_000 })
		expect(admitAt(2, T0 + 5_000)).toMatchObject({ permits: 0, untilMs: T0 + 10_000 })
		// Whoever comes by when the token is there, and was not promised it, does not get it.
		expect(admitAt(4, T0 + 10_000)).toMatchObject({ permits: 0, untilMs: T0 + 30_000 })
		expect(admitAt(2, T0 + 10_000)).toMatchObject({ permits: 1, fromMs: T0 + 10_000 })
		expect(admitAt(3, T0 + 20_000)).toMatchObject({ permits: 1, fromMs: T0 + 20_000 })
		// They come by themselves: nobody rings them.
		expect(getNextWakeMs(state, T0 + 20_000)).toBeNull()
	})

	test('is shared by those that name the same, and not by others', () => {
		const state = initialState()
		expect(admit(state, 1, createRequest(1, { rate: 1 }), 6, T0, 0)).toMatchObject({ permits: 1, fromMs: T0 })
		expect(admit(state, 2, createRequest(2, { rate: 1 }), 6, T0, 0)).toMatchObject({ permits: 1, fromMs: T0 + 1_000 })
		expect(admit(state, 3, createRequest(3, { rate: 2 }), 6, T0, 0)).toMatchObject({ permits: 1, fromMs: T0 })
	})

	test('gets back what was not used', () => {
		const state = initialState()
		admit(state, 1, createRequest(1, { rate: 2, wanted: 2 }), 6, T0, 0)
		releasePermits(state, 1, 1, 2, 2, T0)
		expect(admit(state, 1, createRequest(1, { rate: 2, wanted: 2 }), 6, T0, 0)).toMatchObject({
			permits: 2,
			fromMs: T0,
		})
	})

	test('holds for the probe of an open breaker too', () => {
		const state = createOpenBreaker()
		expect(admit(state, 1, createRequest(1, { rate: 0.01, dueMs: T0 }), 6, T0 + 5_000, 0)).toMatchObject({
			permits: 1,
			only: 1,
		})
		report(state, 1, createReport(1, true, T0 + 10_000), T0 + 5_100)
		expect(admit(state, 1, createRequest(1, { rate: 0.01, dueMs: T0 + 10_000 }), 6, T0 + 10_000, 0)).toMatchObject({
			permits: 0,
			untilMs: T0 + 105_000,
		})
		expect(admit(state, 1, createRequest(1, { rate: 0.01, dueMs: T0 + 10_000 }), 6, T0 + 105_000, 0)).toMatchObject({
			permits: 1,
			only: 1,
		})
	})
})

describe('whatever happens', () => {
	test('tokens never exceed the rate times the time and a burst', () => {
		const step = fc.record({
			pauseMs: fc.integer({ min: 0, max: 3_000 }),
			instance: fc.integer({ min: 1, max: 5 }),
			wanted: fc.integer({ min: 1, max: 30 }),
			unused: fc.integer({ min: 0, max: 3 }),
		})
		fc.assert(
			fc.property(fc.constantFrom(0.05, 0.5, 1, 2.5, 10, 400), fc.array(step, { maxLength: 120 }), (rate, steps) => {
				const state = initialState()
				const sent: { atMs: number; count: number }[] = []
				let now = T0
				for (const { pauseMs, instance, wanted, unused } of steps) {
					now += pauseMs
					const decision = admit(state, instance, createRequest(instance, { rate, wanted }), 6, now, 0)
					expect(decision.fromMs - now).toBeLessThanOrEqual(MAX_TOKEN_WAIT_MS)
					// Sent away is never for good, and what was promised is kept.
					if (decision.permits === 0) expect(decision.untilMs! - now).toBeLessThanOrEqual(MAX_PARK_MS)
					const back = Math.min(unused, decision.permits)
					if (back > 0) releasePermits(state, instance, 1, rate, back, now)
					if (decision.permits > back) sent.push({ atMs: decision.fromMs, count: decision.permits - back })
				}
				sent.sort((a, b) => a.atMs - b.atMs)
				for (const [first, { atMs }] of sent.entries()) {
					let count = 0
					for (const entry of sent.slice(first)) {
						count += entry.count
						expect(count).toBeLessThanOrEqual((rate * (entry.atMs - atMs)) / 1000 + Math.max(1, rate) + 1e-6)
					}
				}
			}),
			{ numRuns: 300 },
		)
	})

	test('everybody who asks gets a token in its turn', () => {
		fc.assert(
			fc.property(
				fc.constantFrom(0.1, 1, 3),
				fc.integer({ min: 1, max: 40 }),
				fc.infiniteStream(fc.nat(5_000)),
				(rate, instances, lateness) => {
					const state = initialState()
					const comesAtMs = new Map(Array.from({ length: instances }, (_, n) => [n + 1, T0]))
					while (comesAtMs.size > 0) {
						const [instance, now] = [...comesAtMs].reduce((a, b) => (b[1] < a[1] ? b : a))
						const decision = admit(state, instance, createRequest(instance, { rate }), 6, now, 0)
						if (decision.permits > 0) comesAtMs.delete(instance)
						else comesAtMs.set(instance, decision.untilMs! + (lateness.next().value as number))
						expect(now - T0).toBeLessThan((instances / rate) * 1000 + 60_000)
					}
				},
			),
			{ numRuns: 100 },
		)
	})

	test('one at a time while open, and everything reaches a callback that answers again', () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 0x7fff_ffff }), (seed) => {
				new Simulation(seed).run()
			}),
			{ numRuns: 150 },
		)
	})
})

/** Seconds between tries, the last one over and over. */
const RETRY_SECONDS = [5, 15, 60, 300, 1_800, 7_200]

interface SimulatedNotification {
	id: number
	instance: number
	dueMs: number
	tries: number
	delivered: boolean
}

/** Instances with one callback that is dead for a while, consumers that die, doorbells that get lost and an object that is evicted. */
class Simulation {
	#now = T0
	#state = initialState()
	readonly #random: Random
	/** What happens when. */
	readonly #timers: { atMs: number; run: () => void }[] = []
	readonly #notifications: SimulatedNotification[] = []
	readonly #instances = new Map<number, { guarded: boolean; parkedMs: number; doorbellMs: number }>()
	/** Probes under way. */
	#probes = 0
	readonly #recoversMs: number
	#wakes = 0
	/** Calls, answers and consumers that were lost since the callback answers again. */
	#losses = 0

	constructor(seed: number) {
		this.#random = new Random(seed)
		this.#recoversMs = T0 + this.#randomBelow(3) * this.#randomBelow(6 * HOUR_MS)
		const instances = 1 + this.#randomBelow(6)
		for (let n = 1; n <= instances; n++) {
			this.#instances.set(n, { guarded: false, parkedMs: 0, doorbellMs: 0 })
			for (let count = this.#randomBelow(12); count >= 0; count--) {
				const id = this.#notifications.length + 1
				// Some come while the callback is dead, some later.
				const dueMs = T0 + this.#randomBelow(2) * this.#randomBelow(8 * HOUR_MS)
				this.#notifications.push({ id, instance: n, dueMs, tries: 0, delivered: false })
			}
		}
	}

	/** A whole number from 0, below the limit. */
	#randomBelow(limit: number): number {
		return this.#random.int(0, limit - 1)
	}

	run(): void {
		// What is there by then was tried at the latest when its own longest step and a parking hour were over; what gets lost on the way costs such an hour at most.
		const endMs = Math.max(this.#recoversMs, T0 + 8 * HOUR_MS) + 7_200_000 + MAX_PARK_MS + 20 * IN_FLIGHT_LEASE_MS
		const lossMs = MAX_PARK_MS + IN_FLIGHT_LEASE_MS
		for (const n of this.#instances.keys()) this.#alarm(n)
		for (let guard = 0; this.#timers.length > 0 && guard < 20_000; guard++) {
			this.#timers.sort((a, b) => a.atMs - b.atMs)
			const { atMs, run } = this.#timers.shift()!
			this.#now = Math.max(this.#now, atMs)
			run()
			expect(this.#probes).toBeLessThanOrEqual(1)
			if (this.#notifications.every((notification) => notification.delivered)) return
			expect(this.#now).toBeLessThan(endMs + this.#losses * lossMs)
		}
		expect(this.#notifications.filter((notification) => !notification.delivered)).toEqual([])
	}

	#after(ms: number, run: () => void): void {
		this.#timers.push({ atMs: this.#now + ms, run })
	}

	/** The alarm of an instance: at its earliest due time, not before its park ends. */
	#alarm(n: number): void {
		const instance = this.#instances.get(n)!
		const due = this.#notifications
			.filter((notification) => notification.instance === n && !notification.delivered)
			.map((notification) => notification.dueMs)
		if (due.length === 0) return
		const atMs = Math.max(Math.min(...due), instance.parkedMs, this.#now)
		if (instance.doorbellMs > this.#now && instance.doorbellMs <= atMs) return
		instance.doorbellMs = atMs
		this.#timers.push({
			atMs,
			run: () => {
				if (instance.doorbellMs !== atMs) return
				instance.doorbellMs = 0
				this.#doorbell(n)
				// Nobody may have heard it.
				this.#after(10_000, () => this.#alarm(n))
			},
		})
	}

	#doorbell(n: number): void {
		if (this.#randomBelow(10) > 0) this.#after(this.#randomBelow(500), () => this.#consume(n))
	}

	#consume(n: number): void {
		const instance = this.#instances.get(n)!
		const own = this.#notifications.filter((notification) => notification.instance === n && !notification.delivered)
		const due = own.filter((notification) => notification.dueMs <= this.#now)
		if (due.length === 0) return
		if (!instance.guarded) {
			for (const notification of due.slice(0, 6)) this.#post(notification, false, false)
			return
		}
		const oldest = own.find((notification) => notification.dueMs <= this.#now + MAX_PARK_MS) ?? own[0]!
		const decision = this.#call((state) =>
			admit(
				state,
				n,
				createRequest(oldest.id, { dueMs: oldest.dueMs, wanted: due.length }),
				6,
				this.#now,
				this.#randomBelow(1_000) / 1_000,
			),
		)
		if (decision === null) return
		if (decision.permits === 0) {
			instance.parkedMs = decision.untilMs!
			this.#alarm(n)
			return
		}
		instance.parkedMs = 0
		if (decision.closed) instance.guarded = false
		const mine = due
			.filter((notification) => decision.only === null || notification.id === decision.only)
			.slice(0, decision.permits)
		if (mine.length < decision.permits)
			this.#call((state) => releasePermits(state, n, 1, null, decision.permits - mine.length, this.#now))
		for (const notification of mine) this.#post(notification, !decision.closed, decision.only !== null)
	}

	/** A claim and its POST; one consumer in eight dies of it. */
	#post(notification: SimulatedNotification, guarded: boolean, probe: boolean): void {
		notification.dueMs = this.#now + 45_000
		const tookMs = this.#randomBelow(15_000)
		const dies = this.#randomBelow(8) === 0
		if (probe) this.#probes++
		this.#after(tookMs, () => {
			if (probe) this.#probes--
			const failed = this.#now < this.#recoversMs
			if (dies) {
				this.#recordLoss()
				return this.#alarm(notification.instance)
			}
			notification.delivered ||= !failed
			if (failed) {
				this.#instances.get(notification.instance)!.guarded = true
				notification.dueMs = this.#now + RETRY_SECONDS[Math.min(notification.tries++, RETRY_SECONDS.length - 1)]! * 1000
			}
			const nextMs = failed ? notification.dueMs : null
			if (guarded || failed)
				this.#call((state) =>
					report(state, notification.instance, createReport(notification.id, failed, nextMs, guarded), this.#now),
				)
			this.#alarm(notification.instance)
		})
	}

	/** A call to the object: some do not arrive, the answers of others get lost. */
	#call<T>(body: (state: BreakerState) => T): T | null {
		if (this.#randomBelow(20) === 0) return this.#recordLoss()
		const answer = this.#callObject(body)
		return this.#randomBelow(20) === 0 ? this.#recordLoss() : answer
	}

	#recordLoss(): null {
		if (this.#now >= this.#recoversMs) this.#losses++
		return null
	}

	/** What the object does. Now and then it is evicted: then only what is stored is left. Its alarm is never lost. */
	#callObject<T>(body: (state: BreakerState) => T): T {
		const answer = body(this.#state)
		const atMs = getNextWakeMs(this.#state, this.#now)
		if (this.#randomBelow(10) === 0) {
			const { core, waiting } = this.#state
			this.#state = JSON.parse(JSON.stringify({ core, waiting, notified: {} })) as BreakerState
		}
		const wakes = ++this.#wakes
		if (atMs !== null) {
			this.#after(Math.max(1, atMs - this.#now), () => {
				if (wakes === this.#wakes)
					for (const n of this.#callObject((state) => selectToNotify(state, this.#now))) this.#doorbell(n)
			})
		}
		return answer
	}
}

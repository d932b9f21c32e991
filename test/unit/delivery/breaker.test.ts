/** The breaker of a callback: rule by rule, and then whatever happens to it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
	admit,
	FLIGHT_MS,
	FULL_WIDTH,
	giveBack,
	needless,
	nextWake,
	OPENS_AT,
	PARK_MS,
	report,
	wake,
} from '../../../src/delivery/breaker.ts'
import { fresh, type State } from '../../../src/delivery/breaker-state.ts'
import { SHORT_WAIT_MS } from '../../../src/delivery/token-bucket.ts'
import { breaks } from '../../../src/delivery/classify.ts'
import type { Ask } from '../../../src/rpc/delivery.ts'
import { Random } from '../../store/random.ts'
import type { Told, Verdict } from '../../../src/rpc/callback.ts'

const T0 = 1_800_000_000_000
const HOUR = 3_600_000

function ask(notificationId: number, changes: { dueMs?: number; wanted?: number; rate?: number | null; subscription?: number } = {}): Ask {
	return {
		subscription: changes.subscription ?? 1,
		organizationId: 1,
		url: 'https://callback.example/',
		rate: changes.rate ?? null,
		// Ids and times of forming go together: what is older has the smaller id.
		oldest: { notificationId, createdMs: T0 - HOUR + notificationId, dueMs: changes.dueMs ?? T0 },
		wanted: changes.wanted ?? 1,
	}
}

function told(notificationId: number, failed: boolean, nextMs: number | null = null, guarded = true): Told {
	return { subscription: 1, notificationId, createdMs: T0 - HOUR + notificationId, guarded, failed, nextMs }
}

/** A breaker that has seen as many failures as open it, of notifications 1 to 5 of instances 1 to 5, tried again in 5 s. */
function opened(now = T0): State {
	const state = fresh()
	for (let n = 1; n <= OPENS_AT; n++) report(state, n, told(n, true, now + 5_000, false), now)
	expect(state.core.phase).toBe('open')
	return state
}

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
		[{ status: null, error: 'refused', body: 'Not sent: the request could not be made' }, false],
		[{ status: 500, body: 'Not sent: says the callback itself' }, true],
	])('%j: %s', (changes, expected) => {
		expect(breaks({ delivered: false, body: '', ...changes })).toBe(expected)
	})
})

describe('closed', () => {
	test('lets through as much as a consumer can send, and nobody need ask any longer', () => {
		expect(admit(fresh(), 1, ask(1, { wanted: 50 }), 6, T0, 0)).toEqual({
			permits: 6,
			fromMs: T0,
			closed: true,
			only: null,
			untilMs: null,
			news: false,
		})
	})

	test('opens after five failures in a row', () => {
		const state = fresh()
		for (let n = 1; n < OPENS_AT; n++) expect(report(state, n, told(n, true, T0 + 5_000, false), T0)).toEqual({ closed: true, news: true })
		expect(report(state, 9, told(9, false, null, false), T0)).toEqual({ closed: true, news: false })
		expect(needless(state, T0)).toBe(true)
		for (let n = 1; n < OPENS_AT; n++) report(state, n, told(n, true, T0 + 5_000, false), T0)
		expect(report(state, 5, told(5, true, T0 + 5_000, false), T0)).toEqual({ closed: false, news: true })
	})
})

describe('open', () => {
	test('tries the oldest alone, when its own schedule says so; everybody else is sent away for at most an hour', () => {
		const state = opened()
		expect(admit(state, 3, ask(3, { dueMs: T0 + 5_000 }), 6, T0 + 1_000, 0.5)).toMatchObject({ permits: 0, closed: false })
		expect(admit(state, 1, ask(1, { dueMs: T0 + 5_000 }), 6, T0 + 1_000, 0.5)).toMatchObject({ permits: 0, untilMs: T0 + 5_000 })
		const away = admit(state, 2, ask(2, { dueMs: T0 + 1_000 }), 6, T0 + 5_000, 0.5)
		expect(away).toMatchObject({ permits: 0, untilMs: T0 + 5_000 + PARK_MS * 0.875 })
		expect(admit(state, 1, ask(1, { dueMs: T0 + 5_000, wanted: 20 }), 6, T0 + 5_000, 0.5)).toMatchObject({
			permits: 1,
			only: 1,
			closed: false,
		})
		// It is under way: not even its own instance sends another.
		expect(admit(state, 1, ask(1, { dueMs: T0 + 5_000, wanted: 20 }), 6, T0 + 6_000, 0.5)).toMatchObject({ permits: 0 })
		report(state, 1, told(1, true, T0 + 20_000), T0 + 6_000)
		expect(admit(state, 1, ask(1, { dueMs: T0 + 20_000, wanted: 20 }), 6, T0 + 7_000, 0.5)).toMatchObject({
			permits: 0,
			untilMs: T0 + 20_000,
		})
	})

	test('rings who has the turn when it does not come by itself, and passes the turn on when it never comes', () => {
		const state = opened()
		// All five come by themselves in 5 s: nobody is rung before.
		expect(wake(state, T0 + 5_000)).toEqual([])
		for (let n = 2; n <= 5; n++) admit(state, n, ask(n, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		expect(nextWake(state, T0 + 5_000)).toBe(T0 + 7_000)
		expect(wake(state, T0 + 7_000)).toEqual([1])
		expect(wake(state, T0 + 8_000)).toEqual([])
		expect(wake(state, T0 + 17_000)).toEqual([1])
		expect(wake(state, T0 + 65_000)).toEqual([2])
		expect(admit(state, 2, ask(2), 6, T0 + 66_000, 0)).toMatchObject({ permits: 1, only: 2 })
		// A probe that never reports loses its place.
		expect(wake(state, T0 + 66_000 + FLIGHT_MS)).toEqual([3])
	})

	test('an older one takes the turn, and one that is tried no more leaves it', () => {
		const state = opened()
		expect(admit(state, 8, ask(0), 6, T0 + 100, 0)).toMatchObject({ permits: 1, only: 0 })
		report(state, 8, told(0, true, null), T0 + 200)
		expect(admit(state, 1, ask(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 1, only: 1 })
	})

	test('one whose next try is more than an hour away does not keep the others waiting', () => {
		const state = opened()
		report(state, 1, told(1, true, T0 + 2 * HOUR, false), T0)
		expect(admit(state, 2, ask(2, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 1, only: 2 })
	})

	test('a probe that could not be sent gives its place to the next', () => {
		const state = opened()
		admit(state, 2, ask(2, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		expect(admit(state, 1, ask(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 1 })
		giveBack(state, 1, 1, null, 1, T0 + 5_100)
		expect(wake(state, T0 + 5_100)).toEqual([2])
	})

	test('two subscriptions of one instance are two that wait', () => {
		const state = opened()
		expect(admit(state, 1, ask(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 1, only: 1 })
		expect(admit(state, 1, ask(7, { subscription: 2 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 0 })
	})

	test('is forgotten when nobody has come for a day', () => {
		const state = opened()
		expect(needless(state, T0 + 5_000)).toBe(false)
		expect(needless(state, T0 + 2 * HOUR)).toBe(false)
		expect(needless(state, T0 + 26 * HOUR)).toBe(true)
	})
})

describe('after a success', () => {
	/** Open, with so many instances sent away; then the oldest is delivered. */
	function recovering(instances: number): State {
		const state = opened()
		for (let n = 1; n <= instances; n++) admit(state, n, ask(n, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		report(state, 1, told(1, false), T0 + 5_100)
		return state
	}

	test('one, two, four at a time, those who were sent away first; then all, in waves', () => {
		const state = recovering(500)
		let now = T0 + 5_100
		let widest = 0
		const rung = new Set<number>()
		for (let width = 1; width < FULL_WIDTH; width *= 2) {
			expect(state.core).toMatchObject({ phase: 'slow', width })
			const instances = wake(state, now)
			expect(instances).toHaveLength(width)
			for (const one of instances) {
				rung.add(one)
				expect(admit(state, one, ask(one), 6, now, 0)).toMatchObject({ permits: 1, closed: false, only: null })
			}
			expect(admit(state, 600, ask(600), 6, now, 0)).toMatchObject({ permits: 0 })
			widest = state.core.flights.length
			// Each success doubles: one is enough to go on, the others land without a word.
			report(state, instances[0]!, told(instances[0]!, false), (now += 50))
			for (const one of instances.slice(1)) giveBack(state, one, 1, null, 1, now)
		}
		expect(widest).toBe(FULL_WIDTH / 2)
		expect(state.core.phase).toBe('closed')
		for (let waves = 0; nextWake(state, now) !== null && waves < 10; waves++) {
			now = Math.max(now, nextWake(state, now)!)
			for (const one of wake(state, now)) {
				rung.add(one)
				expect(admit(state, one, ask(one), 6, now, 0)).toMatchObject({ permits: 1, closed: true })
			}
		}
		expect(rung.size).toBe(500)
		expect(now - T0).toBeLessThan(15_000)
		expect(needless(state, now)).toBe(true)
	})

	test('a lone instance with a backlog starts slowly too, and is done when nothing of it waits', () => {
		const state = opened()
		for (let n = 2; n <= OPENS_AT; n++) report(state, n, told(n, true, null, false), T0)
		admit(state, 1, ask(1, { wanted: 5, dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		report(state, 1, told(1, false), T0 + 5_100)
		const granted: number[] = []
		let [left, now] = [4, T0 + 5_200]
		while (left > 0) {
			const verdict = admit(state, 1, ask(10 - left, { wanted: left }), 6, now, 0)
			granted.push(verdict.permits)
			left -= verdict.permits
			for (let n = 0; n < verdict.permits; n++) report(state, 1, told(100 + n, false), (now += 100))
		}
		expect(granted).toEqual([1, 2, 1])
		expect(needless(state, now)).toBe(true)
	})

	test('with nobody waiting it is closed at once', () => {
		const state = opened()
		admit(state, 1, ask(1, { dueMs: T0 + 5_000 }), 6, T0 + 5_000, 0)
		// The retries of the others are not due yet.
		for (let n = 2; n <= 5; n++) report(state, n, told(n, true, T0 + 60_000, false), T0 + 5_000)
		expect(report(state, 1, told(1, false), T0 + 5_100)).toEqual({ closed: true, news: false })
		expect(needless(state, T0 + 5_100)).toBe(true)
	})

	test('a failure opens it again', () => {
		const state = recovering(50)
		const [one] = wake(state, T0 + 5_100)
		admit(state, one!, ask(one!), 6, T0 + 5_200, 0)
		expect(report(state, one!, told(one!, true, T0 + 10_200), T0 + 5_300)).toEqual({ closed: false, news: true })
		expect(state.core.phase).toBe('open')
		expect(admit(state, 30, ask(30), 6, T0 + 5_400, 0)).toMatchObject({ permits: 0 })
	})

	test('who does not answer the ring does not hold up the others, and is rung twice', () => {
		const state = recovering(3)
		expect(wake(state, T0 + 5_100)).toEqual([2])
		expect(wake(state, T0 + 6_000)).toEqual([])
		expect(wake(state, T0 + 15_100)).toEqual([3])
		expect(wake(state, T0 + 25_100)).toEqual([3])
		expect(wake(state, T0 + 36_000)).toEqual([])
		wake(state, T0 + 80_000)
		expect(state.core.phase).toBe('closed')
		expect(Object.keys(state.waiters)).toEqual([])
	})
})

describe('a rate', () => {
	test('lets its burst go at once, then some tokens at a time', () => {
		const state = fresh()
		expect(admit(state, 1, ask(1, { rate: 10, wanted: 50 }), 6, T0, 0)).toMatchObject({ permits: 6, fromMs: T0, closed: true, news: false })
		expect(admit(state, 1, ask(1, { rate: 10, wanted: 44 }), 6, T0, 0)).toMatchObject({ permits: 4, fromMs: T0 })
		expect(admit(state, 1, ask(1, { rate: 10, wanted: 40 }), 6, T0, 0)).toMatchObject({ permits: 5, fromMs: T0 + 500 })
		expect(admit(state, 1, ask(1, { rate: 10, wanted: 35 }), 6, T0 + 500, 0)).toMatchObject({ permits: 5, fromMs: T0 + 1_000 })
		expect(needless(state, T0 + 1_000)).toBe(false)
		expect(needless(state, T0 + 2_000)).toBe(true)
	})

	test('slower than a consumer waits is promised, in the order of asking', () => {
		const state = fresh()
		const at = (instance: number, now: number): Verdict => admit(state, instance, ask(instance, { rate: 0.1 }), 6, now, 0)
		expect(at(1, T0)).toMatchObject({ permits: 1, fromMs: T0 })
		expect(at(2, T0)).toMatchObject({ permits: 0, untilMs: T0 + 10_000 })
		expect(at(3, T0)).toMatchObject({ permits: 0, untilMs: T0 + 20_000 })
		expect(at(2, T0 + 5_000)).toMatchObject({ permits: 0, untilMs: T0 + 10_000 })
		// Whoever comes by when the token is there, and was not promised it, does not get it.
		expect(at(4, T0 + 10_000)).toMatchObject({ permits: 0, untilMs: T0 + 30_000 })
		expect(at(2, T0 + 10_000)).toMatchObject({ permits: 1, fromMs: T0 + 10_000 })
		expect(at(3, T0 + 20_000)).toMatchObject({ permits: 1, fromMs: T0 + 20_000 })
		// They come by themselves: nobody rings them.
		expect(nextWake(state, T0 + 20_000)).toBeNull()
	})

	test('is shared by those that name the same, and not by others', () => {
		const state = fresh()
		expect(admit(state, 1, ask(1, { rate: 1 }), 6, T0, 0)).toMatchObject({ permits: 1, fromMs: T0 })
		expect(admit(state, 2, ask(2, { rate: 1 }), 6, T0, 0)).toMatchObject({ permits: 1, fromMs: T0 + 1_000 })
		expect(admit(state, 3, ask(3, { rate: 2 }), 6, T0, 0)).toMatchObject({ permits: 1, fromMs: T0 })
	})

	test('gets back what was not used', () => {
		const state = fresh()
		admit(state, 1, ask(1, { rate: 2, wanted: 2 }), 6, T0, 0)
		giveBack(state, 1, 1, 2, 2, T0)
		expect(admit(state, 1, ask(1, { rate: 2, wanted: 2 }), 6, T0, 0)).toMatchObject({ permits: 2, fromMs: T0 })
	})

	test('holds for the probe of an open breaker too', () => {
		const state = opened()
		expect(admit(state, 1, ask(1, { rate: 0.01, dueMs: T0 }), 6, T0 + 5_000, 0)).toMatchObject({ permits: 1, only: 1 })
		report(state, 1, told(1, true, T0 + 10_000), T0 + 5_100)
		expect(admit(state, 1, ask(1, { rate: 0.01, dueMs: T0 + 10_000 }), 6, T0 + 10_000, 0)).toMatchObject({
			permits: 0,
			untilMs: T0 + 105_000,
		})
		expect(admit(state, 1, ask(1, { rate: 0.01, dueMs: T0 + 10_000 }), 6, T0 + 105_000, 0)).toMatchObject({ permits: 1, only: 1 })
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
				const state = fresh()
				const sent: { atMs: number; count: number }[] = []
				let now = T0
				for (const { pauseMs, instance, wanted, unused } of steps) {
					now += pauseMs
					const verdict = admit(state, instance, ask(instance, { rate, wanted }), 6, now, 0)
					expect(verdict.fromMs - now).toBeLessThanOrEqual(SHORT_WAIT_MS)
					// Sent away is never for good, and what was promised is kept.
					if (verdict.permits === 0) expect(verdict.untilMs! - now).toBeLessThanOrEqual(PARK_MS)
					const back = Math.min(unused, verdict.permits)
					if (back > 0) giveBack(state, instance, 1, rate, back, now)
					if (verdict.permits > back) sent.push({ atMs: verdict.fromMs, count: verdict.permits - back })
				}
				sent.sort((a, b) => a.atMs - b.atMs)
				for (const [first, { atMs }] of sent.entries()) {
					let count = 0
					for (const one of sent.slice(first)) {
						count += one.count
						expect(count).toBeLessThanOrEqual((rate * (one.atMs - atMs)) / 1000 + Math.max(1, rate) + 1e-6)
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
					const state = fresh()
					const comes = new Map(Array.from({ length: instances }, (_, n) => [n + 1, T0]))
					while (comes.size > 0) {
						const [instance, now] = [...comes].reduce((a, b) => (b[1] < a[1] ? b : a))
						const verdict = admit(state, instance, ask(instance, { rate }), 6, now, 0)
						if (verdict.permits > 0) comes.delete(instance)
						else comes.set(instance, verdict.untilMs! + (lateness.next().value as number))
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
				new Town(seed).live()
			}),
			{ numRuns: 150 },
		)
	})
})

/** Seconds between tries, the last one over and over. */
const STEPS = [5, 15, 60, 300, 1_800, 7_200]

interface TownNotification {
	id: number
	instance: number
	dueMs: number
	tries: number
	delivered: boolean
}

/** Instances with one callback that is dead for a while, consumers that die, doorbells that get lost and an object that is evicted. */
class Town {
	#now = T0
	#state = fresh()
	readonly #random: Random
	/** What happens when. */
	readonly #agenda: { atMs: number; what: () => void }[] = []
	readonly #notifications: TownNotification[] = []
	readonly #instances = new Map<number, { guarded: boolean; parkedMs: number; ringsAt: number }>()
	/** Probes under way. */
	#probes = 0
	readonly #healsMs: number
	#wakes = 0
	/** Calls, answers and consumers that were lost since the callback answers again. */
	#losses = 0

	constructor(seed: number) {
		this.#random = new Random(seed)
		this.#healsMs = T0 + this.#below(3) * this.#below(6 * HOUR)
		const instances = 1 + this.#below(6)
		for (let n = 1; n <= instances; n++) {
			this.#instances.set(n, { guarded: false, parkedMs: 0, ringsAt: 0 })
			for (let count = this.#below(12); count >= 0; count--) {
				const id = this.#notifications.length + 1
				// Some come while the callback is dead, some later.
				const dueMs = T0 + this.#below(2) * this.#below(8 * HOUR)
				this.#notifications.push({ id, instance: n, dueMs, tries: 0, delivered: false })
			}
		}
	}

	/** A whole number from 0, below the limit. */
	#below(limit: number): number {
		return this.#random.int(0, limit - 1)
	}

	live(): void {
		// What is there by then was tried at the latest when its own longest step and a parking hour were over; what gets lost on the way costs such an hour at most.
		const endMs = Math.max(this.#healsMs, T0 + 8 * HOUR) + 7_200_000 + PARK_MS + 20 * FLIGHT_MS
		const lossMs = PARK_MS + FLIGHT_MS
		for (const n of this.#instances.keys()) this.#alarm(n)
		for (let guard = 0; this.#agenda.length > 0 && guard < 20_000; guard++) {
			this.#agenda.sort((a, b) => a.atMs - b.atMs)
			const { atMs, what } = this.#agenda.shift()!
			this.#now = Math.max(this.#now, atMs)
			what()
			expect(this.#probes).toBeLessThanOrEqual(1)
			if (this.#notifications.every((one) => one.delivered)) return
			expect(this.#now).toBeLessThan(endMs + this.#losses * lossMs)
		}
		expect(this.#notifications.filter((one) => !one.delivered)).toEqual([])
	}

	#later(ms: number, what: () => void): void {
		this.#agenda.push({ atMs: this.#now + ms, what })
	}

	/** The alarm of an instance: at its earliest due time, not before its park ends. */
	#alarm(n: number): void {
		const instance = this.#instances.get(n)!
		const due = this.#notifications.filter((one) => one.instance === n && !one.delivered).map((one) => one.dueMs)
		if (due.length === 0) return
		const atMs = Math.max(Math.min(...due), instance.parkedMs, this.#now)
		if (instance.ringsAt > this.#now && instance.ringsAt <= atMs) return
		instance.ringsAt = atMs
		this.#agenda.push({
			atMs,
			what: () => {
				if (instance.ringsAt !== atMs) return
				instance.ringsAt = 0
				this.#doorbell(n)
				// Nobody may have heard it.
				this.#later(10_000, () => this.#alarm(n))
			},
		})
	}

	#doorbell(n: number): void {
		if (this.#below(10) > 0) this.#later(this.#below(500), () => this.#consume(n))
	}

	#consume(n: number): void {
		const instance = this.#instances.get(n)!
		const own = this.#notifications.filter((one) => one.instance === n && !one.delivered)
		const due = own.filter((one) => one.dueMs <= this.#now)
		if (due.length === 0) return
		if (!instance.guarded) {
			for (const one of due.slice(0, 6)) this.#post(one, false, false)
			return
		}
		const oldest = own.find((one) => one.dueMs <= this.#now + PARK_MS) ?? own[0]!
		const verdict = this.#call((state) =>
			admit(state, n, ask(oldest.id, { dueMs: oldest.dueMs, wanted: due.length }), 6, this.#now, this.#below(1_000) / 1_000),
		)
		if (verdict === null) return
		if (verdict.permits === 0) {
			instance.parkedMs = verdict.untilMs!
			this.#alarm(n)
			return
		}
		instance.parkedMs = 0
		if (verdict.closed) instance.guarded = false
		const mine = due.filter((one) => verdict.only === null || one.id === verdict.only).slice(0, verdict.permits)
		if (mine.length < verdict.permits) this.#call((state) => giveBack(state, n, 1, null, verdict.permits - mine.length, this.#now))
		for (const one of mine) this.#post(one, !verdict.closed, verdict.only !== null)
	}

	/** A claim and its POST; one consumer in eight dies of it. */
	#post(one: TownNotification, guarded: boolean, probe: boolean): void {
		one.dueMs = this.#now + 45_000
		const tookMs = this.#below(15_000)
		const dies = this.#below(8) === 0
		if (probe) this.#probes++
		this.#later(tookMs, () => {
			if (probe) this.#probes--
			const failed = this.#now < this.#healsMs
			if (dies) {
				this.#lose()
				return this.#alarm(one.instance)
			}
			one.delivered ||= !failed
			if (failed) {
				this.#instances.get(one.instance)!.guarded = true
				one.dueMs = this.#now + STEPS[Math.min(one.tries++, STEPS.length - 1)]! * 1000
			}
			const nextMs = failed ? one.dueMs : null
			if (guarded || failed) this.#call((state) => report(state, one.instance, told(one.id, failed, nextMs, guarded), this.#now))
			this.#alarm(one.instance)
		})
	}

	/** A call to the object: some do not arrive, the answers of others get lost. */
	#call<T>(body: (state: State) => T): T | null {
		if (this.#below(20) === 0) return this.#lose()
		const answer = this.#object(body)
		return this.#below(20) === 0 ? this.#lose() : answer
	}

	#lose(): null {
		if (this.#now >= this.#healsMs) this.#losses++
		return null
	}

	/** What the object does. Now and then it is evicted: then only what is stored is left. Its alarm is never lost. */
	#object<T>(body: (state: State) => T): T {
		const answer = body(this.#state)
		const atMs = nextWake(this.#state, this.#now)
		if (this.#below(10) === 0) {
			const { core, waiters } = this.#state
			this.#state = JSON.parse(JSON.stringify({ core, waiters, rung: {} })) as State
		}
		const wakes = ++this.#wakes
		if (atMs !== null) {
			this.#later(Math.max(1, atMs - this.#now), () => {
				if (wakes === this.#wakes) for (const n of this.#object((state) => wake(state, this.#now))) this.#doorbell(n)
			})
		}
		return answer
	}
}

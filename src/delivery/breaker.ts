/**
 * The breaker of one callback: who may be rung, how many at a time, and when the others ask again (design, Ringing: the breaker); rates
 * are the meter's (meter.ts). A state machine over plain JSON that is told the time and chance; the `Callback` object keeps it and sends its rings.
 *
 * A failure in doubt costs time and never a notification: an instance that is sent away comes back by itself when its time is up, and
 * everything that was let through and never came back ends by its lease.
 */
import type { Ask } from '../rpc/delivery.ts'
import type { Core, State, Waiter } from './breaker-state.ts'
import { pay, refund, unfilled } from './token-bucket.ts'
import type { Heard, Told, Verdict } from '../rpc/callback.ts'

/** Failures in a row that open the breaker. */
export const OPENS_AT = 5

/** How many at a time make a slow start a full one. */
export const FULL_WIDTH = 64

/** What was let through and not reported by then is not waited for any longer, ms: a POST's 15 s, its settles and a good rest. */
export const FLIGHT_MS = 60_000

/** The longest that an instance is sent away, ms. Chance takes up to a quarter off, so that they do not return together. */
export const PARK_MS = 3_600_000

/** A notification whose next try is further off does not keep the place of the only one that is tried: others would wait for it in vain. */
const HORIZON_MS = PARK_MS

/** An instance that is expected to ask by itself is rung when it is so late. */
const LATE_MS = 2_000

/** A ring that nobody answered is repeated after this long. */
const RING_AGAIN_MS = 10_000

/** Who has not answered by then is rung no more, and comes by itself: most have heard already that they need not ask. */
const RUNG_MS = 2 * RING_AGAIN_MS

/** When the breaker has closed, those who still wait are rung in waves so far apart. */
const WAVE_MS = 1_000

/** Answers an ask: `limit` is how many its consumer can send at a time. */
export function admit(state: State, instance: number, ask: Ask, limit: number, now: number, random: number): Verdict {
	tidy(state, now)
	const { core } = state
	core.hour = hourOf(now)
	const key = keyOf(instance, ask.subscription)
	const { notificationId, createdMs, dueMs } = ask.oldest
	const waiter: Waiter = {
		instance,
		subscription: ask.subscription,
		notificationId,
		createdMs,
		dueMs,
		wanted: ask.wanted,
		parked: false,
		untilMs: now,
		slot: ask.rate === null ? null : (state.waiters[key]?.slot ?? null),
	}
	state.waiters[key] = waiter
	delete state.rung[key]

	const away = (untilMs: number): Verdict => {
		state.waiters[key] = { ...waiter, parked: true, untilMs, slot: state.waiters[key]!.slot }
		return { permits: 0, fromMs: now, only: null, untilMs, ...heard(core) }
	}
	const room = roomFor(state, key, now)
	if (typeof room === 'object') return away(Math.min(room.untilMs ?? Number.POSITIVE_INFINITY, now + PARK_MS * (1 - random / 4)))
	const want = Math.min(Math.max(1, ask.wanted), Math.max(1, limit), room)
	const { slot, ...paid } =
		ask.rate === null ? { permits: want, fromMs: now, slot: null } : pay(core.buckets, waiter.slot, ask.rate, want, now)
	state.waiters[key] = { ...waiter, slot }
	if (paid.permits === 0) return away(Math.min(paid.fromMs, now + PARK_MS))

	const only = core.phase === 'open' ? notificationId : null
	if (core.phase !== 'closed') {
		core.flights.push({ instance, subscription: ask.subscription, permits: paid.permits, only, untilMs: paid.fromMs + FLIGHT_MS })
	}
	const wanted = ask.wanted - paid.permits
	// While open it keeps its place until its end is known; otherwise it waits only for what is left, and asks for that by itself.
	if (core.phase !== 'open' && (core.phase === 'closed' || wanted === 0)) delete state.waiters[key]
	else state.waiters[key] = { ...waiter, wanted: only === null ? wanted : ask.wanted, untilMs: paid.fromMs + FLIGHT_MS, slot: null }
	return { ...paid, only, untilMs: null, ...heard(core) }
}

/** Takes down how something ended. */
export function report(state: State, instance: number, told: Told, now: number): Heard {
	tidy(state, now)
	const { core } = state
	core.hour = hourOf(now)
	const key = keyOf(instance, told.subscription)
	const waiter = state.waiters[key]
	if (told.guarded) land(core, instance, told.subscription, told.notificationId, 1)
	if (told.failed) {
		core.failures = Math.min(core.failures + 1, OPENS_AT)
		if (core.phase === 'slow' || (core.phase === 'closed' && core.failures >= OPENS_AT)) open(state)
		const own = waiter?.notificationId === told.notificationId
		if (told.nextMs === null) {
			// It is not tried again. What else its instance has, its next ask says.
			if (own) forget(state, key)
		} else if (own || waiter === undefined || older(told, waiter)) {
			const { notificationId, createdMs, nextMs: dueMs } = told
			const { subscription } = told
			const wanted = waiter?.wanted ?? 1
			state.waiters[key] = {
				...{ instance, subscription, notificationId, createdMs, dueMs, wanted },
				...(waiter?.parked === true ? { parked: true, untilMs: waiter.untilMs } : { parked: false, untilMs: dueMs }),
				slot: waiter?.slot ?? null,
			}
		}
		return heard(core)
	}
	if (waiter?.notificationId === told.notificationId) {
		if (waiter.wanted <= 1) forget(state, key)
		else state.waiters[key] = { ...waiter, wanted: waiter.wanted - 1, dueMs: Math.min(waiter.dueMs, now) }
	}
	core.failures = 0
	if (core.phase === 'open') {
		core.phase = 'slow'
		core.width = 1
		core.turn = null
		state.rung = {}
	} else if (core.phase === 'slow') core.width *= 2
	if (core.phase === 'closed' || core.width >= FULL_WIDTH || !anybodyWaits(state, now)) close(state)
	return heard(core)
}

/** Takes back permits that were not used, or that never reached the callback. Whoever did not need them loses its place. */
export function giveBack(state: State, instance: number, subscription: number, rate: number | null, permits: number, now: number): void {
	const { core } = state
	land(core, instance, subscription, null, permits)
	refund(core.buckets, rate, permits)
	forget(state, keyOf(instance, subscription))
	tidy(state, now)
}

/** Whom to ring now. */
export function wake(state: State, now: number): number[] {
	tidy(state, now)
	const { core } = state
	const due = core.phase === 'open' ? turnToRing(state, now) : waitersToRing(state, now)
	for (const [key] of due) state.rung[key] = { firstMs: state.rung[key]?.firstMs ?? now, lastMs: now }
	if (core.phase === 'closed' && due.length > 0) core.width *= 2
	return [...new Set(due.map(([, waiter]) => waiter.instance))]
}

/** When to call `wake` next; null: nobody waits for a ring. */
export function nextWake(state: State, now: number): number | null {
	const { core } = state
	if (core.phase === 'open') {
		if (core.flights.length > 0) return Math.min(...core.flights.map((flight) => flight.untilMs))
		const turn = takeTurn(state, now)
		if (turn === null) return null
		const rung = state.rung[turn.key]
		const endMs = Math.max(readyMs(state.waiters[turn.key]!), turn.sinceMs) + FLIGHT_MS
		return Math.min(endMs, rung === undefined ? ringTurnAt(state, turn) : rung.lastMs + RING_AGAIN_MS)
	}
	const times = core.flights.map((flight) => flight.untilMs)
	const rings = Object.values(state.rung).map((one) => one.lastMs)
	for (const lastMs of rings) times.push(lastMs + RING_AGAIN_MS)
	const unrung = Object.entries(state.waiters).some(([key, waiter]) => ringable(waiter) && state.rung[key] === undefined)
	if (unrung && core.phase === 'closed') times.push(Math.max(now, ...rings.map((lastMs) => lastMs + WAVE_MS)))
	if (unrung && core.phase === 'slow' && roomToRing(state, now) > 0) times.push(now)
	return times.length === 0 ? null : Math.min(...times)
}

/**
 * Whether nobody would miss this state: nothing waits, nothing is under way, every bucket is full, and no failure counts, or nobody has
 * called for a day.
 */
export function needless(state: State, now: number): boolean {
	tidy(state, now)
	const { phase, failures, flights, buckets, hour } = state.core
	if (Object.keys(state.waiters).length > 0 || flights.length > 0 || buckets.length > 0) return false
	return (phase === 'closed' && failures === 0) || hourOf(now) - hour > 24
}

/** How many may go now; or until when whoever asks is sent away (null: until it is rung). */
function roomFor(state: State, key: string, now: number): number | { untilMs: number | null } {
	const { core } = state
	if (core.phase === 'closed') return Number.POSITIVE_INFINITY
	if (core.phase === 'slow') {
		const room = core.width - flying(core)
		return room > 0 ? room : { untilMs: null }
	}
	const turn = takeTurn(state, now)
	if (core.flights.length > 0 || turn?.key !== key) return { untilMs: null }
	const { dueMs } = state.waiters[key]!
	return dueMs <= now ? 1 : { untilMs: dueMs }
}

/** When a waiter can be tried. */
function readyMs(waiter: Waiter): number {
	return Math.max(waiter.dueMs, waiter.slot?.fromMs ?? 0)
}

/** Whose notification is tried while open: the oldest, of those that are due within the hour if there are any. */
function takeTurn(state: State, now: number): Core['turn'] {
	const { core } = state
	let best: [string, Waiter] | null = null
	for (const entry of Object.entries(state.waiters)) if (best === null || goesBefore(entry[1], best[1], now)) best = entry
	if (best === null) core.turn = null
	else if (core.turn?.key !== best[0] || core.turn.notificationId !== best[1].notificationId) {
		core.turn = { key: best[0], notificationId: best[1].notificationId, sinceMs: now }
	}
	return core.turn
}

function goesBefore(one: Waiter, other: Waiter, now: number): boolean {
	const [ready, otherReady] = [readyMs(one), readyMs(other)]
	const near = ready <= now + HORIZON_MS
	if (near !== otherReady <= now + HORIZON_MS) return near
	return near || ready === otherReady ? older(one, other) : ready < otherReady
}

function older(one: { createdMs: number; notificationId: number }, other: { createdMs: number; notificationId: number }): boolean {
	return one.createdMs < other.createdMs || (one.createdMs === other.createdMs && one.notificationId < other.notificationId)
}

/** Who has the turn is rung when it does not ask by itself in time. */
function turnToRing(state: State, now: number): [string, Waiter][] {
	if (state.core.flights.length > 0) return []
	const turn = takeTurn(state, now)
	if (turn === null || now < ringTurnAt(state, turn)) return []
	const rung = state.rung[turn.key]
	return rung !== undefined && now < rung.lastMs + RING_AGAIN_MS ? [] : [[turn.key, state.waiters[turn.key]!]]
}

function ringTurnAt(state: State, turn: NonNullable<Core['turn']>): number {
	const waiter = state.waiters[turn.key]!
	const fromMs = Math.max(readyMs(waiter), turn.sinceMs)
	return waiter.untilMs <= fromMs + LATE_MS ? fromMs + LATE_MS : fromMs
}

/** Those who were sent away, oldest first, as many as there is room for: in a slow start for what it lets through, afterwards in waves. */
function waitersToRing(state: State, now: number): [string, Waiter][] {
	const room = state.core.phase === 'slow' ? roomToRing(state, now) : state.core.width
	return Object.entries(state.waiters)
		.filter(([key, waiter]) => ringable(waiter) && !rungLately(state, key, now))
		.sort(([aKey, a], [bKey, b]) => (state.rung[aKey]?.firstMs ?? 0) - (state.rung[bKey]?.firstMs ?? 0) || (older(a, b) ? -1 : 1))
		.slice(0, Math.max(0, room))
}

/** In a slow start: how many more may be rung, since those who were rung just now are on their way. */
function roomToRing(state: State, now: number): number {
	const coming = Object.keys(state.rung).filter((key) => rungLately(state, key, now)).length
	return state.core.width - flying(state.core) - coming
}

function rungLately(state: State, key: string, now: number): boolean {
	const rung = state.rung[key]
	return rung !== undefined && now < rung.lastMs + RING_AGAIN_MS
}

/** It comes only when it is rung: one whose tokens are on their way comes by itself. */
function ringable(waiter: Waiter): boolean {
	return waiter.parked && waiter.slot === null
}

function anybodyWaits(state: State, now: number): boolean {
	return Object.values(state.waiters).some((waiter) => ringable(waiter) || (waiter.slot === null && waiter.dueMs <= now))
}

function flying(core: Core): number {
	return core.flights.reduce((sum, flight) => sum + flight.permits, 0)
}

/** Permits of an instance are no longer under way. */
function land(core: Core, instance: number, subscription: number, notificationId: number | null, permits: number): void {
	const own = core.flights.filter((flight) => flight.instance === instance && flight.subscription === subscription)
	const flight = own.find(({ only }) => only !== null && only === notificationId) ?? own[0]
	if (flight === undefined) return
	core.flights = core.flights
		.map((one) => (one === flight ? { ...one, permits: one.permits - permits } : one))
		.filter((one) => one.permits > 0)
}

function open(state: State): void {
	state.core.phase = 'open'
	state.core.failures = OPENS_AT
	state.core.turn = null
	state.rung = {}
}

function close(state: State): void {
	const { core } = state
	if (core.phase !== 'closed') core.width = FULL_WIDTH
	core.phase = 'closed'
	core.failures = 0
	core.flights = []
	core.turn = null
	// Those who were not sent away come by themselves.
	for (const [key, waiter] of Object.entries(state.waiters)) if (!waiter.parked) forget(state, key)
}

function forget(state: State, key: string): void {
	delete state.waiters[key]
	delete state.rung[key]
}

/** Ends what never came back: flights by their lease; who was expected and did not ask; full buckets. */
function tidy(state: State, now: number): void {
	const { core } = state
	const lost = core.flights.filter((flight) => flight.untilMs <= now)
	if (lost.length > 0) {
		core.flights = core.flights.filter((flight) => flight.untilMs > now)
		// A probe that never reports loses its place.
		if (core.phase === 'open') for (const flight of lost) forget(state, keyOf(flight.instance, flight.subscription))
	}
	for (const [key, waiter] of Object.entries(state.waiters)) {
		const rung = state.rung[key]
		const gone = Math.max(waiter.untilMs, waiter.slot?.fromMs ?? 0) + FLIGHT_MS <= now
		if (gone || (core.phase !== 'open' && rung !== undefined && rung.firstMs + RUNG_MS <= now)) forget(state, key)
	}
	const { turn } = core
	if (turn !== null) {
		const waiter = state.waiters[turn.key]
		if (waiter?.notificationId !== turn.notificationId) core.turn = null
		else if (core.flights.length === 0 && Math.max(readyMs(waiter), turn.sinceMs) + FLIGHT_MS <= now) {
			forget(state, turn.key)
			core.turn = null
		}
	}
	if (core.phase === 'slow' && core.flights.length === 0 && !anybodyWaits(state, now)) close(state)
	core.buckets = unfilled(core.buckets, now)
}

function heard(core: Core): Heard {
	return { closed: core.phase === 'closed', news: core.phase !== 'closed' || core.failures > 0 }
}

function hourOf(now: number): number {
	return Math.floor(now / 3_600_000)
}

function keyOf(instance: number, subscription: number): string {
	return `${instance} ${subscription}`
}

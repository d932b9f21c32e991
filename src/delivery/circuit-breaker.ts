/**
 * The breaker of one callback: who may be rung, how many at a time, and when the others ask again
 * (docs/architecture.md, Isolation); rates are the meter's (meter.ts). A state machine over plain JSON that is told the
 * time and chance; the `Callback` object keeps it and sends its rings.
 *
 * A failure in doubt costs time and never a notification: an instance that is sent away comes back by itself when its
 * time is up, and everything that was let through and never came back ends by its lease.
 */
import type { AdmissionRequest } from '../rpc/delivery.ts'
import type { BreakerCore, BreakerState, WaitingSubscription } from './circuit-breaker-state.ts'
import { acquire, release, activeBuckets } from './token-bucket.ts'
import type { BreakerStatus, DeliveryReport, AdmissionDecision } from '../rpc/callback.ts'

/** Failures in a row that open the breaker. */
export const FAILURE_THRESHOLD = 5

/** How many at a time make a slow start a full one. */
export const MAX_CONCURRENCY = 64

/**
 * What was let through and not reported by then is not waited for any longer, ms: a POST's 15 s, its settles and a good
 * rest.
 */
export const IN_FLIGHT_LEASE_MS = 60_000

/**
 * The longest that an instance is sent away, ms. Chance takes up to a quarter off, so that they do not return together.
 */
export const MAX_PARK_MS = 3_600_000

/**
 * A notification whose next try is further off does not keep the place of the only one that is tried: others would wait
 * for it in vain.
 */
const PROBE_HORIZON_MS = MAX_PARK_MS

/** An instance that is expected to ask by itself is rung when it is so late. */
const NOTIFY_GRACE_MS = 2_000

/** A ring that nobody answered is repeated after this long. */
const NOTIFY_RETRY_MS = 10_000

/**
 * Who has not answered by then is rung no more, and comes by itself: most have heard already that they need not ask.
 */
const NOTIFIED_EXPIRY_MS = 2 * NOTIFY_RETRY_MS

/** When the breaker has closed, those who still wait are rung in waves so far apart. */
const WAVE_INTERVAL_MS = 1_000

/** Answers an ask: `limit` is how many its consumer can send at a time. */
export function admit(
	state: BreakerState,
	instance: number,
	request: AdmissionRequest,
	limit: number,
	now: number,
	random: number,
): AdmissionDecision {
	expire(state, now)
	const { core } = state
	core.hour = toHour(now)
	const key = toWaitingKey(instance, request.subscription)
	const { notificationId, createdMs, dueMs } = request.oldest
	const waiter: WaitingSubscription = {
		instance,
		subscription: request.subscription,
		notificationId,
		createdMs,
		dueMs,
		wanted: request.wanted,
		parked: false,
		untilMs: now,
		slot: request.rate === null ? null : (state.waiting[key]?.slot ?? null),
	}
	state.waiting[key] = waiter
	delete state.notified[key]

	const park = (untilMs: number): AdmissionDecision => {
		state.waiting[key] = { ...waiter, parked: true, untilMs, slot: state.waiting[key]!.slot }
		return { permits: 0, fromMs: now, only: null, untilMs, ...toBreakerStatus(core) }
	}
	const available = availableFor(state, key, now)
	if (typeof available === 'object')
		return park(Math.min(available.untilMs ?? Number.POSITIVE_INFINITY, now + MAX_PARK_MS * (1 - random / 4)))
	const requested = Math.min(Math.max(1, request.wanted), Math.max(1, limit), available)
	const { slot, ...acquired } =
		request.rate === null
			? { permits: requested, fromMs: now, slot: null }
			: acquire(core.buckets, waiter.slot, request.rate, requested, now)
	state.waiting[key] = { ...waiter, slot }
	if (acquired.permits === 0) return park(Math.min(acquired.fromMs, now + MAX_PARK_MS))

	const only = core.phase === 'open' ? notificationId : null
	if (core.phase !== 'closed') {
		core.flights.push({
			instance,
			subscription: request.subscription,
			permits: acquired.permits,
			only,
			untilMs: acquired.fromMs + IN_FLIGHT_LEASE_MS,
		})
	}
	const wanted = request.wanted - acquired.permits
	// While open it keeps its place until its end is known; otherwise it waits only for what is left, and asks for that by
	// itself.
	if (core.phase !== 'open' && (core.phase === 'closed' || wanted === 0)) delete state.waiting[key]
	else
		state.waiting[key] = {
			...waiter,
			wanted: only === null ? wanted : request.wanted,
			untilMs: acquired.fromMs + IN_FLIGHT_LEASE_MS,
			slot: null,
		}
	return { ...acquired, only, untilMs: null, ...toBreakerStatus(core) }
}

/** Takes down how something ended. */
export function report(state: BreakerState, instance: number, delivery: DeliveryReport, now: number): BreakerStatus {
	expire(state, now)
	const { core } = state
	core.hour = toHour(now)
	const key = toWaitingKey(instance, delivery.subscription)
	const waiter = state.waiting[key]
	if (delivery.guarded) complete(core, instance, delivery.subscription, delivery.notificationId, 1)
	if (delivery.failed) {
		core.failures = Math.min(core.failures + 1, FAILURE_THRESHOLD)
		if (core.phase === 'slow' || (core.phase === 'closed' && core.failures >= FAILURE_THRESHOLD)) openBreaker(state)
		const isOwn = waiter?.notificationId === delivery.notificationId
		if (delivery.nextMs === null) {
			// It is not tried again. What else its instance has, its next ask says.
			if (isOwn) removeWaiting(state, key)
		} else if (isOwn || waiter === undefined || isOlder(delivery, waiter)) {
			const { notificationId, createdMs, nextMs: dueMs } = delivery
			const { subscription } = delivery
			const wanted = waiter?.wanted ?? 1
			state.waiting[key] = {
				...{ instance, subscription, notificationId, createdMs, dueMs, wanted },
				...(waiter?.parked === true ? { parked: true, untilMs: waiter.untilMs } : { parked: false, untilMs: dueMs }),
				slot: waiter?.slot ?? null,
			}
		}
		return toBreakerStatus(core)
	}
	if (waiter?.notificationId === delivery.notificationId) {
		if (waiter.wanted <= 1) removeWaiting(state, key)
		else state.waiting[key] = { ...waiter, wanted: waiter.wanted - 1, dueMs: Math.min(waiter.dueMs, now) }
	}
	core.failures = 0
	if (core.phase === 'open') {
		core.phase = 'slow'
		core.width = 1
		core.turn = null
		state.notified = {}
	} else if (core.phase === 'slow') core.width *= 2
	if (core.phase === 'closed' || core.width >= MAX_CONCURRENCY || !hasWaitingSubscriptions(state, now))
		closeBreaker(state)
	return toBreakerStatus(core)
}

/**
 * Takes back permits that were not used, or that never reached the callback. Whoever did not need them loses its place.
 */
export function releasePermits(
	state: BreakerState,
	instance: number,
	subscription: number,
	rate: number | null,
	permits: number,
	now: number,
): void {
	const { core } = state
	complete(core, instance, subscription, null, permits)
	release(core.buckets, rate, permits)
	removeWaiting(state, toWaitingKey(instance, subscription))
	expire(state, now)
}

/** Whom to ring now. */
export function selectToNotify(state: BreakerState, now: number): number[] {
	expire(state, now)
	const { core } = state
	const due = core.phase === 'open' ? probeToNotify(state, now) : waitingToNotify(state, now)
	for (const [key] of due) state.notified[key] = { firstMs: state.notified[key]?.firstMs ?? now, lastMs: now }
	if (core.phase === 'closed' && due.length > 0) core.width *= 2
	return [...new Set(due.map(([, waiter]) => waiter.instance))]
}

/** When to call `wake` next; null: nobody waits for a ring. */
export function getNextWakeMs(state: BreakerState, now: number): number | null {
	const { core } = state
	if (core.phase === 'open') {
		if (core.flights.length > 0) return Math.min(...core.flights.map((flight) => flight.untilMs))
		const probe = selectProbe(state, now)
		if (probe === null) return null
		const notified = state.notified[probe.key]
		const endMs = Math.max(getReadyMs(state.waiting[probe.key]!), probe.sinceMs) + IN_FLIGHT_LEASE_MS
		return Math.min(endMs, notified === undefined ? probeNotifyMs(state, probe) : notified.lastMs + NOTIFY_RETRY_MS)
	}
	const times = core.flights.map((flight) => flight.untilMs)
	const notifiedTimesMs = Object.values(state.notified).map((entry) => entry.lastMs)
	for (const lastMs of notifiedTimesMs) times.push(lastMs + NOTIFY_RETRY_MS)
	const hasUnnotified = Object.entries(state.waiting).some(
		([key, waiter]) => needsNotification(waiter) && state.notified[key] === undefined,
	)
	if (hasUnnotified && core.phase === 'closed')
		times.push(Math.max(now, ...notifiedTimesMs.map((lastMs) => lastMs + WAVE_INTERVAL_MS)))
	if (hasUnnotified && core.phase === 'slow' && notifyCapacity(state, now) > 0) times.push(now)
	return times.length === 0 ? null : Math.min(...times)
}

/**
 * Whether nobody would miss this state: nothing waits, nothing is under way, every bucket is full, and no failure
 * counts, or nobody has called for a day.
 */
export function isDisposable(state: BreakerState, now: number): boolean {
	expire(state, now)
	const { phase, failures, flights, buckets, hour } = state.core
	if (Object.keys(state.waiting).length > 0 || flights.length > 0 || buckets.length > 0) return false
	return (phase === 'closed' && failures === 0) || toHour(now) - hour > 24
}

/** How many may go now; or until when whoever asks is sent away (null: until it is rung). */
function availableFor(state: BreakerState, key: string, now: number): number | { untilMs: number | null } {
	const { core } = state
	if (core.phase === 'closed') return Number.POSITIVE_INFINITY
	if (core.phase === 'slow') {
		const available = core.width - countInFlight(core)
		return available > 0 ? available : { untilMs: null }
	}
	const probe = selectProbe(state, now)
	if (core.flights.length > 0 || probe?.key !== key) return { untilMs: null }
	const { dueMs } = state.waiting[key]!
	return dueMs <= now ? 1 : { untilMs: dueMs }
}

/** When a waiter can be tried. */
function getReadyMs(waiter: WaitingSubscription): number {
	return Math.max(waiter.dueMs, waiter.slot?.fromMs ?? 0)
}

/** Whose notification is tried while open: the oldest, of those that are due within the hour if there are any. */
function selectProbe(state: BreakerState, now: number): BreakerCore['turn'] {
	const { core } = state
	let best: [string, WaitingSubscription] | null = null
	for (const entry of Object.entries(state.waiting))
		if (best === null || hasPriority(entry[1], best[1], now)) best = entry
	if (best === null) core.turn = null
	else if (core.turn?.key !== best[0] || core.turn.notificationId !== best[1].notificationId) {
		core.turn = { key: best[0], notificationId: best[1].notificationId, sinceMs: now }
	}
	return core.turn
}

function hasPriority(candidate: WaitingSubscription, best: WaitingSubscription, now: number): boolean {
	const [ready, bestReady] = [getReadyMs(candidate), getReadyMs(best)]
	const near = ready <= now + PROBE_HORIZON_MS
	if (near !== bestReady <= now + PROBE_HORIZON_MS) return near
	return near || ready === bestReady ? isOlder(candidate, best) : ready < bestReady
}

function isOlder(
	a: { createdMs: number; notificationId: number },
	b: { createdMs: number; notificationId: number },
): boolean {
	return a.createdMs < b.createdMs || (a.createdMs === b.createdMs && a.notificationId < b.notificationId)
}

/** Who has the turn is rung when it does not ask by itself in time. */
function probeToNotify(state: BreakerState, now: number): [string, WaitingSubscription][] {
	if (state.core.flights.length > 0) return []
	const probe = selectProbe(state, now)
	if (probe === null || now < probeNotifyMs(state, probe)) return []
	const notified = state.notified[probe.key]
	return notified !== undefined && now < notified.lastMs + NOTIFY_RETRY_MS
		? []
		: [[probe.key, state.waiting[probe.key]!]]
}

function probeNotifyMs(state: BreakerState, probe: NonNullable<BreakerCore['turn']>): number {
	const waiter = state.waiting[probe.key]!
	const fromMs = Math.max(getReadyMs(waiter), probe.sinceMs)
	return waiter.untilMs <= fromMs + NOTIFY_GRACE_MS ? fromMs + NOTIFY_GRACE_MS : fromMs
}

/**
 * Those who were sent away, oldest first, as many as there is room for: in a slow start for what it lets through,
 * afterwards in waves.
 */
function waitingToNotify(state: BreakerState, now: number): [string, WaitingSubscription][] {
	const capacity = state.core.phase === 'slow' ? notifyCapacity(state, now) : state.core.width
	return Object.entries(state.waiting)
		.filter(([key, waiter]) => needsNotification(waiter) && !wasNotifiedRecently(state, key, now))
		.sort(
			([aKey, a], [bKey, b]) =>
				(state.notified[aKey]?.firstMs ?? 0) - (state.notified[bKey]?.firstMs ?? 0) || (isOlder(a, b) ? -1 : 1),
		)
		.slice(0, Math.max(0, capacity))
}

/** In a slow start: how many more may be rung, since those who were rung just now are on their way. */
function notifyCapacity(state: BreakerState, now: number): number {
	const pending = Object.keys(state.notified).filter((key) => wasNotifiedRecently(state, key, now)).length
	return state.core.width - countInFlight(state.core) - pending
}

function wasNotifiedRecently(state: BreakerState, key: string, now: number): boolean {
	const notified = state.notified[key]
	return notified !== undefined && now < notified.lastMs + NOTIFY_RETRY_MS
}

/** It comes only when it is rung: one whose tokens are on their way comes by itself. */
function needsNotification(waiter: WaitingSubscription): boolean {
	return waiter.parked && waiter.slot === null
}

function hasWaitingSubscriptions(state: BreakerState, now: number): boolean {
	return Object.values(state.waiting).some(
		(waiter) => needsNotification(waiter) || (waiter.slot === null && waiter.dueMs <= now),
	)
}

function countInFlight(core: BreakerCore): number {
	return core.flights.reduce((sum, flight) => sum + flight.permits, 0)
}

/** Permits of an instance are no longer under way. */
function complete(
	core: BreakerCore,
	instance: number,
	subscription: number,
	notificationId: number | null,
	permits: number,
): void {
	const matching = core.flights.filter((flight) => flight.instance === instance && flight.subscription === subscription)
	const flight = matching.find(({ only }) => only !== null && only === notificationId) ?? matching[0]
	if (flight === undefined) return
	core.flights = core.flights
		.map((candidate) => (candidate === flight ? { ...candidate, permits: candidate.permits - permits } : candidate))
		.filter((candidate) => candidate.permits > 0)
}

function openBreaker(state: BreakerState): void {
	state.core.phase = 'open'
	state.core.failures = FAILURE_THRESHOLD
	state.core.turn = null
	state.notified = {}
}

function closeBreaker(state: BreakerState): void {
	const { core } = state
	if (core.phase !== 'closed') core.width = MAX_CONCURRENCY
	core.phase = 'closed'
	core.failures = 0
	core.flights = []
	core.turn = null
	// Those who were not sent away come by themselves.
	for (const [key, waiter] of Object.entries(state.waiting)) if (!waiter.parked) removeWaiting(state, key)
}

function removeWaiting(state: BreakerState, key: string): void {
	delete state.waiting[key]
	delete state.notified[key]
}

/** Ends what never came back: flights by their lease; who was expected and did not ask; full buckets. */
function expire(state: BreakerState, now: number): void {
	const { core } = state
	const expired = core.flights.filter((flight) => flight.untilMs <= now)
	if (expired.length > 0) {
		core.flights = core.flights.filter((flight) => flight.untilMs > now)
		// A probe that never reports loses its place.
		if (core.phase === 'open')
			for (const flight of expired) removeWaiting(state, toWaitingKey(flight.instance, flight.subscription))
	}
	for (const [key, waiter] of Object.entries(state.waiting)) {
		const notified = state.notified[key]
		const isExpired = Math.max(waiter.untilMs, waiter.slot?.fromMs ?? 0) + IN_FLIGHT_LEASE_MS <= now
		if (isExpired || (core.phase !== 'open' && notified !== undefined && notified.firstMs + NOTIFIED_EXPIRY_MS <= now))
			removeWaiting(state, key)
	}
	const { turn } = core
	if (turn !== null) {
		const waiter = state.waiting[turn.key]
		if (waiter?.notificationId !== turn.notificationId) core.turn = null
		else if (core.flights.length === 0 && Math.max(getReadyMs(waiter), turn.sinceMs) + IN_FLIGHT_LEASE_MS <= now) {
			removeWaiting(state, turn.key)
			core.turn = null
		}
	}
	if (core.phase === 'slow' && core.flights.length === 0 && !hasWaitingSubscriptions(state, now)) closeBreaker(state)
	core.buckets = activeBuckets(core.buckets, now)
}

function toBreakerStatus(core: BreakerCore): BreakerStatus {
	return { closed: core.phase === 'closed', news: core.phase !== 'closed' || core.failures > 0 }
}

function toHour(now: number): number {
	return Math.floor(now / 3_600_000)
}

function toWaitingKey(instance: number, subscription: number): string {
	return `${instance} ${subscription}`
}

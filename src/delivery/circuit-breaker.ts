/**
 * The circuit breaker of one callback: which notifications may be sent, how many at a time, and when the other
 * instances try again (docs/architecture.md, Isolation). A state machine over plain JSON that is given the time and
 * random numbers; the `Callback` object stores it and sends its doorbells. token-bucket.ts has the rates.
 *
 * If it is unclear whether something failed, delivery may be later, but no notification is lost: a parked instance
 * comes back by itself, and permits that are never reported expire with their lease.
 */
import { HOUR_MS } from '../lib/time.ts'
import type { AdmissionRequest } from '../rpc/delivery.ts'
import type { BreakerSummary, BreakerState, Probe, WaitingSubscription } from './circuit-breaker-state.ts'
import { acquire, release, activeBuckets } from './token-bucket.ts'
import type { BreakerStatus, DeliveryReport, AdmissionDecision } from '../rpc/callback.ts'

/** Consecutive failures that open the breaker. */
export const FAILURE_THRESHOLD = 5

/** The concurrency at which a half-open breaker closes. */
export const MAX_CONCURRENCY = 64

/** After this long a granted permit counts as lost, ms: a POST takes 15 s, and its settles follow. */
export const IN_FLIGHT_LEASE_MS = 60_000

/** How long an instance is parked at most, ms. Up to a quarter is taken off at random, so that returns spread out. */
export const MAX_PARK_MS = HOUR_MS

/** A notification whose next try is further away cannot be the probe: the others would wait for it. */
const PROBE_HORIZON_MS = MAX_PARK_MS

/** An instance that is expected to request admission by itself gets a doorbell when it is this late. */
const NOTIFY_GRACE_MS = 2_000

/** A doorbell without a request for admission is repeated after this long. */
const NOTIFY_RETRY_MS = 10_000

/** After this long without a request the instance gets no more doorbells: most have learned that the breaker closed. */
const NOTIFIED_EXPIRY_MS = 2 * NOTIFY_RETRY_MS

/** Time between two waves of doorbells once the breaker has closed. */
const WAVE_INTERVAL_MS = 1_000

/** How many permits are available; or when to try again (null: at the next doorbell). */
type Availability = { ok: true; permits: number } | { ok: false; untilMs: number | null }

/** Decides a request for admission. `limit`: how many notifications the consumer can send at a time. */
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
	const waiting: WaitingSubscription = {
		instance,
		...pickIncarnation(request),
		subscription: request.subscription,
		notificationId,
		createdMs,
		dueMs,
		wanted: request.wanted,
		parked: false,
		untilMs: now,
		reservation: request.rate === null ? null : (state.waiting[key]?.reservation ?? null),
	}
	state.waiting[key] = waiting
	delete state.notified[key]

	const park = (untilMs: number): AdmissionDecision => {
		state.waiting[key] = { ...state.waiting[key]!, parked: true, untilMs }
		return { permits: 0, fromMs: now, only: null, untilMs, ...toBreakerStatus(core) }
	}
	const available = getAvailability(state, key, now)
	if (!available.ok)
		return park(Math.min(available.untilMs ?? Number.POSITIVE_INFINITY, now + MAX_PARK_MS * (1 - random / 4)))
	const requested = Math.min(Math.max(1, request.wanted), Math.max(1, limit), available.permits)
	const { reservation, ...acquired } =
		request.rate === null
			? { permits: requested, fromMs: now, reservation: null }
			: acquire(core.buckets, waiting.reservation, request.rate, requested, now)
	state.waiting[key] = { ...waiting, reservation }
	if (acquired.permits === 0) return park(Math.min(acquired.fromMs, now + MAX_PARK_MS))
	const only = core.phase === 'open' ? notificationId : null
	trackAdmission(state, key, { permits: acquired.permits, only, untilMs: acquired.fromMs + IN_FLIGHT_LEASE_MS })
	return { ...acquired, only, untilMs: null, ...toBreakerStatus(core) }
}

/** Records permits that were granted to a waiting subscription: what is in flight, and what still waits. */
function trackAdmission(
	state: BreakerState,
	key: string,
	{ permits, only, untilMs }: { permits: number; only: number | null; untilMs: number },
): void {
	const { core } = state
	const waiting = state.waiting[key]!
	const { instance, subscription } = waiting
	if (core.phase !== 'closed') core.inFlight.push({ instance, subscription, permits, only, untilMs })
	// A probe keeps its place until its outcome is known. Otherwise only the rest waits, and requests admission by
	// itself.
	const wanted = core.phase === 'open' ? waiting.wanted : waiting.wanted - permits
	if (core.phase === 'closed' || (core.phase === 'half-open' && wanted === 0)) delete state.waiting[key]
	else state.waiting[key] = { ...waiting, wanted, untilMs, reservation: null }
}

/** Records the outcome of a delivery. */
export function report(state: BreakerState, instance: number, delivery: DeliveryReport, now: number): BreakerStatus {
	expire(state, now)
	const { core } = state
	core.hour = toHour(now)
	if (delivery.guarded) complete(core, instance, delivery.subscription, delivery.notificationId, 1)
	if (delivery.failed) recordFailure(state, instance, delivery)
	else recordSuccess(state, instance, delivery, now)
	return toBreakerStatus(core)
}

function recordFailure(state: BreakerState, instance: number, delivery: DeliveryReport): void {
	const { core } = state
	core.failures = Math.min(core.failures + 1, FAILURE_THRESHOLD)
	if (core.phase === 'half-open' || (core.phase === 'closed' && core.failures >= FAILURE_THRESHOLD)) openBreaker(state)
	const { subscription, notificationId, createdMs, nextMs: dueMs } = delivery
	const key = toWaitingKey(instance, subscription)
	const waiting = state.waiting[key]
	const isOwn = waiting?.notificationId === notificationId
	if (dueMs === null) {
		// It is not tried again. The instance names its next notification when it requests admission.
		if (isOwn) removeWaiting(state, key)
	} else if (isOwn || waiting === undefined || isOlder(delivery, waiting)) {
		state.waiting[key] = {
			...{ instance, ...pickIncarnation(delivery), subscription, notificationId, createdMs, dueMs },
			wanted: waiting?.wanted ?? 1,
			...(waiting?.parked === true ? { parked: true, untilMs: waiting.untilMs } : { parked: false, untilMs: dueMs }),
			reservation: waiting?.reservation ?? null,
		}
	}
}

function recordSuccess(state: BreakerState, instance: number, delivery: DeliveryReport, now: number): void {
	const { core } = state
	const key = toWaitingKey(instance, delivery.subscription)
	const waiting = state.waiting[key]
	if (waiting?.notificationId === delivery.notificationId) {
		if (waiting.wanted <= 1) removeWaiting(state, key)
		else state.waiting[key] = { ...waiting, wanted: waiting.wanted - 1, dueMs: Math.min(waiting.dueMs, now) }
	}
	core.failures = 0
	if (core.phase === 'open') {
		core.phase = 'half-open'
		core.concurrency = 1
		core.probe = null
		state.notified = {}
	} else if (core.phase === 'half-open') core.concurrency *= 2
	if (core.phase === 'closed' || core.concurrency >= MAX_CONCURRENCY || !hasWaitingSubscriptions(state, now))
		closeBreaker(state)
}

/** Takes back permits that were not used, or that never reached the callback. The subscription loses its place. */
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

/** The instances that get a doorbell now. */
export function selectToNotify(
	state: BreakerState,
	now: number,
): Pick<WaitingSubscription, 'instance' | 'incarnation'>[] {
	expire(state, now)
	const { core } = state
	const due = core.phase === 'open' ? probeToNotify(state, now) : waitingToNotify(state, now)
	for (const [key] of due) state.notified[key] = { firstMs: state.notified[key]?.firstMs ?? now, lastMs: now }
	if (core.phase === 'closed' && due.length > 0) core.concurrency *= 2
	const instances = due.map(([, waiting]) => ({ instance: waiting.instance, ...pickIncarnation(waiting) }))
	return [...new Map(instances.map((one) => [`${one.instance} ${one.incarnation ?? ''}`, one])).values()]
}

/** When to call `selectToNotify` next; null: no instance waits for a doorbell. */
export function getNextWakeMs(state: BreakerState, now: number): number | null {
	const { core } = state
	if (core.phase === 'open') {
		if (core.inFlight.length > 0) return Math.min(...core.inFlight.map((admission) => admission.untilMs))
		const probe = selectProbe(state, now)
		if (probe === null) return null
		const notified = state.notified[probe.key]
		const endMs = Math.max(getReadyMs(state.waiting[probe.key]!), probe.sinceMs) + IN_FLIGHT_LEASE_MS
		return Math.min(endMs, notified === undefined ? probeNotifyMs(state, probe) : notified.lastMs + NOTIFY_RETRY_MS)
	}
	const times = core.inFlight.map((admission) => admission.untilMs)
	const notifiedTimesMs = Object.values(state.notified).map((entry) => entry.lastMs)
	for (const lastMs of notifiedTimesMs) times.push(lastMs + NOTIFY_RETRY_MS)
	const hasUnnotified = Object.entries(state.waiting).some(
		([key, waiting]) => needsNotification(waiting) && state.notified[key] === undefined,
	)
	if (hasUnnotified && core.phase === 'closed')
		times.push(Math.max(now, ...notifiedTimesMs.map((lastMs) => lastMs + WAVE_INTERVAL_MS)))
	if (hasUnnotified && core.phase === 'half-open' && notifyCapacity(state, now) > 0) times.push(now)
	return times.length === 0 ? null : Math.min(...times)
}

/**
 * Whether the state can be deleted: no subscription waits, nothing is in flight, all buckets are full, and either no
 * failure counts or the last call was more than a day ago.
 */
export function isDisposable(state: BreakerState, now: number): boolean {
	expire(state, now)
	const { phase, failures, inFlight, buckets, hour } = state.core
	if (Object.keys(state.waiting).length > 0 || inFlight.length > 0 || buckets.length > 0) return false
	return (phase === 'closed' && failures === 0) || toHour(now) - hour > 24
}

/** How many permits a waiting subscription can have now. */
function getAvailability(state: BreakerState, key: string, now: number): Availability {
	const { core } = state
	if (core.phase === 'closed') return { ok: true, permits: Number.POSITIVE_INFINITY }
	if (core.phase === 'half-open') {
		const permits = core.concurrency - countInFlight(core)
		return permits > 0 ? { ok: true, permits } : { ok: false, untilMs: null }
	}
	const probe = selectProbe(state, now)
	if (core.inFlight.length > 0 || probe?.key !== key) return { ok: false, untilMs: null }
	const { dueMs } = state.waiting[key]!
	return dueMs <= now ? { ok: true, permits: 1 } : { ok: false, untilMs: dueMs }
}

/** When the notification of a waiting subscription can be tried. */
function getReadyMs(waiting: WaitingSubscription): number {
	return Math.max(waiting.dueMs, waiting.reservation?.fromMs ?? 0)
}

/** Chooses the probe: the oldest notification that is ready within the hour; without one, the first that is ready. */
function selectProbe(state: BreakerState, now: number): Probe | null {
	const { core } = state
	let best: [string, WaitingSubscription] | null = null
	for (const entry of Object.entries(state.waiting))
		if (best === null || hasPriority(entry[1], best[1], now)) best = entry
	if (best === null) core.probe = null
	else if (core.probe?.key !== best[0] || core.probe.notificationId !== best[1].notificationId) {
		core.probe = { key: best[0], notificationId: best[1].notificationId, sinceMs: now }
	}
	return core.probe
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

/** The subscription of the probe, when it did not request admission by itself in time. */
function probeToNotify(state: BreakerState, now: number): [string, WaitingSubscription][] {
	if (state.core.inFlight.length > 0) return []
	const probe = selectProbe(state, now)
	if (probe === null || now < probeNotifyMs(state, probe) || wasNotifiedRecently(state, probe.key, now)) return []
	return [[probe.key, state.waiting[probe.key]!]]
}

function probeNotifyMs(state: BreakerState, probe: Probe): number {
	const waiting = state.waiting[probe.key]!
	const fromMs = Math.max(getReadyMs(waiting), probe.sinceMs)
	return waiting.untilMs <= fromMs + NOTIFY_GRACE_MS ? fromMs + NOTIFY_GRACE_MS : fromMs
}

/** Parked subscriptions, oldest first: half-open as many as can be admitted, closed one wave. */
function waitingToNotify(state: BreakerState, now: number): [string, WaitingSubscription][] {
	const capacity = state.core.phase === 'half-open' ? notifyCapacity(state, now) : state.core.concurrency
	return Object.entries(state.waiting)
		.filter(([key, waiting]) => needsNotification(waiting) && !wasNotifiedRecently(state, key, now))
		.sort(
			([aKey, a], [bKey, b]) =>
				(state.notified[aKey]?.firstMs ?? 0) - (state.notified[bKey]?.firstMs ?? 0) || (isOlder(a, b) ? -1 : 1),
		)
		.slice(0, Math.max(0, capacity))
}

/** How many more subscriptions a half-open breaker can notify: those notified just now will take permits. */
function notifyCapacity(state: BreakerState, now: number): number {
	const pending = Object.keys(state.notified).filter((key) => wasNotifiedRecently(state, key, now)).length
	return state.core.concurrency - countInFlight(state.core) - pending
}

function wasNotifiedRecently(state: BreakerState, key: string, now: number): boolean {
	const notified = state.notified[key]
	return notified !== undefined && now < notified.lastMs + NOTIFY_RETRY_MS
}

/** A subscription with promised tokens comes back by itself. */
function needsNotification(waiting: WaitingSubscription): boolean {
	return waiting.parked && waiting.reservation === null
}

function hasWaitingSubscriptions(state: BreakerState, now: number): boolean {
	return Object.values(state.waiting).some(
		(waiting) => needsNotification(waiting) || (waiting.reservation === null && waiting.dueMs <= now),
	)
}

function countInFlight(core: BreakerSummary): number {
	return core.inFlight.reduce((sum, admission) => sum + admission.permits, 0)
}

/** Takes permits of a subscription out of `inFlight`; those of the notification's own probe where there is one. */
function complete(
	core: BreakerSummary,
	instance: number,
	subscription: number,
	notificationId: number | null,
	permits: number,
): void {
	const matching = core.inFlight.filter(
		(candidate) => candidate.instance === instance && candidate.subscription === subscription,
	)
	const admission = matching.find(({ only }) => only !== null && only === notificationId) ?? matching[0]
	if (admission === undefined) return
	core.inFlight = core.inFlight
		.map((candidate) => (candidate === admission ? { ...candidate, permits: candidate.permits - permits } : candidate))
		.filter((candidate) => candidate.permits > 0)
}

function openBreaker(state: BreakerState): void {
	state.core.phase = 'open'
	state.core.failures = FAILURE_THRESHOLD
	state.core.probe = null
	state.notified = {}
}

function closeBreaker(state: BreakerState): void {
	const { core } = state
	if (core.phase !== 'closed') core.concurrency = MAX_CONCURRENCY
	core.phase = 'closed'
	core.failures = 0
	core.inFlight = []
	core.probe = null
	// Subscriptions that are not parked request admission by themselves.
	for (const [key, waiting] of Object.entries(state.waiting)) if (!waiting.parked) removeWaiting(state, key)
}

function removeWaiting(state: BreakerState, key: string): void {
	delete state.waiting[key]
	delete state.notified[key]
}

/** Drops what is over: permits past their lease, subscriptions that did not come back, full buckets. */
function expire(state: BreakerState, now: number): void {
	const { core } = state
	const expired = core.inFlight.filter((admission) => admission.untilMs <= now)
	if (expired.length > 0) {
		core.inFlight = core.inFlight.filter((admission) => admission.untilMs > now)
		// A probe without a report loses its place.
		if (core.phase === 'open')
			for (const { instance, subscription } of expired) removeWaiting(state, toWaitingKey(instance, subscription))
	}
	for (const [key, waiting] of Object.entries(state.waiting)) {
		const notified = state.notified[key]
		const isExpired = Math.max(waiting.untilMs, waiting.reservation?.fromMs ?? 0) + IN_FLIGHT_LEASE_MS <= now
		if (isExpired || (core.phase !== 'open' && notified !== undefined && notified.firstMs + NOTIFIED_EXPIRY_MS <= now))
			removeWaiting(state, key)
	}
	expireProbe(state, now)
	if (core.phase === 'half-open' && core.inFlight.length === 0 && !hasWaitingSubscriptions(state, now))
		closeBreaker(state)
	core.buckets = activeBuckets(core.buckets, now)
}

/** A probe that was not requested in time loses its place, so that the next oldest notification is tried. */
function expireProbe(state: BreakerState, now: number): void {
	const { core } = state
	const { probe } = core
	if (probe === null) return
	const waiting = state.waiting[probe.key]
	if (waiting?.notificationId !== probe.notificationId) core.probe = null
	else if (core.inFlight.length === 0 && Math.max(getReadyMs(waiting), probe.sinceMs) + IN_FLIGHT_LEASE_MS <= now) {
		removeWaiting(state, probe.key)
		core.probe = null
	}
}

function toBreakerStatus(core: BreakerSummary): BreakerStatus {
	return { closed: core.phase === 'closed', news: core.phase !== 'closed' || core.failures > 0 }
}

function toHour(now: number): number {
	return Math.floor(now / HOUR_MS)
}

function pickIncarnation({ incarnation }: { incarnation?: string }): { incarnation?: string } {
	return incarnation === undefined ? {} : { incarnation }
}

function toWaitingKey(instance: number, subscription: number): string {
	return `${instance} ${subscription}`
}

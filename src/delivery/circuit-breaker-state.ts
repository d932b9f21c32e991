/**
 * The state of a callback's circuit breaker (circuit-breaker.ts), in memory and as it is stored: plain JSON. Times
 * epoch ms.
 */
import type { TokenBucket, Reservation } from './token-bucket.ts'

/** A subscription with a notification that waits for its callback, after a request for admission or a failure. */
export interface WaitingSubscription {
	instance: number
	/** Of the instance; absent: its id as text. */
	incarnation?: string
	subscription: number
	/** The oldest notification of the instance. */
	notificationId: number
	createdMs: number
	dueMs: number
	/** How many notifications of the instance are due. */
	wanted: number
	/** Refused: the instance sends nothing before `untilMs` unless it gets a doorbell. */
	parked: boolean
	/** When the instance requests admission without a doorbell, at the latest. */
	untilMs: number
	/** Tokens promised to the subscription. */
	reservation: Reservation | null
}

/** Permits granted to a subscription whose outcomes are not reported yet. */
interface InFlightAdmission {
	instance: number
	subscription: number
	permits: number
	/** The notification of a probe; null: any. */
	only: number | null
	untilMs: number
}

/** The notification that is tried alone while the breaker is open. */
export interface Probe {
	/** The key of its subscription in `BreakerState.waiting`. */
	key: string
	notificationId: number
	sinceMs: number
}

/** The small part of the state, stored as one row. */
export interface BreakerSummary {
	/** `half-open`: the callback has answered again, and each success doubles `concurrency`. */
	phase: 'closed' | 'open' | 'half-open'
	/** Consecutive failures. */
	failures: number
	/** Half-open: how many may be in flight. Closed: how many subscriptions the next wave of doorbells has. */
	concurrency: number
	inFlight: InFlightAdmission[]
	probe: Probe | null
	buckets: TokenBucket[]
	/** The last hour with a call, in hours since 1970. */
	hour: number
}

/** The whole state. Values of `waiting` are replaced, never changed, so that the storage writes only what is new. */
export interface BreakerState {
	core: BreakerSummary
	waiting: Record<string, WaitingSubscription>
	/** Subscriptions that got a doorbell and have not requested admission since. Not stored. */
	notified: Record<string, { firstMs: number; lastMs: number }>
}

/** The state of a breaker without history. */
export function initialState(): BreakerState {
	return {
		core: { phase: 'closed', failures: 0, concurrency: 1, inFlight: [], probe: null, buckets: [], hour: 0 },
		waiting: {},
		notified: {},
	}
}

/** `BreakerSummary` as it is stored. Earlier versions wrote these keys: never rename one. */
export interface StoredBreakerSummary {
	phase: 'closed' | 'open' | 'slow'
	failures: number
	width: number
	flights: InFlightAdmission[]
	turn: Probe | null
	buckets: TokenBucket[]
	hour: number
}

/** `WaitingSubscription` as it is stored. Earlier versions wrote these keys: never rename one. */
export interface StoredWaitingSubscription extends Omit<WaitingSubscription, 'reservation'> {
	slot: Reservation | null
}

/** A core as it is stored. */
export function toStoredCore(core: BreakerSummary): StoredBreakerSummary {
	const { phase, failures, concurrency, inFlight, probe, buckets, hour } = core
	return {
		phase: phase === 'half-open' ? 'slow' : phase,
		failures,
		width: concurrency,
		flights: inFlight,
		turn: probe,
		buckets,
		hour,
	}
}

/** Reads a stored core. */
export function fromStoredCore(stored: StoredBreakerSummary): BreakerSummary {
	const { phase, failures, width, flights, turn, buckets, hour } = stored
	return {
		phase: phase === 'slow' ? 'half-open' : phase,
		failures,
		concurrency: width,
		inFlight: flights,
		probe: turn,
		buckets,
		hour,
	}
}

/** A waiting subscription as it is stored. */
export function toStoredWaiting({ reservation, ...rest }: WaitingSubscription): StoredWaitingSubscription {
	return { ...rest, slot: reservation }
}

/** Reads a stored waiting subscription. */
export function fromStoredWaiting({ slot, ...rest }: StoredWaitingSubscription): WaitingSubscription {
	return { ...rest, reservation: slot }
}

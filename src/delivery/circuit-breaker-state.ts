/** What the breaker of a callback keeps, what it is told, and what it says (breaker.ts): plain JSON. Times epoch ms. */
import type { TokenBucket, Reservation } from './token-bucket.ts'

/**
 * A notification that waits for its callback, and whose instance has asked for it or has failed with it. Times epoch
 * ms.
 */
export interface WaitingSubscription {
	instance: number
	subscription: number
	/** Its instance's oldest. */
	notificationId: number
	createdMs: number
	dueMs: number
	/** How many of its instance are due. */
	wanted: number
	/** Sent away: without a ring it is silent until `untilMs`. */
	parked: boolean
	/** When its instance asks by itself at the latest. */
	untilMs: number
	/** Tokens that it was promised. */
	slot: Reservation | null
}

/** Let through and not reported yet. */
export interface InFlightAdmission {
	instance: number
	subscription: number
	permits: number
	/** The notification of a probe; null: any. */
	only: number | null
	untilMs: number
}

/** The small part of the state, which is stored as one row. */
export interface BreakerCore {
	/** `slow`: it has answered again, and more and more are let through at a time. */
	phase: 'closed' | 'open' | 'slow'
	/** In a row. */
	failures: number
	/** How many at a time; once closed, how many are rung at a time. */
	width: number
	flights: InFlightAdmission[]
	/** Whose notification is the only one that is tried while open, and since when. */
	turn: { key: string; notificationId: number; sinceMs: number } | null
	buckets: TokenBucket[]
	/** The last hour in which it was called, hours since 1970. */
	hour: number
}

/** All of the state. Waiters are replaced, never changed, so that whoever stores them sees what is new. */
export interface BreakerState {
	core: BreakerCore
	waiting: Record<string, WaitingSubscription>
	/** Who has been rung and has not asked since; may be forgotten. */
	notified: Record<string, { firstMs: number; lastMs: number }>
}

/** A breaker that has seen nothing. */
export function initialState(): BreakerState {
	return {
		core: { phase: 'closed', failures: 0, width: 1, flights: [], turn: null, buckets: [], hour: 0 },
		waiting: {},
		notified: {},
	}
}

/** What the breaker of a callback keeps, what it is told, and what it says (breaker.ts): plain JSON. Times epoch ms. */
import type { Bucket, Slot } from './token-bucket.ts'

/** A notification that waits for its callback, and whose instance has asked for it or has failed with it. Times epoch ms. */
export interface Waiter {
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
	slot: Slot | null
}

/** Let through and not reported yet. */
export interface Flight {
	instance: number
	subscription: number
	permits: number
	/** The notification of a probe; null: any. */
	only: number | null
	untilMs: number
}

/** The small part of the state, which is stored as one row. */
export interface Core {
	/** `slow`: it has answered again, and more and more are let through at a time. */
	phase: 'closed' | 'open' | 'slow'
	/** In a row. */
	failures: number
	/** How many at a time; once closed, how many are rung at a time. */
	width: number
	flights: Flight[]
	/** Whose notification is the only one that is tried while open, and since when. */
	turn: { key: string; notificationId: number; sinceMs: number } | null
	buckets: Bucket[]
	/** The last hour in which it was called, hours since 1970. */
	hour: number
}

/** All of the state. Waiters are replaced, never changed, so that whoever stores them sees what is new. */
export interface State {
	core: Core
	waiters: Record<string, Waiter>
	/** Who has been rung and has not asked since; may be forgotten. */
	rung: Record<string, { firstMs: number; lastMs: number }>
}

/** What an ask is answered. Times epoch ms. */
export interface Verdict {
	/** Most notifications to claim. */
	permits: number
	/** They may be sent from then on: at most `SHORT_WAIT_MS` from now. */
	fromMs: number
	/** The callback answers: without a rate nobody need ask any longer. */
	closed: boolean
	/** A probe: this notification alone. */
	only: number | null
	/** Nothing is let through: ask again then; null: there is nothing to ask for. */
	untilMs: number | null
	/** A success would be news: it is to be reported. */
	news: boolean
}

/** How something that was sent ended. Times epoch ms. */
export interface Told {
	subscription: number
	notificationId: number
	createdMs: number
	/** It was let through by an admission. */
	guarded: boolean
	failed: boolean
	/** When it is tried again; null: never. */
	nextMs: number | null
}

/** What a report is answered. */
export type Heard = Pick<Verdict, 'closed' | 'news'>

/** A breaker that has seen nothing. */
export function fresh(): State {
	return { core: { phase: 'closed', failures: 0, width: 1, flights: [], turn: null, buckets: [], hour: 0 }, waiters: {}, rung: {} }
}

/** What the Durable Object of a callback answers to consumers. Times epoch ms. */
import type { AdmissionRequest } from './delivery.ts'

/** What an ask is answered. Times epoch ms. */
export interface AdmissionDecision {
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
export interface DeliveryReport {
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
export type BreakerStatus = Pick<AdmissionDecision, 'closed' | 'news'>

/** What consumers ask of a callback's object. */
export interface CallbackRpc {
	/** May so many of an instance's notifications be sent? `limit`: how many its consumer can send at a time. */
	admit(instanceId: number, request: AdmissionRequest, limit: number): Promise<AdmissionDecision>
	/**
	 * How something that was sent ended: every outcome of what was admitted, and of all else the failures and the first
	 * success after them.
	 */
	report(instanceId: number, delivery: DeliveryReport): Promise<BreakerStatus>
	/** Permits that were not used, or that never reached the callback. */
	giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void>
}

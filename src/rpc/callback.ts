/** RPC interface of a callback's Durable Object for consumers. Times epoch ms. */
import type { AdmissionRequest } from './delivery.ts'

/** The answer to a request for admission. Times epoch ms. */
export interface AdmissionDecision {
	/** How many notifications may be claimed. */
	permits: number
	/** They may be sent from then on: at most `MAX_TOKEN_WAIT_MS` from now. */
	fromMs: number
	/** The breaker is closed: without a rate no further admission is needed. */
	closed: boolean
	/** A probe: only this notification; null: any. */
	only: number | null
	/** Without permits, when to ask again. null with permits. */
	untilMs: number | null
	/** Report the next success: a failure came before it. */
	news: boolean
}

/** The outcome of a delivery. Times epoch ms. */
export interface DeliveryReport {
	/** Of the instance; absent: its id as text. */
	incarnation?: string
	subscription: number
	notificationId: number
	createdMs: number
	/** It had an admission. */
	guarded: boolean
	failed: boolean
	/** When it is tried again; null: never. */
	nextMs: number | null
}

/** The answer to a report. */
export type BreakerStatus = Pick<AdmissionDecision, 'closed' | 'news'>

/** The calls of consumers. */
export interface CallbackRpc {
	/** Requests an admission. `limit`: how many notifications the consumer can send at a time. */
	admit(instanceId: number, request: AdmissionRequest, limit: number): Promise<AdmissionDecision>
	/** Reports every outcome of an admission; of other deliveries, failures and the first success after them. */
	report(instanceId: number, delivery: DeliveryReport): Promise<BreakerStatus>
	/** Returns permits that were not used, or whose attempt sent nothing. */
	giveBack(instanceId: number, subscription: number, rate: number | null, permits: number): Promise<void>
}

/** A notification and its attempts, as the instance's object reports them. Times epoch ms. */

/** An attempt that has ended. `body` is the first 4 KB of the response; `url` null where it was not kept. */
export interface AttemptReport {
	number: number
	startedMs: number
	durationMs: number
	delivered: boolean
	status: number | null
	/** dns, tls, refused, timeout, reset; `unknown`: the claim was not settled in time; null: there was a response. */
	error: string | null
	url: string | null
	body: string
}

/** How an attempt ended: the status of its response, or the kind of error. */
export type AttemptSummary = Pick<AttemptReport, 'status' | 'error'>

/** A notification as the API shows it. Times epoch ms. */
export interface NotificationReport {
	id: number
	/** The counter by which pages are ordered, and by which a delivery is stored; absent: that of `id`. */
	counter?: number
	/** Number in D1; null: the subscription was deleted, or there are several (`deliveries`). */
	subscription: number | null
	url: string | null
	objectType: string
	/** How many events it has. */
	events: number
	/** waiting, claimed, retry, delivered, queued, dropped. */
	status: string
	createdMs: number
	updatedMs: number
	/** When it was first accepted. */
	deliveredMs: number | null
	/** When it is due, or its lease ends; null: it is settled. */
	nextTryMs: number | null
	attempts: number
	acknowledged: boolean
	/** Its last attempt that has ended; null: none has. Absent: an object of an earlier version. */
	last?: AttemptSummary | null
	/** The deliveries of a posted notification with several subscriptions; absent: the report is the only one. */
	deliveries?: NotificationReport[]
	/** Of a notice: its severity and sender. Absent: the notification is an instance's. */
	notice?: { severity: string; from: string | null }
	/** The exact bytes, as text; null in lists. */
	body: string | null
}

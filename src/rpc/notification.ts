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

/** A notification as the API shows it. Times epoch ms. */
export interface NotificationReport {
	id: number
	/** Number in D1; null: the subscription was deleted. */
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
	/** Of a notice: its severity and sender. Absent: the notification is an instance's. */
	notice?: { severity: string; from: string | null }
	/** The exact bytes, as text; null in lists. */
	body: string | null
}

/** Rows of subscriptions and notifications as they are stored. Times epoch ms. */
import { objectKey } from '../../events/batching.ts'
import { parseMembers } from '../../events/notification-members.ts'
import type { NotSentReason } from '../../rpc/delivery.ts'

/** A subscription. */
export interface Subscription {
	id: number
	/** Its number in D1; null in rows made before there were several. */
	number: number | null
	url: string
	/** Topics that it receives; null: all of this object. */
	topics: string[] | null
	active: boolean
	/** Why it is deactivated, a sentence. */
	reason: string | null
	/** The log's sequence when it began: earlier events are not meant for it. */
	since: number
	/** Its deliveries ask the callback's circuit breaker first. */
	guarded: boolean
	/** Nothing is sent before: the circuit breaker is open, or the rate is used up. */
	parkedMs: number | null
	lastSuccessMs: number | null
	failingSinceMs: number | null
	lastStatus: string | null
	/** Why its last attempt sent nothing; null: it sent. */
	notSent: NotSentReason | null
	createdMs: number
}

/** A notification, that the status of an event depends on. Times epoch ms. */
export interface NotificationStatus {
	id: number
	status: string
	created: number
	updated: number
	/** When it was first accepted. */
	delivered: number | null
	/** The counter under which it is shown; null: its own. */
	postedAs: number | null
}

/** The columns of a notification that sending reads. Times epoch ms. */
export interface NotificationRow {
	id: number
	subscription: number
	object_type: string
	members: string
	created: number
	updated: number
	context: string
	status: string
	attempt: number
	/** Attempts made before it was sent again. */
	base: number
	due: number
	lease: number | null
	first_try: number | null
	first_failure: number | null
	settled: number | null
	/** When it was first accepted. */
	delivered: number | null
	/** The resend that sends it again. */
	resend: number | null
}

/** The objects of a notification's members, by `objectKey`. */
export function getObjectKeys(members: string): string[] {
	return parseMembers(members).map(([, resource, id]) => objectKey(String(resource), id))
}

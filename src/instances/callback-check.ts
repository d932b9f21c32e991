/** Checks a callback with a test event that belongs to no log: it is signed and sent once, and nothing is recorded. */
import type { User } from '../accounts/setup.ts'
import { attemptDelivery } from '../delivery/attempt.ts'
import { explainNotSent } from '../delivery/not-sent.ts'
import { NO_KEY_ROTATION } from '../delivery/sign.ts'
import type { Element } from '../elements/element.ts'
import { getSenderAddress, toNotificationBody } from '../events/notification.ts'
import { TEST_OBJECT_ID } from '../events/event.ts'
import type { AttemptOutcome, Claim } from '../rpc/delivery.ts'
import type { Services } from './services.ts'

/** How a callback answered. */
export interface CallbackCheck {
	ok: boolean
	status: number | null
	durationMs: number
	/** A sentence: what happened, and what to do if it is not ok. */
	message: string
}

/** The instance that the test event names; id 0: it does not exist yet. */
export interface CallbackSender {
	id: number
	name: string
	tags: string[]
	/** Label of the test event. */
	resource: string
}

/** Sends a signed test event to a callback. `configuration`: with its secrets in the clear. */
export async function checkCallback(
	services: Services,
	user: User,
	element: Element,
	sender: CallbackSender,
	url: string,
	configuration: Readonly<Record<string, string | null>>,
): Promise<CallbackCheck> {
	const { io } = services
	const claim = toTestClaim(services, user, element, sender, url, configuration)
	const outcome = await attemptDelivery(claim, {
		fetch: io.fetch,
		now: () => services.now(),
		userAgent: io.userAgent,
		openSecret: (_key, clear) => clear,
	})
	return {
		ok: outcome.delivered,
		status: outcome.status,
		durationMs: outcome.durationMs,
		message: toMessage(outcome, Boolean(configuration['event.notification.signature.key'])),
	}
}

/** The test event as an attempt takes it. */
function toTestClaim(
	services: Services,
	user: User,
	element: Element,
	sender: CallbackSender,
	url: string,
	configuration: Readonly<Record<string, string | null>>,
): Claim {
	const { PUBLIC_URL } = services.env
	const nowMs = services.now()
	const notificationId = sender.id * 1e9
	const event = {
		sequence: 0,
		tag: 0,
		resource: sender.resource,
		objectId: TEST_OBJECT_ID,
		objectSequence: 0,
		previousSequence: null,
		eventType: 'UPDATED' as const,
		dateMs: nowMs,
		pollDateMs: nowMs,
		source: 'poll' as const,
		changedFields: null,
		flags: { test: true },
		record: JSON.stringify({ id: TEST_OBJECT_ID, test: true }),
	}
	const body = toNotificationBody({ id: notificationId, createdMs: nowMs, resource: sender.resource }, [event], {
		instanceId: sender.id,
		elementKey: element.key,
		hubKey: element.hub,
		organizationId: user.organizationId,
		userId: user.id,
		name: sender.name,
		tags: sender.tags,
		sender: getSenderAddress(PUBLIC_URL),
		publicUrl: PUBLIC_URL,
	})
	return {
		notificationId,
		subscription: 0,
		organizationId: user.organizationId,
		createdMs: nowMs,
		attempt: 1,
		leaseUntilMs: nowMs,
		url,
		body,
		sealedFor: 'instance',
		configuration,
		signature: NO_KEY_ROTATION,
		guarded: false,
		replay: false,
	}
}

const ERROR_MESSAGES: Record<string, string> = {
	dns: 'There is no host of this name. Check the spelling of the URL',
	tls: "The callback's certificate was not accepted. Check its name, its date and its chain",
	refused: 'The callback refused the connection. Check the host and port, and that the server is running',
	timeout: 'The callback did not answer within 15 seconds. Answer at once and do the work afterwards',
	reset: 'The callback closed the connection without an answer. Check its log',
}

function toMessage(outcome: AttemptOutcome, isSigned: boolean): string {
	const { delivered, status, durationMs, error, notSentReason } = outcome
	if (notSentReason !== undefined) {
		const { fact, action } = explainNotSent(notSentReason)
		return `Nothing was sent: ${fact}. ${action}`
	}
	const sent = isSigned ? 'a signed test event' : 'a test event without a signature'
	if (delivered) return `Reachable: ${sent} was answered ${status} in ${durationMs} ms.`
	if (error !== null) return `${ERROR_MESSAGES[error] ?? 'The callback did not answer'}, then try again.`
	const redirect = status !== null && status >= 300 && status < 400
	const advice = redirect
		? 'Redirects are not followed: enter the URL that it redirects to.'
		: status === 401 || status === 403
			? 'Check the password and headers that the callback expects.'
			: 'Events count as delivered only when the answer is 2xx.'
	return `The callback answered ${status} in ${durationMs} ms to ${sent}. ${advice}`
}

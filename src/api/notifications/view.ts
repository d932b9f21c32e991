/** Notifications, deliveries and subscriptions in responses (docs/contract.md §5). */
import { parseExact } from '../../elements/json.ts'
import type * as z from 'zod'
import { MAX_RESPONSE_BYTES } from '../../delivery/attempt.ts'
import { explainNotSent } from '../../delivery/not-sent.ts'
import { getSenderAddress, getInstanceTopic } from '../../events/notification.ts'
import type { ScopedInstance, SubscriptionRow } from '../../instances/subscriptions.ts'
import type { NotSentReason, ResendReport, SubscriptionReport } from '../../rpc/delivery.ts'
import { maskOperatorMessage } from '../../events/operator-message.ts'
import { maskQuotedValues, maskUrl } from '../../lib/url-masks.ts'
import { toIsoSeconds, toIsoSecondsOrNull } from '../http/times.ts'
import type { AttemptResponse, Delivery, NotificationResponse, Subscription } from './schema.ts'
import type { AttemptReport, NotificationReport } from '../../rpc/notification.ts'
import { toDeliveryStatus, toOutcomeText } from '../events/delivery-status.ts'

type NotificationView = z.output<typeof NotificationResponse>

/** Context of a response besides the report. */
export interface NotificationViewOptions {
	publicUrl: string
	/** Otherwise tokens in URLs are masked. */
	canSeeSecrets: boolean
}

/** A notification, with what was sent if the report has the body. */
export function toNotificationResponse(
	options: NotificationViewOptions,
	owner: ScopedInstance,
	report: NotificationReport,
): NotificationView {
	const ofInstance = owner.elementKey !== null && report.notice === undefined
	return {
		id: report.id,
		from: report.notice?.from ?? getSenderAddress(options.publicUrl),
		topic: owner.elementKey === null ? report.objectType : getInstanceTopic(owner.id, owner.elementKey),
		severity: (report.notice?.severity ?? 'medium') as NotificationView['severity'],
		...(ofInstance ? toInstanceMessage(report) : toPostedMessage(options, owner, report)),
		createdDate: toIsoSeconds(report.createdMs),
		active: report.nextTryMs !== null,
		acknowledged: report.acknowledged,
		subscriptionId: report.subscription,
		instanceId: getInstanceId(owner),
		...(ofInstance ? { objectType: report.objectType } : {}),
		events: report.events,
		status: toDeliveryStatus(report.status),
		attempts: report.attempts,
		deliveredDate: toIsoSecondsOrNull(report.deliveredMs),
		nextTryDate: toIsoSecondsOrNull(report.nextTryMs),
	}
}

/** The message of an instance's own notification: what became of it, and what was sent. */
function toInstanceMessage(report: NotificationReport): Pick<NotificationView, 'message' | 'payload'> {
	return {
		message: toOutcomeText(`notification ${report.id}`, { status: report.status, last: report.last }),
		...(report.body === null ? {} : { payload: parseMessage(report.body) }),
	}
}

/** The message of a notification that was posted, or that Shopbell posts to operators. */
function toPostedMessage(
	{ canSeeSecrets }: NotificationViewOptions,
	owner: ScopedInstance,
	report: NotificationReport,
): Pick<NotificationView, 'message'> {
	if (report.body === null) return {}
	const message = parseMessage(report.body)
	return {
		message: canSeeSecrets || owner.elementKey !== null ? message : maskOperatorMessage(report.objectType, message),
	}
}

function parseMessage(body: string): unknown {
	return (parseExact(body) as { message: unknown }).message
}

/** What a hydrated delivery holds. `subscription` null: it was deleted. */
export interface DeliveryDetails {
	notification: NotificationReport
	subscription: Subscription | null
}

/** A delivery, hydrated with details. */
export function toDeliveryResponse(
	options: NotificationViewOptions,
	owner: ScopedInstance,
	report: NotificationReport,
	details: DeliveryDetails | null,
): Delivery {
	return {
		notificationId: report.id,
		subscriptionId: report.subscription,
		status: toDeliveryStatus(report.status),
		createdDate: toIsoSeconds(report.createdMs),
		updatedDate: toIsoSeconds(report.updatedMs),
		instanceId: getInstanceId(owner),
		attempts: report.attempts,
		nextTryDate: toIsoSecondsOrNull(report.nextTryMs),
		...(details === null
			? {}
			: {
					notification: toNotificationResponse(options, owner, details.notification),
					subscription: details.subscription,
				}),
	}
}

/** A subscription. `report`: undefined until its object knows it. */
export function toSubscriptionResponse(
	row: SubscriptionRow,
	report: SubscriptionReport | undefined,
	canSeeSecrets: boolean,
): Subscription {
	return {
		id: row.id,
		channel: 'webhook',
		topics: row.topics ?? [getInstanceTopic(row.ownerId, row.elementKey ?? '')],
		config: { url: canSeeSecrets ? row.url : maskUrl(row.url) },
		active: report?.active ?? true,
		reason: report?.reason ?? null,
		lastStatus: report?.lastStatus ?? null,
		notSent: toNotSentText(report?.notSent ?? null),
		failingSince: toIsoSecondsOrNull(report?.failingSinceMs ?? null),
		instanceId: row.elementKey === null ? null : row.ownerId,
		createdDate: toIsoSeconds(row.createdMs),
	}
}

/** Why nothing is sent, and the next step; null: the last attempt was sent. */
function toNotSentText(notSent: NotSentReason | null): string | null {
	if (notSent === null) return null
	const { fact, action } = explainNotSent(notSent)
	return `Nothing is sent to the callback, because ${fact}. ${action}`
}

/** An attempt. A callback's response can quote its own URL, so it is masked too. */
export function toAttemptResponse(
	{ startedMs, ...report }: AttemptReport,
	canSeeSecrets: boolean,
): z.output<typeof AttemptResponse> {
	const { number, durationMs, delivered, status, error, url, body } = report
	return {
		number,
		startedDate: new Date(startedMs).toISOString(),
		durationMs,
		delivered,
		status,
		error,
		url: canSeeSecrets || url === null ? url : maskUrl(url),
		body: canSeeSecrets ? body : maskQuotedValues(body, url, MAX_RESPONSE_BYTES),
	}
}

/** A replay, or a release. */
export function toResendResponse({ createdMs, endedMs, job: _job, ...report }: ResendReport): Omit<
	ResendReport,
	'createdMs' | 'endedMs' | 'job'
> & {
	createdDate: string
	endedDate: string | null
} {
	return { ...report, createdDate: toIsoSeconds(createdMs), endedDate: toIsoSecondsOrNull(endedMs) }
}

/** The instance's id; null: the owner is the organization's own object. */
export function getInstanceId(owner: ScopedInstance): number | null {
	return owner.elementKey === null ? null : owner.id
}

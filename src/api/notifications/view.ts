/** Notifications, deliveries and subscriptions in responses (docs/contract.md §5). */
import type * as z from 'zod'
import { MAX_RESPONSE_BYTES } from '../../delivery/attempt.ts'
import { explainNotSent } from '../../delivery/not-sent.ts'
import { getSenderAddress, getInstanceTopic } from '../../events/notification.ts'
import type { ScopedInstance, SubscriptionRow } from '../../instances/subscriptions.ts'
import type { NotSentReason, ResendReport, SubscriptionReport } from '../../rpc/delivery.ts'
import { maskOperatorMessage } from '../../events/operator-message.ts'
import { maskQuotedValues, maskUrl } from '../../lib/url-masks.ts'
import { toIsoSeconds, toIsoSecondsOrNull } from '../http/times.ts'
import type { AttemptResponse, DeliveryResponse, NotificationResponse, SubscriptionResponse } from './schema.ts'
import type { AttemptReport, NotificationReport } from '../../rpc/notification.ts'
import { toDeliveryStatus } from '../events/delivery-status.ts'

type NotificationMessage = z.output<typeof NotificationResponse>['message']

/** Context of a response besides the report. */
export interface NotificationViewOptions {
	publicUrl: string
	/** Otherwise tokens in URLs are masked. */
	canSeeSecrets: boolean
}

/** A notification, with its message if the report has the body. */
export function toNotificationResponse(
	options: NotificationViewOptions,
	owner: ScopedInstance,
	report: NotificationReport,
): z.output<typeof NotificationResponse> {
	const parsedBody =
		report.body === null ? null : (JSON.parse(report.body) as Pick<z.output<typeof NotificationResponse>, 'message'>)
	return {
		id: report.id,
		from: report.notice?.from ?? getSenderAddress(options.publicUrl),
		topic: owner.elementKey === null ? report.objectType : getInstanceTopic(owner.id, owner.elementKey),
		severity: (report.notice?.severity ?? 'medium') as z.output<typeof NotificationResponse>['severity'],
		...(parsedBody === null ? {} : { message: toShownMessage(parsedBody.message, owner, report, options) }),
		createdDate: toIsoSeconds(report.createdMs),
		active: report.nextTryMs !== null,
		acknowledged: report.acknowledged,
		subscriptionId: report.subscription,
		instanceId: getInstanceId(owner),
		...(owner.elementKey === null ? {} : { objectType: report.objectType }),
		events: report.events,
		status: toDeliveryStatus(report.status),
		attempts: report.attempts,
		deliveredDate: toIsoSecondsOrNull(report.deliveredMs),
		nextTryDate: toIsoSecondsOrNull(report.nextTryMs),
	}
}

/** The message of a notification. */
function toShownMessage(
	message: NotificationMessage,
	owner: ScopedInstance,
	report: NotificationReport,
	{ canSeeSecrets }: NotificationViewOptions,
): NotificationMessage {
	return canSeeSecrets || owner.elementKey !== null ? message : maskOperatorMessage(report.objectType, message)
}

/** A delivery, with its notification if the report has the body. */
export function toDeliveryResponse(
	options: NotificationViewOptions,
	owner: ScopedInstance,
	report: NotificationReport,
): z.output<typeof DeliveryResponse> {
	return {
		notificationId: report.id,
		subscriptionId: report.subscription,
		status: toDeliveryStatus(report.status),
		createdDate: toIsoSeconds(report.createdMs),
		updatedDate: toIsoSeconds(report.updatedMs),
		instanceId: getInstanceId(owner),
		attempts: report.attempts,
		nextTryDate: toIsoSecondsOrNull(report.nextTryMs),
		...(report.body === null ? {} : { notification: toNotificationResponse(options, owner, report) }),
	}
}

/** A subscription. `report`: undefined until its object knows it. */
export function toSubscriptionResponse(
	row: SubscriptionRow,
	report: SubscriptionReport | undefined,
	canSeeSecrets: boolean,
): z.output<typeof SubscriptionResponse> {
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

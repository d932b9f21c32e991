/** Notifications, deliveries and subscriptions as the contract shows them (section 5). */
import type * as z from 'zod'
import { senderAddress, topic } from '../../events/notification.ts'
import type { Reached, SubscriptionRow } from '../../instances/subscriptions.ts'
import type { ResendReport, SubscriptionReport } from '../../rpc/delivery.ts'
import { toIsoSeconds } from '../http/times.ts'
import type { AttemptAnswer, DeliveryAnswer, NotificationAnswer, SubscriptionAnswer } from './schema.ts'
import type { AttemptReport, NotificationReport } from '../../rpc/notification.ts'
import { deliveryStatus } from '../events/delivery-status.ts'

/** A notification; with its message where the report has the body. */
export function showNotification(publicUrl: string, owner: Reached, report: NotificationReport): z.output<typeof NotificationAnswer> {
	const sent = report.body === null ? null : (JSON.parse(report.body) as Pick<z.output<typeof NotificationAnswer>, 'message'>)
	return {
		id: report.id,
		from: report.notice?.from ?? senderAddress(publicUrl),
		topic: owner.elementKey === null ? report.objectType : topic(owner.id, owner.elementKey),
		severity: (report.notice?.severity ?? 'medium') as z.output<typeof NotificationAnswer>['severity'],
		...(sent === null ? {} : { message: sent.message }),
		createdDate: toIsoSeconds(report.createdMs),
		active: report.nextTryMs !== null,
		acknowledged: report.acknowledged,
		subscriptionId: report.subscription,
		instanceId: instanceOf(owner),
		...(owner.elementKey === null ? {} : { objectType: report.objectType }),
		events: report.events,
		status: deliveryStatus(report.status),
		attempts: report.attempts,
		deliveredDate: moment(report.deliveredMs),
		nextTryDate: moment(report.nextTryMs),
	}
}

/** A delivery; with its notification where the report has the body. */
export function showDelivery(publicUrl: string, owner: Reached, report: NotificationReport): z.output<typeof DeliveryAnswer> {
	return {
		notificationId: report.id,
		subscriptionId: report.subscription,
		status: deliveryStatus(report.status),
		createdDate: toIsoSeconds(report.createdMs),
		updatedDate: toIsoSeconds(report.updatedMs),
		instanceId: instanceOf(owner),
		attempts: report.attempts,
		nextTryDate: moment(report.nextTryMs),
		...(report.body === null ? {} : { notification: showNotification(publicUrl, owner, report) }),
	}
}

/** A subscription; `live`: as its object has it, undefined before the object knows of it. */
export function showSubscription(row: SubscriptionRow, live: SubscriptionReport | undefined): z.output<typeof SubscriptionAnswer> {
	return {
		id: row.id,
		channel: 'webhook',
		topics: row.topics ?? [topic(row.ownerId, row.elementKey ?? '')],
		config: { url: row.url },
		active: live?.active ?? true,
		reason: live?.reason ?? null,
		lastStatus: live?.lastStatus ?? null,
		failingSince: moment(live?.failingSinceMs ?? null),
		instanceId: instanceOf({ id: row.ownerId, elementKey: row.elementKey }),
		createdDate: toIsoSeconds(row.createdMs),
	}
}

/** An attempt. */
export function showAttempt({ startedMs, ...report }: AttemptReport): z.output<typeof AttemptAnswer> {
	const { number, durationMs, delivered, status, error, url, body } = report
	return { number, startedDate: new Date(startedMs).toISOString(), durationMs, delivered, status, error, url, body }
}

/** A replay, or a release. */
export function showResend({ createdMs, endedMs, job: _job, ...report }: ResendReport): Omit<
	ResendReport,
	'createdMs' | 'endedMs' | 'job'
> & {
	createdDate: string
	endedDate: string | null
} {
	return { ...report, createdDate: toIsoSeconds(createdMs), endedDate: moment(endedMs) }
}

/** The instance's id; null: it is the organization's own. */
export function instanceOf(owner: Reached): number | null {
	return owner.elementKey === null ? null : owner.id
}

function moment(ms: number | null): string | null {
	return ms === null ? null : toIsoSeconds(ms)
}

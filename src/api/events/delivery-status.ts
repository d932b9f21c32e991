/** Delivery statuses of the contract, the notification rows' own, and what became of a delivery as a text. Pure. */
import type { NotificationOutcome } from '../../rpc/delivery.ts'

/** A delivery's status in the contract. */
export type DeliveryStatus = keyof typeof ROW_STATUS_BY_DELIVERY_STATUS

/** Row statuses by delivery status. */
export const ROW_STATUS_BY_DELIVERY_STATUS = {
	created: 'waiting',
	notified: 'claimed',
	retry: 'retry',
	delivered: 'delivered',
	queued: 'queued',
	dropped: 'dropped',
} as const

/** The delivery status of a row's status. */
export function toDeliveryStatus(status: string): DeliveryStatus {
	const found = (Object.keys(ROW_STATUS_BY_DELIVERY_STATUS) as DeliveryStatus[]).find(
		(name) => ROW_STATUS_BY_DELIVERY_STATUS[name] === status,
	)
	if (found === undefined) throw new Error(`unknown notification status ${status}`)
	return found
}

/**
 * What became of a delivery (docs/contract.md §6): `Delivered, 200`, `Error delivering event AWV…: 502`. `subject`:
 * what was sent. `last` undefined: how the last attempt ended is not known.
 */
export function toOutcomeText(
	subject: string,
	{ status, last }: Pick<NotificationOutcome, 'status'> & { last: NotificationOutcome['last'] | undefined },
): string {
	const cause = last == null ? null : (last.status ?? last.error)
	const failed = `Error delivering ${subject}: ${cause ?? 'no response'}`
	switch (status) {
		case 'delivered':
			// The last attempt may be that of a replay, which failed.
			return last?.status != null && last.status < 300 ? `Delivered, ${last.status}` : 'Delivered'
		case 'waiting':
			return last == null ? 'Not sent yet' : 'Not sent again yet'
		case 'claimed':
			return 'Being sent'
		case 'dropped':
			return 'Not sent: there is no subscription, or it was deleted'
		case 'queued':
			return last === null ? 'Not sent: its subscription is deactivated' : failed
		default:
			return failed
	}
}

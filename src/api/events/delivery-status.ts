/** Delivery statuses of the contract, and the notification rows' own. Pure. */

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

/** Delivery statuses of the contract, and what a notification's row says instead. */
/** A status as deliveries have it. */
export type DeliveryStatus = keyof typeof ROW_STATUS_BY_DELIVERY_STATUS

/** Delivery statuses of the contract, and what a notification's row says. */
export const ROW_STATUS_BY_DELIVERY_STATUS = {
	created: 'waiting',
	notified: 'claimed',
	retry: 'retry',
	delivered: 'delivered',
	queued: 'queued',
	dropped: 'dropped',
} as const

/** The delivery status of a row. */
export function toDeliveryStatus(status: string): DeliveryStatus {
	const found = (Object.keys(ROW_STATUS_BY_DELIVERY_STATUS) as DeliveryStatus[]).find(
		(name) => ROW_STATUS_BY_DELIVERY_STATUS[name] === status,
	)
	if (found === undefined) throw new Error('a notification has a status that no delivery has')
	return found
}

/** Delivery statuses of the contract, and what a notification's row says instead. */
/** A status as deliveries have it. */
export type DeliveryStatus = keyof typeof STATUSES

/** Delivery statuses of the contract, and what a notification's row says. */
export const STATUSES = {
	created: 'waiting',
	notified: 'claimed',
	retry: 'retry',
	delivered: 'delivered',
	queued: 'queued',
	dropped: 'dropped',
} as const

/** The delivery status of a row. */
export function deliveryStatus(status: string): DeliveryStatus {
	const found = (Object.keys(STATUSES) as DeliveryStatus[]).find((name) => STATUSES[name] === status)
	if (found === undefined) throw new Error('a notification has a status that no delivery has')
	return found
}

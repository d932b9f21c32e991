/** What the delivery bench and its Worker say to each other. */

/**
 * `look`: how it stands. `record`: so many events of as many orders are recorded, each with this record; nothing is sent. `send`: it sends,
 * counting from now on, and after so many settled notifications neither counts nor delivers any longer (null: on and on).
 */
export type DeliveryCommand =
	| { do: 'look' }
	| { do: 'record'; events: number; record: string }
	| { do: 'send'; until: number | null }

/** What delivering took since it rang. */
export interface DeliveryCounts {
	/** Rows read and written by the object, an alarm counted as one that is written. */
	read: number
	written: number
	/** Calls of the object by consumers. */
	calls: number
	/** Times its alarm rang. */
	alarms: number
	/** Messages put into the queue. */
	doorbells: number
	/** Notifications settled. */
	settled: number
}

/** How an instance stands. */
export interface DeliveryReply {
	learned: boolean
	/** Notifications that are not settled. */
	unsettled: number
	/** Events that are in no notification yet. */
	waiting: number
	counts: DeliveryCounts
}

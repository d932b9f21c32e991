/** What the webhook benches and their Worker say to each other. */

/** Rows of an instance's tables, by table. */
export type InstanceTables = Record<string, Record<string, string | number | null>[]>

/** `look`: how it stands. `copy`: all that the instance knows. `become`: an instance that knows this, asks no store, and calls this callback if any. */
export type WebhookCommand =
	| { do: 'look' | 'copy' }
	| { do: 'become'; instanceId: number; tables: InstanceTables; callbackUrl: string | null }

/** How an instance stands. */
export interface WebhookReply {
	/** Rows that the last delivery wrote until it was answered, an alarm counted as one. */
	rows: number
	/** Rows that the object has written since it started, an alarm counted as one. */
	written: number
	/** Sequence of its newest event. */
	events: number
	/** Deliveries taken. */
	taken: number
	/** Objects to be read at the store. */
	lookups: number
	/** Notifications that are not settled. */
	unsettled: number
	/** Its baseline is complete. */
	learned: boolean
}

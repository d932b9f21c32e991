/** The messages between the bench and the Worker with a bench in it. */

/** Rows of one table. */
export interface RowCount {
	read: number
	written: number
}

/** What was counted since the last reset. */
export interface BenchCounts {
	/** Rows of the object's SQLite, by table. */
	object: Record<string, RowCount>
	/** Rows of D1 that the object's work touched, by table. */
	d1: Record<string, RowCount>
	/** How often the alarm was set or taken away: a written row each. */
	alarms: number
	/** Messages put into the queue. */
	doorbells: number
	/** How often the alarm rang, and how often consumers called: each is a request to the object. */
	alarmRuns: number
	calls: number
}

/** A command for the object, on a clock that runs so many ms ahead of the real one. */
export interface BenchCommand {
	do: 'alarm' | 'prune' | 'evict' | 'reset' | 'look' | 'fill'
	offsetMs: number
	/** Pruning happens as if so much later, while the clock stands: no re-read falls due by it. */
	aheadMs?: number
	/** `fill`: what is put into the log. */
	fill?: LogFill
}

/** Events that are put into the log as recorded until now, so far apart, as many of them as `batch` says in a notification that was delivered. */
export interface LogFill {
	events: number
	batch: number
	stepMs: number
}

/** How it stands afterwards. Counts are those before a reset. */
export interface BenchReply {
	counts: BenchCounts
	armedMs: number | null
	nextPollMs: number | null
	running: boolean
	unsettled: number
	events: number
	notifications: number
	trouble: string | null
	/** Bytes of storage in use. */
	storedBytes: number
	resources: {
		objectType: string
		number: number
		known: number
		learned: boolean
		done: number
		searching: boolean
		reread: boolean
		rereadDoneMs: number | null
	}[]
}

/** Where a Worker is killed: the words that the harness, the Worker's test entry and the result share. */

/** A point on the way of a change. */
export type KillPoint =
	| 'claimToPost'
	| 'duringPost'
	| 'answerToSettle'
	| 'commitToDoorbell'
	| 'baselineSlice'
	| 'rereadSlice'
	| 'anywhere'

/** Every point, with what is said of it. */
export const KILL_POINTS: Readonly<Record<KillPoint, string>> = {
	claimToPost: 'between claim and POST',
	duringPost: 'during a POST',
	answerToSettle: 'between answer and settle',
	commitToDoorbell: 'between commit and doorbell',
	baselineSlice: 'in a slice of a baseline',
	rereadSlice: 'in a slice of a re-read',
	anywhere: 'at a random moment',
}

/** Points that cannot be seen from outside the Worker: its test entry halts there. */
export type InnerKillPoint = 'claimToPost' | 'answerToSettle' | 'commitToDoorbell'

/** Where a Worker is to halt: the next time it passes this point after `skip` others. */
export interface Trap {
	point: InnerKillPoint
	skip: number
}

/** What a Worker says that stands still: the try that it is about, or, before a doorbell, what the doorbell is for. */
export interface HaltReport {
	point: InnerKillPoint
	/** `ntf_<id>`; before a doorbell all that were committed and never claimed. */
	notifications: string[]
	/** The number of the try; 0 before a doorbell. */
	attempt: number
}

/** The path at which a Worker takes its trap. */
export const TRAP_PATH = '/_faults/trap'

/** Names the instance whose alarm makes a request to the store. */
export const INSTANCE_HEADER = 'X-Faults-Instance'

/** What cannot be read of a resource, as plain JSON in its state. Times epoch ms. */
import type { ObjectId } from '../../elements/store.ts'

/** The named objects that spoil lists; `unreadable-table.ts` has all of them. */
export interface UnreadableObjects {
	/** Lists are asked without these. */
	excluded: ObjectId[]
	/** Some were there before watching began. */
	fromBaseline?: true
	/** The store gives what it is asked to leave out. */
	ignoresExclusion?: true
	/** A list of ids alone fails too. */
	hidesIds?: true
}

/** A row that spoils each page with it and cannot be left out: its place in one list. */
export interface Gap {
	at: number
	/** Its id; null: it has no name. */
	id: ObjectId | null
	/** The id before it; null: it is the first row. */
	afterId: ObjectId | null
	reason: string
	/** Until when it is passed over. */
	untilMs: number
}

/** Rows of one list that cannot be read together: `from` to before `to`. */
export interface FailingSpan {
	from: number
	to: number
	/** Pages of it that failed, and the rows of the smallest. */
	failures: number
	minFailed: number
	/** The most rows below that which could be read at once; 0: none. */
	okRows: number
	/** The last page of it was read. */
	wasRead: boolean
	/** Time or size is the likely reason, not one row. */
	bySize: boolean
	/** Epoch ms. */
	sinceMs: number
}

/** How large pages may be. */
export interface PageGrowth {
	/** Full pages in a row that were quick, and how many are needed to try larger ones. */
	quick: number
	needed: number
}

/** What a resource's state says about pages that fail. Absent: nothing. */
export interface ReadabilityState {
	unreadable?: UnreadableObjects
	/** By list. */
	gaps?: Record<string, Gap[]>
	spans?: Record<string, FailingSpan>
	/** Characters of a row, where rows are large. */
	rowLength?: number
	pageGrowth?: PageGrowth
	/** Rows of the next page after a row that could not be read: it doubles with each page. */
	stride?: number
}

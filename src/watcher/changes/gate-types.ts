/** Inputs and results of the gate. Times are epoch ms, and whole seconds if a name ends in `Sec`. */
import type { EventType } from '../../events/event.ts'
import type { ObjectId, VendorRecord } from '../../elements/store.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import type { ObjectContent } from './content.ts'

/**
 * `live`: listed; `hidden`: listed, but not published yet; `unlisted`: exists without being listed; `trashed`; `gone`.
 */
export type ObjectState = 'live' | 'hidden' | 'unlisted' | 'trashed' | 'gone'

/** The index row of an object. */
export interface KnownObject {
	modifiedSec: number | null
	createdSec: number | null
	/** `hashIdentity` of what tells it from another object with its id; null: not known. */
	identityHash: string | null
	content: ObjectContent
	/** Number of the profile that `content` was read under. */
	profile: number
	state: ObjectState
	/** When the accepted request started, or the accepted webhook arrived. */
	asOfMs: number
	/** Hash of the content before the last change, and how often the object went back to it; null or absent: not known. */
	earlier?: { hash: string; returns: number } | null
}

/** The observation of an object by a request or a webhook. */
export interface Observation {
	id: ObjectId
	via: 'read' | 'hook'
	/**
	 * `gone`: the store answered in JSON that there is no such object. `hint`: a webhook with too little data to decide.
	 */
	kind: 'live' | 'hidden' | 'trashed' | 'gone' | 'hint'
	modifiedSec: number | null
	createdSec: number | null
	/** As in `KnownObject`. */
	identityHash: string | null
	/** Under the profile of the object's row; null for `gone` and `hint`. */
	content: ObjectContent | null
	/** Under the current profile; absent: `content` is. */
	nextContent?: ObjectContent
	/** When the request to the store started, or the webhook arrived. */
	requestedAtMs: number
	/** False: read by id because it is missing from a list. */
	listed: boolean
}

/** An incomplete baseline: objects that existed before it began emit no event, unless backfill requests it. */
export interface BaselineContext {
	/** Store clock when watching began, and the highest id then. */
	t0Sec: number
	highestId: number
	/** A number: objects created or modified since then, epoch ms. */
	backfill: 'none' | 'all' | number
	/** An object modified this soon after its creation counts as created. */
	toleranceSec: number
	storeNowSec: number
}

/** The circumstances of an observation. */
export interface GateContext {
	nowMs: number
	/** Number of the profile that content is stored under. */
	profile: number
	/** null once the resource's baseline is complete, and the index holds everything that its total says. */
	baseline: BaselineContext | null
	/** Rows that no answer before has shown count as new only if they may be (accept.ts). */
	began: { t0Sec: number; highestId: number }
	/** The store answers with two states in turn (two-states.ts). */
	hasTwoStates: boolean
	/** The resource has a `where`: an object that leaves it emits no event. */
	filtered: boolean
	/** Names of fields whose difference says nothing, because a part of them no longer counts. */
	ignoredNames: readonly string[]
	pendingCheck: PendingCheck
}

/** One change to emit. `dateSec` null: the moment it was observed. */
export interface Change {
	type: EventType
	changedFields: string[] | null
	trashed?: true
	unlisted?: true
	restored?: true
	backfill?: true
	dateSec: number | null
	/** Records of the object's variations that the event is about. Absent: it is about none. */
	variationRecords?: readonly VendorRecord[]
	/** False: the record of the event is only `{<idField>: id}`. */
	withRecord: boolean
}

/** The gate's answer. `row: null` removes the index row. */
export type GateVerdict =
	| { do: 'nothing' }
	| { do: 'store'; row: KnownObject | null }
	| { do: 'emit'; changes: Change[]; row: KnownObject }
	| { do: 'recheck'; dueMs: number; pendingCheck: PendingCheck }

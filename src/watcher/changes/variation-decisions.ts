/**
 * Variations as changes of their product (docs/polling.md, Variations): what reads of them show becomes part of the
 * gate's decisions about products, and what was not read is queued.
 */
import { diffContent } from './content.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import { knowsAllOwners } from '../core/variation-state.ts'
import type { VariationDoubt, VariationOwner } from '../core/variation-table.ts'
import type { Decision, ReadContext } from './decisions.ts'
import type { Change, KnownObject } from './gate-types.ts'
import { getVariationRoom } from './new-event.ts'
import {
	diffVariations,
	splitTold,
	toChangedFields,
	type ToldVariation,
	type VariationDiff,
	type VariationRead,
} from './variation-changes.ts'
import { getParentedLists, readKnownVariations, toVariationContext, writeVariations } from './variation-index.ts'
import type { ObjectId, Snapshot, VariationLists, VendorRecord } from '../../elements/store.ts'

/** An object that was saved this shortly before its variations were read may be saved again in the same second, ms. */
const MAX_SAME_SECOND_MS = 2_000
const SAME_SECOND_RETRY_MS = 3_000
/** A read of variations that waits longer for its object says nothing any more, ms. */
const MAX_READ_AGE_MS = 60_000
/** The first delay after a read that failed, and the longest one, ms. */
const MIN_RETRY_MS = 30_000
const MAX_RETRY_MS = 6 * 3_600_000
/** Tries after which an incomplete list counts as the first read. */
const MAX_FIRST_TRIES = 3
const INCOMPLETE = 'its list of variations is not complete'

/** Reads of variations that wait for their object to be recorded: in memory, since what is lost is read again. */
const readsByCore = new WeakMap<Core, Map<string, VariationRead>>()

/** Keeps a read of an object's variations until the object is recorded: both become one change. */
export function holdVariations(core: Core, resource: number, id: ObjectId, read: VariationRead): void {
	const reads = readsByCore.get(core) ?? new Map<string, VariationRead>()
	readsByCore.set(core, reads.set(`${resource}:${id}`, read))
}

/** The read that waits for an object, which is then held no longer; undefined: none does. */
export function takeVariations(core: Core, resource: number, id: ObjectId): VariationRead | undefined {
	const reads = readsByCore.get(core)
	const read = reads?.get(`${resource}:${id}`)
	reads?.delete(`${resource}:${id}`)
	return read
}

/** The decisions with what is known of variations; queues the reads of those that may have changed. */
export function withVariations(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	decisions: readonly Decision[],
	readContext: ReadContext,
): readonly Decision[] {
	const lists = getParentedLists(core, watched)
	if (lists === null) return decisions
	const owners = core.variations.getOwners(
		watched.state.number,
		decisions.map(({ observed }) => observed.id),
	)
	return decisions.map((decision) => {
		const { observed, verdict } = decision
		const owner = owners.get(observed.id)
		if (verdict.do === 'recheck') return decision
		const next = getNextRow(decision)
		if ('gone' in observed || next === null || !isReported(next)) {
			// A receiver that knows the object no longer knows nothing of its variations.
			if (owner !== undefined && !(next !== null && isReported(next)))
				core.variations.removeOwner(tx, watched.state.number, observed.id)
			return decision
		}
		if (owner === undefined && !lists.has(observed.snapshot.record)) return decision
		return noteObject(tx, core, watched, lists, { decision, snapshot: observed.snapshot, next, owner, readContext })
	})
}

/** The index row that a decision leaves. */
function getNextRow({ verdict, known }: Decision): KnownObject | null {
	return verdict.do === 'store' || verdict.do === 'emit' ? verdict.row : known
}

function isReported({ state }: KnownObject): boolean {
	return state === 'live' || state === 'unlisted'
}

interface NotedObject {
	decision: Decision
	snapshot: Snapshot
	next: KnownObject
	owner: VariationOwner | undefined
	readContext: ReadContext
}

/** An object that has variations, or had some, was observed. */
function noteObject(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	{ decision, snapshot, next, owner, readContext }: NotedObject,
): Decision {
	const { number } = watched.state
	const isCreated = isCreation(decision)
	const isMoved = isCreated || hasMoved(decision, next)
	if (isCreated && owner !== undefined) core.variations.removeOwner(tx, number, snapshot.id)
	const base =
		(isCreated ? undefined : owner) ?? toNewOwner(core, watched, { decision, snapshot, isCreated, readContext })
	const read = takeVariations(core, number, snapshot.id)
	if (read !== undefined && isCurrent(watched, read, readContext))
		return applyRead(tx, core, watched, lists, { decision, snapshot, next, owner: base, read, isCreated })
	const isQueued = isMoved && watched.state.baseline === null
	if (base === owner && !isQueued) return decision
	const { source, requestedAtMs } = readContext
	const now = core.ports.now()
	// The one that is already planned may come before the change.
	const dueMs = isQueued ? Math.min(base.dueMs ?? now, now) : base.dueMs
	core.variations.writeOwner(tx, number, {
		...base,
		dueMs,
		source: base.dueMs === null ? source : base.source,
		sinceMs: Math.max(base.sinceMs, isQueued ? now : requestedAtMs),
	})
	return decision
}

/** Whether a read is of now, and under the rules of now. */
function isCurrent({ state: rs }: WatchedResource, read: VariationRead, { requestedAtMs }: ReadContext): boolean {
	return read.profile === getCurrentProfile(rs).number && requestedAtMs - read.requestedAtMs < MAX_READ_AGE_MS
}

/** The row of an object that has none. Of what was created since watching began, the receiver knows no variation. */
function toNewOwner(
	core: Core,
	{ state: rs }: WatchedResource,
	{
		decision,
		snapshot,
		isCreated,
		readContext,
	}: Pick<NotedObject, 'decision' | 'snapshot' | 'readContext'> & { isCreated: boolean },
): VariationOwner {
	const { source, requestedAtMs } = readContext
	const hadNone = isCreated || (decision.known !== null && knowsAllOwners(rs))
	return {
		id: snapshot.id,
		readMs: hadNone ? 0 : null,
		dueMs: hadNone && rs.baseline === null ? core.ports.now() : null,
		sinceMs: requestedAtMs,
		source,
		doubt: {},
	}
}

function isCreation({ verdict }: Decision): boolean {
	return verdict.do === 'emit' && verdict.changes.some(({ type }) => type === 'CREATED')
}

/** Whether an object was saved, or differs, since it was observed last. */
function hasMoved({ known }: Decision, next: KnownObject): boolean {
	if (known === null || known.modifiedSec !== next.modifiedSec) return true
	return known.profile === next.profile && known.content.hash !== next.content.hash
}

/** Writes what a read shows, and makes it part of the decision. */
function applyRead(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	applied: Omit<NotedObject, 'readContext' | 'owner'> & {
		owner: VariationOwner
		read: VariationRead
		isCreated: boolean
	},
): Decision {
	const { decision, snapshot, next, owner, read } = applied
	const { known } = decision
	const fields = known === null || known.profile !== next.profile ? [] : diffContent(known.content, next.content)
	const objectFields = Array.isArray(fields) ? [] : [...fields.changed, ...fields.addedOrRemoved]
	const diff = recordVariations(tx, core, watched, lists, owner, read, objectFields)
	const { modifiedSec } = snapshot
	const savedMs = (modifiedSec ?? 0) * 1000 - (core.state.skewMs ?? 0)
	if (read.requestedAtMs - savedMs < MAX_SAME_SECOND_MS) {
		const now = core.ports.now()
		core.variations.queue(tx, watched.state.number, snapshot.id, {
			dueMs: now + SAME_SECOND_RETRY_MS,
			sinceMs: now,
			source: read.source,
		})
	}
	return withChanges(decision, next, diff, watched.resource.filtered)
}

/** Compares a read of an object's variations with their rows, and writes what it shows. */
export function recordVariations(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	lists: VariationLists,
	owner: VariationOwner,
	read: VariationRead,
	objectFields: readonly string[],
): VariationDiff {
	const { number } = watched.state
	const context = toVariationContext(core, watched, lists, owner, objectFields)
	const diff = diffVariations(readKnownVariations(core, number, owner.id), read, context)
	writeVariations(tx, core, number, owner.id, diff)
	// A read that was asked for meanwhile is still to be made.
	const isAsked = owner.dueMs !== null && owner.sinceMs > read.requestedAtMs
	const failed = read.isComplete ? null : toFailure(owner.doubt, INCOMPLETE)
	const retryMs = failed === null ? null : core.ports.now() + getVariationRetryMs(failed.tries)
	const times = [isAsked ? owner.dueMs : null, diff.againMs, retryMs].filter((timeMs) => timeMs !== null)
	// A list that stays incomplete is the first one all the same.
	const isUsable = failed === null || owner.readMs !== null || failed.tries >= MAX_FIRST_TRIES
	core.variations.writeOwner(tx, number, {
		...owner,
		readMs: isUsable ? Math.max(owner.readMs ?? 0, read.requestedAtMs) : null,
		dueMs: times.length === 0 ? null : Math.min(...times),
		source: isAsked ? owner.source : read.source,
		doubt: { ...diff.doubt, ...(failed !== null && { failed }) },
	})
	return diff
}

/** A failure after those before it. `reason`: a clause after the object's name. */
export function toFailure({ failed }: VariationDoubt, reason: string): NonNullable<VariationDoubt['failed']> {
	return { tries: (failed?.tries ?? 0) + 1, reason }
}

/** How long an object waits after so many reads of its variations that failed, ms. */
export function getVariationRetryMs(tries: number): number {
	return Math.min(MIN_RETRY_MS * 2 ** Math.min(tries - 1, 30), MAX_RETRY_MS)
}

/**
 * The decision with the changes of variations: an UPDATED of the object if it has no other change. What does not fit
 * into an event follows in further ones. Pure.
 */
function withChanges(decision: Decision, next: KnownObject, { told }: VariationDiff, filtered: boolean): Decision {
	if (told.length === 0) return decision
	const { verdict, known, observation, observed } = decision
	const record = 'gone' in observed ? null : observed.snapshot.record
	const [first = [], ...others] = splitTold(told, getVariationRoom(record))
	const dateSec = known !== null && known.modifiedSec !== next.modifiedSec ? next.modifiedSec : null
	const toUpdate = (part: readonly ToldVariation[]): Change => ({
		type: 'UPDATED',
		changedFields: toChangedFields(part),
		variationRecords: toRecords(part),
		...(next.state === 'unlisted' && { unlisted: true }),
		dateSec,
		withRecord: true,
	})
	if (verdict.do === 'emit') {
		const add = (change: Change): Change =>
			change.type === 'DELETED' ? change : addVariations(change, toChangedFields(first), toRecords(first))
		return { ...decision, verdict: { ...verdict, changes: [...verdict.changes.map(add), ...others.map(toUpdate)] } }
	}
	// An object that has left its `where` sends nothing.
	if (filtered && (next.state === 'unlisted' || observation.kind === 'hidden')) return decision
	const changes = [first, ...others].map(toUpdate)
	const row = verdict.do === 'store' ? next : { ...next, asOfMs: Math.max(next.asOfMs, observation.requestedAtMs) }
	return { ...decision, ofVariations: true, verdict: { do: 'emit', row, changes } }
}

function addVariations(change: Change, names: readonly string[], variationRecords: readonly VendorRecord[]): Change {
	const changedFields = change.changedFields === null ? null : [...change.changedFields, ...names]
	return { ...change, variationRecords, changedFields }
}

function toRecords(told: readonly ToldVariation[]): VendorRecord[] {
	return told.map(({ record }) => record).filter((record) => record !== null)
}

/**
 * Recording: passes observations through the gate and commits the results together: the objects' new rows, the events
 * with their records, the notifications that can be formed, and the cursor (docs/architecture.md, From change to
 * notification).
 */
import { HOUR_MS } from '../../lib/time.ts'
import { getComparisons } from './comparisons.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { Tx } from '../core/tx.ts'
import {
	gateAll,
	isAcceptedDecision,
	isCutShort,
	toGateContext,
	type AcceptedDecision,
	type Decision,
	type ObservedObject,
	type ReadContext,
} from './decisions.ts'
import type { Change } from './gate-types.ts'
import { dropSeenDeletions } from '../core/held-table.ts'
import { getLagMs } from './lag.ts'
import { countLookEdit } from './look-edits.ts'
import { expectWebhook } from './missed-webhooks.ts'
import { createStoreEvent, emitEvents } from './new-event.ts'
import { canChangeInMass } from '../core/mass-change.ts'
import { noteComingAndGoing, TWO_STATES_LIMIT } from '../core/two-states.ts'
import { isListed, readIndexRows, writeIndexRow, type IndexRow } from './object-index.ts'
import { getRoundDeadlineMs, isTooManyUnproven, planRound } from '../core/noise.ts'
import { invalidatePage } from './page-digests.ts'
import { noteUnchecked, withDecidedUpdates } from './unchecked.ts'
import { withVariations } from './variation-decisions.ts'
import { takeOlderPayloads } from './waiting-payloads.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import { countChanges } from '../core/resource-state.ts'
import type { NewEvent } from '../log/event-log.ts'
import type { ListedPage } from '../source/requests.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** The result of recording. */
export interface RecordResult {
	emitted: number
	accepted: number
	/** Ids to read again. */
	toRecheck: ObjectId[]
	/** Ids that were not in the index. */
	unknown: number
	/** Nothing was recorded: the same must be read again after a round of reads that proves noise. */
	waits?: true
}

/** With held mass changes: if more rows than this, and most of a page, differ without a new date, they may be held. */
const MIN_LEFT_ROWS = 3

/** Maximum age of an object's last event for another source to confirm it, ms. */
const MAX_CONFIRMATION_AGE_MS = 26 * HOUR_MS

/** Whether anything was written, or must be read again. */
export function hasNewInformation(recorded: Pick<RecordResult, 'accepted' | 'toRecheck'>): boolean {
	return recorded.accepted > 0 || recorded.toRecheck.length > 0
}

/** Gates and records rows of a list: all rows of the page by default. `canWait`: the page can be read again later. */
export function recordPage(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	page: Pick<ListedPage, 'requestedAtMs' | 'storeNowMs' | 'snapshots'> & Pick<ReadContext, 'growth'>,
	source: 'poll' | 'reread',
	rows: readonly Snapshot[] = page.snapshots,
	canWait = false,
): RecordResult {
	return recordObservations(
		tx,
		core,
		watched,
		rows.map((snapshot) => ({ id: snapshot.id, snapshot })),
		{
			source,
			via: 'read',
			requestedAtMs: page.requestedAtMs,
			storeNowMs: page.storeNowMs,
			listed: true,
			growth: page.growth,
			canWait,
			backfill: core.config.backfill,
		},
	)
}

/** Gates and records observations of one resource, and before them the waiting payloads with earlier states. */
export function recordObservations(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	observedObjects: readonly ObservedObject[],
	readContext: ReadContext,
): RecordResult {
	const pendingChecks =
		readContext.pendingChecks ??
		core.lookups.getChecks(
			watched.state.number,
			observedObjects.map(({ id }) => id),
		)
	const { payloads, checks } = takeOlderPayloads(tx, core, watched, observedObjects, pendingChecks)
	const earlier = payloads.map(({ snapshot, receivedMs }) =>
		recordGated(tx, core, watched, [{ id: snapshot.id, snapshot }], {
			...toHookContext(core, receivedMs),
			pendingChecks: new Map(),
		}),
	)
	const recorded = recordGated(tx, core, watched, observedObjects, {
		...readContext,
		...(watched.state.unreadable?.fromBaseline === true && {
			fromBaseline: core.unreadable.getFromBaseline(watched.state.number),
		}),
		pendingChecks: checks,
	})
	// What was recorded of payloads must be saved, even if the observations wait.
	return { ...recorded, accepted: earlier.reduce((sum, { accepted }) => sum + accepted, recorded.accepted) }
}

/**
 * How long reads wait that a webhook causes and no event waits for, ms: its event is delivered first, and one alarm
 * reads for several.
 */
export const DELIVERY_FIRST_MS = 1_000

/** The circumstances of a payload that was received at `receivedMs`. */
export function toHookContext(core: Core, receivedMs: number): ReadContext {
	return {
		source: 'webhook',
		via: 'hook',
		requestedAtMs: receivedMs,
		storeNowMs: receivedMs + (core.state.skewMs ?? 0),
		listed: true,
		backfill: core.config.backfill,
	}
}

function recordGated(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	observedObjects: readonly ObservedObject[],
	readContext: ReadContext & { pendingChecks: ReadonlyMap<ObjectId, PendingCheck> },
): RecordResult {
	const { state: rs } = watched
	const ids = observedObjects.map(({ id }) => id)
	const knownRows = readIndexRows(core, rs.number, ids)
	const gated = gateAll(
		observedObjects,
		knownRows,
		readContext.pendingChecks,
		readContext,
		getComparisons(core, watched, observedObjects, knownRows),
		toGateContext(core, watched, readContext, isCutShort(watched, observedObjects, knownRows, readContext)),
	)
	const proven = awaitProof(core, watched, gated, readContext)
	if (proven === null) return { emitted: 0, accepted: 0, toRecheck: [], unknown: 0, waits: true }
	const decided = withDecidedUpdates(core, watched, proven, readContext)
	const decisions = withVariations(tx, core, watched, decided, readContext)
	const toRecheck = decisions.filter(({ verdict }) => verdict.do === 'recheck').map(({ observed }) => observed.id)
	const accepted = decisions.filter(isAcceptedDecision)
	noteSnapshots(watched, observedObjects)
	noteContradictions(watched, gated, core.ports.now())
	updateLookups(tx, core, rs.number, decisions, readContext)
	if (rs.heldSinceMs !== null && readContext.via === 'read') dropSeen(tx, core, rs.number, decisions, readContext)
	confirmEvents(tx, core, decisions, readContext)
	noteUnchecked(tx, core, watched, accepted)
	const events = accepted.flatMap((decision) => applyGateDecision(tx, core, watched, decision, readContext))
	if (accepted.length > 0) {
		// The digest of the head may be outdated, so the head passes the gate again.
		rs.head = null
		countChanges(rs, { accepted: accepted.length })
	}
	emitEvents(tx, core, events)
	return {
		emitted: events.length,
		accepted: accepted.length,
		toRecheck,
		unknown: decisions.filter(({ known }) => known === null).length,
	}
}

/**
 * Lets objects that differ without a new date wait for a round of reads that proves noise. null: the whole look is
 * repeated after it.
 */
function awaitProof(
	core: Core,
	watched: WatchedResource,
	gated: readonly Decision[],
	readContext: ReadContext,
): readonly Decision[] | null {
	if (isLeftToReread(core, watched, gated, readContext)) {
		watched.state.rereadAsked = true
		return gated.filter((decision) => !isUnstampedEdit(decision))
	}
	const defer = (decision: Decision): Decision => deferDuringRound(core, watched, decision, readContext)
	const decisions = gated.map(defer)
	const planned = planNoiseRound(core, watched, decisions, readContext)
	if (planned === 'repeat') return null
	return planned === 'defer' ? decisions.map(defer) : decisions
}

/**
 * Whether so many edits without a new date in a page of a poll or search are left to a re-read: it finds all of them,
 * and whether they are a mass change.
 */
function isLeftToReread(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	gated: readonly Decision[],
	{ source, canWait = false }: ReadContext,
): boolean {
	if (source !== 'poll' || canWait || rs.baseline !== null || resource.placeholders) return false
	if (core.config.rereadHours === 0 || !canChangeInMass(rs.listed)) return false
	const unstampedIds = gated.filter(isUnstampedEdit).map(({ observed }) => observed.id)
	const isMost = unstampedIds.length > MIN_LEFT_ROWS && unstampedIds.length * 2 > gated.length
	return isTooManyUnproven(unstampedIds) || (isMost && core.config.massChanges === 'hold')
}

/** While a round of reads is made, objects that differ without a new date are read again after it. */
function deferDuringRound(
	core: Core,
	{ state: rs }: WatchedResource,
	decision: Decision,
	{ source, canWait = false }: ReadContext,
): Decision {
	const { round } = rs.noiseState
	const endMs = round === null ? 0 : getRoundDeadlineMs(round)
	if (canWait || source === 'webhook' || core.ports.now() >= endMs || !isUnstampedEdit(decision)) return decision
	return { ...decision, verdict: { do: 'recheck', dueMs: endMs, pendingCheck: {} } }
}

/**
 * Whether an edit moved no date. A configured date other than that of the lists does not say so. What a person wants
 * sent is no edit.
 */
function isUnstampedEdit({ verdict, known, observation, observed, decided }: Decision): boolean {
	return (
		verdict.do === 'emit' &&
		decided !== true &&
		known?.state === 'live' &&
		known.modifiedSec === observation.modifiedSec &&
		!('gone' in observed) &&
		observed.snapshot.listModifiedSec === observed.snapshot.modifiedSec
	)
}

/**
 * Plans a round of reads if objects differ without a new date. `repeat`: the look waits for it; `defer`: its objects
 * do, since it cannot be repeated.
 */
function planNoiseRound(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	decisions: readonly Decision[],
	{ source, canWait = false }: ReadContext,
): 'repeat' | 'defer' | null {
	if (source === 'webhook' || rs.baseline !== null) return null
	const unstampedIds = decisions.filter(isUnstampedEdit).map(({ observed }) => observed.id)
	const now = core.ports.now()
	const round = planRound(rs.noiseState, unstampedIds, canWait, now)
	if (round !== null) rs.noiseState = { ...rs.noiseState, round }
	if (round === null) return null
	if (isTooManyUnproven(unstampedIds)) return canWait ? 'repeat' : 'defer'
	// Where edits move the date, most of a page without a new one is more likely noise than so many edits.
	return resource.reliableDates && unstampedIds.length * 2 > decisions.length ? 'defer' : null
}

/** Remembers that objects come and go without a change. */
function noteContradictions({ resource, state: rs }: WatchedResource, gated: readonly Decision[], nowMs: number): void {
	const found = gated.find(({ contradiction }) => contradiction !== null)
	if (found?.contradiction == null) return
	const isKnown = rs.limits?.[TWO_STATES_LIMIT] !== undefined
	noteComingAndGoing(rs, resource.objectType, found.contradiction, nowMs)
	// What only one of the lists shows is not in the index yet.
	if (!isKnown && rs.limits?.[TWO_STATES_LIMIT] !== undefined) rs.rereadAsked = true
}

/** Stores facts about the resource from snapshots, whatever the gate decides. */
function noteSnapshots({ state: rs }: WatchedResource, observedObjects: readonly ObservedObject[]): void {
	for (const observed of observedObjects) {
		if ('gone' in observed) continue
		const { id, snapshot } = observed
		if (typeof id === 'number' && snapshot.state !== 'trashed') rs.newestId = Math.max(rs.newestId, id)
	}
}

/** Queues objects that must be read again, and removes decided ones. */
function updateLookups(
	tx: Tx,
	core: Core,
	resource: number,
	decisions: readonly Decision[],
	{ requestedAtMs }: ReadContext,
): void {
	for (const { observed, verdict, wasPending } of decisions) {
		if (verdict.do === 'recheck') core.lookups.queue(tx, resource, observed.id, verdict.dueMs, verdict.pendingCheck)
		else if (wasPending) core.lookups.resolve(tx, resource, observed.id, requestedAtMs)
	}
}

/** Objects that are shown, and not in the trash, are not gone. */
function dropSeen(
	tx: Tx,
	core: Core,
	resource: number,
	decisions: readonly Decision[],
	{ requestedAtMs }: ReadContext,
): void {
	const seen = decisions.filter(({ observation: { kind } }) => kind === 'live' || kind === 'hidden')
	const ids = seen.map(({ observed }) => observed.id)
	if (ids.length > 0) dropSeenDeletions(tx, core, resource, ids, requestedAtMs)
}

/** Marks the last events of objects if another source recorded them and this source shows the same state. */
function confirmEvents(_tx: Tx, core: Core, decisions: readonly Decision[], { source }: ReadContext): void {
	if (core.config.hooks === null) return
	const now = core.ports.now()
	const sequences = decisions
		.filter(({ verdict }) => verdict.do === 'nothing' || verdict.do === 'store')
		.map(({ known }) =>
			known !== null && now - known.asOfMs < MAX_CONFIRMATION_AGE_MS ? known.lastEventSequence : null,
		)
		.filter((sequence) => sequence !== null)
	if (sequences.length === 0) return
	core.ports.sql.run(
		`UPDATE events SET confirmed = ?
		WHERE sequence IN (SELECT value FROM json_each(?)) AND confirmed IS NULL AND (source = 'webhook') <> ?`,
		now,
		JSON.stringify(sequences),
		source === 'webhook' ? 1 : 0,
	)
}

/** Writes an object's new row and its consequences. Returns the events to emit. */
function applyGateDecision(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	decision: AcceptedDecision,
	readContext: ReadContext,
): NewEvent[] {
	const { resource, state: rs } = watched
	const { observed, known, verdict } = decision
	const listedDelta = Number(isListed(verdict.row?.state)) - Number(isListed(known?.state))
	rs.listed += listedDelta
	if (listedDelta !== 0) {
		// A search is repeated if the count has changed since.
		rs.searched = null
		countChanges(rs, { listing: 1 })
	}
	const sequence = known?.sequence ?? 0
	// Of an object with events something stays: if it comes back, its numbers go on.
	const kept = verdict.row ?? (sequence > 0 && known !== null ? { ...known, state: 'gone' as const } : null)
	const row: IndexRow | null = kept && { ...kept, sequence, lastEventSequence: known?.lastEventSequence ?? null }
	const isLook = readContext.source === 'reread' && decision.ofVariations !== true
	const isLookEdit = isLook && isUnstampedEdit(decision)
	const events =
		verdict.do === 'emit' && row !== null
			? verdict.changes.map((change) => ({
					...createChangeEvent(tx, core, watched, decision, change, row, readContext),
					...(isLookEdit && { lane: countLookEdit(core, rs, change) }),
				}))
			: []
	// When a decided one changed is not known.
	if (events.length > 0 && decision.decided !== true) noteChanges(tx, core, watched, decision, events, readContext)
	writeIndexRow(tx, core, rs.number, observed.id, row)
	if (!resource.modifiedFilter) invalidatePage(tx, core, rs.number, observed.id)
	return events
}

/** The consequences of an object's change other than its events. */
function noteChanges(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	{ observed }: AcceptedDecision,
	events: readonly NewEvent[],
	readContext: ReadContext,
): void {
	const { state: rs } = watched
	const [first] = events
	if (first !== undefined && readContext.source !== 'webhook' && rs.baseline === null)
		expectWebhook(tx, core, watched, first.sequence)
	if (!('gone' in observed)) queueRelatedObjects(core, watched, observed.snapshot, readContext)
}

/** The event of a change. Counts it in the object's new row. */
function createChangeEvent(
	tx: Tx,
	core: Core,
	watched: WatchedResource,
	{ observed, observation, known }: AcceptedDecision,
	change: Change,
	row: IndexRow,
	{ source, storeNowMs }: ReadContext,
): NewEvent {
	const { resource, state: rs } = watched
	const event = createStoreEvent(tx, core, watched, {
		objectId: observed.id,
		eventType: change.type,
		dateSec: change.dateSec,
		lagMs: getLagMs(change, {
			known,
			observation,
			skewMs: core.state.skewMs ?? 0,
			seenUpToMs: rs.cursorMs ?? rs.t0Sec * 1000,
			modifiedFilter: resource.modifiedFilter,
			storeNowMs,
		}),
		source,
		changedFields: change.changedFields,
		flags: {
			...(change.trashed && { trashed: true }),
			...(change.unlisted && { unlisted: true }),
			...(change.restored && { restored: true }),
			...(change.backfill && { backfill: true }),
		},
		record:
			change.withRecord && !('gone' in observed) ? observed.snapshot.record : toIdRecord(resource.idField, observed.id),
		variationRecords: change.variationRecords ?? null,
		chain: {
			objectSequence: Math.max(row.sequence, rs.objectSequenceFloor ?? 0) + 1,
			previousSequence: row.sequence > 0 ? row.sequence : null,
			previousEvent: row.lastEventSequence,
		},
	})
	row.sequence = event.objectSequence
	row.lastEventSequence = event.sequence
	return event
}

/** `{<idField>: id}`, nested where the id field is a path. */
function toIdRecord(idField: string, id: ObjectId): object {
	return idField.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), id) as object
}

/** Queues the objects of other resources that a record refers to. */
function queueRelatedObjects(core: Core, watched: WatchedResource, snapshot: Snapshot, { via }: ReadContext): void {
	const now = core.ports.now()
	for (const target of watched.resource.relatedObjects?.(snapshot.record) ?? []) {
		const targetState = core.state.resources.find((candidate) => candidate.identity === target.path)
		if (targetState === undefined || targetState.number === watched.state.number) continue
		const key = `${targetState.number}:${target.id}`
		const dueMs = Math.min(
			via === 'hook' ? now + DELIVERY_FIRST_MS : now,
			core.relatedQueue.get(key)?.dueMs ?? Infinity,
		)
		core.relatedQueue.set(key, { number: targetState.number, id: target.id, atMs: now, dueMs })
	}
}

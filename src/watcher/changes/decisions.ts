/** The gate's decisions about observed objects, from their index rows and pending checks. */
import { mayLackObjects } from '../core/completeness.ts'
import { hasTwoStates } from '../core/two-states.ts'
import { findContradiction } from './contradictions.ts'
import { hashContent, hashIdentity, type ObjectContent } from './content.ts'
import { getCurrentProfile } from '../core/content-profiles.ts'
import type { Core, WatchedResource } from '../core/core.ts'
import type { PendingCheck } from '../core/lookup-table.ts'
import { isOfBefore } from './accept.ts'
import { gate } from './gate.ts'
import type { BaselineContext, GateContext, GateVerdict, Observation } from './gate-types.ts'
import type { IndexRow } from './object-index.ts'
import type { ObjectId, Snapshot } from '../../elements/store.ts'

/** An observation before the gate: a record, or the absence of the object. */
export type ObservedObject = { id: ObjectId; snapshot: Snapshot } | { id: ObjectId; gone: true }

/** How an observation is compared with a row of another profile. */
export interface Comparison {
	/** The row; its content is that of the current profile if the log holds its record. */
	known: IndexRow
	/** The observation's content under the profile of `known.content`. */
	content: ObjectContent
	/** Names of fields whose difference says nothing. */
	ignoredNames: readonly string[]
	/** Names of fields that an earlier version left out, so that nothing is known about them. */
	uncheckedFields: readonly string[]
}

/** The circumstances of the observations. Times epoch ms. */
export interface ReadContext {
	/** `source` of the resulting events. */
	source: 'poll' | 'webhook' | 'reread'
	/** A read shows the current state; a webhook's payload shows an earlier one. */
	via: 'read' | 'hook'
	/** Own clock when the request started. */
	requestedAtMs: number
	/** Store clock when it answered. */
	storeNowMs: number
	/** False: read by id because it is missing from a list. */
	listed: boolean
	/** Pending checks by id; absent: the queued ones. */
	pendingChecks?: ReadonlyMap<ObjectId, PendingCheck>
	/** Whether the same can be read again after a round of reads that proves noise. */
	canWait?: boolean
	/** How many objects the total counts that the index does not know; absent: not known. */
	growth?: number | undefined
	/** Objects that the baseline could not read: their dates decide as if it had. Absent: none. */
	fromBaseline?: ReadonlySet<ObjectId>
	/** The instance's backfill, for the baseline. */
	backfill: 'none' | 'all' | number
}

/** The gate's decision about one object. */
export interface Decision {
	observed: ObservedObject
	observation: Observation
	known: IndexRow | null
	/** Whether an earlier observation queued the object to be read again. */
	wasPending: boolean
	verdict: GateVerdict
	/** Names of fields about whose change nothing is known. */
	uncheckedFields: readonly string[]
	/** A person wants it sent. */
	decided?: true
	/** What earlier answers contradict; null: nothing. */
	contradiction: string | null
	/** Only its variations changed. */
	ofVariations?: true
}

/** A decision that changes the index. */
export type AcceptedDecision = Decision & { verdict: Extract<GateVerdict, { do: 'store' | 'emit' }> }

/** The circumstances that all observations of a resource share. */
type SharedContext = Omit<GateContext, 'pendingCheck' | 'ignoredNames'> & {
	/** For objects that the baseline could not read. */
	lateBaseline: BaselineContext
}

/** Passes observations through the gate. `comparisons`: of rows under another profile. Pure. */
export function gateAll(
	observedObjects: readonly ObservedObject[],
	knownRows: ReadonlyMap<ObjectId, IndexRow>,
	pendingChecks: ReadonlyMap<ObjectId, PendingCheck>,
	readContext: ReadContext,
	comparisons: ReadonlyMap<ObjectId, Comparison>,
	{ lateBaseline, ...gateContext }: SharedContext,
): Decision[] {
	return observedObjects.map((observed) => {
		const comparison = comparisons.get(observed.id)
		const observation = toObservation(observed, readContext, comparison)
		const known = comparison?.known ?? knownRows.get(observed.id) ?? null
		const pendingCheck = pendingChecks.get(observed.id)
		const verdict = gate(known, observation, {
			...gateContext,
			...(readContext.fromBaseline?.has(observed.id) === true && { baseline: lateBaseline }),
			ignoredNames: comparison?.ignoredNames ?? [],
			pendingCheck: pendingCheck ?? {},
		})
		const uncheckedFields = comparison?.uncheckedFields ?? []
		const contradiction = findContradiction(known, observation, pendingCheck ?? {})
		const wasPending = pendingCheck !== undefined
		return { observed, observation, known, wasPending, verdict, uncheckedFields, contradiction }
	})
}

export function isAcceptedDecision(decision: Decision): decision is AcceptedDecision {
	return decision.verdict.do === 'store' || decision.verdict.do === 'emit'
}

/**
 * Whether more unknown objects of before the index are shown than the total counts: earlier lists were cut short, and
 * those objects are not new.
 */
export function isCutShort(
	{ resource, state: rs }: WatchedResource,
	observedObjects: readonly ObservedObject[],
	knownRows: ReadonlyMap<ObjectId, IndexRow>,
	{ growth }: ReadContext,
): boolean {
	if (growth === undefined || resource.filtered) return false
	const unknown = observedObjects.filter(
		(observed) => !('gone' in observed) && !knownRows.has(observed.id) && isOfBefore(observed.snapshot, rs),
	)
	return unknown.length > Math.max(0, growth)
}

export function toGateContext(
	core: Core,
	{ resource, state: rs }: WatchedResource,
	readContext: ReadContext,
	isCut: boolean,
): SharedContext {
	const lateBaseline: BaselineContext = {
		t0Sec: rs.t0Sec,
		highestId: rs.highestId,
		backfill: readContext.backfill,
		toleranceSec: resource.createdToleranceSec,
		storeNowSec: Math.floor(readContext.storeNowMs / 1000),
	}
	const isTwofold = hasTwoStates(rs, core.ports.now())
	return {
		nowMs: core.ports.now(),
		began: { t0Sec: rs.t0Sec, highestId: rs.highestId },
		hasTwoStates: isTwofold,
		profile: getCurrentProfile(rs).number,
		filtered: resource.filtered,
		baseline: rs.baseline === null && !mayLackObjects(rs) && !isTwofold && !isCut ? null : lateBaseline,
		lateBaseline,
	}
}

function toObservation(
	observed: ObservedObject,
	readContext: ReadContext,
	comparison: Comparison | undefined,
): Observation {
	const { via, requestedAtMs } = readContext
	if ('gone' in observed) {
		return {
			id: observed.id,
			via,
			kind: 'gone',
			modifiedSec: null,
			createdSec: null,
			identityHash: null,
			content: null,
			requestedAtMs,
			listed: false,
		}
	}
	const { snapshot } = observed
	const content = hashContent(snapshot.fields)
	return {
		id: observed.id,
		via,
		kind: snapshot.state,
		modifiedSec: snapshot.modifiedSec,
		createdSec: snapshot.createdSec,
		identityHash: hashIdentity(snapshot),
		content: comparison?.content ?? content,
		...(comparison !== undefined && { nextContent: content }),
		requestedAtMs,
		listed: readContext.listed,
	}
}

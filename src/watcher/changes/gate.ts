/**
 * The gate: one pure function holds an observation against what is known of that object and answers with a change, with
 * "read it again", or with nothing (docs/architecture.md, The way of a change). Polls, webhooks, searches and re-reads
 * all pass here, which is why a change seen twice rings once.
 */
import { diffContent, type ObjectContent } from './content.ts'
import type { ObjectId } from '../../elements/store.ts'

/** `live`; `hidden`: listed, not yet a thing; `unlisted`: exists, not listed; `trashed`; `gone`. */
export type ObjectState = 'live' | 'hidden' | 'unlisted' | 'trashed' | 'gone'

/**
 * What is known of an object: its index row. Stamps in whole seconds since the epoch, `asOfMs` on the object's own
 * clock.
 */
export interface KnownObject {
	modifiedSec: number | null
	createdSec: number | null
	content: ObjectContent
	hashVersion: number
	state: ObjectState
	/** When the accepted read was started, or the accepted hook arrived. */
	asOfMs: number
}

/** What was seen of an object. */
export interface Observation {
	id: ObjectId
	source: 'read' | 'hook'
	/** `gone`: the store said in JSON that there is no such object. `hint`: a hook that says too little to decide. */
	kind: 'live' | 'hidden' | 'trashed' | 'gone' | 'hint'
	modifiedSec: number | null
	createdSec: number | null
	/** null for `gone` and `hint`. */
	content: ObjectContent | null
	/** When the request to the store was started (reads) or the delivery arrived (hooks), ms. */
	requestedAtMs: number
	/** False: read by id because a list no longer shows it. */
	listed: boolean
}

/** What an earlier observation asked for: carried from one look to the next. */
export interface PendingCheck {
	/** The id was missing from a list. */
	missing?: boolean
	/** The first JSON 404 came then, ms. */
	goneAtMs?: number
	/** A webhook asked for the read: what follows counts as told by it. */
	hook?: boolean
	/** A webhook's payload that the read is held against. */
	probe?: { hash: string; stampSec: number | null }
	/** A read older than the row showed this content, first then, ms. */
	staleHash?: string
	staleAtMs?: number
}

/** What is true around the observation. */
export interface GateContext {
	nowMs: number
	hashVersion: number
	/** While the resource's baseline is incomplete: the moment the bell went on (store clock) and the highest id then. */
	baseline: {
		t0Sec: number
		highestId: number
		backfill: 'none' | 'all' | number
		toleranceSec: number
		storeNowSec: number
	} | null
	/** The resource has a `where`: leaving it rings nothing. */
	filtered: boolean
	/** Names that the instance found to be volatile. */
	volatile: readonly string[]
	pendingCheck: PendingCheck
}

/** One change that rings. `dateSec` null: the moment it was seen. */
export interface Change {
	type: 'CREATED' | 'UPDATED' | 'DELETED'
	changedFields: string[] | null
	trashed?: true
	unlisted?: true
	restored?: true
	backfill?: true
	dateSec: number | null
	/** false: the record of the event is only `{<idField>: id}`. */
	withRecord: boolean
}

/** The gate's answer. `row: null` removes the row; `row` absent leaves it. */
export type GateVerdict =
	| { do: 'nothing' }
	| { do: 'store'; row: KnownObject | null }
	| { do: 'emit'; changes: Change[]; row: KnownObject }
	| { do: 'recheck'; dueMs: number; pendingCheck: PendingCheck }

/** Two JSON 404 must lie this far apart before an object is gone. */
export const MIN_GONE_INTERVAL_MS = 5_000
/**
 * Two reads that show an older state must lie this far apart before it is believed (caches, replicas, clock changes,
 * restores).
 */
export const MIN_STALE_INTERVAL_MS = 30_000
/**
 * Stamps later than the store's clock by more than this say nothing about when something happened (imports write future
 * dates).
 */
const MAX_FUTURE_SEC = 120

const NO_CHANGE: GateVerdict = { do: 'nothing' }

/** Decides what an observation means. Pure. */
export function gate(known: KnownObject | null, observation: Observation, context: GateContext): GateVerdict {
	if (observation.kind === 'gone') return gateGone(known, observation, context)
	if (observation.kind === 'hint' || observation.content === null)
		return { do: 'recheck', dueMs: context.nowMs, pendingCheck: {} }
	if (observation.source === 'hook') return gateWebhook(known, observation, observation.content, context)
	if (known === null) return gateNewObject(observation, observation.content, context)

	const sameContent = known.content.hash === observation.content.hash
	const stateMatches = matchesKnownState(known.state, observation)
	if (observation.requestedAtMs < known.asOfMs && !isNewer(observation, known)) {
		// Something was accepted while this read was under way: it may be older than what is known.
		return sameContent && stateMatches ? NO_CHANGE : { do: 'recheck', dueMs: context.nowMs, pendingCheck: {} }
	}
	if (isOlder(observation, known) && !(sameContent && stateMatches)) {
		const { staleHash, staleAtMs } = context.pendingCheck
		const key = `${observation.kind}:${observation.content.hash}`
		if (staleHash !== key || staleAtMs === undefined || context.nowMs - staleAtMs < MIN_STALE_INTERVAL_MS) {
			const sinceMs = staleHash === key && staleAtMs !== undefined ? staleAtMs : context.nowMs
			return {
				do: 'recheck',
				dueMs: sinceMs + MIN_STALE_INTERVAL_MS,
				pendingCheck: { ...context.pendingCheck, staleHash: key, staleAtMs: sinceMs },
			}
		}
	}
	return acceptObservation(known, observation, observation.content, context)
}

function isNewer(observation: Observation, known: KnownObject): boolean {
	return observation.modifiedSec !== null && known.modifiedSec !== null && observation.modifiedSec > known.modifiedSec
}

function isOlder(observation: Observation, known: KnownObject): boolean {
	return observation.modifiedSec !== null && known.modifiedSec !== null && observation.modifiedSec < known.modifiedSec
}

/** Whether a known state already says what was seen. */
function matchesKnownState(state: ObjectState, observation: Observation): boolean {
	if (observation.kind === 'trashed') return state === 'trashed' || state === 'gone'
	if (observation.kind === 'hidden') return state === 'hidden' || state === 'live'
	return state === (observation.listed ? 'live' : 'unlisted') || (state === 'live' && !observation.listed)
}

function gateWebhook(
	known: KnownObject | null,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	// "Gone" and "trashed" come from reads only (docs/woocommerce.md 7.5 and 7.6).
	if (observation.kind === 'trashed') return { do: 'recheck', dueMs: context.nowMs, pendingCheck: {} }
	if (known === null) return gateNewObject(observation, content, context)
	const isListedState = known.state === 'live' || known.state === 'hidden'
	if (
		isListedState &&
		isNewer(observation, known) &&
		!(known.createdSec !== null && observation.createdSec !== null && known.createdSec !== observation.createdSec)
	) {
		return acceptObservation(known, observation, content, context)
	}
	if (isListedState && known.content.hash === content.hash && matchesKnownState(known.state, observation))
		return NO_CHANGE
	return { do: 'recheck', dueMs: context.nowMs, pendingCheck: {} }
}

/** An object never seen before. */
function gateNewObject(observation: Observation, content: ObjectContent, context: GateContext): GateVerdict {
	// Created and gone between two looks, or trashed before we came: the receiver never knew it.
	if (observation.kind === 'trashed') return NO_CHANGE
	const state: ObjectState = observation.kind === 'hidden' ? 'hidden' : observation.listed ? 'live' : 'unlisted'
	const row = toKnownObject(observation, content, state, context)
	if (state === 'hidden') return { do: 'store', row }
	const createdChange: Change = {
		type: 'CREATED',
		changedFields: null,
		dateSec: observation.createdSec,
		withRecord: true,
	}
	const baseline = context.baseline
	if (baseline === null)
		return state === 'unlisted' ? { do: 'store', row } : { do: 'emit', changes: [createdChange], row }

	const isPlausible = (sec: number | null): sec is number =>
		sec !== null && sec <= baseline.storeNowSec + MAX_FUTURE_SEC
	const updatedChange: Change = {
		type: 'UPDATED',
		changedFields: null,
		dateSec: observation.modifiedSec,
		withRecord: true,
	}
	if (typeof observation.id === 'number' && observation.id > baseline.highestId)
		return { do: 'emit', changes: [createdChange], row }
	if (isPlausible(observation.createdSec) && observation.createdSec >= baseline.t0Sec)
		return { do: 'emit', changes: [createdChange], row }
	if (isPlausible(observation.modifiedSec) && observation.modifiedSec >= baseline.t0Sec) {
		const isCreation =
			observation.createdSec !== null && observation.modifiedSec - observation.createdSec <= baseline.toleranceSec
		return { do: 'emit', changes: [isCreation ? createdChange : updatedChange], row }
	}
	if (baseline.backfill === 'all') return { do: 'emit', changes: [{ ...createdChange, backfill: true }], row }
	if (typeof baseline.backfill === 'number') {
		const fromSec = Math.floor(baseline.backfill / 1000)
		const newestSec = Math.max(observation.createdSec ?? -Infinity, observation.modifiedSec ?? -Infinity)
		if (newestSec >= fromSec) {
			const isNew = observation.createdSec !== null && observation.createdSec + baseline.toleranceSec >= fromSec
			return { do: 'emit', changes: [{ ...(isNew ? createdChange : updatedChange), backfill: true }], row }
		}
	}
	return { do: 'store', row }
}

/** An observation that is to be believed, of an object that is known. */
function acceptObservation(
	known: KnownObject,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	const sameContent = known.content.hash === content.hash
	const row = toKnownObject(observation, content, toNextState(known, observation), context)
	const modifiedChanged = known.modifiedSec !== observation.modifiedSec

	if (observation.kind === 'trashed') {
		if (known.state === 'hidden') return { do: 'store', row: null }
		if (known.state === 'trashed' || known.state === 'gone') return NO_CHANGE
		return {
			do: 'emit',
			row,
			changes: [
				{
					type: 'DELETED',
					changedFields: null,
					trashed: true,
					dateSec: modifiedChanged ? observation.modifiedSec : null,
					withRecord: true,
				},
			],
		}
	}
	const createdChange: Change = {
		type: 'CREATED',
		changedFields: null,
		dateSec: observation.createdSec,
		withRecord: true,
	}
	const sameCreation =
		known.createdSec === null || observation.createdSec === null || known.createdSec === observation.createdSec

	if (known.state === 'trashed' || known.state === 'gone') {
		if (observation.kind === 'hidden') return { do: 'store', row }
		return { do: 'emit', row, changes: [sameCreation ? { ...createdChange, restored: true } : createdChange] }
	}
	if (known.state === 'hidden') {
		if (observation.kind === 'hidden') return sameContent && !modifiedChanged ? NO_CHANGE : { do: 'store', row }
		return { do: 'emit', row, changes: [createdChange] }
	}

	// Known to the receiver: live or unlisted.
	if (sameContent)
		return modifiedChanged || known.state !== row.state || known.hashVersion !== context.hashVersion
			? { do: 'store', row }
			: NO_CHANGE
	if (!modifiedChanged && known.hashVersion !== context.hashVersion) return { do: 'store', row }
	const { changed, addedOrRemoved } = diffContent(known.content, content, context.volatile)
	const onlyKeysDiffer =
		changed.length === 0 &&
		(addedOrRemoved.length > 0 || known.content.fieldNames.some((name) => context.volatile.includes(name)))
	if (onlyKeysDiffer && (!modifiedChanged || addedOrRemoved.length === 0)) return { do: 'store', row }
	if (context.filtered && (row.state === 'unlisted' || observation.kind === 'hidden')) return { do: 'store', row }
	if (!sameCreation) {
		// A backup was restored, or the id was given to another object.
		return {
			do: 'emit',
			row,
			changes: [{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }, createdChange],
		}
	}
	const change: Change = {
		type: 'UPDATED',
		changedFields: [...changed, ...addedOrRemoved].sort(),
		dateSec: modifiedChanged ? observation.modifiedSec : null,
		withRecord: true,
	}
	if (row.state === 'unlisted') change.unlisted = true
	return { do: 'emit', row, changes: [change] }
}

function toNextState(known: KnownObject, observation: Observation): ObjectState {
	if (observation.kind === 'trashed') return 'trashed'
	if (observation.kind === 'hidden' && known.state !== 'live' && known.state !== 'unlisted') return 'hidden'
	return observation.listed ? 'live' : 'unlisted'
}

function gateGone(known: KnownObject | null, observation: Observation, context: GateContext): GateVerdict {
	if (known === null || known.state === 'gone') return NO_CHANGE
	if (observation.requestedAtMs < known.asOfMs) return { do: 'recheck', dueMs: context.nowMs, pendingCheck: {} }
	const { goneAtMs } = context.pendingCheck
	if (goneAtMs === undefined || observation.requestedAtMs - goneAtMs < MIN_GONE_INTERVAL_MS) {
		const sinceMs = goneAtMs ?? observation.requestedAtMs
		return {
			do: 'recheck',
			dueMs: sinceMs + MIN_GONE_INTERVAL_MS,
			pendingCheck: { ...context.pendingCheck, goneAtMs: sinceMs },
		}
	}
	if (known.state === 'hidden') return { do: 'store', row: null }
	const row: KnownObject = { ...known, state: 'gone', asOfMs: observation.requestedAtMs }
	if (known.state === 'trashed') return { do: 'store', row }
	return { do: 'emit', row, changes: [{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }] }
}

function toKnownObject(
	observation: Observation,
	content: ObjectContent,
	state: ObjectState,
	context: GateContext,
): KnownObject {
	return {
		modifiedSec: observation.modifiedSec,
		createdSec: observation.createdSec,
		content,
		hashVersion: context.hashVersion,
		state,
		asOfMs: observation.requestedAtMs,
	}
}

/** Decides which changes an accepted observation emits, and the object's new index row. Pure. */
import { diffContent, type ObjectContent } from './content.ts'
import type {
	BaselineContext,
	Change,
	GateContext,
	GateVerdict,
	KnownObject,
	ObjectState,
	Observation,
} from './gate-types.ts'

/**
 * Modified dates later than the store's clock by more than this say nothing about the time of the change: imports
 * write future dates.
 */
const MAX_FUTURE_SEC = 120

/** A created date that is absent now and then says nothing by itself; another one is an edit. */
const CREATED_FIELDS: readonly string[] = ['date_created', 'date_created_gmt']

export const NO_CHANGE: GateVerdict = { do: 'nothing' }

/** An object that is not in the index. */
export function acceptNewObject(observation: Observation, content: ObjectContent, context: GateContext): GateVerdict {
	// The receiver never got an event of an object that was trashed before it was first observed.
	if (observation.kind === 'trashed') return NO_CHANGE
	const state: ObjectState = observation.kind === 'hidden' ? 'hidden' : observation.listed ? 'live' : 'unlisted'
	const row = toKnownObject(observation, content, state, context)
	if (state === 'hidden') return { do: 'store', row }
	const change =
		context.baseline === null && wasHidden(observation, context)
			? null
			: context.baseline !== null
				? (getRecentChange(observation, context.baseline) ?? getBackfillChange(observation, context.baseline))
				: state === 'unlisted'
					? null
					: createdChange(observation)
	return change === null ? { do: 'store', row } : { do: 'emit', changes: [change], row }
}

/**
 * Whether an object is older than the index, and nothing has happened to it since: lists have not shown it. What is
 * restored, published or imported has a newer date or a higher id.
 */
function wasHidden(observation: Observation, { began, filtered }: GateContext): boolean {
	const { modifiedSec } = observation
	return !filtered && isOfBefore(observation, began) && modifiedSec !== null && modifiedSec < began.t0Sec
}

/** Whether an object was there before the index began, by its id and created date. */
export function isOfBefore(
	{ id, createdSec }: Pick<Observation, 'id' | 'createdSec'>,
	{ t0Sec, highestId }: GateContext['began'],
): boolean {
	return typeof id === 'number' && id <= highestId && createdSec !== null && createdSec < t0Sec
}

/** The change of an object that the baseline finds; null: the object has not changed since watching began. */
function getRecentChange(observation: Observation, baseline: BaselineContext): Change | null {
	const { id, createdSec, modifiedSec } = observation
	const isRecent = (sec: number | null): sec is number =>
		sec !== null && sec >= baseline.t0Sec && sec <= baseline.storeNowSec + MAX_FUTURE_SEC
	if (typeof id === 'number' && id > baseline.highestId) return createdChange(observation)
	if (isRecent(createdSec)) return createdChange(observation)
	if (!isRecent(modifiedSec)) return null
	const isCreation = createdSec !== null && modifiedSec - createdSec <= baseline.toleranceSec
	return isCreation ? createdChange(observation) : baselineUpdate(observation)
}

/** The change that backfill requests; null: none. */
function getBackfillChange(observation: Observation, baseline: BaselineContext): Change | null {
	const { createdSec, modifiedSec } = observation
	if (baseline.backfill === 'none') return null
	if (baseline.backfill === 'all') return { ...createdChange(observation), backfill: true }
	const fromSec = Math.floor(baseline.backfill / 1000)
	if (Math.max(createdSec ?? -Infinity, modifiedSec ?? -Infinity) < fromSec) return null
	const isCreation = createdSec !== null && createdSec + baseline.toleranceSec >= fromSec
	return { ...(isCreation ? createdChange(observation) : baselineUpdate(observation)), backfill: true }
}

/** An object that is in the index. */
export function acceptKnownObject(
	known: KnownObject,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	const row = {
		...toKnownObject(observation, content, getNextState(known, observation), context),
		identityHash: observation.identityHash ?? known.identityHash,
		earlier: toEarlier(known, content, context),
	}
	if (isOtherObject(known, observation)) return acceptOtherObject(known, row, observation, content, context)
	if (observation.kind === 'trashed') return acceptTrashed(known, row)
	if (known.state === 'trashed' || known.state === 'gone') return acceptRestored(row, observation)
	if (known.state === 'hidden') return acceptHidden(known, row, observation, content)
	return acceptEdit(known, row, observation, content, context)
}

/** The content before this one, under the profile of the row. */
function toEarlier(known: KnownObject, { hash }: ObjectContent, { profile }: GateContext): KnownObject['earlier'] {
	if (known.profile !== profile) return null
	const { earlier = null } = known
	if (known.content.hash === hash)
		return known.state === 'gone' ? { hash, returns: (earlier?.returns ?? 0) + 1 } : earlier
	const returns = earlier === null ? 0 : earlier.hash === hash ? earlier.returns + 1 : earlier.returns
	return { hash: known.content.hash, returns }
}

/** A backup was restored, and the id was given to another object: the known one is gone, and the other one is new. */
function acceptOtherObject(
	known: KnownObject,
	row: KnownObject,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	const isReported = known.state === 'live' || known.state === 'unlisted'
	const next = acceptNewObject(observation, content, { ...context, baseline: null })
	const changes: Change[] = [
		...(isReported ? [{ type: 'DELETED' as const, changedFields: null, dateSec: null, withRecord: false }] : []),
		...(next.do === 'emit' ? next.changes : []),
	]
	const nextRow = next.do === 'store' || next.do === 'emit' ? next.row : row
	return changes.length > 0 && nextRow !== null ? { do: 'emit', changes, row: nextRow } : { do: 'store', row: nextRow }
}

function acceptTrashed(known: KnownObject, row: KnownObject): GateVerdict {
	if (known.state === 'hidden') return { do: 'store', row: null }
	if (known.state === 'trashed' || known.state === 'gone') return NO_CHANGE
	const change: Change = {
		type: 'DELETED',
		changedFields: null,
		trashed: true,
		dateSec: getEditDateSec(known, row),
		withRecord: true,
	}
	return { do: 'emit', row, changes: [change] }
}

/** An object that was trashed or gone, and is there again. */
function acceptRestored(row: KnownObject, observation: Observation): GateVerdict {
	if (observation.kind === 'hidden') return { do: 'store', row }
	return { do: 'emit', row, changes: [{ ...createdChange(observation), restored: true }] }
}

/** An object that was not published when it was last observed. */
function acceptHidden(
	known: KnownObject,
	row: KnownObject,
	observation: Observation,
	content: ObjectContent,
): GateVerdict {
	if (observation.kind !== 'hidden') return { do: 'emit', row, changes: [createdChange(observation)] }
	const isUnchanged =
		known.content.hash === content.hash && known.modifiedSec === row.modifiedSec && known.profile === row.profile
	return isUnchanged ? NO_CHANGE : { do: 'store', row }
}

/** An object that the receiver knows: live or unlisted. */
function acceptEdit(
	known: KnownObject,
	row: KnownObject,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	const modifiedChanged = known.modifiedSec !== row.modifiedSec
	if (known.content.hash === content.hash) {
		const isSame = known.state === row.state && known.identityHash === row.identityHash && known.profile === row.profile
		return modifiedChanged || !isSame ? { do: 'store', row } : NO_CHANGE
	}
	const { changed, addedOrRemoved } = diffContent(known.content, content, context.ignoredNames)
	const isCreatedDateAlone = [...changed, ...addedOrRemoved].every((name) => CREATED_FIELDS.includes(name))
	if (isCreatedDateAlone && !modifiedChanged && (known.createdSec === null) !== (row.createdSec === null))
		return acceptCreatedDate(known, row)
	const onlyKeysDiffer =
		changed.length === 0 &&
		(addedOrRemoved.length > 0 || known.content.fieldNames.some((name) => context.ignoredNames.includes(name)))
	if (onlyKeysDiffer && (!modifiedChanged || addedOrRemoved.length === 0)) return { do: 'store', row }
	if (context.filtered && (row.state === 'unlisted' || observation.kind === 'hidden')) return { do: 'store', row }
	const change: Change = {
		type: 'UPDATED',
		changedFields: [...changed, ...addedOrRemoved].sort(),
		...(row.state === 'unlisted' && { unlisted: true }),
		dateSec: getEditDateSec(known, row),
		withRecord: true,
	}
	return { do: 'emit', row, changes: [change] }
}

/** Nothing but the created date is there again, or no longer: the row keeps the one that was there. */
function acceptCreatedDate(known: KnownObject, row: KnownObject): GateVerdict {
	if (row.createdSec !== null) return { do: 'store', row }
	return known.state === row.state ? NO_CHANGE : { do: 'store', row: { ...known, state: row.state } }
}

function createdChange({ createdSec }: Observation): Change {
	return { type: 'CREATED', changedFields: null, dateSec: createdSec, withRecord: true }
}

function baselineUpdate({ modifiedSec }: Observation): Change {
	return { type: 'UPDATED', changedFields: null, dateSec: modifiedSec, withRecord: true }
}

/** A modified date that did not change says nothing about when the object changed. */
function getEditDateSec(known: KnownObject, row: KnownObject): number | null {
	return known.modifiedSec === row.modifiedSec ? null : row.modifiedSec
}

/**
 * Whether an id was given to another object: identity and created date are known and both differ. A created date alone
 * can be edited (docs/woocommerce.md 4.13).
 */
export function isOtherObject(known: KnownObject, observation: Observation): boolean {
	return differs(known.identityHash, observation.identityHash) && differs(known.createdSec, observation.createdSec)
}

/** Whether two known values differ. */
function differs(before: string | number | null, after: string | number | null): boolean {
	return before !== null && after !== null && before !== after
}

function getNextState(known: KnownObject, observation: Observation): ObjectState {
	if (observation.kind === 'trashed') return 'trashed'
	if (observation.kind === 'hidden' && known.state !== 'live' && known.state !== 'unlisted') return 'hidden'
	return observation.listed ? 'live' : 'unlisted'
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
		identityHash: observation.identityHash,
		content: observation.nextContent ?? content,
		profile: context.profile,
		state,
		asOfMs: observation.requestedAtMs,
	}
}

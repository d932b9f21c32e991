/**
 * The gate: one pure function that compares an observation with the object's index row and returns changes, "read
 * again", or nothing (docs/architecture.md, From change to notification). Polls, webhooks, searches and re-reads all
 * use it, so a change that is seen twice emits one event.
 */
import { acceptKnownObject, acceptNewObject, isOtherObject, NO_CHANGE } from './accept.ts'
import type { ObjectContent } from './content.ts'
import type { GateContext, GateVerdict, KnownObject, ObjectState, Observation } from './gate-types.ts'

/** An object is gone after two JSON 404 responses that are at least this far apart, ms. */
export const MIN_GONE_INTERVAL_MS = 5_000
/** A state that the object had before is accepted when a look at least this much later shows it again, ms. */
const MIN_STALE_INTERVAL_MS = 30_000
const MAX_NEEDED_LOOKS = 15
/**
 * A newer date wins over an older one, unless every look shows the older one for a quarter of an hour. A restored
 * backup does; of caches and replicas that are minutes behind, one shows the newer date. Where a store answers with two
 * states in turn, the same holds for deletions.
 */
const MIN_OLDER_LOOKS = 4
const MAX_LOOK_INTERVAL_MS = 60 * 60_000
/** A deleted object that is seen again without a newer date counts so long after its deletion: replicas may lag, ms. */
const MIN_BACK_MS = 15 * 60_000

/** Evaluates an observation. Pure. */
export function gate(known: KnownObject | null, observation: Observation, context: GateContext): GateVerdict {
	const { content } = observation
	if (observation.kind === 'gone') return gateGone(known, observation, context)
	if (observation.kind === 'hint' || content === null) return recheckNow(context)
	if (observation.via === 'hook') return gateWebhook(known, observation, content, context)
	return known === null ? gateNewObject(observation, content, context) : gateRead(known, observation, content, context)
}

/** An object that is not in the index. Of a store that answers with two states in turn, one look is not enough. */
function gateNewObject(observation: Observation, content: ObjectContent, context: GateContext): GateVerdict {
	const verdict = acceptNewObject(observation, content, context)
	if (verdict.do !== 'emit' || !context.hasTwoStates) return verdict
	return recheckStale('new', [MIN_STALE_INTERVAL_MS], context) ?? verdict
}

function gateRead(
	known: KnownObject,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	const isKnown =
		known.content.hash === content.hash &&
		matchesKnownState(known.state, observation) &&
		!isOtherObject(known, observation)
	// Something was accepted while this read was running, so the read may be older than the index row.
	if (observation.requestedAtMs < known.asOfMs && !isNewer(observation, known))
		return isKnown ? NO_CHANGE : recheckNow(context)
	const isReturn = known.earlier?.hash === content.hash && !isNewer(observation, known)
	if (known.state === 'gone' && !isNewer(observation, known) && !isOtherObject(known, observation)) {
		const recheck = recheckStale('back', [getBackInterval(known, context)], context)
		if (recheck !== null) return recheck
	} else if ((isOlder(observation, known) || isReturn) && !isKnown) {
		const intervalsMs = getLookIntervals(known, isOlder(observation, known))
		const recheck = recheckStale(`${observation.kind}:${content.hash}`, intervalsMs, context)
		if (recheck !== null) return recheck
	}
	return acceptKnownObject(known, observation, content, context)
}

/**
 * How long after the look before it each further look at an earlier state comes, ms. `isOlder`: the store has shown a
 * newer one. Then they come after half a minute, 2, 4 and 8 minutes, and further ones at growing distances.
 */
function getLookIntervals(known: KnownObject, isOlder: boolean): number[] {
	const looks = getNeededLooks(known)
	if (!isOlder) return Array.from({ length: looks }, () => MIN_STALE_INTERVAL_MS)
	return Array.from({ length: looks - 1 + MIN_OLDER_LOOKS }, (_, index) =>
		index === 0 ? MIN_STALE_INTERVAL_MS : Math.min(2 ** index * 60_000, MAX_LOOK_INTERVAL_MS),
	)
}

/** How long after the first look that shows a deleted object the second one comes, ms. */
function getBackInterval(known: KnownObject, { nowMs, pendingCheck }: GateContext): number {
	const sinceMs = pendingCheck.staleHash === 'back' ? (pendingCheck.staleAtMs ?? nowMs) : nowMs
	return Math.max(MIN_STALE_INTERVAL_MS, known.asOfMs + MIN_BACK_MS - sinceMs)
}

/**
 * How many further looks an older state needs: more with each time that the object went back to one, since two caches
 * or replicas that alternate never show it so often in a row.
 */
function getNeededLooks({ earlier }: KnownObject): number {
	return Math.min(1 + 2 * (earlier?.returns ?? 0), MAX_NEEDED_LOOKS)
}

/** The next read of an object that shows an older state; null: the state has been shown often enough. */
function recheckStale(
	staleHash: string,
	intervalsMs: readonly number[],
	{ nowMs, pendingCheck }: GateContext,
): GateVerdict | null {
	const sinceMs = pendingCheck.staleHash === staleHash ? pendingCheck.staleAtMs : undefined
	const looksBefore = sinceMs === undefined ? 0 : (pendingCheck.staleLooks ?? 0)
	const isLook = sinceMs !== undefined && nowMs - sinceMs >= (intervalsMs[looksBefore] ?? 0)
	const looks = isLook ? looksBefore + 1 : looksBefore
	const intervalMs = intervalsMs[looks]
	if (intervalMs === undefined) return null
	const staleAtMs = sinceMs === undefined || isLook ? nowMs : sinceMs
	return {
		do: 'recheck',
		dueMs: staleAtMs + intervalMs,
		pendingCheck: {
			...pendingCheck,
			staleHash,
			staleAtMs,
			...((looks > 0 || pendingCheck.staleLooks !== undefined) && { staleLooks: looks }),
		},
	}
}

function gateWebhook(
	known: KnownObject | null,
	observation: Observation,
	content: ObjectContent,
	context: GateContext,
): GateVerdict {
	// Only reads prove that an object is gone or trashed (docs/woocommerce.md 7.5 and 7.6).
	if (observation.kind === 'trashed') return recheckNow(context)
	if (known === null) return acceptNewObject(observation, content, context)
	const isListedState = known.state === 'live' || known.state === 'hidden'
	if (isOtherObject(known, observation)) return recheckNow(context)
	if (isListedState && isNewer(observation, known)) return acceptKnownObject(known, observation, content, context)
	if (isListedState && known.content.hash === content.hash && matchesKnownState(known.state, observation))
		return NO_CHANGE
	return recheckNow(context)
}

function gateGone(known: KnownObject | null, observation: Observation, context: GateContext): GateVerdict {
	if (known === null || known.state === 'gone') return NO_CHANGE
	if (observation.requestedAtMs < known.asOfMs) return recheckNow(context)
	const { goneAtMs } = context.pendingCheck
	if (goneAtMs === undefined || observation.requestedAtMs - goneAtMs < MIN_GONE_INTERVAL_MS) {
		const sinceMs = goneAtMs ?? observation.requestedAtMs
		return {
			do: 'recheck',
			dueMs: sinceMs + MIN_GONE_INTERVAL_MS,
			pendingCheck: { ...context.pendingCheck, goneAtMs: sinceMs },
		}
	}
	const recheck = context.hasTwoStates ? recheckStale('gone', getLookIntervals(known, true), context) : null
	if (recheck !== null) return recheck
	if (known.state === 'hidden') return { do: 'store', row: null }
	const row: KnownObject = { ...known, state: 'gone', asOfMs: observation.requestedAtMs }
	if (known.state === 'trashed') return { do: 'store', row }
	return { do: 'emit', row, changes: [{ type: 'DELETED', changedFields: null, dateSec: null, withRecord: false }] }
}

function recheckNow({ nowMs }: GateContext): GateVerdict {
	return { do: 'recheck', dueMs: nowMs, pendingCheck: {} }
}

function isNewer(observation: Observation, known: KnownObject): boolean {
	return observation.modifiedSec !== null && known.modifiedSec !== null && observation.modifiedSec > known.modifiedSec
}

function isOlder(observation: Observation, known: KnownObject): boolean {
	return observation.modifiedSec !== null && known.modifiedSec !== null && observation.modifiedSec < known.modifiedSec
}

/** Whether a known state equals the observed one. */
function matchesKnownState(state: ObjectState, observation: Observation): boolean {
	if (observation.kind === 'trashed') return state === 'trashed' || state === 'gone'
	if (observation.kind === 'hidden') return state === 'hidden' || state === 'live'
	return state === (observation.listed ? 'live' : 'unlisted') || (state === 'live' && !observation.listed)
}

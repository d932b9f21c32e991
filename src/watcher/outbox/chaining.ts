/**
 * The chain of an object's events for one subscription: `previousSequence` is the object's last event for that
 * subscription, so that a gap means a lost event. Events that a filter or coalescing leaves out are skipped, and the
 * next event follows the last one that was sent.
 */
import type { WaitingChange } from '../../events/batching.ts'
import type { MemberOverrides } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import type { Lane } from '../core/lanes.ts'
import type { Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import type { ObjectId } from '../../elements/store.ts'

/** An event that may become part of a notification. */
export interface Candidate extends WaitingChange {
	resourceNumber: number
	objectId: ObjectId
	/** Log sequence of the object's previous event. */
	previousEvent: number | null
	/** null also if no condition needs it. */
	record: string | null
	/** Id of the notification that carries it, if it got one while it waited (`reserveNotifications`). */
	reserved: number | null
	lane: Lane
	/** A person does not want it sent. */
	dismissed: boolean
}

/** The result for candidates; those in neither list still wait. */
export interface Assignment {
	/** Sequence → the notification that carries it. */
	assigned: Map<number, number>
	/** Never in a notification: filtered, or cancelled out. */
	omitted: Set<number>
}

/**
 * Omits filtered events, unless an earlier event of the object still waits, because `previousSequence` is set in
 * order.
 */
export function dropFiltered(
	eligible: readonly Candidate[],
	matching: readonly Candidate[],
	assignment: Assignment,
): void {
	const matchingSet = new Set(matching)
	const waitingObjects = new Set<string>()
	for (const candidate of eligible) {
		if (assignment.assigned.has(candidate.sequence) || assignment.omitted.has(candidate.sequence)) continue
		if (matchingSet.has(candidate)) waitingObjects.add(candidate.object)
		else if (!waitingObjects.has(candidate.object)) assignment.omitted.add(candidate.sequence)
	}
}

/** The predecessor of an object's next event for a subscription, if it is not the object's previous event. */
type Skip = { previous: number | null } | null

/**
 * Sets `previousSequence` if it differs: the object's last event for this subscription, so that a gap means a lost
 * event. After omitted events, the next one has the predecessor that they had.
 */
export function linkPrevious(
	_tx: Tx,
	core: Core,
	subscription: Subscription,
	eligible: readonly Candidate[],
	assignment: Assignment,
	extras: ReadonlyMap<number, MemberOverrides>,
): void {
	const skips = new Map<string, { candidate: Candidate; stored: Skip; current: Skip }>()
	for (const candidate of eligible) {
		const { sequence, object } = candidate
		if (!assignment.assigned.has(sequence) && !assignment.omitted.has(sequence)) continue
		const stored = skips.has(object) ? skips.get(object)!.stored : readSkip(core, subscription, candidate)
		const skip = skips.has(object) ? skips.get(object)!.current : stored
		const previous = skip === null ? getOwnPrevious(subscription, candidate) : skip.previous
		const extra = extras.get(sequence)
		if (extra !== undefined && previous !== candidate.previousSequence) extra.p = previous
		skips.set(object, { candidate, stored, current: extra === undefined ? { previous } : null })
	}
	for (const { candidate, stored, current } of skips.values())
		if (stored?.previous !== current?.previous || (stored === null) !== (current === null))
			saveSkip(core, subscription, candidate, current)
}

/** The predecessor of an event in the log, unless it is older than the subscription. */
function getOwnPrevious(subscription: Subscription, { previousEvent, previousSequence }: Candidate): number | null {
	return previousEvent !== null && previousEvent <= subscription.since ? null : previousSequence
}

function readSkip(core: Core, subscription: Subscription, { resourceNumber, objectId }: Candidate): Skip {
	if (!core.state.skips) return null
	return (
		core.ports.sql.all<{ previous: number | null }>(
			`SELECT previous FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`,
			subscription.id,
			resourceNumber,
			objectId,
		)[0] ?? null
	)
}

function saveSkip(core: Core, subscription: Subscription, { resourceNumber, objectId }: Candidate, skip: Skip): void {
	const { sql } = core.ports
	if (skip === null) {
		sql.run(
			`DELETE FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`,
			subscription.id,
			resourceNumber,
			objectId,
		)
		return
	}
	core.state.skips = true
	sql.run(
		`INSERT OR REPLACE INTO skipped (subscription, resource, object_id, previous) VALUES (?, ?, ?, ?)`,
		subscription.id,
		resourceNumber,
		objectId,
		skip.previous,
	)
}

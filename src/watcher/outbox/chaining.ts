/**
 * What a subscription is told of an object, in a chain: `previousSequence` is the object's last event that was meant
 * for it, so that a gap is only what differs from that. What a filter or coalescing leaves out is skipped, and the next
 * event follows what was told before.
 */
import type { WaitingChange } from '../../events/batching.ts'
import type { MemberOverrides } from '../../events/notification-members.ts'
import type { Core } from '../core/core.ts'
import type { Subscription } from '../core/rows.ts'
import type { Tx } from '../core/tx.ts'
import type { ObjectId } from '../../elements/store.ts'

/** An event that may become part of a notification. */
export interface Candidate extends WaitingChange {
	resourceNumber: number
	objectId: ObjectId
	/** Place in the log of the object's event before it. */
	previousEvent: number | null
	/** null also where no condition asks for it. */
	record: string | null
	/** The notification that tells of it has its id already (`reserve`). */
	reserved: number | null
}

/** What became of candidates. */
export interface Assignment {
	/** Sequence → the notification that tells of it. */
	assigned: Map<number, number>
	/** Told by no notification, and not to be looked at again: filtered, or cancelled out. */
	omitted: Set<number>
}

/**
 * What the filter does not want is left out, unless an earlier event of its object still waits: `previousSequence` is
 * counted in order.
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

/**
 * Works out `previousSequence`: the object's last event that was meant for this subscription, so that a gap is only
 * what differs from it. Where events were left out, the next one follows what they followed.
 */
export function linkPrevious(
	_tx: Tx,
	core: Core,
	subscription: Subscription,
	eligible: readonly Candidate[],
	assignment: Assignment,
	extras: ReadonlyMap<number, MemberOverrides>,
): void {
	const { sql } = core.ports
	const skipped = new Map<string, { previous: number | null } | null>()
	const storedSkips = new Map<string, { previous: number | null } | null>()
	const lastByObject = new Map<string, Candidate>()
	for (const candidate of eligible) {
		const { sequence, object } = candidate
		if (!assignment.assigned.has(sequence) && !assignment.omitted.has(sequence)) continue
		lastByObject.set(object, candidate)
		if (!skipped.has(object)) {
			const row = core.state.skips
				? (sql.all<{ previous: number | null }>(
						`SELECT previous FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`,
						subscription.id,
						candidate.resourceNumber,
						candidate.objectId,
					)[0] ?? null)
				: null
			skipped.set(object, row)
			storedSkips.set(object, row)
		}
		const ownPrevious =
			candidate.previousEvent !== null && candidate.previousEvent <= subscription.since
				? null
				: candidate.previousSequence
		const skip = skipped.get(object) ?? null
		const previous = skip === null ? ownPrevious : skip.previous
		const extra = extras.get(sequence)
		if (extra === undefined) skipped.set(object, { previous })
		else {
			if (previous !== candidate.previousSequence) extra.p = previous
			skipped.set(object, null)
		}
	}
	for (const [object, current] of skipped) {
		const stored = storedSkips.get(object) ?? null
		if (stored?.previous === current?.previous && (stored === null) === (current === null)) continue
		const { resourceNumber, objectId } = lastByObject.get(object)!
		if (current === null)
			sql.run(
				`DELETE FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`,
				subscription.id,
				resourceNumber,
				objectId,
			)
		else {
			core.state.skips = true
			sql.run(
				`INSERT OR REPLACE INTO skipped (subscription, resource, object_id, previous) VALUES (?, ?, ?, ?)`,
				subscription.id,
				resourceNumber,
				objectId,
				current.previous,
			)
		}
	}
}

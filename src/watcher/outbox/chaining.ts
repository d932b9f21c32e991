/**
 * What a subscription is told of an object, in a chain: `previousSequence` is the object's last event that was meant for it, so that a gap is
 * only what differs from that. What a filter or coalescing leaves out is skipped, and the next event follows what was told before.
 */
import type { WaitingChange } from '../../events/form.ts'
import type { MemberExtra } from '../../events/member.ts'
import type { Core } from '../core/core.ts'
import type { Subscription } from '../core/rows.ts'
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
export interface Carried {
	/** Sequence → the notification that tells of it. */
	by: Map<number, number>
	/** Told by no notification, and not to be looked at again: filtered, or cancelled out. */
	left: Set<number>
}

/** What the filter does not want is left out, unless an earlier event of its object still waits: `previousSequence` is counted in order. */
export function leaveOut(free: readonly Candidate[], wanted: readonly Candidate[], carried: Carried): void {
	const want = new Set(wanted)
	const stuck = new Set<string>()
	for (const one of free) {
		if (carried.by.has(one.sequence) || carried.left.has(one.sequence)) continue
		if (want.has(one)) stuck.add(one.object)
		else if (!stuck.has(one.object)) carried.left.add(one.sequence)
	}
}

/**
 * Works out `previousSequence`: the object's last event that was meant for this subscription, so that a gap is only what differs from it.
 * Where events were left out, the next one follows what they followed.
 */
export function follow(
	core: Core,
	subscription: Subscription,
	free: readonly Candidate[],
	carried: Carried,
	extras: ReadonlyMap<number, MemberExtra>,
): void {
	const { sql } = core.ports
	const skipped = new Map<string, { previous: number | null } | null>()
	const before = new Map<string, { previous: number | null } | null>()
	const last = new Map<string, Candidate>()
	for (const one of free) {
		const { sequence, object } = one
		if (!carried.by.has(sequence) && !carried.left.has(sequence)) continue
		last.set(object, one)
		if (!skipped.has(object)) {
			const row = core.state.skips
				? (sql.all<{ previous: number | null }>(
						`SELECT previous FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`,
						subscription.id,
						one.resourceNumber,
						one.objectId,
					)[0] ?? null)
				: null
			skipped.set(object, row)
			before.set(object, row)
		}
		const own = one.previousEvent !== null && one.previousEvent <= subscription.since ? null : one.previousSequence
		const left = skipped.get(object) ?? null
		const previous = left === null ? own : left.previous
		const extra = extras.get(sequence)
		if (extra === undefined) skipped.set(object, { previous })
		else {
			if (previous !== one.previousSequence) extra.p = previous
			skipped.set(object, null)
		}
	}
	for (const [object, now] of skipped) {
		const was = before.get(object) ?? null
		if (was?.previous === now?.previous && (was === null) === (now === null)) continue
		const { resourceNumber, objectId } = last.get(object)!
		if (now === null)
			sql.run(`DELETE FROM skipped WHERE subscription = ? AND resource = ? AND object_id = ?`, subscription.id, resourceNumber, objectId)
		else {
			core.state.skips = true
			sql.run(
				`INSERT OR REPLACE INTO skipped (subscription, resource, object_id, previous) VALUES (?, ?, ?, ?)`,
				subscription.id,
				resourceNumber,
				objectId,
				now.previous,
			)
		}
	}
}

/**
 * Makes notifications of what waits (docs/architecture.md, The way of a change). A pure decision: which events go
 * together, now. Once formed, a notification's list of events never changes; so what must stay in order is held back
 * here.
 */
import type { EventType } from './event.ts'
import type { MemberOverrides } from './notification-members.ts'

/** An event that is in no notification yet. */
export interface WaitingEvent {
	sequence: number
	/** The resource's label: a notification has events of one. */
	resource: string
	/** Whose event it is, from `objectKey`. */
	object: string
	/** Characters of its record; absent: none worth counting. */
	size?: number
	/** The oldest event that it stands for, where that is another: decides whose turn it is. */
	since?: number
}

/** An event that waits, as coalescing needs it. */
export interface WaitingChange extends WaitingEvent {
	type: EventType
	changedFields: string[] | null
	/** `objectSequence` of the object's last event before this one that was meant for this subscription. */
	previousSequence: number | null
}

/** The event that is told of its object, for all that wait. */
export interface CoalescedEvent extends WaitingChange {
	/** All that it stands for, ascending; the last one is itself. */
	sequences: number[]
}

/** Events of an object that come to nothing: nobody is told of any of them. */
export interface CancelledChanges {
	object: string
	sequences: number[]
	/** What the object's next event follows on this subscription. */
	previousSequence: number | null
}

/** The contract's sizes (docs/contract.md §4), by how changes are seen; `event.notification.batch` overrides. */
export const DEFAULT_BATCH: Readonly<Record<'polling' | 'webhook' | 'hybrid', number>> = {
	polling: 10,
	webhook: 20,
	hybrid: 10,
}

/**
 * Characters that the records of a notification hold together, unless it is a single one: an RPC answer holds 32 MiB,
 * two bytes a character, and what cannot be handed to a consumer would never be sent.
 */
export const MAX_RECORD_CHARACTERS = 6_000_000

/** A notification to be made: events of one resource, ascending. */
export interface FormedNotification {
	resource: string
	sequences: number[]
}

/**
 * Names an object for `WaitingEvent.object` and `blocked`. `resource` is what identifies the resource; its identity
 * rather than its label keeps an object's order across a renaming.
 */
export function objectKey(resource: string, objectId: number | string): string {
	return `${resource}\u0000${objectId}`
}

/**
 * Leaves one event of each object: the newest of those that go now. A receiver that folds them ends where it would have
 * ended with all.
 *
 * - Begins with CREATED and ends with DELETED: it never heard of the object, and is not told now.
 * - Begins with CREATED and ends with UPDATED: told as CREATED, with the newest record.
 * - Otherwise the newest as it is. After DELETED … CREATED that is a CREATED of an object the receiver may still have.
 *
 * `previousSequence` is that of the first, so that nothing seems to be missing. `changedFields` are those of all, in the order in which
 * they changed first; null (anything may have changed) where those of one are not known, and of CREATED and DELETED.
 *
 * @param waiting events that may go now, in any order: none of an object that must wait, none that the filter leaves
 * out
 */
export function coalesce(waiting: readonly WaitingChange[]): { kept: CoalescedEvent[]; cancelled: CancelledChanges[] } {
	const kept: CoalescedEvent[] = []
	const cancelled: CancelledChanges[] = []
	const runs = Map.groupBy(
		waiting.toSorted((a, b) => a.sequence - b.sequence),
		(event) => event.object,
	)
	for (const [object, run] of runs) {
		const first = run[0]!
		const last = run.at(-1)!
		const sequences = run.map((event) => event.sequence)
		const { previousSequence } = first
		if (first.type === 'CREATED' && last.type === 'DELETED') {
			cancelled.push({ object, sequences, previousSequence })
			continue
		}
		const type = first.type === 'CREATED' && last.type === 'UPDATED' ? 'CREATED' : last.type
		kept.push({
			...last,
			type,
			previousSequence,
			changedFields: type === 'UPDATED' ? mergeChangedFields(run) : null,
			since: first.sequence,
			sequences,
		})
	}
	return { kept: kept.sort((a, b) => a.sequence - b.sequence), cancelled }
}

function mergeChangedFields(run: readonly WaitingChange[]): string[] | null {
	const names = new Set<string>()
	for (const { changedFields } of run) {
		if (changedFields === null) return null
		for (const name of changedFields) names.add(name)
	}
	return [...names]
}

/** What a notification notes of a coalesced event beside its row: only what differs from it. */
export function toMemberOverrides(
	coalesced: Pick<CoalescedEvent, 'type' | 'changedFields' | 'previousSequence' | 'sequences'>,
	event: Pick<WaitingChange, 'type' | 'changedFields' | 'previousSequence'>,
): MemberOverrides {
	return {
		...(coalesced.previousSequence === event.previousSequence ? {} : { p: coalesced.previousSequence }),
		...(coalesced.sequences.length === 1 ? {} : { c: coalesced.sequences.length }),
		...(JSON.stringify(coalesced.changedFields) === JSON.stringify(event.changedFields)
			? {}
			: { f: coalesced.changedFields }),
		...(coalesced.type === 'CREATED' && event.type !== 'CREATED' ? { t: 'CREATED' } : {}),
	}
}

/**
 * Forms what can be sent now, oldest event first.
 *
 * Two notifications travel at the same time, so an object with an unsettled one waits, and so does one whose events did
 * not all fit: all events of an object that go now go in the same notification, in order.
 *
 * @param waiting events in no notification, in any order
 * @param blocked objects (`objectKey`) with an unsettled notification on this subscription
 * @param limits how many events a notification holds
 * @param maxNotifications how many notifications may be made: the limit of unsettled ones less those there are
 */
export function formNotifications(
	waiting: readonly WaitingEvent[],
	blocked: ReadonlySet<string>,
	limits: { perNotification: number },
	maxNotifications: number,
): FormedNotification[] {
	const formed: FormedNotification[] = []
	/** Per resource, the notification that still takes events. */
	const openByResource = new Map<string, FormedNotification>()
	const sizes = new Map<FormedNotification, number>()
	/** Where each object's events of this call went; null: it must wait. */
	const placedByObject = new Map<string, FormedNotification | null>()

	for (const event of waiting.toSorted((a, b) => (a.since ?? a.sequence) - (b.since ?? b.sequence))) {
		if (blocked.has(event.object)) continue
		let target = openByResource.get(event.resource)
		const size = event.size ?? 0
		if (
			target !== undefined &&
			(target.sequences.length >= limits.perNotification || sizes.get(target)! + size > MAX_RECORD_CHARACTERS)
		)
			target = undefined
		const earlier = placedByObject.get(event.object)
		// Its earlier events go elsewhere, or wait: this one must not overtake them.
		if (earlier !== undefined && earlier !== target) {
			placedByObject.set(event.object, null)
			continue
		}
		if (target === undefined) {
			if (formed.length >= maxNotifications) {
				placedByObject.set(event.object, null)
				continue
			}
			target = { resource: event.resource, sequences: [] }
			openByResource.set(event.resource, target)
			formed.push(target)
			sizes.set(target, 0)
		}
		target.sequences.push(event.sequence)
		sizes.set(target, sizes.get(target)! + size)
		placedByObject.set(event.object, target)
	}
	for (const { sequences } of formed) sequences.sort((a, b) => a - b)
	return formed
}

/**
 * Decides which waiting events form notifications now (docs/architecture.md, From change to notification). Pure. Once a
 * notification is claimed its events never change, so events that must stay in order are held back here.
 */
import type { EventType } from './event.ts'
import type { MemberOverrides } from './notification-members.ts'

/** An event without a notification. */
export interface WaitingEvent {
	sequence: number
	/** The resource's label: all events of a notification have the same. */
	resource: string
	/** The key of its object, from `objectKey`. */
	object: string
	/** Characters of its record; absent: 0. */
	size?: number
	/** The oldest event that is coalesced into it: decides the order. */
	since?: number
}

/** A waiting event with its data for coalescing. */
export interface WaitingChange extends WaitingEvent {
	type: EventType
	changedFields: string[] | null
	/** `objectSequence` of the object's previous event for this subscription. */
	previousSequence: number | null
	/** It has records of variations. */
	hasVariations?: boolean
	/** Part of a mass change: merges with the next waiting event of its object. */
	merges?: boolean
}

/** The one event that is sent for all waiting events of its object. */
export interface CoalescedEvent extends WaitingChange {
	/** The coalesced events, ascending; the last one is itself. */
	sequences: number[]
	/** Those before it whose variations' records come with it; absent: none. */
	variationSequences?: number[]
}

/** Events of an object that cancel each other: none is sent. */
interface CancelledChanges {
	object: string
	sequences: number[]
	/** `previousSequence` of the object's next event for this subscription. */
	previousSequence: number | null
}

/** How changes are detected: by polls, by webhooks with polls that reconcile them, or by both at the same pace. */
export type VendorType = 'polling' | 'webhook' | 'hybrid'

/** Batch sizes by vendor type (docs/contract.md §4); `event.notification.batch` overrides. */
export const DEFAULT_BATCH: Readonly<Record<VendorType, number>> = {
	polling: 10,
	webhook: 20,
	hybrid: 10,
}

/**
 * The limit for the characters of a notification's records together; a single record may exceed it. An RPC answer holds
 * 32 MiB, two bytes per character, and what does not fit cannot be claimed.
 */
const MAX_RECORD_CHARACTERS = 6_000_000

/** A notification to create, or to add to: events of one resource, ascending. */
interface FormedNotification {
	resource: string
	sequences: number[]
	/** The notification that they are added to; absent: a new one. */
	into?: number
}

/** A notification that was formed earlier and still takes events of its resource. */
export interface OpenNotification {
	id: number
	resource: string
	/** Events that it has, and characters of their records. */
	count: number
	size: number
}

/**
 * The key of an object. `resource`: the resource's identity rather than its label, so that order survives a new label.
 */
export function objectKey(resource: string, objectId: number | string): string {
	return `${resource}\u0000${objectId}`
}

/**
 * Keeps one event per object, the newest. A receiver that applies it ends in the same state as with all of them.
 * `all` false: only events that merge with the next one of their object do so.
 *
 * - From CREATED to DELETED: nothing is sent, since the receiver does not know the object.
 * - From CREATED to UPDATED: sent as CREATED, with the newest record.
 * - Otherwise the newest as it is. After DELETED … CREATED that is a CREATED of an object the receiver may still have.
 *
 * `previousSequence` is that of the first event, so that there is no gap. `changedFields` are those of all events, in
 * the order of their first change; null (unknown) where those of an event are unknown, and for CREATED and DELETED.
 *
 * @param waiting events that may be sent now, in any order: without blocked objects, and after the filter
 */
export function coalesce(
	waiting: readonly WaitingChange[],
	all = true,
): { kept: CoalescedEvent[]; cancelled: CancelledChanges[] } {
	const kept: CoalescedEvent[] = []
	const cancelled: CancelledChanges[] = []
	const byObject = Map.groupBy(
		waiting.toSorted((a, b) => a.sequence - b.sequence),
		(event) => event.object,
	)
	for (const run of [...byObject.values()].flatMap((events) => (all ? [events] : splitRuns(events)))) {
		const first = run[0]!
		const last = run.at(-1)!
		const sequences = run.map((event) => event.sequence)
		const { object, previousSequence } = first
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
			...toVariationSequences(run),
		})
	}
	return { kept: kept.sort((a, b) => a.sequence - b.sequence), cancelled }
}

/** The events before the last one whose variations' records are still true when it is sent. */
function toVariationSequences(run: readonly WaitingChange[]): Pick<CoalescedEvent, 'variationSequences'> {
	const sinceDeletion = run.slice(run.findLastIndex(({ type }) => type === 'DELETED') + 1)
	const sequences = sinceDeletion
		.slice(0, -1)
		.flatMap((event) => (event.hasVariations === true ? [event.sequence] : []))
	return sequences.length === 0 ? {} : { variationSequences: sequences }
}

/** An object's events, each with those before it that merge with it. */
function splitRuns(events: readonly WaitingChange[]): WaitingChange[][] {
	const runs: WaitingChange[][] = [[]]
	for (const event of events) {
		runs.at(-1)!.push(event)
		if (event.merges !== true) runs.push([])
	}
	return runs.filter((run) => run.length > 0)
}

function mergeChangedFields(run: readonly WaitingChange[]): string[] | null {
	const names = new Set<string>()
	for (const { changedFields } of run) {
		if (changedFields === null) return null
		for (const name of changedFields) names.add(name)
	}
	return [...names]
}

/** The differences between a coalesced event and the event's row. */
export function toMemberOverrides(
	coalesced: Pick<CoalescedEvent, 'type' | 'changedFields' | 'previousSequence' | 'sequences' | 'variationSequences'>,
	event: Pick<WaitingChange, 'type' | 'changedFields' | 'previousSequence'>,
): MemberOverrides {
	return {
		...(coalesced.previousSequence === event.previousSequence ? {} : { p: coalesced.previousSequence }),
		...(coalesced.sequences.length === 1 ? {} : { c: coalesced.sequences.length }),
		...(JSON.stringify(coalesced.changedFields) === JSON.stringify(event.changedFields)
			? {}
			: { f: coalesced.changedFields }),
		...(coalesced.variationSequences === undefined ? {} : { v: coalesced.variationSequences }),
		...(coalesced.type === 'CREATED' && event.type !== 'CREATED' ? { t: 'CREATED' } : {}),
	}
}

/**
 * Forms the notifications that can be sent now, oldest event first.
 *
 * Notifications travel concurrently, so an object has one unsettled notification at a time: its events go into the same
 * notification, in order, or wait.
 *
 * @param waiting events without a notification, in any order
 * @param blocked objects (`objectKey`) with an unsettled notification for this subscription
 * @param limits how many events a notification has at most
 * @param maxNotifications how many notifications may be formed
 * @param open notifications that take events first, at most one a resource
 */
export function formNotifications(
	waiting: readonly WaitingEvent[],
	blocked: ReadonlySet<string>,
	limits: { perNotification: number },
	maxNotifications: number,
	open: readonly OpenNotification[] = [],
): FormedNotification[] {
	const formed: FormedNotification[] = []
	let created = 0
	/** By resource: the notification that still takes events. */
	const openByResource = new Map<string, FormedNotification>()
	const sizes = new Map<FormedNotification, number>()
	const counts = new Map<FormedNotification, number>()
	for (const { id, resource, count, size } of open) {
		const target: FormedNotification = { resource, sequences: [], into: id }
		openByResource.set(resource, target)
		sizes.set(target, size)
		counts.set(target, count)
	}
	/** By object: the notification that its events went into; null: it must wait. */
	const placedByObject = new Map<string, FormedNotification | null>()

	for (const event of waiting.toSorted((a, b) => (a.since ?? a.sequence) - (b.since ?? b.sequence))) {
		if (blocked.has(event.object)) continue
		let target = openByResource.get(event.resource)
		const size = event.size ?? 0
		if (
			target !== undefined &&
			(counts.get(target)! >= limits.perNotification || sizes.get(target)! + size > MAX_RECORD_CHARACTERS)
		)
			target = undefined
		const earlier = placedByObject.get(event.object)
		// It must not overtake its object's earlier events, which go elsewhere or wait.
		if (earlier !== undefined && earlier !== target) {
			placedByObject.set(event.object, null)
			continue
		}
		if (target === undefined) {
			if (created >= maxNotifications) {
				placedByObject.set(event.object, null)
				continue
			}
			created++
			target = { resource: event.resource, sequences: [] }
			openByResource.set(event.resource, target)
			sizes.set(target, 0)
			counts.set(target, 0)
		}
		if (target.sequences.length === 0) formed.push(target)
		counts.set(target, counts.get(target)! + 1)
		target.sequences.push(event.sequence)
		sizes.set(target, sizes.get(target)! + size)
		placedByObject.set(event.object, target)
	}
	for (const { sequences } of formed) sequences.sort((a, b) => a - b)
	return formed
}

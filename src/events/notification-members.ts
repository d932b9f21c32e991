/**
 * The events of a notification as its row has them: `[sequence, resourceNumber, objectId, overrides?]` as JSON. The
 * overrides keep the body a pure function of stored rows.
 */
import type { EventType, StoredEvent, DeliveredEvent } from './event.ts'
import { mergeVariationRecords } from './variation-records.ts'

/** How an event differs in a notification. Absent: as in the event's row. */
export interface MemberOverrides {
	/** `previousSequence` for this subscription. */
	p?: number | null
	/** How many events were coalesced into it, itself included. */
	c?: number
	/** `changedFields` of the coalesced events. */
	f?: string[] | null
	/** Earlier events that were coalesced into it, and whose variations' records come with it. */
	v?: number[]
	/** `eventType`: the coalesced events begin with CREATED and end with UPDATED. */
	t?: Extract<EventType, 'CREATED'>
}

/** An event of a notification. */
export type NotificationMember = readonly [
	sequence: number,
	resourceNumber: number,
	objectId: number | string,
	extra?: MemberOverrides,
]

/** Parses the members of a notification's row. */
export function parseMembers(text: string): NotificationMember[] {
	return JSON.parse(text) as NotificationMember[]
}

/** Members as a notification's row keeps them, without empty overrides. */
export function formatMembers(members: readonly NotificationMember[]): string {
	return JSON.stringify(
		members.map(([sequence, resource, objectId, overrides]) =>
			overrides === undefined || Object.keys(overrides).length === 0
				? [sequence, resource, objectId]
				: [sequence, resource, objectId, overrides],
		),
	)
}

/** An event as this notification sends it. `earlier`: those of `v` that are still stored. */
export function applyMemberOverrides(
	event: StoredEvent,
	overrides: MemberOverrides | undefined,
	earlier: readonly StoredEvent[] = [],
): DeliveredEvent {
	if (overrides === undefined) return event
	return {
		...event,
		...(earlier.length === 0 ? {} : { variationRecords: mergeVariationRecords([...earlier, event]) }),
		...(overrides.t === undefined ? {} : { eventType: overrides.t }),
		...(overrides.p === undefined ? {} : { previousSequence: overrides.p }),
		...(overrides.f === undefined ? {} : { changedFields: overrides.f }),
		...(overrides.c === undefined ? {} : { coalesced: overrides.c }),
	}
}

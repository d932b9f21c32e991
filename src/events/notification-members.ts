/**
 * What a notification's row says of its events: `[sequence, resourceNumber, objectId, extra?]` as JSON. `extra` holds
 * what this notification tells otherwise than the event itself, so that the body stays a pure function of stored rows.
 */
import type { EventType, StoredEvent, DeliveredEvent } from './event.ts'

/** What a notification tells of an event otherwise than its row does. Absent: as the row has it. */
export interface MemberOverrides {
	/** `previousSequence` on this subscription. */
	p?: number | null
	/** How many events it stands for, itself included. */
	c?: number
	/** `changedFields` of all of them. */
	f?: string[] | null
	/** The type: they begin with CREATED and end with UPDATED. */
	t?: Extract<EventType, 'CREATED'>
}

/** An event of a notification. */
export type NotificationMember = readonly [
	sequence: number,
	resourceNumber: number,
	objectId: number | string,
	extra?: MemberOverrides,
]

/** Reads the members of a notification's row. */
export function parseMembers(text: string): NotificationMember[] {
	return JSON.parse(text) as NotificationMember[]
}

/** Members as a notification's row keeps them. An extra that says nothing is left out. */
export function formatMembers(members: readonly NotificationMember[]): string {
	return JSON.stringify(
		members.map(([sequence, resource, objectId, overrides]) =>
			overrides === undefined || Object.keys(overrides).length === 0
				? [sequence, resource, objectId]
				: [sequence, resource, objectId, overrides],
		),
	)
}

/** An event as this notification tells it. */
export function applyMemberOverrides(event: StoredEvent, overrides: MemberOverrides | undefined): DeliveredEvent {
	if (overrides === undefined) return event
	return {
		...event,
		...(overrides.t === undefined ? {} : { eventType: overrides.t }),
		...(overrides.p === undefined ? {} : { previousSequence: overrides.p }),
		...(overrides.f === undefined ? {} : { changedFields: overrides.f }),
		...(overrides.c === undefined ? {} : { coalesced: overrides.c }),
	}
}

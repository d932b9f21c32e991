/**
 * What a notification's row says of its events: `[sequence, resourceNumber, objectId, extra?]` as JSON. `extra` holds what this notification
 * tells otherwise than the event itself, so that the body stays a pure function of stored rows.
 */
import type { EventType, StoredEvent, ToldEvent } from './event.ts'

/** What a notification tells of an event otherwise than its row does. Absent: as the row has it. */
export interface MemberExtra {
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
export type Member = readonly [sequence: number, resourceNumber: number, objectId: number | string, extra?: MemberExtra]

/** Reads the members of a notification's row. */
export function parseMembers(text: string): Member[] {
	return JSON.parse(text) as Member[]
}

/** Members as a notification's row keeps them. An extra that says nothing is left out. */
export function formatMembers(members: readonly Member[]): string {
	return JSON.stringify(
		members.map(([sequence, resource, objectId, extra]) =>
			extra === undefined || Object.keys(extra).length === 0 ? [sequence, resource, objectId] : [sequence, resource, objectId, extra],
		),
	)
}

/** An event as this notification tells it. */
export function told(event: StoredEvent, extra: MemberExtra | undefined): ToldEvent {
	if (extra === undefined) return event
	return {
		...event,
		...(extra.t === undefined ? {} : { eventType: extra.t }),
		...(extra.p === undefined ? {} : { previousSequence: extra.p }),
		...(extra.f === undefined ? {} : { changedFields: extra.f }),
		...(extra.c === undefined ? {} : { coalesced: extra.c }),
	}
}

/**
 * Ids of events and notifications. An event id has its instance, its sequence and a tag that only a master key can
 * make, so it cannot be guessed; a notification id has its owner and a counter.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** The largest instance id and sequence in an event id: 48 bits. */
const MAX_UINT48 = 2 ** 48 - 1

/** How many notifications an owner can have: the next owner's ids follow. */
const MAX_NOTIFICATIONS_PER_OWNER = 1_000_000_000

/** The parts of an event id. `tag` (24 bits) authenticates the other two. */
export interface EventIdParts {
	instanceId: number
	sequence: number
	tag: number
}

/** The parts of a notification id: the owner (an instance) and its counter. */
export interface NotificationIdParts {
	ownerId: number
	counter: number
}

/**
 * An event's id: base64url of 15 bytes (instance 48 bit, sequence 48 bit, tag 24 bit), 20 characters. Throws when a
 * part does not fit.
 */
export function formatEventId(instanceId: number, sequence: number, tag: number): string {
	if (
		!isIntegerUpTo(instanceId, MAX_UINT48) ||
		!isIntegerUpTo(sequence, MAX_UINT48) ||
		!isIntegerUpTo(tag, 0xff_ffff)
	) {
		throw new RangeError('An event id holds a 48 bit instance, a 48 bit sequence and a 24 bit tag')
	}
	const bytes = Buffer.alloc(15)
	bytes.writeUIntBE(instanceId, 0, 6)
	bytes.writeUIntBE(sequence, 6, 6)
	bytes.writeUIntBE(tag, 12, 3)
	return bytes.toString('base64url')
}

/** Parses an event id; null when invalid. Does not authenticate it: `verifyEventTag` does. */
export function parseEventId(text: string): EventIdParts | null {
	// 120 bits fill 20 characters exactly, so every id has one form.
	if (!/^[A-Za-z0-9_-]{20}$/.test(text)) return null
	const bytes = Buffer.from(text, 'base64url')
	return { instanceId: bytes.readUIntBE(0, 6), sequence: bytes.readUIntBE(6, 6), tag: bytes.readUIntBE(12, 3) }
}

/**
 * The tag of a sequence in an instance's log: the first 3 bytes of HMAC-SHA256 with a master key, as a number. By the
 * incarnation, so that no event has the id of another instance's event.
 */
export function computeEventTag(masterKey: Uint8Array, incarnation: string, sequence: number): number {
	// The prefix separates this use of the master key from the others.
	const digest = createHmac('sha256', masterKey).update(`shopbell-event\n${incarnation}\n${sequence}`).digest()
	return digest.readUIntBE(0, 3)
}

/** Whether one of the master keys made this id for its instance, which has this incarnation; in constant time. */
export function verifyEventTag(masterKeys: readonly Uint8Array[], incarnation: string, parts: EventIdParts): boolean {
	const claimed = toTagBytes(parts.tag)
	let matches = false
	// No early exit: the time must not show which key matched.
	for (const key of masterKeys) {
		if (timingSafeEqual(claimed, toTagBytes(computeEventTag(key, incarnation, parts.sequence)))) matches = true
	}
	return matches
}

/**
 * A notification's id: owner × 10^9 + counter, a safe integer (docs/contract.md §11). Throws when it would not be one.
 */
export function toNotificationId(ownerId: number, counter: number): number {
	const id = ownerId * MAX_NOTIFICATIONS_PER_OWNER + counter
	if (
		!isIntegerUpTo(ownerId, MAX_UINT48) ||
		ownerId < 1 ||
		!isIntegerUpTo(counter, MAX_NOTIFICATIONS_PER_OWNER - 1) ||
		!Number.isSafeInteger(id)
	) {
		throw new RangeError('A notification id holds a positive owner and a counter below 10^9, together a safe integer')
	}
	return id
}

/** Parses a notification id, given as the API's number or the envelope's digits; null when invalid. */
export function parseNotificationId(id: number | string): NotificationIdParts | null {
	if (typeof id === 'string' && !/^[1-9][0-9]{0,15}$/.test(id)) return null
	const value = Number(id)
	if (!Number.isSafeInteger(value) || value < MAX_NOTIFICATIONS_PER_OWNER) return null
	return { ownerId: Math.floor(value / MAX_NOTIFICATIONS_PER_OWNER), counter: value % MAX_NOTIFICATIONS_PER_OWNER }
}

function toTagBytes(tag: number): Uint8Array {
	return Uint8Array.of((tag >> 16) & 0xff, (tag >> 8) & 0xff, tag & 0xff)
}

function isIntegerUpTo(value: number, max: number): boolean {
	return Number.isSafeInteger(value) && value >= 0 && value <= max
}

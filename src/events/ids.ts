/**
 * Ids that find their owner and cannot be guessed. An event's id says which instance and which place in its log, and
 * carries a tag that only the holder of a master key can make; a notification's id is its owner's id and a counter.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** The largest number that 48 bits hold: the bound of instance ids and sequences inside an event id. */
const MAX_UINT48 = 2 ** 48 - 1

/** Notifications an owner can have before its ids would run into the next owner's. */
const MAX_NOTIFICATIONS_PER_OWNER = 1_000_000_000

/** What an event id says: the instance, the event's place in its log, and the tag (24 bits) that vouches for both. */
export interface EventIdParts {
	instanceId: number
	sequence: number
	tag: number
}

/** What a notification id says: the owner (an instance) and the owner's counter. */
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

/** Takes an event id apart; null when the text is none. Says nothing about who made it: `verifyEventTag` does. */
export function parseEventId(text: string): EventIdParts | null {
	// 120 bits fill 20 characters exactly, so every text of this form is one id and every id has one form.
	if (!/^[A-Za-z0-9_-]{20}$/.test(text)) return null
	const bytes = Buffer.from(text, 'base64url')
	return { instanceId: bytes.readUIntBE(0, 6), sequence: bytes.readUIntBE(6, 6), tag: bytes.readUIntBE(12, 3) }
}

/** The tag of a place in an instance's log: the first 3 bytes of HMAC-SHA256 under a master key, as a number. */
export function computeEventTag(masterKey: Uint8Array, instanceId: number, sequence: number): number {
	// The leading words keep this use of the master key apart from every other one.
	const digest = createHmac('sha256', masterKey).update(`shopbell-event\n${instanceId}\n${sequence}`).digest()
	return digest.readUIntBE(0, 3)
}

/** Whether a master key of the ring made this id. The comparison takes the same time wherever the tags differ. */
export function verifyEventTag(masterKeys: readonly Uint8Array[], parts: EventIdParts): boolean {
	const claimed = toTagBytes(parts.tag)
	let matches = false
	// No early end: how many keys were tried must not show either.
	for (const key of masterKeys) {
		if (timingSafeEqual(claimed, toTagBytes(computeEventTag(key, parts.instanceId, parts.sequence)))) matches = true
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

/** Takes a notification id apart, given as the API's number or as the envelope's digits; null when it is none. */
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

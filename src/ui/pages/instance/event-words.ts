/** An event of the log in words: what changed, how it was detected, what became of its delivery. Pure. */
import { parseExact } from '../../../elements/json.ts'
import { isRecord } from '../../../elements/values.ts'
import type { Tone } from '../../parts/state.tsx'
import type { EventRecord } from './data.ts'

/** What became of an event's delivery. `isFinal`: it will not change soon. */
export interface DeliveryWords {
	tone: Tone
	word: string
	isFinal: boolean
}

/** The statuses of notifications, the one that matters first. */
const STATUSES: readonly (readonly [status: string, words: DeliveryWords])[] = [
	['queued', { tone: 'bad', word: 'Failed', isFinal: true }],
	['retry', { tone: 'warn', word: 'Retrying', isFinal: false }],
	['claimed', { tone: 'idle', word: 'Sending', isFinal: false }],
	['waiting', { tone: 'idle', word: 'Waiting', isFinal: false }],
	['delivered', { tone: 'ok', word: 'Delivered', isFinal: true }],
	['dropped', { tone: 'idle', word: 'Dropped', isFinal: true }],
]

const NOT_SENT: DeliveryWords = { tone: 'idle', word: 'Not sent yet', isFinal: false }

/** How long a new event's row asks often what became of its delivery, ms. */
const MAX_FOLLOWED_MS = 120_000
const OFTEN_SECONDS = 2
const SLOWLY_SECONDS = 30

/** What became of it, at the worst of its notifications. */
export function toDeliveryWords({ notifiedData, status }: Pick<EventRecord, 'notifiedData' | 'status'>): DeliveryWords {
	if (status === 'NOTIFIED') return { tone: 'ok', word: 'Delivered', isFinal: true }
	for (const [name, words] of STATUSES) if (notifiedData.some((one) => one.status === name)) return words
	return NOT_SENT
}

/** What became of one notification. */
export function toNotificationWords(status: string): DeliveryWords {
	return STATUSES.find(([name]) => name === status)?.[1] ?? NOT_SENT
}

/** The seconds after which an event's row asks again what became of its delivery; null: it does not. */
export function getFollowSeconds(event: EventRecord, nowMs: number): number | null {
	if (toDeliveryWords(event).isFinal) return null
	if (nowMs - Date.parse(event.recordedDate) < MAX_FOLLOWED_MS) return OFTEN_SECONDS
	// An event that no notification carries after this long is kept in the log only.
	return event.notifiedData.length === 0 ? null : SLOWLY_SECONDS
}

/** How it was detected. */
export const SOURCES: Readonly<Record<EventRecord['source'], string>> = {
	poll: 'poll',
	webhook: 'webhook',
	reread: 're-read',
}

/** Names of fields in a list; variations can be hundreds. */
const MAX_SHOWN_FIELDS = 30

/** Fields that changed, as far as a line has room for them. */
export function toFieldList(fields: readonly string[]): string {
	const more = fields.length - MAX_SHOWN_FIELDS
	return `${fields.slice(0, MAX_SHOWN_FIELDS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** The fields that changed, or what was created, in a few words; '': neither is known. */
export function toChangeText(event: EventRecord): string {
	if (event.event.test === true) return 'test event'
	if (event.eventType === 'DELETED') return event.event.trashed === true ? 'moved to the trash' : ''
	const fields = event.event.changedFields
	if (event.eventType === 'UPDATED') return fields === undefined ? '' : toFieldList(fields)
	return summarizeRecord(parseRecord(event.providerData))
}

/** The record; null: it is no object. */
export function parseRecord(text: string): Record<string, unknown> | null {
	try {
		const value = parseExact(text)
		return isRecord(value) ? value : null
	} catch {
		return null
	}
}

/** `2 items, 84.00 USD` of an order; else its name, code or e-mail address. */
function summarizeRecord(record: Record<string, unknown> | null): string {
	if (record === null) return ''
	const { total, currency, line_items: items } = record
	if (typeof total === 'string' && Array.isArray(items)) {
		const count = `${items.length} ${items.length === 1 ? 'item' : 'items'}`
		return `${count}, ${total}${typeof currency === 'string' ? ` ${currency}` : ''}`
	}
	const name = [record['name'], record['code'], record['email']].find((value) => typeof value === 'string')
	return typeof name === 'string' ? name : ''
}

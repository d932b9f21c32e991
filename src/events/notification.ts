/**
 * The body of a notification (docs/contract.md §4, §11): a pure function of stored rows, so that every attempt and
 * every replay sends the same bytes. Records are copied as stored text, never parsed and serialized again.
 */
import {
	toEventEntry,
	isErased,
	formatIsoSeconds,
	isTooLarge,
	type EntryContext,
	type StoredEvent,
	type DeliveredEvent,
} from './event.ts'
import { formatEventId } from './ids.ts'

/**
 * The instance when the notification was formed, stored with it: a new name or tag must not change bytes already sent.
 */
export interface NotificationInstance extends EntryContext {
	/** A notice: an operator event, or a message that was posted to a topic. */
	notice?: true
	/** The counter of the posted notification that this one delivers to a further subscription; absent: its own. */
	postedAs?: number
	/** The organization's number: `accountId` and `companyId`. */
	organizationId: number
	/** The creator's number. */
	userId: number
	name: string
	tags: string[]
	/** The sender that the envelope names, from `getSenderAddress`. */
	sender: string
}

/** A stored notification, without its events. */
interface StoredNotification {
	/** Owner × 10^9 + counter. */
	id: number
	/** When it was formed, epoch ms. */
	createdMs: number
	/** The label of its events' resource: their `objectType`. */
	resource: string
}

/**
 * The body of a notification, JSON text.
 *
 * `raw` has the records in the order of `events`; its `pollDate` is the latest poll among them. A placeholder
 * `{"id":…}` stands for a record that is not sent, so that positions match: with `"erased":true` when it was erased or
 * pruned, with `"tooLarge":true` when it was too large to keep, without either in a thin notification.
 *
 * @param events the notification's events (`applyMemberOverrides`), in its order; at least one
 */
export function toNotificationBody(
	notification: StoredNotification,
	events: readonly DeliveredEvent[],
	instance: NotificationInstance,
): string {
	const entries = events.map((event) => toEntryText(event, instance))
	const first = events[0]
	if (first === undefined) throw new RangeError('A notification has at least one event')
	return toJsonObject([
		['severity', JSON.stringify('medium')],
		['createdDate', JSON.stringify(toJavaDate(notification.createdMs))],
		['topic', JSON.stringify(getInstanceTopic(instance.instanceId, instance.elementKey))],
		['action', JSON.stringify('create')],
		['id', JSON.stringify(String(notification.id))],
		[
			'message',
			toJsonObject([
				['elementKey', JSON.stringify(instance.elementKey)],
				['accountId', String(instance.organizationId)],
				['companyId', String(instance.organizationId)],
				['userId', String(instance.userId)],
				['eventId', JSON.stringify(toEventEntry(first, instance).eventId)],
				['instanceId', String(instance.instanceId)],
				['instance_id', String(instance.instanceId)],
				['instanceName', JSON.stringify(instance.name)],
				['instanceTags', JSON.stringify(instance.tags)],
				['raw', toRaw(notification.resource, events, instance.mode === 'thin')],
				['events', `[${entries.join(',')}]`],
			]),
		],
		['user', JSON.stringify(instance.sender)],
	])
}

/** An entry with the records of its variations as stored text, unless records are not sent. */
function toEntryText(event: DeliveredEvent, instance: NotificationInstance): string {
	const entry = JSON.stringify(toEventEntry(event, instance))
	const { variationRecords = null } = event
	if (variationRecords === null || instance.mode === 'thin') return entry
	return `${entry.slice(0, -1)},"variationRecords":${variationRecords}}`
}

/**
 * The body of a notice, JSON text: an operator event, or a message posted to a topic. The envelope is that of a
 * notification; `message` is the posted text, byte for byte.
 */
export function toNoticeBody(
	notification: StoredNotification,
	event: StoredEvent,
	instance: NotificationInstance,
): string {
	return toJsonObject([
		['severity', JSON.stringify(event.flags.severity ?? 'medium')],
		['createdDate', JSON.stringify(toJavaDate(notification.createdMs))],
		['topic', JSON.stringify(event.resource)],
		['action', JSON.stringify('create')],
		['id', JSON.stringify(String(notification.id))],
		['eventId', JSON.stringify(formatEventId(instance.instanceId, event.sequence, event.tag))],
		['date', JSON.stringify(formatIsoSeconds(event.dateMs))],
		['message', event.record ?? '{}'],
		['user', JSON.stringify(event.flags.from ?? instance.sender)],
	])
}

/** The topic of an instance's events, also in subscriptions (docs/contract.md §5). */
export function getInstanceTopic(instanceId: number, elementKey: string): string {
	return `instance-${instanceId}-${elementKey}-events`
}

/** The sender in the envelope's `user`: `notifications@` and the host of PUBLIC_URL, or `shopbell` without one. */
export function getSenderAddress(publicUrl: string): string {
	return `notifications@${URL.parse(publicUrl)?.hostname || 'shopbell'}`
}

/** Java's `Date.toString()` in UTC: `Mon Aug 20 15:30:07 UTC 2018`. */
export function toJavaDate(ms: number): string {
	// ECMAScript defines toUTCString as `Mon, 20 Aug 2018 15:30:07 GMT`.
	const [day, date, month, year, time] = new Date(ms).toUTCString().replace(',', '').split(' ')
	return `${day} ${month} ${date} ${time} UTC ${year}`
}

/** `message.raw`: `{<objectType>: [records], pollDate, objectType}`; without `pollDate` when no poll saw them. */
function toRaw(resource: string, events: readonly DeliveredEvent[], thin: boolean): string {
	const records = events.map((event) => (thin ? null : event.record) ?? toPlaceholder(event))
	const pollTimesMs = events.map((event) => event.pollDateMs).filter((ms) => ms !== null)
	return toJsonObject([
		[resource, `[${records.join(',')}]`],
		...(pollTimesMs.length === 0 ? [] : [['pollDate', String(Math.max(...pollTimesMs))] as const]),
		['objectType', JSON.stringify(resource)],
	])
}

/** The placeholder of a record that is not sent. */
function toPlaceholder(event: DeliveredEvent): string {
	return toJsonObject([
		['id', JSON.stringify(event.objectId)],
		...(isErased(event) ? [['erased', 'true'] as const] : []),
		...(isTooLarge(event) ? [['tooLarge', 'true'] as const] : []),
	])
}

/** A JSON object of keys and JSON texts, in this order: an object literal would move a label of digits to the front. */
function toJsonObject(members: readonly (readonly [key: string, text: string])[]): string {
	return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
}

/**
 * The body that reaches the callback (docs/contract.md §4, §11): a pure function of stored rows, so that every try and
 * every replay sends the same bytes. Records go in as the text that was stored, never parsed and written again.
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
 * The instance as it was when the notification was formed; kept with it, since a new name or tag must not change bytes
 * already sent.
 */
export interface NotificationInstance extends EntryContext {
	/** Of an organization's own object: what it tells has no instance. */
	notice?: true
	/** The organization's number: `accountId` and `companyId`. */
	organizationId: number
	/** The creator's number. */
	userId: number
	name: string
	tags: string[]
	/** The sender that the envelope names, from `senderAddress`. */
	sender: string
}

/** What is stored of a notification and enters its body. Its events are stored as events. */
export interface StoredNotification {
	/** Owner × 10^9 + counter. */
	id: number
	/** When it was formed, epoch ms. */
	createdMs: number
	/** The label of its events' resource: `objectType`. */
	resource: string
}

/**
 * The JSON text of a notification.
 *
 * `raw` holds the records in the order of `events`; its `pollDate` is the latest poll among them. A record that is not sent leaves
 * `{"id":…}` in its place, so that positions keep matching: with `"erased":true` when it is no longer kept, with `"tooLarge":true` when it
 * never was, alone in a thin notification.
 *
 * @param events the notification's events as it tells them (`told`), in its order; at least one
 */
export function toNotificationBody(
	notification: StoredNotification,
	events: readonly DeliveredEvent[],
	instance: NotificationInstance,
): string {
	const entries = events.map((event) => JSON.stringify(toEventEntry(event, instance)))
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

/**
 * The JSON text of a notice: what an organization is told of itself, or what was posted to a topic of its own. The
 * envelope is the same,
 * `message` is what was posted, byte for byte.
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

/** The topic of an instance's events; subscriptions name it too (docs/contract.md §5). */
export function getInstanceTopic(instanceId: number, elementKey: string): string {
	return `instance-${instanceId}-${elementKey}-events`
}

/** The address in the envelope's `user`: `notifications@` the host of PUBLIC_URL, or `shopbell` while there is none. */
export function getSenderAddress(publicUrl: string): string {
	return `notifications@${URL.parse(publicUrl)?.hostname || 'shopbell'}`
}

/** Java's `Date.toString()` in UTC: `Mon Aug 20 15:30:07 UTC 2018`. */
export function toJavaDate(ms: number): string {
	// toUTCString is `Mon, 20 Aug 2018 15:30:07 GMT` by the language's own definition.
	const [day, date, month, year, time] = new Date(ms).toUTCString().replace(',', '').split(' ')
	return `${day} ${month} ${date} ${time} UTC ${year}`
}

/** `message.raw`: `{<objectType>: [records], pollDate, objectType}`; without `pollDate` when no poll brought them. */
function toRaw(resource: string, events: readonly DeliveredEvent[], thin: boolean): string {
	const records = events.map((event) => (thin ? null : event.record) ?? toPlaceholder(event))
	const pollTimesMs = events.map((event) => event.pollDateMs).filter((ms) => ms !== null)
	return toJsonObject([
		[resource, `[${records.join(',')}]`],
		...(pollTimesMs.length === 0 ? [] : [['pollDate', String(Math.max(...pollTimesMs))] as const]),
		['objectType', JSON.stringify(resource)],
	])
}

/** What stands in a record's place. */
function toPlaceholder(event: DeliveredEvent): string {
	return toJsonObject([
		['id', JSON.stringify(event.objectId)],
		...(isErased(event) ? [['erased', 'true'] as const] : []),
		...(isTooLarge(event) ? [['tooLarge', 'true'] as const] : []),
	])
}

/**
 * A JSON object of keys and ready texts, in this order (a label made of digits would be moved to the front by an object
 * literal).
 */
function toJsonObject(members: readonly (readonly [key: string, text: string])[]): string {
	return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
}

/** Examples of the event log. Pure. */
import {
	ACCOUNT,
	DELIVERED_ISO_SECONDS,
	EVENT_ENTRY,
	EVENT_ID,
	INSTANCE_ID,
	MESSAGE,
	NOTIFICATION_ID,
	ORDER,
	DETECTED_ISO,
	DETECTED_ISO_SECONDS,
	SUBSCRIPTION_ID,
} from '../http/examples.ts'

const NOTIFICATION_REFERENCE = {
	id: NOTIFICATION_ID,
	status: 'delivered',
	createdDate: DETECTED_ISO_SECONDS,
	updatedDate: DELIVERED_ISO_SECONDS,
}

/** An event. */
export const EVENT = {
	id: EVENT_ID,
	eventDate: EVENT_ENTRY.date,
	recordedDate: DETECTED_ISO,
	status: 'NOTIFIED',
	providerData: JSON.stringify(ORDER),
	notifiedData: [NOTIFICATION_REFERENCE],
	eventElementInstances: [
		{
			eventId: EVENT_ID,
			elementInstanceId: INSTANCE_ID,
			notificationId: NOTIFICATION_ID,
			notifiedData: [NOTIFICATION_REFERENCE],
			createdDate: NOTIFICATION_REFERENCE.createdDate,
			updatedDate: NOTIFICATION_REFERENCE.updatedDate,
		},
	],
	elementInstanceId: INSTANCE_ID,
	eventType: EVENT_ENTRY.eventType,
	objectType: EVENT_ENTRY.objectType,
	objectId: EVENT_ENTRY.objectId,
	sequence: EVENT_ENTRY.sequence,
	objectSequence: EVENT_ENTRY.objectSequence,
	source: EVENT_ENTRY.source,
	event: EVENT_ENTRY,
}

/** Its disposition. */
export const DISPOSITION = {
	eventId: EVENT_ID,
	elementInstanceId: INSTANCE_ID,
	notificationData: [{ notificationId: NOTIFICATION_ID, message: 'Delivered, 200', payload: MESSAGE }],
}

/** Events in an hour. */
export const EVENT_COUNT = { timestamp: DETECTED_ISO_SECONDS, count: 3 }

const COUNTS = { count: 3, success: 3, failed: 0 }
/** By type. */
export const TYPE_EVENT_COUNT = {
	timestamp: DETECTED_ISO_SECONDS,
	total: 3,
	created: 1,
	updated: 2,
	deleted: 0,
	unknown: 0,
	success: 3,
	failed: 0,
}
/** By instance. */
export const INSTANCE_EVENT_COUNT = {
	timestamp: DETECTED_ISO_SECONDS,
	total: 3,
	records: [{ instanceId: INSTANCE_ID, ...COUNTS }],
}
/** By account. */
export const ACCOUNT_EVENT_COUNT = {
	timestamp: DETECTED_ISO_SECONDS,
	total: 3,
	records: [{ accountId: ACCOUNT.id, ...COUNTS }],
}

/** The order's timeline. */
export const TIMELINE = {
	objectType: EVENT.objectType,
	objectId: EVENT.objectId,
	elementInstanceId: INSTANCE_ID,
	state: 'live',
	createdDate: '2026-06-01T11:41:12Z',
	modifiedDate: EVENT.eventDate,
	acceptedDate: DETECTED_ISO_SECONDS,
	firstSeenDate: null,
	objectSequence: EVENT.objectSequence,
	heldSince: null,
	lookup: null,
	events: [
		{
			event: EVENT,
			confirmedDate: null,
			deliveries: [
				{
					notificationId: NOTIFICATION_ID,
					subscriptionId: SUBSCRIPTION_ID,
					status: 'delivered',
					createdDate: DETECTED_ISO_SECONDS,
					deliveredDate: DELIVERED_ISO_SECONDS,
					nextTryDate: null,
					attempts: [
						{
							number: 1,
							startedDate: '2026-06-01T12:00:00.640Z',
							durationMs: 212,
							delivered: true,
							status: 204,
							error: null,
						},
					],
				},
			],
		},
	],
}

/** An export as NDJSON. */
export const EXPORT_NDJSON = `${JSON.stringify(EVENT)}\n${JSON.stringify({ complete: true, events: 1 })}\n`

const COLUMNS = {
	id: EVENT.id,
	recordedDate: EVENT.recordedDate,
	eventDate: EVENT.eventDate,
	status: EVENT.status,
	elementInstanceId: EVENT.elementInstanceId,
	elementKey: EVENT.event.elementKey,
	objectType: EVENT.objectType,
	objectId: EVENT.objectId,
	eventType: EVENT.eventType,
	sequence: EVENT.sequence,
	objectSequence: EVENT.objectSequence,
	source: EVENT.source,
}
/** An export as CSV. */
export const EXPORT_CSV = `${Object.keys(COLUMNS).join(',')}\r\n${Object.values(COLUMNS).join(',')}\r\n`

/** A stream. */
export const STREAM = `id: ${EVENT_ID}\nevent: event\ndata: ${JSON.stringify(EVENT)}\n\n`

/** Examples of the notification, its subscription and its delivery. Pure. */
import {
	CALLBACK_URL,
	DELIVERED_ISO_SECONDS,
	INSTANCE_ID,
	MESSAGE,
	NOTIFICATION_ID,
	DETECTED_ISO_SECONDS,
	SERVICE_URL,
	SUBSCRIPTION_ID,
	TOPIC,
} from '../http/examples.ts'

/** The subscription of the callback. */
export const SUBSCRIPTION = {
	id: SUBSCRIPTION_ID,
	channel: 'webhook',
	topics: [TOPIC],
	config: { url: CALLBACK_URL },
	active: true,
	reason: null,
	lastStatus: null,
	notSent: null,
	failingSince: null,
	instanceId: INSTANCE_ID,
	createdDate: '2026-05-20T08:30:00Z',
}

/** The notification. */
export const NOTIFICATION = {
	id: NOTIFICATION_ID,
	from: `notifications@${new URL(SERVICE_URL).host}`,
	topic: TOPIC,
	severity: 'medium',
	message: 'Delivered, 200',
	payload: MESSAGE,
	createdDate: DETECTED_ISO_SECONDS,
	active: false,
	acknowledged: false,
	subscriptionId: SUBSCRIPTION_ID,
	instanceId: INSTANCE_ID,
	objectType: 'orders',
	events: 1,
	status: 'delivered',
	attempts: 1,
	deliveredDate: DELIVERED_ISO_SECONDS,
	nextTryDate: null,
}

/** A message on an own topic. */
export const OWN_MESSAGE = { sku: 'T-1', left: 2 }

/** Its delivery. */
export const DELIVERY = {
	notificationId: NOTIFICATION_ID,
	subscriptionId: SUBSCRIPTION_ID,
	status: 'delivered',
	createdDate: DETECTED_ISO_SECONDS,
	updatedDate: DELIVERED_ISO_SECONDS,
	instanceId: INSTANCE_ID,
	attempts: 1,
	nextTryDate: null,
}

/** A release. */
export const RELEASE = {
	subscriptionId: SUBSCRIPTION_ID,
	instanceId: INSTANCE_ID,
	config: { url: CALLBACK_URL },
	released: 12,
}

/** A successful attempt. */
export const ATTEMPT = {
	number: 1,
	startedDate: '2026-06-01T12:00:00.640Z',
	durationMs: 212,
	delivered: true,
	status: 204,
	error: null,
	url: CALLBACK_URL,
	body: '',
}

/** The calls about notifications, subscriptions and deliveries (docs/contract.md §5). */
import * as z from 'zod'
import { defineOperation } from '../http/contract.ts'
import { SUBSCRIPTION_ID, TOPIC } from '../http/examples.ts'
import {
	AttemptResponse,
	DeliveriesQuery,
	DeliveryResponse,
	HydrateQuery,
	NotificationResponse,
	NotificationBody,
	NotificationsQuery,
	ReleaseResponse,
	ReleaseQuery,
	SubscriptionResponse,
	SubscriptionBody,
	SubscriptionsQuery,
	NotificationId,
} from './schema.ts'

const SubscriptionParams = z.object({
	id: z.string().meta({ description: 'Id of the subscription', examples: [String(SUBSCRIPTION_ID)] }),
})
const NotificationAndSubscription = NotificationId.extend({
	subscriptionId: z.string().meta({ description: 'Id of the subscription', examples: [String(SUBSCRIPTION_ID)] }),
})

/** Fixed path segments before `{id}` in the same place. */
export const notificationOperations = {
	listSubscriptions: defineOperation({
		method: 'get',
		path: '/notifications/subscriptions',
		tag: 'Notifications',
		summary: 'List subscriptions',
		description: 'Returns the callbacks of instances, further subscriptions, and subscriptions to your own topics.',
		access: 'caller',
		query: SubscriptionsQuery,
		answer: z.array(SubscriptionResponse),
	}),
	createSubscription: defineOperation({
		method: 'post',
		path: '/notifications/subscriptions',
		tag: 'Notifications',
		summary: 'Create a subscription',
		description:
			'Sends the events of an instance, or notifications on your own topics, to a further URL. 409 if the callback, ' +
			'the operator webhook or another subscription of the instance already has this address, however it is written, ' +
			'or one to the same topics of your own.',
		access: 'caller',
		body: SubscriptionBody,
		example: { channel: 'webhook', topics: [TOPIC], config: { url: 'https://example.com/further' } },
		answer: SubscriptionResponse,
		errors: [409],
	}),
	listDeliveries: defineOperation({
		method: 'get',
		path: '/notifications/subscriptions/deliveries',
		tag: 'Notifications',
		summary: 'List deliveries',
		description: 'Newest first. A delivery is a notification to one subscription.',
		access: 'caller',
		query: DeliveriesQuery,
		answer: z.array(DeliveryResponse),
	}),
	releaseDeliveries: defineOperation({
		method: 'put',
		path: '/notifications/subscriptions/deliveries',
		tag: 'Notifications',
		summary: 'Release deliveries',
		description: 'Sends queued notifications and reactivates their subscriptions.',
		access: 'caller',
		query: ReleaseQuery,
		answer: z.array(ReleaseResponse),
	}),
	getSubscription: defineOperation({
		method: 'get',
		path: '/notifications/subscriptions/{id}',
		tag: 'Notifications',
		summary: 'Get a subscription',
		access: 'caller',
		params: SubscriptionParams,
		answer: SubscriptionResponse,
	}),
	deleteSubscription: defineOperation({
		method: 'delete',
		path: '/notifications/subscriptions/{id}',
		tag: 'Notifications',
		summary: 'Delete a subscription',
		description: 'Stops sending to this URL.',
		access: 'caller',
		params: SubscriptionParams,
		answer: null,
		errors: [409],
	}),
	listNotifications: defineOperation({
		method: 'get',
		path: '/notifications',
		tag: 'Notifications',
		summary: 'List notifications',
		description: 'Newest first, on the given `topics[]` or on all.',
		access: 'caller',
		query: NotificationsQuery,
		answer: z.array(NotificationResponse),
	}),
	postNotification: defineOperation({
		method: 'post',
		path: '/notifications',
		tag: 'Notifications',
		summary: 'Create a notification',
		description:
			'Sends a notification to the subscribers of one of your own topics, or to the subscriptions of an instance. It ' +
			'has one id, however many subscriptions there are, and one delivery for each of them.',
		access: 'account',
		body: NotificationBody,
		example: { topic: 'stock.low', severity: 'high', message: { sku: 'T-1', left: 2 } },
		errors: [409, 429],
		answer: NotificationResponse,
	}),
	getNotification: defineOperation({
		method: 'get',
		path: '/notifications/{id}',
		tag: 'Notifications',
		summary: 'Get a notification',
		access: 'caller',
		params: NotificationId,
		answer: NotificationResponse,
	}),
	deleteNotification: defineOperation({
		method: 'delete',
		path: '/notifications/{id}',
		tag: 'Notifications',
		summary: 'Delete a notification',
		description:
			'Removes a settled notification and its deliveries from all lists. One that is queued is never sent. 409 while it ' +
			'is to be sent.',
		access: 'caller',
		params: NotificationId,
		answer: null,
		errors: [409],
	}),
	acknowledgeNotification: defineOperation({
		method: 'put',
		path: '/notifications/{id}/acknowledge',
		tag: 'Notifications',
		summary: 'Acknowledge a notification',
		description: 'Marks the notification as seen. It changes nothing else.',
		access: 'caller',
		params: NotificationId,
		answer: NotificationResponse,
	}),
	listAttempts: defineOperation({
		method: 'get',
		path: '/notifications/{id}/attempts',
		tag: 'Notifications',
		summary: 'List attempts of a notification',
		description: 'Returns completed attempts: when, to which URL, and the callback’s response.',
		access: 'caller',
		params: NotificationId,
		answer: z.array(AttemptResponse),
	}),
	listNotificationDeliveries: defineOperation({
		method: 'get',
		path: '/notifications/{id}/subscriptions/deliveries',
		tag: 'Notifications',
		summary: 'List deliveries of a notification',
		description: 'Returns the delivery status of one notification at each of its subscriptions.',
		access: 'caller',
		params: NotificationId,
		query: HydrateQuery,
		answer: z.array(DeliveryResponse),
	}),
	listSubscriptionDeliveries: defineOperation({
		method: 'get',
		path: '/notifications/{id}/subscriptions/{subscriptionId}/deliveries',
		tag: 'Notifications',
		summary: 'Get a delivery at one subscription',
		description: 'Returns the delivery status of one notification at one subscription.',
		access: 'caller',
		params: NotificationAndSubscription,
		query: HydrateQuery,
		answer: DeliveryResponse,
	}),
}

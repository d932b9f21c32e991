/** Mounts the calls about notifications. */
import { mountOperations, type Api } from '../http/serve.ts'
import * as deliveries from './deliveries.ts'
import { notificationOperations } from './operations.ts'
import { deleteNotification } from './delete.ts'
import { postNotification } from './post.ts'
import * as subscriptions from './subscriptions.ts'

/** Mounts the calls. */
export function mountNotificationRoutes(api: Api): void {
	mountOperations(api, notificationOperations, {
		listSubscriptions: (c, { query }) => subscriptions.listSubscriptionsPage(c, query),
		createSubscription: (c, { body }) => subscriptions.createSubscription(c, body),
		listDeliveries: (c, { query }) => deliveries.listDeliveries(c, query),
		releaseDeliveries: (c, { query }) => deliveries.releaseDeliveries(c, query.where),
		getSubscription: (c, { params }) => subscriptions.getSubscription(c, params.id),
		deleteSubscription: (c, { params }) => subscriptions.deleteSubscription(c, params.id),
		listNotifications: (c, { query }) => deliveries.listNotifications(c, query),
		postNotification: (c, { body }) => postNotification(c, body),
		getNotification: (c, { params }) => deliveries.getNotification(c, params.id),
		acknowledgeNotification: (c, { params }) => deliveries.acknowledgeNotification(c, params.id),
		listAttempts: (c, { params }) => deliveries.listAttempts(c, params.id),
		listNotificationDeliveries: (c, { params, query }) =>
			deliveries.listNotificationDeliveries(c, params.id, query.hydrate === 'true'),
		listSubscriptionDeliveries: (c, { params, query }) =>
			deliveries.getNotificationDelivery(c, params.id, params.subscriptionId, query.hydrate === 'true'),
		deleteNotification: (c, { params }) => deleteNotification(c, params.id),
	})
}

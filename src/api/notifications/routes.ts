/** Puts what the calls about notifications do behind them. */
import { serve, type Api } from '../http/serve.ts'
import * as deliveries from './deliveries.ts'
import { notificationOperations } from './operations.ts'
import { post } from './posting.ts'
import * as subscriptions from './subscriptions.ts'

/** Mounts the calls. */
export function declareNotifications(api: Api): void {
	serve(api, notificationOperations, {
		listSubscriptions: (c, { query }) => subscriptions.list(c, query),
		createSubscription: (c, { body }) => subscriptions.create(c, body),
		listDeliveries: (c, { query }) => deliveries.deliveries(c, query),
		releaseDeliveries: (c, { query }) => deliveries.release(c, query.where),
		getSubscription: (c, { params }) => subscriptions.show(c, params.id),
		deleteSubscription: (c, { params }) => subscriptions.remove(c, params.id),
		listNotifications: (c, { query }) => deliveries.list(c, query),
		postNotification: (c, { body }) => post(c, body),
		getNotification: (c, { params }) => deliveries.show(c, params.id),
		acknowledgeNotification: (c, { params }) => deliveries.acknowledge(c, params.id),
		listAttempts: (c, { params }) => deliveries.attempts(c, params.id),
		listNotificationDeliveries: (c, { params, query }) => deliveries.deliveriesOf(c, params.id, null, query.hydrate === 'true'),
		listSubscriptionDeliveries: (c, { params, query }) =>
			deliveries.deliveriesOf(c, params.id, params.subscriptionId, query.hydrate === 'true'),
	})
}

/** Notifications, where they go, and how they fared (contract, section 5). */
import * as z from 'zod'
import { declare, type Api } from '../contract.ts'
import * as deliveries from './deliveries.ts'
import { post } from './posting.ts'
import * as replays from '../instances/replays.ts'
import { DryRunQuery, ResendAnswer } from '../instances/replay-schema.ts'
import {
	AttemptAnswer,
	DeliveriesQuery,
	DeliveryAnswer,
	HydrateQuery,
	NotificationAnswer,
	NotificationBody,
	NotificationsQuery,
	ReleaseAnswer,
	ReleaseQuery,
	SubscriptionAnswer,
	SubscriptionBody,
	SubscriptionsQuery,
} from './schema.ts'
import * as subscriptions from './subscriptions.ts'

const Id = z.object({ id: z.string() })
const NotificationAndSubscription = z.object({ id: z.string(), subscriptionId: z.string() })

/** Declares the calls: paths with fixed words before those with `{id}` in the same place. */
export function declareNotifications(api: Api): void {
	declareSubscriptions(api)
	declare(api, {
		method: 'get',
		path: '/notifications',
		summary: 'Notifications, newest first: of the topics[] that are named, or all',
		access: 'caller',
		query: NotificationsQuery,
		answer: z.array(NotificationAnswer),
		handle: (c, { query }) => deliveries.list(c, query),
	})
	declare(api, {
		method: 'post',
		path: '/notifications',
		summary: 'Post to a topic of your own: whoever subscribes to it is sent it',
		access: 'account',
		body: NotificationBody,
		answer: NotificationAnswer,
		handle: (c, { body }) => post(c, body),
	})
	declare(api, {
		method: 'get',
		path: '/notifications/{id}',
		summary: 'One notification',
		access: 'caller',
		params: Id,
		answer: NotificationAnswer,
		handle: (c, { params }) => deliveries.show(c, params.id),
	})
	declare(api, {
		method: 'put',
		path: '/notifications/{id}/acknowledge',
		summary: 'Note that somebody has seen it',
		access: 'caller',
		params: Id,
		answer: NotificationAnswer,
		handle: (c, { params }) => deliveries.acknowledge(c, params.id),
	})
	declare(api, {
		method: 'get',
		path: '/notifications/{id}/attempts',
		summary: 'Attempts to deliver it that have ended',
		access: 'caller',
		params: Id,
		answer: z.array(AttemptAnswer),
		handle: (c, { params }) => deliveries.attempts(c, params.id),
	})
	declare(api, {
		method: 'post',
		path: '/notifications/{id}/replay',
		summary: 'Send it again: the same bytes under the same id',
		access: 'caller',
		params: Id,
		query: DryRunQuery,
		answer: ResendAnswer,
		status: 202,
		handle: (c, { params, query }) => replays.replayOne(c, params.id, query.dryRun === 'true'),
	})
	declare(api, {
		method: 'get',
		path: '/notifications/{id}/subscriptions/deliveries',
		summary: 'How it fares',
		access: 'caller',
		params: Id,
		query: HydrateQuery,
		answer: z.array(DeliveryAnswer),
		handle: (c, { params, query }) => deliveries.deliveriesOf(c, params.id, null, query.hydrate === 'true'),
	})
	declare(api, {
		method: 'get',
		path: '/notifications/{id}/subscriptions/{subscriptionId}/deliveries',
		summary: 'How it fares at one subscription',
		access: 'caller',
		params: NotificationAndSubscription,
		query: HydrateQuery,
		answer: z.array(DeliveryAnswer),
		handle: (c, { params, query }) => deliveries.deliveriesOf(c, params.id, params.subscriptionId, query.hydrate === 'true'),
	})
}

function declareSubscriptions(api: Api): void {
	declare(api, {
		method: 'get',
		path: '/notifications/subscriptions',
		summary: 'Subscriptions: callbacks of instances, further ones, and those to topics of your own',
		access: 'caller',
		query: SubscriptionsQuery,
		answer: z.array(SubscriptionAnswer),
		handle: (c, { query }) => subscriptions.list(c, query),
	})
	declare(api, {
		method: 'post',
		path: '/notifications/subscriptions',
		summary: "Send an instance's events, or what is posted to topics of your own, to a further address",
		access: 'caller',
		body: SubscriptionBody,
		answer: SubscriptionAnswer,
		handle: (c, { body }) => subscriptions.create(c, body),
	})
	declare(api, {
		method: 'get',
		path: '/notifications/subscriptions/deliveries',
		summary: 'Deliveries, newest first',
		access: 'caller',
		query: DeliveriesQuery,
		answer: z.array(DeliveryAnswer),
		handle: (c, { query }) => deliveries.deliveries(c, query),
	})
	declare(api, {
		method: 'put',
		path: '/notifications/subscriptions/deliveries',
		summary: 'Release what is queued, and activate its subscriptions',
		access: 'caller',
		query: ReleaseQuery,
		answer: z.array(ReleaseAnswer),
		handle: (c, { query }) => deliveries.release(c, query.where),
	})
	declare(api, {
		method: 'get',
		path: '/notifications/subscriptions/{id}',
		summary: 'One subscription',
		access: 'caller',
		params: Id,
		answer: SubscriptionAnswer,
		handle: (c, { params }) => subscriptions.show(c, params.id),
	})
	declare(api, {
		method: 'delete',
		path: '/notifications/subscriptions/{id}',
		summary: 'Send no more there',
		access: 'caller',
		params: Id,
		answer: null,
		handle: (c, { params }) => subscriptions.remove(c, params.id),
	})
}

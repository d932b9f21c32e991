/** The shapes of notifications, subscriptions and deliveries in the contract (section 5). What we add to them helps and may be absent. */
import * as z from 'zod'
import { PageSize } from '../paging.ts'

const Flag = z.enum(['true', 'false'], 'expected true or false').optional()
/** How much a notification matters. */
const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
const Where = z.string().max(4000, 'expected at most 4000 characters').optional()

/** The query of a list of subscriptions. */
export const SubscriptionsQuery = z.object({ pageSize: PageSize.optional(), nextPage: z.string().max(500).optional() })

/** The query of a list of notifications; `topics[]` and `tags[]` may be given several times. */
export const NotificationsQuery = z.object({ pageSize: PageSize.optional(), nextPage: z.string().max(500).optional(), hydrate: Flag })

/** The query of a list of deliveries. */
export const DeliveriesQuery = z.object({
	where: Where.meta({ description: "channel='webhook' and status='queued' and config.url='https://…'" }),
	pageSize: PageSize.optional(),
	nextPage: z.string().max(500).optional(),
	hydrate: Flag,
})

/** The query of a release. */
export const ReleaseQuery = z.object({ where: Where })

/** The query of the deliveries of one notification. */
export const HydrateQuery = z.object({ hydrate: Flag })

/** `POST /notifications/subscriptions`. */
export const SubscriptionBody = z.looseObject({
	channel: z.literal('webhook', 'expected webhook').optional(),
	topics: z.union([z.string(), z.array(z.string())], 'expected a list of topics, such as instance-12-woocommercerest-events'),
	config: z.looseObject({ url: z.string('expected a URL') }, 'expected an object such as {"url": "https://example.com/hook"}'),
})

/** A subscription. */
export const SubscriptionAnswer = z.looseObject({
	id: z.number(),
	channel: z.literal('webhook'),
	topics: z.array(z.string()),
	config: z.looseObject({ url: z.string() }),
	active: z.boolean().meta({ description: 'false: deactivated; what comes is queued until it is released' }),
	reason: z.string().nullable().meta({ description: 'Why it is not active' }),
	lastStatus: z.string().nullable().meta({ description: 'Status or error class of the failure that it is in' }),
	failingSince: z.string().nullable(),
	instanceId: z.number().nullable().meta({ description: 'null: it hears topics of the organization itself' }),
	createdDate: z.string(),
})

/** `POST /notifications`. */
export const NotificationBody = z.looseObject({
	topic: z
		.string('expected a name, such as stock.low')
		.meta({ description: "Neither an instance's nor one of the operator's; at most 255 characters" }),
	severity: z
		.enum(SEVERITIES, `expected one of ${SEVERITIES.join(', ')}`)
		.optional()
		.meta({ description: 'medium where it is not said' }),
	message: z.unknown().meta({ description: 'Any JSON value, at most 256 kB' }),
	from: z.string('expected a text').max(255, 'expected at most 255 characters').optional().meta({ description: 'Who it is from' }),
})

/** A notification. */
export const NotificationAnswer = z.looseObject({
	id: z.number(),
	from: z.string(),
	topic: z.string(),
	severity: z.string(),
	message: z.unknown().optional().meta({ description: 'As it is sent; left out with hydrate=false' }),
	createdDate: z.string(),
	active: z.boolean().meta({ description: 'It is to be sent, or tried again' }),
	acknowledged: z.boolean(),
	subscriptionId: z.number().nullable(),
	instanceId: z.number().nullable(),
	status: z.string(),
	attempts: z.number(),
})

/** A delivery: a notification on its way to a subscription. `dropped`: nobody heard it, or its subscription was removed. */
export const DeliveryAnswer = z.looseObject({
	notificationId: z.number(),
	subscriptionId: z.number().nullable(),
	status: z.enum(['created', 'delivered', 'notified', 'retry', 'queued', 'dropped']),
	createdDate: z.string(),
	updatedDate: z.string(),
	notification: NotificationAnswer.optional().meta({ description: 'With hydrate=true' }),
})

/** What was released of a subscription. */
export const ReleaseAnswer = z.object({
	subscriptionId: z.number(),
	instanceId: z.number().nullable(),
	config: z.object({ url: z.string() }),
	released: z.number().meta({ description: 'Notifications that are sent again' }),
})

/** An attempt that has ended. */
export const AttemptAnswer = z.object({
	number: z.number(),
	startedDate: z.string(),
	durationMs: z.number(),
	delivered: z.boolean(),
	status: z.number().nullable(),
	error: z.string().nullable().meta({ description: 'dns, tls, refused, timeout, reset; unknown: its outcome was never told' }),
	url: z.string().nullable(),
	body: z.string().meta({ description: 'The first 4 KB of the answer' }),
})

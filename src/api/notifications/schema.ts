/** Schemas of notifications, subscriptions and deliveries (docs/contract.md §5). */
import * as z from 'zod'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'
import { InstanceMessage } from '../events/entry.ts'
import { OptionalStringList, NextPage, PageSize } from '../http/paging.ts'
import { NOTIFICATION_ID, INSTANCE_TAGS, TOPIC } from '../http/examples.ts'
import { ATTEMPT, DELIVERY, NOTIFICATION, OWN_MESSAGE, RELEASE, SUBSCRIPTION } from './examples.ts'
import { REPLAY } from '../instances/examples.ts'

const Hydrate = z
	.enum(['true', 'false'], 'expected true or false')
	.optional()
	.meta({
		description:
			'Whether deliveries include their notification and subscription (default false), and notifications what was sent ' +
			'(default true)',
	})
const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
/** `dropped`: it had no subscription, or its subscription was deleted. */
const DeliveryStatus = z.enum(['created', 'delivered', 'notified', 'retry', 'queued', 'dropped'])
const Tags = OptionalStringList.meta({
	description: 'Instances that have all of these tags. Can be repeated',
	examples: INSTANCE_TAGS,
})
const Where = z.string().max(LIMITS.where.value, expectedAtMost('where')).optional()

/** The query of a list of subscriptions. */
export const SubscriptionsQuery = z.object({ pageSize: PageSize.optional(), nextPage: NextPage })

/** The query of a list of notifications. */
export const NotificationsQuery = z.object({
	'topics[]': OptionalStringList.meta({
		description: 'Topics. Can be repeated',
		examples: [TOPIC],
	}),
	'tags[]': Tags,
	pageSize: PageSize.optional(),
	nextPage: NextPage,
	hydrate: Hydrate,
})

/** The query of a list of deliveries. */
export const DeliveriesQuery = z.object({
	where: Where.meta({
		description:
			'Filter by channel, status, config.url, topics, instanceId or subscriptionId. config.url is compared as you see it',
		examples: ["channel='webhook' and status='queued' and config.url='https://example.com/hook'"],
	}),
	'tags[]': Tags,
	pageSize: PageSize.optional(),
	nextPage: NextPage,
	hydrate: Hydrate,
})

/** A release requires a filter, since everything would be sent again without one. */
export const RELEASE_WHERE_EXPECTED =
	"expected what to release, such as channel='webhook' and status='queued' and config.url='https://…'"

/** The query of a release. */
export const ReleaseQuery = z.object({
	where: z
		.string(RELEASE_WHERE_EXPECTED)
		.max(LIMITS.where.value, expectedAtMost('where'))
		.meta({
			description:
				'Filter by channel, status, config.url, topics, instanceId or subscriptionId. ' +
				'Only queued deliveries can be released',
			examples: ["channel='webhook' and status='queued' and config.url='https://example.com/hook'"],
		}),
	'tags[]': Tags,
})

/** The query of the deliveries of one notification. */
export const HydrateQuery = z.object({ hydrate: Hydrate })

/** `POST /notifications/subscriptions`. */
export const SubscriptionBody = z.looseObject({
	channel: z.literal('webhook', 'expected webhook').optional(),
	topics: z.union(
		[z.string(), z.array(z.string())],
		'expected a list of topics, such as instance-12345-woocommercerest-events',
	),
	config: z.looseObject(
		{ url: z.string('expected a URL') },
		'expected an object such as {"url": "https://example.com/hook"}',
	),
})

const MASKED_URL = 'Query values are `********` for callers who see no secrets'

/** A subscription. */
export const SubscriptionResponse = z
	.strictObject({
		id: z.number(),
		channel: z.literal('webhook'),
		topics: z.array(z.string()),
		config: z.strictObject({ url: z.string().meta({ description: MASKED_URL }) }),
		active: z.boolean().meta({ description: 'false: deactivated; notifications are queued until they are released' }),
		reason: z.string().nullable().meta({ description: 'Why it is not active' }),
		lastStatus: z.string().nullable().meta({ description: 'HTTP status or error of the current failure' }),
		notSent: z.string().nullable().meta({
			description: 'Why the last attempt sent nothing, and what to do; null: it was sent, or nothing has failed',
		}),
		failingSince: z.string().nullable(),
		instanceId: z.number().nullable().meta({ description: 'null: it subscribes to topics of the organization' }),
		createdDate: z.string(),
	})
	.meta({ id: 'Subscription', examples: [SUBSCRIPTION] })
export type Subscription = z.output<typeof SubscriptionResponse>

/** `POST /notifications`. */
export const NotificationBody = z.looseObject({
	topic: z
		.string('expected a name, such as stock.low')
		.meta({ description: `Your own topic, or that of an instance; at most ${formatLimit('topic')}` }),
	severity: z
		.enum(SEVERITIES, `expected one of ${SEVERITIES.join(', ')}`)
		.optional()
		.meta({ description: 'medium by default' }),
	message: z.unknown().meta({ description: `Any JSON value, at most ${formatLimit('message')}` }),
	from: z
		.string('expected a text')
		.max(LIMITS.from.value, expectedAtMost('from'))
		.optional()
		.meta({ description: 'Sender' }),
})

const CustomMessage = z
	.unknown()
	.meta({ id: 'OwnMessage', examples: [OWN_MESSAGE], description: 'Any JSON value, as it was sent' })

/** A notification. */
export const NotificationResponse = z
	.strictObject({
		id: z.number(),
		from: z.string(),
		topic: z.string(),
		severity: z.enum(SEVERITIES),
		message: z
			.union([z.string(), CustomMessage])
			.optional()
			.meta({
				description:
					"What became of an instance's own notification; otherwise what was posted, which hydrate=false omits",
				examples: ['Delivered, 200'],
			}),
		payload: z.union([InstanceMessage, CustomMessage]).optional().meta({
			description: "The message of an instance's own notification as it is sent; omitted with hydrate=false",
		}),
		createdDate: z.string(),
		active: z.boolean().meta({ description: 'Whether it will be sent or retried' }),
		acknowledged: z.boolean(),
		subscriptionId: z.number().nullable().meta({ description: 'null: there is none, or there are several' }),
		instanceId: z.number().nullable().meta({ description: 'null: it belongs to the organization' }),
		objectType: z.string().optional().meta({ description: 'Resource of its events; absent without an instance' }),
		events: z.number().meta({ description: 'Number of events in it' }),
		status: DeliveryStatus,
		attempts: z.number(),
		deliveredDate: z.string().nullable(),
		nextTryDate: z.string().nullable(),
	})
	.meta({ id: 'Notification', examples: [NOTIFICATION] })
export type Notification = z.output<typeof NotificationResponse>

/** A delivery: a notification to one subscription. */
export const DeliveryResponse = z
	.strictObject({
		notificationId: z.number(),
		subscriptionId: z.number().nullable(),
		status: DeliveryStatus,
		createdDate: z.string(),
		updatedDate: z.string(),
		instanceId: z.number().nullable(),
		attempts: z.number(),
		nextTryDate: z.string().nullable(),
		notification: NotificationResponse.optional().meta({ description: 'With hydrate=true' }),
		subscription: SubscriptionResponse.nullable()
			.optional()
			.meta({ description: 'With hydrate=true; null: it was deleted' }),
	})
	.meta({ id: 'Delivery', examples: [DELIVERY] })
export type Delivery = z.output<typeof DeliveryResponse>

/** A release of one subscription. */
export const ReleaseResponse = z
	.strictObject({
		subscriptionId: z.number(),
		instanceId: z.number().nullable(),
		config: z.strictObject({ url: z.string() }),
		released: z.number().meta({ description: 'Number of notifications that are sent again' }),
	})
	.meta({ id: 'Release', examples: [RELEASE] })
export type Release = z.output<typeof ReleaseResponse>

/** A completed attempt. */
export const AttemptResponse = z
	.strictObject({
		number: z.number(),
		startedDate: z.string(),
		durationMs: z.number(),
		delivered: z.boolean(),
		status: z.number().nullable(),
		error: z
			.string()
			.nullable()
			.meta({ description: 'dns, tls, refused, timeout, reset; unknown: its outcome was not reported' }),
		url: z.string().nullable().meta({ description: MASKED_URL }),
		body: z.string().meta({ description: 'The first 4 KB of the response' }),
	})
	.meta({ id: 'Attempt', examples: [ATTEMPT] })
export type Attempt = z.output<typeof AttemptResponse>

const DryRun = z
	.enum(['true', 'false'], 'expected true or false')
	.optional()
	.meta({ description: 'true: send nothing and return 200 with what would be sent' })

/** `?dryRun=true`. */
export const DryRunQuery = z.object({ dryRun: DryRun })

/** A replay, or a release. */
export const ResendResponse = z
	.strictObject({
		id: z.number().nullable().meta({ description: 'null: a dry run' }),
		kind: z.enum(['release', 'replay']),
		status: z.enum(['running', 'done', 'cancelled', 'dry-run']),
		total: z.number().meta({ description: 'Number of notifications' }),
		left: z.number().meta({ description: 'Number that is not sent yet' }),
		failed: z.number().meta({ description: 'Number that failed' }),
		estimateSeconds: z.number().meta({ description: 'Estimated seconds for the rest' }),
		createdDate: z.string(),
		endedDate: z.string().nullable(),
	})
	.meta({ id: 'Replay', examples: [REPLAY] })

/** The path of a notification. */
export const NotificationId = z.object({
	id: z.string().meta({ description: 'Id of the notification', examples: [String(NOTIFICATION_ID)] }),
})

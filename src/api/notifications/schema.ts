/**
 * The shapes of notifications, subscriptions and deliveries in the contract (docs/contract.md §5). What we add to them
 * helps and may be absent.
 */
import * as z from 'zod'
import { expectedAtMost, LIMITS, formatLimit } from '../../lib/limits.ts'
import { InstanceMessage } from '../events/entry.ts'
import { OptionalStringList, NextPage, PageSize } from '../http/paging.ts'
import { NOTIFICATION_ID, INSTANCE_TAGS, TOPIC } from '../http/examples.ts'
import { ATTEMPT, DELIVERY, NOTIFICATION, OWN_MESSAGE, RELEASE, SUBSCRIPTION } from './examples.ts'
import { REPLAY } from '../instances/examples.ts'

const Hydrate = z.enum(['true', 'false'], 'expected true or false').optional().meta({
	description:
		'Deliveries with their notification (false unless said), notifications with their message (true unless said)',
})
/** How much a notification matters. */
const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
/** `dropped`: nobody heard it, or its subscription was removed. */
const DeliveryStatus = z.enum(['created', 'delivered', 'notified', 'retry', 'queued', 'dropped'])
/** Instances by their tags. */
const Tags = OptionalStringList.meta({
	description: 'Only of instances that have all of these tags; may be given several times',
	examples: INSTANCE_TAGS,
})
const Where = z.string().max(LIMITS.where.value, expectedAtMost('where')).optional()

/** The query of a list of subscriptions. */
export const SubscriptionsQuery = z.object({ pageSize: PageSize.optional(), nextPage: NextPage })

/** The query of a list of notifications. */
export const NotificationsQuery = z.object({
	'topics[]': OptionalStringList.meta({
		description: 'Only these topics; may be given several times',
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
		description: 'Which; by channel, status, config.url, topics, instanceId, subscriptionId',
		examples: ["channel='webhook' and status='queued' and config.url='https://example.com/hook'"],
	}),
	'tags[]': Tags,
	pageSize: PageSize.optional(),
	nextPage: NextPage,
	hydrate: Hydrate,
})

/** What a release wants to be told: without it everything would go out again. */
export const RELEASE_WHERE_EXPECTED =
	"expected what to release, such as channel='webhook' and status='queued' and config.url='https://…'"

/** The query of a release. */
export const ReleaseQuery = z.object({
	where: z
		.string(RELEASE_WHERE_EXPECTED)
		.max(LIMITS.where.value, expectedAtMost('where'))
		.meta({
			description:
				'What to release, by channel, status, config.url, topics, instanceId, subscriptionId; only what is queued can be',
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

/** A subscription. */
export const SubscriptionResponse = z
	.strictObject({
		id: z.number(),
		channel: z.literal('webhook'),
		topics: z.array(z.string()),
		config: z.strictObject({ url: z.string() }),
		active: z.boolean().meta({ description: 'false: deactivated; what comes is queued until it is released' }),
		reason: z.string().nullable().meta({ description: 'Why it is not active' }),
		lastStatus: z.string().nullable().meta({ description: 'Status or error class of the failure that it is in' }),
		failingSince: z.string().nullable(),
		instanceId: z.number().nullable().meta({ description: 'null: it hears topics of the organization itself' }),
		createdDate: z.string(),
	})
	.meta({ id: 'Subscription', examples: [SUBSCRIPTION] })
/** A subscription as answered. */
export type Subscription = z.output<typeof SubscriptionResponse>

/** `POST /notifications`. */
export const NotificationBody = z.looseObject({
	topic: z
		.string('expected a name, such as stock.low')
		.meta({ description: `Neither an instance's nor one of the operator's; at most ${formatLimit('topic')}` }),
	severity: z
		.enum(SEVERITIES, `expected one of ${SEVERITIES.join(', ')}`)
		.optional()
		.meta({ description: 'medium where it is not said' }),
	message: z.unknown().meta({ description: `Any JSON value, at most ${formatLimit('message')}` }),
	from: z
		.string('expected a text')
		.max(LIMITS.from.value, expectedAtMost('from'))
		.optional()
		.meta({ description: 'Who it is from' }),
})

/** What was posted to a topic of the caller's own, and what operators are told: any JSON value. */
const CustomMessage = z
	.unknown()
	.meta({ id: 'OwnMessage', examples: [OWN_MESSAGE], description: 'As it was posted: any JSON value' })

/** A notification. */
export const NotificationResponse = z
	.strictObject({
		id: z.number(),
		from: z.string(),
		topic: z.string(),
		severity: z.enum(SEVERITIES),
		message: z
			.union([InstanceMessage, CustomMessage])
			.optional()
			.meta({ description: 'As it is sent; left out with hydrate=false' }),
		createdDate: z.string(),
		active: z.boolean().meta({ description: 'It is to be sent, or tried again' }),
		acknowledged: z.boolean(),
		subscriptionId: z.number().nullable(),
		instanceId: z.number().nullable().meta({ description: 'null: it is the organization’s own' }),
		objectType: z
			.string()
			.optional()
			.meta({ description: 'Resource of its events; absent where it is of no instance' }),
		events: z.number().meta({ description: 'How many events it carries' }),
		status: DeliveryStatus,
		attempts: z.number(),
		deliveredDate: z.string().nullable(),
		nextTryDate: z.string().nullable(),
	})
	.meta({ id: 'Notification', examples: [NOTIFICATION] })
/** A notification as answered. */
export type Notification = z.output<typeof NotificationResponse>

/** A delivery: a notification on its way to a subscription. */
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
	})
	.meta({ id: 'Delivery', examples: [DELIVERY] })
/** A delivery as answered. */
export type Delivery = z.output<typeof DeliveryResponse>

/** What was released of a subscription. */
export const ReleaseResponse = z
	.strictObject({
		subscriptionId: z.number(),
		instanceId: z.number().nullable(),
		config: z.strictObject({ url: z.string() }),
		released: z.number().meta({ description: 'Notifications that are sent again' }),
	})
	.meta({ id: 'Release', examples: [RELEASE] })
/** A release as answered. */
export type Release = z.output<typeof ReleaseResponse>

/** An attempt that has ended. */
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
			.meta({ description: 'dns, tls, refused, timeout, reset; unknown: its outcome was never told' }),
		url: z.string().nullable(),
		body: z.string().meta({ description: 'The first 4 KB of the answer' }),
	})
	.meta({ id: 'Attempt', examples: [ATTEMPT] })
/** An attempt as answered. */
export type Attempt = z.output<typeof AttemptResponse>

export const DryRun = z
	.enum(['true', 'false'], 'expected true or false')
	.optional()
	.meta({ description: 'true: nothing is sent; 200 with what it would be' })

/** `?dryRun=true`. */
export const DryRunQuery = z.object({ dryRun: DryRun })

/** A replay, or a release. */
export const ResendResponse = z
	.strictObject({
		id: z.number().nullable().meta({ description: 'null: a dry run' }),
		kind: z.enum(['release', 'replay']),
		status: z.enum(['running', 'done', 'cancelled', 'dry-run']),
		total: z.number().meta({ description: 'Notifications that are sent again' }),
		left: z.number().meta({ description: 'Still to be sent, or under way' }),
		failed: z.number().meta({ description: 'Ended without having been accepted' }),
		estimateSeconds: z.number().meta({ description: 'How long the rest takes at the pace of the last deliveries' }),
		createdDate: z.string(),
		endedDate: z.string().nullable(),
	})
	.meta({ id: 'Replay', examples: [REPLAY] })

/** The path of a notification. */
export const NotificationId = z.object({
	id: z.string().meta({ description: 'Number of the notification', examples: [String(NOTIFICATION_ID)] }),
})

/** Examples of the instance: its configuration, monitoring and replays. Pure. */
import {
	ACCOUNT,
	CALLBACK_URL,
	EVENT_ID,
	INSTANCE_ID,
	INSTANCE_NAME,
	exampleSecret,
	NOTIFICATION_ID,
	PERSON,
	DETECTED_ISO,
	DETECTED_ISO_SECONDS,
	SERVICE_URL,
	SUBSCRIPTION_ID,
	INSTANCE_TAGS,
} from '../http/examples.ts'
import { BASE_PATH } from '../../lib/base-path.ts'
import { ELEMENT_FLAGS } from './flags.ts'

/** Configuration of a store that is polled. */
export const CONFIGURATION = {
	'store.url': 'https://shop.example.com',
	'oauth.api.key': 'ck_…',
	'oauth.api.secret': 'cs_…',
	'event.notification.enabled': true,
	'event.vendor.type': 'polling',
	'event.notification.callback.url': 'https://example.com/hook',
	'event.poller.refresh_interval': '15',
}

/** The element within an instance. */
export const ELEMENT = {
	id: 2881,
	name: 'WooCommerce',
	hookName: 'WooCommerce',
	key: 'woocommercerest',
	description: 'Orders, products, customers and discounts of a WooCommerce shop, and what changes in them.',
	hub: 'ecommerce',
	...ELEMENT_FLAGS,
}

/** The element in lists that are not hydrated. */
export const ELEMENT_SUMMARY = { id: ELEMENT.id, key: ELEMENT.key, name: ELEMENT.name, hub: ELEMENT.hub }

/** The instance, with a part of its configuration. */
export const INSTANCE = {
	id: INSTANCE_ID,
	name: INSTANCE_NAME,
	createdDate: '2026-05-20T08:30:00Z',
	token: exampleSecret('instance/token'),
	element: ELEMENT,
	elementId: ELEMENT.id,
	tags: INSTANCE_TAGS,
	provisionInteractions: [],
	valid: true,
	disabled: false,
	maxCacheSize: 0,
	cacheTimeToLive: 0,
	configuration: {
		'store.url': 'https://shop.example.com',
		'oauth.api.key': '********',
		'oauth.api.secret': '********',
		'event.notification.enabled': 'true',
		'event.vendor.type': 'hybrid',
		'event.notification.callback.url': CALLBACK_URL,
		'event.notification.signature.key': '********',
		'event.poller.refresh_interval': '15',
		'event.poller.configuration': '{"orders":{"url":"/hubs/ecommerce/orders","idField":"id","datesConfiguration":{}}}',
		'filter.response.nulls': 'true',
	},
	eventsEnabled: true,
	eventsNotificationCallbackUrl: CALLBACK_URL,
	subscriptionId: SUBSCRIPTION_ID,
	storeVersion: '11.0.1',
	traceLoggingEnabled: false,
	cachingEnabled: false,
	externalAuthentication: 'none',
	user: PERSON,
}

/** One of its configuration items. */
export const CONFIGURATION_ITEM = {
	id: 288112,
	key: 'event.poller.refresh_interval',
	name: 'Event poller refresh interval (mins)',
	description: 'Minutes between polls of the shop.',
	propertyValue: '15',
	type: 'NUMBER',
	active: true,
	hideFromConsole: false,
	required: false,
}

const CURRENT_KEY = 'MySecretEventSignatureKey'
const NEXT_KEY = 'example-not-a-real-signature-key'
const whsec = (key: string): string => `whsec_${btoa(key)}`

/** Its signature key during a rotation. */
export const SIGNATURE_KEY = {
	key: CURRENT_KEY,
	whsec: whsec(CURRENT_KEY),
	next: { key: NEXT_KEY, whsec: whsec(NEXT_KEY), from: '2026-06-01T13:00:00Z' },
}

/** A path that differs between reads of one object. */
export const NOISE = {
	path: 'images.*.src',
	proof: 'proven',
	since: '2026-05-20T09:02:00.000Z',
	provenAt: '2026-05-27T10:02:40.000Z',
	nextProof: '2026-06-03T10:02:40.000Z',
	counts: 'url',
	example: {
		objectId: '93',
		values: ['https://media.example/mug.jpg?Signature=<1>&…', 'https://media.example/mug.jpg?Signature=<2>&…'],
	},
	cure:
		'A plugin signs these addresses anew for every answer, as plugins for media in a cloud storage do. In its ' +
		'settings, give the addresses a longer validity, or do not sign public files. Or add "images.*.src" to the ' +
		"resource's ignore in event.poller.configuration.",
}

/** A limit of a resource. */
export const LIMIT = {
	code: 'dates-unreadable',
	message:
		'date_modified "06/01/2026" does not fit its format in datesConfiguration: the store’s own date counts instead, ' +
		'where there is one. Correct the format.',
	since: DETECTED_ISO,
}

export const ANSWER_FINDING = {
	kind: 'short-page',
	count: 3,
	since: DETECTED_ISO,
	last: DETECTED_ISO,
	example: '98 rows came, and by the total there are 100',
}

/** Its health. */
export const HEALTH = {
	state: 'healthy',
	since: '2026-05-20T08:31:10.412Z',
	reason: 'orders: the last poll succeeded.',
	action: 'No action needed.',
	store: null,
	resources: [
		{ resource: 'orders', state: 'healthy', reason: 'orders: the last poll succeeded.', noise: [], limits: [] },
	],
	webhooks: {
		state: 'active',
		reason:
			'The webhooks at the store were configured correctly when they were last checked, at 2026-06-01T11:41:00.000Z.',
		checkedAt: '2026-06-01T11:41:00.000Z',
	},
	callback: { url: CALLBACK_URL, state: 'healthy', lastStatus: null, waiting: 0 },
}

/** The poller's state of orders. */
export const POLLER_RESOURCE = {
	resource: 'orders',
	identity: 'orders',
	cursor: DETECTED_ISO,
	lastPoll: DETECTED_ISO,
	nextPoll: '2026-06-01T12:15:00.000Z',
	requests: 1204,
	known: 381,
	lagSeconds: 30,
	unknownLags: 2,
	baseline: { done: 376, total: 376, complete: true, estimateSeconds: null },
	reread: {
		everyHours: 168,
		done: 0,
		total: 381,
		running: false,
		last: '2026-05-27T08:40:00.000Z',
		next: '2026-06-03T08:40:00.000Z',
		worstAgeSeconds: 443_000,
	},
	drift: 0,
	volatile: [],
	massChanges: [],
	heldChanges: 0,
	datesUnreadable: null,
	error: null,
	noise: [],
	limits: [],
	findings: [],
}

/** Its poller. */
export const POLLER = {
	running: false,
	pending: 0,
	nextLookup: null,
	lastRun: DETECTED_ISO,
	nextRun: '2026-06-01T12:15:00.000Z',
	storeRequests: 1204,
	backoffUntil: null,
	resources: [POLLER_RESOURCE],
	runs: [{ at: DETECTED_ISO, requests: 2, events: 1, note: '' }],
}

/** A requested poll. */
export const POLL_RUN = { run: '3', depth: 'window', state: 'started', notBefore: null }

/** Held deletions. */
export const HELD_DELETIONS = {
	held: [
		{
			resource: 'products',
			since: DETECTED_ISO,
			objects: [{ objectId: '93', lastSeen: '2026-06-01T11:45:00.000Z' }],
			count: 57,
		},
	],
}

/** Held deletions, asked of the store again. */
export const CHECKED_DELETIONS = {
	checked: [
		{ resource: 'products', count: 57, objects: [{ objectId: '93', state: 'missing' as const, reason: null }] },
	],
}

/** Held mass changes. */
export const HELD_CHANGES = {
	held: [
		{
			resource: 'products',
			since: DETECTED_ISO,
			fields: ['price', 'regular_price'],
			objects: [{ objectId: '93', changedFields: ['price', 'regular_price'] }],
			count: 60,
		},
	],
}

const DELIVERY_URL = `${SERVICE_URL}${BASE_PATH}/events/woocommercerest/${btoa(String(INSTANCE_ID))}?v=1`

/** The secrets of its webhooks. */
export const WEBHOOK_SECRETS = { deliveryUrl: DELIVERY_URL, version: 1, previousUntil: null, pending: null }

/** Its webhooks. */
export const WEBHOOKS = {
	...WEBHOOK_SECRETS,
	topics: [{ topic: 'order.updated', secret: 'example-not-a-real-secret', resources: ['orders'] }],
	webhooks: [{ topic: 'order.updated', id: 11, status: 'active', ours: true, url: DELIVERY_URL }],
	checkedAt: DETECTED_ISO,
	lastDeliveryAt: DETECTED_ISO,
	foreignSource: null,
	hintsOnly: [],
	deliveries: { taken: 214, disabled: 0, unknownTopic: 0 },
	repairs: [{ at: '2026-05-28T03:00:00.000Z', what: 'polling found a change that no webhook reported' }],
	degraded: null,
}

/** Unchecked objects. */
export const UNCHECKED = {
	unchecked: [
		{ resource: 'products', since: DETECTED_ISO, fields: ['price', 'regular_price'], count: 209, sending: false },
	],
}

/** Rejected deliveries. */
export const REJECTED = {
	since: '2026-05-20T08:30:00Z',
	total: 3,
	counts: { 'bad-signature': 3 },
	samples: [
		{
			at: DETECTED_ISO_SECONDS,
			reason: 'bad-signature',
			headers: 'content-type: application/json\nx-wc-webhook-topic: order.updated',
			body: '{"id":398,"status":"processing"}',
		},
	],
}

/** Coverage. */
export const COVERAGE = {
	from: '2026-05-31T12:00:00Z',
	to: DETECTED_ISO_SECONDS,
	firstByWebhook: 41,
	firstByPoll: 2,
	confirmed: 40,
	recovered: 1,
	lag: {
		webhook: { p50: 900, p99: 2400, unknown: 0 },
		poll: { p50: 30_000, p99: 45_000, unknown: 0 },
		recovered: { p50: 30_000, p99: 30_000, unknown: 0 },
	},
}

/** A replay. */
export const REPLAY = {
	id: 2,
	kind: 'replay',
	status: 'running',
	total: 40,
	left: 12,
	failed: 0,
	estimateSeconds: 3,
	createdDate: DETECTED_ISO_SECONDS,
	endedDate: null,
}

/** A test event. */
export const TEST_EVENT = { notificationId: NOTIFICATION_ID, eventId: EVENT_ID }

/** Its metrics. */
export const METRICS = {
	instanceId: INSTANCE_ID,
	name: INSTANCE_NAME,
	up: true,
	metrics: {
		state: 'healthy',
		lagSeconds: 30,
		unknownLags: 5,
		pollAgeSeconds: 240,
		seen: 214,
		delivered: 209,
		failed: 0,
		expired: 0,
		backlog: 0,
		backlogAgeSeconds: null,
		storeRequests: 1204,
	},
}

/** A replay across instances. */
export const REPLAY_JOB = {
	id: 3,
	status: 'running',
	instances: { asked: 8, complete: false, sending: 2, skipped: 1 },
	total: 63,
	left: 20,
	failed: 0,
	createdDate: DETECTED_ISO_SECONDS,
	endedDate: null,
}

/** Connecting without API keys. */
export const HAND_OVER = {
	element: ELEMENT.key,
	oauthUrl:
		'https://shop.example.com/wc-auth/v1/authorize?app_name=Shopbell&scope=read_write&user_id=example_not_a_real_state',
	state: 'example_not_a_real_state',
}

/** Its outcome. */
export const HAND_OVER_OUTCOME = { status: 'created', id: INSTANCE_ID }

/** The response of `POST /setup`. */
export const SETUP = {
	organization: { id: ACCOUNT.id, name: ACCOUNT.name },
	user: PERSON,
	organizationSecret: exampleSecret('organization'),
	userSecret: exampleSecret('user'),
	invitation: null,
}

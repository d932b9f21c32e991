/** The configuration keys of a WooCommerce instance and the resources polled by default (docs/contract.md §2, §3). */
import { LIMITS } from '../../lib/limits.ts'
import type { ConfigurationKey, PollableCollection, PollerResource } from '../form.ts'

/** The four default resources. An empty `datesConfiguration` means WooCommerce's own dates, read in UTC. */
export const DEFAULT_POLLER: Record<string, PollerResource> = {
	customers: { url: '/hubs/ecommerce/customers', idField: 'id', datesConfiguration: {} },
	discounts: { url: '/hubs/ecommerce/discounts', idField: 'id', datesConfiguration: {} },
	orders: { url: '/hubs/ecommerce/orders', idField: 'id', datesConfiguration: {} },
	products: { url: '/hubs/ecommerce/products', idField: 'id', datesConfiguration: {} },
}

const FURTHER_COLLECTIONS: readonly [name: string, title: string][] = [
	['variations', 'Variations of products'],
	['products-categories', 'Categories of products'],
	['products-tags', 'Tags of products'],
	['products-attributes', 'Attributes of products'],
	['products-brands', 'Brands of products'],
	['products-shipping-classes', 'Shipping classes of products'],
	['products-reviews', 'Reviews of products'],
	['refunds', 'Refunds of orders'],
	['taxes', 'Tax rates'],
	['webhooks', 'Webhooks of the shop'],
]

/** The default resources, and the other collections of a shop that change. */
export const POLLABLE_COLLECTIONS: PollableCollection[] = [
	...Object.entries(DEFAULT_POLLER).map(([name, settings]) => ({
		name,
		title: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
		preset: true,
		settings,
	})),
	...FURTHER_COLLECTIONS.map(([name, title]) => ({
		name,
		title,
		preset: false,
		settings: { url: `/hubs/ecommerce/${name}`, idField: 'id', datesConfiguration: {} },
	})),
]

type KeyDefinition = Pick<ConfigurationKey, 'key' | 'name' | 'description' | 'type'> & Partial<ConfigurationKey>

const WHEN_EVENTS_ENABLED = { key: 'event.notification.enabled', values: ['true'] }
const WHEN_POLLED = { key: 'event.vendor.type', values: ['polling', 'hybrid'] }
const WHEN_WEBHOOK_ONLY = { key: 'event.vendor.type', values: ['webhook'] }
const toOptions = (...names: [value: string, name: string][]): ConfigurationKey['options'] =>
	names.map(([value, name]) => ({ value, name }))

/** In the order of the form. New keys go to the end, since their position makes their id. */
const KEY_DEFINITIONS: KeyDefinition[] = [
	{
		key: 'store.url',
		name: 'The Store URL',
		description: 'The address of the WooCommerce shop, such as https://shop.example.',
		type: 'TEXTFIELD_1000',
		required: true,
		maximumLength: LIMITS.url.value,
	},
	{
		key: 'oauth.api.key',
		name: 'OAuth API Key',
		description: 'The consumer key (ck_…) from WooCommerce → Settings → Advanced → REST API.',
		type: 'TEXTFIELD_128',
		required: true,
		secret: true,
		maximumLength: LIMITS.storeKey.value,
	},
	{
		key: 'oauth.api.secret',
		name: 'OAuth API Secret',
		description: 'The consumer secret (cs_…) that belongs to the key.',
		type: 'PASSWORD',
		required: true,
		secret: true,
		maximumLength: LIMITS.storeKey.value,
	},
	{
		key: 'event.notification.enabled',
		name: 'Events Enabled',
		description: 'Whether changes in the shop are detected and sent.',
		type: 'BOOLEAN',
		defaultValue: 'false',
	},
	{
		key: 'event.vendor.type',
		name: 'Event Type',
		description: 'How changes are detected: polling, webhook, or hybrid (both).',
		type: 'SELECT',
		defaultValue: 'polling',
		options: toOptions(['polling', 'Polling'], ['webhook', 'Webhooks'], ['hybrid', 'Webhooks and polling']),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.callback.url',
		name: 'Event Notification Callback URL',
		description: 'Where notifications are sent. Without it events are kept in the log only.',
		type: 'TEXTFIELD_1000',
		maximumLength: LIMITS.url.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.signature.key',
		name: 'Callback Notification Signature Key',
		description: 'Signs every notification (Elements-Webhook-Signature); at most 128 characters.',
		type: 'TEXTFIELD_128',
		secret: true,
		maximumLength: LIMITS.signatureKey.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.basic.username',
		name: 'Callback Basic Auth User Name',
		description: 'User name sent to the callback.',
		type: 'TEXTFIELD_128',
		maximumLength: LIMITS.basicAuth.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.basic.password',
		name: 'Callback Basic Auth Password',
		description: 'Password sent to the callback.',
		type: 'PASSWORD',
		secret: true,
		maximumLength: LIMITS.basicAuth.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.callback.headers',
		name: 'Callback Headers',
		description: 'Additional headers sent to the callback: a JSON object, or one "Name: value" per line.',
		type: 'TEXTAREA',
		secret: true,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.instance.finder',
		name: 'Instance Finder',
		description: 'For receivers whose address does not name the instance.',
		type: 'TEXTFIELD_128',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.refresh_interval',
		name: 'Event poller refresh interval (mins)',
		description: 'Minutes between polls of the shop.',
		type: 'NUMBER',
		defaultValue: '15',
		interval: 'minutes',
		dependsOn: [WHEN_EVENTS_ENABLED, WHEN_POLLED],
	},
	{
		key: 'event.poller.configuration',
		name: 'Configure Polling',
		description: 'The resources that are polled, as JSON: label → url, idField, datesConfiguration.',
		type: 'TEXTAREA',
		defaultValue: JSON.stringify(DEFAULT_POLLER),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.urls',
		name: 'Resources to Poll',
		description: 'The older form: names of default resources joined with |.',
		type: 'TEXTFIELD_1000',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.reread',
		name: 'Re-read (hours)',
		description: 'Hours between full re-reads, which find edits that leave no modified date; 0 turns them off.',
		type: 'NUMBER',
		interval: 'hours',
		minimum: 0,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.backfill',
		name: 'Backfill',
		description: 'Which existing objects are sent at the start: none, all, or those created since an ISO date.',
		type: 'TEXTFIELD_32',
		defaultValue: 'none',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.poller.scanBudget',
		name: 'Scan Budget',
		description: 'Requests that a poll may spend on scans of collections that cannot be filtered by date.',
		type: 'NUMBER',
		defaultValue: '10',
		minimum: 1,
		maximum: LIMITS.scanBudget.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.reconcile.interval',
		name: 'Reconcile Interval (mins)',
		description: 'Minutes between polls beside webhooks; 0 turns them off.',
		type: 'NUMBER',
		defaultValue: '60',
		interval: 'minutes',
		minimum: 0,
		dependsOn: [WHEN_EVENTS_ENABLED, WHEN_WEBHOOK_ONLY],
	},
	{
		key: 'filter.response.nulls',
		name: 'Filter null values',
		description: 'Leaves null values out of the hub’s answers.',
		type: 'BOOLEAN',
		defaultValue: 'true',
	},
	{
		key: 'event.notification.mode',
		name: 'Notification Mode',
		description: 'full sends the records. thin sends none: each event names the address of its record.',
		type: 'SELECT',
		defaultValue: 'full',
		options: toOptions(['full', 'With the records'], ['thin', 'Without them']),
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.coalesce',
		name: 'Coalesce Events',
		description:
			'Sends only the newest of an object’s waiting events; an object created and deleted meanwhile sends none.',
		type: 'BOOLEAN',
		defaultValue: 'false',
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.batch',
		name: 'Events per Notification',
		description: 'Maximum events per notification, 1 to 100. Default: 10 with polling and hybrid, 20 with webhooks.',
		type: 'NUMBER',
		minimum: 1,
		maximum: LIMITS.batch.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.rate',
		name: 'Notifications per Second',
		description: 'Maximum notifications sent to the callback per second, 0.01 to 1000. Default: no limit.',
		type: 'NUMBER',
		minimum: 0.01,
		maximum: LIMITS.rate.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.filter.types',
		name: 'Filter by Event Type',
		description: 'Event types that are sent, joined with |: CREATED|DELETED.',
		type: 'TEXTFIELD_32',
		maximumLength: LIMITS.filterTypes.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.filter.resources',
		name: 'Filter by Resource',
		description: 'Resources whose events are sent: labels of the poller configuration joined with |.',
		type: 'TEXTFIELD_1000',
		maximumLength: LIMITS.filterResources.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
	{
		key: 'event.notification.filter.where',
		name: 'Filter by Condition',
		description:
			"A condition on the record, written as a hub's where: status = 'completed' AND total >= 100. " +
			'Deletions are always sent.',
		type: 'TEXTFIELD_1000',
		maximumLength: LIMITS.filterWhere.value,
		dependsOn: [WHEN_EVENTS_ENABLED],
	},
]

/** Ids are the element's number and a counter, so that they never change. */
const BASE_ID = 288_100

/** All keys with their ids. */
export const CONFIGURATION_KEYS: ConfigurationKey[] = KEY_DEFINITIONS.map((key, index) => ({
	required: false,
	defaultValue: null,
	secret: false,
	options: null,
	minimum: null,
	maximum: null,
	maximumLength: null,
	interval: null,
	dependsOn: [],
	...key,
	id: BASE_ID + index + 1,
}))

/** Examples of elements. Pure. */
import { ELEMENT } from '../instances/examples.ts'

/** The settings of a resource in `event.poller.configuration`. */
export const POLLER_SETTINGS = { url: '/hubs/ecommerce/orders', idField: 'id', datesConfiguration: {} }

/** A resource that can be watched. */
export const ELEMENT_RESOURCE = {
	name: 'orders',
	title: 'Orders',
	path: '/hubs/ecommerce/orders',
	preset: true,
	settings: POLLER_SETTINGS,
}

/** A configuration key. */
export const ELEMENT_CONFIGURATION = {
	id: 288112,
	name: 'Event poller refresh interval (mins)',
	key: 'event.poller.refresh_interval',
	description: 'Minutes between polls of the shop.',
	defaultValue: '15',
	type: 'NUMBER',
	required: false,
	displayOrder: 12,
	active: true,
	internal: false,
	hideFromConsole: false,
	secret: false,
	options: null,
	minimum: 1,
	maximum: null,
	maximumLength: null,
	offAt: null,
	dependsOn: [
		{ key: 'event.notification.enabled', values: ['true'] },
		{ key: 'event.vendor.type', values: ['polling', 'hybrid'] },
	],
}

/** The element with one of its resources and one of its configuration keys. */
export const CATALOG_ELEMENT = { ...ELEMENT, resources: [ELEMENT_RESOURCE], configuration: [ELEMENT_CONFIGURATION] }

const EVENT_TYPES_BY_RESOURCE = { orders: { eventTypes: ['CREATED', 'UPDATED', 'DELETED'] } }
/** The events that it detects. */
export const ELEMENT_METADATA = {
	id: ELEMENT.id,
	key: ELEMENT.key,
	name: ELEMENT.name,
	description: ELEMENT.description,
	hub: ELEMENT.hub,
	events: {
		supported: true,
		methods: ['polling', 'webhook'],
		polling: EVENT_TYPES_BY_RESOURCE,
		webhook: EVENT_TYPES_BY_RESOURCE,
	},
}

/** The hub. */
export const HUB = { key: 'ecommerce', name: 'ecommerce', active: true }

/** WooCommerce as an element: the one object that the rest of Shopbell sees of this folder. */
import type { Element } from '../element.ts'
import { openClient } from './client.ts'
import { CONFIGURATION, DEFAULT_POLLER, POLLABLE } from './configuration.ts'
import { connectStore } from './connect.ts'
import { handover } from './handover.ts'
import { hooks } from './webhook-payloads.ts'
import { records } from './records.ts'
import { fillResource, resourceOf } from './resources.ts'
import { sight } from './sight.ts'

/** The element that clients of the platform know by key and number (cloud-elements contract, section 2). */
export const woocommerce: Element = {
	id: 2881,
	key: 'woocommercerest',
	name: 'WooCommerce',
	hub: 'ecommerce',
	description: 'Orders, products, customers and discounts of a WooCommerce shop, and what changes in them.',
	configuration: CONFIGURATION,
	defaultPoller: DEFAULT_POLLER,
	pollable: POLLABLE,
	connect: connectStore,
	open: openClient,
	resource: resourceOf,
	fill: fillResource,
	sight,
	records,
	hooks,
	handover,
}

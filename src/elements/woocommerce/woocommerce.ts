/** WooCommerce as an element: the one object that the rest of Shopbell sees of this folder. */
import type { Element } from '../element.ts'
import { findIgnoreProblem } from './ignore.ts'
import { openClient } from './client.ts'
import { DEFAULT_POLLER, OWN_KEYS, POLLABLE_COLLECTIONS } from './configuration.ts'
import { connectStore, inspectStore } from './connect.ts'
import { keyAuthorization } from './key-authorization.ts'
import { webhooks } from './webhook-payloads.ts'
import { records } from './records.ts'
import { listPollable } from './schema.ts'
import { findWriteAccess } from './webhook-sync.ts'
import { findDateProblems, findUrlProblem, resolvePlaceholders, parseResource } from './resources.ts'
import { toNoiseCure } from './noise-cures.ts'
import { parseRecord } from './parse-record.ts'
import { findOtherKind } from './record-kinds.ts'
import { getVariationLists, VARIATIONS_POLLER } from './variations.ts'

/** The element that clients of the platform know by key and number (docs/contract.md §2). */
export const woocommerce: Element = {
	id: 2881,
	key: 'woocommercerest',
	name: 'WooCommerce',
	hub: 'ecommerce',
	description: 'Orders, products, customers and discounts of a WooCommerce shop, and what changes in them.',
	configuration: OWN_KEYS,
	defaultPoller: DEFAULT_POLLER,
	pollable: POLLABLE_COLLECTIONS,
	connect: connectStore,
	inspect: inspectStore,
	findWriteAccess,
	listPollable,
	openClient: openClient,
	parseResource: parseResource,
	findUrlProblem,
	findDateProblems,
	findIgnoreProblem,
	variationsPoller: VARIATIONS_POLLER,
	getVariationLists,
	resolvePlaceholders: resolvePlaceholders,
	parseRecord,
	findOtherKind: ({ path }, record) => findOtherKind(path, record),
	getNoiseCure: toNoiseCure,
	records,
	webhooks,
	keyAuthorization,
}

/** WooCommerce's part of the configuration of its instances (docs/contract.md §2, §3). */
import type { ConfigurationForm, PollableCollection, PollerResource } from '../form.ts'

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

/** The default resources, and other collections of a shop. */
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

/** The keys that this vendor describes, in the order of forms. */
export const OWN_KEYS: ConfigurationForm[] = [
	{
		key: 'store.url',
		name: 'The Store URL',
		description: 'The address of the WooCommerce shop, such as https://shop.example.',
		type: 'TEXTFIELD_1000',
		required: true,
	},
	{
		key: 'oauth.api.key',
		name: 'OAuth API Key',
		description: 'The consumer key (ck_…) from WooCommerce → Settings → Advanced → REST API.',
		type: 'TEXTFIELD_128',
		required: true,
	},
	{
		key: 'oauth.api.secret',
		name: 'OAuth API Secret',
		description: 'The consumer secret (cs_…) that belongs to the key.',
		type: 'PASSWORD',
		required: true,
	},
]

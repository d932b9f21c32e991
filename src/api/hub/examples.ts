/** Example records of a store, each with a few of its fields. Pure. */
import { ORDER } from '../http/examples.ts'

const DATES = {
	date_created: '2026-06-01T05:41:12',
	date_created_gmt: '2026-06-01T11:41:12',
	date_modified: '2026-06-01T05:59:30',
	date_modified_gmt: '2026-06-01T11:59:30',
}

const CATEGORY = { id: 17, name: 'Mugs', slug: 'mugs', parent: 0, display: 'default', menu_order: 0, count: 1 }

/** A record of each of the contract's resources. */
export const RECORDS = {
	customers: {
		id: 25,
		...DATES,
		email: 'jane@example.com',
		first_name: 'Jane',
		last_name: 'Doe',
		role: 'customer',
		username: 'jane',
	},
	discounts: { id: 61, ...DATES, code: 'spring10', amount: '10.00', discount_type: 'percent', usage_count: 0 },
	orders: ORDER,
	products: {
		id: 93,
		name: 'Blue mug',
		slug: 'blue-mug',
		...DATES,
		type: 'simple',
		status: 'publish',
		price: '9.50',
		regular_price: '9.50',
	},
	'products-attributes': {
		id: 1,
		name: 'Colour',
		slug: 'pa_colour',
		type: 'select',
		order_by: 'menu_order',
		has_archives: false,
	},
	'products-categories': CATEGORY,
	'products-tags': { id: 34, name: 'blue', slug: 'blue', description: '', count: 1 },
} as const

/** A record of each collection of an order. */
export const ORDER_RECORDS = {
	comments: {
		id: 1128,
		author: 'WooCommerce',
		date_created: DATES.date_created,
		date_created_gmt: DATES.date_created_gmt,
		note: 'Call before delivery',
		customer_note: false,
	},
	refunds: {
		id: 401,
		date_created: DATES.date_created,
		date_created_gmt: DATES.date_created_gmt,
		amount: '10.00',
		reason: 'Damaged',
		refunded_by: 1,
		refunded_payment: false,
		line_items: [],
	},
} as const

/** The response of each report. */
export const REPORT_RESPONSES = {
	reports: [{ slug: 'sales', description: 'List of sales.' }],
	'reports-sales': [
		{
			total_sales: '19.00',
			net_sales: '19.00',
			average_sales: '19.00',
			total_orders: 1,
			total_items: 2,
			totals_grouped_by: 'day',
			totals: {
				'2026-06-01': {
					sales: '19.00',
					orders: 1,
					items: 2,
					tax: '0.00',
					shipping: '0.00',
					discount: '0.00',
					customers: 0,
				},
			},
		},
	],
	'reports-top-sellers': [{ title: 'Blue mug', product_id: 93, quantity: 2 }],
} as const

/** A path of the store, a body to send there, and the record in the response. */
export interface PathExample {
	words: readonly string[]
	body: Record<string, unknown>
	record: Record<string, unknown>
}

const TAX = {
	id: 1,
	country: 'US',
	state: 'CO',
	rate: '2.9000',
	name: 'State tax',
	priority: 1,
	compound: false,
	shipping: true,
}
const VARIATION = {
	id: 95,
	...DATES,
	description: '',
	price: '9.50',
	regular_price: '9.50',
	status: 'publish',
	attributes: [],
}
const TERM = { id: 3, name: 'Small', slug: 'small', description: '', menu_order: 0, count: 0 }

/** A collection at each depth. The last is a batch. */
export const COLLECTION_BY_DEPTH: Readonly<Record<1 | 2 | 3 | 4 | 5, PathExample>> = {
	1: { words: ['taxes'], body: { country: 'US', state: 'CO', rate: '2.9000', name: 'State tax' }, record: TAX },
	2: {
		words: ['products', 'categories'],
		body: { name: 'Plates' },
		record: { ...CATEGORY, id: 18, name: 'Plates', slug: 'plates', count: 0 },
	},
	3: { words: ['products', '93', 'variations'], body: { regular_price: '9.50' }, record: VARIATION },
	4: {
		words: ['products', 'attributes', '1', 'terms'],
		body: { name: 'Medium' },
		record: { ...TERM, id: 4, name: 'Medium', slug: 'medium' },
	},
	5: {
		words: ['products', 'attributes', '1', 'terms', 'batch'],
		body: { create: [{ name: 'Small' }] },
		record: { create: [TERM] },
	},
}

/** A record at each depth. */
export const RECORD_BY_DEPTH: Readonly<Record<2 | 3 | 4 | 5, PathExample>> = {
	2: { words: ['taxes', '1'], body: { rate: '2.9000' }, record: TAX },
	3: { words: ['products', 'categories', '17'], body: { name: 'Mugs' }, record: CATEGORY },
	4: { words: ['products', '93', 'variations', '95'], body: { regular_price: '9.50' }, record: VARIATION },
	5: { words: ['products', 'attributes', '1', 'terms', '3'], body: { name: 'Small' }, record: TERM },
}

/** A collection of `/objects`. */
export const OBJECT = { name: 'orders', methods: ['get', 'create', 'update', 'delete'] }

/** Fields of a collection. */
export const METADATA = {
	name: 'orders',
	fields: [
		{
			name: 'status',
			type: 'string',
			readonly: false,
			required: false,
			enum: ['pending', 'processing', 'completed'],
			description: 'Order status.',
		},
		{ name: 'date_created_gmt', type: 'string', format: 'date-time', readonly: true, required: false },
	],
}

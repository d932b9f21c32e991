/** What stands in a generated shop: each object is made alone from seed and position, when somebody looks. */
import * as blank from './blank.ts'
import { mix, Random } from './random.ts'
import type { Rec } from './types.ts'
import { iso } from './zone.ts'

const FIRST = [
	'Alice',
	'José',
	'Zoë',
	'Ève',
	'Иван',
	'Łukasz',
	'花子',
	'Sam',
	'Maya',
	'Noor',
	'Tom',
	'Ines',
	'Grace',
	'Omar',
]
const LAST = [
	'Nguyen',
	'O’Connor',
	'García',
	'山田',
	'Петров',
	'van der Berg',
	'Smith',
	'Haddad',
	'Okafor',
	'Müller',
	'Rossi',
]
const CITY = [
	['Denver', 'CO', '80202'],
	['Boulder', 'CO', '80301'],
	['New York', 'NY', '10001'],
	['San José', 'CA', '95112'],
	['Austin', 'TX', '73301'],
] as const
const THING = [
	'Tent',
	'Jacket',
	'Boots',
	'Paddle',
	'Lantern',
	'Mug',
	'Backpack',
	'Fly Rod',
	'Kayak',
	'Cap & Scarf',
	'Thermos',
	'Map',
]
const KIND = ['Alpine', 'River', 'Canyon', 'Summit', 'Cascade', 'Prairie', 'Basecamp', 'Trail']
const COLORS = ['Blue', 'Green', 'Red']
const SIZES = ['S', 'M', 'L']
const PAYMENT = [
	['bacs', 'Direct bank transfer'],
	['cod', 'Cash on delivery'],
	['stripe', 'Credit card'],
] as const

/** The product categories of a generated shop. */
export const CATEGORIES: Rec[] = [
	'Uncategorized',
	'Camping',
	'Clothing',
	'Footwear',
	'Paddling',
	'Kitchen',
	'Maps & Books',
].map((name, i) => ({
	id: 15 + i,
	name: name.replace('&', '&amp;'),
	slug: slug(name),
	parent: 0,
	description: '',
	display: 'default',
	image: null,
	menu_order: 0,
	count: 0,
}))

/** The product tags of a generated shop. */
export const TAGS: Rec[] = ['sale', 'new', 'éco', 'limited'].map((name, i) => ({
	id: 22 + i,
	name,
	slug: slug(name),
	description: '',
	count: 0,
}))

/** The product attributes of a generated shop. */
export const ATTRIBUTES: Rec[] = [
	{ id: 1, name: 'Color', slug: 'pa_color', type: 'select', order_by: 'menu_order', has_archives: false },
]

/** The tax rates of a generated shop. */
export const TAXES: Rec[] = [
	['CO', '2.9000'],
	['NY', '4.0000'],
	['CA', '7.2500'],
].map(([state, rate], i) => ({
	id: i + 1,
	country: 'US',
	state,
	postcode: '',
	city: '',
	rate,
	name: `${state} Tax`,
	priority: 1,
	compound: false,
	shipping: true,
	order: i,
	class: 'standard',
	postcodes: [],
	cities: [],
}))

/** `Cap & Scarf` → `cap-scarf`, as WordPress makes it. */
export function slug(name: string): string {
	return name
		.normalize('NFD')
		.replace(/[\u0300-\u036f]/g, '')
		.toLowerCase()
		.replace(/&amp;|[^\p{L}\p{N}]+/gu, '-')
		.replace(/^-+|-+$/g, '')
		.replace(/-+/g, '-')
}

/** Cents as WooCommerce writes money. */
export function money(cents: number): string {
	return (cents / 100).toFixed(2)
}

/** The shop's price markup. */
export function priceHtml(price: string): string {
	if (price === '') return ''
	return `<span class="woocommerce-Price-amount amount"><bdi><span class="woocommerce-Price-currencySymbol" translate="no">&#36;</span>${price}</bdi></span>`
}

/** The plan of a generated shop: which ids exist; the rest follows from seed and position. */
export class Shop {
	readonly seed: number
	readonly url: string
	/** Product ids by position. */
	readonly products: number[] = []
	/** Coupon and customer ids by position. */
	readonly coupons: number[] = []
	readonly customers: number[] = []

	constructor(seed: number, url: string) {
		this.seed = seed
		this.url = url
	}

	/** How many variations the product at this position has; every twelfth is variable. */
	variationCount(position: number): number {
		return position % 12 === 9 ? 4 : 0
	}

	#productBasics(position: number): { name: string; sku: string; cents: number } {
		const random = new Random(this.seed, 11, position)
		const name = `${random.pick(KIND)} ${random.pick(THING)} ${position + 1}`
		return { name, sku: `RO-${String(position + 1).padStart(4, '0')}`, cents: random.int(299, 24900) }
	}

	product(position: number, id: number): Rec {
		const { name, sku, cents } = this.#productBasics(position)
		const random = new Random(this.seed, 12, position)
		const variations = this.variationCount(position)
		const category = random.pick(CATEGORIES.slice(1))
		const tag = random.pick(TAGS)
		const onSale = random.chance(0.15) && variations === 0
		const managed = variations === 0 && random.chance(0.7)
		const price = money(onSale ? Math.round(cents * 0.8) : cents)
		return {
			...blank.product(),
			id,
			name: name.replace('&', '&amp;'),
			slug: slug(name),
			permalink: `${this.url}/product/${slug(name)}/`,
			type: variations ? 'variable' : 'simple',
			description: `<p>The <strong>${name.replace('&', '&amp;')}</strong> for a day outside.</p>\n`,
			short_description: `<p>${name.replace('&', '&amp;')}</p>\n`,
			sku,
			price,
			regular_price: variations ? '' : money(cents),
			sale_price: onSale ? price : '',
			on_sale: onSale,
			purchasable: true,
			total_sales: random.int(0, 60),
			manage_stock: managed,
			stock_quantity: managed ? random.int(50, 2000) : null,
			weight: money(random.int(20, 900)),
			dimensions: {
				length: String(random.int(5, 90)),
				width: String(random.int(5, 60)),
				height: String(random.int(1, 40)),
			},
			categories: [{ id: category.id, name: category.name, slug: category.slug }],
			tags: [{ id: tag.id, name: tag.name, slug: tag.slug }],
			attributes: variations
				? [
						{ id: 1, name: 'Color', slug: 'pa_color', position: 0, visible: true, variation: true, options: COLORS },
						{ id: 0, name: 'Size', slug: 'Size', position: 1, visible: true, variation: true, options: SIZES },
					]
				: [],
			variations: Array.from({ length: variations }, (_, i) => id + 1 + i),
			price_html: priceHtml(price),
			meta_data: [{ id: id * 10, key: '_ext_ref', value: `ext-${position + 1}` }],
			has_options: variations > 0,
		}
	}

	variation(position: number, nth: number, id: number, parent: number): Rec {
		const { name, sku, cents } = this.#productBasics(position)
		const color = COLORS[nth % 3] as string
		const size = SIZES[Math.floor(nth / 3) % 3] as string
		const price = money(cents + nth * 100)
		return {
			...blank.variation(),
			id,
			permalink: `${this.url}/product/${slug(name)}/?attribute_pa_color=${color.toLowerCase()}&attribute_size=${size}`,
			sku: `${sku}-${color[0]}${size}`,
			price,
			regular_price: price,
			manage_stock: true,
			stock_quantity: 100 + (mix(this.seed, 13, id) % 400),
			name: `${color}, ${size}`,
			parent_id: parent,
			attributes: [
				{ id: 1, name: 'Color', slug: 'pa_color', option: color },
				{ id: 0, name: 'Size', slug: 'size', option: size },
			],
		}
	}

	coupon(position: number, id: number): Rec {
		const random = new Random(this.seed, 14, position)
		const percent = random.chance(0.5)
		return {
			...blank.coupon(),
			id,
			code: `river${position + 1}`,
			amount: money(percent ? random.int(5, 30) * 100 : random.int(300, 4000)),
			discount_type: percent ? 'percent' : 'fixed_cart',
			description: `Coupon ${position + 1}`,
			usage_limit: random.chance(0.3) ? random.int(10, 500) : null,
			minimum_amount: random.chance(0.3) ? '50.00' : '0.00',
			meta_data: [{ id: id * 10, key: 'campaign', value: `c${position % 5}` }],
		}
	}

	customer(position: number, id: number): Rec {
		const random = new Random(this.seed, 15, position)
		const first = random.pick(FIRST)
		const last = random.pick(LAST)
		const [city, state, postcode] = random.pick(CITY)
		const username = this.username(position)
		const email = `${username}@example.test`
		const place = {
			first_name: first,
			last_name: last,
			address_1: `${position + 1} Main St`,
			city,
			state,
			postcode,
			country: 'US',
		}
		const known = random.chance(0.9)
		return {
			...blank.customer(),
			id,
			email,
			first_name: first,
			last_name: last,
			username,
			billing: known
				? { ...blank.address('customer', 'billing'), ...place, email, phone: `+1 303-555-${1000 + (position % 9000)}` }
				: blank.address('customer', 'billing'),
			shipping: known ? { ...blank.address('customer', 'shipping'), ...place } : blank.address('customer', 'shipping'),
			is_paying_customer: random.chance(0.6),
			avatar_url: `https://secure.gravatar.com/avatar/${mix(this.seed, 16, position).toString(16).padStart(8, '0').repeat(8)}?s=96&d=mm&r=g`,
			meta_data: [{ id: id * 10, key: 'loyalty_tier', value: random.pick(['bronze', 'silver', 'gold']) }],
		}
	}

	/** The login name, by which lists of customers are sorted. */
	username(position: number): string {
		return `cust${position + 1}`
	}

	/** Status of the order at this position. */
	orderStatus(position: number): string {
		const roll = mix(this.seed, 17, position) % 100
		if (roll < 55) return 'completed'
		if (roll < 75) return 'processing'
		if (roll < 83) return 'on-hold'
		if (roll < 89) return 'pending'
		if (roll < 94) return 'cancelled'
		return roll < 97 ? 'failed' : 'refunded'
	}

	order(position: number, id: number, created: number): Rec {
		const random = new Random(this.seed, 18, position)
		const status = this.orderStatus(position)
		const guest = this.customers.length === 0 || random.chance(0.2)
		const buyer = guest ? -1 : random.int(0, this.customers.length - 1)
		const person = new Random(this.seed, 15, guest ? position + 7_000_000 : buyer)
		const first = person.pick(FIRST)
		const last = person.pick(LAST)
		const [city, state, postcode] = person.pick(CITY)
		const email = guest ? `guest${position + 1}@example.test` : `${this.username(buyer)}@example.test`
		const place = {
			first_name: first,
			last_name: last,
			address_1: `${position + 1} Main St`,
			city,
			state,
			postcode,
			country: 'US',
		}
		const items: Rec[] = []
		let total = 0
		const lines = this.products.length ? random.int(1, 3) : 0
		for (let i = 0; i < lines; i++) {
			const at = random.int(0, this.products.length - 1)
			const quantity = random.int(1, 4)
			const line = this.line(at, id * 10 + i, quantity, random.int(0, 3))
			total += line.cents
			items.push(line.item)
		}
		const [method, title] = random.pick(PAYMENT)
		const paid = ['completed', 'processing', 'refunded'].includes(status) ? iso(created + 60) : null
		const shipping = random.chance(0.5) ? 750 : 0
		return {
			...blank.order(),
			id,
			status,
			total: money(total + shipping),
			shipping_total: money(shipping),
			customer_id: guest ? 0 : this.customers[buyer],
			order_key: `wc_order_${random.word(13)}`,
			billing: {
				...blank.address('order', 'billing'),
				...place,
				email,
				phone: `+1 303-555-${1000 + (position % 9000)}`,
			},
			shipping: { ...blank.address('order', 'shipping'), ...place },
			payment_method: method,
			payment_method_title: title,
			transaction_id: paid ? `txn_${position + 1}` : '',
			created_via: 'checkout',
			customer_note: random.chance(0.1) ? 'Leave at door — merci ☕' : '',
			number: String(id),
			line_items: items,
			shipping_lines: shipping
				? [
						{
							id: id * 10 + 9,
							method_title: 'Flat rate',
							method_id: 'flat_rate',
							instance_id: '',
							total: money(shipping),
							total_tax: '0.00',
							taxes: [],
							tax_status: 'taxable',
							meta_data: [],
						},
					]
				: [],
			needs_processing: true,
			date_paid_gmt: paid,
			date_completed_gmt: status === 'completed' ? iso(created + 3600) : null,
		}
	}

	/** An order line for the product at this position. */
	line(position: number, lineId: number, quantity: number, nth: number): { item: Rec; cents: number } {
		const { name, sku, cents } = this.#productBasics(position)
		const parent = this.products[position] ?? 0
		const variable = this.variationCount(position) > 0
		const each = variable ? cents + nth * 100 : cents
		const color = COLORS[nth % 3] as string
		const size = SIZES[Math.floor(nth / 3) % 3] as string
		return {
			cents: each * quantity,
			item: orderLine({
				id: lineId,
				name: variable ? `${name} - ${color}, ${size}` : name,
				product_id: parent,
				variation_id: variable ? parent + 1 + nth : 0,
				quantity,
				cents: each,
				sku: variable ? `${sku}-${color[0]}${size}` : sku,
				parent_name: variable ? name : null,
			}),
		}
	}
}

/** A `line_items` entry with every key. */
export function orderLine(line: {
	id: number
	name: string
	product_id: number
	variation_id: number
	quantity: number
	cents: number
	sku: string
	parent_name: string | null
}): Rec {
	const total = money(line.cents * line.quantity)
	return {
		id: line.id,
		name: line.name,
		product_id: line.product_id,
		variation_id: line.variation_id,
		quantity: line.quantity,
		tax_class: '',
		subtotal: total,
		subtotal_tax: '0.00',
		total,
		total_tax: '0.00',
		taxes: [],
		meta_data: [],
		sku: line.sku,
		global_unique_id: '',
		price: line.cents / 100,
		image: { id: '', src: '' },
		parent_name: line.parent_name,
	}
}

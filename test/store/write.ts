/** What writing to an object does: which fields a save takes, what it moves (docs/woocommerce.md §4), what follows from it. */
import * as blank from './blank.ts'
import type { Engine, Writing } from './engine.ts'
import { money, orderLine, priceHtml, slug } from './shop.ts'
import type { Entity } from './table.ts'
import { firedByCreation, firedByRestore, firedBySave } from './topics.ts'
import type { Rec, Resource } from './types.ts'
import { iso, seconds } from './zone.ts'

/** Fields that a save never takes from outside. */
const READ_ONLY = new Set([
	'id',
	'date_created',
	'date_created_gmt',
	'date_modified',
	'date_modified_gmt',
	'_links',
	'related_ids',
	'price_html',
	'permalink',
	'number',
	'order_key',
	'version',
	'total_sales',
	'average_rating',
	'rating_count',
	'status',
	'refunds',
	'is_editable',
	'needs_payment',
	'needs_processing',
	'payment_url',
	'usage_count',
	'used_by',
	'is_paying_customer',
	'avatar_url',
])

const PAID = new Set(['processing', 'completed'])
const SOLD = new Set(['processing', 'completed', 'on-hold'])

/** How a change reaches the store. */
export type Via = 'rest' | 'code' | 'admin' | 'silent'

/** Whether this save moves `date_modified`. */
export function moves(engine: Engine, resource: Resource, entity: Entity, set: Rec, via: Via): boolean {
	if (via === 'silent') return false
	const now = engine.record(resource, entity)
	const changes = (field: string): boolean =>
		field in set && JSON.stringify(set[field]) !== JSON.stringify(field === 'status' ? entity.status : now[field])
	if (resource === 'orders' && engine.settings.orders === 'posts') return changes('status') || changes('customer_note')
	if (resource === 'coupons' && via !== 'admin') {
		return changes('description') || changes('status') || ('code' in set && String(set.code).toLowerCase() !== now.code)
	}
	return true
}

function mergeMeta(engine: Engine, now: Rec[], given: Rec[]): Rec[] {
	const meta = now.map((item) => ({ ...item }))
	for (const item of given) {
		const known = meta.find((other) => (item.id ? other.id === item.id : other.key === item.key))
		if (known) known.value = item.value
		else meta.push({ id: engine.next.meta++, key: item.key, value: item.value })
	}
	return meta.filter((item) => item.value !== null)
}

/** Order lines of products that exist or not, priced as the shop prices them. */
export function makeLines(engine: Engine, given: Rec[]): Rec[] {
	return given.map((line) => {
		const product = engine.get('products', Number(line.product_id))
		const variation = line.variation_id ? engine.get('variations', Number(line.variation_id)) : undefined
		const record = product ? engine.record('products', product) : undefined
		const own = variation ? engine.record('variations', variation) : record
		const name = String(record?.name ?? line.name ?? '')
		const made = orderLine({
			id: engine.next.meta++,
			name: variation ? `${name} - ${own?.name ?? ''}` : name,
			product_id: product?.id ?? 0,
			variation_id: variation?.id ?? 0,
			quantity: Number(line.quantity ?? 1),
			cents: Math.round(Number(own?.price ?? 0) * 100),
			sku: String(own?.sku ?? ''),
			parent_name: variation ? name : null,
		})
		if (line.total !== undefined) made.total = money(Math.round(Number(line.total) * 100))
		if (line.name !== undefined && !product) made.name = line.name
		return made
	})
}

function mergeLines(now: Rec[], given: Rec[], make: (line: Rec) => Rec): Rec[] {
	let lines = now.map((line) => ({ ...line }))
	for (const line of given) {
		const known = lines.find((other) => line.id !== undefined && other.id === line.id)
		if (!known) lines.push(make(line))
		else if (line.product_id === null || line.method_id === null || line.name === null || line.code === null)
			lines = lines.filter((other) => other !== known)
		else {
			const { quantity, ...rest } = line
			Object.assign(known, rest)
			if (quantity !== undefined) {
				const total = money(Math.round(Number(known.price ?? 0) * 100) * Number(quantity))
				Object.assign(known, { quantity: Number(quantity), subtotal: total, total })
			}
		}
	}
	return lines
}

/** A coupon's line with every key. */
function couponLine(engine: Engine, line: Rec): Rec {
	const coupon = [...engine.tables.coupons.values()].find(
		(other) => engine.record('coupons', other).code === String(line.code).toLowerCase(),
	)
	const {
		discount_type = 'fixed_cart',
		amount = '0.00',
		free_shipping = false,
	} = coupon ? engine.record('coupons', coupon) : {}
	return {
		id: engine.next.meta++,
		discount: '0.00',
		discount_tax: '0.00',
		meta_data: [],
		discount_type,
		nominal_amount: Number(amount),
		free_shipping,
		...line,
	}
}

function totals(record: Rec): void {
	const sum = (lines: Rec[]): number =>
		lines.reduce(
			(cents, line) =>
				cents + Math.round(Number(line.total ?? 0) * 100) + Math.round(Number(line.total_tax ?? 0) * 100),
			0,
		)
	record.shipping_total = money(
		(record.shipping_lines as Rec[]).reduce((cents, line) => cents + Math.round(Number(line.total ?? 0) * 100), 0),
	)
	const discount = Math.round(Number(record.discount_total ?? 0) * 100)
	record.total = money(sum(record.line_items) + sum(record.shipping_lines) + sum(record.fee_lines) - discount)
}

/** Writes the given fields into a record, as a PUT does. */
export function apply(engine: Engine, resource: Resource, record: Rec, set: Rec): void {
	let lines = false
	for (const [field, value] of Object.entries(set)) {
		if (READ_ONLY.has(field) || !(field in record)) continue
		if (field === 'meta_data') record.meta_data = mergeMeta(engine, record.meta_data, value)
		else if (field === 'billing' || field === 'shipping') record[field] = { ...record[field], ...value }
		else if (field === 'dimensions') record.dimensions = { ...record.dimensions, ...value }
		else if (resource === 'orders' && field === 'coupon_lines')
			record.coupon_lines = mergeLines(record.coupon_lines, value, (line) => couponLine(engine, line))
		else if (resource === 'orders' && field.endsWith('_lines')) {
			lines = true
			record[field] = mergeLines(record[field], value, (line) => ({
				id: engine.next.meta++,
				name: '',
				total: '0.00',
				total_tax: '0.00',
				taxes: [],
				meta_data: [],
				...line,
			}))
		} else if (resource === 'orders' && field === 'line_items') {
			lines = true
			record.line_items = mergeLines(record.line_items, value, (line) => makeLines(engine, [line])[0] as Rec)
		} else if (resource === 'variations' && field === 'attributes') {
			record.attributes = (value as Rec[]).map((given) => {
				const known = [...engine.terms.attributes.values()].find(
					({ id, name }) => id === given.id || name === given.name,
				)
				return {
					id: known?.id ?? 0,
					name: known?.name ?? given.name,
					slug: known?.slug ?? slug(String(given.name)),
					option: given.option,
				}
			})
		} else if (field === 'categories' || field === 'tags') {
			record[field] = (value as Rec[])
				.map(({ id }) => engine.terms[field].get(Number(id)))
				.filter((term) => term !== undefined)
				.map(({ id, name, slug: word }) => ({ id, name, slug: word }))
		} else record[field] = value
	}
	if (lines) totals(record)
	if (resource === 'products' || resource === 'variations') priced(engine, record)
	if (resource === 'coupons') {
		if ('code' in set) record.code = String(record.code).toLowerCase()
		for (const field of ['amount', 'minimum_amount', 'maximum_amount'])
			if (field in set) record[field] = money(Math.round(Number(record[field]) * 100))
	}
	if (resource === 'products' && 'name' in set && !record.slug) record.slug = slug(record.name)
}

/** Sets what follows from a product's prices and stock. */
export function priced(engine: Engine, record: Rec): void {
	if (record.type === 'variable' || record.type === 'grouped') return
	const now = engine.second()
	const from = seconds(record.date_on_sale_from_gmt)
	const to = seconds(record.date_on_sale_to_gmt)
	record.on_sale = record.sale_price !== '' && (from === null || from <= now) && (to === null || now < to)
	record.price = record.on_sale ? record.sale_price : record.regular_price
	if ('price_html' in record) record.price_html = priceHtml(record.price)
	if (record.manage_stock && record.stock_quantity === null) record.stock_quantity = 0
	if (!record.manage_stock) record.stock_quantity = null
	else
		record.stock_status =
			record.stock_quantity > 0 ? 'instock' : record.backorders === 'no' ? 'outofstock' : 'onbackorder'
}

/** A new record with defaults, the given fields and what follows from them. */
export function make(engine: Engine, resource: Resource, set: Rec): Rec {
	const record: Rec = blank.BLANK[resource]?.() ?? {}
	if ('status' in record && typeof set.status === 'string') record.status = set.status
	apply(engine, resource, record, set)
	if (resource === 'orders') {
		record.order_key = `wc_order_${engine.random.word(13)}`
		record.needs_processing = record.line_items.length > 0
		if (record.total === '0.00' && typeof set.total === 'string') record.total = set.total
	}
	if (resource === 'products') {
		record.slug ||= slug(record.name || 'product')
		record.permalink = `${engine.settings.url}/product/${record.slug}/`
		record.purchasable = record.price !== ''
	}
	if (resource === 'customers') {
		record.username ||= String(record.email).split('@')[0]
		record.avatar_url ||= 'https://secure.gravatar.com/avatar/?s=96&d=mm&r=g'
	}
	return record
}

/** Stamps given by hand, which only imports, plugins and restores can set. */
export function stampsOf(set: Rec): Pick<Writing, 'created' | 'modified'> {
	const created = seconds(set.date_created_gmt)
	const modified = seconds(set.date_modified_gmt)
	return { ...(created !== null && { created }), ...(modified !== null && { modified }) }
}

/** Saves fields into an object; the follow-ups of order statuses and variations come with it. */
export function save(
	engine: Engine,
	resource: Resource,
	entity: Entity,
	set: Rec,
	via: Via,
	stamps: Pick<Writing, 'created' | 'modified'> = {},
): void {
	const status = typeof set.status === 'string' ? set.status : undefined
	if (entity.status === 'trash' && status !== undefined && status !== 'trash') {
		const { status: _, ...rest } = set
		engine.restore(resource, entity, status)
		firedByRestore(engine, resource, entity)
		if (Object.keys(rest).length > 0) save(engine, resource, entity, rest, via, stamps)
		return
	}
	const before = entity.status
	const moving = moves(engine, resource, entity, set, via)
	// What a plugin writes past WooCommerce fires nothing; WooCommerce's own saves fire even where they leave the stamp (docs/woocommerce.md §4).
	const fires = via !== 'silent' || !moves(engine, resource, entity, set, 'rest')
	engine.change(
		resource,
		entity,
		{ moves: moving, ...stamps, ...(status !== undefined && resource !== 'customers' && { status }) },
		(record) => {
			apply(engine, resource, record, set)
			if (resource === 'orders' && status !== undefined) dateStatus(engine, record, status)
		},
	)
	if (fires) firedBySave(engine, resource, entity, before)
	if (resource === 'variations' && moving) engine.touchParent(entity)
	if (resource === 'orders' && status !== undefined && status !== before) orderMoved(engine, entity, before)
}

function dateStatus(engine: Engine, record: Rec, status: string): void {
	if (PAID.has(status)) record.date_paid_gmt ??= iso(engine.second())
	if (status === 'completed') record.date_completed_gmt ??= iso(engine.second())
}

/** Creates an object as REST, checkout or an import do. */
export function create(
	engine: Engine,
	resource: Resource,
	set: Rec,
	birth: { id?: number; parent?: number; created?: number; modified?: number | null } = {},
): Entity {
	const record = make(engine, resource, set)
	if (resource === 'orders' && typeof record.status === 'string') dateStatus(engine, record, record.status)
	if (birth.parent !== undefined && 'parent_id' in record) record.parent_id = birth.parent
	const entity = engine.insert(resource, record, birth)
	firedByCreation(engine, resource, entity)
	if (resource === 'variations') engine.touchParent(entity)
	if (resource === 'orders') orderMoved(engine, entity, 'pending')
	return entity
}

/** What an order's new status does to others: stock, the buyer, coupons. */
function orderMoved(engine: Engine, order: Entity, before: string): void {
	const record = engine.record('orders', order)
	if (SOLD.has(order.status) && !SOLD.has(before)) {
		for (const line of record.line_items as Rec[]) sell(engine, line)
		for (const line of record.coupon_lines as Rec[])
			useCoupon(engine, String(line.code), String(record.customer_id || record.billing.email))
	}
	if (order.status === 'completed' && record.customer_id) {
		const buyer = engine.get('customers', record.customer_id)
		if (buyer && !engine.record('customers', buyer).is_paying_customer) {
			engine.change('customers', buyer, { moves: false }, (customer) => {
				customer.is_paying_customer = true
			})
		}
	}
}

function sell(engine: Engine, line: Rec): void {
	const take = (record: Rec): void => {
		record.stock_quantity -= line.quantity
		priced(engine, record)
	}
	const variation = line.variation_id ? engine.get('variations', line.variation_id) : undefined
	const product = engine.get('products', line.product_id)
	if (product) {
		engine.adjust('products', product, (record) => {
			record.total_sales = Number(record.total_sales) + line.quantity
		})
	}
	if (variation && engine.record('variations', variation).manage_stock) {
		engine.change('variations', variation, { moves: true }, take)
		engine.fire('product.updated', variation.id)
		engine.touchParent(variation)
	} else if (product && engine.record('products', product).manage_stock) {
		engine.change('products', product, { moves: true }, take)
		engine.fire('product.updated', product.id)
	}
}

function useCoupon(engine: Engine, code: string, user: string): void {
	for (const coupon of engine.tables.coupons.values()) {
		if (engine.record('coupons', coupon).code !== code.toLowerCase()) continue
		engine.change('coupons', coupon, { moves: false }, (record) => {
			record.usage_count += 1
			record.used_by = [...record.used_by, user]
		})
		return
	}
}

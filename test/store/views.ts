/** How a stored object looks through REST: dates in the site's zone, derived fields, links, the version's keys. */
import type { Engine } from './engine.ts'
import { mix } from './random.ts'
import type { Entity } from './table.ts'
import type { Rec, Resource } from './types.ts'
import { iso, seconds } from './zone.ts'

const ALL = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const SYMBOLS: Record<string, string> = { USD: '$', EUR: '€', GBP: '£' }

/** Keys that younger versions added (docs/woocommerce.md: stores run 3.x to 11.x). */
const LATER: Record<'7.0' | '5.5', Partial<Record<Resource, string[]>>> = {
	'7.0': {
		products: ['brands', 'global_unique_id', 'post_password'],
		variations: ['global_unique_id', 'gallery_image_ids', 'name', 'parent_id', 'type'],
	},
	'5.5': {
		orders: ['payment_url', 'is_editable', 'needs_payment', 'needs_processing'],
		products: ['brands', 'global_unique_id', 'post_password', 'has_options'],
		variations: ['global_unique_id', 'gallery_image_ids', 'name', 'parent_id', 'type', 'low_stock_amount'],
		coupons: ['status'],
	},
}

/** Local dates that stand beside a GMT twin inside a record. */
const TWINS = ['date_paid', 'date_completed', 'date_expires', 'date_on_sale_from', 'date_on_sale_to']

/** The record as a GET of it shows it now. `listed` shapes what lists of all variations and refunds show differently. */
export function view(engine: Engine, resource: Resource, entity: Entity, listed: 'own' | 'all' = 'own'): Rec {
	const stored = engine.record(resource, entity)
	const { zone } = engine
	const record: Rec = { ...stored }
	const { version } = engine.settings
	record.date_created = iso(zone.toLocal(entity.created))
	record.date_created_gmt = iso(entity.created)
	if (resource !== 'refunds') {
		record.date_modified = entity.modified === null ? null : iso(zone.toLocal(entity.modified))
		record.date_modified_gmt = entity.modified === null ? null : iso(entity.modified)
	}
	if ('status' in record) record.status = entity.status
	for (const twin of TWINS) {
		const at = seconds(record[`${twin}_gmt`])
		if (`${twin}_gmt` in record) record[twin] = at === null ? null : iso(zone.toLocal(at))
	}
	if (resource === 'orders') orderFields(engine, record, entity)
	if (resource === 'products') record.related_ids = related(engine, record, entity)
	if (resource === 'refunds' && listed === 'own') delete record.parent_id
	if (resource === 'refunds' && listed === 'all') record.parent_id = entity.parent
	if (version !== '11.0') for (const key of LATER[version][resource] ?? []) delete record[key]
	record._links = links(engine.api, resource, entity, record, listed)
	return record
}

const STAMPS = new Set(['id', 'status', 'date_created', 'date_created_gmt', 'date_modified', 'date_modified_gmt'])

/** True when these fields are known without the record itself. */
export function onlyStamps(resource: Resource, fields: string[]): boolean {
	return (
		fields.length > 0 &&
		resource !== 'refunds' &&
		fields.every((field) => STAMPS.has(field) && (field !== 'status' || resource !== 'customers'))
	)
}

/** Id, status and dates: what scans ask for, without making the record. */
export function stamps(engine: Engine, entity: Entity): Rec {
	const { zone } = engine
	const { id, status, created, modified } = entity
	return {
		id,
		status,
		date_created: iso(zone.toLocal(created)),
		date_created_gmt: iso(created),
		date_modified: modified === null ? null : iso(zone.toLocal(modified)),
		date_modified_gmt: modified === null ? null : iso(modified),
	}
}

function orderFields(engine: Engine, record: Rec, entity: Entity): void {
	const { status } = entity
	const owed = Number(record.total) > 0
	record.version = engine.settings.version === '11.0' ? '11.0.1' : `${engine.settings.version}.0`
	record.is_editable = ['pending', 'on-hold', 'auto-draft', 'checkout-draft'].includes(status)
	record.needs_payment = owed && (status === 'pending' || status === 'failed')
	record.payment_url = `${engine.settings.url}/checkout/order-pay/${entity.id}/?pay_for_order=true&key=${record.order_key}`
	record.currency_symbol = SYMBOLS[record.currency] ?? record.currency
	record.refunds = engine.tables.refunds
		.children(entity.id)
		.reverse()
		.map((refund) => {
			const { reason, amount } = engine.record('refunds', refund)
			return { id: refund.id, reason, total: `-${amount}`, total_tax: '0.00' }
		})
}

/** Reshuffled on every response, as WooCommerce does (docs/woocommerce.md 4.5). */
function related(engine: Engine, record: Rec, entity: Entity): number[] {
	const stored = record.related_ids as number[]
	const salt = ++engine.reshuffles
	const pool = stored.length ? stored : engine.shop.products
	if (pool.length < 2) return [...stored]
	const ids = new Set<number>()
	for (let i = 0; i < 12 && ids.size < Math.min(5, pool.length); i++) {
		const id = pool[mix(salt, entity.id, i) % pool.length] as number
		if (id !== entity.id) ids.add(id)
	}
	return [...ids]
}

function links(api: string, resource: Resource, entity: Entity, record: Rec, listed: 'own' | 'all'): Rec {
	const self = (path: string, allow = ALL): Rec => ({
		self: [{ href: `${api}/${path}/${entity.id}`, targetHints: { allow } }],
		collection: [{ href: `${api}/${path}` }],
	})
	switch (resource) {
		case 'orders':
			return {
				...self('orders'),
				email_templates: [{ embeddable: true, href: `${api}/orders/${entity.id}/actions/email_templates` }],
				...(record.customer_id && { customer: [{ href: `${api}/customers/${record.customer_id}` }] }),
			}
		case 'variations': {
			if (listed === 'all') {
				return {
					self: [{ href: `${api}/variations/${entity.id}` }],
					collection: [{ href: `${api}/variations` }],
					up: [{ href: `${api}/products/0` }],
				}
			}
			return { ...self(`products/${entity.parent}/variations`), up: [{ href: `${api}/products/${entity.parent}` }] }
		}
		case 'refunds':
			return {
				...self(`orders/${entity.parent}/refunds`, ['GET', 'DELETE']),
				up: [{ href: `${api}/orders/${entity.parent}` }],
			}
		case 'customers':
			return self('customers', record.role === 'administrator' ? ALL.slice(0, 4) : ALL)
		default:
			return self(resource)
	}
}

/** A variation as `/products/{id}` shows it: the keys of a product (docs/woocommerce.md 3.10). */
export function variationAsProduct(engine: Engine, entity: Entity, blank: Rec): Rec {
	const own = view(engine, 'variations', entity)
	const parent = engine.get('products', entity.parent)
	const name = parent ? String(engine.record('products', parent).name) : ''
	const record: Rec = { ...blank }
	for (const key of Object.keys(record)) if (key in own) record[key] = own[key]
	record.name = `${name} - ${own.name ?? ''}`
	record.slug = record.name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-')
	record.type = 'variation'
	record.total_sales = '0'
	record.reviews_allowed = false
	record.parent_id = entity.parent
	record.purchasable = true
	const { api } = engine
	record._links = {
		self: [{ href: `${api}/products/${entity.id}`, targetHints: { allow: ALL } }],
		collection: [{ href: `${api}/products` }],
		up: [{ href: `${api}/products/${entity.parent}` }],
	}
	return record
}

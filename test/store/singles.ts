/** Single objects: what GET shows of one, and the errors of those that are missing or not to be seen. */
import * as blank from './blank.ts'
import { singleOther } from './others.ts'
import { RestError } from './reply.ts'
import type { Call, Route } from './router.ts'
import type { Rec, Resource } from './types.ts'
import { variationAsProduct, view } from './views.ts'

/** The collections whose objects are stored in tables. */
export const TABLES: Record<string, Resource> = {
	orders: 'orders',
	products: 'products',
	coupons: 'coupons',
	customers: 'customers',
	refunds: 'refunds',
	variations: 'variations',
}

const VERBS: Record<string, [string, string]> = {
	view: ['woocommerce_rest_cannot_view', 'Sorry, you cannot list resources.'],
	item: ['woocommerce_rest_cannot_view', 'Sorry, you cannot view this resource.'],
	create: ['woocommerce_rest_cannot_create', 'Sorry, you are not allowed to create resources.'],
	edit: ['woocommerce_rest_cannot_edit', 'Sorry, you are not allowed to edit this resource.'],
	delete: ['woocommerce_rest_cannot_delete', 'Sorry, you are not allowed to delete this resource.'],
	batch: ['woocommerce_rest_cannot_batch', 'Sorry, you are not allowed to batch manipulate this resource.'],
}

/** The error of a user who lacks a right: one of `view`, `item`, `create`, `edit`, `delete`, `batch`. */
export function mayNot({ key }: Call, verb: string): RestError {
	const [code, message] = VERBS[verb] as [string, string]
	return new RestError(key ? 403 : 401, code, message)
}

/** The 404 of a missing object (docs/woocommerce.md 2.6). */
export function missing(collection: string, version: string): RestError {
	switch (collection) {
		case 'customers':
			return version !== '11.0'
				? new RestError(404, 'woocommerce_rest_invalid_id', 'Invalid resource ID.', {}, '')
				: new RestError(404, 'wc_user_invalid_id', 'Invalid user ID.', {}, '')
		case 'variations':
			return new RestError(404, 'woocommerce_rest_product_variation_invalid_id', 'Invalid ID.', {}, '')
		case 'refunds':
			return new RestError(404, 'woocommerce_rest_shop_order_refund_invalid_id', 'Invalid ID.')
		case 'products':
			return new RestError(404, 'woocommerce_rest_product_invalid_id', 'Invalid ID.')
		case 'orders':
		case 'coupons':
			return new RestError(404, `woocommerce_rest_shop_${collection.slice(0, -1)}_invalid_id`, 'Invalid ID.')
		case 'reviews':
			return new RestError(404, 'woocommerce_rest_review_invalid_id', 'Invalid review ID.')
		case 'categories':
		case 'tags':
		case 'terms':
			return new RestError(404, 'woocommerce_rest_term_invalid', 'Resource does not exist.')
		default:
			return new RestError(404, 'woocommerce_rest_invalid_id', 'Invalid resource ID.')
	}
}

/** One object as GET shows it; throws the 404 or the missing right. */
export function single(call: Call, route: Route, may = true): Rec {
	const { engine } = call
	const { version } = engine.settings
	const resource = TABLES[route.collection]
	const id = route.id ?? 0
	if (!resource) {
		if (!may) throw mayNot(call, 'item')
		return singleOther(engine, route) ?? thrown(missing(route.collection, version))
	}
	const entity = engine.get(resource, id)
	if (resource === 'products' && !entity) {
		const variation = engine.get('variations', id)
		if (variation && may) return variationAsProduct(engine, variation, blank.product())
	}
	if (!entity || (route.parent !== undefined && entity.parent !== route.parent))
		throw missing(route.collection, version)
	if (!may) throw mayNot(call, 'item')
	const record = seenBy(call, resource, view(engine, resource, entity))
	if (resource === 'customers' && record.role === 'administrator')
		route.methods.splice(0, route.methods.length, 'GET', 'POST', 'PUT', 'PATCH')
	return record
}

/** What the key's user may see of a record, with what was asked to be embedded. */
export function seenBy({ key, query }: Call, resource: Resource, record: Rec): Rec {
	if (resource === 'customers' && key?.role === 'shop_manager') delete record.meta_data
	if (resource === 'orders' && query.has('_embed'))
		record._embedded = { email_templates: [[{ id: 'customer_invoice' }, { id: 'customer_processing_order' }]] }
	return record
}

function thrown(error: Error): never {
	throw error
}

/** POST, PUT, PATCH and DELETE with WooCommerce's checks and error bodies (taken from the recordings). */
import { addNote, addReview, removeRefund, renameCategory } from './extras.ts'
import { badParameter, notOneOf, ORDER_STATUSES } from './arguments.ts'
import { refundOrder } from './refunds.ts'
import { RestError } from './reply.ts'
import { missing, single, TABLES } from './singles.ts'
import type { Call, Route } from './router.ts'
import { slug } from './shop.ts'
import { termsOf } from './others.ts'
import type { Entity } from './table.ts'
import { firedByRemoval, firedByTrash } from './topics.ts'
import type { Rec, Resource } from './types.ts'
import { view } from './views.ts'
import { create, save } from './write.ts'

/** How each collection's objects are called in messages about trash. */
const PLURAL: Record<string, string> = {
	customers: 'Customers',
	variations: 'Variations',
	refunds: 'Refunds',
	categories: 'Terms',
	tags: 'Terms',
	terms: 'Terms',
	attributes: 'Resource',
	taxes: 'Taxes',
	reviews: 'Reviews',
	notes: 'Order notes',
	webhooks: 'Webhooks',
}

const STATUSES = ['draft', 'pending', 'private', 'publish', 'future', 'auto-draft', 'trash']

function required(body: Rec, ...names: string[]): void {
	const lacking = names.filter((name) => body[name] === undefined || body[name] === '')
	if (lacking.length > 0) {
		throw new RestError(400, 'rest_missing_callback_param', `Missing parameter(s): ${lacking.join(', ')}`, {
			params: lacking,
		})
	}
}

function email(value: unknown): boolean {
	return typeof value === 'string' && /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(value)
}

/** The entity that a write is about; throws 404, or 400 where WooCommerce answers that (docs/woocommerce.md 2.6). */
function target({ engine, method }: Call, route: Route): Entity {
	const resource = TABLES[route.collection] as Resource
	const entity = engine.get(resource, route.id ?? 0)
	if (entity && (route.parent === undefined || entity.parent === route.parent)) return entity
	if (method !== 'DELETE' && resource === 'orders')
		throw new RestError(400, 'woocommerce_rest_shop_order_invalid_id', 'ID is invalid.')
	if (method !== 'DELETE' && (resource === 'products' || resource === 'coupons'))
		throw new RestError(400, missing(route.collection, engine.settings.version).body.code, 'Invalid ID.')
	if (resource === 'customers' && engine.settings.version !== '11.0')
		throw new RestError(400, 'woocommerce_rest_invalid_id', 'Invalid resource id.')
	throw missing(route.collection, engine.settings.version)
}

function checked(call: Call, resource: Resource, body: Rec, id: number | undefined): void {
	const { engine } = call
	if (resource === 'orders') {
		const statuses = ['auto-draft', ...ORDER_STATUSES]
		if (body.status !== undefined && !statuses.includes(body.status)) throw notOneOf('status', statuses)
		if (body.billing?.email && !email(body.billing.email))
			throw badParameter('billing', 'rest_invalid_email', 'Invalid email address.')
		requireTextAmounts(body)
		for (const { code } of (body.coupon_lines ?? []) as Rec[]) {
			const known = [...engine.tables.coupons.values()].some(
				(coupon) => coupon.status === 'publish' && engine.record('coupons', coupon).code === String(code).toLowerCase(),
			)
			if (!known)
				throw new RestError(
					400,
					'woocommerce_rest_invalid_coupon',
					`Coupon &quot;${code}&quot; cannot be applied because it does not exist.`,
				)
		}
	}
	if (
		(resource === 'products' || resource === 'coupons') &&
		body.status !== undefined &&
		!STATUSES.includes(body.status)
	)
		throw notOneOf('status', STATUSES)
	if (resource === 'products' && body.sku) {
		const other = [...engine.tables.products.values()].find(
			(product) => product.id !== id && engine.record('products', product).sku === body.sku,
		)
		if (other)
			throw new RestError(400, 'product_invalid_sku', 'Invalid or duplicated SKU.', {
				resource_id: other.id,
				unique_sku: `${body.sku}-1`,
			})
	}
	if (resource === 'coupons' && body.code !== undefined) {
		const taken = [...engine.tables.coupons.values()].some(
			(coupon) =>
				coupon.id !== id &&
				coupon.status === 'publish' &&
				engine.record('coupons', coupon).code === String(body.code).toLowerCase(),
		)
		if (taken) throw new RestError(400, 'woocommerce_rest_coupon_code_already_exists', 'The coupon code already exists')
	}
	if (resource === 'customers' && body.email !== undefined) {
		if (!email(body.email)) throw new RestError(400, 'customer_invalid_email', 'Invalid email address')
		const taken = [...engine.tables.customers.values()].some(
			(customer) => customer.id !== id && engine.record('customers', customer).email === body.email,
		)
		if (taken) {
			throw id === undefined
				? new RestError(
						400,
						'registration-error-email-exists',
						`An account is already registered with ${body.email}. Please log in or use a different email address.`,
					)
				: new RestError(400, 'woocommerce_rest_customer_invalid_email', 'Email address is invalid.')
		}
	}
}

/** Amounts of an order's lines are text: a number is refused (docs/woocommerce.md 8.13). */
const TEXT_AMOUNTS = { line_items: ['subtotal', 'total'], shipping_lines: ['total'], fee_lines: ['total'] }

function requireTextAmounts(body: Rec): void {
	for (const [field, names] of Object.entries(TEXT_AMOUNTS))
		for (const [index, line] of (Array.isArray(body[field]) ? (body[field] as Rec[]) : []).entries())
			for (const name of names)
				if (typeof line?.[name] === 'number')
					throw badParameter(field, 'rest_invalid_type', `${field}[${index}][${name}] is not of type string.`)
}

/** Gateways that pay nothing back: without `api_refund: false` the store asks them to (docs/woocommerce.md 8.13). */
const OFFLINE_GATEWAYS = new Set(['bacs', 'cod', 'cheque'])

function requireRefundable(method: string): void {
	const reason = OFFLINE_GATEWAYS.has(method)
		? 'The payment gateway for this order does not support automatic refunds.'
		: method === ''
			? 'The payment gateway for this order does not exist.'
			: null
	if (reason !== null) throw new RestError(500, 'woocommerce_rest_cannot_create_order_refund', reason)
}

/** POST to a collection. */
export function createOne(call: Call, route: Route, body: Rec): Rec {
	const { engine } = call
	const resource = TABLES[route.collection]
	if (!resource) return createOther(call, route, body)
	if (resource === 'customers') required(body, 'email')
	if (resource === 'coupons') required(body, 'code')
	if (body.id)
		throw new RestError(
			400,
			`woocommerce_rest_${route.collection.slice(0, -1)}_exists`,
			`Cannot create existing ${route.collection.slice(0, -1)}.`,
		)
	checked(call, resource, body, undefined)
	if (resource === 'refunds') {
		const order = engine.get('orders', route.parent ?? 0)
		if (!order) throw new RestError(404, 'woocommerce_rest_invalid_order', 'Order does not exist.')
		if (!(Number(body.amount) > 0))
			throw new RestError(400, 'woocommerce_rest_invalid_order_refund', 'Refund amount must be greater than zero.')
		if (body.api_refund !== false) requireRefundable(String(engine.record('orders', order).payment_method))
		return view(engine, 'refunds', refundOrder(engine, order, body))
	}
	if (resource === 'variations' && !engine.get('products', route.parent ?? 0))
		throw new RestError(404, 'woocommerce_rest_product_variation_invalid_id', 'Invalid ID.')
	const paid = resource === 'orders' && body.set_paid === true && !['processing', 'completed'].includes(body.status)
	const entity = create(
		engine,
		resource,
		paid ? { ...body, status: 'processing' } : body,
		route.parent === undefined ? {} : { parent: route.parent },
	)
	return view(engine, resource, entity)
}

/** PUT, PATCH or POST to an object. */
export function updateOne(call: Call, route: Route, body: Rec): Rec {
	const { engine } = call
	const resource = TABLES[route.collection]
	if (!resource) return updateOther(call, route, body)
	const entity = target(call, route)
	checked(call, resource, body, entity.id)
	const { id: _, ...set } = body
	save(engine, resource, entity, set, 'rest')
	return view(engine, resource, entity)
}

/** DELETE of an object: into the trash, or for good with `force=true`. */
export function deleteOne(call: Call, route: Route, params: Pick<Map<string, unknown>, 'get'>): Rec {
	const { engine } = call
	const resource = TABLES[route.collection]
	const force = ['true', '1'].includes(String(params.get('force') ?? '').toLowerCase())
	const trashable = resource === 'orders' || resource === 'products' || resource === 'coupons'
	const entity = resource ? target(call, route) : null
	if (!force && !trashable) {
		throw new RestError(
			501,
			'woocommerce_rest_trash_not_supported',
			`${PLURAL[route.collection] ?? 'Objects'} do not support trashing.`,
		)
	}
	if (route.collection === 'webhooks') return engine.webhooks.remove(route.id ?? 0)
	const before = single({ ...call, method: 'GET' }, route)
	if (!resource || !entity) deleteOther(call, route)
	else if (force) {
		if (resource === 'refunds') removeRefund(engine, entity)
		else {
			firedByRemoval(engine, resource, entity)
			engine.remove(resource, entity)
		}
	} else if (entity.status === 'trash') {
		const type = resource === 'orders' ? 'shop_order' : resource === 'coupons' ? 'shop_coupon' : 'product'
		throw new RestError(410, 'woocommerce_rest_already_trashed', `The ${type} has already been deleted.`)
	} else {
		engine.trash(resource, entity)
		firedByTrash(engine, resource, entity)
		// 7.0.0 answers 500 to this and has trashed it all the same (docs/woocommerce.md 5.9).
		if (resource === 'coupons' && engine.settings.version === '7.0') {
			throw new RestError(500, 'woocommerce_rest_cannot_delete', 'The shop_coupon cannot be deleted.')
		}
	}
	return before
}

/** `POST …/batch`: up to 100 items, each with its own outcome. */
export function batch(call: Call, route: Route): Rec | Rec[] {
	const {
		create: made = [],
		update = [],
		delete: gone = [],
	} = call.body as { create?: Rec[]; update?: Rec[]; delete?: (number | Rec)[] }
	if (made.length + update.length + gone.length > 100) {
		throw new RestError(
			413,
			'woocommerce_rest_request_entity_too_large',
			'Unable to accept more than 100 items for this request.',
		)
	}
	const attempt = (id: number, run: () => Rec): Rec => {
		try {
			return run()
		} catch (error) {
			if (!(error instanceof RestError)) throw error
			return { id, error: { code: error.body.code, message: error.body.message, data: error.body.data } }
		}
	}
	const item = (id: number, method: string): [Call, Route] => [
		{ ...call, method },
		{ ...route, kind: 'item', id, methods: [...route.methods] },
	]
	const result: Rec = {}
	if (made.length > 0)
		result.create = made.map((body) =>
			attempt(0, () => createOne({ ...call, method: 'POST' }, { ...route, kind: 'list' }, body)),
		)
	if (update.length > 0)
		result.update = update.map((body) =>
			attempt(Number(body.id), () => updateOne(...item(Number(body.id), 'PUT'), body)),
		)
	// A batch deletes for good, as WooCommerce's does.
	if (gone.length > 0)
		result.delete = gone
			.map((entry) => Number(typeof entry === 'object' ? entry.id : entry))
			.map((id) => attempt(id, () => deleteOne(...item(id, 'DELETE'), new Map([['force', 'true']]))))
	return Object.keys(result).length > 0 ? result : []
}

function createOther(call: Call, route: Route, body: Rec): Rec {
	const { engine } = call
	const { collection } = route
	if (collection === 'webhooks') return engine.webhooks.create(body, call.key)
	if (collection === 'notes') {
		required(body, 'note')
		if (!engine.get('orders', route.parent ?? 0))
			throw new RestError(404, 'woocommerce_rest_order_invalid_id', 'Invalid order ID.')
		const note = addNote(engine, route.parent ?? 0, String(body.note), body.customer_note === true)
		return single(call, { ...route, kind: 'item', id: note.id })
	}
	if (collection === 'reviews') {
		required(body, 'product_id', 'review', 'reviewer', 'reviewer_email')
		const product = engine.get('products', Number(body.product_id))
		if (!product) throw new RestError(404, 'woocommerce_rest_product_invalid_id', 'Invalid product ID.')
		const review = addReview(engine, product, body)
		return single(call, { ...route, kind: 'item', id: review.id })
	}
	if (collection === 'terms') {
		if (!engine.terms.attributes.has(route.parent ?? 0))
			throw new RestError(404, 'woocommerce_rest_taxonomy_invalid', 'Taxonomy does not exist.', {}, '')
		if (!engine.attributeTerms.has(route.parent ?? 0)) engine.attributeTerms.set(route.parent ?? 0, new Map())
	}
	const terms = termsOf(engine, collection, route.parent)
	if (!terms)
		throw new RestError(404, 'rest_no_route', 'No route was found matching the URL and request method.', {}, '')
	if (collection !== 'taxes') {
		required(body, 'name')
		if (collection === 'attributes') requireFreeSlug(terms, body)
		// The same name with a slug of its own is another term (docs/woocommerce.md 8.13).
		const taken = [...terms.values()].find(
			(term) => term.name === body.name && [undefined, '', term.slug].includes(body.slug as string | undefined),
		)
		if (taken && collection !== 'attributes')
			throw new RestError(400, 'term_exists', 'A term with the name provided already exists in this taxonomy.', {
				resource_id: taken.id,
			})
	}
	const id = engine.next.terms++
	const defaults: Record<string, Rec> = {
		categories: { slug: '', parent: 0, description: '', display: 'default', image: null, menu_order: 0, count: 0 },
		tags: { slug: '', description: '', count: 0 },
		terms: { slug: '', description: '', menu_order: 0, count: 0 },
		attributes: { slug: '', type: 'select', order_by: 'menu_order', has_archives: false },
		taxes: {
			country: '',
			state: '',
			postcode: '',
			city: '',
			rate: '0.0000',
			name: 'Tax',
			priority: 1,
			compound: false,
			shipping: true,
			order: 0,
			class: 'standard',
			postcodes: [],
			cities: [],
		},
	}
	const term: Rec = { id, ...(collection !== 'taxes' && { name: body.name }), ...defaults[collection], ...body }
	if (collection === 'attributes') term.slug = `pa_${slug(String(term.slug || term.name)).replace(/^pa[_-]/, '')}`
	else if (collection !== 'taxes') term.slug ||= slug(term.name)
	terms.set(id, term)
	engine.noteOther(collection as 'tags', id, 'created', term)
	return single(call, { ...route, kind: 'item', id })
}

/** Attributes are told apart by their slugs; several may have one name (docs/woocommerce.md 8.13). */
function requireFreeSlug(terms: ReadonlyMap<number, Rec>, body: Rec): void {
	const wanted = slug(String(body.slug || body.name)).replace(/^pa[_-]/, '')
	if ([...terms.values()].some((term) => String(term.slug).replace(/^pa_/, '') === wanted))
		throw new RestError(400, 'woocommerce_rest_cannot_create', `Slug "${wanted}" is already in use. Change it, please.`)
}

function updateOther(call: Call, route: Route, body: Rec): Rec {
	const { engine } = call
	if (route.collection === 'webhooks') return engine.webhooks.update(route.id ?? 0, body)
	const before = single(call, route)
	const record =
		route.collection === 'reviews'
			? engine.reviews.get(before.id)
			: termsOf(engine, route.collection, route.parent)?.get(before.id)
	if (!record) throw missing(route.collection, engine.settings.version)
	const { id: _, name, ...rest } = body
	if (route.collection === 'categories' && name !== undefined && name !== record.name)
		renameCategory(engine, record.id, String(name))
	else if (name !== undefined) record.name = name
	Object.assign(record, rest)
	if (route.collection !== 'categories' || Object.keys(rest).length > 0)
		engine.noteOther(route.collection as 'tags', record.id, 'edited-silently', record)
	return single(call, route)
}

function deleteOther({ engine }: Call, route: Route): void {
	const id = route.id ?? 0
	if (route.collection === 'notes')
		engine.notes.set(
			route.parent ?? 0,
			(engine.notes.get(route.parent ?? 0) ?? []).filter((note) => note.id !== id),
		)
	else if (route.collection === 'reviews') engine.reviews.delete(id)
	else termsOf(engine, route.collection, route.parent)?.delete(id)
	engine.noteOther(route.collection as 'tags', id, 'deleted', null)
}

/** Which webhook topics a change fires, in WooCommerce's order: by resource, storage, version and who writes (recorded in `deliveries/`; docs/woocommerce.md §7). */
import type { Engine } from './engine.ts'
import type { Entity } from './table.ts'
import type { Origin, Resource } from './types.ts'

const DRAFTS = new Set(['auto-draft', 'draft', 'checkout-draft'])

/** What each resource's topics begin with; refunds have none of their own. */
const NAMES: Record<Exclude<Resource, 'refunds'>, string> = {
	orders: 'order',
	products: 'product',
	variations: 'product',
	coupons: 'coupon',
	customers: 'customer',
}

function statusAction(engine: Engine, order: Entity): void {
	engine.fire(`action.woocommerce_order_status_${order.status}`, order.id)
}

/** An object was created. */
export function firedByCreation(
	engine: Engine,
	resource: Resource,
	entity: Entity,
	origin: Origin = engine.origin,
): void {
	const { id, status } = entity
	switch (resource) {
		case 'orders':
			if (DRAFTS.has(status)) {
				// 7.0.0 tells of a checkout that has only begun (7.8).
				if (status === 'checkout-draft' && engine.settings.version !== '11.0') engine.fire('order.created', id)
				return
			}
			for (const event of origin === 'checkout' ? ['updated', 'created'] : ['created', 'updated'])
				engine.fire(`order.${event}`, id)
			return statusAction(engine, entity)
		case 'products':
		case 'variations':
			if (status === 'auto-draft') return
			if (status === 'publish') engine.fire('product.published', id)
			return engine.fire('product.created', id)
		case 'coupons':
			return engine.fire('coupon.created', id)
		case 'customers':
			engine.fire('customer.created', id)
			// A user made in wp-admin or by `wp user create` never passes through WooCommerce's own save.
			if (origin !== 'admin') engine.fire('customer.updated', id)
			return
		default:
			return engine.fire('order.updated', entity.parent)
	}
}

/** An object was saved; `before` is the status until then. */
export function firedBySave(engine: Engine, resource: Resource, entity: Entity, before: string): void {
	const { id, status } = entity
	if (resource === 'orders') {
		if (DRAFTS.has(status)) return
		const born = DRAFTS.has(before) && engine.settings.version === '11.0'
		if (!born || engine.origin === 'checkout') engine.fire('order.updated', id)
		if (born) engine.fire('order.created', id)
		if (status !== before) statusAction(engine, entity)
		return
	}
	if (resource === 'products' && status === 'publish' && before !== 'publish') engine.fire('product.published', id)
	if (resource !== 'refunds') engine.fire(`${NAMES[resource]}.updated`, id)
}

/** Topics of all kinds of posts that WordPress's own trash hooks reach, before WooCommerce looks at what it is (7.6). */
function strangers(engine: Engine, resource: Resource, event: 'deleted' | 'restored', id: number): void {
	const own = NAMES[resource as 'orders']
	const reached = resource === 'orders' ? ['coupon', 'product', 'order'] : ['coupon', 'product']
	const foreign = engine.origin !== 'admin' && (resource !== 'orders' || engine.settings.orders === 'posts')
	for (const name of foreign ? reached : [own]) engine.fire(`${name}.${event}`, id)
}

/** An object went into the trash; a variable product's variations went before it, the last one first. */
export function firedByTrash(engine: Engine, resource: Resource, entity: Entity): void {
	if (resource === 'products')
		for (const { id } of engine.tables.variations.children(entity.id).reverse())
			strangers(engine, 'variations', 'deleted', id)
	strangers(engine, resource, 'deleted', entity.id)
}

/** An object left the trash: by a REST call that set its status, or through WordPress's untrash. */
export function firedByRestore(engine: Engine, resource: Resource, entity: Entity): void {
	const { id, status } = entity
	const { origin } = engine
	if (resource === 'orders') {
		const posts = engine.settings.orders === 'posts'
		// HPOS restores by REST in silence (7.7).
		if (origin === 'rest') return posts ? engine.fire('order.updated', id) : undefined
		strangers(engine, resource, 'restored', id)
		if (posts && origin !== 'admin') engine.fire('order.updated', id)
		return
	}
	if (resource === 'products') {
		if (status === 'publish' && origin !== 'admin') engine.fire('product.published', id)
		engine.fire('product.updated', id)
	} else if (origin === 'rest') return engine.fire(`${NAMES[resource as 'coupons']}.updated`, id)
	if (origin !== 'rest') strangers(engine, resource, 'restored', id)
}

/** An object is about to be deleted for good: only customers tell (7.5). */
export function firedByRemoval(engine: Engine, resource: Resource, entity: Entity): void {
	if (resource === 'customers' && (entity.record?.role ?? 'customer') === 'customer')
		engine.fire('customer.deleted', entity.id)
}

/** Fills a new store: with Riverside Outfitters by default, or with a world of given objects. */
import * as blank from './blank.ts'
import type { Engine } from './engine.ts'
import { Random } from './random.ts'
import { ATTRIBUTES, CATEGORIES, TAGS, TAXES } from './shop.ts'
import type { Entity } from './table.ts'
import type { Counts, Rec, Resource, World } from './types.ts'
import { seconds } from './zone.ts'

/** Riverside Outfitters, Denver. */
export const RIVERSIDE: Counts = { products: 320, customers: 210, coupons: 40, orders: 480 }

const DAY = 86_400

function entity(engine: Engine, id: number, created: number, modified: number | null, more: Partial<Entity>): Entity {
	return {
		id,
		created,
		modified,
		createdLocal: engine.zone.toLocal(created),
		modifiedLocal: modified === null ? 0 : engine.zone.toLocal(modified),
		status: 'publish',
		before: 'publish',
		parent: 0,
		name: '',
		ordinal: -1,
		record: null,
		hash: null,
		...more,
	}
}

/** Generates a shop of this size; only ids, stamps and statuses are made now. */
export function populate(engine: Engine, counts: Counts): void {
	const { shop, settings, next } = engine
	const now = engine.second()
	const start = now - 400 * DAY
	const random = new Random(settings.seed, 21)
	const tie = now - 160 * DAY
	const dates = (position: number, count: number): { created: number; modified: number } => {
		const created = Math.min(
			now - 60,
			start + Math.floor(((position + random.next()) / Math.max(1, count)) * (now - start)),
		)
		// Some share one stamp, as after an import: what paging must survive (3.6).
		const modified = created < tie && random.chance(0.08) ? tie : Math.min(now - 1, created + random.int(0, 5 * DAY))
		return { created, modified }
	}
	const id = (): number => (next.posts += random.chance(0.05) ? random.int(2, 4) : 1) - 1

	for (let i = 0; i < counts.products; i++) {
		const { created, modified } = dates(i, counts.products)
		const product = id()
		const draft = random.chance(0.02)
		shop.products.push(product)
		const status = draft ? 'draft' : 'publish'
		engine.seed('products', entity(engine, product, created, modified, { status, before: status, ordinal: i }))
		const variations = shop.variationCount(i)
		for (let nth = 0; nth < variations; nth++) {
			const at = dates(i, counts.products)
			engine.seed(
				'variations',
				entity(engine, product + 1 + nth, at.created, at.modified, { parent: product, ordinal: i * 16 + nth }),
			)
		}
		next.posts = Math.max(next.posts, product + 1 + variations)
	}
	for (let i = 0; i < counts.coupons; i++) {
		const { created, modified } = dates(i, counts.coupons)
		const coupon = id()
		shop.coupons.push(coupon)
		engine.seed('coupons', entity(engine, coupon, created, modified, { ordinal: i }))
	}
	const admin = { ...blank.customer(), id: 1, email: 'admin@example.test', role: 'administrator', username: 'admin' }
	engine.seed('customers', entity(engine, 1, start, null, { record: admin, name: 'admin' }))
	const manager = {
		...blank.customer(),
		id: 2,
		email: 'manager@example.test',
		role: 'shop_manager',
		username: 'manager',
	}
	engine.seed('customers', entity(engine, 2, start, null, { record: manager, name: 'manager' }))
	for (let i = 0; i < counts.customers; i++) {
		const { created, modified } = dates(i, counts.customers)
		const customer = next.users++
		shop.customers.push(customer)
		engine.seed(
			'customers',
			entity(engine, customer, created, random.chance(0.06) ? null : modified, { ordinal: i, name: shop.username(i) }),
		)
	}
	for (let i = 0; i < counts.orders; i++) {
		const { created, modified } = dates(i, counts.orders)
		const status = shop.orderStatus(i)
		engine.seed('orders', entity(engine, id(), created, modified, { status, before: status, ordinal: i }))
	}
	terms(engine, { categories: CATEGORIES, tags: TAGS, attributes: ATTRIBUTES, taxes: TAXES })
}

function terms(engine: Engine, lists: Partial<Record<'categories' | 'tags' | 'attributes' | 'taxes', Rec[]>>): void {
	for (const [kind, list] of Object.entries(lists) as ['categories' | 'tags' | 'attributes' | 'taxes', Rec[]][]) {
		for (const term of list) engine.terms[kind].set(term.id, { ...term })
	}
}

/** Takes over given objects; what is not known of them stays blank. */
export function settle(engine: Engine, world: World): void {
	for (const [resource, records] of Object.entries(world.records) as [Resource, Rec[]][]) {
		for (const given of records) {
			const { _links, date_created: _created, date_modified: _modified, ...known } = given
			const record: Rec = { ...blank.BLANK[resource]?.(), ...known }
			const created = seconds(given.date_created_gmt) ?? engine.second()
			const modified = resource === 'refunds' ? created : seconds(given.date_modified_gmt)
			const status = typeof given.status === 'string' ? given.status : 'publish'
			engine.seed(
				resource,
				entity(engine, given.id, created, modified, {
					status,
					before: status,
					record,
					parent: resource === 'variations' || resource === 'refunds' ? given.parent_id : 0,
					name: resource === 'customers' ? String(given.username ?? '').toLowerCase() : '',
				}),
			)
			if (resource === 'products') engine.shop.products.push(given.id)
			if (resource === 'customers') engine.next.users = Math.max(engine.next.users, given.id + 1)
			else engine.next.posts = Math.max(engine.next.posts, given.id + 1)
		}
	}
	const { categories = [], tags = [], attributes = [], taxes = [] } = world
	terms(engine, { categories, tags, attributes, taxes })
	for (const review of world.reviews ?? []) engine.reviews.set(review.id, review)
	for (const [order, notes] of Object.entries(world.notes ?? {})) engine.notes.set(Number(order), notes)
	const { posts, users, comments, terms: term } = world.nextId ?? {}
	if (posts) engine.next.posts = posts
	if (users) engine.next.users = users
	if (comments) engine.next.comments = comments
	if (term) engine.next.terms = term
}

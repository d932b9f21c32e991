/** What happens in the shop: turns an action into changes, choosing by the seeded generator what the action leaves open. */
import { NothingFits } from './engine.ts'
import type { Engine } from './engine.ts'
import { addNote, addReview, removeRefund, renameCategory } from './extras.ts'
import { refundOrder } from './refunds.ts'
import { money } from './shop.ts'
import type { Entity } from './table.ts'
import { firedByRemoval, firedByRestore, firedByTrash } from './topics.ts'
import type { Action, Origin, Rec, Resource } from './types.ts'
import { create, priced, save, stampsOf } from './write.ts'
import { iso, Zone } from './zone.ts'

const DAY = 86_400

/** Some object of this resource that fits; throws when there is none. */
function choose(engine: Engine, resource: Resource, id: number | undefined, fits: (entity: Entity) => boolean): Entity {
	if (id !== undefined) {
		const entity = engine.get(resource, id)
		if (!entity) throw new NothingFits(`there is no ${resource} ${id}`)
		return entity
	}
	const list = engine.tables[resource].sorted('id')
	const start = list.length ? engine.random.int(0, list.length - 1) : 0
	for (let i = 0; i < list.length; i++) {
		const entity = list[(start + i) % list.length] as Entity
		if (fits(entity) && !staff(engine, resource, entity)) return entity
	}
	throw new NothingFits(`no ${resource} fits`)
}

function staff(engine: Engine, resource: Resource, entity: Entity): boolean {
	return resource === 'customers' && entity.record !== null && engine.record(resource, entity).role !== 'customer'
}

const live = (entity: Entity): boolean => !['trash', 'auto-draft', 'checkout-draft'].includes(entity.status)

/** A change of this resource that moves its stamp. */
function someEdit(engine: Engine, resource: Resource, entity: Entity): Rec {
	const { random } = engine
	const word = random.word(6)
	const now = engine.record(resource, entity)
	switch (resource) {
		case 'orders':
			return random.chance(0.5)
				? { customer_note: `Ring twice ${word}` }
				: { status: random.pick(['processing', 'completed', 'on-hold'].filter((status) => status !== entity.status)) }
		case 'products':
			return now.type === 'simple' && random.chance(0.5)
				? { regular_price: money(random.int(300, 30_000)), sale_price: '' }
				: { short_description: `<p>Now with ${word}</p>\n` }
		case 'variations':
			return { regular_price: money(random.int(300, 30_000)) }
		case 'coupons':
			return { description: `Spring ${word}` }
		case 'customers':
			return { billing: { phone: `+1 303-555-${random.int(1000, 9999)}`, address_2: `Apt ${word}` } }
		default:
			return { reason: `Because ${word}` }
	}
}

/** A change that moves no stamp: what real stores hide from `modified_after` (docs/woocommerce.md §4). */
function someSilentEdit(engine: Engine, resource: Resource): Rec {
	const { random } = engine
	const meta = { meta_data: [{ key: 'loyalty_points', value: random.word(8) }] }
	switch (resource) {
		case 'orders':
			return engine.settings.orders === 'posts'
				? { billing: { phone: `+1 720-555-${random.int(1000, 9999)}` } }
				: { transaction_id: `txn_${random.word(10)}` }
		case 'coupons':
			return { amount: money(random.int(100, 9000)) }
		case 'products':
		case 'variations':
			return { meta_data: [{ key: '_erp_bin', value: random.word(8) }] }
		default:
			return meta
	}
}

function placeOrder(engine: Engine, action: Extract<Action, { do: 'place-order' }>, status: string): void {
	const { random } = engine
	const onSale = (engine.tables.products.statuses().get('publish') ?? 0) > 0
	const some = (): number => choose(engine, 'products', undefined, ({ status }) => status === 'publish').id
	const items =
		action.items ??
		(onSale ? Array.from({ length: random.int(1, 3) }, () => ({ id: some(), quantity: random.int(1, 3) })) : [])
	const lines = items.map((item: { id: number; variation?: number; quantity?: number }) => {
		const variation = item.variation ?? engine.tables.variations.children(item.id)[0]?.id
		return {
			product_id: item.id,
			quantity: item.quantity ?? 1,
			...(variation !== undefined && { variation_id: variation }),
		}
	})
	const buyer =
		action.customer ?? (random.chance(0.75) && engine.shop.customers.length ? random.pick(engine.shop.customers) : 0)
	const customer = buyer ? engine.get('customers', buyer) : undefined
	const who = customer
		? engine.record('customers', customer)
		: {
				billing: {
					first_name: 'Guest',
					last_name: random.word(5),
					email: `guest-${random.word(6).toLowerCase()}@example.test`,
					city: 'Denver',
					country: 'US',
				},
				shipping: {},
			}
	create(
		engine,
		'orders',
		{
			status,
			customer_id: customer ? buyer : 0,
			billing: who.billing,
			shipping: who.shipping,
			payment_method: 'stripe',
			payment_method_title: 'Credit card',
			created_via: 'checkout',
			line_items: lines,
			...(action.coupon !== undefined && {
				coupon_lines: [
					{
						code: action.coupon,
						discount: '1.00',
						discount_tax: '0.00',
						discount_type: 'fixed_cart',
						nominal_amount: 1,
						free_shipping: false,
					},
				],
			}),
			...action.set,
		},
		stamps(action.set),
	)
}

function stamps(set: Rec = {}): { created?: number; modified?: number } {
	return stampsOf(set)
}

function newborn(engine: Engine, resource: Resource): { set: Rec; parent?: number } {
	const { random } = engine
	const word = random.word(6)
	switch (resource) {
		case 'orders':
			return {
				set: {
					status: 'pending',
					billing: { first_name: 'New', last_name: word, email: `${word.toLowerCase()}@example.test` },
					line_items: engine.shop.products.length
						? [{ product_id: random.pick(engine.shop.products), quantity: 1 }]
						: [],
				},
			}
		case 'products':
			return { set: { name: `New ${word}`, regular_price: money(random.int(300, 30_000)), sku: `NEW-${word}` } }
		case 'variations': {
			const parents = engine.tables.products
				.sorted('id')
				.filter((entity) => live(entity) && engine.record('products', entity).type === 'variable')
			if (parents.length === 0) throw new NothingFits('no variable product')
			const parent = random.pick(parents)
			return {
				set: { regular_price: money(random.int(300, 30_000)), sku: `NEW-${word}`, name: word },
				parent: parent.id,
			}
		}
		case 'coupons':
			return { set: { code: `new${word}`, amount: money(random.int(100, 5000)) } }
		case 'customers':
			return {
				set: {
					email: `${word.toLowerCase()}@example.test`,
					first_name: 'New',
					last_name: word,
					username: `new-${word.toLowerCase()}`,
				},
			}
		default:
			throw new Error('a refund is made by the action refund')
	}
}

/** Who does an action if nobody is named. */
function usually({ do: what }: Action): Origin {
	return what === 'place-order' || what === 'checkout' || what === 'checkout-draft' ? 'checkout' : 'rest'
}

/** Performs one action; the journal tells what it changed. */
export function perform(engine: Engine, action: Action): void {
	if (action.lagSeconds) {
		const { lagSeconds, ...rest } = action
		engine.later(lagSeconds, () => perform(engine, rest))
	} else engine.as(action.via ?? usually(action), () => done(engine, action))
}

function done(engine: Engine, action: Action): void {
	switch (action.do) {
		case 'place-order':
			return placeOrder(engine, action, action.status ?? 'processing')
		case 'checkout-draft':
			return placeOrder(engine, { do: 'place-order', ...(action.set && { set: action.set }) }, 'checkout-draft')
		case 'checkout': {
			const order = choose(engine, 'orders', action.id, ({ status }) => status === 'checkout-draft')
			if (action.account) {
				engine.fire('order.updated', order.id)
				const { billing } = engine.record('orders', order)
				const buyer = create(engine, 'customers', {
					email: billing.email,
					first_name: billing.first_name,
					last_name: billing.last_name,
					billing,
				})
				engine.adjust('orders', order, (record) => {
					record.customer_id = buyer.id
				})
			}
			return save(engine, 'orders', order, { status: action.status ?? 'processing' }, 'code')
		}
		case 'create': {
			const made = newborn(engine, action.resource)
			create(
				engine,
				action.resource,
				{ ...made.set, ...action.set },
				{
					...stamps(action.set),
					...(action.set?.date_modified_gmt === null && { modified: null }),
					...(action.id !== undefined && { id: action.id }),
					...(made.parent !== undefined && { parent: action.set?.parent_id ?? made.parent }),
				},
			)
			return
		}
		case 'back-date': {
			const made = newborn(engine, action.resource)
			const created = engine.second() - Math.round((action.days ?? 30) * DAY)
			// A product or coupon made with a created date gets it as its modified date too (docs/woocommerce.md 3.8).
			const both = action.resource === 'products' || action.resource === 'coupons' || action.resource === 'variations'
			create(
				engine,
				action.resource,
				{ ...made.set, ...action.set },
				{ created, ...(both && { modified: created }), ...(made.parent !== undefined && { parent: made.parent }) },
			)
			return
		}
		case 'edit-created': {
			const entity = choose(engine, action.resource, action.id, live)
			const created = entity.created - Math.round((action.days ?? 3) * DAY)
			return save(engine, action.resource, entity, {}, action.silently === true ? 'silent' : 'rest', { created })
		}
		case 'edit': {
			const entity = choose(engine, action.resource, action.id, live)
			return save(
				engine,
				action.resource,
				entity,
				action.set ?? someEdit(engine, action.resource, entity),
				action.via === 'admin' ? 'admin' : 'rest',
				stamps(action.set),
			)
		}
		case 'edit-silently': {
			const entity = choose(engine, action.resource, action.id, live)
			return save(
				engine,
				action.resource,
				entity,
				action.set ?? someSilentEdit(engine, action.resource),
				'silent',
				stamps(action.set),
			)
		}
		case 'mass-edit': {
			const named = action.ids === undefined ? null : new Set(action.ids)
			const entities = engine.tables[action.resource]
				.sorted('id')
				.filter((entity) => live(entity) && !staff(engine, action.resource, entity) && (named?.has(entity.id) ?? true))
			if (entities.length === 0) throw new Error(`no ${action.resource} fits`)
			const set = action.set ?? someSilentEdit(engine, action.resource)
			for (const entity of entities) save(engine, action.resource, entity, set, 'silent')
			return
		}
		case 'housekeep': {
			const key = action.resource === 'customers' ? 'wc_last_active' : '_edit_lock'
			const set = { meta_data: [{ key, value: `${engine.second()}:1` }] }
			return save(engine, action.resource, choose(engine, action.resource, action.id, live), set, 'silent')
		}
		case 'save-unchanged':
			return save(engine, action.resource, choose(engine, action.resource, action.id, live), {}, 'rest')
		case 'trash': {
			const entity = choose(engine, action.resource, action.id, live)
			if (action.resource === 'customers' || action.resource === 'refunds')
				throw new Error(`${action.resource} have no trash`)
			if (entity.status === 'trash') return
			engine.trash(action.resource, entity)
			return firedByTrash(engine, action.resource, entity)
		}
		case 'restore': {
			const entity = choose(engine, action.resource, action.id, ({ status }) => status === 'trash')
			if (entity.status !== 'trash') return
			engine.restore(action.resource, entity)
			return firedByRestore(engine, action.resource, entity)
		}
		case 'delete': {
			const entity = choose(engine, action.resource, action.id, live)
			firedByRemoval(engine, action.resource, entity)
			return engine.remove(action.resource, entity)
		}
		case 'draft':
			return save(
				engine,
				action.resource,
				choose(engine, action.resource, action.id, ({ status }) => status === 'publish'),
				{ status: 'draft' },
				'rest',
			)
		case 'publish':
			return save(
				engine,
				action.resource,
				choose(engine, action.resource, action.id, ({ status }) => status === 'draft'),
				{ status: 'publish' },
				'rest',
			)
		case 'burst': {
			const list = engine.tables[action.resource]
				.sorted('id')
				.filter((entity) => live(entity) && !staff(engine, action.resource, entity))
			const start = list.length ? engine.random.int(0, list.length - 1) : 0
			for (let i = 0; i < Math.min(action.count, list.length); i++) {
				const entity = list[(start + i) % list.length] as Entity
				if (action.silently) save(engine, action.resource, entity, someSilentEdit(engine, action.resource), 'silent')
				else save(engine, action.resource, entity, someEdit(engine, action.resource, entity), 'rest')
			}
			return
		}
		case 'pay':
			return save(
				engine,
				'orders',
				choose(engine, 'orders', action.id, ({ status }) => status === 'pending' || status === 'on-hold'),
				{ status: 'processing' },
				'code',
			)
		case 'complete':
			return save(
				engine,
				'orders',
				choose(engine, 'orders', action.id, ({ status }) => status === 'processing'),
				{ status: 'completed' },
				'code',
			)
		case 'refund': {
			const order = choose(
				engine,
				'orders',
				action.id,
				({ status }) => status === 'processing' || status === 'completed',
			)
			refundOrder(engine, order, { amount: action.amount ?? '1.00', reason: 'Damaged' })
			return
		}
		case 'delete-refund': {
			const refund = choose(engine, 'refunds', action.id, () => true)
			return removeRefund(engine, refund)
		}
		case 'note': {
			const order = choose(engine, 'orders', action.id, live)
			addNote(engine, order.id, action.text ?? 'Called the customer', false)
			return
		}
		case 'review': {
			const product = choose(engine, 'products', action.id, ({ status }) => status === 'publish')
			addReview(engine, product, {
				reviewer: 'Rita',
				reviewer_email: 'rita@example.test',
				review: '<p>Good</p>\n',
				rating: action.rating ?? 5,
			})
			return
		}
		case 'rename-category':
			return renameCategory(
				engine,
				action.id ?? engine.random.pick([...engine.terms.categories.keys()]),
				action.name ?? `Renamed ${engine.random.word(5)}`,
			)
		case 'schedule-sale': {
			const product = choose(
				engine,
				'products',
				action.id,
				(entity) => entity.status === 'publish' && engine.record('products', entity).type === 'simple',
			)
			return scheduleSale(engine, product, action.price, action.inSeconds ?? 60, action.forSeconds ?? 3600)
		}
		case 'zone':
			engine.zone = Zone.of(action.zone)
			return
		case 'register-status':
			if (action.on === false) engine.registered.delete(action.status)
			else engine.registered.add(action.status)
			return
		default:
			throw new Error(`no such action: ${JSON.stringify(action)}`)
	}
}

/** Prices flip by the clock, without a stamp (docs/woocommerce.md 4.6). */
function scheduleSale(
	engine: Engine,
	product: Entity,
	price: string | undefined,
	inSeconds: number,
	forSeconds: number,
): void {
	const now = engine.record('products', product)
	const sale = price ?? money(Math.round(Number(now.regular_price) * 80))
	const from = engine.second() + inSeconds
	save(
		engine,
		'products',
		product,
		{ sale_price: sale, date_on_sale_from_gmt: iso(from), date_on_sale_to_gmt: iso(from + forSeconds) },
		'rest',
	)
	const flip = (): void => {
		if (engine.get('products', product.id) === product)
			engine.change('products', product, { moves: false }, (record) => priced(engine, record))
	}
	engine.schedule(from * 1000, flip)
	engine.schedule((from + forSeconds) * 1000, flip)
}

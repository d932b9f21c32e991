/** What moves `date_modified` in the simulated store, and what is journaled of it (docs/woocommerce.md §4, observed on real stores). */
import { describe, expect, it } from 'vitest'
import type { Action, JournalEntry, Rec } from '../../store/store.ts'
import { rig } from './helpers.ts'
import type { Rig } from './helpers.ts'

type Act = (made: Rig, id: number) => JournalEntry[]

const put =
	(set: Rec): Act =>
	({ store }, id) =>
		store.act({ do: 'edit', resource: 'orders', id, set })

/** Edits of an order with whether they move its stamp on HPOS and on posts, from `order_edits_and_date_modified.json`. */
const ORDER_EDITS: [string, Act, boolean, boolean][] = [
	['PUT {}', put({}), true, false],
	['PUT billing.phone', put({ billing: { phone: '1' } }), true, false],
	['PUT shipping.city', put({ shipping: { city: 'X' } }), true, false],
	['PUT customer_note', put({ customer_note: 'x' }), true, true],
	['PUT status on-hold', put({ status: 'on-hold' }), true, true],
	['PUT meta_data', put({ meta_data: [{ key: 'k', value: 'v' }] }), true, false],
	['PUT add fee', put({ fee_lines: [{ name: 'Fee', total: '4.00' }] }), true, false],
	['PUT add shipping', put({ shipping_lines: [{ method_id: 'flat_rate', total: '4.00' }] }), true, false],
	['PUT transaction_id', put({ transaction_id: 't' }), true, false],
	['PUT customer_id', put({ customer_id: 3 }), true, false],
	['PUT payment_method', put({ payment_method: 'cod' }), true, false],
	['PUT currency', put({ currency: 'EUR' }), true, false],
	['note added', ({ store }, id) => store.act({ do: 'note', id }), false, false],
	['refund created', ({ store }, id) => store.act({ do: 'refund', id, amount: '0.01' }), true, true],
	['trashed', ({ store }, id) => store.act({ do: 'trash', resource: 'orders', id }), true, true],
]

function order({ store }: Rig): number {
	return [...store.state('orders').values()].find(({ status }) => status === 'processing')?.id as number
}

describe.each(['hpos', 'posts'] as const)('section 4: orders stored as %s', (orders) => {
	it.each(ORDER_EDITS)('%s', (_, act, hpos, posts) => {
		const made = rig({ orders })
		const id = order(made)
		const before = made.store.state('orders').get(id) as Rec
		made.clock.now += 5000
		act(made, id)
		const after = made.store.state('orders').get(id) as Rec
		expect(after.date_modified_gmt !== before.date_modified_gmt).toBe(orders === 'hpos' ? hpos : posts)
	})

	it('a refund deleted changes the order and no stamp', () => {
		const made = rig({ orders })
		const id = order(made)
		const refund = made.store.act({ do: 'refund', id })[0]?.id as number
		made.clock.now += 5000
		const entries = made.store.act({ do: 'delete-refund', id: refund })
		expect(entries).toMatchObject([
			{ resource: 'refunds', change: 'deleted' },
			{ resource: 'orders', id, change: 'edited-silently', stampMoved: false },
		])
	})
})

describe('section 4: other resources', () => {
	const after = (action: Action): JournalEntry[] => {
		const made = rig()
		made.clock.now += 5000
		return made.store.act(action)
	}

	it.each([
		['description', { description: 'x' }, true],
		['code', { code: 'other' }, true],
		['status', { status: 'draft' }, true],
		['amount', { amount: '77.00' }, false],
		['limits', { usage_limit: 5 }, false],
		['expiry', { date_expires_gmt: '2030-01-01T00:00:00' }, false],
		['discount type', { discount_type: 'fixed_product' }, false],
		['meta', { meta_data: [{ key: 'k', value: 'v' }] }, false],
	])('coupon: %s by REST', (_, set, moved) => {
		expect(after({ do: 'edit', resource: 'coupons', set })).toMatchObject([
			{ change: moved ? 'updated' : 'edited-silently', stampMoved: moved },
		])
	})

	it('coupon: any edit in wp-admin moves it, PUT {} does not', () => {
		expect(after({ do: 'edit', resource: 'coupons', set: { amount: '77.00' }, via: 'admin' })[0]?.stampMoved).toBe(true)
		expect(after({ do: 'save-unchanged', resource: 'coupons' })).toMatchObject([
			{ change: 'saved-unchanged', stampMoved: false },
		])
	})

	it('product and customer: any PUT moves it, also an empty one', () => {
		for (const resource of ['products', 'customers'] as const) {
			expect(after({ do: 'save-unchanged', resource })).toMatchObject([{ change: 'saved-unchanged', stampMoved: true }])
		}
	})

	it('a variation edited: it and its parent, which only gets a stamp', () => {
		const [variation, parent, ...more] = after({ do: 'edit', resource: 'variations' })
		expect(variation).toMatchObject({ resource: 'variations', change: 'updated', stampMoved: true })
		expect(parent).toMatchObject({ resource: 'products', change: 'saved-unchanged', stampMoved: true })
		expect(more).toEqual([])
	})

	it('a variation created and deleted changes its parent', () => {
		const made = rig()
		const [variation, parent] = made.store.act({ do: 'create', resource: 'variations' })
		expect(parent).toMatchObject({ resource: 'products', change: 'updated' })
		expect(made.store.state('products').get(parent?.id as number)?.variations).toContain(variation?.id)
		expect(
			made.store
				.act({ do: 'delete', resource: 'variations', id: variation?.id as number })
				.map(({ resource, change }) => `${resource} ${change}`),
		).toEqual(['variations deleted', 'products updated'])
	})

	it('stock sold moves the product, total sales alone do not', () => {
		const made = rig()
		const products = [...made.store.state('products').values()].filter(
			({ type, status }) => type === 'simple' && status === 'publish',
		)
		const managed = products.find(({ manage_stock }) => manage_stock) as Rec
		const plain = products.find(({ manage_stock }) => !manage_stock) as Rec
		made.clock.now += 5000
		expect(made.store.act({ do: 'place-order', items: [{ id: managed.id, quantity: 2 }] })).toMatchObject([
			{ resource: 'orders', change: 'created' },
			{ resource: 'products', id: managed.id, change: 'updated', stampMoved: true },
		])
		expect(made.store.state('products').get(managed.id)?.stock_quantity).toBe(managed.stock_quantity - 2)
		expect(made.store.act({ do: 'place-order', items: [{ id: plain.id, quantity: 2 }] }).length).toBe(1)
		expect(made.store.state('products').get(plain.id)?.total_sales).toBe(plain.total_sales + 2)
	})

	it('a category renamed changes its products and no stamp', () => {
		const entries = after({ do: 'rename-category', id: 16, name: 'Tents' })
		expect(entries[0]).toMatchObject({ resource: 'categories', id: 16 })
		expect(entries.length).toBeGreaterThan(1)
		expect(entries.slice(1).every(({ change, stampMoved }) => change === 'edited-silently' && !stampMoved)).toBe(true)
	})

	it('a review saves its product', () => {
		expect(after({ do: 'review' })).toMatchObject([
			{ resource: 'reviews' },
			{ resource: 'products', change: 'saved-unchanged', stampMoved: true },
		])
	})

	it('an order completed makes its customer a paying one, silently', () => {
		const made = rig()
		const customer = [...made.store.state('customers').values()].find(
			({ is_paying_customer, role }) => !is_paying_customer && role === 'customer',
		) as Rec
		const entries = made.store.act({ do: 'place-order', customer: customer.id, status: 'completed', items: [] })
		expect(entries).toMatchObject([
			{ resource: 'orders' },
			{ resource: 'customers', id: customer.id, change: 'edited-silently', stampMoved: false },
		])
	})

	it('a coupon used changes without a stamp', () => {
		const entries = after({ do: 'place-order', coupon: 'river1', items: [] })
		expect(entries).toMatchObject([
			{ resource: 'orders' },
			{ resource: 'coupons', change: 'edited-silently', stampMoved: false },
		])
	})

	it('a scheduled sale flips the price by the clock, without a stamp', () => {
		const made = rig()
		const id = made.store.act({ do: 'schedule-sale', price: '1.00', inSeconds: 60, forSeconds: 60 })[0]?.id as number
		const price = made.store.state('products').get(id)?.price
		made.clock.now += 60_000
		expect(made.store.state('products').get(id)).toMatchObject({ price: '1.00', on_sale: true })
		made.clock.now += 60_000
		expect(made.store.state('products').get(id)?.price).toBe(price)
		expect(made.store.journal(1).map(({ change, stampMoved, time }) => [change, stampMoved, time])).toEqual([
			['edited-silently', false, made.clock.now - 60_000],
			['edited-silently', false, made.clock.now],
		])
	})

	it('section 5: the trash empties itself after 30 days, an abandoned checkout after one', () => {
		const made = rig()
		const trashed = made.store.act({ do: 'trash', resource: 'orders' })[0]?.id
		const draft = made.store.act({ do: 'checkout-draft' })[0]?.id
		made.clock.now += 86_400_000
		expect(made.store.journal().at(-1)).toMatchObject({ id: draft, change: 'deleted', hash: null })
		made.clock.now += 29 * 86_400_000
		expect(made.store.journal().at(-1)).toMatchObject({ id: trashed, change: 'deleted' })
	})
})

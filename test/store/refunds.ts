/** Refunds of orders and what they do to their order (docs/woocommerce.md §4). */
import * as blank from './blank.ts'
import type { Engine } from './engine.ts'
import { money } from './shop.ts'
import type { Entity } from './table.ts'
import type { Rec } from './types.ts'

/** Refunds a part of an order, or all of it, which sets its status too. */
export function refundOrder(engine: Engine, order: Entity, set: Rec): Entity {
	const before = engine.hash('orders', order)
	const total = Number(engine.record('orders', order).total)
	const refunded = engine.tables.refunds
		.children(order.id)
		.reduce((sum, other) => sum + Number(engine.record('refunds', other).amount), 0)
	const amount = Number(set.amount ?? 0)
	const full = amount + refunded >= total - 0.001
	const refund = engine.insert(
		'refunds',
		{
			...blank.refund(),
			parent_id: order.id,
			amount: money(Math.round(amount * 100)),
			reason: String(set.reason ?? ''),
			meta_data: [{ id: engine.next.meta++, key: '_refund_type', value: full ? 'full' : 'partial' }],
		},
		{ parent: order.id },
	)
	// With posts storage, 7.0 leaves the stamp alone (docs/woocommerce.md 4.1).
	const moves = engine.settings.orders === 'hpos' || engine.settings.version === '11.0'
	engine.derived('orders', order, before, { moves, ...(full && { status: 'refunded' }) })
	engine.fire('order.updated', order.id)
	if (full) engine.fire('action.woocommerce_order_status_refunded', order.id)
	return refund
}

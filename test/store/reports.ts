/** The reports of a store, counted from its orders: sales of a period, and what sold best in it. */
import type { Engine } from './engine.ts'
import type { Params } from './query.ts'
import type { Rec } from './types.ts'

const DAY_SECONDS = 86_400

/** Orders that count as sales, of the last week, or of the days that were asked for. */
function sold(engine: Engine, params: Params): Rec[] {
	const at = (name: string, otherwise: number): number => {
		const text = params.get(name)
		return text === undefined ? otherwise : Date.parse(`${String(text)}T00:00:00Z`) / 1000
	}
	const days = { week: 7, month: 31, last_month: 62, year: 366 }[String(params.get('period') ?? 'week')] ?? 7
	const from = at('date_min', engine.second() - days * DAY_SECONDS)
	const to = at('date_max', engine.second()) + DAY_SECONDS
	return [...engine.tables.orders.values()]
		.filter(
			({ status, created }) =>
				['processing', 'completed', 'on-hold'].includes(status) && created >= from && created < to,
		)
		.map((order) => engine.record('orders', order))
}

/** `/reports/sales`: one record. */
export function salesReport(engine: Engine, params: Params): Rec[] {
	const orders = sold(engine, params)
	const sum = (field: string): string => orders.reduce((all, order) => all + Number(order[field] ?? 0), 0).toFixed(2)
	const days = new Set(orders.map((order) => String(order.date_created).slice(0, 10))).size
	const items = orders
		.flatMap((order) => (order.line_items ?? []) as Rec[])
		.reduce((all, line) => all + Number(line.quantity ?? 0), 0)
	return [
		{
			total_sales: sum('total'),
			net_sales: sum('total'),
			average_sales: (Number(sum('total')) / Math.max(1, days)).toFixed(2),
			total_orders: orders.length,
			total_items: items,
			total_tax: sum('total_tax'),
			total_shipping: sum('shipping_total'),
			total_refunds: 0,
			total_discount: '0.00',
			totals_grouped_by: 'day',
			totals: {},
			_links: { about: [{ href: `${engine.api}/reports` }] },
		},
	]
}

/** `/reports/top_sellers`: products with how many were sold, at most twelve. */
export function topSellers(engine: Engine, params: Params): Rec[] {
	const counts = new Map<number, Rec>()
	for (const order of sold(engine, params))
		for (const { product_id: id, name, quantity } of (order.line_items ?? []) as Rec[]) {
			const known = counts.get(id) ?? { name, product_id: id, quantity: 0 }
			counts.set(id, { ...known, quantity: known.quantity + Number(quantity ?? 0) })
		}
	return [...counts.values()]
		.sort((a, b) => b.quantity - a.quantity)
		.slice(0, 12)
		.map((record) => ({
			...record,
			_links: {
				about: [{ href: `${engine.api}/reports` }],
				product: [{ href: `${engine.api}/products/${record.product_id}` }],
			},
		}))
}

/** Rebuilds a recorded store from its exchanges: what they show of an object is taken, what they do not show is filled in to fit their totals. */
import { order as blankOrder, product as blankProduct } from './blank.ts'
import type { Key, Rec, Resource, World } from './types.ts'
import { iso, seconds } from './zone.ts'

/** One recorded request with its answer. */
export interface Exchange {
	/** Folder and file of the recording. */
	name: string
	/** When, as ISO 8601 with zone. */
	at: string
	request: { method: string; url: string; headers: Record<string, string>; auth: string | null; key: string | null }
	response: { status: number; headers: Record<string, string>; body: unknown; text?: string }
}

const COLLECTIONS: [RegExp, Resource][] = [
	[/\/orders\/\d+\/refunds/, 'refunds'],
	[/\/refunds/, 'refunds'],
	[/\/products\/\d+\/variations/, 'variations'],
	[/\/variations/, 'variations'],
	[/\/orders(?:\/\d+)?$/, 'orders'],
	[/\/products(?:\/\d+)?$/, 'products'],
	[/\/coupons(?:\/\d+)?$/, 'coupons'],
	[/\/customers(?:\/\d+)?$/, 'customers'],
]

function rows(body: unknown): Rec[] {
	const list = Array.isArray(body) ? body : [body]
	return list.filter((row): row is Rec => row !== null && typeof row === 'object' && typeof row.id === 'number')
}

/** Everything seen of each object, fuller sightings over poorer ones. */
function sightings(exchanges: Exchange[]): Record<Resource, Map<number, Rec>> {
	const seen: Record<Resource, Map<number, Rec>> = {
		orders: new Map(),
		products: new Map(),
		variations: new Map(),
		coupons: new Map(),
		customers: new Map(),
		refunds: new Map(),
	}
	for (const { request, response } of exchanges) {
		const { pathname, searchParams } = new URL(request.url)
		const resource = COLLECTIONS.find(([pattern]) => pattern.test(pathname))?.[1]
		if (!resource || response.status !== 200 || searchParams.has('dp')) continue
		for (const row of rows(response.body)) {
			// A variation seen through /products carries a product's keys; it is known from elsewhere.
			if (resource === 'products' && row.type === 'variation') continue
			const known = seen[resource].get(row.id) ?? {}
			const { _embedded: _, ...plain } = row
			seen[resource].set(row.id, { ...known, ...plain })
		}
	}
	return seen
}

function total(exchanges: Exchange[], name: string): number {
	return Number(exchanges.find((exchange) => exchange.name === name)?.response.headers['x-wp-total'] ?? 0)
}

function matchesSearch(order: Rec, needle: string): boolean {
	return [...Object.values(order.billing), ...Object.values(order.shipping)].some((value) =>
		String(value).toLowerCase().includes(needle),
	)
}

/** Adds the orders that no exchange shows whole, so that every recorded total comes out. */
function fillOrders(exchanges: Exchange[], seen: Map<number, Rec>): void {
	const ids = [...seen.keys()].sort((a, b) => a - b)
	const first = ids[0] ?? 1
	const dated = [...seen.values()].filter((order) => order.date_created_gmt)
	const known = [...seen.values()].filter((order) => order.billing && order.status !== 'checkout-draft')
	const oldest = exchanges.find(({ name }) => name === 'orders/list_orderby_modified_asc')
	const floor = seconds(rows(oldest?.response.body).at(-1)?.date_modified_gmt) ?? 0
	const lacking = (all: number, test: (order: Rec) => boolean): number => all - known.filter(test).length
	const need = {
		completed: lacking(total(exchanges, 'orders/list_status_completed'), ({ status }) => status === 'completed'),
		processing: 0,
		guests: lacking(total(exchanges, 'orders/list_by_customer_0'), ({ customer_id }) => customer_id === 0),
		found: lacking(total(exchanges, 'orders/list_search'), (order) => matchesSearch(order, 'customer1')),
	}
	need.processing =
		lacking(
			total(exchanges, 'orders/list_status_multi_comma'),
			({ status }) => status === 'completed' || status === 'processing',
		) - need.completed
	for (let id = first; id < first + total(exchanges, 'orders/list_default'); id++) {
		const given = seen.get(id)
		if (given?.billing) continue
		const created =
			seconds(given?.date_created_gmt) ??
			Math.min(...dated.filter((order) => order.id > id).map((order) => seconds(order.date_created_gmt) ?? Infinity)) -
				60
		const status = need.completed-- > 0 ? 'completed' : need.processing-- > 0 ? 'processing' : 'cancelled'
		const guest = need.guests-- > 0
		const email = need.found-- > 0 ? `customer1${id}@example.test` : `buyer${id}@example.test`
		const order = blankOrder()
		seen.set(id, {
			...order,
			id,
			status,
			number: String(id),
			customer_id: guest ? 0 : 7,
			billing: { ...order.billing, email },
			date_created_gmt: iso(created),
			date_modified_gmt: iso(Math.max(created, floor + 3600)),
			...given,
		})
	}
}

function fillVariations(seen: Record<Resource, Map<number, Rec>>): void {
	for (const product of seen.products.values()) {
		for (const id of (product.variations ?? []) as number[]) {
			const known = seen.variations.get(id) ?? {
				id,
				date_created_gmt: product.date_created_gmt,
				date_modified_gmt: product.date_modified_gmt,
			}
			seen.variations.set(id, { ...known, id, parent_id: product.id })
		}
	}
}

function fillRefunds(seen: Record<Resource, Map<number, Rec>>): void {
	for (const order of seen.orders.values()) {
		for (const { id, total: amount, reason } of (order.refunds ?? []) as Rec[]) {
			const known = seen.refunds.get(id) ?? {
				id,
				date_created_gmt: order.date_created_gmt,
				amount: String(amount).replace('-', ''),
				reason,
			}
			seen.refunds.set(id, { ...known, parent_id: order.id })
		}
	}
}

/** The keys that the exchanges used, with what the recordings say of their rights. */
function keysOf(exchanges: Exchange[]): Record<string, Key> {
	const keys: Record<string, Key> = {}
	for (const { name, request, response } of exchanges) {
		const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')
		// Requests with spoiled credentials teach nothing about the keys.
		if (!basic || !request.key || request.key in keys || /bad|garbage|password|over_http/.test(name)) continue
		const [key = '', secret = ''] = atob(basic[1] as string).split(':')
		if (response.status !== 200 && request.key === 'rw') continue
		const role = request.key === 'customer' ? 'customer' : request.key === 'manager' ? 'shop_manager' : 'administrator'
		keys[request.key] = {
			key,
			secret,
			permissions: request.key === 'ro' ? 'read' : request.key === 'wo' ? 'write' : 'read_write',
			role,
		}
	}
	return keys
}

/** The world that the exchanges show. */
export function worldOf(exchanges: Exchange[]): World {
	const seen = sightings(exchanges)
	fillOrders(exchanges, seen.orders)
	fillVariations(seen)
	fillRefunds(seen)
	seen.customers.set(2, {
		id: 2,
		role: 'shop_manager',
		username: 'manager',
		email: 'manager@example.test',
		date_created_gmt: '2026-11-23T15:44:20',
		date_modified_gmt: null,
	})
	for (const [id, order] of seen.orders) seen.orders.set(id, { ...order, number: String(id) })
	const body = (name: string): Rec[] =>
		rows(exchanges.find((exchange) => exchange.name === name)?.response.body).map(({ _links, ...row }) => row)
	const reviews = body('products/reviews')
	const pattern = reviews[0]
	const lacking = pattern === undefined ? 0 : total(exchanges, 'products/reviews') - reviews.length
	for (let id = 1000; id < 1000 + lacking; id++) {
		reviews.push({
			...pattern,
			id,
			date_created: '2026-01-01T00:00:00',
			date_created_gmt: `2026-01-01T07:00:0${id % 10}`,
		})
	}
	const sorted = (resource: Resource): Rec[] => [...seen[resource].values()].sort((a, b) => a.id - b.id)
	const noted = exchanges.find(({ name }) => name === 'orders/notes')
	const notes = { [/orders\/(\d+)\/notes/.exec(noted?.request.url ?? '')?.[1] ?? '0']: body('orders/notes') }
	return {
		name: 'Woo Test Store',
		records: {
			orders: sorted('orders'),
			products: sorted('products').map((product) => ({ ...blankProduct(), ...product })),
			variations: sorted('variations'),
			coupons: sorted('coupons'),
			customers: sorted('customers'),
			refunds: sorted('refunds'),
		},
		reviews,
		notes,
		categories: body('products/categories'),
		tags: body('products/tags'),
		attributes: body('products/attributes'),
		keys: keysOf(exchanges),
	}
}

/** Lists of orders, products, variations, coupons, customers and refunds: filters, order, paging (docs/woocommerce.md §3). */
import { asList, ORDER_STATUSES } from './arguments.ts'
import type { Engine } from './engine.ts'
import type { Params } from './query.ts'
import { mix } from './random.ts'
import type { Entity, SortKey } from './table.ts'
import type { Rec, Resource } from './types.ts'
import { seconds } from './zone.ts'

/** One page of a list. */
export interface Page {
	rows: Entity[]
	/** `X-WP-Total` as the store gives it, which past the last page of HPOS orders is 0. */
	total: number
	pages: number
	page: number
	perPage: number
}

type Test = (entity: Entity) => boolean

/** Which statuses of which resource a list without `status` shows, and which with. */
function statusTest(engine: Engine, resource: Resource, params: Params): (status: string) => boolean {
	const { version } = engine.settings
	if (resource === 'customers' || resource === 'refunds') return () => true
	if (resource === 'orders') {
		const hidden = version === '11.0' ? ['trash', 'auto-draft', 'checkout-draft'] : ['trash', 'auto-draft']
		const any = new Set([...ORDER_STATUSES.filter((status) => !hidden.includes(status)), ...engine.registered])
		const wanted = asList(params.get('status'))
		if (wanted.length === 0 || wanted.includes('any')) return (status) => any.has(status)
		const set = new Set(wanted)
		return (status) => set.has(status)
	}
	if (resource === 'coupons') {
		// In 5.5 `status` is no argument of coupons and is ignored like any unknown one (docs/woocommerce.md 2.4, 8.8).
		const wanted = version === '5.5' ? 'publish' : String(params.get('status') ?? 'publish')
		if (wanted === 'any') return (status) => status !== 'trash' && status !== 'auto-draft'
		const set = new Set(asList(wanted))
		return (status) => set.has(status)
	}
	const shown = new Set(['publish', 'draft', 'pending', 'private', 'future'])
	const wanted = new Set(asList(params.get('include_status')))
	const unwanted = new Set(asList(params.get('exclude_status')))
	const only = String(params.get('status') ?? 'any')
	if (wanted.size === 0 && only !== 'any') wanted.add(only)
	return (status) =>
		(wanted.size === 0 || wanted.has('any') ? shown.has(status) : wanted.has(status)) && !unwanted.has(status)
}

/** A date argument as seconds of the column that it is compared with. */
export function dateLimit(engine: Engine, value: string, gmt: boolean, column: 'utc' | 'local'): number {
	const { zone } = engine
	const suffix = /(?:[Zz]|([+-])(\d{2})(?::(\d{2}))?)$/.exec(value.slice(19))
	const wall = seconds(value) ?? 0
	if (suffix) {
		const shift = suffix[1]
			? (Number(suffix[2]) * 3600 + Number(suffix[3] ?? 0) * 60) * (suffix[1] === '-' ? -1 : 1)
			: 0
		const utc = wall - shift
		// Older versions turn the moment into local time and compare that, also with GMT columns (3.2).
		if (engine.settings.version !== '11.0' && gmt) return zone.toLocal(utc)
		return column === 'utc' ? utc : zone.toLocal(utc)
	}
	// A wall clock inside the spring-forward gap is moved on by the gap, even when it was meant as GMT (3.3).
	const moved = zone.inGap(wall) ? zone.toLocal(zone.fromLocal(wall)) : wall
	if (gmt) return moved
	return column === 'utc' ? zone.fromLocal(moved) : moved
}

interface Column {
	key: SortKey
	limit: number
	after: boolean
}

function dateFilters(engine: Engine, resource: Resource, params: Params): Column[] {
	if (resource === 'customers') return []
	const gmt =
		['true', '1'].includes(String(params.get('dates_are_gmt') ?? '').toLowerCase()) && engine.settings.version !== '5.5'
	const utc = gmt || ((resource === 'orders' || resource === 'refunds') && engine.settings.orders === 'hpos')
	const filters: Column[] = []
	for (const [name, key, after] of [
		['after', utc ? 'created' : 'createdLocal', true],
		['before', utc ? 'created' : 'createdLocal', false],
		['modified_after', utc ? 'modified' : 'modifiedLocal', true],
		['modified_before', utc ? 'modified' : 'modifiedLocal', false],
	] as const) {
		if (!params.has(name) || (name.startsWith('modified') && engine.settings.version === '5.5')) continue
		filters.push({ key, after, limit: dateLimit(engine, String(params.get(name)), gmt, utc ? 'utc' : 'local') })
	}
	return filters
}

function contains(value: unknown, needle: string): boolean {
	return String(value ?? '')
		.toLowerCase()
		.includes(needle)
}

/** Filters that need the record itself. */
function recordTests(engine: Engine, resource: Resource, params: Params): Test[] {
	const tests: Test[] = []
	const on = (name: string, test: (entity: Entity, value: string) => boolean): void => {
		const value = params.get(name)
		if (value !== undefined && value !== '') tests.push((entity) => test(entity, String(value)))
	}
	const record = (entity: Entity) => engine.record(resource, entity)
	switch (resource) {
		case 'orders':
			on('customer', (e, v) => record(e).customer_id === Number(v))
			on('product', (e, v) =>
				record(e).line_items.some((line: { product_id: number }) => line.product_id === Number(v)),
			)
			on('search', (e, v) => {
				const { billing, shipping, line_items } = record(e)
				const needle = v.toLowerCase()
				return (
					e.id === Number(v) ||
					[...Object.values(billing), ...Object.values(shipping)].some((part) => contains(part, needle)) ||
					line_items.some((line: { name: string }) => contains(line.name, needle))
				)
			})
			break
		case 'products':
			on('type', (e, v) => record(e).type === v)
			on('sku', (e, v) => asList(v).includes(record(e).sku))
			on('slug', (e, v) => record(e).slug === v)
			on('featured', (e, v) => record(e).featured === (v === 'true' || v === '1'))
			on('stock_status', (e, v) => record(e).stock_status === v)
			on('category', (e, v) => record(e).categories.some((term: { id: number }) => asList(v).includes(String(term.id))))
			on('tag', (e, v) => record(e).tags.some((term: { id: number }) => asList(v).includes(String(term.id))))
			on('search', (e, v) =>
				[record(e).name, record(e).description, record(e).short_description, record(e).sku].some((part) =>
					contains(part, v.toLowerCase()),
				),
			)
			break
		case 'variations':
			on('sku', (e, v) => asList(v).includes(record(e).sku))
			on('search', (e, v) => contains(record(e).name, v.toLowerCase()))
			break
		case 'coupons':
			on(
				'search',
				(e, v) => contains(record(e).code, v.toLowerCase()) || contains(record(e).description, v.toLowerCase()),
			)
			break
		case 'customers': {
			const role = String(params.get('role') ?? 'customer')
			// Generated customers all have that role, so that a look at the record is needed only for what was made otherwise.
			if (role !== 'all')
				tests.push((e) => (e.ordinal >= 0 && e.record === null ? role === 'customer' : record(e).role === role))
			on('email', (e, v) => String(record(e).email).toLowerCase() === v.toLowerCase())
			on(
				'search',
				(e, v) => contains(record(e).email, v.toLowerCase()) || contains(record(e).username, v.toLowerCase()),
			)
			break
		}
		default:
	}
	return tests
}

/**
 * The list of ids that is heeded. WordPress ignores `exclude` beside `include`; orders in their own tables heed both. WooCommerce puts a coupon's code in the
 * place of `include`, and adds the products on sale to one of the two by PHP's `+`, which keeps what the other has at the same index.
 */
function idLists(engine: Engine, resource: Resource, params: Params): { include: number[]; exclude: Set<number> } {
	const ids = (test: (record: Rec) => boolean): number[] => {
		const found = [...engine.tables[resource].values()]
			.filter((entity) => test(engine.record(resource, entity)))
			.map(({ id }) => id)
		return found.length > 0 ? found : [0]
	}
	const given = (name: string): string => String(params.get(name) ?? '').toLowerCase()
	let include = asList(params.get('include')).map(Number)
	let exclude = asList(params.get('exclude')).map(Number)
	if (resource === 'coupons' && given('code') !== '')
		include = ids(({ code, status }) => code === given('code') && (status ?? 'publish') === 'publish')
	if (resource === 'products' && given('on_sale') !== '') {
		const onSale = ids((record) => record['on_sale'] === true)
		if (['true', '1'].includes(given('on_sale'))) include = [...include, ...onSale.slice(include.length)]
		else exclude = [...exclude, ...onSale.slice(exclude.length)]
	}
	const both = resource === 'orders' && engine.settings.orders === 'hpos'
	return { include, exclude: new Set(include.length > 0 && !both ? [] : exclude) }
}

function sortKey(engine: Engine, resource: Resource, orderby: string): SortKey | null {
	// Posts storage sorts by the local columns, out of order across the autumn change (3.6).
	const local = !((resource === 'orders' || resource === 'refunds') && engine.settings.orders === 'hpos')
	switch (orderby) {
		case 'id':
			return 'id'
		case 'name':
			return 'name'
		case 'registered_date':
			return 'created'
		case 'date':
			return local ? 'createdLocal' : 'created'
		case 'modified':
			return local ? 'modifiedLocal' : 'modified'
		default:
			return null
	}
}

const FIELD: Record<string, string> = {
	title: 'name',
	slug: 'slug',
	price: 'price',
	popularity: 'total_sales',
	sales: 'total_sales',
	rating: 'average_rating',
	menu_order: 'menu_order',
}

/** The page of a list that the parameters ask for; `parent` narrows it to one product or order. */
export function list(engine: Engine, resource: Resource, params: Params, parent?: number): Page {
	const users = resource === 'customers'
	const perPage = Number(params.get('per_page') ?? 10)
	const page = Number(params.get('page') ?? 1)
	const offset =
		params.has('offset') && params.get('offset') !== '' ? Number(params.get('offset')) : (page - 1) * perPage
	const orderby = String(params.get('orderby') ?? (users ? 'name' : 'date'))
	const descending = String(params.get('order') ?? (users ? 'asc' : 'desc')) === 'desc'
	const table = engine.tables[resource]

	const { include, exclude } = idLists(engine, resource, params)
	const listed = statusTest(engine, resource, params)
	const statuses = new Set([...table.statuses().keys()].filter((status) => listed(status)))
	const tests: Test[] = []
	if (exclude.size) tests.push(({ id }) => !exclude.has(id))
	if (parent !== undefined) tests.push((entity) => entity.parent === parent)
	const filters = dateFilters(engine, resource, params)
	const key = sortKey(engine, resource, orderby)
	let low = 0
	let high = table.size
	let source: readonly Entity[]
	let bounded = false
	const chosen = include.length ? new Set(include) : null
	if (parent !== undefined || chosen) {
		source = (chosen ? [...chosen].map((id) => table.get(id)) : table.children(parent ?? 0)).filter(
			(entity) => entity !== undefined,
		)
		source = sortSmall(engine, resource, [...source], orderby, key, include)
		high = source.length
	} else if (key === null) {
		source = sortSmall(engine, resource, [...table.values()], orderby, key, include)
	} else {
		source = table.sorted(key)
		bounded = true
		for (const { key: column, limit, after } of filters) {
			if (column !== key) continue
			if (after) low = Math.max(low, table.bound(key, limit, false))
			else high = Math.min(high, table.bound(key, limit, true))
		}
	}
	for (const { key: column, limit, after } of filters) {
		if (bounded && column === key) continue
		tests.push(after ? (entity) => Number(entity[column]) > limit : (entity) => Number(entity[column]) < limit)
	}
	tests.push(...recordTests(engine, resource, params))
	const backwards = descending && orderby !== 'include'
	const unstable = engine.settings.version !== '11.0' && (orderby === 'modified' || orderby === 'date')
	// Where only the status decides, the total is known and the scan ends with the page.
	const everything = bounded && low === 0 && high === table.size && tests.length === 0
	let candidates = 0
	for (const [status, number] of table.statuses()) candidates += statuses.has(status) ? number : 0
	const all = statuses.size === table.statuses().size ? null : statuses
	const skipping = all === null && tests.length === 0 && !unstable
	const found: Entity[] = []
	let total = 0
	if (skipping) {
		total = Math.max(0, high - low)
		for (let nth = offset; nth < Math.min(offset + perPage, total); nth++)
			found.push(source[backwards ? high - 1 - nth : low + nth] as Entity)
	} else {
		for (
			let i = backwards ? high - 1 : low;
			candidates > 0 && (backwards ? i >= low : i < high);
			i += backwards ? -1 : 1
		) {
			const entity = source[i] as Entity
			if (all !== null && !all.has(entity.status)) continue
			candidates--
			if (!tests.every((test) => test(entity))) continue
			if (unstable || (total >= offset && total < offset + perPage)) found.push(entity)
			total++
			if (everything && !unstable && total >= offset + perPage) {
				total += candidates
				break
			}
		}
	}
	const rows = unstable && key ? shake(found, key, offset, perPage) : found
	const outside = rows.length === 0 && resource === 'orders' && engine.settings.orders === 'hpos'
	const counted = outside ? 0 : total
	return {
		rows,
		total: counted,
		pages: Math.ceil(counted / perPage),
		page: users && params.has('offset') ? Math.ceil(offset / perPage + 1) : page,
		perPage,
	}
}

function sortSmall(
	engine: Engine,
	resource: Resource,
	entities: Entity[],
	orderby: string,
	key: SortKey | null,
	include: number[],
): Entity[] {
	if (orderby === 'include') return entities.sort((a, b) => include.indexOf(a.id) - include.indexOf(b.id))
	const field = FIELD[orderby]
	const by = (entity: Entity): number | string => {
		if (key) return entity[key] ?? 0
		const value = field ? engine.record(resource, entity)[field] : 0
		return orderby === 'title' || orderby === 'slug' ? String(value) : Number(value ?? 0)
	}
	return entities
		.map((entity) => ({ entity, by: by(entity) }))
		.sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : a.entity.id - b.entity.id))
		.map(({ entity }) => entity)
}

/** Equal stamps in an order that depends on the page asked for: rows are lost and doubled under paging (3.6). */
function shake(all: Entity[], key: SortKey, offset: number, perPage: number): Entity[] {
	const rows: Entity[] = []
	for (let start = 0; start < all.length && start < offset + perPage;) {
		let end = start + 1
		while (end < all.length && all[end]?.[key] === all[start]?.[key]) end++
		if (end > offset) {
			const run = all.slice(start, end).sort((a, b) => mix(offset, perPage, a.id) - mix(offset, perPage, b.id))
			rows.push(...run.slice(Math.max(0, offset - start), offset + perPage - start))
		}
		start = end
	}
	return rows
}

/** What is listed but has no table: terms, attributes, taxes, notes, reviews, downloads (docs/woocommerce.md §3, last column). */
import { asList } from './arguments.ts'
import type { Engine } from './engine.ts'
import { dateLimit } from './lists.ts'
import type { Params } from './query.ts'
import type { Route } from './router.ts'
import type { Rec } from './types.ts'
import { seconds } from './zone.ts'

const ITEM = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** A page of records; `total` is null where the API sends none. */
export interface OtherPage {
	rows: Rec[]
	total: number | null
	pages: number
	page: number
	perPage: number
}

/** The map that holds a collection of terms; `parent`: the attribute whose terms they are. */
export function termsOf(engine: Engine, collection: string, parent = 0): Map<number, Rec> | undefined {
	if (collection === 'terms') return engine.attributeTerms.get(parent)
	return collection === 'categories' || collection === 'tags' || collection === 'attributes' || collection === 'taxes'
		? engine.terms[collection]
		: undefined
}

function linked(engine: Engine, route: Route, record: Rec): Rec {
	const { api } = engine
	const path =
		route.collection === 'terms'
			? `products/attributes/${route.parent}/terms`
			: route.collection === 'taxes'
				? 'taxes'
				: route.collection === 'notes'
					? `orders/${route.parent}/notes`
					: `products/${route.collection}`
	const up =
		route.collection === 'notes'
			? `orders/${route.parent}`
			: route.collection === 'reviews'
				? `products/${record.product_id}`
				: null
	return {
		...record,
		_links: {
			self: [
				{
					href: `${api}/${path}/${record.id}`,
					targetHints: { allow: route.collection === 'notes' ? ['GET', 'DELETE'] : ITEM },
				},
			],
			collection: [{ href: `${api}/${path}` }],
			...(up && { up: [{ href: `${api}/${up}` }] }),
		},
	}
}

/** One record of such a collection. */
export function singleOther(engine: Engine, route: Route): Rec | null {
	const id = route.id ?? 0
	if (route.collection === 'webhooks') return engine.webhooks.show(id)
	const found =
		route.collection === 'reviews'
			? engine.reviews.get(id)
			: route.collection === 'notes'
				? engine.notes.get(route.parent ?? 0)?.find((note) => note.id === id)
				: termsOf(engine, route.collection, route.parent)?.get(id)
	return found ? linked(engine, route, found) : null
}

/** A page of such a collection. */
export function listOther(engine: Engine, route: Route, params: Params): OtherPage {
	const perPage = Number(params.get('per_page') ?? 10)
	const page = Number(params.get('page') ?? 1)
	const whole = (rows: Rec[]): OtherPage => ({
		rows: rows.map((row) => linked(engine, route, row)),
		total: null,
		pages: 0,
		page: 1,
		perPage: rows.length,
	})
	if (route.collection === 'notes') {
		const type = String(params.get('type') ?? 'any')
		return whole(
			(engine.notes.get(route.parent ?? 0) ?? []).filter(
				(note) => type === 'any' || note.customer_note === (type === 'customer'),
			),
		)
	}
	if (route.collection === 'downloads') return whole([])
	if (route.collection === 'webhooks') return engine.webhooks.list(params)
	let rows = [
		...(route.collection === 'reviews'
			? engine.reviews
			: (termsOf(engine, route.collection, route.parent) ?? new Map<number, Rec>())
		).values(),
	]
	const attributes = route.collection === 'attributes'
	if (attributes)
		return {
			rows: rows.map((row) => linked(engine, route, row)),
			total: rows.length,
			pages: 1,
			page: 1,
			perPage: rows.length,
		}
	rows = filterOther(engine, route.collection, rows, params)
	const descending = String(params.get('order') ?? (route.collection === 'reviews' ? 'desc' : 'asc')) === 'desc'
	const fallback = route.collection === 'reviews' ? 'date_gmt' : route.collection === 'taxes' ? 'order' : 'name'
	const by = String(params.get('orderby') ?? fallback)
	const include = asList(params.get('include')).map(Number)
	const value = (row: Rec): number | string => {
		if (by === 'include') return include.indexOf(row.id)
		if (by === 'date_gmt' || by === 'date') return String(row.date_created_gmt)
		if (by === 'name' || by === 'slug') return String(row[by]).normalize('NFD').toLowerCase()
		return Number(row[by] ?? 0)
	}
	const sorted = rows
		.map((row) => ({ row, key: value(row) }))
		.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.row.id - b.row.id))
	if (descending && by !== 'include') sorted.reverse()
	const offset = params.has('offset') ? Number(params.get('offset')) : (page - 1) * perPage
	return {
		rows: sorted.slice(offset, offset + perPage).map(({ row }) => linked(engine, route, row)),
		total: rows.length,
		pages: Math.ceil(rows.length / perPage),
		perPage,
		page: params.has('offset') ? Math.ceil(offset / perPage + 1) : page,
	}
}

function filterOther(engine: Engine, collection: string, rows: Rec[], params: Params): Rec[] {
	const include = new Set(asList(params.get('include')).map(Number))
	const exclude = new Set(asList(params.get('exclude')).map(Number))
	const search = String(params.get('search') ?? '').toLowerCase()
	const products = new Set(asList(params.get('product')).map(Number))
	const limit = (name: string): number | null =>
		params.has(name) ? dateLimit(engine, String(params.get(name)), false, 'utc') : null
	const after = collection === 'reviews' ? limit('after') : null
	const before = collection === 'reviews' ? limit('before') : null
	return rows.filter((row) => {
		const at = seconds(row.date_created_gmt) ?? 0
		return (
			// `exclude` is ignored beside `include`.
			(include.size === 0 ? !exclude.has(row.id) : include.has(row.id)) &&
			(search === '' ||
				String(row.name ?? row.review)
					.toLowerCase()
					.includes(search)) &&
			(!params.has('slug') || row.slug === params.get('slug')) &&
			(products.size === 0 || products.has(row.product_id)) &&
			(after === null || at > after) &&
			(before === null || at < before) &&
			(collection !== 'reviews' ||
				String(params.get('status') ?? 'approved') === 'all' ||
				row.status === String(params.get('status') ?? 'approved'))
		)
	})
}

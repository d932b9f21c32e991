/** The REST API's routes: finds one, checks parameters and rights, and answers. */
import { asList, argumentsOf, validate } from './arguments.ts'
import { changesRows, deviantPage, heededQuery, refuseDeviant, totalText, withOwnIds } from './deviations.ts'
import type { Deviation } from './deviations.ts'
import type { Engine } from './engine.ts'
import { list } from './lists.ts'
import type { Page } from './lists.ts'
import { listOther } from './others.ts'
import { salesReport, topSellers } from './reports.ts'
import { linkQuery } from './query.ts'
import type { Params } from './query.ts'
import { NO_CACHE, phpJson, RestError, restHeaders } from './reply.ts'
import type { Reply } from './reply.ts'
import { index, namespaceIndex, options, settings, systemStatus } from './site-info.ts'
import type { Key, Rec, Resource } from './types.ts'
import { mayNot, seenBy, single, TABLES } from './singles.ts'
import { onlyStamps, stamps, view } from './views.ts'
import { batch, createOne, deleteOne, updateOne } from './writes.ts'

/** A request on its way through the API. */
export interface Call {
	engine: Engine
	name: string
	method: string
	/** Path below the REST root, without slashes at its ends. */
	path: string
	/** Query parameters. */
	query: Params
	/** Query and body together, the body winning. */
	params: Params
	/** Fields of the body. */
	body: Rec
	key: Key | null
	https: boolean
	/** What this store does otherwise than asked. */
	deviations?: readonly Deviation[]
}

/** A route that matched. */
export interface Route {
	/** Collection name: `orders`, `refunds`, `variations`, `categories`… */
	collection: string
	kind: 'list' | 'item' | 'batch'
	/** Order or product that the collection belongs to. */
	parent?: number
	id?: number
	methods: string[]
}

const ITEM = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const LIST = ['GET', 'POST']
const BATCH = ['POST', 'PUT', 'PATCH']

/** Finds the route of a path below `wc/v3`. */
export function match(path: string, version: string): Route | null {
	const parts = path.split('/')
	const number = (text: string | undefined): number | null =>
		text !== undefined && /^\d+$/.test(text) ? Number(text) : null
	const under = (collection: string, rest: string[], parent?: number, item = ITEM, many = LIST): Route | null => {
		const base = { collection, ...(parent !== undefined && { parent }) }
		if (rest.length === 0) return { ...base, kind: 'list', methods: [...many] }
		if (rest.length === 1 && rest[0] === 'batch') return { ...base, kind: 'batch', methods: [...BATCH] }
		const id = number(rest[0])
		return rest.length === 1 && id !== null ? { ...base, kind: 'item', id, methods: [...item] } : null
	}
	const [first, second, third, ...more] = parts
	const parent = number(second)
	if (first === 'orders' && parent !== null && third === 'refunds')
		return under('refunds', more, parent, ['GET', 'DELETE'])
	if (first === 'orders' && parent !== null && third === 'notes') return under('notes', more, parent, ['GET', 'DELETE'])
	if (first === 'products' && parent !== null && third === 'variations') return under('variations', more, parent)
	if (first === 'customers' && parent !== null && third === 'downloads')
		return under('downloads', more, parent, ['GET'], ['GET'])
	if (first === 'products' && second === 'attributes' && number(third) !== null && more[0] === 'terms')
		return under('terms', more.slice(1), Number(third))
	if (first === 'products' && ['categories', 'tags', 'attributes', 'reviews'].includes(second ?? ''))
		return under(second as string, parts.slice(2))
	if (first === 'refunds' && version === '11.0')
		return parts.length === 1 ? under('refunds', [], undefined, ITEM, ['GET']) : null
	if (first === 'variations' && version === '11.0')
		return parts.length === 1 ? under('variations', [], undefined, ITEM, ['GET']) : null
	if (first === 'settings' && second === 'general' && parts.length === 2)
		return { collection: 'settings', kind: 'list', methods: ['GET'] }
	if (first === 'system_status' && parts.length === 1)
		return { collection: 'system_status', kind: 'list', methods: ['GET'] }
	if (first === 'reports')
		return parts.length === 1 || (parts.length === 3 && third === 'totals')
			? { collection: 'reports', kind: 'list', methods: ['GET'] }
			: parts.length === 2 && (second === 'sales' || second === 'top_sellers')
				? { collection: `reports/${second}`, kind: 'list', methods: ['GET'] }
				: null
	if (first === 'webhooks') return under('webhooks', parts.slice(1))
	return ['orders', 'products', 'coupons', 'customers', 'taxes'].includes(first ?? '')
		? under(first as string, parts.slice(1))
		: null
}

function noRoute(): RestError {
	return new RestError(404, 'rest_no_route', 'No route was found matching the URL and request method.')
}

/** Whether this key's user may see and change the collection. */
export function allowed(key: Key | null, collection: string): boolean {
	return key !== null && key.role !== 'customer' && !key.denied?.includes(collection)
}

/** Keeps only the named fields; dots lead into nested ones. `_links` stays on single objects, which WordPress adds later. */
export function pickFields(record: Rec, fields: string[], links: boolean): Rec {
	const picked: Rec = {}
	const wanted = fields.map((field) => field.split('.'))
	for (const [name, value] of Object.entries(record)) {
		const paths = wanted.filter(([first]) => first === name)
		if (paths.some(({ length }) => length === 1) || (links && name === '_links')) picked[name] = value
		else if (paths.length > 0 && value !== null && typeof value === 'object')
			picked[name] = pickFields(
				value,
				paths.map((path) => path.slice(1).join('.')),
				false,
			)
	}
	return picked
}

/** The call as a store that deviates takes it. */
function heeded(call: Call): Call {
	const { deviations = [], method } = call
	if (deviations.length === 0 || (method !== 'GET' && method !== 'HEAD')) return call
	const own = (params: Params): Params =>
		new Map([...heededQuery(params, deviations)].map(([name, value]) => [name, withOwnIds(value, deviations)]))
	return { ...call, path: withOwnIds(call.path, deviations), query: own(call.query), params: own(call.params) }
}

/** Serves one call below the REST root. */
export function serve(asked: Call): Reply {
	const call = heeded(asked)
	const { engine, key } = call
	const root = `${engine.settings.url}/${engine.settings.prefix}/`
	const headers = restHeaders(root)
	const finish = (reply: Reply): Reply => {
		Object.assign(headers, reply.headers)
		if (key) Object.assign(headers, NO_CACHE)
		else headers.vary = 'Origin'
		return { ...reply, headers }
	}
	try {
		return finish(dispatch(call))
	} catch (error) {
		if (!(error instanceof RestError)) throw error
		return finish({
			status: error.status,
			headers: error.allow === undefined ? {} : { allow: error.allow },
			body: error.body,
		})
	}
}

function dispatch(call: Call): Reply {
	const { engine, path, method } = call
	const fields = asList(call.params.get('_fields'))
	const shape = (record: Rec, links: boolean): Rec => (fields.length ? pickFields(record, fields, links) : record)
	const get = method === 'GET' || method === 'HEAD'
	if (path === '' && (get || method === 'OPTIONS'))
		return { status: 200, headers: { allow: 'GET' }, body: shape(index(call), false) }
	if (path === 'wc/v3' && (get || method === 'OPTIONS'))
		return { status: 200, headers: { allow: 'GET' }, body: shape(namespaceIndex(engine, match), true) }
	if (path === 'wp/v2/users/me')
		throw new RestError(401, 'rest_not_logged_in', 'You are not currently logged in.', {}, 'GET')
	if (/^wc\/v2\/webhooks\/\d+\/deliveries$/.test(path) && get && allowed(call.key, 'webhooks'))
		return { status: 200, headers: { allow: 'GET' }, body: [] }
	const route = path.startsWith('wc/v3/') ? match(path.slice(6), engine.settings.version) : null
	if (!route) throw noRoute()
	if (method === 'OPTIONS') {
		return {
			status: 200,
			headers: { ...(allowed(call.key, route.collection) && { allow: route.methods.join(', ') }) },
			body: options(route, engine.settings.version),
		}
	}
	if (!route.methods.includes(get ? 'GET' : method)) throw noRoute()
	const may = allowed(call.key, route.collection)
	const allow = may ? route.methods.join(', ') : undefined
	if (get && route.kind === 'list') {
		const known = argumentsOf(route.collection, engine.settings.version)
		validate(call.query, known, allow)
		refuseDeviant(call.query, known, call.deviations ?? [])
	}
	try {
		return answer(call, route, may, allow, shape)
	} catch (error) {
		if (error instanceof RestError && error.allow === undefined && may) error.allow = allow
		if (error instanceof RestError && error.allow === '') error.allow = undefined
		throw error
	}
}

function answer(
	call: Call,
	route: Route,
	may: boolean,
	allow: string | undefined,
	shape: (record: Rec, links: boolean) => Rec,
): Reply {
	const { engine, method } = call
	const headers: Record<string, string> = allow === undefined ? {} : { allow }
	if (method === 'GET' || method === 'HEAD') {
		if (route.collection === 'system_status' || route.collection === 'settings' || route.collection === 'reports') {
			if (!may) throw mayNot(call, 'view')
			const body =
				route.collection === 'system_status' ? shape(systemStatus(engine), true) : settings(engine, route.collection)
			return { status: 200, headers, body }
		}
		if (route.collection === 'reports/sales' || route.collection === 'reports/top_sellers') {
			if (!may) throw mayNot(call, 'view')
			const body =
				route.collection === 'reports/sales' ? salesReport(engine, call.query) : topSellers(engine, call.query)
			return { status: 200, headers, body: body.map((record) => shape(record, false)) }
		}
		if (route.kind === 'item') {
			const record = single(call, route, may)
			// An administrator's own record may not be deleted.
			if (may) headers.allow = route.methods.join(', ')
			return { status: 200, headers, body: shape(record, true) }
		}
		if (!may) throw mayNot(call, 'view')
		return many(call, route, headers, shape)
	}
	const verb =
		route.kind === 'batch' ? 'batch' : route.kind === 'list' ? 'create' : method === 'DELETE' ? 'delete' : 'edit'
	if (!may) throw mayNot(call, verb)
	if (route.kind === 'batch') return { status: 200, headers, body: batch(call, route) }
	if (route.kind === 'list') {
		const made = createOne(call, route, call.body)
		return { status: 201, headers: { ...headers, location: location(call, route, made.id) }, body: shape(made, true) }
	}
	if (method === 'DELETE') return { status: 200, headers, body: shape(deleteOne(call, route, call.params), true) }
	return { status: 200, headers, body: shape(updateOne(call, route, call.body), true) }
}

function location({ engine, path }: Call, route: Route, id: number): string {
	// WooCommerce sends the route's own pattern here for what belongs to another object.
	if (route.collection === 'refunds') return `${engine.api}/orders/(?P<order_id>[\\d]+)/refunds/${id}`
	if (route.collection === 'variations') return `${engine.api}/products/(?P<product_id>[\\d]+)/variations/${id}`
	return `${engine.api}/${path.slice(6)}/${id}`
}

function many(
	call: Call,
	route: Route,
	headers: Record<string, string>,
	shape: (record: Rec, links: boolean) => Rec,
): Reply {
	const { engine, query } = call
	const resource = TABLES[route.collection]
	if (!resource) {
		const { deviations = [] } = call
		const read = (params: Params) => listOther(engine, route, params)
		const found = read(query)
		const other =
			found.total !== null && changesRows(deviations)
				? deviantPage(query, deviations, (params) => read(params).rows as (Rec & { id: number })[])
				: found
		if (other.total !== null) paged(call, other as Page, headers, other.rows.length > 0, '')
		return { status: 200, headers, body: other.rows.map((record) => shape(record, false)) }
	}
	const page = pageOf(call, resource, route.parent)
	paged(call, page, headers, page.rows.length > 0, resource)
	const listed = route.parent === undefined ? 'all' : 'own'
	const fields = asList(query.get('_fields'))
	if (onlyStamps(resource, fields))
		return { status: 200, headers, body: page.rows.map((entity) => shape(stamps(engine, entity), false)) }
	const records = page.rows.map((entity) => seenBy(call, resource, view(engine, resource, entity, listed)))
	return { status: 200, headers, body: records.map((record) => shape(record, false)) }
}

/** The page that the call gets. */
function pageOf({ engine, query, deviations = [] }: Call, resource: Resource, parent: number | undefined): Page {
	if (!changesRows(deviations)) return list(engine, resource, query, parent)
	const page = deviantPage(query, deviations, (params) => list(engine, resource, params, parent).rows)
	const outside = page.rows.length === 0 && resource === 'orders' && engine.settings.orders === 'hpos'
	return outside ? { ...page, total: 0, pages: 0 } : page
}

/** Totals and `Link`; orders name the arguments that their controller has filled in meanwhile. */
function paged(call: Call, page: Page, headers: Record<string, string>, rows: boolean, resource: string): void {
	const total = totalText(page.total, page.rows.length, call.deviations ?? [])
	if (total !== null) {
		headers['x-wp-total'] = total
		headers['x-wp-totalpages'] = String(page.pages)
	}
	const params: Params = new Map()
	const known = argumentsOf(resource, call.engine.settings.version)
	for (const [name, value] of call.query) {
		const argument = known[name]
		if (argument?.type === 'array') params.set(name, asList(value))
		else if (argument?.type === 'boolean') params.set(name, ['true', '1'].includes(String(value).toLowerCase()))
		else params.set(name, value)
	}
	if (resource === 'orders') {
		const status = asList(call.query.get('status'))
		params.delete('status')
		params.set('status', status.length ? status : ['any'])
	}
	if ((resource === 'orders' || resource === 'refunds') && rows) {
		if (!params.has('dp')) params.set('dp', 2)
		if (resource === 'orders' && !params.has('context')) params.set('context', 'view')
	}
	const address = (number: number): string => {
		const query = new Map(params)
		query.set('page', number)
		return `<${call.engine.settings.url}/${call.engine.settings.prefix}/${call.path}?${linkQuery(query)}>`
	}
	const links: string[] = []
	if (page.page > 1) links.push(`${address(Math.min(page.page - 1, page.pages))}; rel="prev"`)
	if (page.pages > page.page) links.push(`${address(page.page + 1)}; rel="next"`)
	if (links.length > 0) headers.link = links.join(', ')
}

/** The body's bytes: JSON as PHP writes it. */
export function bodyOf(reply: Reply): string {
	return reply.text ?? phpJson(reply.body)
}

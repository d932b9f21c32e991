/**
 * The calls of the hub (contract, section 8). The resources that the contract names have calls of their own, so that the document shows them; any other
 * collection of a store goes by its own name. Each is reached as `/hubs/ecommerce/orders`, `/hubs/anything/orders` and `/orders` alike.
 */
import * as z from 'zod'
import { LIMITS } from '../../limits.ts'
import { type Operation, operation, VendorRecord } from '../contract.ts'
import {
	AnyReply,
	AnythingThere,
	DeleteQuery,
	ItemQuery,
	ListQuery,
	MetadataAnswer,
	ObjectAnswer,
	ReportQuery,
	WriteBody,
} from './schema.ts'

/** The resources by their names in paths; what one of them is called, and an example of what is created. */
const RESOURCES = {
	customers: { name: 'Customer', many: 'Customers', one: 'customer', example: { email: 'jane@example.com', first_name: 'Jane' } },
	discounts: {
		name: 'Discount',
		many: 'Discounts',
		one: 'discount (coupon)',
		example: { code: 'spring10', discount_type: 'percent', amount: '10' },
	},
	orders: { name: 'Order', many: 'Orders', one: 'order', example: { status: 'processing', line_items: [{ product_id: 12, quantity: 1 }] } },
	products: { name: 'Product', many: 'Products', one: 'product', example: { name: 'Blue mug', regular_price: '9.50' } },
	'products-attributes': { name: 'ProductAttribute', many: 'ProductAttributes', one: 'product attribute', example: { name: 'Colour' } },
	'products-categories': { name: 'ProductCategory', many: 'ProductCategories', one: 'product category', example: { name: 'Mugs' } },
	'products-tags': { name: 'ProductTag', many: 'ProductTags', one: 'product tag', example: { name: 'blue' } },
} as const

/** What belongs to an order. WooCommerce changes neither: they are made and deleted. */
const OF_ORDERS = {
	comments: { name: 'OrderComment', many: 'OrderComments', one: 'comment (order note)', example: { note: 'Call before delivery' } },
	refunds: { name: 'OrderRefund', many: 'OrderRefunds', one: 'refund', example: { amount: '10.00', reason: 'Damaged', api_refund: false } },
} as const

const Hub = z.string().meta({ description: 'Any name: the token decides which store it is', examples: ['ecommerce'] })
const Id = z.string().meta({ description: 'The id at the store', examples: ['12'] })
const OfHub = z.object({ hub: Hub })
const OfRecord = OfHub.extend({ id: Id })
const BelowRecord = OfRecord.extend({ subId: Id })

const base = { tag: 'Hub', access: 'token', errors: [502] } as const
const writing = { body: WriteBody, bodyLimitBytes: LIMITS.hubBody.value, errors: [409, 502] } as const

function list<Params extends z.ZodType>(path: string, many: string, params: Params) {
	return operation({ ...base, method: 'get', path, summary: `List ${many}`, params, query: ListQuery, answer: z.array(VendorRecord) })
}
function get<Params extends z.ZodType>(path: string, one: string, params: Params) {
	return operation({ ...base, method: 'get', path, summary: `One ${one}`, params, query: ItemQuery, answer: VendorRecord })
}
function create<Params extends z.ZodType>(path: string, one: string, params: Params, example: unknown) {
	return operation({ ...base, ...writing, method: 'post', path, summary: `Make a ${one}`, params, example, answer: VendorRecord })
}
function change<Params extends z.ZodType>(method: 'patch' | 'put', path: string, one: string, params: Params, example: unknown) {
	const summary = method === 'patch' ? `Change fields of a ${one}` : `The same as PATCH: change fields of a ${one}`
	return operation({ ...base, ...writing, method, path, summary, params, example, answer: VendorRecord })
}
function remove<Params extends z.ZodType>(path: string, one: string, params: Params) {
	return operation({
		...base,
		errors: [409, 502],
		method: 'delete',
		path,
		summary: `Delete a ${one}`,
		params,
		query: DeleteQuery,
		answer: null,
	})
}

function report(path: string, summary: string) {
	return operation({ ...base, method: 'get', path, summary, params: OfHub, query: ReportQuery, answer: z.array(VendorRecord) })
}

type List = ReturnType<typeof list<typeof OfHub>>
type Named<Name extends string, Many extends string> = Record<`list${Many}`, List> &
	Record<`create${Name}`, ReturnType<typeof create<typeof OfHub>>> &
	Record<`get${Name}`, ReturnType<typeof get<typeof OfRecord>>> &
	Record<`update${Name}` | `replace${Name}`, ReturnType<typeof change<typeof OfRecord>>> &
	Record<`delete${Name}`, ReturnType<typeof remove<typeof OfRecord>>>
type BelowOrder<Name extends string, Many extends string> = Record<`list${Many}`, ReturnType<typeof list<typeof OfRecord>>> &
	Record<`create${Name}`, ReturnType<typeof create<typeof OfRecord>>> &
	Record<`get${Name}`, ReturnType<typeof get<typeof BelowRecord>>> &
	Record<`delete${Name}`, ReturnType<typeof remove<typeof BelowRecord>>>
/** What every table in a union has. */
type Together<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void ? All : never
type Names = Record<string, { name: string; many: string }>
type AllOf<Table extends Names> = Together<{ [Path in keyof Table]: Named<Table[Path]['name'], Table[Path]['many']> }[keyof Table]>
type AllBelow<Table extends Names> = Together<{ [Path in keyof Table]: BelowOrder<Table[Path]['name'], Table[Path]['many']> }[keyof Table]>

function named(): AllOf<typeof RESOURCES> {
	const all: Record<string, Operation> = {}
	for (const [resource, { name, many, one, example }] of Object.entries(RESOURCES)) {
		const path = `/hubs/{hub}/${resource}`
		all[`list${many}`] = list(path, resource.replace('products-', 'product '), OfHub)
		all[`create${name}`] = create(path, one, OfHub, example)
		all[`get${name}`] = get(`${path}/{id}`, one, OfRecord)
		all[`update${name}`] = change('patch', `${path}/{id}`, one, OfRecord, example)
		all[`replace${name}`] = change('put', `${path}/{id}`, one, OfRecord, example)
		all[`delete${name}`] = remove(`${path}/{id}`, one, OfRecord)
	}
	return all as never
}

function belowOrders(): AllBelow<typeof OF_ORDERS> {
	const all: Record<string, Operation> = {}
	for (const [collection, { name, many, one, example }] of Object.entries(OF_ORDERS)) {
		const path = `/hubs/{hub}/orders/{id}/${collection}`
		all[`list${many}`] = list(path, `${collection} of an order`, OfRecord)
		all[`create${name}`] = create(path, one, OfRecord, example)
		all[`get${name}`] = get(`${path}/{subId}`, one, BelowRecord)
		all[`delete${name}`] = remove(`${path}/{subId}`, one, BelowRecord)
	}
	return all as never
}

const REPORTS = { reports: 'listReports', 'reports-sales': 'getSalesReport', 'reports-top-sellers': 'getTopSellersReport' } as const

function reports(): Record<(typeof REPORTS)[keyof typeof REPORTS], ReturnType<typeof report>> {
	const SUMMARIES = {
		reports: 'The reports that the store has',
		'reports-sales': 'Sales of a period',
		'reports-top-sellers': 'What sold best',
	}
	const names = Object.keys(REPORTS) as (keyof typeof REPORTS)[]
	return Object.fromEntries(names.map((name) => [REPORTS[name], report(`/hubs/{hub}/${name}`, SUMMARIES[name])])) as never
}

/** Words of the deepest path: `shipping/zones/1/methods/2`. */
const WORDS = ['resource', 'second', 'third', 'fourth', 'fifth'] as const
const EXAMPLES = { resource: 'taxes', second: '1', third: 'terms', fourth: '2', fifth: 'x' }
type Depth = 1 | 2 | 3 | 4 | 5
type Generic = Record<`getAt${Depth}`, ReturnType<typeof getAt>> &
	Record<`postAt${Depth}` | `patchAt${Exclude<Depth, 1>}` | `putAt${Exclude<Depth, 1>}`, ReturnType<typeof writeAt>> &
	Record<`deleteAt${Exclude<Depth, 1>}`, ReturnType<typeof removeAt>>

/** Whether a word names a collection or an object is seen when the call is there: 405 where the other was expected. */
const either = [405, 409, 502] as const

function getAt(path: string, params: typeof OfHub) {
	return operation({
		...base,
		method: 'get',
		path,
		summary: 'List or read by the store’s own name',
		params,
		query: ListQuery,
		answer: AnythingThere,
	})
}
function writeAt(method: 'post' | 'patch' | 'put', path: string, params: typeof OfHub) {
	const summary = method === 'post' ? 'Make one by the store’s own name' : 'Change one by the store’s own name'
	return operation({ ...base, ...writing, errors: either, method, path, summary, params, example: { name: 'x' }, answer: AnyReply })
}
function removeAt(path: string, params: typeof OfHub) {
	return operation({
		...base,
		errors: either,
		method: 'delete',
		path,
		summary: 'Delete one by the store’s own name',
		params,
		query: DeleteQuery,
		answer: null,
	})
}

/** Any other collection, and what is in it, by how deep it lies. */
function generic(): Generic {
	const all: Record<string, Operation> = {}
	for (const [index] of WORDS.entries()) {
		const [depth, words] = [index + 1, WORDS.slice(0, index + 1)]
		const path = `/hubs/{hub}/${words.map((word) => `{${word}}`).join('/')}`
		const fields = words.map((word) => [
			word,
			z.string().meta({ description: 'A word of the path, as the store has it', examples: [EXAMPLES[word]] }),
		])
		const params = OfHub.extend(Object.fromEntries(fields)) as never
		all[`getAt${depth}`] = getAt(path, params)
		all[`postAt${depth}`] = writeAt('post', path, params)
		// At the top there are collections only.
		if (depth === 1) continue
		all[`patchAt${depth}`] = writeAt('patch', path, params)
		all[`putAt${depth}`] = writeAt('put', path, params)
		all[`deleteAt${depth}`] = removeAt(path, params)
	}
	return all as never
}

/** All of them; fixed words before `{…}` in the same place. */
export const hubOperations = {
	listObjects: operation({
		...base,
		method: 'get',
		path: '/hubs/{hub}/objects',
		summary: 'The collections that the store has',
		params: OfHub,
		answer: z.array(ObjectAnswer),
	}),
	getObjectMetadata: operation({
		...base,
		method: 'get',
		path: '/hubs/{hub}/objects/{name}/metadata',
		summary: "The fields of a collection's records, as the store's own schema has them",
		params: OfHub.extend({
			name: z.string().meta({ description: 'A name of `/objects`, percent-encoded where it has slashes', examples: ['orders'] }),
		}),
		answer: MetadataAnswer,
	}),
	...reports(),
	...belowOrders(),
	...named(),
	...generic(),
}

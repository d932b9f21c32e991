/**
 * The calls of the hub (contract, section 8). The resources that the contract names have calls of their own, so that the document shows them; any other
 * collection of a store goes by its own name. Each is reached as `/hubs/ecommerce/orders`, `/hubs/anything/orders` and `/orders` alike.
 */
import * as z from 'zod'
import { LIMITS } from '../../lib/limits.ts'
import { type Operation, operation, VendorRecord } from '../http/contract.ts'
import { COLLECTIONS, type Place, RECORDS, RECORDS_AT, RECORDS_OF_ORDER, REPORT_ANSWERS } from './examples.ts'
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
		one: 'discount',
		example: { code: 'spring10', discount_type: 'percent', amount: '10' },
	},
	orders: { name: 'Order', many: 'Orders', one: 'order', example: { status: 'processing', line_items: [{ product_id: 93, quantity: 2 }] } },
	products: { name: 'Product', many: 'Products', one: 'product', example: { name: 'Blue mug', regular_price: '9.50' } },
	'products-attributes': { name: 'ProductAttribute', many: 'ProductAttributes', one: 'product attribute', example: { name: 'Colour' } },
	'products-categories': { name: 'ProductCategory', many: 'ProductCategories', one: 'product category', example: { name: 'Mugs' } },
	'products-tags': { name: 'ProductTag', many: 'ProductTags', one: 'product tag', example: { name: 'blue' } },
} as const

/** What belongs to an order. WooCommerce changes neither: they are made and deleted. */
const OF_ORDERS = {
	comments: { name: 'OrderComment', many: 'OrderComments', one: 'comment of an order', example: { note: 'Call before delivery' } },
	refunds: {
		name: 'OrderRefund',
		many: 'OrderRefunds',
		one: 'refund of an order',
		example: { amount: '10.00', reason: 'Damaged', api_refund: false },
	},
} as const

const Hub = z.string().meta({ description: 'Any name: the token decides which store it is', examples: ['ecommerce'] })
const idAs = (id: number) => z.string().meta({ description: 'The id at the store', examples: [String(id)] })
const OfHub = z.object({ hub: Hub })
const OfRecord = OfHub.extend({ id: idAs(RECORDS.orders.id) })
const BelowRecord = OfRecord.extend({ subId: idAs(RECORDS_OF_ORDER.comments.id) })

/** A thing with its article. */
const a = (one: string): string => `${/^[aeiou]/.test(one) ? 'an' : 'a'} ${one}`

const base = { tag: 'Hub', access: 'token', errors: [502] } as const
const writing = { body: WriteBody, bodyLimitBytes: LIMITS.hubBody.value, errors: [409, 502] } as const

function list<Params extends z.ZodType>(path: string, many: string, params: Params, record: object) {
	const answerExample = [record]
	return operation({
		...base,
		method: 'get',
		path,
		summary: `List ${many}`,
		params,
		query: ListQuery,
		answer: z.array(VendorRecord),
		answerExample,
	})
}
function get<Params extends z.ZodType>(path: string, one: string, params: Params, answerExample: object) {
	return operation({
		...base,
		method: 'get',
		path,
		summary: `Get ${a(one)}`,
		params,
		query: ItemQuery,
		answer: VendorRecord,
		answerExample,
	})
}
function create<Params extends z.ZodType>(path: string, one: string, params: Params, example: object, answerExample: object) {
	const summary = `Create ${a(one)}`
	return operation({ ...base, ...writing, method: 'post', path, summary, params, example, answer: VendorRecord, answerExample })
}
function change<Params extends z.ZodType>(
	method: 'patch' | 'put',
	path: string,
	one: string,
	params: Params,
	example: object,
	answerExample: object,
) {
	const summary = `Update ${a(one)}${method === 'put' ? ' (PUT)' : ''}`
	const description = method === 'patch' ? 'The fields that are sent change.' : 'The same as PATCH: the fields that are sent change.'
	return operation({ ...base, ...writing, method, path, summary, description, params, example, answer: VendorRecord, answerExample })
}
function remove<Params extends z.ZodType>(path: string, one: string, params: Params) {
	return operation({
		...base,
		errors: [409, 502],
		method: 'delete',
		path,
		summary: `Delete ${a(one)}`,
		params,
		query: DeleteQuery,
		answer: null,
	})
}

function report(path: string, summary: string, answerExample: readonly object[]) {
	return operation({
		...base,
		method: 'get',
		path,
		summary,
		params: OfHub,
		query: ReportQuery,
		answer: z.array(VendorRecord),
		answerExample,
	})
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
		const record = RECORDS[resource as keyof typeof RECORDS]
		const params = OfHub.extend({ id: idAs(record.id) })
		all[`list${many}`] = list(path, resource.replace('products-', 'product '), OfHub, record)
		all[`create${name}`] = create(path, one, OfHub, example, record)
		all[`get${name}`] = get(`${path}/{id}`, one, params, record)
		all[`update${name}`] = change('patch', `${path}/{id}`, one, params, example, record)
		all[`replace${name}`] = change('put', `${path}/{id}`, one, params, example, record)
		all[`delete${name}`] = remove(`${path}/{id}`, one, params)
	}
	return all as never
}

function belowOrders(): AllBelow<typeof OF_ORDERS> {
	const all: Record<string, Operation> = {}
	for (const [collection, { name, many, one, example }] of Object.entries(OF_ORDERS)) {
		const path = `/hubs/{hub}/orders/{id}/${collection}`
		const record = RECORDS_OF_ORDER[collection as keyof typeof RECORDS_OF_ORDER]
		const params = BelowRecord.extend({ subId: idAs(record.id) })
		all[`list${many}`] = list(path, `${collection} of an order`, OfRecord, record)
		all[`create${name}`] = create(path, one, OfRecord, example, record)
		all[`get${name}`] = get(`${path}/{subId}`, one, params, record)
		all[`delete${name}`] = remove(`${path}/{subId}`, one, params)
	}
	return all as never
}

const REPORTS = { reports: 'listReports', 'reports-sales': 'getSalesReport', 'reports-top-sellers': 'getTopSellersReport' } as const

function reports(): Record<(typeof REPORTS)[keyof typeof REPORTS], ReturnType<typeof report>> {
	const SUMMARIES = {
		reports: 'List reports',
		'reports-sales': 'Get the sales report',
		'reports-top-sellers': 'Get the top sellers report',
	}
	const names = Object.keys(REPORTS) as (keyof typeof REPORTS)[]
	return Object.fromEntries(
		names.map((name) => [REPORTS[name], report(`/hubs/{hub}/${name}`, SUMMARIES[name], REPORT_ANSWERS[name])]),
	) as never
}

/** Words of a path, as deep as the deepest. */
const WORDS = ['resource', 'second', 'third', 'fourth', 'fifth'] as const
type Depth = 1 | 2 | 3 | 4 | 5
type Generic = Record<`getAt${Depth}`, ReturnType<typeof getAt>> &
	Record<`postAt${Depth}` | `patchAt${Exclude<Depth, 1>}` | `putAt${Exclude<Depth, 1>}`, ReturnType<typeof writeAt>> &
	Record<`deleteAt${Exclude<Depth, 1>}`, ReturnType<typeof removeAt>>

/** Whether a word names a collection or an object is seen when the call is there: 405 where the other was expected. */
const either = [405, 409, 502] as const
const BY_WORDS = 'By the store’s own words: any collection that has no calls of its own, and what is in it.'

function getAt(path: string, depth: Depth, params: typeof OfHub, answerExample: unknown) {
	return operation({
		...base,
		method: 'get',
		path,
		summary: `List or get records at depth ${depth}`,
		description: BY_WORDS,
		params,
		query: ListQuery,
		answer: AnythingThere,
		answerExample,
	})
}
function writeAt(method: 'post' | 'patch' | 'put', path: string, depth: Depth, params: typeof OfHub, { body, record }: Place) {
	const summary = `${method === 'post' ? 'Create' : 'Update'} a record at depth ${depth}${method === 'put' ? ' (PUT)' : ''}`
	return operation({
		...base,
		...writing,
		errors: either,
		method,
		path,
		summary,
		description: BY_WORDS,
		params,
		example: body,
		answer: AnyReply,
		answerExample: record,
	})
}
function removeAt(path: string, depth: Depth, params: typeof OfHub) {
	return operation({
		...base,
		errors: either,
		method: 'delete',
		path,
		summary: `Delete a record at depth ${depth}`,
		description: BY_WORDS,
		params,
		query: DeleteQuery,
		answer: null,
	})
}

/** The parameters of a path of words, with an example. */
function paramsOf(place: Place): typeof OfHub {
	const fields = place.words.map((word, index) => [
		WORDS[index],
		z.string().meta({ description: 'A word of the path, as the store has it', examples: [word] }),
	])
	return OfHub.extend(Object.fromEntries(fields)) as never
}

/** Any other collection, and what is in it, by how deep it lies. */
function generic(): Generic {
	const all: Record<string, Operation> = {}
	for (const depth of [1, 2, 3, 4, 5] as const) {
		const words = WORDS.slice(0, depth)
		const path = `/hubs/{hub}/${words.map((word) => `{${word}}`).join('/')}`
		const collection = COLLECTIONS[depth]
		all[`postAt${depth}`] = writeAt('post', path, depth, paramsOf(collection), collection)
		// At the top there are collections only.
		if (depth === 1) {
			all[`getAt${depth}`] = getAt(path, depth, paramsOf(collection), [collection.record])
			continue
		}
		const place = RECORDS_AT[depth]
		const params = paramsOf(place)
		all[`getAt${depth}`] = getAt(path, depth, params, place.record)
		all[`patchAt${depth}`] = writeAt('patch', path, depth, params, place)
		all[`putAt${depth}`] = writeAt('put', path, depth, params, place)
		all[`deleteAt${depth}`] = removeAt(path, depth, params)
	}
	return all as never
}

/** All of them; fixed words before `{…}` in the same place. */
export const hubOperations = {
	listObjects: operation({
		...base,
		method: 'get',
		path: '/hubs/{hub}/objects',
		summary: 'List objects',
		description: 'The collections that the store has, by their names in paths.',
		params: OfHub,
		answer: z.array(ObjectAnswer),
	}),
	getObjectMetadata: operation({
		...base,
		method: 'get',
		path: '/hubs/{hub}/objects/{name}/metadata',
		summary: "Get an object's metadata",
		description: 'The fields of a collection’s records, as the store’s own schema has them.',
		params: OfHub.extend({
			name: z.string().meta({ description: 'A name of `/objects`, percent-encoded where it has slashes', examples: ['orders'] }),
		}),
		answer: MetadataAnswer,
	}),
	...named(),
	...belowOrders(),
	...reports(),
	...generic(),
}

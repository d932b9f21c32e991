/**
 * The calls of the hub (docs/contract.md §8). The contract's resources have calls of their own; other collections of a
 * store are reached by their path. `/hubs/ecommerce/orders`, `/hubs/anything/orders` and `/orders` are the same.
 */
import * as z from 'zod'
import { LIMITS } from '../../lib/limits.ts'
import { type Operation, defineOperation, VendorRecord } from '../http/contract.ts'
import {
	COLLECTION_BY_DEPTH,
	type PathExample,
	RECORDS,
	RECORD_BY_DEPTH,
	ORDER_RECORDS,
	REPORT_RESPONSES,
} from './examples.ts'
import {
	VendorWriteResponse,
	VendorReadResponse,
	DeleteQuery,
	ItemQuery,
	ListQuery,
	ObjectsHeaders,
	CollectionMetadataResponse,
	CollectionResponse,
	ReportQuery,
	WriteBody,
} from './schema.ts'

/** The contract's resources by path, with names for operation ids, a noun for titles, and an example body. */
const RESOURCES = {
	customers: {
		name: 'Customer',
		plural: 'Customers',
		noun: 'customer',
		example: { email: 'jane@example.com', first_name: 'Jane' },
	},
	discounts: {
		name: 'Discount',
		plural: 'Discounts',
		noun: 'discount',
		example: { code: 'spring10', discount_type: 'percent', amount: '10' },
	},
	orders: {
		name: 'Order',
		plural: 'Orders',
		noun: 'order',
		example: { status: 'processing', line_items: [{ product_id: 93, quantity: 2 }] },
	},
	products: {
		name: 'Product',
		plural: 'Products',
		noun: 'product',
		example: { name: 'Blue mug', regular_price: '9.50' },
	},
	'products-attributes': {
		name: 'ProductAttribute',
		plural: 'ProductAttributes',
		noun: 'product attribute',
		example: { name: 'Colour' },
	},
	'products-categories': {
		name: 'ProductCategory',
		plural: 'ProductCategories',
		noun: 'product category',
		example: { name: 'Mugs' },
	},
	'products-tags': { name: 'ProductTag', plural: 'ProductTags', noun: 'product tag', example: { name: 'blue' } },
} as const

/** Collections of an order. WooCommerce can only create and delete them. */
const ORDER_RESOURCES = {
	comments: {
		name: 'OrderComment',
		plural: 'OrderComments',
		noun: 'comment of an order',
		example: { note: 'Call before delivery' },
	},
	refunds: {
		name: 'OrderRefund',
		plural: 'OrderRefunds',
		noun: 'refund of an order',
		example: { amount: '10.00', reason: 'Damaged', api_refund: false },
	},
} as const

const Hub = z.string().meta({ description: 'Any name: the token identifies the store', examples: ['ecommerce'] })
const idParameter = (id: number) => z.string().meta({ description: 'Id at the store', examples: [String(id)] })
const HubParams = z.object({ hub: Hub })
const RecordParams = HubParams.extend({ id: idParameter(RECORDS.orders.id) })
const SubRecordParams = RecordParams.extend({ subId: idParameter(ORDER_RECORDS.comments.id) })

const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`

const BASE = { tag: 'Hub', access: 'token', errors: [502] } as const
const WRITE_BASE = { body: WriteBody, bodyLimitBytes: LIMITS.hubBody.value, errors: [409, 502] } as const

function listOperation<Params extends z.ZodType>(path: string, plural: string, params: Params, record: object) {
	const answerExample = [record]
	return defineOperation({
		...BASE,
		method: 'get',
		path,
		summary: `List ${plural}`,
		params,
		query: ListQuery,
		answer: z.array(VendorRecord),
		answerExample,
	})
}
function getOperation<Params extends z.ZodType>(path: string, noun: string, params: Params, answerExample: object) {
	return defineOperation({
		...BASE,
		method: 'get',
		path,
		summary: `Get ${withArticle(noun)}`,
		params,
		query: ItemQuery,
		answer: VendorRecord,
		answerExample,
	})
}
function createOperation<Params extends z.ZodType>(
	path: string,
	noun: string,
	params: Params,
	example: object,
	answerExample: object,
) {
	const summary = `Create ${withArticle(noun)}`
	return defineOperation({
		...BASE,
		...WRITE_BASE,
		method: 'post',
		path,
		summary,
		params,
		example,
		answer: VendorRecord,
		answerExample,
	})
}
function updateOperation<Params extends z.ZodType>(
	method: 'patch' | 'put',
	path: string,
	noun: string,
	params: Params,
	example: object,
	answerExample: object,
) {
	const summary = `Update ${withArticle(noun)}${method === 'put' ? ' (PUT)' : ''}`
	const description =
		method === 'patch' ? 'Only the fields that you send change.' : 'Like PATCH: only the fields that you send change.'
	return defineOperation({
		...BASE,
		...WRITE_BASE,
		method,
		path,
		summary,
		description,
		params,
		example,
		answer: VendorRecord,
		answerExample,
	})
}
function deleteOperation<Params extends z.ZodType>(path: string, noun: string, params: Params) {
	return defineOperation({
		...BASE,
		errors: [409, 502],
		method: 'delete',
		path,
		summary: `Delete ${withArticle(noun)}`,
		params,
		query: DeleteQuery,
		answer: null,
	})
}

function reportOperation(path: string, summary: string, answerExample: readonly object[]) {
	return defineOperation({
		...BASE,
		method: 'get',
		path,
		summary,
		params: HubParams,
		query: ReportQuery,
		answer: z.array(VendorRecord),
		answerExample,
	})
}

type ListOperation = ReturnType<typeof listOperation<typeof HubParams>>
type ResourceOperations<Name extends string, Plural extends string> = Record<`list${Plural}`, ListOperation> &
	Record<`create${Name}`, ReturnType<typeof createOperation<typeof HubParams>>> &
	Record<`get${Name}`, ReturnType<typeof getOperation<typeof RecordParams>>> &
	Record<`update${Name}` | `replace${Name}`, ReturnType<typeof updateOperation<typeof RecordParams>>> &
	Record<`delete${Name}`, ReturnType<typeof deleteOperation<typeof RecordParams>>>
type OrderResourceOperations<Name extends string, Plural extends string> = Record<
	`list${Plural}`,
	ReturnType<typeof listOperation<typeof RecordParams>>
> &
	Record<`create${Name}`, ReturnType<typeof createOperation<typeof RecordParams>>> &
	Record<`get${Name}`, ReturnType<typeof getOperation<typeof SubRecordParams>>> &
	Record<`delete${Name}`, ReturnType<typeof deleteOperation<typeof SubRecordParams>>>
type UnionToIntersection<Union> = (Union extends unknown ? (value: Union) => void : never) extends (
	value: infer Intersection,
) => void
	? Intersection
	: never
type ResourceTable = Record<string, { name: string; plural: string }>
type AllResourceOperations<Table extends ResourceTable> = UnionToIntersection<
	{ [Path in keyof Table]: ResourceOperations<Table[Path]['name'], Table[Path]['plural']> }[keyof Table]
>
type AllOrderOperations<Table extends ResourceTable> = UnionToIntersection<
	{ [Path in keyof Table]: OrderResourceOperations<Table[Path]['name'], Table[Path]['plural']> }[keyof Table]
>

function resourceOperations(): AllResourceOperations<typeof RESOURCES> {
	const operations: Record<string, Operation> = {}
	for (const [resource, { name, plural, noun, example }] of Object.entries(RESOURCES)) {
		const path = `/hubs/{hub}/${resource}`
		const record = RECORDS[resource as keyof typeof RECORDS]
		const params = HubParams.extend({ id: idParameter(record.id) })
		operations[`list${plural}`] = listOperation(path, resource.replace('products-', 'product '), HubParams, record)
		operations[`create${name}`] = createOperation(path, noun, HubParams, example, record)
		operations[`get${name}`] = getOperation(`${path}/{id}`, noun, params, record)
		operations[`update${name}`] = updateOperation('patch', `${path}/{id}`, noun, params, example, record)
		operations[`replace${name}`] = updateOperation('put', `${path}/{id}`, noun, params, example, record)
		operations[`delete${name}`] = deleteOperation(`${path}/{id}`, noun, params)
	}
	return operations as never
}

function orderOperations(): AllOrderOperations<typeof ORDER_RESOURCES> {
	const operations: Record<string, Operation> = {}
	for (const [collection, { name, plural, noun, example }] of Object.entries(ORDER_RESOURCES)) {
		const path = `/hubs/{hub}/orders/{id}/${collection}`
		const record = ORDER_RECORDS[collection as keyof typeof ORDER_RECORDS]
		const params = SubRecordParams.extend({ subId: idParameter(record.id) })
		operations[`list${plural}`] = listOperation(path, `${collection} of an order`, RecordParams, record)
		operations[`create${name}`] = createOperation(path, noun, RecordParams, example, record)
		operations[`get${name}`] = getOperation(`${path}/{subId}`, noun, params, record)
		operations[`delete${name}`] = deleteOperation(`${path}/{subId}`, noun, params)
	}
	return operations as never
}

const REPORT_OPERATION_IDS = {
	reports: 'listReports',
	'reports-sales': 'getSalesReport',
	'reports-top-sellers': 'getTopSellersReport',
} as const

function reportOperations(): Record<
	(typeof REPORT_OPERATION_IDS)[keyof typeof REPORT_OPERATION_IDS],
	ReturnType<typeof reportOperation>
> {
	const SUMMARIES = {
		reports: 'List reports',
		'reports-sales': 'Get the sales report',
		'reports-top-sellers': 'Get the top sellers report',
	}
	const names = Object.keys(REPORT_OPERATION_IDS) as (keyof typeof REPORT_OPERATION_IDS)[]
	return Object.fromEntries(
		names.map((name) => [
			REPORT_OPERATION_IDS[name],
			reportOperation(`/hubs/{hub}/${name}`, SUMMARIES[name], REPORT_RESPONSES[name]),
		]),
	) as never
}

const PATH_PARAMETERS = ['resource', 'second', 'third', 'fourth', 'fifth'] as const
type Depth = 1 | 2 | 3 | 4 | 5
type GenericOperations = Record<`getAt${Depth}`, ReturnType<typeof getAtDepth>> &
	Record<
		`postAt${Depth}` | `patchAt${Exclude<Depth, 1>}` | `putAt${Exclude<Depth, 1>}`,
		ReturnType<typeof writeAtDepth>
	> &
	Record<`deleteAt${Exclude<Depth, 1>}`, ReturnType<typeof deleteAtDepth>>

/** Whether a path names a collection or an object is only known at run time: 405 if it is the other. */
const GENERIC_ERRORS = [405, 409, 502] as const
const GENERIC_DESCRIPTION = 'Reaches any other collection of the store, and the records in it, by the store’s own path.'

function getAtDepth(path: string, depth: Depth, params: typeof HubParams, answerExample: unknown) {
	return defineOperation({
		...BASE,
		method: 'get',
		path,
		summary: `List or get records at depth ${depth}`,
		description: GENERIC_DESCRIPTION,
		params,
		query: ListQuery,
		answer: VendorReadResponse,
		answerExample,
	})
}
function writeAtDepth(
	method: 'post' | 'patch' | 'put',
	path: string,
	depth: Depth,
	params: typeof HubParams,
	{ body, record }: PathExample,
) {
	const summary =
		`${method === 'post' ? 'Create' : 'Update'} a record at depth ${depth}` + (method === 'put' ? ' (PUT)' : '')
	return defineOperation({
		...BASE,
		...WRITE_BASE,
		errors: GENERIC_ERRORS,
		method,
		path,
		summary,
		description: GENERIC_DESCRIPTION,
		params,
		example: body,
		answer: VendorWriteResponse,
		answerExample: record,
	})
}
function deleteAtDepth(path: string, depth: Depth, params: typeof HubParams) {
	return defineOperation({
		...BASE,
		errors: GENERIC_ERRORS,
		method: 'delete',
		path,
		summary: `Delete a record at depth ${depth}`,
		description: GENERIC_DESCRIPTION,
		params,
		query: DeleteQuery,
		answer: null,
	})
}

function toPathParams(example: PathExample): typeof HubParams {
	const fields = example.words.map((word, index) => [
		PATH_PARAMETERS[index],
		z.string().meta({ description: 'Path segment, as in the store’s API', examples: [word] }),
	])
	return HubParams.extend(Object.fromEntries(fields)) as never
}

function genericOperations(): GenericOperations {
	const operations: Record<string, Operation> = {}
	for (const depth of [1, 2, 3, 4, 5] as const) {
		const parameters = PATH_PARAMETERS.slice(0, depth)
		const path = `/hubs/{hub}/${parameters.map((word) => `{${word}}`).join('/')}`
		const collection = COLLECTION_BY_DEPTH[depth]
		operations[`postAt${depth}`] = writeAtDepth('post', path, depth, toPathParams(collection), collection)
		// At the top level there are only collections.
		if (depth === 1) {
			operations[`getAt${depth}`] = getAtDepth(path, depth, toPathParams(collection), [collection.record])
			continue
		}
		const example = RECORD_BY_DEPTH[depth]
		const params = toPathParams(example)
		operations[`getAt${depth}`] = getAtDepth(path, depth, params, example.record)
		operations[`patchAt${depth}`] = writeAtDepth('patch', path, depth, params, example)
		operations[`putAt${depth}`] = writeAtDepth('put', path, depth, params, example)
		operations[`deleteAt${depth}`] = deleteAtDepth(path, depth, params)
	}
	return operations as never
}

/** Fixed path segments before `{…}` in the same place. */
export const hubOperations = {
	listObjects: defineOperation({
		...BASE,
		method: 'get',
		path: '/hubs/{hub}/objects',
		summary: 'List objects',
		description:
			'Returns the collections of the store that answer a read with its API key, by their names in paths. It reads each ' +
			'of them, at most once in ten minutes. A disabled instance has them too.',
		params: HubParams,
		headers: ObjectsHeaders,
		answer: z.array(CollectionResponse),
	}),
	getObjectMetadata: defineOperation({
		...BASE,
		method: 'get',
		path: '/hubs/{hub}/objects/{name}/metadata',
		summary: "Get an object's metadata",
		description: 'Returns the fields of a collection’s records, from the store’s own schema.',
		params: HubParams.extend({
			name: z
				.string()
				.meta({ description: 'A name from `/objects`, percent-encoded if it has slashes', examples: ['orders'] }),
		}),
		answer: CollectionMetadataResponse,
	}),
	...resourceOperations(),
	...orderOperations(),
	...reportOperations(),
	...genericOperations(),
}

/**
 * Descriptions from a store: its collections (from its index) and the fields of their records (from OPTIONS on a
 * route; docs/woocommerce.md 1.9).
 */
import type { CollectionListResult, RecordCollection, RecordField } from '../records.ts'
import type { PollableCollection } from '../form.ts'
import { toList } from './answer-json.ts'
import { findAnsweringPaths } from './answering-paths.ts'
import { getCollection } from './collections.ts'
import { POLLABLE_COLLECTIONS } from './configuration.ts'
import { toHubName, toVendorPath } from './hub-paths.ts'
import { isRecord } from '../values.ts'
import { toUnexpectedFailure } from './failures.ts'
import type { Failure, StoreClient } from '../store.ts'

/** Levels of nested fields that are shown: `line_items[].meta_data[].key`. */
const MAX_DEPTH = 3

/** Maximum characters of a route that is parsed. */
const MAX_ROUTE_LENGTH = 500

const METHODS: readonly [vendor: string, method: RecordCollection['methods'][number]][] = [
	['GET', 'get'],
	['POST', 'create'],
	['PUT', 'update'],
	['DELETE', 'delete'],
]

/**
 * The collections of the store's index that answer, including plugins', by their hub names; routes of single objects
 * add their methods.
 */
export async function listCollections(client: StoreClient): Promise<CollectionListResult> {
	const routes = await listRoutes(client)
	if (!routes.ok) return routes
	const found = await findAnsweringPaths(client, [...routes.methodsByPath.keys()])
	if (!found.ok) return found
	const collections = [...routes.methodsByPath]
		.filter(([path]) => found.paths.has(path))
		.map(([path, methods]) => ({
			name: toHubName(path),
			methods: METHODS.filter(([vendor]) => methods.has(vendor)).map(([, method]) => method),
		}))
		.sort((a, b) => (a.name < b.name ? -1 : 1))
	return { ok: true, collections, complete: found.complete }
}

/** Words of collections that are no lists of objects: settings, reports, and data of WooCommerce itself. */
const NOT_POLLED =
	/^(settings|reports|data|system_status|shipping_methods|payment_gateways|taxes\/classes|orders\/statuses)(\/|$)/

/** The collections of the store's index that can be polled: those of the catalog, then the others by their names. */
export async function listPollable(
	client: StoreClient,
): Promise<{ ok: true; collections: PollableCollection[] } | Failure> {
	const routes = await listRoutes(client)
	if (!routes.ok) return routes
	const paths = new Set(
		[...routes.methodsByPath.keys()].filter((path) => !path.includes('{id}') && !NOT_POLLED.test(path)),
	)
	const known = POLLABLE_COLLECTIONS.filter(({ name }) => paths.delete(toVendorPath(name) ?? ''))
	const others = [...paths].sort().map((path): PollableCollection => {
		const name = toHubName(path)
		const settings = {
			url: `/hubs/ecommerce/${name}`,
			idField: getCollection(path, null).idField,
			datesConfiguration: {},
		}
		return { name: name.replaceAll('/', '-'), title: name, preset: false, settings }
	})
	return { ok: true, collections: [...known, ...others] }
}

/** Every collection of the store's index with its methods, by vendor path; `{id}` stands for a parent object. */
async function listRoutes(
	client: StoreClient,
): Promise<{ ok: true; methodsByPath: Map<string, Set<string>> } | Failure> {
	const answer = await client.call('GET', '', {})
	if (!answer.ok) return answer
	const routes = isRecord(answer.body) ? answer.body['routes'] : undefined
	if (!isRecord(routes)) return toUnexpectedFailure('The store answered without an index with routes.')
	const found = new Map<string, Set<string>>()
	const routeEntries = Object.entries(routes).flatMap(([route, value]) => {
		// A longer route is not WooCommerce's, and matching its parentheses could take too long.
		if (route.length > MAX_ROUTE_LENGTH) return []
		const path = route.replace(/^\/wc\/v3\/?/, '').replace(/\(\?P<\w+>[^/]*\)/g, '{id}')
		return path === '' || path === route || /[()\\[\]?]/.test(path) || /(^|\/)batch$/.test(path)
			? []
			: [{ path, methods: getMethods(value) }]
	})
	// At most one object above a collection: deeper ones are nested settings, which are reached by their own paths.
	for (const { path, methods } of routeEntries)
		if (!path.endsWith('{id}') && (path.match(/\{id\}/g) ?? []).length <= 1 && methods.includes('GET'))
			found.set(path, new Set(methods))
	for (const { path, methods } of routeEntries)
		if (path.endsWith('/{id}')) for (const method of methods) found.get(path.slice(0, -'/{id}'.length))?.add(method)
	return { ok: true, methodsByPath: found }
}

function getMethods(route: unknown): string[] {
	const methods = isRecord(route) ? route['methods'] : []
	return (toList(methods) ?? []).filter((method) => typeof method === 'string')
}

/**
 * The fields of a route's own schema, nested ones with dots and `[]`; its arguments say which ones a creation
 * requires.
 */
export async function listFields(
	client: StoreClient,
	name: string,
): Promise<{ ok: true; fields: RecordField[] } | Failure> {
	// OPTIONS describes the route alone: no object with this id has to exist.
	const path = toVendorPath(name.replaceAll('{id}', '1')) ?? ''
	const answer = await client.call('OPTIONS', path, {})
	if (!answer.ok) return answer
	const body = isRecord(answer.body) ? answer.body : {}
	const schema = isRecord(body['schema']) ? body['schema'] : {}
	const properties = isRecord(schema['properties']) ? schema['properties'] : null
	if (properties === null) return toUnexpectedFailure('The store answered without a schema with properties.')
	const endpoints = toList(body['endpoints']) ?? []
	const createEndpoint = endpoints.find(
		(endpoint): endpoint is Record<string, unknown> => isRecord(endpoint) && getMethods(endpoint).includes('POST'),
	)
	const args = isRecord(createEndpoint?.['args']) ? createEndpoint['args'] : {}
	const required = new Set(Object.keys(args).filter((arg) => isRecord(args[arg]) && args[arg]['required'] === true))
	return { ok: true, fields: toRecordFields(properties, '', required, 1) }
}

function toRecordFields(
	properties: Record<string, unknown>,
	prefix: string,
	required: ReadonlySet<string>,
	depth: number,
): RecordField[] {
	return Object.entries(properties).flatMap(([key, fieldSchema]) => {
		const schema = isRecord(fieldSchema) ? fieldSchema : {}
		const name = `${prefix}${key}`
		const { type, format } = toFieldType(schema)
		const field: RecordField = {
			name,
			type,
			...(format === undefined ? {} : { format }),
			readonly: schema['readonly'] === true,
			required: required.has(name),
			...(Array.isArray(schema['enum']) ? { enum: schema['enum'].filter(isScalar) } : {}),
			...(typeof schema['description'] === 'string' ? { description: schema['description'].slice(0, 1000) } : {}),
		}
		const items = isRecord(schema['items']) ? schema['items'] : {}
		const nestedProperties = isRecord(schema['properties'])
			? schema['properties']
			: isRecord(items['properties'])
				? items['properties']
				: null
		if (nestedProperties === null || depth === MAX_DEPTH) return [field]
		return [
			field,
			...toRecordFields(nestedProperties, type === 'array' ? `${name}[].` : `${name}.`, required, depth + 1),
		]
	})
}

/** WooCommerce's schemas use `date-time` as a type, `mixed`, `bool`, and lists of types with `null`. */
function toFieldType(schema: Record<string, unknown>): Pick<RecordField, 'type' | 'format'> {
	const schemaType = Array.isArray(schema['type'])
		? schema['type'].find((typeName) => typeName !== 'null')
		: schema['type']
	const format = typeof schema['format'] === 'string' ? { format: schema['format'] } : {}
	switch (schemaType) {
		case 'string':
		case 'integer':
		case 'number':
		case 'boolean':
		case 'object':
		case 'array':
			return { type: schemaType, ...format }
		case 'date-time':
			return { type: 'string', format: 'date-time' }
		case 'bool':
			return { type: 'boolean' }
		case 'float':
			return { type: 'number' }
		default:
			return { type: 'any', ...format }
	}
}

function isScalar(value: unknown): value is string | number | boolean {
	return ['string', 'number', 'boolean'].includes(typeof value)
}

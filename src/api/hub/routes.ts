/** Handlers of the hub (docs/contract.md §8). */
import { getPath } from 'hono/utils/url'
import type { RecordCollection, Records } from '../../elements/records.ts'
import { elements } from '../../elements/registry.ts'
import { BASE_PATH } from '../../lib/base-path.ts'
import { BadRequest, Forbidden, HttpError, NotFound, StoreFailed } from '../../lib/errors.ts'
import { getValue } from '../../instances/configuration-keys.ts'
import { getElement, openStoreClient } from '../../instances/stores.ts'
import type { Operation } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import { MAX_PAGE_SIZE, setPageHeaders } from '../http/paging.ts'
import { type Api, mountOperations } from '../http/serve.ts'
import { ObjectCache } from './object-cache.ts'
import { hubOperations } from './operations.ts'
import { readItem, readPage } from './read.ts'
import { toHttpError } from './store-errors.ts'
import { createShaper } from './field-filter.ts'
import { formatHubToken, parseHubToken } from './page-token.ts'
import { positionAt } from './list-cursor.ts'
import { isRecord } from '../../elements/values.ts'
import type { Failure, StoreClient } from '../../elements/store.ts'

type HubOperationId = keyof typeof hubOperations
type HubQuery = Partial<Record<'nextPage' | 'where' | 'fields' | 'orderBy', string | undefined>> & {
	page?: number | undefined
	pageSize?: number | undefined
}

/** Shared by all requests of this isolate. */
const objectCache = new ObjectCache()

/** Mounts the calls. */
export function mountHub(api: Api): void {
	const handlers: Record<string, unknown> = {
		listObjects: async (c: InstanceContext) => toShownObjects(c, await listObjects(c)),
		getObjectMetadata: async (c: InstanceContext, { params }: { params: { name: string } }) =>
			await getObjectMetadata(c, params.name),
	}
	for (const [id, operation] of Object.entries(hubOperations) as [HubOperationId, Operation][])
		handlers[id] ??= createHandler(operation)
	// Records have the store's own shape, so the cast loses no types.
	mountOperations(api, hubOperations, handlers as never)
}

function createHandler({
	method,
	answer,
}: Operation): (c: InstanceContext, input: { query: unknown }) => Promise<unknown> {
	// A call for a known list or record promises that shape; the others return what is at the path.
	const schema = answer as { type?: string } | null
	const shape = schema?.type === 'array' ? 'list' : schema?.type === 'record' ? 'record' : 'any'
	return async (c, { query }) => {
		const hub = toHubRequest(c)
		if (method === 'get') return expectShape(await readRecords(hub, query as HubQuery, shape), shape)
		if (method === 'delete') return await deleteRecord(hub, (query as { force?: 'true' | 'false' }).force)
		return toWriteResponse(await writeRecord(hub, method), shape)
	}
}

/** A hub call. */
interface HubRequest {
	c: InstanceContext
	/** Below the hub's name: `orders/12/comments`. */
	path: string
	/** The path in the store's API. */
	vendorPath: string
	records: Records
}

function toHubRequest(c: InstanceContext): HubRequest {
	const records = requireRecords(c)
	const path = c.req.path.replace(/^.*?\/hubs\/[^/]+\//, '')
	const vendorPath = records.toVendorPath(path)
	if (vendorPath === null) throw new NotFound('No such collection')
	return { c, path, vendorPath, records }
}

/**
 * The store's records; 403 if the instance is disabled, unless `evenDisabled`, 400 for a parameter that the store would
 * take as an order.
 */
function requireRecords(c: InstanceContext, evenDisabled = false): Records {
	if (!c.var.instance.enabled && !evenDisabled) throw new Forbidden('This instance is disabled')
	const { records } = getElement(c.var.instance.elementKey)
	for (const name of new URL(c.req.url).searchParams.keys())
		if (records.isReservedParameter(name))
			throw new BadRequest(
				`${name.slice(0, 100)}: expected a parameter of this call, not one that the store interprets`,
			)
	return records
}

async function getStoreClient(c: InstanceContext): Promise<StoreClient> {
	return await openStoreClient(c.env, c.var.instance, c.var.services.io)
}

async function readRecords(hub: HubRequest, query: HubQuery, shape: 'list' | 'record' | 'any'): Promise<unknown> {
	const { c, path, records } = hub
	const { instance } = c.var
	const where = query.where ?? null
	const orderBy = query.orderBy ?? null
	const applyShape = getShaper(c, query.fields)
	// A number at the end names an object; anything else may be a collection, which its response shows.
	if (shape === 'record' || (shape === 'any' && records.classifyPath(path) === 'object'))
		return applyShape(await readItem(await getStoreClient(c), hub.vendorPath))

	const planResult = records.planList(path, { where, orderBy }, instance.connection)
	if (!planResult.ok) throw new BadRequest(`${planResult.parameter}: ${planResult.message}`)
	const { plan } = planResult
	const identity = { instanceId: instance.id, path: plan.path, where, orderBy }
	const parsedToken =
		query.nextPage === undefined || query.nextPage === '' ? null : parseHubToken(identity, query.nextPage)
	const pageSize = query.pageSize ?? parsedToken?.pageSize ?? MAX_PAGE_SIZE
	const skippedRows = ((query.page ?? 1) - 1) * pageSize
	// Filtered here, a numbered page has no row at the store: the matches before it are skipped.
	const start = parsedToken?.position ?? (plan.matches === null ? positionAt(skippedRows) : positionAt(0, skippedRows))
	const result = await readPage(
		await getStoreClient(c),
		plan,
		start,
		Math.min(pageSize, MAX_PAGE_SIZE),
		parsedToken === null,
	)
	if ('item' in result) return applyShape(result.item)
	setPageHeaders(c, {
		returned: result.list.length,
		total: result.total,
		next: result.next === null ? null : formatHubToken(identity, pageSize, result.next),
	})
	return result.list.map(applyShape)
}

async function writeRecord(hub: HubRequest, method: 'post' | 'put' | 'patch'): Promise<unknown> {
	const { c, path, records } = hub
	const kind = records.classifyPath(path)
	if (method === 'post' && kind === 'object') throw notAllowed('GET, PUT, PATCH, DELETE')
	if (method !== 'post' && kind === 'collection') throw notAllowed('GET, POST')
	// The raw text: parsing could change numbers.
	const body = await c.req.text()
	const answer = await records.write(await getStoreClient(c), {
		verb: method === 'post' ? 'create' : 'update',
		path,
		body,
	})
	if (!answer.ok) throw toHttpError(answer, method.toUpperCase())
	return getShaper(c, undefined)(answer.body)
}

async function deleteRecord(hub: HubRequest, force: 'true' | 'false' | undefined): Promise<undefined> {
	const { c, path, records } = hub
	if (records.classifyPath(path) === 'collection') throw notAllowed('GET, POST')
	const answer = await records.write(await getStoreClient(c), {
		verb: 'delete',
		path,
		permanent: force === undefined ? null : force === 'true',
	})
	if (!answer.ok) throw toHttpError(answer, 'DELETE')
}

/** With `Elements-Version: Helium`, objects have the store's own name, and whether WooCommerce itself has them. */
function toShownObjects(c: InstanceContext, collections: readonly RecordCollection[]) {
	if (c.req.header('Elements-Version')?.trim().toLowerCase() !== 'helium') return collections
	const { records } = getElement(c.var.instance.elementKey)
	return collections.map((collection) => {
		const path = collection.name.replaceAll('{id}', '0')
		return {
			...collection,
			vendorName: records.toVendorPath(path)?.replace('/0/', '/{id}/') ?? collection.name,
			type: records.classifyPath(path) === 'collection' ? ('standard' as const) : ('custom' as const),
		}
	})
}

async function listObjects(c: InstanceContext): Promise<RecordCollection[]> {
	const records = requireRecords(c, true)
	const { instance, services } = c.var
	const known = objectCache.get(instance, services.now())
	if (known !== null) return known
	const answer = requireOk(await records.listCollections(await getStoreClient(c)))
	if (answer.complete) objectCache.set(instance, answer.collections, services.now())
	return answer.collections
}

async function getObjectMetadata(c: InstanceContext, name: string) {
	const records = requireRecords(c)
	if (records.toVendorPath(name.replaceAll('{id}', '1')) === null) throw new NotFound('No such collection')
	const answer = requireOk(await records.listFields(await getStoreClient(c), name))
	return { name: records.toHubPath(name), fields: answer.fields }
}

function requireOk<Answer extends { ok: true }>(answer: Answer | Failure): Answer {
	if (!answer.ok) throw toHttpError(answer, 'GET')
	return answer
}

/** 502 when the store's response does not have the promised shape. */
function expectShape(answer: unknown, shape: 'list' | 'record' | 'any'): unknown {
	const isList = Array.isArray(answer)
	const isObject = typeof answer === 'object' && answer !== null
	const isExpected =
		shape === 'any' ? isObject : shape === 'list' ? isList && answer.every((item) => isRecord(item)) : isRecord(answer)
	if (!isExpected) throw new StoreFailed(`The store did not return a ${shape === 'any' ? 'record or a list' : shape}`)
	return answer
}

/** The response to a successful write: the store's, or `{}` if it is empty or not the promised record. */
function toWriteResponse(answer: unknown, shape: 'list' | 'record' | 'any'): unknown {
	return answer === null || (shape === 'record' && !isRecord(answer)) ? {} : answer
}

function getShaper(c: InstanceContext, fields: string | undefined): (value: unknown) => unknown {
	return createShaper(getValue(c.var.instance.configuration, 'filter.response.nulls') !== 'false', fields)
}

function notAllowed(allow: string): HttpError {
	return new HttpError(405, `Expected ${allow.replaceAll(', ', ' or ')}`, { headers: { Allow: allow } })
}

/** The hub of paths without one. */
const DEFAULT_HUB = 'ecommerce'

/**
 * The path by which a request is routed: `/orders` is `/hubs/ecommerce/orders`, `/hubs/{hub}/ping` is `/ping`, and a
 * collection of two words is the one with a hyphen. `reservedSegments`: first path segments of other calls.
 */
export function resolveHubPath(request: Request, reservedSegments: () => ReadonlySet<string>): string {
	const path = getPath(request)
	if (!path.startsWith(`${BASE_PATH}/`)) return path
	const [first = '', ...rest] = path.slice(BASE_PATH.length + 1).split('/')
	if (first === 'hubs' && rest.length === 2 && rest[1] === 'ping') return `${BASE_PATH}/ping`
	if (first === 'hubs' && rest.length > 1)
		return `${BASE_PATH}/hubs/${rest[0]}/${toRoutedPath(rest.slice(1).join('/'))}`
	return /^[a-z][a-z0-9_-]*$/.test(first) && rest.length < 5 && !reservedSegments().has(first)
		? `${BASE_PATH}/hubs/${DEFAULT_HUB}/${toRoutedPath([first, ...rest].join('/'))}`
		: path
}

/** A hub path by the names that calls have: `products/categories/5` → `products-categories/5`. */
function toRoutedPath(path: string): string {
	const name = /^objects\/(.+\/.+)\/metadata$/.exec(path)?.[1]
	if (name !== undefined) return `objects/${encodeURIComponent(decodeName(name))}/metadata`
	if (path.split('/').includes('')) return path
	// The instance and its vendor are not known yet; names of one vendor are not another's.
	for (const { records } of elements) {
		const hubPath = records.toHubPath(path)
		if (hubPath.split('/').length < path.split('/').length) return hubPath
	}
	return path
}

function decodeName(name: string): string {
	try {
		return decodeURIComponent(name)
	} catch {
		return name
	}
}

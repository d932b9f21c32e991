/** The hub: a store's own records through one token (contract, section 8). */
import { getPath } from 'hono/utils/url'
import type { Records } from '../../elements/records.ts'
import { BadRequest, Forbidden, HttpError, NotFound, StoreFailed } from '../../lib/errors.ts'
import { elementOf, openStore } from '../../instances/stores.ts'
import type { Operation } from '../http/contract.ts'
import type { InstanceContext } from '../http/environment.ts'
import { PAGE_LIMIT, setPageHeaders } from '../http/paging.ts'
import { type Api, serve } from '../http/serve.ts'
import { hubOperations } from './operations.ts'
import { readItem, readPage } from './read.ts'
import { storeError } from './refusals.ts'
import { shaper } from './shape.ts'
import { formatHubToken, parseHubToken } from './token.ts'
import { placeAt } from './walk.ts'
import { isRecord } from '../../elements/values.ts'
import type { Failure, StoreClient } from '../../elements/store.ts'

type Id = keyof typeof hubOperations
type Query = Partial<Record<'nextPage' | 'where' | 'fields' | 'orderBy', string | undefined>> & {
	page?: number | undefined
	pageSize?: number | undefined
}

/** Mounts the calls. */
export function declareHub(api: Api): void {
	const handlers: Record<string, unknown> = {
		listObjects: answerObjects,
		getObjectMetadata: async (c: InstanceContext, { params }: { params: { name: string } }) => await answerMetadata(c, params.name),
	}
	for (const [id, one] of Object.entries(hubOperations) as [Id, Operation][]) handlers[id] ??= handlerOf(one)
	// Every table's entry has its handler: what a record looks like is the store's to say, so that no type is lost by the cast.
	serve(api, hubOperations, handlers as never)
}

/** What reads and writes at a path, whichever of its names was used. */
function handlerOf({ method, answer }: Operation): (c: InstanceContext, input: { query: unknown }) => Promise<unknown> {
	// A call for a known list or record promises that shape; the others answer what is there.
	const schema = answer as { type?: string } | null
	const shape = schema?.type === 'array' ? 'list' : schema?.type === 'record' ? 'record' : 'any'
	return async (c, { query }) => {
		const hub = openHub(c)
		if (method === 'get') return expectShape(await read(hub, query as Query, shape), shape)
		if (method === 'delete') return await remove(hub, (query as { force?: 'true' | 'false' }).force)
		return writtenAs(await write(hub, method), shape)
	}
}

/** A call of the hub: whose store, and where in it. */
interface Hub {
	c: InstanceContext
	/** Below the hub's name: `orders/12/comments`. */
	path: string
	/** The same in the vendor's words. */
	vendorPath: string
	records: Records
}

function openHub(c: InstanceContext): Hub {
	requireEnabled(c)
	const { records } = elementOf(c.var.instance.elementKey)
	const path = c.req.path.replace(/^.*?\/hubs\/[^/]+\//, '')
	const vendorPath = records.path(path)
	if (vendorPath === null) throw new NotFound('No such collection')
	return { c, path, vendorPath, records }
}

function requireEnabled(c: InstanceContext): void {
	if (!c.var.instance.enabled) throw new Forbidden('This instance is disabled')
}

async function storeOf(c: InstanceContext): Promise<StoreClient> {
	return await openStore(c.env, c.var.instance, c.var.services.io)
}

async function read(hub: Hub, query: Query, shape: 'list' | 'record' | 'any'): Promise<unknown> {
	const { c, path, records } = hub
	const { instance } = c.var
	const where = query.where ?? null
	const orderBy = query.orderBy ?? null
	const shaped = shaperOf(c, query.fields)
	// A number at the end names an object; any other word may be a collection, and its answer says what it is.
	if (shape === 'record' || (shape === 'any' && records.kind(path) === 'object'))
		return shaped(await readItem(await storeOf(c), hub.vendorPath))

	const planned = records.list(path, { where, orderBy }, instance.connection)
	if (!planned.ok) throw new BadRequest(/^(where|orderBy)\b/.test(planned.message) ? planned.message : `where: ${planned.message}`)
	const { plan } = planned
	const identity = { instanceId: instance.id, path: plan.path, where, orderBy }
	const going = query.nextPage === undefined || query.nextPage === '' ? null : parseHubToken(identity, query.nextPage)
	const pageSize = query.pageSize ?? going?.pageSize ?? PAGE_LIMIT
	const before = ((query.page ?? 1) - 1) * pageSize
	// What is filtered here has no numbered rows at the store: the matches before the page are passed over.
	const place = going?.place ?? (plan.matches === null ? placeAt(before) : placeAt(0, before))
	const reading = await readPage(await storeOf(c), plan, place, Math.min(pageSize, PAGE_LIMIT), going === null)
	if ('item' in reading) return shaped(reading.item)
	setPageHeaders(c, {
		returned: reading.list.length,
		total: reading.total,
		next: reading.next === null ? null : formatHubToken(identity, pageSize, reading.next),
	})
	return reading.list.map(shaped)
}

async function write(hub: Hub, method: 'post' | 'put' | 'patch'): Promise<unknown> {
	const { c, path, records } = hub
	const kind = records.kind(path)
	if (method === 'post' && kind === 'object') throw notAllowed('GET, PUT, PATCH, DELETE')
	if (method !== 'post' && kind === 'collection') throw notAllowed('GET, POST')
	// As it came: a number read and written again need not be the same.
	const body = await c.req.text()
	const answer = await records.write(await storeOf(c), { verb: method === 'post' ? 'create' : 'update', path, body })
	if (!answer.ok) throw storeError(answer, method.toUpperCase())
	return shaperOf(c, undefined)(answer.body)
}

async function remove(hub: Hub, force: 'true' | 'false' | undefined): Promise<undefined> {
	const { c, path, records } = hub
	if (records.kind(path) === 'collection') throw notAllowed('GET, POST')
	const answer = await records.write(await storeOf(c), { verb: 'delete', path, forGood: force === undefined ? null : force === 'true' })
	if (!answer.ok) throw storeError(answer, 'DELETE')
}

async function answerObjects(c: InstanceContext) {
	requireEnabled(c)
	const { records } = elementOf(c.var.instance.elementKey)
	const answer = required(await records.collections(await storeOf(c)))
	return answer.collections
}

async function answerMetadata(c: InstanceContext, name: string) {
	requireEnabled(c)
	const { records } = elementOf(c.var.instance.elementKey)
	if (records.path(name.replaceAll('{id}', '1')) === null) throw new NotFound('No such collection')
	const answer = required(await records.fields(await storeOf(c), name))
	return { name, fields: answer.fields }
}

function required<Answer extends { ok: true }>(answer: Answer | Failure): Answer {
	if (!answer.ok) throw storeError(answer, 'GET')
	return answer
}

/** 502 where the store's answer is not what this call is about. */
function expectShape(answer: unknown, shape: 'list' | 'record' | 'any'): unknown {
	const isList = Array.isArray(answer)
	const isObject = typeof answer === 'object' && answer !== null
	const fits = shape === 'any' ? isObject : shape === 'list' ? isList && answer.every((one) => isRecord(one)) : isRecord(answer)
	if (!fits) throw new StoreFailed(`The store did not answer with a ${shape === 'any' ? 'record or a list' : shape}`)
	return answer
}

/** What a write that was done is answered with: what came, or `{}` where that is nothing, or no record where one is promised. It was done, whatever the store's words. */
function writtenAs(answer: unknown, shape: 'list' | 'record' | 'any'): unknown {
	return answer === null || (shape === 'record' && !isRecord(answer)) ? {} : answer
}

function shaperOf(c: InstanceContext, fields: string | undefined): (value: unknown) => unknown {
	return shaper(c.var.instance.configuration['filter.response.nulls'] !== 'false', fields)
}

function notAllowed(allow: string): HttpError {
	return new HttpError(405, `Expected ${allow.replaceAll(', ', ' or ')}`, { headers: { Allow: allow } })
}

/** What a hub is called where its name was left out. */
const BARE = 'ecommerce'

/**
 * The path by which a request is routed: `/orders` is `/hubs/ecommerce/orders`, for every method and all that belongs to it. Bare is whatever no other
 * call begins with; `words`: the first words of those.
 */
export function hubPath(request: Request, base: string, words: () => ReadonlySet<string>): string {
	const path = getPath(request)
	if (!path.startsWith(`${base}/`)) return path
	const below = path.slice(base.length + 1)
	const [first = '', ...others] = below.split('/')
	return /^[a-z][a-z0-9_-]*$/.test(first) && others.length < 5 && !words().has(first) ? `${base}/hubs/${BARE}/${below}` : path
}

/**
 * The hub: a store's own records through one token (contract, section 8). `/hubs/ecommerce/orders`, `/hubs/anything/orders` and
 * `/orders` are the same call.
 */
import type { Context } from 'hono'
import * as z from 'zod'
import { BadRequest, Forbidden, HttpError, NotFound } from '../../errors.ts'
import { elementOf, openStore } from '../../instances/stores.ts'
import { authorize } from '../access.ts'
import { declare } from '../declare.ts'
import { invalid, type Api } from '../serve.ts'
import type { InstanceContext, PublicEnv } from '../environment.ts'
import { formatPageToken, PAGE_LIMIT, PageSize, parsePageToken, setPageHeaders } from '../paging.ts'
import { readItem, readPage } from './read.ts'

const Query = z.object({
	page: z
		.string()
		.regex(/^[1-9]\d{0,8}$/, 'expected a whole number from 1')
		.transform(Number)
		.optional(),
	pageSize: PageSize.optional(),
	nextPage: z.string().max(500).optional(),
	where: z.string().max(4000, 'expected at most 4000 characters').optional(),
	fields: z.string().max(2000).optional(),
	orderBy: z.string().max(200, 'expected at most 200 characters').optional(),
})
type Query = z.output<typeof Query>

/** Words that begin other paths: as collections they are only reached under `/hubs/`. */
const NOT_BARE = new Set([
	'instances',
	'elements',
	'hubs',
	'events',
	'notifications',
	'accounts',
	'authentication',
	'ping',
	'users',
	'organizations',
	'tools',
])

/** Declares the calls. */
export function declareHub(api: Api): void {
	for (const rest of ['', '/{id}', '/{id}/{sub}', '/{id}/{sub}/{subId}']) {
		const base = '/hubs/{hub}/{resource}'
		declare(api, {
			method: 'get',
			path: `${base}${rest}`,
			summary: 'Read the store',
			access: 'token',
			query: Query,
			answer: z.unknown(),
			handle: (c, { query }) => answerHub(c, c.req.path.replace(/^.*?\/hubs\/[^/]+\//, ''), query),
		})
	}
}

/** Whether a path below the base may be a collection by its bare name, or something in one. */
export function isBareHubPath(path: string): boolean {
	const [first = '', ...others] = path.split('/')
	return !NOT_BARE.has(first) && /^[a-z][a-z0-9_-]*$/.test(first) && others.length < 4
}

/** `/orders` for `/hubs/ecommerce/orders`. */
export async function answerBareHub(c: Context<PublicEnv>, path: string): Promise<Response> {
	if (c.req.method !== 'GET' && c.req.method !== 'HEAD') throw new HttpError(405, 'Expected GET', { headers: { Allow: 'GET, HEAD' } })
	await authorize(c as never, 'token', { role: 'viewer', scope: 'hub:read' })
	const query = Query.safeParse(c.req.query())
	if (!query.success) throw invalid(query.error)
	return await answerHub(c as unknown as InstanceContext, path, query.data)
}

async function answerHub(c: InstanceContext, path: string, query: Query): Promise<Response> {
	const { instance, services } = c.var
	if (!instance.enabled) throw new Forbidden('This instance is disabled')
	const element = elementOf(instance.elementKey)
	const vendorPath = element.hubPath(path)
	if (vendorPath === null) throw new NotFound('No such collection')
	const filter = element.hubQuery(path, query.where ?? null, instance.connection)
	if (!filter.ok) throw new BadRequest(filter.message.startsWith('where') ? filter.message : `where: ${filter.message}`)
	const client = await openStore(c.env, instance, services.io)
	const shape = shaper(instance.configuration['filter.response.nulls'] !== 'false', query.fields)

	// A number at the end names an object; any other word may be a collection, and its answer says what it is.
	if (/\/\d+$/.test(`/${vendorPath}`)) return c.json(shape(await readItem(client, vendorPath, {})) as never, 200)

	const order = element.hubOrder(path, query.orderBy ?? null, instance.connection)
	if (!order.ok) throw new BadRequest(order.message)
	const token = parsePageToken(query.nextPage, 2)
	const page = token?.[0] ?? query.page ?? 1
	const pageSize = token?.[1] ?? query.pageSize ?? PAGE_LIMIT
	if (page < 1 || pageSize < 1 || pageSize > PAGE_LIMIT)
		throw new BadRequest('nextPage: expected the Elements-Next-Page-Token of an earlier answer')
	const reading = await readPage(client, {
		path: vendorPath,
		query: { ...filter.query, ...order.query },
		matches: filter.matches,
		page,
		pageSize,
	})
	if ('item' in reading) return c.json(shape(reading.item) as never, 200)
	setPageHeaders(c, {
		returned: reading.list.length,
		total: reading.total,
		next: reading.more ? formatPageToken([page + 1, pageSize]) : null,
	})
	return c.json(reading.list.map(shape) as never, 200)
}

/** What is done to each record: nulls dropped (`filter.response.nulls`), only the named fields kept. */
function shaper(dropNulls: boolean, fields: string | undefined): (record: unknown) => unknown {
	const names =
		fields === undefined
			? null
			: new Set(
					fields
						.split(',')
						.map((name) => name.trim())
						.filter((name) => name !== ''),
				)
	return (record) => {
		const kept =
			names === null || names.size === 0 || !isObject(record)
				? record
				: Object.fromEntries(Object.entries(record).filter(([name]) => names.has(name)))
		return dropNulls ? withoutNulls(kept) : kept
	}
}

function withoutNulls(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutNulls)
	if (!isObject(value)) return value
	return Object.fromEntries(
		Object.entries(value)
			.filter(([, item]) => item !== null)
			.map(([name, item]) => [name, withoutNulls(item)]),
	)
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}

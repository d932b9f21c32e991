/** Calls declared beside their handlers: what is not yet in tables of operations (contract.ts). */
import { createRoute, type RouteConfig } from '@hono/zod-openapi'
import type { Context } from 'hono'
import * as z from 'zod'
import { guard, type Right } from './access.ts'
import { ErrorBody } from './contract.ts'
import type { Access } from './environment.ts'
import { idempotent } from './idempotency.ts'
import { acceptable, bodyRules } from './requests.ts'
import type { Api } from './serve.ts'

/** Nothing declared: nothing validated. */
const Anything = z.unknown()
type Anything = typeof Anything

/** One call. */
export interface Call<Level extends keyof Access, Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
	method: 'get' | 'post' | 'put' | 'patch' | 'delete'
	/** OpenAPI form: `/instances/{id}`. */
	path: string
	summary: string
	access: Level
	params?: Params
	query?: Query
	/** JSON. */
	body?: Body
	/** What a success answers with; null: an empty body. */
	answer: z.ZodType | null
	status?: 200 | 202
	handle(
		c: Context<Access[Level]>,
		input: { params: z.output<Params>; query: z.output<Query>; body: z.output<Body> },
	): Promise<Response> | Response
}

/** Mounts a call. */
export function declare<
	Level extends keyof Access,
	Params extends z.ZodType = Anything,
	Query extends z.ZodType = Anything,
	Body extends z.ZodType = Anything,
>(api: Api, call: Call<Level, Params, Query, Body>): void {
	const success =
		call.answer === null ? { description: 'Done' } : { description: 'Success', content: { 'application/json': { schema: call.answer } } }
	const request: NonNullable<RouteConfig['request']> = {
		...(call.params === undefined ? namesIn(call.path) : { params: call.params as never }),
		...(call.query === undefined ? {} : { query: call.query as never }),
		// `required` makes the schema hold whatever the Content-Type says.
		...(call.body === undefined ? {} : { body: { required: true, content: { 'application/json': { schema: call.body } } } }),
	}
	const route = createRoute({
		method: call.method,
		path: call.path,
		summary: call.summary,
		request,
		middleware: [
			acceptable(['application/json']),
			bodyRules(),
			...guard(call.access, rightOf(call)),
			...(call.method === 'post' && call.access !== 'public' ? [idempotent] : []),
		] as never,
		responses: {
			[call.status ?? 200]: success,
			default: { description: 'Refused', content: { 'application/json': { schema: ErrorBody } } },
		},
	})
	// The library infers a handler's type from a literal route; here the call's own generics say it, so the two meet in one cast.
	const handler = async (c: Context): Promise<Response> => {
		const valid = (part: 'param' | 'query' | 'json', schema: unknown) => (schema === undefined ? undefined : c.req.valid(part as never))
		const input = { params: valid('param', call.params), query: valid('query', call.query), body: valid('json', call.body) }
		return await call.handle(c as never, input as never)
	}
	api.openapi(route, handler as never)
}

/** Calls that are not in tables yet want what tables say by themselves. */
function rightOf(call: { method: string; path: string }): Right {
	const area = call.path.startsWith('/hubs') ? 'hub' : call.path.startsWith('/elements') ? 'elements' : 'instances'
	return call.method === 'get' ? { role: 'viewer', scope: `${area}:read` } : { role: 'developer', scope: `${area}:write` }
}

/** The words in braces of a path, as texts: what a call without a schema of its own for them has. */
function namesIn(path: string): { params?: never } {
	const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
	return names.length === 0 ? {} : { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) as never }
}

/** Puts handlers behind calls: what is accepted, who may call, what is validated, and the answer, all as the call's own data says. */
import { createRoute, OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import * as z from 'zod'
import { BadRequest, ERRORS, type ErrorStatus } from '../../lib/errors.ts'
import { guard } from './access.ts'
import {
	type AnswerOf,
	ErrorBody,
	isOnce,
	mediaOf,
	type Operation,
	type Operations,
	refusalsOf,
	schemaOf,
	scopeOf,
	roleOf,
	successesOf,
	textsOf,
	type ValidOf,
} from './contract.ts'
import type { Access, PublicEnv } from './environment.ts'
import { ACCOUNT, API_KEY, INSTANCE_ID, refusalExample } from './examples.ts'
import { HEADER, idempotent } from './idempotency.ts'
import { acceptable, bodyAtMost, jsonBody } from './requests.ts'

/** A set of calls that is mounted under a base path. */
export type Api = OpenAPIHono<PublicEnv>

/** What does a call's work: answers with what its contract promises, or with a whole Response where that is no JSON. */
export type Handler<One extends Operation> = (
	c: Context<Access[One['access']]>,
	input: ValidOf<One>,
) => AnswerOf<One> | Promise<AnswerOf<One>>

/** A pair that `both` declared has one handler, under the name without `ByToken`. */
type Handlers<All extends Operations> = {
	[Name in keyof All as Name extends `${infer Base}ByToken` ? (Base extends keyof All ? never : Name) : Name]: Handler<All[Name]>
}

/** A fresh set of calls; what its schemas refuse is a 400 that names each field. `getPath`: the path by which a request is routed. */
export function createApi(getPath?: (request: Request) => string): Api {
	return new OpenAPIHono<PublicEnv>({
		...(getPath === undefined ? {} : { getPath }),
		defaultHook: (result) => {
			if (!result.success) throw invalid(result.error)
		},
	})
}

/** Mounts calls in the order of their table: fixed words before `{…}` in the same place. */
export function serve<const All extends Operations>(api: Api, operations: All, handlers: Handlers<All>): void {
	const byName = handlers as unknown as Record<string, Handler<Operation>>
	for (const [id, one] of Object.entries(operations)) {
		const handler = byName[id] ?? byName[id.replace(/ByToken$/, '')]
		if (handler === undefined) throw new Error(`no handler for ${id}`)
		mount(api, id, one, handler)
	}
}

/** Puts calls that are mounted by themselves (`bare`) into the document. `base`: what stands before their paths. */
export function describeOnly(api: Api, operations: Operations, base: string): void {
	for (const [id, one] of Object.entries(operations))
		api.openAPIRegistry.registerPath({ ...describedOf(id, one), path: `${base}${one.path}` })
}

/** A call as the document has it. */
function describedOf(id: string, one: Operation) {
	return {
		method: one.method,
		path: one.path,
		operationId: id,
		tags: [one.tag],
		summary: one.summary,
		...describe(one),
		...(one.access === 'public' ? { security: [] } : one.access === 'token' ? { security: [{ token: [] }] } : {}),
		request: requestOf(one),
		responses: responsesOf(one),
	} satisfies RouteConfig
}

function mount(api: Api, id: string, one: Operation, handler: Handler<Operation>): void {
	const described = describedOf(id, one)
	// A body that its handler reads is in the document, and not among what is validated.
	const unchecked = one.bodyUnchecked === true
	if (unchecked) api.openAPIRegistry.registerPath(described)
	const { body: _body, ...unread } = described.request
	const route = createRoute({
		...described,
		request: unchecked ? unread : described.request,
		middleware: middlewareOf(id, one),
		hide: unchecked,
	})
	// The library infers a handler's type from a literal route; here the call's own types say it, so the two meet in one cast.
	api.openapi(route, (async (c: Context) => {
		const valid = (part: 'param' | 'query' | 'json', schema: unknown) => (schema === undefined ? undefined : c.req.valid(part as never))
		const input = {
			params: one.params === undefined ? c.req.param() : valid('param', one.params),
			query: valid('query', one.query),
			body: unchecked ? undefined : valid('json', one.body),
		}
		// The first status is the usual one; a handler that means another says so.
		c.status(successesOf(one)[0]!)
		const answer = await handler(c as never, input as never)
		if (answer instanceof Response) return answer
		return answer === undefined ? c.body(null) : c.json(answer)
	}) as never)
}

/** What stands between a request and its handler: first whether it can be answered and read at all, then who asks. */
function middlewareOf(id: string, one: Operation): MiddlewareHandler[] {
	// Also where no body is declared: an Idempotency-Key is held against what was sent.
	const size = one.method === 'get' ? [] : [bodyAtMost(one.bodyLimitBytes)]
	const body = one.body === undefined ? [] : [jsonBody(one.bodyOptional === true)]
	// What is closed to API keys gives out secrets.
	const once = isOnce(one) ? [idempotent(one.keys === false ? id : null)] : []
	return [
		acceptable(mediaOf(one)),
		...size,
		...body,
		...guard(one.access, { role: roleOf(one), scope: scopeOf(one) }),
		...once,
	] as MiddlewareHandler[]
}

/** Who may, for people who read the reference. */
function describe(one: Operation): { description?: string } {
	const scope = scopeOf(one)
	const keys = scope === null ? 'Not to be called with an API key.' : `Scope of an API key: \`${scope}\`.`
	const rights = one.access === 'public' ? '' : `Least role: ${roleOf(one)}. ${keys}`
	const description = [one.description ?? '', rights].filter((part) => part !== '').join('\n\n')
	return description === '' ? {} : { description }
}

function requestOf(one: Operation): NonNullable<RouteConfig['request']> {
	const names = [...one.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
	const declared = one.params instanceof z.ZodObject ? one.params.shape : {}
	const rest = Object.fromEntries(
		names.filter((name) => !(name in declared)).map((name) => [name, z.string().meta(PARAMETERS[name]?.(one.path) ?? {})]),
	)
	const params = one.params instanceof z.ZodObject ? one.params.extend(rest) : z.object(rest)
	return {
		...(names.length === 0 ? {} : { params }),
		...(isOnce(one) ? { headers: OnceHeaders } : {}),
		...(one.query === undefined ? {} : { query: one.query as never }),
		// `required` makes the schema hold whatever the Content-Type says.
		...(one.body === undefined
			? {}
			: {
					body: {
						required: one.bodyOptional === undefined,
						content: { 'application/json': { schema: one.body, ...(one.example === undefined ? {} : { example: one.example }) } },
					},
				}),
	}
}

/** What a POST may carry. Described here, checked by its middleware, which must know the key before anything else is looked at. */
const OnceHeaders = z.looseObject({
	[HEADER]: z
		.string()
		.optional()
		.meta({
			description:
				'1 to 255 visible characters of your own choice: for 24 hours the same request with the same key has the same answer and is not made again. Only what failed without having been done is made again',
			examples: ['7c9e6679-7425-40de-944b-e07fc1f90ae7'],
		}),
})

/** What the words in braces mean where an operation does not say it. */
const PARAMETERS: Record<string, (path: string) => { description: string; examples: string[] }> = {
	id: (path) => ({ description: 'A positive whole number', examples: [String(exampleId(path))] }),
	keyOrId: () => ({ description: "An element's key or number: `woocommercerest` or `2881`", examples: ['woocommercerest'] }),
}

function exampleId(path: string): number {
	if (path.startsWith('/accounts/api-keys')) return API_KEY.id
	return path.startsWith('/accounts') ? ACCOUNT.id : INSTANCE_ID
}

function responsesOf(one: Operation): RouteConfig['responses'] {
	const schema = schemaOf(one)
	const others = textsOf(one)
	const content = {
		...(schema === null
			? {}
			: { 'application/json': { schema, ...(one.answerExample === undefined ? {} : { example: one.answerExample }) } }),
		...Object.fromEntries(others.map(({ media, description, example }) => [media, { schema: z.string().meta({ description }), example }])),
	}
	const successes = successesOf(one).map((status) => [
		status,
		{ description: one.answer === null ? 'Done; the body is empty' : 'Success', ...(one.answer === null ? {} : { content }) },
	])
	const refusals = refusalsOf(one).map((status: ErrorStatus) => [
		status,
		{ description: ERRORS[status], content: { 'application/json': { schema: ErrorBody, example: refusalExample(status) } } },
	])
	return Object.fromEntries([...successes, ...refusals])
}

/** A 400 out of what a schema refused: `field: what was expected`, for each field. */
export function invalid(error: z.core.$ZodError): BadRequest {
	const problems = error.issues.slice(0, 10).map((issue) => {
		const field = issue.path.length === 0 ? 'body' : issue.path.map(String).join('.')
		return `${field}: ${issue.message.replace(/^Invalid input: /, '')}`
	})
	return new BadRequest(problems.join('; '))
}

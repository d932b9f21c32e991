/**
 * Mounts calls with their handlers: access, validation, middleware and the OpenAPI document follow from the call's
 * data.
 */
import { createRoute, OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import * as z from 'zod'
import { toFieldError, STATUS_DESCRIPTIONS, type BadRequest, type ErrorStatus } from '../../lib/errors.ts'
import { accessMiddleware } from './access.ts'
import {
	type OperationResponse,
	ErrorBody,
	acceptsIdempotencyKey,
	getMediaTypes,
	type Operation,
	type Operations,
	getErrorStatuses,
	getJsonSchema,
	getRequiredScope,
	getRequiredRole,
	getSuccessStatuses,
	getTextResponses,
	type ValidatedInput,
} from './contract.ts'
import type { AccessEnv, PublicEnv } from './environment.ts'
import { ACCOUNT, API_KEY, INSTANCE_ID, errorExample } from './examples.ts'
import { IDEMPOTENCY_KEY_HEADER, idempotencyMiddleware } from './idempotency.ts'
import { getPageCall } from './page-call.ts'
import { requireAcceptable, limitBody, requireJsonBody } from './requests.ts'

/** A router with an OpenAPI registry. */
export type Api = OpenAPIHono<PublicEnv>

/** Returns the call's response as its contract declares it, or a Response where that is not JSON. */
type Handler<Op extends Operation> = (
	c: Context<AccessEnv[Op['access']]>,
	input: ValidatedInput<Op>,
) => OperationResponse<Op> | Promise<OperationResponse<Op>>

/** A pair that `byIdAndToken` declared has one handler, under the name without `ByToken`. */
type Handlers<Ops extends Operations> = {
	[Name in keyof Ops as Name extends `${infer Base}ByToken` ? (Base extends keyof Ops ? never : Name) : Name]: Handler<
		Ops[Name]
	>
}

/** Creates a router. Invalid input is a 400 that names each field. `getPath`: the path by which a request is routed. */
export function createApi(getPath?: (request: Request) => string): Api {
	return new OpenAPIHono<PublicEnv>({
		...(getPath === undefined ? {} : { getPath }),
		defaultHook: (result) => {
			if (!result.success) throw toBadRequest(result.error)
		},
	})
}

/** Mounts calls in the order of their table: fixed path segments before `{…}` in the same place. */
export function mountOperations<const Ops extends Operations>(
	api: Api,
	operations: Ops,
	handlers: Handlers<Ops>,
): void {
	const handlersById = handlers as unknown as Record<string, Handler<Operation>>
	for (const [id, operation] of Object.entries(operations)) {
		const handler = handlersById[id] ?? handlersById[id.replace(/ByToken$/, '')]
		if (handler === undefined) throw new Error(`no handler for ${id}`)
		mountOperation(api, id, operation, handler)
	}
}

/** Adds calls that are mounted elsewhere (`bare`) to the document, with `base` before their paths. */
export function addToDocument(api: Api, operations: Operations, base: string): void {
	for (const [id, operation] of Object.entries(operations))
		api.openAPIRegistry.registerPath({ ...toRouteConfig(id, operation), path: `${base}${operation.path}` })
}

/** A call as OpenAPI describes it. */
function toRouteConfig(id: string, operation: Operation) {
	return {
		method: operation.method,
		path: operation.path,
		operationId: id,
		tags: [operation.tag],
		summary: operation.summary,
		...getDescription(operation),
		...(operation.access === 'public'
			? { security: [] }
			: operation.access === 'token'
				? { security: [{ token: [] }] }
				: {}),
		request: toRequestConfig(operation),
		responses: toResponsesConfig(operation),
	} satisfies RouteConfig
}

function mountOperation(api: Api, id: string, operation: Operation, handler: Handler<Operation>): void {
	const config = toRouteConfig(id, operation)
	// A body that its handler reads is documented but not validated here.
	const unchecked = operation.bodyUnchecked === true
	if (unchecked) api.openAPIRegistry.registerPath(config)
	const { body: _body, ...requestWithoutBody } = config.request
	const route = createRoute({
		...config,
		request: unchecked ? requestWithoutBody : config.request,
		middleware: getMiddleware(id, operation),
		hide: unchecked,
	})
	// The library infers a handler's type from a literal route; here the call's own types do, hence the cast.
	api.openapi(route, (async (c: Context) => {
		const valid = (part: 'param' | 'query' | 'json', schema: unknown) =>
			schema === undefined ? undefined : c.req.valid(part as never)
		const input = {
			params: operation.params === undefined ? c.req.param() : valid('param', operation.params),
			query: valid('query', operation.query),
			body: unchecked ? undefined : valid('json', operation.body),
		}
		// The first status is the default; a handler may set another.
		c.status(getSuccessStatuses(operation)[0]!)
		const answer = await handler(c as never, input as never)
		if (answer instanceof Response) return answer
		if (answer === undefined) return c.body(null)
		const page = operation.method === 'get' ? getPageCall(c.env as object) : null
		if (page === null) return c.json(answer)
		page.answer = answer
		return c.body(null)
	}) as never)
}

/** A call's middleware, in order: Accept, body, access, idempotency. */
function getMiddleware(id: string, operation: Operation): MiddlewareHandler[] {
	// Also without a declared body: Idempotency-Key hashes whatever was sent.
	const size = operation.method === 'get' ? [] : [limitBody(operation.bodyLimitBytes)]
	const body = operation.body === undefined ? [] : [requireJsonBody(operation.bodyOptional === true)]
	// Calls that API keys cannot make return secrets.
	const idempotency = acceptsIdempotencyKey(operation)
		? [idempotencyMiddleware(operation.keys === false ? id : null)]
		: []
	return [
		requireAcceptable(getMediaTypes(operation)),
		...size,
		...body,
		...accessMiddleware(operation.access, { role: getRequiredRole(operation), scope: getRequiredScope(operation) }),
		...idempotency,
	] as MiddlewareHandler[]
}

/** The description with the required role and scope. */
function getDescription(operation: Operation): { description?: string } {
	const scope = getRequiredScope(operation)
	const keys = scope === null ? 'API keys cannot make this call.' : `Required API key scope: \`${scope}\`.`
	const rights = operation.access === 'public' ? '' : `Required role: ${getRequiredRole(operation)}. ${keys}`
	const description = [operation.description ?? '', rights].filter((part) => part !== '').join('\n\n')
	return description === '' ? {} : { description }
}

function toRequestConfig(operation: Operation): NonNullable<RouteConfig['request']> {
	const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
	const declaredParams = operation.params instanceof z.ZodObject ? operation.params.shape : {}
	const undeclaredParams = Object.fromEntries(
		names
			.filter((name) => !(name in declaredParams))
			.map((name) => [name, z.string().meta(PARAMETERS[name]?.(operation.path) ?? {})]),
	)
	const params =
		operation.params instanceof z.ZodObject ? operation.params.extend(undeclaredParams) : z.object(undeclaredParams)
	const headers = acceptsIdempotencyKey(operation) ? IdempotencyHeaders : operation.headers
	return {
		...(names.length === 0 ? {} : { params }),
		...(headers === undefined ? {} : { headers }),
		...(operation.query === undefined ? {} : { query: operation.query as never }),
		// `required` validates the body whatever its Content-Type is.
		...(operation.body === undefined
			? {}
			: {
					body: {
						required: operation.bodyOptional === undefined,
						content: {
							'application/json': {
								schema: operation.body,
								...(operation.example === undefined ? {} : { example: operation.example }),
							},
						},
					},
				}),
	}
}

/** Documented here, checked by the middleware, which runs before validation. */
const IdempotencyHeaders = z.looseObject({
	[IDEMPOTENCY_KEY_HEADER]: z
		.string()
		.optional()
		.meta({
			description:
				'Makes the request safe to retry: for 24 hours, a request with the same key returns the same response and does ' +
				'not run again, unless it failed without any effect. 1 to 255 visible characters',
			examples: ['7c9e6679-7425-40de-944b-e07fc1f90ae7'],
		}),
})

/** Default descriptions of path parameters. */
const PARAMETERS: Record<string, (path: string) => { description: string; examples: string[] }> = {
	id: (path) => ({ description: 'A positive integer', examples: [String(exampleId(path))] }),
	keyOrId: () => ({
		description: "An element's key or id: `woocommercerest` or `2881`",
		examples: ['woocommercerest'],
	}),
}

function exampleId(path: string): number {
	if (path.startsWith('/accounts/api-keys')) return API_KEY.id
	return path.startsWith('/accounts') ? ACCOUNT.id : INSTANCE_ID
}

function toResponsesConfig(operation: Operation): RouteConfig['responses'] {
	const schema = getJsonSchema(operation)
	const textResponses = getTextResponses(operation)
	const content = {
		...(schema === null
			? {}
			: {
					'application/json': {
						schema,
						...(operation.answerExample === undefined ? {} : { example: operation.answerExample }),
					},
				}),
		...Object.fromEntries(
			textResponses.map(({ media, description, example }) => [
				media,
				{ schema: z.string().meta({ description }), example },
			]),
		),
	}
	const successes = getSuccessStatuses(operation).map((status) => [
		status,
		{
			description: operation.answer === null ? 'Success, with an empty body' : 'Success',
			...(operation.answer === null ? {} : { content }),
		},
	])
	const errors = getErrorStatuses(operation).map((status: ErrorStatus) => [
		status,
		{
			description: STATUS_DESCRIPTIONS[status],
			content: { 'application/json': { schema: ErrorBody, example: errorExample(status) } },
		},
	])
	return Object.fromEntries([...successes, ...errors])
}

/** A 400 from validation problems: `field: what was expected`, for each field. */
export function toBadRequest(error: z.core.$ZodError): BadRequest {
	const problems = error.issues.slice(0, 10).map((issue) => {
		const field = issue.path.length === 0 ? 'body' : issue.path.map(String).join('.')
		const message = issue.message.replace(/^Invalid input: /, '')
		return { field, message: message.startsWith('expected nonoptional') ? 'expected a value' : message }
	})
	return toFieldError(problems)
}

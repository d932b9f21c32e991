/**
 * Puts handlers behind calls: what is accepted, who may call, what is validated, and the answer, all as the call's own
 * data says.
 */
import { createRoute, OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import * as z from 'zod'
import { BadRequest, STATUS_DESCRIPTIONS, type ErrorStatus } from '../../lib/errors.ts'
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
import { requireAcceptable, limitBody, requireJsonBody } from './requests.ts'

/** A set of calls that is mounted under a base path. */
export type Api = OpenAPIHono<PublicEnv>

/** What does a call's work: answers with what its contract promises, or with a whole Response where that is no JSON. */
export type Handler<Op extends Operation> = (
	c: Context<AccessEnv[Op['access']]>,
	input: ValidatedInput<Op>,
) => OperationResponse<Op> | Promise<OperationResponse<Op>>

/** A pair that `both` declared has one handler, under the name without `ByToken`. */
type Handlers<Ops extends Operations> = {
	[Name in keyof Ops as Name extends `${infer Base}ByToken` ? (Base extends keyof Ops ? never : Name) : Name]: Handler<
		Ops[Name]
	>
}

/**
 * A fresh set of calls; what its schemas refuse is a 400 that names each field. `getPath`: the path by which a request
 * is routed.
 */
export function createApi(getPath?: (request: Request) => string): Api {
	return new OpenAPIHono<PublicEnv>({
		...(getPath === undefined ? {} : { getPath }),
		defaultHook: (result) => {
			if (!result.success) throw toBadRequest(result.error)
		},
	})
}

/** Mounts calls in the order of their table: fixed words before `{…}` in the same place. */
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

/** Puts calls that are mounted by themselves (`bare`) into the document. `base`: what stands before their paths. */
export function addToDocument(api: Api, operations: Operations, base: string): void {
	for (const [id, operation] of Object.entries(operations))
		api.openAPIRegistry.registerPath({ ...toRouteConfig(id, operation), path: `${base}${operation.path}` })
}

/** A call as the document has it. */
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
	// A body that its handler reads is in the document, and not among what is validated.
	const unchecked = operation.bodyUnchecked === true
	if (unchecked) api.openAPIRegistry.registerPath(config)
	const { body: _body, ...requestWithoutBody } = config.request
	const route = createRoute({
		...config,
		request: unchecked ? requestWithoutBody : config.request,
		middleware: getMiddleware(id, operation),
		hide: unchecked,
	})
	// The library infers a handler's type from a literal route; here the call's own types say it, so the two meet in one
	// cast.
	api.openapi(route, (async (c: Context) => {
		const valid = (part: 'param' | 'query' | 'json', schema: unknown) =>
			schema === undefined ? undefined : c.req.valid(part as never)
		const input = {
			params: operation.params === undefined ? c.req.param() : valid('param', operation.params),
			query: valid('query', operation.query),
			body: unchecked ? undefined : valid('json', operation.body),
		}
		// The first status is the usual one; a handler that means another says so.
		c.status(getSuccessStatuses(operation)[0]!)
		const answer = await handler(c as never, input as never)
		if (answer instanceof Response) return answer
		return answer === undefined ? c.body(null) : c.json(answer)
	}) as never)
}

/** What stands between a request and its handler: first whether it can be answered and read at all, then who asks. */
function getMiddleware(id: string, operation: Operation): MiddlewareHandler[] {
	// Also where no body is declared: an Idempotency-Key is held against what was sent.
	const size = operation.method === 'get' ? [] : [limitBody(operation.bodyLimitBytes)]
	const body = operation.body === undefined ? [] : [requireJsonBody(operation.bodyOptional === true)]
	// What is closed to API keys gives out secrets.
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

/** Who may, for people who read the reference. */
function getDescription(operation: Operation): { description?: string } {
	const scope = getRequiredScope(operation)
	const keys = scope === null ? 'Not to be called with an API key.' : `Scope of an API key: \`${scope}\`.`
	const rights = operation.access === 'public' ? '' : `Least role: ${getRequiredRole(operation)}. ${keys}`
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
	return {
		...(names.length === 0 ? {} : { params }),
		...(acceptsIdempotencyKey(operation) ? { headers: IdempotencyHeaders } : {}),
		...(operation.query === undefined ? {} : { query: operation.query as never }),
		// `required` makes the schema hold whatever the Content-Type says.
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

/**
 * What a POST may carry. Described here, checked by its middleware, which must know the key before anything else is
 * looked at.
 */
const IdempotencyHeaders = z.looseObject({
	[IDEMPOTENCY_KEY_HEADER]: z
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
	keyOrId: () => ({
		description: "An element's key or number: `woocommercerest` or `2881`",
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
			description: operation.answer === null ? 'Done; the body is empty' : 'Success',
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

/** A 400 out of what a schema refused: `field: what was expected`, for each field. */
export function toBadRequest(error: z.core.$ZodError): BadRequest {
	const problems = error.issues.slice(0, 10).map((issue) => {
		const field = issue.path.length === 0 ? 'body' : issue.path.map(String).join('.')
		return `${field}: ${issue.message.replace(/^Invalid input: /, '')}`
	})
	return new BadRequest(problems.join('; '))
}

/**
 * A call as data: method, path, schemas, access and errors. Requests are validated by it (serve.ts), handlers are typed
 * by it, the OpenAPI document is generated from it (openapi.ts) and the client inferred (src/client). Pure.
 */
import * as z from 'zod'
import type { Role } from '../../accounts/roles.ts'
import type { ErrorStatus } from '../../lib/errors.ts'
import { ORDER, errorExample } from './examples.ts'

/** The sections of the API reference, in order. The name in lower case is the area of an API key's scope. */
export const TAGS = {
	Instances: 'Connect stores, configure them, and monitor them.',
	Elements: 'The kinds of stores that you can connect, and their settings.',
	Hub: "Read and write a store's own records with the token of its instance.",
	Events: 'The event log: list, count, export and stream changes.',
	Notifications: 'Notifications, subscriptions and deliveries.',
	Accounts: 'The organization: settings, users, API keys and the audit log.',
	Authentication: 'Sign in, sessions and secrets.',
	Receivers: 'Endpoints that stores deliver their webhooks to.',
	Tools: 'Help for building a receiver.',
	Service: 'This deployment, for operators.',
} as const

/** A section of the API reference. */
export type Tag = keyof typeof TAGS

/** First words of titles, in the order in which the reference shows the calls about one resource. */
export const VERBS = [
	...['List', 'Create', 'Connect', 'Invite', 'Start', 'Get', 'Replace', 'Update', 'Delete'],
	...['Enable', 'Disable', 'Rotate', 'End', 'Revoke', 'Reset', 'Cancel', 'Decide', 'Erase', 'Poll', 'Send'],
	...[
		'Release',
		'Acknowledge',
		'Deliver',
		'Replay',
		'Count',
		'Export',
		'Stream',
		'Sign',
		'Accept',
		'Verify',
		'Check',
		'Ping',
	],
]

/**
 * The credentials that a call requires. `caller`: User with Organization or Element; `account`: Organization as well;
 * `instance`: access to the instance of the path's `{id}`; `token`: an Element token.
 */
export type AccessLevel = 'public' | 'caller' | 'account' | 'instance' | 'token'

/** Statuses of a documented response; 503 is `/healthz` reporting a failure. */
type SuccessStatus = 200 | 202 | 503

/** A response that is not JSON. */
export interface TextResponse {
	media: string
	description: string
	example: string
}

/** A call. */
export interface Operation {
	method: 'get' | 'post' | 'put' | 'patch' | 'delete'
	/** OpenAPI form: `/instances/{id}`. Below the contract's base path unless `root`. */
	path: string
	/** The path is not below the base path. */
	root?: true
	tag: Tag
	/** A title that begins with one of `VERBS`: at most 40 characters, and no other call has it. */
	summary: string
	/** Markdown. */
	description?: string
	access: AccessLevel
	/** Minimum role; by default viewer for GET and developer for the rest. */
	role?: Role
	params?: z.ZodType
	query?: z.ZodType
	/** Headers that a GET may have. */
	headers?: z.ZodObject
	/** JSON. */
	body?: z.ZodType
	/** A request without a body counts as `{}`. */
	bodyOptional?: true
	/** The body is documented, but its handler reads and validates it. */
	bodyUnchecked?: true
	/** Where it is not `LIMITS.body`. */
	bodyLimitBytes?: number
	/** The response: JSON, none (null), text, or several of these, JSON first. */
	answer: z.ZodType | null | TextResponse | readonly [z.ZodType | TextResponse, ...TextResponse[]]
	/** 200 by default; several when the same response comes with several. */
	status?: SuccessStatus | readonly SuccessStatus[]
	/** Errors beyond those that follow from the rest (`getErrorStatuses`). */
	errors?: readonly ErrorStatus[]
	/** Not for API keys: it returns secrets or changes rights, so a key could exceed its scopes. */
	keys?: false
	/** Scope that an API key needs; by default the area's `:read` for GET and `:write` for the rest. */
	scope?: `${Lowercase<Tag>}:${'read' | 'write'}`
	/** Mounted without the middleware of calls: `errors` is the whole list. */
	bare?: true
	/** A POST that ignores `Idempotency-Key`. */
	repeatable?: true
	/** Example of a body, where the schema has none. */
	example?: unknown
	/** Example of a JSON response, where the schema has none: the store's records. */
	answerExample?: unknown
}

/** Tables of calls, by their operation ids. */
export type Operations = Readonly<Record<string, Operation>>

/** Declares a call and keeps its exact type. */
export function defineOperation<const Op extends Operation>(definition: Op): Op {
	return definition
}

/**
 * A call about one instance exists twice: by id (`Name`), and under `/instances` with the instance's token
 * (`NameByToken`).
 */
type ByIdAndToken<Name extends string, Op> = Record<`${Name}ByToken`, Op & { access: 'token' }> &
	Record<Name, Op & { access: 'instance' }>

/** Declares such a pair. `path` follows `/instances` and `/instances/{id}`. */
export function byIdAndToken<const Name extends string, const Op extends Omit<Operation, 'access'>>(
	name: Name,
	definition: Op,
): ByIdAndToken<Name, Op> {
	// The token's comes first: its path has a fixed segment where the other has `{id}`.
	return {
		[`${name}ByToken`]: {
			...definition,
			access: 'token',
			path: `/instances${definition.path}`,
			summary: `${definition.summary} (by token)`,
		},
		[name]: { ...definition, access: 'instance', path: `/instances/{id}${definition.path}`, params: definition.params },
	} as never
}

/** Declares a response that is not JSON. */
export function textResponse(media: string, description: string, example: string): TextResponse {
	return { media, description, example }
}

/** The input of a call, as a client sends it. */
export interface OperationInput<Op extends Operation> {
	params: Op['params'] extends z.ZodType ? z.input<Op['params']> : Record<string, string>
	query: Op['query'] extends z.ZodType ? z.input<Op['query']> : undefined
	body: Op['body'] extends z.ZodType ? z.input<Op['body']> : undefined
}

/** The input of a handler, after validation. */
export interface ValidatedInput<Op extends Operation> {
	params: Op['params'] extends z.ZodType ? z.output<Op['params']> : Record<string, string>
	query: Op['query'] extends z.ZodType ? z.output<Op['query']> : undefined
	body: Op extends { bodyUnchecked: true } ? undefined : Op['body'] extends z.ZodType ? z.output<Op['body']> : undefined
}

/** The response of a call; undefined: its body is empty. */
export type OperationResponse<Op extends Operation> = Op['answer'] extends z.ZodType
	? z.input<Op['answer']>
	: Op['answer'] extends readonly [infer Json extends z.ZodType, ...unknown[]]
		? z.input<Json> | Response
		: Op['answer'] extends null
			? undefined
			: Response

/** The documented statuses other than errors. */
export function getSuccessStatuses(operation: Operation): readonly SuccessStatus[] {
	const { status = 200 } = operation
	return typeof status === 'number' ? [status] : status
}

/** Media types of the response, JSON first. */
export function getMediaTypes(operation: Operation): string[] {
	return getResponseForms(operation).map((form) => ('media' in form ? form.media : 'application/json'))
}

/** The schema of the JSON response; null: there is none. */
export function getJsonSchema(operation: Operation): z.ZodType | null {
	return getResponseForms(operation).find((form): form is z.ZodType => !('media' in form)) ?? null
}

/** The responses that are not JSON. */
export function getTextResponses(operation: Operation): TextResponse[] {
	return getResponseForms(operation).filter((form): form is TextResponse => 'media' in form)
}

function getResponseForms({ answer }: Operation): readonly (z.ZodType | TextResponse)[] {
	if (answer === null) return []
	return Array.isArray(answer)
		? (answer as readonly (z.ZodType | TextResponse)[])
		: [answer as z.ZodType | TextResponse]
}

/** Whether a call honors `Idempotency-Key`. */
export function acceptsIdempotencyKey(operation: Operation): boolean {
	return operation.access !== 'public' && operation.method === 'post' && operation.repeatable === undefined
}

/** Every error status of a call, ascending. */
export function getErrorStatuses(operation: Operation): ErrorStatus[] {
	if (operation.bare) return [...(operation.errors ?? [])]
	const hasInput = operation.params !== undefined || operation.query !== undefined || operation.body !== undefined
	const isAuthenticated = operation.access !== 'public'
	const idempotent = acceptsIdempotencyKey(operation)
	const statuses: (ErrorStatus | false)[] = [
		(hasInput || idempotent) && 400,
		isAuthenticated && 401,
		isAuthenticated && 403,
		(operation.path.includes('{') || operation.access === 'instance') && 404,
		406,
		idempotent && 409,
		operation.method !== 'get' && 413,
		operation.body !== undefined && 415,
		idempotent && 422,
		isAuthenticated && 429,
		500,
		...(operation.errors ?? []),
	]
	return [...new Set(statuses.filter((status) => status !== false))].sort((a, b) => a - b)
}

/** The minimum role of a call. */
export function getRequiredRole(operation: Operation): Role {
	return operation.role ?? (operation.method === 'get' ? 'viewer' : 'developer')
}

/** Sections that API keys cannot call. */
const TAGS_WITHOUT_SCOPES: readonly Tag[] = ['Authentication', 'Receivers', 'Service']

/** The scope that an API key needs for a call: `<area>:read` or `<area>:write`; null: API keys are not allowed. */
export function getRequiredScope(operation: Operation): string | null {
	if (operation.keys === false || TAGS_WITHOUT_SCOPES.includes(operation.tag)) return null
	return operation.scope ?? `${operation.tag.toLowerCase()}:${operation.method === 'get' ? 'read' : 'write'}`
}

/** All scopes of API keys. */
export const SCOPES = (Object.keys(TAGS) as Tag[])
	.filter((tag) => !TAGS_WITHOUT_SCOPES.includes(tag))
	.flatMap((tag) => [`${tag.toLowerCase()}:read`, `${tag.toLowerCase()}:write`])

/** The error body of the contract (docs/contract.md §1). */
export const ErrorBody = z
	.strictObject({
		message: z.string().meta({ description: 'What is wrong and what is expected' }),
		requestId: z.string().meta({ description: 'Identifies the request in the log; also sent as Elements-Request-Id' }),
		providerMessage: z.string().optional().meta({ description: "The store's error message" }),
	})
	.meta({ id: 'Error', examples: [errorExample(400)] })

/** A record as the store returns it: the only open schema of a response. */
export const VendorRecord = z
	.record(z.string(), z.unknown())
	.meta({ id: 'VendorRecord', examples: [ORDER], description: 'A record as the store returns it' })

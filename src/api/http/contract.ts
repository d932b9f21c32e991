/**
 * What a call is: method, path, shapes, who may make it and how it can be refused, as data. From this the call is
 * validated, its handler typed (serve.ts), the document generated (openapi.ts) and the client inferred (src/client).
 * Pure: no handler, no binding.
 */
import * as z from 'zod'
import type { Role } from '../../accounts/roles.ts'
import type { ErrorStatus } from '../../lib/errors.ts'
import { ORDER, errorExample } from './examples.ts'

/**
 * The parts of the reference, in its order, and what each is about. The first word in lower case is the area of an API
 * key's scope.
 */
export const TAGS = {
	Instances: 'Connected stores: making, changing, watching and removing them.',
	Elements: 'What can be connected, and with which settings.',
	Hub: "A store's own records, as the store has them, through the token of its instance.",
	Events: 'The log of changes: lists, counts, exports, a stream.',
	Notifications: 'What is sent, where to, and how it fares.',
	Accounts: 'The organization: settings, people, keys, audit log.',
	Authentication: 'Who is calling: signing in, sessions, secrets.',
	Receivers: 'What stores call: deliveries of their webhooks.',
	Tools: 'What helps whoever builds a receiver.',
	Service: 'This deployment itself, for operators.',
} as const

/** One of them. */
export type Tag = keyof typeof TAGS

/** What titles of calls begin with, in the order in which the calls about one thing are shown. */
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
 * How much a caller must prove. `caller`: User with Organization or with Element; `account`: the organization too;
 * `instance`: the instance of the path's `{id}`; `token`: the instance of the Element token.
 */
export type AccessLevel = 'public' | 'caller' | 'account' | 'instance' | 'token'

/** Statuses of an answer that was meant to be; 503 is `/healthz` saying that something fails. */
export type SuccessStatus = 200 | 202 | 503

/** An answer that is no JSON. */
export interface TextResponse {
	media: string
	description: string
	example: string
}

/** One call. */
export interface Operation {
	method: 'get' | 'post' | 'put' | 'patch' | 'delete'
	/** OpenAPI form: `/instances/{id}`. Below the contract's base path unless `root`. */
	path: string
	/** The path stands at the root, not below the base path. */
	root?: true
	tag: Tag
	/** A title that begins with one of `VERBS`: at most 40 characters, and no other call has it. */
	summary: string
	/** Markdown: what is to be known beyond the summary. */
	description?: string
	access: AccessLevel
	/** Least role; where it is not said, a viewer for GET and a developer for the rest. */
	role?: Role
	params?: z.ZodType
	query?: z.ZodType
	/** JSON. */
	body?: z.ZodType
	/** A request without a body is as good as `{}`. */
	bodyOptional?: true
	/** The body is described, and the handler reads and validates it itself: it knows what must be looked at before. */
	bodyUnchecked?: true
	/** Where other than `LIMITS.body`. */
	bodyLimitBytes?: number
	/** What a success answers with: JSON, nothing (null), other media, or several of these, JSON first. */
	answer: z.ZodType | null | TextResponse | readonly [z.ZodType | TextResponse, ...TextResponse[]]
	/** 200 unless said otherwise; several when the same answer comes with several. */
	status?: SuccessStatus | readonly SuccessStatus[]
	/** Refusals beyond those that follow from the rest (`refusalsOf`). */
	errors?: readonly ErrorStatus[]
	/** Not for API keys: it gives out secrets or rights, which would make more of a key than its scopes say. */
	keys?: false
	/** The scope that an API key needs, where it is not the area's `:read` for a GET and `:write` for the rest. */
	scope?: `${Lowercase<Tag>}:${'read' | 'write'}`
	/** Mounted by itself, without any of the middleware of calls: it can be refused by `errors` alone. */
	bare?: true
	/** A POST for which `Idempotency-Key` means nothing. */
	repeatable?: true
	/** An example of a body, where the schema's own examples do not suffice. */
	example?: unknown
	/** An example of an answer in JSON, where that of its schema does not suffice: the vendor's records. */
	answerExample?: unknown
}

/** Tables of calls, by their operation ids. */
export type Operations = Readonly<Record<string, Operation>>

/** Declares a call; keeps its exact type. */
export function defineOperation<const Op extends Operation>(definition: Op): Op {
	return definition
}

/**
 * A call about one instance exists twice: by id (`Name`), and under `/instances` with the instance's token
 * (`NameByToken`).
 */
export type ByIdAndToken<Name extends string, Op> = Record<`${Name}ByToken`, Op & { access: 'token' }> &
	Record<Name, Op & { access: 'instance' }>

/**
 * Declares such a pair; `path` is what follows `/instances` and `/instances/{id}`. The title of the token's says so.
 */
export function byIdAndToken<const Name extends string, const Op extends Omit<Operation, 'access'>>(
	name: Name,
	definition: Op,
): ByIdAndToken<Name, Op> {
	// The token's first: its path has a fixed word where the other has `{id}`.
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

/** An answer that is no JSON: its media type, what it is, and an example. */
export function textResponse(media: string, description: string, example: string): TextResponse {
	return { media, description, example }
}

/** What a client sends. */
export interface OperationInput<Op extends Operation> {
	params: Op['params'] extends z.ZodType ? z.input<Op['params']> : Record<string, string>
	query: Op['query'] extends z.ZodType ? z.input<Op['query']> : undefined
	body: Op['body'] extends z.ZodType ? z.input<Op['body']> : undefined
}

/** What a handler is given: the same after validation. */
export interface ValidatedInput<Op extends Operation> {
	params: Op['params'] extends z.ZodType ? z.output<Op['params']> : Record<string, string>
	query: Op['query'] extends z.ZodType ? z.output<Op['query']> : undefined
	body: Op extends { bodyUnchecked: true } ? undefined : Op['body'] extends z.ZodType ? z.output<Op['body']> : undefined
}

/** What a success holds; undefined: nothing. */
export type OperationResponse<Op extends Operation> = Op['answer'] extends z.ZodType
	? z.input<Op['answer']>
	: Op['answer'] extends readonly [infer Json extends z.ZodType, ...unknown[]]
		? z.input<Json> | Response
		: Op['answer'] extends null
			? undefined
			: Response

/** The statuses of a success. */
export function getSuccessStatuses(operation: Operation): readonly SuccessStatus[] {
	const { status = 200 } = operation
	return typeof status === 'number' ? [status] : status
}

/** The media that a success may come in, JSON first. */
export function getMediaTypes(operation: Operation): string[] {
	return getResponseForms(operation).map((form) => ('media' in form ? form.media : 'application/json'))
}

/** The schema of a success in JSON; null when it is none. */
export function getJsonSchema(operation: Operation): z.ZodType | null {
	return getResponseForms(operation).find((form): form is z.ZodType => !('media' in form)) ?? null
}

/** The forms of a success that are no JSON. */
export function getTextResponses(operation: Operation): TextResponse[] {
	return getResponseForms(operation).filter((form): form is TextResponse => 'media' in form)
}

function getResponseForms({ answer }: Operation): readonly (z.ZodType | TextResponse)[] {
	if (answer === null) return []
	return Array.isArray(answer)
		? (answer as readonly (z.ZodType | TextResponse)[])
		: [answer as z.ZodType | TextResponse]
}

/** Whether an `Idempotency-Key` makes a call happen once. */
export function acceptsIdempotencyKey(operation: Operation): boolean {
	return operation.access !== 'public' && operation.method === 'post' && operation.repeatable === undefined
}

/** Every way in which a call can be refused, in order. */
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

/** Least role that a call wants. */
export function getRequiredRole(operation: Operation): Role {
	return operation.role ?? (operation.method === 'get' ? 'viewer' : 'developer')
}

/** Parts in which no API key has a say. */
const TAGS_WITHOUT_SCOPES: readonly Tag[] = ['Authentication', 'Receivers', 'Service']

/** The scope that an API key needs for a call: `<area>:read` or `<area>:write`; null: it may not be made with one. */
export function getRequiredScope(operation: Operation): string | null {
	if (operation.keys === false || TAGS_WITHOUT_SCOPES.includes(operation.tag)) return null
	return operation.scope ?? `${operation.tag.toLowerCase()}:${operation.method === 'get' ? 'read' : 'write'}`
}

/** All scopes that an API key can be given. */
export const SCOPES = (Object.keys(TAGS) as Tag[])
	.filter((tag) => !TAGS_WITHOUT_SCOPES.includes(tag))
	.flatMap((tag) => [`${tag.toLowerCase()}:read`, `${tag.toLowerCase()}:write`])

/** The error body of the contract (docs/contract.md §1). */
export const ErrorBody = z
	.strictObject({
		message: z.string().meta({ description: 'What was wrong and what was expected' }),
		requestId: z.string().meta({ description: 'Finds the request in the log; also in Elements-Request-Id' }),
		providerMessage: z.string().optional().meta({ description: 'What the store said' }),
	})
	.meta({ id: 'Error', examples: [errorExample(400)] })

/** A record as the vendor gives it: the only shape of an answer that is not ours to close. */
export const VendorRecord = z
	.record(z.string(), z.unknown())
	.meta({ id: 'VendorRecord', examples: [ORDER], description: 'A record as the store gave it' })

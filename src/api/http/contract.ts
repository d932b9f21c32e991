/**
 * What a call is: method, path, shapes, who may make it and how it can be refused, as data. From this the call is validated, its
 * handler typed (serve.ts), the document generated (openapi.ts) and the client inferred (src/client). Pure: no handler, no binding.
 */
import * as z from 'zod'
import type { Role } from '../../accounts/roles.ts'
import type { ErrorStatus } from '../../lib/errors.ts'
import { ORDER, refusalExample } from './examples.ts'

/** The parts of the reference, in its order, and what each is about. The first word in lower case is the area of an API key's scope. */
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
	...['Release', 'Acknowledge', 'Deliver', 'Replay', 'Count', 'Export', 'Stream', 'Sign', 'Accept', 'Verify', 'Check', 'Ping'],
]

/**
 * How much a caller must prove. `caller`: User with Organization or with Element; `account`: the organization too; `instance`: the
 * instance of the path's `{id}`; `token`: the instance of the Element token.
 */
export type AccessLevel = 'public' | 'caller' | 'account' | 'instance' | 'token'

/** Statuses of an answer that was meant to be; 503 is `/healthz` saying that something fails. */
export type SuccessStatus = 200 | 202 | 503

/** An answer that is no JSON. */
export interface TextAnswer {
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
	answer: z.ZodType | null | TextAnswer | readonly [z.ZodType | TextAnswer, ...TextAnswer[]]
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
export function operation<const One extends Operation>(one: One): One {
	return one
}

/** A call about one instance exists twice: by id (`Name`), and under `/instances` with the instance's token (`NameByToken`). */
export type Both<Name extends string, One> = Record<`${Name}ByToken`, One & { access: 'token' }> &
	Record<Name, One & { access: 'instance' }>

/** Declares such a pair; `path` is what follows `/instances` and `/instances/{id}`. The title of the token's says so. */
export function both<const Name extends string, const One extends Omit<Operation, 'access'>>(name: Name, one: One): Both<Name, One> {
	// The token's first: its path has a fixed word where the other has `{id}`.
	return {
		[`${name}ByToken`]: { ...one, access: 'token', path: `/instances${one.path}`, summary: `${one.summary} (by token)` },
		[name]: { ...one, access: 'instance', path: `/instances/{id}${one.path}`, params: one.params },
	} as never
}

/** An answer that is no JSON: its media type, what it is, and an example. */
export function text(media: string, description: string, example: string): TextAnswer {
	return { media, description, example }
}

/** What a client sends. */
export interface InputOf<One extends Operation> {
	params: One['params'] extends z.ZodType ? z.input<One['params']> : Record<string, string>
	query: One['query'] extends z.ZodType ? z.input<One['query']> : undefined
	body: One['body'] extends z.ZodType ? z.input<One['body']> : undefined
}

/** What a handler is given: the same after validation. */
export interface ValidOf<One extends Operation> {
	params: One['params'] extends z.ZodType ? z.output<One['params']> : Record<string, string>
	query: One['query'] extends z.ZodType ? z.output<One['query']> : undefined
	body: One extends { bodyUnchecked: true } ? undefined : One['body'] extends z.ZodType ? z.output<One['body']> : undefined
}

/** What a success holds; undefined: nothing. */
export type AnswerOf<One extends Operation> = One['answer'] extends z.ZodType
	? z.input<One['answer']>
	: One['answer'] extends readonly [infer Json extends z.ZodType, ...unknown[]]
		? z.input<Json> | Response
		: One['answer'] extends null
			? undefined
			: Response

/** The statuses of a success. */
export function successesOf(one: Operation): readonly SuccessStatus[] {
	const { status = 200 } = one
	return typeof status === 'number' ? [status] : status
}

/** The media that a success may come in, JSON first. */
export function mediaOf(one: Operation): string[] {
	return formsOf(one).map((form) => ('media' in form ? form.media : 'application/json'))
}

/** The schema of a success in JSON; null when it is none. */
export function schemaOf(one: Operation): z.ZodType | null {
	return formsOf(one).find((form): form is z.ZodType => !('media' in form)) ?? null
}

/** The forms of a success that are no JSON. */
export function textsOf(one: Operation): TextAnswer[] {
	return formsOf(one).filter((form): form is TextAnswer => 'media' in form)
}

function formsOf({ answer }: Operation): readonly (z.ZodType | TextAnswer)[] {
	if (answer === null) return []
	return Array.isArray(answer) ? (answer as readonly (z.ZodType | TextAnswer)[]) : [answer as z.ZodType | TextAnswer]
}

/** Whether an `Idempotency-Key` makes a call happen once. */
export function isOnce(one: Operation): boolean {
	return one.access !== 'public' && one.method === 'post' && one.repeatable === undefined
}

/** Every way in which a call can be refused, in order. */
export function refusalsOf(one: Operation): ErrorStatus[] {
	if (one.bare) return [...(one.errors ?? [])]
	const given = one.params !== undefined || one.query !== undefined || one.body !== undefined
	const known = one.access !== 'public'
	const once = isOnce(one)
	const all: (ErrorStatus | false)[] = [
		(given || once) && 400,
		known && 401,
		known && 403,
		(one.path.includes('{') || one.access === 'instance') && 404,
		406,
		once && 409,
		one.method !== 'get' && 413,
		one.body !== undefined && 415,
		once && 422,
		known && 429,
		500,
		...(one.errors ?? []),
	]
	return [...new Set(all.filter((status) => status !== false))].sort((a, b) => a - b)
}

/** Least role that a call wants. */
export function roleOf(one: Operation): Role {
	return one.role ?? (one.method === 'get' ? 'viewer' : 'developer')
}

/** Parts in which no API key has a say. */
const UNSCOPED: readonly Tag[] = ['Authentication', 'Receivers', 'Service']

/** The scope that an API key needs for a call: `<area>:read` or `<area>:write`; null: it may not be made with one. */
export function scopeOf(one: Operation): string | null {
	if (one.keys === false || UNSCOPED.includes(one.tag)) return null
	return one.scope ?? `${one.tag.toLowerCase()}:${one.method === 'get' ? 'read' : 'write'}`
}

/** All scopes that an API key can be given. */
export const SCOPES = (Object.keys(TAGS) as Tag[])
	.filter((tag) => !UNSCOPED.includes(tag))
	.flatMap((tag) => [`${tag.toLowerCase()}:read`, `${tag.toLowerCase()}:write`])

/** The error body of the contract, section 1. */
export const ErrorBody = z
	.strictObject({
		message: z.string().meta({ description: 'What was wrong and what was expected' }),
		requestId: z.string().meta({ description: 'Finds the request in the log; also in Elements-Request-Id' }),
		providerMessage: z.string().optional().meta({ description: 'What the store said' }),
	})
	.meta({ id: 'Error', examples: [refusalExample(400)] })

/** A record as the vendor gives it: the only shape of an answer that is not ours to close. */
export const VendorRecord = z
	.record(z.string(), z.unknown())
	.meta({ id: 'VendorRecord', examples: [ORDER], description: 'A record as the store gave it' })

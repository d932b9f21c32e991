/**
 * A typed client of the API with one method per operation, inferred from the server's tables. It needs `fetch` and
 * nothing of Cloudflare.
 *
 * ```ts
 * const api = createClient({ baseUrl: 'https://bell.example.com', authorization: 'User …, Organization …' })
 * const settings = await api.getSettings()
 * for await (const subscriptions of pages(api.listSubscriptions)) …
 * ```
 */
import { getMediaTypes, type OperationResponse, type OperationInput, type Operation } from '../api/http/contract.ts'
import { operations, type OperationId } from '../api/operations.ts'
import { BASE_PATH } from '../lib/base-path.ts'

/** Options of a client. */
export interface ClientOptions {
	/** The server's address without the contract's base path: `https://bell.example.com`. */
	baseUrl: string
	/** The header `Authorization` of every call: `User …, Organization …`, `User …, Element …` or `Bearer …`. */
	authorization?: string
	/** Replaces the global `fetch`. */
	fetch?: (request: Request) => Promise<Response>
}

/** Options of one call. */
export interface CallOptions {
	/** Replaces the client's own. */
	authorization?: string
	/** Makes a POST safe to retry: for a day, the same key returns the same response. */
	idempotencyKey?: string
	/** Media type, where a call has several: `text/csv`. The result is a Response then. */
	accept?: string
	signal?: AbortSignal
}

/** An error of the API. */
export class ApiError extends Error {
	/** The operation that was called. */
	readonly operation: string
	readonly status: number
	/** Identifies the request in the server's log; '' when a proxy refused it. */
	readonly requestId: string
	/** The store's error message; null: there is none. */
	readonly providerMessage: string | null

	constructor(operation: string, status: number, message: string, requestId: string, providerMessage: string | null) {
		super(message)
		this.name = 'ApiError'
		this.operation = operation
		this.status = status
		this.requestId = requestId
		this.providerMessage = providerMessage
	}
}

/** The parameters of a path. */
type PathParamNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
	? Name | PathParamNames<Rest>
	: never

/** A call about one instance has its id in front of the path (`byIdAndToken`). */
type ParamNames<Op extends Operation> = PathParamNames<Op['path']> | (Op['access'] extends 'instance' ? 'id' : never)

type ParamValue = string | number

type ParamsInput<Op extends Operation> = [ParamNames<Op>] extends [never]
	? { params?: undefined }
	: { params: { [Name in ParamNames<Op>]: ParamValue } }

/** Numbers and booleans are sent as text. */
type QueryValue<Value> = Value extends string ? Value | number | boolean : Value
type QueryInput<Op extends Operation> = OperationInput<Op>['query'] extends infer Query extends object
	? { query?: { [Name in keyof Query]: QueryValue<Query[Name]> } }
	: { query?: undefined }

type BodyInput<Op extends Operation> = Op extends { body: unknown }
	? Op extends { bodyOptional: true }
		? { body?: OperationInput<Op>['body'] }
		: { body: OperationInput<Op>['body'] }
	: { body?: undefined }

/** The input of a call. */
export type CallInput<Op extends Operation> = ParamsInput<Op> & QueryInput<Op> & BodyInput<Op>

/** The input is optional when all of its parts are. */
type CallArguments<Op extends Operation> =
	{} extends CallInput<Op>
		? [input?: CallInput<Op>, options?: CallOptions]
		: [input: CallInput<Op>, options?: CallOptions]

/** A response and its headers. */
export interface Page<Answer> {
	answer: Answer
	/** `nextPage` of the next page; null after the last one. */
	next: string | null
	/** Number of items in all; null: unknown. */
	total: number | null
	requestId: string
}

/** One operation. */
export interface OperationCall<Op extends Operation> {
	(...args: CallArguments<Op>): Promise<OperationResponse<Op>>
	/** The response with its headers. */
	readonly page: (...args: CallArguments<Op>) => Promise<Page<OperationResponse<Op>>>
}

/** A client: every operation by its id. */
export type Client = { readonly [Id in OperationId]: OperationCall<(typeof operations)[Id]> }

/** An untyped input. */
interface RequestInput {
	params?: Record<string, ParamValue> | undefined
	query?: Record<string, unknown> | undefined
	body?: unknown
}

/** Creates a client. */
export function createClient(options: ClientOptions): Client {
	const methods = Object.entries<Operation>(operations).map(([id, operation]) => {
		const getPage = async (input: RequestInput = {}, callOptions: CallOptions = {}): Promise<Page<unknown>> => {
			const response = await send(options, id, operation, input, callOptions)
			const total = response.headers.get('Elements-Total-Count')
			return {
				answer: await readResponse(response, operation),
				next: response.headers.get('Elements-Next-Page-Token'),
				total: total === null ? null : Number(total),
				requestId: response.headers.get('Elements-Request-Id') ?? '',
			}
		}
		return [
			id,
			Object.assign(
				async (input?: RequestInput, callOptions?: CallOptions) => (await getPage(input, callOptions)).answer,
				{
					page: getPage,
				},
			),
		]
	})
	return Object.fromEntries(methods) as Client
}

/** All pages of a list, one after the other. */
export async function* pages<Op extends Operation>(
	call: OperationCall<Op>,
	...args: CallArguments<Op>
): AsyncGenerator<OperationResponse<Op>> {
	const [input, options] = args as [RequestInput | undefined, CallOptions | undefined]
	const getPage = call.page as unknown as (
		input: RequestInput,
		options?: CallOptions,
	) => Promise<Page<OperationResponse<Op>>>
	let next: string | null = null
	do {
		const page: Page<OperationResponse<Op>> = await getPage(
			{ ...input, query: { ...input?.query, ...(next === null ? {} : { nextPage: next }) } },
			options,
		)
		yield page.answer
		next = page.next
	} while (next !== null)
}

async function send(
	client: ClientOptions,
	id: string,
	operation: Operation,
	input: RequestInput,
	options: CallOptions,
): Promise<Response> {
	const headers = new Headers()
	const authorization = options.authorization ?? client.authorization
	if (authorization !== undefined) headers.set('Authorization', authorization)
	if (input.body !== undefined) headers.set('Content-Type', 'application/json')
	if (options.idempotencyKey !== undefined) headers.set('Idempotency-Key', options.idempotencyKey)
	headers.set('Accept', options.accept ?? getMediaTypes(operation)[0] ?? 'application/json')
	const request = new Request(buildUrl(client.baseUrl, operation, input), {
		method: operation.method.toUpperCase(),
		headers,
		...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
		...(options.signal === undefined ? {} : { signal: options.signal }),
	})
	const response = await (client.fetch ?? fetch)(request)
	if (!response.ok) throw await toApiError(id, response)
	return response
}

/** The full URL; throws when a path parameter is missing. */
function buildUrl(baseUrl: string, operation: Operation, { params, query }: RequestInput): string {
	const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
		const value = params?.[name]
		if (value === undefined || value === '') throw new TypeError(`${operation.path}: ${name} is missing`)
		return encodeURIComponent(value)
	})
	const search = new URLSearchParams()
	for (const [name, value] of Object.entries(query ?? {}))
		for (const item of Array.isArray(value) ? value : [value])
			if (item !== undefined && item !== null) search.append(name, String(item))
	const queryString = search.size === 0 ? '' : `?${search.toString()}`
	return `${baseUrl.replace(/\/+$/, '')}${operation.root ? '' : BASE_PATH}${path}${queryString}`
}

/** Parses JSON; any other response, such as a stream, is returned as it is. */
async function readResponse(response: Response, operation: Operation): Promise<unknown> {
	if (operation.answer === null) {
		await response.body?.cancel()
		return undefined
	}
	return /^application\/json\b/i.test(response.headers.get('Content-Type') ?? '') ? await response.json() : response
}

async function toApiError(id: string, response: Response): Promise<ApiError> {
	const text = await response.text()
	let body: { message?: unknown; requestId?: unknown; providerMessage?: unknown } = {}
	try {
		body = (JSON.parse(text) as typeof body | null) ?? {}
	} catch {
		// A proxy responded, not the API.
	}
	const message = typeof body.message === 'string' ? body.message : `${id} answered ${response.status}`
	const requestId =
		typeof body.requestId === 'string' ? body.requestId : (response.headers.get('Elements-Request-Id') ?? '')
	return new ApiError(
		id,
		response.status,
		message,
		requestId,
		typeof body.providerMessage === 'string' ? body.providerMessage : null,
	)
}

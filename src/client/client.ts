/**
 * A client of the API, inferred from the tables that the server is made of: one method an operation, typed in what it takes and what it gives.
 * It needs `fetch` and nothing of Cloudflare; of the server only the tables and their shapes come along.
 *
 * ```ts
 * const api = createClient({ baseUrl: 'https://bell.example.com', authorization: 'User …, Organization …' })
 * const settings = await api.getSettings()
 * for await (const subscriptions of pages(api.listSubscriptions)) …
 * ```
 */
import { mediaOf, type AnswerOf, type InputOf, type Operation } from '../api/http/contract.ts'
import { operations, type OperationId } from '../api/operations.ts'

/** Where the contract's paths begin. */
const BASE_PATH = '/elements/api-v2'

/** How a client is made. */
export interface ClientOptions {
	/** The server's address without the contract's base path: `https://bell.example.com`. */
	baseUrl: string
	/** The header `Authorization` of every call: `User …, Organization …`, `User …, Element …` or `Bearer …`. */
	authorization?: string
	/** In place of the global one. */
	fetch?: (request: Request) => Promise<Response>
}

/** What may be said of a single call. */
export interface CallOptions {
	/** In place of the client's own. */
	authorization?: string
	/** The same key gives the same answer for a day: a POST that is sent twice is done once. */
	idempotencyKey?: string
	/** The media that is wanted, where a call can answer in several: `text/csv`. The answer is a Response then. */
	accept?: string
	signal?: AbortSignal
}

/** A refusal: what the API's error body says. */
export class ApiError extends Error {
	/** The operation that was called. */
	readonly operation: string
	readonly status: number
	/** Finds the request in the server's log; '' when something between said no. */
	readonly requestId: string
	/** What the store said; null when it said nothing. */
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

/** The words in braces of a path. */
type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never

/** A call about one instance by id has that id in front of its path (`both`). */
type ParamNames<One extends Operation> = NamesIn<One['path']> | (One['access'] extends 'instance' ? 'id' : never)

type Text = string | number

/** Words of the path: whatever the schema takes, and numbers too. */
type ParamsOf<One extends Operation> = [ParamNames<One>] extends [never]
	? { params?: undefined }
	: { params: { [Name in ParamNames<One>]: Text } }

/** A query goes out as text: numbers, booleans and lists are written so. */
type Written<Value> = Value extends string ? Value | number | boolean : Value
type QueryOf<One extends Operation> = InputOf<One>['query'] extends infer Query extends object
	? { query?: { [Name in keyof Query]: Written<Query[Name]> } }
	: { query?: undefined }

type BodyOf<One extends Operation> = One extends { body: unknown }
	? One extends { bodyOptional: true }
		? { body?: InputOf<One>['body'] }
		: { body: InputOf<One>['body'] }
	: { body?: undefined }

/** What a call takes. */
export type Input<One extends Operation> = ParamsOf<One> & QueryOf<One> & BodyOf<One>

/** May be called without anything when nothing of the input has to be there. */
type Arguments<One extends Operation> =
	{} extends Input<One> ? [input?: Input<One>, options?: CallOptions] : [input: Input<One>, options?: CallOptions]

/** An answer and what its headers say of it. */
export interface Page<Answer> {
	answer: Answer
	/** `nextPage` of the page that follows; null after the last one. */
	next: string | null
	/** How many there are in all; null when nobody counted. */
	total: number | null
	requestId: string
}

/** One operation. */
export interface Call<One extends Operation> {
	(...given: Arguments<One>): Promise<AnswerOf<One>>
	/** The same, with what the headers say. */
	readonly page: (...given: Arguments<One>) => Promise<Page<AnswerOf<One>>>
}

/** A client: every operation by its id. */
export type Client = { readonly [Id in OperationId]: Call<(typeof operations)[Id]> }

/** What goes into a request once its types are forgotten. */
interface Given {
	params?: Record<string, Text> | undefined
	query?: Record<string, unknown> | undefined
	body?: unknown
}

/** Makes a client. */
export function createClient(options: ClientOptions): Client {
	const calls = Object.entries<Operation>(operations).map(([id, one]) => {
		const page = async (given: Given = {}, more: CallOptions = {}): Promise<Page<unknown>> => {
			const response = await send(options, id, one, given, more)
			const total = response.headers.get('Elements-Total-Count')
			return {
				answer: await read(response, one),
				next: response.headers.get('Elements-Next-Page-Token'),
				total: total === null ? null : Number(total),
				requestId: response.headers.get('Elements-Request-Id') ?? '',
			}
		}
		return [id, Object.assign(async (given?: Given, more?: CallOptions) => (await page(given, more)).answer, { page })]
	})
	return Object.fromEntries(calls) as Client
}

/** Every page of a list, one after the other, until there is no further one. */
export async function* pages<One extends Operation>(call: Call<One>, ...given: Arguments<One>): AsyncGenerator<AnswerOf<One>> {
	const [input, options] = given as [Given | undefined, CallOptions | undefined]
	const ask = call.page as unknown as (input: Given, options?: CallOptions) => Promise<Page<AnswerOf<One>>>
	let next: string | null = null
	do {
		const page: Page<AnswerOf<One>> = await ask(
			{ ...input, query: { ...input?.query, ...(next === null ? {} : { nextPage: next }) } },
			options,
		)
		yield page.answer
		next = page.next
	} while (next !== null)
}

async function send(client: ClientOptions, id: string, one: Operation, given: Given, options: CallOptions): Promise<Response> {
	const headers = new Headers()
	const authorization = options.authorization ?? client.authorization
	if (authorization !== undefined) headers.set('Authorization', authorization)
	if (given.body !== undefined) headers.set('Content-Type', 'application/json')
	if (options.idempotencyKey !== undefined) headers.set('Idempotency-Key', options.idempotencyKey)
	headers.set('Accept', options.accept ?? mediaOf(one)[0] ?? 'application/json')
	const request = new Request(addressOf(client.baseUrl, one, given), {
		method: one.method.toUpperCase(),
		headers,
		...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
		...(options.signal === undefined ? {} : { signal: options.signal }),
	})
	const response = await (client.fetch ?? fetch)(request)
	if (!response.ok) throw await refusal(id, response)
	return response
}

/** The full address; throws when a word of the path is missing, which its type does not allow. */
function addressOf(baseUrl: string, one: Operation, { params, query }: Given): string {
	const path = one.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
		const value = params?.[name]
		if (value === undefined || value === '') throw new TypeError(`${one.path}: ${name} is missing`)
		return encodeURIComponent(value)
	})
	const search = new URLSearchParams()
	for (const [name, value] of Object.entries(query ?? {}))
		for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined && each !== null) search.append(name, String(each))
	const asked = search.size === 0 ? '' : `?${search.toString()}`
	return `${baseUrl.replace(/\/+$/, '')}${one.root ? '' : BASE_PATH}${path}${asked}`
}

/** JSON is read; anything else, a stream above all, is the caller's. */
async function read(response: Response, one: Operation): Promise<unknown> {
	if (one.answer === null) {
		await response.body?.cancel()
		return undefined
	}
	return /^application\/json\b/i.test(response.headers.get('Content-Type') ?? '') ? await response.json() : response
}

async function refusal(id: string, response: Response): Promise<ApiError> {
	const text = await response.text()
	let said: { message?: unknown; requestId?: unknown; providerMessage?: unknown } = {}
	try {
		said = (JSON.parse(text) as typeof said | null) ?? {}
	} catch {
		// Something between the two answered, not the API.
	}
	const message = typeof said.message === 'string' ? said.message : `${id} answered ${response.status}`
	const requestId = typeof said.requestId === 'string' ? said.requestId : (response.headers.get('Elements-Request-Id') ?? '')
	return new ApiError(id, response.status, message, requestId, typeof said.providerMessage === 'string' ? said.providerMessage : null)
}

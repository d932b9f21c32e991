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
import type { OperationResponse, Operation } from '../api/http/contract.ts'
import {
	readOperationResponse,
	toOperationRequest,
	type CallInput,
	type RequestInput,
} from '../api/http/operation-request.ts'
import { operations, type OperationId } from '../api/operations.ts'

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

/** The input is optional when all of its parts are. */
type CallArguments<Op extends Operation> =
	{} extends CallInput<Op>
		? [input?: CallInput<Op>, options?: CallOptions]
		: [input: CallInput<Op>, options?: CallOptions]

export type { CallInput } from '../api/http/operation-request.ts'

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

/** Creates a client. */
export function createClient(options: ClientOptions): Client {
	const methods = Object.entries<Operation>(operations).map(([id, operation]) => {
		const getPage = async (input: RequestInput = {}, callOptions: CallOptions = {}): Promise<Page<unknown>> => {
			const response = await send(options, id, operation, input, callOptions)
			const total = response.headers.get('Elements-Total-Count')
			return {
				answer: await readOperationResponse(response, operation),
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
	if (options.idempotencyKey !== undefined) headers.set('Idempotency-Key', options.idempotencyKey)
	if (options.accept !== undefined) headers.set('Accept', options.accept)
	const request = toOperationRequest(client.baseUrl, operation, input, { headers, signal: options.signal })
	const response = await (client.fetch ?? fetch)(request)
	if (!response.ok) throw await toApiError(id, response)
	return response
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

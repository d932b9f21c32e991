/** The HTTP request of an operation, as the client and the pages send it. Pure. */
import type * as z from 'zod'
import { BASE_PATH } from '../../lib/base-path.ts'
import { getMediaTypes, type Operation, type OperationInput } from './contract.ts'

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

type BodyInput<Op extends Operation> = Op extends { body: z.ZodType }
	? Op extends { bodyOptional: true }
		? { body?: OperationInput<Op>['body'] }
		: { body: OperationInput<Op>['body'] }
	: { body?: undefined }

/** The input of a call. */
export type CallInput<Op extends Operation> = ParamsInput<Op> & QueryInput<Op> & BodyInput<Op>

/** An untyped input. */
export interface RequestInput {
	params?: Record<string, ParamValue> | undefined
	query?: Record<string, unknown> | undefined
	body?: unknown
}

/** Whether a path can hold a parameter: URLs drop the segments `.` and `..` and then lead elsewhere. */
export function canBeParam(value: unknown): boolean {
	const text = String(value)
	return text !== '' && text !== '.' && text !== '..' && text.isWellFormed()
}

/** The request of a call. Headers that the caller sets win. Throws TypeError when a path cannot hold a parameter. */
export function toOperationRequest(
	baseUrl: string,
	operation: Operation,
	input: RequestInput,
	options: { headers?: Headers; signal?: AbortSignal | undefined } = {},
): Request {
	const headers = new Headers(options.headers)
	if (input.body !== undefined) headers.set('Content-Type', 'application/json')
	if (!headers.has('Accept')) headers.set('Accept', getMediaTypes(operation)[0] ?? 'application/json')
	return new Request(buildUrl(baseUrl, operation, input), {
		method: operation.method.toUpperCase(),
		headers,
		...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
		...(options.signal === undefined ? {} : { signal: options.signal }),
	})
}

function buildUrl(baseUrl: string, operation: Operation, { params, query }: RequestInput): string {
	const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
		const value = params?.[name]
		if (value === undefined || value === '') throw new TypeError(`${operation.path}: ${name} is missing`)
		if (!canBeParam(value)) throw new TypeError(`${operation.path}: ${name} cannot be part of a path`)
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
export async function readOperationResponse(response: Response, operation: Operation): Promise<unknown> {
	if (operation.answer === null) {
		await response.body?.cancel()
		return undefined
	}
	return /^application\/json\b/i.test(response.headers.get('Content-Type') ?? '') ? await response.json() : response
}

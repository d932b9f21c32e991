/**
 * One request to a store and its whole response, with a timeout and a maximum size. It follows no redirect and never
 * throws.
 */
import { readChunks } from '../../lib/body.ts'
import { AddressRefusedError } from '../../lib/guarded-fetch.ts'
import { classifyNetworkError } from '../../lib/network-errors.ts'
import { toNetworkFailure, toRefusedFailure, type ResponseText } from './failures.ts'
import { percentEncode } from './oauth1.ts'
import type { Failure, Io } from '../store.ts'

/** Default timeout of a request, in ms. */
export const DEFAULT_TIMEOUT_MS = 15_000

/** Largest body that is read. A hundred full products are a few megabytes; a Worker has 128 MB. */
export const MAX_RESPONSE_BYTES = 24 * 1024 * 1024

/** A response of any status with its body. */
export interface StoreResponse extends ResponseText {
	ok: true
	/** The store's clock (its Date header), or ours if there is none; epoch ms. */
	storeNowMs: number
}

/** A request to a store. */
interface StoreRequest {
	method: string
	/** Address with query. */
	url: string
	headers?: Record<string, string>
	body?: string | undefined
	timeoutMs: number
	maxBytes?: number
}

/**
 * Sends one request. A redirect is returned as 3xx: credentials must not go where a store points (docs/woocommerce.md
 * 1.8). A body that exceeds the maximum is a Failure, unless `maxBytes` was given: then its beginning is enough.
 */
export async function sendRequest(io: Io, request: StoreRequest): Promise<StoreResponse | Failure> {
	const abort = new AbortController()
	let timer: ReturnType<typeof setTimeout> | undefined
	// A race in addition to the signal: a substitute for `fetch` may ignore it, and a body may stall after its headers.
	const timeout = new Promise<Failure>((resolve) => {
		timer = setTimeout(() => {
			resolve(toNetworkFailure('timeout', request.url))
			abort.abort()
		}, request.timeoutMs)
	})
	try {
		return await Promise.race([timeout, performRequest(io, request, abort.signal)])
	} finally {
		clearTimeout(timer)
	}
}

async function performRequest(
	io: Io,
	storeRequest: StoreRequest,
	signal: AbortSignal,
): Promise<StoreResponse | Failure> {
	try {
		const headers: Record<string, string> = {
			Accept: 'application/json',
			'Cache-Control': 'no-cache',
			'User-Agent': io.userAgent,
			...storeRequest.headers,
		}
		if (storeRequest.body !== undefined) headers['Content-Type'] = 'application/json'
		const request = new Request(storeRequest.url, {
			method: storeRequest.method,
			headers,
			redirect: 'manual',
			signal,
			...(storeRequest.body === undefined ? {} : { body: storeRequest.body }),
		})
		const response = await io.fetch(request)
		const text = await readText(
			response,
			storeRequest.maxBytes ?? MAX_RESPONSE_BYTES,
			storeRequest.maxBytes !== undefined,
		)
		if (text === null) {
			return {
				ok: false,
				kind: 'not-json',
				status: response.status,
				code: 'body_too_large',
				providerMessage: null,
				retryAfterMs: null,
				message: `${new URL(storeRequest.url).host} sent more than ${MAX_RESPONSE_BYTES / 1024 / 1024} MB in one answer.`,
			}
		}
		return {
			ok: true,
			status: response.status,
			headers: response.headers,
			text,
			url: storeRequest.url,
			storeNowMs: parseDateHeader(response.headers.get('date') ?? '', io.now()),
		}
	} catch (error) {
		if (error instanceof AddressRefusedError) return toRefusedFailure(error, storeRequest.url)
		return toNetworkFailure(classifyNetworkError(error), storeRequest.url)
	}
}

/** A Date header; of several, joined by commas, the one nearest to now: a cache adds its own to that of its answer. */
function parseDateHeader(text: string, nowMs: number): number {
	const dates = text
		.split(/,\s*(?=[a-z]{3},)/i)
		.map((date) => Date.parse(date))
		.filter((date) => !Number.isNaN(date))
	const [nearest = nowMs] = dates.sort((a, b) => Math.abs(a - nowMs) - Math.abs(b - nowMs))
	return nearest
}

/** The body as text (the decoder drops a byte order mark); null if it is longer than `max` and must not be cut. */
async function readText(response: Response, maxBytes: number, truncate: boolean): Promise<string | null> {
	let decoder: TextDecoder | null = null
	let text = ''
	let size = 0
	await readChunks(response.body, truncate ? maxBytes : maxBytes + 1, (chunk) => {
		size += chunk.byteLength
		decoder ??= new TextDecoder(findEncoding(chunk))
		text += decoder.decode(chunk, { stream: true })
	})
	return size > maxBytes ? null : text + ((decoder as TextDecoder | null)?.decode() ?? '')
}

/** JSON is UTF-8, but for the byte order marks of UTF-16. */
function findEncoding([first, second]: Uint8Array): string {
	if (first === 0xff && second === 0xfe) return 'utf-16le'
	return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}

/** An address with its query, encoded as the OAuth signature expects it. */
export function withQuery(url: string, query: Record<string, string>): string {
	const pairs = Object.entries(query).map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
	return pairs.length === 0 ? url : `${url}?${pairs.join('&')}`
}

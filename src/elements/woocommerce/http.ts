/** One request to a store and its whole answer: time-limited, bounded in size, never following a redirect, never throwing. */
import { networkFailure, networkTrouble, type PlainAnswer } from './failures.ts'
import { percent } from './oauth1.ts'
import type { Failure, Io } from '../store.ts'

/** Ms until a request is given up, unless the caller says otherwise. */
export const DEFAULT_TIMEOUT_MS = 15_000

/** Largest body that is read. A hundred full products are a few megabytes; a Worker has 128 MB. */
export const MAX_BODY_BYTES = 24 * 1024 * 1024

/** An answer of any status with its body read. */
export interface Answer extends PlainAnswer {
	ok: true
	/** The store's clock (its Date header), or ours when it names none; epoch ms. */
	storeNowMs: number
}

/** What is asked. */
export interface Ask {
	method: string
	/** Address with query. */
	url: string
	headers?: Record<string, string>
	body?: string | undefined
	timeoutMs: number
	maxBytes?: number
}

/**
 * Sends one request. A redirect comes back as the 3xx that it is: credentials must not go where a store points (WooCommerce
 * facts, 1.8). A body cut by `maxBytes` is a Failure unless `maxBytes` was given, which means that its beginning is enough.
 */
export async function exchange(io: Io, ask: Ask): Promise<Answer | Failure> {
	const abort = new AbortController()
	let timer: ReturnType<typeof setTimeout> | undefined
	// A race besides the signal: a stand-in for `fetch` need not heed it, and a body may stall after its headers.
	const late = new Promise<Failure>((resolve) => {
		timer = setTimeout(() => {
			resolve(networkFailure('timeout', ask.url))
			abort.abort()
		}, ask.timeoutMs)
	})
	try {
		return await Promise.race([late, send(io, ask, abort.signal)])
	} finally {
		clearTimeout(timer)
	}
}

async function send(io: Io, ask: Ask, signal: AbortSignal): Promise<Answer | Failure> {
	try {
		const headers: Record<string, string> = {
			Accept: 'application/json',
			'Cache-Control': 'no-cache',
			'User-Agent': io.userAgent,
			...ask.headers,
		}
		if (ask.body !== undefined) headers['Content-Type'] = 'application/json'
		const request = new Request(ask.url, {
			method: ask.method,
			headers,
			redirect: 'manual',
			signal,
			...(ask.body === undefined ? {} : { body: ask.body }),
		})
		const response = await io.fetch(request)
		const text = await readText(response, ask.maxBytes ?? MAX_BODY_BYTES, ask.maxBytes !== undefined)
		if (text === null) {
			return {
				ok: false,
				kind: 'not-json',
				status: response.status,
				code: 'body_too_large',
				providerMessage: null,
				retryAfterMs: null,
				message: `${new URL(ask.url).host} sent more than ${MAX_BODY_BYTES / 1024 / 1024} MB in one answer.`,
			}
		}
		const date = Date.parse(response.headers.get('date') ?? '')
		return {
			ok: true,
			status: response.status,
			headers: response.headers,
			text,
			url: ask.url,
			storeNowMs: Number.isNaN(date) ? io.now() : date,
		}
	} catch (error) {
		return networkFailure(networkTrouble(error), ask.url)
	}
}

/** The body as text (a byte order mark is dropped by the decoder); null when it is longer than `max` and must not be cut. */
async function readText(response: Response, max: number, cut: boolean): Promise<string | null> {
	if (response.body === null) return ''
	const decoder = new TextDecoder()
	const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
	let text = ''
	let bytes = 0
	for (;;) {
		const { done, value } = await reader.read()
		if (done) return text + decoder.decode()
		bytes += value.byteLength
		text += decoder.decode(value, { stream: true })
		if (bytes > max) {
			await reader.cancel().catch(() => undefined)
			return cut ? text : null
		}
	}
}

/** An address with its query, encoded as the OAuth signature expects it. */
export function withQuery(url: string, query: Record<string, string>): string {
	const pairs = Object.entries(query).map(([name, value]) => `${percent(name)}=${percent(value)}`)
	return pairs.length === 0 ? url : `${url}?${pairs.join('&')}`
}

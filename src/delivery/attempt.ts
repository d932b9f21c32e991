/** One POST of a notification to its callback, and its outcome (docs/delivery.md, Retries). */
import { readChunks } from '../lib/body.ts'
import { AddressRefusedError, ResolveError } from '../lib/guarded-fetch.ts'
import type { Claim, AttemptOutcome, NotSentReason } from '../rpc/delivery.ts'
import { classifyFetchError, classifyEdgeStatus } from './failure-kinds.ts'
import { toBasicAuthorization, parseCustomHeaders } from './headers.ts'
import { explainNotSent } from './not-sent.ts'
import { getSigningKeys, toSignatureHeaders, type SignatureKeys } from './sign.ts'

/** Timeout of a callback, ms: connection, response and the kept part of its body. */
const ATTEMPT_TIMEOUT_MS = 15_000

/** Bytes of a response's body that are kept. */
export const MAX_RESPONSE_BYTES = 4_096

/** Values of the response header `webhook-delivery` (Svix's convention). */
const DELIVERY_DIRECTIVES: ReadonlyMap<string, AttemptOutcome['directive']> = new Map([
	['disable', 'disable'],
	['abort', 'abort'],
	// Svix's spelling.
	['abort-message', 'abort'],
	['retry', 'retry'],
])

/** Dependencies of an attempt. */
export interface AttemptIo {
	/** Throws AddressRefusedError for a callback that may not be reached. */
	fetch(request: Request): Promise<Response>
	/** Epoch ms. */
	now(): number
	/** `Shopbell/<version> (+<PUBLIC_URL>)`. */
	userAgent: string
	/** Opens the sealed value of a configuration key. Throws when it cannot be opened. */
	openSecret(key: string, sealed: string): string | Promise<string>
	timeoutMs?: number
}

/** Configuration keys that an attempt reads. */
const SIGNATURE_KEY = 'event.notification.signature.key'
const BASIC_PASSWORD = 'event.notification.basic.password'
const BASIC_USERNAME = 'event.notification.basic.username'
const CALLBACK_HEADERS = 'event.notification.callback.headers'

/** Sends a claimed notification once. Never throws: every end is an outcome. */
export async function attemptDelivery(claim: Claim, io: AttemptIo): Promise<AttemptOutcome> {
	const startedMs = io.now()
	const abortController = new AbortController()
	let request: Request
	try {
		request = new Request(claim.url, { ...(await toRequestInit(claim, startedMs, io)), signal: abortController.signal })
	} catch {
		// A key does not open or the URL is invalid. Nothing is sent without its signature. The exception may quote a
		// secret, so it is dropped.
		return toNotSentOutcome({ cause: 'configuration', message: '' }, startedMs)
	}

	const timeoutMs = io.timeoutMs ?? ATTEMPT_TIMEOUT_MS
	// Not AbortSignal.timeout: its timer would outlive the attempt.
	const timer = setTimeout(
		() => abortController.abort(new DOMException('The callback took too long', 'TimeoutError')),
		timeoutMs,
	)
	const deadlineMs = startedMs + timeoutMs
	try {
		const aborted = rejectOnAbort(abortController.signal)
		const response = await Promise.race([io.fetch(request), aborted])
		const bodyStart = await readBodyStart(response, aborted)
		const directive =
			DELIVERY_DIRECTIVES.get(response.headers.get('webhook-delivery')?.trim().toLowerCase() ?? '') ?? null
		return {
			// A receiver that asks for a retry has not accepted the notification, whatever the status.
			delivered: response.status >= 200 && response.status < 300 && directive !== 'retry',
			status: response.status,
			error: classifyEdgeStatus(response.status, bodyStart),
			retryAfterMs: parseRetryAfter(response.headers, io.now()),
			durationMs: io.now() - startedMs,
			startedMs,
			body: bodyStart,
			directive,
		}
	} catch (error) {
		if (error instanceof AddressRefusedError)
			return toNotSentOutcome({ cause: 'address', message: error.message }, startedMs)
		// The callback had no part in it.
		if (error instanceof ResolveError && error.code === 'ERR_DNS_RESOLVER')
			return {
				...toNotSentOutcome({ cause: 'resolver', message: 'the DNS resolver did not answer' }, startedMs),
				error: 'dns',
			}
		const timedOut = abortController.signal.aborted || io.now() >= deadlineMs
		return {
			delivered: false,
			status: null,
			error: timedOut ? 'timeout' : classifyFetchError(error, claim.url),
			retryAfterMs: null,
			durationMs: io.now() - startedMs,
			startedMs,
			body: '',
			directive: null,
		}
	} finally {
		clearTimeout(timer)
	}
}

/** Rejects with the signal's reason, so that the timeout holds even if fetch or the body ignores the signal. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
	const aborted = new Promise<never>((_, reject) =>
		signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
	)
	// It may reject when nothing awaits it any longer.
	aborted.catch(() => {})
	return aborted
}

async function toRequestInit(claim: Claim, startedMs: number, io: AttemptIo): Promise<RequestInit> {
	const configuration = claim.configuration
	const open = async (key: string, sealed: string | null | undefined): Promise<string | null> =>
		sealed ? await io.openSecret(key, sealed) : null
	const sealedKeys = getSigningKeys(configuration[SIGNATURE_KEY] || null, claim.signature, startedMs)
	const [current, next, password, customHeaders] = await Promise.all([
		open(SIGNATURE_KEY, sealedKeys?.current),
		open(SIGNATURE_KEY, sealedKeys?.next),
		open(BASIC_PASSWORD, configuration[BASIC_PASSWORD]),
		open(CALLBACK_HEADERS, configuration[CALLBACK_HEADERS]),
	])
	const bytes = new TextEncoder().encode(claim.body)

	const headers = new Headers()
	for (const [name, value] of parseCustomHeaders(customHeaders)) headers.set(name, value)
	const authorization = toBasicAuthorization(configuration[BASIC_USERNAME], password)
	if (authorization !== null) headers.set('Authorization', authorization)
	headers.set('Content-Type', 'application/json; charset=utf-8')
	headers.set('User-Agent', io.userAgent)
	if (claim.attempt > 1) headers.set('Shopbell-Attempt', String(claim.attempt))
	if (claim.replay) headers.set('Shopbell-Replay', 'true')
	const message = { notificationId: claim.shownId ?? claim.notificationId, body: bytes, startedMs }
	const keys: SignatureKeys | null = current ? { current, next } : null
	for (const [name, value] of Object.entries(toSignatureHeaders(message, keys))) headers.set(name, value)
	return { method: 'POST', headers, body: bytes, redirect: 'manual' }
}

/**
 * The start of a response's body as text. The status is known by then, so a body that breaks off or never ends changes
 * nothing: what arrived is kept and the rest is cancelled.
 */
async function readBodyStart(response: Response, aborted: Promise<never>): Promise<string> {
	if (response.headers.get('Content-Length') === '0') return ''
	const decoder = new TextDecoder()
	let text = ''
	const append = (chunk: Uint8Array): void => void (text += decoder.decode(chunk, { stream: true }))
	await readChunks(response.body, MAX_RESPONSE_BYTES, append, aborted).catch(() => undefined)
	return text + decoder.decode()
}

/** `Retry-After` in ms from now, in seconds or as a date by the receiver's `Date`; null when absent or invalid. */
function parseRetryAfter(headers: Headers, nowMs: number): number | null {
	const value = headers.get('Retry-After')?.trim()
	if (!value) return null
	if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
	const retryAtMs = Date.parse(value)
	if (Number.isNaN(retryAtMs)) return null
	const receiverNowMs = Date.parse(headers.get('Date') ?? '')
	return Math.max(0, retryAtMs - (Number.isNaN(receiverNowMs) ? nowMs : receiverNowMs))
}

/** Nothing was sent: shown like a refused connection, with the reason in place of the response body. */
function toNotSentOutcome(reason: NotSentReason, startedMs: number): AttemptOutcome {
	return {
		delivered: false,
		status: null,
		error: 'refused',
		retryAfterMs: null,
		durationMs: 0,
		startedMs,
		body: `Not sent: ${reason.message === '' ? explainNotSent(reason).fact : reason.message}`,
		directive: null,
		notSent: true,
		notSentReason: reason,
	}
}

/**
 * The requests of one check of a store: at most 12, and 20 s in all (connecting is part of an API call that someone
 * waits for).
 */
import { findEdgeErrorKind, type NetworkErrorKind } from '../../lib/network-errors.ts'
import { authorize, type RequestAuth } from './request-auth.ts'
import { toResponseFailure, withoutQuery, toNetworkFailure } from './failures.ts'
import { type StoreResponse, DEFAULT_TIMEOUT_MS, sendRequest, withQuery } from './http.ts'
import type { ConnectError, Failure, Io } from '../store.ts'

/** Requests of one check. */
export const MAX_CHECK_REQUESTS = 12

/** Ms of one check. */
export const MAX_CHECK_MS = 20_000

/** A page is read this far: enough for its head. */
const MAX_PAGE_BYTES = 256 * 1024

/** Counts and times the requests of a check. */
export class CheckSession {
	readonly io: Io
	#requestsLeft = MAX_CHECK_REQUESTS
	readonly #deadlineMs: number

	constructor(io: Io) {
		this.io = io
		this.#deadlineMs = io.now() + MAX_CHECK_MS
	}

	/** Whether another request is still allowed. */
	get isOpen(): boolean {
		return this.#requestsLeft > 0 && this.io.now() < this.#deadlineMs
	}

	/** Whether the number of requests is used up, though there may be time. */
	get isExhausted(): boolean {
		return this.#requestsLeft <= 0
	}

	/** A request without credentials, or with them when `access` is given. Whatever its status, an answer is an answer. */
	async request(
		url: string,
		query: Record<string, string>,
		options: { access?: RequestAuth; method?: string; page?: boolean } = {},
	): Promise<StoreResponse | Failure> {
		const timeoutMs = Math.min(this.io.timeoutMs ?? DEFAULT_TIMEOUT_MS, this.#deadlineMs - this.io.now())
		if (this.#requestsLeft <= 0 || timeoutMs <= 0) return toNetworkFailure('timeout', url)
		this.#requestsLeft--
		const method = options.method ?? 'GET'
		const target =
			options.access === undefined
				? { url: withQuery(url, query), headers: {} }
				: authorize(options.access, this.io, method, url, query)
		const page =
			options.page === true
				? { maxBytes: MAX_PAGE_BYTES, headers: { ...target.headers, Accept: 'text/html,application/xhtml+xml' } }
				: {}
		return sendRequest(this.io, { method, ...target, ...page, timeoutMs })
	}
}

/** A ConnectError. */
export function toConnectError(
	status: 400 | 502,
	reason: ConnectError['reason'],
	message: string,
	providerMessage: string | null = null,
): ConnectError {
	return { ok: false, status, reason, message, providerMessage }
}

const NETWORK_ERRORS: Record<
	NetworkErrorKind,
	{ status: 400 | 502; reason: ConnectError['reason']; problem: string; advice: string }
> = {
	'no-such-host': {
		status: 400,
		reason: 'no-such-host',
		problem: 'there is no host of this name',
		advice: 'Check the spelling of the store URL.',
	},
	refused: {
		status: 502,
		reason: 'refused',
		problem: 'the connection was refused',
		advice: 'Check the port in the store URL and that the web server is running.',
	},
	reset: {
		status: 502,
		reason: 'refused',
		problem: 'the connection broke before an answer came',
		advice: 'Check that the web server is running and that no firewall stands in the way, then try again.',
	},
	timeout: {
		status: 502,
		reason: 'timeout',
		problem: 'no answer came in time',
		advice: 'Check that the store answers in a browser and that no firewall drops these requests, then try again.',
	},
	opaque: {
		status: 502,
		reason: 'refused',
		problem: 'no connection could be made',
		advice: "Check the spelling of the store URL and the store's certificate, then try again.",
	},
	tls: {
		status: 502,
		reason: 'tls',
		problem: 'no secure connection could be made',
		advice: "Check the store's certificate: its name, its date and its chain.",
	},
}

/** The error for a request that brought no answer of the store. */
export function unreachableError(errorKind: NetworkErrorKind, url: string): ConnectError {
	const { status, reason, problem: found, advice: next } = NETWORK_ERRORS[errorKind]
	return toConnectError(status, reason, `${withoutQuery(url)}: ${found}. ${next}`)
}

/** The error for a Failure without an answer (as `exchange` gives it). */
export function noResponseError(failure: Failure, url: string): ConnectError {
	if (failure.kind === 'timeout' || failure.kind === 'tls') return unreachableError(failure.kind, url)
	if (failure.kind === 'unreachable')
		return unreachableError(
			failure.code !== null && Object.hasOwn(NETWORK_ERRORS, failure.code)
				? (failure.code as NetworkErrorKind)
				: 'reset',
			url,
		)
	return toConnectError(502, 'server', `${failure.message} Try again later.`, failure.providerMessage)
}

/**
 * The error for an answer that says the site itself is out of order, whichever request met it: 5xx, the statuses of
 * Cloudflare's edge, throttling. Null for every other answer.
 */
export function findSiteError(answer: StoreResponse, nowMs: number): ConnectError | null {
	if (answer.status !== 429 && answer.status < 500) return null
	const edge = findEdgeErrorKind(answer.status, answer.text)
	if (edge !== null) return unreachableError(edge, answer.url)
	const failure = toResponseFailure(answer, nowMs)
	const vendorMessage = failure.providerMessage
	if (failure.kind === 'not-json') return restClosedError(answer, vendorMessage)
	if (answer.status === 503 && (answer.headers.has('retry-after') || /maintenance/i.test(vendorMessage ?? ''))) {
		return toConnectError(
			502,
			'maintenance',
			`${withoutQuery(answer.url)} answered 503: the site is in maintenance. Wait until it is over, then try again.`,
			vendorMessage,
		)
	}
	if (answer.status === 429)
		return toConnectError(
			502,
			'server',
			`${withoutQuery(answer.url)} answered 429: the host asks for fewer requests. Try again in a few minutes.`,
			vendorMessage,
		)
	return toConnectError(
		502,
		'server',
		`${withoutQuery(answer.url)} answered ${answer.status}: the store itself failed. Look into its error log, then try again.`,
		vendorMessage,
	)
}

/** The error for a REST API that a plugin, a shield or a password closes. */
export function restClosedError(answer: StoreResponse, vendorMessage: string | null): ConnectError {
	const problem =
		answer.status === 401 && answer.headers.has('www-authenticate')
			? 'the site asks for a password before WordPress is reached. Take the password protection off, or exempt /wp-json/'
			: 'something closes the WordPress REST API to us: a security plugin, a firewall or a "coming soon" page. Allow /wp-json/ there'
	return toConnectError(
		400,
		'rest-closed',
		`${withoutQuery(answer.url)} answered ${answer.status}: ${problem}, then try again.`,
		vendorMessage,
	)
}

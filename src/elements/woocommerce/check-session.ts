/**
 * The requests of one check of a store, and the errors that each of its steps can return. At most 12 requests in 20 s,
 * because connecting is part of an API call.
 */
import { findEdgeErrorKind, type NetworkErrorKind } from '../../lib/network-errors.ts'
import { authorize, type RequestAuth } from './request-auth.ts'
import {
	NETWORK_ERROR_MESSAGES,
	parseVendorError,
	toNetworkFailure,
	toResponseFailure,
	withoutQuery,
} from './failures.ts'
import { type StoreResponse, DEFAULT_TIMEOUT_MS, sendRequest, withQuery } from './http.ts'
import { findProtection, findShopPage } from './page-signatures.ts'
import { parsePageMessage } from './page-text.ts'
import type { ConnectError, Failure, Io } from '../store.ts'

/** Requests of one check at most. */
const MAX_CHECK_REQUESTS = 12

/** Ms that one check may take. */
const MAX_CHECK_MS = 20_000

/** Bytes of a page that are read: enough for its head. */
const MAX_PAGE_BYTES = 256 * 1024

/** Counts and times the requests of a check. */
export class CheckSession {
	readonly io: Io
	/** Requests made. */
	requests = 0
	/** Whether a list of ten rows did not come in time. */
	isSlow = false
	readonly #maxRequests: number
	readonly #deadlineMs: number

	constructor(io: Io, maxRequests = MAX_CHECK_REQUESTS) {
		this.io = io
		this.#maxRequests = maxRequests
		this.#deadlineMs = io.now() + MAX_CHECK_MS
	}

	/** Whether another request is still allowed. */
	get isOpen(): boolean {
		return !this.isExhausted && this.io.now() < this.#deadlineMs
	}

	/** Whether no request is left, even if there is time. */
	get isExhausted(): boolean {
		return this.requests >= this.#maxRequests
	}

	/** Sends a request, with credentials when `access` is given. An answer of any status is `ok`. */
	async request(
		url: string,
		query: Record<string, string>,
		options: { access?: RequestAuth; method?: string; page?: boolean; timeoutMs?: number } = {},
	): Promise<StoreResponse | Failure> {
		const timeoutMs = Math.min(
			options.timeoutMs ?? Infinity,
			this.io.timeoutMs ?? DEFAULT_TIMEOUT_MS,
			this.#deadlineMs - this.io.now(),
		)
		if (this.isExhausted || timeoutMs <= 0) return toNetworkFailure('timeout', url)
		this.requests++
		const method = options.method ?? 'GET'
		const target =
			options.access === undefined
				? { ok: true as const, url: withQuery(url, query), headers: {} }
				: authorize(options.access, this.io, method, url, query)
		if (!target.ok) return target
		const page =
			options.page === true
				? { maxBytes: MAX_PAGE_BYTES, headers: { ...target.headers, Accept: 'text/html,application/xhtml+xml' } }
				: {}
		return sendRequest(this.io, { method, url: target.url, headers: target.headers, ...page, timeoutMs })
	}
}

/** A ConnectError. `paths`: the collections that it is about. */
export function toConnectError(
	status: 400 | 502,
	reason: ConnectError['reason'],
	message: string,
	providerMessage: string | null = null,
	paths: readonly string[] = [],
): ConnectError {
	return { ok: false, status, reason, message, providerMessage, ...(paths.length === 0 ? {} : { paths }) }
}

type NetworkAdvice = Pick<ConnectError, 'status' | 'reason'> & { advice: string }

const CONNECT_ERRORS: Record<NetworkErrorKind, NetworkAdvice> = {
	'no-such-host': { status: 400, reason: 'no-such-host', advice: 'Check the spelling of the store URL.' },
	resolver: { status: 502, reason: 'server', advice: 'Try again in a minute.' },
	refused: {
		status: 502,
		reason: 'refused',
		advice: 'Check the port in the store URL and that the web server is running.',
	},
	reset: {
		status: 502,
		reason: 'refused',
		advice: 'Check that the web server is running and that no firewall blocks the request, then try again.',
	},
	timeout: {
		status: 502,
		reason: 'timeout',
		advice: 'Check that the store answers in a browser and that no firewall drops these requests, then try again.',
	},
	opaque: {
		status: 502,
		reason: 'refused',
		advice: "Check the spelling of the store URL and the store's certificate, then try again.",
	},
	tls: { status: 502, reason: 'tls', advice: "Check the store's certificate: its name, its date and its chain." },
}

/** The error for a request without an answer. */
export function unreachableError(errorKind: NetworkErrorKind, url: string): ConnectError {
	const { status, reason, advice } = CONNECT_ERRORS[errorKind]
	return toConnectError(status, reason, `${withoutQuery(url)}: ${NETWORK_ERROR_MESSAGES[errorKind]}. ${advice}`)
}

/** The error for a Failure without an answer. */
export function noResponseError(failure: Failure, url: string): ConnectError {
	if (failure.kind === 'timeout' || failure.kind === 'tls') return unreachableError(failure.kind, url)
	if (failure.kind === 'unreachable')
		return unreachableError(
			failure.code !== null && Object.hasOwn(CONNECT_ERRORS, failure.code)
				? (failure.code as NetworkErrorKind)
				: 'reset',
			url,
		)
	if (failure.kind === 'not-public') return toConnectError(400, 'not-public', failure.message)
	return toConnectError(502, 'server', `${failure.message} Try again later.`, failure.providerMessage)
}

/**
 * The error for a response that affects the whole site, whatever was requested: bot protection, 5xx, the statuses of
 * Cloudflare's edge, rate limits. Null for every other response.
 */
export function findSiteError(answer: StoreResponse, nowMs: number): ConnectError | null {
	const protectionError = findProtectionError(answer)
	if (protectionError !== null) return protectionError
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
			`${withoutQuery(answer.url)} answered 503: the site is in maintenance mode. Wait until it ends, then try again.`,
			vendorMessage,
		)
	}
	if (answer.status === 429)
		return toConnectError(
			502,
			'server',
			`${withoutQuery(answer.url)} answered 429: the host limits the rate of requests. Try again in a few minutes.`,
			vendorMessage,
		)
	return toConnectError(
		502,
		'server',
		`${withoutQuery(answer.url)} answered ${answer.status}: the store failed. Check its error log, then try again.`,
		vendorMessage,
	)
}

/** The error for an answer that does not come from the shop; null: it may. */
function findProtectionError(answer: StoreResponse): ConnectError | null {
	const { status, url, text } = answer
	if ((status >= 300 && status < 400) || parseVendorError(text) !== null) return null
	const protection = findProtection(answer)
	if (protection === null) return null
	return toConnectError(
		400,
		'rest-closed',
		`${withoutQuery(url)} answered ${status}: ${protection.name} answers instead of the shop. ${protection.action}`,
		parsePageMessage(text),
	)
}

/** The error for a page of the shop in place of its API. */
export function toPageError(answer: StoreResponse): ConnectError {
	const page = findShopPage(answer)
	if (page === null) return restClosedError(answer, null)
	return toConnectError(
		400,
		'rest-closed',
		`${withoutQuery(answer.url)} answered ${answer.status} with ${page.name} instead of JSON. ${page.action}`,
		parsePageMessage(answer.text),
	)
}

/** The error for a REST API that a plugin, a firewall or a password blocks. */
export function restClosedError(answer: StoreResponse, vendorMessage: string | null): ConnectError {
	const problem =
		answer.status === 401 && answer.headers.has('www-authenticate')
			? 'the site asks for a password before WordPress. Remove the password protection, or exempt /wp-json/ from it'
			: 'the WordPress REST API is blocked by a security plugin, a firewall or a "coming soon" page. Allow /wp-json/ there'
	return toConnectError(
		400,
		'rest-closed',
		`${withoutQuery(answer.url)} answered ${answer.status}: ${problem}, then try again.`,
		vendorMessage,
	)
}

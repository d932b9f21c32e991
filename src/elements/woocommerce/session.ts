/** The requests of one check of a store: at most 12, and 20 s in all (connecting is part of an API call that someone waits for). */
import { authorize, type Access } from './access.ts'
import { answerFailure, bare, edgeTrouble, networkFailure, type NetworkTrouble } from './failures.ts'
import { type Answer, DEFAULT_TIMEOUT_MS, exchange, withQuery } from './http.ts'
import type { ConnectError, Failure, Io } from '../store.ts'

/** Requests of one check. */
export const MAX_REQUESTS = 12

/** Ms of one check. */
export const MAX_MS = 20_000

/** A page is read this far: enough for its head. */
const PAGE_BYTES = 256 * 1024

/** Counts and times the requests of a check. */
export class Session {
	readonly io: Io
	#left = MAX_REQUESTS
	readonly #deadlineMs: number

	constructor(io: Io) {
		this.io = io
		this.#deadlineMs = io.now() + MAX_MS
	}

	/** Whether another request is still allowed. */
	get open(): boolean {
		return this.#left > 0 && this.io.now() < this.#deadlineMs
	}

	/** Whether the number of requests is used up, though there may be time. */
	get spent(): boolean {
		return this.#left <= 0
	}

	/** A request without credentials, or with them when `access` is given. Whatever its status, an answer is an answer. */
	async ask(
		url: string,
		query: Record<string, string>,
		options: { access?: Access; method?: string; page?: boolean } = {},
	): Promise<Answer | Failure> {
		const timeoutMs = Math.min(this.io.timeoutMs ?? DEFAULT_TIMEOUT_MS, this.#deadlineMs - this.io.now())
		if (this.#left <= 0 || timeoutMs <= 0) return networkFailure('timeout', url)
		this.#left--
		const method = options.method ?? 'GET'
		const target =
			options.access === undefined ? { url: withQuery(url, query), headers: {} } : authorize(options.access, this.io, method, url, query)
		const page =
			options.page === true ? { maxBytes: PAGE_BYTES, headers: { ...target.headers, Accept: 'text/html,application/xhtml+xml' } } : {}
		return exchange(this.io, { method, ...target, ...page, timeoutMs })
	}
}

/** A ConnectError. */
export function connectError(
	status: 400 | 502,
	reason: ConnectError['reason'],
	message: string,
	providerMessage: string | null = null,
): ConnectError {
	return { ok: false, status, reason, message, providerMessage }
}

const NETWORK: Record<NetworkTrouble, { status: 400 | 502; reason: ConnectError['reason']; found: string; next: string }> = {
	'no-such-host': {
		status: 400,
		reason: 'no-such-host',
		found: 'there is no host of this name',
		next: 'Check the spelling of the store URL.',
	},
	refused: {
		status: 502,
		reason: 'refused',
		found: 'the connection was refused',
		next: 'Check the port in the store URL and that the web server is running.',
	},
	reset: {
		status: 502,
		reason: 'refused',
		found: 'the connection broke before an answer came',
		next: 'Check that the web server is running and that no firewall stands in the way, then try again.',
	},
	timeout: {
		status: 502,
		reason: 'timeout',
		found: 'no answer came in time',
		next: 'Check that the store answers in a browser and that no firewall drops these requests, then try again.',
	},
	opaque: {
		status: 502,
		reason: 'refused',
		found: 'no connection could be made',
		next: "Check the spelling of the store URL and the store's certificate, then try again.",
	},
	tls: {
		status: 502,
		reason: 'tls',
		found: 'no secure connection could be made',
		next: "Check the store's certificate: its name, its date and its chain.",
	},
}

/** The error for a request that brought no answer of the store. */
export function unreachable(trouble: NetworkTrouble, url: string): ConnectError {
	const { status, reason, found, next } = NETWORK[trouble]
	return connectError(status, reason, `${bare(url)}: ${found}. ${next}`)
}

/** The error for a Failure without an answer (as `exchange` gives it). */
export function noAnswer(failure: Failure, url: string): ConnectError {
	if (failure.kind === 'timeout' || failure.kind === 'tls') return unreachable(failure.kind, url)
	if (failure.kind === 'unreachable')
		return unreachable(failure.code !== null && Object.hasOwn(NETWORK, failure.code) ? (failure.code as NetworkTrouble) : 'reset', url)
	return connectError(502, 'server', `${failure.message} Try again later.`, failure.providerMessage)
}

/**
 * The error for an answer that says the site itself is out of order, whichever request met it: 5xx, the statuses of Cloudflare's
 * edge, throttling. Null for every other answer.
 */
export function siteDown(answer: Answer, nowMs: number): ConnectError | null {
	if (answer.status !== 429 && answer.status < 500) return null
	const edge = edgeTrouble(answer.status)
	if (edge !== null) return unreachable(edge, answer.url)
	const failure = answerFailure(answer, nowMs)
	const said = failure.providerMessage
	if (failure.kind === 'not-json') return closed(answer, said)
	if (answer.status === 503 && (answer.headers.has('retry-after') || /maintenance/i.test(said ?? ''))) {
		return connectError(
			502,
			'maintenance',
			`${bare(answer.url)} answered 503: the site is in maintenance. Wait until it is over, then try again.`,
			said,
		)
	}
	if (answer.status === 429)
		return connectError(
			502,
			'server',
			`${bare(answer.url)} answered 429: the host asks for fewer requests. Try again in a few minutes.`,
			said,
		)
	return connectError(
		502,
		'server',
		`${bare(answer.url)} answered ${answer.status}: the store itself failed. Look into its error log, then try again.`,
		said,
	)
}

/** The error for a REST API that a plugin, a shield or a password closes. */
export function closed(answer: Answer, said: string | null): ConnectError {
	const what =
		answer.status === 401 && answer.headers.has('www-authenticate')
			? 'the site asks for a password before WordPress is reached. Take the password protection off, or exempt /wp-json/'
			: 'something closes the WordPress REST API to us: a security plugin, a firewall or a "coming soon" page. Allow /wp-json/ there'
	return connectError(400, 'rest-closed', `${bare(answer.url)} answered ${answer.status}: ${what}, then try again.`, said)
}

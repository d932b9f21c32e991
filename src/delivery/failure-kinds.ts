/**
 * What kind of failure an exception or a Cloudflare status is. Node, workerd and Cloudflare's edge say the same things
 * differently.
 */

/** Why there was no answer from the callback itself. */
export type DeliveryErrorKind = 'dns' | 'tls' | 'refused' | 'timeout' | 'reset'

/** Codes of Node's system, TLS and undici errors. */
const CODE_PATTERNS: readonly [pattern: RegExp, kind: DeliveryErrorKind][] = [
	[/^(ENOTFOUND|EAI_[A-Z]+|ENODATA|ESERVFAIL)$/, 'dns'],
	[/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/, 'refused'],
	[/^(ETIMEDOUT|ESOCKETTIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, 'timeout'],
	[/^(EPROTO|ERR_TLS_.*|ERR_SSL_.*|CERT_.*|.*_CERT(_.*)?|UNABLE_TO_.*|HOSTNAME_MISMATCH)$/, 'tls'],
	[/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET|HPE_.*)$/, 'reset'],
]

/** Words of messages without a code: workerd's, and Node's where the code was lost. */
const MESSAGE_PATTERNS: readonly [pattern: RegExp, kind: DeliveryErrorKind][] = [
	[/dns|getaddrinfo|name resolution|resolve host|no such host/i, 'dns'],
	[/tls|ssl|certificate|handshake/i, 'tls'],
	[/timed? ?out|timeout/i, 'timeout'],
	[/refused|unreachable|connect\(\)|couldn't connect/i, 'refused'],
	[/reset|connection lost|disconnected|socket hang up|other side closed|premature/i, 'reset'],
]

/**
 * The class of what `fetch` threw. What nothing names was a connection that broke: `reset`.
 *
 * Outside Cloudflare's network workerd says little: "Network connection lost." for refused and reset alike, "internal
 * error" for names that do not resolve and for TLS. The scheme of the URL is the best hint that is left of those.
 *
 * @param url where the request went
 */
export function classifyFetchError(error: unknown, url = ''): DeliveryErrorKind {
	const chain = collectCauses(error)
	for (const cause of chain) {
		const code = (cause as { code?: unknown }).code
		if (typeof code !== 'string') continue
		const kind = CODE_PATTERNS.find(([pattern]) => pattern.test(code))?.[1]
		if (kind !== undefined) return kind
	}
	for (const cause of chain) {
		const { name, message } = cause as { name?: unknown; message?: unknown }
		if (name === 'TimeoutError' || name === 'AbortError') return 'timeout'
		const kind =
			typeof message === 'string' ? MESSAGE_PATTERNS.find(([pattern]) => pattern.test(message))?.[1] : undefined
		if (kind !== undefined) return kind
	}
	const isInternalError = chain.some((cause) =>
		String((cause as { message?: unknown }).message).startsWith('internal error'),
	)
	if (isInternalError) return url.startsWith('https:') ? 'tls' : 'dns'
	return 'reset'
}

/**
 * The class of a status that Cloudflare's edge gives in place of an answer (520 to 526, 530); null for every other
 * status. On Cloudflare a callback that is dead is seen this way, so it must count like the local error.
 *
 * @param body the start of the answer's text; 530 says there what it stands for
 */
export function classifyEdgeStatus(status: number, body: string): DeliveryErrorKind | null {
	switch (status) {
		case 520:
			return 'reset'
		case 521:
		case 523:
			return 'refused'
		case 522:
		case 524:
			return 'timeout'
		case 525:
		case 526:
			return 'tls'
		case 530:
			// Nearly always a name that does not resolve (1016); 1033 is a tunnel with nobody at its end.
			return /\b1033\b/.test(body) ? 'refused' : 'dns'
		default:
			return null
	}
}

/** How the body of an outcome begins when nothing was sent. */
export const NOT_SENT_PREFIX = 'Not sent: '

/**
 * Whether the callback was called at all: a key that does not open, or an address that may not be called, says nothing
 * of it.
 */
export function wasSent(outcome: { status: number | null; body: string }): boolean {
	return outcome.status !== null || !outcome.body.startsWith(NOT_SENT_PREFIX)
}

/**
 * Whether a failure speaks against the callback as a whole: no answer, or 5xx or 429. Any other 4xx is about what was
 * sent.
 */
export function isCallbackFailure(outcome: { delivered: boolean; status: number | null; body: string }): boolean {
	if (outcome.delivered || !wasSent(outcome)) return false
	return outcome.status === null || outcome.status >= 500 || outcome.status === 429
}

/** An error, what it names as its cause, and what those gather, outermost first. */
function collectCauses(error: unknown): object[] {
	const found: object[] = []
	const visit = (value: unknown): void => {
		if (typeof value !== 'object' || value === null || found.includes(value) || found.length > 20) return
		found.push(value)
		const { cause, errors } = value as { cause?: unknown; errors?: unknown }
		visit(cause)
		if (Array.isArray(errors)) errors.forEach(visit)
	}
	visit(error)
	return found
}

/**
 * Why a request got no response: one list of kinds for the errors of Node, workerd and Cloudflare's edge. The store
 * client and the delivery of notifications use it.
 */

/**
 * Why there was no response. `opaque`: workerd's "internal error", which means an unknown host or a failed TLS
 * handshake. `resolver`: the resolver of DNS_RESOLVER_URL gave no answer (dns.ts).
 */
export type NetworkErrorKind = 'no-such-host' | 'resolver' | 'refused' | 'reset' | 'timeout' | 'tls' | 'opaque'

/** Codes of Node's system, TLS and undici errors. */
const CODE_PATTERNS: readonly [pattern: RegExp, kind: NetworkErrorKind][] = [
	[/^ERR_DNS_RESOLVER$/, 'resolver'],
	[/^(ENOTFOUND|EAI_[A-Z]+|ENODATA|ESERVFAIL)$/, 'no-such-host'],
	[/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/, 'refused'],
	[/^(ETIMEDOUT|ESOCKETTIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, 'timeout'],
	[/^(EPROTO|ERR_TLS_.*|ERR_SSL_.*|CERT_.*|.*_CERT(_.*)?|UNABLE_TO_.*|HOSTNAME_MISMATCH)$/, 'tls'],
	[/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET|HPE_.*)$/, 'reset'],
]

/** Words of messages without a code: workerd's, and Node's if the code was lost. */
const MESSAGE_PATTERNS: readonly [pattern: RegExp, kind: NetworkErrorKind][] = [
	[/dns|getaddrinfo|name resolution|resolve host|no such host|name or service not known/i, 'no-such-host'],
	[/tls|ssl|certificate|handshake/i, 'tls'],
	[/timed? ?out|timeout/i, 'timeout'],
	[/refused|unreachable|connect\(\)|couldn't connect/i, 'refused'],
	[/reset|connection lost|disconnected|socket hang up|other side closed|premature/i, 'reset'],
]

/** Maximum length of a chain of causes that is read. */
const MAX_CAUSES = 20

/**
 * Classifies an exception of `fetch`: by codes first, then by words, from the outermost error inwards. Unknown errors
 * count as `reset`. Outside of Cloudflare's network, workerd reports "Network connection lost." for refused and reset
 * connections.
 */
export function classifyNetworkError(error: unknown): NetworkErrorKind {
	const causes = listCauses(error)
	for (const { code } of causes) {
		const kind = typeof code === 'string' ? findKind(CODE_PATTERNS, code) : null
		if (kind !== null) return kind
	}
	for (const { name, message } of causes) {
		if (name === 'TimeoutError' || name === 'AbortError') return 'timeout'
		const kind = typeof message === 'string' ? findKind(MESSAGE_PATTERNS, message) : null
		if (kind !== null) return kind
	}
	const isOpaque = causes.some(({ message }) => typeof message === 'string' && /^internal error/i.test(message))
	return isOpaque ? 'opaque' : 'reset'
}

/**
 * Classifies a status that Cloudflare's edge gives in place of an answer (520 to 526, 530); null for every other
 * status. A dead host behind Cloudflare is seen this way (docs/woocommerce.md 2.2).
 *
 * @param body the start of the answer's text; only 530 needs it
 */
export function findEdgeErrorKind(status: number, body: string): NetworkErrorKind | null {
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
			// Usually a name that does not resolve (1016); 1033 is a tunnel without a connected server.
			return /\b1033\b/.test(body) ? 'refused' : 'no-such-host'
		default:
			return null
	}
}

function findKind(patterns: typeof CODE_PATTERNS, text: string): NetworkErrorKind | null {
	return patterns.find(([pattern]) => pattern.test(text))?.[1] ?? null
}

interface ErrorFields {
	code?: unknown
	name?: unknown
	message?: unknown
}

/** The error, its causes, and the parts of an AggregateError, outermost first. A thrown text counts as a message. */
function listCauses(error: unknown): ErrorFields[] {
	const found: ErrorFields[] = []
	const queue: unknown[] = [error]
	while (queue.length > 0 && found.length < MAX_CAUSES) {
		const next = queue.shift()
		if (typeof next === 'string') found.push({ message: next })
		if (typeof next !== 'object' || next === null || found.includes(next)) continue
		found.push(next)
		const { cause, errors } = next as { cause?: unknown; errors?: unknown }
		queue.push(cause)
		if (Array.isArray(errors)) queue.push(...errors)
	}
	return found
}

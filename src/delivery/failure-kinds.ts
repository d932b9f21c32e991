/** Classifies failed attempts: why there was no response, and whether the callback is at fault. */
import { classifyNetworkError, findEdgeErrorKind, type NetworkErrorKind } from '../lib/network-errors.ts'
import type { AttemptOutcome } from '../rpc/delivery.ts'

/** Why the callback itself did not respond, as deliveries are stored and shown. */
type DeliveryErrorKind = 'dns' | 'tls' | 'refused' | 'timeout' | 'reset'

/**
 * Classifies an exception of `fetch`.
 *
 * @param url the URL of the request; its scheme is the best hint if workerd only says "internal error"
 */
export function classifyFetchError(error: unknown, url = ''): DeliveryErrorKind {
	return toDeliveryErrorKind(classifyNetworkError(error), url)
}

/**
 * Classifies a status of Cloudflare's edge that replaces a response; null for every other status. On Cloudflare a dead
 * callback looks like this, so it must count like the local error.
 *
 * @param body the start of the response's text
 */
export function classifyEdgeStatus(status: number, body: string): DeliveryErrorKind | null {
	const kind = findEdgeErrorKind(status, body)
	return kind === null ? null : toDeliveryErrorKind(kind, '')
}

function toDeliveryErrorKind(kind: NetworkErrorKind, url: string): DeliveryErrorKind {
	if (kind === 'no-such-host' || kind === 'resolver') return 'dns'
	if (kind === 'opaque') return url.startsWith('https:') ? 'tls' : 'dns'
	return kind
}

/**
 * Whether a failure counts against the callback as a whole: no answer, 5xx or 429. Any other 4xx is about the
 * notification, and an attempt that sent nothing says nothing about the callback.
 */
export function isCallbackFailure(outcome: Pick<AttemptOutcome, 'delivered' | 'status' | 'notSent'>): boolean {
	if (outcome.delivered || outcome.notSent === true) return false
	return outcome.status === null || outcome.status >= 500 || outcome.status === 429
}

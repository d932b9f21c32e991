/** What a failed attempt says about the callback: why no answer came, and whether the callback is at fault. */
import { classifyNetworkError, findEdgeErrorKind, type NetworkErrorKind } from '../lib/network-errors.ts'

/** Why the callback itself did not answer, as deliveries are stored and shown. */
export type DeliveryErrorKind = 'dns' | 'tls' | 'refused' | 'timeout' | 'reset'

/**
 * Classifies what `fetch` threw.
 *
 * @param url where the request went; its scheme is the best hint where workerd only says "internal error"
 */
export function classifyFetchError(error: unknown, url = ''): DeliveryErrorKind {
	return toDeliveryErrorKind(classifyNetworkError(error), url)
}

/**
 * Classifies a status that Cloudflare's edge gives in place of an answer; null for every other status. On Cloudflare a
 * dead callback is seen this way, so it must count like the local error.
 *
 * @param body the start of the answer's text
 */
export function classifyEdgeStatus(status: number, body: string): DeliveryErrorKind | null {
	const kind = findEdgeErrorKind(status, body)
	return kind === null ? null : toDeliveryErrorKind(kind, '')
}

function toDeliveryErrorKind(kind: NetworkErrorKind, url: string): DeliveryErrorKind {
	if (kind === 'no-such-host') return 'dns'
	if (kind === 'opaque') return url.startsWith('https:') ? 'tls' : 'dns'
	return kind
}

/** The body of an outcome begins with this when nothing was sent. */
export const NOT_SENT_PREFIX = 'Not sent: '

/**
 * Whether the callback was called at all. A key that cannot be decrypted, or an address that is not allowed, says
 * nothing about the callback.
 */
export function wasSent(outcome: { status: number | null; body: string }): boolean {
	return outcome.status !== null || !outcome.body.startsWith(NOT_SENT_PREFIX)
}

/**
 * Whether the callback as a whole is failing: no answer, 5xx or 429. Any other 4xx is about the notification that was
 * sent.
 */
export function isCallbackFailure(outcome: { delivered: boolean; status: number | null; body: string }): boolean {
	if (outcome.delivered || !wasSent(outcome)) return false
	return outcome.status === null || outcome.status >= 500 || outcome.status === 429
}

/**
 * Signatures of notifications: the platform's header and Standard Webhooks (docs/contract.md §4, §11), over the exact
 * bytes that are sent.
 */
import { createHmac } from 'node:crypto'

/** An instance's signature key, and the next one during a rotation. Never empty. */
export interface SignatureKeys {
	current: string
	next: string | null
}

/** The next key of a rotation: until `fromMs` (epoch ms) both keys sign, then it alone. Null: no rotation. */
interface KeyRotation {
	next: string | null
	fromMs: number | null
}

/** No rotation. */
export const NO_KEY_ROTATION: KeyRotation = { next: null, fromMs: null }

/**
 * The keys that sign at a time; null: none. The clock alone ends a rotation, so no job has to run in time. Works for
 * sealed keys and open ones.
 */
export function getSigningKeys(
	current: string | null,
	{ next, fromMs }: KeyRotation,
	nowMs: number,
): SignatureKeys | null {
	if (next === null || fromMs === null) return current === null ? null : { current: current, next: null }
	return current === null || fromMs <= nowMs ? { current: next, next: null } : { current: current, next }
}

/** One attempt of a notification, to be signed. */
interface SignableAttempt {
	notificationId: number
	body: Uint8Array
	/** When the attempt starts, epoch ms. */
	startedMs: number
}

/** The id of a notification for receivers, the same on every attempt and replay: `ntf_<id>`. */
function toWebhookMessageId(notificationId: number): string {
	return `ntf_${notificationId}`
}

/** `Elements-Webhook-Signature`: `sha256=` and base64 of HMAC-SHA256 over the body. */
export function signElements(key: string, body: Uint8Array): string {
	return `sha256=${createHmac('sha256', key).update(body).digest('base64')}`
}

/**
 * A `webhook-signature` of Standard Webhooks: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, with the key's
 * UTF-8 bytes.
 */
function signStandardWebhooks(key: string, id: string, timestampSec: number, body: Uint8Array): string {
	return `v1,${createHmac('sha256', key).update(`${id}.${timestampSec}.`).update(body).digest('base64')}`
}

/**
 * The id and signature headers of an attempt; without keys only the ids. During a rotation `Elements-Webhook-Signature`
 * is the old key's, `…-Next` the new key's, and `webhook-signature` has both.
 */
export function toSignatureHeaders(attempt: SignableAttempt, keys: SignatureKeys | null): Record<string, string> {
	const id = toWebhookMessageId(attempt.notificationId)
	const timestampSec = Math.floor(attempt.startedMs / 1000)
	const headers: Record<string, string> = {
		'Elements-Webhook-Id': id,
		'webhook-id': id,
		'webhook-timestamp': String(timestampSec),
	}
	if (keys === null) return headers
	headers['Elements-Webhook-Signature'] = signElements(keys.current, attempt.body)
	const standardSignatures = [signStandardWebhooks(keys.current, id, timestampSec, attempt.body)]
	if (keys.next !== null) {
		headers['Elements-Webhook-Signature-Next'] = signElements(keys.next, attempt.body)
		standardSignatures.push(signStandardWebhooks(keys.next, id, timestampSec, attempt.body))
	}
	headers['webhook-signature'] = standardSignatures.join(' ')
	return headers
}

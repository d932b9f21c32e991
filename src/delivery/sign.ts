/**
 * What vouches for a notification: the platform's signature header, and Standard Webhooks beside it (docs/contract.md
 * §4, §11). Both are made over the exact bytes that are sent.
 */
import { createHmac } from 'node:crypto'

/** An instance's signature key, and the one that follows it while they are being changed. Never empty. */
export interface SignatureKeys {
	current: string
	next: string | null
}

/** A key that takes over from the present one: until `fromMs` (epoch ms) both sign, then it alone. Null: none does. */
export interface KeyRotation {
	next: string | null
	fromMs: number | null
}

/** Nothing takes over. */
export const NO_KEY_ROTATION: KeyRotation = { next: null, fromMs: null }

/**
 * The keys that sign at a moment; null: none. It is the clock alone that ends a rotation, so that no work has to be
 * done in time. Sealed keys do as well as open ones.
 */
export function getSigningKeys(
	current: string | null,
	{ next, fromMs }: KeyRotation,
	nowMs: number,
): SignatureKeys | null {
	if (next === null || fromMs === null) return current === null ? null : { current: current, next: null }
	return current === null || fromMs <= nowMs ? { current: next, next: null } : { current: current, next }
}

/** What is signed: one attempt of a notification. */
export interface SignableAttempt {
	notificationId: number
	body: Uint8Array
	/** When the attempt starts, epoch ms. */
	startedMs: number
}

/** The id that names a notification to receivers, the same on every try and replay: `ntf_<id>`. */
export function toWebhookMessageId(notificationId: number): string {
	return `ntf_${notificationId}`
}

/** `Elements-Webhook-Signature`: `sha256=` and base64 of HMAC-SHA256 over the body. */
export function signElements(key: string, body: Uint8Array): string {
	return `sha256=${createHmac('sha256', key).update(body).digest('base64')}`
}

/**
 * One `webhook-signature` of Standard Webhooks: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, under the
 * key's UTF-8 bytes.
 */
export function signStandardWebhooks(key: string, id: string, timestampSec: number, body: Uint8Array): string {
	return `v1,${createHmac('sha256', key).update(`${id}.${timestampSec}.`).update(body).digest('base64')}`
}

/**
 * The headers that name and sign an attempt. Ids are always there, signatures only with a key. While keys change,
 * `Elements-Webhook-Signature` stays with the old one, `…-Next` carries the new one and `webhook-signature` both.
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

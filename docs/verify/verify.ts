import { createHmac, timingSafeEqual } from 'node:crypto'

/** Accepted difference between a timestamp and the receiver's clock, in seconds. */
const TOLERANCE = 300

/** A request's headers: from a `Request`, or Node's `request.headers`. */
type Given = Headers | Record<string, string | string[] | undefined>

/**
 * Verifies `webhook-signature` (Standard Webhooks). `key`: the key itself, not its whsec_ form; `body`: the bytes as
 * received; `now`: epoch seconds.
 */
export function verifyStandard(key: string, headers: Given, body: Uint8Array, now = Date.now() / 1000): boolean {
	const id = header(headers, 'webhook-id')
	const timestamp = header(headers, 'webhook-timestamp')
	if (id === '' || !/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) return false
	const expected = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
	// During a key rotation there are two signatures, separated by a space.
	return header(headers, 'webhook-signature')
		.split(' ')
		.some((signature) => equal(signature, expected))
}

/**
 * Verifies `Elements-Webhook-Signature` and, during a key rotation, `Elements-Webhook-Signature-Next`. It covers only the
 * body, so it does not detect an old request that is sent again.
 */
export function verifyElements(key: string, headers: Given, body: Uint8Array): boolean {
	const expected = `sha256=${createHmac('sha256', key).update(body).digest('base64')}`
	return ['elements-webhook-signature', 'elements-webhook-signature-next'].some((name) =>
		equal(header(headers, name), expected),
	)
}

function header(headers: Given, name: string): string {
	const entries = headers instanceof Headers ? [...headers.entries()] : Object.entries(headers)
	const value = entries.find(([given]) => given.toLowerCase() === name)?.[1]
	return typeof value === 'string' ? value : ''
}

/** Compares two strings in constant time. */
function equal(a: string, b: string): boolean {
	const [left, right] = [Buffer.from(a), Buffer.from(b)]
	return left.length === right.length && timingSafeEqual(left, right)
}

/**
 * WooCommerce's webhooks: topics, secrets, and the meaning of a delivery's headers and body (docs/woocommerce.md §6,
 * §7). `webhook-sync.ts` manages the webhooks at the store.
 */
import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import type { WebhookHeaders, ParsedWebhook, VendorWebhooks } from '../webhooks.ts'
import { parseJson } from './answer-json.ts'
import { ensureWebhooks, pauseWebhooks, removeWebhooks } from './webhook-sync.ts'
import { isRecord, toObjectId } from '../values.ts'
import type { ObjectId, VendorRecord } from '../store.ts'

/** A topic's resource → the collection that it reports. */
const TOPIC_COLLECTIONS: Readonly<Record<string, string>> = {
	order: 'orders',
	product: 'products',
	customer: 'customers',
	coupon: 'coupons',
}

/**
 * Events that only cause a read, which decides whether the object was trashed, deleted or restored
 * (docs/woocommerce.md 7.5 to 7.7).
 */
const HINT_EVENTS = new Set(['deleted', 'restored'])

/**
 * Every topic that WooCommerce has for these resources: customers are not restored, products are published
 * (docs/woocommerce.md 6.1).
 */
const TOPICS: readonly string[] = Object.keys(TOPIC_COLLECTIONS).flatMap((resource) => {
	const events = [
		'created',
		'updated',
		'deleted',
		...(resource === 'customer' ? [] : ['restored']),
		...(resource === 'product' ? ['published'] : []),
	]
	return events.map((event) => `${resource}.${event}`)
})

const KNOWN_TOPICS = new Set(TOPICS)

/** Variations travel as products (docs/woocommerce.md 7.9). */
const VARIATION_PATHS = /^(variations|products\/\d+\/variations)$/

/** Hex, since WooCommerce decodes HTML entities in a secret before it signs with it (docs/woocommerce.md 6.2). */
export function deriveSecret(masterKey: Uint8Array, incarnation: string, topic: string, version: number): string {
	return createHmac('sha256', masterKey).update(`shopbell-hook\n${incarnation}\n${topic}\n${version}`).digest('hex')
}

/** Topics that report changes of a collection. */
function topicsFor(path: string): readonly string[] {
	const collection = VARIATION_PATHS.test(path) ? 'products' : path
	return TOPICS.filter((topic) => TOPIC_COLLECTIONS[topic.split('.')[0] ?? ''] === collection)
}

/** Form-encoded and unsigned, sent while a webhook is made or moved (docs/woocommerce.md 6.4). */
function isPing(headers: Headers, body: string): boolean {
	if (!/^webhook_id=\d{1,20}\s*$/.test(body)) return false
	for (const name of headers.keys()) if (name.startsWith('x-wc-')) return false
	return true
}

/**
 * The headers of a delivery (docs/woocommerce.md 7.1). A header that was sent twice arrives as one text with a comma,
 * which is no topic, signature or id.
 */
function parseHeaders(headers: Headers): WebhookHeaders | null {
	const topic = headers.get('x-wc-webhook-topic')
	const signature = headers.get('x-wc-webhook-signature')
	if (topic === null && signature === null) return null
	return {
		topic: topic !== null && /^[a-z][a-z0-9_]{0,60}\.[a-z][a-z0-9_.]{0,120}$/.test(topic) ? topic : '',
		signature: signature === null ? null : parseSignature(signature),
		webhookId: toPlainAscii(headers.get('x-wc-webhook-id'), 20),
		deliveryId: toPlainAscii(headers.get('x-wc-webhook-delivery-id'), 100),
		source: parseSource(headers.get('x-wc-webhook-source')),
	}
}

/** 32 bytes as base64, in the only spelling that WooCommerce uses. */
function parseSignature(text: string): Uint8Array<ArrayBuffer> | null {
	return /^[A-Za-z0-9+/]{43}=$/.test(text) ? new Uint8Array(Buffer.from(text, 'base64')) : null
}

/** The address in ASCII, with the host in Punycode: a site may write its name in Unicode. */
function parseSource(value: string | null): string {
	const text = decodeBytes(value ?? '').trim()
	return toPlainAscii(URL.canParse(text) ? new URL(text).href : text, 500)
}

/** The text of a header whose bytes are UTF-8; runtimes show each byte as one character. */
function decodeBytes(value: string): string {
	if (!/[\x80-\xff]/.test(value) || /[^\0-\xff]/.test(value)) return value
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(Buffer.from(value, 'latin1'))
	} catch {
		return value
	}
}

function toPlainAscii(value: string | null, limit: number): string {
	return (value ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, limit)
}

/** The meaning of a body (docs/woocommerce.md 7.3 to 7.9, 7.11). */
function parseBody(topic: string, body: string): ParsedWebhook {
	const [resource = '', event = ''] = topic.split('.')
	const path = TOPIC_COLLECTIONS[resource]
	if (path === undefined || !KNOWN_TOPICS.has(topic)) return { kind: 'unknown' }
	const content = parseJson(body)
	if (!isRecord(content)) return { kind: 'unknown' }
	if (isErrorObject(content)) return { kind: 'error-object', path, id: toObjectId(content['id']) }
	const id = toObjectId(content['id'])
	if (id === null) return toLegacyHint(resource, path, content)
	const variation = toVariationHint(resource, id, content)
	if (variation !== null) return variation
	// An id alone is what `.deleted` carries; under another topic a plugin filtered the payload.
	if (HINT_EVENTS.has(event) || Object.keys(content).length === 1) return { kind: 'hint', path, id }
	return { kind: 'record', path, id, record: content }
}

/**
 * The REST error that takes the record's place when the object or the right to see it is gone (docs/woocommerce.md
 * 7.4).
 */
function isErrorObject(content: VendorRecord): boolean {
	const { code, message, data } = content
	return typeof code === 'string' && typeof message === 'string' && isRecord(data) && typeof data['status'] === 'number'
}

/** A product's record differs from the record of the variations' list, so the list's record is read. */
function toVariationHint(resource: string, id: ObjectId, content: VendorRecord): ParsedWebhook | null {
	if (resource !== 'product' || content['type'] !== 'variation') return null
	const parent = toObjectId(content['parent_id'])
	return { kind: 'hint', path: 'variations', id, ...(parent === null || parent === 0 ? {} : { parent }) }
}

/** Webhooks of the legacy API wrap their record: `{"order": {"id": 7, …}}` (docs/woocommerce.md 7.11). */
function toLegacyHint(resource: string, path: string, content: VendorRecord): ParsedWebhook {
	const inner = content[resource]
	const id = isRecord(inner) ? toObjectId(inner['id']) : null
	return id === null ? { kind: 'unknown' } : { kind: 'hint', path, id }
}

/** WooCommerce's webhooks. */
export const webhooks: VendorWebhooks = {
	topics: TOPICS,
	topicsFor,
	deriveSecret,
	ensure: ensureWebhooks,
	pause: pauseWebhooks,
	remove: removeWebhooks,
	isPing,
	parseHeaders,
	parseBody,
}

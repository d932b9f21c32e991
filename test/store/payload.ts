/** What a delivery carries: the object as it is now, seen with the owner's rights, in PHP's bytes with WooCommerce's signature (docs/woocommerce.md 6.2, 6.6, 7.1). */
import { createHmac } from 'node:crypto'
import type { Engine } from './engine.ts'
import { phpJson, RestError } from './reply.ts'
import { allowed } from './router.ts'
import { single } from './singles.ts'
import type { Key, Rec, WebhookKnobs } from './types.ts'
import type { Webhook } from './webhooks.ts'

/** The two parts of a topic: `order` and `created`. */
export function partsOf(topic: string): [string, string] {
	const dot = topic.indexOf('.')
	return [topic.slice(0, dot), topic.slice(dot + 1)]
}

/** The owner with the rights that are left. */
function ownerNow(webhook: Webhook, knobs: WebhookKnobs): Key | null {
	const { owner } = webhook
	if (knobs.owner === 'deleted') return null
	return owner && knobs.owner === 'demoted' ? { ...owner, role: 'customer' } : owner
}

/** Older versions of the API know fewer keys; of these the ones that receivers trip over (7.11). */
function aged(record: Rec, version: 1 | 2 | 3): Rec {
	if (version === 3) return record
	const { stock_status: stock, ...rest } = record
	const old: Rec = stock === undefined ? rest : { ...rest, in_stock: stock === 'instock' }
	if (version === 2) return old
	return Object.fromEntries(Object.entries(old).filter(([key]) => !key.endsWith('_gmt') && key !== 'meta_data'))
}

/** The body before it is encoded. */
export function payloadOf(engine: Engine, webhook: Webhook, id: number, knobs: WebhookKnobs): Rec {
	const [resource, event] = partsOf(webhook.topic)
	if (resource === 'action') return { action: event, arg: id }
	if (event === 'deleted') return { id: knobs.textIds ? String(id) : id }
	const key = ownerNow(webhook, knobs)
	const collection = `${resource}s`
	const call = {
		engine,
		key,
		name: '',
		method: 'GET',
		path: '',
		query: new Map(),
		params: new Map(),
		body: {},
		https: true,
	}
	try {
		const record = single(
			call,
			{ collection, kind: 'item', id, methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] },
			allowed(key, collection),
		)
		return filtered(aged(record, webhook.apiVersion), resource, knobs)
	} catch (error) {
		if (!(error instanceof RestError)) throw error
		return error.body
	}
}

function filtered(record: Rec, resource: string, { plugin }: WebhookKnobs): Rec {
	if (!plugin || (plugin.resources && !plugin.resources.includes(resource))) return record
	const kept = Object.fromEntries(Object.entries(record).filter(([key]) => !plugin.remove?.includes(key)))
	return { ...kept, ...plugin.set }
}

/** The bytes of a payload. */
export function bytesOf(payload: Rec): string {
	return phpJson(payload)
}

/** `wp_specialchars_decode` with both quotes: what WooCommerce makes of a secret before it signs (6.2). */
export function decodeSecret(secret: string): string {
	return secret
		.replace(/&quot;|&#0*34;|&#x0*22;/gi, '"')
		.replace(/&apos;|&#0*39;|&#x0*27;/gi, "'")
		.replace(/&lt;|&#0*60;|&#x0*3c;/gi, '<')
		.replace(/&gt;|&#0*62;|&#x0*3e;/gi, '>')
		.replace(/&amp;|&#0*38;|&#x0*26;/gi, '&')
}

/** `X-WC-Webhook-Signature` of a body. */
export function signatureOf(body: string, secret: string): string {
	return createHmac('sha256', decodeSecret(secret)).update(body).digest('base64')
}

/** Made of the webhook and the second, so that deliveries of one webhook in one second share it (7.1). */
export function deliveryIdOf(engine: Engine, webhook: Webhook): string {
	return createHmac('md5', `salt ${engine.settings.seed}`).update(`${webhook.id}${engine.second()}`).digest('hex')
}

/** How the store's requests name themselves. */
export function agentOf(engine: Engine): string {
	const { version } = engine.settings
	return `WooCommerce/${version === '11.0' ? '11.0.1' : `${version}.0`} Hookshot (WordPress/${version === '11.0' ? '7.1' : '6.1'})`
}

/** The headers of a delivery. */
export function headersOf(
	engine: Engine,
	webhook: Webhook,
	body: string,
	deliveryId: string,
	source: string | null | undefined,
): Record<string, string> {
	const [resource, event] = partsOf(webhook.topic)
	return {
		'user-agent': agentOf(engine),
		'content-type': 'application/json',
		...(source !== null && { 'x-wc-webhook-source': source ?? `${engine.settings.url}/` }),
		'x-wc-webhook-topic': webhook.topic,
		'x-wc-webhook-resource': resource,
		'x-wc-webhook-event': event,
		'x-wc-webhook-signature': signatureOf(body, webhook.secret),
		'x-wc-webhook-id': String(webhook.id),
		'x-wc-webhook-delivery-id': deliveryId,
	}
}

/** Whether WordPress asks this address at all: http and https, no user, ports 80, 443, 8080, nothing private; the site itself is excepted (6.3). */
export function reachable(address: string, site: string): boolean {
	if (!URL.canParse(address)) return false
	const url = new URL(address)
	const home = new URL(site)
	const port = (of: URL): number => (of.port === '' ? 0 : Number(of.port))
	if (!/^https?:$/.test(url.protocol) || url.username || url.password || url.hostname.startsWith('[')) return false
	const same = url.hostname === home.hostname
	const host = url.hostname.replace(/\.$/, '')
	if (!same) {
		if (host === 'localhost' || host.endsWith('.localhost')) return false
		const [a = -1, b = -1] = /^\d+\.\d+\.\d+\.\d+$/.test(host) ? host.split('.').map(Number) : []
		if (a === 127 || a === 10 || a === 0 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return false
	}
	return [0, 80, 443, 8080].includes(port(url)) || (same && port(url) === port(home))
}

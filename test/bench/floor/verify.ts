/** The least that refusing a delivery costs: a bare Worker that only verifies its HMAC. */
import { DurableObject } from 'cloudflare:workers'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

const HMAC = { name: 'HMAC', hash: 'SHA-256' }
let key: Promise<CryptoKey> | undefined

export default {
	async fetch(request, env): Promise<Response> {
		const body = await request.arrayBuffer()
		if (request.url.endsWith('/nothing')) return Response.json({ bytes: body.byteLength })
		key ??= crypto.subtle.importKey('raw', new TextEncoder().encode(env.SETUP_TOKEN), HMAC, false, ['verify'])
		const signature = new Uint8Array(Buffer.from(request.headers.get('X-WC-Webhook-Signature') ?? '', 'base64'))
		const verified = await crypto.subtle.verify('HMAC', await key, signature, body)
		return Response.json({}, { status: verified ? 200 : 401 })
	},
} satisfies ExportedHandler<{ SETUP_TOKEN: string }>

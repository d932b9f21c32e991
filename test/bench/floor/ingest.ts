/** The least that taking a delivery costs: verify its HMAC, insert one row into a Durable Object's SQLite, answer. */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'

interface Env {
	WATCHER: DurableObjectNamespace<Watcher>
	SETUP_TOKEN: string
}

/** An object that keeps what it is given. */
export class Watcher extends DurableObject<Env> {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, body TEXT NOT NULL)')
	}

	async insert(body: string): Promise<void> {
		this.ctx.storage.sql.exec('INSERT INTO deliveries (body) VALUES (?)', body)
	}
}

/** Bound as in production; never called. */
export class Callback extends DurableObject {}

const HMAC = { name: 'HMAC', hash: 'SHA-256' }
let key: Promise<CryptoKey> | undefined

const app = new Hono<{ Bindings: Env }>()
app.post('/nothing', async (c) => c.json({ bytes: (await c.req.arrayBuffer()).byteLength }))
app.post('/:instance', async (c) => {
	const body = await c.req.arrayBuffer()
	key ??= crypto.subtle.importKey('raw', new TextEncoder().encode(c.env.SETUP_TOKEN), HMAC, false, ['verify'])
	const signature = new Uint8Array(Buffer.from(c.req.header('X-WC-Webhook-Signature') ?? '', 'base64'))
	if (!(await crypto.subtle.verify('HMAC', await key, signature, body))) return c.json({}, 401)
	await c.env.WATCHER.getByName(c.req.param('instance')).insert(new TextDecoder().decode(body))
	return c.json({})
})

export default app

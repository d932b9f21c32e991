/** The least that passing a webhook on costs: verify its HMAC, insert one row, put it into a queue, POST it to the callback. */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'

type Post = { url: string; body: string }

interface Env {
	WATCHER: DurableObjectNamespace<Watcher>
	DOORBELLS: Queue<Post>
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

async function send({ url, body }: Post): Promise<void> {
	const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' })
	await answer.arrayBuffer()
}

const app = new Hono<{ Bindings: Env }>()
/** `to`: the callback. */
app.post('/:instance', async (c) => {
	const bytes = await c.req.arrayBuffer()
	key ??= crypto.subtle.importKey('raw', new TextEncoder().encode(c.env.SETUP_TOKEN), HMAC, false, ['verify'])
	const signature = new Uint8Array(Buffer.from(c.req.header('X-WC-Webhook-Signature') ?? '', 'base64'))
	if (!(await crypto.subtle.verify('HMAC', await key, signature, bytes))) return c.json({}, 401)
	const body = new TextDecoder().decode(bytes)
	await c.env.WATCHER.getByName(c.req.param('instance')).insert(body)
	await c.env.DOORBELLS.send({ url: c.req.query('to')!, body })
	return c.json({})
})

export default {
	fetch: app.fetch,
	async queue(batch, _env, ctx): Promise<void> {
		for (const message of batch.messages) {
			message.ack()
			ctx.waitUntil(send(message.body))
		}
	},
} satisfies ExportedHandler<Env, Post>

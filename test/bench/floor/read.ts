/** The least that showing something kept costs: a bare Worker with one read of D1. */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

const app = new Hono<{ Bindings: { DB: D1Database } }>()
app.get('/:id', async (c) => {
	const row = await c.env.DB.prepare('SELECT * FROM instances WHERE id = ?')
		.bind(Number(c.req.param('id')))
		.first()
	return row === null ? c.json({}, 404) : c.json(row)
})

export default app

/** The least that a page of a list costs: Hono, one read of D1 for the session, and rows as JSX until it has so many bytes. */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

const app = new Hono<{ Bindings: { DB: D1Database } }>()
app.get('/:bytes', async (c) => {
	await c.env.DB.prepare('SELECT * FROM sessions LIMIT 1').first()
	const rows = Math.round(Number(c.req.param('bytes')) / ROW_BYTES)
	return c.html(
		<html lang='en'>
			<body>
				<table>
					{Array.from({ length: rows }, (_, index) => (
						<tr>
							<td class='name'>
								<a href={`/instances/${index}`}>Riverside Outfitters {index}</a>
							</td>
							<td class='state'>Healthy</td>
							<td class='mode'>polling, every 5 min</td>
							<td class='number'>{(index * 7919) % 10_000}</td>
							<td class='when'>2 min ago</td>
						</tr>
					))}
				</table>
			</body>
		</html>,
	)
})

/** What a row takes. */
const ROW_BYTES = 240

export default app

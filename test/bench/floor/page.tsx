/**
 * The least that a page costs: Hono and the same HTML (`/given`), and the least that a list costs: Hono, its session and its rows
 * out of D1, as many as make so many bytes, as JSX (`/list/{bytes}`).
 */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

const app = new Hono<{ Bindings: { DB: D1Database } }>()
let given = ''
app.put('/given', async (c) => {
	given = await c.req.text()
	return c.body(null, 204)
})
app.get('/given', (c) => c.html(given))
app.get('/list/:bytes', async (c) => {
	await c.env.DB.prepare('SELECT * FROM sessions LIMIT 1').first()
	const { results } = await c.env.DB.prepare(ROWS_SQL)
		.bind(Math.max(1, Math.round(Number(c.req.param('bytes')) / ROW_BYTES)))
		.all<Row>()
	return c.html(
		<html lang='en'>
			<body>
				<table>
					{results.map(({ id, name, state, mode, changes }) => (
						<tr>
							<td class='name'>
								<a href={`/instances/${id}`}>{name}</a>
							</td>
							<td class='state'>{state}</td>
							<td class='mode'>{mode}</td>
							<td class='number'>{changes}</td>
							<td class='when'>2 min ago</td>
						</tr>
					))}
				</table>
			</body>
		</html>,
	)
})

interface Row {
	id: number
	name: string
	state: string
	mode: string
	changes: number
}

const ROWS_SQL = `WITH RECURSIVE numbers (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers WHERE id < ?)
	SELECT id, 'Riverside Outfitters ' || id AS name, 'Healthy' AS state, 'polling, every 5 min' AS mode, id * 7919 % 10000 AS changes
	FROM numbers`

/** What a row takes. */
const ROW_BYTES = 240

export default app

/** The least that a page of a list costs: Hono, one read of D1 for the session, rows as JSX, so many bytes. */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

const app = new Hono<{ Bindings: { DB: D1Database } }>()
app.get('/:bytes', async (c) => {
	await c.env.DB.prepare('SELECT * FROM sessions LIMIT 1').first()
	const bytes = Number(c.req.param('bytes'))
	const row = bytes / ROWS
	return c.html(
		<html lang='en'>
			<body>
				<table>
					{Array.from({ length: ROWS }, (_, index) => (
						<tr>
							<td class='name'>
								<a href={`/${index}`}>{index}</a>
							</td>
							<td>{'x'.repeat(Math.max(0, row - ROW_BYTES))}</td>
						</tr>
					))}
				</table>
			</body>
		</html>,
	)
})

const ROWS = 50
/** What a row has without its text. */
const ROW_BYTES = 65

export default app

/** The least that ringing costs: one hop through the queue, and one fetch of the address that the message holds. */
import { DurableObject } from 'cloudflare:workers'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

export default {
	async fetch(request, env): Promise<Response> {
		await env.DOORBELLS.send(await request.text())
		return Response.json({})
	},
	async queue(batch): Promise<void> {
		for (const message of batch.messages) {
			const answer = await fetch(message.body, { method: 'POST', body: '{}' })
			await answer.arrayBuffer()
			message.ack()
		}
	},
} satisfies ExportedHandler<{ DOORBELLS: Queue<string> }, string>

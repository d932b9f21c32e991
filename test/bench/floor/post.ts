/** The least that delivering costs: a queue whose messages are the POSTs themselves, and a consumer that does them. */
import { DurableObject } from 'cloudflare:workers'

/** Bound as in production; never called. */
export class Watcher extends DurableObject {}

/** The same. */
export class Callback extends DurableObject {}

type Post = { url: string; headers: [string, string][]; body: string }

/** So many fit into what may be sent to a queue at a time. */
const AT_A_TIME = 20
/** Everything is in the queue: until then the first batch waits, and so all others do. */
const backlog = { recorded: false }

async function send({ url, ...init }: Post): Promise<void> {
	const answer = await fetch(url, { ...init, method: 'POST', redirect: 'manual' })
	await answer.arrayBuffer()
}

export default {
	async fetch(request, env): Promise<Response> {
		const posts = await request.json<Post[]>()
		backlog.recorded = false
		for (let at = 0; at < posts.length; at += AT_A_TIME)
			await env.DOORBELLS.sendBatch(posts.slice(at, at + AT_A_TIME).map((body) => ({ body })))
		backlog.recorded = true
		return Response.json({})
	},
	async queue(batch, _env, ctx): Promise<void> {
		while (!backlog.recorded) await scheduler.wait(1)
		for (const message of batch.messages) {
			message.ack()
			ctx.waitUntil(send(message.body))
		}
	},
} satisfies ExportedHandler<{ DOORBELLS: Queue<Post> }, Post>

/** The Worker's entry points. */
import { createApp } from './app.ts'
import type { Doorbell, Env } from './context.ts'
import { consumeDoorbells } from './delivery/consumer.ts'
import { createServices } from './instances/services.ts'
import { runCron } from './instances/cron.ts'

export { Callback } from './delivery/callback.ts'
export { Watcher } from './watcher/watcher.ts'

const app = createApp()

export default {
	/** The API. */
	fetch: (request, env, ctx) => app.fetch(request, env, ctx),
	/** Queue messages (doorbells). */
	queue: (batch, env, ctx) => consumeDoorbells(batch, env, ctx),
	/** Every five minutes: wakes overdue objects and continues unfinished work. */
	async scheduled(_controller, env) {
		await runCron(createServices(env))
	},
} satisfies ExportedHandler<Env, Doorbell>

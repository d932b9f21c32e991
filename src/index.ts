/** Table of contents of the Worker. */
import { createApp } from './app.ts'
import type { Doorbell, Env } from './context.ts'
import { consume } from './delivery/consumer.ts'
import { servicesOf } from './instances/services.ts'
import { runWatchdog } from './instances/watchdog.ts'

export { Callback } from './delivery/callback.ts'
export { Watcher } from './watcher/watcher.ts'

const app = createApp()

export default {
	/** The API. */
	fetch: (request, env, ctx) => app.fetch(request, env, ctx),
	/** Doorbells. */
	queue: (batch, env, ctx) => consume(batch, env, ctx),
	/** Every five minutes: wakes what is overdue, finishes what was begun. */
	async scheduled(_controller, env) {
		await runWatchdog(servicesOf(env))
	},
} satisfies ExportedHandler<Env, Doorbell>

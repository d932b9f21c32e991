/**
 * The Worker under test: the production Worker, whose objects stand still before a doorbell when the harness wants to kill there, and say on whose
 * behalf they ask the store. `worker-patches.ts` is imported first: nothing may run before it.
 */
import { currentInstance, useRunClockForAlarms, haltAt, setTrap } from './worker-patches.ts'
import type { Doorbell, Env } from '../../src/context.ts'
import { toNotificationId } from '../../src/events/ids.ts'
import worker, { Callback as ProductionCallback, Watcher as ProductionWatcher } from '../../src/index.ts'
import { TRAP_PATH, type Trap } from './kill-points.ts'

export * from '../../src/index.ts'

/** The production object with a place to stand still between its commit and its doorbell. */
export class Watcher extends ProductionWatcher {
	constructor(ctx: DurableObjectState, env: Env) {
		useRunClockForAlarms(ctx.storage)
		super(ctx, env)
		const { ports } = this.engine
		const { sendDoorbell } = ports
		ports.sendDoorbell = async (instance, incarnation) => {
			await haltAt('commitToDoorbell', () => {
				const rows = ports.sql.all<{ id: number }>(
					`SELECT id FROM notifications WHERE attempt = 0 AND settled IS NULL ORDER BY id LIMIT 20`,
				)
				return rows.length === 0
					? null
					: { notifications: rows.map(({ id }) => `ntf_${toNotificationId(instance, id)}`), attempt: 0 }
			})
			await sendDoorbell(instance, incarnation)
		}
	}

	override async alarm(): Promise<void> {
		await currentInstance.run(this.engine.getCore()?.config.instanceId ?? 0, async () => await super.alarm())
	}
}

/** The production breaker on the run's clock. */
export class Callback extends ProductionCallback {
	constructor(ctx: DurableObjectState, env: Env) {
		useRunClockForAlarms(ctx.storage)
		super(ctx, env)
	}
}

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		const { pathname } = new URL(request.url)
		if (pathname === TRAP_PATH) {
			setTrap(await request.json<Trap>())
			return new Response(null, { status: 204 })
		}
		return await worker.fetch(request, env, ctx)
	},
} satisfies ExportedHandler<Env, Doorbell>

/**
 * The production Worker with three more questions for its objects: how they stand, what they know, and to be a copy of another. On the real
 * clock, with the real alarm and queue; unlike `worker.ts` it counts nothing on the way but what production counts, so that it can be timed.
 */
import { getBenchObject } from './bench-object.ts'
import type { Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import type { WebhookResult, WebhookDelivery } from '../../src/rpc/watcher.ts'
import { migrate } from '../../src/watcher/core/tables.ts'
import { Watcher as ProductionWatcher } from '../../src/watcher/watcher.ts'
import type { WebhookCommand, WebhookReply } from './webhooks-commands.ts'
import type { WatcherConfig } from '../../src/rpc/config.ts'
import type { OrUnknown } from '../../src/rpc/known.ts'

export { Callback } from '../../src/delivery/callback.ts'

/** Instances without a store and a row in D1: what they would read there is dropped instead. */
const copiedConfigs = new Map<string | undefined, WatcherConfig>()

const COPIED_TABLES = ['instance', 'state', 'shapes', 'objects']

/** The production object. */
export class Watcher extends ProductionWatcher {
	#lastDeliveryRows = 0

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		const { ports } = this.engine
		const { loadConfig } = ports
		ports.loadConfig = async (...of) => {
			const config = copiedConfigs.get(ctx.id.name)
			return config === undefined ? await loadConfig(...of) : { ok: true, config }
		}
	}

	override async hook(delivery: WebhookDelivery): Promise<OrUnknown<WebhookResult>> {
		const before = this.rows.written
		const answer = await super.hook(delivery)
		this.#lastDeliveryRows = this.rows.written - before
		return answer
	}

	override async alarm(): Promise<void> {
		if (copiedConfigs.has(this.ctx.id.name)) this.engine.ports.sql.run('DELETE FROM lookups')
		await super.alarm()
	}

	/** Does what the bench says; answers JSON. */
	async bench(text: string): Promise<string> {
		const command = JSON.parse(text) as WebhookCommand
		const { sql } = this.engine.ports
		if (command.do === 'become') await this.#becomeCopy(command)
		if (command.do === 'copy')
			return JSON.stringify(
				Object.fromEntries(COPIED_TABLES.map((table) => [table, sql.all(`SELECT * FROM ${table}`)])),
			)
		const core = this.engine.getCore()
		if (core === null) throw new Error('there is no such instance')
		const { sequence, hooks, unsettled, resources } = core.state
		const reply: WebhookReply = {
			rows: this.#lastDeliveryRows,
			written: this.rows.written,
			events: sequence,
			taken: hooks.counts.taken,
			lookups: sql.all('SELECT 1 FROM lookups').length,
			unsettled: unsettled.length,
			learned: resources.length > 0 && resources.every((one) => one.baseline === null),
		}
		return JSON.stringify(reply)
	}

	async #becomeCopy({ instanceId, tables, callbackUrl }: WebhookCommand & { do: 'become' }): Promise<void> {
		const { sql } = this.engine.ports
		const copied = JSON.parse(String(tables['instance']?.[0]?.['config'])) as WatcherConfig
		// A key is sealed for its instance: no other can open it.
		const configuration = { ...copied.configuration, 'event.notification.signature.key': null }
		const config = { ...copied, instanceId, incarnation: String(instanceId), callbackUrl, configuration }
		copiedConfigs.set(this.ctx.id.name, config)
		migrate(sql)
		sql.transaction(() => {
			for (const [table, rows] of Object.entries(tables)) {
				for (const row of rows) {
					const names = Object.keys(row)
					const placeholders = names.map(() => '?').join(', ')
					sql.run(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${placeholders})`, ...Object.values(row))
				}
			}
			sql.run('UPDATE instance SET id = ?, config = ?', instanceId, JSON.stringify(config))
		})
		// Its subscription is made where the configuration is followed.
		if (callbackUrl !== null) await this.configure(config.version, { release: true })
	}
}

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		// Production's path first: this Worker is timed.
		if (!request.url.includes('/_bench/')) return await worker.fetch(request, env, ctx)
		const { pathname } = new URL(request.url)
		const stub = await getBenchObject(env, pathname.slice('/_bench/'.length))
		return new Response(await stub.bench(await request.text()))
	},
} satisfies ExportedHandler<Env, { version: 1; instance: number }>

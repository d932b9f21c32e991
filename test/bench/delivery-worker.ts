/**
 * The production Worker whose objects can be given a backlog and told to ring. On the real clock, with the real alarm and queue; what it counts
 * on the way are a few numbers in memory, so that it can be timed.
 */
import type { Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import type { NewEvent } from '../../src/watcher/log/event-log.ts'
import { putIntoNotifications } from '../../src/watcher/outbox/forming.ts'
import type { Admission, Outcome } from '../../src/rpc/delivery.ts'
import { Watcher as Production } from '../../src/watcher/watcher.ts'
import type { DeliveryCounts, DeliveryOrder, DeliveryReply } from './delivery-orders.ts'

export { Callback } from '../../src/delivery/callback.ts'

/** Events of one commit: about a page of a window. */
const COMMIT = 100
/** Ids that no order of the store has. */
const FIRST_ID = 1_000_000

/** The production object. */
export class Watcher extends Production {
	#until: number | null = null
	#ended = false
	#counts: DeliveryCounts = { read: 0, written: 0, calls: 0, alarms: 0, doorbells: 0, settled: 0 }

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		const { ports } = this.engine
		const { ring } = ports
		ports.ring = async (instance) => {
			this.#counts.doorbells++
			await ring(instance)
		}
	}

	override async alarm(): Promise<void> {
		this.#counts.alarms++
		await super.alarm()
	}

	override async claim(limit: number, admission?: Admission): ReturnType<Production['claim']> {
		this.#counts.calls++
		return this.#ended ? { claims: [], more: false, asks: [] } : await super.claim(limit, admission)
	}

	override async settle(id: number, attempt: number, outcome: Outcome, more: boolean): ReturnType<Production['settle']> {
		this.#counts.calls++
		const answer = await super.settle(id, attempt, outcome, more && !this.#ended)
		this.#counts.settled++
		if (this.#until !== null && this.#counts.settled === this.#until) {
			this.#counts = this.#counted()
			this.#ended = true
		}
		return answer
	}

	/** Does what the bench says; answers JSON. */
	async bench(text: string): Promise<string> {
		const order = JSON.parse(text) as DeliveryOrder
		const core = this.engine.core()
		if (core === null) throw new Error('there is no such instance')
		if (order.do === 'record') {
			for (let left = order.events; left > 0; left -= COMMIT) this.#record(Math.min(left, COMMIT), order.record)
		}
		if (order.do === 'ring') {
			this.#counts = { read: -this.rows.read, written: -this.rows.written, calls: 0, alarms: 0, doorbells: 0, settled: 0 }
			this.#until = order.until
			this.#ended = false
			core.lastRungMs = null
			await this.engine.ringDue(core)
		}
		const { resources, unsettled } = core.state
		const reply: DeliveryReply = {
			learned: resources.length > 0 && resources.every((one) => one.baseline === null),
			unsettled: unsettled.length,
			// Not through the engine's port: what the bench looks at is not counted.
			waiting: Number(this.ctx.storage.sql.exec('SELECT count(*) AS n FROM waiting').one()['n']),
			counts: this.#ended ? this.#counts : this.#counted(),
		}
		return JSON.stringify(reply)
	}

	#counted(): DeliveryCounts {
		const { read, written } = this.#counts
		return { ...this.#counts, read: this.rows.read + read, written: this.rows.written + written }
	}

	#record(events: number, record: string): void {
		const core = this.engine.core()!
		const { state } = core
		const now = this.engine.ports.now()
		const resource = state.resources.find((one) => one.objectType === 'orders')!
		core.commit(() => {
			const made = Array.from({ length: events }, (): NewEvent => {
				const sequence = ++state.sequence
				return {
					sequence,
					tag: this.engine.ports.eventTag(core.config.instanceId, sequence),
					resource: resource.objectType,
					resourceNumber: resource.number,
					objectId: FIRST_ID + sequence,
					objectSequence: 2,
					previousSequence: 1,
					previousEvent: null,
					eventType: 'UPDATED',
					dateMs: now,
					pollDateMs: now,
					source: 'poll',
					changedFields: ['status', 'date_modified', 'date_modified_gmt'],
					flags: {},
					record,
				}
			})
			putIntoNotifications(core, made)
		})
	}
}

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		if (!request.url.includes('/_bench/')) return await worker.fetch(request, env, ctx)
		const { pathname } = new URL(request.url)
		if (pathname === '/_bench/migrate') {
			for (const statement of await request.json<string[]>()) await env.DB.prepare(statement).run()
			return new Response('done')
		}
		// One order for several instances.
		const ids = pathname.slice('/_bench/'.length).split(',')
		const order = await request.text()
		const asked = ids.map((id) => (env.WATCHER.getByName(id) as unknown as { bench(text: string): Promise<string> }).bench(order))
		return new Response(`[${(await Promise.all(asked)).join(',')}]`)
	},
} satisfies ExportedHandler<Env, { version: 1; instance: number }>

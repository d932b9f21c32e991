/**
 * The production Worker whose objects can be given a backlog and made to send. On the real clock, with the real alarm and queue; what it counts
 * on the way are a few numbers in memory, so that it can be timed.
 */
import { getBenchObject } from './bench-object.ts'
import type { Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import type { NewEvent } from '../../src/watcher/log/event-log.ts'
import { appendEvents } from '../../src/watcher/outbox/forming.ts'
import type { Admission, AttemptOutcome } from '../../src/rpc/delivery.ts'
import { Watcher as ProductionWatcher } from '../../src/watcher/watcher.ts'
import type { DeliveryCounts, DeliveryCommand, DeliveryReply } from './delivery-commands.ts'

export { Callback } from '../../src/delivery/callback.ts'

/** Events of one commit: about a page of a window. */
const EVENTS_PER_COMMIT = 100
/** Ids that no order of the store has. */
const FIRST_OBJECT_ID = 1_000_000

/** The production object. */
export class Watcher extends ProductionWatcher {
	#stopAfter: number | null = null
	#ended = false
	#counts: DeliveryCounts = { read: 0, written: 0, calls: 0, alarms: 0, doorbells: 0, settled: 0 }

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env)
		const { ports } = this.engine
		const { sendDoorbell } = ports
		ports.sendDoorbell = async (...of) => {
			this.#counts.doorbells++
			await sendDoorbell(...of)
		}
	}

	override async alarm(): Promise<void> {
		this.#counts.alarms++
		await super.alarm()
	}

	override async claim(limit: number, admission?: Admission): ReturnType<ProductionWatcher['claim']> {
		this.#counts.calls++
		return this.#ended ? { claims: [], more: false, asks: [] } : await super.claim(limit, admission)
	}

	override async settle(
		id: number,
		attempt: number,
		outcome: AttemptOutcome,
		more: boolean,
	): ReturnType<ProductionWatcher['settle']> {
		this.#counts.calls++
		const answer = await super.settle(id, attempt, outcome, more && !this.#ended)
		this.#counts.settled++
		if (this.#stopAfter !== null && this.#counts.settled === this.#stopAfter) {
			this.#counts = this.#currentCounts()
			this.#ended = true
		}
		return answer
	}

	/** Does what the bench says; answers JSON. */
	async bench(text: string): Promise<string> {
		const command = JSON.parse(text) as DeliveryCommand
		const core = this.engine.getCore()
		if (core === null) throw new Error('there is no such instance')
		if (command.do === 'record') {
			for (let remaining = command.events; remaining > 0; remaining -= EVENTS_PER_COMMIT)
				this.#record(Math.min(remaining, EVENTS_PER_COMMIT), command.record)
		}
		if (command.do === 'send') {
			this.#counts = {
				read: -this.rows.read,
				written: -this.rows.written,
				calls: 0,
				alarms: 0,
				doorbells: 0,
				settled: 0,
			}
			this.#stopAfter = command.until
			this.#ended = false
			core.lastDoorbellMs = null
			await this.engine.sendDueDoorbell(core)
		}
		const { resources, unsettled } = core.state
		const reply: DeliveryReply = {
			learned: resources.length > 0 && resources.every((resource) => resource.baseline === null),
			unsettled: unsettled.length,
			// Not through the engine's port: what the bench looks at is not counted.
			waiting: Number(this.ctx.storage.sql.exec('SELECT count(*) AS n FROM waiting').one()['n']),
			counts: this.#ended ? this.#counts : this.#currentCounts(),
		}
		return JSON.stringify(reply)
	}

	#currentCounts(): DeliveryCounts {
		const { read, written } = this.#counts
		return { ...this.#counts, read: this.rows.read + read, written: this.rows.written + written }
	}

	#record(events: number, record: string): void {
		const core = this.engine.getCore()!
		const { state } = core
		const now = this.engine.ports.now()
		const resource = state.resources.find((candidate) => candidate.objectType === 'orders')!
		core.commit((tx) => {
			const newEvents = Array.from({ length: events }, (): NewEvent => {
				const sequence = ++state.sequence
				return {
					sequence,
					tag: this.engine.ports.eventTag(core.config.incarnation, sequence),
					resource: resource.objectType,
					resourceNumber: resource.number,
					objectId: FIRST_OBJECT_ID + sequence,
					objectSequence: 2,
					previousSequence: 1,
					previousEvent: null,
					lagMs: 0,
					eventType: 'UPDATED',
					dateMs: now,
					pollDateMs: now,
					source: 'poll',
					changedFields: ['status', 'date_modified', 'date_modified_gmt'],
					flags: {},
					record,
				}
			})
			appendEvents(tx, core, newEvents)
		})
	}
}

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		if (!request.url.includes('/_bench/')) return await worker.fetch(request, env, ctx)
		const { pathname } = new URL(request.url)
		// One order for several instances.
		const ids = pathname.slice('/_bench/'.length).split(',')
		const command = await request.text()
		const replies = ids.map(async (id) => await (await getBenchObject(env, id)).bench(command))
		return new Response(`[${(await Promise.all(replies)).join(',')}]`)
	},
} satisfies ExportedHandler<Env, { version: 1; instance: number }>

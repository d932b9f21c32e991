/**
 * The Worker with a bench in it: the production Worker, whose Durable Object runs on a clock and an alarm that the bench moves, and counts the
 * rows that the runtime says were read and written, by table, in the object's SQLite and in D1. Production code has none of this.
 */
import { getBenchObject } from './bench-object.ts'
import type { Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import { openStoreClient, storeIo } from '../../src/instances/stores.ts'
import type { Core } from '../../src/watcher/core/core.ts'
import type { Sql, SqlValue } from '../../src/watcher/core/ports.ts'
import { prune } from '../../src/watcher/outbox/retention.ts'
import { Watcher as ProductionWatcher } from '../../src/watcher/watcher.ts'
import type { BenchCounts, LogFill, BenchCommand, BenchReply } from './commands.ts'

export { Callback } from '../../src/delivery/callback.ts'

const HOUR_MS = 3_600_000

/** What outlives the object: it is evicted when the bench says so, and after idle seconds. */
interface ObjectLife {
	offsetMs: number
	armedMs: number | null
	counts: BenchCounts
}

const lives = new Map<string, ObjectLife>()

function getLife(name: string): ObjectLife {
	let life = lives.get(name)
	if (life === undefined) {
		life = {
			offsetMs: 0,
			armedMs: null,
			counts: { object: {}, d1: {}, alarms: 0, doorbells: 0, alarmRuns: 0, calls: 0 },
		}
		lives.set(name, life)
	}
	return life
}

function addRows(to: BenchCounts['object'], table: string, read: number, written: number): void {
	const counted = (to[table] ??= { read: 0, written: 0 })
	counted.read += read
	counted.written += written
}

/** The table that a statement is about: of several the first. */
function tableName(query: string): string {
	return /\b(?:FROM|INTO|UPDATE|TABLE(?: IF NOT EXISTS)?)\s+(\w+)/i.exec(query)?.[1] ?? 'other'
}

/** The production object on the bench's clock. */
export class Watcher extends ProductionWatcher {
	readonly #life: ObjectLife

	constructor(ctx: DurableObjectState, env: Env) {
		const life = getLife(ctx.id.name ?? '')
		const counted: Env = { ...env, DB: countingD1(env.DB, life.counts) }
		super(ctx, counted)
		this.#life = life
		const { ports } = this.engine
		const now = (): number => Date.now() + life.offsetMs
		const { sendDoorbell } = ports
		ports.now = now
		ports.sql = countingSql(ports.sql, this.rows, life.counts)
		ports.setAlarm = (atMs) => {
			life.armedMs = atMs
			life.counts.alarms++
		}
		ports.getAlarmMs = () => life.armedMs
		ports.sendDoorbell = async (...of) => {
			life.counts.doorbells++
			await sendDoorbell(...of)
		}
		ports.client = (config) =>
			openStoreClient(
				env,
				{
					id: config.instanceId,
					incarnation: config.incarnation,
					name: config.name,
					elementKey: config.elementKey,
					configuration: config.configuration,
					connection: config.connection,
				},
				{ ...storeIo(env), now },
			)
	}

	override async claim(...args: Parameters<ProductionWatcher['claim']>): ReturnType<ProductionWatcher['claim']> {
		this.#life.counts.calls++
		return await super.claim(...args)
	}

	override async settle(...args: Parameters<ProductionWatcher['settle']>): ReturnType<ProductionWatcher['settle']> {
		this.#life.counts.calls++
		return await super.settle(...args)
	}

	/** Does what the bench says; answers a Reply as JSON. */
	async bench(text: string): Promise<string> {
		const command = JSON.parse(text) as BenchCommand
		const life = this.#life
		life.offsetMs = command.offsetMs
		if (command.do === 'alarm') {
			life.armedMs = null
			life.counts.alarmRuns++
			await this.alarm()
		}
		const core = this.engine.getCore()
		if (core === null) throw new Error('there is no such instance')
		if (command.do === 'prune') {
			life.offsetMs += command.aheadMs ?? 0
			prune(core)
			life.offsetMs = command.offsetMs
			core.state.pruneMs = this.engine.ports.now() + HOUR_MS
			this.engine.updateAlarm(core)
		}
		if (command.do === 'fill' && command.fill !== undefined) fillLog(core, command.fill)
		if (command.do === 'evict') {
			await this.ctx.storage.sync()
			this.ctx.abort('evicted by the bench')
		}
		const counts = structuredClone(life.counts)
		if (command.do === 'reset')
			Object.assign(life.counts, { object: {}, d1: {}, alarms: 0, doorbells: 0, alarmRuns: 0, calls: 0 })
		const { state } = core
		const reply: BenchReply = {
			counts,
			armedMs: life.armedMs,
			nextPollMs: state.nextPollMs,
			running: state.run !== null,
			unsettled: state.unsettled.length,
			events: state.sequence,
			notifications: state.notification,
			trouble: state.trouble?.message ?? null,
			storedBytes: this.engine.ports.storedBytes(),
			resources: state.resources.map((rs) => ({
				objectType: rs.objectType,
				number: rs.number,
				known: rs.listed,
				learned: rs.baseline === null,
				done: rs.baseline?.position.seen ?? rs.listed,
				searching: rs.search !== null,
				reread: rs.reread !== null || rs.rereadAsked,
				rereadDoneMs: rs.rereadDoneMs,
			})),
		}
		return JSON.stringify(reply)
	}
}

/** Puts events into the log as recording them would have left it; objects without index. */
function fillLog(core: Core, { events, batch, stepMs }: LogFill): void {
	core.commit(() => {
		const { state, ports } = core
		const [sequence, notification, first] = [state.sequence, state.notification, ports.now() - events * stepMs]
		ports.sql.run(
			`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO events (sequence, tag, resource, object_type, object_id, object_sequence, previous, previous_event, type, date, recorded, source, changed, flags, record, notifications)
			SELECT ? + i, i, 1, 'orders', i, 1, NULL, NULL, 'CREATED', ? + i * ?, ? + i * ?, 'poll', NULL, '{}', json_object('id', i), json_array(CAST(? AS INTEGER) + (i + CAST(? AS INTEGER) - 1) / CAST(? AS INTEGER)) FROM n`,
			events,
			sequence,
			first,
			stepMs,
			first,
			stepMs,
			notification,
			batch,
			batch,
		)
		ports.sql.run(
			`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, settled, updated, delivered)
			SELECT ? + i, 1, 'orders', '[]', ? + i * ?, '{}', 'delivered', 1, 0, ? + i * ?, 0, ? + i * ? FROM n`,
			Math.ceil(events / batch),
			notification,
			...[first, batch * stepMs, first, batch * stepMs, first, batch * stepMs],
		)
		state.sequence += events
		state.notification += Math.ceil(events / batch)
	})
}

/** SQL whose rows are booked on their table. Statements that end inside the reading of another are booked on their own. */
function countingSql(sql: Sql, rows: { read: number; written: number }, counts: BenchCounts): Sql {
	const attributed = { ...rows }
	const attributeRows = (query: string): void => {
		addRows(counts.object, tableName(query), rows.read - attributed.read, rows.written - attributed.written)
		Object.assign(attributed, rows)
	}
	return {
		all: <Row extends object>(query: string, ...values: SqlValue[]): Row[] => {
			const found = sql.all<Row>(query, ...values)
			attributeRows(query)
			return found
		},
		*each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row> {
			yield* sql.each<Row>(query, ...values)
			attributeRows(query)
		},
		run: (query, ...values) => {
			sql.run(query, ...values)
			attributeRows(query)
		},
		transaction: (body) => sql.transaction(body),
	}
}

/** D1 whose rows are booked on their table. */
function countingD1(database: D1Database, counts: BenchCounts): D1Database {
	const attributeRows = <T extends { meta: { rows_read?: number; rows_written?: number } }>(
		query: string,
		result: T,
	): T => {
		addRows(counts.d1, tableName(query), result.meta.rows_read ?? 0, result.meta.rows_written ?? 0)
		return result
	}
	const counted = (query: string, statement: D1PreparedStatement): D1PreparedStatement =>
		new Proxy(statement, {
			get(target, name) {
				if (name === 'bind') return (...values: unknown[]) => counted(query, target.bind(...values))
				if (name === 'all' || name === 'run') return async () => attributeRows(query, await target[name]())
				if (name === 'first') {
					return async (column?: string) => {
						const row = attributeRows(query, await target.all()).results[0] ?? null
						return column === undefined || row === null ? row : row[column]
					}
				}
				throw new Error(`the bench does not count D1's ${String(name)}`)
			},
		})
	return new Proxy(database, {
		get(target, name) {
			if (name === 'prepare') return (query: string) => counted(query, target.prepare(query))
			throw new Error(`the bench does not count D1's ${String(name)}`)
		},
	})
}

export default {
	...worker,
	async fetch(request, env, ctx): Promise<Response> {
		const { pathname } = new URL(request.url)
		if (pathname.startsWith('/_bench/')) {
			const stub = await getBenchObject(env, pathname.slice('/_bench/'.length))
			return new Response(await stub.bench(await request.text()))
		}
		return await worker.fetch(request, env, ctx)
	},
} satisfies ExportedHandler<Env, { version: 1; instance: number }>

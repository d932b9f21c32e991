/**
 * The Worker with a bench in it: the production Worker, whose Durable Object runs on a clock and an alarm that the bench moves, and counts the
 * rows that the runtime says were read and written, by table, in the object's SQLite and in D1. Production code has none of this.
 */
import type { Env } from '../../src/context.ts'
import worker from '../../src/index.ts'
import { openStore, storeIo } from '../../src/instances/stores.ts'
import type { Core } from '../../src/watcher/core/core.ts'
import type { Sql, SqlValue } from '../../src/watcher/core/ports.ts'
import { prune } from '../../src/watcher/outbox/retention.ts'
import { noteSettled } from '../../src/watcher/core/settled.ts'
import { Watcher as Production } from '../../src/watcher/watcher.ts'
import type { Counts, Fill, Order, Reply } from './orders.ts'

export { Callback } from '../../src/delivery/callback.ts'

const HOUR_MS = 3_600_000

/** What outlives the object: it is evicted when the bench says so, and after idle seconds. */
interface Life {
	offsetMs: number
	armedMs: number | null
	counts: Counts
}

const lives = new Map<string, Life>()

function lifeOf(name: string): Life {
	let life = lives.get(name)
	if (life === undefined) {
		life = { offsetMs: 0, armedMs: null, counts: { object: {}, d1: {}, alarms: 0, doorbells: 0, rings: 0, calls: 0 } }
		lives.set(name, life)
	}
	return life
}

function add(to: Counts['object'], table: string, read: number, written: number): void {
	const counted = (to[table] ??= { read: 0, written: 0 })
	counted.read += read
	counted.written += written
}

/** The table that a statement is about: of several the first. */
function tableOf(query: string): string {
	return /\b(?:FROM|INTO|UPDATE|TABLE(?: IF NOT EXISTS)?)\s+(\w+)/i.exec(query)?.[1] ?? 'other'
}

/** The production object on the bench's clock. */
export class Watcher extends Production {
	readonly #life: Life

	constructor(ctx: DurableObjectState, env: Env) {
		const life = lifeOf(ctx.id.name ?? '')
		const counted: Env = { ...env, DB: countedDatabase(env.DB, life.counts) }
		super(ctx, counted)
		this.#life = life
		const { ports } = this.engine
		const now = (): number => Date.now() + life.offsetMs
		const { ring } = ports
		ports.now = now
		ports.sql = countedSql(ports.sql, this.rows, life.counts)
		ports.arm = (atMs) => {
			life.armedMs = atMs
			life.counts.alarms++
		}
		ports.armed = () => life.armedMs
		ports.ring = async (instance) => {
			life.counts.doorbells++
			await ring(instance)
		}
		ports.client = (config) =>
			openStore(
				env,
				{ id: config.instanceId, elementKey: config.elementKey, configuration: config.configuration, connection: config.connection },
				{ ...storeIo(env), now },
			)
	}

	override async claim(...of: Parameters<Production['claim']>): ReturnType<Production['claim']> {
		this.#life.counts.calls++
		return await super.claim(...of)
	}

	override async settle(...of: Parameters<Production['settle']>): ReturnType<Production['settle']> {
		this.#life.counts.calls++
		return await super.settle(...of)
	}

	/** Does what the bench says; answers a Reply as JSON. */
	async bench(text: string): Promise<string> {
		const order = JSON.parse(text) as Order
		const life = this.#life
		life.offsetMs = order.offsetMs
		if (order.do === 'alarm') {
			life.armedMs = null
			life.counts.rings++
			await this.alarm()
		}
		const core = this.engine.core()
		if (core === null) throw new Error('there is no such instance')
		if (order.do === 'prune') {
			life.offsetMs += order.aheadMs ?? 0
			prune(core)
			life.offsetMs = order.offsetMs
			core.state.pruneMs = this.engine.ports.now() + HOUR_MS
			this.engine.arm(core)
		}
		if (order.do === 'fill' && order.fill !== undefined) fill(core, order.fill)
		if (order.do === 'evict') {
			await this.ctx.storage.sync()
			this.ctx.abort('evicted by the bench')
		}
		const counts = structuredClone(life.counts)
		if (order.do === 'reset') Object.assign(life.counts, { object: {}, d1: {}, alarms: 0, doorbells: 0, rings: 0, calls: 0 })
		const { state } = core
		const reply: Reply = {
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
function fill(core: Core, { events, batch, stepMs }: Fill): void {
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
		noteSettled(
			ports.sql,
			state,
			Array.from({ length: Math.ceil(events / batch) }, (_, n) => notification + 1 + n),
		)
		state.notification += Math.ceil(events / batch)
	})
}

/** SQL whose rows are booked on their table. Statements that end inside the reading of another are booked on their own. */
function countedSql(sql: Sql, rows: { read: number; written: number }, counts: Counts): Sql {
	const booked = { ...rows }
	const book = (query: string): void => {
		add(counts.object, tableOf(query), rows.read - booked.read, rows.written - booked.written)
		Object.assign(booked, rows)
	}
	return {
		all: <Row extends object>(query: string, ...values: SqlValue[]): Row[] => {
			const found = sql.all<Row>(query, ...values)
			book(query)
			return found
		},
		*each<Row extends object>(query: string, ...values: SqlValue[]): Iterable<Row> {
			yield* sql.each<Row>(query, ...values)
			book(query)
		},
		run: (query, ...values) => {
			sql.run(query, ...values)
			book(query)
		},
		transaction: (body) => sql.transaction(body),
	}
}

/** D1 whose rows are booked on their table. */
function countedDatabase(database: D1Database, counts: Counts): D1Database {
	const book = <T extends { meta: { rows_read?: number; rows_written?: number } }>(query: string, result: T): T => {
		add(counts.d1, tableOf(query), result.meta.rows_read ?? 0, result.meta.rows_written ?? 0)
		return result
	}
	const counted = (query: string, statement: D1PreparedStatement): D1PreparedStatement =>
		new Proxy(statement, {
			get(target, name) {
				if (name === 'bind') return (...values: unknown[]) => counted(query, target.bind(...values))
				if (name === 'all' || name === 'run') return async () => book(query, await target[name]())
				if (name === 'first') {
					return async (column?: string) => {
						const row = book(query, await target.all()).results[0] ?? null
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
		if (pathname === '/_bench/migrate') {
			for (const statement of await request.json<string[]>()) await env.DB.prepare(statement).run()
			return new Response('done')
		}
		if (pathname.startsWith('/_bench/')) {
			const stub = env.WATCHER.getByName(pathname.slice('/_bench/'.length)) as unknown as { bench(text: string): Promise<string> }
			return new Response(await stub.bench(await request.text()))
		}
		return await worker.fetch(request, env, ctx)
	},
} satisfies ExportedHandler<Env, { version: 1; instance: number }>

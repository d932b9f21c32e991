/** Replays: selecting the notifications, the estimated time, and the progress (docs/delivery.md, Replays). */
import { LIMITS } from '../../lib/limits.ts'
import { refused, type Result } from '../../lib/result.ts'
import type { Core } from '../core/core.ts'
import { DELETED_STATUS, POSTED_RESOURCE } from '../core/posted.ts'
import { toStoredIds } from '../log/event-log.ts'
import { drainWaiting } from './forming.ts'
import { stopResend } from './resend.ts'
import type { Sql } from '../core/ports.ts'
import type { ReplayQuery, ResendReport } from '../../rpc/delivery.ts'
import { findLowerBound } from '../log/lower-bound.ts'

/** Concurrent deliveries of a consumer. */
const DELIVERY_CONCURRENCY = 6
/** An estimate uses this many last deliveries; without any, it assumes this many ms per delivery. */
const SAMPLE_SIZE = 50
const DEFAULT_DELIVERY_MS = 300
/** Number of replays and releases that are kept. */
const MAX_RESENDS_KEPT = 50

/**
 * Starts a replay of settled notifications; `dryRun` only counts them. A repeated call of a `job` across instances
 * returns the replay that it has started; a job starts none if there is nothing to send. `too-many`: no more replays
 * may run at a time.
 */
export function runReplay(
	core: Core,
	query: ReplayQuery,
	dryRun: boolean,
	job: number | null = null,
): Result<{ report: ResendReport }, 'too-many'> {
	const { sql } = core.ports
	const existing = job === null ? undefined : sql.all<{ id: number }>(`SELECT id FROM resends WHERE job = ?`, job)[0]
	if (existing !== undefined) return { ok: true, report: getResend(core, existing.id)! }
	const { select, values } = toSelect(sql, query)
	const now = core.ports.now()
	const nothingToSend = job !== null && sql.all(`${select} LIMIT 1`, ...values).length === 0
	if (dryRun || nothingToSend) {
		const total = sql.all<{ n: number }>(`SELECT count(*) AS n FROM (${select})`, ...values)[0]!.n
		const estimateSeconds = estimateDuration(core, total)
		const report: ResendReport = {
			id: null,
			kind: 'replay',
			status: 'dry-run',
			total,
			left: total,
			failed: 0,
			estimateSeconds,
			createdMs: now,
			endedMs: null,
		}
		return { ok: true, report }
	}
	if (core.state.resending >= LIMITS.replays.value) return refused('too-many')
	const id = core.commit((tx) => {
		const resendId = core.resends.begin(tx, 'replay', select, ...values)
		if (job !== null) core.resends.setJob(tx, resendId, job)
		core.resends.deleteEnded(tx, resendId - MAX_RESENDS_KEPT)
		drainWaiting(tx, core)
		return resendId
	})
	return { ok: true, report: getResend(core, id)! }
}

/** Replays and releases, newest first. */
export function getResends(core: Core): ResendReport[] {
	return core.ports.sql
		.all<ResendRow>(`SELECT ${RESEND_COLUMNS} FROM resends ORDER BY id DESC LIMIT ?`, MAX_RESENDS_KEPT)
		.map((row) => toResendReport(core, row))
}

/** Stops one; null: there is none. */
export function cancelResend(core: Core, id: number): ResendReport | null {
	core.commit((tx) => {
		if (stopResend(tx, core, id)) drainWaiting(tx, core)
	})
	return getResend(core, id)
}

function getResend(core: Core, id: number): ResendReport | null {
	const row = core.ports.sql.all<ResendRow>(`SELECT ${RESEND_COLUMNS} FROM resends WHERE id = ?`, id)[0]
	return row === undefined ? null : toResendReport(core, row)
}

const RESEND_COLUMNS = 'id, kind, total, failed, status, created, ended, job'

interface ResendRow {
	id: number
	kind: 'release' | 'replay'
	total: number
	failed: number
	status: 'running' | 'done' | 'cancelled'
	created: number
	ended: number | null
	job: number | null
}

function toResendReport(core: Core, { created, ended, job, ...row }: ResendRow): ResendReport {
	const left =
		row.status === 'running'
			? core.ports.sql.all<{ n: number }>(`SELECT count(*) AS n FROM resend_items WHERE resend = ?`, row.id)[0]!.n
			: 0
	return {
		...row,
		...(job === null ? {} : { job }),
		left,
		estimateSeconds: estimateDuration(core, left),
		createdMs: created,
		endedMs: ended,
	}
}

/** SQL: only active subscriptions, because a replay to an inactive one would never end. */
const TO_ACTIVE_SUBSCRIPTION = `subscription IN (SELECT id FROM subscriptions WHERE active = 1)`

const IS_SENDABLE = `status NOT IN ('dropped', '${DELETED_STATUS}')`

/** A query of ids of settled notifications. */
function toSelect(sql: Sql, query: ReplayQuery): { select: string; values: (string | number)[] } {
	if (query.notification !== undefined)
		return {
			// A posted notification is sent again to all of its subscriptions.
			select: `SELECT id FROM notifications
				WHERE id IN (SELECT ? UNION SELECT j.value FROM notifications AS n, json_each(n.members) AS m
					JOIN events AS e ON e.sequence = json_extract(m.value, '$[0]'), json_each(e.notifications) AS j WHERE n.id = ?)
				AND coalesce(json_extract(context, '$.postedAs'), id) = ?
				AND settled IS NOT NULL AND ${IS_SENDABLE} AND ${TO_ACTIVE_SUBSCRIPTION}`,
			values: [query.notification, query.notification, query.notification],
		}
	if (query.failedSinceMs !== undefined)
		return {
			select: `SELECT id FROM notifications WHERE status = 'queued' AND settled >= ? AND ${TO_ACTIVE_SUBSCRIPTION}`,
			values: [query.failedSinceMs],
		}
	const { fromMs, toMs, types, resources, objectId, status, text } = query.events ?? {}
	const parts: [condition: string, value: string | number | undefined][] = [
		['e.sequence >= ?', fromMs === undefined ? undefined : findLowerBound(sql, 'events', fromMs)],
		['e.sequence < ?', toMs === undefined ? undefined : findLowerBound(sql, 'events', toMs + 1)],
		['e.type IN (SELECT value FROM json_each(?))', types === undefined ? undefined : JSON.stringify(types)],
		[
			'e.object_type IN (SELECT value FROM json_each(?))',
			resources === undefined ? undefined : JSON.stringify(resources),
		],
		['e.object_id IN (SELECT value FROM json_each(?))', objectId === undefined ? undefined : toStoredIds(objectId)],
		[`instr(lower(coalesce(e.record, '') || ' ' || coalesce(e.variations, '')), lower(?)) > 0`, text],
	]
	const conditions = parts.filter((part): part is [string, string | number] => part[1] !== undefined)
	const accepted = `(n.delivered IS NOT NULL OR n.status = 'delivered')`
	const statusCondition =
		status === undefined ? '' : status === 'NOTIFIED' ? ` AND ${accepted}` : ` AND NOT ${accepted}`
	const where = conditions.map(([condition]) => ` AND ${condition}`).join('')
	return {
		select: `SELECT DISTINCT n.id
			FROM events e, json_each(e.notifications) j JOIN notifications n ON n.id = j.value
			WHERE n.settled IS NOT NULL AND n.${IS_SENDABLE} AND e.resource <> ${POSTED_RESOURCE}
			AND n.${TO_ACTIVE_SUBSCRIPTION}${statusCondition}${where}`,
		values: conditions.map(([, value]) => value),
	}
}

/** Seconds for this many at the pace of the last deliveries, and not faster than the rate. */
function estimateDuration(core: Core, notifications: number): number {
	const rows = core.ports.sql.all<{ outcome: string }>(
		`SELECT outcome FROM notifications WHERE outcome IS NOT NULL ORDER BY id DESC LIMIT ?`,
		SAMPLE_SIZE,
	)
	const durations = rows.map((row) => (JSON.parse(row.outcome) as { durationMs: number }).durationMs)
	const meanMs =
		durations.length === 0 ? DEFAULT_DELIVERY_MS : durations.reduce((sum, ms) => sum + ms, 0) / durations.length
	const { rate } = core.config.delivery
	return Math.ceil(
		Math.max((notifications * meanMs) / DELIVERY_CONCURRENCY / 1000, rate === null ? 0 : notifications / rate),
	)
}

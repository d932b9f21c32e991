/**
 * The audit log: one row for each change that a caller makes, written in the transaction of the change. It contains
 * names, roles, scopes and numbers, never other values.
 */
import { DAY_MS } from '../lib/time.ts'

/** The actor and the request of a change. */
export interface Actor {
	organizationId: number
	/** null: the system itself. */
	userId: number | null
	requestId: string | null
}

/** Types of objects that the log names. */
export const AUDIT_OBJECTS = ['organization', 'instance', 'user', 'api-key', 'session'] as const
type AuditObject = (typeof AUDIT_OBJECTS)[number]

/** The change. `detail` contains names, roles, scopes and numbers only. */
export interface AuditEntry {
	/** Such as `instance.create`. */
	action: string
	objectType: AuditObject
	/** `inserted`: the row that the previous statement of the same batch inserted. */
	objectId: number | 'inserted'
	detail: Record<string, unknown>
}

/**
 * The statement that writes an audit row, for the batch of the change. `onlyIf`: an SQL condition, such as `changes()
 * > 0` for a change that may have no effect.
 */
export function auditStatement(
	db: D1Database,
	actor: Actor,
	entry: AuditEntry,
	nowMs: number,
	onlyIf: 'changes() > 0' | 'true' = 'true',
): D1PreparedStatement {
	return db
		.prepare(
			`INSERT INTO audit_log (organization_id, user_id, at_ms, request_id, action, object_type, object_id,
				detail) SELECT ?, ?, ?, ?, ?, ?, coalesce(?, last_insert_rowid()), ? WHERE ${onlyIf}`,
		)
		.bind(
			actor.organizationId,
			actor.userId,
			nowMs,
			actor.requestId,
			entry.action,
			entry.objectType,
			entry.objectId === 'inserted' ? null : entry.objectId,
			JSON.stringify(entry.detail),
		)
}

/** How long the audit log is kept. */
export const AUDIT_RETENTION_MS = 400 * DAY_MS
/**
 * The maximum number of rows that one page reads. If a filter matches few rows, a page can be short and still have a
 * next one.
 */
const MAX_AUDIT_ROWS_READ = 1000

/** A row of the audit log. Times epoch ms. */
interface AuditRow {
	id: number
	atMs: number
	userId: number | null
	userEmail: string | null
	requestId: string | null
	action: string
	objectType: AuditObject
	objectId: number
	detail: Record<string, unknown>
}

/** Filters of the log; null: any. */
interface AuditFilter {
	fromMs: number | null
	/** Up to before this moment. */
	toMs: number | null
	userId: number | null
	action: string | null
	objectType: AuditObject | null
	objectId: number | null
}

/** The position after which a page begins, in the order of the log. */
interface AuditPosition {
	atMs: number
	id: number
}

/**
 * A page of the log, newest first. It reads at most `MAX_AUDIT_ROWS_READ` rows; rows of one object or user come from
 * an index.
 * `next`: the position of the next page, null after the last one.
 */
export async function listAuditRows(
	db: D1Database,
	organizationId: number,
	filter: AuditFilter,
	pageSize: number,
	after: AuditPosition | null,
): Promise<{ rows: AuditRow[]; next: AuditPosition | null }> {
	const byObject = filter.objectType !== null && filter.objectId !== null
	// Conditions that an index covers limit the rows that are read; the others filter these rows.
	const [index, indexCondition] = byObject
		? ['audit_log_by_object', 'object_type = ?3 AND object_id = ?4']
		: filter.userId !== null
			? ['audit_log_by_user', 'user_id = ?5']
			: ['audit_log_by_organization', 'true']
	const scanSql = `SELECT * FROM audit_log INDEXED BY ${index} WHERE organization_id = ?1
		AND ${indexCondition} AND at_ms >= ?6 AND (at_ms, id) < (?7, ?8)
		AND at_ms < ?9 ORDER BY at_ms DESC, id DESC LIMIT ?10`
	const maxRowsRead = Math.max(MAX_AUDIT_ROWS_READ, pageSize)
	const { results } = await db
		.prepare(
			`SELECT a.id, a.at_ms AS atMs, a.user_id AS userId, u.email AS userEmail, a.request_id AS requestId, a.action,
				a.object_type AS objectType,
				a.object_id AS objectId, a.detail,
				(?2 IS NULL OR a.action = ?2) AND (?3 IS NULL OR a.object_type = ?3) AND (?4 IS NULL OR a.object_id = ?4)
				AND (?5 IS NULL OR a.user_id = ?5) AS wanted
			FROM (${scanSql}) AS a LEFT JOIN users AS u ON u.id = a.user_id AND u.organization_id = ?1
			ORDER BY a.at_ms DESC, a.id DESC`,
		)
		.bind(
			organizationId,
			filter.action,
			filter.objectType,
			filter.objectId,
			filter.userId,
			filter.fromMs ?? 0,
			after?.atMs ?? Number.MAX_SAFE_INTEGER,
			after?.id ?? Number.MAX_SAFE_INTEGER,
			filter.toMs ?? Number.MAX_SAFE_INTEGER,
			mayFilterOutRows(filter, byObject) ? maxRowsRead : pageSize + 1,
		)
		.all<Omit<AuditRow, 'detail'> & { detail: string; wanted: number }>()
	const matching = results.filter((row) => row.wanted === 1)
	const rows = matching.slice(0, pageSize)
	const last = matching.length > pageSize ? rows.at(-1)! : results.length === maxRowsRead ? results.at(-1)! : null
	return {
		rows: rows.map(({ detail, ...row }) => ({ ...row, detail: JSON.parse(detail) as Record<string, unknown> })),
		next: last === null ? null : { atMs: last.atMs, id: last.id },
	}
}

/** Whether a filter has conditions that no index covers, so that more rows are read than the page holds. */
function mayFilterOutRows(filter: AuditFilter, byObject: boolean): boolean {
	const { action, objectType, objectId, userId } = filter
	if (action !== null) return true
	if (byObject) return userId !== null
	return objectType !== null || objectId !== null
}

/**
 * The statement that deletes rows past their retention, a limited number per run. Ids ascend with time, so it needs no
 * index.
 */
export function pruneAuditStatement(db: D1Database, nowMs: number, limit: number): D1PreparedStatement {
	return db
		.prepare('DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log ORDER BY id LIMIT ?) AND at_ms < ?')
		.bind(limit, nowMs - AUDIT_RETENTION_MS)
}

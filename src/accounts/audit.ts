/**
 * The audit log: a row for every change that a caller made, written in the same transaction as the change. It names
 * what changed, with roles, scopes and numbers; never other values.
 */
import { DAY_MS } from '../lib/time.ts'

/** Who does something, and in which request. */
export interface Actor {
	organizationId: number
	/** null: the system itself. */
	userId: number | null
	requestId: string | null
}

/** What something can be done to. */
export const AUDIT_OBJECTS = ['organization', 'instance', 'user', 'api-key', 'session'] as const
type AuditObject = (typeof AUDIT_OBJECTS)[number]

/** What was done. `detail` holds names, roles, scopes and numbers only. */
export interface AuditEntry {
	/** Such as `instance.create`. */
	action: string
	objectType: AuditObject
	/** `inserted`: the row that the statement before it in the same batch inserted. */
	objectId: number | 'inserted'
	detail: Record<string, unknown>
}

/**
 * The statement that writes an audit row, for a batch with the change itself. `onlyIf`: an SQL condition, such as
 * `changes() > 0` for a change that may not take hold.
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
/** Rows that one page reads at most: with filters that few rows pass, a page may be short and still have a next one. */
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

/** What the log can be narrowed by; null: by nothing. */
interface AuditFilter {
	fromMs: number | null
	/** Up to before this moment. */
	toMs: number | null
	userId: number | null
	action: string | null
	objectType: AuditObject | null
	objectId: number | null
}

/** Where a page begins: after this row, in the order of the log. */
interface AuditPosition {
	atMs: number
	id: number
}

/**
 * A page of the log, newest first. At most `AUDIT_READS` rows are looked at, those of one object or user by an index of
 * their own; `next` is where the following page begins, null after the last.
 */
export async function listAuditRows(
	db: D1Database,
	organizationId: number,
	filter: AuditFilter,
	pageSize: number,
	after: AuditPosition | null,
): Promise<{ rows: AuditRow[]; next: AuditPosition | null }> {
	const byObject = filter.objectType !== null && filter.objectId !== null
	// What an index finds narrows the rows that are looked at; the rest of the filter chooses among those.
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

/** Whether rows that are looked at may fail the filter, so that more of them are looked at than fit the page. */
function mayFilterOutRows(filter: AuditFilter, byObject: boolean): boolean {
	const { action, objectType, objectId, userId } = filter
	if (action !== null) return true
	if (byObject) return userId !== null
	return objectType !== null || objectId !== null
}

/**
 * The statement that takes away what is older than the log is kept, some rows a round: its ids rise with time, so the
 * oldest are found without an index of their own.
 */
export function pruneAuditStatement(db: D1Database, nowMs: number, limit: number): D1PreparedStatement {
	return db
		.prepare('DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log ORDER BY id LIMIT ?) AND at_ms < ?')
		.bind(limit, nowMs - AUDIT_RETENTION_MS)
}

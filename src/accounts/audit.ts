/** The audit log: a row for every change that a caller made, written in the same transaction as the change. It names what changed, never the values. */

/** Who does something, and in which request. */
export interface Actor {
	organizationId: number
	/** null: the system itself. */
	userId: number | null
	requestId: string | null
}

/** What was done. `detail` holds names and numbers only. */
export interface AuditEntry {
	/** Such as `instance.create`. */
	action: string
	objectType: 'organization' | 'instance'
	objectId: number
	detail: Record<string, unknown>
}

/** The statement that writes an audit row, for a batch with the change itself. `onlyIf`: an SQL condition, such as `changes() > 0` for a change that may not take hold. */
export function auditStatement(
	db: D1Database,
	actor: Actor,
	entry: AuditEntry,
	nowMs: number,
	onlyIf: 'changes() > 0' | 'true' = 'true',
): D1PreparedStatement {
	return db
		.prepare(
			`INSERT INTO audit_log (organization_id, user_id, at_ms, request_id, action, object_type, object_id, detail) SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE ${onlyIf}`,
		)
		.bind(
			actor.organizationId,
			actor.userId,
			nowMs,
			actor.requestId,
			entry.action,
			entry.objectType,
			entry.objectId,
			JSON.stringify(entry.detail),
		)
}

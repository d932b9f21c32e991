/** Audit rows of actions of a call that change nothing in D1, so that they share no transaction. */
import { auditStatement, type Actor, type AuditEntry } from '../../accounts/audit.ts'
import type { CallerContext } from './environment.ts'

/** The actor of the request, for the audit log. */
export function getActor(c: Pick<CallerContext, 'var'>): Actor & { userId: number; requestId: string } {
	const { user, requestId } = c.var
	return { organizationId: user.organizationId, userId: user.id, requestId }
}

/** Writes an audit row in the caller's name. Throws when D1 fails: a secret that cannot be audited is not shown. */
export async function audit(c: Pick<CallerContext, 'env' | 'var'>, entry: AuditEntry): Promise<void> {
	await c.env.DB.batch([auditStatement(c.env.DB, getActor(c), entry, c.var.services.now())])
}

/** The object of an audit row: an instance, or without one the caller's organization. */
export function toAuditObject(
	c: Pick<CallerContext, 'var'>,
	instanceId: number | null,
): Pick<AuditEntry, 'objectType' | 'objectId'> {
	return instanceId === null
		? { objectType: 'organization', objectId: c.var.user.organizationId }
		: { objectType: 'instance', objectId: instanceId }
}

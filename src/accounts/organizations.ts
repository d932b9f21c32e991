/** Changes of an organization by its users. */
import { auditStatement, type Actor } from './audit.ts'

/** Renames an organization. */
export async function renameOrganization(db: D1Database, actor: Actor, name: string, nowMs: number): Promise<void> {
	const { organizationId } = actor
	await db.batch([
		db.prepare('UPDATE organizations SET name = ?1 WHERE id = ?2 AND name <> ?1').bind(name, organizationId),
		auditStatement(
			db,
			actor,
			{
				action: 'organization.update',
				objectType: 'organization',
				objectId: organizationId,
				detail: { keys: ['name'] },
			},
			nowMs,
			'changes() > 0',
		),
	])
}

/** Creates and removes an instance's row in D1: `creating`, `ready`, `deleted`, removed. */
import { auditStatement, type Actor } from '../accounts/audit.ts'
import { INSERT_COLUMNS, type Instance } from './rows.ts'

/** Sets the task of a deleted row's webhooks; `?1` is now. */
const REMOVE_WEBHOOKS_SQL =
	"hook_work = CASE WHEN hook_key IS NULL THEN NULL ELSE 'remove' END, hook_work_ms = ?1, hook_tried_ms = ?1"

/** Inserts a row in state `creating`. */
export async function insertInstance(db: D1Database, instance: Instance, tokenHash: string): Promise<void> {
	await db
		.prepare(
			`INSERT INTO instances (${INSERT_COLUMNS}, token_hash) VALUES (${Array.from({ length: 24 }, () => '?').join(', ')})`,
		)
		.bind(
			instance.id,
			instance.incarnation,
			instance.organizationId,
			instance.userId,
			instance.state,
			instance.version,
			Number(instance.enabled),
			Number(instance.eventsEnabled),
			instance.elementKey,
			instance.name,
			JSON.stringify(instance.tags),
			JSON.stringify(instance.configuration),
			JSON.stringify(instance.connection),
			instance.tokenSealed,
			instance.subscriptionId,
			instance.createdMs,
			instance.updatedMs,
			instance.webhookVersion,
			instance.webhookPreviousUntilMs,
			instance.webhookKeyId,
			instance.webhookTask,
			instance.signatureNext,
			instance.signatureFromMs,
			tokenHash,
		)
		.run()
}

/**
 * `creating` → `ready`, with its audit row. False: the row is no longer `creating`, because it was removed meanwhile.
 */
export async function markReady(db: D1Database, instance: Instance, actor: Actor, nowMs: number): Promise<boolean> {
	const [update] = await db.batch([
		db
			.prepare(
				"UPDATE instances SET state = 'ready', updated_ms = ? WHERE id = ? AND organization_id = ? AND state = 'creating'",
			)
			.bind(nowMs, instance.id, instance.organizationId),
		auditStatement(
			db,
			actor,
			{
				action: 'instance.create',
				objectType: 'instance',
				objectId: instance.id,
				detail: { element: instance.elementKey, keys: Object.keys(instance.configuration) },
			},
			nowMs,
			'changes() > 0',
		),
	])
	return update!.meta.changes > 0
}

/**
 * `deleted`: token and hub stop working, and webhooks that the store may have are to be removed. False: the row was no
 * longer ready.
 */
export async function markDeleted(db: D1Database, instance: Instance, actor: Actor, nowMs: number): Promise<boolean> {
	const [update] = await db.batch([
		db
			.prepare(
				`UPDATE instances SET state = 'deleted', version = version + 1, updated_ms = ?1,
					${REMOVE_WEBHOOKS_SQL} WHERE id = ?2 AND organization_id = ?3 AND state = 'ready'`,
			)
			.bind(nowMs, instance.id, instance.organizationId),
		auditStatement(
			db,
			actor,
			{ action: 'instance.delete', objectType: 'instance', objectId: instance.id, detail: {} },
			nowMs,
			'changes() > 0',
		),
	])
	return update!.meta.changes > 0
}

/**
 * Marks rows that stay `creating` as `deleted`, one by its id or all that are older than a time, so that the remains
 * of failed creations are removed.
 */
export async function abandonCreating(
	db: D1Database,
	selector: { id: number } | { beforeMs: number },
	nowMs: number,
): Promise<void> {
	const [condition, value] = 'id' in selector ? ['id = ?2', selector.id] : ['updated_ms < ?2', selector.beforeMs]
	await db
		.prepare(
			`UPDATE instances SET state = 'deleted', version = version + 1,
				${REMOVE_WEBHOOKS_SQL} WHERE state = 'creating' AND ${condition}`,
		)
		.bind(nowMs, value)
		.run()
}

/** Removes rows, after their object was deleted or if a creation failed. A ready row is never removed. */
export async function deleteInstanceRow(db: D1Database, id: number): Promise<void> {
	await db.batch([
		db
			.prepare(
				`DELETE FROM instance_status WHERE instance_id = ?1 AND EXISTS (SELECT 1 FROM instances WHERE id = ?1
					AND state <> 'ready')`,
			)
			.bind(id),
		db
			.prepare(
				`DELETE FROM subscriptions WHERE owner_id = ?1 AND EXISTS (SELECT 1 FROM instances WHERE id = ?1
					AND state <> 'ready')`,
			)
			.bind(id),
		db.prepare("DELETE FROM instances WHERE id = ? AND state <> 'ready'").bind(id),
	])
}

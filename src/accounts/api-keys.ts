/** API keys: credentials for programs. A key is limited to its scopes and to the role of the user who created it. */
import { HOUR_MS } from '../lib/time.ts'
import { auditStatement, type Actor } from './audit.ts'
import { hashSecret, newToken } from './secrets.ts'

/** An API key without its token. Times epoch ms. */
export interface ApiKey {
	id: number
	name: string
	/** Its last 4 characters. */
	hint: string
	scopes: string[]
	/** The user who created it. */
	userId: number
	createdMs: number
	/** Null: it does not expire. */
	expiresMs: number | null
	/** Rounded down to the hour; null: never used. */
	lastUsedMs: number | null
}

/** How old the stored time of use must be before it is written again, ms. */
const USE_RECORD_INTERVAL_MS = HOUR_MS

const SELECT_KEY = `SELECT id, name, hint, scopes, user_id AS userId, created_ms AS createdMs, expires_ms AS expiresMs,
		last_used_ms AS lastUsedMs FROM api_keys`

/** Keys of an organization by ascending id, above `afterId`; with `userId`, only keys that this user created. */
export async function listKeys(
	db: D1Database,
	organizationId: number,
	userId: number | null,
	pageSize: number,
	afterId: number,
): Promise<ApiKey[]> {
	const { results } = await db
		.prepare(
			`${SELECT_KEY} WHERE organization_id = ?1 AND id > ?2 AND (?3 IS NULL OR user_id = ?3) ORDER BY id LIMIT ?4`,
		)
		.bind(organizationId, afterId, userId, pageSize)
		.all<Omit<ApiKey, 'scopes'> & { scopes: string }>()
	return results.map((row) => ({ ...row, scopes: JSON.parse(row.scopes) as string[] }))
}

/** Creates a key. Only this result contains the token. */
export async function createKey(
	db: D1Database,
	actor: Actor & { userId: number },
	input: { name: string; scopes: string[]; expiresMs: number | null },
	nowMs: number,
): Promise<{ key: string; made: ApiKey }> {
	const key = newToken('key')
	const { organizationId, userId } = actor
	const { name, scopes, expiresMs } = input
	const [inserted] = await db.batch<{ id: number }>([
		db
			.prepare(
				`INSERT INTO api_keys (organization_id, user_id, name, key_hash, hint, scopes, created_ms, expires_ms)
					VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			)
			.bind(organizationId, userId, name, hashSecret(key), key.slice(-4), JSON.stringify(scopes), nowMs, expiresMs),
		auditStatement(
			db,
			actor,
			{ action: 'api-key.create', objectType: 'api-key', objectId: 'inserted', detail: { scopes } },
			nowMs,
		),
	])
	const id = inserted!.results[0]!.id
	return { key, made: { id, name, hint: key.slice(-4), scopes, userId, createdMs: nowMs, expiresMs, lastUsedMs: null } }
}

/**
 * Deletes a key; it stops working immediately. With `userId`, only a key that this user created. False: there is none.
 */
export async function deleteKey(
	db: D1Database,
	actor: Actor,
	id: number,
	userId: number | null,
	nowMs: number,
): Promise<boolean> {
	const [deleted] = await db.batch([
		db
			.prepare('DELETE FROM api_keys WHERE id = ?1 AND organization_id = ?2 AND (?3 IS NULL OR user_id = ?3)')
			.bind(id, actor.organizationId, userId),
		auditStatement(
			db,
			actor,
			{ action: 'api-key.delete', objectType: 'api-key', objectId: id, detail: {} },
			nowMs,
			'changes() > 0',
		),
	])
	return deleted!.meta.changes > 0
}

/** Whether the time of use must be written. */
export function shouldRecordUse(lastUsedMs: number | null, nowMs: number): boolean {
	return lastUsedMs === null || nowMs - lastUsedMs >= USE_RECORD_INTERVAL_MS
}

/** Records that a key is used, at most once an hour, even if several requests do so at the same time. */
export async function recordUse(db: D1Database, organizationId: number, id: number, nowMs: number): Promise<void> {
	await db
		.prepare(
			`UPDATE api_keys SET last_used_ms = ?1 WHERE id = ?2 AND organization_id = ?3 AND (last_used_ms IS NULL
				OR last_used_ms <= ?1 - ?4)`,
		)
		.bind(nowMs, id, organizationId, USE_RECORD_INTERVAL_MS)
		.run()
}

/** Whether a key of an organization exists, has not expired, and has a scope. */
export async function isKeyUsable(
	db: D1Database,
	organizationId: number,
	id: number,
	scope: string,
	nowMs: number,
): Promise<boolean> {
	const row = await db
		.prepare(
			`SELECT 1 FROM api_keys WHERE organization_id = ?1 AND id = ?2 AND (expires_ms IS NULL OR expires_ms > ?4)
			AND EXISTS (SELECT 1 FROM json_each(scopes) WHERE value = ?3)`,
		)
		.bind(organizationId, id, scope, nowMs)
		.first()
	return row !== null
}

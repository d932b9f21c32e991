/**
 * The secrets of users and organizations, which the contract's clients present and are given back: shown, changed, taken away. Each of these leaves a row
 * in the audit log, the showing too.
 */
import { openSecret, sealSecret } from '../lib/sealing.ts'
import { auditStatement, type Actor, type AuditEntry } from './audit.ts'
import { hashSecret, newSecret } from './secrets.ts'
import { noSecret, otherAdmin } from './users.ts'

/** Whose secret: the organization's own, or a user's. */
export type Owner = { kind: 'organization' } | { kind: 'user'; id: number }

/** A secret as shown. */
export interface ShownSecret {
	/** Null: there is none. */
	secret: string | null
	/** Until when the one before it opens too; null: it does not. */
	previousUntilMs: number | null
}

/** Why nothing was changed. `missing`: no such user. `raced`: somebody else changed it at the same time. `in-grace`: an older one was promised more time. `locked-out`: nobody could look after the organization then. */
export type SecretRefusal = 'missing' | 'raced' | 'in-grace' | 'locked-out'

interface Row {
	hash: string
	sealed: string
	previousUntilMs: number | null
}

/** Shows a secret; null: no such user. */
export async function showSecret(db: D1Database, ring: string, actor: Actor, owner: Owner, nowMs: number): Promise<ShownSecret | null> {
	const row = await read(db, actor.organizationId, owner)
	if (row === null) return null
	const { hash, sealed, previousUntilMs } = row
	if (hash.startsWith('none/') || sealed === '') return { secret: null, previousUntilMs: null }
	await db.batch([auditStatement(db, actor, entryOf(actor, owner, 'show', {}), nowMs)])
	return {
		secret: await openSecret(ring, sealed, contextOf(actor, owner)),
		previousUntilMs: previousUntilMs !== null && previousUntilMs > nowMs ? previousUntilMs : null,
	}
}

/**
 * Replaces a secret. The old one opens for `graceSeconds` more; with 0 it is dead at once, and so is one that was in its time of grace. There is room for one
 * old secret: while one has its time of grace, another rotation with grace is refused.
 */
export async function rotateSecret(
	db: D1Database,
	ring: string,
	actor: Actor,
	owner: Owner,
	graceSeconds: number,
	nowMs: number,
): Promise<ShownSecret | SecretRefusal> {
	const row = await read(db, actor.organizationId, owner)
	if (row === null) return 'missing'
	if (graceSeconds > 0 && row.previousUntilMs !== null && row.previousUntilMs > nowMs) return 'in-grace'
	const secret = newSecret()
	const sealed = await sealSecret(ring, secret, contextOf(actor, owner))
	const keepsPrevious = graceSeconds > 0 && !row.hash.startsWith('none/')
	const previousUntilMs = keepsPrevious ? nowMs + graceSeconds * 1000 : null
	const { table, condition, id } = placeOf(actor, owner)
	const [updated] = await db.batch([
		// Only what was read is replaced: of two at once one is told so, instead of given a secret that is dead already.
		db
			.prepare(
				`UPDATE ${table} SET secret_hash = ?3, secret_sealed = ?4, previous_secret_hash = ?5, previous_secret_until_ms = ?6 WHERE id = ?1 AND ${condition} AND secret_hash = ?7`,
			)
			.bind(id, actor.organizationId, hashSecret(secret), sealed, keepsPrevious ? row.hash : null, previousUntilMs, row.hash),
		auditStatement(db, actor, entryOf(actor, owner, 'rotate', { grace: graceSeconds }), nowMs, 'changes() > 0'),
	])
	return updated!.meta.changes > 0 ? { secret, previousUntilMs } : 'raced'
}

/** Takes a secret away, with one in its time of grace: until it is rotated there is none. Null: done. Refused when nobody could look after the organization any more. */
export async function revokeSecret(db: D1Database, actor: Actor, owner: Owner, nowMs: number): Promise<SecretRefusal | null> {
	const row = await read(db, actor.organizationId, owner)
	if (row === null) return 'missing'
	const { table, condition, id } = placeOf(actor, owner)
	const byPassword = (who: string): string =>
		`EXISTS (SELECT 1 FROM users AS p WHERE p.organization_id = ?2 AND p.role = 'admin' AND p.deleted_ms IS NULL AND p.password IS NOT NULL ${who})`
	const safe =
		owner.kind === 'organization'
			? byPassword('')
			: `(users.role <> 'admin' OR ${byPassword('AND p.id = ?1')} OR ${otherAdmin('?2', '?1')})`
	const [updated] = await db.batch([
		db
			.prepare(
				`UPDATE ${table} SET secret_hash = ?3, secret_sealed = '', previous_secret_hash = NULL, previous_secret_until_ms = NULL WHERE id = ?1 AND ${condition} AND ${safe}`,
			)
			.bind(id, actor.organizationId, noSecret()),
		auditStatement(db, actor, entryOf(actor, owner, 'revoke', {}), nowMs, 'changes() > 0'),
	])
	return updated!.meta.changes > 0 ? null : 'locked-out'
}

async function read(db: D1Database, organizationId: number, owner: Owner): Promise<Row | null> {
	const columns = 'secret_hash AS hash, secret_sealed AS sealed, previous_secret_until_ms AS previousUntilMs'
	return owner.kind === 'organization'
		? await db.prepare(`SELECT ${columns} FROM organizations WHERE id = ?`).bind(organizationId).first<Row>()
		: await db
				.prepare(`SELECT ${columns} FROM users WHERE organization_id = ? AND id = ? AND deleted_ms IS NULL`)
				.bind(organizationId, owner.id)
				.first<Row>()
}

/** Where the secret stands: `?1` is the row's id, `?2` the organization. */
function placeOf(actor: Actor, owner: Owner): { table: string; condition: string; id: number } {
	return owner.kind === 'organization'
		? { table: 'organizations', condition: 'id = ?2', id: actor.organizationId }
		: { table: 'users', condition: 'organization_id = ?2 AND deleted_ms IS NULL', id: owner.id }
}

function contextOf(actor: Actor, owner: Owner): string {
	return owner.kind === 'organization' ? `organization/${actor.organizationId}` : `user/${owner.id}`
}

function entryOf(actor: Actor, owner: Owner, verb: 'show' | 'rotate' | 'revoke', detail: Record<string, unknown>): AuditEntry {
	const objectId = owner.kind === 'organization' ? actor.organizationId : owner.id
	return { action: `${owner.kind}.secret.${verb}`, objectType: owner.kind, objectId, detail }
}

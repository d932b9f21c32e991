/**
 * Secrets of users and organizations: showing, rotating and revoking them. Each of these writes a row in the audit
 * log, including showing.
 */
import { refused, type Result } from '../lib/result.ts'
import { SecretsUnreadable } from '../lib/errors.ts'
import { openSecret, sealSecret, UnreadableSecret } from '../lib/sealing.ts'
import { auditStatement, type Actor, type AuditEntry } from './audit.ts'
import { hashSecret, newSecret } from './secrets.ts'
import { hasOtherAdminSql, isUnusableHash, newUnusableHash } from './users.ts'

/** The owner of a secret: the organization, or a user. */
export type SecretOwner = { kind: 'organization' } | { kind: 'user'; id: number }

/** A secret in the clear. */
export interface RevealedSecret {
	/** Null: there is none. */
	secret: string | null
	/** Until when the previous secret is also valid; null: it is not. */
	previousUntilMs: number | null
}

/**
 * Why a change was refused. `missing`: no such user. `raced`: another request changed the secret at the same time.
 * `in-grace`: the previous secret is still valid. `locked-out`: no admin of the organization could sign in.
 */
export type SecretChangeError = 'missing' | 'raced' | 'in-grace' | 'locked-out'

interface Row {
	hash: string
	sealed: string
	previousUntilMs: number | null
}

/** Shows a secret; null: no such user. Throws SecretsUnreadable if it cannot be opened. */
export async function revealSecret(
	db: D1Database,
	keyRing: string,
	actor: Actor,
	owner: SecretOwner,
	nowMs: number,
): Promise<RevealedSecret | null> {
	const row = await readSecretRow(db, actor.organizationId, owner)
	if (row === null) return null
	const { hash, sealed, previousUntilMs } = row
	if (isUnusableHash(hash) || sealed === '') return { secret: null, previousUntilMs: null }
	const secret = await openOwnerSecret(keyRing, actor, owner, sealed)
	await db.batch([auditStatement(db, actor, toAuditEntry(actor, owner, 'show', {}), nowMs)])
	return {
		secret,
		previousUntilMs: previousUntilMs !== null && previousUntilMs > nowMs ? previousUntilMs : null,
	}
}

/**
 * Replaces a secret. The old one stays valid for `graceSeconds`; with 0, it and a previous one in its grace period are
 * revoked immediately. Only one old secret is stored, so a second rotation with grace is refused while it is valid.
 */
export async function rotateSecret(
	db: D1Database,
	keyRing: string,
	actor: Actor,
	owner: SecretOwner,
	graceSeconds: number,
	nowMs: number,
): Promise<Result<RevealedSecret, Exclude<SecretChangeError, 'locked-out'>>> {
	const row = await readSecretRow(db, actor.organizationId, owner)
	if (row === null) return refused('missing')
	if (graceSeconds > 0 && row.previousUntilMs !== null && row.previousUntilMs > nowMs) return refused('in-grace')
	const secret = newSecret()
	const sealed = await sealSecret(keyRing, secret, getSealingContext(actor, owner))
	const keepsPrevious = graceSeconds > 0 && !isUnusableHash(row.hash)
	const previousUntilMs = keepsPrevious ? nowMs + graceSeconds * 1000 : null
	const { table, condition, id } = getSecretLocation(actor, owner)
	const [updated] = await db.batch([
		// Replaces only the secret that was read: of two concurrent rotations one is refused, and no caller gets a secret
		// that is already revoked.
		db
			.prepare(
				`UPDATE ${table} SET secret_hash = ?3, secret_sealed = ?4, previous_secret_hash = ?5,
					previous_secret_until_ms = ?6 WHERE id = ?1 AND ${condition} AND secret_hash = ?7`,
			)
			.bind(
				id,
				actor.organizationId,
				hashSecret(secret),
				sealed,
				keepsPrevious ? row.hash : null,
				previousUntilMs,
				row.hash,
			),
		auditStatement(db, actor, toAuditEntry(actor, owner, 'rotate', { grace: graceSeconds }), nowMs, 'changes() > 0'),
	])
	return updated!.meta.changes > 0 ? { ok: true, secret, previousUntilMs } : refused('raced')
}

/**
 * Revokes a secret and a previous one in its grace period. The owner has no secret until the next rotation. Refused if
 * no admin of the organization could sign in.
 */
export async function revokeSecret(
	db: D1Database,
	actor: Actor,
	owner: SecretOwner,
	nowMs: number,
): Promise<Result<object, 'missing' | 'locked-out'>> {
	const row = await readSecretRow(db, actor.organizationId, owner)
	if (row === null) return refused('missing')
	const { table, condition, id } = getSecretLocation(actor, owner)
	const adminWithPasswordSql = (condition: string): string =>
		`EXISTS (SELECT 1 FROM users AS p WHERE p.organization_id = ?2 AND p.role = 'admin' AND p.deleted_ms IS NULL
			AND p.password IS NOT NULL ${condition})`
	const keepsAdminSql =
		owner.kind === 'organization'
			? adminWithPasswordSql('')
			: `(users.role <> 'admin' OR ${adminWithPasswordSql('AND p.id = ?1')} OR ${hasOtherAdminSql('?2', '?1')})`
	const [updated] = await db.batch([
		db
			.prepare(
				`UPDATE ${table} SET secret_hash = ?3, secret_sealed = '', previous_secret_hash = NULL,
					previous_secret_until_ms = NULL WHERE id = ?1 AND ${condition} AND ${keepsAdminSql}`,
			)
			.bind(id, actor.organizationId, newUnusableHash()),
		auditStatement(db, actor, toAuditEntry(actor, owner, 'revoke', {}), nowMs, 'changes() > 0'),
	])
	return updated!.meta.changes > 0 ? { ok: true } : refused('locked-out')
}

async function openOwnerSecret(keyRing: string, actor: Actor, owner: SecretOwner, sealed: string): Promise<string> {
	try {
		return await openSecret(keyRing, sealed, getSealingContext(actor, owner))
	} catch (error) {
		if (!(error instanceof UnreadableSecret)) throw error
		const name = owner.kind === 'organization' ? 'the organization' : `user ${owner.id}`
		const cause =
			error.missingKeyId === null
				? 'the stored value was changed. Please rotate it'
				: `MASTER_KEYS lacks the key ${error.missingKeyId}. Add that key, or rotate the secret`
		throw new SecretsUnreadable(`The secret of ${name} cannot be decrypted: ${cause}`)
	}
}

async function readSecretRow(db: D1Database, organizationId: number, owner: SecretOwner): Promise<Row | null> {
	const columns = 'secret_hash AS hash, secret_sealed AS sealed, previous_secret_until_ms AS previousUntilMs'
	return owner.kind === 'organization'
		? await db.prepare(`SELECT ${columns} FROM organizations WHERE id = ?`).bind(organizationId).first<Row>()
		: await db
				.prepare(`SELECT ${columns} FROM users WHERE organization_id = ? AND id = ? AND deleted_ms IS NULL`)
				.bind(organizationId, owner.id)
				.first<Row>()
}

/** The table and columns of the secret: `?1` is the row's id, `?2` the organization. */
function getSecretLocation(actor: Actor, owner: SecretOwner): { table: string; condition: string; id: number } {
	return owner.kind === 'organization'
		? { table: 'organizations', condition: 'id = ?2', id: actor.organizationId }
		: { table: 'users', condition: 'organization_id = ?2 AND deleted_ms IS NULL', id: owner.id }
}

function getSealingContext(actor: Actor, owner: SecretOwner): string {
	return owner.kind === 'organization' ? `organization/${actor.organizationId}` : `user/${owner.id}`
}

function toAuditEntry(
	actor: Actor,
	owner: SecretOwner,
	verb: 'show' | 'rotate' | 'revoke',
	detail: Record<string, unknown>,
): AuditEntry {
	const objectId = owner.kind === 'organization' ? actor.organizationId : owner.id
	return { action: `${owner.kind}.secret.${verb}`, objectType: owner.kind, objectId, detail }
}

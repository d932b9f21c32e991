/**
 * One-time links with which a user sets a password, to accept an invitation or to replace a password. Shopbell sends
 * no mail: an admin gets the link once and passes it on. D1 stores the hash of its token. A user has one link at most.
 */
import { DAY_MS } from '../lib/time.ts'
import { sealSecret } from '../lib/sealing.ts'
import { getAttemptSubjects, unlockStatements } from './sign-in-attempts.ts'
import { auditStatement, type Actor } from './audit.ts'
import { hashPassword } from './passwords.ts'
import { hashSecret, isToken, newSecret, newToken } from './secrets.ts'

/** How long a link is valid, ms. */
const LINK_TTL_MS = 7 * DAY_MS

/** The purpose of a link: the first password, or a new one. */
export type LinkPurpose = 'invitation' | 'reset'

/** A link with its token, which is returned only once. */
export interface Link {
	token: string
	expiresMs: number
}

/** The user of a valid link. */
interface UsableLink {
	userId: number
	organizationId: number
	organizationName: string
	purpose: LinkPurpose
	expiresMs: number
	email: string
	login: string | null
}

/** Creates a token. */
export function newLink(nowMs: number): Link {
	return { token: newToken('link'), expiresMs: nowMs + LINK_TTL_MS }
}

/**
 * The statement that stores a link in place of the user's previous one. For a user without a password it is an
 * invitation. `onlyIf`: as for `auditStatement`.
 */
export function linkStatement(
	db: D1Database,
	target: { organizationId: number; userId: number } | { organizationId: number; login: string },
	link: Link,
	nowMs: number,
	onlyIf: 'changes() > 0' | 'true' = 'true',
): D1PreparedStatement {
	const [column, value] = 'userId' in target ? ['id', target.userId] : ['login', target.login]
	return db
		.prepare(
			`INSERT OR REPLACE INTO links (user_id, organization_id, token_hash, purpose, created_ms, expires_ms)
			SELECT id, organization_id, ?, iif(password IS NULL, 'invitation', 'reset'), ?, ? FROM users
			WHERE organization_id = ? AND ${column} = ? AND deleted_ms IS NULL AND ${onlyIf}`,
		)
		.bind(hashSecret(link.token), nowMs, link.expiresMs, target.organizationId, value)
}

/** Creates a link to set another password; null: no such user. The old password stays valid until the link is used. */
export async function createResetLink(
	db: D1Database,
	actor: Actor,
	userId: number,
	nowMs: number,
): Promise<Link | null> {
	const link = newLink(nowMs)
	const [inserted] = await db.batch([
		linkStatement(db, { organizationId: actor.organizationId, userId }, link, nowMs),
		auditStatement(
			db,
			actor,
			{ action: 'user.reset', objectType: 'user', objectId: userId, detail: {} },
			nowMs,
			'changes() > 0',
		),
	])
	return inserted!.meta.changes > 0 ? link : null
}

/** The user of a link; null: it was used or replaced, has expired, or never existed. */
export async function findLink(db: D1Database, token: string, nowMs: number): Promise<UsableLink | null> {
	if (!isToken('link', token)) return null
	return await db
		.prepare(
			`SELECT l.user_id AS userId, l.organization_id AS organizationId, l.purpose, l.expires_ms AS expiresMs, u.email,
				u.login, o.name AS organizationName FROM links AS l JOIN users AS u ON u.id = l.user_id
				JOIN organizations AS o ON o.id = l.organization_id
			WHERE l.token_hash = ? AND l.expires_ms > ? AND u.deleted_ms IS NULL`,
		)
		.bind(hashSecret(token), nowMs)
		.first<UsableLink>()
}

/**
 * Uses a link: sets the password, ends all sessions of the user, and unlocks their name. A user who accepts an
 * invitation gets a user secret. Returns the user, or null as `findLink` does. All of it is one transaction that also
 * deletes the link, so only one of two concurrent calls succeeds.
 */
export async function redeemLink(
	db: D1Database,
	keyRing: string,
	token: string,
	password: string,
	requestId: string,
	nowMs: number,
): Promise<UsableLink | null> {
	// Checked before the hash is computed, so that invalid links cost little.
	const link = await findLink(db, token, nowMs)
	if (link === null) return null
	const { userId, organizationId, purpose } = link
	const secret = newSecret()
	const [hash, sealed] = await Promise.all([hashPassword(password), sealSecret(keyRing, secret, `user/${userId}`)])
	const tokenHash = hashSecret(token)
	const isOpenSql = `EXISTS (SELECT 1 FROM links WHERE token_hash = ? AND user_id = ? AND expires_ms > ?)`
	const [changed] = await db.batch([
		db
			.prepare(
				`UPDATE users SET password = ?1, secret_hash = iif(?2 AND secret_hash LIKE 'none/%', ?3, secret_hash),
					secret_sealed = iif(?2 AND secret_hash LIKE 'none/%', ?4, secret_sealed)
				WHERE id = ?5 AND organization_id = ?6 AND deleted_ms IS NULL AND EXISTS (SELECT 1 FROM links
				WHERE token_hash = ?7 AND user_id = ?5 AND expires_ms > ?8)`,
			)
			.bind(
				hash,
				Number(purpose === 'invitation'),
				hashSecret(secret),
				sealed,
				userId,
				organizationId,
				tokenHash,
				nowMs,
			),
		auditStatement(
			db,
			{ organizationId, userId, requestId },
			{
				action: purpose === 'invitation' ? 'user.accept' : 'user.password',
				objectType: 'user',
				objectId: userId,
				detail: { by: 'link' },
			},
			nowMs,
			'changes() > 0',
		),
		db
			.prepare(`DELETE FROM sessions WHERE user_id = ? AND organization_id = ? AND ${isOpenSql}`)
			.bind(userId, organizationId, tokenHash, userId, nowMs),
		...(link.login === null ? [] : unlockStatements(db, getAttemptSubjects(link.login, '').name, userId)),
		db.prepare('DELETE FROM links WHERE token_hash = ?').bind(tokenHash),
	])
	return changed!.meta.changes > 0 ? link : null
}

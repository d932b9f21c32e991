/** Users of an organization: admins invite, update and remove them. */
import { refused, type Result } from '../lib/result.ts'
import { isUniqueViolation, toLogin } from './setup.ts'
import { auditStatement, type Actor } from './audit.ts'
import { linkStatement, newLink, type Link, type LinkPurpose } from './links.ts'
import type { Role } from './roles.ts'

/** A user as the API shows them. Times epoch ms. */
export interface UserDetails {
	id: number
	email: string
	firstName: string
	lastName: string
	role: Role
	createdMs: number
	/** Whether they have a password; without one they cannot sign in. */
	passwordSet: boolean
	/** Whether they have a user secret. */
	secretSet: boolean
	/** The current link. */
	link: { purpose: LinkPurpose; expiresMs: number } | null
}

/** Fields of a user that can be changed. */
interface UserInput {
	email: string
	firstName: string
	lastName: string
	role: Role
}

/**
 * Why a change was refused. `last-admin`: no admin of the organization could sign in. `taken`: another user of the
 * organization has that address.
 */
export type UserChangeError = 'missing' | 'last-admin' | 'taken'

/** Stored in place of a hash: no secret matches it. */
export function newUnusableHash(): string {
	return `none/${crypto.randomUUID()}`
}

/** Whether a stored hash stands for a missing secret. */
export function isUnusableHash(hash: string): boolean {
	return hash.startsWith('none/')
}

/**
 * An SQL condition: a user other than `except` can sign in as an admin, with a password, or with a secret while the
 * organization has one. Both arguments are SQL.
 */
export function hasOtherAdminSql(organization: string, except: string): string {
	return `EXISTS (SELECT 1 FROM users AS a JOIN organizations AS ao ON ao.id = a.organization_id
		WHERE a.organization_id = ${organization} AND a.id <> ${except} AND a.role = 'admin' AND a.deleted_ms IS NULL
		AND (a.password IS NOT NULL OR (a.secret_hash NOT LIKE 'none/%' AND ao.secret_hash NOT LIKE 'none/%')))`
}

interface Row extends Omit<UserDetails, 'passwordSet' | 'secretSet' | 'link'> {
	passwordSet: number
	secretSet: number
	purpose: LinkPurpose | null
	expiresMs: number | null
}

const SELECT_USER = `SELECT u.id, u.email, u.first_name AS firstName, u.last_name AS lastName, u.role,
	u.created_ms AS createdMs,
	u.password IS NOT NULL AS passwordSet, u.secret_hash NOT LIKE 'none/%' AS secretSet, l.purpose,
	l.expires_ms AS expiresMs
	FROM users AS u LEFT JOIN links AS l ON l.user_id = u.id AND l.expires_ms > ?1 WHERE u.organization_id = ?2
	AND u.deleted_ms IS NULL`

/** Users of an organization by ascending id, above `afterId`. */
export async function listUserDetails(
	db: D1Database,
	organizationId: number,
	pageSize: number,
	afterId: number,
	nowMs: number,
): Promise<UserDetails[]> {
	const { results } = await db
		.prepare(`${SELECT_USER} AND u.id > ?3 ORDER BY u.id LIMIT ?4`)
		.bind(nowMs, organizationId, afterId, pageSize)
		.all<Row>()
	return results.map(toUserDetails)
}

/** A user who was not removed; null: there is none. */
export async function findUserDetails(
	db: D1Database,
	organizationId: number,
	id: number,
	nowMs: number,
): Promise<UserDetails | null> {
	const row = await db.prepare(`${SELECT_USER} AND u.id = ?3`).bind(nowMs, organizationId, id).first<Row>()
	return row === null ? null : toUserDetails(row)
}

/** An SQL condition: the user has not used an invitation yet, so nobody has proven to own the address. */
const IS_INVITED_SQL = `deleted_ms IS NULL AND password IS NULL AND secret_hash LIKE 'none/%'
	AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id)`

/**
 * Invites a user: creates the link with which they set their password. They have no secret until they accept. An
 * address counts as taken once its link was used; until then, a new invitation replaces the earlier one.
 */
export async function inviteUser(
	db: D1Database,
	actor: Actor,
	input: UserInput,
	nowMs: number,
): Promise<Result<{ user: UserDetails; link: Link }, 'taken'>> {
	const { organizationId } = actor
	const link = newLink(nowMs)
	const login = toLogin(input.email)
	const invited = await findInvited(db, organizationId, login)
	const [written] = await db.batch<{ id: number }>([
		invited === null
			? insertInvitedStatement(db, organizationId, login, input, nowMs)
			: updateInvitedStatement(db, organizationId, invited.id, input),
		auditStatement(
			db,
			actor,
			{
				action: 'user.invite',
				objectType: 'user',
				objectId: invited?.id ?? 'inserted',
				detail: { role: input.role },
			},
			nowMs,
			'changes() > 0',
		),
		linkStatement(db, { organizationId, login }, link, nowMs, 'changes() > 0'),
	])
	const id = written!.results[0]?.id
	const user = id === undefined ? null : await findUserDetails(db, organizationId, id, nowMs)
	return user === null ? refused('taken') : { ok: true, user, link }
}

/** The user of an organization who was invited under a name and has not accepted; null: there is none. */
async function findInvited(db: D1Database, organizationId: number, login: string): Promise<{ id: number } | null> {
	return await db
		.prepare(`SELECT id FROM users WHERE organization_id = ? AND login = ? AND ${IS_INVITED_SQL}`)
		.bind(organizationId, login)
		.first<{ id: number }>()
}

function insertInvitedStatement(
	db: D1Database,
	organizationId: number,
	login: string,
	{ email, firstName, lastName, role }: UserInput,
	nowMs: number,
): D1PreparedStatement {
	return db
		.prepare(
			`INSERT INTO users (organization_id, email, login, first_name, last_name, role, secret_hash, secret_sealed,
				created_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, '', ?) ON CONFLICT (login, organization_id) WHERE login IS NOT NULL DO NOTHING
			RETURNING id`,
		)
		.bind(organizationId, email, login, firstName, lastName, role, newUnusableHash(), nowMs)
}

function updateInvitedStatement(
	db: D1Database,
	organizationId: number,
	id: number,
	{ email, firstName, lastName, role }: UserInput,
): D1PreparedStatement {
	return db
		.prepare(
			`UPDATE users SET email = ?, first_name = ?, last_name = ?, role = ?
			WHERE id = ? AND organization_id = ? AND ${IS_INVITED_SQL} RETURNING id`,
		)
		.bind(email, firstName, lastName, role, id, organizationId)
}

/** An SQL condition: with this new role (SQL; null: unchanged) of a user, an admin who can sign in is left. */
function keepsAdminSql(organization: string, id: string, role: string): string {
	return `EXISTS (SELECT 1 FROM users AS t WHERE t.id = ${id} AND t.organization_id = ${organization}
		AND t.deleted_ms IS NULL AND (coalesce(${role}, t.role) = 'admin' OR t.role <> 'admin'
		OR ${hasOtherAdminSql(organization, id)}))`
}

/**
 * Updates the given fields of a user. The last admin keeps their role: one statement checks and updates. An invitation
 * that nobody has accepted holds no address: it ends if this user gets its address.
 */
export async function updateUserDetails(
	db: D1Database,
	actor: Actor,
	id: number,
	change: Partial<UserInput>,
	nowMs: number,
): Promise<Result<object, UserChangeError>> {
	const { organizationId } = actor
	const user = await findUserDetails(db, organizationId, id, nowMs)
	if (user === null) return refused('missing')
	const keys = (['email', 'firstName', 'lastName', 'role'] as const).filter(
		(key) => change[key] !== undefined && change[key] !== user[key],
	)
	if (keys.length === 0) return { ok: true }
	const changed: Partial<UserInput> = Object.fromEntries(keys.map((key) => [key, change[key]]))
	const login = changed.email === undefined ? null : toLogin(changed.email)
	const invited = login === null ? null : await findInvited(db, organizationId, login)
	const withdrawal =
		invited === null || invited.id === id
			? []
			: withdrawStatements(db, actor, invited.id, { id, role: changed.role ?? null }, nowMs)
	try {
		const results = await db.batch([
			...withdrawal,
			db
				.prepare(
					// Only the given fields: another request may be changing the others.
					`UPDATE users SET email = coalesce(?3, email), login = coalesce(?4, login), first_name = coalesce(?5,
						first_name), last_name = coalesce(?6, last_name), role = coalesce(?7, role)
					WHERE id = ?1 AND organization_id = ?2 AND ${keepsAdminSql('?2', '?1', '?7')}`,
				)
				.bind(
					id,
					organizationId,
					changed.email ?? null,
					login,
					changed.firstName ?? null,
					changed.lastName ?? null,
					changed.role ?? null,
				),
			auditStatement(
				db,
				actor,
				{
					action: 'user.update',
					objectType: 'user',
					objectId: id,
					detail: { keys, ...(keys.includes('role') ? { role: changed.role } : {}) },
				},
				nowMs,
				'changes() > 0',
			),
		])
		return results[withdrawal.length]!.meta.changes > 0 ? { ok: true } : refused('last-admin')
	} catch (error) {
		if (isUniqueViolation(error)) return refused('taken')
		throw error
	}
}

/** Ends an invitation, if nobody has accepted it and `successor`, who gets its address, may be updated. */
function withdrawStatements(
	db: D1Database,
	actor: Actor,
	invitedId: number,
	successor: { id: number; role: Role | null },
	nowMs: number,
): D1PreparedStatement[] {
	const { organizationId } = actor
	return [
		db
			.prepare(
				`UPDATE users SET deleted_ms = ?1, login = NULL
				WHERE id = ?2 AND organization_id = ?3 AND ${IS_INVITED_SQL} AND ${keepsAdminSql('?3', '?4', '?5')}`,
			)
			.bind(nowMs, invitedId, organizationId, successor.id, successor.role),
		auditStatement(
			db,
			actor,
			{ action: 'user.delete', objectType: 'user', objectId: invitedId, detail: { replacedBy: successor.id } },
			nowMs,
			'changes() > 0',
		),
		db
			.prepare(
				`DELETE FROM links WHERE user_id = ?1 AND organization_id = ?2 AND EXISTS (SELECT 1 FROM users WHERE id = ?1
				AND organization_id = ?2 AND deleted_ms IS NOT NULL)`,
			)
			.bind(invitedId, organizationId),
	]
}

/**
 * Removes a user. Their secret, sessions, links, API keys and drafts of connections are revoked immediately. The row
 * keeps name and address, which objects that they created still show; the address can be invited again.
 */
export async function removeUser(
	db: D1Database,
	actor: Actor,
	id: number,
	nowMs: number,
): Promise<Result<object, Exclude<UserChangeError, 'taken'>>> {
	const { organizationId } = actor
	const user = await findUserDetails(db, organizationId, id, nowMs)
	if (user === null) return refused('missing')
	const isDeletedSql = 'EXISTS (SELECT 1 FROM users WHERE id = ?1 AND organization_id = ?2 AND deleted_ms IS NOT NULL)'
	const deleteFrom = (table: 'sessions' | 'api_keys' | 'links') =>
		db
			.prepare(`DELETE FROM ${table} WHERE user_id = ?1 AND organization_id = ?2 AND ${isDeletedSql}`)
			.bind(id, organizationId)
	const [removed] = await db.batch([
		db
			.prepare(
				`UPDATE users SET deleted_ms = ?3, login = NULL, password = NULL, secret_hash = ?4, secret_sealed = '',
					previous_secret_hash = NULL, previous_secret_until_ms = NULL
				WHERE id = ?1 AND organization_id = ?2 AND deleted_ms IS NULL AND (role <> 'admin'
				OR ${hasOtherAdminSql('?2', '?1')})`,
			)
			.bind(id, organizationId, nowMs, newUnusableHash()),
		auditStatement(
			db,
			actor,
			{ action: 'user.delete', objectType: 'user', objectId: id, detail: { role: user.role } },
			nowMs,
			'changes() > 0',
		),
		deleteFrom('sessions'),
		deleteFrom('api_keys'),
		deleteFrom('links'),
		db
			.prepare(
				`UPDATE drafts SET status = 'failed', reason = 'The user who asked for this was removed', sealed = ''
					WHERE user_id = ?1 AND organization_id = ?2 AND status = 'waiting' AND ${isDeletedSql}`,
			)
			.bind(id, organizationId),
	])
	return removed!.meta.changes > 0 ? { ok: true } : refused('last-admin')
}

function toUserDetails({ passwordSet, secretSet, purpose, expiresMs, ...row }: Row): UserDetails {
	return {
		...row,
		passwordSet: passwordSet === 1,
		secretSet: secretSet === 1,
		link: purpose === null || expiresMs === null ? null : { purpose, expiresMs },
	}
}

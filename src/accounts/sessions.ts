/** Sign-in with a password, and sessions: they last 14 days, and D1 stores the hash of their token. */
import { refused, type Refused } from '../lib/result.ts'
import { DAY_MS } from '../lib/time.ts'
import {
	clearAttemptStatements,
	countAccountAttempts,
	countAttempt,
	getAttemptSubjects,
	unlockStatements,
	type AttemptedAccount,
} from './sign-in-attempts.ts'
import { auditStatement, type Actor } from './audit.ts'
import { toLogin, type User } from './setup.ts'
import { findByPassword, hashPassword, needsRehash, verifyPassword } from './passwords.ts'
import { hashSecret, newToken } from './secrets.ts'

/** How long a session lasts, ms. */
export const SESSION_TTL_MS = 14 * DAY_MS
/** Maximum sessions per user; the oldest ones are deleted. */
const MAX_SESSIONS_PER_USER = 100
/**
 * Accounts of one name whose password is checked if no organization is named, the oldest first. Each check costs a
 * fifth of a second.
 */
export const MAX_ACCOUNTS_PER_ATTEMPT = 2
/** Maximum length of a user agent that is stored with a session. */
const MAX_AGENT_LENGTH = 200

/** A session as its owner sees it. Times epoch ms. */
export interface Session {
	id: number
	/** The user agent of the browser or program. */
	agent: string
	createdMs: number
	expiresMs: number
}

/** The origin of a sign-in attempt. */
export interface RequestOrigin {
	address: string
	agent: string
	requestId: string
}

/** A refused password: wrong credentials, or a lock with the remaining seconds. */
type PasswordRefusal = Refused<'wrong'> | { ok: false; reason: 'locked'; seconds: number }

/** The organizations of the accounts that a password is right for. */
interface AmbiguousAccount {
	ok: false
	reason: 'ambiguous'
	organizations: { id: number; name: string }[]
}

/**
 * Signs in. An unknown name, a user without a password and a wrong password get the same response after the same work.
 * While a name or an address is locked, a valid password is refused too: otherwise the lock would reveal which one is
 * valid. `ambiguous`: the password is right for accounts of several organizations, and none was named.
 */
export async function signIn(
	db: D1Database,
	{ username, password, organizationId }: { username: string; password: string; organizationId: number | null },
	origin: RequestOrigin,
	nowMs: number,
): Promise<{ ok: true; token: string; expiresMs: number } | PasswordRefusal | AmbiguousAccount> {
	const login = toLogin(username)
	const subjects = getAttemptSubjects(login, origin.address)
	const seconds = await countAttempt(db, subjects, nowMs)
	if (seconds !== null) return { ok: false, reason: 'locked', seconds }
	const limit = organizationId === null ? MAX_ACCOUNTS_PER_ATTEMPT : 1
	const accounts = await countAccountAttempts(db, login, organizationId, limit, nowMs)
	const matching = await findByPassword(accounts, password, limit)
	const [account] = matching
	if (account === undefined) return refused('wrong')
	if (matching.length === 1) return await createSession(db, account, password, subjects, origin, nowMs)
	await db.batch([
		...clearAttemptStatements(db, subjects, account.id),
		...matching.slice(1).flatMap(({ id }) => unlockStatements(db, subjects.name, id)),
	])
	return {
		ok: false,
		reason: 'ambiguous',
		organizations: matching.map((match) => ({ id: match.organizationId, name: match.organizationName })),
	}
}

/** Creates a session of a user who proved who they are by other credentials than a password. */
export async function createSessionOf(
	db: D1Database,
	{ id, organizationId }: Pick<User, 'id' | 'organizationId'>,
	{ agent, requestId }: RequestOrigin,
	nowMs: number,
): Promise<{ token: string; expiresMs: number }> {
	const token = newToken('session')
	const expiresMs = nowMs + SESSION_TTL_MS
	await db.batch([
		db
			.prepare(
				`INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms)
					VALUES (?, ?, ?, ?, ?, ?)`,
			)
			.bind(hashSecret(token), organizationId, id, agent.slice(0, MAX_AGENT_LENGTH), nowMs, expiresMs),
		createdSessionAudit(db, { organizationId, userId: id, requestId }, nowMs),
		oldSessionsStatement(db, id, organizationId),
	])
	return { token, expiresMs }
}

function createdSessionAudit(db: D1Database, actor: Actor, nowMs: number): D1PreparedStatement {
	return auditStatement(
		db,
		actor,
		{ action: 'session.create', objectType: 'session', objectId: 'inserted', detail: {} },
		nowMs,
		'changes() > 0',
	)
}

/** Deletes a user's oldest sessions above the limit. */
function oldSessionsStatement(db: D1Database, userId: number, organizationId: number): D1PreparedStatement {
	return db
		.prepare(
			`DELETE FROM sessions WHERE user_id = ?1 AND organization_id = ?3 AND id NOT IN (SELECT id FROM sessions
					WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2)`,
		)
		.bind(userId, MAX_SESSIONS_PER_USER, organizationId)
}

/** Stores a session of an account whose password was right. */
async function createSession(
	db: D1Database,
	account: AttemptedAccount,
	password: string,
	subjects: ReturnType<typeof getAttemptSubjects>,
	{ agent, requestId }: RequestOrigin,
	nowMs: number,
): Promise<{ ok: true; token: string; expiresMs: number } | Refused<'wrong'>> {
	const token = newToken('session')
	const expiresMs = nowMs + SESSION_TTL_MS
	const actor: Actor = { organizationId: account.organizationId, userId: account.id, requestId }
	const [inserted] = await db.batch([
		// Only while the password is unchanged: it may have been replaced, and all sessions ended, during the
		// computation.
		db
			.prepare(
				`INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms)
					SELECT ?, organization_id, id, ?, ?, ? FROM users WHERE id = ? AND password = ? AND deleted_ms IS NULL`,
			)
			.bind(hashSecret(token), agent.slice(0, MAX_AGENT_LENGTH), nowMs, expiresMs, account.id, account.password),
		createdSessionAudit(db, actor, nowMs),
		oldSessionsStatement(db, account.id, account.organizationId),
		...clearAttemptStatements(db, subjects, account.id),
	])
	if (inserted!.meta.changes === 0) return refused('wrong')
	if (needsRehash(account.password))
		await db
			.prepare('UPDATE users SET password = ? WHERE id = ? AND organization_id = ? AND password = ?')
			.bind(await hashPassword(password), account.id, account.organizationId, account.password)
			.run()
	return { ok: true, token, expiresMs }
}

/**
 * Changes the user's password and ends their other sessions. `keep`: the session of the request; null: the request
 * uses another credential.
 */
export async function changePassword(
	db: D1Database,
	user: User,
	{ current, password }: { current: string; password: string },
	keptSessionId: number | null,
	{ address, requestId }: RequestOrigin,
	nowMs: number,
): Promise<{ ok: true } | Refused<'no-password'> | PasswordRefusal> {
	const row = await db
		.prepare('SELECT login, password FROM users WHERE id = ? AND organization_id = ? AND deleted_ms IS NULL')
		.bind(user.id, user.organizationId)
		.first<{ login: string | null; password: string | null }>()
	if (row === null || row.password === null) return refused('no-password')
	const subjects = getAttemptSubjects(row.login ?? toLogin(user.email), address)
	const seconds = await countAttempt(db, subjects, nowMs)
	if (seconds !== null) return { ok: false, reason: 'locked', seconds }
	if (!(await verifyPassword(current, row.password))) return refused('wrong')
	const hash = await hashPassword(password)
	const [changed] = await db.batch([
		db
			.prepare('UPDATE users SET password = ? WHERE id = ? AND organization_id = ? AND password = ?')
			.bind(hash, user.id, user.organizationId, row.password),
		auditStatement(
			db,
			{ organizationId: user.organizationId, userId: user.id, requestId },
			{ action: 'user.password', objectType: 'user', objectId: user.id, detail: { by: 'password' } },
			nowMs,
			'changes() > 0',
		),
		// Also if another request was first: then one session more ends.
		db
			.prepare('DELETE FROM sessions WHERE user_id = ? AND organization_id = ? AND id IS NOT ?')
			.bind(user.id, user.organizationId, keptSessionId),
		// An earlier link would replace the new password.
		db.prepare('DELETE FROM links WHERE user_id = ? AND organization_id = ?').bind(user.id, user.organizationId),
		...clearAttemptStatements(db, subjects, user.id),
	])
	return changed!.meta.changes > 0 ? { ok: true } : refused('wrong')
}

/** A user's valid sessions, newest first, at most `MAX_SESSIONS_PER_USER`. */
export async function listSessions(db: D1Database, user: User, nowMs: number): Promise<Session[]> {
	const { results } = await db
		.prepare(
			`SELECT id, agent, created_ms AS createdMs, expires_ms AS expiresMs FROM sessions WHERE user_id = ?
				AND organization_id = ? AND expires_ms > ? ORDER BY id DESC`,
		)
		.bind(user.id, user.organizationId, nowMs)
		.all<Session>()
	return results
}

/** Ends one session of a user. */
export async function endSession(db: D1Database, actor: Actor, id: number, nowMs: number): Promise<void> {
	await db.batch([
		db
			.prepare('DELETE FROM sessions WHERE id = ? AND user_id = ? AND organization_id = ?')
			.bind(id, actor.userId, actor.organizationId),
		auditStatement(
			db,
			actor,
			{ action: 'session.delete', objectType: 'session', objectId: id, detail: {} },
			nowMs,
			'changes() > 0',
		),
	])
}

/** Ends all sessions of a user, including that of the request. Returns how many there were. */
export async function endSessions(db: D1Database, actor: Actor & { userId: number }, nowMs: number): Promise<number> {
	const [deleted] = await db.batch([
		db
			.prepare('DELETE FROM sessions WHERE user_id = ? AND organization_id = ?')
			.bind(actor.userId, actor.organizationId),
		auditStatement(
			db,
			actor,
			{ action: 'session.delete-all', objectType: 'user', objectId: actor.userId, detail: {} },
			nowMs,
			'changes() > 0',
		),
	])
	return deleted!.meta.changes
}

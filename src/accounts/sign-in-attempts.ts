/**
 * Limits password guessing (docs/operations.md, Users and keys): above a number of attempts per user name or address
 * in a quarter of an hour, sign-in returns 429 until that time has passed. Counted in D1 before the password is
 * checked, so that isolates and concurrent attempts cannot exceed it. Refused attempts are not counted, so they do not
 * prolong a lock, and a locked name locks no address.
 */
import { isIPv6 } from 'node:net'
import { hashSecret } from './secrets.ts'

/**
 * Attempts without success before an account is refused, without saying so. Attempts for a name start anew when any of
 * its accounts succeeds, and another organization can have an account with the same name: with it, it could guess
 * without end.
 */
export const MAX_ATTEMPTS_PER_ACCOUNT = 30
/** Attempts without success before a user name is locked. */
export const MAX_ATTEMPTS_PER_NAME = 10
/** The same for an address, which many users can share. */
export const MAX_ATTEMPTS_PER_ADDRESS = 100
/** How long attempts count from the first one, ms. */
export const ATTEMPTS_WINDOW_MS = 15 * 60_000

/** Begins the subject of an account; those of names and addresses are hashes. */
const ACCOUNT_SUBJECT = 'account/'

/** An account whose password is checked. */
export interface AttemptedAccount {
	id: number
	organizationId: number
	organizationName: string
	password: string
}

/** The two subjects that callers can know: a user name and an address, as the table stores them. */
interface AttemptSubjects {
	name: string
	address: string
}

/** The subjects of an attempt. Of an IPv6 address, only the first 64 bits count: a customer can choose the rest. */
export function getAttemptSubjects(login: string, address: string): AttemptSubjects {
	return { name: hashSecret(`name ${login}`), address: hashSecret(`address ${toNetwork(address)}`) }
}

/**
 * The network of an address: an IPv4 address itself, the first four groups of an IPv6 address. Anything else is
 * unchanged.
 */
export function toNetwork(address: string): string {
	if (!isIPv6(address) || address.includes('.')) return address
	const [head = '', tail] = address.toLowerCase().split('%')[0]!.split('::')
	const front = head === '' ? [] : head.split(':')
	const back = tail === undefined || tail === '' ? [] : tail.split(':')
	const groups = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0'), ...back]
	return groups
		.slice(0, 4)
		.map((group) => Number.parseInt(group, 16).toString(16))
		.join(':')
}

/** Counts an attempt if the limit allows it. Returns the seconds until the next one is allowed; null: this one is. */
export async function countAttempt(
	db: D1Database,
	{ name, address }: AttemptSubjects,
	nowMs: number,
): Promise<number | null> {
	const countStatement = (subject: string, limit: number, onlyIf: 'true' | 'changes() > 0') =>
		db
			.prepare(
				`INSERT INTO sign_in_attempts (subject, attempts, since_ms) SELECT ?1, 1, ?2 WHERE ${onlyIf}
				ON CONFLICT (subject) DO UPDATE SET attempts = iif(since_ms <= ?3, 1, attempts + 1),
				since_ms = iif(since_ms <= ?3, ?2, since_ms)
				WHERE since_ms <= ?3 OR attempts < ?4`,
			)
			.bind(subject, nowMs, nowMs - ATTEMPTS_WINDOW_MS, limit)
	const sinceStatement = (subject: string) =>
		db.prepare('SELECT since_ms AS sinceMs FROM sign_in_attempts WHERE subject = ?').bind(subject)
	const [byAddress, byName, addressRow, nameRow] = await db.batch<{ sinceMs: number }>([
		countStatement(address, MAX_ATTEMPTS_PER_ADDRESS, 'true'),
		countStatement(name, MAX_ATTEMPTS_PER_NAME, 'changes() > 0'),
		sinceStatement(address),
		sinceStatement(name),
	])
	if (byName!.meta.changes > 0) return null
	const addressLocked = byAddress!.meta.changes === 0
	// The name is locked, so the attempt does not count for the address.
	if (!addressLocked) await decrementStatement(db, address).run()
	const sinceMs = (addressLocked ? addressRow : nameRow)!.results[0]?.sinceMs ?? nowMs
	return Math.max(1, Math.ceil((sinceMs + ATTEMPTS_WINDOW_MS - nowMs) / 1000))
}

/**
 * The statements after a successful attempt: the counters of the name and of the account are reset, that of the address
 * is decremented.
 */
export function clearAttemptStatements(
	db: D1Database,
	{ name, address }: AttemptSubjects,
	userId: number,
): D1PreparedStatement[] {
	return [...unlockStatements(db, name, userId), decrementStatement(db, address)]
}

/** The statements that reset the counters of a user name and of an account. */
export function unlockStatements(db: D1Database, name: string, userId: number): D1PreparedStatement[] {
	return [name, toAccountSubject(userId)].map((subject) =>
		db.prepare('DELETE FROM sign_in_attempts WHERE subject = ?').bind(subject),
	)
}

/**
 * Counts an attempt for each of the accounts with a name that the limit allows, at most `limit`, and returns them.
 * `organizationId` null: of any organization. One round trip, whether there are accounts or not.
 */
export async function countAccountAttempts(
	db: D1Database,
	login: string,
	organizationId: number | null,
	limit: number,
	nowMs: number,
): Promise<AttemptedAccount[]> {
	const accountsSql = `SELECT id, organization_id, password, ?1 || id AS subject FROM users
		WHERE login = ?2 AND (?3 IS NULL OR organization_id = ?3) AND password IS NOT NULL AND deleted_ms IS NULL
		ORDER BY id LIMIT ?4`
	const values = [ACCOUNT_SUBJECT, login, organizationId, limit]
	const [, found] = await db.batch<AttemptedAccount>([
		db
			.prepare(
				`INSERT INTO sign_in_attempts (subject, attempts, since_ms) SELECT subject, 1, ?5 FROM (${accountsSql}) WHERE true
				ON CONFLICT (subject) DO UPDATE SET attempts = iif(since_ms <= ?6, 1, attempts + 1),
				since_ms = iif(since_ms <= ?6, ?5, since_ms)`,
			)
			.bind(...values, nowMs, nowMs - ATTEMPTS_WINDOW_MS),
		db
			.prepare(
				`SELECT u.id, u.organization_id AS organizationId, o.name AS organizationName, u.password
				FROM (${accountsSql}) AS u JOIN organizations AS o ON o.id = u.organization_id
				JOIN sign_in_attempts AS a ON a.subject = u.subject WHERE a.attempts <= ?5 ORDER BY u.id`,
			)
			.bind(...values, MAX_ATTEMPTS_PER_ACCOUNT),
	])
	return found!.results
}

function toAccountSubject(userId: number): string {
	return `${ACCOUNT_SUBJECT}${userId}`
}

function decrementStatement(db: D1Database, address: string): D1PreparedStatement {
	return db
		.prepare('UPDATE sign_in_attempts SET attempts = attempts - 1 WHERE subject = ? AND attempts > 0')
		.bind(address)
}

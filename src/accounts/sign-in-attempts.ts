/**
 * Limits password guessing (docs/operations.md, Users and keys): above a number of attempts per user name or address
 * in a quarter of an hour, sign-in returns 429 until that time has passed. Counted in D1 before the password is
 * checked, so that isolates and concurrent attempts cannot exceed it. Refused attempts are not counted, so they do not
 * prolong a lock, and a locked name locks no address.
 */
import { isIPv6 } from 'node:net'
import { hashSecret } from './secrets.ts'

/** Attempts without success before a user name is locked. */
export const MAX_ATTEMPTS_PER_NAME = 10
/** The same for an address, which many users can share. */
export const MAX_ATTEMPTS_PER_ADDRESS = 100
/** How long attempts count from the first one, ms. */
export const ATTEMPTS_WINDOW_MS = 15 * 60_000

/** The two subjects that are counted: a user name and an address, as the table stores them. */
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

/** The statements after a successful attempt: the counter of the name is reset, that of the address is decremented. */
export function clearAttemptStatements(db: D1Database, { name, address }: AttemptSubjects): D1PreparedStatement[] {
	return [unlockStatement(db, name), decrementStatement(db, address)]
}

/** The statement that resets the counter of a user name. */
export function unlockStatement(db: D1Database, name: string): D1PreparedStatement {
	return db.prepare('DELETE FROM sign_in_attempts WHERE subject = ?').bind(name)
}

function decrementStatement(db: D1Database, address: string): D1PreparedStatement {
	return db
		.prepare('UPDATE sign_in_attempts SET attempts = attempts - 1 WHERE subject = ? AND attempts > 0')
		.bind(address)
}

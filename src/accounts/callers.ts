/**
 * Finds the caller of a request from its credentials with one lookup of user, organization and credential. Other
 * lookups of the same request join its batch, so that authentication costs one round trip to D1.
 */
import { refused, type Result } from '../lib/result.ts'
import type { AuthorizationParts } from './authorization.ts'
import { hashSecret, isToken } from './secrets.ts'
import { USER_COLUMNS, type User } from './setup.ts'

/** The credentials: secrets of the contract, a session's token, or an API key. */
export type Credential =
	| { kind: 'secrets' }
	| { kind: 'session'; id: number }
	| { kind: 'key'; id: number; scopes: string[]; lastUsedMs: number | null }

/** An authenticated caller. */
export interface Caller {
	user: User
	credential: Credential
	/** The caller presented the organization's secret, or a credential that includes it. */
	organizationProven: boolean
}

/** A lookup of a caller. `values` are the parameters of both texts, `?1` first. */
interface CallerLookup {
	/** A SELECT of the caller. */
	sql: string
	/** A SELECT of the id of the caller's organization, for conditions of other lookups in the same batch. */
	organizationSql: string
	values: (string | number | null)[]
	/** The caller of a row; null: not authenticated. `expired`: an API key past its expiry. */
	read(row: Record<string, unknown> | undefined): Result<{ caller: Caller }, 'expired'> | null
}

interface Row extends User {
	scopes: string | null
	credentialId: number | null
	lastUsedMs: number | null
	expired: number | null
	proven: number
}

const FROM_USERS = 'FROM users AS u JOIN organizations AS o ON o.id = u.organization_id'
/**
 * A secret is valid if it is the current one, or the previous one within its grace period. A revoked secret matches no
 * hash.
 */
const secretMatchesSql = (table: 'u' | 'o', hash: string): string =>
	`(${table}.secret_hash = ${hash} OR
		(${table}.previous_secret_hash = ${hash} AND ${table}.previous_secret_until_ms > ?3))`

/** The lookup for the parts of a header; null if they name no caller. */
export function getCallerLookup(parts: AuthorizationParts, nowMs: number): CallerLookup | null {
	if (parts.bearer !== null) return getTokenLookup(parts.bearer, nowMs)
	if (parts.user === null || (parts.organization === null && parts.element === null)) return null
	const where = `WHERE ${secretMatchesSql('u', '?1')} AND u.deleted_ms IS NULL AND (?2 IS NULL
		OR ${secretMatchesSql('o', '?2')})`
	return {
		sql: `SELECT ${USER_COLUMNS}, ?2 IS NOT NULL AS proven ${FROM_USERS} ${where}`,
		organizationSql: `SELECT o.id ${FROM_USERS} ${where}`,
		values: [hashSecret(parts.user), parts.organization === null ? null : hashSecret(parts.organization), nowMs],
		read: (row) => (row === undefined ? null : toFoundCaller(row as unknown as Row, { kind: 'secrets' })),
	}
}

/**
 * An expired session is treated as missing. An expired key is reported as expired, so that its owner can replace it.
 */
function getTokenLookup(token: string, nowMs: number): CallerLookup | null {
	const values = [hashSecret(token), nowMs]
	if (isToken('session', token)) {
		const from = `FROM sessions AS s JOIN users AS u ON u.id = s.user_id
			JOIN organizations AS o ON o.id = u.organization_id
			WHERE s.token_hash = ?1 AND s.expires_ms > ?2 AND u.deleted_ms IS NULL`
		return {
			sql: `SELECT ${USER_COLUMNS}, 1 AS proven, s.id AS credentialId ${from}`,
			organizationSql: `SELECT o.id ${from}`,
			values,
			read: (row) =>
				row === undefined
					? null
					: toFoundCaller(row as unknown as Row, { kind: 'session', id: Number(row['credentialId']) }),
		}
	}
	if (!isToken('key', token)) return null
	const from = `FROM api_keys AS k JOIN users AS u ON u.id = k.user_id
		JOIN organizations AS o ON o.id = u.organization_id
		WHERE k.key_hash = ?1 AND u.deleted_ms IS NULL`
	return {
		sql: `SELECT ${USER_COLUMNS}, 1 AS proven, k.id AS credentialId, k.scopes, k.last_used_ms AS lastUsedMs,
		k.expires_ms <= ?2 AS expired ${from}`,
		organizationSql: `SELECT o.id ${from} AND (k.expires_ms IS NULL OR k.expires_ms > ?2)`,
		values,
		read(found) {
			if (found === undefined) return null
			const row = found as unknown as Row
			if (row.expired === 1) return refused('expired')
			const scopes = JSON.parse(row.scopes ?? '[]') as string[]
			return toFoundCaller(row, { kind: 'key', id: row.credentialId ?? 0, scopes, lastUsedMs: row.lastUsedMs })
		},
	}
}

function toFoundCaller(row: Row, credential: Credential): { ok: true; caller: Caller } {
	const { id, organizationId, organizationName, email, firstName, lastName, role } = row
	const user = { id, organizationId, organizationName, email, firstName, lastName, role }
	return { ok: true, caller: { user, credential, organizationProven: row.proven === 1 } }
}

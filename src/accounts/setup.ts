/** Organizations and users: the first ones, created once, and lookups of users. */
import { newIncarnation } from '../lib/incarnation.ts'
import { sealSecret } from '../lib/sealing.ts'
import { auditStatement } from './audit.ts'
import { newLink, linkStatement, type Link } from './links.ts'
import { hashPassword } from './passwords.ts'
import type { Role } from './roles.ts'
import { hashSecret, newSecret } from './secrets.ts'

/** A user with their organization. */
export interface User {
	id: number
	organizationId: number
	organizationName: string
	email: string
	firstName: string
	lastName: string
	role: Role
}

/** An organization as its users see it. */
export interface Organization {
	id: number
	name: string
	createdMs: number
}

/** The operator's input for the setup. */
interface SetupInput {
	organizationName: string
	email: string
	firstName: string
	lastName: string
	/** Without a password, the response has a link with which the user sets one. */
	password: string | null
}

/** The first organization and user with their secrets. */
interface SetupResult {
	organization: { id: number; name: string }
	user: { id: number; emailAddress: string; firstName: string; lastName: string }
	organizationSecret: string
	userSecret: string
	/** Null if a password was given. */
	link: Link | null
}

/** The columns of a User, from `users AS u` joined with `organizations AS o`. */
export const USER_COLUMNS =
	'u.id, u.organization_id AS organizationId, o.name AS organizationName, u.email, u.first_name AS firstName, ' +
	'u.last_name AS lastName, u.role'

/** Normalizes an e-mail address for sign-in. */
export function toLogin(email: string): string {
	return email.trim().toLowerCase()
}

/**
 * Creates the first organization and user; null if there is one. Of two concurrent calls, the second one's transaction
 * fails on the fixed ids.
 */
export async function setUp(
	db: D1Database,
	keyRing: string,
	input: SetupInput,
	requestId: string,
	nowMs: number,
): Promise<SetupResult | null> {
	const exists = await db.prepare('SELECT 1 FROM organizations LIMIT 1').first()
	if (exists !== null) return null
	const organizationSecret = newSecret()
	const userSecret = newSecret()
	const [sealedOrganization, sealedUser, password] = await Promise.all([
		sealSecret(keyRing, organizationSecret, 'organization/1'),
		sealSecret(keyRing, userSecret, 'user/1'),
		input.password === null ? null : hashPassword(input.password),
	])
	const link = password === null ? newLink(nowMs) : null
	try {
		await db.batch([
			db
				.prepare(
					`INSERT INTO organizations (id, incarnation, name, secret_hash, secret_sealed, created_ms)
					VALUES (1, ?, ?, ?, ?, ?)`,
				)
				.bind(newIncarnation(), input.organizationName, hashSecret(organizationSecret), sealedOrganization, nowMs),
			db
				.prepare(
					`INSERT INTO users (id, organization_id, email, login, first_name, last_name, role, password, secret_hash,
						secret_sealed, created_ms) VALUES (1, 1, ?, ?, ?, ?, 'admin', ?, ?, ?, ?)`,
				)
				.bind(
					input.email,
					toLogin(input.email),
					input.firstName,
					input.lastName,
					password,
					hashSecret(userSecret),
					sealedUser,
					nowMs,
				),
			...(link === null ? [] : [linkStatement(db, { organizationId: 1, userId: 1 }, link, nowMs)]),
			auditStatement(
				db,
				{ organizationId: 1, userId: 1, requestId },
				{ action: 'organization.create', objectType: 'organization', objectId: 1, detail: { setup: true } },
				nowMs,
			),
		])
	} catch (error) {
		if (isUniqueViolation(error)) return null
		throw error
	}
	return {
		organization: { id: 1, name: input.organizationName },
		user: { id: 1, emailAddress: input.email, firstName: input.firstName, lastName: input.lastName },
		organizationSecret,
		userSecret,
		link,
	}
}

/** Whether D1 refused a row because of a unique constraint. */
export function isUniqueViolation(error: unknown): boolean {
	return error instanceof Error && /UNIQUE|constraint/i.test(error.message)
}

/** A user of an organization who was not deleted; null: there is none. */
export async function findActiveUser(db: D1Database, organizationId: number, id: number): Promise<User | null> {
	return await db
		.prepare(
			`SELECT ${USER_COLUMNS} FROM users AS u JOIN organizations AS o ON o.id = u.organization_id
				WHERE u.organization_id = ? AND u.id = ? AND u.deleted_ms IS NULL`,
		)
		.bind(organizationId, id)
		.first<User>()
}

/** An organization; null: there is none. */
export async function findOrganization(db: D1Database, id: number): Promise<Organization | null> {
	return await db
		.prepare('SELECT id, name, created_ms AS createdMs FROM organizations WHERE id = ?')
		.bind(id)
		.first<Organization>()
}

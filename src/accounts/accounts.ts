/** Organizations and users: the first ones, made once, and who a caller's secrets belong to. */
import { sealSecret } from '../instances/sealing.ts'
import { auditStatement } from './audit.ts'
import { hashSecret, newSecret } from './secrets.ts'

/** A user, with the organization that they act for. */
export interface User {
	id: number
	organizationId: number
	organizationName: string
	email: string
	firstName: string
	lastName: string
}

/** What the operator may name at set-up. */
export interface SetupInput {
	organizationName: string
	email: string
	firstName: string
	lastName: string
}

/** The first organization and user, with the secrets that open the API. */
export interface SetupResult {
	organization: { id: number; name: string }
	user: { id: number; emailAddress: string; firstName: string; lastName: string }
	organizationSecret: string
	userSecret: string
}

const USER = `SELECT users.id, users.organization_id AS organizationId, organizations.name AS organizationName, users.email, users.first_name AS firstName, users.last_name AS lastName
	FROM users JOIN organizations ON organizations.id = users.organization_id`

/** Makes the first organization and user; null when there is one already. Two calls at once: the second one's transaction fails on the fixed ids. */
export async function setUp(
	db: D1Database,
	ring: string,
	input: SetupInput,
	requestId: string,
	nowMs: number,
): Promise<SetupResult | null> {
	const exists = await db.prepare('SELECT 1 FROM organizations LIMIT 1').first()
	if (exists !== null) return null
	const organizationSecret = newSecret()
	const userSecret = newSecret()
	const [sealedOrganization, sealedUser] = await Promise.all([
		sealSecret(ring, organizationSecret, 'organization/1'),
		sealSecret(ring, userSecret, 'user/1'),
	])
	try {
		await db.batch([
			db
				.prepare('INSERT INTO organizations (id, name, secret_hash, secret_sealed, created_ms) VALUES (1, ?, ?, ?, ?)')
				.bind(input.organizationName, hashSecret(organizationSecret), sealedOrganization, nowMs),
			db
				.prepare(
					'INSERT INTO users (id, organization_id, email, first_name, last_name, secret_hash, secret_sealed, created_ms) VALUES (1, 1, ?, ?, ?, ?, ?, ?)',
				)
				.bind(input.email, input.firstName, input.lastName, hashSecret(userSecret), sealedUser, nowMs),
			auditStatement(
				db,
				{ organizationId: 1, userId: 1, requestId },
				{ action: 'organization.create', objectType: 'organization', objectId: 1, detail: { setup: true } },
				nowMs,
			),
		])
	} catch (error) {
		if (error instanceof Error && /UNIQUE|constraint/i.test(error.message)) return null
		throw error
	}
	return {
		organization: { id: 1, name: input.organizationName },
		user: { id: 1, emailAddress: input.email, firstName: input.firstName, lastName: input.lastName },
		organizationSecret,
		userSecret,
	}
}

/** The user whose secret this is; null when it is nobody's. */
export async function findUserBySecret(db: D1Database, secret: string): Promise<User | null> {
	return await db.prepare(`${USER} WHERE users.secret_hash = ?`).bind(hashSecret(secret)).first<User>()
}

/** The organization whose secret this is; null when it is nobody's. */
export async function findOrganizationBySecret(db: D1Database, secret: string): Promise<{ id: number } | null> {
	return await db.prepare('SELECT id FROM organizations WHERE secret_hash = ?').bind(hashSecret(secret)).first<{ id: number }>()
}

/** A user of an organization; null when there is none. */
export async function findUser(db: D1Database, organizationId: number, id: number): Promise<User | null> {
	return await db.prepare(`${USER} WHERE users.organization_id = ? AND users.id = ?`).bind(organizationId, id).first<User>()
}

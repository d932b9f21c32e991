/** One address in several organizations: invited, accepted and signed in with independently of one another. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashPassword } from '../../../src/accounts/passwords.ts'
import { getAttemptSubjects, MAX_ATTEMPTS_PER_ACCOUNT } from '../../../src/accounts/sign-in-attempts.ts'
import { addOrganization, env, migrationQueries, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another horse, another staple'
const ADDRESS = 'ann@acme.example'
const hashed = Promise.all([hashPassword(PASSWORD), hashPassword(OTHER)])

let client: ApiClient
/** Authorization of each organization's admin. */
let admins: Record<number, { authorization: string }>

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	admins = {
		1: { authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}` },
		2: { authorization: await addOrganization(2) },
	}
})

const invite = (organization: number, email = ADDRESS, role = 'developer') =>
	client.call('POST', '/users', { email, firstName: 'Ann', lastName: 'Lee', role }, admins[organization])
const signIn = (password: string, organization?: unknown, username = ADDRESS) =>
	client.call(
		'POST',
		'/authentication',
		{ username, password, ...(organization === undefined ? {} : { organization }) },
		{ authorization: null, headers: { 'CF-Connecting-IP': '192.0.2.1' } },
	)
const row = (sql: string) => env.DB.prepare(sql).first<Record<string, any>>()

/** An accepted account. */
async function addAccount(organization: number, which: 0 | 1): Promise<number> {
	const { id } = (await invite(organization)).body.user
	await env.DB.prepare('UPDATE users SET password = ? WHERE id = ?')
		.bind((await hashed)[which], id)
		.run()
	return id
}

async function organizationOf(answer: { body: any }): Promise<number> {
	const authorization = `Bearer ${answer.body.token}`
	return (await client.call('GET', '/accounts', undefined, { authorization })).body[0].id
}

describe('an invitation', () => {
	test('neither reveals nor is refused for an account of another organization', async () => {
		await addAccount(1, 0)
		const unknown = await invite(2, 'nobody@acme.example')
		const known = await invite(2, ADDRESS.toUpperCase())
		expect([unknown.status, known.status]).toEqual([200, 200])
		const renamed = await client.call(
			'PATCH',
			`/users/${unknown.body.user.id}`,
			{ email: 'admin@example.com' },
			admins[2],
		)
		expect(renamed.status).toBe(200)
	})

	test('takes an address only when its link was used; until then another one replaces it', async () => {
		const first = await invite(1)
		const second = await invite(1, ADDRESS, 'viewer')
		expect([second.status, second.body.user.id, second.body.user.role]).toEqual([200, first.body.user.id, 'viewer'])
		const accept = (token: string) =>
			client.call('POST', '/authentication/accept', { token, password: PASSWORD }, { authorization: null })
		expect((await accept(first.body.invitation.token)).status).toBe(404)
		expect((await accept(second.body.invitation.token)).status).toBe(200)
		const third = await invite(1)
		expect([third.status, third.body.message]).toEqual([409, expect.stringContaining('email: another user of your')])
		expect(await row("SELECT count(*) AS n FROM audit_log WHERE action = 'user.invite'")).toEqual({ n: 2 })
	})
})

describe('signing in', () => {
	test('finds the account that the password belongs to', async () => {
		await addAccount(1, 0)
		// Nobody has accepted this one yet.
		await invite(2)
		expect(await organizationOf(await signIn(PASSWORD))).toBe(1)
		await env.DB.prepare('UPDATE users SET password = ? WHERE organization_id = 2 AND login = ?')
			.bind((await hashed)[1], ADDRESS)
			.run()
		expect(await organizationOf(await signIn(PASSWORD))).toBe(1)
		expect(await organizationOf(await signIn(OTHER))).toBe(2)
		expect((await signIn('wrong')).status).toBe(401)
	})

	test('§1.14 asks for the organization only if the password is right for several', async () => {
		await addAccount(1, 0)
		await addAccount(2, 0)
		const asked = await signIn(PASSWORD)
		expect([asked.status, asked.body.message]).toEqual([
			409,
			'organization: expected one of 1 (My organization), 2 (Other), because you have an account with this password in each',
		])
		for (const organization of [1, 2, '2'])
			expect(await organizationOf(await signIn(PASSWORD, organization))).toBe(Number(organization))
		const wrong = await signIn('wrong')
		for (const answer of [await signIn('wrong', 1), await signIn(PASSWORD, 3), await signIn('wrong', 3)])
			expect([answer.status, answer.body.message]).toEqual([401, wrong.body.message])
		for (const organization of [0, -1, 1.5, 'Acme', {}])
			expect((await signIn(PASSWORD, organization)).body.message).toBe(
				'organization: expected the id of an organization',
			)
	})

	test('a success elsewhere gives nobody more attempts', async () => {
		await addAccount(1, 0)
		const id = await addAccount(2, 1)
		await env.DB.prepare('INSERT INTO sign_in_attempts VALUES (?, ?, ?)')
			.bind(`account/${id}`, MAX_ATTEMPTS_PER_ACCOUNT - 1, client.world.nowMs)
			.run()
		expect((await signIn('wrong')).status).toBe(401)
		expect((await signIn(PASSWORD)).status).toBe(200)
		expect((await signIn(OTHER)).status).toBe(401)
		expect((await signIn(OTHER, 2)).status).toBe(401)
		expect(
			await row(`SELECT attempts FROM sign_in_attempts WHERE subject = '${getAttemptSubjects(ADDRESS, '').name}'`),
		).toEqual({ attempts: 2 })
		client.world.nowMs += 15 * 60_000
		expect((await signIn(OTHER)).status).toBe(200)
	})
})

test('names that an earlier version refused to a second organization are given to it', async () => {
	await addAccount(1, 0)
	await env.DB.prepare('UPDATE users SET login = NULL WHERE id = 2').run()
	await env.DB.prepare("UPDATE users SET email = 'Ann@acme.example' WHERE id = 2").run()
	await env.DB.prepare('DROP INDEX users_by_login').run()
	await env.DB.prepare('CREATE UNIQUE INDEX users_by_login ON users (login) WHERE login IS NOT NULL').run()
	for (const query of migrationQueries('0010_incarnations_and_names.sql').filter((text) => text.includes('users')))
		await env.DB.prepare(query).run()
	expect(await row('SELECT login FROM users WHERE id = 2')).toEqual({ login: ADDRESS })
})

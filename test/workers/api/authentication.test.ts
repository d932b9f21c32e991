/** Signing in with a password, what a session opens, one-time links, and the limit on guessing. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import {
	MAX_ATTEMPTS_PER_ADDRESS,
	MAX_ATTEMPTS_PER_NAME,
	getAttemptSubjects,
} from '../../../src/accounts/sign-in-attempts.ts'
import { hashPassword, verifyPassword } from '../../../src/accounts/passwords.ts'
import { hashSecret, newToken } from '../../../src/accounts/secrets.ts'
import { SESSION_TTL_MS } from '../../../src/accounts/sessions.ts'
import { pruneAccounts } from '../../../src/accounts/prune.ts'
import { runCron } from '../../../src/instances/cron.ts'
import { env, resetDatabase, createServices, startApiWorld, type ApiClient } from './harness.ts'
import { TestBrowser } from '../ui/browser.ts'
import { insertInstance } from './support.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another horse, another staple'
const DAY = 86_400_000

let client: ApiClient
let invitation: { url: string; token: string }

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	// The set-up that the world made left no password; its link is asked for anew.
	invitation = (await client.call('POST', '/users/me/reset')).body
})

const accept = (token: string, password = PASSWORD) =>
	client.call('POST', '/authentication/accept', { token, password }, { authorization: null })
const signIn = (password = PASSWORD, username = 'admin@example.com', address = '192.0.2.1') =>
	client.call(
		'POST',
		'/authentication',
		{ username, password },
		{ authorization: null, headers: { 'CF-Connecting-IP': address } },
	)
const as = (token: string) => ({ authorization: `Bearer ${token}` })
const row = (sql: string) => env.DB.prepare(sql).first<Record<string, any>>()

/** Hashing costs a fifth of a second by design: what a test is not about is put into the tables, made once. */
const hashed = hashPassword(PASSWORD)

/** The first admin has a password. */
async function withPassword(): Promise<void> {
	await env.DB.prepare('UPDATE users SET password = ?')
		.bind(await hashed)
		.run()
}

/** A session of the first admin, who has a password. */
async function session(): Promise<string> {
	await withPassword()
	const token = newToken('session')
	await env.DB.prepare(
		"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, 1, '', ?, ?)",
	)
		.bind(hashSecret(token), client.world.nowMs, client.world.nowMs + SESSION_TTL_MS)
		.run()
	return token
}

/** As if so many attempts had been made. */
async function attempted(subject: string, attempts: number): Promise<void> {
	await env.DB.prepare('INSERT INTO sign_in_attempts VALUES (?, ?, ?)')
		.bind(subject, attempts, client.world.nowMs)
		.run()
}

describe('a session', () => {
	test('§1.3 stands for User and Organization, shows the secrets, and is over after 14 days', async () => {
		await withPassword()
		const { token } = (await signIn()).body
		expect(token).toMatch(/^sbs_[\w-]{43}$/)
		expect((await client.call('GET', '/instances', undefined, as(token))).body).toEqual([])
		const secrets = await client.call('GET', '/authentication/secrets', undefined, as(token))
		expect(secrets.body).toEqual({ userSecret: client.userSecret, organizationSecret: client.organizationSecret })
		const audit = await env.DB.prepare("SELECT action FROM audit_log WHERE action LIKE '%.show' ORDER BY id").all()
		expect(audit.results).toEqual([{ action: 'user.secret.show' }, { action: 'organization.secret.show' }])
		client.world.nowMs += 14 * DAY - 1000
		expect((await client.call('GET', '/instances', undefined, as(token))).status).toBe(200)
		client.world.nowMs += 1000
		expect((await client.call('GET', '/instances', undefined, as(token))).status).toBe(401)
		await pruneAccounts(env.DB, client.world.nowMs)
		expect(await row('SELECT count(*) AS n FROM sessions')).toEqual({ n: 0 })
	})

	test('opens an instance’s calls with its token, and cannot be mixed with secrets', async () => {
		await insertInstance(client, 7)
		const token = await session()
		expect((await client.call('GET', '/instances/7/configuration', undefined, as(token))).status).toBe(200)
		expect((await client.call('GET', '/instances/8/configuration', undefined, as(token))).status).toBe(404)
		for (const authorization of [
			`Bearer ${token}, Element wrong`,
			`Bearer ${token}, User ${client.userSecret}`,
			`Bearer ${token}, Organization ${client.organizationSecret}`,
			`Bearer ${token}, Bearer ${token}`,
			`Bearer ${token}x`,
			`Bearer ${token.replace('sbs_', 'sbk_')}`,
		])
			expect((await client.call('GET', '/instances', undefined, { authorization })).status, authorization).toBe(401)
	})

	test('ends alone, or with all others', async () => {
		const [first, second, third] = [await session(), await session(), await session()]
		const listed = await client.call('GET', '/authentication/sessions', undefined, as(second))
		expect(listed.body.map((one: any) => one.current)).toEqual([false, true, false])
		expect((await client.call('DELETE', '/authentication', undefined, as(second))).status).toBe(200)
		expect((await client.call('GET', '/instances', undefined, as(second))).status).toBe(401)
		expect((await client.call('DELETE', '/authentication', undefined)).status).toBe(409)
		expect((await client.call('DELETE', '/authentication/sessions', undefined, as(first))).body).toEqual({ ended: 2 })
		for (const token of [first, third])
			expect((await client.call('GET', '/instances', undefined, as(token))).status).toBe(401)
	})

	test('is kept as a hash, and a password as scrypt with its parameters, which are raised at the next sign-in', async () => {
		await accept(invitation.token)
		const { token } = (await signIn()).body
		const kept = JSON.stringify([
			(await env.DB.prepare('SELECT * FROM sessions').all()).results,
			(await env.DB.prepare('SELECT * FROM users').all()).results,
			(await env.DB.prepare('SELECT * FROM audit_log').all()).results,
		])
		for (const secret of [token, PASSWORD, invitation.token]) expect(kept).not.toContain(secret)
		const { password } = (await row('SELECT password FROM users'))!
		expect(password).toMatch(/^scrypt\$16384\$8\$5\$[\w-]{22}\$[\w-]{43}$/)
		const { scryptSync } = await import('node:crypto')
		const salt = Buffer.alloc(16, 7)
		const old = `scrypt$1024$8$1$${salt.toString('base64url')}$${scryptSync(PASSWORD, salt, 32, { N: 1024, r: 8, p: 1 }).toString('base64url')}`
		await env.DB.prepare('UPDATE users SET password = ?').bind(old).run()
		expect((await signIn()).status).toBe(200)
		const raised = (await row('SELECT password FROM users'))!['password']
		expect(raised).toMatch(/^scrypt\$16384\$8\$5\$/)
		expect(await verifyPassword(PASSWORD, raised)).toBe(true)
	})
})

describe('signing in', () => {
	test('an unknown name, a user without a password and a wrong password are one answer', async () => {
		const unset = await signIn()
		await withPassword()
		const wrong = await signIn('wrong')
		const unknown = await signIn(PASSWORD, 'nobody@example.com')
		for (const { status, body } of [unset, wrong, unknown])
			expect([status, body.message]).toEqual([401, 'Invalid user name or password'])
		expect((await signIn(PASSWORD, ' ADMIN@example.com ')).status).toBe(200)
	})

	test.each<[unknown, RegExp]>([
		[{}, /username: .*password: /],
		[{ username: 'a', password: null }, /password: expected your password/],
		[{ username: 7, password: 'x' }, /username: expected your e-mail address/],
		[{ username: 'x'.repeat(1025), password: 'x' }, /username: expected at most 1024/],
	])('%j is a 400', async (body, message) => {
		const { status, body: answer } = await client.call('POST', '/authentication', body, { authorization: null })
		expect([status, answer.message]).toEqual([400, expect.stringMatching(message)])
	})

	test('a name is locked after ten attempts, also when they come at once; others and other names are not', async () => {
		await withPassword()
		await attempted(getAttemptSubjects('admin@example.com', '').name, MAX_ATTEMPTS_PER_NAME - 2)
		const many = await Promise.all(Array.from({ length: 5 }, () => signIn('wrong')))
		expect(many.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([401, 401, 429, 429, 429])
		const right = await signIn()
		expect(right.status).toBe(429)
		expect(Number(right.headers.get('Retry-After'))).toBe(900)
		// Not from elsewhere either, but another name from here, and what is open stays open.
		expect((await signIn(PASSWORD, 'admin@example.com', '192.0.2.99')).status).toBe(429)
		expect((await signIn(PASSWORD, 'nobody@example.com')).status).toBe(401)
		expect((await client.call('GET', '/instances')).status).toBe(200)
		// What was refused counts neither for the name nor for the address.
		expect(
			await row(
				`SELECT attempts FROM sign_in_attempts WHERE subject = '${getAttemptSubjects('', '192.0.2.1').address}'`,
			),
		).toEqual({
			attempts: 3,
		})
		client.world.nowMs += 15 * 60_000
		expect((await signIn()).status).toBe(200)
	})

	test('an address is locked after a hundred; a link unlocks the name', async () => {
		await attempted(getAttemptSubjects('', '192.0.2.1').address, MAX_ATTEMPTS_PER_ADDRESS)
		expect((await signIn()).status).toBe(429)
		expect((await signIn('wrong', 'admin@example.com', '192.0.2.2')).status).toBe(401)
		await env.DB.prepare('UPDATE sign_in_attempts SET attempts = ?').bind(MAX_ATTEMPTS_PER_ADDRESS).run()
		expect((await signIn(PASSWORD, 'admin@example.com', '192.0.2.3')).status).toBe(429)
		await accept(invitation.token)
		expect((await signIn(PASSWORD, 'admin@example.com', '192.0.2.3')).status).toBe(200)
		client.world.nowMs += 15 * 60_000
		await pruneAccounts(env.DB, client.world.nowMs)
		expect(await row('SELECT count(*) AS n FROM sign_in_attempts')).toEqual({ n: 0 })
	})
})

describe('a link', () => {
	test('sets a password once, also when it is used twice at the same time', async () => {
		const answers = await Promise.all([accept(invitation.token), accept(invitation.token, OTHER)])
		expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404])
		expect(answers.find(({ status }) => status === 200)!.body).toEqual({ username: 'admin@example.com' })
		const worked = [await signIn(), await signIn(OTHER)].filter(({ status }) => status === 200)
		expect(worked).toHaveLength(1)
		expect((await accept(invitation.token)).status).toBe(404)
	})

	test('of a reset ends every session when it is used, not before; a newer link replaces it', async () => {
		const token = await session()
		const { body: first } = await client.call('POST', '/users/1/reset', undefined, as(token))
		const { body: second } = await client.call('POST', '/users/1/reset', undefined, as(token))
		expect((await accept(first.token, OTHER)).status).toBe(404)
		expect((await signIn()).status).toBe(200)
		expect((await accept(second.token, OTHER)).status).toBe(200)
		expect((await client.call('GET', '/instances', undefined, as(token))).status).toBe(401)
		expect([(await signIn()).status, (await signIn(OTHER)).status]).toEqual([401, 200])
		// The secrets of programs are another matter.
		expect((await client.call('GET', '/instances')).status).toBe(200)
	})

	test('is over after 7 days', async () => {
		client.world.nowMs += 7 * DAY
		expect((await accept(invitation.token)).status).toBe(404)
		await runCron({ ...createServices(client.world), env })
		expect(await row('SELECT count(*) AS n FROM links')).toEqual({ n: 0 })
	})

	test.each([
		['short', 'eleven char'],
		['long', 'x'.repeat(257)],
	])('takes no password that is too %s, and stays', async (_how, password) => {
		const { status, body } = await accept(invitation.token, password)
		expect([status, body.message]).toEqual([400, 'password: expected 12 to 256 characters'])
		expect((await row('SELECT count(*) AS n FROM links'))!['n']).toBe(1)
	})

	test('opens a page that sets the password, signs in, and uses nothing before', async () => {
		const browser = new TestBrowser(client)
		const path = new URL(invitation.url).pathname
		expect(invitation.url).toBe(`https://bell.example.com/accept/${invitation.token}`)
		const opened = await browser.open(path)
		expect([opened.status, opened.headers.get('Cache-Control')]).toEqual([200, 'no-store'])
		expect(opened.html).toContain('admin@example.com')
		expect(opened.headers.get('Content-Security-Policy')).toContain("form-action 'self'")
		expect((await browser.post(path, { password: 'short', repeated: 'short' })).status).toBe(422)
		expect((await browser.post(path, { password: PASSWORD, repeated: OTHER })).html).toContain('differ')
		expect((await browser.post(path, { password: PASSWORD, repeated: PASSWORD, csrf: '' })).status).toBe(403)
		await browser.open(path)
		await browser.post(path, { password: PASSWORD, repeated: PASSWORD })
		expect((await browser.open('/account/sessions')).html).toContain('admin@example.com')
		expect((await browser.open(path)).status).toBe(404)
		expect((await browser.post(path, { password: PASSWORD, repeated: PASSWORD })).status).toBe(404)
		expect((await browser.open('/accept/x')).status).toBe(404)
		// The one way in which its address reaches the log shows nothing of the token.
		const lines = vi.spyOn(console, 'log')
		await client.send(new Request(invitation.url, { method: 'PUT' }))
		await browser.open(path)
		expect(JSON.stringify(lines.mock.calls)).toContain('/accept/sbl_…')
		expect(JSON.stringify(lines.mock.calls)).not.toContain(invitation.token)
		lines.mockRestore()
		expect((await signIn()).status).toBe(200)
	})

	test('§1.18 says for whom it is and until when, without using it', async () => {
		const open = { authorization: null }
		const { body } = await client.call('GET', `/authentication/links/${invitation.token}`, undefined, open)
		expect(body).toEqual({
			emailAddress: 'admin@example.com',
			organizationName: 'My organization',
			purpose: 'invitation',
			expiresDate: '2026-06-08T12:00:00Z',
		})
		expect((await accept(invitation.token)).status).toBe(200)
		expect((await client.call('GET', `/authentication/links/${invitation.token}`, undefined, open)).status).toBe(404)
	})
})

describe('a session without a password', () => {
	test('§1.18 is created by a caller with secrets, not by an API key', async () => {
		const { status, body } = await client.call('POST', '/authentication/sessions')
		expect([status, body.expiresDate]).toEqual([200, '2026-06-15T12:00:00Z'])
		expect((await client.call('GET', '/instances', undefined, as(body.token))).status).toBe(200)
		const key = (await client.call('POST', '/accounts/api-keys', { name: 'k', scopes: ['instances:write'] })).body.key
		expect((await client.call('POST', '/authentication/sessions', undefined, as(key))).status).toBe(403)
		const actions = await env.DB.prepare("SELECT action FROM audit_log WHERE action = 'session.create'").all()
		expect(actions.results).toHaveLength(1)
	})
})

describe('one’s own password', () => {
	const change = (token: string, current: string, password: string) =>
		client.call('PUT', '/users/me/password', { current, password }, as(token))

	test('is changed with the one so far; other sessions end', async () => {
		const [mine, other] = [await session(), await session()]
		expect((await change(mine, 'wrong', OTHER)).body.message).toBe('current: expected your current password')
		expect((await change(mine, PASSWORD, 'short')).status).toBe(400)
		expect((await client.call('GET', '/instances', undefined, as(other))).status).toBe(200)
		expect((await change(mine, PASSWORD, OTHER)).status).toBe(200)
		expect((await client.call('GET', '/instances', undefined, as(mine))).status).toBe(200)
		expect((await client.call('GET', '/instances', undefined, as(other))).status).toBe(401)
		expect([(await signIn()).status, (await signIn(OTHER)).status]).toEqual([401, 200])
	})

	test('cannot be guessed here either; without one there is nothing to change', async () => {
		expect((await client.call('PUT', '/users/me/password', { current: 'x', password: PASSWORD })).status).toBe(409)
		const token = await session()
		await attempted(getAttemptSubjects('admin@example.com', '').name, MAX_ATTEMPTS_PER_NAME - 1)
		expect((await change(token, 'wrong', OTHER)).status).toBe(400)
		expect((await change(token, PASSWORD, OTHER)).status).toBe(429)
	})
})

describe('set-up', () => {
	const setup = (body: object) =>
		client.call('POST', '//setup', body, { authorization: 'Bearer setup-token-of-the-tests' })

	test('takes the password of the first admin, or answers a link to set it', async () => {
		await resetDatabase()
		const made = await setup({ email: 'Ann@acme.example', password: PASSWORD })
		expect([made.status, made.body.invitation]).toEqual([200, null])
		expect((await signIn(PASSWORD, 'ann@acme.example')).status).toBe(200)
		await resetDatabase()
		const linked = await setup({ email: 'ann@acme.example' })
		expect((await accept(linked.body.invitation.token)).body).toEqual({ username: 'ann@acme.example' })
		await resetDatabase()
		expect((await setup({ password: 'short' })).body.message).toBe('password: expected 12 to 256 characters')
	})
})

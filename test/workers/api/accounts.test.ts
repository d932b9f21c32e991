/** The people of an organization, what each of them may, their secrets and API keys, and the log of what was done. */
import { beforeEach, describe, expect, test } from 'vitest'
import { AUDIT_RETENTION_MS } from '../../../src/accounts/audit.ts'
import { pruneAccounts } from '../../../src/accounts/prune.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
})

const all = async (sql: string) => (await env.DB.prepare(sql).all<Record<string, any>>()).results
const audit = (action: string) => all(`SELECT * FROM audit_log WHERE action = '${action}' ORDER BY id`)

/** Invites somebody and gives them a session, put into the tables: a password would cost a hash. */
async function person(
	role: string,
	email = `${role === 'admin' ? 'other-admin' : role}@example.com`,
): Promise<{ id: number; authorization: string; invitation: any }> {
	const { status, body } = await client.call('POST', '/users', { email, firstName: 'Ann', lastName: 'Lee', role })
	expect(status).toBe(200)
	const { hashSecret, newToken } = await import('../../../src/accounts/secrets.ts')
	const token = newToken('session')
	await env.DB.prepare(
		"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, ?, '', 0, ?)",
	)
		.bind(hashSecret(token), body.user.id, client.world.nowMs + DAY)
		.run()
	return { id: body.user.id, authorization: `Bearer ${token}`, invitation: body.invitation }
}

/** As if they had accepted. */
const accepted = (id: number) => env.DB.prepare("UPDATE users SET password = 'scrypt$' WHERE id = ?").bind(id).run()

async function apiKey(
	scopes: string[],
	more: object = {},
	options = {},
): Promise<{ id: number; key: string; authorization: string }> {
	const { status, body } = await client.call('POST', '/accounts/api-keys', { name: 'Export', scopes, ...more }, options)
	expect(status).toBe(200)
	return { ...body, authorization: `Bearer ${body.key}` }
}

describe('people', () => {
	test('are invited, listed, changed and removed', async () => {
		const ann = await person('developer', 'Ann@example.com')
		expect((await client.call('GET', `/users/${ann.id}`)).body).toEqual({
			id: ann.id,
			email: 'Ann@example.com',
			firstName: 'Ann',
			lastName: 'Lee',
			fullName: 'Ann Lee',
			active: false,
			role: 'developer',
			createdDate: '2026-06-01T12:00:00Z',
			passwordSet: false,
			secretSet: false,
			link: { purpose: 'invitation', expiresDate: '2026-06-08T12:00:00Z' },
		})
		expect((await client.call('GET', '/users/me', undefined, ann)).body.id).toBe(ann.id)
		const page = await client.call('GET', '/users?pageSize=1')
		expect(page.body.map((one: any) => one.id)).toEqual([1])
		const next = await client.call('GET', `/users?pageSize=1&nextPage=${page.headers.get('Elements-Next-Page-Token')}`)
		expect([next.body.map((one: any) => one.id), next.headers.get('Elements-Next-Page-Token')]).toEqual([
			[ann.id],
			null,
		])

		const changed = await client.call('PATCH', `/users/${ann.id}`, {
			email: 'a.lee@example.com',
			lastName: '<b>Li</b>',
			role: 'viewer',
		})
		expect(changed.body).toMatchObject({ email: 'a.lee@example.com', lastName: 'Li', role: 'viewer' })
		expect((await audit('user.update')).map((row) => JSON.parse(row['detail']))).toEqual([
			{ keys: ['email', 'lastName', 'role'], role: 'viewer' },
		])
		await client.call('PATCH', `/users/${ann.id}`, {})
		expect(await audit('user.update')).toHaveLength(1)

		expect((await client.call('DELETE', `/users/${ann.id}`)).status).toBe(200)
		for (const [method, path] of [
			['GET', ''],
			['PATCH', ''],
			['DELETE', ''],
			['POST', '/reset'],
			['GET', '/secrets'],
			['DELETE', '/secrets'],
		])
			expect(
				(await client.call(method!, `/users/${ann.id}${path}`, method === 'PATCH' ? {} : undefined)).status,
				`${method} ${path}`,
			).toBe(404)
		expect(await audit('user.delete')).toHaveLength(1)
	})

	test.each<[string, object, RegExp]>([
		['no address', { email: 'nobody' }, /^email: expected an e-mail address/],
		['no name', { firstName: ' <br> ' }, /^firstName: expected 1 to 255 characters/],
		['too long a name', { lastName: 'x'.repeat(256) }, /^lastName: expected 1 to 255 characters/],
		['an unknown role', { role: 'owner' }, /^role: expected viewer, developer, admin/],
	])('%s is a 400, and nobody is invited', async (_name, wrong, message) => {
		const sent = { email: 'ann@example.com', firstName: 'Ann', lastName: 'Lee', ...wrong }
		const { status, body } = await client.call('POST', '/users', sent)
		expect([status, body.message]).toEqual([400, expect.stringMatching(message)])
		expect(await all('SELECT id FROM users')).toHaveLength(1)
	})

	test('who accepts has a password and a secret, also by a second invitation', async () => {
		const ann = await person('developer')
		const second = await client.call('POST', `/users/${ann.id}/reset`)
		const shown = async () => (await client.call('GET', `/users/${ann.id}`)).body
		expect(await shown()).toMatchObject({ passwordSet: false, secretSet: false, link: { purpose: 'invitation' } })
		await client.call(
			'POST',
			'/authentication/accept',
			{ token: second.body.token, password: 'x'.repeat(12) },
			{ authorization: null },
		)
		expect(await shown()).toMatchObject({ passwordSet: true, secretSet: true, link: null })
		const { secret } = (await client.call('GET', `/users/${ann.id}/secrets`)).body
		const authorization = `User ${secret}, Organization ${client.organizationSecret}`
		expect((await client.call('GET', '/users/me', undefined, { authorization })).body.id).toBe(ann.id)
		expect(await audit('user.accept')).toMatchObject([{ user_id: ann.id, object_id: ann.id }])
	})

	test('an address is one person’s, in any case, until they are removed', async () => {
		const ann = await person('developer', 'ann@example.com')
		const again = () => client.call('POST', '/users', { email: 'ANN@example.com', firstName: 'A', lastName: 'L' })
		expect((await again()).status).toBe(409)
		expect((await client.call('PATCH', '/users/1', { email: 'ann@Example.com' })).status).toBe(409)
		await client.call('DELETE', `/users/${ann.id}`)
		expect((await again()).body.user.role).toBe('developer')
		expect(await audit('user.invite')).toHaveLength(2)
	})

	test('an invitation that nobody has accepted holds no address: it ends when a user gets its address', async () => {
		const invite = async (email: string) =>
			(await client.call('POST', '/users', { email, firstName: 'I', lastName: 'N', role: 'viewer' })).body
		const accept = (token: string) =>
			client.call('POST', '/authentication/accept', { token, password: 'x'.repeat(12) }, { authorization: null })
		const pending = await invite('new@example.com')
		const { status, body } = await client.call('PATCH', '/users/1', { email: 'New@example.com' })
		expect([status, body.email]).toEqual([200, 'New@example.com'])
		// Its link is void, and so is its user.
		expect((await accept(pending.invitation.token)).status).toBe(404)
		expect((await client.call('GET', `/users/${pending.user.id}`)).status).toBe(404)
		expect(await audit('user.delete')).toMatchObject([{ object_id: pending.user.id, user_id: 1 }])
		// An invited user who gets the address of another invitation ends that one too.
		const [first, second] = [await invite('first@example.com'), await invite('second@example.com')]
		expect((await client.call('PATCH', `/users/${first.user.id}`, { email: 'second@example.com' })).status).toBe(200)
		expect((await accept(second.invitation.token)).status).toBe(404)
		expect((await accept(first.invitation.token)).body).toEqual({ username: 'second@example.com' })
		// A refused change ends none, and an address whose link was used is taken.
		const third = await invite('third@example.com')
		await accepted(1)
		const demoted = await client.call('PATCH', '/users/1', { email: 'third@example.com', role: 'viewer' })
		expect([demoted.status, demoted.body.message]).toEqual([409, expect.stringMatching(/without an admin/)])
		expect((await client.call('GET', `/users/${third.user.id}`)).body.link.purpose).toBe('invitation')
		expect((await accept(third.invitation.token)).status).toBe(200)
		expect((await client.call('PATCH', '/users/1', { email: 'third@example.com' })).status).toBe(409)
	})

	test('who is removed can do nothing any more; what they made stays and shows their name', async () => {
		const ann = await person('developer')
		await insertInstance(client, 7, { user_id: ann.id, token_sealed: await sealed(7) })
		await client.call('POST', `/users/${ann.id}/secrets/rotate`)
		const { secret } = (await client.call('GET', `/users/${ann.id}/secrets`)).body
		const key = await apiKey(['instances:read'], {}, ann)
		const authorizations = [
			ann.authorization,
			key.authorization,
			`User ${secret}, Organization ${client.organizationSecret}`,
		]
		const statuses = async () =>
			await Promise.all(
				authorizations.map(
					async (authorization) => (await client.call('GET', '/instances', undefined, { authorization })).status,
				),
			)
		expect(await statuses()).toEqual([200, 200, 200])
		await client.call('DELETE', `/users/${ann.id}`)
		expect(await statuses()).toEqual([401, 401, 401])
		expect(
			(await client.call('POST', '/authentication/accept', { token: ann.invitation.token, password: 'x'.repeat(12) }))
				.status,
		).toBe(404)
		expect((await client.call('GET', '/instances/7')).body.user).toEqual({
			id: ann.id,
			emailAddress: 'developer@example.com',
			firstName: 'Ann',
			lastName: 'Lee',
		})
	})

	test('the last admin is neither removed nor demoted, also when two go at once', async () => {
		for (const [method, body] of [['DELETE'], ['PATCH', { role: 'viewer' }]] as const)
			expect((await client.call(method, '/users/1', body)).status).toBe(409)
		// Invited is not enough: nobody knows that they will ever come.
		const ann = await person('admin')
		expect((await client.call('DELETE', '/users/1')).status).toBe(409)
		await accepted(ann.id)
		const both = await Promise.all([
			client.call('DELETE', '/users/1'),
			client.call('PATCH', `/users/${ann.id}`, { role: 'developer' }),
		])
		expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
		expect(await all("SELECT id FROM users WHERE role = 'admin' AND deleted_ms IS NULL")).toHaveLength(1)
	})

	test('another organization’s do not exist', async () => {
		const authorization = await addOrganization(2)
		const ann = await person('developer')
		const key = await apiKey(['hub:read'])
		for (const [method, path, body] of [
			['GET', `/users/${ann.id}`],
			['PATCH', `/users/${ann.id}`, { role: 'admin' }],
			['DELETE', `/users/${ann.id}`],
			['POST', `/users/${ann.id}/reset`],
			['GET', `/users/${ann.id}/secrets`],
			['POST', `/users/${ann.id}/secrets/rotate`, {}],
			['DELETE', `/users/${ann.id}/secrets`],
			['DELETE', `/accounts/api-keys/${key.id}`],
			['GET', '/accounts/1'],
			['PATCH', '/accounts/1', { name: 'Mine' }],
		] as const)
			expect((await client.call(method, path, body, { authorization })).status, `${method} ${path}`).toBe(404)
		expect((await client.call('GET', '/users', undefined, { authorization })).body.map((one: any) => one.id)).toEqual([
			2,
		])
		expect((await client.call('GET', '/accounts/api-keys', undefined, { authorization })).body).toEqual([])
		expect((await client.call('GET', '/accounts/audit', undefined, { authorization })).body).toEqual([])
		expect(await all('SELECT id FROM audit_log WHERE organization_id = 2')).toEqual([])
		expect((await client.call('GET', '/users', undefined)).body.map((one: any) => one.role)).toEqual([
			'admin',
			'developer',
		])
	})
})

describe('roles', () => {
	test('a viewer reads and sees no secret', async () => {
		const viewer = await person('viewer')
		await insertInstance(client, 7, { token_sealed: await sealed(7) })
		expect((await client.call('GET', '/instances/7', undefined, viewer)).body.token).toBe('********')
		expect((await client.call('GET', '/instances', undefined, viewer)).body[0].token).toBe('********')
		expect((await client.call('GET', '/instances/7')).body.token).toBe('the token of 7')
		for (const path of [
			'/users',
			'/accounts',
			'/accounts/settings',
			'/instances/7/configuration',
			'/authentication/sessions',
		])
			expect((await client.call('GET', path, undefined, viewer)).status, path).toBe(200)
		for (const [method, path, body] of [
			['GET', '/users/me/secrets'],
			['GET', '/accounts/secrets'],
			['GET', '/authentication/secrets'],
			['GET', '/accounts/api-keys'],
			['GET', '/accounts/audit'],
			['POST', '/accounts/api-keys', { name: 'x', scopes: ['hub:read'] }],
			['PATCH', '/instances/7', { name: 'x' }],
			['DELETE', '/instances/7'],
			['PUT', '/instances/99/enabled'],
			['POST', '/users', { email: 'a@b.example', firstName: 'A', lastName: 'B' }],
			['PATCH', '/users/1', { firstName: 'x' }],
			['PATCH', '/users/me', { role: 'admin' }],
			['PATCH', '/accounts/settings', {}],
		] as const) {
			const { status, body: answer } = await client.call(method, path, body, viewer)
			expect([status, answer.message], `${method} ${path}`).toEqual([
				403,
				expect.stringMatching(/^This call requires the role (developer or above|admin); yours is viewer$/),
			])
		}
		expect((await client.call('PATCH', '/users/me', { firstName: 'Anna' }, viewer)).body.firstName).toBe('Anna')
	})

	test('a developer works, with their own keys and secret only', async () => {
		const developer = await person('developer')
		await insertInstance(client, 7, { token_sealed: await sealed(7) })
		expect((await client.call('GET', '/instances/7', undefined, developer)).body.token).toBe('the token of 7')
		const [mine, other] = [await apiKey(['hub:read'], {}, developer), await apiKey(['hub:read'])]
		expect(
			(await client.call('GET', '/accounts/api-keys', undefined, developer)).body.map((one: any) => one.id),
		).toEqual([mine.id])
		expect((await client.call('DELETE', `/accounts/api-keys/${other.id}`, undefined, developer)).status).toBe(404)
		expect((await client.call('DELETE', `/accounts/api-keys/${mine.id}`, undefined, developer)).status).toBe(200)
		expect((await client.call('GET', '/users/me/secrets', undefined, developer)).body).toEqual({
			secret: null,
			previousUntil: null,
		})
		for (const [method, path] of [
			['GET', '/users/1/secrets'],
			['DELETE', '/users/1'],
			['DELETE', '/accounts/secrets'],
			['GET', '/accounts/audit'],
			['POST', '/users/me/reset'],
		])
			expect((await client.call(method!, path!, undefined, developer)).status, `${method} ${path}`).toBe(403)
	})
})

describe('secrets', () => {
	const opens = async (userSecret: string, organizationSecret = client.organizationSecret) =>
		(
			await client.call('GET', '/instances', undefined, {
				authorization: `User ${userSecret}, Organization ${organizationSecret}`,
			})
		).status

	test.each(['/users/me/secrets', '/accounts/secrets'])(
		'%s: shown, rotated at once or with grace, revoked',
		async (path) => {
			const first = path.startsWith('/users') ? client.userSecret : client.organizationSecret
			const works = (secret: string) => (path.startsWith('/users') ? opens(secret) : opens(client.userSecret, secret))
			const admin = await person('admin')
			await accepted(admin.id)
			const call = (method: string, rest = '', body?: unknown) =>
				client.call(method, path.replace('me', '1') + rest, body, admin)
			expect((await call('GET')).body).toEqual({ secret: first, previousUntil: null })
			const { body: second } = await call('POST', '/rotate', { grace: 3600 })
			expect(second.previousUntil).toBe('2026-06-01T13:00:00Z')
			expect([await works(first), await works(second.secret)]).toEqual([200, 200])
			// What was promised to the first one holds: there is no second rotation with grace meanwhile.
			client.world.nowMs += HOUR - 1
			expect((await call('POST', '/rotate', { grace: 60 })).body.message).toMatch(
				/^The previous secret is still accepted/,
			)
			expect([await works(first), await works(second.secret)]).toEqual([200, 200])
			client.world.nowMs -= HOUR - 1
			client.world.nowMs += HOUR
			expect([await works(first), await works(second.secret)]).toEqual([401, 200])
			const { body: third } = await call('POST', '/rotate')
			expect([await works(second.secret), await works(third.secret)]).toEqual([401, 200])
			expect((await call('GET')).body).toEqual({ secret: third.secret, previousUntil: null })
			expect((await call('DELETE')).status).toBe(200)
			expect(await works(third.secret)).toBe(401)
			expect((await call('GET')).body).toEqual({ secret: null, previousUntil: null })
			const kind = path.startsWith('/users') ? 'user' : 'organization'
			for (const [verb, times] of [
				['show', 2],
				['rotate', 2],
				['revoke', 1],
			] as const)
				expect(await audit(`${kind}.secret.${verb}`), verb).toHaveLength(times)
			for (const grace of [-1, 604_801, 1.5, '60', null])
				expect((await call('POST', '/rotate', { grace })).body.message).toBe(
					'grace: expected whole seconds from 0 to 604800',
				)
		},
	)

	test('of two rotations at once one wins and the other is refused', async () => {
		const answers = await Promise.all([1, 2].map(() => client.call('POST', '/users/me/secrets/rotate')))
		expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
		expect(await opens(answers.find(({ status }) => status === 200)!.body.secret)).toBe(200)
	})

	test('nobody shuts themselves out', async () => {
		for (const path of ['/users/me/secrets', '/accounts/secrets'])
			expect((await client.call('DELETE', path)).status).toBe(409)
		expect(await opens(client.userSecret)).toBe(200)
		await accepted(1)
		expect((await client.call('DELETE', '/accounts/secrets')).status).toBe(200)
	})
})

describe('API keys', () => {
	test('may what their scopes name, and are kept as hashes', async () => {
		await insertInstance(client, 7, { token_sealed: await sealed(7), token_hash: await hashed('the token of 7') })
		const made = await apiKey(['instances:read', 'accounts:write', 'instances:read'])
		expect(made.key).toMatch(/^sbk_[\w-]{43}$/)
		expect(made).toMatchObject({
			name: 'Export',
			hint: made.key.slice(-4),
			scopes: ['instances:read', 'accounts:write'],
			expiresDate: null,
			lastUsedDate: null,
		})
		expect((await client.call('GET', '/instances/7', undefined, made)).status).toBe(200)
		expect(
			(
				await client.call('GET', '/instances/configuration', undefined, {
					authorization: `Element the-token, ${made.authorization}`,
				})
			).status,
		).toBe(401)
		const refused = await client.call('PATCH', '/instances/7', { name: 'x' }, made)
		expect([refused.status, refused.body.message]).toEqual([
			403,
			'This API key does not have the scope instances:write',
		])
		for (const [method, path, body] of [
			['GET', '/users/me/secrets'],
			['POST', '/accounts/api-keys', { name: 'More', scopes: ['hub:write'] }],
			['POST', '/users', { email: 'a@b.example', firstName: 'A', lastName: 'B', role: 'admin' }],
			['POST', '/users/1/reset'],
			['PATCH', '/users/1', { role: 'admin' }],
			['GET', '/authentication/secrets'],
			['DELETE', '/authentication/sessions'],
		] as const)
			expect((await client.call(method, path, body, made)).body.message, `${method} ${path}`).toMatch(
				/^API keys cannot make this call/,
			)
		expect((await client.call('PATCH', '/users/1', { firstName: 'Ann' }, made)).status).toBe(200)
		expect(JSON.stringify([await all('SELECT * FROM api_keys'), await all('SELECT * FROM audit_log')])).not.toContain(
			made.key,
		)
		expect((await client.call('DELETE', `/accounts/api-keys/${made.id}`)).status).toBe(200)
		expect((await client.call('GET', '/instances', undefined, made)).status).toBe(401)
		expect((await client.call('DELETE', `/accounts/api-keys/${made.id}`)).status).toBe(404)
	})

	test('with an Element token make calls about that store', async () => {
		await insertInstance(client, 7, { token_sealed: await sealed(7), token_hash: await hashed('token-7') })
		const made = await apiKey(['instances:read'])
		const authorization = `${made.authorization}, Element token-7`
		expect((await client.call('GET', '/instances/configuration', undefined, { authorization })).status).toBe(200)
		expect((await client.call('GET', '/orders', undefined, { authorization })).body.message).toBe(
			'This API key does not have the scope hub:read',
		)
	})

	test('never may more than their maker', async () => {
		const ann = await person('developer')
		const made = await apiKey(['accounts:write', 'instances:write'], {}, ann)
		await insertInstance(client, 7)
		expect((await client.call('PATCH', '/accounts/settings', {}, made)).status).toBe(403)
		expect((await client.call('PATCH', '/instances/7', { tags: ['x'] }, made)).status).not.toBe(403)
		await client.call('PATCH', `/users/${ann.id}`, { role: 'viewer' })
		expect((await client.call('PATCH', '/instances/7', { tags: ['x'] }, made)).status).toBe(403)
	})

	test('expire', async () => {
		const [byDate, byDays] = [
			await apiKey(['instances:read'], { expiresDate: '2026-06-02T12:00:00Z' }),
			await apiKey(['instances:read'], { expiresDays: 2 }),
		]
		client.world.nowMs += DAY
		const late = await client.call('GET', '/instances', undefined, byDate)
		expect([late.status, late.body.message]).toEqual([401, 'Authorization: this API key has expired'])
		expect((await client.call('GET', '/instances', undefined, byDays)).status).toBe(200)
		expect((await client.call('GET', '/accounts/api-keys')).body).toMatchObject([
			{ expired: true },
			{ expired: false, expiresDate: '2026-06-03T12:00:00Z' },
		])
	})

	test('note when they were last used, at most hourly', async () => {
		const made = await apiKey(['instances:read'])
		const used = async () => (await client.call('GET', '/accounts/api-keys')).body[0].lastUsedDate
		await client.call('GET', '/instances', undefined, made)
		expect(await used()).toBe('2026-06-01T12:00:00Z')
		client.world.nowMs += HOUR - 1000
		await client.call('GET', '/instances', undefined, made)
		expect(await used()).toBe('2026-06-01T12:00:00Z')
		client.world.nowMs += 1000
		await client.call('GET', '/instances', undefined, made)
		expect(await used()).toBe('2026-06-01T13:00:00Z')
	})

	test.each<[string, object, RegExp]>([
		['no scope', { scopes: [] }, /^scopes: expected at least one of instances:read/],
		['an unknown scope', { scopes: ['authentication:read'] }, /^scopes.0: expected one of/],
		['no list', { scopes: 'hub:read' }, /^scopes: expected a list of/],
		['no name', { name: '' }, /^name: expected 1 to 255/],
		['a time that is over', { expiresDate: '2026-05-01' }, /^expiresDate: expected a time in the future/],
		['a blank', { expiresDate: '' }, /^expiresDate: expected a time such as/],
		['no time', { expiresDate: 'soon' }, /^expiresDate: expected a time such as/],
		['two times', { expiresDate: '2026-07-01', expiresDays: 1 }, /^expiresDays: expected one of/],
		['no days', { expiresDays: 0 }, /^expiresDays: expected days from 1 to 3650/],
	])('%s is a 400', async (_name, wrong, message) => {
		const { status, body } = await client.call('POST', '/accounts/api-keys', {
			name: 'x',
			scopes: ['hub:read'],
			...wrong,
		})
		expect([status, body.message]).toEqual([400, expect.stringMatching(message)])
		expect(await all('SELECT id FROM api_keys')).toEqual([])
	})
})

describe('the account', () => {
	test('is the caller’s own, and has a name', async () => {
		expect((await client.call('GET', '/accounts')).body).toEqual([
			{
				id: 1,
				name: 'My organization',
				companyId: 1,
				active: true,
				defaultAccount: true,
				createdDate: '2026-06-01T12:00:00Z',
			},
		])
		expect((await client.call('PATCH', '/accounts/1', { name: '<i>Acme</i>' })).body.name).toBe('Acme')
		await client.call('PATCH', '/accounts/1', { name: 'Acme' })
		expect(await audit('organization.update')).toHaveLength(1)
		expect((await client.call('PATCH', '/accounts/1', { name: 'x'.repeat(256) })).body.message).toBe(
			'name: expected 1 to 255 characters',
		)
		expect((await client.call('GET', '/accounts/2')).status).toBe(404)
	})

	test('the audit log says who, when and what, newest first, in pages and by filters', async () => {
		const ann = await person('developer')
		client.world.nowMs += 1000
		const { id } = await apiKey(['hub:read'], {}, ann)
		client.world.nowMs += 1000
		const renamed = await client.call('PATCH', '/accounts/1', { name: 'Acme' })
		const list = async (query: string) => await client.call('GET', `/accounts/audit?${query}`)
		const actions = async (query: string) => (await list(query)).body.map((one: any) => one.action)
		expect((await list('')).body.slice(0, 2)).toEqual([
			{
				id: expect.any(Number),
				date: '2026-06-01T12:00:02Z',
				user: { id: 1, email: 'admin@example.com' },
				action: 'organization.update',
				object: { type: 'organization', id: 1 },
				detail: { keys: ['name'] },
				requestId: renamed.headers.get('Elements-Request-Id'),
			},
			expect.objectContaining({
				action: 'api-key.create',
				user: { id: ann.id, email: 'developer@example.com' },
				object: { type: 'api-key', id },
			}),
		])
		expect(await actions('')).toEqual(['organization.update', 'api-key.create', 'user.invite', 'organization.create'])
		expect(await actions(`userId=${ann.id}`)).toEqual(['api-key.create'])
		expect(await actions('action=user.invite')).toEqual(['user.invite'])
		expect(await actions('objectType=organization&objectId=1')).toEqual(['organization.update', 'organization.create'])
		expect(await actions('objectType=organization&objectId=1&action=organization.create')).toEqual([
			'organization.create',
		])
		expect(await actions('from=2026-06-01T12:00:01Z&to=2026-06-01T12:00:02Z')).toEqual(['api-key.create'])
		for (const [query, message] of [
			['from=2026-06-02&to=2026-06-01', 'to: expected a time after from'],
			['from=soon', 'from: expected a time such as 2026-01-31T12:00:00Z, between 1970 and 9999'],
			['objectType=shop', 'objectType: expected organization, instance, user, api-key, session'],
			['userId=x', 'userId: expected a positive whole number'],
			[`action=${'x'.repeat(65)}`, 'action: expected at most 64 characters'],
			['nextPage=x', 'nextPage: expected the Elements-Next-Page-Token of an earlier response'],
		])
			expect((await list(query!)).body.message).toBe(message)
		const seen: string[] = []
		let token: string | null = ''
		for (let pages = 0; token !== null && pages < 9; pages++) {
			const page = await list(`pageSize=1${token === '' ? '' : `&nextPage=${token}`}`)
			expect(page.body).toHaveLength(1)
			seen.push(page.body[0].action)
			token = page.headers.get('Elements-Next-Page-Token')
		}
		expect(seen).toEqual(['organization.update', 'api-key.create', 'user.invite', 'organization.create'])
	})

	test('a page of the audit log reads no more than it must, and the cron takes old rows away, some at a time', async () => {
		const nowMs = client.world.nowMs
		await env.DB.prepare(
			`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
			INSERT INTO audit_log (organization_id, user_id, at_ms, action, object_type, object_id, detail) SELECT 1, 1, ?1 + i, iif(i = 1, 'rare', 'common'), 'instance', i, '{}' FROM n`,
		)
			.bind(nowMs)
			.run()
		const { listAuditRows } = await import('../../../src/accounts/audit.ts')
		let reads = 0
		const counting = {
			prepare: (sql: string) => ({
				bind: (...values: unknown[]) => ({
					all: async () => {
						const result = await env.DB.prepare(sql)
							.bind(...values)
							.all()
						reads = result.meta.rows_read
						return result
					},
				}),
			}),
		} as unknown as D1Database
		const none = { fromMs: null, toMs: null, userId: null, action: null, objectType: null, objectId: null }
		await listAuditRows(counting, 1, none, 20, null)
		expect(reads).toBeLessThanOrEqual(45)
		await listAuditRows(counting, 1, { ...none, objectType: 'instance', objectId: 5 }, 20, null)
		expect(reads).toBeLessThanOrEqual(5)
		// Looking for what is rare ends after a thousand rows, and goes on where it stopped.
		let position = null
		const found: string[] = []
		for (let pages = 0; pages < 4; pages++) {
			const page = await listAuditRows(counting, 1, { ...none, action: 'rare' }, 20, position)
			expect(reads).toBeLessThanOrEqual(2100)
			found.push(...page.rows.map((row) => row.action))
			position = page.next
		}
		expect([found, position]).toEqual([['rare'], null])

		await pruneAccounts(env.DB, nowMs + AUDIT_RETENTION_MS + 700, 500)
		expect(await all('SELECT count(*) AS n FROM audit_log')).toEqual([{ n: 2501 }])
		for (let rounds = 0; rounds < 3; rounds++) await pruneAccounts(env.DB, nowMs + AUDIT_RETENTION_MS + 700, 500)
		expect((await all('SELECT min(at_ms) AS oldest FROM audit_log'))[0]!['oldest']).toBe(nowMs + 700)
	})
})

test('a secret that cannot be decrypted is named, not shown and not audited', async () => {
	for (const path of ['/users/me/secrets', '/accounts/secrets', '/authentication/secrets']) {
		client.world.settings = { MASTER_KEYS: `other:${Buffer.alloc(32, 9).toString('base64')}` }
		const { status, body } = await client.call('GET', path)
		expect([path, status]).toEqual([path, 500])
		expect(body.message).toMatch(/^The secret of .+ cannot be decrypted: MASTER_KEYS lacks the key test/)
	}
	expect(await all("SELECT * FROM audit_log WHERE action LIKE '%.show'")).toEqual([])
})

async function sealed(id: number): Promise<string> {
	const { instanceSecret, sealSecret } = await import('../../../src/lib/sealing.ts')
	return await sealSecret(
		env.MASTER_KEYS,
		`the token of ${id}`,
		instanceSecret({ id, incarnation: String(id) }, 'token'),
	)
}

async function hashed(token: string): Promise<string> {
	const { hashSecret } = await import('../../../src/accounts/secrets.ts')
	return hashSecret(token)
}

/** Nobody reaches what is not theirs: every call, tried with ids of others and with authorizations that do not open it, finds nothing and changes nothing. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Operation, getRequiredRole, getRequiredScope, SCOPES } from '../../../src/api/http/contract.ts'
import { operations } from '../../../src/api/operations.ts'
import { hashSecret, newSecret, newToken } from '../../../src/accounts/secrets.ts'
import { toInstanceBody } from '../../support/contract-world.ts'
import { env } from '../api/harness.ts'
import { openApiDocument } from './document.ts'
import {
	BASE_PATH,
	fillPath,
	type ApiRequest,
	type ContractWorld,
	pathParametersFor,
	createContractWorld,
} from './world.ts'

let house: ContractWorld

beforeAll(async () => {
	house = await createContractWorld()
}, 60_000)
beforeEach(() => house.reached.clear())

const all = Object.entries(operations as Record<string, Operation>).map(([id, one]) => ({
	id,
	one,
	path: `${one.root ? '' : BASE_PATH}${one.path}`,
}))

/** Everything of an organization that is kept in these tables of D1. */
async function rowsOf(organization: number, tables: readonly string[]): Promise<string> {
	const rows = await env.DB.batch(
		tables.map((table) =>
			env.DB.prepare(`SELECT * FROM ${table} WHERE ${table === 'organizations' ? 'id' : 'organization_id'} = ?`).bind(
				organization,
			),
		),
	)
	return JSON.stringify(rows.map(({ results }) => results))
}

/** Everything of theirs. */
const theirRows = () =>
	rowsOf(2, [
		'organizations',
		'users',
		'instances',
		'subscriptions',
		'account_settings',
		'audit_log',
		'sessions',
		'links',
		'api_keys',
		'idempotency',
	])

/** Everything of mine that somebody else could change. */
const myRows = () =>
	rowsOf(1, [
		'organizations',
		'users',
		'instances',
		'subscriptions',
		'account_settings',
		'sessions',
		'links',
		'idempotency',
	])

function asked(one: Operation, path: string, authorization: string): ApiRequest {
	const declared = openApiDocument.paths[path]![one.method]!
	return {
		method: one.method.toUpperCase(),
		path,
		headers: { Authorization: authorization },
		...(declared.requestBody === undefined ? {} : { body: JSON.stringify(one.example ?? {}) }),
	}
}

/** `store`: nor is their store asked. */
async function nothingReached(call: ApiRequest, statuses: readonly number[], store = false): Promise<void> {
	const before = await theirRows()
	const answer = await house.send(call)
	const shown = `${call.method} ${call.path} → ${answer.status} ${answer.text.slice(0, 200)}`
	expect(answer.violation, shown).toBeNull()
	expect(statuses, shown).toContain(answer.status)
	expect([...house.reached], shown).not.toContain(house.other.ids['instance'])
	if (store) expect([...house.reached], shown).not.toContain(house.other.ids['store'])
	expect(answer.text, shown).not.toContain(house.other.token)
	expect(await theirRows(), shown).toBe(before)
}

/** Words in braces that name nothing of an organization. */
const COMMON = new Set(['keyOrId', 'configId', 'resource', 'objectId', 'hub', 'sub', 'state'])

describe('ids of another organization in the path', () => {
	const named = all.filter(
		({ one, path }) =>
			one.access !== 'public' && Object.keys(pathParametersFor(path, {})).some((name) => !COMMON.has(name)),
	)
	test.each(named)('$id', async ({ one, path }) => {
		const { own: mine, other: theirs } = house
		const call = asked(one, path, one.access === 'token' ? mine.tokenAuthorization : mine.authorization)
		const at = { ...call, path: fillPath(path, pathParametersFor(path, theirs.ids)) }
		// What is in a store is the token's: a number means something of one's own there, or nothing.
		if (one.tag === 'Hub') await nothingReached(at, [200, 400, 403, 404, 405, 409], true)
		else await nothingReached(at, [400, 403, 404])
	})
})

/** Operations that answer everybody. What they need to know of a caller stands in the request itself: a password, a link, a signature. */
const PUBLIC = [
	'acceptLink',
	'getDocument',
	'getLink',
	'healthz',
	'probeReceiver',
	'probeReceiverOfInstance',
	'receiveDelivery',
	'receiveDeliveryOfInstance',
	'setup',
	'signIn',
]

test('what needs no authorization is listed here', () => {
	expect(
		all
			.filter(({ one }) => one.access === 'public')
			.map(({ id }) => id)
			.sort(),
	).toEqual(PUBLIC)
})

/** What was there once: an instance, a subscription, a user with a secret, an API key and a session. */
interface Former {
	ids: Record<string, string>
	/** Authorizations that open nothing, by what they are. */
	authorizations: Record<string, string>
}

/** Makes all of it, and deletes it. */
async function createFormer({ own: mine, other: theirs, send, session, key, store }: ContractWorld): Promise<Former> {
	const ask = async (method: string, path: string, body?: object): Promise<any> => {
		const headers = { Authorization: mine.authorization }
		const rest = body === undefined ? {} : { body: JSON.stringify(body) }
		const answer = await send({ method, path: `${BASE_PATH}${path}`, headers, ...rest })
		expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
		return answer.body
	}
	const instance = await ask('POST', '/instances', toInstanceBody(store))
	const posted = await ask('POST', '/notifications', { topic: 'stock.low', message: { left: 2 } })
	const subscription = await ask('POST', '/notifications/subscriptions', {
		topics: [`instance-${instance.id}-woocommercerest-events`],
		config: { url: 'https://callback.example.com/hook/former' },
	})
	const [userSecret, oldSecret, newerKey] = [newSecret(), newSecret(), await key(SCOPES)]
	await env.DB.batch([
		env.DB.prepare(
			"INSERT INTO users (id, organization_id, email, first_name, last_name, role, secret_hash, secret_sealed, created_ms) VALUES (7, 1, 'ex@example.com', 'E', 'X', 'admin', ?, '', 0)",
		).bind(hashSecret(userSecret)),
		env.DB.prepare('UPDATE users SET previous_secret_hash = ?, previous_secret_until_ms = 1 WHERE id = 1').bind(
			hashSecret(oldSecret),
		),
	])
	const sessions = { ofUser: await session(7), expired: await session(), ended: await session() }
	const keys = { expired: await key(SCOPES), deleted: newerKey }
	await env.DB.batch([
		env.DB.prepare('UPDATE sessions SET expires_ms = 1 WHERE token_hash = ?').bind(hashSecret(sessions.expired)),
		env.DB.prepare('DELETE FROM sessions WHERE token_hash = ?').bind(hashSecret(sessions.ended)),
		env.DB.prepare('UPDATE api_keys SET expires_ms = 1 WHERE key_hash = ?').bind(hashSecret(keys.expired)),
	])
	const apiKey = await env.DB.prepare('SELECT id FROM api_keys WHERE key_hash = ?')
		.bind(hashSecret(keys.deleted))
		.first<{ id: number }>()
	await ask('DELETE', `/accounts/api-keys/${apiKey!.id}`)
	await ask('DELETE', '/users/7')
	await ask('DELETE', `/notifications/subscriptions/${subscription.id}`)
	await ask('DELETE', `/instances/${instance.id}`)
	const organization = mine.authorization.split(', ')[1]!
	return {
		ids: {
			...mine.ids,
			instance: String(instance.id),
			notification: `${instance.id}000000001`,
			subscription: String(subscription.id),
			callback: String(instance.subscriptionId),
			event: mine.ids['event']!,
			posted: String(posted.id),
			user: '7',
			apiKey: String(apiKey!.id),
		},
		authorizations: {
			'my user and their element token': `User ${mine.user}, Element ${theirs.token}`,
			'my user and their organization': `User ${mine.user}, ${theirs.authorization.split(', ')[1]!}`,
			'all of mine beside their element token': `${mine.authorization}, Element ${theirs.token}`,
			'the element token of a deleted instance': `User ${mine.user}, Element ${instance.token}`,
			'all of mine beside the element token of a deleted instance': `${mine.authorization}, Element ${instance.token}`,
			'an expired session': `Bearer ${sessions.expired}`,
			'an ended session': `Bearer ${sessions.ended}, Element ${mine.token}`,
			'a session of a deleted user': `Bearer ${sessions.ofUser}`,
			'an expired API key': `Bearer ${keys.expired}, Element ${mine.token}`,
			'a deleted API key': `Bearer ${keys.deleted}, Element ${mine.token}`,
			'a secret after its grace period': `User ${oldSecret}, ${organization}`,
			'a secret of a deleted user': `User ${userSecret}, ${organization}, Element ${mine.token}`,
		},
	}
}

describe('what was there once', () => {
	let former: Former
	beforeAll(async () => {
		former = await createFormer(house)
	})

	describe('pieces of another organization’s authorization, and credentials that were revoked, expired or deleted §1.7', () => {
		test.each(all.filter(({ one }) => one.access !== 'public').map((each, index) => ({ ...each, index })))(
			'$id',
			async ({ one, path, index }) => {
				const before = [await theirRows(), await myRows()]
				for (const [kind, authorization] of Object.entries(former.authorizations)) {
					const call = asked(one, path, authorization)
					const { ids } = kind.includes('their') ? house.other : house.own
					// From an address each: failures are counted, and refused in their turn.
					const headers = { ...call.headers, 'CF-Connecting-IP': `192.0.2.${index}` }
					const answer = await house.send({ ...call, headers, path: fillPath(path, pathParametersFor(path, ids)) })
					expect([answer.status, answer.violation], `${kind}: ${answer.text.slice(0, 200)}`).toEqual([401, null])
				}
				expect([...house.reached]).toEqual([])
				expect([await theirRows(), await myRows()]).toEqual(before)
			},
		)
	})

	describe('ids of what was deleted in the path', () => {
		const named = all.filter(({ one, path }) => {
			const parameters = (ids: Record<string, string>) => JSON.stringify(pathParametersFor(path, ids))
			const [alive, dead] = [['instance', 'notification', 'subscription', 'callback', 'user', 'apiKey'], ['dead']]
			const toIds = (marks: string[]) => Object.fromEntries(alive.map((name) => [name, marks[0]!]))
			return one.access !== 'public' && parameters(toIds(alive)) !== parameters(toIds(dead))
		})
		test.each(named)('$id', async ({ one, path }) => {
			const { own: mine } = house
			const call = asked(one, path, one.access === 'token' ? mine.tokenAuthorization : mine.authorization)
			const before = await myRows()
			const answer = await house.send({ ...call, path: fillPath(path, pathParametersFor(path, former.ids)) })
			expect([answer.status, answer.violation], answer.text.slice(0, 200)).toEqual([404, null])
			expect(await myRows()).toBe(before)
		})
	})

	test('a link that has expired or was replaced sets no password', async () => {
		const [expired, replaced] = [newToken('link'), newToken('link')]
		await env.DB.prepare(
			"INSERT OR REPLACE INTO links (user_id, organization_id, token_hash, purpose, created_ms, expires_ms) VALUES (9, 1, ?, 'reset', 0, 1)",
		)
			.bind(hashSecret(expired))
			.run()
		const before = await myRows()
		for (const token of [expired, replaced, `${expired.slice(0, -1)}_`]) {
			const body = JSON.stringify({ token, password: 'a password of nobody' })
			const answer = await house.send({ method: 'POST', path: `${BASE_PATH}/authentication/accept`, body })
			expect([answer.status, answer.violation]).toEqual([404, null])
		}
		expect(await myRows()).toBe(before)
	})
})

/** Everything that is a secret of my organization, as it would stand in answers. */
async function secretsOf({ own: mine, other: theirs, store }: ContractWorld): Promise<string[]> {
	const ask = async (path: string): Promise<any> =>
		(await house.send({ method: 'GET', path: `${BASE_PATH}${path}`, headers: { Authorization: mine.authorization } }))
			.body
	const { topics } = (await ask(`/instances/${mine.ids['instance']}/webhooks`)) as { topics: { secret: string }[] }
	const { key, whsec } = await ask(`/instances/${mine.ids['instance']}/signature-key`)
	return [
		mine.token,
		mine.user,
		mine.authorization.split('Organization ')[1]!,
		theirs.token,
		...topics.map(({ secret }) => secret),
		key,
		whsec,
		'password of the callback',
		store.credentials.key,
		store.credentials.secret,
	]
}

describe('a viewer sees no secret and changes nothing', () => {
	test.each(all.filter(({ one }) => one.access !== 'public'))('$id', async ({ id, one, path }) => {
		const { own: mine } = house
		const secrets = await secretsOf(house)
		const token = await house.session(house.viewer)
		const bearer = `Bearer ${token}`
		const call = asked(one, path, one.access === 'token' ? `${bearer}, Element ${mine.token}` : bearer)
		const before = await rowsOf(1, [
			'organizations',
			'instances',
			'subscriptions',
			'account_settings',
			'api_keys',
			'links',
		])
		const answer = await house.send({ ...call, path: fillPath(path, pathParametersFor(path, mine.ids)) })
		const shown = `${call.method} ${call.path} → ${answer.status} ${answer.text.slice(0, 200)}`
		expect(answer.violation, shown).toBeNull()
		// Of themselves they may change the name; this is somebody else.
		if (id === 'changeUser') expect(answer.status, shown).toBe(403)
		else if (getRequiredRole(one) === 'viewer') expect(answer.status, shown).not.toBe(403)
		else
			expect([answer.status, answer.text], shown).toEqual([403, expect.stringContaining('This call requires the role')])
		for (const secret of secrets) expect(answer.text, shown).not.toContain(secret)
		expect(
			await rowsOf(1, ['organizations', 'instances', 'subscriptions', 'account_settings', 'api_keys', 'links']),
			shown,
		).toBe(before)
	})
})

describe('an API key may what its scope says', () => {
	test.each(all.filter(({ one }) => one.access !== 'public'))('$id', async ({ one, path }) => {
		const { own: mine } = house
		const scope = getRequiredScope(one)
		// Everything else, and one thing alone.
		const others = SCOPES.filter((other) => other !== scope)
		for (const scopes of [others, others.slice(-1)]) {
			const bearer = `Bearer ${await house.key(scopes)}`
			const call = asked(one, path, one.access === 'token' ? `${bearer}, Element ${mine.token}` : bearer)
			const answer = await house.send({ ...call, path: fillPath(path, pathParametersFor(path, mine.ids)) })
			expect([answer.status, answer.body]).toEqual([
				403,
				expect.objectContaining({
					message:
						scope === null
							? expect.stringMatching(/^API keys cannot make/)
							: `This API key does not have the scope ${scope}`,
				}),
			])
		}
	})
})

describe('an API key that may read everything sees no secret', () => {
	test.each(all.filter(({ one }) => one.method === 'get' && one.access !== 'public'))('$id', async ({ one, path }) => {
		const { own: mine } = house
		const secrets = await secretsOf(house)
		expect(
			new Set(secrets.map((secret) => secret.length > 5)),
			'a secret that is not there would never be found',
		).toEqual(new Set([true]))
		const bearer = `Bearer ${await house.key(SCOPES.filter((scope) => scope.endsWith(':read')))}`
		const call = asked(one, path, one.access === 'token' ? `${bearer}, Element ${mine.token}` : bearer)
		const answer = await house.send({ ...call, path: fillPath(path, pathParametersFor(path, mine.ids)) })
		const shown = `${call.method} ${call.path} → ${answer.status} ${answer.text.slice(0, 200)}`
		expect(answer.status === 403, shown).toBe(getRequiredScope(one)?.endsWith(':read') !== true)
		for (const secret of secrets) expect(answer.text, shown).not.toContain(secret)
		for (const secret of secrets) expect(JSON.stringify([...answer.headers]), shown).not.toContain(secret)
	})
})

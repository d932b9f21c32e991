/** Another organization's things do not exist: every call, tried with their ids and with pieces of their authorization, reaches nothing of theirs. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Operation, getRequiredRole, getRequiredScope, SCOPES } from '../../../src/api/http/contract.ts'
import { operations } from '../../../src/api/operations.ts'
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

describe('pieces of another organization’s authorization §1.7', () => {
	test.each(all.filter(({ one }) => one.access !== 'public').map((each, index) => ({ ...each, index })))(
		'$id',
		async ({ one, path, index }) => {
			const { own: mine, other: theirs } = house
			const at = fillPath(path, pathParametersFor(path, theirs.ids))
			const mixed = [
				`User ${mine.user}, Element ${theirs.token}`,
				`User ${mine.user}, ${theirs.authorization.split(', ')[1]!}`,
				`${mine.authorization}, Element ${theirs.token}`,
			]
			for (const authorization of mixed) {
				const call = asked(one, path, authorization)
				// From an address each: failures are counted, and refused in their turn.
				await nothingReached(
					{ ...call, path: at, headers: { ...call.headers, 'CF-Connecting-IP': `192.0.2.${index}` } },
					[401],
				)
			}
		},
	)
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
		const key = await house.key(SCOPES.filter((other) => other !== scope))
		const bearer = `Bearer ${key}`
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

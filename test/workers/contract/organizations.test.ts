/** Another organization's things do not exist: every call, tried with their ids and with pieces of their authorization, reaches nothing of theirs. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Operation } from '../../../src/api/contract.ts'
import { operations } from '../../../src/api/operations.ts'
import { env } from '../api/harness.ts'
import { document } from './document.ts'
import { BASE_PATH, filled, type Asked, type House, idsFor, openHouse } from './house.ts'

let house: House

beforeAll(async () => {
	house = await openHouse()
}, 60_000)
beforeEach(() => house.reached.clear())

const all = Object.entries(operations as Record<string, Operation>).map(([id, one]) => ({
	id,
	one,
	path: `${one.root ? '' : BASE_PATH}${one.path}`,
}))

/** Everything of theirs that is kept in D1. */
async function theirRows(): Promise<string> {
	const tables = ['organizations', 'users', 'instances', 'subscriptions', 'account_settings', 'audit_log']
	const rows = await env.DB.batch(
		tables.map((table) => env.DB.prepare(`SELECT * FROM ${table} WHERE ${table === 'organizations' ? 'id' : 'organization_id'} = 2`)),
	)
	return JSON.stringify(rows.map(({ results }) => results))
}

function asked(one: Operation, path: string, authorization: string): Asked {
	const declared = document.paths[path]![one.method]!
	return {
		method: one.method.toUpperCase(),
		path,
		headers: { Authorization: authorization },
		...(declared.requestBody === undefined ? {} : { body: JSON.stringify(one.example ?? {}) }),
	}
}

async function nothingReached(call: Asked, statuses: readonly number[]): Promise<void> {
	const before = await theirRows()
	const answer = await house.ask(call)
	const shown = `${call.method} ${call.path} → ${answer.status} ${answer.text.slice(0, 200)}`
	expect(answer.undeclared, shown).toBeNull()
	expect(statuses, shown).toContain(answer.status)
	expect([...house.reached], shown).not.toContain(house.theirs.ids['instance'])
	expect(answer.text, shown).not.toContain(house.theirs.token)
	expect(await theirRows(), shown).toBe(before)
}

/** Words in braces that name nothing of an organization. */
const COMMON = new Set(['keyOrId', 'configId', 'resource', 'objectId', 'hub', 'sub', 'state'])

describe('ids of another organization in the path', () => {
	const named = all.filter(({ one, path }) => one.access !== 'public' && Object.keys(idsFor(path, {})).some((name) => !COMMON.has(name)))
	test.each(named)('$id', async ({ one, path }) => {
		const { mine, theirs } = house
		const call = asked(one, path, one.access === 'token' ? mine.tokenAuthorization : mine.authorization)
		await nothingReached({ ...call, path: filled(path, idsFor(path, theirs.ids)) }, [400, 403, 404])
	})
})

describe('pieces of another organization’s authorization §1.7', () => {
	test.each(all.filter(({ one }) => one.access !== 'public'))('$id', async ({ one, path }) => {
		const { mine, theirs } = house
		const at = filled(path, idsFor(path, theirs.ids))
		const mixed = [
			`User ${mine.user}, Element ${theirs.token}`,
			`User ${mine.user}, ${theirs.authorization.split(', ')[1]!}`,
			`${mine.authorization}, Element ${theirs.token}`,
		]
		for (const authorization of mixed) await nothingReached({ ...asked(one, path, authorization), path: at }, [401])
	})
})

/** `callOperation`, the one way in which pages read and change things: every operation with every role, as over HTTP. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { beforeEach, describe, expect, test } from 'vitest'
import { toOperationRequest, type RequestInput } from '../../../src/api/http/operation-request.ts'
import { getRequiredRole, type Operation } from '../../../src/api/http/contract.ts'
import { operations, type OperationId } from '../../../src/api/operations.ts'
import { hasRole, ROLES, type Role } from '../../../src/accounts/roles.ts'
import { createApp } from '../../../src/app.ts'
import { callOperation } from '../../../src/ui/http/call.ts'
import type { PageContext } from '../../../src/ui/http/environment.ts'
import { redirectTo } from '../../../src/ui/http/messages.ts'
import { createPages } from '../../../src/ui/http/pages.ts'
import { createServices, env, resetDatabase, startApiWorld, type ApiClient } from '../api/harness.ts'
import { insertInstance } from '../api/support.ts'
import { SITE, TestBrowser } from './browser.ts'

const table = Object.entries(operations as Record<string, Operation>) as [OperationId, Operation][]

let client: ApiClient
let browser: TestBrowser

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	browser = new TestBrowser(client)
	await insertInstance(client, 7)
})

/** An operation's call about instance 7, or about the first user, with an empty body. */
function toInput({ path, body }: Operation): RequestInput {
	const value = path.startsWith('/users') ? '1' : '7'
	const params = Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, value]))
	return { params, ...(body === undefined ? {} : { body: {} }) }
}

/** What a page with this browser's session gets of a function that calls operations. */
async function onPage<T>(run: (c: PageContext) => Promise<T>): Promise<T> {
	const app = createApp(createServices(client.world))
	let result: T | undefined
	createPages(app).open.page('/test', async (c) => {
		result = await run(c)
		return c.body('')
	})
	const context = createExecutionContext()
	const headers = { Cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
	await app.fetch(new Request(`${SITE}/test`, { headers }), { ...env, ...client.world.settings }, context)
	await waitOnExecutionContext(context)
	return result!
}

const setRole = async (role: Role): Promise<void> => {
	await env.DB.prepare('UPDATE users SET role = ?').bind(role).run()
}

/** The outcome of every operation: its status and message. */
async function callAll(): Promise<Map<string, { status: number; message: string }>> {
	return await onPage(async (c) => {
		const outcomes = new Map<string, { status: number; message: string }>()
		for (const [id, operation] of table) {
			const result = await callOperation(c, id, toInput(operation) as never)
			if (result.ok && result.body instanceof Response) await result.body.body?.cancel()
			outcomes.set(id, { status: result.status, message: result.ok ? '' : result.message })
		}
		return outcomes
	})
}

describe('every operation', () => {
	test('without a session is 401, unless it is public', async () => {
		for (const [id, { status, message }] of await callAll())
			if (operations[id as OperationId].access !== 'public')
				expect([id, status, message]).toEqual([id, 401, 'Sign in first'])
	})

	test.each(ROLES)('as %s is allowed as over HTTP', async (role) => {
		await browser.signIn()
		await setRole(role)
		const outcomes = await callAll()
		expect(outcomes.size).toBe(table.length)
		for (const [id, operation] of table) {
			const { status, message } = outcomes.get(id)!
			if (operation.access === 'public') continue
			if (!hasRole(role, getRequiredRole(operation)))
				// A call by token has no token to be allowed with.
				expect([id, status]).toEqual([id, operation.access === 'token' ? 401 : 403])
			else if (operation.access === 'token') expect([id, status]).toEqual([id, 401])
			else expect([id, status === 401, message.includes('requires the role')]).toEqual([id, false, false])
		}
	})

	test('that reads has the outcome of the same call over HTTP', async () => {
		await browser.signIn()
		await setRole('viewer')
		const outcomes = await callAll()
		// The calls above have signed it out.
		await browser.signIn()
		const token = browser.cookies.get('__Host-shopbell_session')!
		for (const [id, operation] of table) {
			if (operation.access === 'token' || operation.access === 'public') continue
			if (id === 'signOut' || id === 'endSessions') continue
			const headers = new Headers({ Authorization: `Bearer ${token}` })
			const response = await client.send(toOperationRequest(SITE, operation, toInput(operation), { headers }))
			expect([id, response.status]).toEqual([id, outcomes.get(id)!.status])
			await response.body?.cancel()
		}
	})
})

describe('a message for the next page', () => {
	test.each([
		['of several lines', 'a\r\nSet-Cookie: x=y; Path=/; a="b", c=d'],
		['in other scripts', '売り切れ €'.repeat(1_000)],
		['with half a character', 'shop \ud800'],
	])('%s fits into its cookie', async (_, text) => {
		const app = createApp(createServices(client.world))
		createPages(app).open.page('/test', (c) => redirectTo(c, '/sign-in', { kind: 'ok', text }))
		createPages(app).open.page('/next', (c) => redirectTo(c, '/sign-in'))
		const open = async (path: string): Promise<Response> => {
			const headers = { Cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
			const context = createExecutionContext()
			const response = await app.fetch(new Request(`${SITE}${path}`, { headers }), env, context)
			await waitOnExecutionContext(context)
			return response
		}
		const set = (await open('/test')).headers.getSetCookie().find((one) => one.startsWith('__Host-shopbell_message='))!
		expect(set.length).toBeLessThan(4_096)
		expect(set.match(/;/g)).toHaveLength(5)
		browser.cookies.set('__Host-shopbell_message', /=([^;]*)/.exec(set)![1]!)
		// A page that redirects leaves it to the next one.
		const kept = (await open('/next')).headers.getSetCookie().filter((one) => one.includes('shopbell_message='))
		expect(kept.at(-1)).toBe(set)
		expect(await (await open('/sign-in')).text()).toContain(text.slice(0, 5).replaceAll('\r', '&#13;').slice(0, 1))
	})
})

describe('one operation', () => {
	beforeEach(async () => {
		await browser.signIn()
	})

	test('has its problems by field, its page and its total', async () => {
		const wrong = await onPage((c) => callOperation(c, 'createApiKey', { body: { name: 5, scopes: ['x'] } as never }))
		expect(wrong).toMatchObject({ ok: false, status: 400 })
		expect(wrong.ok ? [] : wrong.problems.map(({ field }) => field)).toEqual(['name', 'scopes.0'])
		await setRole('viewer')
		const page = await onPage((c) => callOperation(c, 'listInstances', { query: { pageSize: '1' } }))
		expect(page).toMatchObject({ ok: true, total: 1, next: null })
	})

	test('of another organization is 404', async () => {
		await env.DB.prepare(
			`INSERT INTO organizations (id, incarnation, name, secret_hash, secret_sealed, created_ms)
			VALUES (2, 'two', 'Second', 'h', 's', 0)`,
		).run()
		await env.DB.prepare('UPDATE instances SET organization_id = 2').run()
		for (const id of ['getInstance', 'getHealth', 'deleteInstance'] as const)
			expect(await onPage((c) => callOperation(c, id, { params: { id: 7 } }))).toMatchObject({ ok: false, status: 404 })
	})

	test('whose parameter no path can hold is 404 and leads to no other operation', async () => {
		for (const id of ['', '.', '..', '\ud800', '../7', '7/..', '%2e%2e', '7?x=', ' ', '7'.repeat(5_000)]) {
			const found = await onPage((c) => callOperation(c, 'getInstance', { params: { id } }))
			expect([id, found.ok, found.status]).toEqual([id, false, 404])
		}
	})

	test('that reports a failure as its answer has that answer', async () => {
		client.world.settings.MASTER_KEYS = 'wrong'
		const health = await onPage((c) => callOperation(c, 'healthz'))
		expect(health).toMatchObject({ ok: true, status: 503, body: { status: 'failing', database: true } })
	})

	test('that is sent twice with one key runs once', async () => {
		const create = () =>
			onPage((c) =>
				callOperation(
					c,
					'createApiKey',
					{ body: { name: 'k', scopes: ['instances:read'] } },
					{ idempotencyKey: 'once' },
				),
			)
		const [first, second] = [await create(), await create()]
		expect(first.ok && second.ok && first.body).toEqual(second.ok && second.body)
		expect((await env.DB.prepare('SELECT count(*) AS n FROM api_keys').first<{ n: number }>())!.n).toBe(1)
	})

	test('is audited in the name of the session’s user, with the id of the page’s request', async () => {
		const requestId = await onPage(async (c) => {
			await callOperation(c, 'createApiKey', { body: { name: 'k', scopes: ['instances:read'] } })
			return c.var.requestId
		})
		const row = await env.DB.prepare(
			"SELECT user_id, request_id FROM audit_log WHERE action = 'api-key.create'",
		).first()
		expect(row).toEqual({ user_id: 1, request_id: requestId })
	})
})

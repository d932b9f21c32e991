/** What goes out: stores whose name or address is private, links of this service, and the headers of https. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { env, resetDatabase, instanceBodyForStore, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient

async function start(url = 'https://shop.example.com'): Promise<void> {
	await resetDatabase()
	store = createStore({ objects: 4, url, now: () => Date.parse('2026-06-01T12:00:00Z') })
	client = await startApiWorld((request) => store.fetch(request))
}

beforeEach(() => start())

const count = async (table: string): Promise<unknown> =>
	(await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())!.n

describe('a store', () => {
	const resolveTo = (...addresses: string[]): void => {
		client.world.resolver = { resolve: async () => ({ ok: true, addresses }) }
	}

	test('whose name resolves to a private address is 400 by its field, and is never asked', async () => {
		client.world.settings = { ALLOW_PRIVATE_NETWORK: 'false' }
		resolveTo('93.184.215.14', '10.0.0.7')
		const { status, body } = await client.call('POST', '/instances', instanceBodyForStore(store))
		expect([status, body.message]).toEqual([
			400,
			expect.stringMatching(/^store\.url: .*shop\.example\.com resolves to a private/),
		])
		expect(client.world.requests).toEqual([])
		expect(await count('instances')).toBe(0)
		resolveTo('93.184.215.14')
		expect((await client.call('POST', '/instances', instanceBodyForStore(store))).status).toBe(200)
	})

	test('whose name cannot be resolved is 502, and one without addresses 400', async () => {
		for (const [reason, status] of [
			['failed', 502],
			['no-such-host', 400],
		] as const) {
			client.world.resolver = { resolve: async () => ({ ok: false, reason }) }
			const answer = await client.call('POST', '/instances', instanceBodyForStore(store))
			expect(answer.status).toBe(status)
		}
		expect(client.world.requests).toEqual([])
	})

	test('whose name moves to a private address is not asked any more, for reads and for writes', async () => {
		const { body } = await client.call('POST', '/instances', instanceBodyForStore(store))
		const authorization = `User ${client.userSecret}, Element ${body.token}`
		client.world.requests.length = 0
		resolveTo('169.254.169.254')
		for (const [method, sent] of [
			['GET', undefined],
			['POST', { code: 'new' }],
		] as const) {
			const answer = await client.call(method, '/hubs/ecommerce/discounts', sent, { authorization })
			expect([answer.status, answer.body.message]).toEqual([502, expect.stringContaining('was not requested')])
			expect(answer.body.message).not.toContain('may have taken effect')
		}
		expect(client.world.requests).toEqual([])
	})

	test('at a private address that was connected before is not asked once ALLOW_PRIVATE_NETWORK is off', async () => {
		await start('http://127.0.0.1:4010')
		const { body } = await client.call('POST', '/instances', instanceBodyForStore(store))
		const authorization = `User ${client.userSecret}, Element ${body.token}`
		expect((await client.call('GET', '/hubs/ecommerce/orders', undefined, { authorization })).status).toBe(200)
		client.world.requests.length = 0
		client.world.settings = { ALLOW_PRIVATE_NETWORK: 'false' }
		const answer = await client.call('GET', '/hubs/ecommerce/orders', undefined, { authorization })
		expect([answer.status, answer.body.message]).toEqual([502, expect.stringContaining('expected a public address')])
		expect(client.world.requests).toEqual([])
	})

	test('that was typed with a port keeps it, whatever address the site gives itself', async () => {
		await start('https://shop.example.com')
		const { status, body } = await (async () => {
			client.world.store = async (request) => {
				const url = new URL(request.url)
				expect(url.port).toBe('8443')
				url.port = ''
				return await store.fetch(new Request(url, request))
			}
			return await client.call(
				'POST',
				'/instances',
				instanceBodyForStore(store, { 'store.url': 'shop.example.com:8443' }),
			)
		})()
		expect([status, body.configuration?.['store.url']]).toEqual([200, 'https://shop.example.com:8443'])
	})
})

test('healthz says whether names are resolved, and fails if the setting is no URL', async () => {
	const healthz = async (DNS_RESOLVER_URL: string) => {
		client.world.settings = { DNS_RESOLVER_URL }
		const { status, body } = await client.call('GET', '//healthz', undefined, { authorization: null })
		return [status, body.status, body.dnsResolver]
	}
	expect(await healthz('')).toEqual([200, 'ok', false])
	expect(await healthz('https://dns.example.com/dns-query')).toEqual([200, 'ok', true])
	expect(await healthz('1.1.1.1')).toEqual([503, 'failing', false])
})

describe('a link', () => {
	const invitation = { email: 'new@example.com', firstName: 'N', lastName: 'E', role: 'viewer' }
	const ask = async (host: string, path: string, body: object, authorization?: string) => {
		const response = await client.send(
			new Request(`${host}${path}`, {
				method: 'POST',
				headers: {
					Authorization: authorization ?? `User ${client.userSecret}, Organization ${client.organizationSecret}`,
					'Content-Type': 'application/json',
				},
				body: JSON.stringify(body),
			}),
		)
		return { status: response.status, body: await response.json<any>() }
	}
	const USERS = '/elements/api-v2/users'

	test('without PUBLIC_URL is 409 and changes nothing, since a request can name any host', async () => {
		client.world.settings = { PUBLIC_URL: '' }
		const [links, users] = [await count('links'), await count('users')]
		const me = await env.DB.prepare('SELECT id FROM users').first<{ id: number }>()
		for (const [path, body] of [
			[USERS, invitation],
			[`${USERS}/${me!.id}/reset`, {}],
		] as const) {
			const answer = await ask('https://evil.example.com', path, body)
			expect([answer.status, answer.body.message]).toEqual([409, expect.stringContaining('PUBLIC_URL')])
		}
		expect([await count('links'), await count('users')]).toEqual([links, users])
		await resetDatabase()
		const setup = await ask('https://evil.example.com', '/setup', {}, 'Bearer setup-token-of-the-tests')
		expect(setup.status).toBe(409)
		expect(await count('organizations')).toBe(0)
	})

	test('begins with PUBLIC_URL, and without it with the address of this machine', async () => {
		const asked = await ask('https://evil.example.com', USERS, invitation)
		expect(asked.body.invitation.url).toMatch(/^https:\/\/bell\.example\.com\/accept\//)
		client.world.settings = { PUBLIC_URL: '' }
		const local = await ask('http://127.0.0.1:8787', USERS, { ...invitation, email: 'b@example.com' })
		expect(local.body.invitation.url).toMatch(/^http:\/\/127\.0\.0\.1:8787\/accept\//)
	})

	test('in the document leads to PUBLIC_URL, this machine, or where the document is', async () => {
		const server = async (PUBLIC_URL: string, host: string): Promise<unknown> => {
			client.world.settings = { PUBLIC_URL }
			return (await (await client.send(new Request(`${host}/openapi.json`))).json<any>()).servers
		}
		expect(await server('https://bell.example.com/', 'https://evil.example.com')).toEqual([
			{ url: 'https://bell.example.com' },
		])
		expect(await server('', 'https://evil.example.com')).toEqual([{ url: '/' }])
		expect(await server('', 'http://localhost:8787')).toEqual([{ url: 'http://localhost:8787' }])
	})
})

test('every response over https tells browsers to stay there; none over http, and none of this machine', async () => {
	const header = async (url: string): Promise<string | null> =>
		(await client.send(new Request(url))).headers.get('Strict-Transport-Security')
	for (const path of [
		'/healthz',
		'/openapi.json',
		'/docs',
		'/guide',
		'/accept/x',
		'/elements/api-v2/instances',
		'/nothing',
	])
		expect([path, await header(`https://bell.example.com${path}`)]).toEqual([path, 'max-age=31536000'])
	for (const url of ['http://bell.example.com/', 'https://localhost:8787/', 'https://127.0.0.1/healthz'])
		expect(await header(url)).toBeNull()
})

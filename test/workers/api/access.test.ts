/** Who may call, what a request may hold, and what every answer carries. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../../src/app.ts'
import { accountOperations } from '../../../src/api/accounts/operations.ts'
import { authenticationOperations } from '../../../src/api/authentication/operations.ts'
import { userOperations } from '../../../src/api/users/operations.ts'
import { MAX_FAILURES_PER_MINUTE } from '../../../src/accounts/failure-limiter.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { addOrganization, env, resetDatabase, instanceBodyForStore, startApiWorld, type ApiClient } from './harness.ts'
import { countQueries } from './support.ts'

let store: SimulatedStore
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 2, url: 'https://shop.example.com', now: () => Date.parse('2026-06-01T12:00:00Z') })
	client = await startApiWorld((request) => store.fetch(request))
})

const instanceBody = () => instanceBodyForStore(store)

describe('set-up', () => {
	test('makes the first organization and user once; then, and without its token, it does not exist', async () => {
		expect(
			(await client.call('POST', '//setup', {}, { authorization: 'Bearer setup-token-of-the-tests' })).status,
		).toBe(404)
		await resetDatabase()
		for (const authorization of [null, 'Bearer wrong', 'Bearer '])
			expect((await client.call('POST', '//setup', {}, { authorization })).status).toBe(404)
		const made = await client.call(
			'POST',
			'//setup',
			{
				token: 'setup-token-of-the-tests',
				organizationName: '<i>Acme</i>',
				email: 'ann@acme.example',
				firstName: 'Ann',
				lastName: 'Lee',
			},
			{ authorization: null },
		)
		expect(made.body).toMatchObject({
			organization: { id: 1, name: 'Acme' },
			user: { id: 1, emailAddress: 'ann@acme.example', firstName: 'Ann' },
		})
		expect(made.body.userSecret).toMatch(/^[A-Za-z0-9+/]{43}=$/)
		expect(made.status).toBe(200)
		const kept = JSON.stringify([
			await env.DB.prepare('SELECT * FROM organizations').all(),
			await env.DB.prepare('SELECT * FROM users').all(),
		])
		expect(kept).not.toContain(made.body.userSecret)
		expect(kept).not.toContain(made.body.organizationSecret)
		expect(
			(await client.call('POST', '//setup', { token: 'setup-token-of-the-tests' }, { authorization: null })).status,
		).toBe(404)
	})

	test('two at once make one', async () => {
		await resetDatabase()
		const answers = await Promise.all(
			[1, 2, 3].map(() => client.call('POST', '//setup', {}, { authorization: 'Bearer setup-token-of-the-tests' })),
		)
		expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 404, 404])
	})

	test('an unusable body is named and changes nothing', async () => {
		await resetDatabase()
		const { status, body } = await client.call(
			'POST',
			'//setup',
			{ email: 'nobody' },
			{ authorization: 'Bearer setup-token-of-the-tests' },
		)
		expect([status, body.message]).toEqual([400, 'email: expected an e-mail address'])
		expect(
			(await client.call('POST', '//setup', undefined, { authorization: 'Bearer setup-token-of-the-tests' })).status,
		).toBe(200)
	})
})

describe('authorization', () => {
	const calls: [string, string, unknown?][] = [
		['GET', '/instances'],
		['POST', '/instances', {}],
		['GET', '/instances/1'],
		['PATCH', '/instances/1', {}],
		['PUT', '/instances/1', {}],
		['DELETE', '/instances/1'],
		['PUT', '/instances/1/enabled'],
		['DELETE', '/instances/1/enabled'],
		['PUT', '/instances/enabled'],
		['GET', '/instances/1/health'],
		['GET', '/instances/1/poller'],
		['PUT', '/instances/1/poll', {}],
		['GET', '/instances/1/deletions'],
		['PUT', '/instances/1/deletions', {}],
		['GET', '/instances/1/unchecked'],
		['PUT', '/instances/1/unchecked', {}],
		['GET', '/instances/1/mass-changes'],
		['PUT', '/instances/1/mass-changes', {}],
		['GET', '/instances/1/events'],
		['GET', '/instances/1/events/x'],
		['GET', '/instances/events'],
		['GET', '/instances/events/x'],
		['GET', '/instances/configuration'],
		['GET', '/instances/1/configuration/1'],
		['POST', '/instances/1/replays', {}],
		['GET', '/instances/1/replays'],
		['GET', '/instances/1/replays/1'],
		['DELETE', '/instances/1/replays/1'],
		['POST', '/instances/1/test-event'],
		['POST', '/instances/test-event'],
		['DELETE', '/instances/1/events/objects/orders/5'],
		['GET', '/notifications'],
		['GET', '/notifications/1000000001'],
		['PUT', '/notifications/1000000001/acknowledge'],
		['GET', '/notifications/1000000001/attempts'],
		['POST', '/notifications/1000000001/replay'],
		['GET', '/notifications/1000000001/subscriptions/deliveries'],
		['GET', '/notifications/1000000001/subscriptions/1/deliveries'],
		['GET', '/notifications/subscriptions'],
		['POST', '/notifications/subscriptions', {}],
		['GET', '/notifications/subscriptions/1'],
		['DELETE', '/notifications/subscriptions/1'],
		['GET', '/notifications/subscriptions/deliveries'],
		['PUT', '/notifications/subscriptions/deliveries'],
		['GET', '/elements'],
		['GET', '/elements/2881/metadata'],
		['GET', '/hubs'],
		['GET', '/ping'],
		['GET', '/hubs/ecommerce/orders'],
		['GET', '/orders'],
		['GET', '/orders/5'],
		...[
			...Object.values(accountOperations),
			...Object.values(userOperations),
			...Object.values(authenticationOperations),
		]
			.filter((one) => one.access !== 'public')
			.map((one): [string, string, unknown?] => [
				one.method.toUpperCase(),
				one.path.replaceAll(/\{\w+\}/g, '1'),
				'body' in one ? {} : undefined,
			]),
	]

	test('§1.4 every call refuses whoever is not known, and says nothing else', async () => {
		const { userSecret: user, organizationSecret: organization } = client
		const refused = [
			null,
			'',
			'Basic abc',
			'Bearer x',
			`User ${user}`,
			`Organization ${organization}`,
			`User wrong, Organization ${organization}`,
			`User ${user}, Organization wrong`,
			`User ${organization}, Organization ${user}`,
			`User ${user}, Element wrong`,
			`User ${user}, User ${user}, Organization ${organization}`,
			`User ${user}, Organization ${organization}, Element wrong`,
			`Bearer sbs_${'x'.repeat(43)}`,
		]
		for (const [index, authorization] of refused.entries()) {
			for (const [n, [method, path, body]] of calls.entries()) {
				// From an address each: failures are counted by it.
				const headers = { 'CF-Connecting-IP': `2001:db8:${index}::${n}` }
				const answer = await client.call(method, path, body, { authorization, headers })
				expect(answer.status, `${method} ${path} with ${authorization}`).toBe(401)
				expect(Object.keys(answer.body).sort()).toEqual(['message', 'requestId'])
			}
		}
	})

	test('§1.1 §1.2 parts come in any order, case and spacing, all three together too', async () => {
		const { body: made } = await client.call('POST', '/instances', instanceBody())
		const { userSecret: user, organizationSecret: organization } = client
		for (const authorization of [
			`Organization ${organization}, User ${user}`,
			`user  ${user},organization ${organization}`,
		])
			expect((await client.call('GET', '/instances', undefined, { authorization })).body).toHaveLength(1)
		for (const authorization of [
			`Element ${made.token}, User ${user}`,
			`Organization ${organization}, Element ${made.token}, User ${user}`,
		]) {
			expect((await client.call('GET', '/instances', undefined, { authorization })).body.id).toBe(made.id)
			expect((await client.call('GET', '/orders', undefined, { authorization })).status).toBe(200)
		}
	})

	test("§1.5 §1.6 §2.38 a token opens its own instance only, and no organization's call; nothing once that is deleted, no hub while it is disabled", async () => {
		const { body: first } = await client.call('POST', '/instances', instanceBody())
		const { body: second } = await client.call('POST', '/instances', instanceBody())
		const authorization = `User ${client.userSecret}, Element ${first.token}`
		expect((await client.call('GET', `/instances/${first.id}`, undefined, { authorization })).status).toBe(200)
		expect((await client.call('GET', `/instances/${second.id}`, undefined, { authorization })).status).toBe(404)
		expect((await client.call('POST', '/instances', instanceBody(), { authorization })).status).toBe(401)
		expect((await client.call('GET', '/hubs/ecommerce/orders')).status).toBe(401)
		expect((await client.call('DELETE', '/instances')).status).toBe(401)
		expect((await client.call('PATCH', '/instances', { name: 'By token' }, { authorization })).body.name).toBe(
			'By token',
		)
		expect((await client.call('GET', '/hubs', undefined, { authorization })).status).toBe(200)
		expect((await client.call('GET', '/ping', undefined, { authorization })).body).toEqual({
			dateTime: '2026-06-01T12:00:00Z',
			endpoint: 'woocommercerest',
		})
		await client.call('DELETE', `/instances/${first.id}/enabled`)
		expect((await client.call('GET', '/hubs/ecommerce/orders', undefined, { authorization })).status).toBe(403)
		expect((await client.call('GET', '/instances', undefined, { authorization })).body.disabled).toBe(true)
		await client.call('DELETE', `/instances/${first.id}`)
		expect((await client.call('GET', '/instances', undefined, { authorization })).status).toBe(401)
		expect((await client.call('GET', '/hubs/ecommerce/orders', undefined, { authorization })).status).toBe(401)
	})

	test('finding the caller, and the instance of a path or token, is one round trip', async () => {
		const { body: made } = await client.call('POST', '/instances', instanceBody())
		const { body: key } = await client.call('POST', '/accounts/api-keys', { name: 'x', scopes: ['instances:read'] })
		const counted = countQueries(client)
		const both = `User ${client.userSecret}, Organization ${client.organizationSecret}`
		for (const [path, authorization] of [
			[`/instances/${made.id}`, both],
			[`/instances/${made.id}/configuration`, `${both}, Element ${made.token}`],
			['/instances/configuration', `User ${client.userSecret}, Element ${made.token}`],
			[`/instances/${made.id}/configuration`, `Bearer ${key.key}`],
		] as const) {
			// The use of a key is noted once an hour.
			await client.call('GET', path, undefined, { authorization })
			counted.trips = 0
			expect((await client.call('GET', path, undefined, { authorization })).status).toBe(200)
			expect(counted.trips, `${path} with ${authorization.slice(0, 6)}`).toBe(1)
		}
	})

	test('§1.10 after many failures from one address the next is a 429, while right secrets pass', async () => {
		const from = (address: string, authorization?: string) =>
			client.call('GET', '/instances', undefined, {
				...(authorization === undefined ? {} : { authorization }),
				headers: { 'CF-Connecting-IP': address },
			})
		for (let n = 0; n < MAX_FAILURES_PER_MINUTE; n++) await from('203.0.113.9', 'User a, Organization b')
		const blocked = await from('203.0.113.9', 'User a, Organization b')
		expect(blocked.status).toBe(429)
		expect(Number(blocked.headers.get('Retry-After'))).toBeGreaterThan(0)
		expect((await from('203.0.113.9')).status).toBe(200)
		expect((await from('203.0.113.10', 'User a, Organization b')).status).toBe(401)
		client.world.nowMs += 61_000
		expect((await from('203.0.113.9', 'User a, Organization b')).status).toBe(401)
	})
})

describe('requests and answers', () => {
	test('§1.12 §1.13 the headers of the contract are on every answer, also on errors', async () => {
		const { body: made } = await client.call('POST', '/instances', instanceBody())
		expect((await client.call('GET', `/instances/${made.id}`)).headers.get('Elements-Element-Instance-Id')).toBe(
			String(made.id),
		)
		for (const path of ['/instances', '/nothing/here', '/instances/99', '//healthz', '//nothing']) {
			const { headers, body } = await client.call('GET', path)
			expect(headers.get('Elements-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
			expect(headers.get('Access-Control-Expose-Headers')).toBe(
				'Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, Elements-Trace-Id, Elements-Error, Content-Disposition',
			)
			if (body?.message !== undefined) expect(body.requestId).toBe(headers.get('Elements-Request-Id'))
		}
	})

	test.each<[string, string, string, unknown, Record<string, string>, number, string]>([
		['malformed JSON', 'POST', '/instances', '{"element":', {}, 400, 'body'],
		['an array for a body', 'POST', '/instances', '[]', {}, 400, 'body'],
		['no body', 'POST', '/instances', undefined, {}, 400, 'element.key'],
		[
			'configuration as text',
			'POST',
			'/instances',
			{ element: { key: 'woocommercerest' }, configuration: 'x' },
			{},
			400,
			'configuration',
		],
		['a name that is a number', 'PATCH', '/instances/1', { name: 5 }, {}, 400, 'name'],
		['tags of numbers', 'PATCH', '/instances/1', { tags: [1] }, {}, 400, 'tags'],
		[
			'§1.10 a form',
			'POST',
			'/instances',
			'a=b',
			{ 'Content-Type': 'application/x-www-form-urlencoded' },
			415,
			'application/json',
		],
		['§1.10 a wish for HTML', 'GET', '/instances', undefined, { Accept: 'text/html' }, 406, 'application/json'],
		[
			'§1.10 a body over 1 MB',
			'POST',
			'/instances',
			{ configuration: { x: 'y'.repeat(1024 * 1024) } },
			{},
			413,
			'1 MB',
		],
		[
			'a configuration over 64 kB',
			'PATCH',
			'/instances/1',
			{ configuration: { x: 'y'.repeat(66_000) } },
			{},
			400,
			'configuration: expected at most 64 kB',
		],
		['a name too long', 'PATCH', '/instances/1', { name: 'n'.repeat(256) }, {}, 400, 'name'],
		[
			'too many tags',
			'PATCH',
			'/instances/1',
			{ tags: Array.from({ length: 21 }, (_, n) => `t${n}`) },
			{},
			400,
			'tags',
		],
		['a tag too long', 'PATCH', '/instances/1', { tags: ['t'.repeat(65)] }, {}, 400, 'tags[0]'],
		['an id that is none', 'GET', '/instances/abc', undefined, {}, 404, 'id'],
		['§1.10 a wrong method', 'PUT', '/elements', {}, {}, 405, 'GET'],
		['a wrong method for one instance', 'POST', '/instances/1', {}, {}, 405, 'PATCH'],
		['a wrong method at the hub', 'DELETE', '/hubs/ecommerce/orders', undefined, {}, 405, 'GET'],
		['a wrong method at the bare hub', 'DELETE', '/orders', undefined, {}, 405, 'GET'],
		['a path that is none', 'GET', '/instances/1/nothing', undefined, {}, 404, ''],
	])('%s', async (_name, method, path, body, headers, status, word) => {
		await client.call('POST', '/instances', instanceBody())
		const before = await env.DB.prepare('SELECT * FROM instances').all()
		const answer = await client.call(method, path, body, { headers })
		expect(answer.body.message).toContain(word)
		expect(answer.status).toBe(status)
		if (status === 405) expect(answer.headers.get('Allow')).toContain(word)
		expect((await env.DB.prepare('SELECT * FROM instances').all()).results).toEqual(before.results)
	})

	test('JSON without a Content-Type is read, an Accept of browsers is served', async () => {
		const { body: made } = await client.call('POST', '/instances', instanceBody())
		expect(
			(
				await client.call(
					'PATCH',
					`/instances/${made.id}`,
					{ name: 'x' },
					{ headers: { 'Content-Type': 'application/json; charset=UTF-8', Accept: 'text/html, */*;q=0.8' } },
				)
			).status,
		).toBe(200)
	})

	test('health of the deployment: version, database, key ids', async () => {
		expect(await client.call('GET', '//healthz', undefined, { authorization: null })).toMatchObject({
			status: 200,
			body: { status: 'ok', database: true, keys: ['test'], version: expect.stringMatching(/^\d/) },
		})
		await env.DB.prepare('DROP TABLE sequences').run()
		expect(await client.call('GET', '//healthz', undefined, { authorization: null })).toMatchObject({
			status: 503,
			body: { status: 'failing', database: false },
		})
	})

	test('a fault of ours is a 500 without its text', async () => {
		await env.DB.prepare('ALTER TABLE instances RENAME COLUMN tags TO gone').run()
		const { status, body } = await client.call('GET', '/instances')
		expect(status).toBe(500)
		expect(JSON.stringify(body)).not.toMatch(/SQL|tags|column/i)
	})

	test('strange input is refused or taken, never a 500', async () => {
		const { body: made } = await client.call('POST', '/instances', instanceBody())
		const authorization = `User ${client.userSecret}, Element ${made.token}`
		const paths = [
			'/instances/9007199254740993',
			'/instances/-1',
			'/instances/1.5',
			'/instances/%00',
			'/instances/%E0%A4%A',
			'/instances/1/events/%2e%2e',
			'/instances/1/configuration/%F0%9F%98%80',
			'/elements/%00/metadata',
			'/instances?searchText=%00',
			'/instances?searchText=%ED%A0%80',
			'/instances?tags[]=%00&tags=%F0%9F%98%80',
			`/instances?nextPage=${Buffer.from('9999999999999999').toString('base64url')}`,
			`/instances/1/events?nextPage=${Buffer.from('9999999999999999').toString('base64url')}`,
			'/instances/events?from=99999999999999&to=999999999999999',
			'/instances/events?from=0000-00-00',
			'/instances/events?from=2026-13-45T99:99:99Z',
			'/orders/..%2f..%2fusers',
			'/orders/%2e%2e/%2e%2e',
			'/orders/5%3Fx=1',
			'/orders/%E0%A4%A',
			"/orders?where='",
			"/orders?where=after='%00'",
			'/orders?fields=__proto__,constructor',
			'/orders?where=id+IN+(',
			'/hubs//orders',
			'/hubs/%00/orders',
			'/orders//',
			`/orders?nextPage=${Buffer.from('0.0').toString('base64url')}`,
			`/orders?nextPage=${Buffer.from('999999999999.200').toString('base64url')}`,
			'/products/5/variations/6/x/y',
			'/notifications/%00',
			'/notifications/9007199254740991',
			'/notifications/%E0%A4%A/attempts',
			'/notifications/subscriptions/%00',
			`/notifications?nextPage=${Buffer.from('9999999999999999.9999999999999999.9999999999999999').toString('base64url')}`,
			'/notifications?topics[]=%00&topics=%ED%A0%80&tags[]=%00',
			`/notifications/subscriptions?nextPage=${Buffer.from('9999999999999999').toString('base64url')}`,
			"/notifications/subscriptions/deliveries?where=config.url='%00'",
			"/notifications/subscriptions/deliveries?where=config.url='%ED%A0%80'",
			'/notifications/subscriptions/deliveries?where=status+IN+(',
			'/notifications/subscriptions/deliveries?where=%E0%A4%A',
			'/instances/1/replays/%00',
			'/instances/1/replays/999999999999999',
		]
		for (const path of paths) {
			for (const as of [undefined, authorization])
				expect(
					(await client.call('GET', path, undefined, as === undefined ? {} : { authorization: as })).status,
					path,
				).toBeLessThan(500)
		}
		const bodies: unknown[] = [
			'null',
			'5',
			'"x"',
			'[]',
			'{}',
			'{"configuration":{"__proto__":{"x":1},"constructor":5,"toString":"x"}}',
			'{"configuration":{"event.poller.configuration":{"__proto__":{"url":"/orders"},"constructor":{"url":"/orders"}}}}',
			'\ufeff{"name":"bom"}',
			'{"name":"\\ud800"}',
			'{"name":"a\\u0000b","tags":["\\u0000"]}',
			{ tags: [null] },
			{ tags: {} },
			{ name: ['x'] },
			{ configuration: [] },
			{ configuration: { '': '', ' ': 1 } },
			{ configuration: { ['k'.repeat(300)]: 'v' } },
			{ configuration: { 'store.url': {} } },
			{ configuration: { 'store.url': 'https://[' } },
			{ configuration: { 'store.url': 'http://:80' } },
			{ configuration: { 'oauth.api.key': { a: 1 } } },
			{ configuration: { 'oauth.callback.url': 5 } },
			{ configuration: { 'event.notification.callback.url': ['https://a.example'] } },
			{ configuration: { 'event.notification.callback.headers': [[1]] } },
			{ configuration: { 'event.poller.configuration': 5 } },
			{ configuration: { 'event.poller.configuration': { a: null } } },
			{ configuration: { 'event.poller.configuration': { a: { url: 'http://[/orders' } } } },
			{ configuration: { 'event.poller.configuration': { a: { url: '/orders?where=%E0%A4%A' } } } },
			{ configuration: { 'event.poller.configuration': { a: { url: '/orders', idField: '$..[' } } } },
			{
				configuration: {
					'event.poller.configuration': { a: { url: '/orders', datesConfiguration: { updatedDateFormat: 'qqqq' } } },
				},
			},
			{ configuration: { 'event.poller.configuration': { a: { url: '/orders?x=${date:}' } } } },
			'['.repeat(5000),
			`{"a":${'['.repeat(20000)}${']'.repeat(20000)}}`,
		]
		for (const body of bodies) {
			for (const [method, path] of [
				['PATCH', '/instances/1'],
				['POST', '/notifications/subscriptions'],
				['POST', '/instances/1/replays'],
				['PUT', '/instances/1'],
				['POST', '/instances'],
				['PUT', '/instances/1/poll'],
				['PUT', '/instances/1/deletions'],
				['PUT', '/instances/1/unchecked'],
				['PUT', '/instances/1/mass-changes'],
				['PATCH', '/instances/1/configuration/288101'],
			] as const) {
				const answer = await client.call(method, path, body)
				expect(
					[200, 202, 400],
					`${method} ${path} ${JSON.stringify(body)?.slice(0, 120)} → ${JSON.stringify(answer.body).slice(0, 200)}`,
				).toContain(answer.status)
			}
		}
		expect((await client.call('GET', '/instances/1')).status).toBe(200)
		expect((await client.call('GET', '/instances')).status).toBe(200)
	})

	test('every call can be described', async () => {
		const document = createApp().getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'Shopbell', version: '0' } })
		const calls = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
			Object.keys(methods as object).map((method) => `${method} ${path}`),
		)
		expect(calls).toContain('post /elements/api-v2/instances')
		expect(calls).toContain('get /elements/api-v2/hubs/{hub}/orders/{id}')
		expect(new Set(calls).size).toBe(calls.length)
	})

	test('the catalogue names the element, its keys and its events §2.36 §2.37 §2.38', async () => {
		const [element] = (await client.call('GET', '/elements')).body
		expect(element).toMatchObject({ id: 2881, key: 'woocommercerest', hub: 'ecommerce' })
		const poller = element.configuration.find((item: any) => item.key === 'event.poller.configuration')
		expect(Object.keys(JSON.parse(poller.defaultValue))).toEqual(['customers', 'discounts', 'orders', 'products'])
		expect((await client.call('GET', '/elements/2881/metadata')).body.events).toMatchObject({
			supported: true,
			methods: ['polling', 'webhook'],
			polling: { orders: { eventTypes: ['CREATED', 'UPDATED', 'DELETED'] } },
		})
		expect((await client.call('GET', '/elements/9/metadata')).status).toBe(404)
		expect((await client.call('GET', '/hubs')).body).toEqual([{ key: 'ecommerce', name: 'ecommerce', active: true }])
	})
})

test('a second organization is as good as the first', async () => {
	const authorization = await addOrganization(2)
	const { body: made } = await client.call('POST', '/instances', instanceBody(), { authorization })
	expect(made.user.id).toBe(2)
	expect((await client.call('GET', '/instances')).body).toEqual([])
})

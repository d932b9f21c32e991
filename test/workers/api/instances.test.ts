/** Instances over HTTP: made, shown, changed, deleted; what is refused changes nothing. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { addOrganization, env, resetDatabase, instanceBodyForStore, startApiWorld, type ApiClient } from './harness.ts'

let store: SimulatedStore
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	store = createStore({
		objects: 4,
		url: 'https://shop.example.com',
		now: () => Date.parse('2026-06-01T12:00:00Z'),
		deliver: (request) => client.send(request),
	})
	client = await startApiWorld((request) => store.fetch(request))
})

function body(
	configuration: Record<string, unknown> = {},
	rest: Record<string, unknown> = {},
): Record<string, unknown> {
	return instanceBodyForStore(store, configuration, rest)
}

async function rows(table: string): Promise<Record<string, any>[]> {
	return (await env.DB.prepare(`SELECT * FROM ${table}`).all<Record<string, any>>()).results
}

describe('creating', () => {
	test('the polling example of the documentation works, and answers with every field of the contract §2.1 §2.5 §2.11 §2.14 §2.15 §2.25 §11.22', async () => {
		const { status, body: made, headers } = await client.call('POST', '/instances', body())
		expect(made).toMatchObject({
			name: 'API Instance with Polling',
			tags: ['Docs'],
			elementId: 2881,
			valid: true,
			disabled: false,
			eventsEnabled: true,
			provisionInteractions: [],
			externalAuthentication: 'none',
			storeVersion: '11.0.1',
			maxCacheSize: 0,
			cacheTimeToLive: 0,
			traceLoggingEnabled: false,
			cachingEnabled: false,
		})
		expect(status).toBe(200)
		expect(made.token).toMatch(/^[A-Za-z0-9+/]{43}=$/)
		expect(made.createdDate).toBe('2026-06-01T12:00:00Z')
		expect(made.element).toMatchObject({
			id: 2881,
			key: 'woocommercerest',
			name: 'WooCommerce',
			hub: 'ecommerce',
			authentication: { type: 'custom' },
			protocolType: 'http',
		})
		expect(made.user).toMatchObject({ id: 1, firstName: 'First' })
		expect(made.eventsNotificationCallbackUrl).toBeUndefined()
		expect(made.subscriptionId).toBeUndefined()
		expect(Object.values(made.configuration).every((value) => value === null || typeof value === 'string')).toBe(true)
		expect(made.configuration).toMatchObject({
			'store.url': 'https://shop.example.com',
			'oauth.api.key': '********',
			'oauth.api.secret': '********',
			'event.notification.enabled': 'true',
			'event.poller.refresh_interval': '15',
		})
		expect(JSON.parse(made.configuration['event.poller.configuration']).contacts.url).toBe('/hubs/ecommerce/customers')
		expect(headers.get('Elements-Element-Instance-Id')).toBe(String(made.id))
		expect(client.world.watchers.calls).toEqual([`${made.id} create`])

		const asToken = { authorization: `User ${client.userSecret}, Element ${made.token}` }
		expect((await client.call('GET', '/instances', undefined, asToken)).body.id).toBe(made.id)
		expect((await client.call('GET', '/instances/events', undefined, asToken)).body).toEqual([])
		const orders = await client.call('GET', '/hubs/ecommerce/orders', undefined, asToken)
		expect(orders.status).toBe(200)
		expect(orders.body.length).toBeGreaterThan(0)
	})

	test('the webhook example is accepted, and a callback and its subscription are named §2.4 §2.13 §2.18 §2.24', async () => {
		const { status, body: made } = await client.call(
			'POST',
			'/instances',
			body(
				{
					'event.vendor.type': 'webhooks',
					'event.notification.callback.url': 'https://mycoolapp.com/events',
					'event.notification.signature.key': 'xxxxxxxxxxxxxxxxxxxxxxxxx',
					'event.poller.configuration': undefined,
				},
				{ tags: 'one', name: undefined },
			),
		)
		expect(made).toMatchObject({
			name: 'shop.example.com',
			tags: ['one'],
			eventsNotificationCallbackUrl: 'https://mycoolapp.com/events',
		})
		expect(status).toBe(200)
		expect(made.subscriptionId).toEqual(expect.any(Number))
		expect(made.configuration).toMatchObject({
			'event.vendor.type': 'webhook',
			'event.notification.signature.key': null,
		})
		expect(Object.keys(JSON.parse(made.configuration['event.poller.configuration']))).toEqual([
			'customers',
			'discounts',
			'orders',
			'products',
		])
		expect((await client.call('GET', `/instances/${made.id}/health`)).body.state).toBe('healthy')
	})

	test('a new instance sends changes of variations with their product, one of before none; a PUT keeps the value §3.18 §3.19', async () => {
		const key = 'event.poller.variations'
		const { body: made } = await client.call('POST', '/instances', body())
		expect(made.configuration[key]).toBe('parent')
		const off = await client.call('PATCH', `/instances/${made.id}`, { configuration: { [key]: 'off' } })
		expect(off.body.configuration[key]).toBe('off')
		const parent = await client.call('PATCH', `/instances/${made.id}`, { configuration: { [key]: 'parent' } })
		expect(parent.body.configuration[key]).toBe('parent')
		for (const query of ['', '?replace=true'])
			expect((await client.call('PUT', `/instances/${made.id}${query}`, body())).body.configuration[key]).toBe('parent')
		const [row] = await rows('instances')
		const { [key]: _absent, ...before } = JSON.parse(row!['configuration'])
		await env.DB.prepare('UPDATE instances SET configuration = ?').bind(JSON.stringify(before)).run()
		expect((await client.call('GET', `/instances/${made.id}`)).body.configuration[key]).toBe('off')
		for (const query of ['', '?replace=true'])
			expect((await client.call('PUT', `/instances/${made.id}${query}`, body())).body.configuration[key]).toBe('off')
		const wrong = await client.call('POST', '/instances', body({ [key]: 'both' }))
		expect([wrong.status, wrong.body.message]).toEqual([400, expect.stringContaining(key)])
	})

	test('variations of their own are polled without a row; a shop without that list is 400 with the key §3.19', async () => {
		const key = 'event.poller.variations'
		const own = { [key]: 'own', 'event.poller.configuration': undefined }
		const made = await client.call('POST', '/instances', body(own))
		expect([made.status, made.body.configuration[key]]).toEqual([200, 'own'])
		expect(Object.keys(JSON.parse(made.body.configuration['event.poller.configuration']))).not.toContain('variations')
		const [row] = await rows('instances')
		expect(Object.keys(JSON.parse(row!['connection']).collections)).toContain('variations')
		store = createStore({
			objects: 4,
			version: '7.0',
			url: 'https://old.example.com',
			now: () => Date.parse('2026-06-01T12:00:00Z'),
		})
		const refused = await client.call('POST', '/instances', body(own))
		expect(refused.status).toBe(400)
		expect(refused.body.message).toMatch(/event\.poller\.variations: expected parent or off.*10\.3/)
		expect((await client.call('POST', '/instances', body({ ...own, [key]: 'parent' }))).status).toBe(200)
	})

	test('secrets are sealed at rest and masked in every answer §2.25', async () => {
		const { body: made } = await client.call(
			'POST',
			'/instances',
			body({
				'event.notification.signature.key': 'sign-me',
				'event.notification.basic.password': 'pass-me',
				password: 'p',
			}),
		)
		const kept = JSON.stringify(await rows('instances')) + JSON.stringify(await rows('audit_log'))
		for (const secret of [store.credentials.key, store.credentials.secret, 'sign-me', 'pass-me', made.token])
			expect(kept).not.toContain(secret)
		for (const path of [`/instances/${made.id}`, '/instances', `/instances/${made.id}/configuration`]) {
			const text = JSON.stringify((await client.call('GET', path)).body)
			for (const secret of [store.credentials.key, store.credentials.secret, 'sign-me', 'pass-me'])
				expect(text).not.toContain(`"${secret}"`)
		}
		expect(made.configuration).toMatchObject({ 'event.notification.signature.key': '********', password: '********' })
	})

	test('without events only the hub is there: nothing is polled, no webhook is made, and event keys are kept for later §2.19', async () => {
		const { body: made } = await client.call(
			'POST',
			'/instances',
			body({
				'event.notification.enabled': undefined,
				'event.vendor.type': 'webhook',
				'event.notification.callback.url': 'https://mycoolapp.com/events',
				'event.poller.refresh_interval': 5,
			}),
		)
		expect(made.eventsEnabled).toBe(false)
		expect(made.eventsNotificationCallbackUrl).toBeUndefined()
		// The key is tried with one small page; beyond that no collection is asked for.
		const asked = client.world.requests.map((one) => new URL(one.split(' ')[1]!))
		const collections = asked.filter(({ pathname }) =>
			/\/wc\/v3\/(orders|products|coupons|customers|webhooks)/.test(pathname),
		)
		expect(collections.map(({ pathname, searchParams }) => [pathname, searchParams.get('per_page')])).toEqual([
			['/wp-json/wc/v3/orders', '10'],
		])
		expect(client.world.watchers.calls).toEqual([`${made.id} create`])
		expect(store.webhooks()).toEqual([])
		const { configuration } = (await client.call('GET', `/instances/${made.id}`)).body
		expect(configuration).toMatchObject({
			'event.vendor.type': 'webhook',
			'event.notification.callback.url': 'https://mycoolapp.com/events',
			'event.poller.refresh_interval': '5',
		})
		expect(Object.keys(JSON.parse(configuration['event.poller.configuration']))).toEqual(['contacts'])
		expect((await client.call('PUT', `/instances/${made.id}/poll`, { depth: 'window' })).status).toBe(409)
	})

	test('another path names the element §2.1 §2.35', async () => {
		expect((await client.call('POST', '/elements/2881/instances', body({}, { element: undefined }))).status).toBe(200)
		expect((await client.call('POST', '/elements/woocommercerest/instances', body())).status).toBe(200)
		expect((await client.call('POST', '/elements/shopify/instances', body())).status).toBe(404)
		expect((await client.call('POST', '/instances', body({}, { element: { key: 'shopify' } }))).body.message).toContain(
			'element.key',
		)
	})

	test('an instance is not found beneath an element that it is not of §2.35', async () => {
		const { id } = (await client.call('POST', '/instances', body())).body
		for (const keyOrId of ['woocommercerest', '2881'])
			expect((await client.call('GET', `/elements/${keyOrId}/instances/${id}`)).body.id, keyOrId).toBe(id)
		for (const [method, sent] of [
			['GET', undefined],
			['PATCH', { name: 'Renamed' }],
			['PUT', body()],
			['DELETE', undefined],
		] as const) {
			for (const keyOrId of ['shopify', '2882']) {
				const { status } = await client.call(method, `/elements/${keyOrId}/instances/${id}`, sent)
				expect(status, `${method} ${keyOrId}`).toBe(404)
			}
		}
		expect((await client.call('GET', `/instances/${id}`)).body.name).not.toBe('Renamed')
	})

	test.each<[string, Record<string, unknown>, string]>([
		['a wrong secret', { 'oauth.api.secret': 'cs_wrong' }, 'secret'],
		['an unknown key', { 'oauth.api.key': 'ck_wrong' }, 'key'],
	])('%s is a 400 that says so, and nothing stays behind §2.22', async (_name, configuration, word) => {
		const { status, body: error } = await client.call('POST', '/instances', body(configuration))
		expect(status).toBe(400)
		expect(error.message).toContain(word)
		expect(error.requestId).toEqual(expect.any(String))
		expect(await rows('instances')).toEqual([])
		expect(client.world.watchers.calls).toEqual([])
	})

	test('a store that fails is a 502 §1.9 §1.11', async () => {
		client.world.store = async () =>
			Response.json({ code: 'db_error', message: 'The database is away' }, { status: 500 })
		const { status, body: error } = await client.call('POST', '/instances', body())
		expect(status).toBe(502)
		expect(Object.keys(error).sort()).toEqual(['message', 'providerMessage', 'requestId'])
		expect(error.providerMessage).toContain('The database is away')
		// What the store has not said is not there.
		expect(Object.keys((await client.call('GET', '/instances/99')).body)).toEqual(['message', 'requestId'])
		expect(await rows('instances')).toEqual([])
	})

	test('an object that cannot be made leaves no row, and the caller no exception text', async () => {
		client.world.watchers.failingCall = 'create'
		const { status, body: error } = await client.call('POST', '/instances', body())
		expect(status).toBe(500)
		expect(error.message).not.toContain('reached')
		expect(await rows('instances')).toEqual([])
		expect(client.world.watchers.calls.at(-1)).toMatch(/destroy$/)
	})

	test.each<[string, Record<string, unknown>, string]>([
		[
			'a time zone that does not exist',
			{ orders: { url: '/hubs/ecommerce/orders', datesConfiguration: { updatedDateTimezone: 'Mars/Olympus' } } },
			'event.poller.configuration.orders.datesConfiguration.updatedDateTimezone',
		],
		[
			'a date pattern that means something else',
			{ orders: { url: '/orders', datesConfiguration: { updatedDateFormat: 'dd/MM/YYYY' } } },
			'event.poller.configuration.orders.datesConfiguration.updatedDateFormat: ' +
				'dd/MM/YYYY: YYYY is the week year; expected dd/MM/yyyy',
		],
		[
			'a placeholder that writes something else',
			{ orders: { url: "/orders?where=after='${gmtDate:YYYY-MM-DD}'" } },
			'event.poller.configuration.orders.url: ${gmtDate:YYYY-MM-DD} is not understood: YYYY-MM-DD: YYYY is the week year',
		],
		['a resource without url', { orders: {} }, 'event.poller.configuration.orders.url'],
		[
			'the same collection twice',
			{ a: { url: '/hubs/ecommerce/orders' }, b: { url: '/orders' } },
			'event.poller.configuration.b.url',
		],
		[
			'a page size that is text',
			{ orders: { url: '/orders', pageSize: 'many' } },
			'event.poller.configuration.orders.pageSize',
		],
	])('%s is a 400 that names the field §3.6 §3.9', async (_name, poller, field) => {
		const { status, body: error } = await client.call(
			'POST',
			'/instances',
			body({ 'event.poller.configuration': poller }),
		)
		expect(status).toBe(400)
		expect(error.message).toContain(field)
		expect(await rows('instances')).toEqual([])
	})

	const FORBIDDEN_URLS = [
		'/hubs/ecommerce/orders?_method=POST&status=completed',
		'/orders?%5Fmethod=DELETE',
		'/orders?.method=POST',
		'/orders?status=processing&rest.route=/wp/v2/users',
		'/orders?oauth_token=x',
		'/orders?consumer_key=ck_other',
		'/orders?_fields=id',
		'/orders?a[_method]=POST',
		'/orders?colour=red',
	]

	test.each(FORBIDDEN_URLS)(
		'the url %s is a 400 that names the field, at creation and at every change §3.12',
		async (url) => {
			const poller = { 'event.poller.configuration': { orders: { url } } }
			const made = await client.call('POST', '/instances', body())
			const before = await rows('instances')
			const item = (await client.call('GET', `/instances/${made.body.id}/configuration`)).body.find(
				(one: any) => one.key === 'event.poller.configuration',
			)
			for (const [method, path, sent] of [
				['POST', '/instances', body(poller)],
				['POST', '/instances', body({ ...poller, 'event.notification.enabled': false })],
				['PATCH', `/instances/${made.body.id}`, { configuration: poller }],
				['PUT', `/instances/${made.body.id}`, body(poller)],
				[
					'PATCH',
					`/instances/${made.body.id}/configuration/${item.id}`,
					{ propertyValue: JSON.stringify(poller['event.poller.configuration']) },
				],
			] as const) {
				const answer = await client.call(method, path, sent)
				expect([answer.status, answer.body.message], `${method} ${path}`).toEqual([
					400,
					expect.stringMatching(/^event\.poller\.configuration\.orders\.url: expected .*found "/),
				])
			}
			expect(await rows('instances')).toEqual(before)
		},
	)

	test('an instance of an earlier version with such a url can still be changed; another such url is refused §2.39', async () => {
		const { body: made } = await client.call('POST', '/instances', body())
		const poller = JSON.stringify({ orders: { url: '/orders?_method=POST' } })
		await env.DB.prepare(
			'UPDATE instances SET configuration = json_set(configuration, \'$."event.poller.configuration"\', ?) WHERE id = ?',
		)
			.bind(poller, made.id)
			.run()
		const renamed = await client.call('PATCH', `/instances/${made.id}`, { name: 'Renamed' })
		expect([renamed.status, renamed.body.message]).toEqual([200, undefined])
		expect(renamed.body.configuration['event.poller.configuration']).toBe(poller)
		// Sent back as it was shown it stays; the watcher leaves it out.
		const whole = (await client.call('GET', `/instances/${made.id}`)).body
		expect((await client.call('PUT', `/instances/${made.id}`, whole)).body).toEqual(whole)
		const sent = { configuration: { 'event.poller.configuration': poller.replace('POST', 'PUT') } }
		expect((await client.call('PATCH', `/instances/${made.id}`, sent)).status).toBe(400)
	})

	test('two labels may watch one collection under different conditions, and any collection can be watched', async () => {
		const poller = {
			paid: { url: "/hubs/ecommerce/orders?where=status='processing'" },
			all: { url: '/hubs/ecommerce/orders' },
			cats: { url: '/hubs/ecommerce/products-categories', filterByUpdatedDate: 'true' },
			zones: { url: '/taxes', idField: '$.id' },
		}
		const made = await client.call('POST', '/instances', body({ 'event.poller.configuration': JSON.stringify(poller) }))
		expect(made.body.message).toBeUndefined()
		expect(JSON.parse(made.body.configuration['event.poller.configuration']).cats.filterByUpdatedDate).toBe(true)
	})
})

describe('reading', () => {
	test('lists by tag and text; a filter that finds nothing is a 404, an empty organization an empty list §2.27 §2.28', async () => {
		expect((await client.call('GET', '/instances')).body).toEqual([])
		expect((await client.call('GET', '/instances?searchText=x')).status).toBe(404)
		const ids: number[] = []
		for (const name of ['Alpha', 'Beta', 'Gamma'])
			ids.push((await client.call('POST', '/instances', body({}, { name, tags: [name.toLowerCase(), 'all'] }))).body.id)
		expect((await client.call('GET', '/instances?tags[]=beta')).body.map((item: any) => item.name)).toEqual(['Beta'])
		expect((await client.call('GET', '/instances?searchText=GAM')).body.map((item: any) => item.name)).toEqual([
			'Gamma',
		])
		expect((await client.call('GET', '/instances?searchText=CommerceRest')).body.map((item: any) => item.id)).toEqual(
			ids,
		)
		expect((await client.call('GET', '/instances?tags[]=none')).status).toBe(404)
		const first = await client.call('GET', '/instances?pageSize=2&hydrate=false')
		expect(first.body.map((item: any) => item.id)).toEqual(ids.slice(0, 2))
		expect(first.body[0].configuration).toBeUndefined()
		expect(first.headers.get('Elements-Total-Count')).toBe('3')
		expect(first.headers.get('Elements-Returned-Count')).toBe('2')
		const second = await client.call(
			'GET',
			`/instances?pageSize=2&nextPage=${first.headers.get('Elements-Next-Page-Token')}`,
		)
		expect(second.body.map((item: any) => item.id)).toEqual(ids.slice(2))
		expect((await client.call('GET', '/elements/woocommercerest/instances')).body).toHaveLength(3)
		expect((await client.call('GET', `/elements/2881/instances/${ids[0]}`)).body.id).toBe(ids[0])
		for (const query of ['pageSize=0', 'pageSize=201', 'pageSize=x', 'nextPage=???', 'hydrate=maybe'])
			expect((await client.call('GET', `/instances?${query}`)).status, query).toBe(400)
	})

	test("another organization's instances do not exist §1.7", async () => {
		const { body: made } = await client.call('POST', '/instances', body())
		const authorization = await addOrganization(2)
		for (const [method, path, sent] of [
			['GET', `/instances/${made.id}`],
			['PATCH', `/instances/${made.id}`, {}],
			['PUT', `/instances/${made.id}`, body()],
			['DELETE', `/instances/${made.id}`],
			['PUT', `/instances/${made.id}/enabled`],
			['DELETE', `/instances/${made.id}/enabled`],
			['GET', `/instances/${made.id}/health`],
			['GET', `/instances/${made.id}/poller`],
			['PUT', `/instances/${made.id}/poll`, {}],
			['GET', `/instances/${made.id}/deletions`],
			['PUT', `/instances/${made.id}/deletions`, { decision: 'emit' }],
			['GET', `/instances/${made.id}/unchecked`],
			['PUT', `/instances/${made.id}/unchecked`, { decision: 'emit' }],
			['GET', `/instances/${made.id}/mass-changes`],
			['PUT', `/instances/${made.id}/mass-changes`, { decision: 'emit' }],
			['GET', `/instances/${made.id}/events`],
			['GET', `/instances/${made.id}/configuration`],
			['GET', `/elements/woocommercerest/instances/${made.id}`],
		] as const)
			expect((await client.call(method, path, sent, { authorization })).status, `${method} ${path}`).toBe(404)
		expect((await client.call('GET', '/instances', undefined, { authorization })).body).toEqual([])
		// A user of another organization cannot use a token either.
		const [other] = authorization.split(',')
		expect(
			(await client.call('GET', '/instances', undefined, { authorization: `${other}, Element ${made.token}` })).status,
		).toBe(401)
		expect(client.world.watchers.calls).toEqual([`${made.id} create`])
	})

	test('configuration items are read and changed one by one §2.34', async () => {
		const { body: made } = await client.call('POST', '/instances', body())
		const items = (await client.call('GET', `/instances/${made.id}/configuration`)).body
		const interval = items.find((item: any) => item.key === 'event.poller.refresh_interval')
		expect(interval).toMatchObject({ propertyValue: '15', required: false, active: true })
		const asToken = { authorization: `User ${client.userSecret}, Element ${made.token}` }
		expect(
			(await client.call('PATCH', `/instances/configuration/${interval.id}`, { propertyValue: 30 }, asToken)).body
				.propertyValue,
		).toBe('30')
		expect((await client.call('GET', `/instances/${made.id}/configuration/${interval.id}`)).body.propertyValue).toBe(
			'30',
		)
		expect(
			(await client.call('PATCH', `/instances/${made.id}/configuration/${interval.id}`, { propertyValue: 'soon' }))
				.status,
		).toBe(400)
		expect((await client.call('GET', `/instances/${made.id}/configuration/1`)).status).toBe(404)
	})
})

describe('changing', () => {
	let id: number
	beforeEach(async () => {
		id = (await client.call('POST', '/instances', body({ 'event.notification.signature.key': 'first key' }))).body.id
		client.world.watchers.calls.length = 0
		client.world.requests.length = 0
	})

	test('PATCH merges the configuration, replaces tags whole, and needs no store §2.20 §2.26 §2.29 §2.30', async () => {
		const { body: changed } = await client.call('PATCH', `/instances/${id}`, {
			name: '<b>New</b>',
			tags: ['x', 'y'],
			configuration: {
				'event.notification.callback.url': 'https://new.example.com/hook',
				'oauth.api.secret': '********',
				'my.key': 7,
			},
		})
		expect(changed).toMatchObject({
			name: 'New',
			tags: ['x', 'y'],
			eventsNotificationCallbackUrl: 'https://new.example.com/hook',
		})
		expect(changed.configuration).toMatchObject({
			'my.key': '7',
			'event.poller.refresh_interval': '15',
			'event.notification.signature.key': '********',
		})
		expect(client.world.requests).toEqual([])
		expect(client.world.watchers.calls).toEqual([`${id} configure 2{"release":true}`])
		expect((await rows('instances'))[0]!['version']).toBe(2)
		expect((await client.call('GET', `/instances/${id}`)).body).toEqual(changed)
	})

	test('******** in a configuration item leaves its secret as it is, anything else changes it §2.20', async () => {
		const items = (await client.call('GET', `/instances/${id}/configuration`)).body
		const item = items.find((one: any) => one.key === 'event.notification.signature.key')
		expect(item.propertyValue).toBe('********')
		const key = async () => (await client.call('GET', `/instances/${id}/signature-key`)).body.key
		for (const [sent, kept] of [
			['********', 'first key'],
			['second key', 'second key'],
		]) {
			const { status, body: shown } = await client.call('PATCH', `/instances/${id}/configuration/${item.id}`, {
				propertyValue: sent,
			})
			expect([status, shown.propertyValue]).toEqual([200, '********'])
			expect(await key()).toBe(kept)
		}
	})

	test('what an instance answers can be sent back whole §2.12 §2.20', async () => {
		const before = (await client.call('GET', `/instances/${id}`)).body
		const { status, body: after } = await client.call('PUT', `/instances/${id}`, before)
		expect(after).toEqual(before)
		expect(status).toBe(200)
		expect(client.world.requests).toEqual([])
	})

	test('PUT with replace=true replaces: what is not sent is gone §2.26 §2.29', async () => {
		const { body: after } = await client.call('PUT', `/instances/${id}?replace=true`, {
			configuration: { 'store.url': store.url, 'oauth.api.key': '********', 'oauth.api.secret': '********' },
		})
		expect(after).toMatchObject({ name: 'shop.example.com', tags: [], eventsEnabled: false })
		expect(after.configuration['event.notification.signature.key']).toBeNull()
		const { status, body: error } = await client.call('PUT', `/instances/${id}?replace=true`, {
			configuration: { 'store.url': store.url },
		})
		expect(status).toBe(400)
		expect(error.message).toContain('oauth.api.key, oauth.api.secret')
	})

	test('PUT keeps what is not sent, by every path: configuration, tags and name §2.29 §2.39', async () => {
		const token = (await client.call('GET', `/instances/${id}`)).body.token
		await client.call('PATCH', `/instances/${id}`, { name: 'Mine', tags: ['a', 'b'] })
		const before = (await client.call('GET', `/instances/${id}`)).body
		const keys = {
			'store.url': store.url,
			'oauth.api.key': store.credentials.key,
			'oauth.api.secret': store.credentials.secret,
		}
		// As a client reads it into a type that lacks some keys.
		const { 'store.url': _url, 'filter.response.nulls': _nulls, ...less } = before.configuration
		for (const [path, body, options] of [
			[`/instances/${id}`, { configuration: keys }, {}],
			[`/elements/woocommercerest/instances/${id}`, { configuration: keys }, {}],
			[`/elements/2881/instances/${id}?reAuthenticate=false`, { ...before, configuration: less }, {}],
			['/instances', { configuration: less }, { authorization: `User ${client.userSecret}, Element ${token}` }],
			[`/instances/${id}`, {}, {}],
		] as const) {
			const { status, body: after } = await client.call('PUT', path, body, options)
			expect([path, status, after]).toEqual([path, 200, before])
		}
		const interval = { ...less, 'event.poller.refresh_interval': '30' }
		const changed = await client.call('PUT', `/elements/woocommercerest/instances/${id}?reAuthenticate=false`, {
			configuration: interval,
		})
		expect(changed.body.configuration).toEqual({ ...before.configuration, 'event.poller.refresh_interval': '30' })
		expect((await client.call('GET', `/instances/${id}/signature-key`)).body.key).toBe('first key')
	})

	test.each(['PUT', 'PATCH'])(
		'%s removes a key by null or an empty text, and refuses it for a required one §2.39',
		async (method) => {
			for (const nothing of [null, '', '  ']) {
				await client.call('PATCH', `/instances/${id}`, {
					configuration: {
						'event.notification.signature.key': 'a key',
						'event.poller.refresh_interval': '30',
						own: 'x',
					},
				})
				const { status, body: after } = await client.call(method, `/instances/${id}`, {
					configuration: {
						'event.notification.callback.url': nothing,
						'event.notification.signature.key': nothing,
						'event.poller.refresh_interval': nothing,
					},
				})
				expect(status).toBe(200)
				expect(after.configuration).toMatchObject({
					'event.notification.callback.url': null,
					'event.notification.signature.key': null,
					'event.poller.refresh_interval': '15',
					own: 'x',
				})
				expect((await client.call('GET', `/instances/${id}/signature-key`)).body.key).toBeNull()
				const before = await rows('instances')
				for (const key of ['store.url', 'oauth.api.key', 'oauth.api.secret']) {
					const refused = await client.call(method, `/instances/${id}`, { configuration: { [key]: nothing } })
					expect([refused.status, refused.body.message]).toEqual([400, `configuration: missing ${key}`])
					const item = await client.call('PATCH', `/instances/${id}/configuration/${key}`, { propertyValue: nothing })
					expect([item.status, item.body.message]).toEqual([400, `configuration: missing ${key}`])
				}
				expect(await rows('instances')).toEqual(before)
			}
		},
	)

	test('a placeholder of the documentation changes no optional key, and tags go only when a list says so §2.26 §2.39', async () => {
		await client.call('PATCH', `/instances/${id}`, { tags: ['a'] })
		const before = (await client.call('GET', `/instances/${id}`)).body
		const placeholders = {
			tags: ['<Add_Your_Tag>'],
			configuration: {
				'event.notification.callback.url': '<CALLBACK_URL>',
				'event.notification.signature.key': 'xxxxxxxx',
				'event.poller.refresh_interval': '<minutes>',
			},
		}
		for (const method of ['PUT', 'PATCH'])
			expect((await client.call(method, `/instances/${id}`, placeholders)).body).toEqual(before)
		expect((await client.call('PUT', `/instances/${id}`, { tags: null })).body.tags).toEqual(['a'])
		expect((await client.call('PUT', `/instances/${id}`, { tags: [] })).body.tags).toEqual([])
		expect((await client.call('PATCH', `/instances/${id}`, { tags: ['a'] })).body.tags).toEqual(['a'])
		expect((await client.call('PATCH', `/instances/${id}`, { tags: '' })).body.tags).toEqual([])
		expect((await client.call('POST', '/instances', body({}, { tags: [] }))).body.tags).toEqual([])
		expect((await client.call('POST', '/instances', body({}, { tags: ['<Add_Your_Tag>'] }))).body.tags).toHaveLength(1)
	})

	test('what a client has no value for is null and changes nothing; an own key is removed too §2.39', async () => {
		await client.call('PATCH', `/instances/${id}`, { tags: ['a'], configuration: { own: 'x', other: 'y' } })
		const { body: before } = await client.call('GET', `/instances/${id}`)
		const authorization = `User ${client.userSecret}, Element ${before.token}`
		const routes = [
			[`/instances/${id}`, {}],
			['/instances', { authorization }],
			[`/elements/2881/instances/${id}?reAuthenticate=false`, {}],
		] as const
		for (const [path, options] of routes)
			for (const method of ['PUT', 'PATCH']) {
				const put = (sent: unknown) => client.call(method, path, sent, options)
				for (const sent of [
					{ element: null, configuration: null, tags: null, name: null },
					{ name: '' },
					{ configuration: { unset: '********', own: '********', 'event.notification.basic.password': '********' } },
					{ configuration: { nothing: null, empty: '' } },
					{ ...before, configuration: { ...before.configuration, 'event.notification.enabled': true } },
				]) {
					const { status, body: after } = await put(sent)
					expect([method, path, sent, status, after]).toEqual([method, path, sent, 200, before])
				}
				for (const nothing of [null, '']) {
					const removed = (await put({ configuration: { own: nothing } })).body.configuration
					expect(removed).not.toHaveProperty('own')
					expect(removed.other).toBe('y')
					expect((await put({ configuration: { own: 'x' } })).body).toEqual(before)
				}
				for (const configuration of [
					[],
					'text',
					7,
					{ 'event.notification.callback.url': 'https://elsewhere.example.com/hook?a=********' },
					{ 'event.notification.enabled': 7 },
				]) {
					const { status, body: refused } = await put({ configuration })
					expect([configuration, status, typeof refused.message]).toEqual([configuration, 400, 'string'])
				}
			}
		expect((await client.call('GET', `/instances/${id}`)).body).toEqual(before)
		const created = await client.call('POST', '/instances', { element: null, configuration: null })
		expect([created.status, created.body.message]).toEqual([400, 'element.key: expected "woocommercerest"'])
	})

	test('an address sent by its alias is the store, unless the instance has one of its own §2.9 §2.39', async () => {
		const other = createStore({ objects: 2, url: 'https://other.example.com', now: () => client.world.nowMs })
		client.world.store = (request) => (request.url.startsWith(other.url) ? other : store).fetch(request)
		const { 'store.url': _url, ...rest } = body().configuration as Record<string, unknown>
		const { body: made } = await client.call('POST', '/instances', {
			...body(),
			configuration: { ...rest, 'oauth.callback.url': store.url },
		})
		const moved = {
			'oauth.callback.url': other.url,
			'oauth.api.key': other.credentials.key,
			'oauth.api.secret': other.credentials.secret,
		}
		const put = (to: number, configuration: Record<string, unknown>) =>
			client.call('PUT', `/instances/${to}?rebaseline=true`, { configuration })
		expect((await put(made.id, { 'oauth.callback.url': store.url })).status).toBe(200)
		expect((await put(made.id, moved)).body.configuration['store.url']).toBe(other.url)
		const refused = await put(made.id, { 'store.url': null })
		expect([refused.status, refused.body.message]).toEqual([400, 'configuration: missing store.url'])
		expect((await put(id, { 'oauth.callback.url': 'https://app.example.com/back' })).body.configuration).toMatchObject({
			'store.url': store.url,
			'oauth.callback.url': 'https://app.example.com/back',
		})
	})

	test('a wrong secret is refused and changes nothing', async () => {
		const before = await rows('instances')
		expect(
			(await client.call('PATCH', `/instances/${id}`, { configuration: { 'oauth.api.secret': 'cs_wrong' } })).status,
		).toBe(400)
		expect(await rows('instances')).toEqual(before)
		expect(client.world.watchers.calls).toEqual([])
	})

	test('another site is a 409 that names both, unless a new baseline is wanted', async () => {
		const other = createStore({ objects: 2, url: 'https://other.example.com', now: () => client.world.nowMs })
		client.world.store = (request) => (request.url.startsWith(other.url) ? other : store).fetch(request)
		const configuration = {
			'store.url': other.url,
			'oauth.api.key': other.credentials.key,
			'oauth.api.secret': other.credentials.secret,
		}
		const { status, body: error } = await client.call('PATCH', `/instances/${id}`, { configuration })
		expect(status).toBe(409)
		expect(error.message).toContain('https://shop.example.com')
		expect(error.message).toContain('https://other.example.com')
		expect(client.world.watchers.calls).toEqual([])
		expect(
			(await client.call('PATCH', `/instances/${id}?rebaseline=true`, { configuration })).body.configuration[
				'store.url'
			],
		).toBe(other.url)
		// Credentials were sent, so that a back-off ends (§11.12).
		expect(client.world.watchers.calls).toEqual([`${id} configure 2{"retry":true}`])
	})

	test('a collection that is added is checked at the store, and secrets that stay keep their sealed form', async () => {
		const kept = JSON.parse((await rows('instances'))[0]!['configuration'])
		const poller = (...names: string[]) => ({
			configuration: {
				'event.poller.configuration': Object.fromEntries(
					names.map((name) => [name, { url: `/hubs/ecommerce/${name}` }]),
				),
			},
		})
		expect((await client.call('PATCH', `/instances/${id}`, poller('customers', 'taxes'))).status).toBe(200)
		expect(client.world.requests.length).toBeGreaterThan(0)
		const row = (await rows('instances'))[0]!
		expect(Object.keys(JSON.parse(row['connection']).collections).sort()).toEqual(['customers', 'taxes'])
		for (const key of ['oauth.api.key', 'oauth.api.secret', 'event.notification.signature.key'])
			expect(JSON.parse(row['configuration'])[key]).toBe(kept[key])
		client.world.requests.length = 0
		expect((await client.call('PATCH', `/instances/${id}`, poller('taxes'))).status).toBe(200)
		expect(client.world.requests).toEqual([])
	})

	test('an object that cannot be reached does not undo the change', async () => {
		client.world.watchers.failingCall = 'configure'
		expect((await client.call('PATCH', `/instances/${id}`, { name: 'Kept' })).status).toBe(200)
		expect((await client.call('GET', `/instances/${id}`)).body.name).toBe('Kept')
	})

	test('disabled: the hub answers 403, the instance is still there; enabling releases, and may skip §1.6 §2.33', async () => {
		const token = (await client.call('GET', `/instances/${id}`)).body.token
		const asToken = { authorization: `User ${client.userSecret}, Element ${token}` }
		expect((await client.call('DELETE', `/instances/${id}/enabled`)).body.disabled).toBe(true)
		expect((await client.call('GET', '/hubs/ecommerce/orders', undefined, asToken)).status).toBe(403)
		expect((await client.call('GET', '/orders', undefined, asToken)).status).toBe(403)
		expect((await client.call('PUT', `/instances/${id}/poll`, {})).status).toBe(409)
		expect((await client.call('GET', '/instances', undefined, asToken)).body.disabled).toBe(true)
		expect((await client.call('PUT', '/instances/enabled?skip=true', undefined, asToken)).body.disabled).toBe(false)
		expect(client.world.watchers.calls).toEqual([`${id} configure 2{}`, `${id} configure 3{"release":true}`])
		// It stands in the row, so that it is not lost with the call.
		expect((await rows('instances'))[0]).toMatchObject({ version: 3, baseline_version: 3 })
		await client.call('PATCH', `/instances/${id}`, { name: 'Renamed' })
		await client.call('PUT', `/instances/${id}/enabled`)
		expect((await rows('instances'))[0]).toMatchObject({ version: 5, baseline_version: 3 })
	})

	test('deleted: the token is dead, the id is gone, nothing stays §1.5 §2.31', async () => {
		const token = (await client.call('GET', `/instances/${id}`)).body.token
		const { status, body: answer } = await client.call('DELETE', `/instances/${id}`)
		expect([status, answer]).toEqual([200, null])
		expect((await client.call('GET', `/instances/${id}`)).status).toBe(404)
		expect((await client.call('DELETE', `/instances/${id}`)).status).toBe(404)
		expect(
			(await client.call('GET', '/orders', undefined, { authorization: `User ${client.userSecret}, Element ${token}` }))
				.status,
		).toBe(401)
		expect(client.world.watchers.calls).toEqual([`${id} destroy`])
		expect(await rows('instances')).toEqual([])
	})

	test('every change leaves an audit row that names it', async () => {
		await client.call('PATCH', `/instances/${id}`, {
			name: 'name of mine',
			configuration: { 'my.key': 'value of mine' },
		})
		await client.call('DELETE', `/instances/${id}/enabled`)
		await client.call('PUT', `/instances/${id}/enabled`)
		await client.call('PUT', `/instances/${id}/deletions`, { decision: 'forget' })
		await client.call('PUT', `/instances/${id}/unchecked`, { decision: 'emit' })
		await client.call('PUT', `/instances/${id}/mass-changes`, { decision: 'forget' })
		await client.call('DELETE', `/instances/${id}`)
		const log = await rows('audit_log')
		expect(log.map((row) => row['action'])).toEqual([
			'organization.create',
			'instance.create',
			'instance.update',
			'instance.disable',
			'instance.enable',
			'instance.deletions',
			'instance.unchecked',
			'instance.mass-changes',
			'instance.delete',
		])
		expect(log.every((row) => row['organization_id'] === 1 && row['user_id'] === 1 && row['request_id'] !== null)).toBe(
			true,
		)
		expect(log[2]!['detail']).toContain('my.key')
		expect(JSON.stringify(log)).not.toMatch(/(value|name) of mine/)
	})

	test('of two changes at once none is lost unnoticed, and only what took hold is audited', async () => {
		const answers = await Promise.all(
			['a', 'b', 'c'].map((key) => client.call('PATCH', `/instances/${id}`, { configuration: { [key]: key } })),
		)
		const done = answers.filter((answer) => answer.status === 200)
		expect(done.length).toBeGreaterThan(0)
		expect(answers.every((answer) => answer.status === 200 || answer.status === 409)).toBe(true)
		const { configuration } = (await client.call('GET', `/instances/${id}`)).body
		for (const [index, key] of ['a', 'b', 'c'].entries())
			expect(configuration[key]).toBe(answers[index]!.status === 200 ? key : undefined)
		expect((await rows('audit_log')).filter((row) => row['action'] === 'instance.update')).toHaveLength(done.length)
		expect((await rows('instances'))[0]!['version']).toBe(1 + done.length)
	})

	test('headers of the callback are masked, and come back unchanged', async () => {
		const { body: changed } = await client.call('PATCH', `/instances/${id}`, {
			configuration: { 'event.notification.callback.headers': { Authorization: 'Bearer of mine' } },
		})
		expect(changed.configuration['event.notification.callback.headers']).toBe('********')
		const kept = async () =>
			JSON.parse((await rows('instances'))[0]!['configuration'])['event.notification.callback.headers']
		const sealed = await kept()
		expect(sealed).toMatch(/^v2\./)
		await client.call('PUT', `/instances/${id}`, changed)
		expect(await kept()).toBe(sealed)
	})

	test('polls on demand and decides about held deletions §11.8', async () => {
		expect(await client.call('PUT', `/instances/${id}/poll`, { depth: 'reread' })).toMatchObject({
			status: 202,
			body: { depth: 'reread' },
		})
		expect((await client.call('PUT', `/instances/${id}/poll`, { depth: 'deep' })).body.message).toContain('depth')
		expect((await client.call('GET', `/instances/${id}/deletions`)).body).toEqual({ held: [] })
		expect((await client.call('PUT', `/instances/${id}/deletions`, { decision: 'forget' })).body).toEqual({
			decided: 3,
		})
		expect((await client.call('PUT', `/instances/${id}/deletions`, { decision: 'maybe' })).status).toBe(400)
		expect((await client.call('GET', `/instances/${id}/poller`)).body.resources).toEqual([])
	})

	test('lists unchecked objects and decides about them, by id and by token §11.17', async () => {
		const { token } = (await client.call('GET', `/instances/${id}`)).body
		const byToken = { authorization: `User ${client.userSecret}, Element ${token}` }
		for (const [path, headers] of [
			[`/instances/${id}/unchecked`, undefined],
			['/instances/unchecked', byToken],
		] as const) {
			expect((await client.call('GET', path, undefined, headers)).body).toMatchObject({
				unchecked: [{ resource: 'products', fields: ['price'], count: 3, sending: false }],
			})
			for (const decision of ['emit', 'forget'])
				expect((await client.call('PUT', path, { decision }, headers)).body).toEqual({ decided: 3 })
			for (const sent of [{ decision: 'maybe' }, { decision: null }, {}, [], 'emit']) {
				const refused = await client.call('PUT', path, sent, headers)
				expect(refused.status).toBe(400)
			}
		}
		expect((await client.call('PUT', `/instances/${id}/unchecked`, {})).body.message).toContain('decision')
		expect(client.world.watchers.calls.filter((call) => call.includes('decideUnchecked'))).toEqual([
			`${id} decideUnchecked emit`,
			`${id} decideUnchecked forget`,
			`${id} decideUnchecked emit`,
			`${id} decideUnchecked forget`,
		])
	})

	test('decides about held mass changes §11.8', async () => {
		expect((await client.call('GET', `/instances/${id}/mass-changes`)).body).toEqual({ held: [] })
		for (const decision of ['emit', 'forget'])
			expect((await client.call('PUT', `/instances/${id}/mass-changes`, { decision })).body).toEqual({ decided: 60 })
		const refused = await client.call('PUT', `/instances/${id}/mass-changes`, { decision: 'maybe' })
		expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining('decision') } })
	})
})

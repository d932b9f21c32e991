/** Lists of many instances, what they count, what replacing one asks of its store, and what forms are drawn from. */
import { beforeEach, describe, expect, test } from 'vitest'

import { hashSecret, newToken } from '../../../src/accounts/secrets.ts'
import { instanceSecret, sealSecret } from '../../../src/lib/sealing.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import {
	addOrganization,
	SAMPLE_METRICS,
	env,
	resetDatabase,
	startApiWorld,
	instanceBodyForStore,
	type ApiClient,
} from './harness.ts'
import { countQueries } from './support.ts'

let store: SimulatedStore
let client: ApiClient
let made: any

beforeEach(async () => {
	await resetDatabase()
	store = createStore({ objects: 4, url: 'https://shop.example.com' })
	client = await startApiWorld((request) => store.fetch(request))
	made = (await client.call('POST', '/instances', body())).body
})

function body(configuration: Record<string, unknown> = {}): Record<string, unknown> {
	return instanceBodyForStore(store, configuration)
}

/** So many more, like the one that is there; every tenth is tagged. */
async function copies(count: number): Promise<void> {
	// A token is sealed for its instance.
	const token = newToken('session')
	const sealed = await Promise.all(
		Array.from({ length: count }, async (_, i) => [
			i + 1,
			await sealSecret(
				env.MASTER_KEYS,
				token,
				instanceSecret({ id: made.id + i + 1, incarnation: String(made.id + i + 1) }, 'token'),
			),
		]),
	)
	await env.DB.prepare(
		`INSERT INTO instances (id, organization_id, user_id, state, version, enabled, events_enabled, element_key, name, tags, configuration, connection, token_hash, token_sealed, subscription_id, created_ms, updated_ms)
		SELECT instances.id + (n.value ->> 0), organization_id, user_id, state, version, enabled, events_enabled, element_key, 'Shop ' || (n.value ->> 0), CASE WHEN (n.value ->> 0) % 10 = 0 THEN '["tenth"]' ELSE tags END, configuration, connection, 'h' || (n.value ->> 0), n.value ->> 1, 1000 + (n.value ->> 0), created_ms, updated_ms FROM instances, json_each(?2) AS n WHERE instances.id = ?1`,
	)
		.bind(made.id, JSON.stringify(sealed))
		.run()
}

/** The pages of a list, followed by their tokens. */
async function pages(path: string, authorization?: string): Promise<{ bodies: any[][]; total: string | null }> {
	const bodies: any[][] = []
	let total: string | null = null
	for (let next: string | null = ''; next !== null;) {
		const query: string = next === '' ? '' : `${path.includes('?') ? '&' : '?'}nextPage=${encodeURIComponent(next)}`
		const answer = await client.call(
			'GET',
			path + query,
			undefined,
			authorization === undefined ? {} : { authorization },
		)
		expect(answer.status).toBe(200)
		expect(answer.headers.get('Elements-Returned-Count')).toBe(String(answer.body.length))
		bodies.push(answer.body)
		total = answer.headers.get('Elements-Total-Count')
		next = answer.headers.get('Elements-Next-Page-Token')
	}
	return { bodies, total }
}

/** Who only looks. */
async function viewer(): Promise<string> {
	await env.DB.prepare(
		"INSERT INTO users (id, organization_id, email, first_name, last_name, role, secret_hash, secret_sealed, created_ms) VALUES (8, 1, 'v@example.com', 'V', 'I', 'viewer', 'none', '', 0)",
	).run()
	const token = newToken('session')
	await env.DB.prepare(
		"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, 8, '', 0, ?)",
	)
		.bind(hashSecret(token), client.world.nowMs + 86_400_000)
		.run()
	return `Bearer ${token}`
}

describe('a thousand instances', () => {
	beforeEach(async () => await copies(999))

	test('are listed in pages of 200, and a page asks D1 for two things, who is calling included §2.27', async () => {
		const counted = countQueries(client)
		const { bodies, total } = await pages('/instances')
		expect(bodies.map((page) => page.length)).toEqual([200, 200, 200, 200, 200])
		expect(new Set(bodies.flat().map(({ id }) => id)).size).toBe(1_000)
		expect(total).toBe('1000')
		expect(counted).toEqual({ trips: 2 * bodies.length, statements: 2 * bodies.length })
		expect(bodies[4]![199]).toMatchObject({
			name: 'Shop 999',
			user: { id: 1, firstName: 'First' },
			configuration: { 'store.url': store.url },
		})
	})

	test.each([
		['/elements/2881/instances', 1_000],
		['/accounts/instances?tags[]=tenth', 99],
		['/accounts/1/instances?searchText=shop%2099', 11],
	])('%s, by two questions to D1 a page too §2.27 §2.35', async (path, count) => {
		const counted = countQueries(client)
		const { bodies, total } = await pages(path)
		expect([bodies.flat().length, total]).toEqual([count, String(count)])
		expect(counted.statements).toBe(2 * bodies.length)
	})

	test('metrics ask the instances of a page and no other', async () => {
		client.world.watchers.calls.length = 0
		const first = await client.call('GET', '/metrics')
		expect(first.body).toHaveLength(200)
		expect(client.world.watchers.calls.filter((call) => call.endsWith(' metrics'))).toHaveLength(200)
		expect(first.headers.get('Elements-Total-Count')).toBe('1000')
		expect(first.headers.get('Elements-Next-Page-Token')).not.toBeNull()
		client.world.watchers.calls.length = 0
		expect((await client.call('GET', '/metrics?tags[]=tenth&pageSize=7')).body).toHaveLength(7)
		expect(client.world.watchers.calls).toHaveLength(7)
		const scrape = await client.call('GET', '//metrics?tags[]=tenth', undefined, { headers: { Accept: 'text/plain' } })
		expect(scrape.body).toContain('\nshopbell_instances 99\n')
		expect(scrape.body).toContain('\nshopbell_instances_shown 99\n')
		expect((await client.call('GET', '/metrics?pageSize=201')).status).toBe(400)
	})
})

describe('lists of accounts', () => {
	test("an account is an organization: its own are listed, another one's does not exist", async () => {
		const authorization = await addOrganization(2)
		for (const path of ['/accounts/instances', '/accounts/1/instances'])
			expect((await pages(path)).bodies).toMatchObject([[{ id: made.id }]])
		expect((await pages('/accounts/instances', authorization)).bodies).toEqual([[]])
		expect((await pages('/accounts/2/instances', authorization)).bodies).toEqual([[]])
		expect((await client.call('GET', '/accounts/1/instances', undefined, { authorization })).status).toBe(404)
		expect((await client.call('GET', '/accounts/x/instances')).status).toBe(404)
		expect((await client.call('GET', '/accounts/instances?searchText=none')).status).toBe(404)
	})
})

describe('metrics', () => {
	test('in JSON: each instance as it is now; of a token its own; of another organization nothing', async () => {
		const one = { instanceId: made.id, name: made.name, up: true, metrics: SAMPLE_METRICS }
		expect((await client.call('GET', '/metrics')).body).toEqual([one])
		const token = { authorization: `User ${client.userSecret}, Element ${made.token}` }
		expect((await client.call('GET', '/metrics', undefined, token)).body).toEqual([one])
		expect((await client.call('GET', '/metrics', undefined, { authorization: await addOrganization(2) })).body).toEqual(
			[],
		)
		expect((await client.call('GET', '/metrics', undefined, { authorization: null })).status).toBe(401)
	})

	test('to a viewer and to an API key that may read instances, and to no other key', async () => {
		expect((await client.call('GET', '/metrics', undefined, { authorization: await viewer() })).body).toMatchObject([
			{ metrics: SAMPLE_METRICS },
		])
		for (const [scope, status] of [
			['instances:read', 200],
			['hub:read', 403],
		] as const) {
			const { key } = (await client.call('POST', '/accounts/api-keys', { name: 'Scraper', scopes: [scope] })).body
			expect((await client.call('GET', '//metrics', undefined, { authorization: `Bearer ${key}` })).status, scope).toBe(
				status,
			)
		}
	})

	test('in the text that Prometheus scrapes, and as OpenMetrics; an odd name is escaped', async () => {
		await client.call('PATCH', `/instances/${made.id}`, { name: 'A "shop" \\ of\nmine' })
		const { body: text, headers } = await client.call('GET', '//metrics', undefined, {
			headers: { Accept: 'text/plain;version=0.0.4' },
		})
		expect(headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8')
		const { name } = (await client.call('GET', `/instances/${made.id}`)).body
		const labels = `instance_id="${made.id}",name="${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
		for (const line of [
			`shopbell_up{${labels}} 1`,
			`shopbell_state{${labels},state="healthy"} 1`,
			`shopbell_lag_seconds{${labels}} 2`,
			`shopbell_poll_age_seconds{${labels}} 30`,
			`shopbell_seen_total{${labels}} 7`,
			`shopbell_delivered_total{${labels}} 5`,
			`shopbell_failed_total{${labels}} 1`,
			`shopbell_expired_total{${labels}} 0`,
			`shopbell_backlog{${labels}} 3`,
			`shopbell_backlog_age_seconds{${labels}} 61`,
			`shopbell_store_requests_total{${labels}} 40`,
			'# TYPE shopbell_seen_total counter',
			'shopbell_instances 1',
		])
			expect(text.split('\n')).toContain(line)
		// Every line is a comment or a sample.
		for (const line of text.trimEnd().split('\n'))
			expect(line).toMatch(/^# (HELP|TYPE) \w+ .+$|^\w+(\{.*\})? -?[\d.]+$/)
		const open = await client.call('GET', '//metrics', undefined, {
			headers: { Accept: 'application/openmetrics-text;version=1.0.0' },
		})
		expect(open.headers.get('Content-Type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
		expect(open.body).toContain('# TYPE shopbell_seen counter\n')
		expect(open.body.endsWith('\n# EOF\n')).toBe(true)
	})

	test('one that cannot be asked is down and hides no other', async () => {
		await copies(1)
		client.world.watchers.failingCall = 'metrics'
		const { status, body: all } = await client.call('GET', '/metrics')
		expect(status).toBe(200)
		expect(all).toMatchObject([
			{ up: false, metrics: null },
			{ up: false, metrics: null },
		])
		const text = (await client.call('GET', '//metrics', undefined, { headers: { Accept: 'text/plain' } })).body
		expect(text).toContain(`shopbell_up{instance_id="${made.id}",`)
		expect(text).not.toContain('shopbell_seen_total{')
	})
})

describe('PUT beneath an element §2.35', () => {
	beforeEach(() => void (client.world.requests.length = 0))
	const whole = () => ({ ...made, name: 'Renamed' })

	test('asks the store with the keys again', async () => {
		const { status, body: after } = await client.call('PUT', `/elements/woocommercerest/instances/${made.id}`, whole())
		expect([status, after.name]).toEqual([200, 'Renamed'])
		expect(client.world.requests.length).toBeGreaterThan(0)
	})

	test('with reAuthenticate=false does not where nothing about the store changed, and does where something did', async () => {
		const path = `/elements/2881/instances/${made.id}?reAuthenticate=false`
		expect(await client.call('PUT', path, whole())).toMatchObject({ status: 200, body: { name: 'Renamed' } })
		expect(client.world.requests).toEqual([])
		const wrong = await client.call('PUT', path, {
			...whole(),
			configuration: { ...made.configuration, 'oauth.api.secret': 'cs_wrong' },
		})
		expect(wrong.status).toBe(400)
		expect(client.world.requests.length).toBeGreaterThan(0)
	})

	test('a store that no longer takes the keys is a 400, and nothing changes', async () => {
		client.world.store = async () =>
			Response.json({ code: 'woocommerce_rest_cannot_view', message: 'no' }, { status: 401 })
		const { status } = await client.call('PUT', `/elements/woocommercerest/instances/${made.id}`, whole())
		expect(status).toBe(400)
		expect((await client.call('GET', `/instances/${made.id}`)).body.name).toBe(made.name)
		expect(
			await client.call('PUT', `/elements/woocommercerest/instances/${made.id}?reAuthenticate=false`, whole()),
		).toMatchObject({
			status: 200,
		})
		expect(
			(await client.call('PUT', `/elements/woocommercerest/instances/${made.id}?reAuthenticate=maybe`, whole())).status,
		).toBe(400)
	})

	test('GET and DELETE', async () => {
		expect((await client.call('GET', `/elements/2881/instances/${made.id}`)).body).toEqual(made)
		const gone = await client.call('DELETE', `/elements/2881/instances/${made.id}`)
		expect([gone.status, gone.body]).toEqual([200, null])
		expect((await client.call('GET', `/elements/2881/instances/${made.id}`)).status).toBe(404)
	})
})

describe('the catalogue', () => {
	const FIELDS = [
		'id',
		'name',
		'key',
		'description',
		'type',
		'required',
		'displayOrder',
		'active',
		'internal',
		'hideFromConsole',
	]

	test('each configuration key has what a form needs §2.36 §3.1', async () => {
		const [listed] = (await client.call('GET', '/elements')).body
		for (const keyOrId of ['woocommercerest', '2881'])
			expect((await client.call('GET', `/elements/${keyOrId}`)).body).toEqual(listed)
		const items = listed.configuration as any[]
		for (const item of items) {
			for (const field of FIELDS) expect(item, item.key).toHaveProperty(field)
			expect(item.description, item.key).toMatch(/\S/)
			// A SELECT's default is one of its options, and only a SELECT has some.
			expect(item.options === null, item.key).toBe(item.type !== 'SELECT')
			if (item.options !== null && item.defaultValue !== undefined)
				expect(
					item.options.map(({ value }: any) => value),
					item.key,
				).toContain(item.defaultValue)
			for (const { key, values } of item.dependsOn) {
				const other = items.find((one) => one.key === key)
				expect(other, `${item.key} depends on ${key}`).toBeDefined()
				if (other.options !== null)
					for (const value of values)
						expect(
							other.options.map((option: any) => option.value),
							item.key,
						).toContain(value)
			}
		}
		expect(items.map(({ displayOrder }) => displayOrder)).toEqual(items.map((_, index) => index + 1))
		expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
		expect(items.filter(({ required }) => required).map(({ key }) => key)).toEqual([
			'store.url',
			'oauth.api.key',
			'oauth.api.secret',
		])
		const preset = Object.fromEntries(items.map(({ key, defaultValue }) => [key, defaultValue]))
		expect(preset).toMatchObject({
			'event.notification.enabled': 'false',
			'event.vendor.type': 'polling',
			'event.poller.refresh_interval': '15',
			'filter.response.nulls': 'true',
		})
		expect((await client.call('GET', '/elements/9')).status).toBe(404)
	})

	test('its resources are those that an instance can watch, the four default ones first', async () => {
		const { resources } = (await client.call('GET', '/elements/2881')).body
		expect(resources.filter(({ preset }: any) => preset).map(({ name }: any) => name)).toEqual([
			'customers',
			'discounts',
			'orders',
			'products',
		])
		// The simulated store has neither of these.
		const there = resources.filter(({ name }: any) => !['products-brands', 'products-shipping-classes'].includes(name))
		const poller = Object.fromEntries(there.map(({ name, settings }: any) => [name, settings]))
		const taken = await client.call('PUT', `/instances/${made.id}`, {
			configuration: { ...made.configuration, 'event.poller.configuration': poller },
		})
		expect([taken.body.message, taken.status]).toEqual([undefined, 200])
		expect(Object.keys(JSON.parse(taken.body.configuration['event.poller.configuration']))).toEqual(
			there.map(({ name }: any) => name),
		)
	})
})

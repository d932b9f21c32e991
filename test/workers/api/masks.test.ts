/** Callback URLs: whole for those who see secrets, without tokens for everyone else. */
import { beforeEach, describe, expect, test } from 'vitest'
import { computeEventTag, formatEventId } from '../../../src/events/ids.ts'
import { findOwner } from '../../../src/instances/organizations.ts'
import { toIncarnation } from '../../../src/lib/incarnation.ts'
import { instanceSecret, parseMasterKeys, sealSecret } from '../../../src/lib/sealing.ts'
import { env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance, sampleEventRow } from './support.ts'

const TOKEN = 'tok_5ecret'
const CALLBACK = `https://hooks.example.com/in?token=${TOKEN}`
const MASKED = 'https://hooks.example.com/in?token=********'
const OPERATOR = `https://ops.example.com/?key=${TOKEN}`
const MASKED_OPERATOR = 'https://ops.example.com/?key=********'

let client: ApiClient
let viewer: { authorization: string }
let readingKey: { authorization: string }

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	await insertInstance(client, 7, {
		configuration: JSON.stringify({
			'store.url': 'https://shop.example.com',
			'oauth.api.key': await seal('oauth.api.key', 'ck_test'),
			'oauth.api.secret': await seal('oauth.api.secret', 'cs_test'),
			'event.notification.enabled': 'true',
			'event.notification.callback.url': CALLBACK,
			'oauth.callback.url': `https://app.example.com/back?code=${TOKEN}`,
			'app.settings': `{"redirect":"https://app.example.com/?t=${TOKEN}"}`,
		}),
		token_sealed: await seal('token', 'the token'),
	})
	await env.DB.prepare("INSERT INTO account_settings VALUES (1, 'operator.webhook.url', ?)").bind(OPERATOR).run()
	await client.call('POST', '/notifications/subscriptions', {
		topics: ['stock.*'],
		config: { url: `https://stock.example.com/?t=${TOKEN}` },
	})
	const made = await client.call('POST', '/accounts/api-keys', {
		name: 'reader',
		scopes: ['instances:read', 'events:read', 'notifications:read', 'accounts:read'],
	})
	readingKey = { authorization: `Bearer ${made.body.key}` }
	viewer = await addViewer()
})

const seal = (key: string, secret: string): Promise<string> =>
	sealSecret(env.MASTER_KEYS, secret, instanceSecret({ id: 7, incarnation: toIncarnation(null, 7) }, key))

async function addViewer(): Promise<{ authorization: string }> {
	const { body } = await client.call('POST', '/users', {
		email: 'vera@acme.example',
		firstName: 'Vera',
		lastName: 'Ng',
		role: 'viewer',
	})
	const { hashSecret, newToken } = await import('../../../src/accounts/secrets.ts')
	const token = newToken('session')
	await env.DB.prepare(
		"INSERT INTO sessions (token_hash, organization_id, user_id, agent, created_ms, expires_ms) VALUES (?, 1, ?, '', 0, ?)",
	)
		.bind(hashSecret(token), body.user.id, client.world.nowMs + 1e9)
		.run()
	return { authorization: `Bearer ${token}` }
}

/** Notifications of the instance and of the organization's object, with an attempt whose response quotes the URL. */
async function addNotifications(): Promise<number> {
	const { ownerId } = (await env.DB.prepare('SELECT owner_id AS ownerId FROM organizations').first<{
		ownerId: number
	}>())!
	const base = {
		subscription: 7,
		url: CALLBACK,
		objectType: 'orders',
		events: 1,
		status: 'queued',
		createdMs: client.world.nowMs,
		updatedMs: client.world.nowMs,
		deliveredMs: null,
		nextTryMs: null,
		attempts: 1,
		acknowledged: false,
		body: '{"message":{"url":"https://shop.example.com/?p=17"}}',
	}
	client.world.watchers.notifications.set(7, [{ ...base, id: 7e9 + 1 }])
	client.world.watchers.notifications.set(ownerId, [
		{
			...base,
			id: ownerId * 1e9 + 1,
			objectType: 'subscription.deactivated',
			body: JSON.stringify({ message: { message: 'Failed', url: CALLBACK } }),
		},
	])
	client.world.watchers.attempts = [
		{
			number: 1,
			startedMs: client.world.nowMs,
			durationMs: 5,
			delivered: false,
			status: 404,
			error: null,
			url: CALLBACK,
			body: `Cannot POST /in?token=${TOKEN}`,
		},
	]
	return ownerId
}

describe('a token in a URL', () => {
	test('§1.15 is shown to nobody who sees no secrets, by any GET of the API', async () => {
		const ownerId = await addNotifications()
		const health = client.world.watchers.forInstance.bind(client.world.watchers)
		client.world.watchers.forInstance = (id) => ({
			...health(id),
			health: async () => ({
				state: 'healthy',
				since: '2026-01-01T00:00:00Z',
				reason: '',
				action: '',
				resources: [],
				webhooks: null,
				callback: { url: CALLBACK, state: 'healthy', lastStatus: null, waiting: 0 },
			}),
			subscriptions: async () => [
				{
					number: 7,
					url: CALLBACK,
					topics: null,
					active: true,
					reason: null,
					failingSinceMs: null,
					lastStatus: null,
					parkedUntilMs: null,
					createdMs: 0,
				},
			],
		})
		const paths = [
			'/instances',
			'/instances/7',
			'/instances/7/configuration',
			'/instances/7/configuration/event.notification.callback.url',
			'/instances/7/health',
			'/instances/7/poller',
			'/elements/woocommercerest/instances',
			'/notifications/subscriptions',
			'/notifications/subscriptions/7',
			'/notifications/subscriptions/deliveries?hydrate=true',
			'/notifications',
			`/notifications/${7e9 + 1}`,
			`/notifications/${7e9 + 1}/attempts`,
			`/notifications/${ownerId * 1e9 + 1}`,
			`/notifications/${ownerId * 1e9 + 1}/subscriptions/deliveries?hydrate=true`,
			'/accounts/settings',
		]
		let shown = 0
		for (const path of paths) {
			for (const caller of [viewer, readingKey]) {
				const { status, body } = await client.call('GET', path, undefined, caller)
				expect([path, status]).toEqual([path, 200])
				expect(JSON.stringify(body), path).not.toContain(TOKEN)
			}
			const { status, body } = await client.call('GET', path)
			expect(status).toBe(200)
			if (JSON.stringify(body).includes(TOKEN)) shown++
		}
		expect(shown).toBe(paths.length - 2)
		const seen = (await client.call('GET', '/instances/7', undefined, viewer)).body
		expect([seen.eventsNotificationCallbackUrl, seen.configuration['event.notification.callback.url']]).toEqual([
			MASKED,
			MASKED,
		])
		expect(seen.configuration['app.settings']).toBe('{"redirect":"https://app.example.com/?t=********"}')
		// A record of the store is not an address of the organization.
		expect((await client.call('GET', `/notifications/${7e9 + 1}`, undefined, viewer)).body.payload.url).toBe(
			'https://shop.example.com/?p=17',
		)
	})

	test('§1.15 is masked in the event of an operator event too, and what was posted is shown as it was', async () => {
		const ownerId = await addNotifications()
		const { incarnation } = (await findOwner(env.DB, 1))!
		const { bytes } = parseMasterKeys(env.MASTER_KEYS)[0]!
		const toRow = (sequence: number, objectType: string) => ({
			...sampleEventRow(ownerId, sequence, client.world.nowMs),
			eventId: formatEventId(ownerId, sequence, computeEventTag(bytes, incarnation, sequence)),
			objectType,
			record: JSON.stringify({ message: 'Failed', url: CALLBACK }),
		})
		const rows = [toRow(1, 'subscription.deactivated'), toRow(2, 'stock.low')]
		client.world.watchers.events.set(ownerId, rows)
		const show = async (row: { eventId: string }, caller?: { authorization: string }) => {
			const { status, body } = await client.call('GET', `/instances/events/${row.eventId}`, undefined, caller)
			expect(status).toBe(200)
			return JSON.parse(body.providerData).url
		}
		for (const caller of [viewer, readingKey])
			expect([await show(rows[0]!, caller), await show(rows[1]!, caller)]).toEqual([MASKED, CALLBACK])
		expect(await show(rows[0]!)).toBe(CALLBACK)
	})

	test('cannot be guessed with a filter: it compares what the caller sees', async () => {
		await addNotifications()
		const find = async (url: string, caller?: { authorization: string }) =>
			(
				await client.call(
					'GET',
					`/notifications/subscriptions/deliveries?where=${encodeURIComponent(`config.url='${url}'`)}`,
					undefined,
					caller,
				)
			).body.length
		expect(await find(CALLBACK)).toBe(1)
		for (const caller of [viewer, readingKey])
			expect([await find(CALLBACK, caller), await find(MASKED, caller)]).toEqual([0, 1])
	})

	test('§1.15 sent back masked stays as it is; with another mask it is a 400', async () => {
		const stored = async () =>
			JSON.parse(
				(await env.DB.prepare('SELECT configuration AS c FROM instances WHERE id = 7').first<{ c: string }>())!.c,
			)['event.notification.callback.url']
		const patch = (url: string) =>
			client.call('PATCH', '/instances/7/configuration/event.notification.callback.url', { propertyValue: url })
		const seen = (await client.call('GET', '/instances/7', undefined, viewer)).body
		const before = (await client.call('GET', '/instances/7')).body
		for (const [method, path] of [
			['PUT', '/instances/7'],
			['PUT', '/instances/7?replace=true'],
			['PUT', '/elements/woocommercerest/instances/7?reAuthenticate=false'],
			['PATCH', '/instances/7'],
		] as const) {
			const { status, body } = await client.call(method, path, seen)
			expect([path, status, body]).toEqual([path, 200, before])
		}
		expect((await patch(MASKED)).status).toBe(200)
		expect(await stored()).toBe(CALLBACK)
		const wrong = await patch('https://hooks.example.com/other?token=********')
		expect([wrong.status, wrong.body.message]).toEqual([
			400,
			expect.stringContaining('event.notification.callback.url: expected the whole URL'),
		])
		expect(await stored()).toBe(CALLBACK)
		const subscribed = await client.call('POST', '/notifications/subscriptions', {
			topics: ['stock.*'],
			config: { url: MASKED },
		})
		expect([subscribed.status, subscribed.body.message]).toEqual([400, expect.stringContaining('config.url: expected')])
		const settings = (url: string) => client.call('PATCH', '/accounts/settings', { 'operator.webhook.url': url })
		expect((await settings(MASKED_OPERATOR)).body['operator.webhook.url']).toBe(OPERATOR)
		expect((await settings(MASKED)).status).toBe(400)
		expect((await client.call('GET', '/accounts/settings')).body['operator.webhook.url']).toBe(OPERATOR)
	})
})

/** Topics of an organization over HTTP: posted to, subscribed to, shown; whose they are, and what its object is told. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import { writeAccountSettings } from '../../../src/accounts/settings.ts'
import { loadWatcherConfig } from '../../../src/instances/config.ts'
import { findOwner } from '../../../src/instances/organizations.ts'
import { addOrganizationSubscription, notSubscribedCondition } from '../../../src/instances/subscriptions.ts'
import type { SubscriptionReport } from '../../../src/rpc/delivery.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'

const HOOK = 'https://hook.example.com/in'

let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
	await insertInstance(client, 7, { token_hash: hashSecret('of7') })
	await env.DB.prepare("UPDATE sequences SET value = 100 WHERE name IN ('instance', 'subscription')").run()
})

const OWNER = 101
const calls = (): string[] => client.world.watchers.calls.splice(0)
const token = () => ({ authorization: `User ${client.userSecret}, Element of7` })
const post = (body: unknown, options = {}) => client.call('POST', '/notifications', body, options)
const subscribe = (topics: unknown, url = HOOK, options = {}) =>
	client.call('POST', '/notifications/subscriptions', { channel: 'webhook', topics, config: { url } }, options)
const audit = async () =>
	(await env.DB.prepare('SELECT action, object_type, object_id, detail FROM audit_log WHERE id > 1 ORDER BY id').all())
		.results
const ids = (answer: { body: any }) => answer.body.map((one: any) => one.id)
const report = (number: number, rest: Partial<SubscriptionReport> = {}): SubscriptionReport => ({
	number,
	url: HOOK,
	topics: [],
	active: true,
	reason: null,
	failingSinceMs: null,
	lastStatus: null,
	parkedUntilMs: null,
	createdMs: 0,
	...rest,
})

describe('posting', () => {
	test('§5.6 is answered with the notification, which is read like any other', async () => {
		const { status, body, headers } = await post({
			topic: 'stock.low',
			severity: 'high',
			message: { sku: 'A-1', left: 2 },
			from: 'warehouse',
		})
		expect([status, headers.get('Elements-Element-Instance-Id')]).toEqual([200, null])
		expect(body).toMatchObject({
			id: OWNER * 1e9 + 1,
			from: 'warehouse',
			topic: 'stock.low',
			severity: 'high',
			message: { sku: 'A-1', left: 2 },
			createdDate: '2026-06-01T12:00:00Z',
			active: false,
			acknowledged: false,
			instanceId: null,
		})
		expect(calls()).toEqual(['101 create', '101 publish stock.low', '101 notification 1'])
		expect((await client.call('GET', `/notifications/${body.id}`)).body).toEqual(body)
		expect((await client.call('PUT', `/notifications/${body.id}/acknowledge`)).body).toMatchObject({
			acknowledged: true,
		})
		expect((await client.call('GET', `/notifications/${body.id}/attempts`)).body).toEqual([])
		expect((await client.call('GET', `/notifications/${body.id}/subscriptions/deliveries`)).body).toMatchObject([
			{ notificationId: body.id, status: 'dropped', instanceId: null },
		])
		expect((await client.call('POST', `/notifications/${body.id}/replay`)).status).toBe(409)
		// The object is known now.
		calls()
		expect((await post({ topic: 'stock.low', message: null })).body).toMatchObject({
			severity: 'medium',
			from: 'notifications@bell.example.com',
			message: null,
		})
		expect(calls()).toEqual(['101 publish stock.low', '101 notification 2'])
		expect(await audit()).toEqual([])
	})

	test.each([
		[{ message: 1 }, 'topic: '],
		[{ topic: 7, message: 1 }, 'topic: '],
		[{ topic: '', message: 1 }, 'topic: '],
		[{ topic: ' a', message: 1 }, 'topic: '],
		[{ topic: 'a\nb', message: 1 }, 'topic: '],
		[{ topic: 'stock.*', message: 1 }, 'topic: '],
		[{ topic: 'x'.repeat(256), message: 1 }, 'topic: '],
		[{ topic: 'instance-8-woocommercerest-events', message: 1 }, 'topic: none of your instances has this topic'],
		[{ topic: 'instance-7-shopify-events', message: 1 }, 'topic: none of your instances has this topic'],
		[{ topic: 'instance-x-events', message: 1 }, 'topic: none of your instances has the topic instance-x-events'],
		[{ topic: 'instance.healthy', message: 1 }, 'topic: instance.healthy is reserved for Shopbell'],
		[{ topic: 'notification.dead', message: 1 }, 'topic: notification.dead is reserved for Shopbell'],
		[{ topic: 'a', message: 1, severity: 'loud' }, 'severity: expected one of low, medium, high, critical'],
		[{ topic: 'a' }, 'message: expected a value'],
		[{ topic: 'a', message: 'é'.repeat(128 * 1024) }, 'message: expected at most 256 kB'],
		[{ topic: 'a', message: 1, from: 5 }, 'from: '],
		[{ topic: 'a', message: 1, from: 'x'.repeat(256) }, 'from: '],
		['[', 'body: '],
	])('%j is a 400 that names %s, and brings nothing to life', async (body, message) => {
		const answer = await post(body)
		expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(message)])
		expect(calls()).toEqual([])
		expect(await findOwner(env.DB, 1)).toBeNull()
	})

	test('§5.12 to the topic of an instance goes to its object, which refuses when too much waits', async () => {
		const topic = 'instance-7-woocommercerest-events'
		const { status, body, headers } = await post({ topic, message: { any: 1 }, from: 'me', severity: 'low' })
		expect([status, headers.get('Elements-Element-Instance-Id')]).toEqual([200, '7'])
		expect(body).toMatchObject({ id: 7e9 + 1, topic, from: 'me', severity: 'low', message: { any: 1 }, instanceId: 7 })
		expect(body).not.toHaveProperty('objectType')
		expect(calls()).toEqual([`7 publish ${topic}`, '7 notification 1'])
		client.world.watchers.publishesNothing = true
		const refused = await post({ topic, message: 1 })
		expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '10'])
		await client.call('DELETE', '/instances/7/enabled')
		expect((await post({ topic, message: 1 })).status).toBe(409)
		expect((await post({ topic, message: 1 }, { authorization: await addOrganization(2) })).status).toBe(400)
	})

	test('wants the organization’s secret', async () => {
		expect((await post({ topic: 'a', message: 1 }, token())).status).toBe(401)
		expect((await post({ topic: 'a', message: 1 }, { authorization: null })).status).toBe(401)
		expect(calls()).toEqual([])
	})

	test('an object that lost its storage is made again', async () => {
		await post({ topic: 'a', message: 1 })
		client.world.watchers.unknownIds.add(OWNER)
		expect((await post({ topic: 'a', message: 2 })).status).toBe(200)
	})
})

describe('subscriptions', () => {
	test('to topics of one’s own are made, passed to the object, shown and removed', async () => {
		const { status, body } = await subscribe(['stock.*', 'weather', 'weather'])
		expect([status, body]).toEqual([
			200,
			{
				id: 101,
				channel: 'webhook',
				topics: ['stock.*', 'weather'],
				config: { url: HOOK },
				active: true,
				reason: null,
				lastStatus: null,
				notSent: null,
				failingSince: null,
				instanceId: null,
				createdDate: '2026-06-01T12:00:00Z',
			},
		])
		expect(calls()).toEqual(['101 create', '101 configure 1{}'])
		expect(await loadWatcherConfig(env, OWNER)).toMatchObject({
			storeless: true,
			others: [{ number: 101, url: HOOK, topics: ['stock.*', 'weather'] }],
		})
		expect(await loadWatcherConfig(env, 7)).toMatchObject({ announces: false, others: [] })
		client.world.watchers.subscriptions.set(OWNER, [report(101, { active: false, reason: 'Dead.' })])
		expect((await client.call('GET', '/notifications/subscriptions')).body).toMatchObject([
			{ id: 101, active: false, instanceId: null },
		])
		expect((await client.call('GET', '/notifications/subscriptions/101')).body).toMatchObject({ reason: 'Dead.' })
		calls()
		expect((await client.call('DELETE', '/notifications/subscriptions/101')).status).toBe(200)
		expect(calls()).toEqual(['101 configure 1{}'])
		expect(await loadWatcherConfig(env, OWNER)).toMatchObject({ others: [] })
		expect((await client.call('DELETE', '/notifications/subscriptions/101')).status).toBe(404)
		expect(await audit()).toEqual([
			{ action: 'subscription.create', object_type: 'organization', object_id: 1, detail: '{"subscription":101}' },
			{ action: 'subscription.delete', object_type: 'organization', object_id: 1, detail: '{"subscription":101}' },
		])
	})

	test('to operator events makes instances send them, without an operator’s webhook too', async () => {
		await subscribe(['stock.low'])
		expect(await loadWatcherConfig(env, 7)).toMatchObject({ announces: false })
		await subscribe(['notification.*'], 'https://ops.example.com')
		expect(await loadWatcherConfig(env, 7)).toMatchObject({ announces: true })
		await client.call('DELETE', '/notifications/subscriptions/102')
		expect(await loadWatcherConfig(env, 7)).toMatchObject({ announces: false })
		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.url': 'https://ops.example.com' })
		expect(await loadWatcherConfig(env, 7)).toMatchObject({ announces: true })
	})

	test('§5.7 the operator’s webhook and the subscriptions have different addresses', async () => {
		const operate = (url: string | null) =>
			client.call('PATCH', '/accounts/settings', { 'operator.webhook.url': url, 'events.retention.days': 3 })
		await subscribe(['stock.low'])
		const refused = await operate(`${HOOK}#ops`)
		expect([refused.status, refused.body.message]).toEqual([
			409,
			expect.stringMatching(/^operator\.webhook\.url: subscription 101 /),
		])
		expect((await client.call('GET', '/accounts/settings')).body).toMatchObject({
			'operator.webhook.url': null,
			'events.retention.days': '7',
		})
		expect((await operate('https://ops.example.com')).status).toBe(200)
		const further = await subscribe(['stock.low'], 'https://OPS.example.com/?')
		expect([further.status, further.body.message]).toEqual([
			409,
			expect.stringMatching(/^config\.url: .*operator\.webhook\.url/),
		])
		expect((await operate(null)).status).toBe(200)
		expect((await subscribe(['stock.low'], 'https://OPS.example.com/?')).status).toBe(200)
	})

	test('§5.7 of the operator’s webhook and a subscription to one address at once, one wins', async () => {
		await subscribe(['stock.low'])
		const actor = { organizationId: 1, userId: 1, requestId: null }
		const url = 'https://ops.example.com/'
		const input = { url, topics: ['a'] }
		const set = async (address: string) =>
			await writeAccountSettings(
				env.DB,
				env.MASTER_KEYS,
				actor,
				{ 'operator.webhook.url': address, 'events.retention.days': '3' },
				0,
				notSubscribedCondition(1, address),
			)
		// Each was checked before the other was written.
		expect(await set(`${HOOK}#a`)).toBe(false)
		expect((await client.call('GET', '/accounts/settings')).body['events.retention.days']).toBe('7')
		expect(await set(url)).toBe(true)
		expect(await addOrganizationSubscription(env.DB, actor, OWNER, input, null, 0)).toEqual({
			ok: false,
			reason: 'raced',
		})
	})

	test('§5.9 an address is subscribed once to the same topics, and there are ten at most, however many ask at once', async () => {
		const same = await Promise.all(Array.from({ length: 4 }, () => subscribe(['a', 'b'])))
		expect(same.map((one) => one.status).sort((a, b) => a - b)).toEqual([200, 409, 409, 409])
		for (const topics of [
			['a', 'b'],
			['b', 'a'],
			['a', 'b', 'a'],
		])
			expect((await subscribe(topics, `${HOOK}#again`)).body.message).toMatch(
				/^config\.url: subscription \d+ already sends these topics to this URL/,
			)
		const differing = await Promise.all(Array.from({ length: 4 }, () => subscribe(['b'])))
		expect(differing.map((one) => one.status).sort((a, b) => a - b)).toEqual([200, 409, 409, 409])
		expect((await client.call('GET', '/notifications/subscriptions')).body).toMatchObject([
			{ topics: ['a', 'b'], config: { url: HOOK } },
			{ topics: ['b'], config: { url: HOOK } },
		])
		const many = await Promise.all(Array.from({ length: 12 }, (_, n) => subscribe(['a'], `${HOOK}/${n}`)))
		expect(many.filter((one) => one.status === 200)).toHaveLength(8)
		expect((await subscribe(['a'], `${HOOK}/more`)).body.message).toContain('at most 10')
	})

	test('§5.9 a subscription of an earlier version counts too', async () => {
		for (const columns of ["canonical_topics = ''", "canonical_topics = '', canonical_url = NULL"]) {
			await env.DB.prepare('DELETE FROM subscriptions').run()
			expect((await subscribe(['b', 'a'])).status).toBe(200)
			await env.DB.prepare(`UPDATE subscriptions SET ${columns}`).run()
			expect((await subscribe(['a', 'b'])).status).toBe(409)
			expect((await subscribe(['a'])).status).toBe(200)
			expect((await client.call('GET', '/notifications/subscriptions')).body).toHaveLength(2)
		}
	})

	test.each([
		[[], 'topics: '],
		[Array.from({ length: 51 }, (_, n) => `t${n}`), 'topics: '],
		[['*'], 'topics: '],
		[['.*'], 'topics: '],
		[['a*'], 'topics: '],
		[['a.*.b'], 'topics: '],
		[[' a'], 'topics: '],
		[[`${'x'.repeat(254)}.*`], 'topics: '],
		[['instance-0-x-events'], 'topics: '],
		[['stock', 'instance-7-woocommercerest-events'], 'topics: '],
	])('%j is a 400 that names %s, and changes nothing', async (topics, message) => {
		const answer = await subscribe(topics)
		expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(message)])
		expect((await subscribe(['a'], 'ftp://a.example.com')).body.message).toMatch(/^config\.url: /)
		expect((await env.DB.prepare('SELECT * FROM subscriptions').all()).results).toEqual([])
		expect(await findOwner(env.DB, 1)).toBeNull()
		expect(calls()).toEqual([])
	})
})

describe('lists', () => {
	const where = (text: string): string => `/notifications/subscriptions/deliveries?where=${encodeURIComponent(text)}`

	beforeEach(async () => {
		await subscribe(['stock.*'])
		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.url': 'https://ops.example.com/in' })
		client.world.watchers.subscriptions.set(OWNER, [
			report(0, { url: 'https://ops.example.com/in', topics: ['instance.*'] }),
			report(101, { topics: ['stock.*'] }),
		])
		await post({ topic: 'stock.low', message: 1 })
		await post({ topic: 'weather', message: 2 })
		client.world.watchers.notifications.get(OWNER)!.push({
			...client.world.watchers.notifications.get(OWNER)![0]!,
			id: OWNER * 1e9 + 3,
			subscription: 101,
			url: HOOK,
			status: 'queued',
			notice: { severity: 'low', from: null },
		})
		calls()
	})

	test('name their topics, or have all', async () => {
		expect(ids(await client.call('GET', '/notifications'))).toEqual([OWNER * 1e9 + 3, OWNER * 1e9 + 2, OWNER * 1e9 + 1])
		expect(ids(await client.call('GET', '/notifications?topics[]=weather'))).toEqual([OWNER * 1e9 + 2])
		expect(
			ids(await client.call('GET', '/notifications?topics[]=stock.low&topics[]=instance-7-woocommercerest-events')),
		).toEqual([OWNER * 1e9 + 3, OWNER * 1e9 + 1])
		expect(ids(await client.call('GET', '/notifications?topics[]=instance-7-woocommercerest-events'))).toEqual([])
		expect(ids(await client.call('GET', '/notifications?tags[]=Shop'))).toEqual([])
		expect((await client.call('GET', '/notifications?topics[]=stock.low&hydrate=false')).body[0]).toMatchObject({
			topic: 'stock.low',
			severity: 'low',
		})
	})

	test.each([
		[`config.url='${HOOK}'`, 1],
		["config.url='https://ops.example.com/in'", 0],
		["config.url='https://nobody.example.com'", 0],
		["status='queued'", 1],
		['subscriptionId=101', 1],
		['instanceId=101', 0],
		["topics='stock.low'", 2],
		["topics='stock.low' and status='queued'", 1],
		["topics='stock.low' and instanceId=7", 0],
		["channel='email'", 0],
	])('where %s names %i', async (text, count) => {
		const { status, body } = await client.call('GET', where(text))
		expect([status, body.length]).toEqual([200, count])
	})

	test('what is queued is released, for the operator’s webhook too', async () => {
		const released = async (text: string) => (await client.call('PUT', where(text))).body
		expect(await released(`channel='webhook' and status='queued' and config.url='${HOOK}'`)).toEqual([
			{ subscriptionId: 101, instanceId: null, config: { url: HOOK }, released: 1 },
		])
		expect(await released("config.url='https://ops.example.com/in'")).toMatchObject([
			{ subscriptionId: 0, released: 0 },
		])
		expect(await released("topics='stock.low'")).toMatchObject([{ subscriptionId: 101 }])
		expect(await released("topics='weather'")).toEqual([])
		expect((await audit()).at(-1)).toEqual({
			action: 'subscription.release',
			object_type: 'organization',
			object_id: 1,
			detail: '{"subscription":101,"released":1}',
		})
	})

	test('another organization has none of it, and neither has a token alone', async () => {
		const other = { authorization: await addOrganization(2) }
		for (const options of [other, token()]) {
			for (const [method, path] of [
				['GET', ''],
				['GET', '/attempts'],
				['GET', '/subscriptions/deliveries'],
				['PUT', '/acknowledge'],
				['POST', '/replay'],
			] as const)
				expect((await client.call(method, `/notifications/${OWNER * 1e9 + 3}${path}`, undefined, options)).status).toBe(
					404,
				)
			expect((await client.call('GET', '/notifications/subscriptions/101', undefined, options)).status).toBe(404)
			expect((await client.call('DELETE', '/notifications/subscriptions/101', undefined, options)).status).toBe(404)
			expect(
				(await client.call('GET', '/notifications/subscriptions', undefined, options)).body.map((one: any) => one.id),
			).not.toContain(101)
			expect((await client.call('GET', '/notifications?topics[]=stock.low', undefined, options)).body).toEqual([])
			expect((await client.call('PUT', where("status='queued'"), undefined, options)).body).not.toMatchObject([
				{ subscriptionId: 101 },
			])
		}
		expect(calls().filter((call) => call.startsWith('101 '))).toEqual([])
		expect((await subscribe(['a'], `${HOOK}/b`, token())).status).toBe(401)
		// What the other one posts goes to an object of its own.
		expect((await post({ topic: 'stock.low', message: 1 }, other)).body.id).toBe(102 * 1e9 + 1)
		expect((await client.call('GET', `/notifications/${102 * 1e9 + 1}`)).status).toBe(404)
	})

	test('a new setting is passed to the object, when there is one', async () => {
		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.key': 'new' })
		expect(calls()).toEqual(['101 configure 1{}'])
		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.url': 'no address' })
		await client.call(
			'PATCH',
			'/accounts/settings',
			{ 'events.retention.days': 3 },
			{ authorization: await addOrganization(2) },
		)
		expect(calls()).toEqual([])
	})

	test('a replay of one is begun and noted', async () => {
		client.world.watchers.replay = {
			id: 4,
			kind: 'replay',
			status: 'running',
			total: 1,
			left: 1,
			failed: 0,
			estimateSeconds: 1,
			createdMs: 0,
			endedMs: null,
		}
		const { status, body } = await client.call('POST', `/notifications/${OWNER * 1e9 + 3}/replay`)
		expect([status, body.total]).toEqual([202, 1])
		expect((await audit()).at(-1)).toMatchObject({
			action: 'organization.replay',
			object_type: 'organization',
			object_id: 1,
		})
	})
})

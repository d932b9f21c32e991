/** Subscriptions, notifications and deliveries over HTTP: shown, released, refused; whose they are, and which objects are asked. */
import { beforeEach, describe, expect, test } from 'vitest'
import { hashSecret } from '../../../src/accounts/secrets.ts'
import { loadWatcherConfig } from '../../../src/instances/config.ts'
import { deleteInstanceRow } from '../../../src/instances/row-lifecycle.ts'
import type { SubscriptionReport } from '../../../src/rpc/delivery.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance, insertInstanceCopies } from './support.ts'
import type { NotificationReport } from '../../../src/rpc/notification.ts'

const HOOK = 'https://hook.example.com/in'
const TOPIC = (id: number) => `instance-${id}-woocommercerest-events`

let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
})

const configuration = (url: string | null) =>
	JSON.stringify({
		'store.url': 'https://shop.example.com',
		'event.vendor.type': 'polling',
		...(url === null ? {} : { 'event.notification.callback.url': url }),
	})

/** An instance whose callback is subscription id + 500. */
async function instance(
	id: number,
	url: string | null = HOOK,
	columns: Record<string, string | number | null> = {},
): Promise<void> {
	await env.DB.prepare("UPDATE sequences SET value = max(value, 1000) WHERE name = 'subscription'").run()
	await insertInstance(client, id, { subscription_id: id + 500, configuration: configuration(url), ...columns })
	if (url !== null) client.world.watchers.subscriptions.set(id, [subscription(id + 500, { url })])
}

function subscription(number: number, rest: Partial<SubscriptionReport> = {}): SubscriptionReport {
	return {
		number,
		url: HOOK,
		topics: null,
		active: true,
		reason: null,
		failingSinceMs: null,
		lastStatus: null,
		parkedUntilMs: null,
		createdMs: client.world.nowMs,
		...rest,
	}
}

/** Puts a notification into an instance's object. */
function notified(instanceId: number, counter: number, rest: Partial<NotificationReport> = {}): number {
	const { notifications } = client.world.watchers
	const id = instanceId * 1e9 + counter
	const body = JSON.stringify({
		severity: 'medium',
		id: String(id),
		message: { instanceId, raw: { orders: [{ id: counter }] } },
	})
	const report: NotificationReport = {
		id,
		subscription: instanceId + 500,
		url: HOOK,
		objectType: 'orders',
		events: 1,
		status: 'delivered',
		createdMs: client.world.nowMs + counter * 1000,
		updatedMs: client.world.nowMs + counter * 1000,
		deliveredMs: client.world.nowMs + counter * 1000,
		nextTryMs: null,
		attempts: 1,
		acknowledged: false,
		body,
		...rest,
	}
	notifications.set(instanceId, [...(notifications.get(instanceId) ?? []), report])
	return id
}

const calls = (): string[] => client.world.watchers.calls.splice(0)
const audit = async (): Promise<Record<string, any>[]> =>
	(
		await env.DB.prepare('SELECT action, object_type, object_id, detail FROM audit_log WHERE id > 1 ORDER BY id').all<
			Record<string, any>
		>()
	).results
const subscribe = (body: unknown, options = {}) => client.call('POST', '/notifications/subscriptions', body, options)
const where = (text: string): string => `/notifications/subscriptions/deliveries?where=${encodeURIComponent(text)}`

describe('subscriptions', () => {
	test('say why nothing is sent to them, and what to do §11.19', async () => {
		await instance(5)
		const notSent = { cause: 'address', message: 'expected a public address' } as const
		client.world.watchers.subscriptions.set(5, [subscription(505, { notSent })])
		expect((await client.call('GET', '/notifications/subscriptions/505')).body.notSent).toBe(
			'Nothing is sent to the callback, because its address may not be reached: expected a public address. Change the ' +
				'URL to one at a public address. Only for local use, the operator can allow private addresses with ' +
				'ALLOW_PRIVATE_NETWORK.',
		)
	})

	test('§5.4 an instance has its callback for one; what goes to the log only is none', async () => {
		await instance(1)
		await instance(2, 'https://bell.example.com/elements/api-v2/events/woocommercerest/')
		await instance(3, null)
		await instance(4, HOOK, { events_enabled: 0 })
		await instance(5)
		client.world.watchers.subscriptions.set(5, [
			subscription(505, {
				active: false,
				reason: 'It is gone.',
				lastStatus: '410',
				failingSinceMs: client.world.nowMs,
			}),
		])
		const { status, body, headers } = await client.call('GET', '/notifications/subscriptions')
		expect(status).toBe(200)
		expect(headers.get('Elements-Returned-Count')).toBe('2')
		expect(body).toEqual([
			{
				id: 501,
				channel: 'webhook',
				topics: [TOPIC(1)],
				config: { url: HOOK },
				active: true,
				reason: null,
				lastStatus: null,
				notSent: null,
				failingSince: null,
				instanceId: 1,
				createdDate: '2026-06-01T12:00:00Z',
			},
			expect.objectContaining({
				id: 505,
				active: false,
				reason: 'It is gone.',
				lastStatus: '410',
				failingSince: '2026-06-01T12:00:00Z',
			}),
		])
		expect((await client.call('GET', '/notifications/subscriptions/505')).body).toEqual(body[1])
		const first = await client.call('GET', '/notifications/subscriptions?pageSize=1')
		expect(first.body).toEqual([body[0]])
		// Those that are left out are passed over, not the end.
		let next = first.headers.get('Elements-Next-Page-Token')
		const rest: unknown[] = []
		while (next !== null) {
			const page = await client.call('GET', `/notifications/subscriptions?pageSize=1&nextPage=${next}`)
			rest.push(...page.body)
			next = page.headers.get('Elements-Next-Page-Token')
		}
		expect(rest).toEqual([body[1]])
	})

	test('§5.4 a further one is made, passed to its object, and removed', async () => {
		await instance(1)
		const { status, body } = await subscribe({
			channel: 'webhook',
			topics: [TOPIC(1)],
			config: { url: '<https://other.example.com/a>' },
		})
		expect([status, body]).toEqual([
			200,
			expect.objectContaining({
				id: 1001,
				topics: [TOPIC(1)],
				config: { url: 'https://other.example.com/a' },
				active: true,
				instanceId: 1,
			}),
		])
		expect(calls()).toEqual(['1 configure 2{}'])
		expect(await loadWatcherConfig(env, 1)).toMatchObject({
			version: 2,
			subscriptionId: 501,
			others: [{ number: 1001, url: 'https://other.example.com/a', topics: null }],
		})
		expect((await client.call('GET', '/notifications/subscriptions')).body.map((one: any) => one.id)).toEqual([
			501, 1001,
		])
		client.world.watchers.subscriptions.get(1)!.push(subscription(1001, { active: false, reason: 'Dead.' }))
		expect((await client.call('GET', '/notifications/subscriptions/1001')).body).toMatchObject({
			active: false,
			reason: 'Dead.',
		})

		calls()
		const removed = await client.call('DELETE', '/notifications/subscriptions/1001')
		expect([removed.status, removed.body]).toEqual([200, null])
		expect(calls()).toEqual(['1 configure 3{}'])
		expect(await loadWatcherConfig(env, 1)).toMatchObject({ version: 3, others: [] })
		expect((await client.call('DELETE', '/notifications/subscriptions/1001')).status).toBe(404)
		expect(await audit()).toEqual([
			{ action: 'subscription.create', object_type: 'instance', object_id: 1, detail: '{"subscription":1001}' },
			{ action: 'subscription.delete', object_type: 'instance', object_id: 1, detail: '{"subscription":1001}' },
		])
	})

	test('its callback goes with the configuration: 409 names the key', async () => {
		await instance(1)
		const { status, body } = await client.call('DELETE', '/notifications/subscriptions/501')
		expect([status, body.message]).toEqual([409, expect.stringContaining('event.notification.callback.url')])
	})

	test.each([
		[{ topics: [TOPIC(1)] }, 'config: '],
		[{ topics: [TOPIC(1)], config: 'https://a.example.com' }, 'config: '],
		[{ topics: [TOPIC(1)], config: {} }, 'config.url: '],
		[{ topics: [TOPIC(1)], config: { url: 'ftp://a.example.com' } }, 'config.url: '],
		[{ topics: [TOPIC(1)], config: { url: 'https://me:pw@a.example.com' } }, 'config.url: '],
		[{ topics: [TOPIC(1)], config: { url: 'http://169.254.169.254/' } }, 'config.url: '],
		[{ topics: [TOPIC(1)], config: { url: 'https://bell.example.com/elements/api-v2/events/x/' } }, 'config.url: '],
		[{ config: { url: 'https://a.example.com' } }, 'topics: '],
		[{ topics: [], config: { url: 'https://a.example.com' } }, 'topics: '],
		[{ topics: 7, config: { url: 'https://a.example.com' } }, 'topics: '],
		[{ topics: [TOPIC(1), TOPIC(2)], config: { url: 'https://a.example.com' } }, 'topics: '],
		[
			{ topics: [TOPIC(9)], config: { url: 'https://a.example.com' } },
			`topics: none of your instances has the topic ${TOPIC(9)}`,
		],
		[
			{ topics: [TOPIC(3)], config: { url: 'https://a.example.com' } },
			`topics: none of your instances has the topic ${TOPIC(3)}`,
		],
		[
			{ topics: ['instance-1-shopify-events'], config: { url: 'https://a.example.com' } },
			'topics: none of your instances has the topic instance-1-sh',
		],
		[
			{ topics: ['instance-x-events'], config: { url: 'https://a.example.com' } },
			'topics: expected a topic such as instance-12-',
		],
		[
			{ topics: ['weather', TOPIC(1)], config: { url: 'https://a.example.com' } },
			'topics: expected only one topic if it is',
		],
		[{ channel: 'email', topics: [TOPIC(1)], config: { url: 'https://a.example.com' } }, 'channel: expected webhook'],
		['{', 'body: '],
	])('%j is a 400 that names %s, and changes nothing', async (body, message) => {
		await instance(1)
		await addOrganization(2)
		await instance(3, HOOK, { organization_id: 2, user_id: 2 })
		const answer = await subscribe(body)
		expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(message)])
		expect((await env.DB.prepare('SELECT * FROM subscriptions').all()).results).toEqual([])
		expect(await env.DB.prepare('SELECT version FROM instances WHERE id = 1').first()).toEqual({ version: 1 })
		expect(calls()).toEqual([])
		expect(await audit()).toEqual([])
	})

	test('a private address is refused unless the operator opens it', async () => {
		await instance(1)
		const body = { topics: TOPIC(1), config: { url: 'http://10.0.0.8/hook' } }
		client.world.settings = { ALLOW_PRIVATE_NETWORK: 'false' }
		const refused = await subscribe(body)
		expect([refused.status, refused.body.message]).toEqual([
			400,
			expect.stringMatching(/^config\.url: expected a public address/),
		])
		client.world.settings = {}
		expect((await subscribe(body)).status).toBe(200)
	})

	test('an address is subscribed once, and there are ten at most, however many ask at once', async () => {
		await instance(1)
		expect((await subscribe({ topics: [TOPIC(1)], config: { url: HOOK } })).status).toBe(409)
		const same = await Promise.all(
			Array.from({ length: 4 }, () => subscribe({ topics: [TOPIC(1)], config: { url: 'https://a.example.com' } })),
		)
		expect(same.map((one) => one.status).sort((a, b) => a - b)).toEqual([200, 409, 409, 409])
		const many = await Promise.all(
			Array.from({ length: 12 }, (_, n) =>
				subscribe({ topics: [TOPIC(1)], config: { url: `https://a.example.com/${n}` } }),
			),
		)
		expect(many.filter((one) => one.status === 200)).toHaveLength(9)
		expect(many.filter((one) => one.status === 400 || one.status === 409)).toHaveLength(3)
		const last = await subscribe({ topics: [TOPIC(1)], config: { url: 'https://a.example.com/more' } })
		expect([last.status, last.body.message]).toEqual([400, expect.stringContaining('at most 10')])
	})

	test('they leave with their instance', async () => {
		await instance(1)
		await subscribe({ topics: [TOPIC(1)], config: { url: 'https://a.example.com' } })
		await env.DB.prepare("UPDATE instances SET state = 'deleted' WHERE id = 1").run()
		expect((await client.call('GET', '/notifications/subscriptions')).body).toEqual([])
		expect((await client.call('GET', '/notifications/subscriptions/1001')).status).toBe(404)
		await deleteInstanceRow(env.DB, 1)
		expect((await env.DB.prepare('SELECT * FROM subscriptions').all()).results).toEqual([])
	})

	test('another organization has none of them; a token has those of its instance', async () => {
		await instance(1)
		await instance(2)
		await subscribe({ topics: [TOPIC(1)], config: { url: 'https://a.example.com' } })
		const authorization = await addOrganization(2)
		expect((await client.call('GET', '/notifications/subscriptions', undefined, { authorization })).body).toEqual([])
		for (const [method, id] of [
			['GET', 501],
			['GET', 1001],
			['DELETE', 501],
			['DELETE', 1001],
		] as const)
			expect(
				(await client.call(method, `/notifications/subscriptions/${id}`, undefined, { authorization })).status,
			).toBe(404)
		expect(
			(await subscribe({ topics: [TOPIC(1)], config: { url: 'https://b.example.com' } }, { authorization })).status,
		).toBe(400)

		await env.DB.prepare('UPDATE instances SET token_hash = ? WHERE id = 2').bind(hashSecret('of2')).run()
		const token = { authorization: `User ${client.userSecret}, Element of2` }
		const ids = (answer: { body: any }) => answer.body.map((one: any) => one.id)
		expect(ids(await client.call('GET', '/notifications/subscriptions', undefined, token))).toEqual([502])
		expect((await client.call('GET', '/notifications/subscriptions/1001', undefined, token)).status).toBe(404)
		expect((await subscribe({ topics: [TOPIC(1)], config: { url: 'https://b.example.com' } }, token)).status).toBe(400)
		expect((await subscribe({ topics: [TOPIC(2)], config: { url: 'https://b.example.com' } }, token)).status).toBe(200)
	})

	test.each(['x', '0', '-1', '1e3', '99999999999999999999', '%00'])('the id %s is nobody’s', async (id) => {
		expect((await client.call('GET', `/notifications/subscriptions/${id}`)).status).toBe(404)
		expect((await client.call('DELETE', `/notifications/subscriptions/${id}`)).status).toBe(404)
	})
})

describe('notifications', () => {
	test('§5.6 one, with its message; acknowledged', async () => {
		await instance(1)
		const id = notified(1, 7, {
			status: 'retry',
			nextTryMs: client.world.nowMs + 60_000,
			deliveredMs: null,
			attempts: 2,
		})
		const { status, body, headers } = await client.call('GET', `/notifications/${id}`)
		expect(status).toBe(200)
		expect(headers.get('Elements-Element-Instance-Id')).toBe('1')
		expect(body).toEqual({
			id,
			from: 'notifications@bell.example.com',
			topic: TOPIC(1),
			severity: 'medium',
			message: `Error delivering notification ${id}: no response`,
			payload: { instanceId: 1, raw: { orders: [{ id: 7 }] } },
			createdDate: '2026-06-01T12:00:07Z',
			active: true,
			acknowledged: false,
			subscriptionId: 501,
			instanceId: 1,
			objectType: 'orders',
			events: 1,
			status: 'retry',
			attempts: 2,
			deliveredDate: null,
			nextTryDate: '2026-06-01T12:01:00Z',
		})
		expect((await client.call('PUT', `/notifications/${id}/acknowledge`)).body).toMatchObject({
			id,
			acknowledged: true,
		})
	})

	test('§5.5 §5.8 its deliveries, one as an object, and attempts', async () => {
		await instance(1)
		const id = notified(1, 7, { status: 'claimed' })
		const delivery = {
			notificationId: id,
			subscriptionId: 501,
			status: 'notified',
			createdDate: '2026-06-01T12:00:07Z',
			updatedDate: '2026-06-01T12:00:07Z',
			instanceId: 1,
			attempts: 1,
			nextTryDate: null,
		}
		expect((await client.call('GET', `/notifications/${id}/subscriptions/deliveries`)).body).toEqual([delivery])
		expect((await client.call('GET', `/notifications/${id}/subscriptions/501/deliveries`)).body).toEqual(delivery)
		const hydrated = {
			...delivery,
			notification: (await client.call('GET', `/notifications/${id}`)).body,
			subscription: (await client.call('GET', '/notifications/subscriptions/501')).body,
		}
		expect(hydrated.subscription).toMatchObject({ id: 501, channel: 'webhook', config: { url: HOOK } })
		expect((await client.call('GET', `/notifications/${id}/subscriptions/501/deliveries?hydrate=true`)).body).toEqual(
			hydrated,
		)
		for (const list of [`/notifications/${id}/subscriptions/deliveries`, '/notifications/subscriptions/deliveries'])
			expect((await client.call('GET', `${list}?hydrate=true`)).body).toEqual([hydrated])
		for (const other of ['502', 'x', '0'])
			expect((await client.call('GET', `/notifications/${id}/subscriptions/${other}/deliveries`)).status).toBe(404)
		client.world.watchers.attempts = [
			{
				number: 1,
				startedMs: 1,
				durationMs: 15_000,
				delivered: false,
				status: null,
				error: 'timeout',
				url: HOOK,
				body: '',
			},
			{ number: 2, startedMs: 2000, durationMs: 3, delivered: true, status: 200, error: null, url: null, body: 'ok' },
		]
		expect((await client.call('GET', `/notifications/${id}/attempts`)).body).toEqual([
			{
				number: 1,
				startedDate: '1970-01-01T00:00:00.001Z',
				durationMs: 15_000,
				delivered: false,
				status: null,
				error: 'timeout',
				url: HOOK,
				body: '',
			},
			{
				number: 2,
				startedDate: '1970-01-01T00:00:02.000Z',
				durationMs: 3,
				delivered: true,
				status: 200,
				error: null,
				url: null,
				body: 'ok',
			},
		])
	})

	test.each([
		[{ status: 'delivered', last: { status: 200, error: null } }, 'Delivered, 200'],
		[{ status: 'delivered', last: null }, 'Delivered'],
		// A replay of it failed.
		[{ status: 'delivered', last: { status: 500, error: null } }, 'Delivered'],
		[{ status: 'delivered', last: { status: null, error: 'timeout' } }, 'Delivered'],
		[{ status: 'queued', last: { status: 502, error: null } }, 'Error delivering notification 1000000007: 502'],
		[
			{ status: 'retry', last: { status: null, error: 'timeout' } },
			'Error delivering notification 1000000007: timeout',
		],
		[{ status: 'queued', last: null }, 'Not sent: its subscription is deactivated'],
		[{ status: 'waiting', last: null }, 'Not sent yet'],
		[{ status: 'waiting', last: { status: 500, error: null } }, 'Not sent again yet'],
		[{ status: 'claimed', last: { status: 500, error: null } }, 'Being sent'],
		[{ status: 'dropped', last: null }, 'Not sent: there is no subscription, or it was deleted'],
	] as const)('§5.11 %j says %s', async (rest, text) => {
		await instance(1)
		const id = notified(1, 7, rest)
		for (const query of ['', '?hydrate=false'])
			expect((await client.call('GET', `/notifications${query}`)).body).toMatchObject([{ message: text }])
		expect((await client.call('GET', `/notifications/${id}`)).body.message).toBe(text)
	})

	test('§5.10 a settled one is deleted with an audit row; one that is to be sent is a 409 that says so', async () => {
		await instance(1)
		const id = notified(1, 7, { status: 'queued' })
		const busy = notified(1, 8, { status: 'retry', nextTryMs: client.world.nowMs + 1000 })
		const other = { authorization: await addOrganization(2) }
		expect((await client.call('DELETE', `/notifications/${id}`, undefined, other)).status).toBe(404)
		expect(await client.call('DELETE', `/notifications/${id}`)).toMatchObject({ status: 200, body: null })
		expect((await client.call('GET', `/notifications/${id}`)).status).toBe(404)
		expect((await client.call('DELETE', `/notifications/${id}`)).status).toBe(404)
		const refused = await client.call('DELETE', `/notifications/${busy}`)
		expect([refused.status, refused.body.message]).toEqual([
			409,
			expect.stringContaining('still to be sent (retry at subscription 501)'),
		])
		const { results } = await env.DB.prepare("SELECT detail FROM audit_log WHERE action = 'notification.delete'").all()
		expect(results).toEqual([{ detail: JSON.stringify({ notification: id, status: 'queued' }) }])
	})

	test('an id that is none, another organization’s or gone is a 404, and no object is touched for what is not theirs', async () => {
		await instance(1)
		const id = notified(1, 1)
		const authorization = await addOrganization(2)
		const paths = ['', '/attempts', '/subscriptions/deliveries', '/subscriptions/501/deliveries']
		for (const path of paths)
			expect((await client.call('GET', `/notifications/${id}${path}`, undefined, { authorization })).status).toBe(404)
		expect((await client.call('PUT', `/notifications/${id}/acknowledge`, undefined, { authorization })).status).toBe(
			404,
		)
		expect((await client.call('POST', `/notifications/${id}/replay`, undefined, { authorization })).status).toBe(404)
		for (const none of [
			'x',
			'1',
			'999999999',
			'9000000001',
			'1e10',
			'99999999999999999999',
			'-1000000001',
			'subscription',
		])
			for (const path of paths) expect((await client.call('GET', `/notifications/${none}${path}`)).status).toBe(404)
		expect(calls()).toEqual([])
		expect((await client.call('GET', '/notifications/1000000002')).status).toBe(404)
		expect((await client.call('PUT', '/notifications/1000000002/acknowledge')).status).toBe(404)
		expect((await client.call('GET', '/notifications/1000000002/attempts')).status).toBe(404)
	})

	test('§5.6 the list is a merge, newest first, whole over any pages; topics narrow it', async () => {
		for (const id of [1, 2, 3]) {
			await instance(id)
			for (let n = 1; n <= 5; n++) notified(id, n, { createdMs: client.world.nowMs + n * 1000 + (n % 2) * id })
		}
		const all = (await client.call('GET', '/notifications')).body
		expect(all).toHaveLength(15)
		// By time, then instance, then number, all descending.
		const rows = [...client.world.watchers.notifications.values()].flat()
		rows.sort((a, b) => b.createdMs - a.createdMs || b.id - a.id)
		expect(all.map((one: any) => one.id)).toEqual(rows.map(({ id }) => id))
		expect(all.every((one: any) => one.payload.instanceId === one.instanceId)).toBe(true)
		for (const size of [1, 4, 15]) {
			const seen: any[] = []
			let next: string | null = ''
			while (next !== null) {
				const page: Awaited<ReturnType<ApiClient['call']>> = await client.call(
					'GET',
					`/notifications?pageSize=${size}${next === '' ? '' : `&nextPage=${next}`}`,
				)
				seen.push(...page.body)
				next = page.headers.get('Elements-Next-Page-Token')
			}
			expect(seen).toEqual(all)
		}
		const ids = async (query: string) =>
			(await client.call('GET', `/notifications?${query}`)).body.map((one: any) => one.instanceId)
		expect(new Set(await ids(`topics[]=${TOPIC(2)}`))).toEqual(new Set([2]))
		expect(new Set(await ids(`topics[]=${TOPIC(2)}&topics[]=${TOPIC(3)}`))).toEqual(new Set([2, 3]))
		expect(await ids(`topics[]=instance-2-shopify-events`)).toEqual([])
		expect(await ids(`topics[]=weather`)).toEqual([])
		const [plain] = (await client.call('GET', '/notifications?hydrate=false&pageSize=1')).body
		expect(plain).not.toHaveProperty('payload')
		expect(plain.message).toBe('Delivered')
		expect(
			(await client.call('GET', '/notifications', undefined, { authorization: await addOrganization(2) })).body,
		).toEqual([])
		for (const query of ['pageSize=0', 'pageSize=x', 'nextPage=abc', 'hydrate=yes'])
			expect((await client.call('GET', `/notifications?${query}`)).status).toBe(400)
	})

	test('a page ends early where its messages are large, and the next one goes on there', async () => {
		await instance(1)
		for (let n = 1; n <= 4; n++) notified(1, n, { body: JSON.stringify({ message: { text: 'x'.repeat(3_500_000) } }) })
		const first = await client.call('GET', '/notifications')
		expect(first.body.map((one: any) => one.id)).toEqual([1000000004, 1000000003])
		const second = await client.call('GET', `/notifications?nextPage=${first.headers.get('Elements-Next-Page-Token')}`)
		expect(second.body.map((one: any) => one.id)).toEqual([1000000002, 1000000001])
		expect(second.headers.get('Elements-Next-Page-Token')).toBeNull()
	})

	test('an object that lost its storage is passed over in lists and made again when it is asked by itself', async () => {
		await instance(1)
		await instance(2)
		notified(2, 1)
		client.world.watchers.unknownIds.add(1)
		expect((await client.call('GET', '/notifications')).body).toHaveLength(1)
		expect((await client.call('GET', '/notifications/1000000001')).status).toBe(404)
		expect(calls()).toContain('1 create')
	})
})

describe('deliveries', () => {
	beforeEach(async () => {
		await instance(1)
		await instance(2, 'https://two.example.com')
		await instance(3, null)
		await subscribe({ topics: [TOPIC(3)], config: { url: HOOK } })
		client.world.watchers.subscriptions.set(3, [subscription(1001)])
		notified(1, 1)
		notified(1, 2, { status: 'queued' })
		notified(1, 3, { status: 'queued' })
		notified(2, 4, { status: 'queued', url: 'https://two.example.com' })
		notified(3, 5, { status: 'queued', subscription: 1001 })
		notified(3, 6, { status: 'waiting', subscription: 1001 })
		calls()
	})

	const ids = (answer: { body: any }) => answer.body.map((one: any) => one.notificationId)

	test('§5.3 what is queued for an address is pulled, and only the objects that send there are asked', async () => {
		const path = where(`channel='webhook' and status='queued' and config.url='${HOOK}'`)
		const plain = await client.call('GET', path)
		expect(ids(plain)).toEqual([3000000005, 1000000003, 1000000002])
		expect(plain.body[0]).not.toHaveProperty('notification')
		expect(calls().every((call) => call.startsWith('1 notifications') || call.startsWith('3 notifications'))).toBe(true)
		const hydrated = await client.call('GET', `${path}&hydrate=true&pageSize=2`)
		expect(hydrated.body.map((one: any) => one.notification.payload.raw)).toEqual([
			{ orders: [{ id: 5 }] },
			{ orders: [{ id: 3 }] },
		])
		const next = hydrated.headers.get('Elements-Next-Page-Token')
		expect(ids(await client.call('GET', `${path}&pageSize=2&nextPage=${next}`))).toEqual([1000000002])
	})

	test.each([
		['', 6],
		["status='delivered'", 1],
		["status IN ('delivered','created')", 2],
		["status='created' AND subscriptionId=1001", 1],
		["subscriptionId='502'", 1],
		['instanceId IN (1, 2)', 4],
		[`topics='${TOPIC(3)}' and status = 'QUEUED'`, 1],
		[`topic='${TOPIC(3)}' and instanceId=1`, 0],
		["status='queued' and status='delivered'", 0],
		["channel='email'", 0],
		["config.url='https://nobody.example.com'", 0],
		['subscriptionId=77', 0],
		["topics='weather'", 0],
	])('where %s names %i', async (text, count) => {
		const { status, body } = await client.call('GET', where(text))
		expect([status, body.length]).toEqual([200, count])
	})

	test.each([
		'status',
		"status='lost'",
		"status!='queued'",
		"status='queued' or status='retry'",
		"secret='x'",
		"config.url LIKE 'https%'",
		"instanceId='x'",
		"subscriptionId='-1'",
		'%%%',
	])('where %s is a 400 that says so, read or released', async (text) => {
		for (const method of ['GET', 'PUT']) {
			const { status, body } = await client.call(method, where(text))
			expect([status, body.message]).toEqual([400, expect.stringMatching(/^where: expected /)])
		}
		expect(calls()).toEqual([])
	})

	test('a where is of at most 4000 characters', async () => {
		expect((await client.call('GET', where(`config.url='${'x'.repeat(4000)}'`))).status).toBe(400)
	})

	test('§5.3 a release wakes the subscriptions that it names, says how many are sent again, and is noted', async () => {
		const path = where(`channel='webhook' and status='queued' and config.url='${HOOK}'`)
		const { status, body } = await client.call('PUT', path)
		expect([status, body]).toEqual([
			200,
			[
				{ subscriptionId: 501, instanceId: 1, config: { url: HOOK }, released: 2 },
				{ subscriptionId: 1001, instanceId: 3, config: { url: HOOK }, released: 1 },
			],
		])
		expect(calls()).toEqual([
			'1 subscriptions',
			'1 release {"subscription":501}',
			'3 subscriptions',
			'3 release {"subscription":1001}',
		])
		expect((await audit()).slice(1)).toEqual([
			{
				action: 'subscription.release',
				object_type: 'instance',
				object_id: 1,
				detail: '{"subscription":501,"released":2}',
			},
			{
				action: 'subscription.release',
				object_type: 'instance',
				object_id: 3,
				detail: '{"subscription":1001,"released":1}',
			},
		])
	})

	test('several tags narrow to the instances that have all of them, read or released', async () => {
		await env.DB.prepare("UPDATE instances SET tags = json_array('Shop', 'North') WHERE id IN (1, 3)").run()
		await env.DB.prepare("UPDATE instances SET tags = json_array('Shop', 'South') WHERE id = 2").run()
		calls()
		const of = async (method: string, path: string) =>
			(await client.call(method, path)).body.map((one: any) => one.instanceId).sort((a: number, b: number) => a - b)
		const queued = where("status='queued'")
		expect(await of('GET', `${queued}&tags[]=Shop`)).toEqual(expect.arrayContaining([1, 2, 3]))
		expect(new Set(await of('GET', `${queued}&tags[]=Shop&tags[]=South`))).toEqual(new Set([2]))
		expect(await of('GET', `${queued}&tags[]=North&tags[]=South`)).toEqual([])
		expect(new Set(await of('GET', '/notifications?tags[]=North&tags[]=Shop'))).toEqual(new Set([1, 3]))
		expect(await of('PUT', `${queued}&tags[]=North&tags[]=South`)).toEqual([])
		expect(calls().filter((call) => call.includes('release'))).toEqual([])
		expect(await of('PUT', `${queued}&tags[]=Shop&tags[]=South`)).toEqual([2])
		expect(calls().filter((call) => call.includes('release'))).toEqual(['2 release {"subscription":502}'])
	})

	test.each(['', 'where=', "where=status='delivered'"])('a release of "%s" is a 400', async (query) => {
		const { status, body } = await client.call('PUT', `/notifications/subscriptions/deliveries?${query}`)
		expect([status, body.message]).toEqual([400, expect.stringMatching(/^where: expected /)])
		expect(calls()).toEqual([])
	})

	test('another organization releases and reads nothing; a token its own', async () => {
		const authorization = await addOrganization(2)
		const path = where("status='queued'")
		expect((await client.call('PUT', path, undefined, { authorization })).body).toEqual([])
		expect((await client.call('GET', path, undefined, { authorization })).body).toEqual([])
		await env.DB.prepare('UPDATE instances SET token_hash = ? WHERE id = 2').bind(hashSecret('of2')).run()
		const token = { authorization: `User ${client.userSecret}, Element of2` }
		expect(ids(await client.call('GET', path, undefined, token))).toEqual([2000000004])
		expect(ids(await client.call('GET', where('instanceId=1'), undefined, token))).toEqual([])
		expect((await client.call('GET', '/notifications/1000000001', undefined, token)).status).toBe(404)
		expect((await client.call('GET', '/notifications/2000000004', undefined, token)).status).toBe(200)
	})

	test('more than 200 instances is a 400 that says how to narrow; an address or a topic does', async () => {
		await insertInstanceCopies(201)
		for (const [method, path] of [
			['GET', '/notifications'],
			['GET', '/notifications/subscriptions/deliveries'],
			['PUT', where("status='queued'")],
		] as const) {
			const { status, body } = await client.call(method, path)
			expect([status, body.message]).toEqual([400, expect.stringContaining('filter by')])
		}
		expect(calls()).toEqual([])
		expect((await client.call('GET', where(`config.url='${HOOK}'`))).status).toBe(200)
		expect((await client.call('GET', `/notifications?topics[]=${TOPIC(1)}`)).body).toHaveLength(3)
		expect((await client.call('GET', '/notifications?tags[]=Shop')).body).toHaveLength(6)
	})
})

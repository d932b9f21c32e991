/** Account settings over HTTP: shown, changed, refused; and how they reach instances. */
import { beforeEach, describe, expect, test } from 'vitest'
import { readAccountSettings } from '../../../src/accounts/settings.ts'
import { loadWatcherConfig } from '../../../src/instances/config.ts'
import { resealSecrets } from '../../../src/instances/reseal.ts'
import { openSecret, operatorKeyPlace } from '../../../src/lib/sealing.ts'
import { addOrganization, env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'

const DEFAULTS = {
	'notification.webhook.retry.schedule': 'standard',
	'notification.webhook.failure.policy': 'retry',
	'events.retention.days': '7',
	'operator.webhook.url': null,
	'operator.webhook.key': null,
}

let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
})

const settings = async (): Promise<unknown> => (await client.call('GET', '/accounts/settings')).body
const audit = async (): Promise<Record<string, any>[]> =>
	(await env.DB.prepare("SELECT * FROM audit_log WHERE action = 'settings.update'").all<Record<string, any>>()).results

describe('settings', () => {
	test('§11.10 have defaults', async () => {
		expect(await settings()).toEqual(DEFAULTS)
	})

	test.each([
		['PATCH', '/accounts/settings'],
		['PATCH', '/accounts/1/settings'],
		['POST', '/accounts/1/settings'],
	])('§5.1 %s %s changes what is named, and the audit log names it', async (method, path) => {
		const change = { 'notification.webhook.retry.schedule': [5, 60], 'notification.webhook.failure.policy': 'queue' }
		const { status, body } = await client.call(method, path, change)
		const changed = {
			...DEFAULTS,
			'notification.webhook.retry.schedule': '[5,60]',
			'notification.webhook.failure.policy': 'queue',
		}
		expect(status).toBe(200)
		expect(body).toEqual(changed)
		expect(await settings()).toEqual(changed)
		expect(await audit()).toMatchObject([{ organization_id: 1, user_id: 1, object_type: 'organization', object_id: 1 }])
		expect(JSON.parse((await audit())[0]!['detail'])).toEqual({
			settings: ['notification.webhook.retry.schedule', 'notification.webhook.failure.policy'],
		})
		await client.call(method, path, { 'notification.webhook.failure.policy': null })
		expect(await settings()).toEqual({ ...DEFAULTS, 'notification.webhook.retry.schedule': '[5,60]' })
	})

	test('what is as it was is not written', async () => {
		await client.call('PATCH', '/accounts/settings', { 'events.retention.days': null })
		await client.call('PATCH', '/accounts/settings', {})
		expect(await audit()).toHaveLength(0)
		await client.call('PATCH', '/accounts/settings', { 'events.retention.days': 3 })
		await client.call('PATCH', '/accounts/settings', { 'events.retention.days': '3' })
		expect(await audit()).toHaveLength(1)
	})

	test.each<[string, unknown, RegExp]>([
		[
			'an unknown schedule',
			{ 'notification.webhook.retry.schedule': 'often' },
			/^notification\.webhook\.retry\.schedule: expected standard/,
		],
		[
			'negative seconds',
			{ 'notification.webhook.retry.schedule': [5, -60] },
			/^notification\.webhook\.retry\.schedule: expected standard/,
		],
		[
			'an unknown policy',
			{ 'notification.webhook.failure.policy': 'drop' },
			/^notification\.webhook\.failure\.policy: expected retry or queue/,
		],
		[
			'a metadata address',
			{ 'operator.webhook.url': 'http://169.254.169.254/' },
			/^operator\.webhook\.url: expected a public address/,
		],
		['a negative retention', { 'events.retention.days': -1 }, /^events\.retention\.days: expected/],
		['a name that is none', { 'events.retention': 3 }, /^events\.retention: expected one of/],
		[
			'several at once',
			{ 'events.retention.days': 0, 'operator.webhook.url': 'x' },
			/events\.retention\.days: .*; operator\.webhook\.url: /,
		],
		['a list', [], /^body: expected an object of settings/],
		['text', '"x"', /^body: expected an object of settings/],
	])('%s is refused, and nothing changes', async (_name, body, message) => {
		const sent =
			Array.isArray(body) || typeof body === 'string' ? body : { 'events.retention.days': 3, ...(body as object) }
		const { status, body: answer } = await client.call('PATCH', '/accounts/settings', sent)
		expect(answer.message).toMatch(message)
		expect(status).toBe(400)
		expect(await settings()).toEqual(DEFAULTS)
		expect(await audit()).toHaveLength(0)
	})

	test('belong to one organization; another one’s do not exist', async () => {
		const other = await addOrganization(2)
		for (const method of ['PATCH', 'POST']) {
			expect(
				(await client.call(method, '/accounts/1/settings', { 'events.retention.days': 3 }, { authorization: other }))
					.status,
			).toBe(404)
			expect((await client.call(method, '/accounts/2/settings', { 'events.retention.days': 3 })).status).toBe(404)
			expect((await client.call(method, '/accounts/x/settings', { 'events.retention.days': 3 })).status).toBe(404)
		}
		await client.call('PATCH', '/accounts/settings', { 'events.retention.days': 3 }, { authorization: other })
		expect(await settings()).toEqual(DEFAULTS)
		expect((await client.call('GET', '/accounts/settings', undefined, { authorization: other })).body).toMatchObject({
			'events.retention.days': '3',
		})
	})

	test('need the organization’s secret', async () => {
		await insertInstance(client, 7)
		expect((await client.call('GET', '/accounts/settings', undefined, { authorization: null })).status).toBe(401)
		expect(
			(await client.call('GET', '/accounts/settings', undefined, { authorization: `User ${client.userSecret}` }))
				.status,
		).toBe(401)
	})

	test('another method is 405', async () => {
		expect((await client.call('POST', '/accounts/settings', {})).status).toBe(405)
	})
})

describe('the operator’s key', () => {
	test('§11.10 is sealed, masked, left alone by its mask, and can be taken away', async () => {
		const key = 'the operator’s own key'
		await client.call('PATCH', '/accounts/settings', {
			'operator.webhook.url': 'https://ops.example.com/hook',
			'operator.webhook.key': key,
		})
		expect(await settings()).toMatchObject({
			'operator.webhook.url': 'https://ops.example.com/hook',
			'operator.webhook.key': '********',
		})
		const { results } = await env.DB.prepare('SELECT value FROM account_settings').all<{ value: string }>()
		expect(JSON.stringify([results, await audit()])).not.toContain(key)
		const opened = async (ring = env.MASTER_KEYS) => {
			const { operator } = await readAccountSettings(env.DB, 1)
			return operator?.sealedKey == null ? null : await openSecret(ring, operator.sealedKey, operatorKeyPlace(1))
		}
		expect(await opened()).toBe(key)
		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.key': '********' })
		expect(await opened()).toBe(key)
		expect(await audit()).toHaveLength(1)

		// A ring of its own: `/healthz` remembers what it found of one.
		const added = `newest:${Buffer.alloc(32, 9).toString('base64')}`
		client.world.settings = { MASTER_KEYS: `${added},${env.MASTER_KEYS}` }
		expect((await client.call('GET', '//healthz')).body.keysInUse).toEqual(['newest', 'test'])
		await resealSecrets(env.DB, `${added},${env.MASTER_KEYS}`)
		expect(await opened(added)).toBe(key)

		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.key': null })
		expect(await opened(added)).toBeNull()
		await client.call('PATCH', '/accounts/settings', { 'operator.webhook.url': null })
		expect((await readAccountSettings(env.DB, 1)).operator).toEqual({ url: null, sealedKey: null })
	})
})

test('instances find them where they read their row', async () => {
	await insertInstance(client, 7, {
		configuration: JSON.stringify({ 'store.url': 'https://shop.example.com', 'event.notification.mode': 'thin' }),
	})
	const before = (await loadWatcherConfig(env, 7))!
	expect(before).toMatchObject({
		retentionDays: 7,
		delivery: { schedule: 'standard', failurePolicy: 'retry', mode: 'thin' },
	})
	await client.call('PATCH', '/accounts/settings', {
		'notification.webhook.retry.schedule': '5,10',
		'notification.webhook.failure.policy': 'queue',
		'events.retention.days': 2,
	})
	// The row's version stands still: what is compared is the whole of it.
	expect(await loadWatcherConfig(env, 7)).toEqual({
		...before,
		retentionDays: 2,
		delivery: { ...before.delivery, schedule: [5, 10], failurePolicy: 'queue' },
	})
})

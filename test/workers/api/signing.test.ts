/** Signature keys over HTTP: shown, changed with a time in which both sign, ended, resealed; and the call that explains a signature. */
import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { attemptDelivery } from '../../../src/delivery/attempt.ts'
import { loadWatcherConfig } from '../../../src/instances/config.ts'
import { findKeysInUse, resealSecrets } from '../../../src/instances/reseal.ts'
import { instanceSecret, openSecret, sealSecret } from '../../../src/lib/sealing.ts'
import { runCron } from '../../../src/instances/cron.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import {
	addOrganization,
	env,
	resetDatabase,
	instanceBody,
	createServices,
	startApiWorld,
	type ApiClient,
} from './harness.ts'

const SIGNATURE_KEY = 'event.notification.signature.key'
const OLD = 'the old key'
const NEW = 'the new key'
const HOUR = 3_600_000
const BODY = '{"name":"Grüße"}'

let store: SimulatedStore
let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld((request) => store.fetch(request))
	store = createStore({ objects: 4, url: 'https://shop.example.com', now: () => client.world.nowMs })
})

async function make(key: string | null = OLD): Promise<number> {
	const { status, body } = await client.call(
		'POST',
		'/instances',
		instanceBody({
			sealedFor: 'instance',
			configuration: {
				'store.url': store.url,
				'oauth.api.key': store.credentials.key,
				'oauth.api.secret': store.credentials.secret,
				'event.notification.callback.url': 'https://callback.example.com/hook',
				...(key === null ? {} : { [SIGNATURE_KEY]: key }),
			},
		}),
	)
	expect([status, body.message]).toEqual([200, undefined])
	return body.id
}

const rotate = (id: number, body: unknown = {}) => client.call('POST', `/instances/${id}/signature-key/rotate`, body)
const end = (id: number) => client.call('POST', `/instances/${id}/signature-key/rotate/end`)
const show = async (id: number) => (await client.call('GET', `/instances/${id}/signature-key`)).body
const patch = (id: number, configuration: Record<string, unknown>) =>
	client.call('PATCH', `/instances/${id}`, { configuration })
const whsec = (key: string) => `whsec_${Buffer.from(key).toString('base64')}`
const round = () => runCron({ ...createServices(client.world), env: { ...env, ...client.world.settings } })

async function row(id: number): Promise<Record<string, any>> {
	return (await env.DB.prepare('SELECT * FROM instances WHERE id = ?').bind(id).first<Record<string, any>>())!
}

async function audit(action: string): Promise<any[]> {
	const { results } = await env.DB.prepare('SELECT * FROM audit_log WHERE action = ? ORDER BY id')
		.bind(action)
		.all<any>()
	return results.map((one) => ({ ...one, detail: JSON.parse(one.detail) }))
}

/** Nothing of a secret may stand in an audit row. */
async function expectSilentAudit(...secrets: string[]): Promise<void> {
	const text = JSON.stringify((await env.DB.prepare('SELECT * FROM audit_log').all()).results)
	for (const secret of secrets) expect(text).not.toContain(secret)
}

/** The headers that a delivery carries now, by the row as the instance's object reads it. */
async function sent(id: number): Promise<Record<string, string | null>> {
	const config = (await loadWatcherConfig(env, id))!
	const ref = { id, incarnation: config.incarnation }
	let request: Request | undefined
	const outcome = await attemptDelivery(
		{
			notificationId: 1_000_000_001,
			subscription: 1,
			organizationId: 1,
			createdMs: 0,
			attempt: 1,
			leaseUntilMs: Number.MAX_SAFE_INTEGER,
			url: 'https://callback.example.com/hook',
			body: BODY,
			sealedFor: 'instance',
			incarnation: config.incarnation,
			configuration: config.configuration,
			signature: config.signature,
			guarded: false,
			replay: false,
		},
		{
			fetch: async (given) => ((request = given), new Response('')),
			now: () => client.world.nowMs,
			userAgent: 'Shopbell/test',
			openSecret: async (key, sealed) => await openSecret(env.MASTER_KEYS, sealed, instanceSecret(ref, key)),
		},
	)
	expect(outcome.delivered).toBe(true)
	const names = ['Elements-Webhook-Signature', 'Elements-Webhook-Signature-Next', 'webhook-signature']
	return Object.fromEntries(names.map((name) => [name, request!.headers.get(name)]))
}

/** The headers that these keys make now, by the published descriptions (docs/verify) and none of our own code. */
function expected(current: string | null, next: string | null = null): Record<string, string | null> {
	const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64')
	const elements = (key: string | null): string | null => (key === null ? null : `sha256=${hmac(key, BODY)}`)
	const signed = `ntf_1000000001.${Math.floor(client.world.nowMs / 1000)}.${BODY}`
	const standard = [current, next].filter((key) => key !== null).map((key) => `v1,${hmac(key, signed)}`)
	return {
		'Elements-Webhook-Signature': elements(current),
		'Elements-Webhook-Signature-Next': elements(next),
		'webhook-signature': standard.length === 0 ? null : standard.join(' '),
	}
}

describe('the key', () => {
	test('is shown as given and as whsec_, and who looked is written down', async () => {
		const key = 'Schlüssel  鍵'
		const id = await make(key)
		expect(await show(id)).toEqual({ key, whsec: whsec(key), next: null })
		expect(await audit('instance.signature-key.show')).toMatchObject([
			{ object_id: id, user_id: 1, detail: { keys: 1 } },
		])
		await rotate(id, { key: NEW })
		expect((await show(id)).next).toEqual({ key: NEW, whsec: whsec(NEW), from: '2026-06-02T12:00:00Z' })
		const untilOf = async () => (await client.call('GET', `/instances/${id}`)).body.signatureKeyRotatesUntil
		expect(await untilOf()).toBe('2026-06-02T12:00:00Z')
		expect(await audit('instance.signature-key.show')).toMatchObject([{}, { detail: { keys: 2 } }])
		await expectSilentAudit(key, NEW, whsec(key), whsec(NEW))
		expect((await client.call('GET', `/instances/${id}`)).body.configuration[SIGNATURE_KEY]).toBe('********')
	})

	test('that is not there is null, and nobody has seen anything', async () => {
		const id = await make(null)
		expect(await show(id)).toEqual({ key: null, whsec: null, next: null })
		expect(await audit('instance.signature-key.show')).toEqual([])
	})

	test("answers to the instance's own token, and does not exist for anybody else", async () => {
		const id = await make()
		const { token } = (await client.call('GET', `/instances/${id}`)).body
		const own = { authorization: `User ${client.userSecret}, Element ${token}` }
		expect((await client.call('GET', '/instances/signature-key', undefined, own)).body.key).toBe(OLD)
		expect((await client.call('POST', '/instances/signature-key/rotate', { key: NEW }, own)).body.next.key).toBe(NEW)
		expect((await client.call('POST', '/instances/signature-key/rotate/end', undefined, own)).body.key).toBe(NEW)
		const other = { authorization: await addOrganization(2) }
		for (const [method, path] of [
			['GET', ''],
			['POST', '/rotate'],
			['POST', '/rotate/end'],
		] as const) {
			const body = path === '/rotate' ? {} : undefined
			expect((await client.call(method, `/instances/${id}/signature-key${path}`, body, other)).status).toBe(404)
			expect(
				(await client.call(method, `/instances/${id}/signature-key${path}`, body, { authorization: null })).status,
			).toBe(401)
		}
		expect((await show(id)).next).toBeNull()
	})
})

describe('rotating', () => {
	test('for a day both sign, each header as the contract says; at the very second the new one alone, without anything having run', async () => {
		const id = await make()
		expect(await sent(id)).toEqual(expected(OLD))
		const { status, body } = await rotate(id, { key: NEW })
		expect([status, body]).toEqual([
			200,
			{ key: OLD, whsec: whsec(OLD), next: { key: NEW, whsec: whsec(NEW), from: '2026-06-02T12:00:00Z' } },
		])
		expect(client.world.watchers.calls.at(-1)).toBe(`${id} configure 2{}`)
		expect(await sent(id)).toEqual(expected(OLD, NEW))
		const stored = await row(id)
		expect(stored['signature_next']).toMatch(/^v2\.test\./)
		expect(await audit('instance.signature-key.rotate')).toMatchObject([
			{ object_id: id, detail: { key: 'given', graceSeconds: 86_400 } },
		])
		await expectSilentAudit(OLD, NEW)

		client.world.nowMs += 24 * HOUR - 1
		expect(await sent(id)).toEqual(expected(OLD, NEW))
		client.world.nowMs += 1
		expect(await row(id)).toEqual(stored)
		expect(await sent(id)).toEqual(expected(NEW))
		expect(await show(id)).toEqual({ key: NEW, whsec: whsec(NEW), next: null })
		expect((await end(id)).status).toBe(409)
	})

	test('without a body, or with nothing in it, a random key is made', async () => {
		const [one, two] = [await make(), await make()]
		const first = (await client.call('POST', `/instances/${one}/signature-key/rotate`)).body.next.key
		const second = (await rotate(two, { key: null, grace: null })).body.next.key
		expect(first).toMatch(/^[0-9a-f]{64}$/)
		expect(second).toMatch(/^[0-9a-f]{64}$/)
		expect(first).not.toBe(second)
		expect((await audit('instance.signature-key.rotate'))[0].detail).toEqual({ key: 'made', graceSeconds: 86_400 })
	})

	test('grace is what is asked for: none at all, or up to seven days', async () => {
		const id = await make()
		expect((await rotate(id, { key: NEW, grace: 0 })).body).toEqual({ key: NEW, whsec: whsec(NEW), next: null })
		expect(await sent(id)).toEqual(expected(NEW))
		client.world.nowMs += 1
		expect((await rotate(id, { key: OLD, grace: 7 * 86_400 })).body.next.from).toBe('2026-06-08T12:00:01Z')
		expect(await sent(id)).toEqual(expected(NEW, OLD))
	})

	test('gives an instance without a key its first one at once', async () => {
		const id = await make(null)
		expect(await sent(id)).toEqual(expected(null))
		expect((await rotate(id, { key: NEW })).body).toEqual({ key: NEW, whsec: whsec(NEW), next: null })
		expect(await sent(id)).toEqual(expected(NEW))
		expect((await audit('instance.signature-key.rotate'))[0].detail).toEqual({ key: 'given', graceSeconds: 0 })
	})

	test('can be ended: the new key alone, at once', async () => {
		const id = await make()
		expect((await end(id)).status).toBe(409)
		await rotate(id, { key: NEW })
		expect((await end(id)).body).toEqual({ key: NEW, whsec: whsec(NEW), next: null })
		expect(await sent(id)).toEqual(expected(NEW))
		expect(await row(id)).toMatchObject({ signature_next: null, signature_from_ms: null, version: 3 })
		expect(client.world.watchers.calls.at(-1)).toBe(`${id} configure 3{}`)
		expect(await audit('instance.signature-key.end')).toHaveLength(1)
		expect((await end(id)).status).toBe(409)
		expect(await audit('instance.signature-key.end')).toHaveLength(1)
	})

	test('while one runs another is refused, and the answer says what to do; once it is over the next may begin', async () => {
		const id = await make()
		await rotate(id, { key: NEW, grace: 60 })
		const again = await rotate(id, { key: 'a third' })
		expect([again.status, again.body.message]).toEqual([409, expect.stringMatching(/rotate\/end.*PATCH/)])
		expect((await show(id)).next.key).toBe(NEW)
		client.world.nowMs += 60_000
		expect((await rotate(id, { key: 'a third' })).body).toMatchObject({ key: NEW, next: { key: 'a third' } })
	})

	test.each([
		[{ key: '' }, 'key'],
		[{ key: '  \n' }, 'key'],
		[{ key: 'x'.repeat(129) }, 'key'],
		[{ key: 7 }, 'key'],
		[{ key: ['x'] }, 'key'],
		[{ key: '********' }, 'key'],
		[{ key: '<YOUR_KEY>' }, 'key'],
		[{ key: OLD }, 'key'],
		[{ key: ` ${NEW}` }, 'key: expected a key without white space'],
		[{ key: `${NEW}\r\n` }, 'key: expected a key without white space'],
		[{ key: `${NEW}\u00a0` }, 'key: expected a key without white space'],
		[{ key: `\ufeff${NEW}` }, 'key: expected a key without white space'],
		[{ key: `${NEW}\u200b` }, 'key: expected a key without white space'],
		[{ key: whsec(NEW) }, 'key: expected the key itself, got the whsec_ form'],
		[{ key: ` ${whsec(NEW)}` }, 'key: expected the key itself, got the whsec_ form'],
		['{"key":"\\ud800"}', 'key'],
		[{ grace: -1 }, 'grace'],
		[{ grace: 7 * 86_400 + 1 }, 'grace'],
		[{ grace: 1.5 }, 'grace'],
		[{ grace: '60' }, 'grace'],
		[{ Key: NEW }, 'Key'],
		['{"key":', 'body'],
		['[]', 'body'],
	])('%j is refused, names its field and changes nothing', async (body, field) => {
		const id = await make()
		const before = await row(id)
		const answer = await rotate(id, body)
		expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(field)])
		expect(await row(id)).toEqual(before)
		expect(await audit('instance.signature-key.rotate')).toEqual([])
	})

	test('a body that says nothing of its type is read', async () => {
		const id = await make()
		const url = `https://bell.example.com/elements/api-v2/instances/${id}/signature-key/rotate`
		const headers = { Authorization: `User ${client.userSecret}, Organization ${client.organizationSecret}` }
		const request = new Request(url, {
			method: 'POST',
			headers,
			body: new TextEncoder().encode(JSON.stringify({ key: NEW })),
		})
		expect(request.headers.has('Content-Type')).toBe(false)
		expect(await (await client.send(request)).json()).toMatchObject({ next: { key: NEW } })
	})

	test('the longest key, in characters', async () => {
		const id = await make()
		const key = '鍵'.repeat(128)
		expect((await rotate(id, { key })).body.next).toMatchObject({ key, whsec: whsec(key) })
		expect(await sent(id)).toEqual(expected(OLD, key))
	})

	test('of two at once one wins', async () => {
		const id = await make()
		const answers = await Promise.all([rotate(id, { key: 'one' }), rotate(id, { key: 'two' })])
		expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409])
		expect(await audit('instance.signature-key.rotate')).toHaveLength(1)
		const won = answers.find(({ status }) => status === 200)!.body.next.key
		expect((await show(id)).next.key).toBe(won)
	})
})

describe('a configured key', () => {
	test('that is named replaces both at once', async () => {
		const id = await make()
		await rotate(id, { key: NEW })
		await patch(id, { [SIGNATURE_KEY]: 'a third' })
		expect(await show(id)).toEqual({ key: 'a third', whsec: whsec('a third'), next: null })
		expect(await sent(id)).toEqual(expected('a third'))
		expect((await audit('instance.update'))[0].detail).toMatchObject({ keys: [SIGNATURE_KEY], rotation: 'ended' })
	})

	test('the old one named again takes the change back; null takes both away', async () => {
		const id = await make()
		await rotate(id, { key: NEW })
		await patch(id, { [SIGNATURE_KEY]: OLD })
		expect(await show(id)).toMatchObject({ key: OLD, next: null })
		await rotate(id, { key: NEW })
		const item = `/instances/${id}/configuration/${encodeURIComponent(SIGNATURE_KEY)}`
		expect((await client.call('PATCH', item, { propertyValue: null })).status).toBe(200)
		expect(await show(id)).toEqual({ key: null, whsec: null, next: null })
		expect(await sent(id)).toEqual(expected(null))
	})

	test('other changes, and a mask sent back, leave the change running', async () => {
		const id = await make()
		await rotate(id, { key: NEW })
		await patch(id, { [SIGNATURE_KEY]: '********', 'event.poller.refresh_interval': 20 })
		await client.call('DELETE', `/instances/${id}/enabled`)
		await client.call('PUT', `/instances/${id}/enabled`)
		const shown = (await client.call('GET', `/instances/${id}`)).body
		await client.call('PUT', `/instances/${id}`, { ...shown, name: 'Renamed' })
		expect(await sent(id)).toEqual(expected(OLD, NEW))
		expect((await show(id)).next.from).toBe('2026-06-02T12:00:00Z')
	})

	test('a PUT without it leaves both; one that replaces takes both away', async () => {
		const id = await make()
		await rotate(id, { key: NEW })
		const { configuration } = (await client.call('GET', `/instances/${id}`)).body
		delete configuration[SIGNATURE_KEY]
		expect((await client.call('PUT', `/instances/${id}`, { configuration })).status).toBe(200)
		expect(await sent(id)).toEqual(expected(OLD, NEW))
		expect((await client.call('PUT', `/instances/${id}?replace=true`, { configuration })).status).toBe(200)
		expect(await sent(id)).toEqual(expected(null))
	})

	test.each([
		['a PATCH', (id: number) => patch(id, { 'event.poller.refresh_interval': 20 })],
		['a PATCH with the mask', (id: number) => patch(id, { [SIGNATURE_KEY]: '********' })],
		['disabling', (id: number) => client.call('DELETE', `/instances/${id}/enabled`)],
		['the cron', async () => await round()],
	])('%s writes a takeover down whose moment has passed', async (_, change) => {
		const id = await make()
		await rotate(id, { key: NEW, grace: 60 })
		const before = await row(id)
		await round()
		expect(await row(id)).toEqual(before)
		client.world.nowMs += 60_000
		await change(id)
		expect(await row(id)).toMatchObject({
			signature_next: null,
			signature_from_ms: null,
			version: before['version'] + 1,
		})
		expect(await show(id)).toEqual({ key: NEW, whsec: whsec(NEW), next: null })
		expect(await sent(id)).toEqual(expected(NEW))
		const stored = JSON.parse((await row(id))['configuration'])
		expect(Object.keys(stored)).toEqual(Object.keys(JSON.parse(before['configuration'])))
	})

	test('a change that was begun before the takeover and is committed after it keeps the new key', async () => {
		const id = await make()
		await rotate(id, { key: NEW, grace: 1 })
		// The store is asked in between, and the moment passes.
		const ask = client.world.store
		client.world.store = async (request) => {
			client.world.nowMs = Date.parse('2026-06-01T12:00:02Z')
			return await ask(request)
		}
		const resources = { products: { url: '/hubs/ecommerce/products' } }
		expect((await patch(id, { 'event.poller.configuration': resources })).status).toBe(200)
		expect(client.world.nowMs).toBe(Date.parse('2026-06-01T12:00:02Z'))
		expect(await row(id)).toMatchObject({ signature_next: null, signature_from_ms: null })
		expect(await sent(id)).toEqual(expected(NEW))
	})

	test.each([
		[' a key', 'expected a key without white space'],
		['a key\n', 'expected a key without white space'],
		[whsec(NEW), 'expected the key itself, got the whsec_ form'],
	])('§3.13 %j is refused, names its field and changes nothing', async (key, message) => {
		const id = await make()
		const before = await row(id)
		const item = `/instances/${id}/configuration/${encodeURIComponent(SIGNATURE_KEY)}`
		for (const answer of [
			await patch(id, { [SIGNATURE_KEY]: key }),
			await client.call('PATCH', item, { propertyValue: key }),
		])
			expect([answer.status, answer.body.message]).toEqual([
				400,
				expect.stringContaining(`${SIGNATURE_KEY}: ${message}`),
			])
		expect(await row(id)).toEqual(before)
	})

	test.each([' an old key\n', 'whsec_TXlTZWNyZXQ='])(
		'%j of an earlier version signs on, and other changes leave it alone',
		async (key) => {
			const id = await make()
			const { configuration: text, incarnation } = await row(id)
			const stored = JSON.parse(text)
			stored[SIGNATURE_KEY] = await sealSecret(env.MASTER_KEYS, key, instanceSecret({ id, incarnation }, SIGNATURE_KEY))
			await env.DB.prepare('UPDATE instances SET configuration = ?').bind(JSON.stringify(stored)).run()
			expect((await patch(id, { 'event.poller.refresh_interval': 20 })).status).toBe(200)
			const { configuration } = (await client.call('GET', `/instances/${id}`)).body
			expect((await client.call('PUT', `/instances/${id}`, { configuration })).status).toBe(200)
			expect(await sent(id)).toEqual(expected(key))
			expect(await show(id)).toEqual({ key, whsec: whsec(key), next: null })
		},
	)

	test('half of a surrogate pair is no text', async () => {
		const id = await make()
		const answer = await client.call('PATCH', `/instances/${id}`, `{"configuration":{"${SIGNATURE_KEY}":"\\udc00"}}`)
		expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(SIGNATURE_KEY)])
	})
})

test('a rotated key ring seals the key that takes over anew, and the older key stays until then', async () => {
	const id = await make()
	await rotate(id, { key: NEW })
	const ring = `k2:${Buffer.alloc(32, 7).toString('base64')},${env.MASTER_KEYS}`
	// Only the key that takes over still names the older one.
	const { configuration, incarnation } = await row(id)
	const resealed = JSON.parse(configuration)
	for (const [key, value] of Object.entries<string | null>(resealed)) {
		const place = instanceSecret({ id, incarnation }, key)
		if (value?.startsWith('v2.test.'))
			resealed[key] = await sealSecret(ring, await openSecret(ring, value, place), place)
	}
	await env.DB.prepare("UPDATE instances SET configuration = ?, token_sealed = 'v2.k2.x'")
		.bind(JSON.stringify(resealed))
		.run()
	await env.DB.prepare("UPDATE organizations SET secret_sealed = ''").run()
	await env.DB.prepare("UPDATE users SET secret_sealed = ''").run()
	expect(await findKeysInUse(env.DB, ring)).toEqual(['k2', 'test'])
	await resealSecrets(env.DB, ring)
	expect(await findKeysInUse(env.DB, ring)).toEqual(['k2'])
	const { signature_next: next, version } = await row(id)
	expect(next).toMatch(/^v2\.k2\./)
	expect(version).toBe(3)
	expect(await openSecret(ring, next, instanceSecret({ id, incarnation }, SIGNATURE_KEY))).toBe(NEW)
})

describe('walking through what is sealed', () => {
	const ring = `k2:${Buffer.alloc(32, 7).toString('base64')},${env.MASTER_KEYS}`
	const rows = async () =>
		(
			await env.DB.prepare('SELECT id, incarnation, configuration, token_sealed FROM instances ORDER BY id').all<
				Record<string, string>
			>()
		).results
	const plain = (text: string) => JSON.stringify({ note: text, 'store.url': text, tags: text })

	test('a plain value that looks sealed pins no key, and rows that cannot be opened delay nobody', async () => {
		const first = await make()
		// Fifty that look sealed and 600 that do not open, more than one run reads, come before the one that is to be sealed anew.
		await env.DB.prepare(
			`INSERT INTO instances (id, organization_id, user_id, state, version, enabled, events_enabled, element_key, name,
				tags, configuration, connection, token_hash, token_sealed, subscription_id, created_ms, updated_ms)
			SELECT instances.id + n.value, organization_id, user_id, state, version, enabled, events_enabled, element_key, name,
				tags, CASE WHEN n.value <= 50 THEN ?2 ELSE ?3 END, connection, 'h' || n.value,
				CASE WHEN n.value <= 50 THEN 'v2.k2.x' ELSE 'v2.test.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA' END,
				1000 + n.value, created_ms, updated_ms FROM instances, json_each(?1) AS n WHERE instances.id = ?4`,
		)
			.bind(JSON.stringify(Array.from({ length: 650 }, (_, i) => i + 1)), plain('v1.test.x'), plain('v2.test.x'), first)
			.run()
		await env.DB.prepare("UPDATE sequences SET value = value + 650 WHERE name = 'instance'").run()
		const last = await make()
		for (let run = 0; run < 3; run++) await resealSecrets(env.DB, ring)
		const {
			configuration,
			token_sealed: token,
			incarnation,
		} = (await rows()).find((one) => Number(one['id']) === last)!
		expect(token).toMatch(/^v2\.k2\./)
		expect(
			await openSecret(ring, token!, instanceSecret({ id: last, incarnation: incarnation! }, 'token')),
		).toBeTruthy()
		expect(JSON.parse(configuration!)[SIGNATURE_KEY]).toMatch(/^v2\.k2\./)
		// Those that do not open are in use still; those that only look sealed are not.
		expect(await findKeysInUse(env.DB, ring)).toEqual(['k2', 'test'])
		await env.DB.prepare("DELETE FROM instances WHERE token_sealed LIKE 'v2.test.%'").run()
		expect((await rows()).length).toBeGreaterThan(50)
		expect(await findKeysInUse(env.DB, ring)).toEqual(['k2'])
	})

	test('what an earlier version sealed is sealed anew, also with one key, and the walk begins again at its end', async () => {
		const id = await make()
		const { configuration, incarnation } = await row(id)
		const place = instanceSecret({ id, incarnation }, SIGNATURE_KEY)
		const clear = await openSecret(env.MASTER_KEYS, JSON.parse(configuration)[SIGNATURE_KEY], place)
		const earlier = await sealAsV1(clear, `instance/${id}`)
		for (let walk = 0; walk < 2; walk++) {
			await env.DB.prepare('UPDATE instances SET configuration = json_set(configuration, ?, ?)')
				.bind(`$."${SIGNATURE_KEY}"`, earlier)
				.run()
			expect(await sent(id)).toEqual(expected(clear))
			await resealSecrets(env.DB, env.MASTER_KEYS)
			const sealed = JSON.parse((await row(id))['configuration'])[SIGNATURE_KEY]
			expect(sealed).toMatch(/^v2\.test\./)
			expect(await openSecret(env.MASTER_KEYS, sealed, place)).toBe(clear)
		}
	})
})

describe('a secret that does not open', () => {
	const lost = `other:${Buffer.alloc(32, 9).toString('base64')}`

	test('is an error with the name of the instance and the next step, and can be set again', async () => {
		const id = await make()
		const sealed = await sealSecret(
			lost,
			'x',
			instanceSecret({ id, incarnation: (await row(id))['incarnation'] }, SIGNATURE_KEY),
		)
		await env.DB.prepare('UPDATE instances SET configuration = json_set(configuration, ?, ?)')
			.bind(`$."${SIGNATURE_KEY}"`, sealed)
			.run()
		for (const [method, path, body] of [
			['PATCH', `/instances/${id}`, { configuration: { 'event.notification.batch': 5 } }],
			['GET', `/instances/${id}/signature-key`, undefined],
		] as const) {
			const answer = await client.call(method, path, body)
			expect([answer.status, answer.body.message]).toEqual([
				500,
				expect.stringMatching(new RegExp(`instance ${id} \\(.+\\).*MASTER_KEYS lacks the key other.*PATCH`)),
			])
		}
		expect((await patch(id, { [SIGNATURE_KEY]: NEW })).status).toBe(200)
		expect(await sent(id)).toEqual(expected(NEW))
	})
})

/** A text as versions before the incarnations sealed it. */
async function sealAsV1(text: string, context: string): Promise<string> {
	const sealed = await sealSecret(env.MASTER_KEYS, text, context)
	return sealed.replace(/^v2\./, 'v1.')
}

describe('explaining', () => {
	const headersNow = (key: string, next: string | null = null): Record<string, string> => ({
		'Elements-Webhook-Id': 'ntf_1000000001',
		'webhook-id': 'ntf_1000000001',
		'webhook-timestamp': String(Math.floor(client.world.nowMs / 1000)),
		...Object.fromEntries(
			Object.entries(expected(key, next)).filter((entry): entry is [string, string] => entry[1] !== null),
		),
	})
	const explain = (body: unknown, options?: Parameters<ApiClient['call']>[3]) =>
		client.call('POST', '/tools/verify-signature', body, options)

	test('with the keys of an instance: which header by which key', async () => {
		const id = await make()
		await rotate(id, { key: NEW })
		const { status, body, headers } = await explain({ instanceId: id, headers: headersNow(OLD, NEW), body: BODY })
		expect([status, body]).toEqual([
			200,
			{
				matches: true,
				matched: [
					{ header: 'Elements-Webhook-Signature', key: 'current' },
					{ header: 'Elements-Webhook-Signature-Next', key: 'next' },
					{ header: 'webhook-signature', key: 'current' },
					{ header: 'webhook-signature', key: 'next' },
				],
				reasons: [],
			},
		])
		expect(headers.get('Elements-Element-Instance-Id')).toBe(String(id))
		client.world.nowMs += 24 * HOUR
		expect((await explain({ instanceId: id, headers: headersNow(NEW), body: BODY })).body.matched).toHaveLength(2)
		const old = await explain({ instanceId: id, headers: headersNow(OLD), body: BODY })
		expect(old.body).toMatchObject({ matches: false, reasons: [{ reason: 'wrong-key', certain: false }] })
	})

	test('with a key: what is wrong with it, or with the body', async () => {
		const id = await make()
		const headers = headersNow(OLD)
		expect((await explain({ key: whsec(OLD), headers, body: BODY })).body.reasons).toMatchObject([
			{ reason: 'key-is-whsec', certain: true },
		])
		expect((await explain({ key: 'other', instanceId: id, headers, body: BODY })).body.reasons).toMatchObject([
			{ reason: 'wrong-key', certain: true },
		])
		const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))
		const answer = await explain({
			key: OLD,
			headers: { ...lists, 'webhook-timestamp': client.world.nowMs / 1000 },
			body: `${BODY}\n`,
		})
		expect(answer.body.reasons).toMatchObject([{ reason: 'body-trailing-newline', certain: true }])
		expect(JSON.stringify(answer.body)).not.toContain(OLD)
	})

	test('an instance without a key', async () => {
		const id = await make(null)
		expect(
			(await explain({ instanceId: id, headers: {}, body: '' })).body.reasons.map((one: any) => one.reason),
		).toEqual(['no-key', 'missing-header'])
	})

	test("is for callers, about their own instances: another organization's does not exist", async () => {
		const id = await make()
		const given = { instanceId: id, headers: headersNow(OLD), body: BODY }
		expect((await explain(given, { authorization: null })).status).toBe(401)
		expect((await explain(given, { authorization: await addOrganization(2) })).status).toBe(404)
		expect((await explain({ ...given, instanceId: id + 1 })).status).toBe(404)
		const { token } = (await client.call('GET', `/instances/${id}`)).body
		const other = await make()
		const own = { authorization: `User ${client.userSecret}, Element ${token}` }
		expect((await explain(given, own)).body.matches).toBe(true)
		expect((await explain({ ...given, instanceId: other }, own)).status).toBe(404)
	})

	test.each([
		[{ headers: {}, body: '' }, 400, 'key'],
		[{ key: '', headers: {}, body: '' }, 400, 'key'],
		[{ key: 'x'.repeat(1001), headers: {}, body: '' }, 400, 'key'],
		[{ key: 5, headers: {}, body: '' }, 400, 'key'],
		[{ instanceId: '7', headers: {}, body: '' }, 400, 'instanceId'],
		[{ instanceId: 1.5, headers: {}, body: '' }, 400, 'instanceId'],
		[{ instanceId: -1, headers: {}, body: '' }, 400, 'instanceId'],
		[{ key: 'k', body: '' }, 400, 'headers'],
		[{ key: 'k', headers: [], body: '' }, 400, 'headers'],
		[{ key: 'k', headers: { a: { b: 1 } }, body: '' }, 400, 'headers.a'],
		[{ key: 'k', headers: { a: 'x'.repeat(20_000) }, body: '' }, 400, 'headers.a'],
		[{ key: 'k', headers: { ['x'.repeat(300)]: '' }, body: '' }, 400, 'headers'],
		[
			{ key: 'k', headers: Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`a${n}`, ''])), body: '' },
			400,
			'headers',
		],
		[{ key: 'k', headers: {} }, 400, 'body'],
		[{ key: 'k', headers: {}, body: { a: 1 } }, 400, 'body'],
		[{ key: 'k', headers: {}, body: '', extra: 1 }, 400, 'extra'],
		[{ key: 'k', headers: {}, body: 'x'.repeat(1_100_000) }, 413, 'body'],
	])('what is no question is refused, and names its field: %#', async (given, status, field) => {
		const answer = await explain(given)
		expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(field)])
	})

	test('nearly a megabyte is looked at in workerd too', async () => {
		const text = JSON.stringify({ a: Array.from({ length: 60_000 }, (_, n) => `é/${n}`) })
		const answer = await explain({ key: 'k', headers: headersNow(OLD), body: text })
		expect(answer.body.reasons).toMatchObject([{ reason: 'wrong-key', certain: false }])
	})

	test('is a POST, and no collection of the store', async () => {
		expect((await client.call('GET', '/tools/verify-signature')).status).toBe(405)
		expect((await client.call('GET', '/tools')).status).toBe(404)
	})
})

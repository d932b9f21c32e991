/** What stores send, and what others send in their name: recorded deliveries of real stores, the order of the checks, and garbage by the thousand. */
import { refOf } from './harness.ts'
import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { MAX_FAILURES_PER_MINUTE } from '../../../src/accounts/failure-limiter.ts'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { WebhookVerifier } from '../../../src/instances/webhook-verifier.ts'
import { parseMasterKeys } from '../../../src/lib/sealing.ts'
import { env, resetDatabase, startApiWorld, type ApiClient } from './harness.ts'
import { insertInstance } from './support.ts'
import hpos from '../../fixtures/recordings/hpos-11.0/deliveries.json'
import posts from '../../fixtures/recordings/posts-11.0/deliveries.json'

/** One request that a real store made. */
interface Recorded {
	method: string
	headers: Record<string, string | undefined>
	secret?: string
	body: string
}

const RECEIVER = 'https://bell.example.com/elements/api-v2/events/woocommercerest'

let client: ApiClient

beforeEach(async () => {
	await resetDatabase()
	client = await startApiWorld()
})

const sign = (secret: string, body: string | Uint8Array) => createHmac('sha256', secret).update(body).digest('base64')
const secretOf = (id: number, topic: string, version = 1) =>
	webhooks.deriveSecret(parseMasterKeys(env.MASTER_KEYS)[0]!.bytes, refOf(id).incarnation, topic, version)

/** An address each, unless a test says whose: failures are counted by it. */
let senders = 0
const another = () => `2001:db8::${(++senders).toString(16)}`

/** A delivery as a store of ours would send it; `change` makes it something else. */
function delivery(
	id: number,
	topic: string,
	body: string | Uint8Array<ArrayBuffer>,
	change: { headers?: Record<string, string | null>; url?: string; secret?: string } = {},
): Request {
	const headers = new Headers({
		'Content-Type': 'application/json',
		'X-WC-Webhook-Source': 'https://shop.example.com/',
		'X-WC-Webhook-Topic': topic,
		'X-WC-Webhook-Signature': sign(change.secret ?? secretOf(id, topic), body),
		'X-WC-Webhook-ID': '12',
		'CF-Connecting-IP': another(),
		'X-WC-Webhook-Delivery-ID': '22a6459aeb6db458e45b84ba07add372',
	})
	for (const [name, value] of Object.entries(change.headers ?? {})) {
		if (value === null) headers.delete(name)
		else headers.set(name, value)
	}
	return new Request(change.url ?? `${RECEIVER}/${btoa(String(id))}?v=1`, { method: 'POST', headers, body })
}

const post = async (request: Request): Promise<number> => (await client.send(request)).status

describe('recorded deliveries of real stores', () => {
	/** Entities in a secret are decoded before WooCommerce signs with it (docs/woocommerce.md 6.2). */
	const decoded = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
	const all = [...hpos, ...posts].flatMap((action) =>
		(action.received as unknown as Recorded[]).map((received) => ({ name: action.name, ...received })),
	)

	/** By topic and form of the body: what the receiver makes of it. */
	const OUTCOMES: Record<string, [count: number, kind: string, path: string | null]> = {
		'action.woocommerce_order_status_completed other': [4, 'unknown', null],
		'coupon.created record': [4, 'record', 'coupons'],
		'coupon.deleted id': [28, 'hint', 'coupons'],
		'coupon.restored error': [3, 'error-object', 'coupons'],
		'coupon.restored record': [2, 'hint', 'coupons'],
		'coupon.updated record': [5, 'record', 'coupons'],
		'customer.created record': [7, 'record', 'customers'],
		'customer.deleted id': [4, 'hint', 'customers'],
		'customer.updated record': [15, 'record', 'customers'],
		'order.created error': [2, 'error-object', 'orders'],
		'order.created record': [17, 'record', 'orders'],
		'order.deleted id': [8, 'hint', 'orders'],
		'order.restored record': [3, 'hint', 'orders'],
		'order.updated error': [8, 'error-object', 'orders'],
		'order.updated record': [44, 'record', 'orders'],
		'product.created record': [6, 'record', 'products'],
		'product.created variation': [2, 'hint', 'variations'],
		'product.deleted id': [28, 'hint', 'products'],
		'product.published record': [12, 'record', 'products'],
		'product.published variation': [2, 'hint', 'variations'],
		'product.restored error': [3, 'error-object', 'products'],
		'product.restored record': [3, 'hint', 'products'],
		'product.updated error': [2, 'error-object', 'products'],
		'product.updated record': [31, 'record', 'products'],
		'product.updated variation': [6, 'hint', 'variations'],
	}

	function formOf({ body }: Recorded): string {
		const content = JSON.parse(body) as Record<string, unknown>
		if (typeof content['code'] === 'string' && typeof content['data'] === 'object') return 'error'
		if (content['id'] === undefined) return 'other'
		return Object.keys(content).length === 1 ? 'id' : content['type'] === 'variation' ? 'variation' : 'record'
	}

	function sent(one: Recorded, change: { body?: string; headers?: Record<string, string> } = {}): Request {
		const headers = new Headers({ 'CF-Connecting-IP': another() })
		for (const [name, value] of Object.entries({ ...one.headers, ...change.headers }))
			if (value !== undefined) headers.set(name, value)
		return new Request(`${RECEIVER}/Nw==?v=1`, {
			method: one.method,
			headers,
			...(one.method === 'GET' ? {} : { body: change.body ?? one.body }),
		})
	}

	/** The recorded secret in place of the derived one. */
	function withSecret(secret: string): void {
		client.world.webhookKeys = new WebhookVerifier(() => [secret])
	}

	const signed = all.filter((one) => one.headers['x-wc-webhook-topic'] !== undefined)

	test('each is taken, and means what the table says', async () => {
		const counts: Record<string, number> = {}
		for (const one of signed) {
			withSecret(decoded(one.secret!))
			const topic = one.headers['x-wc-webhook-topic']!
			const name = `${topic} ${formOf(one)}`
			counts[name] = (counts[name] ?? 0) + 1
			expect(await post(sent(one)), `${one.name}: ${name}`).toBe(200)
			const taken = client.world.watchers.deliveries.pop()!
			expect(taken).toMatchObject({
				instanceId: 7,
				topic,
				version: 1,
				body: one.body,
				objectId: null,
				webhookId: one.headers['x-wc-webhook-id'],
				deliveryId: one.headers['x-wc-webhook-delivery-id'],
				source: one.headers['x-wc-webhook-source'],
			})
			const reading = webhooks.parseBody(topic, taken.body!)
			expect([reading.kind, reading.kind === 'unknown' ? null : reading.path], name).toEqual(OUTCOMES[name]?.slice(1))
		}
		expect(counts).toEqual(Object.fromEntries(Object.entries(OUTCOMES).map(([name, [count]]) => [name, count])))
	})

	test('pings of every form are answered 200, and nothing is asked or kept §7.2', async () => {
		const pings = all.filter((one) => one.headers['x-wc-webhook-topic'] === undefined)
		expect(pings).toHaveLength(24)
		for (const one of pings) expect(await post(sent(one)), one.name).toBe(200)
		expect(client.world.watchers.calls).toEqual([])
	})

	test('each fails with one byte, one header or the secret changed', async () => {
		for (const one of signed) {
			const secret = decoded(one.secret!)
			withSecret(secret)
			const middle = Math.floor(one.body.length / 2)
			const changes: [string, Request][] = [
				[
					'a byte',
					sent(one, {
						body:
							one.body.slice(0, middle) +
							String.fromCharCode(one.body.charCodeAt(middle) ^ 1) +
							one.body.slice(middle + 1),
					}),
				],
				['a byte more', sent(one, { body: `${one.body} ` })],
				['unescaped', sent(one, { body: `${JSON.stringify(JSON.parse(one.body))}\n` })],
				['the signature', sent(one, { headers: { 'x-wc-webhook-signature': sign(secret, `${one.body}x`) } })],
				['no topic', sent(one, { headers: { 'x-wc-webhook-topic': '' } })],
			]
			for (const [what, request] of changes) expect(await post(request), `${one.name}: ${what}`).toBe(401)
			withSecret(`${secret}x`)
			expect(await post(sent(one)), `${one.name}: the secret`).toBe(401)
			// The derived secrets fit none of them, whatever topic is claimed.
			client.world.webhookKeys = new WebhookVerifier()
			expect(await post(sent(one, { headers: { 'x-wc-webhook-topic': 'order.updated' } })), one.name).toBe(401)
		}
		expect(client.world.watchers.calls.filter((call) => !call.endsWith('rejected'))).toEqual([])
	})
})

describe('in this order', () => {
	test('GET is answered 200 with {}, at both addresses; other methods are a 405; another element does not exist §7.2', async () => {
		for (const url of [RECEIVER, `${RECEIVER}/Nw==`]) {
			const answer = await client.send(new Request(url))
			expect([answer.status, await answer.text()]).toEqual([200, '{}'])
			expect(answer.headers.get('Elements-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
			expect(
				await post(new Request(url, { method: 'PUT', body: '{}', headers: { 'Content-Type': 'application/json' } })),
			).toBe(405)
		}
		expect(
			await post(delivery(7, 'order.updated', '{"id":1}', { url: RECEIVER.replace('woocommercerest', 'shopify') })),
		).toBe(404)
	})

	test('a verified delivery is committed, then answered; every spelling of the address is one §7.1', async () => {
		const padded = btoa('7')
		for (const url of [
			`${RECEIVER}/${padded}?v=1`,
			`${RECEIVER}/${padded.replaceAll('=', '')}?v=1`,
			`${RECEIVER}/${encodeURIComponent(padded)}?v=1`,
			`${RECEIVER}/${padded}`,
		]) {
			expect(await post(delivery(7, 'order.updated', '{"id":1}', { url })), url).toBe(200)
		}
		expect(client.world.watchers.calls).toEqual(Array.from({ length: 4 }, () => '7 hook order.updated'))
		expect(client.world.watchers.deliveries[0]).toEqual({
			instanceId: 7,
			topic: 'order.updated',
			version: 1,
			webhookId: '12',
			deliveryId: '22a6459aeb6db458e45b84ba07add372',
			source: 'https://shop.example.com/',
			receivedMs: client.world.nowMs,
			body: '{"id":1}',
			objectId: null,
		})
	})

	test('Element-Instances names the instance; only those that the signature fits get the delivery §7.1', async () => {
		const at = (ids: string) =>
			delivery(7, 'order.updated', '{"id":1}', { url: `${RECEIVER}?v=1`, headers: { 'Element-Instances': ids } })
		expect(await post(at('7'))).toBe(200)
		expect(await post(at('8, 7'))).toBe(200)
		expect(client.world.watchers.calls).toEqual(['7 hook order.updated', '7 hook order.updated'])
		for (const ids of ['8', '', '7;8', '7,x']) expect(await post(at(ids)), ids).toBe(401)
		expect(await post(delivery(7, 'order.updated', '{"id":1}', { url: RECEIVER }))).toBe(401)
	})

	test('the version that the address names decides; keys of the key ring all verify', async () => {
		const at = (version: string, secret: string) =>
			delivery(7, 'order.updated', '{"id":1}', { url: `${RECEIVER}/Nw==${version}`, secret })
		expect(await post(at('?v=2', secretOf(7, 'order.updated', 2)))).toBe(200)
		expect(client.world.watchers.deliveries.at(-1)!.version).toBe(2)
		expect(await post(at('?v=2', secretOf(7, 'order.updated', 1)))).toBe(401)
		expect(await post(at('?v=2&v=1', secretOf(7, 'order.updated', 1)))).toBe(200)
		expect(client.world.watchers.deliveries.at(-1)!.version).toBe(1)
		for (const version of ['?v=0', '?v=x', '?v=', '?v=1&v=2&v=3&v=4'])
			expect(await post(at(version, secretOf(7, 'order.updated', 1))), version).toBe(401)
		client.world.settings = { MASTER_KEYS: `new:${Buffer.alloc(32, 9).toString('base64')},${env.MASTER_KEYS}` }
		expect(await post(at('?v=1', secretOf(7, 'order.updated', 1)))).toBe(200)
		expect(await post(at('?v=1', webhooks.deriveSecret(Buffer.alloc(32, 9), '7', 'order.updated', 1)))).toBe(200)
		client.world.settings = { MASTER_KEYS: `new:${Buffer.alloc(32, 9).toString('base64')}` }
		expect(await post(at('?v=1', secretOf(7, 'order.updated', 1)))).toBe(401)
	})

	test('401 whether or not the instance exists, with one and the same answer', async () => {
		await insertInstance(client, 7)
		const bodies = []
		for (const id of [7, 8]) {
			const answer = await client.send(delivery(id, 'order.updated', '{"id":1}', { secret: 'wrong' }))
			expect(answer.status).toBe(401)
			bodies.push((await answer.json<{ message: string }>()).message)
		}
		expect(bodies[0]).toBe(bodies[1])
	})

	test('verified, but no JSON object: 400', async () => {
		for (const body of [
			'',
			'x',
			'[]',
			'"x"',
			'null',
			'{"id":1',
			`{"a":${'['.repeat(600)}${']'.repeat(600)}}`,
			new Uint8Array([0x7b, 0xff, 0x7d]),
		])
			expect(await post(delivery(7, 'order.updated', body)), String(body).slice(0, 20)).toBe(400)
		expect(client.world.watchers.deliveries).toEqual([])
	})

	test('deleted: 410; disabled and unknown topics: 200; a retired version: 401; an object that fails: 503', async () => {
		const { watchers } = client.world
		watchers.webhookAnswer = 'disabled'
		expect(await post(delivery(7, 'order.updated', '{"id":1}'))).toBe(200)
		watchers.webhookAnswer = 'unknown-topic'
		expect(await post(delivery(7, 'customer.restored', '{"id":1}'))).toBe(200)
		watchers.webhookAnswer = 'retired'
		expect(await post(delivery(7, 'order.updated', '{"id":1}'))).toBe(401)
		watchers.unknownIds.add(7)
		expect(await post(delivery(7, 'order.updated', '{"id":1}'))).toBe(410)
		expect(watchers.calls.filter((call) => call.includes('create'))).toEqual([])
		watchers.failingCall = 'hook'
		expect(await post(delivery(7, 'order.updated', '{"id":1}'))).toBe(503)
	})

	test('a ready instance whose object lost its storage is made again, and the delivery is taken', async () => {
		await insertInstance(client, 7)
		client.world.watchers.unknownIds.add(7)
		client.world.watchers.calls.length = 0
		expect(await post(delivery(7, 'order.updated', '{"id":1}'))).toBe(200)
		expect(client.world.watchers.calls).toEqual(['7 hook order.updated', '7 create', '7 hook order.updated'])
		expect(client.world.watchers.deliveries).toHaveLength(1)
	})

	test('above 1.5 MB only the id is passed on; above 8 MB nothing is read §10.9', async () => {
		const sized = (bytes: number) => `{"id":"77","filler":"${'x'.repeat(bytes - 23)}"}`
		expect(await post(delivery(7, 'order.updated', sized(1_500_000)))).toBe(200)
		expect(client.world.watchers.deliveries.pop()).toMatchObject({
			objectId: null,
			body: expect.stringMatching(/^\{"id":"77"/),
		})
		expect(await post(delivery(7, 'order.updated', sized(1_600_000)))).toBe(200)
		expect(client.world.watchers.deliveries.pop()).toMatchObject({ objectId: '77', body: null })
		expect(await post(delivery(7, 'order.updated', sized(8 * 1024 * 1024 + 1)))).toBe(413)
		expect(client.world.watchers.deliveries).toEqual([])
	})
})

describe('wrong signatures from one address', () => {
	const from = (address: string, id: number, change: Parameters<typeof delivery>[3] = {}) =>
		client.send(
			delivery(id, 'order.updated', '{"id":1}', {
				...change,
				headers: { ...change.headers, 'CF-Connecting-IP': address },
			}),
		)

	test('past a hundred a minute are refused before a body is read or hashed, for so long', async () => {
		for (let n = 0; n < MAX_FAILURES_PER_MINUTE; n++)
			expect((await from('192.0.2.1', 7 + n, { secret: 'wrong' })).status).toBe(401)
		const hashed = vi.spyOn(client.world.webhookKeys, 'verify')
		const request = delivery(7, 'order.updated', '{"id":1}', { headers: { 'CF-Connecting-IP': '192.0.2.1' } })
		const refused = await client.send(request)
		expect([refused.status, refused.headers.get('Retry-After'), request.bodyUsed]).toEqual([429, '60', false])
		expect(hashed).not.toHaveBeenCalled()
		expect((await from('192.0.2.2', 7)).status).toBe(200)
		client.world.nowMs += 60_000
		expect((await from('192.0.2.1', 7)).status).toBe(200)
	})

	test('count once for each secret that was tried', async () => {
		const many = { secret: 'wrong', url: `${RECEIVER}?v=1&v=2&v=3`, headers: { 'Element-Instances': '1,2,3,4,5' } }
		for (let n = 0; n < 7; n++) expect((await from('192.0.2.1', 7, many)).status).toBe(401)
		expect((await from('192.0.2.1', 7, many)).status).toBe(429)
	})

	test('do not shut out the shops that are known to send from there', async () => {
		expect((await from('192.0.2.1', 7)).status).toBe(200)
		for (let n = 0; n < MAX_FAILURES_PER_MINUTE; n++) await from('192.0.2.1', 8, { secret: 'wrong' })
		expect((await from('192.0.2.1', 9)).status).toBe(429)
		expect((await from('192.0.2.1', 7)).status).toBe(200)
		// In its name they are counted too.
		for (let n = 0; n < MAX_FAILURES_PER_MINUTE; n++)
			expect((await from('192.0.2.1', 7, { secret: 'wrong' })).status).toBe(401)
		expect((await from('192.0.2.1', 7)).status).toBe(429)
	})

	test('a delivery is hashed no further than to the secret that fits', async () => {
		const verify = vi.spyOn(crypto.subtle, 'verify')
		expect(
			(await from('192.0.2.1', 7, { url: `${RECEIVER}?v=1`, headers: { 'Element-Instances': '7,8,9' } })).status,
		).toBe(200)
		expect(verify).toHaveBeenCalledTimes(1)
		verify.mockRestore()
	})
})

describe('refusals', () => {
	test('are handed over at most once a minute, only to instances that exist, and shown', async () => {
		await insertInstance(client, 7)
		const { calls } = client.world.watchers
		calls.length = 0
		for (let n = 0; n < 50; n++)
			for (const id of [7, 8])
				expect(await post(delivery(id, 'order.updated', '{"id":1}', { secret: 'wrong' }))).toBe(401)
		expect(calls).toEqual(['7 rejected'])
		const shown = await client.call('GET', '/instances/7/webhooks/rejected')
		expect(shown.body).toMatchObject({ total: 50, counts: { 'bad-signature': 50 }, since: '2026-06-01T12:00:00Z' })
		expect(shown.body.samples).toHaveLength(5)
		expect(shown.body.samples[0].headers).toContain('x-wc-webhook-topic: order.updated')
		client.world.nowMs += 60_000
		await post(delivery(7, 'order.updated', '', { headers: { 'X-WC-Webhook-Signature': null } }))
		expect(calls.filter((call) => call.endsWith('rejected'))).toEqual(['7 rejected', '7 rejected'])
		expect((await client.call('GET', '/instances/8/webhooks/rejected')).status).toBe(404)
	})
})

/** The customer's callback that other tests stand on: what it accepts, what it refuses, and how it is made to fail. */
import { afterEach, describe, expect, test } from 'vitest'
import { toSignatureHeaders } from '../../../src/delivery/sign.ts'
import { type CallbackServer, createCallbackServer } from '../../demo/callback.ts'

const BODY = JSON.stringify({
	message: {
		raw: {
			orders: [
				{ id: 1, total: '1' },
				{ id: 2, erased: true },
			],
			objectType: 'orders',
		},
		events: [
			{ eventId: 'a', objectType: 'orders', objectId: '1', eventType: 'CREATED', objectSequence: 1 },
			{
				eventId: 'b',
				objectType: 'orders',
				objectId: '2',
				eventType: 'DELETED',
				objectSequence: 4,
				trashed: true,
				erased: true,
			},
		],
	},
})

const open: CallbackServer[] = []
afterEach(async () => {
	for (const callback of open.splice(0)) await callback.close()
})

function createNotificationRequest(
	url: string,
	key: string | null,
	changes: { body?: string; startedMs?: number; headers?: Record<string, string> } = {},
): Request {
	const body = changes.body ?? BODY
	const signed = toSignatureHeaders(
		{ notificationId: 3_000_000_001, body: new TextEncoder().encode(body), startedMs: changes.startedMs ?? Date.now() },
		key === null ? null : { current: key, next: null },
	)
	return new Request(url, { method: 'POST', body, headers: { ...signed, ...changes.headers } })
}

describe('in process', () => {
	test('keeps what it accepts, with each record beside its event', async () => {
		const callback = createCallbackServer({ key: 'k', now: () => 1_800_000_000_000 })
		const arrivalNumbers: number[] = []
		const stop = callback.onArrival((arrival) => arrivalNumbers.push(arrival.number))
		const response = await callback.receive(
			createNotificationRequest('http://callback.example/', 'k', {
				startedMs: 1_800_000_000_000,
				headers: { 'Shopbell-Attempt': '3' },
			}),
		)
		expect(response.status).toBe(200)
		expect(callback.arrivals).toMatchObject([
			{
				number: 1,
				notificationId: 'ntf_3000000001',
				attempt: 3,
				replay: false,
				signed: true,
				bytesChanged: false,
				status: 200,
				body: BODY,
			},
		])
		expect(callback.acceptedEvents).toEqual([
			{
				eventId: 'a',
				objectType: 'orders',
				objectId: '1',
				eventType: 'CREATED',
				objectSequence: 1,
				record: { id: 1, total: '1' },
				timeMs: 1_800_000_000_000,
			},
			{
				eventId: 'b',
				objectType: 'orders',
				objectId: '2',
				eventType: 'DELETED',
				objectSequence: 4,
				trashed: true,
				record: null,
				timeMs: 1_800_000_000_000,
			},
		])
		stop()
		await callback.receive(createNotificationRequest('http://callback.example/', 'k', { startedMs: 1_800_000_000_000 }))
		expect(arrivalNumbers).toEqual([1])
	})

	test.each([
		['another key', () => createNotificationRequest('http://c.example/', 'other')],
		['no signature', () => createNotificationRequest('http://c.example/', null)],
		[
			'an old timestamp',
			() => createNotificationRequest('http://c.example/', 'k', { startedMs: Date.now() - 600_000 }),
		],
		[
			'only one of the two signatures',
			() => createNotificationRequest('http://c.example/', 'k', { headers: { 'webhook-signature': 'v1,AAAA' } }),
		],
		[
			'only the other',
			() =>
				createNotificationRequest('http://c.example/', 'k', {
					headers: { 'Elements-Webhook-Signature': 'sha256=AAAA' },
				}),
		],
		[
			'two ids',
			() => createNotificationRequest('http://c.example/', 'k', { headers: { 'Elements-Webhook-Id': 'ntf_2' } }),
		],
	])('refuses %s', async (_, request) => {
		const callback = createCallbackServer({ key: 'k' })
		expect((await callback.receive(request())).status).toBe(401)
		expect(callback.arrivals[0]?.signed).toBe(false)
		expect(callback.acceptedEvents).toEqual([])
	})

	test('notices other bytes under the same id', async () => {
		const callback = createCallbackServer()
		await callback.receive(createNotificationRequest('http://c.example/', null))
		await callback.receive(createNotificationRequest('http://c.example/', null))
		await callback.receive(createNotificationRequest('http://c.example/', null, { body: `${BODY} ` }))
		expect(callback.arrivals.map((arrival) => arrival.bytesChanged)).toEqual([false, false, true])
	})

	test('answers 400 to what is no notification', async () => {
		const callback = createCallbackServer()
		expect(
			(await callback.receive(createNotificationRequest('http://c.example/', null, { body: 'hello' }))).status,
		).toBe(400)
	})
})

describe('over loopback', () => {
	async function startCallback(): Promise<{ callback: CallbackServer; origin: string }> {
		const callback = createCallbackServer({ key: 'k' })
		await callback.listen()
		open.push(callback)
		return { callback, origin: new URL(callback.url).origin }
	}

	test('fails as long as it is set to, then accepts', async () => {
		const { callback, origin } = await startCallback()
		expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:/)
		expect((await fetch(`${origin}/_callback/fail?seconds=60&status=503`, { method: 'PUT' })).status).toBe(204)
		expect((await fetch(createNotificationRequest(callback.url, 'k'))).status).toBe(503)
		expect(callback.acceptedEvents).toEqual([])
		await fetch(`${origin}/_callback/fail?seconds=0`, { method: 'PUT' })
		expect((await fetch(createNotificationRequest(callback.url, 'k'))).status).toBe(200)
		expect(callback.acceptedEvents).toHaveLength(2)
		const listed = await (await fetch(`${origin}/_callback/arrivals?after=1`)).json<unknown[]>()
		expect(listed).toHaveLength(1)
	})

	test('stalls until it is released, and knows who had gone by then', async () => {
		const { callback, origin } = await startCallback()
		await fetch(`${origin}/_callback/stall?seconds=60`, { method: 'PUT' })
		const abort = new AbortController()
		const gone = fetch(createNotificationRequest(callback.url, 'k'), { signal: abort.signal }).catch(() => 'gone')
		const patient = fetch(createNotificationRequest(callback.url, 'k'))
		await new Promise((resolve) => setTimeout(resolve, 100))
		abort.abort()
		expect(await gone).toBe('gone')
		await new Promise((resolve) => setTimeout(resolve, 50))
		await fetch(`${origin}/_callback/stall?seconds=0`, { method: 'PUT' })
		expect((await patient).status).toBe(200)
		expect(new Set(callback.arrivals.map((arrival) => arrival.status))).toEqual(new Set([200, null]))
	})

	test('takes another key', async () => {
		const { callback, origin } = await startCallback()
		await fetch(`${origin}/_callback/secret`, { method: 'PUT', body: 'next' })
		expect((await fetch(createNotificationRequest(callback.url, 'k'))).status).toBe(401)
		expect((await fetch(createNotificationRequest(callback.url, 'next'))).status).toBe(200)
	})

	test('says what it does not have', async () => {
		const { origin } = await startCallback()
		expect((await fetch(`${origin}/_callback/nothing`)).status).toBe(404)
		expect((await fetch(`${origin}/`)).status).toBe(405)
		expect((await fetch(`${origin}/_callback/fail?seconds=x`, { method: 'PUT' })).status).toBe(400)
	})
})

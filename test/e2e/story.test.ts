/** The whole way of a change through the built Worker, over http and over https: the documents' cURL, a poll, a signed callback, the log. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MadeInstance } from '../../scripts/local/client.ts'
import { pause } from '../../scripts/local/bell.ts'
import { build, eventually, KEY, runCurl, type House } from './house.ts'

interface LoggedEvent {
	id: string
	status: string
	providerData: string
}

describe.each([
	{ scheme: 'http', https: false },
	{ scheme: 'https', https: true },
])('over $scheme', ({ https }) => {
	let house: House
	let instance: MadeInstance

	beforeAll(async () => {
		house = await build({ https, objects: 30 })
	})
	afterAll(async () => await house?.close())

	/** A call with the instance's token alone, as its clients make it. */
	async function withToken<T>(path: string): Promise<{ status: number; headers: Headers; body: T }> {
		const response = await fetch(`${house.client.base}${path}`, {
			headers: { Authorization: `User ${house.account.userSecret}, Element ${instance.token}` },
		})
		return { status: response.status, headers: response.headers, body: (await response.json()) as T }
	}

	async function learned(): Promise<void> {
		await eventually(
			'the baseline',
			() => house.client.poller(instance.id),
			({ resources }) => resources.length > 0 && resources.every(({ baseline }) => baseline.complete),
		)
	}

	test("the documents' cURL makes an instance", async () => {
		const { status, body } = await runCurl('seed-polling.sh', {
			'https://api.cloud-elements.com': house.bell().url,
			'<USER_SECRET>': house.account.userSecret,
			'<ORGANIZATION_SECRET>': house.account.organizationSecret,
			'<http://mycoolstore.com>': `<${house.storeUrl}>`,
			'"xxxxxxxxxxxxxxxxxx"': JSON.stringify(house.store.credentials.key),
			'"xxxxxxxxxxxxxxxxxxxxxxxx"': JSON.stringify(house.store.credentials.secret),
		})
		expect(status, JSON.stringify(body)).toBe(200)
		instance = body as MadeInstance
		expect(instance).toMatchObject({ name: 'API Instance with Polling', tags: ['Docs'], eventsEnabled: true })
		expect(instance.token).toHaveLength(44)
		expect(instance.configuration['oauth.api.secret']).toBe('********')
		await learned()
	})

	test('a new customer is in the log after a poll', async () => {
		const [entry] = house.store.act({ do: 'create', resource: 'customers' })
		await house.client.poll(instance.id, 'window')
		const { body } = await eventually(
			'the event',
			() => withToken<LoggedEvent[]>('/instances/events'),
			({ body: events }) => events.length > 0,
		)
		expect(body).toHaveLength(1)
		expect(JSON.parse(body[0]?.providerData ?? '')).toMatchObject({ id: entry?.id })
	})

	test('with a callback and a key the next change arrives signed, and the log says so §4.5 §6.4 §11.1', async () => {
		await house.client.api.updateInstance({
			params: { id: instance.id },
			body: { configuration: { 'event.notification.callback.url': house.callback.url, 'event.notification.signature.key': KEY } },
		})
		const [entry] = house.store.act({ do: 'edit', resource: 'customers' })
		await house.client.poll(instance.id, 'window')
		const arrival = await eventually(
			'the callback',
			() => house.callback.arrivals.find(({ events }) => events.some(({ objectId }) => objectId === String(entry?.id))),
			(found) => found !== undefined,
		)
		expect(arrival).toMatchObject({ signed: true, status: 200, attempt: 1, replay: false })
		expect(arrival?.notificationId).toMatch(/^ntf_\d+$/)
		const event = arrival?.events.find(({ objectId }) => objectId === String(entry?.id))
		expect(event).toMatchObject({ eventType: 'UPDATED', objectType: 'contacts' })
		const logged = await eventually(
			'NOTIFIED',
			() => withToken<LoggedEvent>(`/instances/events/${event?.eventId}`),
			({ body }) => body.status === 'NOTIFIED',
			10_000,
		)
		expect(logged.status).toBe(200)
	})

	test('a receiver changes its key when it likes: with the old one before the time is over, with the new one after', async () => {
		const { client, callback, store } = house
		const after = 'the key that follows'
		/** A change arrives, and a receiver with this key accepts it the first time. */
		async function accepted(key: string): Promise<void> {
			callback.secret(key)
			const before = callback.arrivals.length
			const [entry] = store.act({ do: 'edit', resource: 'customers' })
			await client.poll(instance.id, 'window')
			const arrival = await eventually(
				'the callback',
				() =>
					callback.arrivals.find(({ number, events }) => number > before && events.some(({ objectId }) => objectId === String(entry?.id))),
				(found) => found !== undefined,
			)
			expect(arrival).toMatchObject({ signed: true, status: 200, attempt: 1 })
		}
		const params = { id: instance.id }
		expect(await client.api.rotateSignatureKey({ params, body: { key: after } })).toMatchObject({ key: KEY, next: { key: after } })
		await accepted(KEY)
		expect(await client.api.endSignatureKeyRotation({ params })).toMatchObject({ key: after, next: null })
		// And back again, by the clock alone.
		const { next } = await client.api.rotateSignatureKey({ params, body: { key: KEY, grace: 2 } })
		await pause(Date.parse(next!.from) - Date.now())
		await accepted(KEY)
		expect(await client.api.getSignatureKey({ params })).toMatchObject({ key: KEY, next: null })
	})

	test('the token reads its instance, its events and the store', async () => {
		const own = await withToken<MadeInstance>('/instances')
		expect(own).toMatchObject({ status: 200, body: { id: instance.id } })
		expect(own.headers.get('Elements-Request-Id')).toBeTruthy()
		const events = await withToken<LoggedEvent[]>('/instances/events?pageSize=1')
		expect(events).toMatchObject({ status: 200 })
		expect(events.body).toHaveLength(1)
		const orders = await withToken<{ id: number }[]>('/hubs/ecommerce/orders?pageSize=5')
		expect(orders.status).toBe(200)
		const ids = new Set(house.store.state('orders').keys())
		expect(orders.body).toHaveLength(5)
		expect(orders.body.every(({ id }) => ids.has(id))).toBe(true)
	})

	test('an instance without events polls nothing', async () => {
		await house.client.api.deleteInstance({ params: { id: instance.id } })
		const idle = await house.client.connect('Hub only', {
			'store.url': house.storeUrl,
			'oauth.api.key': house.store.credentials.key,
			'oauth.api.secret': house.store.credentials.secret,
			'event.poller.refresh_interval': 0.02,
		})
		const before = house.store.requests
		await pause(4_000)
		expect(house.store.requests - before).toBe(0)
		await house.client.api.deleteInstance({ params: { id: idle.id } })
	})

	test("the Worker never called the simulated store's own controls", () => {
		expect(house.paths.length).toBeGreaterThan(10)
		expect(house.paths.filter((path) => path.includes('/_store'))).toEqual([])
	})
})

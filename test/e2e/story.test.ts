/** The whole way of a change through the built Worker, over http and over https: the documents' cURL, a poll, a signed callback, the log. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CreatedInstance } from '../../scripts/local/client.ts'
import { pause } from '../../scripts/local/local-worker.ts'
import { startStack, eventually, E2E_SIGNATURE_KEY, runCurl, type E2eStack } from './stack.ts'

interface LoggedEvent {
	id: string
	status: string
	providerData: string
}

describe.each([
	{ scheme: 'http', https: false },
	{ scheme: 'https', https: true },
])('over $scheme', ({ https }) => {
	let house: E2eStack
	let instance: CreatedInstance

	beforeAll(async () => {
		house = await startStack({ https, objects: 30 })
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
			'https://api.cloud-elements.com': house.worker().url,
			'<USER_SECRET>': house.account.userSecret,
			'<ORGANIZATION_SECRET>': house.account.organizationSecret,
			'<http://mycoolstore.com>': `<${house.storeUrl}>`,
			'"xxxxxxxxxxxxxxxxxx"': JSON.stringify(house.store.credentials.key),
			'"xxxxxxxxxxxxxxxxxxxxxxxx"': JSON.stringify(house.store.credentials.secret),
		})
		expect(status, JSON.stringify(body)).toBe(200)
		instance = body as CreatedInstance
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

	test('with a callback and a key the next change arrives signed, and the log says so §4.5 §6.2 §6.4 §11.1', async () => {
		await house.client.api.updateInstance({
			params: { id: instance.id },
			body: {
				configuration: {
					'event.notification.callback.url': house.callback.url,
					'event.notification.signature.key': E2E_SIGNATURE_KEY,
				},
			},
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
		const { message } = JSON.parse(arrival!.body) as { message: { eventId: string } }
		expect((await withToken<LoggedEvent>(`/instances/events/${message.eventId}`)).body.id).toBe(message.eventId)
	})

	test('a receiver changes its key when it likes: with the old one before the time is over, with the new one after', async () => {
		const { client, callback, store } = house
		const after = 'the key that follows'
		/** A change arrives, and a receiver with this key accepts it the first time. */
		async function accepted(key: string): Promise<void> {
			callback.setKey(key)
			const before = callback.arrivals.length
			const [entry] = store.act({ do: 'edit', resource: 'customers' })
			await client.poll(instance.id, 'window')
			const arrival = await eventually(
				'the callback',
				() =>
					callback.arrivals.find(
						({ number, events }) => number > before && events.some(({ objectId }) => objectId === String(entry?.id)),
					),
				(found) => found !== undefined,
			)
			expect(arrival).toMatchObject({ signed: true, status: 200, attempt: 1 })
		}
		const params = { id: instance.id }
		expect(await client.api.rotateSignatureKey({ params, body: { key: after } })).toMatchObject({
			key: E2E_SIGNATURE_KEY,
			next: { key: after },
		})
		await accepted(E2E_SIGNATURE_KEY)
		expect(await client.api.endSignatureKeyRotation({ params })).toMatchObject({ key: after, next: null })
		// And back again, by the clock alone.
		const { next } = await client.api.rotateSignatureKey({ params, body: { key: E2E_SIGNATURE_KEY, grace: 2 } })
		await pause(Date.parse(next!.from) - Date.now())
		await accepted(E2E_SIGNATURE_KEY)
		expect(await client.api.getSignatureKey({ params })).toMatchObject({ key: E2E_SIGNATURE_KEY, next: null })
	})

	test('the token reads its instance, its events and the store', async () => {
		const own = await withToken<CreatedInstance>('/instances')
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

	/** Changes a customer; the id of the event that says so, once it is in the log. */
	async function changed(): Promise<string> {
		const [entry] = house.store.act({ do: 'edit', resource: 'customers' })
		const known = (await withToken<LoggedEvent[]>('/instances/events')).body.map(({ id }) => id)
		await house.client.poll(instance.id, 'window')
		const event = await eventually(
			'the event',
			async () => {
				const { body } = await withToken<(LoggedEvent & { objectId: string })[]>('/instances/events')
				return body.find(({ id, objectId }) => objectId === String(entry?.id) && !known.includes(id))
			},
			(found) => found !== undefined,
		)
		return event!.id
	}

	/** The stream of events, with what has come of it so far. */
	async function openStream(
		lastEventId?: string,
	): Promise<{ text(): string; events(): string[]; close(): Promise<void> }> {
		const gone = new AbortController()
		const response = await fetch(`${house.client.base}/instances/events/stream`, {
			headers: {
				Authorization: `User ${house.account.userSecret}, Element ${instance.token}`,
				...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
			},
			signal: gone.signal,
		})
		expect(response.status).toBe(200)
		let text = ''
		const decoder = new TextDecoder()
		const reading = (async () => {
			for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true })
		})().catch((error: unknown) => {
			if (!gone.signal.aborted) throw error
		})
		return {
			text: () => text,
			events: () => [...text.matchAll(/^id: (.*)\nevent: event$/gm)].map((match) => match[1]!),
			close: async () => {
				gone.abort()
				await reading
			},
		}
	}

	// Once: it takes as long as a stream may be silent.
	if (!https)
		test('a stream sends changes in order, lives on while nothing comes and goes on where it was; nobody asks the store meanwhile', async () => {
			const { client, store } = house
			// It would poll every second, if it polled.
			const idle = await client.connect('Hub only', {
				'store.url': house.storeUrl,
				'oauth.api.key': store.credentials.key,
				'oauth.api.secret': store.credentials.secret,
				'event.poller.refresh_interval': 0.02,
			})
			const newest = (await withToken<LoggedEvent[]>('/instances/events?pageSize=1')).body[0]!.id
			const quiet = await openStream()
			await eventually('its beginning', quiet.text, (text) => text.endsWith('\n\n'))
			expect(quiet.text()).toBe(`retry: 1000\nid: ${newest}\n\n`)
			await quiet.close()
			const told = [await changed(), await changed()]

			// Who heard nothing names the id of that beginning.
			const first = await openStream(newest)
			await eventually('what was recorded meanwhile', first.events, (events) => events.length >= told.length)
			told.push(await changed())
			await eventually('the next change', first.events, (events) => events.length >= told.length)
			await eventually(
				'the end of the poll',
				() => client.poller(instance.id),
				({ running, pending }) => !running && pending === 0,
			)
			const before = store.requests
			await eventually('a heartbeat', first.text, (text) => text.endsWith('\n\n: heartbeat\n\n'))
			expect(store.requests - before).toBe(0)
			expect(first.events()).toEqual(told)
			await first.close()

			const missed = await changed()
			const second = await openStream(told.at(-1))
			const after = await changed()
			await eventually('both', second.events, (events) => events.includes(after))
			expect(second.events()).toEqual([missed, after])
			await second.close()
			await client.api.deleteInstance({ params: { id: idle.id } })
		})

	test("the Worker never called the simulated store's own controls", () => {
		expect(house.paths.length).toBeGreaterThan(10)
		expect(house.paths.filter((path) => path.includes('/_store'))).toEqual([])
	})
})

/** The consumer in workerd: acknowledging, reaching instances, and what workerd's own fetch and crypto make of an attempt. */
import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Doorbell, Env } from '../../../src/context.ts'
import { consumeDoorbells, createDeliveryPorts } from '../../../src/delivery/consumer.ts'
import { handleDoorbells } from '../../../src/delivery/doorbell-handler.ts'
import { toSignatureHeaders } from '../../../src/delivery/sign.ts'
import { computeEventTag, formatEventId, parseEventId } from '../../../src/events/ids.ts'
import { instanceSecret, sealSecret } from '../../../src/lib/sealing.ts'
import type { Claim, AttemptOutcome } from '../../../src/rpc/delivery.ts'
import type { WatcherRpc } from '../../../src/rpc/watcher.ts'
import { createCallbackServer } from '../../demo/callback.ts'
import document from '../../../docs/verify/vectors.json'

const bindings = env as unknown as Env

afterEach(() => {
	vi.restoreAllMocks()
})

/** An instance's object with these claims, keeping what it is told. */
class OneInstance implements Pick<WatcherRpc, 'claim' | 'park' | 'settle'> {
	readonly settled: { id: number; attempt: number; outcome: AttemptOutcome }[] = []
	readonly #due: Claim[]

	constructor(due: Claim[]) {
		this.#due = due
	}

	async claim(limit: number): ReturnType<WatcherRpc['claim']> {
		return { claims: this.#due.splice(0, limit), more: this.#due.length > 0, asks: [] }
	}

	async park(): ReturnType<WatcherRpc['park']> {
		return 'ok'
	}

	async settle(id: number, attempt: number, outcome: AttemptOutcome, more: boolean): ReturnType<WatcherRpc['settle']> {
		this.settled.push({ id, attempt, outcome })
		return { next: more ? this.#due.splice(0, 1) : [], retryAtMs: null }
	}
}

function claimFor(url: string, counter = 1, configuration: Claim['configuration'] = {}): Claim {
	const event = {
		eventId: `e${counter}`,
		objectType: 'orders',
		objectId: '1',
		eventType: 'CREATED',
		objectSequence: counter,
	}
	const body = JSON.stringify({ message: { raw: { orders: [{ id: 1, name: 'Grüße' }] }, events: [event] } })
	return {
		notificationId: 7_000_000_000 + counter,
		subscription: 1,
		organizationId: 1,
		createdMs: Date.now(),
		attempt: 1,
		leaseUntilMs: Date.now() + 45_000,
		url,
		body,
		sealedFor: 'instance',
		configuration,
		signature: { next: null, fromMs: null },
		guarded: false,
		replay: false,
	}
}

describe('a batch', () => {
	test('is acknowledged message by message, readable or not, and a stray doorbell brings nothing to life', async () => {
		const messages = [{ version: 1, instance: 987_654 }, { version: 9 }, 'ring'].map((body, index) => ({
			id: String(index),
			timestamp: new Date(),
			attempts: 1,
			body: body as Doorbell,
		}))
		const batch = createMessageBatch('shopbell-doorbells', messages)
		const context = createExecutionContext()
		await consumeDoorbells(batch, bindings, context)
		await waitOnExecutionContext(context)
		const result = await getQueueResult(batch, context)
		expect(result.explicitAcks.toSorted()).toEqual(['0', '1', '2'])
		expect(result.retryMessages).toEqual([])
		expect(await bindings.WATCHER.getByName('987654').claim(6)).toBe('unknown')
	})

	test('is answered before the callback is', async () => {
		const work: Promise<unknown>[] = []
		const batch = createMessageBatch<Doorbell>('shopbell-doorbells', [
			{ id: 'a', timestamp: new Date(), attempts: 1, body: { version: 1, instance: 987_655 } },
		])
		await consumeDoorbells(batch, bindings, { waitUntil: (promise) => void work.push(promise) })
		expect(work).toHaveLength(1)
		await Promise.all(work)
	})
})

const place = (id: number) => instanceSecret({ id, incarnation: String(id) }, 'event.notification.signature.key')

describe('delivering', () => {
	test('opens the sealed key, signs in workerd, and settles each', async () => {
		const callback = createCallbackServer({ key: 'schlüssel' })
		vi.spyOn(globalThis, 'fetch').mockImplementation(async (input) => await callback.receive(input as Request))
		const sealed = await sealSecret(bindings.MASTER_KEYS, 'schlüssel', place(7))
		const configuration = { 'event.notification.signature.key': sealed }
		const instance = new OneInstance(
			Array.from({ length: 9 }, (_, index) => claimFor('https://callback.example/hook', index + 1, configuration)),
		)
		await handleDoorbells(
			[7],
			createDeliveryPorts(
				bindings,
				(id) => ({ id, incarnation: String(id) }),
				() => instance,
			),
		)
		expect(callback.arrivals.map((arrival) => arrival.signed)).toEqual(Array(9).fill(true))
		expect(callback.acceptedEvents.map((event) => event.eventId).toSorted()).toEqual(
			Array.from({ length: 9 }, (_, index) => `e${index + 1}`),
		)
		expect(instance.settled.map(({ outcome }) => [outcome.delivered, outcome.status, outcome.body])).toEqual(
			Array.from({ length: 9 }, () => [true, 200, 'thank you']),
		)
	})

	test('with a key sealed for another instance sends nothing', async () => {
		const fetched = vi.spyOn(globalThis, 'fetch')
		const sealed = await sealSecret(bindings.MASTER_KEYS, 'key', place(8))
		const instance = new OneInstance([
			claimFor('https://callback.example/', 1, { 'event.notification.signature.key': sealed }),
		])
		await handleDoorbells(
			[7],
			createDeliveryPorts(
				bindings,
				(id) => ({ id, incarnation: String(id) }),
				() => instance,
			),
		)
		expect(fetched).not.toHaveBeenCalled()
		expect(instance.settled[0]?.outcome).toMatchObject({ delivered: false, status: null, error: 'refused' })
	})

	test('to a private address is refused where the operator keeps that closed', async () => {
		const fetched = vi.spyOn(globalThis, 'fetch')
		const instance = new OneInstance([claimFor('http://127.0.0.1:9/')])
		await handleDoorbells(
			[7],
			createDeliveryPorts(
				{ ...bindings, ALLOW_PRIVATE_NETWORK: 'false' },
				(id) => ({ id, incarnation: String(id) }),
				() => instance,
			),
		)
		expect(fetched).not.toHaveBeenCalled()
		expect(instance.settled[0]?.outcome).toMatchObject({ delivered: false, error: 'refused' })
		expect(instance.settled[0]?.outcome.body).toMatch(/^Not sent: /)
	})

	test('to a name is resolved first: a private answer sends nothing, and neither does no answer', async () => {
		const posts: string[] = []
		const addresses: Record<string, string | null> = {
			'open.example.com': '93.184.215.14',
			'private.example.com': '10.0.0.7',
			'silent.example.com': null,
		}
		vi.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
			const request = input as Request
			const url = new URL(request.url)
			if (url.hostname !== 'dns.example.com') {
				posts.push(request.url)
				return new Response('in')
			}
			const data = addresses[url.searchParams.get('name')!]
			if (data === null) return Response.json({ Status: 2 })
			return Response.json({
				Status: 0,
				...(url.searchParams.get('type') === 'A' ? { Answer: [{ name: 'x', type: 1, TTL: 60, data }] } : {}),
			})
		})
		const instance = new OneInstance(Object.keys(addresses).map((name, n) => claimFor(`https://${name}/`, n + 1)))
		await handleDoorbells(
			[7],
			createDeliveryPorts(
				{ ...bindings, ALLOW_PRIVATE_NETWORK: 'false', DNS_RESOLVER_URL: 'https://dns.example.com/dns-query' },
				(id) => ({ id, incarnation: String(id) }),
				() => instance,
			),
		)
		expect(posts).toEqual(['https://open.example.com/'])
		const outcomes = instance.settled.toSorted((a, b) => a.id - b.id).map(({ outcome }) => outcome)
		expect(outcomes.map(({ delivered, error, notSent }) => [delivered, error, notSent ?? false])).toEqual([
			[true, null, false],
			[false, 'refused', true],
			[false, 'dns', true],
		])
		expect(outcomes[1]?.body).toMatch(/^Not sent: expected a public address; private\.example\.com resolves/)
		expect(outcomes.map(({ notSentReason }) => notSentReason?.cause)).toEqual([undefined, 'address', 'resolver'])
	})

	test('follows no redirect', async () => {
		const seen: Request[] = []
		vi.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
			seen.push(input as Request)
			return new Response(null, { status: 307, headers: { Location: 'http://169.254.169.254/' } })
		})
		const instance = new OneInstance([claimFor('https://callback.example/')])
		await handleDoorbells(
			[7],
			createDeliveryPorts(
				bindings,
				(id) => ({ id, incarnation: String(id) }),
				() => instance,
			),
		)
		expect(seen.map((request) => request.redirect)).toEqual(['manual'])
		expect(instance.settled[0]?.outcome).toMatchObject({ delivered: false, status: 307, error: null })
	})

	test('to a closed port is a failure that settles', async () => {
		const instance = new OneInstance([claimFor('http://127.0.0.1:1/')])
		await handleDoorbells(
			[7],
			createDeliveryPorts(
				bindings,
				(id) => ({ id, incarnation: String(id) }),
				() => instance,
			),
		)
		// workerd does not tell refused from reset outside Cloudflare's network.
		expect(['refused', 'reset']).toContain(instance.settled[0]?.outcome.error)
		expect(instance.settled[0]?.outcome).toMatchObject({ delivered: false, status: null })
	})
})

test('ids and signatures are the same in workerd as in Node', () => {
	const key = Uint8Array.from({ length: 32 }, (_, index) => index)
	expect(formatEventId(1, 2, computeEventTag(key, '1', 2))).toBe('AAAAAAABAAAAAAAC1lgG')
	expect(parseEventId('AAAAAAABAAAAAAAC1lgG')).toEqual({ instanceId: 1, sequence: 2, tag: 0xd65806 })
	for (const { key, nextKey, id, timestamp, body, headers } of document.vectors) {
		const signable = {
			notificationId: Number(id.replace('ntf_', '')),
			body: new TextEncoder().encode(body),
			startedMs: timestamp * 1000,
		}
		expect(toSignatureHeaders(signable, { current: key, next: nextKey })).toEqual(headers)
	}
})

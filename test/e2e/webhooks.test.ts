/** The way of a change that a store tells by itself, through the built Worker: from the documents' cURL to webhooks that are gone again. */
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CreatedInstance } from '../../scripts/local/client.ts'
import type { Webhook } from '../store/store.ts'
import { startStack, eventually, E2E_SIGNATURE_KEY, runCurl, type E2eStack } from './stack.ts'

let house: E2eStack
beforeAll(async () => {
	house = await startStack({
		https: false,
		objects: 30,
		webhooks: { allowLocalDelivery: true, allowHttpCallback: true },
	})
})
afterAll(async () => await house?.close())

/** Webhooks at the store that are an instance's. */
function webhooksOf(id: number): Webhook[] {
	return house.store.webhooks().filter(({ name }) => name === `Shopbell ${id}`)
}

async function learned(id: number): Promise<void> {
	await eventually(
		'the baseline',
		() => house.client.poller(id),
		({ resources }) => resources.length > 0 && resources.every(({ baseline }) => baseline.complete),
	)
}

/** The part of a webhook's address that names its instance. */
function getInstanceSegment(url: string): string {
	return new URL(url).pathname.split('/').at(-1)!
}

/** Waits until the callback has an object's event. */
async function rung(objectType: string, id: number | undefined): Promise<E2eStack['callback']['arrivals'][number]> {
	const found = await eventually(
		`the event of ${objectType} ${id}`,
		() =>
			house.callback.arrivals.find(({ events }) =>
				events.some((one) => one.objectType === objectType && one.objectId === String(id)),
			),
		(arrival) => arrival !== undefined,
	)
	return found!
}

/** What the event log says of the object's newest event. */
async function logged(
	instanceId: number,
	objectType: string,
	id: number | undefined,
): Promise<{ source: string } | undefined> {
	const log = await house.client.api.listEvents({ params: { id: instanceId }, query: { pageSize: 200 } })
	return log.find((one) => one.objectType === objectType && one.objectId === String(id))
}

/** A delivery as a store sends it. */
async function deliver(url: string, topic: string, body: string, secret: string): Promise<Response> {
	return await fetch(url, {
		method: 'POST',
		headers: {
			'Content-Type': 'application/json',
			'X-WC-Webhook-Source': `${house.storeUrl}/`,
			'X-WC-Webhook-Topic': topic,
			'X-WC-Webhook-ID': '1',
			'X-WC-Webhook-Delivery-ID': 'by hand',
			'X-WC-Webhook-Signature': createHmac('sha256', secret).update(body).digest('base64'),
		},
		body,
	})
}

describe('by the documents', () => {
	let instance: CreatedInstance
	/** One of its webhooks. */
	let hook: Webhook

	test('their second cURL makes an instance with its webhooks', async () => {
		const { status, body } = await runCurl('seed-webhook.sh', {
			'https://api.cloud-elements.com': house.worker().url,
			'<USER_SECRET>': house.account.userSecret,
			'<ORGANIZATION_SECRET>': house.account.organizationSecret,
			'<http://mycoolstore.com>': `<${house.storeUrl}>`,
			'https://mycoolapp.com/events': house.callback.url,
			'"xxxxxxxxxxxxxxxxxx"': JSON.stringify(house.store.credentials.key),
			'"xxxxxxxxxxxxxxxxxxxxxxxx"': JSON.stringify(house.store.credentials.secret),
			'"xxxxxxxxxxxxxxxxxxxxxxxxx"': JSON.stringify(E2E_SIGNATURE_KEY),
		})
		expect(status, JSON.stringify(body)).toBe(200)
		instance = body as CreatedInstance
		const made = webhooksOf(instance.id)
		expect(made).toHaveLength(16)
		// The address holds the instance's id and its incarnation.
		const [segment] = made.map(({ url }) => getInstanceSegment(url))
		expect(atob(segment!)).toMatch(new RegExp(`^${instance.id}\\.[\\w-]{22}$`))
		const path = `/elements/api-v2/events/woocommercerest/${segment}`
		for (const one of made) {
			expect(one).toMatchObject({ status: 'active', unproven: false, url: `${house.worker().url}${path}?v=1` })
			expect(one.secret).toMatch(/^[0-9a-f]{64}$/)
		}
		expect(new Set(made.map(({ secret }) => secret)).size).toBe(16)
		hook = made.find(({ topic }) => topic === 'order.updated')!
		await learned(instance.id)
	})

	test.each([
		['orders', 'orders', { do: 'place-order' }],
		['products', 'products', { do: 'edit', resource: 'products' }],
		['customers', 'customers', { do: 'create', resource: 'customers' }],
		['discounts', 'coupons', { do: 'edit', resource: 'coupons' }],
		['orders', 'orders', { do: 'trash', resource: 'orders' }],
	] as const)(
		'a change of %s arrives signed, and the log says that a webhook told it',
		async (objectType, resource, action) => {
			// Polls are an hour apart.
			const change = house.store.act(action).find((one) => one.resource === resource)
			expect(await rung(objectType, change?.id)).toMatchObject({ signed: true, status: 200, attempt: 1, replay: false })
			expect(await logged(instance.id, objectType, change?.id)).toMatchObject({ source: 'webhook' })
			expect(house.store.deliveries().filter(({ result }) => result === 'failed')).toEqual([])
		},
	)

	test('probes are answered; what no key of ours has signed is refused, whether or not the instance exists, and counted', async () => {
		const plain = (url: string, body?: string): Promise<Response> =>
			fetch(
				url,
				body === undefined
					? {}
					: { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body },
			)
		expect((await plain(hook.url, `webhook_id=${hook.id}`)).status).toBe(200)
		const read = await plain(hook.url)
		expect([read.status, await read.json()]).toEqual([200, {}])

		const known = [...house.store.state('orders').keys()][0]
		const body = JSON.stringify({ id: known })
		const elsewhere = hook.url.replace(getInstanceSegment(hook.url), btoa('4711'))
		const taken = await deliver(hook.url, hook.topic, body, hook.secret)
		expect(taken.status).toBe(200)
		const refused = [
			await plain(hook.url, body),
			await deliver(hook.url, hook.topic, body, 'another secret'),
			await deliver(hook.url, 'order.created', body, hook.secret),
			await deliver(hook.url.replace('v=1', 'v=2'), hook.topic, body, hook.secret),
			await deliver(elsewhere, hook.topic, body, hook.secret),
		]
		const texts = await Promise.all(refused.map(async (one) => (await one.json<{ message: string }>()).message))
		expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
		expect(new Set(texts).size).toBe(1)
		const rejected = await house.client.api.listRejectedDeliveries({ params: { id: instance.id } })
		expect(rejected).toMatchObject({ total: 4, counts: { 'no-signature': 1, 'bad-signature': 3 } })
	})

	test('a webhook that the store switched off is switched on again, and what it did not send is found', async () => {
		for (const topic of ['order.created', 'order.updated'])
			house.store.makeWebhook({
				id: webhooksOf(instance.id).find((one) => one.topic === topic)!.id,
				status: 'disabled',
			})
		const missed = house.store.act({ do: 'place-order' }).find(({ resource }) => resource === 'orders')
		await house.client.poll(instance.id, 'reread')
		expect(await rung('orders', missed?.id)).toMatchObject({ signed: true })
		await eventually(
			'the webhooks',
			() => webhooksOf(instance.id),
			(hooks) => hooks.every(({ status }) => status === 'active'),
		)
		const report = await eventually(
			'the repairs',
			() => house.client.api.getWebhooks({ params: { id: instance.id } }),
			({ repairs }) => repairs.length >= 2,
		)
		expect(report.repairs.map(({ what }) => what)).toEqual(
			expect.arrayContaining(
				['order.created', 'order.updated'].map((topic) => expect.stringMatching(`^${topic} re-enabled`) as string),
			),
		)
		expect(webhooksOf(instance.id)).toHaveLength(16)
		expect(await logged(instance.id, 'orders', missed?.id)).toMatchObject({
			source: expect.stringMatching(/^(poll|reread)$/),
		})
	})

	test('with new secrets deliveries go on', async () => {
		expect(await house.client.api.rotateWebhookSecrets({ params: { id: instance.id } })).toMatchObject({
			version: 2,
			pending: null,
		})
		const turned = webhooksOf(instance.id).find(({ topic }) => topic === hook.topic)!
		expect(turned.url).toBe(hook.url.replace('v=1', 'v=2'))
		expect(turned.secret).not.toBe(hook.secret)
		const change = house.store.act({ do: 'edit', resource: 'products' }).find(({ resource }) => resource === 'products')
		const late = await deliver(
			hook.url,
			hook.topic,
			JSON.stringify({ id: [...house.store.state('orders').keys()][0] }),
			hook.secret,
		)
		expect(late.status).toBe(200)
		await rung('products', change?.id)
		hook = turned
	})

	test('a deleted instance leaves no webhook at the store, and a delivery under way is refused', async () => {
		house.store.makeWebhook({
			name: 'Of somebody else',
			topic: 'order.updated',
			delivery_url: 'https://example.com/',
			secret: 'x',
		})
		await house.client.api.deleteInstance({ params: { id: instance.id } })
		expect(house.store.webhooks().map(({ name }) => name)).toEqual(['Of somebody else'])
		expect((await deliver(hook.url, hook.topic, '{"id":1}', hook.secret)).status).toBe(410)
	})
})

describe('without keys', () => {
	const draft = () => ({
		name: 'Connected',
		callbackUrl: 'http://127.0.0.1:9/connected?keep=1',
		configuration: {
			'store.url': house.storeUrl,
			'event.notification.enabled': true,
			'event.vendor.type': 'webhook',
			'event.notification.callback.url': house.callback.url,
			'event.notification.signature.key': E2E_SIGNATURE_KEY,
		},
	})

	/** What a merchant does: opens the page, answers its form, and follows the store's way back. */
	async function answer(oauthUrl: string, word: 'approve' | 'deny'): Promise<Response> {
		const page = await fetch(oauthUrl)
		const form = /<form method="post" action="([^"]+)"/
			.exec(await page.text())?.[1]
			?.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
		const answered = await fetch(form ?? '', {
			method: 'POST',
			body: new URLSearchParams({ answer: word }),
			redirect: 'manual',
		})
		expect(answered.status).toBe(302)
		return await fetch(answered.headers.get('Location') ?? '', { redirect: 'manual' })
	}

	async function start(): Promise<{ state: string; oauthUrl: string }> {
		return await house.client.api.startHandOver({ params: { keyOrId: 'woocommercerest' }, body: draft() })
	}

	const outcome = (state: string): Promise<{ status: string; id?: number }> =>
		house.client.api.getHandOver({ params: { keyOrId: 'woocommercerest', state } })

	test('a merchant approves at the store, and the next change is delivered', async () => {
		const { state, oauthUrl } = await start()
		expect(oauthUrl.startsWith(`${house.storeUrl}/wc-auth/v1/authorize?`)).toBe(true)
		expect(await outcome(state)).toEqual({ status: 'waiting' })
		const back = await answer(oauthUrl, 'approve')
		const { status, id } = await outcome(state)
		expect(status).toBe('created')
		expect(back.status).toBe(302)
		expect(back.headers.get('Location')).toBe(`http://127.0.0.1:9/connected?keep=1&state=${state}&instanceId=${id}`)
		expect(webhooksOf(id!)).toHaveLength(16)
		await learned(id!)
		const change = house.store.act({ do: 'place-order' }).find(({ resource }) => resource === 'orders')
		expect(await rung('orders', change?.id)).toMatchObject({ signed: true })
		await house.client.api.deleteInstance({ params: { id: id! } })
		expect(webhooksOf(id!)).toEqual([])
	})

	test('a merchant who denies gives no key', async () => {
		const { state, oauthUrl } = await start()
		const keys = Object.keys(house.store.keys).length
		const back = await answer(oauthUrl, 'deny')
		expect([back.status, await back.text()]).toEqual([200, expect.stringContaining('was not connected')])
		expect(await outcome(state)).toMatchObject({ status: 'denied' })
		expect(Object.keys(house.store.keys)).toHaveLength(keys)
	})
})

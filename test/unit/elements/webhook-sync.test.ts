/** The webhooks at a store, made, mended and removed: against the simulated store, and against answers that it does not give. */
import { beforeEach, describe, expect, test } from 'vitest'
import { describeWebhookChange, type DesiredWebhooks } from '../../../src/elements/webhooks.ts'
import { openClient } from '../../../src/elements/woocommerce/client.ts'
import { webhooks } from '../../../src/elements/woocommerce/webhook-payloads.ts'
import { ensureWebhooks, pauseWebhooks, removeWebhooks } from '../../../src/elements/woocommerce/webhook-sync.ts'
import { createStore, type SimulatedStore } from '../../store/store.ts'
import { DENVER, ioOf, json } from './support.ts'
import type { Connection, StoreClient } from '../../../src/elements/store.ts'

const URL_1 = 'https://bell.example/elements/api-v2/events/woocommercerest/NDI=?v=1'
const WANTED: DesiredWebhooks = {
	name: 'Shopbell 42',
	deliveryUrl: URL_1,
	secrets: Object.fromEntries(webhooks.topics.map((topic) => [topic, `secret of ${topic}`])),
	rewriteSecrets: false,
}

let store: SimulatedStore
let client: StoreClient
let pings: string[]

function clientOf(key: { key: string; secret: string } = store.credentials): StoreClient {
	const connection: Connection = { ...DENVER, home: store.url, root: `${store.url}/wp-json/` }
	return openClient(
		connection,
		{ storeUrl: store.url, ...key },
		{ ...ioOf((request) => store.fetch(request)), now: () => Date.now() },
	)
}

beforeEach(() => {
	pings = []
	store = createStore({
		objects: 2,
		url: 'https://shop.example.com',
		deliver: async (request) => {
			pings.push(`${request.url} ${await request.text()}`)
			return new Response('{}')
		},
	})
	client = clientOf()
})

const ours = () => store.webhooks().filter((hook) => hook.name === 'Shopbell 42')

describe('making them', () => {
	test('one list, one batch: every topic once, each with its secret', async () => {
		const ensured = await ensureWebhooks(client, WANTED)
		expect(ensured).toMatchObject({
			ok: true,
			errors: [],
			unsupported: [],
			missingPermission: null,
			failure: null,
			mayHaveChanged: true,
		})
		expect(client.requests).toBe(2)
		expect(
			ours()
				.map((hook) => hook.topic)
				.sort(),
		).toEqual([...webhooks.topics].sort())
		for (const hook of ours())
			expect(hook).toMatchObject({ status: 'active', url: URL_1, secret: `secret of ${hook.topic}` })
		expect(ensured.webhooks.filter((hook) => hook.ours)).toHaveLength(16)
		expect(ensured.changes).toContainEqual({ topic: 'order.updated', kinds: ['created'], statusBefore: '' })
		expect(pings).toHaveLength(16)
	})

	test('what is right is left alone', async () => {
		await ensureWebhooks(client, WANTED)
		const before = store.webhooks()
		const again = await ensureWebhooks(client, WANTED)
		expect(again).toMatchObject({ ok: true, changes: [], mayHaveChanged: false })
		expect(client.requests).toBe(3)
		expect(store.webhooks()).toEqual(before)
	})

	test('others are never touched, whatever they look like', async () => {
		const others = [
			{ name: 'ERP', topic: 'order.updated', delivery_url: 'https://erp.example/hook' },
			{
				name: 'Shopbell 42',
				topic: 'order.updated',
				delivery_url: 'https://bell.example/elements/api-v2/events/woocommercerest/NDM=',
			},
			{ name: 'Shopbell 43', topic: 'order.updated', delivery_url: URL_1 },
			{ name: 'By hand', topic: 'order.updated', delivery_url: URL_1, status: 'paused' as const },
		].map((given) => store.makeWebhook(given))
		const ids = others.map(({ id }) => id)
		const before = store.webhooks()
		for (const work of [ensureWebhooks, pauseWebhooks, removeWebhooks])
			await work(client, { ...WANTED, rewriteSecrets: true })
		expect(store.webhooks().filter(({ id }) => ids.includes(id))).toEqual(before)
		expect(store.webhooks()).toHaveLength(others.length)
	})

	test('ours that sleep are woken, moved ones brought home, doubles and surplus ones deleted, the lost made again', async () => {
		await ensureWebhooks(client, WANTED)
		const of = (topic: string) => store.webhooks().find((hook) => hook.topic === topic && hook.name === 'Shopbell 42')!
		store.makeWebhook({ id: of('order.updated').id, status: 'disabled' })
		store.makeWebhook({ id: of('order.created').id, status: 'paused' })
		store.makeWebhook({
			id: of('product.updated').id,
			delivery_url: 'http://old.example/elements/api-v2/events/woocommercerest/NDI?v=1',
		})
		const double = store.makeWebhook({ name: 'Shopbell 42', topic: 'coupon.updated', delivery_url: URL_1 })
		const surplus = store.makeWebhook({
			name: 'Shopbell 42',
			topic: 'action.woocommerce_order_status_completed',
			delivery_url: URL_1,
		})
		await client.call('DELETE', `webhooks/${of('customer.deleted').id}`, { force: 'true' })
		const ensured = await ensureWebhooks(client, WANTED)
		expect(ensured.ok).toBe(true)
		expect(ensured.changes.map(describeWebhookChange).sort()).toEqual([
			'action.woocommerce_order_status_completed deleted',
			'coupon.updated deleted (a duplicate)',
			'customer.deleted created',
			'order.created re-enabled (it was paused)',
			'order.updated re-enabled (it was disabled)',
			'product.updated moved to the current address',
		])
		expect(ours()).toHaveLength(16)
		for (const hook of ours())
			expect(hook).toMatchObject({ status: 'active', url: URL_1, secret: `secret of ${hook.topic}` })
		expect(store.webhooks().map(({ id }) => id)).not.toContain(surplus.id)
		expect(store.webhooks().map(({ id }) => id)).not.toContain(double.id)
	})

	test('of two of ours the active one stays', async () => {
		store.makeWebhook({ name: 'Shopbell 42', topic: 'order.updated', delivery_url: URL_1, status: 'disabled' })
		const active = store.makeWebhook({ name: 'Shopbell 42', topic: 'order.updated', delivery_url: URL_1 })
		await ensureWebhooks(client, WANTED)
		expect(ours().find((hook) => hook.topic === 'order.updated')!.id).toBe(active.id)
	})

	test('a turned key is written to all, an address only where it differs: no needless ping', async () => {
		await ensureWebhooks(client, WANTED)
		pings.length = 0
		const secrets = Object.fromEntries(webhooks.topics.map((topic) => [topic, `new ${topic}`]))
		expect((await ensureWebhooks(client, { ...WANTED, secrets, rewriteSecrets: true })).ok).toBe(true)
		for (const hook of ours()) expect(hook.secret).toBe(`new ${hook.topic}`)
		expect(pings).toEqual([])
		await ensureWebhooks(client, { ...WANTED, deliveryUrl: URL_1.replace('v=1', 'v=2') })
		expect(pings).toHaveLength(16)
	})

	test('more than a page of webhooks', async () => {
		for (let n = 0; n < 130; n++)
			store.makeWebhook({ name: `Other ${n}`, topic: 'order.updated', delivery_url: 'https://erp.example/' })
		await ensureWebhooks(client, WANTED)
		await ensureWebhooks(client, WANTED)
		expect(ours()).toHaveLength(16)
		expect((await removeWebhooks(client, WANTED)).ok).toBe(true)
		expect(store.webhooks()).toHaveLength(130)
	})
})

describe('a store whose lists are objects, with text around its JSON', () => {
	test('2.1 the list and the outcomes of a batch are read all the same', async () => {
		// PHP writes `{"1": …}` for a list with gaps.
		const toObject = (list: unknown[]): object => Object.fromEntries(list.map((item, index) => [index + 1, item]))
		const io = ioOf(async (request) => {
			const response = await store.fetch(request)
			const body = JSON.parse(await response.text()) as unknown
			const shaped = Array.isArray(body)
				? toObject(body)
				: Object.fromEntries(
						Object.entries(body as object).map(([key, value]) => [
							key,
							Array.isArray(value) ? toObject(value as unknown[]) : (value as unknown),
						]),
					)
			return new Response(
				`\uFEFF<b>Notice</b>: x in y.php on line 3\n${JSON.stringify(shaped)}<!-- cached -->`,
				response,
			)
		})
		const connection: Connection = { ...DENVER, home: store.url, root: `${store.url}/wp-json/` }
		const odd = openClient(connection, { storeUrl: store.url, ...store.credentials }, { ...io, now: () => Date.now() })
		expect(await ensureWebhooks(odd, WANTED)).toMatchObject({ ok: true, errors: [], failure: null })
		expect(ours().map(({ topic }) => topic)).toHaveLength(webhooks.topics.length)
		const again = await ensureWebhooks(odd, WANTED)
		expect([again.changes, ours().length]).toEqual([[], webhooks.topics.length])
	})
})

describe('stopping and removing them', () => {
	test('paused, woken again, removed; each is safe to repeat', async () => {
		await ensureWebhooks(client, WANTED)
		for (let n = 0; n < 2; n++) expect((await pauseWebhooks(client, WANTED)).ok).toBe(true)
		expect(ours().every((hook) => hook.status === 'paused')).toBe(true)
		expect((await ensureWebhooks(client, WANTED)).ok).toBe(true)
		expect(ours().every((hook) => hook.status === 'active')).toBe(true)
		for (let n = 0; n < 2; n++) expect((await removeWebhooks(client, WANTED)).ok).toBe(true)
		expect(store.webhooks()).toEqual([])
	})
})

describe('what stands in the way', () => {
	test('1.6: a key that only reads: the right is named, nothing was done', async () => {
		const ensured = await ensureWebhooks(clientOf(store.keys['ro']), WANTED)
		expect(ensured).toMatchObject({
			ok: false,
			mayHaveChanged: false,
			missingPermission: expect.stringContaining('Read/Write'),
		})
		expect(store.webhooks()).toEqual([])
	})

	test('a user who may not manage WooCommerce: the right is named', async () => {
		const ensured = await ensureWebhooks(clientOf(store.keys['customer']), WANTED)
		expect(ensured).toMatchObject({
			ok: false,
			mayHaveChanged: false,
			missingPermission: expect.stringContaining('Shop manager'),
		})
	})

	test('a store that fails: nothing was done; one whose answer to the batch is lost: perhaps', async () => {
		store.setFaults({ status: 500 })
		expect(await ensureWebhooks(client, WANTED)).toMatchObject({
			ok: false,
			mayHaveChanged: false,
			missingPermission: null,
			failure: { kind: 'server' },
		})
		store.setFaults({ status: 500, method: 'POST' })
		expect(await ensureWebhooks(client, WANTED)).toMatchObject({
			ok: false,
			mayHaveChanged: true,
			failure: { kind: 'server' },
		})
	})

	const answering = (items: (body: any) => unknown): StoreClient =>
		openClient(
			DENVER,
			{ storeUrl: DENVER.home, key: 'ck', secret: 'cs' },
			ioOf(async (request, url) => (url.pathname.endsWith('/batch') ? json(items(await request.json())) : json([]))),
		)
	const row = (given: Record<string, unknown>, id: number) => ({ id, status: 'active', ...given })

	test('items are judged one by one: an unknown topic is no error, a refused one is', async () => {
		const ensured = await ensureWebhooks(
			answering(({ create }) => ({
				create: create.map((given: any, index: number) =>
					given.topic === 'product.published'
						? {
								id: 0,
								error: {
									code: 'woocommerce_rest_shop_webhook_invalid_topic',
									message: 'Webhook topic is required and must be valid.',
									data: { status: 400 },
								},
							}
						: given.topic === 'order.updated'
							? {
									id: 0,
									error: {
										code: 'woocommerce_rest_cannot_create',
										message: 'Sorry, you are not allowed to create resources.',
										data: { status: 403 },
									},
								}
							: row(given, index + 1),
				),
			})),
			WANTED,
		)
		expect(ensured).toMatchObject({
			ok: false,
			mayHaveChanged: true,
			unsupported: ['product.published'],
			missingPermission: expect.stringContaining('Shop manager'),
		})
		expect(ensured.errors).toEqual([expect.stringContaining('order.updated')])
		expect(ensured.changes).toHaveLength(14)
	})

	test('an answer that leaves items out, or makes a dead webhook, is no success', async () => {
		expect(
			(
				await ensureWebhooks(
					answering(() => ({})),
					WANTED,
				)
			).errors,
		).toHaveLength(16)
		expect(
			(
				await ensureWebhooks(
					answering(() => []),
					WANTED,
				)
			).ok,
		).toBe(false)
		const dead = await ensureWebhooks(
			answering(({ create }) => ({
				create: create.map((given: any, index: number) => ({ ...row(given, index + 1), status: 'disabled' })),
			})),
			WANTED,
		)
		expect(dead.errors).toHaveLength(16)
	})

	test('a list that is none is a failure', async () => {
		const client = openClient(
			DENVER,
			{ storeUrl: DENVER.home, key: 'ck', secret: 'cs' },
			ioOf(() => json({ not: 'a list' })),
		)
		expect(await ensureWebhooks(client, WANTED)).toMatchObject({
			ok: false,
			mayHaveChanged: false,
			failure: { kind: 'not-json' },
		})
	})
})

describe('a store whose list of webhooks does not do as asked', () => {
	/** Webhooks of other plugins, older than ours. */
	function addForeign(count: number): void {
		for (let index = 0; index < count; index++)
			store.makeWebhook({ name: `Plugin ${index}`, topic: 'order.created', delivery_url: 'https://plugin.example/' })
	}
	const foreign = () => store.webhooks().filter((hook) => hook.name !== 'Shopbell 42')

	test.each([
		['does as asked', {}],
		['gives ten rows whatever is asked', { rowsAlways: 10 }],
		['gives at most ten rows', { rowsAtMost: 10 }],
		['gives ten rows and no total', { rowsAlways: 10, total: 'absent' as const }],
		['gives ten rows and ignores pages', { rowsAlways: 10, ignores: ['page'] }],
		['gives ten rows and ignores offsets', { rowsAlways: 10, ignores: ['offset'] }],
		['gives ten rows and ignores pages and offsets', { rowsAlways: 10, ignores: ['page', 'offset'] }],
		['heeds only the search', { rowsAlways: 20, ignores: ['page', 'offset', 'exclude'] }],
		['gives the whole list without a total', { ignores: ['page', 'offset', 'per_page'], total: 'absent' as const }],
		['writes its total with a decimal', { rowsAlways: 10, total: 'decimal' as const }],
		['counts fewer than it shows', { rowsAlways: 10, total: 'below-rows' as const }],
	])('that %s: one of ours a topic however often, and none after deletion', async (_name, fault) => {
		addForeign(12)
		store.setFaults({ match: '/webhooks', method: 'GET', ...fault })
		for (let round = 0; round < 4; round++) {
			const before = client.requests
			expect(await ensureWebhooks(client, WANTED)).toMatchObject({ ok: true, errors: [] })
			expect(client.requests - before).toBeLessThan(12)
			expect(ours()).toHaveLength(webhooks.topics.length)
		}
		expect(await removeWebhooks(client, WANTED)).toMatchObject({ ok: true })
		expect(ours()).toEqual([])
		expect(foreign()).toHaveLength(12)
	})

	test('where nothing shows the rest, none is created, and the reason is said', async () => {
		addForeign(12)
		store.setFaults({
			match: '/webhooks',
			method: 'GET',
			rowsAlways: 10,
			ignores: ['page', 'offset', 'exclude', 'search'],
		})
		const ensured = await ensureWebhooks(client, WANTED)
		expect(ensured).toMatchObject({ ok: false, failure: null, isIncomplete: true })
		expect(ensured.errors[0]).toMatch(/^The store's list of webhooks is incomplete: 10 of 12 could be read\./)
		expect(client.requests).toBeLessThan(8)
		expect(ours()).toEqual([])
	})

	test('where the rest comes later, what is there is found, and doubles are deleted', async () => {
		addForeign(12)
		await ensureWebhooks(client, WANTED)
		const [one] = ours()
		store.makeWebhook({ name: one!.name, topic: one!.topic, delivery_url: URL_1 })
		store.setFaults({ match: '/webhooks', method: 'GET', rowsAlways: 10 })
		const ensured = await ensureWebhooks(client, WANTED)
		expect(ensured.changes).toEqual([expect.objectContaining({ topic: one!.topic, kinds: ['deleted-duplicate'] })])
		expect(ours()).toHaveLength(webhooks.topics.length)
	})
})

/** The watchdog (docs/architecture.md, Webhooks): it reads the store's webhooks, mends them, sweeps the gap, and says what it did; meanwhile polls reconcile. */
import { describe, expect, test } from 'vitest'
import { woocommerce } from '../../../../src/elements/woocommerce/woocommerce.ts'
import { requestPoll } from '../../../../src/watcher/polling/commands.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { Faults } from '../../../store/store.ts'
import { World } from '../../../support/world.ts'
import {
	worldWithWebhooks,
	getWebhookState,
	recordedEvents,
	ownWebhookId,
	getStoreRecord,
	sendDelivery,
	getWebhooksReport,
} from '../../../support/webhook-stories.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	MINUTE_MS,
	getResourceState,
	arrivalsSince,
} from '../../../support/stories.ts'
import { addRejections, getRejections } from '../../../../src/watcher/log/rejections.ts'

const repairs = (world: World): string[] => getWebhooksReport(world).repairs.map(({ what }) => what)
/** Every status that a webhook of the store has, once. */
const statuses = (world: World): string[] => [...new Set(world.store.webhooks().map(({ status }) => status))]
const health = (world: World): ReturnType<typeof buildHealth> => buildHealth(world.engine.getCore()!)

describe('webhooks at the store', () => {
	test('are made for every topic of what is watched, with derived secrets', async () => {
		const world = await worldWithWebhooks({ resources: pollerResources('orders', 'customers') })
		const made = world.store.webhooks()
		expect(made.map(({ topic }) => topic).sort()).toEqual([
			'customer.created',
			'customer.deleted',
			'customer.updated',
			'order.created',
			'order.deleted',
			'order.restored',
			'order.updated',
		])
		for (const { topic, secret, name, url } of made) {
			expect(secret).toBe(woocommerce.webhooks!.deriveSecret(world.masterKeys[0]!.bytes, '7', topic, 1))
			expect({ name, url }).toEqual({ name: 'Shopbell 7', url: world.config.hooks!.deliveryUrl })
		}
		expect(health(world).webhooks).toMatchObject({ state: 'active' })
	})

	test('are read once an hour and left as they are when nothing is wrong', async () => {
		const world = await worldWithWebhooks({ webhooks: { reconcileMs: 0 } })
		await world.advance(HOUR_MS)
		const from = world.store.log.length
		await world.advance(4 * HOUR_MS)
		const asked = world.store.log.slice(from).filter(({ path }) => path.includes('/webhooks'))
		expect(asked.length).toBe(4)
		expect(asked.every(({ method }) => method === 'GET')).toBe(true)
	})

	test.each(['disabled', 'deleted'] as const)(
		'%s in a busy shop: noticed after a gap of ten times the usual, once, and health says when they were checked §11.14',
		async (status) => {
			const world = await worldWithWebhooks({ webhooks: { reconcileMs: 0 } })
			const orders = liveIds(world, 'orders')
			for (let minute = 0; minute < 8; minute++) {
				world.store.act({ do: 'edit', resource: 'orders', id: orders[minute % orders.length]! })
				await world.advance(MINUTE_MS)
			}
			await world.setWebhookStatus(status)
			const [id] = orders
			world.store.act({ do: 'edit', resource: 'orders', id: id! })
			const from = world.arrivals.length
			const logged = world.store.log.length
			await world.advance(25 * MINUTE_MS)
			expect(arrivalsSince(world, from)).toEqual([`UPDATED orders ${id}`])
			const checkedAt = health(world).webhooks?.checkedAt ?? ''
			expect(world.nowMs - Date.parse(checkedAt)).toBeLessThan(16 * MINUTE_MS)
			expect(health(world).webhooks).toMatchObject({
				state: 'active',
				reason: expect.stringContaining(`last checked, at ${checkedAt}`) as string,
			})
			const reads = world.store.log
				.slice(logged)
				.filter(({ path, method }) => path.includes('/webhooks') && method === 'GET')
			expect(reads.length).toBe(1)
		},
	)

	test('are checked when a poll is requested, at most once a minute §11.14', async () => {
		const world = await worldWithWebhooks({ webhooks: { reconcileMs: 0 } })
		await world.advance(5 * MINUTE_MS)
		await world.setWebhookStatus('disabled')
		const logged = world.store.log.length
		for (let time = 0; time < 3; time++) {
			const core = world.engine.getCore()!
			requestPoll(core, 'window')
			world.engine.updateAlarm(core)
			await world.advance(10_000)
		}
		expect(statuses(world)).toEqual(['active'])
		const reads = world.store.log
			.slice(logged)
			.filter(({ path, method }) => path.includes('/webhooks') && method === 'GET')
		expect(reads.length).toBe(1)
	})

	test.each([
		['disabled', 're-enabled (it was disabled)'],
		['paused', 're-enabled (it was paused)'],
		['deleted', 'order.updated created'],
	] as const)('%s: mended, the gap is swept, and both are said', async (status, words) => {
		const world = await worldWithWebhooks({ webhooks: { reconcileMs: 0 } })
		await world.advance(MINUTE_MS)
		await world.setWebhookStatus(status)
		const [stamped, silent] = liveIds(world, 'orders')
		world.store.act({ do: 'edit', resource: 'orders', id: stamped! })
		world.store.act({ do: 'edit-silently', resource: 'orders', id: silent! })
		await world.advance(30 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([])
		await world.advance(HOUR_MS)
		expect(world.store.webhooks().filter((one) => one.status === 'active').length).toBe(16)
		expect(repairs(world).some((what) => what.includes(words))).toBe(true)
		expect(new Set(arrivalsSince(world))).toEqual(new Set([`UPDATED orders ${stamped}`, `UPDATED orders ${silent}`]))
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		await world.advance(MINUTE_MS)
		expect(recordedEvents(world).at(-1)).toBe(`UPDATED products ${liveIds(world, 'products')[0]} webhook`)
		await expectCleanJudgement(world)
	})

	test('move at once with the public address', async () => {
		const world = await worldWithWebhooks()
		const deliveryUrl = world.config.hooks!.deliveryUrl.replace('bell.example.com', 'ring.example.com')
		await world.configure({ hooks: { ...world.config.hooks!, deliveryUrl } })
		await world.advance(MINUTE_MS)
		expect(new Set(world.store.webhooks().map(({ url }) => url))).toEqual(new Set([deliveryUrl]))
		expect(repairs(world)).toContain('order.updated moved to the current address')
		await expectCleanJudgement(world)
	})

	test('get new secrets at once with a new version, and nothing in flight is refused', async () => {
		const world = await worldWithWebhooks()
		world.store.setWebhooks({ delaySeconds: 10 })
		const id = liveIds(world, 'orders')[0]!
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.configure({
			hooks: {
				...world.config.hooks!,
				version: 2,
				previousUntilMs: world.nowMs + DAY_MS,
				deliveryUrl: world.config.hooks!.deliveryUrl.replace('v=1', 'v=2'),
			},
		})
		await world.advance(MINUTE_MS)
		expect(world.store.webhooks().map(({ secret }) => secret)).toEqual(
			world.store
				.webhooks()
				.map(({ topic }) => woocommerce.webhooks!.deriveSecret(world.masterKeys[0]!.bytes, '7', topic, 2)),
		)
		expect(world.receivedWebhooks.map(({ status }) => status)).toEqual([200])
		await expectCleanJudgement(world)
	})

	test('get new secrets with a new master key', async () => {
		const world = await worldWithWebhooks()
		world.masterKeys = [{ id: 'newer', bytes: new Uint8Array(32).fill(9) }, ...world.masterKeys]
		world.evict()
		await world.engine.runSlice()
		world.store.act({ do: 'edit', resource: 'orders', id: liveIds(world, 'orders')[0]! })
		await world.advance(MINUTE_MS)
		expect(world.store.webhooks().map(({ secret }) => secret)).toEqual(
			world.store
				.webhooks()
				.map(({ topic }) => woocommerce.webhooks!.deriveSecret(world.masterKeys[0]!.bytes, '7', topic, 1)),
		)
		expect(repairs(world)).toContain('order.updated secret rewritten')
		expect(world.receivedWebhooks.map(({ status }) => status)).toEqual([200])
		world.masterKeys = world.masterKeys.slice(0, 1)
		expect(
			await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', liveIds(world, 'orders')[0]!)),
		).toBe(200)
	})

	test('get them also when the store did not let it at first', async () => {
		const world = await worldWithWebhooks()
		world.masterKeys = [{ id: 'newer', bytes: new Uint8Array(32).fill(9) }, ...world.masterKeys]
		world.store.setFaults({ match: '/webhooks', method: 'POST', key: 'read-only' })
		world.evict()
		await world.engine.runSlice()
		await world.advance(HOUR_MS)
		expect(health(world).state).toBe('webhooks-degraded')
		world.store.setFaults({})
		await world.advance(HOUR_MS + MINUTE_MS)
		expect(health(world).state).toBe('healthy')
		expect(world.store.webhooks().map(({ secret }) => secret)).toEqual(
			world.store
				.webhooks()
				.map(({ topic }) => woocommerce.webhooks!.deriveSecret(world.masterKeys[0]!.bytes, '7', topic, 1)),
		)
	})

	test('get them also when the store refused one of them', async () => {
		const world = await worldWithWebhooks()
		world.masterKeys = [{ id: 'newer', bytes: new Uint8Array(32).fill(9) }, ...world.masterKeys]
		const fetch = world.store.fetch.bind(world.store)
		world.store.fetch = async (request) => {
			if (request.method !== 'POST' || !request.url.includes('/webhooks/batch')) return fetch(request)
			const body = await request.clone().json<{ update: { id: number }[] }>()
			const [first, ...others] = body.update
			const answer = await (
				await fetch(new Request(request, { method: 'POST', body: JSON.stringify({ update: others }) }))
			).json<{ update: unknown[] }>()
			const error = {
				code: 'woocommerce_rest_cannot_edit',
				message: 'Sorry, you cannot edit this resource.',
				data: { status: 401 },
			}
			return Response.json({ update: [{ id: first!.id, error }, ...answer.update] })
		}
		world.evict()
		await world.engine.runSlice()
		await world.advance(MINUTE_MS)
		expect(health(world).state).toBe('webhooks-degraded')
		const keyed = (): number =>
			world.store
				.webhooks()
				.filter(
					({ topic, secret }) =>
						secret === woocommerce.webhooks!.deriveSecret(world.masterKeys[0]!.bytes, '7', topic, 1),
				).length
		expect(keyed()).toBe(15)
		world.store.fetch = fetch
		await world.advance(HOUR_MS + MINUTE_MS)
		expect(keyed()).toBe(16)
		expect(health(world).state).toBe('healthy')
	})

	test('of others are never touched', async () => {
		const world = await worldWithWebhooks()
		const other = world.store.makeWebhook({
			name: 'Shopbell 8',
			topic: 'order.updated',
			delivery_url: 'https://else.example.com/x',
			status: 'paused',
		})
		const before = world.store.webhooks().find(({ id }) => id === other.id)
		await world.advance(3 * HOUR_MS)
		expect(world.store.webhooks().find(({ id }) => id === other.id)).toEqual(before)
	})

	test('that slept while the instance was disabled are repaired as soon as it is enabled', async () => {
		const world = await worldWithWebhooks()
		await world.setWebhookStatus('paused')
		await world.configure({ enabled: false })
		await world.advance(10 * MINUTE_MS)
		expect(statuses(world)).toEqual(['paused'])
		await world.configure({ enabled: true })
		await world.advance(MINUTE_MS)
		expect(statuses(world)).toEqual(['active'])
		await expectCleanJudgement(world)
	})
})

describe('webhooks that cannot be looked after', () => {
	test.each<[string, Faults, string]>([
		['a key that may only read', { match: '/webhooks', method: 'POST', key: 'read-only' }, 'Read/Write'],
		['a user who may not manage them', { match: '/webhooks', key: 'demoted' }, 'Shop manager'],
		['a route that a shield closes', { match: '/webhooks', status: 403, form: 'html' }, ''],
		['a route that fails', { match: '/webhooks', status: 500 }, ''],
		[
			'a bot protection on their creation alone',
			{ match: '/webhooks/batch', challenge: 'siteground' },
			'SiteGround’s bot protection answers instead of the shop',
		],
	])('%s: webhooks-degraded, and everything else goes on', async (_name, faults, words) => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		await world.setWebhookStatus('disabled')
		world.store.setFaults(faults)
		const silent = liveIds(world, 'orders')[0]!
		await world.advance(HOUR_MS)
		expect(health(world)).toMatchObject({ state: 'webhooks-degraded', reason: expect.stringContaining(words) })
		if ('challenge' in faults)
			expect(health(world).action).toBe('Ask the host to allow the path /wp-json/wc/ for the user agent Shopbell/….')
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		world.store.act({ do: 'edit-silently', resource: 'orders', id: silent })
		getResourceState(world, 'orders').rereadAsked = true
		await world.advance(11 * MINUTE_MS)
		expect(arrivalsSince(world).sort()).toEqual([
			`UPDATED orders ${silent}`,
			`UPDATED products ${liveIds(world, 'products')[0]}`,
		])
		world.store.setFaults({})
		await world.advance(HOUR_MS + 5 * MINUTE_MS)
		expect(health(world).state).toBe('healthy')
		expect(statuses(world)).toEqual(['active'])
		await expectCleanJudgement(world)
	})

	test('do not keep a new instance from learning its store', async () => {
		const world = await World.create({ webhooks: { reconcileMs: HOUR_MS }, config: { vendorType: 'webhook' } })
		world.store.setFaults({ match: '/webhooks', status: 500 })
		await world.advance(10 * MINUTE_MS)
		expect(world.engine.getCore()!.state.resources.map((rs) => rs.baselineDoneMs !== null)).toEqual([
			true,
			true,
			true,
			true,
		])
		expect(health(world).state).toBe('webhooks-degraded')
	})
})

describe('recovered', () => {
	test('a change that a poll saw and no webhook reported within fifteen minutes wakes the watchdog at once', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		await world.advance(HOUR_MS)
		const checked = getWebhookState(world).checkedMs!
		await world.setWebhookStatus('disabled')
		world.store.act({ do: 'edit', resource: 'orders', id: liveIds(world, 'orders')[0]! })
		await world.advance(6 * MINUTE_MS)
		expect(recordedEvents(world)).toEqual([`UPDATED orders ${liveIds(world, 'orders')[0]} poll`])
		expect(statuses(world)).toEqual(['disabled'])
		await world.advance(16 * MINUTE_MS)
		expect(getWebhookState(world).checkedMs! - checked).toBeLessThan(HOUR_MS)
		expect(statuses(world)).toEqual(['active'])
		expect(repairs(world)).toContain('polling found a change that no webhook reported')
		await expectCleanJudgement(world)
	})

	test('one whose webhook came late, but in time, does not', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		world.store.setWebhooks({ delaySeconds: 600 })
		world.store.act({ do: 'edit', resource: 'orders', id: liveIds(world, 'orders')[0]! })
		await world.advance(40 * MINUTE_MS)
		expect(recordedEvents(world)).toEqual([`UPDATED orders ${liveIds(world, 'orders')[0]} poll`])
		expect(repairs(world)).not.toContain('polling found a change that no webhook reported')
	})
})

describe('how often is polled', () => {
	const polls = (world: World, from: number): number => world.polls.filter(({ startMs }) => startMs >= from).length

	test('webhook: at the reconcile interval', async () => {
		const world = await worldWithWebhooks({ webhooks: { reconcileMs: 30 * MINUTE_MS }, pollIntervalMs: MINUTE_MS })
		await world.advance(HOUR_MS)
		const from = world.nowMs
		await world.advance(3 * HOUR_MS)
		expect(polls(world, from)).toBeGreaterThanOrEqual(5)
		expect(polls(world, from)).toBeLessThanOrEqual(7)
	})

	test('hybrid: at its own', async () => {
		const world = await worldWithWebhooks({
			webhooks: { reconcileMs: 30 * MINUTE_MS },
			pollIntervalMs: 5 * MINUTE_MS,
			vendorType: 'hybrid',
		})
		const from = world.nowMs
		await world.advance(HOUR_MS)
		expect(polls(world, from)).toBeGreaterThanOrEqual(11)
		expect(polls(world, from)).toBeLessThanOrEqual(13)
	})

	test('reconcile off: never, and webhooks go on telling', async () => {
		const world = await worldWithWebhooks({ webhooks: { reconcileMs: 0 }, pollIntervalMs: MINUTE_MS })
		await world.advance(HOUR_MS)
		const from = world.nowMs
		const id = liveIds(world, 'orders')[0]!
		await world.advance(2 * DAY_MS)
		world.store.act({ do: 'edit', resource: 'orders', id })
		await world.advance(MINUTE_MS)
		expect(polls(world, from)).toBe(0)
		expect(recordedEvents(world)).toEqual([`UPDATED orders ${id} webhook`])
	})

	test('reconcile shortened counts from now', async () => {
		const world = await worldWithWebhooks()
		await world.configure({ hooks: { ...world.config.hooks!, reconcileMs: 5 * MINUTE_MS } })
		const from = world.nowMs
		await world.advance(11 * MINUTE_MS)
		expect(polls(world, from)).toBeGreaterThanOrEqual(2)
	})
})

test('rejections add up, and the newest five samples of a kilobyte stay', async () => {
	const world = await worldWithWebhooks({ resources: pollerResources('orders') })
	const core = world.engine.getCore()!
	expect(getRejections(core)).toEqual({ sinceMs: 0, counts: {}, samples: [] })
	const sample = (n: number) => ({
		atMs: n,
		reason: 'bad-signature',
		headers: `h${n}${'x'.repeat(2_000)}`,
		body: 'y'.repeat(2_000),
	})
	core.commit((tx) =>
		addRejections(tx, core, {
			sinceMs: 2_000,
			counts: { 'bad-signature': 3, 'bad-topic': 1 },
			samples: [1, 2, 3].map(sample),
		}),
	)
	core.commit((tx) =>
		addRejections(tx, core, {
			sinceMs: 1_000,
			counts: { 'bad-signature': 2, retired: 4 },
			samples: [4, 5, 6].map(sample),
		}),
	)
	world.evict()
	const all = getRejections(world.engine.getCore()!)
	expect(all).toMatchObject({ sinceMs: 1_000, counts: { 'bad-signature': 5, 'bad-topic': 1, retired: 4 } })
	expect(all.samples.map(({ atMs }) => atMs)).toEqual([4, 5, 6, 1, 2])
	expect(all.samples.every(({ headers, body }) => headers.length === 1_000 && body.length === 1_000)).toBe(true)
	expect(ownWebhookId(world, 'order.updated')).toBeGreaterThan(0)
})

/** Deliveries that are counted or refused: disabled instances, topics and versions that do not count, bodies that say nothing, replays. */
import { describe, expect, test } from 'vitest'
import { receiveWebhook } from '../../../../src/watcher/webhooks/receive.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import {
	worldWithHeldDeliveries,
	getWebhookState,
	ownWebhookId,
	getStoreRecord,
	sendDelivery,
	getWebhooksReport,
} from '../../../support/webhook-stories.ts'
import { expectCleanJudgement, HOUR_MS, MINUTE_MS, arrivalsSince } from '../../../support/stories.ts'

describe('what is counted and refused', () => {
	test('a disabled instance answers, counts, and takes nothing', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		await world.configure({ enabled: false })
		world.store.act({ do: 'edit', resource: 'orders', id })
		expect(await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))).toBe(200)
		await world.advance(HOUR_MS)
		expect(arrivalsSince(world)).toEqual([])
		expect(getWebhooksReport(world).deliveries).toEqual({ taken: 0, disabled: 1, unknownTopic: 0 })
		await world.configure({ enabled: true })
		await world.advance(MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`UPDATED orders ${id}`])
		await expectCleanJudgement(world)
	})

	test('what is counted survives the loss of memory', async () => {
		const { world } = await worldWithHeldDeliveries()
		await world.configure({ enabled: false })
		await sendDelivery(world, 'order.updated', { id: 1 })
		world.evict()
		expect(getWebhooksReport(world).deliveries.disabled).toBe(1)
	})

	test('an unknown topic is counted', async () => {
		const { world } = await worldWithHeldDeliveries()
		expect(await sendDelivery(world, 'action.woocommerce_added', { action: 'x', arg: 1 })).toBe(200)
		expect(world.receivedWebhooks.at(-1)).toMatchObject({ answer: 'unknown-topic' })
		expect(getWebhooksReport(world).deliveries.unknownTopic).toBe(1)
		expect(buildHealth(world.engine.getCore()!).state).toBe('healthy')
	})

	test('a version is refused once it is retired, the one before it is accepted for its grace', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		await world.configure({
			hooks: { ...world.config.hooks!, version: 2, previousUntilMs: world.nowMs + 24 * HOUR_MS },
		})
		await world.advance(MINUTE_MS)
		world.store.act({ do: 'edit', resource: 'orders', id })
		expect(await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id), { version: 1 })).toBe(200)
		expect(await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id), { version: 2 })).toBe(200)
		await world.advance(24 * HOUR_MS)
		expect(await sendDelivery(world, 'order.updated', { id }, { version: 1 })).toBe(401)
		expect(await sendDelivery(world, 'order.updated', { id }, { version: 3 })).toBe(401)
		expect(await sendDelivery(world, 'order.updated', { id }, { version: 2 })).toBe(200)
		await world.configure({
			hooks: { ...world.config.hooks!, version: 3, previousUntilMs: world.nowMs + 24 * HOUR_MS },
		})
		expect(await sendDelivery(world, 'order.updated', { id }, { version: 1 })).toBe(401)
		expect(await sendDelivery(world, 'order.updated', { id }, { version: 2 })).toBe(200)
	})

	test('an instance without webhooks accepts none', async () => {
		const { world } = await worldWithHeldDeliveries()
		const { version } = world.config.hooks!
		const delivery = {
			topic: 'order.updated',
			version,
			webhookId: String(ownWebhookId(world, 'order.updated')),
			deliveryId: '',
			source: '',
			receivedMs: world.nowMs,
			body: '{"id":1}',
			objectId: null,
		}
		await world.configure({ hooks: null, vendorType: 'polling' })
		expect(receiveWebhook(world.engine.getCore()!, delivery)).toBe('retired')
	})

	test.each(['', '[]', '{"id":', '{"id":null}', '{"id":{"a":1}}', '{"id":-3.5}', `{"id":"${'9'.repeat(400)}"}`, '{}'])(
		'a body that says nothing is taken and changes nothing: %s',
		async (body) => {
			const { world } = await worldWithHeldDeliveries()
			expect(await sendDelivery(world, 'order.updated', body)).toBe(200)
			await world.advance(30_000)
			expect(arrivalsSince(world)).toEqual([])
		},
	)

	test('a replay under another topic or instance is refused', async () => {
		const { world, id } = await worldWithHeldDeliveries()
		await sendDelivery(world, 'order.updated', getStoreRecord(world, 'orders', id))
		const { taken } = getWebhookState(world).counts
		expect(await world.replayWebhook('topic')).toBe(401)
		expect(await world.replayWebhook('instance')).toBe(401)
		expect(getWebhookState(world).counts.taken).toBe(taken)
		expect(await world.replayWebhook('same')).toBe(200)
	})
})

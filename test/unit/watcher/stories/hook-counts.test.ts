/** Deliveries that are counted or refused: disabled instances, topics and versions that do not count, bodies that say nothing, replays. */
import { describe, expect, test } from 'vitest'
import { takeDelivery } from '../../../../src/watcher/webhooks/receive.ts'
import { healthOf } from '../../../../src/watcher/queries/reports.ts'
import { byHand, hooksState, ourHook, recordOf, send, shown } from './hooked.ts'
import { endsWell, HOUR, MINUTE, told } from './tell.ts'

describe('what is counted and refused', () => {
	test('a disabled instance answers, counts, and takes nothing', async () => {
		const { world, id } = await byHand()
		await world.configure({ enabled: false })
		world.store.act({ do: 'edit', resource: 'orders', id })
		expect(await send(world, 'order.updated', recordOf(world, 'orders', id))).toBe(200)
		await world.advance(HOUR)
		expect(told(world)).toEqual([])
		expect(shown(world).deliveries).toEqual({ taken: 0, disabled: 1, unknownTopic: 0 })
		await world.configure({ enabled: true })
		await world.advance(MINUTE)
		expect(told(world)).toEqual([`UPDATED orders ${id}`])
		await endsWell(world)
	})

	test('what is counted survives the loss of memory', async () => {
		const { world } = await byHand()
		await world.configure({ enabled: false })
		await send(world, 'order.updated', { id: 1 })
		world.evict()
		expect(shown(world).deliveries.disabled).toBe(1)
	})

	test('a topic that nobody knows is counted', async () => {
		const { world } = await byHand()
		expect(await send(world, 'action.woocommerce_added', { action: 'x', arg: 1 })).toBe(200)
		expect(world.received.at(-1)).toMatchObject({ answer: 'unknown-topic' })
		expect(shown(world).deliveries.unknownTopic).toBe(1)
		expect(healthOf(world.engine.core()!).state).toBe('healthy')
	})

	test('a version is refused once it is retired, the one before it is accepted for its grace', async () => {
		const { world, id } = await byHand()
		await world.configure({ hooks: { ...world.config.hooks!, version: 2, previousUntilMs: world.nowMs + 24 * HOUR } })
		await world.advance(MINUTE)
		world.store.act({ do: 'edit', resource: 'orders', id })
		expect(await send(world, 'order.updated', recordOf(world, 'orders', id), { version: 1 })).toBe(200)
		expect(await send(world, 'order.updated', recordOf(world, 'orders', id), { version: 2 })).toBe(200)
		await world.advance(24 * HOUR)
		expect(await send(world, 'order.updated', { id }, { version: 1 })).toBe(401)
		expect(await send(world, 'order.updated', { id }, { version: 3 })).toBe(401)
		expect(await send(world, 'order.updated', { id }, { version: 2 })).toBe(200)
		await world.configure({ hooks: { ...world.config.hooks!, version: 3, previousUntilMs: world.nowMs + 24 * HOUR } })
		expect(await send(world, 'order.updated', { id }, { version: 1 })).toBe(401)
		expect(await send(world, 'order.updated', { id }, { version: 2 })).toBe(200)
	})

	test('an instance without webhooks accepts none', async () => {
		const { world } = await byHand()
		const { version } = world.config.hooks!
		const delivery = {
			topic: 'order.updated',
			version,
			webhookId: String(ourHook(world, 'order.updated')),
			deliveryId: '',
			source: '',
			receivedMs: world.nowMs,
			body: '{"id":1}',
			objectId: null,
		}
		await world.configure({ hooks: null, vendorType: 'polling' })
		expect(takeDelivery(world.engine.core()!, delivery)).toBe('retired')
	})

	test.each(['', '[]', '{"id":', '{"id":null}', '{"id":{"a":1}}', '{"id":-3.5}', `{"id":"${'9'.repeat(400)}"}`, '{}'])(
		'a body that says nothing is taken and changes nothing: %s',
		async (body) => {
			const { world } = await byHand()
			expect(await send(world, 'order.updated', body)).toBe(200)
			await world.advance(30_000)
			expect(told(world)).toEqual([])
		},
	)

	test('a replay under another topic or instance is refused', async () => {
		const { world, id } = await byHand()
		await send(world, 'order.updated', recordOf(world, 'orders', id))
		const { taken } = hooksState(world).counts
		expect(await world.replay('topic')).toBe(401)
		expect(await world.replay('instance')).toBe(401)
		expect(hooksState(world).counts.taken).toBe(taken)
		expect(await world.replay('same')).toBe(200)
	})
})

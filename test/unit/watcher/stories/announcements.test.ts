/** What the operator's webhook is told: with what it is about, once, whatever is cut off, and nothing where nobody listens. */
import { expect, test } from 'vitest'
import { releaseOf } from '../../../../src/watcher/queries/deliveries.ts'
import type { World } from '../../../support/world.ts'
import { DAY, four, HOUR, ids, learned, MINUTE } from './tell.ts'
import { DEFAULT_DELIVERY } from '../../../../src/rpc/config.ts'

const quietly = { resources: four('products'), pollIntervalMs: 365 * DAY }
const listening = { ...quietly, config: { announces: true, delivery: { ...DEFAULT_DELIVERY, schedule: [30] } } }
const topics = (world: World): string[] => world.notices.map((one) => one.topic)

async function edit(world: World, name: string): Promise<void> {
	const core = world.engine.core()!
	world.store.act({ do: 'edit', resource: 'products', id: ids(world, 'products')[0]!, set: { name } })
	core.state.nextPollMs = world.nowMs
	world.engine.arm(core)
	await world.advance(5_000)
}

test('every change of state, a deactivation and what a release mends, numbered in order', async () => {
	const world = await learned(listening)
	world.answer = () => 404
	await edit(world, 'One')
	await world.advance(HOUR)
	world.answer = () => 204
	releaseOf(world.engine.core()!, {})
	await world.engine.ringDue(world.engine.core()!)
	world.engine.arm(world.engine.core()!)
	await world.advance(HOUR)
	await edit(world, 'Two')
	expect(topics(world)).toEqual([
		'instance.healthy',
		'instance.callback-failing',
		'subscription.deactivated',
		'instance.deactivated',
		'instance.healthy',
	])
	expect(world.notices.map((one) => one.number)).toEqual([1, 2, 3, 4, 5])
	const body = JSON.parse(world.notices[2]!.body) as Record<string, unknown>
	expect(body).toMatchObject({ instanceId: 7, instanceName: 'Riverside', subscriptionId: 1, message: expect.stringContaining('404') })
})

test('an object that cannot be reached is told later; what was told twice has the number it had', async () => {
	const world = await learned(quietly)
	await world.configure({ announces: true, delivery: { ...DEFAULT_DELIVERY, failurePolicy: 'queue' } })
	world.publishFails = true
	world.answer = () => 404
	await edit(world, 'One')
	await world.advance(10 * MINUTE)
	expect(world.notices).toEqual([])
	world.evict()
	world.publishFails = false
	await world.advance(5 * MINUTE)
	expect(topics(world)).toContain('notification.dead')
	const numbers = world.notices.map((one) => one.number)
	expect(numbers).toEqual([...new Set(numbers)])
	expect(world.engine.core()!.ports.sql.all('SELECT * FROM announcements')).toEqual([])
})

test('nothing is written where nobody listens', async () => {
	const world = await learned(quietly)
	world.answer = () => 410
	await edit(world, 'One')
	await world.advance(DAY)
	expect(world.engine.core()!.state.announcement).toBe(0)
	expect(world.notices).toEqual([])
})

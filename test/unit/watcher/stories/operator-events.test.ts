/** What the operator's webhook is told: with what it is about, once, whatever is cut off, and nothing where nobody listens. */
import { expect, test } from 'vitest'
import { releaseSubscriptions } from '../../../../src/watcher/outbox/commands.ts'
import type { World } from '../../../support/world.ts'
import { DAY_MS, pollerResources, HOUR_MS, liveIds, worldAfterBaseline, MINUTE_MS } from '../../../support/stories.ts'
import { DEFAULT_DELIVERY } from '../../../../src/rpc/config.ts'

const quietly = { resources: pollerResources('products'), pollIntervalMs: 365 * DAY_MS }
const listening = { ...quietly, config: { announces: true, delivery: { ...DEFAULT_DELIVERY, schedule: [30] } } }
const topics = (world: World): string[] => world.notices.map((one) => one.topic)

async function edit(world: World, name: string): Promise<void> {
	const core = world.engine.getCore()!
	world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]!, set: { name } })
	core.state.nextPollMs = world.nowMs
	world.engine.updateAlarm(core)
	await world.advance(5_000)
}

test('every change of state, a deactivation and what a release fixes, numbered in order', async () => {
	const world = await worldAfterBaseline(listening)
	world.answer = () => 404
	await edit(world, 'One')
	await world.advance(HOUR_MS)
	world.answer = () => 204
	releaseSubscriptions(world.engine.getCore()!, {})
	await world.engine.sendDueDoorbell(world.engine.getCore()!)
	world.engine.updateAlarm(world.engine.getCore()!)
	await world.advance(HOUR_MS)
	await edit(world, 'Two')
	expect(topics(world)).toEqual([
		'instance.healthy',
		'instance.callback-failing',
		'subscription.deactivated',
		'instance.deactivated',
		'instance.healthy',
	])
	const first = world.notices[0]!.number!
	expect(world.notices.map((one) => one.number! - first)).toEqual([0, 1, 2, 3, 4])
	const body = JSON.parse(world.notices[2]!.body) as Record<string, unknown>
	expect(body).toMatchObject({
		instanceId: 7,
		instanceName: 'Riverside',
		subscriptionId: 1,
		message: expect.stringContaining('404'),
	})
})

test('an object that cannot be reached gets its event later; what was sent twice has the number it had', async () => {
	const world = await worldAfterBaseline(quietly)
	await world.configure({ announces: true, delivery: { ...DEFAULT_DELIVERY, failurePolicy: 'queue' } })
	world.publishFails = true
	world.answer = () => 404
	await edit(world, 'One')
	await world.advance(10 * MINUTE_MS)
	expect(world.notices).toEqual([])
	world.evict()
	world.publishFails = false
	await world.advance(5 * MINUTE_MS)
	expect(topics(world)).toContain('notification.dead')
	const numbers = world.notices.map((one) => one.number)
	expect(numbers).toEqual([...new Set(numbers)])
	expect(world.engine.getCore()!.ports.sql.all('SELECT * FROM announcements')).toEqual([])
})

test('nothing is written where there is no subscriber', async () => {
	const world = await worldAfterBaseline(quietly)
	const { announcement } = world.engine.getCore()!.state
	world.answer = () => 410
	await edit(world, 'One')
	await world.advance(DAY_MS)
	expect(world.engine.getCore()!.state.announcement).toBe(announcement)
	expect(world.notices).toEqual([])
})

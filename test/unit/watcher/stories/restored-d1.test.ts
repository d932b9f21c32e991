/** What an object does after D1 was restored: its row is gone, or its id is another one's. */
import { expect, test } from 'vitest'
import { decideWithoutRow, RESTORABLE_MS } from '../../../../src/watcher/config-transition.ts'
import { arrivalsSince, DAY_MS, HOUR_MS, MINUTE_MS, worldAfterBaseline } from '../../../support/stories.ts'
import type { World } from '../../../support/world.ts'

/** Everything that the object stores. */
const tables = (world: World) =>
	world.sql.all(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)

test('a row that is another one’s destroys at once, one that is gone after as long as D1 can be restored', () => {
	expect(decideWithoutRow('replaced', undefined, 0)).toBe('destroy')
	expect(decideWithoutRow('missing', undefined, 5)).toBe('pause')
	expect(decideWithoutRow('missing', 5, 4 + RESTORABLE_MS)).toBe('pause')
	expect(decideWithoutRow('missing', 5, 5 + RESTORABLE_MS)).toBe('destroy')
})

test('an object whose id is another one’s is empty within one poll, and asks the store nothing', async () => {
	const world = await worldAfterBaseline()
	world.ownRow = 'replaced'
	world.store.act({ do: 'edit', resource: 'products' })
	const { requests } = world.store
	await world.advance(world.config.pollIntervalMs)
	expect(world.store.requests).toBe(requests)
	expect([tables(world), world.alarmMs, arrivalsSince(world)]).toEqual([[], null, []])
	expect(await world.engine.withCore(() => 'here' as const)).toBe('unknown')
	await world.advance(DAY_MS)
	expect([tables(world), world.alarmMs, world.store.requests]).toEqual([[], null, requests])
})

test('a slice between two polls finds it out within a minute', async () => {
	const world = await worldAfterBaseline({ pollIntervalMs: 15 * MINUTE_MS })
	world.ownRow = 'replaced'
	world.nowMs += 61_000
	expect(world.engine.getCore()!.state.nextPollMs).toBeGreaterThan(world.nowMs)
	await world.alarm()
	expect([tables(world), world.alarmMs]).toEqual([[], null])
})

test('a claim that finds it out gets nothing', async () => {
	const world = await worldAfterBaseline()
	world.ownRow = 'replaced'
	world.nowMs += 61_000
	expect(await world.engine.claim(6)).toBe('unknown')
	expect(tables(world)).toEqual([])
	expect(await world.engine.settle(1, 1, { delivered: true } as never, true)).toBe('unknown')
})

test('work that is under way when the object is destroyed stores nothing and sets no alarm', async () => {
	const world = await worldAfterBaseline()
	const core = world.engine.getCore()!
	await world.engine.destroy()
	world.engine.updateAlarm(core)
	await world.engine.sendDueDoorbell(core)
	expect(await world.engine.refreshStaleConfig(core)).toBe(false)
	expect([tables(world), world.alarmMs, world.doorbells]).toEqual([[], null, []])
})

test('an object without a row does nothing, comes back with it, and is empty after 30 days', async () => {
	const world = await worldAfterBaseline()
	world.ownRow = 'missing'
	await world.advance(2 * HOUR_MS)
	const { requests } = world.store
	await world.advance(29 * DAY_MS)
	expect(world.store.requests).toBe(requests)
	expect(world.engine.getCore()!.state).toMatchObject({ paused: true, missingSinceMs: expect.any(Number) })
	// A restore that was undone loses nothing.
	world.ownRow = 'present'
	world.store.act({ do: 'edit', resource: 'products' })
	await world.advance(2 * HOUR_MS)
	expect(world.engine.getCore()!.state).not.toHaveProperty('missingSinceMs')
	expect(arrivalsSince(world)).toHaveLength(1)

	world.ownRow = 'missing'
	await world.advance(31 * DAY_MS)
	expect([tables(world), world.alarmMs]).toEqual([[], null])
})

test('a disabled instance without a row is empty after 30 days too', async () => {
	const world = await worldAfterBaseline()
	await world.configure({ enabled: false })
	world.ownRow = 'missing'
	await world.advance(32 * DAY_MS)
	expect([tables(world), world.alarmMs]).toEqual([[], null])
})

test('D1 that cannot be reached destroys nothing', async () => {
	const world = await worldAfterBaseline()
	world.d1Fails = true
	world.ownRow = 'replaced'
	await world.advance(5 * MINUTE_MS)
	expect(tables(world)).not.toEqual([])
})

/** Faults of a store that end: how soon Shopbell notices, what people can do to hurry it, and what health says meanwhile. */
import { describe, expect, test } from 'vitest'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { requestPoll } from '../../../../src/watcher/polling/commands.ts'
import { getHurriedRetryMs } from '../../../../src/watcher/source/backoff.ts'
import type { World } from '../../../support/world.ts'
import { HOUR_MS, MINUTE_MS, worldAfterBaseline } from '../../../support/stories.ts'

const health = (world: World): ReturnType<typeof buildHealth> => buildHealth(world.engine.getCore()!)

/** Polls now, as a person does. */
function pollNow(world: World): ReturnType<typeof requestPoll> {
	const core = world.engine.getCore()!
	const request = requestPoll(core, 'window')
	world.engine.updateAlarm(core)
	return request
}

/** A key that was refused for an hour and is valid again. */
async function worldWithRestoredKey(): Promise<World> {
	const world = await worldAfterBaseline({ pollIntervalMs: 15 * MINUTE_MS })
	world.store.setFaults({ key: 'revoked' })
	await world.advance(HOUR_MS)
	expect(health(world).state).toBe('needs-reauth')
	world.store.setFaults({})
	return world
}

describe('a back-off', () => {
	test('ends when a poll is requested §11.12', async () => {
		const world = await worldWithRestoredKey()
		expect(pollNow(world)).toMatchObject({ state: expect.stringMatching(/started|queued/) as string, notBefore: null })
		await world.advance(5_000)
		expect(health(world).state).toBe('healthy')
	})

	test('ends once a minute: the response says when the next request may end it §11.12', async () => {
		const world = await worldAfterBaseline({ pollIntervalMs: 15 * MINUTE_MS })
		world.store.setFaults({ key: 'revoked' })
		await world.advance(HOUR_MS)
		const { requests } = world.store
		const askedMs = world.nowMs
		expect(pollNow(world).notBefore).toBeNull()
		await world.advance(10_000)
		expect(world.store.requests).toBe(requests + 1)
		expect(pollNow(world)).toMatchObject({
			state: 'waiting',
			notBefore: new Date(askedMs + MINUTE_MS).toISOString(),
		})
		pollNow(world)
		await world.advance(45_000)
		expect(world.store.requests).toBe(requests + 1)
		await world.advance(10_000)
		expect(world.store.requests).toBe(requests + 2)
	})

	test('ends when the same credentials are sent again §11.12', async () => {
		const world = await worldWithRestoredKey()
		await world.configure({}, { retry: true })
		await world.advance(5_000)
		expect(health(world).state).toBe('healthy')
	})

	test('that ends by itself sooner than a request may end it is left alone', () => {
		const now = 1_000_000
		const hurried = (backoffUntilMs: number | null, hurriedMs: number | null): number | null =>
			getHurriedRetryMs({ backoffUntilMs, hurriedMs }, now)
		expect([
			hurried(null, null),
			hurried(now, null),
			hurried(now + 5, null),
			hurried(now + 5, now),
			hurried(now + 90_000, now - 20_000),
			hurried(now + 90_000, now - 60_000),
		]).toEqual([null, null, now, now + 5, now + 40_000, now])
	})
})

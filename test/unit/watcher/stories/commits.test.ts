/** A commit that fails leaves storage and memory as they were, also for jobs that hold on to parts of the state while they wait for the store. */
import { expect, test } from 'vitest'
import { newResourceState } from '../../../../src/watcher/core/resource-state.ts'
import type { World } from '../../../support/world.ts'
import {
	pollerResources,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	getResourceState,
	rewriteRecords,
	arrivalsSince,
} from '../../../support/stories.ts'

/** Some call's commit fails on its way. */
function failing(world: World, body: () => void = () => undefined): void {
	const core = world.engine.getCore()!
	expect(() =>
		core.commit(() => {
			body()
			throw new RangeError('no room')
		}),
	).toThrow('no room')
}

test('what a job holds stays part of the state, and has its stored values again', async () => {
	const world = await worldAfterBaseline()
	const core = world.engine.getCore()!
	core.commit(() => undefined)
	const { state } = core
	const { hooks, counters } = state
	const [first, second] = state.resources
	const stored = structuredClone(state)
	failing(world, () => {
		state.resources = [
			second!,
			newResourceState(
				99,
				core.element.parseResource('x', { url: '/orders' }, core.config.connection) as never,
				0,
				0,
				0,
				0,
			),
		]
		first!.listed += 7
		second!.noise = ['price']
		second!.reread = {
			position: { lastId: 1, n: 1, back: 0, total: 1, seen: 1 },
			startedMs: 0,
			sampled: true,
			missing: 0,
		}
		hooks.counts.taken++
		hooks.hintsOnly = [1]
		counters.created++
		;(state as unknown as Record<string, unknown>)['new'] = 1
	})
	expect(core.state).toBe(state)
	expect(state).toEqual(stored)
	expect([state.hooks, state.resources[0], state.resources[1]]).toEqual([hooks, first, second])
	expect(state.hooks).toBe(hooks)
	expect(state.resources[0]).toBe(first)
	expect(state.resources[1]).toBe(second)
})

test('a commit that fails while a page is on its way: what the page brings is counted', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('orders') })
	const fetch = world.store.fetch.bind(world.store)
	let failures = 0
	world.store.fetch = async (request) => {
		const response = await fetch(request)
		if (request.url.includes('orderby=modified') && failures++ === 0) failing(world)
		return response
	}
	const [made] = world.store.act({ do: 'create', resource: 'orders', set: {} })
	await world.advance(MINUTE_MS + 5_000)
	expect(failures).toBeGreaterThan(0)
	expect(arrivalsSince(world)).toEqual([`CREATED orders ${made!.id}`])
	expect(getResourceState(world, 'orders').listed).toBe(liveIds(world, 'orders').length)
	world.evict()
	expect(getResourceState(world, 'orders').listed).toBe(liveIds(world, 'orders').length)
})

test('field names that a failed commit was the first to meet are met again', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('orders') })
	rewriteRecords(world, (record) => ({ ...record, gift: true }))
	let failures = 0
	const { onCommit } = world.sql
	world.sql.onCommit = (when) => {
		onCommit(when)
		const names = world.sql.all<{ names: string }>('SELECT names FROM shapes').some((one) => one.names.includes('gift'))
		if (when === 'before-commit' && names && failures++ === 0) throw new RangeError('no room')
	}
	world.store.act({ do: 'create', resource: 'orders', set: {} })
	await world.advance(10 * MINUTE_MS)
	expect(failures).toBeGreaterThan(1)
	expect(world.sql.all(`SELECT id FROM objects WHERE shape NOT IN (SELECT id FROM shapes)`)).toEqual([])
})

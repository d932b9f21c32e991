/** Calls and settings that arrive at awkward moments: during a run, late, twice, after years without events, or not at all. */
import { expect, test } from 'vitest'
import { wantPoll } from '../../../../src/watcher/wishes.ts'
import { HOUR, ids, learned, MINUTE, told } from './tell.ts'

test('a poll that is asked for while one runs follows it, however long the interval', async () => {
	const world = await learned({ pollIntervalMs: 999_999 * MINUTE })
	const core = world.engine.core()!
	const before = core.state.lastRunId
	const fetch = world.store.fetch.bind(world.store)
	let asked = false
	world.store.fetch = (request) => {
		if (!asked) expect(wantPoll(core, 'window')).toMatchObject({ state: 'queued', run: String(before + 2) })
		asked = true
		return fetch(request)
	}
	wantPoll(core, 'window')
	world.engine.arm(core)
	await world.advance(10 * MINUTE)
	expect(core.state.lastRunId).toBe(before + 2)
})

test('a collection that was polled by dates alone is learned in silence when it gets an index; what changed on the way rings once', async () => {
	const indexed = (filterByUpdatedDate: boolean): object => ({
		configuration: { 'event.poller.configuration': JSON.stringify({ orders: { url: '/orders', filterByUpdatedDate } }) },
	})
	const world = await learned({ resources: { orders: { url: '/orders', filterByUpdatedDate: false } }, pollIntervalMs: 10 * MINUTE })
	const edit = async (nth: number, ring: string[]): Promise<void> => {
		const from = world.arrivals.length
		world.store.act({ do: 'edit', resource: 'orders', id: ids(world, 'orders')[nth]!, set: { status: 'completed' } })
		world.nowMs += 5_000
		await world.configure(indexed(nth % 2 === 0))
		await world.advance(HOUR)
		expect(told(world, from)).toEqual(ring)
	}
	await edit(2, [`UPDATED orders ${ids(world, 'orders')[2]}`])
	await edit(3, [`UPDATED orders ${ids(world, 'orders')[3]}`])
	await edit(4, [`UPDATED orders ${ids(world, 'orders')[4]}`])
})

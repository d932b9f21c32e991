/** The documented schedules are what a lone notification lives through, day by day; what a receiver asks for is honoured within bounds. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseRetrySchedule } from '../../../../src/delivery/schedule.ts'
import { getSubscriptionReports } from '../../../../src/watcher/queries/deliveries.ts'
import type { World } from '../../../support/world.ts'
import { DAY_MS, pollerResources, liveIds, worldAfterBaseline } from '../../../support/stories.ts'
import { DEFAULT_DELIVERY, type RetrySchedule } from '../../../../src/rpc/config.ts'

const quietly = { resources: pollerResources('products'), pollIntervalMs: 365 * DAY_MS }
const page = readFileSync(join(import.meta.dirname, '../../../../docs/delivery.md'), 'utf8')
const documented = [...page.matchAll(/^\| `([^`]+)` \| (\d+) \| ([\d, ]+) \|$/gm)].map(([, name, tries, seconds]) => ({
	name: name!,
	tries: Number(tries),
	seconds: seconds!.split(',').map(Number),
}))

/** Moments of all tries of a lone notification that always fails. */
async function lives(schedule: RetrySchedule, status: number): Promise<{ world: World; tries: number[] }> {
	const world = await worldAfterBaseline({ ...quietly, config: { delivery: { ...DEFAULT_DELIVERY, schedule } } })
	const tries: number[] = []
	world.answer = () => (tries.push(world.nowMs), status)
	world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]!, set: { name: 'One' } })
	const core = world.engine.getCore()!
	core.state.nextPollMs = world.nowMs
	world.engine.updateAlarm(core)
	await world.advance(6 * DAY_MS)
	return { world, tries }
}

test('four schedules are documented', () => {
	expect(documented.map((one) => one.name)).toEqual(['standard', '8^n', '4^n', '10,100'])
})

// 404 says nothing of the callback as a whole; 500 opens its breaker, which must not change when a lone notification is tried.
test.each(documented.flatMap((one) => [404, 500].map((status) => ({ ...one, status }))))(
	'$name, every try answered $status: the tries that the page says, and then the subscription is deactivated',
	async ({ name, tries: count, seconds, status }) => {
		const { world, tries } = await lives(parseRetrySchedule(name)!, status)
		expect(tries).toHaveLength(count)
		const after = tries.slice(1).map((at) => (at - tries[0]!) / 1000)
		// Each try takes 20 ms, and an alarm is never early: a second over all of them.
		for (const [index, at] of after.entries()) {
			expect(at).toBeGreaterThanOrEqual(seconds[index]!)
			expect(at).toBeLessThan(seconds[index]! + 1)
		}
		expect(getSubscriptionReports(world.engine.getCore()!)).toMatchObject([
			{ active: false, lastStatus: String(status) },
		])
	},
)

/** The log is in the order of time whatever the clock does: a host that is behind the one before stamps nothing earlier than what is there. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { publishNotices } from '../../../../src/watcher/outbox/notices.ts'
import { recordObservations } from '../../../../src/watcher/changes/recorder.ts'
import { getWatchedResources } from '../../../../src/watcher/source/resources.ts'
import { findLowerBound } from '../../../../src/watcher/log/lower-bound.ts'
import { getTally } from '../../../../src/watcher/queries/counts.ts'
import { enqueueTestEvent } from '../../../../src/watcher/outbox/test-event.ts'
import { loadState } from '../../../../src/watcher/core/state.ts'
import { MemorySql, type World } from '../../../support/world.ts'
import { pollerResources, HOUR_MS, worldAfterBaseline } from '../../../support/stories.ts'

type Step = { do: 'change' | 'test' | 'post' | 'deliver' | 'evict'; id: number; shiftMs: number }

const steps = fc.array(
	fc.record({
		do: fc.constantFrom<Step['do']>('change', 'change', 'change', 'test', 'post', 'deliver', 'evict'),
		id: fc.integer({ min: 1, max: 3 }),
		shiftMs: fc.integer({ min: -2 * HOUR_MS, max: HOUR_MS }),
	}),
	{ minLength: 5, maxLength: 25 },
)

let changes = 0

/** A webhook's snapshot of a product that has changed, in a store whose clock is right. */
function change(world: World, id: number): void {
	const core = world.engine.getCore()!
	const watched = getWatchedResources(core)[0]!
	const modifiedSec = 2_000_000_000 + ++changes
	const sighting = {
		id: 5_000 + id,
		modifiedSec,
		createdSec: 1_000,
		listModifiedSec: modifiedSec,
		state: 'live' as const,
		localOffsetSec: null,
		fields: [{ name: 'name', value: `"${changes}"` }],
		unreadableDates: { updated: null, created: null },
		record: { id: 5_000 + id, name: String(changes) },
	}
	core.commit((tx) =>
		recordObservations(tx, core, watched, [{ id: sighting.id, snapshot: sighting }], {
			source: 'webhook',
			via: 'hook',
			requestedAtMs: world.nowMs,
			storeNowMs: modifiedSec * 1000,
			listed: true,
			backfill: 'none',
		}),
	)
}

async function take(world: World, step: Step): Promise<void> {
	world.nowMs += step.shiftMs
	const core = world.engine.getCore()!
	if (step.do === 'change') change(world, step.id)
	else if (step.do === 'test') enqueueTestEvent(core)
	else if (step.do === 'post')
		publishNotices(core, [
			{ origin: 0, number: null, topic: 'stock.low', atMs: world.nowMs, severity: 'medium', body: '{}' },
		])
	else if (step.do === 'evict') world.evict()
	else {
		world.doorbells.push(world.config.instanceId)
		await world.deliver()
	}
}

test('events and notifications never go back in time, and are found by their time, wherever the clock jumps', async () => {
	await fc.assert(
		fc.asyncProperty(steps, async (some) => {
			const world = await worldAfterBaseline({
				resources: pollerResources('products'),
				webhooks: { reconcileMs: 365 * 24 * HOUR_MS },
				pollIntervalMs: 365 * 24 * HOUR_MS,
			})
			for (const step of some) await take(world, step)
			const core = world.engine.getCore()!
			const times = (query: string): { number: number; at: number }[] => world.sql.all(query)
			const logs = {
				events: times(`SELECT sequence AS number, recorded AS at FROM events ORDER BY sequence`),
				notifications: times(`SELECT id AS number, created AS at FROM notifications ORDER BY id`),
			}
			for (const [table, rows] of Object.entries(logs)) {
				expect(rows.map(({ at }) => at)).toEqual(rows.map(({ at }) => at).sort((a, b) => a - b))
				for (const { at } of rows)
					expect(findLowerBound(world.sql, table as 'events', at)).toBe(rows.find((row) => row.at === at)!.number)
			}
			// So every range has exactly what was recorded in it, and the counts by hour agree with the log.
			const [fromMs, endMs] = [logs.events[0]?.at ?? 0, logs.events.at(-1)?.at ?? 0]
			for (const { at } of logs.events)
				expect(
					getEventPage(core, { pageSize: 200, fromMs: at, toMs: at })
						.events.map(({ sequence }) => sequence)
						.reverse(),
				).toEqual(logs.events.filter((row) => row.at === at).map(({ number }) => number))
			const counted = getTally(core, { fromMs, toMs: endMs, unit: 'hour' })
			if (!counted.ok) throw new Error(counted.reason)
			expect(counted.buckets.reduce((sum, one) => sum + one.count, 0)).toBe(logs.events.length)
			if (logs.events.length > 0) expect(core.state.lastEventMs).toBe(endMs)
		}),
		{ numRuns: 25 },
	)
})

test('a state that an earlier version stored goes on from its last event', async () => {
	const world = await worldAfterBaseline({ resources: pollerResources('products'), pollIntervalMs: 365 * 24 * HOUR_MS })
	enqueueTestEvent(world.engine.getCore()!)
	const { stampedMs, ...earlier } = loadState(world.sql)
	const sql = new MemorySql()
	sql.run(`CREATE TABLE state (id INTEGER PRIMARY KEY, body TEXT NOT NULL)`)
	sql.run(`INSERT INTO state (id, body) VALUES (1, ?)`, JSON.stringify(earlier))
	expect(loadState(sql).stampedMs).toBe(stampedMs)
})

/** Coverage (docs/architecture.md, Webhooks): which changes webhooks told first, which polls saw first, which both did, which webhooks missed. */
import { describe, expect, test } from 'vitest'
import { getCoverageReport } from '../../../../src/watcher/queries/coverage.ts'
import type { CoverageReport } from '../../../../src/rpc/watcher.ts'
import type { World } from '../../../support/world.ts'
import { worldWithWebhooks } from '../../../support/webhook-stories.ts'
import { requestPoll } from '../../../../src/watcher/polling/commands.ts'
import { buildMetrics, buildPollerReport } from '../../../../src/watcher/queries/reports.ts'
import { HOUR_MS, liveIds, MINUTE_MS } from '../../../support/stories.ts'

const coverage = (world: World, fromMs = 0, toMs = world.nowMs + 1): CoverageReport => {
	const result = getCoverageReport(world.engine.getCore()!, fromMs, toMs)
	if (!result.ok) throw new Error(result.reason)
	return result.report
}
const counts = (world: World, fromMs = 0): number[] => {
	const { firstByWebhook, firstByPoll, confirmed, recovered } = coverage(world, fromMs)
	return [firstByWebhook, firstByPoll, confirmed, recovered]
}

describe('one change', () => {
	test('seen by a webhook, then by a poll too', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		await world.advance(10_000)
		expect(counts(world)).toEqual([1, 0, 0, 0])
		await world.advance(6 * MINUTE_MS)
		expect(counts(world)).toEqual([1, 0, 1, 0])
	})

	test('seen by a poll, then by a webhook too', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		world.store.setWebhooks({ delaySeconds: 600 })
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		await world.advance(6 * MINUTE_MS)
		expect(counts(world)).toEqual([0, 1, 0, 0])
		await world.advance(6 * MINUTE_MS)
		expect(counts(world)).toEqual([0, 1, 1, 0])
		await world.advance(HOUR_MS)
		expect(counts(world)).toEqual([0, 1, 1, 0])
	})

	test('seen by a poll alone is recovered after fifteen minutes', async () => {
		const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
		world.store.setWebhooks({ dropEvery: 1 })
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[0]! })
		await world.advance(14 * MINUTE_MS)
		expect(counts(world)).toEqual([0, 1, 0, 0])
		await world.advance(10 * MINUTE_MS)
		expect(counts(world)).toEqual([0, 1, 0, 1])
	})

	test('that a hint led to counts as seen by its webhook', async () => {
		const world = await worldWithWebhooks()
		world.store.act({ do: 'trash', resource: 'orders', id: liveIds(world, 'orders')[0]!, via: 'admin' })
		await world.advance(10_000)
		expect(counts(world)).toEqual([1, 0, 0, 0])
	})
})

test('a state that a poll saw confirms only the event of that state', async () => {
	const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
	const id = liveIds(world, 'products')[0]!
	for (let i = 0; i < 3; i++) {
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: `Name ${i}` } })
		await world.advance(5_000)
	}
	await world.advance(6 * MINUTE_MS)
	expect(counts(world)).toEqual([3, 0, 1, 0])
	const confirmed = world.sql.all<{ sequence: number }>(`SELECT sequence FROM events WHERE confirmed IS NOT NULL`)
	expect(confirmed).toEqual([{ sequence: world.engine.getCore()!.state.sequence }])
})

const NO_LAGS = { p50: null, p99: null, unknown: 0 }

test('only events of the asked time count, and no time is empty without numbers', async () => {
	const world = await worldWithWebhooks()
	expect(coverage(world)).toEqual({
		firstByWebhook: 0,
		firstByPoll: 0,
		confirmed: 0,
		recovered: 0,
		lag: { webhook: NO_LAGS, poll: NO_LAGS, recovered: NO_LAGS },
	})
	for (let i = 0; i < 4; i++) {
		world.store.act({ do: 'edit', resource: 'products', id: liveIds(world, 'products')[i]! })
		await world.advance(HOUR_MS / 4)
	}
	expect(counts(world)[0]).toBe(4)
	expect(counts(world, world.nowMs - HOUR_MS / 2 + 1)[0]).toBe(2)
	expect(coverage(world, 0, world.nowMs - HOUR_MS / 2 + 1).firstByWebhook).toBe(2)
	expect(counts(world, world.nowMs + HOUR_MS)).toEqual([0, 0, 0, 0])
})

test('median and ninety-ninth percentile of each way', async () => {
	const world = await worldWithWebhooks()
	const { sql } = world
	const { number } = world.engine.getCore()!.state.resources.find((rs) => rs.objectType === 'orders')!
	const columns = `sequence, tag, resource, object_type, object_id, object_sequence, type, date, recorded, source, flags`
	for (let i = 1; i <= 100; i++)
		for (const [offset, source, factor] of [
			[0, 'webhook', 1],
			[1, 'poll', 10],
		] as const)
			sql.run(
				`INSERT INTO events (${columns}) VALUES (?, 0, ?, 'orders', ?, 1, 'UPDATED', ?, ?, ?, '{}')`,
				1_000 + 2 * i + offset,
				number,
				i,
				world.nowMs - HOUR_MS - i * 1_000 * factor,
				world.nowMs - HOUR_MS,
				source,
			)
	// A stamp from the future has no lag below nothing.
	sql.run(`UPDATE events SET date = recorded + 5000 WHERE sequence = 1002`)
	expect(coverage(world)).toMatchObject({
		firstByWebhook: 100,
		firstByPoll: 100,
		recovered: 100,
		lag: {
			webhook: { p50: 50_000, p99: 99_000 },
			poll: { p50: 500_000, p99: 990_000 },
			recovered: { p50: 500_000, p99: 990_000 },
		},
	})
})

test('changes whose time is unknown are counted beside the percentiles §11.18', async () => {
	const world = await worldWithWebhooks({ vendorType: 'hybrid', pollIntervalMs: 5 * MINUTE_MS })
	const [edited, silent, gone] = liveIds(world, 'products')
	world.store.act({ do: 'edit', resource: 'products', id: edited! })
	await world.advance(6 * MINUTE_MS)
	const poller = () => buildPollerReport(world.engine.getCore()!).resources.find((one) => one.resource === 'products')!
	expect(poller()).toMatchObject({ lagSeconds: expect.any(Number) as number, unknownLags: 0 })
	world.store.act({ do: 'edit-silently', resource: 'products', id: silent! })
	world.store.act({ do: 'delete', resource: 'products', id: gone! })
	world.store.act({ do: 'back-date', resource: 'products', days: 200 })
	requestPoll(world.engine.getCore()!, 'reread')
	world.engine.updateAlarm(world.engine.getCore()!)
	await world.advance(30 * MINUTE_MS)
	const { lag, firstByPoll, firstByWebhook } = coverage(world)
	expect(firstByPoll + firstByWebhook).toBe(4)
	expect(lag.poll.unknown! + lag.webhook.unknown!).toBe(3)
	// None of them is taken for a lag of 200 days.
	expect(Math.max(lag.poll.p99 ?? 0, lag.webhook.p99 ?? 0)).toBeLessThan(10 * MINUTE_MS)
	expect(poller()).toMatchObject({ lagSeconds: null, unknownLags: 3 })
	expect(buildMetrics(world.engine.getCore()!)).toMatchObject({ unknownLags: 3 })
})

test('a call reads the events of its time and no others, and refuses more than 20 000', async () => {
	const world = await worldWithWebhooks()
	const core = world.engine.getCore()!
	const { number } = core.state.resources.find((rs) => rs.objectType === 'orders')!
	const since = world.nowMs
	world.sql.run(
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20001)
		INSERT INTO events (sequence, tag, resource, object_type, object_id, object_sequence, type, date, recorded, source, flags)
		SELECT i, 0, ?, 'orders', i, 1, 'UPDATED', ? + i, ? + i, 'webhook', '{}' FROM n`,
		number,
		since,
		since,
	)
	expect(getCoverageReport(core, 0, since + 30_000)).toEqual({ ok: false, reason: 'too-many' })
	// Its end is not counted, its beginning is.
	expect(coverage(world, since + 1, since + 20_001).firstByWebhook).toBe(20_000)
	expect(coverage(world, since + 20_001, since + 20_002).firstByWebhook).toBe(1)
	let rows = 0
	const { sql } = core.ports
	core.ports.sql = {
		...sql,
		run: () => expect.unreachable('reading writes nothing'),
		transaction: (body) => body(),
		all: (query, ...values) => {
			const found = sql.all(query, ...values)
			rows += found.length
			return found as never
		},
		each: () => expect.unreachable('every row is counted here'),
	}
	expect(coverage(world, since + 10, since + 20).firstByWebhook).toBe(10)
	expect(rows).toBeLessThan(10 + 2 * 20)
})

test('what has no webhook is not counted', async () => {
	const world = await worldWithWebhooks({
		vendorType: 'hybrid',
		resources: {
			categories: { url: '/hubs/ecommerce/products/categories', idField: 'id', datesConfiguration: {} },
			orders: { url: '/hubs/ecommerce/orders', idField: 'id', datesConfiguration: {} },
		},
	})
	world.store.act({ do: 'rename-category' })
	await world.advance(HOUR_MS)
	expect(world.arrivals.map((one) => one.objectType)).toContain('categories')
	expect(counts(world)).toEqual([0, 0, 0, 0])
})

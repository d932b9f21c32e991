/** Delivery that is cut off, late or alone: what follows when a consumer dies, an answer comes late, or one subscription of several is dead. */
import { describe, expect, test } from 'vitest'
import { getAttempts } from '../../../../src/watcher/log/attempts.ts'
import { getSubscriptionReports } from '../../../../src/watcher/queries/deliveries.ts'
import { releaseSubscriptions } from '../../../../src/watcher/outbox/commands.ts'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import { runReplay, getResends } from '../../../../src/watcher/outbox/replays.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import type { AttemptOutcome } from '../../../../src/rpc/delivery.ts'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	edit,
} from '../../../support/stories.ts'
import { DEFAULT_DELIVERY, type DeliveryConfig } from '../../../../src/rpc/config.ts'

const quietly = { resources: pollerResources('products'), pollIntervalMs: 365 * DAY_MS }
const coreOf = (world: World): NonNullable<ReturnType<World['engine']['getCore']>> => world.engine.getCore()!
const delivery = (change: Partial<DeliveryConfig>): { delivery: DeliveryConfig } => ({
	delivery: { ...DEFAULT_DELIVERY, ...change },
})
const names = (world: World): string[] => world.arrivals.map((one) => (one.record as { name?: string }).name ?? '')
const topics = (world: World): string[] =>
	world.notices.map((one) => one.topic).filter((topic) => !topic.startsWith('instance.'))

function ended(world: World, change: Partial<AttemptOutcome>): AttemptOutcome {
	return {
		delivered: false,
		status: null,
		error: null,
		retryAfterMs: null,
		durationMs: 1,
		startedMs: world.nowMs,
		body: '',
		directive: null,
		...change,
	}
}

describe('a consumer that dies', () => {
	test('each time, with one notification: it ends after the tries of its schedule, all of them unknown, and the others go on', async () => {
		const world = await worldAfterBaseline({
			...quietly,
			config: { ...delivery({ schedule: [1, 1, 1] }), announces: true },
		})
		const [bad, good] = liveIds(world, 'products')
		await edit(world, good!, 'Fine')
		world.crashAt = (point) => point === 'before-post' && coreOf(world).state.unsettled.includes(2)
		await edit(world, bad!, 'Deadly')
		await world.advance(10 * MINUTE_MS)
		expect(getAttempts(coreOf(world).ports.sql, 2)!.map(({ number, error }) => [number, error])).toEqual([
			[1, 'unknown'],
			[2, 'unknown'],
			[3, 'unknown'],
			[4, 'unknown'],
		])
		expect(world.crashes).toHaveLength(4)
		await world.advance(MINUTE_MS)
		// It says nothing of the callback, which is asked again.
		expect(topics(world)).toEqual(['notification.dead'])
		world.crashAt = () => false
		await edit(world, good!, 'Fine again')
		expect(names(world)).toEqual(['Fine', 'Fine again'])
	})

	test('right after it was sent to its callback again: the lease ends by itself', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		world.answer = () => 500
		await edit(world, id!, 'One')
		const core = coreOf(world)
		core.ports.sql.run('UPDATE subscriptions SET parked = ?', world.nowMs + HOUR_MS)
		core.ports.sql.run('UPDATE notifications SET due = ?', world.nowMs)
		core.notifications.invalidate()
		core.subscriptions.invalidate()
		world.engine.updateAlarm(core)
		const answer = await world.engine.claim(1, { subscription: 1, permits: 1, closed: false, only: null })
		expect(answer).toMatchObject({ claims: [{ attempt: expect.any(Number) }] })
		expect(world.alarmMs! - world.nowMs).toBeLessThanOrEqual(45_000)
	})
})

describe('an answer that comes late', () => {
	test('of an attempt from before a deactivation: what waited to be released is delivered, and sent no more', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ schedule: [] }) })
		const [id] = liveIds(world, 'products')
		world.losesDoorbell = () => true
		await edit(world, id!, 'One')
		await world.engine.claim(6)
		await world.engine.settle(1, 1, ended(world, { status: 410 }), false)
		releaseSubscriptions(coreOf(world), {})
		await world.engine.settle(1, 1, ended(world, { delivered: true, status: 204 }), false)
		expect(getResends(coreOf(world))).toMatchObject([{ kind: 'release', status: 'done', left: 0, failed: 0 }])
		world.losesDoorbell = () => false
		await world.engine.sendDueDoorbell(coreOf(world))
		world.engine.updateAlarm(coreOf(world))
		await world.advance(HOUR_MS)
		expect(world.arrivals).toEqual([])
	})

	test('of an address that is no longer asked says nothing of the one that is', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		world.losesDoorbell = () => true
		await edit(world, id!, 'One')
		await world.engine.claim(6)
		await world.configure({ callbackUrl: 'https://new.example.com/hook' })
		await world.engine.settle(1, 1, ended(world, { status: 500, url: 'https://callback.example.com/hook' }), false)
		expect(getSubscriptionReports(coreOf(world))).toMatchObject([
			{ url: 'https://new.example.com/hook', failingSinceMs: null, lastStatus: null },
		])
		expect(getAttempts(coreOf(world).ports.sql, 1)).toMatchObject([
			{ number: 1, status: 500, url: 'https://callback.example.com/hook' },
		])
		// Not even that it is gone.
		world.nowMs += MINUTE_MS
		await world.engine.claim(6)
		const gone = ended(world, { status: 410, directive: 'disable', url: 'https://callback.example.com/hook' })
		expect(await world.engine.settle(1, 2, gone, false)).toMatchObject({ retryAtMs: expect.any(Number) })
		expect(getSubscriptionReports(coreOf(world))).toMatchObject([{ active: true }])
	})
})

test('a dead subscription holds up neither the replay nor the new events of another one', async () => {
	const dead = { number: 2, url: 'https://dead.example.com/', topics: null }
	const world = await worldAfterBaseline({
		...quietly,
		store: { objects: { orders: 1, products: 650, coupons: 1, customers: 1 } },
		config: { ...delivery({ schedule: [], batch: 1 }), others: [dead] },
	})
	for (const id of liveIds(world, 'products'))
		world.store.act({ do: 'edit', resource: 'products', id, set: { name: `v1 of ${id}` } })
	await edit(world, liveIds(world, 'products')[0]!, 'v2')
	await world.advance(10 * MINUTE_MS)
	const before = world.arrivals.filter((one) => one.url !== dead.url).length
	expect(before).toBeGreaterThanOrEqual(650)
	runReplay(coreOf(world), { events: {} }, false)
	world.answer = ({ url }) => (url === dead.url ? 410 : 204)
	world.engine.updateAlarm(coreOf(world))
	await world.engine.sendDueDoorbell(coreOf(world))
	await world.advance(30 * MINUTE_MS)
	expect(world.arrivals.filter((one) => one.url !== dead.url)).toHaveLength(2 * before)
	await edit(world, liveIds(world, 'products')[5]!, 'v3')
	expect(names(world).filter((name) => name === 'v3')).toHaveLength(1)
})

test('webhook-delivery: disable deactivates once, and says why', async () => {
	const world = await worldAfterBaseline({ ...quietly, config: { announces: true } })
	const [id] = liveIds(world, 'products')
	world.losesDoorbell = () => true
	await edit(world, id!, 'One')
	await world.engine.claim(6)
	await world.engine.settle(1, 1, ended(world, { status: 500, directive: 'disable' }), false)
	await world.advance(MINUTE_MS)
	expect(topics(world)).toEqual(['subscription.deactivated'])
	expect(buildHealth(coreOf(world)).reason).toContain('webhook-delivery: disable')
})

test('what is put down while others are handed over is handed over too', async () => {
	const world = await worldAfterBaseline({
		...quietly,
		config: { ...delivery({ failurePolicy: 'queue' }), announces: true },
	})
	const [first, second] = liveIds(world, 'products')
	world.answer = () => 404
	let during = false
	const publish = world.notices.push.bind(world.notices)
	world.notices.push = (...more) => {
		if (!during) {
			during = true
			coreOf(world).commit(() => {
				const { state, ports } = coreOf(world)
				ports.sql.run(
					`INSERT INTO announcements (id, topic, at, body) VALUES (?, 'webhook.repaired', ?, '{}')`,
					++state.announcement,
					world.nowMs,
				)
				state.announceMs = world.nowMs
			})
		}
		return publish(...more)
	}
	await edit(world, first!, 'One')
	await edit(world, second!, 'Two')
	await world.advance(5 * MINUTE_MS)
	expect(topics(world)).toContain('webhook.repaired')
	expect(coreOf(world).ports.sql.all('SELECT * FROM announcements')).toEqual([])
})

test('an object is erased under the label that its resource had before, too', async () => {
	const world = await worldAfterBaseline(quietly)
	const [id] = liveIds(world, 'products')
	await edit(world, id!, 'Secret')
	await world.configure({
		configuration: { 'event.poller.configuration': JSON.stringify({ goods: pollerResources('products')['products'] }) },
	})
	await edit(world, id!, 'Secret too')
	expect(eraseObjectContent(coreOf(world), 'goods', String(id))).toBe(2)
	expect(JSON.stringify(coreOf(world).ports.sql.all('SELECT record FROM events'))).not.toContain('Secret')
})

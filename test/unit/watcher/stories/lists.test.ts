/** What an object says of its notifications: pages that are whole and bounded, replays that end, answers that quote nobody who was erased. */
import { expect, test } from 'vitest'
import { getAttempts } from '../../../../src/watcher/log/attempts.ts'
import { getNotificationPage, getSubscriptionReports } from '../../../../src/watcher/queries/deliveries.ts'
import { releaseSubscriptions } from '../../../../src/watcher/outbox/commands.ts'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import { runReplay, getResends } from '../../../../src/watcher/outbox/replays.ts'
import type { NotificationQuery, AttemptOutcome } from '../../../../src/rpc/delivery.ts'
import type { World } from '../../../support/world.ts'
import { DAY_MS, pollerResources, liveIds, worldAfterBaseline, MINUTE_MS, edit } from '../../../support/stories.ts'
import { DEFAULT_DELIVERY } from '../../../../src/rpc/config.ts'

const SECOND = { number: 41, url: 'https://callback.example.com/second', topics: null }
const coreOf = (world: World): NonNullable<ReturnType<World['engine']['getCore']>> => world.engine.getCore()!

/** A shop that polls when it is told to and tries once. */
const quiet = (): Promise<World> =>
	worldAfterBaseline({
		resources: pollerResources('products'),
		pollIntervalMs: 365 * DAY_MS,
		config: { delivery: { ...DEFAULT_DELIVERY, failurePolicy: 'queue', batch: 1 } },
	})

async function letGo(world: World): Promise<void> {
	await world.engine.sendDueDoorbell(coreOf(world))
	world.engine.updateAlarm(coreOf(world))
	await world.advance(MINUTE_MS)
}

/** All pages of a list, as counters. */
function pages(world: World, query: Omit<NotificationQuery, 'before'>): number[] {
	const seen: number[] = []
	let before: number | undefined
	for (;;) {
		const page = getNotificationPage(coreOf(world), { ...query, before })
		expect(page.notifications.length).toBeLessThanOrEqual(query.pageSize)
		expect(page.notifications.every((one) => one.body === null)).toBe(true)
		seen.push(...page.notifications.map((one) => one.id % 1e9))
		if (page.next === null) return seen
		before = page.next.number
	}
}

test('pages of any size hold the same notifications, by status, subscription and address', async () => {
	const world = await quiet()
	const products = liveIds(world, 'products')
	await world.configure({ others: [SECOND] })
	let status = 204
	world.answer = () => status
	for (const [index, id] of products.slice(0, 5).entries()) {
		status = index % 2 === 0 ? 204 : 404
		await edit(world, id, `Name ${index}`)
	}
	const all = pages(world, { pageSize: 100 })
	expect(all).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
	const of = (query: Omit<NotificationQuery, 'before' | 'pageSize'>): number[] => {
		const whole = pages(world, { ...query, pageSize: 100 })
		for (const pageSize of [1, 2, 3]) expect(pages(world, { ...query, pageSize })).toEqual(whole)
		return whole
	}
	expect(of({})).toEqual(all)
	const queued = of({ statuses: ['queued'] })
	expect(queued).toEqual([8, 7, 4, 3])
	expect(of({ statuses: ['delivered'] })).toEqual([10, 9, 6, 5, 2, 1])
	expect(of({ statuses: ['queued', 'delivered'] })).toEqual(all)
	expect(of({ statuses: ['waiting', 'claimed', 'retry'] })).toEqual([])
	const second = of({ subscriptions: [SECOND.number] })
	// The callback's is formed first each time.
	expect(second).toEqual([10, 8, 6, 4, 2])
	expect(of({ urls: [SECOND.url] })).toEqual(second)
	expect(of({ urls: [SECOND.url], statuses: ['queued'] })).toEqual([8, 4])
	expect(of({ urls: [SECOND.url], subscriptions: [1] })).toEqual([])
	expect(of({ subscriptions: [77], statuses: ['queued'] })).toEqual([])

	// Under way: read from the list of what is unsettled.
	world.answer = () => 500
	await world.configure({ delivery: { ...DEFAULT_DELIVERY, batch: 1 } })
	await edit(world, products[0]!, 'Again')
	expect(of({ statuses: ['retry'] })).toEqual([12, 11])
	expect(of({ statuses: ['retry', 'queued'] })).toEqual([12, 11, ...queued])

	// What a removed subscription was sent is still listed, and no longer under its number.
	await world.configure({ others: [] })
	expect(of({})).toHaveLength(12)
	expect(of({ subscriptions: [SECOND.number] })).toEqual([])
	expect(of({ statuses: ['dropped'] })).toHaveLength(3)
})

test('the few that are queued are found at once among many, a rarer status page by page', async () => {
	const world = await quiet()
	const core = coreOf(world)
	const [id] = liveIds(world, 'products')
	world.answer = () => 404
	await edit(world, id!, 'One')
	core.ports.sql.run(
		`WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO notifications (id, subscription, object_type, members, created, context, status, attempt, due, settled, updated)
		SELECT i, subscription, object_type, members, created, context, 'delivered', 1, 0, 5, 5 FROM notifications, n WHERE id = 1`,
	)
	expect(getNotificationPage(core, { pageSize: 10, statuses: ['queued'] })).toMatchObject({
		notifications: [{ status: 'queued' }],
		next: null,
	})
	// A status that no index knows is looked for page by page, and found.
	const first = getNotificationPage(core, { pageSize: 10, statuses: ['dropped'] })
	expect(first.notifications).toEqual([])
	expect(first.next).not.toBeNull()
	expect(pages(world, { pageSize: 10, statuses: ['dropped', 'queued'] })).toEqual([1])
})

test('a replay leaves out subscriptions that take nothing, and so ends', async () => {
	const world = await quiet()
	const [id] = liveIds(world, 'products')
	await world.configure({ others: [SECOND] })
	await edit(world, id!, 'One')
	await world.configure({ others: [] })
	expect(runReplay(coreOf(world), { events: { resources: ['products'] } }, true)).toMatchObject({
		report: { total: 1 },
	})
	expect(runReplay(coreOf(world), { events: { resources: ['products'] } }, false)).toMatchObject({
		report: {
			status: 'running',
			total: 1,
		},
	})
	await letGo(world)
	expect(getResends(coreOf(world))).toMatchObject([{ status: 'done', left: 0, failed: 0 }])

	await world.configure({ others: [SECOND] })
	world.answer = () => 410
	await edit(world, id!, 'Two')
	expect(getSubscriptionReports(coreOf(world))).toMatchObject([{ active: false }, { active: false }])
	world.answer = () => 204
	expect(releaseSubscriptions(coreOf(world), { subscription: SECOND.number })).toBe(1)
	await letGo(world)
	expect(getSubscriptionReports(coreOf(world))).toMatchObject([
		{ active: false, lastStatus: '410' },
		{ active: true, lastStatus: null },
	])
	expect(runReplay(coreOf(world), { failedSinceMs: 0 }, false)).toMatchObject({ report: { total: 0, status: 'done' } })
	const { notifications: queued } = getNotificationPage(coreOf(world), { pageSize: 9, statuses: ['queued'] })
	expect(queued).toHaveLength(1)
	for (const { id: one } of queued)
		expect(runReplay(coreOf(world), { notification: one % 1e9 }, true)).toMatchObject({ report: { total: 0 } })
})

test('the answer to an attempt that was under way while its object was erased is not kept', async () => {
	const world = await quiet()
	const [id, other] = liveIds(world, 'products')
	const outcome = (body: string): AttemptOutcome => ({
		delivered: true,
		status: 200,
		error: null,
		retryAfterMs: null,
		durationMs: 5,
		startedMs: world.nowMs,
		body,
		directive: null,
	})
	world.engine.ports.sendDoorbell = async () => undefined
	await edit(world, id!, 'Secret')
	await edit(world, other!, 'Public')
	const claimed = await world.engine.claim(6)
	if (claimed === 'unknown') throw new Error('unknown')
	expect(claimed.claims).toHaveLength(2)
	eraseObjectContent(coreOf(world), 'products', String(id))
	for (const claim of claimed.claims) {
		const { name } = JSON.parse(claim.body).message.raw.products[0] as { name: string }
		await world.engine.settle(claim.notificationId % 1e9, claim.attempt, outcome(`thank you for ${name}`), false)
	}
	const bodies = claimed.claims.map(
		(claim) => getAttempts(coreOf(world).ports.sql, claim.notificationId % 1e9)![0]!.body,
	)
	expect(bodies.sort((a, b) => a.length - b.length)).toEqual(['', 'thank you for Public'])
})

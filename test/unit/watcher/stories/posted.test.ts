/** Messages posted to an instance's topic, and notifications that are deleted. */
import { expect, test } from 'vitest'
import { deleteNotification } from '../../../../src/watcher/outbox/commands.ts'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import { postToInstance } from '../../../../src/watcher/outbox/notices.ts'
import { getNotificationPage, getNotificationReport } from '../../../../src/watcher/queries/deliveries.ts'
import { getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { getTally } from '../../../../src/watcher/queries/counts.ts'
import type { AttemptOutcome, Claim } from '../../../../src/rpc/delivery.ts'
import { DEFAULT_DELIVERY } from '../../../../src/rpc/config.ts'
import type { World } from '../../../support/world.ts'
import { DAY_MS, edit, liveIds, pollerResources, worldAfterBaseline } from '../../../support/stories.ts'

const OTHER = 'https://other.example.com/in'
const TOPIC = 'instance-7-woocommercerest-events'
const coreOf = (world: World): NonNullable<ReturnType<World['engine']['getCore']>> => world.engine.getCore()!
const post = (world: World, n: number) =>
	postToInstance(coreOf(world), {
		origin: 0,
		number: null,
		topic: TOPIC,
		atMs: world.nowMs,
		severity: 'high',
		body: `{"n":${n}}`,
	})
const open = () =>
	worldAfterBaseline({
		resources: pollerResources('products'),
		pollIntervalMs: 365 * DAY_MS,
		config: {
			others: [{ number: 9, url: OTHER, topics: null }],
			delivery: { ...DEFAULT_DELIVERY, failurePolicy: 'queue' },
		},
	})
const delivered: AttemptOutcome = {
	delivered: true,
	status: 200,
	error: null,
	retryAfterMs: null,
	durationMs: 1,
	startedMs: 1,
	body: '',
	directive: null,
}

test('§5.12 what is posted to an instance is one notification with a delivery for each subscription, and no change', async () => {
	const world = await open()
	const before = getEventPage(coreOf(world), { pageSize: 100 })
	const [posted] = post(world, 1)
	const counter = posted!.notificationId! % 1e9
	expect(getNotificationReport(coreOf(world), counter)).toMatchObject({
		status: 'waiting',
		notice: { severity: 'high' },
		body: expect.stringContaining(`"id":"${posted!.notificationId}"`),
		deliveries: [{ status: 'waiting' }, { status: 'waiting', subscription: 9 }],
	})
	const { claims } = (await world.engine.claim(10)) as { claims: Claim[] }
	expect(claims.map(({ shownId, notificationId }) => shownId ?? notificationId)).toEqual([
		posted!.notificationId,
		posted!.notificationId,
	])
	for (const { notificationId, url } of claims)
		await world.engine.settle(
			notificationId % 1e9,
			1,
			url === OTHER ? { ...delivered, delivered: false, status: 500 } : delivered,
			false,
		)
	expect(getNotificationReport(coreOf(world), counter)).toMatchObject({
		status: 'queued',
		attempts: 2,
		deliveries: [{ status: 'delivered' }, { status: 'queued' }],
	})
	expect(getNotificationReport(coreOf(world), counter + 1)).toBeNull()
	expect(getEventPage(coreOf(world), { pageSize: 100 })).toEqual(before)
	for (const unit of ['hour', 'minute'] as const)
		expect(getTally(coreOf(world), { fromMs: world.nowMs - 600_000, toMs: world.nowMs, unit })).toMatchObject({
			buckets: [],
		})
	expect(getNotificationPage(coreOf(world), { pageSize: 100, grouped: true }).notifications).toHaveLength(1)
	expect(getNotificationPage(coreOf(world), { pageSize: 100 }).notifications.map(({ id }) => id)).toEqual([
		posted!.notificationId,
		posted!.notificationId,
	])
})

test('while a hundred notifications of a subscription are unsettled, no more is taken', async () => {
	const world = await open()
	for (let n = 0; n < 100; n++) expect(post(world, n)).toHaveLength(1)
	const before = coreOf(world).state.notification
	expect(post(world, 100)).toEqual([])
	expect(coreOf(world).state.notification).toBe(before)
})

test('§5.10 a deleted notification is not shown, not sent again, and stays so when its attempt is reported late', async () => {
	const world = await open()
	const [id] = liveIds(world, 'products')
	world.answer = () => 500
	await edit(world, id!, 'One')
	const [first, second] = getNotificationPage(coreOf(world), { pageSize: 100 }).notifications.map(
		({ counter }) => counter!,
	)
	expect(getNotificationReport(coreOf(world), second!)!.status).toBe('queued')
	expect(deleteNotification(coreOf(world), second!)).toBe('deleted')
	expect(deleteNotification(coreOf(world), second!)).toBe('missing')
	await world.engine.settle(second!, 1, delivered, false)
	expect(getNotificationReport(coreOf(world), second!)).toBeNull()
	expect(getNotificationPage(coreOf(world), { pageSize: 100 }).notifications.map(({ counter }) => counter)).toEqual([
		first,
	])
	expect(getEventPage(coreOf(world), { pageSize: 1 }).events[0]!.notifications).toHaveLength(1)
	// One that is to be sent stays.
	const [posted] = post(world, 1)
	expect(deleteNotification(coreOf(world), posted!.notificationId! % 1e9)).toBe('unsettled')
})

test('§5.10 a notification that is deleted right after it was delivered still counts, also when the memory is lost', async () => {
	for (const lostBefore of [true, false]) {
		const world = await open()
		const [id] = liveIds(world, 'products')
		const from = world.nowMs
		const count = () => getTally(coreOf(world), { fromMs: from, toMs: world.nowMs, unit: 'hour' })
		await edit(world, id!, 'One')
		const before = count()
		for (const { counter } of getNotificationPage(coreOf(world), { pageSize: 100 }).notifications) {
			if (lostBefore) world.evict()
			expect(deleteNotification(coreOf(world), counter!)).toBe('deleted')
		}
		world.evict()
		expect(count()).toEqual(before)
		expect(before).toMatchObject({ buckets: [{ count: 1, success: 1 }] })
	}
})

test('erasing an object of no resource leaves what is posted', async () => {
	const world = await open()
	const [posted] = post(world, 1)
	expect(eraseObjectContent(coreOf(world), 'unknown', TOPIC)).toBe(0)
	expect(getNotificationReport(coreOf(world), posted!.notificationId! % 1e9)!.body).toContain('{"n":1}')
})

test('§5.12 what is posted to an instance without subscriptions is dropped, and can be deleted', async () => {
	const world = await worldAfterBaseline({
		resources: pollerResources('products'),
		pollIntervalMs: 365 * DAY_MS,
		config: { callbackUrl: null },
	})
	const [posted] = post(world, 1)
	const counter = posted!.notificationId! % 1e9
	expect(getNotificationReport(coreOf(world), counter)).toMatchObject({ status: 'dropped', nextTryMs: null })
	expect(deleteNotification(coreOf(world), counter)).toBe('deleted')
	expect(getNotificationReport(coreOf(world), counter)).toBeNull()
})

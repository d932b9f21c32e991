/** What is sent where, and again: policies, releases, replays, further subscriptions, filters, coalescing, erasing, test events. */
import { describe, expect, test } from 'vitest'
import { parseWhere } from '../../../../src/elements/where.ts'
import { NO_FILTER, type SendFilter } from '../../../../src/events/filter.ts'
import { LIMITS } from '../../../../src/lib/limits.ts'
import { getAttempts } from '../../../../src/watcher/log/attempts.ts'
import {
	getNotificationReport,
	getNotificationPage,
	getSubscriptionReports,
} from '../../../../src/watcher/queries/deliveries.ts'
import { releaseSubscriptions } from '../../../../src/watcher/outbox/commands.ts'
import { eraseObjectContent } from '../../../../src/watcher/log/erasure.ts'
import { cancelResend, runReplay, getResends } from '../../../../src/watcher/outbox/replays.ts'
import { getEventPage } from '../../../../src/watcher/queries/log-pages.ts'
import { buildHealth } from '../../../../src/watcher/queries/reports.ts'
import { enqueueTestEvent } from '../../../../src/watcher/outbox/test-event.ts'
import type { World } from '../../../support/world.ts'
import {
	DAY_MS,
	expectCleanJudgement,
	pollerResources,
	HOUR_MS,
	liveIds,
	worldAfterBaseline,
	MINUTE_MS,
	arrivalsSince,
	poll,
	edit,
} from '../../../support/stories.ts'
import { DEFAULT_DELIVERY, type DeliveryConfig } from '../../../../src/rpc/config.ts'

const quietly = { resources: pollerResources('products'), pollIntervalMs: 365 * DAY_MS }
const coreOf = (world: World): NonNullable<ReturnType<World['engine']['getCore']>> => world.engine.getCore()!
const delivery = (change: Partial<DeliveryConfig>): { delivery: DeliveryConfig } => ({
	delivery: { ...DEFAULT_DELIVERY, ...change },
})

const names = (world: World): string[] => world.arrivals.map((one) => (one.record as { name?: string }).name ?? '')
const queued = (world: World): number[] =>
	getNotificationPage(coreOf(world), { pageSize: 100, statuses: ['queued'] }).notifications.map((one) => one.id)

/** Something was asked of the object: its doorbells ring. */
async function letGo(world: World, ms = MINUTE_MS): Promise<void> {
	await world.engine.sendDueDoorbell(coreOf(world))
	world.engine.updateAlarm(coreOf(world))
	await world.advance(ms)
}

describe('the failure policy', () => {
	test('queue: one try, then queued until it is released; its object moves on meanwhile', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ failurePolicy: 'queue' }) })
		const [id] = liveIds(world, 'products')
		let tries = 0
		world.answer = () => (tries++, 404)
		await edit(world, id!, 'One')
		await world.advance(2 * DAY_MS)
		expect(tries).toBe(1)
		expect(queued(world)).toEqual([7_000_000_001])
		expect(getSubscriptionReports(coreOf(world))).toMatchObject([{ active: true, lastStatus: '404' }])
		world.answer = () => 204
		await edit(world, id!, 'Two')
		expect(names(world)).toEqual(['Two'])
		expect(releaseSubscriptions(coreOf(world), {})).toBe(1)
		await letGo(world)
		expect(names(world)).toEqual(['Two', 'One'])
		expect(queued(world)).toEqual([])
	})

	test('retry on a list of seconds: tried exactly then, dead with nothing delivered meanwhile, and the subscription with it', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ schedule: [10, 100] }) })
		const [id] = liveIds(world, 'products')
		const tries: number[] = []
		world.answer = () => (tries.push(world.nowMs), 404)
		await edit(world, id!, 'One')
		await world.advance(DAY_MS)
		expect(tries.slice(1).map((at, index) => Math.round((at - tries[index]! - 20) / 1000))).toEqual([10, 100])
		expect(getSubscriptionReports(coreOf(world))).toMatchObject([
			{ active: false, reason: expect.stringContaining('404') },
		])
		expect(buildHealth(coreOf(world)).state).toBe('deactivated')
		expect(getAttempts(coreOf(world).ports.sql, 1)).toMatchObject([
			{ number: 1, status: 404, url: 'https://callback.example.com/hook' },
			{ number: 2, status: 404 },
			{ number: 3, status: 404, delivered: false, error: null },
		])
	})

	test('what comes after a deactivation is queued, and a release sends all of it in order, once', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ schedule: [] }) })
		const [first, second] = liveIds(world, 'products')
		world.answer = () => 404
		await edit(world, first!, 'A1')
		for (const name of ['A2', 'A3']) await edit(world, first!, name)
		await edit(world, second!, 'B1')
		expect(queued(world)).toHaveLength(4)
		expect(buildHealth(coreOf(world)).callback.waiting).toBe(4)
		world.answer = () => 204
		expect(releaseSubscriptions(coreOf(world), { url: 'https://elsewhere.example.com' })).toBe(0)
		expect(releaseSubscriptions(coreOf(world), { url: 'https://callback.example.com/hook' })).toBe(4)
		await letGo(world)
		expect(names(world).filter((name) => name.startsWith('A'))).toEqual(['A1', 'A2', 'A3'])
		expect(names(world)).toHaveLength(4)
		await expectCleanJudgement(world, { products: 'products' })
		expect(getResends(coreOf(world))).toMatchObject([{ kind: 'release', status: 'done', total: 4, left: 0, failed: 0 }])
	})

	test('an eviction right after a release loses nothing of it', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ schedule: [] }) })
		const [first] = liveIds(world, 'products')
		world.answer = () => 404
		for (const name of ['A1', 'A2', 'A3']) await edit(world, first!, name)
		world.answer = () => 204
		releaseSubscriptions(coreOf(world), {})
		world.evict()
		world.engine.updateAlarm(coreOf(world))
		await world.advance(MINUTE_MS)
		world.evict()
		await world.advance(MINUTE_MS)
		expect(names(world)).toEqual(['A1', 'A2', 'A3'])
	})
})

/** How an attempt of a consumer of the test's own ended. */
const ended = (world: World, delivered: boolean) => ({
	delivered,
	status: delivered ? 204 : 404,
	error: null,
	retryAfterMs: null,
	durationMs: 1,
	startedMs: world.nowMs,
	body: '',
	directive: null,
})

test('a failure that is reported twice counts once, also when its notification is being sent again', async () => {
	const world = await worldAfterBaseline({ ...quietly, config: delivery({ schedule: [60] }) })
	const [id] = liveIds(world, 'products')
	world.losesDoorbell = () => true
	await edit(world, id!, 'One')
	await world.engine.claim(6)
	const first = await world.engine.settle(1, 1, ended(world, false), false)
	world.nowMs += 10_000
	expect(await world.engine.settle(1, 1, ended(world, false), false)).toEqual(first)
	world.nowMs += MINUTE_MS
	await world.engine.claim(6)
	await world.engine.settle(1, 2, ended(world, false), false)
	expect(getSubscriptionReports(coreOf(world))).toMatchObject([{ active: false }])
	releaseSubscriptions(coreOf(world), {})
	await world.engine.settle(1, 2, ended(world, false), false)
	expect(getSubscriptionReports(coreOf(world))).toMatchObject([{ active: true }])
	expect(getNotificationReport(coreOf(world), 1)).toMatchObject({ status: 'waiting' })
})

test('a success that comes late from one release ends the next one too', async () => {
	const world = await worldAfterBaseline({ ...quietly, config: delivery({ failurePolicy: 'queue' }) })
	const [id] = liveIds(world, 'products')
	world.losesDoorbell = () => true
	for (const name of ['One', 'Two']) await edit(world, id!, name)
	await world.engine.claim(6)
	await world.engine.settle(1, 1, ended(world, false), false)
	releaseSubscriptions(coreOf(world), {})
	// The second event is under way, and the first one's release waits for it; then it is tried, and its consumer is slow.
	await world.engine.claim(6)
	await world.engine.settle(2, 1, ended(world, true), false)
	await world.engine.claim(6)
	world.nowMs += MINUTE_MS
	await world.engine.claim(6)
	await world.engine.settle(1, 3, ended(world, false), false)
	await edit(world, id!, 'Three')
	releaseSubscriptions(coreOf(world), {})
	expect(getResends(coreOf(world))).toMatchObject([
		{ id: 2, status: 'running', left: 1 },
		{ id: 1, status: 'done' },
	])
	await world.engine.settle(1, 2, ended(world, true), false)
	expect(getResends(coreOf(world))).toMatchObject([{ id: 2, status: 'done', left: 0 }, { id: 1 }])
	expect(coreOf(world).state.resending).toBe(0)
})

describe('the answer header webhook-delivery', () => {
	test('abort ends the tries of this notification alone, disable deactivates, retry goes on after 410', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		const said = (directive: 'abort' | 'disable' | 'retry', status: number) => ({
			delivered: false,
			status,
			error: null,
			retryAfterMs: null,
			durationMs: 1,
			startedMs: world.nowMs,
			body: '',
			directive,
		})
		world.losesDoorbell = () => true
		await edit(world, id!, 'One')
		await world.engine.claim(6)
		await world.engine.settle(1, 1, said('abort', 404), false)
		expect(queued(world)).toEqual([7_000_000_001])
		expect(getSubscriptionReports(coreOf(world))[0]!.active).toBe(true)
		await edit(world, id!, 'Two')
		await world.engine.claim(6)
		expect(await world.engine.settle(2, 1, said('retry', 410), false)).toMatchObject({ retryAtMs: expect.any(Number) })
		expect(getSubscriptionReports(coreOf(world))[0]!.active).toBe(true)
		world.nowMs += HOUR_MS
		await world.engine.claim(6)
		await world.engine.settle(2, 2, said('disable', 500), false)
		expect(getSubscriptionReports(coreOf(world))[0]).toMatchObject({
			active: false,
			reason: expect.stringContaining('webhook-delivery'),
		})
	})
})

describe('further subscriptions', () => {
	const other = { number: 9, url: 'https://second.example.com/in', topics: null }

	test('are each sent everything from when they began; one that is dead holds up no other', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ schedule: [60] }) })
		const [id] = liveIds(world, 'products')
		await edit(world, id!, 'One')
		await world.configure({ others: [other] })
		world.answer = ({ url }) => (url === other.url ? 204 : 404)
		await edit(world, id!, 'Two')
		await edit(world, id!, 'Three')
		await world.advance(MINUTE_MS)
		const second = world.arrivals.filter((one) => one.url === other.url)
		expect(second.map((one) => (one.record as { name: string }).name)).toEqual(['Two', 'Three'])
		// Its first event follows nothing that it was sent.
		expect(second.map((one) => (one as unknown as { previousSequence?: number }).previousSequence)).toEqual([
			undefined,
			2,
		])
		expect(getSubscriptionReports(coreOf(world))).toMatchObject([
			{ url: 'https://callback.example.com/hook', number: 1 },
			{ url: other.url, number: 9, active: true },
		])
		await world.configure({ others: [] })
		expect(getSubscriptionReports(coreOf(world))).toHaveLength(1)
	})

	test('do not get what is the callback’s alone', async () => {
		const world = await worldAfterBaseline({
			...quietly,
			config: {
				others: [other],
				configuration: { 'event.notification.basic.username': 'me', 'event.notification.signature.key': 'k' },
			},
		})
		world.losesDoorbell = () => true
		const [id] = liveIds(world, 'products')
		await edit(world, id!, 'One')
		const answer = await world.engine.claim(6)
		if (answer === 'unknown') throw new Error('unknown')
		const byUrl = new Map(answer.claims.map((claim) => [claim.url, claim.configuration]))
		expect(byUrl.get('https://callback.example.com/hook')).toMatchObject({ 'event.notification.basic.username': 'me' })
		expect(byUrl.get(other.url)).toEqual({ 'event.notification.signature.key': 'k' })
	})

	test('one that is removed drops what was meant for it alone', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: { others: [other] } })
		const [id] = liveIds(world, 'products')
		world.answer = ({ url }) => (url === other.url ? 404 : 204)
		await edit(world, id!, 'One')
		await world.configure({ others: [] })
		world.answer = () => 204
		await world.advance(DAY_MS)
		expect(world.arrivals.map((one) => one.url)).toEqual(['https://callback.example.com/hook'])
		expect(coreOf(world).state.unsettled).toEqual([])
	})
})

describe('a filter', () => {
	const filter = (change: Partial<SendFilter>): { delivery: DeliveryConfig } =>
		delivery({ filter: { ...NO_FILTER, ...change } })

	test('by type sends only those, and what follows them follows the last one sent', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: filter({ types: ['CREATED', 'DELETED'] }) })
		const { id } = world.store.act({ do: 'create', resource: 'products' })[0]!
		await poll(world)
		for (const name of ['One', 'Two']) await edit(world, id, name)
		world.store.act({ do: 'trash', resource: 'products', id })
		await world.advance(HOUR_MS)
		await poll(world)
		await world.advance(5 * MINUTE_MS)
		expect(arrivalsSince(world)).toEqual([`CREATED products ${id}`, `DELETED products ${id}`])
		const last = world.arrivals[1] as unknown as { objectSequence: number; previousSequence: number }
		expect(last).toMatchObject({ objectSequence: 4, previousSequence: 1 })
		const log = getEventPage(coreOf(world), { pageSize: 10 }).events
		expect(log.map((one) => one.status)).toEqual(['NOTIFIED', 'NEW', 'NEW', 'NOTIFIED'])
	})

	test('by condition looks into the record, also of what had to wait', async () => {
		const where = parseWhere("name = 'Wanted'")
		if (!where.ok) throw new Error(where.message)
		const world = await worldAfterBaseline({ ...quietly, config: filter({ where: where.conditions }) })
		const [id] = liveIds(world, 'products')
		world.answer = () => 404
		await edit(world, id!, 'Wanted')
		await edit(world, id!, 'Not wanted')
		await edit(world, id!, 'Wanted')
		world.answer = () => 204
		await world.advance(HOUR_MS)
		expect(names(world)).toEqual(['Wanted', 'Wanted'])
		expect(
			world.arrivals.map((one) => [
				one.objectSequence,
				(one as unknown as { previousSequence?: number }).previousSequence,
			]),
		).toEqual([
			[1, undefined],
			[3, 1],
		])
		expect(coreOf(world).ports.sql.all('SELECT * FROM waiting')).toEqual([])
	})
})

describe('coalescing', () => {
	test('sends only the newest of what waited, marked; what was made and gone meanwhile not at all', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ coalesce: true }) })
		const [id] = liveIds(world, 'products')
		world.answer = () => 404
		await edit(world, id!, 'One')
		for (const name of ['Two', 'Three', 'Four']) await edit(world, id!, name)
		world.answer = () => 204
		await world.advance(HOUR_MS)
		expect(names(world)).toEqual(['One', 'Four'])
		expect(world.arrivals[1]).toMatchObject({
			coalesced: 3,
			objectSequence: 4,
			previousSequence: 1,
			changedFields: ['name'],
		})
		const log = getEventPage(coreOf(world), { pageSize: 10 }).events
		expect(log.map((one) => one.status)).toEqual(['NOTIFIED', 'NOTIFIED', 'NOTIFIED', 'NOTIFIED'])
		await expectCleanJudgement(world, { products: 'products' })
	})
})

test('a thin notification has no records, and says where they are', async () => {
	const world = await worldAfterBaseline({ ...quietly, config: delivery({ mode: 'thin' }) })
	const [id] = liveIds(world, 'products')
	await edit(world, id!, 'One')
	expect(world.arrivals[0]!.record).toEqual({ id })
	const { eventId } = world.arrivals[0]!
	expect(world.arrivals[0]).toMatchObject({
		recordUrl: `https://bell.example.com/elements/api-v2/instances/7/events/${eventId}`,
	})
	// A new mode changes nothing that was formed before it.
	await world.configure(delivery({ mode: 'full' }))
	runReplay(coreOf(world), { notification: 1 }, false)
	await letGo(world)
	expect(world.arrivals[1]!.body).toBe(world.arrivals[0]!.body)
})

describe('a replay', () => {
	test('of one notification sends the same bytes once more, marked, and the log still says that it was delivered', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		await edit(world, id!, 'One')
		expect(runReplay(coreOf(world), { notification: 1 }, true)).toMatchObject({
			report: { id: null, status: 'dry-run', total: 1 },
		})
		expect(world.arrivals).toHaveLength(1)
		expect(runReplay(coreOf(world), { notification: 1 }, false)).toMatchObject({
			report: { status: 'running', total: 1, left: 1 },
		})
		expect(getEventPage(coreOf(world), { pageSize: 1 }).events[0]!.status).toBe('NOTIFIED')
		await letGo(world)
		expect(world.arrivals.map(({ attempt, replay: again }) => [attempt, again])).toEqual([
			[1, false],
			[2, true],
		])
		expect(world.arrivals[1]!.body).toBe(world.arrivals[0]!.body)
		expect(getResends(coreOf(world))).toMatchObject([{ status: 'done', left: 0, failed: 0 }])
		expect(getNotificationReport(coreOf(world), 1)).toMatchObject({
			status: 'delivered',
			attempts: 2,
			deliveredMs: world.arrivals[0]!.timeMs,
		})
	})

	test('keeps objects in order, and their new events wait until it is settled; others do not', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id, other] = liveIds(world, 'products')
		for (const name of ['One', 'Two', 'Three']) await edit(world, id!, name)
		let failures = 2
		world.answer = ({ body }) => (body.includes('"One"') && failures-- > 0 ? 404 : 204)
		runReplay(coreOf(world), { events: { objectId: String(id) } }, false)
		world.engine.updateAlarm(coreOf(world))
		world.store.act({ do: 'edit', resource: 'products', id: id!, set: { name: 'Four' } })
		world.store.act({ do: 'edit', resource: 'products', id: other!, set: { name: 'Other' } })
		await poll(world)
		expect(names(world).slice(3)).toEqual(['Other'])
		await world.advance(MINUTE_MS)
		expect(names(world).slice(4)).toEqual(['One', 'Two', 'Three', 'Four'])
		await expectCleanJudgement(world, { products: 'products' })
	})

	test('of all that failed since a time sends what is queued since then', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ failurePolicy: 'queue' }) })
		const [first, second] = liveIds(world, 'products')
		world.answer = () => 404
		await edit(world, first!, 'Old')
		await world.advance(HOUR_MS)
		const sinceMs = world.nowMs
		await edit(world, second!, 'New')
		world.answer = () => 204
		expect(runReplay(coreOf(world), { failedSinceMs: sinceMs }, false)).toMatchObject({ report: { total: 1 } })
		await letGo(world)
		expect(names(world)).toEqual(['New'])
	})

	test('by a filter of the log takes what it names', async () => {
		const world = await worldAfterBaseline(quietly)
		const [first, second] = liveIds(world, 'products')
		await edit(world, first!, 'Blue lamp')
		const betweenMs = world.nowMs
		await edit(world, second!, 'Red lamp')
		const total = (events: NonNullable<Parameters<typeof runReplay>[1]['events']>): unknown => {
			const result = runReplay(coreOf(world), { events }, true)
			return result.ok ? result.report.total : result.reason
		}
		expect(total({})).toBe(2)
		expect(total({ text: 'blue' })).toBe(1)
		expect(total({ fromMs: betweenMs })).toBe(1)
		expect(total({ toMs: betweenMs })).toBe(1)
		expect(total({ types: ['CREATED'] })).toBe(0)
		expect(total({ resources: ['products'], types: ['UPDATED'] })).toBe(2)
		expect(total({ status: 'CONSUMED' })).toBe(0)
		expect(total({ status: 'NOTIFIED' })).toBe(2)
	})

	test('so many as the table of limits says run at a time', async () => {
		const world = await worldAfterBaseline(quietly)
		const id = liveIds(world, 'products')[0]!
		const moments: number[] = []
		for (let change = 0; change <= LIMITS.replays.value; change++) {
			moments.push(world.nowMs)
			await edit(world, id, `Lamp ${change}`)
		}
		// Of one change each: what is on its way already is none of the next one's.
		const begin = (change: number) =>
			runReplay(
				coreOf(world),
				{
					events: {
						fromMs: moments[change]!,
						...(change < LIMITS.replays.value ? { toMs: moments[change + 1]! } : {}),
					},
				},
				false,
			)
		for (let running = 0; running < LIMITS.replays.value; running++)
			expect(begin(running)).toMatchObject({ report: { status: 'running', total: 1 } })
		expect(begin(LIMITS.replays.value)).toEqual({ ok: false, reason: 'too-many' })
	})

	test('that fails to its last try leaves it delivered: it needs no release', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ failurePolicy: 'queue' }) })
		const [id] = liveIds(world, 'products')
		await edit(world, id!, 'One')
		world.answer = () => 404
		runReplay(coreOf(world), { notification: 1 }, false)
		await letGo(world)
		expect(getResends(coreOf(world))).toMatchObject([{ status: 'done', left: 0, failed: 1 }])
		expect(getNotificationReport(coreOf(world), 1)).toMatchObject({
			status: 'delivered',
			attempts: 2,
			deliveredMs: world.arrivals[0]!.timeMs,
		})
		expect(queued(world)).toEqual([])
	})

	test('that is cancelled in the middle of an attempt lets the object go on when its lease ends', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		await edit(world, id!, 'One')
		world.losesDoorbell = () => true
		runReplay(coreOf(world), { notification: 1 }, false)
		await world.engine.claim(6)
		await edit(world, id!, 'Two')
		cancelResend(coreOf(world), 1)
		world.nowMs += MINUTE_MS
		expect(await world.engine.claim(6)).toMatchObject({ claims: [] })
		expect(getNotificationReport(coreOf(world), 1)).toMatchObject({ status: 'delivered' })
		const claimed = await world.engine.claim(6)
		expect(claimed).toMatchObject({ claims: [{ body: expect.stringContaining('"Two"') }] })
	})

	test('that fails, and is cancelled, leaves what it had delivered before as delivered', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		for (const name of ['One', 'Two']) await edit(world, id!, name)
		world.answer = () => 404
		runReplay(coreOf(world), { events: {} }, false)
		await letGo(world)
		expect(getResends(coreOf(world))).toMatchObject([{ status: 'running', total: 2, left: 2 }])
		expect(cancelResend(coreOf(world), 1)).toMatchObject({ status: 'cancelled', left: 0 })
		await world.advance(DAY_MS)
		expect(world.arrivals).toHaveLength(2)
		expect(coreOf(world).state.unsettled).toEqual([])
		expect(getEventPage(coreOf(world), { pageSize: 5 }).events.map((one) => one.status)).toEqual([
			'NOTIFIED',
			'NOTIFIED',
		])
		world.answer = () => 204
		await edit(world, id!, 'Three')
		expect(names(world)).toEqual(['One', 'Two', 'Three'])
	})
})

test('an object that is erased leaves its ids: records, answers and samples go, also from what is under way', async () => {
	const world = await worldAfterBaseline(quietly)
	const [id, other] = liveIds(world, 'products')
	world.answer = () => 404
	await edit(world, id!, 'Secret')
	await edit(world, other!, 'Kept')
	expect(eraseObjectContent(coreOf(world), 'products', String(id))).toBe(1)
	world.answer = () => 204
	await world.advance(HOUR_MS)
	const erased = world.arrivals.find((one) => one.objectId === String(id))
	expect(erased).toMatchObject({ erased: true, record: { id, erased: true } })
	expect(world.arrivals.find((one) => one.objectId === String(other))!.record).toMatchObject({ name: 'Kept' })
	const kept = ['events', 'notifications', 'attempts', 'objects'].flatMap((table) =>
		coreOf(world).ports.sql.all(`SELECT * FROM ${table}`),
	)
	expect(JSON.stringify(kept)).not.toContain('Secret')
	expect(eraseObjectContent(coreOf(world), 'products', '999999')).toBe(0)
})

test('a test event goes the whole way, says that it is one, and counts for no object', async () => {
	const world = await worldAfterBaseline({
		...quietly,
		config: delivery({ filter: { ...NO_FILTER, types: ['DELETED'] } }),
	})
	const sent = enqueueTestEvent(coreOf(world))
	await letGo(world)
	expect(world.arrivals).toMatchObject([{ eventId: sent!.eventId, test: true, record: { test: true } }])
	await world.configure({ callbackUrl: null })
	expect(enqueueTestEvent(coreOf(world))).toBeNull()
})

describe('retention', () => {
	test('drops after thirty days what was never delivered, and says so where the account listens', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: { ...delivery({ schedule: [] }), announces: true } })
		const [id] = liveIds(world, 'products')
		world.answer = () => 410
		await edit(world, id!, 'One')
		await world.advance(29 * DAY_MS)
		expect(queued(world)).toHaveLength(1)
		await world.advance(2 * DAY_MS)
		expect(queued(world)).toEqual([])
		const said = world.notices.map((one) => one.topic).filter((topic) => !topic.startsWith('instance.'))
		expect(said).toEqual(['subscription.deactivated', 'backlog.expired'])
	})

	test('counts every event that goes undelivered, and lets the next one of the object go', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: { ...delivery({ schedule: [60] }), announces: true } })
		const [first, second] = liveIds(world, 'products')
		world.losesDoorbell = () => true
		for (const id of [first!, second!]) world.store.act({ do: 'edit', resource: 'products', id, set: { name: 'Lost' } })
		await poll(world)
		world.nowMs += 20 * DAY_MS
		await edit(world, first!, 'Waits')
		world.nowMs += 11 * DAY_MS
		await world.alarm()
		expect(coreOf(world).state.counters.expired).toBe(2)
		world.losesDoorbell = () => false
		await world.advance(HOUR_MS)
		expect(names(world)).toEqual(['Waits'])
		// What is missing shows.
		expect(world.arrivals[0]).toMatchObject({ objectSequence: 2, previousSequence: 1 })
	})

	test('keeps a notification until its youngest event has had its thirty days', async () => {
		const world = await worldAfterBaseline(quietly)
		const [id] = liveIds(world, 'products')
		world.losesDoorbell = () => true
		await edit(world, id!, 'One')
		await world.engine.claim(6)
		await edit(world, id!, 'Two')
		world.nowMs += 20 * DAY_MS
		await edit(world, id!, 'Three')
		// The second and the third are in one notification from now on.
		await world.engine.settle(1, 1, ended(world, true), false)
		world.nowMs += 11 * DAY_MS
		await world.alarm()
		expect(coreOf(world).state.counters.expired).toBe(0)
		world.losesDoorbell = () => false
		await world.advance(HOUR_MS)
		expect(names(world)).toEqual(['Two', 'Three'])
	})

	test('from 6 GB on takes the records off what is settled, not off what waits', async () => {
		const world = await worldAfterBaseline({ ...quietly, config: delivery({ failurePolicy: 'queue' }) })
		const [first, second] = liveIds(world, 'products')
		await edit(world, first!, 'Sent')
		world.answer = () => 404
		await edit(world, second!, 'Waits')
		world.storedBytes = 6.5e9
		await world.advance(2 * HOUR_MS)
		const log = getEventPage(coreOf(world), { pageSize: 5 }).events
		expect(log.map((one) => [one.objectId, one.record === null])).toEqual([
			[String(second), false],
			[String(first), true],
		])
		world.answer = () => 204
		releaseSubscriptions(coreOf(world), {})
		await letGo(world)
		expect(names(world)).toEqual(['Sent', 'Waits'])
	})
})
